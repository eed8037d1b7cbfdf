/* formats/keras/archive_h5_oracle_test.c - our reader against libhdf5 on every .h5 file that is at
 * hand: the same datasets, shapes and bytes, the same strings.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/archive.h"
#include "support.h"

#include <dirent.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct count {
    const mwi_keras_archive *archive;
    const char *file;
    size_t datasets, groups, files, skipped;
    uint64_t bytes;
} count;

/* ---- datasets ---- */

static hid_t memory_type(mw_dtype type)
{
    switch (type) {
    case MW_FLOAT32: return H5T_IEEE_F32LE;
    case MW_FLOAT64: return H5T_IEEE_F64LE;
    case MW_INT8: return H5T_STD_I8LE;
    case MW_INT16: return H5T_STD_I16LE;
    case MW_INT32: return H5T_STD_I32LE;
    case MW_INT64: return H5T_STD_I64LE;
    case MW_UINT8: return H5T_STD_U8LE;
    case MW_UINT16: return H5T_STD_U16LE;
    case MW_UINT32: return H5T_STD_U32LE;
    case MW_UINT64: return H5T_STD_U64LE;
    default: return -1;
    }
}

static void compare_dataset(hid_t group, const char *path, count *c)
{
    const mwi_keras_array *const a = mwi_keras_array_at(c->archive, path);
    const hid_t set = H5Dopen2(group, path, H5P_DEFAULT);
    if (set < 0) { /* a type newer than the oracle */
        c->skipped++;
        return;
    }
    const hid_t space = H5Dget_space(set), type = H5Dget_type(set);
    const H5T_class_t klass = H5Tget_class(type);
    hsize_t dims[H5S_MAX_RANK];

    if (a == NULL) { /* types that are no weights */
        if (klass == H5T_INTEGER || klass == H5T_FLOAT)
            fail_msg("%s: %s is missing", c->file, path);
    } else {
        const int rank = H5Sget_simple_extent_dims(space, dims, NULL);
        const hid_t mem = memory_type(a->dtype);
        /* float16 and opaque bytes: as stored, when they are little-endian */
        const hid_t as = mem >= 0 ? mem : type;
        if (H5Sget_simple_extent_type(space) != H5S_NULL) {
            assert_int_equal(a->rank, rank);
            for (int i = 0; i < rank; i++) assert_int_equal(a->dims[i], dims[i]);
        }
        assert_int_equal((uintptr_t)a->data % 64, 0);
        void *const got = calloc(1, a->bytes + 1);
        assert_non_null(got);
        if (a->bytes > 0) {
            assert_true(H5Dread(set, as, H5S_ALL, H5S_ALL, H5P_DEFAULT, got) >= 0);
            if (mem < 0 && H5Tget_order(type) == H5T_ORDER_BE) {
                uint8_t *const p = got;
                for (size_t i = 0; i + 1 < a->bytes; i += 2) {
                    const uint8_t t = p[i];
                    p[i] = p[i + 1];
                    p[i + 1] = t;
                }
            }
            if (memcmp(got, a->data, a->bytes) != 0) fail_msg("%s: %s differs", c->file, path);
        }
        free(got);
        c->bytes += a->bytes;
        c->datasets++;
    }
    (void)H5Tclose(type);
    (void)H5Sclose(space);
    (void)H5Dclose(set);
}

/* ---- strings ---- */

static void compare_strings(hid_t object, const char *name, const char *const *ours, size_t n)
{
    if (H5Aexists(object, name) <= 0) return;
    const hid_t attr = H5Aopen(object, name, H5P_DEFAULT);
    const hid_t type = H5Aget_type(attr), space = H5Aget_space(attr);
    const hssize_t theirs = H5Sget_simple_extent_npoints(space);

    assert_int_equal(theirs, n);
    if (H5Tget_class(type) == H5T_STRING && n > 0) {
        if (H5Tis_variable_str(type) > 0) {
            char **const text = calloc(n, sizeof *text);
            assert_true(H5Aread(attr, type, text) >= 0);
            for (size_t i = 0; i < n; i++)
                assert_string_equal(text[i] == NULL ? "" : text[i], ours[i]);
            (void)H5Dvlen_reclaim(type, space, H5P_DEFAULT, text);
            free(text);
        } else {
            const size_t size = H5Tget_size(type);
            char *const text = calloc(n + 1, size);
            assert_true(H5Aread(attr, type, text) >= 0);
            for (size_t i = 0; i < n; i++) {
                size_t len = strnlen(text + i * size, size);
                if (H5Tget_strpad(type) == H5T_STR_SPACEPAD)
                    while (len > 0 && text[i * size + len - 1] == ' ') len--;
                assert_int_equal(strlen(ours[i]), len);
                assert_memory_equal(text + i * size, ours[i], strlen(ours[i]));
            }
            free(text);
        }
    }
    (void)H5Sclose(space);
    (void)H5Tclose(type);
    (void)H5Aclose(attr);
}

static herr_t visit(hid_t root, const char *path, const H5O_info_t *info, void *self)
{
    count *const c = self;
    const char *const ours = strcmp(path, ".") == 0 ? "" : path;

    if (strncmp(path, "optimizer", 9) == 0) return 0;
    if (info->type == H5O_TYPE_DATASET) compare_dataset(root, path, c);
    if (info->type == H5O_TYPE_GROUP) {
        const mwi_keras_group *const g = mwi_keras_group_at(c->archive, ours);
        if (g == NULL) fail_msg("%s: group %s is missing", c->file, path);
        const hid_t object = H5Oopen(root, path, H5P_DEFAULT);
        compare_strings(object, "weight_names", g->weight_names, g->n_weight_names);
        compare_strings(object, "name", &g->name, g->name == NULL ? 0 : 1);
        (void)H5Oclose(object);
        c->groups++;
    }
    return 0;
}

static void compare_file(const char *path, count *c)
{
    mw_ctx *const ctx = test_ctx();
    mwi_arena arena;
    mwi_mapping mapping;
    mwi_keras_archive archive;

    c->file = path;
    c->archive = &archive;
    mwi_arena_init(ctx, &arena);
    assert_ok(ctx, mwi_file_map(ctx, path, &mapping));
    const mwi_reader reader = {path, mapping.bytes, mapping.len};
    assert_ok(ctx, mwi_keras_open_h5(ctx, &reader, &arena, &archive));
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0);
    const bool nested =
        H5Aexists(file, "layer_names") <= 0 && H5Lexists(file, "model_weights", H5P_DEFAULT) > 0;
    const hid_t root =
        nested ? H5Gopen2(file, "model_weights", H5P_DEFAULT) : H5Gopen2(file, "/", H5P_DEFAULT);
    compare_strings(file, "model_config", &archive.config_json,
                    archive.config_json == NULL ? 0 : 1);
    compare_strings(file, "keras_version", &archive.keras_version, 1);
    compare_strings(root, "layer_names", archive.layer_names, archive.n_layer_names);
    assert_true(H5Ovisit2(root, H5_INDEX_NAME, H5_ITER_NATIVE, visit, c, H5O_INFO_BASIC) >= 0);
    (void)H5Gclose(root);
    (void)H5Fclose(file);
    c->files++;
    mwi_file_unmap(&mapping);
    mwi_arena_deinit(&arena);
    mw_ctx_destroy(ctx);
}

static void walk(const char *dir, count *c)
{
    char path[4096];
    struct stat info;
    DIR *const d = opendir(dir);

    if (d == NULL) return;
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.') continue;
        (void)snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (lstat(path, &info) != 0) continue;
        const size_t n = strlen(path);
        if (S_ISDIR(info.st_mode) && strcmp(e->d_name, "hostile") != 0 &&
            strcmp(e->d_name, "refused") != 0)
            walk(path, c);
        else if (S_ISREG(info.st_mode) && n > 3 && strcmp(path + n - 3, ".h5") == 0)
            compare_file(path, c);
    }
    (void)closedir(d);
}

static void agrees_on(const char *dir)
{
    count c = {0};

    walk(dir, &c);
    print_message(
        "%zu files, %zu datasets, %zu groups, %llu bytes agree; %zu datasets are too new for "
        "libhdf5\n",
        c.files, c.datasets, c.groups, (unsigned long long)c.bytes, c.skipped);
    assert_true(c.files > 0 && c.datasets > 0 && c.skipped < 8);
}

static void agrees_on_shared_models(void **state)
{
    (void)state;
    if (test_shared_dir() == NULL) test_skip_part("the shared material is not here");
    agrees_on(test_shared_dir());
}

static void agrees_on_test_data(void **state)
{
    char dir[4096];

    (void)state;
    (void)snprintf(dir, sizeof dir, "%s/tests/data/h5", test_source_dir());
    agrees_on(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_on_test_data),
        cmocka_unit_test(agrees_on_shared_models),
    };

    (void)H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
