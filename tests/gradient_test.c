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

static const char *const other_layers[] = {
    "x = input f32 [?,5,6,3]; k = input f32 [1,3,3,3]; b = input f32 [3]\n"
    "y = DEPTHWISE_CONV_2D x k b padding=SAME fused_activation_function=RELU; out y",
    "x = input f32 [2,7,6,2]; k = input f32 [1,2,3,6]; b = input f32 [6]\n"
    "y = DEPTHWISE_CONV_2D x k b padding=VALID stride_h=2 stride_w=3; out y",
    "x = input f32 [1,7,8,5]; k = input f32 [1,3,3,5]\n"
    "y = DEPTHWISE_CONV_2D x k padding=SAME dilation_h_factor=2 dilation_w_factor=3; out y",
    "x = input f32 [1,9,9,17]; k = input f32 [1,5,5,17]\n"
    "y = DEPTHWISE_CONV_2D x k padding=SAME stride_h=2 stride_w=2; out y",
    "s = const i32 [4] = 2,7,8,4; k = input f32 [4,3,2,3]; x = input f32 [2,4,4,3]\n"
    "b = input f32 [4]; y: f32 = TRANSPOSE_CONV s k x b padding=SAME stride_h=2 stride_w=2; out y",
    "s = const i32 [4] = 1,8,7,2; k = input f32 [2,2,3,5]; x = input f32 [1,4,3,5]\n"
    "y: f32 = TRANSPOSE_CONV s k x padding=VALID stride_h=2 stride_w=2 "
    "fused_activation_function=RELU; out y",
    "x = input f32 [?,3,4,5,2]; k = input f32 [2,3,2,2,3]; b = input f32 [3]\n"
    "y = CONV_3D x k b padding=SAME stride_d=2 stride_w=2 fused_activation_function=RELU; out y",
    "x = input f32 [1,5,4,5,3]; k = input f32 [2,2,3,3,2]\n"
    "y = CONV_3D x k padding=VALID dilation_d_factor=2; out y",
    "s = const i32 [5] = 1,4,5,4,2; k = input f32 [2,3,2,2,3]; x = input f32 [1,2,5,2,3]\n"
    "b = input f32 [2]; y: f32 = CONV_3D_TRANSPOSE s k x b padding=SAME stride_d=2 stride_w=2; "
    "out y",
    "x = input f32 [?,3]; y = input f32 [3,4]; z = BATCH_MATMUL x y; out z",
    "x = input f32 [?,3,2]; y = input f32 [1,3,4]; z = BATCH_MATMUL x y adj_x=true; out z",
    "x = input f32 [2,3]; y = input f32 [?,4,3]; z = BATCH_MATMUL x y adj_y=true; out z",
    "x = input f32 [?,2,3,2]; y = input f32 [2,4,3]\n"
    "z = BATCH_MATMUL x y adj_x=true adj_y=true; out z",
    "x = input f32 [?,3,4]; p = input f32 [4]; b = input f32 [4]; m = input f32 [4]\n"
    "pv = input f32 [4]; y = BATCH_NORMALIZATION x p b m pv epsilon=0.01; out y",
    "x = input f32 [?,4]; m = input f32 [4]; pv = input f32 [4]\n"
    "y = BATCH_NORMALIZATION x - - m pv; out y",
    "x = input f32 [?,5]; y = L2_NORMALIZATION x; out y",
    "x = input f32 [2,3,4]; y = L2_NORMALIZATION x; out y",
    "x = input f32 [?,5,6,3]\n"
    "y = L2_POOL_2D x filter_width=3 filter_height=2 stride_w=2 stride_h=1 padding=SAME; out y",
    "x = input f32 [?,7]; y = LOG_SOFTMAX x; out y",
};

static const char *const pools[] = {
    "x = input f32 [?,6,6,3]\n"
    "y = MAX_POOL_2D x filter_width=2 filter_height=2 stride_w=2 stride_h=2; out y",
    "x = input f32 [?,4,6,3]; a = RELU x\n"
    "y = MAX_POOL_2D a filter_width=2 filter_height=2 stride_w=2 stride_h=2; out y",
    "w = input f32 [2,5,4,17]; a = RELU6 w\n"
    "y = MAX_POOL_2D a filter_width=3 filter_height=2 stride_w=1 stride_h=2; out y",
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
    "w = input f32 [3,7]; a = ELU w; b = HARD_SWISH w; c = LEAKY_RELU w alpha=0.3; d = ABS w\n"
    "e = SQUARE w; f = NEG w; out a b c d e f",
    "w = input f32 [3,7]; a = GELU w; b = GELU w approximate=true; out a b",
    "p = input f32 [?,17]; a = LOG p; b = SQRT p; c = RSQRT p; d = EXP p; out a b c d",
    "x = input f32 [3,5]; a = DROPOUT x rate=0.5; b: f32 = CAST a; c = MUL a b; out c",
    "x = input f32 [3,5]; y = input f32 [3,5]; z = ADD_N x y x; u = MUL z z; out u",
    "x = input f32 [?,3,4]; a = input f32 [3,1]; y = PRELU x a; out y",
    "x = input f32 [2,4]; m = const bool [2] = 1,0; y = input f32 [2,4]; z: f32 = SELECT m x y; "
    "out z",
    "x = input f32 [2,4]; y = input f32 [2,4]; m: bool = GREATER x y; z: f32 = SELECT m x y; out z",
    "x = input f32 [?,4]; y = input f32 [1]; m = const bool [4] = 1,0,0,1\n"
    "z: f32 = SELECT_V2 m x y; out z",
    "w = input f32 [6,6]; h = const f32 [] = 30\n"
    "y = FAKE_QUANT w min=-5 max=6 num_bits=16; z = MUL y h; v = DIV z h; u = ADD v h; out u",
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

static const char *const two_operands[] = {
    "x = input f32 [?,4]; y = input f32 [4]; z = MAXIMUM x y; out z",
    "x = input f32 [3,1]; y = input f32 [?,1,4]; z = MINIMUM x y; out z",
    "x = input f32 [?,1]; y = input f32 [1]; z = MAXIMUM x y; out z",
    "x = input f32 [?,4]; y = input f32 [1,4]; z = SQUARED_DIFFERENCE x y; out z",
    "p = input f32 [?,4]; y = input f32 [4]; z = POW p y; out z",
    "x = input f32 [2,4]; y = const f32 [] = 3; z = POW x y; out z",
};

static const char *const reductions[] = {
    "x = input f32 [?,4,3]; a = const i32 [1] = 1; y = MEAN x a; out y",
    "x = input f32 [?,4,3]; a = const i32 [2] = 0,2; y = MEAN x a keep_dims=true; out y",
    "x = input f32 [2,4,3]; a = const i32 [1] = -1; y = SUM x a; out y",
    "x = input f32 [?,2,3,2]; a = const i32 [2] = 1,2; y = SUM x a keep_dims=true; out y",
    "x = input f32 [?,7]; y = SOFTMAX x beta=1; z = MUL y x; out z",
    "x = input f32 [2,3,17]; y = SOFTMAX x beta=0.5; out y",
};

static const char *const more_reductions[] = {
    "x = input f32 [?,4,3]; a = const i32 [1] = 1; y = REDUCE_MAX x a; out y",
    "x = input f32 [2,4,3]; a = const i32 [2] = 0,-1; y = REDUCE_MIN x a keep_dims=true; out y",
    "x = input f32 [?,4,3]; a = const i32 [] = 1; y = CUMSUM x a; out y",
    "x = input f32 [2,5]; a = const i32 [] = -1; y = CUMSUM x a reverse=true; out y",
    "x = input f32 [2,5]; a = const i32 [] = -1; y = CUMSUM x a exclusive=true; out y",
};

static const char *const moves[] = {
    "x = input f32 [?,2,6]; s = const i32 [3] = -1,3,4; y = RESHAPE x s; z = MUL y y; out z",
    "x = input f32 [2,1,3,1]; y = SQUEEZE x; z = MUL y y; out z",
    "x = input f32 [?,3]; a = const i32 [1] = 1; y = EXPAND_DIMS x a; z = MUL y y; out z",
};

static const char *const more_moves[] = {
    "x = input f32 [?,3,4]; p = const i32 [3] = 2,0,1; y = TRANSPOSE x p; out y",
    "x = input f32 [?,3,2]; y = input f32 [?,1,2]; z = CONCATENATION x y x axis=1; out z",
    "a = const i32 [] = 1; x = input f32 [?,6]; u v w = SPLIT a x num_splits=3; y = MUL u w; out y",
    "x = input f32 [?,6]; s = const i32 [3] = 1,2,3; a = const i32 [] = -1\n"
    "u v w = SPLIT_V x s a num_splits=3; out u v w",
    "x = input f32 [?,3]; y = input f32 [?,3]; z = PACK x y x values_count=3 axis=1; out z",
    "x = input f32 [?,3,2]; u v w = UNPACK x num=3 axis=1; y = MUL u w; out y",
    "x = input f32 [?,5,3]; b = const i32 [3] = 0,1,0; s = const i32 [3] = -1,3,2\n"
    "y = SLICE x b s; out y",
    "x = input f32 [?,7,3]; b = const i32 [2] = 0,-1; e = const i32 [2] = 0,0\n"
    "s = const i32 [2] = 1,-2; y = STRIDED_SLICE x b e s begin_mask=1 end_mask=3; out y",
    "x = input f32 [?,7,3]; b = const i32 [2] = 0,-2; e = const i32 [2] = 0,0\n"
    "s = const i32 [2] = 1,1; y = STRIDED_SLICE x b e s begin_mask=1 end_mask=1 "
    "shrink_axis_mask=2; out y",
    "x = input f32 [?,4,3]; p = const i32 [3,2] = 0,0,2,1,0,1; y = PAD x p; out y",
    "x = input f32 [2,3]; p = const i32 [2,2] = 1,0,0,2; v = const f32 [] = 0.5\n"
    "y = PADV2 x p v; out y",
    "x = input f32 [?,4,3]; p = const i32 [3,2] = 0,0,3,1,0,2; y = MIRROR_PAD x p mode=0; out y",
    "x = input f32 [4,3]; p = const i32 [2,2] = 4,0,0,2; y = MIRROR_PAD x p mode=1; out y",
    "x = input f32 [?,4,3]; a = const i32 [2] = 1,-1; y = REVERSE_V2 x a; out y",
    "x = input f32 [3,4]; n = const i32 [3] = 1,4,3\n"
    "y = REVERSE_SEQUENCE x n seq_dim=1 batch_dim=0; out y",
    "x = input f32 [?,4,6,3]; y = SPACE_TO_DEPTH x block_size=2; out y",
    "x = input f32 [?,2,3,8]; y = DEPTH_TO_SPACE x block_size=2; out y",
    "x = input f32 [?,3,4,2]; b = const i32 [2] = 2,3; p = const i32 [2,2] = 1,0,1,1\n"
    "y = SPACE_TO_BATCH_ND x b p; out y",
    "x = input f32 [6,2,2,1]; b = const i32 [2] = 2,3; p = const i32 [2,2] = 1,0,2,1\n"
    "y = BATCH_TO_SPACE_ND x b p; out y",
    "x = input f32 [?,1,3]; s = const i32 [3] = 3,4,3; y = BROADCAST_TO x s; out y",
    "x = input f32 [?,2,3]; t = const i32 [3] = 2,1,3; y = TILE x t; out y",
    "x = input f32 [4,2,3]; i = const i32 [2,2] = 1,0,1,1; y = GATHER x i axis=1; out y",
    "x = input f32 [2,5,3]; i = const i64 [2,4] = 1,4,1,0,2,2,3,0\n"
    "y = GATHER x i axis=1 batch_dims=1; out y",
    "i = const i32 [6] = 2,0,2,2,4,0; k = input f32 [5,17]; y: f32 = EMBEDDING_LOOKUP i k; out y",
    "x = input f32 [?,3,4,2]; s = const i32 [2] = 5,7; y = RESIZE_BILINEAR x s; out y",
    "x = input f32 [1,5,4,2]; s = const i32 [2] = 3,8\n"
    "y = RESIZE_BILINEAR x s half_pixel_centers=true; out y",
    "x = input f32 [1,3,4,2]; s = const i32 [2] = 5,7\n"
    "y = RESIZE_BILINEAR x s align_corners=true; out y",
    "x = input f32 [?,3,4,2]; s = const i32 [2] = 6,8; y = RESIZE_NEAREST_NEIGHBOR x s; out y",
    "x = input f32 [1,5,4,2]; s = const i32 [2] = 3,7\n"
    "y = RESIZE_NEAREST_NEIGHBOR x s half_pixel_centers=true; out y",
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
    run(other_layers, MWI_COUNT(other_layers));
    run(pools, MWI_COUNT(pools));
    run(pointwise, MWI_COUNT(pointwise));
    run(broadcasts, MWI_COUNT(broadcasts));
    run(two_operands, MWI_COUNT(two_operands));
    run(more_reductions, MWI_COUNT(more_reductions));
    run(more_moves, MWI_COUNT(more_moves));
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
