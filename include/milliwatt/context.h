/* milliwatt/context.h - status codes, and the context that every call takes first.
 * A context holds the allocator, the limits, the log and the one error record.
 * Threads: a context is thread-compatible: one thread at a time; make one per thread, it is cheap.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MILLIWATT_CONTEXT_H
#define MILLIWATT_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define MW_API      __attribute__((visibility("default")))
#define MW_MUST_USE __attribute__((warn_unused_result))
#else
#define MW_API
#define MW_MUST_USE
#endif

/* Numbers are ABI: never reused. */
typedef enum mw_status {
    MW_OK = 0,
    MW_EINVAL = 1,       /* caller broke a documented precondition */
    MW_EFORMAT = 2,      /* bytes are malformed; trying again cannot help */
    MW_EUNSUPPORTED = 3, /* valid, but this build cannot do it */
    MW_ELIMIT = 4,       /* over a limit of the context */
    MW_ENOMEM = 5,       /* the allocator gave nothing */
    MW_EIO = 6,          /* the operating system refused to read or write */
    MW_EUNAVAILABLE = 7, /* no such device or meter here, or no permission */
    MW_ECANCELLED = 8,   /* the caller's cancel hook asked to stop */
} mw_status;

/* One of two words for each status: "ok", "invalid", ... Static storage. Never NULL. */
MW_API const char *mw_status_name(mw_status status);

/* Injected memory. Both functions may be called from several threads at once. */
typedef struct mw_allocator {
    /* Returns `bytes` bytes aligned to `align` (a power of two, at most 64), or NULL. bytes > 0. */
    void *(*alloc)(void *self, size_t bytes, size_t align);
    /* Takes back what alloc gave; `bytes` as it was then. ptr is never NULL. */
    void (*free)(void *self, void *ptr, size_t bytes);
    void *self;
} mw_allocator;

/* Bounds on what hostile input can make the library do. 0 means the default beside it. */
typedef struct mw_limits {
    uint64_t max_file_bytes;      /* 4 GiB: largest file that is read */
    uint64_t max_memory_bytes;    /* 8 GiB: allocator bytes in use at once through this context */
    uint32_t max_tensors;         /* 1,000,000 tensors in a model */
    uint32_t max_ops;             /* 1,000,000 operators in a model */
    uint32_t max_loop_iterations; /* 1,000,000 turns of one WHILE */
    uint32_t max_depth;           /* 64 nested subgraphs, groups, JSON values */
} mw_limits;

typedef enum mw_log_level { MW_LOG_DEBUG = 0, MW_LOG_INFO = 1, MW_LOG_WARNING = 2 } mw_log_level;

/* All fields may be zero. */
typedef struct mw_ctx_options {
    const mw_allocator *allocator; /* copied; NULL: the C library's */
    mw_limits limits;
    /* Called with one line without a newline. NULL: silent. */
    void (*log)(void *self, mw_log_level level, const char *line);
    void *log_self;
    /* Called often during work, at least for each operator, layer or sample: keep it cheap. `what`
     * names the phase, e.g. "calibrate"; done of total (total 0: unknown; both 0: asks only whether
     * to go on). Return false to cancel: the call then fails with MW_ECANCELLED. */
    bool (*progress)(void *self, const char *what, uint64_t done, uint64_t total);
    void *progress_self;
} mw_ctx_options;

typedef struct mw_ctx mw_ctx;

/* Makes a context. `options` may be NULL. *out_ctx is owned: mw_ctx_destroy.
 * Fails: MW_EINVAL, MW_ENOMEM. */
MW_API MW_MUST_USE mw_status mw_ctx_create(const mw_ctx_options *options, mw_ctx **out_ctx);
/* Accepts NULL. Objects made with the context outlive it; each holds its own allocator. */
MW_API void mw_ctx_destroy(mw_ctx *ctx);

/* The failure of the last call with this ctx as one line for a person: what, where, what to do; ""
 * when that call succeeded. Each call that can fail clears the record first, so there is no need to
 * do so between calls. Borrowed until the next call with this ctx. */
MW_API const char *mw_ctx_error(const mw_ctx *ctx);
MW_API mw_status mw_ctx_error_status(const mw_ctx *ctx);
MW_API void mw_ctx_clear(mw_ctx *ctx);

/* Bytes that the allocator holds through this context now, and the most it ever held. */
MW_API uint64_t mw_ctx_memory_bytes(const mw_ctx *ctx);
MW_API uint64_t mw_ctx_peak_memory_bytes(const mw_ctx *ctx);

/* "0.1.0" */
MW_API const char *mw_version(void);

#ifdef __cplusplus
}
#endif
#endif
