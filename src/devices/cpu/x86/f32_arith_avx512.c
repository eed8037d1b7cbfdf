/* devices/cpu/x86/f32_arith_avx512.c - see f32_arith.h.
 * Depends: f32_arith_tiles.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_arith_tiles.h"

const mwi_f32_arith_isa mwi_f32_arith_avx512 = {.add = add_row, .sub = sub_row, .mul = mul_row};
