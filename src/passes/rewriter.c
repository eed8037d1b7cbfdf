/* passes/rewriter.c - see rewriter.h.   Depends: ops/registry.  Used by: passes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "passes/rewriter.h"

#include <math.h>
#include <string.h>

/* ---- making ---- */

static mw_status grow(mw_ctx *ctx, mwi_arena *arena, void **items, size_t n, size_t need,
                      size_t *capacity, size_t element)
{
    void *memory;
    const size_t wanted = need > 2 * *capacity ? need : 2 * *capacity;

    if (need <= *capacity) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, arena, wanted + 16, element, &memory));
    if (n > 0) memcpy(memory, *items, n * element);
    *items = memory;
    *capacity = wanted + 16;
    return MW_OK;
}

static mw_status sync_tensors(mw_ctx *ctx, mwi_rw *rw)
{
    void *items = rw->tensors;

    MWI_TRY(grow(ctx, rw->arena, &items, rw->n_tensors, rw->graph->n_tensors, &rw->tensors_capacity,
                 sizeof *rw->tensors));
    rw->tensors = items;
    for (; rw->n_tensors < rw->graph->n_tensors; rw->n_tensors++)
        rw->tensors[rw->n_tensors] = (mwi_rw_tensor){.producer = -1, .first = -1};
    return MW_OK;
}

static void link_use(mwi_rw *rw, int32_t use, int32_t tensor)
{
    mwi_rw_use *const u = &rw->uses[use];
    mwi_rw_tensor *const t = &rw->tensors[tensor];

    u->prev = -1;
    u->next = t->first;
    if (t->first >= 0) rw->uses[t->first].prev = use;
    t->first = use;
    t->n_reads++;
}

static void unlink_use(mwi_rw *rw, int32_t use, int32_t tensor)
{
    const mwi_rw_use *const u = &rw->uses[use];
    mwi_rw_tensor *const t = &rw->tensors[tensor];

    if (u->prev >= 0)
        rw->uses[u->prev].next = u->next;
    else
        t->first = u->next;
    if (u->next >= 0) rw->uses[u->next].prev = u->prev;
    t->n_reads--;
}

/* Gives operator `op` uses for all its operands and links them. */
static mw_status add_uses(mw_ctx *ctx, mwi_rw *rw, int32_t op)
{
    const mwi_op *const o = rw->ops[op];
    void *items = rw->uses;

    MWI_TRY(grow(ctx, rw->arena, &items, rw->n_uses, rw->n_uses + o->n_in, &rw->uses_capacity,
                 sizeof *rw->uses));
    rw->uses = items;
    rw->first_use[op] = (int32_t)rw->n_uses;
    for (size_t k = 0; k < o->n_in; k++) {
        const int32_t use = (int32_t)rw->n_uses++;
        rw->uses[use] = (mwi_rw_use){op, (int32_t)k, -1, -1};
        if (o->in[k] >= 0) link_use(rw, use, o->in[k]);
    }
    return MW_OK;
}

static mw_status track_op(mw_ctx *ctx, mwi_rw *rw, mwi_op *op, int32_t *out)
{
    size_t capacity = rw->ops_capacity;
    void *items = rw->ops, *firsts = rw->first_use;

    MWI_TRY(grow(ctx, rw->arena, &items, rw->n_ops, rw->n_ops + 1, &capacity, sizeof *rw->ops));
    MWI_TRY(grow(ctx, rw->arena, &firsts, rw->n_ops, rw->n_ops + 1, &rw->ops_capacity,
                 sizeof *rw->first_use));
    rw->ops = items;
    rw->first_use = firsts;
    const int32_t id = (int32_t)rw->n_ops++;
    rw->ops[id] = op;
    for (size_t k = 0; k < op->n_out; k++)
        if (op->out[k] >= 0) rw->tensors[op->out[k]].producer = id;
    *out = id;
    return add_uses(ctx, rw, id);
}

mw_status mwi_rw_init(mw_ctx *ctx, mwi_arena *scratch, mw_model *model, mwi_graph *graph,
                      mwi_rw *out)
{
    int32_t id;

    *out = (mwi_rw){.arena = scratch, .model = model, .graph = graph};
    MWI_TRY(sync_tensors(ctx, out));
    for (size_t i = 0; i < graph->n_inputs; i++) out->tensors[graph->inputs[i]].is_input = true;
    for (size_t i = 0; i < graph->n_outputs; i++) out->tensors[graph->outputs[i]].is_output = true;
    for (size_t i = 0; i < graph->n_ops; i++) MWI_TRY(track_op(ctx, out, graph->ops[i], &id));
    return MW_OK;
}

/* ---- order ---- */

enum { NEW = 0, OPEN, PLACED };

typedef struct frame {
    int32_t op;
    uint32_t k; /* operand to look at next */
} frame;

/* Depth first: what an operator reads comes before it. */
static mw_status place(mw_ctx *ctx, mwi_rw *rw, int32_t root, uint8_t *mark, frame *stack)
{
    mwi_graph *const g = rw->graph;
    size_t depth = 0;

    stack[depth++] = (frame){root, 0};
    mark[root] = OPEN;
    while (depth > 0) {
        frame *const f = &stack[depth - 1];
        mwi_op *const op = rw->ops[f->op];
        if (f->k < op->n_in) {
            const int32_t t = op->in[f->k++];
            const int32_t p = t < 0 ? -1 : rw->tensors[t].producer;
            if (p < 0 || mark[p] == PLACED) continue;
            /* An operator that reads the state that it writes reads its value from before. */
            if (mark[p] == OPEN && mwi_rw_tensor_of(rw, t)->is_variable) continue;
            if (mark[p] == OPEN)
                return mwi_fail(ctx, MW_EFORMAT, "graph '%s' has a cycle", g->name);
            if (mwi_rw_tensor_of(rw, t)->is_variable) continue;
            mark[p] = OPEN;
            stack[depth++] = (frame){p, 0};
            continue;
        }
        mark[f->op] = PLACED;
        g->ops[g->n_ops++] = op;
        depth--;
    }
    return MW_OK;
}

mw_status mwi_rw_finish(mw_ctx *ctx, mwi_rw *rw)
{
    void *marks, *frames;

    if (rw->n_ops == 0) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, rw->arena, rw->n_ops, sizeof(uint8_t), &marks));
    MWI_TRY(mwi_arena_array(ctx, rw->arena, rw->n_ops, sizeof(frame), &frames));
    rw->graph->n_ops = 0; /* it has room for all, since all were added to it */
    for (size_t i = 0; i < rw->n_ops; i++)
        if (rw->ops[i] != NULL && ((uint8_t *)marks)[i] == NEW)
            MWI_TRY(place(ctx, rw, (int32_t)i, marks, frames));
    return MW_OK;
}

/* ---- asking ---- */

bool mwi_op_is(const mwi_op *op, const char *name)
{
    return op != NULL && strcmp(op->desc->name, name) == 0;
}

mwi_op *mwi_rw_producer(const mwi_rw *rw, int32_t t)
{
    const int32_t p = t < 0 ? -1 : rw->tensors[t].producer;
    return p < 0 ? NULL : rw->ops[p];
}

mwi_op *mwi_rw_inner(const mwi_rw *rw, int32_t t, const char *name)
{
    mwi_op *const op = mwi_rw_producer(rw, t);
    return mwi_op_is(op, name) && op->n_out == 1 && mwi_rw_single(rw, t) ? op : NULL;
}

int32_t mwi_rw_only_reader(const mwi_rw *rw, int32_t t)
{
    return mwi_rw_single(rw, t) ? rw->uses[rw->tensors[t].first].op : -1;
}

bool mwi_rw_single(const mwi_rw *rw, int32_t t)
{
    return rw->tensors[t].n_reads == 1 && !rw->tensors[t].is_output;
}

bool mwi_rw_is_pure(const mwi_rw *rw, const mwi_op *op)
{
    if (op->desc == &mwi_op_unknown || (op->desc->traits & MWI_OP_STATEFUL) != 0 || op->n_out == 0)
        return false;
    for (size_t k = 0; k < op->n_in; k++)
        if (op->in[k] >= 0 && mwi_rw_tensor_of(rw, op->in[k])->is_variable) return false;
    for (size_t k = 0; k < op->n_out; k++)
        if (op->out[k] < 0 || mwi_rw_tensor_of(rw, op->out[k])->is_variable) return false;
    return true;
}

bool mwi_rw_is_float(const mwi_rw *rw, int32_t t)
{
    return t >= 0 && mwi_rw_tensor_of(rw, t)->dtype == MW_FLOAT32;
}

bool mwi_rw_is_const(const mwi_rw *rw, int32_t t)
{
    return t >= 0 && mwi_tensor_is_const(mwi_rw_tensor_of(rw, t)) && !rw->tensors[t].is_input &&
           rw->tensors[t].producer < 0;
}

bool mwi_rw_is_fixed(const mwi_rw *rw, int32_t t)
{
    const mwi_tensor *const x = mwi_rw_tensor_of(rw, t);

    if (!x->has_rank) return false;
    for (int32_t i = 0; i < x->rank; i++)
        if (x->signature[i] < 0) return false;
    return true;
}

bool mwi_rw_same_shape(const mwi_rw *rw, int32_t a, int32_t b)
{
    const mwi_tensor *const x = mwi_rw_tensor_of(rw, a), *const y = mwi_rw_tensor_of(rw, b);

    /* Outputs of the graph say what the file said, which may be nothing of open dimensions. */
    const bool outputs = rw->tensors[a].is_output || rw->tensors[b].is_output;

    if (!x->has_rank || !y->has_rank || x->rank != y->rank) return false;
    for (int32_t i = 0; i < x->rank; i++)
        if (x->dims[i] != y->dims[i] ||
            (!outputs && (x->signature[i] < 0) != (y->signature[i] < 0)))
            return false;
    return true;
}

bool mwi_rw_same_type(const mwi_rw *rw, int32_t a, int32_t b)
{
    const mwi_tensor *const x = mwi_rw_tensor_of(rw, a), *const y = mwi_rw_tensor_of(rw, b);

    if (x->dtype != y->dtype) return false;
    return x->dtype == MW_FLOAT32 || mwi_same_quant(x->quant, y->quant);
}

size_t mwi_rw_count(const mwi_rw *rw, int32_t t)
{
    const mwi_tensor *const x = mwi_rw_tensor_of(rw, t);
    size_t n = 0;
    return mwi_dims_count(x->rank, x->dims, &n) ? n : 0;
}

const float *mwi_rw_floats(const mwi_rw *rw, int32_t t, size_t *out_n)
{
    if (!mwi_rw_is_const(rw, t)) return NULL;
    const mwi_tensor *const x = mwi_rw_tensor_of(rw, t);
    if (x->dtype != MW_FLOAT32 || x->sparsity != NULL || x->bytes / sizeof(float) == 0) return NULL;
    *out_n = x->bytes / sizeof(float);
    return x->data;
}

bool mwi_rw_scalar(const mwi_rw *rw, int32_t t, float *out)
{
    size_t n;
    const float *const x = mwi_rw_floats(rw, t, &n);

    if (x == NULL || !isfinite(x[0])) return false;
    for (size_t i = 1; i < n; i++)
        if (x[i] != x[0]) return false;
    *out = x[0];
    return true;
}

bool mwi_rw_is_scalar(const mwi_rw *rw, int32_t t, double value)
{
    float x;
    return mwi_rw_scalar(rw, t, &x) && fabs((double)x - value) <= 3e-7 * fabs(value);
}

bool mwi_rw_ints(const mwi_rw *rw, int32_t t, size_t max, int64_t *out, size_t *out_n)
{
    if (!mwi_rw_is_const(rw, t)) return false;
    const mwi_tensor *const x = mwi_rw_tensor_of(rw, t);
    const size_t each = x->dtype == MW_INT32 ? sizeof(int32_t) : sizeof(int64_t),
                 n = x->bytes / each;
    if ((x->dtype != MW_INT32 && x->dtype != MW_INT64) || x->sparsity != NULL || n > max)
        return false;
    for (size_t i = 0; i < n; i++)
        out[i] =
            x->dtype == MW_INT32 ? ((const int32_t *)x->data)[i] : ((const int64_t *)x->data)[i];
    *out_n = n;
    return true;
}

int32_t mwi_op_activation(const mwi_op *op)
{
    return mwi_op_get_i32(op, "fused_activation_function", MWI_ACT_NONE);
}

bool mwi_op_values_between(const mwi_op *op, double *low, double *high)
{
    static const struct {
        int32_t activation;
        double low, high;
    } clamps[] = {
        {MWI_ACT_RELU, 0, HUGE_VAL}, {MWI_ACT_RELU6, 0, 6}, {MWI_ACT_RELU_N1_TO_1, -1, 1}};

    if (op == NULL) return false;
    *low = op->desc->out_low;
    *high = op->desc->out_high;
    if (*low < *high) return true;
    if ((op->desc->traits & MWI_OP_FUSES_ACT) == 0) return false;
    for (size_t i = 0; i < MWI_COUNT(clamps); i++)
        if (mwi_op_activation(op) == clamps[i].activation) {
            *low = clamps[i].low;
            *high = clamps[i].high;
            return true;
        }
    return false;
}

static void *field_at(const mwi_op *op, const char *name, mwi_field_kind kind)
{
    const mwi_field *const f = mwi_op_field(op->desc, name);
    return f == NULL || f->kind != kind ? NULL : (char *)op->attr + f->offset;
}

bool mwi_op_get_bool(const mwi_op *op, const char *field, bool otherwise)
{
    const bool *const at = field_at(op, field, MWI_FIELD_BOOL);
    return at == NULL ? otherwise : *at;
}

float mwi_op_get_f32(const mwi_op *op, const char *field, float otherwise)
{
    const float *const at = field_at(op, field, MWI_FIELD_F32);
    return at == NULL ? otherwise : *at;
}

void mwi_op_set_bool(mwi_op *op, const char *field, bool value)
{
    bool *const at = field_at(op, field, MWI_FIELD_BOOL);
    if (at != NULL) *at = value;
}

void mwi_op_set_f32(mwi_op *op, const char *field, float value)
{
    float *const at = field_at(op, field, MWI_FIELD_F32);
    if (at != NULL) *at = value;
}

bool mwi_rw_with_const(const mwi_rw *rw, const mwi_op *op, int32_t *value, int32_t *constant)
{
    size_t n;

    if (op == NULL || op->n_in != 2 || op->n_out != 1) return false;
    if (!mwi_rw_is_float(rw, op->in[0]) || !mwi_rw_is_float(rw, op->in[1])) return false;
    const bool a = mwi_rw_floats(rw, op->in[0], &n) != NULL,
               b = mwi_rw_floats(rw, op->in[1], &n) != NULL;
    if (a == b) return false;
    *value = op->in[a ? 1 : 0];
    *constant = op->in[a ? 0 : 1];
    return !mwi_rw_is_const(rw, *value);
}

int32_t mwi_rw_other(const mwi_op *op, int32_t one)
{
    if (op->n_in != 2) return -1;
    return op->in[0] == one ? op->in[1] : op->in[1] == one ? op->in[0] : -1;
}

/* ---- changing ---- */

mw_status mwi_rw_set_input(mw_ctx *ctx, mwi_rw *rw, int32_t op, size_t k, int32_t tensor)
{
    mwi_op *const o = rw->ops[op];
    void *memory;

    if (k >= o->n_in) {
        for (size_t i = 0; i < o->n_in; i++)
            if (o->in[i] >= 0) unlink_use(rw, rw->first_use[op] + (int32_t)i, o->in[i]);
        MWI_TRY(mwi_arena_array(ctx, &rw->model->arena, k + 1, sizeof(int32_t), &memory));
        int32_t *const in = memory;
        for (size_t i = 0; i <= k; i++) in[i] = i < o->n_in ? o->in[i] : -1;
        o->in = in;
        o->n_in = k + 1;
        MWI_TRY(add_uses(ctx, rw, op));
    }
    const int32_t use = rw->first_use[op] + (int32_t)k;
    if (o->in[k] >= 0) unlink_use(rw, use, o->in[k]);
    o->in[k] = tensor;
    if (tensor >= 0) link_use(rw, use, tensor);
    return MW_OK;
}

void mwi_rw_redirect(mwi_rw *rw, int32_t from, int32_t to)
{
    while (from != to && rw->tensors[from].first >= 0) {
        const int32_t use = rw->tensors[from].first;
        unlink_use(rw, use, from);
        rw->ops[rw->uses[use].op]->in[rw->uses[use].k] = to;
        link_use(rw, use, to);
    }
}

void mwi_rw_remove(mwi_rw *rw, int32_t op)
{
    const mwi_op *const o = rw->ops[op];

    for (size_t k = 0; k < o->n_in; k++)
        if (o->in[k] >= 0) unlink_use(rw, rw->first_use[op] + (int32_t)k, o->in[k]);
    for (size_t k = 0; k < o->n_out; k++)
        if (o->out[k] >= 0 && rw->tensors[o->out[k]].producer == op)
            rw->tensors[o->out[k]].producer = -1;
    rw->ops[op] = NULL;
}

void mwi_rw_set_output(mwi_rw *rw, int32_t op, int32_t tensor)
{
    mwi_op *const o = rw->ops[op];

    if (rw->tensors[o->out[0]].producer == op) rw->tensors[o->out[0]].producer = -1;
    o->out[0] = tensor;
    rw->tensors[tensor].producer = op;
}

bool mwi_rw_forward(mwi_rw *rw, int32_t op, int32_t source)
{
    const mwi_op *const o = rw->ops[op];

    if (o->n_out != 1 || source < 0) return false;
    const int32_t out = o->out[0];
    if (!mwi_rw_is_pure(rw, o) || mwi_rw_tensor_of(rw, source)->is_variable) return false;
    if (!mwi_rw_same_type(rw, source, out) || !mwi_rw_same_shape(rw, source, out)) return false;
    if (!rw->tensors[out].is_output) {
        mwi_rw_redirect(rw, out, source);
        mwi_rw_remove(rw, op);
        return true;
    }
    const mwi_rw_tensor *const s = &rw->tensors[source];
    const int32_t p = s->producer;
    if (p < 0 || s->is_output || s->is_input) return false;
    mwi_rw_remove(rw, op);
    for (size_t k = 0; k < rw->ops[p]->n_out; k++)
        if (rw->ops[p]->out[k] == source) rw->ops[p]->out[k] = out;
    rw->tensors[source].producer = -1;
    rw->tensors[out].producer = p;
    mwi_rw_redirect(rw, source, out);
    return true;
}

void mwi_rw_absorb(mwi_rw *rw, int32_t first, int32_t second)
{
    const int32_t out = rw->ops[second]->out[0];

    mwi_rw_remove(rw, second);
    mwi_rw_set_output(rw, first, out);
}

mw_status mwi_rw_add_op(mw_ctx *ctx, mwi_rw *rw, const mwi_op_desc *desc, size_t n_in, size_t n_out,
                        int32_t *out)
{
    mwi_op *op;

    MWI_TRY(mwi_graph_add_op(ctx, rw->model, rw->graph, rw->graph->n_ops, desc, n_in, n_out, &op));
    return track_op(ctx, rw, op, out);
}

mw_status mwi_rw_replace_op(mw_ctx *ctx, mwi_rw *rw, int32_t op, const char *name,
                            const int32_t *in, size_t n_in, mwi_op **out)
{
    const mwi_op_desc *const desc = mwi_op_by_name(name);
    const int32_t tensor = rw->ops[op]->out[0];
    const char *const layer = rw->ops[op]->layer;
    mwi_op *made;

    if (desc == NULL) return mwi_fail(ctx, MW_EUNSUPPORTED, "no operator %s", name);
    MWI_TRY(mwi_graph_add_op(ctx, rw->model, rw->graph, rw->graph->n_ops, desc, n_in, 1, &made));
    for (size_t k = 0; k < n_in; k++) made->in[k] = in[k];
    made->out[0] = tensor;
    made->layer = layer;
    mwi_rw_remove(rw, op);
    rw->ops[op] = made;
    rw->tensors[tensor].producer = op;
    if (out != NULL) *out = made;
    return add_uses(ctx, rw, op);
}

mw_status mwi_rw_add_value(mw_ctx *ctx, mwi_rw *rw, int32_t like, const char *suffix, int32_t *out)
{
    const mwi_tensor *const from = mwi_rw_tensor_of(rw, like);
    mwi_tensor *t;

    MWI_TRY(mwi_graph_add_tensor(ctx, rw->model, rw->graph, "", &t, out));
    MWI_TRY(mwi_arena_printf(ctx, &rw->model->arena, &t->name, "%s%s", from->name, suffix));
    t->dtype = from->dtype;
    t->has_rank = from->has_rank;
    t->rank = from->rank;
    memcpy(t->dims, from->dims, sizeof t->dims);
    memcpy(t->signature, from->signature, sizeof t->signature);
    t->quant = from->quant;
    return sync_tensors(ctx, rw);
}

/* The operator that makes `t` makes a new tensor, which the readers of `t` read. */
static mw_status renew(mw_ctx *ctx, mwi_rw *rw, int32_t t)
{
    int32_t made;

    MWI_TRY(mwi_rw_add_value(ctx, rw, t, "_changed", &made));
    const int32_t p = rw->tensors[t].producer;
    mwi_rw_redirect(rw, t, made);
    mwi_rw_set_output(rw, p, made);
    return MW_OK;
}

mw_status mwi_rw_renew_before(mw_ctx *ctx, mwi_rw *rw, int32_t last)
{
    int32_t p = rw->tensors[last].producer;

    while (p >= 0 && (rw->ops[p]->desc->traits & MWI_OP_VIEW) != 0) {
        const int32_t before = rw->ops[p]->in[0];
        p = rw->tensors[before].producer;
        if (p >= 0) MWI_TRY(renew(ctx, rw, before));
    }
    return MW_OK;
}

mw_status mwi_rw_renew_behind(mw_ctx *ctx, mwi_rw *rw, int32_t first, int32_t last)
{
    for (int32_t t = last; t != first;) {
        const int32_t p = rw->tensors[t].producer;
        if (p < 0) return MW_OK;
        MWI_TRY(renew(ctx, rw, t));
        t = rw->ops[p]->in[0];
    }
    return MW_OK;
}

mw_status mwi_rw_add_const(mw_ctx *ctx, mwi_rw *rw, int32_t like, const char *suffix,
                           mw_dtype dtype, int32_t rank, const int32_t *dims, const void *data,
                           int32_t *out)
{
    const char *name;

    MWI_TRY(
        mwi_arena_printf(ctx, rw->arena, &name, "%s%s", mwi_rw_tensor_of(rw, like)->name, suffix));
    MWI_TRY(mwi_graph_add_const(ctx, rw->model, rw->graph, name, dtype, rank, dims, data, out));
    return sync_tensors(ctx, rw);
}

mw_status mwi_rw_add_floats(mw_ctx *ctx, mwi_rw *rw, int32_t like, const char *suffix, int32_t rank,
                            const int32_t *dims, const double *values, int32_t *out)
{
    void *memory;
    size_t n = 0;

    if (!mwi_dims_count(rank, dims, &n)) return mwi_fail(ctx, MW_ELIMIT, "a constant is too large");
    MWI_TRY(mwi_arena_array(ctx, rw->arena, n, sizeof(float), &memory));
    float *const f = memory;
    for (size_t i = 0; i < n; i++) f[i] = (float)values[i];
    return mwi_rw_add_const(ctx, rw, like, suffix, MW_FLOAT32, rank, dims, f, out);
}

mw_status mwi_rw_add_ints(mw_ctx *ctx, mwi_rw *rw, int32_t like, const char *suffix, size_t n,
                          const int64_t *values, int32_t *out)
{
    const int32_t dim = (int32_t)n;
    int32_t narrow[4 * MW_MAX_RANK];

    if (n > MWI_COUNT(narrow)) return mwi_fail(ctx, MW_ELIMIT, "%zu integers", n);
    for (size_t i = 0; i < n; i++) narrow[i] = (int32_t)values[i];
    return mwi_rw_add_const(ctx, rw, like, suffix, MW_INT32, 1, &dim, narrow, out);
}

/* ---- RESHAPE ---- */

/* The shape operand that gives `out` its shape; false when no constant can. */
static bool shape_operand(const mwi_tensor *out, bool keeps_batch, int64_t *shape)
{
    int32_t open = 0;
    size_t rest = 1;

    if (!out->has_rank) return false;
    for (int32_t i = 0; i < out->rank; i++) {
        shape[i] = out->signature[i] < 0 ? -1 : out->dims[i];
        open += out->signature[i] < 0;
        if (i > 0) rest *= (size_t)out->dims[i];
    }
    /* So that a batch of another size still fits. -1 needs something to divide by. */
    if (open == 0 && keeps_batch && out->rank > 0 && rest > 0) shape[0] = -1;
    return open <= 1;
}

mw_status mwi_rw_make_reshape(mw_ctx *ctx, mwi_rw *rw, int32_t op, int32_t in, bool keeps_batch,
                              bool *out_done)
{
    const int32_t out = rw->ops[op]->out[0];
    int64_t shape[MW_MAX_RANK] = {0};
    int32_t operands[2] = {in, -1};
    mwi_op *made;

    *out_done = false;
    if (!shape_operand(mwi_rw_tensor_of(rw, out), keeps_batch, shape)) return MW_OK;
    MWI_TRY(mwi_rw_add_ints(ctx, rw, out, "_shape", (size_t)mwi_rw_tensor_of(rw, out)->rank, shape,
                            &operands[1]));
    MWI_TRY(mwi_rw_replace_op(ctx, rw, op, "RESHAPE", operands, 2, &made));
    /* The attribute repeats the shape, as converters write it; readers of old kind look there. */
    void *memory;
    MWI_TRY(mwi_arena_copy(ctx, &rw->model->arena, mwi_rw_tensor_of(rw, operands[1])->data,
                           mwi_rw_tensor_of(rw, operands[1])->bytes, &memory));
    const mwi_field *const f = mwi_op_field(made->desc, "new_shape");
    if (f != NULL && f->kind == MWI_FIELD_I32S)
        *(mwi_i32s *)(void *)((char *)made->attr + f->offset) =
            (mwi_i32s){(size_t)mwi_rw_tensor_of(rw, out)->rank, memory};
    *out_done = true;
    return MW_OK;
}
