/* formats/keras/archive.c - finding arrays and groups by path.
 * Depends: base/.  Used by: formats/keras/ only.
 * Holds:   both lists are sorted by path (strcmp), as the containers leave them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/archive.h"

#include <string.h>

const mwi_keras_array *mwi_keras_array_at(const mwi_keras_archive *archive, const char *path)
{
    size_t low = 0, high = archive->n_arrays;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(archive->arrays[middle].path, path);
        if (order == 0) return &archive->arrays[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const mwi_keras_group *mwi_keras_group_at(const mwi_keras_archive *archive, const char *path)
{
    size_t low = 0, high = archive->n_groups;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(archive->groups[middle].path, path);
        if (order == 0) return &archive->groups[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
