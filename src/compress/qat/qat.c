/* compress/qat/qat.c - see qat.h. Ranges are parameters of the run, so that checkpoints and the
 * best epoch keep them; those that are not learned follow what each step saw. Depends:
 * compress/qat/export, train/step_graph.  Used by: api/. SPDX-License-Identifier: Apache-2.0 */
#include "compress/part.h"
#include "compress/qat/export.h"
#include "compress/qat/insert.h"
#include "compress/qat/qat_schemes.h"
#include "compress/quantize/affine.h"
#include "train/step_graph.h"

#include <math.h>
#include <string.h>

typedef struct qat {
    const mw_qat_options *options;
    mw_dataset *data; /* calibrates what training does not see */
    mwi_qat_plan plan;
    bool on; /* values are rounded from now on */
    /* The step graph's. */
    size_t on_place;         /* input: float [1] */
    mwi_qat_fake *fakes;     /* by point */
    size_t (*seen)[2];       /* by point that is watched: outputs of the range seen */
    mwi_param *(*ranges)[2]; /* by group: least and largest value; NULL least: [-r, r];
                              * both NULL: fixed */
    mwi_range *step_ranges;  /* by group: work of one step */
    mwi_param **weights;     /* by point: largest magnitudes that are learned; NULL: none */
    /* The validation graph's: tensors of the same. */
    mwi_qat_bounds *checked_groups, *checked_weights;
} qat;

static mw_status room(mw_ctx *ctx, qat *q, size_t n, size_t bytes, void *out)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &q->plan.job.arena, n, bytes, &memory));
    memcpy(out, &memory, sizeof memory);
    return MW_OK;
}

/* ---- the step graph ---- */

static mw_status add_constant(mw_ctx *ctx, mwi_step_graph *g, const char *name, int32_t n,
                              const float *value, int32_t *out)
{
    return mwi_graph_add_const(ctx, g->model, g->graph, name, MW_FLOAT32, 1, &n, value, out);
}

static mw_status add_range(mw_ctx *ctx, const qat *q, mwi_step_graph *g, const char *of,
                           const char *which, int32_t n, const float *start, mwi_param **out)
{
    const char *name;

    MWI_TRY(mwi_arena_printf(ctx, g->arena, &name, "%s/range_%s", of, which));
    MWI_TRY(mwi_step_add_param(ctx, g, name, 1, &n, start, out));
    (*out)->trainable = q->options->learn_ranges;
    return MW_OK;
}

/* Tensors that hold the ranges of activations: constants where the specification fixes them. */
static mw_status add_groups(mw_ctx *ctx, qat *q, mwi_step_graph *g, mwi_qat_bounds *out)
{
    static const float unknown[2] = {1, -1}; /* min > max: values pass */

    for (size_t i = 0; i < q->plan.n_groups; i++) {
        const mwi_qat_group *const group = &q->plan.groups[i];
        const float fixed[2] = {(float)group->range.min, (float)group->range.max};
        mwi_param **const p = q->ranges[i];
        out[i] = (mwi_qat_bounds){-1, -1};
        if (group->fixed) {
            MWI_TRY(add_constant(ctx, g, "range_min", 1, &fixed[0], &out[i].min));
            MWI_TRY(add_constant(ctx, g, "range_max", 1, &fixed[1], &out[i].max));
            continue;
        }
        if (!group->symmetric) {
            MWI_TRY(add_range(ctx, q, g, group->name, "min", 1, &unknown[0], &p[0]));
            out[i].min = p[0]->input;
        }
        MWI_TRY(add_range(ctx, q, g, group->name, "max", 1, &unknown[1], &p[1]));
        out[i].max = p[1]->input;
    }
    return MW_OK;
}

static mwi_channels channels_of(const mwi_tensor *t, const mwi_qat_point *p)
{
    return mwi_channels_of(t->rank, t->dims, p->axis);
}

static mw_status add_weights(mw_ctx *ctx, qat *q, mwi_step_graph *g, mwi_qat_bounds *out)
{
    for (size_t i = 0; i < q->plan.n_points; i++) {
        const mwi_qat_point *const p = &q->plan.points[i];
        const mwi_tensor *const t = g->original->graphs[0]->tensors[p->tensor];
        const mwi_channels c = channels_of(t, p);
        float *start;
        out[i] = (mwi_qat_bounds){-1, -1};
        if (!p->weight || !q->options->learn_ranges) continue;
        MWI_TRY(room(ctx, q, c.n_channels, sizeof *start, &start));
        for (size_t k = 0; k < c.n_channels; k++) start[k] = -1;
        MWI_TRY(
            add_range(ctx, q, g, t->name, "largest", (int32_t)c.n_channels, start, &q->weights[i]));
        out[i].max = q->weights[i]->input;
    }
    return MW_OK;
}

/* What the graph names beside its operators. */
static void redirect(mwi_step_graph *g, int32_t from, int32_t to)
{
    for (size_t i = 0; i < g->outputs.n; i++)
        if (g->outputs.v[i] == from) g->outputs.v[i] = to;
    if (g->output == from) g->output = to;
    if (g->logits == from) g->logits = to;
}

static mw_status insert(mw_ctx *ctx, qat *q, mwi_step_graph *g, int32_t on,
                        const mwi_qat_bounds *groups, const mwi_qat_bounds *weights,
                        mwi_qat_fake *fakes)
{
    MWI_TRY(mwi_qat_insert(ctx, &q->plan, g->model, g->graph,
                           &(mwi_qat_inputs){groups, weights, on}, fakes));
    for (size_t i = 0; i < q->plan.n_points; i++)
        if (q->plan.points[i].op < 0 && fakes[i].y >= 0)
            redirect(g, q->plan.points[i].tensor, fakes[i].y);
    return MW_OK;
}

static bool is_watched(const qat *q, size_t point)
{
    return q->plan.points[point].watched && q->fakes[point].y >= 0;
}

static mw_status build(void *self, mw_ctx *ctx, mwi_step_graph *g)
{
    qat *const q = self;
    static const int32_t one = 1;
    mwi_qat_bounds *groups, *weights;
    int32_t on;

    MWI_TRY(room(ctx, q, q->plan.n_groups, sizeof *groups, &groups));
    MWI_TRY(room(ctx, q, q->plan.n_points, sizeof *weights, &weights));
    MWI_TRY(mwi_step_add_input(ctx, g, "rounding_on", MW_FLOAT32, 1, &one, &on, &q->on_place));
    MWI_TRY(add_groups(ctx, q, g, groups));
    MWI_TRY(add_weights(ctx, q, g, weights));
    MWI_TRY(insert(ctx, q, g, on, groups, weights, q->fakes));
    for (size_t i = 0; i < q->plan.n_points; i++) {
        if (!is_watched(q, i)) continue;
        MWI_TRY(mwi_step_add_output(ctx, g, q->fakes[i].seen_min, &q->seen[i][0]));
        MWI_TRY(mwi_step_add_output(ctx, g, q->fakes[i].seen_max, &q->seen[i][1]));
    }
    return MW_OK;
}

/* Ranges as constants, which get the present values before each validation. */
static mw_status build_validation(void *self, mw_ctx *ctx, mwi_step_graph *g)
{
    qat *const q = self;
    mwi_qat_fake *fakes;

    MWI_TRY(room(ctx, q, q->plan.n_points, sizeof *fakes, &fakes));
    for (size_t i = 0; i < q->plan.n_groups; i++) {
        const mwi_qat_group *const group = &q->plan.groups[i];
        const float range[2] = {(float)group->range.min, (float)group->range.max};
        mwi_qat_bounds *const b = &q->checked_groups[i];
        *b = (mwi_qat_bounds){-1, -1};
        if (group->fixed || !group->symmetric)
            MWI_TRY(add_constant(ctx, g, "range_min", 1, &range[0], &b->min));
        MWI_TRY(add_constant(ctx, g, "range_max", 1, &range[1], &b->max));
    }
    for (size_t i = 0; i < q->plan.n_points; i++) {
        const mwi_param *const p = q->weights[i];
        q->checked_weights[i] = (mwi_qat_bounds){-1, -1};
        if (p == NULL) continue;
        MWI_TRY(add_constant(ctx, g, p->name, (int32_t)p->n, p->value, &q->checked_weights[i].max));
    }
    return insert(ctx, q, g, -1, q->checked_groups, q->checked_weights, fakes);
}

static mw_status put(mw_ctx *ctx, mw_model *model, int32_t tensor, const mwi_param *p)
{
    void *memory;

    if (tensor < 0 || p == NULL) return MW_OK;
    MWI_TRY(mwi_arena_copy(ctx, &model->arena, p->value, p->n * sizeof *p->value, &memory));
    model->graphs[0]->tensors[tensor]->data = memory;
    return MW_OK;
}

static mw_status bake(void *self, mw_ctx *ctx, mw_trainer *t, mw_model *model)
{
    const qat *const q = self;

    (void)t;
    for (size_t i = 0; i < q->plan.n_groups; i++) {
        MWI_TRY(put(ctx, model, q->checked_groups[i].min, q->ranges[i][0]));
        MWI_TRY(put(ctx, model, q->checked_groups[i].max, q->ranges[i][1]));
    }
    for (size_t i = 0; i < q->plan.n_points; i++)
        MWI_TRY(put(ctx, model, q->checked_weights[i].max, q->weights[i]));
    return MW_OK;
}

/* ---- steps ---- */

static mw_status feed(void *self, mw_ctx *ctx, mw_trainer *t, const uint64_t *samples, size_t n)
{
    const qat *const q = self;
    void *to;

    (void)samples, (void)n;
    MWI_TRY(mwi_trainer_input(ctx, t, q->on_place, &to, NULL));
    *(float *)to = q->on ? 1 : 0;
    return MW_OK;
}

static mw_status seen_by(mw_ctx *ctx, mw_trainer *t, const size_t *places, mwi_range *out)
{
    const void *min, *max;

    MWI_TRY(mwi_trainer_output(ctx, t, places[0], &min, NULL));
    MWI_TRY(mwi_trainer_output(ctx, t, places[1], &max, NULL));
    out->min = fmin(out->min, (double)*(const float *)min);
    out->max = fmax(out->max, (double)*(const float *)max);
    return MW_OK;
}

static void follow(mwi_param *const *p, mwi_range seen, uint64_t step)
{
    if (p[0] != NULL) {
        p[0]->value[0] = mwi_qat_follow(p[0]->value[0], seen.min, step);
        p[1]->value[0] = mwi_qat_follow(p[1]->value[0], seen.max, step);
    } else {
        p[1]->value[0] = mwi_qat_follow(p[1]->value[0], fmax(-seen.min, seen.max), step);
    }
}

/* Ranges follow what the step saw, until they are trained. */
static mw_status after_step(void *self, mw_ctx *ctx, mw_trainer *t, uint64_t step)
{
    const qat *const q = self;
    mwi_range *seen;

    if (q->on && q->options->learn_ranges) return MW_OK;
    seen = q->step_ranges;
    for (size_t i = 0; i < q->plan.n_groups; i++) seen[i] = (mwi_range){HUGE_VAL, -HUGE_VAL};
    for (size_t i = 0; i < q->plan.n_points; i++)
        if (is_watched(q, i)) MWI_TRY(seen_by(ctx, t, q->seen[i], &seen[q->plan.points[i].group]));
    for (size_t i = 0; i < q->plan.n_groups; i++)
        if (!q->plan.groups[i].fixed && seen[i].min <= seen[i].max)
            follow(q->ranges[i], seen[i], step);
    return MW_OK;
}

/* Learned ranges of weights begin at their largest magnitudes. */
static void begin_weights(const qat *q, mw_trainer *t)
{
    for (size_t i = 0; i < q->plan.n_points; i++) {
        mwi_param *const p = q->weights[i];
        if (p == NULL) continue;
        const mwi_tensor *const w = q->plan.given->tensors[q->plan.points[i].tensor];
        const float *values = w->data;
        for (size_t k = 0; k < mwi_trainer_n_params(t); k++)
            if (mwi_trainer_param(t, k)->tensor == q->plan.points[i].tensor)
                values = mwi_trainer_param(t, k)->value;
        const mwi_channels c = channels_of(w, &q->plan.points[i]);
        for (size_t k = 0; k < c.n_channels; k++) p->value[k] = 0;
        for (size_t k = 0; k < c.n; k++) {
            float *const largest = &p->value[mwi_channel(&c, k)];
            *largest = fmaxf(*largest, fabsf(values[k]));
        }
    }
}

/* Zero lies in each range, and none closes or turns over. */
static void hold_ranges(const qat *q)
{
    static const float LEAST = 1e-6f;

    for (size_t i = 0; i < q->plan.n_groups; i++) {
        mwi_param *const *const p = q->ranges[i];
        if (p[0] != NULL) p[0]->value[0] = fminf(p[0]->value[0], 0);
        if (p[1] != NULL)
            p[1]->value[0] =
                fmaxf(p[1]->value[0], p[0] == NULL || p[0]->value[0] > -LEAST ? LEAST : 0);
    }
    for (size_t i = 0; i < q->plan.n_points; i++)
        for (size_t k = 0; q->weights[i] != NULL && k < q->weights[i]->n; k++)
            q->weights[i]->value[k] = fmaxf(q->weights[i]->value[k], LEAST);
}

/* Rounding begins when a range is known, after `start` of the run. */
static mw_status after_update(void *self, mw_ctx *ctx, mw_trainer *t, uint64_t step)
{
    qat *const q = self;

    (void)ctx;
    if (!q->on && step > 0 && (double)step >= q->options->start * (double)mwi_trainer_n_steps(t)) {
        q->on = true;
        begin_weights(q, t);
    }
    if (q->on && q->options->learn_ranges) hold_ranges(q);
    return MW_OK;
}

/* ---- checkpoints ---- */

static mw_status save(void *self, mw_ctx *ctx, mwi_text *out)
{
    const qat *const q = self;
    return mwi_text_printf(ctx, out, "%d", q->on);
}

static mw_status load(void *self, mw_ctx *ctx, const uint8_t *bytes, size_t n)
{
    qat *const q = self;

    if (n != 1 || (bytes[0] != '0' && bytes[0] != '1'))
        return mwi_fail(ctx, MW_EFORMAT, "state of quantization-aware training: %zu bytes", n);
    q->on = bytes[0] == '1';
    return MW_OK;
}

static mw_status describe(void *self, mw_ctx *ctx, mwi_text *out)
{
    const qat *const q = self;

    MWI_TRY(mwi_text_printf(ctx, out, "qat %s\nqat_learn_ranges %d\nqat_start %.17g\n",
                            q->plan.job.scheme->name, q->options->learn_ranges, q->options->start));
    for (size_t i = 0; i < q->options->n_keep; i++)
        MWI_TRY(mwi_text_printf(ctx, out, "qat_keep %s\n", q->options->keep[i]));
    return MW_OK;
}

/* ---- the result ---- */

static mw_status finish(void *self, mw_ctx *ctx, mw_trainer *t, mw_model *model)
{
    qat *const q = self;
    mwi_range *const groups = q->step_ranges;
    const float **weights;

    (void)t;
    MWI_TRY(room(ctx, q, q->plan.n_points, sizeof *weights, &weights));
    for (size_t i = 0; i < q->plan.n_groups; i++) {
        mwi_param *const *const p = q->ranges[i];
        if (p[1] == NULL) continue;
        const double max = (double)p[1]->value[0];
        groups[i] = (mwi_range){p[0] == NULL ? -max : (double)p[0]->value[0], max};
    }
    for (size_t i = 0; i < q->plan.n_points; i++)
        weights[i] = q->on && q->weights[i] != NULL ? q->weights[i]->value : NULL;
    const mwi_qat_found found = {groups, weights};
    mwi_progress_hold(ctx, true); /* a run that was cancelled gives what it has */
    mw_model *integer = NULL;
    const mw_status st = mwi_qat_export(ctx, &q->plan, model, &found, q->data, &integer);
    mwi_progress_hold(ctx, false);
    if (integer != NULL) mwi_model_give_integer(model, integer);
    return mwi_prefix(ctx, st, "the integer model");
}

/* ---- opening ---- */

static mw_status check(mw_ctx *ctx, const mw_qat_options *o, const mwi_qat_scheme **out)
{
    for (*out = mwi_qat_schemes; (*out)->name != NULL && (*out)->asked != o->scheme;) (*out)++;
    if ((*out)->name == NULL)
        return mwi_fail(ctx, MW_EINVAL,
                        "scheme %d cannot be trained for; mw_list \"qat\" has those that can",
                        (int)o->scheme);
    if (o->start >= 0 && o->start < 1) return MW_OK;
    return mwi_fail(ctx, MW_EINVAL, "rounding begins after %g of the run, allowed 0 to below 1",
                    o->start);
}

static mw_status open_lists(mw_ctx *ctx, qat *q)
{
    const size_t n = q->plan.n_points, n_groups = q->plan.n_groups;

    MWI_TRY(room(ctx, q, n, sizeof *q->fakes, &q->fakes));
    MWI_TRY(room(ctx, q, n, sizeof *q->seen, &q->seen));
    MWI_TRY(room(ctx, q, n, sizeof *q->weights, &q->weights));
    MWI_TRY(room(ctx, q, n, sizeof *q->checked_weights, &q->checked_weights));
    MWI_TRY(room(ctx, q, n_groups, sizeof *q->ranges, &q->ranges));
    MWI_TRY(room(ctx, q, n_groups, sizeof *q->step_ranges, &q->step_ranges));
    return room(ctx, q, n_groups, sizeof *q->checked_groups, &q->checked_groups);
}

static mw_status open_part(mw_ctx *ctx, const mwi_part_call *call, mwi_train_part *out)
{
    const mw_qat_options *const o = call->options->qat;
    const mwi_qat_scheme *row;
    void *memory;

    MWI_TRY(check(ctx, o, &row));
    MWI_TRY(mwi_alloc(ctx, sizeof(qat), &memory));
    qat *const q = memory;
    *q = (qat){.options = o, .data = call->train};
    *out = (mwi_train_part){.self = q,
                            .build = build,
                            .build_validation = build_validation,
                            .bake = bake,
                            .feed = feed,
                            .after_update = after_update,
                            .after_step = after_step,
                            .save = save,
                            .load = load,
                            .describe = describe,
                            .finish = finish};
    MWI_TRY(mwi_qat_plan_open(ctx, call->model, row->scheme, o->keep, o->n_keep, &q->plan));
    return open_lists(ctx, q);
}

static void close_part(mw_ctx *ctx, void *self)
{
    qat *const q = self;

    mwi_qat_plan_close(&q->plan);
    mwi_free(ctx, q, sizeof *q);
}

static bool wanted(const mw_train_options *o) { return o->qat != NULL; }

const mwi_part_desc mwi_part_qat = {
    .name = "quantization-aware training",
    .wanted = wanted,
    .open = open_part,
    .close = close_part,
};
