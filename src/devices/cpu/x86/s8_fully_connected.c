/* devices/cpu/x86/s8_fully_connected.c - FULLY_CONNECTED of int8 and uint8, read in place.
 * Depends: s8_layer.  Used by: the list of kernels only.   SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/s8_layer.h"
#include "devices/device.h"

#include "base/checked.h"

typedef struct state {
    mwi_s8_layer layer;
    size_t n_rows;
} state;

static bool accepts(const mwi_prepare_call *call)
{
    const mwi_view *const f = &call->in[1];
    const mwi_view *const bias = call->n_in > 2 && call->in[2].tensor != NULL ? &call->in[2] : NULL;
    const size_t taps = (size_t)f->dims[1], out_c = (size_t)f->dims[0];
    size_t bytes;

    if (f->data == NULL || (bias != NULL && bias->data == NULL)) return false;
    if (taps % 4 != 0 || taps < 4 || out_c < 1) return false;
    if (!mwi_mul(taps, out_c + MWI_S8_LANES, &bytes) || bytes > INT32_MAX) return false;
    if (!mwi_is_quantized(f) || !mwi_is_quantized(&call->in[0]) || !mwi_is_quantized(&call->out[0]))
        return false;
    for (size_t i = 0; i < f->quant->q.n_scales; i++)
        if (f->dtype == MW_INT8 && f->quant->q.zero_points[i] != 0) return false;
    return true;
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const mwi_view *const x = &call->in[0], *const f = &call->in[1];
    const size_t taps = (size_t)f->dims[1], out_c = (size_t)f->dims[0];
    mwi_requant rq;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = memory;
    call->state = s;
    MWI_TRY(mwi_requant_make(ctx, call, out_c, 0, true,
                             mwi_op_get_i32(call->op, "fused_activation_function", 0), &rq));
    MWI_TRY(mwi_arena_array(ctx, call->arena, out_c, sizeof(double), &memory));
    double *const scales = memory;
    const mw_quantization *const q = &f->quant->q;
    for (size_t i = 0; i < out_c; i++)
        scales[i] = (double)x->quant->q.scales[0] * (double)q->scales[q->n_scales > 1 ? i : 0] /
                    (double)call->out[0].quant->q.scales[0];
    const mwi_s8_weights weights = mwi_s8_weights_of(f, out_c, taps, taps, 1);
    const mwi_s8_source source = {.weights = &weights,
                                  .bias = call->n_in > 2 ? call->in[2].data : NULL,
                                  .rq = &rq,
                                  .n_segments = 1,
                                  .segment_bytes = taps,
                                  .flip = x->dtype == MW_INT8,
                                  .scales = scales};
    MWI_TRY(mwi_s8_layer_make(ctx, call, &source, &s->layer));
    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(int32_t), &memory));
    s->layer.segments = memory;
    s->n_rows = x->bytes / taps;
    return MW_OK;
}

typedef struct job {
    const state *s;
    const uint8_t *in;
    uint8_t *out;
} job;

static void run_blocks(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const mwi_s8_layer *const l = &j->s->layer;
    const uint8_t *rows[MWI_S8_MAX_PIXELS];
    int32_t sums[MWI_S8_MAX_PIXELS] = {0};

    (void)thread;
    for (size_t i = 0; i < j->s->n_rows; i += MWI_S8_MAX_PIXELS) {
        const size_t left = j->s->n_rows - i,
                     n = left < MWI_S8_MAX_PIXELS ? left : MWI_S8_MAX_PIXELS;
        for (size_t k = 0; k < n; k++) rows[k] = j->in + (i + k) * l->segment_bytes;
        if (l->sum_factor != 0) mwi_s8_layer_sums(l, rows, n, sums);
        for (size_t b = begin; b < end; b++)
            mwi_s8_dense_run(l, rows, sums, n, b, j->out + i * l->out_c);
    }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    job j = {s, call->in[0].data, call->out[0].data};

    (void)ctx;
    mwi_par_for(call->pool, (s->layer.out_c + MWI_S8_BLOCK - 1) / MWI_S8_BLOCK, 2, run_blocks, &j);
    return MW_OK;
}

const mwi_device_kernel mwi_cpu_s8_fully_connected[] = {
    {&mwi_op_fully_connected,
     {.name = "s8_fully_connected__avx512vnni",
      .types = "i8,i8,i32?>i8",
      .cpu_features = MWI_CPU_AVX512 | MWI_CPU_AVX512_VNNI,
      .accepts = accepts,
      .prepare = prepare,
      .run = run}},
    {&mwi_op_fully_connected,
     {.name = "u8_fully_connected__avx512vnni",
      .types = "u8,u8,i32?>u8",
      .cpu_features = MWI_CPU_AVX512 | MWI_CPU_AVX512_VNNI,
      .accepts = accepts,
      .prepare = prepare,
      .run = run}},
    {.op = NULL},
};
