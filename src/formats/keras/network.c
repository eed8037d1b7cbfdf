/* formats/keras/network.c - Sequential and Functional configurations of Keras 1, 2 and 3: layers, nodes, order.
 * Depends: build.h, Jansson.  Used by: formats/keras/keras.c.
 * Trust:   the JSON is hostile: every access checks its kind; nesting is limited.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/build.h"

#include <string.h>

static bool is_model_class(const char *c)
{
    return strcmp(c, "Sequential") == 0 || strcmp(c, "Functional") == 0 || strcmp(c, "Model") == 0;
}

/* ---- parsing ---- */

static mw_status note_unsupported(kr_builder *b, const kr_layer *l, const char *why)
{
    if (++b->n_unsupported > 200) return MW_OK;
    return mwi_text_printf(b->ctx, &b->unsupported, "%slayer '%s' (%s)%s%s", b->n_unsupported > 1 ? ", " : "", l->name,
                           l->class_name, why == NULL ? "" : ": ", why == NULL ? "" : why);
}

/* tfmot's wrappers stand for the layer inside of them. */
static json_t *unwrap(json_t *config, const char **class_name)
{
    static const char *const wrappers[] = {"PruneLowMagnitude", "QuantizeWrapperV2", "QuantizeWrapper", "ClusterWeights",
                                           "QuantizeAnnotate"};
    for (size_t i = 0; i < MWI_COUNT(wrappers); i++) {
        if (strcmp(*class_name, wrappers[i]) != 0) continue;
        json_t *const inner = json_object_get(config, "layer");
        const char *const inner_class = json_string_value(json_object_get(inner, "class_name"));
        json_t *const inner_config = json_object_get(inner, "config");
        if (inner_class == NULL || inner_config == NULL) return config;
        *class_name = inner_class;
        return inner_config;
    }
    return config;
}

static mw_status parse_layer(kr_builder *b, json_t *item, size_t index, kr_member *out)
{
    const char *class_name = json_string_value(json_object_get(item, "class_name"));
    json_t *config = json_object_get(item, "config");
    const char *name = json_string_value(json_object_get(item, "name"));
    void *memory;

    if (class_name == NULL || config == NULL)
        return mwi_fail(b->ctx, MW_EFORMAT, "%s: layer %zu of the configuration has no class_name or config", b->model->name,
                        index);
    if (name == NULL) name = json_string_value(json_object_get(config, "name"));
    config = unwrap(config, &class_name);
    MWI_TRY(mwi_arena_array(b->ctx, &b->model->arena, 1, sizeof(kr_layer), &memory));
    kr_layer *const l = out->layer = memory;
    MWI_TRY(mwi_arena_string(b->ctx, &b->model->arena, name == NULL ? class_name : name,
                             strlen(name == NULL ? class_name : name), &l->name));
    MWI_TRY(mwi_arena_string(b->ctx, &b->model->arena, class_name, strlen(class_name), &l->class_name));
    l->config = config;
    l->trainable = !json_is_false(json_object_get(config, "trainable"));
    for (size_t i = 0; i < KR_MAX_WEIGHTS; i++) l->tensors[i] = -1;
    if (is_model_class(class_name)) return kr_parse_model(b, l->name, class_name, config, &l->model);
    l->row = kr_row_of(class_name);
    if (l->row == NULL) return note_unsupported(b, l, NULL);
    const char *const why = l->row->refuses == NULL ? NULL : l->row->refuses(l);
    return why == NULL ? MW_OK : note_unsupported(b, l, why);
}

static mw_status parse_nodes(kr_builder *b, json_t *item, kr_member *m)
{
    json_t *const inbound = json_object_get(item, "inbound_nodes");
    void *memory;

    m->n_nodes = json_array_size(inbound);
    if (m->n_nodes == 0) m->n_nodes = 1; /* an input */
    MWI_TRY(mwi_arena_array(b->ctx, b->scratch, m->n_nodes, sizeof *m->nodes, &memory));
    m->nodes = memory;
    for (size_t i = 0; i < json_array_size(inbound); i++) m->nodes[i].inbound = json_array_get(inbound, i);
    return MW_OK;
}

mw_status kr_parse_model(kr_builder *b, const char *name, const char *class_name, json_t *config, kr_model **out)
{
    json_t *const layers = json_is_array(config) ? config : json_object_get(config, "layers");
    void *memory;

    if (++b->depth > mwi_limits(b->ctx)->max_depth)
        return mwi_fail(b->ctx, MW_ELIMIT, "%s: models nested more than %u deep", b->model->name,
                        mwi_limits(b->ctx)->max_depth);
    if (!json_is_array(layers))
        return mwi_fail(b->ctx, MW_EFORMAT, "%s: model '%s' has no list of layers", b->model->name, name);
    MWI_TRY(mwi_arena_array(b->ctx, b->scratch, 1, sizeof(kr_model), &memory));
    kr_model *const m = *out = memory;
    m->name = name;
    m->sequential = strcmp(class_name, "Sequential") == 0;
    m->config = config;
    m->n_members = json_array_size(layers);
    MWI_TRY(mwi_arena_array(b->ctx, b->scratch, m->n_members, sizeof *m->members, &memory));
    m->members = memory;
    for (size_t i = 0; i < m->n_members; i++) {
        MWI_TRY(parse_layer(b, json_array_get(layers, i), i, &m->members[i]));
        MWI_TRY(parse_nodes(b, json_array_get(layers, i), &m->members[i]));
    }
    b->depth--;
    return MW_OK;
}

/* ---- building ---- */

/* The shape of an input layer: batch_shape (Keras 3), batch_input_shape, or an input_shape on the first layer. */
static json_t *shape_of(const kr_layer *l)
{
    json_t *s = kr_value(l, "batch_shape");
    if (s == NULL) s = kr_value(l, "batch_input_shape");
    return s;
}

static mw_status add_input(kr_builder *b, const kr_layer *l, json_t *shape, size_t index, int32_t *out)
{
    const size_t n = json_array_size(shape);
    const mw_shape *given = NULL;
    const char *const dtype = kr_text(l, "dtype", "float32");
    mwi_tensor *t;

    if (n < 1 || n > MW_MAX_RANK) return kr_fail(b, l, MW_EFORMAT, "an input of rank %zu, allowed 1 to %d", n, MW_MAX_RANK);
    if (index < b->options->n_input_shapes) given = &b->options->input_shapes[index];
    if (given != NULL && (size_t)given->rank != n)
        return kr_fail(b, l, MW_EINVAL, "--input-shape has rank %d, the input has %zu", given->rank, n);
    MWI_TRY(mwi_graph_add_tensor(b->ctx, b->model, b->graph, l->name, &t, out));
    t->dtype = strcmp(dtype, "int32") == 0 ? MW_INT32 : strcmp(dtype, "int64") == 0 ? MW_INT64 : MW_FLOAT32;
    t->rank = (int32_t)n;
    for (size_t i = 0; i < n; i++) {
        const json_t *const d = json_array_get(shape, i);
        const double v = json_number_value(d);
        if (json_is_integer(d) && v >= 1 && v < 1 << 30) {
            t->dims[i] = t->signature[i] = (int32_t)v;
            if (given != NULL && given->dims[i] != t->dims[i])
                return kr_fail(b, l, MW_EINVAL, "--input-shape gives dimension %zu as %d, the file fixes it at %d", i,
                               given->dims[i], t->dims[i]);
        } else if (given != NULL) {
            t->dims[i] = t->signature[i] = given->dims[i];
        } else if (i == 0) {
            t->dims[i] = 1;
            t->signature[i] = -1;
        } else {
            return kr_fail(b, l, MW_EINVAL, "dimension %zu of this input is open: give --input-shape, e.g. 1,224,224,3", i);
        }
    }
    return MW_OK;
}

static kr_member *find_member(kr_model *m, const char *name)
{
    for (size_t i = 0; i < m->n_members; i++)
        if (strcmp(m->members[i].layer->name, name) == 0) return &m->members[i];
    return NULL;
}

static mw_status build_model(kr_builder *b, kr_model *m, const int32_t *in, size_t n_in, int32_t **out, size_t *n_out);

static mw_status call_layer(kr_builder *b, kr_layer *l, const int32_t *in, size_t n_in, int32_t **out, size_t *n_out)
{
    void *memory;

    if (l->model != NULL) return build_model(b, l->model, in, n_in, out, n_out);
    MWI_TRY(mwi_arena_array(b->ctx, b->scratch, 1, sizeof(int32_t), &memory));
    *out = memory;
    *n_out = 1;
    if (n_in == 0) return kr_fail(b, l, MW_EFORMAT, "is called without an input");
    return l->row->build(b, l, in, n_in, *out);
}

static mw_status build_sequential(kr_builder *b, kr_model *m, const int32_t *in, size_t n_in, int32_t **out,
                                  size_t *n_out)
{
    int32_t *present = NULL;
    size_t n = 1, at = 0;
    void *memory;

    MWI_TRY(mwi_arena_array(b->ctx, b->scratch, 1, sizeof(int32_t), &memory));
    present = memory;
    if (m->n_members == 0) return mwi_fail(b->ctx, MW_EFORMAT, "%s: model '%s' has no layers", b->model->name, m->name);
    const bool has_input = m->members[0].layer->row == &kr_input_layer;
    if (in != NULL) {
        if (n_in != 1) return mwi_fail(b->ctx, MW_EFORMAT, "%s: model '%s' is called with %zu inputs", b->model->name, m->name, n_in);
        present[0] = in[0];
    } else {
        const kr_layer *const first = m->members[0].layer;
        json_t *shape = shape_of(first);
        if (shape == NULL && first->model != NULL && first->model->n_members > 0)
            shape = shape_of(first->model->members[0].layer);
        if (shape == NULL) shape = json_object_get(m->config, "build_input_shape");
        if (shape == NULL || json_is_null(shape))
            return mwi_fail(b->ctx, MW_EUNSUPPORTED, "%s: model '%s' was never given an input shape; build it before saving",
                            b->model->name, m->name);
        MWI_TRY(add_input(b, first, shape, 0, present));
    }
    b->graph->n_inputs = 0;
    const int32_t input = present[0];
    for (at = has_input ? 1 : 0; at < m->n_members; at++)
        MWI_TRY(call_layer(b, m->members[at].layer, present, n, &present, &n));
    *out = present;
    *n_out = n;
    if (in != NULL) return MW_OK;
    return mwi_graph_set_io(b->ctx, b->model, b->graph, &input, 1, present, n);
}

/* ---- functional ---- */

typedef struct refs {
    int32_t v[KR_MAX_INPUTS];
    size_t n;
    bool ready; /* every tensor named is built */
} refs;

/* ["layer", node, tensor]. */
static mw_status add_ref(kr_builder *b, kr_model *m, const kr_layer *l, json_t *ref, refs *out)
{
    const char *const name = json_string_value(json_array_get(ref, 0));
    const json_int_t node = json_integer_value(json_array_get(ref, 1)), tensor = json_integer_value(json_array_get(ref, 2));

    kr_member *const from = name == NULL ? NULL : find_member(m, name);
    if (from == NULL) return kr_fail(b, l, MW_EFORMAT, "is connected to '%s', which is not a layer", name == NULL ? "?" : name);
    json_int_t index = node - from->node_offset;
    /* Keras 3 counts the calls of a nested model from 0 in layers, from 1 in output_layers. */
    if (from->layer->model != NULL && index == (json_int_t)from->n_nodes) index--;
    if (index < 0 || (size_t)index >= from->n_nodes)
        return kr_fail(b, l, MW_EFORMAT, "is connected to call %lld of '%s', which has %zu", (long long)node, name, from->n_nodes);
    const kr_node *const n = &from->nodes[index];
    if (n->outputs == NULL) {
        out->ready = false;
        return MW_OK;
    }
    if (tensor < 0 || (size_t)tensor >= n->n_outputs)
        return kr_fail(b, l, MW_EFORMAT, "is connected to output %lld of '%s', which has %zu", (long long)tensor, name,
                       n->n_outputs);
    if (out->n == KR_MAX_INPUTS) return kr_fail(b, l, MW_ELIMIT, "more than %d inputs", KR_MAX_INPUTS);
    out->v[out->n++] = n->outputs[tensor];
    return MW_OK;
}

/* Keras 3: tensors stand anywhere in args and kwargs. */
static mw_status add_nested_refs(kr_builder *b, kr_model *m, const kr_layer *l, json_t *v, unsigned depth, refs *out)
{
    size_t i;
    json_t *item;
    const char *key;

    if (depth > 16) return kr_fail(b, l, MW_ELIMIT, "its call is nested too deeply");
    if (json_is_object(v)) {
        const char *const c = json_string_value(json_object_get(v, "class_name"));
        json_t *const history = json_object_get(json_object_get(v, "config"), "keras_history");
        if (c != NULL && strcmp(c, "__keras_tensor__") == 0 && history != NULL) return add_ref(b, m, l, history, out);
        json_object_foreach(v, key, item) MWI_TRY(add_nested_refs(b, m, l, item, depth + 1, out));
    } else if (json_is_array(v)) {
        json_array_foreach(v, i, item) MWI_TRY(add_nested_refs(b, m, l, item, depth + 1, out));
    }
    return MW_OK;
}

static bool is_ref(const json_t *v)
{
    return json_is_array(v) && json_array_size(v) >= 3 && json_is_string(json_array_get(v, 0)) &&
           json_is_integer(json_array_get(v, 1)) && json_is_integer(json_array_get(v, 2));
}

/* Keras 2: [["layer", node, tensor, {"mask": ["other", 0, 0]}], ...]. */
static mw_status add_refs(kr_builder *b, kr_model *m, const kr_layer *l, json_t *inbound, refs *out)
{
    size_t i;
    json_t *item, *kwarg;
    const char *key;

    if (json_is_object(inbound)) return add_nested_refs(b, m, l, inbound, 0, out);
    if (is_ref(inbound)) return add_ref(b, m, l, inbound, out);
    json_array_foreach(inbound, i, item) {
        if (!is_ref(item)) continue;
        MWI_TRY(add_ref(b, m, l, item, out));
        json_object_foreach(json_array_get(item, 3), key, kwarg)
            if (is_ref(kwarg)) MWI_TRY(add_ref(b, m, l, kwarg, out));
    }
    return MW_OK;
}

/* A list of ["layer", node, tensor], one of them alone, or an object of them. */
static mw_status io_refs(kr_builder *b, kr_model *m, const char *key, refs *out)
{
    const kr_layer whole = {.name = m->name, .class_name = "Functional"};
    json_t *const v = json_object_get(m->config, key);
    json_t *item;
    const char *name;

    memset(out, 0, sizeof *out);
    out->ready = true;
    if (json_is_object(v)) {
        json_object_foreach(v, name, item) MWI_TRY(add_refs(b, m, &whole, item, out));
        return MW_OK;
    }
    return add_refs(b, m, &whole, v, out);
}

/* Nested models have a node of their own making, which files leave out but count. */
static void find_offsets(kr_model *m, const json_t *v, unsigned depth)
{
    size_t i;
    json_t *item;
    const char *key;

    if (depth > 32) return;
    if (is_ref(v)) {
        kr_member *const from = find_member(m, json_string_value(json_array_get(v, 0)));
        if (from != NULL && from->layer->model != NULL) {
            const json_int_t node = json_integer_value(json_array_get(v, 1));
            if (node == 0) from->counts_from_0 = true;
            from->node_offset = !from->counts_from_0 && (from->node_offset == 1 || node == (json_int_t)from->n_nodes);
        }
    }
    if (json_is_array(v)) json_array_foreach(v, i, item) find_offsets(m, item, depth + 1);
    if (json_is_object(v)) json_object_foreach((json_t *)(uintptr_t)v, key, item) find_offsets(m, item, depth + 1);
}

/* Input layers take the caller's tensors in the order of input_layers, or become the graph's inputs. */
static mw_status build_inputs(kr_builder *b, kr_model *m, const int32_t *in, size_t n_in, int32_t *out_inputs,
                              size_t *out_n)
{
    json_t *v = json_object_get(m->config, "input_layers");
    json_t *list = json_array();
    size_t i;
    json_t *item;
    const char *key;
    mw_status st = MW_OK;

    if (is_ref(v)) (void)json_array_append(list, v);
    else if (json_is_object(v)) json_object_foreach(v, key, item) (void)json_array_append(list, is_ref(item) ? item : json_array_get(item, 0));
    else json_array_foreach(v, i, item) (void)json_array_append(list, item);
    *out_n = json_array_size(list);
    if (*out_n == 0 || *out_n > KR_MAX_INPUTS || (in != NULL && n_in != *out_n))
        st = mwi_fail(b->ctx, MW_EFORMAT, "%s: model '%s' has %zu inputs and is called with %zu", b->model->name, m->name, *out_n, n_in);
    for (i = 0; i < *out_n && st == MW_OK; i++) {
        const char *const name = json_string_value(json_array_get(json_array_get(list, i), 0));
        kr_member *const member = name == NULL ? NULL : find_member(m, name);
        void *memory;
        if (member == NULL || member->layer->row != &kr_input_layer) {
            st = mwi_fail(b->ctx, MW_EFORMAT, "%s: input '%s' of model '%s' is not an InputLayer", b->model->name,
                          name == NULL ? "?" : name, m->name);
            break;
        }
        st = mwi_arena_array(b->ctx, b->scratch, 1, sizeof(int32_t), &memory);
        if (st != MW_OK) break;
        member->nodes[0].outputs = memory;
        member->nodes[0].n_outputs = 1;
        if (in != NULL) member->nodes[0].outputs[0] = in[i];
        else st = add_input(b, member->layer, shape_of(member->layer), i, member->nodes[0].outputs);
        out_inputs[i] = member->nodes[0].outputs[0];
    }
    json_decref(list);
    return st;
}

/* Builds every call whose inputs are ready, until nothing is left. */
static mw_status build_nodes(kr_builder *b, kr_model *m)
{
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < m->n_members; i++) {
            kr_member *const member = &m->members[i];
            for (size_t k = 0; k < member->n_nodes; k++) {
                refs r = {.ready = true};
                if (member->nodes[k].outputs != NULL || member->nodes[k].inbound == NULL) continue;
                MWI_TRY(add_refs(b, m, member->layer, member->nodes[k].inbound, &r));
                if (!r.ready) continue;
                MWI_TRY(call_layer(b, member->layer, r.v, r.n, &member->nodes[k].outputs, &member->nodes[k].n_outputs));
                moved = true;
            }
        }
    }
    return MW_OK;
}

static mw_status build_functional(kr_builder *b, kr_model *m, const int32_t *in, size_t n_in, int32_t **out,
                                  size_t *n_out)
{
    int32_t inputs[KR_MAX_INPUTS];
    size_t n_inputs;
    refs outputs;
    void *memory;

    for (size_t i = 0; i < m->n_members; i++) /* a shared model is built anew at each call */
        for (size_t k = 0; k < m->members[i].n_nodes; k++) m->members[i].nodes[k].outputs = NULL;
    find_offsets(m, json_object_get(m->config, "layers"), 0);
    MWI_TRY(build_inputs(b, m, in, n_in, inputs, &n_inputs));
    MWI_TRY(build_nodes(b, m));
    MWI_TRY(io_refs(b, m, "output_layers", &outputs));
    if (!outputs.ready || outputs.n == 0)
        return mwi_fail(b->ctx, MW_EFORMAT, "%s: the outputs of model '%s' cannot be computed", b->model->name, m->name);
    MWI_TRY(mwi_arena_copy(b->ctx, b->scratch, outputs.v, outputs.n * sizeof *outputs.v, &memory));
    *out = memory;
    *n_out = outputs.n;
    if (in != NULL) return MW_OK;
    return mwi_graph_set_io(b->ctx, b->model, b->graph, inputs, n_inputs, *out, *n_out);
}

static mw_status build_model(kr_builder *b, kr_model *m, const int32_t *in, size_t n_in, int32_t **out, size_t *n_out)
{
    if (++b->depth > mwi_limits(b->ctx)->max_depth)
        return mwi_fail(b->ctx, MW_ELIMIT, "%s: models nested more than %u deep", b->model->name, mwi_limits(b->ctx)->max_depth);
    MWI_TRY(m->sequential ? build_sequential(b, m, in, n_in, out, n_out) : build_functional(b, m, in, n_in, out, n_out));
    b->depth--;
    return MW_OK;
}

mw_status kr_build_top(kr_builder *b, kr_model *model)
{
    int32_t *out;
    size_t n;
    return build_model(b, model, NULL, 0, &out, &n);
}
