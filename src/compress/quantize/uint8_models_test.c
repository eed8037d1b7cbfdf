/* compress/quantize/uint8_models_test.c - uint8 models rewritten as int8: a network built here, and
 * the real ones of the shared material.
 * SPDX-License-Identifier: Apache-2.0 */
#include <milliwatt/milliwatt.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "graph_builder.h"
#include "support.h"

static void set_quant(builder *b, int32_t t, float scale, int64_t zero)
{
    assert_ok(b->ctx,
              mwi_quant_per_tensor(b->ctx, b->model, scale, zero, &b->graph->tensors[t]->quant));
}

/* Weights in [zero - reach, zero + reach]. */
static int32_t weights(builder *b, int32_t rank, const int32_t *dims, float scale, int32_t zero,
                       int32_t reach, uint64_t seed)
{
    uint8_t data[1024];
    mwi_rng rng = {seed};
    size_t n;
    int32_t t;

    assert_true(mwi_dims_count(rank, dims, &n) && n <= sizeof data);
    for (size_t i = 0; i < n; i++)
        data[i] = (uint8_t)(zero - reach + (int32_t)mwi_rng_below(&rng, 2 * (uint64_t)reach + 1));
    assert_ok(b->ctx,
              mwi_graph_add_const(b->ctx, b->model, b->graph, "w", MW_UINT8, rank, dims, data, &t));
    set_quant(b, t, scale, zero);
    return t;
}

static int32_t biases(builder *b, int32_t n, float scale)
{
    int32_t data[16], t;

    for (int32_t i = 0; i < n; i++) data[i] = 900 * i - 2500;
    t = builder_ints(b, 1, &n, data);
    set_quant(b, t, scale, 0);
    return t;
}

/* A convolution, a pool and a dense layer; `zero` of the convolution's weights, all within `reach`
 * of it. */
static mw_model *uint8_net(mw_ctx *ctx, int32_t zero, int32_t reach)
{
    builder b = builder_open(ctx);
    const int32_t x = builder_typed(&b, MW_UINT8, DIMS(1, 6, 6, 4));
    const int32_t c = builder_typed(&b, MW_UINT8, DIMS(1, 6, 6, 8));
    const int32_t p = builder_typed(&b, MW_UINT8, DIMS(1, 3, 3, 8));
    const int32_t y = builder_typed(&b, MW_UINT8, DIMS(1, 10));
    const int32_t w = weights(&b, DIMS(8, 3, 3, 4), 0.01f, zero, reach, 5);
    const int32_t v = weights(&b, DIMS(10, 72), 0.004f, 121, 90, 6);

    set_quant(&b, x, 0.0078125f, 128);
    set_quant(&b, c, 0.0235f, 0);
    set_quant(&b, p, 0.0235f, 0);
    set_quant(&b, y, 0.05f, 131);
    mwi_op *op = builder_op(&b, "CONV_2D", TENSORS(x, w, biases(&b, 8, 0.000078125f)), TENSORS(c));
    mwi_op_set_i32(op, "stride_w", 1);
    mwi_op_set_i32(op, "stride_h", 1);
    mwi_op_set_i32(op, "fused_activation_function", MWI_ACT_RELU6);
    op = builder_op(&b, "MAX_POOL_2D", TENSORS(c), TENSORS(p));
    mwi_op_set_i32(op, "filter_width", 2);
    mwi_op_set_i32(op, "filter_height", 2);
    mwi_op_set_i32(op, "stride_w", 2);
    mwi_op_set_i32(op, "stride_h", 2);
    mwi_op_set_i32(op, "padding", MWI_PADDING_VALID);
    (void)builder_op(&b, "FULLY_CONNECTED", TENSORS(p, v, biases(&b, 10, 0.0235f * 0.004f)),
                     TENSORS(y));
    return builder_close(&b, TENSORS(x), TENSORS(y));
}

/* Runs both on the same random reals; the largest difference of the outputs' integers. */
static int largest_difference(mw_ctx *ctx, const mw_model *u, const mw_model *q)
{
    mw_session *a, *b;
    mwi_rng rng = {3};
    int largest = 0;

    assert_ok(ctx, mw_session_create(ctx, u, NULL, &a));
    assert_ok(ctx, mw_session_create(ctx, q, NULL, &b));
    for (int run = 0; run < 4; run++) {
        mw_buffer x, y;
        assert_ok(ctx, mw_session_input(ctx, a, 0, &x));
        assert_ok(ctx, mw_session_input(ctx, b, 0, &y));
        assert_true(x.info.dtype == MW_UINT8 && y.info.dtype == MW_INT8 && x.bytes == y.bytes);
        for (size_t i = 0; i < x.bytes; i++) {
            const uint8_t v = (uint8_t)mwi_rng_next(&rng);
            ((uint8_t *)x.data)[i] = v;
            ((int8_t *)y.data)[i] = (int8_t)(v - 128);
        }
        assert_ok(ctx, mw_session_run(ctx, a));
        assert_ok(ctx, mw_session_run(ctx, b));
        assert_ok(ctx, mw_session_output(ctx, a, 0, &x));
        assert_ok(ctx, mw_session_output(ctx, b, 0, &y));
        assert_true(y.info.dtype == MW_INT8 && x.bytes == y.bytes);
        for (size_t i = 0; i < x.bytes; i++) {
            const int d = abs(((uint8_t *)x.data)[i] - (((int8_t *)y.data)[i] + 128));
            largest = d > largest ? d : largest;
        }
    }
    mw_session_destroy(a);
    mw_session_destroy(b);
    return largest;
}

static void small_weights_keep_every_bit(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const u = uint8_net(ctx, 119, 110), *q;
    const mw_quantize_options o = {.scheme = MW_QUANT_INT8};
    mw_quantize_report report;
    (void)state;

    assert_ok(ctx, mw_quantize(ctx, u, &o, NULL, &q, &report));
    const mwi_op *const conv = q->graphs[0]->ops[0];
    const mwi_tensor *const bias = q->graphs[0]->tensors[conv->in[2]];
    assert_true(bias->dtype == MW_INT32 && bias->bytes == 8 * sizeof(int32_t));
    assert_int_equal(((const int32_t *)bias->data)[7], 900 * 7 - 2500);
    assert_int_equal(largest_difference(ctx, u, q), 0);
    assert_true(report.random_inputs && report.output_sqnr_db > 100);
    mw_quantize_report_free(&report);
    mw_model_destroy(q);
    mw_model_destroy(u);
    mw_ctx_destroy(ctx);
}

static void wide_weights_get_scales_of_their_own(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const u = uint8_net(ctx, 60, 60), *q;
    (void)state;

    /* One weight of channel 3 is 195 from the zero point. */
    const mwi_op *op = u->graphs[0]->ops[0];
    ((uint8_t *)(uintptr_t)u->graphs[0]->tensors[op->in[1]]->data)[3 * 36 + 5] = 255;
    const mw_quantize_options o = {.scheme = MW_QUANT_INT8};
    mw_quantize_report report;
    assert_ok(ctx, mw_quantize(ctx, u, &o, NULL, &q, &report));
    op = q->graphs[0]->ops[0];
    const mwi_tensor *const w = q->graphs[0]->tensors[op->in[1]], *const bias =
                                                                      q->graphs[0]
                                                                          ->tensors[op->in[2]];
    assert_int_equal(w->quant->q.n_scales, 8);
    assert_true(w->quant->q.scales[2] == 0.01f && w->quant->q.scales[3] > 0.015f);
    assert_int_equal(((const int32_t *)bias->data)[2], 900 * 2 - 2500);
    assert_int_equal(((const int32_t *)bias->data)[3], (int32_t)round(200 * 127.0 / 195));
    assert_true(largest_difference(ctx, u, q) <= 2);
    assert_true(report.output_sqnr_db > 30 && report.layers[0].sqnr_db > 30);
    mw_quantize_report_free(&report);
    mw_model_destroy(q);
    mw_model_destroy(u);
    mw_ctx_destroy(ctx);
}

static void real_models_run(void **state)
{
    static const struct {
        const char *name;
        double least_db;
    } models[] = {{"mobilenet_v1_025_128_uint8", 20}, {"mobilenet_v2_224_uint8", 13}};
    mw_ctx *const ctx = test_ctx();
    (void)state;

    if (test_shared_dir() == NULL) skip();
    for (size_t i = 0; i < MWI_COUNT(models); i++) {
        const mw_quantize_options o = {.scheme = MW_QUANT_INT8};
        mw_quantize_report report;
        char path[4096];
        mw_model *u, *q;
        (void)snprintf(path, sizeof path, "%s/models/%s/model.tflite", test_shared_dir(),
                       models[i].name);
        assert_ok(ctx, mw_model_load(ctx, path, NULL, &u));
        assert_ok(ctx, mw_quantize(ctx, u, &o, NULL, &q, &report));
        print_message("%s: %.2f dB, %zu kept\n", models[i].name, report.output_sqnr_db,
                      report.n_kept);
        assert_true(report.output_sqnr_db > models[i].least_db);
        assert_int_equal(report.n_kept, 0);
        mw_quantize_report_free(&report);
        mw_model_destroy(q);
        mw_model_destroy(u);
    }
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_weights_keep_every_bit),
        cmocka_unit_test(wide_weights_get_scales_of_their_own),
        cmocka_unit_test(real_models_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
