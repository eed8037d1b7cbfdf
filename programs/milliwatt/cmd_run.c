/* programs/milliwatt/cmd_run.c - arrays in, arrays out.   SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "invocation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

extern const command command_run;

enum { MAX_SHOWN = 8, SHOWN_BYTES = 512 };

struct settings {
    const char *path, *output, *data;
    opt_list inputs; /* NULL begins a further invocation */
    shape_list shapes;
    data_options d;
    uint64_t batch, threads, seed;
    bool random, json;
    char (*shown)[SHOWN_BYTES]; /* MAX_SHOWN of them */
};

/* Makes the folder and those above it. Prints the mistake itself. */
static bool make_folder(const char *path)
{
    struct stat info;
    char part[4096];
    const size_t n = strlen(path);

    if (n >= sizeof part - 32) return (void)fail_text("--output: a path of %zu bytes", n), false;
    memcpy(part, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != '\0') continue;
        part[i] = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return (void)fail_text("%s: %s", part, strerror(errno)), false;
        part[i] = path[i];
    }
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) return true;
    return (void)fail_text("%s: is a file, --output takes a folder", path), false;
}

/* What the receipt shows of string outputs: those of the last invocation. */
static void show(const struct settings *o, size_t i, mw_dtype dtype, const void *data, size_t bytes)
{
    if (dtype == MW_STRING && i < MAX_SHOWN)
        strings_text(data, bytes / sizeof(mw_string), o->shown[i], SHOWN_BYTES);
}

/* Saves out_<i>.npy, or out_<i>.s<k>.npy of the k-th further invocation. */
static mw_status save_results(mw_ctx *ctx, const struct settings *o, size_t invocation,
                              const result *results, size_t n)
{
    const char *const folder = o->output;
    char path[4096];
    mw_status st = MW_OK;

    for (size_t i = 0; i < n && st == MW_OK; i++) {
        if (invocation == 0)
            (void)snprintf(path, sizeof path, "%s/out_%zu.npy", folder, i);
        else
            (void)snprintf(path, sizeof path, "%s/out_%zu.s%zu.npy", folder, i, invocation);
        st = mw_array_save(ctx, path, results[i].dtype, results[i].rank, results[i].dims,
                           results[i].data);
        if (st == MW_OK) show(o, i, results[i].dtype, results[i].data, results[i].bytes);
    }
    return st;
}

/* One invocation from files inputs[0..n). Prints the mistake itself. */
static bool run_files(mw_ctx *ctx, mw_session *s, const mw_model *m, const struct settings *o,
                      const char *const *paths, size_t n, size_t invocation)
{
    mw_array *const arrays = calloc(n + 1, sizeof *arrays);
    const size_t n_results = mw_session_n_outputs(s);
    result *results = NULL;
    mw_status st = arrays == NULL ? MW_ENOMEM : MW_OK;
    bool fed = false;

    for (size_t i = 0; i < n && st == MW_OK; i++) st = mw_array_load(ctx, paths[i], &arrays[i]);
    if (st == MW_OK) {
        fed = feed(ctx, s, m, arrays, paths, n, &results);
        if (fed) st = save_results(ctx, o, invocation, results, n_results);
    }
    if (st != MW_OK) (void)fail(ctx, st);
    free_results(results, n_results);
    for (size_t i = 0; arrays != NULL && i < n; i++) mw_array_free(&arrays[i]);
    free(arrays);
    return fed && st == MW_OK;
}

static bool run_all_files(mw_ctx *ctx, mw_session *s, const mw_model *m, const struct settings *o,
                          size_t *n_runs)
{
    size_t begin = 0;

    for (size_t i = 0; i <= o->inputs.n; i++) {
        if (i < o->inputs.n && o->inputs.v[i] != NULL) continue;
        if (was_interrupted()) return (void)fail_text("cancelled"), false;
        if (!run_files(ctx, s, m, o, o->inputs.v + begin, i - begin, *n_runs)) return false;
        (*n_runs)++;
        begin = i + 1;
    }
    return true;
}

static mw_status run_random(mw_ctx *ctx, mw_session *s, const mw_model *m, const struct settings *o)
{
    uint64_t state = o->seed;
    mw_status st = MW_OK;
    mw_buffer b;

    for (size_t i = 0; i < mw_session_n_inputs(s) && st == MW_OK; i++) {
        st = mw_session_input(ctx, s, i, &b);
        if (st == MW_OK) st = fill_random(ctx, m, i, &b, &state);
    }
    if (st == MW_OK) st = mw_session_run(ctx, s);
    for (size_t i = 0; i < mw_session_n_outputs(s) && st == MW_OK; i++) {
        st = mw_session_output(ctx, s, i, &b);
        if (st != MW_OK) break;
        const result r = {b.info.dtype, b.info.rank, {0}, b.data, b.bytes};
        result copy = r;
        memcpy(copy.dims, b.info.dims, sizeof copy.dims);
        char path[4096];
        (void)snprintf(path, sizeof path, "%s/out_%zu.npy", o->output, i);
        st = mw_array_save(ctx, path, copy.dtype, copy.rank, copy.dims, copy.data);
        if (st == MW_OK) show(o, i, b.info.dtype, b.data, b.bytes);
    }
    return st;
}

/* ---- a whole set: outputs go to their files batch by batch ---- */

struct set {
    mw_dataset *data;
    uint64_t n; /* samples */
    size_t batch;
    size_t n_inputs, n_outputs;
    mw_tensor_info *inputs;
    size_t *in_bytes, *out_bytes; /* of a sample */
    void **in, **out;             /* of a batch */
    mw_array_writer **files;
};

static mw_status make_arrays(struct set *set, const mw_model *m)
{
    set->n_inputs = mw_model_n_inputs(m);
    set->n_outputs = mw_model_n_outputs(m);
    const size_t k = set->n_inputs + set->n_outputs + 1;
    set->inputs = calloc(k, sizeof *set->inputs);
    set->in_bytes = calloc(k, sizeof *set->in_bytes);
    set->in = calloc(k, sizeof *set->in);
    set->files = calloc(k, sizeof *set->files);
    if (set->inputs == NULL || set->in_bytes == NULL || set->in == NULL || set->files == NULL)
        return MW_ENOMEM;
    set->out_bytes = set->in_bytes + set->n_inputs;
    set->out = set->in + set->n_inputs;
    return MW_OK;
}

static mw_status make_batch(size_t batch, size_t sample_bytes, void **out)
{
    if (sample_bytes > SIZE_MAX / batch - 1) return MW_ENOMEM;
    *out = malloc(batch * sample_bytes + 1);
    return *out == NULL ? MW_ENOMEM : MW_OK;
}

static mw_status open_output(mw_ctx *ctx, const mw_session *s, const mw_model *m,
                             const char *folder, size_t i, struct set *set)
{
    mw_tensor_info t;
    char path[4096];
    const mw_status st = mw_model_output(ctx, m, i, &t);

    if (st != MW_OK) return st;
    (void)snprintf(path, sizeof path, "%s/out_%zu.npy", folder, i);
    (void)batch_shape(s, i, &t, (size_t)set->n);
    if (set->n > INT32_MAX) t.dims[0] = -1; /* refused */
    return mw_array_writer_open(ctx, path, t.dtype, t.rank, t.dims, &set->files[i]);
}

static mw_status prepare_set(mw_ctx *ctx, const mw_session *s, const mw_model *m,
                             const char *folder, struct set *set)
{
    mw_status st = make_arrays(set, m);

    for (size_t i = 0; i < set->n_inputs && st == MW_OK; i++) {
        st = mw_model_input(ctx, m, i, &set->inputs[i]);
        set->in_bytes[i] = mw_session_input_sample_bytes(s, i);
        if (st == MW_OK) st = make_batch(set->batch, set->in_bytes[i], &set->in[i]);
    }
    for (size_t i = 0; i < set->n_outputs && st == MW_OK; i++) {
        set->out_bytes[i] = mw_session_output_sample_bytes(s, i);
        st = make_batch(set->batch, set->out_bytes[i], &set->out[i]);
        if (st == MW_OK) st = open_output(ctx, s, m, folder, i, set);
    }
    return st;
}

static void free_set(struct set *set)
{
    for (size_t i = 0; set->in != NULL && i < set->n_inputs + set->n_outputs; i++) free(set->in[i]);
    for (size_t i = 0; set->files != NULL && i < set->n_outputs; i++)
        mw_array_writer_discard(set->files[i]);
    free(set->inputs);
    free(set->in_bytes);
    free(set->in);
    free(set->files);
    mw_dataset_close(set->data);
}

static mw_status run_part(mw_ctx *ctx, mw_session *s, struct set *set, uint64_t at, size_t count)
{
    mw_status st = MW_OK;

    for (size_t i = 0; i < set->n_inputs && st == MW_OK; i++)
        st = mw_dataset_read(ctx, set->data, i, at, count, &set->inputs[i], set->in[i],
                             count * set->in_bytes[i]);
    if (st == MW_OK)
        st = mw_session_run_batch(ctx, s, count, (const void *const *)set->in, set->out);
    for (size_t i = 0; i < set->n_outputs && st == MW_OK; i++)
        st = mw_array_writer_append(ctx, set->files[i], set->out[i], count * set->out_bytes[i]);
    return st;
}

static mw_status run_batches(mw_ctx *ctx, mw_session *s, struct set *set)
{
    mw_status st = MW_OK;

    for (uint64_t at = 0; at < set->n && st == MW_OK; at += set->batch) {
        if (!tell_progress("run", at, set->n)) return MW_ECANCELLED;
        st = run_part(ctx, s, set, at,
                      set->n - at < set->batch ? (size_t)(set->n - at) : set->batch);
    }
    for (size_t i = 0; i < set->n_outputs && st == MW_OK; i++) {
        st = mw_array_writer_commit(ctx, set->files[i]);
        set->files[i] = NULL;
    }
    return st;
}

static mw_status run_set(mw_ctx *ctx, mw_session *s, const mw_model *m, const struct settings *o,
                         size_t *n_runs)
{
    struct set set = {0};
    mw_status st = open_data(ctx, o->data, &o->d, MW_DATA_TEST, m, &set.data);

    if (st == MW_OK) {
        set.n = mw_dataset_n_samples(set.data);
        set.batch = set.n < o->batch ? (size_t)set.n : (size_t)o->batch;
        st = prepare_set(ctx, s, m, o->output, &set);
        if (st == MW_OK) st = run_batches(ctx, s, &set);
        *n_runs = (size_t)((set.n + set.batch - 1) / set.batch);
    }
    free_set(&set);
    return st;
}

static void print_receipt(const struct settings *o, const mw_session *s, size_t n_runs,
                          uint64_t begin)
{
    receipt *const r = receipt_open("run", o->json);

    receipt_text(r, "model", "model", o->path);
    receipt_text(r, "output", "written to", o->output);
    receipt_uint(r, "runs", "runs", n_runs, "");
    receipt_uint(r, "outputs", "outputs", mw_session_n_outputs(s), "");
    for (size_t i = 0; i < MAX_SHOWN; i++) {
        char key[32], label[32];
        (void)snprintf(key, sizeof key, "strings_%zu", i);
        (void)snprintf(label, sizeof label, "strings of output %zu", i);
        if (*o->shown[i] != '\0') receipt_text(r, key, label, o->shown[i]);
    }
    receipt_number(r, "total_us", "time with files", (double)(now_ns() - begin) / 1e3, "%.0f us");
    receipt_close(r);
}

static int run_model(mw_ctx *ctx, const struct settings *o)
{
    mw_model *m = NULL;
    mw_session *s = NULL;
    size_t n_runs = 0;
    const mw_session_options options = {.n_threads = (uint32_t)o->threads};
    bool said = false; /* what went wrong */

    mw_status st = load_model(ctx, o->path, &o->shapes, &m);
    if (st == MW_OK) st = mw_session_create(ctx, m, &options, &s);
    const uint64_t begin = now_ns();
    if (st == MW_OK) said = !make_folder(o->output);
    if (st == MW_OK && !said) {
        if (o->data != NULL)
            st = run_set(ctx, s, m, o, &n_runs);
        else if (o->random)
            st = run_random(ctx, s, m, o), n_runs = 1;
        else
            said = !run_all_files(ctx, s, m, o, &n_runs);
    }
    progress_done();
    if (st != MW_OK)
        (void)fail(ctx, st);
    else if (!said)
        print_receipt(o, s, n_runs, begin);
    mw_session_destroy(s);
    mw_model_destroy(m);
    return st != MW_OK || said ? EXIT_FAILED : EXIT_OK;
}

static bool has_empty_invocation(const opt_list *inputs)
{
    for (size_t i = 0; i < inputs->n; i++)
        if (inputs->v[i] == NULL && (i == 0 || i + 1 == inputs->n || inputs->v[i + 1] == NULL))
            return true;
    return false;
}

static int check_and_run(const struct settings *o)
{
    const int ways = (o->inputs.n > 0) + o->random + (o->data != NULL);

    if (ways == 0) return fail_text("run: give either --input, --random or --data"), EXIT_USAGE;
    if (ways > 1)
        return fail_text("run: %s exclude each other", o->inputs.n == 0 ? "--random and --data"
                                                       : o->random      ? "--input and --random"
                                                                        : "--input and --data"),
               EXIT_USAGE;
    if (has_empty_invocation(&o->inputs))
        return fail_text("run: an invocation without --input before or after --next"), EXIT_USAGE;
    if (o->output == NULL) return fail_text("run: where to? add --output DIR"), EXIT_USAGE;
    mw_ctx *const ctx = open_ctx();
    const int status = run_model(ctx, o);
    mw_ctx_destroy(ctx);
    return status;
}

static int run(int argc, char **argv)
{
    char shown[MAX_SHOWN][SHOWN_BYTES] = {""};
    struct settings o = {.shown = shown, .threads = 1, .batch = 1, .d = {.scale = 1}};
    const opt opts[] = {
        {"--input", OPT_STRINGS, &o.inputs, "A.npy",
         .help = "one an input, in the model's order; its shape sets the batch"},
        {"--next", OPT_MARK, &o.inputs, NULL, .help = "begin a further invocation; state is kept",
         .needs = "--input"},
        {"--output", OPT_STRING, &o.output, "DIR",
         .help = "writes DIR/out_0.npy ...; a further invocation's DIR/out_0.s1.npy ..."},
        {"--random", OPT_FLAG, &o.random, NULL,
         .help = "random inputs: floats from -1 to 1, int32 and int64 0 or 1, strings a few words"},
        {"--seed", OPT_UINT, &o.seed, "N", .help = "of --random (default 0)", .needs = "--random"},
        {"--data", OPT_STRING, &o.data, "DATA", .help = "run a whole set in place of --input"},
        DATA_OPTS(o.d, "--data"),
        {"--batch", OPT_UINT, &o.batch, "N", .help = "with --data: samples a run (default 1)",
         .min = 1, .max = MAX_BATCH, .needs = "--data"},
        OPT_THREADS(o.threads, "threads (default 1)"),
        OPT_INPUT_SHAPE(o.shapes),
        OPT_JSON(o.json),
    };
    const int done = parse_options(&command_run, argc, argv, opts, N_OPTS(opts), &o.path, 1, 1);

    if (done >= 0) return done;
    const int status = check_and_run(&o);
    free_options(opts, N_OPTS(opts));
    return status;
}

const command command_run = {
    .name = "run",
    .summary = "run a model on arrays and save what comes out",
    .usage = "MODEL --input A.npy [--input B.npy] [--next --input ...] --output DIR",
    .example = "milliwatt run model.tflite --input x.npy --output out",
    .run = run,
};
