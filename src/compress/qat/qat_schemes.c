/* compress/qat/qat_schemes.c - see qat_schemes.h.     SPDX-License-Identifier: Apache-2.0 */
#include "compress/qat/qat_schemes.h"

const mwi_qat_scheme mwi_qat_schemes[] = {
    {MW_QUANT_INT8, MW_QUANT_INT8, "int8", "int8 weights and activations"},
    {MW_QUANT_INT4, MW_QUANT_INT8X4, "int4", "int4 weights, int8 activations"},
    {MW_QUANT_INT16X8, MW_QUANT_INT16X8, "int16x8", "int8 weights, int16 activations"},
    {.name = NULL},
};
