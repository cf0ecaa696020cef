/* `exciton devices`: what there is, and what there is not and why. */
#include <stdio.h>
#include <stdlib.h>

#include "tool/tool.h"

enum { NAMED = 64 };

/* What known-answer tests found, as far as the cache remembers. */
typedef struct answers {
    uint32_t tested, inexact_count, wrong_count;
    char inexact[NAMED][96], wrong[NAMED][96];
} answers;

typedef struct listing {
    uint32_t device_count, absence_count;
    answers *answers;
    exciton_device_info *devices;
    exciton_absence *absences;
} listing;

static void format_uuid(const exciton_device_info *info, char text[33])
{
    for (uint32_t i = 0; i < 16; i++)
        snprintf(text + 2 * i, 3, "%02x", info->uuid[i]);
}

static void on_answer(void *user, const char *variant, exciton_answer answer, const char *why)
{
    answers *a = user;
    (void)why;
    a->tested++;
    if (answer == EXCITON_ANSWER_INEXACT && a->inexact_count < NAMED)
        snprintf(a->inexact[a->inexact_count++], sizeof a->inexact[0], "%s", variant);
    if (answer == EXCITON_ANSWER_WRONG && a->wrong_count < NAMED)
        snprintf(a->wrong[a->wrong_count++], sizeof a->wrong[0], "%s", variant);
}

static void json_variants(tool_json *json, const char *key, char (*variants)[96], uint32_t count)
{
    tool_json_key(json, key);
    tool_json_begin(json, '[');
    for (uint32_t i = 0; i < count; i++)
        tool_json_string(json, variants[i]);
    tool_json_end(json, ']');
}

static void json_answers(tool_json *json, answers *a)
{
    tool_json_key(json, "self_test");
    tool_json_begin(json, '{');
    tool_json_key(json, "tested");
    tool_json_integer(json, a->tested);
    json_variants(json, "inexact", a->inexact, a->inexact_count);
    json_variants(json, "failed", a->wrong, a->wrong_count);
    tool_json_end(json, '}');
}

static void json_device(tool_json *json, const exciton_device_info *info, answers *a)
{
    char uuid[33];
    const char *const members[][2] = {
        {"name", info->name}, {"driver", info->driver}, {"api", tool_api_name(info->api)}, {"version", info->version},
        {"type", tool_type_name(info->type)}, {"uuid", info->has_uuid ? uuid : NULL}, {"selected_by", info->selected_by},
    };
    format_uuid(info, uuid);
    tool_json_begin(json, '{');
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        tool_json_key(json, members[i][0]);
        tool_json_string(json, members[i][1]);
    }
    json_answers(json, a);
    tool_json_end(json, '}');
}

static void print_json(const listing *list)
{
    tool_json json = {0};
    tool_json_header(&json);
    tool_json_key(&json, "devices");
    tool_json_begin(&json, '[');
    for (uint32_t i = 0; i < list->device_count; i++)
        json_device(&json, &list->devices[i], &list->answers[i]);
    tool_json_end(&json, ']');
    tool_json_key(&json, "absent");
    tool_json_begin(&json, '[');
    for (uint32_t i = 0; i < list->absence_count; i++) {
        tool_json_begin(&json, '{');
        tool_json_key(&json, "api");
        tool_json_string(&json, tool_api_name(list->absences[i].api));
        tool_json_key(&json, "reason");
        tool_json_string(&json, list->absences[i].reason);
        tool_json_end(&json, '}');
    }
    tool_json_end(&json, ']');
    tool_json_end(&json, '}');
}

static bool print_devices(const listing *list)
{
    tool_table table = {.columns = 7};
    tool_table_row(&table, (const char *const[]){"NAME", "DRIVER", "API", "TYPE", "VERSION", "SELECTED BY", "UUID"});
    for (uint32_t i = 0; i < list->device_count; i++) {
        const exciton_device_info *info = &list->devices[i];
        char uuid[33];
        format_uuid(info, uuid);
        tool_table_row(&table, (const char *const[]){info->name, info->driver, tool_api_name(info->api), tool_type_name(info->type),
                                                     info->version, info->selected_by, info->has_uuid ? uuid : "-"});
    }
    return tool_table_print(&table);
}

static bool print_absences(const listing *list)
{
    tool_table table = {.columns = 2};
    if (!list->absence_count)
        return true;
    putchar('\n');
    tool_table_row(&table, (const char *const[]){"ABSENT", "REASON"});
    for (uint32_t i = 0; i < list->absence_count; i++)
        tool_table_row(&table, (const char *const[]){tool_api_name(list->absences[i].api), list->absences[i].reason});
    return tool_table_print(&table);
}

/* Only what is not as it should be. */
static bool print_answers(const listing *list)
{
    tool_table table = {.columns = 3};
    uint32_t count = 0;
    for (uint32_t i = 0; i < list->device_count; i++)
        count += list->answers[i].wrong_count + list->answers[i].inexact_count;
    if (!count)
        return true;
    putchar('\n');
    tool_table_row(&table, (const char *const[]){"DEVICE", "KERNEL VARIANT", "KNOWN-ANSWER TEST"});
    for (uint32_t i = 0; i < list->device_count; i++) {
        const answers *a = &list->answers[i];
        for (uint32_t k = 0; k < a->wrong_count; k++)
            tool_table_row(&table, (const char *const[]){list->devices[i].selected_by, a->wrong[k], "wrong: left out"});
        for (uint32_t k = 0; k < a->inexact_count; k++)
            tool_table_row(&table, (const char *const[]){list->devices[i].selected_by, a->inexact[k], "inexact, within the bound"});
    }
    return tool_table_print(&table);
}

/* All of it before anything is printed. */
static exciton_status make_list(exciton_context *context, listing *list, bool *memory)
{
    exciton_status status = exciton_device_count(context, &list->device_count);
    if (status == EXCITON_OK)
        status = exciton_absence_count(context, &list->absence_count);
    if (status != EXCITON_OK)
        return status;
    list->devices = calloc(list->device_count + 1, sizeof *list->devices);
    list->absences = calloc(list->absence_count + 1, sizeof *list->absences);
    list->answers = calloc(list->device_count + 1, sizeof *list->answers);
    *memory = list->devices && list->absences && list->answers;
    for (uint32_t i = 0; *memory && i < list->device_count && status == EXCITON_OK; i++)
        status = exciton_device_describe(context, i, &list->devices[i]);
    for (uint32_t i = 0; *memory && i < list->device_count && status == EXCITON_OK; i++)
        status = exciton_device_answers(context, i, on_answer, &list->answers[i]);
    for (uint32_t i = 0; *memory && i < list->absence_count && status == EXCITON_OK; i++)
        status = exciton_absence_describe(context, i, &list->absences[i]);
    return status;
}

int tool_devices(int argc, char **argv)
{
    bool json = false, verbose = false, help = false, memory = true;
    const tool_option options[] = {
        {.name = "json", .help = "the list as JSON", .flag = &json},
        {.name = "verbose", .help = "the library's log on stderr", .flag = &verbose},
        {0},
    };
    int result = tool_options_parse("devices", options, argc, argv, &help);
    if (result != TOOL_DONE || help)
        return result;

    exciton_context *context = NULL;
    listing list = {0};
    exciton_status status = tool_context(verbose, &context);
    if (status == EXCITON_OK)
        status = make_list(context, &list, &memory);
    if (status != EXCITON_OK)
        result = tool_fail(status, TOOL_AT_DEVICE);
    else if (!memory)
        result = tool_error(TOOL_OTHER, "devices: list: out of memory");
    else if (json)
        print_json(&list);
    else if (!print_devices(&list) || !print_answers(&list) || !print_absences(&list))
        result = tool_error(TOOL_OTHER, "devices: table: out of memory");
    free(list.devices);
    free(list.absences);
    free(list.answers);
    exciton_context_destroy(context);
    return result;
}
