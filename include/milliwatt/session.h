/* milliwatt/session.h - running a model: a plan made once, then runs that allocate nothing.
 * Threads: a session is thread-compatible: one thread at a time, with any ctx, not only its
 * creator's; sessions of one model are independent.
 * Limits: limits.max_memory_bytes of the ctx that made it; limits.max_depth where shapes depend on
 * data. A pointer may be NULL only where a comment says so.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MILLIWATT_SESSION_H
#define MILLIWATT_SESSION_H

#include <milliwatt/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mw_session mw_session;

/* All fields may be zero. */
typedef struct mw_session_options {
    uint32_t n_threads;    /* 0: 1 */
    const char *device;    /* "/CPU:0"; NULL: that */
    const char *kernels;   /* names of kernels to prefer, with '*' and '?': "*__ref"; where none of
                            * them takes an operator, the best other does. NULL: the best. For
                            * comparisons */
    const char *signature; /* key of a signature; NULL: subgraph 0 */
    bool profile;          /* time each step: mw_session_step */
    /* A session of the same model whose variables and tables this one uses too, as the signatures
     * of one interpreter do (train, infer): what one assigns the other reads, an initialiser runs
     * once for all, mw_session_reset by any resets them for all. NULL: its own. Each may be
     * destroyed first. Sessions that share are used, reset and destroyed by one thread at a time.
     */
    const mw_session *share_with;
    /* Operators of the program, in place of custom operators of that name; copied, but what they
     * point to is borrowed until the session is destroyed. milliwatt/custom.h */
    const struct mw_custom_op *custom_ops;
    size_t n_custom_ops;
} mw_session_options;

/* Plans the model at its declared shapes (an open dimension is 1).
 *   model        retained by the session
 *   out_session  owned: mw_session_destroy
 * Fails: MW_EUNSUPPORTED (operators without a kernel, all named), MW_EFORMAT, MW_ELIMIT, MW_ENOMEM,
 *        MW_EUNAVAILABLE (no such device), MW_EINVAL (no kernel has such a name, no such
 *        signature). */
MW_API MW_MUST_USE mw_status mw_session_create(mw_ctx *ctx, const mw_model *model,
                                               const mw_session_options *options,
                                               mw_session **out_session);
MW_API void mw_session_destroy(mw_session *session); /* accepts NULL */

MW_API size_t mw_session_n_inputs(const mw_session *session);
MW_API size_t mw_session_n_outputs(const mw_session *session);

/* Plans for other input shapes (one per input); earlier plans are kept, so that going back is free.
 * State (variables) keeps its values where its shape stays.
 * Fails: MW_EINVAL (rank differs), MW_EUNSUPPORTED (the graph fixes a shape, e.g. a constant
 * RESHAPE; the session is as it was before), MW_ENOMEM. */
MW_API MW_MUST_USE mw_status mw_session_resize(mw_ctx *ctx, mw_session *session,
                                               const mw_shape *input_shapes);

/* A tensor's memory in the present plan. Borrowed until the session is resized or destroyed.
 * Strings: elements are mw_string. What an input's point to is yours and stays as it is until the
 * outputs have been read; an input that was not written since the session was made or resized is
 * empty strings. What an output's point to is borrowed until the next run, mw_session_reset (of any
 * session that shares resources) or destroy; after a run that failed they are empty. */
typedef struct mw_buffer {
    mw_tensor_info info; /* planned dims */
    void *data;
    size_t bytes;
} mw_buffer;
/* Write an input's bytes, run, read an output's bytes.
 * Fails: MW_EINVAL (no such index). */
MW_API MW_MUST_USE mw_status mw_session_input(mw_ctx *ctx, mw_session *session, size_t index,
                                              mw_buffer *out_buffer);
MW_API MW_MUST_USE mw_status mw_session_output(mw_ctx *ctx, mw_session *session, size_t index,
                                               mw_buffer *out_buffer);
/* One inference. Allocates nothing, but where the shape of a value depends on data (WHERE, a
 * computed RESHAPE): what follows is then planned by the first run that meets the shape; such
 * outputs have 0 bytes before. Inputs may be overwritten by it: write them before each run. Fails:
 * MW_EINVAL (an index held in a tensor is out of range), MW_ELIMIT, MW_ECANCELLED. */
MW_API MW_MUST_USE mw_status mw_session_run(mw_ctx *ctx, mw_session *session);
/* Sets all state (variable tensors) back to its first value; variables have no value again, tables
 * are empty, and initialisers (CALL_ONCE) run again. */
MW_API MW_MUST_USE mw_status mw_session_reset(mw_ctx *ctx, mw_session *session);

/* Runs a batch of `batch` samples held by the caller, in any number: the batch is planned for where
 * the graph allows it, else the samples are run one after another, with the same results.
 *   in, out  one pointer an input or output, in the session's order; each `batch` samples long. A
 * sample is the declared shape without its first dimension where that is the batch: the same for
 * all inputs. Else all of an input is one sample, and batch must be 1. A run of one sample gives
 * all of an output. See mw_session_input_sample_bytes. Strings are mw_string, owned as in
 * mw_buffer; those of all samples are good until the next run. Fails: as mw_session_run; MW_EINVAL
 * (a batch that the graph cannot be given). */
MW_API MW_MUST_USE mw_status mw_session_run_batch(mw_ctx *ctx, mw_session *session, size_t batch,
                                                  const void *const *in, void *const *out);
/* Bytes of a sample as mw_session_run_batch takes and gives it; 0: no such index. */
MW_API size_t mw_session_input_sample_bytes(const mw_session *session, size_t index);
MW_API size_t mw_session_output_sample_bytes(const mw_session *session, size_t index);

typedef struct mw_session_memory {
    uint64_t arena_bytes;  /* activations of the largest plan, planned offsets */
    uint64_t state_bytes;  /* variables and tables; shared ones in each session */
    uint64_t weight_bytes; /* constants used in place from the model */
    uint64_t packed_bytes; /* weights rearranged for kernels: made once for the model, shared by all
                            * plans of all its sessions, which are all counted here */
    uint64_t prepared_bytes; /* arguments of steps, and what is folded while planning */
} mw_session_memory;
MW_API void mw_session_memory_use(const mw_session *session, mw_session_memory *out_memory);

/* Steps of the present plan, in running order. */
typedef struct mw_step_info {
    const char *op;     /* "CONV_2D" */
    const char *name;   /* its first output's name */
    const char *kernel; /* which kernel was chosen */
    const char *device; /* "/CPU:0" */
    uint64_t macs, bytes;
    uint64_t n_runs; /* since creation; 0 without options.profile */
    double total_us; /* of these runs */
} mw_step_info;
MW_API size_t mw_session_n_steps(const mw_session *session);
MW_API MW_MUST_USE mw_status mw_session_step(mw_ctx *ctx, const mw_session *session, size_t index,
                                             mw_step_info *out_info);

/* Called around each mw_session_run; the place where a governor sits. NULL removes. */
typedef struct mw_session_hooks {
    void (*before_run)(void *self, mw_session *session);
    void (*after_run)(void *self, mw_session *session, double latency_us);
    void *self;
} mw_session_hooks;
MW_API void mw_session_set_hooks(mw_session *session, const mw_session_hooks *hooks);

#ifdef __cplusplus
}
#endif
#endif
