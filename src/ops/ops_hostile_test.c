/* ops/ops_hostile_test.c - every row of the list of operators with random operands, types,
 * constants and attributes: refused or run, without an error of memory (which the sanitizers'
 * builds see).
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/ops_fuzz.c"

#include "support.h"

static void rows_refuse_or_run_whatever_comes(void **state)
{
    enum { CASES = 500 }; /* a row */
    size_t n_rows = 0;

    (void)state;
    while (mwi_ops[n_rows] != NULL) n_rows++;
    for (size_t row = 0; row < n_rows; row++)
        for (uint32_t i = 0; i < CASES; i++) {
            const uint8_t input[6] = {
                (uint8_t)row, (uint8_t)(row >> 8), (uint8_t)i, (uint8_t)(i >> 8), 77, 1};
            assert_int_equal(LLVMFuzzerTestOneInput(input, sizeof input), 0);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_refuse_or_run_whatever_comes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
