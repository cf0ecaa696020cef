/*
 * The arithmetic of exciton, once, for C11, OpenCL C 1.2 and GLSL 4.50.
 *
 * docs/numbers.md is the contract; this file is its scalar part: every function below is the same sequence of
 * additions, multiplications and integer operations in each language, and so gives the same bits. The build
 * concatenates it in front of a kernel, puts it after "#version 450" of a shader, and C includes it.
 *
 * What the including side owes:
 * - no contraction and no fast-math: -ffp-contract=off for C (the pragma below is all that clang needs, gcc ignores
 *   it), NoContraction on every arithmetic instruction of a SPIR-V module;
 * - EXCITON_NATIVE_DIVISION may be defined before OpenCL code where the device reports
 *   CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT *and* the program is built with -cl-fp32-correctly-rounded-divide-sqrt.
 *   It changes the speed, not the bits. C has it unless EXCITON_INTEGER_DIVISION is defined; GLSL never.
 *
 * Nothing here branches except on arguments that are the same for all channels (activation, gate, residual, then); the
 * selects stand one by one, without && and ||, since gcc vectorises them only so (exciton_sigmoid: 1.3 ns against 10).
 */
#ifndef EXCITON_SCALAR_H
#define EXCITON_SCALAR_H

#if defined(__OPENCL_VERSION__) || defined(__OPENCL_C_VERSION__) /* a compiler without a driver has the second only */

#if defined(__FAST_RELAXED_MATH__)
#error "exciton: -cl-fast-relaxed-math changes results"
#endif
#pragma OPENCL FP_CONTRACT OFF
#define EXCITON_FN static inline __attribute__((always_inline)) /* PoCL calls them an element at a time otherwise */
#define exciton_bits(v) as_uint(v)
#define exciton_float(u) as_float(u)
#define EXCITON_FROM_INT(u) ((float)(int)(u)) /* the value of a 32-bit integer in two's complement */

#elif defined(GL_core_profile) || defined(GL_ES)

#define EXCITON_FN
#define exciton_bits(v) floatBitsToUint(v)
#define exciton_float(u) uintBitsToFloat(u)
#define EXCITON_FROM_INT(u) float(int(u))

#else

#if defined(__FAST_MATH__)
#error "exciton: -ffast-math changes results"
#endif
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0
#error "exciton: float expressions must be evaluated as float (-msse2 -mfpmath=sse)"
#endif
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(_MSC_VER)
#pragma fp_contract(off)
#endif
#define EXCITON_FN static inline
#define EXCITON_FROM_INT(u) ((float)(int)(u))
#if !defined(EXCITON_INTEGER_DIVISION) && !defined(EXCITON_NATIVE_DIVISION)
#define EXCITON_NATIVE_DIVISION 1
#endif

#include <stdbool.h>

typedef unsigned int uint;

static inline uint exciton_bits(float v)
{
    union { float f; uint u; } word;
    word.f = v;
    return word.u;
}

static inline float exciton_float(uint u)
{
    union { float f; uint u; } word;
    word.u = u;
    return word.f;
}

#endif

/* The order of every sum (docs/numbers.md). A change of any of these is a new EXCITON_NUMERICS. */
#ifndef EXCITON_NUMERICS
#define EXCITON_NUMERICS 1
#endif
#ifndef EXCITON_LANES
#define EXCITON_LANES 32 /* accumulators of a chunk, a power of two */
#endif
#ifndef EXCITON_CHUNK
#define EXCITON_CHUNK 4096 /* elements, a multiple of the lanes */
#endif
#ifndef EXCITON_SEGMENT
#define EXCITON_SEGMENT (64 * EXCITON_CHUNK) /* elements; a longer row is a row of segments */
#endif

#define EXCITON_NAN_BITS 0x7fc00000u
#define EXCITON_INF_BITS 0x7f800000u
#define EXCITON_MIN_BITS 0x00800000u /* 2^-126 */

/* On bits: isnan and v != v are folded away or swallowed by some compilers. */
EXCITON_FN bool exciton_is_nan(float v)
{
    return (exciton_bits(v) & 0x7fffffffu) > EXCITON_INF_BITS;
}

/*
 * a / b rounded to nearest, ties to even, for a and b in [1, 2). Where division isn't known to be rounded correctly it is
 * only an estimate (the reciprocal may be 8 ULP off); the integer residual n 2^23 - q m, which is exact modulo 2^32,
 * corrects it to the nearest q. A tie cannot occur: it would need m >= 2^24.
 */
#ifndef EXCITON_RECIPROCAL /* a test puts its errors here */
#define EXCITON_RECIPROCAL(b) (1.0f / (b))
#endif
EXCITON_FN float exciton_quotient(float a, float b)
{
#if defined(EXCITON_NATIVE_DIVISION)
    return a / b;
#else
    uint less = a < b ? 1u : 0u;
    uint m = exciton_bits(b) - 0x3f000000u;             /* 2^23 b */
    uint n = (exciton_bits(a) - 0x3f000000u) << less;   /* n / m is in [1, 2) */
    float inverse = EXCITON_RECIPROCAL(b);
    float twice = a + a;
    uint q = exciton_bits((a < b ? twice : a) * inverse) - 0x3f000000u; /* 2^23 n / m, about */
    uint rest = (n << 23) - q * m;
    /* the integer nearest rest / m, about: adding 1.5 2^23 rounds to an integer in the low bits */
    uint step = exciton_bits(EXCITON_FROM_INT(rest) * 1.1920929e-7f * inverse + 12582912.0f) - 0x4b400000u;
    rest -= step * m;
    rest += rest; /* within (1 + 2^-14) m of zero */
    q += step + 1u - ((rest + m) >> 31) - ((rest - m) >> 31); /* rest < -m: one less; rest > m: one more */
    return exciton_float(q + 0x3f000000u - (less << 23));
#endif
}

/*
 * a / b rounded to nearest, ties to even. A subnormal operand counts as zero; where |a / b| is below 2^-126 before
 * rounding the result is a zero; otherwise zeros, infinities and signs are IEEE's. Every NaN result is 0x7fc00000.
 * Only significands are divided, so no device's flushing shows.
 */
EXCITON_FN float exciton_divide(float a, float b)
{
    uint ua = exciton_bits(a);
    uint ub = exciton_bits(b);
    uint xa = ua & 0x7fffffffu;
    uint xb = ub & 0x7fffffffu;
    float fa = exciton_float((ua & 0x007fffffu) | 0x3f800000u);
    float fb = exciton_float((ub & 0x007fffffu) | 0x3f800000u);
    uint q = exciton_bits(exciton_quotient(fa, fb));
    uint exponent = (xa >> 23) + 256u - (xb >> 23) + (q >> 23); /* biased, plus 256 */
    uint r = ((exponent - 256u) << 23) | (q & 0x007fffffu);
    r = exponent >= 511u ? EXCITON_INF_BITS : r;
    r = exponent <= 256u ? 0u : r;
    r = xa < EXCITON_MIN_BITS ? 0u : r;
    r = xb == EXCITON_INF_BITS ? 0u : r;
    r = xa == EXCITON_INF_BITS ? EXCITON_INF_BITS : r;
    r = xb < EXCITON_MIN_BITS ? EXCITON_INF_BITS : r;
    r |= (ua ^ ub) & 0x80000000u;
    r = (xa | xb) < EXCITON_MIN_BITS ? EXCITON_NAN_BITS : r;  /* 0 / 0 */
    r = (xa & xb) >= EXCITON_INF_BITS ? EXCITON_NAN_BITS : r; /* inf / inf */
    r = xa > EXCITON_INF_BITS ? EXCITON_NAN_BITS : r;
    r = xb > EXCITON_INF_BITS ? EXCITON_NAN_BITS : r;
    return exciton_float(r);
}

/*
 * e^v, at most 1 ULP off where it is normal; +0 where it would be below 2^-126, +inf where it would overflow; a NaN is
 * returned as it is. v = k ln 2 + (high - low), high exact; 1 + r + r^2 p(r) with low subtracted late, so that the
 * rounding of r itself doesn't count; 2^k by adding k to the exponent.
 */
EXCITON_FN float exciton_exp(float v)
{
    uint k = exciton_bits(v * 1.44269504f + 12582912.0f) - 0x4b400000u;
    float f = EXCITON_FROM_INT(k); /* not (t + c) - c, which a compiler might cancel */
    float high = v - f * 0.693145752f; /* 15 significant bits */
    float low = f * 1.42860677e-6f;
    float r = high - low;
    float p = 0.000197402653f;
    p = p * r + 0.00139350805f;
    p = p * r + 0.00833357032f;
    p = p * r + 0.041666463f;
    p = p * r + 0.166666657f;
    p = p * r + 0.5f;
    float y = 1.0f + (high + (r * r * p - low));
    uint u = exciton_bits(y) + (k << 23);
    u = v > 88.7228317f ? EXCITON_INF_BITS : u; /* the largest float below ln(2^128) */
    u = v < -87.3365402f ? 0u : u; /* the smallest above ln(2^-126) */
    uint same = exciton_bits(v);
    u = exciton_is_nan(v) ? same : u;
    return exciton_float(u);
}

/*
 * 1 / (1 + e^-v): with e = exp(-|v|), exciton_divide(1 or e, 1 + e) without the cases that cannot occur: the divisor is in
 * [1, 2], and a dividend is 0 or at least 2^-126 and then the quotient, too. Every NaN result is 0x7fc00000.
 */
EXCITON_FN float exciton_sigmoid(float v)
{
    uint u = exciton_bits(v);
    float e = exciton_exp(exciton_float(u | 0x80000000u));
    uint below = exciton_bits(e);
    uint a = u < 0x80000000u ? 0x3f800000u : below;
    uint b = exciton_bits(1.0f + e);
    float fa = exciton_float((a & 0x007fffffu) | 0x3f800000u);
    float fb = exciton_float((b & 0x007fffffu) | 0x3f800000u);
    uint q = exciton_bits(exciton_quotient(fa, fb));
    q += (a & 0x7f800000u) - (b & 0x7f800000u);
    q = a == 0u ? 0u : q;
    q = exciton_is_nan(v) ? EXCITON_NAN_BITS : q;
    return exciton_float(q);
}

/* Anything with the sign bit set becomes +0, but a NaN stays as it is. */
EXCITON_FN float exciton_relu(float v)
{
    uint u = exciton_bits(v);
    return exciton_float((u ^ 0x80000000u) <= 0x7f800000u ? 0u : u); /* negative, no NaN */
}

EXCITON_FN float exciton_clip01(float v)
{
    uint u = exciton_bits(exciton_relu(v));
    return exciton_float(u - 0x3f800001u < 0x40000000u ? 0x3f800000u : u); /* above 1, no NaN */
}

EXCITON_FN float exciton_hard_sigmoid(float v, float slope, float offset)
{
    return exciton_clip01(slope * v + offset);
}

EXCITON_FN float exciton_silu(float v)
{
    return v * exciton_sigmoid(v);
}

EXCITON_FN float exciton_hard_swish(float v)
{
    return v * exciton_hard_sigmoid(v, 0.166666672f, 0.5f);
}

/*
 * activation: 0 identity, 1 relu, 2 silu, 3 hard-swish. Not a chain of ==, which LLVM makes a switch: of a value unpacked
 * by & 3 a switch on two bits, and Oclgrind 21.10 takes its default for every case.
 */
EXCITON_FN float exciton_activate(uint activation, float v)
{
    float swish = activation == 2u ? exciton_silu(v) : exciton_hard_swish(v);
    return activation >= 2u ? swish : activation == 1u ? exciton_relu(v) : v;
}

/* gate: 0 sigmoid, 1 hard-sigmoid (slope and offset count only there) */
EXCITON_FN float exciton_apply_gate(uint gate, float slope, float offset, float v)
{
    return gate == 1u ? exciton_hard_sigmoid(v, slope, offset) : exciton_sigmoid(v);
}

/* y = g x, or x + g x with a residual; then: 0 nothing, 1 relu */
EXCITON_FN float exciton_apply_output(uint residual, uint then, float g, float x)
{
    float p = g * x;
    float sum = p + x;
    float y = residual != 0u ? sum : p;
    float rectified = exciton_relu(y);
    return then == 1u ? rectified : y;
}

#endif
