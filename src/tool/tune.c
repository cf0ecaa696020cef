/* `exciton tune`: measures every way to run a block, and lets the cache remember the fastest for later plans. */
#include <stdio.h>
#include <stdlib.h>

#include "base/checked.h"
#include "tool/bench.h"

typedef struct tune_given {
    const char *device;
    tool_texts shapes;
    bool json, verbose;
} tune_given;

typedef struct tune_result {
    exciton_binding_info out_of_place, in_place;
} tune_result;

/* Weights whose values the time does not depend on. */
static float *make_weights(uint64_t count)
{
    float *w = malloc(count * sizeof *w);
    for (uint64_t i = 0; w && i < count; i++)
        w[i] = (float)(i % 251) / 251 - 0.5f;
    return w;
}

/* What a binding of the largest shape is given from now on. */
static exciton_status ask(exciton_device *device, exciton_plan *plan, uint64_t bytes, tune_result *result)
{
    exciton_buffer *x = NULL, *y = NULL;
    exciton_status status = exciton_buffer_create(device, bytes, EXCITON_DOMAIN_DEVICE, &x);
    if (status == EXCITON_OK)
        status = exciton_buffer_create(device, bytes, EXCITON_DOMAIN_DEVICE, &y);
    for (int in_place = 0; in_place < 2 && status == EXCITON_OK; in_place++) {
        exciton_binding *binding = NULL;
        status = exciton_binding_create(plan, &(exciton_args){.in = {x, 0}, .out = {in_place ? x : y, 0}}, &binding);
        if (status == EXCITON_OK)
            status = exciton_binding_get_info(binding, in_place ? &result->in_place : &result->out_of_place);
        exciton_binding_destroy(binding);
    }
    exciton_buffer_destroy(x);
    exciton_buffer_destroy(y);
    return status;
}

static int tune_shape(exciton_device *device, const bench_shape *shape, tune_result *result)
{
    char name[128];
    uint64_t elements = shape->x.batch, weights, bytes;
    bool fits = exciton_mul(elements, shape->channels, &elements) && exciton_mul(shape->channels, shape->hidden, &weights) &&
                weights <= SIZE_MAX / sizeof(float);
    for (uint32_t i = 0; fits && i < shape->x.dims; i++)
        fits = exciton_mul(elements, shape->x.spatial[i], &elements);
    bench_shape_text(shape, name, sizeof name);
    if (!fits || !exciton_mul(elements, sizeof(float), &bytes))
        return tool_error(TOOL_BAD_OPTION, "tune: %s: too large for any device", name);
    float *w1 = make_weights(weights), *w2 = make_weights(weights);
    exciton_plan *plan = NULL;
    exciton_status status = w1 && w2 ? EXCITON_OK : exciton_report(EXCITON_ERROR_MEMORY, "tune: weights: out of memory");
    if (status == EXCITON_OK)
        status = exciton_plan_create_se(device, &(exciton_se){.channels = shape->channels, .hidden = shape->hidden, .fc1 = {.data = w1},
                                                              .fc2 = {.data = w2}, .max = shape->x, .measure = EXCITON_MEASURE_AGAIN}, &plan);
    if (status == EXCITON_OK)
        status = ask(device, plan, bytes, result);
    exciton_plan_destroy(plan);
    free(w1);
    free(w2);
    return status == EXCITON_OK ? TOOL_DONE : tool_fail(status, TOOL_AT_DEVICE);
}

/* ---- printing */

static void print_way(tool_json *json, const char *key, const exciton_binding_info *way)
{
    tool_json_key(json, key);
    tool_json_begin(json, '{');
    tool_json_key(json, "schedule");
    tool_json_string(json, exciton_schedule_name(way->schedule));
    tool_json_key(json, "form");
    tool_json_string(json, exciton_form_name(way->form));
    tool_json_key(json, "shares");
    tool_json_integer(json, way->shares);
    tool_json_end(json, '}');
}

static void print_json(const exciton_device_info *info, const bench_shapes *shapes, const tune_result *results)
{
    tool_json json = {0};
    tool_json_header(&json);
    tool_json_key(&json, "device");
    tool_json_string(&json, info->name);
    tool_json_key(&json, "driver");
    tool_json_string(&json, info->driver);
    tool_json_key(&json, "results");
    tool_json_begin(&json, '[');
    for (uint32_t i = 0; i < shapes->count; i++) {
        char name[128];
        bench_shape_text(&shapes->list[i], name, sizeof name);
        tool_json_begin(&json, '{');
        tool_json_key(&json, "shape");
        tool_json_string(&json, name);
        print_way(&json, "out_of_place", &results[i].out_of_place);
        print_way(&json, "in_place", &results[i].in_place);
        tool_json_end(&json, '}');
    }
    tool_json_end(&json, ']');
    tool_json_end(&json, '}');
}

static void way_text(const exciton_binding_info *way, char *text, size_t size)
{
    int used = snprintf(text, size, "%s/%s", exciton_schedule_name(way->schedule), exciton_form_name(way->form));
    if (way->shares > 1 && used > 0 && (size_t)used < size)
        snprintf(text + used, size - (size_t)used, ", %u shares", (unsigned)way->shares);
}

static bool print_table(const exciton_device_info *info, const bench_shapes *shapes, const tune_result *results)
{
    tool_table table = {.columns = 4};
    tool_table_row(&table, (const char *const[]){"DEVICE", "SHAPE", "OUT OF PLACE", "IN PLACE"});
    for (uint32_t i = 0; i < shapes->count; i++) {
        char name[128], out[64], in[64];
        bench_shape_text(&shapes->list[i], name, sizeof name);
        way_text(&results[i].out_of_place, out, sizeof out);
        way_text(&results[i].in_place, in, sizeof in);
        tool_table_row(&table, (const char *const[]){info->selected_by, name, out, in});
    }
    return tool_table_print(&table);
}

/* ---- */

static int tune_all(exciton_device *device, const tune_given *given, const bench_shapes *shapes)
{
    exciton_device_info info;
    exciton_status status = exciton_device_get_info(device, &info);
    tune_result *results = calloc(shapes->count, sizeof *results);
    int result = status != EXCITON_OK ? tool_fail(status, TOOL_AT_DEVICE) : TOOL_DONE;
    if (!results)
        result = tool_error(TOOL_OTHER, "tune: results: out of memory");
    if (!given->verbose)
        tool_progress_begin("tune");
    for (uint32_t i = 0; i < shapes->count && result == TOOL_DONE; i++) {
        tool_progress_set("shapes", i, shapes->count);
        result = tune_shape(device, &shapes->list[i], &results[i]);
    }
    tool_progress_end();
    if (result == TOOL_DONE && given->json)
        print_json(&info, shapes, results);
    else if (result == TOOL_DONE && !print_table(&info, shapes, results))
        result = tool_error(TOOL_OTHER, "tune: table: out of memory");
    free(results);
    return result;
}

static int tune_with(const tune_given *given, const bench_shapes *shapes)
{
    char directory[4096];
    if (!tool_cache_directory(directory, sizeof directory))
        return tool_error(TOOL_OTHER, "tune: cache: neither XDG_CACHE_HOME nor HOME names a folder: nothing would be remembered");
    exciton_context *context = NULL;
    exciton_device *device = NULL;
    exciton_status status = tool_context(given->verbose, &context);
    if (status == EXCITON_OK)
        status = exciton_device_open(context, given->device, &device);
    int result = status == EXCITON_OK ? tune_all(device, given, shapes) : tool_fail(status, TOOL_AT_OPTIONS);
    exciton_device_close(device);
    exciton_context_destroy(context);
    return result;
}

int tool_tune(int argc, char **argv)
{
    tune_given given = {0};
    bench_shapes shapes = {0};
    bool help = false;
    const tool_option options[] = {
        {.name = "device", .value = "SEL", .help = "the device; default: EXCITON_DEVICE, else auto", .text = &given.device},
        {.name = "shape", .value = "SHAPE", .help = "as of bench; may be repeated; default: seresnet50", .texts = &given.shapes},
        {.name = "json", .help = "the result as JSON", .flag = &given.json},
        {.name = "verbose", .help = "the library's log on stderr", .flag = &given.verbose},
        {0},
    };
    int result = tool_options_parse("tune", options, argc, argv, &help);
    if (result != TOOL_DONE || help)
        return result;
    if (given.shapes.count == 0)
        result = bench_shapes_add(&shapes, "seresnet50");
    for (uint32_t i = 0; i < given.shapes.count && result == TOOL_DONE; i++)
        result = bench_shapes_add(&shapes, given.shapes.list[i]);
    if (result == TOOL_DONE)
        result = tune_with(&given, &shapes);
    free(shapes.list);
    return result;
}
