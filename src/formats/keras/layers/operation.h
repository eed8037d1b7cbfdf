/* formats/keras/layers/operation.h - functions of Keras 3 (keras.ops) and TensorFlow that became
 * part of a graph: their arguments, which may be values or constants, and the table of them.
 * Depends: formats/keras/build.  Used by: layers/operation*.c.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_FORMATS_KERAS_LAYERS_OPERATION_H
#define MWI_FORMATS_KERAS_LAYERS_OPERATION_H

#include "formats/keras/build.h"

/* An argument of a call: values (tensors of the graph) or a constant of the config. */
typedef struct mwi_keras_operand {
    const json_t *json; /* NULL: not given */
    const int32_t *in;  /* its values in the call's inputs */
    size_t n;           /* 0: a constant */
} mwi_keras_operand;

typedef struct mwi_keras_function mwi_keras_function;
struct mwi_keras_function {
    const char *keras; /* "ops.Add": class of the node; others after '|' */
    const char *tf;    /* "math.add|__operators__.add": function of a TFOpLambda; NULL: none */
    mw_status (*emit)(mwi_keras_call *call, const mwi_keras_function *function);
    const char *op; /* what emit makes of it: an operator or an activation; may be NULL */
};

/* Argument number `position` (-1: by name only), or one of the names "axis|axes". */
mwi_keras_operand mwi_keras_operand_of(const mwi_keras_call *call, int position, const char *names);
/* One value, in a form that fits `like` (-1: as it is): constants become tensors of like's type.
 * Fails: MW_EFORMAT (not given), MW_EUNSUPPORTED (no number). */
MW_MUST_USE mw_status mwi_keras_operand_value(mwi_keras_call *call,
                                              const mwi_keras_operand *operand, int32_t like,
                                              int32_t *out);
/* The first argument. */
MW_MUST_USE mw_status mwi_keras_first(mwi_keras_call *call, int32_t *out);
/* A constant list of integers, or one; *n is how many. Null is none. Fails: MW_EUNSUPPORTED. */
MW_MUST_USE mw_status mwi_keras_operand_ints(mwi_keras_call *call, int position, const char *names,
                                             size_t max, int64_t *out, size_t *n);
MW_MUST_USE mw_status mwi_keras_operand_number(mwi_keras_call *call, int position,
                                               const char *names, double def, double *out);
bool mwi_keras_operand_flag(const mwi_keras_call *call, int position, const char *names);
MW_MUST_USE mw_status mwi_keras_cast(mwi_keras_call *call, int32_t x, mw_dtype to, int32_t *out);

#define MWI_KERAS_EMIT(id)                                                                         \
    MW_MUST_USE mw_status mwi_keras_emit_##id(mwi_keras_call *call, const mwi_keras_function *f)
/* arithmetic: operation_math.c */
MWI_KERAS_EMIT(unary);
MWI_KERAS_EMIT(binary);
MWI_KERAS_EMIT(compare);
MWI_KERAS_EMIT(logic);
MWI_KERAS_EMIT(activation);
MWI_KERAS_EMIT(slope);
MWI_KERAS_EMIT(composed);
MWI_KERAS_EMIT(reduce);
MWI_KERAS_EMIT(moments);
MWI_KERAS_EMIT(softmax);
MWI_KERAS_EMIT(where);
MWI_KERAS_EMIT(clip);
MWI_KERAS_EMIT(matmul);
/* moving values: operation_shape.c */
MWI_KERAS_EMIT(same);
MWI_KERAS_EMIT(cast);
MWI_KERAS_EMIT(reshape);
MWI_KERAS_EMIT(transpose);
MWI_KERAS_EMIT(expand_dims);
MWI_KERAS_EMIT(squeeze);
MWI_KERAS_EMIT(join);
MWI_KERAS_EMIT(split);
MWI_KERAS_EMIT(get_item);
MWI_KERAS_EMIT(repeat);
MWI_KERAS_EMIT(tile);
MWI_KERAS_EMIT(flip);
MWI_KERAS_EMIT(cumsum);
MWI_KERAS_EMIT(pad);
MWI_KERAS_EMIT(take);
MWI_KERAS_EMIT(fill_like);
MWI_KERAS_EMIT(arg);

#endif
