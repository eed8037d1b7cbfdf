/* tests/stored_case.h - a case of tests/differential: a .tflite that holds what its inputs are fed
 * and what LiteRT's reference kernels give, as metadata:
 *   "run 0 in 1 f32 2,3"    bytes of input 1 in the first run, of that shape
 *   "run 0 out 0 i8 4"      bytes of output 0
 *   "tolerance"             "2e-06 1e-06 0": how far floats may be off, of their own size, of the
 *                           output's largest, and of 1
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MW_TESTS_STORED_CASE_H
#define MW_TESTS_STORED_CASE_H

#include <milliwatt/session.h>

#include <stdbool.h>

typedef struct stored_case {
    mw_model *model;
    mw_session *session;
} stored_case;

typedef struct stored_array {
    mw_dtype dtype;
    mw_shape shape;
    const void *data; /* borrowed until stored_case_close */
    size_t bytes;
} stored_array;

/* Loads the file and plans it for the shapes of the first run: as declared, then resized; where the
 * graph does not fit the declared shapes, loaded with the others; with the kernels that the pattern
 * names (mw_session_options.kernels). Close it also when it fails. */
MW_MUST_USE mw_status stored_case_open(mw_ctx *ctx, const char *path, const char *kernels,
                                       stored_case *out);
void stored_case_close(stored_case *c);

/* The array of a run; false: the file has none. */
bool stored_case_array(const stored_case *c, size_t run, const char *side, size_t index,
                       stored_array *out);
/* At least 1. */
size_t stored_case_n_runs(const stored_case *c);
/* Feeds the inputs of the run and runs the session. */
MW_MUST_USE mw_status stored_case_run(mw_ctx *ctx, stored_case *c, size_t run);
/* Whether the output is what the file says, within its tolerance; else `why` says what is not. */
bool stored_case_agrees(mw_ctx *ctx, stored_case *c, size_t run, size_t output, char *why,
                        size_t why_bytes);

#endif
