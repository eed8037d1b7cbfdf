/* ops/combine.h - what a subgraph of one operator does with two values: the bodies of
 * STABLEHLO_SCATTER and STABLEHLO_REDUCE_WINDOW.
 * Depends: ops/shapes.  Used by: these operators.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_COMBINE_H
#define MWI_OPS_COMBINE_H

#include "ops/shapes.h"

/* The order of the schema's ReduceWindowFunction. */
enum {
    MWI_COMBINE_NONE = 0,
    MWI_COMBINE_ADD = 1,
    MWI_COMBINE_MUL = 2,
    MWI_COMBINE_MIN = 3,
    MWI_COMBINE_MAX = 4,
    MWI_COMBINE_ALL = 5,
    MWI_COMBINE_ANY = 6,
    MWI_COMBINE_UPDATE = 7, /* the second value */
};

/* acc = acc op x. */
typedef void (*mwi_combine_fn)(void *acc, const void *x);
/* NULL: none for this type. */
mwi_combine_fn mwi_combine(int32_t function, mw_dtype dtype);
/* What the subgraph does. Fails: MW_EUNSUPPORTED (another operator, or several). */
MW_MUST_USE mw_status mwi_combine_of(mw_ctx *ctx, const mwi_host *host, int32_t subgraph,
                                     int32_t *out);

#endif
