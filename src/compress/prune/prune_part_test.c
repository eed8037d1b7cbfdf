/* compress/prune/prune_part_test.c - pruning and clustering while a model trains.
 * SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "compress/prune/layer_weights.h"

#include <milliwatt/milliwatt.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CLUSTERS = 8 };

struct material {
    mw_ctx *ctx;
    mw_model *model;
    mw_dataset *train, *test;
};

static struct material open_digits(void)
{
    struct material d = {.ctx = test_ctx()};
    char path[512];

    (void)snprintf(path, sizeof path, "%s/examples/digits/model.h5", test_source_dir());
    assert_ok(d.ctx, mw_model_load(d.ctx, path, NULL, &d.model));
    (void)snprintf(path, sizeof path, "%s/examples/digits/digits.npz", test_source_dir());
    const mw_dataset_options train = {.scale = 1.0 / 16},
                             test = {.scale = 1.0 / 16, .role = MW_DATA_TEST};
    assert_ok(d.ctx, mw_dataset_open(d.ctx, path, &train, &d.train));
    assert_ok(d.ctx, mw_dataset_open(d.ctx, path, &test, &d.test));
    return d;
}

static void close_digits(struct material *d)
{
    mw_dataset_close(d->train);
    mw_dataset_close(d->test);
    mw_model_destroy(d->model);
    mw_ctx_destroy(d->ctx);
}

static mw_model *trained(struct material *d, const mw_model *m, const mw_train_options *o)
{
    mw_model *out;
    assert_ok(d->ctx, mw_train(d->ctx, m, d->train, NULL, o, &out, NULL));
    return out;
}

static double accuracy(struct material *d, const mw_model *m)
{
    mw_evaluation e;
    assert_ok(d->ctx, mw_evaluate(d->ctx, m, d->test, &(mw_evaluate_options){0}, &e));
    return e.top1;
}

/* What is there, without a change. */
static mw_prune_report report_of(struct material *d, const mw_model *m, uint32_t clusters)
{
    const mw_cluster_options c = {.clusters = clusters, .keep_zeros = true};
    mw_prune_report r;
    mw_model *same;

    if (clusters > 0)
        assert_ok(d->ctx, mw_cluster(d->ctx, m, &c, &same, &r));
    else
        assert_ok(d->ctx, mw_prune(d->ctx, m, &(mw_prune_options){0}, &same, &r));
    mw_model_destroy(same);
    return r;
}

static void assert_same_weights(struct material *d, mw_model *a, mw_model *b, bool zeros_alone)
{
    mwi_layer_weight *x, *y;
    mwi_arena arena;
    size_t n, m;

    mwi_arena_init(d->ctx, &arena);
    assert_ok(d->ctx, mwi_layer_weights_find(d->ctx, a, NULL, 0, &arena, &x, &n));
    assert_ok(d->ctx, mwi_layer_weights_find(d->ctx, b, NULL, 0, &arena, &y, &m));
    assert_true(n == m && n > 1);
    for (size_t i = 0; i < n; i++) {
        const float *v, *w;
        size_t moved = 0;
        assert_ok(d->ctx, mwi_layer_weight_get(d->ctx, &x[i], MWI_UNIT_REAL, &arena, &v));
        assert_ok(d->ctx, mwi_layer_weight_get(d->ctx, &y[i], MWI_UNIT_REAL, &arena, &w));
        for (size_t k = 0; k < x[i].axes.n; k++) {
            if (zeros_alone ? v[k] == 0 && w[k] != 0 : v[k] != w[k])
                fail_msg("'%s': weight %zu was %g and is %g", x[i].name, k, (double)v[k],
                         (double)w[k]);
            moved += v[k] != w[k];
        }
        if (zeros_alone) assert_true(moved > 0);
    }
    mwi_arena_deinit(&arena);
}

/* 0.9 at once leaves little of this model; by the schedule it keeps its accuracy. */
static void weights_go_by_the_schedule(void **state)
{
    struct material d = open_digits();
    const mw_prune_options p = {.sparsity = 0.9, .schedule = MW_PRUNE_POLYNOMIAL};
    const mw_train_options o = {.epochs = 6, .prune = &p};
    mw_model *once;

    (void)state;
    mw_model *const m = trained(&d, d.model, &o);
    mw_prune_report r = report_of(&d, m, 0);
    for (size_t i = 0; i < r.n_layers; i++) {
        const double stay = fmax(nearbyint(0.1 * (double)r.layers[i].n), 1);
        assert_true((double)(r.layers[i].n - r.layers[i].n_zero) == stay);
    }
    assert_ok(d.ctx, mw_prune(d.ctx, d.model, &p, &once, NULL));
    assert_true(accuracy(&d, m) > 0.9);
    assert_true(accuracy(&d, m) > accuracy(&d, once) + 0.05);
    mw_prune_report_free(&r);
    mw_model_destroy(once);
    mw_model_destroy(m);
    close_digits(&d);
}

static void n_of_m_holds_to_the_end(void **state)
{
    struct material d = open_digits();
    const mw_prune_options p = {.structure = MW_STRUCTURE_2_4}, none = {.structure = p.structure};
    const mw_train_options o = {.epochs = 2, .prune = &p};
    mw_model *again;

    (void)state;
    mw_model *const m = trained(&d, d.model, &o);
    assert_ok(d.ctx, mw_prune(d.ctx, m, &none, &again, NULL));
    assert_same_weights(&d, m, again, false); /* nothing was left to make zero */
    assert_true(accuracy(&d, m) > 0.95);
    mw_model_destroy(again);
    mw_model_destroy(m);
    close_digits(&d);
}

static void zeros_survive_later_training(void **state)
{
    struct material d = open_digits();
    const mw_prune_options keep = {.keep_zeros = true};
    mw_model *pruned;

    (void)state;
    assert_ok(d.ctx, mw_prune(d.ctx, d.model, &(mw_prune_options){.sparsity = 0.7}, &pruned, NULL));
    mw_model *const m = trained(&d, pruned, &(mw_train_options){.epochs = 2, .prune = &keep});
    assert_same_weights(&d, pruned, m, true);
    mw_prune_report r = report_of(&d, m, 0);
    assert_true(fabs(r.sparsity - 0.7) < 0.01);
    assert_true(accuracy(&d, m) > accuracy(&d, pruned));
    mw_prune_report_free(&r);
    mw_model_destroy(m);
    mw_model_destroy(pruned);
    close_digits(&d);
}

/* Clusters are trained, alone and of what is pruned on the way. */
static void clusters_are_trained(void **state)
{
    struct material d = open_digits();
    const mw_prune_options p = {.sparsity = 0.8, .schedule = MW_PRUNE_POLYNOMIAL};
    const mw_cluster_options c = {.clusters = CLUSTERS, .keep_zeros = true};
    mw_model *once;

    (void)state;
    assert_ok(d.ctx, mw_cluster(d.ctx, d.model, &c, &once, NULL));
    for (int with = 0; with < 2; with++) {
        const mw_train_options o = {.epochs = 4, .prune = with == 1 ? &p : NULL, .cluster = &c};
        mw_model *const m = trained(&d, d.model, &o);
        mw_prune_report r = report_of(&d, m, 256); /* more than there are: counts them */
        for (size_t i = 0; i < r.n_layers; i++) assert_in_range(r.layers[i].n_values, 2, CLUSTERS);
        assert_true(with == 0 || fabs(r.sparsity - 0.8) < 0.01);
        if (accuracy(&d, m) < 0.94) fail_msg("%d: %g", with, accuracy(&d, m));
        mw_prune_report_free(&r);
        mw_model_destroy(m);
    }
    mw_model_destroy(once);
    close_digits(&d);
}

/* The same bits with any number of threads; a checkpoint of other masks is refused. */
static void runs_are_reproduced(void **state)
{
    struct material d = open_digits();
    char path[] = "/tmp/prune_part_XXXXXX";
    const mw_prune_options p = {.sparsity = 0.8, .schedule = MW_PRUNE_POLYNOMIAL, .end_step = 150};
    const mw_cluster_options c = {.clusters = CLUSTERS, .keep_zeros = true};
    mw_train_options o = {.epochs = 4, .prune = &p, .cluster = &c};

    (void)state;
    assert_true(close(mkstemp(path)) == 0 && unlink(path) == 0);
    mw_model *const whole = trained(&d, d.model, &o);
    o.n_threads = 3;
    mw_model *const threads = trained(&d, d.model, &o);
    assert_same_weights(&d, whole, threads, false);
    o.checkpoint = path;
    o.epochs = 4;
    mw_model *const first = trained(&d, d.model, &o);
    mw_model *bad;
    const mw_prune_options other = {.sparsity = 0.5};
    o.resume = true;
    o.prune = &other;
    assert_int_equal(mw_train(d.ctx, d.model, d.train, NULL, &o, &bad, NULL), MW_EINVAL);
    assert_non_null(strstr(mw_ctx_error(d.ctx), "prune_"));
    mw_model_destroy(first);
    mw_model_destroy(threads);
    mw_model_destroy(whole);
    (void)unlink(path);
    close_digits(&d);
}

/* A hook that stops the run after so many steps. */
struct stop {
    uint64_t left;
};
static bool count_down(void *self, const char *what, uint64_t done, uint64_t total)
{
    struct stop *const s = self;

    (void)done;
    (void)total;
    if (strncmp(what, "epoch", 5) != 0) return true; /* work within a step */
    if (s->left > 0) s->left--;
    return s->left > 0;
}

static void a_stopped_run_goes_on_with_its_masks(void **state)
{
    struct material d = open_digits();
    struct stop stop = {.left = 90};
    char path[] = "/tmp/prune_part_XXXXXX";
    const mw_prune_options p = {.sparsity = 0.8, .schedule = MW_PRUNE_POLYNOMIAL};
    const mw_cluster_options c = {.clusters = CLUSTERS, .keep_zeros = true};
    mw_train_options o = {.epochs = 4, .prune = &p, .cluster = &c};
    mw_train_report r;
    mw_model *half;
    mw_ctx *stopping;

    (void)state;
    assert_true(close(mkstemp(path)) == 0 && unlink(path) == 0);
    mw_model *const whole = trained(&d, d.model, &o);
    o.checkpoint = path;
    o.resume = true;
    assert_int_equal(
        mw_ctx_create(&(mw_ctx_options){.progress = count_down, .progress_self = &stop}, &stopping),
        MW_OK);
    assert_ok(stopping, mw_train(stopping, d.model, d.train, NULL, &o, &half, &r));
    assert_true(r.cancelled && r.n_epochs > 0 && r.n_epochs < 4);
    mw_model *const rest = trained(&d, d.model, &o);
    assert_same_weights(&d, whole, rest, false);
    mw_train_report_free(&r);
    mw_model_destroy(rest);
    mw_model_destroy(half);
    mw_model_destroy(whole);
    mw_ctx_destroy(stopping);
    (void)unlink(path);
    close_digits(&d);
}

static void what_cannot_be_done_is_said(void **state)
{
    struct material d = open_digits();
    const char *const nosuch[] = {"nosuch"};
    const mw_prune_options prune[] = {
        {.sparsity = 0.5, .structure = MW_STRUCTURE_CHANNEL},
        {.sparsity = 1.5},
        {.sparsity = 0.5, .schedule = 9},
        {.sparsity = 0.5, .initial_sparsity = 1},
        {.sparsity = 0.5, .skip = nosuch, .n_skip = 1},
        {.sparsity = 0.5, .schedule = MW_PRUNE_POLYNOMIAL}, /* and the best epoch kept */
    };
    const mw_cluster_options cluster[] = {{.clusters = 1},
                                          {.clusters = 4, .skip = nosuch, .n_skip = 1}};
    mw_model *bad;

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(prune); i++) {
        const mw_train_options o = {.prune = &prune[i], .keep_best = true};
        assert_int_equal(mw_train(d.ctx, d.model, d.train, NULL, &o, &bad, NULL),
                         i == 0 ? MW_EUNSUPPORTED : MW_EINVAL);
        assert_null(bad);
    }
    for (size_t i = 0; i < MWI_COUNT(cluster); i++) {
        const mw_train_options o = {.cluster = &cluster[i]};
        assert_int_equal(mw_train(d.ctx, d.model, d.train, NULL, &o, &bad, NULL), MW_EINVAL);
    }
    close_digits(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_go_by_the_schedule),
        cmocka_unit_test(n_of_m_holds_to_the_end),
        cmocka_unit_test(zeros_survive_later_training),
        cmocka_unit_test(clusters_are_trained),
        cmocka_unit_test(runs_are_reproduced),
        cmocka_unit_test(a_stopped_run_goes_on_with_its_masks),
        cmocka_unit_test(what_cannot_be_done_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
