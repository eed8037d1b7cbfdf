/* formats/keras/archive_test.c - the HDF5 reader against libhdf5 on every .h5 of the shared material and on
 * tests/data/h5, and truncation at every byte.     SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "formats/keras/archive.h"

#include <ftw.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t n_files, n_arrays, n_bad;

/* Values of one dataset as libhdf5 reads them in our type. */
static bool same_as_oracle(hid_t file, const char *prefix, const mwi_keras_array *a)
{
    char path[8192];
    bool same = false;

    (void)snprintf(path, sizeof path, "%s%s", prefix, a->path);
    const hid_t set = H5Dopen2(file, path, H5P_DEFAULT);
    if (set < 0) return false;
    const hid_t type = H5Dget_type(set);
    /* C has no native half float: those are read as they are stored. */
    const hid_t native = H5Tget_size(type) == 2 && H5Tget_class(type) == H5T_FLOAT ? H5Tcopy(type)
                                                                                   : H5Tget_native_type(type, H5T_DIR_ASCEND);
    if (H5Tget_size(native) * (size_t)H5Sget_simple_extent_npoints(H5Dget_space(set)) == a->bytes) {
        void *const data = malloc(a->bytes + 1);
        same = data != NULL && H5Dread(set, native, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0 &&
               memcmp(data, a->data, a->bytes) == 0;
        free(data);
    }
    (void)H5Tclose(native);
    (void)H5Tclose(type);
    (void)H5Dclose(set);
    return same;
}

static void compare_file(const char *path)
{
    mw_ctx *const ctx = test_ctx();
    mwi_keras_archive a;
    mwi_mapping m;
    mwi_arena arena;

    memset(&a, 0, sizeof a);
    mwi_arena_init(ctx, &arena);
    assert_ok(ctx, mwi_file_map(ctx, path, &m));
    const mwi_reader r = {path, m.bytes, m.len};
    assert_ok(ctx, mwi_keras_open_h5(ctx, &r, &arena, &a));
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0);
    const char *const prefix = H5Lexists(file, "model_weights", H5P_DEFAULT) > 0 ? "/model_weights/" : "/";
    for (size_t i = 0; i < a.n_arrays; i++) {
        if (same_as_oracle(file, prefix, &a.arrays[i])) continue;
        print_error("%s: %s differs\n", path, a.arrays[i].path);
        n_bad++;
    }
    n_files++;
    n_arrays += a.n_arrays;
    (void)H5Fclose(file);
    mwi_arena_deinit(&arena);
    mwi_file_unmap(&m);
    mw_ctx_destroy(ctx);
}

static int visit(const char *path, const struct stat *info, int type)
{
    const size_t n = strlen(path);
    (void)info;
    if (type == FTW_F && n > 3 && strcmp(path + n - 3, ".h5") == 0 && strstr(path, "hostile") == NULL) compare_file(path);
    return 0;
}

static void every_array_is_what_libhdf5_reads(void **state)
{
    char path[4096];

    (void)state;
    (void)H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    (void)snprintf(path, sizeof path, "%s/tests/data/h5", test_source_dir());
    assert_int_equal(ftw(path, visit, 8), 0);
    assert_true(n_arrays > 20);
    if (test_shared_dir() != NULL) assert_int_equal(ftw(test_shared_dir(), visit, 8), 0);
    print_message("%zu files, %zu arrays\n", n_files, n_arrays);
    assert_int_equal(n_bad, 0);
}

static void a_truncated_file_is_an_error_or_gives_what_it_holds(void **state)
{
    char path[4096];
    mwi_mapping m;
    mw_ctx *const ctx = test_ctx();
    size_t refused = 0;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/tests/data/h5/earliest_2.h5", test_source_dir());
    assert_ok(ctx, mwi_file_map(ctx, path, &m));
    for (size_t n = 0; n < m.len; n += 1 + n / 400) {
        uint8_t *const copy = malloc(n + 1); /* exact: a sanitizer sees one byte too many */
        mwi_keras_archive a;
        mwi_arena arena;
        memset(&a, 0, sizeof a);
        memcpy(copy, m.bytes, n);
        mwi_arena_init(ctx, &arena);
        const mwi_reader r = {"cut.h5", copy, n};
        if (mwi_keras_open_h5(ctx, &r, &arena, &a) != MW_OK) {
            refused++;
            assert_string_not_equal(mw_ctx_error(ctx), "");
            mw_ctx_clear(ctx);
        }
        mwi_arena_deinit(&arena);
        free(copy);
    }
    assert_true(refused > 100);
    mwi_file_unmap(&m);
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_array_is_what_libhdf5_reads),
        cmocka_unit_test(a_truncated_file_is_an_error_or_gives_what_it_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
