/* formats/tflite/operands.h - the inputs of an operator without those left out at the end.
 * Depends: model/.  Used by: read_op, write_op.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_FORMATS_TFLITE_OPERANDS_H
#define MWI_FORMATS_TFLITE_OPERANDS_H

#include "model/op_desc.h"

/* LiteRT takes a missing bias for granted when there are two inputs, but CONV_2D, DEPTHWISE_CONV_2D
 * and TRANSPOSE_CONV fail on a third one that is -1; so optional inputs at the end are not listed.
 */
static inline size_t mwi_tfl_n_in(const mwi_op *op)
{
    size_t n = op->n_in;

    if (op->desc == &mwi_op_unknown || op->desc->max_in < 0) return n;
    while (n > 0 && (int64_t)n > op->desc->min_in && op->in[n - 1] == -1) n--;
    return n;
}

#endif
