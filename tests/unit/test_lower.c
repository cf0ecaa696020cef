/* Lowering, without a device: over many shapes, limits, schedules and placements every step stays within the limits,
 * x is read whole, y is written exactly once, and no step sees what an earlier one has not finished. */
#include "base/checked.h"
#include "ops/se_layout.h"
#include "support/allocator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static test_allocator heap;
static exciton_env env; /* its allocator is set by main */

static const exciton_limits roomy = {.max_binding_range = 0xfffffffc, .max_allocation = UINT64_MAX, .binding_alignment = 4, .max_group_size = 1024,
                                     .max_group_count = 0x7fffffff, .local_memory = 49152, .max_storage_buffers = 16, .max_params = 128,
                                     .compute_units = 2, .forms = {false, true, true}};
static const exciton_limits smallest = {.max_binding_range = 65536, .max_allocation = UINT64_MAX, .binding_alignment = 256, .max_group_size = 128,
                                        .max_group_count = 65535, .local_memory = 16384, .max_storage_buffers = 4, .max_params = 128,
                                        .forms = {false, true, true}};

static exciton_se_problem problem_of(uint64_t c, uint64_t r, uint64_t n, uint64_t s)
{
    static float weight;
    exciton_se se = {.channels = c, .hidden = r, .fc1 = {.data = &weight}, .fc2 = {.data = &weight}, .max = {.batch = n, .dims = 1, .spatial = {s}}};
    exciton_se_problem p;
    assert_int_equal(exciton_se_check(&se, &p), EXCITON_OK);
    return p;
}

static uint32_t get(const exciton_step *step, const char *name)
{
    const exciton_kernel_entry *entry = exciton_kernel_describe(step->kernel.kernel);
    for (uint32_t i = 0; i < entry->param_count; ++i)
        if (!strcmp(entry->params[i], name))
            return step->params[i];
    fail_msg("%s has no param %s", entry->name, name);
    return 0;
}

/* A tensor's elements, and how often each was touched. */
typedef struct touched {
    uint8_t *count;
    uint64_t elements, base; /* base: its byte offset in the buffer */
} touched;

static void touch(touched *t, const exciton_slot_range *range, uint64_t at, uint64_t count)
{
    assert_true((at + count) * 4 <= range->range);
    for (uint64_t i = 0; i < count; ++i) {
        uint64_t byte = range->offset + (at + i) * 4;
        assert_true(byte >= t->base && (byte - t->base) / 4 < t->elements);
        ++t->count[(byte - t->base) / 4];
    }
}

static void touch_units(const exciton_se_problem *p, const exciton_step *step, touched *t, const exciton_slot_range *range, const char *at_name)
{
    uint64_t at = get(step, at_name), length = get(step, "row_length");
    switch (step->kernel.kernel) {
    case EXCITON_KERNEL_SQUEEZE:
    case EXCITON_KERNEL_SCALE: {
        uint64_t per_row = get(step, "units_per_row"), unit = get(step, "unit_length");
        for (uint64_t u = 0; u < get(step, "units"); ++u) {
            uint64_t begin = u % per_row * unit;
            touch(t, range, at + u / per_row * length + begin, exciton_min(unit, length - begin));
        }
        break;
    }
    case EXCITON_KERNEL_SAMPLE:
    case EXCITON_KERNEL_PIPELINE:
        touch(t, range, at, get(step, "samples") * (uint64_t)p->channels * length);
        break;
    default: {
        uint64_t first = get(step, "first_unit");
        uint64_t first_row = first / p->blocks * p->channels + first % p->blocks * p->block;
        for (uint64_t u = first; u < first + get(step, "units"); ++u) {
            uint64_t c = u % p->blocks * p->block, rows = exciton_min(p->block, p->channels - c);
            touch(t, range, at + (u / p->blocks * p->channels + c - first_row) * length, rows * length);
        }
    }
    }
}

static bool reads_x(const exciton_step *step)
{
    exciton_kernel k = step->kernel.kernel;
    return (k == EXCITON_KERNEL_SQUEEZE && step->slots[0].slot == EXCITON_SLOT_IN) || k == EXCITON_KERNEL_SPLIT_SQUEEZE || k == EXCITON_KERNEL_SAMPLE ||
           k == EXCITON_KERNEL_PIPELINE;
}

static bool writes_y(const exciton_step *step)
{
    exciton_kernel k = step->kernel.kernel;
    return k == EXCITON_KERNEL_SCALE || k == EXCITON_KERNEL_SPLIT_SCALE || k == EXCITON_KERNEL_SAMPLE || k == EXCITON_KERNEL_PIPELINE;
}

static void check_step(const exciton_limits *limits, const exciton_step *step)
{
    assert_true(step->groups >= 1 && step->groups <= limits->max_group_count);
    assert_true(step->kernel.group_size >= 1 && step->kernel.group_size <= limits->max_group_size);
    uint32_t slots = exciton_kernel_slot_count(&step->kernel);
    assert_true(slots <= limits->max_storage_buffers);
    assert_true((step->kernel.local_floats + step->kernel.group_size) * 4 <= limits->local_memory || step->kernel.form == EXCITON_FORM_ROWS);
    for (uint32_t i = 0; i < slots; ++i) {
        assert_int_equal(step->slots[i].offset % limits->binding_alignment, 0);
        assert_true(step->slots[i].range <= limits->max_binding_range);
    }
}

static void check_lowering(const exciton_limits *limits, uint64_t n, uint64_t c, uint64_t r, uint64_t s, exciton_schedule schedule, exciton_form form,
                           bool in_place, bool saved)
{
    exciton_se_problem p = problem_of(c, r, n, s);
    exciton_se_way way = {.schedule = schedule, .form = form, .group_size = form == EXCITON_FORM_LANES ? 128 : 1, .shares = 1};
    if (exciton_se_feasible(&p, limits, &way, s))
        return;
    exciton_se_placement place = {.in = 12, .out = in_place ? 12 : 20, .s = 4, .h = 8, .g = 28, .in_place = in_place, .save_s = saved, .save_h = saved, .save_g = saved};
    exciton_se_lowered lowered;
    assert_int_equal(exciton_se_lower(&env, &p, limits, &way, n, s, &place, &lowered), EXCITON_OK);
    uint64_t elements = n * c * s;
    touched x = {calloc(elements, 1), elements, place.in}, y = {calloc(elements, 1), elements, place.out};
    for (uint32_t i = 0; i < lowered.list.count; ++i) {
        const exciton_step *step = &lowered.list.steps[i];
        check_step(limits, step);
        if (reads_x(step))
            touch_units(&p, step, &x, &step->slots[0], "x_at");
        if (writes_y(step))
            touch_units(&p, step, &y, &step->slots[in_place ? 0 : 1], in_place ? "x_at" : "y_at");
    }
    for (uint64_t i = 0; i < elements; ++i)
        assert_true(x.count[i] == 1 && y.count[i] == 1);
    free(x.count);
    free(y.count);
    exciton_steps_release(&env, &lowered.list);
}

static void every_element_once(void **state)
{
    (void)state;
    static const uint64_t shapes[][4] = {{1, 64, 4, 1024}, {3, 65, 5, 49}, {2, 1, 1, 1}, {1, 7, 1, 9000}, {5, 33, 2, 31}, {1, 400, 25, 49}, {2, 400, 25, 49},
                                         {1, 2, 1, 300000}, {1, 1, 1, 262145}, {1, 1, 1, 524287}, {1, 1, 1, 524288}, {2, 3, 2, 20000}, {70, 8, 1, 49},
                                         {1, 9, 300, 17}, {40000, 1, 1, 1}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; ++i)
        for (int schedule = 1; schedule <= 4; ++schedule)
            for (int form = 1; form <= 2; ++form)
                for (int bits = 0; bits < 8; ++bits)
                    check_lowering(bits & 4 ? &smallest : &roomy, shapes[i][0], shapes[i][1], shapes[i][2], shapes[i][3], (exciton_schedule)schedule,
                                   (exciton_form)form, bits & 1, bits & 2);
}

static void three_stages_is_always_possible(void **state)
{
    (void)state;
    static const uint64_t spaces[] = {1, 49, 4096, 16384, 100000, 262144, 262145, 1 << 24, UINT64_C(1) << 33, UINT64_C(1) << 36};
    for (size_t i = 0; i < sizeof spaces / sizeof spaces[0]; ++i) {
        exciton_se_problem p = problem_of(8, 1, 1, spaces[i]);
        exciton_se_way way = {.schedule = EXCITON_SCHEDULE_THREE_STAGES, .form = EXCITON_FORM_ROWS, .group_size = 1, .shares = 1};
        exciton_status status = exciton_se_feasible(&p, &roomy, &way, spaces[i]);
        assert_int_equal(status, EXCITON_OK);
    }
    exciton_se_problem p = problem_of(8, 1, 1, (UINT64_C(1) << 36) + 1);
    exciton_se_way way = {.schedule = EXCITON_SCHEDULE_THREE_STAGES, .form = EXCITON_FORM_ROWS, .group_size = 1, .shares = 1};
    assert_int_equal(exciton_se_feasible(&p, &roomy, &way, (UINT64_C(1) << 36) + 1), EXCITON_ERROR_LIMIT);
}

/* What a device has is enough where it is just what is needed. */
static void limits_are_inclusive(void **state)
{
    (void)state;
    exciton_se_way way = {.schedule = EXCITON_SCHEDULE_THREE_STAGES, .form = EXCITON_FORM_ROWS, .group_size = 1, .shares = 1};
    exciton_se_problem wide = problem_of(256, 16, 1, 9), lengthy = problem_of(8, 1, 1, UINT64_C(2000) * EXCITON_SEGMENT);
    const struct {
        const exciton_se_problem *p;
        uint64_t space, need;
        const char *what;
    } cases[] = {{&wide, 9, exciton_se_weight_count(&wide) * sizeof(float), "(weights)"},
                 {&lengthy, lengthy.max_space, exciton_se_lay_out(&lengthy, &way, 1, lengthy.max_space).total * sizeof(float), "(scratch)"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        exciton_limits just = roomy;
        just.max_binding_range = cases[i].need;
        assert_int_equal(exciton_se_feasible(cases[i].p, &just, &way, cases[i].space), EXCITON_OK);
        --just.max_binding_range;
        assert_int_equal(exciton_se_feasible(cases[i].p, &just, &way, cases[i].space), EXCITON_ERROR_LIMIT);
        assert_non_null(strstr(exciton_last_error(), cases[i].what));
    }
    exciton_limits just = roomy; /* a step's own elements, which may begin between two aligned bytes */
    uint64_t unit = exciton_min(wide.block, wide.channels) * 3000 * sizeof(float);
    exciton_se_way split = {.schedule = EXCITON_SCHEDULE_SPLIT_EXCITE, .form = EXCITON_FORM_ROWS, .group_size = 1, .shares = 1};
    just.max_binding_range = unit + just.binding_alignment;
    assert_int_equal(exciton_se_feasible(&wide, &just, &split, 3000), EXCITON_OK);
    --just.max_binding_range;
    assert_int_equal(exciton_se_feasible(&wide, &just, &split, 3000), EXCITON_ERROR_LIMIT);
    assert_null(strstr(exciton_last_error(), "("));
}

/* Lane-parallel rows: a group takes one for each 32 work-items that it has. */
static void rows_of_a_group(void **state)
{
    (void)state;
    exciton_se_problem p = problem_of(40, 3, 5, 49);
    for (uint32_t size = 16; size <= 256; size *= 2) {
        exciton_se_way way = {.schedule = EXCITON_SCHEDULE_THREE_STAGES, .form = EXCITON_FORM_LANES, .group_size = size, .shares = 1};
        exciton_se_lowered lowered;
        assert_int_equal(exciton_se_lower(&env, &p, &roomy, &way, 5, 49, &(exciton_se_placement){0}, &lowered), EXCITON_OK);
        assert_int_equal(lowered.list.steps[0].groups, exciton_divide_up(get(&lowered.list.steps[0], "units"), size < 32 ? 1 : size / 32));
        assert_int_equal(lowered.list.steps[3].groups, exciton_divide_up(get(&lowered.list.steps[3], "units"), size < 32 ? 1 : size / 32));
        exciton_steps_release(&env, &lowered.list);
    }
}

static void choices(void **state)
{
    (void)state;
    exciton_se_problem p = problem_of(256, 16, 32, 3136);
    exciton_se_way way;
    assert_int_equal(exciton_se_choose(&p, &roomy, NULL, 1024, 1, 3136, false, &way), EXCITON_OK);
    assert_int_equal(way.schedule, EXCITON_SCHEDULE_SPLIT_EXCITE);
    assert_int_equal(way.form, EXCITON_FORM_LANES);
    assert_int_equal(exciton_se_choose(&p, &roomy, NULL, 1024, 32, 49, false, &way), EXCITON_OK);
    assert_int_equal(way.schedule, EXCITON_SCHEDULE_SAMPLE_IN_GROUP);
    assert_int_equal(exciton_se_choose(&p, &roomy, NULL, 1024, 1, 300000, false, &way), EXCITON_OK);
    assert_int_equal(way.schedule, EXCITON_SCHEDULE_THREE_STAGES);
    assert_int_equal(exciton_se_choose(&p, &roomy, NULL, 1, 1, 3136, false, &way), EXCITON_OK);
    assert_int_equal(way.group_size, 1);
    exciton_limits memory = roomy;
    memory.local_memory_is_global = true;
    assert_int_equal(exciton_se_choose(&p, &memory, NULL, 1024, 1, 3136, false, &way), EXCITON_OK);
    assert_int_equal(way.form, EXCITON_FORM_ROWS);
    exciton_limits few = roomy; /* buffers: the baseline's steps have three */
    few.max_storage_buffers = 3;
    assert_int_equal(exciton_se_choose(&p, &few, NULL, 1024, 1, 3136, false, &way), EXCITON_OK);
    assert_int_equal(way.schedule, EXCITON_SCHEDULE_THREE_STAGES);
    few.max_storage_buffers = 2;
    assert_int_equal(exciton_se_choose(&p, &few, NULL, 1024, 1, 3136, false, &way), EXCITON_ERROR_LIMIT);
    exciton_se_problem one = problem_of(256, 16, 1, 3136); /* each share more halves the scaling again */
    exciton_limits eight = roomy;
    eight.compute_units = 8;
    one.schedule = EXCITON_SCHEDULE_SAMPLE_IN_GROUP;
    assert_int_equal(exciton_se_choose(&one, &eight, NULL, 1024, 1, 3136, false, &way), EXCITON_OK);
    assert_int_equal(way.shares, 8);
    few = roomy;
    few.max_binding_range = few.binding_alignment = 256; /* what a misaligned tensor loses is all that there is */
    assert_int_equal(exciton_se_capacity(&few), 0);
    p.schedule = EXCITON_SCHEDULE_SPLIT_EXCITE;
    assert_int_equal(exciton_se_choose(&p, &roomy, NULL, 1024, 1, 300000, false, &way), EXCITON_ERROR_LIMIT);
    assert_non_null(strstr(exciton_last_error(), "split-excite"));
}

/* Whatever a smaller shape selects was in the plan's set. */
static void variants_cover_smaller_shapes(void **state)
{
    (void)state;
    static const uint64_t maxima[][4] = {{32, 256, 16, 3136}, {1, 64, 4, 1024}, {8, 2048, 128, 49}, {2, 8, 2, 400000}, {64, 1024, 64, 196}};
    for (size_t m = 0; m < sizeof maxima / sizeof maxima[0]; ++m)
        for (int l = 0; l < 2; ++l) {
            const exciton_limits *limits = l ? &smallest : &roomy;
            exciton_se_problem p = problem_of(maxima[m][1], maxima[m][2], maxima[m][0], maxima[m][3]);
            exciton_kernel_spec specs[EXCITON_SE_VARIANTS];
            uint32_t count;
            if (exciton_se_variants(&p, limits, limits->max_group_size, specs, &count))
                continue;
            for (uint64_t n = 1; n <= maxima[m][0]; ++n)
                for (uint64_t s = 1; s <= maxima[m][3]; s = s * 3 / 2 + 1) {
                    exciton_se_way way;
                    assert_int_equal(exciton_se_choose(&p, limits, NULL, limits->max_group_size, n, s, false, &way), EXCITON_OK);
                    exciton_se_placement place = {.save_s = true};
                    exciton_se_lowered lowered;
                    assert_int_equal(exciton_se_lower(&env, &p, limits, &way, n, s, &place, &lowered), EXCITON_OK);
                    for (uint32_t i = 0; i < lowered.list.count; ++i) {
                        uint32_t k = 0;
                        while (k < count && !exciton_kernel_same(&specs[k], &lowered.list.steps[i].kernel))
                            ++k;
                        assert_true(k < count);
                    }
                    exciton_steps_release(&env, &lowered.list);
                }
        }
}

/* A driver that counts iterations gets more groups than it has processors. */
static void iterations_stay_bounded(void **state)
{
    (void)state;
    exciton_limits counting = roomy;
    counting.local_memory_is_global = true;
    counting.max_iterations = 65535;
    exciton_se_problem p = problem_of(512, 32, 8, 3136);
    exciton_se_way way;
    exciton_se_lowered lowered;
    p.schedule = EXCITON_SCHEDULE_THREE_STAGES;
    assert_int_equal(exciton_se_choose(&p, &counting, NULL, 1, 8, 3136, false, &way), EXCITON_OK);
    assert_int_equal(way.form, EXCITON_FORM_ROWS);
    assert_int_equal(exciton_se_lower(&env, &p, &counting, &way, 8, 3136, &(exciton_se_placement){0}, &lowered), EXCITON_OK);
    for (uint32_t i = 0; i < lowered.list.count; i += 3) { /* squeeze and scale */
        const exciton_step *step = &lowered.list.steps[i];
        uint64_t each = exciton_se_iterations(&p, &step->kernel, get(step, "unit_length")), units = get(step, "units");
        assert_true(exciton_divide_up(units, step->groups) * each <= counting.max_iterations);
        assert_true(exciton_divide_up(units, counting.compute_units) * each > counting.max_iterations);
    }
    exciton_steps_release(&env, &lowered.list);
    /* A long row is summed segment by segment: it never has more iterations than a segment. */
    assert_int_equal(exciton_se_choose(&p, &counting, NULL, 1, 1, 1u << 24, false, &way), EXCITON_OK);
    p.schedule = EXCITON_SCHEDULE_SPLIT_EXCITE;
    assert_int_equal(exciton_se_choose(&p, &counting, NULL, 1, 1, 1u << 24, false, &way), EXCITON_ERROR_LIMIT);
}

/* h = W1 s and g = W2 h, of the whole batch, where W1 [C][R], its bias, W2 [R][C] stand one after the other, in rows of a multiple of 8. */
static void products_of_the_batch(void **state)
{
    (void)state;
    exciton_se_problem p = problem_of(20, 3, 5, 9);
    exciton_se_way way;
    exciton_se_lowered lowered;
    p.schedule = EXCITON_SCHEDULE_THREE_STAGES;
    assert_int_equal(exciton_se_choose(&p, &roomy, NULL, 1024, 5, 9, false, &way), EXCITON_OK);
    assert_int_equal(exciton_se_lower(&env, &p, &roomy, &way, 5, 9, &(exciton_se_placement){0}, &lowered), EXCITON_OK);
    assert_int_equal(lowered.list.count, 4);
    const exciton_step *hidden = &lowered.list.steps[1], *gate = &lowered.list.steps[2];
    assert_memory_equal(&hidden->product, (&(exciton_product){.m = 5, .n = 8, .k = 20, .a_at = get(hidden, "s_at"), .a_pitch = 24, .b_at = 0,
                                                              .c_at = get(hidden, "h_at")}), sizeof(exciton_product));
    assert_memory_equal(&gate->product, (&(exciton_product){.m = 5, .n = 24, .k = 3, .a_at = get(gate, "h_at"), .a_pitch = 8, .b_at = 21 * 8,
                                                            .c_at = get(gate, "g_at")}), sizeof(exciton_product));
    exciton_steps_release(&env, &lowered.list);
}

int main(void)
{
    env.allocator = test_allocator_interface(&heap);
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_element_once), cmocka_unit_test(three_stages_is_always_possible), cmocka_unit_test(choices),
                                       cmocka_unit_test(variants_cover_smaller_shapes), cmocka_unit_test(products_of_the_batch),
                                       cmocka_unit_test(iterations_stay_bounded), cmocka_unit_test(limits_are_inclusive),
                                       cmocka_unit_test(rows_of_a_group)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed ? failed : heap.live != 0;
}
