/* base/ctx.c - context, error record, counted heap.
 * Depends: nothing.  Used by: everything.
 * Holds:   (1) malloc and free appear in this file only;  (2) the error record needs no memory.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/ctx.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOG_BYTES = 1024 };

struct mwi_heap {
    mw_allocator allocator;
    uint64_t max_bytes;
    _Atomic uint64_t bytes;
    _Atomic uint64_t peak_bytes;
    _Atomic uint32_t refs;
};

struct mw_ctx {
    mwi_heap *heap;
    mw_ctx_options options;
    mwi_error error;
    bool progress_held;
};

static void *libc_alloc(void *self, size_t bytes, size_t align)
{
    void *ptr = NULL;
    (void)self;
    return posix_memalign(&ptr, align < sizeof(void *) ? sizeof(void *) : align, bytes) == 0 ? ptr
                                                                                             : NULL;
}

static void libc_free(void *self, void *ptr, size_t bytes)
{
    (void)self;
    (void)bytes;
    free(ptr);
}

static const mw_allocator libc_allocator = {libc_alloc, libc_free, NULL};

static void fill_limits(mw_limits *limits)
{
    if (limits->max_file_bytes == 0) limits->max_file_bytes = (uint64_t)4 << 30;
    if (limits->max_memory_bytes == 0) limits->max_memory_bytes = (uint64_t)8 << 30;
    if (limits->max_tensors == 0) limits->max_tensors = 1000000;
    if (limits->max_ops == 0) limits->max_ops = 1000000;
    if (limits->max_loop_iterations == 0) limits->max_loop_iterations = 1000000;
    if (limits->max_depth == 0) limits->max_depth = 64;
}

mw_status mw_ctx_create(const mw_ctx_options *options, mw_ctx **out_ctx)
{
    const mw_allocator *a =
        options != NULL && options->allocator != NULL ? options->allocator : &libc_allocator;
    mw_ctx *ctx;
    mwi_heap *heap;

    if (out_ctx == NULL) return MW_EINVAL;
    *out_ctx = NULL;
    if (a->alloc == NULL || a->free == NULL) return MW_EINVAL;
    ctx = a->alloc(a->self, sizeof *ctx, 64);
    if (ctx == NULL) return MW_ENOMEM;
    heap = a->alloc(a->self, sizeof *heap, 64);
    if (heap == NULL) {
        a->free(a->self, ctx, sizeof *ctx);
        return MW_ENOMEM;
    }
    memset(ctx, 0, sizeof *ctx);
    memset(heap, 0, sizeof *heap);
    if (options != NULL) ctx->options = *options;
    fill_limits(&ctx->options.limits);
    heap->allocator = *a;
    heap->max_bytes = ctx->options.limits.max_memory_bytes;
    atomic_init(&heap->refs, 1);
    ctx->heap = heap;
    *out_ctx = ctx;
    return MW_OK;
}

void mw_ctx_destroy(mw_ctx *ctx)
{
    mwi_heap *heap;
    mw_allocator a;

    if (ctx == NULL) return;
    heap = ctx->heap;
    a = heap->allocator;
    a.free(a.self, ctx, sizeof *ctx);
    mwi_heap_release(heap);
}

mwi_heap *mwi_heap_retain(mw_ctx *ctx)
{
    atomic_fetch_add(&ctx->heap->refs, 1);
    return ctx->heap;
}

void mwi_heap_release(mwi_heap *heap)
{
    if (heap == NULL || atomic_fetch_sub(&heap->refs, 1) != 1) return;
    const mw_allocator a = heap->allocator;
    a.free(a.self, heap, sizeof *heap);
}

/* ---- the error record ---- */

const char *mw_ctx_error(const mw_ctx *ctx) { return ctx == NULL ? "" : ctx->error.text; }
mw_status mw_ctx_error_status(const mw_ctx *ctx)
{
    return ctx == NULL ? MW_EINVAL : ctx->error.status;
}

void mw_ctx_clear(mw_ctx *ctx)
{
    if (ctx == NULL) return;
    ctx->error.status = MW_OK;
    ctx->error.text[0] = '\0';
}

void mwi_error_restore(mw_ctx *ctx, const mwi_error *error)
{
    ctx->error.status = error->status;
    memcpy(ctx->error.text, error->text, strlen(error->text) + 1);
}

void mwi_error_save(mw_ctx *ctx, mwi_error *out)
{
    out->status = ctx->error.status;
    memcpy(out->text, ctx->error.text, strlen(ctx->error.text) + 1);
    mw_ctx_clear(ctx);
}

uint64_t mw_ctx_memory_bytes(const mw_ctx *ctx) { return atomic_load(&ctx->heap->bytes); }
uint64_t mw_ctx_peak_memory_bytes(const mw_ctx *ctx) { return atomic_load(&ctx->heap->peak_bytes); }
const mw_limits *mwi_limits(const mw_ctx *ctx) { return &ctx->options.limits; }

mw_status(mwi_fail)(mw_ctx *ctx, mw_status status, const char *format, ...)
{
    mwi_error *const e = &ctx->error;
    char text[MWI_ERROR_BYTES];
    va_list args;

    MWI_ASSERT(status != MW_OK);
    va_start(args, format);
    /* Not in place: an argument may be the old message. */
    const int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    memcpy(e->text, n < 0 ? "" : text, n < 0 ? 1 : strlen(text) + 1);
    e->status = status;
    return status;
}

mw_status mwi_prefix(mw_ctx *ctx, mw_status status, const char *format, ...)
{
    mwi_error *const e = &ctx->error;
    char head[512];
    va_list args;
    size_t n;

    if (status == MW_OK) return MW_OK;
    if (e->status != status) status = mwi_fail(ctx, status, "%s", mw_status_name(status));
    va_start(args, format);
    const int printed = vsnprintf(head, sizeof head - 2, format, args);
    va_end(args);
    if (printed < 0) return status;
    n = strlen(head);
    head[n++] = ':';
    head[n++] = ' ';
    const size_t old = strlen(e->text);
    const size_t keep = old < sizeof e->text - n - 1 ? old : sizeof e->text - n - 1;
    memmove(e->text + n, e->text, keep);
    memcpy(e->text, head, n);
    e->text[n + keep] = '\0';
    return status;
}

void mwi_log(mw_ctx *ctx, mw_log_level level, const char *format, ...)
{
    char line[LOG_BYTES];
    va_list args;

    if (ctx->options.log == NULL) return;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    ctx->options.log(ctx->options.log_self, level, line);
}

void mwi_progress_hold(mw_ctx *ctx, bool hold) { ctx->progress_held = hold; }

mw_status mwi_progress(mw_ctx *ctx, const char *what, uint64_t done, uint64_t total)
{
    if (ctx->options.progress == NULL || ctx->progress_held) return MW_OK;
    if (ctx->options.progress(ctx->options.progress_self, what, done, total)) return MW_OK;
    return mwi_fail(ctx, MW_ECANCELLED, "cancelled during %s", what);
}

mw_status mwi_heap_alloc(mw_ctx *ctx, mwi_heap *heap, size_t bytes, void **out)
{
    *out = NULL;
    if (bytes == 0) return MW_OK;
    const uint64_t now = atomic_fetch_add(&heap->bytes, bytes) + bytes;
    if (bytes > heap->max_bytes || now > heap->max_bytes) {
        atomic_fetch_sub(&heap->bytes, bytes);
        return mwi_fail(ctx, MW_ELIMIT,
                        "%zu more bytes would pass the limit of %" PRIu64
                        " bytes of memory; raise limits.max_memory_bytes",
                        bytes, heap->max_bytes);
    }
    void *ptr = heap->allocator.alloc(heap->allocator.self, bytes, 64);
    if (ptr == NULL) {
        atomic_fetch_sub(&heap->bytes, bytes);
        return mwi_fail(ctx, MW_ENOMEM, "out of memory: %zu bytes", bytes);
    }
    uint64_t peak = atomic_load(&heap->peak_bytes);
    while (now > peak && !atomic_compare_exchange_weak(&heap->peak_bytes, &peak, now)) continue;
    *out = ptr;
    return MW_OK;
}

void mwi_heap_free(mwi_heap *heap, void *ptr, size_t bytes)
{
    if (ptr == NULL) return;
    heap->allocator.free(heap->allocator.self, ptr, bytes);
    atomic_fetch_sub(&heap->bytes, bytes);
}

mw_status mwi_alloc(mw_ctx *ctx, size_t bytes, void **out)
{
    return mwi_heap_alloc(ctx, ctx->heap, bytes, out);
}

void mwi_free(mw_ctx *ctx, void *ptr, size_t bytes) { mwi_heap_free(ctx->heap, ptr, bytes); }

const char *mw_status_name(mw_status status)
{
    static const char *const names[] = {
        "ok",       "invalid argument", "malformed file",        "unsupported",
        "limit",    "out of memory",    "input or output error", "unavailable",
        "cancelled"};
    return (size_t)status < MWI_COUNT(names) ? names[status] : "unknown status";
}

const char *mw_version(void) { return "0.1.0"; }

#if defined(MWI_DEBUG)
void mwi_assert_failed(const char *file, int line, const char *what)
{
    (void)fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, what);
    __builtin_trap();
}
#endif
