/* compress/distill/derive_student.c - a smaller network of the same layers, made of a teacher: the
 * strongest channels of each layer with their weights, which is a better start than random ones.
 * Depends: compress/prune/channels.  Used by: programs.     SPDX-License-Identifier: Apache-2.0 */
#include <milliwatt/train.h>

#include "compress/prune/channels.h"

mw_status mw_derive_student(mw_ctx *ctx, const mw_model *teacher, double width,
                            mw_model **out_student)
{
    mwi_enter(ctx);
    *out_student = NULL;
    if (!(width > 0 && width < 1))
        return mwi_fail(ctx, MW_EINVAL, "the width is %g, allowed is what lies between 0 and 1",
                        width);
    return mwi_thin_channels(ctx, teacher, width, out_student);
}
