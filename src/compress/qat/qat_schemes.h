/* compress/qat/qat_schemes.h - what may be trained for: the rows of mw_list "qat".
 * Depends: nothing.  Used by: compress/qat, api/.     SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_COMPRESS_QAT_QAT_SCHEMES_H
#define MWI_COMPRESS_QAT_QAT_SCHEMES_H

#include <milliwatt/quantize.h>

typedef struct mwi_qat_scheme {
    int32_t asked; /* in mw_qat_options */
    mw_quant_scheme scheme;
    const char *name, *summary;
} mwi_qat_scheme;

extern const mwi_qat_scheme mwi_qat_schemes[]; /* ends with a NULL name */

#endif
