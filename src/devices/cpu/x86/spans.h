/* devices/cpu/x86/spans.h - outputs of one axis of a window, cut into spans whose windows hold the
 * same taps inside the input: borders need neither copies nor tests in loops.
 * Depends: ops/window.  Used by: the kernels of this folder.   SPDX-License-Identifier: Apache-2.0
 */
#ifndef MWI_DEVICES_CPU_X86_SPANS_H
#define MWI_DEVICES_CPU_X86_SPANS_H

#include "ops/window.h"

typedef struct mwi_span {
    int32_t from, to;     /* outputs */
    int32_t tap, tap_end; /* taps that lie inside; none: tap == tap_end */
    int32_t at;           /* where the first output's first tap inside lies */
} mwi_span;

typedef struct mwi_spans {
    mwi_span *v;
    size_t n;
} mwi_spans;

/* One axis of a window; pad may be negative: that many pixels before the first window. */
typedef struct mwi_spans_axis {
    int64_t in, out, filter, stride, dilation, pad;
} mwi_spans_axis;

MW_MUST_USE mw_status mwi_spans_make_axis(mw_ctx *ctx, mwi_arena *arena, const mwi_spans_axis *axis,
                                          mwi_spans *out);
/* Of rows and of columns of a window, in `arena`. */
MW_MUST_USE mw_status mwi_spans_make(mw_ctx *ctx, mwi_arena *arena, const mwi_window *w,
                                     mwi_spans *rows, mwi_spans *columns);
/* Outputs of the span whose windows lie inside whole; 0: there is none. */
int32_t mwi_spans_whole(const mwi_spans *spans, int32_t filter);

#endif
