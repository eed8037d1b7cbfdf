/* ops/average_pool_2d.c - AVERAGE_POOL_2D: the mean over the part of the window that lies inside.
 * Depends: ops/pool.  Used by: the list of operators only.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/pool.h"

enum { BLOCK = 64 }; /* channels summed at a time */

/* Sums of channels [first, first + n) over the window. */
#define SUMS(name, type, sum_type)                                                                 \
    static void name(const mwi_pool_pixel *p, size_t first, size_t n, sum_type *sums)              \
    {                                                                                              \
        const mwi_window *const w = &p->s->w;                                                      \
        const type *const in = (const type *)p->call->in[0].data + p->item + first;                \
        for (size_t c = 0; c < n; c++) sums[c] = 0;                                                \
        for (int32_t y = p->y0; y < p->y1; y++)                                                    \
            for (int32_t x = p->x0; x < p->x1; x++) {                                              \
                const type *const v =                                                              \
                    in + ((size_t)y * (size_t)w->in_w + (size_t)x) * (size_t)w->in_c;              \
                for (size_t c = 0; c < n; c++) sums[c] += v[c];                                    \
            }                                                                                      \
    }
SUMS(sums_f32, float, float)
SUMS(sums_i8, int8_t, int32_t)
SUMS(sums_u8, uint8_t, int32_t)
SUMS(sums_i16, int16_t, int32_t)

static void pixel_f32(const mwi_pool_pixel *p)
{
    const size_t channels = (size_t)p->s->w.in_c;
    const float count = (float)((p->y1 - p->y0) * (p->x1 - p->x0));
    float *const out = (float *)p->call->out[0].data + p->out;
    float sums[BLOCK];

    for (size_t c = 0; c < channels; c += BLOCK) {
        const size_t n = channels - c < BLOCK ? channels - c : BLOCK;
        sums_f32(p, c, n, sums);
        for (size_t k = 0; k < n; k++) {
            const float v = count > 0 ? sums[k] / count : 0;
            out[c + k] = v < p->s->low_f ? p->s->low_f : v > p->s->high_f ? p->s->high_f : v;
        }
    }
}

/* Rounds halves away from zero. */
#define PIXEL(name, type, sums_fn)                                                                 \
    static void name(const mwi_pool_pixel *p)                                                      \
    {                                                                                              \
        const size_t channels = (size_t)p->s->w.in_c;                                              \
        const int32_t count = (p->y1 - p->y0) * (p->x1 - p->x0);                                   \
        type *const out = (type *)p->call->out[0].data + p->out;                                   \
        int32_t sums[BLOCK];                                                                       \
        for (size_t c = 0; c < channels; c += BLOCK) {                                             \
            const size_t n = channels - c < BLOCK ? channels - c : BLOCK;                          \
            sums_fn(p, c, n, sums);                                                                \
            for (size_t k = 0; k < n; k++) {                                                       \
                const int32_t half = sums[k] > 0 ? count / 2 : -(count / 2);                       \
                const int32_t v = count > 0 ? (sums[k] + half) / count : 0;                        \
                out[c + k] = (type)mwi_clamp(v, p->s->low, p->s->high);                            \
            }                                                                                      \
        }                                                                                          \
    }
PIXEL(pixel_i8, int8_t, sums_i8)
PIXEL(pixel_u8, uint8_t, sums_u8)
PIXEL(pixel_i16, int16_t, sums_i16)

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
    {.name = "f32_average_pool_2d__ref",
     .types = "f32>f32",
     .prepare = mwi_pool_prepare_f32,
     .run = run_f32},
    {.name = "s8_average_pool_2d__ref",
     .types = "i8>i8",
     .prepare = mwi_pool_prepare_int,
     .run = run_i8},
    {.name = "u8_average_pool_2d__ref",
     .types = "u8>u8",
     .prepare = mwi_pool_prepare_int,
     .run = run_u8},
    {.name = "s16_average_pool_2d__ref",
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
    int32_t dy;

    MWI_TRY(mwi_gradient_of_sum(ctx, call, &dy));
    return mwi_emit(ctx, &call->at, &mwi_op_avg_pool_grad, MWI_IN(dy, call->at.op->in[0]),
                    mwi_same_settings, &call->d_in[0]);
}

const mwi_op_desc mwi_op_average_pool_2d = {
    .name = "AVERAGE_POOL_2D",
    .tflite_code = 1,
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
