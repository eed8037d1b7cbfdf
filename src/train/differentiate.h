/* train/differentiate.h - reverse-mode differentiation of a graph: operators that compute the
 * gradients of a scalar are added to it, by the rows of the operators on the way.
 * Depends: model/, ops/.  Used by: train/, compress/.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_TRAIN_DIFFERENTIATE_H
#define MWI_TRAIN_DIFFERENTIATE_H

#include "model/op_desc.h"

/* Adds d(loss)/d(wrt[i]) for each tensor of `wrt`.
 *   loss  a float32 scalar of the graph
 *   out   n tensors; -1 where the loss does not depend on wrt[i]
 * Gradients that meet are added in the order of the graph, so that sums do not depend on anything
 * else. Fails: MW_EUNSUPPORTED (all operators on the way that have no gradient, named), MW_ENOMEM.
 */
MW_MUST_USE mw_status mwi_differentiate(mw_ctx *ctx, mw_model *model, mwi_graph *graph,
                                        int32_t loss, const int32_t *wrt, size_t n, int32_t *out);

#endif
