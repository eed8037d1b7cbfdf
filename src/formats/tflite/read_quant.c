/* formats/tflite/read_quant.c - quantization (per tensor, per axis, blockwise) and sparsity.
 * Depends: flatbuffer_read, read.  Used by: read_tensor.
 * Trust:   every byte is hostile.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/tflite/read.h"

#include "formats/tflite/schema.h"

#include <string.h>

/* ---- quantization ---- */

static mw_status read_floats(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *t, int slot,
                             const char *what, const float **out, size_t *out_n)
{
    mwi_fb_vector v;
    const void *p;

    MWI_TRY(mwi_fb_vector_field(ctx, &rd->fb, t, slot, sizeof(float), what, &v));
    MWI_TRY(mwi_fb_array(ctx, &rd->fb, &rd->model->arena, &v, sizeof(float), &p));
    *out = p;
    *out_n = v.n;
    return MW_OK;
}

/* As many as there are scales: none stands for zeros, one for all. */
static mw_status read_zero_points(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *t, size_t n,
                                  const int64_t **out)
{
    mwi_fb_vector v;
    void *memory;
    const void *p;

    MWI_TRY(mwi_fb_vector_field(ctx, &rd->fb, t, TFL_QUANT_ZERO_POINT, sizeof(int64_t),
                                "the zero points", &v));
    if (v.n == n) {
        MWI_TRY(mwi_fb_array(ctx, &rd->fb, &rd->model->arena, &v, sizeof(int64_t), &p));
        *out = p;
        return MW_OK;
    }
    if (v.n > 1) return mwi_fail(ctx, MW_EFORMAT, "%zu zero points for %zu scales", v.n, n);
    MWI_TRY(mwi_arena_array(ctx, &rd->model->arena, n, sizeof(int64_t), &memory));
    int64_t *const zero_points = memory;
    if (v.n == 1)
        for (size_t i = 0; i < n; i++) zero_points[i] = (int64_t)mwi_le64(rd->fb.r->bytes + v.at);
    *out = zero_points;
    return MW_OK;
}

static mw_status read_blockwise(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *t,
                                mwi_quant *q)
{
    mwi_fb_table b;

    MWI_TRY(
        mwi_fb_table_field(ctx, &rd->fb, t, TFL_QUANT_DETAILS, "the blockwise quantization", &b));
    if (b.at == 0) return mwi_fail(ctx, MW_EFORMAT, "the blockwise quantization is missing");
    MWI_TRY(mwi_fb_i32(ctx, &rd->fb, &b, TFL_BLOCKWISE_SCALES, "the tensor of scales", 0,
                       &q->block_scales));
    MWI_TRY(mwi_fb_i32(ctx, &rd->fb, &b, TFL_BLOCKWISE_ZERO_POINTS, "the tensor of zero points", 0,
                       &q->block_zero_points));
    MWI_TRY(mwi_fb_i32(ctx, &rd->fb, &b, TFL_BLOCKWISE_BLOCK_SIZE, "the block size", 0,
                       &q->q.block_size));
    if (q->q.block_size <= 0)
        return mwi_fail(ctx, MW_EFORMAT, "block size %d, allowed 1 to 2147483647", q->q.block_size);
    if (q->block_zero_points < -1) q->block_zero_points = -1;
    return MW_OK;
}

static mw_status read_details(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *t, mwi_quant *q)
{
    uint32_t type;

    MWI_TRY(
        mwi_fb_u8(ctx, &rd->fb, t, TFL_QUANT_DETAILS_TYPE, "the kind of quantization", 0, &type));
    if (type == TFL_DETAILS_BLOCKWISE) return read_blockwise(ctx, rd, t, q);
    if (type == TFL_DETAILS_MULTI_AXIS)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "quantization along several axes is not supported");
    return MW_OK; /* custom details mean something to other tools only; LiteRT ignores them too */
}

mw_status mwi_tfl_read_quant(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *tensor,
                             mwi_quant **out)
{
    mwi_fb_table t;
    void *memory;

    *out = NULL;
    MWI_TRY(
        mwi_fb_table_field(ctx, &rd->fb, tensor, TFL_TENSOR_QUANTIZATION, "the quantization", &t));
    if (t.at == 0) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, &rd->model->arena, 1, sizeof(mwi_quant), &memory));
    mwi_quant *const q = memory;
    q->block_scales = q->block_zero_points = -1;
    MWI_TRY(read_details(ctx, rd, &t, q));
    MWI_TRY(mwi_fb_i32(ctx, &rd->fb, &t, TFL_QUANT_DIMENSION, "the quantized dimension", 0,
                       &q->q.axis));
    MWI_TRY(read_floats(ctx, rd, &t, TFL_QUANT_MIN, "the minima", &q->min, &q->n_min));
    MWI_TRY(read_floats(ctx, rd, &t, TFL_QUANT_MAX, "the maxima", &q->max, &q->n_max));
    if (q->q.block_size == 0) {
        MWI_TRY(
            read_floats(ctx, rd, &t, TFL_QUANT_SCALE, "the scales", &q->q.scales, &q->q.n_scales));
        MWI_TRY(read_zero_points(ctx, rd, &t, q->q.n_scales, &q->q.zero_points));
    }
    /* Converters write an empty table for tensors that are not quantized. */
    if (q->q.n_scales + q->n_min + q->n_max > 0 || q->q.block_size > 0) *out = q;
    return MW_OK;
}

/* ---- sparsity ---- */

/* Three vector types hold the indices; in memory they are all int32. */
static mw_status read_index_vector(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *dim,
                                   int type_slot, const char *what, const int32_t **out,
                                   size_t *out_n)
{
    static const size_t widths[] = {0, sizeof(int32_t), sizeof(uint16_t), sizeof(uint8_t)};
    mwi_fb_table t;
    mwi_fb_vector v;
    uint32_t type;
    const void *p;
    void *memory;

    *out = NULL;
    *out_n = 0;
    MWI_TRY(mwi_fb_u8(ctx, &rd->fb, dim, type_slot, what, 0, &type));
    if (type == 0) return MW_OK;
    if (type >= MWI_COUNT(widths))
        return mwi_fail(ctx, MW_EFORMAT, "%s have vector type %u, allowed 1 to 3", what, type);
    MWI_TRY(mwi_fb_table_field(ctx, &rd->fb, dim, type_slot + 1, what, &t));
    MWI_TRY(mwi_fb_vector_field(ctx, &rd->fb, &t, TFL_INDEX_VALUES, widths[type], what, &v));
    *out_n = v.n;
    if (type == TFL_INDEX_INT32) {
        MWI_TRY(mwi_fb_array(ctx, &rd->fb, &rd->model->arena, &v, sizeof(int32_t), &p));
        *out = p;
        return MW_OK;
    }
    MWI_TRY(mwi_arena_array(ctx, &rd->model->arena, v.n, sizeof(int32_t), &memory));
    int32_t *const values = memory;
    const uint8_t *const bytes = rd->fb.r->bytes + v.at;
    for (size_t i = 0; i < v.n; i++)
        values[i] = type == TFL_INDEX_UINT16 ? mwi_le16(bytes + 2 * i) : bytes[i];
    *out = values;
    return MW_OK;
}

static mw_status read_dim(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *t,
                          mwi_dim_metadata *d)
{
    MWI_TRY(mwi_fb_i8(ctx, &rd->fb, t, TFL_DIM_FORMAT, "the dimension's format", 0, &d->format));
    if (d->format != 0 && d->format != 1)
        return mwi_fail(ctx, MW_EFORMAT, "dimension format %d, allowed 0 (dense), 1 (sparse CSR)",
                        d->format);
    MWI_TRY(
        mwi_fb_i32(ctx, &rd->fb, t, TFL_DIM_DENSE_SIZE, "the dimension's size", 0, &d->dense_size));
    MWI_TRY(read_index_vector(ctx, rd, t, TFL_DIM_SEGMENTS_TYPE, "the segments", &d->segments,
                              &d->n_segments));
    return read_index_vector(ctx, rd, t, TFL_DIM_INDICES_TYPE, "the indices", &d->indices,
                             &d->n_indices);
}

static mw_status read_ints(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *t, int slot,
                           const char *what, const int32_t **out, size_t *out_n)
{
    mwi_fb_vector v;
    const void *p;

    MWI_TRY(mwi_fb_vector_field(ctx, &rd->fb, t, slot, sizeof(int32_t), what, &v));
    MWI_TRY(mwi_fb_array(ctx, &rd->fb, &rd->model->arena, &v, sizeof(int32_t), &p));
    *out = p;
    *out_n = v.n;
    return MW_OK;
}

mw_status mwi_tfl_read_sparsity(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *tensor,
                                const mwi_sparsity **out)
{
    mwi_fb_table t, dim;
    mwi_fb_vector v;
    void *memory;

    *out = NULL;
    MWI_TRY(mwi_fb_table_field(ctx, &rd->fb, tensor, TFL_TENSOR_SPARSITY, "the sparsity", &t));
    if (t.at == 0) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, &rd->model->arena, 1, sizeof(mwi_sparsity), &memory));
    mwi_sparsity *const s = memory;
    MWI_TRY(read_ints(ctx, rd, &t, TFL_SPARSITY_TRAVERSAL_ORDER, "the traversal order",
                      &s->traversal_order, &s->n_traversal));
    MWI_TRY(read_ints(ctx, rd, &t, TFL_SPARSITY_BLOCK_MAP, "the block map", &s->block_map,
                      &s->n_block_map));
    MWI_TRY(mwi_fb_vector_field(ctx, &rd->fb, &t, TFL_SPARSITY_DIM_METADATA, 4,
                                "the sparse dimensions", &v));
    MWI_TRY(mwi_arena_array(ctx, &rd->model->arena, v.n, sizeof(mwi_dim_metadata), &memory));
    mwi_dim_metadata *const dims = memory;
    for (size_t i = 0; i < v.n; i++) {
        MWI_TRY(mwi_fb_vector_table(ctx, &rd->fb, &v, i, "a sparse dimension", &dim));
        MWI_TRY(mwi_prefix(ctx, read_dim(ctx, rd, &dim, &dims[i]), "sparse dimension %zu", i));
    }
    s->dims = dims;
    s->n_dims = v.n;
    *out = s;
    return MW_OK;
}
