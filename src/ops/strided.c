/* ops/strided.c - see strided.h.
 * Depends: ops/registry.  Used by: ops/ only.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/strided.h"

#include <inttypes.h>
#include <string.h>

void mwi_dense_strides(int32_t rank, const int32_t *dims, int64_t *out)
{
    int64_t stride = 1;

    for (int32_t i = rank - 1; i >= 0; i--) {
        out[i] = stride;
        stride *= dims[i];
    }
}

static void row(const char *in, int64_t in_step, char *out, int64_t out_step, size_t n,
                size_t element)
{
    if (in_step == 1 && out_step == 1) {
        memcpy(out, in, n * element);
        return;
    }
    in_step *= (int64_t)element;
    out_step *= (int64_t)element;
    switch (element) {
    case 1:
        for (size_t i = 0; i < n; i++, in += in_step, out += out_step) *out = *in;
        return;
    case 2:
        for (size_t i = 0; i < n; i++, in += in_step, out += out_step) memcpy(out, in, 2);
        return;
    case 4:
        for (size_t i = 0; i < n; i++, in += in_step, out += out_step) memcpy(out, in, 4);
        return;
    case 8:
        for (size_t i = 0; i < n; i++, in += in_step, out += out_step) memcpy(out, in, 8);
        return;
    default:
        for (size_t i = 0; i < n; i++, in += in_step, out += out_step) memcpy(out, in, element);
        return;
    }
}

/* Drops dimensions of 1 and merges those that both sides walk as one. */
static void merge(const mwi_strided *s, mwi_strided *m)
{
    m->rank = 0;
    for (int32_t i = 0; i < s->rank; i++) {
        const int32_t last = m->rank - 1;
        if (s->dims[i] == 1) continue;
        if (last >= 0 && m->in_strides[last] == s->in_strides[i] * (int64_t)s->dims[i] &&
            m->out_strides[last] == s->out_strides[i] * (int64_t)s->dims[i]) {
            m->dims[last] *= s->dims[i];
            m->in_strides[last] = s->in_strides[i];
            m->out_strides[last] = s->out_strides[i];
            continue;
        }
        m->dims[m->rank] = s->dims[i];
        m->in_strides[m->rank] = s->in_strides[i];
        m->out_strides[m->rank++] = s->out_strides[i];
    }
    if (m->rank == 0) {
        m->rank = 1;
        m->dims[0] = m->in_strides[0] = m->out_strides[0] = 1;
    }
}

typedef struct task {
    mwi_strided m;
    const char *in;
    char *out;
    size_t element;
} task;

/* Rows [begin, end) of the last dimension, counted over the outer ones. */
static void rows(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const task *const t = arg;
    const mwi_strided *const m = &t->m;
    const int32_t last = m->rank - 1;
    const int64_t element = (int64_t)t->element;
    size_t at[MW_MAX_RANK] = {0}, rest = begin;
    int64_t from = 0, to = 0;

    (void)thread;
    for (int32_t k = last - 1; k >= 0; k--) {
        at[k] = rest % m->dims[k];
        rest /= m->dims[k];
        from += m->in_strides[k] * (int64_t)at[k];
        to += m->out_strides[k] * (int64_t)at[k];
    }
    for (size_t i = begin; i < end; i++) {
        row(t->in + from * element, m->in_strides[last], t->out + to * element,
            m->out_strides[last], m->dims[last], t->element);
        for (int32_t k = last - 1; k >= 0; k--) {
            from += m->in_strides[k];
            to += m->out_strides[k];
            if (++at[k] < m->dims[k]) break;
            from -= m->in_strides[k] * (int64_t)m->dims[k];
            to -= m->out_strides[k] * (int64_t)m->dims[k];
            at[k] = 0;
        }
    }
}

void mwi_strided_copy(mwi_pool *pool, const mwi_strided *s, const void *in, void *out,
                      size_t element)
{
    enum { GRAIN = 32768 }; /* elements a piece */
    task t = {.in = in, .out = out, .element = element};
    size_t n = 1;

    for (int32_t i = 0; i < s->rank; i++)
        if (s->dims[i] == 0) return;
    merge(s, &t.m);
    for (int32_t i = 0; i < t.m.rank - 1; i++) n *= t.m.dims[i];
    const size_t last = t.m.dims[t.m.rank - 1];
    mwi_par_for(pool, n, last >= GRAIN ? 1 : GRAIN / last, rows, &t);
}

void mwi_copy_rows(const void *in, size_t in_stride, void *out, size_t out_stride, size_t row_bytes,
                   size_t n)
{
    const char *from = in;
    char *to = out;

    if (row_bytes == 0) return;
    for (size_t i = 0; i < n; i++, from += in_stride, to += out_stride) memcpy(to, from, row_bytes);
}

size_t mwi_run_ints(const mwi_view *v, int64_t *out, size_t max)
{
    const size_t n = mwi_view_count(v);

    for (size_t i = 0; i < n && i < max; i++)
        out[i] =
            v->dtype == MW_INT64 ? ((const int64_t *)v->data)[i] : ((const int32_t *)v->data)[i];
    return n < max ? n : max;
}

mw_status mwi_param_ints(mw_ctx *ctx, mwi_shape_call *call, size_t i, size_t max, int64_t *out,
                         size_t *out_n)
{
    *out_n = 0;
    if (i >= call->n_in || call->in[i].tensor == NULL)
        return mwi_fail(ctx, MW_EFORMAT, "input %zu is missing", i);
    const mwi_view *const v = &call->in[i];
    if (v->dtype != MW_INT32 && v->dtype != MW_INT64)
        return mwi_fail(ctx, MW_EFORMAT, "input %zu is %s, allowed int32 or int64", i,
                        mw_dtype_name(v->dtype));
    if (mwi_view_count(v) > max)
        return mwi_fail(ctx, MW_EFORMAT, "input %zu has %zu values, allowed %zu", i,
                        mwi_view_count(v), max);
    if (v->data == NULL || v->tensor->is_variable) { /* a state's value may change */
        call->unknown = true;
        return MW_OK;
    }
    *out_n = mwi_run_ints(v, out, max);
    return MW_OK;
}

mw_status mwi_axis(mw_ctx *ctx, int64_t axis, int32_t rank, int32_t *out)
{
    if (axis < -rank || axis >= rank)
        return mwi_fail(ctx, MW_EFORMAT, "axis %" PRId64 " of a tensor of rank %d", axis, rank);
    *out = (int32_t)(axis < 0 ? axis + rank : axis);
    return MW_OK;
}
