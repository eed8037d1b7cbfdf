/* tests/keras_gradient_test.c - what Keras layers become can be trained: gradients of whole Keras
 * models by all their weights and inputs, against differences in double precision.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conformance.h"
#include "gradient_check.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

enum { DIRECTIONS = 3 };

/* The first form of a model that is read; all forms hold the same. */
static bool check_model(const char *folder, const char *name)
{
    const mw_load_options whole = {.max_written_out_steps = MW_ALL_STEPS}; /* loops have none */
    static const char *const files[] = {"keras3_h5/model.h5", "legacy_h5/model.h5",
                                        "keras3_zip/model.keras", "legacy_zip/model.keras"};
    char path[8192];
    bool read = false;

    for (size_t i = 0; i < MWI_COUNT(files) && !read; i++) {
        mw_ctx *const ctx = test_ctx();
        mw_model *model = NULL;
        (void)snprintf(path, sizeof path, "%s/%s/%s", folder, name, files[i]);
        read = mw_model_load(ctx, path, &whole, &model) == MW_OK;
        if (read) gradient_check_model(ctx, model, name, DIRECTIONS);
        mw_model_destroy(model);
        mw_ctx_destroy(ctx);
    }
    return read;
}

/* All models of a folder, `least` at least. What keeps its state in variables is not trained. */
static void check_folder(const char *folder, size_t least)
{
    size_t n, checked = 0;
    char **const models = list_folders(folder, &n);

    for (size_t i = 0; i < n; i++)
        if (strstr(models[i], "stateful") == NULL) checked += check_model(folder, models[i]);
    print_message("%zu of %zu models\n", checked, n);
    free_list(models, n);
    assert_true(checked >= least);
}

static void shared_models(void **state)
{
    char path[4096];

    (void)state;
    if (test_shared_dir() == NULL) test_skip_part("the shared material is not here");
    (void)snprintf(path, sizeof path, "%s/corpus/keras", test_shared_dir());
    check_folder(path, 80);
}

static void own_models(void **state)
{
    char path[4096];

    (void)state;
    (void)snprintf(path, sizeof path, "%s/tests/data/keras", test_source_dir());
    check_folder(path, 39);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(own_models),
                                       cmocka_unit_test(shared_models)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
