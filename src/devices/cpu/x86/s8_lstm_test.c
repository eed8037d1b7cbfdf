/* The integer LSTM: its 16-bit functions over all their values, and every row against the
 * reference row.   SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/s8_lstm.h"
#include "devices/device.h"
#include "kernel_rows.h"
#include "support.h"

#include "base/rng.h"
#include "ops/fixed16.h"

#include <math.h>
#include <stdlib.h>

static void functions_agree(void **unused)
{
    const uint32_t needed = MWI_CPU_AVX512 | MWI_CPU_AVX512_VNNI;
    int16_t *const values = malloc(65536 * sizeof *values);

    (void)unused;
    assert_non_null(values);
    if ((mwi_device_by_name("/CPU:0")->features() & needed) == needed) {
        for (int bits = 0; bits <= 6; bits++) {
            for (int i = 0; i < 65536; i++) values[i] = (int16_t)i;
            mwi_s8_lstm_logistic(values, 65536, bits);
            for (int i = 0; i < 65536; i++)
                assert_int_equal(values[i], mwi_logistic16((int16_t)i, bits));
            for (int i = 0; i < 65536; i++) values[i] = (int16_t)i;
            mwi_s8_lstm_tanh(values, 65536, bits);
            for (int i = 0; i < 65536; i++)
                assert_int_equal(values[i], mwi_tanh16((int16_t)i, bits));
        }
    }
    free(values);
}

static void set_quant(builder *b, int32_t t, float scale, int64_t zero)
{
    assert_ok(b->ctx,
              mwi_quant_per_tensor(b->ctx, b->model, scale, zero, &b->graph->tensors[t]->quant));
}

static int32_t constant(builder *b, mw_dtype dtype, int32_t rank, const int32_t *dims, float scale)
{
    mwi_rng rng = {(uint64_t)b->graph->n_tensors};
    size_t bytes = 0;
    int32_t t = -1;
    void *memory;

    assert_true(mwi_dims_bytes(dtype, rank, dims, &bytes));
    assert_ok(b->ctx, mwi_arena_array(b->ctx, &b->model->arena, bytes, 1, &memory));
    if (dtype == MW_INT8)
        for (size_t i = 0; i < bytes; i++)
            ((int8_t *)memory)[i] = (int8_t)((int)mwi_rng_below(&rng, 255) - 127);
    else
        for (size_t i = 0; i < bytes / 4; i++)
            ((int32_t *)memory)[i] = (int32_t)mwi_rng_below(&rng, 60000) - 30000;
    assert_ok(b->ctx,
              mwi_graph_add_const(b->ctx, b->model, b->graph, "c", dtype, rank, dims, memory, &t));
    set_quant(b, t, scale, 0);
    return t;
}

static void check(int32_t batch, int32_t time, int32_t n_in, int32_t cells, bool time_major,
                  float clip)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    int32_t in[24];
    void *memory;

    for (int i = 0; i < 24; i++) in[i] = -1;
    in[0] = builder_typed(&b, MW_INT8,
                          DIMS(time_major ? time : batch, time_major ? batch : time, n_in));
    set_quant(&b, in[0], 0.02f, -5);
    for (int g = 0; g < 4; g++) {
        in[1 + g] = constant(&b, MW_INT8, DIMS(cells, n_in), 0.004f + 0.001f * (float)g);
        in[5 + g] = constant(&b, MW_INT8, DIMS(cells, cells), 0.006f);
        in[12 + g] = constant(&b, MW_INT32, DIMS(cells), 0.0001f);
    }
    in[18] = builder_typed(&b, MW_INT8, DIMS(batch, cells));
    in[19] = builder_typed(&b, MW_INT16, DIMS(batch, cells));
    set_quant(&b, in[18], 1.0f / 128, 3);
    set_quant(&b, in[19], ldexpf(1, -11), 0);
    b.graph->tensors[in[18]]->is_variable = b.graph->tensors[in[19]]->is_variable = true;
    const int32_t y = builder_typed(&b, MW_INT8, DIMS(1, 1, 1));
    set_quant(&b, y, 1.0f / 128, 3);
    mwi_op *const op = builder_op(&b, "UNIDIRECTIONAL_SEQUENCE_LSTM", in, 24, &y, 1);
    assert_ok(ctx, mwi_arena_array(ctx, &b.model->arena, 5, sizeof(int32_t), &memory));
    op->intermediates = memory;
    op->n_intermediates = 5;
    for (int i = 0; i < 5; i++) {
        op->intermediates[i] = builder_typed(&b, MW_INT8, DIMS(1));
        set_quant(&b, op->intermediates[i], 1.0f / 127, 3);
    }
    mwi_op_set_i32(op, "fused_activation_function", MWI_ACT_TANH);
    *(bool *)(void *)((char *)op->attr + mwi_op_field(op->desc, "time_major")->offset) = time_major;
    *(float *)(void *)((char *)op->attr + mwi_op_field(op->desc, "cell_clip")->offset) = clip;
    (void)kernel_rows_agree(&b, op, 0, (uint64_t)cells);
    mw_model_destroy(b.model);
    mw_ctx_destroy(ctx);
}

static void rows_agree(void **unused)
{
    (void)unused;
    check(1, 28, 28, 20, false, 10);
    check(2, 9, 7, 33, false, 0);
    check(3, 5, 17, 64, true, 2);
    check(1, 40, 1, 1, true, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(functions_agree),
                                       cmocka_unit_test(rows_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
