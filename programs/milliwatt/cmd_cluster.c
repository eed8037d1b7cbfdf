/* programs/milliwatt/cmd_cluster.c - few different values for each kernel.
 * SPDX-License-Identifier: Apache-2.0 */
#include "pruned.h"

extern const command command_cluster;

struct settings {
    const char *in, *out, *data;
    data_options d;
    opt_list skip;
    shape_list shapes;
    uint64_t threads, clusters, seed;
    bool json, per_channel;
};

static mw_status print_report(mw_ctx *ctx, receipt *r, const struct settings *s, const mw_model *m,
                              const mw_model *clustered, mw_dataset *data,
                              const mw_prune_report *report)
{
    mw_status st = MW_OK;

    receipt_text(r, "model", "model", s->in);
    receipt_text(r, "output", "written", s->out);
    receipt_uint(r, "clusters", s->per_channel ? "values a channel" : "values a kernel",
                 s->clusters, "at most");
    receipt_number(r, "sparsity", "zeros among weights", report->sparsity, "%.4f");
    receipt_sizes(ctx, r, s->in, s->out, report);
    if (data != NULL) st = receipt_accuracy(ctx, r, m, clustered, data, (uint32_t)s->threads);
    if (data != NULL) warn_of_data(ctx, r, m, data, &s->d);
    receipt_kernels(r, report, true);
    return st;
}

static int cluster(mw_ctx *ctx, const struct settings *s)
{
    const mw_cluster_options options = {.clusters = (uint32_t)s->clusters,
                                        .per_channel = s->per_channel,
                                        .keep_zeros = true,
                                        .skip = s->skip.v,
                                        .n_skip = s->skip.n,
                                        .seed = s->seed};
    mw_model *m = NULL, *clustered = NULL;
    mw_dataset *data = NULL;
    mw_prune_report report = {0};

    mw_status st = load_model(ctx, s->in, &s->shapes, &m);
    if (st == MW_OK && s->data != NULL) st = open_data(ctx, s->data, &s->d, MW_DATA_TEST, m, &data);
    if (st == MW_OK) st = mw_cluster(ctx, m, &options, &clustered, &report);
    if (st == MW_OK) st = mw_model_save(ctx, clustered, s->out);
    progress_done();
    if (st == MW_OK) {
        receipt *const r = receipt_open("cluster", s->json);
        st = print_report(ctx, r, s, m, clustered, data, &report);
        receipt_close(r);
    }
    progress_done();
    const int status = st == MW_OK ? EXIT_OK : fail(ctx, st);
    mw_prune_report_free(&report);
    mw_dataset_close(data);
    mw_model_destroy(clustered);
    mw_model_destroy(m);
    return status;
}

static int run(int argc, char **argv)
{
    struct settings s = {.d = {.scale = 1}, .threads = 1};
    const opt opts[] = {
        {"-o", OPT_STRING, &s.out, "OUT", .help = "the file to write: .h5 or .tflite"},
        {"--clusters", OPT_UINT, &s.clusters, "N",
         .help = "different values a kernel, zero among them", .min = 2, .max = 256},
        {"--per-channel", OPT_FLAG, &s.per_channel, NULL,
         .help = "N values for each output channel, not for the kernel"},
        {"--seed", OPT_UINT, &s.seed, "N", .help = "of the first values (default 0)"},
        {"--skip", OPT_STRINGS, &s.skip, "GLOB",
         .help = "leave layers of this name (or operator) alone; may be given again"},
        {"--data", OPT_STRING, &s.data, "DATA",
         .help = "samples with labels to measure on: .npz, .npy, CSV, image folder"},
        DATA_OPTS(s.d, "--data"),
        OPT_THREADS(s.threads, "threads (default 1); the result does not depend on it"),
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
