/* `exciton run`: one block on one device, once to warm up and once timed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "tool/run.h"

#define WAIT UINT64_C(600000000000) /* ten minutes: an emulator is slow */

typedef struct run_state {
    exciton_context *context;
    exciton_device *device;
    exciton_plan *plan;
    exciton_binding *binding;
    exciton_buffer *in, *outputs[RUN_OUTPUTS]; /* in place: outputs[RUN_Y] is `in` */
    float *saved[RUN_OUTPUTS];                 /* s, h, g, read back */
    exciton_device_info device_info;
    exciton_binding_info binding_info;
    char *explained;
    size_t explained_length;
    bool explain_failed; /* out of memory */
    double microseconds;
} run_state;

/* ---- running */

/* Elements of an output; none overflows, since x is in memory and R by C weights too. */
static uint64_t output_count(const run_input *input, uint32_t output)
{
    if (output == RUN_Y)
        return input->x.count;
    return input->se.max.batch * (output == RUN_H ? input->se.hidden : input->se.channels);
}

static exciton_status create_buffers(const run_options *given, const run_input *input, run_state *state)
{
    exciton_status status = exciton_buffer_create(state->device, input->x.count * sizeof(float), EXCITON_DOMAIN_DEFAULT, &state->in);
    for (uint32_t i = 0; i < RUN_OUTPUTS && status == EXCITON_OK; i++) {
        if (!given->outputs[i])
            continue;
        if (i == RUN_Y && given->in_place)
            state->outputs[i] = state->in;
        else
            status = exciton_buffer_create(state->device, output_count(input, i) * sizeof(float),
                                           i == RUN_Y ? EXCITON_DOMAIN_DEFAULT : EXCITON_DOMAIN_READBACK, &state->outputs[i]);
    }
    return status;
}

static exciton_status create_binding(run_state *state)
{
    const exciton_args args = {
        .in = {state->in, 0}, .out = {state->outputs[RUN_Y], 0}, .s = {state->outputs[RUN_S], 0}, .h = {state->outputs[RUN_H], 0},
        .g = {state->outputs[RUN_G], 0},
    };
    exciton_status status = exciton_binding_create(state->plan, &args, &state->binding);
    return status == EXCITON_OK ? exciton_binding_get_info(state->binding, &state->binding_info) : status;
}

/* x is written before each call, since a call in place leaves y there. */
static exciton_status call(const run_input *input, run_state *state)
{
    exciton_ticket ticket;
    exciton_status status = exciton_buffer_write(state->in, 0, input->x.data, input->x.count * sizeof(float));
    if (status != EXCITON_OK)
        return status;
    uint64_t start = exciton_clock();
    status = exciton_submit(state->device, &state->binding, 1, &ticket);
    if (status == EXCITON_OK)
        status = exciton_wait(state->device, ticket, WAIT);
    state->microseconds = (double)(exciton_clock() - start) * 1e-3;
    return status;
}

/* y goes where x was: from here on x is not needed. */
static int read_outputs(run_input *input, run_state *state)
{
    exciton_status status = EXCITON_OK;
    state->saved[RUN_Y] = input->x.data;
    for (uint32_t i = 0; i < RUN_OUTPUTS && status == EXCITON_OK; i++) {
        if (!state->outputs[i])
            continue;
        size_t bytes = (size_t)output_count(input, i) * sizeof(float);
        if (i != RUN_Y)
            state->saved[i] = malloc(bytes);
        if (!state->saved[i])
            return tool_error(TOOL_OTHER, "run: outputs: out of memory");
        status = exciton_buffer_read(state->outputs[i], 0, state->saved[i], bytes);
    }
    return status == EXCITON_OK ? TOOL_DONE : tool_fail(status, TOOL_AT_DEVICE);
}

static void keep_text(void *user, const char *text)
{
    run_state *state = user;
    size_t length = strlen(text);
    char *grown = realloc(state->explained, state->explained_length + length + 2);
    if (!grown) {
        state->explain_failed = true;
        return;
    }
    snprintf(grown + state->explained_length, length + 2, "%s\n", text);
    state->explained = grown;
    state->explained_length += length + 1;
}

static int run_on_device(const run_options *given, run_input *input, run_state *state)
{
    exciton_status status = tool_context(given->verbose, &state->context);
    if (status == EXCITON_OK)
        status = exciton_device_open(state->context, given->device, &state->device);
    if (status != EXCITON_OK)
        return tool_fail(status, TOOL_AT_OPTIONS); /* an ill-formed selector is a bad option */
    tool_progress_set("compiling", 1, 5);
    status = exciton_device_get_info(state->device, &state->device_info);
    if (status == EXCITON_OK)
        status = exciton_plan_create_se(state->device, &input->se, &state->plan);
    if (status == EXCITON_OK)
        status = create_buffers(given, input, state);
    if (status == EXCITON_OK)
        status = create_binding(state);
    if (status == EXCITON_OK && given->explain)
        status = exciton_binding_explain(state->binding, keep_text, state);
    tool_progress_set("warming up", 2, 5);
    if (status == EXCITON_OK)
        status = call(input, state);
    if (state->explain_failed)
        return tool_error(TOOL_OTHER, "run: explain: out of memory");
    tool_progress_set("running", 3, 5);
    if (status == EXCITON_OK)
        status = call(input, state);
    return status == EXCITON_OK ? read_outputs(input, state) : tool_fail(status, TOOL_AT_DEVICE);
}

/* y last: what has a new y has the rest too. */
static int write_outputs(const run_options *given, const run_input *input, const run_state *state)
{
    tool_progress_set("writing", 4, 5);
    for (uint32_t i = RUN_OUTPUTS; i-- > 0;) {
        const uint64_t saved_shape[2] = {input->se.max.batch, i == RUN_H ? input->se.hidden : input->se.channels};
        exciton_status status = EXCITON_OK;
        if (given->outputs[i])
            status = exciton_npy_write(given->outputs[i], i == RUN_Y ? input->x.dims : 2, i == RUN_Y ? input->x.shape : saved_shape,
                                       state->saved[i]);
        if (status != EXCITON_OK)
            return tool_fail(status, TOOL_AT_OUTPUT);
    }
    return TOOL_DONE;
}

static void release(run_state *state)
{
    exciton_binding_destroy(state->binding);
    for (uint32_t i = 0; i < RUN_OUTPUTS; i++) {
        if (state->outputs[i] != state->in)
            exciton_buffer_destroy(state->outputs[i]);
        if (i != RUN_Y)
            free(state->saved[i]);
    }
    exciton_buffer_destroy(state->in);
    exciton_plan_destroy(state->plan);
    exciton_device_close(state->device);
    exciton_context_destroy(state->context);
    free(state->explained);
}

/* ---- reporting */

static void print_json(const run_options *given, const run_input *input, const run_state *state)
{
    tool_json json = {0};
    const char *const texts[][2] = {
        {"device", state->device_info.name}, {"driver", state->device_info.driver}, {"api", tool_api_name(state->device_info.api)},
        {"schedule", exciton_schedule_name(state->binding_info.schedule)}, {"form", exciton_form_name(state->binding_info.form)},
        {"excitation", tool_excitation_name(state->binding_info.excitation)},
    };
    tool_json_header(&json);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        tool_json_key(&json, texts[i][0]);
        tool_json_string(&json, texts[i][1]);
    }
    tool_json_key(&json, "exact");
    tool_json_boolean(&json, state->binding_info.exact);
    tool_json_key(&json, "dispatches");
    tool_json_integer(&json, state->binding_info.dispatches);
    tool_json_key(&json, "pieces");
    tool_json_integer(&json, state->binding_info.pieces);
    tool_json_key(&json, "microseconds");
    tool_json_number(&json, state->microseconds);
    tool_json_key(&json, "block");
    tool_json_string(&json, input->block);
    tool_json_key(&json, "shape");
    tool_json_begin(&json, '[');
    for (uint32_t i = 0; i < input->x.dims; i++)
        tool_json_integer(&json, input->x.shape[i]);
    tool_json_end(&json, ']');
    tool_json_key(&json, "hidden");
    tool_json_integer(&json, input->se.hidden);
    if (given->explain) {
        tool_json_key(&json, "steps");
        tool_json_begin(&json, '[');
        for (char *step = state->explained ? strtok(state->explained, "\n") : NULL; step; step = strtok(NULL, "\n"))
            tool_json_string(&json, step);
        tool_json_end(&json, ']');
    }
    tool_json_end(&json, '}');
}

static bool print_table(const run_input *input, const run_state *state)
{
    char shape[128] = "";
    size_t at = 0;
    for (uint32_t i = 0; i < input->x.dims; i++)
        at += (size_t)snprintf(shape + at, sizeof shape - at, "%s%llu", i ? "x" : "", (unsigned long long)input->x.shape[i]);
    tool_table table = {0};
    tool_table_pair(&table, "device", "%s", state->device_info.name);
    tool_table_pair(&table, "driver", "%s", state->device_info.driver);
    tool_table_pair(&table, "api", "%s", tool_api_name(state->device_info.api));
    if (input->block[0])
        tool_table_pair(&table, "block", "%s", input->block);
    tool_table_pair(&table, "shape", "%s, hidden %llu", shape, (unsigned long long)input->se.hidden);
    tool_table_pair(&table, "schedule", "%s", exciton_schedule_name(state->binding_info.schedule));
    tool_table_pair(&table, "form", "%s", exciton_form_name(state->binding_info.form));
    tool_table_pair(&table, "excitation", "%s%s", tool_excitation_name(state->binding_info.excitation),
                    state->binding_info.exact ? "" : " (not exact)");
    tool_table_pair(&table, "dispatches", "%u", state->binding_info.dispatches);
    tool_table_pair(&table, "pieces", "%u", state->binding_info.pieces);
    tool_table_pair(&table, "microseconds", "%.1f", state->microseconds);
    return tool_table_print(&table);
}

static int report(const run_options *given, const run_input *input, const run_state *state)
{
    if (given->json)
        print_json(given, input, state);
    else if (!print_table(input, state))
        return tool_error(TOOL_OTHER, "run: table: out of memory");
    else if (state->explained)
        printf("\n%s", state->explained);
    return TOOL_DONE;
}

/* ---- options */

static int parse(int argc, char **argv, run_options *given, bool *help)
{
    const tool_option options[] = {
        {.name = "weights", .value = "FILE[:BLOCK]", .help = "ONNX or safetensors", .text = &given->weights, .required = true},
        {.name = "input", .value = "X.npy", .help = "x, f32 [N, C, 1 to 3 spatial]", .text = &given->input, .required = true},
        {.name = "output", .value = "Y.npy", .help = "y, of x's shape", .text = &given->outputs[RUN_Y], .required = true},
        TOOL_BLOCK_OPTIONS(&given->block),
        {.name = "save-s", .value = "FILE.npy", .help = "also write the means, [N, C]", .text = &given->outputs[RUN_S]},
        {.name = "save-h", .value = "FILE.npy", .help = "also write the hidden layer, [N, R]", .text = &given->outputs[RUN_H]},
        {.name = "save-g", .value = "FILE.npy", .help = "also write the gates, [N, C]", .text = &given->outputs[RUN_G]},
        {.name = "in-place", .help = "one buffer is x and y", .flag = &given->in_place},
        {.name = "device", .value = "SEL", .help = "the device; default: EXCITON_DEVICE, else auto", .text = &given->device},
        {.name = "schedule", .value = "NAME", .help = "three-stages, split-excite, sample-in-group, pipelined, auto", .text = &given->schedule},
        {.name = "form", .value = "NAME", .help = "rows, lanes, auto", .text = &given->form},
        {.name = "excitation", .help = "who multiplies the layers", .choice = &given->excitation, .choices = tool_excitations},
        {.name = "allow-inexact", .help = "other bits are welcome: clblast needs it", .flag = &given->allow_inexact},
        {.name = "explain", .help = "print the schedule's steps", .flag = &given->explain},
        {.name = "json", .help = "the result as JSON", .flag = &given->json},
        {.name = "verbose", .help = "the library's log on stderr", .flag = &given->verbose},
        {0},
    };
    int result = tool_options_parse("run", options, argc, argv, help);
    return result == TOOL_DONE && !*help ? tool_block_options_check(&given->block) : result;
}

/* What the library would say of the description, of the options. */
static int set_excitation(const run_options *given, exciton_se *se)
{
    se->excitation = (exciton_excitation)given->excitation;
    se->allow_inexact = given->allow_inexact;
    if (se->excitation != EXCITON_EXCITATION_CLBLAST)
        return TOOL_DONE;
    if (!se->allow_inexact)
        return tool_error(TOOL_BAD_OPTION, "option --excitation: clblast: has other bits than docs/numbers.md: it needs --allow-inexact");
    if (se->schedule != EXCITON_SCHEDULE_DEFAULT && se->schedule != EXCITON_SCHEDULE_THREE_STAGES)
        return tool_error(TOOL_BAD_OPTION, "option --excitation: clblast: is for three-stages, not --schedule %s", given->schedule);
    return TOOL_DONE;
}

/* The names are the library's, which lists them in its line. */
static int set_schedule(const run_options *given, exciton_se *se)
{
    exciton_status status = EXCITON_OK;
    if (given->schedule)
        status = exciton_schedule_from_name(given->schedule, &se->schedule);
    if (status == EXCITON_OK && given->form)
        status = exciton_form_from_name(given->form, &se->form);
    return status == EXCITON_OK ? set_excitation(given, se) : tool_fail(status, TOOL_AT_OPTIONS);
}

int tool_run(int argc, char **argv)
{
    run_options given = {0};
    run_input input = {0};
    run_state state = {0};
    bool help = false;
    int result = parse(argc, argv, &given, &help);
    if (result != TOOL_DONE || help)
        return result;
    result = set_schedule(&given, &input.se);
    if (result == TOOL_DONE)
        result = run_check_outputs(&given);
    if (!given.verbose)
        tool_progress_begin("run");
    tool_progress_set("reading", 0, 5);
    if (result == TOOL_DONE)
        result = run_read(&given, &input);
    if (result == TOOL_DONE)
        result = run_on_device(&given, &input, &state);
    if (result == TOOL_DONE)
        result = write_outputs(&given, &input, &state);
    tool_progress_end();
    if (result == TOOL_DONE)
        result = report(&given, &input, &state);
    release(&state);
    run_release(&input);
    return result;
}
