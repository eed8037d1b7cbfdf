/* formats/keras/unwrap.c - wrappers of tensorflow-model-optimization: PruneLowMagnitude,
 * ClusterWeights, QuantizeWrapper, and the objects that its quantization puts into a config.
 * Depends: formats/keras/unwrap.  Used by: formats/keras/keras.c.
 * Trust:   the document is hostile; json_parse has bounded its depth, which bounds the recursion.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/unwrap.h"

#include <string.h>

static const char *string_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* "TensorFlowModelOptimization>PruneLowMagnitude" is PruneLowMagnitude. */
static bool is_class(const json_t *object, const char *const *names, size_t n)
{
    const char *name = string_at(object, "class_name");
    const char *const last = name == NULL ? NULL : strrchr(name, '>');

    if (last != NULL) name = last + 1;
    for (size_t i = 0; name != NULL && i < n; i++)
        if (strcmp(name, names[i]) == 0) return true;
    return false;
}

static const json_t *inside(const json_t *object, const char *key)
{
    return json_object_get(json_object_get(object, "config"), key);
}

static bool is_wrapper(const json_t *object)
{
    static const char *const names[] = {"PruneLowMagnitude", "QuantizeWrapper",
                                        "QuantizeWrapperV2", "QuantizeAnnotate",
                                        "ClusterWeights",    "ClusterWeightsRNN"};

    return is_class(object, names, MWI_COUNT(names)) && json_is_object(inside(object, "layer"));
}

/* Keys of the wrapper that hold for the layer inside. */
static int move_keys(const json_t *wrapper, json_t *layer)
{
    json_t *const config = json_object_get(layer, "config"), *const outer =
                                                                 json_object_get(wrapper, "config");
    json_t *const nodes = json_object_get(wrapper, "inbound_nodes"), *const shape = json_object_get(
                                                                         outer,
                                                                         "batch_input_shape");
    const char *const name = string_at(config, "name");
    int bad = 0;

    if (nodes != NULL) bad |= json_object_set(layer, "inbound_nodes", nodes);
    if (name != NULL && json_object_get(wrapper, "name") != NULL)
        bad |= json_object_set_new(layer, "name", json_string(name));
    if (!json_is_object(config)) return bad;
    if (json_is_false(json_object_get(outer, "trainable")))
        bad |= json_object_set_new(config, "trainable", json_false());
    if (shape != NULL && json_object_get(config, "batch_input_shape") == NULL)
        bad |= json_object_set(config, "batch_input_shape", shape);
    return bad;
}

/* The outermost wrapper's name: the weights lie under it. */
static int mark(const json_t *wrapper, json_t *layer)
{
    json_t *name = json_object_get(wrapper, MWI_KERAS_WRAPPER_NAME);

    if (name == NULL) name = json_object_get(wrapper, "name");
    if (name == NULL) name = json_object_get(json_object_get(wrapper, "config"), "name");
    return name == NULL ? 0 : json_object_set(layer, MWI_KERAS_WRAPPER_NAME, name);
}

/* What stands in the place of the value; borrowed, the value itself where nothing changes. */
static json_t *replacement(json_t *value, int *bad)
{
    static const char *const activation[] = {"QuantizeAwareActivation"}, *const nothing[] = {
                                                                             "NoOpActivation"};

    while (is_wrapper(value)) {
        json_t *const layer = json_object_get(json_object_get(value, "config"), "layer");
        *bad |= move_keys(value, layer) | mark(value, layer);
        value = layer;
    }
    while (is_class(value, activation, 1) && inside(value, "activation") != NULL)
        value = json_object_get(json_object_get(value, "config"), "activation");
    if (is_class(value, nothing, 1)) {
        json_t *const linear = json_string("linear"); /* lives in the object that goes */
        *bad |= json_object_set_new(value, "config", linear);
        value = linear;
    }
    return value;
}

/* Quantizes the model's input while it is trained. */
static int make_plain(json_t *layer, bool *any)
{
    static const char *const names[] = {"QuantizeLayer"};
    json_t *const config = json_object_get(layer, "config");

    if (!is_class(layer, names, 1) || !json_is_object(config)) return 0;
    *any = true;
    (void)json_object_del(config, "quantizer");
    (void)json_object_del(layer, "registered_name");
    (void)json_object_del(layer, "module");
    return json_object_set_new(config, "activation", json_string("linear")) |
           json_object_set_new(layer, "class_name", json_string("Activation"));
}

/* ---- references to a wrapper ---- */

/* In lists such as ["prune_dense", 0, 0] at any depth. */
static int rename_refs(json_t *refs, const json_t *new_names)
{
    json_t *value;
    const char *key;
    size_t i;
    int bad = 0;

    if (json_is_object(refs))
        json_object_foreach(refs, key, value) bad |= rename_refs(value, new_names);
    json_array_foreach(refs, i, value)
    {
        const char *const name = i == 0 ? json_string_value(value) : NULL;
        json_t *const now = name == NULL ? NULL : json_object_get(new_names, name);
        bad |= now == NULL ? rename_refs(value, new_names) : json_array_set(refs, i, now);
    }
    return bad;
}

/* In a model's config: the layers' new names wherever the old ones stand. */
static int rename_layers(json_t *config)
{
    json_t *const layers = json_object_get(config, "layers"), *const names = json_object(), *layer;
    size_t i;
    int bad = names == NULL ? -1 : 0;

    json_array_foreach(layers, i, layer)
    {
        const char *const old = string_at(layer, MWI_KERAS_WRAPPER_NAME);
        json_t *const now = json_object_get(json_object_get(layer, "config"), "name");
        if (old != NULL && json_is_string(now)) bad |= json_object_set(names, old, now);
    }
    if (names != NULL && json_object_size(names) > 0) {
        json_array_foreach(layers, i, layer) bad |=
            rename_refs(json_object_get(layer, "inbound_nodes"), names);
        bad |= rename_refs(json_object_get(config, "input_layers"), names);
        bad |= rename_refs(json_object_get(config, "output_layers"), names);
    }
    json_decref(names);
    return bad;
}

/* ---- the whole document ---- */

static int unwrap(json_t *at, bool *any)
{
    int bad = make_plain(at, any);
    json_t *value;
    size_t i;

    for (void *it = json_object_iter(at); it != NULL; it = json_object_iter_next(at, it)) {
        value = json_object_iter_value(it);
        json_t *const now = replacement(value, &bad);
        *any |= now != value;
        bad |= unwrap(now, any);
        if (now != value) bad |= json_object_iter_set(at, it, now);
    }
    json_array_foreach(at, i, value)
    {
        json_t *const now = replacement(value, &bad);
        *any |= now != value;
        bad |= unwrap(now, any);
        if (now != value) bad |= json_array_set(at, i, now);
    }
    return bad | rename_layers(at);
}

mw_status mwi_keras_unwrap(mw_ctx *ctx, json_t *document, bool *any)
{
    *any = false;
    if (unwrap(document, any) != 0) return mwi_fail(ctx, MW_ENOMEM, "out of memory");
    return MW_OK;
}

void mwi_keras_remove_marks(json_t *document)
{
    json_t *value;
    const char *key;
    size_t i;

    if (json_is_object(document)) {
        (void)json_object_del(document, MWI_KERAS_WRAPPER_NAME);
        json_object_foreach(document, key, value) mwi_keras_remove_marks(value);
    }
    json_array_foreach(document, i, value) mwi_keras_remove_marks(value);
}
