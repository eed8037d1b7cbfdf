/* formats/tflite/read_op.c - operator codes, operators, and their options through the rows' fields.
 * Depends: flatbuffer_read, read, ops/registry.  Used by: read_model.
 * Trust:   every byte is hostile.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/tflite/read.h"

#include "formats/tflite/operands.h"
#include "formats/tflite/schema.h"

#include <inttypes.h>
#include <string.h>

/* ---- operator codes ---- */

static mw_status read_code(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *t, mwi_tfl_code *c)
{
    int32_t old, code;

    MWI_TRY(mwi_fb_i8(ctx, &rd->fb, t, TFL_CODE_DEPRECATED, "the deprecated code", 0, &old));
    MWI_TRY(mwi_fb_i32(ctx, &rd->fb, t, TFL_CODE_BUILTIN, "the code", 0, &code));
    MWI_TRY(mwi_fb_i32(ctx, &rd->fb, t, TFL_CODE_VERSION, "the version", 1, &c->version));
    MWI_TRY(mwi_fb_string(ctx, &rd->fb, &rd->model->arena, t, TFL_CODE_CUSTOM_CODE,
                          "the custom code", &c->custom_code));
    /* Codes up to 127 once stood in a byte; old writers fill only that one. */
    c->builtin = code > old ? code : old;
    if (c->builtin < 0) return mwi_fail(ctx, MW_EFORMAT, "code %d, allowed 0 or more", c->builtin);
    if (c->builtin == TFL_CUSTOM) {
        if (c->custom_code == NULL)
            return mwi_fail(ctx, MW_EFORMAT, "a custom operator without a custom code");
        c->desc = mwi_op_by_custom(c->custom_code);
    } else {
        c->custom_code = NULL;
        c->desc = mwi_op_by_code(c->builtin);
    }
    if (c->desc == NULL) c->desc = &mwi_op_unknown;
    return MW_OK;
}

mw_status mwi_tfl_read_codes(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *model)
{
    mwi_fb_vector v;
    mwi_fb_table t;
    void *memory;

    MWI_TRY(mwi_fb_vector_field(ctx, &rd->fb, model, TFL_MODEL_OPERATOR_CODES, 4,
                                "the list of operator codes", &v));
    MWI_TRY(mwi_arena_array(ctx, &rd->scratch, v.n, sizeof *rd->codes, &memory));
    rd->codes = memory;
    rd->n_codes = v.n;
    for (size_t i = 0; i < v.n; i++) {
        mw_status st = mwi_fb_vector_table(ctx, &rd->fb, &v, i, "an operator code", &t);
        if (st == MW_OK) st = read_code(ctx, rd, &t, &rd->codes[i]);
        MWI_TRY(mwi_prefix(ctx, st, "operator code %zu", i));
    }
    return MW_OK;
}

/* ---- options ---- */

/* Elements of four bytes each. */
static mw_status read_list(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *t,
                           const mwi_field *f, uint32_t element, const void **out, size_t *out_n)
{
    mwi_fb_vector v;

    MWI_TRY(mwi_fb_vector_field(ctx, &rd->fb, t, f->slot, element, f->name, &v));
    *out_n = v.n;
    return mwi_fb_array(ctx, &rd->fb, &rd->model->arena, &v, element, out);
}

/* Absent fields keep the default that stands in *attr. */
static mw_status read_field(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *t,
                            const mwi_field *f, void *attr)
{
    void *const at = (char *)attr + f->offset;
    const void *list;
    uint64_t bits;

    switch (f->kind) {
    case MWI_FIELD_I32: return mwi_fb_i32(ctx, &rd->fb, t, f->slot, f->name, *(int32_t *)at, at);
    case MWI_FIELD_ENUM: return mwi_fb_i8(ctx, &rd->fb, t, f->slot, f->name, *(int32_t *)at, at);
    case MWI_FIELD_I64:
        MWI_TRY(mwi_fb_u64(ctx, &rd->fb, t, f->slot, f->name, (uint64_t) * (int64_t *)at, &bits));
        *(int64_t *)at = (int64_t)bits;
        return MW_OK;
    case MWI_FIELD_F32: return mwi_fb_f32(ctx, &rd->fb, t, f->slot, f->name, *(float *)at, at);
    case MWI_FIELD_BOOL: return mwi_fb_bool(ctx, &rd->fb, t, f->slot, f->name, *(bool *)at, at);
    case MWI_FIELD_I32S:
        MWI_TRY(read_list(ctx, rd, t, f, 4, &list, &((mwi_i32s *)at)->n));
        ((mwi_i32s *)at)->v = list;
        return MW_OK;
    case MWI_FIELD_F32S:
        MWI_TRY(read_list(ctx, rd, t, f, 4, &list, &((mwi_f32s *)at)->n));
        ((mwi_f32s *)at)->v = list;
        return MW_OK;
    case MWI_FIELD_I64S:
        MWI_TRY(read_list(ctx, rd, t, f, 8, &list, &((mwi_i64s *)at)->n));
        ((mwi_i64s *)at)->v = list;
        return MW_OK;
    case MWI_FIELD_BYTES:
        MWI_TRY(read_list(ctx, rd, t, f, 1, &list, &((mwi_bytes *)at)->n));
        ((mwi_bytes *)at)->v = list;
        return MW_OK;
    case MWI_FIELD_STRING:
        return mwi_fb_string(ctx, &rd->fb, &rd->model->arena, t, f->slot, f->name, at);
    case MWI_FIELD_END: break;
    }
    return MW_OK;
}

static bool reads_options(const mwi_op_desc *d)
{
    for (const mwi_field *f = d->fields; f != NULL && f->kind != MWI_FIELD_END; f++)
        if (f->slot >= 0) return true;
    return false;
}

/* Options that are not there leave the defaults; options of another operator are an error, but for
 * an operator that would read none of them. */
static mw_status read_options(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *t, mwi_op *op)
{
    const mwi_op_desc *const d = op->desc;
    const bool second = d->options2_type != 0;
    const uint32_t wanted = second ? d->options2_type : d->options_type;
    mwi_fb_table options;
    uint32_t type;

    if (!reads_options(d)) return MW_OK;
    MWI_TRY(mwi_fb_u8(ctx, &rd->fb, t, second ? TFL_OP_OPTIONS2_TYPE : TFL_OP_OPTIONS_TYPE,
                      "the options' type", 0, &type));
    MWI_TRY(mwi_fb_table_field(ctx, &rd->fb, t, second ? TFL_OP_OPTIONS2 : TFL_OP_OPTIONS,
                               "the options", &options));
    if (type == 0 || options.at == 0) return MW_OK;
    if (type != wanted)
        return mwi_fail(ctx, MW_EFORMAT, "options of type %u, %s has type %u", type, d->name,
                        wanted);
    for (const mwi_field *f = d->fields; f->kind != MWI_FIELD_END; f++)
        if (f->slot >= 0) MWI_TRY(read_field(ctx, rd, &options, f, op->attr));
    return MW_OK;
}

/* In the table, or, when large, behind the FlatBuffer. */
static mw_status read_custom_options(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *t,
                                     mwi_op *op)
{
    const mwi_reader *const r = rd->fb.r;
    mwi_fb_vector v;
    uint64_t offset, size;

    MWI_TRY(mwi_fb_blob_field(ctx, &rd->fb, t, TFL_OP_CUSTOM_OPTIONS, "the custom options", &v));
    if (v.n > 0) {
        op->custom_options = r->bytes + v.at;
        op->n_custom_options = v.n;
    } else {
        MWI_TRY(mwi_fb_u64(ctx, &rd->fb, t, TFL_OP_LARGE_OPTIONS_OFFSET,
                           "the custom options' offset", 0, &offset));
        MWI_TRY(mwi_fb_u64(ctx, &rd->fb, t, TFL_OP_LARGE_OPTIONS_SIZE, "the custom options' size",
                           0, &size));
        if (offset > 1 && size > 0) {
            if (!mwi_reader_has(r, offset, size))
                return mwi_fail(ctx, MW_EFORMAT,
                                "custom options of %" PRIu64 " bytes at %" PRIu64
                                "; the file has %zu",
                                size, offset, r->len);
            op->custom_options = r->bytes + offset;
            op->n_custom_options = (size_t)size;
        }
    }
    if (op->desc->parse_custom == NULL) return MW_OK;
    return op->desc->parse_custom(ctx, &rd->model->arena, op->custom_options, op->n_custom_options,
                                  op->attr);
}

/* ---- operators ---- */

static mw_status read_operands(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *t, int slot,
                               const char *what, size_t n_tensors, int32_t **out, size_t *out_n)
{
    MWI_TRY(mwi_tfl_indices(ctx, rd, t, slot, what, out, out_n));
    for (size_t i = 0; i < *out_n; i++)
        if ((*out)[i] < -1 || ((*out)[i] >= 0 && (size_t)(*out)[i] >= n_tensors))
            return mwi_fail(ctx, MW_EFORMAT, "number %zu of %s is tensor %d of %zu", i, what,
                            (*out)[i], n_tensors);
    return MW_OK;
}

static mw_status read_op(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *t, mwi_graph *g)
{
    uint32_t index;
    mwi_op *op;

    MWI_TRY(mwi_fb_u32(ctx, &rd->fb, t, TFL_OP_CODE_INDEX, "the operator code", 0, &index));
    if (index >= rd->n_codes)
        return mwi_fail(ctx, MW_EFORMAT, "operator code %" PRIu32 " of %zu", index, rd->n_codes);
    const mwi_tfl_code *const c = &rd->codes[index];
    MWI_TRY(mwi_graph_add_op(ctx, rd->model, g, g->n_ops, c->desc, 0, 0, &op));
    op->code = c->builtin;
    op->version = c->version;
    op->custom_code = c->custom_code;
    MWI_TRY(
        read_operands(ctx, rd, t, TFL_OP_INPUTS, "the inputs", g->n_tensors, &op->in, &op->n_in));
    op->n_in = mwi_tfl_n_in(op);
    MWI_TRY(read_operands(ctx, rd, t, TFL_OP_OUTPUTS, "the outputs", g->n_tensors, &op->out,
                          &op->n_out));
    MWI_TRY(read_operands(ctx, rd, t, TFL_OP_INTERMEDIATES, "the intermediates", g->n_tensors,
                          &op->intermediates, &op->n_intermediates));
    mw_status st = read_options(ctx, rd, t, op);
    if (st == MW_OK) st = read_custom_options(ctx, rd, t, op);
    return mwi_prefix(ctx, st, "%s", mwi_op_name(op));
}

mw_status mwi_tfl_read_ops(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *subgraph,
                           mwi_graph *graph)
{
    mwi_fb_vector v;
    mwi_fb_table t;

    MWI_TRY(mwi_fb_vector_field(ctx, &rd->fb, subgraph, TFL_SUBGRAPH_OPERATORS, 4,
                                "the list of operators", &v));
    rd->n_ops += v.n;
    if (rd->n_ops > mwi_limits(ctx)->max_ops)
        return mwi_fail(ctx, MW_ELIMIT, "%" PRIu64 " operators so far, limit %u", rd->n_ops,
                        mwi_limits(ctx)->max_ops);
    for (size_t i = 0; i < v.n; i++) {
        MWI_TRY(mwi_progress(ctx, "read operators", i, v.n));
        mw_status st = mwi_fb_vector_table(ctx, &rd->fb, &v, i, "an operator", &t);
        if (st == MW_OK) st = read_op(ctx, rd, &t, graph);
        MWI_TRY(mwi_prefix(ctx, st, "op %zu", i));
    }
    return MW_OK;
}
