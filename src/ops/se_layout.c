#include "ops/se_layout.h"

#include "base/checked.h"

enum {
    REGION_ALIGNMENT = 256 / sizeof(float), /* regions are bound at offsets of their own: Vulkan asks at most 256 bytes */
    LOCAL_STEP = 1024,
    PLAIN_GROUP = 64,
    CROWD = 3 /* x, y, and what others left in the caches: measured, docs/performance.md */
};
static const uint64_t scratch_target = UINT64_C(64) << 20; /* bytes a round of steps should stay below */
static const uint64_t piece_target = UINT64_C(512) << 20;  /* bytes of a tensor a step: about 100 ms at 10 GB/s, below any watchdog */

static uint64_t region(uint64_t *total, uint64_t elements)
{
    uint64_t at = *total;
    *total += exciton_round_up(elements, REGION_ALIGNMENT);
    return at;
}

exciton_se_layout exciton_se_lay_out(const exciton_se_problem *p, const exciton_se_way *way, uint64_t samples, uint64_t space)
{
    bool split = way->schedule == EXCITON_SCHEDULE_SPLIT_EXCITE;
    uint64_t shares = way->schedule == EXCITON_SCHEDULE_SAMPLE_IN_GROUP ? way->shares : 1;
    exciton_se_layout l = {.s_pitch = shares * p->channel_pitch, .h_pitch = (split ? p->blocks : shares) * p->hidden_pitch};
    l.segments = way->schedule == EXCITON_SCHEDULE_THREE_STAGES ? exciton_divide_up(space, EXCITON_SEGMENT) : 1;
    l.s_at = region(&l.total, samples * l.s_pitch);
    l.h_at = region(&l.total, samples * l.h_pitch);
    l.g_at = region(&l.total, samples * p->channel_pitch);
    l.parts_at = region(&l.total, split ? samples * l.h_pitch : 0);
    l.segments_at = region(&l.total, l.segments > 1 ? samples * p->channels * l.segments : 0);
    return l;
}

uint64_t exciton_se_capacity(const exciton_limits *limits)
{
    uint64_t bytes = exciton_min(limits->max_binding_range, piece_target), lost = limits->binding_alignment;
    return bytes > lost ? (bytes - lost) / sizeof(float) : 0;
}

uint64_t exciton_se_round(const exciton_se_problem *p, const exciton_limits *limits, const exciton_se_way *way, uint64_t batch, uint64_t space)
{
    uint64_t by_range = exciton_se_capacity(limits) / ((uint64_t)p->channels * space);
    uint64_t one = exciton_se_lay_out(p, way, 1, space).total * sizeof(float);
    uint64_t by_scratch = exciton_min(limits->max_binding_range, scratch_target) / one;
    uint64_t samples = exciton_min(batch, exciton_min(by_range, by_scratch));
    return exciton_max(samples, 1);
}

bool exciton_se_streams(const exciton_se_problem *p, const exciton_limits *limits, uint64_t batch, uint64_t space, bool in_place)
{
    return !in_place && limits->cache_bytes && 2 * batch * p->channels * space * sizeof(float) > limits->cache_bytes / CROWD;
}

uint64_t exciton_se_run(const exciton_se_problem *p, const exciton_limits *limits, const exciton_se_way *way, uint64_t samples, uint64_t space)
{
    uint64_t run = exciton_divide_up(samples, exciton_max(1, limits->compute_units));
    exciton_kernel_spec spec = exciton_se_spec(p, limits, way, EXCITON_KERNEL_PIPELINE, false);
    if (limits->max_iterations)
        run = exciton_min(run, limits->max_iterations / exciton_se_iterations(p, &spec, space));
    return exciton_max(run, 1);
}

uint32_t exciton_se_together(const exciton_se_problem *p, const exciton_se_way *way, uint64_t space)
{
    bool heavy = p->hidden >= space; /* C R twice, C S once */
    return way->form == EXCITON_FORM_ROWS && way->shares == 1 && heavy ? EXCITON_SE_TOGETHER : 1;
}

static uint32_t bucket(uint64_t floats)
{
    uint64_t size = 64;
    while (size < floats)
        size = size < LOCAL_STEP ? size * 2 : size + LOCAL_STEP;
    return (uint32_t)exciton_min(size, UINT32_MAX / 8);
}

uint32_t exciton_se_local_floats(const exciton_se_problem *p, exciton_kernel kernel)
{
    switch (kernel) {
    case EXCITON_KERNEL_SPLIT_SQUEEZE:
        return bucket(p->block);
    case EXCITON_KERNEL_SPLIT_SCALE:
        return bucket((uint64_t)p->hidden_pitch + p->block);
    case EXCITON_KERNEL_SAMPLE:
        return bucket((uint64_t)p->channel_pitch + p->hidden_pitch);
    case EXCITON_KERNEL_PIPELINE:
        return bucket(2 * (uint64_t)p->channel_pitch + p->hidden_pitch);
    default:
        return 0;
    }
}

uint32_t exciton_se_plain_group(const exciton_limits *limits, uint32_t most)
{
    uint64_t wanted = limits->local_memory_is_global ? exciton_max(1, limits->subgroup_size) : PLAIN_GROUP;
    uint32_t group = 1;
    while ((uint64_t)group * 2 <= exciton_min(most, wanted))
        group *= 2;
    return group;
}

/* Where a work-group is a task on a processor, a texel fetch may be a vector load and a storage buffer be read an element at
 * a time (docs/drivers.md); only if whatever is bound can be viewed. */
bool exciton_se_texels(const exciton_limits *limits)
{
    return limits->local_memory_is_global && limits->forms[EXCITON_FORM_LANES] &&
           limits->max_texel_elements >= limits->max_binding_range / sizeof(float);
}

/* There, local memory costs nothing but is a variant for each size: the least, or half of what there is, which also lets a
 * group take several blocks at a time. */
static uint32_t roomy(const exciton_limits *limits, uint32_t least)
{
    return least ? (uint32_t)exciton_max(least, limits->local_memory / sizeof(float) / 2) : 0;
}

exciton_kernel_spec exciton_se_spec(const exciton_se_problem *p, const exciton_limits *limits, const exciton_se_way *way, exciton_kernel kernel,
                                    bool in_place)
{
    const exciton_kernel_entry *entry = exciton_kernel_describe(kernel);
    exciton_kernel_spec spec = {.kernel = kernel, .form = way->form, .in_place = in_place && entry->has_in_place, .group_size = way->group_size};
    if (!entry->lanes) {
        spec.form = EXCITON_FORM_ROWS;
        spec.group_size = way->form == EXCITON_FORM_ROWS ? way->group_size : exciton_se_plain_group(limits, way->group_size);
    }
    if (spec.form == EXCITON_FORM_LANES)
        spec.local_floats = exciton_se_local_floats(p, kernel);
    spec.clblast = p->clblast && (kernel == EXCITON_KERNEL_HIDDEN || kernel == EXCITON_KERNEL_GATE);
    spec.texels = spec.form == EXCITON_FORM_LANES && exciton_se_texels(limits);
    if (spec.texels)
        spec.local_floats = roomy(limits, spec.local_floats);
    return spec;
}
