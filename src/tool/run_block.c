/* The files of `exciton run`: where outputs may go, which block of which file, and what the options change in it. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool/run.h"

#define FOLDER_SIZE 4096

/* ---- outputs */

/* The folder of `path`, with about it; false and errno where there is none. */
static bool find_folder(const char *path, char folder[FOLDER_SIZE], struct stat *about)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    if (length >= FOLDER_SIZE - 1) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(folder, path, length);
    strcpy(folder + length, slash ? length ? "" : "/" : ".");
    return stat(folder, about) == 0;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* An early look, so that an hour's work is not thrown away for a typing error; the writing itself checks again. What
 * is no regular file would be replaced by one: a terminal, say, by way of /dev/stdout. */
static int check_output(const char *path)
{
    char folder[FOLDER_SIZE];
    struct stat about;
    if (!base_name(path)[0])
        return tool_error(TOOL_OTHER, "output: %s: can't be written: a file's name is needed", path);
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode))
        return tool_error(TOOL_OTHER, "output: %s: can't be written: not a regular file", path);
    if (!find_folder(path, folder, &about) || access(folder, W_OK | X_OK))
        return tool_error(TOOL_OTHER, "output: %s: can't be written: its folder: %s", path, strerror(errno));
    return TOOL_DONE;
}

/* Names and not inodes: two hard links of one file are replaced apart. */
static bool is_same_target(const char *a, const char *b)
{
    char folder[FOLDER_SIZE];
    struct stat about_a, about_b;
    return !strcmp(base_name(a), base_name(b)) && find_folder(a, folder, &about_a) && find_folder(b, folder, &about_b) &&
           about_a.st_dev == about_b.st_dev && about_a.st_ino == about_b.st_ino;
}

int run_check_outputs(const run_options *given)
{
    for (uint32_t i = 0; i < RUN_OUTPUTS; i++) {
        if (!given->outputs[i])
            continue;
        int result = check_output(given->outputs[i]);
        if (result != TOOL_DONE)
            return result;
        for (uint32_t j = 0; j < i; j++)
            if (given->outputs[j] && is_same_target(given->outputs[i], given->outputs[j]))
                return tool_error(TOOL_BAD_OPTION, "output: %s: named for two outputs", given->outputs[i]);
    }
    return TOOL_DONE;
}

/* ---- the block */

/* `text` as FILE or FILE:BLOCK; `*file` is the caller's to free. */
static bool split(const char *text, char **file, const char **block)
{
    struct stat about;
    const char *colon = strrchr(text, ':');
    *block = NULL;
    *file = malloc(strlen(text) + 1);
    if (!*file)
        return false;
    strcpy(*file, text);
    if (colon && stat(text, &about)) {
        (*file)[colon - text] = 0;
        *block = colon + 1;
    }
    return true;
}

static int ask_for_block(const char *file, const exciton_weights *weights)
{
    char names[1024] = "";
    size_t at = 0;
    uint32_t count = exciton_weights_count(weights);
    for (uint32_t i = 0; i < count && at < sizeof names; i++) {
        exciton_weights_info info;
        if (exciton_weights_describe(weights, i, &info) == EXCITON_OK)
            at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i ? ", " : "", info.name);
    }
    return tool_error(TOOL_BAD_FILE, "weights: %s: %u blocks: FILE:BLOCK is needed, with one of %s", file, count, names);
}

/* Slope and offset, each from its option, the option --gate or the file; sigmoid has none. What no one says is asked
 * for: three slopes are in use, and a wrong one costs a model's accuracy. */
static int set_gate(const run_options *given, const char *file, exciton_se *se)
{
    static const struct { exciton_gate gate; float slope; } presets[] = {
        {EXCITON_GATE_HARD_SIGMOID_6, 1.0f / 6.0f}, {EXCITON_GATE_HARD_SIGMOID_5, 0.2f},
        {EXCITON_GATE_HARD_SIGMOID_PADDLE, 0.1666667f},
    };
    float slope = NAN, offset = NAN;
    if (se->gate == EXCITON_GATE_HARD_SIGMOID_CUSTOM) {
        slope = se->gate_slope;
        offset = se->gate_offset;
    }
    if (given->gate != EXCITON_GATE_DEFAULT) {
        se->gate = (exciton_gate)given->gate;
        for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
            if (presets[i].gate == se->gate) {
                slope = presets[i].slope;
                offset = 0.5f;
            }
    }
    if (given->slope_given || given->offset_given)
        se->gate = EXCITON_GATE_HARD_SIGMOID_CUSTOM;
    se->gate_slope = se->gate_offset = 0;
    if (se->gate != EXCITON_GATE_HARD_SIGMOID_CUSTOM)
        return TOOL_DONE;
    se->gate_slope = given->slope_given ? given->slope : slope;
    se->gate_offset = given->offset_given ? given->offset : offset;
    const char *lacks = isnan(se->gate_slope) ? "slope" : isnan(se->gate_offset) ? "offset" : NULL;
    if (!lacks)
        return TOOL_DONE;
    return tool_error(given->slope_given || given->offset_given ? TOOL_BAD_OPTION : TOOL_BAD_FILE,
                      "weights: %s: the %s of the hard-sigmoid is not said: --%s or --gate is needed", file, lacks, lacks);
}

static int read_block(const run_options *given, const char *file, const char *block, run_input *input)
{
    const exciton_weights_params params = {.order = (exciton_weight_order)given->order};
    uint32_t index = 0;
    exciton_status status = exciton_weights_open(file, &params, &input->weights);
    if (status != EXCITON_OK)
        return tool_fail(status, TOOL_AT_FILES);
    if (!block && exciton_weights_count(input->weights) != 1)
        return ask_for_block(file, input->weights);
    if (block)
        status = exciton_weights_find(input->weights, block, &index);
    exciton_weights_info info = {0};
    if (status == EXCITON_OK)
        status = exciton_weights_describe(input->weights, index, &info);
    if (status == EXCITON_OK)
        status = exciton_weights_se(input->weights, index, &input->se);
    if (status != EXCITON_OK)
        return tool_fail(status, TOOL_AT_FILES);
    input->block = info.name;
    if (given->activation != EXCITON_ACTIVATION_DEFAULT)
        input->se.activation = (exciton_activation)given->activation;
    if (given->kind != EXCITON_OUTPUT_DEFAULT)
        input->se.output = (exciton_output)given->kind;
    if (given->then != EXCITON_THEN_DEFAULT)
        input->se.then = (exciton_then)given->then;
    return set_gate(given, file, &input->se);
}

/* ---- x */

/* The header is enough to refuse; the data follow only for an x that fits. */
static int read_x(const run_options *given, run_input *input)
{
    exciton_npy *npy = NULL;
    exciton_tensor header = {0};
    exciton_status status = exciton_npy_open(given->input, &header, &npy);
    exciton_npy_close(npy);
    if (status != EXCITON_OK)
        return tool_fail(status, TOOL_AT_FILES);
    if (header.dims < 3 || header.dims > 5)
        return tool_error(TOOL_BAD_FILE, "x: %s: %u dimensions: N, C and 1 to 3 spatial ones are needed", given->input, header.dims);
    if (header.shape[1] != input->se.channels)
        return tool_error(TOOL_BAD_FILE, "x: %s: %llu channels, but the weights are for %llu", given->input,
                          (unsigned long long)header.shape[1], (unsigned long long)input->se.channels);
    status = exciton_npy_read(given->input, &input->x);
    if (status != EXCITON_OK)
        return tool_fail(status, TOOL_AT_FILES);
    if (input->x.dims != header.dims || memcmp(input->x.shape, header.shape, sizeof header.shape))
        return tool_error(TOOL_BAD_FILE, "x: %s: was changed while it was read", given->input);
    input->se.max = (exciton_shape){.batch = header.shape[0], .dims = header.dims - 2};
    for (uint32_t i = 2; i < header.dims; i++)
        input->se.max.spatial[i - 2] = header.shape[i];
    return TOOL_DONE;
}

int run_read(const run_options *given, run_input *input)
{
    char *file;
    const char *block;
    if (!split(given->weights, &file, &block))
        return tool_error(TOOL_OTHER, "weights: %s: out of memory", given->weights);
    int result = read_block(given, file, block, input);
    free(file);
    return result == TOOL_DONE ? read_x(given, input) : result;
}

void run_release(run_input *input)
{
    exciton_tensor_free(&input->x);
    exciton_weights_close(input->weights);
    *input = (run_input){0};
}
