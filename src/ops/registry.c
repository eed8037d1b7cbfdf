/* ops/registry.c - the table of operators and look-ups in it.
 * Depends: model/.  Used by: formats, passes, runtime.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/registry.h"

#include <string.h>

const mwi_op_desc *const mwi_ops[] = {
#define MWI_OP(id) &mwi_op_##id,
#include "ops/ops.def"
#undef MWI_OP
    NULL,
};

const mwi_op_desc *mwi_op_by_code(int32_t tflite_code)
{
    if (tflite_code < 0) return NULL;
    for (const mwi_op_desc *const *d = mwi_ops; *d != NULL; d++)
        if ((*d)->tflite_code == tflite_code) return *d;
    return NULL;
}

const mwi_op_desc *mwi_op_by_custom(const char *custom_code)
{
    for (const mwi_op_desc *const *d = mwi_ops; *d != NULL; d++)
        if ((*d)->custom && strcmp((*d)->name, custom_code) == 0) return *d;
    return NULL;
}

const mwi_op_desc *mwi_op_by_name(const char *name)
{
    for (const mwi_op_desc *const *d = mwi_ops; *d != NULL; d++)
        if (strcmp((*d)->name, name) == 0) return *d;
    return NULL;
}
