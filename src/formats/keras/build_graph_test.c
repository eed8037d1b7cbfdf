/* formats/keras/build_graph_test.c - graphs from configs without weights: what is counted, and what
 * a refusal names.   SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "formats/keras/build.h"
#include "support.h"

#include <string.h>

static mw_status load(mw_ctx *ctx, const char *json, size_t *n_ops)
{
    mw_load_options options = {0};
    mw_model *m;

    assert_ok(ctx, mwi_model_create(ctx, "test", &m));
    const mw_status st = mwi_keras_load_config(ctx, json, strlen(json), NULL, &options, m);
    if (st == MW_OK && n_ops != NULL) *n_ops = m->graphs[0]->n_ops;
    mw_model_destroy(m);
    return st;
}

#define INPUT "{\"class_name\": \"InputLayer\", \"config\": {\"batch_shape\": [null, 3, 4]}}"

/* Each call counts once: the limit of 100,000 is for calls, not for halves of them. */
static void a_call_counts_once(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mwi_text text;
    size_t n_ops = 0;

    (void)state;
    mwi_text_init(ctx, &text, 1 << 24);
    assert_ok(ctx, mwi_text_printf(ctx, &text,
                                   "{\"class_name\": \"Sequential\", \"config\": {\"layers\": [%s",
                                   INPUT));
    for (int i = 0; i < 60000; i++)
        assert_ok(ctx, mwi_text_printf(ctx, &text,
                                       ", {\"class_name\": \"ReLU\", \"config\": {\"name\": "
                                       "\"r%d\"}}",
                                       i));
    assert_ok(ctx, mwi_text_printf(ctx, &text, "]}}"));
    assert_ok(ctx, load(ctx, mwi_text_chars(&text), &n_ops));
    assert_int_equal(n_ops, 60000);
    mwi_text_deinit(&text);
    mw_ctx_destroy(ctx);
}

/* A wrapper is not blamed for what it holds, whatever the record held before. */
static void a_wrapper_is_not_blamed(void **state)
{
    static const char json[] =
        "{\"class_name\": \"Sequential\", \"config\": {\"layers\": [" INPUT ","
        "{\"class_name\": \"TimeDistributed\", \"config\": {\"name\": \"td\", \"layer\": "
        "{\"class_name\": \"Lambda\", \"config\": {\"name\": \"inside\"}}}},"
        "{\"class_name\": \"Mine>Odd\", \"config\": {\"name\": \"odd\"}}]}}";
    mw_ctx *const ctx = test_ctx();

    (void)state;
    assert_int_equal(mwi_fail(ctx, MW_EIO, "something else"), MW_EIO);
    mw_ctx_clear(ctx);
    assert_int_equal(load(ctx, json, NULL), MW_EUNSUPPORTED);
    assert_non_null(strstr(mw_ctx_error(ctx), "2 layers are not supported"));
    assert_non_null(strstr(mw_ctx_error(ctx), "inside' (Lambda)"));
    assert_non_null(strstr(mw_ctx_error(ctx), "'odd' (Mine>Odd)"));
    assert_null(strstr(mw_ctx_error(ctx), "(TimeDistributed)"));
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_call_counts_once),
                                       cmocka_unit_test(a_wrapper_is_not_blamed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
