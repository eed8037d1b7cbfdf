/* tests/op_case.c - see op_case.h.   SPDX-License-Identifier: Apache-2.0 */
#include "op_case.h"

#include "base/half.h"
#include "model/strings.h"
#include "ops/registry.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct reader {
    const char *line, *at;
    mw_ctx *ctx;
    mw_model *model;
    mwi_graph *graph;
} reader;

/* What an output must be. */
typedef struct wanted {
    int32_t rank, dims[MW_MAX_RANK];
    bool has_dims;
    const char *values; /* NULL: any */
} wanted;

static void bad(const reader *r, const char *why)
{
    print_error("%s\n  %s, at \"%.20s\"\n", r->line, why, r->at);
    fail();
}

static bool take(reader *r, char c)
{
    if (*r->at != c) return false;
    r->at++;
    return true;
}

static double number(reader *r)
{
    char *end;
    const double v = strtod(r->at, &end);

    if (end == r->at) bad(r, "a number is missing");
    r->at = end;
    return v;
}

static int32_t dims_of(reader *r, int32_t *dims)
{
    int32_t rank = 0;

    if (take(r, ']')) return 0;
    do dims[rank++] = (int32_t)number(r);
    while (take(r, ','));
    if (!take(r, ']')) bad(r, "']' is missing");
    return rank;
}

/* Text up to a comma, a blank or the end; %20 is a blank, %2c a comma. */
static mw_string string(reader *r)
{
    const size_t n = strcspn(r->at, ", ");
    void *memory;

    assert_ok(r->ctx, mwi_arena_array(r->ctx, &r->model->arena, n + 1, 1, &memory));
    mw_string s = {memory, 0};
    for (size_t i = 0; i < n; i++) {
        unsigned byte = (unsigned char)r->at[i];
        if (byte == '%' && i + 2 < n + 1 && sscanf(r->at + i + 1, "%2x", &byte) == 1) i += 2;
        ((char *)memory)[s.bytes++] = (char)byte;
    }
    r->at += n;
    return s;
}

/* The values of a constant of n strings, as files hold them. */
static void string_values(reader *r, mwi_tensor *t, size_t n)
{
    mw_string all[256];
    void *memory;

    if (n > MWI_COUNT(all) || !take(r, '=')) bad(r, "strings are missing");
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && !take(r, ',')) bad(r, "strings are missing");
        all[i] = string(r);
    }
    if (!mwi_strings_packed_bytes(all, n, &t->bytes)) bad(r, "too large for data");
    assert_ok(r->ctx, mwi_arena_array(r->ctx, &r->model->arena, t->bytes, 1, &memory));
    mwi_strings_pack(all, n, memory);
    t->data = memory;
}

static void put(mw_dtype dtype, void *out, size_t i, double v)
{
    switch (dtype) {
    case MW_FLOAT32: ((float *)out)[i] = (float)v; break;
    case MW_FLOAT64: ((double *)out)[i] = v; break;
    case MW_FLOAT16: ((uint16_t *)out)[i] = mwi_float_to_half((float)v); break;
    case MW_INT8: ((int8_t *)out)[i] = (int8_t)v; break;
    case MW_UINT8:
    case MW_BOOL: ((uint8_t *)out)[i] = (uint8_t)v; break;
    case MW_INT16: ((int16_t *)out)[i] = (int16_t)v; break;
    case MW_INT32: ((int32_t *)out)[i] = (int32_t)v; break;
    case MW_UINT32: ((uint32_t *)out)[i] = (uint32_t)v; break;
    case MW_INT64: ((int64_t *)out)[i] = (int64_t)v; break;
    case MW_UINT64: ((uint64_t *)out)[i] = (uint64_t)v; break;
    case MW_UINT16: ((uint16_t *)out)[i] = (uint16_t)v; break;
    case MW_COMPLEX64:
        ((float *)out)[2 * i] = (float)v; /* a value stands for both parts */
        ((float *)out)[2 * i + 1] = (float)v / 2;
        break;
    default: break;
    }
}

static double get(mw_dtype dtype, const void *data, size_t i)
{
    switch (dtype) {
    case MW_FLOAT32: return (double)((const float *)data)[i];
    case MW_FLOAT64: return ((const double *)data)[i];
    case MW_FLOAT16: return (double)mwi_half_to_float(((const uint16_t *)data)[i]);
    case MW_INT8: return ((const int8_t *)data)[i];
    case MW_UINT8:
    case MW_BOOL: return ((const uint8_t *)data)[i];
    case MW_INT16: return ((const int16_t *)data)[i];
    case MW_INT32: return ((const int32_t *)data)[i];
    case MW_UINT32: return ((const uint32_t *)data)[i];
    case MW_INT64: return (double)((const int64_t *)data)[i];
    case MW_UINT64: return (double)((const uint64_t *)data)[i];
    case MW_UINT16: return ((const uint16_t *)data)[i];
    case MW_COMPLEX64: return (double)((const float *)data)[i]; /* parts in turn */
    default: return (double)NAN;
    }
}

static void values(reader *r, mwi_tensor *t)
{
    size_t bytes = 0, n = 0;
    void *memory;

    if (take(r, '?')) return;
    if (!mwi_dims_bytes(t->dtype, t->rank, t->dims, &bytes)) bad(r, "too large for data");
    (void)mwi_dims_count(t->rank, t->dims, &n);
    assert_ok(r->ctx, mwi_arena_array(r->ctx, &r->model->arena, bytes + 1, 1, &memory));
    if (take(r, '!')) { /* as mw_session_reset leaves it */
        if (t->dtype == MW_INT8 && t->quant != NULL)
            memset(memory, (int)t->quant->q.zero_points[0], bytes);
        t->is_variable = true;
        t->data = memory;
        t->bytes = bytes;
        return;
    }
    if (t->dtype == MW_STRING) {
        string_values(r, t, n);
        return;
    }
    const bool given = take(r, '=');
    for (size_t i = 0; i < n; i++) {
        if (given && i > 0 && !take(r, ',')) bad(r, "values are missing");
        put(t->dtype, memory, i, given ? number(r) : (double)(i + 1));
    }
    t->data = memory;
    t->bytes = bytes;
}

/* f32[2,3]@scale,zero: the type, shape and quantization. */
static int32_t operand(reader *r, wanted *w)
{
    const size_t n = strcspn(r->at, "[@=?! ");
    mwi_tensor *t;
    int32_t index;
    mw_dtype dtype;

    if (!mwi_dtype_from_short(r->at, n, &dtype)) bad(r, "no such type");
    r->at += n;
    assert_ok(r->ctx, mwi_graph_add_tensor(r->ctx, r->model, r->graph, "t", &t, &index));
    t->dtype = dtype;
    t->has_rank = true;
    w->has_dims = take(r, '[');
    if (w->has_dims) t->rank = w->rank = dims_of(r, t->dims);
    memcpy(w->dims, t->dims, sizeof w->dims);
    memcpy(t->signature, t->dims, sizeof t->dims);
    if (take(r, '@')) {
        const float scale = (float)number(r);
        const int64_t zero = take(r, ',') ? (int64_t)number(r) : 0;
        assert_ok(r->ctx, mwi_quant_per_tensor(r->ctx, r->model, scale, zero, &t->quant));
    }
    return index;
}

static void attribute(reader *r, const mwi_op *op)
{
    char name[64];
    const size_t n = strcspn(r->at, "=");

    if (n >= sizeof name) bad(r, "an attribute is missing");
    memcpy(name, r->at, n);
    name[n] = '\0';
    r->at += n + 1;
    const mwi_field *const f = mwi_op_field(op->desc, name);
    if (f == NULL) bad(r, "no such attribute");
    void *const at = (char *)op->attr + f->offset, *list;
    int32_t ints[MW_MAX_RANK + 2];
    switch (f->kind) {
    case MWI_FIELD_I32:
    case MWI_FIELD_ENUM: *(int32_t *)at = (int32_t)number(r); break;
    case MWI_FIELD_F32: *(float *)at = (float)number(r); break;
    case MWI_FIELD_BOOL: *(bool *)at = number(r) != 0; break;
    case MWI_FIELD_I64: *(int64_t *)at = (int64_t)number(r); break;
    case MWI_FIELD_I64S: {
        int64_t longs[2 * MW_MAX_RANK];
        size_t k = 0;
        do longs[k++] = (int64_t)number(r);
        while (k < MWI_COUNT(longs) && take(r, ','));
        assert_ok(r->ctx,
                  mwi_arena_copy(r->ctx, &r->model->arena, longs, k * sizeof *longs, &list));
        *(mwi_i64s *)at = (mwi_i64s){k, list};
        break;
    }
    case MWI_FIELD_I32S: {
        size_t k = 0;
        do ints[k++] = (int32_t)number(r);
        while (take(r, ','));
        assert_ok(r->ctx, mwi_arena_copy(r->ctx, &r->model->arena, ints, k * sizeof *ints, &list));
        *(mwi_i32s *)at = (mwi_i32s){k, list};
        break;
    }
    case MWI_FIELD_F32S: {
        float floats[2 * MW_MAX_RANK];
        size_t k = 0;
        do floats[k++] = (float)number(r);
        while (k < MWI_COUNT(floats) && take(r, ','));
        assert_ok(r->ctx,
                  mwi_arena_copy(r->ctx, &r->model->arena, floats, k * sizeof *floats, &list));
        *(mwi_f32s *)at = (mwi_f32s){k, list};
        break;
    }
    default: bad(r, "an attribute of another kind");
    }
}

static void check_output(reader *r, const mwi_view *v, const wanted *w)
{
    size_t n = 0;

    if (w->has_dims && w->values != NULL &&
        (v->rank != w->rank || memcmp(v->dims, w->dims, (size_t)w->rank * sizeof *w->dims) != 0)) {
        print_error("%s\n  the output has rank %d, first %d\n", r->line, v->rank,
                    v->rank > 0 ? v->dims[0] : 0);
        fail();
    }
    if (w->values == NULL) return;
    r->at = w->values;
    (void)mwi_dims_count(v->rank, v->dims, &n);
    if (v->dtype == MW_COMPLEX64) n *= 2;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && !take(r, ',')) bad(r, "expected values are missing");
        if (v->dtype == MW_STRING) {
            const mw_string want = string(r), *const have = &((const mw_string *)v->data)[i];
            if (mwi_strings_equal(&want, have)) continue;
            print_error("%s\n  element %zu is '%.*s', expected '%.*s'\n", r->line, i,
                        (int)have->bytes, have->data, (int)want.bytes, want.data);
            fail();
        }
        const double got = get(v->dtype, v->data, i), expected = number(r);
        if (fabs(got - expected) <= 1e-6 * fmax(1, fabs(expected)) || got == expected ||
            (isnan(got) && isnan(expected)))
            continue;
        print_error("%s\n  element %zu is %.9g, expected %.9g\n", r->line, i, got, expected);
        fail();
    }
}

/* The line as a model of one operator, its outputs the graph's. */
static mwi_op *parse(reader *r, wanted *w)
{
    char name[64];
    const size_t n = strcspn(r->at, " :");
    int32_t in[OP_CASE_OPERANDS], out[OP_CASE_OPERANDS];
    size_t n_in = 0, n_out = 0;
    const char *attributes;
    mwi_op *op;

    assert_ok(r->ctx, mwi_model_create(r->ctx, "case", &r->model));
    assert_ok(r->ctx, mwi_model_add_graph(r->ctx, r->model, "main", &r->graph));
    if (n >= sizeof name || strchr(r->at, ':') == NULL) bad(r, "the operator is missing");
    memcpy(name, r->at, n);
    name[n] = '\0';
    attributes = r->at + n;
    r->at = strchr(r->at, ':') + 1;
    while (take(r, ' ') && *r->at != '>' && n_in < OP_CASE_OPERANDS) {
        if (take(r, '-')) {
            in[n_in++] = -1;
            continue;
        }
        in[n_in++] = operand(r, &w[0]);
        values(r, r->graph->tensors[in[n_in - 1]]);
    }
    if (!take(r, '>')) bad(r, "'>' is missing");
    while (take(r, ' ') && n_out < OP_CASE_OPERANDS) {
        out[n_out] = operand(r, &w[n_out]);
        w[n_out].values = take(r, '=') ? r->at : NULL;
        r->at += strcspn(r->at, " ");
        n_out++;
    }
    if (mwi_op_by_name(name) == NULL) bad(r, "no such operator");
    assert_ok(r->ctx, mwi_graph_add_op(r->ctx, r->model, r->graph, 0, mwi_op_by_name(name), n_in,
                                       n_out, &op));
    memcpy(op->in, in, n_in * sizeof *in);
    memcpy(op->out, out, n_out * sizeof *out);
    assert_ok(r->ctx, mwi_graph_set_io(r->ctx, r->model, r->graph, NULL, 0, out, n_out));
    for (r->at = attributes; take(r, ' ');) attribute(r, op);
    return op;
}

static mw_status evaluate(reader *r, const mwi_op *op, bool only_shape, mwi_arena *arena,
                          mwi_shape_call *call)
{
    MWI_TRY(mwi_attr_check(r->ctx, op->desc, op->attr));
    MWI_TRY(mwi_op_views(r->ctx, r->graph, op, arena, call));
    return only_shape ? mwi_op_infer(r->ctx, call) : mwi_op_eval(r->ctx, call, arena);
}

static void run_line(reader *r, const char *error)
{
    const bool only_shape = error != NULL && strcmp(error, "?") == 0;
    wanted w[OP_CASE_OPERANDS] = {{0}};
    mwi_arena arena;
    mwi_shape_call call;
    mwi_op *const op = parse(r, w);

    mwi_arena_init(r->ctx, &arena);
    const mw_status st = evaluate(r, op, only_shape, &arena, &call);
    if (only_shape) {
        if (st != MW_OK || !call.unknown) bad(r, "the shape is known");
    } else if (error == NULL) {
        if (st != MW_OK) print_error("%s\n  %s\n", r->line, mw_ctx_error(r->ctx));
        assert_int_equal(st, MW_OK);
        for (size_t i = 0; i < op->n_out; i++) check_output(r, &call.out[i], &w[i]);
    } else if (st == MW_OK || strstr(mw_ctx_error(r->ctx), error) == NULL) {
        print_error("%s\n  gave \"%s\", expected \"%s\"\n", r->line, mw_ctx_error(r->ctx), error);
        fail();
    }
    mwi_arena_deinit(&arena);
}

void op_cases_run(const op_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        reader r = {.line = cases[i].line, .at = cases[i].line, .ctx = test_ctx()};
        run_line(&r, cases[i].error);
        mw_model_destroy(r.model);
        mw_ctx_destroy(r.ctx);
    }
}

mw_status op_case_save(mw_ctx *ctx, const char *line, const char *path)
{
    reader r = {.line = line, .at = line, .ctx = ctx};
    wanted w[OP_CASE_OPERANDS] = {{0}};

    const mwi_op *const op = parse(&r, w);
    int32_t fed[OP_CASE_OPERANDS];
    size_t n_fed = 0;
    for (size_t i = 0; i < op->n_in; i++) {
        mwi_tensor *const t = op->in[i] < 0 ? NULL : r.graph->tensors[op->in[i]];
        if (t != NULL && t->is_variable) {
            t->data = NULL;
            t->bytes = 0;
        }
        if (t == NULL || t->data == NULL || t->dtype == MW_INT32 || t->dtype == MW_INT64) continue;
        if (t->dtype == MW_STRING && t->rank == 0) continue; /* Python cannot feed one */
        char name[4096];
        (void)snprintf(name, sizeof name, "%s.%zu", path, n_fed);
        FILE *const f = fopen(name, "wb");
        if (f == NULL || fwrite(t->data, 1, t->bytes, f) != t->bytes || fclose(f) != 0)
            bad(&r, "cannot write a file");
        t->data = NULL;
        t->bytes = 0;
        fed[n_fed++] = op->in[i];
    }
    assert_ok(ctx, mwi_graph_set_io(ctx, r.model, r.graph, fed, n_fed, op->out, op->n_out));
    const mw_status st = mw_model_save(ctx, r.model, path);
    mw_model_destroy(r.model);
    return st;
}

static void print_string(const mw_string *s, FILE *out)
{
    for (size_t i = 0; i < s->bytes; i++)
        if (s->data[i] > ' ' && s->data[i] <= '~' && strchr("%,", s->data[i]) == NULL)
            (void)fputc(s->data[i], out);
        else
            (void)fprintf(out, "%%%02x", (unsigned char)s->data[i]);
}

mw_status op_case_print(mw_ctx *ctx, const char *line, FILE *out)
{
    reader r = {.line = line, .at = line, .ctx = ctx};
    wanted w[OP_CASE_OPERANDS] = {{0}};
    mwi_arena arena;
    mwi_shape_call call;
    mwi_op *const op = parse(&r, w);

    mwi_arena_init(ctx, &arena);
    const mw_status st = evaluate(&r, op, false, &arena, &call);
    for (size_t i = 0; i < op->n_out && st == MW_OK; i++) {
        const mwi_view *const v = &call.out[i];
        size_t n = 0;
        (void)mwi_dims_count(v->rank, v->dims, &n);
        if (v->dtype == MW_COMPLEX64) n *= 2;
        (void)fprintf(out, " %s[", mwi_dtype_short(v->dtype));
        for (int32_t k = 0; k < v->rank; k++)
            (void)fprintf(out, "%s%d", k > 0 ? "," : "", v->dims[k]);
        (void)fprintf(out, "]=");
        for (size_t k = 0; k < n && v->dtype == MW_STRING; k++) {
            if (k > 0) (void)fprintf(out, ",");
            print_string(&((const mw_string *)v->data)[k], out);
        }
        for (size_t k = 0; k < n && v->dtype != MW_STRING; k++)
            (void)fprintf(out, "%s%.*g", k > 0 ? "," : "", v->dtype == MW_FLOAT32 ? 9 : 17,
                          get(v->dtype, v->data, k));
    }
    mwi_arena_deinit(&arena);
    mw_model_destroy(r.model);
    return st;
}
