/* compress/quantize/affine_test.c - scales, rounding and packing by the specification.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/affine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "base/rng.h"
#include "support.h"

/* {type, symmetric, range} -> {scale, zero point}; zero is always a value, and always inside. */
static const struct {
    mw_dtype dtype;
    bool symmetric;
    double min, max, scale;
    int32_t zero_point;
} params[] = {
    {MW_INT8, false, -1, 1, 2.0 / 255, 0}, /* -0.5 rounds away from zero */
    {MW_INT8, false, 0, 2.55, 0.01, -128},
    {MW_INT8, false, 1, 2.55, 0.01, -128}, /* stretched to hold 0 */
    {MW_INT8, false, -2.55, -1, 0.01, 127},
    {MW_INT8, true, -0.5, 1.27, 0.01, 0},
    {MW_UINT8, false, 0, 2.55, 0.01, 0},
    {MW_INT16, false, -3.2767, 1, 1e-4, 0},
    {MW_INT8, false, 0, 0, 1, -128}, /* a tensor that was always zero */
    {MW_INT8, false, 0, 1e-40, 1, -128},
};

static void test_params(void **state)
{
    (void)state;
    for (size_t i = 0; i < MWI_COUNT(params); i++) {
        const mwi_params p = mwi_params_from_range(params[i].dtype, params[i].symmetric,
                                                   params[i].min, params[i].max);
        int32_t low, high;
        mwi_quant_range(params[i].dtype, &low, &high);
        assert_true(fabs((double)p.scale / params[i].scale - 1) < 1e-6);
        if (i > 0) assert_int_equal(p.zero_point, params[i].zero_point);
        assert_true(p.zero_point >= low && p.zero_point <= high);
        assert_int_equal(mwi_quantize_one(0, p, low, high), p.zero_point);
    }
}

static void test_fake_quantize_is_idempotent(void **state)
{
    const mwi_params p = mwi_params_from_range(MW_INT8, false, -0.731, 2.113);
    float x[512], once[512];
    mwi_rng rng = {5};
    (void)state;

    for (size_t i = 0; i < 512; i++) x[i] = (float)(mwi_rng_uniform(&rng) * 6 - 3);
    memcpy(once, x, sizeof x);
    mwi_fake_quantize(once, 512, MW_INT8, p);
    for (size_t i = 0; i < 512; i++)
        if (x[i] > -0.7f && x[i] < 2.1f) assert_true(fabsf(x[i] - once[i]) <= p.scale * 0.5001f);
    memcpy(x, once, sizeof x);
    mwi_fake_quantize(once, 512, MW_INT8, p);
    assert_memory_equal(x, once, sizeof x);
}

/* Channels of [3, 2, 4]: along axis 0, 1, 2 and none. */
static void test_channels(void **state)
{
    static const int32_t dims[] = {3, 2, 4};
    (void)state;

    for (int32_t axis = -1; axis < 3; axis++) {
        const mwi_channels c = mwi_channels_of(3, dims, axis);
        assert_int_equal(c.n, 24);
        for (size_t i = 0; i < 24; i++) {
            const size_t at[] = {i / 8, i / 4 % 2, i % 4};
            assert_int_equal(mwi_channel(&c, i), axis < 0 ? 0 : at[axis]);
        }
    }
}

static void fill(float *w, size_t n, uint64_t seed)
{
    mwi_rng rng = {seed};
    for (size_t i = 0; i < n; i++) w[i] = (float)pow(mwi_rng_uniform(&rng) * 2 - 1, 3);
}

/* Each value is within half a step; the largest of each channel is at the limit, so that the
 * integers times the scale give the same integers again. */
static void test_weights(void **state)
{
    static const int32_t dims[] = {5, 3, 3, 8};
    enum { COUNT = 5 * 9 * 8 };
    float w[COUNT], scales[8], again[8];
    int8_t q[COUNT], q2[COUNT];
    (void)state;

    for (int bits = 4; bits <= 8; bits += 4) {
        for (int32_t axis = -1; axis <= 3; axis += 2) {
            const mwi_channels c = mwi_channels_of(4, dims, axis == 1 ? 0 : axis);
            fill(w, COUNT, 7);
            mwi_weight_scales(w, &c, bits, MWI_WEIGHT_MAX, scales);
            mwi_weight_round(w, &c, bits, scales, q);
            int32_t largest = 0;
            for (size_t i = 0; i < COUNT; i++) {
                const float s = scales[mwi_channel(&c, i)];
                assert_true(fabsf((float)q[i] * s - w[i]) <= s * 0.5001f);
                largest = abs(q[i]) > largest ? abs(q[i]) : largest;
                w[i] = (float)q[i] * s;
            }
            assert_int_equal(largest, mwi_weight_limit(bits));
            mwi_weight_scales(w, &c, bits, MWI_WEIGHT_MAX, again);
            mwi_weight_round(w, &c, bits, again, q2);
            assert_memory_equal(q, q2, sizeof q);
        }
    }
}

static double squared_error(const float *w, const int8_t *q, const mwi_channels *c,
                            const float *scales)
{
    double sum = 0;
    for (size_t i = 0; i < c->n; i++)
        sum += pow((double)((float)q[i] * scales[mwi_channel(c, i)] - w[i]), 2);
    return sum;
}

static void test_least_error_scales(void **state)
{
    static const int32_t dims[] = {4, 200};
    const mwi_channels c = mwi_channels_of(2, dims, 0);
    float w[800], scales[4];
    int8_t q[800];
    (void)state;

    fill(w, 800, 9);
    w[0] = 4; /* an outlier */
    mwi_weight_scales(w, &c, 4, MWI_WEIGHT_MAX, scales);
    mwi_weight_round(w, &c, 4, scales, q);
    const double plain = squared_error(w, q, &c, scales);
    mwi_weight_scales(w, &c, 4, MWI_WEIGHT_MSE, scales);
    mwi_weight_round(w, &c, 4, scales, q);
    assert_true(squared_error(w, q, &c, scales) < plain);
}

static void test_zero_channel(void **state)
{
    const mwi_channels c = {2, 3, 6};
    const float w[6] = {0, 0, 0, 1, -2, 0.5f};
    float scales[2];
    int8_t q[6];
    (void)state;

    for (int how = 0; how < 2; how++) {
        mwi_weight_scales(w, &c, 8, (mwi_weight_range)how, scales);
        assert_true(scales[0] == 0 && scales[1] > 0);
        mwi_weight_round(w, &c, 8, scales, q);
        assert_true(q[0] == 0 && q[1] == 0 && q[2] == 0 && q[4] == -127);
    }
}

static void test_blocks(void **state)
{
    float w[2 * 64];
    uint16_t scales[4];
    int8_t q[2 * 64];
    (void)state;

    fill(w, 128, 11);
    for (size_t i = 96; i < 128; i++) w[i] = 0;
    mwi_block_scales(w, 2, 64, 32, 4, MWI_WEIGHT_MAX, scales);
    mwi_block_round(w, 2, 64, 32, 4, scales, q);
    for (size_t i = 0; i < 128; i++) {
        const float s = mwi_half_to_float(scales[i / 32]);
        assert_true(s > 0 && fabsf((float)q[i] * s - w[i]) <= s * 0.51f && q[i] >= -7 && q[i] <= 7);
    }
}

static void test_pack_int4(void **state)
{
    const int8_t q[5] = {1, -1, 7, -7, -8};
    uint8_t out[3];
    (void)state;

    mwi_pack_int4(q, 5, out);
    assert_int_equal(out[0], 0xf1);
    assert_int_equal(out[1], 0x97);
    assert_int_equal(out[2], 0x08);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_params),
        cmocka_unit_test(test_fake_quantize_is_idempotent),
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_least_error_scales),
        cmocka_unit_test(test_zero_channel),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_pack_int4),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
