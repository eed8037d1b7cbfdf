/* devices/cpu/x86/spans.c - see spans.h.
 * Depends: base/arena.  Used by: the kernels of this folder.   SPDX-License-Identifier: Apache-2.0
 */
#include "devices/cpu/x86/spans.h"

static mwi_span span_of(const mwi_spans_axis *a, int64_t i)
{
    const int64_t start = i * a->stride - a->pad;
    int64_t tap = start < 0 ? (-start + a->dilation - 1) / a->dilation : 0;
    int64_t end = start < a->in ? (a->in - 1 - start) / a->dilation + 1 : 0;

    if (end > a->filter) end = a->filter;
    if (tap >= end) return (mwi_span){(int32_t)i, (int32_t)i + 1, 0, 0, 0};
    return (mwi_span){(int32_t)i, (int32_t)i + 1, (int32_t)tap, (int32_t)end,
                      (int32_t)(start + tap * a->dilation)};
}

/* `out` NULL: counts only. */
static size_t cut(const mwi_spans_axis *a, mwi_span *out)
{
    mwi_span last = {0};
    size_t n = 0;

    for (int64_t i = 0; i < a->out; i++) {
        const mwi_span s = span_of(a, i);
        if (n > 0 && s.tap == last.tap && s.tap_end == last.tap_end) {
            if (out != NULL) out[n - 1].to = s.to;
            continue;
        }
        last = s;
        if (out != NULL) out[n] = s;
        n++;
    }
    return n;
}

mw_status mwi_spans_make_axis(mw_ctx *ctx, mwi_arena *arena, const mwi_spans_axis *a,
                              mwi_spans *out)
{
    void *memory;

    out->n = cut(a, NULL);
    MWI_TRY(mwi_arena_array(ctx, arena, out->n, sizeof(mwi_span), &memory));
    out->v = memory;
    (void)cut(a, out->v);
    return MW_OK;
}

mw_status mwi_spans_make(mw_ctx *ctx, mwi_arena *arena, const mwi_window *w, mwi_spans *rows,
                         mwi_spans *columns)
{
    const mwi_spans_axis y = {w->in_h,     w->out_h,      w->filter_h,
                              w->stride_h, w->dilation_h, w->pad_top};
    const mwi_spans_axis x = {w->in_w,     w->out_w,      w->filter_w,
                              w->stride_w, w->dilation_w, w->pad_left};

    MWI_TRY(mwi_spans_make_axis(ctx, arena, &y, rows));
    return mwi_spans_make_axis(ctx, arena, &x, columns);
}

int32_t mwi_spans_whole(const mwi_spans *spans, int32_t filter)
{
    for (size_t i = 0; i < spans->n; i++) {
        const mwi_span *const s = &spans->v[i];
        if (s->tap_end - s->tap == filter) return s->to - s->from;
    }
    return 0;
}
