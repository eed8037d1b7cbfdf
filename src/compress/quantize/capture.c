/* compress/quantize/capture.c - all values of one run of a model, as floats.
 * Depends: runtime/.  Used by: error_report, moments.   SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/capture.h"

#include "compress/quantize/affine.h"

#include <string.h>

size_t mwi_view_n(const mwi_view *view)
{
    const unsigned bits = mw_dtype_bits(view->dtype);
    return bits < 8 ? 0 : view->bytes / (bits / 8);
}

bool mwi_view_floats(const mwi_view *view, const mwi_quant *quant, float *out)
{
    const size_t n = mwi_view_n(view);

    if (view->dtype == MW_FLOAT32) {
        if (n > 0) memcpy(out, view->data, n * sizeof *out);
        return true;
    }
    if (view->dtype != MW_INT8 && view->dtype != MW_UINT8 && view->dtype != MW_INT16) return false;
    if (quant == NULL || quant->q.n_scales != 1) return false;
    const mwi_params p = {quant->q.scales[0], (int32_t)quant->q.zero_points[0]};
    mwi_dequantize_all(view->data, n, view->dtype, p, out);
    return true;
}

mw_status mwi_capture_init(mw_ctx *ctx, mwi_capture *c, const mwi_graph *graph, const bool *wanted,
                           mwi_arena *arena)
{
    void *values, *counts;

    MWI_TRY(mwi_arena_array(ctx, arena, graph->n_tensors, sizeof(float *), &values));
    MWI_TRY(mwi_arena_array(ctx, arena, graph->n_tensors, sizeof(size_t), &counts));
    *c = (mwi_capture){
        .graph = graph, .arena = arena, .wanted = wanted, .values = values, .counts = counts};
    return MW_OK;
}

static mw_status take(mw_ctx *ctx, mwi_capture *c, int32_t tensor, const mwi_view *view)
{
    const size_t n = mwi_view_n(view);

    if (view->data == NULL || n == 0 || (c->wanted != NULL && !c->wanted[tensor])) return MW_OK;
    if (c->values[tensor] == NULL || c->counts[tensor] != n) {
        void *memory;
        MWI_TRY(mwi_arena_array(ctx, c->arena, n, sizeof(float), &memory));
        c->values[tensor] = memory;
        c->counts[tensor] = n;
    }
    if (!mwi_view_floats(view, c->graph->tensors[tensor]->quant, c->values[tensor]))
        c->values[tensor] = NULL;
    return MW_OK;
}

mw_status mwi_capture_step(void *self, mw_ctx *ctx, const mwi_graph *graph, const mwi_op *op,
                           const mwi_view *in, size_t n_in, const mwi_view *out, size_t n_out)
{
    mwi_capture *const c = self;

    (void)in, (void)n_in;
    if (graph != c->graph) return MW_OK;
    for (size_t k = 0; k < n_out; k++)
        MWI_TRY(take(ctx, c, op == NULL ? graph->inputs[k] : op->out[k], &out[k]));
    return MW_OK;
}
