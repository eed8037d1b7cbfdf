/* compress/quantize/capture.h - all values of one run of a model, as floats.
 * Depends: runtime/.  Used by: error_report, moments.
 * Memory: one run's activations. Integer tensors are dequantized by their parameters.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_COMPRESS_CAPTURE_H
#define MWI_COMPRESS_CAPTURE_H

#include "runtime/session.h"

/* Holds: values[i] is NULL or counts[i] floats, those of the last run. */
typedef struct mwi_capture {
    const mwi_graph *graph;
    mwi_arena *arena;   /* borrowed: where values live */
    const bool *wanted; /* by tensor; NULL: all */
    float **values;
    size_t *counts;
} mwi_capture;

MW_MUST_USE mw_status mwi_capture_init(mw_ctx *ctx, mwi_capture *capture, const mwi_graph *graph,
                                       const bool *wanted, mwi_arena *arena);
/* An observer; self is the capture. */
mw_status mwi_capture_step(void *self, mw_ctx *ctx, const mwi_graph *graph, const mwi_op *op,
                           const mwi_view *in, size_t n_in, const mwi_view *out, size_t n_out);
/* Dequantizes a per-tensor quantized or float tensor's bytes. False for types that hold no reals.
 */
bool mwi_view_floats(const mwi_view *view, const mwi_quant *quant, float *out);
size_t mwi_view_n(const mwi_view *view); /* elements, 0 for packed or unsized types */

#endif
