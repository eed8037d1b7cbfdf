/* tests/ops_golden_test.c - small cases of single operators with LiteRT's results: tests/data/ops,
 * see PROVENANCE.
 * SPDX-License-Identifier: Apache-2.0 */
#include "op_case.h"
#include "ops/registry.h"
#include "support.h"

#include <string.h>

static const char *const files[] = {"unary",  "table",   "binary",  "reduction", "moving",
                                    "later",  "layer",   "pooling", "softmax",   "recurrent",
                                    "single", "strings", "poses"};

static FILE *open_file(const char *name)
{
    char path[4096];

    (void)snprintf(path, sizeof path, "%s/tests/data/ops/%s.txt", test_source_dir(), name);
    FILE *const f = fopen(path, "r");
    assert_non_null(f);
    return f;
}

static bool next_line(FILE *f, char *line, size_t bytes)
{
    if (fgets(line, (int)bytes, f) == NULL) return false;
    line[strcspn(line, "\n")] = '\0';
    return true;
}

static void run_file(const char *name)
{
    char line[65536];
    size_t n = 0;
    FILE *const f = open_file(name);

    while (next_line(f, line, sizeof line)) {
        const op_case c = {.line = line};
        op_cases_run(&c, 1);
        n++;
    }
    (void)fclose(f);
    assert_true(n > 0);
}

static void cases_agree(void **state)
{
    (void)state;
    for (size_t i = 0; i < MWI_COUNT(files); i++) run_file(files[i]);
}

/* Whether a line of the file is about the operator; `reason` gets what follows its name. */
static bool names_it(const char *file, const char *op, char *reason, size_t bytes)
{
    char line[65536];
    const size_t n = strlen(op);
    bool found = false;
    FILE *const f = open_file(file);

    while (!found && next_line(f, line, sizeof line))
        found = strncmp(line, op, n) == 0 && (line[n] == ':' || line[n] == ' ');
    if (found) (void)snprintf(reason, bytes, "%.100s", line + n + 1);
    (void)fclose(f);
    return found;
}

/* A row without a case says why; a reason that is no longer true goes. */
static void every_row_has_a_case_or_a_reason(void **state)
{
    char reason[128];
    size_t bad = 0;

    (void)state;
    for (size_t i = 0; mwi_ops[i] != NULL; i++) {
        const char *const op = mwi_ops[i]->name;
        bool has_case = false;
        for (size_t k = 0; k < MWI_COUNT(files) && !has_case; k++)
            has_case = names_it(files[k], op, reason, sizeof reason);
        const bool excused = names_it("without", op, reason, sizeof reason) && strlen(reason) > 10;
        if (has_case != excused) continue;
        print_error("%s has %s in tests/data/ops\n", op,
                    has_case ? "both a case and an excuse" : "neither a case nor a reason");
        bad++;
    }
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_agree),
        cmocka_unit_test(every_row_has_a_case_or_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
