/* tests/quantize_keras_test.c - the Keras models of tests/data quantized: near the float model, by
 * the SQNR of their outputs. tests/quantize_keras.py holds the same against LiteRT.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conformance.h"
#include "support.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SAMPLES = 32, LEAST_MODELS = 20 };

static const struct {
    mw_quant_scheme scheme;
    const char *name;
    double least_db;
} schemes[] = {{MW_QUANT_INT8, "int8", 15},
               {MW_QUANT_INT16X8, "int16x8", 25},
               {MW_QUANT_DYNAMIC, "dynamic", 25}};

/* Samples like the case's own: of the same values, in another order. */
static mw_dataset *shuffled(mw_ctx *ctx, const mw_model *m, const char *folder, char path[64])
{
    mw_tensor_info info;
    mw_array a;
    mw_dataset *data;
    char in[4200];
    static float values[1 << 18];
    int32_t dims[MW_MAX_RANK];

    assert_ok(ctx, mw_model_input(ctx, m, 0, &info));
    (void)snprintf(in, sizeof in, "%s/in_0.npy", folder);
    assert_ok(ctx, mw_array_load(ctx, in, &a));
    size_t n = a.bytes / sizeof(float), one = n / (size_t)a.dims[0];
    assert_true(SAMPLES * one <= MWI_COUNT(values));
    for (size_t i = 0; i < SAMPLES * one; i++)
        values[i] = ((const float *)a.data)[(i * 7919 + i / n * 31) % n];
    memcpy(dims, a.dims, sizeof dims);
    dims[0] = SAMPLES;
    (void)snprintf(path, 64, "/tmp/quantize_keras_test_%ld.npy", (long)getpid());
    assert_ok(ctx, mw_array_save(ctx, path, MW_FLOAT32, a.rank, dims, values));
    mw_array_free(&a);
    const mw_dataset_options options = {.inputs = &info, .n_inputs = 1};
    assert_ok(ctx, mw_dataset_open(ctx, path, &options, &data));
    return data;
}

/* One input of real numbers. */
static bool is_suited(mw_ctx *ctx, const mw_model *m)
{
    mw_tensor_info info;

    if (mw_model_n_inputs(m) != 1) return false;
    assert_ok(ctx, mw_model_input(ctx, m, 0, &info));
    return info.dtype == MW_FLOAT32;
}

/* Counts what is too far from the float model. */
static size_t check_model(mw_ctx *ctx, const mw_model *m, mw_dataset *data, const char *name)
{
    size_t bad = 0;

    for (size_t i = 0; i < MWI_COUNT(schemes); i++) {
        const mw_quantize_options o = {.scheme = schemes[i].scheme};
        mw_quantize_report report;
        mw_model *q;
        const mw_status st = mw_quantize(ctx, m, &o, data, &q, &report);
        if (st == MW_EUNSUPPORTED && strstr(mw_ctx_error(ctx), "nothing to quantize") != NULL)
            continue;
        assert_ok(ctx, st);
        if (!(report.output_sqnr_db >= schemes[i].least_db)) {
            print_error("%s %s: %.1f dB\n", name, schemes[i].name, report.output_sqnr_db);
            bad++;
        }
        mw_quantize_report_free(&report);
        mw_model_destroy(q);
    }
    return bad;
}

static bool check_folder(const char *folder, const char *name, size_t *bad)
{
    static const char *const files[] = {"model.h5", "model.keras"};
    mw_ctx *const ctx = test_ctx();
    mw_model *m = NULL;
    char path[4200], data_path[64];

    for (size_t i = 0; i < MWI_COUNT(files) && m == NULL; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        if (access(path, R_OK) == 0 && mw_model_load(ctx, path, NULL, &m) != MW_OK) break;
    }
    const bool suited = m != NULL && is_suited(ctx, m);
    if (suited) {
        mw_dataset *const data = shuffled(ctx, m, folder, data_path);
        *bad += check_model(ctx, m, data, name);
        mw_dataset_close(data);
        (void)unlink(data_path);
    }
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
    return suited;
}

static void quantized_models_stay_near(void **state)
{
    char path[4096];
    size_t n, n_forms, n_models = 0, bad = 0;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/tests/data/keras", test_source_dir());
    char **const models = list_folders(path, &n);
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(path, sizeof path, "%s/tests/data/keras/%s", test_source_dir(), models[i]);
        char **const forms = list_folders(path, &n_forms);
        for (size_t k = 0; k < n_forms; k++) {
            (void)snprintf(path, sizeof path, "%s/tests/data/keras/%s/%s", test_source_dir(),
                           models[i], forms[k]);
            n_models += check_folder(path, models[i], &bad);
        }
        free_list(forms, n_forms);
    }
    free_list(models, n);
    assert_int_equal(bad, 0);
    assert_true(n_models >= LEAST_MODELS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(quantized_models_stay_near)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
