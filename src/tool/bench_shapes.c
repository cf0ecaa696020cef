/* --shape: NxCxHxW[:R] with lists and ranges in every place, or a name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/bench.h"

enum { MOST_SHAPES = 4096, MOST_VALUES = 256, MOST_PLACES = 6 }; /* N, C, three spatial, R */

/* ---- named shapes */

typedef struct named {
    const char *name;
    const char *shapes; /* CxHxW:R, blanks between; NxCxHxW:R in `nine` */
} named;

/* As published for images of 224x224, each shape once. */
static const named names[] = {
    {"seresnet50", "256x56x56:16 512x28x28:32 1024x14x14:64 2048x7x7:128"},
    {"mobilenetv3-large", "72x28x28:24 120x28x28:32 480x14x14:120 672x14x14:168 672x7x7:168 960x7x7:240"},
    {"mobilenetv3-small", "16x56x56:8 96x14x14:24 240x14x14:64 120x14x14:32 144x14x14:40 288x7x7:72 576x7x7:144"},
    {"efficientnet-b0", "32x112x112:8 96x56x56:4 144x56x56:6 144x28x28:6 240x28x28:10 240x14x14:10 480x14x14:20 672x14x14:28 "
                        "672x7x7:28 1152x7x7:48"},
    {"nine", "1x64x32x32:4 1x256x56x56:16 1x512x28x28:32 1x1024x14x14:64 1x2048x7x7:128 1x672x14x14:168 8x256x56x56:16 "
             "8x1024x14x14:64 32x256x56x56:16"},
};

static const named *find_name(const char *text)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i].name, text))
            return &names[i];
    return NULL;
}

/* ---- numbers, lists and ranges */

typedef struct values {
    uint64_t list[MOST_VALUES];
    uint32_t count;
} values;

static int refuse(const char *text, const char *why) { return tool_error(TOOL_BAD_OPTION, "option --shape: %s: %s", text, why); }

/* A whole number above zero at *at, which moves behind it; 0: there is none, or it is too large. */
static uint64_t take_number(const char **at)
{
    uint64_t number = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++) {
        uint64_t digit = (uint64_t)(**at - '0');
        if (number > (UINT64_MAX - digit) / 10)
            return 0;
        number = number * 10 + digit;
    }
    return number;
}

/* FIRST, FIRST..LAST, FIRST..LAST+STEP or FIRST..LAST*FACTOR; what is wrong, or NULL. */
static const char *take_range(const char **at, values *to)
{
    uint64_t first = take_number(at), last = first, step = 1;
    bool times = false;
    if (!first)
        return "whole numbers from 1 to 18446744073709551615 are needed";
    if (!strncmp(*at, "..", 2)) {
        *at += 2;
        last = take_number(at);
        if (last < first)
            return "a range goes from the smaller to the larger, FIRST..LAST";
        if (**at == '+' || **at == '*') {
            times = *(*at)++ == '*';
            step = take_number(at);
        }
        if (step < 1 + (uint64_t)times)
            return "a range's step is at least 1 (+), its factor at least 2 (*)";
    }
    for (uint64_t value = first;;) {
        if (to->count == MOST_VALUES)
            return "more than 256 numbers in one place";
        to->list[to->count++] = value;
        if (times ? value > last / step : last - value < step)
            return NULL;
        value = times ? value * step : value + step;
    }
}

static const char *take_list(const char **at, values *to)
{
    const char *wrong = take_range(at, to);
    while (!wrong && **at == ',') {
        ++*at;
        wrong = take_range(at, to);
    }
    return wrong;
}

/* ---- shapes */

static bool same_shape(const bench_shape *a, const bench_shape *b)
{
    bool same = a->channels == b->channels && a->hidden == b->hidden && a->x.batch == b->x.batch && a->x.dims == b->x.dims;
    for (uint32_t i = 0; i < a->x.dims; i++)
        same = same && a->x.spatial[i] == b->x.spatial[i];
    return same;
}

static int append(bench_shapes *shapes, const bench_shape *shape, const char *text)
{
    for (uint32_t i = 0; i < shapes->count; i++)
        if (same_shape(&shapes->list[i], shape))
            return TOOL_DONE;
    if (shapes->count == MOST_SHAPES)
        return refuse(text, "more than 4096 shapes");
    if (shapes->count == shapes->capacity) {
        uint32_t capacity = shapes->capacity ? 2 * shapes->capacity : 16;
        bench_shape *grown = realloc(shapes->list, capacity * sizeof *grown);
        if (!grown)
            return tool_error(TOOL_OTHER, "bench: shapes: out of memory");
        shapes->list = grown;
        shapes->capacity = capacity;
    }
    shapes->list[shapes->count++] = *shape;
    return TOOL_DONE;
}

/* places[0]: N, [1]: C, then `dims` spatial; `hidden` is empty where it follows from C. */
static int append_product(bench_shapes *shapes, const values *places, uint32_t dims, const values *hidden, const char *text)
{
    uint32_t index[MOST_PLACES] = {0}, count = dims + 2;
    for (;;) {
        bench_shape shape = {.x = {.batch = places[0].list[index[0]], .dims = dims}, .channels = places[1].list[index[1]]};
        for (uint32_t i = 0; i < dims; i++)
            shape.x.spatial[i] = places[2 + i].list[index[2 + i]];
        for (uint32_t i = 0; i < (hidden->count ? hidden->count : 1); i++) {
            shape.hidden = hidden->count ? hidden->list[i] : shape.channels >= 32 ? shape.channels / 16 : 1;
            int result = append(shapes, &shape, text);
            if (result != TOOL_DONE)
                return result;
        }
        uint32_t place = count;
        while (place > 0 && ++index[place - 1] == places[place - 1].count)
            index[--place] = 0;
        if (place == 0)
            return TOOL_DONE;
    }
}

/* `text` is what the person wrote, `at` what is read. */
static int add_shape(bench_shapes *shapes, const char *at, const char *text)
{
    values *places = calloc(MOST_PLACES, sizeof *places), *hidden = places + MOST_PLACES - 1;
    if (!places)
        return tool_error(TOOL_OTHER, "bench: shapes: out of memory");
    uint32_t count = 0;
    const char *wrong = take_list(&at, &places[count++]);
    while (!wrong && *at == 'x' && count < MOST_PLACES - 1) {
        ++at;
        wrong = take_list(&at, &places[count++]);
    }
    if (!wrong && *at == ':') {
        ++at;
        wrong = take_list(&at, hidden);
    }
    if (!wrong && (*at || count < 3))
        wrong = "NxCxHxW[:R] is needed, with 1 to 3 spatial sizes, or a name: seresnet50, mobilenetv3-large, mobilenetv3-small, "
                "efficientnet-b0, nine";
    int result = wrong ? refuse(text, wrong) : append_product(shapes, places, count - 2, hidden, text);
    free(places);
    return result;
}

/* NAME or NxNAME: each of its shapes with each N. */
static int add_named(bench_shapes *shapes, const named *entry, const char *batches, size_t length, const char *text)
{
    int result = TOOL_DONE;
    for (const char *at = entry->shapes; *at && result == TOOL_DONE;) {
        size_t size = strcspn(at, " ");
        bool has_batch = !strcmp(entry->name, "nine");
        char whole[1024];
        if (has_batch)
            snprintf(whole, sizeof whole, "%.*s", (int)size, at);
        else if (length)
            snprintf(whole, sizeof whole, "%.*sx%.*s", (int)length, batches, (int)size, at);
        else
            snprintf(whole, sizeof whole, "1x%.*s", (int)size, at);
        result = add_shape(shapes, whole, text);
        at += size + (at[size] == ' ');
    }
    return result;
}

int bench_shapes_add(bench_shapes *shapes, const char *text)
{
    const named *entry = find_name(text);
    if (entry)
        return add_named(shapes, entry, "", 0, text);
    size_t length = strcspn(text, "x");
    entry = text[length] ? find_name(text + length + 1) : NULL;
    if (!entry)
        return add_shape(shapes, text, text);
    if (!strcmp(entry->name, "nine"))
        return refuse(text, "the nine have their batches");
    return length && length < 512 ? add_named(shapes, entry, text, length, text) : refuse(text, "NxNAME is needed, N whole numbers");
}

void bench_shape_text(const bench_shape *shape, char *text, size_t size)
{
    int used = snprintf(text, size, "%llux%llu", (unsigned long long)shape->x.batch, (unsigned long long)shape->channels);
    for (uint32_t i = 0; i < shape->x.dims && used >= 0 && (size_t)used < size; i++)
        used += snprintf(text + used, size - (size_t)used, "x%llu", (unsigned long long)shape->x.spatial[i]);
    if (used >= 0 && (size_t)used < size)
        snprintf(text + used, size - (size_t)used, ":%llu", (unsigned long long)shape->hidden);
}
