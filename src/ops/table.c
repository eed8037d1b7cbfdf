/* ops/table.c - see table.h.
 * Depends: base/checked, ops/shapes.  Used by: HASHTABLE_*; runtime/.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/table.h"

#include "base/checked.h"
#include "ops/shapes.h"

#include <stdlib.h>

bool mwi_table_has_types(mw_dtype key, mw_dtype value)
{
    return (key == MW_INT64 && value == MW_STRING) || (key == MW_STRING && value == MW_INT64);
}

void mwi_table_deinit(mwi_table *table)
{
    mwi_heap_free(table->heap, table->memory, table->capacity);
    table->memory = NULL;
    table->capacity = 0;
    table->is_set = false;
}

/* ---- order ---- */

static int compare_items(mw_dtype dtype, const mwi_table_item *a, const mwi_table_item *b)
{
    if (dtype == MW_INT64) return (a->number > b->number) - (a->number < b->number);
    const size_t n = a->text.bytes < b->text.bytes ? a->text.bytes : b->text.bytes;
    const int c = n == 0 ? 0 : memcmp(a->text.data, b->text.data, n);
    return c != 0 ? c : (a->text.bytes > b->text.bytes) - (a->text.bytes < b->text.bytes);
}

static int compare_entries(mw_dtype dtype, const void *pa, const void *pb)
{
    const mwi_table_entry *const a = pa, *const b = pb;
    const int c = compare_items(dtype, &a->key, &b->key);
    return c != 0 ? c : (a->order > b->order) - (a->order < b->order);
}

static int by_number(const void *a, const void *b) { return compare_entries(MW_INT64, a, b); }
static int by_text(const void *a, const void *b) { return compare_entries(MW_STRING, a, b); }

/* ---- filling ---- */

static bool add_texts(const mwi_view *v, size_t n, size_t *bytes)
{
    const mw_string *const s = v->data;

    for (size_t i = 0; i < n && v->dtype == MW_STRING; i++)
        if (!mwi_add(*bytes, s[i].bytes, bytes)) return false;
    return true;
}

static mw_status make_room(mw_ctx *ctx, mwi_table *t, const mwi_view *keys, const mwi_view *values,
                           size_t n)
{
    void *memory;
    size_t bytes;

    if (!mwi_mul(n, sizeof(mwi_table_entry), &bytes) || !add_texts(keys, n, &bytes) ||
        !add_texts(values, n, &bytes))
        return mwi_fail(ctx, MW_ELIMIT, "a table of %zu entries is larger than any memory", n);
    if (bytes <= t->capacity) return MW_OK;
    MWI_TRY(mwi_heap_alloc(ctx, t->heap, bytes, &memory));
    mwi_heap_free(t->heap, t->memory, t->capacity);
    t->memory = memory;
    t->capacity = bytes;
    return MW_OK;
}

/* Element i; a text is copied to *text, which moves on. */
static mwi_table_item copy_item(const mwi_view *v, size_t i, char **text)
{
    mwi_table_item item = {0};

    if (v->dtype == MW_INT64) {
        item.number = ((const int64_t *)v->data)[i];
        return item;
    }
    const mw_string *const s = &((const mw_string *)v->data)[i];
    if (s->bytes > 0) memcpy(*text, s->data, s->bytes);
    item.text = (mw_string){*text, s->bytes};
    *text += s->bytes;
    return item;
}

static void drop_later_keys(mwi_table *t)
{
    mwi_table_entry *const e = t->memory;
    size_t n = 0;

    for (size_t i = 0; i < t->n; i++)
        if (n == 0 || compare_items(t->key, &e[n - 1].key, &e[i].key) != 0) e[n++] = e[i];
    t->n = n;
}

mw_status mwi_table_import(mw_ctx *ctx, mwi_table *t, const mwi_view *keys, const mwi_view *values)
{
    const size_t n = mwi_view_count(keys);

    if (keys->dtype != t->key || values->dtype != t->value)
        return mwi_fail(ctx, MW_EINVAL, "%s to %s for a table of %s to %s",
                        mw_dtype_name(keys->dtype), mw_dtype_name(values->dtype),
                        mw_dtype_name(t->key), mw_dtype_name(t->value));
    if (t->is_set) return MW_OK;
    MWI_TRY(make_room(ctx, t, keys, values, n));
    mwi_table_entry *const e = t->memory;
    char *text = n == 0 ? NULL : (char *)(e + n);
    for (size_t i = 0; i < n; i++)
        e[i] = (mwi_table_entry){
            .key = copy_item(keys, i, &text), .value = copy_item(values, i, &text), .order = i};
    if (n > 1) qsort(e, n, sizeof *e, t->key == MW_INT64 ? by_number : by_text);
    t->n = n;
    drop_later_keys(t);
    t->is_set = true;
    return MW_OK;
}

/* ---- looking up ---- */

static const mwi_table_entry *look_up(const mwi_table *t, const mwi_table_item *key)
{
    const mwi_table_entry *const e = t->memory;
    size_t low = 0, high = t->n;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int c = compare_items(t->key, key, &e[middle].key);
        if (c == 0) return &e[middle];
        if (c < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

mw_status mwi_table_find(mw_ctx *ctx, const mwi_table *t, const mwi_view *keys,
                         const mwi_view *otherwise, const mwi_view *out)
{
    const size_t n = mwi_view_count(out);

    if (keys->dtype != t->key || out->dtype != t->value)
        return mwi_fail(ctx, MW_EINVAL, "keys of %s and values of %s for a table of %s to %s",
                        mw_dtype_name(keys->dtype), mw_dtype_name(out->dtype),
                        mw_dtype_name(t->key), mw_dtype_name(t->value));
    if (!t->is_set) return mwi_fail(ctx, MW_EINVAL, "the table has not been filled yet");
    for (size_t i = 0; i < n; i++) {
        mwi_table_item key = {0};
        if (t->key == MW_INT64)
            key.number = ((const int64_t *)keys->data)[i];
        else
            key.text = ((const mw_string *)keys->data)[i];
        const mwi_table_entry *const e = look_up(t, &key);
        if (t->value == MW_INT64)
            ((int64_t *)out->data)[i] =
                e != NULL ? e->value.number : *(const int64_t *)otherwise->data;
        else
            ((mw_string *)out->data)[i] =
                e != NULL ? e->value.text : *(const mw_string *)otherwise->data;
    }
    return MW_OK;
}

/* ---- for the operators ---- */

mw_status mwi_table_of(mw_ctx *ctx, const mwi_run_call *call, mwi_table **out)
{
    const mwi_host *const h = call->host;

    if (h == NULL) return mwi_fail(ctx, MW_EINVAL, "tables need a session");
    return h->table(h->self, ctx, *(const int32_t *)call->in[0].data, out);
}

mw_status mwi_need_table(mw_ctx *ctx, const mwi_shape_call *call)
{
    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    if (mwi_view_count(&call->in[0]) == 1) return MW_OK;
    return mwi_fail(ctx, MW_EFORMAT, "input 0 must be one table");
}
