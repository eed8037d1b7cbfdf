/* base/file.c - mapping and atomic writing on POSIX.
 * Depends: base/ctx.  Used by: formats, data.
 * Holds:   a failed write never touches the file that stood there before.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

mw_status mwi_file_map(mw_ctx *ctx, const char *path, mwi_mapping *out)
{
    struct stat info;
    mw_status st = MW_OK;

    memset(out, 0, sizeof *out);
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return mwi_fail(ctx, MW_EIO, "%s: %s", path, strerror(errno));
    if (fstat(fd, &info) != 0) {
        st = mwi_fail(ctx, MW_EIO, "%s: %s", path, strerror(errno));
    } else if (!S_ISREG(info.st_mode)) {
        st = mwi_fail(ctx, MW_EINVAL, "%s: not a regular file", path);
    } else if ((uint64_t)info.st_size > mwi_limits(ctx)->max_file_bytes) {
        st = mwi_fail(ctx, MW_ELIMIT, "%s: %" PRIu64 " bytes, limit %" PRIu64, path,
                      (uint64_t)info.st_size, mwi_limits(ctx)->max_file_bytes);
    } else if (info.st_size > 0) {
        void *const at = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (at == MAP_FAILED)
            st = mwi_fail(ctx, MW_EIO, "%s: mmap: %s", path, strerror(errno));
        else {
            out->bytes = at;
            out->len = (size_t)info.st_size;
        }
    }
    (void)close(fd);
    return st;
}

void mwi_file_unmap(mwi_mapping *mapping)
{
    if (mapping->bytes != NULL) (void)munmap((void *)(uintptr_t)mapping->bytes, mapping->len);
    memset(mapping, 0, sizeof *mapping);
}

struct mwi_output {
    mwi_heap *heap;
    size_t bytes; /* of this struct with both paths */
    int fd;
    char *path, *temporary;
};

static void output_free(mwi_output *o)
{
    mwi_heap *const heap = o->heap;
    mwi_heap_free(heap, o, o->bytes);
    mwi_heap_release(heap);
}

mw_status mwi_output_open(mw_ctx *ctx, const char *path, mwi_output **out)
{
    static const char suffix[] = ".XXXXXX";
    const size_t n = strlen(path), bytes = sizeof(mwi_output) + 2 * n + sizeof suffix + 1;
    void *memory;

    *out = NULL;
    MWI_TRY(mwi_alloc(ctx, bytes, &memory));
    mwi_output *const o = memory;
    o->heap = mwi_heap_retain(ctx);
    o->bytes = bytes;
    o->path = (char *)(o + 1);
    o->temporary = o->path + n + 1;
    memcpy(o->path, path, n + 1);
    memcpy(o->temporary, path, n);
    memcpy(o->temporary + n, suffix, sizeof suffix);
    o->fd = mkstemp(o->temporary);
    if (o->fd < 0) {
        output_free(o);
        return mwi_fail(ctx, MW_EIO, "%s: cannot write beside it: %s", path, strerror(errno));
    }
    *out = o;
    return MW_OK;
}

const char *mwi_output_path(const mwi_output *output) { return output->temporary; }

mw_status mwi_output_write(mw_ctx *ctx, mwi_output *output, const void *data, size_t bytes)
{
    const char *p = data;

    while (bytes > 0) {
        const ssize_t n = write(output->fd, p, bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return mwi_fail(ctx, MW_EIO, "%s: %s", output->path, strerror(errno));
        p += n;
        bytes -= (size_t)n;
    }
    return MW_OK;
}

mw_status mwi_output_commit(mw_ctx *ctx, mwi_output *output)
{
    mw_status st = MW_OK;
    struct stat old;
    /* mkstemp makes files private: take the old file's mode, or what the umask gives a new one. */
    mode_t mode;
    if (stat(output->path, &old) == 0) {
        mode = old.st_mode & 07777;
    } else {
        mode = umask(0);
        (void)umask(mode);
        mode = 0666 & ~mode;
    }
    if (fchmod(output->fd, mode) != 0 || fsync(output->fd) != 0)
        st = mwi_fail(ctx, MW_EIO, "%s: %s", output->path, strerror(errno));
    if (close(output->fd) != 0 && st == MW_OK)
        st = mwi_fail(ctx, MW_EIO, "%s: %s", output->path, strerror(errno));
    if (st == MW_OK && rename(output->temporary, output->path) != 0)
        st = mwi_fail(ctx, MW_EIO, "%s: %s", output->path, strerror(errno));
    if (st != MW_OK) (void)unlink(output->temporary);
    output_free(output);
    return st;
}

void mwi_output_discard(mwi_output *output)
{
    if (output == NULL) return;
    (void)close(output->fd);
    (void)unlink(output->temporary);
    output_free(output);
}
