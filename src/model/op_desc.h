/* model/op_desc.h - what one operator's row says. The rows are in ops/, one file each; readers,
 * writers, dump, verifier, quantizer, runtime and docs all read them, and none switches over
 * operators.
 * Depends: model/graph.  Used by: everything that touches operators.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_MODEL_OP_DESC_H
#define MWI_MODEL_OP_DESC_H

#include "base/pool.h"
#include "model/graph.h"
#include "model/packs.h"

/* ---- attributes ---- */

typedef enum mwi_field_kind {
    MWI_FIELD_END = 0,
    MWI_FIELD_I32,    /* int32_t */
    MWI_FIELD_I64,    /* int64_t */
    MWI_FIELD_F32,    /* float */
    MWI_FIELD_BOOL,   /* bool; one byte in the file */
    MWI_FIELD_ENUM,   /* int32_t; one byte in the file */
    MWI_FIELD_I32S,   /* mwi_i32s */
    MWI_FIELD_STRING, /* const char *, NULL when absent */
    MWI_FIELD_F32S,   /* mwi_f32s */
    MWI_FIELD_I64S,   /* mwi_i64s */
    MWI_FIELD_BYTES,  /* mwi_bytes */
} mwi_field_kind;

typedef struct mwi_i32s {
    size_t n;
    const int32_t *v;
} mwi_i32s;
typedef struct mwi_f32s {
    size_t n;
    const float *v;
} mwi_f32s;

typedef struct mwi_i64s {
    size_t n;
    const int64_t *v;
} mwi_i64s;
typedef struct mwi_bytes {
    size_t n;
    const uint8_t *v;
} mwi_bytes;

/* One attribute: place in the struct, kind, slot in the operator's options table (-1: not in the
 * file), default, legal range (ignored when min > max), names of an enum's values. */
typedef struct mwi_field {
    const char *name; /* the schema's: "stride_w" */
    size_t offset;
    mwi_field_kind kind;
    int32_t slot;
    double def, min, max;
    const char *const *names; /* n = max + 1; NULL: numbers */
} mwi_field;
#define MWI_FIELDS_END                                                                             \
    {                                                                                              \
        NULL, 0, MWI_FIELD_END, -1, 0, 0, 0, NULL                                                  \
    }

/* Shared enums of the schema. */
enum { MWI_PADDING_SAME = 0, MWI_PADDING_VALID = 1 };
enum {
    MWI_ACT_NONE = 0,
    MWI_ACT_RELU = 1,
    MWI_ACT_RELU_N1_TO_1 = 2,
    MWI_ACT_RELU6 = 3,
    MWI_ACT_TANH = 4,
    MWI_ACT_SIGN_BIT = 5
};
extern const char *const mwi_padding_names[];    /* 2 */
extern const char *const mwi_activation_names[]; /* 6 */

/* ---- tensors as operators see them ---- */

typedef struct mwi_view {
    mw_dtype dtype;
    int32_t rank;
    int32_t dims[MW_MAX_RANK];
    void *data; /* run: its bytes. infer, prepare: only constants have one. Inputs are not written,
                 * except state (tensor->is_variable) */
    size_t bytes;
    bool fixed; /* data follow from the model alone: the same in all sessions and plans */
    const mwi_quant *quant; /* NULL: none */
    const mwi_tensor
        *tensor; /* NULL: an optional input that is left out (dtype, rank then mean nothing) */
} mwi_view;

/* ---- what a session offers ---- */

/* Values of a subgraph's outputs. */
typedef struct mwi_called {
    const mwi_view *out; /* borrowed until the subgraph is planned or run again */
    size_t n_out;
    bool known; /* false: some shape is decided by data */
} mwi_called;

typedef struct mwi_table mwi_table; /* ops/table.h */

/* What operators that call subgraphs, or that keep things from one run to the next, ask of the
 * session that they run in. Subgraphs never call themselves (verifier), so each has one instance,
 * made when it is first asked for. Inputs are checked against the subgraph in number and type; all
 * functions take `self` first. Resource tensors hold an int32, the number that find gave. */
typedef struct mwi_host {
    void *self;
    /* Shapes of the outputs for inputs of these shapes; no data is read but of constants. Fails as
     * planning does. */
    mw_status (*plan)(void *self, mw_ctx *ctx, int32_t subgraph, const mwi_view *in, size_t n_in,
                      mwi_called *out);
    /* The subgraph itself, for operators that only look what it does; NULL: there is none. */
    const mwi_graph *(*graph)(void *self, int32_t subgraph);
    /* Copies `in` into the subgraph's inputs and runs it. Plans it when it must. An input that the
     * subgraph also gives out stays where out[] says, and may be handed in again from there. */
    mw_status (*run)(void *self, mw_ctx *ctx, int32_t subgraph, const mwi_view *in, size_t n_in,
                     mwi_called *out);
    /* Copies values to where they outlive the next call of a subgraph, in the name of an operator,
     * told by its attributes; *out is borrowed until the same operator holds others. `in` may be
     * what it holds. */
    mw_status (*hold)(void *self, mw_ctx *ctx, const void *attr, const mwi_view *in, size_t n,
                      const mwi_view **out);
    /* What infer held at run; NULL: nothing. Taken: the next call gives NULL. */
    const mwi_view *(*take_held)(void *self, const void *attr);
    /* Memory until the next call of any of these functions; grows and stays. */
    mw_status (*scratch)(void *self, mw_ctx *ctx, size_t bytes, void **out);
    /* Whether the subgraph was run by run_once since the session was made or reset. */
    bool (*was_run)(void *self, int32_t subgraph);
    void (*set_run)(void *self, int32_t subgraph);
    /* Memory of an operator, told by its attributes, that lives as long as the session; zero when
     * it is made and after a reset. */
    mw_status (*keep)(void *self, mw_ctx *ctx, const void *attr, size_t bytes, void **out);
    /* The number of a variable's resource; it is made when it is not there. */
    mw_status (*find)(void *self, mw_ctx *ctx, const char *container, const char *name,
                      int32_t *out_id);
    /* Room for a variable's value, so that assigning it allocates nothing. */
    mw_status (*reserve)(void *self, mw_ctx *ctx, int32_t id, size_t bytes);
    /* The variable's value, borrowed until it is assigned. Fails: MW_EINVAL (no such variable, or
     * it has no value yet). */
    mw_status (*read)(void *self, mw_ctx *ctx, int32_t id, mwi_view *out);
    mw_status (*assign)(void *self, mw_ctx *ctx, int32_t id, const mwi_view *value);
    /* The resource of the table that the model numbers so; it is made when it is not there, of
     * these types. Fails: MW_EFORMAT (it has others). */
    mw_status (*find_table)(void *self, mw_ctx *ctx, int32_t table_id, mw_dtype key, mw_dtype value,
                            int32_t *out_id);
    /* Borrowed until the next find_table. Fails: MW_EINVAL (no such table). */
    mw_status (*table)(void *self, mw_ctx *ctx, int32_t id, mwi_table **out);
} mwi_host;

/* For infer, macs and version: shapes and types, and data of constants. */
typedef struct mwi_shape_call {
    const mwi_op *op;
    const void *attr;
    const mwi_graph *graph; /* of the operator, for its intermediate tensors; NULL: unknown */
    size_t n_in, n_out;
    const mwi_view *in;
    mwi_view *out;        /* infer sets rank and dims, and dtype where the attributes fix it */
    const mwi_host *host; /* NULL: no session asks */
    bool running; /* all inputs have data, and the operator runs next: it may be run to know its
                   * outputs' shapes (mwi_host.hold) */
    bool unknown; /* infer sets it when an output's shape depends on data that is not there. A run
                   * asks again  when all inputs have data: then only state may stay unknown */
} mwi_shape_call;

/* ---- kernels ---- */

/* What prepare gets and makes. State lives in `arena` as long as the plan. */
typedef struct mwi_prepare_call {
    const mwi_op *op;
    const void *attr;
    const mwi_graph *graph; /* of the operator, for its intermediate tensors; NULL: unknown */
    size_t n_in, n_out;
    const mwi_view *in, *out; /* planned shapes; data of constants only */
    const mwi_host *host;     /* NULL: no session */
    mwi_arena *arena;
    mwi_packs *packs; /* the model's; NULL: none, what is packed then lives in `arena` */
    uint32_t n_threads;
    void *state;          /* made by prepare, handed to run */
    size_t scratch_bytes; /* set by prepare: run's scratch, uninitialised at each run */
} mwi_prepare_call;

/* What `fill` makes of a constant, once for the model where it is the same in all its plans, else
 * once for the plan.
 *   kind          static storage: names the layout; with the constant, p0, p1 and bytes it says all
 *                 that the result depends on
 *   *out          64-byte aligned, borrowed as long as the plan
 * Fails: MW_ENOMEM, MW_ELIMIT. */
MW_MUST_USE mw_status mwi_pack(mw_ctx *ctx, mwi_prepare_call *call, const char *kind,
                               const mwi_view *view, int64_t p0, int64_t p1, size_t bytes,
                               mwi_pack_fn fill, const void *arg, const void **out);

typedef struct mwi_run_call {
    const void *attr;
    size_t n_in, n_out;
    const mwi_view *in, *out;
    const mwi_host *host; /* NULL: no session */
    const void *state;
    void *scratch; /* 64-byte aligned */
    mwi_pool *pool;
    mwi_arena *strings; /* for bytes of strings that run makes: they live as long as its outputs */
} mwi_run_call;

enum {
    MWI_KERNEL_NOT_LITERT = 1 << 0, /* LiteRT has no kernel for these types, or none that is right
                                     * for all scales: `quantize` does not write it */
};

/* types: "f32,f32,f32?>f32": inputs > outputs in order; '?' may be left out; '*' any type but str
 * (whose rows say so: only what copies whole elements of one type may make strings); "f32|i8"
 * either;
 * '=' the type of input 0, "=2" of input 2; a trailing '+' one or more of that type ("i8+>i8");
 * inputs past the list must not exist. */
typedef struct mwi_kernel {
    const char *name; /* "s8_conv_2d__ref": <types>_<op>[_<variant>]__<isa> */
    const char *types;
    uint32_t flags;
    uint32_t cpu_features; /* all of these bits are needed; 0: portable */
    /* NULL: accepts all that infer lets through. */
    bool (*accepts)(const mwi_prepare_call *call);
    /* NULL: nothing to prepare. Proves all that run relies on besides shapes (quantization present,
     * ...); rearranges constants by mwi_pack. Fails: MW_EFORMAT, MW_EUNSUPPORTED, MW_ENOMEM. */
    mw_status (*prepare)(mw_ctx *ctx, mwi_prepare_call *call);
    /* May fail only on values held in tensors (indices), or by cancellation. Allocates nothing. */
    mw_status (*run)(mw_ctx *ctx, const mwi_run_call *call);
} mwi_kernel;

/* ---- quantization rule ---- */

enum {
    MWI_QUANT_SAME_SCALE =
        1 << 0, /* output keeps the input's scale and zero point (RESHAPE, MAX_POOL) */
    MWI_QUANT_INPUTS_SAME = 1 << 1, /* all inputs and the output share one scale (CONCATENATION) */
    MWI_QUANT_FIXED_OUTPUT =
        1 << 2, /* output scale fixed by the specification: fixed_int8, fixed_int16 */
    MWI_QUANT_SYMMETRIC_IN = 1 << 3, /* inputs need zero point 0 */
};
typedef struct mwi_fixed_quant {
    float scale;
    int32_t zero_point;
} mwi_fixed_quant;
typedef struct mwi_quant_rule {
    bool quantizable; /* false: the row stays float, whatever kernels it has */
    int8_t weight;    /* which input is the constant weight, -1 none */
    int8_t axis;      /* its per-channel axis, -1: per tensor only */
    int8_t bias;      /* which input is the bias (scale = input * weight), -1 none */
    uint32_t flags;
    mwi_fixed_quant fixed_int8, fixed_int16;
    int8_t data_inputs[4]; /* inputs that are activations; -1 ends; {-1}: all that are not weight,
                              bias */
} mwi_quant_rule;

/* ---- what a row computes, for those that change graphs ---- */

/* out[.., o] = bias[o] + a sum of products of weights and values of an input channel: layers. */
typedef struct mwi_linear {
    int8_t value, weight, bias;     /* operands; bias -1: it has none */
    int8_t rank, out_axis, in_axis; /* of the weight; its other axes are a window's */
    bool depthwise;  /* output channel o reads input channel o / (outputs / inputs) alone, and
                      * in_axis is out_axis */
    bool grouped;    /* the weight may have fewer input channels than the value */
    bool flattens;   /* reads rows of as many values as in_axis has, whatever the value's shape */
    bool transposed; /* each value is spread over a window of the output */
    /* Blocks of a sparse weight's rows that LiteRT's kernels read: a bit for 1, 4, 16 values.
     * Others need a DENSIFY. */
    uint32_t sparse_f32;
    bool densifies_s8; /* LiteRT runs it with int8 weights that a DENSIFY makes, its default
                        * delegate too, which refuses some */
} mwi_linear;

/* Windows over dimensions 1, 2, ... of a value: operand 0, or mwi_linear.value. Fields by name;
 * the padding is the field "padding". */
typedef struct mwi_windows {
    int8_t n;              /* 2: height, width; 3: depth, height, width */
    int8_t weight_axis[3]; /* where `size` is NULL: the dimension of the weight that is the size */
    const char *size[3], *stride[3], *dilation[3]; /* stride, dilation: NULL where always 1 */
} mwi_windows;

/* ---- gradients ---- */

/* Where operators are added: at the end of a graph. */
typedef struct mwi_emitter {
    mw_model *model;
    mwi_graph *graph;
    const mwi_op *op; /* gives new tensors their names, and attributes where they are asked for */
} mwi_emitter;

/* Reverse mode: the row adds operators that compute, from the gradients of an operator's outputs,
 * those of its inputs (ops/emit_op.h). They may read the operator's inputs and outputs. A dimension
 * of 1 may stand for an open one: what depends on sizes is left to operators that see them at run.
 */
typedef struct mwi_gradient_call {
    mwi_emitter at;       /* at.op: the operator */
    const int32_t *d_out; /* tensors, of the outputs' shapes; -1: nothing depends on that output */
    const bool *wanted;   /* of each input: whether its gradient is asked for */
    int32_t *d_in;        /* set, in the shape of the input; left at -1 where it is zero */
} mwi_gradient_call;

/* dy/dx of a pointwise operator, for POINTWISE_GRAD. */
typedef struct mwi_slope {
    double (*at)(double x, double y, double parameter);
    const char *parameter; /* the row's float or bool field that `at` gets; NULL: none */
    bool reads_x, reads_y; /* what is not read need not be kept */
} mwi_slope;

/* ---- the row ---- */

enum {
    MWI_OP_INPLACE = 1 << 0,   /* run tolerates out[0].data == in[0].data of equal bytes */
    MWI_OP_VIEW = 1 << 1,      /* out[0] has the bytes of in[0] (RESHAPE, SQUEEZE): no work */
    MWI_OP_POINTWISE = 1 << 2, /* out[i] depends on in[i] alone (unary elementwise) */
    MWI_OP_FUSES_ACT = 1 << 3, /* LiteRT's kernels of every type clamp as the field
                                * "fused_activation_function" says: RELU, RELU6, RELU_N1_TO_1 */
    MWI_OP_STATEFUL =
        1 << 4, /* reads or writes state, random, control flow: never folded or merged */
    MWI_OP_TRAINING_ONLY = 1 << 5, /* lowered by a pass before a .tflite is written */
    MWI_OP_BINARY_BROADCAST = 1 << 6,
    MWI_OP_COMMUTATIVE = 1 << 7,
    MWI_OP_SHAPE_ONLY = 1 << 8, /* reads its inputs' shapes, not their data (SHAPE, RANK) */
    MWI_OP_PER_SAMPLE =
        1 << 9, /* where operands of rank >= 2 share their first dimension with the outputs,
                 * out[i] depends on in[i] alone along it: a batch may be planned. Pointwise,
                 * broadcasting and view operators are so without saying it */
    MWI_OP_CLAMPS = 1 << 10, /* out[0] is in[0] between out_low and out_high, nothing else */
    MWI_OP_SCALES_BY_CHANNEL =
        1 << 11, /* where in[0] and out[0] have one rank and last dimension: a positive factor on
                  * a channel (last dimension) of in[0] is that factor on it in out[0] */
    MWI_OP_REDUCES = 1 << 12, /* along the axes in in[1]; of a single value it gives that value */
    MWI_OP_BY_CHANNEL =
        1 << 13, /* where in[0] and out[0] have one rank and last dimension: a channel of out[0]
                  * depends on that channel of in[0], and of operands that broadcast to it, alone */
    MWI_OP_JOINS = 1 << 14,    /* out[0] is all inputs one after the other along the field "axis" */
    MWI_OP_CUTS = 1 << 15,     /* the outputs are equal pieces of in[1] along the axis in in[0] */
    MWI_OP_PERMUTES = 1 << 16, /* dimension i of out[0] is dimension in[1][i] of in[0] */
};

struct mwi_op_desc {
    const char *name;      /* "CONV_2D": BuiltinOperator's; a custom operator's code */
    int32_t tflite_code;   /* -1: not a builtin (custom, or ours for training) */
    uint8_t options_type;  /* BuiltinOptions member that holds the attributes, 0 none */
    uint8_t options2_type; /* BuiltinOptions2 member, 0 none */
    bool custom; /* `name` is a TFLite custom code; options are flexbuffers in custom_options */
    int8_t min_in, max_in; /* -1: any number */
    int8_t min_out, max_out;
    uint32_t traits;
    size_t attr_size;
    const mwi_field *fields;     /* ends with MWI_FIELDS_END; NULL: none */
    const mwi_kernel *kernels;   /* reference rows, ends with a NULL name; NULL: cannot run */
    const mwi_quant_rule *quant; /* NULL: not quantizable */
    const mwi_linear *linear;    /* NULL: no layer with weights */
    const mwi_windows *windows;  /* NULL: no windows */
    double out_low, out_high;    /* out[0] lies between them whatever in[0] is; both 0: anywhere.
                                  * HUGE_VAL where one side is open */
    /* Custom operators: fills attr from custom_options; NULL: none. Every byte is hostile. */
    mw_status (*parse_custom)(mw_ctx *ctx, mwi_arena *arena, const uint8_t *bytes, size_t n,
                              void *attr);
    /* Shape and type rules. Proves all that run relies on. Never trusts: dims may be anything >= 0.
     */
    mw_status (*infer)(mw_ctx *ctx, mwi_shape_call *call);
    /* NULL: it has none. Rows whose results do not change with their inputs a little (FLOOR, SHAPE,
     * comparisons) have one that leaves all d_in at -1. Fails: MW_EUNSUPPORTED (these attributes).
     */
    mw_status (*gradient)(mw_ctx *ctx, mwi_gradient_call *call);
    const mwi_slope *slope;                         /* NULL: not pointwise, or it has no gradient */
    uint64_t (*macs)(const mwi_shape_call *call);   /* NULL: 0 */
    int32_t (*version)(const mwi_shape_call *call); /* least version that LiteRT wants; NULL: 1 */
};

/* The row for operators that we do not know: carries name and code, cannot run. */
extern const mwi_op_desc mwi_op_unknown;

/* Fills attr with the fields' defaults. */
void mwi_attr_defaults(const mwi_op_desc *desc, void *attr);
/* Checks every field's range. Fails: MW_EFORMAT: "stride_w is 0, allowed 1 to 2147483647". */
MW_MUST_USE mw_status mwi_attr_check(mw_ctx *ctx, const mwi_op_desc *desc, const void *attr);
/* The op's name for people: the builtin's (also without a row), the custom code, or "UNKNOWN". */
const char *mwi_op_name(const mwi_op *op);
/* Whether people may mean the operator by a name or glob: its own, its layer's, an output's. */
bool mwi_op_matches(const mwi_graph *graph, const mwi_op *op, const char *pattern);
/* "ADD" for 0, ...; NULL for a code that is newer than this build. Static storage. */
const char *mwi_builtin_name(int32_t code);
/* Whether it calls subgraphs: WHILE, IF and their kind. */
bool mwi_op_calls(const mwi_op_desc *desc);
/* NULL when the row has no field of that name. */
const mwi_field *mwi_op_field(const mwi_op_desc *desc, const char *name);
/* Value of an I32 or ENUM field by name; `otherwise` when there is none. */
int32_t mwi_op_get_i32(const mwi_op *op, const char *field, int32_t otherwise);
void mwi_op_set_i32(mwi_op *op, const char *field, int32_t value);

#endif
