/* ops/unsorted_segment_max.c - UNSORTED_SEGMENT_MAX: the largest of the rows of each segment.
 * Depends: ops/segments.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/segments.h"

#include <float.h>

MWI_SEGMENTS_RUN(run_f32, float, float, -FLT_MAX, acc = v > acc ? v : acc)
MWI_SEGMENTS_RUN(run_i32, int32_t, int32_t, INT32_MIN, acc = v > acc ? v : acc)

static const mwi_kernel kernels[] = {
    {.name = "f32_unsorted_segment_max__ref", .types = "f32,i32,i32>f32", .run = run_f32},
    {.name = "s32_unsorted_segment_max__ref", .types = "i32,i32,i32>i32", .run = run_i32},
    {.name = NULL},
};

const mwi_op_desc mwi_op_unsorted_segment_max = {
    .name = "UNSORTED_SEGMENT_MAX",
    .tflite_code = 154,
    .options_type = 119,
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .kernels = kernels,
    .infer = mwi_segments_infer,
};
