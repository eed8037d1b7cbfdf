/* tests/keras_conformance_test.c - Keras models in their three file forms against Keras's own
 * predictions. Every case agrees, or says that it is refused: as not supported, with a message that
 * names each class that has no row.
 * By hand: keras_conformance_test -v.   SPDX-License-Identifier: Apache-2.0 */
#include "conformance.h"
#include "formats/keras/layer.h"
#include "support.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool verbose;

enum { MAX_ENDS = 32 };

/* What a case holds and what the model made of it. */
typedef struct kase {
    mw_ctx *ctx;
    mw_model *m;
    mw_session *s;
    mw_array in[MAX_ENDS], expected[MAX_ENDS];
    void *got[MAX_ENDS];
} kase;

/* "in_0.npy", and of the second invocation "in_0.s1.npy". */
static void load_array(const kase *k, const char *folder, const char *what, size_t i, size_t turn,
                       mw_array *out)
{
    char path[8192];

    if (turn == 0)
        (void)snprintf(path, sizeof path, "%s/%s_%zu.npy", folder, what, i);
    else
        (void)snprintf(path, sizeof path, "%s/%s_%zu.s%zu.npy", folder, what, i, turn);
    mw_array_free(out);
    assert_ok(k->ctx, mw_array_load(k->ctx, path, out));
}

static bool load_arrays(kase *k, const char *folder, size_t turn)
{

    if (mw_session_n_inputs(k->s) > MAX_ENDS || mw_session_n_outputs(k->s) > MAX_ENDS) return false;
    for (size_t i = 0; i < mw_session_n_inputs(k->s); i++)
        load_array(k, folder, "in", i, turn, &k->in[i]);
    for (size_t i = 0; i < mw_session_n_outputs(k->s); i++) {
        load_array(k, folder, "out", i, turn, &k->expected[i]);
        free(k->got[i]);
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

/* What is refused is valid but not supported, and the message names each class of the model that
 * has no row. */
static bool names_all(mw_status st, const json_t *layers, const char *why)
{
    size_t i;
    json_t *item;

    if (st != MW_EUNSUPPORTED) return false;
    json_array_foreach(layers, i, item)
    {
        const char *const name = json_string_value(item);
        if (mwi_keras_row_of(name) == NULL && strstr(why, name) == NULL) return false;
    }
    return true;
}

static mw_status run_any(kase *k)
{
    const mw_status st = run_resized(k);

    if (st == MW_OK) return st;
    mw_ctx_clear(k->ctx);
    return run_batch(k);
}

/* One run after another; those of a stateful model once more from its first state. */
static mw_status run_turns(kase *k, const char *folder, size_t n, const tolerance *tol, verdict *v,
                           char *why, size_t why_bytes)
{
    *v = AGREES;
    for (size_t i = 0; i < (n > 1 ? 2 * n : 1) && *v == AGREES; i++) {
        if (i == n) MWI_TRY(mw_session_reset(k->ctx, k->s));
        assert_true(load_arrays(k, folder, i % n));
        MWI_TRY(run_any(k));
        *v = compare(k, tol, why, why_bytes);
    }
    return MW_OK;
}

static verdict run_case(const char *folder, const json_t *root, char *why, size_t why_bytes)
{
    char path[8192];
    mw_status st;
    kase k = {.ctx = test_ctx()};
    verdict v = REFUSED;
    const json_t *const t = json_object_get(root, "tolerance");
    const tolerance tol = {.exact = json_is_true(json_object_get(t, "exact")),
                           .max_abs = json_number_value(json_object_get(t, "max_abs")),
                           .max_ulp = json_integer_value(json_object_get(t, "max_ulp"))};

    (void)snprintf(path, sizeof path, "%s/%s", folder,
                   json_string_value(json_object_get(root, "file")));
    st = mw_model_load(k.ctx, path, NULL, &k.m);
    if (st == MW_OK) st = mw_session_create(k.ctx, k.m, NULL, &k.s);
    const json_int_t turns = json_integer_value(json_object_get(root, "invocations"));
    if (st == MW_OK)
        st = run_turns(&k, folder, turns > 1 ? (size_t)turns : 1, &tol, &v, why, why_bytes);
    if (st != MW_OK) {
        v = REFUSED;
        (void)snprintf(why, why_bytes, "%s", mw_ctx_error(k.ctx));
    }
    if (v == REFUSED && !names_all(st, json_object_get(root, "layers"), why)) v = DIFFERS;
    for (size_t i = 0; i < MAX_ENDS; i++)
        mw_array_free(&k.in[i]), mw_array_free(&k.expected[i]), free(k.got[i]);
    mw_session_destroy(k.s);
    mw_model_destroy(k.m);
    mw_ctx_destroy(k.ctx);
    return v;
}

/* All cases of a folder: one folder a model, in it one a file form. Gives how many are bad. */
static size_t run_folder(const char *folder, size_t counts[3])
{
    char path[4096], why[2048];
    size_t n, bad = 0;
    char **const models = list_folders(folder, &n);

    for (size_t i = 0; i < n; i++) {
        size_t k_n;
        (void)snprintf(path, sizeof path, "%s/%s", folder, models[i]);
        char **const forms = list_folders(path, &k_n);
        for (size_t k = 0; k < k_n; k++) {
            char json_path[4200];
            (void)snprintf(path, sizeof path, "%s/%s/%s", folder, models[i], forms[k]);
            (void)snprintf(json_path, sizeof json_path, "%s/case.json", path);
            json_t *const root = json_load_file(json_path, 0, NULL);
            const verdict v = run_case(path, root, why, sizeof why);
            const bool refused = json_is_true(json_object_get(root, "refused"));
            const bool is_bad = v != (refused ? REFUSED : AGREES);
            counts[v]++;
            bad += is_bad;
            if (is_bad || (v == REFUSED && verbose)) {
                const char *const tail =
                    strlen(why) > 60 && strstr(why, "model.") != NULL ? strstr(why, "model.") : why;
                print_message("%s/%s: %s %s\n", models[i], forms[k],
                              v == DIFFERS ? "DIFFERS" : "refused", tail);
            }
            json_decref(root);
        }
        free_list(forms, k_n);
    }
    free_list(models, n);
    return bad;
}

static void run_all(const char *folder)
{
    size_t counts[3] = {0};
    const size_t bad = run_folder(folder, counts);

    print_message("%zu agree, %zu differ, %zu refused\n", counts[AGREES], counts[DIFFERS],
                  counts[REFUSED]);
    assert_int_equal(bad, 0);
    assert_true(counts[AGREES] > 0);
}

static void own_models_predict_as_keras_does(void **state)
{
    char path[4096];

    (void)state;
    (void)snprintf(path, sizeof path, "%s/tests/data/keras", test_source_dir());
    run_all(path);
}

static void shared_models_predict_as_keras_does(void **state)
{
    char path[4096];

    (void)state;
    if (test_shared_dir() == NULL) test_skip_part("the shared material is not here");
    (void)snprintf(path, sizeof path, "%s/corpus/keras", test_shared_dir());
    run_all(path);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(own_models_predict_as_keras_does),
                                       cmocka_unit_test(shared_models_predict_as_keras_does)};

    for (int i = 1; i < argc; i++) verbose = verbose || strcmp(argv[i], "-v") == 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
