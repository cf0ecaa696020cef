#include "core/floor.h"

#include "base/checked.h"
#include "core/selftest.h"
#include "ops/se_layout.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum {
    LONGEST_UNIT = 4096, SHORTEST_UNIT = 256, /* elements; powers of two, whole multiples of every alignment of offsets */
    UNITS_A_PROCESSOR = 8,
    LANES_GROUP = 128,
    LEAST_COPIES = 6,
    UNKNOWN_PROCESSORS = 16,
    MOST_TIMES_OVER = 64,
    BLOCK = 1 << 14,  /* elements of random data written at a time */
    LOOP = 3,         /* iterations that a driver may count beyond a loop's own, as in ops/se_work.c */
    SHORT_LOOPS = 16  /* elements that a unit's last loops handle one by one, at most */
};

/* ---- what to try ---- */

/* A copy by our kernel. */
typedef struct trial {
    exciton_form form;
    uint32_t group_size, stores;
    uint64_t groups; /* UINT64_MAX: enough to cover */
    bool shares;     /* a unit is a work-item's whole share, from end to end */
} trial;

/* The values of the kernel's param `stores`. */
enum { STORES_PLAIN, STORES_PAST, STORES_LIBRARY };

static uint64_t processors_of(const exciton_limits *l) { return l->compute_units ? l->compute_units : UNKNOWN_PROCESSORS; }

static uint32_t power_of_two_below(uint64_t value)
{
    uint32_t power = 1;
    while (power <= value / 2)
        power *= 2;
    return power;
}

static uint64_t most_elements(const exciton_limits *l) { return exciton_min(l->max_binding_range, UINT32_MAX) / sizeof(uint32_t); }

/* A whole share, where a step can see it and the driver's count allows it; else short enough that each processor has several. */
static uint64_t unit_length(const exciton_limits *l, const trial *t, uint64_t elements)
{
    uint64_t unit = LONGEST_UNIT;
    if (t->shares) {
        uint64_t most = most_elements(l);
        if (l->max_iterations)
            most = exciton_min(most, l->max_iterations / 2 * UINT64_C(16));
        unit = exciton_round_up(exciton_divide_up(elements, t->groups * t->group_size), SHORTEST_UNIT);
        return exciton_max(SHORTEST_UNIT, exciton_min(unit, most / SHORTEST_UNIT * SHORTEST_UNIT));
    }
    while (unit > SHORTEST_UNIT && elements / unit < UNITS_A_PROCESSOR * processors_of(l))
        unit /= 2;
    return unit;
}

/* Units that a work-item may take where the driver counts iterations. */
static uint64_t units_an_item(const exciton_limits *l, const trial *t, uint64_t unit)
{
    if (!l->max_iterations)
        return UINT32_MAX;
    uint64_t each = t->form == EXCITON_FORM_ROWS ? unit / 16 : unit / 4 / t->group_size;
    return exciton_max(1, l->max_iterations / (each + SHORT_LOOPS + 4 * LOOP));
}

static uint64_t side_of(const trial *t) { return t->form == EXCITON_FORM_ROWS ? t->group_size : 1; }

static uint64_t most_groups(const exciton_limits *l) { return l->max_group_count ? l->max_group_count : 65535; }

/* Work-groups for `units`: as the trial says, but no more than have work and no fewer than the driver's count asks for. */
static uint32_t groups_for(const exciton_limits *l, const trial *t, uint64_t units, uint64_t unit)
{
    uint64_t cover = exciton_divide_up(units, side_of(t)), least = exciton_divide_up(cover, units_an_item(l, t, unit));
    return (uint32_t)exciton_min(most_groups(l), exciton_max(least, exciton_min(t->groups, cover)));
}

/* ---- one copy ---- */

static exciton_status add_step(const exciton_floor *f, const trial *t, uint64_t at, uint64_t length, uint64_t unit, exciton_step_list *list)
{
    const exciton_limits *l = &f->device->limits;
    uint64_t units = exciton_divide_up(length, unit), range = exciton_round_up(length * sizeof(uint32_t), 16);
    exciton_step step = {
        .kernel = {.kernel = EXCITON_KERNEL_STREAM, .form = t->form, .group_size = t->group_size},
        .groups = groups_for(l, t, units, unit),
        .slots = {{EXCITON_SLOT_IN, at * sizeof(uint32_t), range}, {EXCITON_SLOT_OUT, at * sizeof(uint32_t), range}},
        .params = {(uint32_t)units, (uint32_t)unit, (uint32_t)length, t->stores},
    };
    return exciton_steps_add(&f->device->context->env, list, &step);
}

/* All elements, in steps that each see no more than the device's range and no work-item of which makes too many iterations. */
static exciton_status add_steps(const exciton_floor *f, const trial *t, exciton_step_list *list)
{
    const exciton_limits *l = &f->device->limits;
    uint64_t unit = unit_length(l, t, f->elements), most = most_elements(l) / unit, counted;
    if (l->max_iterations && exciton_mul(most_groups(l) * side_of(t), units_an_item(l, t, unit), &counted))
        most = exciton_min(most, counted);
    exciton_status status = EXCITON_OK;
    for (uint64_t done = 0, length; !status && done < f->elements; done += length) {
        uint64_t at = done % f->resident;
        length = exciton_min(exciton_min(most * unit, f->resident - at), f->elements - done);
        status = add_step(f, t, at, length, unit, list);
    }
    return status;
}

static exciton_status record(exciton_floor *f, const exciton_step_list *list, exciton_be_recording **recording)
{
    exciton_device *d = f->device;
    exciton_be_buffer *buffers[EXCITON_SLOT_COUNT] = {[EXCITON_SLOT_IN] = f->from->be, [EXCITON_SLOT_OUT] = f->to->be};
    exciton_be_kernel *kernel, **kernels = exciton_allocate_array(&d->context->env, list->count, sizeof *kernels);
    if (!kernels)
        return exciton_fail(EXCITON_ERROR_MEMORY, "floor_create: out of memory");
    exciton_status status = exciton_device_kernel(d, &list->steps[0].kernel, &kernel);
    for (uint32_t i = 0; !status && i < list->count; ++i)
        kernels[i] = kernel;
    if (!status)
        status = exciton_device_note(d, d->backend->recording_create(d->be, list->steps, list->count, kernels, buffers, recording));
    exciton_release(&d->context->env, kernels);
    return status;
}

/* The largest group of the trial's kernel may be below the device's. */
static exciton_status cap_group(exciton_device *d, trial *t)
{
    exciton_kernel_spec spec = {.kernel = EXCITON_KERNEL_STREAM, .form = t->form, .group_size = t->group_size};
    uint32_t limit = 0;
    exciton_status status = EXCITON_OK;
    if (d->backend->kernel_group_limit)
        status = exciton_device_note(d, d->backend->kernel_group_limit(d->be, &spec, &limit));
    if (status == EXCITON_ERROR_COMPILE) /* it is left out when it is made */
        return EXCITON_OK;
    if (!status && limit && limit < t->group_size)
        t->group_size = power_of_two_below(limit);
    return status;
}

static void name_copy(const trial *t, uint32_t groups, char *name, size_t size)
{
    static const char *const stores[] = {"", " past caches", " memcpy"};
    snprintf(name, size, "%s %" PRIu32 "x%" PRIu32 "%s%s", exciton_form_name(t->form), groups, t->group_size, t->shares ? " shares" : "",
             stores[t->stores]);
}

static bool has_copy(const exciton_floor *f, const char *name)
{
    for (uint32_t i = 0; i < f->count; ++i)
        if (!strcmp(f->copies[i].name, name))
            return true;
    return false;
}

/* Trials that come to the same are one copy. */
static exciton_status add_trial(exciton_floor *f, trial t)
{
    exciton_floor_copy *copy = &f->copies[f->count];
    exciton_step_list list = {0};
    if (f->count == EXCITON_FLOOR_COPIES)
        return EXCITON_OK;
    exciton_status status = cap_group(f->device, &t);
    if (!status)
        status = add_steps(f, &t, &list);
    if (!status) {
        char name[sizeof copy->name];
        name_copy(&t, list.steps[0].groups, name, sizeof name);
        if (!has_copy(f, name)) {
            status = record(f, &list, &copy->recording);
            memcpy(copy->name, name, sizeof name);
            f->count += !status;
            if (status && exciton_device_leaves_out(f->device, &list.steps[0].kernel))
                status = EXCITON_OK; /* a copy less */
        }
    }
    exciton_steps_release(&f->device->context->env, &list);
    return status;
}

/* ---- all copies ---- */

static exciton_status add_group_counts(exciton_floor *f, exciton_form form, uint64_t group_size, uint32_t stores)
{
    const exciton_limits *l = &f->device->limits;
    const uint64_t counts[] = {1, 2, 8};
    exciton_status status = EXCITON_OK;
    trial t = {.form = form, .group_size = power_of_two_below(exciton_min(group_size, l->max_group_size)), .stores = stores};
    for (int i = 0; !status && i < 3; ++i) {
        t.groups = counts[i] * processors_of(l);
        status = add_trial(f, t);
    }
    t.groups = UINT64_MAX;
    return status ? status : add_trial(f, t);
}

/* Where a group is a task on a processor. */
static exciton_status add_shares(exciton_floor *f, uint32_t stores)
{
    const exciton_limits *l = &f->device->limits;
    const trial t = {.form = EXCITON_FORM_ROWS, .group_size = 1, .stores = stores, .groups = processors_of(l), .shares = true};
    return l->local_memory_is_global ? add_trial(f, t) : EXCITON_OK;
}

/* The host has no groups: they are threads there, and a thread's share is contiguous whatever the unit. */
static exciton_status add_host_copies(exciton_floor *f)
{
    const uint64_t threads[] = {1, exciton_divide_up(processors_of(&f->device->limits), 2), processors_of(&f->device->limits)};
    exciton_status status = EXCITON_OK;
    for (uint32_t stores = STORES_PLAIN; stores <= STORES_LIBRARY; ++stores)
        for (int i = 0; !status && i < 3; ++i)
            status = add_trial(f, (trial){.form = EXCITON_FORM_ROWS, .group_size = 1, .stores = stores, .groups = threads[i]});
    return status;
}

static exciton_status add_device_copies(exciton_floor *f)
{
    const exciton_limits *l = &f->device->limits;
    uint32_t plain = exciton_se_plain_group(l, power_of_two_below(l->max_group_size));
    exciton_status status = EXCITON_OK;
    if (l->forms[EXCITON_FORM_ROWS]) {
        status = add_group_counts(f, EXCITON_FORM_ROWS, 1, STORES_PLAIN);
        if (!status && plain > 1)
            status = add_group_counts(f, EXCITON_FORM_ROWS, plain, STORES_PLAIN);
        if (!status)
            status = add_shares(f, STORES_PLAIN);
        if (!status && f->device->found->info.api == EXCITON_API_OPENCL)
            status = add_group_counts(f, EXCITON_FORM_ROWS, 1, STORES_PAST);
        if (!status && f->device->found->info.api == EXCITON_API_OPENCL)
            status = add_shares(f, STORES_PAST);
    }
    if (!status && l->forms[EXCITON_FORM_LANES])
        status = add_group_counts(f, EXCITON_FORM_LANES, LANES_GROUP, STORES_PLAIN);
    /* A few bytes on many processors: all those numbers of groups come to the same. */
    for (uint64_t group = 2 * LANES_GROUP; !status && group > 1 && f->count < LEAST_COPIES; group /= 2)
        status = add_group_counts(f, l->forms[EXCITON_FORM_LANES] ? EXCITON_FORM_LANES : EXCITON_FORM_ROWS, group, STORES_PLAIN);
    return status;
}

/* As the kernels of the schedules go about it. */
static exciton_status add_likely(exciton_floor *f)
{
    const exciton_limits *l = &f->device->limits;
    bool rows = l->local_memory_is_global || !l->forms[EXCITON_FORM_LANES];
    uint64_t group = rows ? exciton_se_plain_group(l, power_of_two_below(l->max_group_size)) : exciton_min(LANES_GROUP, l->max_group_size);
    return add_trial(f, (trial){.form = rows ? EXCITON_FORM_ROWS : EXCITON_FORM_LANES, .group_size = power_of_two_below(group),
                                .groups = rows ? 2 * processors_of(l) : UINT64_MAX});
}

static exciton_status add_copies(exciton_floor *f)
{
    exciton_device *d = f->device;
    if (f->one)
        return add_likely(f);
    bool host = d->found->info.api == EXCITON_API_HOST;
    if (d->backend->buffer_copy)
        snprintf(f->copies[f->count++].name, sizeof f->copies[0].name, "%s", host ? "memcpy" : "driver's copy");
    return host ? add_host_copies(f) : add_device_copies(f);
}

/* ---- buffers ---- */

static uint64_t next_random(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Every page of both is touched, and no block is like another. */
static exciton_status fill(exciton_floor *f)
{
    exciton_device *d = f->device;
    uint64_t *block = exciton_allocate_array(&d->context->env, BLOCK / 2, sizeof *block), state = 0;
    exciton_buffer *const buffers[2] = {f->from, f->to};
    exciton_status status = block ? EXCITON_OK : exciton_fail(EXCITON_ERROR_MEMORY, "floor_create: out of memory");
    for (int i = 0; !status && i < 2; ++i)
        for (uint64_t at = 0, bytes; !status && at < buffers[i]->bytes; at += bytes) {
            bytes = exciton_min(buffers[i]->bytes - at, BLOCK * sizeof(uint32_t));
            for (int k = 0; k < BLOCK / 2; ++k)
                block[k] = next_random(&state);
            status = exciton_device_note(d, d->backend->buffer_write(buffers[i]->be, at, block, bytes));
        }
    exciton_release(&d->context->env, block);
    return status;
}

static exciton_status make(exciton_floor *f)
{
    /* Units begin at the same place in each round over the buffer. */
    uint64_t most = f->device->limits.max_allocation / (LONGEST_UNIT * sizeof(uint32_t)) * LONGEST_UNIT;
    if (most == 0 || f->elements / most >= MOST_TIMES_OVER)
        return exciton_fail(EXCITON_ERROR_LIMIT, "floor_create: %" PRIu64 " elements: max_allocation is %" PRIu64, f->elements,
                            f->device->limits.max_allocation);
    f->resident = exciton_min(f->elements, most);
    uint64_t bytes = exciton_round_up(f->resident, LONGEST_UNIT) * sizeof(uint32_t);
    exciton_status status = exciton_buffer_make(f->device, bytes, EXCITON_DOMAIN_DEVICE, &f->from);
    if (!status)
        status = exciton_buffer_make(f->device, bytes, EXCITON_DOMAIN_DEVICE, &f->to);
    if (!status)
        status = fill(f);
    if (!status)
        status = add_copies(f);
    if (!status && f->count == 0)
        status = exciton_fail(EXCITON_ERROR_UNSUPPORTED, "floor_create: %s: its kernel is left out", f->device->found->info.name);
    return status;
}

static void floor_free(exciton_deferred *deferred)
{
    exciton_floor *f = (exciton_floor *)((char *)deferred - offsetof(exciton_floor, deferred));
    exciton_device *d = f->device;
    for (uint32_t i = 0; i < f->count; ++i)
        if (f->copies[i].recording)
            d->backend->recording_destroy(f->copies[i].recording);
    if (f->from)
        exciton_buffer_drop(f->from);
    if (f->to)
        exciton_buffer_drop(f->to);
    exciton_context_bury(d->context, &f->object);
}

/* ---- the public calls ---- */

static exciton_status create(exciton_device *d, uint64_t bytes, bool one, exciton_floor **result)
{
    if (result)
        *result = NULL;
    exciton_status status = exciton_device_check(d, "floor_create");
    if (status)
        return status;
    if (!result)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "floor_create: floor: NULL");
    if (bytes == 0)
        return exciton_fail(EXCITON_ERROR_SHAPE, "floor_create: bytes: 0");
    exciton_floor *f = exciton_allocate(&d->context->env, sizeof *f);
    if (!f)
        return exciton_fail(EXCITON_ERROR_MEMORY, "floor_create: out of memory");
    f->object.kind = EXCITON_KIND_FLOOR;
    f->deferred.free = floor_free;
    f->device = d;
    f->one = one;
    f->elements = exciton_divide_up(bytes, 2 * sizeof(uint32_t));
    exciton_device_lock(d);
    status = make(f);
    if (!one) /* one floor is followed by others, and by a plan */
        exciton_selftest_settle(d);
    if (status)
        floor_free(&f->deferred);
    else
        *result = f;
    exciton_device_unlock(d);
    return status;
}

exciton_status exciton_floor_create(exciton_device *d, uint64_t bytes, exciton_floor **floor) { return create(d, bytes, false, floor); }

exciton_status exciton_floor_create_one(exciton_device *d, uint64_t bytes, exciton_floor **floor) { return create(d, bytes, true, floor); }

void exciton_floor_destroy(exciton_floor *f)
{
    if (!f || exciton_object_check(f, EXCITON_KIND_FLOOR, "floor_destroy"))
        return;
    exciton_device *d = f->device;
    exciton_device_lock(d);
    f->object.kind = EXCITON_KIND_DEAD;
    exciton_device_defer(d, &f->deferred, f->deferred.serial);
    exciton_device_unlock(d);
}

uint32_t exciton_floor_count(const exciton_floor *f)
{
    return f && !exciton_object_check(f, EXCITON_KIND_FLOOR, "floor_count") ? f->count : 0;
}

const char *exciton_floor_name(const exciton_floor *f, uint32_t index)
{
    return index < exciton_floor_count(f) ? f->copies[index].name : NULL;
}

static exciton_status copy_by_driver(exciton_floor *f)
{
    exciton_device *d = f->device;
    exciton_status status = EXCITON_OK;
    for (uint64_t done = 0, length; !status && done < f->elements; done += length) {
        uint64_t at = done % f->resident;
        length = exciton_min(f->resident - at, f->elements - done);
        status = d->backend->buffer_copy(f->from->be, at * sizeof(uint32_t), f->to->be, at * sizeof(uint32_t), length * sizeof(uint32_t));
    }
    return exciton_device_note(d, status);
}

static exciton_status submit(exciton_floor *f, exciton_be_recording *recording, uint32_t times)
{
    exciton_device *d = f->device;
    exciton_be_recording *recordings[EXCITON_FLOOR_TIMES];
    for (uint32_t i = 0; i < times; ++i)
        recordings[i] = recording;
    exciton_status status = exciton_device_note(d, d->backend->submit(d->be, recordings, times, &d->serial));
    if (!status)
        f->deferred.serial = f->from->serial = f->to->serial = d->serial;
    return status;
}

static exciton_status run(exciton_floor *f, uint32_t index, uint32_t times, uint64_t *nanoseconds)
{
    exciton_device *d = f->device;
    exciton_be_recording *recording = f->copies[index].recording;
    uint64_t start = exciton_clock();
    exciton_device_lock(d);
    exciton_status status = recording ? submit(f, recording, times) : copy_by_driver(f);
    uint64_t serial = d->serial;
    exciton_device_unlock(d);
    if (!status && recording)
        status = exciton_wait(d, serial, EXCITON_WAIT_DEFAULT);
    *nanoseconds = status ? 0 : exciton_clock() - start;
    return status;
}

exciton_status exciton_floor_run_times(exciton_floor *f, uint32_t times, uint64_t *nanoseconds)
{
    if (times < 1 || times > EXCITON_FLOOR_TIMES)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "floor_run_times: %u times: 1 to %d", (unsigned)times, EXCITON_FLOOR_TIMES);
    return run(f, 0, times, nanoseconds);
}

exciton_status exciton_floor_run(exciton_floor *f, uint32_t index, uint64_t *nanoseconds)
{
    if (nanoseconds)
        *nanoseconds = 0;
    exciton_status status = exciton_object_check(f, EXCITON_KIND_FLOOR, "floor_run");
    if (!status)
        status = exciton_device_check(f->device, "floor_run");
    if (status)
        return status;
    if (!nanoseconds || index >= f->count)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "floor_run: %s", nanoseconds ? "index: no such copy" : "nanoseconds: NULL");
    return run(f, index, 1, nanoseconds);
}
