/* compress/quantize/uint8_models.c - asymmetric uint8 models become int8 ones.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/emit.h"

bool mwi_model_is_uint8(const mw_model *model)
{
    (void)model;
    return false;
}

mw_status mwi_qjob_uint8(mw_ctx *ctx, mwi_qjob *job)
{
    (void)job;
    return mwi_fail(ctx, MW_EUNSUPPORTED, "uint8 models");
}
