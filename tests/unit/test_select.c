/* Choosing a device, on recorded listings. */
#include "core/select.h"
#include "support/allocator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GPU(n, d, a, t, id) {.info = {.name = n, .driver = d, .version = "1", .api = a, .type = t, .has_uuid = id != 0, .uuid = {id}}}

static const exciton_found software[] = {
    GPU("host", "host", EXCITON_API_HOST, EXCITON_DEVICE_HOST, 0),
    GPU("llvmpipe (LLVM 15.0.6, 256 bits)", "lavapipe", EXCITON_API_VULKAN, EXCITON_DEVICE_SOFTWARE, 0),
    GPU("pthread-AMD EPYC", "pocl", EXCITON_API_OPENCL, EXCITON_DEVICE_SOFTWARE, 0),
    GPU("llvmpipe (LLVM 15.0.6, 256 bits)", "rusticl", EXCITON_API_OPENCL, EXCITON_DEVICE_SOFTWARE, 0),
};

static const exciton_found laptop[] = {
    GPU("host", "host", EXCITON_API_HOST, EXCITON_DEVICE_HOST, 0),
    GPU("Intel Iris Xe", "anv", EXCITON_API_VULKAN, EXCITON_DEVICE_INTEGRATED, 1),
    GPU("NVIDIA RTX 4060", "nvidia", EXCITON_API_VULKAN, EXCITON_DEVICE_DISCRETE, 2),
    GPU("Intel Iris Xe", "intel-neo", EXCITON_API_OPENCL, EXCITON_DEVICE_INTEGRATED, 1),
    GPU("NVIDIA RTX 4060", "nvidia", EXCITON_API_OPENCL, EXCITON_DEVICE_DISCRETE, 2),
};

static void gives(const exciton_found *found, uint32_t count, const char *selector, uint32_t expected)
{
    uint32_t index = 99;
    exciton_status status = exciton_select(found, count, selector, &index);
    if (status || index != expected)
        fail_msg("%s: status %d, index %u, expected %u (%s)", selector, status, index, expected, exciton_last_error());
}

static void refuses(const exciton_found *found, uint32_t count, const char *selector, exciton_status expected)
{
    uint32_t index = 99;
    assert_int_equal(exciton_select(found, count, selector, &index), expected);
    assert_non_null(strstr(exciton_last_error(), selector));
    assert_non_null(strstr(exciton_last_error(), found[0].info.driver)); /* lists what there is */
}

static void without_gpu(void **state)
{
    (void)state;
    gives(software, 4, "auto", 0);
    gives(software, 4, "host", 0);
    gives(software, 4, "cpu", 1);
    gives(software, 4, "opencl", 2);
    gives(software, 4, "vulkan", 1);
    gives(software, 4, "PoCL", 2);
    gives(software, 4, "lavapipe", 1);
    gives(software, 4, "rusticl", 3);
    gives(software, 4, "vulkan:llvmpipe", 1);
    gives(software, 4, "opencl:llvmpipe", 3);
    gives(software, 4, "OPENCL:po", 2);
    refuses(software, 4, "llvmpipe", EXCITON_ERROR_AMBIGUOUS);
    refuses(software, 4, "gpu", EXCITON_ERROR_ABSENT);
    refuses(software, 4, "nvidia", EXCITON_ERROR_ABSENT);
    refuses(software, 4, "vulkan:pocl", EXCITON_ERROR_ABSENT);
    refuses(software, 4, "opencl:", EXCITON_ERROR_ABSENT);
    refuses(software, 4, "00000000000000000000000000000001", EXCITON_ERROR_ABSENT);
    refuses(software, 1, "opencl", EXCITON_ERROR_ABSENT);
}

static void one_gpu_through_two_apis(void **state)
{
    (void)state;
    gives(laptop, 5, "auto", 2);
    gives(laptop, 5, "gpu", 2);
    gives(laptop, 5, "nvidia", 2);
    gives(laptop, 5, "iris", 1);
    gives(laptop, 5, "opencl:nvidia", 4);
    gives(laptop, 5, "opencl", 4);
    gives(laptop, 5, "01000000-0000-0000-0000-000000000000", 1);
    gives(laptop, 5, "opencl:02000000000000000000000000000000", 4);
    refuses(laptop, 5, "cpu", EXCITON_ERROR_ABSENT);
    refuses(laptop, 5, "i", EXCITON_ERROR_AMBIGUOUS);
}

static void shortest_selectors(void **state)
{
    (void)state;
    test_allocator memory = {0};
    const exciton_env env = {.allocator = test_allocator_interface(&memory)};
    static const char *const expected[] = {"host", "vulkan", "pocl", "rusticl"};
    for (uint32_t i = 0; i < 4; ++i) {
        const char *selector;
        assert_int_equal(exciton_select_name(&env, software, 4, i, false, &selector), EXCITON_OK);
        assert_string_equal(selector, expected[i]);
        exciton_release(&env, (void *)selector);
    }
    for (uint32_t i = 0; i < 5; ++i) {
        const char *selector;
        assert_int_equal(exciton_select_name(&env, laptop, 5, i, false, &selector), EXCITON_OK);
        gives(laptop, 5, selector, i);
        exciton_release(&env, (void *)selector);
    }
}

/* Of one API's devices alone: what names them among all. */
static void selectors_of_a_part(void **state)
{
    (void)state;
    test_allocator memory = {0};
    const exciton_env env = {.allocator = test_allocator_interface(&memory)};
    const char *selector;
    for (uint32_t i = 1; i < 5; ++i) {
        uint32_t first = i < 3 ? 1 : 3;
        assert_int_equal(exciton_select_name(&env, laptop + first, 2, i - first, true, &selector), EXCITON_OK);
        gives(laptop, 5, selector, i);
        exciton_release(&env, (void *)selector);
    }
    static const char *const expected[] = {"host", "vulkan", "opencl", "opencl:rusticl"};
    for (uint32_t i = 0; i < 4; ++i) {
        uint32_t first = i < 3 ? i : 2;
        assert_int_equal(exciton_select_name(&env, software + first, i < 2 ? 1 : 2, i - first, true, &selector), EXCITON_OK);
        assert_string_equal(selector, expected[i]);
        exciton_release(&env, (void *)selector);
    }
    const exciton_found twins[] = {GPU("A", "a", EXCITON_API_VULKAN, EXCITON_DEVICE_DISCRETE, 1), GPU("A", "a", EXCITON_API_VULKAN, EXCITON_DEVICE_DISCRETE, 2)};
    assert_int_equal(exciton_select_name(&env, twins, 2, 1, true, &selector), EXCITON_OK);
    assert_string_equal(selector, "vulkan:02000000000000000000000000000000");
    exciton_release(&env, (void *)selector);
}

static void api_of_a_selector(void **state)
{
    (void)state;
    static const struct {
        const char *selector;
        int api;
    } cases[] = {{"host", EXCITON_API_HOST}, {"HOST", EXCITON_API_HOST}, {"opencl", EXCITON_API_OPENCL}, {"Vulkan:x", EXCITON_API_VULKAN},
                 {"opencl:", EXCITON_API_OPENCL}, {"host:host", -1}, {"auto", -1}, {"cpu", -1}, {"pocl", -1}, {"vulkanised", -1}, {"", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        exciton_api api = EXCITON_API_HOST;
        assert_int_equal(exciton_select_api(cases[i].selector, &api), cases[i].api >= 0);
        if (cases[i].api >= 0)
            assert_int_equal(api, cases[i].api);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(without_gpu), cmocka_unit_test(one_gpu_through_two_apis), cmocka_unit_test(shortest_selectors),
                                       cmocka_unit_test(selectors_of_a_part), cmocka_unit_test(api_of_a_selector)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
