/* evaluate/side.h - one of the models that are evaluated: runs batches of a data set and gives its
 * outputs as real numbers.
 * Depends: runtime/, data through milliwatt/data.h.  Used by: evaluate/, compress/.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_EVALUATE_SIDE_H
#define MWI_EVALUATE_SIDE_H

#include <milliwatt/evaluate.h>
#include <milliwatt/session.h>

#include "base/arena.h"

/* An input or an output; memory is of the arena given at open. */
typedef struct mwi_end {
    mw_tensor_info info;
    size_t sample_bytes, n; /* n: values of a sample */
    void *data;             /* of a batch */
    double *values;         /* the same as real numbers; inputs: NULL */
} mwi_end;

typedef struct mwi_side {
    const mw_model *model;
    mw_session *session;
    mwi_end *in, *out;
    const void **in_data; /* where a run's samples are, an end each */
    void **out_data;
    size_t n_in, n_out;
    bool has_state; /* each sample then starts from fresh state, alone */
} mwi_side;

/* `batch`: the most samples of one run. On failure close it too. */
MW_MUST_USE mw_status mwi_side_open(mw_ctx *ctx, const mw_model *model, size_t batch,
                                    uint32_t n_threads, mwi_arena *arena, mwi_side *side);
void mwi_side_close(mwi_side *side); /* accepts a zeroed one */
/* Reads samples [first, first + count), runs them, fills the outputs' values. *out_ns: the run
 * alone. */
MW_MUST_USE mw_status mwi_side_run(mw_ctx *ctx, mwi_side *side, mw_dataset *data, uint64_t first,
                                   size_t count, uint64_t *out_ns);
/* The same on samples that the caller has, as the model takes them: one pointer an input. */
MW_MUST_USE mw_status mwi_side_run_given(mw_ctx *ctx, mwi_side *side, const void *const *in,
                                         size_t count);
/* Real values of n stored ones: dequantized where the tensor is quantized as a whole. */
void mwi_to_real(const mw_tensor_info *info, const void *data, size_t n, double *out);

#endif
