/* `exciton verify`: the suite's cases on one device, and the digest of their bits. */
#include <stdio.h>

#include "tool/tool.h"

typedef struct verify_options {
    const char *device, *suite;
    uint64_t cases, seed;
    bool json, verbose;
} verify_options;

static void show_progress(void *user, uint32_t done, uint32_t cases)
{
    (void)user;
    tool_progress_set("cases", done, cases);
}

static void print_json(const verify_options *given, const exciton_device_info *info, const exciton_verify_result *result)
{
    const char *first = result->first_failure[0] ? result->first_failure : NULL;
    tool_json json = {0};
    tool_json_header(&json);
    tool_json_key(&json, "device");
    tool_json_string(&json, info->name);
    tool_json_key(&json, "driver");
    tool_json_string(&json, info->driver);
    tool_json_key(&json, "suite");
    tool_json_string(&json, given->suite);
    tool_json_key(&json, "cases");
    tool_json_integer(&json, result->cases);
    tool_json_key(&json, "failed");
    tool_json_integer(&json, result->failed);
    tool_json_key(&json, "digest");
    tool_json_string(&json, result->digest);
    tool_json_key(&json, "seed");
    tool_json_integer(&json, given->seed);
    tool_json_key(&json, "first_failure");
    tool_json_string(&json, first);
    tool_json_end(&json, '}');
}

static bool print_table(const verify_options *given, const exciton_device_info *info, const exciton_verify_result *result)
{
    tool_table table = {0};
    tool_table_pair(&table, "device", "%s", info->name);
    tool_table_pair(&table, "driver", "%s", info->driver);
    tool_table_pair(&table, "suite", "%s", given->suite);
    tool_table_pair(&table, "seed", "%llu", (unsigned long long)given->seed);
    tool_table_pair(&table, "cases", "%u", result->cases);
    tool_table_pair(&table, "failed", "%u", result->failed);
    tool_table_pair(&table, "digest", "%s", result->digest);
    return tool_table_print(&table);
}

static int verify_on(exciton_device *device, const verify_options *given)
{
    exciton_device_info info;
    exciton_verify_result result = {0};
    const exciton_verify_params params = {
        .suite = given->suite, .cases = (uint32_t)given->cases, .seed = given->seed, .progress = show_progress,
    };
    exciton_status status = exciton_device_get_info(device, &info);
    if (status != EXCITON_OK)
        return tool_fail(status, TOOL_AT_DEVICE);
    if (!given->verbose)
        tool_progress_begin("verify");
    status = exciton_device_verify(device, &params, &result);
    tool_progress_end();
    if (status == EXCITON_ERROR_NAME)
        return tool_fail(status, TOOL_AT_OPTIONS); /* the suite is the only name it takes */
    if (status != EXCITON_OK)
        return tool_fail(status, TOOL_AT_DEVICE);
    if (given->json)
        print_json(given, &info, &result);
    else if (!print_table(given, &info, &result))
        return tool_error(TOOL_OTHER, "verify: table: out of memory");
    if (!result.failed)
        return TOOL_DONE;
    return tool_error(TOOL_CHECK_FAILED, "verify: %s: %u of %u cases failed; the first: %s", info.selected_by, result.failed,
                      result.cases, result.first_failure);
}

int tool_verify(int argc, char **argv)
{
    verify_options given = {.suite = "se-f32/1", .cases = 150};
    bool help = false;
    const tool_option options[] = {
        {.name = "device", .value = "SEL", .help = "the device; default: EXCITON_DEVICE, else auto", .text = &given.device},
        {.name = "suite", .value = "S", .help = "the suite of cases; default se-f32/1", .text = &given.suite},
        {.name = "cases", .value = "N", .help = "how many; default 150", .number = &given.cases, .least = 1, .most = 1000000},
        {.name = "seed", .value = "S", .help = "what they are made from; default 0", .number = &given.seed, .most = UINT64_MAX},
        {.name = "json", .help = "the result as JSON", .flag = &given.json},
        {.name = "verbose", .help = "the library's log on stderr", .flag = &given.verbose},
        {0},
    };
    int result = tool_options_parse("verify", options, argc, argv, &help);
    if (result != TOOL_DONE || help)
        return result;

    exciton_context *context = NULL;
    exciton_device *device = NULL;
    exciton_status status = tool_context(given.verbose, &context);
    if (status == EXCITON_OK)
        status = exciton_device_open(context, given.device, &device);
    if (status == EXCITON_OK)
        result = verify_on(device, &given);
    else
        result = tool_fail(status, TOOL_AT_OPTIONS); /* an ill-formed selector is a bad option */
    exciton_device_close(device);
    exciton_context_destroy(context);
    return result;
}
