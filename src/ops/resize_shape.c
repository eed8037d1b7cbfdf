/* ops/resize_shape.c - see resize.h.
 * Depends: ops/strided.  Used by: RESIZE_BILINEAR, RESIZE_NEAREST_NEIGHBOR.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/resize.h"

mw_status mwi_resize_infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0];
    int64_t size[2] = {0, 0};
    size_t n;

    MWI_TRY(mwi_need_input(ctx, call, 0, 4, 4));
    MWI_TRY(mwi_param_ints(ctx, call, 1, 2, size, &n));
    if (call->unknown) return MW_OK;
    if (n != 2 || size[0] < 1 || size[0] > INT32_MAX || size[1] < 1 || size[1] > INT32_MAX)
        return mwi_fail(ctx, MW_EFORMAT,
                        "the size has %zu values, %lld and %lld; allowed 2, 1 or more", n,
                        (long long)size[0], (long long)size[1]);
    if (x->dims[1] < 1 || x->dims[2] < 1)
        return mwi_fail(ctx, MW_EFORMAT, "an input of %d by %d pixels", x->dims[1], x->dims[2]);
    const int32_t dims[4] = {x->dims[0], (int32_t)size[0], (int32_t)size[1], x->dims[3]};
    mwi_view_set_dims(&call->out[0], 4, dims);
    return MW_OK;
}
