/* evaluate/evaluate_test.c - figures on data and models of a few numbers.
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph_builder.h"
#include "support.h"

#include "base/rng.h"
#include "data/source.h"
#include "evaluate/figures.h"

#include <milliwatt/evaluate.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- data held in memory ---- */

static mw_status read_floats(mw_ctx *ctx, mwi_column *c, uint64_t first, size_t count, void *out)
{
    (void)ctx;
    memcpy(out, (const char *)c->self + first * c->sample_bytes, count * c->sample_bytes);
    return MW_OK;
}

static mwi_column column(mw_dtype dtype, int32_t size, uint64_t n, const void *data)
{
    return (mwi_column){.name = "x",
                        .dtype = dtype,
                        .rank = size == 1 && dtype != MW_FLOAT32 ? 0 : 1,
                        .dims = {size},
                        .n_samples = n,
                        .sample_bytes = (size_t)size * mw_dtype_bits(dtype) / 8,
                        .read = read_floats,
                        .self = (void *)(uintptr_t)data};
}

typedef struct memory_data {
    mwi_column in, labels;
    mw_dataset set;
} memory_data;

static mw_dataset *set_of(memory_data *d, bool labelled)
{
    d->set = (mw_dataset){.path = "memory",
                          .inputs = &d->in,
                          .n_inputs = 1,
                          .labels = labelled ? &d->labels : NULL,
                          .scale = 1};
    return &d->set;
}

/* ---- models ---- */

/* y = x W^T, n_in values to n_out. */
static mw_model *linear(mw_ctx *ctx, int32_t n_in, int32_t n_out, const float *w)
{
    builder b = builder_open(ctx);
    const int32_t x = builder_value(&b, DIMS(1, n_in)),
                  weights = builder_floats(&b, DIMS(n_out, n_in), w);
    const int32_t y = builder_value(&b, DIMS(1, n_out));
    (void)builder_op(&b, "FULLY_CONNECTED", TENSORS(x, weights, -1), &y, 1);
    return builder_close(&b, &x, 1, &y, 1);
}

static mw_evaluation evaluate(mw_ctx *ctx, const mw_model *m, mw_dataset *set,
                              const mw_model *against)
{
    static const uint32_t batches[] = {1, 3, 64};
    mw_evaluation all[MWI_COUNT(batches)];

    for (size_t i = 0; i < MWI_COUNT(batches); i++) {
        const mw_evaluate_options o = {.against = against, .batch = batches[i]};
        assert_ok(ctx, mw_evaluate(ctx, m, set, &o, &all[i]));
        assert_true(all[i].median_us >= 0 && all[i].p99_us >= all[i].median_us);
        all[i].median_us = all[i].p99_us = 0;
        assert_memory_equal(&all[i], &all[0], sizeof all[0]);
    }
    return all[0];
}

static bool near(double a, double b) { return fabs(a - b) < 1e-9; }

/* ---- tests ---- */

static void classes_are_ranked(void **state)
{
    /* Outputs x0, x1, 0: the third class never beats a positive one; equal values go to the first.
     */
    static const float w[] = {1, 0, 0, 1, 0, 0}, x[] = {2, 1, 1, 2, 1, 1, -1, -2, -3, -3};
    static const int64_t y[] = {0, 1, 1, 2, 0};
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = linear(ctx, 2, 3, w);
    memory_data d = {.in = column(MW_FLOAT32, 2, 5, x), .labels = column(MW_INT64, 1, 5, y)};

    (void)state;
    mw_evaluation r = evaluate(ctx, m, set_of(&d, true), NULL);
    assert_int_equal(r.samples, 5);
    assert_true(near(r.top1, 0.6)); /* 0 1 0 2 2 against 0 1 1 2 0 */
    assert_true(isnan(r.top5) && isnan(r.auc) && isnan(r.mse) && isnan(r.agreement) &&
                isnan(r.sqnr_db));
    r = evaluate(ctx, m, set_of(&d, false), NULL);
    assert_true(isnan(r.top1) && isnan(r.mse));

    static const float hot[] = {1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0};
    d.labels = column(MW_FLOAT32, 3, 5, hot);
    r = evaluate(ctx, m, set_of(&d, true), NULL);
    assert_true(near(r.top1, 0.6) && isnan(r.mse));

    static const float whole[] = {0, 1, 1, 2, 0}; /* as CSV gives them */
    d.labels = column(MW_FLOAT32, 1, 5, whole);
    assert_true(near(evaluate(ctx, m, set_of(&d, true), NULL).top1, 0.6));
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

static void top5_counts_the_first_five(void **state)
{
    static const float w[] = {1, 2, 3, 4, 5, 6, 7}, x[] = {1, -1};
    static const uint8_t y[] = {2, 0};
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = linear(ctx, 1, 7, w);
    memory_data d = {.in = column(MW_FLOAT32, 1, 2, x), .labels = column(MW_UINT8, 1, 2, y)};
    mw_evaluation r = evaluate(ctx, m, set_of(&d, true), NULL);

    (void)state;
    assert_true(near(r.top1, 0.5) && near(r.top5, 1.0));
    static const uint8_t z[] = {1, 6};
    d.labels = column(MW_UINT8, 1, 2, z);
    r = evaluate(ctx, m, set_of(&d, true), NULL);
    assert_true(near(r.top1, 0) && near(r.top5, 0));
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

static void binary_labels_give_an_auc(void **state)
{
    static const float one[] = {1}, two[] = {-1, 1}, x[] = {0.1f, 0.4f, 0.35f, 0.8f};
    static const uint8_t y[] = {0, 0, 1, 1};
    static const float real[] = {0, 0, 1, 1};
    mw_ctx *const ctx = test_ctx();
    mw_model *const single = linear(ctx, 1, 1, one), *const pair = linear(ctx, 1, 2, two);
    memory_data d = {.in = column(MW_FLOAT32, 1, 4, x), .labels = column(MW_UINT8, 1, 4, y)};

    (void)state;
    mw_evaluation r = evaluate(ctx, single, set_of(&d, true), NULL);
    assert_true(near(r.auc, 0.75) && isnan(r.mse) && isnan(r.top1));
    r = evaluate(ctx, pair, set_of(&d, true), NULL);
    assert_true(near(r.auc, 0.75) && near(r.top1, 0.5));
    d.labels = column(MW_FLOAT32, 1, 4, real);
    r = evaluate(ctx, single, set_of(&d, true), NULL);
    assert_true(near(r.auc, 0.75) && r.mse > 0);
    static const float nan_x[] = {0.1f, NAN, 0.35f, 0.8f};
    d.in = column(MW_FLOAT32, 1, 4, nan_x);
    r = evaluate(ctx, single, set_of(&d, true), NULL);
    assert_true(isnan(r.auc));
    mw_model_destroy(single);
    mw_model_destroy(pair);
    mw_ctx_destroy(ctx);
}

static void targets_give_a_squared_error(void **state)
{
    static const float w[] = {1, 0, 0, 1}, x[] = {1, 2, 3, 4}, y[] = {1.5f, 2, 3, 2};
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = linear(ctx, 2, 2, w);
    memory_data d = {.in = column(MW_FLOAT32, 2, 2, x), .labels = column(MW_FLOAT32, 2, 2, y)};
    mw_evaluation r = evaluate(ctx, m, set_of(&d, true), NULL);

    (void)state;
    assert_true(near(r.mse, (0.25 + 4) / 4) && isnan(r.top1) && isnan(r.auc));
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

static void autoencoders_are_scored_by_reconstruction(void **state)
{
    /* Keeps the first two of three values, loses the third. */
    static const float w[] = {1, 0, 0, 0, 1, 0, 0, 0, 0},
                       x[] = {5, 6, 0, 1, 2, 3, 7, 8, 1, 1, 1, -2};
    static const uint8_t y[] = {0, 1, 1, 0}, classes[] = {0, 1, 2, 0};
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = linear(ctx, 3, 3, w);
    memory_data d = {.in = column(MW_FLOAT32, 3, 4, x), .labels = column(MW_UINT8, 1, 4, y)};

    (void)state;
    mw_evaluation r = evaluate(ctx, m, set_of(&d, true), NULL);
    assert_true(near(r.mse, (9.0 + 1 + 4) / 3 / 4));
    assert_true(near(r.auc, 0.75)); /* errors 0 3 1/3 4/3 */
    assert_true(isnan(r.top1));
    r = evaluate(ctx, m, set_of(&d, false), NULL);
    assert_true(near(r.mse, (9.0 + 1 + 4) / 3 / 4) && isnan(r.auc));
    d.labels = column(MW_UINT8, 1, 4, classes); /* more than two: a classifier after all */
    r = evaluate(ctx, m, set_of(&d, true), NULL);
    assert_true(near(r.top1, 0.5) && isnan(r.mse) && isnan(r.auc)); /* 1 1 1 0 against 0 1 2 0 */
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

/* An int8 model that gives its input back, at scale 0.5 and zero point 3. */
static mw_model *int8_identity(mw_ctx *ctx)
{
    builder b = builder_open(ctx);
    const int32_t x = builder_typed(&b, MW_INT8, DIMS(1, 4)),
                  y = builder_typed(&b, MW_INT8, DIMS(1, 4));
    const int32_t shape = builder_ints(&b, DIMS(2), (const int32_t[]){-1, 4});
    const mwi_quant *q;

    (void)builder_op(&b, "RESHAPE", TENSORS(x, shape), &y, 1);
    assert_ok(ctx, mwi_quant_per_tensor(ctx, b.model, 0.5f, 3, &q));
    b.graph->tensors[x]->quant = b.graph->tensors[y]->quant = q;
    return builder_close(&b, &x, 1, &y, 1);
}

static void models_of_other_types_are_compared(void **state)
{
    static const float w[] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1},
                       x[] = {1, 2, 3, 4.2f, 1.1f, 0, 0, 1};
    mw_ctx *const ctx = test_ctx();
    mw_model *const f = linear(ctx, 4, 4, w), *const q = int8_identity(ctx);
    memory_data d = {.in = column(MW_FLOAT32, 4, 2, x)};

    (void)state;
    mw_evaluation r = evaluate(ctx, q, set_of(&d, false), f);
    /* 4.2 becomes 4.0, 1.1 becomes 1.0; then the last of the second sample is as large as its
     * first. */
    const double signal = 1 + 4 + 9 + (double)(4.2f * 4.2f) + (double)(1.1f * 1.1f) + 1;
    const double noise = (double)((4.2f - 4) * (4.2f - 4)) + (double)((1.1f - 1) * (1.1f - 1));
    assert_true(fabs(r.sqnr_db - 10 * log10(signal / noise)) < 1e-4);
    assert_true(near(r.agreement, 1));
    r = evaluate(ctx, f, set_of(&d, false), f);
    assert_true(isinf(r.sqnr_db) && near(r.agreement, 1));
    mw_model_destroy(f);
    mw_model_destroy(q);
    mw_ctx_destroy(ctx);
}

static void samples_start_from_fresh_state(void **state)
{
    static const float x[] = {1, 2, 3, 4, 5}, y[] = {1, 2, 3, 4, 5};
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t in = builder_value(&b, DIMS(1, 1)), sum = builder_state(&b, DIMS(1, 1));

    (void)state;
    (void)builder_op(&b, "ADD", TENSORS(in, sum), &sum, 1);
    const int32_t out = builder_apply(&b, "RELU", &sum, 1);
    mw_model *const m = builder_close(&b, &in, 1, &out, 1);
    memory_data d = {.in = column(MW_FLOAT32, 1, 5, x), .labels = column(MW_FLOAT32, 1, 5, y)};
    assert_true(evaluate(ctx, m, set_of(&d, true), NULL).mse == 0);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

static void outputs_without_a_batch_dimension_work(void **state)
{
    static const float x[] = {1, 5, 2, 7, 1, 1};
    static const uint8_t y[] = {1, 0};
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t in = builder_value(&b, DIMS(1, 3)), out = builder_value(&b, DIMS(3));
    const int32_t shape = builder_ints(&b, DIMS(1), (const int32_t[]){3});

    (void)state;
    (void)builder_op(&b, "RESHAPE", TENSORS(in, shape), &out, 1);
    mw_model *const m = builder_close(&b, &in, 1, &out, 1);
    memory_data d = {.in = column(MW_FLOAT32, 3, 2, x), .labels = column(MW_UINT8, 1, 2, y)};
    assert_true(near(evaluate(ctx, m, set_of(&d, true), NULL).top1, 1));
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

static bool stop(void *self, const char *what, uint64_t done, uint64_t total)
{
    (void)what, (void)total;
    return done < *(uint64_t *)self;
}

static void what_does_not_fit_is_refused(void **state)
{
    static const float w[] = {1, 0, 0, 1, 0, 0}, x[] = {2, 1, 1, 2};
    static const int64_t y[] = {0, 3};
    uint64_t last = 1;
    mw_ctx *ctx;
    mw_evaluation r;

    (void)state;
    assert_int_equal(
        mw_ctx_create(&(mw_ctx_options){.progress = stop, .progress_self = &last}, &ctx), MW_OK);
    mw_model *const m = linear(ctx, 2, 3, w), *const other = linear(ctx, 2, 2, w);
    memory_data d = {.in = column(MW_FLOAT32, 2, 2, x), .labels = column(MW_INT64, 1, 2, y)};
    assert_int_equal(mw_evaluate(ctx, m, set_of(&d, false), NULL, &r), MW_ECANCELLED);
    mw_ctx_clear(ctx);
    last = 1000;
    assert_int_equal(mw_evaluate(ctx, m, set_of(&d, true), NULL, &r), MW_EINVAL);
    assert_non_null(strstr(mw_ctx_error(ctx), "label of sample 1 is 3"));
    mw_ctx_clear(ctx);
    d.labels = column(MW_FLOAT32, 2, 2, x);
    assert_int_equal(mw_evaluate(ctx, m, set_of(&d, true), NULL, &r), MW_EINVAL);
    mw_ctx_clear(ctx);
    assert_int_equal(
        mw_evaluate(ctx, m, set_of(&d, false), &(mw_evaluate_options){.against = other}, &r),
        MW_EINVAL);
    mw_ctx_clear(ctx);
    d.in = column(MW_FLOAT32, 1, 2, x);
    assert_int_equal(mw_evaluate(ctx, m, set_of(&d, false), NULL, &r), MW_EINVAL);
    mw_ctx_clear(ctx);
    mw_model_destroy(m);
    mw_model_destroy(other);
    assert_int_equal(mw_ctx_memory_bytes(ctx), 0);
    mw_ctx_destroy(ctx);
}

/* ---- figures ---- */

static void auc_is_the_share_of_ordered_pairs(void **state)
{
    mwi_rng rng = {5};

    (void)state;
    for (int turn = 0; turn < 50; turn++) {
        mwi_scored list[60];
        const size_t n = 2 + mwi_rng_below(&rng, 58);
        double pairs = 0, ordered = 0;
        for (size_t i = 0; i < n; i++) /* with ties */
            list[i] = (mwi_scored){(double)mwi_rng_below(&rng, 12), mwi_rng_below(&rng, 3) == 0};
        for (size_t i = 0; i < n; i++) {
            for (size_t k = 0; k < n; k++) {
                if (!list[i].positive || list[k].positive) continue;
                pairs += 1;
                ordered += list[i].score > list[k].score    ? 1
                           : list[i].score == list[k].score ? 0.5
                                                            : 0;
            }
        }
        const double got = mwi_auc(list, n);
        assert_true(pairs == 0 ? isnan(got) : near(got, ordered / pairs));
    }
}

static void times_are_kept_in_bounded_memory(void **state)
{
    mwi_times *const t = calloc(1, sizeof *t);

    (void)state;
    assert_non_null(t);
    assert_true(isnan(mwi_times_percentile(t, 0.5)));
    for (int i = 100; i >= 1; i--) mwi_times_add(t, i);
    assert_true(mwi_times_percentile(t, 0.5) == 50);
    assert_true(mwi_times_percentile(t, 0.99) == 99);
    assert_true(mwi_times_percentile(t, 1) == 100);
    assert_true(mwi_times_percentile(t, 0) == 1);
    memset(t, 0, sizeof *t);
    for (int i = 0; i < 10 * MWI_MAX_TIMES; i++) mwi_times_add(t, i);
    const double middle = mwi_times_percentile(t, 0.5) / (10 * MWI_MAX_TIMES);
    assert_true(middle > 0.48 && middle < 0.52);
    free(t);
}

/* A model that is broken for some samples: they are counted, and are wrong. */
static void outputs_that_are_not_finite_are_counted(void **state)
{
    static const float w[] = {1, 0, 0, 1, 0, 0};
    static const float x[] = {2, 1, (float)NAN, 2, 1, 2, (float)INFINITY, 0};
    static const int64_t y[] = {0, 0, 1, 0};
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = linear(ctx, 2, 3, w);
    memory_data d = {.in = column(MW_FLOAT32, 2, 4, x), .labels = column(MW_INT64, 1, 4, y)};

    (void)state;
    for (size_t batch = 1; batch <= 4; batch += 3) {
        mw_evaluation r;
        const mw_evaluate_options o = {.against = m, .batch = (uint32_t)batch};
        assert_ok(ctx, mw_evaluate(ctx, m, set_of(&d, true), &o, &r));
        assert_int_equal(r.samples, 4);
        assert_int_equal(r.non_finite, 2);
        assert_int_equal(r.non_finite_inputs, 2);
        assert_int_equal(r.applies, MW_FIGURE_TOP1 | MW_FIGURE_AGREEMENT | MW_FIGURE_SQNR);
        assert_true(near(r.top1, 0.5) && near(r.agreement, 0.5));
        assert_true(isnan(r.sqnr_db) && !r.exact);
    }
    d.in.n_samples = d.labels.n_samples = 1;
    mw_evaluation r;
    assert_ok(ctx, mw_evaluate(ctx, m, set_of(&d, true), &(mw_evaluate_options){.against = m}, &r));
    assert_true(r.exact && isinf(r.sqnr_db) && r.non_finite == 0 && r.non_finite_inputs == 0);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_are_ranked),
        cmocka_unit_test(top5_counts_the_first_five),
        cmocka_unit_test(binary_labels_give_an_auc),
        cmocka_unit_test(targets_give_a_squared_error),
        cmocka_unit_test(autoencoders_are_scored_by_reconstruction),
        cmocka_unit_test(models_of_other_types_are_compared),
        cmocka_unit_test(samples_start_from_fresh_state),
        cmocka_unit_test(outputs_without_a_batch_dimension_work),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(auc_is_the_share_of_ordered_pairs),
        cmocka_unit_test(times_are_kept_in_bounded_memory),
        cmocka_unit_test(outputs_that_are_not_finite_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
