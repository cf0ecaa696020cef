/* The cost model, with what was measured on devices: what it prefers, and that it behaves like a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "ops/se.h"

/* Two processors and 32 MiB of cache, 2026-11-24; nanoseconds. */
static const uint64_t bytes[] = {UINT64_C(1) << 16, UINT64_C(1) << 19, UINT64_C(1) << 22, UINT64_C(1) << 24, UINT64_C(1) << 26};

typedef struct recorded {
    const char *name;
    exciton_limits limits;
    double dispatch, step, copies[5];
    uint32_t group; /* of the form that runs there */
} recorded;

static const recorded host = {"host",
    {.max_binding_range = 4294967232, .max_group_size = 1, .max_group_count = 1u << 31, .max_storage_buffers = 16, .binding_alignment = 4,
     .compute_units = 2, .cache_bytes = 32 << 20, .local_memory_is_global = true, .forms = {[EXCITON_FORM_ROWS] = true}},
    50, 0, {591, 4717, 43055, 290683, 10166592}, 1};
static const recorded pocl = {"pocl",
    {.max_binding_range = 4294967292, .max_group_size = 4096, .max_group_count = 65535, .max_storage_buffers = 16, .binding_alignment = 4,
     .local_memory = 1 << 20, .compute_units = 2, .cache_bytes = 32 << 20, .local_memory_is_global = true,
     .forms = {[EXCITON_FORM_ROWS] = true, [EXCITON_FORM_LANES] = true}},
    4797, 1200, {11317, 12817, 52909, 330432, 3351990}, 1};
/* Made up, from the floors of the specifications: no GPU was measured yet. */
static const recorded distant = {"a distant device",
    {.max_binding_range = UINT64_C(1) << 30, .max_group_size = 1024, .max_group_count = 65535, .max_storage_buffers = 16, .binding_alignment = 64,
     .local_memory = 65536, .compute_units = 40, .subgroup_size = 32, .forms = {[EXCITON_FORM_ROWS] = true, [EXCITON_FORM_LANES] = true}},
    9000, 2500, {1500, 3000, 12000, 40000, 150000}, 128};

static exciton_costs costs_of(const recorded *r)
{
    exciton_costs costs = {.dispatch = r->dispatch, .step = r->step, .points = 5};
    for (int i = 0; i < 5; ++i) {
        costs.copy[i].bytes = bytes[i];
        costs.copy[i].ns = r->copies[i];
    }
    return costs;
}

static exciton_se_problem problem_of(uint64_t batch, uint64_t channels, uint64_t hidden, uint64_t space)
{
    static float w[1];
    exciton_se se = {.channels = channels, .hidden = hidden, .fc1.data = w, .fc2.data = w, .max = {.batch = batch, .dims = 1, .spatial = {space}}};
    exciton_se_problem p;
    assert_int_equal(exciton_se_check(&se, &p), EXCITON_OK);
    return p;
}

static exciton_se_way chosen(const recorded *r, uint64_t batch, uint64_t channels, uint64_t hidden, uint64_t space, bool in_place)
{
    exciton_costs costs = costs_of(r);
    exciton_se_problem p = problem_of(batch, channels, hidden, space);
    exciton_se_way way;
    assert_int_equal(exciton_se_choose(&p, &r->limits, &costs, r->limits.max_group_size, batch, space, in_place, &way), EXCITON_OK);
    return way;
}

static double cost(const recorded *r, const exciton_se_way *way, uint64_t batch, uint64_t channels, uint64_t hidden, uint64_t space)
{
    exciton_costs costs = costs_of(r);
    exciton_se_problem p = problem_of(batch, channels, hidden, space);
    return exciton_se_cost(&p, &r->limits, &costs, way, batch, space, false);
}

static void prefers(void **state)
{
    (void)state;
    /* One sample: its blocks spread over the processors. */
    assert_int_equal(chosen(&host, 1, 256, 16, 3136, false).schedule, EXCITON_SCHEDULE_SPLIT_EXCITE);
    assert_int_equal(chosen(&host, 1, 256, 16, 3136, true).schedule, EXCITON_SCHEDULE_SPLIT_EXCITE);
    assert_int_equal(chosen(&pocl, 1, 256, 16, 3136, false).schedule, EXCITON_SCHEDULE_SPLIT_EXCITE);
    /* Beyond the caches: a sample at a time, x from memory once. */
    assert_int_equal(chosen(&host, 8, 256, 16, 3136, false).schedule, EXCITON_SCHEDULE_SAMPLE_IN_GROUP);
    assert_int_equal(chosen(&pocl, 32, 256, 16, 3136, false).schedule, EXCITON_SCHEDULE_SAMPLE_IN_GROUP);
    /* Several samples within them: one step. */
    assert_int_equal(chosen(&pocl, 8, 1024, 64, 196, false).schedule, EXCITON_SCHEDULE_SAMPLE_IN_GROUP);
    /* Weights that outweigh x: read once for several samples; where there are too few for that, one layer's at a time. */
    assert_int_equal(chosen(&host, 32, 1126, 140, 9, false).schedule, EXCITON_SCHEDULE_SAMPLE_IN_GROUP);
    assert_int_equal(chosen(&host, 2, 1126, 140, 9, false).schedule, EXCITON_SCHEDULE_SPLIT_EXCITE);
    /* Next to nothing to do: the dispatches are all that counts. */
    exciton_se_way small = chosen(&pocl, 1, 16, 1, 64, false);
    assert_int_equal(small.schedule, EXCITON_SCHEDULE_SAMPLE_IN_GROUP);
    /* Forms by what work-group memory is. */
    assert_int_equal(chosen(&pocl, 1, 64, 4, 1024, false).form, EXCITON_FORM_ROWS);
    assert_int_equal(chosen(&distant, 1, 64, 4, 1024, false).form, EXCITON_FORM_LANES);
    /* Rows that only the baseline takes. */
    assert_int_equal(chosen(&host, 1, 2, 1, 300000, false).schedule, EXCITON_SCHEDULE_THREE_STAGES);
}

static void shares_are_never_in_place(void **state)
{
    (void)state;
    const recorded *const devices[] = {&host, &pocl, &distant};
    for (int d = 0; d < 3; ++d)
        for (uint64_t channels = 1; channels <= 2048; channels *= 4)
            for (uint64_t space = 1; space <= 4096; space *= 8) {
                assert_int_equal(chosen(devices[d], 1, channels, 1, space, true).shares, 1);
                exciton_se_way way = chosen(devices[d], 1, channels, 1, space, false);
                assert_true(way.shares >= 1 && way.shares <= devices[d]->limits.compute_units);
            }
}

/* More to do takes longer; a second step, or the form for the other kind of memory, isn't free. */
static void behaves_like_a_time(void **state)
{
    (void)state;
    const recorded *const devices[] = {&host, &pocl, &distant};
    for (int d = 0; d < 3; ++d)
        for (int schedule = EXCITON_SCHEDULE_THREE_STAGES; schedule <= EXCITON_SCHEDULE_PIPELINED; ++schedule) {
            bool rows = devices[d]->limits.local_memory_is_global;
            exciton_se_way way = {.schedule = (exciton_schedule)schedule, .form = rows ? EXCITON_FORM_ROWS : EXCITON_FORM_LANES,
                                  .group_size = devices[d]->group, .shares = 1};
            double last = 0;
            for (uint64_t space = 1; space <= 65536; space *= 2) {
                double now = cost(devices[d], &way, 4, 64, 4, space);
                assert_true(now > last && now > devices[d]->dispatch);
                last = now;
            }
            exciton_se_way other = way;
            other.form = rows ? EXCITON_FORM_LANES : EXCITON_FORM_ROWS;
            assert_true(cost(devices[d], &other, 4, 64, 4, 196) > cost(devices[d], &way, 4, 64, 4, 196));
        }
}

static void without_measurements(void **state)
{
    (void)state;
    exciton_se_problem p = problem_of(4, 64, 4, 196);
    exciton_se_way way;
    assert_int_equal(exciton_se_choose(&p, &distant.limits, NULL, 1024, 4, 196, false, &way), EXCITON_OK);
    assert_true(exciton_se_cost(&p, &distant.limits, NULL, &way, 4, 196, false) > 0);
}

/* What is chosen within a plan's range was allowed when it was made. */
static void allowed_is_enough(void **state)
{
    (void)state;
    const recorded *const devices[] = {&host, &pocl, &distant};
    for (int d = 0; d < 3; ++d) {
        exciton_costs costs = costs_of(devices[d]);
        exciton_se_problem p = problem_of(32, 256, 16, 3136);
        p.allowed = exciton_se_allowed(&p, &devices[d]->limits, &costs, devices[d]->limits.max_group_size);
        assert_true(p.allowed != 0);
        for (uint64_t batch = 1; batch <= 32; batch += 3)
            for (uint64_t space = 1; space <= 3136; space = space * 3 / 2 + 1)
                for (int in_place = 0; in_place < 2; ++in_place) {
                    exciton_se_way way;
                    assert_int_equal(exciton_se_choose(&p, &devices[d]->limits, &costs, devices[d]->limits.max_group_size, batch, space, in_place,
                                                       &way), EXCITON_OK);
                    assert_true(p.allowed >> way.schedule & 1);
                }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(prefers), cmocka_unit_test(shares_are_never_in_place),
                                       cmocka_unit_test(behaves_like_a_time), cmocka_unit_test(without_measurements),
                                       cmocka_unit_test(allowed_is_enough)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
