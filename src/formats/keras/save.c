/* formats/keras/save.c - writing a model that came from Keras back as .h5: the config as it was,
 * each weight from the constants that were made of it.
 * Depends: formats/keras/origin, formats/keras/archive.  Used by: formats/keras/keras.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/format.h"
#include "formats/keras/config.h"
#include "formats/keras/origin.h"

#include "base/half.h"

#include <string.h>

/* ---- what is written: groups and names ---- */

static mw_status add_weight(mw_ctx *ctx, mwi_arena *arena, mwi_keras_origin *o, const char *name,
                            const mwi_keras_array *array, int32_t first_use)
{
    MWI_TRY(mwi_arena_grow(ctx, arena, &o->weights, o->n_weights, &o->weights_capacity,
                           sizeof *o->weights));
    o->weights[o->n_weights++] = (mwi_keras_stored){name, array, first_use};
    o->groups[o->n_groups - 1].n++;
    return MW_OK;
}

static mw_status add_group(mw_ctx *ctx, mwi_arena *arena, mwi_keras_origin *o, const char *name)
{
    MWI_TRY(mwi_arena_grow(ctx, arena, &o->groups, o->n_groups, &o->groups_capacity,
                           sizeof *o->groups));
    o->groups[o->n_groups++] = (mwi_keras_origin_group){.name = name, .first = o->n_weights};
    return MW_OK;
}

/* A .h5 keeps its groups, names and whatever else they hold. */
static mw_status list_h5(mw_ctx *ctx, mwi_arena *arena, const mwi_keras_archive *a,
                         const int32_t *use_of_array, mwi_keras_origin *o)
{
    const char *path;

    for (size_t i = 0; i < a->n_layer_names; i++) {
        const mwi_keras_group *const g = mwi_keras_group_at(a, a->layer_names[i]);
        MWI_TRY(add_group(ctx, arena, o, a->layer_names[i]));
        for (size_t k = 0; g != NULL && k < g->n_weight_names; k++) {
            MWI_TRY(mwi_arena_printf(ctx, arena, &path, "%s/%s", g->path, g->weight_names[k]));
            const mwi_keras_array *const array = mwi_keras_array_at(a, path);
            if (array == NULL) continue;
            MWI_TRY(add_weight(ctx, arena, o, g->weight_names[k], array,
                               use_of_array[array - a->arrays]));
        }
    }
    return MW_OK;
}

/* "outer/inner/kernel": sub-layers' names where one layer has several of one name. */
static mw_status name_of(mw_ctx *ctx, mwi_arena *arena, const mwi_keras_slot *s, const char **out)
{
    const mwi_keras_weight_rule *const r = s->rule;
    const int n = (int)strcspn(r->name, "|"), sub = r->sub == NULL ? 0 : (int)strcspn(r->sub, "|");

    if (sub == 0) return mwi_arena_printf(ctx, arena, out, "%s/%.*s", s->layer->path, n, r->name);
    return mwi_arena_printf(ctx, arena, out, "%s/%.*s/%.*s", s->layer->path, sub, r->sub, n,
                            r->name);
}

/* A group for each layer of the model, in it what the layer knows: training tools' own weights are
 * left out. */
static mw_status list_layers(mw_ctx *ctx, mwi_arena *arena, const mwi_keras_layer *root,
                             mwi_keras_origin *o)
{
    const char *name;

    for (size_t i = 0; i < root->n_children; i++) {
        mwi_keras_slots slots = {0};
        MWI_TRY(add_group(ctx, arena, o, root->children[i]->name));
        MWI_TRY(mwi_keras_legacy_order(ctx, arena, root->children[i], &slots));
        for (size_t k = 0; k < slots.n; k++) {
            MWI_TRY(name_of(ctx, arena, slots.v[k], &name));
            if (slots.v[k]->array != NULL)
                MWI_TRY(add_weight(ctx, arena, o, name, slots.v[k]->array, slots.v[k]->first_use));
        }
    }
    return MW_OK;
}

mw_status mwi_keras_origin_fill(mw_ctx *ctx, mwi_arena *arena, const mwi_keras_archive *a,
                                mwi_keras_layer *root, mwi_keras_origin *o)
{
    void *memory;

    if (a->v3 || o->unwrapped || o->initialized) return list_layers(ctx, arena, root, o);
    MWI_TRY(mwi_arena_array(ctx, arena, a->n_arrays, sizeof(int32_t), &memory));
    int32_t *const use_of_array = memory;
    for (size_t i = 0; i < a->n_arrays; i++) use_of_array[i] = -1;
    for (size_t i = 0; i < o->n_uses;
         i++) /* a later use comes before the earlier ones in its list */
        if (o->uses[i].array != NULL) use_of_array[o->uses[i].array - a->arrays] = (int32_t)i;
    return list_h5(ctx, arena, a, use_of_array, o);
}

/* ---- values ---- */

/* The constants that stand in the graph now, by use; fails where more than values has changed. */
static mw_status find_tensors(mw_ctx *ctx, const mw_model *m, const mwi_keras_origin *o,
                              mwi_arena *arena, const mwi_tensor ***out)
{
    const mwi_graph *const g = m->graphs[0];
    bool same = m->n_graphs == o->n_graphs && g->n_ops == o->n_ops;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, arena, o->n_uses, sizeof(mwi_tensor *), &memory));
    *out = memory;
    for (size_t k = 0; k < m->n_graphs; k++)
        for (size_t i = 0; i < m->graphs[k]->n_tensors; i++) {
            const mwi_tensor *const t = m->graphs[k]->tensors[i];
            if (t->source >= 0 && (size_t)t->source < o->n_uses && t->data != NULL)
                (*out)[t->source] = t;
        }
    for (size_t i = 0; i < g->n_ops && same; i++) same = g->ops[i]->desc == o->ops[i];
    for (size_t i = 0; i < o->n_uses && same; i++) same = !o->uses[i].present || (*out)[i] != NULL;
    if (same) return MW_OK;
    return mwi_fail(
        ctx, MW_EUNSUPPORTED,
        "the graph is no longer the one that Keras knows (operators were fused, folded or "
        "replaced): write it as .tflite");
}

static mw_status to_floats(mw_ctx *ctx, const mwi_tensor *t, size_t n, float *out)
{
    if (t->dtype == MW_FLOAT32 && t->sparsity == NULL && t->bytes == n * sizeof *out) {
        memcpy(out, t->data, t->bytes);
        return MW_OK;
    }
    if (t->dtype == MW_FLOAT16 && t->sparsity == NULL && t->bytes == n * sizeof(uint16_t)) {
        for (size_t i = 0; i < n; i++) out[i] = mwi_half_to_float(((const uint16_t *)t->data)[i]);
        return MW_OK;
    }
    return mwi_fail(ctx, MW_EUNSUPPORTED,
                    "weight '%s' is %s now, Keras takes floats: write the model as .tflite",
                    t->name, mw_dtype_name(t->dtype));
}

static mw_status put_part(mw_ctx *ctx, const mwi_keras_use *u, const mwi_tensor *t,
                          mwi_arena *arena, float *all)
{
    void *memory;
    size_t n;

    if (!mwi_dims_count(u->part.out_rank, u->part.out_dims, &n))
        return mwi_fail(ctx, MW_ELIMIT, "weight '%s' is too large", t->name);
    MWI_TRY(mwi_arena_array(ctx, arena, n, sizeof(float), &memory));
    MWI_TRY(to_floats(ctx, t, n, memory));
    mwi_keras_scatter(&u->part, memory, all);
    return MW_OK;
}

/* Halves stay halves, doubles and what HDF5 has no type for become float32. */
static mw_status store(mw_ctx *ctx, mwi_arena *arena, const float *values, size_t n,
                       mwi_keras_array *a)
{
    void *memory;

    a->data = values;
    a->bytes = n * sizeof *values;
    if (a->dtype != MW_FLOAT16) return a->dtype = MW_FLOAT32, MW_OK;
    MWI_TRY(mwi_arena_array(ctx, arena, n, sizeof(uint16_t), &memory));
    for (size_t i = 0; i < n; i++) ((uint16_t *)memory)[i] = mwi_float_to_half(values[i]);
    a->data = memory;
    a->bytes = n * sizeof(uint16_t);
    return MW_OK;
}

static mw_status out_array(mw_ctx *ctx, const mwi_keras_origin *o, const mwi_keras_stored *w,
                           const mwi_tensor *const *tensors, mwi_arena *arena,
                           const mwi_keras_array **out)
{
    mwi_keras_part whole = {.rank = w->array->rank};
    void *memory, *values;
    size_t n;
    bool any = false;

    MWI_TRY(mwi_arena_copy(ctx, arena, w->array, sizeof *w->array, &memory));
    mwi_keras_array *const a = memory;
    *out = a;
    a->path = w->name;
    for (int32_t u = w->first_use; u >= 0; u = o->uses[u].next) any |= o->uses[u].present;
    if (!any && a->dtype != MW_BFLOAT16)
        return MW_OK; /* as it was read: counters, masks, layers that compute from it */
    if (a->rank > MWI_KERAS_WEIGHT_RANK || !mwi_dims_count(a->rank, a->dims, &n))
        return mwi_fail(ctx, MW_ELIMIT, "weight '%s' is too large", w->name);
    for (int32_t i = 0; i < a->rank; i++)
        whole.dims[i] = whole.size[i] = a->dims[i], whole.perm[i] = i;
    MWI_TRY(mwi_arena_array(ctx, arena, n, sizeof(float), &values));
    MWI_TRY(mwi_keras_gather(ctx, w->array, &whole, values));
    for (int32_t u = w->first_use; u >= 0; u = o->uses[u].next)
        if (o->uses[u].present) MWI_TRY(put_part(ctx, &o->uses[u], tensors[u], arena, values));
    return store(ctx, arena, values, n, a);
}

/* ---- config ---- */

/* What a .keras says of every object (module, registered_name, build_config) stays in place below
 * the top: Keras reads such a config from a .h5 too; at the top the loader wants class_name and
 * config. */
static mw_status legacy_config(mw_ctx *ctx, const char *text, mwi_arena *arena, const char **out)
{
    json_t *document;
    mw_status st = MW_OK;

    MWI_TRY(mwi_keras_json_parse(ctx, text, strlen(text), "the model's config", &document));
    json_t *const slim =
        json_pack("{s:O,s:O}", "class_name", json_object_get(document, "class_name"), "config",
                  json_object_get(document, "config"));
    const size_t n = slim == NULL ? 0 : json_dumpb(slim, NULL, 0, JSON_COMPACT);
    void *memory = NULL;
    if (n == 0) st = mwi_fail(ctx, MW_ENOMEM, "out of memory");
    if (st == MW_OK) st = mwi_arena_alloc(ctx, arena, n + 1, &memory);
    if (st == MW_OK) {
        (void)json_dumpb(slim, memory, n, JSON_COMPACT);
        ((char *)memory)[n] = '\0';
        *out = memory;
    }
    json_decref(slim);
    json_decref(document);
    return st;
}

mw_status mwi_keras_collect(mw_ctx *ctx, const mw_model *m, mwi_arena *arena, mwi_keras_out *out)
{
    const mwi_keras_origin *const o = m->origin;
    const mwi_tensor **tensors;
    void *memory;

    MWI_TRY(find_tensors(ctx, m, o, arena, &tensors));
    MWI_TRY(mwi_arena_array(ctx, arena, o->n_groups, sizeof(mwi_keras_out_layer), &memory));
    mwi_keras_out_layer *const layers = memory;
    MWI_TRY(mwi_arena_array(ctx, arena, o->n_weights, sizeof(mwi_keras_array *), &memory));
    const mwi_keras_array **const arrays = memory;
    for (size_t i = 0; i < o->n_weights; i++)
        MWI_TRY(out_array(ctx, o, &o->weights[i], tensors, arena, &arrays[i]));
    for (size_t i = 0; i < o->n_groups; i++)
        layers[i] = (mwi_keras_out_layer){.name = o->groups[i].name,
                                          .weights = arrays + o->groups[i].first,
                                          .n_weights = o->groups[i].n};
    out->config_json = o->config_json;
    if (o->v3) MWI_TRY(legacy_config(ctx, o->config_json, arena, &out->config_json));
    out->training_json = o->training_json;
    out->keras_version = *o->keras_version == '\0' ? (o->v3 ? "3.0.0" : "2.0.0") : o->keras_version;
    out->backend = *o->backend == '\0' ? "tensorflow" : o->backend;
    out->layers = layers;
    out->n_layers = o->n_groups;
    out->compress = true;
    return MW_OK;
}

mw_status mwi_keras_save(mw_ctx *ctx, const mw_model *model, mwi_output *output)
{
    mwi_keras_out out = {0};
    mwi_arena arena;
    mw_status st;

    if (mwi_keras_origin_of(model) == NULL)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "%s did not come from Keras: write it as .tflite",
                        model->name);
    mwi_arena_init(ctx, &arena);
    st = mwi_keras_collect(ctx, model, &arena, &out);
    if (st == MW_OK) st = mwi_keras_write_h5(ctx, &out, output);
    mwi_arena_deinit(&arena);
    return st;
}
