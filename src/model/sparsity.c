/* model/sparsity.c - sparse constants in TFLite's format: levels in traversal order, each dense or
 * CSR.
 * Depends: base/checked.  Used by: verifier; DENSIFY and kernels with sparse weights. Levels below
 * `rank` name dimensions of the tensor; level rank + j is the inside of the blocks that cut
 * dimension block_map[j]. A node of a level has one child an index of the next; leaves are
 * elements.
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/graph.h"

#include "base/checked.h"

#include <string.h>

enum { MAX_LEVELS = 2 * MW_MAX_RANK };

/* How many indices each level has, from the shape and the blocks. */
static mw_status find_extents(mw_ctx *ctx, const mwi_tensor *t, int32_t *extents)
{
    const mwi_sparsity *const s = t->sparsity;
    const size_t rank = (size_t)t->rank, n = rank + s->n_block_map;
    int32_t block[MW_MAX_RANK] = {0};
    bool seen[MAX_LEVELS] = {false};

    if (s->n_block_map > rank || s->n_dims != n || s->n_traversal != n)
        return mwi_fail(ctx, MW_EFORMAT,
                        "sparse: %zu levels, %zu in the traversal order, %zu blocks for %zu "
                        "dimensions",
                        s->n_dims, s->n_traversal, s->n_block_map, rank);
    for (size_t i = 0; i < n; i++) {
        const int32_t level = s->traversal_order[i];
        if (level < 0 || (size_t)level >= n || seen[level])
            return mwi_fail(ctx, MW_EFORMAT,
                            "sparse: traversal order %zu is %d, allowed each of 0 to %zu once", i,
                            level, n - 1);
        seen[level] = true;
        if ((size_t)level < rank) continue;
        const int32_t d = s->block_map[(size_t)level - rank];
        if (d < 0 || (size_t)d >= rank || block[d] != 0 || s->dims[i].format != 0 ||
            s->dims[i].dense_size <= 0 || t->dims[d] % s->dims[i].dense_size != 0)
            return mwi_fail(ctx, MW_EFORMAT,
                            "sparse: a block of %d does not cut dimension %d evenly",
                            s->dims[i].dense_size, d);
        block[d] = extents[i] = s->dims[i].dense_size;
    }
    for (size_t i = 0; i < n; i++) {
        const int32_t d = s->traversal_order[i];
        if ((size_t)d < rank) extents[i] = block[d] == 0 ? t->dims[d] : t->dims[d] / block[d];
    }
    return MW_OK;
}

/* *n: nodes of the level above; becomes the nodes of this one. */
static mw_status check_level(mw_ctx *ctx, const mwi_dim_metadata *d, int32_t extent, size_t *n)
{
    if (d->format == 0) {
        if (d->dense_size != extent)
            return mwi_fail(ctx, MW_EFORMAT, "dense size %d, the shape says %d", d->dense_size,
                            extent);
        if (!mwi_mul(*n, (size_t)extent, n)) return mwi_fail(ctx, MW_ELIMIT, "too many elements");
        return MW_OK;
    }
    if (d->n_segments == 0 || d->n_segments - 1 != *n || d->segments[0] != 0)
        return mwi_fail(ctx, MW_EFORMAT, "%zu segments for %zu nodes above", d->n_segments, *n);
    for (size_t i = 1; i < d->n_segments; i++)
        if (d->segments[i] < d->segments[i - 1])
            return mwi_fail(ctx, MW_EFORMAT, "segment %zu is %d after %d", i, d->segments[i],
                            d->segments[i - 1]);
    if ((size_t)d->segments[d->n_segments - 1] != d->n_indices)
        return mwi_fail(ctx, MW_EFORMAT, "segments end at %d, there are %zu indices",
                        d->segments[d->n_segments - 1], d->n_indices);
    for (size_t i = 0; i < d->n_indices; i++)
        if (d->indices[i] < 0 || d->indices[i] >= extent)
            return mwi_fail(ctx, MW_EFORMAT, "index %zu is %d of %d", i, d->indices[i], extent);
    *n = d->n_indices;
    return MW_OK;
}

mw_status mwi_sparsity_check(mw_ctx *ctx, const mwi_tensor *tensor)
{
    const mwi_sparsity *const s = tensor->sparsity;
    const unsigned bits = mw_dtype_bits(tensor->dtype);
    int32_t extents[MAX_LEVELS] = {0};
    size_t n = 1, need;

    if (bits == 0 || tensor->dtype == MW_STRING)
        return mwi_fail(ctx, MW_EFORMAT, "sparse: elements without a fixed size");
    MWI_TRY(find_extents(ctx, tensor, extents));
    for (size_t i = 0; i < s->n_dims; i++)
        MWI_TRY(
            mwi_prefix(ctx, check_level(ctx, &s->dims[i], extents[i], &n), "sparse: level %zu", i));
    if (!mwi_mul(n, bits, &need) || !mwi_add(need, 7, &need) || need / 8 > tensor->bytes)
        return mwi_fail(ctx, MW_EFORMAT, "sparse: %zu elements, the data have %zu bytes", n,
                        tensor->bytes);
    return MW_OK;
}

typedef struct expansion {
    const mwi_tensor *t;
    size_t element_bytes;
    uint8_t *out;
    int32_t at[MAX_LEVELS]; /* index at each level's own dimension or block: by traversal_order */
} expansion;

static void put_element(const expansion *e, size_t leaf)
{
    const mwi_sparsity *const s = e->t->sparsity;
    const int32_t rank = e->t->rank;
    int32_t index[MW_MAX_RANK];
    size_t flat = 0;

    for (int32_t d = 0; d < rank; d++) index[d] = e->at[d];
    for (size_t i = 0; i < s->n_dims; i++) {
        const int32_t block = s->traversal_order[i] - rank;
        if (block < 0) continue;
        const int32_t d = s->block_map[block];
        index[d] = index[d] * s->dims[i].dense_size + e->at[rank + block];
    }
    for (int32_t d = 0; d < rank; d++) flat = flat * (size_t)e->t->dims[d] + (size_t)index[d];
    memcpy(e->out + flat * e->element_bytes, (const uint8_t *)e->t->data + leaf * e->element_bytes,
           e->element_bytes);
}

/* As deep as there are levels: MAX_LEVELS at most. */
static void expand_level(expansion *e, size_t level, size_t node)
{
    const mwi_sparsity *const s = e->t->sparsity;

    if (level == s->n_dims) {
        put_element(e, node);
        return;
    }
    const mwi_dim_metadata *const d = &s->dims[level];
    int32_t *const at = &e->at[s->traversal_order[level]];
    if (d->format == 0) {
        for (int32_t i = 0; i < d->dense_size; i++) {
            *at = i;
            expand_level(e, level + 1, node * (size_t)d->dense_size + (size_t)i);
        }
        return;
    }
    for (int32_t i = d->segments[node]; i < d->segments[node + 1]; i++) {
        *at = d->indices[i];
        expand_level(e, level + 1, (size_t)i);
    }
}

mw_status mwi_sparsity_expand(mw_ctx *ctx, const mwi_tensor *tensor, void *out)
{
    const unsigned bits = mw_dtype_bits(tensor->dtype);
    expansion e = {.t = tensor, .element_bytes = bits / 8, .out = out};
    size_t bytes;

    if (bits % 8 != 0)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "sparse %s is not supported",
                        mw_dtype_name(tensor->dtype));
    if (!mwi_dims_bytes(tensor->dtype, tensor->rank, tensor->dims, &bytes))
        return mwi_fail(ctx, MW_ELIMIT, "sparse: its shape is larger than any memory");
    if (bytes == 0) return MW_OK;
    memset(out, 0, bytes);
    expand_level(&e, 0, 0);
    return MW_OK;
}
