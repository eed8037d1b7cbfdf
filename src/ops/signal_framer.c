/* ops/signal_framer.c - SignalFramer (custom): samples that come in steps as frames that overlap.
 * The second output says whether all frames of the run were full; those that were not are 0.
 * Depends: ops/flex, ops/kept, ops/signal_shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/flex.h"
#include "ops/kept.h"
#include "ops/signal_shapes.h"

#include "base/checked.h"

#include <string.h>

typedef struct attr {
    int32_t size, step;
    bool prefill;
} attr;

static const mwi_field fields[] = {
    {"frame_size", offsetof(attr, size), MWI_FIELD_I32, -1, 1, 1, 1 << 24, NULL},
    {"frame_step", offsetof(attr, step), MWI_FIELD_I32, -1, 1, 1, 1 << 24, NULL},
    {"prefill", offsetof(attr, prefill), MWI_FIELD_BOOL, -1, 0, 0, 1, NULL},
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
    const mwi_view *const x = &call->in[0];
    mwi_view *const out = &call->out[0];

    MWI_TRY(mwi_need_rows(ctx, call, 0, 1));
    const int32_t n = x->dims[x->rank - 1];
    if (n % a->step != 0 || x->rank == MW_MAX_RANK)
        return mwi_fail(ctx, MW_EFORMAT, "%d samples of rank %d in steps of %d", n, x->rank,
                        a->step);
    if (a->prefill && a->step > a->size)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "prefill with steps of %d that are larger than the %d "
                        "samples of a frame",
                        a->step, a->size);
    mwi_view_set_dims(out, x->rank, x->dims);
    out->dims[out->rank - 1] = n / a->step;
    out->dims[out->rank++] = a->size;
    mwi_view_set_dims(&call->out[1], 0, NULL);
    return MW_OK;
}

/* Samples of a row: what is left of the frame before, and a step. */
static size_t capacity(const attr *a) { return (size_t)a->size + (size_t)a->step; }

/* Kept: how many samples each row holds beyond those that it begins with, and the samples. */
enum { HEAD_BYTES = 64 };

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    size_t n;

    if (!mwi_mul(mwi_n_rows(&call->in[0]), capacity(call->attr) * sizeof(int16_t), &n) ||
        !mwi_add(n, HEAD_BYTES, &n))
        return mwi_fail(ctx, MW_ELIMIT, "frames of %zu rows are larger than any memory",
                        mwi_n_rows(&call->in[0]));
    return mwi_keep(ctx, call, n);
}

/* One row through all its steps; returns how many samples it holds at the end. */
static size_t run_row(const attr *a, const int16_t *in, size_t n_steps, size_t held, int16_t *row,
                      int16_t *out, bool *valid)
{
    const size_t size = (size_t)a->size, step = (size_t)a->step;

    for (size_t i = 0; i < n_steps; i++, in += step, out += size) {
        memcpy(row + held, in, step * sizeof *row);
        held += step;
        if (held < size) {
            memset(out, 0, size * sizeof *out);
            *valid = false;
            continue;
        }
        memcpy(out, row, size * sizeof *out);
        held -= step;
        memmove(row, row + step, held * sizeof *row);
    }
    return held;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const attr *const a = call->attr;
    const size_t n = mwi_row_length(&call->in[0]), rows = mwi_n_rows(&call->in[0]);
    const size_t n_steps = n / (size_t)a->step,
                 first = a->prefill ? (size_t)(a->size - a->step) : 0;
    size_t *const more = mwi_kept(call);
    int16_t *const kept = (int16_t *)(void *)((char *)more + HEAD_BYTES);
    bool *const valid = call->out[1].data;
    size_t held = first + *more;

    (void)ctx;
    *valid = true;
    for (size_t r = 0; r < rows; r++)
        held = run_row(a, (const int16_t *)call->in[0].data + r * n, n_steps, first + *more,
                       kept + r * capacity(a),
                       (int16_t *)call->out[0].data + r * n_steps * (size_t)a->size, valid);
    *more = held - first;
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "s16_signal_framer__ref", .types = "i16>i16,bool", .prepare = prepare, .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_signal_framer = {
    .name = "SignalFramer",
    .tflite_code = -1,
    .custom = true,
    .min_in = 1,
    .max_in = 1,
    .min_out = 2,
    .max_out = 2,
    .traits = MWI_OP_STATEFUL,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .parse_custom = parse,
    .infer = infer,
};
