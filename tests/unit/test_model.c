/* What chooses how a block runs is a pure function: how many iterations a kernel makes, about how long a way takes, which
 * way is taken, and of which steps it consists. Their values over a grid of blocks, ways and devices are held to one number each, so that none changes unseen.
 * After a change that is meant, the failing test prints the new number. */
#include "ops/se_layout.h"
#include "support/allocator.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint64_t blocks[][4] = {{1, 1, 1, 1}, {1, 64, 4, 1024}, {3, 65, 5, 49}, {2, 300, 24, 196}, {8, 1024, 64, 196}, {32, 256, 16, 3136},
                                     {1, 7, 1, 9000}, {40, 8, 2, 17}, {1, 2048, 128, 49}, {1, 2, 1, 300000}, {16, 40, 24, 9}};
enum { BLOCKS = sizeof blocks / sizeof blocks[0] };

static const exciton_limits devices[] = {
    {.max_binding_range = 4294967232, .max_group_size = 1, .max_group_count = 1u << 31, .max_storage_buffers = 16, .binding_alignment = 4,
     .compute_units = 2, .cache_bytes = 32 << 20, .local_memory_is_global = true, .forms = {[EXCITON_FORM_ROWS] = true}},
    {.max_binding_range = UINT64_C(1) << 27, .max_group_size = 1024, .max_group_count = 65535, .max_storage_buffers = 16, .binding_alignment = 16,
     .local_memory = 32768, .compute_units = 2, .subgroup_size = 8, .local_memory_is_global = true, .max_texel_elements = 1 << 27, .max_iterations = 65535,
     .forms = {[EXCITON_FORM_ROWS] = true, [EXCITON_FORM_LANES] = true}},
    {.max_binding_range = UINT64_C(1) << 30, .max_group_size = 1024, .max_group_count = 65535, .max_storage_buffers = 16, .binding_alignment = 64,
     .local_memory = 65536, .compute_units = 40, .subgroup_size = 32, .forms = {[EXCITON_FORM_ROWS] = true, [EXCITON_FORM_LANES] = true}},
    {.max_binding_range = 65536, .max_group_size = 128, .max_group_count = 65535, .max_storage_buffers = 4, .binding_alignment = 256, .local_memory = 16384,
     .forms = {[EXCITON_FORM_ROWS] = true, [EXCITON_FORM_LANES] = true}},
};
enum { DEVICES = sizeof devices / sizeof devices[0] };

static const exciton_costs costs[] = {
    {.dispatch = 50, .step = 0, .points = 3, .copy = {{1 << 16, 591}, {1 << 22, 43055}, {1 << 26, 10166592}}},
    {.dispatch = 4797, .step = 1200, .points = 3, .copy = {{1 << 16, 11317}, {1 << 22, 52909}, {1 << 26, 3351990}}},
    {.dispatch = 9000, .step = 2500, .points = 3, .copy = {{1 << 16, 1500}, {1 << 22, 12000}, {1 << 26, 150000}}},
};

static uint64_t mixed(uint64_t hash, uint64_t value) { return (hash ^ value) * UINT64_C(0x100000001b3) ^ value >> 29; }

static exciton_se_problem problem_of(const uint64_t block[4])
{
    static float weight;
    exciton_se se = {.channels = block[1], .hidden = block[2], .fc1.data = &weight, .fc2.data = &weight,
                     .max = {.batch = block[0], .dims = 1, .spatial = {block[3]}}};
    exciton_se_problem p;
    assert_int_equal(exciton_se_check(&se, &p), EXCITON_OK);
    return p;
}

static void expect(const char *what, uint64_t got, uint64_t wanted)
{
    if (got != wanted)
        fail_msg("%s: 0x%016" PRIx64 ", here stands 0x%016" PRIx64, what, got, wanted);
}

static void iterations(void **state)
{
    (void)state;
    uint64_t hash = 1;
    for (int b = 0; b < BLOCKS; ++b) {
        exciton_se_problem p = problem_of(blocks[b]);
        for (int kernel = 0; kernel < EXCITON_KERNEL_COUNT; ++kernel)
            for (int form = EXCITON_FORM_ROWS; form <= EXCITON_FORM_LANES; ++form)
                for (int texels = 0; texels <= (form == EXCITON_FORM_LANES); ++texels)
                    for (uint32_t group = 1; group <= 256; group *= 4) {
                        exciton_kernel_spec spec = {.kernel = (exciton_kernel)kernel, .form = (exciton_form)form, .group_size = group, .texels = texels};
                        hash = mixed(hash, exciton_se_iterations(&p, &spec, blocks[b][3]));
                    }
    }
    expect("iterations", hash, UINT64_C(0x0ecd825b6f8587ed));
}

static void for_each_way(uint64_t *hash, uint64_t (*value)(const exciton_se_problem *, int, const exciton_se_way *, const uint64_t *))
{
    for (int b = 0; b < BLOCKS; ++b)
        for (int d = 0; d < DEVICES; ++d) {
            exciton_se_problem p = problem_of(blocks[b]);
            for (int schedule = EXCITON_SCHEDULE_THREE_STAGES; schedule <= EXCITON_SCHEDULE_PIPELINED; ++schedule)
                for (int form = EXCITON_FORM_ROWS; form <= EXCITON_FORM_LANES; ++form)
                    for (uint32_t shares = 1; shares <= (schedule == EXCITON_SCHEDULE_SAMPLE_IN_GROUP ? 3 : 1); ++shares) {
                        exciton_se_way way = exciton_se_way_of(&p, &devices[d], devices[d].max_group_size, (exciton_schedule)schedule, (exciton_form)form);
                        way.shares = shares;
                        *hash = mixed(*hash, value(&p, d, &way, blocks[b]));
                    }
        }
}

static uint64_t time_of(const exciton_se_problem *p, int d, const exciton_se_way *way, const uint64_t *block)
{
    uint64_t sum = 0;
    for (int in_place = 0; in_place < 2; ++in_place)
        sum = sum * 31 + (uint64_t)(exciton_se_cost(p, &devices[d], d < 3 ? &costs[d] : NULL, way, block[0], block[3], in_place) * 64);
    return sum;
}

static void times(void **state)
{
    (void)state;
    uint64_t hash = 1;
    for_each_way(&hash, time_of);
    expect("times", hash, UINT64_C(0x113d693ce25f6ba7));
}

static uint64_t variant_of(const exciton_kernel_spec *k)
{
    return k->kernel * 131071u + k->group_size * 8191u + k->local_floats * 31u + k->form * 4u + k->in_place * 2u + k->texels;
}

/* Whether it runs, and if so in which rounds, with how much scratch and in what variants. */
static uint64_t layout_of(const exciton_se_problem *p, int d, const exciton_se_way *way, const uint64_t *block)
{
    if (exciton_se_feasible(p, &devices[d], way, block[3]))
        return 7;
    exciton_se_layout l = exciton_se_lay_out(p, way, block[0], block[3]);
    uint64_t hash = mixed(l.total, l.s_at);
    const uint64_t values[] = {l.h_at, l.g_at, l.parts_at, l.segments_at, l.s_pitch, l.h_pitch, l.segments, way->group_size,
                               exciton_se_round(p, &devices[d], way, block[0], block[3]), exciton_se_run(p, &devices[d], way, block[0], block[3]),
                               exciton_se_scratch(p, &devices[d], way, block[0], block[3]), exciton_se_most_shares(p, &devices[d], block[0], false),
                               exciton_se_streams(p, &devices[d], block[0], block[3], false), exciton_se_footprint(p)};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; ++i)
        hash = mixed(hash, values[i]);
    exciton_kernel_spec specs[EXCITON_SE_VARIANTS];
    uint32_t count = 0;
    exciton_se_way_variants(p, &devices[d], way, specs, &count);
    for (uint32_t i = 0; i < count; ++i)
        hash = mixed(hash, variant_of(&specs[i]));
    return hash;
}

static void layouts(void **state)
{
    (void)state;
    uint64_t hash = 1;
    for_each_way(&hash, layout_of);
    expect("layouts", hash, UINT64_C(0x11f4d0542615c50a));
}

static test_allocator heap;
static exciton_env env; /* its allocator is set by main */

static uint64_t step_of(const exciton_step *step)
{
    const exciton_kernel_spec *k = &step->kernel;
    const exciton_product *m = &step->product;
    uint64_t hash = mixed(variant_of(k), step->groups);
    for (uint32_t i = 0; i < exciton_kernel_slot_count(k); ++i)
        hash = mixed(mixed(mixed(hash, step->slots[i].slot), step->slots[i].offset), step->slots[i].range);
    for (uint32_t i = 0; i < exciton_kernel_describe(k->kernel)->param_count; ++i)
        hash = mixed(hash, step->params[i]);
    const uint64_t product[] = {m->m, m->n, m->k, m->a_at, m->a_pitch, m->b_at, m->c_at};
    for (size_t i = 0; i < sizeof product / sizeof product[0]; ++i)
        hash = mixed(hash, product[i]);
    return hash;
}

static uint64_t steps_of(const exciton_se_problem *p, int d, const exciton_se_way *way, const uint64_t *block)
{
    uint64_t hash = 1;
    for (int bits = 0; bits < 8; ++bits) {
        bool saved = bits & 2, in_place = (bits & 1) && way->shares == 1;
        exciton_se_problem other = *p;
        other.residual = other.then = other.activation = bits & 4 ? 1 : 0;
        exciton_se_placement place = {.in = 12, .out = in_place ? 12 : 20, .s = 4, .h = 8, .g = 28, .scratch = 256 * (uint64_t)saved, .in_place = in_place,
                                      .save_s = saved, .save_h = saved, .save_g = saved};
        exciton_se_lowered lowered = {0};
        if (exciton_se_feasible(&other, &devices[d], way, block[3]))
            return 7;
        exciton_status status = exciton_se_lower(&env, &other, &devices[d], way, block[0], block[3], &place, &lowered);
        hash = mixed(mixed(mixed(hash, (uint64_t)status), lowered.pieces), lowered.scratch_bytes);
        for (uint32_t i = 0; i < lowered.list.count; ++i)
            hash = mixed(hash, step_of(&lowered.list.steps[i]));
        exciton_steps_release(&env, &lowered.list);
    }
    return hash;
}

static void steps(void **state)
{
    (void)state;
    uint64_t hash = 1;
    for_each_way(&hash, steps_of);
    expect("steps", hash, UINT64_C(0x7f0f74e7b5ef4267));
}

static void choices(void **state)
{
    (void)state;
    uint64_t hash = 1;
    for (int b = 0; b < BLOCKS; ++b)
        for (int d = 0; d < DEVICES; ++d)
            for (int in_place = 0; in_place < 2; ++in_place)
                for (uint32_t group = 0; group <= 64; group = group ? group * 8 : 1) {
                    exciton_se_problem p = problem_of(blocks[b]);
                    p.group_size = group;
                    exciton_se_way way = {0};
                    const exciton_costs *known = d < 3 ? &costs[d] : NULL;
                    exciton_status status = exciton_se_choose(&p, &devices[d], known, devices[d].max_group_size, blocks[b][0], blocks[b][3], in_place, &way);
                    hash = mixed(hash, (uint64_t)status * 1000003 + way.schedule * 10007u + way.form * 1009u + way.group_size * 101u + way.shares);
                    hash = mixed(hash, exciton_se_allowed(&p, &devices[d], known, devices[d].max_group_size));
                }
    expect("choices", hash, UINT64_C(0x753af20118152771));
}

int main(void)
{
    env.allocator = test_allocator_interface(&heap);
    const struct CMUnitTest tests[] = {cmocka_unit_test(iterations), cmocka_unit_test(times), cmocka_unit_test(layouts), cmocka_unit_test(steps),
                                       cmocka_unit_test(choices)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed ? failed : heap.live != 0;
}
