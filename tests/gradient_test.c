/* tests/gradient_test.c - gradients of every row that has one, against finite differences in double
 * precision: odd shapes, strides, padding, dilation, groups, broadcast, fused activations.
 * SPDX-License-Identifier: Apache-2.0 */
#include "gradient_check.h"
#include "ops/gradient.h"
#include "support.h"

#include <string.h>

static const char *const dense[] = {
    "x = input f32 [?,5]; k = input f32 [3,5]; b = input f32 [3]\n"
    "y = FULLY_CONNECTED x k b; out y",
    "x = input f32 [2,3,5]; k = input f32 [4,5]\n"
    "y = FULLY_CONNECTED x k - fused_activation_function=RELU keep_num_dims=true; out y",
    "x = input f32 [?,3,4]; k = input f32 [7,12]; b = input f32 [7]\n"
    "y = FULLY_CONNECTED x k b fused_activation_function=RELU6; out y",
    "x = input f32 [3,33]; k = input f32 [17,33]; b = input f32 [1,17]\n"
    "y = FULLY_CONNECTED x k b fused_activation_function=RELU_N1_TO_1; out y",
};

static const char *const convolutions[] = {
    "x = input f32 [?,5,6,3]; k = input f32 [4,3,3,3]; b = input f32 [4]\n"
    "y = CONV_2D x k b padding=SAME; out y",
    "x = input f32 [2,7,8,2]; k = input f32 [3,2,3,2]; b = input f32 [3]\n"
    "y = CONV_2D x k b padding=VALID stride_h=2 stride_w=3 fused_activation_function=RELU; out y",
    "x = input f32 [1,6,7,4]; k = input f32 [6,3,2,2]\n"
    "y = CONV_2D x k padding=SAME stride_w=2 dilation_h_factor=2; out y",
    "x = input f32 [2,9,9,1]; k = input f32 [5,3,3,1]; b = input f32 [5]\n"
    "y = CONV_2D x k b padding=VALID dilation_w_factor=3 dilation_h_factor=2; out y",
    "x = input f32 [2,3,4,5]; k = input f32 [17,1,1,5]; b = input f32 [17]\n"
    "y = CONV_2D x k b fused_activation_function=RELU6; out y",
    "x = input f32 [1,4,4,6]; k = input f32 [3,5,5,2]; b = input f32 [3]\n"
    "y = CONV_2D x k b padding=SAME stride_h=3 stride_w=2; out y",
};

static const char *const pools[] = {
    "x = input f32 [?,6,6,3]\n"
    "y = MAX_POOL_2D x filter_width=2 filter_height=2 stride_w=2 stride_h=2; out y",
    "x = input f32 [2,7,5,4]\n"
    "y = MAX_POOL_2D x padding=SAME filter_width=3 filter_height=2 stride_w=2 stride_h=1 "
    "fused_activation_function=RELU; out y",
    "x = input f32 [?,5,7,3]\n"
    "y = AVERAGE_POOL_2D x padding=SAME filter_width=3 filter_height=3 stride_w=2 stride_h=2; "
    "out y",
    "x = input f32 [1,6,6,17]\n"
    "y = AVERAGE_POOL_2D x padding=VALID filter_width=2 filter_height=3 stride_w=1 stride_h=2 "
    "fused_activation_function=RELU; out y",
};

static const char *const pointwise[] = {
    "w = input f32 [40]; a = RELU w; b = RELU6 w; c = RELU_0_TO_1 w; d = RELU_N1_TO_1 w\n"
    "out a b c d",
    "w = input f32 [3,7]; a = TANH w; b = LOGISTIC w; c = SIN w; d = COS w; out a b c d",
    "w = input f32 [3,7]; a = FLOOR w; b = CEIL w; c = ROUND w; d = SIGN w; e = ZEROS_LIKE w\n"
    "f = MUL a w; g = MUL b w; h = MUL c w; i = MUL d w; j = MUL e w; out f g h i j",
    "w = input f32 [3,7]; s: i32 = SHAPE w; r: i32 = RANK w; y = MUL w w; out y s r",
};

static const char *const broadcasts[] = {
    "x = input f32 [?,4,3]; y = input f32 [3]; z = ADD x y; out z",
    "x = input f32 [4,1]; y = input f32 [?,1,5]; z = ADD x y fused_activation_function=RELU; out z",
    "x = input f32 [2,3]; y = input f32 [2,3]; z = SUB x y; out z",
    "x = input f32 [1]; y = input f32 [?,5]; z = SUB x y fused_activation_function=RELU_N1_TO_1; "
    "out z",
    "x = input f32 [?,2,1,3]; y = input f32 [2,4,1]; z = MUL x y fused_activation_function=RELU6; "
    "out z",
    "x = input f32 [?,10]; y = input f32 [1,10]; z = MUL x y; out z",
    "x = input f32 [3,4]; y = MUL x x; z = ADD y x; out z",
    "x = input f32 [?,4]; p = input f32 [1,4]; z = DIV x p; out z",
    "x = input f32 [3]; p = input f32 [2,1]; z = DIV x p fused_activation_function=RELU; out z",
};

static const char *const reductions[] = {
    "x = input f32 [?,4,3]; a = const i32 [1] = 1; y = MEAN x a; out y",
    "x = input f32 [?,4,3]; a = const i32 [2] = 0,2; y = MEAN x a keep_dims=true; out y",
    "x = input f32 [2,4,3]; a = const i32 [1] = -1; y = SUM x a; out y",
    "x = input f32 [?,2,3,2]; a = const i32 [2] = 1,2; y = SUM x a keep_dims=true; out y",
    "x = input f32 [?,7]; y = SOFTMAX x beta=1; z = MUL y x; out z",
    "x = input f32 [2,3,17]; y = SOFTMAX x beta=0.5; out y",
};

static const char *const moves[] = {
    "x = input f32 [?,2,6]; s = const i32 [3] = -1,3,4; y = RESHAPE x s; z = MUL y y; out z",
    "x = input f32 [2,1,3,1]; y = SQUEEZE x; z = MUL y y; out z",
    "x = input f32 [?,3]; a = const i32 [1] = 1; y = EXPAND_DIMS x a; z = MUL y y; out z",
};

static const char *const losses[] = {
    "x = input f32 [?,7]; _p = input f32 [?,7]\n"
    "l g = SOFTMAX_CROSS_ENTROPY x _p label_smoothing=0.1; out l",
    "x = input f32 [2,3,5]; t = const i32 [2,3] = 0,4,2,1,1,3\n"
    "l g = SOFTMAX_CROSS_ENTROPY x t; out l",
    "x = input f32 [4,5]; t = const i64 [4] = 0,4,2,1\n"
    "l g = SOFTMAX_CROSS_ENTROPY x t label_smoothing=0.2; out l",
    "w = input f32 [?,3]; _p = input f32 [?,3]\n"
    "l g = SIGMOID_CROSS_ENTROPY w _p label_smoothing=0.1; out l",
    "x = input f32 [?,4]; _t = input f32 [?,4]; l g = SQUARED_ERROR x _t; out l",
    "w = input f32 [?,9]; _t = input f32 [?,9]; l g = HUBER w _t delta=1.5; out l",
    "w = input f32 [?,6]; _w = input f32 [?,6]; l g = KL_DIVERGENCE w _w temperature=4; out l",
};

static const char *const training[] = {
    "x = input f32 [?,17]; s = const i32 [2] = 3,7; y = DROPOUT_TRAIN x s rate=0.4 id=5; "
    "z = MUL y y; out z",
    "x = input f32 [?,4,4,6]; s = const i32 [2] = 3,8\n"
    "y = DROPOUT_TRAIN x s rate=0.5 per_channel=true; z = MUL y y; out z",
    "x = input f32 [?,3,4,5]; p = input f32 [5]; b = input f32 [5]\n"
    "y m v = FUSED_BATCH_NORM x p b; out y",
    "x = input f32 [7,3]; y m v = FUSED_BATCH_NORM x - - epsilon=0.1; out y",
    "x = input f32 [5,17]; p = input f32 [17]; y m v = FUSED_BATCH_NORM x p -; out y",
};

/* Whole networks. */
static const char *const networks[] = {
    "x = input f32 [3,8,8,1]; k = input f32 [4,3,3,1]; b = input f32 [4]; p = input f32 [4]\n"
    "a = CONV_2D x k b padding=SAME; n m v = FUSED_BATCH_NORM a p b; r = RELU n\n"
    "q = MAX_POOL_2D r filter_width=2 filter_height=2 stride_w=2 stride_h=2\n"
    "d = input f32 [5,64]; e = input f32 [5]; f = FULLY_CONNECTED q d e\n"
    "t = const i32 [3] = 1,4,0; l g = SOFTMAX_CROSS_ENTROPY f t; out l",
    "x = input f32 [?,6]; k = input f32 [6,6]; a = FULLY_CONNECTED x k -\n"
    "b = TANH a; c = FULLY_CONNECTED b k - fused_activation_function=RELU; d = ADD c x\n"
    "e = FULLY_CONNECTED d k -; s = SOFTMAX e beta=1; out s",
};

static void run(const char *const *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) gradient_check(cases[i]);
}

static void agree_with_finite_differences(void **state)
{
    (void)state;
    run(dense, MWI_COUNT(dense));
    run(convolutions, MWI_COUNT(convolutions));
    run(pools, MWI_COUNT(pools));
    run(pointwise, MWI_COUNT(pointwise));
    run(broadcasts, MWI_COUNT(broadcasts));
    run(reductions, MWI_COUNT(reductions));
    run(moves, MWI_COUNT(moves));
    run(losses, MWI_COUNT(losses));
    run(training, MWI_COUNT(training));
    run(networks, MWI_COUNT(networks));
}

/* Their gradients are estimates that no difference of values gives; tested beside them. */
static const char *const estimators[] = {"FAKE_QUANT_TRAIN"};

static bool is_estimator(const char *name)
{
    for (size_t i = 0; i < MWI_COUNT(estimators); i++)
        if (strcmp(estimators[i], name) == 0) return true;
    return false;
}

static void every_row_with_a_gradient_has_a_case(void **state)
{
    size_t missing = 0;

    (void)state;
    for (size_t i = 0; mwi_ops[i] != NULL; i++) {
        if (mwi_ops[i]->gradient == NULL || gradient_checked(mwi_ops[i]->name) > 0) continue;
        if (is_estimator(mwi_ops[i]->name)) continue;
        print_error("%s has a gradient, and no case here\n", mwi_ops[i]->name);
        missing++;
    }
    assert_int_equal(missing, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agree_with_finite_differences),
        cmocka_unit_test(every_row_with_a_gradient_has_a_case), /* after it */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
