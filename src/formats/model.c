/* Blocks of a model, as the public interface shows them, and as the operation takes them. */
#include "formats/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "formats/match.h"
#include "formats/onnx.h"

struct exciton_model {
    const exciton_calls *calls;
    char *name;         /* for error lines */
    exciton_onnx *onnx; /* NULL: the graph is somebody else's */
    const exciton_graph *graph;
    exciton_matches matches;
    float **data;       /* a block each, NULL: not read so far; fc1, its bias, fc2, its bias */
};

static exciton_status fail_memory(const char *name) { return exciton_io_fail(EXCITON_ERROR_MEMORY, "%s: out of memory", name); }

/* The end of a path names the file. */
static char *copy_name(const exciton_calls *calls, const char *name)
{
    size_t length = strlen(name), from = length > 250 ? length - 250 : 0;
    char *copy = exciton_io_allocate(calls, length - from + 1, 1);
    if (copy)
        memcpy(copy, name + from, length - from + 1);
    return copy;
}

static exciton_status find_blocks(exciton_model *model)
{
    exciton_status failed = exciton_matches_find(model->calls, model->graph, &model->matches);
    if (failed)
        return failed;
    model->data = exciton_io_allocate(model->calls, model->matches.count, sizeof *model->data);
    if (!model->data)
        return fail_memory(model->name);
    for (size_t i = 0; i < model->matches.count; i++)
        model->data[i] = NULL;
    return EXCITON_OK;
}

static exciton_status make_model(const exciton_calls *calls, const exciton_graph *graph, const char *path, exciton_model **model)
{
    exciton_model *made = exciton_io_allocate(calls, 1, sizeof *made);
    if (!made)
        return fail_memory(path);
    *made = (exciton_model){.calls = calls, .graph = graph, .name = copy_name(calls, path)};
    exciton_status failed = made->name ? EXCITON_OK : fail_memory(path);
    if (!failed && !graph) {
        failed = exciton_onnx_open(calls, path, &made->onnx);
        made->graph = failed ? NULL : exciton_onnx_graph(made->onnx);
    }
    if (!failed)
        failed = find_blocks(made);
    if (failed) {
        exciton_model_close(made);
        return failed;
    }
    *model = made;
    return EXCITON_OK;
}

exciton_status exciton_model_open_with(const exciton_calls *calls, const char *path, exciton_model **model)
{
    if (model)
        *model = NULL;
    if (!path || !model)
        return exciton_io_fail(EXCITON_ERROR_ARGUMENT, "model open: %s: is NULL", path ? "model" : "path");
    return make_model(calls, NULL, path, model);
}

exciton_status exciton_model_open(const char *path, exciton_model **model)
{
    return exciton_model_open_with(&exciton_system_calls, path, model);
}

exciton_status exciton_model_from_graph(const exciton_calls *calls, const exciton_graph *graph, const char *name, exciton_model **model)
{
    *model = NULL;
    return make_model(calls, graph, name, model);
}

void exciton_model_close(exciton_model *model)
{
    if (!model)
        return;
    for (size_t i = 0; i < model->matches.count && model->data; i++)
        exciton_io_release(model->calls, model->data[i]);
    exciton_io_release(model->calls, model->data);
    if (model->matches.calls)
        exciton_matches_release(&model->matches);
    exciton_onnx_close(model->onnx);
    exciton_io_release(model->calls, model->name);
    exciton_io_release(model->calls, model);
}

/* ---- What there is */

/* What the operation doesn't run: the field, with its value for the line. NULL: it runs. */
static const char *find_unsupported(const exciton_match *match, const char **value)
{
    const exciton_model_block *block = &match->block;
    *value = exciton_model_kind_name(block->kind);
    if (block->kind != EXCITON_MODEL_SE)
        return "kind";
    *value = exciton_model_activation_name(block->activation);
    if (block->activation == EXCITON_MODEL_HARD_SWISH) {
        *value = "hard-swish with another slope or offset";
        if (fabsf(block->activation_numbers[0] * 6 - 1) > 1e-6f || fabsf(block->activation_numbers[1] - 0.5f) > 1e-6f)
            return "activation";
    } else if (block->activation != EXCITON_MODEL_IDENTITY && block->activation != EXCITON_MODEL_RELU &&
               block->activation != EXCITON_MODEL_SILU) {
        return "activation";
    }
    *value = block->then_add;
    if (block->then_add && !block->residual) /* a residual of another tensor; after one of x it is somebody else's Add */
        return "then.add";
    *value = "channels last";
    if (block->channels_last)
        return "layout";
    *value = "quantized";
    if (match->layers[0].quantized || match->layers[1].quantized)
        return "weights";
    *value = "a slope or offset beyond float";
    if (!isfinite(block->gate_slope) || !isfinite(block->gate_offset))
        return "gate";
    return NULL;
}

uint32_t exciton_model_block_count(const exciton_model *model) { return model ? (uint32_t)model->matches.count : 0; }
uint32_t exciton_model_near_count(const exciton_model *model) { return model ? (uint32_t)model->matches.near_count : 0; }

void exciton_model_left_out(const exciton_model *model, uint64_t *blocks, uint64_t *nears)
{
    if (blocks)
        *blocks = model ? model->matches.left_out : 0;
    if (nears)
        *nears = model ? model->matches.nears_left_out : 0;
}

static exciton_status check_index(const exciton_model *model, uint32_t index, size_t count, const void *output, const char *doing)
{
    if (!model || !output)
        return exciton_io_fail(EXCITON_ERROR_ARGUMENT, "model %s: %s: is NULL", doing, model ? "output" : "model");
    if (index >= count)
        return exciton_io_fail(EXCITON_ERROR_ARGUMENT, "model %s: index: %u, there are %zu", doing, (unsigned)index, count);
    return EXCITON_OK;
}

exciton_status exciton_model_block_describe(const exciton_model *model, uint32_t index, exciton_model_block *block)
{
    if (block)
        *block = (exciton_model_block){0};
    exciton_status failed = check_index(model, index, model ? model->matches.count : 0, block, "block describe");
    if (failed)
        return failed;
    const char *value;
    *block = model->matches.items[index].block;
    block->unsupported = find_unsupported(&model->matches.items[index], &value);
    return EXCITON_OK;
}

exciton_status exciton_model_near_describe(const exciton_model *model, uint32_t index, exciton_model_near *near)
{
    if (near)
        *near = (exciton_model_near){0};
    exciton_status failed = check_index(model, index, model ? model->matches.near_count : 0, near, "near describe");
    if (!failed)
        *near = (exciton_model_near){.at = model->matches.nears[index].at, .why = model->matches.nears[index].why};
    return failed;
}

/* The names that there are, as many as a line holds. */
static exciton_status fail_choices(const exciton_model *model, const char *name)
{
    char choices[400];
    size_t length = 0, shown = 0;
    if (!model->matches.count)
        return exciton_io_fail(EXCITON_ERROR_NAME, "%s: block '%.100s': is not there; the model has none", model->name, name);
    for (; shown < model->matches.count; shown++) {
        int more = snprintf(choices + length, sizeof choices - length, "%s'%.100s'", shown ? ", " : "", model->matches.items[shown].name);
        if (more < 0 || (size_t)more >= sizeof choices - length)
            break;
        length += (size_t)more;
    }
    choices[length] = '\0';
    if (shown == model->matches.count)
        return exciton_io_fail(EXCITON_ERROR_NAME, "%s: block '%.100s': is not there; there are %s", model->name, name, choices);
    return exciton_io_fail(EXCITON_ERROR_NAME, "%s: block '%.100s': is not there; there are %s and %zu more", model->name, name, choices,
                           model->matches.count - shown);
}

exciton_status exciton_model_block_find(const exciton_model *model, const char *name, uint32_t *index)
{
    if (index)
        *index = 0;
    if (!model || !name || !index)
        return exciton_io_fail(EXCITON_ERROR_ARGUMENT, "model block find: %s: is NULL", !model ? "model" : !name ? "name" : "index");
    for (size_t i = 0; i < model->matches.count; i++) {
        if (strcmp(model->matches.items[i].name, name))
            continue;
        *index = (uint32_t)i;
        return EXCITON_OK;
    }
    return fail_choices(model, name);
}

const char *exciton_model_kind_name(exciton_model_kind kind)
{
    static const char *const names[] = {"se", "ese", "eca"};
    return (unsigned)kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}

const char *exciton_model_activation_name(exciton_model_activation activation)
{
    static const char *const names[] = {"identity", "relu", "relu6", "clip", "leaky-relu", "silu", "hard-swish"};
    return (unsigned)activation < sizeof names / sizeof *names ? names[activation] : "unknown";
}

const char *exciton_model_gate_name(exciton_model_gate gate)
{
    static const char *const names[] = {"sigmoid", "hard-sigmoid"};
    return (unsigned)gate < sizeof names / sizeof *names ? names[gate] : "unknown";
}

/* ---- As the operation takes it */

static exciton_activation operation_activation(exciton_model_activation activation)
{
    return activation == EXCITON_MODEL_RELU ? EXCITON_ACTIVATION_RELU : activation == EXCITON_MODEL_SILU ? EXCITON_ACTIVATION_SILU
         : activation == EXCITON_MODEL_HARD_SWISH ? EXCITON_ACTIVATION_HARD_SWISH : EXCITON_ACTIVATION_IDENTITY;
}

/* Both layers in one piece of memory. */
static exciton_status read_data(exciton_model *model, uint32_t index)
{
    const exciton_match *match = &model->matches.items[index];
    uint64_t channels = match->block.channels, hidden = match->block.hidden, matrix, count;
    if (model->data[index])
        return EXCITON_OK;
    if (!exciton_mul(channels, hidden, &matrix) || !exciton_mul(matrix, 2, &count) || !exciton_add(count, channels, &count) ||
        !exciton_add(count, hidden, &count))
        return exciton_io_fail(EXCITON_ERROR_OVERFLOW, "%s: block '%.100s': %llu x %llu weights", model->name, match->name,
                               (unsigned long long)channels, (unsigned long long)hidden);
    /* A matrix that a few bytes of the file describe (ConstantOfShape) is not worth gigabytes. */
    if (matrix > (uint64_t)1 << 30)
        return exciton_io_fail(EXCITON_ERROR_UNSUPPORTED, "%s: block '%.100s': more than 2^30 weights", model->name, match->name);
    float *data = exciton_io_allocate(model->calls, count, sizeof *data);
    if (!data)
        return fail_memory(model->name);
    exciton_status failed = exciton_match_read_layer(model->calls, model->graph, &match->layers[0], data, data + matrix);
    if (!failed)
        failed = exciton_match_read_layer(model->calls, model->graph, &match->layers[1], data + matrix + hidden,
                                          data + 2 * matrix + hidden);
    if (failed)
        exciton_io_release(model->calls, data);
    else
        model->data[index] = data;
    return failed;
}

exciton_status exciton_model_se(exciton_model *model, uint32_t index, exciton_se *se)
{
    exciton_status failed = check_index(model, index, model ? model->matches.count : 0, se, "se");
    if (failed)
        return failed;
    if (se->size && se->size < sizeof *se)
        return exciton_io_fail(EXCITON_ERROR_ARGUMENT, "model se: se: size %zu is less than %zu", se->size, sizeof *se);
    const exciton_match *match = &model->matches.items[index];
    const exciton_model_block *block = &match->block;
    const char *value, *field = find_unsupported(match, &value);
    if (field)
        return exciton_io_fail(EXCITON_ERROR_UNSUPPORTED, "%s: block '%.100s': %s: %.100s is not run so far", model->name, match->name,
                               field, value);
    failed = read_data(model, index);
    if (failed)
        return failed;
    const float *data = model->data[index];
    uint64_t matrix = block->channels * block->hidden;
    se->channels = block->channels;
    se->hidden = block->hidden;
    se->fc1 = (exciton_layer){.data = data, .bias = block->bias[0] ? data + matrix : NULL, .type = EXCITON_TYPE_F32,
                              .order = EXCITON_ORDER_OUT_IN};
    data += matrix + block->hidden;
    se->fc2 = (exciton_layer){.data = data, .bias = block->bias[1] ? data + matrix : NULL, .type = EXCITON_TYPE_F32,
                              .order = EXCITON_ORDER_OUT_IN};
    se->activation = operation_activation(block->activation);
    se->gate = block->gate == EXCITON_MODEL_SIGMOID ? EXCITON_GATE_SIGMOID : EXCITON_GATE_HARD_SIGMOID_CUSTOM;
    se->gate_slope = block->gate_slope;
    se->gate_offset = block->gate_offset;
    se->output = block->residual ? EXCITON_OUTPUT_RESIDUAL : EXCITON_OUTPUT_SCALE;
    se->then = EXCITON_THEN_NOTHING;
    return EXCITON_OK;
}
