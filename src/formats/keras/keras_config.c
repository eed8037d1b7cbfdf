/* formats/keras/keras_config.c - models of a config alone: the format keras-json, and a model whose
 * weights start anew.
 * Depends: formats/keras/build.  Used by: the list of formats, train/.
 * Trust:   every byte is hostile.     SPDX-License-Identifier: Apache-2.0 */
#include "formats/format.h"
#include "formats/keras/build.h"

#include "ops/registry.h"

#include <string.h>

/* What to_json() of Keras 2 says beside the config; Keras 3 names no version. */
static mw_status read_about(mw_ctx *ctx, mwi_arena *arena, const char *text, size_t n,
                            mwi_keras_archive *about)
{
    json_t *document;
    mw_status st = MW_OK;

    MWI_TRY(mwi_keras_json_parse(ctx, text, n, "the model's config", &document));
    const char *const version = json_string_value(json_object_get(document, "keras_version"));
    const char *const backend = json_string_value(json_object_get(document, "backend"));
    about->v3 = version == NULL || version[0] == '3';
    about->keras_version = about->v3 ? "3.0.0" : "2.0.0";
    about->backend = "";
    if (version != NULL)
        st = mwi_arena_string(ctx, arena, version, strlen(version), &about->keras_version);
    if (st == MW_OK && backend != NULL)
        st = mwi_arena_string(ctx, arena, backend, strlen(backend), &about->backend);
    json_decref(document);
    return st;
}

static mw_status load(mw_ctx *ctx, const mwi_reader *r, const mw_load_options *options,
                      mw_model *model)
{
    const char *const text = (const char *)r->bytes;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &model->arena, 1, sizeof(mwi_keras_archive), &memory));
    mwi_keras_archive *const about = memory;
    about->config_json = text;
    about->config_bytes = r->len;
    MWI_TRY(mwi_prefix(ctx, read_about(ctx, &model->arena, text, r->len, about), "%s", r->name));
    return mwi_prefix(ctx, mwi_keras_load_initialized(ctx, text, r->len, about, 0, options, model),
                      "%s", r->name);
}

static bool probe(const uint8_t *bytes, size_t n)
{
    size_t at = 0;

    while (at < n &&
           (bytes[at] == ' ' || bytes[at] == '\n' || bytes[at] == '\t' || bytes[at] == '\r'))
        at++;
    return at < n && bytes[at] == '{' && memmem(bytes, n, "\"class_name\"", 12) != NULL;
}

const mwi_format_desc mwi_format_keras_json = {
    .name = "keras-json",
    .summary = "Keras's model.to_json(): read, weights by the initializers; written as .h5",
    .suffix = NULL,
    .flags = MWI_FORMAT_TRAINING_OPS | MWI_FORMAT_KEEPS_LAYERS,
    .probe = probe,
    .load = load,
};

/* ---- starting anew ---- */

static mw_status rebuild(mw_ctx *ctx, const mw_model *from, const mwi_keras_origin *o,
                         uint64_t seed, mw_model *model)
{
    const mwi_graph *const g = from->graphs[0];
    const mwi_keras_archive about = {.v3 = o->v3,
                                     .config_json = o->config_json,
                                     .config_bytes = strlen(o->config_json),
                                     .training_json = o->training_json,
                                     .training_bytes =
                                         o->training_json == NULL ? 0 : strlen(o->training_json),
                                     .keras_version = o->keras_version,
                                     .backend = o->backend};
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &model->arena, g->n_inputs, sizeof(mw_shape), &memory));
    mw_shape *const shapes = memory;
    for (size_t i = 0; i < g->n_inputs; i++) {
        const mwi_tensor *const t = g->tensors[g->inputs[i]];
        shapes[i].rank = t->rank;
        memcpy(shapes[i].dims, t->dims, sizeof shapes[i].dims);
    }
    const mw_load_options options = {.input_shapes = shapes, .n_input_shapes = g->n_inputs};
    MWI_TRY(mwi_keras_load_initialized(ctx, about.config_json, about.config_bytes, &about, seed,
                                       &options, model));
    MWI_TRY(mwi_model_verify(ctx, model));
    return mwi_graph_infer(ctx, model, model->graphs[0]);
}

mw_status mwi_keras_reinitialize(mw_ctx *ctx, const mw_model *model, uint64_t seed, mw_model **out)
{
    const mwi_keras_origin *const o = mwi_keras_origin_of(model);
    mw_model *m;

    *out = NULL;
    if (o == NULL)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "%s did not come from Keras: its initializers are not known", model->name);
    MWI_TRY(mwi_model_create(ctx, model->name, &m));
    m->format = model->format;
    m->file_bytes = model->file_bytes;
    m->parent = mw_model_retain((mw_model *)(uintptr_t)model); /* versions' names live there */
    const mw_status st = mwi_prefix(ctx, rebuild(ctx, model, o, seed, m), "%s", model->name);
    if (st == MW_OK)
        *out = m;
    else
        mw_model_destroy(m);
    return st;
}
