/* ops/emit_op.h - operators added to the end of a graph, by their rows: for gradients, losses, and
 * what a training step consists of.
 * Depends: ops/registry.  Used by: ops/, train/, compress/.   SPDX-License-Identifier: Apache-2.0
 */
#ifndef MWI_OPS_EMIT_OP_H
#define MWI_OPS_EMIT_OP_H

#include "ops/registry.h"

/* An attribute of the new operator by its field's name; `text` is for strings and is borrowed. */
typedef struct mwi_setting {
    const char *field;
    double value;
    const char *text;
} mwi_setting;
#define MWI_SET(...)                                                                               \
    (const mwi_setting[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, { NULL, 0, NULL }                                                             \
    }
/* In place of settings: every field that emitter.op has under the same name. */
extern const mwi_setting mwi_same_settings[];

/* Inputs and their number. */
#define MWI_IN(...)                                                                                \
    ((const int32_t[]){__VA_ARGS__}), (sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t))

/* Adds an operator; its outputs are new tensors whose shapes are inferred.
 *   settings  NULL: all defaults
 *   out       n_out tensors
 * Fails: MW_EUNSUPPORTED (an output's shape depends on data), MW_EFORMAT (operands that do not go
 * together), MW_ENOMEM, MW_ELIMIT. */
MW_MUST_USE mw_status mwi_emit_n(mw_ctx *ctx, const mwi_emitter *at, const mwi_op_desc *desc,
                                 const int32_t *in, size_t n_in, const mwi_setting *settings,
                                 int32_t *out, size_t n_out);
/* The same with one output. */
MW_MUST_USE mw_status mwi_emit(mw_ctx *ctx, const mwi_emitter *at, const mwi_op_desc *desc,
                               const int32_t *in, size_t n_in, const mwi_setting *settings,
                               int32_t *out);
/* Constants: an int32 vector, a float32 scalar. */
MW_MUST_USE mw_status mwi_emit_ints(mw_ctx *ctx, const mwi_emitter *at, const int32_t *values,
                                    size_t n, int32_t *out);
MW_MUST_USE mw_status mwi_emit_float(mw_ctx *ctx, const mwi_emitter *at, double value,
                                     int32_t *out);

#endif
