/* formats/tflite/flatbuffer_read.h - tables, vectors and strings of a FlatBuffer, bounds-checked
 * at each access: nothing is verified in advance, and nothing is touched that was not verified.
 * Depends: base/.  Used by: formats/tflite/.
 * Trust:   every byte is hostile. Offsets that overlap or run in circles are harmless: the schema
 *          fixes how deep the caller goes, and `budget` bounds how often the same bytes are read
 *          again. Missing is not wrong: an absent field gives its default, an absent table reads
 *          as all defaults.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_FORMATS_TFLITE_FLATBUFFER_READ_H
#define MWI_FORMATS_TFLITE_FLATBUFFER_READ_H

#include "base/arena.h"
#include "base/reader.h"

typedef struct mwi_fb {
    const mwi_reader *r;
    uint64_t budget; /* bytes of vectors and strings that may still be read */
} mwi_fb;

/* at == 0: absent. */
typedef struct mwi_fb_table {
    uint64_t at, vtable;
    uint32_t vtable_bytes;
} mwi_fb_table;

/* Elements lie at `at`, proven inside. at == 0: absent; n may be 0 in a present one. */
typedef struct mwi_fb_vector {
    uint64_t at;
    size_t n;
} mwi_fb_vector;

void mwi_fb_init(mwi_fb *fb, const mwi_reader *r);
MW_MUST_USE mw_status mwi_fb_root(mw_ctx *ctx, const mwi_fb *fb, mwi_fb_table *out);

/* `what` names the field in messages. Each fails with MW_EFORMAT; absent: *out is `otherwise`. */
MW_MUST_USE mw_status mwi_fb_bits(mw_ctx *ctx, const mwi_fb *fb, const mwi_fb_table *t, int slot,
                                  unsigned width, const char *what, uint64_t otherwise,
                                  uint64_t *out);
MW_MUST_USE mw_status mwi_fb_bool(mw_ctx *ctx, const mwi_fb *fb, const mwi_fb_table *t, int slot,
                                  const char *what, bool otherwise, bool *out);
MW_MUST_USE mw_status mwi_fb_i8(mw_ctx *ctx, const mwi_fb *fb, const mwi_fb_table *t, int slot,
                                const char *what, int32_t otherwise, int32_t *out);
MW_MUST_USE mw_status mwi_fb_u8(mw_ctx *ctx, const mwi_fb *fb, const mwi_fb_table *t, int slot,
                                const char *what, uint32_t otherwise, uint32_t *out);
MW_MUST_USE mw_status mwi_fb_i32(mw_ctx *ctx, const mwi_fb *fb, const mwi_fb_table *t, int slot,
                                 const char *what, int32_t otherwise, int32_t *out);
MW_MUST_USE mw_status mwi_fb_u32(mw_ctx *ctx, const mwi_fb *fb, const mwi_fb_table *t, int slot,
                                 const char *what, uint32_t otherwise, uint32_t *out);
MW_MUST_USE mw_status mwi_fb_u64(mw_ctx *ctx, const mwi_fb *fb, const mwi_fb_table *t, int slot,
                                 const char *what, uint64_t otherwise, uint64_t *out);
MW_MUST_USE mw_status mwi_fb_f32(mw_ctx *ctx, const mwi_fb *fb, const mwi_fb_table *t, int slot,
                                 const char *what, float otherwise, float *out);

MW_MUST_USE mw_status mwi_fb_table_field(mw_ctx *ctx, const mwi_fb *fb, const mwi_fb_table *t,
                                         int slot, const char *what, mwi_fb_table *out);
/* Fails with MW_ELIMIT too, when the budget is used up. Vectors of tables have elements of 4 bytes.
 */
MW_MUST_USE mw_status mwi_fb_vector_field(mw_ctx *ctx, mwi_fb *fb, const mwi_fb_table *t, int slot,
                                          size_t element_bytes, const char *what,
                                          mwi_fb_vector *out);
/* The same for bytes that are not looked at (constants): costs no budget. */
MW_MUST_USE mw_status mwi_fb_blob_field(mw_ctx *ctx, const mwi_fb *fb, const mwi_fb_table *t,
                                        int slot, const char *what, mwi_fb_vector *out);
/* Table i < v->n of a vector of tables. */
MW_MUST_USE mw_status mwi_fb_vector_table(mw_ctx *ctx, const mwi_fb *fb, const mwi_fb_vector *v,
                                          size_t i, const char *what, mwi_fb_table *out);
/* NULL when absent. Ends with NUL: points into the file where it does so there, else copied. */
MW_MUST_USE mw_status mwi_fb_string(mw_ctx *ctx, mwi_fb *fb, mwi_arena *arena,
                                    const mwi_fb_table *t, int slot, const char *what,
                                    const char **out);
/* A vector's elements as an array: points into the file where aligned, else copied. NULL when
 * empty. */
MW_MUST_USE mw_status mwi_fb_array(mw_ctx *ctx, const mwi_fb *fb, mwi_arena *arena,
                                   const mwi_fb_vector *v, size_t element_bytes, const void **out);

#endif
