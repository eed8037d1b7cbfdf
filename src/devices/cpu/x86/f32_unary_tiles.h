/* devices/cpu/x86/f32_unary_tiles.h - see f32_unary.h; a template. exp by range reduction and a
 * polynomial (Cephes' coefficients); tanh near zero by a polynomial, else by exp.
 * Depends: f32_unary, vec_f32.  Used by: f32_unary_avx512.c, f32_unary_avx2.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_unary.h"
#include "devices/cpu/x86/vec_f32.h"

#include <float.h>

MWI_INLINE vec exp_of(vec v)
{
    const vec x = vec_clamp(v, vec_set1(-104.0f), vec_set1(89.0f)); /* beyond: 0, infinity */
    const vec n = vec_round(vec_mul(x, vec_set1(1.44269504f)));
    const vec part = vec_fma(n, vec_set1(-0.693359375f), x); /* log 2 in two parts */
    const vec r = vec_fma(n, vec_set1(2.12194440e-4f), part);
    vec p = vec_set1(1.9875691500e-4f);

    p = vec_fma(p, r, vec_set1(1.3981999507e-3f));
    p = vec_fma(p, r, vec_set1(8.3334519073e-3f));
    p = vec_fma(p, r, vec_set1(4.1665795894e-2f));
    p = vec_fma(p, r, vec_set1(1.6666665459e-1f));
    p = vec_fma(p, r, vec_set1(5.0000001201e-1f));
    return vec_scale2(vec_add(vec_fma(p, vec_mul(r, r), r), vec_set1(1)), n);
}

MWI_INLINE vec logistic_of(vec x)
{
    return vec_div(vec_set1(1), vec_add(vec_set1(1), exp_of(vec_sub(vec_zero(), x))));
}

MWI_INLINE vec tanh_of(vec x)
{
    const vec size = vec_abs(x), x2 = vec_mul(x, x);
    const vec e = exp_of(vec_mul(size, vec_set1(-2)));
    const vec far = vec_div(vec_sub(vec_set1(1), e), vec_add(vec_set1(1), e));
    vec p = vec_set1(-5.70498872745e-3f);

    p = vec_fma(p, x2, vec_set1(2.06390887954e-2f));
    p = vec_fma(p, x2, vec_set1(-5.37397155531e-2f));
    p = vec_fma(p, x2, vec_set1(1.33314422036e-1f));
    p = vec_fma(p, x2, vec_set1(-3.33332819422e-1f));
    return vec_if_less(size, vec_set1(0.625f), vec_fma(vec_mul(p, x2), x, x),
                       vec_with_sign(far, x));
}

MWI_INLINE vec relu_of(vec x) { return vec_max(vec_zero(), x); }
MWI_INLINE vec relu6_of(vec x) { return vec_clamp(x, vec_zero(), vec_set1(6)); }

MWI_INLINE vec hard_swish_of(vec x)
{
    const vec gate = vec_clamp(vec_add(x, vec_set1(3)), vec_zero(), vec_set1(6));
    return vec_div(vec_mul(x, gate), vec_set1(6));
}

#define ROW(name)                                                                                  \
    static void name##_row(const mwi_run_call *call, const void *from, void *to, size_t n)         \
    {                                                                                              \
        const float *const in = from;                                                              \
        float *const out = to;                                                                     \
        size_t i = 0;                                                                              \
        (void)call;                                                                                \
        for (; i + VEC_LANES <= n; i += VEC_LANES)                                                 \
            vec_store(out + i, name##_of(vec_load(in + i)));                                       \
        if (i == n) return;                                                                        \
        const vec_mask some = vec_first(n - i);                                                    \
        vec_store_some(out + i, name##_of(vec_load_some(in + i, some)), some);                     \
    }
ROW(relu)
ROW(relu6)
ROW(hard_swish)
ROW(logistic)
ROW(tanh)

/* exp((in - most) * beta), lanes outside the vector 0. */
MWI_INLINE vec weight_of(const float *in, vec most, vec beta, const vec_mask *some)
{
    const vec x = some ? vec_load_some(in, *some) : vec_load(in);
    return exp_of(vec_mul(vec_sub(x, most), beta));
}

static float largest(const float *in, size_t n)
{
    float lanes[VEC_LANES], most = -FLT_MAX;
    vec v = vec_set1(-FLT_MAX);
    size_t i = 0;

    for (; i + VEC_LANES <= n; i += VEC_LANES) v = vec_max(vec_load(in + i), v);
    vec_store(lanes, v);
    for (size_t k = 0; k < VEC_LANES; k++) most = lanes[k] > most ? lanes[k] : most;
    for (; i < n; i++) most = in[i] > most ? in[i] : most;
    return most;
}

static void softmax(const float *in, float *out, size_t n, float factor)
{
    const vec most = vec_set1(largest(in, n)), beta = vec_set1(factor);
    float tail[VEC_LANES] = {0};
    vec sums = vec_zero();
    size_t i = 0;

    for (; i + VEC_LANES <= n; i += VEC_LANES) {
        const vec w = weight_of(in + i, most, beta, NULL);
        sums = vec_add(sums, w);
        vec_store(out + i, w);
    }
    if (i < n) {
        const vec_mask some = vec_first(n - i);
        const vec w = weight_of(in + i, most, beta, &some);
        vec_store_some(out + i, w, some);
        vec_store_some(tail, w, some);
        sums = vec_add(sums, vec_load(tail));
    }
    const vec sum = vec_set1(vec_sum(sums));
    for (i = 0; i + VEC_LANES <= n; i += VEC_LANES)
        vec_store(out + i, vec_div(vec_load(out + i), sum));
    if (i == n) return;
    const vec_mask some = vec_first(n - i);
    vec_store_some(out + i, vec_div(vec_load_some(out + i, some), sum), some);
}
