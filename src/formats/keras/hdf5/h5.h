/* formats/keras/hdf5/h5.h - a bounds-checked reader of the HDF5 that Keras (h5py, libhdf5) writes.
 * Depends: base/.  Used by: formats/keras/archive_h5.c and the tests.
 * Trust:   every byte is hostile; addresses go through mwi_h5_bytes, fields through mwi_h5_cur.
 * Holds:   (1) work_left falls with every structure read, so that shared or cyclic structures end;
 *          (2) expand_left falls with every byte made from the file, so that small files stay
 *              small.
 * Format:  "HDF5 File Format Specification Version 3.0".   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_FORMATS_KERAS_HDF5_H5_H
#define MWI_FORMATS_KERAS_HDF5_H5_H

#include <milliwatt/tensor.h>

#include "base/arena.h"
#include "base/checked.h"
#include "base/reader.h"

enum { MWI_H5_MAX_RANK = 32 }; /* H5S_MAX_RANK */

/* Message types of object headers that are read. */
enum {
    MWI_H5_DATASPACE = 0x01,
    MWI_H5_LINK_INFO = 0x02,
    MWI_H5_DATATYPE = 0x03,
    MWI_H5_FILL_OLD = 0x04,
    MWI_H5_FILL = 0x05,
    MWI_H5_LINK = 0x06,
    MWI_H5_EXTERNAL = 0x07,
    MWI_H5_LAYOUT = 0x08,
    MWI_H5_GROUP_INFO = 0x0a,
    MWI_H5_FILTERS = 0x0b,
    MWI_H5_ATTRIBUTE = 0x0c,
    MWI_H5_CONTINUATION = 0x10,
    MWI_H5_SYMBOL_TABLE = 0x11,
    MWI_H5_ATTRIBUTE_INFO = 0x15,
};

/* One object of a global heap collection. */
typedef struct mwi_h5_heap_object {
    uint32_t index;
    uint64_t n;
    const uint8_t *p;
} mwi_h5_heap_object;

typedef struct mwi_h5 {
    mw_ctx *ctx;
    const mwi_reader *r;
    mwi_arena *arena;  /* what the caller keeps */
    mwi_arena scratch; /* until mwi_h5_close */
    uint64_t base;     /* place of the superblock: addresses count from here */
    uint64_t root;     /* object header of the root group */
    unsigned offset_bytes, length_bytes;
    uint64_t work_left, expand_left; /* (1) (2) */
    /* The global heap collection read last: the strings of one attribute lie together. */
    uint64_t collection;
    mwi_h5_heap_object *collection_objects;
    size_t n_collection_objects, collection_capacity;
} mwi_h5;

/* Reads the superblock. `r` and `arena` are borrowed until close. Close after a failure too. */
MW_MUST_USE mw_status mwi_h5_open(mw_ctx *ctx, const mwi_reader *r, mwi_arena *arena, mwi_h5 *h5);
void mwi_h5_close(mwi_h5 *h5);

/* ---- bytes ---- */
/* n bytes at an address of the file, borrowed from it; counts as work. */
MW_MUST_USE mw_status mwi_h5_bytes(mwi_h5 *h5, uint64_t addr, uint64_t n, const char *what,
                                   const uint8_t **out);
/* The same, behind a signature of four characters that must be there; with_checksum: the last four
 * bytes are the lookup3 checksum of those before. */
MW_MUST_USE mw_status mwi_h5_block(mwi_h5 *h5, uint64_t addr, uint64_t n, const char *signature,
                                   bool with_checksum, const uint8_t **out);
MW_MUST_USE mw_status mwi_h5_work(mwi_h5 *h5, uint64_t n);   /* MW_ELIMIT when used up */
MW_MUST_USE mw_status mwi_h5_expand(mwi_h5 *h5, uint64_t n); /* MW_ELIMIT when used up */
bool mwi_h5_undefined(const mwi_h5 *h5, uint64_t addr);      /* all bits set in offset_bytes */
uint32_t mwi_h5_lookup3(const uint8_t *p, size_t n, uint32_t seed);
uint32_t mwi_h5_fletcher32(const uint8_t *p, size_t n);
/* Whether a stored checksum is right. A fuzzer cannot make checksums: its builds let wrong ones
 * pass, so that it reaches what stands behind them. */
static inline bool mwi_h5_sum_is(uint32_t made, uint32_t stored)
{
#if defined(FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION)
    (void)made, (void)stored;
    return true;
#else
    return made == stored;
#endif
}
/* Bytes that hold values up to `limit`: H5VM_limit_enc_size. */
unsigned mwi_h5_bytes_for(uint64_t limit);

/* A cursor that remembers that it ran past the end: read, then ask mwi_h5_cur_ok once. Gives 0
 * after. Who asks for c.n - c.i himself must know that i <= n. */
typedef struct mwi_h5_cur {
    const uint8_t *p;
    size_t n, i;
    uint64_t addr; /* of p, for messages */
    bool past;
} mwi_h5_cur;

uint64_t mwi_h5_take(mwi_h5_cur *c, unsigned width); /* little-endian, 1 to 8 bytes */
uint64_t mwi_h5_take_offset(const mwi_h5 *h5, mwi_h5_cur *c);
uint64_t mwi_h5_take_length(const mwi_h5 *h5, mwi_h5_cur *c);
const uint8_t *mwi_h5_take_bytes(mwi_h5_cur *c, uint64_t n); /* NULL when past */
void mwi_h5_skip(mwi_h5_cur *c, uint64_t n);
MW_MUST_USE mw_status mwi_h5_cur_ok(mwi_h5 *h5, const mwi_h5_cur *c, const char *what);

/* ---- objects ---- */
typedef struct mwi_h5_msg {
    uint16_t type;
    uint8_t flags; /* bit 1: shared, the body is a reference */
    const uint8_t *p;
    size_t n;
    uint64_t addr;
} mwi_h5_msg;

typedef struct mwi_h5_object {
    uint64_t addr;
    mwi_h5_msg *msgs; /* in the scratch arena, continuations included */
    size_t n_msgs, capacity;
} mwi_h5_object;

MW_MUST_USE mw_status mwi_h5_object_open(mwi_h5 *h5, uint64_t addr, mwi_h5_object *out);
const mwi_h5_msg *mwi_h5_object_msg(const mwi_h5_object *object, uint16_t type); /* or NULL */
bool mwi_h5_is_group(const mwi_h5_object *object);
bool mwi_h5_is_dataset(const mwi_h5_object *object);
/* The message itself, or the one of another object that it refers to (a committed datatype). */
MW_MUST_USE mw_status mwi_h5_unshare(mwi_h5 *h5, const mwi_h5_msg *msg, mwi_h5_msg *out);

/* ---- groups ---- */
typedef enum mwi_h5_link_kind { MWI_H5_HARD, MWI_H5_SOFT, MWI_H5_ELSEWHERE } mwi_h5_link_kind;
typedef struct mwi_h5_link {
    const char *name; /* without '/', not empty */
    mwi_h5_link_kind kind;
    uint64_t addr;      /* hard: the object header */
    const char *target; /* soft: a path; elsewhere: what kind, for the message */
} mwi_h5_link;
typedef struct mwi_h5_links {
    mwi_h5_link *items;
    size_t n, capacity;
} mwi_h5_links;

/* All links of a group, whatever way they are stored; in the scratch arena. */
MW_MUST_USE mw_status mwi_h5_links_read(mwi_h5 *h5, const mwi_h5_object *group, mwi_h5_links *out);
/* Follows a link of `group`; soft links within the file, others fail with MW_EUNSUPPORTED. */
MW_MUST_USE mw_status mwi_h5_follow(mwi_h5 *h5, const mwi_h5_object *group, const mwi_h5_link *link,
                                    mwi_h5_object *out);
/* Opens a child by name; *found is false when the group has no such link. */
MW_MUST_USE mw_status mwi_h5_child(mwi_h5 *h5, const mwi_h5_object *group, const char *name,
                                   bool *found, mwi_h5_object *out);

/* ---- heaps and trees, for groups, attributes and chunk indexes ---- */
typedef mw_status (*mwi_h5_visit)(mwi_h5 *h5, void *self, const uint8_t *p, size_t n,
                                  uint64_t addr);
/* Calls visit(record) for every record of a version 2 B-tree in order. `type` is what it must hold.
 */
MW_MUST_USE mw_status mwi_h5_btree2_walk(mwi_h5 *h5, uint64_t addr, unsigned type_a,
                                         unsigned type_b, mwi_h5_visit visit, void *self);
/* Calls visit(object) for every object that a dense index names: id_at is the id's place in a
 * record. */
MW_MUST_USE mw_status mwi_h5_dense_walk(mwi_h5 *h5, uint64_t heap_addr, uint64_t btree_addr,
                                        unsigned type, size_t id_at, mwi_h5_visit visit,
                                        void *self);
MW_MUST_USE mw_status mwi_h5_global_object(mwi_h5 *h5, uint64_t collection, uint32_t index,
                                           const uint8_t **p, uint64_t *n);

/* ---- types, spaces, attributes ---- */
typedef struct mwi_h5_type {
    unsigned klass; /* 0 fixed-point, 1 float, 3 string, 5 opaque, 8 enum, 9 variable length, ... */
    uint32_t size;  /* bytes an element in the file */
    bool numeric;   /* dtype is meaningful */
    mw_dtype dtype;
    bool big_endian;
    bool vlen_string;
    unsigned padding; /* strings: 0 NUL-terminated, 1 NUL-padded, 2 space-padded */
} mwi_h5_type;

typedef struct mwi_h5_space {
    unsigned rank;
    uint64_t dims[MWI_H5_MAX_RANK], max[MWI_H5_MAX_RANK]; /* max UINT64_MAX: unlimited */
    uint64_t n;                                           /* elements; 0 of a null dataspace */
    bool null;
} mwi_h5_space;

MW_MUST_USE mw_status mwi_h5_type_read(mwi_h5 *h5, const mwi_h5_msg *msg, mwi_h5_type *out);
MW_MUST_USE mw_status mwi_h5_space_read(mwi_h5 *h5, const mwi_h5_msg *msg, mwi_h5_space *out);
const char *mwi_h5_class_name(unsigned klass);

typedef struct mwi_h5_attr {
    const char *name; /* in the scratch arena */
    mwi_h5_msg type, space;
    const uint8_t *p; /* the value */
    size_t n;
    uint64_t addr;
} mwi_h5_attr;
typedef struct mwi_h5_attrs {
    mwi_h5_attr *items;
    size_t n, capacity;
} mwi_h5_attrs;

/* All attributes of an object, compact or dense; types and values are looked at when asked for. */
MW_MUST_USE mw_status mwi_h5_attrs_read(mwi_h5 *h5, const mwi_h5_object *object, mwi_h5_attrs *out);
const mwi_h5_attr *mwi_h5_attr_find(const mwi_h5_attrs *attrs, const char *name);
/* The strings of an attribute of fixed or variable length, each NUL-terminated, in h5->arena. */
MW_MUST_USE mw_status mwi_h5_attr_strings(mwi_h5 *h5, const mwi_h5_attr *attr,
                                          const char *const **out, size_t *n);

/* ---- datasets ---- */
typedef struct mwi_h5_dataset {
    mwi_h5_type type;
    mwi_h5_space space;
    uint64_t bytes;
    const mwi_h5_msg *layout, *filters, *fill;
} mwi_h5_dataset;

MW_MUST_USE mw_status mwi_h5_dataset_open(mwi_h5 *h5, const mwi_h5_object *object,
                                          mwi_h5_dataset *out);
/* The elements as stored but little-endian, in h5->arena or, when aligned to 64 and `borrow`, in
 * the file. Fixed-size types only. *data is NULL when there are no bytes. */
MW_MUST_USE mw_status mwi_h5_dataset_read(mwi_h5 *h5, const mwi_h5_dataset *dataset, bool borrow,
                                          const void **data);

/* One chunk as its index knows it. */
typedef struct mwi_h5_chunk {
    uint64_t scaled[MWI_H5_MAX_RANK]; /* place in units of chunks */
    uint64_t addr, bytes;             /* stored; bytes 0: as the chunk is without filters */
    uint32_t skipped;                 /* bit i: filter i was not applied */
} mwi_h5_chunk;
typedef mw_status (*mwi_h5_chunk_visit)(mwi_h5 *h5, void *self, const mwi_h5_chunk *chunk);

/* The chunked part of a layout message. */
typedef struct mwi_h5_chunking {
    unsigned version, rank;             /* rank without the element's dimension */
    uint64_t chunk[MWI_H5_MAX_RANK];    /* elements of a chunk along each dimension */
    uint64_t grid[MWI_H5_MAX_RANK];     /* chunks along each dimension as the dataset is now */
    uint64_t grid_max[MWI_H5_MAX_RANK]; /* as it may grow; 0: without end */
    uint64_t chunk_bytes;
    unsigned index;        /* 0: version 1 B-tree; else the index type of layout version 4 */
    uint8_t parameters[6]; /* of the index */
    uint64_t single_bytes; /* index 1 with filters */
    uint32_t single_skipped;
    uint64_t addr;
    bool edges_unfiltered, filtered;
} mwi_h5_chunking;
MW_MUST_USE mw_status mwi_h5_chunks_walk(mwi_h5 *h5, const mwi_h5_chunking *chunking,
                                         mwi_h5_chunk_visit visit, void *self);

/* ---- filters ---- */
enum { MWI_H5_MAX_FILTERS = 32 }; /* H5Z_MAX_NFILTERS */
typedef struct mwi_h5_filter {
    unsigned id;            /* 1 deflate, 2 shuffle, 3 Fletcher32 */
    uint32_t element_bytes; /* of shuffle */
} mwi_h5_filter;
typedef struct mwi_h5_filters {
    size_t n;
    mwi_h5_filter items[MWI_H5_MAX_FILTERS];
} mwi_h5_filters;

MW_MUST_USE mw_status mwi_h5_filters_read(mwi_h5 *h5, const mwi_h5_msg *msg, mwi_h5_filters *out);
/* Undoes the filters of a chunk. `a` and `b` are two buffers of `room` bytes; *out is one of them
 * or `p`. The result must have want bytes. */
MW_MUST_USE mw_status mwi_h5_unfilter(mwi_h5 *h5, const mwi_h5_filters *filters, uint32_t skipped,
                                      const uint8_t *p, size_t n, uint8_t *a, uint8_t *b,
                                      size_t room, size_t want, const uint8_t **out);

#endif
