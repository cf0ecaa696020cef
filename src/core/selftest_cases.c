#include "core/selftest_cases.h"

#include "base/checked.h"

#include <string.h>

const exciton_role exciton_role_of[EXCITON_SLOT_COUNT] = {
    [EXCITON_SLOT_IN] = EXCITON_ROLE_X, [EXCITON_SLOT_OUT] = EXCITON_ROLE_Y, [EXCITON_SLOT_S] = EXCITON_ROLE_SAVED,
    [EXCITON_SLOT_H] = EXCITON_ROLE_SAVED, [EXCITON_SLOT_G] = EXCITON_ROLE_SAVED, [EXCITON_SLOT_WEIGHTS] = EXCITON_ROLE_W,
    [EXCITON_SLOT_SCRATCH] = EXCITON_ROLE_T,
};

enum { SHARES = 2, UNITS = 2, ALIGNMENT = 256 };
static const uint32_t guard = UINT32_C(0x7fa5c3e1); /* a NaN */

/* Several samples with remainders everywhere; rows of several chunks, which three-stages sums in pieces; rows shorter than the
 * lanes, and weights heavy beside them; a sample in pieces between its blocks. C' twice and R' are at most 64 together, the least local memory of a variant. */
static const struct {
    uint64_t batch, channels, hidden, space;
    bool bias;
    exciton_activation activation;
    exciton_gate gate;
    exciton_output output;
    exciton_then then;
    uint64_t narrow;
    bool narrow_split, stream;
    uint32_t groups;
    uint64_t skew[2];
} blocks[EXCITON_KNOWN] = {
    {3, 21, 13, 67, true, EXCITON_ACTIVATION_SILU, EXCITON_GATE_SIGMOID, EXCITON_OUTPUT_RESIDUAL, EXCITON_THEN_NOTHING, 0, false, false, 2, {3, 1}},
    {1, 3, 5, 9001, false, EXCITON_ACTIVATION_RELU, EXCITON_GATE_HARD_SIGMOID_6, EXCITON_OUTPUT_SCALE, EXCITON_THEN_RELU, 20480, false, true, 3,
     {0, 0}},
    {7, 21, 9, 5, true, EXCITON_ACTIVATION_HARD_SWISH, EXCITON_GATE_HARD_SIGMOID_5, EXCITON_OUTPUT_SCALE, EXCITON_THEN_NOTHING, 0, false, false, 1,
     {2, 0}},
    {1, 21, 16, 68, true, EXCITON_ACTIVATION_IDENTITY, EXCITON_GATE_SIGMOID, EXCITON_OUTPUT_RESIDUAL, EXCITON_THEN_RELU, 4096, true, false, 2,
     {0, 4}},
};

/* ---- data ---- */

static uint64_t place(uint64_t *total, uint64_t elements)
{
    uint64_t at = *total;
    *total += exciton_round_up(elements + EXCITON_KNOWN_GUARD, EXCITON_KNOWN_GUARD);
    return at;
}

/* The largest scratch of all kernels. */
static uint64_t scratch_of(const exciton_known *k)
{
    uint64_t most = 0;
    for (int schedule = EXCITON_SCHEDULE_THREE_STAGES; schedule <= EXCITON_SCHEDULE_PIPELINED; ++schedule) {
        const exciton_se_way way = {.schedule = (exciton_schedule)schedule, .form = EXCITON_FORM_ROWS, .group_size = 1, .shares = SHARES};
        most = exciton_max(most, exciton_se_lay_out(&k->p, &way, k->batch, k->space).total);
    }
    return most;
}

static exciton_status describe(const exciton_env *env, exciton_known *k, int i, uint64_t count[EXCITON_ROLES])
{
    uint64_t channels = blocks[i].channels, hidden = blocks[i].hidden;
    k->c = (exciton_case){.seed = 7, .number = (uint32_t)i, .channels = channels, .hidden = hidden,
                          .shape = {.batch = blocks[i].batch, .dims = 1, .spatial = {blocks[i].space}}, .bias1 = blocks[i].bias,
                          .bias2 = blocks[i].bias, .activation = blocks[i].activation, .gate = blocks[i].gate, .output = blocks[i].output,
                          .then = blocks[i].then};
    k->space = blocks[i].space;
    k->batch = blocks[i].batch;
    k->narrow = blocks[i].narrow;
    k->narrow_split = blocks[i].narrow_split;
    k->stream = blocks[i].stream;
    k->groups = blocks[i].groups;
    float **const to[] = {&k->w1, &k->b1, &k->w2, &k->b2};
    for (int t = EXCITON_CASE_W1; t <= EXCITON_CASE_B2; ++t) {
        float **at = to[t - EXCITON_CASE_W1];
        uint64_t elements = exciton_case_count(&k->c, (exciton_case_tensor)t);
        if (elements && !(*at = exciton_allocate_array(env, elements, sizeof **at)))
            return exciton_fail(EXCITON_ERROR_MEMORY, "self-test: out of memory");
        if (elements)
            exciton_case_fill(&k->c, (exciton_case_tensor)t, *at);
    }
    exciton_se se = exciton_case_describe(&k->c);
    se.fc1 = (exciton_layer){.data = k->w1, .bias = k->b1};
    se.fc2 = (exciton_layer){.data = k->w2, .bias = k->b2};
    exciton_status status = exciton_se_check(&se, &k->p);
    if (status)
        return status;
    uint64_t tensor = k->batch * channels * k->space;
    for (int role = EXCITON_ROLE_X; role <= EXCITON_ROLE_Y; ++role) {
        k->skew[role] = blocks[i].skew[role];
        k->at[role] = place(&count[role], tensor + k->skew[role]);
    }
    const uint64_t saved[3] = {k->batch * channels, k->batch * hidden, k->batch * channels};
    for (int s = 0; s < 3; ++s)
        k->saved_at[s] = place(&count[EXCITON_ROLE_SAVED], saved[s]);
    k->at[EXCITON_ROLE_W] = place(&count[EXCITON_ROLE_W], exciton_se_weight_count(&k->p));
    k->at[EXCITON_ROLE_T] = place(&count[EXCITON_ROLE_T], scratch_of(k));
    return EXCITON_OK;
}

static void fill(exciton_known_set *set, const exciton_known *k)
{
    exciton_se se = exciton_case_describe(&k->c);
    se.fc1 = (exciton_layer){.data = k->w1, .bias = k->b1};
    se.fc2 = (exciton_layer){.data = k->w2, .bias = k->b2};
    exciton_case_fill(&k->c, EXCITON_CASE_X, set->image[EXCITON_ROLE_X] + exciton_known_tensor(k, EXCITON_ROLE_X));
    exciton_se_pack(&k->p, &se, set->image[EXCITON_ROLE_W] + k->at[EXCITON_ROLE_W]);
}

exciton_status exciton_known_make(const exciton_env *env, exciton_known_set *set)
{
    *set = (exciton_known_set){0};
    exciton_status status = EXCITON_OK;
    for (int role = 0; role < EXCITON_ROLES; ++role)
        set->count[role] = EXCITON_KNOWN_GUARD;
    for (int i = 0; !status && i < EXCITON_KNOWN; ++i)
        status = describe(env, &set->list[i], i, set->count);
    for (int role = 0; !status && role < EXCITON_ROLES; ++role) {
        set->image[role] = exciton_allocate_array(env, set->count[role], sizeof(float));
        if (!set->image[role])
            status = exciton_fail(EXCITON_ERROR_MEMORY, "self-test: out of memory");
        for (uint64_t i = 0; !status && i < set->count[role]; ++i)
            memcpy(&set->image[role][i], &guard, sizeof guard);
    }
    for (int i = 0; !status && i < EXCITON_KNOWN; ++i)
        fill(set, &set->list[i]);
    return status;
}

void exciton_known_release(const exciton_env *env, exciton_known_set *set)
{
    for (int i = 0; i < EXCITON_KNOWN; ++i) {
        exciton_known *k = &set->list[i];
        float *const all[] = {k->w1, k->b1, k->w2, k->b2};
        for (int t = 0; t < 4; ++t)
            exciton_release(env, all[t]);
    }
    for (int role = 0; role < EXCITON_ROLES; ++role)
        exciton_release(env, set->image[role]);
    *set = (exciton_known_set){0};
}

uint64_t exciton_known_tensor(const exciton_known *k, exciton_role role) { return k->at[role] + k->skew[role]; }

/* ---- steps ---- */

static exciton_se_way way_of(const exciton_known *k, const exciton_kernel_spec *spec)
{
    exciton_se_way way = {.schedule = EXCITON_SCHEDULE_THREE_STAGES, .form = spec->form, .group_size = spec->group_size, .shares = 1};
    if (spec->kernel == EXCITON_KERNEL_SPLIT_SQUEEZE || spec->kernel == EXCITON_KERNEL_SPLIT_SCALE)
        way.schedule = EXCITON_SCHEDULE_SPLIT_EXCITE;
    else if (spec->kernel == EXCITON_KERNEL_PIPELINE)
        way.schedule = EXCITON_SCHEDULE_PIPELINED;
    else if (spec->kernel == EXCITON_KERNEL_SAMPLE) {
        way.schedule = EXCITON_SCHEDULE_SAMPLE_IN_GROUP;
        if (!spec->in_place && exciton_se_together(&k->p, &way, k->space) == 1) /* shares would keep samples apart */
            way.shares = SHARES;
    }
    return way;
}

exciton_se_layout exciton_known_layout(const exciton_known *k, const exciton_kernel_spec *spec)
{
    const exciton_se_way way = way_of(k, spec);
    return exciton_se_lay_out(&k->p, &way, k->batch, k->space);
}

/* As of a device that cuts where the block is to be cut. */
static exciton_limits limits_for(const exciton_known *k, exciton_schedule schedule)
{
    bool cut = k->narrow && (schedule == EXCITON_SCHEDULE_THREE_STAGES || (k->narrow_split && schedule == EXCITON_SCHEDULE_SPLIT_EXCITE));
    return (exciton_limits){.max_binding_range = cut ? k->narrow : UINT64_C(1) << 30, .binding_alignment = ALIGNMENT, .max_group_size = 1,
                            .max_group_count = 65535, .compute_units = UNITS, .cache_bytes = k->stream ? 1 : 0};
}

/* In place y is where x is. No device looks at y_at there; host, whose bound ranges begin at x itself, does. */
static void align_in_place(exciton_step *step)
{
    const exciton_kernel_entry *entry = exciton_kernel_describe(step->kernel.kernel);
    for (uint32_t i = 1; step->kernel.in_place && i < entry->param_count; ++i)
        if (!strcmp(entry->params[i], "y_at"))
            step->params[i] = step->params[i - 1];
}

static exciton_status take(const exciton_env *env, const exciton_known *k, const exciton_kernel_spec *spec, uint32_t most_groups,
                           const exciton_step_list *all, exciton_step_list *before, exciton_step_list *steps)
{
    exciton_status status = EXCITON_OK;
    bool begun = false;
    for (uint32_t i = 0; !status && i < all->count; ++i) {
        exciton_step step = all->steps[i];
        bool mine = step.kernel.kernel == spec->kernel;
        begun = begun || mine;
        for (uint32_t s = 0; s < exciton_kernel_slot_count(&step.kernel); ++s)
            if (step.slots[s].slot == EXCITON_SLOT_WEIGHTS)
                step.slots[s].offset += k->at[EXCITON_ROLE_W] * sizeof(float);
        step.groups = (uint32_t)exciton_min(k->groups, most_groups);
        if (mine)
            step.kernel = *spec;
        align_in_place(&step);
        if (mine || !begun)
            status = exciton_steps_add(env, mine ? steps : before, &step);
    }
    return status;
}

static exciton_status lower(const exciton_env *env, const exciton_known *k, const exciton_kernel_spec *spec, uint32_t most_groups,
                            exciton_step_list *before, exciton_step_list *steps)
{
    const exciton_se_way way = way_of(k, spec);
    const exciton_limits limits = limits_for(k, way.schedule);
    bool saves = spec->kernel == EXCITON_KERNEL_COPY;
    const exciton_se_placement placement = {
        .in = exciton_known_tensor(k, EXCITON_ROLE_X) * sizeof(float), .out = exciton_known_tensor(k, EXCITON_ROLE_Y) * sizeof(float),
        .s = k->saved_at[0] * sizeof(float), .h = k->saved_at[1] * sizeof(float), .g = k->saved_at[2] * sizeof(float),
        .scratch = k->at[EXCITON_ROLE_T] * sizeof(float), .in_place = spec->in_place, .save_s = saves, .save_h = saves, .save_g = saves};
    exciton_se_lowered lowered;
    exciton_status status = exciton_se_lower(env, &k->p, &limits, &way, k->batch, k->space, &placement, &lowered);
    if (status)
        return status;
    status = take(env, k, spec, most_groups, &lowered.list, before, steps);
    exciton_steps_release(env, &lowered.list);
    return status;
}

/* Three copies one behind the other, of lengths with rests; the second past the caches, where form rows can. What is bound is a unit
 * longer, so that a driver that drops writes beyond it hides none. */
static exciton_status stream(const exciton_env *env, const exciton_kernel_spec *spec, uint32_t most_groups, exciton_step_list *steps)
{
    static const uint32_t lengths[] = {2051, 4099, 61}, at[] = {0, 4096, 12288}, units[] = {256, 512, 64};
    exciton_status status = EXCITON_OK;
    for (uint32_t i = 0; !status && i < 3; ++i) {
        uint64_t offset = at[i] * sizeof(float), range = exciton_round_up(lengths[i] + units[i], 4) * sizeof(float);
        exciton_step step = {.kernel = *spec, .groups = (uint32_t)exciton_min(i + 1, most_groups),
                             .slots = {{EXCITON_SLOT_IN, offset, range}, {EXCITON_SLOT_OUT, offset, range}},
                             .params = {(uint32_t)exciton_divide_up(lengths[i], units[i]), units[i], lengths[i],
                                        i == 1 && spec->form == EXCITON_FORM_ROWS}};
        status = exciton_steps_add(env, steps, &step);
    }
    return status;
}

exciton_status exciton_known_steps(const exciton_env *env, const exciton_known_set *set, const exciton_kernel_spec *spec, uint32_t most_groups,
                                   exciton_step_list *before, exciton_step_list *steps)
{
    exciton_status status = EXCITON_OK;
    if (spec->kernel == EXCITON_KERNEL_STREAM)
        return stream(env, spec, most_groups, steps);
    for (int i = 0; !status && i < EXCITON_KNOWN; ++i)
        status = lower(env, &set->list[i], spec, most_groups, before, steps);
    return status;
}
