/* ops/resize_bilinear.c - RESIZE_BILINEAR. int8 and int16 interpolate in fixed point with 10 bits,
 * uint8 in floats, as TFLite does.
 * Depends: ops/resize, ops/rules.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/resize.h"
#include "ops/rules.h"

#include <math.h>

static const mwi_field fields[] = {
    {"align_corners", offsetof(mwi_resize_attr, align_corners), MWI_FIELD_BOOL, 2, 0, 0, 1, NULL},
    {"half_pixel_centers", offsetof(mwi_resize_attr, half_pixel_centers), MWI_FIELD_BOOL, 3, 0, 0,
     1, NULL},
    MWI_FIELDS_END,
};

/* Between which two rows or columns of the input one of the output lies, and how far from the
 * first. */
typedef struct place {
    int32_t low, high;
    float far;
    int64_t far_10; /* the same in fixed point; beyond 0 to 1024 where halves of pixels hang over */
} place;

typedef struct state {
    const place *rows, *columns;
} state;

static void place_of(const mwi_resize_attr *a, int64_t i, int64_t in, int64_t out, bool fixed,
                     place *p)
{
    const bool corners = a->align_corners && out > 1;

    if (fixed) {
        const int64_t span = corners ? in - 1 : in, steps = corners ? out - 1 : out;
        const int64_t scale = (1024 * span + steps / 2) / steps;
        const int64_t at = a->half_pixel_centers ? i * scale + scale / 2 - 512 : i * scale;
        int64_t low = at / 1024, high = (at + 1023) / 1024;
        low = low < 0 ? 0 : low > in - 1 ? in - 1 : low;
        high = high < 0 ? 0 : high > in - 1 ? in - 1 : high;
        *p = (place){(int32_t)low, (int32_t)high, 0, at - 1024 * low};
        return;
    }
    const mwi_resize_place at = mwi_resize_between(a, (int32_t)i, (int32_t)in, (int32_t)out);
    *p = (place){at.low, at.high, at.far, 0};
}

static mw_status table(mw_ctx *ctx, mwi_prepare_call *call, int32_t axis, const place **result)
{
    const bool fixed = call->in[0].dtype == MW_INT8 || call->in[0].dtype == MW_INT16;
    const int32_t in = call->in[0].dims[axis], out = call->out[0].dims[axis];
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, (size_t)out, sizeof(place), &memory));
    place *const p = memory;
    for (int32_t i = 0; i < out; i++) place_of(call->attr, i, in, out, fixed, &p[i]);
    *result = p;
    return MW_OK;
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const mwi_resize_attr *const a = call->attr;
    void *memory;

    if (a->align_corners && a->half_pixel_centers)
        return mwi_fail(ctx, MW_EFORMAT, "align_corners and half_pixel_centers exclude each other");
    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = call->state = memory;
    if (mwi_view_count(&call->out[0]) == 0) return MW_OK;
    MWI_TRY(table(ctx, call, 1, &s->rows));
    return table(ctx, call, 2, &s->columns);
}

/* One pixel from four: a b above, c d below, n channels; y, x: the places. The order of the sums is
 * TFLite's. */
#define FLOAT_PIXEL(type, rounding)                                                                \
    static void pixel_##type(const type *a, const type *b, const type *c, const type *d, size_t n, \
                             const place *y, const place *x, type *out)                            \
    {                                                                                              \
        const float fy = y->far, fx = x->far, gy = 1 - fy, gx = 1 - fx;                            \
        for (size_t i = 0; i < n; i++)                                                             \
            out[i] = (type)((float)a[i] * gy * gx + (float)c[i] * fy * gx +                        \
                            (float)b[i] * gy * fx + (float)d[i] * fy * fx + (rounding));           \
    }
#define FIXED_PIXEL(type)                                                                          \
    static void pixel_##type(const type *a, const type *b, const type *c, const type *d, size_t n, \
                             const place *y, const place *x, type *out)                            \
    {                                                                                              \
        const int64_t fy = y->far_10, fx = x->far_10, gy = 1024 - fy, gx = 1024 - fx;              \
        const int64_t wa = gy * gx, wb = gy * fx, wc = fy * gx, wd = fy * fx;                      \
        for (size_t i = 0; i < n; i++) {                                                           \
            const int64_t v = a[i] * wa + b[i] * wb + c[i] * wc + d[i] * wd;                       \
            out[i] = (type)((v + (v > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20));                     \
        }                                                                                          \
    }
#define RUN(type)                                                                                  \
    static void rows_##type(void *arg, size_t begin, size_t end, uint32_t thread)                  \
    {                                                                                              \
        const mwi_run_call *const call = arg;                                                      \
        const state *const s = call->state;                                                        \
        const mwi_view *const x = &call->in[0], *const out = &call->out[0];                        \
        const size_t n = (size_t)x->dims[3], in_row = (size_t)x->dims[2] * n,                      \
                     width = (size_t)out->dims[2];                                                 \
        const size_t height = (size_t)out->dims[1];                                                \
        (void)thread;                                                                              \
        for (size_t i = begin; i < end; i++) {                                                     \
            const type *const image =                                                              \
                (const type *)x->data + i / height * (size_t)x->dims[1] * in_row;                  \
            const place *const row = &s->rows[i % height];                                         \
            const type *const above = image + (size_t)row->low * in_row, *const below =            \
                                                                             image +               \
                                                                             (size_t)row->high *   \
                                                                                 in_row;           \
            type *to = (type *)out->data + i * width * n;                                          \
            for (size_t k = 0; k < width; k++, to += n) {                                          \
                const place *const column = &s->columns[k];                                        \
                const size_t left = (size_t)column->low * n, right = (size_t)column->high * n;     \
                pixel_##type(above + left, above + right, below + left, below + right, n, row,     \
                             column, to);                                                          \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static mw_status run_##type(mw_ctx *ctx, const mwi_run_call *call)                             \
    {                                                                                              \
        mwi_run_call copy = *call;                                                                 \
        (void)ctx;                                                                                 \
        if (call->out[0].bytes == 0) return MW_OK;                                                 \
        mwi_par_for(call->pool, (size_t)call->out[0].dims[0] * (size_t)call->out[0].dims[1], 8,    \
                    rows_##type, &copy);                                                           \
        return MW_OK;                                                                              \
    }
FLOAT_PIXEL(float, 0.0f)
FLOAT_PIXEL(uint8_t, 0.5f)
FIXED_PIXEL(int8_t)
FIXED_PIXEL(int16_t)
RUN(float)
RUN(uint8_t)
RUN(int8_t)
RUN(int16_t)

static int32_t version(const mwi_shape_call *call)
{
    if (call->in[0].dtype == MW_INT16) return 4;
    return ((const mwi_resize_attr *)call->attr)->half_pixel_centers ? 3 : mwi_version_i8(call);
}

static const mwi_kernel kernels[] = {
    {.name = "f32_resize_bilinear__ref",
     .types = "f32,i32>f32",
     .prepare = prepare,
     .run = run_float},
    {.name = "u8_resize_bilinear__ref",
     .types = "u8,i32>u8",
     .prepare = prepare,
     .run = run_uint8_t},
    {.name = "s8_resize_bilinear__ref",
     .types = "i8,i32>i8",
     .prepare = prepare,
     .run = run_int8_t},
    {.name = "s16_resize_bilinear__ref",
     .types = "i16,i32>i16",
     .prepare = prepare,
     .run = run_int16_t},
    {.name = NULL},
};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    return mwi_emit(ctx, &call->at, &mwi_op_resize_bilinear_grad,
                    MWI_IN(call->d_out[0], call->at.op->in[0]), mwi_same_settings, &call->d_in[0]);
}

const mwi_op_desc mwi_op_resize_bilinear = {
    .name = "RESIZE_BILINEAR",
    .tflite_code = 23,
    .options_type = 15,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_PER_SAMPLE | MWI_OP_SCALES_BY_CHANNEL,
    .attr_size = sizeof(mwi_resize_attr),
    .fields = fields,
    .kernels = kernels,
    .quant = &mwi_quant_same,
    .infer = mwi_resize_infer,
    .gradient = gradient,
    .version = version,
};
