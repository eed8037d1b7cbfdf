/* programs/milliwatt/command.h - one command: a row of commands.def and a file cmd_<name>.c.
 * The program sees the public API only.     SPDX-License-Identifier: Apache-2.0 */
#ifndef MILLIWATT_COMMAND_H
#define MILLIWATT_COMMAND_H

#include <milliwatt/milliwatt.h>

#include <float.h>

/* What the exit status says. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

typedef enum opt_kind {
    OPT_FLAG,    /* bool */
    OPT_STRING,  /* const char * */
    OPT_UINT,    /* uint64_t, min to max */
    OPT_NUMBER,  /* double, min to max; "1/255" is one */
    OPT_FACTOR,  /* double that is not 0 */
    OPT_CHOICE,  /* int32_t: the value of a row of mw_list `table` */
    OPT_STRINGS, /* opt_list: may be given again */
    OPT_MARK,    /* opt_list: appends NULL, e.g. --next among --input */
    OPT_SHAPES,  /* shape_list: may be given again */
} opt_kind;

typedef struct opt_list {
    const char **v;
    size_t n;
} opt_list;

typedef struct shape_list {
    mw_shape *v;
    size_t n;
} shape_list;

/* One option. `out` is where its value goes. */
typedef struct opt {
    const char *name; /* "--scheme"; "-o" */
    opt_kind kind;
    void *out;
    const char *arg; /* "FILE"; NULL for flags */
    const char *help;
    double min, max;   /* allowed numbers; max 0: no bound above */
    const char *table; /* of OPT_CHOICE */
    const char *needs; /* the option without which this one would do nothing; NULL */
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
 * on, else the exit status. Lists are the caller's when it returns -1: free_options. */
int parse_options(const command *self, int argc, char **argv, const opt *opts, size_t n_opts,
                  const char **positional, size_t min_positional, size_t max_positional);
void free_options(const opt *opts, size_t n_opts);

#define N_OPTS(opts) (sizeof(opts) / sizeof *(opts))
enum { MAX_THREADS = 256, MAX_BATCH = 65536 };
#define OPT_JSON(where)                                                                            \
    {                                                                                              \
        "--json", OPT_FLAG, &(where), NULL, .help = "the receipt as JSON"                          \
    }
#define OPT_THREADS(where, text)                                                                   \
    {                                                                                              \
        "--threads", OPT_UINT, &(where), "N", .help = (text), .min = 1, .max = MAX_THREADS         \
    }
#define OPT_BATCH(where, text)                                                                     \
    {                                                                                              \
        "--batch", OPT_UINT, &(where), "N", .help = (text), .min = 1, .max = MAX_BATCH             \
    }
#define OPT_INPUT_SHAPE(where)                                                                     \
    {                                                                                              \
        "--input-shape", OPT_SHAPES, &(where), "N,H,W,C",                                          \
            .help = "an input's shape, for a Keras file with open dimensions"                      \
    }

/* ---- around a command ---- */

/* A context with progress on a terminal and Ctrl-C as cancellation. */
mw_ctx *open_ctx(void);
/* Prints "milliwatt: <error>", the name of the status where the context has no message, and
 * returns EXIT_FAILED. */
int fail(mw_ctx *ctx, mw_status status);
int fail_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Shows the line of progress on a terminal; false: stop, Ctrl-C was pressed. */
bool tell_progress(const char *what, uint64_t done, uint64_t total);
/* Ends the progress line. */
void progress_done(void);
uint64_t now_ns(void);
/* Bytes of a file, 0 when it is not there. */
uint64_t file_size(const char *path);

/* Whether Ctrl-C was pressed; calls that take long end by themselves, with MW_ECANCELLED. */
bool was_interrupted(void);
/* For the work that is left after a Ctrl-C; a second one ends the program. */
void forget_interrupt(void);
/* Refuses to write over what is read: true when both are the same file, with the mistake printed.
 */
bool is_same_file(const char *in, const char *out);

/* Loads with the shapes of --input-shape, one an input, in order. */
mw_status load_model(mw_ctx *ctx, const char *path, const shape_list *shapes, mw_model **out);
/* The same with no weights inside of loops, for commands that change weights. */
mw_status load_all_weights(mw_ctx *ctx, const char *path, const shape_list *shapes, mw_model **out);

/* ---- data options: every command that takes data has all of them ---- */

typedef struct data_options {
    const char *split;
    double scale, offset;
} data_options;
/* `needed`: the option that names the data, NULL where it must be given. */
#define DATA_OPTS(d, needed)                                                                       \
    {"--split",        OPT_STRING, &(d).split, "NAME", .help = "use x_NAME and y_NAME of a .npz",  \
     .needs = (needed)},                                                                           \
        {"--scale",                                                                                \
         OPT_FACTOR,                                                                               \
         &(d).scale,                                                                               \
         "S",                                                                                      \
         .help = "a float input gets stored*S+O (S may be 1/255; default 1)",                      \
         .needs = (needed)},                                                                       \
    {                                                                                              \
        "--offset", OPT_NUMBER, &(d).offset, "O", .help = "see --scale (default 0)",               \
                                                  .min = -DBL_MAX, .needs = (needed)               \
    }
/* Uniform values in the range of mw_model_input_range; the same for a seed everywhere. *state
 * begins as the seed. */
mw_status fill_random(mw_ctx *ctx, const mw_model *model, size_t input, const mw_buffer *buffer,
                      uint64_t *state);
mw_status open_data(mw_ctx *ctx, const char *path, const data_options *d, mw_data_role role,
                    const mw_model *model, mw_dataset **out);

/* ---- receipts: text for people or JSON for programs, from the same rows ---- */

typedef struct receipt receipt;
/* `memory`, or the end of the program when it is NULL. */
void *must(void *memory);
receipt *receipt_open(const char *name, bool json);
void receipt_text(receipt *r, const char *key, const char *label, const char *value);
void receipt_uint(receipt *r, const char *key, const char *label, uint64_t value, const char *unit);
/* NaN is left out; an infinity is null in JSON. */
void receipt_number(receipt *r, const char *key, const char *label, double value,
                    const char *format);
/* A figure that applies and has no value: null in JSON, `text` for people. */
void receipt_null(receipt *r, const char *key, const char *label, const char *text);
/* A ratio of signal to noise. NaN is left out; infinite, it is null beside "exact": true. */
void receipt_sqnr(receipt *r, const char *key, const char *label, double db, const char *format);
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
/* What is odd about the data of a command: a scale that is not used, inputs that saturate. */
void warn_of_data(mw_ctx *ctx, receipt *r, const mw_model *model, mw_dataset *data,
                  const data_options *d);
/* Prints JSON; text is printed as rows come. Frees. */
void receipt_close(receipt *r);

#endif
