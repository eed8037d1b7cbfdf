/* train/describe.c - what a run's results depend on, as text: a checkpoint of another run is told
 * by its first line that differs.
 * Depends: train/run.  Used by: train/checkpoint.     SPDX-License-Identifier: Apache-2.0 */
#include "train/run.h"
#include "train/schedule.h"

#include "base/hash.h"

#include <inttypes.h>

static void add_text(void *self, const char *text, size_t n)
{
    uint64_t *const hash = self;
    *hash = mwi_hash(*hash, text, n);
}

static mw_status describe_data(mw_ctx *ctx, const mw_trainer *t, mwi_text *out)
{
    const mwi_samples *const s = &t->train;
    const uint64_t labels =
        s->labels == NULL ? 0 : mwi_hash(MWI_HASH_START, s->labels, (size_t)s->n * s->label_bytes);

    MWI_TRY(
        mwi_text_printf(ctx, out, "samples %" PRIu64 "\nlabels %016" PRIx64 "\n", s->n, labels));
    return mwi_text_printf(ctx, out, "validation_samples %" PRIu64 "\n",
                           t->validates ? t->validation.n : 0);
}

static mw_status describe_numbers(mw_ctx *ctx, const mw_train_options *o, mwi_text *out)
{
    const struct {
        const char *key;
        double value;
    } numbers[] = {
        {"learning_rate", o->learning_rate},
        {"momentum", o->momentum},
        {"nesterov", o->nesterov},
        {"weight_decay", o->weight_decay},
        {"l1", o->l1},
        {"l2", o->l2},
        {"label_smoothing", o->label_smoothing},
        {"schedule_at", o->schedule_at},
        {"schedule_factor", o->schedule_factor},
        {"warmup_steps", (double)o->warmup_steps},
        {"clip_norm", o->clip_norm},
        {"clip_global_norm", o->clip_global_norm},
        {"clip_value", o->clip_value},
        {"keep_order", o->keep_order},
        {"initialize", o->initialize},
        {"augment_shift", o->augment.shift},
        {"augment_zoom", o->augment.zoom},
        {"augment_rotate", o->augment.rotate},
        {"augment_noise", o->augment.noise},
        {"augment_flip", o->augment.flip},
        {"patience", (double)o->patience},
        {"keep_best", o->keep_best},
    };

    for (size_t i = 0; i < MWI_COUNT(numbers); i++)
        MWI_TRY(mwi_text_printf(ctx, out, "%s %.17g\n", numbers[i].key, numbers[i].value));
    return MW_OK;
}

mw_status mwi_trainer_describe(mw_ctx *ctx, const mw_trainer *t, mwi_text *out)
{
    const mw_train_options *const o = &t->options;
    uint64_t model = MWI_HASH_START;

    MWI_TRY(mw_model_dump(ctx, t->original, add_text, &model));
    MWI_TRY(mwi_text_printf(ctx, out, "model %016" PRIx64 "\n", model));
    MWI_TRY(mwi_text_printf(ctx, out, "epochs %" PRIu64 "\nbatch %u\nloss %s\noptimizer %s\n",
                            o->epochs, o->batch, t->loss->name, t->optimizer->name));
    MWI_TRY(mwi_text_printf(ctx, out, "schedule %s\nseed %" PRIu64 "\n",
                            mwi_schedule_find(o->schedule)->name, o->seed));
    MWI_TRY(describe_numbers(ctx, o, out));
    for (size_t i = 0; i < o->n_freeze; i++)
        MWI_TRY(mwi_text_printf(ctx, out, "freeze %s\n", o->freeze[i]));
    MWI_TRY(describe_data(ctx, t, out));
    for (size_t i = 0; i < t->n_parts; i++) {
        MWI_TRY(mwi_text_printf(ctx, out, "part %s\n", t->parts[i].name));
        if (t->parts[i].describe != NULL) MWI_TRY(t->parts[i].describe(t->parts[i].self, ctx, out));
    }
    return MW_OK;
}
