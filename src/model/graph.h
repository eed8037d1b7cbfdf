/* model/graph.h - the one model in memory: TFLite's vocabulary, NHWC.
 * Depends: base/.  Used by: everything above.
 * Holds:   (1) tensors and operators never move: pointers to them stay good while the model lives;
 *          (2) ops are in an order in which they can run;  (3) an op's indices are < n_tensors, or
 *              -1 for an optional input that is left out;  (4) a model is changed only before it
 *              is published (by its reader or by a pass on a clone).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_MODEL_GRAPH_H
#define MWI_MODEL_GRAPH_H

#include <milliwatt/model.h>

#include "base/arena.h"
#include "base/file.h"

typedef struct mwi_op_desc mwi_op_desc; /* model/op_desc.h */
typedef struct mwi_packs mwi_packs;     /* model/packs.h */

/* Quantization as files carry it. q.n_scales == 0 and block_size == 0: only min and max are known.
 */
typedef struct mwi_quant {
    mw_quantization q;
    size_t n_min, n_max; /* 0 or n_scales: what the file says of the range; for round trips */
    const float *min, *max;
    int32_t block_scales, block_zero_points; /* tensor indices, -1 none; when q.block_size > 0 */
} mwi_quant;

/* TFLite's SparsityParameters: see model/sparsity.c. */
typedef struct mwi_dim_metadata {
    int32_t format;     /* 0 dense, 1 sparse CSR */
    int32_t dense_size; /* when dense */
    size_t n_segments, n_indices;
    const int32_t *segments, *indices; /* when sparse */
} mwi_dim_metadata;
typedef struct mwi_sparsity {
    size_t n_traversal, n_block_map, n_dims;
    const int32_t *traversal_order, *block_map;
    const mwi_dim_metadata *dims;
} mwi_sparsity;

typedef struct mwi_tensor {
    const char *name;
    mw_dtype dtype;
    bool has_rank;    /* false: the file gives no shape; rank is then 0 */
    bool is_variable; /* keeps its value between runs */
    int32_t rank;
    int32_t dims[MW_MAX_RANK];      /* an open dimension is 1 */
    int32_t signature[MW_MAX_RANK]; /* -1 for an open dimension */
    const mwi_quant *quant;         /* NULL: none */
    const mwi_sparsity *sparsity;   /* NULL: dense; else data holds the non-zero blocks */
    const void *data; /* constant: aligned to its element; NULL: computed, fed or state. Strings:
                       * as in a file, see model/strings.h */
    size_t bytes;     /* of data; packed for 4- and 2-bit types */
    int32_t source;   /* place in the origin's list of weights, -1 none */
} mwi_tensor;

typedef struct mwi_op {
    const mwi_op_desc *desc; /* never NULL; mwi_op_unknown for what we do not know */
    const char *custom_code; /* custom operators; NULL for builtins */
    int32_t code;    /* BuiltinOperator as read, for an unknown one; else desc->tflite_code */
    int32_t version; /* as read; the writer computes its own */
    void *attr;      /* desc->attr_size bytes; NULL when that is 0 */
    const uint8_t *custom_options;
    size_t n_custom_options;
    size_t n_in, n_out, n_intermediates;
    int32_t *in, *out, *intermediates;
    const char *layer; /* the Keras layer that it came from; NULL */
} mwi_op;

typedef struct mwi_graph {
    const char *name;
    mwi_tensor **tensors;
    size_t n_tensors, tensors_capacity;
    mwi_op **ops;
    size_t n_ops, ops_capacity;
    int32_t *inputs, *outputs;
    size_t n_inputs, n_outputs;
} mwi_graph;

typedef struct mwi_signature_entry {
    const char *name;
    int32_t tensor;
} mwi_signature_entry;
typedef struct mwi_signature {
    const char *key;
    size_t graph;
    size_t n_inputs, n_outputs;
    mwi_signature_entry *inputs, *outputs;
} mwi_signature;

typedef struct mwi_metadata {
    const char *name;
    const uint8_t *data;
    size_t bytes;
} mwi_metadata;

struct mw_model {
    mwi_arena arena;
    mwi_heap *heap; /* retained: this struct's own memory */
    _Atomic uint32_t refs;
    mw_model *parent; /* retained: constants may live in it */
    mwi_mapping mapping;
    const char *format; /* static: "tflite", "keras-h5", "keras-zip" */
    const char *name;
    const char *description;
    uint64_t file_bytes;
    mwi_graph **graphs;
    size_t n_graphs, graphs_capacity;
    mwi_signature *signatures;
    size_t n_signatures;
    mwi_metadata *metadata;
    size_t n_metadata;
    /* What the format that read it needs to write it back; meaning private to that format. Lives in
     * this model's arena or a parent's. NULL: nothing. */
    const void *origin;
    mw_model *integer; /* owned: what a file of integers holds in its place, made by training that
                        * rounded; NULL: none. A clone has none: it is to be changed */
    mwi_packs *packs;  /* constants rearranged for kernels, shared by all sessions */
};

/* ---- making ---- */

/* An empty model; *out is owned with one reference. */
MW_MUST_USE mw_status mwi_model_create(mw_ctx *ctx, const char *name, mw_model **out);
/* A deep copy of the structure; constants, names and attributes' arrays are shared with `model`,
 * which the copy retains. */
MW_MUST_USE mw_status mwi_model_clone(mw_ctx *ctx, const mw_model *model, mw_model **out);
/* Makes `integer` (taken), which was made from `model`, its model->integer: it lives as long as
 * `model` and no longer, so what it holds of it is let go. */
void mwi_model_give_integer(mw_model *model, mw_model *integer);
MW_MUST_USE mw_status mwi_model_add_graph(mw_ctx *ctx, mw_model *model, const char *name,
                                          mwi_graph **out);
/* Fields other than the name are zero, source -1. The name is copied. *out_index may be NULL. */
MW_MUST_USE mw_status mwi_graph_add_tensor(mw_ctx *ctx, mw_model *model, mwi_graph *graph,
                                           const char *name, mwi_tensor **out, int32_t *out_index);
/* A computed tensor of a fixed shape. */
MW_MUST_USE mw_status mwi_graph_add_value(mw_ctx *ctx, mw_model *model, mwi_graph *graph,
                                          const char *name, mw_dtype dtype, int32_t rank,
                                          const int32_t *dims, int32_t *out_index);
/* A constant; `data` is copied into the model (n bytes by dtype and dims). Fails: MW_EUNSUPPORTED
 * (strings), MW_ELIMIT, MW_ENOMEM. */
MW_MUST_USE mw_status mwi_graph_add_const(mw_ctx *ctx, mw_model *model, mwi_graph *graph,
                                          const char *name, mw_dtype dtype, int32_t rank,
                                          const int32_t *dims, const void *data,
                                          int32_t *out_index);
/* Puts an operator before position `at` (n_ops: at the end) with room for its operands, which are
 * -1, and attributes at their defaults. */
MW_MUST_USE mw_status mwi_graph_add_op(mw_ctx *ctx, mw_model *model, mwi_graph *graph, size_t at,
                                       const mwi_op_desc *desc, size_t n_in, size_t n_out,
                                       mwi_op **out);
MW_MUST_USE mw_status mwi_graph_set_io(mw_ctx *ctx, mw_model *model, mwi_graph *graph,
                                       const int32_t *inputs, size_t n_inputs,
                                       const int32_t *outputs, size_t n_outputs);
MW_MUST_USE mw_status mwi_quant_per_tensor(mw_ctx *ctx, mw_model *model, float scale,
                                           int64_t zero_point, const mwi_quant **out);

/* ---- asking ---- */

/* The same scales and zero points, or both none; blockwise ones are the same when they are one. */
bool mwi_same_quant(const mwi_quant *a, const mwi_quant *b);

/* -1 when no operator makes it (constant, input, state). */
int32_t mwi_graph_producer(const mwi_graph *graph, int32_t tensor);
/* Readers of a tensor: operators, plus one for each time it is a graph output. */
size_t mwi_graph_n_uses(const mwi_graph *graph, int32_t tensor);
bool mwi_graph_is_output(const mwi_graph *graph, int32_t tensor);
bool mwi_graph_is_input(const mwi_graph *graph, int32_t tensor);
/* Producer and use counts of all tensors at once, for passes: arrays of n_tensors in `arena`. */
typedef struct mwi_uses {
    int32_t *producer; /* op index, -1 none */
    uint32_t *n_uses;  /* operators' reads and graph outputs */
    int32_t *reader;   /* the last operator that reads it, -1 none */
} mwi_uses;
MW_MUST_USE mw_status mwi_graph_uses(mw_ctx *ctx, const mwi_graph *graph, mwi_arena *arena,
                                     mwi_uses *out);

/* Number of elements; false on overflow or a negative dimension. */
bool mwi_dims_count(int32_t rank, const int32_t *dims, size_t *out);
/* Bytes of a dense tensor, rounded up for packed types; false on overflow or a type without a size.
 */
bool mwi_dims_bytes(mw_dtype dtype, int32_t rank, const int32_t *dims, size_t *out);
bool mwi_tensor_is_const(const mwi_tensor *tensor);
void mwi_tensor_info(const mwi_tensor *tensor, mw_tensor_info *out);
/* Short names in kernels' type lists and in dumps: "f32", "i8", ... */
const char *mwi_dtype_short(mw_dtype dtype);
bool mwi_dtype_from_short(const char *name, size_t n, mw_dtype *out);

/* Proves that a sparse constant's levels fit its shape and data, for the verifier. Fails:
 * MW_EFORMAT. */
MW_MUST_USE mw_status mwi_sparsity_check(mw_ctx *ctx, const mwi_tensor *tensor);
/* The dense elements of a sparse constant that the verifier has passed.
 *   out  yours; mwi_dims_bytes of the tensor
 * Fails: MW_EUNSUPPORTED (elements below 8 bits). */
MW_MUST_USE mw_status mwi_sparsity_expand(mw_ctx *ctx, const mwi_tensor *tensor, void *out);

/* ---- changing ---- */

void mwi_graph_remove_op(mwi_graph *graph, size_t at);
/* Removes operators whose outputs nobody reads (unless they write state), then tensors that nothing
 * names; indices are renumbered, in signatures too. *out_n counts operators removed; may be NULL.
 */
MW_MUST_USE mw_status mwi_model_sweep(mw_ctx *ctx, mw_model *model, size_t *out_n);

/* ---- proving ---- */

/* Structure: indices, arity, order, single assignment, shapes' products, sizes of constants, scales
 * and zero points, signatures. In all builds; after loading and after each pass. Fails: MW_EFORMAT,
 * MW_ELIMIT: "name: subgraph 0 op 3 CONV_2D: input 1 is tensor 99 of 12". */
MW_MUST_USE mw_status mwi_model_verify(mw_ctx *ctx, const mw_model *model);
/* Part of verify: subgraphs that operators call exist, and never call each other in a circle;
 * nested no deeper than limits.max_depth. */
MW_MUST_USE mw_status mwi_model_check_calls(mw_ctx *ctx, const mw_model *model);

#endif
