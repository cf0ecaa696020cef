/* What is loaded to list devices: nothing for the host, one API's loader for a selector that names it. */
#include "core/context.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static uint32_t looked_up[3]; /* by exciton_api */

static exciton_function count(void *user, const char *name, exciton_function function)
{
    (void)user;
    ++looked_up[!strncmp(name, "cl", 2) ? EXCITON_API_OPENCL : !strncmp(name, "vk", 2) ? EXCITON_API_VULKAN : EXCITON_API_HOST];
    return function;
}

static bool is_loaded(const char *const *names)
{
    bool loaded = false;
    for (; *names; ++names) {
        void *library = dlopen(*names, RTLD_LAZY | RTLD_NOLOAD);
        loaded = loaded || library;
        if (library)
            (void)dlclose(library);
    }
    return loaded;
}

static const char *const opencl[] = {"libOpenCL.so.1", "libOpenCL.so", NULL};
static const char *const vulkan[] = {"libvulkan.so.1", "libvulkan.so", NULL};

static exciton_context *create(void)
{
    exciton_context *context;
    memset(looked_up, 0, sizeof looked_up);
    assert_int_equal(exciton_context_create_seamed(NULL, count, NULL, &context), EXCITON_OK);
    return context;
}

/* First of all: once loaded they stay. */
static void host_loads_nothing(void **state)
{
    (void)state;
    exciton_context *context = create();
    exciton_device *device, *again;
    exciton_device_info before, after;
    assert_int_equal(exciton_device_open(context, "host", &device), EXCITON_OK);
    assert_int_equal(exciton_device_get_info(device, &before), EXCITON_OK);
    assert_string_equal(before.selected_by, "host");
    assert_true(!looked_up[EXCITON_API_OPENCL] && !looked_up[EXCITON_API_VULKAN]);
    assert_false(is_loaded(opencl) || is_loaded(vulkan));
    assert_true(context->parts[0].done && !context->all.done);

    /* Listing finds all there is; what was open stays what it was. */
    uint32_t devices, absences;
    assert_int_equal(exciton_device_count(context, &devices), EXCITON_OK);
    assert_int_equal(exciton_absence_count(context, &absences), EXCITON_OK);
    assert_true(devices >= 1 && devices + absences >= 3);
    assert_int_equal(exciton_device_describe(context, 0, &after), EXCITON_OK);
    assert_int_equal(after.api, EXCITON_API_HOST);
    assert_string_equal(after.selected_by, "host");
    assert_int_equal(exciton_device_get_info(device, &after), EXCITON_OK);
    assert_ptr_equal(after.name, before.name);
    assert_int_equal(exciton_device_open(context, "Host", &again), EXCITON_OK);
    exciton_device_close(again);
    exciton_device_close(device);
    exciton_context_destroy(context);
}

/* No driver is to be seen, so neither has a device; the refusal tells of all. */
static void one_api(exciton_api api, exciton_api other)
{
    static const char *const words[] = {"host", "opencl", "vulkan"};
    exciton_context *context = create();
    const exciton_listing *listing;
    assert_int_equal(exciton_context_list_api(context, api, &listing), EXCITON_OK);
    assert_int_equal(looked_up[other], 0);
    if (listing) /* it is in this build */
        assert_true(listing->done && !listing->found_count && listing->absent_count >= 1 && listing->absent[0].api == api);
    char selector[32];
    exciton_device *device;
    snprintf(selector, sizeof selector, "%s:nothing", words[api]);
    assert_int_equal(exciton_device_open(context, selector, &device), EXCITON_ERROR_ABSENT);
    assert_non_null(strstr(exciton_last_error(), "there is host:host"));
    assert_true(context->all.done);
    assert_int_equal(exciton_context_list_api(context, api, &listing), EXCITON_OK);
    assert_ptr_equal(listing, &context->all);
    exciton_context_destroy(context);
}

static void opencl_alone(void **state)
{
    (void)state;
    one_api(EXCITON_API_OPENCL, EXCITON_API_VULKAN);
}

static void vulkan_alone(void **state)
{
    (void)state;
    one_api(EXCITON_API_VULKAN, EXCITON_API_OPENCL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(host_loads_nothing), cmocka_unit_test(opencl_alone), cmocka_unit_test(vulkan_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
