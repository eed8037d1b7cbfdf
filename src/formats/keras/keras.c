/* formats/keras/keras.c - the formats keras-h5 and keras-zip: from an archive to a model.
 * Depends: formats/keras/build.  Used by: the list of formats.
 * Trust:   every byte is hostile.     SPDX-License-Identifier: Apache-2.0 */
#include "formats/format.h"
#include "formats/keras/build.h"
#include "formats/keras/unwrap.h"

#include <string.h>

/* "3.15.1" is 3. A .keras without a version is of Keras 3, a .h5 without one of Keras 2 or older.
 */
static int32_t major_of(const mwi_keras_archive *a)
{
    const char c = a == NULL ? '3' : a->keras_version[0];

    if (c == '0' || c == '1') return 1;
    if (c >= '2' && c <= '9') return c - '0';
    return a->v3 ? 3 : 2;
}

/* The config as text: the file's own, unless wrappers were taken off. */
static mw_status keep_config(mwi_keras_build *b, json_t *document, bool unwrapped, const char **out)
{
    const mwi_keras_archive *const a = b->archive;
    void *memory;

    if (!unwrapped)
        return mwi_arena_string(b->ctx, &b->model->arena, a->config_json, a->config_bytes, out);
    mwi_keras_remove_marks(document);
    const size_t n = json_dumpb(document, NULL, 0, JSON_COMPACT);
    if (n == 0) return mwi_fail(b->ctx, MW_ENOMEM, "out of memory");
    MWI_TRY(mwi_arena_alloc(b->ctx, &b->model->arena, n + 1, &memory));
    (void)json_dumpb(document, memory, n, JSON_COMPACT);
    ((char *)memory)[n] = '\0';
    *out = memory;
    return MW_OK;
}

static mw_status keep_origin(mwi_keras_build *b, mwi_keras_layer *root, json_t *document,
                             bool unwrapped)
{
    const mwi_keras_archive *const a = b->archive;
    mwi_keras_origin *const o = b->origin;

    o->v3 = a->v3;
    o->unwrapped = unwrapped;
    o->initialized = b->initialize;
    o->keras_version = a->keras_version;
    o->backend = a->backend;
    MWI_TRY(keep_config(b, document, unwrapped, &o->config_json));
    if (a->training_json != NULL)
        MWI_TRY(mwi_arena_string(b->ctx, &b->model->arena, a->training_json, a->training_bytes,
                                 &o->training_json));
    MWI_TRY(mwi_keras_origin_fill(b->ctx, &b->model->arena, a, root, o));
    b->model->origin = o;
    return MW_OK;
}

static mw_status build(mwi_keras_build *b, json_t *document)
{
    mwi_keras_layer *root;
    bool unwrapped;
    void *memory;

    MWI_TRY(mwi_arena_array(b->ctx, &b->model->arena, 1, sizeof(mwi_keras_origin), &memory));
    b->origin = memory;
    MWI_TRY(mwi_model_add_graph(b->ctx, b->model, "main", &b->graph));
    MWI_TRY(mwi_keras_unwrap(b->ctx, document, &unwrapped));
    if (unwrapped && b->archive != NULL && b->archive->v3)
        return mwi_fail(b->ctx, MW_EUNSUPPORTED,
                        "holds layers in wrappers of tensorflow-model-optimization, which a .keras "
                        "does not keep apart: save it as .h5, or take them off first "
                        "(strip_pruning, strip_clustering)");
    MWI_TRY(
        mwi_keras_config_parse(b->ctx, document, major_of(b->archive), &b->model->arena, &root));
    if (b->archive != NULL && !b->initialize)
        MWI_TRY(mwi_keras_find_weights(b->ctx, b->archive, &b->model->arena, root));
    MWI_TRY(mwi_keras_build_graph(b, root));
    return b->archive == NULL ? MW_OK : keep_origin(b, root, document, unwrapped);
}

static mw_status load_config(mwi_keras_build *b, const char *text, size_t n)
{
    mw_ctx *const ctx = b->ctx;
    mwi_arena scratch;
    json_t *document;

    MWI_TRY(mwi_keras_json_parse(ctx, text, n, "the model's config", &document));
    mwi_arena_init(ctx, &scratch);
    mwi_arena_init(ctx, &b->operators);
    b->scratch = &scratch;
    mwi_text_init(ctx, &b->problems, 1 << 20);
    mwi_text_init(ctx, &b->names, 1 << 20);
    mwi_text_init(ctx, &b->untrained, 1 << 20);
    const mw_status st = build(b, document);
    mwi_text_deinit(&b->untrained);
    mwi_text_deinit(&b->names);
    mwi_text_deinit(&b->problems);
    mwi_arena_deinit(&b->operators);
    mwi_arena_deinit(&scratch);
    json_decref(document);
    return st;
}

mw_status mwi_keras_load_config(mw_ctx *ctx, const char *text, size_t n,
                                const mwi_keras_archive *archive, const mw_load_options *options,
                                mw_model *model)
{
    mwi_keras_build b = {.ctx = ctx, .model = model, .archive = archive, .options = options};
    return load_config(&b, text, n);
}

mw_status mwi_keras_load_initialized(mw_ctx *ctx, const char *text, size_t n,
                                     const mwi_keras_archive *about, uint64_t seed,
                                     const mw_load_options *options, mw_model *model)
{
    mwi_keras_build b = {.ctx = ctx,
                         .model = model,
                         .archive = about,
                         .options = options,
                         .initialize = true,
                         .seed = seed};
    return load_config(&b, text, n);
}

typedef mw_status (*open_fn)(mw_ctx *, const mwi_reader *, mwi_arena *, mwi_keras_archive *);

static mw_status load(mw_ctx *ctx, const mwi_reader *r, const mw_load_options *options,
                      mw_model *model, open_fn open_archive)
{
    void *memory;

    /* A later save writes from the archive's arrays: they live as long as the model. */
    MWI_TRY(mwi_arena_array(ctx, &model->arena, 1, sizeof(mwi_keras_archive), &memory));
    mwi_keras_archive *const archive = memory;
    MWI_TRY(open_archive(ctx, r, &model->arena, archive));
    if (archive->config_json == NULL)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "%s: holds weights alone, no model; save the whole model with model.save()",
                        r->name);
    return mwi_prefix(ctx,
                      mwi_keras_load_config(ctx, archive->config_json, archive->config_bytes,
                                            archive, options, model),
                      "%s", r->name);
}

static mw_status load_h5(mw_ctx *ctx, const mwi_reader *r, const mw_load_options *options,
                         mw_model *model)
{
    return load(ctx, r, options, model, mwi_keras_open_h5);
}

static mw_status load_zip(mw_ctx *ctx, const mwi_reader *r, const mw_load_options *options,
                          mw_model *model)
{
    return load(ctx, r, options, model, mwi_keras_open_zip);
}

static bool probe_zip(const uint8_t *bytes, size_t n)
{
    return n >= 4 && memcmp(bytes, "PK\3\4", 4) == 0;
}

/* A user block may stand before the signature; but a .keras is no such block, even when its
 * weights, an HDF5 file stored as it is, begin at byte 512 or 2048. */
static bool probe_h5(const uint8_t *bytes, size_t n)
{
    if (probe_zip(bytes, n)) return false;
    for (size_t at = 0; n >= 8 && at <= n - 8; at = at == 0 ? 512 : at * 2)
        if (memcmp(bytes + at, "\x89HDF\r\n\x1a\n", 8) == 0) return true;
    return false;
}

const mwi_format_desc mwi_format_keras_h5 = {
    .name = "keras-h5",
    .summary = "Keras .h5 of Keras 1, 2 and 3: read and written",
    .suffix = ".h5",
    .flags = MWI_FORMAT_TRAINING_OPS | MWI_FORMAT_KEEPS_LAYERS,
    .probe = probe_h5,
    .load = load_h5,
    .save = mwi_keras_save,
};

const mwi_format_desc mwi_format_keras_zip = {
    .name = "keras-zip",
    .summary = "Keras .keras: read; written as .h5",
    .suffix = NULL,
    .flags = MWI_FORMAT_TRAINING_OPS | MWI_FORMAT_KEEPS_LAYERS,
    .probe = probe_zip,
    .load = load_zip,
};
