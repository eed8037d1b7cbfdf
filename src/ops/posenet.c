/* ops/posenet.c - see posenet.h. The best keypoints begin poses; from each the skeleton's edges
 * lead to the others, best first. Then poses lose the scores of keypoints that better ones have.
 * Depends: base/checked.  Used by: PosenetDecoderOp.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/posenet.h"

#include "base/checked.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    POINTS = MWI_POSE_POINTS,
    EDGES = MWI_POSE_EDGES,
    MID_STEPS = 5,     /* of shorts behind a mid offset */
    LONG_STEPS = 2,    /* of longs behind the first */
    NEIGHBOURHOOD = 1, /* a keypoint is the best within it */
};

/* The skeleton: each edge leads from the first to the second. Nose, eyes, ears, shoulders, elbows,
 * wrists, hips, knees, ankles; left before right. */
static const uint8_t edges[EDGES][2] = {
    {0, 1},   {1, 3},   {0, 2}, {2, 4}, {0, 5},  {5, 7},  {7, 9},   {5, 11},
    {11, 13}, {13, 15}, {0, 6}, {6, 8}, {8, 10}, {6, 12}, {12, 14}, {14, 16},
};

typedef struct candidate {
    float score;
    uint32_t order; /* in the map: of equal scores the first comes first */
    mwi_point at;
    int32_t point;
} candidate;

typedef struct pose {
    mwi_point at[POINTS];
    float scores[POINTS];
    float score;
    size_t order;
} pose;

bool mwi_poses_scratch(size_t most, size_t cells, size_t *out)
{
    size_t n, poses;

    if (!mwi_mul(cells, POINTS, &n) || n > UINT32_MAX || !mwi_mul(n, sizeof(candidate), &n) ||
        !mwi_mul(most + 1, sizeof(pose), &poses))
        return false;
    return mwi_add(n, poses, out);
}

/* ---- maps ---- */

/* NaN becomes `low`: a place is always on the grid. */
static float clamp(float v, float low, float high)
{
    return !(v > low) ? low : v > high ? high : v;
}

/* Two channels of a map between its cells. */
typedef struct corner {
    const float *top_left, *top_right, *bottom_left, *bottom_right;
    float y, x; /* distances from top and left */
} corner;

static corner corner_at(const float *map, int32_t height, int32_t width, size_t channels,
                        mwi_point at)
{
    const float y = clamp(at.y, 0, (float)height - 1), x = clamp(at.x, 0, (float)width - 1);
    const size_t top = (size_t)floorf(y), bottom = (size_t)ceilf(y), left = (size_t)floorf(x),
                 right = (size_t)ceilf(x), w = (size_t)width;

    return (corner){map + (top * w + left) * channels,
                    map + (top * w + right) * channels,
                    map + (bottom * w + left) * channels,
                    map + (bottom * w + right) * channels,
                    y - (float)top,
                    x - (float)left};
}

static float between(const corner *c, size_t channel)
{
    return (1 - c->y) * ((1 - c->x) * c->top_left[channel] + c->x * c->top_right[channel]) +
           c->y * ((1 - c->x) * c->bottom_left[channel] + c->x * c->bottom_right[channel]);
}

/* From a place along the offsets in channels y and x, on the grid. */
typedef struct grid {
    int32_t height, width;
} grid;

static mwi_point follow(const float *map, grid g, size_t channels, mwi_point at, size_t y, size_t x)
{
    const corner c = corner_at(map, g.height, g.width, channels, at);
    return (mwi_point){clamp(at.y + between(&c, y), 0, (float)g.height - 1),
                       clamp(at.x + between(&c, x), 0, (float)g.width - 1)};
}

static float distance2(mwi_point a, mwi_point b)
{
    const float dy = b.y - a.y, dx = b.x - a.x;
    return dy * dy + dx * dx;
}

/* ---- where poses may begin ---- */

static bool is_best_nearby(const mwi_poses *p, int32_t y, int32_t x, size_t point, float score)
{
    const int32_t top = y < NEIGHBOURHOOD ? 0 : y - NEIGHBOURHOOD,
                  left = x < NEIGHBOURHOOD ? 0 : x - NEIGHBOURHOOD;

    for (int32_t i = top; i <= y + NEIGHBOURHOOD && i < p->height; i++)
        for (int32_t k = left; k <= x + NEIGHBOURHOOD && k < p->width; k++)
            if (p->scores[((size_t)i * (size_t)p->width + (size_t)k) * POINTS + point] > score)
                return false;
    return true;
}

static int better_first(const void *pa, const void *pb)
{
    const candidate *const a = pa, *const b = pb;
    if (a->score != b->score) return a->score < b->score ? 1 : -1;
    return (a->order > b->order) - (a->order < b->order);
}

/* Keypoints whose logit is high enough, best first. */
static size_t find_candidates(const mwi_poses *p, candidate *out)
{
    const float least = (float)-log(1.0 / ((double)p->threshold + 1e-6) - 1.0);
    size_t n = 0, i = 0;

    for (int32_t y = 0; y < p->height; y++)
        for (int32_t x = 0; x < p->width; x++)
            for (size_t k = 0; k < POINTS; k++, i++) {
                const float score = p->scores[i], *const offsets = p->shorts + 2 * (i - k) + k;
                if (!(score >= least) || !is_best_nearby(p, y, x, k, score)) continue;
                out[n++] =
                    (candidate){.score = score,
                                .order = (uint32_t)i,
                                .at = {clamp((float)y + offsets[0], 0, (float)p->height - 1),
                                       clamp((float)x + offsets[POINTS], 0, (float)p->width - 1)},
                                .point = (int32_t)k};
            }
    if (n > 1) qsort(out, n, sizeof *out, better_first);
    return n;
}

/* ---- one pose ---- */

/* Keypoints to be taken next: an edge puts one there each time that it is met. */
typedef struct queue {
    candidate v[2 * EDGES + 1];
    size_t n;
} queue;

static candidate take_best(queue *q)
{
    size_t best = 0;

    for (size_t i = 1; i < q->n; i++)
        if (q->v[i].score > q->v[best].score) best = i;
    const candidate c = q->v[best];
    q->v[best] = q->v[--q->n];
    return c;
}

static void put(const mwi_poses *p, queue *q, mwi_point at, size_t point)
{
    const corner c = corner_at(p->scores, p->height, p->width, POINTS, at);
    q->v[q->n++] = (candidate){.score = between(&c, point), .at = at, .point = (int32_t)point};
}

/* The keypoint at the other end of an edge. */
static void follow_edge(const mwi_poses *p, queue *q, mwi_point at, size_t edge, bool backward)
{
    const size_t to = edges[edge][backward ? 0 : 1], y = edge + (backward ? 2 * EDGES : 0);
    const grid g = {p->height, p->width};

    at = follow(p->mids, g, 4 * EDGES, at, y, y + EDGES);
    for (int i = 0; i < MID_STEPS; i++) at = follow(p->shorts, g, 2 * POINTS, at, to, to + POINTS);
    put(p, q, at, to);
}

static void trace(const mwi_poses *p, const candidate *root, pose *out)
{
    bool done[POINTS] = {false};
    queue q = {.n = 0};

    put(p, &q, root->at, (size_t)root->point);
    while (q.n > 0) {
        const candidate c = take_best(&q);
        const size_t from = (size_t)c.point;
        if (done[from]) continue;
        done[from] = true;
        out->at[from] = c.at;
        out->scores[from] = 1.0f / (1.0f + expf(-c.score));
        for (size_t e = 0; e < 2 * EDGES; e++) {
            const bool backward = e >= EDGES;
            const uint8_t *const edge = edges[e % EDGES];
            if (edge[backward] == from && !done[edge[!backward]])
                follow_edge(p, &q, c.at, e % EDGES, backward);
        }
    }
}

/* The mean of the scores that are not hidden, from the largest on: sums of floats depend on it. */
static float mean_score(const pose *x, const bool *hidden)
{
    uint8_t order[POINTS];
    float sum = 0;

    for (size_t i = 0; i < POINTS; i++) {
        size_t k = i;
        for (; k > 0 && x->scores[order[k - 1]] < x->scores[i]; k--) order[k] = order[k - 1];
        order[k] = (uint8_t)i;
    }
    for (size_t i = 0; i < POINTS; i++)
        if (!hidden[order[i]]) sum += x->scores[order[i]];
    return sum / POINTS;
}

/* ---- all poses ---- */

static bool is_taken(const pose *poses, size_t n, const candidate *c, float radius2)
{
    for (size_t i = 0; i < n; i++)
        if (distance2(c->at, poses[i].at[c->point]) <= radius2) return true;
    return false;
}

static int by_score(const void *pa, const void *pb)
{
    const pose *const a = pa, *const b = pb;
    if (a->score != b->score) return a->score < b->score ? 1 : -1;
    return (a->order > b->order) - (a->order < b->order);
}

static mw_status find_poses(mw_ctx *ctx, const mwi_poses *p, pose *poses, candidate *candidates,
                            size_t *out_n)
{
    static const bool none[POINTS];
    const size_t n = find_candidates(p, candidates);

    *out_n = 0;
    for (size_t i = 0; i < n && *out_n < p->most; i++) {
        pose *const x = &poses[*out_n];
        if (is_taken(poses, *out_n, &candidates[i], p->radius * p->radius)) continue;
        MWI_TRY(mwi_progress(ctx, "poses", 0, 0));
        trace(p, &candidates[i], x);
        x->score = mean_score(x, none);
        x->order = *out_n;
        if (x->score >= p->threshold) ++*out_n;
    }
    return MW_OK;
}

/* The scores again, without the keypoints that poses before it have. */
static mw_status rescore(mw_ctx *ctx, pose *poses, size_t n, float radius2)
{
    for (size_t i = n; i-- > 0;) { /* what is compared are places: scores may change meanwhile */
        bool hidden[POINTS] = {false};
        MWI_TRY(mwi_progress(ctx, "poses", 0, 0));
        for (size_t k = 0; k < i; k++)
            for (size_t j = 0; j < POINTS; j++)
                hidden[j] = hidden[j] || distance2(poses[i].at[j], poses[k].at[j]) <= radius2;
        poses[i].score = mean_score(&poses[i], hidden);
        poses[i].order = i;
    }
    return MW_OK;
}

mw_status mwi_poses_decode(mw_ctx *ctx, const mwi_poses *p, float *points, float *scores,
                           float *pose_scores, size_t *out_n)
{
    pose *const poses = p->scratch;
    size_t n;

    *out_n = 0;
    if (p->height == 0 || p->width == 0) return MW_OK;
    MWI_TRY(find_poses(ctx, p, poses, (candidate *)(void *)(poses + p->most + 1), &n));
    if (n > 1) qsort(poses, n, sizeof *poses, by_score);
    MWI_TRY(rescore(ctx, poses, n, p->radius * p->radius));
    if (n > 1) qsort(poses, n, sizeof *poses, by_score);
    for (size_t i = 0; i < n && !(poses[i].score < p->threshold); i++, ++*out_n) {
        for (size_t k = 0; k < POINTS; k++) {
            *points++ = poses[i].at[k].y * p->stride;
            *points++ = poses[i].at[k].x * p->stride;
        }
        memcpy(scores + i * POINTS, poses[i].scores, sizeof poses[i].scores);
        pose_scores[i] = poses[i].score;
    }
    return MW_OK;
}

/* ---- masks ---- */

/* Where the cell's person has a keypoint, in pixels. */
static mwi_point person_has(const float *longs, grid g, mwi_point cell, size_t point, float stride)
{
    for (int i = 0; i <= LONG_STEPS; i++)
        cell = follow(longs, g, 2 * POINTS, cell, point, point + POINTS);
    return (mwi_point){cell.y * stride, cell.x * stride};
}

static size_t nearest(const mwi_point *person, const float *points, size_t n)
{
    float least = INFINITY;
    size_t best = 0;

    for (size_t i = 0; i < n; i++) {
        float sum = 0;
        for (size_t k = 0; k < POINTS; k++, points += 2)
            sum += distance2(person[k], (mwi_point){points[0], points[1]});
        if (!(sum < least)) continue;
        least = sum;
        best = i;
    }
    return best;
}

void mwi_poses_masks(const float *longs, int32_t size, float stride, const float *points, size_t n,
                     float *masks)
{
    const grid g = {size, size};
    const size_t side = (size_t)size;

    for (size_t i = 0; i < side * side && n > 0; i++) {
        mwi_point person[POINTS];
        const mwi_point cell = {(float)(i / side), (float)(i % side)};
        for (size_t k = 0; k < POINTS; k++) person[k] = person_has(longs, g, cell, k, stride);
        masks[nearest(person, points, n) * side * side + i] = 1;
    }
}
