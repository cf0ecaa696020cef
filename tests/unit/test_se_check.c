/* The description of an SE block: what is refused, by which status, and the packing of weights. */
#include "ops/se.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static float weight[64];

static exciton_se good(void)
{
    return (exciton_se){.channels = 16, .hidden = 2, .fc1 = {.data = weight}, .fc2 = {.data = weight}, .max = {.batch = 2, .dims = 2, .spatial = {3, 5}}};
}

static void refused(exciton_se se, exciton_status status, const char *word)
{
    exciton_se_problem p;
    assert_int_equal(exciton_se_check(&se, &p), status);
    if (!strstr(exciton_last_error(), word))
        fail_msg("'%s' does not name %s", exciton_last_error(), word);
}

#define REFUSED(change, status, word)  \
    do {                               \
        exciton_se se = good();        \
        change;                        \
        refused(se, status, word);     \
    } while (0)

static void refusals(void **state)
{
    (void)state;
    REFUSED(se.channels = 0, EXCITON_ERROR_SHAPE, "channels");
    REFUSED(se.fc1.data = NULL, EXCITON_ERROR_ARGUMENT, "fc1.data");
    REFUSED(se.fc2.data = NULL, EXCITON_ERROR_ARGUMENT, "fc2.data");
    REFUSED(se.fc1.type = (exciton_type)9, EXCITON_ERROR_ARGUMENT, "fc1.type");
    REFUSED(se.fc2.order = (exciton_weight_order)9, EXCITON_ERROR_ARGUMENT, "fc2.order");
    REFUSED(se.activation = (exciton_activation)9, EXCITON_ERROR_ARGUMENT, "activation");
    REFUSED(se.gate = (exciton_gate)9, EXCITON_ERROR_ARGUMENT, "gate");
    REFUSED(se.output = (exciton_output)9, EXCITON_ERROR_ARGUMENT, "output");
    REFUSED(se.then = (exciton_then)9, EXCITON_ERROR_ARGUMENT, "then");
    REFUSED(se.schedule = (exciton_schedule)9, EXCITON_ERROR_ARGUMENT, "schedule");
    REFUSED(se.form = (exciton_form)9, EXCITON_ERROR_ARGUMENT, "form");
    REFUSED(se.group_size = 3, EXCITON_ERROR_ARGUMENT, "group_size");
    REFUSED((se.gate = EXCITON_GATE_HARD_SIGMOID_CUSTOM, se.gate_slope = NAN), EXCITON_ERROR_ARGUMENT, "gate_slope");
    REFUSED((se.gate = EXCITON_GATE_HARD_SIGMOID_CUSTOM, se.gate_offset = INFINITY), EXCITON_ERROR_ARGUMENT, "gate_offset");
    REFUSED(se.max.dims = 0, EXCITON_ERROR_SHAPE, "dims");
    REFUSED(se.max.dims = 4, EXCITON_ERROR_SHAPE, "dims");
    REFUSED(se.max.batch = 0, EXCITON_ERROR_SHAPE, "batch");
    REFUSED(se.max.spatial[1] = 0, EXCITON_ERROR_SHAPE, "spatial[1]");
    REFUSED(se.max.spatial[0] = se.max.spatial[1] = UINT64_C(1) << 33, EXCITON_ERROR_OVERFLOW, "spatial");
    REFUSED(se.max.batch = UINT64_C(1) << 60, EXCITON_ERROR_OVERFLOW, "batch");
    REFUSED(se.channels = UINT64_C(1) << 40, EXCITON_ERROR_OVERFLOW, "channels");
    REFUSED(se.hidden = UINT64_C(1) << 40, EXCITON_ERROR_OVERFLOW, "hidden");
    REFUSED(se.excitation = (exciton_excitation)9, EXCITON_ERROR_ARGUMENT, "excitation");
    REFUSED(se.excitation = EXCITON_EXCITATION_CLBLAST, EXCITON_ERROR_ARGUMENT, "allow_inexact");
    REFUSED((se.excitation = EXCITON_EXCITATION_CLBLAST, se.allow_inexact = true, se.schedule = EXCITON_SCHEDULE_SPLIT_EXCITE), EXCITON_ERROR_ARGUMENT,
            "split-excite");
    /* Slope and offset count for the custom gate only. */
    exciton_se se = good();
    se.gate_slope = NAN;
    exciton_se_problem p;
    assert_int_equal(exciton_se_check(&se, &p), EXCITON_OK);
}

static void defaults(void **state)
{
    (void)state;
    exciton_se se = good();
    se.hidden = 0;
    se.channels = 80;
    exciton_se_problem p;
    assert_int_equal(exciton_se_check(&se, &p), EXCITON_OK);
    assert_int_equal(p.hidden, 5);
    assert_int_equal(p.activation, 1);
    assert_int_equal(p.gate, 0);
    se.allow_inexact = true;
    assert_int_equal(exciton_se_check(&se, &p), EXCITON_OK);
    assert_false(p.clblast);
    assert_int_equal(p.schedule, EXCITON_SCHEDULE_DEFAULT);
    se.excitation = EXCITON_EXCITATION_CLBLAST;
    assert_int_equal(exciton_se_check(&se, &p), EXCITON_OK);
    assert_true(p.clblast);
    assert_int_equal(p.schedule, EXCITON_SCHEDULE_THREE_STAGES);
    se.channels = 3;
    assert_int_equal(exciton_se_check(&se, &p), EXCITON_OK);
    assert_int_equal(p.hidden, 1);
}

static void blocks(void **state)
{
    (void)state;
    static const uint32_t expected[][3] = {{1, 8, 1}, {8, 8, 1}, {9, 8, 2}, {256, 8, 32}, {257, 16, 17}, {672, 32, 21}, {2048, 64, 32}, {2049, 128, 17}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; ++i) {
        exciton_se se = good();
        se.channels = expected[i][0];
        exciton_se_problem p;
        assert_int_equal(exciton_se_check(&se, &p), EXCITON_OK);
        assert_int_equal(p.block, expected[i][1]);
        assert_int_equal(p.blocks, expected[i][2]);
    }
}

static void shapes(void **state)
{
    (void)state;
    exciton_se se = good();
    exciton_se_problem p;
    uint64_t batch, space;
    assert_int_equal(exciton_se_check(&se, &p), EXCITON_OK);
    assert_int_equal(exciton_se_check_shape(&p, &(exciton_shape){0}, &batch, &space), EXCITON_OK);
    assert_int_equal(batch, 2);
    assert_int_equal(space, 15);
    assert_int_equal(exciton_se_check_shape(&p, &(exciton_shape){1, 2, {2, 5, 99}}, &batch, &space), EXCITON_OK);
    assert_int_equal(space, 10);
    assert_int_equal(exciton_se_check_shape(&p, &(exciton_shape){3, 2, {3, 5}}, &batch, &space), EXCITON_ERROR_SHAPE);
    assert_int_equal(exciton_se_check_shape(&p, &(exciton_shape){2, 2, {3, 6}}, &batch, &space), EXCITON_ERROR_SHAPE);
    assert_int_equal(exciton_se_check_shape(&p, &(exciton_shape){2, 1, {3}}, &batch, &space), EXCITON_ERROR_SHAPE);
    assert_int_equal(exciton_se_check_shape(&p, &(exciton_shape){0, 2, {3, 5}}, &batch, &space), EXCITON_ERROR_SHAPE);
    assert_int_equal(exciton_se_check_shape(&p, &(exciton_shape){2, 2, {0, 5}}, &batch, &space), EXCITON_ERROR_SHAPE);
    /* The plan's maximum only where all of it is zero. */
    assert_int_equal(exciton_se_check_shape(&p, &(exciton_shape){1, 0, {0}}, &batch, &space), EXCITON_ERROR_SHAPE);
    assert_int_equal(exciton_se_check_shape(&p, &(exciton_shape){0, 2, {0}}, &batch, &space), EXCITON_ERROR_SHAPE);
    for (int i = 0; i < 3; ++i) {
        exciton_shape shape = {0};
        shape.spatial[i] = 3;
        assert_int_equal(exciton_se_check_shape(&p, &shape, &batch, &space), EXCITON_ERROR_SHAPE);
    }
}

static void packing(void **state)
{
    (void)state;
    /* C = 3, R = 2: fc1 [2,3] as OUT_IN, fc2 [2,3] as IN_OUT. */
    static const float w1[] = {1, 2, 3, 4, 5, 6}, w2[] = {10, 20, 30, 40, 50, 60}, b2[] = {7, 8, 9};
    exciton_se se = {.channels = 3, .hidden = 2, .fc1 = {.data = w1}, .fc2 = {.data = w2, .bias = b2, .order = EXCITON_ORDER_IN_OUT},
                     .max = {.batch = 1, .dims = 1, .spatial = {1}}};
    exciton_se_problem p;
    assert_int_equal(exciton_se_check(&se, &p), EXCITON_OK);
    assert_int_equal(exciton_se_weight_count(&p), 3 * 8 + 8 + 2 * 8 + 8);
    static const float expected[57] = {[0] = 1, [1] = 4, [8] = 2, [9] = 5, [16] = 3, [17] = 6, [32] = 10, [33] = 20, [34] = 30, [40] = 40, [41] = 50,
                                       [42] = 60, [48] = 7, [49] = 8, [50] = 9, [56] = 99};
    float packed[57]; /* one more than asked for: it stays */
    memset(packed, 0xff, sizeof packed);
    packed[56] = 99;
    exciton_se_pack(&p, &se, packed);
    assert_memory_equal(packed, expected, sizeof packed);
}

#define TAKEN(change)                                           \
    do {                                                        \
        exciton_se se = good();                                 \
        exciton_se_problem p;                                   \
        change;                                                 \
        assert_int_equal(exciton_se_check(&se, &p), EXCITON_OK); \
    } while (0)

/* The last value that is taken, and the first that isn't. */
static void edges(void **state)
{
    (void)state;
    TAKEN(se.activation = EXCITON_ACTIVATION_HARD_SWISH);
    REFUSED(se.activation = (exciton_activation)(EXCITON_ACTIVATION_HARD_SWISH + 1), EXCITON_ERROR_ARGUMENT, "activation");
    TAKEN(se.output = EXCITON_OUTPUT_RESIDUAL);
    REFUSED(se.output = (exciton_output)(EXCITON_OUTPUT_RESIDUAL + 1), EXCITON_ERROR_ARGUMENT, "output");
    TAKEN(se.then = EXCITON_THEN_RELU);
    REFUSED(se.then = (exciton_then)(EXCITON_THEN_RELU + 1), EXCITON_ERROR_ARGUMENT, "then");
    TAKEN(se.measure = EXCITON_MEASURE_AGAIN);
    REFUSED(se.measure = (exciton_measure)(EXCITON_MEASURE_AGAIN + 1), EXCITON_ERROR_ARGUMENT, "measure");
    TAKEN(se.schedule = EXCITON_SCHEDULE_PIPELINED);
    REFUSED(se.schedule = (exciton_schedule)(EXCITON_SCHEDULE_PIPELINED + 1), EXCITON_ERROR_ARGUMENT, "schedule");
    TAKEN(se.form = EXCITON_FORM_LANES);
    REFUSED(se.form = (exciton_form)(EXCITON_FORM_LANES + 1), EXCITON_ERROR_ARGUMENT, "form");
    TAKEN(se.fc1.order = EXCITON_ORDER_IN_OUT);
    REFUSED(se.fc1.order = (exciton_weight_order)(EXCITON_ORDER_IN_OUT + 1), EXCITON_ERROR_ARGUMENT, "fc1.order");
    TAKEN(se.shares = EXCITON_SE_SHARES);
    REFUSED(se.shares = EXCITON_SE_SHARES + 1, EXCITON_ERROR_ARGUMENT, "shares");
    TAKEN((se.max.dims = 1, se.max.spatial[0] = 9));
    TAKEN((se.max.dims = 3, se.max.spatial[2] = 9));
    TAKEN((se.channels = INT32_MAX - 8, se.hidden = 1));
    REFUSED((se.channels = INT32_MAX - 7, se.hidden = 1), EXCITON_ERROR_OVERFLOW, "channels");
    TAKEN((se.channels = 1, se.hidden = INT32_MAX - 8));
    REFUSED((se.channels = 1, se.hidden = INT32_MAX - 7), EXCITON_ERROR_OVERFLOW, "hidden");
    /* elements x 8 bytes up to SIZE_MAX / 2 */
    TAKEN((se.channels = 1, se.max.dims = 1, se.max.batch = 1, se.max.spatial[0] = (UINT64_C(1) << 60) - 1));
    REFUSED((se.channels = 1, se.max.dims = 1, se.max.batch = 1, se.max.spatial[0] = UINT64_C(1) << 60), EXCITON_ERROR_OVERFLOW, "max");
    exciton_se se = good();
    exciton_se_problem p;
    assert_int_equal(exciton_se_check(&se, &p), EXCITON_OK);
    assert_true(p.gate == 0 && p.slope == 0 && p.offset == 0); /* a sigmoid has neither */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(refusals), cmocka_unit_test(defaults), cmocka_unit_test(blocks), cmocka_unit_test(shapes),
                                       cmocka_unit_test(packing), cmocka_unit_test(edges)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
