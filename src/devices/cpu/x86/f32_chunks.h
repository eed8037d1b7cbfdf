/* devices/cpu/x86/f32_chunks.h - the gradient of a filter as sums over chunks of the work, which
 * are added up in order: neither their number nor what is in them depends on the threads.
 * Depends: f32_outer, model/op_desc.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DEVICES_CPU_X86_F32_CHUNKS_H
#define MWI_DEVICES_CPU_X86_F32_CHUNKS_H

#include "devices/cpu/x86/f32_outer.h"

#include "model/op_desc.h"

/* Sums of a chunk: planes of blocks of channels, each [place][channel of block]. */
typedef struct mwi_f32_chunks {
    const mwi_f32_outer_isa *isa;
    size_t n_planes, n_places, out_c, padded_c, block, n_blocks;
    size_t plane, chunk; /* floats of one */
    size_t n_items, items_a_chunk, n_chunks;
    size_t sums_at; /* bytes into the scratch */
} mwi_f32_chunks;

/* `n_items` of work in at most 8 chunks, in fewer where sums are large. Grows call->scratch_bytes.
 * n_planes, n_places and out_c are set by the caller. Fails: MW_ELIMIT. */
MW_MUST_USE mw_status mwi_f32_chunks_plan(mw_ctx *ctx, mwi_prepare_call *call,
                                          const mwi_f32_outer_isa *isa, size_t n_items,
                                          mwi_f32_chunks *out);
/* Sums of one block of a chunk, in plane 0. */
float *mwi_f32_chunks_sums(const mwi_f32_chunks *chunks, void *scratch, size_t chunk, size_t block);
/* Sums of all chunks to those of the first. */
void mwi_f32_chunks_add(const mwi_f32_chunks *chunks, void *scratch, mwi_pool *pool);

#endif
