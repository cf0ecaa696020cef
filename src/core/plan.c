#include "core/plan.h"

#include "base/cache.h"
#include "base/checked.h"
#include "core/binding.h"
#include "core/costs.h"
#include "core/params.h"
#include "core/selftest.h"
#include "core/tune.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void exciton_plan_hold(exciton_plan *plan) { ++plan->holders; }

void exciton_plan_drop(exciton_plan *plan)
{
    if (--plan->holders)
        return;
    exciton_device *d = plan->device;
    for (exciton_plan **link = &d->plans; *link; link = &(*link)->next)
        if (*link == plan) {
            *link = plan->next;
            break;
        }
    if (plan->weights)
        exciton_buffer_drop(plan->weights);
    exciton_context_bury(d->context, &plan->object);
}

void exciton_plans_forget(exciton_device *d, const exciton_buffer *buffer)
{
    for (exciton_plan *plan = d->plans; plan; plan = plan->next)
        for (uint32_t i = plan->kept_count; i-- > 0;)
            if (exciton_binding_uses(plan->kept[i].binding, buffer)) {
                exciton_binding_drop(plan->kept[i].binding);
                memmove(&plan->kept[i], &plan->kept[i + 1], (--plan->kept_count - i) * sizeof plan->kept[0]);
            }
}

/* ---- creation ---- */

static exciton_status upload_weights(exciton_plan *plan, const exciton_se *se)
{
    exciton_device *d = plan->device;
    uint64_t count = exciton_se_weight_count(&plan->problem);
    float *packed = exciton_allocate_array(&d->context->env, count, sizeof *packed);
    if (!packed)
        return exciton_fail(EXCITON_ERROR_MEMORY, "plan_create_se: %" PRIu64 " weights: out of memory", count);
    exciton_se_pack(&plan->problem, se, packed);
    exciton_status status = exciton_buffer_make(d, count * sizeof *packed, EXCITON_DOMAIN_DEVICE, &plan->weights);
    if (!status)
        status = exciton_device_note(d, d->backend->buffer_write(plan->weights->be, 0, packed, count * sizeof *packed));
    exciton_release(&d->context->env, packed);
    return status;
}

/* ---- kernels that can wait ---- */

/* What the largest shape, out of place, runs with. */
typedef struct first_kernels {
    exciton_kernel_spec specs[EXCITON_SE_VARIANTS];
    uint32_t count;
} first_kernels;

static exciton_status list_first(const exciton_plan *plan, const exciton_se_way *way, first_kernels *first)
{
    const exciton_se_problem *p = &plan->problem;
    exciton_se_way chosen;
    exciton_status status = EXCITON_OK;
    first->count = 0;
    if (!way) {
        status = exciton_plan_choose(plan, p->max.batch, p->max_space, false, &chosen);
        way = &chosen;
    }
    if (!status)
        exciton_se_way_variants(p, &plan->device->limits, way, first->specs, &first->count);
    return status;
}

/* Its test was passed before, so that it needn't run for this, and the cache has what the driver made of it. */
static bool is_known(exciton_device *d, const exciton_kernel_spec *spec)
{
    exciton_finding finding;
    return exciton_selftest_wanted(d) && exciton_cache_exists(&d->context->env) && exciton_selftest_recall(d, spec, &finding) &&
           finding.verdict != EXCITON_ANSWER_WRONG;
}

/* A known one is left to the first binding that needs it, unless that is likely to be the first of all. */
static bool can_wait(exciton_device *d, const exciton_kernel_spec *spec, const first_kernels *first)
{
    for (uint32_t i = 0; spec->kernel != EXCITON_KERNEL_COPY && !spec->in_place && i < first->count; ++i)
        if (exciton_kernel_same(&first->specs[i], spec))
            return false;
    return is_known(d, spec);
}

static exciton_status make_ready(exciton_device *d, const exciton_kernel_spec *spec, const first_kernels *first)
{
    exciton_be_kernel *kernel;
    return can_wait(d, spec, first) ? EXCITON_OK : exciton_device_kernel(d, spec, &kernel);
}

/* ---- what a plan compiles ---- */

/* Lowers group_cap to what the kernels of the set can run. True when it changed: the set is another then. */
static exciton_status ask_group_limits(exciton_plan *plan, const exciton_kernel_spec *specs, uint32_t count, bool *changed)
{
    exciton_device *d = plan->device;
    exciton_status status = EXCITON_OK;
    *changed = false;
    for (uint32_t i = 0; !status && d->backend->kernel_group_limit && i < count; ++i) {
        uint32_t limit = 0;
        if (exciton_device_leaves_out(d, &specs[i]) || is_known(d, &specs[i])) /* tested in groups of that size */
            continue;
        status = exciton_device_note(d, d->backend->kernel_group_limit(d->be, &specs[i], &limit));
        if (status == EXCITON_ERROR_COMPILE) /* exciton_device_kernel will see, and leave it out */
            status = EXCITON_OK;
        if (!status && limit && limit < specs[i].group_size) {
            plan->group_cap = limit < plan->group_cap ? limit : plan->group_cap;
            *changed = true;
        }
    }
    return status;
}

static bool is_free(const exciton_se_problem *p) { return !p->schedule && !p->form && !p->group_size && !p->shares; }

exciton_status exciton_plan_choose(const exciton_plan *plan, uint64_t batch, uint64_t space, bool in_place, exciton_se_way *way)
{
    const exciton_se_problem *p = &plan->problem;
    const exciton_limits *limits = &plan->device->limits;
    const exciton_winner *winner = exciton_winners_find(&plan->winners, batch, space, in_place);
    if (winner) {
        *way = winner->way;
        return EXCITON_OK;
    }
    return exciton_se_choose(p, limits, plan->costs.points ? &plan->costs : NULL, plan->group_cap, batch, space, in_place, way);
}

/* Those of the winners that this plan can use, their kernels compiled. */
static exciton_status compile_winners(exciton_plan *plan, const exciton_winners *all)
{
    exciton_device *d = plan->device;
    const exciton_se_problem *p = &plan->problem;
    exciton_status status = EXCITON_OK;
    for (uint32_t i = all->count; !status && i-- > 0;) { /* the last added is found first */
        const exciton_winner *w = &all->list[i];
        exciton_kernel_spec specs[EXCITON_SE_VARIANTS];
        first_kernels first;
        if (w->batch > p->max.batch || w->space > p->max_space || w->way.group_size > plan->group_cap ||
            exciton_se_feasible(p, &d->limits, &w->way, w->space))
            continue;
        uint32_t count = 0;
        exciton_se_way_variants(p, &d->limits, &w->way, specs, &count);
        bool whole = true, largest = w->batch == p->max.batch && w->space == p->max_space && !w->in_place;
        status = list_first(plan, largest ? &w->way : NULL, &first);
        for (uint32_t k = 0; !status && whole && k < count; ++k) {
            status = make_ready(d, &specs[k], &first);
            if (status && exciton_device_leaves_out(d, &specs[k])) {
                whole = false;
                status = EXCITON_OK;
            }
        }
        if (!status && whole)
            exciton_winners_add(&plan->winners, w);
    }
    return status;
}

static exciton_status recall_winners(exciton_plan *plan)
{
    exciton_winners all;
    if (!is_free(&plan->problem))
        return EXCITON_OK;
    exciton_winners_recall(plan->device, &plan->problem, &all);
    return compile_winners(plan, &all);
}

/* The variants that shapes within the range can select, in groups that all of them can have. */
static exciton_status list_variants(exciton_plan *plan, exciton_kernel_spec specs[EXCITON_SE_VARIANTS], uint32_t *count)
{
    exciton_device *d = plan->device;
    bool changed = true;
    exciton_status status = EXCITON_OK;
    while (!status && changed) {
        if (!plan->problem.schedule)
            plan->problem.allowed = exciton_se_allowed(&plan->problem, &d->limits, plan->costs.points ? &plan->costs : NULL, plan->group_cap);
        status = exciton_se_variants(&plan->problem, &d->limits, plan->group_cap, specs, count);
        if (!status)
            status = ask_group_limits(plan, specs, *count, &changed);
    }
    return status;
}

/* Chooses again, without it, each time that a variant turns out to be left out. What says why no way is left is the first. */
static exciton_status compile(exciton_plan *plan)
{
    exciton_device *d = plan->device;
    exciton_kernel_spec specs[EXCITON_SE_VARIANTS];
    first_kernels first;
    uint32_t count, i = 0;
    char cause_line[512] = "";
    exciton_status status, cause = EXCITON_OK;
    for (;;) {
        status = list_variants(plan, specs, &count);
        if (!status)
            status = list_first(plan, NULL, &first);
        for (i = 0; !status && i < count; ++i)
            status = make_ready(d, &specs[i], &first);
        if (!status || i == 0 || !exciton_device_leaves_out(d, &specs[i - 1]))
            break;
        if (!cause) {
            cause = status;
            snprintf(cause_line, sizeof cause_line, "%s", exciton_last_error());
        }
        if (!exciton_se_bar(&plan->problem, &d->limits, plan->group_cap, &specs[i - 1]))
            break;
    }
    bool refused = status == EXCITON_ERROR_UNSUPPORTED || status == EXCITON_ERROR_LIMIT || status == EXCITON_ERROR_COMPILE;
    return cause && refused ? exciton_fail(cause, "plan_create_se: no way is left: %s", cause_line) : status;
}

static exciton_status fill(exciton_plan *plan, const exciton_se *se)
{
    exciton_status status = compile(plan);
    if (!status)
        status = recall_winners(plan);
    return status ? status : upload_weights(plan, se);
}

exciton_status exciton_plan_create_se(exciton_device *d, const exciton_se *given, exciton_plan **plan)
{
    if (plan)
        *plan = NULL;
    exciton_status status = exciton_device_check(d, "plan_create_se");
    if (!status && (!plan || !given))
        status = exciton_fail(EXCITON_ERROR_ARGUMENT, "plan_create_se: %s: NULL", plan ? "se" : "plan");
    exciton_se se;
    exciton_se_problem problem;
    if (!status)
        status = exciton_params_copy(&se, sizeof se, given, "se");
    if (!status)
        status = exciton_se_check(&se, &problem);
    if (!status && problem.clblast && !d->backend->clblast)
        status = exciton_fail(EXCITON_ERROR_UNSUPPORTED, "plan_create_se: excitation: clblast: only on OpenCL, and %s is of %s", d->found->info.name,
                              d->backend->name);
    if (status)
        return status;
    exciton_plan *p = exciton_allocate(&d->context->env, sizeof *p);
    if (!p)
        return exciton_fail(EXCITON_ERROR_MEMORY, "plan_create_se: out of memory");
    p->object.kind = EXCITON_KIND_PLAN;
    p->device = d;
    p->holders = 1;
    p->problem = problem;
    p->group_cap = d->limits.max_group_size;
    if (!problem.schedule)
        p->costs = exciton_device_costs(d, exciton_se_footprint(&problem));
    exciton_device_lock(d);
    p->next = d->plans;
    d->plans = p;
    status = fill(p, &se);
    exciton_selftest_settle(d);
    if (status)
        exciton_plan_drop(p);
    else
        *plan = p;
    exciton_device_unlock(d);
    if (!status && is_free(&problem) &&
        (se.measure == EXCITON_MEASURE_AGAIN ||
         (se.measure == EXCITON_MEASURE_MISSING && !exciton_winners_find(&p->winners, problem.max.batch, problem.max_space, false)))) {
        status = exciton_plan_tune(p);
        if (status) {
            exciton_plan_destroy(p);
            *plan = NULL;
        }
    }
    return status;
}

void exciton_plan_destroy(exciton_plan *plan)
{
    if (!plan || exciton_object_check(plan, EXCITON_KIND_PLAN, "plan_destroy"))
        return;
    exciton_device *d = plan->device;
    exciton_device_lock(d);
    plan->object.kind = EXCITON_KIND_DEAD; /* bindings may hold it on */
    while (plan->kept_count)
        exciton_binding_drop(plan->kept[--plan->kept_count].binding);
    exciton_plan_drop_staging(plan);
    exciton_plan_drop(plan);
    exciton_device_unlock(d);
}

exciton_status exciton_plan_scratch_bytes(exciton_plan *plan, const exciton_shape *shape, uint64_t *bytes)
{
    exciton_status status = exciton_object_check(plan, EXCITON_KIND_PLAN, "plan_scratch_bytes");
    if (!status && !bytes)
        status = exciton_fail(EXCITON_ERROR_ARGUMENT, "plan_scratch_bytes: bytes: NULL");
    if (status)
        return status;
    const exciton_shape largest = {0};
    uint64_t batch, space;
    exciton_se_way way;
    const exciton_limits *limits = &plan->device->limits;
    uint64_t most = 0;
    status = exciton_se_check_shape(&plan->problem, shape ? shape : &largest, &batch, &space);
    for (int in_place = 0; !status && in_place < 2; ++in_place) { /* enough for both */
        status = exciton_plan_choose(plan, batch, space, in_place, &way);
        if (!status)
            most = exciton_max(most, exciton_se_scratch(&plan->problem, limits, &way, batch, space));
        else if (in_place && plan->problem.shares > 1)
            status = EXCITON_OK; /* out of place only */
    }
    if (!status)
        *bytes = most;
    return status;
}
