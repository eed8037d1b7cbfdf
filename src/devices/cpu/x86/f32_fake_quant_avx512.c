/* devices/cpu/x86/f32_fake_quant_avx512.c - see f32_fake_quant.h.
 * Depends: f32_fake_quant_tiles.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_fake_quant_tiles.h"

const mwi_fq_loops mwi_f32_fake_quant_avx512 = {
    .round = round_run, .widen = widen, .pass = pass_run, .add = add_run};
