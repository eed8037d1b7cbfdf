/* base/pool.h - threads that sleep when there is nothing to do.
 * Depends: base/ctx.  Used by: runtime (one pool a session), kernels through mwi_par_for.
 * Results never depend on the number of threads: the caller splits work into fixed pieces.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_BASE_POOL_H
#define MWI_BASE_POOL_H

#include "base/ctx.h"

typedef struct mwi_pool mwi_pool;

/* n_threads counts the caller: 1 makes no threads. *out is owned: mwi_pool_destroy. */
MW_MUST_USE mw_status mwi_pool_create(mw_ctx *ctx, uint32_t n_threads, mwi_pool **out);
void mwi_pool_destroy(mwi_pool *pool); /* accepts NULL */

/* Calls fn(arg, begin, end, thread) over [0, n) in pieces of `grain`, on the caller and the
 * workers; returns when all are done. thread < n_threads picks scratch. A NULL pool runs on the
 * caller alone. Allocates nothing. Not reentrant. */
typedef void (*mwi_range_fn)(void *arg, size_t begin, size_t end, uint32_t thread);
void mwi_par_for(mwi_pool *pool, size_t n, size_t grain, mwi_range_fn fn, void *arg);

#endif
