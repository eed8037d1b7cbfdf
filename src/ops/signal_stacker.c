/* ops/signal_stacker.c - SignalStacker (custom): vectors of the last runs side by side: so many
 * before and after one, given at every so many runs. The first vector also stands for those before
 * it. The second output says whether the run gave any; else the first is 0.
 * Depends: ops/flex, ops/kept, ops/signal_shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/flex.h"
#include "ops/kept.h"
#include "ops/signal_shapes.h"

#include <string.h>

typedef struct attr {
    int32_t n_channels, left, right, step;
} attr;

static const mwi_field fields[] = {
    {"num_channels", offsetof(attr, n_channels), MWI_FIELD_I32, -1, 1, 1, 1 << 20, NULL},
    {"stacker_left_context", offsetof(attr, left), MWI_FIELD_I32, -1, 0, 0, 1 << 20, NULL},
    {"stacker_right_context", offsetof(attr, right), MWI_FIELD_I32, -1, 0, 0, 1 << 20, NULL},
    {"stacker_step", offsetof(attr, step), MWI_FIELD_I32, -1, 1, 1, 1 << 20, NULL},
    MWI_FIELDS_END,
};

static mw_status parse(mw_ctx *ctx, mwi_arena *arena, const uint8_t *bytes, size_t n, void *out)
{
    (void)arena;
    return mwi_flex_fields(ctx, bytes, n, fields, out);
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const attr *const a = call->attr;
    const int32_t n_vectors = a->left + a->right + 1;
    const int64_t n = (int64_t)n_vectors * a->n_channels;

    MWI_TRY(mwi_need_vector(ctx, call, 0, a->n_channels));
    if (a->step > n_vectors)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "a step of %d with stacks of %d vectors", a->step,
                        n_vectors);
    if (n > INT32_MAX) return mwi_fail(ctx, MW_ELIMIT, "a stack of %lld values", (long long)n);
    mwi_view_set_dims(&call->out[0], 1, (const int32_t[]){(int32_t)n});
    mwi_view_set_dims(&call->out[1], 0, NULL);
    return MW_OK;
}

/* Kept: this, then the vectors. */
typedef struct stack {
    size_t n_vectors;
    bool has_first;
} stack;
enum { HEAD_BYTES = 64 };

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_keep(ctx, call, HEAD_BYTES + call->out[0].bytes);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const attr *const a = call->attr;
    const size_t bytes = call->in[0].bytes, all = call->out[0].bytes / bytes,
                 step = (size_t)a->step;
    stack *const s = mwi_kept(call);
    char *const vectors = (char *)s + HEAD_BYTES;
    const size_t copies = s->has_first ? 1 : (size_t)a->left + 1;
    bool *const valid = call->out[1].data;

    (void)ctx;
    for (size_t i = 0; i < copies; i++)
        memcpy(vectors + bytes * s->n_vectors++, call->in[0].data, bytes);
    s->has_first = true;
    *valid = s->n_vectors == all;
    if (!*valid) {
        memset(call->out[0].data, 0, call->out[0].bytes);
        return MW_OK;
    }
    memcpy(call->out[0].data, vectors, call->out[0].bytes);
    s->n_vectors = all - step;
    memmove(vectors, vectors + step * bytes, s->n_vectors * bytes);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "s16_signal_stacker__ref", .types = "i16>i16,bool", .prepare = prepare, .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_signal_stacker = {
    .name = "SignalStacker",
    .tflite_code = -1,
    .custom = true,
    .min_in = 1,
    .max_in = 1,
    .min_out = 2,
    .max_out = 2,
    .traits = MWI_OP_STATEFUL,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .parse_custom = parse,
    .infer = infer,
};
