/* model/packs.h - constants rearranged for kernels: made once for a model, shared by all plans of
 * all its sessions. A model owns one; a clone's starts empty. Kernels use mwi_pack (op_desc.h).
 * Depends: model/graph.  Used by: model/, runtime/.
 * Threads: thread-safe; used while planning, never by a run.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_MODEL_PACKS_H
#define MWI_MODEL_PACKS_H

#include "model/graph.h"

/* What a pack is made of, and how. */
typedef struct mwi_pack_key {
    const char *kind;   /* static storage: the layout, "s16" */
    const void *tensor; /* the constant */
    const void *data;   /* its bytes in the model; NULL: it follows from other constants */
    int64_t p0, p1;     /* what else the layout depends on */
    size_t bytes;
} mwi_pack_key;

/* Writes the key's bytes to `out`, all of them. Called once, under the lock: it must not pack. */
typedef void (*mwi_pack_fn)(const void *arg, void *out);

/* *out is owned: mwi_packs_destroy, after all that use its packs. */
MW_MUST_USE mw_status mwi_packs_create(mw_ctx *ctx, mwi_packs **out);
void mwi_packs_destroy(mwi_packs *packs); /* accepts NULL */
/* Finds or makes a pack, 64-byte aligned. *out is borrowed until the packs are destroyed. Fails:
 * MW_ENOMEM, MW_ELIMIT. */
MW_MUST_USE mw_status mwi_packs_get(mw_ctx *ctx, mwi_packs *packs, const mwi_pack_key *key,
                                    mwi_pack_fn fill, const void *arg, const void **out);
/* Of all packs so far. */
uint64_t mwi_packs_bytes(mwi_packs *packs);

#endif
