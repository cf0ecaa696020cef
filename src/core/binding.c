#include "core/binding.h"

#include "base/checked.h"
#include "core/params.h"
#include "core/selftest.h"

#include <inttypes.h>
#include <stddef.h>

/* ---- arguments ---- */

static exciton_status check_view(const exciton_plan *plan, const exciton_view *view, uint64_t bytes, uint64_t alignment, const char *name)
{
    exciton_status status = exciton_object_check(view->buffer, EXCITON_KIND_BUFFER, name);
    if (status)
        return status;
    if (view->buffer->device != plan->device)
        return exciton_fail(EXCITON_ERROR_FOREIGN, "binding_create: %s: a buffer of another device", name);
    if (view->offset % alignment)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "binding_create: %s.offset: %" PRIu64 " is not a multiple of %" PRIu64, name, view->offset, alignment);
    uint64_t end;
    if (!exciton_add(view->offset, bytes, &end) || end > view->buffer->bytes)
        return exciton_fail(EXCITON_ERROR_SHAPE, "binding_create: %s: %" PRIu64 " bytes from %" PRIu64 ": the buffer has %" PRIu64, name, bytes,
                            view->offset, view->buffer->bytes);
    return EXCITON_OK;
}

typedef struct tensor {
    exciton_slot slot;
    const char *name;
    const exciton_view *view;
    uint64_t bytes, alignment;
    bool optional;
} tensor;

static exciton_status check_overlap(const tensor *a, const tensor *b)
{
    const exciton_view *v = a->view, *w = b->view;
    if (v->buffer != w->buffer || v->offset + a->bytes <= w->offset || w->offset + b->bytes <= v->offset)
        return EXCITON_OK;
    if (a->slot == EXCITON_SLOT_IN && b->slot == EXCITON_SLOT_OUT && v->offset == w->offset)
        return EXCITON_OK;
    return exciton_fail(EXCITON_ERROR_OVERLAP, "binding_create: %s and %s: bytes [%" PRIu64 ", %" PRIu64 ") and [%" PRIu64 ", %" PRIu64 ") of one buffer",
                        a->name, b->name, v->offset, v->offset + a->bytes, w->offset, w->offset + b->bytes);
}

static exciton_status check_tensors(const exciton_plan *plan, const tensor *tensors, uint32_t count)
{
    exciton_status status = EXCITON_OK;
    for (uint32_t i = 0; !status && i < count; ++i)
        if (tensors[i].view->buffer || !tensors[i].optional)
            status = check_view(plan, tensors[i].view, tensors[i].bytes, tensors[i].alignment, tensors[i].name);
    for (uint32_t i = 0; !status && i < count; ++i)
        for (uint32_t k = i + 1; !status && k < count; ++k)
            if (tensors[i].view->buffer && tensors[k].view->buffer)
                status = check_overlap(&tensors[i], &tensors[k]);
    return status;
}

/* ---- creation ---- */

static void hold(exciton_binding *b, exciton_slot slot, exciton_buffer *buffer)
{
    b->buffers[slot] = buffer;
    exciton_buffer_hold(buffer);
}

static void binding_free(exciton_deferred *deferred)
{
    exciton_binding *b = (exciton_binding *)((char *)deferred - offsetof(exciton_binding, deferred));
    exciton_device *d = b->plan->device;
    if (b->recording)
        d->backend->recording_destroy(b->recording);
    for (int i = 0; i < EXCITON_SLOT_COUNT; ++i)
        if (b->buffers[i])
            exciton_buffer_drop(b->buffers[i]);
    exciton_steps_release(&d->context->env, &b->steps);
    exciton_plan_drop(b->plan);
    exciton_context_bury(d->context, &b->object);
}

void exciton_binding_drop(exciton_binding *b)
{
    exciton_device_defer(b->plan->device, &b->deferred, b->serial);
}

bool exciton_binding_uses(const exciton_binding *b, const exciton_buffer *buffer)
{
    for (int i = 0; i < EXCITON_SLOT_COUNT; ++i)
        if (b->buffers[i] == buffer)
            return true;
    return false;
}

static exciton_status record(exciton_binding *b)
{
    exciton_device *d = b->plan->device;
    exciton_be_kernel **kernels = exciton_allocate_array(&d->context->env, b->steps.count, sizeof *kernels);
    if (!kernels)
        return exciton_fail(EXCITON_ERROR_MEMORY, "binding_create: out of memory");
    exciton_be_buffer *buffers[EXCITON_SLOT_COUNT] = {0};
    for (int i = 0; i < EXCITON_SLOT_COUNT; ++i)
        buffers[i] = b->buffers[i] ? b->buffers[i]->be : NULL;
    exciton_status status = EXCITON_OK;
    for (uint32_t i = 0; !status && i < b->steps.count; ++i)
        status = exciton_device_kernel(d, &b->steps.steps[i].kernel, &kernels[i]);
    if (!status)
        status = exciton_device_note(d, d->backend->recording_create(d->be, b->steps.steps, b->steps.count, kernels, buffers, &b->recording));
    exciton_release(&d->context->env, kernels);
    return status;
}

static bool is_in_place(const exciton_args *args)
{
    return args->in.buffer == args->out.buffer && args->in.offset == args->out.offset;
}

/* As far as is known. */
static bool is_exact(exciton_device *d, const exciton_step_list *list)
{
    exciton_finding finding;
    for (uint32_t i = 0; i < list->count; ++i) {
        const exciton_kernel_spec *spec = &list->steps[i].kernel;
        if (spec->clblast ||
            (exciton_selftest_wanted(d) && exciton_selftest_recall(d, spec, &finding) && finding.verdict == EXCITON_ANSWER_INEXACT))
            return false;
    }
    return true;
}

static exciton_status fill(exciton_binding *b, const exciton_args *args, const exciton_se_way *way, uint64_t batch, uint64_t space)
{
    exciton_plan *plan = b->plan;
    exciton_device *d = plan->device;
    exciton_se_placement place = {.in = args->in.offset, .out = args->out.offset, .s = args->s.offset, .h = args->h.offset, .g = args->g.offset,
                                  .scratch = args->scratch.buffer ? args->scratch.offset : 0, .in_place = is_in_place(args),
                                  .save_s = args->s.buffer, .save_h = args->h.buffer, .save_g = args->g.buffer};
    exciton_se_lowered lowered;
    exciton_status status = exciton_se_lower(&d->context->env, &plan->problem, &d->limits, way, batch, space, &place, &lowered);
    if (status)
        return status;
    b->steps = lowered.list;
    b->info = (exciton_binding_info){.schedule = way->schedule, .form = way->form, .dispatches = lowered.list.count, .pieces = lowered.pieces,
                                     .shares = way->shares, .measured = exciton_winners_find(&plan->winners, batch, space, place.in_place) != NULL,
                                     .excitation = plan->problem.clblast ? EXCITON_EXCITATION_CLBLAST : EXCITON_EXCITATION_OWN,
                                     .exact = is_exact(d, &b->steps)};
    const exciton_view *views[EXCITON_SLOT_COUNT] = {&args->in, &args->out, &args->s, &args->h, &args->g, NULL, &args->scratch};
    for (int i = 0; i < EXCITON_SLOT_COUNT; ++i)
        if (views[i] && views[i]->buffer)
            hold(b, (exciton_slot)i, views[i]->buffer);
    hold(b, EXCITON_SLOT_WEIGHTS, plan->weights);
    if (!b->buffers[EXCITON_SLOT_SCRATCH])
        status = exciton_buffer_make(d, lowered.scratch_bytes, EXCITON_DOMAIN_DEVICE, &b->buffers[EXCITON_SLOT_SCRATCH]);
    return status ? status : record(b);
}

exciton_status exciton_binding_make(exciton_plan *plan, const exciton_args *args, exciton_binding **binding)
{
    uint64_t batch, space;
    exciton_se_way way;
    exciton_status status = exciton_se_check_shape(&plan->problem, &args->shape, &batch, &space);
    if (!status)
        status = exciton_plan_choose(plan, batch, space, is_in_place(args), &way);
    return status ? status : exciton_binding_make_way(plan, args, &way, binding);
}

exciton_status exciton_binding_make_way(exciton_plan *plan, const exciton_args *args, const exciton_se_way *given, exciton_binding **binding)
{
    exciton_device *d = plan->device;
    const exciton_se_problem *p = &plan->problem;
    const exciton_se_way way = *given;
    uint64_t batch, space;
    exciton_status status = exciton_se_check_shape(p, &args->shape, &batch, &space);
    if (status)
        return status;
    uint64_t bytes = batch * p->channels * space * sizeof(float), scratch = exciton_se_scratch(p, &d->limits, &way, batch, space), saved_h;
    if (!exciton_mul(batch, p->hidden * sizeof(float), &saved_h))
        return exciton_fail(EXCITON_ERROR_OVERFLOW, "binding_create: h: batch %" PRIu64 " x hidden %" PRIu32 ": too large", batch, p->hidden);
    uint64_t saved_c = batch * p->channels * sizeof(float);
    const tensor tensors[] = {
        {EXCITON_SLOT_IN, "in", &args->in, bytes, 4, false},       {EXCITON_SLOT_OUT, "out", &args->out, bytes, 4, false},
        {EXCITON_SLOT_S, "s", &args->s, saved_c, 4, true},         {EXCITON_SLOT_H, "h", &args->h, saved_h, 4, true},
        {EXCITON_SLOT_G, "g", &args->g, saved_c, 4, true},         {EXCITON_SLOT_SCRATCH, "scratch", &args->scratch, scratch, 256, true},
    };
    status = check_tensors(plan, tensors, sizeof tensors / sizeof tensors[0]);
    if (!status && p->clblast && args->scratch.buffer && args->scratch.buffer->mapped) /* products are warmed there */
        status = exciton_fail(EXCITON_ERROR_ARGUMENT, "binding_create: scratch: its buffer is mapped");
    if (status)
        return status;
    exciton_binding *b = exciton_allocate(&d->context->env, sizeof *b);
    if (!b)
        return exciton_fail(EXCITON_ERROR_MEMORY, "binding_create: out of memory");
    b->object.kind = EXCITON_KIND_BINDING;
    b->deferred.free = binding_free;
    b->plan = plan;
    exciton_plan_hold(plan);
    status = fill(b, args, &way, batch, space);
    if (status)
        binding_free(&b->deferred);
    else
        *binding = b;
    return status;
}

exciton_status exciton_binding_create(exciton_plan *plan, const exciton_args *given, exciton_binding **binding)
{
    if (binding)
        *binding = NULL;
    exciton_status status = exciton_object_check(plan, EXCITON_KIND_PLAN, "binding_create");
    if (!status)
        status = exciton_device_check(plan->device, "binding_create");
    if (!status && (!binding || !given))
        status = exciton_fail(EXCITON_ERROR_ARGUMENT, "binding_create: %s: NULL", binding ? "args" : "binding");
    exciton_args args;
    if (!status)
        status = exciton_params_copy(&args, sizeof args, given, "args");
    if (status)
        return status;
    exciton_device_lock(plan->device);
    exciton_device_collect(plan->device);
    status = exciton_binding_make(plan, &args, binding);
    exciton_device_unlock(plan->device);
    return status;
}

void exciton_binding_destroy(exciton_binding *b)
{
    if (!b || exciton_object_check(b, EXCITON_KIND_BINDING, "binding_destroy"))
        return;
    exciton_device *d = b->plan->device;
    exciton_device_lock(d);
    b->object.kind = EXCITON_KIND_DEAD; /* it may live on until the device is done with it */
    exciton_binding_drop(b);
    exciton_device_unlock(d);
}

exciton_status exciton_binding_get_info(const exciton_binding *b, exciton_binding_info *info)
{
    exciton_status status = exciton_object_check(b, EXCITON_KIND_BINDING, "binding_get_info");
    if (!status && !info)
        status = exciton_fail(EXCITON_ERROR_ARGUMENT, "binding_get_info: info: NULL");
    if (!status)
        *info = b->info;
    return status;
}

exciton_status exciton_binding_explain(const exciton_binding *b, exciton_text_fn text, void *user)
{
    exciton_status status = exciton_object_check(b, EXCITON_KIND_BINDING, "binding_explain");
    if (!status && !text)
        status = exciton_fail(EXCITON_ERROR_ARGUMENT, "binding_explain: text: NULL");
    if (!status)
        exciton_steps_explain(&b->steps, text, user);
    return status;
}
