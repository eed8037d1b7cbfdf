/* formats/tflite/write_op.c - operator codes, operators, and their options through the rows'
 * fields.
 * Depends: flatbuffer_build, write, base/text.  Used by: write_model.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/tflite/write.h"

#include "base/text.h"
#include "formats/tflite/operands.h"
#include "formats/tflite/schema.h"

#include <string.h>

enum { MAX_NAMED = 64, LARGE_OPTIONS = 1 << 16 };

/* ---- what cannot be written ---- */

/* A custom operator that we do not know is carried whole in its code and options; a builtin's
 * options are not. */
static bool can_write(const mwi_op *op)
{
    return op->desc->custom || op->desc->tflite_code >= 0 ||
           (op->desc == &mwi_op_unknown && op->custom_code != NULL);
}

typedef struct refusal {
    const mwi_op *op;
    size_t n;
} refusal;

static bool same_operator(const mwi_op *a, const mwi_op *b)
{
    return a->desc == b->desc && (a->desc != &mwi_op_unknown || a->code == b->code);
}

static size_t gather_refusals(const mw_model *model, refusal *list)
{
    size_t n = 0;

    for (size_t g = 0; g < model->n_graphs; g++) {
        for (size_t i = 0; i < model->graphs[g]->n_ops; i++) {
            const mwi_op *const op = model->graphs[g]->ops[i];
            size_t k = 0;
            if (can_write(op)) continue;
            while (k < n && !same_operator(list[k].op, op)) k++;
            if (k == MAX_NAMED) continue;
            if (k == n) list[n++] = (refusal){op, 0};
            list[k].n++;
        }
    }
    return n;
}

static mw_status refuse(mw_ctx *ctx, const refusal *list, size_t n, mwi_text *text)
{
    for (size_t i = 0; i < n; i++) {
        const mwi_op *const op = list[i].op;
        MWI_TRY(mwi_text_printf(ctx, text, i == 0 ? "%s" : ", %s", mwi_op_name(op)));
        if (op->desc == &mwi_op_unknown)
            MWI_TRY(mwi_text_printf(ctx, text, " (builtin %d)", op->code));
        if (list[i].n > 1) MWI_TRY(mwi_text_printf(ctx, text, " x%zu", list[i].n));
    }
    return mwi_fail(ctx, MW_EUNSUPPORTED,
                    "cannot be written as .tflite, for it holds operators of training "
                    "or unknown ones: %s",
                    mwi_text_chars(text));
}

mw_status mwi_tfl_check_ops(mw_ctx *ctx, const mw_model *model)
{
    refusal list[MAX_NAMED];
    const size_t n = gather_refusals(model, list);
    mwi_text text;

    if (n == 0) return MW_OK;
    mwi_text_init(ctx, &text, 1 << 16);
    const mw_status st = refuse(ctx, list, n, &text);
    mwi_text_deinit(&text);
    return st;
}

/* ---- operator codes ---- */

static mw_status version_of(mw_ctx *ctx, const mwi_graph *g, const mwi_op *op, int32_t *out)
{
    mwi_shape_call call;
    mwi_arena arena;

    /* Unknown custom operators keep theirs. */
    *out = op->desc == &mwi_op_unknown && op->version > 0 ? op->version : 1;
    if (op->desc->version == NULL) return MW_OK;
    mwi_arena_init(ctx, &arena);
    const mw_status st = mwi_op_views(ctx, g, op, &arena, &call);
    if (st == MW_OK) *out = op->desc->version(&call);
    mwi_arena_deinit(&arena);
    return st;
}

static const char *custom_code_of(const mwi_op *op)
{
    return op->desc->custom ? op->desc->name : op->custom_code;
}

static int32_t builtin_of(const mwi_op *op)
{
    return custom_code_of(op) != NULL ? TFL_CUSTOM : op->desc->tflite_code;
}

static size_t hash(const mwi_op *op, int32_t version)
{
    const char *const custom = custom_code_of(op);
    uint64_t h = (uint64_t)builtin_of(op) * 31 + (uint32_t)version;

    for (const char *s = custom; s != NULL && *s != '\0'; s++)
        h = (h ^ (uint8_t)*s) * 0x100000001b3u;
    h *= 0x9e3779b97f4a7c15u;
    return (size_t)(h ^ h >> 32);
}

static bool same_code(const mwi_tfl_code_row *row, const mwi_op *op, int32_t version)
{
    const char *const a = custom_code_of(row->op), *const b = custom_code_of(op);

    if (row->version != version || builtin_of(row->op) != builtin_of(op)) return false;
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static mw_status code_of(mw_ctx *ctx, mwi_tfl_writer *wr, const mwi_op *op, int32_t version,
                         uint32_t *out)
{
    size_t at = hash(op, version) & (wr->code_map_size - 1);

    for (; wr->code_map[at] != 0; at = (at + 1) & (wr->code_map_size - 1)) {
        *out = wr->code_map[at] - 1;
        if (same_code(&wr->codes[*out], op, version)) return MW_OK;
    }
    MWI_TRY(mwi_arena_grow(ctx, &wr->scratch, &wr->codes, wr->n_codes, &wr->codes_capacity,
                           sizeof *wr->codes));
    wr->codes[wr->n_codes] = (mwi_tfl_code_row){op, version};
    *out = (uint32_t)wr->n_codes++;
    wr->code_map[at] = *out + 1;
    return MW_OK;
}

mw_status mwi_tfl_gather_codes(mw_ctx *ctx, mwi_tfl_writer *wr)
{
    const mw_model *const m = wr->model;
    size_t n = 0;
    void *memory;
    int32_t version;

    for (size_t g = 0; g < m->n_graphs; g++) n += m->graphs[g]->n_ops;
    wr->code_map_size = 16;
    while (wr->code_map_size < 2 * n) wr->code_map_size *= 2;
    MWI_TRY(mwi_arena_array(ctx, &wr->scratch, wr->code_map_size, sizeof *wr->code_map, &memory));
    wr->code_map = memory;
    MWI_TRY(mwi_arena_array(ctx, &wr->scratch, m->n_graphs, sizeof *wr->op_codes, &memory));
    wr->op_codes = memory;
    for (size_t g = 0; g < m->n_graphs; g++) {
        const mwi_graph *const graph = m->graphs[g];
        MWI_TRY(mwi_arena_array(ctx, &wr->scratch, graph->n_ops, sizeof **wr->op_codes, &memory));
        wr->op_codes[g] = memory;
        for (size_t i = 0; i < graph->n_ops; i++) {
            MWI_TRY(version_of(ctx, graph, graph->ops[i], &version));
            MWI_TRY(code_of(ctx, wr, graph->ops[i], version, &wr->op_codes[g][i]));
        }
    }
    return MW_OK;
}

mw_status mwi_tfl_write_codes(mw_ctx *ctx, mwi_tfl_writer *wr, size_t from)
{
    size_t first;

    MWI_TRY(mwi_fbb_refs(ctx, &wr->b, from, wr->n_codes, &first));
    for (size_t i = 0; i < wr->n_codes; i++) {
        const mwi_tfl_code_row *const row = &wr->codes[i];
        const char *const custom = custom_code_of(row->op);
        const int32_t builtin = builtin_of(row->op);
        mwi_fbb_table t = {0};
        /* Old readers know the byte only; codes that do not fit show as the placeholder there. */
        mwi_fbb_u8(&t, TFL_CODE_DEPRECATED,
                   (uint32_t)(builtin < TFL_PLACEHOLDER ? builtin : TFL_PLACEHOLDER));
        if (custom != NULL) mwi_fbb_ref(&t, TFL_CODE_CUSTOM_CODE);
        mwi_fbb_i32(&t, TFL_CODE_VERSION, row->version);
        mwi_fbb_i32(&t, TFL_CODE_BUILTIN, builtin);
        MWI_TRY(mwi_fbb_write(ctx, &wr->b, first + 4 * i, &t));
        if (custom != NULL)
            MWI_TRY(mwi_fbb_string(ctx, &wr->b, t.at[TFL_CODE_CUSTOM_CODE], custom));
    }
    return MW_OK;
}

/* ---- options ---- */

/* Scalars are written even at their default: the row's default need not be the schema's. */
static void put_field(mwi_fbb_table *t, const mwi_field *f, const void *at)
{
    switch (f->kind) {
    case MWI_FIELD_I32: mwi_fbb_i32(t, f->slot, *(const int32_t *)at); break;
    case MWI_FIELD_ENUM: mwi_fbb_u8(t, f->slot, (uint32_t) * (const int32_t *)at); break;
    case MWI_FIELD_I64: mwi_fbb_u64(t, f->slot, (uint64_t) * (const int64_t *)at); break;
    case MWI_FIELD_F32: mwi_fbb_f32(t, f->slot, *(const float *)at); break;
    case MWI_FIELD_BOOL: mwi_fbb_u8(t, f->slot, *(const bool *)at); break;
    case MWI_FIELD_I32S:
        if (((const mwi_i32s *)at)->n > 0) mwi_fbb_ref(t, f->slot);
        break;
    case MWI_FIELD_F32S:
        if (((const mwi_f32s *)at)->n > 0) mwi_fbb_ref(t, f->slot);
        break;
    case MWI_FIELD_I64S:
        if (((const mwi_i64s *)at)->n > 0) mwi_fbb_ref(t, f->slot);
        break;
    case MWI_FIELD_BYTES:
        if (((const mwi_bytes *)at)->n > 0) mwi_fbb_ref(t, f->slot);
        break;
    case MWI_FIELD_STRING:
        if (*(const char *const *)at != NULL) mwi_fbb_ref(t, f->slot);
        break;
    case MWI_FIELD_END: break;
    }
}

/* What a field's offset points to. */
static mw_status put_field_data(mw_ctx *ctx, mwi_tfl_writer *wr, const mwi_fbb_table *t,
                                const mwi_field *f, const void *at)
{
    if (f->kind == MWI_FIELD_I32S) {
        const mwi_i32s *const v = at;
        if (v->n > 0) return mwi_fbb_vector(ctx, &wr->b, t->at[f->slot], v->v, v->n, sizeof *v->v);
    } else if (f->kind == MWI_FIELD_F32S) {
        const mwi_f32s *const v = at;
        if (v->n > 0) return mwi_fbb_vector(ctx, &wr->b, t->at[f->slot], v->v, v->n, sizeof *v->v);
    } else if (f->kind == MWI_FIELD_I64S) {
        const mwi_i64s *const v = at;
        if (v->n > 0) return mwi_fbb_vector(ctx, &wr->b, t->at[f->slot], v->v, v->n, sizeof *v->v);
    } else if (f->kind == MWI_FIELD_BYTES) {
        const mwi_bytes *const v = at;
        if (v->n > 0) return mwi_fbb_vector(ctx, &wr->b, t->at[f->slot], v->v, v->n, sizeof *v->v);
    } else if (f->kind == MWI_FIELD_STRING) {
        const char *const s = *(const char *const *)at;
        if (s != NULL) return mwi_fbb_string(ctx, &wr->b, t->at[f->slot], s);
    }
    return MW_OK;
}

static mw_status write_options(mw_ctx *ctx, mwi_tfl_writer *wr, const mwi_op *op, size_t from)
{
    const mwi_field *const fields = op->desc->fields;
    mwi_fbb_table t = {0};

    for (const mwi_field *f = fields; f != NULL && f->kind != MWI_FIELD_END; f++)
        if (f->slot >= 0) put_field(&t, f, (const char *)op->attr + f->offset);
    MWI_TRY(mwi_fbb_write(ctx, &wr->b, from, &t));
    for (const mwi_field *f = fields; f != NULL && f->kind != MWI_FIELD_END; f++)
        if (f->slot >= 0)
            MWI_TRY(put_field_data(ctx, wr, &t, f, (const char *)op->attr + f->offset));
    return MW_OK;
}

/* ---- operators ---- */

static mw_status add_large_options(mw_ctx *ctx, mwi_tfl_writer *wr, const mwi_op *op,
                                   const mwi_fbb_table *t)
{
    MWI_TRY(mwi_arena_grow(ctx, &wr->scratch, &wr->options, wr->n_options, &wr->options_capacity,
                           sizeof *wr->options));
    wr->options[wr->n_options++] = (mwi_tfl_blob){.data = op->custom_options,
                                                  .bytes = op->n_custom_options,
                                                  .ref = t->at[TFL_OP_LARGE_OPTIONS_OFFSET],
                                                  .ref2 = t->at[TFL_OP_LARGE_OPTIONS_SIZE]};
    return MW_OK;
}

static mw_status write_op(mw_ctx *ctx, mwi_tfl_writer *wr, const mwi_op *op, uint32_t code,
                          size_t from)
{
    const mwi_op_desc *const d = op->desc;
    const bool custom = op->n_custom_options > 0;
    const bool large = custom && wr->outside && op->n_custom_options >= LARGE_OPTIONS;
    mwi_fbb_table t = {0};

    mwi_fbb_u32(&t, TFL_OP_CODE_INDEX, code);
    mwi_fbb_ref(&t, TFL_OP_INPUTS);
    mwi_fbb_ref(&t, TFL_OP_OUTPUTS);
    if (d->options_type != 0) {
        mwi_fbb_u8(&t, TFL_OP_OPTIONS_TYPE, d->options_type);
        mwi_fbb_ref(&t, TFL_OP_OPTIONS);
    }
    if (d->options2_type != 0) {
        mwi_fbb_u8(&t, TFL_OP_OPTIONS2_TYPE, d->options2_type);
        mwi_fbb_ref(&t, TFL_OP_OPTIONS2);
    }
    if (custom && !large) mwi_fbb_ref(&t, TFL_OP_CUSTOM_OPTIONS);
    if (large) {
        mwi_fbb_u64(&t, TFL_OP_LARGE_OPTIONS_OFFSET, 0);
        mwi_fbb_u64(&t, TFL_OP_LARGE_OPTIONS_SIZE, 0);
    }
    if (op->n_intermediates > 0) mwi_fbb_ref(&t, TFL_OP_INTERMEDIATES);
    MWI_TRY(mwi_fbb_write(ctx, &wr->b, from, &t));
    MWI_TRY(
        mwi_fbb_vector(ctx, &wr->b, t.at[TFL_OP_INPUTS], op->in, mwi_tfl_n_in(op), sizeof *op->in));
    MWI_TRY(mwi_fbb_vector(ctx, &wr->b, t.at[TFL_OP_OUTPUTS], op->out, op->n_out, sizeof *op->out));
    if (d->options_type != 0) MWI_TRY(write_options(ctx, wr, op, t.at[TFL_OP_OPTIONS]));
    if (d->options2_type != 0) MWI_TRY(write_options(ctx, wr, op, t.at[TFL_OP_OPTIONS2]));
    if (large) MWI_TRY(add_large_options(ctx, wr, op, &t));
    if (custom && !large)
        MWI_TRY(mwi_fbb_vector(ctx, &wr->b, t.at[TFL_OP_CUSTOM_OPTIONS], op->custom_options,
                               op->n_custom_options, 1));
    if (op->n_intermediates == 0) return MW_OK;
    return mwi_fbb_vector(ctx, &wr->b, t.at[TFL_OP_INTERMEDIATES], op->intermediates,
                          op->n_intermediates, sizeof *op->intermediates);
}

mw_status mwi_tfl_write_ops(mw_ctx *ctx, mwi_tfl_writer *wr, size_t graph, size_t from)
{
    const mwi_graph *const g = wr->model->graphs[graph];
    size_t first;

    MWI_TRY(mwi_fbb_refs(ctx, &wr->b, from, g->n_ops, &first));
    for (size_t i = 0; i < g->n_ops; i++)
        MWI_TRY(mwi_prefix(ctx, write_op(ctx, wr, g->ops[i], wr->op_codes[graph][i], first + 4 * i),
                           "op %zu %s", i, mwi_op_name(g->ops[i])));
    return MW_OK;
}
