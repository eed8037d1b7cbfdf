/* tests/stored_case.c - see stored_case.h.   SPDX-License-Identifier: Apache-2.0 */
#include "stored_case.h"

#include "base/ctx.h"
#include "base/file.h"
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

enum { MAX_INPUTS = 64 };

/* What the first run feeds, from the text in the file: a file whose graph does not fit its declared
 * shapes is loaded with them. *out_n: the inputs. */
static mw_status fed_shapes(mw_ctx *ctx, const char *path, mw_shape shapes[MAX_INPUTS],
                            size_t *out_n)
{
    mwi_mapping file;

    *out_n = 0;
    MWI_TRY(mwi_file_map(ctx, path, &file));
    for (bool found = true; found && *out_n < MAX_INPUTS;) {
        char start[64];
        stored_array a;
        const int n = snprintf(start, sizeof start, "run 0 in %zu ", *out_n);
        const char *const at = memmem(file.bytes, file.len, start, (size_t)n);
        found = at != NULL && read_shape(at + n, &a); /* flatbuffers end strings with a zero */
        if (found) shapes[(*out_n)++] = a.shape;
    }
    mwi_file_unmap(&file);
    return MW_OK;
}

static mw_status open_with(mw_ctx *ctx, const char *path, const mw_load_options *load,
                           const char *kernels, stored_case *out)
{
    const mw_session_options options = {.kernels = kernels};

    *out = (stored_case){0};
    MWI_TRY(mw_model_load(ctx, path, load, &out->model));
    return mw_session_create(ctx, out->model, &options, &out->session);
}

/* Whether the session is planned for other shapes than those. */
static mw_status differs(mw_ctx *ctx, const stored_case *c, const mw_shape *shapes, size_t n,
                         bool *out)
{
    *out = false;
    if (n != mw_session_n_inputs(c->session))
        return mwi_fail(ctx, MW_EINVAL, "the file has arrays for %zu inputs", n);
    for (size_t i = 0; i < n; i++) {
        mw_buffer b;
        MWI_TRY(mw_session_input(ctx, c->session, i, &b));
        *out = *out || b.info.rank != shapes[i].rank ||
               memcmp(b.info.dims, shapes[i].dims, (size_t)b.info.rank * sizeof(int32_t)) != 0;
    }
    return MW_OK;
}

mw_status stored_case_open(mw_ctx *ctx, const char *path, const char *kernels, stored_case *out)
{
    mw_shape shapes[MAX_INPUTS] = {{0}};
    bool resize;
    size_t n;

    *out = (stored_case){0};
    MWI_TRY(fed_shapes(ctx, path, shapes, &n));
    const mw_status st = open_with(ctx, path, NULL, kernels, out);
    if (st != MW_OK) {
        const mw_load_options load = {.input_shapes = shapes, .n_input_shapes = n};
        char why[512];
        (void)snprintf(why, sizeof why, "%s", mw_ctx_error(ctx));
        stored_case_close(out);
        if (open_with(ctx, path, &load, kernels, out) != MW_OK) return mwi_fail(ctx, st, "%s", why);
    }
    MWI_TRY(differs(ctx, out, shapes, n, &resize));
    return resize ? mw_session_resize(ctx, out->session, shapes) : MW_OK;
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
