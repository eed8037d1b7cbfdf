/* tests/keras_conformance_test.c - Keras models in their three file forms against Keras's own predictions. A case
 * made of supported layers agrees; another is refused with a message that names each layer it lacks.
 * By hand: keras_conformance_test -v.     SPDX-License-Identifier: Apache-2.0 */
#include "conformance.h"
#include "support.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool verbose;

/* Layers that must load: SURVEY's first tier. */
static const char *const tier_1[] = {
    "InputLayer", "Dense", "Conv2D", "DepthwiseConv2D", "BatchNormalization", "Activation", "ReLU", "Add", "Flatten",
    "Reshape", "Dropout", "AveragePooling2D", "MaxPooling2D", "GlobalAveragePooling2D", "ZeroPadding2D", "Concatenate",
    "Softmax", "Sequential", "Functional", "Model"};

static bool all_tier_1(const json_t *layers)
{
    size_t i;
    json_t *item;

    json_array_foreach(layers, i, item) {
        bool found = false;
        for (size_t k = 0; k < MWI_COUNT(tier_1); k++) found = found || strcmp(tier_1[k], json_string_value(item)) == 0;
        if (!found) return false;
    }
    return true;
}

/* Opens the file; for a .npy per input runs and compares. */
static verdict run_case(const char *folder, const json_t *root, char *why, size_t why_bytes)
{
    char path[8192];
    mw_ctx *const ctx = test_ctx();
    mw_model *m = NULL;
    mw_session *s = NULL;
    verdict v = AGREES;
    const json_t *const t = json_object_get(root, "tolerance");
    const tolerance tol = {.exact = json_is_true(json_object_get(t, "exact")),
                           .max_abs = json_number_value(json_object_get(t, "max_abs")),
                           .max_ulp = json_integer_value(json_object_get(t, "max_ulp"))};
    mw_array in[8] = {{0}};
    mw_shape shapes[8];

    (void)snprintf(path, sizeof path, "%s/%s", folder, json_string_value(json_object_get(root, "file")));
    if (mw_model_load(ctx, path, NULL, &m) != MW_OK || mw_session_create(ctx, m, NULL, &s) != MW_OK) v = REFUSED;
    for (size_t i = 0; v == AGREES && i < mw_session_n_inputs(s) && i < 8; i++) {
        (void)snprintf(path, sizeof path, "%s/in_%zu.npy", folder, i);
        assert_ok(ctx, mw_array_load(ctx, path, &in[i]));
        shapes[i].rank = in[i].rank;
        memcpy(shapes[i].dims, in[i].dims, sizeof shapes[i].dims);
    }
    if (v == AGREES && mw_session_resize(ctx, s, shapes) != MW_OK) v = REFUSED;
    for (size_t i = 0; v == AGREES && i < mw_session_n_inputs(s); i++) {
        mw_buffer b;
        assert_ok(ctx, mw_session_input(ctx, s, i, &b));
        assert_int_equal(b.bytes, in[i].bytes);
        memcpy(b.data, in[i].data, b.bytes);
    }
    if (v == AGREES && mw_session_run(ctx, s) != MW_OK) v = REFUSED;
    (void)snprintf(why, why_bytes, "%s", mw_ctx_error(ctx));
    for (size_t i = 0; v == AGREES && i < mw_session_n_outputs(s); i++) {
        mw_array e;
        mw_buffer b;
        size_t where = 0;
        (void)snprintf(path, sizeof path, "%s/out_%zu.npy", folder, i);
        assert_ok(ctx, mw_array_load(ctx, path, &e));
        assert_ok(ctx, mw_session_output(ctx, s, i, &b));
        if (b.bytes != e.bytes || b.info.rank != e.rank) v = DIFFERS, (void)snprintf(why, why_bytes, "output %zu: another shape", i);
        else if (!arrays_agree(e.dtype, b.data, e.data, e.bytes / 4, &tol, &where)) {
            v = DIFFERS;
            (void)snprintf(why, why_bytes, "output %zu element %zu: %g, expected %g", i, where, element_at(e.dtype, b.data, where),
                           element_at(e.dtype, e.data, where));
        }
        mw_array_free(&e);
    }
    for (size_t i = 0; i < 8; i++) mw_array_free(&in[i]);
    mw_session_destroy(s);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
    return v;
}

static void keras_models_predict_as_keras_does(void **state)
{
    char path[4096], why[2048];
    size_t n, counts[3] = {0}, bad = 0;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/corpus/keras", test_shared_dir());
    char **const models = list_folders(path, &n);
    for (size_t i = 0; i < n; i++) {
        size_t k_n;
        (void)snprintf(path, sizeof path, "%s/corpus/keras/%s", test_shared_dir(), models[i]);
        char **const forms = list_folders(path, &k_n);
        for (size_t k = 0; k < k_n; k++) {
            char json_path[4200];
            (void)snprintf(path, sizeof path, "%s/corpus/keras/%s/%s", test_shared_dir(), models[i], forms[k]);
            (void)snprintf(json_path, sizeof json_path, "%s/case.json", path);
            json_t *const root = json_load_file(json_path, 0, NULL);
            const verdict v = run_case(path, root, why, sizeof why);
            const bool must = all_tier_1(json_object_get(root, "layers"));
            const bool named = strstr(why, "layer") != NULL;
            counts[v]++;
            if (v == DIFFERS || (v == REFUSED && (must || !named))) bad++;
            if (v == DIFFERS || (v == REFUSED && (must || !named || verbose))) {
                const char *const tail = strlen(why) > 60 && strstr(why, "model.") != NULL ? strstr(why, "model.") : why;
                print_message("%s/%s%s: %s %s\n", models[i], forms[k], must ? " (tier 1)" : "", v == DIFFERS ? "DIFFERS" : "refused", tail);
            }
            json_decref(root);
        }
        free_list(forms, k_n);
    }
    free_list(models, n);
    print_message("%zu agree, %zu differ, %zu refused\n", counts[AGREES], counts[DIFFERS], counts[REFUSED]);
    assert_int_equal(bad, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keras_models_predict_as_keras_does)};

    for (int i = 1; i < argc; i++) verbose = verbose || strcmp(argv[i], "-v") == 0;
    if (test_shared_dir() == NULL) test_skip("the shared material is not here");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
