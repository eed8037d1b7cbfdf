/* formats/tflite/write.h - what the parts of the writer share.
 * Depends: flatbuffer_build.  Used by: formats/tflite/.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_FORMATS_TFLITE_WRITE_H
#define MWI_FORMATS_TFLITE_WRITE_H

#include "formats/tflite/flatbuffer_build.h"
#include "ops/registry.h"

/* Constants beyond this are put behind the FlatBuffer, for its offsets end at 2 GiB; room is left
 * for the structure. */
#define MWI_TFL_MAX_INLINE_BYTES ((uint64_t)MWI_FBB_MAX_BYTES - ((uint64_t)128 << 20))

typedef mw_status (*mwi_tfl_sink)(void *self, mw_ctx *ctx, const void *data, size_t bytes);

/* Bytes that are appended behind the structure: a constant, metadata, large custom options. */
typedef struct mwi_tfl_blob {
    const void *data;
    size_t bytes;
    size_t ref; /* where the offset to it (inline), or its 64-bit place and size (outside), stand */
    size_t ref2; /* outside: where the size stands */
} mwi_tfl_blob;

typedef struct mwi_tfl_code_row {
    const mwi_op *op; /* the first that has this code: desc, code, custom code */
    int32_t version;
} mwi_tfl_code_row;

typedef struct mwi_tfl_writer {
    const mw_model *model;
    mwi_fbb b;
    mwi_arena scratch; /* as long as save */
    bool outside;      /* constants lie behind the FlatBuffer: Buffer.offset and size */
    /* Buffers by number; number 0 is the empty one. Equal constants (same data) share one. */
    mwi_tfl_blob *buffers;
    size_t n_buffers, buffers_capacity;
    uint32_t *buffer_map; /* hash of (data, bytes) -> buffer, 0 free */
    size_t map_size;
    mwi_tfl_blob *options; /* large custom options, when outside */
    size_t n_options, options_capacity;
    mwi_tfl_code_row *codes;
    size_t n_codes, codes_capacity;
    uint32_t *code_map; /* hash of a code -> row + 1, 0 free */
    size_t code_map_size;
    uint32_t **op_codes; /* [graph][op]: row of codes */
} mwi_tfl_writer;

/* Number of the buffer with these bytes; 0 when there are none. */
MW_MUST_USE mw_status mwi_tfl_buffer_of(mw_ctx *ctx, mwi_tfl_writer *wr, const void *data,
                                        size_t bytes, uint32_t *out);
/* Each fills the offset at `from`. */
MW_MUST_USE mw_status mwi_tfl_write_tensors(mw_ctx *ctx, mwi_tfl_writer *wr, const mwi_graph *graph,
                                            size_t from);
MW_MUST_USE mw_status mwi_tfl_write_quant(mw_ctx *ctx, mwi_tfl_writer *wr, const mwi_quant *quant,
                                          size_t from);
MW_MUST_USE mw_status mwi_tfl_write_sparsity(mw_ctx *ctx, mwi_tfl_writer *wr, const mwi_sparsity *s,
                                             size_t from);
/* Fails: MW_EUNSUPPORTED, naming every operator that a .tflite cannot hold. */
MW_MUST_USE mw_status mwi_tfl_check_ops(mw_ctx *ctx, const mw_model *model);
/* Decides each operator's version and gathers the codes. */
MW_MUST_USE mw_status mwi_tfl_gather_codes(mw_ctx *ctx, mwi_tfl_writer *wr);
MW_MUST_USE mw_status mwi_tfl_write_codes(mw_ctx *ctx, mwi_tfl_writer *wr, size_t from);
MW_MUST_USE mw_status mwi_tfl_write_ops(mw_ctx *ctx, mwi_tfl_writer *wr, size_t graph, size_t from);

/* The whole model, given to `sink` in pieces. Constants of more than `max_inline_bytes` together
 * are put behind the FlatBuffer. Fails: MW_EUNSUPPORTED, MW_ELIMIT, MW_ENOMEM, or as the sink does.
 */
MW_MUST_USE mw_status mwi_tfl_save(mw_ctx *ctx, const mw_model *model, uint64_t max_inline_bytes,
                                   mwi_tfl_sink sink, void *self);

#endif
