/* tests/keras_conformance_test.c - Keras models in their three file forms against Keras's own
 * predictions. A case made of supported layers agrees; another is refused with a message that
 * names each layer it lacks.
 * By hand: keras_conformance_test -v.   SPDX-License-Identifier: Apache-2.0 */
#include "conformance.h"
#include "support.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool verbose;

/* Layers that must load: SURVEY's first tier. */
static const char *const tier_1[] = {"InputLayer",
                                     "Dense",
                                     "Conv2D",
                                     "DepthwiseConv2D",
                                     "BatchNormalization",
                                     "Activation",
                                     "ReLU",
                                     "Add",
                                     "Flatten",
                                     "Reshape",
                                     "Dropout",
                                     "AveragePooling2D",
                                     "MaxPooling2D",
                                     "GlobalAveragePooling2D",
                                     "ZeroPadding2D",
                                     "Concatenate",
                                     "Softmax",
                                     "Sequential",
                                     "Functional",
                                     "Model"};

static bool all_tier_1(const json_t *layers)
{
    size_t i;
    json_t *item;

    json_array_foreach(layers, i, item)
    {
        bool found = false;
        for (size_t k = 0; k < MWI_COUNT(tier_1); k++)
            found = found || strcmp(tier_1[k], json_string_value(item)) == 0;
        if (!found) return false;
    }
    return true;
}

enum { MAX_ENDS = 8 };

/* What a case holds and what the model made of it. */
typedef struct kase {
    mw_ctx *ctx;
    mw_model *m;
    mw_session *s;
    mw_array in[MAX_ENDS], expected[MAX_ENDS];
    void *got[MAX_ENDS];
} kase;

static bool load_arrays(kase *k, const char *folder)
{
    char path[8192];

    if (mw_session_n_inputs(k->s) > MAX_ENDS || mw_session_n_outputs(k->s) > MAX_ENDS) return false;
    for (size_t i = 0; i < mw_session_n_inputs(k->s); i++) {
        (void)snprintf(path, sizeof path, "%s/in_%zu.npy", folder, i);
        assert_ok(k->ctx, mw_array_load(k->ctx, path, &k->in[i]));
    }
    for (size_t i = 0; i < mw_session_n_outputs(k->s); i++) {
        (void)snprintf(path, sizeof path, "%s/out_%zu.npy", folder, i);
        assert_ok(k->ctx, mw_array_load(k->ctx, path, &k->expected[i]));
        k->got[i] = calloc(1, k->expected[i].bytes + 1);
        assert_non_null(k->got[i]);
    }
    return true;
}

/* All samples in one run of the inputs' shapes. */
static mw_status run_resized(kase *k)
{
    mw_shape shapes[MAX_ENDS];
    mw_buffer b;

    for (size_t i = 0; i < mw_session_n_inputs(k->s); i++) {
        shapes[i].rank = k->in[i].rank;
        memcpy(shapes[i].dims, k->in[i].dims, sizeof shapes[i].dims);
    }
    MWI_TRY(mw_session_resize(k->ctx, k->s, shapes));
    for (size_t i = 0; i < mw_session_n_inputs(k->s); i++) {
        MWI_TRY(mw_session_input(k->ctx, k->s, i, &b));
        assert_int_equal(b.bytes, k->in[i].bytes);
        memcpy(b.data, k->in[i].data, b.bytes);
    }
    MWI_TRY(mw_session_run(k->ctx, k->s));
    for (size_t i = 0; i < mw_session_n_outputs(k->s); i++) {
        MWI_TRY(mw_session_output(k->ctx, k->s, i, &b));
        if (b.bytes == k->expected[i].bytes && b.info.rank == k->expected[i].rank)
            memcpy(k->got[i], b.data, b.bytes);
    }
    return MW_OK;
}

/* As `milliwatt run` does where the graph holds its batch in constants. */
static mw_status run_batch(kase *k)
{
    const void *in[MAX_ENDS];
    const size_t n = (size_t)k->in[0].dims[0];

    for (size_t i = 0; i < mw_session_n_inputs(k->s); i++) {
        in[i] = k->in[i].data;
        assert_int_equal(mw_session_input_sample_bytes(k->s, i) * n, k->in[i].bytes);
    }
    for (size_t i = 0; i < mw_session_n_outputs(k->s); i++)
        assert_int_equal(mw_session_output_sample_bytes(k->s, i) * n, k->expected[i].bytes);
    return mw_session_run_batch(k->ctx, k->s, n, in, k->got);
}

static verdict compare(const kase *k, const tolerance *tol, char *why, size_t why_bytes)
{
    for (size_t i = 0; i < mw_session_n_outputs(k->s); i++) {
        const mw_array *const e = &k->expected[i];
        size_t where = 0;

        assert_int_equal(e->dtype, MW_FLOAT32);
        if (arrays_agree(e->dtype, k->got[i], e->data, e->bytes / 4, tol, &where)) continue;
        (void)snprintf(why, why_bytes, "output %zu element %zu: %g, expected %g", i, where,
                       element_at(e->dtype, k->got[i], where),
                       element_at(e->dtype, e->data, where));
        return DIFFERS;
    }
    return AGREES;
}

static verdict run_case(const char *folder, const json_t *root, char *why, size_t why_bytes)
{
    char path[8192];
    kase k = {.ctx = test_ctx()};
    verdict v = REFUSED;
    const json_t *const t = json_object_get(root, "tolerance");
    const tolerance tol = {.exact = json_is_true(json_object_get(t, "exact")),
                           .max_abs = json_number_value(json_object_get(t, "max_abs")),
                           .max_ulp = json_integer_value(json_object_get(t, "max_ulp"))};

    (void)snprintf(path, sizeof path, "%s/%s", folder,
                   json_string_value(json_object_get(root, "file")));
    if (mw_model_load(k.ctx, path, NULL, &k.m) == MW_OK &&
        mw_session_create(k.ctx, k.m, NULL, &k.s) == MW_OK && load_arrays(&k, folder) &&
        (run_resized(&k) == MW_OK || run_batch(&k) == MW_OK))
        v = compare(&k, &tol, why, why_bytes);
    else
        (void)snprintf(why, why_bytes, "%s", mw_ctx_error(k.ctx));
    for (size_t i = 0; i < MAX_ENDS; i++)
        mw_array_free(&k.in[i]), mw_array_free(&k.expected[i]), free(k.got[i]);
    mw_session_destroy(k.s);
    mw_model_destroy(k.m);
    mw_ctx_destroy(k.ctx);
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
            (void)snprintf(path, sizeof path, "%s/corpus/keras/%s/%s", test_shared_dir(), models[i],
                           forms[k]);
            (void)snprintf(json_path, sizeof json_path, "%s/case.json", path);
            json_t *const root = json_load_file(json_path, 0, NULL);
            const verdict v = run_case(path, root, why, sizeof why);
            const bool must = all_tier_1(json_object_get(root, "layers"));
            const bool named = strstr(why, "layer") != NULL;
            counts[v]++;
            if (v == DIFFERS || (v == REFUSED && (must || !named))) bad++;
            if (v == DIFFERS || (v == REFUSED && (must || !named || verbose))) {
                const char *const tail =
                    strlen(why) > 60 && strstr(why, "model.") != NULL ? strstr(why, "model.") : why;
                print_message("%s/%s%s: %s %s\n", models[i], forms[k], must ? " (tier 1)" : "",
                              v == DIFFERS ? "DIFFERS" : "refused", tail);
            }
            json_decref(root);
        }
        free_list(forms, k_n);
    }
    free_list(models, n);
    print_message("%zu agree, %zu differ, %zu refused\n", counts[AGREES], counts[DIFFERS],
                  counts[REFUSED]);
    assert_int_equal(bad, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keras_models_predict_as_keras_does)};

    for (int i = 1; i < argc; i++) verbose = verbose || strcmp(argv[i], "-v") == 0;
    if (test_shared_dir() == NULL) test_skip("the shared material is not here");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
