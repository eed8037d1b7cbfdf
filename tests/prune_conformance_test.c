/* tests/prune_conformance_test.c - every model of the shared material pruned, stored sparse,
 * clustered, with fewer channels: what is saved and read again computes the same, and the zeros and
 * values are those that were asked for. By hand: prune_conformance_test -v.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conformance.h"
#include "graph_text.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool verbose;
static char tmp[] = "/tmp/prune_conformance_XXXXXX";

enum { CLUSTERS = 8 };
/* Saving as .tflite folds batch normalisation, which rounds. */
static const double FOLDED = 2e-4;

struct counts {
    size_t pruned, sparse, clustered, narrowed, without;
};

/* NULL when both compute the same on random inputs, or where those are no indices of a table. */
static const char *difference_of(mw_ctx *ctx, const mw_model *a, const mw_model *b, double allowed)
{
    const char *const what = models_differ(ctx, a, b, 1, allowed, 1, 11);
    return what != NULL && strstr(what, ": index ") != NULL ? NULL : what;
}

/* Fails unless the model, saved under `suffix` and read again, computes what it does in memory. */
static void assert_same_when_saved(mw_ctx *ctx, const char *path, const mw_model *m,
                                   const char *suffix)
{
    char out[64];
    mw_model *again;

    (void)snprintf(out, sizeof out, "%s/m%s", tmp, suffix);
    assert_ok(ctx, mw_model_save(ctx, m, out));
    assert_ok(ctx, mw_model_load(ctx, out, NULL, &again));
    const char *const difference = difference_of(ctx, m, again, FOLDED);
    if (difference != NULL) fail_msg("%s: saved as %s: %s", path, suffix, difference);
    mw_model_destroy(again);
    (void)unlink(out);
}

static void try_sparse(mw_ctx *ctx, const char *path, const mw_model *pruned, struct counts *n)
{
    mw_model *sparse;
    size_t n_sparse;

    assert_ok(ctx, mw_sparsify(ctx, pruned, &sparse, &n_sparse));
    const char *const difference = difference_of(ctx, pruned, sparse, 0);
    if (difference != NULL) fail_msg("%s: sparse: %s", path, difference);
    assert_same_when_saved(ctx, path, sparse, ".tflite");
    n->sparse += n_sparse;
    mw_model_destroy(sparse);
}

static void try_clusters(mw_ctx *ctx, const char *path, const mw_model *m, struct counts *n)
{
    const mw_cluster_options o = {.clusters = CLUSTERS, .keep_zeros = true};
    mw_prune_report r;
    mw_model *clustered;

    assert_ok(ctx, mw_cluster(ctx, m, &o, &clustered, &r));
    for (size_t i = 0; i < r.n_layers; i++)
        if (r.layers[i].reason[0] == '\0' && r.layers[i].n_values > CLUSTERS)
            fail_msg("%s: '%s' has %u values", path, r.layers[i].name, r.layers[i].n_values);
    assert_same_when_saved(ctx, path, clustered, ".tflite");
    mw_prune_report_free(&r);
    mw_model_destroy(clustered);
    n->clustered++;
}

/* Whole channels: a model that cannot lose them says why. */
static void try_channels(mw_ctx *ctx, const char *path, const mw_model *m, struct counts *n)
{
    const mw_prune_options o = {.structure = MW_STRUCTURE_CHANNEL, .sparsity = 0.25};
    mw_prune_report r;
    mw_model *narrow;

    const mw_status st = mw_prune(ctx, m, &o, &narrow, &r);
    if (st != MW_OK) {
        if (verbose) print_message("%s\n", mw_ctx_error(ctx));
        if (st != MW_EUNSUPPORTED) fail_msg("%s: %s", path, mw_ctx_error(ctx));
        return;
    }
    if (4 * r.after.macs > 3 * r.before.macs) fail_msg("%s: too many MACs stay", path);
    if (strcmp(mw_model_format(m), "tflite") != 0) assert_same_when_saved(ctx, path, narrow, ".h5");
    assert_same_when_saved(ctx, path, narrow, ".tflite");
    mw_prune_report_free(&r);
    mw_model_destroy(narrow);
    n->narrowed++;
}

static void assert_zeros(const char *path, const mw_prune_report *r)
{
    for (size_t i = 0; i < r->n_layers; i++) {
        const mw_pruned_layer *const l = &r->layers[i];
        const double stay = fmax(nearbyint(0.25 * (double)l->n), 1);
        if (l->reason[0] == '\0' && (double)l->n_zero < (double)l->n - stay)
            fail_msg("%s: '%s' has %llu zeros of %llu", path, l->name,
                     (unsigned long long)l->n_zero, (unsigned long long)l->n);
    }
}

static void try_model(mw_ctx *ctx, const char *path, struct counts *n)
{
    const mw_prune_options o = {.sparsity = 0.75};
    mw_prune_report r;
    mw_model *m, *pruned;

    if (mw_model_load(ctx, path, NULL, &m) != MW_OK) return; /* other tests say which must load */
    const mw_status st = mw_prune(ctx, m, &o, &pruned, &r);
    if (st == MW_OK) {
        assert_zeros(path, &r);
        if (strcmp(mw_model_format(m), "tflite") != 0)
            assert_same_when_saved(ctx, path, pruned, ".h5");
        try_sparse(ctx, path, pruned, n);
        try_clusters(ctx, path, pruned, n);
        try_channels(ctx, path, m, n);
        mw_prune_report_free(&r);
        mw_model_destroy(pruned);
        n->pruned++;
    } else {
        if (verbose) print_message("%s\n", mw_ctx_error(ctx));
        if (st != MW_EUNSUPPORTED) fail_msg("%s: %s", path, mw_ctx_error(ctx));
        n->without++;
    }
    mw_model_destroy(m);
}

/* Every file "model.*" in a folder of folders, `depth` levels below. */
static void walk(mw_ctx *ctx, const char *folder, int depth, struct counts *n)
{
    static const char *const names[] = {"model.tflite", "model.h5", "model.keras"};
    char path[4096];
    size_t k;

    for (size_t i = 0; depth == 0 && i < MWI_COUNT(names); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        if (access(path, R_OK) == 0) try_model(ctx, path, n);
    }
    if (depth == 0) return;
    char **const list = list_folders(folder, &k);
    for (size_t i = 0; i < k; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, list[i]);
        walk(ctx, path, depth - 1, n);
    }
    free_list(list, k);
}

static void test_folder(const char *name, int depth)
{
    mw_ctx *const ctx = test_ctx();
    struct counts n = {0};
    char path[4096];

    (void)snprintf(path, sizeof path, "%s/%s", test_shared_dir(), name);
    walk(ctx, path, depth, &n);
    print_message("%s: %zu pruned, %zu kernels sparse, %zu clustered, %zu with fewer channels, %zu "
                  "without kernels\n",
                  name, n.pruned, n.sparse, n.clustered, n.narrowed, n.without);
    assert_true(n.pruned > 0 && n.sparse > 0 && n.clustered > 0 && n.narrowed > 0);
    mw_ctx_destroy(ctx);
}

static void networks_of_all_schemes(void **state)
{
    (void)state;
    test_folder("corpus/ops/NETWORK", 1);
}

static void keras_models(void **state)
{
    (void)state;
    test_folder("corpus/keras", 2);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_of_all_schemes),
        cmocka_unit_test(keras_models),
    };
    verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
    if (test_shared_dir() == NULL) test_skip("needs the shared corpus");
    if (mkdtemp(tmp) == NULL) return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)rmdir(tmp);
    return failed;
}
