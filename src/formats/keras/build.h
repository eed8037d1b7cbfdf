/* formats/keras/build.h - from Keras layers to operators: what every layer's row uses.
 * Depends: formats/keras/archive, ops/registry, Jansson.  Used by: formats/keras/.
 * Holds:   (1) a weight becomes one constant however often its layer is shared;  (2) every computed tensor has
 *          its shape as soon as its operator is added.     SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_KERAS_BUILD_H
#define MWI_KERAS_BUILD_H

#include "formats/keras/archive.h"
#include "ops/registry.h"

#include "base/text.h"

#include <jansson.h>

enum { KR_MAX_WEIGHTS = 16, KR_MAX_INPUTS = 256 };

/* How a weight lies in a file and how in the graph. */
typedef enum kr_transform {
    KR_AS_IS = 0,
    KR_MATRIX,    /* [in,out] -> [out,in] */
    KR_CONV,      /* [kh,kw,in,out] -> [out,kh,kw,in] */
    KR_CONV_1D,   /* [k,in,out] -> [out,1,k,in] */
    KR_DEPTHWISE, /* [kh,kw,in,mult] -> [1,kh,kw,in*mult] */
    KR_DEPTHWISE_1D, /* [k,in,mult] -> [1,1,k,in*mult] */
    KR_CONV_TRANSPOSE, /* [kh,kw,out,in] -> [out,kh,kw,in] */
} kr_transform;

/* One weight as its file has it. */
typedef struct kr_weight {
    const char *name;             /* within the group that is written: "dense/kernel:0" */
    const mwi_keras_array *array; /* as read */
    kr_transform transform;
} kr_weight;

/* A top-level layer with its weights in the order of the legacy layout. */
typedef struct kr_group {
    const char *name;
    int32_t *weights; /* places in kr_origin.weights */
    size_t n, capacity;
} kr_group;

/* model->origin of a model that came from Keras. */
typedef struct kr_origin {
    const char *config_json, *training_json, *keras_version, *backend;
    bool v3;
    kr_weight *weights;
    size_t n_weights, weights_capacity;
    kr_group *groups;
    size_t n_groups, groups_capacity;
} kr_origin;

typedef struct kr_row kr_row;

/* One layer of the configuration: shared when it is called more than once. */
typedef struct kr_layer {
    const char *name, *class_name;
    json_t *config; /* borrowed from the document */
    const kr_row *row;
    struct kr_model *model;            /* a nested Functional or Sequential; else NULL */
    int32_t weights[KR_MAX_WEIGHTS];   /* places in kr_origin.weights, in the row's order */
    int32_t tensors[KR_MAX_WEIGHTS];   /* their constants, -1 not made yet */
    size_t n_weights;
    bool trainable;
} kr_layer;

typedef struct kr_builder {
    mw_ctx *ctx;
    mw_model *model;
    mwi_graph *graph;
    mwi_arena *scratch; /* as long as the load */
    const mwi_keras_archive *archive;
    kr_origin *origin;
    const mw_load_options *options;
    mwi_text unsupported; /* names of layers that have no row */
    size_t n_unsupported;
    unsigned depth;
} kr_builder;

/* ---- rows ---- */

/* One weight that a layer has. */
typedef struct kr_weight_spec {
    const char *name; /* "kernel" */
    bool trainable;
} kr_weight_spec;

struct kr_row {
    const char *classes; /* "Dense", or several names separated by blanks */
    const char *summary; /* for `list layers` */
    /* The layer's weights by its configuration, in Keras's order; returns how many. NULL: none. */
    size_t (*weights)(const kr_layer *layer, kr_weight_spec *out);
    const char *inner; /* .keras: the sub-object that holds the weights ("cell"); NULL: the layer itself */
    /* Why this configuration has no lowering, NULL when it has. NULL: always has. */
    const char *(*refuses)(const kr_layer *layer);
    /* Emits operators; one output. */
    mw_status (*build)(kr_builder *b, kr_layer *layer, const int32_t *in, size_t n_in, int32_t *out);
};
#define KR_LAYER(id) extern const kr_row kr_##id;
#include "formats/keras/layers.def"
#undef KR_LAYER
extern const kr_row *const kr_rows[]; /* ends with NULL */
const kr_row *kr_row_of(const char *class_name);

/* ---- configuration ---- */

MW_MUST_USE mw_status kr_fail(kr_builder *b, const kr_layer *layer, mw_status status, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
bool kr_bool(const kr_layer *layer, const char *key, bool otherwise); /* 0 and 1 count too */
double kr_number(const kr_layer *layer, const char *key, double otherwise);
const char *kr_text(const kr_layer *layer, const char *key, const char *otherwise);
json_t *kr_value(const kr_layer *layer, const char *key); /* NULL when absent or null */
/* A positive integer. Fails when it is missing or out of range. */
MW_MUST_USE mw_status kr_int(kr_builder *b, const kr_layer *layer, const char *key, int32_t *out);
/* n integers: a list, or one number for all; `otherwise` when absent. */
MW_MUST_USE mw_status kr_ints(kr_builder *b, const kr_layer *layer, const char *key, size_t n, int32_t otherwise,
                              int32_t *out);
/* MWI_PADDING_SAME or VALID. */
MW_MUST_USE mw_status kr_padding(kr_builder *b, const kr_layer *layer, int32_t *out);
bool kr_channels_first(const kr_layer *layer);

/* ---- emitting ---- */

const mwi_tensor *kr_tensor(const kr_builder *b, int32_t tensor);
/* Adds an operator by its TFLite name with its shape inferred; *out_op for setting attributes must come first:
 * use kr_begin, set fields, kr_end. */
MW_MUST_USE mw_status kr_begin(kr_builder *b, const kr_layer *layer, const char *op_name, const int32_t *in,
                               size_t n_in, mwi_op **out_op);
void kr_set(mwi_op *op, const char *field, int32_t value);
void kr_set_float(mwi_op *op, const char *field, float value);
void kr_set_bool(mwi_op *op, const char *field, bool value);
MW_MUST_USE mw_status kr_end(kr_builder *b, mwi_op *op, int32_t *out);
/* Begin and end without attributes. */
MW_MUST_USE mw_status kr_emit(kr_builder *b, const kr_layer *layer, const char *op_name, const int32_t *in,
                              size_t n_in, int32_t *out);
MW_MUST_USE mw_status kr_emit1(kr_builder *b, const kr_layer *layer, const char *op_name, int32_t in, int32_t *out);
MW_MUST_USE mw_status kr_emit2(kr_builder *b, const kr_layer *layer, const char *op_name, int32_t x, int32_t y,
                               int32_t *out);
MW_MUST_USE mw_status kr_scalar(kr_builder *b, float value, int32_t *out);
MW_MUST_USE mw_status kr_const_ints(kr_builder *b, const kr_layer *layer, const int32_t *v, size_t n, int32_t *out);
/* Reshapes to [batch, dims...]; the batch stays open. */
MW_MUST_USE mw_status kr_reshape(kr_builder *b, const kr_layer *layer, int32_t in, const int32_t *dims, size_t n,
                                 int32_t *out);
/* The layer's i-th weight as a constant. Checks the rank that the transform needs. */
MW_MUST_USE mw_status kr_constant(kr_builder *b, kr_layer *layer, size_t i, kr_transform transform, int32_t *out);
/* Applies an activation given by the configuration (a name, or an object); NULL and "linear" do nothing. */
MW_MUST_USE mw_status kr_activation(kr_builder *b, const kr_layer *layer, json_t *spec, int32_t in, int32_t *out);
/* NULL when the activation is known. */
const char *kr_activation_refuses(json_t *spec);

/* ---- the parts ---- */

/* weights.c: fills the weights of every layer of a model tree from the archive. */
struct kr_model;
MW_MUST_USE mw_status kr_assign_weights(kr_builder *b, struct kr_model *top);
/* Dense float32 values of a weight in the graph's order, made in the model's arena. */
MW_MUST_USE mw_status kr_transformed(mw_ctx *ctx, mwi_arena *arena, const mwi_keras_array *a, kr_transform t,
                                     int32_t *out_rank, int32_t *out_dims, float **out);
/* The way back: values of the graph into the file's order. */
void kr_restore(const mwi_keras_array *a, kr_transform t, const float *from, float *to);

/* network.c */
typedef struct kr_node {
    int32_t *outputs; /* tensors; NULL: not built yet */
    size_t n_outputs;
    json_t *inbound;  /* what is called, by generation; NULL for Sequential */
} kr_node;
typedef struct kr_member {
    kr_layer *layer;
    kr_node *nodes;
    size_t n_nodes;
    int32_t node_offset; /* nested models may count their nodes from 1 */
    bool counts_from_0;
} kr_member;
typedef struct kr_model {
    const char *name;
    bool sequential;
    kr_member *members;
    size_t n_members;
    json_t *config;
} kr_model;
MW_MUST_USE mw_status kr_parse_model(kr_builder *b, const char *name, const char *class_name, json_t *config,
                                     kr_model **out);
MW_MUST_USE mw_status kr_build_top(kr_builder *b, kr_model *model);

/* save.c */
mw_status kr_save_h5(mw_ctx *ctx, const mw_model *model, mwi_output *output);

#endif
