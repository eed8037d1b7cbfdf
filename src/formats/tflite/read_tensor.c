/* formats/tflite/read_tensor.c - tensors: shapes, types, constants.
 * Depends: flatbuffer_read, read.  Used by: read_model.
 * Trust:   every byte is hostile.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/tflite/read.h"

#include "formats/tflite/schema.h"

#include <inttypes.h>
#include <string.h>

/* Open dimensions (-1) stand in shape_signature; some writers put them into the shape itself. */
static mw_status read_shape(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *t, mwi_tensor *x)
{
    mwi_fb_vector shape, signature;
    const uint8_t *const bytes = rd->fb.r->bytes;

    MWI_TRY(mwi_fb_vector_field(ctx, &rd->fb, t, TFL_TENSOR_SHAPE, 4, "the shape", &shape));
    MWI_TRY(mwi_fb_vector_field(ctx, &rd->fb, t, TFL_TENSOR_SHAPE_SIGNATURE, 4,
                                "the shape signature", &signature));
    if (shape.n > MW_MAX_RANK)
        return mwi_fail(ctx, MW_ELIMIT, "%zu dimensions, limit %d", shape.n, MW_MAX_RANK);
    x->rank = (int32_t)shape.n;
    for (int32_t i = 0; i < x->rank; i++) {
        const int32_t d = (int32_t)mwi_le32(bytes + shape.at + 4 * (uint64_t)i);
        const int32_t s =
            signature.n == shape.n ? (int32_t)mwi_le32(bytes + signature.at + 4 * (uint64_t)i) : d;
        if (d < -1) return mwi_fail(ctx, MW_EFORMAT, "dimension %d is %d", i, d);
        x->dims[i] = d < 0 ? 1 : d;
        x->signature[i] = d < 0 || s < 0 ? -1 : d;
    }
    return MW_OK;
}

static mw_status read_type(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *t, mwi_tensor *x)
{
    static const char *const later[] = {"uint4", "float8_e4m3fn", "float8_e5m2"};
    int32_t type;

    MWI_TRY(mwi_fb_i8(ctx, &rd->fb, t, TFL_TENSOR_TYPE, "the type", 0, &type));
    if (type < 0)
        return mwi_fail(ctx, MW_EFORMAT, "element type %d, allowed 0 to %d", type, MW_N_DTYPES - 1);
    if (type >= MW_N_DTYPES) {
        const size_t i = (size_t)(type - MW_N_DTYPES);
        return mwi_fail(ctx, MW_EUNSUPPORTED, "element type %d (%s) is not supported", type,
                        i < MWI_COUNT(later) ? later[i] : "unknown");
    }
    x->dtype = (mw_dtype)type;
    return MW_OK;
}

/* What an element's address must be a multiple of. */
static size_t alignment(mw_dtype dtype)
{
    if (dtype == MW_STRING) return 4; /* begins with a table of int32 */
    switch (mw_dtype_bits(dtype)) {
    case 16: return 2;
    case 32: return 4;
    case 64: return dtype == MW_COMPLEX64 ? 4 : 8;
    case 128: return 8;
    default: return 1;
    }
}

static mw_status read_data(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *t, mwi_tensor *x)
{
    uint32_t buffer, external;
    const uint8_t *data;
    size_t bytes, wanted;

    MWI_TRY(mwi_fb_u32(ctx, &rd->fb, t, TFL_TENSOR_EXTERNAL_BUFFER, "the external buffer", 0,
                       &external));
    if (external != 0)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "its data lie in another file (external buffer %" PRIu32
                        "); other files are not opened: write the model as one file",
                        external);
    MWI_TRY(mwi_fb_u32(ctx, &rd->fb, t, TFL_TENSOR_BUFFER, "the buffer", 0, &buffer));
    MWI_TRY(mwi_tfl_buffer_bytes(ctx, rd, buffer, alignment(x->dtype), &data, &bytes));
    if (data == NULL || x->dtype == MW_RESOURCE || x->dtype == MW_VARIANT) return MW_OK;
    /* A buffer may be longer than its tensor (shared, padded): the rest is not the tensor's. */
    if (x->sparsity == NULL && x->dtype != MW_STRING &&
        mwi_dims_bytes(x->dtype, x->rank, x->dims, &wanted) && wanted < bytes)
        bytes = wanted;
    if (bytes == 0) return MW_OK; /* see give_empty_constants */
    x->data = data;
    x->bytes = bytes;
    return MW_OK;
}

/* Early quantization tools gave a bias the axis of its weights: a vector has one axis only. */
static void mend_axis(const mwi_tensor *x, mwi_quant *q)
{
    if (q != NULL && q->q.n_scales > 1 && x->rank == 1) q->q.axis = 0;
}

static mw_status read_tensor(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *t, mwi_tensor *x)
{
    const char *name;
    mwi_quant *quant;

    MWI_TRY(mwi_fb_string(ctx, &rd->fb, &rd->model->arena, t, TFL_TENSOR_NAME, "the name", &name));
    if (name != NULL) x->name = name;
    MWI_TRY(read_type(ctx, rd, t, x));
    MWI_TRY(read_shape(ctx, rd, t, x));
    MWI_TRY(mwi_fb_bool(ctx, &rd->fb, t, TFL_TENSOR_IS_VARIABLE, "is_variable", false,
                        &x->is_variable));
    MWI_TRY(mwi_fb_bool(ctx, &rd->fb, t, TFL_TENSOR_HAS_RANK, "has_rank", false, &x->has_rank));
    MWI_TRY(mwi_tfl_read_quant(ctx, rd, t, &quant));
    mend_axis(x, quant);
    x->quant = quant;
    MWI_TRY(mwi_tfl_read_sparsity(ctx, rd, t, &x->sparsity));
    MWI_TRY(read_data(ctx, rd, t, x));
    /* Files older than has_rank do not set it. */
    x->has_rank = x->has_rank || x->rank > 0 || x->data != NULL;
    return MW_OK;
}

mw_status mwi_tfl_read_tensors(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *subgraph,
                               mwi_graph *graph)
{
    mwi_fb_vector v;
    mwi_fb_table t;
    mwi_tensor *x;

    MWI_TRY(mwi_fb_vector_field(ctx, &rd->fb, subgraph, TFL_SUBGRAPH_TENSORS, 4,
                                "the list of tensors", &v));
    rd->n_tensors += v.n;
    if (rd->n_tensors > mwi_limits(ctx)->max_tensors)
        return mwi_fail(ctx, MW_ELIMIT, "%" PRIu64 " tensors so far, limit %u", rd->n_tensors,
                        mwi_limits(ctx)->max_tensors);
    for (size_t i = 0; i < v.n; i++) {
        mw_status st = mwi_graph_add_tensor(ctx, rd->model, graph, "", &x, NULL);
        if (st == MW_OK) st = mwi_fb_vector_table(ctx, &rd->fb, &v, i, "a tensor", &t);
        if (st == MW_OK) st = read_tensor(ctx, rd, &t, x);
        MWI_TRY(mwi_prefix(ctx, st, "tensor %zu", i));
    }
    return MW_OK;
}
