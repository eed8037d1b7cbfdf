/* ops/flex.c - see flex.h.
 * Format: a FlexBuffer is read from its end: the root's width, its type, itself. A vector stands
 *   behind its size; a map's vector of values stands behind the distance to its sorted keys and
 *   their width too, and before one byte of type a value. Distances count backwards.
 * Depends: base/reader.  Used by: custom operators.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/flex.h"

#include <math.h>
#include <string.h>

enum {
    INT = 1,
    UINT = 2,
    FLOAT = 3,
    INDIRECT_INT = 6,
    INDIRECT_UINT = 7,
    INDIRECT_FLOAT = 8,
    MAP = 9,
    BOOL = 26
};

static bool get(const mwi_reader *r, uint64_t at, unsigned width, uint64_t *out)
{
    if (!mwi_reader_has(r, at, width)) return false;
    *out = 0;
    for (unsigned i = 0; i < width; i++) *out |= (uint64_t)r->bytes[at + i] << (8 * i);
    return true;
}

/* Where the distance at `at` leads. */
static bool follow(const mwi_reader *r, uint64_t at, unsigned width, uint64_t *out)
{
    uint64_t back;

    if (!get(r, at, width, &back) || back > at) return false;
    *out = at - back;
    return true;
}

static bool is_width(uint64_t w) { return w == 1 || w == 2 || w == 4 || w == 8; }

static bool open(mwi_flex *m)
{
    const mwi_reader *const r = &m->r;
    uint64_t key_width;

    if (r->len < 3 || !is_width(r->bytes[r->len - 1]) || r->bytes[r->len - 1] + 2u > r->len)
        return false;
    const unsigned root = r->bytes[r->len - 1];
    const uint8_t type = r->bytes[r->len - 2];
    m->width = 1u << (type & 3);
    if (type >> 2 != MAP || !follow(r, r->len - 2 - root, root, &m->values) ||
        m->values < 3 * m->width)
        return false;
    if (!get(r, m->values - m->width, m->width, &m->n) ||
        !get(r, m->values - 2 * m->width, m->width, &key_width) ||
        !follow(r, m->values - 3 * m->width, m->width, &m->keys) || !is_width(key_width) ||
        m->n > r->len)
        return false;
    m->key_width = (unsigned)key_width;
    return true;
}

mw_status mwi_flex_open(mw_ctx *ctx, const uint8_t *bytes, size_t n, mwi_flex *out)
{
    *out = (mwi_flex){.r = {.name = "custom options", .bytes = bytes, .len = n}};
    return open(out) ? MW_OK
                     : mwi_fail(ctx, MW_EFORMAT, "the custom options are not a FlexBuffers map");
}

static bool is_key(const mwi_flex *m, uint64_t i, const char *name)
{
    const size_t n = strlen(name) + 1; /* with its end */
    uint64_t at;

    return follow(&m->r, m->keys + i * m->key_width, m->key_width, &at) &&
           mwi_reader_has(&m->r, at, n) && memcmp(m->r.bytes + at, name, n) == 0;
}

static double number(uint64_t bits, unsigned width, int kind, double otherwise)
{
    if (kind == INT) {
        const unsigned unused = 64 - 8 * width;
        return (double)((int64_t)(bits << unused) >> unused);
    }
    if (kind == UINT || kind == BOOL) return (double)bits;
    if (width == 4) {
        const uint32_t low = (uint32_t)bits;
        float f;
        memcpy(&f, &low, sizeof f);
        return (double)f;
    }
    double d = otherwise;
    if (width == 8) memcpy(&d, &bits, sizeof d);
    return d;
}

double mwi_flex_number(const mwi_flex *map, const char *name, double otherwise)
{
    for (uint64_t i = 0; i < map->n; i++) {
        uint64_t at = map->values + i * map->width, type, bits;
        unsigned width = map->width;
        if (!is_key(map, i, name)) continue;
        if (!get(&map->r, map->values + map->n * map->width + i, 1, &type)) return otherwise;
        int kind = (int)(type >> 2);
        if (kind == INDIRECT_INT || kind == INDIRECT_UINT || kind == INDIRECT_FLOAT) {
            if (!follow(&map->r, at, width, &at)) return otherwise;
            width = 1u << (type & 3);
            kind = kind - INDIRECT_INT + INT;
        }
        if (kind != INT && kind != UINT && kind != FLOAT && kind != BOOL) return otherwise;
        return get(&map->r, at, width, &bits) ? number(bits, width, kind, otherwise) : otherwise;
    }
    return otherwise;
}

static mw_status put(mw_ctx *ctx, const mwi_flex *map, const mwi_field *f, void *attr)
{
    void *const at = (char *)attr + f->offset;
    const double v = mwi_flex_number(map, f->name, f->def);

    if (f->kind == MWI_FIELD_BOOL) {
        *(bool *)at = v != 0;
        return MW_OK;
    }
    if (f->kind == MWI_FIELD_F32) {
        *(float *)at = (float)v;
        return MW_OK;
    }
    if (!(v >= f->min && v <= f->max) || v != floor(v))
        return mwi_fail(ctx, MW_EFORMAT, "%s is %g, allowed are integers from %g to %g", f->name, v,
                        f->min, f->max);
    *(int32_t *)at = (int32_t)v;
    return MW_OK;
}

mw_status mwi_flex_fields(mw_ctx *ctx, const uint8_t *bytes, size_t n, const mwi_field *fields,
                          void *attr)
{
    mwi_flex map;

    MWI_TRY(mwi_flex_open(ctx, bytes, n, &map));
    for (const mwi_field *f = fields; f->kind != MWI_FIELD_END; f++)
        MWI_TRY(put(ctx, &map, f, attr));
    return MW_OK;
}
