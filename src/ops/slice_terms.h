/* ops/slice_terms.h - what STRIDED_SLICE and its gradient share: the terms of x[begin:end:stride,
 * ..., new axis, index], and the walk over x that they say.
 * Depends: ops/strided.  Used by: both.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_SLICE_TERMS_H
#define MWI_OPS_SLICE_TERMS_H

#include "ops/strided.h"

typedef struct mwi_slice_attr {
    int32_t begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask;
    bool offset; /* end counts from begin */
} mwi_slice_attr;
extern const mwi_field mwi_slice_fields[];

enum { MWI_SLICE_TERMS = 31 }; /* of the expression in brackets */

/* What the brackets say, and what comes of it: the walk over the input, and the output's
 * dimensions. */
typedef struct mwi_slice_plan {
    size_t n;
    int64_t begin[MWI_SLICE_TERMS], end[MWI_SLICE_TERMS], stride[MWI_SLICE_TERMS];
    bool begin_known, end_known; /* before the run they may not be */
    bool unknown;                /* the shape needs what is not known */
    int32_t in_rank, out_rank;
    int64_t starts[MW_MAX_RANK], counts[MW_MAX_RANK],
        strides[MW_MAX_RANK]; /* a dimension of the input each */
    int32_t dims[MW_MAX_RANK];
} mwi_slice_plan;

/* For infer: begin, end and strides are inputs `first`, `first` + 1, `first` + 2; x is the sliced
 * input. Sets call->unknown when the shape depends on what is not known; *out is then not whole.
 * Fails: MW_EFORMAT. */
MW_MUST_USE mw_status mwi_slice_infer(mw_ctx *ctx, mwi_shape_call *call, const mwi_view *x,
                                      size_t first, mwi_slice_plan *out);
/* For run: the walk over x, with out's dense strides on the other side, and in *start the element
 * that comes first. Fails: MW_EINVAL (not as many elements as planned: values that infer did not
 * know). */
MW_MUST_USE mw_status mwi_slice_walk(mw_ctx *ctx, const mwi_run_call *call, const mwi_view *x,
                                     size_t first, size_t planned, mwi_strided *out,
                                     int64_t *start);

#endif
