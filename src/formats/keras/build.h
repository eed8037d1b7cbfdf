/* formats/keras/build.h - the graph while it is built from a tree of layers.
 * Depends: formats/keras/config, formats/keras/origin.  Used by: formats/keras/.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_FORMATS_KERAS_BUILD_H
#define MWI_FORMATS_KERAS_BUILD_H

#include "base/text.h"
#include "formats/keras/config.h"
#include "formats/keras/origin.h"

/* In place of a tensor: the layer that should make it is not supported. */
enum { MWI_KERAS_BROKEN = -2 };

struct mwi_keras_build {
    mw_ctx *ctx;
    mw_model *model;
    mwi_graph *graph;
    mwi_graph *initializer; /* gives variables their first values; NULL: there are none */
    const mwi_keras_archive
        *archive; /* NULL: missing weights are zeros of the shape that is wanted */
    const mw_load_options *options;
    mwi_keras_origin *origin;
    bool initialize; /* weights are made by the layers' initializers; the archive has none */
    uint64_t seed;
    mwi_arena *scratch;   /* as long as the load */
    mwi_arena operators;  /* views of some operators, emptied now and then */
    uint32_t n_operators; /* since it was emptied */
    bool batch_open;
    int32_t *mask; /* of each tensor: the bool tensor [batch, steps] of steps that count; -1 none */
    size_t mask_capacity, n_masks;
    int32_t recent[32]; /* small constants that may be used again */
    size_t n_recent;
    uint32_t n_calls;
    mwi_text problems; /* unsupported layers with reasons */
    mwi_text names;    /* without, for when they are very many */
    size_t n_problems;
    mwi_text untrained;  /* layers that cannot be trained, with reasons */
    bool refused_inside; /* what fails now holds a layer that is in the list of problems */
};

/* Adds graph, inputs and operators of the root model; fails with all unsupported layers named. */
MW_MUST_USE mw_status mwi_keras_build_graph(mwi_keras_build *b, mwi_keras_layer *root);
/* Adds the tensor of input `index` of the root model, with the shape of its config or the caller's.
 */
MW_MUST_USE mw_status mwi_keras_add_input(mwi_keras_build *b, const mwi_keras_layer *root,
                                          size_t index, int32_t *out);
/* Text of a .keras or .h5 config with weights (NULL: zeros) into an empty model. */
MW_MUST_USE mw_status mwi_keras_load_config(mw_ctx *ctx, const char *json, size_t n,
                                            const mwi_keras_archive *archive,
                                            const mw_load_options *options, mw_model *model);

/* Text of a config alone: weights are made by the layers' initializers, the same for a seed.
 *   about  versions and the like; its arrays are not looked at */
MW_MUST_USE mw_status mwi_keras_load_initialized(mw_ctx *ctx, const char *json, size_t n,
                                                 const mwi_keras_archive *about, uint64_t seed,
                                                 const mw_load_options *options, mw_model *model);

/* What training must know of a constant that is made of a weight of n_values values. */
MW_MUST_USE mw_status mwi_keras_fill_trainee(const mwi_keras_call *c, const mwi_keras_slot *slot,
                                             size_t n_values, mwi_keras_trainee *out);
/* Notes what keeps a layer from being trained as Keras does: constraints, noise, ... */
MW_MUST_USE mw_status mwi_keras_note_untrained(mwi_keras_build *b, const mwi_keras_layer *layer);
/* The same for weights that are in no constant, of a whole model that is built. */
MW_MUST_USE mw_status mwi_keras_note_unused(mwi_keras_build *b, const mwi_keras_layer *layer);

/* Refuses constants where the row does not take them, and training=True. Fails: MW_EUNSUPPORTED. */
MW_MUST_USE mw_status mwi_keras_check_arguments(mw_ctx *ctx, const mwi_keras_row *row,
                                                const json_t *node);

#endif
