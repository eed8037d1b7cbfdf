/* programs/milliwatt/command.h - one command: a row of commands.def and a file cmd_<name>.c.
 * The program sees the public API only.     SPDX-License-Identifier: Apache-2.0 */
#ifndef MILLIWATT_COMMAND_H
#define MILLIWATT_COMMAND_H

#include <milliwatt/milliwatt.h>

/* What the exit status says. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

typedef enum opt_kind {
    OPT_FLAG,    /* bool */
    OPT_STRING,  /* const char * */
    OPT_UINT,    /* uint64_t */
    OPT_NUMBER,  /* double; "1/255" is one */
    OPT_STRINGS, /* opt_list: may be given again */
    OPT_MARK,    /* opt_list: appends NULL, e.g. --next among --input */
} opt_kind;

typedef struct opt_list {
    const char **v;
    size_t n;
} opt_list;

/* One option. `out` is where its value goes. */
typedef struct opt {
    const char *name; /* "--scheme"; "-o" */
    opt_kind kind;
    void *out;
    const char *arg; /* "FILE"; NULL for flags */
    const char *help;
} opt;

typedef struct command {
    const char *name;
    const char *summary; /* one line */
    const char *usage;   /* "IN -o OUT [options]" */
    const char *example; /* one or more command lines */
    const char *more;    /* further paragraphs of --help; NULL */
    int (*run)(int argc, char **argv);
} command;

extern const command *const commands[]; /* ends with NULL */

/* Reads options and up to max_positional words. Prints help or the mistake itself; returns -1 to go
 * on, else the exit status. Lists are freed by the program's end. */
int parse_options(const command *self, int argc, char **argv, const opt *opts, size_t n_opts,
                  const char **positional, size_t min_positional, size_t max_positional);

/* ---- around a command ---- */

/* A context with progress on a terminal and Ctrl-C as cancellation. */
mw_ctx *open_ctx(void);
/* Prints "milliwatt: <error>" and returns EXIT_FAILED. */
int fail(mw_ctx *ctx);
int fail_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Ends the progress line. */
void progress_done(void);
uint64_t now_ns(void);
/* Bytes of a file, 0 when it is not there. */
uint64_t file_size(const char *path);

/* Loads with --input-shape "1,224,224,3" (one an input, in order; NULL-terminated list in shapes).
 */
mw_status load_model(mw_ctx *ctx, const char *path, const opt_list *shapes, mw_model **out);
/* Parses "1,224,224,3". */
mw_status parse_shape(const char *text, mw_shape *out);

/* ---- data options: every command that takes data has all of them ---- */

typedef struct data_options {
    const char *split;
    double scale, offset;
} data_options;
#define DATA_OPTS(d)                                                                               \
    {"--split", OPT_STRING, &(d).split, "NAME", "use x_NAME and y_NAME of a .npz"},                \
        {"--scale", OPT_NUMBER, &(d).scale, "S",                                                   \
         "a float input gets stored*S+O (S may be 1/255; default 1)"},                             \
    {                                                                                              \
        "--offset", OPT_NUMBER, &(d).offset, "O", "see --scale (default 0)"                        \
    }
mw_status open_data(mw_ctx *ctx, const char *path, const data_options *d, mw_data_role role,
                    const mw_model *model, mw_dataset **out);

/* ---- receipts: text for people or JSON for programs, from the same rows ---- */

typedef struct receipt receipt;
receipt *receipt_open(const char *name, bool json);
void receipt_text(receipt *r, const char *key, const char *label, const char *value);
void receipt_uint(receipt *r, const char *key, const char *label, uint64_t value, const char *unit);
/* NaN is left out. */
void receipt_number(receipt *r, const char *key, const char *label, double value,
                    const char *format);
void receipt_bool(receipt *r, const char *key, const char *label, bool value);
/* {"before": a, "after": b}; the text adds the ratio. */
void receipt_change(receipt *r, const char *key, const char *label, uint64_t before, uint64_t after,
                    const char *unit);
/* A table: columns are given once, then a row at a time. Cells are text, unsigned or numbers. */
typedef struct cell {
    enum { CELL_TEXT, CELL_UINT, CELL_NUMBER } kind;
    const char *text;
    uint64_t uint;
    double number;
    const char *format; /* of a number, "%.1f" */
} cell;
#define TEXT(x)      ((cell){.kind = CELL_TEXT, .text = (x)})
#define UINT(x)      ((cell){.kind = CELL_UINT, .uint = (x)})
#define NUMBER(x, f) ((cell){.kind = CELL_NUMBER, .number = (x), .format = (f)})
void receipt_table(receipt *r, const char *key, const char *title, const char *const *columns,
                   size_t n);
void receipt_row(receipt *r, const cell *cells);
/* A line for people only. */
void receipt_note(receipt *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line that begins with "WARNING: " and an element of the array "warnings". */
void receipt_warn(receipt *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints JSON; text is printed as rows come. Frees. */
void receipt_close(receipt *r);

#endif
