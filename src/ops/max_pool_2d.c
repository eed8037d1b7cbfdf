/* ops/max_pool_2d.c - MAX_POOL_2D: the largest value of the part of the window that lies inside.
 * Depends: ops/pool.  Used by: the list of operators only.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/pool.h"

#include <float.h>
#include <string.h>

#define PIXEL(name, type, lowest, low, high)                                                       \
    static void name(const mwi_pool_pixel *p)                                                      \
    {                                                                                              \
        const mwi_window *const w = &p->s->w;                                                      \
        const size_t channels = (size_t)w->in_c;                                                   \
        const type *const in = (const type *)p->call->in[0].data + p->item;                        \
        type *const out = (type *)p->call->out[0].data + p->out;                                   \
        for (size_t c = 0; c < channels; c++) out[c] = lowest;                                     \
        for (int32_t y = p->y0; y < p->y1; y++)                                                    \
            for (int32_t x = p->x0; x < p->x1; x++) {                                              \
                const type *const v = in + ((size_t)y * (size_t)w->in_w + (size_t)x) * channels;   \
                for (size_t c = 0; c < channels; c++) out[c] = v[c] > out[c] ? v[c] : out[c];      \
            }                                                                                      \
        for (size_t c = 0; c < channels; c++)                                                      \
            out[c] = (type)(out[c] < (low) ? (low) : out[c] > (high) ? (high) : out[c]);           \
    }
PIXEL(pixel_f32, float, -FLT_MAX, p->s->low_f, p->s->high_f)
PIXEL(pixel_i8, int8_t, INT8_MIN, p->s->low, p->s->high)
PIXEL(pixel_u8, uint8_t, 0, p->s->low, p->s->high)
PIXEL(pixel_i16, int16_t, INT16_MIN, p->s->low, p->s->high)

#define RUN(name, pixel)                                                                           \
    static mw_status name(mw_ctx *ctx, const mwi_run_call *call)                                   \
    {                                                                                              \
        (void)ctx;                                                                                 \
        mwi_pool_run(call, pixel);                                                                 \
        return MW_OK;                                                                              \
    }
RUN(run_f32, pixel_f32)
RUN(run_i8, pixel_i8)
RUN(run_u8, pixel_u8)
RUN(run_i16, pixel_i16)

static int32_t version(const mwi_shape_call *call)
{
    return call->in[0].dtype == MW_INT16 ? 3 : call->in[0].dtype == MW_INT8 ? 2 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_max_pool_2d__ref",
     .types = "f32>f32",
     .prepare = mwi_pool_prepare_f32,
     .run = run_f32},
    {.name = "s8_max_pool_2d__ref",
     .types = "i8>i8",
     .prepare = mwi_pool_prepare_int,
     .run = run_i8},
    {.name = "u8_max_pool_2d__ref",
     .types = "u8>u8",
     .prepare = mwi_pool_prepare_int,
     .run = run_u8},
    {.name = "s16_max_pool_2d__ref",
     .types = "i16>i16",
     .prepare = mwi_pool_prepare_int,
     .run = run_i16},
    {.name = NULL},
};

static const mwi_quant_rule quant = {.quantizable = true,
                                     .weight = -1,
                                     .axis = -1,
                                     .bias = -1,
                                     .flags = MWI_QUANT_SAME_SCALE,
                                     .data_inputs = {0, -1}};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const mwi_op *const op = call->at.op;
    int32_t dy;

    MWI_TRY(mwi_gradient_of_sum(ctx, call, &dy));
    return mwi_emit(ctx, &call->at, &mwi_op_max_pool_grad, MWI_IN(op->in[0], op->out[0], dy),
                    mwi_same_settings, &call->d_in[0]);
}

const mwi_op_desc mwi_op_max_pool_2d = {
    .name = "MAX_POOL_2D",
    .tflite_code = 17,
    .options_type = 5,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_FUSES_ACT | MWI_OP_PER_SAMPLE | MWI_OP_SCALES_BY_CHANNEL,
    .attr_size = sizeof(mwi_pool_attr),
    .fields = mwi_pool_fields,
    .kernels = kernels,
    .quant = &quant,
    .windows = &mwi_pool_windows,
    .infer = mwi_pool_infer,
    .gradient = gradient,
    .macs = mwi_pool_macs,
    .version = version,
};
