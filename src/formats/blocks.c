/* Candidates for SE blocks, from the names in a file. */
#include "formats/blocks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const exciton_block_pairs[EXCITON_BLOCK_PAIRS][2] = {
    [EXCITON_BLOCK_REFERENCE] = {"fc.0", "fc.2"}, [EXCITON_BLOCK_OWN] = {"fc1", "fc2"}, {"conv_reduce", "conv_expand"}, {"conv1", "conv2"},
};

/* The length of what stands before `suffix`, with neither its dot; false where `name` doesn't end so. */
static bool split_suffix(const char *name, const char *suffix, size_t *prefix)
{
    size_t length = strlen(name), tail = strlen(suffix);
    if (length < tail || strcmp(name + length - tail, suffix))
        return false;
    *prefix = length - tail;
    if (!*prefix)
        return true;
    return name[--*prefix] == '.' && *prefix; /* ".fc1.weight" has no block's name */
}

static const exciton_safetensors_entry *find_part(const exciton_safetensors *file, const char *prefix, const char *layer,
                                                  const char *part, char *buffer, size_t size)
{
    snprintf(buffer, size, "%s%s%s%s", prefix, *prefix ? "." : "", layer, part);
    return exciton_safetensors_find(file, buffer);
}

/* The pair and layer that an entry is the weight of. */
static bool match_weight(const exciton_safetensors_entry *entry, uint32_t *pair, uint32_t *layer, size_t *prefix)
{
    for (*pair = 0; *pair < EXCITON_BLOCK_PAIRS; ++*pair)
        for (*layer = 0; *layer < 2; ++*layer) {
            char suffix[32];
            snprintf(suffix, sizeof suffix, "%s.weight", exciton_block_pairs[*pair][*layer]);
            if (split_suffix(entry->name, suffix, prefix))
                return true;
        }
    return false;
}

/* Adds the candidate that an entry belongs to, at its first weight. */
static exciton_status add_candidate(const exciton_safetensors *file, const exciton_safetensors_entry *entry, exciton_blocks *blocks)
{
    uint32_t pair, layer;
    size_t prefix;
    if (!match_weight(entry, &pair, &layer, &prefix))
        return EXCITON_OK;
    const exciton_calls *calls = file->source.calls;
    size_t size = prefix + 32;
    char *name = exciton_io_allocate(calls, prefix + 1, 1), *buffer = exciton_io_allocate(calls, size, 1);
    if (!name || !buffer) {
        exciton_io_release(calls, name);
        exciton_io_release(calls, buffer);
        return exciton_io_fail(EXCITON_ERROR_MEMORY, "%s: out of memory for the blocks", file->source.name);
    }
    memcpy(name, entry->name, prefix);
    name[prefix] = '\0';
    exciton_block block = {.name = name, .pair = pair};
    for (int i = 0; i < 2; i++) {
        block.weight[i] = find_part(file, name, exciton_block_pairs[pair][i], ".weight", buffer, size);
        block.bias[i] = find_part(file, name, exciton_block_pairs[pair][i], ".bias", buffer, size);
    }
    exciton_io_release(calls, buffer);
    if (layer && block.weight[0])
        exciton_io_release(calls, name); /* came with its first layer */
    else
        blocks->items[blocks->count++] = block;
    return EXCITON_OK;
}

static int by_name(const void *left, const void *right)
{
    const exciton_block *a = left, *b = right;
    if (a->good != b->good)
        return a->good ? -1 : 1;
    int names = strcmp(a->name, b->name);
    return names ? names : (int)a->pair - (int)b->pair;
}

/* The first candidate of a name, among those not judged so far; they are sorted. */
static exciton_block *find_name(const exciton_blocks *blocks, const char *name, size_t length)
{
    size_t low = 0, high = blocks->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *there = blocks->items[middle].name;
        int order = strncmp(there, name, length);
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < blocks->count && strlen(blocks->items[low].name) == length && !strncmp(blocks->items[low].name, name, length);
    return found ? &blocks->items[low] : NULL;
}

/* Calls for every candidate of the name: one prefix may have several pairs. */
static bool set_param(exciton_blocks *blocks, const char *name, size_t length, int param, const char *key, const char *value)
{
    exciton_block *block = find_name(blocks, name, length), *end = blocks->items + blocks->count;
    if (!block)
        return false;
    for (; block < end && strlen(block->name) == length && !strncmp(block->name, name, length); block++) {
        if (param < EXCITON_PARAMS)
            block->params[param] = value;
        else
            block->unknown = key;
    }
    return true;
}

static exciton_status read_key(const exciton_safetensors *file, exciton_blocks *blocks, const char *key, const char *value)
{
    size_t prefix;
    for (int param = 0; param < EXCITON_PARAMS; param++) {
        if (!split_suffix(key, exciton_param_names[param], &prefix) || set_param(blocks, key, prefix, param, key, value))
            continue;
        return exciton_io_fail(EXCITON_ERROR_NAME, "%s: __metadata__ '%.100s': there is no block '%.*s'", file->source.name, key,
                               prefix < 100 ? (int)prefix : 100, key);
    }
    return EXCITON_OK;
}

/* A word of no meaning right under a block's name, or under its gate, is a slip of the pen; deeper names may be anything's. */
static void note_unknown(exciton_blocks *blocks, const char *key)
{
    size_t prefix;
    for (int param = 0; param < EXCITON_PARAMS; param++)
        if (split_suffix(key, exciton_param_names[param], &prefix))
            return;
    const char *dot = strrchr(key, '.');
    if (!dot || dot == key)
        return;
    prefix = (size_t)(dot - key);
    if (!set_param(blocks, key, prefix, EXCITON_PARAMS, key, NULL) && prefix > 5 && !memcmp(dot - 5, ".gate", 5))
        set_param(blocks, key, prefix - 5, EXCITON_PARAMS, key, NULL);
}

exciton_status exciton_blocks_find(const exciton_safetensors *file, exciton_blocks *blocks)
{
    *blocks = (exciton_blocks){.items = exciton_io_allocate(file->source.calls, file->count, sizeof *blocks->items)};
    if (!blocks->items)
        return exciton_io_fail(EXCITON_ERROR_MEMORY, "%s: out of memory for the blocks", file->source.name);
    exciton_status failed = EXCITON_OK;
    for (size_t i = 0; i < file->count && !failed; i++)
        failed = add_candidate(file, &file->entries[i], blocks);
    if (!failed && blocks->count)
        qsort(blocks->items, blocks->count, sizeof *blocks->items, by_name);
    const char *key;
    json_t *value;
    if (!failed && file->metadata)
        json_object_foreach (file->metadata, key, value) {
            failed = read_key(file, blocks, key, json_string_value(value));
            if (failed)
                break;
            note_unknown(blocks, key);
        }
    if (failed)
        exciton_blocks_release(file, blocks);
    return failed;
}

/* No good one: the nearest miss says why. */
static exciton_status fail_without(const exciton_safetensors *file, const exciton_blocks *blocks, const exciton_verdict *nearest)
{
    if (!blocks->count)
        return exciton_io_fail(EXCITON_ERROR_NAME, "%s: tensors: no SE block: none is named fc.0/fc.2, fc1/fc2, "
                               "conv_reduce/conv_expand or conv1/conv2 (.weight)", file->source.name);
    return exciton_io_fail(nearest->status, "%s: %s", file->source.name, nearest->why);
}

static exciton_status check_collisions(const exciton_safetensors *file, const exciton_blocks *blocks)
{
    for (size_t i = 1; i < blocks->good; i++) {
        const exciton_block *a = &blocks->items[i - 1], *b = &blocks->items[i];
        if (!strcmp(a->name, b->name))
            return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: block '%.100s': both %s/%s and %s/%s stand under that name",
                                   file->source.name, a->name, exciton_block_pairs[a->pair][0], exciton_block_pairs[a->pair][1],
                                   exciton_block_pairs[b->pair][0], exciton_block_pairs[b->pair][1]);
    }
    return EXCITON_OK;
}

exciton_status exciton_blocks_judge(const exciton_safetensors *file, exciton_weight_order order, bool may_be_none,
                                    exciton_blocks *blocks)
{
    exciton_verdict verdict, nearest = {.stage = -1};
    for (size_t i = 0; i < blocks->count; i++) {
        exciton_block *block = &blocks->items[i];
        block->good = !exciton_block_judge(block, order, &verdict);
        if (block->good)
            blocks->good++;
        else if (verdict.status == EXCITON_ERROR_MEMORY)
            return exciton_io_fail(verdict.status, "%s: %s", file->source.name, verdict.why);
        else if (verdict.stage > nearest.stage)
            nearest = verdict;
    }
    if (!blocks->good && !may_be_none)
        return fail_without(file, blocks, &nearest);
    if (!blocks->count)
        return EXCITON_OK;
    qsort(blocks->items, blocks->count, sizeof *blocks->items, by_name);
    return check_collisions(file, blocks);
}

void exciton_blocks_release(const exciton_safetensors *file, exciton_blocks *blocks)
{
    const exciton_calls *calls = file->source.calls;
    for (size_t i = 0; i < blocks->count; i++) {
        exciton_io_release(calls, blocks->items[i].name);
        exciton_io_release(calls, blocks->items[i].data);
    }
    exciton_io_release(calls, blocks->items);
    *blocks = (exciton_blocks){0};
}
