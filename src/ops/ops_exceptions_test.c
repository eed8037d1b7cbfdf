/* ops/ops_exceptions_test.c - what docs/reference-exceptions.md says of results that are not
 * LiteRT's reference kernels'.   SPDX-License-Identifier: Apache-2.0 */
#include "op_case.h"
#include "support.h"

static void integers_are_what_they_stand_for(void **state)
{
    static const op_case cases[] = {
        {"GREATER: i16[2]@0.006=5305,0 i16[2]@0.05=3018,-1 > bool[2]=0,1", NULL},
        {"LESS: i16[2]@0.5=2,3 i16[2]@0.25=5,6 > bool[2]=1,0", NULL},
        {"LESS_EQUAL: i16[2]@0.0001=2,4 i16[2]@0.0002=1,1 > bool[2]=1,0", NULL},
        {"LESS: i8[2]@2,0=3,4 i8[2]@0.5,0=13,16 > bool[2]=1,0", NULL},
        {"SUM keep_dims=0: i8[2]@0.5,10=20,30 i32[1]=0 > i8[]@1,0=15", NULL},
        {"SUM keep_dims=0: i16[2]@0.5=-20,30 i32[1]=0 > i16[]@0.25=20", NULL},
        {"REDUCE_PROD keep_dims=1: i8[1]@0.5,0=10 i32[1]=0 > i8[1]@0.25,0=20", NULL},
        {"HARD_SWISH: u8[2]@0.00390625,76=14,168 > u8[2]@4.23,11=11,11", NULL},
    };

    (void)state;
    op_cases_run(cases, MWI_COUNT(cases));
}

static void what_no_value_holds_saturates(void **state)
{
    static const op_case cases[] = {
        {"EXP: i16[2]@0.0625,0=16000,-16000 > i16[2]@1,0=32767,0", NULL},
        {"FLOOR_DIV: i8[3]=-128,-128,-128 i8[3]=-1,-3,3 > i8[3]=127,42,-43", NULL},
        {"FLOOR_DIV: i16[1]=-32768 i16[1]=-1 > i16[1]=32767", NULL},
        {"FLOOR_DIV: i32[1]=-2147483648 i32[1]=-1 > i32[1]=2147483647", NULL},
        {"LOGISTIC: i16[3]@10,0=-1,0,1 > i16[3]@0.000030517578125,0=1,16384,32767", NULL},
        {"TANH: i16[3]@10,0=-1,0,1 > i16[3]@0.000030517578125,0=-32767,0,32767", NULL},
        {"DIV: i8[1]@15,18=76 i8[1]@0.00005,-47=44 > i8[1]@0.00002,3=127", NULL},
        {"SUB pot_scale_int16=0: i16[2]@0.01=1,1 i16[2]@20=-30000,30000 > "
         "i16[2]@0.0005=32767,-32768",
         NULL},
        {"ADD: f32[2]=3e38,-3e38 f32[2]=3e38,-3e38 > f32[2]=inf,-inf", NULL},
        {"MUL fused_activation_function=2: u32[2]=3,0 u32[2]=5,7 > u32[2]=1,0", NULL},
    };

    (void)state;
    op_cases_run(cases, MWI_COUNT(cases));
}

static void edges_of_shapes(void **state)
{
    static const op_case cases[] = {
        {"REDUCE_PROD keep_dims=1: i8[0]@0.5,3= i32[1]=0 > i8[1]@0.04,-128=-103", NULL},
        {"REDUCE_MAX keep_dims=0: f32[2]=nan,3 i32[1]=0 > f32[]=3", NULL},
        {"REDUCE_MAX keep_dims=0: f32[2]=-inf,-inf i32[1]=0 > f32[]=-inf", NULL},
        {"REDUCE_MIN keep_dims=0: f32[2]=inf,inf i32[1]=0 > f32[]=inf", NULL},
        {"TRANSPOSE: f32[]=7 i32[0]= > f32[]=7", NULL},
        {"RFFT2D: f32[2,2]=1,5,3,7 i32[2]=2,1 > c64[2,1]=4,0,-2,0", NULL},
        {"DILATE: f32[0,2]= i32[2]=2,3 f32[]=1 > f32[0,4]=", NULL},
        {"SLICE: f32[3]=1,2,3 i32[1]=1 i64[1]=2 > f32[2]=2,3", NULL},
        {"STRIDED_SLICE offset=1: f32[3,2]=1,2,3,4,5,6 i32[1]=1 i32[1]=2 i32[1]=1 > "
         "f32[2,2]=3,4,5,6",
         NULL},
    };

    (void)state;
    op_cases_run(cases, MWI_COUNT(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_what_they_stand_for),
        cmocka_unit_test(what_no_value_holds_saturates),
        cmocka_unit_test(edges_of_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
