/* tests/conformance.h - one case of the shared material: model, inputs, expected outputs,
 * tolerance.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MW_TESTS_CONFORMANCE_H
#define MW_TESTS_CONFORMANCE_H

#include <milliwatt/milliwatt.h>

typedef enum verdict { AGREES, DIFFERS, REFUSED } verdict;

typedef struct tolerance {
    bool exact;
    double max_abs;
    int64_t max_ulp;
} tolerance;

/* Whether every element passes by the rules of the corpus; else *where is the first that does not.
 */
bool arrays_agree(mw_dtype dtype, const void *got, const void *expected, size_t n,
                  const tolerance *tol, size_t *where);
double element_at(mw_dtype dtype, const void *data, size_t i);

/* Folders in a folder, sorted; free each and the list. */
char **list_folders(const char *path, size_t *out_n);
void free_list(char **list, size_t n);

typedef struct run_options {
    uint32_t n_threads;
    const char *kernels; /* as in mw_session_options */
    size_t *n_named;     /* grows by the steps that such kernels run; may be NULL */
    bool thorough; /* also: the same again after a reset; a batch gives what single runs give */
    bool optimize; /* the model goes through mw_optimize first */
} run_options;

/* Each counts a run that allocates as a difference, and as refused only what fails with
 * MW_EUNSUPPORTED. */

/* A folder with model.tflite, case.json, in_<i>.npy, out_<i>.npy; `why` gets what went wrong. */
verdict run_corpus_case(const char *folder, const run_options *options, char *why,
                        size_t why_bytes);
/* A folder with model.tflite, case.json, inputs.npz, expected.npz. */
verdict run_model_case(const char *folder, const run_options *options, char *why, size_t why_bytes);

#endif
