/* ops/signal_energy.c - SignalEnergy (custom): squared magnitudes of a spectrum's bins from start
 * to before end; the others are 0.
 * Depends: ops/flex, ops/signal_shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/flex.h"
#include "ops/signal_shapes.h"

#include <string.h>

typedef struct attr {
    int32_t start, end;
} attr;

static const mwi_field fields[] = {
    {"start_index", offsetof(attr, start), MWI_FIELD_I32, -1, 0, 0, INT32_MAX, NULL},
    {"end_index", offsetof(attr, end), MWI_FIELD_I32, -1, 0, 0, INT32_MAX, NULL},
    MWI_FIELDS_END,
};

static mw_status parse(mw_ctx *ctx, mwi_arena *arena, const uint8_t *bytes, size_t n, void *out)
{
    (void)arena;
    return mwi_flex_fields(ctx, bytes, n, fields, out);
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const attr *const a = call->attr;

    MWI_TRY(mwi_need_vector(ctx, call, 0, -1));
    const int32_t bins = call->in[0].dims[0] / 2;
    if (call->in[0].dims[0] % 2 != 0)
        return mwi_fail(ctx, MW_EFORMAT, "%d values are not pairs", call->in[0].dims[0]);
    if (a->start > a->end || a->end > bins)
        return mwi_fail(ctx, MW_EFORMAT, "bins %d to %d of %d", a->start, a->end, bins);
    mwi_view_set_dims(&call->out[0], 1, &bins);
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const attr *const a = call->attr;
    const int16_t *const in = call->in[0].data;
    uint32_t *const out = call->out[0].data;

    (void)ctx;
    memset(out, 0, call->out[0].bytes);
    for (size_t i = (size_t)a->start; i < (size_t)a->end; i++)
        out[i] = (uint32_t)(in[2 * i] * in[2 * i]) + (uint32_t)(in[2 * i + 1] * in[2 * i + 1]);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "s16_signal_energy__ref", .types = "i16>u32", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_signal_energy = {
    .name = "SignalEnergy",
    .tflite_code = -1,
    .custom = true,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .parse_custom = parse,
    .infer = infer,
};
