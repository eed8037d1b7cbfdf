/* formats/keras/archive_h5.c - a Keras .h5 file as an archive: attributes and every weight by its
 * path.
 * Depends: base/, formats/keras/hdf5/.  Used by: keras_h5.c, archive_zip.c.
 * Trust:   the reader of hdf5/ bounds every access; here groups are bounded in depth and number.
 * Holds:   a group is never entered while it is being read (no cycles).
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/archive_h5.h"

#include "formats/keras/hdf5/h5.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The groups on the way from the root of the weights. */
typedef struct place {
    const struct place *up;
    uint64_t addr;
    uint32_t depth;
    const char *path;
    const mwi_keras_group *group;
} place;

typedef struct reading {
    mwi_h5 *h5;
    mwi_keras_archive *out;
    size_t array_capacity, group_capacity;
    bool borrow;
} reading;

/* ---- attributes ---- */

/* A list of names, whole or split into name0, name1, ... as Keras does above 64 kB. NULL when
 * absent. */
static mw_status read_names(mwi_h5 *h5, const mwi_h5_attrs *attrs, const char *name,
                            const char *const **out, size_t *n)
{
    const mwi_h5_attr *attr = mwi_h5_attr_find(attrs, name);
    const char **all = NULL;
    size_t capacity = 0;

    *out = NULL;
    *n = 0;
    if (attr != NULL) return mwi_h5_attr_strings(h5, attr, out, n);
    for (unsigned i = 0;; i++) {
        const char *const *part = NULL, *split = NULL;
        size_t part_n = 0;
        MWI_TRY(mwi_arena_printf(h5->ctx, &h5->scratch, &split, "%s%u", name, i));
        MWI_TRY(mwi_h5_work(h5, attrs->n * 8));
        attr = mwi_h5_attr_find(attrs, split);
        if (attr == NULL) break;
        MWI_TRY(mwi_h5_attr_strings(h5, attr, &part, &part_n));
        for (size_t k = 0; k < part_n; k++) {
            MWI_TRY(mwi_arena_grow(h5->ctx, h5->arena, &all, *n, &capacity, sizeof *all));
            all[(*n)++] = part[k];
        }
    }
    *out = all;
    return MW_OK;
}

/* One text; split parts are joined. NULL when absent. */
static mw_status read_text(mwi_h5 *h5, const mwi_h5_attrs *attrs, const char *name,
                           const char **out, size_t *bytes)
{
    const char *const *parts = NULL;
    size_t n = 0, total = 0;
    void *memory = NULL;

    *out = NULL;
    *bytes = 0;
    MWI_TRY(mwi_prefix(h5->ctx, read_names(h5, attrs, name, &parts, &n), "attribute '%s'", name));
    if (n == 0) return MW_OK;
    MWI_ASSERT(parts != NULL);
    for (size_t i = 0; i < n; i++)
        if (!mwi_add(total, strlen(parts[i]), &total))
            return mwi_fail(h5->ctx, MW_ELIMIT, "%s: attribute '%s' is too long", h5->r->name,
                            name);
    if (n == 1) {
        *out = parts[0];
    } else {
        MWI_TRY(mwi_arena_alloc(h5->ctx, h5->arena, total + 1, &memory));
        char *to = memory;
        for (size_t i = 0; i < n; i++) {
            const size_t len = strlen(parts[i]);
            memcpy(to, parts[i], len);
            to += len;
        }
        *to = '\0';
        *out = memory;
    }
    *bytes = total;
    return MW_OK;
}

/* ---- weights ---- */

static mw_status add_group(reading *r, const mwi_h5_object *object, const char *path,
                           const mwi_keras_group **out)
{
    mwi_h5 *const h5 = r->h5;
    mwi_h5_attrs attrs;
    mwi_keras_group g = {.path = path};
    size_t n;

    if (r->out->n_groups >= mwi_limits(h5->ctx)->max_tensors)
        return mwi_fail(h5->ctx, MW_ELIMIT, "%s: over %" PRIu32 " groups (limits.max_tensors)",
                        h5->r->name, mwi_limits(h5->ctx)->max_tensors);
    MWI_TRY(mwi_h5_attrs_read(h5, object, &attrs));
    const mwi_h5_attr *const name = mwi_h5_attr_find(&attrs, "name");
    if (name != NULL) {
        const char *const *names = NULL;
        MWI_TRY(
            mwi_prefix(h5->ctx, mwi_h5_attr_strings(h5, name, &names, &n), "group '%.200s'", path));
        if (n > 0) g.name = names[0];
    }
    MWI_TRY(mwi_prefix(h5->ctx,
                       read_names(h5, &attrs, "weight_names", &g.weight_names, &g.n_weight_names),
                       "group '%.200s'", path));
    MWI_TRY(mwi_arena_grow(h5->ctx, h5->arena, &r->out->groups, r->out->n_groups,
                           &r->group_capacity, sizeof g));
    r->out->groups[r->out->n_groups] = g;
    *out = NULL;
    if (g.n_weight_names != 0) {
        void *copy = NULL;
        MWI_TRY(mwi_arena_copy(h5->ctx, &h5->scratch, &g, sizeof g, &copy));
        *out = copy;
    }
    r->out->n_groups++;
    return MW_OK;
}

/* Whether a layer's weight_names lists the dataset; in .keras files every dataset is a weight. */
static bool is_needed(const reading *r, const place *in, const char *path)
{
    if (r->out->v3) return true;
    for (const place *p = in; p != NULL; p = p->up) {
        if (p->group == NULL) continue;
        const size_t n = strlen(p->path);
        const char *const rest = n == 0 ? path : path + n + 1;
        for (size_t i = 0; i < p->group->n_weight_names; i++)
            if (strcmp(p->group->weight_names[i], rest) == 0) return true;
    }
    return false;
}

/* Keras stores bfloat16 as two opaque bytes with the attribute dtype. */
static mw_status is_bfloat16(mwi_h5 *h5, const mwi_h5_object *object, const mwi_h5_dataset *d,
                             bool *out)
{
    const char *const *text = NULL;
    mwi_h5_attrs attrs;
    size_t n;

    *out = false;
    if (d->type.size != 2 || (d->type.klass != 5 && d->type.klass != 0)) return MW_OK;
    MWI_TRY(mwi_h5_attrs_read(h5, object, &attrs));
    const mwi_h5_attr *const attr = mwi_h5_attr_find(&attrs, "dtype");
    if (attr == NULL) return MW_OK;
    MWI_TRY(mwi_h5_attr_strings(h5, attr, &text, &n));
    *out = n == 1 && strcmp(text[0], "bfloat16") == 0;
    return MW_OK;
}

static mw_status set_shape(mwi_h5 *h5, const mwi_h5_dataset *d, mwi_keras_array *a)
{
    if (d->space.rank > MW_MAX_RANK)
        return mwi_fail(h5->ctx, MW_ELIMIT, "rank %u, limit %d", d->space.rank, MW_MAX_RANK);
    a->rank = d->space.null ? 1 : (int32_t)d->space.rank; /* null: no elements */
    for (unsigned i = 0; i < d->space.rank; i++) {
        if (d->space.dims[i] > INT32_MAX)
            return mwi_fail(h5->ctx, MW_ELIMIT, "dimension %u is %" PRIu64 ", limit %d", i,
                            d->space.dims[i], INT32_MAX);
        a->dims[i] = (int32_t)d->space.dims[i];
    }
    a->bytes = (size_t)d->bytes;
    return MW_OK;
}

static mw_status read_array(reading *r, const mwi_h5_object *object, mwi_keras_array *a,
                            bool *supported, unsigned *klass)
{
    mwi_h5 *const h5 = r->h5;
    mwi_h5_dataset d;
    bool bfloat16 = false;

    MWI_TRY(mwi_h5_dataset_open(h5, object, &d));
    MWI_TRY(is_bfloat16(h5, object, &d, &bfloat16));
    *klass = d.type.klass;
    *supported = d.type.numeric || bfloat16;
    if (!*supported) return MW_OK;
    a->dtype = bfloat16 ? MW_BFLOAT16 : d.type.dtype;
    MWI_TRY(set_shape(h5, &d, a));
    return mwi_h5_dataset_read(h5, &d, r->borrow, &a->data);
}

static mw_status add_array(reading *r, const place *in, const mwi_h5_object *object,
                           const char *path)
{
    mwi_h5 *const h5 = r->h5;
    mwi_keras_array a = {.path = path};
    bool supported = false;
    unsigned klass = 0;

    if (r->out->n_arrays >= mwi_limits(h5->ctx)->max_tensors)
        return mwi_fail(h5->ctx, MW_ELIMIT, "%s: over %" PRIu32 " datasets (limits.max_tensors)",
                        h5->r->name, mwi_limits(h5->ctx)->max_tensors);
    MWI_TRY(mwi_prefix(h5->ctx, read_array(r, object, &a, &supported, &klass), "weight '%.200s'",
                       path));
    if (!supported) {
        if (!is_needed(r, in, path)) return MW_OK;
        return mwi_fail(
            h5->ctx, MW_EUNSUPPORTED,
            "%s: weight '%.200s' is of a %s type; weights are integers of 8 to 64 bits or "
            "floats of 16 to 64",
            h5->r->name, path, mwi_h5_class_name(klass));
    }
    MWI_TRY(mwi_arena_grow(h5->ctx, h5->arena, &r->out->arrays, r->out->n_arrays,
                           &r->array_capacity, sizeof a));
    r->out->arrays[r->out->n_arrays++] = a;
    return MW_OK;
}

static mw_status check_place(mwi_h5 *h5, const place *here)
{
    if (here->depth > mwi_limits(h5->ctx)->max_depth)
        return mwi_fail(h5->ctx, MW_ELIMIT,
                        "%s: groups nested over %" PRIu32 " deep (limits.max_depth)", h5->r->name,
                        mwi_limits(h5->ctx)->max_depth);
    for (const place *p = here->up; p != NULL; p = p->up)
        if (p->addr == here->addr)
            return mwi_fail(h5->ctx, MW_EFORMAT, "%s: group '%.200s' contains itself", h5->r->name,
                            here->path);
    return MW_OK;
}

/* In .keras files the root holds the optimizer too, which inference does not need. */
static bool is_skipped(const reading *r, const place *here, const char *name)
{
    return here->depth == 0 && (strcmp(name, "optimizer_weights") == 0 ||
                                (r->out->v3 && strcmp(name, "optimizer") == 0));
}

static mw_status walk_group(reading *r, const place *up, const mwi_h5_object *object,
                            const char *path)
{
    mwi_h5 *const h5 = r->h5;
    place here = {
        .up = up, .addr = object->addr, .depth = up == NULL ? 0 : up->depth + 1, .path = path};
    mwi_h5_links links;
    mwi_h5_object child;

    MWI_TRY(check_place(h5, &here));
    MWI_TRY(add_group(r, object, path, &here.group));
    MWI_TRY(mwi_h5_links_read(h5, object, &links));
    for (size_t i = 0; i < links.n; i++) {
        const mwi_h5_link *const link = &links.items[i];
        const char *child_path = link->name;
        if (is_skipped(r, &here, link->name)) continue;
        MWI_TRY(mwi_h5_work(h5, strlen(path) + strlen(link->name)));
        MWI_TRY(mwi_arena_printf(h5->ctx, h5->arena, &child_path, "%s%s%s", path,
                                 path[0] == '\0' ? "" : "/", link->name));
        MWI_TRY(
            mwi_prefix(h5->ctx, mwi_h5_follow(h5, object, link, &child), "'%.200s'", child_path));
        if (mwi_h5_is_group(&child))
            MWI_TRY(walk_group(r, &here, &child, child_path));
        else if (mwi_h5_is_dataset(&child))
            MWI_TRY(add_array(r, &here, &child, child_path));
    }
    return MW_OK;
}

/* ---- the file ---- */

static int compare_arrays(const void *a, const void *b)
{
    return strcmp(((const mwi_keras_array *)a)->path, ((const mwi_keras_array *)b)->path);
}

static int compare_groups(const void *a, const void *b)
{
    return strcmp(((const mwi_keras_group *)a)->path, ((const mwi_keras_group *)b)->path);
}

static mw_status sort(mwi_h5 *h5, mwi_keras_archive *out)
{
    if (out->n_arrays > 1) qsort(out->arrays, out->n_arrays, sizeof *out->arrays, compare_arrays);
    if (out->n_groups > 1) qsort(out->groups, out->n_groups, sizeof *out->groups, compare_groups);
    for (size_t i = 1; i < out->n_arrays; i++)
        if (strcmp(out->arrays[i - 1].path, out->arrays[i].path) == 0)
            return mwi_fail(h5->ctx, MW_EFORMAT, "%s: two weights named '%.200s'", h5->r->name,
                            out->arrays[i].path);
    for (size_t i = 1; i < out->n_groups; i++)
        if (strcmp(out->groups[i - 1].path, out->groups[i].path) == 0)
            return mwi_fail(h5->ctx, MW_EFORMAT, "%s: two groups named '%.200s'", h5->r->name,
                            out->groups[i].path);
    return MW_OK;
}

static mw_status read_root(reading *r)
{
    mwi_h5 *const h5 = r->h5;
    mwi_keras_archive *const out = r->out;
    mwi_h5_object root, weights;
    mwi_h5_attrs attrs, weights_attrs;
    bool nested = false;
    size_t n;

    MWI_TRY(mwi_h5_object_open(h5, h5->root, &root));
    if (!mwi_h5_is_group(&root))
        return mwi_fail(h5->ctx, MW_EFORMAT, "%s: the root is not a group", h5->r->name);
    MWI_TRY(mwi_h5_attrs_read(h5, &root, &attrs));
    MWI_TRY(read_text(h5, &attrs, "model_config", &out->config_json, &out->config_bytes));
    MWI_TRY(read_text(h5, &attrs, "training_config", &out->training_json, &out->training_bytes));
    const bool at_root = mwi_h5_attr_find(&attrs, "layer_names") != NULL ||
                         mwi_h5_attr_find(&attrs, "layer_names0") != NULL;
    weights = root;
    weights_attrs = attrs;
    if (!at_root) MWI_TRY(mwi_h5_child(h5, &root, "model_weights", &nested, &weights));
    if (nested) {
        if (!mwi_h5_is_group(&weights))
            return mwi_fail(h5->ctx, MW_EFORMAT, "%s: 'model_weights' is not a group", h5->r->name);
        MWI_TRY(mwi_h5_attrs_read(h5, &weights, &weights_attrs));
    }
    out->v3 = out->v3 || (!at_root && !nested && out->config_json == NULL);
    /* Weights-only files keep these beside layer_names, whole models in the root. */
    MWI_TRY(read_text(h5, &attrs, "keras_version", &out->keras_version, &n));
    MWI_TRY(read_text(h5, &attrs, "backend", &out->backend, &n));
    if (out->keras_version == NULL && nested)
        MWI_TRY(read_text(h5, &weights_attrs, "keras_version", &out->keras_version, &n));
    if (out->backend == NULL && nested)
        MWI_TRY(read_text(h5, &weights_attrs, "backend", &out->backend, &n));
    if (out->keras_version == NULL) out->keras_version = "";
    if (out->backend == NULL) out->backend = "";
    MWI_TRY(read_names(h5, &weights_attrs, "layer_names", &out->layer_names, &out->n_layer_names));
    MWI_TRY(walk_group(r, NULL, &weights, ""));
    return sort(h5, out);
}

mw_status mwi_keras_read_h5(mw_ctx *ctx, const mwi_reader *r, mwi_arena *arena, bool v3,
                            bool borrow, mwi_keras_archive *out)
{
    mwi_h5 h5;
    reading whole = {.h5 = &h5, .out = out, .borrow = borrow};

    memset(out, 0, sizeof *out);
    out->v3 = v3;
    mw_status st = mwi_h5_open(ctx, r, arena, &h5);
    if (st == MW_OK) st = read_root(&whole);
    mwi_h5_close(&h5);
    return st;
}

mw_status mwi_keras_open_h5(mw_ctx *ctx, const mwi_reader *r, mwi_arena *arena,
                            mwi_keras_archive *out)
{
    return mwi_keras_read_h5(ctx, r, arena, false, true, out);
}
