/* tests/conformance_test.c - the real models and the operator corpus against their expected outputs.
 * By hand: conformance_test [--filter CONV_2D] [-v]: the differing cases with the first differing element.
 * tests/conformance_expected.txt names the operators of which every case must agree.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conformance.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *filter;
static bool verbose;

/* Lines of the list of operators that must be green. */
static bool must_agree(const char *op)
{
    char path[4096], line[256];
    bool found = false;

    (void)snprintf(path, sizeof path, "%s/tests/conformance_expected.txt", test_source_dir());
    FILE *const f = fopen(path, "r");
    while (f != NULL && !found && fgets(line, sizeof line, f) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        found = strcmp(line, op) == 0;
    }
    if (f != NULL) (void)fclose(f);
    return found;
}

static void report(const char *name, verdict v, const char *why)
{
    static const char *const words[] = {"agrees", "DIFFERS", "refused"};
    if (verbose || v == DIFFERS) print_message("  %s: %s %s\n", name, words[v], why);
}

static size_t run_models(const char *shared)
{
    char path[4096], why[1024];
    size_t n, bad = 0;

    (void)snprintf(path, sizeof path, "%s/models", shared);
    char **const names = list_folders(path, &n);
    for (size_t i = 0; i < n; i++) {
        if (filter != NULL && strcmp(filter, names[i]) != 0) continue;
        for (uint32_t threads = 1; threads <= 3; threads += 2) {
            const run_options o = {.n_threads = threads};
            (void)snprintf(path, sizeof path, "%s/models/%s", shared, names[i]);
            const verdict v = run_model_case(path, &o, why, sizeof why);
            if (v != AGREES) bad++;
            if (v != AGREES || verbose) print_message("model %s, %u threads: %s\n", names[i], threads, v == AGREES ? "agrees" : why);
        }
    }
    free_list(names, n);
    return bad;
}

/* Counts cases of one operator; prints a line for it. */
static size_t run_op(const char *shared, const char *op)
{
    char path[4096], why[1024];
    size_t n, counts[3] = {0};
    const run_options o = {.n_threads = 1};

    (void)snprintf(path, sizeof path, "%s/corpus/ops/%s", shared, op);
    char **const cases = list_folders(path, &n);
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(path, sizeof path, "%s/corpus/ops/%s/%s", shared, op, cases[i]);
        const verdict v = run_corpus_case(path, &o, why, sizeof why);
        counts[v]++;
        if (filter != NULL) report(cases[i], v, why);
    }
    const bool must = must_agree(op);
    if (filter != NULL || verbose || (must && counts[AGREES] != n))
        print_message("%-32s %3zu agree %3zu differ %3zu refused%s\n", op, counts[AGREES], counts[DIFFERS],
                      counts[REFUSED], must && counts[AGREES] != n ? "  (all must agree)" : "");
    if (!must && counts[AGREES] == n && n > 0 && filter == NULL)
        print_message("%-32s all %zu agree: add it to tests/conformance_expected.txt\n", op, n);
    free_list(cases, n);
    return must ? n - counts[AGREES] : 0;
}

static void models_agree_with_their_expected_outputs(void **state)
{
    (void)state;
    assert_int_equal(run_models(test_shared_dir()), 0);
}

static void operators_agree_with_the_corpus(void **state)
{
    char path[4096];
    size_t n, bad = 0;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/corpus/ops", test_shared_dir());
    char **const ops = list_folders(path, &n);
    for (size_t i = 0; i < n; i++)
        if (filter == NULL || strcmp(filter, ops[i]) == 0) bad += run_op(test_shared_dir(), ops[i]);
    free_list(ops, n);
    assert_int_equal(bad, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_agree_with_their_expected_outputs),
        cmocka_unit_test(operators_agree_with_the_corpus),
    };

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0) verbose = true;
        if (strcmp(argv[i], "--filter") == 0 && i + 1 < argc) filter = argv[++i];
    }
    if (test_shared_dir() == NULL) test_skip("the shared material is not here");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
