/* devices/cpu/x86/f32_columns_avx512.c - see f32_columns.h.
 * Depends: f32_columns_tiles.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_columns_tiles.h"

void mwi_f32_columns_avx512(const mwi_f32_columns *columns) { run_columns(columns); }
