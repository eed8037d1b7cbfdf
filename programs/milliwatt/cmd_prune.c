/* programs/milliwatt/cmd_prune.c - zeros where weights are smallest.
 * SPDX-License-Identifier: Apache-2.0 */
#include "pruned.h"

#include <math.h>
#include <string.h>

extern const command command_prune;

struct settings {
    const char *in, *out;
    pruning prune;
    training train; /* epochs 0: none */
    shape_list shapes;
    bool json, sparse, sensitivity;
};

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
    receipt_text(r, "structure", "structure", structure_name(ctx, s->prune.options.structure));
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
    const bool given = s->prune.options.sparsity > 0;

    const mw_status st =
        mw_prune_sensitivity(ctx, m, options, data, given ? &s->prune.options.sparsity : NULL,
                             given, (uint32_t)s->train.threads, &report);
    progress_done();
    if (st != MW_OK) return st;
    receipt *const r = receipt_open("prune", s->json);
    print_sensitivity(ctx, r, s, &report, data);
    warn_of_data(ctx, r, m, data, &s->train.data);
    receipt_close(r);
    mw_sensitivity_report_free(&report);
    return MW_OK;
}

/* ---- pruning ---- */

/* What a call made. */
struct result {
    mw_model *model;
    mw_prune_report report;
    mw_train_report training; /* zero without training */
    size_t n_sparse;
};

static mw_status print_report(mw_ctx *ctx, receipt *r, const struct settings *s, const mw_model *m,
                              mw_dataset *data, const struct result *p)
{
    mw_status st = MW_OK;

    receipt_text(r, "model", "model", s->in);
    receipt_text(r, "output", "written", s->out);
    receipt_text(r, "structure", "structure", structure_name(ctx, s->prune.options.structure));
    receipt_number(r, "sparsity", "zeros among weights", p->report.sparsity, "%.4f");
    receipt_sizes(ctx, r, s->in, s->out, &p->report);
    if (s->sparse) receipt_uint(r, "sparse_kernels", "sparse kernels", p->n_sparse, "");
    if (data != NULL) st = receipt_accuracy(ctx, r, m, p->model, data, (uint32_t)s->train.threads);
    if (data != NULL) warn_of_data(ctx, r, m, data, &s->train.data);
    receipt_kernels(r, &p->report, false);
    if (s->train.options.epochs > 0 && !report_training(r, &s->train, &p->training)) st = MW_EIO;
    return st;
}

/* *model becomes what is saved. */
static mw_status save(mw_ctx *ctx, const struct settings *s, struct result *p)
{
    mw_model *sparse;

    if (s->sparse) {
        const mw_status st = mw_sparsify(ctx, p->model, &sparse, &p->n_sparse);
        if (st != MW_OK) return st;
        mw_model_destroy(p->model);
        p->model = sparse;
    }
    return mw_model_save(ctx, p->model, s->out);
}

static mw_status replace(mw_model **model, mw_model *by, mw_status st)
{
    if (st != MW_OK) return st;
    mw_model_destroy(*model);
    *model = by;
    return MW_OK;
}

/* Channels go first and what is left is trained; other zeros come while it is trained. */
static mw_status make(mw_ctx *ctx, const struct settings *s, const mw_model *m, struct result *p)
{
    const mw_prune_options options = pruning_options(&s->prune),
                           none = {.skip = options.skip, .n_skip = options.n_skip};
    const bool trains = s->train.options.epochs > 0;
    const bool once = !trains || options.structure == MW_STRUCTURE_CHANNEL;
    const fine_tuning how = {.prune = once ? NULL : &options};
    mw_model *next = NULL;
    mw_status st = MW_OK;

    if (once) st = mw_prune(ctx, m, &options, &p->model, &p->report);
    if (st != MW_OK || !trains) return st;
    st = fine_tune(ctx, &s->train, &how, once ? p->model : m, &next, &p->training);
    st = replace(&p->model, next, st);
    if (st != MW_OK || once) return st;
    /* asks for no more zeros: counts those that are there */
    st = mw_prune(ctx, p->model, &none, &next, &p->report);
    return replace(&p->model, next, st);
}

static mw_status prune(mw_ctx *ctx, const struct settings *s, const mw_model *m, mw_dataset *data)
{
    struct result p = {0};

    mw_status st = make(ctx, s, m, &p);
    forget_interrupt(); /* what was trained is kept */
    if (st == MW_OK) st = save(ctx, s, &p);
    progress_done();
    if (st == MW_OK) {
        receipt *const r = receipt_open("prune", s->json);
        st = print_report(ctx, r, s, m, data, &p);
        receipt_close(r);
    }
    mw_train_report_free(&p.training);
    mw_prune_report_free(&p.report);
    mw_model_destroy(p.model);
    return st;
}

static int load_and_prune(mw_ctx *ctx, const struct settings *s)
{
    const data_options by_role = {.scale = s->train.data.scale, .offset = s->train.data.offset};
    const bool trains = s->train.options.epochs > 0; /* --split then names what is trained on */
    const mw_prune_options options = pruning_options(&s->prune);
    mw_model *m = NULL;
    mw_dataset *data = NULL;

    mw_status st = load_all_weights(ctx, s->in, &s->shapes, &m);
    if (st == MW_OK && s->train.data_path != NULL)
        st = open_data(ctx, s->train.data_path, trains ? &by_role : &s->train.data, MW_DATA_TEST, m,
                       &data);
    if (st == MW_OK)
        st = s->sensitivity ? measure(ctx, s, &options, m, data) : prune(ctx, s, m, data);
    progress_done();
    const int status = st == MW_OK ? EXIT_OK : fail(ctx, st);
    mw_dataset_close(data);
    mw_model_destroy(m);
    return status;
}

/* What is wrong with the options beyond their own values; NULL: nothing. */
static const char *mistake(const struct settings *s)
{
    const char *const wrong = pruning_mistake(&s->prune);

    if (wrong != NULL) return wrong;
    if (s->sensitivity && s->train.data_path == NULL)
        return "--sensitivity measures on --data DATA";
    if (s->sensitivity && s->out != NULL) return "--sensitivity writes no file: leave -o out";
    if (s->sensitivity) return NULL;
    if (s->out == NULL) return "where to? add -o OUT";
    if (!fixes_sparsity(s->prune.options.structure) && s->prune.options.sparsity == 0)
        return "how much? add --sparsity 0.8";
    return NULL;
}

static int open_and_prune(const struct settings *s)
{
    mw_format_info format;

    if (mistake(s) != NULL) return fail_text("prune: %s", mistake(s)), EXIT_USAGE;
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
    struct settings s = {.prune = {.options = {.schedule = MW_PRUNE_POLYNOMIAL}},
                         .train = TRAINING_DEFAULTS};
    const opt opts[] = {
        {"-o", OPT_STRING, &s.out, "OUT", .help = "the file to write: .h5 or .tflite"},
        PRUNING_OPTS(s.prune, NULL),
        {"--sparse", OPT_FLAG, &s.sparse, NULL,
         .help = "TFLite's sparse encoding, where that is smaller"},
        {"--sensitivity", OPT_FLAG, &s.sensitivity, NULL,
         .help = "measure each layer alone, write nothing"},
        {"--data", OPT_STRING, &s.train.data_path, "DATA",
         .help = "samples with labels to measure, and train on: .npz, .npy, CSV, image folder"},
        DATA_OPTS(s.train.data, "--data"),
        PRUNING_SCHEDULE_OPTS(s.prune, "--epochs"),
        TRAINING_OPTS(s.train, "--data"),
        OPT_THREADS(s.train.threads, "threads (default 1); the result does not depend on it"),
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
    .usage = "IN -o OUT --sparsity S [--data DATA --epochs N] [options]\n"
             "       milliwatt prune IN --sensitivity --data DATA [options]",
    .example = "milliwatt prune model.h5 -o pruned.h5 --sparsity 0.5\n"
               "  milliwatt prune model.h5 -o pruned.h5 --sparsity 0.9 --data digits.npz --scale "
               "1/16 --epochs 60\n"
               "  milliwatt prune model.h5 --sensitivity --data test.npz --scale 1/255",
    .more = "IN may be .h5, .keras or .tflite with float or integer kernels; with --epochs a Keras "
            "file, which loses\nweights while it trains on x_train of DATA and is measured on "
            "x_test. A later 'quantize' keeps the zeros.",
    .run = run,
};
