/* compress/quantize/feed.c - running a model over calibration data, one run at a time.
 * Depends: runtime/, data (public).  Used by: compress/quantize.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/feed.h"

#include "base/rng.h"

#include <inttypes.h>
#include <string.h>

enum { RANDOM_RUNS = 8 };

static uint64_t samples_of(const mw_tensor_info *info)
{
    return info->rank > 0 && info->dims[0] > 0 ? (uint64_t)info->dims[0] : 1;
}

mw_status mwi_feed_open(mw_ctx *ctx, const mw_model *model, mw_dataset *data, uint64_t max_samples,
                        uint32_t n_threads, mwi_feed *out)
{
    const mw_session_options options = {.n_threads = n_threads};
    const uint64_t held = data == NULL ? 0 : mw_dataset_n_samples(data);
    const uint64_t n = max_samples > 0 && max_samples < held ? max_samples : held;

    memset(out, 0, sizeof *out);
    out->data = data;
    out->n_inputs = mw_model_n_inputs(model);
    if (data != NULL && mw_dataset_n_inputs(data) != out->n_inputs)
        return mwi_fail(ctx, MW_EINVAL,
                        "%s: the calibration data hold %zu arrays, the model takes %zu inputs; "
                        "give one array for each input, named as it is",
                        mw_model_name(model), mw_dataset_n_inputs(data), out->n_inputs);
    out->n_runs = UINT64_MAX;
    for (size_t i = 0; i < out->n_inputs; i++) {
        mw_tensor_info info;
        MWI_TRY(mw_model_input(ctx, model, i, &info));
        const uint64_t per_run = samples_of(&info),
                       runs = data == NULL ? RANDOM_RUNS : n / per_run + (n % per_run != 0);
        if (runs < out->n_runs) out->n_runs = runs;
        if (i == 0) out->samples_per_run = per_run;
    }
    out->n_samples = n;
    if (out->n_runs == 0 || out->n_inputs == 0)
        return mwi_fail(ctx, MW_EINVAL,
                        "%s: %" PRIu64 " calibration samples for %zu inputs: nothing to run",
                        mw_model_name(model), n, out->n_inputs);
    return mw_session_create(ctx, model, &options, &out->session);
}

void mwi_feed_close(mwi_feed *feed)
{
    mw_session_destroy(feed->session);
    feed->session = NULL;
}

static void fill_random(mwi_rng *rng, const mw_buffer *buffer)
{
    uint8_t *const bytes = buffer->data;
    float *const floats = buffer->data;

    memset(bytes, 0, buffer->bytes);
    if (buffer->info.dtype == MW_FLOAT32)
        for (size_t k = 0; k < buffer->bytes / sizeof *floats; k++)
            floats[k] = (float)mwi_rng_uniform(rng);
    else if (mw_dtype_bits(buffer->info.dtype) <= 16 && buffer->info.dtype != MW_BOOL)
        for (size_t k = 0; k < buffer->bytes; k++) bytes[k] = (uint8_t)mwi_rng_next(rng);
}

mw_status mwi_feed_read(mw_ctx *ctx, const mwi_feed *feed, uint64_t run, size_t i,
                        const mw_buffer *buffer)
{
    const uint64_t per_run = samples_of(&buffer->info);

    if (feed->data == NULL) {
        mwi_rng rng = {run * feed->n_inputs + i};
        fill_random(&rng, buffer);
        return MW_OK;
    }
    const size_t sample_bytes = buffer->bytes / (size_t)per_run;
    char *out = buffer->data;
    uint64_t at = run * per_run;
    for (uint64_t left = per_run, count; left > 0; left -= count, at = 0) {
        count = feed->n_samples - at < left ? feed->n_samples - at : left;
        MWI_TRY(mw_dataset_read(ctx, feed->data, i, at, (size_t)count, &buffer->info, out,
                                (size_t)count * sample_bytes));
        out += (size_t)count * sample_bytes;
    }
    return MW_OK;
}

mw_status mwi_feed_run(mw_ctx *ctx, mwi_feed *feed, uint64_t run)
{
    if (run == 0) MWI_TRY(mw_session_reset(ctx, feed->session));
    for (size_t i = 0; i < feed->n_inputs; i++) {
        mw_buffer buffer;
        MWI_TRY(mw_session_input(ctx, feed->session, i, &buffer));
        MWI_TRY(mwi_feed_read(ctx, feed, run, i, &buffer));
    }
    return mw_session_run(ctx, feed->session);
}
