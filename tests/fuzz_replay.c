/* tests/fuzz_replay.c - a main for x_fuzz.c without libFuzzer: runs every file of the arguments
 * (files or folders) through LLVMFuzzerTestOneInput.   SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    FILE *const f = fopen(path, "rb");
    struct stat info;

    if (f == NULL || fstat(fileno(f), &info) != 0) {
        perror(path);
        return -1;
    }
    const size_t n = (size_t)info.st_size;
    uint8_t *const data =
        malloc(n == 0 ? 1 : n); /* exact size, so that a sanitizer sees overruns */
    const size_t got = data == NULL ? 0 : fread(data, 1, n, f);
    (void)fclose(f);
    if (got == n) (void)LLVMFuzzerTestOneInput(data, n);
    free(data);
    return got == n ? 1 : -1;
}

static int replay(const char *path)
{
    struct stat info;
    char child[4096];
    int n = 0;

    if (stat(path, &info) != 0) {
        perror(path);
        return -1;
    }
    if (!S_ISDIR(info.st_mode)) return replay_file(path);
    DIR *const dir = opendir(path);
    if (dir == NULL) return -1;
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.') continue;
        (void)snprintf(child, sizeof child, "%s/%s", path, e->d_name);
        const int k = replay(child);
        if (k < 0) {
            (void)closedir(dir);
            return -1;
        }
        n += k;
    }
    (void)closedir(dir);
    return n;
}

int main(int argc, char **argv)
{
    int n = 0;

    for (int i = 1; i < argc; i++) {
        const int k = replay(argv[i]);
        if (k < 0) return 1;
        n += k;
    }
    (void)printf("%d files replayed\n", n);
    return n > 0 ? 0 : 1; /* an empty corpus proves nothing */
}
