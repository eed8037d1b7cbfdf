/* runtime/resources.c - variables and tables of a session, or of several that share them.
 * Depends: runtime/session_state, ops/table.  Used by: operators through mwi_host; runtime/host.
 * Holds:   a resource's number is its place in the list: never NULL, never taken away.
 * SPDX-License-Identifier: Apache-2.0 */
#include "runtime/session_state.h"

#include <string.h>

static mwi_resources *of(void *self) { return ((mw_session *)self)->shared.resources; }

static mw_status add(mw_ctx *ctx, mwi_resources *all, const mwi_resource *r, int32_t *out_id)
{
    if (all->n == INT32_MAX) return mwi_fail(ctx, MW_ELIMIT, "too many variables and tables");
    MWI_TRY(mwi_arena_grow(ctx, &all->arena, &all->v, all->n, &all->capacity, sizeof *all->v));
    *out_id = (int32_t)all->n;
    all->v[all->n++] = *r;
    return MW_OK;
}

static mw_status resource_of(mw_ctx *ctx, const mwi_resources *all, int32_t kind, int32_t id,
                             mwi_resource **out)
{
    if (id < 0 || (size_t)id >= all->n)
        return mwi_fail(ctx, MW_EINVAL, "resource %d of %zu", id, all->n);
    *out = &all->v[id];
    if ((*out)->kind == kind) return MW_OK;
    return mwi_fail(ctx, MW_EINVAL, "resource %d is not a %s", id,
                    kind == MWI_RESOURCE_VARIABLE ? "variable" : "table");
}

/* ---- variables ---- */

static bool same_name(const char *a, const char *b)
{
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

static mw_status find(void *self, mw_ctx *ctx, const char *container, const char *name,
                      int32_t *out_id)
{
    mwi_resources *const all = of(self);
    const mwi_resource new = {.kind = MWI_RESOURCE_VARIABLE, .container = container, .name = name};

    for (size_t i = 0; i < all->n; i++) {
        const mwi_resource *const r = &all->v[i];
        if (r->kind != MWI_RESOURCE_VARIABLE || !same_name(r->container, container) ||
            !same_name(r->name, name))
            continue;
        *out_id = (int32_t)i;
        return MW_OK;
    }
    return add(ctx, all, &new, out_id);
}

/* What was in it is lost. */
static mw_status make_room(mw_ctx *ctx, mwi_resources *all, mwi_resource *r, size_t bytes)
{
    void *memory;

    if (bytes == 0) bytes = 1;
    if (bytes <= r->capacity) return MW_OK;
    MWI_TRY(mwi_heap_alloc(ctx, all->heap, bytes, &memory));
    mwi_heap_free(all->heap, r->value.data, r->capacity);
    r->value.data = memory;
    r->capacity = bytes;
    return MW_OK;
}

static mw_status reserve(void *self, mw_ctx *ctx, int32_t id, size_t bytes)
{
    mwi_resource *r;

    MWI_TRY(resource_of(ctx, of(self), MWI_RESOURCE_VARIABLE, id, &r));
    /* Room that holds a value is left alone: assigning may make more. */
    return r->is_set ? MW_OK : make_room(ctx, of(self), r, bytes);
}

static mw_status read_value(void *self, mw_ctx *ctx, int32_t id, mwi_view *out)
{
    mwi_resource *r;

    MWI_TRY(resource_of(ctx, of(self), MWI_RESOURCE_VARIABLE, id, &r));
    if (!r->is_set)
        return mwi_fail(ctx, MW_EINVAL, "variable '%s' has no value yet",
                        r->name == NULL ? "" : r->name);
    *out = r->value;
    return MW_OK;
}

static mw_status assign(void *self, mw_ctx *ctx, int32_t id, const mwi_view *value)
{
    mwi_resource *r;

    MWI_TRY(resource_of(ctx, of(self), MWI_RESOURCE_VARIABLE, id, &r));
    MWI_TRY(make_room(ctx, of(self), r, value->bytes));
    void *const data = r->value.data;
    if (value->bytes > 0) memcpy(data, value->data, value->bytes);
    r->value = *value;
    r->value.data = data;
    r->is_set = true;
    return MW_OK;
}

/* ---- tables ---- */

static mw_status find_table(void *self, mw_ctx *ctx, int32_t table_id, mw_dtype key, mw_dtype value,
                            int32_t *out_id)
{
    mwi_resources *const all = of(self);
    const mwi_resource new = {.kind = MWI_RESOURCE_TABLE,
                              .table_id = table_id,
                              .table = {.key = key, .value = value, .heap = all->heap}};

    for (size_t i = 0; i < all->n; i++) {
        const mwi_resource *const r = &all->v[i];
        if (r->kind != MWI_RESOURCE_TABLE || r->table_id != table_id) continue;
        *out_id = (int32_t)i;
        if (r->table.key == key && r->table.value == value) return MW_OK;
        return mwi_fail(ctx, MW_EFORMAT, "table %d is of %s to %s elsewhere, here of %s to %s",
                        table_id, mw_dtype_name(r->table.key), mw_dtype_name(r->table.value),
                        mw_dtype_name(key), mw_dtype_name(value));
    }
    return add(ctx, all, &new, out_id);
}

static mw_status table(void *self, mw_ctx *ctx, int32_t id, mwi_table **out)
{
    mwi_resource *r;

    MWI_TRY(resource_of(ctx, of(self), MWI_RESOURCE_TABLE, id, &r));
    *out = &r->table;
    return MW_OK;
}

/* ---- life ---- */

mw_status mwi_resources_create(mw_ctx *ctx, size_t n_graphs, mwi_resources **out)
{
    void *memory;

    *out = NULL;
    MWI_TRY(mwi_alloc(ctx, sizeof(mwi_resources), &memory));
    mwi_resources *const all = memory;
    *all = (mwi_resources){.n_users = 1, .heap = mwi_heap_retain(ctx)};
    mwi_arena_init(ctx, &all->arena);
    const mw_status st = mwi_arena_array(ctx, &all->arena, n_graphs, sizeof(bool), &memory);
    all->was_run = memory;
    if (st == MW_OK)
        *out = all;
    else
        mwi_resources_release(all);
    return st;
}

void mwi_resources_release(mwi_resources *all)
{
    if (all == NULL || --all->n_users > 0) return;
    for (size_t i = 0; i < all->n; i++) {
        mwi_heap_free(all->heap, all->v[i].value.data, all->v[i].capacity);
        mwi_table_deinit(&all->v[i].table);
    }
    mwi_arena_deinit(&all->arena);
    mwi_heap *const heap = all->heap;
    mwi_heap_free(heap, all, sizeof *all);
    mwi_heap_release(heap);
}

void mwi_resources_reset(mwi_resources *all, size_t n_graphs)
{
    for (size_t i = 0; i < all->n; i++) all->v[i].is_set = all->v[i].table.is_set = false;
    for (size_t i = 0; i < n_graphs; i++) all->was_run[i] = false;
}

uint64_t mwi_resources_bytes(const mwi_resources *all)
{
    uint64_t n = 0;
    for (size_t i = 0; i < all->n; i++) n += all->v[i].capacity + all->v[i].table.capacity;
    return n;
}

void mwi_resources_serve(mwi_host *host)
{
    host->find = find;
    host->reserve = reserve;
    host->read = read_value;
    host->assign = assign;
    host->find_table = find_table;
    host->table = table;
}
