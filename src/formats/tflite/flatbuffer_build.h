/* formats/tflite/flatbuffer_build.h - writes a FlatBuffer from front to back: a table first, with
 * room for offsets, then what they point to. So a model's structure can be built before its
 * constants, which are appended when the file is written and need not be in memory twice.
 * Depends: base/.  Used by: formats/tflite/write_*.
 * Holds:   (1) everything is aligned as FlatBuffers asks, counted from byte 0;  (2) offsets point
 *          forward;  (3) equal vtables are written once.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_FORMATS_TFLITE_FLATBUFFER_BUILD_H
#define MWI_FORMATS_TFLITE_FLATBUFFER_BUILD_H

#include "base/arena.h"

enum { MWI_FBB_SLOTS = 64 };
/* FlatBuffers' own limit on a buffer, and what its verifiers enforce. */
#define MWI_FBB_MAX_BYTES ((size_t)0x7fffffff)

typedef struct mwi_fbb_vtable {
    uint32_t at, n;
} mwi_fbb_vtable;

typedef struct mwi_fbb {
    uint8_t *bytes;
    size_t n, capacity;
    mwi_arena arena; /* the list of vtables */
    mwi_fbb_vtable *vtables;
    size_t n_vtables, vtables_capacity;
} mwi_fbb;

/* A table before it is written: which slots it has, with what. Zero it first. */
typedef struct mwi_fbb_table {
    int n_slots;
    uint8_t width[MWI_FBB_SLOTS]; /* 0: absent */
    uint64_t bits[MWI_FBB_SLOTS];
    size_t at[MWI_FBB_SLOTS]; /* set by mwi_fbb_write: where each field lies */
} mwi_fbb_table;

void mwi_fbb_init(mw_ctx *ctx, mwi_fbb *b);
void mwi_fbb_deinit(mw_ctx *ctx, mwi_fbb *b); /* accepts a zeroed one */
/* The root's offset and the file identifier (4 characters). */
MW_MUST_USE mw_status mwi_fbb_start(mw_ctx *ctx, mwi_fbb *b, const char *identifier);

void mwi_fbb_u8(mwi_fbb_table *t, int slot, uint32_t value);
void mwi_fbb_u32(mwi_fbb_table *t, int slot, uint32_t value);
void mwi_fbb_i32(mwi_fbb_table *t, int slot, int32_t value);
void mwi_fbb_u64(mwi_fbb_table *t, int slot, uint64_t value);
void mwi_fbb_f32(mwi_fbb_table *t, int slot, float value);
/* Room for an offset: pass t->at[slot] as `from` to one of the functions below. Must be filled. */
void mwi_fbb_ref(mwi_fbb_table *t, int slot);

/* Each writes something and lets the offset at `from` point to it (0: the root). Fails: MW_ELIMIT
 * (over MWI_FBB_MAX_BYTES), MW_ENOMEM. */
MW_MUST_USE mw_status mwi_fbb_write(mw_ctx *ctx, mwi_fbb *b, size_t from, mwi_fbb_table *t);
MW_MUST_USE mw_status mwi_fbb_vector(mw_ctx *ctx, mwi_fbb *b, size_t from, const void *elements,
                                     size_t n, size_t element_bytes);
MW_MUST_USE mw_status mwi_fbb_string(mw_ctx *ctx, mwi_fbb *b, size_t from, const char *text);
/* n offsets to be filled: number i lies at *out_first + 4 * i. */
MW_MUST_USE mw_status mwi_fbb_refs(mw_ctx *ctx, mwi_fbb *b, size_t from, size_t n,
                                   size_t *out_first);

/* For what the caller appends itself behind bytes[0, n). */
void mwi_fbb_point(mwi_fbb *b, size_t from, size_t to);
void mwi_fbb_patch_u64(mwi_fbb *b, size_t at, uint64_t value);

#endif
