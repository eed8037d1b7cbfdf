/* programs/milliwatt/cmd_quantize.c - smaller numbers: int8, int16x8, dynamic, float16, int4,
 * weights.
 * SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <math.h>
#include <string.h>

extern const command command_quantize;

static const char *const schemes[] = {"int8", "int16x8",    "dynamic", "float16",
                                      "int4", "int4-block", "weights", NULL};
static const char *const methods[] = {"minmax", "moving-average", "percentile", "entropy", "mse",
                                      NULL};
static const char *const ios[] = {"", "int8", "uint8", "float", NULL};

/* Place of `word` in a list, -1 with a message. */
static int choose(const char *what, const char *const *list, const char *word)
{
    for (int i = 0; list[i] != NULL; i++)
        if (*list[i] != '\0' && strcmp(list[i], word) == 0) return i;
    (void)fail_text("quantize: %s '%s' is none of those that --help lists", what, word);
    return -1;
}

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
                         const mw_quantize_report *q)
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
    receipt_uint(r, "calibration_samples", "calibration samples", q->n_samples, "");
    receipt_uint(r, "kept_float", "operators kept float", q->n_kept, "");
    receipt_number(r, "sqnr_db", "output SQNR", q->output_sqnr_db,
                   q->random_inputs ? "%.1f dB on random inputs (typical ones: --calibrate)"
                                    : "%.1f dB on calibration samples");
    warn(r, q);
    if (q->n_layers > 0) print_layers(r, q);
}

/* Which of the two kinds of file is the small one. */
static void note_size(receipt *r, const char *out, bool keras)
{
    if (keras)
        receipt_note(r,
                     "\n%s holds floats that are integer * scale: deflate makes it smaller, but "
                     "the small file\n"
                     "is the .tflite: quantize to OUT.tflite for that.",
                     out);
}

static bool ends_with(const char *text, const char *tail)
{
    const size_t n = strlen(text), k = strlen(tail);
    return k <= n && strcmp(text + n - k, tail) == 0;
}

struct settings {
    const char *in, *out, *scheme, *method, *io, *calibrate;
    data_options data;
    opt_list shapes, keep;
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
        print_report(r, s->in, s->out, s->scheme, &report);
        note_size(r, s->out, options->for_keras);
        receipt_close(r);
    }
    const int status = st == MW_OK ? EXIT_OK : fail(ctx);
    mw_quantize_report_free(&report);
    mw_dataset_close(data);
    mw_model_destroy(quantized);
    mw_model_destroy(m);
    return status;
}

static int run(int argc, char **argv)
{
    struct settings s = {.scheme = "int8", .method = "minmax", .io = NULL, .threads = 1};
    const opt opts[] = {
        {"-o", OPT_STRING, &s.out, "OUT", "the file to write: .tflite, or .h5 for Keras"},
        {"--scheme", OPT_STRING, &s.scheme, "SCHEME",
         "int8 (default), int16x8, dynamic, float16, int4, int4-block, weights"},
        {"--calibrate", OPT_STRING, &s.calibrate, "DATA",
         "samples to measure ranges on: .npz, .npy, CSV, image folder"},
        DATA_OPTS(s.data),
        {"--samples", OPT_UINT, &s.samples, "N", "use the first N samples (default: all)"},
        {"--method", OPT_STRING, &s.method, "METHOD",
         "ranges by minmax (default), moving-average, percentile, entropy, mse"},
        {"--percentile", OPT_NUMBER, &s.percentile, "P", "for --method percentile (default 99.99)"},
        {"--io", OPT_STRING, &s.io, "TYPE",
         "type of inputs and outputs: int8, uint8, float (default: the scheme's integer type)"},
        {"--keep", OPT_STRINGS, &s.keep, "GLOB",
         "keep layers of this name (or operator) in float; may be given again"},
        {"--per-tensor", OPT_FLAG, &s.per_tensor, NULL,
         "one scale for a weight tensor, not one for each channel"},
        {"--equalize", OPT_FLAG, &s.equalize, NULL,
         "cross-layer equalisation of weight ranges first"},
        {"--bias-correction", OPT_FLAG, &s.bias_correction, NULL,
         "correct biases by the measured mean error"},
        {"--adaround", OPT_FLAG, &s.adaround, NULL,
         "learn each weight's rounding on the samples (slower)"},
        {"--threads", OPT_UINT, &s.threads, "N",
         "threads (default 1); the result does not depend on it"},
        {"--input-shape", OPT_STRINGS, &s.shapes, "N,H,W,C",
         "an input's shape, for a Keras file with open dimensions"},
        {"--json", OPT_FLAG, &s.json, NULL, "the receipt as JSON"},
    };
    const int done =
        parse_options(&command_quantize, argc, argv, opts, sizeof opts / sizeof *opts, &s.in, 1, 1);

    if (done >= 0) return done;
    if (s.out == NULL) return fail_text("quantize: where to? add -o OUT.tflite"), EXIT_USAGE;
    const int scheme = choose("--scheme", schemes, s.scheme),
              method = choose("--method", methods, s.method);
    const int io = s.io == NULL ? 0 : choose("--io", ios, s.io);
    if (scheme < 0 || method < 0 || io < 0) return EXIT_USAGE;
    mw_ctx *const ctx = open_ctx();
    mw_quantize_options options = {
        .scheme = (mw_quant_scheme)scheme,
        .method = (mw_calibration_method)method,
        .io = (mw_quant_io)io,
        .percentile = s.percentile,
        .keep = s.keep.v,
        .n_keep = s.keep.n,
        .max_samples = s.samples,
        .per_tensor = s.per_tensor,
        .equalize = s.equalize,
        .bias_correction = s.bias_correction,
        .adaround = s.adaround,
        .for_keras = ends_with(s.out, ".h5"),
        .n_threads = (uint32_t)s.threads,
    };
    const int status = quantize(ctx, &s, &options);
    mw_ctx_destroy(ctx);
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
