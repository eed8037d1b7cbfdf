/* milliwatt/data.h - data sets: .npz, .npy, folders of images by class, CSV. Streamed: memory does
 * not grow with the size of the set.
 * Threads: an mw_dataset is thread-compatible: reading moves its place in the file, so one thread
 * at a time; open the set once for each thread. Any ctx may be used with it.
 * Limits: limits.max_file_bytes; 10,000 members of a .npz; 2^24 columns of a row; 2^28 pixels of an
 * image. libzip, libpng and libjpeg take memory of their own, beside the allocator and
 * limits.max_memory_bytes: for an image at most some tens of bytes a pixel.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MILLIWATT_DATA_H
#define MILLIWATT_DATA_H

#include <milliwatt/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mw_dataset mw_dataset;

typedef enum mw_data_role {
    MW_DATA_TRAIN = 0, /* training and calibration: x_train, y_train; then x, y */
    MW_DATA_TEST = 1,  /* evaluation: x_test, y_test; then x, y */
} mw_data_role;

/* All fields may be zero. */
typedef struct mw_dataset_options {
    mw_data_role role;
    const char
        *split;   /* "train", "test", "x" or another suffix; NULL: by role. Borrowed for the call */
    double scale; /* a float input gets stored * scale + offset; 0 means 1 */
    double offset;
    /* The inputs that the data must feed, in the model's order, borrowed for the call; NULL: any.
     * With them arrays are matched by name, and shapes and types are checked with errors that say
     * what to do. */
    const mw_tensor_info *inputs;
    size_t n_inputs;
} mw_dataset_options;

/* Opens a file or a folder; the kind is told by its content. A file of up to 8 MiB is read into
 * memory. A larger one is mapped: until mw_dataset_close it must not be written in place or cut
 * short (a cut one ends the process when it is read). Images are opened as they are read.
 *   out_dataset  owned: mw_dataset_close
 * Fails: MW_EIO, MW_EFORMAT, MW_EINVAL (does not fit `inputs`), MW_ELIMIT, MW_ENOMEM. */
MW_API MW_MUST_USE mw_status mw_dataset_open(mw_ctx *ctx, const char *path,
                                             const mw_dataset_options *options,
                                             mw_dataset **out_dataset);
MW_API void mw_dataset_close(mw_dataset *dataset); /* accepts NULL */

MW_API uint64_t mw_dataset_n_samples(const mw_dataset *dataset);
MW_API size_t mw_dataset_n_inputs(const mw_dataset *dataset);
/* How its content was understood, in words for people: which array or column is the label, which
 * class is which folder, whether images are scaled. Borrowed until close. */
MW_API const char *mw_dataset_reading(const mw_dataset *dataset);
/* One sample of input `index` as stored: dims without the batch. Borrowed until close. */
MW_API MW_MUST_USE mw_status mw_dataset_input(mw_ctx *ctx, const mw_dataset *dataset, size_t index,
                                              mw_tensor_info *out_info);

/* Reads samples [first, first + count) of input `index`, converted to what `as` says (dtype, and
 * quantization when it is an integer type): floats get stored * scale + offset; the tensor's own
 * integer type is taken as it is; another stored type is scaled, then quantized by
 * as->quantization. Strings feed strings alone: `out` gets mw_string, and what they point to is
 * borrowed until the next read of that input, or close. out  yours; count samples of the dims of
 * `as` without its first one; exactly out_bytes long Fails: MW_EINVAL (range or size), MW_EFORMAT,
 * MW_EIO. */
MW_API MW_MUST_USE mw_status mw_dataset_read(mw_ctx *ctx, mw_dataset *dataset, size_t index,
                                             uint64_t first, size_t count, const mw_tensor_info *as,
                                             void *out, size_t out_bytes);

/* Values that mw_dataset_read met so far that are NaN or infinite. */
MW_API uint64_t mw_dataset_n_non_finite(const mw_dataset *dataset);

/* Values of a label a sample: 0: no labels; 1: a class number or one target; n: one-hot or targets.
 * *out_is_integer tells class numbers from floats. */
MW_API size_t mw_dataset_label_size(const mw_dataset *dataset, bool *out_is_integer);
/*   out  yours; count * label size doubles */
MW_API MW_MUST_USE mw_status mw_dataset_read_labels(mw_ctx *ctx, mw_dataset *dataset,
                                                    uint64_t first, size_t count, double *out);

/* A decimal number as CSV files hold it, "-1.5e3": all of text[0, n), the nearest double, whatever
 * the process's locale. False when it is none or not finite; *out is then as it was. Threads: any.
 */
MW_API bool mw_parse_number(const char *text, size_t n, double *out);

/* One array of a .npy file, whole. `data` is owned by the array: mw_array_free. */
typedef struct mw_array {
    mw_dtype dtype;
    int32_t rank;
    int32_t dims[MW_MAX_RANK];
    void *data;
    size_t bytes;
    struct mwi_heap *heap; /* private: where `data` came from */
    size_t block_bytes;    /* private */
} mw_array;
/* Arrays of strings ("S" and "U" in NumPy's words, the latter as UTF-8) have mw_string as elements;
 * what they point to is owned by the array too. Zeros at a string's end are not part of it. */
MW_API MW_MUST_USE mw_status mw_array_load(mw_ctx *ctx, const char *path, mw_array *out_array);
/* Writes .npy version 1.0, beside and renamed; strings as NumPy's "S", which drops zeros at their
 * ends. */
MW_API MW_MUST_USE mw_status mw_array_save(mw_ctx *ctx, const char *path, mw_dtype dtype,
                                           int32_t rank, const int32_t *dims, const void *data);
MW_API void mw_array_free(mw_array *array); /* accepts NULL and zeroed */

/* The same in pieces, for an array that need not fit memory: the shape first, then its bytes in
 * order, in any number of pieces. The file appears when commit succeeds.
 *   out_writer  owned: mw_array_writer_commit takes it, on failure too; or mw_array_writer_discard
 * Fails: MW_EINVAL (a shape or a number of bytes that is wrong), MW_EUNSUPPORTED (no such type in
 *        .npy), MW_EIO, MW_ENOMEM. */
typedef struct mw_array_writer mw_array_writer;
MW_API MW_MUST_USE mw_status mw_array_writer_open(mw_ctx *ctx, const char *path, mw_dtype dtype,
                                                  int32_t rank, const int32_t *dims,
                                                  mw_array_writer **out_writer);
MW_API MW_MUST_USE mw_status mw_array_writer_append(mw_ctx *ctx, mw_array_writer *writer,
                                                    const void *data, size_t bytes);
MW_API MW_MUST_USE mw_status mw_array_writer_commit(mw_ctx *ctx, mw_array_writer *writer);
MW_API void mw_array_writer_discard(mw_array_writer *writer); /* accepts NULL */

#ifdef __cplusplus
}
#endif
#endif
