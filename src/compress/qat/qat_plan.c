/* compress/qat/qat_plan.c - see qat_plan.h.     SPDX-License-Identifier: Apache-2.0 */
#include "compress/qat/qat_plan.h"

#include <string.h>

static bool is_activation(const mwi_graph *g, int32_t tensor)
{
    return tensor >= 0 && g->tensors[tensor]->dtype == MW_FLOAT32 &&
           !mwi_tensor_is_const(g->tensors[tensor]) && !g->tensors[tensor]->is_variable;
}

/* ---- groups ---- */

static mwi_range fixed_range(mw_dtype act, mwi_params p)
{
    int32_t low, high;

    mwi_quant_range(act, &low, &high);
    if (act == MW_INT16) low = -high; /* the rule for ranges is symmetric there */
    return (mwi_range){(double)p.scale * (low - p.zero_point),
                       (double)p.scale * (high - p.zero_point)};
}

static void add_to_group(mwi_qat_plan *plan, int32_t tensor)
{
    const mwi_qjob *const job = &plan->job;
    const int32_t root = mwi_qjob_root(job, tensor);
    const mwi_qvalue *const v = &job->values[root];

    if (plan->group_of[root] < 0) {
        plan->groups[plan->n_groups] = (mwi_qat_group){
            .name = job->fg->tensors[tensor]->name,
            .fixed = v->fixed,
            .symmetric = v->symmetric || job->act == MW_INT16,
            .range = v->fixed ? fixed_range(job->act, v->params) : (mwi_range){1, -1},
        };
        plan->group_of[root] = (int32_t)plan->n_groups++;
    }
    plan->group_of[tensor] = plan->group_of[root];
}

static mw_status make_groups(mw_ctx *ctx, mwi_qat_plan *plan)
{
    mwi_qjob *const job = &plan->job;
    const mwi_graph *const g = job->fg;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &job->arena, g->n_tensors, sizeof *plan->groups, &memory));
    plan->groups = memory;
    MWI_TRY(mwi_arena_array(ctx, &job->arena, g->n_tensors, sizeof(int32_t), &memory));
    plan->group_of = memory;
    for (size_t i = 0; i < g->n_tensors; i++) plan->group_of[i] = -1;
    for (size_t i = 0; i < g->n_inputs; i++)
        if (is_activation(g, g->inputs[i]) && !job->values[g->inputs[i]].index)
            add_to_group(plan, g->inputs[i]);
    for (size_t i = 0; i < g->n_ops; i++) {
        const mwi_op *const op = g->ops[i];
        if (!job->ops[i].integer) continue;
        for (size_t k = 0; k < op->n_in; k++)
            if (is_activation(g, op->in[k]) && mwi_rule_is_data(op->desc->quant, k))
                add_to_group(plan, op->in[k]);
        for (size_t k = 0; k < op->n_out; k++)
            if (is_activation(g, op->out[k])) add_to_group(plan, op->out[k]);
    }
    return MW_OK;
}

/* ---- points ---- */

static mw_status add(mw_ctx *ctx, mwi_qat_plan *plan, mwi_qat_point point)
{
    void *memory;

    if (plan->n_points == plan->points_capacity) {
        const size_t room = plan->points_capacity * 2 + 64;
        MWI_TRY(mwi_arena_array(ctx, &plan->job.arena, room, sizeof point, &memory));
        if (plan->n_points > 0) memcpy(memory, plan->points, plan->n_points * sizeof point);
        plan->points = memory;
        plan->points_capacity = room;
    }
    plan->points[plan->n_points++] = point;
    if (point.watched) plan->groups[point.group].watched = true;
    return MW_OK;
}

/* A point for the activations of a group. */
static mwi_qat_point of_group(const mwi_qat_plan *plan, int32_t tensor, int32_t group)
{
    return (mwi_qat_point){.tensor = tensor,
                           .op = -1,
                           .group = group,
                           .bits = (int32_t)mw_dtype_bits(plan->job.act),
                           .axis = -1,
                           .symmetric = plan->groups[group].symmetric};
}

/* A value that has an integer form: what an integer operator makes, an input of the model. Where an
 * operator only reshapes, its input was rounded already. */
static mw_status add_value(mw_ctx *ctx, mwi_qat_plan *plan, int32_t value)
{
    const int32_t tensor = plan->job.given_tensor[value];

    if (plan->group_of[value] < 0 || tensor < 0) return MW_OK;
    mwi_qat_point p = of_group(plan, tensor, plan->group_of[value]);
    p.watched = !plan->groups[p.group].fixed;
    return add(ctx, plan, p);
}

static mw_status add_values(mw_ctx *ctx, mwi_qat_plan *plan)
{
    const mwi_graph *const g = plan->job.fg;

    for (size_t i = 0; i < g->n_inputs; i++) MWI_TRY(add_value(ctx, plan, g->inputs[i]));
    for (size_t i = 0; i < g->n_ops; i++) {
        const mwi_op *const op = g->ops[i];
        if (!plan->job.ops[i].integer || (op->desc->traits & MWI_OP_VIEW) != 0) continue;
        for (size_t k = 0; k < op->n_out; k++)
            if (is_activation(g, op->out[k])) MWI_TRY(add_value(ctx, plan, op->out[k]));
    }
    return MW_OK;
}

/* Whether the value is rounded for all that read it. */
static bool has_form(const mwi_qat_plan *plan, const mwi_uses *uses, int32_t value)
{
    const int32_t p = uses->producer[value];

    return p >= 0 ? plan->job.ops[p].integer
                  : mwi_graph_is_input(plan->job.fg, value) && !plan->job.values[value].index;
}

/* The constant of the trained model that operator `i` reads as its weight. Folding keeps the
 * operator; it multiplies channels, which the ranges of channels follow. */
static mw_status add_weight(mw_ctx *ctx, mwi_qat_plan *plan, size_t i, const mwi_op *given)
{
    const mwi_quant_rule *const rule = given->desc->quant;
    const mwi_tensor *const w = plan->job.fg->tensors[plan->job.fg->ops[i]->in[rule->weight]];

    return add(ctx, plan,
               (mwi_qat_point){.tensor = given->in[rule->weight],
                               .op = plan->job.given_op[i],
                               .operand = (size_t)rule->weight,
                               .group = -1,
                               .bits = plan->job.ops[i].bits,
                               .axis = rule->axis >= w->rank ? -1 : rule->axis,
                               .symmetric = true,
                               .weight = true});
}

/* An operand as the rewrite makes it: a constant by its own range, or by the output's where the
 * rule ties them; a value that has no integer form, or one of another scale, is rounded for this
 * reader. */
static mw_status add_operand(mw_ctx *ctx, mwi_qat_plan *plan, const mwi_uses *uses, size_t i,
                             size_t k)
{
    const mwi_op *const op = plan->job.fg->ops[i];
    const mwi_quant_rule *const rule = op->desc->quant;
    const bool tied = (rule->flags & (MWI_QUANT_SAME_SCALE | MWI_QUANT_INPUTS_SAME)) != 0;
    const int32_t value = op->in[k], tensor = plan->job.given_tensor[value];
    const bool constant = mwi_tensor_is_const(plan->job.fg->tensors[value]);
    const int32_t own = plan->group_of[value];
    const int32_t group = tied ? plan->group_of[op->out[0]] : own;

    if (tensor < 0 || (group < 0 && !constant)) return MW_OK;
    if (!constant && group == own && has_form(plan, uses, value)) return MW_OK;
    mwi_qat_point p = {.tensor = tensor, .group = -1, .axis = -1};
    if (group >= 0) p = of_group(plan, tensor, group);
    p.op = plan->job.given_op[i];
    p.operand = k;
    p.bits = (int32_t)mw_dtype_bits(plan->job.act);
    if (group < 0) p.symmetric = (rule->flags & MWI_QUANT_SYMMETRIC_IN) != 0;
    p.watched = !constant && group == own && !plan->groups[group].fixed;
    return add(ctx, plan, p);
}

static mw_status add_operands(mw_ctx *ctx, mwi_qat_plan *plan)
{
    const mwi_qjob *const job = &plan->job;
    const mwi_graph *const given = plan->given;
    mwi_uses uses;

    MWI_TRY(mwi_graph_uses(ctx, job->fg, &plan->job.arena, &uses));
    for (size_t i = 0; i < job->fg->n_ops; i++) {
        const mwi_op *const op = job->fg->ops[i];
        if (!job->ops[i].integer || job->given_op[i] < 0) continue;
        const mwi_op *const from = given->ops[job->given_op[i]];
        for (size_t k = 0; k < op->n_in && k < from->n_in; k++) {
            if (op->in[k] < 0 || from->in[k] < 0) continue;
            if (job->fg->tensors[op->in[k]]->dtype != MW_FLOAT32) continue;
            if ((int32_t)k == op->desc->quant->weight)
                MWI_TRY(add_weight(ctx, plan, i, from));
            else if (mwi_rule_is_data(op->desc->quant, k))
                MWI_TRY(add_operand(ctx, plan, &uses, i, k));
        }
    }
    return MW_OK;
}

mw_status mwi_qat_plan_open(mw_ctx *ctx, const mw_model *model, mw_quant_scheme scheme,
                            const char *const *keep, size_t n_keep, mwi_qat_plan *out)
{
    *out = (mwi_qat_plan){.options = {.scheme = scheme, .keep = keep, .n_keep = n_keep},
                          .given = model->graphs[0]};
    MWI_TRY(mwi_qjob_open(ctx, &out->job, model, &out->options, NULL));
    MWI_TRY(make_groups(ctx, out));
    MWI_TRY(add_values(ctx, out));
    return add_operands(ctx, out);
}

void mwi_qat_plan_close(mwi_qat_plan *plan) { mwi_qjob_close(&plan->job); }
