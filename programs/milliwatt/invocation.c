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

static void shape_text(int32_t rank, const int32_t *dims, char *out, size_t n)
{
    size_t used = (size_t)snprintf(out, n, "[");
    for (int32_t i = 0; i < rank && used < n; i++)
        used += (size_t)snprintf(out + used, n - used, "%s%d", i > 0 ? "," : "", dims[i]);
    if (used < n) (void)snprintf(out + used, n - used, "]");
}

/* How the arrays differ from what is planned: not at all, in the batch alone, or otherwise. */
enum fit { FIT_AS_PLANNED, FIT_BATCH, FIT_RESIZE, FIT_NOT };

static enum fit compare(mw_ctx *ctx, const mw_model *model, const mw_buffer *planned,
                        const mw_array *a, size_t index, int32_t *batch)
{
    mw_tensor_info declared;
    char want[128], have[128];

    if (mw_model_input(ctx, model, index, &declared) != MW_OK) return FIT_NOT;
    shape_text(declared.rank, declared.signature, want, sizeof want);
    shape_text(a->rank, a->dims, have, sizeof have);
    if (a->dtype != planned->info.dtype) {
        (void)fail_text("input %zu is %s %s, the model's '%s' takes %s %s", index,
                        mw_dtype_name(a->dtype), have, declared.name,
                        mw_dtype_name(planned->info.dtype), want);
        return FIT_NOT;
    }
    if (a->rank == planned->info.rank && same_dims(a->rank, a->dims, planned->info.dims))
        return FIT_AS_PLANNED;
    /* One sample without its batch dimension. */
    if (a->rank == declared.rank - 1 && declared.dims[0] == 1 &&
        same_dims(a->rank, a->dims, declared.dims + 1)) {
        *batch = *batch == 0 ? 1 : *batch;
        return *batch == 1 ? FIT_BATCH : FIT_NOT;
    }
    if (a->rank != declared.rank || a->rank == 0) {
        (void)fail_text("input %zu has shape %s, the model's '%s' takes %s", index, have,
                        declared.name, want);
        return FIT_NOT;
    }
    if (declared.dims[0] == 1 && same_dims(a->rank - 1, a->dims + 1, declared.dims + 1) &&
        (*batch == 0 || *batch == a->dims[0])) {
        *batch = a->dims[0];
        return FIT_BATCH;
    }
    return FIT_RESIZE;
}

static enum fit fit_of(mw_ctx *ctx, mw_session *s, const mw_model *m, const mw_array *inputs,
                       size_t n, int32_t *batch)
{
    enum fit worst = FIT_AS_PLANNED;

    *batch = 0;
    for (size_t i = 0; i < n; i++) {
        mw_buffer planned;
        if (mw_session_input(ctx, s, i, &planned) != MW_OK) return FIT_NOT;
        const enum fit f = compare(ctx, m, &planned, &inputs[i], i, batch);
        if (f == FIT_NOT) return FIT_NOT;
        /* An input that is as planned beside others of another batch must be resized with them. */
        if (worst == FIT_BATCH && f == FIT_AS_PLANNED && inputs[i].dims[0] != *batch)
            worst = FIT_RESIZE;
        if (f > worst) worst = f;
    }
    if (worst == FIT_BATCH)
        for (size_t i = 0; i < n; i++) {
            mw_tensor_info t;
            if (mw_model_input(ctx, m, i, &t) != MW_OK) return FIT_NOT;
            if (inputs[i].rank == t.rank && t.rank > 0 && inputs[i].dims[0] != *batch)
                return FIT_RESIZE;
        }
    return worst;
}

static bool take_outputs(mw_ctx *ctx, mw_session *s, result *results, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        mw_buffer b;
        if (mw_session_output(ctx, s, i, &b) != MW_OK) return false;
        results[i] = (result){.dtype = b.info.dtype, .rank = b.info.rank, .bytes = b.bytes};
        memcpy(results[i].dims, b.info.dims, sizeof results[i].dims);
        results[i].data = malloc(b.bytes + 1);
        if (results[i].data == NULL) return false;
        if (b.bytes > 0) memcpy(results[i].data, b.data, b.bytes);
    }
    return true;
}

static bool run_planned(mw_ctx *ctx, mw_session *s, const mw_array *inputs, size_t n,
                        result *results, size_t n_results)
{
    for (size_t i = 0; i < n; i++) {
        mw_buffer b;
        if (mw_session_input(ctx, s, i, &b) != MW_OK) return false;
        if (b.bytes != inputs[i].bytes)
            return fail_text("input %zu has %zu bytes, planned are %zu", i, inputs[i].bytes,
                             b.bytes),
                   false;
        if (b.bytes > 0) memcpy(b.data, inputs[i].data, b.bytes);
    }
    return mw_session_run(ctx, s) == MW_OK && take_outputs(ctx, s, results, n_results);
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

static bool run_batch(mw_ctx *ctx, mw_session *s, const mw_model *m, const mw_array *inputs,
                      size_t n, int32_t batch, result *results, size_t n_results)
{
    const void **const in = calloc(n + 1, sizeof *in);
    void **const out = calloc(n_results + 1, sizeof *out);
    bool good = in != NULL && out != NULL;

    for (size_t i = 0; i < n && good; i++) in[i] = inputs[i].data;
    for (size_t i = 0; i < n_results && good; i++) {
        mw_tensor_info t;
        good = mw_model_output(ctx, m, i, &t) == MW_OK;
        if (!good) break;
        const size_t bytes = batch_shape(s, i, &t, (size_t)batch);
        results[i] = (result){.dtype = t.dtype, .rank = t.rank, .bytes = bytes};
        memcpy(results[i].dims, t.dims, sizeof results[i].dims);
        results[i].data = out[i] = calloc(1, results[i].bytes + 1);
        good = out[i] != NULL;
    }
    good = good && mw_session_run_batch(ctx, s, (size_t)batch, in, out) == MW_OK;
    free(in);
    free(out);
    return good;
}

static bool resize(mw_ctx *ctx, mw_session *s, const mw_array *inputs, size_t n)
{
    mw_shape *const shapes = calloc(n + 1, sizeof *shapes);
    bool good = shapes != NULL;

    for (size_t i = 0; i < n && good; i++) {
        shapes[i].rank = inputs[i].rank;
        memcpy(shapes[i].dims, inputs[i].dims, sizeof shapes[i].dims);
    }
    good = good && mw_session_resize(ctx, s, shapes) == MW_OK;
    free(shapes);
    return good;
}

bool feed(mw_ctx *ctx, mw_session *s, const mw_model *m, const mw_array *inputs, size_t n,
          result **out_results)
{
    const size_t n_results = mw_session_n_outputs(s);
    result *const results = calloc(n_results + 1, sizeof *results);
    int32_t batch = 0;
    bool good = results != NULL;

    *out_results = NULL;
    if (n != mw_session_n_inputs(s)) {
        free(results);
        return fail_text("%zu --input given, the model takes %zu", n, mw_session_n_inputs(s)),
               false;
    }
    const enum fit f = fit_of(ctx, s, m, inputs, n, &batch);
    good = good && f != FIT_NOT;
    if (good && f == FIT_RESIZE) good = resize(ctx, s, inputs, n);
    if (good && f == FIT_BATCH)
        good = run_batch(ctx, s, m, inputs, n, batch, results, n_results);
    else if (good)
        good = run_planned(ctx, s, inputs, n, results, n_results);
    if (!good) {
        if (mw_ctx_error_status(ctx) != MW_OK) (void)fail(ctx);
        free_results(results, n_results);
        return false;
    }
    *out_results = results;
    return true;
}
