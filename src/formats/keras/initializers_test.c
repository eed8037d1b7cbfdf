/* formats/keras/initializers_test.c - distributions of first weights, by a seed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "formats/keras/initializers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A layer with this config; the caller destroys the config. */
static mwi_keras_layer layer_of(const char *class_name, const char *config)
{
    json_t *const json = json_loads(config, 0, NULL);

    assert_non_null(json);
    return (mwi_keras_layer){
        .name = "l", .path = "l", .class_name = class_name, .config = json, .keras_major = 2};
}

static float *make(const mwi_keras_layer *l, const char *weight, uint64_t seed, int32_t rank,
                   const int32_t *dims, size_t *n)
{
    mw_ctx *const ctx = test_ctx();
    const mwi_keras_weight_rule rule = {.name = weight};

    assert_true(mwi_dims_count(rank, dims, n));
    float *const v = malloc(*n * sizeof *v);
    assert_non_null(v);
    assert_ok(ctx, mwi_keras_initialize(ctx, l, &rule, seed, rank, dims, v));
    mw_ctx_destroy(ctx);
    return v;
}

static void distributions_are_those_of_keras(void **state)
{
    /* For a kernel [3, 3, 40, 80]: fan_in 360, fan_out 720. */
    static const int32_t dims[] = {3, 3, 40, 80};
    static const struct {
        const char *config;
        double mean, deviation, limit; /* limit 0: none */
    } cases[] = {
        {"{}", 0, 0.0430331, 0.0745356}, /* glorot_uniform: sqrt(6 / 1080) / sqrt(3) */
        {"{'kernel_initializer': 'zeros'}", 0, 0, 0},
        {"{'kernel_initializer': 'Ones'}", 1, 0, 1},
        {"{'kernel_initializer': {'class_name': 'Constant', 'config': {'value': 2.5}}}", 2.5, 0,
         2.5},
        {"{'kernel_initializer': 'glorot_normal'}", 0, 0.0430331, 0.0978441},
        {"{'kernel_initializer': {'class_name': 'HeNormal', 'config': {'seed': null}}}", 0,
         0.0745356, 0.1694709},
        {"{'kernel_initializer': 'he_uniform'}", 0, 0.0745356, 0.1290994},
        {"{'kernel_initializer': 'lecun_normal'}", 0, 0.0527046, 0.1198340},
        {"{'kernel_initializer': {'class_name': 'RandomNormal', 'config': {'mean': 1.0, 'stddev': "
         "0.2}}}",
         1, 0.2, 0},
        {"{'kernel_initializer': {'class_name': 'TruncatedNormal', 'config': {'mean': 0.0, "
         "'stddev': 1.0}}}",
         0, 0.8796256, 2},
        {"{'kernel_initializer': {'class_name': 'RandomUniform', 'config': {'minval': 0.0, "
         "'maxval': 1.0}}}",
         0.5, 0.2886751, 1},
        {"{'kernel_initializer': {'class_name': 'VarianceScaling', 'config': {'scale': 2.0, "
         "'mode': "
         "'fan_out', 'distribution': 'untruncated_normal'}}}",
         0, 0.0527046, 0},
    };

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        char config[300];
        double sum = 0, square = 0, most = 0;
        size_t n;
        (void)snprintf(config, sizeof config, "%s", cases[i].config);
        for (char *p = config; *p != '\0'; p++)
            if (*p == '\'') *p = '"';
        const mwi_keras_layer l = layer_of("Conv2D", config);
        float *const v = make(&l, "kernel|W", 5, 4, dims, &n);
        for (size_t k = 0; k < n; k++) {
            sum += (double)v[k];
            most = fmax(most, fabs((double)v[k]));
        }
        for (size_t k = 0; k < n; k++) square += pow((double)v[k] - sum / (double)n, 2);
        const double deviation = sqrt(square / (double)n), slack = 0.01 * cases[i].deviation + 1e-7;
        if (fabs(sum / (double)n - cases[i].mean) > 3 * slack ||
            fabs(deviation - cases[i].deviation) > slack ||
            (cases[i].limit > 0 && most > cases[i].limit * 1.000001))
            fail_msg("%s: mean %g, deviation %g, most %g", cases[i].config, sum / (double)n,
                     deviation, most);
        free(v);
        json_decref((json_t *)(uintptr_t)l.config);
    }
}

static void orthogonal_is_orthogonal(void **state)
{
    static const int32_t shapes[][2] = {{20, 8}, {8, 20}, {9, 9}};

    (void)state;
    for (size_t s = 0; s < 3; s++) {
        const mwi_keras_layer l = layer_of("LSTM", "{}");
        const int32_t rows = shapes[s][0], columns = shapes[s][1];
        size_t n;
        float *const v = make(&l, "recurrent_kernel", 1, 2, shapes[s], &n);
        const bool tall = rows >= columns;
        const int32_t few = tall ? columns : rows, many = tall ? rows : columns;
        for (int32_t a = 0; a < few; a++)
            for (int32_t b = 0; b < few; b++) {
                double dot = 0;
                for (int32_t k = 0; k < many; k++)
                    dot += tall ? (double)v[k * columns + a] * (double)v[k * columns + b]
                                : (double)v[a * columns + k] * (double)v[b * columns + k];
                assert_true(fabs(dot - (a == b)) < 1e-5);
            }
        free(v);
        json_decref((json_t *)(uintptr_t)l.config);
    }
}

static void small_weights_have_keras_s_defaults(void **state)
{
    static const int32_t dims[] = {8};
    static const struct {
        const char *class_name, *config, *weight;
        float want[8];
    } cases[] = {
        {"Dense", "{}", "bias|b", {0}},
        {"LSTM", "{}", "bias", {0, 0, 1, 1, 0, 0, 0, 0}},
        {"LSTM", "{\"unit_forget_bias\": false}", "bias", {0}},
        {"BatchNormalization", "{}", "gamma", {1, 1, 1, 1, 1, 1, 1, 1}},
        {"BatchNormalization", "{}", "moving_variance|running_std", {1, 1, 1, 1, 1, 1, 1, 1}},
        {"BatchNormalization",
         "{\"beta_initializer\": \"ones\"}",
         "beta",
         {1, 1, 1, 1, 1, 1, 1, 1}},
    };

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        const mwi_keras_layer l = layer_of(cases[i].class_name, cases[i].config);
        size_t n;
        float *const v = make(&l, cases[i].weight, 1, 1, dims, &n);
        assert_memory_equal(v, cases[i].want, sizeof cases[i].want);
        free(v);
        json_decref((json_t *)(uintptr_t)l.config);
    }
}

static void seeds_and_names_tell_weights_apart(void **state)
{
    static const int32_t dims[] = {4, 4};
    mwi_keras_layer l = layer_of("Dense", "{}");
    size_t n;
    float *const a = make(&l, "kernel|W", 1, 2, dims, &n);
    float *const b = make(&l, "kernel|W", 1, 2, dims, &n);
    float *const c = make(&l, "kernel|W", 2, 2, dims, &n);
    l.path = "m";
    float *const d = make(&l, "kernel|W", 1, 2, dims, &n);

    (void)state;
    assert_memory_equal(a, b, n * sizeof *a);
    assert_memory_not_equal(a, c, n * sizeof *a);
    assert_memory_not_equal(a, d, n * sizeof *a);
    free(a);
    free(b);
    free(c);
    free(d);
    json_decref((json_t *)(uintptr_t)l.config);
}

static void what_is_not_known_is_named(void **state)
{
    mw_ctx *const ctx = test_ctx();
    static const int32_t dims[] = {4, 4};
    const mwi_keras_weight_rule rule = {.name = "kernel|W"};
    const mwi_keras_layer l = layer_of("Dense", "{\"kernel_initializer\": \"my_own\"}");
    float v[16];

    (void)state;
    assert_int_equal(mwi_keras_initialize(ctx, &l, &rule, 0, 2, dims, v), MW_EUNSUPPORTED);
    assert_non_null(strstr(mw_ctx_error(ctx), "my_own"));
    json_decref((json_t *)(uintptr_t)l.config);
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distributions_are_those_of_keras),
        cmocka_unit_test(orthogonal_is_orthogonal),
        cmocka_unit_test(small_weights_have_keras_s_defaults),
        cmocka_unit_test(seeds_and_names_tell_weights_apart),
        cmocka_unit_test(what_is_not_known_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
