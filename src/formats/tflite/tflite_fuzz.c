/* formats/tflite/tflite_fuzz.c - any bytes as a .tflite file. What must hold: no crash, memory
 * below the limit; what load accepts passes the verifier; shapes can be inferred or an error says
 * why not; written and read again it dumps as the same text, with constants inside and behind the
 * FlatBuffer.
 * Depends: formats/tflite.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/tflite/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held, mw_ctx *ctx, const char *what)
{
    if (held) return;
    (void)fprintf(stderr, "broken: %s: %s\n", what, mw_ctx_error(ctx));
    abort();
}

static void must_equal(mw_ctx *ctx, const mwi_text *before, const mwi_text *after)
{
    const char *const a = mwi_text_chars(before), *const b = mwi_text_chars(after);

    if (strcmp(a, b) == 0) return;
    (void)fprintf(stderr, "before:\n%s\nafter:\n%s\n", a, b);
    must(false, ctx, "what was written reads differently");
}

/* Only memory may stop what follows a successful load; and operators that a file cannot hold. */
static void round_trip(mw_ctx *ctx, const mw_model *m, uint64_t max_inline_bytes)
{
    mwi_text file, before = {0}, after = {0};
    mw_model *again = NULL;
    const mw_status saved = testing_save(ctx, m, max_inline_bytes, &file);

    must(saved == MW_OK || saved == MW_EUNSUPPORTED || saved == MW_ELIMIT, ctx, "saving");
    if (saved == MW_OK) {
        const mw_status st = testing_load(ctx, mwi_text_chars(&file), file.n, &again);
        must(st == MW_OK || st == MW_ELIMIT, ctx, "what was written is refused");
        if (st == MW_OK && testing_dump(ctx, m, &before) == MW_OK &&
            testing_dump(ctx, again, &after) == MW_OK)
            must_equal(ctx, &before, &after);
    }
    mw_ctx_clear(ctx);
    mw_model_destroy(again);
    mwi_text_deinit(&file);
    mwi_text_deinit(&before);
    mwi_text_deinit(&after);
}

/* What the verifier proved of sparse constants is all that expanding them relies on. */
static void expand(mw_ctx *ctx, const mw_model *m)
{
    for (size_t g = 0; g < m->n_graphs; g++) {
        for (size_t i = 0; i < m->graphs[g]->n_tensors; i++) {
            const mwi_tensor *const t = m->graphs[g]->tensors[i];
            size_t bytes;
            void *dense;
            if (t->sparsity == NULL || t->data == NULL ||
                !mwi_dims_bytes(t->dtype, t->rank, t->dims, &bytes) || bytes > 1 << 20)
                continue;
            if (mwi_alloc(ctx, bytes, &dense) == MW_OK) (void)!mwi_sparsity_expand(ctx, t, dense);
            mwi_free(ctx, dense, bytes);
            mw_ctx_clear(ctx);
        }
    }
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
    mw_model *m = NULL;
    mw_ctx *ctx;

    if (mw_ctx_create(&options, &ctx) != MW_OK) return 0;
    if (testing_load(ctx, data, size, &m) != MW_OK) {
        must(mw_ctx_error(ctx)[0] != '\0', ctx, "an error without a message");
        mw_ctx_clear(ctx);
    } else {
        must(mwi_format_tflite.probe(data, size), ctx, "loaded but not recognised");
        must(mwi_model_verify(ctx, m) == MW_OK, ctx, "loaded but refused by the verifier");
        round_trip(ctx, m, MWI_FBB_MAX_BYTES);
        round_trip(ctx, m, 0);
        expand(ctx, m);
        infer(ctx, m);
    }
    mw_model_destroy(m);
    must(mw_ctx_memory_bytes(ctx) == 0, ctx, "memory is left");
    mw_ctx_destroy(ctx);
    return 0;
}
