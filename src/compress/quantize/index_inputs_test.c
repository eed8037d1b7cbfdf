/* compress/quantize/index_inputs_test.c - models whose inputs are indices: rows of an embedding.
 * SPDX-License-Identifier: Apache-2.0 */
#include <milliwatt/milliwatt.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "graph_builder.h"
#include "support.h"

enum { WORDS = 300, WIDTH = 8, LENGTH = 6, SAMPLES = 40 };

/* Indices (of a float input by way of a RESHAPE and CAST) -> rows -> mean -> dense. */
static mw_model *embedding(mw_ctx *ctx, mw_dtype dtype)
{
    builder b = builder_open(ctx);
    const int32_t axis = 1, as_is[] = {1, LENGTH}, units = 2;
    const int32_t x = builder_typed(&b, dtype, DIMS(1, LENGTH));
    const int32_t table = builder_random(&b, DIMS(WORDS, WIDTH), 3);
    int32_t index = x;

    if (dtype == MW_FLOAT32) {
        const int32_t shaped = builder_value(&b, DIMS(1, LENGTH));
        index = builder_typed(&b, MW_INT32, DIMS(1, LENGTH));
        (void)builder_op(&b, "RESHAPE", TENSORS(x, builder_ints(&b, DIMS(2), as_is)),
                         TENSORS(shaped));
        (void)builder_op(&b, "CAST", TENSORS(shaped), TENSORS(index));
    }
    const int32_t rows = builder_value(&b, DIMS(1, LENGTH, WIDTH));
    const int32_t mean = builder_value(&b, DIMS(1, WIDTH)),
                  y = builder_value(&b, 2, (int32_t[]){1, units});
    (void)builder_op(&b, "GATHER", TENSORS(table, index), TENSORS(rows));
    (void)builder_op(&b, "MEAN", TENSORS(rows, builder_ints(&b, DIMS(1), &axis)), TENSORS(mean));
    (void)builder_op(
        &b, "FULLY_CONNECTED",
        TENSORS(mean, builder_random(&b, DIMS(2, WIDTH), 4), builder_random(&b, 1, &units, 5)),
        TENSORS(y));
    return builder_close(&b, TENSORS(x), TENSORS(y));
}

static void save_data(mw_ctx *ctx, const char *path, mw_dtype dtype)
{
    static const int32_t dims[] = {SAMPLES, LENGTH};
    int32_t ints[SAMPLES * LENGTH];
    float floats[SAMPLES * LENGTH];
    mwi_rng rng = {8};

    for (size_t i = 0; i < MWI_COUNT(ints); i++)
        floats[i] = (float)(ints[i] = (int32_t)mwi_rng_below(&rng, WORDS));
    assert_ok(ctx, mw_array_save(ctx, path, dtype, 2, dims,
                                 dtype == MW_INT32 ? (const void *)ints : floats));
}

static void check_type(mw_dtype dtype)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const model = embedding(ctx, dtype);
    mw_dataset *data;
    mw_tensor_info info;
    char path[64];

    (void)snprintf(path, sizeof path, "/tmp/index_inputs_test_%ld.npy", (long)getpid());
    save_data(ctx, path, dtype);
    assert_ok(ctx, mw_model_input(ctx, model, 0, &info));
    const mw_dataset_options options = {.inputs = &info, .n_inputs = 1};
    assert_ok(ctx, mw_dataset_open(ctx, path, &options, &data));
    for (int scheme = MW_QUANT_INT8; scheme <= MW_QUANT_WEIGHTS; scheme++) {
        const mw_quantize_options o = {.scheme = (mw_quant_scheme)scheme};
        mw_quantize_report report;
        mw_model *q;
        if (scheme == MW_QUANT_DYNAMIC || scheme > MW_QUANT_FLOAT16) continue; /* small weights */
        assert_ok(ctx, mw_quantize(ctx, model, &o, data, &q, &report));
        assert_true(report.output_sqnr_db > 25);
        assert_ok(ctx, mw_model_input(ctx, q, 0, &info));
        assert_int_equal(info.dtype, dtype);
        mw_quantize_report_free(&report);
        mw_model_destroy(q);
    }
    mw_dataset_close(data);
    (void)unlink(path);
    mw_model_destroy(model);
    mw_ctx_destroy(ctx);
}

static void integer_indices(void **state)
{
    (void)state;
    check_type(MW_INT32);
}

static void float_indices(void **state)
{
    (void)state;
    check_type(MW_FLOAT32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integer_indices),
        cmocka_unit_test(float_indices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
