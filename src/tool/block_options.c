/* What is said of a block, by its file and by options, put together. */
#include "tool/model_file.h"

#include <math.h>
#include <stdio.h>

const tool_choice tool_orders[] = {{"out-in", EXCITON_ORDER_OUT_IN}, {"in-out", EXCITON_ORDER_IN_OUT}, {0}};
const tool_choice tool_activations[] = {
    {"identity", EXCITON_ACTIVATION_IDENTITY}, {"relu", EXCITON_ACTIVATION_RELU}, {"silu", EXCITON_ACTIVATION_SILU},
    {"hard-swish", EXCITON_ACTIVATION_HARD_SWISH}, {0},
};
const tool_choice tool_gates[] = {
    {"sigmoid", EXCITON_GATE_SIGMOID}, {"hard-sigmoid", EXCITON_GATE_HARD_SIGMOID_6}, {"hard-sigmoid-5", EXCITON_GATE_HARD_SIGMOID_5},
    {"hard-sigmoid-paddle", EXCITON_GATE_HARD_SIGMOID_PADDLE}, {0},
};
const tool_choice tool_kinds[] = {{"scale", EXCITON_OUTPUT_SCALE}, {"residual", EXCITON_OUTPUT_RESIDUAL}, {0}};
const tool_choice tool_thens[] = {{"nothing", EXCITON_THEN_NOTHING}, {"relu", EXCITON_THEN_RELU}, {0}};

const char *const tool_lacks[TOOL_LACKS] = {"activation", "gate", "slope", "offset"};

int tool_block_options_check(const block_options *given)
{
    if (given->gate == EXCITON_GATE_SIGMOID && (given->slope_given || given->offset_given))
        return tool_error(TOOL_BAD_OPTION, "option --gate: sigmoid: has no slope or offset");
    return TOOL_DONE;
}

/* Slope and offset, each from its option, the option --gate or the file; sigmoid has none. */
static void set_gate(const block_options *given, exciton_se *se)
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
        return;
    se->gate_slope = given->slope_given ? given->slope : slope;
    se->gate_offset = given->offset_given ? given->offset : offset;
}

unsigned tool_block_lacks(exciton_activation activation, exciton_gate gate, float slope, float offset)
{
    bool custom = gate == EXCITON_GATE_HARD_SIGMOID_CUSTOM;
    return (activation == EXCITON_ACTIVATION_DEFAULT ? TOOL_LACKS_ACTIVATION : 0u) |
           (gate == EXCITON_GATE_DEFAULT ? TOOL_LACKS_GATE : 0u) | (custom && isnan(slope) ? TOOL_LACKS_SLOPE : 0u) |
           (custom && isnan(offset) ? TOOL_LACKS_OFFSET : 0u);
}

/* "a, b and c" of the names, with something before each. */
static size_t list_lacks(unsigned lacks, const char *before, char *text, size_t size)
{
    size_t at = 0;
    for (unsigned i = 0; i < TOOL_LACKS; i++)
        if (lacks & 1u << i)
            at += (size_t)snprintf(text + at, size - at, "%s%s%s", !at ? "" : lacks >> (i + 1) ? ", " : " and ", before,
                                   tool_lacks[i]);
    return at;
}

/* Three slopes are in use, and several families share their names: a wrong guess costs a model's accuracy unseen. */
static int ask(const tool_model *model, uint32_t index, const block_options *given, unsigned lacks)
{
    bool numbers = lacks & (TOOL_LACKS_SLOPE | TOOL_LACKS_OFFSET); /* each preset of --gate has them */
    char what[64], options[80];
    list_lacks(lacks, "", what, sizeof what);
    size_t at = list_lacks(lacks, "--", options, sizeof options);
    snprintf(options + at, sizeof options - at, "%s", numbers ? ", or --gate" : "");
    return tool_error(given->slope_given || given->offset_given ? TOOL_BAD_OPTION : TOOL_BAD_FILE,
                      "weights: %s: block '%s': neither the file nor an option says its %s: %s needed", model->file,
                      tool_model_name(model, index), what, options);
}

int tool_block_read(const tool_model *model, uint32_t index, const block_options *given, exciton_se *se, bool *unsupported)
{
    exciton_status status = model->onnx ? exciton_model_se(model->onnx, index, se) : exciton_weights_se(model->weights, index, se);
    if (status == EXCITON_ERROR_UNSUPPORTED && model->onnx && unsupported) {
        *unsupported = true;
        return TOOL_DONE;
    }
    if (status != EXCITON_OK)
        return tool_fail(status, TOOL_AT_FILES);
    if (given->activation != EXCITON_ACTIVATION_DEFAULT)
        se->activation = (exciton_activation)given->activation;
    if (given->kind != EXCITON_OUTPUT_DEFAULT)
        se->output = (exciton_output)given->kind;
    if (given->then != EXCITON_THEN_DEFAULT)
        se->then = (exciton_then)given->then;
    set_gate(given, se);
    unsigned lacks = tool_block_lacks(se->activation, se->gate, se->gate_slope, se->gate_offset);
    return lacks ? ask(model, index, given, lacks) : TOOL_DONE;
}
