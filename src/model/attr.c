/* model/attr.c - attributes through the tables of fields.
 * Depends: model/op_desc.  Used by: readers, writers, passes, dump.
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/op_desc.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

const char *const mwi_padding_names[] = {"SAME", "VALID"};
const char *const mwi_activation_names[] = {"NONE",  "RELU", "RELU_N1_TO_1",
                                            "RELU6", "TANH", "SIGN_BIT"};

const mwi_op_desc mwi_op_unknown = {
    .name = "UNKNOWN",
    .tflite_code = -1,
    .min_in = 0,
    .max_in = -1,
    .min_out = 0,
    .max_out = -1,
};

void mwi_attr_defaults(const mwi_op_desc *desc, void *attr)
{
    if (desc->fields == NULL || attr == NULL) return;
    for (const mwi_field *f = desc->fields; f->kind != MWI_FIELD_END; f++) {
        char *const at = (char *)attr + f->offset;
        switch (f->kind) {
        case MWI_FIELD_I32:
        case MWI_FIELD_ENUM: *(int32_t *)(void *)at = (int32_t)f->def; break;
        case MWI_FIELD_I64: *(int64_t *)(void *)at = (int64_t)f->def; break;
        case MWI_FIELD_F32: *(float *)(void *)at = (float)f->def; break;
        case MWI_FIELD_BOOL: *(bool *)at = f->def != 0; break;
        case MWI_FIELD_I32S: memset(at, 0, sizeof(mwi_i32s)); break;
        case MWI_FIELD_F32S: memset(at, 0, sizeof(mwi_f32s)); break;
        case MWI_FIELD_I64S: memset(at, 0, sizeof(mwi_i64s)); break;
        case MWI_FIELD_BYTES: memset(at, 0, sizeof(mwi_bytes)); break;
        case MWI_FIELD_STRING: memset(at, 0, sizeof(const char *)); break;
        case MWI_FIELD_END: break;
        }
    }
}

mw_status mwi_attr_check(mw_ctx *ctx, const mwi_op_desc *desc, const void *attr)
{
    if (desc->fields == NULL || attr == NULL) return MW_OK;
    for (const mwi_field *f = desc->fields; f->kind != MWI_FIELD_END; f++) {
        const char *const at = (const char *)attr + f->offset;
        double v;
        switch (f->kind) {
        case MWI_FIELD_I32:
        case MWI_FIELD_ENUM: v = *(const int32_t *)(const void *)at; break;
        case MWI_FIELD_I64: v = (double)*(const int64_t *)(const void *)at; break;
        case MWI_FIELD_F32: v = (double)*(const float *)(const void *)at; break;
        default: continue;
        }
        if (f->min <= f->max && !(v >= f->min && v <= f->max))
            return mwi_fail(ctx, MW_EFORMAT, "%s is %g, allowed %g to %g", f->name, v, f->min,
                            f->max);
    }
    return MW_OK;
}

const char *mwi_op_name(const mwi_op *op)
{
    if (op->desc != &mwi_op_unknown) return op->desc->name;
    if (op->custom_code != NULL) return op->custom_code;
    const char *const name = mwi_builtin_name(op->code);
    return name != NULL ? name : "UNKNOWN";
}

bool mwi_op_matches(const mwi_graph *graph, const mwi_op *op, const char *pattern)
{
    if (mwi_glob_match(pattern, mwi_op_name(op))) return true;
    if (op->layer != NULL && mwi_glob_match(pattern, op->layer)) return true;
    for (size_t k = 0; k < op->n_out; k++)
        if (op->out[k] >= 0 && mwi_glob_match(pattern, graph->tensors[op->out[k]]->name))
            return true;
    return false;
}

const mwi_field *mwi_op_field(const mwi_op_desc *desc, const char *name)
{
    if (desc->fields == NULL) return NULL;
    for (const mwi_field *f = desc->fields; f->kind != MWI_FIELD_END; f++)
        if (strcmp(f->name, name) == 0) return f;
    return NULL;
}

int32_t mwi_op_get_i32(const mwi_op *op, const char *field, int32_t otherwise)
{
    const mwi_field *const f = mwi_op_field(op->desc, field);

    if (f == NULL || (f->kind != MWI_FIELD_I32 && f->kind != MWI_FIELD_ENUM)) return otherwise;
    return *(const int32_t *)(const void *)((const char *)op->attr + f->offset);
}

void mwi_op_set_i32(mwi_op *op, const char *field, int32_t value)
{
    const mwi_field *const f = mwi_op_field(op->desc, field);

    if (f == NULL || (f->kind != MWI_FIELD_I32 && f->kind != MWI_FIELD_ENUM)) return;
    *(int32_t *)(void *)((char *)op->attr + f->offset) = value;
}
