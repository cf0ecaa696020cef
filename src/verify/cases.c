#include "verify/cases.h"

#include "base/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    LARGEST_X = 40000,       /* elements: a case is small enough for an interpreter of kernels */
    LARGEST_WEIGHTS = 20480, /* elements of one matrix */
    LARGEST_BATCH = 5,
    COMBINATIONS = 4 * 5 * 2 * 2 * 2 * 2
};

/* ---- Numbers ---- */

static uint64_t hashed(uint64_t v)
{
    v = (v ^ v >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    v = (v ^ v >> 27) * UINT64_C(0x94d049bb133111eb);
    return v ^ v >> 31;
}

exciton_random exciton_random_begin(uint64_t seed, uint64_t stream)
{
    return (exciton_random){
        .state = hashed(hashed(seed + UINT64_C(0x9e3779b97f4a7c15)) ^ hashed(stream * UINT64_C(0xd1342543de82ef95) + 1))};
}

uint32_t exciton_random_next(exciton_random *random)
{
    random->state += UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(hashed(random->state) >> 32);
}

uint32_t exciton_random_below(exciton_random *random, uint32_t count)
{
    return (uint32_t)((uint64_t)exciton_random_next(random) * count >> 32);
}

float exciton_float_of(int32_t value, int exponent)
{
    uint32_t sign = value < 0 ? UINT32_C(0x80000000) : 0, magnitude = value < 0 ? 0 - (uint32_t)value : (uint32_t)value;
    if (magnitude == 0)
        return 0.0f;
    for (; magnitude < UINT32_C(0x800000); magnitude <<= 1)
        --exponent;
    uint32_t bits = sign | (uint32_t)(exponent + 150) << 23 | (magnitude & UINT32_C(0x7fffff));
    float result;
    memcpy(&result, &bits, sizeof result);
    return result;
}

/* In [low, high). */
static int32_t between(exciton_random *random, int32_t low, int32_t high)
{
    return low + (int32_t)exciton_random_below(random, (uint32_t)(high - low));
}

/* ---- Cases ---- */

exciton_status exciton_suite_check(const char *suite)
{
    if (!suite || strcmp(suite, EXCITON_SUITE_SE_F32) == 0)
        return EXCITON_OK;
    return exciton_fail(EXCITON_ERROR_NAME, "suite: %.60s: no such suite; there is %s", suite, EXCITON_SUITE_SE_F32);
}

/* Rows about the lanes (32), the chunk (4,096) and the sizes of real networks. */
static const uint16_t spatials[][4] = {
    {1, 1},       {1, 2},       {1, 3},       {1, 7},       {1, 16},      {1, 31},       {1, 32},      {1, 33},     {1, 63},
    {1, 64},      {1, 65},      {1, 100},     {1, 127},     {1, 255},     {1, 300},      {1, 1000},    {1, 4095},   {1, 4096},
    {1, 4097},    {1, 5000},    {1, 8193},    {2, 1, 1},    {2, 7, 7},    {2, 7, 7},     {2, 14, 14},  {2, 14, 14}, {2, 5, 3},
    {2, 9, 11},   {2, 1, 49},   {2, 16, 16},  {2, 28, 28},  {2, 3, 40},   {2, 3, 129},   {2, 56, 56},  {2, 65, 63}, {2, 80, 60},
    {3, 1, 1, 1}, {3, 2, 3, 5}, {3, 4, 4, 4}, {3, 7, 7, 1}, {3, 3, 5, 7}, {3, 8, 9, 10}, {3, 4, 7, 7},
};
/* Around multiples of 8, since kernels pad to them. */
static const uint16_t channel_counts[] = {1, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 32, 33, 40, 56, 63, 64, 65, 72, 96,
                                          120, 127, 128, 129, 144, 200, 240, 255, 256, 257, 288, 320};
static const uint16_t hidden_counts[] = {1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 40, 64, 65, 80};

#define COUNT(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))

static void choose_shape(exciton_random *random, exciton_case *c)
{
    const uint16_t *spatial = spatials[exciton_random_below(random, COUNT(spatials))];
    c->shape.dims = spatial[0];
    uint32_t s = 1;
    for (uint32_t d = 0; d < c->shape.dims; ++d) {
        c->shape.spatial[d] = spatial[1 + d];
        s *= spatial[1 + d];
    }
    uint32_t choices = 0;
    while (choices < COUNT(channel_counts) && channel_counts[choices] * s <= LARGEST_X)
        ++choices;
    c->channels = channel_counts[exciton_random_below(random, choices)];
    uint32_t batch = (uint32_t)(LARGEST_X / (c->channels * s));
    c->shape.batch = 1 + exciton_random_below(random, batch < LARGEST_BATCH ? batch : LARGEST_BATCH);

    switch (exciton_random_below(random, 4)) {
    case 0: c->hidden = c->channels >= 16 ? c->channels / 16 : 1; break;
    case 1: c->hidden = c->channels >= 4 ? c->channels / 4 : 1; break;
    default: c->hidden = hidden_counts[exciton_random_below(random, COUNT(hidden_counts))]; break;
    }
    if (c->hidden * c->channels > LARGEST_WEIGHTS)
        c->hidden = LARGEST_WEIGHTS / c->channels;
}

void exciton_case_make(uint32_t number, uint64_t seed, exciton_case *c)
{
    exciton_random random = exciton_random_begin(seed, (uint64_t)number * 8 + 7);
    exciton_random order = exciton_random_begin(seed, UINT64_MAX);
    *c = (exciton_case){.seed = seed, .number = number};

    /* 197 and the count have no common factor: any 320 cases in a row have every combination. */
    uint32_t combination = (uint32_t)(((uint64_t)number * 197 + exciton_random_below(&order, COMBINATIONS)) % COMBINATIONS);
    c->activation = (exciton_activation)(EXCITON_ACTIVATION_IDENTITY + combination % 4);
    combination /= 4;
    c->gate = (exciton_gate)(EXCITON_GATE_SIGMOID + combination % 5);
    combination /= 5;
    c->bias1 = combination & 1;
    c->bias2 = combination >> 1 & 1;
    c->output = combination >> 2 & 1 ? EXCITON_OUTPUT_RESIDUAL : EXCITON_OUTPUT_SCALE;
    c->then = combination >> 3 & 1 ? EXCITON_THEN_RELU : EXCITON_THEN_NOTHING;

    choose_shape(&random, c);
    c->x_pattern = (exciton_pattern)(exciton_random_below(&random, 4) % 3);
    c->weight_pattern = (exciton_pattern)(exciton_random_below(&random, 4) == 3);
    int32_t slope = between(&random, 1 << 20, 1 << 23);
    bool falling = exciton_random_below(&random, 4) == 0;
    int32_t offset = between(&random, -(1 << 21), 3 << 21);
    if (c->gate == EXCITON_GATE_HARD_SIGMOID_CUSTOM) {
        c->slope = exciton_float_of(falling ? -slope : slope, -24); /* 1/16 to 1/2 */
        c->offset = exciton_float_of(offset, -23);                  /* -1/4 to 3/4 */
    }
}

uint64_t exciton_case_spatial(const exciton_case *c)
{
    uint64_t s = 1;
    for (uint32_t d = 0; d < c->shape.dims; ++d)
        s *= c->shape.spatial[d];
    return s;
}

uint64_t exciton_case_count(const exciton_case *c, exciton_case_tensor tensor)
{
    switch (tensor) {
    case EXCITON_CASE_X: return c->shape.batch * c->channels * exciton_case_spatial(c);
    case EXCITON_CASE_B1: return c->bias1 ? c->hidden : 0;
    case EXCITON_CASE_B2: return c->bias2 ? c->channels : 0;
    default: return c->hidden * c->channels;
    }
}

exciton_se exciton_case_describe(const exciton_case *c)
{
    return (exciton_se){.size = sizeof(exciton_se), .channels = c->channels, .hidden = c->hidden, .activation = c->activation,
                        .gate = c->gate, .gate_slope = c->slope, .gate_offset = c->offset, .output = c->output, .then = c->then,
                        .max = c->shape};
}

void exciton_case_text(const exciton_case *c, char text[EXCITON_CASE_TEXT])
{
    static const char *const activations[] = {"default", "identity", "relu", "silu", "hard-swish"};
    static const char *const gates[] = {"default", "sigmoid", "hard-sigmoid-6", "hard-sigmoid-5", "hard-sigmoid-paddle",
                                        "custom"};
    static const char *const patterns[] = {"uniform", "spread", "spikes"};
    uint32_t slope, offset;
    memcpy(&slope, &c->slope, 4);
    memcpy(&offset, &c->offset, 4);
    char size[72] = "";
    for (uint32_t d = 0, at = 0; d < c->shape.dims && at < sizeof size; ++d)
        at += (uint32_t)snprintf(size + at, sizeof size - at, "x%" PRIu64, c->shape.spatial[d]);
    snprintf(text, EXCITON_CASE_TEXT,
             "case %" PRIu32 " seed %" PRIu64 ": %" PRIu64 "x%" PRIu64 "%s hidden %" PRIu64
             " bias %d%d activation %s gate %s %08" PRIx32 " %08" PRIx32 " output %s then %s x %s w %s",
             c->number, c->seed, c->shape.batch, c->channels, size, c->hidden, c->bias1, c->bias2, activations[c->activation],
             gates[c->gate], slope, offset, c->output == EXCITON_OUTPUT_RESIDUAL ? "residual" : "scale",
             c->then == EXCITON_THEN_RELU ? "relu" : "nothing", patterns[c->x_pattern], patterns[c->weight_pattern]);
}

/* ---- Data ---- */

static float spread(exciton_random *random, int exponent, uint32_t range)
{
    int32_t value = between(random, 1 << 23, 1 << 24);
    uint32_t word = exciton_random_next(random);
    return exciton_float_of(word & 1 ? -value : value, exponent - 1 - (int)((word >> 1) % range));
}

static float spike(exciton_random *random)
{
    int32_t value = between(random, 1 << 22, 1 << 23);
    return exciton_float_of(exciton_random_next(random) & 1 ? -value : value, -23);
}

static void fill_row(exciton_random *random, exciton_pattern pattern, uint64_t count, float *row)
{
    int32_t centre = between(random, -(1 << 22), 1 << 22);
    for (uint64_t i = 0; i < count; ++i) {
        if (pattern == EXCITON_PATTERN_UNIFORM)
            row[i] = exciton_float_of(centre + between(random, -(1 << 22), 1 << 22), -23);
        else if (pattern == EXCITON_PATTERN_SPREAD)
            row[i] = spread(random, -23, 20);
        else
            row[i] = exciton_float_of(between(random, -(1 << 22), 1 << 22), -34);
    }
    if (pattern == EXCITON_PATTERN_SPIKES) {
        row[0] = spike(random);
        uint32_t at = exciton_random_below(random, (uint32_t)count); /* its place is drawn first: part of the suite */
        row[at] = spike(random);
        row[count - 1] = spike(random);
    }
}

/* A power of two near 4 / sqrt(inputs), so that layers neither vanish nor saturate. */
static int weight_exponent(uint64_t inputs)
{
    int exponent = 2;
    for (; inputs >= 4; inputs /= 4)
        --exponent;
    return exponent;
}

void exciton_case_fill(const exciton_case *c, exciton_case_tensor tensor, float *elements)
{
    exciton_random random = exciton_random_begin(c->seed, (uint64_t)c->number * 8 + (uint64_t)tensor);
    uint64_t count = exciton_case_count(c, tensor);
    if (tensor == EXCITON_CASE_X) {
        uint64_t s = exciton_case_spatial(c);
        for (uint64_t row = 0; row < count / s; ++row)
            fill_row(&random, c->x_pattern, s, elements + row * s);
        return;
    }
    bool bias = tensor == EXCITON_CASE_B1 || tensor == EXCITON_CASE_B2;
    int exponent = -23 + (bias ? 0 : weight_exponent(tensor == EXCITON_CASE_W1 ? c->channels : c->hidden));
    for (uint64_t i = 0; i < count; ++i)
        elements[i] = c->weight_pattern == EXCITON_PATTERN_SPREAD && !bias
                          ? spread(&random, exponent, 12)
                          : exciton_float_of(between(&random, -(1 << 23), 1 << 23), exponent);
}
