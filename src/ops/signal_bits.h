/* ops/signal_bits.h - the integer functions of TFLite Micro's filter banks.
 * Depends: nothing.  Used by: SignalFftAutoScale, SignalFilterBank*, SignalPCAN.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_SIGNAL_BITS_H
#define MWI_OPS_SIGNAL_BITS_H

#include <stdint.h>

/* Bits that v takes; v is not 0. */
static inline uint32_t mwi_bits_of(uint64_t v) { return 64 - (uint32_t)__builtin_clzll(v); }

#endif
