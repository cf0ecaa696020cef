/* Which schedule and form run a shape: what is possible, and the cheapest of it. */
#include "base/checked.h"
#include "ops/se_layout.h"

#include <inttypes.h>

enum {
    LANES_GROUP = 128,           /* the smallest maximum that Vulkan allows */
    LANES_MOST = 1024,           /* the largest that is common */
    UNKNOWN_UNITS = 64,          /* compute units where a device does not say */
    KERNELS = 5                  /* most of a schedule */
};

static const exciton_kernel kernels_of[5][KERNELS] = {
    [EXCITON_SCHEDULE_THREE_STAGES] = {EXCITON_KERNEL_SQUEEZE, EXCITON_KERNEL_HIDDEN, EXCITON_KERNEL_GATE, EXCITON_KERNEL_SCALE, EXCITON_KERNEL_COPY},
    [EXCITON_SCHEDULE_SPLIT_EXCITE] = {EXCITON_KERNEL_SPLIT_SQUEEZE, EXCITON_KERNEL_SPLIT_SCALE, EXCITON_KERNEL_COPY, EXCITON_KERNEL_COUNT},
    [EXCITON_SCHEDULE_SAMPLE_IN_GROUP] = {EXCITON_KERNEL_SAMPLE, EXCITON_KERNEL_COPY, EXCITON_KERNEL_COUNT},
    [EXCITON_SCHEDULE_PIPELINED] = {EXCITON_KERNEL_PIPELINE, EXCITON_KERNEL_COPY, EXCITON_KERNEL_COUNT},
};

static uint32_t power_of_two_below(uint32_t value)
{
    uint32_t power = 1;
    while (power <= value / 2)
        power *= 2;
    return power;
}

/* A GPU's group has all of a block's rows under way at once: one after the other each would wait for memory (docs/gpus.md).
 * Where groups are loops on a processor, more work-items wait for nothing less. */
static uint32_t lanes_group(const exciton_se_problem *p, const exciton_limits *limits)
{
    if (limits->local_memory_is_global)
        return LANES_GROUP;
    uint64_t rows = exciton_min(exciton_min(p->block, p->channels), LANES_MOST / EXCITON_LANES);
    return power_of_two_below((uint32_t)exciton_max(LANES_GROUP, rows * EXCITON_LANES));
}

static uint32_t group_size(const exciton_se_problem *p, const exciton_limits *limits, uint32_t cap, exciton_form form)
{
    uint32_t most = power_of_two_below((uint32_t)exciton_max(1, exciton_min(cap, limits->max_group_size)));
    if (p->group_size)
        return (uint32_t)exciton_min(most, p->group_size);
    if (form == EXCITON_FORM_ROWS || exciton_se_texels(limits))
        return exciton_se_plain_group(limits, most);
    return (uint32_t)exciton_min(most, lanes_group(p, limits));
}

static exciton_status refuse(const exciton_se_way *way, const char *limit, uint64_t have, uint64_t need)
{
    return exciton_fail(EXCITON_ERROR_LIMIT, "schedule %s, form %s: %s: the device has %" PRIu64 ", this needs %" PRIu64,
                        exciton_schedule_name(way->schedule), exciton_form_name(way->form), limit, have, need);
}

static exciton_status local_fits(const exciton_se_problem *p, const exciton_limits *limits, const exciton_se_way *way, exciton_kernel kernel)
{
    if (way->form != EXCITON_FORM_LANES)
        return EXCITON_OK;
    uint64_t need = ((uint64_t)way->group_size + exciton_se_local_floats(p, kernel)) * sizeof(float);
    return need <= limits->local_memory ? EXCITON_OK : refuse(way, "local_memory", limits->local_memory, need);
}

static exciton_status local_of_schedule(const exciton_se_problem *p, const exciton_limits *limits, const exciton_se_way *way)
{
    exciton_status status;
    switch (way->schedule) {
    case EXCITON_SCHEDULE_SPLIT_EXCITE:
        status = local_fits(p, limits, way, EXCITON_KERNEL_SPLIT_SQUEEZE);
        return status ? status : local_fits(p, limits, way, EXCITON_KERNEL_SPLIT_SCALE);
    case EXCITON_SCHEDULE_SAMPLE_IN_GROUP:
        return local_fits(p, limits, way, EXCITON_KERNEL_SAMPLE);
    case EXCITON_SCHEDULE_PIPELINED:
        return local_fits(p, limits, way, EXCITON_KERNEL_PIPELINE);
    default:
        return local_fits(p, limits, way, EXCITON_KERNEL_SQUEEZE);
    }
}

/* Elements that a step of the schedule must see at once. */
static uint64_t unit_elements(const exciton_se_problem *p, const exciton_se_way *way, uint64_t space)
{
    switch (way->schedule) {
    case EXCITON_SCHEDULE_SPLIT_EXCITE:
        return exciton_min(p->block, p->channels) * space;
    case EXCITON_SCHEDULE_SAMPLE_IN_GROUP:
    case EXCITON_SCHEDULE_PIPELINED:
        return p->channels * space;
    default:
        return exciton_min(space, EXCITON_CHUNK);
    }
}

/* Each kernel's unit within the iterations that the driver counts. */
static exciton_status loops_fit(const exciton_se_problem *p, const exciton_limits *limits, const exciton_se_way *way, uint64_t space)
{
    uint64_t length = way->schedule == EXCITON_SCHEDULE_THREE_STAGES ? exciton_min(space, EXCITON_SEGMENT) : space;
    for (int i = 0; limits->max_iterations && i < KERNELS && kernels_of[way->schedule][i] != EXCITON_KERNEL_COUNT; ++i) {
        exciton_kernel_spec spec = exciton_se_spec(p, limits, way, kernels_of[way->schedule][i], false);
        uint64_t need = exciton_se_iterations(p, &spec, spec.kernel == EXCITON_KERNEL_SCALE ? exciton_min(length, EXCITON_SE_SCALE_UNIT) : length);
        if (need > limits->max_iterations)
            return refuse(way, "max_iterations", limits->max_iterations, need);
    }
    return EXCITON_OK;
}

static uint32_t bit_of(exciton_schedule schedule, exciton_form form) { return UINT32_C(1) << ((uint32_t)form * 8 + (uint32_t)schedule); }

static bool is_barred(const exciton_se_problem *p, exciton_schedule schedule, exciton_form form) { return p->barred & bit_of(schedule, form); }

exciton_status exciton_se_feasible(const exciton_se_problem *p, const exciton_limits *limits, const exciton_se_way *way, uint64_t space)
{
    if (!limits->forms[way->form])
        return exciton_fail(EXCITON_ERROR_UNSUPPORTED, "schedule %s: form %s: the device has no such form", exciton_schedule_name(way->schedule),
                            exciton_form_name(way->form));
    if (is_barred(p, way->schedule, way->form))
        return exciton_fail(EXCITON_ERROR_UNSUPPORTED, "schedule %s, form %s: a kernel of it is left out on this device",
                            exciton_schedule_name(way->schedule), exciton_form_name(way->form));
    uint64_t longest = way->schedule == EXCITON_SCHEDULE_THREE_STAGES ? (uint64_t)EXCITON_SEGMENT * EXCITON_SEGMENT : EXCITON_SEGMENT;
    if (space > longest)
        return refuse(way, "spatial size", longest, space);
    uint64_t need = unit_elements(p, way, space) * sizeof(float);
    if (need > exciton_se_capacity(limits) * sizeof(float))
        return refuse(way, "max_binding_range", limits->max_binding_range, need + limits->binding_alignment);
    need = exciton_se_weight_count(p) * sizeof(float);
    if (need > limits->max_binding_range)
        return refuse(way, "max_binding_range (weights)", limits->max_binding_range, need);
    need = exciton_se_lay_out(p, way, 1, space).total * sizeof(float);
    if (need > limits->max_binding_range)
        return refuse(way, "max_binding_range (scratch)", limits->max_binding_range, need);
    uint32_t buffers = way->schedule == EXCITON_SCHEDULE_THREE_STAGES ? 3 : 4;
    if (limits->max_storage_buffers < buffers)
        return refuse(way, "max_storage_buffers", limits->max_storage_buffers, buffers);
    exciton_status status = loops_fit(p, limits, way, space);
    return status ? status : local_of_schedule(p, limits, way);
}

static exciton_form preferred_form(const exciton_limits *limits)
{
    if (!limits->forms[EXCITON_FORM_LANES])
        return EXCITON_FORM_ROWS;
    bool rows = limits->local_memory_is_global && limits->forms[EXCITON_FORM_ROWS] && !exciton_se_texels(limits);
    return rows ? EXCITON_FORM_ROWS : EXCITON_FORM_LANES;
}

/* The other one where what must always run, the baseline or what was asked for, is barred in the preferred one. */
static exciton_form choose_form(const exciton_se_problem *p, const exciton_limits *limits)
{
    if (p->form)
        return p->form;
    exciton_form form = preferred_form(limits), other = form == EXCITON_FORM_ROWS ? EXCITON_FORM_LANES : EXCITON_FORM_ROWS;
    exciton_schedule must = p->schedule ? p->schedule : EXCITON_SCHEDULE_THREE_STAGES;
    return is_barred(p, must, form) && limits->forms[other] && !is_barred(p, must, other) ? other : form;
}

/* ---- the cheapest ---- */

static bool is_allowed(const exciton_se_problem *p, exciton_schedule schedule) { return !p->allowed || p->allowed >> schedule & 1; }

/* Work-groups a sample: as asked; one where others would read what one of them overwrites. */
static exciton_status check_shares(const exciton_se_problem *p, bool in_place)
{
    if (in_place && p->shares > 1)
        return exciton_fail(EXCITON_ERROR_UNSUPPORTED, "schedule sample-in-group: shares: %u: in place a sample is one work-group's", p->shares);
    return EXCITON_OK;
}

uint32_t exciton_se_most_shares(const exciton_se_problem *p, const exciton_limits *limits, uint64_t batch, bool in_place)
{
    if (in_place)
        return 1;
    uint64_t units = limits->compute_units ? limits->compute_units : UNKNOWN_UNITS;
    return (uint32_t)exciton_max(1, exciton_min(EXCITON_SE_SHARES, exciton_min(p->channel_pitch / 8, units / batch)));
}

typedef struct search {
    const exciton_se_problem *p;
    const exciton_limits *limits;
    const exciton_costs *costs;
    uint64_t batch, space;
    bool in_place, found;
    double cost;
    exciton_se_way best;
} search;

static void consider(search *s, const exciton_se_way *way)
{
    double cost = exciton_se_cost(s->p, s->limits, s->costs, way, s->batch, s->space, s->in_place);
    if (s->found && cost >= s->cost)
        return;
    s->found = true;
    s->cost = cost;
    s->best = *way;
}

/* A schedule in all its shares. Returns why it can't be, where it can't. */
static exciton_status consider_schedule(search *s, exciton_se_way way)
{
    uint32_t least = 1, most = 1;
    if (way.schedule == EXCITON_SCHEDULE_SAMPLE_IN_GROUP) {
        exciton_status status = check_shares(s->p, s->in_place);
        if (status)
            return status;
        least = s->p->shares ? s->p->shares : 1;
        most = s->p->shares ? s->p->shares : exciton_se_most_shares(s->p, s->limits, s->batch, s->in_place);
    }
    way.shares = least;
    exciton_status status = exciton_se_feasible(s->p, s->limits, &way, s->space);
    for (; !status && way.shares <= most; way.shares *= 2)
        consider(s, &way);
    return status;
}

exciton_se_way exciton_se_way_of(const exciton_se_problem *p, const exciton_limits *limits, uint32_t group_cap, exciton_schedule schedule,
                                 exciton_form form)
{
    return (exciton_se_way){.schedule = schedule, .form = form, .group_size = group_size(p, limits, group_cap, form), .shares = 1};
}

exciton_status exciton_se_choose(const exciton_se_problem *p, const exciton_limits *limits, const exciton_costs *costs, uint32_t group_cap,
                                 uint64_t batch, uint64_t space, bool in_place, exciton_se_way *way)
{
    search s = {.p = p, .limits = limits, .costs = costs, .batch = batch, .space = space, .in_place = in_place};
    exciton_se_way trial = exciton_se_way_of(p, limits, group_cap, EXCITON_SCHEDULE_DEFAULT, choose_form(p, limits));
    exciton_status status = EXCITON_OK;
    for (int schedule = EXCITON_SCHEDULE_PIPELINED; schedule >= EXCITON_SCHEDULE_THREE_STAGES; --schedule) {
        trial.schedule = (exciton_schedule)schedule;
        if (!p->schedule && schedule == EXCITON_SCHEDULE_THREE_STAGES && s.found)
            break; /* one or two dispatches, wherever that is possible */
        if (p->schedule ? trial.schedule == p->schedule : is_allowed(p, trial.schedule))
            status = consider_schedule(&s, trial); /* the last, and so the baseline, says why */
    }
    if (!s.found)
        return status;
    *way = s.best;
    return EXCITON_OK;
}

/* ---- what a plan compiles ---- */

/* Sizes from 1 to `most`, each about four times the last, and `most`. */
static uint64_t next_size(uint64_t size, uint64_t most) { return size == most ? most + 1 : exciton_min(size * 4, most); }

uint32_t exciton_se_allowed(const exciton_se_problem *p, const exciton_limits *limits, const exciton_costs *costs, uint32_t group_cap)
{
    exciton_se_problem all = *p;
    all.allowed = 0;
    uint32_t bits = 0;
    exciton_se_way way;
    for (uint64_t batch = 1; batch <= p->max.batch; batch = next_size(batch, p->max.batch))
        for (uint64_t space = 1; space <= p->max_space; space = next_size(space, p->max_space))
            for (int in_place = 0; in_place < 2; ++in_place)
                if (!exciton_se_choose(&all, limits, costs, group_cap, batch, space, in_place, &way))
                    bits |= UINT32_C(1) << way.schedule;
    return bits;
}

static void add_variant(exciton_kernel_spec spec, exciton_kernel_spec *specs, uint32_t *count)
{
    for (uint32_t i = 0; i < *count; ++i)
        if (exciton_kernel_same(&specs[i], &spec))
            return;
    specs[(*count)++] = spec;
}

void exciton_se_way_variants(const exciton_se_problem *p, const exciton_limits *limits, const exciton_se_way *way,
                             exciton_kernel_spec specs[EXCITON_SE_VARIANTS], uint32_t *count)
{
    for (int i = 0; i < KERNELS && kernels_of[way->schedule][i] != EXCITON_KERNEL_COUNT; ++i)
        for (int in_place = 0; in_place < 2; ++in_place)
            add_variant(exciton_se_spec(p, limits, way, kernels_of[way->schedule][i], in_place), specs, count);
}

bool exciton_se_bar(exciton_se_problem *p, const exciton_limits *limits, uint32_t group_cap, const exciton_kernel_spec *spec)
{
    uint32_t before = p->barred;
    for (int form = EXCITON_FORM_ROWS; form <= EXCITON_FORM_LANES; ++form)
        for (int schedule = EXCITON_SCHEDULE_THREE_STAGES; schedule <= EXCITON_SCHEDULE_PIPELINED; ++schedule) {
            exciton_kernel_spec specs[EXCITON_SE_VARIANTS];
            uint32_t count = 0;
            exciton_se_way way = exciton_se_way_of(p, limits, group_cap, (exciton_schedule)schedule, (exciton_form)form);
            exciton_se_way_variants(p, limits, &way, specs, &count);
            for (uint32_t i = 0; i < count; ++i)
                if (exciton_kernel_same(&specs[i], spec))
                    p->barred |= bit_of(way.schedule, way.form);
        }
    return p->barred != before;
}

exciton_status exciton_se_variants(const exciton_se_problem *p, const exciton_limits *limits, uint32_t group_cap,
                                   exciton_kernel_spec specs[EXCITON_SE_VARIANTS], uint32_t *count)
{
    *count = 0;
    exciton_se_way way;
    exciton_status status = exciton_se_choose(p, limits, NULL, group_cap, p->max.batch, p->max_space, false, &way);
    if (status)
        return status;
    for (int schedule = EXCITON_SCHEDULE_THREE_STAGES; schedule <= EXCITON_SCHEDULE_PIPELINED; ++schedule) {
        way.schedule = (exciton_schedule)schedule;
        way.shares = 1;
        if (p->schedule ? way.schedule == p->schedule : is_allowed(p, way.schedule) && !exciton_se_feasible(p, limits, &way, 1))
            exciton_se_way_variants(p, limits, &way, specs, count);
    }
    return EXCITON_OK;
}
