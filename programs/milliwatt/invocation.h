/* programs/milliwatt/invocation.h - one invocation: arrays in, arrays out, whatever their batch.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MILLIWATT_INVOCATION_H
#define MILLIWATT_INVOCATION_H

#include "command.h"

/* One output of an invocation; data is malloc'ed. */
typedef struct result {
    mw_dtype dtype;
    int32_t rank;
    int32_t dims[MW_MAX_RANK];
    void *data; /* strings point into the session, until it runs again */
    size_t bytes;
} result;

/* Runs the session on one array per input, in the model's order. The arrays' shape is planned for
 * where the file lets it be; else a batch runs item by item. Prints the mistake itself; results are
 * the caller's (free_results) when it returns true. `paths` name the arrays in messages. */
bool feed(mw_ctx *ctx, mw_session *session, const mw_model *model, const mw_array *inputs,
          const char *const *paths, size_t n_inputs, result **out_results);
void free_results(result *results, size_t n); /* accepts NULL */

/* Strings for people: quoted, what is not printable as \xNN, as many as fit `room`, which is 64 at
 * least. */
void strings_text(const mw_string *strings, size_t n, char *out, size_t room);

/* Makes the shape of one declared output that of `n` samples: the first dimension where it is the
 * batch, else one before it. Returns the bytes. */
size_t batch_shape(const mw_session *s, size_t index, mw_tensor_info *t, size_t n);

#endif
