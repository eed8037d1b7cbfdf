/* tests/op_case.h - one operator with small operands, written as a line:
 *   "PAD: f32[2] i32[1,2]=1,0 > f32[3]=0,7,9"       an output with its expected values (dims are
 * optional) "MUL fused_activation_function=1: i8[2]@0.5,3=1,2 i8[2]@0.25=3,4 > i8@0.1"    scale,
 * zero point "SHAPE: f32[2,3]? > i32"                        an operand without data
 *   "f32[2,3]!" is a state at its first value (a variable)
 *   "str[2]=red,%20a%2cb" has strings, with %XX for what the line needs itself
 *   "- " stands for an input that is left out; values left out count 1, 2, 3, ...
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MW_TESTS_OP_CASE_H
#define MW_TESTS_OP_CASE_H

#include "base/ctx.h"

#include <stdio.h>

typedef struct op_case {
    const char *line;
    const char *error; /* part of the message that must come; NULL: the line runs and agrees; "?":
                          shape unknown */
} op_case;

enum { OP_CASE_OPERANDS = 32 };

/* Runs the lines; fails the test at the first that does not do as it says. */
void op_cases_run(const op_case *cases, size_t n);

/* The line as a model file. Operands other than int32 and int64 are its inputs, in files PATH.0,
 * PATH.1, ...; strings as .tflite files hold them, but single ones. */
MW_MUST_USE mw_status op_case_save(mw_ctx *ctx, const char *line, const char *path);
/* Its results as text: " f32[2]=1,2". */
MW_MUST_USE mw_status op_case_print(mw_ctx *ctx, const char *line, FILE *out);

#endif
