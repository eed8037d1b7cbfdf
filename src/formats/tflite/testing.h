/* formats/tflite/testing.h - loading, saving and dumping in memory, for the tests and the fuzzer.
 * Depends: formats/tflite.  Used by: *_test.c and *_fuzz.c of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_FORMATS_TFLITE_TESTING_H
#define MWI_FORMATS_TFLITE_TESTING_H

#include "base/text.h"
#include "formats/format.h"
#include "formats/tflite/write.h"

extern const mwi_format_desc mwi_format_tflite;

/* *out is owned on success, NULL otherwise. */
static inline mw_status testing_load(mw_ctx *ctx, const void *bytes, size_t n, mw_model **out)
{
    const mwi_reader r = {"model", bytes, n};

    MWI_TRY(mwi_model_create(ctx, "model", out));
    const mw_status st = mwi_format_tflite.load(ctx, &r, NULL, *out);
    if (st == MW_OK) return MW_OK;
    mw_model_destroy(*out);
    *out = NULL;
    return st;
}

/* `text` is yours to deinit, on failure too. */
static inline mw_status testing_sink(void *text, mw_ctx *ctx, const void *data, size_t bytes)
{
    return mwi_text_append(ctx, text, data, bytes);
}

static inline mw_status testing_save(mw_ctx *ctx, const mw_model *m, uint64_t max_inline_bytes,
                                     mwi_text *text)
{
    mwi_text_init(ctx, text, (size_t)256 << 20);
    return mwi_tfl_save(ctx, m, max_inline_bytes, testing_sink, text);
}

typedef struct testing_dump_state {
    mw_ctx *ctx;
    mwi_text *text;
    mw_status status;
} testing_dump_state;

static inline void testing_dump_piece(void *self, const char *text, size_t n)
{
    testing_dump_state *const s = self;

    if (s->status == MW_OK) s->status = mwi_text_append(s->ctx, s->text, text, n);
}

static inline mw_status testing_dump(mw_ctx *ctx, const mw_model *m, mwi_text *text)
{
    testing_dump_state s = {ctx, text, MW_OK};

    mwi_text_init(ctx, text, (size_t)64 << 20);
    MWI_TRY(mw_model_dump(ctx, m, testing_dump_piece, &s));
    return s.status;
}

#endif
