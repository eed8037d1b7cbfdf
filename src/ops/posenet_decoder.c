/* ops/posenet_decoder.c - PosenetDecoderOp (custom): people's poses from the maps of a PersonLab
 * network (Papandreou et al., 2018), as Coral's models end. Inputs, for each cell of a grid: scores
 * of 17 keypoints as logits; offsets of a keypoint from the cell (short); offsets along the edges
 * of the skeleton in both directions (mid); offsets to each keypoint of the cell's person (long,
 * may be left out). Outputs: keypoints [1, most, 17, 2], their scores, the poses' scores, their
 * number; with long offsets masks of the persons on the grid. What is not filled is zero.
 * Depends: ops/flex, ops/fixed, ops/posenet.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/checked.h"
#include "ops/fixed.h"
#include "ops/flex.h"
#include "ops/posenet.h"
#include "ops/shapes.h"

#include <string.h>

enum { MOST_POSES = 10000, MASK = 33, MID_CHANNELS = 4 * MWI_POSE_EDGES };

typedef struct attr {
    int32_t max_detections, stride;
    float score_threshold, nms_radius;
} attr;

static const mwi_field fields[] = {
    {"max_detections", offsetof(attr, max_detections), MWI_FIELD_I32, -1, 1, 0, MOST_POSES, NULL},
    {"stride", offsetof(attr, stride), MWI_FIELD_I32, -1, 16, 1, 1 << 20, NULL},
    {"score_threshold", offsetof(attr, score_threshold), MWI_FIELD_F32, -1, 0.5, 1, 0, NULL},
    {"nms_radius", offsetof(attr, nms_radius), MWI_FIELD_F32, -1, 20, 1, 0, NULL},
    MWI_FIELDS_END,
};

static mw_status parse(mw_ctx *ctx, mwi_arena *arena, const uint8_t *bytes, size_t n, void *out)
{
    (void)arena;
    return mwi_flex_fields(ctx, bytes, n, fields, out);
}

/* ---- shapes ---- */

static mw_status check_map(mw_ctx *ctx, const mwi_shape_call *call, size_t i, int32_t channels)
{
    const mwi_view *const x = &call->in[i], *const first = &call->in[0];

    MWI_TRY(mwi_need_input(ctx, call, i, 4, 4));
    if (x->dims[0] != 1 || x->dims[3] != channels)
        return mwi_fail(ctx, MW_EFORMAT, "input %zu has batch %d and %d channels, allowed 1 and %d",
                        i, x->dims[0], x->dims[3], channels);
    const bool is_mask = i == 3;
    if (x->dims[1] != (is_mask ? MASK : first->dims[1]) ||
        x->dims[2] != (is_mask ? MASK : first->dims[2]))
        return mwi_fail(ctx, MW_EUNSUPPORTED, "input %zu is a grid of %d by %d, allowed %d by %d",
                        i, x->dims[1], x->dims[2], is_mask ? MASK : first->dims[1],
                        is_mask ? MASK : first->dims[2]);
    return MW_OK;
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    static const int32_t channels[] = {MWI_POSE_POINTS, 2 * MWI_POSE_POINTS, MID_CHANNELS,
                                       2 * MWI_POSE_POINTS};
    const int32_t most = ((const attr *)call->attr)->max_detections;
    const int32_t points[] = {1, most, MWI_POSE_POINTS, 2}, masks[] = {1, most, MASK, MASK};

    if (call->n_out != call->n_in + 1)
        return mwi_fail(ctx, MW_EFORMAT, "%zu inputs and %zu outputs, allowed 3 and 4, or 4 and 5",
                        call->n_in, call->n_out);
    for (size_t i = 0; i < call->n_in; i++) MWI_TRY(check_map(ctx, call, i, channels[i]));
    mwi_view_set_dims(&call->out[0], 4, points);
    mwi_view_set_dims(&call->out[1], 3, points);
    mwi_view_set_dims(&call->out[2], 2, points);
    mwi_view_set_dims(&call->out[3], 1, points);
    if (call->n_out > 4) mwi_view_set_dims(&call->out[4], 4, masks);
    return MW_OK;
}

/* ---- running ---- */

/* What quantized inputs mean. */
typedef struct state {
    float scale[4];
    int32_t zero[4];
    size_t map_bytes[4]; /* of the inputs as floats */
} state;

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const size_t cells = (size_t)call->in[0].dims[1] * (size_t)call->in[0].dims[2];
    size_t bytes;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = call->state = memory;
    if (!mwi_poses_scratch((size_t)((const attr *)call->attr)->max_detections, cells, &bytes))
        return mwi_fail(ctx, MW_ELIMIT, "a grid of %zu cells is larger than any memory", cells);
    for (size_t i = 0; i < call->n_in; i++) {
        s->scale[i] = 1;
        if (call->in[i].dtype == MW_UINT8)
            MWI_TRY(mwi_need_quant(ctx, &call->in[i], "input", &s->scale[i], &s->zero[i]));
        s->map_bytes[i] = (mwi_view_count(&call->in[i]) * sizeof(float) + 15) / 16 * 16;
        if (!mwi_add(bytes, s->map_bytes[i], &bytes))
            return mwi_fail(ctx, MW_ELIMIT, "maps larger than any memory");
    }
    call->scratch_bytes = bytes;
    return MW_OK;
}

/* Input i as floats, times `by`. */
static void widen(const mwi_run_call *call, size_t i, float by, float *out)
{
    const state *const s = call->state;
    const mwi_view *const x = &call->in[i];
    const size_t n = mwi_view_count(x);
    const float scale = s->scale[i] * by, zero = (float)s->zero[i];

    for (size_t k = 0; k < n && x->dtype == MW_UINT8; k++)
        out[k] = ((float)((const uint8_t *)x->data)[k] - zero) * scale;
    for (size_t k = 0; k < n && x->dtype == MW_FLOAT32; k++)
        out[k] = ((const float *)x->data)[k] * by;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const attr *const a = call->attr;
    const state *const s = call->state;
    const float by_stride = (float)(1.0 / a->stride);
    float *maps[4] = {NULL}, *at = call->scratch;
    size_t n;

    for (size_t i = 0; i < call->n_in; i++) {
        maps[i] = at;
        widen(call, i, i == 0 ? 1.0f : by_stride, at);
        at += s->map_bytes[i] / sizeof(float);
    }
    for (size_t i = 0; i < call->n_out; i++)
        if (call->out[i].bytes > 0) memset(call->out[i].data, 0, call->out[i].bytes);
    const mwi_poses p = {.scores = maps[0],
                         .shorts = maps[1],
                         .mids = maps[2],
                         .height = call->in[0].dims[1],
                         .width = call->in[0].dims[2],
                         .most = (size_t)a->max_detections,
                         .threshold = a->score_threshold,
                         .radius = a->nms_radius / (float)a->stride,
                         .stride = (float)a->stride,
                         .scratch = at};
    MWI_TRY(mwi_poses_decode(ctx, &p, call->out[0].data, call->out[1].data, call->out[2].data, &n));
    *(float *)call->out[3].data = (float)n;
    if (call->n_in > 3)
        mwi_poses_masks(maps[3], MASK, p.stride, call->out[0].data, n, call->out[4].data);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "any_posenet_decoder__ref",
     .types = "f32|u8,f32|u8,f32|u8,f32|u8?>f32,f32,f32,f32,f32?",
     .prepare = prepare,
     .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_posenet_decoder = {
    .name = "PosenetDecoderOp",
    .tflite_code = -1,
    .custom = true,
    .min_in = 3,
    .max_in = 4,
    .min_out = 4,
    .max_out = 5,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .parse_custom = parse,
    .infer = infer,
};
