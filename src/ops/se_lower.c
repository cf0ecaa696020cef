/* Lowers an SE block to steps. The batch goes in rounds of whole samples that fit the device's ranges and a bounded
 * scratch; a sample that does not fit is a round of its own, cut into pieces. */
#include "base/checked.h"
#include "ops/se_layout.h"

#include <inttypes.h>
#include <string.h>

typedef struct lowering {
    const exciton_env *env;
    const exciton_se_problem *p;
    const exciton_limits *limits;
    const exciton_se_way *way;
    const exciton_se_placement *place;
    exciton_se_layout layout;
    uint64_t space;
    uint64_t capacity;        /* elements of a tensor a step may see */
    bool stream;              /* y goes past the caches */
    uint64_t first, samples;  /* of this round */
    exciton_se_lowered *out;
} lowering;

/* ---- building a step ---- */

static exciton_step begin(const lowering *l, exciton_kernel kernel)
{
    return (exciton_step){.kernel = exciton_se_spec(l->p, l->limits, l->way, kernel, l->place->in_place)};
}

/* A name that the kernel does not have is passed over: the helpers below set what several kernels share. */
static void param(exciton_step *step, const char *name, uint64_t value)
{
    const exciton_kernel_entry *entry = exciton_kernel_describe(step->kernel.kernel);
    for (uint32_t i = 0; i < entry->param_count; ++i)
        if (!strcmp(entry->params[i], name))
            step->params[i] = (uint32_t)value;
}

static uint32_t param_value(const exciton_step *step, const char *name)
{
    const exciton_kernel_entry *entry = exciton_kernel_describe(step->kernel.kernel);
    for (uint32_t i = 0; i < entry->param_count; ++i)
        if (!strcmp(entry->params[i], name))
            return step->params[i];
    return 0;
}

static void param_f32(exciton_step *step, const char *name, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    param(step, name, bits);
}

/* Binds `count` elements from byte `at` of a buffer; returns the element that they begin at in the bound range. */
static uint64_t bind(const lowering *l, exciton_step *step, uint32_t index, exciton_slot slot, uint64_t at, uint64_t count)
{
    uint64_t offset = at / l->limits->binding_alignment * l->limits->binding_alignment, rest = at - offset;
    step->slots[index] = (exciton_slot_range){.slot = slot, .offset = offset, .range = rest + count * sizeof(float)};
    return rest / sizeof(float);
}

static void bind_scratch(const lowering *l, exciton_step *step, uint32_t index)
{
    bind(l, step, index, EXCITON_SLOT_SCRATCH, l->place->scratch, l->layout.total);
}

static void bind_weights(const lowering *l, exciton_step *step, uint32_t index)
{
    bind(l, step, index, EXCITON_SLOT_WEIGHTS, 0, exciton_se_weight_count(l->p));
}

/* Binds x and, out of place, y: `count` elements from element `at` of the tensor. Returns the slots used. */
static uint32_t bind_tensors(const lowering *l, exciton_step *step, uint64_t at, uint64_t count)
{
    param(step, "x_at", bind(l, step, 0, EXCITON_SLOT_IN, l->place->in + at * sizeof(float), count));
    if (step->kernel.in_place)
        return 1;
    param(step, "y_at", bind(l, step, 1, EXCITON_SLOT_OUT, l->place->out + at * sizeof(float), count));
    return 2;
}

/* Groups for `units`, each group taking `side` of them at a time, with `iterations` for each. Any number gives the right
 * result; where work-group memory is ordinary memory a group is a task on a processor, and few are best; where the
 * driver counts iterations a work-item must not take too many units. */
static exciton_status choose_groups(const lowering *l, exciton_step *step, uint64_t units, uint64_t side, uint64_t iterations)
{
    const exciton_limits *limits = l->limits;
    uint64_t most = limits->max_group_count ? limits->max_group_count : 65535, whole = exciton_divide_up(units, side), few = most, least = 1;
    if (limits->local_memory_is_global && limits->compute_units)
        few = exciton_min(most, limits->compute_units);
    if (limits->max_iterations)
        least = exciton_divide_up(whole, exciton_max(1, limits->max_iterations / iterations));
    if (least > most)
        return exciton_fail(EXCITON_ERROR_LIMIT, "schedule: %s: max_group_count is %" PRIu64 ", max_iterations asks for %" PRIu64 " groups",
                            exciton_kernel_describe(step->kernel.kernel)->name, most, least);
    step->groups = (uint32_t)exciton_max(1, exciton_max(least, exciton_min(few, whole)));
    return EXCITON_OK;
}

static exciton_status add(lowering *l, exciton_step *step, uint64_t units)
{
    const exciton_kernel_spec *k = &step->kernel;
    bool by_rows = k->kernel == EXCITON_KERNEL_SQUEEZE || k->kernel == EXCITON_KERNEL_SCALE;
    uint64_t side = k->group_size, length = by_rows ? param_value(step, "unit_length") : l->space;
    if (k->form == EXCITON_FORM_LANES)
        side = by_rows ? k->texels ? k->group_size : k->group_size / exciton_min(k->group_size, EXCITON_LANES) : 1;
    uint64_t iterations = exciton_se_iterations(l->p, k, length) * (k->kernel == EXCITON_KERNEL_PIPELINE ? param_value(step, "run") : 1);
    exciton_status status = choose_groups(l, step, units, side, iterations);
    return status ? status : exciton_steps_add(l->env, &l->out->list, step);
}

static void param_output(const lowering *l, exciton_step *step)
{
    param(step, "residual", l->p->residual);
    param(step, "then", l->p->then);
    param(step, "stream", l->stream);
}

static void param_excite(const lowering *l, exciton_step *step)
{
    param(step, "channels", l->p->channels);
    param(step, "hidden", l->p->hidden);
    param(step, "block", l->p->block);
    param(step, "activation", l->p->activation);
    param(step, "gate", l->p->gate);
    param_f32(step, "slope", l->p->slope);
    param_f32(step, "offset", l->p->offset);
}

/* ---- cutting ---- */

/* A range of a round's rows, or of one row. */
typedef struct exciton_cut {
    uint64_t row, rows;      /* of the round */
    uint64_t begin, length;  /* elements of a row; rows is 1 where this is not the whole row */
} exciton_cut;

typedef exciton_status (*cut_fn)(lowering *l, const exciton_cut *cut);

/* Parts of one row, each a multiple of `unit` elements but the last. */
static exciton_status cut_row(lowering *l, uint64_t row, uint64_t unit, cut_fn emit)
{
    uint64_t most = l->capacity / unit * unit;
    exciton_status status = EXCITON_OK;
    for (uint64_t at = 0; !status && at < l->space; at += most)
        status = emit(l, &(exciton_cut){.row = row, .rows = 1, .begin = at, .length = exciton_min(most, l->space - at)});
    return status;
}

/* All rows of the round in as few pieces as the ranges allow, cut at multiples of `step` rows where possible. */
static exciton_status cut_rows(lowering *l, uint64_t step, cut_fn emit)
{
    uint64_t rows = l->samples * l->p->channels, most = l->capacity / l->space;
    exciton_status status = EXCITON_OK;
    if (most >= step && most < rows)
        most = most / step * step;
    for (uint64_t row = 0; !status && row < rows; row += exciton_max(most, 1))
        if (most)
            status = emit(l, &(exciton_cut){.row = row, .rows = exciton_min(most, rows - row), .length = l->space});
        else
            status = cut_row(l, row, l->capacity >= EXCITON_SEGMENT ? EXCITON_SEGMENT : EXCITON_CHUNK, emit);
    return status;
}

static uint64_t element(const lowering *l, const exciton_cut *cut)
{
    return (l->first * l->p->channels + cut->row) * l->space + cut->begin;
}

static uint64_t elements(const exciton_cut *cut) { return cut->rows * cut->length; }

/* ---- three stages ---- */

static void param_geometry(exciton_step *step, uint64_t units, uint64_t per_row, uint64_t row, uint64_t unit)
{
    param(step, "units", units);
    param(step, "units_per_row", per_row);
    param(step, "row_length", row);
    param(step, "unit_length", unit);
}

/* Where the means go: rows of a round of whole samples have the pitch of s; pieces of one sample lie in one row of it. */
static void param_means(const lowering *l, exciton_step *step, uint64_t row)
{
    bool whole = row == 0;
    param(step, "t_at", l->layout.s_at + row);
    param(step, "out_width", whole ? l->p->channels : UINT32_MAX);
    param(step, "out_pitch", whole ? l->p->channel_pitch : 0);
    param(step, "divide", 1);
    param_f32(step, "divisor", (float)l->space);
}

static exciton_status squeeze_short(lowering *l, const exciton_cut *cut)
{
    exciton_step step = begin(l, EXCITON_KERNEL_SQUEEZE);
    param(&step, "x_at", bind(l, &step, 0, EXCITON_SLOT_IN, l->place->in + element(l, cut) * sizeof(float), elements(cut)));
    bind_scratch(l, &step, 1);
    param_geometry(&step, cut->rows, 1, cut->length, cut->length);
    param_means(l, &step, cut->row);
    param(&step, "carry", cut->begin > 0);
    param(&step, "divide", cut->begin + cut->length == l->space);
    return add(l, &step, cut->rows);
}

/* Sums of segments, or of parts of one where a segment is above the range. */
static exciton_status squeeze_long(lowering *l, const exciton_cut *cut)
{
    uint64_t segment = cut->begin / EXCITON_SEGMENT, per_row = exciton_divide_up(cut->length, EXCITON_SEGMENT);
    exciton_step step = begin(l, EXCITON_KERNEL_SQUEEZE);
    param(&step, "x_at", bind(l, &step, 0, EXCITON_SLOT_IN, l->place->in + element(l, cut) * sizeof(float), elements(cut)));
    bind_scratch(l, &step, 1);
    param_geometry(&step, cut->rows * per_row, per_row, cut->length, exciton_min(cut->length, EXCITON_SEGMENT));
    param(&step, "t_at", l->layout.segments_at + cut->row * l->layout.segments + segment);
    param(&step, "out_width", UINT32_MAX);
    param(&step, "carry", cut->begin % EXCITON_SEGMENT != 0);
    return add(l, &step, cut->rows * per_row);
}

/* A part that would straddle two segments is cut at their border. */
static exciton_status squeeze_segments(lowering *l, const exciton_cut *whole)
{
    if (whole->length >= EXCITON_SEGMENT || whole->begin / EXCITON_SEGMENT == (whole->begin + whole->length - 1) / EXCITON_SEGMENT)
        return squeeze_long(l, whole);
    exciton_cut left = *whole, right = *whole;
    left.length = EXCITON_SEGMENT - whole->begin % EXCITON_SEGMENT;
    right.begin += left.length;
    right.length -= left.length;
    exciton_status status = squeeze_long(l, &left);
    return status ? status : squeeze_long(l, &right);
}

/* The row of segment sums is a row like any other. */
static exciton_status squeeze_sums(lowering *l)
{
    uint64_t rows = l->samples * l->p->channels;
    exciton_step step = begin(l, EXCITON_KERNEL_SQUEEZE);
    param(&step, "x_at", bind(l, &step, 0, EXCITON_SLOT_SCRATCH, l->place->scratch + l->layout.segments_at * sizeof(float), rows * l->layout.segments));
    bind(l, &step, 1, EXCITON_SLOT_SCRATCH, l->place->scratch, l->layout.segments_at);
    param_geometry(&step, rows, 1, l->layout.segments, l->layout.segments);
    param_means(l, &step, 0);
    return add(l, &step, rows);
}

/* Of the batch with the packed weights. */
static exciton_product layer_product(const lowering *l, bool second)
{
    const exciton_se_problem *p = l->p;
    if (second)
        return (exciton_product){.m = l->samples, .n = p->channel_pitch, .k = p->hidden, .a_at = l->layout.h_at, .a_pitch = p->hidden_pitch,
                                 .b_at = ((uint64_t)p->channels + 1) * p->hidden_pitch, .c_at = l->layout.g_at};
    return (exciton_product){.m = l->samples, .n = p->hidden_pitch, .k = p->channels, .a_at = l->layout.s_at, .a_pitch = p->channel_pitch,
                             .c_at = l->layout.h_at};
}

static exciton_status excite(lowering *l)
{
    exciton_step hidden = begin(l, EXCITON_KERNEL_HIDDEN), gate = begin(l, EXCITON_KERNEL_GATE);
    exciton_step *const steps[] = {&hidden, &gate};
    for (int i = 0; i < 2; ++i) {
        bind_weights(l, steps[i], 0);
        bind_scratch(l, steps[i], 1);
        param(steps[i], "samples", l->samples);
        param(steps[i], "s_at", l->layout.s_at);
        param(steps[i], "h_at", l->layout.h_at);
        param(steps[i], "g_at", l->layout.g_at);
        param_excite(l, steps[i]);
        steps[i]->product = layer_product(l, i == 1);
    }
    exciton_status status = add(l, &hidden, l->samples * l->p->hidden_pitch);
    return status ? status : add(l, &gate, l->samples * l->p->channel_pitch);
}

static exciton_status scale(lowering *l, const exciton_cut *cut)
{
    uint64_t unit = exciton_min(cut->length, EXCITON_SE_SCALE_UNIT), per_row = exciton_divide_up(cut->length, unit);
    exciton_step step = begin(l, EXCITON_KERNEL_SCALE);
    bind_scratch(l, &step, bind_tensors(l, &step, element(l, cut), elements(cut)));
    param_geometry(&step, cut->rows * per_row, per_row, cut->length, unit);
    param(&step, "first_row", cut->row);
    param(&step, "channels", l->p->channels);
    param(&step, "g_at", l->layout.g_at);
    param_output(l, &step);
    ++l->out->pieces;
    return add(l, &step, cut->rows * per_row);
}

static exciton_status three_stages(lowering *l)
{
    bool long_rows = l->layout.segments > 1;
    exciton_status status = cut_rows(l, 1, long_rows ? squeeze_segments : squeeze_short);
    if (!status && long_rows)
        status = squeeze_sums(l);
    if (!status)
        status = excite(l);
    return status ? status : cut_rows(l, 1, scale);
}

/* ---- split excite ---- */

/* The units of a range of rows that begins and ends at a block's border: the first, and how many. */
static uint64_t split_unit(const lowering *l, uint64_t row)
{
    return row / l->p->channels * l->p->blocks + exciton_divide_up(row % l->p->channels, l->p->block);
}

static uint64_t split_units(const lowering *l, const exciton_cut *cut) { return split_unit(l, cut->row + cut->rows) - split_unit(l, cut->row); }

static void param_split(const lowering *l, exciton_step *step, const exciton_cut *cut)
{
    param(step, "first_unit", split_unit(l, cut->row));
    param(step, "units", split_units(l, cut));
    param(step, "row_length", l->space);
    param(step, "s_at", l->layout.s_at);
    param(step, "h_at", l->layout.h_at);
    param(step, "g_at", l->layout.g_at);
    param(step, "parts_at", l->layout.parts_at);
    param_f32(step, "divisor", (float)l->space);
    param_excite(l, step);
    param_output(l, step);
}

static exciton_status split_squeeze(lowering *l, const exciton_cut *cut)
{
    exciton_step step = begin(l, EXCITON_KERNEL_SPLIT_SQUEEZE);
    param(&step, "x_at", bind(l, &step, 0, EXCITON_SLOT_IN, l->place->in + element(l, cut) * sizeof(float), elements(cut)));
    bind_weights(l, &step, 1);
    bind_scratch(l, &step, 2);
    param_split(l, &step, cut);
    return add(l, &step, split_units(l, cut));
}

static exciton_status split_scale(lowering *l, const exciton_cut *cut)
{
    exciton_step step = begin(l, EXCITON_KERNEL_SPLIT_SCALE);
    uint32_t next = bind_tensors(l, &step, element(l, cut), elements(cut));
    bind_weights(l, &step, next);
    bind_scratch(l, &step, next + 1);
    param_split(l, &step, cut);
    ++l->out->pieces;
    return add(l, &step, split_units(l, cut));
}

static exciton_status split_excite(lowering *l)
{
    /* A round of several samples is one piece; else a sample is cut between blocks. */
    exciton_status status = cut_rows(l, l->p->block, split_squeeze);
    return status ? status : cut_rows(l, l->p->block, split_scale);
}

/* ---- sample in a group ---- */

/* The kernel for whole samples, its units and what it takes of them. */
static exciton_status whole_samples(lowering *l, exciton_kernel kernel, uint64_t units, const char *of_unit, uint64_t value)
{
    exciton_step step = begin(l, kernel);
    uint64_t sample = l->p->channels * l->space;
    uint32_t next = bind_tensors(l, &step, l->first * sample, l->samples * sample);
    bind_weights(l, &step, next);
    bind_scratch(l, &step, next + 1);
    param(&step, "samples", l->samples);
    param(&step, "together", exciton_se_together(l->p, l->way, l->space));
    param(&step, of_unit, value);
    param(&step, "row_length", l->space);
    param(&step, "s_at", l->layout.s_at);
    param(&step, "h_at", l->layout.h_at);
    param(&step, "g_at", l->layout.g_at);
    param_f32(&step, "divisor", (float)l->space);
    param_excite(l, &step);
    param_output(l, &step);
    ++l->out->pieces;
    return add(l, &step, units);
}

static exciton_status sample_in_group(lowering *l)
{
    return whole_samples(l, EXCITON_KERNEL_SAMPLE, l->samples * l->way->shares, "shares", l->way->shares);
}

static exciton_status pipelined(lowering *l)
{
    uint64_t run = exciton_se_run(l->p, l->limits, l->way, l->samples, l->space);
    return whole_samples(l, EXCITON_KERNEL_PIPELINE, exciton_divide_up(l->samples, run), "run", run);
}

/* ---- saved outputs ---- */

static exciton_status save(lowering *l, exciton_slot slot, uint64_t base, uint64_t from, uint64_t width, uint64_t pitch)
{
    exciton_step step = begin(l, EXCITON_KERNEL_COPY);
    bind_scratch(l, &step, 0);
    param(&step, "t_at", from);
    param(&step, "y_at", bind(l, &step, 1, slot, base + l->first * width * sizeof(float), l->samples * width));
    param(&step, "rows", l->samples);
    param(&step, "width", width);
    param(&step, "pitch", pitch);
    return add(l, &step, l->samples * width);
}

static exciton_status save_all(lowering *l)
{
    const exciton_se_placement *place = l->place;
    exciton_status status = EXCITON_OK;
    if (place->save_s)
        status = save(l, EXCITON_SLOT_S, place->s, l->layout.s_at, l->p->channels, l->layout.s_pitch);
    if (!status && place->save_h)
        status = save(l, EXCITON_SLOT_H, place->h, l->layout.h_at, l->p->hidden, l->layout.h_pitch);
    if (!status && place->save_g)
        status = save(l, EXCITON_SLOT_G, place->g, l->layout.g_at, l->p->channels, l->p->channel_pitch);
    return status;
}

static exciton_status lower_round(lowering *l)
{
    exciton_status status;
    switch (l->way->schedule) {
    case EXCITON_SCHEDULE_SPLIT_EXCITE:
        status = split_excite(l);
        break;
    case EXCITON_SCHEDULE_SAMPLE_IN_GROUP:
        status = sample_in_group(l);
        break;
    case EXCITON_SCHEDULE_PIPELINED:
        status = pipelined(l);
        break;
    default:
        status = three_stages(l);
    }
    return status ? status : save_all(l);
}

exciton_status exciton_se_lower(const exciton_env *env, const exciton_se_problem *problem, const exciton_limits *limits, const exciton_se_way *way,
                                uint64_t batch, uint64_t space, const exciton_se_placement *placement, exciton_se_lowered *lowered)
{
    *lowered = (exciton_se_lowered){0};
    uint64_t most = exciton_se_round(problem, limits, way, batch, space);
    lowering l = {.env = env, .p = problem, .limits = limits, .way = way, .place = placement, .space = space, .out = lowered,
                  .capacity = exciton_se_capacity(limits),
                  .stream = exciton_se_streams(problem, limits, batch, space, placement->in_place)};
    exciton_status status = EXCITON_OK;
    for (; !status && l.first < batch; l.first += l.samples) {
        l.samples = exciton_min(most, batch - l.first);
        l.layout = exciton_se_lay_out(problem, way, l.samples, space);
        status = lower_round(&l);
    }
    lowered->scratch_bytes = exciton_se_scratch(problem, limits, way, batch, space);
    if (status)
        exciton_steps_release(env, &lowered->list);
    return status;
}

uint64_t exciton_se_scratch(const exciton_se_problem *problem, const exciton_limits *limits, const exciton_se_way *way, uint64_t batch, uint64_t space)
{
    uint64_t samples = exciton_se_round(problem, limits, way, batch, space);
    return exciton_se_lay_out(problem, way, samples, space).total * sizeof(float);
}
