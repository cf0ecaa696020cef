/* `exciton inspect`: the blocks of a model, with every parameter. */
#include "tool/inspect.h"

#include <math.h>
#include <stdio.h>

#include "formats/decimal.h"

/* ---- a block of either kind of file */

/* By the enum of exciton.h; NULL for _DEFAULT: the file doesn't say. */
static const char *activation_name(exciton_activation activation)
{
    static const exciton_model_activation names[] = {
        [EXCITON_ACTIVATION_IDENTITY] = EXCITON_MODEL_IDENTITY, [EXCITON_ACTIVATION_RELU] = EXCITON_MODEL_RELU,
        [EXCITON_ACTIVATION_SILU] = EXCITON_MODEL_SILU, [EXCITON_ACTIVATION_HARD_SWISH] = EXCITON_MODEL_HARD_SWISH,
    };
    return activation == EXCITON_ACTIVATION_DEFAULT ? NULL : exciton_model_activation_name(names[activation]);
}

static void from_weights(const exciton_weights_info *info, inspect_block *block)
{
    *block = (inspect_block){
        .name = info->name, .kind = exciton_model_kind_name(EXCITON_MODEL_SE), .channels = info->channels, .hidden = info->hidden,
        .layers = 2, .bias = {info->bias[0], info->bias[1]}, .weight = {info->weight[0], info->weight[1]},
        .activation = activation_name(info->activation), .slope = NAN, .offset = NAN, .clean = INSPECT_UNKNOWN,
        .lacks = tool_block_lacks(info->activation, info->gate, info->gate_slope, info->gate_offset),
    };
    if (info->gate != EXCITON_GATE_DEFAULT)
        block->gate = exciton_model_gate_name(info->gate == EXCITON_GATE_SIGMOID ? EXCITON_MODEL_SIGMOID
                                                                                  : EXCITON_MODEL_HARD_SIGMOID);
    if (info->gate == EXCITON_GATE_HARD_SIGMOID_CUSTOM) {
        block->slope = info->gate_slope;
        block->offset = info->gate_offset;
    }
    if (info->activation == EXCITON_ACTIVATION_HARD_SWISH) {
        block->activation_count = 2;
        block->activation_numbers[0] = 1.0f / 6.0f;
        block->activation_numbers[1] = 0.5f;
    }
    block->residual = info->output == EXCITON_OUTPUT_DEFAULT ? INSPECT_UNKNOWN : info->output == EXCITON_OUTPUT_RESIDUAL;
    if (info->then != EXCITON_THEN_DEFAULT)
        block->then_activation = exciton_model_activation_name(info->then == EXCITON_THEN_RELU ? EXCITON_MODEL_RELU
                                                                                                : EXCITON_MODEL_IDENTITY);
}

static uint32_t count_numbers(exciton_model_activation activation)
{
    return activation == EXCITON_MODEL_CLIP || activation == EXCITON_MODEL_HARD_SWISH ? 2 : activation == EXCITON_MODEL_LEAKY_RELU;
}

static void from_model(const exciton_model_block *from, inspect_block *block)
{
    bool hard = from->gate == EXCITON_MODEL_HARD_SIGMOID, between = from->layers == 2;
    *block = (inspect_block){
        .name = from->name, .kind = exciton_model_kind_name(from->kind), .input = from->input, .output = from->output,
        .channels = from->channels, .hidden = from->hidden, .kernel = from->kernel, .layers = from->layers,
        .bias = {from->bias[0], from->bias[1]}, .weight = {from->weight[0], from->weight[1]},
        .activation = between ? exciton_model_activation_name(from->activation) : NULL,
        .activation_numbers = {from->activation_numbers[0], from->activation_numbers[1]},
        .activation_count = between ? count_numbers(from->activation) : 0, .gate = exciton_model_gate_name(from->gate),
        .slope = hard ? from->gate_slope : NAN, .offset = hard ? from->gate_offset : NAN, .residual = from->residual,
        .then_add = from->then_add, .then_activation = exciton_model_activation_name(from->then_activation),
        .channels_last = from->channels_last, .circular = from->circular, .clean = from->clean, .why = from->why,
        .unsupported = from->unsupported,
    };
}

exciton_status inspect_describe(const tool_model *model, uint32_t index, inspect_block *block)
{
    exciton_model_block from;
    exciton_weights_info info;
    exciton_status status = model->onnx ? exciton_model_block_describe(model->onnx, index, &from)
                                        : exciton_weights_describe(model->weights, index, &info);
    if (status == EXCITON_OK && model->onnx)
        from_model(&from, block);
    else if (status == EXCITON_OK)
        from_weights(&info, block);
    return status;
}

uint32_t inspect_near_count(const tool_model *model)
{
    return model->onnx ? exciton_model_near_count(model->onnx) : exciton_weights_near_count(model->weights);
}

exciton_status inspect_near(const tool_model *model, uint32_t index, exciton_model_near *near)
{
    return model->onnx ? exciton_model_near_describe(model->onnx, index, near)
                       : exciton_weights_near_describe(model->weights, index, near);
}

/* ---- JSON */

static void json_text(tool_json *json, const char *key, const char *value)
{
    tool_json_key(json, key);
    tool_json_string(json, value);
}

static void json_count(tool_json *json, const char *key, uint64_t value)
{
    tool_json_key(json, key);
    if (value)
        tool_json_integer(json, value);
    else
        tool_json_string(json, NULL);
}

static void json_boolean(tool_json *json, const char *key, int value)
{
    tool_json_key(json, key);
    if (value == INSPECT_UNKNOWN)
        tool_json_string(json, NULL);
    else
        tool_json_boolean(json, value == INSPECT_YES);
}

static void json_float(tool_json *json, float value)
{
    char text[EXCITON_DECIMAL_BYTES];
    if (isfinite(value))
        exciton_decimal_write(value, text);
    tool_json_verbatim(json, isfinite(value) ? text : "null");
}

static void json_gate(tool_json *json, const inspect_block *block)
{
    tool_json_key(json, "gate");
    if (!block->gate) {
        tool_json_string(json, NULL);
        return;
    }
    tool_json_begin(json, '{');
    json_text(json, "kind", block->gate);
    tool_json_key(json, "slope");
    json_float(json, block->slope);
    tool_json_key(json, "offset");
    json_float(json, block->offset);
    tool_json_end(json, '}');
}

static void json_arrays(tool_json *json, const inspect_block *block)
{
    tool_json_key(json, "activation_numbers");
    tool_json_begin(json, '[');
    for (uint32_t i = 0; i < block->activation_count; i++)
        json_float(json, block->activation_numbers[i]);
    tool_json_end(json, ']');
    tool_json_key(json, "weights");
    tool_json_begin(json, '[');
    for (uint32_t i = 0; i < block->layers; i++)
        tool_json_string(json, block->weight[i]);
    tool_json_end(json, ']');
    tool_json_key(json, "lacks");
    tool_json_begin(json, '[');
    for (unsigned i = 0; i < TOOL_LACKS; i++)
        if (block->lacks & 1u << i)
            tool_json_string(json, tool_lacks[i]);
    tool_json_end(json, ']');
}

static void json_block(tool_json *json, const inspect_block *block)
{
    tool_json_begin(json, '{');
    json_text(json, "name", block->name);
    json_text(json, "kind", block->kind);
    json_text(json, "input", block->input);
    json_text(json, "output", block->output);
    json_count(json, "channels", block->channels);
    json_count(json, "hidden", block->hidden);
    tool_json_key(json, "bias");
    tool_json_begin(json, '[');
    for (uint32_t i = 0; i < block->layers; i++)
        tool_json_boolean(json, block->bias[i]);
    tool_json_end(json, ']');
    json_text(json, "activation", block->activation);
    json_gate(json, block);
    json_boolean(json, "residual", block->residual);
    tool_json_key(json, "then");
    tool_json_begin(json, '{');
    json_text(json, "add", block->then_add);
    json_text(json, "activation", block->then_activation);
    tool_json_end(json, '}');
    json_boolean(json, "clean", block->clean);
    if (block->why)
        json_text(json, "why", block->why);
    json_text(json, "unsupported", block->unsupported);
    json_arrays(json, block);
    json_boolean(json, "channels_last", block->channels_last);
    json_count(json, "kernel", block->kernel);
    json_boolean(json, "circular", block->circular);
    tool_json_end(json, '}');
}

/* Describing can't fail but for want of memory; what was printed by then is no JSON. */
static exciton_status json_nears(tool_json *json, const tool_model *model)
{
    exciton_status status = EXCITON_OK;
    tool_json_key(json, "near");
    tool_json_begin(json, '[');
    for (uint32_t i = 0; i < inspect_near_count(model) && status == EXCITON_OK; i++) {
        exciton_model_near near;
        status = inspect_near(model, i, &near);
        if (status != EXCITON_OK)
            break;
        tool_json_begin(json, '{');
        json_text(json, "at", near.at);
        json_text(json, "why", near.why);
        tool_json_end(json, '}');
    }
    tool_json_end(json, ']');
    return status;
}

static int print_json(const tool_model *model, bool explain)
{
    tool_json json = {0};
    exciton_status status = EXCITON_OK;
    uint64_t blocks = 0, nears = 0;
    exciton_model_left_out(model->onnx, &blocks, &nears);
    tool_json_header(&json);
    json_text(&json, "model", model->file);
    json_text(&json, "type", model->onnx ? "onnx" : "safetensors");
    tool_json_key(&json, "blocks");
    tool_json_begin(&json, '[');
    for (uint32_t i = 0; i < tool_model_count(model) && status == EXCITON_OK; i++) {
        inspect_block block;
        status = inspect_describe(model, i, &block);
        if (status == EXCITON_OK)
            json_block(&json, &block);
    }
    tool_json_end(&json, ']');
    if (explain && status == EXCITON_OK)
        status = json_nears(&json, model);
    tool_json_key(&json, "left_out");
    tool_json_begin(&json, '{');
    tool_json_key(&json, "blocks");
    tool_json_integer(&json, blocks);
    tool_json_key(&json, "near");
    tool_json_integer(&json, nears);
    tool_json_end(&json, '}');
    tool_json_end(&json, '}');
    return status == EXCITON_OK ? TOOL_DONE : tool_fail(status, TOOL_AT_FILES);
}

int tool_inspect(int argc, char **argv)
{
    const char *file = NULL;
    int order = EXCITON_ORDER_DEFAULT;
    bool json = false, explain = false, help = false;
    const tool_option options[] = {
        {.name = "model", .value = "MODEL", .help = "ONNX or safetensors", .text = &file, .positional = true, .required = true},
        {.name = "explain", .help = "also what came near, and why it is no block", .flag = &explain},
        {.name = "order", .help = "of a safetensors file's matrices", .choice = &order, .choices = tool_orders},
        {.name = "json", .help = "the list as JSON", .flag = &json},
        {0},
    };
    int result = tool_options_parse("inspect", options, argc, argv, &help);
    if (result != TOOL_DONE || help)
        return result;
    tool_model model;
    if (!tool_model_name_file(file, &model))
        return tool_error(TOOL_OTHER, "inspect: %s: out of memory", file);
    result = tool_model_open(&model, (exciton_weight_order)order, true);
    if (result == TOOL_DONE)
        result = json ? print_json(&model, explain) : inspect_print_table(&model, explain);
    tool_model_close(&model);
    return result;
}
