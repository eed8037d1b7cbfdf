/* formats/keras/trainees.h - what Keras's config says of training: which weights are trained, and
 * how they are regularised.
 * Depends: model/.  Used by: formats/keras/, train/.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_FORMATS_KERAS_TRAINEES_H
#define MWI_FORMATS_KERAS_TRAINEES_H

#include "model/graph.h"

/* A constant that was made of a stored weight, or of a part of it. */
typedef struct mwi_keras_trainee {
    const char *layer;   /* "outer/inner" */
    const char *weight;  /* "kernel" */
    const void *stored;  /* tells weights apart: constants that are parts of one have the same */
    size_t n_stored;     /* values of the whole weight */
    bool trainable;      /* neither its layer nor one around it is frozen */
    bool statistic;      /* a moving average, which no gradient changes */
    float l1, l2;        /* the layer's own regulariser of this weight */
    const char *refusal; /* a regulariser that is not known here; NULL */
} mwi_keras_trainee;

/* NULL: the tensor is no weight, or the model did not come from Keras. */
const mwi_keras_trainee *mwi_keras_trainee_of(const mw_model *model, const mwi_tensor *tensor);
/* Fails: MW_EUNSUPPORTED (a model that is not from Keras; layers that cannot be trained as Keras
 * does, all named). */
MW_MUST_USE mw_status mwi_keras_check_training(mw_ctx *ctx, const mw_model *model);

/* The model anew with weights made by its layers' initializers, the same for a seed; *out is owned.
 * Fails: MW_EUNSUPPORTED (a model that is not from Keras, an initializer that is not known). */
MW_MUST_USE mw_status mwi_keras_reinitialize(mw_ctx *ctx, const mw_model *model, uint64_t seed,
                                             mw_model **out);

#endif
