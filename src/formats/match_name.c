/* Names of blocks, the best of four that no other block has: what the weights' names share, what the layers' nodes' names
 * share, the Mul's name, its output's. No colon and no control character: MODEL:BLOCK is how the command selects. */
#include <stdio.h>
#include <stdlib.h>

#include "formats/blocks.h"
#include "formats/match_parts.h"

enum { SOURCES = 4, NAME = 200 };

typedef struct candidate {
    size_t block;
    char *name;
} candidate;

static bool is_separator(char c) { return c == '.' || c == '/' || c == '_'; }

static bool ends_with(const char *text, size_t length, const char *tail, size_t *left)
{
    size_t size = strlen(tail);
    if (length < size || memcmp(text + length - size, tail, size))
        return false;
    *left = length - size;
    return true;
}

/* What stands before a pair of names that libraries use, as in safetensors: layer1.0.se of layer1.0.se.fc1.weight. */
static bool known_prefix(const char *first, const char *second, size_t *length)
{
    size_t a, b;
    for (size_t i = 0; i < EXCITON_BLOCK_PAIRS; i++) {
        char one[32], two[32];
        snprintf(one, sizeof one, ".%s.weight", exciton_block_pairs[i][0]);
        snprintf(two, sizeof two, ".%s.weight", exciton_block_pairs[i][1]);
        if (ends_with(first, strlen(first), one, &a) && ends_with(second, strlen(second), two, &b) && a == b && !memcmp(first, second, a)) {
            *length = a;
            return true;
        }
    }
    return false;
}

/* What two names share, up to a separator. */
static size_t shared_prefix(const char *first, const char *second)
{
    size_t length = 0;
    while (first[length] && first[length] == second[length])
        length++;
    while (length && !is_separator(first[length - 1]))
        length--;
    while (length && is_separator(first[length - 1]))
        length--;
    return length;
}

static size_t parent(const char *name)
{
    const char *slash = strrchr(name, '/'), *dot = strrchr(name, '.');
    const char *end = slash ? slash : dot;
    return end ? (size_t)(end - name) : 0;
}

/* Within a character of UTF-8. */
static bool continues(char c) { return ((unsigned char)c & 0xc0) == 0x80; }

/* A candidate from one of the four sources; empty where it has none. */
static void make_name(const exciton_matches *matches, const exciton_match *match, int source, char name[NAME])
{
    const exciton_graph *graph = matches->graph;
    const exciton_match_layer *first = &match->layers[0], *last = &match->layers[match->layer_count - 1];
    const char *a = "", *b = "";
    size_t length = 0, size = 0;
    if (source == 0) {
        a = match->block.weight[0];
        b = match->block.weight[match->layer_count - 1];
        if (match->layer_count == 1)
            length = parent(a);
        else if (!known_prefix(a, b, &length))
            length = shared_prefix(a, b);
    } else if (source == 1) {
        a = graph->node_name(graph->user, first->node);
        b = graph->node_name(graph->user, last->node);
        length = match->layer_count == 1 ? parent(a) : shared_prefix(a, b);
    } else {
        a = source == 2 ? graph->node_name(graph->user, match->mul) : graph->value_name(graph->user, match->output);
        length = strlen(a);
    }
    if (source == 0 && memchr(a, ':', length))
        length = 0; /* onnx::Conv_123: made up by an exporter */
    size_t i = 0;
    for (; i < length && size + 1 < NAME - 12; i++) {
        if (!size && (a[i] == '/' || a[i] == '.'))
            continue;
        name[size++] = a[i];
        if (a[i] == ':' || (unsigned char)a[i] < 0x20 || a[i] == 0x7f)
            name[size - 1] = '_';
    }
    if (i < length && continues(a[i])) { /* cut within a character */
        while (size && continues(name[size - 1]))
            size--;
        size -= size != 0;
    }
    name[size] = '\0';
}

static int by_name(const void *left, const void *right)
{
    const candidate *a = left, *b = right;
    int order = strcmp(a->name, b->name);
    return order ? order : a->block < b->block ? -1 : a->block > b->block;
}

static exciton_status set_name(exciton_matches *matches, exciton_match *match, const char *name)
{
    size_t size = strlen(name) + 1;
    exciton_io_release(matches->calls, match->name);
    match->name = exciton_io_allocate(matches->calls, size, 1);
    if (!match->name)
        return exciton_io_fail(EXCITON_ERROR_MEMORY, "blocks: out of memory");
    memcpy(match->name, name, size);
    match->block.name = match->name;
    return EXCITON_OK;
}

/* Marks those that share their name with another, or have none; the source's next is tried for them. */
static void mark_shared(candidate *list, size_t count, bool *open)
{
    qsort(list, count, sizeof *list, by_name);
    for (size_t i = 0; i < count; i++) {
        bool same = (i && !strcmp(list[i - 1].name, list[i].name)) || (i + 1 < count && !strcmp(list[i + 1].name, list[i].name));
        open[list[i].block] = !*list[i].name || same;
    }
}

static void fill_list(const exciton_matches *matches, candidate *list)
{
    for (size_t i = 0; i < matches->count; i++)
        list[i] = (candidate){.block = i, .name = matches->items[i].name};
}

/* After the last source: of equal names all but the first get a number, one that is free. */
static exciton_status number_shared(exciton_matches *matches, candidate *list)
{
    for (uint32_t round = 0; round < 8; round++) {
        bool again = false;
        fill_list(matches, list);
        qsort(list, matches->count, sizeof *list, by_name);
        for (size_t i = 0, run = 0; i < matches->count; i++) {
            run = i && !strcmp(list[i].name, list[run].name) ? run : i;
            if (i == run)
                continue;
            char name[NAME + 48];
            snprintf(name, sizeof name, "%s.%zu", list[run].name, i - run + 1);
            again = true;
            exciton_match *match = &matches->items[list[i].block];
            size_t size = strlen(name) + 1;
            char *copy = exciton_io_allocate(matches->calls, size, 1);
            if (!copy)
                return exciton_io_fail(EXCITON_ERROR_MEMORY, "blocks: out of memory");
            memcpy(copy, name, size);
            exciton_io_release(matches->calls, match->name);
            match->name = copy;
            match->block.name = copy;
            list[i].name = copy;
        }
        if (!again)
            return EXCITON_OK;
    }
    for (size_t i = 0; i < matches->count; i++) { /* names made to collide: numbers alone don't */
        char name[32];
        snprintf(name, sizeof name, "block.%zu", i + 1);
        exciton_status failed = set_name(matches, &matches->items[i], name);
        if (failed)
            return failed;
    }
    return EXCITON_OK;
}

exciton_status exciton_matches_name(exciton_matches *matches)
{
    if (!matches->count)
        return EXCITON_OK;
    bool *open = exciton_io_allocate(matches->calls, matches->count, sizeof *open);
    candidate *list = exciton_io_allocate(matches->calls, matches->count, sizeof *list);
    exciton_status failed = open && list ? EXCITON_OK : exciton_io_fail(EXCITON_ERROR_MEMORY, "blocks: out of memory");
    for (size_t i = 0; i < matches->count && !failed; i++)
        open[i] = true;
    for (int source = 0; source < SOURCES && !failed; source++) {
        for (size_t i = 0; i < matches->count && !failed; i++) {
            char name[NAME];
            if (!open[i])
                continue;
            make_name(matches, &matches->items[i], source, name);
            if (*name || source + 1 == SOURCES)
                failed = set_name(matches, &matches->items[i], *name ? name : "block");
            else if (!matches->items[i].name)
                failed = set_name(matches, &matches->items[i], "");
        }
        if (!failed) {
            fill_list(matches, list);
            mark_shared(list, matches->count, open);
        }
    }
    if (!failed)
        failed = number_shared(matches, list);
    exciton_io_release(matches->calls, open);
    exciton_io_release(matches->calls, list);
    return failed;
}
