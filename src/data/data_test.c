/* data/data_test.c - npy, npz, csv, images: reading, fitting, conversion, errors.
 * SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/half.h"
#include "data/image_decode.h"
#include "data/source.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zip.h>

static mw_status open_text(mw_ctx *ctx, const char *text, const mw_dataset_options *o,
                           mw_dataset **out)
{
    const mwi_reader r = {"set.csv", (const uint8_t *)text, strlen(text)};
    return mwi_dataset_open_bytes(ctx, &r, o, out);
}

static const mw_tensor_info two_floats = {
    .name = "x", .dtype = MW_FLOAT32, .rank = 2, .dims = {1, 2}, .signature = {-1, 2}};

static void csv_reads_rows_and_labels(void **state)
{
    static const struct {
        const char *name, *text;
        size_t n_samples, label_size;
        bool integer;
        float first, last;
    } cases[] = {
        {"plain", "1,2\n3,4\n", 2, 0, false, 1, 4},
        {"header", "a,b\n1,2\n3,4\n5,6", 3, 0, false, 1, 6},
        {"label last", "1;2;0\r\n3;4;1\r\n", 2, 1, true, 1, 4},
        {"named label first", "label,a,b\n7,1,2\n9,3,4\n", 2, 1, true, 1, 4},
        {"exponents", "-1e0,2.5E-1\n3,4\n", 2, 0, false, -1, 4},
        {"a mark of UTF-8", "\xef\xbb\xbflabel,a,b\n7,1,2\n9,3,4\n", 2, 1, true, 1, 4},
        {"a mark, no header",
         "\xef\xbb\xbf"
         "1,2\n3,4\n",
         2, 0, false, 1, 4},
        {"Label", "a,b,Label\n1,2,0\n3,4,1\n", 2, 1, true, 1, 4},
        {"float target", "a\tb\ttarget\n1\t2\t.5\n\n3\t4\t1.5\n", 2, 1, false, 1, 4},
    };
    mw_ctx *const ctx = test_ctx();
    const mw_dataset_options o = {.inputs = &two_floats, .n_inputs = 1};

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        mw_dataset *ds = NULL;
        float x[8];
        bool integer;
        print_message("%s\n", cases[i].name);
        assert_ok(ctx, open_text(ctx, cases[i].text, &o, &ds));
        const size_t n = mw_dataset_n_samples(ds);
        assert_int_equal(n, cases[i].n_samples);
        assert_ok(ctx, mw_dataset_read(ctx, ds, 0, 0, n, &two_floats, x, n * 8));
        assert_true(x[0] == cases[i].first && x[2 * n - 1] == cases[i].last);
        assert_int_equal(mw_dataset_label_size(ds, &integer), cases[i].label_size);
        assert_int_equal(integer, cases[i].integer);
        assert_non_null(strstr(mw_dataset_reading(ds), integer ? "labels: column" : "labels: "));
        mw_dataset_close(ds);
    }
    mw_ctx_destroy(ctx);
}

static void csv_labels_keep_all_their_digits(void **state)
{
    static const struct {
        const char *name, *text;
        bool integer;
        double want;
    } cases[] = {
        {"a class over 2^24", "a,b,label\n1,2,16777217\n3,4,1\n", true, 16777217},
        {"a class over 2^32", "a,b,y\n1,2,9007199254740991\n3,4,1\n", true, 9007199254740991},
        {"a target", "a,b,y\n1,2,0.1\n3,4,1\n", false, 0.1},
    };
    const mw_dataset_options o = {.inputs = &two_floats, .n_inputs = 1};
    mw_ctx *const ctx = test_ctx();

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        mw_dataset *ds = NULL;
        double label;
        bool integer;
        assert_ok(ctx, open_text(ctx, cases[i].text, &o, &ds));
        assert_int_equal(mw_dataset_label_size(ds, &integer), 1);
        assert_ok(ctx, mw_dataset_read_labels(ctx, ds, 0, 1, &label));
        if (integer != cases[i].integer || label != cases[i].want)
            fail_msg("%s: %.17g", cases[i].name, label);
        mw_dataset_close(ds);
    }
    mw_ctx_destroy(ctx);
}

/* A locale whose numbers have a comma changes nothing. */
static void csv_does_not_know_the_locale(void **state)
{
    static const char *const commas[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
    const mw_dataset_options o = {.inputs = &two_floats, .n_inputs = 1};
    mw_ctx *const ctx = test_ctx();
    mw_dataset *ds = NULL;
    float x[2];

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(commas); i++)
        if (setlocale(LC_NUMERIC, commas[i]) != NULL) break;
    assert_ok(ctx, open_text(ctx, "0.5,1.25\n", &o, &ds));
    assert_ok(ctx, mw_dataset_read(ctx, ds, 0, 0, 1, &two_floats, x, sizeof x));
    assert_true(x[0] == 0.5f && x[1] == 1.25f);
    mw_dataset_close(ds);
    (void)setlocale(LC_NUMERIC, "C");
    mw_ctx_destroy(ctx);
}

static void csv_goes_back_and_forth_over_many_rows(void **state)
{
    mw_ctx *const ctx = test_ctx();
    char *const text = malloc(100000);
    size_t n = 0;
    mw_dataset *ds;

    (void)state;
    for (int i = 0; i < 3000; i++) n += (size_t)snprintf(text + n, 100000 - n, "%d,%d\n", i, -i);
    assert_ok(ctx, open_text(ctx, text, NULL, &ds));
    for (uint64_t row = 0; row < 3000; row += 37) {
        const uint64_t r = (row * 7919) % 3000;
        float x[2];
        assert_ok(ctx, mw_dataset_read(ctx, ds, 0, r, 1, &two_floats, x, sizeof x));
        assert_true(x[0] == (float)r && x[1] == -(float)r);
    }
    mw_dataset_close(ds);
    free(text);
    mw_ctx_destroy(ctx);
}

static void unfit_data_says_what_and_where(void **state)
{
    static const struct {
        const char *name, *text, *says;
    } cases[] = {
        {"too few columns", "1\n2\n", "samples of shape [?,1], the model's input 'x' wants [?,2]"},
        {"ragged", "1,2\n3\n", "row 2 has 1 columns, the first has 2"},
        {"not a number", "1,2\n3,abc\n", "row 2 column 2: 'abc' is not a number"},
        {"empty", "a,b\n", "no rows"},
        {"a missing value first", "1,nan\n3,4\n", "row 1 column 2: 'nan' is not a number"},
        {"an empty field first", ",2\n3,4\n", "row 1 column 1: '' is not a number"},
        {"hexadecimal", "1,2\n0x10,4\n", "row 2 column 1: '0x10' is not a number"},
        {"infinite", "1,2\n-inf,4\n", "row 2 column 1: '-inf' is not a number"},
        {"too large", "1,2\n1e999,4\n", "row 2 column 1: '1e999' is not a number"},
    };
    mw_ctx *const ctx = test_ctx();
    const mw_dataset_options o = {.inputs = &two_floats, .n_inputs = 1};

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        mw_dataset *ds = NULL;
        float x[8];
        mw_ctx_clear(ctx);
        if (open_text(ctx, cases[i].text, &o, &ds) == MW_OK)
            assert_int_not_equal(mw_dataset_read(ctx, ds, 0, 0, 2, &two_floats, x, 16), MW_OK);
        if (strstr(mw_ctx_error(ctx), cases[i].says) == NULL)
            fail_msg("%s: '%s' lacks '%s'", cases[i].name, mw_ctx_error(ctx), cases[i].says);
        mw_dataset_close(ds);
    }
    mw_ctx_destroy(ctx);
}

/* A .npy file in memory: version 1.0. */
static size_t make_npy(uint8_t *out, const char *descr, const char *shape, const void *data,
                       size_t bytes)
{
    char header[128];
    const int n =
        snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n",
                 descr, shape);
    memcpy(out, "\x93NUMPY\1\0", 8);
    out[8] = (uint8_t)n;
    out[9] = 0;
    memcpy(out + 10, header, (size_t)n);
    memcpy(out + 10 + n, data, bytes);
    return 10 + (size_t)n + bytes;
}

static void values_are_converted_to_the_input(void **state)
{
    static const uint8_t stored[4] = {0, 8, 16, 255};
    static const float scales[1] = {0.5f};
    static const int64_t zeros[1] = {-128};
    const mw_quantization q = {.n_scales = 1, .scales = scales, .zero_points = zeros};
    static const struct {
        const char *name;
        mw_dtype dtype;
        bool quantized;
        double want[4];
    } cases[] = {
        {"float gets stored * scale + offset", MW_FLOAT32, false, {1, 1.5, 2, 16.9375}},
        {"own integer type as it is", MW_UINT8, true, {0, 8, 16, 255}},
        {"another integer type by its quantization", MW_INT8, true, {-126, -125, -124, -94}},
    };
    uint8_t file[256];
    mw_ctx *const ctx = test_ctx();
    const mwi_reader r = {"x.npy", file, make_npy(file, "|u1", "(2, 2)", stored, 4)};

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        mw_tensor_info as = two_floats;
        const mw_dataset_options o = {.scale = 0.0625, .offset = 1, .inputs = &as, .n_inputs = 1};
        mw_dataset *ds;
        union {
            float f[4];
            uint8_t u[4];
            int8_t s[4];
        } out;
        as.dtype = cases[i].dtype;
        if (cases[i].quantized) as.quantization = q;
        assert_ok(ctx, mwi_dataset_open_bytes(ctx, &r, &o, &ds));
        assert_ok(ctx,
                  mw_dataset_read(ctx, ds, 0, 0, 2, &as, &out, as.dtype == MW_FLOAT32 ? 16 : 4));
        for (size_t k = 0; k < 4; k++) {
            const double got = as.dtype == MW_FLOAT32 ? (double)out.f[k]
                               : as.dtype == MW_UINT8 ? out.u[k]
                                                      : out.s[k];
            if (got != cases[i].want[k])
                fail_msg("%s: %g, wanted %g", cases[i].name, got, cases[i].want[k]);
        }
        mw_dataset_close(ds);
    }
    mw_ctx_destroy(ctx);
}

static void npy_refuses_what_it_cannot_read(void **state)
{
    static const struct {
        const char *descr, *shape, *says;
    } cases[] = {
        {"|O", "(1,)", "type '|O' are not supported"},
        {"<U0", "(1,)", "type '<U0' are not supported"},
        {"|S9999999999", "(1,)", "are not supported"},
        {">V4", "(1,)", "type '>V4' are not supported"},
        {"<f4", "(1, -1)", "bad shape"},
        {"<f4", "(1,1,1,1,1,1,1,1,1)", "rank over 8"},
        {"<f4", "(2147483647,2147483647,2147483647)", "larger"},
        {"<f4", "(5,)", "past the end"},
        {"<f4", "()", "first dimension must count"},
    };
    uint8_t file[256] = {0};
    mw_ctx *const ctx = test_ctx();

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        const mwi_reader r = {"x.npy", file,
                              make_npy(file, cases[i].descr, cases[i].shape, "abcd", 4)};
        mw_dataset *ds = NULL;
        mw_ctx_clear(ctx);
        assert_int_not_equal(mwi_dataset_open_bytes(ctx, &r, NULL, &ds), MW_OK);
        if (strstr(mw_ctx_error(ctx), cases[i].says) == NULL)
            fail_msg("%s %s: '%s' lacks '%s'", cases[i].descr, cases[i].shape, mw_ctx_error(ctx),
                     cases[i].says);
    }
    mw_ctx_destroy(ctx);
}

/* Data of big-endian machines. */
static void big_endian_arrays_are_read(void **state)
{
    static const struct {
        const char *descr;
        size_t bytes;
        uint8_t stored[16];
    } cases[] = {
        {">f4", 8, {0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0}},
        {">i2", 4, {0, 1, 0xff, 0xfe}},
        {">f8", 16, {0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xc0}},
        {">i8", 16, {0, 0, 0, 0, 0, 0, 0, 1, 255, 255, 255, 255, 255, 255, 255, 0xfe}},
        {">f2", 4, {0x3c, 0, 0xc0, 0}},
        {"=i2", 4, {1, 0, 0xfe, 0xff}},
        {">i1", 2, {1, 0xfe}},
    };
    mw_ctx *const ctx = test_ctx();

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        uint8_t file[256];
        float x[2];
        mw_dataset *ds;
        const mw_dataset_options o = {.inputs = &two_floats, .n_inputs = 1};
        const mwi_reader r = {
            "x.npy", file,
            make_npy(file, cases[i].descr, "(1, 2)", cases[i].stored, cases[i].bytes)};
        assert_ok(ctx, mwi_dataset_open_bytes(ctx, &r, &o, &ds));
        assert_ok(ctx, mw_dataset_read(ctx, ds, 0, 0, 1, &two_floats, x, sizeof x));
        if (x[0] != 1 || x[1] != -2)
            fail_msg("%s: %g %g", cases[i].descr, (double)x[0], (double)x[1]);
        mw_dataset_close(ds);
    }
    mw_ctx_destroy(ctx);
}

/* ---- folders of images ---- */

static void put_image(const char *folder, const char *class_name)
{
    char from[4096], path[4096];
    uint8_t bytes[65536];

    (void)snprintf(path, sizeof path, "%s/%s", folder, class_name);
    (void)mkdir(path, 0777);
    (void)snprintf(path, sizeof path, "%s/%s/a.png", folder, class_name);
    (void)snprintf(from, sizeof from, "%s/tests/fuzz/data_fuzz/png_grey", test_source_dir());
    FILE *const in = fopen(from, "rb"), *const out = fopen(path, "wb");
    assert_true(in != NULL && out != NULL);
    const size_t n = fread(bytes, 1, sizeof bytes, in);
    assert_true(n > 2 && fwrite(bytes + 2, 1, n - 2, out) == n - 2); /* the fuzzer's two bytes */
    assert_int_equal(fclose(in) + fclose(out), 0);
}

static void classes_are_numbered_by_their_folders(void **state)
{
    static const struct {
        const char *names[4];
        double labels[3];
        const char *says;
    } cases[] = {
        {{"0", "10", "3"}, {0, 3, 10}, "3 classes, numbered by their folders' names: 0 3 10"},
        {{"cat", "7", "dog"}, {0, 1, 2}, "by the order of their folders' names: 0 7, 1 cat, 2 dog"},
        {{"01", "1", "2"}, {0, 1, 2}, "by the order of"},
        {{"99999999999", "1", "2"}, {0, 1, 2}, "by the order of"},
    };
    static const mw_tensor_info image = {.name = "x",
                                         .dtype = MW_FLOAT32,
                                         .rank = 4,
                                         .dims = {1, 5, 7, 3},
                                         .signature = {-1, 5, 7, 3}};
    const mw_dataset_options o = {.inputs = &image, .n_inputs = 1};
    mw_ctx *const ctx = test_ctx();

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        char folder[] = "/tmp/milliwatt_classes_XXXXXX", path[4096];
        mw_dataset *ds;
        double labels[3];
        assert_non_null(mkdtemp(folder));
        for (size_t k = 0; k < 3; k++) put_image(folder, cases[i].names[k]);
        assert_ok(ctx, mw_dataset_open(ctx, folder, &o, &ds));
        assert_ok(ctx, mw_dataset_read_labels(ctx, ds, 0, 3, labels));
        assert_memory_equal(labels, cases[i].labels, sizeof labels);
        if (strstr(mw_dataset_reading(ds), cases[i].says) == NULL ||
            strstr(mw_dataset_reading(ds), "images are made 7 x 5 RGB (the first is ") == NULL)
            fail_msg("%zu: %s", i, mw_dataset_reading(ds));
        mw_dataset_close(ds);
        for (size_t k = 0; k < 3; k++) {
            (void)snprintf(path, sizeof path, "%s/%s/a.png", folder, cases[i].names[k]);
            (void)unlink(path);
            *strrchr(path, '/') = '\0';
            (void)rmdir(path);
        }
        assert_int_equal(rmdir(folder), 0);
    }
    mw_ctx_destroy(ctx);
}

static void arrays_are_saved_and_loaded(void **state)
{
    static const int32_t dims[3] = {2, 1, 3};
    static const float data[6] = {1, 2, 3, 4, 5, 6};
    char path[] = "/tmp/milliwatt_array_XXXXXX";
    mw_ctx *const ctx = test_ctx();
    mw_array a;

    (void)state;
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    for (int32_t rank = 0; rank <= 3; rank++) {
        assert_ok(ctx, mw_array_save(ctx, path, MW_FLOAT32, rank, dims, data));
        assert_ok(ctx, mw_array_load(ctx, path, &a));
        assert_int_equal(a.rank, rank);
        assert_memory_equal(a.data, data, a.bytes);
        mw_array_free(&a);
    }
    (void)unlink(path);
    mw_ctx_destroy(ctx);
}

/* Arrays that nobody asks for are not looked at: names, objects, damage. */
static void npz_does_not_mind_arrays_that_are_not_asked_for(void **state)
{
    static const float x[4] = {1, 2, 3, 4};
    static const int64_t y[2] = {1, 0};
    static const char *const shape[] = {"(2, 2)", "(2,)", "(2,)"};
    static const char *const names[] = {"x.npy", "y.npy", "class_names.npy", "broken.npy"};
    static const char *const descr[] = {"<f4", "<i8", "<U1"};
    static const void *const data[] = {x, y, "a\0\0\0b\0\0"};
    static const size_t bytes[] = {sizeof x, sizeof y, 8};
    static uint8_t files[3][256];
    const mw_dataset_options o = {.inputs = &two_floats, .n_inputs = 1};
    const mw_dataset_options named = {.split = "broken"};
    char path[] = "/tmp/milliwatt_names_XXXXXX";
    mw_ctx *const ctx = test_ctx();
    mw_dataset *ds;
    float got[4];
    double labels[2];

    (void)state;
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    zip_t *const zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    assert_non_null(zip);
    for (size_t i = 0; i < MWI_COUNT(names); i++) {
        const size_t n =
            i < 3 ? make_npy(files[i], descr[i], shape[i], data[i], bytes[i]) : sizeof "no .npy";
        zip_source_t *const s =
            zip_source_buffer(zip, i < 3 ? (const void *)files[i] : "no .npy", n, 0);
        assert_true(s != NULL && zip_file_add(zip, names[i], s, 0) >= 0);
    }
    assert_int_equal(zip_close(zip), 0);
    assert_ok(ctx, mw_dataset_open(ctx, path, &o, &ds));
    assert_ok(ctx, mw_dataset_read(ctx, ds, 0, 0, 2, &two_floats, got, sizeof got));
    assert_memory_equal(got, x, sizeof x);
    assert_ok(ctx, mw_dataset_read_labels(ctx, ds, 0, 2, labels));
    assert_true(labels[0] == 1 && labels[1] == 0);
    mw_dataset_close(ds);
    assert_int_equal(mw_dataset_open(ctx, path, &named, &ds), MW_EINVAL);
    (void)unlink(path);
    mw_ctx_destroy(ctx);
}

/* libjpeg fills in what is missing; a sample must not be made up. */
static void a_damaged_jpeg_is_refused(void **state)
{
    static const unsigned percents[] = {99, 95, 90, 80, 50};
    const mwi_image_shape shape = {8, 8, 3};
    uint8_t pixels[8 * 8 * 3];
    char path[4096];
    mw_ctx *const ctx = test_ctx();
    mwi_mapping m;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/tests/fuzz/data_fuzz/jpeg_rgb", test_source_dir());
    assert_ok(ctx, mwi_file_map(ctx, path, &m));
    const uint8_t *const image = m.bytes + 2; /* the first two are the fuzzer's */
    const size_t n = m.len - 2;
    assert_ok(ctx, mwi_image_decode(ctx, "x.jpg", image, n, &shape, pixels));
    for (size_t i = 0; i < MWI_COUNT(percents); i++) {
        mw_ctx_clear(ctx);
        if (mwi_image_decode(ctx, "x.jpg", image, n * percents[i] / 100, &shape, pixels) !=
                MW_EFORMAT ||
            strstr(mw_ctx_error(ctx), "x.jpg: ") == NULL)
            fail_msg("%u %%: '%s'", percents[i], mw_ctx_error(ctx));
    }
    mwi_file_unmap(&m);
    mw_ctx_destroy(ctx);
}

static void arrays_are_written_in_pieces(void **state)
{
    static const int32_t dims[2] = {3, 2};
    static const float data[6] = {1, 2, 3, 4, 5, 6};
    char folder[] = "/tmp/milliwatt_array_XXXXXX", path[64];
    mw_ctx *const ctx = test_ctx();
    mw_array_writer *w;
    mw_array a;

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/a.npy", folder);
    assert_ok(ctx, mw_array_writer_open(ctx, path, MW_FLOAT32, 2, dims, &w));
    assert_ok(ctx, mw_array_writer_append(ctx, w, data, 8));
    assert_int_equal(mw_array_writer_append(ctx, w, data, 17), MW_EINVAL); /* beyond the shape */
    mw_ctx_clear(ctx);
    assert_ok(ctx, mw_array_writer_append(ctx, w, data + 2, 0));
    assert_ok(ctx, mw_array_writer_append(ctx, w, data + 2, 16));
    assert_int_not_equal(access(path, F_OK), 0); /* not before it is whole */
    assert_ok(ctx, mw_array_writer_commit(ctx, w));
    assert_ok(ctx, mw_array_load(ctx, path, &a));
    assert_int_equal(a.bytes, sizeof data);
    assert_memory_equal(a.data, data, a.bytes);
    mw_array_free(&a);
    (void)unlink(path);
    assert_ok(ctx, mw_array_writer_open(ctx, path, MW_FLOAT32, 2, dims, &w));
    assert_int_equal(mw_array_writer_commit(ctx, w), MW_EINVAL); /* too few */
    mw_ctx_clear(ctx);
    assert_ok(ctx, mw_array_writer_open(ctx, path, MW_FLOAT32, 2, dims, &w));
    mw_array_writer_discard(w);
    assert_int_equal(mw_array_writer_open(ctx, path, MW_FLOAT32, 2, (int32_t[]){-1, 2}, &w),
                     MW_EINVAL);
    assert_int_equal(rmdir(folder), 0); /* nothing is left */
    mw_ctx_destroy(ctx);
}

static void half_round_trips(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x10000; h++) {
        const float f = mwi_half_to_float((uint16_t)h);
        if (isnan(f)) continue;
        assert_int_equal(mwi_float_to_half(f), h);
    }
    assert_int_equal(mwi_float_to_half(65520.0f), 0x7c00); /* ties to infinity */
    assert_int_equal(mwi_float_to_half(0x1p-25f), 0);
    assert_int_equal(mwi_float_to_half(0x1.8p-25f), 1);
}

static void npz_of_digits_reads_whole_and_backwards(void **state)
{
    char path[4096];
    mw_ctx *ctx;
    mw_dataset *ds;
    static uint8_t all[497 * 64];
    uint8_t one[64];
    double label;
    bool integer;

    (void)state;
    if (test_shared_dir() == NULL) test_skip_part("the shared material is not here");
    (void)snprintf(path, sizeof path, "%s/data/digits/digits.npz", test_shared_dir());
    ctx = test_ctx();
    const mw_tensor_info as = {.name = "x",
                               .dtype = MW_UINT8,
                               .rank = 4,
                               .dims = {1, 8, 8, 1},
                               .signature = {-1, 8, 8, 1}};
    const mw_dataset_options o = {.role = MW_DATA_TEST, .inputs = &as, .n_inputs = 1};
    assert_ok(ctx, mw_dataset_open(ctx, path, &o, &ds));
    assert_int_equal(mw_dataset_n_samples(ds), 497);
    assert_int_equal(mw_dataset_label_size(ds, &integer), 1);
    assert_true(integer);
    assert_ok(ctx, mw_dataset_read(ctx, ds, 0, 0, 497, &as, all, sizeof all));
    for (uint64_t i = 497; i-- > 490;) {
        assert_ok(ctx, mw_dataset_read(ctx, ds, 0, i, 1, &as, one, sizeof one));
        assert_memory_equal(one, all + i * 64, 64);
        assert_ok(ctx, mw_dataset_read_labels(ctx, ds, i, 1, &label));
        assert_true(label >= 0 && label <= 9);
    }
    mw_dataset_close(ds);
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_reads_rows_and_labels),
        cmocka_unit_test(csv_labels_keep_all_their_digits),
        cmocka_unit_test(csv_does_not_know_the_locale),
        cmocka_unit_test(csv_goes_back_and_forth_over_many_rows),
        cmocka_unit_test(unfit_data_says_what_and_where),
        cmocka_unit_test(values_are_converted_to_the_input),
        cmocka_unit_test(npy_refuses_what_it_cannot_read),
        cmocka_unit_test(big_endian_arrays_are_read),
        cmocka_unit_test(classes_are_numbered_by_their_folders),
        cmocka_unit_test(arrays_are_saved_and_loaded),
        cmocka_unit_test(npz_does_not_mind_arrays_that_are_not_asked_for),
        cmocka_unit_test(arrays_are_written_in_pieces),
        cmocka_unit_test(a_damaged_jpeg_is_refused),
        cmocka_unit_test(half_round_trips),
        cmocka_unit_test(npz_of_digits_reads_whole_and_backwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
