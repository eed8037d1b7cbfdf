/* model/calls.c - subgraphs that operators call: WHILE, IF, CALL_ONCE and their kind.
 * Depends: model/op_desc.  Used by: verifier.
 * Which ones an operator calls is told by its fields: the schema names them ..._subgraph_index.
 * Holds:   recursion here is as deep as limits.max_depth.   SPDX-License-Identifier: Apache-2.0 */
#include "model/op_desc.h"

#include <string.h>

/* Of each subgraph: how many levels it and what it calls are. */
enum { NOT_SEEN = 0 };
static const uint32_t OPEN = UINT32_MAX;

static bool ends_with(const char *name, const char *suffix)
{
    const size_t n = strlen(name), k = strlen(suffix);

    return n >= k && memcmp(name + n - k, suffix, k) == 0;
}

/* The subgraphs that a field names; none: 0. */
static size_t named_by(const mwi_field *f, const void *attr, const int32_t **out)
{
    const void *const at = (const char *)attr + f->offset;

    if (f->kind == MWI_FIELD_I32 && ends_with(f->name, "subgraph_index")) {
        *out = at;
        return 1;
    }
    if (f->kind == MWI_FIELD_I32S && ends_with(f->name, "subgraph_indices")) {
        *out = ((const mwi_i32s *)at)->v;
        return ((const mwi_i32s *)at)->n;
    }
    return 0;
}

bool mwi_op_calls(const mwi_op_desc *desc)
{
    for (const mwi_field *f = desc->fields; f != NULL && f->kind != MWI_FIELD_END; f++)
        if ((f->kind == MWI_FIELD_I32 && ends_with(f->name, "subgraph_index")) ||
            (f->kind == MWI_FIELD_I32S && ends_with(f->name, "subgraph_indices")))
            return true;
    return false;
}

static mw_status visit(mw_ctx *ctx, const mw_model *m, size_t at, uint32_t depth, uint32_t *levels);

static mw_status visit_callee(mw_ctx *ctx, const mw_model *m, size_t at, const char *field,
                              int32_t callee, uint32_t depth, uint32_t *levels, uint32_t *below)
{
    if (callee < 0 || (size_t)callee >= m->n_graphs)
        return mwi_fail(ctx, MW_EFORMAT, "%s is %d, there are %zu subgraphs", field, callee,
                        m->n_graphs);
    if (levels[callee] == OPEN)
        return mwi_fail(ctx, MW_EFORMAT, "%s is %d, which calls subgraph %zu: that would never end",
                        field, callee, at);
    MWI_TRY(visit(ctx, m, (size_t)callee, depth + 1, levels));
    if (levels[callee] > *below) *below = levels[callee];
    return MW_OK;
}

static mw_status visit_op(mw_ctx *ctx, const mw_model *m, size_t at, const mwi_op *op,
                          uint32_t depth, uint32_t *levels, uint32_t *below)
{
    for (const mwi_field *f = op->desc->fields; f != NULL && f->kind != MWI_FIELD_END; f++) {
        const int32_t *callees = NULL;
        for (size_t i = 0, n = named_by(f, op->attr, &callees); i < n; i++)
            MWI_TRY(visit_callee(ctx, m, at, f->name, callees[i], depth, levels, below));
    }
    return MW_OK;
}

static mw_status visit(mw_ctx *ctx, const mw_model *m, size_t at, uint32_t depth, uint32_t *levels)
{
    const mwi_graph *const g = m->graphs[at];
    const uint32_t limit = mwi_limits(ctx)->max_depth;
    uint32_t below = 0;

    if (levels[at] != NOT_SEEN) return MW_OK;
    levels[at] = OPEN;
    for (size_t i = 0; i < g->n_ops && depth < limit; i++)
        MWI_TRY(mwi_prefix(ctx, visit_op(ctx, m, at, g->ops[i], depth, levels, &below),
                           "subgraph %zu: op %zu %s", at, i, mwi_op_name(g->ops[i])));
    if (depth >= limit || below >= limit)
        return mwi_fail(ctx, MW_ELIMIT,
                        "subgraphs call one another deeper than limits.max_depth, %u", limit);
    levels[at] = below + 1;
    return MW_OK;
}

mw_status mwi_model_check_calls(mw_ctx *ctx, const mw_model *model)
{
    mwi_arena scratch;
    void *levels;

    mwi_arena_init(ctx, &scratch);
    mw_status st = mwi_arena_array(ctx, &scratch, model->n_graphs, sizeof(uint32_t), &levels);
    for (size_t i = 0; i < model->n_graphs && st == MW_OK; i++)
        st = visit(ctx, model, i, 0, levels);
    mwi_arena_deinit(&scratch);
    return st;
}
