/* programs/milliwatt/receipt.c - the same rows as text or as JSON.
 * SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COLUMNS = 12 };

struct receipt {
    bool json;
    json_t *root;
    json_t *table; /* the array that rows go to */
    const char *columns[MAX_COLUMNS];
    size_t n_columns;
    /* Text rows wait until the table ends, so that columns get their widths. */
    char **cells;
    size_t n_cells, capacity;
};

void *must(void *memory)
{
    if (memory != NULL) return memory;
    (void)fprintf(stderr, "milliwatt: out of memory\n");
    exit(EXIT_FAILED);
}

receipt *receipt_open(const char *name, bool json)
{
    receipt *const r = must(calloc(1, sizeof *r));

    r->json = json;
    r->root = must(json_object());
    (void)json_object_set_new(r->root, "command", json_string(name));
    return r;
}

static bool is_right_aligned(const char *text)
{
    return (*text >= '0' && *text <= '9') || (*text == '-' && text[1] >= '0') || *text == '\0';
}

/* Cells of a row without blanks at the end of the line; `like` decides how each is aligned. */
static void print_row(const char *const *cells, const char *const *like, const size_t *width,
                      size_t n)
{
    while (n > 0 && *cells[n - 1] == '\0') n--;
    for (size_t c = 0; c < n; c++) {
        if (is_right_aligned(like[c]))
            (void)printf("  %*s", (int)width[c], cells[c]);
        else
            (void)printf("  %-*s", c + 1 == n ? 0 : (int)width[c], cells[c]);
    }
    (void)printf("\n");
}

static void print_table(receipt *r)
{
    size_t width[MAX_COLUMNS];
    const size_t n = r->n_columns;

    for (size_t c = 0; c < n; c++) {
        width[c] = strlen(r->columns[c]);
        for (size_t i = c; i < r->n_cells; i += n)
            if (strlen(r->cells[i]) > width[c]) width[c] = strlen(r->cells[i]);
    }
    const char *const *const cells = (const char *const *)r->cells;
    print_row(r->columns, r->n_cells >= n ? cells : r->columns, width, n);
    for (size_t i = 0; i + n <= r->n_cells; i += n) print_row(cells + i, cells + i, width, n);
    for (size_t i = 0; i < r->n_cells; i++) free(r->cells[i]);
}

static void end_table(receipt *r)
{
    if (r->n_columns > 0 && !r->json) print_table(r);
    r->n_cells = r->n_columns = 0;
    r->table = NULL;
}

static void put(receipt *r, const char *key, json_t *value)
{
    (void)json_object_set_new(r->root, key, must(value));
}

/* 1234567 as "1,234,567". */
static const char *grouped(uint64_t v, char *out)
{
    char digits[24];
    const int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)v);
    char *p = out;

    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) *p++ = ',';
        *p++ = digits[i];
    }
    *p = '\0';
    return out;
}

static void line(receipt *r, const char *label, const char *value, const char *unit)
{
    end_table(r);
    if (!r->json) (void)printf("%-22s %s%s%s\n", label, value, *unit == '\0' ? "" : " ", unit);
}

void receipt_text(receipt *r, const char *key, const char *label, const char *value)
{
    line(r, label, value, "");
    /* Names in files may be any bytes; JSON takes UTF-8. */
    json_t *const text = json_string(value);
    put(r, key, text != NULL ? text : json_string("(not UTF-8)"));
}

void receipt_uint(receipt *r, const char *key, const char *label, uint64_t value, const char *unit)
{
    char text[32];
    line(r, label, grouped(value, text), unit);
    put(r, key, json_integer((json_int_t)value));
}

/* "119380.5 us" as "119,380.5 us". */
static void group_digits(char *text, size_t size)
{
    char *const digits = text + (*text == '-');
    size_t n = strspn(digits, "0123456789"), length = strlen(digits);

    while (n > 3 && (size_t)(digits - text) + length + 2 <= size) {
        n -= 3;
        memmove(digits + n + 1, digits + n, length - n + 1);
        digits[n] = ',';
        length++;
    }
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
/* What rounds to zero has no sign. */
static void print_number(char *text, size_t n, const char *format, double value)
{
    (void)snprintf(text, n, format, value);
    if (*text == '-' && strtod(text, NULL) == 0) (void)snprintf(text, n, format, 0.0);
    group_digits(text, n);
}
#pragma GCC diagnostic pop

void receipt_number(receipt *r, const char *key, const char *label, double value,
                    const char *format)
{
    char text[64];

    if (isnan(value)) return;
    print_number(text, sizeof text, format, value);
    line(r, label, text, "");
    put(r, key, isinf(value) ? json_null() : json_real(value));
}

void receipt_null(receipt *r, const char *key, const char *label, const char *text)
{
    line(r, label, text, "");
    put(r, key, json_null());
}

void receipt_sqnr(receipt *r, const char *key, const char *label, double db, const char *format)
{
    if (!isinf(db)) {
        receipt_number(r, key, label, db, format);
        return;
    }
    receipt_null(r, key, label, "no difference: the outputs are equal");
    put(r, "exact", json_true());
}

void receipt_bool(receipt *r, const char *key, const char *label, bool value)
{
    line(r, label, value ? "yes" : "no", "");
    put(r, key, json_boolean(value));
}

void receipt_change(receipt *r, const char *key, const char *label, uint64_t before, uint64_t after,
                    const char *unit)
{
    char a[32], b[32], text[128];

    (void)snprintf(text, sizeof text, "%s -> %s%s%s", grouped(before, a), grouped(after, b),
                   *unit == '\0' ? "" : " ", unit);
    if (before > 0 && before != after)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), " (%.1f %%)",
                       100.0 * (double)after / (double)before);
    line(r, label, text, "");
    put(r, key, json_pack("{s:I,s:I}", "before", (json_int_t)before, "after", (json_int_t)after));
}

void receipt_table(receipt *r, const char *key, const char *title, const char *const *columns,
                   size_t n)
{
    end_table(r);
    if (!r->json && *title != '\0') (void)printf("%s\n", title);
    r->n_columns = n < MAX_COLUMNS ? n : MAX_COLUMNS;
    memcpy(r->columns, columns, r->n_columns * sizeof *columns);
    r->table = must(json_array());
    put(r, key, r->table);
}

static char *cell_text(const cell *c)
{
    char text[64];

    if (c->kind == CELL_TEXT) return must(strdup(c->text));
    if (c->kind == CELL_UINT) return must(strdup(grouped(c->uint, text)));
    if (isnan(c->number)) return must(strdup("-"));
    print_number(text, sizeof text, c->format, c->number);
    return must(strdup(text));
}

static json_t *cell_json(const cell *c)
{
    if (c->kind == CELL_TEXT) {
        json_t *const text = json_string(c->text);
        return text != NULL ? text : json_string("(not UTF-8)");
    }
    if (c->kind == CELL_UINT) return json_integer((json_int_t)c->uint);
    return isfinite(c->number) ? json_real(c->number) : json_null();
}

void receipt_row(receipt *r, const cell *cells)
{
    json_t *const row = must(json_object());

    for (size_t i = 0; i < r->n_columns; i++) {
        (void)json_object_set_new(row, r->columns[i], must(cell_json(&cells[i])));
        if (r->json) continue;
        if (r->n_cells == r->capacity) {
            r->capacity = r->capacity * 2 + 64;
            r->cells = must(realloc(r->cells, r->capacity * sizeof *r->cells));
        }
        r->cells[r->n_cells++] = cell_text(&cells[i]);
    }
    (void)json_array_append_new(r->table, row);
}

void receipt_note(receipt *r, const char *format, ...)
{
    va_list args;

    end_table(r);
    if (r->json) return;
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    (void)printf("\n");
}

void receipt_warn(receipt *r, const char *format, ...)
{
    char text[512];
    va_list args;

    end_table(r);
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!r->json) (void)printf("WARNING: %s\n", text);
    if (json_object_get(r->root, "warnings") == NULL) put(r, "warnings", json_array());
    json_t *const line = json_string(text);
    (void)json_array_append_new(json_object_get(r->root, "warnings"),
                                line != NULL ? line : json_string("(not UTF-8)"));
}

void receipt_close(receipt *r)
{
    end_table(r);
    if (r->json) {
        (void)json_dumpf(r->root, stdout,
                         JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(12));
        (void)printf("\n");
    }
    json_decref(r->root);
    free(r->cells);
    free(r);
}
