/* What the published formula gives, in long double and plain loops, and how far f32 arithmetic may be from it.
 *
 * The bound of every element is derived, not tuned. With u = 2^-24 (half an ULP, relative) and gamma(k) = ku / (1 - ku):
 *   - a sum in which no term passes through more than k additions is within gamma(k) * sum of |terms| of the exact
 *     one, whatever its order. docs/numbers.md sums a row in chunks of 4,096 elements on 32 lanes, so
 *     k = min(n - 1, 134 + n / 4096); the two matrix products are held to k = their length only.
 *   - s: ds = gamma(k + 2) * mean |x|                     one rounding each for the quotient and for S as a float
 *   - layer of n inputs v with errors dv: dz = sum |w| dv + gamma(n + 1) * (|b| + sum |w| (|v| + dv))
 *   - activations and gates pass dz on by their steepest slope (relu and clip 1, silu 1.1, hard-swish 1.5, sigmoid 1/4,
 *     hard-sigmoid |slope|) and add their own roundings: exp is within 2u, the sigmoid within 8u of its value, a slope
 *     written in decimals within u
 *   - y: dy = |x| dg + u |x| (|g| + dg), with a residual u (|x| + |x| (|g| + dg)) more
 * Everything is widened by 2^-126, where flushing of subnormals may happen, and by 1/1024 for the terms of second order
 * that are left out. NaN in x makes a NaN of the mean and so of every output of its sample. */
#ifndef EXCITON_VERIFY_ORACLE_H
#define EXCITON_VERIFY_ORACLE_H

#include "verify/cases.h"

typedef struct exciton_estimate {
    long double value, bound;
} exciton_estimate;

/* All of a case's, as filled; an absent bias is NULL. */
typedef struct exciton_case_data {
    const float *x, *w1, *b1, *w2, *b2;
} exciton_case_data;

/* s and g are [N, C], h is [N, R]. */
void exciton_oracle_gates(const exciton_case *c, const exciton_case_data *data, exciton_estimate *s, exciton_estimate *h,
                          exciton_estimate *g);

/* True where `got` is a NaN exactly where the estimate is and within the bound elsewhere. */
bool exciton_estimate_admits(const exciton_estimate *estimate, float got);
exciton_estimate exciton_oracle_output(const exciton_case *c, const exciton_estimate *gate, float x);

/* Index of the first element that is outside its bound, or `count`. */
uint64_t exciton_oracle_check(const exciton_estimate *estimates, uint64_t count, const float *got);
uint64_t exciton_oracle_check_output(const exciton_case *c, const exciton_case_data *data, const exciton_estimate *g,
                                     const float *y);

/* e^v, within 1e-15 of its value for |v| < 11,000. Not libm's: the library links libc only. */
long double exciton_oracle_exp(long double v);

#endif
