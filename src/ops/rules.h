/* ops/rules.h - versions and quantization rules that many rows share.
 * Depends: ops/registry.  Used by: ops/.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_RULES_H
#define MWI_OPS_RULES_H

#include "ops/registry.h"

/* By the type of input 0: int8 2; int16 3 or 2. */
int32_t mwi_version_i8(const mwi_shape_call *call);     /* int8 2 */
int32_t mwi_version_i8_i16(const mwi_shape_call *call); /* int8 2, int16 3 */
int32_t mwi_version_i8i16(const mwi_shape_call *call);  /* int8 2, int16 2 */

/* No weight, no bias: */
extern const mwi_quant_rule mwi_quant_own; /* the output has a scale of its own */
extern const mwi_quant_rule
    mwi_quant_same; /* the output keeps input 0's scale; other inputs are not data */
extern const mwi_quant_rule mwi_quant_all; /* all inputs and outputs share one scale */
extern const mwi_quant_rule
    mwi_quant_first; /* input 0 is the data; the output's scale, if any, is its own */

#endif
