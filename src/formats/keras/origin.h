/* formats/keras/origin.h - what a model that came from Keras keeps, so that it can be written back
 * as .h5.
 * Depends: formats/keras/layer.  Used by: formats/keras/.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_FORMATS_KERAS_ORIGIN_H
#define MWI_FORMATS_KERAS_ORIGIN_H

#include "formats/keras/layer.h"
#include "formats/keras/trainees.h"

/* A constant that was made of a weight; a tensor's `source` is its place in the list. */
struct mwi_keras_use {
    const mwi_keras_array *array;
    mwi_keras_trainee trainee;
    int32_t next;           /* another use of the same weight, -1 none */
    int32_t tensor;         /* while the graph is built */
    const mwi_graph *graph; /* the same */
    mwi_keras_part part; /* begin, size and perm filled in; weight and tensor names are not kept */
    bool present;        /* in the graph after loading */
};

typedef struct mwi_keras_stored {
    const char *name; /* within its group: "dense/kernel:0" */
    const mwi_keras_array *array;
    int32_t first_use; /* -1: no constant was made of it */
} mwi_keras_stored;

typedef struct mwi_keras_origin_group {
    const char *name;
    size_t first, n; /* in weights */
} mwi_keras_origin_group;

typedef struct mwi_keras_origin {
    const char *config_json, *training_json; /* training_json: NULL when absent */
    const char *keras_version, *backend;
    bool v3;          /* read from a .keras */
    bool unwrapped;   /* training tools' wrappers were taken off: groups have the layers' names */
    bool initialized; /* made of a config alone, alike */
    mwi_keras_origin_group *groups;
    size_t n_groups, groups_capacity;
    mwi_keras_stored *weights;
    size_t n_weights, weights_capacity;
    mwi_keras_use *uses;
    size_t n_uses, uses_capacity;
    const mwi_op_desc **ops; /* the graph's operators as they were: weights alone may change */
    size_t n_ops;
    size_t n_graphs;
    const char *untrained; /* layers that cannot be trained as Keras does, with reasons; NULL */
} mwi_keras_origin;

/* NULL: the model did not come from Keras. */
const mwi_keras_origin *mwi_keras_origin_of(const mw_model *model);
/* Values of the part in the graph's order as floats.
 *   out  yours; one float an element of the part */
MW_MUST_USE mw_status mwi_keras_gather(mw_ctx *ctx, const mwi_keras_array *array,
                                       const mwi_keras_part *part, float *out);
/* The way back: puts the part's values into all values of the weight. */
void mwi_keras_scatter(const mwi_keras_part *part, const float *values, float *all);

/* Lists groups and weights of a tree whose weights were found, for saving. */
MW_MUST_USE mw_status mwi_keras_origin_fill(mw_ctx *ctx, mwi_arena *arena,
                                            const mwi_keras_archive *archive, mwi_keras_layer *root,
                                            mwi_keras_origin *origin);
/* What a save writes; memory is of `arena`, the model's, or the file's that was read. */
MW_MUST_USE mw_status mwi_keras_collect(mw_ctx *ctx, const mw_model *model, mwi_arena *arena,
                                        mwi_keras_out *out);
MW_MUST_USE mw_status mwi_keras_save(mw_ctx *ctx, const mw_model *model, mwi_output *output);

#endif
