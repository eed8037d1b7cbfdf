/* ops/ops_refuse_test.c - what operators must refuse, and with which words; what they cannot know
 * before the run.
 * SPDX-License-Identifier: Apache-2.0 */
#include "op_case.h"
#include "support.h"

static void shapes_that_do_not_go_together(void **state)
{
    static const op_case cases[] = {
        {"ADD: f32[2] f32[3] > f32", "do not broadcast"},
        {"ADD: f32[2] - > f32", "missing"},
        {"CONCATENATION axis=0: f32[2,3] f32[2,4] > f32", "dimension 1 is 4"},
        {"CONCATENATION axis=2: f32[2,3] f32[2,3] > f32", "axis 2"},
        {"CONCATENATION axis=-3: f32[2,3] f32[2,3] > f32", "axis -3"},
        {"PACK values_count=2: f32[2] f32[3] > f32", "another shape"},
        {"PACK values_count=3: f32[2] f32[2] > f32", "values_count"},
        {"UNPACK num=3: f32[2] > f32 f32", "num is 3"},
        {"SPLIT num_splits=2: i32[]=0 f32[3] > f32 f32", "2 parts"},
        {"SPLIT num_splits=2: i32[]=-3 f32[4] > f32 f32", "axis -3"},
        {"SPLIT_V num_splits=2: f32[4] i32[2]=1,2 i32[]=0 > f32 f32", "the sizes add to 3"},
        {"SPLIT_V num_splits=2: f32[4] i32[2]=-1,-1 i32[]=0 > f32 f32", "size 1 is -1"},
        {"SPLIT_V num_splits=2: f32[4] i32[2]=5,-1 i32[]=0 > f32 f32", "size 0 is 5"},
        {"ADD_N: f32[2] f32[3] > f32", "another shape"},
        {"PRELU: f32[2] f32[3,2] > f32", "alpha does not broadcast"},
        {"SELECT: bool[2] f32[3] f32[3] > f32", "do not go together"},
        {"SELECT_V2: bool[2] f32[3] f32[3] > f32", "do not broadcast"},
        {"MATRIX_SET_DIAG: f32[2,3] f32[3] > f32", "the diagonal"},
        {"REVERSE_SEQUENCE seq_dim=0 batch_dim=0: f32[2,2] i32[2] > f32", "seq_dim 0"},
        {"REVERSE_SEQUENCE seq_dim=0 batch_dim=1: f32[2,3] i32[2] > f32", "2 lengths"},
        {"DYNAMIC_UPDATE_SLICE: f32[2] f32[3] i32[1]=0 > f32", "of the update is 3"},
        {"BITCAST: i8[3] > i32", "last dimension"},
        {"SQUEEZE squeeze_dims=0: f32[2,1] > f32", "is 2, not 1"},
        {"L2_NORMALIZATION: f32[] > f32", "rank 0"},
        {"LOCAL_RESPONSE_NORMALIZATION: f32[2] > f32", "rank 1"},
    };
    (void)state;
    op_cases_run(cases, MWI_COUNT(cases));
}

static void parameters_out_of_range(void **state)
{
    static const op_case cases[] = {
        {"RESHAPE: f32[6] i32[2]=-1,-1 > f32", "is -1"},
        {"RESHAPE: f32[6] i32[2]=4,-1 > f32", "do not fill"},
        {"RESHAPE: f32[6] i32[2]=-2,3 > f32", "is -2"},
        {"RESHAPE: f32[6] i32[3]=2147483647,2147483647,2147483647 > f32",
         "dimension 2 of the shape"},
        {"PAD: f32[2] i32[1,2]=-1,0 > f32", "padding 0 is -1"},
        {"PAD: f32[2] i32[1,2]=2147483647,2147483647 > f32", "would be"},
        {"PAD: f32[2] i32[2,2]=0,0,0,0 > f32", "4 paddings"},
        {"PADV2: f32[2] i32[1,2]=1,1 f32[2] > f32", "2 elements"},
        {"MIRROR_PAD mode=0: f32[2] i32[1,2]=2,0 > f32", "padding 0 is 2"},
        {"MIRROR_PAD mode=1: f32[2] i32[1,2]=0,3 > f32", "padding 1 is 3"},
        {"MEAN: f32[2,2] i32[1]=-2147483648 > f32", "axis -2147483648"},
        {"SUM: f32[2,2] i32[1]=2 > f32", "axis 2"},
        {"TRANSPOSE: f32[2,2] i32[2]=0,0 > f32", "twice"},
        {"TRANSPOSE: f32[2,2] i32[1]=0 > f32", "a permutation of 1"},
        {"EXPAND_DIMS: f32[2] i32[]=3 > f32", "axis 3"},
        {"SLICE: f32[4] i32[1]=5 i32[1]=0 > f32", "begin 5"},
        {"SLICE: f32[4] i32[1]=-1 i32[1]=1 > f32", "begin -1"},
        {"SLICE: f32[4] i32[1]=2 i32[1]=3 > f32", "size 3"},
        {"SLICE: f32[4] i32[1]=2 i32[1]=-2 > f32", "size -2"},
        {"SLICE: f32[4] i64[1]=9e18 i64[1]=9e18 > f32", "begin 9000000000000000000"},
        {"STRIDED_SLICE: f32[4] i32[1]=0 i32[1]=4 i32[1]=0 > f32", "stride 0 is 0"},
        {"STRIDED_SLICE shrink_axis_mask=1: f32[4] i32[1]=4 i32[1]=5 i32[1]=1 > f32", "index 4"},
        {"STRIDED_SLICE shrink_axis_mask=1: f32[4] i32[1]=-5 i32[1]=0 i32[1]=1 > f32", "index -5"},
        {"STRIDED_SLICE: f32[4] i32[2]=0,0 i32[2]=1,1 i32[2]=1,1 > f32", "2 terms"},
        {"STRIDED_SLICE ellipsis_mask=3: f32[4] i32[2]=0,0 i32[2]=1,1 i32[2]=1,1 > f32",
         "one ellipsis"},
        {"STRIDED_SLICE offset=1: f32[4] i32[1]=2 i32[1]=3 i32[1]=1 > f32", "3 elements"},
        {"TILE: f32[2,2] i32[2]=2147483647,1 > f32", "2147483647 times"},
        {"TILE: f32[2] i32[1]=-1 > f32", "-1 times"},
        {"BROADCAST_TO: f32[2] i32[1]=3 > f32", "does not broadcast to 3"},
        {"BROADCAST_TO: f32[1] i32[1]=-3 > f32", "does not broadcast to -3"},
        {"FILL: i32[1]=-1 f32[] > f32", "dimension 0 is -1"},
        {"FILL: i32[2]=2147483647,2147483647 f32[] > f32", "larger than any memory"},
        {"ONE_HOT: i32[2] i32[]=-1 f32[] f32[] > f32", "depth -1"},
        {"ONE_HOT axis=2: i32[2] i32[]=2 f32[] f32[] > f32", "axis 2"},
        {"RANGE: i32[]=0 i32[]=5 i32[]=0 > i32", "do not lead"},
        {"RANGE: i32[]=0 i32[]=5 i32[]=-1 > i32", "do not lead"},
        {"RANGE: f32[]=0 f32[]=1 f32[]=1e-30 > f32", "do not lead"},
        {"TOPK_V2: f32[3] i32[]=4 > f32 i32", "k is 4"},
        {"ARG_MAX: f32[2,0] i32[]=1 > i32", "no elements"},
        {"ARG_MAX: f32[2] i32[]=-2 > i32", "axis -2"},
        {"CUMSUM: f32[2] i32[]=1 > f32", "axis 1"},
        {"REVERSE_V2: f32[2] i32[1]=1 > f32", "axis 1"},
        {"GATHER axis=1: f32[2] i32[1]=0 > f32", "axis 1"},
        {"GATHER axis=1 batch_dims=2: f32[2,2] i32[2,2]=0,0,0,0 > f32", "batch_dims 2"},
        {"GATHER_ND: f32[2] i32[1,2]=0,0 > f32", "indices of 2"},
        {"SCATTER_ND: i32[1,2]=0,0 f32[1] i32[1]=4 > f32", "at 2 indices"},
        {"SPARSE_TO_DENSE: i32[1,2]=0,0 i32[1]=4 f32[1] f32[] > f32", "indices of 2"},
        {"DEPTH_TO_SPACE block_size=2: f32[1,1,1,3] > f32", "for 3 channels"},
        {"SPACE_TO_DEPTH block_size=2: f32[1,3,2,1] > f32", "3 by 2"},
        {"SPACE_TO_BATCH_ND: f32[1,3,1] i32[1]=2 i32[1,2]=0,0 > f32", "in blocks of 2"},
        {"SPACE_TO_BATCH_ND: f32[1,3,1] i32[1]=0 i32[1,2]=0,0 > f32", "block 0"},
        {"BATCH_TO_SPACE_ND: f32[3,2,1] i32[1]=2 i32[1,2]=0,0 > f32", "3 batches"},
        {"BATCH_TO_SPACE_ND: f32[2,1,1] i32[1]=2 i32[1,2]=3,0 > f32", "would be -1"},
        {"RESIZE_BILINEAR: f32[1,2,2,1] i32[2]=0,2 > f32", "0 and 2"},
        {"RESIZE_BILINEAR align_corners=1 half_pixel_centers=1: f32[1,2,2,1] i32[2]=2,2 > f32",
         "exclude each other"},
        {"RESIZE_NEAREST_NEIGHBOR: f32[1,0,2,1] i32[2]=2,2 > f32", "0 by 2"},
        {"UNSORTED_SEGMENT_SUM: f32[2] i32[2]=0,1 i32[]=-1 > f32", "-1 segments"},
        {"SEGMENT_SUM: f32[2] i32[2]=0,2 > f32", "is 2 after 0"},
        {"RFFT2D: f32[2,2] i32[2]=2,3 > c64", "powers of two"},
        {"RFFT2D: f32[0,2,2] i32[2]=1073741824,1073741824 > c64", "larger than any memory"},
        {"DILATE: f32[2] i32[1]=0 f32[] > f32", "factor of dimension 0 is 0"},
        {"DILATE: f32[2] i32[1]=2147483647 f32[] > f32", "would be"},
        {"DILATE: f32[2,2] i32[1]=1 f32[] > f32", "1 factors for rank 2"},
        {"RANDOM_UNIFORM: i32[1]=-1 > f32", "dimension 0 is -1"},
        {"MULTINOMIAL: f32[1,2] i32[]=-1 > i64", "-1 samples"},
        {"MULTINOMIAL: f32[1,0] i32[]=1 > i64", "no categories"},
        {"UNIQUE idx_out_type=0: f32[2] > f32 f32", "idx_out_type is 0"},
        {"STABLEHLO_PAD edge_padding_low=1 edge_padding_high=1 interior_padding=-1: f32[2] f32[] > "
         "f32",
         "1, 1 and -1"},
        {"STABLEHLO_PAD edge_padding_low=1: f32[2] f32[] > f32", "1, 0 and 0 paddings"},
        {"STABLEHLO_GATHER offset_dims=0 start_index_map=0 slice_sizes=3 index_vector_dim=0: "
         "f32[2] "
         "i32[1] > f32[1]",
         "slice size 0 is 3"},
        {"STABLEHLO_GATHER offset_dims=0 start_index_map=1 slice_sizes=1 index_vector_dim=0: "
         "f32[2] "
         "i32[1] > f32[1]",
         "dimensions of indices"},
        {"STABLEHLO_GATHER offset_dims=0 start_index_map=0 slice_sizes=1 index_vector_dim=2: "
         "f32[2] "
         "i32[1] > f32[1]",
         "index_vector_dim is 2"},
        {"REDUCE_WINDOW reduce_function=1: f32[2] f32[] i64[1]=0 i64[1]=1 i64[1]=1 > f32",
         "window 0"},
        {"REDUCE_WINDOW reduce_function=0: f32[2] f32[] i64[1]=1 i64[1]=1 i64[1]=1 > f32",
         "UNSUPPORTED"},
        {"STABLEHLO_ADD: f32[2] f32[1] > f32", "different shapes"},
        {"STABLEHLO_RNG_BIT_GENERATOR algorithm=2: u64[3] > u64[3] u32[2]", "a state of 3"},
        {"FAKE_QUANT min=1 max=2 num_bits=8: f32[1] > f32", "0 must lie"},
    };
    (void)state;
    op_cases_run(cases, MWI_COUNT(cases));
}

static void values_that_only_the_run_sees(void **state)
{
    static const op_case cases[] = {
        {"GATHER: f32[3] i32[2]=0,3 > f32", "index 3, allowed 0 to 2"},
        {"GATHER: f32[3] i64[1]=-1 > f32", "index -1"},
        {"EMBEDDING_LOOKUP_SPARSE: i32[1]=2 i32[1,1]=0 i32[1]=1 f32[1] f32[2,2] > f32", "index 2"},
        {"EMBEDDING_LOOKUP_SPARSE: i32[1]=1 i32[1,2]=3,0 i32[2]=3,1 f32[1] f32[2,2] > f32",
         "index 3"},
        {"GATHER_ND: f32[3] i32[1,1]=3 > f32", "index 3"},
        {"SCATTER_ND: i32[1,1]=4 f32[1] i32[1]=4 > f32", "index 4"},
        {"SPARSE_TO_DENSE: i32[]=-1 i32[1]=4 f32[] f32[] > f32", "index -1"},
        {"EMBEDDING_LOOKUP: i32[1]=2 f32[2,2] > f32", "index 2"},
        {"UNSORTED_SEGMENT_SUM: f32[2] i32[2]=0,5 i32[]=2 > f32", "index 5"},
        {"REVERSE_SEQUENCE seq_dim=0 batch_dim=1: f32[2,1] i32[1]=3 > f32", "index 3"},
        {"DIV: i32[2] i32[2]=1,0 > i32", "division by zero"},
        {"DIV: u8[1]@1 u8[1]@1,7=7 > u8@1", "division by zero"},
        {"FLOOR_DIV: f32[1] f32[1]=0 > f32", "division by zero"},
        {"FLOOR_MOD: i8[1] i8[1]=0 > i8", "division by zero"},
        {"POW: i32[1] i32[1]=-1 > i32", "exponent -1"},
        {"SQRT: i8[1]@1=-1 > i8@1", "a negative number"},
        {"RSQRT: i16[1]@1=-1 > i16@1", "a negative number"},
        {"BROADCAST_ARGS: i32[1]=2 i32[1]=3 > i32", "do not broadcast"},
        {"NON_MAX_SUPPRESSION_V5: f32[1,4] f32[1] i32[]=1 f32[]=0.5 f32[]=0 f32[]=-1 > i32 f32 i32",
         "sigma is -1"},
    };
    (void)state;
    op_cases_run(cases, MWI_COUNT(cases));
}

static void missing_or_unfit_quantization(void **state)
{
    static const op_case cases[] = {
        {"ADD: i8[1] i8[1]@1 > i8@1", "the first input is not quantized"},
        {"ADD: i8[1]@1 i8[1]@1 > i8", "the output is not quantized"},
        {"ADD: i8[1]@0 i8[1]@1 > i8@1", "scale 0"},
        {"ADD: i16[1]@1,3 i16[1]@1 > i16@1", "zero point 0"},
        {"MUL: i16[1]@1,3 i16[1]@1 > i16@1", "zero point 0"},
        {"MUL fused_activation_function=4: i8[1]@1 i8[1]@1 > i8@1", "TANH"},
        {"RELU: i8[1] > i8@1", "not quantized"},
        {"TANH: i16[1]@1 > i16@1", "1/32768"},
        {"LEAKY_RELU: i16[1]@1,2 > i16@1", "zero point 2"},
        {"EXP: i16[1]@1,2 > i16@1", "zero point 2"},
        {"QUANTIZE: f32[1] > i8", "not quantized"},
        {"DEQUANTIZE: i8[1] > f32", "not quantized"},
        {"MEAN: i8[2] i32[1]=0 > i8@1", "not quantized"},
        {"REDUCE_MAX: i8[2]@1 i32[1]=0 > i8@2", "not the input's"},
        {"CONCATENATION axis=0: i8[1]@1 i8[1]@2 > i8@1", "another scale"},
        {"SPACE_TO_BATCH_ND: i8[1,2,1]@1 i32[1]=2 i32[1,2]=0,0 > i8@1,4", "not the input's"},
        {"L2_NORMALIZATION: i8[1]@1 > i8@1", "allowed 1/128"},
        {"HARD_SWISH: i8[1]@1000 > i8@1", "over 128 times"},
        {"EQUAL: i8[1] i8[1]@1 > bool", "not quantized"},
        {"PRELU: i8[1]@1 i8[1] > i8@1", "not quantized"},
        {"SQUARED_DIFFERENCE: i8[1]@1 i8[1]@1 > i8", "not quantized"},
        {"ADD: f32[1] i8[1]@1 > f32", "no kernel"},
        {"GATHER: f32[1] f32[1] > f32", "no kernel"},
    };
    (void)state;
    op_cases_run(cases, MWI_COUNT(cases));
}

static void shapes_that_wait_for_data(void **state)
{
    static const op_case cases[] = {
        {"RESHAPE: f32[6] i32[2]? > f32", "?"},
        {"WHERE: bool[6]? > i64", "?"},
        {"UNIQUE: f32[6]? > f32 i32", "?"},
        {"RANDOM_UNIFORM: i32[2]? > f32", "?"},
        {"WHILE cond_subgraph_index=0 body_subgraph_index=0: f32[2] > f32", "?"},
        {"PAD: f32[2] i32[1,2]? > f32", "?"},
        {"MEAN: f32[2] i32[1]? > f32", "?"},
        {"TRANSPOSE: f32[2] i32[1]? > f32", "?"},
        {"SLICE: f32[4] i32[1]=0 i32[1]? > f32", "?"},
        {"SLICE: f32[4] i32[1]? i32[1]=-1 > f32", "?"},
        {"STRIDED_SLICE: f32[4] i32[1]? i32[1]=2 i32[1]=1 > f32", "?"},
        {"TILE: f32[2] i32[1]? > f32", "?"},
        {"FILL: i32[1]? f32[] > f32", "?"},
        {"RANGE: i32[]? i32[]=4 i32[]=1 > i32", "?"},
        {"ONE_HOT: i32[2] i32[]? f32[] f32[] > f32", "?"},
        {"TOPK_V2: f32[3] i32[]? > f32 i32", "?"},
        {"ARG_MAX: f32[2] i32[]? > i32", "?"},
        {"SPLIT num_splits=1: i32[]? f32[3] > f32", "?"},
        {"BROADCAST_TO: f32[1] i32[1]? > f32", "?"},
        {"RESIZE_BILINEAR: f32[1,2,2,1] i32[2]? > f32", "?"},
        {"SEGMENT_SUM: f32[2] i32[2]? > f32", "?"},
        {"EXPAND_DIMS: f32[2] i32[]? > f32", "?"},
        {"SCATTER_ND: i32[1,1] f32[1] i32[1]? > f32", "?"},
    };
    (void)state;
    op_cases_run(cases, MWI_COUNT(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_that_do_not_go_together),
        cmocka_unit_test(parameters_out_of_range),
        cmocka_unit_test(values_that_only_the_run_sees),
        cmocka_unit_test(missing_or_unfit_quantization),
        cmocka_unit_test(shapes_that_wait_for_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
