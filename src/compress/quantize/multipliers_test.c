/* compress/quantize/multipliers_test.c - no scale is written on which LiteRT ends the process.
 * SPDX-License-Identifier: Apache-2.0 */
#include <milliwatt/milliwatt.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "compress/quantize/job.h"
#include "graph_builder.h"
#include "support.h"

enum { WIDTH = 12, SAMPLES = 16 };

/* x in [0, 1): additions of a value that is always 0, of a constant of zeros, and of what cancels;
 * comparisons with 0; a difference of nothing. */
static mw_model *awkward(mw_ctx *ctx)
{
    builder b = builder_open(ctx);
    const float three[] = {-3}, zeros[WIDTH] = {0}, nearly[] = {1 + 0x1p-20f}, large[] = {9};
    const int32_t x = builder_value(&b, DIMS(1, WIDTH));
    const int32_t w = builder_random(&b, DIMS(WIDTH, WIDTH), 3);
    const int32_t zero = builder_apply(
        &b, "RELU",
        TENSORS(builder_apply(&b, "ADD", TENSORS(x, builder_floats(&b, DIMS(1), three)))));
    const int32_t dense = builder_value(&b, DIMS(1, WIDTH));
    (void)builder_op(&b, "FULLY_CONNECTED", TENSORS(x, w, builder_floats(&b, DIMS(WIDTH), zeros)),
                     TENSORS(dense));
    const int32_t sum = builder_apply(&b, "ADD", TENSORS(x, zero));
    const int32_t more = builder_apply(
        &b, "ADD",
        TENSORS(builder_apply(&b, "LOGISTIC", TENSORS(dense)),
                builder_apply(&b, "MUL", TENSORS(zero, builder_floats(&b, DIMS(1), large)))));
    const int32_t tiny = builder_apply(
        &b, "SUB",
        TENSORS(x, builder_apply(&b, "MUL", TENSORS(x, builder_floats(&b, DIMS(1), nearly)))));
    const int32_t squares = builder_apply(&b, "SQUARED_DIFFERENCE", TENSORS(sum, x));
    const int32_t above = builder_typed(&b, MW_BOOL, DIMS(1, WIDTH));
    (void)builder_op(&b, "GREATER", TENSORS(dense, builder_floats(&b, DIMS(WIDTH), zeros)),
                     TENSORS(above));
    const int32_t soft = builder_value(&b, DIMS(1, WIDTH));
    mwi_op *const op = builder_op(&b, "SOFTMAX", TENSORS(tiny), TENSORS(soft));
    *(float *)((char *)op->attr + mwi_op_field(op->desc, "beta")->offset) = 1;
    return builder_close(&b, TENSORS(x), TENSORS(sum, more, tiny, squares, above, soft));
}

static mw_dataset *data_of(mw_ctx *ctx, const mw_model *model, char path[64])
{
    static const int32_t dims[] = {SAMPLES, WIDTH};
    float x[SAMPLES * WIDTH];
    mwi_rng rng = {8};
    mw_tensor_info info;
    mw_dataset *data;

    for (size_t i = 0; i < MWI_COUNT(x); i++) x[i] = (float)mwi_rng_uniform(&rng);
    (void)snprintf(path, 64, "/tmp/multipliers_test_%ld.npy", (long)getpid());
    assert_ok(ctx, mw_array_save(ctx, path, MW_FLOAT32, 2, dims, x));
    assert_ok(ctx, mw_model_input(ctx, model, 0, &info));
    const mw_dataset_options options = {.inputs = &info, .n_inputs = 1};
    assert_ok(ctx, mw_dataset_open(ctx, path, &options, &data));
    return data;
}

static double scale_of(const mw_model *m, int32_t t)
{
    const mwi_tensor *const tensor = m->graphs[0]->tensors[t];
    return tensor->quant == NULL ? 0 : (double)tensor->quant->q.scales[0];
}

static void additions_stay_in_bounds(void **state)
{
    static const mw_quant_scheme schemes[] = {MW_QUANT_INT8, MW_QUANT_INT16X8};
    mw_ctx *const ctx = test_ctx();
    mw_model *const model = awkward(ctx), *q;
    char path[64];
    mw_dataset *const data = data_of(ctx, model, path);
    (void)state;

    for (size_t i = 0; i < MWI_COUNT(schemes); i++) {
        const mw_quantize_options o = {.scheme = schemes[i]};
        mw_quantize_report report;
        size_t n = 0;
        assert_ok(ctx, mw_quantize(ctx, model, &o, data, &q, &report));
        assert_true(report.output_sqnr_db > 25);
        for (size_t k = 0; k < q->graphs[0]->n_ops; k++) {
            const mwi_op *const op = q->graphs[0]->ops[k];
            if (strcmp(mwi_op_name(op), "ADD") != 0 && strcmp(mwi_op_name(op), "SUB") != 0)
                continue;
            const double in = fmax(scale_of(q, op->in[0]), scale_of(q, op->in[1]));
            assert_true(2 * in / (i == 0 ? 0x1p20 : 0x1p15) < scale_of(q, op->out[0]));
            n++;
        }
        assert_true(n >= 3);
        mw_quantize_report_free(&report);
        mw_model_destroy(q);
    }
    mw_dataset_close(data);
    (void)unlink(path);
    mw_model_destroy(model);
    mw_ctx_destroy(ctx);
}

/* A model that has such a scale already is told of. */
static void broken_bounds_are_named(void **state)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t x = builder_typed(&b, MW_INT16, DIMS(1, 4)),
                  y = builder_typed(&b, MW_INT16, DIMS(1, 4)),
                  z = builder_typed(&b, MW_INT16, DIMS(1, 4));
    const float scales[] = {1, 1e-4f, 2e-5f};
    (void)state;

    for (int32_t t = 0; t < 3; t++)
        assert_ok(ctx,
                  mwi_quant_per_tensor(ctx, b.model, scales[t], 0, &b.graph->tensors[t]->quant));
    (void)builder_op(&b, "ADD", TENSORS(x, y), TENSORS(z));
    mw_model *const model = builder_close(&b, TENSORS(x, y), TENSORS(z));
    assert_int_equal(mwi_qjob_check_multipliers(ctx, model), MW_EUNSUPPORTED);
    assert_non_null(strstr(mw_ctx_error(ctx), "LiteRT ends the process on the scale 2e-05"));
    mw_model_destroy(model);
    mw_ctx_destroy(ctx);
}

static mw_model *quantized(mw_ctx *ctx, mw_model *model, mw_quant_scheme scheme)
{
    const mw_quantize_options o = {.scheme = scheme};
    char path[64];
    mw_dataset *const data = data_of(ctx, model, path);
    mw_model *q;

    assert_ok(ctx, mw_quantize(ctx, model, &o, data, &q, NULL));
    mw_dataset_close(data);
    (void)unlink(path);
    mw_model_destroy(model);
    return q;
}

/* Two values of scale 2^-15 whose sum has one near 2^-14: as powers of two LiteRT refuses them. */
static void sums_of_fixed_scales_can_run(void **state)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const float large[] = {1000}, half[] = {0.5f};
    const int32_t x = builder_value(&b, DIMS(1, WIDTH));
    const int32_t wide = builder_apply(
        &b, "MUL",
        TENSORS(builder_apply(&b, "SUB", TENSORS(x, builder_floats(&b, DIMS(1), half))),
                builder_floats(&b, DIMS(1), large)));
    const int32_t sum = builder_apply(
        &b, "ADD",
        TENSORS(builder_apply(&b, "TANH", TENSORS(wide)),
                builder_apply(&b, "TANH", TENSORS(builder_apply(&b, "ADD", TENSORS(wide, wide))))));
    mw_model *const q =
        quantized(ctx, builder_close(&b, TENSORS(x), TENSORS(sum)), MW_QUANT_INT16X8);
    (void)state;

    assert_true(fabs(log2(scale_of(q, q->graphs[0]->outputs[0])) + 14) < 1e-3);
    mw_model_destroy(q);
    mw_ctx_destroy(ctx);
}

/* LiteRT compares 8-bit values of scales from 1 wrongly, and int16 without their scales. */
static void comparisons_stay_right(void **state)
{
    static const mw_quant_scheme schemes[] = {MW_QUANT_INT8, MW_QUANT_INT16X8};
    mw_ctx *const ctx = test_ctx();
    (void)state;

    for (size_t i = 0; i < MWI_COUNT(schemes); i++) {
        builder b = builder_open(ctx);
        const float large[] = {1000}, some[] = {300};
        const int32_t x = builder_value(&b, DIMS(1, WIDTH));
        const int32_t wide =
            builder_apply(&b, "MUL", TENSORS(x, builder_floats(&b, DIMS(1), large)));
        const int32_t above = builder_typed(&b, MW_BOOL, DIMS(1, WIDTH));
        (void)builder_op(&b, "LESS", TENSORS(wide, builder_floats(&b, DIMS(1), some)),
                         TENSORS(above));
        mw_model *const q =
            quantized(ctx, builder_close(&b, TENSORS(x), TENSORS(wide, above)), schemes[i]);
        const mwi_graph *const g = q->graphs[0];
        const mwi_op *const less = g->ops[mwi_graph_producer(g, g->outputs[1])];
        assert_string_equal(mwi_op_name(less), "LESS");
        assert_int_equal(g->tensors[less->in[0]]->dtype, MW_FLOAT32);
        mw_model_destroy(q);
    }
    mw_ctx_destroy(ctx);
}

/* A recurrence written out: one weight, one bias, whatever the number of steps. */
static void steps_share_constants(void **state)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t x = builder_value(&b, DIMS(1, WIDTH));
    const int32_t w = builder_random(&b, DIMS(WIDTH, WIDTH), 3),
                  bias = builder_random(&b, DIMS(WIDTH), 4);
    const mw_quantize_options o = {.scheme = MW_QUANT_INT8};
    const mwi_tensor *first = NULL;
    int32_t h = x;
    char path[64];
    mw_model *q;
    (void)state;

    for (int i = 0; i < 6; i++) {
        const int32_t y = builder_value(&b, DIMS(1, WIDTH));
        (void)builder_op(&b, "FULLY_CONNECTED", TENSORS(h, w, bias), TENSORS(y));
        h = builder_apply(&b, "TANH", TENSORS(y));
    }
    mw_model *const model = builder_close(&b, TENSORS(x), TENSORS(h));
    mw_dataset *const data = data_of(ctx, model, path);
    assert_ok(ctx, mw_quantize(ctx, model, &o, data, &q, NULL));
    for (size_t k = 0; k < q->graphs[0]->n_ops; k++) {
        const mwi_op *const op = q->graphs[0]->ops[k];
        if (strcmp(mwi_op_name(op), "FULLY_CONNECTED") != 0) continue;
        const mwi_tensor *const t = q->graphs[0]->tensors[op->in[2]];
        first = first == NULL ? t : first;
        assert_memory_equal(t->data, first->data, first->bytes);
        assert_int_equal(op->in[1], q->graphs[0]->ops[0]->in[1]);
    }
    mw_dataset_close(data);
    (void)unlink(path);
    mw_model_destroy(q);
    mw_model_destroy(model);
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(additions_stay_in_bounds),     cmocka_unit_test(broken_bounds_are_named),
        cmocka_unit_test(sums_of_fixed_scales_can_run), cmocka_unit_test(comparisons_stay_right),
        cmocka_unit_test(steps_share_constants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
