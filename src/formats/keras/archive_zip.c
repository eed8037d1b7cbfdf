/* formats/keras/archive_zip.c - a .keras file (zip) as an archive: config.json and
 * model.weights.h5.
 * Depends: base/, libzip, Jansson, archive_h5.c.  Used by: keras_zip.c.
 * Trust:   members are unpacked in memory, never more than their declared and allowed size; names
 *          are compared, never opened; nothing is written.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/archive_h5.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <zip.h>

/* JSON and weights pack by less than 10; a hundred leaves room, the floor lets tiny members be. */
enum { EXPANSION_MAX = 100, TEXT_FLOOR = 1 << 20, WEIGHTS_FLOOR = 64 << 20 };

static const char config_name[] = "config.json", metadata_name[] = "metadata.json";
static const char weights_name[] = "model.weights.h5", npz_name[] = "model.weights.npz";

/* Members of interest by their index in the zip; -1 when absent. */
typedef struct members {
    int64_t config, metadata, weights;
} members;

static mw_status note(mw_ctx *ctx, const mwi_reader *r, const char *name, int64_t index,
                      int64_t *at)
{
    if (*at >= 0)
        return mwi_fail(ctx, MW_EFORMAT,
                        "%s: two members are named '%s'; which one is meant cannot be "
                        "told",
                        r->name, name);
    *at = index;
    return MW_OK;
}

static mw_status find_members(mw_ctx *ctx, const mwi_reader *r, zip_t *zip, members *m)
{
    const zip_int64_t n = zip_get_num_entries(zip, 0);
    bool npz = false, sharded = false;

    *m = (members){-1, -1, -1};
    if (n > (zip_int64_t)mwi_limits(ctx)->max_tensors)
        return mwi_fail(ctx, MW_ELIMIT,
                        "%s: %" PRIi64 " members, limit %" PRIu32 " (limits.max_tensors)", r->name,
                        (int64_t)n, mwi_limits(ctx)->max_tensors);
    for (zip_int64_t i = 0; i < n; i++) {
        const char *const name = zip_get_name(zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        if (name == NULL) continue;
        const size_t len = strlen(name);
        if (strcmp(name, config_name) == 0)
            MWI_TRY(note(ctx, r, name, i, &m->config));
        else if (strcmp(name, metadata_name) == 0)
            MWI_TRY(note(ctx, r, name, i, &m->metadata));
        else if (strcmp(name, weights_name) == 0)
            MWI_TRY(note(ctx, r, name, i, &m->weights));
        else if (strcmp(name, npz_name) == 0)
            npz = true;
        else if (len > 13 && strcmp(name + len - 13, ".weights.json") == 0)
            sharded = true;
    }
    if (m->config < 0)
        return mwi_fail(ctx, MW_EFORMAT,
                        "%s: a zip of %" PRIi64 " members without '%s': not a .keras "
                        "model",
                        r->name, (int64_t)n, config_name);
    if (m->weights < 0 && !npz && !sharded)
        return mwi_fail(ctx, MW_EFORMAT, "%s: a .keras file without '%s'", r->name, weights_name);
    if (m->weights < 0)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "%s: its weights are in %s; only '%s' is read: save the model again with "
                        "model.save('x.keras')",
                        r->name,
                        npz ? "'model.weights.npz' (pickled Python objects)"
                            : "several shards ('*.weights.json')",
                        weights_name);
    return MW_OK;
}

/* Checks what the directory declares before any byte is unpacked. */
static mw_status check_member(mw_ctx *ctx, const mwi_reader *r, zip_t *zip, int64_t index,
                              const char *name, uint64_t floor, size_t *bytes)
{
    const zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    zip_stat_t info;

    if (zip_stat_index(zip, (zip_uint64_t)index, 0, &info) != 0 || (info.valid & needed) != needed)
        return mwi_fail(ctx, MW_EFORMAT, "%s: member '%s': %s", r->name, name, zip_strerror(zip));
    if (info.comp_method != ZIP_CM_STORE && info.comp_method != ZIP_CM_DEFLATE)
        return mwi_fail(
            ctx, MW_EUNSUPPORTED,
            "%s: member '%s' is packed by method %u; read are 0 (stored) and 8 (deflated)", r->name,
            name, info.comp_method);
    if ((info.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && info.encryption_method != ZIP_EM_NONE)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "%s: member '%s' is encrypted; save it without a "
                        "password",
                        r->name, name);
    if (info.comp_size > r->len)
        return mwi_fail(ctx, MW_EFORMAT,
                        "%s: member '%s' declares %" PRIu64 " bytes in a file of %zu", r->name,
                        name, (uint64_t)info.comp_size, r->len);
    if (info.size > floor && info.size / EXPANSION_MAX > info.comp_size)
        return mwi_fail(
            ctx, MW_ELIMIT,
            "%s: member '%s' declares %" PRIu64 " bytes from %" PRIu64 ", over %d times as many",
            r->name, name, (uint64_t)info.size, (uint64_t)info.comp_size, EXPANSION_MAX);
    if (info.size > mwi_limits(ctx)->max_file_bytes || info.size >= SIZE_MAX)
        return mwi_fail(ctx, MW_ELIMIT,
                        "%s: member '%s' of %" PRIu64 " bytes, limit %" PRIu64
                        " (limits.max_file_bytes)",
                        r->name, name, (uint64_t)info.size, mwi_limits(ctx)->max_file_bytes);
    *bytes = (size_t)info.size;
    return MW_OK;
}

/* Unpacks exactly `n` bytes; the read past them makes libzip check the checksum. */
static mw_status unpack(mw_ctx *ctx, const mwi_reader *r, zip_t *zip, int64_t index,
                        const char *name, uint8_t *to, size_t n)
{
    zip_file_t *const file = zip_fopen_index(zip, (zip_uint64_t)index, 0);
    zip_int64_t got = 0;
    size_t done = 0;
    uint8_t more;

    if (file == NULL)
        return mwi_fail(ctx, MW_EFORMAT, "%s: member '%s': %s", r->name, name, zip_strerror(zip));
    while (done < n && (got = zip_fread(file, to + done, n - done)) > 0) done += (size_t)got;
    const zip_int64_t rest = got < 0 ? -1 : zip_fread(file, &more, 1);
    mw_status st = MW_OK;
    if (rest < 0)
        st = mwi_fail(ctx, MW_EFORMAT, "%s: member '%s': %s", r->name, name,
                      zip_error_strerror(zip_file_get_error(file)));
    else if (done < n || rest > 0)
        st = mwi_fail(ctx, MW_EFORMAT, "%s: member '%s' declares %zu bytes and unpacks to %s",
                      r->name, name, n, done < n ? "fewer" : "more");
    (void)zip_fclose(file);
    return st;
}

static mw_status read_config(mw_ctx *ctx, const mwi_reader *r, zip_t *zip, const members *m,
                             mwi_arena *arena, mwi_keras_archive *out)
{
    void *memory = NULL;
    size_t n = 0;

    MWI_TRY(check_member(ctx, r, zip, m->config, config_name, TEXT_FLOOR, &n));
    MWI_TRY(mwi_arena_alloc(ctx, arena, n + 1, &memory));
    MWI_TRY(unpack(ctx, r, zip, m->config, config_name, memory, n));
    ((char *)memory)[n] = '\0';
    out->config_json = memory;
    out->config_bytes = n;
    return MW_OK;
}

static mw_status read_metadata(mw_ctx *ctx, const mwi_reader *r, zip_t *zip, const members *m,
                               mwi_arena *arena, mwi_keras_archive *out)
{
    void *memory = NULL;
    size_t n = 0;
    json_error_t error;

    out->keras_version = "";
    if (m->metadata < 0) return MW_OK;
    MWI_TRY(check_member(ctx, r, zip, m->metadata, metadata_name, TEXT_FLOOR, &n));
    if (n > TEXT_FLOOR)
        return mwi_fail(ctx, MW_ELIMIT, "%s: member '%s' of %zu bytes, limit %d", r->name,
                        metadata_name, n, TEXT_FLOOR);
    MWI_TRY(mwi_alloc(ctx, n + 1, &memory));
    mw_status st = unpack(ctx, r, zip, m->metadata, metadata_name, memory, n);
    json_t *json = NULL;
    if (st == MW_OK) {
        json = json_loadb(memory, n, 0, &error);
        if (json == NULL)
            st = mwi_fail(ctx, MW_EFORMAT, "%s: member '%s', line %d: %s", r->name, metadata_name,
                          error.line, error.text);
    }
    const char *const version = json_string_value(json_object_get(json, "keras_version"));
    if (st == MW_OK && version != NULL)
        st = mwi_arena_string(ctx, arena, version, strlen(version), &out->keras_version);
    json_decref(json);
    mwi_free(ctx, memory, n + 1);
    return st;
}

/* The weights are unpacked beside the arena and copied, so that only the arrays stay. */
static mw_status read_weights(mw_ctx *ctx, const mwi_reader *r, zip_t *zip, const members *m,
                              mwi_arena *arena, mwi_keras_archive *out)
{
    void *memory = NULL;
    size_t n = 0;

    MWI_TRY(check_member(ctx, r, zip, m->weights, weights_name, WEIGHTS_FLOOR, &n));
    MWI_TRY(mwi_alloc(ctx, n, &memory));
    mw_status st = unpack(ctx, r, zip, m->weights, weights_name, memory, n);
    if (st == MW_OK) {
        const mwi_reader inner = {weights_name, memory, n};
        st =
            mwi_prefix(ctx, mwi_keras_read_h5(ctx, &inner, arena, true, false, out), "%s", r->name);
    }
    mwi_free(ctx, memory, n);
    return st;
}

mw_status mwi_keras_open_zip(mw_ctx *ctx, const mwi_reader *r, mwi_arena *arena,
                             mwi_keras_archive *out)
{
    zip_error_t error;
    members m;
    mw_status st;

    memset(out, 0, sizeof *out);
    zip_error_init(&error);
    zip_source_t *const source = zip_source_buffer_create(r->bytes, r->len, 0, &error);
    zip_t *const zip = source == NULL ? NULL : zip_open_from_source(source, ZIP_RDONLY, &error);
    if (zip == NULL) {
        zip_source_free(source); /* accepts NULL */
        const bool memory = zip_error_code_zip(&error) == ZIP_ER_MEMORY;
        st = mwi_fail(ctx, memory ? MW_ENOMEM : MW_EFORMAT,
                      "%s: not a zip file that can be read: %s", r->name,
                      zip_error_strerror(&error));
        zip_error_fini(&error);
        return st;
    }
    zip_error_fini(&error);
    /* The weights first: their reader clears the rest of the archive. */
    st = find_members(ctx, r, zip, &m);
    if (st == MW_OK) st = read_weights(ctx, r, zip, &m, arena, out);
    out->v3 = true;
    out->training_json = NULL;
    out->backend = "";
    if (st == MW_OK) st = read_config(ctx, r, zip, &m, arena, out);
    if (st == MW_OK) st = read_metadata(ctx, r, zip, &m, arena, out);
    zip_discard(zip);
    return st;
}
