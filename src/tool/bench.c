/* `exciton bench`: the time of a call under every schedule and form, beside the floor of a copy. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/bench.h"

enum { MOST_DEVICES = 16 };

typedef struct bench_given {
    tool_texts devices, shapes;
    const char *schedule, *form;
    int excitation;
    uint64_t rounds;
    float seconds;
    bool seconds_given, json, verbose;
} bench_given;

typedef struct bench_state {
    bench_options options;
    bench_shapes shapes;
    exciton_context *context;
    bench_device devices[MOST_DEVICES];
    uint32_t device_count;
    bench_result *results;
    uint32_t result_count;
} bench_state;

/* ---- options */

static int parse(int argc, char **argv, bench_given *given, bool *help)
{
    const tool_option options[] = {
        {.name = "device", .value = "SEL", .help = "a device; may be repeated; default: EXCITON_DEVICE, else auto", .texts = &given->devices},
        {.name = "shape", .value = "SHAPE", .help = "NxCxHxW[:R] with lists (1,8) and ranges (1..4, 1..64*2), or a name; may be repeated",
         .texts = &given->shapes},
        {.name = "schedule", .value = "NAME", .help = "only this one beside what auto chooses; auto: only that", .text = &given->schedule},
        {.name = "form", .value = "NAME", .help = "the same for forms", .text = &given->form},
        {.name = "excitation", .help = "clblast: also three-stages with its products, which has other bits", .choice = &given->excitation,
         .choices = tool_excitations},
        {.name = "rounds", .value = "N", .help = "how many; default: as --seconds allow, at least 9", .number = &given->rounds,
         .least = BENCH_LEAST_ROUNDS, .most = 4096},
        {.name = "seconds", .value = "S", .help = "about as long a shape takes; default 2", .fraction = &given->seconds,
         .given = &given->seconds_given},
        {.name = "json", .help = "the result as JSON", .flag = &given->json},
        {.name = "verbose", .help = "the library's log on stderr", .flag = &given->verbose},
        {0},
    };
    return tool_options_parse("bench", options, argc, argv, help);
}

static int take_options(const bench_given *given, bench_state *state)
{
    bench_options *o = &state->options;
    exciton_status status = EXCITON_OK;
    *o = (bench_options){.has_schedule = given->schedule, .has_form = given->form, .rounds = given->rounds, .seconds = 2,
                         .clblast = given->excitation == EXCITON_EXCITATION_CLBLAST};
    if (given->schedule)
        status = exciton_schedule_from_name(given->schedule, &o->schedule);
    if (given->form && status == EXCITON_OK)
        status = exciton_form_from_name(given->form, &o->form);
    if (status != EXCITON_OK)
        return tool_fail(status, TOOL_AT_OPTIONS);
    if (given->seconds_given)
        o->seconds = (double)given->seconds;
    if (!(o->seconds > 0 && o->seconds <= 3600))
        return tool_error(TOOL_BAD_OPTION, "option --seconds: %g: more than 0 and at most 3600 is needed", o->seconds);
    int result = given->shapes.count ? TOOL_DONE : bench_shapes_add(&state->shapes, "seresnet50");
    for (uint32_t i = 0; i < given->shapes.count && result == TOOL_DONE; i++)
        result = bench_shapes_add(&state->shapes, given->shapes.list[i]);
    return result;
}

/* ---- devices */

/* A device that is named twice is measured once. */
static exciton_status open_device(bench_state *state, const char *selector)
{
    bench_device *d = &state->devices[state->device_count];
    exciton_status status = exciton_device_open(state->context, selector, &d->device);
    if (status == EXCITON_OK)
        status = exciton_device_get_info(d->device, &d->info);
    if (status == EXCITON_OK)
        status = exciton_device_get_limits(d->device, &d->limits);
    bool twice = false;
    for (uint32_t i = 0; status == EXCITON_OK && i < state->device_count; i++)
        twice = twice || !strcmp(state->devices[i].info.selected_by, d->info.selected_by);
    if (status != EXCITON_OK || twice)
        exciton_device_close(d->device);
    else
        state->device_count++;
    return status;
}

/* All before anything is measured: what is absent is found at once. */
static int open_devices(const bench_given *given, bench_state *state)
{
    if (given->devices.count > MOST_DEVICES)
        return tool_error(TOOL_BAD_OPTION, "option --device: more than %d", MOST_DEVICES);
    exciton_status status = tool_context(given->verbose, &state->context);
    if (!given->devices.count && status == EXCITON_OK)
        status = open_device(state, NULL);
    for (uint32_t i = 0; i < given->devices.count && status == EXCITON_OK; i++)
        status = open_device(state, given->devices.list[i]);
    return status == EXCITON_OK ? TOOL_DONE : tool_fail(status, TOOL_AT_OPTIONS); /* an ill-formed selector is a bad option */
}

/* ---- running */

static int measure_all(bench_state *state)
{
    uint32_t total = state->device_count * state->shapes.count;
    int result = TOOL_DONE;
    state->results = calloc(total, sizeof *state->results);
    if (!state->results)
        return tool_error(TOOL_OTHER, "bench: results: out of memory");
    for (uint32_t i = 0; i < total && result == TOOL_DONE; i++) {
        const bench_device *d = &state->devices[i / state->shapes.count];
        tool_progress_set("shapes", i, total);
        result = bench_measure(d->device, &d->info, &state->shapes.list[i % state->shapes.count], &state->options, &state->results[i]);
        state->result_count += result == TOOL_DONE;
    }
    return result;
}

/* One line for all that is wrong: other bits before a floor that moved. */
static int judge(const bench_state *state)
{
    const bench_result *wrong = NULL, *moved = NULL;
    uint32_t wrong_count = 0, moved_count = 0;
    for (uint32_t i = 0; i < state->result_count; i++) {
        const bench_result *r = &state->results[i];
        bool differs = false;
        for (uint32_t k = 0; k < r->count; k++)
            differs = differs || r->rows[k].wrong;
        wrong = wrong ? wrong : differs ? r : NULL;
        moved = moved ? moved : r->steady ? NULL : r;
        wrong_count += differs;
        moved_count += !r->steady;
    }
    char shape[128];
    if (wrong) {
        bench_shape_text(&wrong->shape, shape, sizeof shape);
        return tool_error(TOOL_CHECK_FAILED, "bench: %s, %s: not the bits of three-stages (%u of %u shapes)", wrong->device->selected_by, shape,
                          wrong_count, state->result_count);
    }
    if (moved) {
        bench_shape_text(&moved->shape, shape, sizeof shape);
        return tool_error(TOOL_CHECK_FAILED, "bench: %s, %s: not steady: the floor moved by %.0f %%, twice (%u of %u shapes)",
                          moved->device->selected_by, shape, 100 * moved->drift, moved_count, state->result_count);
    }
    return TOOL_DONE;
}

static int report(const bench_given *given, const bench_state *state)
{
    if (given->json)
        bench_print_json(state->devices, state->device_count, state->results, state->result_count);
    else if (!bench_print_table(state->results, state->result_count))
        return tool_error(TOOL_OTHER, "bench: table: out of memory");
    return judge(state);
}

int tool_bench(int argc, char **argv)
{
    bench_given given = {0};
    bench_state state = {0};
    bool help = false;
    int result = parse(argc, argv, &given, &help);
    if (result != TOOL_DONE || help)
        return result;
    result = take_options(&given, &state);
    if (result == TOOL_DONE)
        result = open_devices(&given, &state);
    if (result == TOOL_DONE && !given.verbose)
        tool_progress_begin("bench");
    if (result == TOOL_DONE)
        result = measure_all(&state);
    tool_progress_end();
    if (result == TOOL_DONE)
        result = report(&given, &state);
    for (uint32_t i = 0; i < state.device_count; i++)
        exciton_device_close(state.devices[i].device);
    exciton_context_destroy(state.context);
    free(state.results);
    free(state.shapes.list);
    return result;
}
