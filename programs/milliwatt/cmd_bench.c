/* programs/milliwatt/cmd_bench.c - latency, load time, memory, and where the time goes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

extern const command command_bench;

enum { MAX_RUNS = 1000000, MIN_RUNS = 20 };

struct settings {
    const char *path;
    opt_list shapes;
    uint64_t threads, batch, runs;
    double seconds;
    bool per_op, json;
};

struct figures {
    double load_us, first_us;
    double *us; /* sorted */
    size_t n;
};

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Nearest rank. */
static double percentile(const struct figures *f, double p)
{
    size_t i = (size_t)ceil(p / 100.0 * (double)f->n);
    if (i > 0) i--;
    return f->us[i < f->n ? i : f->n - 1];
}

/* Inputs that keep values in a common range: small floats, every byte for integers. */
static mw_status fill_inputs(mw_ctx *ctx, mw_session *s)
{
    uint32_t state = 1;

    for (size_t i = 0; i < mw_session_n_inputs(s); i++) {
        mw_buffer b;
        const mw_status st = mw_session_input(ctx, s, i, &b);
        if (st != MW_OK) return st;
        for (size_t k = 0; k < b.bytes; k++) {
            state = state * 1664525u + 1013904223u;
            if (b.info.dtype == MW_FLOAT32 && k % 4 == 0) {
                const float v = (float)(state >> 8) / 16777216.0f;
                memcpy((char *)b.data + k, &v, sizeof v);
            } else if (b.info.dtype == MW_INT8 || b.info.dtype == MW_UINT8) {
                ((uint8_t *)b.data)[k] = (uint8_t)(state >> 24);
            } else if (b.info.dtype != MW_FLOAT32) {
                ((uint8_t *)b.data)[k] = 0; /* indices and the like stay in range */
            }
        }
    }
    return MW_OK;
}

static mw_status plan_batch(mw_ctx *ctx, mw_session *s, uint64_t batch)
{
    const size_t n = mw_session_n_inputs(s);
    mw_shape *const shapes = calloc(n + 1, sizeof *shapes);
    mw_status st = shapes == NULL ? MW_ENOMEM : MW_OK;

    for (size_t i = 0; i < n && st == MW_OK; i++) {
        mw_buffer b;
        st = mw_session_input(ctx, s, i, &b);
        if (st != MW_OK) break;
        shapes[i].rank = b.info.rank;
        memcpy(shapes[i].dims, b.info.dims, sizeof shapes[i].dims);
        if (b.info.rank > 0) shapes[i].dims[0] *= (int32_t)batch;
    }
    if (st == MW_OK) st = mw_session_resize(ctx, s, shapes);
    free(shapes);
    return st;
}

static mw_status measure(mw_ctx *ctx, mw_session *s, const struct settings *o, struct figures *f)
{
    const uint64_t begin = now_ns();
    const size_t most = o->runs > 0 ? (size_t)o->runs : MAX_RUNS;

    f->us = malloc((most > MAX_RUNS ? MAX_RUNS : most) * sizeof *f->us);
    if (f->us == NULL) return MW_ENOMEM;
    while (f->n < most && f->n < MAX_RUNS) {
        const uint64_t t = now_ns();
        const mw_status st = mw_session_run(ctx, s);
        if (st != MW_OK) return st;
        f->us[f->n++] = (double)(now_ns() - t) / 1e3;
        if (o->runs == 0 && f->n >= MIN_RUNS && (double)(now_ns() - begin) > o->seconds * 1e9)
            break;
    }
    qsort(f->us, f->n, sizeof *f->us, by_value);
    return MW_OK;
}

static mw_status print_steps(mw_ctx *ctx, receipt *r, const mw_session *s)
{
    static const char *const columns[] = {"op",    "kernel", "device", "us",
                                          "share", "gmacs",  "bytes",  "output"};
    uint64_t total = 0;
    mw_step_info step;

    for (size_t i = 0; i < mw_session_n_steps(s); i++) {
        const mw_status st = mw_session_step(ctx, s, i, &step);
        if (st != MW_OK) return st;
        total += step.total_ns;
    }
    receipt_table(r, "steps", "\nsteps", columns, 8);
    for (size_t i = 0; i < mw_session_n_steps(s); i++) {
        const mw_status st = mw_session_step(ctx, s, i, &step);
        if (st != MW_OK) return st;
        const double us = step.n_runs == 0 ? 0 : (double)step.total_ns / 1e3 / (double)step.n_runs;
        receipt_row(
            r,
            (cell[]){TEXT(step.op), TEXT(step.kernel), TEXT(step.device), NUMBER(us, "%.2f"),
                     NUMBER(total == 0 ? 0 : 100.0 * (double)step.total_ns / (double)total, "%.1f"),
                     NUMBER(us > 0 ? (double)step.macs / us / 1e3 : 0, "%.2f"), UINT(step.bytes),
                     TEXT(step.name)});
    }
    return MW_OK;
}

static mw_status print_figures(mw_ctx *ctx, receipt *r, const struct settings *o,
                               const struct figures *f, const mw_model *m, const mw_session *s)
{
    mw_session_memory memory;
    mw_model_summary summary;
    struct rusage usage;
    const mw_status st = mw_model_summarize(ctx, m, &summary);

    if (st != MW_OK) return st;
    mw_session_memory_use(s, &memory);
    (void)getrusage(RUSAGE_SELF, &usage);
    receipt_text(r, "model", "model", o->path);
    receipt_uint(r, "threads", "threads", o->threads, "");
    receipt_uint(r, "batch", "batch", o->batch, "");
    receipt_uint(r, "runs", "runs", f->n, "");
    receipt_number(r, "median_us", "median", percentile(f, 50), "%.2f us");
    receipt_number(r, "min_us", "min", f->us[0], "%.2f us");
    receipt_number(r, "p90_us", "p90", percentile(f, 90), "%.2f us");
    receipt_number(r, "p99_us", "p99", percentile(f, 99), "%.2f us");
    receipt_number(r, "load_us", "load and plan", f->load_us, "%.1f us");
    receipt_number(r, "first_us", "first run", f->first_us, "%.1f us");
    receipt_uint(r, "macs", "MACs a sample", summary.macs, "");
    receipt_number(r, "gmacs_per_s", "speed",
                   (double)(summary.macs * o->batch) / percentile(f, 50) / 1e3, "%.2f GMAC/s");
    receipt_uint(r, "peak_bytes", "peak memory of process", (uint64_t)usage.ru_maxrss * 1024,
                 "bytes");
    receipt_uint(r, "heap_peak_bytes", "peak of own heap", mw_ctx_peak_memory_bytes(ctx), "bytes");
    receipt_uint(r, "arena_bytes", "activations", memory.arena_bytes, "bytes");
    receipt_uint(r, "state_bytes", "state", memory.state_bytes, "bytes");
    receipt_uint(r, "weight_bytes", "weights", memory.weight_bytes, "bytes");
    receipt_uint(r, "packed_bytes", "weights rearranged", memory.packed_bytes, "bytes");
    receipt_uint(r, "prepared_bytes", "prepared arguments", memory.prepared_bytes, "bytes");
    return o->per_op ? print_steps(ctx, r, s) : MW_OK;
}

static int bench(mw_ctx *ctx, const struct settings *o)
{
    const mw_session_options options = {.n_threads = (uint32_t)o->threads, .profile = o->per_op};
    struct figures f = {0};
    mw_model *m = NULL;
    mw_session *s = NULL;
    uint64_t t = now_ns();

    mw_status st = load_model(ctx, o->path, &o->shapes, &m);
    if (st == MW_OK) st = mw_session_create(ctx, m, &options, &s);
    if (st == MW_OK && o->batch > 1) st = plan_batch(ctx, s, o->batch);
    f.load_us = (double)(now_ns() - t) / 1e3;
    if (st == MW_OK) st = fill_inputs(ctx, s);
    t = now_ns();
    if (st == MW_OK) st = mw_session_run(ctx, s);
    f.first_us = (double)(now_ns() - t) / 1e3;
    if (st == MW_OK) st = measure(ctx, s, o, &f);
    if (st == MW_OK) {
        receipt *const r = receipt_open("bench", o->json);
        st = print_figures(ctx, r, o, &f, m, s);
        receipt_close(r);
    }
    const int status = st == MW_OK ? EXIT_OK : fail(ctx);
    free(f.us);
    mw_session_destroy(s);
    mw_model_destroy(m);
    return status;
}

static int run(int argc, char **argv)
{
    struct settings o = {.threads = 1, .batch = 1, .seconds = 1};
    const opt opts[] = {
        {"--threads", OPT_UINT, &o.threads, "N", "threads (default 1)"},
        {"--batch", OPT_UINT, &o.batch, "N", "samples a run (default 1)"},
        {"--per-op", OPT_FLAG, &o.per_op, NULL, "time, kernel, speed and bytes of each step"},
        {"--seconds", OPT_NUMBER, &o.seconds, "S", "measure about this long (default 1)"},
        {"--runs", OPT_UINT, &o.runs, "N", "measure exactly N runs"},
        {"--input-shape", OPT_STRINGS, &o.shapes, "N,H,W,C",
         "an input's shape, for a Keras file with open dimensions"},
        {"--json", OPT_FLAG, &o.json, NULL, "the receipt as JSON"},
    };
    const int done =
        parse_options(&command_bench, argc, argv, opts, sizeof opts / sizeof *opts, &o.path, 1, 1);

    if (done >= 0) return done;
    if (o.threads == 0 || o.batch == 0 || o.batch > 65536)
        return fail_text("bench: --threads and --batch count from 1 (batch to 65536)"), EXIT_USAGE;
    mw_ctx *const ctx = open_ctx();
    const int status = bench(ctx, &o);
    mw_ctx_destroy(ctx);
    return status;
}

const command command_bench = {
    .name = "bench",
    .summary = "latency, load time and memory of a model on this machine",
    .usage = "MODEL [--threads N] [--batch N] [--per-op]",
    .example = "milliwatt bench model.tflite --per-op",
    .more =
        "peak_bytes is the most memory that the whole process held (resident), libraries included.",
    .run = run,
};
