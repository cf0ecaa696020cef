#include "fault/life.h"

#include "core/context.h"
#include "support/memory_cache.h"
#include "verify/cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 3, CHANNELS = 20, HIDDEN = 4, SPACE = 33, BYTES = LIFE_ELEMENTS * sizeof(float) };

typedef struct world {
    life *l;
    exciton_context *context;
    exciton_device *device;
    exciton_plan *plan;
    exciton_buffer *x, *y, *saved;
    exciton_binding *binding;
    float data[LIFE_ELEMENTS], w1[CHANNELS * HIDDEN], w2[CHANNELS * HIDDEN];
} world;

/* ---- Steps ---- */

static exciton_status make_context(world *w)
{
    exciton_context_params params = {.allocator = test_allocator_interface(&w->l->allocator), .host_threads = 2,
                                     .cache = memory_cache()};
    return exciton_context_create_seamed(&params, w->l->resolve, NULL, &w->context);
}

static exciton_status open_device(world *w) { return exciton_device_open(w->context, w->l->selector, &w->device); }

static exciton_status make_plan(world *w)
{
    exciton_se se = {.channels = CHANNELS, .hidden = HIDDEN, .fc1.data = w->w1, .fc2.data = w->w2,
                     .max = {.batch = BATCH, .dims = 1, .spatial = {SPACE}}, .schedule = EXCITON_SCHEDULE_SPLIT_EXCITE};
    return exciton_plan_create_se(w->device, &se, &w->plan);
}

static exciton_status make_x(world *w) { return exciton_buffer_create(w->device, BYTES, EXCITON_DOMAIN_DEFAULT, &w->x); }
static exciton_status make_y(world *w) { return exciton_buffer_create(w->device, BYTES, EXCITON_DOMAIN_DEVICE, &w->y); }
static exciton_status make_saved(world *w) { return exciton_buffer_create(w->device, BYTES, EXCITON_DOMAIN_READBACK, &w->saved); }
static exciton_status write_x(world *w) { return exciton_buffer_write(w->x, 0, w->data, BYTES); }

static exciton_status bind(world *w)
{
    return exciton_binding_create(w->plan, &(exciton_args){.in = {w->x, 0}, .out = {w->y, 0}, .g = {w->saved, 256}}, &w->binding);
}

static exciton_status submit(world *w)
{
    exciton_binding *twice[] = {w->binding, w->binding};
    exciton_ticket ticket = 0;
    exciton_status status = exciton_submit(w->device, twice, 2, &ticket);
    return status != EXCITON_OK ? status : exciton_wait(w->device, ticket, EXCITON_WAIT_DEFAULT);
}

static exciton_status read_y(world *w)
{
    exciton_status status = exciton_buffer_read(w->y, 0, w->l->y, BYTES);
    return status != EXCITON_OK ? status : exciton_buffer_read(w->saved, 256, w->l->g, sizeof w->l->g);
}

static exciton_status run(world *w)
{
    return exciton_run(
        w->plan, &(exciton_args){.in = {w->x, 0}, .out = {w->saved, 0}, .shape = {.batch = 1, .dims = 1, .spatial = {SPACE}}});
}

static exciton_status map(world *w)
{
    void *bytes = NULL;
    exciton_status status = exciton_buffer_map(w->y, true, &bytes);
    return status != EXCITON_OK ? status : exciton_buffer_unmap(w->y);
}

static exciton_status run_host(world *w)
{
    float y[LIFE_ELEMENTS];
    exciton_status status = exciton_run_host(w->plan, w->data, y);
    if (status == EXCITON_OK && memcmp(y, w->l->y, BYTES) != 0)
        return exciton_fail(EXCITON_ERROR_CHECK, "run_host: other bits than the binding's");
    return status;
}

static exciton_status copy(world *w)
{
    exciton_floor *floor = NULL;
    uint64_t nanoseconds;
    exciton_status status = exciton_floor_create(w->device, 5000, &floor);
    for (uint32_t i = 0; status == EXCITON_OK && i < exciton_floor_count(floor); ++i)
        status = exciton_floor_run(floor, i, &nanoseconds);
    exciton_floor_destroy(floor);
    return status;
}

static exciton_status verify(world *w)
{
    exciton_verify_result result;
    exciton_status status =
        w->l->with_verify ? exciton_device_verify(w->device, &(exciton_verify_params){.cases = 1}, &result) : EXCITON_OK;
    if (w->l->with_verify && status == EXCITON_OK && result.failed)
        return exciton_fail(EXCITON_ERROR_CHECK, "%s", result.first_failure);
    return status;
}

static const struct {
    const char *name;
    exciton_status (*run)(world *w);
} steps[] = {
    {"context", make_context}, {"device", open_device}, {"plan", make_plan}, {"x", make_x},     {"y", make_y},
    {"saved", make_saved},     {"write", write_x},      {"binding", bind},   {"submit", submit}, {"read", read_y},
    {"run", run},              {"map", map},            {"run_host", run_host}, {"floor", copy}, {"verify", verify},
};
enum { STEPS = sizeof steps / sizeof steps[0], READ = 9 };

const char *life_step_name(int step) { return step >= 0 && step < STEPS ? steps[step].name : "none"; }

/* ---- The life ---- */

static void fill(world *w)
{
    exciton_case c = {
        .seed = 5, .channels = CHANNELS, .hidden = HIDDEN, .shape = {.batch = BATCH, .dims = 1, .spatial = {SPACE}}};
    exciton_case_fill(&c, EXCITON_CASE_X, w->data);
    exciton_case_fill(&c, EXCITON_CASE_W1, w->w1);
    exciton_case_fill(&c, EXCITON_CASE_W2, w->w2);
}

/* False: the life can't go on. */
static bool take_step(world *w, int step)
{
    life *l = w->l;
    exciton_status status = steps[step].run(w);
    if (status == EXCITON_OK)
        return true;
    if (l->first == EXCITON_OK) {
        l->first = status;
        l->first_step = step;
        snprintf(l->line, sizeof l->line, "%s", exciton_last_error());
    }
    status = steps[step].run(w);
    if (status == EXCITON_OK)
        return true;
    l->second = status;
    l->stopped_at = step;
    return false;
}

void life_run(life *l)
{
    world w = {.l = l};
    if (!l->kept)
        memory_cache_clear();
    fill(&w);
    l->first = l->second = EXCITON_OK;
    l->first_step = l->stopped_at = -1;
    l->complete = false;
    l->line[0] = 0;
    l->allocator.calls = l->allocator.live = l->allocator.failed = 0;
    memset(l->y, 0xff, sizeof l->y);
    memset(l->g, 0xff, sizeof l->g);
    for (int step = 0; step < STEPS && take_step(&w, step); ++step)
        l->complete = l->complete || step == READ;
    exciton_binding_destroy(w.binding);
    exciton_plan_destroy(w.plan);
    exciton_buffer_destroy(w.x);
    exciton_buffer_destroy(w.y);
    exciton_buffer_destroy(w.saved);
    exciton_device_close(w.device);
    exciton_context_destroy(w.context);
    l->leaked = test_count(&l->allocator.live);
}
