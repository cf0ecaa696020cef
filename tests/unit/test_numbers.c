/*
 * kernels/scalar.h against long double and against IEEE division.
 *
 * EXCITON_TEST_STRIDE (default 199) is the step, in floats, through the domains of exp and sigmoid; 1 is every float,
 * a quarter of an hour. EXCITON_TEST_PAIRS (default 10,000,000) is the number of random divisions.
 */
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* A reciprocal that is up to 8 ULP off, as a device's may be: the next error of a cycle at each call. */
static float wrong_reciprocal(float b)
{
    static int error;
    union {
        float f;
        uint32_t u;
    } word = {.f = 1.0f / b};
    error = error == 8 ? -8 : error + 1;
    word.u += (uint32_t)error;
    return word.f;
}

/* Division by integers, as a device does it that doesn't round division correctly: the header under other names. */
#define EXCITON_INTEGER_DIVISION
#define EXCITON_RECIPROCAL(b) wrong_reciprocal(b)
#define exciton_bits integer_bits
#define exciton_float integer_float
#define exciton_is_nan integer_is_nan
#define exciton_quotient integer_quotient
#define exciton_divide integer_divide
#define exciton_exp integer_exp
#define exciton_sigmoid integer_sigmoid
#define exciton_relu integer_relu
#define exciton_clip01 integer_clip01
#define exciton_hard_sigmoid integer_hard_sigmoid
#define exciton_silu integer_silu
#define exciton_hard_swish integer_hard_swish
#define exciton_activate integer_activate
#define exciton_apply_gate integer_gate
#define exciton_apply_output integer_output
#include "scalar.h"
#undef EXCITON_SCALAR_H
#undef EXCITON_FN
#undef EXCITON_FROM_INT
#undef EXCITON_INTEGER_DIVISION
#undef EXCITON_RECIPROCAL
#undef EXCITON_NAN_BITS
#undef EXCITON_INF_BITS
#undef EXCITON_MIN_BITS
#undef exciton_bits
#undef exciton_float
#undef exciton_is_nan
#undef exciton_quotient
#undef exciton_divide
#undef exciton_exp
#undef exciton_sigmoid
#undef exciton_relu
#undef exciton_clip01
#undef exciton_hard_sigmoid
#undef exciton_silu
#undef exciton_hard_swish
#undef exciton_activate
#undef exciton_apply_gate
#undef exciton_apply_output
#include "scalar.h"

#ifndef EXCITON_NATIVE_DIVISION
#error "the second inclusion must have native division"
#endif

#define EXP_LOWEST (-87.3365402f) /* the smallest float whose exponential is at least 2^-126 */
#define EXP_HIGHEST 88.7228317f   /* the largest whose exponential is below 2^128 */

static unsigned long option(const char *name, unsigned long otherwise)
{
    const char *text = getenv(name);
    unsigned long value = text != NULL ? strtoul(text, NULL, 10) : 0;
    return value != 0 ? value : otherwise;
}

static uint32_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 16);
}

/* The error of y against the exact value in units of the last place of the exact value's binade. */
static long double ulps(float y, long double exact)
{
    int exponent;
    (void)frexpl(exact, &exponent);
    return fabsl((long double)y - exact) * ldexpl(1.0L, 24 - (exponent < -125 ? -125 : exponent));
}

static void assert_bits(float got, uint32_t expected)
{
    if (exciton_bits(got) != expected) {
        print_error("got %08x, expected %08x\n", (unsigned)exciton_bits(got), (unsigned)expected);
        fail();
    }
}

static void assert_nan(float got)
{
    assert_true(exciton_is_nan(got));
}

static void test_constants(void **state)
{
    (void)state;
    assert_int_equal(EXCITON_LANES & (EXCITON_LANES - 1), 0);
    assert_int_equal(EXCITON_CHUNK % EXCITON_LANES, 0);
    assert_int_equal(EXCITON_SEGMENT % EXCITON_CHUNK, 0);
    assert_int_equal(EXCITON_CHUNK, 4096);
    assert_int_equal(EXCITON_SEGMENT, 262144);
}

typedef struct {
    long double worst;
    float at;
    unsigned long count;
} extreme;

static void check_exp(float v, extreme *e)
{
    long double error = ulps(exciton_exp(v), expl((long double)v));
    e->count++;
    if (!(error <= e->worst)) {
        e->worst = error;
        e->at = v;
    }
}

static void test_exp_error(void **state)
{
    (void)state;
    uint32_t stride = (uint32_t)option("EXCITON_TEST_STRIDE", 199);
    extreme e = {0};
    for (uint32_t u = 0; u <= exciton_bits(EXP_HIGHEST); u += stride)
        check_exp(exciton_float(u), &e);
    for (uint32_t u = 0x80000000u; u <= exciton_bits(EXP_LOWEST); u += stride)
        check_exp(exciton_float(u), &e);
    /* where the multiple of ln 2 changes, and where the sum is near 1 */
    for (int half = -251; half <= 255; half++) {
        uint32_t middle = exciton_bits((float)(half * 0.34657359027997264));
        for (uint32_t u = middle - 200; u != middle + 200; u++) {
            float v = exciton_float(u);
            if (v >= EXP_LOWEST && v <= EXP_HIGHEST)
                check_exp(v, &e);
        }
    }
    print_message("exp: %lu arguments, at most %.4Lf ULP, at %a\n", e.count, e.worst, (double)e.at);
    assert_true(e.worst <= 1.0L);
    assert_true(stride > 199 || e.count >= 10000000);
}

static void test_exp_ends(void **state)
{
    (void)state;
    assert_bits(exciton_exp(0.0f), 0x3f800000u);
    assert_bits(exciton_exp(-0.0f), 0x3f800000u);
    assert_true(exciton_bits(exciton_exp(EXP_HIGHEST)) < 0x7f800000u);
    assert_bits(exciton_exp(nextafterf(EXP_HIGHEST, INFINITY)), 0x7f800000u);
    assert_true(exciton_exp(EXP_LOWEST) >= 0x1p-126f);
    assert_bits(exciton_exp(nextafterf(EXP_LOWEST, -INFINITY)), 0);
    assert_true(expl((long double)EXP_HIGHEST) < 0x1p128L && expl((long double)nextafterf(EXP_HIGHEST, INFINITY)) >= 0x1p128L);
    assert_true(expl((long double)EXP_LOWEST) >= 0x1p-126L && expl((long double)nextafterf(EXP_LOWEST, -INFINITY)) < 0x1p-126L);
    static const float high[] = {89.0f, 1e4f, 1e30f, 3.4028235e38f, INFINITY};
    for (size_t i = 0; i < sizeof high / sizeof high[0]; i++) {
        assert_bits(exciton_exp(high[i]), 0x7f800000u);
        assert_bits(exciton_exp(-high[i]), 0);
    }
    static const uint32_t nans[] = {0x7fc00000u, 0xffc00000u, 0x7f800001u, 0xff800001u, 0x7fffffffu, 0xffffffffu};
    for (size_t i = 0; i < sizeof nans / sizeof nans[0]; i++)
        assert_nan(exciton_exp(exciton_float(nans[i])));
}

/* All neighbours were compared once with a stride of 1: exp never decreases. Sigmoid may, by one unit. */
static void test_exp_monotone(void **state)
{
    (void)state;
    uint32_t stride = (uint32_t)option("EXCITON_TEST_STRIDE", 199);
    for (uint32_t u = 0; u + 1 <= exciton_bits(EXP_HIGHEST); u += stride)
        assert_true(exciton_exp(exciton_float(u)) <= exciton_exp(exciton_float(u + 1)));
    for (uint32_t u = 0x80000000u; u + 1 <= exciton_bits(EXP_LOWEST); u += stride)
        assert_true(exciton_exp(exciton_float(u)) >= exciton_exp(exciton_float(u + 1)));
}

static uint32_t flushed(uint32_t u)
{
    return (u & 0x7fffffffu) < 0x00800000u ? u & 0x80000000u : u;
}

/* What the contract says of a / b, by IEEE division. A quotient of two floats that is below 2^-126 stays below it in
   double. */
static uint32_t expected_quotient(uint32_t a, uint32_t b)
{
    float fa = exciton_float(flushed(a));
    float fb = exciton_float(flushed(b));
    float q = fa / fb;
    if (exciton_is_nan(q))
        return 0x7fc00000u;
    if (fabs((double)fa / (double)fb) < 0x1p-126)
        q = copysignf(0.0f, q);
    return exciton_bits(q);
}

static void check_quotient(uint32_t a, uint32_t b)
{
    uint32_t expected = expected_quotient(a, b);
    uint32_t integer = exciton_bits(integer_divide(exciton_float(a), exciton_float(b)));
    uint32_t native = exciton_bits(exciton_divide(exciton_float(a), exciton_float(b)));
    if (integer != expected || native != expected) {
        print_error("%08x / %08x: expected %08x, by integers %08x, native %08x\n", (unsigned)a, (unsigned)b,
                    (unsigned)expected, (unsigned)integer, (unsigned)native);
        fail();
    }
}

static void test_divide_random(void **state)
{
    (void)state;
    unsigned long pairs = option("EXCITON_TEST_PAIRS", 10000000);
    uint64_t seed = 0x45786369746f6e31u;
    for (unsigned long i = 0; i < pairs; i++) {
        uint32_t a = next_random(&seed);
        uint32_t b = next_random(&seed);
        uint32_t c = next_random(&seed);
        switch (c & 15) {
        case 0: /* both in [1, 2) */
            a = (a & 0x807fffffu) | 0x3f800000u;
            b = (b & 0x807fffffu) | 0x3f800000u;
            break;
        case 1: /* significands at the ends */
            a = (a & 0xff800000u) | (0x007fffffu - (c >> 8 & 7));
            break;
        case 2:
            b = (b & 0xff800000u) | (c >> 8 & 7);
            break;
        case 3:
            b = (b & 0xff800000u) | (0x007fffffu - (c >> 8 & 7));
            break;
        case 4: /* quotients near 1 */
            b = a ^ (c >> 8 & 7);
            break;
        case 5: /* about the smallest normal */
            b = (b & 0x807fffffu) | (((a >> 23) + 126 + (c >> 8) % 3) & 0xffu) << 23;
            break;
        case 6: /* about the largest */
            b = (b & 0x807fffffu) | (((a >> 23) - 128 + (c >> 8) % 3) & 0xffu) << 23;
            break;
        case 7: /* a mean */
            b = exciton_bits((float)(1 + (c >> 8) % 300000));
            break;
        case 8: /* a sigmoid */
            a = 0x3f800000u;
            b = 0x3f800000u | (b & 0x007fffffu);
            break;
        case 9: { /* a quotient next to the middle of two floats: a = b (q + 1/2 unit), rounded */
            float m = exciton_float((b & 0x007fffffu) | 0x3f800000u);
            double q = 1.0 + ((double)(a & 0x007fffffu) + 0.5) * 0x1p-23;
            a = exciton_bits((float)(m * q)) + (c >> 8) % 3 - 1;
            b = exciton_bits(m);
            break;
        }
        default:
            break;
        }
        check_quotient(a, b);
    }
}

static void test_divide_special(void **state)
{
    (void)state;
    static const uint32_t magnitudes[] = {0,           1,           0x007fffffu, 0x00800000u, 0x00800001u, 0x00ffffffu, 0x01000000u,
                                          0x3f000000u, 0x3f7fffffu, 0x3f800000u, 0x3f800001u, 0x3fffffffu, 0x40000000u, 0x40400000u,
                                          0x7e800000u, 0x7effffffu, 0x7f000000u, 0x7f7fffffu, 0x7f800000u, 0x7f800001u, 0x7fc00000u, 0x7fffffffu};
    size_t count = sizeof magnitudes / sizeof magnitudes[0];
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++)
            for (uint32_t signs = 0; signs < 4; signs++)
                check_quotient(magnitudes[i] | (signs & 1) << 31, magnitudes[j] | (signs & 2) << 30);
    /* the one quotient that IEEE rounds up to the smallest normal from below: a zero here */
    assert_bits(exciton_divide(exciton_float(0x3fffffffu), 0x1p127f), 0);
    assert_bits(integer_divide(exciton_float(0x3fffffffu), 0x1p127f), 0);
    assert_bits(exciton_divide(exciton_float(0xbfffffffu), 0x1p127f), 0x80000000u);
}

static void test_sigmoid(void **state)
{
    (void)state;
    uint32_t stride = (uint32_t)option("EXCITON_TEST_STRIDE", 199);
    extreme side[2] = {{0}};
    for (int negative = 0; negative < 2; negative++) {
        uint32_t end = negative ? exciton_bits(EXP_LOWEST) : exciton_bits(100.0f);
        for (uint32_t u = negative ? 0x80000000u : 0; u <= end; u += stride) {
            float v = exciton_float(u);
            float y = exciton_sigmoid(v);
            float e = exciton_exp(-fabsf(v));
            assert_true(exciton_bits(y) == integer_bits(integer_sigmoid(v)));
            assert_true(exciton_bits(y) == exciton_bits(exciton_divide(negative ? e : 1.0f, 1.0f + e)));
            assert_true(y >= 0.0f && y <= 1.0f);
            long double error = ulps(y, 1.0L / (1.0L + expl(-(long double)v)));
            side[negative].count++;
            if (!(error <= side[negative].worst)) {
                side[negative].worst = error;
                side[negative].at = v;
            }
        }
    }
    print_message("sigmoid: %lu arguments, at most %.4Lf ULP from 0 up, %.4Lf below\n", side[0].count + side[1].count, side[0].worst,
                  side[1].worst);
    assert_true(side[0].worst <= 1.5L);
    assert_true(side[1].worst <= 2.5L);
    assert_bits(exciton_sigmoid(0.0f), 0x3f000000u);
    assert_bits(exciton_sigmoid(-0.0f), 0x3f000000u);
    assert_bits(exciton_sigmoid(INFINITY), 0x3f800000u);
    assert_bits(exciton_sigmoid(-INFINITY), 0);
    assert_bits(exciton_sigmoid(nextafterf(EXP_LOWEST, -INFINITY)), 0);
    assert_bits(exciton_sigmoid(3.4028235e38f), 0x3f800000u);
    assert_nan(exciton_sigmoid(exciton_float(0x7fc00000u)));
    assert_nan(exciton_sigmoid(exciton_float(0xff800001u)));
}

static void test_bits(void **state)
{
    (void)state;
    static const uint32_t nans[] = {0x7fc00000u, 0xffc00000u, 0x7fc12345u, 0xffc12345u, 0x7fffffffu, 0xffffffffu};
    for (size_t i = 0; i < sizeof nans / sizeof nans[0]; i++) {
        float nan = exciton_float(nans[i]);
        assert_true(exciton_is_nan(nan));
        assert_bits(exciton_relu(nan), nans[i]);
        assert_bits(exciton_clip01(nan), nans[i]);
        assert_nan(exciton_hard_sigmoid(nan, 0.2f, 0.5f));
        assert_nan(exciton_silu(nan));
        assert_nan(exciton_hard_swish(nan));
        for (uint32_t residual = 0; residual < 2; residual++)
            for (uint32_t then = 0; then < 2; then++) {
                assert_nan(exciton_apply_output(residual, then, nan, 1.0f));
                assert_nan(exciton_apply_output(residual, then, 1.0f, nan));
            }
    }
    assert_false(exciton_is_nan(INFINITY));
    assert_false(exciton_is_nan(-INFINITY));
    assert_false(exciton_is_nan(0.0f));

    static const struct {
        uint32_t v, relu, clip;
    } rows[] = {
        {0, 0, 0},                               /* +0 */
        {0x80000000u, 0, 0},                     /* -0 */
        {1, 1, 1},                               /* subnormals are not touched */
        {0x80000001u, 0, 0},
        {0x3f7fffffu, 0x3f7fffffu, 0x3f7fffffu},
        {0x3f800000u, 0x3f800000u, 0x3f800000u},
        {0x3f800001u, 0x3f800001u, 0x3f800000u},
        {0x7f7fffffu, 0x7f7fffffu, 0x3f800000u},
        {0x7f800000u, 0x7f800000u, 0x3f800000u}, /* +inf */
        {0xff800000u, 0, 0},                     /* -inf */
        {0xbf800000u, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_bits(exciton_relu(exciton_float(rows[i].v)), rows[i].relu);
        assert_bits(exciton_clip01(exciton_float(rows[i].v)), rows[i].clip);
    }
}

static void test_selectors(void **state)
{
    (void)state;
    static const float values[] = {-INFINITY, -1e30f, -4.0f, -3.0f, -2.9999f, -1.0f, -1e-3f, -0.0f, 0.0f, 1e-3f, 0.3f, 1.0f, 2.5f, 3.0f, 7.0f, 1e30f, INFINITY};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        float v = values[i];
        float product; /* named, so that no compiler may fuse it */
        assert_bits(exciton_activate(0, v), exciton_bits(v));
        assert_bits(exciton_activate(1, v), exciton_bits(v > 0.0f ? v : 0.0f));
        product = v * exciton_sigmoid(v);
        if (v == -INFINITY)
            assert_nan(exciton_activate(2, v)); /* -inf * 0, as in PyTorch */
        else
            assert_bits(exciton_activate(2, v), exciton_bits(product));
        product = 0.166666672f * v;
        float h = product + 0.5f;
        h = h < 0.0f ? 0.0f : h > 1.0f ? 1.0f : h;
        if (v == -INFINITY)
            assert_nan(exciton_activate(3, v));
        else
            assert_bits(exciton_activate(3, v) + 0.0f, exciton_bits(v * h + 0.0f));
        assert_bits(exciton_apply_gate(0, 9.0f, 9.0f, v), exciton_bits(exciton_sigmoid(v)));
        product = 0.2f * v;
        h = product + 0.5f;
        assert_bits(exciton_apply_gate(1, 0.2f, 0.5f, v), exciton_bits(h <= 0.0f ? 0.0f : h > 1.0f ? 1.0f : h));

        float g = 0.3f;
        product = g * v;
        float sum = product + v;
        assert_bits(exciton_apply_output(0, 0, g, v), exciton_bits(product));
        assert_bits(exciton_apply_output(1, 0, g, v), exciton_bits(sum));
        assert_bits(exciton_apply_output(0, 1, g, v), exciton_bits(product > 0.0f ? product : 0.0f));
        assert_bits(exciton_apply_output(1, 1, g, v), exciton_bits(sum > 0.0f ? sum : 0.0f));
    }
    /* contraction would show: (1 + 2^-12)^2 - 1 has a last bit that the rounded product lacks */
    volatile float x = 1.0f + 0x1p-12f;
    assert_bits(exciton_apply_output(1, 0, x, x), exciton_bits((float)(1.0 + 0x1p-11) + x));
    assert_bits(exciton_hard_sigmoid(x, x, -1.0f), exciton_bits(0x1p-11f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constants),      cmocka_unit_test(test_exp_error),      cmocka_unit_test(test_exp_ends),
        cmocka_unit_test(test_exp_monotone),   cmocka_unit_test(test_divide_random),  cmocka_unit_test(test_divide_special),
        cmocka_unit_test(test_sigmoid),        cmocka_unit_test(test_bits),           cmocka_unit_test(test_selectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
