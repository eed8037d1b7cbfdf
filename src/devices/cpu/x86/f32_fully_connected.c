/* devices/cpu/x86/f32_fully_connected.c - FULLY_CONNECTED of floats: a matrix product with packed
 * weights; for few samples of computed or large weights, dot products with them where they
 * are.
 * Depends: f32_layer, f32_rows, ops/fixed.  Used by: the list of kernels only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_layer.h"
#include "devices/cpu/x86/f32_rows.h"
#include "devices/device.h"

#include "ops/fixed.h"

enum {
    LARGE_BYTES = 16 << 20, /* of weights: they come from memory, which packing does not speed up */
    ROWS_A_PIECE = 64,
    SAMPLES_A_PIECE = 24,
    LEAST_SAMPLES = 4,   /* fewer are not worth packing computed weights */
    SMALL_MACS = 400000, /* fewer: waking threads takes longer */
};

typedef struct state {
    size_t batch, in, out;
    bool is_packed, is_small;
    mwi_f32_layer layer;  /* packed */
    mwi_f32_piece piece;  /* packed: all values */
    mwi_f32_rows_fn rows; /* not packed */
    float low, high;
} state;

static bool accepts(const mwi_prepare_call *call)
{
    return call->in[1].dims[0] > 0 && call->in[1].dims[1] > 0;
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call, const mwi_f32_isa *isa,
                         mwi_f32_rows_fn rows)
{
    const mwi_view *const f = &call->in[1];
    const bool is_constant = f->data != NULL;
    void *memory;
    size_t n = 0;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = memory;
    call->state = s;
    (void)mwi_dims_count(call->in[0].rank, call->in[0].dims, &n);
    s->in = (size_t)f->dims[1];
    s->out = (size_t)f->dims[0];
    s->batch = n / s->in;
    s->rows = rows;
    s->is_small = (double)s->batch * (double)s->in * (double)s->out < SMALL_MACS;
    s->is_packed = is_constant ? s->batch > 1 || f->bytes < LARGE_BYTES : s->batch >= LEAST_SAMPLES;
    MWI_TRY(mwi_act_range_f32(ctx, mwi_op_get_i32(call->op, "fused_activation_function", 0),
                              &s->low, &s->high));
    if (!s->is_packed) return MW_OK;
    s->piece.n = s->in;
    const mwi_f32_matrix m = mwi_f32_matrix_of_filter(s->out, 1, s->in);
    MWI_TRY(mwi_f32_layer_make(ctx, call, isa, &m, &s->layer));
    s->layer.low = s->low;
    s->layer.high = s->high;
    return MW_OK;
}

static mw_status prepare_avx512(mw_ctx *ctx, mwi_prepare_call *call)
{
    const bool is_narrow = (size_t)call->in[1].dims[0] <= mwi_f32_layer_avx2.lanes;
    return prepare(ctx, call, is_narrow ? &mwi_f32_layer_avx2 : &mwi_f32_layer_avx512,
                   mwi_f32_rows_avx512);
}

static mw_status prepare_avx2(mw_ctx *ctx, mwi_prepare_call *call)
{
    return prepare(ctx, call, &mwi_f32_layer_avx2, mwi_f32_rows_avx2);
}

typedef struct job {
    const state *s;
    mwi_f32_layer layer;
    mwi_f32_rows rows;
    const float *in;
    float *out;
} job;

static void run_rows(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;

    (void)thread;
    j->s->rows(&j->rows, begin, end);
}

static void run_samples(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const state *const s = j->s;
    const float *samples[SAMPLES_A_PIECE];
    float *out[SAMPLES_A_PIECE];

    (void)thread;
    for (size_t i = 0; i < end - begin; i++) {
        samples[i] = j->in + (begin + i) * s->in;
        out[i] = j->out + (begin + i) * s->out;
    }
    j->layer.isa->run(&j->layer, &s->piece, 1, samples, out, end - begin);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    mwi_pool *const pool = s->is_small ? NULL : call->pool;
    job j = {.s = s, .in = call->in[0].data, .out = call->out[0].data};

    (void)ctx;
    if (s->is_packed) {
        j.layer = mwi_f32_layer_at_run(&s->layer, call);
        mwi_par_for(pool, s->batch, SAMPLES_A_PIECE, run_samples, &j);
        return MW_OK;
    }
    j.rows = (mwi_f32_rows){.weights = call->in[1].data,
                            .bias = call->n_in > 2 ? call->in[2].data : NULL,
                            .n_values = s->in,
                            .low = s->low,
                            .high = s->high};
    for (size_t i = 0; i < s->batch; i++) {
        j.rows.x = j.in + i * s->in;
        j.rows.out = j.out + i * s->out;
        mwi_par_for(pool, s->out, ROWS_A_PIECE, run_rows, &j);
    }
    return MW_OK;
}

const mwi_device_kernel mwi_cpu_f32_fully_connected[] = {
    {&mwi_op_fully_connected,
     {.name = "f32_fully_connected__avx512",
      .types = "f32,f32,f32?>f32",
      .cpu_features = MWI_CPU_AVX512,
      .accepts = accepts,
      .prepare = prepare_avx512,
      .run = run}},
    {&mwi_op_fully_connected,
     {.name = "f32_fully_connected__avx2",
      .types = "f32,f32,f32?>f32",
      .cpu_features = MWI_CPU_AVX2,
      .accepts = accepts,
      .prepare = prepare_avx2,
      .run = run}},
    {.op = NULL},
};
