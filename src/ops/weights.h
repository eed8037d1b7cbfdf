/* ops/weights.h - weights in the order in which kernels read them: constant ones are rearranged
 * once for the model, others at each run, in the run's scratch.
 * Depends: ops/registry.  Used by: kernels of layers.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_WEIGHTS_H
#define MWI_OPS_WEIGHTS_H

#include "ops/registry.h"

enum { MWI_WEIGHTS_BLOCK = 16 }; /* output channels of one float block */

typedef struct mwi_weights mwi_weights;
/* Writes w->bytes bytes to `to` from the operand's data `from`. */
typedef void (*mwi_repack_fn)(const mwi_weights *w, const void *from, void *to);

struct mwi_weights {
    mwi_repack_fn repack; /* NULL: read as they are */
    size_t input;         /* which operand */
    mw_dtype dtype;       /* of the operand */
    int32_t zero;         /* its zero point, which widened weights are without */
    size_t n, bytes;      /* values, and bytes when rearranged */
    size_t shape[4];      /* for `repack` alone */
    const void *made;     /* NULL: made at each run, `at` bytes into the scratch */
    size_t at;
};

/* Sets `made`, or grows call->scratch_bytes by the room that a run needs. The rest of *w is set by
 * the caller; kind, p0 and w->zero say all that `repack` depends on besides the operand itself
 * (mwi_pack). Fails: MW_EUNSUPPORTED (packed types that are not constant), MW_ELIMIT, MW_ENOMEM. */
MW_MUST_USE mw_status mwi_weights_make(mw_ctx *ctx, mwi_prepare_call *call, const char *kind,
                                       int64_t p0, mwi_weights *w);
const void *mwi_weights_at_run(const mwi_weights *w, const mwi_run_call *call);

/* Integers of 2 to 16 bits as int16 minus `zero`; int16 ones are read as they are. */
MW_MUST_USE mw_status mwi_weights_s16(mw_ctx *ctx, mwi_prepare_call *call, size_t input,
                                      int32_t zero, mwi_weights *out);
/* int8, int4 and int2 as int8; constant. */
MW_MUST_USE mw_status mwi_weights_s8(mw_ctx *ctx, mwi_prepare_call *call, size_t input,
                                     mwi_weights *out);
/* Floats [out][taps] as [out/16][taps][16]; channels behind the last are 0. */
MW_MUST_USE mw_status mwi_weights_blocks(mw_ctx *ctx, mwi_prepare_call *call, size_t input,
                                         size_t n_out, size_t taps, mwi_weights *out);

/* n values of int16 (zero is then 0), int8 or uint8 minus `zero`, as int16. */
void mwi_widen(mw_dtype dtype, const void *from, size_t n, int32_t zero, int16_t *out);

#endif
