/* base/file.h - reading whole files, mapped when large; writing them beside and renaming.
 * Depends: base/ctx.  Used by: formats, data.     SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_BASE_FILE_H
#define MWI_BASE_FILE_H

#include "base/ctx.h"

/* The bytes of a regular file: a copy when it is small, else a read-only mapping, which follows
 * what others write into the file and faults when they cut it short. Holds: bytes is NULL only when
 * len is 0. */
typedef struct mwi_mapping {
    const uint8_t *bytes;
    size_t len;
    mwi_heap *heap; /* of a copy; NULL: mapped */
} mwi_mapping;
enum { MWI_FILE_COPY_BYTES = 8 << 20 }; /* the largest that is copied */

/* Fails: MW_EIO (with the system's reason), MW_ELIMIT (limits.max_file_bytes), MW_EINVAL (a
 * folder). */
MW_MUST_USE mw_status mwi_file_map(mw_ctx *ctx, const char *path, mwi_mapping *out);
/* Whether something of this name is there. */
bool mwi_file_exists(const char *path);
void mwi_file_unmap(mwi_mapping *mapping); /* accepts a zeroed one */

/* An output file that appears under its name only when commit succeeds. */
typedef struct mwi_output mwi_output;
MW_MUST_USE mw_status mwi_output_open(mw_ctx *ctx, const char *path, mwi_output **out);
MW_MUST_USE mw_status mwi_output_write(mw_ctx *ctx, mwi_output *output, const void *data,
                                       size_t bytes);
/* Syncs, closes, renames; *output is taken, on failure too (the temporary file is removed then). */
MW_MUST_USE mw_status mwi_output_commit(mw_ctx *ctx, mwi_output *output);
void mwi_output_discard(mwi_output *output); /* accepts NULL */

#endif
