/* formats/keras/archive_test.c - what the readers of .h5 and .keras give and refuse, on whole,
 * cut, damaged and hostile files and without memory; and the writer, read back.
 * SPDX-License-Identifier: Apache-2.0 */
#include "flaky.h"
#include "support.h"

#include "base/file.h"
#include "base/rng.h"
#include "formats/format.h"
#include "formats/keras/archive.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

typedef mw_status (*open_fn)(mw_ctx *, const mwi_reader *, mwi_arena *, mwi_keras_archive *);

/* ---- files ---- */

typedef struct bytes {
    uint8_t *p;
    size_t n;
} bytes;

/* In a buffer of exactly its size, so that a sanitizer sees one byte too many. */
static bytes read_file(const char *path)
{
    FILE *const f = fopen(path, "rb");
    bytes b = {0};

    if (f == NULL) fail_msg("%s: cannot be opened", path);
    (void)fseek(f, 0, SEEK_END);
    b.n = (size_t)ftell(f);
    rewind(f);
    b.p = malloc(b.n == 0 ? 1 : b.n);
    assert_non_null(b.p);
    assert_int_equal(fread(b.p, 1, b.n, f), b.n);
    (void)fclose(f);
    return b;
}

static bytes read_data(const char *name)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/tests/data/h5/%s", test_source_dir(), name);
    return read_file(path);
}

/* An archive with all that it stands on. */
typedef struct opened {
    mw_ctx *ctx;
    mwi_arena arena;
    bytes file;
    mwi_reader reader;
    mwi_keras_archive archive;
    mw_status st;
} opened;

static opened *open_bytes(bytes file, open_fn open)
{
    opened *const o = calloc(1, sizeof *o);

    assert_non_null(o);
    o->ctx = test_ctx();
    o->file = file;
    o->reader = (mwi_reader){"test file", file.p, file.n};
    mwi_arena_init(o->ctx, &o->arena);
    o->st = open(o->ctx, &o->reader, &o->arena, &o->archive);
    return o;
}

static void close_it(opened *o)
{
    mwi_arena_deinit(&o->arena);
    assert_int_equal(mw_ctx_memory_bytes(o->ctx), 0);
    mw_ctx_destroy(o->ctx);
    free(o->file.p);
    free(o);
}

static opened *open_data(const char *name)
{
    opened *const o = open_bytes(read_data(name), mwi_keras_open_h5);
    assert_ok(o->ctx, o->st);
    return o;
}

static const mwi_keras_array *array_of(const opened *o, const char *path, mw_dtype dtype,
                                       size_t n_bytes)
{
    const mwi_keras_array *const a = mwi_keras_array_at(&o->archive, path);
    if (a == NULL) fail_msg("no array %s", path);
    assert_int_equal(a->dtype, dtype);
    assert_int_equal(a->bytes, n_bytes);
    return a;
}

/* ---- what is read ---- */

static void types_are_read_in_every_version(void **state)
{
    static const char *const files[] = {"types_earliest.h5", "types_v108.h5", "types_latest.h5"};

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(files); i++) {
        opened *const o = open_data(files[i]);
        const mwi_keras_array *a = array_of(o, "dense/types/raw", MW_BFLOAT16, 4);
        assert_memory_equal(a->data, "\x80\x3f\x00\xc0", 4); /* 1, -2 */
        a = array_of(o, "dense/types/bool", MW_BOOL, 3);
        assert_memory_equal(a->data, "\1\0\1", 3);
        a = array_of(o, "dense/types/enum", MW_INT32, 8);
        assert_memory_equal(a->data, "\1\0\0\0\2\0\0\0", 8);
        a = array_of(o, "dense/types/be_f2", MW_FLOAT16, 12);
        assert_memory_equal(a->data, "\0\0\0\x3c\0\x40", 6); /* 0, 1, 2 */
        a = array_of(o, "dense/types/scalar", MW_FLOAT32, 4);
        assert_int_equal(a->rank, 0);
        a = array_of(o, "dense/soft/bias:0", MW_FLOAT64, 48); /* through a soft link to a group */
        assert_memory_equal(a->data, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xf0\x3f", 16);
        (void)array_of(o, "aside", MW_FLOAT32, 4);
        (void)array_of(o, "dense/types/committed", MW_FLOAT32, 16);
        a = array_of(o, "dense/types/empty", MW_FLOAT32, 0);
        assert_int_equal(a->dims[1], 3);
        (void)array_of(o, "dense/types/null", MW_FLOAT32, 0);
        assert_null(mwi_keras_array_at(&o->archive, "dense/types/text"));
        assert_null(mwi_keras_array_at(&o->archive, "dense/types/compound")); /* named nowhere */
        assert_string_equal(o->archive.config_json, "{\"class_name\": \"Sequential\"}");
        assert_string_equal(o->archive.keras_version, "2.14.0");
        assert_string_equal(o->archive.backend, "tensorflow");
        assert_int_equal(o->archive.n_layer_names, 2);
        assert_string_equal(o->archive.layer_names[1], "half");
        assert_int_equal(mwi_keras_group_at(&o->archive, "dense")->n_weight_names, 2);
        assert_false(o->archive.v3);
        close_it(o);
    }
}

static void unwritten_values_are_the_fill_value(void **state)
{
    static const char *const files[] = {"chunks_earliest.h5", "chunks_latest.h5"};
    const float minus_one = -1, fill = 2.5f, written = 7;

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(files); i++) {
        opened *const o = open_data(files[i]);
        const mwi_keras_array *a = array_of(o, "never", MW_FLOAT32, 64);
        assert_memory_equal((const float *)a->data + 15, &minus_one, 4);
        a = array_of(o, "never_chunked", MW_INT16, 32);
        assert_memory_equal(a->data, "\2\1", 2);
        a = array_of(o, "all/partly", MW_FLOAT32, 144);
        assert_memory_equal((const float *)a->data + 35, &fill, 4);
        assert_memory_equal((const float *)a->data + 13, &written, 4);
        close_it(o);
    }
}

static void names_are_read_split_and_padded(void **state)
{
    (void)state;
    opened *o = open_data("split.h5");
    assert_int_equal(o->archive.n_layer_names, 30);
    assert_string_equal(o->archive.layer_names[0], "000xxxxxxxxxxxxxxxxxxxx");
    assert_string_equal(o->archive.layer_names[29], "029xxxxxxxxxxxxxxxxxxxx");
    close_it(o);
    o = open_data("strings.h5");
    assert_int_equal(o->archive.n_layer_names, 4);
    assert_string_equal(o->archive.layer_names[1], "");
    assert_string_equal(o->archive.layer_names[2], "gr\xc3\xb6\xc3\x9f"
                                                   "er");
    assert_int_equal(strlen(o->archive.layer_names[3]), 300);
    const mwi_keras_group *const g = mwi_keras_group_at(&o->archive, "padded");
    assert_string_equal(g->weight_names[0], "ab");
    assert_string_equal(g->weight_names[1], "abcdef");
    close_it(o);
}

static void weights_alone_are_read(void **state)
{
    (void)state;
    opened *o = open_data("weights_only.h5");
    assert_null(o->archive.config_json);
    assert_false(o->archive.v3);
    assert_string_equal(o->archive.layer_names[0], "dense");
    assert_string_equal(o->archive.keras_version, "2.4.0");
    (void)array_of(o, "dense/dense/kernel:0", MW_FLOAT32, 24);
    close_it(o);
    o = open_data("weights_v3.h5");
    assert_true(o->archive.v3);
    assert_string_equal(mwi_keras_group_at(&o->archive, "layers/dense/vars")->name, "dense");
    (void)array_of(o, "layers/dense/vars/0", MW_FLOAT32, 24);
    assert_null(mwi_keras_array_at(&o->archive, "optimizer/vars/0"));
    close_it(o);
}

static void dense_storage_is_read(void **state)
{
    static const char *const files[] = {"many_earliest.h5", "many_latest.h5"};

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(files); i++) {
        opened *const o = open_data(files[i]);
        const mwi_keras_group *const g = mwi_keras_group_at(&o->archive, "attributes");
        assert_int_equal(o->archive.n_layer_names, 20);
        assert_string_equal(g->name, "many");
        assert_int_equal(g->n_weight_names, 30);
        (void)array_of(o, "layer_019/layer_019/kernel:0", MW_FLOAT32, 16);
        close_it(o);
    }
}

/* ---- what is refused ---- */

static void odd_files_are_refused_by_name(void **state)
{
    static const struct {
        const char *file;
        mw_status want;
        const char *says;
    } cases[] = {
        {"refused/external_link.h5", MW_EUNSUPPORTED, "external link"},
        {"refused/external_storage.h5", MW_EUNSUPPORTED, "another file"},
        {"refused/lzf.h5", MW_EUNSUPPORTED, "lzf"},
        {"refused/virtual.h5", MW_EUNSUPPORTED, "virtual"},
        {"refused/compound.h5", MW_EUNSUPPORTED, "compound"},
        {"refused/odd_integer.h5", MW_EUNSUPPORTED, "fixed-point"},
        {"refused/soft_loop.h5", MW_EFORMAT, "soft link"},
        {"refused/soft_nowhere.h5", MW_EFORMAT, "'other'"},
        {"refused/contains_itself.h5", MW_EFORMAT, "contains itself"},
        {"refused/names_are_numbers.h5", MW_EFORMAT, "not a string"},
        {"refused/rank.h5", MW_ELIMIT, "rank 9"},
        {"refused/deep.h5", MW_ELIMIT, "max_depth"},
        {"refused/fill_bomb.h5", MW_ELIMIT, "'d/k'"},
    };

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        opened *const o = open_bytes(read_data(cases[i].file), mwi_keras_open_h5);
        if (o->st != cases[i].want || strstr(mw_ctx_error(o->ctx), cases[i].says) == NULL)
            fail_msg("%s: %s: %s", cases[i].file, mw_status_name(o->st), mw_ctx_error(o->ctx));
        close_it(o);
    }
}

static void a_cut_file_is_refused_at_every_byte(void **state)
{
    static const char *const files[] = {"types_latest.h5", "narrow.h5", "user_block.h5"};

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(files); i++) {
        const bytes whole = read_data(files[i]);
        for (size_t n = 0; n < whole.n; n++) {
            bytes cut = {malloc(n == 0 ? 1 : n), n};
            memcpy(cut.p, whole.p, n);
            opened *const o = open_bytes(cut, mwi_keras_open_h5);
            if (o->st == MW_OK) fail_msg("%s: %zu bytes of %zu are taken", files[i], n, whole.n);
            assert_string_not_equal(mw_ctx_error(o->ctx), "");
            close_it(o);
        }
        free(whole.p);
    }
}

static void a_wrong_checksum_is_seen(void **state)
{
    static const char *const signatures[] = {"OHDR", "OCHK", "FRHP", "FHDB",
                                             "BTHD", "BTLF", "BTIN", "FHIB"};

    (void)state;
    for (size_t k = 0; k < MWI_COUNT(signatures); k++) {
        const bytes file = read_data("many_latest.h5");
        uint8_t *const at = memmem(file.p, file.n, signatures[k], 4);
        if (at == NULL) fail_msg("no %s in the file", signatures[k]);
        at[11] ^= 1;
        opened *const o = open_bytes(file, mwi_keras_open_h5);
        assert_int_not_equal(o->st, MW_OK);
        close_it(o);
    }
    bytes file = read_data("chunks_earliest.h5");
    uint8_t *at = memmem(file.p, file.n, "\x78\x5e", 2); /* the first deflated chunk */
    if (at == NULL) at = memmem(file.p, file.n, "\x78\x9c", 2);
    if (at == NULL) at = memmem(file.p, file.n, "\x78\x01", 2);
    assert_non_null(at);
    at[8] ^= 1;
    opened *const o = open_bytes(file, mwi_keras_open_h5);
    assert_int_equal(o->st, MW_EFORMAT);
    assert_non_null(strstr(mw_ctx_error(o->ctx), "checksum"));
    close_it(o);
}

/* ---- damage ---- */

static void mutate(bytes b, mwi_rng *rng)
{
    static const uint8_t odd[] = {0, 1, 0x7f, 0x80, 0xff};
    const uint64_t n = 1 + mwi_rng_below(rng, 4);

    for (uint64_t k = 0; k < n; k++) {
        const size_t at = (size_t)mwi_rng_below(rng, b.n);
        if (mwi_rng_below(rng, 2) == 0)
            b.p[at] = odd[mwi_rng_below(rng, sizeof odd)];
        else
            b.p[at] ^= (uint8_t)(1u << mwi_rng_below(rng, 8));
    }
}

static void try_damaged(const char *path, open_fn open, unsigned rounds)
{
    const bytes whole = read_file(path);
    mwi_rng rng = {whole.n};

    for (unsigned i = 0; i < rounds && whole.n > 0; i++) {
        bytes b = {malloc(whole.n), whole.n};
        memcpy(b.p, whole.p, whole.n);
        mutate(b, &rng);
        opened *const o = open_bytes(b, open);
        if (o->st != MW_OK) assert_string_not_equal(mw_ctx_error(o->ctx), "");
        close_it(o);
    }
    free(whole.p);
}

static void damaged_files_do_no_harm(void **state)
{
    char dir[4000], path[4300];

    (void)state;
    (void)snprintf(dir, sizeof dir, "%s/tests/data/h5", test_source_dir());
    DIR *const d = opendir(dir);
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        const size_t n = strlen(e->d_name);
        if (n < 3 || strcmp(e->d_name + n - 3, ".h5") != 0) continue;
        (void)snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        try_damaged(path, mwi_keras_open_h5, 100);
    }
    (void)closedir(d);
}

static void hostile_files_do_no_harm(void **state)
{
    char dir[4000], path[4300];
    size_t n_files = 0;

    (void)state;
    if (test_shared_dir() == NULL) test_skip_part("the shared material is not here");
    (void)snprintf(dir, sizeof dir, "%s/corpus/hostile", test_shared_dir());
    DIR *const d = opendir(dir);
    if (d == NULL) skip();
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        const char *const suffix = strrchr(e->d_name, '.');
        const bool h5 = suffix != NULL && strcmp(suffix, ".h5") == 0;
        if (!h5 && (suffix == NULL || strcmp(suffix, ".keras") != 0)) continue;
        (void)snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        opened *const o = open_bytes(read_file(path), h5 ? mwi_keras_open_h5 : mwi_keras_open_zip);
        print_message("%s: %s\n", e->d_name, o->st == MW_OK ? "read" : mw_ctx_error(o->ctx));
        close_it(o);
        try_damaged(path, h5 ? mwi_keras_open_h5 : mwi_keras_open_zip, 20);
        n_files++;
    }
    (void)closedir(d);
    assert_true(n_files > 0);
}

/* ---- no memory ---- */

/* *done: the file was read with `n` allocations. */
static void open_with(bytes file, open_fn open, size_t n, bool *done)
{
    flaky b = {n, 0};
    const mw_allocator allocator = flaky_allocator(&b);
    const mw_ctx_options options = {.allocator = &allocator};
    const mwi_reader reader = {"test file", file.p, file.n};
    mwi_keras_archive archive = {0};
    mwi_arena arena;
    mw_ctx *ctx;

    *done = false;
    if (mw_ctx_create(&options, &ctx) == MW_OK) {
        mwi_arena_init(ctx, &arena);
        const mw_status st = open(ctx, &reader, &arena, &archive);
        *done = st == MW_OK;
        if (st != MW_OK) assert_int_equal(st, MW_ENOMEM);
        mwi_arena_deinit(&arena);
        mw_ctx_destroy(ctx);
    }
    assert_int_equal(b.live, 0);
}

static void every_allocation_may_fail(void **state)
{
    static const char *const files[] = {"types_latest.h5", "chunks_latest.h5", "many_latest.h5",
                                        "split.h5"};

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(files); i++) {
        const bytes file = read_data(files[i]);
        bool done = false;
        size_t n = 0;
        while (!done) open_with(file, mwi_keras_open_h5, n++, &done);
        assert_true(n > 4);
        free(file.p);
    }
}

/* ---- zip ---- */

typedef struct member {
    const char *name;
    const void *p;
    size_t n;
    bool stored;
} member;

static bytes make_zip(const member *members, size_t n)
{
    zip_error_t error;
    zip_stat_t info;
    bytes b = {0};

    zip_source_t *const to = zip_source_buffer_create(NULL, 0, 0, &error);
    zip_source_keep(to);
    zip_t *const zip = zip_open_from_source(to, ZIP_CREATE | ZIP_TRUNCATE, &error);
    assert_non_null(zip);
    for (size_t i = 0; i < n; i++) {
        zip_source_t *const s = zip_source_buffer(zip, members[i].p, members[i].n, 0);
        const zip_int64_t at = zip_file_add(zip, members[i].name, s, ZIP_FL_ENC_UTF_8);
        assert_true(at >= 0);
        const zip_int32_t method = members[i].stored ? ZIP_CM_STORE : ZIP_CM_DEFLATE;
        assert_int_equal(zip_set_file_compression(zip, (zip_uint64_t)at, method, 9), 0);
    }
    assert_int_equal(zip_close(zip), 0);
    assert_int_equal(zip_source_open(to), 0);
    assert_int_equal(zip_source_stat(to, &info), 0);
    b.n = (size_t)info.size;
    b.p = malloc(b.n);
    assert_int_equal(zip_source_read(to, b.p, b.n), b.n);
    (void)zip_source_close(to);
    zip_source_free(to);
    return b;
}

static const char config[] = "{\"class_name\": \"Sequential\"}";
static const char metadata[] = "{\"keras_version\": \"3.15.0\"}";

static void a_keras_file_is_read_stored_and_deflated(void **state)
{
    const bytes weights = read_data("weights_v3.h5");

    (void)state;
    for (int stored = 0; stored < 2; stored++) {
        const member members[] = {
            {"metadata.json", metadata, sizeof metadata - 1, stored},
            {"config.json", config, sizeof config - 1, stored},
            {"model.weights.h5", weights.p, weights.n, stored},
            {"assets/../../etc/passwd", "x", 1, stored}, /* a name is only compared */
            {"", "x", 1, stored},
        };
        opened *const o = open_bytes(make_zip(members, MWI_COUNT(members)), mwi_keras_open_zip);
        assert_ok(o->ctx, o->st);
        assert_true(o->archive.v3);
        assert_string_equal(o->archive.config_json, config);
        assert_int_equal(o->archive.config_bytes, sizeof config - 1);
        assert_string_equal(o->archive.keras_version, "3.15.0");
        assert_string_equal(o->archive.backend, "");
        memset(o->file.p, 0, o->file.n); /* nothing points into the zip */
        const mwi_keras_array *const a = array_of(o, "layers/dense/vars/0", MW_FLOAT32, 24);
        assert_memory_equal((const char *)a->data + 4, "\0\0\x80\x3f", 4);
        close_it(o);
    }
    free(weights.p);
}

static void odd_zips_are_refused(void **state)
{
    static const struct {
        const char *rename, *to, *says;
    } cases[] = {
        {"config.json", "confiG.json", "without 'config.json'"},
        {"model.weights.h5", "model.weightS.h5", "without 'model.weights.h5'"},
        {"metadata.jsOn", "metadata.json", "two members are named 'metadata.json'"},
        {"model.weightx.npz", "model.weights.npz", NULL}, /* beside the .h5 it does not matter */
        {"{\"class_name\"", "{\"clasS_name\"", "CRC"},
    };
    const bytes weights = read_data("weights_v3.h5");

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        const member members[] = {
            {"metadata.json", metadata, sizeof metadata - 1, true},
            {"metadata.jsOn", metadata, sizeof metadata - 1, true},
            {"config.json", config, sizeof config - 1, true},
            {"model.weights.h5", weights.p, weights.n, true},
            {"model.weightx.npz", "x", 1, true},
        };
        const bytes file = make_zip(members, MWI_COUNT(members));
        const size_t n = strlen(cases[i].rename);
        for (uint8_t *at = file.p;
             (at = memmem(at, (size_t)(file.p + file.n - at), cases[i].rename, n)) != NULL;)
            memcpy(at, cases[i].to, n);
        opened *const o = open_bytes(file, mwi_keras_open_zip);
        if (cases[i].says == NULL)
            assert_ok(o->ctx, o->st);
        else if (o->st == MW_OK || strstr(mw_ctx_error(o->ctx), cases[i].says) == NULL)
            fail_msg("%s: %s", cases[i].to, mw_ctx_error(o->ctx));
        close_it(o);
    }
    free(weights.p);
}

static void other_weights_and_bombs_are_refused(void **state)
{
    char *const blanks = calloc(1, 8 << 20);
    const struct {
        member members[2];
        mw_status want;
        const char *says;
    } cases[] = {
        {{{"config.json", config, sizeof config - 1, true}, {"model.weights.npz", "x", 1, true}},
         MW_EUNSUPPORTED,
         "npz"},
        {{{"config.json", config, sizeof config - 1, true}, {"model.weights.json", "x", 1, true}},
         MW_EUNSUPPORTED,
         "shards"},
        {{{"config.json", blanks, 8 << 20, false}, {"model.weights.h5", "x", 1, true}},
         MW_ELIMIT,
         "over 100 times"},
        {{{"config.json", config, sizeof config - 1, true}, {"model.weights.h5", "x", 1, true}},
         MW_EFORMAT,
         "not an HDF5 file"},
    };

    (void)state;
    assert_non_null(blanks);
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        const bytes weights = read_data("weights_v3.h5");
        member members[2] = {cases[i].members[0], cases[i].members[1]};
        if (i == 2) members[1] = (member){"model.weights.h5", weights.p, weights.n, true};
        opened *const o = open_bytes(make_zip(members, 2), mwi_keras_open_zip);
        if (o->st != cases[i].want || strstr(mw_ctx_error(o->ctx), cases[i].says) == NULL)
            fail_msg("case %zu: %s: %s", i, mw_status_name(o->st), mw_ctx_error(o->ctx));
        close_it(o);
        free(weights.p);
    }
    free(blanks);
}

static void a_cut_zip_and_no_memory_are_errors(void **state)
{
    const bytes weights = read_data("weights_v3.h5");
    const member members[] = {
        {"metadata.json", metadata, sizeof metadata - 1, false},
        {"config.json", config, sizeof config - 1, false},
        {"model.weights.h5", weights.p, weights.n, false},
    };
    const bytes file = make_zip(members, MWI_COUNT(members));
    bool done = false;

    (void)state;
    for (size_t n = 0; n < file.n; n++) {
        bytes cut = {malloc(n == 0 ? 1 : n), n};
        memcpy(cut.p, file.p, n);
        opened *const o = open_bytes(cut, mwi_keras_open_zip);
        assert_int_not_equal(o->st, MW_OK);
        close_it(o);
    }
    for (size_t n = 0; !done; n++) open_with(file, mwi_keras_open_zip, n, &done);
    free(file.p);
    free(weights.p);
}

/* ---- writing ---- */

static opened *write_and_read(const mwi_keras_out *what)
{
    char path[] = "/tmp/archive_test_XXXXXX";
    mw_ctx *const ctx = test_ctx();
    mwi_output *output;
    const int fd = mkstemp(path);

    assert_true(fd >= 0);
    (void)close(fd);
    assert_ok(ctx, mwi_output_open(ctx, path, &output));
    assert_ok(ctx, mwi_keras_write_h5(ctx, what, output));
    assert_ok(ctx, mwi_output_commit(ctx, output));
    opened *const o = open_bytes(read_file(path), mwi_keras_open_h5);
    (void)unlink(path);
    mw_ctx_destroy(ctx);
    assert_ok(o->ctx, o->st);
    return o;
}

static void what_is_written_is_read_back(void **state)
{
    static const mw_dtype types[] = {MW_FLOAT32, MW_FLOAT16, MW_FLOAT64, MW_INT8,
                                     MW_INT16,   MW_INT32,   MW_INT64,   MW_UINT8,
                                     MW_UINT16,  MW_UINT32,  MW_UINT64,  MW_BOOL};
    enum { N = MWI_COUNT(types) };
    static uint8_t data[64 * 64 * 8];
    mwi_keras_array arrays[N + 2];
    const mwi_keras_array *weights[N + 2];
    char names[N][32], path[64];

    (void)state;
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i % 251 % 2);
    for (size_t i = 0; i < N; i++) {
        (void)snprintf(names[i], sizeof names[i], "dense/%s:0", mw_dtype_name(types[i]));
        arrays[i] = (mwi_keras_array){.path = names[i],
                                      .dtype = types[i],
                                      .rank = 2,
                                      .dims = {64, 64},
                                      .data = data,
                                      .bytes = 64 * 64 * mw_dtype_bits(types[i]) / 8};
    }
    arrays[N] =
        (mwi_keras_array){.path = "scalar:0", .dtype = MW_FLOAT32, .data = data, .bytes = 4};
    arrays[N + 1] = (mwi_keras_array){.path = "none:0", .dtype = MW_FLOAT32, .rank = 1};
    for (size_t i = 0; i < N + 2; i++) weights[i] = &arrays[i];
    for (int compress = 0; compress < 2; compress++) {
        const mwi_keras_out_layer layers[] = {{"input", NULL, 0}, {"dense", weights, N + 2}};
        const mwi_keras_out what = {.config_json = config,
                                    .training_json = "{}",
                                    .keras_version = "2.14.0",
                                    .backend = "tensorflow",
                                    .layers = layers,
                                    .n_layers = 2,
                                    .compress = compress};
        opened *const o = write_and_read(&what);
        print_message("%s: %zu bytes\n", compress ? "compressed" : "plain", o->file.n);
        assert_string_equal(o->archive.config_json, config);
        assert_string_equal(o->archive.training_json, "{}");
        assert_string_equal(o->archive.layer_names[1], "dense");
        assert_int_equal(mwi_keras_group_at(&o->archive, "input")->n_weight_names, 0);
        assert_int_equal(mwi_keras_group_at(&o->archive, "dense")->n_weight_names, N + 2);
        for (size_t i = 0; i < N + 2; i++) {
            (void)snprintf(path, sizeof path, "dense/%s", arrays[i].path);
            const mwi_keras_array *const a = array_of(o, path, arrays[i].dtype, arrays[i].bytes);
            if (a->bytes > 0) assert_memory_equal(a->data, arrays[i].data, a->bytes);
            assert_int_equal(a->rank, arrays[i].rank);
        }
        close_it(o);
    }
}

static void long_lists_of_names_are_split(void **state)
{
    enum { N = 400 };
    static char names[N][300];
    static mwi_keras_out_layer layers[N];

    (void)state;
    for (size_t i = 0; i < N; i++) {
        (void)snprintf(names[i], sizeof names[i], "layer_%03zu_%0250d", i, 0);
        layers[i] = (mwi_keras_out_layer){names[i], NULL, 0};
    }
    const mwi_keras_out what = {
        .keras_version = "3.0.0", .backend = "", .layers = layers, .n_layers = N};
    opened *const o = write_and_read(&what);
    assert_int_equal(o->archive.n_layer_names, N);
    for (size_t i = 0; i < N; i++) assert_string_equal(o->archive.layer_names[i], names[i]);
    assert_non_null(memmem(o->file.p, o->file.n, "layer_names1", 12));
    close_it(o);
}

static void what_cannot_be_written_is_said(void **state)
{
    const mwi_keras_array four_bits = {
        .path = "k", .dtype = MW_INT4, .rank = 1, .dims = {2}, .data = "x", .bytes = 1};
    const mwi_keras_array *const weights[] = {&four_bits};
    const mwi_keras_out_layer twice[] = {{"a", NULL, 0}, {"a", NULL, 0}},
                              int4[] = {{"a", weights, 1}};
    const struct {
        const mwi_keras_out_layer *layers;
        size_t n;
        mw_status want;
        const char *says;
    } cases[] = {{twice, 2, MW_EIO, "layer 'a'"}, {int4, 1, MW_EUNSUPPORTED, "int4"}};

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        const mwi_keras_out what = {
            .keras_version = "", .backend = "", .layers = cases[i].layers, .n_layers = cases[i].n};
        mw_ctx *const ctx = test_ctx();
        mwi_output *output;
        assert_ok(ctx, mwi_output_open(ctx, "/tmp/archive_test_refused.h5", &output));
        assert_int_equal(mwi_keras_write_h5(ctx, &what, output), cases[i].want);
        mwi_output_discard(output);
        if (strstr(mw_ctx_error(ctx), cases[i].says) == NULL) fail_msg("%s", mw_ctx_error(ctx));
        mw_ctx_destroy(ctx);
    }
}

/* Weights that are stored as they are may begin where HDF5 looks for its signature behind a user
 * block: 512, 1024, 2048, ... */
static void a_zip_is_no_user_block(void **state)
{
    static uint8_t file[4096] = "PK\3\4";
    const char *found = NULL;

    (void)state;
    memcpy(file + 2048, "\x89HDF\r\n\x1a\n", 8);
    for (size_t i = 0; mwi_formats[i] != NULL && found == NULL; i++)
        if (mwi_formats[i]->probe(file, sizeof file)) found = mwi_formats[i]->name;
    assert_string_equal(found, "keras-zip");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_read_in_every_version),
        cmocka_unit_test(unwritten_values_are_the_fill_value),
        cmocka_unit_test(names_are_read_split_and_padded),
        cmocka_unit_test(weights_alone_are_read),
        cmocka_unit_test(dense_storage_is_read),
        cmocka_unit_test(odd_files_are_refused_by_name),
        cmocka_unit_test(a_cut_file_is_refused_at_every_byte),
        cmocka_unit_test(a_wrong_checksum_is_seen),
        cmocka_unit_test(damaged_files_do_no_harm),
        cmocka_unit_test(hostile_files_do_no_harm),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(a_keras_file_is_read_stored_and_deflated),
        cmocka_unit_test(odd_zips_are_refused),
        cmocka_unit_test(other_weights_and_bombs_are_refused),
        cmocka_unit_test(a_cut_zip_and_no_memory_are_errors),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(long_lists_of_names_are_split),
        cmocka_unit_test(what_cannot_be_written_is_said),
        cmocka_unit_test(a_zip_is_no_user_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
