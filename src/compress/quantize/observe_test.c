/* compress/quantize/observe_test.c - observers on distributions whose answers are known.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/observe.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "support.h"

enum { N = 100000 };

static double normal(mwi_rng *rng)
{
    double sum = 0;
    for (int i = 0; i < 12; i++) sum += mwi_rng_uniform(rng);
    return sum - 6;
}

static mwi_observer *observe(mw_ctx *ctx, mwi_arena *arena, const float *x, size_t n,
                             size_t per_run)
{
    mwi_observer *o;

    assert_ok(ctx, mwi_observer_create(ctx, arena, true, &o));
    for (size_t i = 0; i < n; i += per_run)
        assert_true(mwi_observer_add(o, x + i, n - i < per_run ? n - i : per_run));
    return o;
}

static mwi_range range_of(mw_calibration_method method, const mwi_observer *o, double percentile)
{
    return mwi_method_find(method)->range(o, 256, percentile);
}

/* Uniform in [-1, 3] with one outlier of 40. */
static void test_ranges(void **state)
{
    static float x[N];
    mw_ctx *const ctx = test_ctx();
    mwi_rng rng = {1};
    mwi_arena arena;
    (void)state;

    mwi_arena_init(ctx, &arena);
    for (size_t i = 0; i < N; i++) x[i] = (float)(mwi_rng_uniform(&rng) * 4 - 1);
    x[N / 2] = 40;
    const mwi_observer *const o = observe(ctx, &arena, x, N, 1000);
    mwi_range r = range_of(MW_CALIBRATE_MINMAX, o, 0);
    assert_true(fabs(r.min + 1) < 1e-3 && r.max == 40);
    r = range_of(MW_CALIBRATE_PERCENTILE, o, 99.9);
    assert_true(fabs(r.min + 0.996) < 0.02 && fabs(r.max - 2.996) < 0.02);
    r = range_of(MW_CALIBRATE_MSE, o,
                 0); /* the outlier's square weighs more than fine steps for the rest */
    assert_true(r.max > 20 && r.max <= 40 && r.min <= -0.9);
    r = range_of(MW_CALIBRATE_ENTROPY, o, 0);
    assert_true(r.max >= 2.9 && r.max < 20 && r.min < -0.9);
    r = range_of(MW_CALIBRATE_MOVING_AVERAGE, o, 0);
    assert_true(r.max > 2.9 && r.max < 4 && fabs(r.min + 1) < 0.01);
    mwi_arena_deinit(&arena);
    mw_ctx_destroy(ctx);
}

/* The histogram holds every value whatever the order in which magnitudes grow, and halves and
 * quarters of the whole lie where they should. */
static void test_histogram_grows(void **state)
{
    static float x[N];
    mw_ctx *const ctx = test_ctx();
    mwi_rng rng = {2};
    mwi_arena arena;
    (void)state;

    mwi_arena_init(ctx, &arena);
    for (size_t i = 0; i < N; i++) x[i] = (float)(normal(&rng) * (i < N / 2 ? 1e-3 : 1));
    const mwi_observer *const o = observe(ctx, &arena, x, N, 777);
    uint64_t sum = 0, negative = 0;
    for (int k = 0; k < 2 * MWI_OBSERVE_BINS; k++) sum += o->counts[k];
    for (int k = 0; k < MWI_OBSERVE_BINS; k++) negative += o->counts[k];
    assert_int_equal(sum, N);
    assert_true(fabs((double)negative / N - 0.5) < 0.01);
    assert_true(o->width * MWI_OBSERVE_BINS > 3 && o->width * MWI_OBSERVE_BINS < 16);
    const mwi_range r =
        range_of(MW_CALIBRATE_PERCENTILE, o, 97.725); /* 4.55% above in half of the values */
    assert_true(fabs(r.max - 1.69) < 0.05 && fabs(r.min + 1.69) < 0.05);
    mwi_arena_deinit(&arena);
    mw_ctx_destroy(ctx);
}

/* What the range of least error really gives, against min-max, on a normal distribution. */
static void test_least_error_is_less(void **state)
{
    static float x[N];
    mw_ctx *const ctx = test_ctx();
    mwi_rng rng = {3};
    mwi_arena arena;
    (void)state;

    mwi_arena_init(ctx, &arena);
    for (size_t i = 0; i < N; i++) x[i] = (float)normal(&rng);
    const mwi_observer *const o = observe(ctx, &arena, x, N, 1000);
    const double all = mwi_observer_error(o, range_of(MW_CALIBRATE_MINMAX, o, 0), 16);
    const double least =
        mwi_observer_error(o, mwi_method_find(MW_CALIBRATE_MSE)->range(o, 16, 0), 16);
    assert_true(least < all * 0.6);
    mwi_arena_deinit(&arena);
    mw_ctx_destroy(ctx);
}

static void test_edges(void **state)
{
    static const float zeros[8] = {0}, tiny[2] = {1e-42f, -1e-42f}, huge[2] = {3e38f, -3e38f};
    static const float bad[3] = {1, NAN, 2}, worse[2] = {INFINITY, 0};
    mw_ctx *const ctx = test_ctx();
    mwi_arena arena;
    (void)state;

    mwi_arena_init(ctx, &arena);
    const float *const sets[] = {zeros, tiny, huge};
    for (size_t s = 0; s < MWI_COUNT(sets); s++) {
        const mwi_observer *const o = observe(ctx, &arena, sets[s], 2, 2);
        for (size_t m = 0; mwi_methods[m] != NULL; m++) {
            const mwi_range r = mwi_methods[m]->range(o, 256, 99.99);
            assert_true(isfinite(r.min) && isfinite(r.max) && r.min <= r.max);
        }
    }
    mwi_observer *o;
    assert_ok(ctx, mwi_observer_create(ctx, &arena, true, &o));
    assert_false(mwi_observer_add(o, bad, 3));
    assert_false(mwi_observer_add(o, worse, 2));
    assert_int_equal(o->n, 0);
    assert_true(mwi_observer_add(o, zeros, 8) && mwi_observer_add(o, huge, 2) &&
                mwi_observer_add(o, tiny, 2));
    assert_int_equal(o->n, 12);
    mwi_arena_deinit(&arena);
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_histogram_grows),
        cmocka_unit_test(test_least_error_is_less),
        cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
