/* devices/cpu/x86/f32_gradients.c - RELU_GRAD, BIAS_GRAD, MAX_POOL_GRAD and AVG_POOL_GRAD of
 * floats. Depends: f32_gradients.h, ops/pool.  Used by: the list of kernels only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_gradients.h"
#include "devices/cpu/x86/f32_row_sums.h"
#include "devices/device.h"

#include <string.h>

/* ---- RELU_GRAD(y, dy) ---- */

typedef struct relu_job {
    const mwi_run_call *call;
    const mwi_f32_gradients_isa *isa;
} relu_job;

static float number(const mwi_prepare_call *call, const char *name)
{
    const mwi_field *const f = mwi_op_field(call->op->desc, name);
    return *(const float *)(const void *)((const char *)call->attr + f->offset);
}

static mw_status prepare_relu(mw_ctx *ctx, mwi_prepare_call *call)
{
    const mwi_f32_bounds bounds = {number(call, "low"), number(call, "high")};
    return mwi_arena_copy(ctx, call->arena, &bounds, sizeof bounds, &call->state);
}

static void relu_piece(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const relu_job *const j = arg;

    (void)thread;
    j->isa->relu(j->call->state, (const float *)j->call->in[0].data + begin,
                 (const float *)j->call->in[1].data + begin, (float *)j->call->out[0].data + begin,
                 end - begin);
}

static mw_status run_relu(const mwi_run_call *call, const mwi_f32_gradients_isa *isa)
{
    enum { VALUES_A_PIECE = 16384 };
    relu_job j = {call, isa};

    mwi_par_for(call->pool, mwi_view_count(&call->out[0]), VALUES_A_PIECE, relu_piece, &j);
    return MW_OK;
}

/* ---- BIAS_GRAD(dy) ---- */

static bool accepts_bias(const mwi_prepare_call *call) { return mwi_view_count(&call->in[0]) > 0; }

static mw_status prepare_bias(mw_ctx *ctx, mwi_prepare_call *call)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(mwi_f32_row_sums), &memory));
    call->state = memory;
    return mwi_f32_row_sums_plan(ctx, &call->in[0], memory, &call->scratch_bytes);
}

static mw_status run_bias(const mwi_run_call *call, const mwi_f32_rows_isa *isa)
{
    const mwi_f32_row_operands in = {.x = call->in[0].data};

    mwi_f32_row_sums_run(call->state, isa, isa->sum, &in, call->pool, call->scratch,
                         call->out[0].data);
    return MW_OK;
}

/* ---- MAX_POOL_GRAD(x, y, dy), AVG_POOL_GRAD(dy, x) ---- */

static mw_status prepare_max_pool(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_pool_prepare_grad(ctx, call, 0);
}

static mw_status prepare_avg_pool(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_pool_prepare_grad(ctx, call, 1);
}

/* Each pixel of x lies in one window. */
static bool tiles_input(const mwi_window *w)
{
    return w->stride_h == w->filter_h && w->stride_w == w->filter_w &&
           (int64_t)w->out_h * w->stride_h == w->in_h && (int64_t)w->out_w * w->stride_w == w->in_w;
}

static mw_status run_pool(const mwi_run_call *call, void (*add)(const mwi_pool_pixel *p),
                          void (*write)(const mwi_pool_pixel *p))
{
    if (tiles_input(&((const mwi_pool_state *)call->state)->w)) {
        mwi_pool_run(call, write);
        return MW_OK;
    }
    memset(call->out[0].data, 0, call->out[0].bytes);
    mwi_pool_run_items(call, add);
    return MW_OK;
}

#define RUN(id, isa, expression)                                                                   \
    static mw_status run_##id##_##isa(mw_ctx *ctx, const mwi_run_call *call)                       \
    {                                                                                              \
        (void)ctx;                                                                                 \
        return expression;                                                                         \
    }
RUN(relu_grad, avx512, run_relu(call, &mwi_f32_gradients_avx512))
RUN(relu_grad, avx2, run_relu(call, &mwi_f32_gradients_avx2))
RUN(bias_grad, avx512, run_bias(call, &mwi_f32_row_sums_avx512))
RUN(bias_grad, avx2, run_bias(call, &mwi_f32_row_sums_avx2))
RUN(max_pool_grad, avx512,
    run_pool(call, mwi_f32_gradients_avx512.max_add, mwi_f32_gradients_avx512.max_write))
RUN(max_pool_grad, avx2,
    run_pool(call, mwi_f32_gradients_avx2.max_add, mwi_f32_gradients_avx2.max_write))
RUN(avg_pool_grad, avx512,
    run_pool(call, mwi_f32_gradients_avx512.average_add, mwi_f32_gradients_avx512.average_write))
RUN(avg_pool_grad, avx2,
    run_pool(call, mwi_f32_gradients_avx2.average_add, mwi_f32_gradients_avx2.average_write))

#define KERNEL(op_id, isa, features, list, accepts_fn, prepare_fn)                                 \
    {                                                                                              \
        &mwi_op_##op_id,                                                                           \
        {                                                                                          \
            .name = "f32_" #op_id "__" #isa, .types = list, .cpu_features = features,              \
            .accepts = accepts_fn, .prepare = prepare_fn, .run = run_##op_id##_##isa               \
        }                                                                                          \
    }

const mwi_device_kernel mwi_cpu_f32_gradients[] = {
    KERNEL(relu_grad, avx512, MWI_CPU_AVX512, "f32,f32>f32", NULL, prepare_relu),
    KERNEL(bias_grad, avx512, MWI_CPU_AVX512, "f32>f32", accepts_bias, prepare_bias),
    KERNEL(max_pool_grad, avx512, MWI_CPU_AVX512, "f32,f32,f32>f32", NULL, prepare_max_pool),
    KERNEL(avg_pool_grad, avx512, MWI_CPU_AVX512, "f32,f32>f32", NULL, prepare_avg_pool),
    KERNEL(relu_grad, avx2, MWI_CPU_AVX2, "f32,f32>f32", NULL, prepare_relu),
    KERNEL(bias_grad, avx2, MWI_CPU_AVX2, "f32>f32", accepts_bias, prepare_bias),
    KERNEL(max_pool_grad, avx2, MWI_CPU_AVX2, "f32,f32,f32>f32", NULL, prepare_max_pool),
    KERNEL(avg_pool_grad, avx2, MWI_CPU_AVX2, "f32,f32>f32", NULL, prepare_avg_pool),
    {.op = NULL},
};
