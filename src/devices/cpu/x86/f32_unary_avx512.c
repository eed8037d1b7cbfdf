/* devices/cpu/x86/f32_unary_avx512.c - see f32_unary.h.
 * Depends: f32_unary_tiles.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_unary_tiles.h"

const mwi_f32_unary_isa mwi_f32_unary_avx512 = {.relu = relu_row,
                                                .relu6 = relu6_row,
                                                .hard_swish = hard_swish_row,
                                                .logistic = logistic_row,
                                                .tanh = tanh_row,
                                                .softmax = softmax};
