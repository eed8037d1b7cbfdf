/* devices/cpu/x86/s8_pack.h - quick passes over the weights of 8-bit layers: models start by them.
 * Bytes are taken as unsigned; int8 ones with `flip` 0x80, which moves them by 128.
 * Depends: nothing.  Used by: s8_channels, s8_layer.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DEVICES_CPU_X86_S8_PACK_H
#define MWI_DEVICES_CPU_X86_S8_PACK_H

#include <stddef.h>
#include <stdint.h>

/* Sums of n values and of their distances from `zero`. */
void mwi_s8_sums(const uint8_t *values, size_t n, uint8_t flip, uint8_t zero, uint64_t *sum,
                 uint64_t *distance);
/* The least and the largest of n >= 1 values. */
void mwi_s8_range(const uint8_t *values, size_t n, uint8_t *least, uint8_t *largest);
/* Quads of 16 rows beside each other, `step` bytes apart at out, each value less `move`. Rows that
 * begin at values + starts[i]; negative: a row of zeros. */
void mwi_s8_quads(const uint8_t *values, const int32_t starts[16], size_t n_quads, uint8_t move,
                  int8_t *out, size_t step);

#endif
