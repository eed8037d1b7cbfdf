/* formats/tflite/read.h - what the parts of the reader share.
 * Depends: flatbuffer_read.  Used by: formats/tflite/.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_FORMATS_TFLITE_READ_H
#define MWI_FORMATS_TFLITE_READ_H

#include "formats/tflite/flatbuffer_read.h"
#include "ops/registry.h"

/* One entry of the model's list of buffers, looked up when first named. */
typedef struct mwi_tfl_buffer {
    bool known;
    const uint8_t *data; /* in the file; NULL: empty */
    size_t bytes;
    const uint8_t
        *aligned; /* the copy for elements that `data` is not aligned to; NULL: not made yet */
} mwi_tfl_buffer;

typedef struct mwi_tfl_code {
    const mwi_op_desc *desc;
    int32_t builtin, version;
    const char *custom_code; /* NULL: a builtin */
} mwi_tfl_code;

typedef struct mwi_tfl_reader {
    mwi_fb fb;
    mw_model *model;
    mwi_arena scratch; /* as long as load */
    mwi_fb_vector buffer_tables;
    mwi_tfl_buffer *buffers; /* buffer_tables.n */
    mwi_tfl_code *codes;
    size_t n_codes;
    uint64_t n_tensors, n_ops; /* of all subgraphs so far: subgraphs may share tables */
} mwi_tfl_reader;

/* Bytes of buffer `index`, aligned to `align`; *out is NULL for an empty one. Fails: MW_EFORMAT (no
 * such buffer, outside the file), MW_ENOMEM. */
MW_MUST_USE mw_status mwi_tfl_buffer_bytes(mw_ctx *ctx, mwi_tfl_reader *rd, uint32_t index,
                                           size_t align, const uint8_t **out, size_t *out_bytes);
/* A vector of int32, copied into the model so that it may be changed. */
MW_MUST_USE mw_status mwi_tfl_indices(mw_ctx *ctx, mwi_tfl_reader *rd, const mwi_fb_table *t,
                                      int slot, const char *what, int32_t **out, size_t *out_n);
/* The tensors of a subgraph. */
MW_MUST_USE mw_status mwi_tfl_read_tensors(mw_ctx *ctx, mwi_tfl_reader *rd,
                                           const mwi_fb_table *subgraph, mwi_graph *graph);
MW_MUST_USE mw_status mwi_tfl_read_quant(mw_ctx *ctx, mwi_tfl_reader *rd,
                                         const mwi_fb_table *tensor, mwi_quant **out);
MW_MUST_USE mw_status mwi_tfl_read_sparsity(mw_ctx *ctx, mwi_tfl_reader *rd,
                                            const mwi_fb_table *tensor, const mwi_sparsity **out);
/* The model's operator codes, then the operators of a subgraph. */
MW_MUST_USE mw_status mwi_tfl_read_codes(mw_ctx *ctx, mwi_tfl_reader *rd,
                                         const mwi_fb_table *model);
MW_MUST_USE mw_status mwi_tfl_read_ops(mw_ctx *ctx, mwi_tfl_reader *rd,
                                       const mwi_fb_table *subgraph, mwi_graph *graph);
/* The whole model. */
MW_MUST_USE mw_status mwi_tfl_load(mw_ctx *ctx, const mwi_reader *r, const mw_load_options *options,
                                   mw_model *model);

#endif
