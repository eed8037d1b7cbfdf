/* ops/unsorted_segment_min.c - UNSORTED_SEGMENT_MIN: the smallest of the rows of each segment.
 * Depends: ops/segments.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/segments.h"

#include <float.h>

MWI_SEGMENTS_RUN(run_f32, float, float, FLT_MAX, acc = v < acc ? v : acc)
MWI_SEGMENTS_RUN(run_i32, int32_t, int32_t, INT32_MAX, acc = v < acc ? v : acc)

static const mwi_kernel kernels[] = {
    {.name = "f32_unsorted_segment_min__ref", .types = "f32,i32,i32>f32", .run = run_f32},
    {.name = "s32_unsorted_segment_min__ref", .types = "i32,i32,i32>i32", .run = run_i32},
    {.name = NULL},
};

const mwi_op_desc mwi_op_unsorted_segment_min = {
    .name = "UNSORTED_SEGMENT_MIN",
    .tflite_code = 157,
    .options_type = 120,
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .kernels = kernels,
    .infer = mwi_segments_infer,
};
