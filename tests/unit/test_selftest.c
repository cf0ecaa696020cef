/* Known-answer tests without a driver: host is exact against itself, a kernel in another's place is not; and what follows for
 * the choice of a schedule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/selftest.h"

static exciton_context *context;
static exciton_device *device;

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(exciton_context_create(NULL, &context), EXCITON_OK);
    assert_int_equal(exciton_device_open(context, "host", &device), EXCITON_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    exciton_device_close(device);
    exciton_context_destroy(context);
    return 0;
}

static exciton_kernel_spec spec_of(int kernel, bool in_place)
{
    return (exciton_kernel_spec){.kernel = (exciton_kernel)kernel, .form = EXCITON_FORM_ROWS, .group_size = 1, .in_place = in_place};
}

static exciton_finding test(int asked, int given, bool in_place)
{
    exciton_finding finding;
    exciton_kernel_spec spec = spec_of(asked, in_place), other = spec_of(given, in_place);
    exciton_be_kernel *kernel;
    exciton_device_lock(device);
    assert_int_equal(device->backend->kernel_create(device->be, &other, &kernel), EXCITON_OK);
    assert_int_equal(exciton_selftest_run(device, &spec, kernel, &finding), EXCITON_OK);
    device->backend->kernel_destroy(kernel);
    exciton_device_unlock(device);
    return finding;
}

static void is_exact(void **state)
{
    (void)state;
    assert_false(exciton_selftest_wanted(device));
    for (int kernel = 0; kernel < EXCITON_KERNEL_COUNT; ++kernel)
        for (int in_place = 0; in_place <= exciton_kernel_describe((exciton_kernel)kernel)->has_in_place; ++in_place)
            assert_int_equal(test(kernel, kernel, in_place).verdict, EXCITON_ANSWER_EXACT);
}

static void is_wrong(void **state)
{
    (void)state;
    exciton_finding finding = test(EXCITON_KERNEL_HIDDEN, EXCITON_KERNEL_GATE, false); /* the same slots */
    assert_int_equal(finding.verdict, EXCITON_ANSWER_WRONG);
    assert_true(finding.why[0]);
}

static void says_its_name(void **state)
{
    (void)state;
    char text[EXCITON_VARIANT_TEXT];
    exciton_kernel_spec spec = spec_of(EXCITON_KERNEL_SPLIT_SCALE, true);
    exciton_variant_text(&spec, text);
    assert_string_equal(text, "split_scale rows g1 in-place");
    spec = (exciton_kernel_spec){.kernel = EXCITON_KERNEL_SAMPLE, .form = EXCITON_FORM_LANES, .group_size = 128, .local_floats = 512, .texels = true};
    exciton_variant_text(&spec, text);
    assert_string_equal(text, "sample lanes texels g128 l512");
}

/* ---- bars ---- */

static const exciton_limits cpu = {
    .max_binding_range = 4294967292, .max_group_size = 4096, .max_group_count = 65535, .max_storage_buffers = 16, .binding_alignment = 4,
    .local_memory = 1 << 20, .compute_units = 2, .local_memory_is_global = true, .forms = {[EXCITON_FORM_ROWS] = true, [EXCITON_FORM_LANES] = true}};

static exciton_se_problem problem(exciton_schedule schedule)
{
    static const float w[1];
    exciton_se se = {.channels = 64, .fc1.data = w, .fc2.data = w, .max = {.batch = 2, .dims = 1, .spatial = {100}}, .schedule = schedule};
    exciton_se_problem p;
    assert_int_equal(exciton_se_check(&se, &p), EXCITON_OK);
    return p;
}

static exciton_se_way choose(const exciton_se_problem *p)
{
    exciton_se_way way;
    assert_int_equal(exciton_se_choose(p, &cpu, NULL, 4096, 2, 100, false, &way), EXCITON_OK);
    return way;
}

static bool bar(exciton_se_problem *p, exciton_kernel kernel, exciton_form form)
{
    exciton_se_way way = exciton_se_way_of(p, &cpu, 4096, EXCITON_SCHEDULE_THREE_STAGES, form);
    exciton_kernel_spec specs[EXCITON_SE_VARIANTS];
    uint32_t count = 0;
    for (int schedule = EXCITON_SCHEDULE_THREE_STAGES; schedule <= EXCITON_SCHEDULE_PIPELINED; ++schedule) {
        way.schedule = (exciton_schedule)schedule;
        exciton_se_way_variants(p, &cpu, &way, specs, &count);
    }
    for (uint32_t i = 0; i < count; ++i)
        if (specs[i].kernel == kernel)
            return exciton_se_bar(p, &cpu, 4096, &specs[i]);
    return false;
}

static void chooses_without(void **state)
{
    (void)state;
    exciton_se_problem p = problem(EXCITON_SCHEDULE_DEFAULT);
    assert_int_equal(choose(&p).form, EXCITON_FORM_ROWS);
    static const exciton_kernel kernels[] = {EXCITON_KERNEL_SPLIT_SCALE, EXCITON_KERNEL_SAMPLE, EXCITON_KERNEL_PIPELINE};
    static const exciton_schedule schedules[] = {EXCITON_SCHEDULE_SPLIT_EXCITE, EXCITON_SCHEDULE_SAMPLE_IN_GROUP, EXCITON_SCHEDULE_PIPELINED};
    for (int i = 0; i < 3; ++i) {
        assert_true(bar(&p, kernels[i], EXCITON_FORM_ROWS));
        assert_false(bar(&p, kernels[i], EXCITON_FORM_ROWS));
        assert_int_not_equal(choose(&p).schedule, schedules[i]);
        exciton_se_way way = exciton_se_way_of(&p, &cpu, 4096, schedules[i], EXCITON_FORM_ROWS);
        assert_int_equal(exciton_se_feasible(&p, &cpu, &way, 100), EXCITON_ERROR_UNSUPPORTED);
        way.form = EXCITON_FORM_LANES;
        assert_int_equal(exciton_se_feasible(&p, &cpu, &way, 100), EXCITON_OK);
    }
    assert_int_equal(choose(&p).schedule, EXCITON_SCHEDULE_THREE_STAGES);
    assert_int_equal(choose(&p).form, EXCITON_FORM_ROWS);
    assert_true(bar(&p, EXCITON_KERNEL_SQUEEZE, EXCITON_FORM_ROWS)); /* the baseline: then the other form altogether */
    assert_int_equal(choose(&p).form, EXCITON_FORM_LANES);
    assert_int_not_equal(choose(&p).schedule, EXCITON_SCHEDULE_THREE_STAGES);
}

static void never_replaces(void **state)
{
    (void)state;
    exciton_se_way way;
    exciton_se_problem p = problem(EXCITON_SCHEDULE_THREE_STAGES);
    assert_true(bar(&p, EXCITON_KERNEL_SCALE, EXCITON_FORM_ROWS));
    assert_int_equal(choose(&p).form, EXCITON_FORM_LANES); /* the form was left open */
    p.form = EXCITON_FORM_ROWS;
    assert_int_equal(exciton_se_choose(&p, &cpu, NULL, 4096, 2, 100, false, &way), EXCITON_ERROR_UNSUPPORTED);
    p.form = EXCITON_FORM_DEFAULT;
    assert_true(bar(&p, EXCITON_KERNEL_SCALE, EXCITON_FORM_LANES));
    assert_int_equal(exciton_se_choose(&p, &cpu, NULL, 4096, 2, 100, false, &way), EXCITON_ERROR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(is_exact, set_up, tear_down), cmocka_unit_test_setup_teardown(is_wrong, set_up, tear_down),
        cmocka_unit_test(says_its_name), cmocka_unit_test(chooses_without), cmocka_unit_test(never_replaces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
