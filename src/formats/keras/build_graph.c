/* formats/keras/build_graph.c - walks a tree of layers and lets each add its operators: inputs,
 * nets, calls, channels_first, masks, and the list of all that is not supported.
 * Depends: formats/keras/build.  Used by: formats/keras/.
 * Trust:   the config is hostile: calls are counted, so that nested shared models cannot explode.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/build.h"

#include <stdio.h>
#include <string.h>

enum { MAX_CALLS = 100000, MAX_REASONS = 3500 };

typedef struct results {
    size_t n;
    const int32_t *v; /* NULL: the layer is not supported */
} results;

static mw_status call_layer(mwi_keras_build *b, mwi_keras_layer *l, const mwi_keras_call *as,
                            results *out);

/* ---- what is not supported ---- */

static mw_status report(mwi_keras_build *b, mwi_keras_layer *l, const char *reason)
{
    if (l->reported) return MW_OK;
    l->reported = true;
    b->n_problems++;
    MWI_TRY(mwi_text_printf(b->ctx, &b->names, "%s'%s' (%s)", b->n_problems == 1 ? "" : ", ",
                            l->path, l->class_name));
    return mwi_text_printf(b->ctx, &b->problems, "%slayer '%s' (%s) %s",
                           b->n_problems == 1 ? "" : "; ", l->path, l->class_name, reason);
}

/* Turns a failure of a layer that is valid but cannot be lowered into a line of the list. */
static mw_status take_refusal(mwi_keras_build *b, mwi_keras_layer *l, mw_status st)
{
    const bool inside = b->refused_inside;
    char reason[1024];

    b->refused_inside = false;
    if (st != MW_EUNSUPPORTED) return st;
    (void)snprintf(reason, sizeof reason, "%s", mw_ctx_error(b->ctx));
    mw_ctx_clear(b->ctx);
    return inside ? MW_OK : report(b, l, reason);
}

static mw_status check_tree(mwi_keras_build *b, mwi_keras_layer *l)
{
    mw_status st = MW_OK;

    if (l->row == NULL) return report(b, l, l->refusal);
    if (l->row->check != NULL) st = take_refusal(b, l, l->row->check(b->ctx, l));
    if (st != MW_OK) return mwi_prefix(b->ctx, st, "layer '%s' (%s)", l->path, l->class_name);
    for (size_t i = 0; i < l->n_children; i++) MWI_TRY(check_tree(b, l->children[i]));
    return MW_OK;
}

/* ---- one call ---- */

static mw_status grow_masks(mwi_keras_build *b)
{
    while (b->n_masks < b->graph->n_tensors) {
        MWI_TRY(mwi_arena_grow(b->ctx, b->scratch, &b->mask, b->n_masks, &b->mask_capacity,
                               sizeof *b->mask));
        b->mask[b->n_masks++] = -1;
    }
    return MW_OK;
}

int32_t mwi_keras_mask_of(const mwi_keras_call *c, int32_t tensor)
{
    return tensor >= 0 && (size_t)tensor < c->build->n_masks ? c->build->mask[tensor] : -1;
}

mw_status mwi_keras_set_mask(mwi_keras_call *c, int32_t tensor, int32_t mask)
{
    MWI_TRY(grow_masks(c->build));
    c->build->mask[tensor] = mask;
    return MW_OK;
}

const json_t *mwi_keras_argument(const mwi_keras_call *c, const char *name)
{
    const json_t *const first = json_array_get(c->args, 0);
    const json_t *const kwargs = json_is_object(c->args) ? json_object_get(c->args, "kwargs")
                                 : json_is_string(first) ? json_array_get(c->args, 3)
                                                         : json_array_get(first, 3);
    return json_object_get(kwargs, name);
}

/* Channels move to the end and back; values of rank 2 have no place for them. */
static mw_status move_channels(mwi_keras_call *c, int32_t in, bool to_last, int32_t *out)
{
    const int32_t rank = mwi_keras_tensor(c, in)->rank;
    int32_t perm[MW_MAX_RANK];

    for (int32_t i = 0; i < rank; i++) {
        if (to_last)
            perm[i] = i == 0 ? 0 : i == rank - 1 ? 1 : i + 1;
        else
            perm[i] = i == 0 ? 0 : i == 1 ? rank - 1 : i - 1;
    }
    if (rank < 3) return *out = in, MW_OK;
    return mwi_keras_transpose(c, in, perm, out);
}

static bool is_mask_argument(const mwi_keras_call *c, size_t i)
{
    return c->in_keys != NULL && c->in_keys[i] != NULL && strcmp(c->in_keys[i], "mask") == 0;
}

static mw_status to_bool(mwi_keras_call *c, int32_t in, int32_t *out)
{
    const mw_dtype dtype = mwi_keras_tensor(c, in)->dtype;
    const mwi_keras_attr attrs[] = {
        {"in_data_type", (double)dtype}, {"out_data_type", MW_BOOL}, {NULL, 0}};

    if (dtype == MW_BOOL) return *out = in, MW_OK;
    return mwi_keras_op(c, "CAST", 1, &in, attrs, out);
}

/* Masks come with the values, or as the argument `mask`: one, or a list with null where an input
 * has none. Those leave the list of inputs. */
static mw_status take_masks(mwi_keras_call *c)
{
    const json_t *const list = mwi_keras_argument(c, "mask");
    size_t n = 0, at = 0;
    void *in_memory, *key_memory, *mask_memory;

    MWI_TRY(mwi_arena_array(c->ctx, c->build->scratch, c->n_in, sizeof(int32_t), &in_memory));
    MWI_TRY(mwi_arena_array(c->ctx, c->build->scratch, c->n_in, sizeof(char *), &key_memory));
    MWI_TRY(mwi_arena_array(c->ctx, c->build->scratch, c->n_in, sizeof(int32_t), &mask_memory));
    int32_t *const in = in_memory, *const masks = mask_memory;
    const char **const keys = key_memory;
    for (size_t i = 0; i < c->n_in; i++) {
        if (is_mask_argument(c, i)) continue;
        keys[n] = c->in_keys == NULL ? NULL : c->in_keys[i];
        masks[n] = mwi_keras_mask_of(c, c->in[i]);
        in[n++] = c->in[i];
    }
    for (size_t i = 0; i < c->n_in; i++) {
        if (!is_mask_argument(c, i)) continue;
        while (json_is_null(json_array_get(list, at))) at++;
        if (at >= n) break;
        MWI_TRY(to_bool(c, c->in[i], &masks[at++]));
    }
    c->in = in;
    c->in_keys = keys;
    c->masks = masks;
    c->n_in = n;
    return MW_OK;
}

static mw_status prepare_inputs(mwi_keras_call *c, bool first)
{
    const uint32_t flags = c->layer->row->flags;

    MWI_TRY(take_masks(c));
    int32_t *const in = (int32_t *)(uintptr_t)c->in; /* made by take_masks */
    for (size_t i = 0; i < c->n_in; i++) {
        if ((flags & MWI_KERAS_REFUSES_MASK) != 0 && c->masks[i] >= 0)
            return mwi_fail(c->ctx, MW_EUNSUPPORTED,
                            "takes a mask of time steps (mask_zero or a Masking layer before it), "
                            "which has no lowering here; feed sequences without a mask");
        if ((flags & MWI_KERAS_ANY_TYPE) == 0) MWI_TRY(mwi_keras_to_float(c, in[i], &in[i]));
        if (first) MWI_TRY(move_channels(c, in[i], true, &in[i]));
    }
    return MW_OK;
}

static mw_status pass_masks(mwi_keras_call *c)
{
    if (c->n_in == 0 || c->masks[0] < 0 || (c->layer->row->flags & MWI_KERAS_PASSES_MASK) == 0)
        return MW_OK;
    for (size_t i = 0; i < c->n_out; i++)
        if (mwi_keras_mask_of(c, c->out[i]) < 0)
            MWI_TRY(mwi_keras_set_mask(c, c->out[i], c->masks[0]));
    return MW_OK;
}

/* The results bear the layer's name; further ones their number. */
static mw_status name_results(mwi_keras_call *c, size_t first_tensor)
{
    mwi_keras_build *const b = c->build;

    for (size_t i = 0; i < c->n_out; i++) {
        mwi_tensor *const t = b->graph->tensors[c->out[i]];
        if ((size_t)c->out[i] < first_tensor || t->data != NULL) continue;
        if (c->n_out == 1)
            MWI_TRY(mwi_arena_printf(b->ctx, &b->model->arena, &t->name, "%s", c->scope));
        else
            MWI_TRY(mwi_arena_printf(b->ctx, &b->model->arena, &t->name, "%s:%zu", c->scope, i));
    }
    return MW_OK;
}

static mw_status run_row(mwi_keras_call *c)
{
    const mwi_keras_row *const row = c->layer->row;
    const size_t first_tensor = c->build->graph->n_tensors;
    bool first = false;

    if ((row->flags & MWI_KERAS_SPATIAL) != 0)
        MWI_TRY(mwi_keras_channels_first(c->ctx, c->layer, &first));
    MWI_TRY(prepare_inputs(c, first));
    MWI_TRY(row->build(c));
    for (size_t i = 0; first && i < c->n_out; i++) {
        if (mwi_keras_tensor(c, c->out[i])->rank != mwi_keras_tensor(c, c->in[0])->rank) continue;
        MWI_TRY(move_channels(c, c->out[i], false, &c->out[i]));
    }
    MWI_TRY(pass_masks(c));
    return name_results(c, first_tensor);
}

static mw_status start_call(mwi_keras_build *b, mwi_keras_layer *l, mwi_keras_call *c)
{
    c->ctx = b->ctx;
    c->build = b;
    c->layer = l;
    c->scope = l->path;
    if (l->n_calls++ > 0)
        return mwi_arena_printf(b->ctx, b->scratch, &c->scope, "%s#%u", l->path, l->n_calls - 1);
    return MW_OK;
}

/* ---- nets ---- */

static mw_status call_sequential(mwi_keras_build *b, mwi_keras_layer *model,
                                 const mwi_keras_call *as, results *out)
{
    results present = {as->n_in, as->in};

    if (as->n_in != 1)
        return mwi_fail(b->ctx, MW_EFORMAT, "layer '%s' (Sequential) is called with %zu inputs",
                        model->path, as->n_in);
    for (size_t i = 0; i < model->n_children; i++) {
        mwi_keras_layer *const l = model->children[i];
        if (i == 0 && l->row != NULL && (l->row->flags & MWI_KERAS_NO_DATA) != 0) continue;
        const mwi_keras_call next = {.in = present.v, .n_in = present.n};
        MWI_TRY(call_layer(b, l, &next, &present));
        if (present.v == NULL) {
            static const int32_t broken[1] = {MWI_KERAS_BROKEN};
            present = (results){1, broken};
        }
    }
    *out = present.n == 1 && present.v[0] == MWI_KERAS_BROKEN ? (results){0, NULL} : present;
    return MW_OK;
}

enum { UNSEEN, OPEN, DONE };

/* Nodes before the nodes that need them, else as the config lists them; by an explicit stack, since
 * a chain of calls may be as long as the file. */
static mw_status order_from(mwi_keras_build *b, const mwi_keras_layer *model, size_t start,
                            uint8_t *state, size_t *stack, size_t *next)
{
    mwi_keras_net *const net = model->net;
    size_t n = 0;

    if (state[start] != UNSEEN) return MW_OK;
    state[start] = OPEN;
    stack[n++] = start;
    while (n > 0) {
        const size_t at = stack[n - 1];
        const mwi_keras_refs *const in = &net->nodes[at].in;
        while (next[at] < in->n && state[in->v[next[at]].node] == DONE) next[at]++;
        if (next[at] == in->n) {
            state[at] = DONE;
            net->order[net->n_order++] = at;
            n--;
            continue;
        }
        const size_t below = (size_t)in->v[next[at]].node;
        if (state[below] == OPEN)
            return mwi_fail(b->ctx, MW_EFORMAT, "'%s' (%s): layer '%s' takes its own result",
                            model->path, model->class_name,
                            model->children[net->nodes[below].layer]->name);
        state[below] = OPEN;
        stack[n++] = below;
    }
    return MW_OK;
}

static mw_status mark_needed(mwi_keras_build *b, const mwi_keras_net *net, bool *needed)
{
    void *memory;
    size_t n = 0;

    MWI_TRY(mwi_arena_array(b->ctx, b->scratch, net->n_nodes, sizeof(size_t), &memory));
    size_t *const stack = memory;
    for (size_t i = 0; i < net->outputs.n; i++) {
        const size_t at = (size_t)net->outputs.v[i].node;
        if (!needed[at]) needed[at] = true, stack[n++] = at;
    }
    while (n > 0) {
        const mwi_keras_refs *const in = &net->nodes[stack[--n]].in;
        for (size_t i = 0; i < in->n; i++) {
            const size_t at = (size_t)in->v[i].node;
            if (!needed[at]) needed[at] = true, stack[n++] = at;
        }
    }
    return MW_OK;
}

static mw_status find_order(mwi_keras_build *b, const mwi_keras_layer *model)
{
    mwi_keras_net *const net = model->net;
    const size_t n = net->n_nodes;
    void *order, *state, *stack, *next, *needed;

    MWI_TRY(mwi_arena_array(b->ctx, b->scratch, n, sizeof(size_t), &order));
    MWI_TRY(mwi_arena_array(b->ctx, b->scratch, n, 1, &state));
    MWI_TRY(mwi_arena_array(b->ctx, b->scratch, n, sizeof(size_t), &stack));
    MWI_TRY(mwi_arena_array(b->ctx, b->scratch, n, sizeof(size_t), &next));
    MWI_TRY(mwi_arena_array(b->ctx, b->scratch, n, sizeof(bool), &needed));
    net->order = order;
    MWI_TRY(mark_needed(b, net, needed));
    for (size_t i = 0; i < n; i++)
        if (((const bool *)needed)[i]) MWI_TRY(order_from(b, model, i, state, stack, next));
    return MW_OK;
}

static mw_status pick(mwi_keras_build *b, const mwi_keras_layer *model, const results *of_node,
                      const mwi_keras_ref *r, int32_t *out)
{
    const results *const from = &of_node[r->node];

    *out = MWI_KERAS_BROKEN;
    if (from->v == NULL) return MW_OK;
    if ((size_t)r->tensor >= from->n)
        return mwi_fail(b->ctx, MW_EFORMAT,
                        "'%s' (%s): result %d of layer '%s' is used, which has %zu", model->path,
                        model->class_name, r->tensor, model->children[r->layer]->name, from->n);
    *out = from->v[r->tensor];
    return MW_OK;
}

static mw_status call_node(mwi_keras_build *b, const mwi_keras_layer *model,
                           const mwi_keras_node *node, results *of_node, results *out)
{
    void *in_memory, *key_memory;

    MWI_TRY(mwi_arena_array(b->ctx, b->scratch, node->in.n, sizeof(int32_t), &in_memory));
    MWI_TRY(mwi_arena_array(b->ctx, b->scratch, node->in.n, sizeof(char *), &key_memory));
    int32_t *const in = in_memory;
    const char **const keys = key_memory;
    for (size_t i = 0; i < node->in.n; i++) {
        MWI_TRY(pick(b, model, of_node, &node->in.v[i], &in[i]));
        keys[i] = node->in.v[i].key;
    }
    const mwi_keras_call as = {.in = in, .n_in = node->in.n, .in_keys = keys, .args = node->json};
    mwi_keras_layer *const l = model->children[node->layer];
    *out = (results){0, NULL};
    if (l->row != NULL && !l->reported) {
        const mw_status st = mwi_keras_check_arguments(b->ctx, l->row, node->json);
        if (st != MW_OK) return take_refusal(b, l, st);
    }
    return call_layer(b, l, &as, out);
}

static mw_status bind_inputs(mwi_keras_build *b, const mwi_keras_layer *model,
                             const mwi_keras_call *as, results *of_node)
{
    const mwi_keras_net *const net = model->net;

    if (as->n_in != net->inputs.n)
        return mwi_fail(b->ctx, MW_EFORMAT, "layer '%s' (%s) is called with %zu inputs, has %zu",
                        model->path, model->class_name, as->n_in, net->inputs.n);
    for (size_t i = 0; i < net->inputs.n; i++) {
        const size_t at = (size_t)net->inputs.v[i].node;
        if (net->nodes[at].json != NULL)
            return mwi_fail(b->ctx, MW_EFORMAT,
                            "'%s' (%s): input %zu is layer '%s', which is not an InputLayer",
                            model->path, model->class_name, i,
                            model->children[net->nodes[at].layer]->name);
        of_node[at] = as->in[i] < 0 ? (results){0, NULL} : (results){1, &as->in[i]};
    }
    return MW_OK;
}

static bool is_bound(const mwi_keras_net *net, size_t node)
{
    for (size_t i = 0; i < net->inputs.n; i++)
        if ((size_t)net->inputs.v[i].node == node) return true;
    return false;
}

static mw_status call_functional(mwi_keras_build *b, mwi_keras_layer *model,
                                 const mwi_keras_call *as, results *out)
{
    mwi_keras_net *const net = model->net;
    void *memory, *out_memory;

    if (net->order == NULL) MWI_TRY(find_order(b, model));
    MWI_TRY(mwi_arena_array(b->ctx, b->scratch, net->n_nodes, sizeof(results), &memory));
    results *const of_node = memory;
    MWI_TRY(bind_inputs(b, model, as, of_node));
    MWI_ASSERT(net->n_order == 0 || net->order != NULL);
    for (size_t i = 0; i < net->n_order; i++) {
        const mwi_keras_node *const node = &net->nodes[net->order[i]];
        MWI_TRY(mwi_progress(b->ctx, "read layers", i, net->n_order));
        if (node->json != NULL)
            MWI_TRY(call_node(b, model, node, of_node, &of_node[net->order[i]]));
        else if (!is_bound(net, net->order[i]))
            return mwi_fail(b->ctx, MW_EFORMAT, "'%s' (%s): layer '%s' is no input of the model",
                            model->path, model->class_name, model->children[node->layer]->name);
    }
    MWI_TRY(mwi_arena_array(b->ctx, b->scratch, net->outputs.n, sizeof(int32_t), &out_memory));
    int32_t *const v = out_memory;
    for (size_t i = 0; i < net->outputs.n; i++)
        MWI_TRY(pick(b, model, of_node, &net->outputs.v[i], &v[i]));
    *out = (results){net->outputs.n, v};
    return MW_OK;
}

static mw_status call_row(mwi_keras_build *b, mwi_keras_layer *l, const mwi_keras_call *as,
                          results *out)
{
    mwi_keras_call c = *as;

    MWI_TRY(start_call(b, l, &c));
    c.n_out = c.out_capacity = 0;
    c.out = NULL;
    c.n_ops = 0;
    if (c.n_in == 0 && (l->row->build == NULL || (l->row->flags & MWI_KERAS_NO_DATA) == 0))
        return mwi_fail(b->ctx, MW_EFORMAT, "layer '%s' (%s) is called without an input", l->path,
                        l->class_name);
    if (l->row->build == NULL) { /* an InputLayer between other layers changes nothing */
        *out = (results){as->n_in, as->in};
        return MW_OK;
    }
    if (l->n_calls == 1) MWI_TRY(mwi_keras_note_untrained(b, l));
    const mw_status st = run_row(&c);
    if (st == MW_OK) {
        *out = (results){c.n_out, c.out};
        return MW_OK;
    }
    *out = (results){0, NULL};
    return mwi_prefix(b->ctx, take_refusal(b, l, st), "layer '%s' (%s)", l->path, l->class_name);
}

static mw_status call_layer(mwi_keras_build *b, mwi_keras_layer *l, const mwi_keras_call *as,
                            results *out)
{
    *out = (results){0, NULL};
    if (l->row == NULL) return report(b, l, l->refusal);
    if (++b->n_calls > MAX_CALLS)
        return mwi_fail(b->ctx, MW_ELIMIT, "more than %d calls of layers", MAX_CALLS);
    if (l->net != NULL)
        return l->net->sequential ? call_sequential(b, l, as, out) : call_functional(b, l, as, out);
    for (size_t i = 0; i < as->n_in; i++)
        if (as->in[i] == MWI_KERAS_BROKEN) return MW_OK;
    return call_row(b, l, as, out);
}

mw_status mwi_keras_run(mwi_keras_call *c, const mwi_keras_layer *layer, size_t n_in,
                        const int32_t *in, size_t *out_n, const int32_t **out)
{
    const mwi_keras_call as = {.in = in, .n_in = n_in};
    results r;

    MWI_TRY(
        call_layer(c->build, (mwi_keras_layer *)(uintptr_t)layer, &as, &r)); /* counts its calls */
    *out_n = r.n;
    *out = r.v;
    if (r.v != NULL && r.n > 0 && r.v[0] >= 0) return MW_OK;
    c->build->refused_inside = true; /* the layer itself is in the list already */
    return mwi_fail(c->ctx, MW_EUNSUPPORTED, "holds '%s' (%s), which is not supported", layer->name,
                    layer->class_name);
}

/* ---- the whole ---- */

/* A result that is an input, or twice a result, gets an operator and a name of its own. */
static mw_status separate_outputs(mwi_keras_build *b, const mwi_keras_layer *root, size_t n,
                                  int32_t *v)
{
    mwi_keras_call c = {.ctx = b->ctx, .build = b, .layer = root, .scope = root->path};

    for (size_t i = 0; i < n; i++) {
        const mwi_tensor *const t = b->graph->tensors[v[i]];
        bool again = t->data != NULL || mwi_graph_producer(b->graph, v[i]) < 0;
        int32_t shape[MW_MAX_RANK], s;
        for (size_t k = 0; k < i; k++) again |= v[k] == v[i];
        if (!again) continue;
        memcpy(shape, t->dims, sizeof shape);
        shape[0] = -1;
        MWI_TRY(mwi_keras_i32s(&c, (size_t)t->rank, shape, &s));
        MWI_TRY(mwi_keras_binary(&c, "RESHAPE", v[i], s, &v[i]));
    }
    return MW_OK;
}

/* The signature that TensorFlow's converter writes too: inputs and outputs by their layers' names.
 */
static mw_status add_signature(mwi_keras_build *b)
{
    mwi_graph *const g = b->graph;
    void *signature, *in, *out;

    MWI_TRY(mwi_arena_array(b->ctx, &b->model->arena, 1, sizeof(mwi_signature), &signature));
    MWI_TRY(
        mwi_arena_array(b->ctx, &b->model->arena, g->n_inputs, sizeof(mwi_signature_entry), &in));
    MWI_TRY(
        mwi_arena_array(b->ctx, &b->model->arena, g->n_outputs, sizeof(mwi_signature_entry), &out));
    *(mwi_signature *)signature = (mwi_signature){.key = "serving_default",
                                                  .n_inputs = g->n_inputs,
                                                  .n_outputs = g->n_outputs,
                                                  .inputs = in,
                                                  .outputs = out};
    for (size_t i = 0; i < g->n_inputs; i++)
        ((mwi_signature_entry *)in)[i] =
            (mwi_signature_entry){g->tensors[g->inputs[i]]->name, g->inputs[i]};
    for (size_t i = 0; i < g->n_outputs; i++)
        ((mwi_signature_entry *)out)[i] =
            (mwi_signature_entry){g->tensors[g->outputs[i]]->name, g->outputs[i]};
    b->model->signatures = signature;
    b->model->n_signatures = 1;
    return MW_OK;
}

/* Which weights stand in the graph, and its operators, so that a save can tell whether only values
 * changed. */
static mw_status remember(mwi_keras_build *b, const mwi_keras_layer *root)
{
    void *memory;

    MWI_TRY(mwi_model_sweep(b->ctx, b->model, NULL));
    for (size_t g = 0; g < b->model->n_graphs; g++)
        for (size_t i = 0; i < b->model->graphs[g]->n_tensors; i++) {
            const int32_t use = b->model->graphs[g]->tensors[i]->source;
            if (use >= 0) b->origin->uses[use].present = true;
        }
    MWI_TRY(
        mwi_arena_array(b->ctx, &b->model->arena, b->graph->n_ops, sizeof(mwi_op_desc *), &memory));
    b->origin->ops = memory;
    b->origin->n_ops = b->graph->n_ops;
    b->origin->n_graphs = b->model->n_graphs;
    for (size_t i = 0; i < b->graph->n_ops; i++) b->origin->ops[i] = b->graph->ops[i]->desc;
    MWI_TRY(mwi_keras_note_unused(b, root));
    return b->untrained.n == 0 ? MW_OK
                               : mwi_arena_string(b->ctx, &b->model->arena, b->untrained.chars,
                                                  b->untrained.n, &b->origin->untrained);
}

static mw_status refuse_all(mwi_keras_build *b)
{
    return mwi_fail(b->ctx, MW_EUNSUPPORTED, "%zu layer%s not supported: %s", b->n_problems,
                    b->n_problems == 1 ? " is" : "s are",
                    mwi_text_chars(b->problems.n < MAX_REASONS ? &b->problems : &b->names));
}

static mw_status build_graph(mwi_keras_build *b, mwi_keras_layer *root)
{
    const size_t n_in = root->net->sequential ? 1 : root->net->inputs.n;
    void *memory;
    results r;

    MWI_TRY(check_tree(b, root));
    MWI_TRY(mwi_arena_array(b->ctx, b->scratch, n_in, sizeof(int32_t), &memory));
    int32_t *const in = memory;
    mw_status st = MW_OK;
    for (size_t i = 0; i < n_in && st == MW_OK; i++) st = mwi_keras_add_input(b, root, i, &in[i]);
    /* What is not supported comes before open dimensions. */
    if (st != MW_OK && b->n_problems > 0) return refuse_all(b);
    MWI_TRY(st);
    const mwi_keras_call as = {.in = in, .n_in = n_in};
    st = call_layer(b, root, &as, &r);
    /* A shape that does not fit may come of a layer that is not built. */
    if (b->n_problems > 0) return refuse_all(b);
    MWI_TRY(st);
    if (r.v == NULL || r.n == 0) return mwi_fail(b->ctx, MW_EFORMAT, "the model has no outputs");
    MWI_TRY(mwi_arena_copy(b->ctx, b->scratch, r.v, r.n * sizeof *r.v, &memory));
    MWI_TRY(separate_outputs(b, root, r.n, memory));
    MWI_TRY(mwi_graph_set_io(b->ctx, b->model, b->graph, in, n_in, memory, r.n));
    MWI_TRY(add_signature(b));
    return remember(b, root);
}

mw_status mwi_keras_build_graph(mwi_keras_build *b, mwi_keras_layer *root)
{
    if (root->row == NULL || root->net == NULL)
        return mwi_fail(b->ctx, MW_EUNSUPPORTED, "layer '%s' (%s) %s", root->path, root->class_name,
                        root->refusal != NULL
                            ? root->refusal
                            : "is not a model; save a Sequential or Functional model");
    return build_graph(b, root);
}
