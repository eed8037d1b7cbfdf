/* ops/batch_matmul.c - BATCH_MATMUL: [..., a, b] x [..., b, c] -> [..., a, c]; leading dimensions
 * broadcast. Both matrices are brought into rows of b values (the second one transposed), so that
 * every result is a dot product of two rows. Hybrid: rows of the float matrix are quantized one by
 * one.
 * Depends: ops/fixed, ops/dot.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/batch_matmul.h"

#include "ops/dot.h"
#include "ops/fixed.h"
#include "ops/shapes.h"
#include "ops/weights.h"
#include "ops/window.h"

#include "base/checked.h"

#include <string.h>

enum { MAX_RANK = 5, N_BATCH_DIMS = MWI_MATMUL_BATCH_DIMS };
_Static_assert(MAX_RANK == N_BATCH_DIMS + 2, "all dimensions before the matrices");

typedef struct attr {
    bool adj_x, adj_y, asymmetric;
} attr;

static const mwi_field fields[] = {
    {"adj_x", offsetof(attr, adj_x), MWI_FIELD_BOOL, 0, 0, 0, 1, NULL},
    {"adj_y", offsetof(attr, adj_y), MWI_FIELD_BOOL, 1, 0, 0, 1, NULL},
    {"asymmetric_quantize_inputs", offsetof(attr, asymmetric), MWI_FIELD_BOOL, 2, 0, 0, 1, NULL},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const attr *const a = call->attr;
    int32_t dims[MAX_RANK];

    MWI_TRY(mwi_need_input(ctx, call, 0, 2, MAX_RANK));
    MWI_TRY(mwi_need_input(ctx, call, 1, 2, MAX_RANK));
    const mwi_view *const x = &call->in[0], *const y = &call->in[1];
    const int32_t rank = x->rank > y->rank ? x->rank : y->rank;
    for (int32_t i = 0; i < rank - 2; i++) {
        const int32_t ix = i - (rank - x->rank), iy = i - (rank - y->rank);
        const int32_t dx = ix < 0 ? 1 : x->dims[ix], dy = iy < 0 ? 1 : y->dims[iy];
        if (dx != dy && dx != 1 && dy != 1)
            return mwi_fail(ctx, MW_EFORMAT, "dimension %d is %d and %d: they do not broadcast", i,
                            dx, dy);
        dims[i] = dx == 1 ? dy : dx;
    }
    const int32_t *const mx = x->dims + x->rank - 2, *const my = y->dims + y->rank - 2;
    if (mx[a->adj_x ? 0 : 1] != my[a->adj_y ? 1 : 0])
        return mwi_fail(ctx, MW_EFORMAT, "matrices [%d,%d]%s and [%d,%d]%s do not fit", mx[0],
                        mx[1], a->adj_x ? " transposed" : "", my[0], my[1],
                        a->adj_y ? " transposed" : "");
    dims[rank - 2] = mx[a->adj_x ? 1 : 0];
    dims[rank - 1] = my[a->adj_y ? 0 : 1];
    mwi_view_set_dims(&call->out[0], rank, dims);
    return MW_OK;
}

static uint64_t macs(const mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0];
    const int32_t depth =
        x->rank < 2 ? 0 : x->dims[((const attr *)call->attr)->adj_x ? x->rank - 2 : x->rank - 1];
    return mwi_view_count(&call->out[0]) * (uint64_t)depth;
}

/* ---- operands as rows ---- */

typedef struct state {
    mwi_matmul m;
    mwi_weights x, y; /* matrices of [rows, depth] */
    size_t row_at, row_bytes;
    mwi_requant rq;
    const float *scales; /* hybrid */
    bool per_channel, asymmetric;
} state;

static mwi_matmul_operand operand_of(const mwi_view *v, bool transposed, bool is_second)
{
    const int32_t *const m = v->dims + v->rank - 2;
    mwi_matmul_operand o;
    size_t step = 1;

    /* Rows of the first are rows; of the second columns. */
    o.transposed = transposed != is_second;
    o.rows = (size_t)m[o.transposed ? 1 : 0];
    o.depth = (size_t)m[o.transposed ? 0 : 1];
    for (int32_t i = N_BATCH_DIMS - 1; i >= 0; i--) {
        const int32_t k = v->rank - 2 - N_BATCH_DIMS + i;
        const size_t d = k < 0 ? 1 : (size_t)v->dims[k];
        o.step[i] = d == 1 ? 0 : step;
        step *= d;
    }
    o.n = step;
    return o;
}

mwi_matmul mwi_matmul_of(const mwi_prepare_call *call)
{
    const attr *const a = call->attr;
    const mwi_view *const out = &call->out[0];
    mwi_matmul m = {.x = operand_of(&call->in[0], a->adj_x, false),
                    .y = operand_of(&call->in[1], a->adj_y, true),
                    .n_batches = 1};

    for (int32_t i = 0; i < N_BATCH_DIMS; i++) {
        const int32_t k = out->rank - 2 - N_BATCH_DIMS + i;
        m.batch[i] = k < 0 ? 1 : (size_t)out->dims[k];
        m.n_batches *= m.batch[i];
    }
    return m;
}

/* shape: n, rows, depth, transposed. */
#define ROWS_OF(name, type, out_type, value)                                                       \
    static void name(const mwi_weights *w, const void *from, void *to)                             \
    {                                                                                              \
        const size_t n = w->shape[0], rows = w->shape[1], depth = w->shape[2];                     \
        const size_t n_row = w->shape[3] ? 1 : depth, n_depth = w->shape[3] ? rows : 1;            \
        const type *in = from;                                                                     \
        out_type *out = to;                                                                        \
        if (rows == 0 || depth == 0) return; /* whatever the number of matrices */                 \
        for (size_t m = 0; m < n; m++, in += rows * depth)                                         \
            for (size_t r = 0; r < rows; r++)                                                      \
                for (size_t k = 0; k < depth; k++)                                                 \
                    *out++ = (out_type)(value(in[r * n_row + k * n_depth], w->zero));              \
    }
#define AS_IT_IS(v, zero) (v)
#define MINUS(v, zero)    ((v) - (zero))
ROWS_OF(rows_of_f32, float, float, AS_IT_IS)
ROWS_OF(rows_of_s8, int8_t, int8_t, AS_IT_IS)
ROWS_OF(rows_of_s16, int16_t, int16_t, AS_IT_IS)
ROWS_OF(widened_rows, int8_t, int16_t, MINUS)

/* Where the rows come from: the tensor itself, a copy made now, or a copy made at each run. */
static mw_status plan_operand(mw_ctx *ctx, mwi_prepare_call *call, size_t input, bool widen,
                              int32_t zero, const mwi_matmul_operand *o, mwi_weights *w)
{
    const mwi_view *const v = &call->in[input];
    const bool widens = widen && v->dtype == MW_INT8;

    *w = (mwi_weights){.input = input,
                       .dtype = v->dtype,
                       .zero = zero,
                       .n = mwi_view_count(v),
                       .shape = {o->n, o->rows, o->depth, o->transposed}};
    if (!o->transposed && !widens) return MW_OK;
    w->repack = widens                   ? widened_rows
                : v->dtype == MW_FLOAT32 ? rows_of_f32
                : v->dtype == MW_INT16   ? rows_of_s16
                                         : rows_of_s8;
    if (!mwi_mul(w->n, widens ? sizeof(int16_t) : mw_dtype_bits(v->dtype) / 8, &w->bytes))
        return mwi_fail(ctx, MW_ELIMIT, "the matrices are too large");
    return mwi_weights_make(ctx, call, widens ? "widened rows" : "rows", o->transposed, w);
}

static mw_status prepare_common(mw_ctx *ctx, mwi_prepare_call *call, state **out)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = call->state = *out = memory;
    call->scratch_bytes = 0;
    s->m = mwi_matmul_of(call);
    s->asymmetric = ((const attr *)call->attr)->asymmetric;
    return MW_OK;
}

static mw_status prepare_f32(mw_ctx *ctx, mwi_prepare_call *call)
{
    state *s;

    MWI_TRY(prepare_common(ctx, call, &s));
    MWI_TRY(plan_operand(ctx, call, 0, false, 0, &s->m.x, &s->x));
    return plan_operand(ctx, call, 1, false, 0, &s->m.y, &s->y);
}

static mw_status prepare_int(mw_ctx *ctx, mwi_prepare_call *call)
{
    const bool wide = call->in[0].dtype == MW_INT16, raw = call->out[0].dtype == MW_INT32;
    state *s;

    MWI_TRY(prepare_common(ctx, call, &s));
    if (!raw) MWI_TRY(mwi_requant_make(ctx, call, 1, 0, true, MWI_ACT_NONE, &s->rq));
    if (wide && (s->rq.in_zero != 0 || s->rq.weight_zero != 0 || s->rq.out_zero != 0))
        return mwi_fail(ctx, MW_EFORMAT, "int16 values need zero point 0");
    MWI_TRY(plan_operand(ctx, call, 0, true, s->rq.in_zero, &s->m.x, &s->x));
    return plan_operand(ctx, call, 1, true, s->rq.weight_zero, &s->m.y, &s->y);
}

/* Scratch of the float rows, quantized: one row for each thread. */
static mw_status prepare_hybrid(mw_ctx *ctx, mwi_prepare_call *call)
{
    const mwi_view *const y = &call->in[1];
    size_t bytes;
    state *s;

    MWI_TRY(prepare_common(ctx, call, &s));
    MWI_TRY(mwi_need_scales(ctx, y, "second matrix", s->m.y.rows));
    const mw_quantization *const q = &y->quant->q;
    s->per_channel = q->n_scales > 1;
    s->scales = q->scales;
    if (s->per_channel && q->axis != (s->m.y.transposed ? y->rank - 1 : y->rank - 2))
        return mwi_fail(ctx, MW_EUNSUPPORTED, "the second matrix is quantized along axis %d",
                        q->axis);
    MWI_TRY(plan_operand(ctx, call, 0, false, 0, &s->m.x, &s->x));
    MWI_TRY(plan_operand(ctx, call, 1, false, 0, &s->m.y, &s->y));
    if (!mwi_align_up(call->scratch_bytes, 64, &s->row_at) ||
        !mwi_align_up(s->m.x.depth, 64, &s->row_bytes) ||
        !mwi_mul(s->row_bytes, call->n_threads, &bytes) ||
        !mwi_add(s->row_at, bytes, &call->scratch_bytes))
        return mwi_fail(ctx, MW_ELIMIT, "the matrices are too large");
    return MW_OK;
}

/* ---- run ---- */

typedef struct job {
    const state *s;
    const mwi_run_call *call;
    const void *x, *y;
} job;

size_t mwi_matmul_matrix(const mwi_matmul *m, const mwi_matmul_operand *o, size_t b)
{
    const size_t b2 = b % m->batch[2], b1 = b / m->batch[2] % m->batch[1],
                 b0 = b / m->batch[2] / m->batch[1];
    return b0 * o->step[0] + b1 * o->step[1] + b2 * o->step[2];
}

/* Element offsets of row `i` of all output rows: of the first operand's row, and the second's
 * matrix. */
static void place(const state *s, size_t i, size_t *x, size_t *y)
{
    const size_t b = i / s->m.x.rows, row = i % s->m.x.rows;
    *x = (mwi_matmul_matrix(&s->m, &s->m.x, b) * s->m.x.rows + row) * s->m.x.depth;
    *y = mwi_matmul_matrix(&s->m, &s->m.y, b) * s->m.y.rows * s->m.y.depth;
}

static void rows_f32(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const state *const s = j->s;
    float *out = (float *)j->call->out[0].data + begin * s->m.y.rows;
    size_t x, y;

    (void)thread;
    for (size_t i = begin; i < end; i++) {
        place(s, i, &x, &y);
        for (size_t c = 0; c < s->m.y.rows; c++, y += s->m.y.depth)
            *out++ = mwi_dot_f32((const float *)j->x + x, (const float *)j->y + y, s->m.y.depth);
    }
}

static void rows_8(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const state *const s = j->s;
    const bool raw = j->call->out[0].dtype == MW_INT32;
    int8_t *out = (int8_t *)j->call->out[0].data + begin * s->m.y.rows;
    int32_t *out32 = (int32_t *)j->call->out[0].data + begin * s->m.y.rows;
    size_t x, y;

    (void)thread;
    for (size_t i = begin; i < end; i++) {
        place(s, i, &x, &y);
        for (size_t c = 0; c < s->m.y.rows; c++, y += s->m.y.depth) {
            const int32_t sum =
                mwi_dot_s16((const int16_t *)j->x + x, (const int16_t *)j->y + y, s->m.y.depth);
            if (raw)
                *out32++ = sum;
            else
                *out++ =
                    (int8_t)mwi_clamp(mwi_add32(mwi_scale(sum, s->rq.channels[0]), s->rq.out_zero),
                                      s->rq.low, s->rq.high);
        }
    }
}

static void rows_16(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const state *const s = j->s;
    int16_t *out = (int16_t *)j->call->out[0].data + begin * s->m.y.rows;
    size_t x, y;

    (void)thread;
    for (size_t i = begin; i < end; i++) {
        place(s, i, &x, &y);
        for (size_t c = 0; c < s->m.y.rows; c++, y += s->m.y.depth) {
            const int16_t *const a = (const int16_t *)j->x + x, *const b =
                                                                    (const int16_t *)j->y + y;
            int64_t sum = 0;
            for (size_t k = 0; k < s->m.y.depth; k++) sum += (int32_t)a[k] * b[k];
            *out++ = (int16_t)mwi_clamp(mwi_scale64(sum, s->rq.channels[0]), s->rq.low, s->rq.high);
        }
    }
}

static float whole(float v)
{
    return v > 2147483520.0f    ? 2147483520.0f
           : v < -2147483648.0f ? -2147483648.0f
                                : (float)(int32_t)v;
}

/* The reference subtracts the zero point's share in float. */
static void rows_hybrid(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const state *const s = j->s;
    int8_t *const q = (int8_t *)j->call->scratch + s->row_at + thread * s->row_bytes;
    float *out = (float *)j->call->out[0].data + begin * s->m.y.rows;
    size_t x, y;

    for (size_t i = begin; i < end; i++) {
        int32_t zero = 0;
        place(s, i, &x, &y);
        const float *const row = (const float *)j->x + x;
        float scale = s->asymmetric ? mwi_quantize_asymmetric(row, s->m.x.depth, q, &zero)
                                    : mwi_quantize_symmetric(row, s->m.x.depth, q);
        if (!s->per_channel) scale *= s->scales[0];
        for (size_t c = 0; c < s->m.y.rows; c++, y += s->m.y.depth) {
            const int8_t *const w = (const int8_t *)j->y + y;
            uint32_t weights = 0;
            for (size_t k = 0; k < s->m.y.depth; k++) weights += (uint32_t)w[k];
            const float dot =
                (float)mwi_dot_s8(q, w, s->m.y.depth) - (float)(int32_t)weights * (float)zero;
            *out++ = (s->per_channel ? scale * s->scales[c] : scale) * whole(dot);
        }
    }
}

static mw_status run(const mwi_run_call *call, mwi_range_fn rows)
{
    const state *const s = call->state;
    job j = {.s = s, .call = call};

    if (call->out[0].bytes == 0) return MW_OK;
    j.x = mwi_weights_at_run(&s->x, call);
    j.y = mwi_weights_at_run(&s->y, call);
    mwi_par_for(call->pool, s->m.n_batches * s->m.x.rows,
                1 + 16384 / (s->m.y.rows * s->m.y.depth + 1), rows, &j);
    return MW_OK;
}

static mw_status run_f32(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    return run(call, rows_f32);
}

static mw_status run_8(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    return run(call, rows_8);
}

static mw_status run_16(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    return run(call, rows_16);
}

static mw_status run_hybrid(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    return run(call, rows_hybrid);
}

static int32_t version(const mwi_shape_call *call)
{
    if (call->in[0].dtype == MW_INT16) return 3;
    if (call->in[0].dtype == MW_INT8) return 2;
    return call->in[1].dtype == MW_INT8 && ((const attr *)call->attr)->asymmetric ? 4 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_batch_matmul__ref",
     .types = "f32,f32>f32",
     .prepare = prepare_f32,
     .run = run_f32},
    {.name = "s8_batch_matmul__ref", .types = "i8,i8>i8|i32", .prepare = prepare_int, .run = run_8},
    {.name = "s16_batch_matmul__ref",
     .types = "i16,i16|i8>i16",
     .prepare = prepare_int,
     .run = run_16},
    {.name = "f32_s8_batch_matmul__ref",
     .types = "f32,i8>f32",
     .prepare = prepare_hybrid,
     .run = run_hybrid},
    {.name = NULL},
};

static const mwi_quant_rule quant = {
    .quantizable = true, .weight = -1, .axis = -1, .bias = -1, .data_inputs = {0, 1, -1}};

/* z = x' y', with x' = x or transposed: dx' = dz y'^T, dy' = x'^T dz, transposed where the operand
 * is. */
static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const attr *const a = call->at.op->attr;
    const int32_t x = call->at.op->in[0], y = call->at.op->in[1], dz = call->d_out[0];
    int32_t t;

    if (call->wanted[0]) {
        MWI_TRY(a->adj_x ? mwi_emit(ctx, &call->at, &mwi_op_batch_matmul, MWI_IN(y, dz),
                                    MWI_SET({"adj_x", a->adj_y, NULL}, {"adj_y", 1, NULL}), &t)
                         : mwi_emit(ctx, &call->at, &mwi_op_batch_matmul, MWI_IN(dz, y),
                                    MWI_SET({"adj_y", !a->adj_y, NULL}), &t));
        MWI_TRY(mwi_gradient_to_input(ctx, call, 0, t));
    }
    if (!call->wanted[1]) return MW_OK;
    MWI_TRY(a->adj_y ? mwi_emit(ctx, &call->at, &mwi_op_batch_matmul, MWI_IN(dz, x),
                                MWI_SET({"adj_x", 1, NULL}, {"adj_y", a->adj_x, NULL}), &t)
                     : mwi_emit(ctx, &call->at, &mwi_op_batch_matmul, MWI_IN(x, dz),
                                MWI_SET({"adj_x", !a->adj_x, NULL}), &t));
    return mwi_gradient_to_input(ctx, call, 1, t);
}

const mwi_op_desc mwi_op_batch_matmul = {
    .name = "BATCH_MATMUL",
    .tflite_code = 126,
    .options_type = 101,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .quant = &quant,
    .infer = infer,
    .gradient = gradient,
    .macs = macs,
    .version = version,
};
