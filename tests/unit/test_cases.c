/* The cases that verify runs: a function of number and seed alone, within their promised sizes, without a NaN or a
 * subnormal anywhere; the oracle's own arithmetic; the digest; the covering sets of the conformance suite. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "support/covering.h"
#include "verify/digest.h"
#include "verify/oracle.h"

enum { CASES = 700, LARGEST = 40000 };

static float *filled(const exciton_case *c, exciton_case_tensor tensor)
{
    uint64_t count = exciton_case_count(c, tensor);
    float *elements = malloc((count + 1) * sizeof *elements);
    assert_non_null(elements);
    elements[count] = 42.0f;
    exciton_case_fill(c, tensor, elements);
    assert_true(elements[count] == 42.0f);
    return elements;
}

static void assert_normal(const float *elements, uint64_t count)
{
    for (uint64_t i = 0; i < count; ++i)
        assert_true(elements[i] == 0 || (fabsf(elements[i]) >= FLT_MIN && fabsf(elements[i]) <= 4));
}

static void assert_estimates_normal(const exciton_estimate *e, uint64_t count)
{
    for (uint64_t i = 0; i < count; ++i)
        assert_true(e[i].bound >= 0 && fabsl(e[i].value) < 1000 &&
                    (fabsl(e[i].value) > 0x1p-100L || fabsl(e[i].value) <= e[i].bound));
}

static void test_sizes(void **state)
{
    (void)state;
    uint32_t gates[6] = {0}, activations[5] = {0}, dims[4] = {0}, longer = 0, odd = 0, combinations[320] = {0};
    for (uint64_t seed = 0; seed < 3; ++seed)
        for (uint32_t i = 0; i < CASES; ++i) {
            exciton_case c;
            exciton_case_make(i, seed, &c);
            assert_true(c.seed == seed && c.number == i);
            assert_in_range(exciton_case_count(&c, EXCITON_CASE_X), 1, LARGEST);
            assert_in_range(c.hidden, 1, 20480);
            assert_true(c.channels * c.hidden <= 20480);
            ++gates[c.gate], ++activations[c.activation], ++dims[c.shape.dims];
            longer += exciton_case_spatial(&c) > 4096;
            odd += c.channels % 8 != 0;
            if (seed == 2 && i < 320)
                ++combinations[(((((c.activation - 1u) * 5 + c.gate - 1u) * 2 + c.bias1) * 2 + c.bias2) * 2 + c.output - 1u) *
                                   2 +
                               c.then - 1u];
        }
    for (int i = 0; i < 320; ++i)
        assert_int_equal(combinations[i], 1);
    for (int i = 1; i < 6; ++i)
        assert_true(gates[i] > CASES / 2);
    for (int i = 1; i < 5; ++i)
        assert_true(activations[i] > CASES / 2);
    for (int i = 1; i < 4; ++i)
        assert_true(dims[i] > 100);
    assert_true(gates[0] == 0 && activations[0] == 0 && longer > 50 && odd > 500);
}

/* x and weights are normal, and so is everything that the formula makes of them. */
static void test_data(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < CASES; ++i) {
        exciton_case c;
        exciton_case_make(i, 1 + i % 3, &c);
        float *t[5];
        for (int k = EXCITON_CASE_X; k <= EXCITON_CASE_B2; ++k) {
            t[k] = filled(&c, (exciton_case_tensor)k);
            assert_normal(t[k], exciton_case_count(&c, (exciton_case_tensor)k));
        }
        exciton_case_data data = {.x = t[0], .w1 = t[1], .b1 = c.bias1 ? t[2] : NULL, .w2 = t[3], .b2 = c.bias2 ? t[4] : NULL};
        uint64_t rows = c.shape.batch * c.channels, hidden = c.shape.batch * c.hidden;
        exciton_estimate *s = calloc(2 * rows + hidden, sizeof *s), *g = s + rows, *h = g + rows;
        assert_non_null(s);
        exciton_oracle_gates(&c, &data, s, h, g);
        assert_estimates_normal(s, rows);
        assert_estimates_normal(h, hidden);
        assert_estimates_normal(g, rows);
        for (int k = 0; k < 5; ++k)
            free(t[k]);
        free(s);
    }
}

static void test_same_again(void **state)
{
    (void)state;
    exciton_case c, again, other;
    char text[EXCITON_CASE_TEXT], other_text[EXCITON_CASE_TEXT];
    exciton_case_make(7, 1, &c);
    exciton_case_make(8, 1, &other);
    exciton_case_make(7, 1, &again);
    assert_memory_equal(&c, &again, sizeof c);
    exciton_case_text(&c, text);
    exciton_case_text(&other, other_text);
    assert_string_not_equal(text, other_text);
    float *x = filled(&c, EXCITON_CASE_X), *y = filled(&again, EXCITON_CASE_X);
    assert_memory_equal(x, y, exciton_case_count(&c, EXCITON_CASE_X) * sizeof *x);
    free(x);
    free(y);
    assert_int_equal(exciton_suite_check(NULL), EXCITON_OK);
    assert_int_equal(exciton_suite_check("se-f32/1"), EXCITON_OK);
    assert_int_equal(exciton_suite_check("se-f32/2"), EXCITON_ERROR_NAME);
    assert_non_null(strstr(exciton_last_error(), "se-f32/1"));
}

static void test_floats(void **state)
{
    (void)state;
    assert_true(exciton_float_of(1, 0) == 1.0f && exciton_float_of(-3, -1) == -1.5f && exciton_float_of(0, 5) == 0.0f);
    assert_true(exciton_float_of(0xffffff, -24) == 1.0f - 0x1p-24f && exciton_float_of(-0x800000, -23) == -1.0f);
    assert_true(exciton_float_of(1, -126) == FLT_MIN && exciton_float_of(0xffffff, 104) == FLT_MAX);
    for (int32_t v = -5000; v < 5000; ++v)
        assert_true(exciton_float_of(v, -3) == (float)v / 8);
}

static void test_oracle(void **state)
{
    (void)state;
    for (long double v = -90; v <= 90; v += 0.0371L)
        assert_true(fabsl(exciton_oracle_exp(v) - expl(v)) <= 1e-15L * expl(v));
    assert_true(exciton_oracle_exp(0) == 1 && exciton_oracle_exp(-12000) == 0);
    /* By hand: mean 2.5, h = relu(2 * 2.5 - 1) = 4, z = -0.5 * 4 + 1 = -1, y = x + x / (1 + e). */
    const float x[4] = {1, 2, 3, 4}, w1 = 2, b1 = -1, w2 = -0.5f, b2 = 1;
    exciton_case c = {.channels = 1, .hidden = 1, .shape = {.batch = 1, .dims = 1, .spatial = {4}}, .bias1 = true, .bias2 = true,
                      .activation = EXCITON_ACTIVATION_RELU, .gate = EXCITON_GATE_SIGMOID, .output = EXCITON_OUTPUT_RESIDUAL};
    exciton_case_data data = {.x = x, .w1 = &w1, .b1 = &b1, .w2 = &w2, .b2 = &b2};
    exciton_estimate s, h, g;
    exciton_oracle_gates(&c, &data, &s, &h, &g);
    assert_true(s.value == 2.5L && h.value == 4 && fabsl(g.value - 1 / (1 + expl(1))) < 1e-15L);
    assert_true(s.bound > 0 && s.bound < 1e-6L && g.bound > 0 && g.bound < 1e-6L);
    exciton_estimate y = exciton_oracle_output(&c, &g, 3);
    assert_true(exciton_estimate_admits(&y, (float)(3 + 3 / (1 + expl(1)))));
    assert_false(exciton_estimate_admits(&y, 3.8069f));
    assert_false(exciton_estimate_admits(&y, NAN));
    assert_true(exciton_estimate_admits(&(exciton_estimate){.value = NAN}, NAN));
    assert_false(exciton_estimate_admits(&(exciton_estimate){.value = NAN}, 1.0f));
    c.gate = EXCITON_GATE_HARD_SIGMOID_5;
    exciton_oracle_gates(&c, &data, &s, &h, &g);
    assert_true(fabsl(g.value - 0.3L) < 1e-15L);
}

static void test_digest(void **state)
{
    (void)state;
    exciton_case c;
    exciton_case_make(0, 1, &c);
    uint64_t counts[4] = {exciton_case_count(&c, EXCITON_CASE_X), c.shape.batch * c.channels, c.shape.batch * c.hidden,
                          c.shape.batch * c.channels};
    float *out[4];
    for (int i = 0; i < 4; ++i) {
        out[i] = calloc(counts[i], sizeof(float));
        assert_non_null(out[i]);
    }
    char base[65], changed[65];
    for (int turn = -1; turn < 4; ++turn) {
        exciton_sha256 hash;
        uint8_t *last = turn < 0 ? NULL : (uint8_t *)&out[turn][counts[turn] - 1] + 3;
        if (last)
            *last ^= 0x80; /* -0 for +0 */
        exciton_digest_begin(&hash, EXCITON_SUITE_SE_F32);
        exciton_digest_case(&hash, &c, out[0], out[1], out[2], out[3]);
        exciton_sha256_end(&hash, turn < 0 ? base : changed);
        if (last) {
            *last ^= 0x80;
            assert_string_not_equal(base, changed);
        }
    }
    for (int i = 0; i < 4; ++i)
        free(out[i]);
}

static void test_covering(void **state)
{
    (void)state;
    static covering set, again;
    for (uint64_t seed = 1; seed < 6; ++seed) {
        set = (covering){.factors = 12, .levels = {2, 3, 4, 5, 6, 2, 2, 9, 1, 3, 4, 5}};
        assert_true(covering_make(&set, seed));
        assert_true(covering_is_complete(&set));
        assert_in_range(set.rows, 54, 90); /* 9 x 6 at least */
        again = (covering){.factors = set.factors};
        memcpy(again.levels, set.levels, sizeof again.levels);
        assert_true(covering_make(&again, seed));
        assert_memory_equal(set.row, again.row, sizeof set.row);
        --set.rows;
        assert_false(covering_is_complete(&set)); /* no row is there for nothing */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),    cmocka_unit_test(test_data),   cmocka_unit_test(test_same_again),
        cmocka_unit_test(test_floats),   cmocka_unit_test(test_oracle), cmocka_unit_test(test_digest),
        cmocka_unit_test(test_covering),
    };
    return cmocka_run_group_tests_name("cases", tests, NULL, NULL);
}
