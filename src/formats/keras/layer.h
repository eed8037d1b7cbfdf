/* formats/keras/layer.h - what a layer's file sees: its config, its weights, and the graph that it
 * adds to. One file a layer (or a family that shares its config) in layers/, ending in one row;
 * layers.def lists the rows.
 * Depends: formats/keras/archive, ops/, Jansson.  Used by: formats/keras/ only.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_FORMATS_KERAS_LAYER_H
#define MWI_FORMATS_KERAS_LAYER_H

#include <jansson.h>

#include "formats/keras/archive.h"
#include "ops/registry.h"

typedef struct mwi_keras_layer mwi_keras_layer;
typedef struct mwi_keras_row mwi_keras_row;
typedef struct mwi_keras_net mwi_keras_net;
typedef struct mwi_keras_build mwi_keras_build;
typedef struct mwi_keras_call mwi_keras_call;
struct mwi_keras_cell; /* layers/recurrent.h */

/* ---- rows ---- */

/* One weight that the config leads one to expect, in the order in which Keras makes them. */
typedef struct mwi_keras_weight_rule {
    const char
        *name; /* last part of its name in a file; other generations' names after '|': "kernel|W" */
    const char *sub; /* place below the layer in a .keras file ("cell"); others after '|'; NULL: the
                        layer */
    const char
        *when;   /* config keys ("use_bias|bias") of which one must be true; absent counts as true;
                  * "!center": must be false; "key=text": must be that text, or given and true;
                  * "key?": must be   given; NULL: always there */
    bool frozen; /* not trained: moving averages */
} mwi_keras_weight_rule;

enum {
    MWI_KERAS_SPATIAL =
        1 << 0, /* has data_format: the builder transposes channels_first around it */
    MWI_KERAS_PASSES_MASK = 1 << 1,  /* a mask of time steps goes through */
    MWI_KERAS_REFUSES_MASK = 1 << 2, /* a mask would change the result in a way not built here */
    MWI_KERAS_NO_DATA = 1 << 3,      /* takes no inputs (InputLayer) */
    MWI_KERAS_MODEL = 1 << 4,        /* Sequential, Functional: holds a net */
    MWI_KERAS_WRAPPER = 1 << 5,      /* config.layer, backward_layer, cell, cells are children */
    MWI_KERAS_ANY_TYPE = 1 << 6, /* takes integers as they are; else inputs become float32 first */
    MWI_KERAS_FOLLOWS_INPUT = 1 << 7,   /* sizes are told by the input, width_key and shape_key: may
                                         * be made smaller */
    MWI_KERAS_TAKES_CONSTANTS = 1 << 8, /* reads mwi_keras_operands: a call's constants count */
};

struct mwi_keras_row {
    const char *const *classes;           /* class names over Keras's generations, ends with NULL */
    const char *summary;                  /* for `list layers` */
    const mwi_keras_weight_rule *weights; /* ends with a NULL name; NULL: none */
    uint32_t flags;
    const char *width_key; /* config: output channels of its last layer with weights; NULL: none */
    const char *shape_key; /* config: its output's dimensions behind the batch; NULL: none */
    /* Refuses what the config alone shows (MW_EUNSUPPORTED with the reason). NULL: nothing to
     * refuse. */
    mw_status (*check)(mw_ctx *ctx, const mwi_keras_layer *layer);
    /* A cell of a recurrent layer: makes its constants for steps of the shape in `cell`. NULL: the
     * layer is no cell. */
    mw_status (*open_cell)(mwi_keras_call *call, struct mwi_keras_cell *cell);
    /* Adds operators for one call and hands its results to mwi_keras_return. NULL for models. */
    mw_status (*build)(mwi_keras_call *call);
};

#define MWI_KERAS_LAYER(id) extern const mwi_keras_row mwi_keras_##id;
#include "formats/keras/layers.def"
#undef MWI_KERAS_LAYER
extern const mwi_keras_row *const mwi_keras_layers[]; /* layers.def, ends with NULL */

/* NULL when no row has the class. */
const mwi_keras_row *mwi_keras_row_of(const char *class_name);
/* ---- a layer of the config ---- */

typedef struct mwi_keras_use mwi_keras_use; /* formats/keras/origin.h */

/* One weight as it was found. */
typedef struct mwi_keras_slot {
    const mwi_keras_weight_rule *rule;
    const mwi_keras_layer *layer;
    const mwi_keras_array *array; /* NULL: the file does not hold it */
    const char *name;  /* its own name in the file: "dense/kernel:0"; made up for a .keras */
    int32_t first_use; /* in the origin's list, -1 none: which constants were made of it */
} mwi_keras_slot;

struct mwi_keras_layer {
    const char *name;    /* as its graph calls it */
    const char *path;    /* "outer/inner", for messages, tensors and operators */
    const char *wrapper; /* name of the training tool's wrapper that was around it; NULL */
    const char *class_name;
    const char *refusal;      /* why the class is not supported; NULL */
    const mwi_keras_row *row; /* NULL: not supported */
    const json_t *config;     /* an object; borrowed from the document */
    const mwi_keras_layer *parent;
    const char *place; /* below its parent in a .keras file: "layer", "cell"; NULL in a net */
    bool trainable;
    bool mirrored;       /* made of the forward layer of a Bidirectional: runs the other way */
    int32_t keras_major; /* 1, 2 or 3: some defaults and formulas differ */
    mwi_keras_layer **children;
    size_t n_children;
    mwi_keras_slot *slots;
    size_t n_slots;
    mwi_keras_net *net; /* models; NULL else */
    bool reported;      /* among the unsupported ones */
    uint32_t n_calls;   /* made so far */
};

/* ---- config: key names are tried in order: "filters|nb_filter". null counts as absent ---- */

const json_t *mwi_keras_key(const mwi_keras_layer *layer, const char *keys);
/* Each fails with MW_EFORMAT and key, value seen, value allowed. `def` is used when the key is
 * absent. */
#define MWI_KERAS_REQUIRED INT64_MIN
MW_MUST_USE mw_status mwi_keras_int(mw_ctx *ctx, const mwi_keras_layer *layer, const char *keys,
                                    int64_t def, int64_t min, int64_t max, int32_t *out);
/* One integer for all, or a list of n. */
MW_MUST_USE mw_status mwi_keras_ints(mw_ctx *ctx, const mwi_keras_layer *layer, const char *keys,
                                     size_t n, int64_t def, int64_t min, int64_t max, int32_t *out);
MW_MUST_USE mw_status mwi_keras_float(mw_ctx *ctx, const mwi_keras_layer *layer, const char *keys,
                                      double def, double *out);
MW_MUST_USE mw_status mwi_keras_bool(mw_ctx *ctx, const mwi_keras_layer *layer, const char *keys,
                                     bool def, bool *out);
/* *out is the place in `allowed`, a list that ends with NULL; the first is the default. */
MW_MUST_USE mw_status mwi_keras_choice(mw_ctx *ctx, const mwi_keras_layer *layer, const char *keys,
                                       const char *const *allowed, int *out);
/* A JSON value as short text for a message, in `text`. */
const char *mwi_keras_show(const json_t *value, char *text, size_t n);
bool mwi_keras_json_int(const json_t *value, int64_t *out); /* also 64.0, true */

/* ---- a call ---- */

struct mwi_keras_call {
    mw_ctx *ctx;
    mwi_keras_build *build;
    const mwi_keras_layer *layer;
    size_t n_in;
    const int32_t *in; /* tensors, positional ones first */
    const char *const
        *in_keys; /* their argument's name, NULL for a positional one; NULL: all positional */
    const int32_t *masks; /* of each input: bool [batch, steps] of the steps that count; -1 none */
    const json_t *args;   /* the whole node as the config has it, NULL in a Sequential */
    size_t n_out, out_capacity; /* filled by mwi_keras_return */
    int32_t *out;
    const char *scope; /* what its tensors' names begin with */
    uint32_t n_ops;    /* added so far, for names */
};

MW_MUST_USE mw_status mwi_keras_return(mwi_keras_call *call, int32_t tensor);
/* Steps that count in a value; -1: none is left out. A layer that sets none passes on the mask of
 * its first input when its row says so. Fails: MW_ENOMEM. */
int32_t mwi_keras_mask_of(const mwi_keras_call *call, int32_t tensor);
MW_MUST_USE mw_status mwi_keras_set_mask(mwi_keras_call *call, int32_t tensor, int32_t mask);
/* A named argument of the call that is no tensor; NULL when it is not given. */
const json_t *mwi_keras_argument(const mwi_keras_call *call, const char *name);
const mwi_tensor *mwi_keras_tensor(const mwi_keras_call *call, int32_t tensor);
/* Fails with MW_EFORMAT when the layer does not have low to high inputs. */
MW_MUST_USE mw_status mwi_keras_need_inputs(const mwi_keras_call *call, size_t low, size_t high);
/* Fails with MW_EFORMAT when input i does not have rank low to high. */
MW_MUST_USE mw_status mwi_keras_need_rank(const mwi_keras_call *call, size_t i, int32_t low,
                                          int32_t high);
/* Runs another layer's row on `in` (wrappers, activations that are layers); results in order.
 *   out  made in the build's scratch memory */
MW_MUST_USE mw_status mwi_keras_run(mwi_keras_call *call, const mwi_keras_layer *layer, size_t n_in,
                                    const int32_t *in, size_t *out_n, const int32_t **out);

/* What a call takes in order, tensors and constants of its node alike; constants become tensors
 * with data. For rows that say MWI_KERAS_TAKES_CONSTANTS: all others are not called with constants.
 */
MW_MUST_USE mw_status mwi_keras_operands(mwi_keras_call *call, size_t *n, const int32_t **out);
/* A constant of a node (a number, lists, Keras's forms of arrays) as a float32 tensor. */
MW_MUST_USE mw_status mwi_keras_constant(mwi_keras_call *call, const json_t *json, int32_t *out);
/* Whether it is a function of keras.ops: `x + 1.5`, f(x1, x2). A .h5 of Keras 3 gives those the
 * names of layers ("Add"), which take one list. */
bool mwi_keras_is_function(const mwi_keras_call *call);

/* ---- operators ---- */

typedef struct mwi_keras_attr {
    const char *field; /* the schema's name: "stride_w"; NULL ends the list */
    double value;
} mwi_keras_attr;

/* Adds an operator at the end of the graph and infers its outputs. in[i] may be -1.
 * Fails: MW_EUNSUPPORTED (no such operator here), MW_EFORMAT (shapes that do not fit). */
MW_MUST_USE mw_status mwi_keras_op(mwi_keras_call *call, const char *op, size_t n_in,
                                   const int32_t *in, const mwi_keras_attr *attrs, int32_t *out);
MW_MUST_USE mw_status mwi_keras_ops(mwi_keras_call *call, const char *op, size_t n_in,
                                    const int32_t *in, const mwi_keras_attr *attrs, size_t n_out,
                                    int32_t *out);
MW_MUST_USE mw_status mwi_keras_unary(mwi_keras_call *call, const char *op, int32_t in,
                                      int32_t *out);
MW_MUST_USE mw_status mwi_keras_binary(mwi_keras_call *call, const char *op, int32_t a, int32_t b,
                                       int32_t *out);
/* `op` of a tensor and a number. */
MW_MUST_USE mw_status mwi_keras_with(mwi_keras_call *call, const char *op, int32_t a, double number,
                                     int32_t *out);
MW_MUST_USE mw_status mwi_keras_scalar(mwi_keras_call *call, double number, int32_t *out);
MW_MUST_USE mw_status mwi_keras_i32s(mwi_keras_call *call, size_t n, const int32_t *values,
                                     int32_t *out);
MW_MUST_USE mw_status mwi_keras_f32s(mwi_keras_call *call, const char *what, int32_t rank,
                                     const int32_t *dims, const float *values, int32_t *out);
/* A small constant of any type: equal ones are one. */
MW_MUST_USE mw_status mwi_keras_const(mwi_keras_call *call, const char *what, mw_dtype dtype,
                                      int32_t rank, const int32_t *dims, const void *data,
                                      int32_t *out);
/* dims: as RESHAPE takes them; the first one is put as -1, so that a batch can be run. Nothing is
 * added when the shape is the same already. */
MW_MUST_USE mw_status mwi_keras_reshape(mwi_keras_call *call, int32_t in, int32_t rank,
                                        const int32_t *dims, int32_t *out);
MW_MUST_USE mw_status mwi_keras_transpose(mwi_keras_call *call, int32_t in, const int32_t *perm,
                                          int32_t *out);
/* before and after: one entry a dimension. */
MW_MUST_USE mw_status mwi_keras_pad(mwi_keras_call *call, int32_t in, const int32_t *before,
                                    const int32_t *after, int32_t *out);
/* A part of a tensor: size -1 is the rest. */
MW_MUST_USE mw_status mwi_keras_slice(mwi_keras_call *call, int32_t in, const int32_t *begin,
                                      const int32_t *size, int32_t *out);
MW_MUST_USE mw_status mwi_keras_to_float(mwi_keras_call *call, int32_t in, int32_t *out);

/* The activation named by config key(s), applied to `in`. Fails: MW_EUNSUPPORTED (named). */
MW_MUST_USE mw_status mwi_keras_activate(mwi_keras_call *call, const char *keys, int32_t in,
                                         int32_t *out);
/* The same from a JSON value: a name, a function object, or a layer object; NULL or null is linear.
 */
MW_MUST_USE mw_status mwi_keras_activate_value(mwi_keras_call *call, const json_t *value,
                                               int32_t in, int32_t *out);
/* The same by its name. */
MW_MUST_USE mw_status mwi_keras_activate_name(mwi_keras_call *call, const char *name, int32_t in,
                                              int32_t *out);
/* Whether an activation is known, for rows' check. Fails: MW_EUNSUPPORTED. */
MW_MUST_USE mw_status mwi_keras_check_activation(mw_ctx *ctx, const mwi_keras_layer *layer,
                                                 const char *keys);

MW_MUST_USE mw_status mwi_keras_leaky(mwi_keras_call *call, int32_t x, double slope, int32_t *out);
MW_MUST_USE mw_status mwi_keras_elu(mwi_keras_call *call, int32_t x, double alpha, int32_t *out);

/* ---- state ---- */

/* A variable of the session below the layer's path, which begins at zero: the same one in all calls
 * of a layer.
 *   out  its handle, for read and write
 * Fails: MW_EUNSUPPORTED (the batch is open: Keras keeps a state for each sample). */
MW_MUST_USE mw_status mwi_keras_variable(mwi_keras_call *call, const char *name, int32_t rank,
                                         const int32_t *dims, int32_t *out);
MW_MUST_USE mw_status mwi_keras_variable_read(mwi_keras_call *call, int32_t variable, int32_t rank,
                                              const int32_t *dims, int32_t *out);
MW_MUST_USE mw_status mwi_keras_variable_write(mwi_keras_call *call, int32_t variable,
                                               int32_t value);

/* ---- weights ---- */

enum { MWI_KERAS_WEIGHT_RANK = 6 };

/* Which part of a stored weight, and how it lies in the graph. */
typedef struct mwi_keras_part {
    const char *weight; /* the rule's first name: "kernel" */
    const char *tensor; /* the constant's name below the layer's; NULL: the weight's */
    int32_t rank;
    int32_t dims[MWI_KERAS_WEIGHT_RANK];  /* expected as stored */
    int32_t begin[MWI_KERAS_WEIGHT_RANK]; /* first of the part */
    int32_t size[MWI_KERAS_WEIGHT_RANK];  /* of the part; 0: to the end */
    bool permuted;                        /* perm is given; else the order stays */
    int32_t perm[MWI_KERAS_WEIGHT_RANK]; /* dimension i of the result is stored dimension perm[i] */
    int32_t out_rank;                    /* 0: the permuted part's; else a reshape of it */
    int32_t out_dims[MW_MAX_RANK];
} mwi_keras_part;

/* The weight's slot in this layer; NULL when the config leads one to expect none of that name. */
const mwi_keras_slot *mwi_keras_slot_of(const mwi_keras_layer *layer, const char *weight);
/* A float32 constant; one for all calls of a shared layer. Fails: MW_EFORMAT (not in the file,
 * another shape: names what it holds). */
MW_MUST_USE mw_status mwi_keras_weight(mwi_keras_call *call, const mwi_keras_part *part,
                                       int32_t *out);
/* A weight of one dimension as it is. */
MW_MUST_USE mw_status mwi_keras_vector(mwi_keras_call *call, const char *weight, int32_t n,
                                       int32_t *out);
/* Values of a weight as floats in their stored order, for layers that compute constants from them
 * (such a weight keeps its stored value when the model is written back). out  in the build's
 * scratch memory */
MW_MUST_USE mw_status mwi_keras_values(mwi_keras_call *call, const char *weight, int32_t rank,
                                       const int32_t *dims, const float **out);

/* ---- shared pieces ---- */

/* Whether data_format (dim_ordering) says that channels come first. */
MW_MUST_USE mw_status mwi_keras_channels_first(mw_ctx *ctx, const mwi_keras_layer *layer,
                                               bool *out);
/* "valid", "same" and where allowed "causal": 0, 1, 2. */
MW_MUST_USE mw_status mwi_keras_padding(mw_ctx *ctx, const mwi_keras_layer *layer, bool causal,
                                        int *out);
/* A rank-3 value as a rank-4 one of height 1, and back. */
MW_MUST_USE mw_status mwi_keras_to_2d(mwi_keras_call *call, int32_t in, int32_t *out);
MW_MUST_USE mw_status mwi_keras_to_1d(mwi_keras_call *call, int32_t in, int32_t *out);
/* An axis of a rank, counted from the end when negative. Fails: MW_EFORMAT. */
MW_MUST_USE mw_status mwi_keras_axis(mw_ctx *ctx, const char *key, int64_t axis, int32_t rank,
                                     int32_t *out);
bool mwi_keras_is_class(const mwi_keras_layer *layer, const char *class_name);

#endif
