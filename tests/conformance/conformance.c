/* Opens the device that the options name and runs the suite's sections on it. docs/testing.md has the options. */
#include "conformance/suite.h"
#include "core/context.h"
#include "support/driver.h"
#include "support/smaller.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Sections ---- */

static const struct {
    const char *name;
    void (*run)(suite *s);
} sections[] = {
    {"cases", section_cases},     {"special", section_special}, {"long", section_long},           {"batches", section_batches},
    {"flight", section_flight},   {"threads", section_threads}, {"arguments", section_arguments}, {"counters", section_counters},
    {"digests", section_digests}, {"pieces", section_pieces},   {"copies", section_copies},       {"groups", section_groups},
};
enum { SECTIONS = sizeof sections / sizeof sections[0] };

static bool is_listed(const char *list, const char *name)
{
    size_t length = strlen(name);
    while (list && *list) {
        size_t item = strcspn(list, ",");
        if (item == length && memcmp(list, name, length) == 0)
            return true;
        list += item + (list[item] == ',');
    }
    return false;
}

/* ---- Clamp profiles ---- */

typedef struct profile {
    const char *name;
    exciton_limits clamp;
    bool no_mappable;
} profile;

static const profile profiles[] = {
    /* What Vulkan and OpenCL promise at least. */
    {"floor", {.max_group_size = 128, .local_memory = 16384, .max_storage_buffers = 4, .binding_alignment = 256}, true},
    {"group1", {.max_group_size = 1}, false},
    {"range64k", {.max_binding_range = 65536}, false},
    {"buffers3", {.max_storage_buffers = 3}, false}, /* three-stages only */
    {"cache1", {.cache_bytes = 1}, false},           /* y is never read soon */
    {"unmapped", {0}, true},                         /* no device memory that the host sees */
    {"groups3", {.max_group_count = 3}, false},      /* every grid must stride */
};
enum { PROFILES = sizeof profiles / sizeof profiles[0] };

static const profile *find_profile(const char *name)
{
    for (int i = 0; i < PROFILES; ++i)
        if (strcmp(profiles[i].name, name) == 0)
            return &profiles[i];
    return NULL;
}

/* ---- Options ---- */

static int usage(void)
{
    fprintf(stderr,
            "usage: conformance --device SEL [--cases N] [--full] [--seed S] [--case NAME] [--only WHAT] [--clamp PROFILE]\n"
            "                   [--smaller FLOOR,FLOOR] [--validate] [--sections A,B] [--iterations N] [--most N] [--golden FILE]\n"
            "                   [--no-skips] [--first] [--tight] [--part] [--list]\n  sections:");
    for (int i = 0; i < SECTIONS; ++i)
        fprintf(stderr, " %s", sections[i].name);
    fprintf(stderr, "\n  profiles:");
    for (int i = 0; i < PROFILES; ++i)
        fprintf(stderr, " %s", profiles[i].name);
    fprintf(stderr, "\n  floors: all");
    for (int i = 0; smaller_names[i]; ++i)
        fprintf(stderr, " %s", smaller_names[i]);
    fputc('\n', stderr);
    return 2;
}

static bool take_number(const char *text, uint64_t largest, uint64_t *number)
{
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    *number = value;
    return text[0] >= '0' && text[0] <= '9' && !*end && value <= largest;
}

static bool take_flag(suite_options *o, const char *name)
{
    static const char *const names[] = {"--full", "--validate", "--no-skips", "--list", "--first", "--tight", "--part"};
    bool *const flags[] = {&o->full, &o->validate, &o->no_skips, &o->list, &o->first, &o->tight, &o->part};
    for (int i = 0; i < 7; ++i)
        if (strcmp(name, names[i]) == 0)
            return *flags[i] = true;
    return false;
}

static bool take_value(suite_options *o, const char *name, const char *value)
{
    static const char *const names[] = {"--device", "--clamp", "--case", "--sections", "--golden", "--only", "--smaller"};
    const char **const texts[] = {&o->selector, &o->clamp, &o->one_case, &o->sections, &o->golden, &o->only, &o->smaller};
    for (int i = 0; i < 7; ++i)
        if (strcmp(name, names[i]) == 0) {
            *texts[i] = value;
            return true;
        }
    uint64_t number;
    if (strcmp(name, "--seed") == 0)
        return take_number(value, UINT64_MAX, &o->seed);
    if (!take_number(value, UINT32_MAX, &number))
        return false;
    if (strcmp(name, "--cases") == 0)
        o->cases = (uint32_t)number;
    else if (strcmp(name, "--iterations") == 0)
        o->iterations = (uint32_t)number;
    else if (strcmp(name, "--most") == 0)
        o->most = (uint32_t)number;
    else
        return false;
    return true;
}

static bool take_options(int count, char **arguments, suite_options *o)
{
    for (int i = 1; i < count; ++i)
        if (!take_flag(o, arguments[i])) {
            if (i + 1 >= count || !take_value(o, arguments[i], arguments[i + 1]))
                return false;
            ++i;
        }
    if (o->one_case)
        o->sections = "cases";
    char unknown[32];
    if (o->smaller && !smaller_set(o->smaller, unknown, sizeof unknown)) {
        fprintf(stderr, "conformance: --smaller: no floor is called %s\n", unknown);
        return false;
    }
    return o->selector && (!o->clamp || find_profile(o->clamp));
}

/* ---- Running ---- */

/* A kernel that its known-answer test left out isn't in what the sections run: it is a failure of its own. */
static atomic_uint left_out;
static char first_left_out[320];

static void watch_log(void *user, exciton_log_level level, const char *line)
{
    if (level == EXCITON_LOG_WARNING && strstr(line, ": known-answer test") && strstr(line, ": left out") && atomic_fetch_add(&left_out, 1) == 0)
        snprintf(first_left_out, sizeof first_left_out, "%s", line);
    test_log(user, level, line);
}

/* 0, or the exit status of a run without the device. */
static int open_devices(suite *s)
{
    const profile *p = s->options.clamp ? find_profile(s->options.clamp) : NULL;
    exciton_context_params params = {.log = watch_log, .clamp = p ? &p->clamp : NULL, .clamp_no_mappable = p && p->no_mappable,
                                     .validate = s->options.validate};
    exciton_context_params plain = {.log = test_log};
    exciton_status status = exciton_context_create_seamed(&params, s->options.smaller ? smaller_resolve : NULL, NULL, &s->context);
    if (status == EXCITON_OK)
        status = exciton_context_create(&plain, &s->host_context);
    if (status == EXCITON_OK)
        status = exciton_device_open(s->host_context, "host", &s->host.device);
    if (status == EXCITON_OK)
        status = exciton_device_open(s->context, s->options.selector, &s->device.device);
    if (status == EXCITON_OK)
        status = exciton_device_get_info(s->device.device, &s->info);
    if (status == EXCITON_OK)
        status = exciton_device_get_limits(s->device.device, &s->limits);
    return status == EXCITON_OK ? 0 : test_absent(s->options.selector, status);
}

static void close_devices(suite *s)
{
    engine_close(&s->device);
    engine_close(&s->host);
    exciton_context_destroy(s->context);
    exciton_context_destroy(s->host_context);
}

static void run_sections(suite *s)
{
    for (int i = 0; i < SECTIONS; ++i)
        if (!s->options.sections || is_listed(s->options.sections, sections[i].name)) {
            check_section_begin(sections[i].name);
            sections[i].run(s);
            check_section_end();
        }
    check_section_begin("kernels");
    check(left_out == 0, "known-answer tests left out %u, the first: %s", (unsigned)left_out, first_left_out);
    check_section_end();
    if (s->options.validate) {
        check_section_begin("layers");
        section_layers(s);
        check_section_end();
    }
}

int main(int count, char **arguments)
{
    suite s = {.options = {.cases = 1500, .seed = 1, .iterations = 10000, .golden = EXCITON_TEST_GOLDEN}};
    if (!take_options(count, arguments, &s.options))
        return usage();
    if (s.options.list) {
        section_cases(&s);
        return 0;
    }
    if (s.options.first)
        check_stop_at_first();
    s.device.tight = s.options.tight;
    int result = open_devices(&s);
    if (result == 0) {
        char idle[256];
        if (s.options.smaller && strcmp(s.options.smaller, "all")) /* what nothing asks for can't be lowered */
            check(!*smaller_idle(idle, sizeof idle), "--smaller: nothing was lowered by: %s", idle);
        printf("%s (%s, %s), seed %" PRIu64 "%s%s%s%s%s\n", s.info.name, s.info.driver, s.info.version, s.options.seed,
               s.options.clamp ? ", clamp " : "", s.options.clamp ? s.options.clamp : "",
               s.options.smaller ? ", smaller: " : "", s.options.smaller ? s.options.smaller : "", s.options.validate ? ", validation layer" : "");
        run_sections(&s);
        result = check_finish(s.options.selector);
    }
    close_devices(&s);
    return result;
}
