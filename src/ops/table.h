/* ops/table.h - hash tables as TFLite has them: int64 to string or string to int64, filled once.
 * Kept as a sorted array: a file that chooses its keys cannot make it slow.
 * Depends: model/op_desc, model/strings.  Used by: HASHTABLE_*; runtime/, where tables live.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_TABLE_H
#define MWI_OPS_TABLE_H

#include "model/op_desc.h"
#include "model/strings.h"

typedef struct mwi_table_item {
    int64_t number;
    mw_string text;
} mwi_table_item; /* the member that the type says */

typedef struct mwi_table_entry {
    mwi_table_item key, value;
    size_t order; /* of its import: the first of equal keys counts */
} mwi_table_entry;

/* Holds: (1) entries are sorted by key and no key is there twice;  (2) texts point into `memory`,
 *        behind the entries;  (3) memory is written by an import into a table that is not set, and
 *        stays where it is until then. */
struct mwi_table {
    mw_dtype key, value; /* MW_INT64 and MW_STRING, in either order */
    mwi_heap *heap;      /* borrowed: where `memory` comes from */
    bool is_set;
    size_t n;
    void *memory; /* owned */
    size_t capacity;
};

/* Whether tables of these types exist. */
bool mwi_table_has_types(mw_dtype key, mw_dtype value);
/* Copies keys and values, which have as many elements; a table that is set stays as it is. Fails:
 * MW_EINVAL (types), MW_ELIMIT, MW_ENOMEM: the table is then not set. */
MW_MUST_USE mw_status mwi_table_import(mw_ctx *ctx, mwi_table *table, const mwi_view *keys,
                                       const mwi_view *values);
/* out[i] is the value of keys[i], or the first element of `otherwise`. Texts are borrowed from the
 * table. Fails: MW_EINVAL (types, or the table is not set). */
MW_MUST_USE mw_status mwi_table_find(mw_ctx *ctx, const mwi_table *table, const mwi_view *keys,
                                     const mwi_view *otherwise, const mwi_view *out);
void mwi_table_deinit(mwi_table *table); /* accepts a zeroed one */

/* For the operators: the table whose handle input 0 is. Fails: MW_EINVAL. */
MW_MUST_USE mw_status mwi_table_of(mw_ctx *ctx, const mwi_run_call *call, mwi_table **out);
/* Input 0 is one handle. Fails: MW_EFORMAT. */
MW_MUST_USE mw_status mwi_need_table(mw_ctx *ctx, const mwi_shape_call *call);

#endif
