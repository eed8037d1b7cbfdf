/* formats/keras/zip.c - a .keras file: config.json, metadata.json and model.weights.h5 in a zip.
 * Depends: formats/keras/archive, libzip, Jansson.  Used by: formats/keras/.
 * Trust:   every byte is hostile: members are read from memory, bounded by size and by expansion; nothing is
 *          written or opened.     SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/archive.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <zip.h>

/* Members may be deflated by other tools; weights hardly shrink, JSON by less than this. */
enum { MAX_EXPANSION = 100, SMALL = 1 << 20, MAX_MEMBERS = 10000 };

typedef struct archive {
    mw_ctx *ctx;
    const mwi_reader *r;
    mwi_arena *arena;
    zip_t *zip;
} archive;

static mw_status open_zip(archive *a)
{
    zip_error_t error;
    mw_status st = MW_OK;

    zip_error_init(&error);
    zip_source_t *const source = zip_source_buffer_create(a->r->bytes, a->r->len, 0, &error);
    a->zip = source == NULL ? NULL : zip_open_from_source(source, ZIP_RDONLY, &error);
    if (a->zip == NULL) {
        st = mwi_fail(a->ctx, MW_EFORMAT, "%s: not a readable .keras file: %s", a->r->name, zip_error_strerror(&error));
        if (source != NULL) zip_source_free(source);
    }
    zip_error_fini(&error);
    return st;
}

/* *out is NULL when there is no such member. */
static mw_status read_member(archive *a, const char *name, const uint8_t **out, size_t *out_n)
{
    zip_stat_t info;
    void *memory;

    *out = NULL;
    *out_n = 0;
    const zip_int64_t index = zip_name_locate(a->zip, name, ZIP_FL_ENC_RAW);
    if (index < 0) return MW_OK;
    if (zip_stat_index(a->zip, (zip_uint64_t)index, 0, &info) != 0 || (info.valid & ZIP_STAT_SIZE) == 0 ||
        (info.valid & ZIP_STAT_COMP_SIZE) == 0)
        return mwi_fail(a->ctx, MW_EFORMAT, "%s: member %s has no size", a->r->name, name);
    if (info.size > SMALL && info.size / MAX_EXPANSION > info.comp_size)
        return mwi_fail(a->ctx, MW_ELIMIT, "%s: member %s expands %" PRIu64 " bytes to %" PRIu64 ", limit %d times",
                        a->r->name, name, (uint64_t)info.comp_size, (uint64_t)info.size, MAX_EXPANSION);
    MWI_TRY(mwi_arena_alloc(a->ctx, a->arena, (size_t)info.size + 64, &memory));
    zip_file_t *const f = zip_fopen_index(a->zip, (zip_uint64_t)index, 0);
    if (f == NULL) return mwi_fail(a->ctx, MW_EFORMAT, "%s: member %s: %s", a->r->name, name, zip_strerror(a->zip));
    zip_uint64_t n = 0;
    while (n < info.size) {
        const zip_int64_t got = zip_fread(f, (char *)memory + n, info.size - n);
        if (got <= 0) break;
        n += (zip_uint64_t)got;
    }
    (void)zip_fclose(f);
    if (n != info.size) return mwi_fail(a->ctx, MW_EFORMAT, "%s: member %s is damaged", a->r->name, name);
    *out = memory;
    *out_n = (size_t)n;
    return MW_OK;
}

static mw_status read_version(archive *a, mwi_keras_archive *out)
{
    const uint8_t *p;
    size_t n;

    MWI_TRY(read_member(a, "metadata.json", &p, &n));
    if (p == NULL) return MW_OK;
    json_t *const root = json_loadb((const char *)p, n, 0, NULL);
    const char *const version = json_string_value(json_object_get(root, "keras_version"));
    const mw_status st = version == NULL ? MW_OK : mwi_arena_string(a->ctx, a->arena, version, strlen(version),
                                                                    &out->keras_version);
    json_decref(root);
    return st;
}

static mw_status refuse_other_weights(archive *a)
{
    static const char *const others[] = {"model.weights.npz", "model.weights.json"};

    for (size_t i = 0; i < MWI_COUNT(others); i++)
        if (zip_name_locate(a->zip, others[i], ZIP_FL_ENC_RAW) >= 0)
            return mwi_fail(a->ctx, MW_EUNSUPPORTED, "%s: weights in %s; save the model with model.save('x.keras')",
                            a->r->name, others[i]);
    return mwi_fail(a->ctx, MW_EFORMAT, "%s: a .keras file without model.weights.h5", a->r->name);
}

static mw_status read_all(archive *a, mwi_keras_archive *out)
{
    const uint8_t *p;
    const char *name;
    size_t n;

    if (zip_get_num_entries(a->zip, 0) > MAX_MEMBERS)
        return mwi_fail(a->ctx, MW_ELIMIT, "%s: more than %d members", a->r->name, MAX_MEMBERS);
    out->v3 = true;
    out->keras_version = out->backend = "";
    MWI_TRY(read_version(a, out));
    MWI_TRY(read_member(a, "config.json", &p, &n));
    if (p == NULL) return mwi_fail(a->ctx, MW_EFORMAT, "%s: a .keras file without config.json", a->r->name);
    out->config_json = (const char *)p;
    out->config_bytes = n;
    MWI_TRY(read_member(a, "model.weights.h5", &p, &n));
    if (p == NULL) return refuse_other_weights(a);
    MWI_TRY(mwi_arena_printf(a->ctx, a->arena, &name, "%s: model.weights.h5", a->r->name));
    const mwi_reader inner = {name, p, n};
    return mwi_keras_open_h5(a->ctx, &inner, a->arena, out);
}

mw_status mwi_keras_open_zip(mw_ctx *ctx, const mwi_reader *r, mwi_arena *arena, mwi_keras_archive *out)
{
    archive a = {ctx, r, arena, NULL};

    memset(out, 0, sizeof *out);
    MWI_TRY(open_zip(&a));
    const mw_status st = read_all(&a, out);
    zip_discard(a.zip);
    return st;
}
