/* ops/batch_matmul.h - where the matrices of a BATCH_MATMUL lie, for its kernels.
 * Depends: model/op_desc.  Used by: kernels of BATCH_MATMUL.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_BATCH_MATMUL_H
#define MWI_OPS_BATCH_MATMUL_H

#include "model/op_desc.h"

enum { MWI_MATMUL_BATCH_DIMS = 3 };

/* One operand as n matrices of [rows, depth]: every result is a dot product of a row of the first
 * and a row of the second. */
typedef struct mwi_matmul_operand {
    size_t n, rows, depth;
    size_t
        step[MWI_MATMUL_BATCH_DIMS]; /* matrices to go on for each batch dimension; 0: broadcast */
    bool transposed;                 /* the tensor has [depth, rows] */
} mwi_matmul_operand;

typedef struct mwi_matmul {
    mwi_matmul_operand x, y;
    size_t batch[MWI_MATMUL_BATCH_DIMS], n_batches; /* of the output */
} mwi_matmul;

mwi_matmul mwi_matmul_of(const mwi_prepare_call *call);
/* Which matrix of an operand of `m` batch b reads. */
size_t mwi_matmul_matrix(const mwi_matmul *m, const mwi_matmul_operand *o, size_t b);

#endif
