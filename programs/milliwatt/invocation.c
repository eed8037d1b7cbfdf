/* programs/milliwatt/invocation.c - see invocation.h.   SPDX-License-Identifier: Apache-2.0 */
#include "invocation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void free_results(result *results, size_t n)
{
    for (size_t i = 0; results != NULL && i < n; i++) free(results[i].data);
    free(results);
}

static bool same_dims(int32_t rank, const int32_t *a, const int32_t *b)
{
    return rank <= 0 || memcmp(a, b, (size_t)rank * sizeof *a) == 0;
}

/* An open dimension is written '?'. */
static void shape_text(int32_t rank, const int32_t *dims, char *out, size_t n)
{
    size_t used = (size_t)snprintf(out, n, "[");
    for (int32_t i = 0; i < rank && used < n; i++)
        used += dims[i] < 0
                    ? (size_t)snprintf(out + used, n - used, "%s?", i > 0 ? "," : "")
                    : (size_t)snprintf(out + used, n - used, "%s%d", i > 0 ? "," : "", dims[i]);
    if (used < n) (void)snprintf(out + used, n - used, "]");
}

/* How the arrays differ from what is planned: not at all, in the batch alone, or otherwise. */
enum fit { FIT_AS_PLANNED, FIT_BATCH, FIT_RESIZE, FIT_NOT };

/* The arrays of one invocation, and the batch that they have, 0: none yet. */
struct arrays {
    mw_ctx *ctx;
    mw_session *session;
    const mw_model *model;
    const mw_array *v;
    const char *const *paths; /* for messages */
    size_t n;
    int32_t batch;
    size_t batch_of; /* the input that told it */
};

static enum fit unfit(const struct arrays *a, size_t i, const mw_tensor_info *declared)
{
    char want[128], have[128];
    const bool other_type = a->v[i].dtype != declared->dtype;
    const char *const numpy_name =
        declared->dtype == MW_STRING ? "S" : mw_dtype_name(declared->dtype);

    shape_text(declared->rank, declared->signature, want, sizeof want);
    shape_text(a->v[i].rank, a->v[i].dims, have, sizeof have);
    (void)fail_text("%s: input %zu is %s %s, the model's '%s' takes %s %s%s%s%s", a->paths[i], i,
                    mw_dtype_name(a->v[i].dtype), have, declared->name,
                    mw_dtype_name(declared->dtype), want,
                    other_type ? "; save it as array.astype('" : "", other_type ? numpy_name : "",
                    other_type ? "')" : "");
    return FIT_NOT;
}

/* Inputs of one invocation have one batch. */
static enum fit note_batch(struct arrays *a, size_t i, int32_t batch)
{
    if (a->batch == 0) {
        a->batch = batch;
        a->batch_of = i;
    }
    if (a->batch == batch) return FIT_BATCH;
    (void)fail_text("input %zu (%s) has a batch of %d, input %zu (%s) one of %d; give all inputs "
                    "the same",
                    i, a->paths[i], batch, a->batch_of, a->paths[a->batch_of], a->batch);
    return FIT_NOT;
}

static enum fit compare(struct arrays *all, size_t i, const mw_buffer *planned)
{
    const mw_array *const a = &all->v[i];
    mw_tensor_info declared;
    const mw_status st = mw_model_input(all->ctx, all->model, i, &declared);

    if (st != MW_OK) return (void)fail(all->ctx, st), FIT_NOT;
    if (a->dtype != declared.dtype) return unfit(all, i, &declared);
    if (a->rank == planned->info.rank && same_dims(a->rank, a->dims, planned->info.dims))
        return FIT_AS_PLANNED;
    /* One sample without its batch dimension. */
    if (a->rank == declared.rank - 1 && declared.dims[0] == 1 &&
        same_dims(a->rank, a->dims, declared.dims + 1))
        return note_batch(all, i, 1);
    if (a->rank != declared.rank || a->rank == 0) return unfit(all, i, &declared);
    if (declared.dims[0] == 1 && same_dims(a->rank - 1, a->dims + 1, declared.dims + 1) &&
        (all->batch == 0 || all->batch == a->dims[0]))
        return note_batch(all, i, a->dims[0]);
    return FIT_RESIZE;
}

static enum fit fit_of(struct arrays *a)
{
    enum fit worst = FIT_AS_PLANNED;
    mw_status st;

    for (size_t i = 0; i < a->n; i++) {
        mw_buffer planned;
        st = mw_session_input(a->ctx, a->session, i, &planned);
        if (st != MW_OK) return (void)fail(a->ctx, st), FIT_NOT;
        const enum fit f = compare(a, i, &planned);
        if (f == FIT_NOT) return FIT_NOT;
        /* An input that is as planned beside others of another batch must be resized with them. */
        if (worst == FIT_BATCH && f == FIT_AS_PLANNED && a->v[i].dims[0] != a->batch)
            worst = FIT_RESIZE;
        if (f > worst) worst = f;
    }
    for (size_t i = 0; i < a->n && worst == FIT_BATCH; i++) {
        mw_tensor_info t;
        st = mw_model_input(a->ctx, a->model, i, &t);
        if (st != MW_OK) return (void)fail(a->ctx, st), FIT_NOT;
        if (a->v[i].rank == t.rank && t.rank > 0 && a->v[i].dims[0] != a->batch) worst = FIT_RESIZE;
    }
    return worst;
}

/* ---- running ---- */

static mw_status take_outputs(const struct arrays *a, result *results, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        mw_buffer b;
        const mw_status st = mw_session_output(a->ctx, a->session, i, &b);
        if (st != MW_OK) return st;
        results[i] = (result){.dtype = b.info.dtype, .rank = b.info.rank, .bytes = b.bytes};
        memcpy(results[i].dims, b.info.dims, sizeof results[i].dims);
        results[i].data = malloc(b.bytes + 1);
        if (results[i].data == NULL) return MW_ENOMEM;
        if (b.bytes > 0) memcpy(results[i].data, b.data, b.bytes);
    }
    return MW_OK;
}

static mw_status run_planned(const struct arrays *a, result *results, size_t n_results)
{
    for (size_t i = 0; i < a->n; i++) {
        mw_buffer b;
        const mw_status st = mw_session_input(a->ctx, a->session, i, &b);
        if (st != MW_OK) return st;
        if (b.bytes != a->v[i].bytes) return MW_EINVAL; /* shapes and types were compared */
        if (b.bytes > 0) memcpy(b.data, a->v[i].data, b.bytes);
    }
    const mw_status st = mw_session_run(a->ctx, a->session);
    return st == MW_OK ? take_outputs(a, results, n_results) : st;
}

size_t batch_shape(const mw_session *s, size_t index, mw_tensor_info *t, size_t n)
{
    const size_t bytes = mw_session_output_sample_bytes(s, index);
    size_t rest = (mw_dtype_bits(t->dtype) + 7) / 8;

    for (int32_t k = 1; k < t->rank; k++) rest *= (size_t)t->dims[k];
    if ((t->rank == 0 || rest != bytes) && t->rank < MW_MAX_RANK) {
        memmove(t->dims + 1, t->dims, (size_t)t->rank * sizeof *t->dims);
        t->rank++;
    }
    t->dims[0] = (int32_t)n;
    return n * bytes;
}

static mw_status make_result(const struct arrays *a, size_t i, result *out)
{
    mw_tensor_info t;
    const mw_status st = mw_model_output(a->ctx, a->model, i, &t);

    if (st != MW_OK) return st;
    const size_t bytes = batch_shape(a->session, i, &t, (size_t)a->batch);
    *out = (result){.dtype = t.dtype, .rank = t.rank, .bytes = bytes};
    memcpy(out->dims, t.dims, sizeof out->dims);
    out->data = calloc(1, bytes + 1);
    return out->data == NULL ? MW_ENOMEM : MW_OK;
}

static mw_status run_batch(const struct arrays *a, result *results, size_t n_results)
{
    const void **const in = calloc(a->n + 1, sizeof *in);
    void **const out = calloc(n_results + 1, sizeof *out);
    mw_status st = in == NULL || out == NULL ? MW_ENOMEM : MW_OK;

    for (size_t i = 0; i < a->n && st == MW_OK; i++) in[i] = a->v[i].data;
    for (size_t i = 0; i < n_results && st == MW_OK; i++) {
        st = make_result(a, i, &results[i]);
        out[i] = results[i].data;
    }
    if (st == MW_OK) st = mw_session_run_batch(a->ctx, a->session, (size_t)a->batch, in, out);
    free(in);
    free(out);
    return st;
}

static mw_status resize(const struct arrays *a)
{
    mw_shape *const shapes = calloc(a->n + 1, sizeof *shapes);
    mw_status st = shapes == NULL ? MW_ENOMEM : MW_OK;

    for (size_t i = 0; i < a->n && st == MW_OK; i++) {
        shapes[i].rank = a->v[i].rank;
        memcpy(shapes[i].dims, a->v[i].dims, sizeof shapes[i].dims);
    }
    if (st == MW_OK) st = mw_session_resize(a->ctx, a->session, shapes);
    free(shapes);
    return st;
}

/* Prints which inputs the model takes. */
static bool wrong_number(mw_ctx *ctx, const mw_model *m, size_t n)
{
    char names[512] = "";
    size_t used = 0;
    mw_tensor_info t;

    for (size_t i = 0; i < mw_model_n_inputs(m) && used < sizeof names; i++)
        if (mw_model_input(ctx, m, i, &t) == MW_OK)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s'%s'", i > 0 ? ", " : "",
                                     t.name);
    (void)fail_text("%zu --input given, the model takes %zu for each invocation: %s", n,
                    mw_model_n_inputs(m), names);
    return false;
}

/* "red", "two words\n", ... : what fits. */
static size_t quote(const mw_string *s, char *out, size_t room)
{
    size_t n = 0;

    if (room < 8) return 0;
    out[n++] = '"';
    for (size_t i = 0; i < s->bytes && n + 6 < room; i++) {
        const unsigned char c = (unsigned char)s->data[i];
        if (c == '"' || c == '\\') out[n++] = '\\';
        if (c >= ' ' && c != 0x7f)
            out[n++] = (char)c;
        else
            n += (size_t)snprintf(out + n, room - n, "\\x%02x", c);
    }
    out[n++] = '"';
    return n;
}

void strings_text(const mw_string *strings, size_t n, char *out, size_t room)
{
    size_t used = 0, i = 0;

    for (; i < n && used + 32 < room; i++) {
        if (i > 0) out[used++] = ',', out[used++] = ' ';
        used += quote(&strings[i], out + used, room - used - 24);
    }
    out[used] = '\0';
    if (i < n) (void)snprintf(out + used, room - used, " and %zu more", n - i);
}

bool feed(mw_ctx *ctx, mw_session *s, const mw_model *m, const mw_array *inputs,
          const char *const *paths, size_t n, result **out_results)
{
    struct arrays a = {ctx, s, m, inputs, paths, n, 0, 0};
    const size_t n_results = mw_session_n_outputs(s);
    mw_status st = MW_OK;

    *out_results = NULL;
    if (n != mw_session_n_inputs(s)) return wrong_number(ctx, m, n);
    const enum fit f = fit_of(&a);
    if (f == FIT_NOT) return false;
    result *const results = calloc(n_results + 1, sizeof *results);
    if (results == NULL) return (void)fail(ctx, MW_ENOMEM), false;
    if (f == FIT_RESIZE) st = resize(&a);
    if (st == MW_OK)
        st = f == FIT_BATCH ? run_batch(&a, results, n_results)
                            : run_planned(&a, results, n_results);
    if (st == MW_OK) return *out_results = results, true;
    free_results(results, n_results);
    return (void)fail(ctx, st), false;
}
