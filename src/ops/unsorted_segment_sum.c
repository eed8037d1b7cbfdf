/* ops/unsorted_segment_sum.c - UNSORTED_SEGMENT_SUM: the sum of the rows of each segment.
 * Depends: ops/segments.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/segments.h"

MWI_SEGMENTS_RUN(run_f32, float, float, 0, acc += v)
MWI_SEGMENTS_RUN(run_i32, int32_t, uint32_t, 0, acc += v)

static const mwi_kernel kernels[] = {
    {.name = "f32_unsorted_segment_sum__ref", .types = "f32,i32,i32>f32", .run = run_f32},
    {.name = "s32_unsorted_segment_sum__ref", .types = "i32,i32,i32>i32", .run = run_i32},
    {.name = NULL},
};

const mwi_op_desc mwi_op_unsorted_segment_sum = {
    .name = "UNSORTED_SEGMENT_SUM",
    .tflite_code = 155,
    .options_type = 121,
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .kernels = kernels,
    .infer = mwi_segments_infer,
};
