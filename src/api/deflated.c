/* api/deflated.c - the size of a file when it is deflated.
 * Depends: base/file, zlib.  Used by: programs.   SPDX-License-Identifier: Apache-2.0 */
#include <milliwatt/model.h>

#include "base/file.h"

#include <string.h>
#include <zlib.h>

enum { PIECE_BYTES = 1 << 20 };

static mw_status deflate_all(mw_ctx *ctx, const mwi_mapping *file, Bytef *out, uint64_t *out_bytes)
{
    z_stream z;
    size_t at = 0;
    int result = Z_OK;

    memset(&z, 0, sizeof z);
    if (deflateInit(&z, Z_BEST_COMPRESSION) != Z_OK)
        return mwi_fail(ctx, MW_ENOMEM, "out of memory");
    while (result != Z_STREAM_END) {
        const size_t left = file->len - at, piece = left < PIECE_BYTES ? left : PIECE_BYTES;
        if (z.avail_in == 0) {
            z.next_in = (z_const Bytef *)(uintptr_t)(file->bytes + at); /* zlib does not write it */
            z.avail_in = (uInt)piece;
            at += piece;
        }
        z.next_out = out;
        z.avail_out = PIECE_BYTES;
        result = deflate(&z, at == file->len ? Z_FINISH : Z_NO_FLUSH);
        *out_bytes += PIECE_BYTES - z.avail_out;
    }
    (void)deflateEnd(&z);
    return MW_OK;
}

mw_status mw_file_deflated_bytes(mw_ctx *ctx, const char *path, uint64_t *out_bytes)
{
    mwi_mapping file;
    void *memory;

    mwi_enter(ctx);
    *out_bytes = 0;
    MWI_TRY(mwi_file_map(ctx, path, &file));
    mw_status st = mwi_alloc(ctx, PIECE_BYTES, &memory);
    if (st == MW_OK) {
        st = deflate_all(ctx, &file, memory, out_bytes);
        mwi_free(ctx, memory, PIECE_BYTES);
    }
    mwi_file_unmap(&file);
    return st;
}
