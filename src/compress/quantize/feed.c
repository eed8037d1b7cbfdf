/* compress/quantize/feed.c - running a model over calibration data, one run at a time.
 * Depends: runtime/, data (public).  Used by: compress/quantize.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/feed.h"

#include <inttypes.h>
#include <string.h>

static uint64_t samples_of(const mw_tensor_info *info)
{
    return info->rank > 0 && info->dims[0] > 0 ? (uint64_t)info->dims[0] : 1;
}

mw_status mwi_feed_open(mw_ctx *ctx, const mw_model *model, mw_dataset *data, uint64_t max_samples,
                        uint32_t n_threads, mwi_feed *out)
{
    const mw_session_options options = {.n_threads = n_threads};
    const uint64_t held = mw_dataset_n_samples(data);
    const uint64_t n = max_samples > 0 && max_samples < held ? max_samples : held;

    memset(out, 0, sizeof *out);
    out->data = data;
    out->n_inputs = mw_model_n_inputs(model);
    if (mw_dataset_n_inputs(data) != out->n_inputs)
        return mwi_fail(ctx, MW_EINVAL,
                        "%s: the calibration data hold %zu arrays, the model takes %zu inputs; "
                        "give one array for each input, named as it is",
                        mw_model_name(model), mw_dataset_n_inputs(data), out->n_inputs);
    out->n_runs = UINT64_MAX;
    for (size_t i = 0; i < out->n_inputs; i++) {
        mw_tensor_info info;
        MWI_TRY(mw_model_input(ctx, model, i, &info));
        const uint64_t per_run = samples_of(&info);
        if (n / per_run < out->n_runs) out->n_runs = n / per_run;
        if (i == 0) out->samples_per_run = per_run;
    }
    if (out->n_runs == 0 || out->n_inputs == 0)
        return mwi_fail(ctx, MW_EINVAL,
                        "%s: %" PRIu64 " calibration samples, one run of the model takes %" PRIu64
                        "; give more data",
                        mw_model_name(model), n, out->n_inputs == 0 ? 0 : out->samples_per_run);
    return mw_session_create(ctx, model, &options, &out->session);
}

void mwi_feed_close(mwi_feed *feed)
{
    mw_session_destroy(feed->session);
    feed->session = NULL;
}

mw_status mwi_feed_run(mw_ctx *ctx, mwi_feed *feed, uint64_t run)
{
    MWI_TRY(mw_session_reset(ctx, feed->session));
    for (size_t i = 0; i < feed->n_inputs; i++) {
        mw_buffer buffer;
        MWI_TRY(mw_session_input(ctx, feed->session, i, &buffer));
        const uint64_t per_run = samples_of(&buffer.info);
        MWI_TRY(mw_dataset_read(ctx, feed->data, i, run * per_run, (size_t)per_run, &buffer.info,
                                buffer.data, buffer.bytes));
    }
    return mw_session_run(ctx, feed->session);
}
