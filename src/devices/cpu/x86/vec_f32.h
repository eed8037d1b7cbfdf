/* devices/cpu/x86/vec_f32.h - the widest vector of floats that the file is compiled for (its last
 * word, CMakeLists.txt), under names that templates of float kernels use.
 * Depends: vec_f32_*.h.  Used by: templates of this folder.   SPDX-License-Identifier: Apache-2.0
 */
#ifndef MWI_DEVICES_CPU_X86_VEC_F32_H
#define MWI_DEVICES_CPU_X86_VEC_F32_H

#if defined(__AVX512F__)
#include "devices/cpu/x86/vec_f32_avx512.h"
#else
#include "devices/cpu/x86/vec_f32_avx2.h"
#endif

#endif
