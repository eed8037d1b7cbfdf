/* passes/passes_test.c - each pass on small graphs: the operators that remain, and that outputs
 * stay the same. A row whose operators stay as they are is a case in which the pass must not fire.
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph_builder.h"
#include "graph_text.h"
#include "passes/pass.h"
#include "support.h"

#include "base/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct row {
    const char *name, *text, *ops; /* ops that remain */
    int32_t batch;                 /* also run with this batch; 0: no */
} row;

#define X    "x = input f32 [1,6,6,3];"
#define CONV X "w = const f32 [8,3,3,3]; b = const f32 [8]; y = CONV_2D x w b padding=VALID;"

static const row rows[] = {
    {"dropout", X "y = DROPOUT x; z = RELU y; out z", "RELU", 0},
    {"dropout of an input that is an output", X "y = DROPOUT x; out y", "RESHAPE", 3},

    {"batch norm after conv",
     CONV "g = const f32 [8]; be = const f32 [8]; m = const f32 [8]; v = const f32 [8] = 0.5,2;"
          "z = BATCH_NORMALIZATION y g be m v; r = RELU z; out r",
     "CONV_2D.VALID/RELU", 3},
    {"batch norm of a value that others read",
     CONV "m = const f32 [8]; v = const f32 [8] = 0.5,2;"
          "z = BATCH_NORMALIZATION y - - m v; r = ABS y; out z r",
     "CONV_2D.VALID MUL ADD ABS", 0},
    {"batch norm before a valid conv",
     X "m = const f32 [3]; v = const f32 [3] = 2; g = const f32 [3];"
       "n = BATCH_NORMALIZATION x g - m v; w = const f32 [8,3,3,3]; y = CONV_2D n w - "
       "padding=VALID; out y",
     "CONV_2D.VALID", 2},
    {"batch norm before a padded conv",
     X "m = const f32 [3]; v = const f32 [3] = 2; g = const f32 [3];"
       "n = BATCH_NORMALIZATION x g - m v; w = const f32 [8,3,3,3]; y = CONV_2D n w - "
       "padding=SAME; out y",
     "MUL ADD CONV_2D.SAME", 2},

    {"mul and add into conv",
     CONV "c = const f32 [8]; d = const f32 [8]; p = MUL y c; q = ADD p d; out q", "CONV_2D.VALID",
     2},
    {"arithmetic with an activation",
     CONV "d = const f32 [] = 2; q = SUB y d fused_activation_function=RELU; out q",
     "CONV_2D.VALID/RELU", 0},
    {"mul behind relu, positive",
     X "w = const f32 [8,3,3,3]; y = CONV_2D x w - fused_activation_function=RELU;"
       "c = const f32 [8] = 1,2,3,0.5; p = MUL y c; out p",
     "CONV_2D.SAME/RELU", 0},
    {"mul behind relu, negative",
     X "w = const f32 [8,3,3,3]; y = CONV_2D x w - fused_activation_function=RELU;"
       "c = const f32 [8] = 1,2,-3,0.5; p = MUL y c; out p",
     "CONV_2D.SAME/RELU MUL", 0},
    {"mul into depthwise",
     X "w = const f32 [1,3,3,6]; y = DEPTHWISE_CONV_2D x w - depth_multiplier=2 padding=VALID;"
       "c = const f32 [6]; p = MUL c y; out p",
     "DEPTHWISE_CONV_2D.VALID", 0},
    {"shift before depthwise",
     X "c = const f32 [3]; p = ADD x c; w = const f32 [1,3,3,6];"
       "y = DEPTHWISE_CONV_2D p w - depth_multiplier=2 padding=VALID; out y",
     "DEPTHWISE_CONV_2D.VALID", 0},
    {"scale before a padded conv",
     X "c = const f32 [3]; p = MUL x c; w = const f32 [4,3,3,3];"
       "y = CONV_2D p w -; out y",
     "CONV_2D.SAME", 0},
    {"scale before a grouped conv",
     "x = input f32 [1,5,5,4]; c = const f32 [4]; d = const f32 [4]; p = MUL x c; q = ADD p d;"
     "w = const f32 [6,3,3,2]; y = CONV_2D q w - padding=VALID; out y",
     "CONV_2D.VALID", 0},
    {"dense",
     "x = input f32 [2,5]; c = const f32 [5]; p = MUL x c; d = const f32 [1,5]; q = ADD p d; w = "
     "const f32 [4,5];"
     "y = FULLY_CONNECTED q w -; e = const f32 [4]; z = ADD y e; r = RELU6 z; out r",
     "FULLY_CONNECTED/RELU6", 3},
    {"shift before flattened dense",
     "x = input f32 [1,2,2,3]; c = const f32 [3]; p = ADD x c; s = const i32 [2] = -1,12;"
     "f = RESHAPE p s; w = const f32 [4,12]; y = FULLY_CONNECTED f w -; out y",
     "FULLY_CONNECTED", 2},
    {"a shared weight stays for others",
     "x = input f32 [1,64]; w = const f32 [64,64]; y = FULLY_CONNECTED x w -;"
     "c = const f32 [64]; z = MUL y c; u = FULLY_CONNECTED z w -; out u",
     "FULLY_CONNECTED MUL FULLY_CONNECTED", 0},
    {"a transposed convolution of three axes",
     "x = input f32 [1,2,3,3,2]; s = const i32 [5] = 1,2,3,3,4; w = const f32 [1,1,1,4,2];"
     "y: f32 = CONV_3D_TRANSPOSE s w x padding=VALID stride_d=1 stride_h=1 stride_w=1;"
     "c = const f32 [4]; z = MUL y c; r = RELU z; out r",
     "CONV_3D_TRANSPOSE.VALID/RELU", 0},
    {"mul with another shape", CONV "c = const f32 [1,4,4,8]; z = MUL y c; out z",
     "CONV_2D.VALID MUL", 0},
    {"mul of an output", CONV "c = const f32 [8]; z = MUL y c; out z y", "CONV_2D.VALID MUL", 0},
    {"chain of arithmetic",
     X
     "a = const f32 [3]; b = const f32 [] = 2; p = MUL x a; q = ADD p b; r = MUL q a; s = SUB r b;"
     "t = DIV s b; out t",
     "MUL ADD", 3},
    {"two adds",
     X "a = const f32 [3]; b = const f32 [] = 2; q = ADD x b; r = ADD q a "
       "fused_activation_function=RELU6; out r",
     "ADD/RELU6", 0},
    {"quantized mul stays",
     "x = input i8 [1,4] @ 0.5 3; a = const i8 [4] @ 0.1 0; b = const i8 [4] @ 0.1 0;"
     "p: i8 @ 0.5 3 = MUL x a; q: i8 @ 0.4 1 = MUL p b; out q",
     "MUL MUL", 0},

    {"relu6 after relu", CONV "z = RELU y; r = RELU6 z; out r", "CONV_2D.VALID/RELU6", 0},
    {"relu through reshape", CONV "s = const i32 [2] = -1,128; f = RESHAPE y s; r = RELU f; out r",
     "CONV_2D.VALID/RELU RESHAPE", 2},
    {"relu of two readers", CONV "r = RELU y; s = ABS y; out r s", "CONV_2D.VALID RELU ABS", 0},
    {"quantized relu",
     "x = input i8 [1,8] @ 0.05 3; y = input i8 [1,8] @ 0.05 -3; z: i8 @ 0.1 -20 = ADD x y;"
     "r: i8 @ 0.1 -20 = RELU6 z; out r",
     "ADD/RELU6", 0},
    {"quantized relu of another scale",
     "x = input i8 [1,8] @ 0.05 3; y = input i8 [1,8] @ 0.05 -3; z: i8 @ 0.1 -20 = ADD x y;"
     "r: i8 @ 0.05 -128 = RELU6 z; out r",
     "ADD RELU6", 0},

    {"constants alone", X "a = const f32 [3]; b = EXP a; c = NEG b; y = MUL x c; out y", "MUL", 0},
    {"constants that would grow",
     X "h = const f16 [3,3000]; d: f32 = DEQUANTIZE h; i = const i32 [1] = 0; m = MEAN d i; s = "
       "SUM m i; y = MUL x s; out y",
     "DEQUANTIZE MEAN SUM MUL", 0},
    {"common subexpressions",
     X "a = const f32 [3] = 1,2,3; b = const f32 [3] = 1,2,3; p = MUL x a; q = MUL x b; r = EXP p; "
       "s = EXP q; y = ADD r s; out y",
     "MUL EXP ADD", 0},

    /* identities */
    {"identities",
     X "p = const i32 [4,2] = 0; a = PAD x p; o = const f32 [] = 1; b = MUL a o; z = const f32 [3] "
       "= 0; c = ADD z b;"
       "t = const i32 [4] = 0,1,2,3; d = TRANSPOSE c t; m = const i32 [4] = 1; e = TILE d m; f = "
       "MAX_POOL_2D e filter_width=1 filter_height=1;"
       "y = ABS f; out y",
     "ABS", 3},
    {"an identity that makes an output",
     X "a = ABS x; s = const i32 [4] = 1,6,6,3; b = RESHAPE a s; out b", "ABS", 0},
    {"an identity from input to output stays", X "p = const i32 [4,2] = 0; a = PAD x p; out a",
     "PAD", 0},
    {"an output that is read on",
     X "a = ABS x; p = const i32 [4,2] = 0; b = PAD a p; c = EXP b; out b c", "ABS EXP", 0},
    {"two outputs of one value", X "a = ABS x; p = const i32 [4,2] = 0; b = PAD a p; out a b",
     "ABS PAD", 0},
    {"slices of everything",
     X "b = const i32 [4] = 0; s = const i32 [4] = -1,6,6,3; a = SLICE x b s; e = const i32 [4] = "
       "1,6,6,3; o = const i32 [4] = 1;"
       "c = STRIDED_SLICE a b e o; y = ABS c; out y",
     "ABS", 0},
    {"a slice of less",
     X "b = const i32 [4] = 0; s = const i32 [4] = 1,5,6,3; a = SLICE x b s; out a", "SLICE", 0},
    {"one list, one part",
     X "a = CONCATENATION x axis=3; k = const i32 [] = 3; b: f32 = SPLIT k a num_splits=1; y = ABS "
       "b; out y",
     "ABS", 0},
    {"clamps of what is inside",
     X "a = LOGISTIC x; b = RELU a; c = RELU6 b; d = RELU c; y = NEG d; out y", "LOGISTIC NEG", 0},
    {"mean over dimensions of one",
     "x = input f32 [1,1,1,8]; i = const i32 [2] = 1,2; a = MEAN x i; y = ABS a; out y",
     "RESHAPE ABS", 0},
    {"gather all", X "i = const i32 [6] = 0,1,2,3,4,5; a = GATHER x i axis=1; y = ABS a; out y",
     "ABS", 0},
    {"gather in another order",
     X "i = const i32 [6] = 0,1,2,3,5,4; a = GATHER x i axis=1; y = ABS a; out y", "GATHER ABS", 0},
    {"integer identities",
     "x = input i32 [4]; a = const i32 [] = 0; b = ADD x a; c = const i32 [4] = 1; d = MUL b c; y "
     "= ADD d d; out y",
     "ADD", 0},
    {"quantize to the same",
     "x = input i8 [4] @ 0.5 3; a: i8 @ 0.5 3 = QUANTIZE x; b: i8 @ 0.25 3 = QUANTIZE a; out b",
     "QUANTIZE", 0},
    {"a reshape that names another scale",
     "x = input i8 [2,2] @ 0.5 3; s = const i32 [2] = 2,2; a: i8 @ 0.25 3 = RESHAPE x s; b: f32 = "
     "DEQUANTIZE a; out b",
     "RESHAPE DEQUANTIZE", 0},

    /* single operators */
    {"powers",
     "x = input f32 [4]; e = const f32 [] = 2; a = POW x e; h = const f32 [] = 0.5; b = POW a h; o "
     "= const f32 [] = 1; c = POW b o; out c a",
     "MUL SQRT", 0},
    {"division by a power of two",
     "x = input f32 [4]; e = const f32 [4] = 2,-4,0.5,8; a = DIV x e; out a", "MUL", 0},
    {"division by three", "x = input f32 [4]; e = const f32 [4] = 2,3,4,5; a = DIV x e; out a",
     "DIV", 0},
    {"negative terms",
     "x = input f32 [4]; y = input f32 [4]; n = NEG y; a = ADD n x; m = NEG a; b = SUB x m; c = "
     "NEG b; d = NEG c; e = ABS d; out e",
     "SUB ADD ABS", 0},
    {"squared difference", "x = input f32 [4]; y = input f32 [4]; d = SUB x y; a = MUL d d; out a",
     "SQUARED_DIFFERENCE", 0},
    {"squared difference, and the difference",
     "x = input f32 [4]; y = input f32 [4]; d = SUB x y; a = MUL d d; out a d", "SUB MUL", 0},
    {"sum by the count",
     "x = input f32 [2,8]; i = const i32 [1] = 1; s = SUM x i keep_dims=true; c = const f32 [] = "
     "0.125; a = MUL s c; out a",
     "MEAN", 0},
    {"sum by another number",
     "x = input f32 [2,8]; i = const i32 [1] = 1; s = SUM x i; c = const f32 [] = 0.12; a = MUL s "
     "c; out a",
     "SUM MUL", 0},
    {"sum of an open dimension",
     "x = input f32 [2,?]; i = const i32 [1] = 1; s = SUM x i; c = const f32 [] = 1; d = const f32 "
     "[] = 0.25; a = MUL s d; out a",
     "SUM MUL", 0},
    {"casts", "x = input i8 [4]; a: i32 = CAST x; b: f32 = CAST a; out b", "CAST", 0},
    {"a cast that loses", "x = input f32 [4]; a: i32 = CAST x; b: f32 = CAST a; out b", "CAST CAST",
     0},
    {"lists in lists",
     X "a = ABS x; b = NEG x; c = CONCATENATION a b axis=3; d = CONCATENATION x c axis=-1; out d",
     "ABS NEG CONCATENATION", 2},
    {"lists along other axes",
     X "a = CONCATENATION x x axis=2; d = CONCATENATION a a axis=3; out d",
     "CONCATENATION CONCATENATION", 0},

    {"tile before a sum",
     "x = input f32 [2,3,4]; y = input f32 [2,1,4]; m = const i32 [3] = 1,3,1; t = TILE y m; z = "
     "ADD t x; out z",
     "ADD", 0},
    {"tile before a sum with another tile",
     "x = input f32 [2,3,1]; y = input f32 [2,1,4]; m = const i32 [3] = 1,3,1; t = TILE y m; z = "
     "ADD t x; out z",
     "TILE ADD", 0},
    {"tile of more than ones",
     "x = input f32 [2,6,4]; y = input f32 [2,3,4]; m = const i32 [3] = 1,2,1; t = TILE y m; z = "
     "ADD t x; out z",
     "TILE ADD", 0},
    {"shape of a cast", "x = input f32 [2,?]; c: i32 = CAST x; s: i32 = SHAPE c; out s", "SHAPE",
     0},

    /* reshapes */
    {"reshapes",
     X "s = const i32 [2] = -1,108; a = RESHAPE x s; t = const i32 [3] = -1,4,27; b = RESHAPE a t; "
       "k = const i32 [] = 1; c = EXPAND_DIMS b k;"
       "d = SQUEEZE c squeeze_dims=1; y = ABS d; out y",
     "RESHAPE ABS", 3},
    {"squeezes of a batch",
     "x = input f32 [1,1,5,1]; a = SQUEEZE x squeeze_dims=1; b = SQUEEZE a squeeze_dims=2; y = ABS "
     "b; out y",
     "RESHAPE ABS", 3},
    {"reshapes of open shapes",
     "x = input f32 [?,4,6]; s = const i32 [2] = -1,24; a = RESHAPE x s; t = const i32 [3] = "
     "-1,6,4; b = RESHAPE a t; y = ABS b; out y",
     "RESHAPE ABS", 5},
    {"reshape there and back",
     X "s = const i32 [2] = -1,108; a = RESHAPE x s; b = EXP a; t = const i32 [4] = -1,6,6,3; c = "
       "RESHAPE b t; out c",
     "EXP", 4},
    {"computed shape",
     "x = input f32 [?,4,6]; s: i32 = SHAPE x; b = const i32 [1] = 0; e = const i32 [1] = 1; n: "
     "i32 = STRIDED_SLICE s b e e shrink_axis_mask=1;"
     "c = const i32 [] = 24; p: i32 = PACK n c values_count=2; y = RESHAPE x p; z = ABS y; out z",
     "RESHAPE ABS", 4},
    {"one in a pack", X "a = PACK x axis=1 values_count=1; y = ABS a; out y", "RESHAPE ABS", 0},

    /* transposes */
    {"transposes cancel",
     X "p = const i32 [4] = 0,3,1,2; a = TRANSPOSE x p; q = const i32 [4] = 0,2,3,1; b = TRANSPOSE "
       "a q; y = ABS b; out y",
     "ABS", 3},
    {"transposes past elementwise operators",
     X "p = const i32 [4] = 0,3,1,2; a = TRANSPOSE x p; b = EXP a; c = const f32 [1] = 2; d = MUL "
       "b c;"
       "q = const i32 [4] = 0,2,3,1; e = TRANSPOSE d q; out e",
     "EXP MUL", 3},
    {"a transpose that is read twice",
     X "p = const i32 [4] = 0,3,1,2; a = TRANSPOSE x p; b = EXP a; q = const i32 [4] = 0,2,3,1; e "
       "= TRANSPOSE b q; f = NEG a; out e f",
     "TRANSPOSE EXP TRANSPOSE NEG", 0},
    {"transpose of ones",
     "x = input f32 [1,5,1,3]; p = const i32 [4] = 0,2,1,3; a = TRANSPOSE x p; y = ABS a; out y",
     "RESHAPE ABS", 3},
    {"transpose of a batch of one",
     "x = input f32 [1,5]; p = const i32 [2] = 1,0; a = TRANSPOSE x p; y = ABS a; out y",
     "RESHAPE ABS", 0},
    {"transpose of an open batch",
     "x = input f32 [?,5]; p = const i32 [2] = 1,0; a = TRANSPOSE x p; y = ABS a; out y",
     "TRANSPOSE ABS", 4},

    /* padding, dilation */
    {"pad of a stride 2 convolution",
     "x = input f32 [1,8,8,2]; p = const i32 [4,2] = 0,0,0,1,0,1,0,0; a = PAD x p; w = const f32 "
     "[3,3,3,2];"
     "y = CONV_2D a w - padding=VALID stride_w=2 stride_h=2; out y",
     "CONV_2D.SAME", 2},
    {"pad of another size",
     "x = input f32 [1,8,8,2]; p = const i32 [4,2] = 0,0,1,0,1,0,0,0; a = PAD x p; w = const f32 "
     "[3,3,3,2];"
     "y = CONV_2D a w - padding=VALID stride_w=2 stride_h=2; out y",
     "PAD CONV_2D.VALID", 0},
    {"pad before an open height",
     "x = input f32 [1,?,8,2]; p = const i32 [4,2] = 0,0,1,1,1,1,0,0; a = PAD x p; w = const f32 "
     "[3,3,3,2];"
     "y = CONV_2D a w - padding=VALID; out y",
     "PAD CONV_2D.VALID", 0},
    {"pads in two steps",
     "x = input f32 [1,7,7,2]; p = const i32 [4,2] = 0,0,1,0,0,1,0,0; a = PAD x p; q = const i32 "
     "[4,2] = 0,0,0,1,1,0,0,0; b = PAD a q;"
     "w = const f32 [1,3,3,2]; y = DEPTHWISE_CONV_2D b w - padding=VALID depth_multiplier=1; out y",
     "DEPTHWISE_CONV_2D.SAME", 0},
    {"quantized pad",
     "x = input i8 [1,6,6,2] @ 0.05 -7; p = const i32 [4,2] = 0,0,1,1,1,1,0,0; a = PAD x p; w = "
     "const i8 [3,3,3,2] @ 0.01 0;"
     "y: i8 @ 0.1 4 = CONV_2D a w - padding=VALID; out y",
     "CONV_2D.SAME", 0},
    {"pad with another number",
     "x = input f32 [1,6,6,2]; p = const i32 [4,2] = 0,0,1,1,1,1,0,0; v = const f32 [] = 1; a = "
     "PADV2 x p v; w = const f32 [3,3,3,2];"
     "y = CONV_2D a w - padding=VALID; out y",
     "PADV2 CONV_2D.VALID", 0},
    {"pad of a maximum",
     "x = input f32 [1,6,6,2]; r = RELU x; p = const i32 [4,2] = 0,0,1,1,1,1,0,0; a = PAD r p;"
     "y = MAX_POOL_2D a padding=VALID filter_width=3 filter_height=3; out y",
     "RELU MAX_POOL_2D.SAME", 0},
    {"pad of a maximum of any numbers",
     "x = input f32 [1,6,6,2]; p = const i32 [4,2] = 0,0,1,1,1,1,0,0; a = PAD x p;"
     "y = MAX_POOL_2D a padding=VALID filter_width=3 filter_height=3; out y",
     "PAD MAX_POOL_2D.VALID", 0},
    {"dilation, same",
     "x = input f32 [1,7,7,2]; b = const i32 [2] = 2; p = const i32 [2,2] = 2,3,2,3; a = "
     "SPACE_TO_BATCH_ND x b p; w = const f32 [3,3,3,2];"
     "c = CONV_2D a w - padding=VALID; k = const i32 [2,2] = 0,1,0,1; y = BATCH_TO_SPACE_ND c b k; "
     "out y",
     "CONV_2D.SAME", 0},
    {"dilation, valid",
     "x = input i8 [1,8,8,2] @ 0.05 -7; b = const i32 [2] = 2; p = const i32 [2,2] = 0; a = "
     "SPACE_TO_BATCH_ND x b p; w = const i8 [1,3,3,2] @ 0.01 0;"
     "c: i8 @ 0.1 4 = DEPTHWISE_CONV_2D a w - padding=VALID depth_multiplier=1; k = const i32 "
     "[2,2] = 0; y = BATCH_TO_SPACE_ND c b k; out y",
     "DEPTHWISE_CONV_2D.VALID", 0},
    {"dilation along a line",
     "x = input f32 [1,9,2]; b = const i32 [1] = 2; p = const i32 [1,2] = 2,3; a = "
     "SPACE_TO_BATCH_ND x b p; o = const i32 [] = 1; e = EXPAND_DIMS a o;"
     "w = const f32 [3,1,3,2]; c = CONV_2D e w - padding=VALID; s = SQUEEZE c squeeze_dims=1; k = "
     "const i32 [1,2] = 0,1; y = BATCH_TO_SPACE_ND s b k;"
     "h = const f32 [3]; z = ADD y h; out z",
     "RESHAPE CONV_2D.SAME RESHAPE", 3},
    {"dilation along a line, valid",
     "x = input f32 [1,8,2]; b = const i32 [1] = 2; p = const i32 [1,2] = 0; a = SPACE_TO_BATCH_ND "
     "x b p; o = const i32 [] = 2; e = EXPAND_DIMS a o;"
     "w = const f32 [3,3,1,2]; c = CONV_2D e w - padding=VALID; s = SQUEEZE c squeeze_dims=2; k = "
     "const i32 [1,2] = 0; y = BATCH_TO_SPACE_ND s b k; out y",
     "RESHAPE CONV_2D.VALID RESHAPE", 0},
    {"batch norm behind a reshape",
     "x = input f32 [1,8,2]; o = const i32 [] = 1; e = EXPAND_DIMS x o; w = const f32 [3,1,3,2]; c "
     "= CONV_2D e w -; s = SQUEEZE c squeeze_dims=1;"
     "m = const f32 [3]; v = const f32 [3] = 2; n = BATCH_NORMALIZATION s - - m v; r = RELU n; out "
     "r",
     "EXPAND_DIMS CONV_2D.SAME/RELU SQUEEZE", 3},
    {"sum behind a reshape that moves the channels",
     CONV "s = const i32 [3] = -1,16,8; f = RESHAPE y s; h = const f32 [8]; a = ADD f h; t = const "
          "i32 [2] = -1,4; g = RESHAPE a t;"
          "i = const f32 [4]; q = ADD g i; out q",
     "CONV_2D.VALID RESHAPE ADD", 0},
    {"batches that are cropped in front",
     "x = input f32 [1,7,7,2]; b = const i32 [2] = 2; p = const i32 [2,2] = 3,2,3,2; a = "
     "SPACE_TO_BATCH_ND x b p; w = const f32 [3,3,3,2];"
     "c = CONV_2D a w - padding=VALID; k = const i32 [2,2] = 1,0,1,0; y = BATCH_TO_SPACE_ND c b k; "
     "out y",
     "SPACE_TO_BATCH_ND CONV_2D.VALID BATCH_TO_SPACE_ND", 0},

    /* quantize, dequantize */
    {"floats in between",
     "x = input i8 [8] @ 0.5 3; a: f32 = DEQUANTIZE x; b: i8 @ 0.5 3 = QUANTIZE a; y: i8 @ 0.5 3 = "
     "RELU b; out y",
     "RELU", 0},
    {"floats in between, another scale",
     "x = input i8 [8] @ 0.5 3; a: f32 = DEQUANTIZE x; b: i8 @ 0.25 3 = QUANTIZE a; out b",
     "DEQUANTIZE QUANTIZE", 0},
    {"integers in between",
     "x = input f32 [8]; a: i8 @ 0.05 3 = QUANTIZE x; b: f32 = DEQUANTIZE a; out b",
     "QUANTIZE DEQUANTIZE", 0},
    {"uint8 by another name",
     "x = input u8 [8] @ 0.5 131; a: i8 @ 0.5 3 = QUANTIZE x; b: u8 @ 0.25 7 = QUANTIZE a; c: f32 "
     "= DEQUANTIZE a; out b c",
     "QUANTIZE DEQUANTIZE", 0},

    /* functions */
    {"hard swish",
     "x = input f32 [9]; c = const f32 [] = 3; a = ADD x c; b = RELU6 a; m = MUL x b; s = const "
     "f32 [] = 0.16666667; y = MUL m s; out y",
     "HARD_SWISH", 0},
    {"hard swish, other order",
     "x = input f32 [9]; c = const f32 [1] = 3; a = ADD c x fused_activation_function=RELU6; s = "
     "const f32 [] = 6; d = DIV a s; y = MUL d x; out y",
     "HARD_SWISH", 0},
    {"hard swish, clamped by hand",
     "x = input f32 [9]; s = const f32 [] = 0.16666667; a = MUL x s; h = const f32 [] = 0.5; b = "
     "ADD a h; z = const f32 [] = 0; o = const f32 [] = 1;"
     "c = MAXIMUM b z; d = MINIMUM c o; y = MUL x d; out y",
     "HARD_SWISH", 0},
    {"not hard swish",
     "x = input f32 [9]; c = const f32 [] = 2.9; a = ADD x c; b = RELU6 a; m = MUL x b; s = const "
     "f32 [] = 0.16666667; y = MUL m s; out y",
     "ADD/RELU6 MUL MUL", 0},
    {"hard swish of a sigmoid that is an output",
     "x = input f32 [9]; c = const f32 [] = 3; a = ADD x c; b = RELU6 a; m = MUL x b; s = const "
     "f32 [] = 0.16666667; y = MUL m s; out y b",
     "ADD/RELU6 MUL MUL", 0},
    {"gelu, tanh",
     "x = input f32 [9]; e = const f32 [] = 3; p = POW x e; k = const f32 [] = 0.044715; a = MUL p "
     "k; b = ADD x a; r = const f32 [] = 0.7978845608; c = MUL b r;"
     "t = TANH c; o = const f32 [] = 1; d = ADD t o; h = const f32 [] = 0.5; g = MUL d h; y = MUL "
     "x g; out y",
     "GELU", 0},
    {"gelu, tanh of products",
     "x = input f32 [9]; p = MUL x x; q = MUL p x; k = const f32 [] = 0.044715; a = MUL q k; b = "
     "ADD a x; r = const f32 [] = 0.79788458; c = MUL r b;"
     "t = TANH c; o = const f32 [] = 1; d = ADD o t; h = const f32 [] = 0.5; f = MUL x h; y = MUL "
     "f d; out y",
     "GELU", 0},
    {"leaky relu", "x = input f32 [9]; a = const f32 [] = 0.2; m = MUL x a; y = MAXIMUM x m; out y",
     "LEAKY_RELU", 0},
    {"leaky relu of two relus",
     "x = input f32 [9]; r = RELU x; n = NEG x; s = RELU n; a = const f32 [] = -0.1; m = MUL s a; "
     "y = ADD r m; out y",
     "LEAKY_RELU", 0},
    {"relu by choice",
     "x = input f32 [9]; z = const f32 [] = 0; c: bool = GREATER x z; y: f32 = SELECT_V2 c x z; "
     "out y",
     "RELU", 0},
    {"relu6",
     "x = input f32 [9]; z = const f32 [] = 0; s = const f32 [] = 6; a = MAXIMUM x z; y = MINIMUM "
     "a s; out y",
     "RELU6", 0},
    {"relu6 by five",
     "x = input f32 [9]; z = const f32 [] = 0; s = const f32 [] = 5; a = MAXIMUM x z; y = MINIMUM "
     "a s; out y",
     "RELU MINIMUM", 0},
    {"relu 0 to 1",
     "x = input f32 [9]; z = const f32 [] = 0; s = const f32 [] = 1; a = MINIMUM x s; y = MAXIMUM "
     "z a; out y",
     "RELU_0_TO_1", 0},
    {"relu -1 to 1",
     "x = input f32 [9]; z = const f32 [] = -1; s = const f32 [] = 1; a = MINIMUM x s; y = MAXIMUM "
     "z a; out y",
     "RELU_N1_TO_1", 0},
    {"maximum of integers stays",
     "x = input i8 [9] @ 0.5 3; z = const i8 [] @ 0.5 3 = 3; y: i8 @ 0.5 3 = MAXIMUM x z; out y",
     "MAXIMUM", 0},
    {"logistic",
     "x = input f32 [9]; n = NEG x; e = EXP n; o = const f32 [] = 1; a = ADD e o; y = DIV o a; out "
     "y",
     "LOGISTIC", 0},
    {"elu",
     "x = input f32 [9]; z = const f32 [] = 0; m = MINIMUM x z; e = EXP m; o = const f32 [] = 1; d "
     "= SUB e o; r = RELU x; y = ADD r d; out y",
     "ELU", 0},
    {"absolute value", "x = input f32 [9]; n = NEG x; y = MAXIMUM x n; out y", "ABS", 0},
    {"prelu by channel",
     "x = input f32 [2,3,4]; r = RELU x; n = NEG x; s = RELU n; a = const f32 [4]; m = MUL s a; y "
     "= SUB r m; out y",
     "PRELU", 0},
    {"prelu of equal numbers",
     "x = input f32 [2,3,4]; a = const f32 [1,4] = 0.3; y = PRELU x a; out y", "LEAKY_RELU", 0},
    {"softmax",
     "x = input f32 [2,7]; i = const i32 [1] = -1; m = REDUCE_MAX x i keep_dims=true; d = SUB x m; "
     "e = EXP d; s = SUM e i keep_dims=true; y = DIV e s; out y",
     "SOFTMAX", 3},
    {"softmax of another axis",
     "x = input f32 [2,7,3]; i = const i32 [1] = 1; e = EXP x; s = SUM e i keep_dims=true; y = DIV "
     "e s; out y",
     "EXP SUM DIV", 0},
    {"log softmax",
     "x = input f32 [2,7]; i = const i32 [1] = 1; m = REDUCE_MAX x i keep_dims=true; d = SUB x m; "
     "e = EXP d; s = SUM e i keep_dims=true; l = LOG s; y = SUB d l; out y",
     "LOG_SOFTMAX", 0},
    {"log of softmax", "x = input f32 [2,7]; s = SOFTMAX x beta=1; y = LOG s; out y", "LOG_SOFTMAX",
     0},
    {"l2 normalisation",
     "x = input f32 [2,7]; q = SQUARE x; i = const i32 [1] = 1; s = SUM q i keep_dims=true; k = "
     "const f32 [] = 1e-12; m = MAXIMUM s k; r = RSQRT m; y = MUL x r; out y",
     "L2_NORMALIZATION", 0},
    {"l2 normalisation by division",
     "x = input f32 [2,7]; q = MUL x x; i = const i32 [1] = -1; s = SUM q i keep_dims=true; r = "
     "SQRT s; y = DIV x r; out y",
     "L2_NORMALIZATION", 0},
    {"l2 normalisation of another limit",
     "x = input f32 [2,7]; q = SQUARE x; i = const i32 [1] = 1; s = SUM q i keep_dims=true; k = "
     "const f32 [] = 1e-3; m = MAXIMUM s k; r = RSQRT m; y = MUL x r; out y",
     "SQUARE SUM MAXIMUM RSQRT MUL", 0},
    {"layer norm",
     "x = input f32 [2,7]; i = const i32 [1] = 1; m = MEAN x i keep_dims=true; q = "
     "SQUARED_DIFFERENCE x m; v = MEAN q i keep_dims=true; k = const f32 [] = 1e-3; a = ADD v k;"
     "r = RSQRT a; ga = const f32 [7]; g = MUL r ga; p = MUL x g; n = MUL m g; be = const f32 [7]; "
     "s = SUB be n; y = ADD p s; out y",
     "MEAN SQUARED_DIFFERENCE MEAN ADD RSQRT SUB MUL MUL ADD", 0},
    {"layer norm before dense",
     "x = input f32 [2,7]; i = const i32 [1] = 1; m = MEAN x i keep_dims=true; q = "
     "SQUARED_DIFFERENCE x m; v = MEAN q i keep_dims=true; k = const f32 [] = 1e-3; a = ADD v k;"
     "r = RSQRT a; ga = const f32 [7]; g = MUL r ga; p = MUL x g; n = MUL m g; be = const f32 [7]; "
     "s = SUB be n; y = ADD p s; w = const f32 [3,7]; z = FULLY_CONNECTED y w -; out z",
     "MEAN SQUARED_DIFFERENCE MEAN ADD RSQRT SUB MUL FULLY_CONNECTED", 0},
    {"matrix product",
     "x = input f32 [2,3,4]; w = const f32 [4,5]; y = BATCH_MATMUL x w; b = const f32 [5]; z = ADD "
     "y b; r = RELU z; out r",
     "FULLY_CONNECTED/RELU", 3},
    {"matrix product, turned",
     "x = input f32 [2,3,4]; w = const f32 [1,5,4]; y = BATCH_MATMUL x w adj_y=true; out y",
     "FULLY_CONNECTED", 0},
    {"matrix product of many",
     "x = input f32 [2,3,4]; w = const f32 [2,4,5]; y = BATCH_MATMUL x w; out y", "BATCH_MATMUL",
     0},
    {"what nobody reads", X "a = EXP x; b = NEG a; y = ABS x; out y", "ABS", 0},
};

/* Rows of operators that this build leaves out are not for it. */
static bool has_operators(const row *r)
{
    static const char *const names[] = {"BATCH_MATMUL", "LOG_SOFTMAX", "L2_NORMALIZATION"};
    for (size_t i = 0; i < MWI_COUNT(names); i++)
        if ((strstr(r->text, names[i]) != NULL || strstr(r->ops, names[i]) != NULL) &&
            mwi_op_by_name(names[i]) == NULL)
            return false;
    return true;
}

static bool check(mw_ctx *ctx, const row *r)
{
    if (!has_operators(r)) return true;
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
    for (int32_t batch = 1; batch <= r->batch || batch == 1;
         batch += r->batch > 1 ? r->batch - 1 : 1) {
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

/* ---- random graphs ---- */

typedef struct writer {
    char text[16384];
    size_t n;
    mwi_rng rng;
    int n_values, n_names; /* values are [1,6,6,4], named v0, v1, ...; other names count on */
} writer;

static __attribute__((format(printf, 2, 3))) void say(writer *w, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    w->n += (size_t)vsnprintf(w->text + w->n, sizeof w->text - w->n, format, args);
    va_end(args);
    assert_true(w->n < sizeof w->text);
}

static int below(writer *w, int n) { return (int)mwi_rng_below(&w->rng, (uint64_t)n); }
static int value(writer *w) { return below(w, 3) > 0 ? w->n_values - 1 : below(w, w->n_values); }

static const char *activation(writer *w)
{
    static const char *const some[] = {"NONE", "NONE", "RELU", "RELU6"};
    return some[below(w, 4)];
}

static void say_unary(writer *w)
{
    static const char *const ops[] = {"RELU",     "RELU6", "ABS",     "NEG",
                                      "LOGISTIC", "TANH",  "DROPOUT", "RELU_N1_TO_1"};
    say(w, "v%d = %s v%d\n", w->n_values, ops[below(w, 8)], value(w));
}

static void say_binary(writer *w)
{
    static const char *const ops[] = {"ADD", "SUB", "MAXIMUM", "MINIMUM"};
    const int op = below(w, 4), a = value(w), b = value(w);
    say(w, "v%d = %s v%d v%d %s%s\n", w->n_values, ops[op], a, b,
        op < 2 ? "fused_activation_function=" : "", op < 2 ? activation(w) : "");
}

static void say_constant(writer *w)
{
    static const char *const shapes[] = {"[]", "[4]", "[1]", "[1,1,1,4]", "[1,4]", "[6,1]"};
    static const char *const ops[] = {"ADD", "SUB", "MUL", "MUL", "DIV", "ADD"};
    const int op = below(w, 6), c = w->n_names++, v = value(w);
    const bool turned = op != 4 && below(w, 3) == 0;
    say(w, "c%d = const f32 %s%s\n", c, shapes[below(w, 6)],
        op == 4            ? " = 2,3,0.5,-4"
        : below(w, 4) == 0 ? " = 1"
                           : "");
    if (turned)
        say(w, "v%d = %s c%d v%d", w->n_values, ops[op], c, v);
    else
        say(w, "v%d = %s v%d c%d", w->n_values, ops[op], v, c);
    say(w, " fused_activation_function=%s\n", activation(w));
}

static void say_layer(writer *w)
{
    const int c = w->n_names++, kind = below(w, 4), v = value(w);
    say(w, "b%d = const f32 [4]\n", c);
    if (kind == 0) {
        say(w, "w%d = const f32 [1,3,3,4]; v%d = DEPTHWISE_CONV_2D v%d w%d b%d depth_multiplier=1",
            c, w->n_values, v, c, c);
    } else if (kind == 1) {
        say(w,
            "q%d = const i32 [4,2] = 0,0,1,1,1,1,0,0; p%d = PAD v%d q%d; w%d = const f32 [1,3,3,4];"
            "v%d = DEPTHWISE_CONV_2D p%d w%d - padding=VALID depth_multiplier=1",
            c, c, v, c, c, w->n_values, c, c);
    } else {
        say(w, "w%d = const f32 [4,1,1,4]; v%d = CONV_2D v%d w%d b%d padding=%s", c, w->n_values, v,
            c, c, kind == 2 ? "VALID" : "SAME");
    }
    say(w, " fused_activation_function=%s\n", activation(w));
}

static void say_norm(writer *w)
{
    const int c = w->n_names++;
    say(w, "g%d = const f32 [4]; m%d = const f32 [4]; s%d = const f32 [4] = 0.5,1,2,1\n", c, c, c);
    say(w, "v%d = BATCH_NORMALIZATION v%d g%d - m%d s%d\n", w->n_values, value(w), c, c, c);
}

static void say_moves(writer *w)
{
    static const char *const there[] = {"0,3,1,2", "0,2,1,3", "0,1,2,3", "0,3,2,1"};
    static const char *const back[] = {"0,2,3,1", "0,2,1,3", "0,1,2,3", "0,3,2,1"};
    const int c = w->n_names++, k = below(w, 4);
    if (below(w, 2) == 0) {
        say(w,
            "s%d = const i32 [2] = -1,144; r%d = RESHAPE v%d s%d; u%d = %s r%d; t%d = const i32 "
            "[4] = -1,6,6,4; v%d = RESHAPE u%d t%d\n",
            c, c, value(w), c, c, below(w, 2) == 0 ? "TANH" : "RELU", c, c, w->n_values, c, c);
    } else {
        say(w,
            "s%d = const i32 [4] = %s; r%d = TRANSPOSE v%d s%d; u%d = %s r%d; t%d = const i32 [4] "
            "= %s; v%d = TRANSPOSE u%d t%d\n",
            c, there[k], c, value(w), c, c, below(w, 2) == 0 ? "ABS" : "NEG", c, c, back[k],
            w->n_values, c, c);
    }
}

static void say_window(writer *w)
{
    if (below(w, 2) == 0) {
        say(w, "v%d = %s v%d filter_width=3 filter_height=3 fused_activation_function=%s\n",
            w->n_values, below(w, 2) == 0 ? "MAX_POOL_2D" : "AVERAGE_POOL_2D", value(w),
            activation(w));
        return;
    }
    const int c = w->n_names++;
    say(w,
        "j%d = CONCATENATION v%d v%d axis=3; w%d = const f32 [4,1,1,8]; v%d = CONV_2D j%d w%d -\n",
        c, value(w), value(w), c, w->n_values, c, c);
}

static void write_graph(writer *w, uint64_t seed)
{
    static void (*const kinds[])(writer *) = {say_unary, say_binary, say_constant, say_constant,
                                              say_layer, say_norm,   say_moves,    say_window};
    const int n = 4;

    *w = (writer){.rng = {seed}, .n_values = 1};
    say(w, "v0 = input f32 [%s,6,6,4]\n", below(w, 2) == 0 ? "?" : "1");
    for (int i = 0; i < n + below(w, 8); i++, w->n_values++)
        kinds[below(w, (int)MWI_COUNT(kinds))](w);
    say(w,
        "fs = const i32 [2] = -1,144; f = RESHAPE v%d fs; fw = const f32 [3,144]; y = "
        "FULLY_CONNECTED f fw -\nout y",
        w->n_values - 1);
    for (int i = 1; i < w->n_values; i++)
        if (below(w, 4) == 0) say(w, " v%d", i);
}

/* ---- tensors keep their values ---- */

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Whether two values have the same elements, in any order. */
static bool same_elements(const mwi_tensor *t, float *a, float *b)
{
    size_t n;

    assert_true(mwi_dims_count(t->rank, t->dims, &n));
    qsort(a, n, sizeof *a, by_value);
    qsort(b, n, sizeof *b, by_value);
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(a[i] - b[i]) <= 3e-5f * fmaxf(1, fabsf(a[i])))) return false;
    return true;
}

/* Tensors of `after` that were those of `before`, by address: NULL when each holds what it held,
 * else the name of one. held: addresses by index in `before`. */
static const char *changed_value(mw_ctx *ctx, const mw_model *before, const mw_model *after,
                                 mwi_tensor *const *held)
{
    const mwi_graph *const a = before->graphs[0], *const b = after->graphs[0];
    const char *changed = NULL;
    float input[144];
    mwi_arena arena;
    void *memory;
    mwi_rng rng = {3};

    for (size_t i = 0; i < MWI_COUNT(input); i++) input[i] = (float)(2 * mwi_rng_uniform(&rng) - 1);
    mwi_arena_init(ctx, &arena);
    assert_ok(ctx,
              mwi_arena_array(ctx, &arena, a->n_tensors + b->n_tensors, sizeof(void *), &memory));
    void **const was = memory, **const is = was + a->n_tensors;
    was[a->inputs[0]] = is[b->inputs[0]] = input;
    run_naively(ctx, before, &arena, was);
    run_naively(ctx, after, &arena, is);
    for (size_t i = 0; i < a->n_tensors; i++)
        for (size_t k = 0; k < b->n_tensors; k++)
            if (b->tensors[k] == held[i] && is[k] != NULL && was[i] != NULL && is[k] != input &&
                !same_elements(b->tensors[k], was[i], is[k]))
                changed = a->tensors[i]->name;
    mwi_arena_deinit(&arena);
    return changed;
}

static bool keeps_values(mw_ctx *ctx, const char *text, uint64_t seed)
{
    mw_model *const before = graph_from_text(ctx, text, seed), *after;

    assert_ok(ctx, mwi_model_clone(ctx, before, &after));
    const size_t bytes = after->graphs[0]->n_tensors * sizeof(mwi_tensor *);
    mwi_tensor **const held = malloc(bytes);
    assert_non_null(held);
    memcpy(held, after->graphs[0]->tensors, bytes);
    assert_ok(ctx, mwi_passes_run(ctx, after, MWI_PASS_LOWER | MWI_PASS_OPTIMIZE, NULL, NULL));
    const char *const name = changed_value(ctx, before, after, held);
    if (name != NULL) print_error("seed %d: '%s' holds other values\n%s\n", (int)seed, name, text);
    free(held);
    mw_model_destroy(after);
    mw_model_destroy(before);
    return name == NULL;
}

#define V    "x = input f32 [1,6,6,4];"
#define NORM "m = const f32 [4]; v = const f32 [4] = 0.5,2;"

/* What lies between operators that become one. */
static const char *const between[] = {
    V NORM "w = const f32 [4,1,1,4]; c = CONV_2D x w -; s = const i32 [3] = -1,36,4;"
           "r = RESHAPE c s; n = BATCH_NORMALIZATION r - - m v; y = TANH n; out y",
    V NORM "s = const i32 [3] = -1,18,8; n = BATCH_NORMALIZATION x - - m v; r = RESHAPE n s;"
           "w = const f32 [3,8]; y = FULLY_CONNECTED r w - keep_num_dims=true; out y",
    V "w = const f32 [4,1,1,4]; c = CONV_2D x w -; s = const i32 [3] = -1,36,4; r = RESHAPE c s;"
      "k = const f32 [4]; n = MUL r k; y = TANH n; out y",
};

static void tensors_keep_their_values(void **state)
{
    mw_ctx *const ctx = test_ctx();
    writer *const w = malloc(sizeof *w);
    size_t bad = 0;

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(between); i++) bad += !keeps_values(ctx, between[i], i);
    for (uint64_t seed = 1; seed <= 300; seed++) {
        write_graph(w, seed);
        bad += !keeps_values(ctx, w->text, seed);
    }
    free(w);
    assert_int_equal(bad, 0);
    mw_ctx_destroy(ctx);
}

static void random_graphs_stay_the_same(void **state)
{
    mw_ctx *const ctx = test_ctx();
    writer *const w = malloc(sizeof *w);
    size_t bad = 0, changed = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        write_graph(w, seed);
        mw_model *const before = graph_from_text(ctx, w->text, seed), *after;
        assert_ok(ctx, mwi_model_clone(ctx, before, &after));
        assert_ok(ctx, mwi_passes_run(ctx, after, MWI_PASS_LOWER | MWI_PASS_OPTIMIZE, NULL, NULL));
        const char *why = models_differ(ctx, before, after, 1, 3e-5, 1, seed);
        if (why == NULL) why = models_differ(ctx, before, after, 1, 3e-5, 3, seed);
        changed += after->graphs[0]->n_ops < before->graphs[0]->n_ops;
        if (why != NULL && bad++ < 3)
            print_error("seed %d: %s\n%s\n%s\n", (int)seed, why, w->text, graph_ops_text(after));
        mw_model_destroy(after);
        mw_model_destroy(before);
    }
    free(w);
    assert_int_equal(bad, 0);
    assert_true(changed > 300);
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(passes_rewrite),
                                       cmocka_unit_test(random_graphs_stay_the_same),
                                       cmocka_unit_test(tensors_keep_their_values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
