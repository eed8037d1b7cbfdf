/* devices/cpu/x86/f32_gradients_avx2.c - see f32_gradients.h.
 * Depends: f32_gradients_tiles.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_gradients_tiles.h"

const mwi_f32_gradients_isa mwi_f32_gradients_avx2 = GRADIENTS;
