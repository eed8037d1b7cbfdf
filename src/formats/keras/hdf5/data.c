/* formats/keras/hdf5/data.c - a dataset's values: compact, contiguous, or chunked (chunk.c).
 * Depends: h5.h, base/checked.  Used by: formats/keras/hdf5/.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/hdf5/h5.h"

#include "base/checked.h"

#include <inttypes.h>
#include <string.h>

static void swap(uint8_t *p, size_t n, size_t element)
{
    for (size_t i = 0; i < n; i++, p += element)
        for (size_t k = 0; k < element / 2; k++) {
            const uint8_t t = p[k];
            p[k] = p[element - 1 - k];
            p[element - 1 - k] = t;
        }
}

/* Layouts 1 and 2 put the class behind the dimensions. */
static mw_status layout_class(h5_file *f, const h5_message *m, uint8_t *out_version, uint8_t *out_class)
{
    MWI_TRY(mwi_read_u8(f->ctx, f->r, m->at, "layout", out_version));
    if (*out_version < 1 || *out_version > 4)
        return mwi_fail(f->ctx, MW_EUNSUPPORTED, "%s+0x%" PRIx64 ": layout version %u", f->r->name, m->at, *out_version);
    return mwi_read_u8(f->ctx, f->r, m->at + (*out_version < 3 ? 2 : 1), "layout", out_class);
}

/* Where contiguous or compact values stand; *out_at UINT64_MAX: never written. */
static mw_status plain_place(h5_file *f, const h5_message *m, uint8_t version, uint8_t class_code, uint64_t *out_at,
                             uint64_t *out_size)
{
    uint16_t n16 = 0;
    uint8_t rank = 0;
    uint32_t n32 = 0;

    if (version >= 3 && class_code == 0) {
        MWI_TRY(mwi_read_u16(f->ctx, f->r, m->at + 2, "compact data", &n16));
        *out_at = m->at + 4;
        *out_size = n16;
        return MW_OK;
    }
    if (version >= 3) {
        MWI_TRY(h5_address(f, m->at + 2, "data", out_at));
        return h5_length(f, m->at + 2 + f->addr_bytes, "data", out_size);
    }
    MWI_TRY(mwi_read_u8(f->ctx, f->r, m->at + 1, "layout", &rank));
    if (class_code == 1) {
        *out_size = UINT64_MAX; /* told by the shape alone */
        return h5_address(f, m->at + 8, "data", out_at);
    }
    MWI_TRY(mwi_read_u32(f->ctx, f->r, m->at + 8 + 4u * rank, "compact data", &n32));
    *out_at = m->at + 12 + 4u * rank;
    *out_size = n32;
    return MW_OK;
}

static mw_status plain_data(h5_file *f, const h5_message *m, uint8_t version, uint8_t class_code, size_t bytes,
                            bool must_copy, const void **out)
{
    uint64_t at, size;
    const uint8_t *p = NULL;
    void *copy;

    MWI_TRY(plain_place(f, m, version, class_code, &at, &size));
    if (at == UINT64_MAX) return mwi_arena_array(f->ctx, f->arena, bytes, 1, (void **)(uintptr_t)out);
    if (size < bytes)
        return mwi_fail(f->ctx, MW_EFORMAT, "%s+0x%" PRIx64 ": %" PRIu64 " bytes of data for a shape of %zu", f->r->name, at,
                        size, bytes);
    MWI_TRY(mwi_read_bytes(f->ctx, f->r, at, bytes, "data", &p));
    if (!must_copy && (uintptr_t)p % 64 == 0) {
        *out = p;
        return MW_OK;
    }
    MWI_TRY(mwi_arena_copy(f->ctx, f->arena, p, bytes, &copy));
    *out = copy;
    return MW_OK;
}

mw_status h5_data(h5_file *f, const h5_object *dataset, const h5_type *type, const h5_space *space, const void **out,
                  size_t *out_bytes)
{
    const h5_message *const m = h5_find(dataset, H5_MSG_LAYOUT);
    uint8_t version = 0, class_code = 0;
    size_t bytes;
    void *memory;

    *out = NULL;
    if (h5_find(dataset, H5_MSG_EXTERNAL) != NULL)
        return mwi_fail(f->ctx, MW_EUNSUPPORTED, "%s: a dataset keeps its values in another file", f->r->name);
    if (m == NULL) return mwi_fail(f->ctx, MW_EFORMAT, "%s: a dataset without a layout", f->r->name);
    if (!mwi_mul(space->n, type->size, &bytes) || bytes > mwi_limits(f->ctx)->max_memory_bytes)
        return mwi_fail(f->ctx, MW_ELIMIT, "%s: a dataset larger than any memory", f->r->name);
    *out_bytes = bytes;
    if (bytes == 0) return MW_OK;
    MWI_TRY(layout_class(f, m, &version, &class_code));
    if (class_code == 2) {
        MWI_TRY(mwi_arena_array(f->ctx, f->arena, bytes, 1, &memory));
        MWI_TRY(h5_chunks(f, dataset, m, type, space, memory, bytes));
        *out = memory;
    } else if (class_code < 2) {
        MWI_TRY(plain_data(f, m, version, class_code, bytes, type->big_endian && type->size > 1, out));
    } else {
        return mwi_fail(f->ctx, MW_EUNSUPPORTED, "%s: a virtual dataset", f->r->name);
    }
    if (type->big_endian && type->size > 1) swap((uint8_t *)(uintptr_t)*out, space->n, type->size); /* our copy */
    return MW_OK;
}
