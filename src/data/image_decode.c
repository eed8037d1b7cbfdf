/* data/image_decode.c - PNG by libpng's simplified API, JPEG by libjpeg-turbo, bilinear scaling.
 * Depends: base/, libpng, libjpeg.  Used by: data/images.
 * Trust:   bytes are hostile: both libraries report errors; sizes are limited before memory is
 *          taken.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/image_decode.h"

#include "base/file.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
/* behind jpeglib.h */
#include <jerror.h>
#include <png.h>

static bool is_png(const uint8_t *bytes, size_t n)
{
    return n >= 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0;
}
static bool is_jpeg(const uint8_t *bytes, size_t n)
{
    return n >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0;
}

static mw_status check_size(mw_ctx *ctx, const char *name, uint64_t width, uint64_t height)
{
    if (width == 0 || height == 0 || width > MWI_IMAGE_MAX_PIXELS ||
        height > MWI_IMAGE_MAX_PIXELS || width * height > MWI_IMAGE_MAX_PIXELS)
        return mwi_fail(ctx, MW_ELIMIT, "%s: %" PRIu64 " x %" PRIu64 " pixels, limit %d", name,
                        width, height, MWI_IMAGE_MAX_PIXELS);
    return MW_OK;
}

/* ---- decoders: fill shape first, pixels when `out` is not NULL (shape->channels as asked) ---- */

static mw_status png_decode(mw_ctx *ctx, const char *name, const uint8_t *bytes, size_t n,
                            mwi_image_shape *shape, uint8_t *out)
{
    png_image image;
    mw_status st = MW_OK;

    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    if (png_image_begin_read_from_memory(&image, bytes, n) == 0)
        return mwi_fail(ctx, MW_EFORMAT, "%s: PNG: %s", name, image.message);
    st = check_size(ctx, name, image.width, image.height);
    if (st == MW_OK && out == NULL) {
        shape->height = (int32_t)image.height;
        shape->width = (int32_t)image.width;
        shape->channels = (image.format & PNG_FORMAT_FLAG_COLOR) != 0 ? 3 : 1;
    } else if (st == MW_OK) {
        /* Transparency is laid on black. */
        static const png_color black = {0, 0, 0};
        image.format = shape->channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
        if (png_image_finish_read(&image, &black, out, 0, NULL) == 0)
            st = mwi_fail(ctx, MW_EFORMAT, "%s: PNG: %s", name, image.message);
    }
    png_image_free(&image);
    return st;
}

struct jpeg_error {
    struct jpeg_error_mgr base;
    jmp_buf jump;
    mw_ctx *ctx;
    const char *name;
    bool damaged; /* the message says how */
    char message[JMSG_LENGTH_MAX];
};

static void jpeg_failed(j_common_ptr info)
{
    struct jpeg_error *const e = (struct jpeg_error *)(void *)info->err;
    e->base.format_message(info, e->message);
    longjmp(e->jump, 1);
}

/* libjpeg goes on after damage and fills in what is missing: such an image is no sample. What
 * leaves all pixels as they were is only logged. */
static void jpeg_warned(j_common_ptr info, int level)
{
    struct jpeg_error *const e = (struct jpeg_error *)(void *)info->err;
    const int code = e->base.msg_code;

    if (level >= 0 || e->damaged) return;
    e->base.format_message(info, e->message);
    if (code == JWRN_EXTRANEOUS_DATA || code == JWRN_NOT_SEQUENTIAL || code == JWRN_ADOBE_XFORM)
        mwi_log(e->ctx, MW_LOG_WARNING, "%s: JPEG: %s", e->name, e->message);
    else
        e->damaged = true;
}

static void jpeg_silent(j_common_ptr info) { (void)info; }

static mw_status jpeg_decode(mw_ctx *ctx, const char *name, const uint8_t *bytes, size_t n,
                             mwi_image_shape *shape, uint8_t *out)
{
    struct jpeg_decompress_struct d;
    struct jpeg_error error = {.ctx = ctx, .name = name};
    mw_status st;

    d.err = jpeg_std_error(&error.base);
    error.base.error_exit = jpeg_failed;
    error.base.emit_message = jpeg_warned;
    error.base.output_message = jpeg_silent;
    if (setjmp(error.jump) != 0) {
        jpeg_destroy_decompress(&d);
        return mwi_fail(ctx, MW_EFORMAT, "%s: JPEG: %s", name, error.message);
    }
    jpeg_create_decompress(&d);
    jpeg_mem_src(&d, bytes, (unsigned long)n);
    (void)jpeg_read_header(&d, TRUE);
    st = check_size(ctx, name, d.image_width, d.image_height);
    if (st == MW_OK && out == NULL) {
        shape->height = (int32_t)d.image_height;
        shape->width = (int32_t)d.image_width;
        shape->channels = d.num_components == 1 ? 1 : 3;
    } else if (st == MW_OK) {
        d.out_color_space = shape->channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
        d.dct_method = JDCT_ISLOW; /* the same pixels on every machine */
        (void)jpeg_start_decompress(&d);
        while (d.output_scanline < d.output_height) {
            JSAMPROW row =
                out + (size_t)d.output_scanline * d.output_width * (size_t)shape->channels;
            (void)jpeg_read_scanlines(&d, &row, 1);
        }
        (void)jpeg_finish_decompress(&d);
        if (error.damaged)
            st = mwi_fail(ctx, MW_EFORMAT,
                          "%s: damaged JPEG: %s; mend the image or take it out of the set", name,
                          error.message);
    }
    jpeg_destroy_decompress(&d);
    return st;
}

static mw_status decode(mw_ctx *ctx, const char *name, const uint8_t *bytes, size_t n,
                        mwi_image_shape *shape, uint8_t *out)
{
    if (is_png(bytes, n)) return png_decode(ctx, name, bytes, n, shape, out);
    if (is_jpeg(bytes, n)) return jpeg_decode(ctx, name, bytes, n, shape, out);
    return mwi_fail(ctx, MW_EFORMAT, "%s: neither a PNG nor a JPEG image", name);
}

/* ---- scaling ---- */

enum { ONE = 2048 };

/* (at + 1/2) * from / to - 1/2 in units of 1/ONE, not below 0. In two parts, so that no product
 * leaves 64 bits. */
static int64_t source_place(int32_t at, int32_t from, int32_t to)
{
    const int64_t twice = (2 * (int64_t)at + 1) * from;
    const int64_t place = twice / to * (ONE / 2) + twice % to * (ONE / 2) / to - ONE / 2;
    return place < 0 ? 0 : place;
}

/* Bilinear with half-pixel centres in 1/2048 steps, the same on every machine. */
static void scale(const uint8_t *from, const mwi_image_shape *fs, const mwi_image_shape *to,
                  uint8_t *out)
{
    for (int32_t y = 0; y < to->height; y++) {
        const int64_t fy = source_place(y, fs->height, to->height);
        int64_t y0 = fy / ONE;
        if (y0 > fs->height - 1) y0 = fs->height - 1;
        const int64_t y1 = y0 + 1 < fs->height ? y0 + 1 : y0,
                      wy = fy - y0 * ONE < ONE ? fy - y0 * ONE : 0;
        for (int32_t x = 0; x < to->width; x++) {
            const int64_t fx = source_place(x, fs->width, to->width);
            int64_t x0 = fx / ONE;
            if (x0 > fs->width - 1) x0 = fs->width - 1;
            const int64_t x1 = x0 + 1 < fs->width ? x0 + 1 : x0,
                          wx = fx - x0 * ONE < ONE ? fx - x0 * ONE : 0;
            for (int32_t c = 0; c < to->channels; c++) {
#define AT(yy, xx) ((int64_t)from[((yy)*fs->width + (xx)) * fs->channels + c])
                const int64_t top = AT(y0, x0) * (ONE - wx) + AT(y0, x1) * wx;
                const int64_t low = AT(y1, x0) * (ONE - wx) + AT(y1, x1) * wx;
#undef AT
                const int64_t v = top * (ONE - wy) + low * wy;
                *out++ = (uint8_t)((v + (int64_t)ONE * ONE / 2) / ((int64_t)ONE * ONE));
            }
        }
    }
}

mw_status mwi_image_decode(mw_ctx *ctx, const char *name, const uint8_t *bytes, size_t n,
                           const mwi_image_shape *shape, uint8_t *out)
{
    mwi_image_shape own = {0, 0, 0};
    void *pixels;

    MWI_TRY(decode(ctx, name, bytes, n, &own, NULL));
    own.channels = shape->channels;
    if (own.height == shape->height && own.width == shape->width)
        return decode(ctx, name, bytes, n, &own, out);
    const size_t size = (size_t)own.height * (size_t)own.width * (size_t)own.channels;
    MWI_TRY(mwi_alloc(ctx, size, &pixels));
    const mw_status st = decode(ctx, name, bytes, n, &own, pixels);
    if (st == MW_OK) scale(pixels, &own, shape, out);
    mwi_free(ctx, pixels, size);
    return st;
}

mw_status mwi_image_probe(mw_ctx *ctx, const char *path, mwi_image_shape *out)
{
    mwi_mapping mapping;

    MWI_TRY(mwi_file_map(ctx, path, &mapping));
    const mw_status st = decode(ctx, path, mapping.bytes, mapping.len, out, NULL);
    mwi_file_unmap(&mapping);
    return st;
}

mw_status mwi_image_load(mw_ctx *ctx, const char *path, const mwi_image_shape *shape, uint8_t *out)
{
    mwi_mapping mapping;

    MWI_TRY(mwi_file_map(ctx, path, &mapping));
    const mw_status st = mwi_image_decode(ctx, path, mapping.bytes, mapping.len, shape, out);
    mwi_file_unmap(&mapping);
    return st;
}
