/* compress/cluster/cluster_test.c - k-means on a line, and clustered models.
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph_text.h"
#include "support.h"

#include "compress/cluster/kmeans.h"

#include <milliwatt/milliwatt.h>

#include <math.h>
#include <string.h>

static void clusters_that_are_apart_are_found(void **state)
{
    mw_ctx *const ctx = test_ctx();
    static const float given[] = {-4.25F, -3.75F, -4, 1.25F, 1, 0.75F, 16.5F, 15.5F, 0};
    static const float want[] = {-4, -4, -4, 1, 1, 1, 16, 16, 0};

    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        float values[MWI_COUNT(given)];
        mwi_rng rng = {seed};
        memcpy(values, given, sizeof given);
        assert_ok(ctx, mwi_kmeans(ctx, values, MWI_COUNT(values), 4, true, &rng));
        for (size_t i = 0; i < MWI_COUNT(values); i++) assert_float_equal(values[i], want[i], 0);
    }
    mw_ctx_destroy(ctx);
}

static void few_values_stay_as_they_are(void **state)
{
    mw_ctx *const ctx = test_ctx();
    float values[] = {2, 0, 2, 0.5F}, zeros[] = {0, 0};
    mwi_rng rng = {1};

    (void)state;
    assert_ok(ctx, mwi_kmeans(ctx, values, 4, 16, true, &rng));
    assert_float_equal(values[0] + values[2], 4, 0);
    assert_float_equal(values[1], 0, 0);
    assert_float_equal(values[3], 0.5F, 0);
    assert_ok(ctx, mwi_kmeans(ctx, zeros, 2, 2, true, &rng));
    values[0] = (float)NAN;
    assert_int_equal(mwi_kmeans(ctx, values, 4, 2, false, &rng), MW_EINVAL);
    mw_ctx_destroy(ctx);
}

static void each_value_goes_to_the_nearest(void **state)
{
    static const float centres[] = {-2, 0, 1, 8};
    static const struct {
        float value;
        uint32_t want;
    } rows[] = {{-9, 0}, {-1, 0}, {-0.9F, 1}, {0.5F, 1}, {0.6F, 2}, {4.5F, 2}, {4.6F, 3}, {99, 3}};

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(rows); i++)
        assert_int_equal(mwi_nearest_centre(centres, MWI_COUNT(centres), rows[i].value),
                         rows[i].want);
    assert_int_equal(mwi_nearest_centre(centres, 1, 5), 0);
}

static const char layers[] = "x = input f32 [1,6,6,8]\n"
                             "k = const f32 [16,3,3,8]\n"
                             "y = CONV_2D x k - padding=SAME\n"
                             "w = const f32 [10,576]\n"
                             "z = FULLY_CONNECTED y w -\n"
                             "out z\n";

static void kernels_have_as_many_values_as_asked_for(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = graph_from_text(ctx, layers, 5), *pruned, *c;
    static const uint32_t numbers[] = {2, 3, 16, 256};
    mw_prune_report r;

    (void)state;
    assert_ok(ctx, mw_prune(ctx, m, &(mw_prune_options){.sparsity = 0.6}, &pruned, NULL));
    for (size_t i = 0; i < 2 * MWI_COUNT(numbers); i++) {
        const mw_cluster_options o = {
            .clusters = numbers[i / 2], .per_channel = i % 2 == 1, .keep_zeros = true};
        assert_ok(ctx, mw_cluster(ctx, pruned, &o, &c, &r));
        for (size_t k = 0; k < r.n_layers; k++) {
            assert_true(r.layers[k].n_values >= 2 && r.layers[k].n_values <= o.clusters);
            assert_true(fabs((double)r.layers[k].n_zero - 0.6 * (double)r.layers[k].n) < 1);
        }
        mw_prune_report_free(&r);
        mw_model_destroy(c);
    }
    assert_int_equal(mw_cluster(ctx, m, &(mw_cluster_options){.clusters = 1}, &c, NULL), MW_EINVAL);
    assert_int_equal(mw_cluster(ctx, m, &(mw_cluster_options){.clusters = 257}, &c, NULL),
                     MW_EINVAL);
    mw_model_destroy(pruned);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

/* More values are nearer to the model; the same seed gives the same. */
static void error_falls_with_the_number(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = graph_from_text(ctx, layers, 5), *a, *b;

    (void)state;
    static const struct {
        uint32_t clusters;
        double tolerance;
    } rows[] = {{4, 0.5}, {16, 0.1}, {64, 0.03}, {256, 0.01}};
    for (size_t i = 0; i < MWI_COUNT(rows); i++) {
        const mw_cluster_options o = {.clusters = rows[i].clusters, .seed = 3};
        assert_ok(ctx, mw_cluster(ctx, m, &o, &a, NULL));
        assert_ok(ctx, mw_cluster(ctx, m, &o, &b, NULL));
        assert_null(models_differ(ctx, a, b, 1, 0, 1, 1));
        assert_null(models_differ(ctx, a, m, 3, rows[i].tolerance, 1, 1));
        mw_model_destroy(a);
        mw_model_destroy(b);
    }
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clusters_that_are_apart_are_found),
        cmocka_unit_test(few_values_stay_as_they_are),
        cmocka_unit_test(each_value_goes_to_the_nearest),
        cmocka_unit_test(kernels_have_as_many_values_as_asked_for),
        cmocka_unit_test(error_falls_with_the_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
