/* Which schedule and form run a shape: what is possible, and a simple rule among it. */
#include "base/checked.h"
#include "ops/se_layout.h"

#include <inttypes.h>

enum {
    LANES_GROUP = 128,           /* the smallest maximum that Vulkan allows */
    UNKNOWN_UNITS = 64,          /* compute units where a device does not say */
    SAMPLE_BYTES = 1 << 20,      /* a sample this small is still in cache when it is scaled */
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

static uint32_t group_size(const exciton_se_problem *p, const exciton_limits *limits, uint32_t cap, exciton_form form)
{
    uint32_t most = power_of_two_below((uint32_t)exciton_max(1, exciton_min(cap, limits->max_group_size)));
    if (p->group_size)
        return (uint32_t)exciton_min(most, p->group_size);
    if (form == EXCITON_FORM_ROWS)
        return exciton_se_plain_group(limits, most);
    return (uint32_t)exciton_min(most, LANES_GROUP);
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

exciton_status exciton_se_feasible(const exciton_se_problem *p, const exciton_limits *limits, const exciton_se_way *way, uint64_t space)
{
    if (!limits->forms[way->form])
        return exciton_fail(EXCITON_ERROR_UNSUPPORTED, "schedule %s: form %s: the device has no such form", exciton_schedule_name(way->schedule),
                            exciton_form_name(way->form));
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

static exciton_form choose_form(const exciton_se_problem *p, const exciton_limits *limits)
{
    if (p->form)
        return p->form;
    if (!limits->forms[EXCITON_FORM_LANES])
        return EXCITON_FORM_ROWS;
    return limits->local_memory_is_global && limits->forms[EXCITON_FORM_ROWS] ? EXCITON_FORM_ROWS : EXCITON_FORM_LANES;
}

static uint64_t units_of(const exciton_limits *limits) { return limits->compute_units ? limits->compute_units : UNKNOWN_UNITS; }

/* Work-groups a sample: as asked; one where others would read what one of them overwrites. */
static exciton_status choose_shares(const exciton_se_problem *p, bool in_place, exciton_se_way *way)
{
    way->shares = way->schedule == EXCITON_SCHEDULE_SAMPLE_IN_GROUP && p->shares ? p->shares : 1;
    if (in_place && way->shares > 1)
        return exciton_fail(EXCITON_ERROR_UNSUPPORTED, "schedule sample-in-group: shares: %u: in place a sample is one work-group's", way->shares);
    return EXCITON_OK;
}

/* Best first; a rule, for what is possible. */
static uint32_t preferences(const exciton_se_problem *p, const exciton_limits *limits, uint64_t batch, uint64_t space, exciton_schedule list[4])
{
    uint64_t sample = p->channels * space * sizeof(float), units = units_of(limits);
    uint32_t count = 0;
    if (limits->local_memory_is_global && limits->cache_bytes && batch >= 2 * units && 2 * batch * sample > limits->cache_bytes)
        list[count++] = EXCITON_SCHEDULE_PIPELINED;
    else if (batch >= 2 * units && sample <= SAMPLE_BYTES)
        list[count++] = EXCITON_SCHEDULE_SAMPLE_IN_GROUP;
    list[count++] = EXCITON_SCHEDULE_SPLIT_EXCITE;
    list[count++] = EXCITON_SCHEDULE_THREE_STAGES;
    return count;
}

exciton_status exciton_se_choose(const exciton_se_problem *p, const exciton_limits *limits, uint32_t group_cap, uint64_t batch, uint64_t space,
                                 bool in_place, exciton_se_way *way)
{
    *way = (exciton_se_way){.schedule = p->schedule, .form = choose_form(p, limits), .shares = 1};
    way->group_size = group_size(p, limits, group_cap, way->form);
    exciton_schedule list[4] = {p->schedule};
    uint32_t count = p->schedule ? 1 : preferences(p, limits, batch, space, list);
    exciton_status status = EXCITON_OK;
    for (uint32_t i = 0; i < count; ++i) {
        way->schedule = list[i];
        status = choose_shares(p, in_place, way);
        if (!status)
            status = exciton_se_feasible(p, limits, way, space);
        if (!status)
            return EXCITON_OK;
    }
    return status;
}

/* Whether a shape within the plan's range can prefer the schedule. */
static bool may_prefer(const exciton_se_problem *p, const exciton_limits *limits, exciton_schedule schedule)
{
    uint64_t units = units_of(limits), sample = p->channels * sizeof(float);
    switch (schedule) {
    case EXCITON_SCHEDULE_SAMPLE_IN_GROUP:
        return p->max.batch >= 2 * units && sample <= SAMPLE_BYTES;
    case EXCITON_SCHEDULE_PIPELINED:
        return limits->local_memory_is_global && limits->cache_bytes && p->max.batch >= 2 * units &&
               2 * p->max.batch * sample * p->max_space > limits->cache_bytes;
    default:
        return true;
    }
}

static void add_variant(exciton_kernel_spec spec, exciton_kernel_spec *specs, uint32_t *count)
{
    for (uint32_t i = 0; i < *count; ++i)
        if (exciton_kernel_same(&specs[i], &spec))
            return;
    specs[(*count)++] = spec;
}

static void add_schedule(const exciton_se_problem *p, const exciton_limits *limits, const exciton_se_way *way, exciton_kernel_spec *specs, uint32_t *count)
{
    for (int i = 0; i < KERNELS && kernels_of[way->schedule][i] != EXCITON_KERNEL_COUNT; ++i)
        for (int in_place = 0; in_place < 2; ++in_place)
            add_variant(exciton_se_spec(p, limits, way, kernels_of[way->schedule][i], in_place), specs, count);
}

exciton_status exciton_se_variants(const exciton_se_problem *p, const exciton_limits *limits, uint32_t group_cap,
                                   exciton_kernel_spec specs[EXCITON_SE_VARIANTS], uint32_t *count)
{
    *count = 0;
    exciton_se_way way;
    exciton_status status = exciton_se_choose(p, limits, group_cap, p->max.batch, p->max_space, false, &way);
    if (status)
        return status;
    add_schedule(p, limits, &way, specs, count);
    if (p->schedule)
        return EXCITON_OK;
    /* Fewer samples or a smaller plane may turn any of them into any other that is possible there. */
    exciton_se_way other = way;
    for (int schedule = EXCITON_SCHEDULE_SPLIT_EXCITE; schedule <= EXCITON_SCHEDULE_PIPELINED; ++schedule) {
        other.schedule = (exciton_schedule)schedule;
        if (may_prefer(p, limits, other.schedule) && !exciton_se_feasible(p, limits, &other, 1))
            add_schedule(p, limits, &other, specs, count);
    }
    return EXCITON_OK;
}
