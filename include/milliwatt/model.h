/* milliwatt/model.h - loading, looking at and saving models. A model is immutable once loaded and
 * may be shared by threads; what changes a model makes a new one.
 * Threads: an mw_model is immutable: any threads may use it at once, each with its own ctx.
 * Limits: limits.max_file_bytes, max_tensors, max_ops, max_depth. libzip, zlib, Jansson and (when
 * .h5 is written) HDF5 take memory of their own, beside the allocator and limits.max_memory_bytes.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MILLIWATT_MODEL_H
#define MILLIWATT_MODEL_H

#include <milliwatt/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mw_model mw_model;

/* An input's shape for a file that leaves dimensions open (Keras: None). */
typedef struct mw_shape {
    int32_t rank;
    int32_t dims[MW_MAX_RANK];
} mw_shape;

enum { MW_ALL_STEPS = INT32_MAX };
/* All fields may be zero. */
typedef struct mw_load_options {
    const mw_shape
        *input_shapes; /* one per input in the model's order, or NULL; borrowed for the call */
    size_t n_input_shapes;
    /* Keras: a recurrent layer of more steps becomes a loop (WHILE), which is small, quantizes and
     * runs, but whose weights are not trained, pruned or clustered. 0: 32; MW_ALL_STEPS: none does,
     * up to 4,096 steps. */
    int32_t max_written_out_steps;
} mw_load_options;

/* Reads a .tflite, .h5 or .keras file; the kind is told from its bytes, not from its name. A file
 * of up to 8 MiB is read into memory. A larger one is mapped: until the model and all that was made
 * from it are destroyed it must not be written in place or cut short (a cut one ends the process
 * when its weights are read); replacing it by another of its name, as mw_model_save does, is safe.
 *   options    may be NULL
 *   out_model  owned: mw_model_destroy
 * Fails: MW_EIO, MW_EFORMAT, MW_EUNSUPPORTED (Keras layers without a TFLite lowering, all named),
 *        MW_ELIMIT, MW_ENOMEM. An operator without a kernel does not fail here: see mw_model_op. */
MW_API MW_MUST_USE mw_status mw_model_load(mw_ctx *ctx, const char *path,
                                           const mw_load_options *options, mw_model **out_model);
/* The same from memory. `bytes` is borrowed until the model and all models made from it are
 * destroyed; `name` stands for the path in messages (copied). */
MW_API MW_MUST_USE mw_status mw_model_load_memory(mw_ctx *ctx, const void *bytes, size_t n_bytes,
                                                  const char *name, const mw_load_options *options,
                                                  mw_model **out_model);
/* Writes the model; the format is chosen by the path's suffix (.tflite, .h5). The file is written
 * beside and renamed, so that a failure leaves the old one.
 * Fails: MW_EINVAL (unknown suffix), MW_EUNSUPPORTED (.h5 of a model that did not come from Keras),
 *        MW_EIO, MW_ENOMEM. */
MW_API MW_MUST_USE mw_status mw_model_save(mw_ctx *ctx, const mw_model *model, const char *path);
/* The format that mw_model_save writes under a path. */
typedef struct mw_format_info {
    const char *name;  /* as mw_model_format; static storage */
    bool keeps_layers; /* it holds the layers of the model that was read, as Keras's does */
} mw_format_info;
/* Fails: MW_EINVAL (no format of this suffix is written; the message names those that are). */
MW_API MW_MUST_USE mw_status mw_model_format_of_path(mw_ctx *ctx, const char *path,
                                                     mw_format_info *out_info);
/* Bytes of a file when it is deflated, as archives, packages and file systems that compress keep
 * it: zeros and equal weights show in it. Fails: MW_EIO, MW_ENOMEM. */
MW_API MW_MUST_USE mw_status mw_file_deflated_bytes(mw_ctx *ctx, const char *path,
                                                    uint64_t *out_bytes);
/* One more reference / one fewer. A model lives until its last reference is gone. Accepts NULL.
 * Threads: safe. */
MW_API mw_model *mw_model_retain(mw_model *model);
MW_API void mw_model_destroy(mw_model *model);

/* "tflite", "keras-h5", "keras-zip": the format that was read. */
MW_API const char *mw_model_format(const mw_model *model);
/* The path or name given at load; for messages. */
MW_API const char *mw_model_name(const mw_model *model);

/* Inputs and outputs of the main graph (subgraph 0), in the file's order. */
MW_API size_t mw_model_n_inputs(const mw_model *model);
MW_API size_t mw_model_n_outputs(const mw_model *model);
/* Fails: MW_EINVAL (no such index). *out_info is borrowed until the model is destroyed. */
MW_API MW_MUST_USE mw_status mw_model_input(mw_ctx *ctx, const mw_model *model, size_t index,
                                            mw_tensor_info *out_info);
MW_API MW_MUST_USE mw_status mw_model_output(mw_ctx *ctx, const mw_model *model, size_t index,
                                             mw_tensor_info *out_info);

/* The key of a signature, as mw_session_options.signature takes it, and the names that it gives its
 * inputs and outputs, in the order of its sessions. NULL: no such index. Borrowed from the model.
 */
MW_API const char *mw_model_signature_key(const mw_model *model, size_t signature);
MW_API const char *mw_model_signature_input(const mw_model *model, size_t signature, size_t index);
MW_API const char *mw_model_signature_output(const mw_model *model, size_t signature, size_t index);

/* Values that an input can be given at random: rows of the table for what is an index (also a float
 * that is made one), else [-1, 1] for floats, the whole range of types of up to 16 bits, 0 to 127
 * for larger integers. Fails: MW_EINVAL (no such index), MW_ENOMEM. */
MW_API MW_MUST_USE mw_status mw_model_input_range(mw_ctx *ctx, const mw_model *model, size_t index,
                                                  double *out_low, double *out_high);

typedef struct mw_model_summary {
    size_t n_subgraphs, n_tensors, n_ops, n_signatures;
    uint64_t n_parameters; /* elements of constant tensors that are weights (read by an operator) */
    uint64_t weight_bytes; /* bytes of constants, each buffer once */
    uint64_t file_bytes;   /* of the file that was read; 0: made in memory */
    uint64_t macs;        /* multiply-accumulates of one run of subgraph 0 at the declared shapes */
    uint64_t moved_bytes; /* bytes that its operators read and write: activations and weights */
    bool runs;            /* every operator of every subgraph has a kernel for its types */
} mw_model_summary;
MW_API MW_MUST_USE mw_status mw_model_summarize(mw_ctx *ctx, const mw_model *model,
                                                mw_model_summary *out_summary);

/* One operator as people want to see it. Strings are borrowed until the model is destroyed. */
typedef struct mw_op_info {
    const char *op;     /* "CONV_2D"; a custom operator's code */
    const char *name;   /* its first output's name */
    const char *types;  /* of the kernel that runs it: "f32,f32,f32?>f32"; "" when none does */
    const char *kernel; /* e.g. "f32_conv_2d__ref"; "" when none */
    const char *reason; /* why it does not run; "" when it does */
    uint64_t macs, bytes;
    int32_t version;
} mw_op_info;
MW_API size_t mw_model_n_ops(const mw_model *model, size_t subgraph);
/* Fails: MW_EINVAL (no such index). */
MW_API MW_MUST_USE mw_status mw_model_op(mw_ctx *ctx, const mw_model *model, size_t subgraph,
                                         size_t index, mw_op_info *out_info);

/* Prints the whole graph, one line a tensor and operator with attributes, through `write` (called
 * with pieces of text, not terminated). Two models with the same text have the same structure. */
MW_API MW_MUST_USE mw_status mw_model_dump(mw_ctx *ctx, const mw_model *model,
                                           void (*write)(void *self, const char *text, size_t n),
                                           void *self);

#ifdef __cplusplus
}
#endif
#endif
