/* base/file.c - reading and atomic writing on POSIX.
 * Depends: base/ctx, base/clock, base/rng.  Used by: formats, data.
 * Holds:   a failed write never touches the file that stood there before.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include "base/clock.h"
#include "base/rng.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static mw_status copy_file(mw_ctx *ctx, const char *path, int fd, size_t bytes, mwi_mapping *out)
{
    size_t done = 0;
    mw_status st = MW_OK;
    void *memory;

    MWI_TRY(mwi_alloc(ctx, bytes, &memory));
    while (done < bytes && st == MW_OK) {
        const ssize_t n = read(fd, (char *)memory + done, bytes - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) st = mwi_fail(ctx, MW_EIO, "%s: %s", path, strerror(errno));
        if (n == 0) st = mwi_fail(ctx, MW_EIO, "%s: cut short while it was read", path);
        if (n > 0) done += (size_t)n;
    }
    if (st != MW_OK) {
        mwi_free(ctx, memory, bytes);
        return st;
    }
    *out = (mwi_mapping){.bytes = memory, .len = bytes, .heap = mwi_heap_retain(ctx)};
    return MW_OK;
}

static mw_status map_file(mw_ctx *ctx, const char *path, int fd, size_t bytes, mwi_mapping *out)
{
    void *const at = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0);

    if (at == MAP_FAILED) return mwi_fail(ctx, MW_EIO, "%s: mmap: %s", path, strerror(errno));
    *out = (mwi_mapping){.bytes = at, .len = bytes};
    return MW_OK;
}

static mw_status read_open(mw_ctx *ctx, const char *path, int fd, mwi_mapping *out)
{
    struct stat info;

    if (fstat(fd, &info) != 0) return mwi_fail(ctx, MW_EIO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode)) return mwi_fail(ctx, MW_EINVAL, "%s: not a regular file", path);
    const uint64_t bytes = (uint64_t)info.st_size, max = mwi_limits(ctx)->max_file_bytes;
    if (bytes > max || bytes > SIZE_MAX)
        return mwi_fail(ctx, MW_ELIMIT, "%s: %" PRIu64 " bytes, limit %" PRIu64, path, bytes, max);
    if (bytes == 0) return MW_OK;
    return bytes <= MWI_FILE_COPY_BYTES ? copy_file(ctx, path, fd, (size_t)bytes, out)
                                        : map_file(ctx, path, fd, (size_t)bytes, out);
}

mw_status mwi_file_map(mw_ctx *ctx, const char *path, mwi_mapping *out)
{
    memset(out, 0, sizeof *out);
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return mwi_fail(ctx, MW_EIO, "%s: %s", path, strerror(errno));
    const mw_status st = read_open(ctx, path, fd, out);
    (void)close(fd);
    return st;
}

bool mwi_file_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

void mwi_file_unmap(mwi_mapping *mapping)
{
    void *const bytes = (void *)(uintptr_t)mapping->bytes; /* ours, handed out as const */

    if (mapping->heap != NULL) {
        mwi_heap_free(mapping->heap, bytes, mapping->len);
        mwi_heap_release(mapping->heap);
    } else if (bytes != NULL) {
        (void)munmap(bytes, mapping->len);
    }
    memset(mapping, 0, sizeof *mapping);
}

struct mwi_output {
    mwi_heap *heap;
    size_t bytes; /* of this struct with both paths */
    int fd;
    mode_t mode; /* of the file that stands there */
    bool replaces;
    char *path, *temporary;
};

static void output_free(mwi_output *o)
{
    mwi_heap *const heap = o->heap;
    mwi_heap_free(heap, o, o->bytes);
    mwi_heap_release(heap);
}

/* Makes the temporary file under a name that is not taken. The umask applies as to any new file;
 * one that replaces another is private until it gets that one's mode. */
static int create_beside(mwi_output *o, size_t n_path, size_t n_suffix)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    mwi_rng rng = {mwi_now_ns() ^ (uint64_t)getpid() << 32 ^ (uint64_t)(uintptr_t)o};
    int fd = -1;

    o->temporary[n_path] = '.';
    for (int attempt = 0; attempt < 100 && fd < 0; attempt++) {
        for (size_t i = 1; i < n_suffix; i++)
            o->temporary[n_path + i] = letters[mwi_rng_below(&rng, sizeof letters - 1)];
        fd = open(o->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, o->replaces ? 0600 : 0666);
        if (fd < 0 && errno != EEXIST) break;
    }
    return fd;
}

mw_status mwi_output_open(mw_ctx *ctx, const char *path, mwi_output **out)
{
    enum { SUFFIX = 9 }; /* a dot and random letters */
    const size_t n = strlen(path), bytes = sizeof(mwi_output) + 2 * n + SUFFIX + 2;
    struct stat old;
    void *memory;

    *out = NULL;
    MWI_TRY(mwi_alloc(ctx, bytes, &memory));
    mwi_output *const o = memory;
    memset(o, 0, bytes);
    o->heap = mwi_heap_retain(ctx);
    o->bytes = bytes;
    o->path = (char *)(o + 1);
    o->temporary = o->path + n + 1;
    memcpy(o->path, path, n + 1);
    memcpy(o->temporary, path, n);
    o->replaces = stat(path, &old) == 0;
    if (o->replaces) o->mode = old.st_mode & 0777;
    o->fd = create_beside(o, n, SUFFIX);
    if (o->fd < 0) {
        const int why = errno;
        output_free(o);
        return mwi_fail(ctx, MW_EIO, "%s: cannot write beside it: %s", path, strerror(why));
    }
    *out = o;
    return MW_OK;
}

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

    if ((output->replaces && fchmod(output->fd, output->mode) != 0) || fsync(output->fd) != 0)
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
