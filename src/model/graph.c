/* model/graph.c - making, copying and sharing models.
 * Depends: base/, model/op_desc.  Used by: readers, passes, compress.
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/graph.h"

#include "base/checked.h"
#include "model/op_desc.h"
#include "model/packs.h"

#include <stdatomic.h>
#include <string.h>

mw_status mwi_model_create(mw_ctx *ctx, const char *name, mw_model **out)
{
    void *memory;

    *out = NULL;
    MWI_TRY(mwi_alloc(ctx, sizeof(mw_model), &memory));
    memset(memory, 0, sizeof(mw_model));
    mw_model *const m = memory;
    m->heap = mwi_heap_retain(ctx);
    mwi_arena_init(ctx, &m->arena);
    atomic_init(&m->refs, 1);
    m->format = "";
    m->description = "";
    mw_status st = mwi_packs_create(ctx, &m->packs);
    if (st == MW_OK) st = mwi_arena_string(ctx, &m->arena, name, strlen(name), &m->name);
    if (st != MW_OK)
        mw_model_destroy(m);
    else
        *out = m;
    return st;
}

mw_model *mw_model_retain(mw_model *model)
{
    if (model != NULL) atomic_fetch_add(&model->refs, 1);
    return model;
}

void mw_model_destroy(mw_model *model)
{
    while (model != NULL && atomic_fetch_sub(&model->refs, 1) == 1) {
        mw_model *const parent = model->parent;
        mwi_heap *const heap = model->heap;
        mwi_packs_destroy(model->packs);
        mw_model_destroy(model->integer);
        mwi_arena_deinit(&model->arena);
        mwi_file_unmap(&model->mapping);
        mwi_heap_free(heap, model, sizeof *model);
        mwi_heap_release(heap);
        model = parent;
    }
}

void mwi_model_give_integer(mw_model *model, mw_model *integer)
{
    for (mw_model *m = integer; m != NULL; m = m->parent) {
        if (m->parent != model) continue;
        m->parent = NULL;
        mw_model_destroy(model); /* the caller has a reference of its own */
        break;
    }
    model->integer = integer;
}

mw_status mwi_model_add_graph(mw_ctx *ctx, mw_model *model, const char *name, mwi_graph **out)
{
    void *memory;

    MWI_TRY(mwi_arena_grow(ctx, &model->arena, &model->graphs, model->n_graphs,
                           &model->graphs_capacity, sizeof *model->graphs));
    MWI_TRY(mwi_arena_array(ctx, &model->arena, 1, sizeof(mwi_graph), &memory));
    mwi_graph *const g = memory;
    MWI_TRY(mwi_arena_string(ctx, &model->arena, name, strlen(name), &g->name));
    model->graphs[model->n_graphs++] = g;
    *out = g;
    return MW_OK;
}

static mw_status add_tensor(mw_ctx *ctx, mw_model *model, mwi_graph *graph, mwi_tensor **out,
                            int32_t *out_index)
{
    void *memory;

    if (graph->n_tensors >= mwi_limits(ctx)->max_tensors)
        return mwi_fail(ctx, MW_ELIMIT, "%s: more than %u tensors", model->name,
                        mwi_limits(ctx)->max_tensors);
    MWI_TRY(mwi_arena_grow(ctx, &model->arena, &graph->tensors, graph->n_tensors,
                           &graph->tensors_capacity, sizeof *graph->tensors));
    MWI_TRY(mwi_arena_array(ctx, &model->arena, 1, sizeof(mwi_tensor), &memory));
    mwi_tensor *const t = memory;
    t->name = "";
    t->has_rank = true;
    t->source = -1;
    if (out_index != NULL) *out_index = (int32_t)graph->n_tensors;
    graph->tensors[graph->n_tensors++] = t;
    *out = t;
    return MW_OK;
}

mw_status mwi_graph_add_tensor(mw_ctx *ctx, mw_model *model, mwi_graph *graph, const char *name,
                               mwi_tensor **out, int32_t *out_index)
{
    MWI_TRY(add_tensor(ctx, model, graph, out, out_index));
    return mwi_arena_string(ctx, &model->arena, name, strlen(name), &(*out)->name);
}

static mw_status set_dims(mw_ctx *ctx, mwi_tensor *t, int32_t rank, const int32_t *dims)
{
    if (rank < 0 || rank > MW_MAX_RANK)
        return mwi_fail(ctx, MW_ELIMIT, "tensor '%s': rank %d, limit %d", t->name, rank,
                        MW_MAX_RANK);
    t->rank = rank;
    if (rank > 0) {
        memcpy(t->dims, dims, (size_t)rank * sizeof *dims);
        memcpy(t->signature, dims, (size_t)rank * sizeof *dims);
    }
    return MW_OK;
}

mw_status mwi_graph_add_value(mw_ctx *ctx, mw_model *model, mwi_graph *graph, const char *name,
                              mw_dtype dtype, int32_t rank, const int32_t *dims, int32_t *out_index)
{
    mwi_tensor *t;

    MWI_TRY(mwi_graph_add_tensor(ctx, model, graph, name, &t, out_index));
    t->dtype = dtype;
    return set_dims(ctx, t, rank, dims);
}

mw_status mwi_graph_add_const(mw_ctx *ctx, mw_model *model, mwi_graph *graph, const char *name,
                              mw_dtype dtype, int32_t rank, const int32_t *dims, const void *data,
                              int32_t *out_index)
{
    mwi_tensor *t;
    void *copy;
    size_t bytes;

    if (rank < 0 || rank > MW_MAX_RANK || !mwi_dims_bytes(dtype, rank, dims, &bytes))
        return mwi_fail(ctx, MW_ELIMIT, "constant '%s' is too large", name);
    if (dtype == MW_STRING) return mwi_fail(ctx, MW_EUNSUPPORTED, "constant '%s' of strings", name);
    MWI_TRY(mwi_graph_add_tensor(ctx, model, graph, name, &t, out_index));
    t->dtype = dtype;
    MWI_TRY(set_dims(ctx, t, rank, dims));
    /* An empty constant still needs a pointer: that is what makes it a constant. */
    MWI_TRY(mwi_arena_alloc(ctx, &model->arena, bytes == 0 ? 1 : bytes, &copy));
    if (bytes != 0) memcpy(copy, data, bytes);
    t->data = copy;
    t->bytes = bytes;
    return MW_OK;
}

static mw_status indices(mw_ctx *ctx, mw_model *model, size_t n, int32_t **out)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &model->arena, n, sizeof(int32_t), &memory));
    *out = memory;
    for (size_t i = 0; i < n; i++) (*out)[i] = -1;
    return MW_OK;
}

mw_status mwi_graph_add_op(mw_ctx *ctx, mw_model *model, mwi_graph *graph, size_t at,
                           const mwi_op_desc *desc, size_t n_in, size_t n_out, mwi_op **out)
{
    void *memory;

    if (graph->n_ops >= mwi_limits(ctx)->max_ops)
        return mwi_fail(ctx, MW_ELIMIT, "%s: more than %u operators", model->name,
                        mwi_limits(ctx)->max_ops);
    MWI_TRY(mwi_arena_grow(ctx, &model->arena, &graph->ops, graph->n_ops, &graph->ops_capacity,
                           sizeof *graph->ops));
    MWI_TRY(mwi_arena_array(ctx, &model->arena, 1, sizeof(mwi_op), &memory));
    mwi_op *const op = memory;
    op->desc = desc;
    op->code = desc->tflite_code;
    op->custom_code = desc->custom ? desc->name : NULL;
    op->version = 1;
    op->n_in = n_in;
    op->n_out = n_out;
    MWI_TRY(indices(ctx, model, n_in, &op->in));
    MWI_TRY(indices(ctx, model, n_out, &op->out));
    MWI_TRY(mwi_arena_array(ctx, &model->arena, 1, desc->attr_size, &op->attr));
    mwi_attr_defaults(desc, op->attr);
    if (at > graph->n_ops) at = graph->n_ops;
    memmove(graph->ops + at + 1, graph->ops + at, (graph->n_ops - at) * sizeof *graph->ops);
    graph->ops[at] = op;
    graph->n_ops++;
    *out = op;
    return MW_OK;
}

mw_status mwi_graph_set_io(mw_ctx *ctx, mw_model *model, mwi_graph *graph, const int32_t *inputs,
                           size_t n_inputs, const int32_t *outputs, size_t n_outputs)
{
    void *in, *out;

    MWI_TRY(mwi_arena_copy(ctx, &model->arena, inputs, n_inputs * sizeof *inputs, &in));
    MWI_TRY(mwi_arena_copy(ctx, &model->arena, outputs, n_outputs * sizeof *outputs, &out));
    graph->inputs = in;
    graph->outputs = out;
    graph->n_inputs = n_inputs;
    graph->n_outputs = n_outputs;
    return MW_OK;
}

mw_status mwi_quant_per_tensor(mw_ctx *ctx, mw_model *model, float scale, int64_t zero_point,
                               const mwi_quant **out)
{
    void *q, *s, *z;

    MWI_TRY(mwi_arena_array(ctx, &model->arena, 1, sizeof(mwi_quant), &q));
    MWI_TRY(mwi_arena_copy(ctx, &model->arena, &scale, sizeof scale, &s));
    MWI_TRY(mwi_arena_copy(ctx, &model->arena, &zero_point, sizeof zero_point, &z));
    mwi_quant *const quant = q;
    quant->q.n_scales = 1;
    quant->q.scales = s;
    quant->q.zero_points = z;
    quant->block_scales = quant->block_zero_points = -1;
    *out = quant;
    return MW_OK;
}

bool mwi_same_quant(const mwi_quant *a, const mwi_quant *b)
{
    const size_t n_a = a == NULL ? 0 : a->q.n_scales, n_b = b == NULL ? 0 : b->q.n_scales;

    if (a == b) return true;
    if ((a != NULL && a->q.block_size > 0) || (b != NULL && b->q.block_size > 0)) return false;
    if (n_a != n_b) return false;
    if (n_a > 1 && a->q.axis != b->q.axis) return false;
    for (size_t i = 0; i < n_a; i++)
        if (a->q.scales[i] != b->q.scales[i] || a->q.zero_points[i] != b->q.zero_points[i])
            return false;
    return true;
}

/* ---- copying ---- */

static mw_status copy_op(mw_ctx *ctx, mw_model *to, const mwi_op *op, mwi_op **out)
{
    void *memory;

    MWI_TRY(mwi_arena_copy(ctx, &to->arena, op, sizeof *op, &memory));
    mwi_op *const copy = memory;
    MWI_TRY(mwi_arena_copy(ctx, &to->arena, op->in, op->n_in * sizeof *op->in, &memory));
    copy->in = memory;
    MWI_TRY(mwi_arena_copy(ctx, &to->arena, op->out, op->n_out * sizeof *op->out, &memory));
    copy->out = memory;
    MWI_TRY(mwi_arena_copy(ctx, &to->arena, op->intermediates,
                           op->n_intermediates * sizeof *op->intermediates, &memory));
    copy->intermediates = memory;
    MWI_TRY(mwi_arena_copy(ctx, &to->arena, op->attr, op->desc->attr_size, &copy->attr));
    *out = copy;
    return MW_OK;
}

static mw_status copy_graph(mw_ctx *ctx, mw_model *to, const mwi_graph *from)
{
    mwi_graph *g;
    void *memory;

    MWI_TRY(mwi_model_add_graph(ctx, to, from->name, &g));
    MWI_TRY(mwi_arena_array(ctx, &to->arena, from->n_tensors, sizeof *g->tensors, &memory));
    g->tensors = memory;
    g->tensors_capacity = from->n_tensors;
    for (size_t i = 0; i < from->n_tensors; i++) {
        MWI_TRY(mwi_arena_copy(ctx, &to->arena, from->tensors[i], sizeof(mwi_tensor), &memory));
        g->tensors[i] = memory;
        g->n_tensors++;
    }
    MWI_TRY(mwi_arena_array(ctx, &to->arena, from->n_ops, sizeof *g->ops, &memory));
    g->ops = memory;
    g->ops_capacity = from->n_ops;
    for (size_t i = 0; i < from->n_ops; i++) {
        MWI_TRY(copy_op(ctx, to, from->ops[i], &g->ops[i]));
        g->n_ops++;
    }
    return mwi_graph_set_io(ctx, to, g, from->inputs, from->n_inputs, from->outputs,
                            from->n_outputs);
}

static mw_status copy_signatures(mw_ctx *ctx, mw_model *to, const mw_model *from)
{
    void *memory;

    MWI_TRY(mwi_arena_copy(ctx, &to->arena, from->signatures,
                           from->n_signatures * sizeof *from->signatures, &memory));
    to->signatures = memory;
    to->n_signatures = from->n_signatures;
    for (size_t i = 0; i < to->n_signatures; i++) {
        mwi_signature *const s = &to->signatures[i];
        MWI_TRY(
            mwi_arena_copy(ctx, &to->arena, s->inputs, s->n_inputs * sizeof *s->inputs, &memory));
        s->inputs = memory;
        MWI_TRY(mwi_arena_copy(ctx, &to->arena, s->outputs, s->n_outputs * sizeof *s->outputs,
                               &memory));
        s->outputs = memory;
    }
    return MW_OK;
}

mw_status mwi_model_clone(mw_ctx *ctx, const mw_model *model, mw_model **out)
{
    mw_model *m;
    mw_status st;

    *out = NULL;
    MWI_TRY(mwi_model_create(ctx, model->name, &m));
    /* The reference count is the one part of an immutable model that changes. */
    m->parent = mw_model_retain((mw_model *)(uintptr_t)model);
    m->format = model->format;
    m->description = model->description;
    m->file_bytes = model->file_bytes;
    m->metadata = model->metadata;
    m->n_metadata = model->n_metadata;
    m->origin = model->origin;
    for (size_t i = 0; i < model->n_graphs; i++) MWI_GOTO(copy_graph(ctx, m, model->graphs[i]));
    MWI_GOTO(copy_signatures(ctx, m, model));
    *out = m;
    return MW_OK;
out:
    mw_model_destroy(m);
    return st;
}
