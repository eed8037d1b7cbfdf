/* formats/tflite/write_model.c - model -> a .tflite file: buffers, subgraphs, signatures, metadata.
 * Depends: flatbuffer_build, write.  Used by: tflite.c.
 * Holds:   (1) constants are never copied: the structure is built first, then they follow it;
 *          (2) each starts at a multiple of 16 bytes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/tflite/write.h"

#include "base/checked.h"
#include "formats/tflite/schema.h"

#include <string.h>

/* Larger constants are equal only where they are the same: comparing would read them all. */
enum { ALIGN = 16, MOST_COMPARED = 1 << 20 };

/* ---- buffers ---- */

/* Of the length and of some of the content: equal constants are written once. */
static size_t hash(const void *data, size_t bytes)
{
    enum { SOME = 512 };
    const uint8_t *const at = data;
    const size_t step = bytes / SOME + 1;
    uint64_t h = bytes * 0x9e3779b97f4a7c15u;

    for (size_t i = 0; i < bytes; i += step) h = (h ^ at[i]) * 0x100000001b3u;
    h ^= h >> 29;
    h *= 0xbf58476d1ce4e5b9u;
    return (size_t)(h ^ h >> 32);
}

/* The map is made for all constants of the model at once and at most half full. */
static mw_status make_map(mw_ctx *ctx, mwi_tfl_writer *wr)
{
    const mw_model *const m = wr->model;
    size_t n = m->n_metadata + 1;
    void *memory;

    for (size_t g = 0; g < m->n_graphs; g++) n += m->graphs[g]->n_tensors;
    wr->map_size = 16;
    while (wr->map_size < 2 * n) wr->map_size *= 2;
    MWI_TRY(mwi_arena_array(ctx, &wr->scratch, wr->map_size, sizeof *wr->buffer_map, &memory));
    wr->buffer_map = memory;
    return MW_OK;
}

mw_status mwi_tfl_buffer_of(mw_ctx *ctx, mwi_tfl_writer *wr, const void *data, size_t bytes,
                            uint32_t *out)
{
    *out = 0;
    if (data == NULL || bytes == 0) return MW_OK;
    size_t at = hash(data, bytes) & (wr->map_size - 1);
    for (; wr->buffer_map[at] != 0; at = (at + 1) & (wr->map_size - 1)) {
        const mwi_tfl_blob *const b = &wr->buffers[wr->buffer_map[at]];
        if (b->bytes != bytes) continue;
        if (b->data != data && (bytes > MOST_COMPARED || memcmp(b->data, data, bytes) != 0))
            continue;
        *out = wr->buffer_map[at];
        return MW_OK;
    }
    MWI_TRY(mwi_arena_grow(ctx, &wr->scratch, &wr->buffers, wr->n_buffers, &wr->buffers_capacity,
                           sizeof *wr->buffers));
    wr->buffers[wr->n_buffers].data = data;
    wr->buffers[wr->n_buffers].bytes = bytes;
    *out = wr->buffer_map[at] = (uint32_t)wr->n_buffers++;
    return MW_OK;
}

/* Numbers all buffers and sums them up, to know whether they fit behind 32-bit offsets. */
static mw_status gather_buffers(mw_ctx *ctx, mwi_tfl_writer *wr, uint64_t *out_bytes)
{
    const mw_model *const m = wr->model;
    uint32_t number;

    MWI_TRY(make_map(ctx, wr));
    MWI_TRY(mwi_arena_grow(ctx, &wr->scratch, &wr->buffers, 0, &wr->buffers_capacity,
                           sizeof *wr->buffers));
    wr->n_buffers = 1; /* number 0: empty */
    for (size_t g = 0; g < m->n_graphs; g++) {
        const mwi_graph *const graph = m->graphs[g];
        for (size_t i = 0; i < graph->n_tensors; i++)
            MWI_TRY(mwi_tfl_buffer_of(ctx, wr, graph->tensors[i]->data, graph->tensors[i]->bytes,
                                      &number));
        for (size_t i = 0; i < graph->n_ops; i++) *out_bytes += graph->ops[i]->n_custom_options;
    }
    for (size_t i = 0; i < m->n_metadata; i++)
        MWI_TRY(mwi_tfl_buffer_of(ctx, wr, m->metadata[i].data, m->metadata[i].bytes, &number));
    for (size_t i = 1; i < wr->n_buffers; i++) *out_bytes += wr->buffers[i].bytes + 2 * ALIGN;
    return MW_OK;
}

static mw_status write_buffers(mw_ctx *ctx, mwi_tfl_writer *wr, size_t from)
{
    size_t first;

    MWI_TRY(mwi_fbb_refs(ctx, &wr->b, from, wr->n_buffers, &first));
    for (size_t i = 0; i < wr->n_buffers; i++) {
        mwi_tfl_blob *const blob = &wr->buffers[i];
        mwi_fbb_table t = {0};
        if (i > 0 && wr->outside) {
            mwi_fbb_u64(&t, TFL_BUFFER_OFFSET, 0);
            mwi_fbb_u64(&t, TFL_BUFFER_SIZE, blob->bytes);
        } else if (i > 0) {
            mwi_fbb_ref(&t, TFL_BUFFER_DATA);
        }
        MWI_TRY(mwi_fbb_write(ctx, &wr->b, first + 4 * i, &t));
        blob->ref = t.at[wr->outside ? TFL_BUFFER_OFFSET : TFL_BUFFER_DATA];
        blob->ref2 = t.at[TFL_BUFFER_SIZE];
    }
    return MW_OK;
}

/* ---- subgraphs, signatures, metadata ---- */

static mw_status write_subgraph(mw_ctx *ctx, mwi_tfl_writer *wr, size_t index, size_t from)
{
    const mwi_graph *const g = wr->model->graphs[index];
    mwi_fbb_table t = {0};

    for (int slot = TFL_SUBGRAPH_TENSORS; slot <= TFL_SUBGRAPH_OPERATORS; slot++)
        mwi_fbb_ref(&t, slot);
    if (g->name[0] != '\0') mwi_fbb_ref(&t, TFL_SUBGRAPH_NAME);
    MWI_TRY(mwi_fbb_write(ctx, &wr->b, from, &t));
    if (g->name[0] != '\0') MWI_TRY(mwi_fbb_string(ctx, &wr->b, t.at[TFL_SUBGRAPH_NAME], g->name));
    MWI_TRY(mwi_fbb_vector(ctx, &wr->b, t.at[TFL_SUBGRAPH_INPUTS], g->inputs, g->n_inputs,
                           sizeof *g->inputs));
    MWI_TRY(mwi_fbb_vector(ctx, &wr->b, t.at[TFL_SUBGRAPH_OUTPUTS], g->outputs, g->n_outputs,
                           sizeof *g->outputs));
    MWI_TRY(mwi_tfl_write_tensors(ctx, wr, g, t.at[TFL_SUBGRAPH_TENSORS]));
    return mwi_tfl_write_ops(ctx, wr, index, t.at[TFL_SUBGRAPH_OPERATORS]);
}

static mw_status write_subgraphs(mw_ctx *ctx, mwi_tfl_writer *wr, size_t from)
{
    size_t first;

    MWI_TRY(mwi_fbb_refs(ctx, &wr->b, from, wr->model->n_graphs, &first));
    for (size_t i = 0; i < wr->model->n_graphs; i++)
        MWI_TRY(mwi_prefix(ctx, write_subgraph(ctx, wr, i, first + 4 * i), "subgraph %zu", i));
    return MW_OK;
}

static mw_status write_tensor_maps(mw_ctx *ctx, mwi_tfl_writer *wr,
                                   const mwi_signature_entry *entries, size_t n, size_t from)
{
    size_t first;

    MWI_TRY(mwi_fbb_refs(ctx, &wr->b, from, n, &first));
    for (size_t i = 0; i < n; i++) {
        mwi_fbb_table t = {0};
        mwi_fbb_ref(&t, TFL_MAP_NAME);
        mwi_fbb_u32(&t, TFL_MAP_TENSOR, (uint32_t)entries[i].tensor);
        MWI_TRY(mwi_fbb_write(ctx, &wr->b, first + 4 * i, &t));
        MWI_TRY(mwi_fbb_string(ctx, &wr->b, t.at[TFL_MAP_NAME], entries[i].name));
    }
    return MW_OK;
}

static mw_status write_signatures(mw_ctx *ctx, mwi_tfl_writer *wr, size_t from)
{
    size_t first;

    MWI_TRY(mwi_fbb_refs(ctx, &wr->b, from, wr->model->n_signatures, &first));
    for (size_t i = 0; i < wr->model->n_signatures; i++) {
        const mwi_signature *const s = &wr->model->signatures[i];
        mwi_fbb_table t = {0};
        mwi_fbb_ref(&t, TFL_SIGNATURE_INPUTS);
        mwi_fbb_ref(&t, TFL_SIGNATURE_OUTPUTS);
        mwi_fbb_ref(&t, TFL_SIGNATURE_KEY);
        mwi_fbb_u32(&t, TFL_SIGNATURE_SUBGRAPH, (uint32_t)s->graph);
        MWI_TRY(mwi_fbb_write(ctx, &wr->b, first + 4 * i, &t));
        MWI_TRY(write_tensor_maps(ctx, wr, s->inputs, s->n_inputs, t.at[TFL_SIGNATURE_INPUTS]));
        MWI_TRY(write_tensor_maps(ctx, wr, s->outputs, s->n_outputs, t.at[TFL_SIGNATURE_OUTPUTS]));
        MWI_TRY(mwi_fbb_string(ctx, &wr->b, t.at[TFL_SIGNATURE_KEY], s->key));
    }
    return MW_OK;
}

static mw_status write_metadata(mw_ctx *ctx, mwi_tfl_writer *wr, size_t from)
{
    size_t first;
    uint32_t buffer;

    MWI_TRY(mwi_fbb_refs(ctx, &wr->b, from, wr->model->n_metadata, &first));
    for (size_t i = 0; i < wr->model->n_metadata; i++) {
        const mwi_metadata *const m = &wr->model->metadata[i];
        mwi_fbb_table t = {0};
        MWI_TRY(mwi_tfl_buffer_of(ctx, wr, m->data, m->bytes, &buffer));
        mwi_fbb_ref(&t, TFL_METADATA_NAME);
        mwi_fbb_u32(&t, TFL_METADATA_BUFFER, buffer);
        MWI_TRY(mwi_fbb_write(ctx, &wr->b, first + 4 * i, &t));
        MWI_TRY(mwi_fbb_string(ctx, &wr->b, t.at[TFL_METADATA_NAME], m->name));
    }
    return MW_OK;
}

static mw_status write_structure(mw_ctx *ctx, mwi_tfl_writer *wr)
{
    const mw_model *const m = wr->model;
    const bool described = m->description != NULL && m->description[0] != '\0';
    mwi_fbb_table t = {0};

    MWI_TRY(mwi_fbb_start(ctx, &wr->b, "TFL3"));
    mwi_fbb_u32(&t, TFL_MODEL_VERSION, TFL_SCHEMA_VERSION);
    mwi_fbb_ref(&t, TFL_MODEL_OPERATOR_CODES);
    mwi_fbb_ref(&t, TFL_MODEL_SUBGRAPHS);
    if (described) mwi_fbb_ref(&t, TFL_MODEL_DESCRIPTION);
    mwi_fbb_ref(&t, TFL_MODEL_BUFFERS);
    if (m->n_metadata > 0) mwi_fbb_ref(&t, TFL_MODEL_METADATA);
    if (m->n_signatures > 0) mwi_fbb_ref(&t, TFL_MODEL_SIGNATURE_DEFS);
    MWI_TRY(mwi_fbb_write(ctx, &wr->b, 0, &t));
    if (described)
        MWI_TRY(mwi_fbb_string(ctx, &wr->b, t.at[TFL_MODEL_DESCRIPTION], m->description));
    MWI_TRY(mwi_tfl_write_codes(ctx, wr, t.at[TFL_MODEL_OPERATOR_CODES]));
    MWI_TRY(write_subgraphs(ctx, wr, t.at[TFL_MODEL_SUBGRAPHS]));
    if (m->n_signatures > 0) MWI_TRY(write_signatures(ctx, wr, t.at[TFL_MODEL_SIGNATURE_DEFS]));
    if (m->n_metadata > 0) MWI_TRY(write_metadata(ctx, wr, t.at[TFL_MODEL_METADATA]));
    return write_buffers(ctx, wr, t.at[TFL_MODEL_BUFFERS]);
}

/* ---- what follows the structure ---- */

/* Where a blob's bytes go when `end` bytes stand before it: aligned, and behind its length when
 * inline. */
static uint64_t place(const mwi_tfl_writer *wr, uint64_t end)
{
    const uint64_t at = end + (wr->outside ? 0 : 4);

    return (at + ALIGN - 1) / ALIGN * ALIGN;
}

static mw_status point_to_blobs(mw_ctx *ctx, mwi_tfl_writer *wr, const mwi_tfl_blob *blobs,
                                size_t n, uint64_t *end)
{
    for (size_t i = 0; i < n; i++) {
        const uint64_t at = place(wr, *end);
        if (wr->outside) {
            mwi_fbb_patch_u64(&wr->b, blobs[i].ref, at);
            mwi_fbb_patch_u64(&wr->b, blobs[i].ref2, blobs[i].bytes);
        } else {
            mwi_fbb_point(&wr->b, blobs[i].ref, at - 4);
        }
        *end = at + blobs[i].bytes;
        if (!wr->outside && *end > MWI_FBB_MAX_BYTES)
            return mwi_fail(ctx, MW_ELIMIT, "structure and constants are larger than %zu bytes",
                            MWI_FBB_MAX_BYTES);
    }
    return MW_OK;
}

static mw_status send_blobs(mw_ctx *ctx, const mwi_tfl_writer *wr, const mwi_tfl_blob *blobs,
                            size_t n, uint64_t *end, mwi_tfl_sink sink, void *self)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t head[ALIGN + 4] = {0};
        const uint64_t at = place(wr, *end);
        const size_t gap =
            (size_t)(at - *end); /* at least 4 when inline: the length stands in it */
        if (!wr->outside)
            for (unsigned k = 0; k < 4; k++) head[gap - 4 + k] = (uint8_t)(blobs[i].bytes >> 8 * k);
        MWI_TRY(sink(self, ctx, head, gap));
        MWI_TRY(sink(self, ctx, blobs[i].data, blobs[i].bytes));
        *end = at + blobs[i].bytes;
    }
    return MW_OK;
}

static mw_status save(mw_ctx *ctx, mwi_tfl_writer *wr, uint64_t max_inline_bytes, mwi_tfl_sink sink,
                      void *self)
{
    uint64_t bytes = 0, end;

    MWI_TRY(mwi_tfl_check_ops(ctx, wr->model));
    MWI_TRY(gather_buffers(ctx, wr, &bytes));
    MWI_TRY(mwi_tfl_gather_codes(ctx, wr));
    wr->outside = bytes > max_inline_bytes;
    MWI_TRY(write_structure(ctx, wr));
    end = wr->b.n;
    MWI_TRY(point_to_blobs(ctx, wr, wr->buffers + 1, wr->n_buffers - 1, &end));
    MWI_TRY(point_to_blobs(ctx, wr, wr->options, wr->n_options, &end));
    MWI_TRY(sink(self, ctx, wr->b.bytes, wr->b.n));
    end = wr->b.n;
    MWI_TRY(send_blobs(ctx, wr, wr->buffers + 1, wr->n_buffers - 1, &end, sink, self));
    return send_blobs(ctx, wr, wr->options, wr->n_options, &end, sink, self);
}

mw_status mwi_tfl_save(mw_ctx *ctx, const mw_model *model, uint64_t max_inline_bytes,
                       mwi_tfl_sink sink, void *self)
{
    mwi_tfl_writer wr = {.model = model};

    mwi_arena_init(ctx, &wr.scratch);
    mwi_fbb_init(ctx, &wr.b);
    const mw_status st = save(ctx, &wr, max_inline_bytes, sink, self);
    mwi_fbb_deinit(ctx, &wr.b);
    mwi_arena_deinit(&wr.scratch);
    return st;
}
