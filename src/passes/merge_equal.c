/* passes/merge_equal.c - constants of the same bytes become one; so do operators that do the same
 * to the same inputs.
 * Depends: passes/pass.  Used by: the list of passes only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass.h"

#include <string.h>

/* A table of indices by hash, linear probing; half empty at least. */
typedef struct table {
    int32_t *slots; /* index + 1 */
    size_t mask;
} table;

static mw_status make_table(mw_ctx *ctx, mwi_rw *rw, size_t n, table *out)
{
    size_t size = 16;
    void *memory;

    while (size < 2 * n) size *= 2;
    MWI_TRY(mwi_arena_array(ctx, rw->arena, size, sizeof(int32_t), &memory));
    *out = (table){memory, size - 1};
    return MW_OK;
}

static uint64_t mix(uint64_t h, uint64_t v) { return (h ^ v) * 0x9e3779b97f4a7c15u ^ (h >> 29); }

static uint64_t mix_bytes(uint64_t h, const uint8_t *p, size_t n)
{
    uint64_t v;

    for (; n >= sizeof v; p += sizeof v, n -= sizeof v) {
        memcpy(&v, p, sizeof v);
        h = mix(h, v);
    }
    for (; n > 0; p++, n--) h = mix(h, *p);
    return h;
}

/* ---- constants ---- */

enum { SAMPLE = 2048 }; /* bytes hashed at each end; equal ones are compared in full */

static uint64_t hash_const(const mwi_tensor *t)
{
    uint64_t h = mix(mix(17, (uint64_t)t->dtype), t->bytes);
    const uint8_t *const p = t->data;
    const size_t n = t->bytes < SAMPLE ? t->bytes : SAMPLE;

    for (int32_t i = 0; i < t->rank; i++) h = mix(h, (uint64_t)(uint32_t)t->dims[i]);
    return mix_bytes(mix_bytes(h, p, n), p + (t->bytes - n), n);
}

static bool same_const(const mwi_tensor *a, const mwi_tensor *b)
{
    if (a->dtype != b->dtype || a->rank != b->rank || a->bytes != b->bytes ||
        a->sparsity != b->sparsity)
        return false;
    if (memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) != 0) return false;
    if (!mwi_same_quant(a->quant, b->quant)) return false;
    return a->data == b->data || memcmp(a->data, b->data, a->bytes) == 0;
}

static mw_status merge_consts(mw_ctx *ctx, mwi_rw *rw)
{
    table t;

    MWI_TRY(make_table(ctx, rw, rw->n_tensors, &t));
    for (int32_t i = 0; i < (int32_t)rw->n_tensors; i++) {
        if (!mwi_rw_is_const(rw, i) || rw->tensors[i].n_reads == 0) continue;
        const mwi_tensor *const x = mwi_rw_tensor_of(rw, i);
        size_t at = hash_const(x) & t.mask;
        while (t.slots[at] != 0 && !same_const(x, mwi_rw_tensor_of(rw, t.slots[at] - 1)))
            at = (at + 1) & t.mask;
        if (t.slots[at] == 0) {
            t.slots[at] = i + 1;
            continue;
        }
        mwi_rw_redirect(rw, i, t.slots[at] - 1);
        rw->n_changes++;
    }
    return MW_OK;
}

/* ---- operators ---- */

static bool same_field(const mwi_field *f, const void *pa, const void *pb)
{
    const char *const a = (const char *)pa + f->offset, *const b = (const char *)pb + f->offset;

    switch (f->kind) {
    case MWI_FIELD_I32:
    case MWI_FIELD_ENUM:
    case MWI_FIELD_F32: return memcmp(a, b, sizeof(int32_t)) == 0;
    case MWI_FIELD_I64: return memcmp(a, b, sizeof(int64_t)) == 0;
    case MWI_FIELD_BOOL: return *(const bool *)a == *(const bool *)b;
    case MWI_FIELD_I32S: {
        const mwi_i32s *const x = (const void *)a, *const y = (const void *)b;
        return x->n == y->n && (x->n == 0 || memcmp(x->v, y->v, x->n * sizeof *x->v) == 0);
    }
    case MWI_FIELD_F32S: {
        const mwi_f32s *const x = (const void *)a, *const y = (const void *)b;
        return x->n == y->n && (x->n == 0 || memcmp(x->v, y->v, x->n * sizeof *x->v) == 0);
    }
    case MWI_FIELD_I64S: {
        const mwi_i64s *const x = (const void *)a, *const y = (const void *)b;
        return x->n == y->n && (x->n == 0 || memcmp(x->v, y->v, x->n * sizeof *x->v) == 0);
    }
    case MWI_FIELD_BYTES: {
        const mwi_bytes *const x = (const void *)a, *const y = (const void *)b;
        return x->n == y->n && (x->n == 0 || memcmp(x->v, y->v, x->n) == 0);
    }
    case MWI_FIELD_STRING: {
        const char *const x = *(const char *const *)(const void *)a,
                          *const y = *(const char *const *)(const void *)b;
        return x == y || (x != NULL && y != NULL && strcmp(x, y) == 0);
    }
    case MWI_FIELD_END: break;
    }
    return false;
}

static uint64_t hash_op(const mwi_rw *rw, const mwi_op *op)
{
    uint64_t h =
        mix_bytes(mix(23, (uintptr_t)op->desc), (const uint8_t *)op->in, op->n_in * sizeof *op->in);

    h = mix_bytes(h, op->custom_options, op->n_custom_options);
    for (const mwi_field *f = op->desc->fields; f != NULL && f->kind != MWI_FIELD_END; f++) {
        const uint8_t *const at = (const uint8_t *)op->attr + f->offset;
        if (f->kind == MWI_FIELD_I32 || f->kind == MWI_FIELD_ENUM || f->kind == MWI_FIELD_F32)
            h = mix_bytes(h, at, sizeof(int32_t));
        if (f->kind == MWI_FIELD_I32S)
            h = mix_bytes(h, (const uint8_t *)((const mwi_i32s *)(const void *)at)->v,
                          ((const mwi_i32s *)(const void *)at)->n * sizeof(int32_t));
    }
    for (size_t k = 0; k < op->n_out; k++) {
        const mwi_tensor *const t = mwi_rw_tensor_of(rw, op->out[k]);
        h = mix_bytes(mix(h, (uint64_t)t->dtype), (const uint8_t *)t->dims,
                      (size_t)t->rank * sizeof *t->dims);
    }
    return h;
}

static bool same_op(const mwi_rw *rw, const mwi_op *a, const mwi_op *b)
{
    if (a->desc != b->desc || a->n_in != b->n_in || a->n_out != b->n_out) return false;
    if (memcmp(a->in, b->in, a->n_in * sizeof *a->in) != 0) return false;
    if (a->n_custom_options != b->n_custom_options ||
        (a->n_custom_options > 0 &&
         memcmp(a->custom_options, b->custom_options, a->n_custom_options) != 0))
        return false;
    for (const mwi_field *f = a->desc->fields; f != NULL && f->kind != MWI_FIELD_END; f++)
        if (!same_field(f, a->attr, b->attr)) return false;
    for (size_t k = 0; k < a->n_out; k++)
        if (!mwi_rw_same_type(rw, a->out[k], b->out[k]) ||
            !mwi_rw_same_shape(rw, a->out[k], b->out[k]))
            return false;
    return true;
}

/* Outputs of the graph keep their tensors, so that the later operator cannot go. */
static bool makes_output(const mwi_rw *rw, const mwi_op *op)
{
    for (size_t k = 0; k < op->n_out; k++)
        if (rw->tensors[op->out[k]].is_output) return true;
    return false;
}

static mw_status merge_ops(mw_ctx *ctx, mwi_rw *rw)
{
    table t;

    MWI_TRY(make_table(ctx, rw, rw->n_ops, &t));
    for (int32_t i = 0; i < (int32_t)rw->n_ops; i++) {
        const mwi_op *const op = rw->ops[i];
        if (op == NULL || op->n_in == 0 || op->n_intermediates > 0 || !mwi_rw_is_pure(rw, op))
            continue;
        size_t at = hash_op(rw, op) & t.mask;
        while (t.slots[at] != 0 && !same_op(rw, rw->ops[t.slots[at] - 1], op))
            at = (at + 1) & t.mask;
        if (t.slots[at] == 0) {
            t.slots[at] = i + 1;
            continue;
        }
        if (makes_output(rw, op)) continue;
        for (size_t k = 0; k < op->n_out; k++)
            mwi_rw_redirect(rw, op->out[k], rw->ops[t.slots[at] - 1]->out[k]);
        mwi_rw_remove(rw, i);
        rw->n_changes++;
    }
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, mwi_rw *rw)
{
    MWI_TRY(merge_consts(ctx, rw));
    return merge_ops(ctx, rw);
}

const mwi_pass_desc mwi_pass_merge_equal = {
    .name = "merge_equal",
    .summary = "merges equal constants, and operators that do the same to the same inputs",
    .flags = MWI_PASS_OPTIMIZE,
    .run = run,
};
