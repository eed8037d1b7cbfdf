/* formats/keras/save.c - writing a model that came from Keras back as .h5: its configuration as it was, each weight
 * from the graph's constant where that still stands, else as it was read.
 * Depends: build.h.  Used by: formats/keras/keras.c.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/build.h"

#include <string.h>

static const mwi_tensor *find_source(const mw_model *m, int32_t source)
{
    for (size_t i = 0; i < m->graphs[0]->n_tensors; i++) {
        const mwi_tensor *const t = m->graphs[0]->tensors[i];
        if (t->source == source && t->dtype == MW_FLOAT32 && t->data != NULL) return t;
    }
    return NULL;
}

static mw_status out_array(mw_ctx *ctx, const mw_model *m, const kr_origin *o, int32_t index, mwi_arena *arena,
                           const mwi_keras_array **out)
{
    const kr_weight *const w = &o->weights[index];
    const mwi_tensor *const t = find_source(m, index);
    void *memory, *values;
    size_t n = 0;

    MWI_TRY(mwi_arena_copy(ctx, arena, w->array, sizeof *w->array, &memory));
    mwi_keras_array *const a = memory;
    *out = a;
    a->path = w->name;
    if (t == NULL && (a->dtype == MW_FLOAT32 || a->dtype == MW_FLOAT64)) return MW_OK;
    (void)mwi_dims_count(a->rank, a->dims, &n);
    MWI_TRY(mwi_arena_array(ctx, arena, n + 1, sizeof(float), &values));
    if (t != NULL && t->bytes == n * sizeof(float)) {
        kr_restore(w->array, w->transform, t->data, values);
    } else {
        int32_t rank, dims[MW_MAX_RANK];
        float *plain;
        MWI_TRY(kr_transformed(ctx, arena, w->array, KR_AS_IS, &rank, dims, &plain));
        values = plain;
    }
    a->dtype = MW_FLOAT32;
    a->data = values;
    a->bytes = n * sizeof(float);
    return MW_OK;
}

/* The legacy loader takes class_name and config, not what else a .keras file says. */
static mw_status legacy_config(mw_ctx *ctx, const kr_origin *o, mwi_arena *arena, const char **out)
{
    json_t *const root = json_loads(o->config_json, 0, NULL);
    json_t *const config = json_object_get(root, "config"), *const name = json_object_get(root, "class_name");
    json_t *const slim = json_pack("{s:O,s:O}", "class_name", name, "config", config);
    char *const text = slim == NULL ? NULL : json_dumps(slim, JSON_COMPACT | JSON_PRESERVE_ORDER);
    const mw_status st = text == NULL ? mwi_fail(ctx, MW_ENOMEM, "out of memory")
                                      : mwi_arena_string(ctx, arena, text, strlen(text), out);
    if (text != NULL) {
        json_free_t give_back;
        json_get_alloc_funcs(NULL, &give_back);
        give_back(text);
    }
    json_decref(slim);
    json_decref(root);
    return st;
}

static mw_status collect(mw_ctx *ctx, const mw_model *m, const kr_origin *o, mwi_arena *arena, mwi_keras_out *out)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, arena, o->n_groups, sizeof(mwi_keras_out_layer), &memory));
    mwi_keras_out_layer *const layers = memory;
    for (size_t i = 0; i < o->n_groups; i++) {
        const kr_group *const g = &o->groups[i];
        MWI_TRY(mwi_arena_array(ctx, arena, g->n, sizeof(mwi_keras_array *), &memory));
        const mwi_keras_array **const arrays = memory;
        for (size_t k = 0; k < g->n; k++) MWI_TRY(out_array(ctx, m, o, g->weights[k], arena, &arrays[k]));
        layers[i] = (mwi_keras_out_layer){.name = g->name, .weights = arrays, .n_weights = g->n};
    }
    out->config_json = o->config_json;
    if (o->v3) MWI_TRY(legacy_config(ctx, o, arena, &out->config_json));
    out->training_json = o->training_json;
    out->keras_version = *o->keras_version == '\0' ? "2.0.0" : o->keras_version;
    out->backend = *o->backend == '\0' ? "tensorflow" : o->backend;
    out->layers = layers;
    out->n_layers = o->n_groups;
    out->compress = true;
    return MW_OK;
}

mw_status kr_save_h5(mw_ctx *ctx, const mw_model *model, mwi_output *output)
{
    const kr_origin *const o = model->origin;
    mwi_keras_out out;
    mwi_arena arena;

    if (o == NULL)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "%s did not come from Keras: it can be written as .tflite", model->name);
    memset(&out, 0, sizeof out);
    mwi_arena_init(ctx, &arena);
    mw_status st = collect(ctx, model, o, &arena, &out);
    if (st == MW_OK) st = mwi_keras_write_h5(ctx, &out, output);
    mwi_arena_deinit(&arena);
    return st;
}
