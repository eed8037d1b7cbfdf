/* train/optimizer_test.c - optimizers, clipping and schedules against the numbers of Keras 3.15 and
 * tf_keras 2.21, which agree to the bit on these.
 * SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "train/run.h"
#include "train/schedule.h"

#include <math.h>
#include <string.h>

enum { N = 3, STEPS = 5 };
static const float start[N] = {1.0f, -0.5f, 0.25f};
static const float gradients[STEPS][N] = {{0.5f, -2.0f, 0.001f},
                                          {0.25f, 1.5f, -0.002f},
                                          {-1.0f, 0.0f, 0.0005f},
                                          {3.0f, -0.125f, 0.0f},
                                          {0.1f, 0.2f, 0.3f}};

static const struct {
    const char *name;
    mw_train_options o;
    double want[N];
} cases[] = {
    {"adam",
     {.optimizer = MW_OPTIMIZER_ADAM, .learning_rate = 0.001},
     {0.997366786, -0.49872756, 0.249072313}},
    {"adam, 0.1",
     {.optimizer = MW_OPTIMIZER_ADAM, .learning_rate = 0.1},
     {0.736678123, -0.37275371, 0.157231539}},
    {"adamw",
     {.optimizer = MW_OPTIMIZER_ADAMW, .learning_rate = 0.001},
     {0.997346818, -0.498717576, 0.249067321}},
    {"adamw, 0.1",
     {.optimizer = MW_OPTIMIZER_ADAMW, .learning_rate = 0.01, .weight_decay = 0.1},
     {0.968746424, -0.484825224, 0.239500657}},
    {"sgd",
     {.optimizer = MW_OPTIMIZER_SGD, .learning_rate = 0.01},
     {0.971500099, -0.49574998, 0.247005001}},
    {"sgd, momentum",
     {.optimizer = MW_OPTIMIZER_SGD, .learning_rate = 0.01, .momentum = 0.9},
     {0.940026999, -0.469308019, 0.247014284}},
    {"sgd, nesterov",
     {.optimizer = MW_OPTIMIZER_SGD, .learning_rate = 0.01, .momentum = 0.9, .nesterov = true},
     {0.917524219, -0.468127251, 0.244317845}},
};

static void steps_are_those_of_keras(void **state)
{
    (void)state;
    for (size_t c = 0; c < MWI_COUNT(cases); c++) {
        const mwi_optimizer_desc *const optimizer = mwi_optimizer_find(cases[c].o.optimizer);
        float w[N], m[N] = {0}, v[N] = {0};
        memcpy(w, start, sizeof w);
        assert_true(optimizer->n_slots(&cases[c].o) <= 2);
        for (uint64_t s = 0; s < STEPS; s++) {
            const mwi_update u = {.value = w,
                                  .gradient = gradients[s],
                                  .slots = {m, v},
                                  .learning_rate = (float)cases[c].o.learning_rate,
                                  .step = s + 1,
                                  .options = &cases[c].o};
            optimizer->update(&u, 0, 1); /* pieces as threads take them */
            optimizer->update(&u, 1, N);
        }
        for (size_t i = 0; i < N; i++)
            if (fabs((double)w[i] - cases[c].want[i]) > 1.5e-7)
                fail_msg("%s: weight %zu is %.9g, Keras has %.9g", cases[c].name, i, (double)w[i],
                         cases[c].want[i]);
    }
}

/* ---- clipping and regularisers ---- */

static void clip(mw_train_options o, float *a, float *b)
{
    mwi_param pa = {.n = 3, .gradient = a, .value = a, .trainable = true};
    mwi_param pb = {.n = 2, .gradient = b, .value = b, .trainable = true};
    mwi_param *params[] = {&pa, &pb};
    mw_trainer t = {.options = o, .graph = {.params = params, .n_params = 2}};
    double penalty;

    mwi_gradients_finish(&t, &penalty);
    assert_true(penalty == 0);
}

static void clipping_is_that_of_keras(void **state)
{
    static const struct {
        mw_train_options o;
        double a[3], b[2]; /* 1 - w of SGD with a rate of 1 */
    } rows[] = {
        {{.clip_norm = 0.5}, {0.1212678, -0.48507121, 0.00024253}, {0.1, -0.2}},
        {{.clip_global_norm = 0.5}, {0.1205607, -0.48224276, 0.00024112}, {0.0241121, -0.0482243}},
        {{.clip_value = 0.5}, {0.5, -0.5, 0.001}, {0.1, -0.2}},
    };

    (void)state;
    for (size_t r = 0; r < MWI_COUNT(rows); r++) {
        float a[3] = {0.5f, -2.0f, 0.001f}, b[2] = {0.1f, -0.2f};
        clip(rows[r].o, a, b);
        for (size_t i = 0; i < 3; i++) assert_true(fabs((double)a[i] - rows[r].a[i]) < 2e-7);
        for (size_t i = 0; i < 2; i++) assert_true(fabs((double)b[i] - rows[r].b[i]) < 2e-7);
    }
}

static void parts_of_a_weight_are_clipped_together(void **state)
{
    static const int weight = 0;
    float a[] = {3}, b[] = {4}, c[] = {5};
    mwi_param p[] = {{.n = 1, .gradient = a, .value = a, .trainable = true, .stored = &weight},
                     {.n = 1, .gradient = c, .value = c, .trainable = true},
                     {.n = 1, .gradient = b, .value = b, .trainable = true, .stored = &weight}};
    mwi_param *params[] = {&p[0], &p[1], &p[2]};
    mw_trainer t = {.options = {.clip_norm = 1}, .graph = {.params = params, .n_params = 3}};
    double penalty;

    (void)state;
    mwi_gradients_finish(&t, &penalty);
    assert_true(fabs((double)a[0] - 0.6) < 1e-6 && fabs((double)b[0] - 0.8) < 1e-6);
    assert_true(c[0] == 1);
}

static void regularisers_add_their_slopes(void **state)
{
    float value[] = {2, -3, 0}, gradient[] = {1, 1, 1};
    mwi_param p = {
        .n = 3, .gradient = gradient, .value = value, .trainable = true, .l1 = 0.5f, .l2 = 0.25f};
    mwi_param *params[] = {&p};
    mw_trainer t = {.graph = {.params = params, .n_params = 1}};
    double penalty;

    (void)state;
    mwi_gradients_finish(&t, &penalty);
    assert_true(penalty == 0.5 * 5 + 0.25 * 13);
    assert_true(gradient[0] == 1 + 0.5f + 1 && gradient[1] == 1 - 0.5f - 1.5f && gradient[2] == 1);
}

/* ---- schedules ---- */

static void schedules_are_those_of_keras(void **state)
{
    static const struct {
        mw_train_options o;
        double progress;
        uint64_t step;
        double want;
    } rows[] = {
        {{.schedule = MW_SCHEDULE_CONSTANT}, 0.9, 90, 1},
        {{.schedule = MW_SCHEDULE_STEP}, 19.0 / 30.0, 0, 1},
        {{.schedule = MW_SCHEDULE_STEP}, 20.0 / 30.0, 0, 0.1},
        {{.schedule = MW_SCHEDULE_STEP, .schedule_at = 0.75, .schedule_factor = 0.5}, 0.75, 0, 0.5},
        {{.schedule = MW_SCHEDULE_COSINE, .schedule_factor = 0.05}, 0, 0, 1},
        {{.schedule = MW_SCHEDULE_COSINE, .schedule_factor = 0.05}, 0.1, 0, 0.9767518192},
        {{.schedule = MW_SCHEDULE_COSINE, .schedule_factor = 0.05}, 0.5, 0, 0.5249999836},
        {{.schedule = MW_SCHEDULE_COSINE, .schedule_factor = 0.05}, 0.99, 0, 0.0502343988},
        {{.schedule = MW_SCHEDULE_COSINE}, 1, 0, 0},
        {{.warmup_steps = 4}, 0, 0, 0.25},
        {{.warmup_steps = 4}, 0, 3, 1},
        {{.warmup_steps = 4}, 0, 4, 1},
    };

    (void)state;
    for (size_t r = 0; r < MWI_COUNT(rows); r++) {
        const double got = mwi_schedule_factor(&rows[r].o, rows[r].progress, rows[r].step);
        if (fabs(got - rows[r].want) > 1e-7)
            fail_msg("row %zu: %.10g, wanted %.10g", r, got, rows[r].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_those_of_keras),
        cmocka_unit_test(clipping_is_that_of_keras),
        cmocka_unit_test(parts_of_a_weight_are_clipped_together),
        cmocka_unit_test(regularisers_add_their_slopes),
        cmocka_unit_test(schedules_are_those_of_keras),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
