/* devices/cpu/x86/f32_unary.c - RELU, RELU6, HARD_SWISH, LOGISTIC, TANH and SOFTMAX of floats.
 * Depends: f32_unary.h, ops/unary.  Used by: the list of kernels only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_unary.h"
#include "devices/device.h"

#define RUN(id, isa)                                                                               \
    static mw_status run_##id##_##isa(mw_ctx *ctx, const mwi_run_call *call)                       \
    {                                                                                              \
        (void)ctx;                                                                                 \
        return mwi_unary_run(call, mwi_f32_unary_##isa.id);                                        \
    }
RUN(relu, avx512)
RUN(relu6, avx512)
RUN(hard_swish, avx512)
RUN(logistic, avx512)
RUN(tanh, avx512)
RUN(relu, avx2)
RUN(relu6, avx2)
RUN(hard_swish, avx2)
RUN(logistic, avx2)
RUN(tanh, avx2)

/* ---- softmax: vectors of the last axis ---- */

typedef struct job {
    const mwi_run_call *call;
    const mwi_f32_unary_isa *isa;
    size_t depth;
    float beta;
} job;

static void rows(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;

    (void)thread;
    for (size_t i = begin; i < end; i++)
        j->isa->softmax((const float *)j->call->in[0].data + i * j->depth,
                        (float *)j->call->out[0].data + i * j->depth, j->depth, j->beta);
}

typedef struct state {
    float beta;
} state;

static mw_status prepare_softmax(mw_ctx *ctx, mwi_prepare_call *call)
{
    const mwi_field *const f = mwi_op_field(call->op->desc, "beta");
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = call->state = memory;
    s->beta = *(const float *)(const void *)((const char *)call->attr + f->offset);
    return MW_OK;
}

static mw_status run_softmax(const mwi_run_call *call, const mwi_f32_unary_isa *isa)
{
    const mwi_view *const x = &call->in[0];
    job j = {.call = call,
             .isa = isa,
             .depth = (size_t)x->dims[x->rank - 1],
             .beta = ((const state *)call->state)->beta};

    if (j.depth == 0) return MW_OK;
    mwi_par_for(call->pool, mwi_view_count(x) / j.depth, 1 + 8192 / j.depth, rows, &j);
    return MW_OK;
}

static mw_status run_softmax_avx512(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    return run_softmax(call, &mwi_f32_unary_avx512);
}

static mw_status run_softmax_avx2(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    return run_softmax(call, &mwi_f32_unary_avx2);
}

#define KERNEL(op_id, isa, features, prepare_fn)                                                   \
    {                                                                                              \
        &mwi_op_##op_id,                                                                           \
        {                                                                                          \
            .name = "f32_" #op_id "__" #isa, .types = "f32>f32", .cpu_features = features,         \
            .prepare = prepare_fn, .run = run_##op_id##_##isa                                      \
        }                                                                                          \
    }

const mwi_device_kernel mwi_cpu_f32_unary[] = {
    KERNEL(relu, avx512, MWI_CPU_AVX512, NULL),
    KERNEL(relu6, avx512, MWI_CPU_AVX512, NULL),
    KERNEL(hard_swish, avx512, MWI_CPU_AVX512, NULL),
    KERNEL(logistic, avx512, MWI_CPU_AVX512, NULL),
    KERNEL(tanh, avx512, MWI_CPU_AVX512, NULL),
    KERNEL(softmax, avx512, MWI_CPU_AVX512, prepare_softmax),
    KERNEL(relu, avx2, MWI_CPU_AVX2, NULL),
    KERNEL(relu6, avx2, MWI_CPU_AVX2, NULL),
    KERNEL(hard_swish, avx2, MWI_CPU_AVX2, NULL),
    KERNEL(logistic, avx2, MWI_CPU_AVX2, NULL),
    KERNEL(tanh, avx2, MWI_CPU_AVX2, NULL),
    KERNEL(softmax, avx2, MWI_CPU_AVX2, prepare_softmax),
    {.op = NULL},
};
