/* ops/mediapipe_test.c - MediaPipe's custom operators: small cases worked out by hand, options of
 * every length, what must be refused.
 * SPDX-License-Identifier: Apache-2.0 */
#include "op_case.h"
#include "ops/mediapipe.h"
#include "support.h"

static void results(void **state)
{
    static const op_case cases[] = {
        {"MaxPoolingWithArgmax2D padding=1 stride_w=2 stride_h=2 filter_width=2 filter_height=2: "
         "f32[1,2,2,1]=1,4,3,2 > f32[1,1,1,1]=4 f32[1,1,1,1]=1.1",
         NULL},
        {"MaxPoolingWithArgmax2D padding=1 stride_w=2 stride_h=2 filter_width=2 filter_height=2 "
         "activation=3: f32[1,3,3,1]=1,2,3,4,5,6,7,8,9 > f32[1,2,2,1]=5,6,6,6 "
         "f32[1,2,2,1]=3.1,2.1,1.1,0.1",
         NULL},
        {"MaxPoolingWithArgmax2D padding=2 filter_width=3: f32[1,1,4,1]=3,1,2,9 > "
         "f32[1,1,2,1]=3,9 f32[1,1,2,1]=0.1,2.1",
         NULL},
        {"MaxUnpooling2D padding=1 stride_w=2 stride_h=2 filter_width=2 filter_height=2: "
         "f32[1,1,2,1]=4,5 f32[1,1,2,1]=1.1,2.1 > f32[1,2,4,1]=0,4,0,0,0,0,5,0",
         NULL},
        {"MaxUnpooling2D padding=1 stride_w=2 stride_h=2 filter_width=2 filter_height=2: "
         "f32[1,1,2,1]=4,5 f32[1,1,2,1]=1e9,-7 > f32[1,2,4,1]=0,0,0,0,0,0,0,0",
         NULL},
        {"Convolution2DTransposeBias padding=2: f32[1,2,2,1]=1,2,3,4 f32[1,2,2,1]=1,1,1,1 "
         "f32[1]=0.5 > f32[1,3,3,1]=1.5,3.5,2.5,4.5,10.5,6.5,3.5,7.5,4.5",
         NULL},
        {"Convolution2DTransposeBias padding=1: f32[1,2,2,1]=1,2,3,4 f32[1,2,2,1]=1,1,1,1 "
         "f32[1]=0.5 > f32[1,2,2,1]=1.5,3.5,4.5,10.5",
         NULL},
    };
    (void)state;
    op_cases_run(cases, MWI_COUNT(cases));
}

static void refusals(void **state)
{
    static const op_case cases[] = {
        {"MaxPoolingWithArgmax2D padding=0: f32[1,2,2,1] > f32 f32", "padding is 0"},
        {"MaxPoolingWithArgmax2D padding=2 filter_width=9: f32[1,2,2,1] > f32 f32",
         "a window of 9 over 2"},
        {"MaxPoolingWithArgmax2D: f32[2,2] > f32 f32", "rank 2"},
        {"MaxUnpooling2D: f32[1,2,2,1] f32[1,2,1,1] > f32", "another shape"},
        {"Convolution2DTransposeBias: f32[1,2,2,1] f32[1,2,2,2] f32[1] > f32", "inputs of 1"},
        {"Convolution2DTransposeBias: f32[1,2,2,1] f32[1,0,2,1] f32[1] > f32", "a window of 0"},
    };
    (void)state;
    op_cases_run(cases, MWI_COUNT(cases));
}

static void options_of_any_length(void **state)
{
    static const uint8_t bytes[24] = {1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5};
    mw_ctx *const ctx = test_ctx();
    mwi_pool_options o;

    (void)state;
    for (size_t n = 0; n < sizeof bytes; n++)
        assert_int_equal(mwi_pool_options_parse(ctx, NULL, bytes, n, &o), MW_EFORMAT);
    assert_ok(ctx, mwi_pool_options_parse(ctx, NULL, bytes, sizeof bytes, &o));
    assert_int_equal(o.padding, 1);
    assert_int_equal(o.stride_w, 2);
    assert_int_equal(o.stride_h, 3);
    assert_int_equal(o.filter_w, 4);
    assert_int_equal(o.filter_h, 5);
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results),
        cmocka_unit_test(refusals),
        cmocka_unit_test(options_of_any_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
