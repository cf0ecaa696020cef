/* What `exciton bench` prints: a table for a person, or JSON with everything that a record needs. */
#include <stdio.h>

#include "base/os.h"
#include "tool/bench.h"

static double gigabytes_a_second(const bench_result *r, const bench_row *row) { return (double)r->bytes / row->median * 1e-3; }

/* ---- JSON */

static void text(tool_json *json, const char *key, const char *value)
{
    tool_json_key(json, key);
    tool_json_string(json, value);
}

static void integer(tool_json *json, const char *key, uint64_t value)
{
    tool_json_key(json, key);
    tool_json_integer(json, value);
}

static void number(tool_json *json, const char *key, double value)
{
    tool_json_key(json, key);
    tool_json_number(json, value);
}

static void boolean(tool_json *json, const char *key, bool value)
{
    tool_json_key(json, key);
    tool_json_boolean(json, value);
}

static void print_machine(tool_json *json)
{
    char name[128];
    tool_json_key(json, "machine");
    tool_json_begin(json, '{');
    text(json, "processor", exciton_processor_name(name, sizeof name) ? name : NULL);
    integer(json, "processors", exciton_processors());
    tool_json_end(json, '}');
}

static void print_device(tool_json *json, const bench_device *d)
{
    const exciton_limits *l = &d->limits;
    const struct {
        const char *key;
        uint64_t value;
    } limits[] = {
        {"max_binding_range", l->max_binding_range}, {"max_allocation", l->max_allocation}, {"max_memory", l->max_memory},
        {"binding_alignment", l->binding_alignment}, {"max_group_size", l->max_group_size}, {"max_group_count", l->max_group_count},
        {"local_memory", l->local_memory}, {"max_storage_buffers", l->max_storage_buffers}, {"max_params", l->max_params},
        {"compute_units", l->compute_units}, {"subgroup_size", l->subgroup_size}, {"max_iterations", l->max_iterations},
    };
    tool_json_begin(json, '{');
    text(json, "name", d->info.name);
    text(json, "driver", d->info.driver);
    text(json, "api", tool_api_name(d->info.api));
    text(json, "version", d->info.version);
    text(json, "type", tool_type_name(d->info.type));
    tool_json_key(json, "limits");
    tool_json_begin(json, '{');
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        integer(json, limits[i].key, limits[i].value);
    boolean(json, "mappable_device_memory", l->mappable_device_memory);
    boolean(json, "local_memory_is_global", l->local_memory_is_global);
    tool_json_end(json, '}');
    tool_json_end(json, '}');
}

static void print_shape(tool_json *json, const bench_shape *shape)
{
    tool_json_key(json, "shape");
    tool_json_begin(json, '[');
    tool_json_integer(json, shape->x.batch);
    tool_json_integer(json, shape->channels);
    for (uint32_t i = 0; i < shape->x.dims; i++)
        tool_json_integer(json, shape->x.spatial[i]);
    tool_json_end(json, ']');
    integer(json, "hidden", shape->hidden);
}

static void print_result(tool_json *json, const bench_result *r, const bench_row *row)
{
    tool_json_begin(json, '{');
    text(json, "device", r->device->name);
    text(json, "driver", r->device->driver);
    text(json, "api", tool_api_name(r->device->api));
    print_shape(json, &r->shape);
    text(json, "schedule", exciton_schedule_name(row->schedule));
    text(json, "form", exciton_form_name(row->form));
    text(json, "excitation", tool_excitation_name(row->excitation));
    boolean(json, "exact", row->exact);
    boolean(json, "auto", row->is_auto);
    integer(json, "dispatches", row->dispatches);
    integer(json, "pieces", row->pieces);
    integer(json, "shares", row->shares);
    number(json, "median_us", row->median);
    number(json, "floor_us", r->floor);
    number(json, "p10_us", row->low);
    number(json, "p90_us", row->high);
    number(json, "ratio", row->median / r->floor);
    number(json, "gbps", gigabytes_a_second(r, row));
    integer(json, "rounds", row->rounds);
    boolean(json, "steady", r->steady);
    number(json, "drift", r->drift);
    text(json, "floor_copy", r->floor_copy);
    text(json, "bits", !row->checked ? "unchecked" : row->differs ? "differ" : "same");
    tool_json_end(json, '}');
}

void bench_print_json(const bench_device *devices, uint32_t device_count, const bench_result *results, uint32_t count)
{
    tool_json json = {0};
    char directory[4096];
    tool_json_header(&json);
    text(&json, "version", exciton_version());
    print_machine(&json);
    tool_json_key(&json, "devices");
    tool_json_begin(&json, '[');
    for (uint32_t i = 0; i < device_count; i++)
        print_device(&json, &devices[i]);
    tool_json_end(&json, ']');
    text(&json, "cache", tool_cache_directory(directory, sizeof directory) ? directory : NULL);
    tool_json_key(&json, "results");
    tool_json_begin(&json, '[');
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < results[i].count; k++)
            print_result(&json, &results[i], &results[i].rows[k]);
    tool_json_end(&json, ']');
    tool_json_end(&json, '}');
}

/* ---- the table */

static void print_row(tool_table *table, const bench_result *r, const bench_row *row)
{
    char shape[128], way[80], shares[16] = "", time[32], floor[32], ratio[32], rate[32], spread[64];
    bench_shape_text(&r->shape, shape, sizeof shape);
    if (row->shares > 1)
        snprintf(shares, sizeof shares, " x%u", (unsigned)row->shares);
    snprintf(way, sizeof way, "%s/%s%s%s%s", exciton_schedule_name(row->schedule), exciton_form_name(row->form),
             row->excitation == EXCITON_EXCITATION_CLBLAST ? " clblast" : "", shares, row->is_auto ? " *" : "");
    snprintf(time, sizeof time, "%.1f", row->median);
    snprintf(spread, sizeof spread, "%.1f..%.1f", row->low, row->high);
    snprintf(floor, sizeof floor, "%.1f%s", r->floor, r->steady ? "" : " ?");
    snprintf(ratio, sizeof ratio, "%.2f", row->median / r->floor);
    snprintf(rate, sizeof rate, "%.1f", gigabytes_a_second(r, row));
    tool_table_row(table, (const char *const[]){r->device->selected_by, shape, way, time, spread, floor, ratio, rate});
}

bool bench_print_table(const bench_result *results, uint32_t count)
{
    tool_table table = {.columns = 8};
    tool_table_row(&table, (const char *const[]){"DEVICE", "SHAPE", "SCHEDULE (* auto)", "US", "10..90 %", "FLOOR", "/ FLOOR", "GB/S"});
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < results[i].count; k++)
            print_row(&table, &results[i], &results[i].rows[k]);
    return tool_table_print(&table);
}
