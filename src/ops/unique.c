/* ops/unique.c - UNIQUE: the different values of a vector in the order of their first appearance
 * (output 0), and for each element the place of its value there (output 1).
 * Depends: ops/shapes, ops/subgraph.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/subgraph.h"
#include "ops/shapes.h"

#include "base/checked.h"

#include <string.h>

typedef struct attr {
    int32_t idx_out_type;
} attr;

static const mwi_field fields[] = {
    {"idx_out_type", offsetof(attr, idx_out_type), MWI_FIELD_ENUM, 0, MW_INT32, 1, 0, NULL},
    MWI_FIELDS_END,
};

static bool takes(mw_dtype dtype)
{
    return dtype == MW_FLOAT32 || dtype == MW_INT8 || dtype == MW_INT16 || dtype == MW_INT32 ||
           dtype == MW_INT64 || dtype == MW_UINT8;
}

/* Equal values have equal keys: a negative zero is zero. */
static uint64_t key_of(const mwi_view *v, size_t i)
{
    uint32_t bits;

    switch (v->dtype) {
    case MW_FLOAT32:
        if (((const float *)v->data)[i] == 0) return 0;
        memcpy(&bits, (const float *)v->data + i, sizeof bits);
        return bits;
    case MW_INT64: return (uint64_t)((const int64_t *)v->data)[i];
    case MW_INT32: return (uint64_t)((const int32_t *)v->data)[i];
    case MW_INT16: return (uint64_t)((const int16_t *)v->data)[i];
    default: return ((const uint8_t *)v->data)[i];
    }
}

/* Open addressing: a slot holds 1 + the first element that has its value; more slots than twice
 * the elements. */
typedef struct table {
    uint32_t *slots;
    size_t n; /* a power of two */
} table;

static mw_status begin(mw_ctx *ctx, const mwi_host *host, size_t count, table *t, void **own)
{
    size_t bytes;

    t->n = 2;
    while (t->n < 2 * count) t->n *= 2;
    if (count >= UINT32_MAX || !mwi_mul(t->n, sizeof *t->slots, &bytes))
        return mwi_fail(ctx, MW_ELIMIT, "%zu elements", count);
    void *memory;
    MWI_TRY(mwi_host_scratch(ctx, host, bytes, &memory, own));
    t->slots = memory;
    memset(t->slots, 0, bytes);
    return MW_OK;
}

static void end(mw_ctx *ctx, const table *t, void *own)
{
    mwi_free(ctx, own, t->n * sizeof *t->slots);
}

/* The first element with the value of element i, which is i itself when it is the first. */
static size_t first_of(const table *t, const mwi_view *x, size_t i)
{
    const uint64_t key = key_of(x, i);
    size_t at = (size_t)(key * 0x9e3779b97f4a7c15u >> 32) & (t->n - 1);

    for (; t->slots[at] != 0; at = (at + 1) & (t->n - 1))
        if (key_of(x, t->slots[at] - 1) == key) return t->slots[at] - 1;
    t->slots[at] = (uint32_t)i + 1;
    return i;
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0];
    const attr *const a = call->attr;
    const size_t count = mwi_view_count(x);
    size_t n = 0;
    void *own;
    table t;

    MWI_TRY(mwi_need_input(ctx, call, 0, 1, 1));
    if (a->idx_out_type != MW_INT32 && a->idx_out_type != MW_INT64)
        return mwi_fail(ctx, MW_EFORMAT, "idx_out_type is %d, allowed int32 and int64",
                        a->idx_out_type);
    if (!takes(x->dtype))
        return mwi_fail(ctx, MW_EUNSUPPORTED, "values of %s", mw_dtype_name(x->dtype));
    call->out[1].dtype = (mw_dtype)a->idx_out_type;
    mwi_view_set_dims(&call->out[1], 1, x->dims);
    call->unknown = x->data == NULL || x->tensor->is_variable;
    if (call->unknown) return MW_OK;
    MWI_TRY(begin(ctx, call->host, count, &t, &own));
    for (size_t i = 0; i < count; i++) n += first_of(&t, x, i) == i;
    end(ctx, &t, own);
    mwi_view_set_dims(&call->out[0], 1, (const int32_t[1]){(int32_t)n});
    return MW_OK;
}

static void put_index(const mwi_view *v, size_t i, size_t index)
{
    if (v->dtype == MW_INT64)
        ((int64_t *)v->data)[i] = (int64_t)index;
    else
        ((int32_t *)v->data)[i] = (int32_t)index;
}

static size_t index_at(const mwi_view *v, size_t i)
{
    return v->dtype == MW_INT64 ? (size_t)((const int64_t *)v->data)[i]
                                : (size_t)((const int32_t *)v->data)[i];
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0], *const out = call->out;
    const size_t count = mwi_view_count(x), element = mw_dtype_bits(x->dtype) / 8;
    const size_t room = (size_t)out[0].dims[0];
    mw_status st = MW_OK;
    size_t n = 0;
    void *own;
    table t;

    MWI_TRY(begin(ctx, call->host, count, &t, &own));
    for (size_t i = 0; i < count && st == MW_OK; i++) {
        const size_t first = first_of(&t, x, i);
        if (first != i) {
            put_index(&out[1], i, index_at(&out[1], first));
        } else if (n < room) {
            memcpy((char *)out[0].data + n * element, (const char *)x->data + i * element, element);
            put_index(&out[1], i, n++);
        } else {
            st = mwi_fail(ctx, MW_EINVAL, "more than %zu different values", room);
        }
    }
    end(ctx, &t, own);
    return st;
}

static const mwi_kernel kernels[] = {
    {.name = "any_unique__ref", .types = "f32|i8|i16|i32|i64|u8>=,i32|i64", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_unique = {
    .name = "UNIQUE",
    .tflite_code = 103,
    .options_type = 80,
    .min_in = 1,
    .max_in = 1,
    .min_out = 2,
    .max_out = 2,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
};
