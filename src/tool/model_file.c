/* Files of blocks: which format one has, and which of its blocks is meant. */
#include "tool/model_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool tool_model_name_file(const char *file, tool_model *model)
{
    *model = (tool_model){.file = malloc(strlen(file) + 1)};
    if (model->file)
        strcpy(model->file, file);
    return model->file;
}

bool tool_model_split(const char *text, tool_model *model)
{
    struct stat about;
    const char *colon = strrchr(text, ':');
    if (!tool_model_name_file(text, model))
        return false;
    if (colon && stat(text, &about)) {
        model->file[colon - text] = 0;
        model->block = colon + 1;
    }
    return true;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && !strcmp(text + length - tail, end);
}

/* A safetensors file begins with its header's length, below 100,000,000, and a brace. No ONNX file does: its bytes there
 * would be fields with the number 0. What can't be read, or is too short, is what its name says. */
static bool is_safetensors(const char *file)
{
    unsigned char start[9];
    int descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    ssize_t got = descriptor < 0 ? -1 : pread(descriptor, start, sizeof start, 0);
    if (descriptor >= 0)
        close(descriptor);
    if (got == (ssize_t)sizeof start && !memcmp(start + 4, "\0\0\0\0{", 5))
        return true;
    return ends_with(file, ".safetensors");
}

int tool_model_open(tool_model *model, exciton_weight_order order, bool may_be_none)
{
    exciton_status status;
    if (is_safetensors(model->file)) {
        const exciton_weights_params params = {.order = order, .may_be_none = may_be_none};
        status = exciton_weights_open(model->file, &params, &model->weights);
    } else {
        if (order != EXCITON_ORDER_DEFAULT)
            return tool_error(TOOL_BAD_OPTION, "option --order: %s: is no safetensors file; a model says how its matrices lie",
                              model->file);
        status = exciton_model_open(model->file, &model->onnx);
    }
    return status == EXCITON_OK ? TOOL_DONE : tool_fail(status, TOOL_AT_FILES);
}

void tool_model_close(tool_model *model)
{
    exciton_model_close(model->onnx);
    exciton_weights_close(model->weights);
    free(model->file);
    *model = (tool_model){0};
}

uint32_t tool_model_count(const tool_model *model)
{
    return model->onnx ? exciton_model_block_count(model->onnx) : exciton_weights_count(model->weights);
}

const char *tool_model_name(const tool_model *model, uint32_t index)
{
    exciton_model_block block = {0};
    exciton_weights_info info = {0};
    if (model->onnx)
        exciton_model_block_describe(model->onnx, index, &block);
    else
        exciton_weights_describe(model->weights, index, &info);
    const char *name = model->onnx ? block.name : info.name;
    return name ? name : "";
}

static int ask_for_block(const tool_model *model, uint32_t count)
{
    char names[1024] = "";
    size_t at = 0;
    uint32_t i = 0;
    if (!count)
        return tool_error(TOOL_BAD_FILE, "weights: %s: no SE block; `exciton inspect --explain` says what came near", model->file);
    for (; i < count && at < sizeof names - 300; i++)
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%.200s", i ? ", " : "", tool_model_name(model, i));
    if (i < count)
        snprintf(names + at, sizeof names - at, " and %u more", count - i);
    return tool_error(TOOL_BAD_FILE, "weights: %s: %u blocks: FILE:BLOCK is needed, with one of %s", model->file, count, names);
}

int tool_model_choose(const tool_model *model, uint32_t *index)
{
    uint32_t count = tool_model_count(model);
    *index = 0;
    if (!model->block)
        return count == 1 ? TOOL_DONE : ask_for_block(model, count);
    exciton_status status = model->onnx ? exciton_model_block_find(model->onnx, model->block, index)
                                        : exciton_weights_find(model->weights, model->block, index);
    return status == EXCITON_OK ? TOOL_DONE : tool_fail(status, TOOL_AT_FILES);
}
