/* data/npz.c - NumPy's .npz: a zip of .npy members, read as streams.
 * Depends: data/source, libzip.  Used by: the list of kinds, tests.
 * Trust:   every byte is hostile: members are bounded by what their .npy headers declare; the
 *          members that nobody asks for are not looked at.
 * Holds:   a stream is at byte `at` of its member's data; going back opens it anew.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/source.h"

#include "base/text.h"

#include <inttypes.h>
#include <string.h>
#include <zip.h>

enum { MAX_MEMBERS = 10000, MAX_NAME = 512 };

struct member {
    zip_t *zip;
    zip_uint64_t index;
    zip_file_t *stream; /* NULL: not open */
    uint64_t at;        /* of the data, behind the header */
    const char *file, *name;
    mwi_npy npy;
};

struct npz {
    zip_t *zip;
    struct member *members;
    size_t n;
};

static bool probe(const char *path, const uint8_t *bytes, size_t n)
{
    (void)path;
    return bytes != NULL && n >= 4 &&
           (memcmp(bytes, "PK\3\4", 4) == 0 || memcmp(bytes, "PK\5\6", 4) == 0);
}

static void close_stream(struct member *m)
{
    if (m->stream != NULL) (void)zip_fclose(m->stream);
    m->stream = NULL;
}

static mw_status fail_member(mw_ctx *ctx, const struct member *m, const char *what)
{
    return mwi_fail(ctx, MW_EFORMAT, "%s: member %s.npy: %s", m->file, m->name, what);
}

/* Read at once, so that a cancellation is heard. */
enum { CHUNK_BYTES = 1 << 20 };

static mw_status read_exactly(mw_ctx *ctx, struct member *m, void *out, size_t n)
{
    char *p = out;

    while (n > 0) {
        MWI_TRY(mwi_progress(ctx, "read data", 0, 0));
        const zip_int64_t got = zip_fread(m->stream, p, n < CHUNK_BYTES ? n : CHUNK_BYTES);
        if (got < 0) return fail_member(ctx, m, "damaged data");
        if (got == 0) return fail_member(ctx, m, "shorter than its header says");
        p += got;
        n -= (size_t)got;
    }
    return MW_OK;
}

static mw_status skip(mw_ctx *ctx, struct member *m, uint64_t n)
{
    char away[16384];

    while (n > 0) {
        const size_t piece = n < sizeof away ? (size_t)n : sizeof away;
        MWI_TRY(read_exactly(ctx, m, away, piece));
        n -= piece;
    }
    return MW_OK;
}

static mw_status open_stream(mw_ctx *ctx, struct member *m)
{
    close_stream(m);
    m->stream = zip_fopen_index(m->zip, m->index, 0);
    return m->stream != NULL ? MW_OK : fail_member(ctx, m, zip_strerror(m->zip));
}

static mw_status read_at(mw_ctx *ctx, struct member *m, uint64_t at, void *out, size_t n)
{
    if (m->stream == NULL || at < m->at) {
        MWI_TRY(open_stream(ctx, m));
        MWI_TRY(skip(ctx, m, m->npy.header_bytes));
        m->at = 0;
    }
    MWI_TRY(skip(ctx, m, at - m->at));
    m->at = at;
    MWI_TRY(read_exactly(ctx, m, out, n));
    m->at = at + n;
    return MW_OK;
}

static mw_status read_header(mw_ctx *ctx, struct member *m)
{
    uint8_t head[MWI_NPY_MAX_HEADER];
    size_t n = 0;

    MWI_TRY(open_stream(ctx, m));
    while (n < sizeof head) {
        const zip_int64_t got = zip_fread(m->stream, head + n, sizeof head - n);
        if (got < 0) return fail_member(ctx, m, "damaged data");
        if (got == 0) break;
        n += (size_t)got;
    }
    close_stream(m);
    const mwi_reader r = {m->name, head, n};
    return mwi_prefix(ctx, mwi_npy_header(ctx, &r, &m->npy), "%s", m->file);
}

static mw_status open_zip(mw_ctx *ctx, const mwi_reader *r, zip_t **out)
{
    zip_error_t error;
    mw_status st = MW_OK;

    zip_error_init(&error);
    zip_source_t *const source = zip_source_buffer_create(r->bytes, r->len, 0, &error);
    *out = source == NULL ? NULL : zip_open_from_source(source, ZIP_RDONLY, &error);
    if (*out == NULL) {
        st = mwi_fail(ctx, MW_EFORMAT, "%s: not a readable .npz: %s", r->name,
                      zip_error_strerror(&error));
        if (source != NULL) zip_source_free(source);
    }
    zip_error_fini(&error);
    return st;
}

static mw_status list_members(mw_ctx *ctx, const mwi_reader *r, mwi_arena *arena, struct npz *npz)
{
    const zip_int64_t n = zip_get_num_entries(npz->zip, 0);
    void *memory;

    if (n < 0 || n > MAX_MEMBERS)
        return mwi_fail(ctx, MW_ELIMIT, "%s: %" PRId64 " members, limit %d", r->name, (int64_t)n,
                        MAX_MEMBERS);
    MWI_TRY(mwi_arena_array(ctx, arena, (size_t)n, sizeof *npz->members, &memory));
    npz->members = memory;
    for (zip_int64_t i = 0; i < n; i++) {
        struct member *const m = &npz->members[npz->n];
        const char *const name = zip_get_name(npz->zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        const size_t length = name == NULL ? 0 : strnlen(name, MAX_NAME);
        if (length <= 4 || length >= MAX_NAME || memcmp(name + length - 4, ".npy", 4) != 0)
            continue;
        m->zip = npz->zip;
        m->index = (zip_uint64_t)i;
        m->file = r->name;
        MWI_TRY(mwi_arena_string(ctx, arena, name, length - 4, &m->name));
        npz->n++;
    }
    return MW_OK;
}

static void close_all(struct npz *npz)
{
    for (size_t i = 0; i < npz->n; i++) close_stream(&npz->members[i]);
    if (npz->zip != NULL) zip_discard(npz->zip);
}

static void close_npz(mw_dataset *ds)
{
    if (ds->self != NULL) close_all(ds->self);
}

/* ---- a data set ---- */

static mw_status read_member(mw_ctx *ctx, mwi_column *c, uint64_t first, size_t count, void *out)
{
    MWI_TRY(read_at(ctx, c->self, first * c->sample_bytes, out, count * c->sample_bytes));
    mwi_swap_bytes(out, count * c->sample_bytes, c->swapped_bytes);
    return MW_OK;
}

/* The array named head followed by tail. */
static struct member *find(const struct npz *npz, const char *head, const char *tail)
{
    const size_t n = strlen(head), k = strlen(tail);

    for (size_t i = 0; i < npz->n; i++) {
        const char *const name = npz->members[i].name;
        if (strlen(name) == n + k && memcmp(name, head, n) == 0 && memcmp(name + n, tail, k) == 0)
            return &npz->members[i];
    }
    return NULL;
}

static struct member *find_input(const struct npz *npz, const char *tensor)
{
    for (size_t i = 0; i < npz->n; i++)
        if (mwi_data_name_matches(npz->members[i].name, tensor)) return &npz->members[i];
    return NULL;
}

static mw_status fill(mw_ctx *ctx, struct member *m, mwi_column *out)
{
    MWI_TRY(read_header(ctx, m));
    MWI_TRY(mwi_prefix(ctx, mwi_npy_column(ctx, m->name, &m->npy, out), "%s", m->file));
    out->read = read_member;
    out->self = m;
    return MW_OK;
}

static mw_status fail_arrays(mw_ctx *ctx, const struct npz *npz, const char *file,
                             const mw_dataset_options *o, const char *wanted)
{
    mwi_text names;
    mw_status st = MW_OK;

    mwi_text_init(ctx, &names, 8192);
    for (size_t i = 0; i < npz->n && i < 50 && st == MW_OK; i++)
        st = mwi_text_printf(ctx, &names, "%s%.60s", i == 0 ? "" : ", ", npz->members[i].name);
    for (size_t i = 0; o->n_inputs > 1 && i < o->n_inputs && i < 50 && st == MW_OK; i++)
        st = mwi_text_printf(ctx, &names, "%s%.60s", i == 0 ? "; the model's inputs: " : ", ",
                             o->inputs[i].name);
    st = mwi_fail(ctx, MW_EINVAL, "%s: no array %s; it holds: %s", file, wanted,
                  mwi_text_chars(&names));
    mwi_text_deinit(&names);
    return st;
}

/* "_train", "_test", "_<split>" or "": which x and y are meant. */
static mw_status choose_split(mw_ctx *ctx, const struct npz *npz, const char *file,
                              const mw_dataset_options *o, const char **out)
{
    static const char *const by_role[] = {"_train", "_test"};

    *out = "";
    if (o->split != NULL) {
        if (strcmp(o->split, "x") == 0 && find(npz, "x", "") != NULL) return MW_OK;
        const struct member *const m = find(npz, "x_", o->split);
        if (m == NULL) return fail_arrays(ctx, npz, file, o, "for this split (x_<split>, or x)");
        *out = m->name + 1;
        return MW_OK;
    }
    if (find(npz, "x", by_role[o->role]) != NULL)
        *out = by_role[o->role];
    else if (find(npz, "x", "") == NULL)
        return fail_arrays(ctx, npz, file, o,
                           o->role == MW_DATA_TEST ? "x_test or x (name the split)"
                                                   : "x_train or x (name the split)");
    return MW_OK;
}

static mw_status open_columns(mw_ctx *ctx, const mwi_reader *r, const mw_dataset_options *o,
                              const struct npz *npz, mw_dataset *ds)
{
    const char *split = "";
    const char *missing = NULL;
    void *memory;

    for (size_t i = 0; i < o->n_inputs && missing == NULL; i++)
        if (find_input(npz, o->inputs[i].name) == NULL) missing = o->inputs[i].name;
    const bool by_name = o->n_inputs > 0 && missing == NULL && o->split == NULL;
    if (!by_name && o->n_inputs > 1)
        return fail_arrays(ctx, npz, r->name, o, missing == NULL ? "split" : missing);
    ds->n_inputs = by_name ? o->n_inputs : 1;
    MWI_TRY(mwi_arena_array(ctx, &ds->arena, ds->n_inputs + 1, sizeof *ds->inputs, &memory));
    ds->inputs = memory;
    if (by_name) {
        for (size_t i = 0; i < o->n_inputs; i++)
            MWI_TRY(fill(ctx, find_input(npz, o->inputs[i].name), &ds->inputs[i]));
    } else {
        MWI_TRY(choose_split(ctx, npz, r->name, o, &split));
        MWI_TRY(fill(ctx, find(npz, "x", split), ds->inputs));
    }
    struct member *const y = find(npz, "y", split);
    if (y == NULL) return MW_OK;
    ds->labels = ds->inputs + ds->n_inputs;
    return fill(ctx, y, ds->labels);
}

static mw_status open_npz(mw_ctx *ctx, const mwi_reader *r, const mw_dataset_options *options,
                          mw_dataset *ds)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &ds->arena, 1, sizeof(struct npz), &memory));
    struct npz *const npz = memory;
    ds->self = npz;
    ds->close = close_npz;
    MWI_TRY(open_zip(ctx, r, &npz->zip));
    MWI_TRY(list_members(ctx, r, &ds->arena, npz));
    return open_columns(ctx, r, options, npz, ds);
}

const mwi_data_kind mwi_data_kind_npz = {
    .name = "npz",
    .summary =
        "NumPy archive: x_train, y_train, x_test, y_test; or x, y; or an array for each input",
    .probe = probe,
    .open = open_npz,
};

/* ---- whole archives ---- */

mw_status mwi_npz_load(mw_ctx *ctx, const char *path, mwi_arena *arena, mwi_npz_array **out_arrays,
                       size_t *out_n)
{
    mwi_mapping mapping;
    struct npz npz = {0};
    void *memory;
    mw_status st;

    *out_arrays = NULL;
    *out_n = 0;
    MWI_TRY(mwi_file_map(ctx, path, &mapping));
    const mwi_reader r = {path, mapping.bytes, mapping.len};
    MWI_GOTO(open_zip(ctx, &r, &npz.zip));
    MWI_GOTO(list_members(ctx, &r, arena, &npz));
    MWI_GOTO(mwi_arena_array(ctx, arena, npz.n, sizeof **out_arrays, &memory));
    mwi_npz_array *const arrays = memory;
    for (size_t i = 0; i < npz.n; i++) {
        struct member *const m = &npz.members[i];
        MWI_GOTO(read_header(ctx, m));
        arrays[i].name = m->name;
        arrays[i].npy = m->npy;
        MWI_GOTO(mwi_arena_alloc(ctx, arena, m->npy.data_bytes + 1, &arrays[i].data));
        MWI_GOTO(read_at(ctx, m, 0, arrays[i].data, m->npy.data_bytes));
        mwi_swap_bytes(arrays[i].data, m->npy.data_bytes, m->npy.swapped_bytes);
        if (m->npy.dtype != MW_STRING) continue;
        const size_t n = m->npy.data_bytes / m->npy.text.bytes;
        void *const stored = arrays[i].data;
        MWI_GOTO(mwi_arena_array(ctx, arena, n, sizeof(mw_string), &arrays[i].data));
        mwi_npy_strings(&m->npy.text, stored, n, arrays[i].data);
        arrays[i].npy.data_bytes = n * sizeof(mw_string);
    }
    *out_arrays = arrays;
    *out_n = npz.n;
out:
    close_all(&npz);
    mwi_file_unmap(&mapping);
    return st;
}
