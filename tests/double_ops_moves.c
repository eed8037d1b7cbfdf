/* tests/double_ops_moves.c - operators that move values, in double precision: see double_ops.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "double_ops.h"

#include <string.h>

static void copy(const double_call *c)
{
    memcpy(c->out[0].v, c->in[0].v, c->out[0].n * sizeof(double));
}

static void shape(const double_call *c)
{
    for (int32_t k = 0; k < c->in[0].rank; k++) c->out[0].v[k] = c->in[0].dims[k];
}
static void rank(const double_call *c) { c->out[0].v[0] = c->in[0].rank; }

const double_op double_ops_moves[] = {
    {"RESHAPE", copy},
    {"SQUEEZE", copy},
    {"EXPAND_DIMS", copy},
    {"SHAPE", shape},
    {"RANK", rank},
    {NULL, NULL},
};
