/* ops/signal_delay.c - SignalDelay (custom): each row of samples, later by so many.
 * Depends: ops/flex, ops/kept, ops/signal_shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/flex.h"
#include "ops/kept.h"
#include "ops/signal_shapes.h"

#include "base/checked.h"

#include <string.h>

typedef struct attr {
    int32_t length;
} attr;

static const mwi_field fields[] = {
    {"delay_length", offsetof(attr, length), MWI_FIELD_I32, -1, 0, 0, INT32_MAX, NULL},
    MWI_FIELDS_END,
};

static mw_status parse(mw_ctx *ctx, mwi_arena *arena, const uint8_t *bytes, size_t n, void *out)
{
    (void)arena;
    return mwi_flex_fields(ctx, bytes, n, fields, out);
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_rows(ctx, call, 0, 1));
    return mwi_infer_same(ctx, call);
}

/* Keeps the last samples of each row. */
static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const size_t length = (size_t)((const attr *)call->attr)->length;
    size_t n;

    if (!mwi_mul(mwi_n_rows(&call->in[0]), length, &n) || !mwi_mul(n, sizeof(int16_t), &n))
        return mwi_fail(ctx, MW_ELIMIT, "a delay of %zu samples is larger than any memory", length);
    return mwi_keep(ctx, call, n);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const size_t delay = (size_t)((const attr *)call->attr)->length,
                 n = mwi_row_length(&call->in[0]), rows = mwi_n_rows(&call->in[0]);
    const size_t old = delay < n ? delay : n; /* that this run gives */
    const int16_t *in = call->in[0].data;
    int16_t *out = call->out[0].data, *kept = mwi_kept(call);

    (void)ctx;
    for (size_t r = 0; r < rows; r++, in += n, out += n, kept += delay) {
        if (old > 0) memcpy(out, kept, old * sizeof *out);
        memcpy(out + old, in, (n - old) * sizeof *out);
        if (delay > n) memmove(kept, kept + n, (delay - n) * sizeof *kept);
        if (old > 0) memcpy(kept + (delay - old), in + (n - old), old * sizeof *kept);
    }
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "s16_signal_delay__ref", .types = "i16>i16", .prepare = prepare, .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_signal_delay = {
    .name = "SignalDelay",
    .tflite_code = -1,
    .custom = true,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_STATEFUL,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .parse_custom = parse,
    .infer = infer,
};
