/* Devices that aren't here (profiles.h): which memory each domain gets, which is selected, and that what is lowered for them
 * stays within their limits. */
#include "base/checked.h"
#include "core/select.h"
#include "ops/se_layout.h"
#include "support/allocator.h"
#include "unit/profiles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const domains[] = {"auto", "device", "upload", "readback"};

static void check_choice(const profile *p, exciton_domain domain)
{
    const profile_choice *expected = &p->choices[domain];
    exciton_vk_memory_choice got;
    bool found = exciton_vk_memory_choose(&p->memory, UINT32_MAX, domain, false, &got);
    if (!found && expected->type == UINT32_MAX)
        return;
    if (!found || got.type != expected->type || got.mapped != expected->mapped || got.coherent != expected->coherent || got.cached != expected->cached)
        fail_msg("%s, %s: type %d, mapped %d, coherent %d, cached %d; expected %d, %d, %d, %d", p->name, domains[domain], found ? (int)got.type : -1,
                 got.mapped, got.coherent, got.cached, (int)expected->type, expected->mapped, expected->coherent, expected->cached);
}

static void memory_of_each_domain(void **state)
{
    (void)state;
    for (int i = 0; i < PROFILES; ++i) {
        for (int domain = 0; domain < 4; ++domain)
            check_choice(&profiles[i], (exciton_domain)domain);
        if (exciton_vk_memory_size(&profiles[i].memory) != profiles[i].size || exciton_vk_memory_mappable(&profiles[i].memory) != profiles[i].mappable)
            fail_msg("%s: size or mappable", profiles[i].name);
    }
}

/* A buffer may not be allowed every type; AMD's uncached types are never taken, whatever is left. */
static void allowed_types_only(void **state)
{
    (void)state;
    for (int i = 0; i < PROFILES; ++i)
        for (uint32_t allowed = 0; allowed < 1u << profiles[i].memory.memoryTypeCount; ++allowed)
            for (int domain = 0; domain < 4; ++domain)
                for (int unmapped = 0; unmapped < 2; ++unmapped) {
                    exciton_vk_memory_choice got;
                    if (!exciton_vk_memory_choose(&profiles[i].memory, allowed, (exciton_domain)domain, unmapped, &got))
                        continue;
                    uint32_t flags = profiles[i].memory.memoryTypes[got.type].propertyFlags;
                    assert_true(allowed >> got.type & 1);
                    assert_false(flags & (uint32_t)UNCACHED_AMD);
                    assert_true(!got.mapped || (flags & VISIBLE));
                    assert_false(unmapped && got.mapped && (flags & LOCAL));
                }
}

static void atoms_are_whole(void **state)
{
    (void)state;
    static const uint64_t cases[][6] = {/* atom, size, offset, bytes, then offset, bytes */
                                        {64, 1024, 0, 1, 0, 64},      {64, 1024, 63, 2, 0, 128}, {256, 1000, 900, 50, 768, 232},
                                        {256, 1000, 0, 1000, 0, 1000}, {1, 10, 3, 4, 3, 4},       {0, 10, 3, 4, 3, 4}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        uint64_t offset = cases[i][2], bytes = cases[i][3];
        exciton_vk_memory_atoms(cases[i][0], cases[i][1], &offset, &bytes);
        assert_true(offset == cases[i][4] && bytes == cases[i][5]);
    }
}

/* ---- lowering ---- */

static test_allocator heap;
static exciton_env env; /* its allocator is set by main */

static void check_step(const char *name, const exciton_limits *limits, const exciton_step *step)
{
    const exciton_kernel_entry *entry = exciton_kernel_describe(step->kernel.kernel);
    uint32_t slots = exciton_kernel_slot_count(&step->kernel);
    uint64_t local = step->kernel.form == EXCITON_FORM_LANES ? ((uint64_t)step->kernel.local_floats + step->kernel.group_size) * 4 : 0;
    bool fits = step->groups >= 1 && step->groups <= limits->max_group_count && step->kernel.group_size <= limits->max_group_size &&
                slots <= limits->max_storage_buffers && local <= limits->local_memory && entry->param_count * 4 <= limits->max_params;
    for (uint32_t i = 0; i < slots; ++i)
        fits = fits && step->slots[i].offset % limits->binding_alignment == 0 && step->slots[i].range <= limits->max_binding_range;
    if (!fits)
        fail_msg("%s: a step of %s is beyond a limit", name, entry->name);
}

static void check_shape(const profile *device, uint64_t n, uint64_t c, uint64_t r, uint64_t s, bool in_place)
{
    static const float weight;
    const exciton_se se = {.channels = c, .hidden = r, .fc1 = {.data = &weight}, .fc2 = {.data = &weight}, .max = {.batch = n, .dims = 1, .spatial = {s}}};
    exciton_se_problem p;
    exciton_se_way way;
    exciton_se_lowered lowered;
    const exciton_limits *limits = &device->limits;
    assert_int_equal(exciton_se_check(&se, &p), EXCITON_OK);
    if (exciton_se_choose(&p, limits, NULL, limits->max_group_size, n, s, in_place, &way))
        fail_msg("%s: %s", device->name, exciton_last_error());
    exciton_se_placement place = {.in = limits->binding_alignment + 4, .out = in_place ? limits->binding_alignment + 4 : 8, .in_place = in_place, .save_g = true};
    assert_int_equal(exciton_se_lower(&env, &p, limits, &way, n, s, &place, &lowered), EXCITON_OK);
    assert_true(lowered.list.count > 0);
    for (uint32_t i = 0; i < lowered.list.count; ++i)
        check_step(device->name, limits, &lowered.list.steps[i]);
    exciton_steps_release(&env, &lowered.list);
}

static void steps_stay_within_limits(void **state)
{
    (void)state;
    static const uint64_t shapes[][4] = {{1, 64, 4, 1024},  {1, 256, 16, 3136},  {1, 2048, 128, 49},  {1, 672, 168, 196},      {8, 256, 16, 3136},
                                         {32, 256, 16, 3136}, {1, 32, 2, 142884}, {70000, 1, 1, 1},    {1, 40000, 300, 4},     {512, 256, 16, 3136},
                                         {3, 1, 1, 1},        {1, 2, 1, 1 << 26}, {1, 1056, 66, 196}};
    for (int i = 0; i < PROFILES; ++i)
        for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; ++k)
            for (int in_place = 0; in_place < 2; ++in_place)
                check_shape(&profiles[i], shapes[k][0], shapes[k][1], shapes[k][2], shapes[k][3], in_place);
}

/* ---- selection ---- */

static void auto_takes_the_discrete_one(void **state)
{
    (void)state;
    exciton_found found[PROFILES + 1] = {{.info = {.name = "host", .driver = "host", .version = "1", .api = EXCITON_API_HOST, .type = EXCITON_DEVICE_HOST}}};
    for (int i = 0; i < PROFILES; ++i) /* the weakest first */
        found[PROFILES - i].info = (exciton_device_info){.name = profiles[i].name, .driver = "other", .version = "1", .api = EXCITON_API_VULKAN,
                                                         .type = profiles[i].type, .has_uuid = true, .uuid = {(uint8_t)(i + 1)}};
    uint32_t index = 99;
    for (uint32_t count = 1; count <= PROFILES + 1; ++count) {
        exciton_device_type best = EXCITON_DEVICE_HOST;
        for (uint32_t i = 1; i < count; ++i)
            best = exciton_max(best, found[i].info.type);
        assert_int_equal(exciton_select(found, count, "auto", &index), EXCITON_OK);
        assert_int_equal(found[index].info.type, best);
    }
}

int main(void)
{
    env.allocator = test_allocator_interface(&heap);
    const struct CMUnitTest tests[] = {cmocka_unit_test(memory_of_each_domain), cmocka_unit_test(allowed_types_only), cmocka_unit_test(atoms_are_whole),
                                       cmocka_unit_test(steps_stay_within_limits), cmocka_unit_test(auto_takes_the_discrete_one)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed ? failed : heap.live != 0;
}
