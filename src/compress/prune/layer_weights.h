/* compress/prune/layer_weights.h - the constants that layers multiply by: found by the rows' linear
 * description, read and written as floats whatever their type.
 * Depends: ops/.  Used by: compress/prune, compress/cluster.   SPDX-License-Identifier: Apache-2.0
 */
#ifndef MWI_COMPRESS_LAYER_WEIGHTS_H
#define MWI_COMPRESS_LAYER_WEIGHTS_H

#include "compress/prune/masks.h"
#include "ops/registry.h"

typedef struct mwi_layer_weight {
    mwi_graph *graph;
    mwi_op *op;         /* the first layer that reads it */
    const char *name;   /* of the layer */
    const char *reason; /* why it is left alone; "" when it is not */
    int32_t tensor;     /* the constant itself, also where it is read through a DEQUANTIZE */
    mwi_weight_axes axes;
} mwi_layer_weight;

/* All constant weights of a model, each once, in the order of the layers. Those whose layer, output
 * or operator matches one of `skip`, and those of a type that cannot be changed, have a reason.
 *   *out  made in `arena`
 * Fails: MW_EINVAL (a pattern that matches nothing). */
MW_MUST_USE mw_status mwi_layer_weights_find(mw_ctx *ctx, mw_model *model, const char *const *skip,
                                             size_t n_skip, mwi_arena *arena,
                                             mwi_layer_weight **out, size_t *out_n);

/* Fails: MW_EINVAL (a pattern that matches no layer of the main graph with weights). */
MW_MUST_USE mw_status mwi_layers_named(mw_ctx *ctx, const mw_model *model,
                                       const char *const *patterns, size_t n);

/* What the values of an integer weight are: real numbers, or steps of their scale, of which the
 * file holds few different ones where its channels have scales of their own. */
typedef enum mwi_weight_unit { MWI_UNIT_REAL = 0, MWI_UNIT_STEP = 1 } mwi_weight_unit;

/* Its values; borrowed from the model, or made in `arena`. Only of one without a reason. */
MW_MUST_USE mw_status mwi_layer_weight_get(mw_ctx *ctx, const mwi_layer_weight *weight,
                                           mwi_weight_unit unit, mwi_arena *arena,
                                           const float **out);
/* Gives it new values, rounded to its type: 0 is always exact, and what is not changed stays. */
MW_MUST_USE mw_status mwi_layer_weight_set(mw_ctx *ctx, mw_model *model,
                                           const mwi_layer_weight *weight, mwi_weight_unit unit,
                                           const float *values);

#endif
