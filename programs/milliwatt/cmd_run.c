/* programs/milliwatt/cmd_run.c - arrays in, arrays out.   SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "invocation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

extern const command command_run;

struct settings {
    const char *path, *output, *data;
    opt_list inputs, shapes; /* inputs: NULL begins a further invocation */
    data_options d;
    uint64_t batch, threads, seed;
    bool random, json;
};

static bool make_folder(const char *path)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST) return true;
    (void)fail_text("%s: %s", path, strerror(errno));
    return false;
}

/* Saves out_<i>.npy, or out_<i>.s<k>.npy of the k-th further invocation. */
static mw_status save_results(mw_ctx *ctx, const char *folder, size_t invocation,
                              const result *results, size_t n)
{
    char path[4096];
    mw_status st = MW_OK;

    for (size_t i = 0; i < n && st == MW_OK; i++) {
        if (invocation == 0)
            (void)snprintf(path, sizeof path, "%s/out_%zu.npy", folder, i);
        else
            (void)snprintf(path, sizeof path, "%s/out_%zu.s%zu.npy", folder, i, invocation);
        st = mw_array_save(ctx, path, results[i].dtype, results[i].rank, results[i].dims,
                           results[i].data);
    }
    return st;
}

/* One invocation from files inputs[0..n). Prints the mistake itself. */
static bool run_files(mw_ctx *ctx, mw_session *s, const mw_model *m, const char *const *paths,
                      size_t n, const char *folder, size_t invocation)
{
    mw_array *const arrays = calloc(n + 1, sizeof *arrays);
    result *results = NULL;
    bool good = arrays != NULL;

    for (size_t i = 0; i < n && good; i++) {
        good = mw_array_load(ctx, paths[i], &arrays[i]) == MW_OK;
        if (!good) (void)fail(ctx);
    }
    good = good && feed(ctx, s, m, arrays, n, &results);
    if (good && save_results(ctx, folder, invocation, results, mw_session_n_outputs(s)) != MW_OK)
        good = false, (void)fail(ctx);
    free_results(results, mw_session_n_outputs(s));
    for (size_t i = 0; arrays != NULL && i < n; i++) mw_array_free(&arrays[i]);
    free(arrays);
    return good;
}

static bool run_all_files(mw_ctx *ctx, mw_session *s, const mw_model *m, const struct settings *o,
                          size_t *n_runs)
{
    size_t begin = 0;

    for (size_t i = 0; i <= o->inputs.n; i++) {
        if (i < o->inputs.n && o->inputs.v[i] != NULL) continue;
        if (!run_files(ctx, s, m, o->inputs.v + begin, i - begin, o->output, *n_runs)) return false;
        (*n_runs)++;
        begin = i + 1;
    }
    return true;
}

/* Uniform values: floats in [-1, 1), integers over their whole range. SplitMix64, so that a seed
 * names the same input everywhere. */
static void fill_random(mw_dtype dtype, void *data, size_t bytes, uint64_t *state)
{
    for (size_t i = 0; i < bytes;) {
        uint64_t z = (*state += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        z ^= z >> 31;
        if (dtype == MW_FLOAT32) {
            const float f = (float)((double)(z >> 11) * 0x1p-52 - 1.0);
            memcpy((char *)data + i, &f, sizeof f);
            i += sizeof f;
        } else if (dtype == MW_BOOL) {
            ((uint8_t *)data)[i++] = z & 1;
        } else {
            ((uint8_t *)data)[i++] = (uint8_t)z;
        }
    }
}

static mw_status run_random(mw_ctx *ctx, mw_session *s, const struct settings *o)
{
    uint64_t state = o->seed;
    mw_status st = MW_OK;
    mw_buffer b;

    for (size_t i = 0; i < mw_session_n_inputs(s) && st == MW_OK; i++) {
        st = mw_session_input(ctx, s, i, &b);
        if (st == MW_OK) fill_random(b.info.dtype, b.data, b.bytes, &state);
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
    }
    return st;
}

/* ---- a whole set ---- */

struct set {
    mw_dataset *data;
    size_t n_inputs, n_outputs;
    mw_tensor_info *inputs, *outputs;
    size_t *in_bytes, *out_bytes; /* of a sample */
    void **in, **out;             /* of a batch */
    char **all;                   /* outputs of the whole set */
};

static bool prepare_set(mw_ctx *ctx, const mw_session *s, const mw_model *m, size_t batch,
                        uint64_t n, struct set *set)
{
    set->n_inputs = mw_model_n_inputs(m);
    set->n_outputs = mw_model_n_outputs(m);
    const size_t k = set->n_inputs + set->n_outputs + 1;
    set->inputs = calloc(k, sizeof *set->inputs);
    set->outputs = set->inputs + set->n_inputs;
    set->in_bytes = calloc(k, sizeof *set->in_bytes);
    set->out_bytes = set->in_bytes + set->n_inputs;
    set->in = calloc(k, sizeof *set->in);
    set->out = set->in + set->n_inputs;
    set->all = calloc(k, sizeof *set->all);
    if (set->inputs == NULL || set->in_bytes == NULL || set->in == NULL || set->all == NULL)
        return false;
    for (size_t i = 0; i < set->n_inputs; i++) {
        if (mw_model_input(ctx, m, i, &set->inputs[i]) != MW_OK) return false;
        set->in_bytes[i] = mw_session_input_sample_bytes(s, i);
        set->in[i] = malloc(set->in_bytes[i] * batch + 1);
        if (set->in[i] == NULL) return false;
    }
    for (size_t i = 0; i < set->n_outputs; i++) {
        if (mw_model_output(ctx, m, i, &set->outputs[i]) != MW_OK) return false;
        set->out_bytes[i] = mw_session_output_sample_bytes(s, i);
        set->all[i] = malloc(set->out_bytes[i] * n + 1);
        if (set->all[i] == NULL) return false;
    }
    return true;
}

static void free_set(struct set *set)
{
    for (size_t i = 0; set->in != NULL && i < set->n_inputs; i++) free(set->in[i]);
    for (size_t i = 0; set->all != NULL && i < set->n_outputs; i++) free(set->all[i]);
    free(set->inputs);
    free(set->in_bytes);
    free(set->in);
    free(set->all);
}

static mw_status run_batches(mw_ctx *ctx, mw_session *s, struct set *set, size_t batch, uint64_t n)
{
    for (uint64_t at = 0; at < n; at += batch) {
        const size_t count = n - at < batch ? (size_t)(n - at) : batch;
        for (size_t i = 0; i < set->n_inputs; i++) {
            const mw_status st = mw_dataset_read(ctx, set->data, i, at, count, &set->inputs[i],
                                                 set->in[i], count * set->in_bytes[i]);
            if (st != MW_OK) return st;
        }
        for (size_t i = 0; i < set->n_outputs; i++)
            set->out[i] = set->all[i] + at * set->out_bytes[i];
        const mw_status st =
            mw_session_run_batch(ctx, s, count, (const void *const *)set->in, set->out);
        if (st != MW_OK) return st;
    }
    return MW_OK;
}

static mw_status save_set(mw_ctx *ctx, const mw_session *s, const struct set *set,
                          const char *folder, uint64_t n)
{
    mw_status st = MW_OK;

    for (size_t i = 0; i < set->n_outputs && st == MW_OK; i++) {
        mw_tensor_info *const t = &set->outputs[i];
        char path[4096];
        (void)snprintf(path, sizeof path, "%s/out_%zu.npy", folder, i);
        (void)batch_shape(s, i, t, (size_t)n);
        st = mw_array_save(ctx, path, t->dtype, t->rank, t->dims, set->all[i]);
    }
    return st;
}

static mw_status run_set(mw_ctx *ctx, mw_session *s, const mw_model *m, const struct settings *o,
                         size_t *n_runs)
{
    struct set set = {0};
    const size_t batch = o->batch == 0 ? 1 : (size_t)o->batch;
    mw_status st = open_data(ctx, o->data, &o->d, MW_DATA_TEST, m, &set.data);

    if (st == MW_OK) {
        const uint64_t n = mw_dataset_n_samples(set.data);
        if (!prepare_set(ctx, s, m, batch, n, &set)) st = MW_ENOMEM;
        if (st == MW_OK) st = run_batches(ctx, s, &set, batch, n);
        if (st == MW_OK) st = save_set(ctx, s, &set, o->output, n);
        *n_runs = (size_t)((n + batch - 1) / batch);
    }
    free_set(&set);
    mw_dataset_close(set.data);
    return st;
}

static int run_model(mw_ctx *ctx, const struct settings *o)
{
    mw_model *m = NULL;
    mw_session *s = NULL;
    size_t n_runs = 0;
    const mw_session_options options = {.n_threads = (uint32_t)o->threads};
    int status = EXIT_FAILED;

    mw_status st = load_model(ctx, o->path, &o->shapes, &m);
    if (st == MW_OK) st = mw_session_create(ctx, m, &options, &s);
    if (st != MW_OK) {
        status = fail(ctx);
    } else if (make_folder(o->output)) {
        const uint64_t begin = now_ns();
        if (o->data != NULL)
            st = run_set(ctx, s, m, o, &n_runs);
        else if (o->random)
            st = run_random(ctx, s, o), n_runs = 1;
        else if (run_all_files(ctx, s, m, o, &n_runs))
            status = EXIT_OK;
        if (o->data != NULL || o->random) status = st == MW_OK ? EXIT_OK : fail(ctx);
        if (status == EXIT_OK) {
            receipt *const r = receipt_open("run", o->json);
            receipt_text(r, "model", "model", o->path);
            receipt_text(r, "output", "written to", o->output);
            receipt_uint(r, "runs", "runs", n_runs, "");
            receipt_uint(r, "outputs", "outputs", mw_session_n_outputs(s), "");
            receipt_number(r, "total_us", "time with files", (double)(now_ns() - begin) / 1e3,
                           "%.0f us");
            receipt_close(r);
        }
    }
    mw_session_destroy(s);
    mw_model_destroy(m);
    return status;
}

static int run(int argc, char **argv)
{
    struct settings o = {.threads = 1};
    const opt opts[] = {
        {"--input", OPT_STRINGS, &o.inputs, "A.npy",
         "one an input, in the model's order; its shape sets the batch"},
        {"--next", OPT_MARK, &o.inputs, NULL, "begin a further invocation; state is kept"},
        {"--output", OPT_STRING, &o.output, "DIR",
         "writes DIR/out_0.npy ...; a further invocation's DIR/out_0.s1.npy ..."},
        {"--random", OPT_FLAG, &o.random, NULL, "random inputs in place of --input"},
        {"--seed", OPT_UINT, &o.seed, "N", "of --random (default 0)"},
        {"--data", OPT_STRING, &o.data, "DATA", "run a whole set in place of --input"},
        DATA_OPTS(o.d),
        {"--batch", OPT_UINT, &o.batch, "N", "with --data: samples a run (default 1)"},
        {"--threads", OPT_UINT, &o.threads, "N", "threads (default 1)"},
        {"--input-shape", OPT_STRINGS, &o.shapes, "N,H,W,C",
         "an input's shape, for a Keras file with open dimensions"},
        {"--json", OPT_FLAG, &o.json, NULL, "the receipt as JSON"},
    };
    const int done =
        parse_options(&command_run, argc, argv, opts, sizeof opts / sizeof *opts, &o.path, 1, 1);

    if (done >= 0) return done;
    const int ways = (o.inputs.n > 0) + o.random + (o.data != NULL);
    if (ways != 1) return fail_text("run: give either --input, --random or --data"), EXIT_USAGE;
    if (o.output == NULL) return fail_text("run: where to? add --output DIR"), EXIT_USAGE;
    mw_ctx *const ctx = open_ctx();
    const int status = run_model(ctx, &o);
    mw_ctx_destroy(ctx);
    return status;
}

const command command_run = {
    .name = "run",
    .summary = "run a model on arrays and save what comes out",
    .usage = "MODEL --input A.npy [--input B.npy] [--next --input ...] --output DIR",
    .example = "milliwatt run model.tflite --input x.npy --output out",
    .run = run,
};
