/* Blocks of a weights file, as the public interface shows them. */
#include "formats/weights.h"

#include <stdio.h>
#include <string.h>

#include "formats/blocks.h"

struct exciton_weights {
    exciton_safetensors file;
    exciton_blocks blocks;
    exciton_weight_order order;
    char why[sizeof ((exciton_verdict *)NULL)->why]; /* of the near miss described last */
};

static exciton_status check_params(const exciton_weights_params *params)
{
    if (params->size && params->size < sizeof *params)
        return exciton_io_fail(EXCITON_ERROR_ARGUMENT, "weights open: params: size %zu is less than %zu", params->size,
                               sizeof *params);
    if ((unsigned)params->order > EXCITON_ORDER_IN_OUT)
        return exciton_io_fail(EXCITON_ERROR_ARGUMENT, "weights open: order: %d is none", (int)params->order);
    return EXCITON_OK;
}

exciton_status exciton_weights_open_with(const exciton_calls *calls, const char *path, const exciton_weights_params *params,
                                         exciton_weights **weights)
{
    if (weights)
        *weights = NULL;
    if (!path || !weights)
        return exciton_io_fail(EXCITON_ERROR_ARGUMENT, "weights open: %s: is NULL", path ? "weights" : "path");
    static const exciton_weights_params defaults;
    params = params ? params : &defaults;
    exciton_status failed = check_params(params);
    if (failed)
        return failed;
    exciton_weights *opened = exciton_io_allocate(calls, 1, sizeof *opened);
    if (!opened)
        return exciton_io_fail(EXCITON_ERROR_MEMORY, "%s: out of memory", path);
    *opened = (exciton_weights){.order = params->order};
    failed = exciton_safetensors_open(calls, path, &opened->file);
    if (failed) {
        exciton_io_release(calls, opened);
        return failed;
    }
    failed = exciton_blocks_find(&opened->file, &opened->blocks);
    if (!failed)
        failed = exciton_blocks_judge(&opened->file, params->order, params->may_be_none, &opened->blocks);
    if (failed) {
        exciton_weights_close(opened);
        return failed;
    }
    *weights = opened;
    return EXCITON_OK;
}

exciton_status exciton_weights_open(const char *path, const exciton_weights_params *params, exciton_weights **weights)
{
    return exciton_weights_open_with(&exciton_system_calls, path, params, weights);
}

void exciton_weights_close(exciton_weights *weights)
{
    if (!weights)
        return;
    const exciton_calls *calls = weights->file.source.calls;
    exciton_blocks_release(&weights->file, &weights->blocks);
    exciton_safetensors_close(&weights->file);
    exciton_io_release(calls, weights);
}

uint32_t exciton_weights_count(const exciton_weights *weights) { return weights ? (uint32_t)weights->blocks.good : 0; }

static exciton_status check_index(const exciton_weights *weights, uint32_t index, const void *output, const char *doing)
{
    if (!weights || !output)
        return exciton_io_fail(EXCITON_ERROR_ARGUMENT, "weights %s: %s: is NULL", doing, weights ? "output" : "weights");
    if (index >= weights->blocks.good)
        return exciton_io_fail(EXCITON_ERROR_ARGUMENT, "%s: block %u: there are %zu", weights->file.source.name, index,
                               weights->blocks.good);
    return EXCITON_OK;
}

exciton_status exciton_weights_describe(const exciton_weights *weights, uint32_t index, exciton_weights_info *info)
{
    if (info)
        *info = (exciton_weights_info){0};
    exciton_status failed = check_index(weights, index, info, "describe");
    if (!failed)
        *info = weights->blocks.items[index].info;
    return failed;
}

/* ---- Near misses: candidates that are no blocks */

uint32_t exciton_weights_near_count(const exciton_weights *weights)
{
    return weights ? (uint32_t)(weights->blocks.count - weights->blocks.good) : 0;
}

exciton_status exciton_weights_near_describe(exciton_weights *weights, uint32_t index, exciton_model_near *near)
{
    if (near)
        *near = (exciton_model_near){0};
    if (!weights || !near)
        return exciton_io_fail(EXCITON_ERROR_ARGUMENT, "weights near: %s: is NULL", weights ? "near" : "weights");
    if (index >= exciton_weights_near_count(weights))
        return exciton_io_fail(EXCITON_ERROR_ARGUMENT, "%s: near miss %u: there are %u", weights->file.source.name, index,
                               exciton_weights_near_count(weights));
    exciton_block again = weights->blocks.items[weights->blocks.good + index];
    exciton_verdict verdict;
    if (exciton_block_judge(&again, weights->order, &verdict) == EXCITON_ERROR_MEMORY)
        return exciton_io_fail(EXCITON_ERROR_MEMORY, "%s: %s", weights->file.source.name, verdict.why);
    memcpy(weights->why, verdict.why, sizeof weights->why);
    const exciton_safetensors_entry *first = again.weight[0] ? again.weight[0] : again.weight[1];
    *near = (exciton_model_near){.at = first->name, .why = weights->why};
    return EXCITON_OK;
}

/* ---- A block by its name */

/* The names that there are, as many as a line holds. */
static exciton_status fail_choices(const exciton_weights *weights, const char *name)
{
    char choices[400];
    size_t length = 0, shown = 0;
    if (!weights->blocks.good)
        return exciton_io_fail(EXCITON_ERROR_NAME, "%s: block '%.100s': is not there; the file has none", weights->file.source.name,
                               name);
    for (; shown < weights->blocks.good; shown++) {
        int more = snprintf(choices + length, sizeof choices - length, "%s'%.100s'", shown ? ", " : "",
                            weights->blocks.items[shown].name);
        if (more < 0 || (size_t)more >= sizeof choices - length)
            break;
        length += (size_t)more;
    }
    choices[length] = '\0';
    if (shown == weights->blocks.good)
        return exciton_io_fail(EXCITON_ERROR_NAME, "%s: block '%.100s': is not there; there are %s", weights->file.source.name, name,
                               choices);
    return exciton_io_fail(EXCITON_ERROR_NAME, "%s: block '%.100s': is not there; there are %s and %zu more",
                           weights->file.source.name, name, choices, weights->blocks.good - shown);
}

exciton_status exciton_weights_find(const exciton_weights *weights, const char *name, uint32_t *index)
{
    if (index)
        *index = 0;
    if (!weights || !name || !index)
        return exciton_io_fail(EXCITON_ERROR_ARGUMENT, "weights find: %s: is NULL", !weights ? "weights" : !name ? "name" : "index");
    const exciton_blocks *blocks = &weights->blocks;
    exciton_verdict nearest = {.stage = -1};
    for (size_t i = 0; i < blocks->count; i++) {
        if (strcmp(blocks->items[i].name, name))
            continue;
        if (i < blocks->good) {
            *index = (uint32_t)i;
            return EXCITON_OK;
        }
        exciton_block again = blocks->items[i];
        exciton_verdict verdict;
        exciton_block_judge(&again, weights->order, &verdict);
        if (verdict.stage > nearest.stage)
            nearest = verdict;
    }
    if (nearest.stage < 0)
        return fail_choices(weights, name);
    return exciton_io_fail(nearest.status, "%s: %s", weights->file.source.name, nearest.why);
}

static uint64_t tensor_bytes(const exciton_safetensors_entry *entry) { return entry ? entry->end - entry->begin : 0; }

/* fc1's weight and bias, fc2's weight and bias in one piece of memory. */
static exciton_status read_data(exciton_weights *weights, exciton_block *block)
{
    if (block->data)
        return EXCITON_OK;
    const exciton_safetensors_entry *entries[4] = {block->weight[0], block->bias[0], block->weight[1], block->bias[1]};
    uint64_t bytes = 0; /* at most the file's */
    for (int i = 0; i < 4; i++)
        bytes += tensor_bytes(entries[i]);
    const exciton_calls *calls = weights->file.source.calls;
    float *data = exciton_io_allocate(calls, bytes, 1);
    if (!data)
        return exciton_io_fail(EXCITON_ERROR_MEMORY, "%s: block '%.100s': out of memory", weights->file.source.name, block->name);
    float *to = data;
    for (int i = 0; i < 4; i++) {
        exciton_status failed = entries[i] ? exciton_safetensors_read(&weights->file, entries[i], to) : EXCITON_OK;
        if (failed) {
            exciton_io_release(calls, data);
            return failed;
        }
        to += tensor_bytes(entries[i]) / sizeof *to;
    }
    block->data = data;
    return EXCITON_OK;
}

static exciton_layer make_layer(const exciton_block *block, int layer, const float *data)
{
    const float *bias = data + tensor_bytes(block->weight[layer]) / sizeof *data;
    return (exciton_layer){.data = data, .bias = block->bias[layer] ? bias : NULL, .type = EXCITON_TYPE_F32,
                           .order = block->info.order};
}

exciton_status exciton_weights_se(exciton_weights *weights, uint32_t index, exciton_se *se)
{
    exciton_status failed = check_index(weights, index, se, "se");
    if (failed)
        return failed;
    if (se->size && se->size < sizeof *se)
        return exciton_io_fail(EXCITON_ERROR_ARGUMENT, "weights se: se: size %zu is less than %zu", se->size, sizeof *se);
    exciton_block *block = &weights->blocks.items[index];
    failed = read_data(weights, block);
    if (failed)
        return failed;
    const exciton_weights_info *info = &block->info;
    uint64_t first = (tensor_bytes(block->weight[0]) + tensor_bytes(block->bias[0])) / sizeof(float);
    se->channels = info->channels;
    se->hidden = info->hidden;
    se->fc1 = make_layer(block, 0, block->data);
    se->fc2 = make_layer(block, 1, block->data + first);
    se->activation = info->activation;
    se->gate = info->gate;
    se->gate_slope = info->gate_slope;
    se->gate_offset = info->gate_offset;
    se->output = info->output;
    se->then = info->then;
    return EXCITON_OK;
}
