/* base/fingerprint_test.c - against what TensorFlow gives for the same bytes (raw_ops.Fingerprint,
 * "farmhash64"), at the lengths where the way changes.   SPDX-License-Identifier: Apache-2.0 */
#include "base/fingerprint.h"

#include "support.h"

static void fingerprints_are_farmhashs(void **state)
{
    static const struct {
        size_t n;
        uint64_t hash;
    } known[] = {
        {0, 11160318154034397263u},  {1, 4787810249829893994u},   {3, 3979540680440595841u},
        {4, 14708324829907283305u},  {7, 10810953559526984053u},  {8, 6427976500382885179u},
        {16, 2975069698931858580u},  {17, 12269045858961152948u}, {32, 18411069379101759258u},
        {33, 3462564371495090974u},  {64, 3125200978604777323u},  {65, 18210226054411359545u},
        {128, 1203922225627676383u}, {129, 8423855994625174885u}, {300, 6039811171729994202u},
    };
    uint8_t bytes[300];

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 37 + 11 + i / 7);
    for (size_t i = 0; i < MWI_COUNT(known); i++)
        assert_true(mwi_fingerprint64(bytes, known[i].n) == known[i].hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(fingerprints_are_farmhashs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
