/* ops/resize_nearest_neighbor.c - RESIZE_NEAREST_NEIGHBOR: each pixel of the output is one of the
 * input.
 * Depends: ops/resize, ops/rules.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/resize.h"
#include "ops/rules.h"

#include <string.h>

static const mwi_field fields[] = {
    {"align_corners", offsetof(mwi_resize_attr, align_corners), MWI_FIELD_BOOL, 0, 0, 0, 1, NULL},
    {"half_pixel_centers", offsetof(mwi_resize_attr, half_pixel_centers), MWI_FIELD_BOOL, 1, 0, 0,
     1, NULL},
    MWI_FIELDS_END,
};

/* Where each row and column comes from. */
typedef struct state {
    const int32_t *rows, *columns;
} state;

static mw_status table(mw_ctx *ctx, mwi_arena *arena, const mwi_resize_attr *a, int32_t in,
                       int32_t out, const int32_t **result)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, arena, (size_t)out, sizeof(int32_t), &memory));
    int32_t *const from = memory;
    for (int32_t i = 0; i < out; i++) from[i] = mwi_resize_nearest(a, i, in, out);
    *result = from;
    return MW_OK;
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const mwi_view *const x = &call->in[0], *const out = &call->out[0];
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = call->state = memory;
    if (mwi_view_count(out) == 0) return MW_OK;
    MWI_TRY(table(ctx, call->arena, call->attr, x->dims[1], out->dims[1], &s->rows));
    return table(ctx, call->arena, call->attr, x->dims[2], out->dims[2], &s->columns);
}

static void rows(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const mwi_run_call *const call = arg;
    const state *const s = call->state;
    const mwi_view *const x = &call->in[0], *const out = &call->out[0];
    const size_t pixel = (size_t)x->dims[3] * mwi_element_bytes(x), width = (size_t)out->dims[2];
    const size_t in_row = (size_t)x->dims[2] * pixel, height = (size_t)out->dims[1];

    (void)thread;
    for (size_t i = begin; i < end; i++) {
        const char *const from =
            (const char *)x->data +
            (i / height * (size_t)x->dims[1] + (size_t)s->rows[i % height]) * in_row;
        char *const to = (char *)out->data + i * width * pixel;
        for (size_t k = 0; k < width; k++)
            memcpy(to + k * pixel, from + (size_t)s->columns[k] * pixel, pixel);
    }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const out = &call->out[0];
    mwi_run_call copy = *call;

    (void)ctx;
    if (out->bytes == 0) return MW_OK;
    mwi_par_for(call->pool, (size_t)out->dims[0] * (size_t)out->dims[1], 16, rows, &copy);
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    const mwi_resize_attr *const a = call->attr;

    if (call->in[0].dtype == MW_INT16) return 4;
    return a->half_pixel_centers || a->align_corners ? 3 : mwi_version_i8(call);
}

static const mwi_kernel kernels[] = {
    {.name = "any_resize_nearest_neighbor__ref",
     .types = "f32|i8|u8|i16|i32|i64,i32>=",
     .prepare = prepare,
     .run = run},
    {.name = NULL},
};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    return mwi_emit(ctx, &call->at, &mwi_op_resize_nearest_neighbor_grad,
                    MWI_IN(call->d_out[0], call->at.op->in[0]), mwi_same_settings, &call->d_in[0]);
}

const mwi_op_desc mwi_op_resize_nearest_neighbor = {
    .name = "RESIZE_NEAREST_NEIGHBOR",
    .tflite_code = 97,
    .options_type = 74,
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
