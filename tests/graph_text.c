/* tests/graph_text.c - see graph_text.h.   SPDX-License-Identifier: Apache-2.0 */
#include "graph_text.h"

#include "model/strings.h"

#include "base/rng.h"
#include "ops/kernels.h"
#include "support.h"

#include <milliwatt/session.h>

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAMES = 256, MAX_WORDS = 64 };

typedef struct parser {
    mw_ctx *ctx;
    mw_model *model;
    mwi_graph *graph;
    mwi_rng rng;
    char *words[MAX_WORDS];
    size_t n_words;
    int32_t inputs[32], outputs[32];
    size_t n_inputs, n_outputs;
    const char *statement;
} parser;

static _Noreturn void wrong(const parser *p, const char *what)
{
    print_error("graph text: %s in '%s' (%s)\n", what, p->statement, mw_ctx_error(p->ctx));
    abort();
}

static int32_t find(const parser *p, const char *name)
{
    if (strcmp(name, "-") == 0) return -1;
    for (size_t i = 0; i < p->graph->n_tensors; i++)
        if (strcmp(p->graph->tensors[i]->name, name) == 0) return (int32_t)i;
    wrong(p, name);
}

static void *keep(const parser *p, size_t bytes)
{
    void *memory = NULL;
    if (mwi_arena_array(p->ctx, &p->model->arena, bytes, 1, &memory) != MW_OK) wrong(p, "memory");
    return memory;
}

/* ---- numbers ---- */

static double uniform(mwi_rng *rng) { return mwi_rng_uniform(rng) * 2 - 1; }

void random_fill(mw_dtype dtype, void *data, size_t bytes, uint64_t *seed)
{
    mwi_rng rng = {*seed};
    if (dtype == MW_STRING) test_fill_any(dtype, data, bytes, &rng);
    const size_t n = bytes * 8 / (mw_dtype_bits(dtype) == 0 ? 8 : mw_dtype_bits(dtype));

    for (size_t i = 0; i < n; i++) {
        if (dtype == MW_FLOAT32)
            ((float *)data)[i] = (float)(4 * uniform(&rng));
        else if (dtype == MW_INT32)
            ((int32_t *)data)[i] = (int32_t)mwi_rng_below(&rng, 7) - 3;
        else if (dtype == MW_INT64)
            ((int64_t *)data)[i] = (int64_t)mwi_rng_below(&rng, 7) - 3;
        else if (dtype == MW_INT16)
            ((int16_t *)data)[i] = (int16_t)mwi_rng_next(&rng);
        else if (dtype == MW_BOOL)
            ((uint8_t *)data)[i] = (uint8_t)mwi_rng_below(&rng, 2);
        else if (dtype == MW_INT8 || dtype == MW_UINT8)
            ((uint8_t *)data)[i] = (uint8_t)mwi_rng_next(&rng);
        else if (dtype == MW_FLOAT16)
            ((uint16_t *)data)[i] = (uint16_t)(0x3000 + mwi_rng_below(&rng, 0xc00));
    }
    *seed = rng.state;
}

static void put(mw_dtype dtype, void *data, size_t i, double v)
{
    switch (dtype) {
    case MW_FLOAT32: ((float *)data)[i] = (float)v; break;
    case MW_INT32: ((int32_t *)data)[i] = (int32_t)v; break;
    case MW_INT64: ((int64_t *)data)[i] = (int64_t)v; break;
    case MW_INT16: ((int16_t *)data)[i] = (int16_t)v; break;
    case MW_INT8: ((int8_t *)data)[i] = (int8_t)v; break;
    default: ((uint8_t *)data)[i] = (uint8_t)v; break;
    }
}

/* "1,2,3": the last repeats. */
static void put_list(mw_dtype dtype, void *data, size_t n, const char *list)
{
    double v = 0;

    for (size_t i = 0; i < n; i++) {
        if (*list != '\0') {
            char *end;
            v = strtod(list, &end);
            list = *end == ',' ? end + 1 : end;
        }
        put(dtype, data, i, v);
    }
}

/* ---- types and shapes: words from *at on ---- */

static void set_quant(parser *p, mwi_tensor *t, size_t *at)
{
    if (*at + 2 >= p->n_words || strcmp(p->words[*at], "@") != 0) return;
    const mwi_quant *q;
    if (mwi_quant_per_tensor(p->ctx, p->model, strtof(p->words[*at + 1], NULL),
                             strtol(p->words[*at + 2], NULL, 10), &q) != MW_OK)
        wrong(p, "quantization");
    t->quant = q;
    *at += 3;
}

static void set_dims(parser *p, mwi_tensor *t, size_t *at)
{
    if (*at >= p->n_words || p->words[*at][0] != '[') return;
    const char *s = p->words[(*at)++] + 1;
    t->rank = 0;
    while (*s != ']' && *s != '\0') {
        char *end;
        const bool open = *s == '?';
        const long d = open ? 1 : strtol(s, &end, 10);
        if (t->rank == MW_MAX_RANK || (!open && end == s)) wrong(p, "shape");
        t->dims[t->rank] = (int32_t)d;
        t->signature[t->rank++] = open ? -1 : (int32_t)d;
        s = open ? s + 1 : end;
        if (*s == ',') s++;
    }
}

static mwi_tensor *declare(parser *p, const char *name, size_t *at, int32_t *out_index)
{
    mwi_tensor *t;

    if (mwi_graph_add_tensor(p->ctx, p->model, p->graph, name, &t, out_index) != MW_OK)
        wrong(p, "tensor");
    if (*at < p->n_words && mwi_dtype_from_short(p->words[*at], strlen(p->words[*at]), &t->dtype))
        (*at)++;
    set_dims(p, t, at);
    set_quant(p, t, at);
    return t;
}

/* ---- statements ---- */

static void add_input(parser *p)
{
    size_t at = 3;
    (void)declare(p, p->words[0], &at, &p->inputs[p->n_inputs++]);
    if (at != p->n_words) wrong(p, "word too much");
}

/* n strings between commas; the last repeats. */
static void add_strings(parser *p, mwi_tensor *t, const char *list, size_t n)
{
    mw_string all[64];

    if (n > MWI_COUNT(all)) wrong(p, "strings");
    for (size_t i = 0; i < n; i++) {
        all[i] = (mw_string){list, strcspn(list, ",")};
        if (list[all[i].bytes] == ',') list += all[i].bytes + 1;
    }
    if (!mwi_strings_packed_bytes(all, n, &t->bytes)) wrong(p, "strings");
    void *const packed = keep(p, t->bytes);
    mwi_strings_pack(all, n, packed);
    t->data = packed;
}

static void add_const(parser *p)
{
    size_t at = 3, bytes;
    mwi_tensor *const t = declare(p, p->words[0], &at, NULL);

    if (!mwi_dims_bytes(t->dtype, t->rank, t->dims, &bytes)) wrong(p, "shape");
    if (t->dtype == MW_STRING) {
        if (at + 2 != p->n_words || strcmp(p->words[at], "=") != 0) wrong(p, "strings");
        add_strings(p, t, p->words[at + 1], bytes / sizeof(mw_string));
        return;
    }
    void *const data = keep(p, bytes == 0 ? 1 : bytes);
    if (at + 1 < p->n_words && strcmp(p->words[at], "=") == 0) {
        put_list(t->dtype, data, bytes * 8 / mw_dtype_bits(t->dtype), p->words[at + 1]);
        at += 2;
    } else if (t->dtype == MW_FLOAT32) {
        for (size_t i = 0; i < bytes / sizeof(float); i++)
            ((float *)data)[i] = (float)uniform(&p->rng);
    } else {
        random_fill(t->dtype, data, bytes, &p->rng.state);
    }
    t->data = data;
    t->bytes = bytes;
    if (at != p->n_words) wrong(p, "word too much");
}

static void set_attr(parser *p, mwi_op *op, char *word)
{
    char *const value = strchr(word, '=') + 1;
    value[-1] = '\0';
    const mwi_field *const f = mwi_op_field(op->desc, word);
    if (f == NULL) wrong(p, word);
    void *const at = (char *)op->attr + f->offset;
    if (f->kind == MWI_FIELD_F32)
        *(float *)at = strtof(value, NULL);
    else if (f->kind == MWI_FIELD_BOOL)
        *(bool *)at = strcmp(value, "true") == 0;
    else if (f->kind == MWI_FIELD_STRING) {
        if (mwi_arena_string(p->ctx, &p->model->arena, value, strlen(value), at) != MW_OK)
            wrong(p, word);
    } else if (f->kind == MWI_FIELD_I64S) {
        size_t n = 1;
        for (const char *c = value; *c != '\0'; c++) n += *c == ',';
        int64_t *const v = keep(p, n * sizeof *v);
        put_list(MW_INT64, v, n, value);
        *(mwi_i64s *)at = (mwi_i64s){n, v};
    } else if (f->kind == MWI_FIELD_I64) {
        *(int64_t *)at = strtoll(value, NULL, 10);
    } else if (f->kind == MWI_FIELD_I32S) {
        size_t n = 1;
        for (const char *c = value; *c != '\0'; c++) n += *c == ',';
        int32_t *const v = keep(p, n * sizeof *v);
        put_list(MW_INT32, v, n, value);
        *(mwi_i32s *)at = (mwi_i32s){n, v};
    } else {
        int32_t v = (int32_t)strtol(value, NULL, 10);
        for (int32_t i = 0; f->names != NULL && i <= (int32_t)f->max; i++)
            if (strcmp(f->names[i], value) == 0) v = i;
        *(int32_t *)at = v;
    }
}

static bool has_kernel(parser *p, const mwi_op *op)
{
    mwi_shape_call call;
    mwi_arena scratch;

    mwi_arena_init(p->ctx, &scratch);
    if (mwi_op_views(p->ctx, p->graph, op, &scratch, &call) != MW_OK) wrong(p, "views");
    const bool found = mwi_kernel_by_types(NULL, &call) != NULL;
    mwi_arena_deinit(&scratch);
    return found;
}

/* Outputs without a type have that of the first operand, where a kernel gives it, else of another
 * (SPLIT's first is its axis). */
static void choose_types(parser *p, const mwi_op *op)
{
    if (op->n_out == 0 || op->n_in == 0 || op->in[0] < 0 || has_kernel(p, op)) return;
    for (size_t k = 1; k < op->n_in; k++) {
        if (op->in[k] < 0) continue;
        for (size_t i = 0; i < op->n_out; i++)
            p->graph->tensors[op->out[i]]->dtype = p->graph->tensors[op->in[k]]->dtype;
        if (has_kernel(p, op)) return;
    }
    for (size_t i = 0; i < op->n_out; i++)
        p->graph->tensors[op->out[i]]->dtype = p->graph->tensors[op->in[0]]->dtype;
}

/* Outputs are what stands before '=': names, the last perhaps with a colon and a type. */
static void add_op(parser *p, size_t equals)
{
    size_t n_out = 0, n_in = 0, at = equals + 2;
    const mwi_op_desc *const desc = mwi_op_by_name(p->words[equals + 1]);
    bool any_typed = false;
    mwi_op *op;

    if (desc == NULL) wrong(p, "no such operator");
    while (at + n_in < p->n_words && strchr(p->words[at + n_in], '=') == NULL) n_in++;
    for (n_out = 0; n_out < equals; n_out++)
        if (p->words[n_out][strlen(p->words[n_out]) - 1] == ':') {
            n_out++;
            break;
        }
    if (mwi_graph_add_op(p->ctx, p->model, p->graph, p->graph->n_ops, desc, n_in, n_out, &op) !=
        MW_OK)
        wrong(p, "operator");
    for (const mwi_field *f = desc->fields; f != NULL && f->kind != MWI_FIELD_END;
         f++) /* strides of 0 mean nothing */
        if (f->kind == MWI_FIELD_I32 && f->min <= f->max && f->def < f->min)
            mwi_op_set_i32(op, f->name, (int32_t)f->min);
    for (size_t k = 0; k < n_in; k++) op->in[k] = find(p, p->words[at + k]);
    for (size_t i = at + n_in; i < p->n_words; i++) set_attr(p, op, p->words[i]);
    const mwi_tensor *const first =
        n_in > 0 && op->in[0] >= 0 ? p->graph->tensors[op->in[0]] : NULL;
    for (size_t k = 0; k < n_out; k++) {
        char *const name = p->words[k];
        const bool typed = name[strlen(name) - 1] == ':';
        size_t words = k + 1;
        const size_t all = p->n_words;
        if (typed) name[strlen(name) - 1] = '\0';
        p->n_words = typed ? equals : 0;
        mwi_tensor *const t = declare(p, name, &words, &op->out[k]);
        p->n_words = all;
        const bool shaped = t->rank > 0;
        if (!typed && first != NULL) {
            t->dtype = first->dtype;
            t->quant = first->dtype == MW_FLOAT32 ? NULL : first->quant;
        }
        t->has_rank = shaped;
        any_typed = any_typed || typed;
    }
    if (!any_typed) choose_types(p, op);
}

static void end_graph(parser *p)
{
    if (mwi_graph_set_io(p->ctx, p->model, p->graph, p->inputs, p->n_inputs, p->outputs,
                         p->n_outputs) != MW_OK)
        wrong(p, "io");
    p->n_inputs = p->n_outputs = 0;
}

static void next_graph(parser *p)
{
    end_graph(p);
    if (mwi_model_add_graph(p->ctx, p->model, "sub", &p->graph) != MW_OK) wrong(p, "graph");
}

static void statement(parser *p, char *text)
{
    size_t equals = 0;

    p->n_words = 0;
    for (char *w = strtok_r(text, " \t", &text); w != NULL && p->n_words < MAX_WORDS;
         w = strtok_r(NULL, " \t", &text))
        p->words[p->n_words++] = w;
    if (p->n_words == 0) return;
    if (strcmp(p->words[0], "graph") == 0) {
        next_graph(p);
        return;
    }
    if (strcmp(p->words[0], "out") == 0) {
        for (size_t i = 1; i < p->n_words; i++) p->outputs[p->n_outputs++] = find(p, p->words[i]);
        return;
    }
    while (equals < p->n_words && strcmp(p->words[equals], "=") != 0) equals++;
    if (equals + 1 >= p->n_words) wrong(p, "no operator");
    if (strcmp(p->words[equals + 1], "input") == 0)
        add_input(p);
    else if (strcmp(p->words[equals + 1], "const") == 0)
        add_const(p);
    else
        add_op(p, equals);
}

mw_model *graph_from_text(mw_ctx *ctx, const char *text, uint64_t seed)
{
    parser p = {.ctx = ctx, .rng = {seed}, .statement = text};
    char *const copy = strdup(text);

    if (mwi_model_create(ctx, "text", &p.model) != MW_OK) wrong(&p, "model");
    p.model->format = "tflite";
    if (mwi_model_add_graph(ctx, p.model, "main", &p.graph) != MW_OK) wrong(&p, "graph");
    for (char *rest = copy, *s; (s = strsep(&rest, ";\n")) != NULL;) {
        char said[512];
        (void)snprintf(said, sizeof said, "%s", s);
        p.statement = said;
        statement(&p, s);
    }
    p.statement = text;
    free(copy);
    end_graph(&p);
    if (mwi_model_verify(ctx, p.model) != MW_OK) wrong(&p, "model");
    for (size_t i = 0; i < p.model->n_graphs; i++)
        if (mwi_graph_infer(ctx, p.model, p.model->graphs[i]) != MW_OK) wrong(&p, "shapes");
    if (mwi_model_verify(ctx, p.model) != MW_OK) wrong(&p, "model");
    return p.model;
}

char *graph_ops_text(const mw_model *model)
{
    char *text = NULL;
    size_t n = 0;
    FILE *const f = open_memstream(&text, &n);

    for (size_t i = 0; i < model->graphs[0]->n_ops; i++) {
        const mwi_op *const op = model->graphs[0]->ops[i];
        const int32_t act = mwi_op_get_i32(op, "fused_activation_function", 0);
        const int32_t padding = mwi_op_get_i32(op, "padding", -1);
        (void)fprintf(f, "%s%s", i > 0 ? " " : "", mwi_op_name(op));
        if (padding >= 0) (void)fprintf(f, ".%s", mwi_padding_names[padding]);
        if (act != 0) (void)fprintf(f, "/%s", mwi_activation_names[act]);
    }
    (void)fclose(f);
    return text;
}

/* ---- comparing ---- */

static char said[512];

static mw_session *open_session(mw_ctx *ctx, const mw_model *model, int32_t batch)
{
    mw_shape shapes[32] = {{0}};
    mw_session *s;

    if (mw_session_create(ctx, model, NULL, &s) != MW_OK) return NULL;
    if (batch <= 1) return s;
    for (size_t i = 0; i < mw_session_n_inputs(s); i++) {
        mw_buffer b;
        if (mw_session_input(ctx, s, i, &b) != MW_OK) continue;
        shapes[i].rank = b.info.rank;
        memcpy(shapes[i].dims, b.info.dims, sizeof shapes[i].dims);
        if (b.info.rank > 0) shapes[i].dims[0] = batch;
    }
    if (mw_session_resize(ctx, s, shapes) == MW_OK) return s;
    mw_session_destroy(s);
    return NULL;
}

static const char *compare(const mw_buffer *a, const mw_buffer *b, size_t i, double tolerance)
{
    double largest = 1;

    if (a->info.dtype != b->info.dtype || a->bytes != b->bytes || a->info.rank != b->info.rank ||
        memcmp(a->info.dims, b->info.dims, (size_t)a->info.rank * sizeof(int32_t)) != 0) {
        (void)snprintf(said, sizeof said, "output %zu has another type or shape", i);
        return said;
    }
    if (a->info.dtype == MW_STRING) {
        for (size_t k = 0; k < a->bytes / sizeof(mw_string); k++)
            if (!mwi_strings_equal((const mw_string *)a->data + k,
                                   (const mw_string *)b->data + k)) {
                (void)snprintf(said, sizeof said, "output %zu has another string %zu", i, k);
                return said;
            }
        return NULL;
    }
    if (a->info.dtype != MW_FLOAT32) {
        if (a->bytes == 0 || memcmp(a->data, b->data, a->bytes) == 0) return NULL;
        (void)snprintf(said, sizeof said, "output %zu has other integers", i);
        return said;
    }
    const float *const x = a->data, *const y = b->data;
    const size_t n = a->bytes / sizeof *x;
    for (size_t k = 0; k < n; k++)
        if (isfinite(x[k])) largest = fmax(largest, fabs((double)x[k]));
    for (size_t k = 0; k < n; k++) {
        if (x[k] == y[k] || (isnan(x[k]) && isnan(y[k])) ||
            fabs((double)x[k] - (double)y[k]) <= tolerance * largest)
            continue;
        (void)snprintf(said, sizeof said, "output %zu element %zu of %zu: %.9g, was %.9g", i, k, n,
                       (double)y[k], (double)x[k]);
        return said;
    }
    return NULL;
}

static const char *run_once(mw_ctx *ctx, mw_session *a, mw_session *b, double tolerance,
                            uint64_t *seed)
{
    mw_buffer x, y;
    const char *what = NULL;

    for (size_t i = 0; i < mw_session_n_inputs(a); i++) {
        assert_ok(ctx, mw_session_input(ctx, a, i, &x));
        assert_ok(ctx, mw_session_input(ctx, b, i, &y));
        if (x.bytes != y.bytes || x.info.dtype != y.info.dtype) return "an input differs";
        random_fill(x.info.dtype, x.data, x.bytes, seed);
        if (x.bytes > 0) memcpy(y.data, x.data, x.bytes);
    }
    if (mw_session_run(ctx, a) != MW_OK || mw_session_run(ctx, b) != MW_OK) {
        (void)snprintf(said, sizeof said, "run: %s", mw_ctx_error(ctx));
        return said;
    }
    for (size_t i = 0; i < mw_session_n_outputs(a) && what == NULL; i++) {
        assert_ok(ctx, mw_session_output(ctx, a, i, &x));
        assert_ok(ctx, mw_session_output(ctx, b, i, &y));
        what = compare(&x, &y, i, tolerance);
    }
    return what;
}

const char *models_differ(mw_ctx *ctx, const mw_model *a, const mw_model *b, int n_runs,
                          double tolerance, int32_t batch, uint64_t seed)
{
    const char *what = NULL;

    if (mw_model_n_inputs(a) != mw_model_n_inputs(b) ||
        mw_model_n_outputs(a) != mw_model_n_outputs(b))
        return "another number of inputs or outputs";
    for (size_t i = 0; i < mw_model_n_outputs(a); i++) {
        mw_tensor_info x, y;
        assert_ok(ctx, mw_model_output(ctx, a, i, &x));
        assert_ok(ctx, mw_model_output(ctx, b, i, &y));
        if (strcmp(x.name, y.name) != 0) return "an output has another name";
        if (memcmp(x.signature, y.signature, (size_t)x.rank * sizeof *x.signature) != 0)
            return "an output has another signature";
    }
    mw_session *const sa = open_session(ctx, a, batch);
    if (sa == NULL) { /* what the original refuses, the other need not do */
        mw_ctx_clear(ctx);
        return NULL;
    }
    mw_session *const sb = open_session(ctx, b, batch);
    if (sb == NULL) {
        (void)snprintf(said, sizeof said, "plan: %s", mw_ctx_error(ctx));
        what = said;
    }
    for (int i = 0; i < n_runs && what == NULL; i++) what = run_once(ctx, sa, sb, tolerance, &seed);
    mw_session_destroy(sa);
    mw_session_destroy(sb);
    return what;
}
