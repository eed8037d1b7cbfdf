/* formats/tflite/tflite_fuzz.c - any bytes as a .tflite file. What must hold: no crash, memory below the
 * limit; what load accepts passes the verifier; shapes can be inferred or an error says why not; written
 * and read again it dumps as the same text, with constants inside and behind the FlatBuffer.
 * Depends: formats/tflite.   SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "formats/format.h"
#include "formats/tflite/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern const mwi_format_desc mwi_format_tflite;

static void must(bool held, mw_ctx *ctx, const char *what)
{
    if (held) return;
    (void)fprintf(stderr, "broken: %s: %s\n", what, mw_ctx_error(ctx));
    abort();
}

typedef struct sink {
    mw_ctx *ctx;
    mwi_text text;
    mw_status status;
} sink;

static void dump_piece(void *self, const char *text, size_t n)
{
    sink *const s = self;

    if (s->status == MW_OK) s->status = mwi_text_append(s->ctx, &s->text, text, n);
}

static mw_status save_piece(void *self, mw_ctx *ctx, const void *data, size_t bytes)
{
    sink *const s = self;

    return mwi_text_append(ctx, &s->text, data, bytes);
}

static void sink_init(mw_ctx *ctx, sink *s)
{
    memset(s, 0, sizeof *s);
    s->ctx = ctx;
    mwi_text_init(ctx, &s->text, (size_t)64 << 20);
}

static bool dump(mw_ctx *ctx, const mw_model *m, sink *s)
{
    sink_init(ctx, s);
    return mw_model_dump(ctx, m, dump_piece, s) == MW_OK && s->status == MW_OK;
}

static mw_status load(mw_ctx *ctx, const mwi_reader *r, mw_model **out)
{
    MWI_TRY(mwi_model_create(ctx, r->name, out));
    const mw_status st = mwi_format_tflite.load(ctx, r, NULL, *out);
    if (st == MW_OK) return MW_OK;
    mw_model_destroy(*out);
    *out = NULL;
    return st;
}

/* Only memory may stop what follows a successful load; and operators that a file cannot hold. */
static void round_trip(mw_ctx *ctx, const mw_model *m, uint64_t max_inline)
{
    sink file, before = {0}, after = {0};
    mw_model *again = NULL;

    sink_init(ctx, &file);
    const mw_status saved = mwi_tfl_save(ctx, m, max_inline, save_piece, &file);
    must(saved == MW_OK || saved == MW_EUNSUPPORTED || saved == MW_ELIMIT, ctx, "saving");
    if (saved == MW_OK) {
        const mwi_reader r = {"again", (const uint8_t *)mwi_text_chars(&file.text), file.text.n};
        const mw_status st = load(ctx, &r, &again);
        must(st == MW_OK || st == MW_ELIMIT, ctx, "what was written is refused");
        if (st == MW_OK && dump(ctx, m, &before) && dump(ctx, again, &after))
            must(before.text.n == after.text.n &&
                     memcmp(mwi_text_chars(&before.text), mwi_text_chars(&after.text), after.text.n) == 0,
                 ctx, "what was written reads differently");
    }
    mw_ctx_clear(ctx);
    mw_model_destroy(again);
    mwi_text_deinit(&file.text);
    mwi_text_deinit(&before.text);
    mwi_text_deinit(&after.text);
}

static void infer(mw_ctx *ctx, mw_model *m)
{
    for (size_t i = 0; i < m->n_graphs; i++)
        if (mwi_graph_infer(ctx, m, m->graphs[i]) != MW_OK) break;
    mw_ctx_clear(ctx);
    (void)!mwi_model_verify(ctx, m); /* inferred shapes may contradict the file's scales */
    mw_ctx_clear(ctx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const mw_ctx_options options = {.limits = {.max_memory_bytes = 256 << 20}};
    const mwi_reader r = {"fuzz", data, size};
    mw_model *m = NULL;
    mw_ctx *ctx;

    if (mw_ctx_create(&options, &ctx) != MW_OK) return 0;
    if (load(ctx, &r, &m) != MW_OK) {
        must(mw_ctx_error(ctx)[0] != '\0', ctx, "an error without a message");
        mw_ctx_clear(ctx);
    } else {
        must(mwi_format_tflite.probe(data, size), ctx, "loaded but not recognised");
        must(mwi_model_verify(ctx, m) == MW_OK, ctx, "loaded but refused by the verifier");
        round_trip(ctx, m, MWI_FBB_MAX_BYTES);
        round_trip(ctx, m, 0);
        infer(ctx, m);
    }
    mw_model_destroy(m);
    must(mw_ctx_memory_bytes(ctx) == 0, ctx, "memory is left");
    mw_ctx_destroy(ctx);
    return 0;
}
