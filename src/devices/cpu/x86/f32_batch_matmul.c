/* devices/cpu/x86/f32_batch_matmul.c - BATCH_MATMUL of floats: the second operand packed as a
 * layer's weights, rows of the first one as its pixels. Threads share out tiles of the outputs.
 * Depends: f32_layer, ops/batch_matmul.  Used by: the list of kernels only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_layer.h"
#include "devices/device.h"

#include "base/checked.h"
#include "ops/batch_matmul.h"

enum {
    LEAST_ROWS = 4,      /* fewer are not worth packing a computed operand */
    SMALL_MACS = 400000, /* fewer: waking threads takes longer */
    MACS_A_PIECE = 100000,
};

typedef struct state {
    mwi_matmul m;
    mwi_weights rows; /* of the first operand */
    mwi_f32_layer layer;
    mwi_f32_piece piece;
    size_t n_blocks, n_strips; /* of a matrix: of columns, of rows */
    size_t grain;
    bool is_small;
} state;

static bool accepts(const mwi_prepare_call *call)
{
    const mwi_matmul m = mwi_matmul_of(call);

    return m.x.rows > 0 && m.x.depth > 0 && m.y.rows > 0 && m.x.n > 0 && m.y.n > 0 &&
           (m.x.rows >= LEAST_ROWS || call->in[1].data != NULL);
}

/* [depth, rows] to [rows, depth], a few rows at a time: both sides then stay in the nearest cache.
 * shape: n, rows, depth. */
static void transpose(const mwi_weights *w, const void *from, void *to)
{
    enum { ROWS = 16 };
    const size_t rows = w->shape[1], depth = w->shape[2];
    const float *in = from;
    float *out = to;

    for (size_t m = 0; m < w->shape[0]; m++, in += rows * depth, out += rows * depth)
        for (size_t first = 0; first < rows; first += ROWS)
            for (size_t k = 0; k < depth; k++)
                for (size_t r = first; r < rows && r < first + ROWS; r++)
                    out[r * depth + k] = in[k * rows + r];
}

static mw_status plan_rows(mw_ctx *ctx, mwi_prepare_call *call, const mwi_matmul_operand *x,
                           mwi_weights *w)
{
    *w = (mwi_weights){.dtype = MW_FLOAT32,
                       .n = x->n * x->rows * x->depth,
                       .shape = {x->n, x->rows, x->depth},
                       .repack = x->transposed ? transpose : NULL};
    if (!mwi_mul(w->n, sizeof(float), &w->bytes))
        return mwi_fail(ctx, MW_ELIMIT, "the matrices are too large");
    return mwi_weights_make(ctx, call, "f32 transposed", (int64_t)x->rows, w);
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call, const mwi_f32_isa *isa)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = memory;
    call->state = s;
    s->m = mwi_matmul_of(call);
    const mwi_matmul_operand *const y = &s->m.y;
    const mwi_f32_matrix matrix = {.kind = y->transposed ? "f32 columns" : "f32 rows",
                                   .input = 1,
                                   .out_c = y->rows,
                                   .n_taps = 1,
                                   .in_c = y->depth,
                                   .out_step = y->transposed ? 1 : y->depth,
                                   .in_step = y->transposed ? y->rows : 1,
                                   .planes = y->n};
    MWI_TRY(plan_rows(ctx, call, &s->m.x, &s->rows));
    MWI_TRY(mwi_f32_layer_make(ctx, call, isa, &matrix, &s->layer));
    s->piece.n = y->depth;
    s->n_blocks = (y->rows + s->layer.packing.block - 1) / s->layer.packing.block;
    s->n_strips = (s->m.x.rows + MWI_F32_MAX_PIXELS - 1) / MWI_F32_MAX_PIXELS;
    const double tiles = (double)(s->m.n_batches * s->n_blocks * s->n_strips);
    const double macs = (double)(s->m.n_batches * s->m.x.rows) * (double)(y->rows * y->depth);
    s->is_small = macs < SMALL_MACS;
    s->grain = 1 + (size_t)(MACS_A_PIECE * tiles / macs);
    return MW_OK;
}

static mw_status prepare_avx512(mw_ctx *ctx, mwi_prepare_call *call)
{
    const bool is_narrow = mwi_matmul_of(call).y.rows <= mwi_f32_layer_avx2.lanes;
    return prepare(ctx, call, is_narrow ? &mwi_f32_layer_avx2 : &mwi_f32_layer_avx512);
}

static mw_status prepare_avx2(mw_ctx *ctx, mwi_prepare_call *call)
{
    return prepare(ctx, call, &mwi_f32_layer_avx2);
}

typedef struct job {
    const state *s;
    mwi_f32_layer layer;
    const float *rows;
    float *out;
} job;

/* A strip of rows times a block of columns. */
static void run_tile(const job *j, size_t batch, size_t block, size_t strip)
{
    const state *const s = j->s;
    const size_t n_rows = s->m.x.rows, depth = s->m.x.depth, n_columns = s->m.y.rows;
    const size_t first = strip * MWI_F32_MAX_PIXELS, left = n_rows - first;
    const size_t n = left < MWI_F32_MAX_PIXELS ? left : MWI_F32_MAX_PIXELS;
    const mwi_f32_layer l =
        mwi_f32_layer_block(&j->layer, mwi_matmul_matrix(&s->m, &s->m.y, batch), block);
    const float *const matrix = j->rows + mwi_matmul_matrix(&s->m, &s->m.x, batch) * n_rows * depth;
    float *const results = j->out + batch * n_rows * n_columns + block * j->layer.packing.block;
    const float *rows[MWI_F32_MAX_PIXELS];
    float *out[MWI_F32_MAX_PIXELS];

    for (size_t i = 0; i < n; i++) {
        rows[i] = matrix + (first + i) * depth;
        out[i] = results + (first + i) * n_columns;
    }
    l.isa->run(&l, &s->piece, 1, rows, out, n);
}

static void run_tiles(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const state *const s = j->s;

    (void)thread;
    for (size_t i = begin; i < end; i++)
        run_tile(j, i / (s->n_strips * s->n_blocks), i / s->n_strips % s->n_blocks,
                 i % s->n_strips);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    job j = {.s = s,
             .layer = mwi_f32_layer_at_run(&s->layer, call),
             .rows = mwi_weights_at_run(&s->rows, call),
             .out = call->out[0].data};

    (void)ctx;
    mwi_par_for(s->is_small ? NULL : call->pool, s->m.n_batches * s->n_blocks * s->n_strips,
                s->grain, run_tiles, &j);
    return MW_OK;
}

const mwi_device_kernel mwi_cpu_f32_batch_matmul[] = {
    {&mwi_op_batch_matmul,
     {.name = "f32_batch_matmul__avx512",
      .types = "f32,f32>f32",
      .cpu_features = MWI_CPU_AVX512,
      .accepts = accepts,
      .prepare = prepare_avx512,
      .run = run}},
    {&mwi_op_batch_matmul,
     {.name = "f32_batch_matmul__avx2",
      .types = "f32,f32>f32",
      .cpu_features = MWI_CPU_AVX2,
      .accepts = accepts,
      .prepare = prepare_avx2,
      .run = run}},
    {.op = NULL},
};
