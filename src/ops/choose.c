/* ops/choose.c - see choose.h.
 * Depends: ops/strided.  Used by: ops/select, ops/select_v2.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/choose.h"

#include <string.h>

bool mwi_choose_keeps_shape(const mwi_shape_call *call)
{
    for (size_t i = 0; i < 3; i++)
        if (mwi_view_count(&call->in[i]) != 1) return false;
    return call->out[0].tensor != NULL && call->out[0].tensor->has_rank &&
           mwi_view_count(&call->out[0]) == 1;
}

/* Merged dimensions; steps of the condition, of x and of y. */
typedef struct walk {
    int32_t rank;
    size_t dims[MW_MAX_RANK], steps[MW_MAX_RANK][3];
} walk;

static size_t step_of(const mwi_view *v, int32_t rank, int32_t axis, bool by_rows)
{
    const int32_t k = by_rows ? axis : axis - (rank - v->rank);
    size_t step = 1;

    if (k < 0 || k >= v->rank || v->dims[k] == 1) return 0;
    for (int32_t i = k + 1; i < v->rank; i++) step *= (size_t)v->dims[i];
    return step;
}

static void plan(const mwi_run_call *call, bool by_rows, walk *w)
{
    const mwi_view *const out = &call->out[0];

    w->rank = 0;
    for (int32_t i = 0; i < out->rank; i++) {
        const size_t d = (size_t)out->dims[i];
        size_t steps[3];
        bool merges = w->rank > 0;
        if (d == 1) continue;
        for (int32_t k = 0; k < 3; k++) {
            steps[k] = step_of(&call->in[k], out->rank, i, by_rows && k == 0);
            merges = merges && w->steps[w->rank - 1][k] == steps[k] * d;
        }
        if (merges)
            w->dims[w->rank - 1] *= d;
        else
            w->dims[w->rank++] = d;
        memcpy(w->steps[w->rank - 1], steps, sizeof steps);
    }
    if (w->rank > 0) return;
    w->rank = 1;
    w->dims[0] = 1;
    memset(w->steps[0], 0, sizeof w->steps[0]);
}

#define ROW(type)                                                                                  \
    static void row_##type(const uint8_t *c, const type *x, const type *y, const size_t steps[3],  \
                           type *out, size_t n)                                                    \
    {                                                                                              \
        for (size_t i = 0; i < n; i++)                                                             \
            out[i] = c[i * steps[0]] ? x[i * steps[1]] : y[i * steps[2]];                          \
    }
ROW(uint8_t)
ROW(uint16_t)
ROW(uint32_t)
ROW(uint64_t)

static void run_row(const mwi_run_call *call, const size_t at[3], const size_t steps[3], size_t out,
                    size_t n)
{
    const uint8_t *const c = (const uint8_t *)call->in[0].data + at[0];
    const void *const x = call->in[1].data, *const y = call->in[2].data;
    void *const to = call->out[0].data;

    switch (mwi_element_bytes(&call->out[0])) {
#define CASE(bytes, type)                                                                          \
    case bytes:                                                                                    \
        row_##type(c, (const type *)x + at[1], (const type *)y + at[2], steps, (type *)to + out,   \
                   n);                                                                             \
        break;
        CASE(1, uint8_t)
        CASE(2, uint16_t)
        CASE(4, uint32_t)
        CASE(8, uint64_t)
    default: break;
    }
}

mw_status mwi_choose_run(const mwi_run_call *call, bool by_rows)
{
    size_t at[MW_MAX_RANK] = {0}, from[3] = {0}, out = 0;
    walk w;

    if (call->out[0].bytes == 0) return MW_OK;
    plan(call, by_rows, &w);
    const int32_t last = w.rank - 1;
    for (;;) {
        run_row(call, from, w.steps[last], out, w.dims[last]);
        out += w.dims[last];
        int32_t k = last - 1;
        for (; k >= 0; k--) {
            for (int i = 0; i < 3; i++) from[i] += w.steps[k][i];
            if (++at[k] < w.dims[k]) break;
            for (int i = 0; i < 3; i++) from[i] -= w.steps[k][i] * w.dims[k];
            at[k] = 0;
        }
        if (k < 0) return MW_OK;
    }
}
