/* ops/kernels.c - matching an operator's operands against a kernel's list of types, and choosing
 * the kernel.
 * Depends: ops/registry.  Used by: runtime, devices, folding, quantize, info.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/kernels.h"

#include "base/text.h"

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

    if (name[0] == '*') return view->dtype != MW_STRING; /* its elements are addresses */
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

/* ---- choosing ---- */

mwi_prepare_call mwi_prepare_call_of(const mwi_shape_call *call)
{
    return (mwi_prepare_call){.op = call->op,
                              .attr = call->attr,
                              .graph = call->graph,
                              .n_in = call->n_in,
                              .n_out = call->n_out,
                              .in = call->in,
                              .out = call->out,
                              .host = call->host,
                              .n_threads = 1};
}

/* What a row must be. */
typedef struct wanted {
    const mwi_prepare_call *call;
    const char *pattern; /* NULL: any name */
    bool by_types;       /* `accepts` is not asked */
} wanted;

static bool takes(const wanted *w, const mwi_kernel *k)
{
    const mwi_prepare_call *const c = w->call;

    if (w->pattern != NULL && !mwi_glob_match(w->pattern, k->name)) return false;
    if (!mwi_types_match(k->types, c->in, c->n_in, c->out, c->n_out)) return false;
    return w->by_types || k->accepts == NULL || k->accepts(c);
}

static const mwi_kernel *first(const mwi_device_desc *device, const wanted *w)
{
    const mwi_op_desc *const op = w->call->op->desc;
    const uint32_t have = device == NULL || device->features == NULL ? 0 : device->features();

    for (size_t i = 0; device != NULL && device->kernels[i] != NULL; i++)
        for (const mwi_device_kernel *d = device->kernels[i]; d->op != NULL; d++)
            if (d->op == op && (d->kernel.cpu_features & ~have) == 0 && takes(w, &d->kernel))
                return &d->kernel;
    for (const mwi_kernel *k = op->kernels; k != NULL && k->name != NULL; k++)
        if (takes(w, k)) return k;
    return NULL;
}

const mwi_kernel *mwi_kernel_choose(const mwi_device_desc *device, const mwi_prepare_call *call,
                                    const char *pattern)
{
    const mwi_kernel *const named =
        pattern == NULL ? NULL : first(device, &(wanted){call, pattern, false});
    return named != NULL ? named : first(device, &(wanted){call, NULL, false});
}

const mwi_kernel *mwi_kernel_by_types(const mwi_device_desc *device, const mwi_shape_call *call)
{
    const mwi_prepare_call prep = mwi_prepare_call_of(call);
    return first(device, &(wanted){&prep, NULL, true});
}

bool mwi_kernel_is_named(const mwi_device_desc *device, const char *pattern)
{
    for (size_t i = 0; device != NULL && device->kernels[i] != NULL; i++)
        for (const mwi_device_kernel *d = device->kernels[i]; d->op != NULL; d++)
            if (mwi_glob_match(pattern, d->kernel.name)) return true;
    for (size_t i = 0; mwi_ops[i] != NULL; i++)
        for (const mwi_kernel *k = mwi_ops[i]->kernels; k != NULL && k->name != NULL; k++)
            if (mwi_glob_match(pattern, k->name)) return true;
    return false;
}
