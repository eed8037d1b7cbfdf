/* formats/keras/config.h - a model's config as a tree of layers and, for each model in it, the
 * calls that wire it.
 * Depends: formats/keras/layer.  Used by: formats/keras/.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_FORMATS_KERAS_CONFIG_H
#define MWI_FORMATS_KERAS_CONFIG_H

#include "formats/keras/layer.h"

/* A result of a call: which layer of the net, which of its calls, which of that call's results. */
typedef struct mwi_keras_ref {
    size_t layer;
    int64_t node; /* as the config counts, until mwi_keras_resolve_refs makes it a place in
                     net->nodes */
    int32_t tensor;
    const char *key; /* the argument's name, NULL for a positional one */
} mwi_keras_ref;

typedef struct mwi_keras_refs {
    mwi_keras_ref *v;
    size_t n, capacity;
} mwi_keras_refs;

/* One call of a layer. */
typedef struct mwi_keras_node {
    size_t layer;
    const json_t *json; /* borrowed; NULL for an input */
    mwi_keras_refs in;
} mwi_keras_node;

struct mwi_keras_net {
    bool sequential; /* children run one after another; no nodes */
    mwi_keras_node *nodes;
    size_t n_nodes, nodes_capacity;
    size_t *first_node; /* of each layer: its nodes lie together; n_layers + 1 entries */
    mwi_keras_refs inputs, outputs;
    size_t *by_name; /* layers sorted by name */
    size_t *order; /* nodes that the outputs need, in an order in which they can run; NULL: not yet
                      found */
    size_t n_order;
    const json_t *build_shape; /* Sequential without an InputLayer; NULL */
};

/* Text to document: bounded in size and depth. *out is owned: json_decref. Fails: MW_EFORMAT,
 * MW_ELIMIT. */
MW_MUST_USE mw_status mwi_keras_json_parse(mw_ctx *ctx, const char *text, size_t n,
                                           const char *what, json_t **out);

/* The whole config as a tree in `arena`; strings that outlive the document are made in it too.
 * Unknown classes become layers without a row. Fails: MW_EFORMAT, MW_ELIMIT, MW_ENOMEM. */
MW_MUST_USE mw_status mwi_keras_config_parse(mw_ctx *ctx, const json_t *document,
                                             int32_t keras_major, mwi_arena *arena,
                                             mwi_keras_layer **out);

/* A layer from {class_name, config} inside another's config. */
MW_MUST_USE mw_status mwi_keras_child(mw_ctx *ctx, mwi_arena *arena, const json_t *json,
                                      const char *name, mwi_keras_layer *parent,
                                      mwi_keras_layer **out);

/* Places of layers' weights in the archive. Weights that are not found stay NULL. */
MW_MUST_USE mw_status mwi_keras_find_weights(mw_ctx *ctx, const mwi_keras_archive *archive,
                                             mwi_arena *arena, mwi_keras_layer *root);
/* Slots of a layer and what it holds in the order of Keras's `weights` of old: trained, then not
 * trained. */
typedef struct mwi_keras_slots {
    mwi_keras_slot **v;
    size_t n, capacity;
} mwi_keras_slots;
MW_MUST_USE mw_status mwi_keras_legacy_order(mw_ctx *ctx, mwi_arena *arena, mwi_keras_layer *layer,
                                             mwi_keras_slots *out);

/* keras.src.utils.naming.to_snake_case: "DepthwiseConv2D" is "depthwise_conv2d". */
MW_MUST_USE mw_status mwi_keras_snake_case(mw_ctx *ctx, mwi_arena *arena, const char *name,
                                           const char **out);
/* Whether `name` is one of the alternatives "a|b|c". */
bool mwi_keras_name_in(const char *alternatives, const char *name, size_t n);

#endif
