/* ops/rules.c - see rules.h.
 * Depends: ops/registry.  Used by: ops/.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/rules.h"

int32_t mwi_version_i8(const mwi_shape_call *call) { return call->in[0].dtype == MW_INT8 ? 2 : 1; }

int32_t mwi_version_i8_i16(const mwi_shape_call *call)
{
    return call->in[0].dtype == MW_INT16 ? 3 : mwi_version_i8(call);
}

int32_t mwi_version_i8i16(const mwi_shape_call *call)
{
    return call->in[0].dtype == MW_INT16 ? 2 : mwi_version_i8(call);
}

const mwi_quant_rule mwi_quant_own = {
    .quantizable = true, .weight = -1, .axis = -1, .bias = -1, .data_inputs = {-1}};
const mwi_quant_rule mwi_quant_same = {.quantizable = true,
                                       .weight = -1,
                                       .axis = -1,
                                       .bias = -1,
                                       .flags = MWI_QUANT_SAME_SCALE,
                                       .data_inputs = {0, -1}};
const mwi_quant_rule mwi_quant_all = {.quantizable = true,
                                      .weight = -1,
                                      .axis = -1,
                                      .bias = -1,
                                      .flags = MWI_QUANT_INPUTS_SAME,
                                      .data_inputs = {-1}};
const mwi_quant_rule mwi_quant_first = {
    .quantizable = true, .weight = -1, .axis = -1, .bias = -1, .data_inputs = {0, -1}};
