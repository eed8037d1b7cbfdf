/* train/checkpoint_test.c - checkpoints that are damaged, of another run, or cannot be written.
 * SPDX-License-Identifier: Apache-2.0 */
#include "training_set.h"

#include "base/file.h"
#include "base/hash.h"

static const mw_train_options base = {
    .epochs = 2, .batch = 8, .seed = 3, .keep_best = true, .validation_split = 0.2};

typedef struct fixture {
    mw_ctx *ctx;
    mw_model *model;
    testing_set set;
    char path[64];
    uint8_t *bytes; /* of a checkpoint of `base` */
    size_t n;
} fixture;

static mw_status train(fixture *f, const mw_train_options *o)
{
    mw_model *trained;
    const mw_status st = mw_train(f->ctx, f->model, f->set.data, NULL, o, &trained, NULL);

    mw_model_destroy(trained);
    return st;
}

static void write_file(const fixture *f, const uint8_t *bytes, size_t n)
{
    FILE *const file = fopen(f->path, "wb");

    assert_non_null(file);
    assert_true(n == 0 || fwrite(bytes, n, 1, file) == 1);
    assert_int_equal(fclose(file), 0);
}

static void open_fixture(fixture *f)
{
    mw_train_options o = base;
    mwi_mapping mapping;

    f->ctx = test_ctx();
    f->model = testing_model(f->ctx);
    testing_open(f->ctx, &f->set, f->model, NULL);
    testing_path(f->path, sizeof f->path, "checkpoint");
    (void)unlink(f->path);
    o.checkpoint = f->path;
    assert_ok(f->ctx, train(f, &o));
    assert_ok(f->ctx, mwi_file_map(f->ctx, f->path, &mapping));
    f->n = mapping.len;
    f->bytes = malloc(f->n);
    assert_non_null(f->bytes);
    memcpy(f->bytes, mapping.bytes, f->n);
    mwi_file_unmap(&mapping);
}

static void close_fixture(fixture *f)
{
    free(f->bytes);
    (void)unlink(f->path);
    testing_close(&f->set);
    mw_model_destroy(f->model);
    mw_ctx_destroy(f->ctx);
}

/* What an enemy writes has the right checksum. */
static void seal(uint8_t *bytes, size_t n)
{
    if (n < 8) return;
    const uint64_t hash = mwi_hash(MWI_HASH_START, bytes, n - 8);
    memcpy(bytes + n - 8, &hash, sizeof hash);
}

static void damage_is_seen(void **state)
{
    mw_train_options o = base;
    fixture f;
    mwi_rng rng = {11};

    (void)state;
    open_fixture(&f);
    o.checkpoint = f.path;
    o.resume = true;
    assert_ok(f.ctx, train(&f, &o));
    uint8_t *const bytes = malloc(f.n);
    assert_non_null(bytes);
    for (int i = 0; i < 60; i++) {
        const size_t n = i % 3 == 0 ? (size_t)mwi_rng_below(&rng, f.n) : f.n;
        memcpy(bytes, f.bytes, f.n);
        if (n == f.n) bytes[mwi_rng_below(&rng, n)] ^= (uint8_t)(1 + mwi_rng_below(&rng, 255));
        write_file(&f, bytes, n);
        assert_int_equal(train(&f, &o), MW_EFORMAT);
        assert_non_null(strstr(mw_ctx_error(f.ctx), f.path));
    }
    free(bytes);
    close_fixture(&f);
}

/* Either it is refused, or the run ends as any other. */
static void hostile_bytes_do_no_harm(void **state)
{
    mw_train_options o = base;
    fixture f;
    mwi_rng rng = {12};
    int refused = 0;

    (void)state;
    open_fixture(&f);
    o.checkpoint = f.path;
    o.resume = true;
    uint8_t *const bytes = malloc(f.n);
    assert_non_null(bytes);
    for (int i = 0; i < 400; i++) {
        size_t n = f.n, at = (size_t)mwi_rng_below(&rng, f.n - 16);
        memcpy(bytes, f.bytes, n);
        if (i % 4 == 0) n = 8 + (size_t)mwi_rng_below(&rng, n - 8);
        if (i % 4 == 1) memset(bytes + at, 0xff, 8);
        if (i % 4 == 2) memset(bytes + at, 0, 8);
        if (i % 4 == 3) bytes[at] ^= (uint8_t)(1u << mwi_rng_below(&rng, 8));
        seal(bytes, n);
        write_file(&f, bytes, n);
        const mw_status st = train(&f, &o);
        if (st != MW_OK) {
            refused++;
            assert_true(st == MW_EFORMAT || st == MW_EINVAL);
            assert_true(strlen(mw_ctx_error(f.ctx)) > 20);
        }
    }
    assert_true(refused > 100);
    free(bytes);
    close_fixture(&f);
}

static void another_run_is_refused(void **state)
{
    static const struct {
        const char *says;
        mw_train_options o;
    } cases[] = {
        {"'epochs 2', this run 'epochs 3'", {.epochs = 3, .batch = 8, .seed = 3}},
        {"'seed 3', this run 'seed 4'", {.epochs = 2, .batch = 8, .seed = 4}},
        {"'optimizer adam'", {.epochs = 2, .batch = 8, .optimizer = MW_OPTIMIZER_SGD, .seed = 3}},
        {"'l2 0', this run 'l2 0.5'", {.epochs = 2, .batch = 8, .seed = 3, .l2 = 0.5}},
        {"'keep_best 1'", {.epochs = 2, .batch = 8, .seed = 3}},
    };
    fixture f;

    (void)state;
    open_fixture(&f);
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        mw_train_options o = cases[i].o;
        o.checkpoint = f.path;
        o.resume = true;
        o.validation_split = 0.2;
        assert_int_equal(train(&f, &o), MW_EINVAL);
        if (strstr(mw_ctx_error(f.ctx), cases[i].says) == NULL)
            fail_msg("case %zu: %s", i, mw_ctx_error(f.ctx));
    }
    close_fixture(&f);
}

/* A folder that is not there stands for a disk that is full: the earlier file is as it was. */
static void a_failed_write_is_a_failure(void **state)
{
    mw_train_options o = base;
    fixture f;

    (void)state;
    open_fixture(&f);
    o.checkpoint = "/tmp/milliwatt_no_such_folder/x";
    assert_int_equal(train(&f, &o), MW_EIO);
    assert_non_null(strstr(mw_ctx_error(f.ctx), "checkpoint: "));
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damage_is_seen),
        cmocka_unit_test(hostile_bytes_do_no_harm),
        cmocka_unit_test(another_run_is_refused),
        cmocka_unit_test(a_failed_write_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
