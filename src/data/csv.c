/* data/csv.c - comma, semicolon or tab separated numbers: a row a sample, with or without a
 * header; texts where the model's only input takes strings. The label is the column named label,
 * class, target or y; else, when the model takes one value fewer than a row has, the last column.
 * Depends: data/source, base/text.  Used by: the list of kinds.
 * Holds:   memory is one offset for each STRIDE rows: rows between are found by reading on.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/source.h"

#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <strings.h>

enum { STRIDE = 256, MAX_FIELD = 63, MAX_COLUMNS = 1 << 24 };

struct csv {
    const mwi_reader *r;
    char separator;
    bool reads_text; /* the model's only input takes strings: columns but the label are texts */
    size_t *offsets; /* of every STRIDE-th row */
    size_t n_offsets, capacity;
    uint64_t n_rows;
    size_t n_columns;
    int64_t label;     /* column, -1 none */
    size_t first_line; /* 1 or 2: of row 0, for messages */
    uint64_t at_row;   /* the row that starts at at_byte */
    size_t at_byte;
};

static bool is_text(const uint8_t *bytes, size_t n)
{
    const size_t look = n < 4096 ? n : 4096;

    for (size_t i = 0; i < look; i++)
        if (bytes[i] < ' ' && bytes[i] != '\n' && bytes[i] != '\r' && bytes[i] != '\t')
            return false;
    return n > 0;
}

static bool probe(const char *path, const uint8_t *bytes, size_t n)
{
    (void)path;
    return bytes != NULL && is_text(bytes, n);
}

static size_t line_end(const mwi_reader *r, size_t at)
{
    const uint8_t *const nl = at < r->len ? memchr(r->bytes + at, '\n', r->len - at) : NULL;
    return nl == NULL ? r->len : (size_t)(nl - r->bytes);
}

/* What may stand around a field, outside of it. */
static bool is_around(uint8_t c) { return c == ' ' || c == '"' || c == '\r'; }

/* Behind the quote that closes the one at `at`; a doubled one does not. `at` when none does. */
static size_t skip_quotes(const struct csv *c, size_t at, size_t end)
{
    const uint8_t *const bytes = c->r->bytes;

    for (size_t i = at + 1; i < end; i++) {
        if (bytes[i] != '"') continue;
        if (i + 1 == end || bytes[i + 1] != '"') return i + 1;
        i++;
    }
    return at;
}

/* The next field of a line as it stands; false at the end of the line. */
static bool next_raw(const struct csv *c, size_t *at, size_t end, size_t *begin, size_t *stop)
{
    if (*at > end) return false;
    *begin = *at;
    while (*at < end && c->r->bytes[*at] == ' ') (*at)++;
    if (*at < end && c->r->bytes[*at] == '"') *at = skip_quotes(c, *at, end);
    while (*at < end && c->r->bytes[*at] != (uint8_t)c->separator) (*at)++;
    *stop = *at;
    (*at)++;
    return true;
}

/* The same without blanks and quotes around it. */
static bool next_field(const struct csv *c, size_t *at, size_t end, size_t *begin, size_t *stop)
{
    if (!next_raw(c, at, end, begin, stop)) return false;
    while (*begin < *stop && (c->r->bytes[*begin] == ' ' || c->r->bytes[*begin] == '"')) (*begin)++;
    while (*stop > *begin && is_around(c->r->bytes[*stop - 1])) (*stop)--;
    return true;
}

static bool parse(const struct csv *c, size_t begin, size_t stop, double *out)
{
    return mwi_text_to_double((const char *)c->r->bytes + begin, stop - begin, out);
}

/* What tables write where a number is missing or not finite: no name of a column. */
static bool is_missing(const struct csv *c, size_t begin, size_t stop)
{
    static const char *const words[] = {"", "nan", "inf", "infinity", "na", "n/a", "null", "none"};

    if (begin < stop && (c->r->bytes[begin] == '-' || c->r->bytes[begin] == '+')) begin++;
    for (size_t i = 0; i < MWI_COUNT(words); i++)
        if (strlen(words[i]) == stop - begin &&
            strncasecmp(words[i], (const char *)c->r->bytes + begin, stop - begin) == 0)
            return true;
    return false;
}

static char guess_separator(const mwi_reader *r)
{
    const size_t end = line_end(r, 0);
    for (size_t i = 0; i < end; i++)
        if (r->bytes[i] == ',' || r->bytes[i] == ';' || r->bytes[i] == '\t')
            return (char)r->bytes[i];
    return ',';
}

static bool is_label_name(const struct csv *c, size_t begin, size_t stop)
{
    static const char *const names[] = {"label", "labels", "class", "target", "y"};
    for (size_t i = 0; i < MWI_COUNT(names); i++)
        if (strlen(names[i]) == stop - begin &&
            strncasecmp(names[i], (const char *)c->r->bytes + begin, stop - begin) == 0)
            return true;
    return false;
}

/* Whether a field of the first line says that it is a header: it is neither a number nor stands for
 * a missing one; where texts are read, it is the label's name or the input's. */
static bool is_heading(const struct csv *c, const mw_dataset_options *o, size_t begin, size_t stop)
{
    char name[MAX_FIELD + 1];
    double v;

    if (!c->reads_text) return !parse(c, begin, stop, &v) && !is_missing(c, begin, stop);
    if (is_label_name(c, begin, stop)) return true;
    if (stop - begin > MAX_FIELD) return false;
    memcpy(name, c->r->bytes + begin, stop - begin);
    name[stop - begin] = '\0';
    return mwi_data_name_matches(name, o->inputs[0].name);
}

/* Counts the columns of the first line and tells whether it is a header. */
static mw_status read_first_line(mw_ctx *ctx, struct csv *c, const mw_dataset_options *o,
                                 bool *out_header)
{
    const size_t end = line_end(c->r, 0);
    size_t at = 0, begin, stop;

    *out_header = false;
    c->label = -1;
    while (next_field(c, &at, end, &begin, &stop)) {
        if (is_heading(c, o, begin, stop)) *out_header = true;
        if (is_label_name(c, begin, stop)) c->label = (int64_t)c->n_columns;
        if (++c->n_columns > MAX_COLUMNS)
            return mwi_fail(ctx, MW_ELIMIT, "%s: more than %d columns", c->r->name, MAX_COLUMNS);
    }
    return MW_OK;
}

static bool blank(const struct csv *c, size_t at, size_t end)
{
    for (; at < end; at++)
        if (c->r->bytes[at] != ' ' && c->r->bytes[at] != '\r') return false;
    return true;
}

static mw_status index_rows(mw_ctx *ctx, struct csv *c, mwi_arena *arena, size_t at)
{
    while (at < c->r->len) {
        const size_t end = line_end(c->r, at);
        if (!blank(c, at, end)) {
            if (c->n_rows % STRIDE == 0) {
                MWI_TRY(mwi_arena_grow(ctx, arena, &c->offsets, c->n_offsets, &c->capacity,
                                       sizeof *c->offsets));
                c->offsets[c->n_offsets++] = at;
            }
            c->n_rows++;
        }
        at = end + 1;
    }
    return MW_OK;
}

/* Moves to the start of a row, which exists. */
static void seek(struct csv *c, uint64_t row)
{
    if (row < c->at_row || row - c->at_row > STRIDE) {
        c->at_row = row / STRIDE * STRIDE;
        c->at_byte = c->offsets[row / STRIDE];
    }
    for (;;) {
        const size_t end = line_end(c->r, c->at_byte);
        if (!blank(c, c->at_byte, end)) {
            if (c->at_row == row) return;
            c->at_row++;
        }
        c->at_byte = end + 1;
    }
}

static mw_status check_columns(mw_ctx *ctx, const struct csv *c, size_t n)
{
    if (n == c->n_columns) return MW_OK;
    return mwi_fail(ctx, MW_EFORMAT, "%s: row %" PRIu64 " has %zu columns, the first has %zu",
                    c->r->name, c->at_row + c->first_line, n, c->n_columns);
}

/* Reads the row at at_byte: its features, or with `out` NULL its label. */
static mw_status read_row(mw_ctx *ctx, struct csv *c, float *out, double *out_label)
{
    const size_t end = line_end(c->r, c->at_byte);
    size_t at = c->at_byte, begin, stop, column = 0;
    double v;

    while (next_field(c, &at, end, &begin, &stop)) {
        if (column < c->n_columns && ((int64_t)column == c->label) == (out == NULL)) {
            if (!parse(c, begin, stop, &v))
                return mwi_fail(ctx, MW_EFORMAT,
                                "%s: row %" PRIu64 " column %zu: '%.*s' is not a number",
                                c->r->name, c->at_row + c->first_line, column + 1,
                                (int)(stop - begin < MAX_FIELD ? stop - begin : MAX_FIELD),
                                (const char *)c->r->bytes + begin);
            if (out == NULL)
                *out_label = v;
            else
                *out++ = (float)v;
        }
        column++;
    }
    return check_columns(ctx, c, column);
}

static mw_status read_features(mw_ctx *ctx, mwi_column *column, uint64_t first, size_t count,
                               void *out)
{
    struct csv *const c = column->self;
    const size_t width = c->n_columns - (c->label >= 0);

    for (size_t i = 0; i < count; i++) {
        seek(c, first + i);
        MWI_TRY(read_row(ctx, c, (float *)out + i * width, NULL));
    }
    return MW_OK;
}

/* A field's text: quotes around it go, doubled ones inside become single, in `arena`. */
static mw_status text_of(mw_ctx *ctx, const struct csv *c, size_t begin, size_t stop,
                         mwi_arena *arena, mw_string *out)
{
    const char *const bytes = (const char *)c->r->bytes;
    void *memory;

    if (stop > begin && bytes[stop - 1] == '\r') stop--;
    *out = (mw_string){bytes + begin, stop - begin};
    while (begin < stop && bytes[begin] == ' ') begin++;
    while (begin < stop && bytes[stop - 1] == ' ') stop--;
    if (stop - begin < 2 || bytes[begin] != '"' || bytes[stop - 1] != '"') return MW_OK;
    *out = (mw_string){bytes + begin + 1, stop - begin - 2};
    if (memchr(out->data, '"', out->bytes) == NULL) return MW_OK;
    MWI_TRY(mwi_arena_alloc(ctx, arena, out->bytes, &memory));
    char *to = memory;
    for (size_t i = 0; i < out->bytes; i++) {
        *to++ = out->data[i];
        if (out->data[i] == '"' && i + 1 < out->bytes && out->data[i + 1] == '"') i++;
    }
    *out = (mw_string){memory, (size_t)(to - (char *)memory)};
    return MW_OK;
}

static mw_status read_texts(mw_ctx *ctx, mwi_column *column, uint64_t first, size_t count,
                            void *out)
{
    struct csv *const c = column->self;
    mw_string *text = out;

    for (size_t i = 0; i < count; i++) {
        seek(c, first + i);
        const size_t end = line_end(c->r, c->at_byte);
        size_t at = c->at_byte, begin, stop, k = 0;
        for (; next_raw(c, &at, end, &begin, &stop); k++)
            if (k < c->n_columns && (int64_t)k != c->label)
                MWI_TRY(text_of(ctx, c, begin, stop, &column->texts, text++));
        MWI_TRY(check_columns(ctx, c, k));
    }
    return MW_OK;
}

static mw_status read_label(mw_ctx *ctx, struct csv *c, uint64_t row, double *out)
{
    *out = 0;
    seek(c, row);
    return read_row(ctx, c, NULL, out);
}

static mw_status read_labels(mw_ctx *ctx, mwi_column *column, uint64_t first, size_t count,
                             void *out)
{
    for (size_t i = 0; i < count; i++)
        MWI_TRY(read_label(ctx, column->self, first + i, (double *)out + i));
    return MW_OK;
}

/* Whether a double holds it as a whole number without loss. */
static bool is_whole(double v) { return v == floor(v) && fabs(v) <= 0x1p53; }

/* Labels are class numbers when they are all whole: then they are given as integers. */
static mw_status labels_are_whole(mw_ctx *ctx, struct csv *c, bool *out)
{
    double v;

    *out = true;
    for (uint64_t i = 0; i < c->n_rows && *out; i++) {
        MWI_TRY(read_label(ctx, c, i, &v));
        *out = is_whole(v);
    }
    return MW_OK;
}

static mw_status read_class(mw_ctx *ctx, mwi_column *column, uint64_t first, size_t count,
                            void *out)
{
    int64_t *const classes = out;

    for (size_t i = 0; i < count; i++) {
        double v;
        MWI_TRY(read_label(ctx, column->self, first + i, &v));
        if (!is_whole(v)) /* as all were when the set was opened */
            return mwi_fail(ctx, MW_EFORMAT, "label %g: the file changed", v);
        classes[i] = (int64_t)v;
    }
    return MW_OK;
}

/* The sample's shape is the model's when the count fits: a row is [h,w,c] in order. */
static void set_shape(const mw_dataset_options *o, size_t n, mwi_column *out)
{
    size_t product = 1;

    out->rank = 1;
    out->dims[0] = (int32_t)n;
    if (o->n_inputs != 1 || o->inputs[0].rank < 2) return;
    for (int32_t i = 1; i < o->inputs[0].rank; i++) {
        if (o->inputs[0].signature[i] <= 0) return;
        product *= (size_t)o->inputs[0].signature[i];
    }
    if (product != n) return;
    out->rank = o->inputs[0].rank - 1;
    memcpy(out->dims, o->inputs[0].signature + 1, (size_t)out->rank * sizeof *out->dims);
}

static size_t wanted_values(const mw_dataset_options *o)
{
    size_t n = 1;

    if (o->n_inputs == 1 && o->inputs[0].dtype == MW_STRING && o->inputs[0].rank < 2) return 1;
    if (o->n_inputs != 1 || o->inputs[0].rank < 2) return 0;
    for (int32_t i = 1; i < o->inputs[0].rank; i++) {
        if (o->inputs[0].signature[i] <= 0 || n > MAX_COLUMNS) return 0;
        n *= (size_t)o->inputs[0].signature[i];
    }
    return n;
}

static mw_status describe(mw_ctx *ctx, const struct csv *c, mwi_arena *arena, bool header,
                          bool named, const char **out)
{
    const char *const first = header ? "a header" : "no header";

    if (c->label < 0)
        return mwi_arena_printf(ctx, arena, out, "%s, %zu columns; labels: none", first,
                                c->n_columns);
    return mwi_arena_printf(ctx, arena, out, "%s, %zu columns; labels: column %" PRId64 ", %s",
                            first, c->n_columns, c->label + 1,
                            named ? "by its name" : "the last one, which the model does not take");
}

static mw_status open_csv(mw_ctx *ctx, const mwi_reader *r, const mw_dataset_options *o,
                          mw_dataset *ds)
{
    void *memory;
    bool header, whole = false, named;

    MWI_TRY(mwi_arena_copy(ctx, &ds->arena, r, sizeof *r, &memory));
    mwi_reader *const reader = memory;
    if (r->len >= 3 && memcmp(r->bytes, "\xef\xbb\xbf", 3) == 0) { /* UTF-8's mark, of Excel */
        reader->bytes += 3;
        reader->len -= 3;
    }
    r = reader;
    MWI_TRY(mwi_arena_array(ctx, &ds->arena, 1, sizeof(struct csv), &memory));
    struct csv *const c = memory;
    c->r = reader;
    c->separator = guess_separator(r);
    c->reads_text = o->n_inputs == 1 && o->inputs[0].dtype == MW_STRING;
    MWI_TRY(read_first_line(ctx, c, o, &header));
    c->first_line = header ? 2 : 1;
    if (!header) c->label = -1;
    named = c->label >= 0;
    if (c->label < 0 && c->n_columns > 1 && wanted_values(o) == c->n_columns - 1)
        c->label = (int64_t)c->n_columns - 1;
    MWI_TRY(index_rows(ctx, c, &ds->arena, header ? line_end(r, 0) + 1 : 0));
    if (c->n_rows == 0) return mwi_fail(ctx, MW_EINVAL, "%s: no rows of numbers", r->name);
    c->at_byte = c->offsets[0];
    MWI_TRY(mwi_arena_array(ctx, &ds->arena, 2, sizeof *ds->inputs, &memory));
    ds->inputs = memory;
    ds->n_inputs = 1;
    const size_t width = c->n_columns - (c->label >= 0);
    ds->inputs[0] =
        (mwi_column){.name = "columns",
                     .dtype = c->reads_text ? MW_STRING : MW_FLOAT32,
                     .n_samples = c->n_rows,
                     .sample_bytes = width * (c->reads_text ? sizeof(mw_string) : sizeof(float)),
                     .read = c->reads_text ? read_texts : read_features,
                     .self = c};
    set_shape(o, width, &ds->inputs[0]);
    MWI_TRY(describe(ctx, c, &ds->arena, header, named, &ds->reading));
    if (c->label < 0) return MW_OK;
    MWI_TRY(labels_are_whole(ctx, c, &whole));
    ds->labels = ds->inputs + 1;
    ds->inputs[1] = (mwi_column){.name = "label",
                                 .dtype = whole ? MW_INT64 : MW_FLOAT64,
                                 .n_samples = c->n_rows,
                                 .sample_bytes = sizeof(double),
                                 .read = whole ? read_class : read_labels,
                                 .self = c};
    return MW_OK;
}

bool mw_parse_number(const char *text, size_t n, double *out)
{
    return text != NULL && mwi_text_to_double(text, n, out);
}

const mwi_data_kind mwi_data_kind_csv = {
    .name = "csv",
    .summary = "numbers (texts for a string input) separated by comma, semicolon or tab: a row a "
               "sample, label "
               "column named or last",
    .probe = probe,
    .open = open_csv,
};
