/* milliwatt/custom.h - operators of your own: a session runs custom operators of a model by
 * functions that the program gives, told by the operator's custom code.
 * Threads: the functions are called by the thread that plans or runs the session.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MILLIWATT_CUSTOM_H
#define MILLIWATT_CUSTOM_H

#include <milliwatt/session.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { MW_CUSTOM_MAX_OPERANDS = 32 }; /* inputs of an operator; outputs of one */

/* One use of the operator in a graph. Borrowed during the call. */
typedef struct mw_custom_call {
    const void *options; /* the operator's custom options, as they stand in the file */
    size_t n_options;
    size_t n_in, n_out;
    /* plan: only constants have data. An input that is left out has no name and no data. */
    const mw_buffer *in;
    /* plan: set info.rank and info.dims. run: write data. Strings (mw_string) may point to what
     * those of inputs point to, or to memory of yours that lives until the next run. */
    mw_buffer *out;
    size_t scratch_bytes; /* plan: set it to what run needs */
    void *scratch;        /* run: that, 64-byte aligned, with anything in it */
    bool unknown; /* plan: set it when a shape depends on data that is not there: plan is called
                   * again during the run, when all inputs have data */
} mw_custom_call;

/* Both return MW_OK, or what mw_custom_fail returns. */
typedef struct mw_custom_op {
    const char *name; /* the custom code: "MyOperator" */
    void *self;       /* handed to both */
    /* Checks types and shapes of the inputs and sets the outputs' shapes; their types are the
     * file's. May be called several times; what it sets must depend on `call` alone. */
    mw_status (*plan)(void *self, mw_ctx *ctx, mw_custom_call *call);
    mw_status (*run)(void *self, mw_ctx *ctx, const mw_custom_call *call);
} mw_custom_op;

/* Records a message for a person and returns `status`, which must not be MW_OK. */
MW_API mw_status mw_custom_fail(mw_ctx *ctx, mw_status status, const char *message);

#ifdef __cplusplus
}
#endif
#endif
