/* api/list_test.c - each table of mw_list: its rows, its end, what is past it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "ops/registry.h"

#include <milliwatt/list.h>

#include <string.h>

static void each_table_ends(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_list_row row;

    (void)state;
    for (size_t t = 0; mw_list_table(t) != NULL; t++) {
        const char *const table = mw_list_table(t);
        const size_t n = mw_list_size(table), past[] = {n, n + 1, n + 2, 1000, SIZE_MAX};
        assert_true(n > 0);
        for (size_t i = 0; i < n; i++) {
            assert_ok(ctx, mw_list_get(ctx, table, i, &row));
            assert_true(row.name[0] != '\0' && row.detail[0] != '\0');
        }
        for (size_t i = 0; i < MWI_COUNT(past); i++)
            if (past[i] >= n) assert_int_equal(mw_list_get(ctx, table, past[i], &row), MW_EINVAL);
    }
    assert_null(mw_list_table(SIZE_MAX));
    assert_int_equal(mw_list_size("nosuch"), 0);
    assert_int_equal(mw_list_get(ctx, "nosuch", 0, &row), MW_EINVAL);
    assert_int_equal(mw_list_get(ctx, NULL, 0, &row), MW_EINVAL);
    mw_ctx_destroy(ctx);
}

static bool lists(const char *detail, const char *types)
{
    const size_t n = strlen(types);

    for (const char *at = detail; (at = strstr(at, types)) != NULL; at++)
        if ((at == detail || at[-1] == ' ') && (at[n] == '\0' || at[n] == ';')) return true;
    return false;
}

static void an_operator_lists_the_types_of_all_its_kernels(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_list_row row;

    (void)state;
    for (size_t i = 0; mwi_ops[i] != NULL; i++) {
        assert_ok(ctx, mw_list_get(ctx, "ops", i, &row));
        assert_string_equal(row.name, mwi_ops[i]->name);
        assert_true(strlen(row.detail) < sizeof row.detail - 1); /* not cut */
        for (const mwi_kernel *k = mwi_ops[i]->kernels; k != NULL && k->name != NULL; k++)
            if (!lists(row.detail, k->types))
                fail_msg("%s: '%s' lacks %s", row.name, row.detail, k->types);
    }
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_table_ends),
        cmocka_unit_test(an_operator_lists_the_types_of_all_its_kernels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
