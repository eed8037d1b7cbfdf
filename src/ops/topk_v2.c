/* ops/topk_v2.c - TOPK_V2: the k largest values of each row, the largest first, and where they
 * are. The first of equals comes first; NaN last.
 * Depends: ops/strided, ops/indices, ops/rules.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/indices.h"
#include "ops/rules.h"
#include "ops/strided.h"

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0], *const top = &call->in[1];

    MWI_TRY(mwi_need_input(ctx, call, 0, 1, MW_MAX_RANK));
    MWI_TRY(mwi_need_input(ctx, call, 1, 0, 1));
    if (mwi_view_count(top) != 1)
        return mwi_fail(ctx, MW_EFORMAT, "k has %zu values", mwi_view_count(top));
    if (top->data == NULL || top->tensor->is_variable) {
        call->unknown = true;
        return MW_OK;
    }
    if (top->dtype != MW_INT32 && top->dtype != MW_INT16)
        return mwi_fail(ctx, MW_EFORMAT, "k is not an int32 or int16");
    const int64_t k = mwi_index_at(top, 0);
    if (k > x->dims[x->rank - 1])
        return mwi_fail(ctx, MW_EFORMAT, "k is %lld of %d values", (long long)k,
                        x->dims[x->rank - 1]);
    for (int i = 0; i < 2; i++) {
        mwi_view_set_dims(&call->out[i], x->rank, x->dims);
        call->out[i].dims[x->rank - 1] = k < 0 ? 0 : (int32_t)k;
    }
    return MW_OK;
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    (void)ctx;
    call->scratch_bytes = (size_t)call->out[0].dims[call->out[0].rank - 1] * sizeof(int32_t);
    return MW_OK;
}

static void store(const mwi_view *out, size_t at, int32_t index)
{
    if (out->dtype == MW_INT16)
        ((int16_t *)out->data)[at] = (int16_t)index;
    else
        ((int32_t *)out->data)[at] = index;
}

/* A heap of indices whose root is the worst of those kept. BEFORE(a, b): a's value belongs before
 * b's. */
#define TOPK(name, type, is_number)                                                                \
    static bool before_##name(const type *row, int32_t a, int32_t b)                               \
    {                                                                                              \
        const type va = row[a], vb = row[b];                                                       \
        if (is_number(va) != is_number(vb)) return is_number(va);                                  \
        return va > vb || (!(va < vb) && a < b);                                                   \
    }                                                                                              \
    static void sink_##name(const type *row, int32_t *heap, size_t n, size_t at)                   \
    {                                                                                              \
        for (size_t child; (child = 2 * at + 1) < n; at = child) {                                 \
            if (child + 1 < n && before_##name(row, heap[child], heap[child + 1])) child++;        \
            if (before_##name(row, heap[child], heap[at])) return;                                 \
            const int32_t t = heap[at];                                                            \
            heap[at] = heap[child];                                                                \
            heap[child] = t;                                                                       \
        }                                                                                          \
    }                                                                                              \
    static void top_##name(const type *row, int32_t *heap, size_t k, size_t n)                     \
    {                                                                                              \
        for (size_t i = 0; i < k; i++) heap[i] = (int32_t)i;                                       \
        for (size_t i = k / 2; i-- > 0;) sink_##name(row, heap, k, i);                             \
        for (size_t i = k; i < n; i++) {                                                           \
            if (!before_##name(row, (int32_t)i, heap[0])) continue;                                \
            heap[0] = (int32_t)i;                                                                  \
            sink_##name(row, heap, k, 0);                                                          \
        }                                                                                          \
        for (size_t i = k; i-- > 1;) {                                                             \
            const int32_t worst = heap[0];                                                         \
            heap[0] = heap[i];                                                                     \
            heap[i] = worst;                                                                       \
            sink_##name(row, heap, i, 0);                                                          \
        }                                                                                          \
    }                                                                                              \
    static mw_status run_##name(mw_ctx *ctx, const mwi_run_call *call)                             \
    {                                                                                              \
        const mwi_view *const x = &call->in[0], *const values = &call->out[0];                     \
        const size_t n = (size_t)x->dims[x->rank - 1], k = (size_t)values->dims[x->rank - 1];      \
        int32_t *const heap = call->scratch;                                                       \
        (void)ctx;                                                                                 \
        for (size_t r = 0, rows = k == 0 ? 0 : mwi_view_count(values) / k; r < rows; r++) {        \
            const type *const row = (const type *)x->data + r * n;                                 \
            top_##name(row, heap, k, n);                                                           \
            for (size_t i = 0; i < k; i++) {                                                       \
                ((type *)values->data)[r * k + i] = row[heap[i]];                                  \
                store(&call->out[1], r *k + i, heap[i]);                                           \
            }                                                                                      \
        }                                                                                          \
        return MW_OK;                                                                              \
    }
#define ALWAYS(v)  true
#define NOT_NAN(v) ((v) == (v))
TOPK(f32, float, NOT_NAN)
TOPK(i8, int8_t, ALWAYS)
TOPK(u8, uint8_t, ALWAYS)
TOPK(i16, int16_t, ALWAYS)
TOPK(i32, int32_t, ALWAYS)
TOPK(i64, int64_t, ALWAYS)

static int32_t version(const mwi_shape_call *call)
{
    if (call->in[0].dtype == MW_INT16 || call->in[1].dtype == MW_INT16 ||
        call->out[1].dtype == MW_INT16)
        return 3;
    return mwi_version_i8(call);
}

static const mwi_kernel kernels[] = {
    {.name = "f32_topk_v2__ref",
     .types = "f32,i32|i16>f32,i32|i16",
     .prepare = prepare,
     .run = run_f32},
    {.name = "s8_topk_v2__ref",
     .types = "i8,i32|i16>i8,i32|i16",
     .prepare = prepare,
     .run = run_i8},
    {.name = "u8_topk_v2__ref",
     .types = "u8,i32|i16>u8,i32|i16",
     .prepare = prepare,
     .run = run_u8},
    {.name = "s16_topk_v2__ref",
     .types = "i16,i32|i16>i16,i32|i16",
     .prepare = prepare,
     .run = run_i16},
    {.name = "s32_topk_v2__ref",
     .types = "i32,i32|i16>i32,i32|i16",
     .prepare = prepare,
     .run = run_i32},
    {.name = "s64_topk_v2__ref",
     .types = "i64,i32|i16>i64,i32|i16",
     .prepare = prepare,
     .run = run_i64},
    {.name = NULL},
};

const mwi_op_desc mwi_op_topk_v2 = {
    .name = "TOPK_V2",
    .tflite_code = 48,
    .options_type = 34,
    .min_in = 2,
    .max_in = 2,
    .min_out = 2,
    .max_out = 2,
    .traits = MWI_OP_PER_SAMPLE,
    .kernels = kernels,
    .quant = &mwi_quant_same,
    .infer = infer,
    .version = version,
};
