/* formats/tflite/tflite.c - the row of the TFLite format: recognising, loading, saving.
 * Depends: read, write.  Used by: the list of formats only.
 * Trust:   every byte is hostile.
 * Format:  docs/formats/tflite.md   SPDX-License-Identifier: Apache-2.0 */
#include "formats/format.h"
#include "formats/tflite/read.h"
#include "formats/tflite/schema.h"
#include "formats/tflite/write.h"

#include <string.h>

/* The identifier is optional in a FlatBuffer and some tools leave it out or write another: without
 * it, a root table whose first field is the schema's version is taken for a model. */
static bool probe(const uint8_t *bytes, size_t n)
{
    const mwi_reader r = {"", bytes, n};

    if (n < 8) return false;
    if (memcmp(bytes + 4, "TFL3", 4) == 0) return true;
    const uint64_t table = mwi_le32(bytes);
    if (table < 4 || !mwi_reader_has(&r, table, 4)) return false;
    const int64_t vtable = (int64_t)table - (int32_t)mwi_le32(bytes + table);
    if (vtable < 4 || !mwi_reader_has(&r, (uint64_t)vtable, 6)) return false;
    const uint16_t size = mwi_le16(bytes + vtable), field = mwi_le16(bytes + vtable + 4);
    if (size < 6 || size % 2 != 0 || field < 4 || !mwi_reader_has(&r, table + field, 4))
        return false;
    return mwi_le32(bytes + table + field) == TFL_SCHEMA_VERSION;
}

static mw_status to_output(void *self, mw_ctx *ctx, const void *data, size_t bytes)
{
    return mwi_output_write(ctx, self, data, bytes);
}

static mw_status save(mw_ctx *ctx, const mw_model *model, mwi_output *output)
{
    return mwi_tfl_save(ctx, model, MWI_TFL_MAX_INLINE_BYTES, to_output, output);
}

const mwi_format_desc mwi_format_tflite = {
    .name = "tflite",
    .summary = "TensorFlow Lite FlatBuffer, schema version 3: read and written",
    .suffix = ".tflite",
    .probe = probe,
    .load = mwi_tfl_load,
    .save = save,
};
