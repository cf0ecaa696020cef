#include "conformance/variant.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const factor_entry variant_factors[FACTORS] = {
    [FACTOR_ACTIVATION] = {"activation", 5, {"default", "identity", "relu", "silu", "hard-swish"}},
    [FACTOR_GATE] = {"gate", 6, {"default", "sigmoid", "6", "5", "paddle", "custom"}},
    [FACTOR_BIAS1] = {"bias1", 2, {"no", "yes"}},
    [FACTOR_BIAS2] = {"bias2", 2, {"no", "yes"}},
    [FACTOR_OUTPUT] = {"output", 3, {"default", "scale", "residual"}},
    [FACTOR_THEN] = {"then", 3, {"default", "nothing", "relu"}},
    [FACTOR_DIMS] = {"dims", 3, {"1", "2", "3"}},
    [FACTOR_BATCH] = {"batch", 4, {"1", "2", "3-5", "6-17"}},
    [FACTOR_CHANNELS] = {"channels", 5, {"1", "2-7", "8k", "8k+-1", "72-300"}},
    [FACTOR_HIDDEN] = {"hidden", 6, {"default", "1", "2-7", "8k", "8k+-1", "C"}},
    [FACTOR_SPACE] = {"space", 9, {"1", "2-7", "32k", "49", "196", "33-300", "784", "4096+-1", "4097-9000"}},
    [FACTOR_SCHEDULE] = {"schedule", 5, {"auto", "three-stages", "split-excite", "sample-in-group", "pipelined"}},
    [FACTOR_FORM] = {"form", 3, {"auto", "rows", "lanes"}},
    [FACTOR_GROUP] = {"group", 6, {"auto", "1", "2", "8", "32", "128"}},
    [FACTOR_SHARES] = {"shares", 5, {"auto", "1", "2", "3", "64"}},
    [FACTOR_PLACEMENT] = {"placement", PLACEMENTS, {"separate", "in-place", "one-buffer", "odd", "odd-in-place", "touching"}},
    [FACTOR_SAVED] = {"saved", 5, {"none", "s", "h", "g", "all"}},
    [FACTOR_SCRATCH] = {"scratch", 2, {"binding's", "caller's"}},
    [FACTOR_DOMAIN] = {"domain", 3, {"default", "device", "host"}},
    [FACTOR_SHAPE] = {"shape", 5, {"zero", "largest", "less-batch", "less-space", "less-both"}},
    [FACTOR_ORDER] = {"order", 4, {"default", "out-in,in-out", "in-out,out-in", "in-out"}},
    [FACTOR_DATA] = {"data", 3, {"uniform", "spread", "spikes"}},
};

/* Sizes of a class, ascending; ends with 0. */
enum { CLASS = 12 };
static const uint16_t batches[4][CLASS] = {{1}, {2}, {3, 4, 5}, {6, 7, 9, 17}};
static const uint16_t channels[5][CLASS] = {
    {1}, {2, 3, 5, 6, 7}, {8, 16, 24, 32, 64}, {9, 15, 17, 23, 31, 33, 63, 65}, {72, 100, 128, 129, 200, 257, 300}};
static const uint16_t hiddens[5][CLASS] = {{0}, {1}, {2, 3, 4, 5, 6, 7}, {8, 16, 24, 32}, {9, 15, 17, 31, 33, 65}};
static const uint16_t spaces[9][CLASS] = {
    {1},   {2, 3, 5, 6, 7},    {32, 64, 96, 128, 256},        {49}, {196}, {33, 63, 65, 99, 105, 127, 130, 255, 300},
    {784}, {4095, 4096, 4097}, {4100, 5000, 8191, 8193, 9000}};
static const uint32_t groups[6] = {0, 1, 2, 8, 32, 128}, shares[5] = {0, 1, 2, 3, 64};
enum { LARGEST_X = 20000 }; /* where the classes allow */

/* ---- Sizes ---- */

static uint32_t draw(exciton_random *random, const uint16_t *from)
{
    uint32_t count = 0;
    while (count < CLASS && from[count])
        ++count;
    return exciton_random_below(random, count);
}

static void choose_sizes(exciton_random *random, variant *v)
{
    const uint16_t *from[3] = {batches[v->level[FACTOR_BATCH]], channels[v->level[FACTOR_CHANNELS]],
                               spaces[v->level[FACTOR_SPACE]]};
    uint32_t at[3];
    for (int i = 0; i < 3; ++i)
        at[i] = draw(random, from[i]);
    for (int i = 0; (uint64_t)from[0][at[0]] * from[1][at[1]] * from[2][at[2]] > LARGEST_X && at[0] + at[1] + at[2] > 0;
         i = (i + 1) % 3)
        at[i] -= at[i] > 0;
    v->c.shape.batch = from[0][at[0]];
    v->c.channels = from[1][at[1]];

    /* Spatial sizes: divisors of the class's number, so that the product is it. */
    uint32_t left = from[2][at[2]];
    v->c.shape.dims = v->level[FACTOR_DIMS] + 1u;
    for (uint32_t d = 0; d + 1 < v->c.shape.dims; ++d) {
        uint32_t divisor = 1 + exciton_random_below(random, left < 40 ? left : 40);
        while (left % divisor)
            --divisor;
        v->c.shape.spatial[d] = divisor;
        left /= divisor;
    }
    v->c.shape.spatial[v->c.shape.dims - 1] = left;

    uint32_t hidden = v->level[FACTOR_HIDDEN];
    v->default_hidden = hidden == 0;
    if (hidden == 0)
        v->c.hidden = v->c.channels >= 16 ? v->c.channels / 16 : 1;
    else
        v->c.hidden = hidden == 5 ? v->c.channels : hiddens[hidden][draw(random, hiddens[hidden])];
}

static void choose_largest(exciton_random *random, variant *v)
{
    uint32_t level = v->level[FACTOR_SHAPE];
    v->max = v->c.shape;
    v->zero_shape = level == 0;
    if (level == 2 || level == 4)
        v->max.batch += 1 + exciton_random_below(random, 40);
    if (level == 3 || level == 4)
        for (uint32_t d = 0; d < v->max.dims; ++d)
            v->max.spatial[d] += 1 + exciton_random_below(random, 20);
}

/* ---- From levels ---- */

static void realise(uint64_t seed, uint32_t number, variant *v)
{
    exciton_random random = exciton_random_begin(seed, (uint64_t)number * 8 + 6);
    const uint8_t *level = v->level;
    v->c = (exciton_case){.seed = seed, .number = number, .bias1 = level[FACTOR_BIAS1], .bias2 = level[FACTOR_BIAS2],
                          .activation = (exciton_activation)level[FACTOR_ACTIVATION], .gate = (exciton_gate)level[FACTOR_GATE],
                          .output = (exciton_output)level[FACTOR_OUTPUT], .then = (exciton_then)level[FACTOR_THEN],
                          .x_pattern = (exciton_pattern)level[FACTOR_DATA],
                          .weight_pattern = (exciton_pattern)(exciton_random_below(&random, 4) == 0)};
    choose_sizes(&random, v);
    choose_largest(&random, v);
    /* Slope and offset are set for every gate: all but the custom one must ignore them. */
    int32_t slope = (1 << 20) + (int32_t)exciton_random_below(&random, 7 << 20);
    v->c.slope = exciton_float_of(exciton_random_below(&random, 4) ? slope : -slope, -24);
    v->c.offset = exciton_float_of((int32_t)exciton_random_below(&random, 1 << 23) - (1 << 21), -23);
    v->order1 = level[FACTOR_ORDER] == 0   ? EXCITON_ORDER_DEFAULT
                : level[FACTOR_ORDER] == 1 ? EXCITON_ORDER_OUT_IN
                                           : EXCITON_ORDER_IN_OUT;
    v->order2 = level[FACTOR_ORDER] == 0   ? EXCITON_ORDER_DEFAULT
                : level[FACTOR_ORDER] == 2 ? EXCITON_ORDER_OUT_IN
                                           : EXCITON_ORDER_IN_OUT;
    v->schedule = (exciton_schedule)level[FACTOR_SCHEDULE];
    v->form = (exciton_form)level[FACTOR_FORM];
    v->group_size = groups[level[FACTOR_GROUP]];
    if (level[FACTOR_PLACEMENT] == PLACE_IN_PLACE || level[FACTOR_PLACEMENT] == PLACE_ODD_IN_PLACE) /* not defined there: section arguments */
        v->level[FACTOR_SHARES] = level[FACTOR_SHARES] > 1 ? 0 : level[FACTOR_SHARES];
    v->shares = shares[level[FACTOR_SHARES]];
    v->placement = (placement)level[FACTOR_PLACEMENT];
    v->save_s = level[FACTOR_SAVED] == 1 || level[FACTOR_SAVED] == 4;
    v->save_h = level[FACTOR_SAVED] == 2 || level[FACTOR_SAVED] == 4;
    v->save_g = level[FACTOR_SAVED] == 3 || level[FACTOR_SAVED] == 4;
    v->own_scratch = level[FACTOR_SCRATCH];
    v->domains = (domains)level[FACTOR_DOMAIN];
}

bool variant_from_row(uint64_t seed, uint32_t row, variant *v)
{
    static covering set;
    static uint64_t set_seed;
    static bool made;
    if (!made || set_seed != seed) {
        set.factors = FACTORS;
        for (int f = 0; f < FACTORS; ++f)
            set.levels[f] = variant_factors[f].levels;
        made = covering_make(&set, seed);
        set_seed = seed;
    }
    if (!made || row >= set.rows)
        return false;
    *v = (variant){.level = {0}};
    memcpy(v->level, set.row[row], sizeof v->level);
    snprintf(v->name, sizeof v->name, "%" PRIu64 ".%" PRIu32, seed, row);
    realise(seed, row, v);
    return true;
}

/* The levels that the full product runs through: `count` of them from `first`. */
static const struct {
    factor factor;
    uint8_t first, count;
} product[] = {
    {FACTOR_PLACEMENT, 0, PLACEMENTS},
    {FACTOR_FORM, 1, 2},
    {FACTOR_SCHEDULE, 1, 4},
    {FACTOR_ACTIVATION, 1, 4},
    {FACTOR_GATE, 1, 5},
    {FACTOR_BIAS1, 0, 2},
    {FACTOR_BIAS2, 0, 2},
    {FACTOR_OUTPUT, 1, 2},
    {FACTOR_THEN, 1, 2},
};
enum { PRODUCT = sizeof product / sizeof product[0] };

uint64_t variant_full_count(void)
{
    uint64_t count = 1;
    for (int i = 0; i < PRODUCT; ++i)
        count *= product[i].count;
    return count;
}

void variant_from_index(uint64_t seed, uint64_t index, variant *v)
{
    *v = (variant){.level = {0}};
    exciton_random random = exciton_random_begin(seed, index * 8 + 5);
    for (int f = 0; f < FACTORS; ++f)
        v->level[f] = (uint8_t)exciton_random_below(&random, variant_factors[f].levels);
    uint64_t rest = index;
    for (int i = 0; i < PRODUCT; ++i) {
        v->level[product[i].factor] = (uint8_t)(product[i].first + rest % product[i].count);
        rest /= product[i].count;
    }
    snprintf(v->name, sizeof v->name, "full.%" PRIu64 ".%" PRIu64, seed, index);
    realise(seed, (uint32_t)index, v);
}

bool variant_from_name(const char *name, variant *v)
{
    uint64_t seed, index;
    int end = 0;
    if (sscanf(name, "full.%" SCNu64 ".%" SCNu64 "%n", &seed, &index, &end) == 2 && !name[end] && index < variant_full_count()) {
        variant_from_index(seed, index, v);
        return true;
    }
    return sscanf(name, "%" SCNu64 ".%" SCNu64 "%n", &seed, &index, &end) == 2 && !name[end] &&
           variant_from_row(seed, (uint32_t)index, v);
}

bool variant_is(const variant *v, const char *what)
{
    while (*what) {
        size_t length = strcspn(what, "/");
        int f = 0;
        for (; f < FACTORS; ++f) {
            char item[80];
            int size = snprintf(item, sizeof item, "%s=%s", variant_factors[f].name, variant_factors[f].level[v->level[f]]);
            if ((size_t)size == length && memcmp(item, what, length) == 0)
                break;
        }
        if (f == FACTORS)
            return false;
        what += length + (what[length] == '/');
    }
    return true;
}

variant variant_of_shape(const char *name, uint64_t batch, uint64_t count, uint64_t hidden, uint64_t space)
{
    variant v = {.c = {.seed = 1, .channels = count, .hidden = hidden, .shape = {.batch = batch, .dims = 1, .spatial = {space}}}};
    snprintf(v.name, sizeof v.name, "%s", name);
    v.max = v.c.shape;
    return v;
}

void variant_text(const variant *v, char text[VARIANT_TEXT])
{
    char block[EXCITON_CASE_TEXT];
    exciton_case_text(&v->c, block);
    int at = snprintf(text, VARIANT_TEXT, "%s: %s;", v->name, strchr(block, ':') + 2);
    uint8_t level[FACTORS];
    memcpy(level, v->level, sizeof level);
    level[FACTOR_SCHEDULE] = (uint8_t)v->schedule; /* sections set these by hand */
    level[FACTOR_FORM] = (uint8_t)v->form;
    level[FACTOR_PLACEMENT] = (uint8_t)v->placement;
    for (int f = FACTOR_SCHEDULE; f < FACTORS; ++f)
        at += snprintf(text + at, (size_t)(VARIANT_TEXT - at), " %s %s", variant_factors[f].name,
                       variant_factors[f].level[level[f]]);
}
