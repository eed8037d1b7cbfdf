/* formats/keras/archive.h - a Keras file (.h5 or .keras) as its parts: JSON and named arrays. What
 * the containers (hdf5.c, zip) give and what the layers read; neither knows the other.
 * Depends: base/.  Used by: formats/keras/ only.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_FORMATS_KERAS_ARCHIVE_H
#define MWI_FORMATS_KERAS_ARCHIVE_H

#include <milliwatt/tensor.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/reader.h"

/* One dataset. */
typedef struct mwi_keras_array {
    const char *path; /* within the weights: "dense/dense/kernel:0" (.h5, under model_weights or the
                       * root), "layers/dense/vars/0" (.keras, in model.weights.h5) */
    mw_dtype dtype;   /* MW_FLOAT16, 32, 64, MW_BFLOAT16 or an integer type, as stored */
    int32_t rank;
    int32_t dims[MW_MAX_RANK];
    const void *data; /* dense, little-endian, aligned to 64; may point into the file */
    size_t bytes;
} mwi_keras_array;

/* One group of the weights. */
typedef struct mwi_keras_group {
    const char *path; /* "dense"; "layers/dense/vars"; "" is the root of the weights */
    const char *name; /* attribute `name` (.keras of Keras 3.15), NULL when absent */
    const char *const
        *weight_names; /* attribute `weight_names` (.h5; also split weight_names0, 1, ...) */
    size_t n_weight_names;
} mwi_keras_group;

typedef struct mwi_keras_archive {
    bool v3; /* .keras: weights keyed by class and order; else the legacy .h5 layout */
    const char *config_json; /* model_config or config.json; NULL in a weights-only file */
    size_t config_bytes;
    const char *training_json; /* training_config, NULL when absent */
    size_t training_bytes;
    const char *keras_version;      /* "" when absent */
    const char *backend;            /* "" when absent */
    const char *const *layer_names; /* .h5: attribute `layer_names` (also split), in order */
    size_t n_layer_names;
    mwi_keras_array *arrays; /* sorted by path */
    size_t n_arrays;
    mwi_keras_group *groups; /* sorted by path */
    size_t n_groups;
} mwi_keras_archive;

/* Each fills `out` with memory from `arena`; arrays may point into r's bytes. Fails: MW_EFORMAT
 * with place and reason, MW_EUNSUPPORTED (a feature of HDF5 or zip that Keras does not write,
 * named), MW_ELIMIT. */
MW_MUST_USE mw_status mwi_keras_open_h5(mw_ctx *ctx, const mwi_reader *r, mwi_arena *arena,
                                        mwi_keras_archive *out);
MW_MUST_USE mw_status mwi_keras_open_zip(mw_ctx *ctx, const mwi_reader *r, mwi_arena *arena,
                                         mwi_keras_archive *out);

/* NULL when there is none. Binary search. */
const mwi_keras_array *mwi_keras_array_at(const mwi_keras_archive *archive, const char *path);
const mwi_keras_group *mwi_keras_group_at(const mwi_keras_archive *archive, const char *path);

/* What mwi_keras_write_h5 writes: the legacy layout that Keras 2 and 3 load. */
typedef struct mwi_keras_out_layer {
    const char *name; /* group and entry of layer_names */
    const mwi_keras_array *const
        *weights; /* path is the weight's name within the group: "dense/kernel:0" */
    size_t n_weights;
} mwi_keras_out_layer;
typedef struct mwi_keras_out {
    const char *config_json, *training_json; /* NULL: left out */
    const char *keras_version, *backend;
    const mwi_keras_out_layer *layers;
    size_t n_layers;
    bool compress; /* chunked, shuffled and deflated datasets */
} mwi_keras_out;
/* The file, made with libhdf5. *bytes are in `arena`. */
MW_MUST_USE mw_status mwi_keras_make_h5(mw_ctx *ctx, const mwi_keras_out *what, mwi_arena *arena,
                                        const uint8_t **bytes, size_t *n);
/* The same, written to `output`; the caller commits. */
MW_MUST_USE mw_status mwi_keras_write_h5(mw_ctx *ctx, const mwi_keras_out *what,
                                         mwi_output *output);

#endif
