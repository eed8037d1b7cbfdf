/* programs/milliwatt/cmd_prune.c - zeros where weights are smallest.
 * SPDX-License-Identifier: Apache-2.0 */
#include "pruned.h"

#include <math.h>
#include <string.h>

extern const command command_prune;

struct settings {
    const char *in, *out, *data, *scope;
    double sparsity;
    int32_t structure;
    data_options d;
    opt_list skip;
    shape_list shapes;
    uint64_t threads;
    bool json, sparse, sensitivity;
};

static bool fixes_sparsity(int32_t structure)
{
    return structure == MW_STRUCTURE_2_4 || structure == MW_STRUCTURE_1_4;
}

static const char *structure_name(mw_ctx *ctx, int32_t structure)
{
    static mw_list_row row;

    for (size_t i = 0; i < mw_list_size("structures"); i++)
        if (mw_list_get(ctx, "structures", i, &row) == MW_OK && row.value == structure)
            return row.name;
    return "?";
}

/* ---- sensitivity ---- */

static void print_sensitivity(mw_ctx *ctx, receipt *r, const struct settings *s,
                              const mw_sensitivity_report *report, mw_dataset *data)
{
    static const char *const columns[] = {"sparsity", "top1", "sqnr_db", "layer"};

    receipt_text(r, "model", "model", s->in);
    receipt_text(r, "structure", "structure", structure_name(ctx, s->structure));
    receipt_text(r, "data_reading", "data", mw_dataset_reading(data));
    receipt_uint(r, "samples", "samples", mw_dataset_n_samples(data), "");
    receipt_number(r, "top1", "top-1 as it is", report->top1, "%.4f");
    receipt_table(r, "layers", "\nwith one layer alone pruned", columns, 4);
    for (size_t i = 0; i < report->n_rows; i++) {
        const mw_sensitivity *const l = &report->rows[i];
        receipt_row(r, (cell[]){NUMBER(l->sparsity, "%.2f"), NUMBER(l->top1, "%.4f"),
                                NUMBER(l->sqnr_db, "%.1f"), TEXT(l->name)});
    }
}

static mw_status measure(mw_ctx *ctx, const struct settings *s, const mw_prune_options *options,
                         const mw_model *m, mw_dataset *data)
{
    mw_sensitivity_report report;
    const bool given = s->sparsity > 0;

    const mw_status st = mw_prune_sensitivity(ctx, m, options, data, given ? &s->sparsity : NULL,
                                              given, (uint32_t)s->threads, &report);
    progress_done();
    if (st != MW_OK) return st;
    receipt *const r = receipt_open("prune", s->json);
    print_sensitivity(ctx, r, s, &report, data);
    warn_of_data(ctx, r, m, data, &s->d);
    receipt_close(r);
    mw_sensitivity_report_free(&report);
    return MW_OK;
}

/* ---- pruning ---- */

static mw_status print_report(mw_ctx *ctx, receipt *r, const struct settings *s, const mw_model *m,
                              const mw_model *pruned, mw_dataset *data,
                              const mw_prune_report *report, size_t n_sparse)
{
    mw_status st = MW_OK;

    receipt_text(r, "model", "model", s->in);
    receipt_text(r, "output", "written", s->out);
    receipt_text(r, "structure", "structure", structure_name(ctx, s->structure));
    receipt_number(r, "sparsity", "zeros among weights", report->sparsity, "%.4f");
    receipt_sizes(ctx, r, s->in, s->out, report);
    if (s->sparse) receipt_uint(r, "sparse_kernels", "sparse kernels", n_sparse, "");
    if (data != NULL) st = receipt_accuracy(ctx, r, m, pruned, data, (uint32_t)s->threads);
    if (data != NULL) warn_of_data(ctx, r, m, data, &s->d);
    receipt_kernels(r, report, false);
    return st;
}

/* *pruned becomes what is saved. */
static mw_status save(mw_ctx *ctx, const struct settings *s, mw_model **pruned, size_t *n_sparse)
{
    mw_model *sparse;

    *n_sparse = 0;
    if (s->sparse) {
        const mw_status st = mw_sparsify(ctx, *pruned, &sparse, n_sparse);
        if (st != MW_OK) return st;
        mw_model_destroy(*pruned);
        *pruned = sparse;
    }
    return mw_model_save(ctx, *pruned, s->out);
}

static mw_status prune(mw_ctx *ctx, const struct settings *s, const mw_prune_options *options,
                       const mw_model *m, mw_dataset *data)
{
    mw_model *pruned = NULL;
    mw_prune_report report = {0};
    size_t n_sparse = 0;

    mw_status st = mw_prune(ctx, m, options, &pruned, &report);
    if (st == MW_OK) st = save(ctx, s, &pruned, &n_sparse);
    progress_done();
    if (st == MW_OK) {
        receipt *const r = receipt_open("prune", s->json);
        st = print_report(ctx, r, s, m, pruned, data, &report, n_sparse);
        receipt_close(r);
    }
    mw_prune_report_free(&report);
    mw_model_destroy(pruned);
    return st;
}

static int load_and_prune(mw_ctx *ctx, const struct settings *s)
{
    const mw_prune_options options = {.sparsity = s->sparsity,
                                      .structure = s->structure,
                                      .global = s->scope != NULL && strcmp(s->scope, "global") == 0,
                                      .skip = s->skip.v,
                                      .n_skip = s->skip.n};
    mw_model *m = NULL;
    mw_dataset *data = NULL;

    mw_status st = load_model(ctx, s->in, &s->shapes, &m);
    if (st == MW_OK && s->data != NULL) st = open_data(ctx, s->data, &s->d, MW_DATA_TEST, m, &data);
    if (st == MW_OK)
        st = s->sensitivity ? measure(ctx, s, &options, m, data) : prune(ctx, s, &options, m, data);
    progress_done();
    const int status = st == MW_OK ? EXIT_OK : fail(ctx, st);
    mw_dataset_close(data);
    mw_model_destroy(m);
    return status;
}

/* What is wrong with the options beyond their own values; NULL: nothing. */
static const char *mistake(const struct settings *s)
{
    if (s->scope != NULL && strcmp(s->scope, "layer") != 0 && strcmp(s->scope, "global") != 0)
        return "prune: --scope is layer or global";
    if (s->sensitivity && s->data == NULL) return "prune: --sensitivity measures on --data DATA";
    if (s->sensitivity && s->out != NULL)
        return "prune: --sensitivity writes no file: leave -o out";
    if (s->sensitivity) return NULL;
    if (s->out == NULL) return "prune: where to? add -o OUT";
    if (!fixes_sparsity(s->structure) && s->sparsity == 0)
        return "prune: how much? add --sparsity 0.8";
    if (fixes_sparsity(s->structure) && s->sparsity != 0)
        return "prune: this structure fixes the sparsity: leave --sparsity out";
    return NULL;
}

static int open_and_prune(const struct settings *s)
{
    mw_format_info format;

    if (mistake(s) != NULL) return fail_text("%s", mistake(s)), EXIT_USAGE;
    if (s->out != NULL && is_same_file(s->in, s->out)) return EXIT_USAGE;
    mw_ctx *const ctx = open_ctx();
    mw_status st = MW_OK;
    if (s->out != NULL) st = mw_model_format_of_path(ctx, s->out, &format);
    int status = EXIT_USAGE;
    if (st != MW_OK)
        status = fail(ctx, st);
    else if (s->sparse && (s->out == NULL || format.keeps_layers))
        (void)fail_text("prune: --sparse is an encoding of .tflite: add -o OUT.tflite");
    else
        status = load_and_prune(ctx, s);
    mw_ctx_destroy(ctx);
    return status;
}

static int run(int argc, char **argv)
{
    struct settings s = {.structure = MW_STRUCTURE_NONE, .d = {.scale = 1}, .threads = 1};
    const opt opts[] = {
        {"-o", OPT_STRING, &s.out, "OUT", .help = "the file to write: .h5 or .tflite"},
        {"--sparsity", OPT_NUMBER, &s.sparsity, "S", .help = "share of weights that become zero",
         .min = 0, .max = 1},
        {"--structure", OPT_CHOICE, &s.structure, "STRUCTURE",
         .help = "which weights become zero together; default none; one of", .table = "structures"},
        {"--scope", OPT_STRING, &s.scope, "SCOPE",
         .help = "the sparsity is that of each layer (default) or global"},
        {"--skip", OPT_STRINGS, &s.skip, "GLOB",
         .help = "leave layers of this name (or operator) alone; may be given again"},
        {"--sparse", OPT_FLAG, &s.sparse, NULL,
         .help = "TFLite's sparse encoding, where that is smaller"},
        {"--sensitivity", OPT_FLAG, &s.sensitivity, NULL,
         .help = "measure each layer alone, write nothing"},
        {"--data", OPT_STRING, &s.data, "DATA",
         .help = "samples with labels to measure on: .npz, .npy, CSV, image folder"},
        DATA_OPTS(s.d, "--data"),
        OPT_THREADS(s.threads, "threads (default 1); the result does not depend on it"),
        OPT_INPUT_SHAPE(s.shapes),
        OPT_JSON(s.json),
    };
    const int done = parse_options(&command_prune, argc, argv, opts, N_OPTS(opts), &s.in, 1, 1);

    if (done >= 0) return done;
    const int status = open_and_prune(&s);
    free_options(opts, N_OPTS(opts));
    return status;
}

const command command_prune = {
    .name = "prune",
    .summary = "make the smallest weights zero, so that the model deflates to less",
    .usage = "IN -o OUT --sparsity S [options] | IN --sensitivity --data DATA [options]",
    .example = "milliwatt prune model.h5 -o pruned.h5 --sparsity 0.5\n"
               "  milliwatt prune model.h5 --sensitivity --data test.npz --scale 1/255",
    .more = "IN may be .h5, .keras or .tflite with float or integer kernels. A later 'quantize' "
            "keeps the zeros.",
    .run = run,
};
