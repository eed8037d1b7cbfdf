/* ops/signal_filter_bank_log.c - SignalFilterBankLog (custom): natural logarithms in fixed point,
 * from a table of 128 segments.
 * Depends: ops/flex, ops/signal_bits, ops/signal_shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/flex.h"
#include "ops/signal_bits.h"
#include "ops/signal_shapes.h"

#include <math.h>

typedef struct attr {
    int32_t correction_bits, scale;
} attr;

static const mwi_field fields[] = {
    {"input_correction_bits", offsetof(attr, correction_bits), MWI_FIELD_I32, -1, 0, 0, 31, NULL},
    {"output_scale", offsetof(attr, scale), MWI_FIELD_I32, -1, 1, 0, INT32_MAX, NULL},
    MWI_FIELDS_END,
};

static mw_status parse(mw_ctx *ctx, mwi_arena *arena, const uint8_t *bytes, size_t n, void *out)
{
    (void)arena;
    return mwi_flex_fields(ctx, bytes, n, fields, out);
}

/* Fractions have 16 bits; 45426 / 65536 is the natural logarithm of 2. */
enum { FRACTION_BITS = 16, SEGMENT_BITS = 7, LN_2 = 45426, HALF = 1 << 15 };
enum { N_SEGMENTS = 1 << SEGMENT_BITS, POSITION_BITS = FRACTION_BITS - SEGMENT_BITS };

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_vector(ctx, call, 0, -1));
    return mwi_infer_same(ctx, call);
}

/* log2(1 + f) - f at both ends of each segment. */
static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, N_SEGMENTS + 1, sizeof(int32_t), &memory));
    int32_t *const table = call->state = memory;
    for (int32_t i = 0; i <= N_SEGMENTS; i++) {
        const double f = (double)i / N_SEGMENTS;
        table[i] = (int32_t)floor((log2(1 + f) - f) * (1 << FRACTION_BITS) + 0.5);
    }
    return MW_OK;
}

/* Of v > 1. */
static uint32_t log_2(const int32_t *table, uint32_t v)
{
    const uint32_t whole = mwi_bits_of(v) - 1, above = v - (1u << whole);
    const uint32_t f =
        whole < FRACTION_BITS ? above << (FRACTION_BITS - whole) : above >> (whole - FRACTION_BITS);
    const uint32_t segment = f >> POSITION_BITS;
    const int32_t low = table[segment], rise = table[segment + 1] - low,
                  position = (int32_t)(f - (segment << POSITION_BITS));
    /* The reference shifts by the fraction's bits, not by the position's: next to no rise. */
    return (whole << FRACTION_BITS) +
           (uint32_t)((int32_t)f + low + ((rise * position) >> FRACTION_BITS));
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const attr *const a = call->attr;
    const uint32_t *const in = call->in[0].data, scale = (uint32_t)a->scale;
    int16_t *const out = call->out[0].data;
    const size_t n = mwi_view_count(&call->in[0]);

    (void)ctx;
    for (size_t i = 0; i < n; i++) {
        const uint32_t v = in[i] << a->correction_bits;
        if (v <= 1) {
            out[i] = 0;
            continue;
        }
        const uint32_t natural =
            (uint32_t)(((uint64_t)LN_2 * log_2(call->state, v) + HALF) >> FRACTION_BITS);
        const uint32_t scaled = (scale * natural + HALF) >> FRACTION_BITS;
        out[i] = (int16_t)(scaled < INT16_MAX ? scaled : INT16_MAX);
    }
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "u32_signal_filter_bank_log__ref", .types = "u32>i16", .prepare = prepare, .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_signal_filter_bank_log = {
    .name = "SignalFilterBankLog",
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
