/* Whether the tensors of a candidate are the two layers of an SE block. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "formats/blocks.h"

/* Stages of a verdict: what was wrong, from far to near. */
enum { STAGE_PARTNER, STAGE_SHAPE, STAGE_FIT, STAGE_DETAIL };

exciton_status exciton_verdict_set(exciton_verdict *verdict, exciton_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(verdict->why, sizeof verdict->why, format, arguments);
    va_end(arguments);
    verdict->status = status;
    return status;
}

static exciton_status check_names(const exciton_block *block, exciton_verdict *verdict)
{
    for (int layer = 0; layer < 2; layer++)
        if (!block->weight[layer])
            return exciton_verdict_set(verdict, EXCITON_ERROR_NAME, "tensor '%.100s%s%s.weight': is missing beside '%.100s'",
                                       block->name, *block->name ? "." : "", exciton_block_pairs[block->pair][layer],
                                       block->weight[!layer]->name);
    return EXCITON_OK;
}

/* What a selector or a terminal would stumble over. */
static exciton_status check_block_name(const exciton_block *block, exciton_verdict *verdict)
{
    for (const char *c = block->name; *c; c++)
        if (*c == ':' || (unsigned char)*c < 0x20 || *c == 0x7f)
            return exciton_verdict_set(verdict, EXCITON_ERROR_NAME, "block '%.100s': a name with a %s", block->name,
                                       *c == ':' ? "colon" : "control character");
    return EXCITON_OK;
}

static void format_shape(const exciton_safetensors_entry *entry, char text[200])
{
    size_t at = 0;
    uint32_t dims = entry->dims < EXCITON_TENSOR_DIMS ? entry->dims : EXCITON_TENSOR_DIMS;
    for (uint32_t d = 0; d < dims; d++)
        at += (size_t)snprintf(text + at, 200 - at, "%s%llu", d ? "," : "", (unsigned long long)entry->shape[d]);
    snprintf(text + at, 200 - at, "%s", entry->dims > dims ? ",..." : "");
}

/* [A,B] and ones behind them: a Linear or a convolution of size 1. */
static bool is_plain(const exciton_safetensors_entry *entry)
{
    if (entry->dims < 2 || entry->dims > 5)
        return false;
    for (uint32_t d = 2; d < entry->dims; d++)
        if (entry->shape[d] != 1)
            return false;
    return true;
}

/* [1,1,A,B]: a convolution of size 1 with its channels last. */
static bool is_channels_last(const exciton_safetensors_entry *entry)
{
    return entry->dims == 4 && entry->shape[0] == 1 && entry->shape[1] == 1;
}

/* Inputs and outputs of a layer in the block's order. */
static exciton_status read_matrix(const exciton_block *block, int layer, uint64_t *inputs, uint64_t *outputs,
                                  exciton_verdict *verdict)
{
    const exciton_safetensors_entry *entry = block->weight[layer];
    const exciton_weights_info *info = &block->info;
    char shape[200];
    format_shape(entry, shape);
    bool in_out = info->order == EXCITON_ORDER_IN_OUT;
    if (in_out ? !is_channels_last(entry) && entry->dims != 2 : !is_plain(entry)) {
        if (!in_out && !info->order_is_said && is_channels_last(entry))
            return exciton_verdict_set(verdict, EXCITON_ERROR_SHAPE, "tensor '%.100s': shape [%s]: its order can't be known; say it "
                                       "(--order in-out, or metadata '%.60s%sorder')", entry->name, shape, block->name,
                                       *block->name ? "." : "");
        return exciton_verdict_set(verdict, EXCITON_ERROR_SHAPE, "tensor '%.100s': shape [%s] is not that of a matrix, %s",
                                   entry->name, shape, in_out ? "[IN,OUT] or [1,1,IN,OUT]" : "[OUT,IN] and ones behind");
    }
    const uint64_t *sizes = entry->shape + (in_out && entry->dims == 4 ? 2 : 0);
    if (!sizes[0] || !sizes[1])
        return exciton_verdict_set(verdict, EXCITON_ERROR_SHAPE, "tensor '%.100s': shape [%s]: a size is zero", entry->name, shape);
    *inputs = sizes[in_out ? 0 : 1];
    *outputs = sizes[in_out ? 1 : 0];
    return EXCITON_OK;
}

static exciton_status read_sizes(exciton_block *block, exciton_verdict *verdict)
{
    uint64_t inputs[2], outputs[2];
    for (int layer = 0; layer < 2; layer++)
        if (read_matrix(block, layer, &inputs[layer], &outputs[layer], verdict))
            return verdict->status;
    verdict->stage = STAGE_FIT;
    if (outputs[0] != inputs[1] || inputs[0] != outputs[1])
        return exciton_verdict_set(verdict, EXCITON_ERROR_SHAPE, "tensors '%.100s' and '%.100s': %llu to %llu and %llu to %llu don't "
                                   "make a block", block->weight[0]->name, block->weight[1]->name, (unsigned long long)inputs[0],
                                   (unsigned long long)outputs[0], (unsigned long long)inputs[1], (unsigned long long)outputs[1]);
    block->info.channels = inputs[0];
    block->info.hidden = outputs[0];
    return EXCITON_OK;
}

static exciton_status check_bias(const exciton_block *block, int layer, exciton_verdict *verdict)
{
    const exciton_safetensors_entry *bias = block->bias[layer];
    const exciton_weights_info *info = &block->info;
    uint64_t outputs = layer ? info->channels : info->hidden, other = layer ? info->hidden : info->channels;
    char shape[200];
    format_shape(bias, shape);
    if (bias->dims == 1 && bias->shape[0] == outputs)
        return EXCITON_OK;
    if (bias->dims == 1 && bias->shape[0] == other && !info->order_is_said)
        return exciton_verdict_set(verdict, EXCITON_ERROR_SHAPE, "tensor '%.100s': shape [%s] fits '%.100s' only if that lies "
                                   "[IN,OUT]; say the order (--order in-out, or metadata '%.60s%sorder')", bias->name, shape,
                                   block->weight[layer]->name, block->name, *block->name ? "." : "");
    return exciton_verdict_set(verdict, EXCITON_ERROR_SHAPE, "tensor '%.100s': shape [%s], the layer has %llu outputs", bias->name,
                               shape, (unsigned long long)outputs);
}

static exciton_status check_types(const exciton_block *block, exciton_verdict *verdict)
{
    const exciton_safetensors_entry *entries[4] = {block->weight[0], block->bias[0], block->weight[1], block->bias[1]};
    for (int i = 0; i < 4; i++)
        if (entries[i] && strcmp(entries[i]->type, "F32"))
            return exciton_verdict_set(verdict, EXCITON_ERROR_UNSUPPORTED, "tensor '%.100s': dtype: %s; only F32 is read",
                                       entries[i]->name, entries[i]->type);
    return EXCITON_OK;
}

/* The caller's order and the metadata's must agree; without either the names, all of libraries that write OUT_IN, say it. */
static exciton_status settle_order(exciton_block *block, exciton_weight_order order, exciton_verdict *verdict)
{
    exciton_weights_info *info = &block->info;
    if (order && info->order && order != info->order)
        return exciton_verdict_set(verdict, EXCITON_ERROR_FORMAT, "__metadata__ '%.100s%sorder': '%s' contradicts the order that was "
                                   "asked for (--order)", block->name, *block->name ? "." : "", block->params[EXCITON_PARAM_ORDER]);
    info->order_is_said = order || info->order;
    if (!info->order)
        info->order = order ? order : EXCITON_ORDER_OUT_IN;
    return EXCITON_OK;
}

/* fc.0 and fc.2 without biases are the reference's. With biases they are several families' (MobileNetV3 with a hard-sigmoid,
 * EfficientNet with silu), as all other names are. */
static void settle_family(exciton_block *block)
{
    exciton_weights_info *info = &block->info;
    if (block->pair != EXCITON_BLOCK_REFERENCE || info->bias[0] || info->bias[1])
        return;
    if (!info->activation)
        info->activation = EXCITON_ACTIVATION_RELU;
    if (!info->gate)
        info->gate = EXCITON_GATE_SIGMOID;
}

exciton_status exciton_block_judge(exciton_block *block, exciton_weight_order order, exciton_verdict *verdict)
{
    *verdict = (exciton_verdict){.stage = STAGE_PARTNER};
    block->info = (exciton_weights_info){.name = block->name, .bias = {block->bias[0] != NULL, block->bias[1] != NULL}};
    if (check_names(block, verdict))
        return verdict->status;
    for (int layer = 0; layer < 2; layer++)
        block->info.weight[layer] = block->weight[layer]->name;
    verdict->stage = STAGE_SHAPE;
    if (exciton_block_read_params(block, verdict) || settle_order(block, order, verdict) || read_sizes(block, verdict))
        return verdict->status;
    verdict->stage = STAGE_DETAIL;
    for (int layer = 0; layer < 2; layer++)
        if (block->bias[layer] && check_bias(block, layer, verdict))
            return verdict->status;
    if (check_types(block, verdict) || check_block_name(block, verdict))
        return verdict->status;
    if (block->unknown)
        return exciton_verdict_set(verdict, EXCITON_ERROR_FORMAT, "__metadata__ '%.100s': no parameter; there are order, activation, "
                                   "gate, gate.slope, gate.offset, output, then", block->unknown);
    settle_family(block);
    return EXCITON_OK;
}
