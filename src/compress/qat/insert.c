/* compress/qat/insert.c - see insert.h.     SPDX-License-Identifier: Apache-2.0 */
#include "compress/qat/insert.h"

#include <string.h>

struct insertion {
    const mwi_qat_plan *plan;
    mw_model *model;
    mwi_graph *g;
    const mwi_qat_inputs *inputs;
    mwi_qat_fake *fakes;
};

static mwi_qat_bounds bounds_of(const struct insertion *s, size_t point)
{
    const mwi_qat_point *const p = &s->plan->points[point];

    if (p->group >= 0) return s->inputs->groups[p->group];
    return s->inputs->weights == NULL ? (mwi_qat_bounds){-1, -1} : s->inputs->weights[point];
}

static void set_bool(mwi_op *op, const char *field, bool value)
{
    *(bool *)((char *)op->attr + mwi_op_field(op->desc, field)->offset) = value;
}

static mw_status add_seen(mw_ctx *ctx, const struct insertion *s, int32_t like, const char *suffix,
                          int32_t n, int32_t *out)
{
    const char *name;

    MWI_TRY(
        mwi_arena_printf(ctx, &s->model->arena, &name, "%s%s", s->g->tensors[like]->name, suffix));
    return mwi_graph_add_value(ctx, s->model, s->g, name, MW_FLOAT32, 1, &n, out);
}

/* FAKE_QUANT_TRAIN of tensor x, right behind what makes it. */
static mw_status add_fake(mw_ctx *ctx, const struct insertion *s, size_t point, int32_t x,
                          mwi_qat_fake *out)
{
    const mwi_qat_point *const p = &s->plan->points[point];
    const mwi_qat_bounds b = bounds_of(s, point);
    const mwi_tensor *const t = s->g->tensors[x];
    const size_t at = (size_t)(mwi_graph_producer(s->g, x) + 1);
    const int32_t n = p->axis >= 0 && p->axis < t->rank ? t->dims[p->axis] : 1;
    const char *name;
    mwi_op *op;

    MWI_TRY(mwi_arena_printf(ctx, &s->model->arena, &name, "%s_rounded", t->name));
    MWI_TRY(mwi_graph_add_value(ctx, s->model, s->g, name, MW_FLOAT32, t->rank, t->dims, &out->y));
    memcpy(s->g->tensors[out->y]->signature, t->signature, sizeof t->signature);
    MWI_TRY(add_seen(ctx, s, x, "_seen_min", n, &out->seen_min));
    MWI_TRY(add_seen(ctx, s, x, "_seen_max", n, &out->seen_max));
    MWI_TRY(
        mwi_graph_add_op(ctx, s->model, s->g, at, mwi_op_by_name("FAKE_QUANT_TRAIN"), 4, 3, &op));
    mwi_op_set_i32(op, "num_bits", p->bits);
    mwi_op_set_i32(op, "axis", p->axis < t->rank ? p->axis : -1);
    set_bool(op, "symmetric", p->symmetric);
    set_bool(op, "narrow_range", p->weight);
    op->in[0] = x;
    op->in[1] = b.min;
    op->in[2] = b.max;
    op->in[3] = s->inputs->on;
    op->out[0] = out->y;
    op->out[1] = out->seen_min;
    op->out[2] = out->seen_max;
    return MW_OK;
}

/* All that read `from` read `to` from now on, but the operator that makes `to`. */
static void redirect(mwi_graph *g, int32_t from, int32_t to)
{
    const int32_t maker = mwi_graph_producer(g, to);

    for (size_t i = 0; i < g->n_ops; i++)
        for (size_t k = 0; k < g->ops[i]->n_in && (int32_t)i != maker; k++)
            if (g->ops[i]->in[k] == from) g->ops[i]->in[k] = to;
    for (size_t i = 0; i < g->n_outputs; i++)
        if (g->outputs[i] == from) g->outputs[i] = to;
}

/* The operator of the graph that makes what operator `i` of the planned model makes; NULL: none. */
static mwi_op *reader_of(const struct insertion *s, int32_t i)
{
    const int32_t p = mwi_graph_producer(s->g, s->plan->given->ops[i]->out[0]);
    return p < 0 ? NULL : s->g->ops[p];
}

static bool same_fake(const struct insertion *s, size_t a, size_t b)
{
    const mwi_qat_point *const p = &s->plan->points[a], *const q = &s->plan->points[b];
    return p->op >= 0 && q->op >= 0 && p->group == q->group && p->bits == q->bits &&
           p->axis == q->axis && p->symmetric == q->symmetric && p->weight == q->weight;
}

/* A fake quantizer of x by the same range that is there already. */
static bool find_fake(const struct insertion *s, size_t point, int32_t x, mwi_qat_fake *out)
{
    for (size_t i = point; i-- > 0;) {
        const int32_t y = s->fakes[i].y;
        if (y < 0 || !same_fake(s, i, point)) continue;
        if (s->g->ops[mwi_graph_producer(s->g, y)]->in[0] != x) continue;
        *out = s->fakes[i];
        return true;
    }
    return false;
}

/* A last SOFTMAX that the loss takes in is not. */
static bool is_computed(const mwi_graph *g, int32_t tensor)
{
    return mwi_graph_producer(g, tensor) >= 0 || mwi_graph_is_input(g, tensor);
}

static mw_status insert(mw_ctx *ctx, const struct insertion *s, size_t point)
{
    const mwi_qat_point *const p = &s->plan->points[point];
    mwi_qat_fake *const fake = &s->fakes[point];

    *fake = (mwi_qat_fake){-1, -1, -1};
    if (p->op < 0 && !is_computed(s->g, p->tensor)) return MW_OK;
    if (p->op < 0) {
        MWI_TRY(add_fake(ctx, s, point, p->tensor, fake));
        redirect(s->g, p->tensor, fake->y);
        return MW_OK;
    }
    mwi_op *const reader = reader_of(s, p->op);
    if (reader == NULL || p->operand >= reader->n_in || reader->in[p->operand] < 0) return MW_OK;
    const int32_t x = reader->in[p->operand];
    if (!find_fake(s, point, x, fake)) MWI_TRY(add_fake(ctx, s, point, x, fake));
    reader->in[p->operand] = fake->y;
    return MW_OK;
}

mw_status mwi_qat_insert(mw_ctx *ctx, const mwi_qat_plan *plan, mw_model *model, mwi_graph *graph,
                         const mwi_qat_inputs *inputs, mwi_qat_fake *fakes)
{
    const struct insertion s = {plan, model, graph, inputs, fakes};

    for (size_t i = 0; i < plan->n_points; i++) MWI_TRY(insert(ctx, &s, i));
    return MW_OK;
}
