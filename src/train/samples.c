/* train/samples.c - see samples.h. Sets that fit are converted once and held: reading in random
 * order is slow from a deflated file, and conversion would be repeated in each epoch.
 * Depends: train/samples, data/source.  Used by: train/.     SPDX-License-Identifier: Apache-2.0 */
#include "train/samples.h"

#include "base/rng.h"
#include "data/source.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* The most that is held as the model takes it. */
static const size_t HELD_BYTES = (size_t)1 << 30;
enum { CHUNK = 256 };

/* ---- inputs ---- */

static mw_status hold(mw_ctx *ctx, mwi_samples *s, mwi_arena *arena, size_t input)
{
    mwi_sample_input *const in = &s->inputs[input];
    void *memory;

    MWI_TRY(mwi_arena_alloc(ctx, arena, (size_t)s->n * in->bytes, &memory));
    for (uint64_t at = 0; at < s->n; at += CHUNK) {
        const size_t count = s->n - at < CHUNK ? (size_t)(s->n - at) : CHUNK;
        MWI_TRY(mwi_progress(ctx, "read data", at, s->n));
        MWI_TRY(mw_dataset_read(ctx, s->data, input, s->first + at, count, &in->info,
                                (uint8_t *)memory + at * in->bytes, count * in->bytes));
    }
    in->held = memory;
    return MW_OK;
}

static mw_status open_inputs(mw_ctx *ctx, mwi_samples *s, mwi_arena *arena, const mw_model *model)
{
    const mwi_graph *const g = model->graphs[0];
    size_t total = 0;
    void *memory;

    s->n_inputs = g->n_inputs;
    if (mw_dataset_n_inputs(s->data) != s->n_inputs)
        return mwi_fail(ctx, MW_EINVAL, "the data feed %zu inputs, %s takes %zu",
                        mw_dataset_n_inputs(s->data), model->name, s->n_inputs);
    MWI_TRY(mwi_arena_array(ctx, arena, s->n_inputs, sizeof *s->inputs, &memory));
    s->inputs = memory;
    for (size_t i = 0; i < s->n_inputs; i++) {
        const mwi_tensor *const t = g->tensors[g->inputs[i]];
        mwi_tensor_info(t, &s->inputs[i].info);
        if (t->rank < 1 || t->dims[0] != 1 ||
            !mwi_dims_bytes(t->dtype, t->rank, t->dims, &s->inputs[i].bytes))
            return mwi_fail(ctx, MW_EUNSUPPORTED, "input '%s' of %s has no batch of one", t->name,
                            model->name);
        total += s->inputs[i].bytes;
    }
    if (total == 0 || s->n > HELD_BYTES / total) return MW_OK;
    for (size_t i = 0; i < s->n_inputs; i++) MWI_TRY(hold(ctx, s, arena, i));
    return MW_OK;
}

/* ---- labels ---- */

static mw_status put_class(mw_ctx *ctx, const mwi_samples *s, const mwi_samples_options *o,
                           double label, uint64_t sample, uint8_t *out)
{
    const size_t width = o->what.width;
    float *const values = (float *)(void *)out;

    if (!(label >= 0 && label < (double)width && label == floor(label)))
        return mwi_fail(ctx, MW_EINVAL,
                        "the label of sample %" PRIu64 " is %g, %s has classes 0 to %zu",
                        s->first + sample, label, o->what.model, width - 1);
    if (o->loss->class_numbers) {
        const int32_t number = (int32_t)label;
        memcpy(out, &number, sizeof number);
        return MW_OK;
    }
    for (size_t i = 0; i < width; i++) values[i] = i == (size_t)label ? 1.0f : 0.0f;
    return MW_OK;
}

static mw_status put_labels(mw_ctx *ctx, const mwi_samples *s, const mwi_samples_options *o,
                            const double *labels, uint64_t sample)
{
    uint8_t *out = s->labels + sample * s->label_bytes;
    const bool values = o->what.n_labels == o->what.n_values;

    for (size_t i = 0; i < o->what.n_labels; i++) {
        if (!values || o->loss->class_numbers) {
            MWI_TRY(put_class(ctx, s, o, labels[i], sample, out));
            out += s->label_bytes / o->what.n_labels;
            continue;
        }
        if (!isfinite(labels[i]) || (o->loss->of_classes && !(labels[i] >= 0 && labels[i] <= 1)))
            return mwi_fail(ctx, MW_EINVAL, "a label of sample %" PRIu64 " is %g, allowed is %s",
                            s->first + sample, labels[i],
                            o->loss->of_classes ? "0 to 1" : "a finite number");
        ((float *)(void *)out)[i] = (float)labels[i];
    }
    return MW_OK;
}

static mw_status open_labels(mw_ctx *ctx, mwi_samples *s, mwi_arena *arena,
                             const mwi_samples_options *o)
{
    double *labels;
    void *memory;
    mw_status st = MW_OK;

    s->label_bytes = o->loss->class_numbers ? o->what.n_labels * sizeof(int32_t)
                                            : o->what.n_values * sizeof(float);
    if (o->what.n_labels == 0) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, arena, (size_t)s->n, s->label_bytes, &memory));
    s->labels = memory;
    const size_t bytes = o->what.n_labels * CHUNK * sizeof *labels;
    MWI_TRY(mwi_alloc(ctx, bytes, &memory));
    labels = memory;
    for (uint64_t at = 0; at < s->n && st == MW_OK; at += CHUNK) {
        const size_t count = s->n - at < CHUNK ? (size_t)(s->n - at) : CHUNK;
        st = mw_dataset_read_labels(ctx, s->data, s->first + at, count, labels);
        for (size_t i = 0; i < count && st == MW_OK; i++)
            st = put_labels(ctx, s, o, labels + i * o->what.n_labels, at + i);
    }
    mwi_free(ctx, labels, bytes);
    return st;
}

mw_status mwi_samples_open(mw_ctx *ctx, mw_dataset *data, mwi_arena *arena,
                           const mwi_samples_options *o, mwi_samples *s)
{
    *s = (mwi_samples){.data = data, .first = o->first, .n = o->n};
    if (s->n == 0) return mwi_fail(ctx, MW_EINVAL, "the data have no samples");
    if (s->n > UINT32_MAX) return mwi_fail(ctx, MW_ELIMIT, "more than 2^32 samples");
    MWI_TRY(open_labels(ctx, s, arena, o));
    MWI_TRY(open_inputs(ctx, s, arena, o->model));
    if (s->labels == NULL && s->inputs[0].info.dtype != MW_FLOAT32)
        return mwi_fail(ctx, MW_EINVAL, "the data have no labels, and the input is no float");
    return MW_OK;
}

mw_status mwi_samples_read(mw_ctx *ctx, const mwi_samples *s, size_t input, uint64_t index,
                           void *out)
{
    const mwi_sample_input *const in = &s->inputs[input];

    if (in->held == NULL)
        return mw_dataset_read(ctx, s->data, input, s->first + index, 1, &in->info, out, in->bytes);
    memcpy(out, in->held + index * in->bytes, in->bytes);
    return MW_OK;
}

mw_status mwi_samples_label(mw_ctx *ctx, const mwi_samples *s, uint64_t index, void *out)
{
    if (s->labels == NULL) return mwi_samples_read(ctx, s, 0, index, out);
    memcpy(out, s->labels + index * s->label_bytes, s->label_bytes);
    return MW_OK;
}

/* ---- order ---- */

/* Fisher and Yates. */
void mwi_samples_shuffle(uint64_t seed, uint64_t epoch, uint64_t n, uint32_t *order)
{
    mwi_rng rng = {seed};

    rng.state = mwi_rng_next(&rng) ^ epoch;
    for (uint64_t i = 0; i < n; i++) order[i] = (uint32_t)i;
    for (uint64_t i = n; i > 1; i--) {
        const uint64_t k = mwi_rng_below(&rng, i);
        const uint32_t other = order[k];
        order[k] = order[i - 1];
        order[i - 1] = other;
    }
}
