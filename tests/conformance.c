/* tests/conformance.c - see conformance.h.   SPDX-License-Identifier: Apache-2.0 */
#include "conformance.h"

#include "base/half.h"
#include "base/text.h"
#include "data/source.h"

#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- comparison ---- */

double element_at(mw_dtype dtype, const void *data, size_t i)
{
    switch (dtype) {
    case MW_FLOAT32: return (double)((const float *)data)[i];
    case MW_FLOAT64: return ((const double *)data)[i];
    case MW_FLOAT16: return (double)mwi_half_to_float(((const uint16_t *)data)[i]);
    case MW_INT8: return ((const int8_t *)data)[i];
    case MW_UINT8:
    case MW_BOOL: return ((const uint8_t *)data)[i];
    case MW_INT16: return ((const int16_t *)data)[i];
    case MW_UINT16: return ((const uint16_t *)data)[i];
    case MW_INT32: return ((const int32_t *)data)[i];
    case MW_UINT32: return ((const uint32_t *)data)[i];
    case MW_INT64: return (double)((const int64_t *)data)[i];
    case MW_UINT64: return (double)((const uint64_t *)data)[i];
    default: return (double)NAN;
    }
}

static int64_t order(float f)
{
    int32_t i;
    memcpy(&i, &f, sizeof i);
    return i < 0 ? -((int64_t)i & 0x7fffffff) : i;
}

static bool element_passes(mw_dtype dtype, const void *got, const void *expected, size_t i,
                           const tolerance *t)
{
    const double g = element_at(dtype, got, i), e = element_at(dtype, expected, i);

    if (g == e || (isnan(g) && isnan(e))) return true;
    if (t->exact || !isfinite(g) || !isfinite(e)) return false;
    if (fabs(g - e) <= t->max_abs) return true;
    return dtype == MW_FLOAT32 && llabs(order((float)g) - order((float)e)) <= t->max_ulp;
}

bool arrays_agree(mw_dtype dtype, const void *got, const void *expected, size_t n,
                  const tolerance *tol, size_t *where)
{
    const unsigned bits = mw_dtype_bits(dtype);

    if (bits >= 8 && tol->exact && memcmp(got, expected, n * bits / 8) == 0) return true;
    for (*where = 0; *where < n; (*where)++)
        if (!element_passes(dtype, got, expected, *where, tol)) return false;
    return true;
}

/* ---- folders ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **list_folders(const char *path, size_t *out_n)
{
    DIR *const dir = opendir(path);
    char **list = NULL;
    size_t n = 0;

    *out_n = 0;
    if (dir == NULL) return NULL;
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        char child[4096];
        struct stat info;
        (void)snprintf(child, sizeof child, "%s/%s", path, e->d_name);
        if (e->d_name[0] == '.' || stat(child, &info) != 0 || !S_ISDIR(info.st_mode)) continue;
        char **const grown = realloc(list, (n + 1) * sizeof *list);
        if (grown == NULL) abort();
        list = grown;
        list[n++] = strdup(e->d_name);
    }
    (void)closedir(dir);
    if (n > 1) qsort(list, n, sizeof *list, by_name);
    *out_n = n;
    return list;
}

void free_list(char **list, size_t n)
{
    for (size_t i = 0; i < n; i++) free(list[i]);
    free(list);
}

/* ---- running ---- */

typedef struct runner {
    _Atomic size_t n_allocations;
    mw_ctx *ctx;
    mw_model *model;
    mw_session *session;
    bool has_late_shapes, again;
    char *why;
    size_t why_bytes;
} runner;

static void *count_alloc(void *self, size_t bytes, size_t align)
{
    void *ptr = NULL;
    atomic_fetch_add(&((runner *)self)->n_allocations, 1);
    return posix_memalign(&ptr, align < sizeof ptr ? sizeof ptr : align, bytes) == 0 ? ptr : NULL;
}

static void count_free(void *self, void *ptr, size_t bytes)
{
    (void)self, (void)bytes;
    free(ptr);
}

/* What failed, with the context's error. Only what this build cannot do counts as refused. */
static verdict say(runner *r, const char *what)
{
    const char *const error = mw_ctx_error(r->ctx);

    (void)snprintf(r->why, r->why_bytes, "%s%s%s", what, *error == '\0' ? "" : ": ", error);
    return mw_ctx_error_status(r->ctx) == MW_EUNSUPPORTED ? REFUSED : DIFFERS;
}

static size_t named_steps(runner *r, const char *pattern)
{
    mw_step_info step;
    size_t n = 0;

    for (size_t i = 0; i < mw_session_n_steps(r->session); i++) {
        if (mw_session_step(r->ctx, r->session, i, &step) != MW_OK) abort();
        n += mwi_glob_match(pattern, step.kernel);
    }
    return n;
}

static verdict open_runner(runner *r, const char *folder, const run_options *o)
{
    char path[4096];
    const mw_session_options options = {.n_threads = o->n_threads, .kernels = o->kernels};
    const mw_allocator allocator = {count_alloc, count_free, r};
    const mw_ctx_options ctx_options = {.allocator = &allocator};

    (void)snprintf(path, sizeof path, "%s/model.tflite", folder);
    if (mw_ctx_create(&ctx_options, &r->ctx) != MW_OK) abort();
    if (mw_model_load(r->ctx, path, NULL, &r->model) != MW_OK) return say(r, "load");
    if (o->optimize) {
        mw_model *before = r->model;
        const mw_status st = mw_optimize(r->ctx, before, NULL, &r->model, NULL);
        mw_model_destroy(before);
        if (st != MW_OK) return say(r, "optimize");
    }
    if (mw_session_create(r->ctx, r->model, &options, &r->session) != MW_OK) return say(r, "plan");
    if (o->n_named != NULL) *o->n_named += named_steps(r, o->kernels);
    return AGREES;
}

static void close_runner(runner *r)
{
    mw_session_destroy(r->session);
    mw_model_destroy(r->model);
    mw_ctx_destroy(r->ctx);
}

static verdict put_input(runner *r, size_t i, const void *data, size_t bytes)
{
    mw_buffer b;

    if (mw_session_input(r->ctx, r->session, i, &b) != MW_OK) return say(r, "input");
    if (b.bytes != bytes) {
        (void)snprintf(r->why, r->why_bytes, "input %zu takes %zu bytes, the case feeds %zu", i,
                       b.bytes, bytes);
        return DIFFERS;
    }
    if (bytes > 0) memcpy(b.data, data, bytes);
    return AGREES;
}

/* A run that has met shapes which depend on data has more steps than before it: it may allocate. */
static verdict run_session(runner *r)
{
    const size_t before = r->n_allocations, n_steps = mw_session_n_steps(r->session);

    if (mw_session_run(r->ctx, r->session) != MW_OK) return say(r, "run");
    if (mw_session_n_steps(r->session) != n_steps) r->has_late_shapes = true;
    if (r->n_allocations == before || (r->has_late_shapes && !r->again)) return AGREES;
    (void)snprintf(r->why, r->why_bytes, "the run allocated %zu times", r->n_allocations - before);
    return DIFFERS;
}

static verdict compare_output(runner *r, size_t i, mw_dtype dtype, int32_t rank,
                              const int32_t *dims, const void *expected, const tolerance *tol)
{
    mw_buffer b;
    size_t n = 1, where = 0;

    if (mw_session_output(r->ctx, r->session, i, &b) != MW_OK) return say(r, "output");
    bool same = b.info.rank == rank && b.info.dtype == dtype;
    for (int32_t k = 0; k < rank && same; k++) same = b.info.dims[k] == dims[k];
    for (int32_t k = 0; k < rank; k++) n *= (size_t)dims[k];
    if (!same) {
        (void)snprintf(
            r->why, r->why_bytes, "output %zu has another shape or type (%s, rank %d, first %d)", i,
            mw_dtype_name(b.info.dtype), b.info.rank, b.info.rank > 0 ? b.info.dims[0] : 0);
        return DIFFERS;
    }
    if (arrays_agree(dtype, b.data, expected, n, tol, &where)) return AGREES;
    (void)snprintf(r->why, r->why_bytes, "output %zu element %zu of %zu: %.9g, expected %.9g", i,
                   where, n, element_at(dtype, b.data, where), element_at(dtype, expected, where));
    return DIFFERS;
}

static json_t *load_json(const char *folder)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/case.json", folder);
    return json_load_file(path, 0, NULL);
}

static tolerance tolerance_of(const json_t *root)
{
    const json_t *const t = json_object_get(root, "tolerance");
    return (tolerance){.exact = json_is_true(json_object_get(t, "exact")),
                       .max_abs = json_number_value(json_object_get(t, "max_abs")),
                       .max_ulp = json_integer_value(json_object_get(t, "max_ulp"))};
}

/* ---- a batch gives what single runs give ---- */

enum { BATCH = 3, MAX_ENDS = 16 };

typedef struct batch_check {
    size_t n_in, n_out;
    size_t in_bytes[MAX_ENDS], out_bytes[MAX_ENDS];
    unsigned char *in[MAX_ENDS], *alone[MAX_ENDS], *batched[MAX_ENDS];
} batch_check;

/* Sample 1 holds the values of sample 0 in reverse, sample 2 is sample 0. */
static verdict fill_samples(runner *r, batch_check *c, const void *const *first)
{
    for (size_t i = 0; i < c->n_in; i++) {
        mw_buffer b;
        const size_t n = c->in_bytes[i];
        if (mw_session_input(r->ctx, r->session, i, &b) != MW_OK) return say(r, "input");
        const size_t e = mw_dtype_bits(b.info.dtype) < 8 ? 1 : mw_dtype_bits(b.info.dtype) / 8;
        for (size_t k = 0; k < n; k++) {
            c->in[i][k] = c->in[i][2 * n + k] = ((const unsigned char *)first[i])[k];
            c->in[i][n + k] = ((const unsigned char *)first[i])[n - e - k / e * e + k % e];
        }
    }
    return AGREES;
}

static bool run_alone(runner *r, batch_check *c)
{
    for (size_t s = 0; s < BATCH; s++) {
        mw_buffer b;
        for (size_t i = 0; i < c->n_in; i++)
            if (put_input(r, i, c->in[i] + s * c->in_bytes[i], c->in_bytes[i]) != AGREES)
                return false;
        if (mw_session_run(r->ctx, r->session) != MW_OK) return false;
        for (size_t i = 0; i < c->n_out; i++) {
            if (mw_session_output(r->ctx, r->session, i, &b) != MW_OK || b.bytes != c->out_bytes[i])
                return false;
            if (b.bytes > 0) memcpy(c->alone[i] + s * b.bytes, b.data, b.bytes);
        }
    }
    return true;
}

static verdict compare_batch(runner *r, batch_check *c, const void *const *first)
{
    verdict v = fill_samples(r, c, first);

    if (v != AGREES) return v;
    if (mw_session_reset(r->ctx, r->session) != MW_OK) return say(r, "reset");
    if (!run_alone(
            r,
            c)) { /* values in another order are no input to it, e.g. indices that must be sorted */
        mw_ctx_clear(r->ctx);
        return AGREES;
    }
    if (mw_session_reset(r->ctx, r->session) != MW_OK) return say(r, "reset");
    if (mw_session_run_batch(r->ctx, r->session, BATCH, (const void *const *)c->in,
                             (void *const *)c->batched) != MW_OK)
        return say(r, "batch");
    for (size_t i = 0; i < c->n_out; i++) {
        if (memcmp(c->alone[i], c->batched[i], BATCH * c->out_bytes[i]) == 0) continue;
        (void)snprintf(r->why, r->why_bytes, "output %zu of a batch is not that of single runs", i);
        return DIFFERS;
    }
    return AGREES;
}

/* Where every input's first dimension is 1. `first`: an input each, as the session takes it now. */
static verdict check_batch(runner *r, const void *const *first)
{
    batch_check c = {.n_in = mw_session_n_inputs(r->session),
                     .n_out = mw_session_n_outputs(r->session)};
    verdict v = AGREES;
    bool fits = c.n_in > 0 && c.n_in <= MAX_ENDS && c.n_out <= MAX_ENDS;

    for (size_t i = 0; fits && i < c.n_in; i++) {
        mw_buffer b;
        if (mw_session_input(r->ctx, r->session, i, &b) != MW_OK) return say(r, "input");
        c.in_bytes[i] = mw_session_input_sample_bytes(r->session, i);
        fits = b.info.rank > 0 && b.info.dims[0] == 1 && c.in_bytes[i] == b.bytes && b.bytes > 0;
    }
    if (!fits) return AGREES;
    for (size_t i = 0; i < c.n_in; i++) c.in[i] = malloc(BATCH * c.in_bytes[i] + 1);
    for (size_t i = 0; i < c.n_out; i++) {
        c.out_bytes[i] = mw_session_output_sample_bytes(r->session, i);
        c.alone[i] = malloc(BATCH * c.out_bytes[i] + 1);
        c.batched[i] = malloc(BATCH * c.out_bytes[i] + 1);
    }
    v = compare_batch(r, &c, first);
    for (size_t i = 0; i < c.n_in; i++) free(c.in[i]);
    for (size_t i = 0; i < c.n_out; i++) free(c.alone[i]), free(c.batched[i]);
    return v;
}

/* ---- the operator corpus ---- */

static void array_path(char *out, size_t n, const char *folder, const char *kind, size_t i,
                       size_t invocation)
{
    if (invocation == 0)
        (void)snprintf(out, n, "%s/%s_%zu.npy", folder, kind, i);
    else
        (void)snprintf(out, n, "%s/%s_%zu.s%zu.npy", folder, kind, i, invocation);
}

static verdict resize(runner *r, const char *folder)
{
    const size_t n = mw_session_n_inputs(r->session);
    mw_shape *const shapes = calloc(n + 1, sizeof *shapes);
    char path[4096];
    verdict v = AGREES;

    for (size_t i = 0; i < n && v == AGREES; i++) {
        mw_array a;
        array_path(path, sizeof path, folder, "in", i, 0);
        if (mw_array_load(r->ctx, path, &a) != MW_OK) {
            v = say(r, "read");
            break;
        }
        shapes[i].rank = a.rank;
        memcpy(shapes[i].dims, a.dims, sizeof shapes[i].dims);
        mw_array_free(&a);
    }
    if (v == AGREES && mw_session_resize(r->ctx, r->session, shapes) != MW_OK) v = say(r, "resize");
    free(shapes);
    return v;
}

static verdict invoke(runner *r, const char *folder, size_t invocation, const tolerance *tol)
{
    char path[4096];
    verdict v = AGREES;

    for (size_t i = 0; i < mw_session_n_inputs(r->session) && v == AGREES; i++) {
        mw_array a;
        array_path(path, sizeof path, folder, "in", i, invocation);
        if (mw_array_load(r->ctx, path, &a) != MW_OK) return say(r, "read");
        v = put_input(r, i, a.data, a.bytes);
        mw_array_free(&a);
    }
    if (v == AGREES) v = run_session(r);
    for (size_t i = 0; i < mw_session_n_outputs(r->session) && v == AGREES; i++) {
        mw_array a;
        array_path(path, sizeof path, folder, "out", i, invocation);
        if (mw_array_load(r->ctx, path, &a) != MW_OK) return say(r, "read");
        v = compare_output(r, i, a.dtype, a.rank, a.dims, a.data, tol);
        mw_array_free(&a);
    }
    return v;
}

static verdict invoke_all(runner *r, const char *folder, size_t n, const tolerance *tol)
{
    verdict v = AGREES;
    for (size_t i = 0; i < n && v == AGREES; i++) v = invoke(r, folder, i, tol);
    return v;
}

static verdict check_case_batch(runner *r, const char *folder)
{
    const size_t n = mw_session_n_inputs(r->session);
    const void *first[MAX_ENDS] = {NULL};
    mw_array arrays[MAX_ENDS] = {{0}};
    char path[4096];
    verdict v = AGREES;

    if (n > MAX_ENDS) return AGREES;
    for (size_t i = 0; i < n && v == AGREES; i++) {
        array_path(path, sizeof path, folder, "in", i, 0);
        if (mw_array_load(r->ctx, path, &arrays[i]) != MW_OK) v = say(r, "read");
        first[i] = arrays[i].data;
    }
    if (v == AGREES) v = check_batch(r, first);
    for (size_t i = 0; i < n; i++) mw_array_free(&arrays[i]);
    return v;
}

verdict run_corpus_case(const char *folder, const run_options *options, char *why, size_t why_bytes)
{
    runner r = {.why = why, .why_bytes = why_bytes};
    json_t *const root = load_json(folder);
    const tolerance tol = tolerance_of(root);
    const bool resized = json_is_true(json_object_get(root, "resize_inputs"));
    size_t n = (size_t)json_integer_value(json_object_get(root, "invocations"));

    *why = '\0';
    if (n == 0) n = 1;
    verdict v = open_runner(&r, folder, options);
    if (v == AGREES && resized) v = resize(&r, folder);
    if (v == AGREES) v = invoke_all(&r, folder, n, &tol);
    if (v == AGREES && options->thorough) {
        r.again = true;
        v = mw_session_reset(r.ctx, r.session) == MW_OK ? invoke_all(&r, folder, n, &tol)
                                                        : say(&r, "reset");
        if (v == AGREES && !resized) v = check_case_batch(&r, folder);
    }
    close_runner(&r);
    json_decref(root);
    return v;
}

/* ---- the models ---- */

static const mwi_npz_array *find(const mwi_npz_array *arrays, size_t n, size_t set,
                                 const char *kind, size_t i)
{
    char name[64];

    (void)snprintf(name, sizeof name, "s%zu_%s_%zu", set, kind, i);
    for (size_t k = 0; k < n; k++)
        if (strcmp(arrays[k].name, name) == 0) return &arrays[k];
    return NULL;
}

/* Floats pass within 2e-5 of the largest absolute expected value, which counts as 1 at least. */
static tolerance model_tolerance(const mwi_npz_array *e, bool exact)
{
    double largest = 1;

    for (size_t i = 0; e->npy.dtype == MW_FLOAT32 && i < e->npy.data_bytes / sizeof(float); i++)
        largest = fmax(largest, fabs((double)((const float *)e->data)[i]));
    return (tolerance){.exact = exact, .max_abs = 2e-5 * largest};
}

static verdict run_set(runner *r, size_t set, const mwi_npz_array *in, size_t n_in,
                       const mwi_npz_array *out, size_t n_out, bool exact)
{
    verdict v = AGREES;

    for (size_t i = 0; i < mw_session_n_inputs(r->session) && v == AGREES; i++) {
        const mwi_npz_array *const a = find(in, n_in, set, "in", i);
        v = a == NULL ? say(r, "an input is missing") : put_input(r, i, a->data, a->npy.data_bytes);
    }
    if (v == AGREES) v = run_session(r);
    for (size_t i = 0; i < mw_session_n_outputs(r->session) && v == AGREES; i++) {
        const mwi_npz_array *const e = find(out, n_out, set, "out", i);
        if (e == NULL) return say(r, "an output is missing");
        const tolerance tol = model_tolerance(e, exact);
        v = compare_output(r, i, e->npy.dtype, e->npy.rank, e->npy.dims, e->data, &tol);
    }
    return v;
}

static verdict reset(runner *r)
{
    return mw_session_reset(r->ctx, r->session) == MW_OK ? AGREES : say(r, "reset");
}

static verdict check_set_batch(runner *r, const mwi_npz_array *in, size_t n_in)
{
    const void *first[MAX_ENDS] = {NULL};
    const size_t n = mw_session_n_inputs(r->session);

    for (size_t i = 0; i < n && i < MAX_ENDS; i++) first[i] = find(in, n_in, 0, "in", i)->data;
    return check_batch(r, first);
}

verdict run_model_case(const char *folder, const run_options *options, char *why, size_t why_bytes)
{
    runner r = {.why = why, .why_bytes = why_bytes};
    json_t *const root = load_json(folder);
    const bool exact = json_is_true(json_object_get(root, "exact"));
    const bool consecutive = json_is_true(json_object_get(root, "consecutive"));
    const size_t n_sets = (size_t)json_integer_value(json_object_get(root, "sets"));
    mwi_npz_array *in, *out;
    mwi_arena arena;
    size_t n_in, n_out;
    char path[4096];

    *why = '\0';
    verdict v = open_runner(&r, folder, options);
    mwi_arena_init(r.ctx, &arena);
    (void)snprintf(path, sizeof path, "%s/inputs.npz", folder);
    if (v == AGREES && mwi_npz_load(r.ctx, path, &arena, &in, &n_in) != MW_OK) v = say(&r, "read");
    (void)snprintf(path, sizeof path, "%s/expected.npz", folder);
    if (v == AGREES && mwi_npz_load(r.ctx, path, &arena, &out, &n_out) != MW_OK)
        v = say(&r, "read");
    if (v == AGREES && n_sets == 0) v = say(&r, "no sets");
    /* Consecutive ones keep their state, and come again from its first value. */
    for (size_t i = 0; i < (consecutive ? 2 : 1) * n_sets && v == AGREES; i++) {
        if (i % n_sets == 0 || !consecutive) v = reset(&r);
        if (v == AGREES) v = run_set(&r, i % n_sets, in, n_in, out, n_out, exact);
    }
    if (v == AGREES && options->thorough) v = check_set_batch(&r, in, n_in);
    mwi_arena_deinit(&arena);
    close_runner(&r);
    json_decref(root);
    return v;
}
