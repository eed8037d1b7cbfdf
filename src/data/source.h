/* data/source.h - inside of mw_dataset: columns of samples, and the table of kinds of data.
 * Depends: base/.  Used by: data/, tests. A kind (npz, npy, images, csv) opens bytes or a folder
 * and gives columns; dataset.c does all that is the same for every kind: matching with a model's
 * inputs, conversion, labels.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DATA_SOURCE_H
#define MWI_DATA_SOURCE_H

#include <milliwatt/data.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/reader.h"

/* How a .npy stores strings: each in as many bytes, filled up with zeros. */
typedef struct mwi_npy_text {
    size_t bytes;  /* of one; 0: the array has none */
    bool is_utf32; /* four bytes a character; else bytes as they are */
} mwi_npy_text;

/* One array of samples: the first dimension is gone. */
typedef struct mwi_column mwi_column;
struct mwi_column {
    const char *name; /* of the array: "x_train" */
    mw_dtype dtype;   /* as stored: float16/32/64, (u)int8 to 64, bool */
    int32_t rank;
    int32_t dims[MW_MAX_RANK];
    uint64_t n_samples;
    size_t sample_bytes;
    size_t
        swapped_bytes; /* big-endian: units of this size are turned round; 0: as they should be */
    mwi_npy_text text; /* strings are stored so; else they are mw_string */
    mwi_arena texts;   /* what strings of the last read point to; zeroed: none was needed */
    /* Reads the stored bytes of samples [first, first + count), which exist. */
    mw_status (*read)(mw_ctx *ctx, mwi_column *column, uint64_t first, size_t count, void *out);
    void *self;
};

struct mw_dataset {
    mwi_arena arena;
    mwi_heap *heap;
    mwi_mapping mapping; /* of a file */
    const char *path;
    const char *reading; /* mw_dataset_reading; NULL: by the columns' names */
    mwi_column *inputs;
    size_t n_inputs;
    mwi_column *labels; /* NULL: none */
    double scale, offset;
    uint64_t n_non_finite;              /* values read so far */
    void (*close)(mw_dataset *dataset); /* what the kind holds besides memory; NULL: nothing */
    void *self;
};

typedef struct mwi_data_kind {
    const char *name, *summary;
    /* `bytes` are a file's, NULL for a folder. */
    bool (*probe)(const char *path, const uint8_t *bytes, size_t n);
    /* Fills inputs and labels, in the model's order when options->inputs are given. r->bytes live
     * as long as the data set; r->name is the path. */
    mw_status (*open)(mw_ctx *ctx, const mwi_reader *r, const mw_dataset_options *options,
                      mw_dataset *dataset);
} mwi_data_kind;

extern const mwi_data_kind *const mwi_data_kinds[]; /* kinds.def, ends with NULL */

/* mw_dataset_open for bytes that outlive the data set; `r->bytes` NULL: a folder named r->name. */
MW_MUST_USE mw_status mwi_dataset_open_bytes(mw_ctx *ctx, const mwi_reader *r,
                                             const mw_dataset_options *options, mw_dataset **out);

/* ---- .npy ---- */

typedef struct mwi_npy {
    mw_dtype dtype;
    int32_t rank;
    int32_t dims[MW_MAX_RANK];
    size_t header_bytes, data_bytes; /* data follow the header */
    size_t swapped_bytes;            /* as in mwi_column */
    mwi_npy_text text;
} mwi_npy;
enum { MWI_NPY_MAX_HEADER = 4096 };
/* "<f4": what a header calls a type; NULL: .npy has none, or one by size (strings). */
const char *mwi_npy_descr(mw_dtype dtype);
/* Reads the header; `r` need hold no more than it. Fails: MW_EFORMAT, MW_EUNSUPPORTED (Fortran
 * order, objects). */
MW_MUST_USE mw_status mwi_npy_header(mw_ctx *ctx, const mwi_reader *r, mwi_npy *out);
/* A column over the array's samples; fails for rank 0. */
MW_MUST_USE mw_status mwi_npy_column(mw_ctx *ctx, const char *name, const mwi_npy *npy,
                                     mwi_column *out);

/* n strings as they are stored; UTF-32 becomes UTF-8 in its place. out[i] points into `stored`. */
void mwi_npy_strings(const mwi_npy_text *text, uint8_t *stored, size_t n, mw_string *out);

/* Turns units of `unit` bytes round in place; 0: nothing. */
void mwi_swap_bytes(void *data, size_t bytes, size_t unit);

/* ---- .npz ---- */

/* All arrays of a .npz, read whole into `arena`: for tests and small files. */
typedef struct mwi_npz_array {
    const char *name; /* without ".npy" */
    mwi_npy npy;
    void *data;
} mwi_npz_array;
MW_MUST_USE mw_status mwi_npz_load(mw_ctx *ctx, const char *path, mwi_arena *arena,
                                   mwi_npz_array **out_arrays, size_t *out_n);

/* ---- shared ---- */

/* Bytes of a dense array; false on overflow or a type without a size. */
bool mwi_array_bytes(mw_dtype dtype, int32_t rank, const int32_t *dims, size_t *out);
/* Whether an array of this name feeds this tensor: equal, or equal without "serving_default_" and
 * ":0". */
bool mwi_data_name_matches(const char *array, const char *tensor);
/* Where a sample's values come from memory that lies there in order: column->self is the first
 * byte. */
mw_status mwi_column_read_mapped(mw_ctx *ctx, mwi_column *column, uint64_t first, size_t count,
                                 void *out);

#endif
