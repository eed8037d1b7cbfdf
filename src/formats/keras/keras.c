/* formats/keras/keras.c - the formats keras-h5 and keras-zip, and the list of layers.
 * Depends: build.h.  Used by: the list of formats.
 * Trust:   every byte is hostile.     SPDX-License-Identifier: Apache-2.0 */
#include "formats/format.h"
#include "formats/keras/build.h"
#include "formats/keras/layers_list.h"

#include <string.h>

const kr_row *const kr_rows[] = {
#define KR_LAYER(id) &kr_##id,
#include "formats/keras/layers.def"
#undef KR_LAYER
    NULL,
};

/* Whether a blank-separated list holds the name. */
static bool holds(const char *list, const char *name)
{
    const size_t n = strlen(name);

    for (const char *at = list; (at = strstr(at, name)) != NULL; at += n)
        if ((at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0')) return true;
    return false;
}

const kr_row *kr_row_of(const char *class_name)
{
    for (size_t i = 0; kr_rows[i] != NULL; i++)
        if (*class_name != '\0' && holds(kr_rows[i]->classes, class_name)) return kr_rows[i];
    return NULL;
}

bool mwi_keras_layer_row(size_t index, const char **name, const char **detail)
{
    if (index >= MWI_COUNT(kr_rows) - 1) return false;
    *name = kr_rows[index]->classes;
    *detail = kr_rows[index]->summary;
    return true;
}

/* ---- loading ---- */

static mw_status keep_origin(kr_builder *b)
{
    const mwi_keras_archive *const a = b->archive;
    kr_origin *const o = b->origin;

    o->v3 = a->v3;
    MWI_TRY(mwi_arena_string(b->ctx, &b->model->arena, a->config_json, a->config_bytes, &o->config_json));
    if (a->training_json != NULL)
        MWI_TRY(mwi_arena_string(b->ctx, &b->model->arena, a->training_json, a->training_bytes, &o->training_json));
    o->keras_version = a->keras_version;
    o->backend = a->backend;
    b->model->origin = o;
    return MW_OK;
}

static mw_status build(kr_builder *b, json_t *root)
{
    const char *const class_name = json_string_value(json_object_get(root, "class_name"));
    json_t *const config = json_object_get(root, "config");
    const char *name = json_string_value(json_object_get(config, "name"));
    kr_model *top;

    if (class_name == NULL || config == NULL)
        return mwi_fail(b->ctx, MW_EFORMAT, "%s: the configuration has no class_name or config", b->model->name);
    if (strcmp(class_name, "Sequential") != 0 && strcmp(class_name, "Functional") != 0 && strcmp(class_name, "Model") != 0)
        return mwi_fail(b->ctx, MW_EUNSUPPORTED, "%s: the model is a %s; save a Sequential or Functional model",
                        b->model->name, class_name);
    MWI_TRY(kr_parse_model(b, name == NULL ? "model" : name, class_name, config, &top));
    if (b->n_unsupported > 0)
        return mwi_fail(b->ctx, MW_EUNSUPPORTED, "%s: %zu layers have no TFLite lowering here: %s; replace them by "
                        "built-in layers ('milliwatt list layers')", b->model->name, b->n_unsupported,
                        mwi_text_chars(&b->unsupported));
    MWI_TRY(kr_assign_weights(b, top));
    MWI_TRY(kr_build_top(b, top));
    return keep_origin(b);
}

static mw_status load_archive(mw_ctx *ctx, const mwi_keras_archive *archive, const mw_load_options *options,
                              mw_model *model, mwi_arena *scratch)
{
    kr_builder b = {.ctx = ctx, .model = model, .scratch = scratch, .archive = archive, .options = options};
    json_error_t error;
    void *memory;
    mw_status st;

    if (archive->config_json == NULL)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "%s: holds weights alone, no model; save the whole model with model.save()",
                        model->name);
    json_t *const root = json_loadb(archive->config_json, archive->config_bytes, 0, &error);
    if (root == NULL)
        return mwi_fail(ctx, MW_EFORMAT, "%s: the configuration is not JSON: %s (line %d)", model->name, error.text, error.line);
    mwi_text_init(ctx, &b.unsupported, 1 << 16);
    MWI_GOTO(mwi_arena_array(ctx, &model->arena, 1, sizeof(kr_origin), &memory));
    b.origin = memory;
    MWI_GOTO(mwi_model_add_graph(ctx, model, "main", &b.graph));
    st = build(&b, root);
out:
    mwi_text_deinit(&b.unsupported);
    json_decref(root);
    return st;
}

typedef mw_status (*open_fn)(mw_ctx *, const mwi_reader *, mwi_arena *, mwi_keras_archive *);

static mw_status load(mw_ctx *ctx, const mwi_reader *r, const mw_load_options *options, mw_model *model, open_fn open_archive)
{
    void *memory;
    mwi_arena scratch;

    /* The archive's arrays are what a later save writes from: they live as long as the model. */
    MWI_TRY(mwi_arena_array(ctx, &model->arena, 1, sizeof(mwi_keras_archive), &memory));
    mwi_keras_archive *const archive = memory;
    MWI_TRY(open_archive(ctx, r, &model->arena, archive));
    mwi_arena_init(ctx, &scratch);
    const mw_status st = load_archive(ctx, archive, options, model, &scratch);
    mwi_arena_deinit(&scratch);
    return st;
}

static mw_status load_h5(mw_ctx *ctx, const mwi_reader *r, const mw_load_options *options, mw_model *model)
{
    return load(ctx, r, options, model, mwi_keras_open_h5);
}

static mw_status load_zip(mw_ctx *ctx, const mwi_reader *r, const mw_load_options *options, mw_model *model)
{
    return load(ctx, r, options, model, mwi_keras_open_zip);
}

static bool probe_h5(const uint8_t *bytes, size_t n)
{
    /* A user block may stand before the signature. */
    for (size_t at = 0; n >= 8 && at <= n - 8; at = at == 0 ? 512 : at * 2)
        if (memcmp(bytes + at, "\x89HDF\r\n\x1a\n", 8) == 0) return true;
    return false;
}

static bool probe_zip(const uint8_t *bytes, size_t n) { return n >= 4 && memcmp(bytes, "PK\3\4", 4) == 0; }

const mwi_format_desc mwi_format_keras_h5 = {
    .name = "keras-h5",
    .summary = "Keras .h5 of Keras 1, 2 and 3: read and written",
    .suffix = ".h5",
    .probe = probe_h5,
    .load = load_h5,
    .save = kr_save_h5,
};

const mwi_format_desc mwi_format_keras_zip = {
    .name = "keras-zip",
    .summary = "Keras 3 .keras: read; written as .h5",
    .suffix = NULL,
    .probe = probe_zip,
    .load = load_zip,
};
