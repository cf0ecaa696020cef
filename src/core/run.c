/* Submitting, waiting, and the two calls that do all at once. */
#include "core/binding.h"
#include "core/params.h"

#include <inttypes.h>
#include <string.h>

enum { BATCH = 64 }; /* recordings a backend call: a stack array, since a submission allocates nothing */

static exciton_status check_binding(const exciton_device *d, const exciton_binding *b)
{
    exciton_status status = exciton_object_check(b, EXCITON_KIND_BINDING, "submit");
    if (status)
        return status;
    if (b->plan->device != d)
        return exciton_fail(EXCITON_ERROR_FOREIGN, "submit: binding: of another device");
    for (int i = 0; i < EXCITON_SLOT_COUNT; ++i)
        if (b->buffers[i] && b->buffers[i]->mapped)
            return exciton_fail(EXCITON_ERROR_ARGUMENT, "submit: binding: one of its buffers is mapped");
    return EXCITON_OK;
}

static void mark(exciton_binding *b, uint64_t serial)
{
    b->serial = serial;
    for (int i = 0; i < EXCITON_SLOT_COUNT; ++i)
        if (b->buffers[i])
            b->buffers[i]->serial = serial;
}

static exciton_status submit(exciton_device *d, exciton_binding *const *bindings, uint32_t count, uint64_t *serial)
{
    exciton_status status = EXCITON_OK;
    for (uint32_t i = 0; !status && i < count; ++i)
        status = check_binding(d, bindings[i]);
    for (uint32_t first = 0; !status && first < count; first += BATCH) {
        exciton_be_recording *recordings[BATCH];
        uint32_t n = count - first < BATCH ? count - first : BATCH;
        for (uint32_t i = 0; i < n; ++i)
            recordings[i] = bindings[first + i]->recording;
        status = exciton_device_note(d, d->backend->submit(d->be, recordings, n, &d->serial));
        for (uint32_t i = 0; !status && i < n; ++i)
            mark(bindings[first + i], d->serial);
    }
    *serial = d->serial;
    return status;
}

exciton_status exciton_submit(exciton_device *d, exciton_binding *const *bindings, uint32_t count, exciton_ticket *ticket)
{
    if (ticket)
        *ticket = 0;
    exciton_status status = exciton_device_check(d, "submit");
    if (status)
        return status;
    if (!bindings || count == 0)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "submit: bindings: %s", bindings ? "none" : "NULL");
    uint64_t serial;
    exciton_device_lock(d);
    status = submit(d, bindings, count, &serial);
    exciton_device_unlock(d);
    if (!status && ticket)
        *ticket = serial;
    return status;
}

exciton_status exciton_wait(exciton_device *d, exciton_ticket ticket, uint64_t nanoseconds)
{
    exciton_status status = exciton_device_check(d, "wait");
    if (status)
        return status;
    exciton_device_lock(d);
    uint64_t last = d->serial;
    exciton_device_unlock(d);
    if (ticket > last)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "wait: ticket: %" PRIu64 ": the last is %" PRIu64, ticket, last);
    if (ticket == 0)
        return EXCITON_OK;
    status = exciton_device_note(d, d->backend->wait(d->be, ticket, nanoseconds));
    exciton_device_lock(d);
    exciton_device_collect(d);
    exciton_device_unlock(d);
    return status;
}

/* ---- run ---- */

static bool same_args(const exciton_args *a, const exciton_args *b)
{
    const exciton_view *v[] = {&a->in, &a->out, &a->s, &a->h, &a->g, &a->scratch}, *w[] = {&b->in, &b->out, &b->s, &b->h, &b->g, &b->scratch};
    for (int i = 0; i < 6; ++i)
        if (v[i]->buffer != w[i]->buffer || v[i]->offset != w[i]->offset)
            return false;
    const exciton_shape *s = &a->shape, *t = &b->shape;
    return s->batch == t->batch && s->dims == t->dims && s->spatial[0] == t->spatial[0] && s->spatial[1] == t->spatial[1] && s->spatial[2] == t->spatial[2];
}

/* The kept binding of these arguments, in front of the others; made, and the oldest dropped, where there is none. */
static exciton_status keep(exciton_plan *plan, const exciton_args *args, exciton_binding **binding)
{
    exciton_kept kept = {.args = *args};
    uint32_t at = 0;
    while (at < plan->kept_count && !same_args(&plan->kept[at].args, args))
        ++at;
    if (at < plan->kept_count)
        kept = plan->kept[at];
    else {
        exciton_status status = exciton_binding_make(plan, args, &kept.binding);
        if (status)
            return status;
        if (plan->kept_count == EXCITON_PLAN_BINDINGS)
            exciton_binding_drop(plan->kept[--plan->kept_count].binding);
        at = plan->kept_count++;
    }
    memmove(&plan->kept[1], &plan->kept[0], at * sizeof kept);
    plan->kept[0] = kept;
    *binding = kept.binding;
    return EXCITON_OK;
}

static exciton_status start(exciton_plan *plan, const exciton_args *args, uint64_t *serial)
{
    exciton_binding *binding;
    exciton_status status = keep(plan, args, &binding);
    return status ? status : submit(plan->device, &binding, 1, serial);
}

exciton_status exciton_run(exciton_plan *plan, const exciton_args *given)
{
    exciton_status status = exciton_object_check(plan, EXCITON_KIND_PLAN, "run");
    if (!status)
        status = exciton_device_check(plan->device, "run");
    if (!status && !given)
        status = exciton_fail(EXCITON_ERROR_ARGUMENT, "run: args: NULL");
    exciton_args args;
    if (!status)
        status = exciton_params_copy(&args, sizeof args, given, "args");
    if (status)
        return status;
    uint64_t serial;
    exciton_device_lock(plan->device);
    status = start(plan, &args, &serial);
    exciton_device_unlock(plan->device);
    return status ? status : exciton_wait(plan->device, serial, EXCITON_WAIT_DEFAULT);
}

/* ---- run_host ---- */

static void drop(exciton_buffer **buffer)
{
    if (*buffer)
        exciton_buffer_drop(*buffer);
    *buffer = NULL;
}

void exciton_plan_drop_staging(exciton_plan *plan)
{
    for (int i = 0; i < 2; ++i) {
        drop(&plan->staging[i]);
        drop(&plan->wrapped[i]);
    }
}

static exciton_status make_staging(exciton_plan *plan, uint64_t bytes)
{
    exciton_status status = EXCITON_OK;
    exciton_device_lock(plan->device);
    for (int i = 0; !status && i < 2; ++i)
        if (!plan->staging[i])
            status = exciton_buffer_make(plan->device, bytes, EXCITON_DOMAIN_DEFAULT, &plan->staging[i]);
    exciton_device_unlock(plan->device);
    return status;
}

static exciton_status run_copies(exciton_plan *plan, const float *x, float *y, uint64_t bytes)
{
    exciton_status status = make_staging(plan, bytes);
    if (!status)
        status = exciton_buffer_write(plan->staging[0], 0, x, bytes);
    if (!status)
        status = exciton_run(plan, &(exciton_args){.in = {plan->staging[0], 0}, .out = {plan->staging[1], 0}});
    return status ? status : exciton_buffer_read(plan->staging[1], 0, y, bytes);
}

/* Whether the device can work on them where they lie: in place or apart, not half and half. */
static bool can_wrap(const exciton_plan *plan, const float *x, const float *y, uint64_t bytes)
{
    uintptr_t a = (uintptr_t)x, b = (uintptr_t)y;
    if (!plan->device->backend->buffer_wrap || a % sizeof(float) || b % sizeof(float))
        return false;
    return a == b ? plan->problem.shares <= 1 : a + bytes <= b || b + bytes <= a;
}

/* Under the lock. The binding of the last call's memory is kept with it. */
static exciton_status wrap(exciton_plan *plan, int i, const void *data, uint64_t bytes)
{
    if (plan->wrapped[i] && plan->wraps[i] == data)
        return EXCITON_OK;
    if (plan->wrapped[i])
        exciton_plans_forget(plan->device, plan->wrapped[i]);
    drop(&plan->wrapped[i]);
    plan->wraps[i] = data;
    return exciton_buffer_wrap(plan->device, (void *)(uintptr_t)data, bytes, &plan->wrapped[i]); /* x is read only */
}

static exciton_status run_wrapped(exciton_plan *plan, const float *x, float *y, uint64_t bytes)
{
    bool in_place = x == y;
    exciton_device_lock(plan->device);
    exciton_status status = wrap(plan, 0, x, bytes);
    if (!status && !in_place)
        status = wrap(plan, 1, y, bytes);
    exciton_device_unlock(plan->device);
    return status ? status : exciton_run(plan, &(exciton_args){.in = {plan->wrapped[0], 0}, .out = {plan->wrapped[!in_place], 0}});
}

exciton_status exciton_run_host(exciton_plan *plan, const float *x, float *y)
{
    exciton_status status = exciton_object_check(plan, EXCITON_KIND_PLAN, "run_host");
    if (!status)
        status = exciton_device_check(plan->device, "run_host");
    if (status)
        return status;
    if (!x || !y)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "run_host: %s: NULL", x ? "y" : "x");
    uint64_t bytes = plan->problem.max.batch * plan->problem.channels * plan->problem.max_space * sizeof(float);
    return can_wrap(plan, x, y, bytes) ? run_wrapped(plan, x, y, bytes) : run_copies(plan, x, y, bytes);
}
