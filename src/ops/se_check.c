/* The description of an SE block: every field checked once, here. */
#include "ops/se.h"

#include "base/checked.h"

#include <inttypes.h>
#include <math.h>

enum { PITCH = 8, MIN_BLOCK = 8, MAX_BLOCKS = 32 };

static exciton_status check_layer(const exciton_layer *layer, const char *name)
{
    if (!layer->data)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "se: %s.data: NULL", name);
    if (layer->type != EXCITON_TYPE_DEFAULT && layer->type != EXCITON_TYPE_F32)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "se: %s.type: %d is not a type", name, (int)layer->type);
    if ((unsigned)layer->order > EXCITON_ORDER_IN_OUT)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "se: %s.order: %d is not an order", name, (int)layer->order);
    return EXCITON_OK;
}

static exciton_status check_gate(const exciton_se *se, exciton_se_problem *problem)
{
    problem->gate = 1;
    problem->offset = 0.5f;
    switch (se->gate) {
    case EXCITON_GATE_DEFAULT:
    case EXCITON_GATE_SIGMOID:
        problem->gate = 0;
        problem->offset = 0.0f;
        return EXCITON_OK;
    case EXCITON_GATE_HARD_SIGMOID_6:
        problem->slope = 1.0f / 6.0f;
        return EXCITON_OK;
    case EXCITON_GATE_HARD_SIGMOID_5:
        problem->slope = 0.2f;
        return EXCITON_OK;
    case EXCITON_GATE_HARD_SIGMOID_PADDLE:
        problem->slope = 0.1666667f;
        return EXCITON_OK;
    case EXCITON_GATE_HARD_SIGMOID_CUSTOM:
        if (!isfinite(se->gate_slope))
            return exciton_fail(EXCITON_ERROR_ARGUMENT, "se: gate_slope: %g is not finite", (double)se->gate_slope);
        if (!isfinite(se->gate_offset))
            return exciton_fail(EXCITON_ERROR_ARGUMENT, "se: gate_offset: %g is not finite", (double)se->gate_offset);
        problem->slope = se->gate_slope;
        problem->offset = se->gate_offset;
        return EXCITON_OK;
    }
    return exciton_fail(EXCITON_ERROR_ARGUMENT, "se: gate: %d is not a gate", (int)se->gate);
}

static exciton_status check_enums(const exciton_se *se, exciton_se_problem *problem)
{
    static const uint32_t activations[] = {1, 0, 1, 2, 3}; /* by exciton_activation: codes of kernels/scalar.h */
    if ((unsigned)se->activation > EXCITON_ACTIVATION_HARD_SWISH)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "se: activation: %d is not an activation", (int)se->activation);
    if ((unsigned)se->output > EXCITON_OUTPUT_RESIDUAL)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "se: output: %d is not an output", (int)se->output);
    if ((unsigned)se->then > EXCITON_THEN_RELU)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "se: then: %d is none of nothing, relu", (int)se->then);
    if ((unsigned)se->measure > EXCITON_MEASURE_AGAIN)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "se: measure: %d is none of its values", (int)se->measure);
    if (se->shares > EXCITON_SE_SHARES)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "se: shares: %u is above %d", (unsigned)se->shares, EXCITON_SE_SHARES);
    if ((unsigned)se->schedule > EXCITON_SCHEDULE_PIPELINED)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "se: schedule: %d is not a schedule", (int)se->schedule);
    if ((unsigned)se->form > EXCITON_FORM_LANES)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "se: form: %d is not a form", (int)se->form);
    if (se->group_size & (se->group_size - 1))
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "se: group_size: %" PRIu32 " is not a power of two", se->group_size);
    problem->activation = activations[se->activation];
    problem->residual = se->output == EXCITON_OUTPUT_RESIDUAL;
    problem->then = se->then == EXCITON_THEN_RELU;
    problem->shares = se->shares;
    problem->schedule = se->schedule;
    problem->form = se->form;
    problem->group_size = se->group_size;
    return check_gate(se, problem);
}

/* Other bits than everybody else's are for those who said that they may be other. */
static exciton_status check_excitation(const exciton_se *se, exciton_se_problem *problem)
{
    if ((unsigned)se->excitation > EXCITON_EXCITATION_CLBLAST)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "se: excitation: %d is not an excitation", (int)se->excitation);
    if (se->excitation != EXCITON_EXCITATION_CLBLAST)
        return EXCITON_OK;
    if (!se->allow_inexact)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "se: excitation: clblast gives other bits than docs/numbers.md: it needs allow_inexact");
    if (se->schedule != EXCITON_SCHEDULE_DEFAULT && se->schedule != EXCITON_SCHEDULE_THREE_STAGES)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "se: excitation: clblast is for schedule three-stages, not %s", exciton_schedule_name(se->schedule));
    problem->clblast = true;
    problem->schedule = EXCITON_SCHEDULE_THREE_STAGES;
    return EXCITON_OK;
}

/* numbers.md: a power of two of at least 8, at most 32 blocks. */
static uint32_t block_length(uint32_t channels)
{
    uint32_t block = MIN_BLOCK;
    while ((uint64_t)block * MAX_BLOCKS < channels)
        block *= 2;
    return block;
}

static exciton_status check_widths(const exciton_se *se, exciton_se_problem *problem)
{
    uint64_t hidden = se->hidden ? se->hidden : exciton_max(se->channels / 16, 1), product;
    if (se->channels == 0)
        return exciton_fail(EXCITON_ERROR_SHAPE, "se: channels: 0");
    if (se->channels > INT32_MAX - PITCH || hidden > INT32_MAX - PITCH || !exciton_mul(se->channels, hidden, &product) || product > SIZE_MAX / 16)
        return exciton_fail(EXCITON_ERROR_OVERFLOW, "se: channels %" PRIu64 " x hidden %" PRIu64 ": too large", se->channels, hidden);
    problem->channels = (uint32_t)se->channels;
    problem->hidden = (uint32_t)hidden;
    problem->channel_pitch = (uint32_t)exciton_round_up(se->channels, PITCH);
    problem->hidden_pitch = (uint32_t)exciton_round_up(hidden, PITCH);
    problem->block = block_length(problem->channels);
    problem->blocks = (uint32_t)exciton_divide_up(problem->channels, problem->block);
    return EXCITON_OK;
}

static exciton_status check_product(const exciton_se_problem *problem, const exciton_shape *shape, const char *what, uint64_t *space)
{
    uint64_t product = 1, elements, bytes;
    for (uint32_t i = 0; i < shape->dims; ++i)
        if (shape->spatial[i] == 0)
            return exciton_fail(EXCITON_ERROR_SHAPE, "%s: spatial[%" PRIu32 "]: 0", what, i);
        else if (!exciton_mul(product, shape->spatial[i], &product))
            return exciton_fail(EXCITON_ERROR_OVERFLOW, "%s: spatial: the product of the sizes does not fit 64 bits", what);
    if (shape->batch == 0)
        return exciton_fail(EXCITON_ERROR_SHAPE, "%s: batch: 0", what);
    if (!exciton_mul(product, shape->batch, &elements) || !exciton_mul(elements, problem->channels, &elements) ||
        !exciton_mul(elements, 2 * sizeof(float), &bytes) || bytes > SIZE_MAX / 2)
        return exciton_fail(EXCITON_ERROR_OVERFLOW, "%s: batch %" PRIu64 " x channels %" PRIu32 " x space %" PRIu64 ": too large", what, shape->batch,
                            problem->channels, product);
    *space = product;
    return EXCITON_OK;
}

exciton_status exciton_se_check(const exciton_se *se, exciton_se_problem *problem)
{
    *problem = (exciton_se_problem){0};
    exciton_status status = check_widths(se, problem);
    if (!status)
        status = check_layer(&se->fc1, "fc1");
    if (!status)
        status = check_layer(&se->fc2, "fc2");
    if (!status)
        status = check_enums(se, problem);
    if (!status)
        status = check_excitation(se, problem);
    if (status)
        return status;
    if (se->max.dims < 1 || se->max.dims > 3)
        return exciton_fail(EXCITON_ERROR_SHAPE, "se: max.dims: %" PRIu32 " is not 1 to 3", se->max.dims);
    problem->max = se->max;
    return check_product(problem, &se->max, "se: max", &problem->max_space);
}

exciton_status exciton_se_check_shape(const exciton_se_problem *problem, const exciton_shape *shape, uint64_t *batch, uint64_t *space)
{
    const exciton_shape *max = &problem->max;
    if (shape->batch == 0 && shape->dims == 0 && !shape->spatial[0] && !shape->spatial[1] && !shape->spatial[2])
        shape = max;
    if (shape->dims != max->dims)
        return exciton_fail(EXCITON_ERROR_SHAPE, "shape: dims: %" PRIu32 ", the plan's is %" PRIu32, shape->dims, max->dims);
    if (shape->batch > max->batch)
        return exciton_fail(EXCITON_ERROR_SHAPE, "shape: batch: %" PRIu64 " is above the plan's %" PRIu64, shape->batch, max->batch);
    for (uint32_t i = 0; i < shape->dims; ++i)
        if (shape->spatial[i] > max->spatial[i])
            return exciton_fail(EXCITON_ERROR_SHAPE, "shape: spatial[%" PRIu32 "]: %" PRIu64 " is above the plan's %" PRIu64, i, shape->spatial[i],
                                max->spatial[i]);
    *batch = shape->batch;
    return check_product(problem, shape, "shape", space);
}

uint64_t exciton_se_weight_count(const exciton_se_problem *p)
{
    return (uint64_t)p->channels * p->hidden_pitch + p->hidden_pitch + (uint64_t)p->hidden * p->channel_pitch + p->channel_pitch;
}

/* to[i][o], row pitch `pitch`, from a matrix in either order. */
static void pack_layer(const exciton_layer *layer, uint64_t inputs, uint64_t outputs, uint64_t pitch, float *to)
{
    const float *from = layer->data, *bias = layer->bias;
    uint64_t in_step = layer->order == EXCITON_ORDER_IN_OUT ? outputs : 1, out_step = layer->order == EXCITON_ORDER_IN_OUT ? 1 : inputs;
    for (uint64_t i = 0; i < inputs; ++i)
        for (uint64_t o = 0; o < pitch; ++o)
            to[i * pitch + o] = o < outputs ? from[i * in_step + o * out_step] : 0.0f;
    for (uint64_t o = 0; o < pitch; ++o)
        to[inputs * pitch + o] = bias && o < outputs ? bias[o] : 0.0f;
}

void exciton_se_pack(const exciton_se_problem *p, const exciton_se *se, float *packed)
{
    pack_layer(&se->fc1, p->channels, p->hidden, p->hidden_pitch, packed);
    pack_layer(&se->fc2, p->hidden, p->channels, p->channel_pitch, packed + (uint64_t)p->channels * p->hidden_pitch + p->hidden_pitch);
}
