/* devices/cpu/x86/f32_s8_fully_connected.c - FULLY_CONNECTED of float values and int8 weights,
 * equal to the bit to the reference row: each sample is quantized by itself.
 * Depends: hybrid_layer.  Used by: the list of kernels only.   SPDX-License-Identifier: Apache-2.0
 */
#include "devices/cpu/x86/hybrid_layer.h"
#include "devices/device.h"

#include "base/checked.h"

#include <string.h>

typedef struct state {
    mwi_hybrid_layer layer;
    size_t batch, in;
    bool is_asymmetric;
} state;

static bool accepts(const mwi_prepare_call *call)
{
    const mwi_view *const f = &call->in[1];

    if (f->dims[0] < 1 || f->dims[1] < 1 || f->data == NULL || !mwi_is_quantized(f)) return false;
    return call->n_in < 3 || call->in[2].tensor == NULL || call->in[2].data != NULL;
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    static const int32_t start = 0;
    const mwi_field *const f = mwi_op_field(call->op->desc, "asymmetric_quantize_inputs");
    void *memory;
    size_t n = 0;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = memory;
    call->state = s;
    (void)mwi_dims_count(call->in[0].rank, call->in[0].dims, &n);
    s->in = (size_t)call->in[1].dims[1];
    s->batch = n / s->in;
    s->is_asymmetric = *(const bool *)(const void *)((const char *)call->attr + f->offset);
    call->scratch_bytes = s->in + MWI_HYBRID_SLACK;
    MWI_TRY(mwi_hybrid_layer_make(ctx, call, 1, s->in, &s->layer));
    s->layer.segments = &start;
    s->layer.scales_first = true;
    return mwi_act_range_f32(ctx, mwi_op_get_i32(call->op, "fused_activation_function", 0),
                             &s->layer.low, &s->layer.high);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    uint8_t *const values = call->scratch;
    const uint8_t *const pixel = values;

    (void)ctx;
    memset(values + s->in, 0, MWI_HYBRID_SLACK);
    for (size_t i = 0; i < s->batch; i++) {
        const float *const x = (const float *)call->in[0].data + i * s->in;
        const mwi_hybrid_scale scale = mwi_hybrid_scale_of(x, s->in, s->is_asymmetric);
        mwi_hybrid_quantize(&scale, x, s->in, values);
        mwi_hybrid_layer_run(&s->layer, &scale, &pixel, 1,
                             (float *)call->out[0].data + i * s->layer.out_c);
    }
    return MW_OK;
}

const mwi_device_kernel mwi_cpu_f32_s8_fully_connected[] = {
    {&mwi_op_fully_connected,
     {.name = "f32_s8_fully_connected__avx512vnni",
      .types = "f32,i8,f32?>f32",
      .cpu_features = MWI_CPU_AVX512 | MWI_CPU_AVX512_VNNI,
      .accepts = accepts,
      .prepare = prepare,
      .run = run}},
    {.op = NULL},
};
