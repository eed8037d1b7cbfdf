/* tests/optimize_conformance_test.c - optimised models give the same outputs: to the bit for
 * integers, within float rounding else. The real models, networks and graphs of the corpus, every
 * Keras case that loads; and examples/.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conformance.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t n_compared, n_changed, n_bad;

static void fill(mw_buffer *b, uint32_t *state)
{
    for (size_t k = 0; k < b->bytes; k++) {
        *state = *state * 1664525u + 1013904223u;
        if (b->info.dtype == MW_FLOAT32 && k % 4 == 0) {
            const float v = (float)(*state >> 8) / 8388608.0f - 1.0f;
            memcpy((char *)b->data + k, &v, sizeof v);
        } else if (b->info.dtype == MW_INT8 || b->info.dtype == MW_UINT8 ||
                   b->info.dtype == MW_INT16) {
            ((uint8_t *)b->data)[k] = (uint8_t)(*state >> 24);
        } else if (b->info.dtype != MW_FLOAT32) {
            ((uint8_t *)b->data)[k] = 0;
        }
    }
}

static bool same_outputs(mw_ctx *ctx, mw_session *a, mw_session *b, char *why, size_t n)
{
    for (size_t i = 0; i < mw_session_n_outputs(a); i++) {
        mw_buffer x, y;
        double largest = 1;
        assert_ok(ctx, mw_session_output(ctx, a, i, &x));
        assert_ok(ctx, mw_session_output(ctx, b, i, &y));
        if (x.bytes != y.bytes || x.info.dtype != y.info.dtype ||
            strcmp(x.info.name, y.info.name) != 0) {
            (void)snprintf(why, n, "output %zu has another size, type or name", i);
            return false;
        }
        if (x.info.dtype != MW_FLOAT32) {
            if (memcmp(x.data, y.data, x.bytes) == 0) continue;
            (void)snprintf(why, n, "integer output %zu differs", i);
            return false;
        }
        const float *const p = x.data, *const q = y.data;
        for (size_t k = 0; k < x.bytes / 4; k++) largest = fmax(largest, fabs((double)p[k]));
        for (size_t k = 0; k < x.bytes / 4; k++) {
            if (p[k] == q[k] || (isnan(p[k]) && isnan(q[k])) ||
                fabs((double)p[k] - (double)q[k]) <= 1e-4 * largest)
                continue;
            (void)snprintf(why, n, "output %zu element %zu: %g became %g", i, k, (double)p[k],
                           (double)q[k]);
            return false;
        }
    }
    return true;
}

static void compare(const char *path)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *m = NULL, *o = NULL;
    mw_session *a = NULL, *b = NULL;
    mw_optimize_report report;
    char why[256] = "";
    uint32_t state = 7;

    if (mw_model_load(ctx, path, NULL, &m) == MW_OK &&
        mw_session_create(ctx, m, NULL, &a) == MW_OK) {
        assert_ok(ctx, mw_optimize(ctx, m, NULL, &o, &report));
        assert_ok(ctx, mw_session_create(ctx, o, NULL, &b));
        for (size_t i = 0; i < mw_session_n_inputs(a); i++) {
            mw_buffer x, y;
            assert_ok(ctx, mw_session_input(ctx, a, i, &x));
            assert_ok(ctx, mw_session_input(ctx, b, i, &y));
            assert_int_equal(x.bytes, y.bytes);
            fill(&x, &state);
            if (x.bytes != 0) memcpy(y.data, x.data, x.bytes);
        }
        if (mw_session_run(ctx, a) == MW_OK) {
            assert_ok(ctx, mw_session_run(ctx, b));
            n_compared++;
            n_changed += report.n_passes > 0;
            if (!same_outputs(ctx, a, b, why, sizeof why)) {
                print_error("%s: %s; passes:", path, why);
                for (size_t i = 0; i < report.n_passes; i++)
                    print_error(" %s", report.passes[i].pass);
                print_error("\n");
                n_bad++;
            }
        }
    }
    mw_session_destroy(a);
    mw_session_destroy(b);
    mw_model_destroy(o);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

/* Every model file two or three folders down. */
static void walk(const char *folder, unsigned depth)
{
    static const char *const files[] = {"model.tflite", "model.h5", "model.keras"};
    char path[8192];
    size_t n;

    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        FILE *const f = fopen(path, "rb");
        if (f == NULL) continue;
        (void)fclose(f);
        compare(path);
    }
    if (depth == 0) return;
    char **const names = list_folders(folder, &n);
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        walk(path, depth - 1);
    }
    free_list(names, n);
}

static void optimised_models_give_the_same_outputs(void **state)
{
    static const char *const parts[] = {"models", "corpus/ops/NETWORK", "corpus/ops/DAG",
                                        "corpus/ops/FORMAT", "corpus/keras"};
    char path[4096];

    (void)state;
    (void)snprintf(path, sizeof path, "%s/examples/digits", test_source_dir());
    walk(path, 0);
    assert_int_equal(n_compared, 1);
    if (test_shared_dir() == NULL)
        (void)printf("skipped: %s: the shared material is not here\n", __func__);
    for (size_t i = 0; test_shared_dir() != NULL && i < sizeof parts / sizeof *parts; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", test_shared_dir(), parts[i]);
        walk(path, 2);
    }
    print_message("%zu models compared, %zu of them changed\n", n_compared, n_changed);
    assert_int_equal(n_bad, 0);
    assert_true(n_changed > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(optimised_models_give_the_same_outputs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
