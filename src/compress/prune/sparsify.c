/* compress/prune/sparsify.c - mw_sparsify: kernels with enough zeros in TFLite's sparse encoding.
 * All dimensions but the last are dense levels; the last one is a CSR level over blocks of 1, 4 or
 * 16 values, which are the innermost level.
 * Depends: compress/prune/layer_weights, model/.  Used by: programs.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/prune/layer_weights.h"
#include "compress/prune/sparse.h"

#include <string.h>

static const int32_t blocks[] = {1, 4, 16};

/* What a tensor costs beside its data and indices: the tables of its levels, of a further tensor
 * and of an operator in a file. */
enum { TABLES_BYTES = 256 };

/* ---- one constant ---- */

static bool is_zero(const mwi_tensor *t, size_t i)
{
    switch (t->dtype) {
    case MW_FLOAT32: return ((const float *)t->data)[i] == 0;
    case MW_FLOAT16: return (((const uint16_t *)t->data)[i] & 0x7fff) == 0;
    default: return ((const int8_t *)t->data)[i] == 0;
    }
}

static bool is_zero_block(const mwi_tensor *t, size_t first, size_t n)
{
    for (size_t i = first; i < first + n; i++)
        if (!is_zero(t, i)) return false;
    return true;
}

/* Of a type that DENSIFY makes, the value of whose zeros is 0. */
static bool can_be_sparse(const mwi_tensor *t)
{
    if (t->rank < 1 || t->sparsity != NULL || t->data == NULL) return false;
    if (t->dtype == MW_FLOAT32 || t->dtype == MW_FLOAT16) return true;
    if (t->dtype != MW_INT8 || t->quant == NULL || t->quant->q.n_scales == 0) return false;
    for (size_t i = 0; i < t->quant->q.n_scales; i++)
        if (t->quant->q.zero_points[i] != 0) return false;
    return true;
}

static size_t count_blocks(const mwi_tensor *t, size_t n, size_t block)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i += block) count += !is_zero_block(t, i, block);
    return count;
}

static size_t index_width(size_t largest) { return largest < 256 ? 1 : largest < 65536 ? 2 : 4; }

/* Bytes of the sparse form in a file. */
static size_t sparse_bytes(const mwi_tensor *t, size_t n, size_t block)
{
    const size_t columns = (size_t)t->dims[t->rank - 1], rows = n / columns;
    const size_t count = count_blocks(t, n, block);

    return count * block * (mw_dtype_bits(t->dtype) / 8) + count * index_width(columns / block) +
           (rows + 1) * index_width(count) + TABLES_BYTES;
}

/* The block by which the constant is smallest among those that `allowed` (a bit each) has; 0 where
 * that is not smaller than it is. */
static int32_t best_block(const mwi_tensor *t, uint32_t allowed)
{
    size_t n, least = t->bytes;
    int32_t best = 0;

    if (!can_be_sparse(t) || !mwi_dims_count(t->rank, t->dims, &n) || n == 0) return 0;
    for (size_t i = 0; i < MWI_COUNT(blocks); i++) {
        if ((allowed & 1u << i) == 0 || t->dims[t->rank - 1] % blocks[i] != 0) continue;
        const size_t bytes = sparse_bytes(t, n, (size_t)blocks[i]);
        if (bytes >= least) continue;
        least = bytes;
        best = blocks[i];
    }
    return best;
}

/* Non-zero blocks: their data, where each row's begin, and their columns. */
static mw_status pack(mw_ctx *ctx, mwi_arena *arena, const mwi_tensor *t, size_t n, size_t block,
                      mwi_tensor *out, mwi_dim_metadata *level)
{
    const size_t columns = (size_t)t->dims[t->rank - 1] / block, rows = n / block / columns;
    const size_t bytes = block * (mw_dtype_bits(t->dtype) / 8), count = count_blocks(t, n, block);
    void *data, *segments, *indices;
    size_t at = 0;

    MWI_TRY(mwi_arena_array(ctx, arena, count, bytes, &data));
    MWI_TRY(mwi_arena_array(ctx, arena, rows + 1, sizeof(int32_t), &segments));
    MWI_TRY(mwi_arena_array(ctx, arena, count, sizeof(int32_t), &indices));
    for (size_t i = 0; i < rows * columns; i++) {
        if (i % columns == 0) ((int32_t *)segments)[i / columns] = (int32_t)at;
        if (is_zero_block(t, i * block, block)) continue;
        memcpy((char *)data + at * bytes, (const char *)t->data + i * bytes, bytes);
        ((int32_t *)indices)[at++] = (int32_t)(i % columns);
    }
    ((int32_t *)segments)[rows] = (int32_t)at;
    out->data = data;
    out->bytes = count * bytes;
    *level = (mwi_dim_metadata){.format = 1,
                                .n_segments = rows + 1,
                                .segments = segments,
                                .n_indices = count,
                                .indices = indices};
    return MW_OK;
}

/* `out` has the type and shape of `t`, and may be the same. */
static mw_status make_sparse(mw_ctx *ctx, mw_model *model, const mwi_tensor *t, int32_t block,
                             mwi_tensor *out)
{
    const size_t rank = (size_t)t->rank, n_levels = rank + (block > 1);
    void *memory, *order, *levels;
    size_t n;

    if (!mwi_dims_count(t->rank, t->dims, &n)) return MW_ELIMIT;
    MWI_TRY(mwi_arena_array(ctx, &model->arena, 1, sizeof(mwi_sparsity), &memory));
    MWI_TRY(mwi_arena_array(ctx, &model->arena, n_levels + 1, sizeof(int32_t), &order));
    MWI_TRY(mwi_arena_array(ctx, &model->arena, n_levels, sizeof(mwi_dim_metadata), &levels));
    mwi_dim_metadata *const level = levels;
    int32_t *const numbers = order; /* of the levels, then the dimension that is cut in blocks */
    for (size_t i = 0; i < n_levels; i++) numbers[i] = (int32_t)i;
    numbers[n_levels] = t->rank - 1;
    for (size_t i = 0; i + 1 < rank; i++) level[i].dense_size = t->dims[i];
    if (block > 1) level[rank].dense_size = block;
    *(mwi_sparsity *)memory = (mwi_sparsity){.n_traversal = n_levels,
                                             .traversal_order = numbers,
                                             .n_block_map = block > 1,
                                             .block_map = numbers + n_levels,
                                             .n_dims = n_levels,
                                             .dims = level};
    MWI_TRY(pack(ctx, &model->arena, t, n, (size_t)block, out, &level[rank - 1]));
    out->sparsity = memory;
    return MW_OK;
}

/* ---- where it is read ---- */

/* How all readers of a constant take it. */
struct readers {
    uint32_t blocks; /* sparse as it is: a bit for each of `blocks` */
    bool densified;  /* behind a DENSIFY */
};

static void meet_reader(const mwi_graph *g, const mwi_op *op, size_t k, struct readers *r)
{
    const mwi_linear *const l = op->desc->linear;
    const mw_dtype type = g->tensors[op->in[k]]->dtype;
    const bool is_weight = l != NULL && (size_t)l->weight == k;

    r->blocks &= is_weight && type == MW_FLOAT32 ? l->sparse_f32 : 0;
    if (type == MW_INT8)
        r->densified &= is_weight && l->densifies_s8 && op->in[l->value] >= 0 &&
                        g->tensors[op->in[l->value]]->dtype == MW_INT8;
}

static struct readers readers_of(const mwi_graph *g, int32_t tensor)
{
    const bool is_output = mwi_graph_is_output(g, tensor);
    struct readers r = {is_output ? 0 : UINT32_MAX, !is_output};

    for (size_t i = 0; i < g->n_ops; i++)
        for (size_t k = 0; k < g->ops[i]->n_in; k++)
            if (g->ops[i]->in[k] == tensor) meet_reader(g, g->ops[i], k, &r);
    return r;
}

/* A sparse constant and a DENSIFY that makes the tensor from it, before the first operator that
 * reads it. */
static mw_status put_behind_densify(mw_ctx *ctx, mw_model *model, mwi_graph *g, int32_t tensor,
                                    int32_t block)
{
    mwi_tensor *const t = g->tensors[tensor];
    mwi_tensor *sparse;
    mwi_op *op;
    size_t at = 0;
    int32_t index;

    for (bool found = false; at < g->n_ops && !found; at += !found)
        for (size_t k = 0; k < g->ops[at]->n_in; k++) found |= g->ops[at]->in[k] == tensor;
    MWI_TRY(mwi_graph_add_tensor(ctx, model, g, t->name, &sparse, &index));
    const char *const name = sparse->name;
    *sparse = *t;
    sparse->name = name;
    MWI_TRY(make_sparse(ctx, model, t, block, sparse));
    t->data = NULL;
    t->bytes = 0;
    t->source = -1;
    MWI_TRY(mwi_graph_add_op(ctx, model, g, at, &mwi_op_densify, 1, 1, &op));
    op->in[0] = index;
    op->out[0] = tensor;
    return MW_OK;
}

static mw_status sparsify(mw_ctx *ctx, mw_model *model, const mwi_layer_weight *w, size_t *n)
{
    mwi_tensor *const t = w->graph->tensors[w->tensor];
    const struct readers r = readers_of(w->graph, w->tensor);
    const int32_t direct = best_block(t, r.blocks);
    const int32_t block = direct > 0 || !r.densified ? direct : best_block(t, UINT32_MAX);

    if (block == 0) return MW_OK;
    ++*n;
    if (direct > 0) return make_sparse(ctx, model, t, block, t);
    return put_behind_densify(ctx, model, w->graph, w->tensor, block);
}

static mw_status sparsify_all(mw_ctx *ctx, mw_model *model, size_t *out_n)
{
    mwi_layer_weight *weights;
    mwi_arena scratch;
    size_t n;
    mw_status st;

    mwi_arena_init(ctx, &scratch);
    MWI_GOTO(mwi_densify(ctx, model));
    MWI_GOTO(mwi_layer_weights_find(ctx, model, NULL, 0, &scratch, &weights, &n));
    for (size_t i = 0; i < n; i++) MWI_GOTO(sparsify(ctx, model, &weights[i], out_n));
    st = mwi_model_verify(ctx, model);
out:
    mwi_arena_deinit(&scratch);
    return st;
}

mw_status mw_sparsify(mw_ctx *ctx, const mw_model *model, mw_model **out_model, size_t *out_n)
{
    mw_model *clone;
    size_t n = 0;

    mwi_enter(ctx);
    *out_model = NULL;
    MWI_TRY(mwi_model_clone(ctx, model, &clone));
    const mw_status st = sparsify_all(ctx, clone, &n);
    if (out_n != NULL) *out_n = n;
    if (st == MW_OK)
        *out_model = clone;
    else
        mw_model_destroy(clone);
    return st;
}
