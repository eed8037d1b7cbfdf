/* train/checkpoint_fuzz.c - checkpoints from hostile bytes, with a right checksum: taken up whole
 * by a run of two parameters, or refused. An input may leave out the magic and the description,
 * which are put before it when its first byte is 0. SPDX-License-Identifier: Apache-2.0 */
#include "train/run.h"

#include "base/hash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { N = 3, PARAMS = 2, MAX_BYTES = 1 << 16 };

typedef struct run {
    mw_trainer t;
    mwi_param params[PARAMS];
    mwi_param *list[PARAMS];
    float values[PARAMS][4][N];
    float *best[PARAMS];
} run;

static mw_status open_run(mw_ctx *ctx, run *r, mw_model **model)
{
    mwi_graph *graph;

    MWI_TRY(mwi_model_create(ctx, "net", model));
    MWI_TRY(mwi_model_add_graph(ctx, *model, "main", &graph));
    for (size_t i = 0; i < PARAMS; i++) {
        r->params[i] = (mwi_param){.name = i == 0 ? "kernel" : "bias",
                                   .n = N,
                                   .value = r->values[i][0],
                                   .slots = {r->values[i][1], r->values[i][2]}};
        r->list[i] = &r->params[i];
        r->best[i] = r->values[i][3];
    }
    r->t.options = (mw_train_options){.epochs = 4, .batch = 2};
    r->t.original = *model;
    r->t.optimizer = mwi_optimizer_find(MW_OPTIMIZER_ADAM);
    r->t.loss = mwi_loss_find(MW_LOSS_MSE);
    r->t.graph.params = r->list;
    r->t.graph.n_params = PARAMS;
    r->t.train.n = 10;
    r->t.best = r->best;
    mwi_arena_init(ctx, &r->t.arena);
    return MW_OK;
}

/* The whole file: its beginning where it is left out, and the checksum. */
static mw_status complete(mw_ctx *ctx, const mw_trainer *t, const uint8_t *data, size_t size,
                          mwi_text *out)
{
    mwi_text description;

    if (size > 0 && data[0] == 0) {
        mwi_text_init(ctx, &description, MAX_BYTES);
        mw_status st = mwi_trainer_describe(ctx, t, &description);
        const uint64_t n = description.n;
        if (st == MW_OK) st = mwi_text_append(ctx, out, "MWCKPT1\n", 8);
        if (st == MW_OK) st = mwi_text_append(ctx, out, (const char *)&n, sizeof n);
        if (st == MW_OK) st = mwi_text_append(ctx, out, description.chars, description.n);
        mwi_text_deinit(&description);
        MWI_TRY(st);
        data++, size--;
    }
    MWI_TRY(mwi_text_append(ctx, out, (const char *)data, size));
    const uint64_t hash = mwi_hash(MWI_HASH_START, mwi_text_chars(out), out->n);
    return mwi_text_append(ctx, out, (const char *)&hash, sizeof hash);
}

static void check(const run *r)
{
    if (r->t.at.epoch > r->t.options.epochs || r->t.n_epochs != r->t.at.epoch ||
        r->t.at.batch < 1 || r->t.at.sample > r->t.train.n)
        abort();
    for (size_t i = 0; i < PARAMS; i++)
        for (size_t k = 0; k < N; k++)
            if (!isfinite(r->params[i].value[k])) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const mw_ctx_options limits = {.limits = {.max_memory_bytes = 64 << 20}};
    mw_model *model = NULL;
    run r = {0};
    mwi_text file;
    mw_ctx *ctx;

    if (size > MAX_BYTES || mw_ctx_create(&limits, &ctx) != MW_OK) return 0;
    mwi_text_init(ctx, &file, 4 * MAX_BYTES);
    if (open_run(ctx, &r, &model) == MW_OK && complete(ctx, &r.t, data, size, &file) == MW_OK &&
        mwi_checkpoint_read(ctx, &r.t, "file", (const uint8_t *)file.chars, file.n) == MW_OK)
        check(&r);
    mwi_text_deinit(&file);
    mwi_arena_deinit(&r.t.arena);
    mw_model_destroy(model);
    if (mw_ctx_memory_bytes(ctx) != 0) abort();
    mw_ctx_destroy(ctx);
    return 0;
}
