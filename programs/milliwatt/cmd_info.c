/* programs/milliwatt/cmd_info.c - what a model is, and whether and how each operator runs.
 * SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const command command_info;

static void shape_text(const mw_tensor_info *t, char *out, size_t n)
{
    size_t used = (size_t)snprintf(out, n, "[");

    for (int32_t i = 0; i < t->rank && used < n; i++) {
        if (t->signature[i] < 0)
            used += (size_t)snprintf(out + used, n - used, "%s?", i > 0 ? "," : "");
        else
            used += (size_t)snprintf(out + used, n - used, "%s%d", i > 0 ? "," : "", t->dims[i]);
    }
    if (used < n) (void)snprintf(out + used, n - used, "]");
}

static void quantization_text(const mw_quantization *q, char *out, size_t n)
{
    if (q->block_size > 0)
        (void)snprintf(out, n, "blocks of %d", q->block_size);
    else if (q->n_scales == 0)
        (void)snprintf(out, n, "-");
    else if (q->n_scales > 1)
        (void)snprintf(out, n, "%zu scales along axis %d", q->n_scales, q->axis);
    else
        (void)snprintf(out, n, "(q - %lld) * %.9g", (long long)q->zero_points[0],
                       (double)q->scales[0]);
}

typedef mw_status (*io_fn)(mw_ctx *, const mw_model *, size_t, mw_tensor_info *);

static void io_table(mw_ctx *ctx, receipt *r, const char *key, const char *title, const mw_model *m,
                     size_t n, io_fn get)
{
    static const char *const columns[] = {"name", "type", "shape", "quantization"};
    mw_tensor_info t;
    char shape[160], quantization[80];

    receipt_table(r, key, title, columns, 4);
    for (size_t i = 0; i < n; i++) {
        if (get(ctx, m, i, &t) != MW_OK) continue;
        shape_text(&t, shape, sizeof shape);
        quantization_text(&t.quantization, quantization, sizeof quantization);
        receipt_row(r, (cell[]){TEXT(t.name), TEXT(mw_dtype_name(t.dtype)), TEXT(shape),
                                TEXT(quantization)});
    }
}

static mw_status ops_table(mw_ctx *ctx, receipt *r, const mw_model *m, size_t n_graphs)
{
    static const char *const columns[] = {"graph", "op",    "kernel", "types",
                                          "macs",  "bytes", "output", "problem"};
    mw_op_info op;

    receipt_table(r, "ops", "\noperators", columns, 8);
    for (size_t g = 0; g < n_graphs; g++) {
        for (size_t i = 0; i < mw_model_n_ops(m, g); i++) {
            const mw_status st = mw_model_op(ctx, m, g, i, &op);
            if (st != MW_OK) return st;
            receipt_row(r, (cell[]){UINT(g), TEXT(op.op),
                                    TEXT(*op.kernel == '\0' ? "-" : op.kernel), TEXT(op.types),
                                    UINT(op.macs), UINT(op.bytes), TEXT(op.name), TEXT(op.reason)});
        }
    }
    return MW_OK;
}

/* Graph text goes out as it comes, or is gathered for JSON. */
struct graph_text {
    bool json;
    char *text;
    size_t n, capacity;
};

static void write_graph(void *self, const char *text, size_t n)
{
    struct graph_text *const g = self;

    if (!g->json) {
        (void)fwrite(text, 1, n, stdout);
        return;
    }
    if (g->capacity - g->n <= n) {
        g->capacity = 2 * (g->n + n) + 4096;
        g->text = must(realloc(g->text, g->capacity));
    }
    memcpy(g->text + g->n, text, n);
    g->n += n;
    g->text[g->n] = '\0';
}

static mw_status print_graph(mw_ctx *ctx, const mw_model *m, bool json)
{
    struct graph_text g = {.json = json};
    const mw_status st = mw_model_dump(ctx, m, write_graph, &g);

    if (json && st == MW_OK) {
        receipt *const r = receipt_open("info", true);
        receipt_text(r, "model", "model", mw_model_name(m));
        receipt_text(r, "graph", "graph", g.text == NULL ? "" : g.text);
        receipt_close(r);
    }
    free(g.text);
    return st;
}

static mw_status print_info(mw_ctx *ctx, receipt *r, const mw_model *m)
{
    mw_model_summary s;
    const mw_status st = mw_model_summarize(ctx, m, &s);

    if (st != MW_OK) return st;
    receipt_text(r, "model", "model", mw_model_name(m));
    receipt_text(r, "format", "format", mw_model_format(m));
    receipt_uint(r, "file_bytes", "file", s.file_bytes, "bytes");
    receipt_uint(r, "weight_bytes", "weights", s.weight_bytes, "bytes");
    receipt_uint(r, "parameters", "parameters", s.n_parameters, "");
    receipt_uint(r, "macs", "MACs a run", s.macs, "");
    receipt_uint(r, "moved_bytes", "bytes moved a run", s.moved_bytes, "");
    receipt_uint(r, "n_ops", "operators", s.n_ops, "");
    receipt_uint(r, "n_tensors", "tensors", s.n_tensors, "");
    receipt_uint(r, "n_subgraphs", "subgraphs", s.n_subgraphs, "");
    receipt_uint(r, "n_signatures", "signatures", s.n_signatures, "");
    receipt_bool(r, "runs", "every operator runs", s.runs);
    io_table(ctx, r, "inputs", "\ninputs", m, mw_model_n_inputs(m), mw_model_input);
    io_table(ctx, r, "outputs", "\noutputs", m, mw_model_n_outputs(m), mw_model_output);
    return ops_table(ctx, r, m, s.n_subgraphs);
}

struct settings {
    const char *path;
    shape_list shapes;
    bool json, graph;
};

static int info(mw_ctx *ctx, const struct settings *o)
{
    mw_model *m = NULL;
    mw_status st = load_model(ctx, o->path, &o->shapes, &m);

    progress_done();
    if (st == MW_OK && o->graph) st = print_graph(ctx, m, o->json);
    if (st == MW_OK && !o->graph) {
        receipt *const r = receipt_open("info", o->json);
        st = print_info(ctx, r, m);
        receipt_close(r);
    }
    const int status = st == MW_OK ? EXIT_OK : fail(ctx, st);
    mw_model_destroy(m);
    return status;
}

static int run(int argc, char **argv)
{
    struct settings o = {0};
    const opt opts[] = {
        {"--graph", OPT_FLAG, &o.graph, NULL,
         .help = "print every tensor and operator with its attributes"},
        OPT_INPUT_SHAPE(o.shapes),
        OPT_JSON(o.json),
    };
    const int done = parse_options(&command_info, argc, argv, opts, N_OPTS(opts), &o.path, 1, 1);

    if (done >= 0) return done;
    mw_ctx *const ctx = open_ctx();
    const int status = info(ctx, &o);
    mw_ctx_destroy(ctx);
    free_options(opts, N_OPTS(opts));
    return status;
}

const command command_info = {
    .name = "info",
    .summary = "what a model is made of, and whether and how each operator runs",
    .usage = "MODEL [--graph]",
    .example = "milliwatt info model.h5",
    .run = run,
};
