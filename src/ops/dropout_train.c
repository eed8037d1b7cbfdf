/* ops/dropout_train.c - DROPOUT_TRAIN(x, step): elements are zero with probability `rate`, the
 * others divided by 1 - rate. Which ones follows from the counter-based generator of (seed, step,
 * id, element): the same for every number of threads, and again in the gradient. `step` is int32
 * [2]: the run's seed, the step's number. `id` tells operators of one graph apart; `per_channel`
 * drops whole channels (last axis) of a sample (first axis).
 * Depends: ops/philox, ops/gradient.  Used by: training.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/philox.h"
#include "ops/shapes.h"

typedef struct attr {
    float rate;
    int32_t id;
    bool per_channel;
} attr;

static const mwi_field fields[] = {
    {"rate", offsetof(attr, rate), MWI_FIELD_F32, -1, 0.0, 0.0, 1.0, NULL},
    {"id", offsetof(attr, id), MWI_FIELD_I32, -1, 0, 0, INT32_MAX, NULL},
    {"per_channel", offsetof(attr, per_channel), MWI_FIELD_BOOL, -1, 0, 0, 1, NULL},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    size_t n = 0;

    MWI_TRY(mwi_need_input(ctx, call, 1, 1, 1));
    if (!mwi_dims_count(1, call->in[1].dims, &n) || n != 2)
        return mwi_fail(ctx, MW_EFORMAT, "step has %zu values, not 2", n);
    if (((const attr *)call->attr)->per_channel)
        MWI_TRY(mwi_need_input(ctx, call, 0, 2, MW_MAX_RANK));
    return mwi_infer_same(ctx, call);
}

/* Elements [begin, end); one block of the generator decides four. */
static void piece(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const mwi_run_call *const call = arg;
    const attr *const a = call->attr;
    const mwi_view *const x = &call->in[0];
    const int32_t *const step = call->in[1].data;
    const uint32_t key[2] = {(uint32_t)step[0], (uint32_t)step[1]};
    const double limit = (double)a->rate * 4294967296.0;
    const float scale = a->rate < 1 ? 1 / (1 - a->rate) : 0;
    const size_t channels = x->rank == 0 ? 1 : (size_t)x->dims[x->rank - 1];
    const size_t sample = x->rank == 0 ? 1 : mwi_view_count(x) / (size_t)x->dims[0];
    uint32_t bits[4];
    size_t block = SIZE_MAX;

    (void)thread;
    for (size_t i = begin; i < end; i++) {
        const size_t at = a->per_channel ? i / sample * channels + i % channels : i;
        if (at / 4 != block) {
            block = at / 4;
            const uint32_t counter[4] = {(uint32_t)block, (uint32_t)((uint64_t)block >> 32),
                                         (uint32_t)a->id, 0};
            mwi_philox(key, counter, bits);
        }
        const float v = ((const float *)x->data)[i];
        ((float *)call->out[0].data)[i] = (double)bits[at % 4] < limit ? 0.0f : v * scale;
    }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    mwi_par_for(call->pool, mwi_view_count(&call->out[0]), 4096, piece, (void *)(uintptr_t)call);
    return MW_OK;
}

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    return mwi_emit(ctx, &call->at, &mwi_op_dropout_train,
                    MWI_IN(call->d_out[0], call->at.op->in[1]), mwi_same_settings, &call->d_in[0]);
}

static const mwi_kernel kernels[] = {
    {.name = "f32_dropout_train__ref", .types = "f32,i32>f32", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_dropout_train = {
    .name = "DROPOUT_TRAIN",
    .tflite_code = -1,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_TRAINING_ONLY | MWI_OP_INPLACE,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
    .gradient = gradient,
};
