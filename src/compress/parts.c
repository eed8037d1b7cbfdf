/* compress/parts.c - the list of parts, and a run with those that its options want.
 * Depends: compress/part.  Used by: api/train.c.   SPDX-License-Identifier: Apache-2.0 */
#include "compress/part.h"

#include <string.h>

#define MWI_PART(id) extern const mwi_part_desc mwi_part_##id;
#include "compress/parts.def"
#undef MWI_PART

const mwi_part_desc *const mwi_parts[] = {
#define MWI_PART(id) &mwi_part_##id,
#include "compress/parts.def"
#undef MWI_PART
    NULL,
};

mw_status mwi_train_with_parts(mw_ctx *ctx, const mwi_part_call *call, mw_dataset *validation,
                               mw_model **out_model, mw_train_report *out_report)
{
    static const mw_train_options none;
    mwi_train_part parts[MWI_COUNT(mwi_parts)];
    const mwi_part_desc *rows[MWI_COUNT(mwi_parts)];
    mwi_part_call c = *call;
    mw_status st = MW_OK;
    size_t n = 0;

    *out_model = NULL;
    memset(parts, 0, sizeof parts);
    if (c.options == NULL) c.options = &none;
    for (const mwi_part_desc *const *p = mwi_parts; *p != NULL && st == MW_OK; p++) {
        if (!(*p)->wanted(c.options)) continue;
        rows[n] = *p;
        st = mwi_prefix(ctx, (*p)->open(ctx, &c, &parts[n]), "%s", (*p)->name);
        parts[n++].name = (*p)->name;
    }
    if (st == MW_OK)
        st = mwi_train(ctx, c.model, c.train, validation, c.options, parts, n, out_model,
                       out_report);
    while (n-- > 0)
        if (parts[n].self != NULL) rows[n]->close(ctx, parts[n].self);
    return st;
}
