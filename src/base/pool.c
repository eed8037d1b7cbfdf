/* base/pool.c - a condition variable wakes the workers, an atomic counter hands out pieces.
 * Depends: base/ctx, pthreads.  Used by: runtime, kernels.
 * Holds:   (1) between calls every worker waits on `wake`;  (2) `round` grows by one a call;
 *          (3) fields of the job are written under `lock` while no worker is busy.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

struct worker {
    mwi_pool *pool;
    pthread_t thread;
    uint32_t index;
};

struct mwi_pool {
    mwi_heap *heap;
    size_t bytes;
    pthread_mutex_t lock;
    pthread_cond_t wake, done;
    uint64_t round;
    uint32_t busy;
    bool stop;
    mwi_range_fn fn;
    void *arg;
    size_t n, grain;
    _Atomic size_t next;
    uint32_t n_threads; /* the caller and n_threads - 1 workers */
    struct worker workers[];
};

static void work(mwi_pool *pool, uint32_t index)
{
    for (;;) {
        const size_t begin = atomic_fetch_add(&pool->next, pool->grain);
        if (begin >= pool->n) return;
        const size_t left = pool->n - begin;
        pool->fn(pool->arg, begin, begin + (left < pool->grain ? left : pool->grain), index);
    }
}

static void *worker_main(void *arg)
{
    struct worker *const w = arg;
    mwi_pool *const pool = w->pool;
    uint64_t seen = 0;

    (void)pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (pool->round == seen && !pool->stop)
            (void)pthread_cond_wait(&pool->wake, &pool->lock);
        if (pool->stop) break;
        seen = pool->round;
        (void)pthread_mutex_unlock(&pool->lock);
        work(pool, w->index);
        (void)pthread_mutex_lock(&pool->lock);
        if (--pool->busy == 0) (void)pthread_cond_signal(&pool->done);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return NULL;
}

mw_status mwi_pool_create(mw_ctx *ctx, uint32_t n_threads, mwi_pool **out)
{
    void *memory;

    *out = NULL;
    if (n_threads == 0 || n_threads > 256)
        return mwi_fail(ctx, MW_EINVAL, "%u threads, allowed 1 to 256", n_threads);
    const size_t bytes = sizeof(mwi_pool) + (n_threads - 1) * sizeof(struct worker);
    MWI_TRY(mwi_alloc(ctx, bytes, &memory));
    memset(memory, 0, bytes);
    mwi_pool *const pool = memory;
    pool->heap = mwi_heap_retain(ctx);
    pool->bytes = bytes;
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->wake, NULL);
    (void)pthread_cond_init(&pool->done, NULL);
    pool->n_threads = 1;
    for (uint32_t i = 1; i < n_threads; i++) {
        struct worker *const w = &pool->workers[i - 1];
        w->pool = pool;
        w->index = i;
        if (pthread_create(&w->thread, NULL, worker_main, w) != 0) {
            mwi_pool_destroy(pool);
            return mwi_fail(ctx, MW_EUNAVAILABLE, "cannot start thread %u of %u", i, n_threads);
        }
        pool->n_threads++;
    }
    *out = pool;
    return MW_OK;
}

void mwi_pool_destroy(mwi_pool *pool)
{
    if (pool == NULL) return;
    (void)pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    (void)pthread_cond_broadcast(&pool->wake);
    (void)pthread_mutex_unlock(&pool->lock);
    for (uint32_t i = 1; i < pool->n_threads; i++)
        (void)pthread_join(pool->workers[i - 1].thread, NULL);
    (void)pthread_cond_destroy(&pool->done);
    (void)pthread_cond_destroy(&pool->wake);
    (void)pthread_mutex_destroy(&pool->lock);
    mwi_heap *const heap = pool->heap;
    mwi_heap_free(heap, pool, pool->bytes);
    mwi_heap_release(heap);
}

void mwi_par_for(mwi_pool *pool, size_t n, size_t grain, mwi_range_fn fn, void *arg)
{
    if (n == 0) return;
    if (grain == 0) grain = 1;
    if (pool == NULL || pool->n_threads == 1 || n <= grain) {
        for (size_t begin = 0; begin < n; begin += grain)
            fn(arg, begin, n - begin < grain ? n : begin + grain, 0);
        return;
    }
    (void)pthread_mutex_lock(&pool->lock);
    pool->fn = fn;
    pool->arg = arg;
    pool->n = n;
    pool->grain = grain;
    atomic_store(&pool->next, 0);
    pool->busy = pool->n_threads - 1;
    pool->round++;
    (void)pthread_cond_broadcast(&pool->wake);
    (void)pthread_mutex_unlock(&pool->lock);
    work(pool, 0);
    (void)pthread_mutex_lock(&pool->lock);
    while (pool->busy != 0) (void)pthread_cond_wait(&pool->done, &pool->lock);
    (void)pthread_mutex_unlock(&pool->lock);
}
