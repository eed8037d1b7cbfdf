/* formats/keras/archive_h5.h - what archive_zip.c needs of archive_h5.c.
 * Depends: base/.  Used by: formats/keras/ only.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_FORMATS_KERAS_ARCHIVE_H5_H
#define MWI_FORMATS_KERAS_ARCHIVE_H5_H

#include "formats/keras/archive.h"

/* v3: the file is model.weights.h5 of a .keras. borrow: arrays may point into r's bytes. */
MW_MUST_USE mw_status mwi_keras_read_h5(mw_ctx *ctx, const mwi_reader *r, mwi_arena *arena, bool v3,
                                        bool borrow, mwi_keras_archive *out);

#endif
