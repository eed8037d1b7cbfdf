/* milliwatt/list.h - what this build holds: the tables of operators, passes, formats, devices, ...
 * Threads: the tables are immutable; any thread may ask, each with its own ctx.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MILLIWATT_LIST_H
#define MILLIWATT_LIST_H

#include <milliwatt/context.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MW_LIST_DETAIL_BYTES 1024
typedef struct mw_list_row {
    const char *name; /* "CONV_2D", "fold_batch_norm", "tflite", "/CPU:0"; static storage */
    /* The types of all its kernels ("f32,f32>f32; i8,i8>i8"), or what it does, in one line. */
    char detail[MW_LIST_DETAIL_BYTES];
    int32_t value; /* tables of choices ("schemes" and those after it): the enum's number; else 0 */
} mw_list_row;

/* Tables: "ops", "kernels", "layers", "passes", "formats", "devices", "data", "schemes", "qat",
 * "methods", "io", "structures", "prune_schedules", "losses", "optimizers", "schedules". Index n:
 * the n-th name, NULL past the end. */
MW_API const char *mw_list_table(size_t index);
/* Rows of a table; 0 for an unknown one. */
MW_API size_t mw_list_size(const char *table);
/* One row; *out_row is yours. Fails: MW_EINVAL (no such table or row). */
MW_API MW_MUST_USE mw_status mw_list_get(mw_ctx *ctx, const char *table, size_t index,
                                         mw_list_row *out_row);
/* The row of a name. Fails: MW_EINVAL; the message lists the names that there are. */
MW_API MW_MUST_USE mw_status mw_list_find(mw_ctx *ctx, const char *table, const char *name,
                                          mw_list_row *out_row);

#ifdef __cplusplus
}
#endif
#endif
