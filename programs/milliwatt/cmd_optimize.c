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

static int run(int argc, char **argv)
{
    bool json = false;
    opt_list shapes = {0}, only = {0}, skip = {0};
    const char *in = NULL, *out = NULL;
    const opt opts[] = {
        {"-o", OPT_STRING, &out, "OUT.tflite", "the file to write"},
        {"--only", OPT_STRINGS, &only, "PASS", "run this pass alone; may be given again"},
        {"--skip", OPT_STRINGS, &skip, "PASS", "leave this pass out; may be given again"},
        {"--input-shape", OPT_STRINGS, &shapes, "N,H,W,C",
         "an input's shape, for a Keras file with open dimensions"},
        {"--json", OPT_FLAG, &json, NULL, "the receipt as JSON"},
    };
    const int done =
        parse_options(&command_optimize, argc, argv, opts, sizeof opts / sizeof *opts, &in, 1, 1);
    mw_model *m = NULL, *optimized = NULL;
    mw_optimize_report report;

    if (done >= 0) return done;
    if (out == NULL) return fail_text("optimize: where to? add -o OUT.tflite"), EXIT_USAGE;
    mw_ctx *const ctx = open_ctx();
    const mw_optimize_options options = {
        .only = only.v, .n_only = only.n, .skip = skip.v, .n_skip = skip.n};
    mw_status st = load_model(ctx, in, &shapes, &m);
    if (st == MW_OK) st = mw_optimize(ctx, m, &options, &optimized, &report);
    if (st == MW_OK) st = mw_model_save(ctx, optimized, out);
    if (st == MW_OK) {
        receipt *const r = receipt_open("optimize", json);
        print_report(r, in, out, &report);
        receipt_close(r);
    }
    const int status = st == MW_OK ? EXIT_OK : fail(ctx);
    mw_model_destroy(optimized);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
    return status;
}

const command command_optimize = {
    .name = "optimize",
    .summary = "fold, fuse and remove operators; the outputs stay the same",
    .usage = "IN -o OUT.tflite [--only PASS]... [--skip PASS]...",
    .example = "milliwatt optimize model.h5 -o model.tflite",
    .run = run,
};
