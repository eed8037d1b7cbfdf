/* ops/svdf.c - SVDF: a fully connected layer over time as filters of rank r: features of each step
 * go into a state of `memory` steps, time weights sum over it, r filters make one unit. Inputs: x
 * [n,i], feature weights [f,i], time weights [f,memory], bias [f/r]?, state [n,f*memory]
 * (variable).
 * Depends: ops/fixed, ops/dot, ops/cell_rows (activations).  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/dot.h"
#include "ops/fixed.h"
#include "ops/cell_rows.h"
#include "ops/shapes.h"

#include "base/checked.h"

#include <string.h>

typedef struct attr {
    int32_t rank, activation;
    bool asymmetric;
} attr;

static const mwi_field fields[] = {
    {"rank", offsetof(attr, rank), MWI_FIELD_I32, 0, 0, 1, INT32_MAX, NULL},
    {"fused_activation_function", offsetof(attr, activation), MWI_FIELD_ENUM, 1, 0, 0, 5,
     mwi_activation_names},
    {"asymmetric_quantize_inputs", offsetof(attr, asymmetric), MWI_FIELD_BOOL, 2, 0, 0, 1, NULL},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const attr *const a = call->attr;
    size_t n = 0, need;

    MWI_TRY(mwi_need_input(ctx, call, 0, 2, 2));
    MWI_TRY(mwi_need_input(ctx, call, 1, 2, 2));
    MWI_TRY(mwi_need_input(ctx, call, 2, 2, 2));
    MWI_TRY(mwi_need_input(ctx, call, 4, 2, 2));
    const mwi_view *const x = &call->in[0], *const f = &call->in[1], *const t = &call->in[2];
    const mwi_view *const bias = &call->in[3], *const state = &call->in[4];
    if (f->dims[1] != x->dims[1] || t->dims[0] != f->dims[0] || t->dims[1] < 1 ||
        f->dims[0] % a->rank != 0)
        return mwi_fail(
            ctx, MW_EFORMAT,
            "input [%d,%d], feature weights [%d,%d], time weights [%d,%d], rank %d do not fit",
            x->dims[0], x->dims[1], f->dims[0], f->dims[1], t->dims[0], t->dims[1], a->rank);
    if (bias->tensor != NULL &&
        (!mwi_dims_count(bias->rank, bias->dims, &n) || n != (size_t)(f->dims[0] / a->rank)))
        return mwi_fail(ctx, MW_EFORMAT, "bias has %zu values for %d units", n,
                        f->dims[0] / a->rank);
    if (!mwi_mul((size_t)f->dims[0], (size_t)t->dims[1], &need) || state->dims[0] != x->dims[0] ||
        (size_t)state->dims[1] != need || !state->tensor->is_variable)
        return mwi_fail(ctx, MW_EFORMAT, "the state is not a variable tensor of [%d,%d*%d]",
                        x->dims[0], f->dims[0], t->dims[1]);
    mwi_view_set_dims(&call->out[0], 2, (const int32_t[]){x->dims[0], f->dims[0] / a->rank});
    return MW_OK;
}

static uint64_t macs(const mwi_shape_call *call)
{
    return (uint64_t)call->in[0].dims[0] *
           (mwi_view_count(&call->in[1]) + mwi_view_count(&call->in[2]));
}

typedef struct state {
    size_t batch, in, filters, memory, rank, units;
    mwi_multiplier feature, time;
    int32_t in_zero, out_zero, state_zero;
    const float *time_weights; /* hybrid: in float */
    float weight_scale;
    bool asymmetric;
} state;

static mw_status prepare_common(mw_ctx *ctx, mwi_prepare_call *call, state **out)
{
    const attr *const a = call->attr;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &memory));
    state *const s = call->state = *out = memory;
    s->batch = (size_t)call->in[0].dims[0];
    s->in = (size_t)call->in[0].dims[1];
    s->filters = (size_t)call->in[1].dims[0];
    s->memory = (size_t)call->in[2].dims[1];
    s->rank = (size_t)a->rank;
    s->units = s->filters / s->rank;
    s->asymmetric = a->asymmetric;
    /* A row of the input as int16 and int8, and one sum a filter. */
    call->scratch_bytes = s->in * 3 + s->filters * sizeof(float) + 64;
    return MW_OK;
}

static mw_status prepare_f32(mw_ctx *ctx, mwi_prepare_call *call)
{
    state *s;
    return prepare_common(ctx, call, &s);
}

static void dequantize(const void *arg, void *out)
{
    const mwi_view *const v = arg;
    const size_t n = mwi_view_count(v);

    for (size_t i = 0; i < n; i++)
        ((float *)out)[i] = (float)((const int8_t *)v->data)[i] * v->quant->q.scales[0];
}

static mw_status prepare_hybrid(mw_ctx *ctx, mwi_prepare_call *call)
{
    const mwi_view *const t = &call->in[2];
    const void *weights;
    state *s;

    MWI_TRY(prepare_common(ctx, call, &s));
    MWI_TRY(mwi_need_scales(ctx, &call->in[1], "feature weights", 1));
    MWI_TRY(mwi_need_scales(ctx, t, "time weights", 1));
    s->weight_scale = call->in[1].quant->q.scales[0];
    if (t->data == NULL) return mwi_fail(ctx, MW_EUNSUPPORTED, "time weights must be constant");
    MWI_TRY(mwi_pack(ctx, call, "s8 as f32", t, 0, 0, mwi_view_count(t) * sizeof(float), dequantize,
                     t, &weights));
    s->time_weights = weights;
    return MW_OK;
}

/* State and time weights of int16, as LiteRT; of int8, as TFLite Micro, with a zero point. */
static mw_status prepare_int(mw_ctx *ctx, mwi_prepare_call *call)
{
    float in, out, feature, time, memory;
    int32_t zero, state_zero;
    state *s;

    if (((const attr *)call->attr)->activation != MWI_ACT_RELU)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "the integer kernel needs the activation RELU");
    MWI_TRY(prepare_common(ctx, call, &s));
    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "input", &in, &s->in_zero));
    MWI_TRY(mwi_need_quant(ctx, &call->in[1], "feature weights", &feature, &zero));
    MWI_TRY(mwi_need_quant(ctx, &call->in[2], "time weights", &time, &zero));
    MWI_TRY(mwi_need_quant(ctx, &call->in[4], "state", &memory, &state_zero));
    s->state_zero = call->in[4].dtype == MW_INT8 ? state_zero : 0;
    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &out, &s->out_zero));
    const float first = in * feature / memory, second = memory * time / out;
    s->feature = mwi_multiplier_of((double)first);
    s->time = mwi_multiplier_of((double)second);
    return MW_OK;
}

/* Makes room for one step: the oldest value of each filter goes; the newest place is written
 * afterwards. */
static void shift_state(const mwi_run_call *call)
{
    const mwi_view *const v = &call->in[4];
    const size_t element = mw_dtype_bits(v->dtype) / 8;

    if (v->bytes > element) memmove(v->data, (char *)v->data + element, v->bytes - element);
}

/* ---- float and hybrid ---- */

/* Sums over time and rank, bias, activation. */
static void finish_f32(const mwi_run_call *call, const state *s, const float *time_weights,
                       float *sums)
{
    const float *const bias = call->in[3].data, *memory = call->in[4].data;
    float *out = call->out[0].data;

    for (size_t b = 0; b < s->batch; b++, out += s->units) {
        for (size_t f = 0; f < s->filters; f++, memory += s->memory)
            sums[f] = mwi_dot_f32(time_weights + f * s->memory, memory, s->memory);
        for (size_t u = 0; u < s->units; u++) {
            float sum = 0;
            for (size_t r = 0; r < s->rank; r++) sum += sums[u * s->rank + r];
            out[u] = bias == NULL ? sum : sum + bias[u];
        }
        mwi_activate_f32(((const attr *)call->attr)->activation, out, s->units);
    }
}

static mw_status run_f32(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    const float *const weights = call->in[1].data;
    float *memory = call->in[4].data;

    (void)ctx;
    shift_state(call);
    for (size_t b = 0; b < s->batch; b++)
        for (size_t f = 0; f < s->filters; f++, memory += s->memory)
            memory[s->memory - 1] = mwi_dot_f32(weights + f * s->in,
                                                (const float *)call->in[0].data + b * s->in, s->in);
    finish_f32(call, s, call->in[2].data, call->scratch);
    return MW_OK;
}

static mw_status run_hybrid(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    float *const sums = call->scratch, *memory = call->in[4].data;
    int16_t *const x = (int16_t *)(void *)(sums + s->filters);
    int8_t *const narrow = (int8_t *)(x + s->in);

    (void)ctx;
    shift_state(call);
    for (size_t b = 0; b < s->batch; b++) {
        const float *const row = (const float *)call->in[0].data + b * s->in;
        int32_t zero = 0;
        const float scale = (s->asymmetric ? mwi_quantize_asymmetric(row, s->in, narrow, &zero)
                                           : mwi_quantize_symmetric(row, s->in, narrow)) *
                            s->weight_scale;
        for (size_t i = 0; i < s->in; i++) x[i] = (int16_t)(narrow[i] - zero);
        for (size_t f = 0; f < s->filters; f++, memory += s->memory)
            memory[s->memory - 1] =
                (float)mwi_dot_s16_s8(x, (const int8_t *)call->in[1].data + f * s->in, s->in) *
                scale;
    }
    finish_f32(call, s, s->time_weights, sums);
    return MW_OK;
}

/* ---- integers ---- */

#define TIME(name, type)                                                                           \
    static uint32_t name(const mwi_run_call *call, const state *s, size_t filter, size_t at)       \
    {                                                                                              \
        const type *const w = (const type *)call->in[2].data + filter * s->memory;                 \
        const type *const v = (const type *)call->in[4].data + at;                                 \
        uint32_t sum = 0;                                                                          \
        for (size_t i = 0; i < s->memory; i++)                                                     \
            sum += (uint32_t)((int32_t)w[i] * (v[i] - s->state_zero));                             \
        return sum;                                                                                \
    }
TIME(time_i16, int16_t)
TIME(time_i8, int8_t)

static void features_int(const mwi_run_call *call, const state *s, int16_t *x)
{
    int16_t *wide = (int16_t *)call->in[4].data + s->memory - 1;
    int8_t *narrow = (int8_t *)call->in[4].data + s->memory - 1;
    const bool is_wide = call->in[4].dtype == MW_INT16;

    for (size_t b = 0; b < s->batch; b++) {
        const int8_t *const row = (const int8_t *)call->in[0].data + b * s->in;
        for (size_t i = 0; i < s->in; i++) x[i] = (int16_t)(row[i] - s->in_zero);
        for (size_t f = 0; f < s->filters; f++, wide += s->memory, narrow += s->memory) {
            const int32_t dot =
                mwi_dot_s16_s8(x, (const int8_t *)call->in[1].data + f * s->in, s->in);
            const int32_t v = mwi_scale(dot, s->feature);
            if (is_wide)
                *wide = (int16_t)mwi_clamp(v, INT16_MIN, INT16_MAX);
            else
                *narrow = (int8_t)(mwi_clamp(v, INT8_MIN, INT8_MAX) + s->state_zero);
        }
    }
}

static mw_status run_int(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;
    const int32_t *const bias = call->in[3].data;
    const bool is_wide = call->in[4].dtype == MW_INT16;
    int8_t *out = call->out[0].data;
    size_t at = 0;

    (void)ctx;
    shift_state(call);
    features_int(call, s, call->scratch);
    for (size_t b = 0; b < s->batch; b++)
        for (size_t u = 0; u < s->units; u++) {
            uint32_t sum = bias == NULL ? 0 : (uint32_t)bias[u];
            for (size_t r = 0; r < s->rank; r++, at += s->memory)
                sum += is_wide ? time_i16(call, s, u * s->rank + r, at)
                               : time_i8(call, s, u * s->rank + r, at);
            const int64_t v = (int64_t)mwi_scale((int32_t)sum, s->time) + s->out_zero;
            *out++ = (int8_t)(v < -128 ? -128 : v > 127 ? 127 : v);
        }
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    if (call->in[0].dtype == MW_INT8) return 3;
    if (call->in[1].dtype == MW_INT8) return ((const attr *)call->attr)->asymmetric ? 4 : 2;
    return 1;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_svdf__ref",
     .types = "f32,f32,f32,f32?,f32>f32",
     .prepare = prepare_f32,
     .run = run_f32},
    {.name = "f32_s8_svdf__ref",
     .types = "f32,i8,i8,f32?,f32>f32",
     .prepare = prepare_hybrid,
     .run = run_hybrid},
    {.name = "f32_u8_svdf__ref",
     .types = "f32,u8,u8,f32?,f32>f32",
     .prepare = prepare_hybrid,
     .run = run_hybrid},
    {.name = "s8_svdf__ref",
     .types = "i8,i8,i16,i32?,i16>i8",
     .prepare = prepare_int,
     .run = run_int},
    {.name = "s8_svdf_s8__ref",
     .types = "i8,i8,i8,i32?,i8>i8",
     .flags = MWI_KERNEL_NOT_LITERT,
     .prepare = prepare_int,
     .run = run_int},
    {.name = NULL},
};

const mwi_op_desc mwi_op_svdf = {
    .name = "SVDF",
    .tflite_code = 27,
    .options_type = 6,
    .min_in = 5,
    .max_in = 5,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_STATEFUL,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
    .macs = macs,
    .version = version,
};
