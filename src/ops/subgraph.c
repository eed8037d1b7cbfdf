/* ops/subgraph.c - see subgraph.h.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/subgraph.h"

#include "ops/shapes.h"

#include <string.h>

mw_status mwi_copy_values(mw_ctx *ctx, const mwi_view *from, const mwi_view *to, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (from[i].bytes != to[i].bytes || from[i].dtype != to[i].dtype)
            return mwi_fail(ctx, MW_EINVAL, "value %zu is %zu bytes of %s, planned are %zu of %s",
                            i, from[i].bytes, mw_dtype_name(from[i].dtype), to[i].bytes,
                            mw_dtype_name(to[i].dtype));
        if (to[i].bytes > 0) memcpy(to[i].data, from[i].data, to[i].bytes);
    }
    return MW_OK;
}

mw_status mwi_copy_shapes(mw_ctx *ctx, const mwi_view *from, mwi_view *to, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (from[i].dtype != to[i].dtype)
            return mwi_fail(ctx, MW_EFORMAT, "output %zu is %s, the subgraph's is %s", i,
                            mw_dtype_name(to[i].dtype), mw_dtype_name(from[i].dtype));
        mwi_view_set_dims(&to[i], from[i].rank, from[i].dims);
    }
    return MW_OK;
}

static mw_status check_outputs(mw_ctx *ctx, size_t n_out, const mwi_called *called)
{
    if (called->n_out == n_out) return MW_OK;
    return mwi_fail(ctx, MW_EFORMAT, "%zu outputs, the subgraph has %zu", n_out, called->n_out);
}

mw_status mwi_infer_call(mw_ctx *ctx, mwi_shape_call *call, int32_t subgraph, size_t first)
{
    const mwi_host *const h = call->host;
    const mwi_view *const in = call->in + first, *held;
    const size_t n_in = call->n_in - first;
    mwi_called called;

    call->unknown = h == NULL;
    if (h == NULL) return MW_OK;
    MWI_TRY(h->plan(h->self, ctx, subgraph, in, n_in, &called));
    MWI_TRY(check_outputs(ctx, call->n_out, &called));
    call->unknown = !called.known && !call->running;
    if (call->unknown) return MW_OK;
    if (called.known) return mwi_copy_shapes(ctx, called.out, call->out, call->n_out);
    MWI_TRY(h->run(h->self, ctx, subgraph, in, n_in, &called));
    MWI_TRY(h->hold(h->self, ctx, call->attr, called.out, called.n_out, &held));
    return mwi_copy_shapes(ctx, held, call->out, call->n_out);
}

mw_status mwi_run_subgraph(mw_ctx *ctx, const mwi_run_call *call, int32_t subgraph, size_t first)
{
    const mwi_host *const h = call->host;
    const mwi_view *const held = h->take_held(h->self, call->attr);
    mwi_called called;

    if (held != NULL) return mwi_copy_values(ctx, held, call->out, call->n_out);
    MWI_TRY(h->run(h->self, ctx, subgraph, call->in + first, call->n_in - first, &called));
    MWI_TRY(check_outputs(ctx, call->n_out, &called));
    return mwi_copy_values(ctx, called.out, call->out, call->n_out);
}
