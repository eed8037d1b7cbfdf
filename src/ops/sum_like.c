/* ops/sum_like.c - SUM_LIKE: input 0 summed to the shape of input 1, which broadcasts to it: the
 * gradient of a broadcast. Of equal shapes it is a view.
 * Depends: ops/shapes.  Used by: gradients.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/shapes.h"

#include <string.h>

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_input(ctx, call, 1, 0, MW_MAX_RANK));
    const mwi_view *const x = &call->in[0], *const like = &call->in[1];
    const int32_t more = x->rank - like->rank;
    bool fits = more >= 0;
    for (int32_t i = 0; i < like->rank && fits; i++)
        fits = like->dims[i] == 1 || like->dims[i] == x->dims[i + more];
    if (!fits) return mwi_fail(ctx, MW_EFORMAT, "input 1 does not broadcast to input 0");
    mwi_view_set_dims(&call->out[0], like->rank, like->dims);
    return MW_OK;
}

/* Dimensions of the input with the output's strides, 0 where it is summed. */
typedef struct state {
    int32_t rank;
    size_t dims[MW_MAX_RANK], in_strides[MW_MAX_RANK], out_strides[MW_MAX_RANK];
} state;

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const mwi_view *const x = &call->in[0], *const y = &call->out[0];
    size_t in = 1, out = 1;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = call->state = memory;
    s->rank = x->rank;
    for (int32_t i = x->rank - 1; i >= 0; i--) {
        const int32_t k = i - (x->rank - y->rank);
        const bool stays = k >= 0 && y->dims[k] == x->dims[i];
        s->dims[i] = (size_t)x->dims[i];
        s->in_strides[i] = in;
        s->out_strides[i] = stays ? out : 0;
        in *= (size_t)x->dims[i];
        if (stays) out *= (size_t)x->dims[i];
    }
    return MW_OK;
}

/* The sum for one output: over the dimensions that do not step it, in order. */
static double sum_of(const state *s, const float *in)
{
    size_t at[MW_MAX_RANK] = {0}, offset = 0;
    double sum = 0;

    for (;;) {
        sum += (double)in[offset];
        int32_t k = s->rank - 1;
        for (; k >= 0; k--) {
            if (s->out_strides[k] != 0 || s->dims[k] == 1) continue;
            offset += s->in_strides[k];
            if (++at[k] < s->dims[k]) break;
            offset -= s->in_strides[k] * s->dims[k];
            at[k] = 0;
        }
        if (k < 0) return sum;
    }
}

static void outputs(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const mwi_run_call *const call = arg;
    const state *const s = call->state;
    float *const out = call->out[0].data;

    (void)thread;
    for (size_t i = begin; i < end; i++) {
        size_t from = 0;
        for (int32_t k = 0; k < s->rank; k++)
            if (s->out_strides[k] != 0)
                from += i / s->out_strides[k] % s->dims[k] * s->in_strides[k];
        out[i] = (float)sum_of(s, (const float *)call->in[0].data + from);
    }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0], *const y = &call->out[0];

    (void)ctx;
    if (x->bytes == 0)
        memset(y->data, 0, y->bytes);
    else
        mwi_par_for(call->pool, mwi_view_count(y), 16, outputs, (void *)(uintptr_t)call);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_sum_like__ref", .types = "f32,f32>f32", .prepare = prepare, .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_sum_like = {
    .name = "SUM_LIKE",
    .tflite_code = -1,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_TRAINING_ONLY | MWI_OP_VIEW,
    .kernels = kernels,
    .infer = infer,
};
