/* formats/keras/unwrap_test.c - configs without training tools' wrappers, and files that are
 * written after they were taken off.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/unwrap.h"
#include "formats/keras/origin.h"
#include "model/graph.h"
#include "support.h"

#include <string.h>
#include <unistd.h>

#include <milliwatt/milliwatt.h>

/* JSON with ' for ". */
static json_t *parse(const char *text)
{
    char copy[2000];

    (void)snprintf(copy, sizeof copy, "%s", text);
    for (char *p = copy; *p != '\0'; p++)
        if (*p == '\'') *p = '"';
    json_t *const v = json_loads(copy, 0, NULL);
    assert_non_null(v);
    return v;
}

#define WRAP(class, name, inner, rest)                                                             \
    "{'class_name': '" class "', 'config': {'name': '" name "', 'layer': " inner "}" rest "}"
#define DENSE(name, rest) "{'class_name': 'Dense', 'config': {'name': '" name "'}" rest "}"

static const struct {
    const char *what, *before, *after;
} cases[] = {
    {"nothing to take off", "{'config': {'layers': [" DENSE("a", "") "]}}",
     "{'config': {'layers': [" DENSE("a", "") "]}}"},
    {"a wrapper in a list",
     "{'config': {'layers': [" WRAP("PruneLowMagnitude", "p_a", DENSE("a", ""), "") "]}}",
     "{'config': {'layers': [" DENSE("a", "") "]}}"},
    {"a registered name",
     "{'config': {'layers': [" WRAP("Tool>ClusterWeights", "p_a", DENSE("a", ""), "") "]}}",
     "{'config': {'layers': [" DENSE("a", "") "]}}"},
    {"one wrapper in another, references of both kinds",
     "{'config': {'layers': [" WRAP(
         "ClusterWeights", "c", WRAP("PruneLowMagnitude", "p", DENSE("a", ""), ""),
         ", 'name': 'c', 'inbound_nodes': [[['in', 0, 0, {}]]]") ","
                                                                 "{'class_name': 'Add', 'config': "
                                                                 "{'name': 'add'}, "
                                                                 "'inbound_nodes': "
                                                                 "[[['c', 0, 0, {}], ['c', 0, 0, "
                                                                 "{}]], {'args': [{'config': "
                                                                 "{'keras_history': ['c', 0, "
                                                                 "0]}}]}]}"
                                                                 "], 'output_layers': [['c', 0, "
                                                                 "0]], 'input_layers': [['in', 0, "
                                                                 "0]]}}",
     "{'config': {'layers': [" DENSE(
         "a",
         ", 'name': 'a', 'inbound_nodes': [[['in', 0, 0, {}]]]") ","
                                                                 "{'class_name': 'Add', 'config': "
                                                                 "{'name': 'add'}, "
                                                                 "'inbound_nodes': "
                                                                 "[[['a', 0, 0, {}], ['a', 0, 0, "
                                                                 "{}]], {'args': [{'config': "
                                                                 "{'keras_history': ['a', 0, "
                                                                 "0]}}]}]}"
                                                                 "], 'output_layers': [['a', 0, "
                                                                 "0]], 'input_layers': [['in', 0, "
                                                                 "0]]}}"},
    {"fake quantizers",
     "{'config': {'layers': [{'class_name': 'QuantizeLayer', 'config': {'name': 'q', 'quantizer': "
     "{'class_name': 'AllValuesQuantizer'}}}," WRAP(
         "QuantizeWrapperV2", "quant_a",
         "{'class_name': 'Dense', 'config': {'name': 'a', 'activation': {'class_name': "
         "'QuantizeAwareActivation', 'config': {'activation': {'class_name': 'NoOpActivation', "
         "'config': {}}}}}}",
         "") "]}}",
     "{'config': {'layers': [{'class_name': 'Activation', 'config': {'name': 'q', 'activation': "
     "'linear'}}, {'class_name': 'Dense', 'config': {'name': 'a', 'activation': 'linear'}}]}}"},
    {"a frozen wrapper",
     "{'config': {'layers': [{'class_name': 'PruneLowMagnitude', 'config': "
     "{'name': 'p', 'trainable': false, 'batch_input_shape': [null, 2], 'layer': " DENSE(
         "a", "") "}}]}}",
     "{'config': {'layers': [{'class_name': 'Dense', 'config': {'name': 'a', 'trainable': false, "
     "'batch_input_shape': [null, 2]}}]}}"},
};

static void configs(void **state)
{
    mw_ctx *const ctx = test_ctx();

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        json_t *const document = parse(cases[i].before), *const wanted = parse(cases[i].after);
        bool any;
        assert_ok(ctx, mwi_keras_unwrap(ctx, document, &any));
        mwi_keras_remove_marks(document);
        if (!json_equal(document, wanted))
            fail_msg("%s: %s", cases[i].what, json_dumps(document, JSON_COMPACT));
        assert_int_equal(any, i != 0);
        json_decref(document);
        json_decref(wanted);
    }
    mw_ctx_destroy(ctx);
}

/* Hostile shapes of what a wrapper holds. */
static void odd_configs(void **state)
{
    static const char *const odd[] = {
        "{'class_name': 'ClusterWeights'}",
        "[{'class_name': 'ClusterWeights', 'config': {'layer': 3}}]",
        "[{'class_name': 'ClusterWeights', 'config': {'layer': {}}}]",
        "[{'class_name': 'ClusterWeights', 'config': {'name': [], 'layer': {'config': []}}}]",
        "{'layers': {'a': 1}, 'x': [{'class_name': 'QuantizeLayer', 'config': 5}]}",
        "[{'class_name': 'NoOpActivation'}, {'class_name': 'QuantizeAwareActivation'}]",
        "{'layers': [{'class_name': 'ClusterWeights', 'config': {'layer': {'name': 7}}}]}",
        "{'layers': [3], 'output_layers': 'p', 'input_layers': {}}",
    };
    mw_ctx *const ctx = test_ctx();

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(odd); i++) {
        json_t *const document = parse(odd[i]);
        bool any;
        assert_ok(ctx, mwi_keras_unwrap(ctx, document, &any));
        mwi_keras_remove_marks(document);
        json_decref(document);
    }
    mw_ctx_destroy(ctx);
}

/* What is written has the layers' own names and weights, and reads back as the same model. */
static void rewritten(void **state)
{
    static const char *const names[] = {"tfmot_prune", "tfmot_cluster", "tfmot_cluster_rnn",
                                        "tfmot_qat"};
    mw_ctx *const ctx = test_ctx();
    char path[4096], out[] = "/tmp/milliwatt-unwrap-XXXXXX.h5";

    (void)state;
    const int fd = mkstemps(out, 3);
    assert_true(fd >= 0);
    (void)close(fd);
    for (size_t i = 0; i < MWI_COUNT(names); i++) {
        mw_model *a, *b;
        (void)snprintf(path, sizeof path, "%s/tests/data/keras/%s/legacy_h5/model.h5",
                       test_source_dir(), names[i]);
        assert_ok(ctx, mw_model_load(ctx, path, NULL, &a));
        assert_ok(ctx, mw_model_save(ctx, a, out));
        assert_ok(ctx, mw_model_load(ctx, out, NULL, &b));
        const mwi_keras_origin *const o = b->origin;
        assert_null(strstr(o->config_json, "PruneLowMagnitude"));
        assert_null(strstr(o->config_json, "ClusterWeights"));
        assert_null(strstr(o->config_json, "Quantize"));
        assert_null(strstr(o->config_json, MWI_KERAS_WRAPPER_NAME));
        assert_false(o->unwrapped);
        const mwi_graph *const g = a->graphs[0], *const h = b->graphs[0];
        assert_int_equal(g->n_tensors, h->n_tensors);
        for (size_t t = 0; t < g->n_tensors; t++) {
            assert_string_equal(g->tensors[t]->name, h->tensors[t]->name);
            assert_int_equal(g->tensors[t]->bytes, h->tensors[t]->bytes);
            if (g->tensors[t]->data != NULL)
                assert_memory_equal(g->tensors[t]->data, h->tensors[t]->data, g->tensors[t]->bytes);
        }
        mw_model_destroy(a);
        mw_model_destroy(b);
    }
    (void)unlink(out);
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configs),
        cmocka_unit_test(odd_configs),
        cmocka_unit_test(rewritten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
