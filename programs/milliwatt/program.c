/* programs/milliwatt/program.c - context, progress, errors, loading: what every command does.
 * SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;
static bool line_is_open; /* a progress line stands on the terminal */

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

uint64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* At most ten times a second, and only on a terminal. */
bool tell_progress(const char *what, uint64_t done, uint64_t total)
{
    static uint64_t last_ns;

    if (done == 0 && total == 0) return interrupted == 0; /* asks only whether to go on */
    const uint64_t now = now_ns();
    if (now - last_ns > 100000000u && isatty(STDERR_FILENO)) {
        last_ns = now;
        line_is_open = true;
        if (total > 0)
            (void)fprintf(stderr, "\r\033[K%s %llu of %llu (%.0f %%)", what,
                          (unsigned long long)done, (unsigned long long)total,
                          100.0 * (double)done / (double)total);
        else
            (void)fprintf(stderr, "\r\033[K%s %llu", what, (unsigned long long)done);
    }
    return interrupted == 0;
}

static bool on_progress(void *self, const char *what, uint64_t done, uint64_t total)
{
    (void)self;
    return tell_progress(what, done, total);
}

void progress_done(void)
{
    if (line_is_open) (void)fprintf(stderr, "\r\033[K");
    line_is_open = false;
}

static void show_log(void *self, mw_log_level level, const char *line)
{
    (void)self;
    if (level < MW_LOG_WARNING) return;
    progress_done();
    (void)fprintf(stderr, "milliwatt: warning: %s\n", line);
}

mw_ctx *open_ctx(void)
{
    const mw_ctx_options options = {.progress = on_progress, .log = show_log};
    const struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESETHAND};
    mw_ctx *ctx = NULL;

    (void)sigaction(SIGINT, &action, NULL);
    if (mw_ctx_create(&options, &ctx) != MW_OK) {
        (void)fprintf(stderr, "milliwatt: out of memory\n");
        exit(EXIT_FAILED);
    }
    return ctx;
}

bool was_interrupted(void) { return interrupted != 0; }
void forget_interrupt(void) { interrupted = 0; }

/* How a command line says what the library names in the terms of its API. */
static const char *option_for(const char *error)
{
    static const struct {
        const char *named, *option;
    } hints[] = {
        {"(input_shapes)", "--input-shape"},
        {"(name the split)", "--split"},
        {"for this split ", "--split"},
        {"see the dump of the model", "milliwatt info MODEL --graph"},
    };

    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (strstr(error, hints[i].named) != NULL) return hints[i].option;
    return NULL;
}

int fail(mw_ctx *ctx, mw_status status)
{
    const char *const text = mw_ctx_error(ctx), *const option = option_for(text);

    progress_done();
    (void)fprintf(stderr, "milliwatt: %s", *text != '\0' ? text : mw_status_name(status));
    if (option != NULL) (void)fprintf(stderr, " [%s]", option);
    (void)fprintf(stderr, "\n");
    return EXIT_FAILED;
}

int fail_text(const char *format, ...)
{
    va_list args;

    progress_done();
    (void)fprintf(stderr, "milliwatt: ");
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fprintf(stderr, "\n");
    return EXIT_FAILED;
}

uint64_t file_size(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? (uint64_t)info.st_size : 0;
}

bool is_same_file(const char *in, const char *out)
{
    struct stat a, b;

    if (stat(in, &a) != 0 || stat(out, &b) != 0 || a.st_dev != b.st_dev || a.st_ino != b.st_ino)
        return false;
    (void)fail_text("%s would be written over by what is made of it; give another name to -o", in);
    return true;
}

mw_status load_model(mw_ctx *ctx, const char *path, const shape_list *shapes, mw_model **out)
{
    const mw_load_options options = {.input_shapes = shapes->v, .n_input_shapes = shapes->n};
    return mw_model_load(ctx, path, &options, out);
}

mw_status load_all_weights(mw_ctx *ctx, const char *path, const shape_list *shapes, mw_model **out)
{
    const mw_load_options options = {.input_shapes = shapes->v,
                                     .n_input_shapes = shapes->n,
                                     .max_written_out_steps = MW_ALL_STEPS};
    return mw_model_load(ctx, path, &options, out);
}

mw_status open_data(mw_ctx *ctx, const char *path, const data_options *d, mw_data_role role,
                    const mw_model *model, mw_dataset **out)
{
    const size_t n = mw_model_n_inputs(model);
    mw_tensor_info *const inputs = calloc(n + 1, sizeof *inputs);
    mw_status st = inputs == NULL ? MW_ENOMEM : MW_OK;

    for (size_t i = 0; i < n && st == MW_OK; i++) st = mw_model_input(ctx, model, i, &inputs[i]);
    const mw_dataset_options options = {.role = role,
                                        .split = d->split,
                                        .scale = d->scale,
                                        .offset = d->offset,
                                        .inputs = inputs,
                                        .n_inputs = n};
    if (st == MW_OK) st = mw_dataset_open(ctx, path, &options, out);
    free(inputs);
    return st;
}

/* ---- random inputs ---- */

/* SplitMix64 in [0, 1), so that a seed names the same input everywhere. */
static double uniform(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static void fill_words(const mw_buffer *buffer, uint64_t *state)
{
    static const mw_string words[] = {{"", 0}, {"a", 1}, {"word", 4}, {"some more words", 15}};
    enum { N = sizeof words / sizeof *words };

    for (size_t i = 0; i < buffer->bytes / sizeof(mw_string); i++)
        ((mw_string *)buffer->data)[i] = words[(size_t)(uniform(state) * N)];
}

mw_status fill_random(mw_ctx *ctx, const mw_model *model, size_t input, const mw_buffer *buffer,
                      uint64_t *state)
{
    const size_t size = mw_dtype_bits(buffer->info.dtype) / 8;
    double low, high;
    const mw_status st = mw_model_input_range(ctx, model, input, &low, &high);

    if (st != MW_OK) return st;
    if (buffer->info.dtype == MW_STRING) return fill_words(buffer, state), MW_OK;
    memset(buffer->data, 0, buffer->bytes);
    for (size_t i = 0; size > 0 && i + size <= buffer->bytes; i += size) {
        const double u = uniform(state);
        const int64_t whole = (int64_t)floor(low + u * (high - low + 1));
        const float real = (float)(low < 0 ? low + u * (high - low) : floor(low + u * (high + 1)));
        const bool is_float = buffer->info.dtype == MW_FLOAT32;
        /* Little-endian: the first bytes of an integer are those of a narrower one. */
        memcpy((char *)buffer->data + i, is_float ? (const void *)&real : &whole,
               size < sizeof whole ? size : sizeof whole);
    }
    return MW_OK;
}

/* ---- what is odd about data ---- */

struct span {
    double low, high, outside; /* of the values, and how many of them are outside [min, max] */
    size_t n;
};

/* The first samples of an input as floats, against a range. */
static bool look_at(mw_ctx *ctx, mw_dataset *data, size_t input, const mw_tensor_info *t,
                    double min, double max, struct span *out)
{
    enum { SAMPLES = 32 };
    mw_tensor_info as = *t;
    size_t n = 1;
    bool done = false;

    for (int32_t k = 1; k < t->rank; k++) n *= (size_t)t->dims[k];
    as.dtype = MW_FLOAT32;
    as.quantization = (mw_quantization){0};
    *out = (struct span){0};
    float *const x = malloc(n * sizeof *x + 1);
    for (uint64_t s = 0; x != NULL && s < SAMPLES && s < mw_dataset_n_samples(data); s++) {
        done = mw_dataset_read(ctx, data, input, s, 1, &as, x, n * sizeof *x) == MW_OK;
        if (!done) break;
        for (size_t i = 0; i < n; i++) {
            out->low = fmin(out->low, (double)x[i]);
            out->high = fmax(out->high, (double)x[i]);
            out->outside += (double)x[i] < min || (double)x[i] > max;
        }
        out->n += n;
    }
    free(x);
    mw_ctx_clear(ctx);
    return done;
}

static void warn_of_integers(mw_ctx *ctx, receipt *r, mw_dataset *data, size_t i,
                             const mw_tensor_info *t, bool scaled, bool as_stored)
{
    const mw_quantization *const q = &t->quantization;
    const double low = t->dtype == MW_UINT8 ? 0 : -ldexp(1, (int)mw_dtype_bits(t->dtype) - 1);
    struct span span;

    if (q->n_scales != 1 || (as_stored && !scaled)) return;
    if (as_stored) {
        receipt_warn(r,
                     "--scale and --offset are not used: '%s' takes %s, and the data are %s "
                     "already, taken as they are (real = (q - %lld) * %g)",
                     t->name, mw_dtype_name(t->dtype), mw_dtype_name(t->dtype),
                     (long long)q->zero_points[0], (double)q->scales[0]);
        return;
    }
    const double scale = (double)q->scales[0], zero = (double)q->zero_points[0];
    const double min = (low - zero - 0.5) * scale,
                 max = (low + ldexp(1, (int)mw_dtype_bits(t->dtype)) - 1 - zero + 0.5) * scale;
    if (!look_at(ctx, data, i, t, min, max, &span) || span.outside < 0.1 * (double)span.n) return;
    receipt_warn(r,
                 "%.0f %% of the values for '%s' saturate: the data go from %g to %g, the input "
                 "from %g to %g; is --scale missing?",
                 100 * span.outside / (double)span.n, t->name, span.low, span.high, min + scale / 2,
                 max - scale / 2);
}

void warn_of_data(mw_ctx *ctx, receipt *r, const mw_model *model, mw_dataset *data,
                  const data_options *d)
{
    const bool scaled = (d->scale != 0 && d->scale != 1) || d->offset != 0;

    for (size_t i = 0; i < mw_model_n_inputs(model); i++) {
        mw_tensor_info t, stored;
        struct span span;
        if (mw_model_input(ctx, model, i, &t) != MW_OK ||
            mw_dataset_input(ctx, data, i, &stored) != MW_OK)
            return;
        if (t.dtype == MW_INT8 || t.dtype == MW_UINT8 || t.dtype == MW_INT16)
            warn_of_integers(ctx, r, data, i, &t, scaled, stored.dtype == t.dtype);
        else if (t.dtype == MW_FLOAT32 && stored.dtype == MW_UINT8 && !scaled && t.rank >= 3 &&
                 look_at(ctx, data, i, &t, 0, 1, &span) && span.high > 1)
            receipt_warn(r,
                         "the data for '%s' are integers from %g to %g, taken as they are; a "
                         "network that was trained on 0 to 1 needs --scale 1/%g",
                         t.name, span.low, span.high, span.high > 16 ? 255.0 : span.high);
    }
}
