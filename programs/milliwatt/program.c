/* programs/milliwatt/program.c - context, progress, errors, loading: what every command does.
 * SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

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
static bool show_progress(void *self, const char *what, uint64_t done, uint64_t total)
{
    static uint64_t last_ns;
    const uint64_t now = now_ns();

    (void)self;
    if (isatty(STDERR_FILENO) && now - last_ns > 100000000u) {
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
    const mw_ctx_options options = {.progress = show_progress, .log = show_log};
    const struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESETHAND};
    mw_ctx *ctx = NULL;

    (void)sigaction(SIGINT, &action, NULL);
    if (mw_ctx_create(&options, &ctx) != MW_OK) {
        (void)fprintf(stderr, "milliwatt: out of memory\n");
        exit(EXIT_FAILED);
    }
    return ctx;
}

int fail(mw_ctx *ctx)
{
    progress_done();
    (void)fprintf(stderr, "milliwatt: %s\n", mw_ctx_error(ctx));
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

mw_status parse_shape(const char *text, mw_shape *out)
{
    out->rank = 0;
    for (const char *at = text; *at != '\0';) {
        char *end;
        const long v = strtol(at, &end, 10);
        if (end == at || v < 1 || v > INT32_MAX || out->rank == MW_MAX_RANK) return MW_EINVAL;
        out->dims[out->rank++] = (int32_t)v;
        if (*end == ',' || *end == 'x')
            end++;
        else if (*end != '\0')
            return MW_EINVAL;
        at = end;
    }
    return out->rank > 0 ? MW_OK : MW_EINVAL;
}

mw_status load_model(mw_ctx *ctx, const char *path, const opt_list *shapes, mw_model **out)
{
    enum { MAX_INPUTS = 64 };
    static mw_shape parsed[MAX_INPUTS];
    mw_load_options options = {0};

    for (size_t i = 0; shapes != NULL && i < shapes->n; i++) {
        if (i == MAX_INPUTS || parse_shape(shapes->v[i], &parsed[i]) != MW_OK) {
            (void)fail_text("--input-shape '%s' is not a shape such as 1,224,224,3", shapes->v[i]);
            exit(EXIT_USAGE);
        }
        options.n_input_shapes = i + 1;
    }
    options.input_shapes = options.n_input_shapes > 0 ? parsed : NULL;
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
