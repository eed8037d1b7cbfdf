/* formats/keras/config.c - from the JSON of a model to its tree of layers and the wiring of each
 * model in it. Keras 1 and 2 wire by lists [layer, node, tensor, kwargs], Keras 3 by objects that
 * hold __keras_tensor__.
 * Depends: formats/keras/config.  Used by: formats/keras/.
 * Trust:   the document is hostile: any value may have any type.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/config.h"
#include "formats/keras/unwrap.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct parser {
    mw_ctx *ctx;
    mwi_arena *arena;
    int32_t keras_major;
    uint32_t depth;
    size_t n_layers;
} parser;

static mw_status parse_layer(parser *p, const json_t *json, const char *name,
                             mwi_keras_layer *parent, mwi_keras_layer **out);

static mw_status keep(parser *p, const char *text, const char **out)
{
    return mwi_arena_string(p->ctx, p->arena, text, strlen(text), out);
}

/* ---- references ---- */

static mw_status add_ref(parser *p, mwi_keras_refs *refs, size_t layer, int64_t node,
                         int64_t tensor, const char *key)
{
    if (tensor < 0 || tensor > INT32_MAX)
        return mwi_fail(p->ctx, MW_EFORMAT, "a call takes result %" PRId64 " of a layer", tensor);
    MWI_TRY(mwi_arena_grow(p->ctx, p->arena, &refs->v, refs->n, &refs->capacity, sizeof *refs->v));
    refs->v[refs->n++] = (mwi_keras_ref){layer, node, (int32_t)tensor, key};
    return MW_OK;
}

static bool find_layer(const mwi_keras_layer *model, const char *name, size_t *out)
{
    size_t low = 0, high = model->n_children;

    while (low < high) {
        const size_t mid = low + (high - low) / 2, at = model->net->by_name[mid];
        const int order = strcmp(name, model->children[at]->name);
        if (order == 0) return *out = at, true;
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return false;
}

/* ["dense", 0, 0] and so on: a name and two integers. */
static bool is_list_ref(const json_t *json)
{
    return json_array_size(json) >= 3 && json_is_string(json_array_get(json, 0)) &&
           json_is_integer(json_array_get(json, 1)) && json_is_integer(json_array_get(json, 2));
}

static const json_t *history_of(const json_t *json)
{
    const char *const c = json_string_value(json_object_get(json, "class_name"));

    if (c == NULL || strcmp(c, "__keras_tensor__") != 0) return NULL;
    return json_object_get(json_object_get(json, "config"), "keras_history");
}

static mw_status read_ref(parser *p, const mwi_keras_layer *model, const json_t *json,
                          const char *key, mwi_keras_refs *out)
{
    const char *const name = json_string_value(json_array_get(json, 0));
    size_t at;

    if (!is_list_ref(json))
        return mwi_fail(p->ctx, MW_EFORMAT, "'%s': a reference to a layer is damaged", model->path);
    if (!find_layer(model, name, &at)) {
        if (strcmp(name, "_CONSTANT_VALUE") == 0) return MW_OK; /* see mwi_keras_operands */
        return mwi_fail(p->ctx, MW_EFORMAT,
                        "'%s': a call takes the result of layer '%s', which does not exist",
                        model->path, name);
    }
    return add_ref(p, out, at, json_integer_value(json_array_get(json, 1)),
                   json_integer_value(json_array_get(json, 2)), key);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All references in a structure, in the order in which Keras flattens it: dictionaries by sorted
 * keys. */
static mw_status read_refs(parser *p, const mwi_keras_layer *model, const json_t *json,
                           const char *key, uint32_t depth, mwi_keras_refs *out)
{
    const size_t n = json_object_size(json);
    const json_t *const history = history_of(json);
    void *memory;

    if (depth > mwi_limits(p->ctx)->max_depth)
        return mwi_fail(p->ctx, MW_ELIMIT, "'%s': the arguments of a call are nested too deep",
                        model->path);
    if (history != NULL) return read_ref(p, model, history, key, out);
    if (is_list_ref(json)) return read_ref(p, model, json, key, out);
    for (size_t i = 0; i < json_array_size(json); i++)
        MWI_TRY(read_refs(p, model, json_array_get(json, i), key, depth + 1, out));
    if (n == 0) return MW_OK;
    MWI_TRY(mwi_arena_array(p->ctx, p->arena, n, sizeof(char *), &memory));
    const char **const keys = memory;
    size_t k = 0;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)json, name, value) keys[k++] = name; /* read only */
    qsort(keys, n, sizeof *keys, by_key);
    for (size_t i = 0; i < n; i++)
        MWI_TRY(read_refs(p, model, json_object_get(json, keys[i]), key, depth + 1, out));
    return MW_OK;
}

/* The tensors among a call's named arguments, each with its argument's name. */
static mw_status read_named(parser *p, const mwi_keras_layer *model, const json_t *kwargs,
                            mwi_keras_refs *out)
{
    const char *name, *kept;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)kwargs, name, value)
    { /* read only */
        if (!json_is_array(value) && !json_is_object(value)) continue;
        MWI_TRY(keep(p, name, &kept));
        MWI_TRY(read_refs(p, model, value, kept, 0, out));
    }
    return MW_OK;
}

/* Lists of Keras 1 and 2: positional tensors first, then the named ones of the last entry's
 * dictionary. */
static mw_status read_old_node(parser *p, const mwi_keras_layer *model, const json_t *json,
                               mwi_keras_refs *out)
{
    const char *const name = json_string_value(json_array_get(json, 0));
    const json_t *const first = is_list_ref(json) ? json : json_array_get(json, 0);

    if (name != NULL && strcmp(name, "_CONSTANT_VALUE") == 0) /* a constant comes first */
        return read_named(p, model, json_array_get(json, 3), out);
    MWI_TRY(read_refs(p, model, json, NULL, 0, out));
    return read_named(p, model, json_array_get(first, 3), out);
}

static mw_status read_node(parser *p, const mwi_keras_layer *model, const json_t *json,
                           mwi_keras_refs *out)
{
    if (!json_is_object(json)) return read_old_node(p, model, json, out);
    if (json_object_get(json, "args") == NULL && json_object_get(json, "kwargs") == NULL)
        return read_refs(p, model, json, NULL, 0, out); /* a dictionary of lists */
    MWI_TRY(read_refs(p, model, json_object_get(json, "args"), NULL, 0, out));
    return read_named(p, model, json_object_get(json, "kwargs"), out);
}

/* ---- numbering of calls ---- */

static bool has_class(const mwi_keras_layer *l, const char *name)
{
    return strcmp(l->class_name, name) == 0;
}

/* Models bring a call of their own, made when they were built, so that Keras 1 and 2 count the
 * calls of a nested model from 1 (but not those of a Sequential that had no input shape), as Keras
 * 3 does for outputs only. The least number used tells which: every call is used. */
static mw_status lowest_number(parser *p, const mwi_keras_layer *model, int64_t **out)
{
    const mwi_keras_net *const net = model->net;
    void *memory;

    MWI_TRY(mwi_arena_array(p->ctx, p->arena, model->n_children, sizeof(int64_t), &memory));
    *out = memory;
    for (size_t i = 0; i < model->n_children; i++) (*out)[i] = INT64_MAX;
    for (size_t i = 0; i < net->n_nodes; i++)
        for (size_t k = 0; k < net->nodes[i].in.n; k++) {
            const mwi_keras_ref *const r = &net->nodes[i].in.v[k];
            if (r->node < (*out)[r->layer]) (*out)[r->layer] = r->node;
        }
    for (size_t k = 0; k < net->outputs.n; k++) {
        const mwi_keras_ref *const r = &net->outputs.v[k];
        if (r->node < (*out)[r->layer]) (*out)[r->layer] = r->node;
    }
    return MW_OK;
}

static mw_status resolve(parser *p, const mwi_keras_layer *model, mwi_keras_refs *refs,
                         const int64_t *base, bool outputs)
{
    const mwi_keras_net *const net = model->net;

    for (size_t i = 0; i < refs->n; i++) {
        mwi_keras_ref *const r = &refs->v[i];
        const mwi_keras_layer *const l = model->children[r->layer];
        const int64_t n = (int64_t)(net->first_node[r->layer + 1] - net->first_node[r->layer]);
        const bool holds_net = l->net != NULL;
        const bool new_style = n > 0 && json_is_object(net->nodes[net->first_node[r->layer]].json);
        int64_t at = r->node;
        if (new_style && outputs && has_class(l, "Functional")) at--;
        if (!new_style && holds_net) at -= base[r->layer] > 0 ? 1 : 0;
        if (n == 1) at = 0; /* also where Keras 3 counts calls outside of this model */
        if (at < 0 || at >= n)
            return mwi_fail(p->ctx, MW_EFORMAT,
                            "'%s': call %" PRId64 " of layer '%s' is used, which has %" PRId64,
                            model->path, r->node, l->name, n);
        r->node = (int64_t)net->first_node[r->layer] + at;
    }
    return MW_OK;
}

static mw_status resolve_all(parser *p, mwi_keras_layer *model)
{
    mwi_keras_net *const net = model->net;
    int64_t *base;

    MWI_TRY(lowest_number(p, model, &base));
    for (size_t i = 0; i < net->n_nodes; i++)
        MWI_TRY(resolve(p, model, &net->nodes[i].in, base, false));
    MWI_TRY(resolve(p, model, &net->inputs, base, false));
    return resolve(p, model, &net->outputs, base, true);
}

/* ---- nets ---- */

static mw_status add_node(parser *p, mwi_keras_layer *model, size_t layer, const json_t *json)
{
    mwi_keras_net *const net = model->net;

    MWI_TRY(mwi_arena_grow(p->ctx, p->arena, &net->nodes, net->n_nodes, &net->nodes_capacity,
                           sizeof *net->nodes));
    mwi_keras_node *const node = &net->nodes[net->n_nodes++];
    *node = (mwi_keras_node){.layer = layer, .json = json};
    return json == NULL ? MW_OK : read_node(p, model, json, &node->in);
}

/* A layer's `inbound_nodes`: a list of calls; a lone reference is one call too. */
static mw_status add_nodes(parser *p, mwi_keras_layer *model, size_t layer, const json_t *calls)
{
    const mwi_keras_layer *const l = model->children[layer];

    if (calls != NULL && !json_is_array(calls))
        return mwi_fail(p->ctx, MW_EFORMAT, "layer '%s': inbound_nodes is not a list", l->path);
    if (json_array_size(calls) == 0 && l->row != NULL && (l->row->flags & MWI_KERAS_NO_DATA) != 0)
        return add_node(p, model, layer, NULL);
    if (is_list_ref(calls)) return add_node(p, model, layer, calls);
    for (size_t i = 0; i < json_array_size(calls); i++)
        MWI_TRY(add_node(p, model, layer, json_array_get(calls, i)));
    return MW_OK;
}

struct named {
    const char *name;
    size_t at;
};

static int by_name(const void *a, const void *b)
{
    const struct named *const x = a, *const y = b;
    const int order = strcmp(x->name, y->name);
    return order != 0 ? order : x->at < y->at ? -1 : 1;
}

static mw_status index_names(parser *p, mwi_keras_layer *model)
{
    const size_t n = model->n_children;
    void *memory;

    MWI_TRY(mwi_arena_array(p->ctx, p->arena, n, sizeof(struct named), &memory));
    struct named *const order = memory;
    for (size_t i = 0; i < n; i++) order[i] = (struct named){model->children[i]->name, i};
    if (n > 0) qsort(order, n, sizeof *order, by_name);
    MWI_TRY(mwi_arena_array(p->ctx, p->arena, n, sizeof(size_t), &memory));
    model->net->by_name = memory;
    for (size_t i = 0; i < n; i++) {
        model->net->by_name[i] = order[i].at;
        if (i > 0 && strcmp(order[i].name, order[i - 1].name) == 0)
            return mwi_fail(p->ctx, MW_EFORMAT, "'%s': two layers are called '%s'", model->path,
                            order[i].name);
    }
    return MW_OK;
}

static mw_status parse_children(parser *p, mwi_keras_layer *model, const json_t *list)
{
    const size_t n = json_array_size(list);
    void *memory;

    if (!json_is_array(list))
        return mwi_fail(p->ctx, MW_EFORMAT, "'%s' (%s): layers is not a list", model->path,
                        model->class_name);
    MWI_TRY(mwi_arena_array(p->ctx, p->arena, n, sizeof(mwi_keras_layer *), &memory));
    model->children = memory;
    for (size_t i = 0; i < n; i++) {
        MWI_TRY(parse_layer(p, json_array_get(list, i), NULL, model, &model->children[i]));
        model->n_children++;
    }
    return MW_OK;
}

static mw_status parse_wiring(parser *p, mwi_keras_layer *model, const json_t *list)
{
    mwi_keras_net *const net = model->net;
    void *memory;

    MWI_TRY(index_names(p, model));
    MWI_TRY(mwi_arena_array(p->ctx, p->arena, model->n_children + 1, sizeof(size_t), &memory));
    net->first_node = memory;
    for (size_t i = 0; i < model->n_children; i++) {
        net->first_node[i] = net->n_nodes;
        MWI_TRY(add_nodes(p, model, i, json_object_get(json_array_get(list, i), "inbound_nodes")));
    }
    net->first_node[model->n_children] = net->n_nodes;
    MWI_TRY(
        read_refs(p, model, json_object_get(model->config, "input_layers"), NULL, 0, &net->inputs));
    MWI_TRY(read_refs(p, model, json_object_get(model->config, "output_layers"), NULL, 0,
                      &net->outputs));
    if (net->outputs.n == 0)
        return mwi_fail(p->ctx, MW_EFORMAT, "'%s' (%s) has no outputs", model->path,
                        model->class_name);
    return resolve_all(p, model);
}

static mw_status parse_net(parser *p, mwi_keras_layer *model, const json_t *config)
{
    const json_t *const list = json_is_array(config) ? config : json_object_get(config, "layers");
    void *memory;

    if (p->depth > mwi_limits(p->ctx)->max_depth)
        return mwi_fail(p->ctx, MW_ELIMIT, "models are nested more than %u deep",
                        mwi_limits(p->ctx)->max_depth);
    MWI_TRY(mwi_arena_array(p->ctx, p->arena, 1, sizeof(mwi_keras_net), &memory));
    model->net = memory;
    model->net->sequential = has_class(model, "Sequential");
    model->net->build_shape = json_object_get(config, "build_input_shape");
    MWI_TRY(parse_children(p, model, list));
    return model->net->sequential ? MW_OK : parse_wiring(p, model, list);
}

/* ---- layers ---- */

static const char *refusal_of(const json_t *json, const char *class_name)
{
    const char *const module = json_string_value(json_object_get(json, "module"));
    const char *const registered = json_string_value(json_object_get(json, "registered_name"));

    static const struct {
        const char *class_name, *why;
    } known[] = {
        {"Lambda", "holds Python code; replace it by built-in layers"},
        {"Hashing", "computes a hash, which TFLite has no operator for; do it before the model"},
        {"HashedCrossing", "computes a hash, which TFLite has no operator for; do it before the "
                           "model"},
        {"StringLookup", "reads text; look its words up before the model"},
        {"TextVectorization", "reads text; make integers of it before the model"},
        {"TFSMLayer", "is a SavedModel, not layers; convert that"},
        {"JaxLayer", "holds code of another framework"},
        {"FlaxLayer", "holds code of another framework"},
        {"TorchModuleWrapper", "holds code of another framework"},
        {"MelSpectrogram", "computes a Fourier transform of the signal; do it before the model"},
        {"STFTSpectrogram", "computes a Fourier transform of the signal; do it before the model"},
    };

    for (size_t i = 0; i < MWI_COUNT(known); i++)
        if (strcmp(class_name, known[i].class_name) == 0) return known[i].why;
    if (strchr(class_name, '>') != NULL || (registered != NULL && strchr(registered, '>') != NULL))
        return "is a custom class; replace it by built-in layers";
    if (module != NULL && strncmp(module, "keras", 5) != 0 && strncmp(module, "tf_keras", 8) != 0 &&
        strncmp(module, "tensorflow", 10) != 0)
        return "is a custom class; replace it by built-in layers";
    return "has no TFLite lowering; replace it by built-in layers";
}

/* Functions that became part of a Keras 3 graph are classes of keras.src.ops: "Add" there is not
 * the layer. A .h5 leaves the module out: a function's config has no "trainable", and it takes its
 * values one by one where a layer of that name takes a list. */
static bool is_function(const parser *p, const json_t *json, const char *class_name)
{
    const char *const module = json_string_value(json_object_get(json, "module"));
    const json_t *const config = json_object_get(json, "config");
    const json_t *const call = json_array_get(json_object_get(json, "inbound_nodes"), 0);
    const json_t *const args = json_object_get(call, "args");
    char name[80];

    if (module != NULL) return strncmp(module, "keras.src.ops.", 14) == 0;
    if (p->keras_major < 3 || !json_is_object(call) || !json_is_object(config) ||
        json_object_get(config, "trainable") != NULL ||
        snprintf(name, sizeof name, "ops.%s", class_name) >= (int)sizeof name)
        return false;
    return mwi_keras_row_of(name) != NULL &&
           !(json_is_array(json_array_get(args, 0)) && mwi_keras_row_of(class_name) != NULL);
}

static mw_status class_of(parser *p, const json_t *json, const char **out)
{
    const char *const class_name = json_string_value(json_object_get(json, "class_name"));

    if (class_name == NULL) return mwi_fail(p->ctx, MW_EFORMAT, "a layer has no class_name");
    if (is_function(p, json, class_name))
        return mwi_arena_printf(p->ctx, p->arena, out, "ops.%s", class_name);
    return keep(p, class_name, out);
}

static mw_status name_layer(parser *p, const json_t *json, const char *name, mwi_keras_layer *l)
{
    if (name == NULL) name = json_string_value(json_object_get(json, "name"));
    if (name == NULL)
        name = json_string_value(json_object_get(json_object_get(json, "config"), "name"));
    if (name != NULL)
        MWI_TRY(keep(p, name, &l->name));
    else if (l->parent == NULL)
        l->name = "model";
    else
        MWI_TRY(mwi_arena_printf(p->ctx, p->arena, &l->name, "layer_%zu", l->parent->n_children));
    if (l->parent == NULL || l->parent->parent == NULL) {
        l->path = l->name;
        return MW_OK;
    }
    return mwi_arena_printf(p->ctx, p->arena, &l->path, "%s/%s", l->parent->path, l->name);
}

static bool rule_holds(const mwi_keras_layer *l, const mwi_keras_weight_rule *rule)
{
    const size_t length = rule->when == NULL ? 0 : strlen(rule->when);
    const bool negative = rule->when != NULL && *rule->when == '!';
    int64_t v = 1;

    if (rule->when == NULL) return true;
    if (rule->when[length - 1] == '?') {
        char key[40];
        (void)snprintf(key, sizeof key, "%.*s", (int)length - 1, rule->when);
        return mwi_keras_key(l, key) != NULL;
    }
    const char *const wanted = strchr(rule->when, '=');
    if (wanted != NULL) {
        char key[40];
        (void)snprintf(key, sizeof key, "%.*s", (int)(wanted - rule->when), rule->when);
        if (strcmp(wanted + 1, "true") == 0) return json_is_true(mwi_keras_key(l, key));
        const char *const is = json_string_value(mwi_keras_key(l, key));
        return is != NULL && strcmp(is, wanted + 1) == 0;
    }
    const json_t *const json = mwi_keras_key(l, rule->when + negative);
    if (json == NULL) return true;
    (void)mwi_keras_json_int(json, &v);
    return (v != 0) != negative;
}

static mw_status make_slots(parser *p, mwi_keras_layer *l)
{
    size_t n = 0;
    void *memory;

    if (l->row == NULL || l->row->weights == NULL) return MW_OK;
    while (l->row->weights[n].name != NULL) n++;
    MWI_TRY(mwi_arena_array(p->ctx, p->arena, n, sizeof(mwi_keras_slot), &memory));
    l->slots = memory;
    for (size_t i = 0; i < n; i++)
        if (rule_holds(l, &l->row->weights[i]))
            l->slots[l->n_slots++] =
                (mwi_keras_slot){.rule = &l->row->weights[i], .layer = l, .first_use = -1};
    return MW_OK;
}

/* Cells of a stack: "cells/lstm_cell", "cells/lstm_cell_1". */
static mw_status place_cell(parser *p, const mwi_keras_layer *l, size_t index)
{
    mwi_keras_layer *const cell = l->children[index];
    const char *name;
    size_t before = 0;

    for (size_t i = 0; i < index; i++) before += has_class(l->children[i], cell->class_name);
    MWI_TRY(mwi_keras_snake_case(p->ctx, p->arena, cell->class_name, &name));
    if (before == 0) return mwi_arena_printf(p->ctx, p->arena, &cell->place, "cells/%s", name);
    return mwi_arena_printf(p->ctx, p->arena, &cell->place, "cells/%s_%zu", name, before);
}

static mw_status parse_cells(parser *p, mwi_keras_layer *l, const json_t *list)
{
    const size_t n = json_array_size(list);
    void *memory;

    MWI_TRY(mwi_arena_array(p->ctx, p->arena, n, sizeof(mwi_keras_layer *), &memory));
    l->children = memory;
    for (size_t i = 0; i < n; i++) {
        MWI_TRY(parse_layer(p, json_array_get(list, i), NULL, l, &l->children[i]));
        MWI_TRY(place_cell(p, l, i));
        l->n_children++;
    }
    return MW_OK;
}

/* The layers inside a wrapper that is a layer itself: TimeDistributed, Bidirectional, RNN. */
static mw_status parse_inner(parser *p, mwi_keras_layer *l)
{
    static const char *const keys[] = {"layer", "backward_layer", "cell"};
    const json_t *cells = json_object_get(l->config, "cells");
    void *memory;

    if (json_is_array(cells)) return parse_cells(p, l, cells);
    MWI_TRY(mwi_arena_array(p->ctx, p->arena, MWI_COUNT(keys), sizeof(mwi_keras_layer *), &memory));
    l->children = memory;
    for (size_t i = 0; i < MWI_COUNT(keys); i++) {
        const json_t *const inner = json_object_get(l->config, keys[i]);
        if (!json_is_object(inner)) continue;
        MWI_TRY(parse_layer(p, inner, NULL, l, &l->children[l->n_children]));
        l->children[l->n_children++]->place = keys[i];
    }
    if (l->n_children == 0)
        return mwi_fail(p->ctx, MW_EFORMAT, "layer '%s' (%s): the config has no layer", l->path,
                        l->class_name);
    if (has_class(l, "Bidirectional")) l->children[0]->place = "forward_layer";
    return MW_OK;
}

/* One backward layer is made by Keras from the forward one when the config has none. */
static mw_status mirror_backward(parser *p, mwi_keras_layer *l)
{
    if (l->n_children == 2 || !has_class(l, "Bidirectional")) return MW_OK;
    const json_t *const forward = json_object_get(l->config, "layer");
    MWI_TRY(parse_layer(p, forward, "backward", l, &l->children[1]));
    l->children[1]->mirrored = true;
    l->children[1]->place = "backward_layer";
    l->n_children = 2;
    return MW_OK;
}

static mw_status fill_layer(parser *p, const json_t *json, const char *name, mwi_keras_layer *l)
{
    const json_t *const config = json_object_get(json, "config");
    const char *const wrapper = json_string_value(json_object_get(json, MWI_KERAS_WRAPPER_NAME));

    MWI_TRY(class_of(p, json, &l->class_name));
    MWI_TRY(name_layer(p, json, name, l));
    if (wrapper != NULL) MWI_TRY(keep(p, wrapper, &l->wrapper));
    l->config = config;
    l->trainable = !json_is_false(json_object_get(config, "trainable"));
    l->row = mwi_keras_row_of(l->class_name);
    const bool model = l->row != NULL && (l->row->flags & MWI_KERAS_MODEL) != 0;
    if (model && !json_is_array(config) && json_object_get(config, "layers") == NULL) {
        l->row = NULL;
        l->refusal = "is written as Python code (a subclass of Model); build it from layers as "
                     "Sequential or Functional";
        return MW_OK;
    }
    if (l->row == NULL) {
        l->refusal = refusal_of(json, l->class_name);
        return MW_OK;
    }
    if (!model && config != NULL && !json_is_object(config))
        return mwi_fail(p->ctx, MW_EFORMAT, "layer '%s' (%s): config is not an object", l->path,
                        l->class_name);
    MWI_TRY(make_slots(p, l));
    if (model) return parse_net(p, l, config);
    if ((l->row->flags & MWI_KERAS_WRAPPER) == 0) return MW_OK;
    MWI_TRY(parse_inner(p, l));
    return mirror_backward(p, l);
}

static mw_status parse_layer(parser *p, const json_t *json, const char *name,
                             mwi_keras_layer *parent, mwi_keras_layer **out)
{
    void *memory;

    if (!json_is_object(json)) return mwi_fail(p->ctx, MW_EFORMAT, "a layer is not an object");
    if (p->n_layers++ >= mwi_limits(p->ctx)->max_ops)
        return mwi_fail(p->ctx, MW_ELIMIT, "more than %u layers", mwi_limits(p->ctx)->max_ops);
    if (p->depth > mwi_limits(p->ctx)->max_depth)
        return mwi_fail(p->ctx, MW_ELIMIT, "layers are nested more than %u deep",
                        mwi_limits(p->ctx)->max_depth);
    MWI_TRY(mwi_arena_array(p->ctx, p->arena, 1, sizeof(mwi_keras_layer), &memory));
    *out = memory;
    (*out)->parent = parent;
    (*out)->keras_major = p->keras_major;
    p->depth++;
    const mw_status st = fill_layer(p, json, name, *out);
    p->depth--;
    return st;
}

mw_status mwi_keras_config_parse(mw_ctx *ctx, const json_t *document, int32_t keras_major,
                                 mwi_arena *arena, mwi_keras_layer **out)
{
    parser p = {.ctx = ctx, .arena = arena, .keras_major = keras_major};
    return mwi_prefix(ctx, parse_layer(&p, document, NULL, NULL, out), "model config");
}

mw_status mwi_keras_child(mw_ctx *ctx, mwi_arena *arena, const json_t *json, const char *name,
                          mwi_keras_layer *parent, mwi_keras_layer **out)
{
    parser p = {.ctx = ctx, .arena = arena, .keras_major = parent->keras_major};
    return parse_layer(&p, json, name, parent, out);
}
