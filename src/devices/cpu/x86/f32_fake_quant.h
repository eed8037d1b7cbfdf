/* devices/cpu/x86/f32_fake_quant.h - loops of FAKE_QUANT_TRAIN and its gradient.
 * Depends: ops/fake_quantizer.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DEVICES_CPU_X86_F32_FAKE_QUANT_H
#define MWI_DEVICES_CPU_X86_F32_FAKE_QUANT_H

#include "ops/fake_quantizer.h"

extern const mwi_fq_loops mwi_f32_fake_quant_avx512, mwi_f32_fake_quant_avx2;

#endif
