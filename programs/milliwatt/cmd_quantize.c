/* programs/milliwatt/cmd_quantize.c - smaller numbers: int8, int16x8, dynamic, float16, int4,
 * weights.
 * SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <math.h>
#include <string.h>

extern const command command_quantize;

/* Below this the result has little to do with the model; 8-bit models have 15 dB and more. */
#define LOUD_DB 5.0

static void warn(receipt *r, const mw_quantize_report *q)
{
    if (!q->random_inputs && q->output_sqnr_db < LOUD_DB)
        receipt_warn(r,
                     "the outputs are %.1f dB above their error: this model does not compute what "
                     "the float model does. Look at the layers below for the first that is low; "
                     "keep it float (--keep), take --scheme int16x8, or give other samples.",
                     q->output_sqnr_db);
}

static void print_layers(receipt *r, const mw_quantize_report *q)
{
    static const char *const columns[] = {"op",  "sqnr_db",    "cumulative_db", "min",
                                          "max", "kept_float", "layer"};

    receipt_table(
        r, "layers",
        "\nlayers (SQNR: signal to quantization noise, of the layer alone and with all before it)",
        columns, 7);
    for (size_t i = 0; i < q->n_layers; i++) {
        const mw_layer_error *const l = &q->layers[i];
        receipt_row(r, (cell[]){TEXT(l->op), NUMBER(l->sqnr_db, "%.1f"),
                                NUMBER(l->cumulative_sqnr_db, "%.1f"), NUMBER(l->min, "%.4g"),
                                NUMBER(l->max, "%.4g"), TEXT(l->quantized ? "-" : l->reason),
                                TEXT(l->name)});
    }
}

static void print_report(receipt *r, const char *in, const char *out, const char *scheme,
                         const char *reading, const mw_quantize_report *q)
{
    receipt_text(r, "model", "model", in);
    receipt_text(r, "output", "written", out);
    receipt_text(r, "scheme", "scheme", scheme);
    receipt_change(r, "file_bytes", "file", file_size(in), file_size(out), "bytes");
    receipt_change(r, "weight_bytes", "weights", q->before.weight_bytes, q->after.weight_bytes,
                   "bytes");
    receipt_change(r, "ops", "operators", q->before.n_ops, q->after.n_ops, "");
    receipt_change(r, "macs", "MACs a run", q->before.macs, q->after.macs, "");
    receipt_change(r, "moved_bytes", "bytes moved a run", q->before.moved_bytes,
                   q->after.moved_bytes, "");
    if (reading != NULL) receipt_text(r, "data_reading", "calibration data", reading);
    receipt_uint(r, "calibration_samples", "calibration samples", q->n_samples, "");
    receipt_uint(r, "kept_float", "operators kept float", q->n_kept, "");
    receipt_sqnr(r, "sqnr_db", "output SQNR", q->output_sqnr_db,
                 q->random_inputs ? "%.1f dB on random inputs (typical ones: --calibrate)"
                                  : "%.1f dB on calibration samples");
    warn(r, q);
    if (q->n_layers > 0) print_layers(r, q);
}

static const char *scheme_name(mw_ctx *ctx, int32_t scheme)
{
    static mw_list_row row;

    for (size_t i = 0; i < mw_list_size("schemes"); i++)
        if (mw_list_get(ctx, "schemes", i, &row) == MW_OK && row.value == scheme) return row.name;
    return "?";
}

/* Which of the two kinds of file is the small one; and when it did not become small. */
static void note_size(receipt *r, const char *in, const char *out, bool keeps_layers)
{
    if (!keeps_layers && file_size(out) > file_size(in))
        receipt_note(r,
                     "\n%s is LARGER than %s: layers that were one in the file that was read have "
                     "become many operators\n(recurrent ones are unrolled over time); "
                     "'milliwatt info' shows them.",
                     out, in);
    if (keeps_layers)
        receipt_note(r,
                     "\n%s holds floats that are integer * scale: deflate makes it smaller, but "
                     "the small file\n"
                     "is the .tflite: quantize to OUT.tflite for that.",
                     out);
}

struct settings {
    const char *in, *out, *calibrate;
    int32_t scheme, method, io; /* values of mw_list's rows */
    data_options data;
    opt_list keep;
    shape_list shapes;
    uint64_t threads, samples;
    double percentile;
    bool json, equalize, bias_correction, adaround, per_tensor;
};

static int quantize(mw_ctx *ctx, const struct settings *s, mw_quantize_options *options)
{
    mw_model *m = NULL, *quantized = NULL;
    mw_dataset *data = NULL;
    mw_quantize_report report = {0};

    mw_status st = load_model(ctx, s->in, &s->shapes, &m);
    if (st == MW_OK && s->calibrate != NULL)
        st = open_data(ctx, s->calibrate, &s->data, MW_DATA_TRAIN, m, &data);
    if (st == MW_OK) st = mw_quantize(ctx, m, options, data, &quantized, &report);
    if (st == MW_OK) st = mw_model_save(ctx, quantized, s->out);
    progress_done();
    if (st == MW_OK) {
        receipt *const r = receipt_open("quantize", s->json);
        print_report(r, s->in, s->out, scheme_name(ctx, s->scheme),
                     data == NULL ? NULL : mw_dataset_reading(data), &report);
        if (data != NULL) warn_of_data(ctx, r, m, data, &s->data);
        note_size(r, s->in, s->out, options->keep_layers);
        receipt_close(r);
    }
    const int status = st == MW_OK ? EXIT_OK : fail(ctx, st);
    mw_quantize_report_free(&report);
    mw_dataset_close(data);
    mw_model_destroy(quantized);
    mw_model_destroy(m);
    return status;
}

static int open_and_quantize(const struct settings *s)
{
    mw_format_info format = {0};

    if (s->out == NULL) return fail_text("quantize: where to? add -o OUT.tflite"), EXIT_USAGE;
    if (is_same_file(s->in, s->out)) return EXIT_USAGE;
    mw_ctx *const ctx = open_ctx();
    mw_status st = mw_model_format_of_path(ctx, s->out, &format);
    mw_quantize_options options = {
        .scheme = (mw_quant_scheme)s->scheme,
        .method = (mw_calibration_method)s->method,
        .io = (mw_quant_io)s->io,
        .percentile = s->percentile,
        .keep = s->keep.v,
        .n_keep = s->keep.n,
        .max_samples = s->samples,
        .per_tensor = s->per_tensor,
        .equalize = s->equalize,
        .bias_correction = s->bias_correction,
        .adaround = s->adaround,
        .keep_layers = format.keeps_layers,
        .n_threads = (uint32_t)s->threads,
    };
    const int status = st == MW_OK ? quantize(ctx, s, &options) : fail(ctx, st);
    mw_ctx_destroy(ctx);
    return status;
}

static int run(int argc, char **argv)
{
    struct settings s = {.scheme = MW_QUANT_INT8,
                         .method = MW_CALIBRATE_MINMAX,
                         .io = MW_IO_DEFAULT,
                         .data = {.scale = 1},
                         .threads = 1};
    const opt opts[] = {
        {"-o", OPT_STRING, &s.out, "OUT", .help = "the file to write: .tflite, or .h5 for Keras"},
        {"--scheme", OPT_CHOICE, &s.scheme, "SCHEME", .help = "default int8; one of",
         .table = "schemes"},
        {"--calibrate", OPT_STRING, &s.calibrate, "DATA",
         .help = "samples to measure ranges on: .npz, .npy, CSV, image folder"},
        DATA_OPTS(s.data, "--calibrate"),
        {"--samples", OPT_UINT, &s.samples, "N", .help = "use the first N samples (default: all)",
         .min = 1, .needs = "--calibrate"},
        {"--method", OPT_CHOICE, &s.method, "METHOD",
         .help = "how ranges are chosen; default minmax; one of", .table = "methods"},
        {"--percentile", OPT_NUMBER, &s.percentile, "P",
         .help = "for --method percentile (default 99.99)", .min = 50, .max = 100,
         .needs = "--method"},
        {"--io", OPT_CHOICE, &s.io, "TYPE",
         .help = "type of inputs and outputs; default: the scheme's integer type; one of",
         .table = "io"},
        {"--keep", OPT_STRINGS, &s.keep, "GLOB",
         .help = "keep layers of this name (or operator) in float; may be given again"},
        {"--per-tensor", OPT_FLAG, &s.per_tensor, NULL,
         .help = "one scale for a weight tensor, not one for each channel"},
        {"--equalize", OPT_FLAG, &s.equalize, NULL,
         .help = "cross-layer equalisation of weight ranges first"},
        {"--bias-correction", OPT_FLAG, &s.bias_correction, NULL,
         .help = "correct biases by the measured mean error"},
        {"--adaround", OPT_FLAG, &s.adaround, NULL,
         .help = "learn each weight's rounding on the samples (slower)"},
        OPT_THREADS(s.threads, "threads (default 1); the result does not depend on it"),
        OPT_INPUT_SHAPE(s.shapes),
        OPT_JSON(s.json),
    };
    const int done = parse_options(&command_quantize, argc, argv, opts, N_OPTS(opts), &s.in, 1, 1);

    if (done >= 0) return done;
    const int status = open_and_quantize(&s);
    free_options(opts, N_OPTS(opts));
    return status;
}

const command command_quantize = {
    .name = "quantize",
    .summary = "make a model about a quarter of its size, with integers",
    .usage = "IN -o OUT [--scheme SCHEME] [--calibrate DATA] [options]",
    .example =
        "milliwatt quantize model.h5 -o model_int8.tflite --calibrate train.npz --scale 1/255",
    .more = "int8 and int16x8 need --calibrate: a hundred typical samples do. IN may be .h5, "
            ".keras or .tflite;\n"
            "a uint8 .tflite with --scheme int8 is rewritten as int8.",
    .run = run,
};
