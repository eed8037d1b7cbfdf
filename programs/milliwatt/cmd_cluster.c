/* programs/milliwatt/cmd_cluster.c - few different values for each kernel.
 * SPDX-License-Identifier: Apache-2.0 */
#include "pruned.h"

extern const command command_cluster;

struct settings {
    const char *in, *out;
    opt_list skip;
    training train; /* epochs 0: none */
    shape_list shapes;
    uint64_t clusters;
    bool json, per_channel;
};

/* What a call made. */
struct result {
    mw_model *model;
    mw_prune_report report;
    mw_train_report training; /* zero without training */
};

static mw_status print_report(mw_ctx *ctx, receipt *r, const struct settings *s, const mw_model *m,
                              mw_dataset *data, const struct result *c)
{
    mw_status st = MW_OK;

    receipt_text(r, "model", "model", s->in);
    receipt_text(r, "output", "written", s->out);
    receipt_uint(r, "clusters", s->per_channel ? "values a channel" : "values a kernel",
                 s->clusters, "at most");
    receipt_number(r, "sparsity", "zeros among weights", c->report.sparsity, "%.4f");
    receipt_sizes(ctx, r, s->in, s->out, &c->report);
    if (data != NULL) st = receipt_accuracy(ctx, r, m, c->model, data, (uint32_t)s->train.threads);
    if (data != NULL) warn_of_data(ctx, r, m, data, &s->train.data);
    receipt_kernels(r, &c->report, true);
    if (s->train.options.epochs > 0 && !report_training(r, &s->train, &c->training)) st = MW_EIO;
    return st;
}

/* Trained clusters are clusters: clustering again counts them. */
static mw_status make(mw_ctx *ctx, const struct settings *s, const mw_model *m, struct result *c)
{
    const mw_cluster_options options = {.clusters = (uint32_t)s->clusters,
                                        .per_channel = s->per_channel,
                                        .keep_zeros = true,
                                        .skip = s->skip.v,
                                        .n_skip = s->skip.n,
                                        .seed = s->train.options.seed};
    const fine_tuning how = {.cluster = &options};
    mw_model *trained = NULL;

    if (s->train.options.epochs == 0) return mw_cluster(ctx, m, &options, &c->model, &c->report);
    mw_status st = fine_tune(ctx, &s->train, &how, m, &trained, &c->training);
    if (st == MW_OK) st = mw_cluster(ctx, trained, &options, &c->model, &c->report);
    mw_model_destroy(trained);
    return st;
}

static int cluster(mw_ctx *ctx, const struct settings *s)
{
    const data_options by_role = {.scale = s->train.data.scale, .offset = s->train.data.offset};
    const bool trains = s->train.options.epochs > 0; /* --split then names what is trained on */
    mw_model *m = NULL;
    mw_dataset *data = NULL;
    struct result c = {0};

    mw_status st = load_all_weights(ctx, s->in, &s->shapes, &m);
    if (st == MW_OK && s->train.data_path != NULL)
        st = open_data(ctx, s->train.data_path, trains ? &by_role : &s->train.data, MW_DATA_TEST, m,
                       &data);
    if (st == MW_OK) st = make(ctx, s, m, &c);
    forget_interrupt(); /* what was trained is kept */
    if (st == MW_OK) st = mw_model_save(ctx, c.model, s->out);
    progress_done();
    if (st == MW_OK) {
        receipt *const r = receipt_open("cluster", s->json);
        st = print_report(ctx, r, s, m, data, &c);
        receipt_close(r);
    }
    progress_done();
    const int status = st == MW_OK ? EXIT_OK : fail(ctx, st);
    mw_train_report_free(&c.training);
    mw_prune_report_free(&c.report);
    mw_dataset_close(data);
    mw_model_destroy(c.model);
    mw_model_destroy(m);
    return status;
}

static int run(int argc, char **argv)
{
    struct settings s = {.train = TRAINING_DEFAULTS};
    const opt opts[] = {
        {"-o", OPT_STRING, &s.out, "OUT", .help = "the file to write: .h5 or .tflite"},
        {"--clusters", OPT_UINT, &s.clusters, "N",
         .help = "different values a kernel, zero among them", .min = 2, .max = 256},
        {"--per-channel", OPT_FLAG, &s.per_channel, NULL,
         .help = "N values for each output channel, not for the kernel"},
        {"--skip", OPT_STRINGS, &s.skip, "GLOB",
         .help = "leave layers of this name (or operator) alone; may be given again"},
        {"--data", OPT_STRING, &s.train.data_path, "DATA",
         .help = "samples with labels to measure, and train on: .npz, .npy, CSV, image folder"},
        DATA_OPTS(s.train.data, "--data"),
        TRAINING_OPTS(s.train, "--data"),
        OPT_THREADS(s.train.threads, "threads (default 1); the result does not depend on it"),
        OPT_INPUT_SHAPE(s.shapes),
        OPT_JSON(s.json),
    };
    const int done = parse_options(&command_cluster, argc, argv, opts, N_OPTS(opts), &s.in, 1, 1);
    int status = EXIT_USAGE;

    if (done >= 0) return done;
    if (s.out == NULL) {
        (void)fail_text("cluster: where to? add -o OUT");
    } else if (s.clusters == 0) {
        (void)fail_text("cluster: into how many? add --clusters 16");
    } else if (!is_same_file(s.in, s.out)) {
        mw_ctx *const ctx = open_ctx();
        status = cluster(ctx, &s);
        mw_ctx_destroy(ctx);
    }
    free_options(opts, N_OPTS(opts));
    return status;
}

const command command_cluster = {
    .name = "cluster",
    .summary = "give each kernel few different values, so that the model deflates to less",
    .usage = "IN -o OUT --clusters N [options]",
    .example = "milliwatt cluster model.h5 -o clustered.h5 --clusters 16",
    .more = "IN may be .h5, .keras or .tflite with float or integer kernels. Zeros stay zeros.",
    .run = run,
};
