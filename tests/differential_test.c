/* tests/differential_test.c - cases of tests/differential with what LiteRT's reference kernels
 * gave: tests/data/differential, see PROVENANCE. Each runs with the reference kernels and with the
 * best. SPDX-License-Identifier: Apache-2.0 */
#include "stored_case.h"
#include "support.h"

#include <dirent.h>
#include <string.h>

static void run_case(const char *path, const char *kernels)
{
    char why[256] = "";
    stored_case c;
    mw_ctx *const ctx = test_ctx();
    mw_status st = stored_case_open(ctx, path, kernels, &c);
    bool agrees = st == MW_OK;

    if (st != MW_OK) (void)snprintf(why, sizeof why, "%s", mw_ctx_error(ctx));
    for (size_t r = 0; agrees && r < stored_case_n_runs(&c); r++) {
        st = stored_case_run(ctx, &c, r);
        if (st != MW_OK) (void)snprintf(why, sizeof why, "%s", mw_ctx_error(ctx));
        agrees = st == MW_OK;
        for (size_t i = 0; agrees && i < mw_session_n_outputs(c.session); i++)
            agrees = stored_case_agrees(ctx, &c, r, i, why, sizeof why);
    }
    if (!agrees)
        print_error("%s with %s: %s\n", path, kernels == NULL ? "the best kernels" : kernels, why);
    assert_true(agrees);
    stored_case_close(&c);
    mw_ctx_destroy(ctx);
}

static void stored_cases_agree(void **state)
{
    char folder[4096], path[4608];
    size_t n = 0;

    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/tests/data/differential", test_source_dir());
    DIR *const d = opendir(folder);
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        if (strstr(e->d_name, ".tflite") == NULL) continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        run_case(path, "*__ref");
        run_case(path, NULL);
        n++;
    }
    (void)closedir(d);
    assert_true(n >= 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(stored_cases_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
