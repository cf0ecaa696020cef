/* exciton from C, beside the peers (serve.h):
 *
 *     exciton DEVICE THREADS CACHE
 *     exciton layout                  sizes and offsets of the header's structures, for who calls from elsewhere
 *
 * Items: "call", submit until wait returns; "hosted", the same with x from and y to host memory; "copyN", a copy of the floor. */
#include "serve.h"

#include <exciton/exciton.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static exciton_context *context;
static exciton_device *device;
static exciton_device_info device_info;
static exciton_plan *plan;
static exciton_binding *binding;
static exciton_buffer *x, *y;
static exciton_floor *copies;
static float *host_x, *host_y;
static size_t bytes;
static uint64_t floor_bytes;

static const char *why(exciton_status status)
{
    const char *line = exciton_last_error();
    return !status ? NULL : line[0] ? line : exciton_status_text(status);
}

static exciton_status call(void)
{
    exciton_ticket ticket;
    exciton_status status = exciton_submit(device, &binding, 1, &ticket);
    return status ? status : exciton_wait(device, ticket, EXCITON_WAIT_DEFAULT);
}

static const char *run(const char *item, uint64_t *nanoseconds)
{
    if (!binding)
        return "no block is open";
    if (!strncmp(item, "copy", 4))
        return why(exciton_floor_run(copies, (uint32_t)atoi(item + 4), nanoseconds));
    uint64_t begin = serve_clock();
    exciton_status status = strcmp(item, "hosted") ? call() : exciton_run_host(plan, host_x, host_y);
    *nanoseconds = serve_clock() - begin;
    return why(status);
}

static void close_block(void)
{
    exciton_floor_destroy(copies);
    exciton_binding_destroy(binding);
    exciton_plan_destroy(plan);
    exciton_buffer_destroy(x);
    exciton_buffer_destroy(y);
    free(host_x);
    free(host_y);
    copies = NULL;
    binding = NULL;
    plan = NULL;
    x = y = NULL;
    host_x = host_y = NULL;
}

static exciton_status make(const serve_block *b)
{
    const exciton_se se = {.channels = b->c, .hidden = b->r, .fc1 = {.data = b->w1}, .fc2 = {.data = b->w2}, .max = {.batch = b->n, .dims = 2, .spatial = {b->h, b->w}}};
    exciton_status status = exciton_plan_create_se(device, &se, &plan);
    if (!status)
        status = exciton_buffer_create(device, b->bytes, EXCITON_DOMAIN_DEVICE, &x);
    if (!status)
        status = exciton_buffer_create(device, b->bytes, EXCITON_DOMAIN_DEVICE, &y);
    if (!status)
        status = exciton_buffer_write(x, 0, b->x, b->bytes);
    if (!status)
        status = exciton_binding_create(plan, &(exciton_args){.in = {x, 0}, .out = {y, 0}}, &binding);
    return status;
}

static const char *open_block(const serve_block *b, float *result)
{
    bytes = b->bytes;
    floor_bytes = (3 * b->n * b->c * b->h * b->w + 2 * b->c * b->r) * sizeof(float);
    exciton_status status = make(b);
    if (!status)
        status = exciton_buffer_write(y, 0, result, bytes);
    if (!status)
        status = call();
    if (!status)
        status = exciton_buffer_read(y, 0, result, bytes);
    host_x = malloc(bytes);
    host_y = malloc(bytes);
    if (!status && (!host_x || !host_y))
        status = exciton_report(EXCITON_ERROR_MEMORY, "out of memory");
    if (!status) {
        memcpy(host_x, b->x, bytes);
        memset(host_y, 0, bytes);
    }
    return why(status);
}

static const char *print_copies(void)
{
    exciton_status status = copies ? EXCITON_OK : exciton_floor_create(device, floor_bytes, &copies);
    if (status)
        return why(status);
    putchar('[');
    for (uint32_t i = 0; i < exciton_floor_count(copies); i++) {
        printf("%s", i ? ", " : "");
        serve_text(exciton_floor_name(copies, i));
    }
    putchar(']');
    return NULL;
}

static void print_info(void)
{
    exciton_binding_info info = {0};
    (void)exciton_binding_get_info(binding, &info);
    printf("\"version\": \"%s\", \"numerics\": %" PRIu32 ", \"device\": ", exciton_version(), exciton_numerics());
    serve_text(device_info.name);
    printf(", \"driver\": ");
    serve_text(device_info.driver);
    printf(", \"driver_version\": ");
    serve_text(device_info.version);
    printf(", \"schedule\": \"%s\", \"form\": \"%s\", \"shares\": %" PRIu32 ", \"dispatches\": %" PRIu32, exciton_schedule_name(info.schedule),
           exciton_form_name(info.form), info.shares, info.dispatches);
}

/* ---- structures ---- */

#define MEMBER(type, member) printf(", \"%s.%s\": %zu", #type, #member, offsetof(type, member))
#define SIZE(type) printf(", \"%s\": %zu", #type, sizeof(type))

static void print_layout(void)
{
    printf("{\"ok\": true");
    SIZE(exciton_context_params);
    MEMBER(exciton_context_params, cache);
    MEMBER(exciton_context_params, host_threads);
    SIZE(exciton_layer);
    MEMBER(exciton_layer, bias);
    SIZE(exciton_shape);
    MEMBER(exciton_shape, spatial);
    SIZE(exciton_se);
    MEMBER(exciton_se, channels);
    MEMBER(exciton_se, hidden);
    MEMBER(exciton_se, fc1);
    MEMBER(exciton_se, fc2);
    MEMBER(exciton_se, max);
    SIZE(exciton_args);
    MEMBER(exciton_args, in);
    MEMBER(exciton_args, out);
    printf("}\n");
}

int main(int argc, char **argv)
{
    static const serve_table table = {.open = open_block, .run = run, .copies = print_copies, .info = print_info, .close = close_block};
    if (argc == 2 && !strcmp(argv[1], "layout")) {
        print_layout();
        return 0;
    }
    if (argc != 4) {
        fprintf(stderr, "usage: exciton DEVICE THREADS CACHE | layout\n");
        return 2;
    }
    exciton_status status =
        exciton_context_create(&(exciton_context_params){.host_threads = (uint32_t)atoi(argv[2]), .cache = {.directory = argv[3]}}, &context);
    if (!status)
        status = exciton_device_open(context, argv[1], &device);
    if (!status)
        status = exciton_device_get_info(device, &device_info);
    serve_ready(why(status));
    int result = status ? 1 : serve(&table);
    exciton_device_close(device);
    exciton_context_destroy(context);
    return result;
}
