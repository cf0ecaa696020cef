/* Every device that EXCITON_TEST_REQUIRE names (a list with commas) is there and opens; absent means failed. */
#include "support/driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void list(exciton_context *context)
{
    uint32_t devices = 0, absences = 0;
    exciton_device_info info;
    exciton_absence absence;
    exciton_device_count(context, &devices);
    exciton_absence_count(context, &absences);
    for (uint32_t i = 0; i < devices; ++i)
        if (exciton_device_describe(context, i, &info) == EXCITON_OK)
            printf("there is %s: %s, %s\n", info.selected_by, info.name, info.version);
    for (uint32_t i = 0; i < absences; ++i)
        if (exciton_absence_describe(context, i, &absence) == EXCITON_OK)
            printf("absent: %s\n", absence.reason);
}

int main(void)
{
    const char *required = getenv("EXCITON_TEST_REQUIRE");
    exciton_context *context = NULL;
    int result = 0;
    if (exciton_context_create(&(exciton_context_params){.log = test_log}, &context) != EXCITON_OK) {
        printf("FAILED: %s\n", exciton_last_error());
        return 1;
    }
    list(context);
    while (required && *required) {
        char selector[128];
        size_t length = strcspn(required, ",");
        snprintf(selector, sizeof selector, "%.*s", (int)length, required);
        exciton_device *device = NULL;
        exciton_status status = length ? exciton_device_open(context, selector, &device) : EXCITON_OK;
        if (status != EXCITON_OK)
            result |= test_absent(selector, status);
        exciton_device_close(device);
        required += length + (required[length] == ',');
    }
    exciton_context_destroy(context);
    return result ? 1 : 0;
}
