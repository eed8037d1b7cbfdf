/* tests/stored_case.c - see stored_case.h.   SPDX-License-Identifier: Apache-2.0 */
#include "stored_case.h"

#include "base/ctx.h"
#include "base/half.h"
#include "model/graph.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const mwi_metadata *entry_of(const stored_case *c, const char *start)
{
    const size_t n = strlen(start);

    for (size_t i = 0; i < c->model->n_metadata; i++)
        if (strncmp(c->model->metadata[i].name, start, n) == 0) return &c->model->metadata[i];
    return NULL;
}

/* "f32 2,3"; a scalar's shape is empty. */
static bool read_shape(const char *text, stored_array *out)
{
    const size_t n = strcspn(text, " ");

    if (!mwi_dtype_from_short(text, n, &out->dtype) || text[n] != ' ') return false;
    out->shape.rank = 0;
    for (const char *at = text + n + 1; *at != '\0' && out->shape.rank < MW_MAX_RANK;) {
        char *end;
        out->shape.dims[out->shape.rank++] = (int32_t)strtol(at, &end, 10);
        if (end == at) return false;
        at = *end == ',' ? end + 1 : end;
    }
    return true;
}

bool stored_case_array(const stored_case *c, size_t run, const char *side, size_t index,
                       stored_array *out)
{
    char start[64];

    (void)snprintf(start, sizeof start, "run %zu %s %zu ", run, side, index);
    const mwi_metadata *const m = entry_of(c, start);
    if (m == NULL || !read_shape(m->name + strlen(start), out)) return false;
    out->data = m->data;
    out->bytes = m->bytes;
    return true;
}

static mw_status resize(mw_ctx *ctx, stored_case *c)
{
    mw_shape shapes[64] = {{0}};
    const size_t n = mw_session_n_inputs(c->session);
    bool differs = false;

    for (size_t i = 0; i < n && i < MWI_COUNT(shapes); i++) {
        mw_buffer b;
        stored_array a;
        MWI_TRY(mw_session_input(ctx, c->session, i, &b));
        if (!stored_case_array(c, 0, "in", i, &a))
            return mwi_fail(ctx, MW_EINVAL, "the file has no array for input %zu", i);
        shapes[i] = a.shape;
        differs = differs || b.info.rank != a.shape.rank ||
                  memcmp(b.info.dims, a.shape.dims, (size_t)a.shape.rank * sizeof(int32_t)) != 0;
    }
    return differs ? mw_session_resize(ctx, c->session, shapes) : MW_OK;
}

mw_status stored_case_open(mw_ctx *ctx, const char *path, const char *kernels, stored_case *out)
{
    const mw_session_options options = {.kernels = kernels};

    *out = (stored_case){0};
    MWI_TRY(mw_model_load(ctx, path, NULL, &out->model));
    MWI_TRY(mw_session_create(ctx, out->model, &options, &out->session));
    return resize(ctx, out);
}

void stored_case_close(stored_case *c)
{
    mw_session_destroy(c->session);
    mw_model_destroy(c->model);
}

size_t stored_case_n_runs(const stored_case *c)
{
    stored_array a;
    size_t n = 1;

    while (stored_case_array(c, n, "in", 0, &a)) n++;
    return n;
}

mw_status stored_case_run(mw_ctx *ctx, stored_case *c, size_t run)
{
    for (size_t i = 0; i < mw_session_n_inputs(c->session); i++) {
        mw_buffer b;
        stored_array a;
        MWI_TRY(mw_session_input(ctx, c->session, i, &b));
        if (!stored_case_array(c, run, "in", i, &a) || a.bytes != b.bytes)
            return mwi_fail(ctx, MW_EINVAL, "input %zu has %zu bytes, the file another number", i,
                            b.bytes);
        if (a.bytes > 0) memcpy(b.data, a.data, a.bytes);
    }
    return mw_session_run(ctx, c->session);
}

/* ---- comparing ---- */

static double float_at(mw_dtype dtype, const void *data, size_t i)
{
    const char *const bytes = data;
    uint16_t half;
    float f;
    double d;

    switch (dtype) {
    case MW_FLOAT64:
    case MW_COMPLEX128: memcpy(&d, bytes + i * sizeof d, sizeof d); return d;
    case MW_FLOAT16:
        memcpy(&half, bytes + i * sizeof half, sizeof half);
        return (double)mwi_half_to_float(half);
    default: memcpy(&f, bytes + i * sizeof f, sizeof f); return (double)f;
    }
}

static size_t float_bytes(mw_dtype dtype)
{
    switch (dtype) {
    case MW_FLOAT32:
    case MW_COMPLEX64: return 4;
    case MW_FLOAT64:
    case MW_COMPLEX128: return 8;
    case MW_FLOAT16: return 2;
    default: return 0;
    }
}

static bool floats_agree(const stored_array *want, const void *got, const char *tolerance,
                         char *why, size_t why_bytes)
{
    const size_t size = float_bytes(want->dtype), n = want->bytes / size;
    double largest = 0;
    char *end;

    const double own = strtod(tolerance, &end), whole = strtod(end, &end),
                 absolute = strtod(end, NULL);
    for (size_t i = 0; i < n; i++) {
        const double e = fabs(float_at(want->dtype, want->data, i));
        if (isfinite(e)) largest = fmax(largest, e);
    }
    for (size_t i = 0; i < n; i++) {
        const double e = float_at(want->dtype, want->data, i), g = float_at(want->dtype, got, i);
        if (g == e || (isnan(g) && isnan(e))) continue;
        if (isfinite(g) && isfinite(e) && fabs(g - e) <= own * fabs(e) + whole * largest + absolute)
            continue;
        (void)snprintf(why, why_bytes, "element %zu is %.9g, expected %.9g", i, g, e);
        return false;
    }
    return true;
}

bool stored_case_agrees(mw_ctx *ctx, stored_case *c, size_t run, size_t output, char *why,
                        size_t why_bytes)
{
    const mwi_metadata *const m = entry_of(c, "tolerance");
    char tolerance[64] = "";
    stored_array want;
    mw_buffer got;

    (void)snprintf(why, why_bytes, "the file has no such output");
    if (!stored_case_array(c, run, "out", output, &want) ||
        mw_session_output(ctx, c->session, output, &got) != MW_OK)
        return false;
    (void)snprintf(why, why_bytes, "another type or shape");
    if (got.info.dtype != want.dtype || got.info.rank != want.shape.rank ||
        memcmp(got.info.dims, want.shape.dims, (size_t)want.shape.rank * sizeof(int32_t)) != 0 ||
        got.bytes != want.bytes)
        return false;
    if (m != NULL) (void)snprintf(tolerance, sizeof tolerance, "%.*s", (int)m->bytes, m->data);
    if (float_bytes(want.dtype) > 0)
        return floats_agree(&want, got.data, tolerance, why, why_bytes);
    (void)snprintf(why, why_bytes, "the bytes differ");
    return want.bytes == 0 || memcmp(got.data, want.data, want.bytes) == 0;
}
