/* formats/keras/weights.c - which array belongs to which layer's weight, in the legacy layout and in .keras files;
 * and the order of values in a file and in the graph.
 * Depends: build.h, base/half.  Used by: formats/keras/.
 * Legacy: a group for each top-level layer; its weight_names are its trainable weights, then the others, of nested
 * models layer by layer. .keras: layers/<class in snake case>[_k]/vars/<i>, or attribute name on vars.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/build.h"

#include "base/half.h"

#include <ctype.h>
#include <string.h>

/* ---- registering ---- */

static mw_status add_weight(kr_builder *b, kr_group *group, const char *name, const mwi_keras_array *array, int32_t *out)
{
    kr_origin *const o = b->origin;

    MWI_TRY(mwi_arena_grow(b->ctx, &b->model->arena, &o->weights, o->n_weights, &o->weights_capacity, sizeof *o->weights));
    MWI_TRY(mwi_arena_grow(b->ctx, &b->model->arena, &group->weights, group->n, &group->capacity, sizeof *group->weights));
    *out = (int32_t)o->n_weights;
    group->weights[group->n++] = *out;
    o->weights[o->n_weights++] = (kr_weight){name, array, KR_AS_IS};
    return MW_OK;
}

static mw_status add_group(kr_builder *b, const char *name, kr_group **out)
{
    kr_origin *const o = b->origin;

    MWI_TRY(mwi_arena_grow(b->ctx, &b->model->arena, &o->groups, o->n_groups, &o->groups_capacity, sizeof *o->groups));
    *out = &o->groups[o->n_groups++];
    memset(*out, 0, sizeof **out);
    (*out)->name = name;
    return MW_OK;
}

static size_t specs_of(const kr_layer *l, kr_weight_spec *specs)
{
    return l->row == NULL || l->row->weights == NULL ? 0 : l->row->weights(l, specs);
}

/* ---- legacy ---- */

typedef struct cursor {
    const mwi_keras_group *g;
    kr_group *out;
    size_t next; /* in g->weight_names */
} cursor;

/* tfmot's wrappers add masks, thresholds, steps and ranges beside the layer's own weights. */
static bool is_wrapper_weight(const char *name)
{
    static const char *const marks[] = {"mask", "threshold", "pruning_step", "optimizer_step", "unquantized", "_min",
                                        "_max", "cluster_centroids", "clustering_indices", "pulling_indices",
                                        "original_weight"};
    const char *const slash = strrchr(name, '/');

    for (size_t i = 0; i < MWI_COUNT(marks); i++)
        if (strstr(slash == NULL ? name : slash, marks[i]) != NULL) return true;
    return false;
}

static mw_status take(kr_builder *b, cursor *c, const kr_layer *l, const char *what, int32_t *out)
{
    const char *path;

    while (c->next < c->g->n_weight_names && is_wrapper_weight(c->g->weight_names[c->next])) c->next++;
    if (c->next >= c->g->n_weight_names)
        return kr_fail(b, l, MW_EFORMAT, "weight '%s' is missing: group '%s' has %zu", what, c->g->path,
                       c->g->n_weight_names);
    const char *const name = c->g->weight_names[c->next++];
    MWI_TRY(mwi_arena_printf(b->ctx, b->scratch, &path, *c->g->path == '\0' ? "%s%s" : "%s/%s", c->g->path, name));
    const mwi_keras_array *const array = mwi_keras_array_at(b->archive, path);
    if (array == NULL) return kr_fail(b, l, MW_EFORMAT, "weight '%s' is named but not in the file", path);
    return add_weight(b, c->out, name, array, out);
}

/* One round over the layers below: trainable weights, or the others. */
static mw_status take_some(kr_builder *b, cursor *c, kr_layer *l, bool parent_trainable, bool trainable)
{
    kr_weight_spec specs[KR_MAX_WEIGHTS];
    const bool mine = parent_trainable && l->trainable;

    if (l->model != NULL) {
        for (size_t i = 0; i < l->model->n_members; i++)
            MWI_TRY(take_some(b, c, l->model->members[i].layer, mine, trainable));
        return MW_OK;
    }
    l->n_weights = specs_of(l, specs);
    for (size_t i = 0; i < l->n_weights; i++)
        if ((mine && specs[i].trainable) == trainable) MWI_TRY(take(b, c, l, specs[i].name, &l->weights[i]));
    return MW_OK;
}

static mw_status assign_legacy(kr_builder *b, kr_layer *l)
{
    cursor c = {.g = mwi_keras_group_at(b->archive, l->name)};
    static const mwi_keras_group none = {.path = ""};

    if (c.g == NULL) c.g = &none;
    MWI_TRY(add_group(b, l->name, &c.out));
    MWI_TRY(take_some(b, &c, l, true, true));
    return take_some(b, &c, l, true, false);
}

/* ---- .keras ---- */

static mw_status snake_case(kr_builder *b, const char *name, const char **out)
{
    char text[256];
    size_t n = 0;

    for (size_t i = 0; name[i] != '\0' && n + 3 < sizeof text; i++) {
        const char c = name[i], before = i > 0 ? name[i - 1] : '\0', after = name[i] == '\0' ? '\0' : name[i + 1];
        if (!isalnum((unsigned char)c) && c != '_') continue;
        const bool word = i > 0 && isupper((unsigned char)c) && islower((unsigned char)after);
        const bool hump = islower((unsigned char)before) && isupper((unsigned char)c);
        if ((word || hump) && n > 0 && text[n - 1] != '_') text[n++] = '_';
        text[n++] = (char)tolower((unsigned char)c);
    }
    text[n] = '\0';
    return mwi_arena_string(b->ctx, b->scratch, text, n, out);
}

/* The group of member `at` under `prefix` ("" or "layers/functional/"). */
static mw_status member_path(kr_builder *b, const kr_model *m, size_t at, const char *prefix, const char **out)
{
    const kr_layer *const l = m->members[at].layer;
    const char *key, *head;
    size_t same = 0;

    MWI_TRY(mwi_arena_printf(b->ctx, b->scratch, &head, "%slayers/", prefix));
    for (size_t i = 0; i < b->archive->n_groups; i++) { /* by the name that stands on vars */
        const mwi_keras_group *const g = &b->archive->groups[i];
        const size_t n = strlen(head), k = strlen(g->path);
        if (g->name == NULL || strcmp(g->name, l->name) != 0 || k < n + 6 || strncmp(g->path, head, n) != 0) continue;
        if (strcmp(g->path + k - 5, "/vars") != 0 || memchr(g->path + n, '/', k - 5 - n) != NULL) continue;
        return mwi_arena_string(b->ctx, b->scratch, g->path, k - 5, out);
    }
    MWI_TRY(snake_case(b, l->class_name, &key));
    for (size_t i = 0; i < at; i++) {
        const char *other;
        MWI_TRY(snake_case(b, m->members[i].layer->class_name, &other));
        same += strcmp(other, key) == 0;
    }
    if (same == 0) return mwi_arena_printf(b->ctx, b->scratch, out, "%s%s", head, key);
    return mwi_arena_printf(b->ctx, b->scratch, out, "%s%s_%zu", head, key, same);
}

static mw_status assign_v3(kr_builder *b, kr_group *group, kr_model *m, size_t at, const char *prefix)
{
    kr_layer *const l = m->members[at].layer;
    kr_weight_spec specs[KR_MAX_WEIGHTS];
    const char *path, *name;

    MWI_TRY(member_path(b, m, at, prefix, &path));
    if (l->model != NULL) {
        MWI_TRY(mwi_arena_printf(b->ctx, b->scratch, &path, "%s/", path));
        for (size_t i = 0; i < l->model->n_members; i++) MWI_TRY(assign_v3(b, group, l->model, i, path));
        return MW_OK;
    }
    l->n_weights = specs_of(l, specs);
    for (size_t i = 0; i < l->n_weights; i++) {
        const char *place;
        MWI_TRY(mwi_arena_printf(b->ctx, b->scratch, &place, "%s/%s%svars/%zu", path, l->row->inner == NULL ? "" : l->row->inner,
                                 l->row->inner == NULL ? "" : "/", i));
        const mwi_keras_array *const array = mwi_keras_array_at(b->archive, place);
        if (array == NULL) return kr_fail(b, l, MW_EFORMAT, "weight '%s' (%s) is missing", specs[i].name, place);
        MWI_TRY(mwi_arena_printf(b->ctx, &b->model->arena, &name, "%s/%s", l->name, specs[i].name));
        MWI_TRY(add_weight(b, group, name, array, &l->weights[i]));
    }
    return MW_OK;
}

/* Weights of one group are written trainable first. */
static void order_group(kr_builder *b, kr_group *g, const kr_layer *l, bool parent_trainable, bool trainable, size_t *n,
                        int32_t *out)
{
    kr_weight_spec specs[KR_MAX_WEIGHTS];
    const bool mine = parent_trainable && l->trainable;

    if (l->model != NULL) {
        for (size_t i = 0; i < l->model->n_members; i++)
            order_group(b, g, l->model->members[i].layer, mine, trainable, n, out);
        return;
    }
    (void)specs_of(l, specs);
    for (size_t i = 0; i < l->n_weights; i++)
        if ((mine && specs[i].trainable) == trainable && *n < g->n) out[(*n)++] = l->weights[i];
}

static mw_status assign_v3_top(kr_builder *b, kr_model *top, size_t at)
{
    kr_layer *const l = top->members[at].layer;
    kr_group *g;
    void *memory;
    size_t n = 0;

    MWI_TRY(add_group(b, l->name, &g));
    MWI_TRY(assign_v3(b, g, top, at, ""));
    g = &b->origin->groups[b->origin->n_groups - 1];
    MWI_TRY(mwi_arena_array(b->ctx, &b->model->arena, g->n, sizeof *g->weights, &memory));
    order_group(b, g, l, true, true, &n, memory);
    order_group(b, g, l, true, false, &n, memory);
    if (n == g->n) g->weights = memory;
    return MW_OK;
}

mw_status kr_assign_weights(kr_builder *b, kr_model *top)
{
    for (size_t i = 0; i < top->n_members; i++)
        MWI_TRY(b->archive->v3 ? assign_v3_top(b, top, i) : assign_legacy(b, top->members[i].layer));
    return MW_OK;
}

/* ---- values ---- */

static float value_at(const mwi_keras_array *a, size_t i)
{
    union {
        double f64;
        float f32;
        uint16_t u16;
    } v;
    switch (a->dtype) {
    case MW_FLOAT32: memcpy(&v.f32, (const char *)a->data + 4 * i, 4); return v.f32;
    case MW_FLOAT64: memcpy(&v.f64, (const char *)a->data + 8 * i, 8); return (float)v.f64;
    case MW_FLOAT16: memcpy(&v.u16, (const char *)a->data + 2 * i, 2); return mwi_half_to_float(v.u16);
    case MW_BFLOAT16: memcpy(&v.u16, (const char *)a->data + 2 * i, 2); return mwi_bfloat_to_float(v.u16);
    default: return 0;
    }
}

/* Shape in the graph, and for each of the file's dimensions its stride there. */
static bool layout_of(const mwi_keras_array *a, kr_transform t, int32_t *rank, int32_t *dims, size_t *strides)
{
    const int32_t *const d = a->dims;
    static const int32_t ranks[] = {-1, 2, 4, 3, 4, 3, 4};

    if (t != KR_AS_IS && a->rank != ranks[t]) return false;
    *rank = t == KR_AS_IS ? a->rank : t == KR_MATRIX ? 2 : 4;
    for (int32_t i = 0; i < a->rank; i++) strides[i] = 1;
    switch (t) {
    case KR_AS_IS:
    case KR_DEPTHWISE:
    case KR_DEPTHWISE_1D:
        for (int32_t i = a->rank - 2; i >= 0; i--) strides[i] = strides[i + 1] * (size_t)d[i + 1];
        break;
    default: break;
    }
    switch (t) {
    case KR_AS_IS: memcpy(dims, d, sizeof a->dims); return true;
    case KR_MATRIX:
        dims[0] = d[1], dims[1] = d[0];
        strides[1] = (size_t)d[0];
        return true;
    case KR_CONV:
        dims[0] = d[3], dims[1] = d[0], dims[2] = d[1], dims[3] = d[2];
        strides[1] = (size_t)d[2], strides[0] = strides[1] * (size_t)d[1], strides[3] = strides[0] * (size_t)d[0];
        return true;
    case KR_CONV_1D:
        dims[0] = d[2], dims[1] = 1, dims[2] = d[0], dims[3] = d[1];
        strides[0] = (size_t)d[1], strides[2] = strides[0] * (size_t)d[0];
        return true;
    case KR_DEPTHWISE: dims[0] = 1, dims[1] = d[0], dims[2] = d[1], dims[3] = d[2] * d[3]; return true;
    case KR_DEPTHWISE_1D: dims[0] = 1, dims[1] = 1, dims[2] = d[0], dims[3] = d[1] * d[2]; return true;
    case KR_CONV_TRANSPOSE:
        dims[0] = d[2], dims[1] = d[0], dims[2] = d[1], dims[3] = d[3];
        strides[1] = (size_t)d[3], strides[0] = strides[1] * (size_t)d[1], strides[2] = strides[0] * (size_t)d[0];
        return true;
    }
    return false;
}

/* Place in the graph of element i of the file. */
static size_t place_of(const mwi_keras_array *a, const size_t *strides, size_t i)
{
    size_t at = 0;

    for (int32_t k = a->rank - 1; k >= 0; k--) {
        at += i % (size_t)a->dims[k] * strides[k];
        i /= (size_t)a->dims[k];
    }
    return at;
}

mw_status kr_transformed(mw_ctx *ctx, mwi_arena *arena, const mwi_keras_array *a, kr_transform t, int32_t *out_rank,
                         int32_t *out_dims, float **out)
{
    size_t strides[MW_MAX_RANK], n = 0;
    void *memory;

    memset(out_dims, 0, MW_MAX_RANK * sizeof *out_dims);
    if (!layout_of(a, t, out_rank, out_dims, strides))
        return mwi_fail(ctx, MW_EFORMAT, "weight '%s' has rank %d", a->path, a->rank);
    if (a->dtype != MW_FLOAT32 && a->dtype != MW_FLOAT64 && a->dtype != MW_FLOAT16 && a->dtype != MW_BFLOAT16)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "weight '%s' is %s, allowed floats", a->path, mw_dtype_name(a->dtype));
    (void)mwi_dims_count(a->rank, a->dims, &n);
    MWI_TRY(mwi_arena_array(ctx, arena, n + 1, sizeof(float), &memory));
    *out = memory;
    for (size_t i = 0; i < n; i++) (*out)[t == KR_AS_IS ? i : place_of(a, strides, i)] = value_at(a, i);
    return MW_OK;
}

void kr_restore(const mwi_keras_array *a, kr_transform t, const float *from, float *to)
{
    size_t strides[MW_MAX_RANK], n = 0;
    int32_t rank, dims[MW_MAX_RANK];

    if (!layout_of(a, t, &rank, dims, strides)) return;
    (void)mwi_dims_count(a->rank, a->dims, &n);
    for (size_t i = 0; i < n; i++) to[i] = from[place_of(a, strides, i)];
}
