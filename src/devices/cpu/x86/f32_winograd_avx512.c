/* devices/cpu/x86/f32_winograd_avx512.c - see f32_winograd.h.
 * Depends: f32_winograd_tiles.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_winograd_tiles.h"

const mwi_winograd_isa mwi_winograd_avx512 = {.in = in, .out = out, .out_grad = out_grad};
