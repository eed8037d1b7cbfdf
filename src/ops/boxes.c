/* ops/boxes.c - see boxes.h. Soft suppression: Bodla, Singh, Chellappa, Davis, "Soft-NMS", 2017.
 * Depends: ops/strided.  Used by: NON_MAX_SUPPRESSION_V4 and V5.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/boxes.h"

#include "ops/strided.h"

#include <math.h>
#include <string.h>

float mwi_box_overlap(const mwi_box *a, const mwi_box *b)
{
    const float a_top = fminf(a->y1, a->y2), a_bottom = fmaxf(a->y1, a->y2);
    const float a_left = fminf(a->x1, a->x2), a_right = fmaxf(a->x1, a->x2);
    const float b_top = fminf(b->y1, b->y2), b_bottom = fmaxf(b->y1, b->y2);
    const float b_left = fminf(b->x1, b->x2), b_right = fmaxf(b->x1, b->x2);
    const float area_a = (a_bottom - a_top) * (a_right - a_left),
                area_b = (b_bottom - b_top) * (b_right - b_left);

    if (area_a <= 0 || area_b <= 0) return 0;
    const float height = fmaxf(fminf(a_bottom, b_bottom) - fmaxf(a_top, b_top), 0);
    const float width = fmaxf(fminf(a_right, b_right) - fmaxf(a_left, b_left), 0);
    return height * width / (area_a + area_b - height * width);
}

mw_status mwi_suppression_infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const boxes = &call->in[0], *const scores = &call->in[1];
    int64_t most = 0;
    size_t n;

    MWI_TRY(mwi_need_input(ctx, call, 0, 2, 2));
    MWI_TRY(mwi_need_input(ctx, call, 1, 1, 1));
    if (boxes->dims[1] != 4 || boxes->dims[0] != scores->dims[0])
        return mwi_fail(ctx, MW_EFORMAT, "%d boxes of %d numbers with %d scores", boxes->dims[0],
                        boxes->dims[1], scores->dims[0]);
    for (size_t i = 2; i < call->n_in; i++) MWI_TRY(mwi_need_input(ctx, call, i, 0, 0));
    MWI_TRY(mwi_param_ints(ctx, call, 2, 1, &most, &n));
    if (call->unknown) return MW_OK;
    if (most < 0) return mwi_fail(ctx, MW_EFORMAT, "max_output_size is %lld", (long long)most);
    for (size_t i = 0; i + 1 < call->n_out; i++)
        mwi_view_set_dims(&call->out[i], 1, (const int32_t[1]){(int32_t)most});
    mwi_view_set_dims(&call->out[call->n_out - 1], 0, NULL);
    return MW_OK;
}

/* ---- a heap with the best score on top; of equals the first box ---- */

typedef struct candidate {
    int32_t index, seen; /* seen: how many of the chosen it has been compared with */
    float score;
} candidate;

mw_status mwi_suppression_prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    (void)ctx;
    call->scratch_bytes = (size_t)call->in[0].dims[0] * sizeof(candidate);
    return MW_OK;
}

static bool before(const candidate *a, const candidate *b)
{
    return a->score > b->score || (a->score == b->score && a->index < b->index);
}

static void sink(candidate *heap, size_t n, size_t at)
{
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && before(&heap[child + 1], &heap[child])) child++;
        if (!before(&heap[child], &heap[at])) return;
        const candidate t = heap[at];
        heap[at] = heap[child];
        heap[child] = t;
    }
}

typedef struct limits {
    float overlap, score, decay;
} limits;

/* Compares with the boxes chosen since the last time; false: one of them lies over it. */
static bool survives(const mwi_box *boxes, const limits *l, const int32_t *chosen, int32_t n,
                     candidate *c)
{
    for (int32_t i = n - 1; i >= c->seen; i--) {
        const float overlap = mwi_box_overlap(&boxes[c->index], &boxes[chosen[i]]);
        if (overlap >= l->overlap) return false;
        if (l->decay != 0) c->score *= expf(l->decay * overlap * overlap);
        if (c->score <= l->score) break;
    }
    c->seen = n;
    return true;
}

mw_status mwi_suppression_run(mw_ctx *ctx, const mwi_run_call *call, float sigma, int32_t *indices,
                              float *scores, int32_t *count)
{
    const mwi_box *const boxes = call->in[0].data;
    const float *const given = call->in[1].data;
    const int32_t n_boxes = call->in[0].dims[0], most = call->out[0].dims[0];
    const limits l = {.overlap = *(const float *)call->in[3].data,
                      .score = *(const float *)call->in[4].data,
                      .decay = sigma > 0 ? -0.5f / sigma : 0};
    candidate *const heap = call->scratch;
    size_t n = 0;

    *count = 0;
    if (sigma < 0) return mwi_fail(ctx, MW_EINVAL, "sigma is %g, allowed 0 or more", (double)sigma);
    for (int32_t i = 0; i < n_boxes; i++)
        if (given[i] > l.score) heap[n++] = (candidate){.index = i, .score = given[i]};
    for (size_t i = n / 2; i-- > 0;) sink(heap, n, i);
    const int32_t limit = n < (size_t)most ? (int32_t)n : most;
    while (n > 0 && *count < limit) {
        candidate *const best = &heap[0];
        const float score = best->score;
        const bool stays = survives(boxes, &l, indices, *count, best);
        if (stays && best->score == score) {
            indices[*count] = best->index;
            if (scores != NULL) scores[*count] = score;
            (*count)++;
        }
        /* A chosen box stays in line, as in TFLite: it lies over itself, unless it has no area. */
        if (!stays || !(best->score > l.score)) heap[0] = heap[--n];
        sink(heap, n, 0);
    }
    for (int32_t i = *count; i < most; i++) {
        indices[i] = 0;
        if (scores != NULL) scores[i] = 0;
    }
    return MW_OK;
}
