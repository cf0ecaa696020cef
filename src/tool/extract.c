/* `exciton extract`: blocks of a model as a safetensors file that `exciton run` reads. */
#include <stdio.h>
#include <stdlib.h>

#include "tool/model_file.h"

typedef struct extract_options {
    const char *model, *output;
    block_options block;
    bool json;
} extract_options;

/* Blocks that are written, and those that can't be run and are left out. */
typedef struct extract_list {
    uint32_t count, left_out;
    uint32_t *left;           /* indices of those left out */
    const char **names;       /* of those that are written, the model's */
    exciton_se *blocks;
    const exciton_se **order; /* pointers to them, for the writer */
} extract_list;

static bool allocate(extract_list *list, uint32_t count)
{
    list->left = calloc(count, sizeof *list->left);
    list->names = calloc(count, sizeof *list->names);
    list->blocks = calloc(count, sizeof *list->blocks);
    list->order = calloc(count, sizeof *list->order);
    return list->left && list->names && list->blocks && list->order;
}

static void release(extract_list *list)
{
    free(list->left);
    free(list->names);
    free(list->blocks);
    free(list->order);
}

/* What `run` takes as said is said in the file. */
static void add(const tool_model *model, uint32_t index, extract_list *list)
{
    exciton_se *se = &list->blocks[list->count];
    if (se->output == EXCITON_OUTPUT_DEFAULT)
        se->output = EXCITON_OUTPUT_SCALE;
    if (se->then == EXCITON_THEN_DEFAULT)
        se->then = EXCITON_THEN_NOTHING;
    list->names[list->count] = tool_model_name(model, index);
    list->order[list->count++] = se;
}

/* A block that was asked for must be one that can be run; of all blocks those that can't are left out. */
static int read_blocks(const extract_options *given, const tool_model *model, extract_list *list)
{
    uint32_t first = 0, end = tool_model_count(model);
    int result = TOOL_DONE;
    if (model->block) {
        result = tool_model_choose(model, &first);
        end = first + 1;
    } else if (!end) {
        return tool_error(TOOL_BAD_FILE, "extract: %s: no SE block; `exciton inspect --explain` says what came near", model->file);
    }
    if (result == TOOL_DONE && !allocate(list, end - first))
        return tool_error(TOOL_OTHER, "extract: %s: out of memory", model->file);
    for (uint32_t i = first; i < end && result == TOOL_DONE; i++) {
        bool unsupported = false;
        result = tool_block_read(model, i, &given->block, &list->blocks[list->count], model->block ? NULL : &unsupported);
        if (unsupported)
            list->left[list->left_out++] = i;
        else if (result == TOOL_DONE)
            add(model, i, list);
    }
    if (result == TOOL_DONE && !list->count)
        return list->left_out == 1 ? tool_fail(EXCITON_ERROR_UNSUPPORTED, TOOL_AT_FILES)
                                   : tool_error(TOOL_BAD_FILE, "extract: none of %u blocks can be run; the last: %s", list->left_out,
                                                exciton_last_error());
    return result;
}

/* One line each on stderr; asking for a block again makes its line again. */
static void say_left_out(const tool_model *model, const extract_list *list)
{
    for (uint32_t i = 0; i < list->left_out; i++) {
        exciton_se se = {0};
        exciton_model_se(model->onnx, list->left[i], &se);
        tool_error(TOOL_DONE, "extract: left out: %s", exciton_last_error());
    }
}

static void print_json(const extract_options *given, const tool_model *model, const extract_list *list)
{
    tool_json json = {0};
    tool_json_header(&json);
    tool_json_key(&json, "model");
    tool_json_string(&json, model->file);
    tool_json_key(&json, "output");
    tool_json_string(&json, given->output);
    tool_json_key(&json, "blocks");
    tool_json_begin(&json, '[');
    for (uint32_t i = 0; i < list->count; i++) {
        tool_json_begin(&json, '{');
        tool_json_key(&json, "name");
        tool_json_string(&json, list->names[i]);
        tool_json_key(&json, "channels");
        tool_json_integer(&json, list->blocks[i].channels);
        tool_json_key(&json, "hidden");
        tool_json_integer(&json, list->blocks[i].hidden);
        tool_json_end(&json, '}');
    }
    tool_json_end(&json, ']');
    tool_json_key(&json, "left_out");
    tool_json_begin(&json, '[');
    for (uint32_t i = 0; i < list->left_out; i++) {
        exciton_model_block block;
        exciton_model_block_describe(model->onnx, list->left[i], &block);
        tool_json_begin(&json, '{');
        tool_json_key(&json, "name");
        tool_json_string(&json, block.name);
        tool_json_key(&json, "unsupported");
        tool_json_string(&json, block.unsupported);
        tool_json_end(&json, '}');
    }
    tool_json_end(&json, ']');
    tool_json_end(&json, '}');
}

static bool print_table(const extract_list *list)
{
    tool_table table = {.columns = 3};
    tool_table_row(&table, (const char *const[]){"WRITTEN", "C", "R"});
    for (uint32_t i = 0; i < list->count; i++) {
        char channels[24], hidden[24];
        snprintf(channels, sizeof channels, "%llu", (unsigned long long)list->blocks[i].channels);
        snprintf(hidden, sizeof hidden, "%llu", (unsigned long long)list->blocks[i].hidden);
        tool_table_row(&table, (const char *const[]){list->names[i][0] ? list->names[i] : "\"\"", channels, hidden});
    }
    return tool_table_print(&table);
}

static int extract(const extract_options *given, tool_model *model, extract_list *list)
{
    tool_progress_begin("extract");
    tool_progress_set("reading", 0, 2);
    int result = tool_model_open(model, (exciton_weight_order)given->block.order, false);
    if (result == TOOL_DONE)
        result = read_blocks(given, model, list);
    tool_progress_set("writing", 1, 2);
    if (result == TOOL_DONE) {
        exciton_status status = exciton_weights_write(given->output, list->count, list->names, list->order);
        result = status == EXCITON_OK ? TOOL_DONE : tool_fail(status, TOOL_AT_OUTPUT);
    }
    tool_progress_end();
    if (result != TOOL_DONE)
        return result;
    say_left_out(model, list);
    if (given->json)
        print_json(given, model, list);
    else if (!print_table(list))
        return tool_error(TOOL_OTHER, "extract: table: out of memory");
    return TOOL_DONE;
}

int tool_extract(int argc, char **argv)
{
    extract_options given = {0};
    bool help = false;
    const tool_option options[] = {
        {.name = "model", .value = "MODEL[:BLOCK]", .help = "ONNX or safetensors; all blocks, or one", .text = &given.model,
         .positional = true, .required = true},
        {.name = "output", .letter = 'o', .value = "FILE", .help = "the safetensors file to write", .text = &given.output,
         .required = true},
        TOOL_BLOCK_OPTIONS(&given.block),
        {.name = "json", .help = "what was written, as JSON", .flag = &given.json},
        {0},
    };
    int result = tool_options_parse("extract", options, argc, argv, &help);
    if (result != TOOL_DONE || help)
        return result;
    result = tool_block_options_check(&given.block);
    if (result == TOOL_DONE)
        result = tool_check_output(given.output);
    if (result != TOOL_DONE)
        return result;
    tool_model model;
    extract_list list = {0};
    if (!tool_model_split(given.model, &model))
        return tool_error(TOOL_OTHER, "extract: %s: out of memory", given.model);
    result = extract(&given, &model, &list);
    release(&list);
    tool_model_close(&model);
    return result;
}
