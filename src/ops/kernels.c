/* ops/kernels.c - matching an operator's operands against a kernel's list of types.
 * Depends: ops/registry.  Used by: runtime, devices, quantize, info.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/registry.h"

#include <string.h>

/* One type of a list: "i8", "f32?", "*", "i8+". */
struct item {
    const char *name;
    size_t n;
    bool optional, repeated;
};

static const char *next_item(const char *at, struct item *out)
{
    out->name = at;
    while (*at != '\0' && *at != ',' && *at != '>' && *at != '?' && *at != '+') at++;
    out->n = (size_t)(at - out->name);
    out->optional = *at == '?';
    out->repeated = *at == '+';
    if (out->optional || out->repeated) at++;
    return at;
}

static bool item_takes(const struct item *item, const mwi_view *view)
{
    mw_dtype dtype;

    if (view->tensor == NULL) return item->optional;
    if (item->n == 1 && item->name[0] == '*') return true;
    return mwi_dtype_from_short(item->name, item->n, &dtype) && dtype == view->dtype;
}

/* Consumes one side of the list; *at is left on '>' or the end. */
static bool side_takes(const char **at, const mwi_view *views, size_t n)
{
    size_t i = 0;

    while (**at != '\0' && **at != '>') {
        struct item item;
        *at = next_item(*at, &item);
        if (**at == ',') (*at)++;
        if (i == n) {
            if (!item.optional) return false;
            continue;
        }
        if (!item_takes(&item, &views[i++])) return false;
        while (item.repeated && i < n)
            if (!item_takes(&item, &views[i++])) return false;
    }
    return i == n;
}

bool mwi_types_match(const char *types, const mwi_view *in, size_t n_in, const mwi_view *out,
                     size_t n_out)
{
    const char *at = types;

    if (!side_takes(&at, in, n_in)) return false;
    if (*at == '>') at++;
    return side_takes(&at, out, n_out);
}

const mwi_kernel *mwi_op_kernel(const mwi_shape_call *call)
{
    const mwi_kernel *k = call->op->desc->kernels;

    for (; k != NULL && k->name != NULL; k++)
        if (mwi_types_match(k->types, call->in, call->n_in, call->out, call->n_out)) return k;
    return NULL;
}
