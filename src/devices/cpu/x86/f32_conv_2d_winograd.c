/* devices/cpu/x86/f32_conv_2d_winograd.c - CONV_2D of floats, 3x3 with stride 1, by Winograd's way.
 * Depends: f32_winograd_layer, ops/fixed.  Used by: the list of kernels only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_winograd_layer.h"
#include "devices/device.h"

#include "ops/fixed.h"

typedef struct state {
    mwi_winograd_layer layer;
} state;

static bool accepts(const mwi_prepare_call *call)
{
    const int32_t *const f = call->in[1].dims, *const x = call->in[0].dims, *y = call->out[0].dims;
    const mwi_window w = {.in_c = x[3], .out_h = y[1], .out_w = y[2]};

    if (f[3] != x[3] || f[1] != 3 || f[2] != 3 || f[0] < 1) return false;
    return mwi_op_get_i32(call->op, "stride_h", 1) == 1 &&
           mwi_op_get_i32(call->op, "stride_w", 1) == 1 &&
           mwi_op_get_i32(call->op, "dilation_h_factor", 1) == 1 &&
           mwi_op_get_i32(call->op, "dilation_w_factor", 1) == 1 &&
           mwi_winograd_pays(&w, (size_t)f[0]);
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call, bool is_wide)
{
    mwi_window w = {.filter_h = 3,
                    .filter_w = 3,
                    .stride_h = 1,
                    .stride_w = 1,
                    .dilation_h = 1,
                    .dilation_w = 1};
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = memory;
    call->state = s;
    MWI_TRY(mwi_window_make(ctx, &call->in[0], mwi_op_get_i32(call->op, "padding", 0), &w));
    mwi_f32_matrix m =
        mwi_f32_matrix_of_filter((size_t)call->in[1].dims[0], 9, (size_t)call->in[1].dims[3]);
    m.kind = "f32 winograd";
    MWI_TRY(mwi_winograd_layer_make(ctx, call, is_wide, &w, &m, &s->layer));
    return mwi_act_range_f32(ctx, mwi_op_get_i32(call->op, "fused_activation_function", 0),
                             &s->layer.layer.low, &s->layer.layer.high);
}

static mw_status prepare_avx512(mw_ctx *ctx, mwi_prepare_call *call)
{
    return prepare(ctx, call, true);
}

static mw_status prepare_avx2(mw_ctx *ctx, mwi_prepare_call *call)
{
    return prepare(ctx, call, false);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    mwi_winograd_layer_run(&((const state *)call->state)->layer, call, call->in[0].data,
                           call->out[0].data);
    return MW_OK;
}

const mwi_device_kernel mwi_cpu_f32_conv_2d_winograd[] = {
    {&mwi_op_conv_2d,
     {.name = "f32_conv_2d_winograd__avx512",
      .types = "f32,f32,f32?>f32",
      .cpu_features = MWI_CPU_AVX512,
      .accepts = accepts,
      .prepare = prepare_avx512,
      .run = run}},
    {&mwi_op_conv_2d,
     {.name = "f32_conv_2d_winograd__avx2",
      .types = "f32,f32,f32?>f32",
      .cpu_features = MWI_CPU_AVX2,
      .accepts = accepts,
      .prepare = prepare_avx2,
      .run = run}},
    {.op = NULL},
};
