/* milliwatt/list.h - what this build holds: the tables of operators, passes, formats, devices, ...
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MILLIWATT_LIST_H
#define MILLIWATT_LIST_H

#include <milliwatt/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mw_list_row {
    const char *name;   /* "CONV_2D", "fold_batch_norm", "tflite", "/CPU:0" */
    const char *detail; /* types of its kernels, or what it does, in one line */
} mw_list_row;

/* Tables: "ops", "kernels", "layers", "passes", "formats", "devices", "data". Index n: the n-th
 * name, NULL past the end. */
MW_API const char *mw_list_table(size_t index);
/* Rows of a table; 0 for an unknown one. Row strings are static. */
MW_API size_t mw_list_size(const char *table);
MW_API MW_MUST_USE mw_status mw_list_get(mw_ctx *ctx, const char *table, size_t index,
                                         mw_list_row *out_row);

#ifdef __cplusplus
}
#endif
#endif
