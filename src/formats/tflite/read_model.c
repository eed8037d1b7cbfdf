/* formats/tflite/read_model.c - a .tflite file -> model: buffers, subgraphs, signatures, metadata.
 * Depends: flatbuffer_read, read.  Used by: tflite.c.
 * Trust:   every byte is hostile.
 * Holds:   (1) no other file is opened, whatever the bytes say;  (2) constants point into the file
 *          where they are aligned to their elements, else into the model's arena;  (3) what load
 *          accepts passes mwi_model_verify, so that indices are proven before anything follows
 *          them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/tflite/read.h"

#include "formats/tflite/schema.h"

#include <inttypes.h>
#include <string.h>

/* Something to point to for constants without elements: a constant is told by its pointer. */
static const _Alignas(64) uint8_t nothing[64];

/* ---- buffers ---- */

static mw_status find_buffer(mw_ctx *ctx, mwi_tfl_reader *rd, uint32_t index, mwi_tfl_buffer *b)
{
    const mwi_reader *const r = rd->fb.r;
    mwi_fb_table t;
    mwi_fb_vector v;
    uint64_t offset, size;

    MWI_TRY(mwi_fb_vector_table(ctx, &rd->fb, &rd->buffer_tables, index, "a buffer", &t));
    MWI_TRY(mwi_fb_blob_field(ctx, &rd->fb, &t, TFL_BUFFER_DATA, "a buffer's data", &v));
    if (v.n > 0) {
        b->data = r->bytes + v.at;
        b->bytes = v.n;
    } else {
        /* Behind the FlatBuffer, counted from the start of the file; 0 and 1 stand for "not there".
         */
        MWI_TRY(mwi_fb_u64(ctx, &rd->fb, &t, TFL_BUFFER_OFFSET, "a buffer's offset", 0, &offset));
        MWI_TRY(mwi_fb_u64(ctx, &rd->fb, &t, TFL_BUFFER_SIZE, "a buffer's size", 0, &size));
        if (offset > 1 && size > 0) {
            if (!mwi_reader_has(r, offset, size))
                return mwi_fail(ctx, MW_EFORMAT,
                                "buffer %" PRIu32 " is %" PRIu64 " bytes at %" PRIu64
                                "; the file has %zu",
                                index, size, offset, r->len);
            b->data = r->bytes + offset;
            b->bytes = (size_t)size;
        }
    }
    b->known = true;
    return MW_OK;
}

mw_status mwi_tfl_buffer_bytes(mw_ctx *ctx, mwi_tfl_reader *rd, uint32_t index, size_t align,
                               const uint8_t **out, size_t *out_bytes)
{
    void *copy;

    *out = NULL;
    *out_bytes = 0;
    if (index == 0) return MW_OK; /* by convention the empty one */
    if (index >= rd->buffer_tables.n)
        return mwi_fail(ctx, MW_EFORMAT, "buffer %" PRIu32 " of %zu", index, rd->buffer_tables.n);
    mwi_tfl_buffer *const b = &rd->buffers[index];
    if (!b->known) MWI_TRY(find_buffer(ctx, rd, index, b));
    if (b->data == NULL) return MW_OK;
    *out = b->data;
    *out_bytes = b->bytes;
    if ((uintptr_t)b->data % align == 0) return MW_OK;
    if (b->aligned == NULL) {
        MWI_TRY(mwi_arena_copy(ctx, &rd->model->arena, b->data, b->bytes, &copy));
        b->aligned = copy;
    }
    *out = b->aligned;
    return MW_OK;
}

static mw_status read_buffers(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *root)
{
    void *memory;

    MWI_TRY(mwi_fb_vector_field(ctx, &rd->fb, root, TFL_MODEL_BUFFERS, 4, "the list of buffers",
                                &rd->buffer_tables));
    MWI_TRY(mwi_arena_array(ctx, &rd->scratch, rd->buffer_tables.n, sizeof *rd->buffers, &memory));
    rd->buffers = memory;
    return MW_OK;
}

/* ---- subgraphs ---- */

mw_status mwi_tfl_indices(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *t, int slot,
                          const char *what, int32_t **out, size_t *out_n)
{
    mwi_fb_vector v;
    void *copy;

    MWI_TRY(mwi_fb_vector_field(ctx, &rd->fb, t, slot, sizeof(int32_t), what, &v));
    MWI_TRY(mwi_arena_copy(ctx, &rd->model->arena, rd->fb.r->bytes + v.at, v.n * sizeof(int32_t),
                           &copy));
    *out = copy;
    *out_n = v.n;
    return MW_OK;
}

/* Files leave constants without elements (the axes of a reduction over nothing) without data: what
 * is neither fed, nor made, nor state, and has no elements, is such a constant. */
static mw_status give_empty_constants(mw_ctx *ctx, mwi_tfl_reader *rd, mwi_graph *g)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &rd->scratch, g->n_tensors, sizeof(bool), &memory));
    bool *const valued = memory;
    for (size_t i = 0; i < g->n_inputs; i++)
        if (g->inputs[i] >= 0 && (size_t)g->inputs[i] < g->n_tensors) valued[g->inputs[i]] = true;
    for (size_t i = 0; i < g->n_ops; i++)
        for (size_t k = 0; k < g->ops[i]->n_out; k++) {
            const int32_t t = g->ops[i]->out[k];
            if (t >= 0 && (size_t)t < g->n_tensors) valued[t] = true;
        }
    for (size_t i = 0; i < g->n_tensors; i++) {
        mwi_tensor *const t = g->tensors[i];
        bool empty = false;
        for (int32_t k = 0; k < t->rank; k++) empty |= t->dims[k] == 0;
        if (empty && !valued[i] && !t->is_variable && t->data == NULL && t->sparsity == NULL)
            t->data = nothing;
    }
    return MW_OK;
}

static mw_status read_subgraph(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *t)
{
    mwi_graph *g;
    const char *name;

    MWI_TRY(
        mwi_fb_string(ctx, &rd->fb, &rd->model->arena, t, TFL_SUBGRAPH_NAME, "the name", &name));
    MWI_TRY(mwi_model_add_graph(ctx, rd->model, "", &g));
    if (name != NULL) g->name = name;
    MWI_TRY(mwi_tfl_read_tensors(ctx, rd, t, g));
    MWI_TRY(
        mwi_tfl_indices(ctx, rd, t, TFL_SUBGRAPH_INPUTS, "the inputs", &g->inputs, &g->n_inputs));
    MWI_TRY(mwi_tfl_indices(ctx, rd, t, TFL_SUBGRAPH_OUTPUTS, "the outputs", &g->outputs,
                            &g->n_outputs));
    MWI_TRY(mwi_tfl_read_ops(ctx, rd, t, g));
    return give_empty_constants(ctx, rd, g);
}

static mw_status read_subgraphs(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *root)
{
    mwi_fb_vector v;
    mwi_fb_table t;

    MWI_TRY(mwi_fb_vector_field(ctx, &rd->fb, root, TFL_MODEL_SUBGRAPHS, 4, "the list of subgraphs",
                                &v));
    for (size_t i = 0; i < v.n; i++) {
        mw_status st = mwi_fb_vector_table(ctx, &rd->fb, &v, i, "a subgraph", &t);
        if (st == MW_OK) st = read_subgraph(ctx, rd, &t);
        MWI_TRY(mwi_prefix(ctx, st, "subgraph %zu", i));
    }
    return MW_OK;
}

/* ---- signatures and metadata ---- */

static mw_status read_tensor_maps(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *t, int slot,
                                  const char *what, mwi_signature_entry **out, size_t *out_n)
{
    mwi_fb_vector v;
    mwi_fb_table map;
    void *memory;
    uint32_t tensor;

    MWI_TRY(mwi_fb_vector_field(ctx, &rd->fb, t, slot, 4, what, &v));
    MWI_TRY(mwi_arena_array(ctx, &rd->model->arena, v.n, sizeof **out, &memory));
    *out = memory;
    *out_n = v.n;
    for (size_t i = 0; i < v.n; i++) {
        mwi_signature_entry *const e = &(*out)[i];
        MWI_TRY(mwi_fb_vector_table(ctx, &rd->fb, &v, i, what, &map));
        MWI_TRY(mwi_fb_string(ctx, &rd->fb, &rd->model->arena, &map, TFL_MAP_NAME, what, &e->name));
        if (e->name == NULL) e->name = "";
        MWI_TRY(mwi_fb_u32(ctx, &rd->fb, &map, TFL_MAP_TENSOR, what, 0, &tensor));
        e->tensor = tensor > INT32_MAX ? INT32_MAX
                                       : (int32_t)tensor; /* the verifier says it is too large */
    }
    return MW_OK;
}

static mw_status read_signature(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *t,
                                mwi_signature *s)
{
    uint32_t graph;

    MWI_TRY(
        mwi_fb_string(ctx, &rd->fb, &rd->model->arena, t, TFL_SIGNATURE_KEY, "the key", &s->key));
    if (s->key == NULL) s->key = "";
    MWI_TRY(mwi_fb_u32(ctx, &rd->fb, t, TFL_SIGNATURE_SUBGRAPH, "the subgraph", 0, &graph));
    s->graph = graph;
    MWI_TRY(
        read_tensor_maps(ctx, rd, t, TFL_SIGNATURE_INPUTS, "the inputs", &s->inputs, &s->n_inputs));
    return read_tensor_maps(ctx, rd, t, TFL_SIGNATURE_OUTPUTS, "the outputs", &s->outputs,
                            &s->n_outputs);
}

static mw_status read_signatures(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *root)
{
    mwi_fb_vector v;
    mwi_fb_table t;
    void *memory;

    MWI_TRY(mwi_fb_vector_field(ctx, &rd->fb, root, TFL_MODEL_SIGNATURE_DEFS, 4,
                                "the list of signatures", &v));
    MWI_TRY(mwi_arena_array(ctx, &rd->model->arena, v.n, sizeof *rd->model->signatures, &memory));
    rd->model->signatures = memory;
    for (size_t i = 0; i < v.n; i++) {
        mw_status st = mwi_fb_vector_table(ctx, &rd->fb, &v, i, "a signature", &t);
        if (st == MW_OK) st = read_signature(ctx, rd, &t, &rd->model->signatures[i]);
        MWI_TRY(mwi_prefix(ctx, st, "signature %zu", i));
        rd->model->n_signatures++;
    }
    return MW_OK;
}

static mw_status read_metadata(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *root)
{
    mwi_fb_vector v;
    mwi_fb_table t;
    void *memory;
    uint32_t buffer;

    MWI_TRY(
        mwi_fb_vector_field(ctx, &rd->fb, root, TFL_MODEL_METADATA, 4, "the list of metadata", &v));
    MWI_TRY(mwi_arena_array(ctx, &rd->model->arena, v.n, sizeof *rd->model->metadata, &memory));
    rd->model->metadata = memory;
    for (size_t i = 0; i < v.n; i++) {
        mwi_metadata *const m = &rd->model->metadata[i];
        MWI_TRY(mwi_fb_vector_table(ctx, &rd->fb, &v, i, "a metadata entry", &t));
        MWI_TRY(mwi_fb_string(ctx, &rd->fb, &rd->model->arena, &t, TFL_METADATA_NAME,
                              "a metadata entry's "
                              "name",
                              &m->name));
        if (m->name == NULL) m->name = "";
        MWI_TRY(mwi_fb_u32(ctx, &rd->fb, &t, TFL_METADATA_BUFFER, "a metadata entry's buffer", 0,
                           &buffer));
        MWI_TRY(mwi_prefix(ctx, mwi_tfl_buffer_bytes(ctx, rd, buffer, 1, &m->data, &m->bytes),
                           "metadata %zu", i));
        rd->model->n_metadata++;
    }
    return MW_OK;
}

/* ---- the whole ---- */

/* Open dimensions of the main graph's inputs become what the caller wants. */
static mw_status set_input_shapes(mw_ctx *ctx, const mw_load_options *options, mw_model *model)
{
    if (options == NULL || options->input_shapes == NULL || model->n_graphs == 0) return MW_OK;
    const mwi_graph *const g = model->graphs[0];
    /* Their number is checked after loading, for all formats. */
    for (size_t i = 0; i < g->n_inputs && i < options->n_input_shapes; i++) {
        const mw_shape *const s = &options->input_shapes[i];
        mwi_tensor *const t = g->tensors[g->inputs[i]];
        if (s->rank != t->rank)
            return mwi_fail(ctx, MW_EINVAL, "%s: input %zu '%s' has %d dimensions, %d are given",
                            model->name, i, t->name, t->rank, s->rank);
        for (int32_t k = 0; k < s->rank; k++) {
            if (s->dims[k] < 0 || (t->signature[k] >= 0 && s->dims[k] != t->dims[k]))
                return mwi_fail(ctx, MW_EINVAL,
                                "%s: dimension %d of input %zu '%s' is %d in the file, %d "
                                "is given",
                                model->name, k, i, t->name, t->dims[k], s->dims[k]);
            t->dims[k] = s->dims[k];
        }
    }
    return MW_OK;
}

static mw_status load(mw_ctx *ctx, mwi_tfl_reader *rd)
{
    mwi_fb_table root;
    uint32_t version;
    const char *description;

    MWI_TRY(mwi_fb_root(ctx, &rd->fb, &root));
    MWI_TRY(
        mwi_fb_u32(ctx, &rd->fb, &root, TFL_MODEL_VERSION, "the schema's version", 0, &version));
    if (version != TFL_SCHEMA_VERSION)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "version %" PRIu32 " of the TFLite schema, this build reads %d; "
                        "convert the model again with a newer converter",
                        version, TFL_SCHEMA_VERSION);
    MWI_TRY(read_buffers(ctx, rd, &root));
    MWI_TRY(mwi_tfl_read_codes(ctx, rd, &root));
    MWI_TRY(read_subgraphs(ctx, rd, &root));
    MWI_TRY(read_signatures(ctx, rd, &root));
    MWI_TRY(read_metadata(ctx, rd, &root));
    MWI_TRY(mwi_fb_string(ctx, &rd->fb, &rd->model->arena, &root, TFL_MODEL_DESCRIPTION,
                          "the description", &description));
    if (description != NULL) rd->model->description = description;
    return MW_OK;
}

mw_status mwi_tfl_load(mw_ctx *ctx, const mwi_reader *r, const mw_load_options *options,
                       mw_model *model)
{
    mwi_tfl_reader rd = {.model = model};

    model->format = "tflite";
    model->file_bytes = r->len;
    mwi_fb_init(&rd.fb, r);
    mwi_arena_init(ctx, &rd.scratch);
    const mw_status st = load(ctx, &rd);
    mwi_arena_deinit(&rd.scratch);
    MWI_TRY(mwi_prefix(ctx, st, "%s", r->name));
    MWI_TRY(mwi_model_verify(ctx, model));
    return set_input_shapes(ctx, options, model);
}
