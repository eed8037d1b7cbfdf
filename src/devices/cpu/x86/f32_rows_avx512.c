/* devices/cpu/x86/f32_rows_avx512.c - see f32_rows.h.
 * Depends: f32_rows_tiles.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_rows_tiles.h"

void mwi_f32_rows_avx512(const mwi_f32_rows *rows, size_t begin, size_t end)
{
    run_rows(rows, begin, end);
}
