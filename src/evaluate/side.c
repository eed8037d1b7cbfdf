/* evaluate/side.c - see side.h.   SPDX-License-Identifier: Apache-2.0 */
#include "evaluate/side.h"

#include "base/checked.h"
#include "base/clock.h"
#include "base/half.h"

#include <string.h>

static double element(mw_dtype dtype, const void *data, size_t i)
{
    switch (dtype) {
    case MW_FLOAT32: return (double)((const float *)data)[i];
    case MW_FLOAT64: return ((const double *)data)[i];
    case MW_FLOAT16: return (double)mwi_half_to_float(((const uint16_t *)data)[i]);
    case MW_INT8: return ((const int8_t *)data)[i];
    case MW_BOOL:
    case MW_UINT8: return ((const uint8_t *)data)[i];
    case MW_INT16: return ((const int16_t *)data)[i];
    case MW_UINT16: return ((const uint16_t *)data)[i];
    case MW_INT32: return ((const int32_t *)data)[i];
    case MW_UINT32: return ((const uint32_t *)data)[i];
    case MW_INT64: return (double)((const int64_t *)data)[i];
    case MW_UINT64: return (double)((const uint64_t *)data)[i];
    default: return 0; /* refused when the side was opened */
    }
}

static bool is_number(mw_dtype dtype)
{
    return mw_dtype_bits(dtype) >= 8 && dtype != MW_STRING && dtype != MW_BFLOAT16 &&
           dtype != MW_COMPLEX64 && dtype != MW_COMPLEX128;
}

void mwi_to_real(const mw_tensor_info *info, const void *data, size_t n, double *out)
{
    const mw_quantization *const q = &info->quantization;
    const bool floats =
        info->dtype == MW_FLOAT32 || info->dtype == MW_FLOAT64 || info->dtype == MW_FLOAT16;
    const bool quantized = q->n_scales == 1 && !floats;
    const double scale = quantized ? (double)q->scales[0] : 1,
                 zero = quantized ? (double)q->zero_points[0] : 0;

    for (size_t i = 0; i < n; i++) out[i] = (element(info->dtype, data, i) - zero) * scale;
}

static mw_status make_end(mw_ctx *ctx, mwi_arena *arena, size_t batch, mwi_end *e, bool is_output)
{
    size_t bytes;
    void *p;

    if (!is_number(e->info.dtype))
        return mwi_fail(ctx, MW_EUNSUPPORTED, "%s '%s' is %s: such values cannot be evaluated",
                        is_output ? "output" : "input", e->info.name, mw_dtype_name(e->info.dtype));
    e->n = e->sample_bytes / (mw_dtype_bits(e->info.dtype) / 8);
    if (!mwi_mul(batch, e->sample_bytes, &bytes))
        return mwi_fail(ctx, MW_ELIMIT, "%zu samples of '%s' are larger than any memory", batch,
                        e->info.name);
    MWI_TRY(mwi_arena_alloc(ctx, arena, bytes == 0 ? 1 : bytes, &e->data));
    if (!is_output) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, arena, batch * e->n, sizeof(double), &p)); /* <= bytes elements */
    e->values = p;
    return MW_OK;
}

mw_status mwi_side_open(mw_ctx *ctx, const mw_model *model, size_t batch, uint32_t n_threads,
                        mwi_arena *arena, mwi_side *side)
{
    const mw_session_options options = {.n_threads = n_threads};
    mw_session_memory use;
    mw_buffer b;
    void *p;

    memset(side, 0, sizeof *side);
    side->model = model;
    MWI_TRY(mw_session_create(ctx, model, &options, &side->session));
    side->n_in = mw_session_n_inputs(side->session);
    side->n_out = mw_session_n_outputs(side->session);
    if (side->n_in == 0 || side->n_out == 0)
        return mwi_fail(ctx, MW_EINVAL, "%s has %zu inputs and %zu outputs: nothing to evaluate",
                        mw_model_name(model), side->n_in, side->n_out);
    mw_session_memory_use(side->session, &use);
    side->has_state = use.state_bytes > 0;
    MWI_TRY(mwi_arena_array(ctx, arena, side->n_in + side->n_out, sizeof(mwi_end), &p));
    side->in = p;
    side->out = side->in + side->n_in;
    MWI_TRY(mwi_arena_array(ctx, arena, side->n_in, sizeof(void *), &p));
    side->in_data = p;
    MWI_TRY(mwi_arena_array(ctx, arena, side->n_out, sizeof(void *), &p));
    side->out_data = p;
    for (size_t i = 0; i < side->n_in; i++) {
        MWI_TRY(mw_session_input(ctx, side->session, i, &b));
        side->in[i].info = b.info;
        side->in[i].sample_bytes = mw_session_input_sample_bytes(side->session, i);
        MWI_TRY(mwi_prefix(ctx, make_end(ctx, arena, batch, &side->in[i], false), "%s",
                           mw_model_name(model)));
    }
    for (size_t i = 0; i < side->n_out; i++) {
        MWI_TRY(mw_session_output(ctx, side->session, i, &b));
        side->out[i].info = b.info;
        side->out[i].sample_bytes = mw_session_output_sample_bytes(side->session, i);
        MWI_TRY(mwi_prefix(ctx, make_end(ctx, arena, batch, &side->out[i], true), "%s",
                           mw_model_name(model)));
    }
    return MW_OK;
}

void mwi_side_close(mwi_side *side)
{
    mw_session_destroy(side->session);
    side->session = NULL;
}

/* Samples [at, at + count) of the batch that the ends hold. */
static mw_status run_part(mw_ctx *ctx, mwi_side *side, size_t at, size_t count)
{
    for (size_t i = 0; i < side->n_in; i++)
        side->in_data[i] = (const char *)side->in[i].data + at * side->in[i].sample_bytes;
    for (size_t i = 0; i < side->n_out; i++)
        side->out_data[i] = (char *)side->out[i].data + at * side->out[i].sample_bytes;
    return mw_session_run_batch(ctx, side->session, count, side->in_data, side->out_data);
}

static mw_status run_samples(mw_ctx *ctx, mwi_side *side, size_t count)
{
    if (!side->has_state) return run_part(ctx, side, 0, count);
    for (size_t i = 0; i < count; i++) {
        MWI_TRY(mw_session_reset(ctx, side->session));
        MWI_TRY(run_part(ctx, side, i, 1));
    }
    return MW_OK;
}

static void make_real(mwi_side *side, size_t count)
{
    for (size_t i = 0; i < side->n_out; i++)
        mwi_to_real(&side->out[i].info, side->out[i].data, count * side->out[i].n,
                    side->out[i].values);
}

mw_status mwi_side_run(mw_ctx *ctx, mwi_side *side, mw_dataset *data, uint64_t first, size_t count,
                       uint64_t *out_ns)
{
    for (size_t i = 0; i < side->n_in; i++)
        MWI_TRY(mw_dataset_read(ctx, data, i, first, count, &side->in[i].info, side->in[i].data,
                                count * side->in[i].sample_bytes));
    const uint64_t begin = mwi_now_ns();
    MWI_TRY(run_samples(ctx, side, count));
    *out_ns = mwi_now_ns() - begin;
    make_real(side, count);
    return MW_OK;
}

mw_status mwi_side_run_given(mw_ctx *ctx, mwi_side *side, const void *const *in, size_t count)
{
    for (size_t i = 0; i < side->n_in; i++)
        memcpy(side->in[i].data, in[i], count * side->in[i].sample_bytes);
    MWI_TRY(run_samples(ctx, side, count));
    make_real(side, count);
    return MW_OK;
}
