/* ops/cast.c - CAST from any number type to any other: integers by their low bits, floats to
 * integers cut, complex numbers to what their real part becomes.
 * Depends: ops/unary, base/half.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/unary.h"

#include "base/half.h"

#include <string.h>

typedef struct attr {
    int32_t in_data_type, out_data_type; /* the tensors' types say it too, and count */
} attr;

static const mwi_field fields[] = {
    {"in_data_type", offsetof(attr, in_data_type), MWI_FIELD_ENUM, 0, 0, 1, 0, NULL},
    {"out_data_type", offsetof(attr, out_data_type), MWI_FIELD_ENUM, 1, 0, 1, 0, NULL},
    MWI_FIELDS_END,
};

/* Values go through blocks of int64 or double, exact for every type. */
enum { BLOCK = 256 };

/* clang-format off */
#define FOR_INTEGERS(DO)                                                                            \
    DO(MW_INT8, int8_t) DO(MW_UINT8, uint8_t) DO(MW_INT16, int16_t) DO(MW_UINT16, uint16_t)         \
    DO(MW_INT32, int32_t) DO(MW_UINT32, uint32_t) DO(MW_INT64, int64_t) DO(MW_UINT64, uint64_t)
/* clang-format on */

static bool is_float(mw_dtype t)
{
    return t == MW_COMPLEX64 || t == MW_FLOAT32 || t == MW_FLOAT64 || t == MW_FLOAT16 ||
           t == MW_BFLOAT16;
}

static void read_integers(mw_dtype dtype, const void *in, size_t at, size_t n, int64_t *out)
{
    switch (dtype) {
#define READ(dtype, type)                                                                          \
    case dtype:                                                                                    \
        for (size_t i = 0; i < n; i++) out[i] = (int64_t)((const type *)in)[at + i];               \
        return;
        FOR_INTEGERS(READ)
    case MW_BOOL:
        for (size_t i = 0; i < n; i++) out[i] = ((const uint8_t *)in)[at + i] != 0;
        return;
    case MW_INT4:
        for (size_t i = 0; i < n; i++)
            out[i] =
                (int8_t)(((const uint8_t *)in)[(at + i) / 2] << ((at + i) % 2 == 0 ? 4 : 0)) >> 4;
        return;
    default: return;
    }
}

static void read_floats(mw_dtype dtype, const void *in, size_t at, size_t n, double *out)
{
    switch (dtype) {
    case MW_FLOAT32:
        for (size_t i = 0; i < n; i++) out[i] = (double)((const float *)in)[at + i];
        return;
    case MW_COMPLEX64: /* the real part */
        for (size_t i = 0; i < n; i++) out[i] = (double)((const float *)in)[2 * (at + i)];
        return;
    case MW_FLOAT64:
        for (size_t i = 0; i < n; i++) out[i] = ((const double *)in)[at + i];
        return;
    case MW_FLOAT16:
        for (size_t i = 0; i < n; i++)
            out[i] = (double)mwi_half_to_float(((const uint16_t *)in)[at + i]);
        return;
    default:
        for (size_t i = 0; i < n; i++)
            out[i] = (double)mwi_bfloat_to_float(((const uint16_t *)in)[at + i]);
        return;
    }
}

static uint16_t bfloat_of(float f)
{
    uint32_t bits;

    memcpy(&bits, &f, sizeof bits);
    if (f != f) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static void put_complex(void *out, size_t at, float real)
{
    ((float *)out)[2 * at] = real;
    ((float *)out)[2 * at + 1] = 0;
}

static void write_integers(mw_dtype dtype, const int64_t *in, size_t n, void *out, size_t at,
                           bool is_unsigned)
{
    switch (dtype) {
#define WRITE(dtype, type)                                                                         \
    case dtype:                                                                                    \
        for (size_t i = 0; i < n; i++) ((type *)out)[at + i] = (type)in[i];                        \
        return;
        FOR_INTEGERS(WRITE)
    case MW_BOOL:
        for (size_t i = 0; i < n; i++) ((uint8_t *)out)[at + i] = in[i] != 0;
        return;
#define TO_FLOAT(i) (is_unsigned ? (float)(uint64_t)in[i] : (float)in[i])
    case MW_FLOAT32:
        for (size_t i = 0; i < n; i++) ((float *)out)[at + i] = TO_FLOAT(i);
        return;
    case MW_COMPLEX64:
        for (size_t i = 0; i < n; i++) put_complex(out, at + i, TO_FLOAT(i));
        return;
    case MW_FLOAT64:
        for (size_t i = 0; i < n; i++)
            ((double *)out)[at + i] = is_unsigned ? (double)(uint64_t)in[i] : (double)in[i];
        return;
    case MW_FLOAT16:
        for (size_t i = 0; i < n; i++) ((uint16_t *)out)[at + i] = mwi_float_to_half(TO_FLOAT(i));
        return;
    default:
        for (size_t i = 0; i < n; i++) ((uint16_t *)out)[at + i] = bfloat_of(TO_FLOAT(i));
        return;
    }
}

/* Cut towards zero; what does not fit saturates, NaN is the largest. */
static int64_t integer_of(double v, double low, double high, int64_t least, int64_t most)
{
    return !(v < high) ? most : v <= low ? least : (int64_t)v;
}

static void write_floats(mw_dtype dtype, const double *in, size_t n, void *out, size_t at)
{
    switch (dtype) {
#define CUT(dtype, type, least, most)                                                              \
    case dtype:                                                                                    \
        for (size_t i = 0; i < n; i++)                                                             \
            ((type *)out)[at + i] =                                                                \
                (type)integer_of(in[i], (double)(least), (double)(most), least, most);             \
        return;
        CUT(MW_INT8, int8_t, INT8_MIN, INT8_MAX)
        CUT(MW_UINT8, uint8_t, 0, UINT8_MAX)
        CUT(MW_INT16, int16_t, INT16_MIN, INT16_MAX)
        CUT(MW_UINT16, uint16_t, 0, UINT16_MAX)
        CUT(MW_INT32, int32_t, INT32_MIN, INT32_MAX)
        CUT(MW_UINT32, uint32_t, 0, UINT32_MAX)
        CUT(MW_INT64, int64_t, INT64_MIN, INT64_MAX)
    case MW_UINT64:
        for (size_t i = 0; i < n; i++)
            ((uint64_t *)out)[at + i] = !(in[i] < 0x1p64) ? UINT64_MAX
                                        : in[i] <= 0      ? 0
                                                          : (uint64_t)in[i];
        return;
    case MW_BOOL:
        for (size_t i = 0; i < n; i++) ((uint8_t *)out)[at + i] = in[i] != 0;
        return;
    case MW_FLOAT32:
        for (size_t i = 0; i < n; i++) ((float *)out)[at + i] = (float)in[i];
        return;
    case MW_COMPLEX64:
        for (size_t i = 0; i < n; i++) put_complex(out, at + i, (float)in[i]);
        return;
    case MW_FLOAT64:
        for (size_t i = 0; i < n; i++) ((double *)out)[at + i] = in[i];
        return;
    case MW_FLOAT16:
        for (size_t i = 0; i < n; i++) ((uint16_t *)out)[at + i] = mwi_float_to_half((float)in[i]);
        return;
    default:
        for (size_t i = 0; i < n; i++) ((uint16_t *)out)[at + i] = bfloat_of((float)in[i]);
        return;
    }
}

static void piece(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const mwi_run_call *const call = arg;
    const mwi_view *const x = &call->in[0], *const out = &call->out[0];
    union {
        int64_t integers[BLOCK];
        double floats[BLOCK];
    } block;

    (void)thread;
    for (size_t at = begin; at < end; at += BLOCK) {
        const size_t n = end - at < BLOCK ? end - at : BLOCK;
        if (is_float(x->dtype)) {
            read_floats(x->dtype, x->data, at, n, block.floats);
            write_floats(out->dtype, block.floats, n, out->data, at);
        } else {
            read_integers(x->dtype, x->data, at, n, block.integers);
            write_integers(out->dtype, block.integers, n, out->data, at, x->dtype == MW_UINT64);
        }
    }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    mwi_run_call copy = *call;

    (void)ctx;
    if (call->in[0].dtype == MW_COMPLEX64 && call->out[0].dtype == MW_COMPLEX64) {
        if (call->in[0].bytes > 0) memcpy(call->out[0].data, call->in[0].data, call->in[0].bytes);
        return MW_OK;
    }
    mwi_par_for(call->pool, mwi_view_count(&call->out[0]), 32 * BLOCK, piece, &copy);
    return MW_OK;
}

static bool is_number(mw_dtype t)
{
    return is_float(t) || t == MW_BOOL || t == MW_INT8 || t == MW_UINT8 || t == MW_INT16 ||
           t == MW_UINT16 || t == MW_INT32 || t == MW_UINT32 || t == MW_INT64 || t == MW_UINT64;
}

static bool accepts(const mwi_prepare_call *call)
{
    return (is_number(call->in[0].dtype) || call->in[0].dtype == MW_INT4) &&
           is_number(call->out[0].dtype);
}

static int32_t version(const mwi_shape_call *call)
{
    static const struct {
        mw_dtype type;
        int32_t version;
    } rules[] = {{MW_BFLOAT16, 7}, {MW_INT4, 6}, {MW_FLOAT64, 5}, {MW_FLOAT16, 5},
                 {MW_UINT16, 4},   {MW_INT8, 3}, {MW_UINT32, 2}};

    for (size_t i = 0; i < MWI_COUNT(rules); i++)
        if (call->in[0].dtype == rules[i].type || call->out[0].dtype == rules[i].type)
            return rules[i].version;
    return 1;
}

static const mwi_kernel kernels[] = {
    {.name = "any_cast__ref", .types = "*>*", .accepts = accepts, .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_cast = {
    .name = "CAST",
    .tflite_code = 53,
    .options_type = 37,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = mwi_infer_same,
    .gradient = mwi_gradient_identity,
    .version = version,
};
