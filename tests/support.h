/* tests/support.h - what every test needs: cmocka, a context, paths, .npy inputs, comparison.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MW_TESTS_SUPPORT_H
#define MW_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/rng.h"
#include "model/graph.h"

/* A context that fails the test when it cannot be made. Destroy with mw_ctx_destroy. */
mw_ctx *test_ctx(void);
/* Fails the test with the context's error when status is not MW_OK. */
#define assert_ok(ctx, call) test_assert_ok((ctx), (call), #call, __FILE__, __LINE__)
void test_assert_ok(mw_ctx *ctx, mw_status status, const char *what, const char *file, int line);

/* Fills a buffer of a type with any bytes of `rng`, strings with strings. */
void test_fill_any(mw_dtype dtype, void *data, size_t bytes, mwi_rng *rng);

/* The folder of material that users do not have; NULL when it is not there (the test then skips
 * with test_skip). From MW_SHARED in the environment, else ../shared beside the source. */
const char *test_shared_dir(void);
/* The source tree. */
const char *test_source_dir(void);
/* Prints "skipped: why" and ends the process with 77, which ctest reports as skipped. */
void test_skip(const char *why);
/* The same for one test of a program; the others run. */
#define test_skip_part(why)                                                                        \
    do {                                                                                           \
        (void)printf("skipped: %s: %s\n", __func__, why);                                          \
        skip();                                                                                    \
    } while (0)

#endif
