/* ops/tile.c - TILE: repeats each dimension as often as input 1 says.
 * Depends: ops/strided, ops/rules.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/strided.h"

#include <inttypes.h>
#include <string.h>

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0];
    int64_t times[MW_MAX_RANK];
    int32_t dims[MW_MAX_RANK];
    size_t n;

    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    MWI_TRY(mwi_param_ints(ctx, call, 1, MW_MAX_RANK, times, &n));
    if (call->unknown) return MW_OK;
    if (n != (size_t)x->rank)
        return mwi_fail(ctx, MW_EFORMAT, "%zu multiples for an input of rank %d", n, x->rank);
    for (size_t i = 0; i < n; i++) {
        if (times[i] < 0 || times[i] > INT32_MAX || x->dims[i] * times[i] > INT32_MAX)
            return mwi_fail(ctx, MW_EFORMAT, "dimension %zu of %d, %" PRId64 " times", i,
                            x->dims[i], times[i]);
        dims[i] = (int32_t)(x->dims[i] * times[i]);
    }
    mwi_view_set_dims(&call->out[0], x->rank, dims);
    return MW_OK;
}

/* n copies of the first `bytes` at `to`, which are there once. */
static void repeat(char *to, size_t bytes, size_t n)
{
    for (size_t i = 1; i < n; i++) memcpy(to + i * bytes, to, bytes);
}

/* Writes dimensions from `axis` on and moves both pointers past what they were. */
static void tile(const mwi_run_call *call, int32_t axis, const char **from, char **to)
{
    const mwi_view *const x = &call->in[0];
    const size_t dim = (size_t)x->dims[axis], times = (size_t)call->out[0].dims[axis] / dim;
    char *const begin = *to;

    if (axis + 1 == x->rank) {
        memcpy(*to, *from, dim * mwi_element_bytes(x));
        *from += dim * mwi_element_bytes(x);
        *to += dim * mwi_element_bytes(x);
    } else {
        for (size_t i = 0; i < dim; i++) tile(call, axis + 1, from, to);
    }
    const size_t bytes = (size_t)(*to - begin);
    repeat(begin, bytes, times);
    *to = begin + bytes * times;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0], *const out = &call->out[0];
    const char *from = x->data;
    char *to = out->data;

    (void)ctx;
    if (out->bytes == 0) return MW_OK;
    if (x->rank == 0)
        memcpy(to, from, out->bytes);
    else
        tile(call, 0, &from, &to);
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    const mw_dtype t = call->in[0].dtype;
    return t == MW_INT8 ? 3 : t == MW_STRING ? 2 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "any_tile__ref", .types = MWI_MOVED "|str,i32|i64>=", .run = run},
    {.name = NULL},
};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    return mwi_emit2(ctx, &call->at, &mwi_op_tile_grad, call->d_out[0], call->at.op->in[0],
                     &call->d_in[0]);
}

const mwi_op_desc mwi_op_tile = {
    .name = "TILE",
    .tflite_code = 69,
    .options_type = 51,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_PER_SAMPLE,
    .kernels = kernels,
    .quant = &mwi_quant_same,
    .infer = infer,
    .gradient = gradient,
    .version = version,
};
