/* formats/keras/layers/pooling.c - pooling over windows and over all of an image or sequence.
 * Depends: build.h.  Used by: the list of layers only.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/build.h"

#include <string.h>

static const char *refuses(const kr_layer *l)
{
    return kr_channels_first(l) ? "data_format channels_first; save it with channels_last" : NULL;
}

static mw_status pool(kr_builder *b, kr_layer *l, const char *op_name, int32_t x, size_t dims, int32_t *out)
{
    int32_t size[2] = {1, 1}, strides[2], padding;
    mwi_op *op;

    if (kr_tensor(b, x)->rank != (int32_t)dims + 2) return kr_fail(b, l, MW_EFORMAT, "takes an input of rank %zu", dims + 2);
    MWI_TRY(kr_ints(b, l, kr_value(l, "pool_size") != NULL ? "pool_size" : "pool_length", dims, 2, size + 2 - dims));
    memcpy(strides, size, sizeof strides);
    if (kr_value(l, "strides") != NULL) MWI_TRY(kr_ints(b, l, "strides", dims, 1, strides + 2 - dims));
    MWI_TRY(kr_padding(b, l, &padding));
    if (dims == 1)
        MWI_TRY(kr_reshape(b, l, x, (const int32_t[]){1, kr_tensor(b, x)->dims[1], kr_tensor(b, x)->dims[2]}, 3, &x));
    MWI_TRY(kr_begin(b, l, op_name, &x, 1, &op));
    kr_set(op, "padding", padding);
    kr_set(op, "filter_height", size[0]);
    kr_set(op, "filter_width", size[1]);
    kr_set(op, "stride_h", strides[0]);
    kr_set(op, "stride_w", strides[1]);
    MWI_TRY(kr_end(b, op, out));
    if (dims == 2) return MW_OK;
    return kr_reshape(b, l, *out, (const int32_t[]){kr_tensor(b, *out)->dims[2], kr_tensor(b, *out)->dims[3]}, 2, out);
}

#define POOL(id, op, dims)                                                                          \
    static mw_status id(kr_builder *b, kr_layer *l, const int32_t *in, size_t n_in, int32_t *out)   \
    {                                                                                               \
        (void)n_in;                                                                                 \
        return pool(b, l, op, in[0], dims, out);                                                    \
    }
POOL(average_2d, "AVERAGE_POOL_2D", 2)
POOL(max_2d, "MAX_POOL_2D", 2)
POOL(average_1d, "AVERAGE_POOL_2D", 1)
POOL(max_1d, "MAX_POOL_2D", 1)

/* Over every axis but the batch and the channels. */
static mw_status global(kr_builder *b, kr_layer *l, const char *op_name, int32_t x, int32_t *out)
{
    const int32_t rank = kr_tensor(b, x)->rank, axes[3] = {1, 2, 3};
    int32_t a;
    mwi_op *op;

    if (rank < 3 || rank > 5) return kr_fail(b, l, MW_EFORMAT, "takes an input of rank 3 to 5, gets %d", rank);
    MWI_TRY(kr_const_ints(b, l, axes, (size_t)rank - 2, &a));
    MWI_TRY(kr_begin(b, l, op_name, (const int32_t[]){x, a}, 2, &op));
    kr_set_bool(op, "keep_dims", kr_bool(l, "keepdims", false));
    return kr_end(b, op, out);
}

static mw_status global_average(kr_builder *b, kr_layer *l, const int32_t *in, size_t n_in, int32_t *out)
{
    (void)n_in;
    return global(b, l, "MEAN", in[0], out);
}

static mw_status global_max(kr_builder *b, kr_layer *l, const int32_t *in, size_t n_in, int32_t *out)
{
    (void)n_in;
    return global(b, l, "REDUCE_MAX", in[0], out);
}

const kr_row kr_average_pooling_2d = {.classes = "AveragePooling2D AvgPool2D", .summary = "AVERAGE_POOL_2D", .refuses = refuses,
                                      .build = average_2d};
const kr_row kr_max_pooling_2d = {.classes = "MaxPooling2D MaxPool2D", .summary = "MAX_POOL_2D", .refuses = refuses,
                                  .build = max_2d};
const kr_row kr_average_pooling_1d = {.classes = "AveragePooling1D", .summary = "AVERAGE_POOL_2D of one row",
                                      .refuses = refuses, .build = average_1d};
const kr_row kr_max_pooling_1d = {.classes = "MaxPooling1D", .summary = "MAX_POOL_2D of one row", .refuses = refuses,
                                  .build = max_1d};
const kr_row kr_global_average_pooling = {
    .classes = "GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D", .summary = "MEAN", .refuses = refuses,
    .build = global_average};
const kr_row kr_global_max_pooling = {.classes = "GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D",
                                      .summary = "REDUCE_MAX", .refuses = refuses, .build = global_max};
