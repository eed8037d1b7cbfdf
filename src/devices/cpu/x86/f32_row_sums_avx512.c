/* devices/cpu/x86/f32_row_sums_avx512.c - see f32_row_sums.h.
 * Depends: f32_row_sums_tiles.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_row_sums_tiles.h"

const mwi_f32_rows_isa mwi_f32_row_sums_avx512 = ROW_SUMS;
