/* base/ctx.h - inside of mw_ctx: the one way to fail, the one way to allocate.
 * Depends: nothing.  Used by: everything.     SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_BASE_CTX_H
#define MWI_BASE_CTX_H

#include <milliwatt/context.h>
#include <stdarg.h>

#define MWI_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define MWI_TRY(call)                                                                              \
    do {                                                                                           \
        const mw_status mwi_st_ = (call);                                                          \
        if (mwi_st_ != MW_OK) return mwi_st_;                                                      \
    } while (0)

/* For functions with one `out:` label and a local `mw_status st`. */
#define MWI_GOTO(call)                                                                             \
    do {                                                                                           \
        st = (call);                                                                               \
        if (st != MW_OK) goto out;                                                                 \
    } while (0)

/* The first call in each public function that can fail: the record is of this call alone. */
static inline void mwi_enter(mw_ctx *ctx) { mw_ctx_clear(ctx); }

/* The one way to fail: records the message in `ctx` and returns `status`. The last failure is the
 * one that is recorded; the layers above put context before it (mwi_prefix). */
MW_MUST_USE mw_status mwi_fail(mw_ctx *ctx, mw_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
#ifdef __clang_analyzer__ /* which does not see that what failed is not MW_OK */
#define mwi_fail(ctx, status, ...) ((void)(mwi_fail)((ctx), (status), __VA_ARGS__), (status))
#endif
/* Puts "prefix: " before the recorded message and returns `status` as it is. A status that came
 * without a record of its own gets its name as the message. */
MW_MUST_USE mw_status mwi_prefix(mw_ctx *ctx, mw_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* For code that tries something and can do without it: what fails between leaves no trace. save
 * takes the record out of `ctx`, restore puts it back. */
enum { MWI_ERROR_BYTES = 4096 };
typedef struct mwi_error {
    mw_status status;
    char text[MWI_ERROR_BYTES];
} mwi_error;
void mwi_error_save(mw_ctx *ctx, mwi_error *out);
void mwi_error_restore(mw_ctx *ctx, const mwi_error *error);
void mwi_log(mw_ctx *ctx, mw_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* MW_ECANCELLED when the caller's hook says stop; cheap enough for each sample or layer. */
MW_MUST_USE mw_status mwi_progress(mw_ctx *ctx, const char *what, uint64_t done, uint64_t total);

/* While held, the hook is not asked: for short work that keeps what a cancelled one has made. */
void mwi_progress_hold(mw_ctx *ctx, bool hold);

const mw_limits *mwi_limits(const mw_ctx *ctx); /* with the defaults filled in */

/* Memory that counts against limits.max_memory_bytes. 64-byte aligned, not cleared.
 * *out is owned: mwi_free with the same size. bytes may be 0 (then *out is NULL).
 * Fails: MW_ENOMEM, MW_ELIMIT. */
MW_MUST_USE mw_status mwi_alloc(mw_ctx *ctx, size_t bytes, void **out);
/* The part of a context that objects keep: they free after the context is gone. Reference counted.
 */
typedef struct mwi_heap mwi_heap;
mwi_heap *mwi_heap_retain(mw_ctx *ctx);
void mwi_heap_release(mwi_heap *heap); /* accepts NULL */
MW_MUST_USE mw_status mwi_heap_alloc(mw_ctx *ctx, mwi_heap *heap, size_t bytes, void **out);
void mwi_heap_free(mwi_heap *heap, void *ptr, size_t bytes); /* accepts a NULL ptr */
void mwi_free(mw_ctx *ctx, void *ptr, size_t bytes);         /* accepts a NULL ptr */

/* Our own invariants: on in debug, sanitizer and fuzz builds. Input is never asserted. */
#if defined(MWI_DEBUG)
void mwi_assert_failed(const char *file, int line, const char *what) __attribute__((noreturn));
#define MWI_ASSERT(x) ((x) ? (void)0 : mwi_assert_failed(__FILE__, __LINE__, #x))
#else
#define MWI_ASSERT(x) ((void)sizeof(x))
#endif

#endif
