/* passes/passes_test.c - each pass on small graphs: the operators that remain, and that outputs stay the same.
 * A row whose operators stay as they are is a case in which the pass must not fire.
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph_text.h"
#include "passes/pass.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

typedef struct row {
    const char *name, *text, *ops; /* ops that remain */
    int32_t batch;                 /* also run with this batch; 0: no */
} row;

#define X "x = input f32 [1,6,6,3];"
#define CONV X "w = const f32 [8,3,3,3]; b = const f32 [8]; y = CONV_2D x w b padding=VALID;"

static const row rows[] = {
    {"dropout", X "y = DROPOUT x; z = RELU y; out z", "RELU", 0},
    {"dropout of an input that is an output", X "y = DROPOUT x; out y", "RESHAPE", 3},

    {"batch norm after conv", CONV
     "g = const f32 [8]; be = const f32 [8]; m = const f32 [8]; v = const f32 [8] = 0.5,2;"
     "z = BATCH_NORMALIZATION y g be m v; r = RELU z; out r", "CONV_2D.VALID/RELU", 3},
    {"batch norm of a value that others read", CONV
     "m = const f32 [8]; v = const f32 [8] = 0.5,2;"
     "z = BATCH_NORMALIZATION y - - m v; r = ABS y; out z r", "CONV_2D.VALID MUL ADD ABS", 0},
    {"batch norm before a valid conv", X "m = const f32 [3]; v = const f32 [3] = 2; g = const f32 [3];"
     "n = BATCH_NORMALIZATION x g - m v; w = const f32 [8,3,3,3]; y = CONV_2D n w - padding=VALID; out y",
     "CONV_2D.VALID", 2},
    {"batch norm before a padded conv", X "m = const f32 [3]; v = const f32 [3] = 2; g = const f32 [3];"
     "n = BATCH_NORMALIZATION x g - m v; w = const f32 [8,3,3,3]; y = CONV_2D n w - padding=SAME; out y",
     "MUL ADD CONV_2D.SAME", 2},

    {"mul and add into conv", CONV "c = const f32 [8]; d = const f32 [8]; p = MUL y c; q = ADD p d; out q",
     "CONV_2D.VALID", 2},
    {"arithmetic with an activation", CONV "d = const f32 [] = 2; q = SUB y d fused_activation_function=RELU; out q",
     "CONV_2D.VALID/RELU", 0},
    {"mul behind relu, positive", X "w = const f32 [8,3,3,3]; y = CONV_2D x w - fused_activation_function=RELU;"
     "c = const f32 [8] = 1,2,3,0.5; p = MUL y c; out p", "CONV_2D.SAME/RELU", 0},
    {"mul behind relu, negative", X "w = const f32 [8,3,3,3]; y = CONV_2D x w - fused_activation_function=RELU;"
     "c = const f32 [8] = 1,2,-3,0.5; p = MUL y c; out p", "CONV_2D.SAME/RELU MUL", 0},
    {"mul into depthwise", X "w = const f32 [1,3,3,6]; y = DEPTHWISE_CONV_2D x w - depth_multiplier=2 padding=VALID;"
     "c = const f32 [6]; p = MUL c y; out p", "DEPTHWISE_CONV_2D.VALID", 0},
    {"shift before depthwise", X "c = const f32 [3]; p = ADD x c; w = const f32 [1,3,3,6];"
     "y = DEPTHWISE_CONV_2D p w - depth_multiplier=2 padding=VALID; out y", "DEPTHWISE_CONV_2D.VALID", 0},
    {"scale before a padded conv", X "c = const f32 [3]; p = MUL x c; w = const f32 [4,3,3,3];"
     "y = CONV_2D p w -; out y", "CONV_2D.SAME", 0},
    {"scale before a grouped conv", "x = input f32 [1,5,5,4]; c = const f32 [4]; d = const f32 [4]; p = MUL x c; q = ADD p d;"
     "w = const f32 [6,3,3,2]; y = CONV_2D q w - padding=VALID; out y", "CONV_2D.VALID", 0},
    {"dense", "x = input f32 [2,5]; c = const f32 [5]; p = MUL x c; d = const f32 [1,5]; q = ADD p d; w = const f32 [4,5];"
     "y = FULLY_CONNECTED q w -; e = const f32 [4]; z = ADD y e; r = RELU6 z; out r", "FULLY_CONNECTED/RELU6", 3},
    {"shift before flattened dense", "x = input f32 [1,2,2,3]; c = const f32 [3]; p = ADD x c; s = const i32 [2] = -1,12;"
     "f = RESHAPE p s; w = const f32 [4,12]; y = FULLY_CONNECTED f w -; out y", "FULLY_CONNECTED", 2},
    {"a shared weight stays for others", "x = input f32 [1,64]; w = const f32 [64,64]; y = FULLY_CONNECTED x w -;"
     "c = const f32 [64]; z = MUL y c; u = FULLY_CONNECTED z w -; out u",
     "FULLY_CONNECTED MUL FULLY_CONNECTED", 0},
    {"mul with another shape", CONV "c = const f32 [1,4,4,8]; z = MUL y c; out z", "CONV_2D.VALID MUL", 0},
    {"mul of an output", CONV "c = const f32 [8]; z = MUL y c; out z y", "CONV_2D.VALID MUL", 0},
    {"chain of arithmetic", X "a = const f32 [3]; b = const f32 [] = 2; p = MUL x a; q = ADD p b; r = MUL q a; s = SUB r b;"
     "t = DIV s b; out t", "MUL ADD", 3},
    {"two adds", X "a = const f32 [3]; b = const f32 [] = 2; q = ADD x b; r = ADD q a fused_activation_function=RELU6; out r",
     "ADD/RELU6", 0},
    {"quantized mul stays", "x = input i8 [1,4] @ 0.5 3; a = const i8 [4] @ 0.1 0; b = const i8 [4] @ 0.1 0;"
     "p: i8 @ 0.5 3 = MUL x a; q: i8 @ 0.4 1 = MUL p b; out q", "MUL MUL", 0},

    {"relu6 after relu", CONV "z = RELU y; r = RELU6 z; out r", "CONV_2D.VALID/RELU6", 0},
    {"relu through reshape", CONV "s = const i32 [2] = -1,128; f = RESHAPE y s; r = RELU f; out r",
     "CONV_2D.VALID/RELU RESHAPE", 2},
    {"relu of two readers", CONV "r = RELU y; s = ABS y; out r s", "CONV_2D.VALID RELU ABS", 0},
    {"quantized relu", "x = input i8 [1,8] @ 0.05 3; y = input i8 [1,8] @ 0.05 -3; z: i8 @ 0.1 -20 = ADD x y;"
     "r: i8 @ 0.1 -20 = RELU6 z; out r", "ADD/RELU6", 0},
    {"quantized relu of another scale", "x = input i8 [1,8] @ 0.05 3; y = input i8 [1,8] @ 0.05 -3; z: i8 @ 0.1 -20 = ADD x y;"
     "r: i8 @ 0.05 -128 = RELU6 z; out r", "ADD RELU6", 0},

    {"constants alone", X "a = const f32 [3]; b = EXP a; c = NEG b; y = MUL x c; out y", "MUL", 0},
    {"constants that would grow", X "h = const f16 [3,3000]; d: f32 = DEQUANTIZE h; i = const i32 [1] = 0; m = MEAN d i; s = SUM m i; y = MUL x s; out y",
     "DEQUANTIZE MEAN SUM MUL", 0},
    {"common subexpressions", X "a = const f32 [3] = 1,2,3; b = const f32 [3] = 1,2,3; p = MUL x a; q = MUL x b; r = EXP p; s = EXP q; y = ADD r s; out y",
     "MUL EXP ADD", 0},
};

static bool check(mw_ctx *ctx, const row *r)
{
    mw_model *const before = graph_from_text(ctx, r->text, 7);
    mw_model *after;
    bool good = true;

    assert_ok(ctx, mwi_model_clone(ctx, before, &after));
    assert_ok(ctx, mwi_passes_run(ctx, after, MWI_PASS_LOWER | MWI_PASS_OPTIMIZE, NULL, NULL));
    char *const ops = graph_ops_text(after);
    if (strcmp(ops, r->ops) != 0) {
        print_error("%s: operators '%s', expected '%s'\n", r->name, ops, r->ops);
        good = false;
    }
    for (int32_t batch = 1; batch <= r->batch || batch == 1; batch += r->batch > 1 ? r->batch - 1 : 1) {
        const char *const why = models_differ(ctx, before, after, 3, 2e-6, batch, 11);
        if (why == NULL) continue;
        print_error("%s: batch %d: %s\n", r->name, batch, why);
        good = false;
    }
    free(ops);
    mw_model_destroy(after);
    mw_model_destroy(before);
    return good;
}

static void passes_rewrite(void **state)
{
    mw_ctx *const ctx = test_ctx();
    size_t bad = 0;

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(rows); i++) bad += !check(ctx, &rows[i]);
    assert_int_equal(bad, 0);
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(passes_rewrite)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
