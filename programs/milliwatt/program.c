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

int fail(mw_ctx *ctx, mw_status status)
{
    const char *const text = mw_ctx_error(ctx);

    progress_done();
    (void)fprintf(stderr, "milliwatt: %s\n", *text != '\0' ? text : mw_status_name(status));
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
