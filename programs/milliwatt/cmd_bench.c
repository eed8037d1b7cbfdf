/* programs/milliwatt/cmd_bench.c - latency, load time, memory, and where the time goes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const command command_bench;

enum { MAX_RUNS = 1000000, MIN_RUNS = 20 };

struct settings {
    const char *path, *kernels;
    shape_list shapes;
    uint64_t threads, batch, runs;
    double seconds;
    bool per_op, json;
};

struct figures {
    uint64_t start_bytes; /* most memory of the process before the model was loaded */
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

/* ---- inputs ---- */

/* The input's values, kept aside: a run may write over them. */
struct inputs {
    size_t n;
    void **copy;
};

static mw_status make_inputs(mw_ctx *ctx, const mw_model *m, mw_session *s, struct inputs *in)
{
    uint64_t state = 1;

    in->n = mw_session_n_inputs(s);
    in->copy = calloc(in->n + 1, sizeof *in->copy);
    if (in->copy == NULL) return MW_ENOMEM;
    for (size_t i = 0; i < in->n; i++) {
        mw_buffer b;
        mw_status st = mw_session_input(ctx, s, i, &b);
        if (st == MW_OK && b.bytes > 0) st = fill_random(ctx, m, i, &b, &state);
        if (st != MW_OK) return st;
        in->copy[i] = malloc(b.bytes + 1);
        if (in->copy[i] == NULL) return MW_ENOMEM;
        if (b.bytes > 0) memcpy(in->copy[i], b.data, b.bytes);
    }
    return MW_OK;
}

static mw_status set_inputs(mw_ctx *ctx, mw_session *s, const struct inputs *in)
{
    mw_status st = MW_OK;

    for (size_t i = 0; i < in->n && st == MW_OK; i++) {
        mw_buffer b;
        st = mw_session_input(ctx, s, i, &b);
        if (st == MW_OK && b.bytes > 0) memcpy(b.data, in->copy[i], b.bytes);
    }
    return st;
}

static void free_inputs(struct inputs *in)
{
    for (size_t i = 0; in->copy != NULL && i < in->n; i++) free(in->copy[i]);
    free(in->copy);
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

/* ---- steps: each one's time in the first runs, for its median ---- */

enum { STEP_RUNS = 1000 };

struct steps {
    size_t n, n_runs;
    double *total; /* by step: of all runs so far */
    double *us;    /* STEP_RUNS a step */
};

static mw_status make_steps(const mw_session *s, struct steps *steps)
{
    steps->n = mw_session_n_steps(s);
    steps->total = calloc(steps->n + 1, sizeof *steps->total);
    steps->us = calloc(steps->n + 1, STEP_RUNS * sizeof *steps->us);
    return steps->total == NULL || steps->us == NULL ? MW_ENOMEM : MW_OK;
}

/* What the run that just ended took. */
static mw_status note_steps(mw_ctx *ctx, const mw_session *s, struct steps *steps, bool count)
{
    mw_step_info info;

    if (steps->n_runs == STEP_RUNS) return MW_OK;
    for (size_t i = 0; i < steps->n; i++) {
        const mw_status st = mw_session_step(ctx, s, i, &info);
        if (st != MW_OK) return st;
        if (count) steps->us[i * STEP_RUNS + steps->n_runs] = info.total_us - steps->total[i];
        steps->total[i] = info.total_us;
    }
    steps->n_runs += count;
    return MW_OK;
}

static double step_median(const struct steps *steps, size_t i)
{
    double *const us = steps->us + i * STEP_RUNS;

    if (steps->n_runs == 0) return 0;
    qsort(us, steps->n_runs, sizeof *us, by_value);
    return us[(steps->n_runs - 1) / 2];
}

static mw_status print_steps(mw_ctx *ctx, receipt *r, const mw_session *s,
                             const struct steps *steps)
{
    static const char *const columns[] = {"op",    "kernel", "device", "us",
                                          "share", "gmacs",  "bytes",  "output"};
    double total = 0;
    mw_step_info step;

    for (size_t i = 0; i < steps->n; i++) total += step_median(steps, i);
    receipt_table(r, "steps", "\nsteps (medians; share in %, speed in GMAC/s)", columns, 8);
    for (size_t i = 0; i < steps->n; i++) {
        const double us = step_median(steps, i);
        const mw_status st = mw_session_step(ctx, s, i, &step);
        if (st != MW_OK) return st;
        receipt_row(r,
                    (cell[]){TEXT(step.op), TEXT(step.kernel), TEXT(step.device),
                             NUMBER(us, "%.2f"), NUMBER(total > 0 ? 100.0 * us / total : 0, "%.1f"),
                             NUMBER(us > 0 ? (double)step.macs / us / 1e3 : 0, "%.2f"),
                             UINT(step.bytes), TEXT(step.name)});
    }
    return MW_OK;
}

/* ---- measuring ---- */

struct work {
    mw_ctx *ctx;
    const struct settings *o;
    mw_model *model;
    mw_session *session;
    struct inputs inputs;
    struct figures figures;
    struct steps steps;
};

static mw_status run_once(struct work *w, double *out_us)
{
    mw_status st = set_inputs(w->ctx, w->session, &w->inputs);
    const uint64_t begin = now_ns();

    if (st == MW_OK) st = mw_session_run(w->ctx, w->session);
    *out_us = (double)(now_ns() - begin) / 1e3;
    return st;
}

static mw_status measure(struct work *w)
{
    const struct settings *const o = w->o;
    struct figures *const f = &w->figures;
    const uint64_t begin = now_ns();
    const size_t most = o->runs > 0 ? (size_t)o->runs : MAX_RUNS;
    mw_status st = MW_OK;

    f->us = malloc(most * sizeof *f->us);
    if (f->us == NULL) return MW_ENOMEM;
    while (f->n < most && st == MW_OK) {
        if (!tell_progress("bench", f->n, o->runs)) return MW_ECANCELLED;
        st = run_once(w, &f->us[f->n++]);
        if (st == MW_OK && o->per_op) st = note_steps(w->ctx, w->session, &w->steps, true);
        if (o->runs == 0 && f->n >= MIN_RUNS && (double)(now_ns() - begin) > o->seconds * 1e9)
            break;
    }
    qsort(f->us, f->n, sizeof *f->us, by_value);
    return st;
}

/* The most memory that the process held so far (resident): unlike getrusage's figure, not that of
 * the program which started it. 0: the system does not say. */
static uint64_t peak_memory(void)
{
    FILE *const f = fopen("/proc/self/status", "r");
    char line[256];
    unsigned long long kb = 0;

    if (f == NULL) return 0;
    while (fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "VmHWM: %llu kB", &kb) == 1) break;
    (void)fclose(f);
    return kb * 1024;
}

static mw_status print_figures(const struct work *w, receipt *r)
{
    const struct settings *const o = w->o;
    const struct figures *const f = &w->figures;
    mw_session_memory memory;
    mw_model_summary summary;
    const mw_status st = mw_model_summarize(w->ctx, w->model, &summary);

    if (st != MW_OK) return st;
    mw_session_memory_use(w->session, &memory);
    receipt_text(r, "model", "model", o->path);
    receipt_uint(r, "threads", "threads", o->threads, "");
    receipt_uint(r, "batch", "batch", o->batch, "");
    if (o->kernels != NULL) receipt_text(r, "kernels", "kernels preferred", o->kernels);
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
    receipt_uint(r, "peak_bytes", "peak memory of process", peak_memory(), "bytes");
    receipt_uint(r, "start_bytes", "of that before loading", f->start_bytes, "bytes");
    receipt_uint(r, "heap_peak_bytes", "peak of own heap", mw_ctx_peak_memory_bytes(w->ctx),
                 "bytes");
    receipt_uint(r, "arena_bytes", "activations", memory.arena_bytes, "bytes");
    receipt_uint(r, "state_bytes", "state", memory.state_bytes, "bytes");
    receipt_uint(r, "weight_bytes", "weights", memory.weight_bytes, "bytes");
    receipt_uint(r, "packed_bytes", "weights repacked", memory.packed_bytes, "bytes");
    receipt_uint(r, "prepared_bytes", "prepared arguments", memory.prepared_bytes, "bytes");
    return o->per_op ? print_steps(w->ctx, r, w->session, &w->steps) : MW_OK;
}

static mw_status load_and_measure(struct work *w)
{
    const struct settings *const o = w->o;
    const mw_session_options options = {
        .n_threads = (uint32_t)o->threads, .profile = o->per_op, .kernels = o->kernels};
    w->figures.start_bytes = peak_memory();
    const uint64_t begin = now_ns();

    mw_status st = load_model(w->ctx, o->path, &o->shapes, &w->model);
    if (st == MW_OK) st = mw_session_create(w->ctx, w->model, &options, &w->session);
    if (st == MW_OK && o->batch > 1) st = plan_batch(w->ctx, w->session, o->batch);
    w->figures.load_us = (double)(now_ns() - begin) / 1e3;
    if (st == MW_OK) st = make_inputs(w->ctx, w->model, w->session, &w->inputs);
    if (st == MW_OK) st = run_once(w, &w->figures.first_us);
    if (st == MW_OK && o->per_op) st = make_steps(w->session, &w->steps);
    if (st == MW_OK && o->per_op) st = note_steps(w->ctx, w->session, &w->steps, false);
    return st == MW_OK ? measure(w) : st;
}

static int bench(mw_ctx *ctx, const struct settings *o)
{
    struct work w = {.ctx = ctx, .o = o};
    mw_status st = load_and_measure(&w);

    progress_done();
    if (st == MW_OK) {
        receipt *const r = receipt_open("bench", o->json);
        st = print_figures(&w, r);
        receipt_close(r);
    }
    const int status = st == MW_OK ? EXIT_OK : fail(ctx, st);
    free(w.figures.us);
    free(w.steps.total);
    free(w.steps.us);
    free_inputs(&w.inputs);
    mw_session_destroy(w.session);
    mw_model_destroy(w.model);
    return status;
}

static int run(int argc, char **argv)
{
    struct settings o = {.threads = 1, .batch = 1, .seconds = 1};
    const opt opts[] = {
        OPT_THREADS(o.threads, "threads (default 1)"),
        OPT_BATCH(o.batch, "samples a run (default 1)"),
        {"--per-op", OPT_FLAG, &o.per_op, NULL,
         .help = "time, kernel, speed and bytes of each step"},
        {"--kernels", OPT_STRING, &o.kernels, "NAMES",
         .help = "kernels to prefer, as '*__ref' or the names of `list kernels`"},
        {"--seconds", OPT_NUMBER, &o.seconds, "S", .help = "measure about this long (default 1)",
         .min = 0.001, .max = 86400},
        {"--runs", OPT_UINT, &o.runs, "N", .help = "measure exactly N runs", .min = 1,
         .max = MAX_RUNS},
        OPT_INPUT_SHAPE(o.shapes),
        OPT_JSON(o.json),
    };
    const int done = parse_options(&command_bench, argc, argv, opts, N_OPTS(opts), &o.path, 1, 1);

    if (done >= 0) return done;
    mw_ctx *const ctx = open_ctx();
    const int status = bench(ctx, &o);
    mw_ctx_destroy(ctx);
    free_options(opts, N_OPTS(opts));
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
