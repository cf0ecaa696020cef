/* The files of `exciton run`: where outputs may go, which block of which file, and x. */
#include <string.h>

#include "tool/run.h"

/* An early look, so that an hour's work is not thrown away for a typing error; the writing itself checks again. */
int run_check_outputs(const run_options *given)
{
    for (uint32_t i = 0; i < RUN_OUTPUTS; i++) {
        if (!given->outputs[i])
            continue;
        int result = tool_check_output(given->outputs[i]);
        if (result != TOOL_DONE)
            return result;
        for (uint32_t j = 0; j < i; j++)
            if (given->outputs[j] && tool_same_output(given->outputs[i], given->outputs[j]))
                return tool_error(TOOL_BAD_OPTION, "output: %s: named for two outputs", given->outputs[i]);
    }
    return TOOL_DONE;
}

static int read_block(const run_options *given, run_input *input)
{
    uint32_t index = 0;
    if (!tool_model_split(given->weights, &input->model))
        return tool_error(TOOL_OTHER, "weights: %s: out of memory", given->weights);
    int result = tool_model_open(&input->model, (exciton_weight_order)given->block.order, false);
    if (result == TOOL_DONE)
        result = tool_model_choose(&input->model, &index);
    if (result != TOOL_DONE)
        return result;
    input->block = tool_model_name(&input->model, index);
    return tool_block_read(&input->model, index, &given->block, &input->se, NULL);
}

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
    int result = read_block(given, input);
    return result == TOOL_DONE ? read_x(given, input) : result;
}

void run_release(run_input *input)
{
    exciton_tensor_free(&input->x);
    tool_model_close(&input->model);
    *input = (run_input){0};
}
