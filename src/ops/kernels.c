/* ops/kernels.c - matching an operator's operands against a kernel's list of types.
 * Depends: ops/registry.  Used by: runtime, devices, quantize, info.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/registry.h"

#include <string.h>

/* One operand of a list: "i8", "f32|i8", "=", "f32?", "*", "i8+". */
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

/* The inputs, which "=" compares with. */
struct operands {
    const mwi_view *in;
    size_t n_in;
};

static bool type_takes(const char *name, size_t n, const mwi_view *view, const struct operands *all)
{
    mw_dtype dtype;

    if (name[0] == '*') return true;
    if (name[0] == '=') {
        const size_t i = n > 1 ? (size_t)(name[1] - '0') : 0;
        return i < all->n_in && all->in[i].tensor != NULL && all->in[i].dtype == view->dtype;
    }
    return mwi_dtype_from_short(name, n, &dtype) && dtype == view->dtype;
}

static bool item_takes(const struct item *item, const mwi_view *view, const struct operands *all)
{
    if (view->tensor == NULL) return item->optional;
    for (size_t at = 0; at < item->n;) {
        size_t end = at;
        while (end < item->n && item->name[end] != '|') end++;
        if (type_takes(item->name + at, end - at, view, all)) return true;
        at = end + 1;
    }
    return false;
}

/* Consumes one side of the list; *at is left on '>' or the end. */
static bool side_takes(const char **at, const mwi_view *views, size_t n, const struct operands *all)
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
        if (!item_takes(&item, &views[i++], all)) return false;
        while (item.repeated && i < n)
            if (!item_takes(&item, &views[i++], all)) return false;
    }
    return i == n;
}

bool mwi_types_match(const char *types, const mwi_view *in, size_t n_in, const mwi_view *out,
                     size_t n_out)
{
    const struct operands all = {in, n_in};
    const char *at = types;

    if (!side_takes(&at, in, n_in, &all)) return false;
    if (*at == '>') at++;
    return side_takes(&at, out, n_out, &all);
}

const mwi_kernel *mwi_op_kernel(const mwi_shape_call *call)
{
    const mwi_kernel *k = call->op->desc->kernels;

    for (; k != NULL && k->name != NULL; k++)
        if (mwi_types_match(k->types, call->in, call->n_in, call->out, call->n_out)) return k;
    return NULL;
}
