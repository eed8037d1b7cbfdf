/* ops/reduce_all.c - REDUCE_ALL: whether all values over axes are true.
 * Depends: ops/reduce.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/reduce.h"

MWI_REDUCE_RUN(run, uint8_t, uint8_t, void, 1, acc = (uint8_t)(acc & (v != 0)), acc)

static const mwi_kernel kernels[] = {
    {.name = "bool_reduce_all__ref", .types = "bool,i32>bool", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_reduce_all = {
    .name = "REDUCE_ALL",
    .tflite_code = 140,
    .options_type = 27,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_PER_SAMPLE,
    .attr_size = sizeof(mwi_reduce_attr),
    .fields = mwi_reduce_fields,
    .kernels = kernels,
    .infer = mwi_reduce_infer,
};
