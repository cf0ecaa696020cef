#include "support/driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#  if __has_feature(address_sanitizer)
#    define TEST_ASAN
#  endif
#elif defined(__SANITIZE_ADDRESS__)
#  define TEST_ASAN
#endif

#ifdef TEST_ASAN
/* Loaders unload drivers with an instance; what a driver's own variables pointed to looks like a leak then. */
__attribute__((visibility("default"))) int dlclose(void *library);
__attribute__((visibility("default"))) int dlclose(void *library)
{
    (void)library;
    return 0;
}
#endif

/* PoCL's compiler leaves its contexts behind; that our own objects of OpenCL are released is counted at the seam. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libpocl\nleak:libLLVM\nleak:clc_spirv_get_kernels_info\n"; }

/* Sanitizers ask for these: an allocation that is too large gives NULL, as it does without them. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__tsan_default_options(void);
const char *__asan_default_options(void) { return "allocator_may_return_null=1"; }
const char *__tsan_default_options(void) { return "allocator_may_return_null=1"; }

bool test_is_required(const char *selector)
{
    const char *list = getenv("EXCITON_TEST_REQUIRE");
    size_t length = strlen(selector);
    while (list && *list) {
        size_t item = strcspn(list, ",");
        if (item == length && memcmp(list, selector, length) == 0)
            return true;
        list += item + (list[item] == ',');
    }
    return false;
}

int test_absent(const char *selector, exciton_status status)
{
    bool required = test_is_required(selector), absent = status == EXCITON_ERROR_ABSENT;
    printf("%s: %s: %s\n",
           absent && !required ? "SKIPPED"
           : required          ? "FAILED: a required device"
                               : "FAILED",
           selector, exciton_last_error());
    return absent && !required ? TEST_SKIPPED : 1;
}

void test_log(void *user, exciton_log_level level, const char *line)
{
    (void)user;
    static const char *const words[] = {"debug", "info", "warning", "error"};
    if (level >= EXCITON_LOG_WARNING || getenv("EXCITON_TEST_VERBOSE"))
        fprintf(stderr, "log: %s: %s\n", words[level], line);
}
