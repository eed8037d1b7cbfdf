/* programs/milliwatt/cmd_optimize.c - the same outputs from fewer and cheaper operators.
 * SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

extern const command command_optimize;

static void print_report(receipt *r, const char *in, const char *out,
                         const mw_optimize_report *report)
{
    static const char *const columns[] = {"pass", "changes"};

    receipt_text(r, "model", "model", in);
    receipt_text(r, "output", "written", out);
    receipt_change(r, "ops", "operators", report->before.n_ops, report->after.n_ops, "");
    receipt_change(r, "macs", "MACs a run", report->before.macs, report->after.macs, "");
    receipt_change(r, "weight_bytes", "weights", report->before.weight_bytes,
                   report->after.weight_bytes, "bytes");
    receipt_change(r, "moved_bytes", "bytes moved a run", report->before.moved_bytes,
                   report->after.moved_bytes, "");
    receipt_change(r, "file_bytes", "file", file_size(in), file_size(out), "bytes");
    receipt_table(r, "passes",
                  report->n_passes > 0 ? "\npasses that changed something" : "\nnothing to change",
                  columns, report->n_passes > 0 ? 2 : 0);
    for (size_t i = 0; i < report->n_passes; i++)
        receipt_row(r, (cell[]){TEXT(report->passes[i].pass), UINT(report->passes[i].n_changes)});
}

struct settings {
    const char *in, *out;
    opt_list only, skip;
    shape_list shapes;
    bool json;
};

static int optimize(mw_ctx *ctx, const struct settings *o)
{
    const mw_optimize_options options = {
        .only = o->only.v, .n_only = o->only.n, .skip = o->skip.v, .n_skip = o->skip.n};
    mw_model *m = NULL, *optimized = NULL;
    mw_optimize_report report;

    mw_status st = load_model(ctx, o->in, &o->shapes, &m);
    if (st == MW_OK) st = mw_optimize(ctx, m, &options, &optimized, &report);
    if (st == MW_OK) st = mw_model_save(ctx, optimized, o->out);
    progress_done();
    if (st == MW_OK) {
        receipt *const r = receipt_open("optimize", o->json);
        print_report(r, o->in, o->out, &report);
        receipt_close(r);
    }
    const int status = st == MW_OK ? EXIT_OK : fail(ctx, st);
    mw_model_destroy(optimized);
    mw_model_destroy(m);
    return status;
}

static int run(int argc, char **argv)
{
    struct settings o = {0};
    const opt opts[] = {
        {"-o", OPT_STRING, &o.out, "OUT.tflite", .help = "the file to write"},
        {"--only", OPT_STRINGS, &o.only, "PASS",
         .help = "run this pass alone; may be given again ('milliwatt list passes')"},
        {"--skip", OPT_STRINGS, &o.skip, "PASS", .help = "leave this pass out; may be given again"},
        OPT_INPUT_SHAPE(o.shapes),
        OPT_JSON(o.json),
    };
    const int done = parse_options(&command_optimize, argc, argv, opts, N_OPTS(opts), &o.in, 1, 1);
    int status = EXIT_USAGE;

    if (done >= 0) return done;
    if (o.out == NULL) {
        (void)fail_text("optimize: where to? add -o OUT.tflite");
    } else if (!is_same_file(o.in, o.out)) {
        mw_ctx *const ctx = open_ctx();
        status = optimize(ctx, &o);
        mw_ctx_destroy(ctx);
    }
    free_options(opts, N_OPTS(opts));
    return status;
}

const command command_optimize = {
    .name = "optimize",
    .summary = "fold, fuse and remove operators; the outputs stay the same",
    .usage = "IN -o OUT.tflite [--only PASS]... [--skip PASS]...",
    .example = "milliwatt optimize model.h5 -o model.tflite",
    .run = run,
};
