/* formats/keras/hdf5/h5.h - a bounds-checked reader of the HDF5 that Keras writes: superblocks 0 to 3, old and
 * new object headers, symbol tables and link messages, contiguous, compact and chunked data, deflate, shuffle
 * and fletcher32.
 * Depends: base/.  Used by: formats/keras/hdf5/ only.
 * Trust:   every byte is hostile; all access goes through mwi_reader; counts, depth and sizes are limited.
 * Format:  "HDF5 File Format Specification 3.0".     SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_KERAS_H5_H
#define MWI_KERAS_H5_H

#include "base/arena.h"
#include "base/reader.h"

#include <milliwatt/tensor.h>

enum {
    H5_MAX_MESSAGES = 65536, /* of one object */
    H5_MAX_OBJECTS = 200000, /* groups and datasets opened in one file */
    H5_MAX_NODES = 200000,   /* B-tree nodes of one group or dataset */
    H5_MAX_NAME = 4096,
    H5_MAX_RANK = 32,
};

typedef struct h5_file {
    mw_ctx *ctx;
    const mwi_reader *r;
    mwi_arena *arena; /* of the archive */
    uint64_t base;    /* addresses count from here */
    unsigned addr_bytes, len_bytes;
    uint64_t root;
    size_t n_objects;
    uint64_t work; /* bytes looked at so far: ends what a small file could make last for hours */
} h5_file;

typedef struct h5_message {
    uint16_t type;
    uint8_t flags;
    uint64_t at, size; /* of its body */
} h5_message;

typedef struct h5_object {
    uint64_t at;
    h5_message *messages;
    size_t n, capacity;
} h5_object;

enum {
    H5_MSG_SPACE = 1, H5_MSG_LINK_INFO = 2, H5_MSG_TYPE = 3, H5_MSG_LINK = 6, H5_MSG_EXTERNAL = 7, H5_MSG_LAYOUT = 8,
    H5_MSG_FILTERS = 11, H5_MSG_ATTRIBUTE = 12, H5_MSG_CONTINUATION = 16, H5_MSG_SYMBOL_TABLE = 17,
    H5_MSG_ATTRIBUTE_INFO = 21,
};

MW_MUST_USE mw_status h5_open(h5_file *f);
/* Counts `amount` bytes of work. Fails: MW_ELIMIT when it is out of proportion to the file's size. */
MW_MUST_USE mw_status h5_work(h5_file *f, uint64_t amount);
/* Address of `width` bytes; the undefined address is UINT64_MAX. */
MW_MUST_USE mw_status h5_address(h5_file *f, uint64_t at, const char *what, uint64_t *out);
MW_MUST_USE mw_status h5_length(h5_file *f, uint64_t at, const char *what, uint64_t *out);
MW_MUST_USE mw_status h5_object_read(h5_file *f, uint64_t address, h5_object *out);
/* NULL when there is none. */
const h5_message *h5_find(const h5_object *o, uint16_t type);

/* ---- types and spaces ---- */

typedef enum h5_kind { H5_INTEGER, H5_FLOAT, H5_STRING, H5_VLEN_STRING, H5_OPAQUE, H5_OTHER } h5_kind;
typedef struct h5_type {
    h5_kind kind;
    uint32_t size;
    bool is_signed, big_endian;
    uint8_t class_code;
} h5_type;
MW_MUST_USE mw_status h5_type_read(h5_file *f, uint64_t at, uint64_t size, h5_type *out);

typedef struct h5_space {
    bool null;
    uint32_t rank;
    uint64_t dims[H5_MAX_RANK];
    size_t n; /* elements */
} h5_space;
MW_MUST_USE mw_status h5_space_read(h5_file *f, uint64_t at, uint64_t size, h5_space *out);

/* The milliwatt type of stored numbers; false for what is none. */
bool h5_dtype(const h5_type *t, mw_dtype *out);

/* ---- groups ---- */

/* Calls `link` for each hard link; soft links are passed over, external ones are an error. */
typedef mw_status (*h5_link_fn)(void *self, h5_file *f, const char *name, uint64_t address);
MW_MUST_USE mw_status h5_links(h5_file *f, const h5_object *group, h5_link_fn link, void *self);
bool h5_is_group(const h5_object *o);
/* *out_address is UINT64_MAX when there is no such link. */
MW_MUST_USE mw_status h5_lookup(h5_file *f, const h5_object *group, const char *name, uint64_t *out_address);

/* ---- attributes ---- */

typedef struct h5_attribute {
    const char *name;
    h5_type type;
    h5_space space;
    uint64_t at, size; /* of its data */
} h5_attribute;
/* *found false when there is none of that name. */
MW_MUST_USE mw_status h5_attribute_find(h5_file *f, const h5_object *o, const char *name, h5_attribute *out,
                                        bool *found);
/* Element i as a string (fixed or variable length), copied; embedded NULs end it. */
MW_MUST_USE mw_status h5_attribute_string(h5_file *f, const h5_attribute *a, size_t i, const char **out,
                                          size_t *out_n);

/* ---- data ---- */

/* All values of a dataset, dense, little-endian, aligned; may point into the file. */
MW_MUST_USE mw_status h5_data(h5_file *f, const h5_object *dataset, const h5_type *type, const h5_space *space,
                              const void **out, size_t *out_bytes);
/* chunk.c: a chunked layout message into `out`, which holds `bytes` zeros. */
MW_MUST_USE mw_status h5_chunks(h5_file *f, const h5_object *dataset, const h5_message *layout, const h5_type *type,
                                const h5_space *space, uint8_t *out, size_t bytes);

#endif
