/* formats/tflite/write_tensor.c - tensors, quantization, sparsity.
 * Depends: flatbuffer_build, write.  Used by: write_model.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/tflite/write.h"

#include "formats/tflite/schema.h"

/* ---- quantization ---- */

static mw_status write_blockwise(mw_ctx *ctx, mwi_tfl_writer *wr, const mwi_quant *quant,
                                 size_t from)
{
    mwi_fbb_table t = {0};

    mwi_fbb_i32(&t, TFL_BLOCKWISE_SCALES, quant->block_scales);
    mwi_fbb_i32(&t, TFL_BLOCKWISE_ZERO_POINTS, quant->block_zero_points);
    mwi_fbb_i32(&t, TFL_BLOCKWISE_BLOCK_SIZE, quant->q.block_size);
    return mwi_fbb_write(ctx, &wr->b, from, &t);
}

mw_status mwi_tfl_write_quant(mw_ctx *ctx, mwi_tfl_writer *wr, const mwi_quant *quant, size_t from)
{
    const mw_quantization *const q = &quant->q;
    mwi_fbb_table t = {0};

    if (quant->n_min > 0) mwi_fbb_ref(&t, TFL_QUANT_MIN);
    if (quant->n_max > 0) mwi_fbb_ref(&t, TFL_QUANT_MAX);
    if (q->block_size > 0) {
        mwi_fbb_u8(&t, TFL_QUANT_DETAILS_TYPE, TFL_DETAILS_BLOCKWISE);
        mwi_fbb_ref(&t, TFL_QUANT_DETAILS);
    } else if (q->n_scales > 0) {
        mwi_fbb_ref(&t, TFL_QUANT_SCALE);
        mwi_fbb_ref(&t, TFL_QUANT_ZERO_POINT);
    }
    /* LiteRT checks the axis of a single scale too, where it means nothing. */
    if (q->n_scales > 1 || q->block_size > 0) mwi_fbb_i32(&t, TFL_QUANT_DIMENSION, q->axis);
    MWI_TRY(mwi_fbb_write(ctx, &wr->b, from, &t));
    if (quant->n_min > 0)
        MWI_TRY(mwi_fbb_vector(ctx, &wr->b, t.at[TFL_QUANT_MIN], quant->min, quant->n_min,
                               sizeof(float)));
    if (quant->n_max > 0)
        MWI_TRY(mwi_fbb_vector(ctx, &wr->b, t.at[TFL_QUANT_MAX], quant->max, quant->n_max,
                               sizeof(float)));
    if (q->block_size > 0) return write_blockwise(ctx, wr, quant, t.at[TFL_QUANT_DETAILS]);
    if (q->n_scales == 0) return MW_OK;
    MWI_TRY(
        mwi_fbb_vector(ctx, &wr->b, t.at[TFL_QUANT_SCALE], q->scales, q->n_scales, sizeof(float)));
    return mwi_fbb_vector(ctx, &wr->b, t.at[TFL_QUANT_ZERO_POINT], q->zero_points, q->n_scales,
                          sizeof(int64_t));
}

/* ---- sparsity ---- */

/* The narrowest of the three vector types that holds the values, as TFLite's converter does. */
static uint32_t index_type(const int32_t *v, size_t n)
{
    uint32_t type = TFL_INDEX_UINT8;

    for (size_t i = 0; i < n; i++) {
        if (v[i] < 0 || v[i] > 0xffff) return TFL_INDEX_INT32;
        if (v[i] > 0xff) type = TFL_INDEX_UINT16;
    }
    return type;
}

static mw_status write_index_vector(mw_ctx *ctx, mwi_tfl_writer *wr, uint32_t type,
                                    const int32_t *v, size_t n, size_t from)
{
    mwi_fbb_table t = {0};
    void *memory;

    mwi_fbb_ref(&t, TFL_INDEX_VALUES);
    MWI_TRY(mwi_fbb_write(ctx, &wr->b, from, &t));
    if (type == TFL_INDEX_INT32)
        return mwi_fbb_vector(ctx, &wr->b, t.at[TFL_INDEX_VALUES], v, n, sizeof *v);
    const size_t width = type == TFL_INDEX_UINT16 ? 2 : 1;
    MWI_TRY(mwi_arena_array(ctx, &wr->scratch, n, width, &memory));
    uint8_t *const narrow = memory;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < width; k++) narrow[width * i + k] = (uint8_t)(v[i] >> 8 * k);
    return mwi_fbb_vector(ctx, &wr->b, t.at[TFL_INDEX_VALUES], narrow, n, width);
}

static mw_status write_dim(mw_ctx *ctx, mwi_tfl_writer *wr, const mwi_dim_metadata *d, size_t from)
{
    const bool segments = d->n_segments > 0, indices = d->n_indices > 0;
    const uint32_t segments_type = index_type(d->segments, d->n_segments);
    const uint32_t indices_type = index_type(d->indices, d->n_indices);
    mwi_fbb_table t = {0};

    mwi_fbb_u8(&t, TFL_DIM_FORMAT, (uint32_t)d->format);
    mwi_fbb_i32(&t, TFL_DIM_DENSE_SIZE, d->dense_size);
    if (segments) {
        mwi_fbb_u8(&t, TFL_DIM_SEGMENTS_TYPE, segments_type);
        mwi_fbb_ref(&t, TFL_DIM_SEGMENTS);
    }
    if (indices) {
        mwi_fbb_u8(&t, TFL_DIM_INDICES_TYPE, indices_type);
        mwi_fbb_ref(&t, TFL_DIM_INDICES);
    }
    MWI_TRY(mwi_fbb_write(ctx, &wr->b, from, &t));
    if (segments)
        MWI_TRY(write_index_vector(ctx, wr, segments_type, d->segments, d->n_segments,
                                   t.at[TFL_DIM_SEGMENTS]));
    if (!indices) return MW_OK;
    return write_index_vector(ctx, wr, indices_type, d->indices, d->n_indices,
                              t.at[TFL_DIM_INDICES]);
}

mw_status mwi_tfl_write_sparsity(mw_ctx *ctx, mwi_tfl_writer *wr, const mwi_sparsity *s,
                                 size_t from)
{
    mwi_fbb_table t = {0};
    size_t first;

    mwi_fbb_ref(&t, TFL_SPARSITY_TRAVERSAL_ORDER);
    if (s->n_block_map > 0) mwi_fbb_ref(&t, TFL_SPARSITY_BLOCK_MAP);
    mwi_fbb_ref(&t, TFL_SPARSITY_DIM_METADATA);
    MWI_TRY(mwi_fbb_write(ctx, &wr->b, from, &t));
    MWI_TRY(mwi_fbb_vector(ctx, &wr->b, t.at[TFL_SPARSITY_TRAVERSAL_ORDER], s->traversal_order,
                           s->n_traversal, sizeof(int32_t)));
    if (s->n_block_map > 0)
        MWI_TRY(mwi_fbb_vector(ctx, &wr->b, t.at[TFL_SPARSITY_BLOCK_MAP], s->block_map,
                               s->n_block_map, sizeof(int32_t)));
    MWI_TRY(mwi_fbb_refs(ctx, &wr->b, t.at[TFL_SPARSITY_DIM_METADATA], s->n_dims, &first));
    for (size_t i = 0; i < s->n_dims; i++) MWI_TRY(write_dim(ctx, wr, &s->dims[i], first + 4 * i));
    return MW_OK;
}

/* ---- tensors ---- */

static mw_status write_tensor(mw_ctx *ctx, mwi_tfl_writer *wr, const mwi_tensor *x, size_t from)
{
    mwi_fbb_table t = {0};
    uint32_t buffer;
    bool open = false;

    for (int32_t i = 0; i < x->rank; i++) open |= x->signature[i] < 0;
    MWI_TRY(mwi_tfl_buffer_of(ctx, wr, x->data, x->bytes, &buffer));
    if (x->has_rank) mwi_fbb_ref(&t, TFL_TENSOR_SHAPE);
    mwi_fbb_u8(&t, TFL_TENSOR_TYPE, (uint32_t)x->dtype);
    mwi_fbb_u32(&t, TFL_TENSOR_BUFFER, buffer);
    mwi_fbb_ref(&t, TFL_TENSOR_NAME);
    if (x->quant != NULL) mwi_fbb_ref(&t, TFL_TENSOR_QUANTIZATION);
    if (x->is_variable) mwi_fbb_u8(&t, TFL_TENSOR_IS_VARIABLE, 1);
    if (x->sparsity != NULL) mwi_fbb_ref(&t, TFL_TENSOR_SPARSITY);
    if (open) mwi_fbb_ref(&t, TFL_TENSOR_SHAPE_SIGNATURE);
    if (x->has_rank) mwi_fbb_u8(&t, TFL_TENSOR_HAS_RANK, 1);
    MWI_TRY(mwi_fbb_write(ctx, &wr->b, from, &t));
    if (x->has_rank)
        MWI_TRY(mwi_fbb_vector(ctx, &wr->b, t.at[TFL_TENSOR_SHAPE], x->dims, (size_t)x->rank,
                               sizeof(int32_t)));
    MWI_TRY(mwi_fbb_string(ctx, &wr->b, t.at[TFL_TENSOR_NAME], x->name));
    if (x->quant != NULL)
        MWI_TRY(mwi_tfl_write_quant(ctx, wr, x->quant, t.at[TFL_TENSOR_QUANTIZATION]));
    if (x->sparsity != NULL)
        MWI_TRY(mwi_tfl_write_sparsity(ctx, wr, x->sparsity, t.at[TFL_TENSOR_SPARSITY]));
    if (!open) return MW_OK;
    return mwi_fbb_vector(ctx, &wr->b, t.at[TFL_TENSOR_SHAPE_SIGNATURE], x->signature,
                          (size_t)x->rank, sizeof(int32_t));
}

mw_status mwi_tfl_write_tensors(mw_ctx *ctx, mwi_tfl_writer *wr, const mwi_graph *graph,
                                size_t from)
{
    size_t first;

    MWI_TRY(mwi_fbb_refs(ctx, &wr->b, from, graph->n_tensors, &first));
    for (size_t i = 0; i < graph->n_tensors; i++)
        MWI_TRY(mwi_prefix(ctx, write_tensor(ctx, wr, graph->tensors[i], first + 4 * i),
                           "tensor %zu '%s'", i, graph->tensors[i]->name));
    return MW_OK;
}
