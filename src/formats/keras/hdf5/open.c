/* formats/keras/hdf5/open.c - an HDF5 file as a Keras archive: configuration, groups, arrays.
 * Depends: h5.h, formats/keras/archive.  Used by: formats/keras/.
 * Trust:   every byte is hostile.     SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/archive.h"
#include "formats/keras/hdf5/h5.h"

#include <stdlib.h>
#include <string.h>

typedef struct builder {
    h5_file f;
    mwi_keras_archive *out;
    size_t arrays_capacity, groups_capacity;
    unsigned depth;
    uint64_t bytes; /* of all arrays */
} builder;

/* ---- attributes ---- */

static mw_status text_attribute(builder *b, const h5_object *o, const char *name, const char **out, size_t *out_n)
{
    h5_attribute a;
    bool found;
    size_t n = 0;

    MWI_TRY(h5_attribute_find(&b->f, o, name, &a, &found));
    if (!found || a.space.n == 0) return MW_OK;
    MWI_TRY(h5_attribute_string(&b->f, &a, 0, out, &n));
    if (out_n != NULL) *out_n = n;
    return MW_OK;
}

/* Appends the strings of one attribute; *found false when there is none. */
static mw_status append_names(builder *b, const h5_object *o, const char *name, const char ***list, size_t *n,
                              size_t *capacity, bool *found)
{
    h5_attribute a;
    size_t length;

    MWI_TRY(h5_attribute_find(&b->f, o, name, &a, found));
    if (!*found) return MW_OK;
    if (a.space.n > b->f.r->len) return mwi_fail(b->f.ctx, MW_EFORMAT, "%s: attribute '%s' is too long", b->f.r->name, name);
    for (size_t i = 0; i < a.space.n; i++) {
        MWI_TRY(mwi_arena_grow(b->f.ctx, b->f.arena, list, *n, capacity, sizeof **list));
        MWI_TRY(h5_attribute_string(&b->f, &a, i, &(*list)[*n], &length));
        (*n)++;
    }
    return MW_OK;
}

/* A list of names; Keras splits one that is over 64512 bytes into name0, name1, ... */
static mw_status names_attribute(builder *b, const h5_object *o, const char *name, const char *const **out,
                                 size_t *out_n)
{
    const char **list = NULL;
    size_t capacity = 0;
    bool found;

    *out_n = 0;
    MWI_TRY(append_names(b, o, name, &list, out_n, &capacity, &found));
    for (unsigned i = 0; !found && i < 10000; i++) {
        const char *part;
        bool more;
        MWI_TRY(mwi_arena_printf(b->f.ctx, b->f.arena, &part, "%s%u", name, i));
        MWI_TRY(append_names(b, o, part, &list, out_n, &capacity, &more));
        if (!more) break;
    }
    *out = list;
    return MW_OK;
}

/* ---- the tree of weights ---- */

static mw_status add_array(builder *b, const char *path, const h5_object *o)
{
    const h5_message *const t = h5_find(o, H5_MSG_TYPE), *const s = h5_find(o, H5_MSG_SPACE);
    mwi_keras_array a = {.path = path};
    h5_type type;
    h5_space space;

    if (t == NULL || s == NULL) return mwi_fail(b->f.ctx, MW_EFORMAT, "dataset without type or shape");
    if ((t->flags & 2) != 0) return mwi_fail(b->f.ctx, MW_EUNSUPPORTED, "its type is committed elsewhere");
    MWI_TRY(h5_type_read(&b->f, t->at, t->size, &type));
    MWI_TRY(h5_space_read(&b->f, s->at, s->size, &space));
    if (space.null || !h5_dtype(&type, &a.dtype)) return MW_OK; /* strings and the like: not a weight */
    if (space.rank > MW_MAX_RANK) return mwi_fail(b->f.ctx, MW_ELIMIT, "rank %u, limit %d", space.rank, MW_MAX_RANK);
    a.rank = (int32_t)space.rank;
    for (uint32_t i = 0; i < space.rank; i++) {
        if (space.dims[i] > INT32_MAX) return mwi_fail(b->f.ctx, MW_ELIMIT, "dimension %u is too large", i);
        a.dims[i] = (int32_t)space.dims[i];
    }
    b->bytes += (uint64_t)space.n * type.size;
    if (b->bytes > mwi_limits(b->f.ctx)->max_memory_bytes)
        return mwi_fail(b->f.ctx, MW_ELIMIT, "weights larger than the limit of memory");
    MWI_TRY(h5_data(&b->f, o, &type, &space, &a.data, &a.bytes));
    mwi_keras_archive *const out = b->out;
    MWI_TRY(mwi_arena_grow(b->f.ctx, b->f.arena, &out->arrays, out->n_arrays, &b->arrays_capacity, sizeof a));
    out->arrays[out->n_arrays++] = a;
    return MW_OK;
}

static mw_status add_group(builder *b, const char *path, const h5_object *o);

static mw_status add_link(void *self, h5_file *f, const char *name, uint64_t address)
{
    builder *const b = ((void **)self)[0];
    const char *const parent = ((void **)self)[1];
    const char *path;
    h5_object o;

    if (*parent == '\0' && (strcmp(name, "optimizer") == 0 || strcmp(name, "optimizer_weights") == 0)) return MW_OK;
    MWI_TRY(mwi_arena_printf(f->ctx, f->arena, &path, *parent == '\0' ? "%s%s" : "%s/%s", parent, name));
    if (strlen(path) > 4 * H5_MAX_NAME) return mwi_fail(f->ctx, MW_ELIMIT, "%s: a path is too long", f->r->name);
    MWI_TRY(h5_object_read(f, address, &o));
    if (h5_is_group(&o)) return add_group(b, path, &o);
    if (h5_find(&o, H5_MSG_LAYOUT) == NULL) return MW_OK; /* a named type */
    return mwi_prefix(f->ctx, add_array(b, path, &o), "%s: '%s'", f->r->name, path);
}

static mw_status add_group(builder *b, const char *path, const h5_object *o)
{
    mwi_keras_group g = {.path = path};
    mwi_keras_archive *const out = b->out;
    void *self[2] = {b, (void *)(uintptr_t)path}; /* only read */

    if (++b->depth > mwi_limits(b->f.ctx)->max_depth)
        return mwi_fail(b->f.ctx, MW_ELIMIT, "%s: groups nested more than %u deep", b->f.r->name,
                        mwi_limits(b->f.ctx)->max_depth);
    MWI_TRY(text_attribute(b, o, "name", &g.name, NULL));
    MWI_TRY(names_attribute(b, o, "weight_names", &g.weight_names, &g.n_weight_names));
    MWI_TRY(mwi_arena_grow(b->f.ctx, b->f.arena, &out->groups, out->n_groups, &b->groups_capacity, sizeof g));
    out->groups[out->n_groups++] = g;
    MWI_TRY(h5_links(&b->f, o, add_link, self));
    b->depth--;
    return MW_OK;
}

/* ---- look-ups ---- */

static int by_array_path(const void *a, const void *b)
{
    return strcmp(((const mwi_keras_array *)a)->path, ((const mwi_keras_array *)b)->path);
}

static int by_group_path(const void *a, const void *b)
{
    return strcmp(((const mwi_keras_group *)a)->path, ((const mwi_keras_group *)b)->path);
}

const mwi_keras_array *mwi_keras_array_at(const mwi_keras_archive *archive, const char *path)
{
    const mwi_keras_array key = {.path = path};
    if (archive->n_arrays == 0) return NULL;
    return bsearch(&key, archive->arrays, archive->n_arrays, sizeof key, by_array_path);
}

const mwi_keras_group *mwi_keras_group_at(const mwi_keras_archive *archive, const char *path)
{
    const mwi_keras_group key = {.path = path};
    if (archive->n_groups == 0) return NULL;
    return bsearch(&key, archive->groups, archive->n_groups, sizeof key, by_group_path);
}

/* ---- opening ---- */

static mw_status open_legacy(builder *b, const h5_object *root, h5_object *out_weights)
{
    mwi_keras_archive *const out = b->out;
    uint64_t address;

    *out_weights = *root;
    MWI_TRY(text_attribute(b, root, "model_config", &out->config_json, &out->config_bytes));
    MWI_TRY(text_attribute(b, root, "training_config", &out->training_json, &out->training_bytes));
    MWI_TRY(h5_lookup(&b->f, root, "model_weights", &address));
    if (address != UINT64_MAX) MWI_TRY(h5_object_read(&b->f, address, out_weights));
    MWI_TRY(text_attribute(b, root, "keras_version", &out->keras_version, NULL));
    if (*out->keras_version == '\0') MWI_TRY(text_attribute(b, out_weights, "keras_version", &out->keras_version, NULL));
    MWI_TRY(text_attribute(b, root, "backend", &out->backend, NULL));
    return names_attribute(b, out_weights, "layer_names", &out->layer_names, &out->n_layer_names);
}

mw_status mwi_keras_open_h5(mw_ctx *ctx, const mwi_reader *r, mwi_arena *arena, mwi_keras_archive *out)
{
    builder b = {.f = {.ctx = ctx, .r = r, .arena = arena}, .out = out};
    h5_object root, weights;

    if (out->keras_version == NULL) out->keras_version = "";
    if (out->backend == NULL) out->backend = "";
    MWI_TRY(h5_open(&b.f));
    MWI_TRY(h5_object_read(&b.f, b.f.root, &root));
    weights = root;
    if (!out->v3) MWI_TRY(open_legacy(&b, &root, &weights));
    MWI_TRY(add_group(&b, "", &weights));
    if (out->n_arrays > 1) qsort(out->arrays, out->n_arrays, sizeof *out->arrays, by_array_path);
    if (out->n_groups > 1) qsort(out->groups, out->n_groups, sizeof *out->groups, by_group_path);
    return MW_OK;
}
