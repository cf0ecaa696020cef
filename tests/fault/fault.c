/* Breaks things on purpose, one at a time: the N-th allocation, the N-th call of each driver function; then a lost device.
 * A status, no crash, no leak, and the second try gives the right bits.
 *
 *     fault --device SEL [--most N]     N allocations at most, evenly spread (default 150) */
#include "fault/life.h"

#include "core/context.h"
#include "support/check.h"
#include "support/driver.h"
#include "support/seam.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* lavapipe's threads hand memory on in ways that the thread sanitizer doesn't see, and here its queues come and go. */
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void) { return "race:libvulkan_lvp\n"; }

static const char *selector;
static life clean; /* the one without a fault */

/* A crash names its fault. */
static void announce(const char *what)
{
    if (getenv("EXCITON_TEST_VERBOSE")) {
        printf("  %s\n", what);
        fflush(stdout);
    }
}

/* ---- What a life with one fault must be ---- */

/* `absent_is_fine`: the fault may hide the device, for as long as the context lives. */
static void judge(const life *l, bool absent_is_fine, const char *what)
{
    check(l->leaked == 0, "%s: %" PRIu64 " blocks of memory were not released (%s: %s)", what, l->leaked,
          life_step_name(l->first_step), l->line);
    const char *maker = "";
    uint64_t leaked = seam_leaked(&maker);
    check(leaked == 0, "%s: %" PRIu64 " driver objects were not released, of %s among them (%s: %s)", what, leaked, maker,
          life_step_name(l->first_step), l->line);
    bool ends = l->second == EXCITON_ERROR_LOST || (absent_is_fine && l->second == EXCITON_ERROR_ABSENT);
    check(l->second == EXCITON_OK || ends, "%s: %s failed twice: first \"%s\", then %s", what, life_step_name(l->stopped_at),
          l->line, exciton_status_text(l->second));
    check(l->first == EXCITON_OK || l->line[0], "%s: %s failed without a line", what, life_step_name(l->first_step));
    if (l->complete && l->second == EXCITON_OK)
        check(memcmp(l->y, clean.y, sizeof l->y) == 0 && memcmp(l->g, clean.g, sizeof l->g) == 0,
              "%s: other bits (after %s: %s)", what, life_step_name(l->first_step), l->line);
}

static bool run_clean(bool with_verify, bool kept)
{
    clean = (life){.selector = selector, .resolve = seam_resolve, .with_verify = with_verify, .kept = kept};
    seam_reset();
    life_run(&clean);
    check(clean.first == EXCITON_OK && clean.complete, "without a fault: %s: %s", life_step_name(clean.first_step), clean.line);
    check(clean.leaked == 0, "without a fault: %" PRIu64 " blocks of memory were not released", clean.leaked);
    check(seam_unknown[0] == 0, "%s has no wrapper", seam_unknown);
    const char *maker = "";
    check(seam_leaked(&maker) == 0, "without a fault: driver objects were not released, of %s among them", maker);
    return clean.first == EXCITON_OK;
}

/* ---- Faults ---- */

static void fail_allocations(uint64_t most)
{
    life l = {.selector = selector, .resolve = seam_resolve, .with_verify = clean.with_verify};
    uint64_t count = clean.allocator.calls, tried = 0;
    for (uint64_t i = 0; i < count && i < most; ++i) {
        char what[64];
        seam_reset();
        l.allocator.fail_at = 1 + (count <= most ? i : i * (count - 1) / (most - 1));
        snprintf(what, sizeof what, "allocation %" PRIu64 " of %" PRIu64, l.allocator.fail_at, count);
        announce(what);
        life_run(&l);
        check(l.first == EXCITON_OK || l.first == EXCITON_ERROR_MEMORY, "%s: %s: %s: %s", what, life_step_name(l.first_step),
              exciton_status_text(l.first), l.line);
        judge(&l, false, what);
        tried += l.allocator.failed;
    }
    printf("  %" PRIu64 " of %" PRIu64 " allocations failed in turn\n", tried, count);
    check(tried > 0, "no allocation failed");
}

/* What a life with a filled cache calls otherwise than one with an empty one. */
static bool of_cache(const char *name)
{
    return strstr(name, "ProgramWithBinary") || strstr(name, "BuildProgram") || strstr(name, "PipelineCache") || strstr(name, "ComputePipelines");
}

/* The first, the middle and the last call of each function; with a filled cache of those that it changes. */
static void fail_calls(void)
{
    seam_entry *entry;
    uint32_t kinds = 0, faults = 0, seen = 0;
    uint64_t calls[200] = {0};
    for (uint32_t i = 0; (entry = seam_at(i)) != NULL && i < 200; ++i)
        calls[i] = entry->calls; /* of the clean life */
    for (uint32_t i = 0; (entry = seam_at(i)) != NULL && i < 200; ++i) {
        if (clean.kept && !of_cache(entry->name))
            continue;
        kinds += calls[i] > 0 && entry->kind != SEAM_VOID;
        for (int place = 0; place < 3 && entry->kind != SEAM_VOID; ++place) {
            uint64_t at = place == 0 ? 1 : place == 1 ? (calls[i] + 1) / 2 : calls[i];
            if (calls[i] == 0 || (place == 1 && at == 1) || (place == 2 && (at == 1 || at == (calls[i] + 1) / 2)))
                continue;
            char what[96];
            snprintf(what, sizeof what, "%s, call %" PRIu64 " of %" PRIu64, entry->name, at, calls[i]);
            life l = {.selector = selector, .resolve = seam_resolve, .with_verify = clean.with_verify, .kept = clean.kept};
            seam_reset();
            entry->fail_at = at;
            announce(what);
            life_run(&l);
            seen += place == 0 && entry->calls >= at; /* how often an event is asked for is a matter of time */
            judge(&l, true, what);
            ++faults;
        }
    }
    seam_reset();
    printf("  %" PRIu32 " driver functions, %" PRIu32 " faults\n", kinds, faults);
    if (kinds)
        check(seen == kinds, "the first call of %" PRIu32 " functions was not reached", kinds - seen);
    else
        check_skip("the device has no driver");
}

/* ---- A lost device ---- */

typedef struct lost {
    exciton_context *context;
    exciton_device *device;
    exciton_plan *plan;
    exciton_buffer *buffer;
    exciton_binding *binding;
} lost;

static const float weights[8 * 2] = {0.5f, -1.0f, 0.25f, 2.0f};

static exciton_se small_se(void)
{
    return (exciton_se){
        .channels = 8, .hidden = 2, .fc1.data = weights, .fc2.data = weights, .max = {.batch = 1, .dims = 1, .spatial = {16}}};
}

static bool open_lost(lost *o)
{
    exciton_se se = small_se();
    float zeros[8 * 16] = {0};
    return check_status(exciton_context_create_seamed(NULL, seam_resolve, NULL, &o->context), EXCITON_OK, "context") &&
           check_status(exciton_device_open(o->context, selector, &o->device), EXCITON_OK, "device") &&
           check_status(exciton_plan_create_se(o->device, &se, &o->plan), EXCITON_OK, "plan") &&
           check_status(exciton_buffer_create(o->device, sizeof zeros, EXCITON_DOMAIN_DEFAULT, &o->buffer), EXCITON_OK,
                        "buffer") &&
           check_status(exciton_buffer_write(o->buffer, 0, zeros, sizeof zeros), EXCITON_OK, "write") &&
           check_status(
               exciton_binding_create(o->plan, &(exciton_args){.in = {o->buffer, 0}, .out = {o->buffer, 0}}, &o->binding),
               EXCITON_OK, "binding");
}

static void expect_lost(lost *o)
{
    exciton_se se = small_se();
    exciton_plan *plan = NULL;
    exciton_buffer *buffer = NULL;
    exciton_binding *binding = NULL;
    exciton_verify_result result;
    exciton_args args = {.in = {o->buffer, 0}, .out = {o->buffer, 0}};
    float x[8 * 16] = {0};
    void *data;
    check_status(exciton_submit(o->device, &o->binding, 1, NULL), EXCITON_ERROR_LOST, "submit");
    check_status(exciton_wait(o->device, 1, 1000), EXCITON_ERROR_LOST, "wait");
    check_status(exciton_run(o->plan, &args), EXCITON_ERROR_LOST, "run");
    check_status(exciton_run_host(o->plan, x, x), EXCITON_ERROR_LOST, "run_host");
    check_status(exciton_plan_create_se(o->device, &se, &plan), EXCITON_ERROR_LOST, "plan_create");
    check_status(exciton_buffer_create(o->device, 64, EXCITON_DOMAIN_DEFAULT, &buffer), EXCITON_ERROR_LOST, "buffer_create");
    check_status(exciton_binding_create(o->plan, &args, &binding), EXCITON_ERROR_LOST, "binding_create");
    check_status(exciton_buffer_write(o->buffer, 0, x, 4), EXCITON_ERROR_LOST, "write");
    check_status(exciton_buffer_read(o->buffer, 0, x, 4), EXCITON_ERROR_LOST, "read");
    check_status(exciton_buffer_map(o->buffer, false, &data), EXCITON_ERROR_LOST, "map");
    check_status(exciton_device_verify(o->device, NULL, &result), EXCITON_ERROR_LOST, "verify");
}

static void lose_device(const char *function, int32_t code)
{
    lost o = {NULL, NULL, NULL, NULL, NULL};
    seam_entry *entry = seam_find(function);
    seam_reset();
    if (entry && open_lost(&o)) {
        int32_t kept = entry->code;
        entry->code = code;
        entry->fail_at = entry->calls + 1;
        exciton_ticket ticket = 0;
        exciton_status status = exciton_submit(o.device, &o.binding, 1, &ticket);
        if (status == EXCITON_OK)
            status = exciton_wait(o.device, ticket, EXCITON_WAIT_DEFAULT);
        check_status(status, EXCITON_ERROR_LOST, "%s fails", function);
        entry->code = kept;
        seam_reset();
        expect_lost(&o);
    }
    exciton_binding_destroy(o.binding);
    exciton_plan_destroy(o.plan);
    exciton_buffer_destroy(o.buffer);
    exciton_device_close(o.device);
    exciton_context_destroy(o.context);
}

/* ---- */

static exciton_api api_of(exciton_status *status)
{
    exciton_context *context = NULL;
    exciton_device *device = NULL;
    exciton_device_info info = {0};
    *status = exciton_context_create(NULL, &context);
    if (*status == EXCITON_OK)
        *status = exciton_device_open(context, selector, &device);
    if (*status == EXCITON_OK)
        *status = exciton_device_get_info(device, &info);
    exciton_device_close(device);
    exciton_context_destroy(context);
    return info.api;
}

int main(int count, char **arguments)
{
    uint64_t most = 150;
    for (int i = 1; i + 1 < count; i += 2)
        if (strcmp(arguments[i], "--device") == 0)
            selector = arguments[i + 1];
        else if (strcmp(arguments[i], "--most") == 0)
            most = strtoull(arguments[i + 1], NULL, 10);
    if (!selector || most < 2 || count % 2 == 0) {
        fprintf(stderr, "usage: fault --device SEL [--most N]\n");
        return 2;
    }
    exciton_status status;
    exciton_api api = api_of(&status);
    if (status != EXCITON_OK)
        return test_absent(selector, status);

    check_section_begin("clean");
    bool going = run_clean(api == EXCITON_API_HOST, false);
    check_section_end();
    if (going) {
        check_section_begin("calls");
        fail_calls();
        check_section_end();
        check_section_begin("allocations");
        fail_allocations(most);
        check_section_end();
        check_section_begin("kept");
        if (api == EXCITON_API_HOST)
            check_skip("host keeps nothing");
        else if (run_clean(false, false) && run_clean(false, true))
            fail_calls();
        check_section_end();
        check_section_begin("lost");
        if (api == EXCITON_API_VULKAN) {
            lose_device("vkQueueSubmit", -4); /* VK_ERROR_DEVICE_LOST */
            lose_device("vkWaitForFences", -4);
        } else if (api == EXCITON_API_OPENCL) {
            lose_device("clEnqueueNDRangeKernel", -2); /* CL_DEVICE_NOT_AVAILABLE */
            lose_device("clFlush", -2);
        } else {
            check_skip("host can't be lost");
        }
        check_section_end();
    }
    return check_finish(selector);
}
