/* ops/combine.c - see combine.h.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/combine.h"

#include "base/half.h"

#include <string.h>

/* Integers wrap: sums and products in an unsigned type. */
#define FUNCTIONS(name, type, wide)                                                                \
    static void name##_add(void *acc, const void *x)                                               \
    {                                                                                              \
        *(type *)acc = (type)((wide) * (type *)acc + (wide) * (const type *)x);                    \
    }                                                                                              \
    static void name##_mul(void *acc, const void *x)                                               \
    {                                                                                              \
        *(type *)acc = (type)((wide) * (type *)acc * (wide) * (const type *)x);                    \
    }                                                                                              \
    static void name##_min(void *acc, const void *x)                                               \
    {                                                                                              \
        if (!(*(type *)acc <= *(const type *)x)) *(type *)acc = *(const type *)x;                  \
    }                                                                                              \
    static void name##_max(void *acc, const void *x)                                               \
    {                                                                                              \
        if (!(*(type *)acc >= *(const type *)x)) *(type *)acc = *(const type *)x;                  \
    }                                                                                              \
    static void name##_all(void *acc, const void *x)                                               \
    {                                                                                              \
        *(type *)acc = *(type *)acc != 0 && *(const type *)x != 0;                                 \
    }                                                                                              \
    static void name##_any(void *acc, const void *x)                                               \
    {                                                                                              \
        *(type *)acc = *(type *)acc != 0 || *(const type *)x != 0;                                 \
    }                                                                                              \
    static void name##_update(void *acc, const void *x) { *(type *)acc = *(const type *)x; }
FUNCTIONS(f32, float, float)
FUNCTIONS(f64, double, double)
FUNCTIONS(i8, int8_t, uint32_t)
FUNCTIONS(u8, uint8_t, uint32_t)
FUNCTIONS(i16, int16_t, uint32_t)
FUNCTIONS(u16, uint16_t, uint32_t)
FUNCTIONS(i32, int32_t, uint32_t)
FUNCTIONS(u32, uint32_t, uint32_t)
FUNCTIONS(i64, int64_t, uint64_t)
FUNCTIONS(u64, uint64_t, uint64_t)

static float half(const void *x) { return mwi_half_to_float(*(const uint16_t *)x); }
static void f16_add(void *acc, const void *x)
{
    *(uint16_t *)acc = mwi_float_to_half(half(acc) + half(x));
}
static void f16_mul(void *acc, const void *x)
{
    *(uint16_t *)acc = mwi_float_to_half(half(acc) * half(x));
}
static void f16_min(void *acc, const void *x)
{
    if (half(x) < half(acc)) u16_update(acc, x);
}
static void f16_max(void *acc, const void *x)
{
    if (half(acc) < half(x)) u16_update(acc, x);
}

#define ROW(name)                                                                                  \
    {                                                                                              \
        NULL, name##_add, name##_mul, name##_min, name##_max, name##_all, name##_any,              \
            name##_update                                                                          \
    }

mwi_combine_fn mwi_combine(int32_t function, mw_dtype dtype)
{
    static const mwi_combine_fn rows[MW_N_DTYPES][MWI_COMBINE_UPDATE + 1] = {
        [MW_FLOAT32] = ROW(f32),
        [MW_FLOAT64] = ROW(f64),
        [MW_FLOAT16] = {NULL, f16_add, f16_mul, f16_min, f16_max, NULL, NULL, u16_update},
        [MW_INT8] = ROW(i8),
        [MW_UINT8] = ROW(u8),
        [MW_INT16] = ROW(i16),
        [MW_UINT16] = ROW(u16),
        [MW_INT32] = ROW(i32),
        [MW_UINT32] = ROW(u32),
        [MW_INT64] = ROW(i64),
        [MW_UINT64] = ROW(u64),
        [MW_BOOL] = {NULL, u8_any, u8_all, u8_min, u8_max, u8_all, u8_any, u8_update},
    };
    if (function < 0 || function > MWI_COMBINE_UPDATE) return NULL;
    return rows[dtype][function];
}

mw_status mwi_combine_of(mw_ctx *ctx, const mwi_host *host, int32_t subgraph, int32_t *out)
{
    static const struct {
        const char *name;
        int32_t function;
    } rows[] = {
        {"ADD", MWI_COMBINE_ADD},         {"STABLEHLO_ADD", MWI_COMBINE_ADD},
        {"MUL", MWI_COMBINE_MUL},         {"STABLEHLO_MULTIPLY", MWI_COMBINE_MUL},
        {"MAXIMUM", MWI_COMBINE_MAX},     {"STABLEHLO_MAXIMUM", MWI_COMBINE_MAX},
        {"MINIMUM", MWI_COMBINE_MIN},     {"STABLEHLO_MINIMUM", MWI_COMBINE_MIN},
        {"LOGICAL_AND", MWI_COMBINE_ALL}, {"STABLEHLO_AND", MWI_COMBINE_ALL},
        {"LOGICAL_OR", MWI_COMBINE_ANY},  {"STABLEHLO_OR", MWI_COMBINE_ANY},
    };
    const mwi_graph *const g = host == NULL ? NULL : host->graph(host->self, subgraph);

    if (g == NULL)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "subgraph %d says what to do, and is not here",
                        subgraph);
    *out = MWI_COMBINE_UPDATE;
    if (g->n_ops == 0) return MW_OK;
    const char *const name = mwi_op_name(g->ops[0]);
    for (size_t i = 0; i < MWI_COUNT(rows) && g->n_ops == 1; i++) {
        if (strcmp(rows[i].name, name) != 0) continue;
        *out = rows[i].function;
        return MW_OK;
    }
    return mwi_fail(ctx, MW_EUNSUPPORTED,
                    "subgraph %d has %zu operators, the first %s; allowed is one of ADD, MUL, "
                    "MAXIMUM, MINIMUM, LOGICAL_AND, LOGICAL_OR",
                    subgraph, g->n_ops, name);
}
