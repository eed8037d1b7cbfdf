/* ops/mediapipe.c - see mediapipe.h.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/mediapipe.h"

const mwi_field mwi_pool_options_fields[] = {
    {"padding", offsetof(mwi_pool_options, padding), MWI_FIELD_I32, -1, 1, 1, 2, NULL},
    {"stride_w", offsetof(mwi_pool_options, stride_w), MWI_FIELD_I32, -1, 1, 1, 1 << 20, NULL},
    {"stride_h", offsetof(mwi_pool_options, stride_h), MWI_FIELD_I32, -1, 1, 1, 1 << 20, NULL},
    {"filter_width", offsetof(mwi_pool_options, filter_w), MWI_FIELD_I32, -1, 1, 1, 1 << 20, NULL},
    {"filter_height", offsetof(mwi_pool_options, filter_h), MWI_FIELD_I32, -1, 1, 1, 1 << 20, NULL},
    {"activation", offsetof(mwi_pool_options, activation), MWI_FIELD_I32, -1, 0, 0, 3, NULL},
    MWI_FIELDS_END,
};

mw_status mwi_options_ints(mw_ctx *ctx, const uint8_t *bytes, size_t n, int32_t *out, size_t count)
{
    if (n < count * sizeof(int32_t))
        return mwi_fail(ctx, MW_EFORMAT, "%zu bytes of options, allowed %zu and more", n,
                        count * sizeof(int32_t));
    for (size_t i = 0; i < count; i++) out[i] = (int32_t)mwi_le32(bytes + i * sizeof(int32_t));
    return MW_OK;
}

mw_status mwi_pool_options_parse(mw_ctx *ctx, mwi_arena *arena, const uint8_t *bytes, size_t n,
                                 void *attr)
{
    int32_t v[6];

    (void)arena;
    MWI_TRY(mwi_options_ints(ctx, bytes, n, v, MWI_COUNT(v)));
    *(mwi_pool_options *)attr = (mwi_pool_options){v[0], v[1], v[2], v[3], v[4], v[5]};
    return MW_OK;
}

int32_t mwi_pool_padding(int32_t inputs, int32_t outputs, int32_t filter, int32_t stride)
{
    const int64_t needed = ((int64_t)outputs - 1) * stride + filter - inputs;
    return needed > 0 ? (int32_t)(needed / 2 > INT32_MAX ? INT32_MAX : needed / 2) : 0;
}
