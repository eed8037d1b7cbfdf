/* ops/detection_postprocess.c - TFLite_Detection_PostProcess (custom): boxes from their codes and
 * anchors, then suppression of those that lie over better ones, for each class (regular) or for
 * the best class of a box (fast). Inputs: codes [1, n, 4 or more], scores [1, n, classes with or
 * without a background], anchors [n, 4]. Outputs: boxes, classes, scores, count; what is not
 * filled is zero.
 * Depends: ops/flex, ops/fixed.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/fixed.h"
#include "ops/flex.h"
#include "ops/shapes.h"

#include <math.h>
#include <string.h>

typedef struct attr {
    int32_t max_detections, max_classes, per_class, n_classes;
    float score_threshold, overlap_threshold, y_scale, x_scale, h_scale, w_scale;
    bool regular;
} attr;

static int32_t whole(const mwi_flex *map, const char *name, int32_t otherwise)
{
    const double v = mwi_flex_number(map, name, otherwise);
    return v >= -1 && v <= 1e6 ? (int32_t)v : -1;
}

static mw_status parse(mw_ctx *ctx, mwi_arena *arena, const uint8_t *bytes, size_t n, void *out)
{
    attr *const a = out;
    mwi_flex map;

    (void)arena;
    MWI_TRY(mwi_flex_open(ctx, bytes, n, &map));
    a->max_detections = whole(&map, "max_detections", 0);
    a->max_classes = whole(&map, "max_classes_per_detection", 0);
    a->per_class = whole(&map, "detections_per_class", 100);
    a->n_classes = whole(&map, "num_classes", 0);
    a->score_threshold = (float)mwi_flex_number(&map, "nms_score_threshold", 0);
    a->overlap_threshold = (float)mwi_flex_number(&map, "nms_iou_threshold", 0);
    a->y_scale = (float)mwi_flex_number(&map, "y_scale", 0);
    a->x_scale = (float)mwi_flex_number(&map, "x_scale", 0);
    a->h_scale = (float)mwi_flex_number(&map, "h_scale", 0);
    a->w_scale = (float)mwi_flex_number(&map, "w_scale", 0);
    a->regular = mwi_flex_number(&map, "use_regular_nms", 0) != 0;
    return MW_OK;
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const attr *const a = call->attr;
    const mwi_view *const codes = &call->in[0], *const scores = &call->in[1],
                          *const anchors = &call->in[2];

    MWI_TRY(mwi_need_input(ctx, call, 0, 3, 3));
    MWI_TRY(mwi_need_input(ctx, call, 1, 3, 3));
    MWI_TRY(mwi_need_input(ctx, call, 2, 2, 2));
    if (codes->dims[0] != 1 || scores->dims[0] != 1 || codes->dims[2] < 4 ||
        anchors->dims[1] != 4 || scores->dims[1] != codes->dims[1] ||
        anchors->dims[0] != codes->dims[1])
        return mwi_fail(
            ctx, MW_EFORMAT, "%d codes of %d numbers, %d scores, %d anchors of %d numbers",
            codes->dims[1], codes->dims[2], scores->dims[1], anchors->dims[0], anchors->dims[1]);
    const int32_t background = scores->dims[2] - a->n_classes;
    if (a->n_classes < 1 || background < 0 || background > 1)
        return mwi_fail(ctx, MW_EFORMAT, "num_classes is %d with %d scores a box", a->n_classes,
                        scores->dims[2]);
    if (a->max_detections < 0 || a->max_classes < 1 || a->per_class < 1 ||
        !(a->overlap_threshold > 0 && a->overlap_threshold <= 1))
        return mwi_fail(
            ctx, MW_EFORMAT, "%d detections of %d classes, %d a class, overlap up to %g",
            a->max_detections, a->max_classes, a->per_class, (double)a->overlap_threshold);
    const int64_t n = (int64_t)a->max_detections * a->max_classes;
    if (n > INT32_MAX) return mwi_fail(ctx, MW_ELIMIT, "%lld detections", (long long)n);
    mwi_view_set_dims(&call->out[0], 3, (const int32_t[3]){1, (int32_t)n, 4});
    mwi_view_set_dims(&call->out[1], 2, (const int32_t[2]){1, (int32_t)n});
    mwi_view_set_dims(&call->out[2], 2, (const int32_t[2]){1, (int32_t)n});
    mwi_view_set_dims(&call->out[3], 1, (const int32_t[1]){1});
    return MW_OK;
}

typedef struct box {
    float top, left, bottom, right;
} box;

typedef struct found {
    int32_t box, class;
    float score;
} found;

/* The scratch memory in parts. */
typedef struct work {
    const attr *a;
    size_t n, n_scores,
        background; /* boxes; scores a box; 1 when the first score is the background's */
    box *boxes;
    float *scores;                   /* [n, n_scores] */
    float *values;                   /* [n]: what is being sorted */
    int32_t *order, *spare, *chosen; /* [n] */
    uint8_t *gone;                   /* [n] */
    found *list, *merged;            /* [max_detections + n]: regular */
} work;

/* Places `bytes` in the scratch memory, which is NULL while it is only measured. */
static void *cut(char *scratch, size_t *at, size_t bytes)
{
    void *const here = scratch == NULL ? NULL : scratch + *at;

    *at += (bytes + 15) / 16 * 16;
    return here;
}

/* Returns how many bytes it takes. */
static size_t lay_out(const attr *a, const mwi_view *in, char *scratch, work *w)
{
    const size_t n = (size_t)in[1].dims[1], n_scores = (size_t)in[1].dims[2];
    const size_t list = ((size_t)a->max_detections + n) * sizeof(found);
    size_t at = 0;

    *w =
        (work){.a = a, .n = n, .n_scores = n_scores, .background = n_scores - (size_t)a->n_classes};
    w->boxes = cut(scratch, &at, n * sizeof(box));
    w->scores = cut(scratch, &at, n * n_scores * sizeof(float));
    w->values = cut(scratch, &at, n * sizeof(float));
    w->order = cut(scratch, &at, n * sizeof(int32_t));
    w->spare = cut(scratch, &at, n * sizeof(int32_t));
    w->chosen = cut(scratch, &at, n * sizeof(int32_t));
    w->gone = cut(scratch, &at, n);
    w->list = cut(scratch, &at, list);
    w->merged = cut(scratch, &at, list);
    return at;
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    float scale;
    int32_t zero;
    work w;

    for (size_t i = 0; i < 3 && call->in[0].dtype == MW_UINT8; i++)
        MWI_TRY(mwi_need_quant(ctx, &call->in[i], "input", &scale, &zero));
    call->scratch_bytes = lay_out(call->attr, call->in, NULL, &w);
    return MW_OK;
}

static float value_at(const mwi_view *v, size_t i)
{
    if (v->dtype == MW_FLOAT32) return ((const float *)v->data)[i];
    return ((float)((const uint8_t *)v->data)[i] - (float)v->quant->q.zero_points[0]) *
           v->quant->q.scales[0];
}

static mw_status decode(mw_ctx *ctx, const mwi_run_call *call, work *w)
{
    const attr *const a = w->a;
    const size_t step = (size_t)call->in[0].dims[2];

    for (size_t i = 0; i < w->n; i++) {
        double code[4], anchor[4];
        for (size_t k = 0; k < 4; k++) {
            code[k] = (double)value_at(&call->in[0], i * step + k);
            anchor[k] = (double)value_at(&call->in[2], i * 4 + k);
        }
        const float y = (float)(code[0] / (double)a->y_scale * anchor[2] + anchor[0]);
        const float x = (float)(code[1] / (double)a->x_scale * anchor[3] + anchor[1]);
        const float h = (float)(0.5 * exp(code[2] / (double)a->h_scale) * anchor[2]);
        const float width = (float)(0.5 * exp(code[3] / (double)a->w_scale) * anchor[3]);
        w->boxes[i] = (box){y - h, x - width, y + h, x + width};
        if (w->boxes[i].top > w->boxes[i].bottom || w->boxes[i].left > w->boxes[i].right)
            return mwi_fail(ctx, MW_EINVAL, "box %zu has a negative size", i);
    }
    for (size_t i = 0; i < w->n * w->n_scores; i++) w->scores[i] = value_at(&call->in[1], i);
    return MW_OK;
}

static float overlap(const box *a, const box *b)
{
    const float area_a = (a->bottom - a->top) * (a->right - a->left),
                area_b = (b->bottom - b->top) * (b->right - b->left);

    if (area_a <= 0 || area_b <= 0) return 0;
    const float height = fmaxf(fminf(a->bottom, b->bottom) - fmaxf(a->top, b->top), 0);
    const float width = fmaxf(fminf(a->right, b->right) - fmaxf(a->left, b->left), 0);
    return height * width / (area_a + area_b - height * width);
}

/* Sorts `order` by falling values, equals as they come: merges runs that double. */
static void sort(const float *values, int32_t *order, int32_t *spare, size_t n)
{
    for (size_t run = 1; run < n; run *= 2) {
        for (size_t begin = 0; begin < n; begin += 2 * run) {
            const size_t middle = begin + run < n ? begin + run : n,
                         end = begin + 2 * run < n ? begin + 2 * run : n;
            size_t a = begin, b = middle;
            for (size_t i = begin; i < end; i++)
                spare[i] = b == end || (a < middle && !(values[order[b]] > values[order[a]]))
                               ? order[a++]
                               : order[b++];
        }
        memcpy(order, spare, n * sizeof *order);
    }
}

/* The boxes of w->values that are over the threshold and not under a better one, into w->chosen. */
static size_t suppress(work *w, size_t most)
{
    size_t kept = 0, n = 0;

    for (size_t i = 0; i < w->n; i++)
        if (w->values[i] >= w->a->score_threshold) w->order[kept++] = (int32_t)i;
    sort(w->values, w->order, w->spare, kept);
    memset(w->gone, 0, w->n);
    for (size_t i = 0; i < kept && n < most; i++) {
        if (w->gone[i]) continue;
        w->chosen[n++] = w->order[i];
        for (size_t k = i + 1; k < kept; k++)
            if (!w->gone[k] &&
                overlap(&w->boxes[w->order[i]], &w->boxes[w->order[k]]) > w->a->overlap_threshold)
                w->gone[k] = 1;
    }
    return n;
}

static void store(const mwi_run_call *call, const work *w, size_t at, int32_t index, float class,
                  float score)
{
    ((box *)call->out[0].data)[at] = w->boxes[index];
    ((float *)call->out[1].data)[at] = class;
    ((float *)call->out[2].data)[at] = score;
}

static size_t run_regular(const mwi_run_call *call, work *w)
{
    const attr *const a = w->a;
    const size_t most = (size_t)a->max_detections;
    const size_t per_class = (size_t)a->per_class < most ? (size_t)a->per_class : most;
    size_t n = 0;

    for (int32_t class = 0; class < a->n_classes; class ++) {
        for (size_t i = 0; i < w->n; i++)
            w->values[i] = w->scores[i * w->n_scores + (size_t) class + w->background];
        const size_t chosen = suppress(w, per_class);
        size_t old = 0, fresh = 0, out = 0;
        while (out < most && (old < n || fresh < chosen)) {
            const bool keep =
                fresh == chosen || (old < n && !(w->values[w->chosen[fresh]] > w->list[old].score));
            if (keep) {
                w->merged[out++] = w->list[old++];
            } else {
                w->merged[out++] = (found){w->chosen[fresh], class, w->values[w->chosen[fresh]]};
                fresh++;
            }
        }
        memcpy(w->list, w->merged, out * sizeof *w->list);
        n = out;
    }
    for (size_t i = 0; i < n; i++)
        store(call, w, i, w->list[i].box, (float)w->list[i].class, w->list[i].score);
    return n;
}

/* The next best class of a box after one that scores `score` and is `class`; -1 before the first.
 */
static int32_t next_class(const float *scores, int32_t n, float score, int32_t class)
{
    int32_t best = -1;

    for (int32_t i = 0; i < n; i++) {
        if (class >= 0 && !(scores[i] < score || (scores[i] == score && i > class))) continue;
        if (best < 0 || scores[i] > scores[best]) best = i;
    }
    return best;
}

static size_t run_fast(const mwi_run_call *call, work *w)
{
    const attr *const a = w->a;
    const int32_t n_best = a->max_classes < a->n_classes ? a->max_classes : a->n_classes;

    for (size_t i = 0; i < w->n; i++) {
        const float *const scores = w->scores + i * w->n_scores + w->background;
        w->values[i] = scores[next_class(scores, a->n_classes, 0, -1)];
    }
    const size_t n = suppress(w, (size_t)a->max_detections);
    for (size_t i = 0; i < n; i++) {
        const float *const scores = w->scores + (size_t)w->chosen[i] * w->n_scores + w->background;
        int32_t class = -1;
        for (int32_t k = 0; k < n_best; k++) {
            class = next_class(scores, a->n_classes, class < 0 ? 0 : scores[class], class);
            if (class < 0) break;
            store(call, w, i * (size_t)a->max_classes + (size_t)k, w->chosen[i], (float)class,
                  scores[class]);
        }
    }
    return n;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const attr *const a = call->attr;
    work w;

    (void)lay_out(a, call->in, call->scratch, &w);
    MWI_TRY(decode(ctx, call, &w));
    for (size_t i = 0; i < 3; i++)
        if (call->out[i].bytes > 0) memset(call->out[i].data, 0, call->out[i].bytes);
    *(float *)call->out[3].data = (float)(a->regular ? run_regular(call, &w) : run_fast(call, &w));
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_detection_postprocess__ref",
     .types = "f32,f32,f32>f32,f32,f32,f32",
     .run = run,
     .prepare = prepare},
    {.name = "u8_detection_postprocess__ref",
     .types = "u8,u8,u8>f32,f32,f32,f32",
     .run = run,
     .prepare = prepare},
    {.name = NULL},
};

const mwi_op_desc mwi_op_detection_postprocess = {
    .name = "TFLite_Detection_PostProcess",
    .tflite_code = -1,
    .custom = true,
    .min_in = 3,
    .max_in = 3,
    .min_out = 4,
    .max_out = 4,
    .attr_size = sizeof(attr),
    .kernels = kernels,
    .parse_custom = parse,
    .infer = infer,
};
