/* ops/strided.h - copies in any order: the one loop behind TRANSPOSE, SLICE, TILE, PAD and their
 * like; and integer parameters (axes, paddings, shapes) that come as tensors.
 * Depends: ops/registry.  Used by: ops/ only.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_STRIDED_H
#define MWI_OPS_STRIDED_H

#include "ops/shapes.h"

/* out[i0,i1,...] = in[i0*stride0 + i1*stride1 + ...]; strides in elements, may be 0 or negative;
 * `in` is the element of index 0. element: its bytes. Large copies run on the pool's threads. */
typedef struct mwi_strided {
    int32_t rank;
    size_t dims[MW_MAX_RANK];
    int64_t in_strides[MW_MAX_RANK];
    int64_t out_strides[MW_MAX_RANK];
} mwi_strided;
void mwi_strided_copy(mwi_pool *pool, const mwi_strided *s, const void *in, void *out,
                      size_t element);
/* n rows of row_bytes; strides in bytes. */
void mwi_copy_rows(const void *in, size_t in_stride, void *out, size_t out_stride, size_t row_bytes,
                   size_t n);
/* Types that are moved without looking at them, for lists of types. */
#define MWI_MOVED "f32|i8|u8|i16|i32|i64|bool|u32|f16|u16|u64|f64|bf16"

/* Dense strides of a shape, in elements. */
void mwi_dense_strides(int32_t rank, const int32_t *dims, int64_t *out);

/* Bytes of an element; 0 for packed and unsized types. */
static inline size_t mwi_element_bytes(const mwi_view *v) { return mw_dtype_bits(v->dtype) / 8; }

/* The integers of input i (int32 or int64). *out_n is 0 and call->unknown set when they are not
 * constant. Fails: MW_EFORMAT (missing, another type, more than max). */
MW_MUST_USE mw_status mwi_param_ints(mw_ctx *ctx, mwi_shape_call *call, size_t i, size_t max,
                                     int64_t *out, size_t *out_n);
/* The same at run time, where infer has proven them. */
size_t mwi_run_ints(const mwi_view *v, int64_t *out, size_t max);
/* -rank..rank-1 to 0..rank-1. Fails: MW_EFORMAT. */
MW_MUST_USE mw_status mwi_axis(mw_ctx *ctx, int64_t axis, int32_t rank, int32_t *out);

#endif
