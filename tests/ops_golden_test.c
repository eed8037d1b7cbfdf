/* tests/ops_golden_test.c - small cases of single operators with LiteRT's results: tests/data/ops,
 * see PROVENANCE.
 * SPDX-License-Identifier: Apache-2.0 */
#include "op_case.h"
#include "support.h"

#include <string.h>

static void run_file(const char *name)
{
    char path[4096], line[65536];
    size_t n = 0;

    (void)snprintf(path, sizeof path, "%s/tests/data/ops/%s", test_source_dir(), name);
    FILE *const f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        const op_case c = {.line = line};
        op_cases_run(&c, 1);
        n++;
    }
    (void)fclose(f);
    assert_true(n > 20);
}

static void operators_of_one_input(void **state)
{
    (void)state;
    run_file("unary.txt");
}
static void operators_by_table(void **state)
{
    (void)state;
    run_file("table.txt");
}
static void operators_of_two_inputs(void **state)
{
    (void)state;
    run_file("binary.txt");
}
static void reductions(void **state)
{
    (void)state;
    run_file("reduction.txt");
}
static void data_dependent_random_and_stablehlo(void **state)
{
    (void)state;
    run_file("later.txt");
}
static void the_rest(void **state)
{
    (void)state;
    run_file("moving.txt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operators_of_one_input),
        cmocka_unit_test(operators_by_table),
        cmocka_unit_test(operators_of_two_inputs),
        cmocka_unit_test(reductions),
        cmocka_unit_test(data_dependent_random_and_stablehlo),
        cmocka_unit_test(the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
