/* formats/formats.c - the list of formats.
 * Depends: formats/format.  Used by: api/.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/format.h"

#define MWI_FORMAT(id) extern const mwi_format_desc mwi_format_##id;
#include "formats/formats.def"
#undef MWI_FORMAT

const mwi_format_desc *const mwi_formats[] = {
#define MWI_FORMAT(id) &mwi_format_##id,
#include "formats/formats.def"
#undef MWI_FORMAT
    NULL,
};
