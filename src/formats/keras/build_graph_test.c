/* formats/keras/build_graph_test.c - graphs from configs without weights: what is counted, and what
 * a refusal names.   SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "formats/keras/build.h"
#include "support.h"

#include <stdio.h>
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

/* ---- constants among a call's arguments ---- */

/* A Functional model of one input (None, 3, 4) and one layer. */
static mw_model *load_one(mw_ctx *ctx, const char *layer, const char *node, mw_status *st)
{
    mw_load_options options = {0};
    char json[2048];
    mw_model *m;

    (void)snprintf(
        json, sizeof json,
        "{\"class_name\": \"Functional\", \"config\": {\"name\": \"f\", \"layers\": ["
        "{\"class_name\": \"InputLayer\", \"name\": \"i\", \"config\": {\"batch_shape\": "
        "[null, 3, 4], \"name\": \"i\"}, \"inbound_nodes\": []},"
        "{%s, \"name\": \"o\", \"inbound_nodes\": [%s]}],"
        "\"input_layers\": [[\"i\", 0, 0]], \"output_layers\": [[\"o\", 0, 0]]}}",
        layer, node);
    assert_ok(ctx, mwi_model_create(ctx, "test", &m));
    *st = mwi_keras_load_config(ctx, json, strlen(json), NULL, &options, m);
    return m;
}

/* What loading says: "ADD i 1.5" for one operator of the input and a constant (its first value), or
 * the error. */
static const char *outcome(mw_ctx *ctx, const char *layer, const char *node)
{
    static char text[600];
    mw_status st;
    mw_model *const m = load_one(ctx, layer, node, &st);
    size_t n;

    if (st != MW_OK) {
        (void)snprintf(text, sizeof text, "%s", mw_ctx_error(ctx));
        mw_ctx_clear(ctx);
    } else {
        const mwi_op *const op = m->graphs[0]->ops[0];
        n = (size_t)snprintf(text, sizeof text, "%s", op->desc->name);
        for (size_t i = 0; i < op->n_in; i++) {
            const mwi_tensor *const t = m->graphs[0]->tensors[op->in[i]];
            if (t->data == NULL)
                n += (size_t)snprintf(text + n, sizeof text - n, " %s", t->name);
            else if (t->dtype == MW_FLOAT32)
                n += (size_t)snprintf(text + n, sizeof text - n, " %g",
                                      (double)*(const float *)t->data);
            else
                n += (size_t)snprintf(text + n, sizeof text - n, " %d", *(const int32_t *)t->data);
        }
    }
    mw_model_destroy(m);
    return text;
}

#define LAYER(name, more) "\"class_name\": \"" name "\", \"config\": {\"name\": \"o\"" more "}"
#define T                 "{\"class_name\": \"__keras_tensor__\", \"config\": {\"keras_history\": [\"i\", 0, 0]}}"
/* What layers have in their config and functions do not. */
#define TRAINS             ", \"trainable\": true"
#define NODE(args, kwargs) "{\"args\": [" args "], \"kwargs\": {" kwargs "}}"
#define NUMPY(value)       "{\"class_name\": \"__numpy__\", \"config\": {\"value\": " value "}}"

/* Functions of keras.ops in a .h5 bear names of layers; their constants stand in the node. */
static void constants_of_a_call_count(void **state)
{
    mw_ctx *const ctx = test_ctx();

    (void)state;
    assert_string_equal(outcome(ctx, LAYER("Add", ""), NODE(T ", 1.5", "")), "ADD i 1.5");
    assert_string_equal(outcome(ctx, LAYER("Subtract", ""), NODE("2, " T, "")), "SUB 2 i");
    assert_string_equal(outcome(ctx, LAYER("Maximum", ""), NODE(T ", " NUMPY("[7, 8, 9, 0]"), "")),
                        "MAXIMUM i 7");
    assert_string_equal(outcome(ctx, LAYER("Multiply", ""), NODE("", "\"x1\": " T ", \"x2\": 3")),
                        "MUL i 3");
    assert_string_equal(outcome(ctx, LAYER("TrueDivide", ""), NODE(T ", 2.0", "")), "DIV i 2");
    assert_string_equal(outcome(ctx, LAYER("Average", ", \"axis\": -1"), NODE(T, "")), "MEAN i 2");
    assert_string_equal(
        outcome(ctx, LAYER("Add", ""),
                "[[\"i\", 0, 0, {}], [\"_CONSTANT_VALUE\", -1, [[[5, 6, 7, 8]]], {}]]"),
        "ADD i 5");
    mw_ctx_destroy(ctx);
}

static void constants_that_do_not_fit_are_refused(void **state)
{
    static const struct {
        const char *layer, *node, *says;
    } cases[] = {
        {LAYER("Add", ""), NODE(T, ""), "1 inputs"},
        {LAYER("Add", ""), NODE(T ", [[[1]], [[2]]]", ""), "from sample to sample"},
        {LAYER("Add", ""), NODE(T ", [[1, 2], [3]]", ""), "differ in size"},
        {LAYER("Add", ""), NODE(T ", []", ""), "no entries"},
        {LAYER("Add", ""), NODE(T ", \"x\"", ""), "no number"},
        {LAYER("Average", ""), NODE(T, ""), "whole batch"},
        {LAYER("Average", ", \"axis\": 1"), NODE(T, "\"weights\": [1, 2, 3]"), "weights"},
        {LAYER("Softmax", TRAINS), NODE(T ", " NUMPY("[1]"), ""), "constant, [1]"},
        {LAYER("Softmax", TRAINS), NODE(T, "\"mask\": " NUMPY("[1]")), "constant, [1]"},
        {LAYER("Concatenate", TRAINS), NODE("[" T ", " NUMPY("[1]") "]", ""), "constant, [1]"},
        {LAYER("Dot", TRAINS ", \"axes\": 1"), NODE("[" T ", 3]", ""), "constant, 3"},
        {LAYER("Concatenate", TRAINS), "[[\"i\", 0, 0, {}], [\"_CONSTANT_VALUE\", -1, [[1]], {}]]",
         "constant, [[1]]"},
        {LAYER("Dropout", TRAINS), "[[\"i\", 0, 0, {\"training\": true}]]", "training=True"},
    };
    mw_ctx *const ctx = test_ctx();

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        const char *const said = outcome(ctx, cases[i].layer, cases[i].node);
        if (strstr(said, cases[i].says) == NULL)
            fail_msg("case %zu: '%s' does not hold '%s'", i, said, cases[i].says);
    }
    mw_ctx_destroy(ctx);
}

/* A comparison's result is a bool, whatever it compares. */
static void comparisons_give_bools(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_status st;
    mw_model *const m = load_one(
        ctx, LAYER("ReLU", ", \"threshold\": 0.5, \"negative_slope\": 0.1"), NODE(T, ""), &st);

    (void)state;
    assert_ok(ctx, st);
    const mwi_graph *const g = m->graphs[0];
    for (size_t i = 0; i < g->n_ops; i++) {
        const bool compares = strcmp(g->ops[i]->desc->name, "GREATER") == 0;
        assert_int_equal(g->tensors[g->ops[i]->out[0]]->dtype, compares ? MW_BOOL : MW_FLOAT32);
    }
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

/* The message shows a shape of this rank that fits. */
static void open_dimensions_are_shown_with_an_example(void **state)
{
    static const char json[] =
        "{\"class_name\": \"Sequential\", \"config\": {\"layers\": [{\"class_name\": "
        "\"InputLayer\", \"config\": {\"batch_shape\": [null, null, 5], \"name\": \"i\"}}, "
        "{\"class_name\": \"ReLU\", \"config\": {}}]}}";
    mw_ctx *const ctx = test_ctx();

    (void)state;
    assert_int_equal(load(ctx, json, NULL), MW_EINVAL);
    assert_non_null(
        strstr(mw_ctx_error(ctx), "[?,?,5]: load it with its shape (input_shapes), e.g. 1,32,5"));
    assert_null(strstr(mw_ctx_error(ctx), "mw_load_options"));
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_call_counts_once),
                                       cmocka_unit_test(a_wrapper_is_not_blamed),
                                       cmocka_unit_test(constants_of_a_call_count),
                                       cmocka_unit_test(constants_that_do_not_fit_are_refused),
                                       cmocka_unit_test(comparisons_give_bools),
                                       cmocka_unit_test(open_dimensions_are_shown_with_an_example)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
