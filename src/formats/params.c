/* A block's parameters in __metadata__: words and decimal numbers. */
#include <errno.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "formats/blocks.h"

const char *const exciton_param_names[EXCITON_PARAMS] = {
    [EXCITON_PARAM_ORDER] = "order", [EXCITON_PARAM_ACTIVATION] = "activation", [EXCITON_PARAM_GATE] = "gate",
    [EXCITON_PARAM_GATE_SLOPE] = "gate.slope", [EXCITON_PARAM_GATE_OFFSET] = "gate.offset", [EXCITON_PARAM_OUTPUT] = "output",
    [EXCITON_PARAM_THEN] = "then",
};

typedef struct word { const char *text; int value; } word; /* a list ends with NULL */

static const word orders[] = {{"OUT_IN", EXCITON_ORDER_OUT_IN}, {"IN_OUT", EXCITON_ORDER_IN_OUT}, {NULL, 0}};
static const word activations[] = {
    {"identity", EXCITON_ACTIVATION_IDENTITY}, {"relu", EXCITON_ACTIVATION_RELU}, {"silu", EXCITON_ACTIVATION_SILU},
    {"hard-swish", EXCITON_ACTIVATION_HARD_SWISH}, {NULL, 0},
};
static const word gates[] = {
    {"sigmoid", EXCITON_GATE_SIGMOID}, {"hard-sigmoid", EXCITON_GATE_HARD_SIGMOID_CUSTOM}, {NULL, 0},
};
static const word outputs[] = {{"scale", EXCITON_OUTPUT_SCALE}, {"residual", EXCITON_OUTPUT_RESIDUAL}, {NULL, 0}};
static const word thens[] = {{"nothing", EXCITON_THEN_NOTHING}, {"relu", EXCITON_THEN_RELU}, {NULL, 0}};

static const word *const words[EXCITON_PARAMS] = {
    [EXCITON_PARAM_ORDER] = orders, [EXCITON_PARAM_ACTIVATION] = activations, [EXCITON_PARAM_GATE] = gates,
    [EXCITON_PARAM_OUTPUT] = outputs, [EXCITON_PARAM_THEN] = thens,
};

const char *exciton_param_word(enum exciton_param param, int value)
{
    for (const word *w = words[param]; w && w->text; w++)
        if (w->value == value)
            return w->text;
    return NULL;
}

static exciton_status refuse(const exciton_block *block, enum exciton_param param, exciton_verdict *verdict, const char *why)
{
    return exciton_verdict_set(verdict, EXCITON_ERROR_FORMAT, "__metadata__ '%.100s%s%s': '%.40s' %s", block->name,
                               *block->name ? "." : "", exciton_param_names[param], block->params[param], why);
}

/* The word's value; 0, every enum's _DEFAULT, where the file doesn't say. */
static exciton_status read_word(const exciton_block *block, enum exciton_param param, int *value, exciton_verdict *verdict)
{
    *value = 0;
    if (!block->params[param])
        return EXCITON_OK;
    char choices[80] = "is none of";
    size_t length = strlen(choices);
    for (const word *w = words[param]; w->text; w++) {
        if (!strcmp(block->params[param], w->text)) {
            *value = w->value;
            return EXCITON_OK;
        }
        length += (size_t)snprintf(choices + length, sizeof choices - length, "%s %s", w == words[param] ? "" : ",", w->text);
    }
    return refuse(block, param, verdict, choices);
}

/* JSON's grammar of numbers, which no locale changes; rounded to double, then to float. NaN where the file doesn't say. */
static exciton_status read_number(const exciton_block *block, enum exciton_param param, float *value, exciton_verdict *verdict)
{
    *value = NAN;
    if (!block->params[param])
        return EXCITON_OK;
    json_error_t error;
    errno = 0;
    json_t *number = json_loads(block->params[param], JSON_DECODE_ANY, &error);
    if (!number && exciton_json_lacked_memory(&error))
        return exciton_verdict_set(verdict, EXCITON_ERROR_MEMORY, "out of memory");
    double parsed = json_is_number(number) ? json_number_value(number) : INFINITY;
    json_decref(number);
    if (!(fabs(parsed) <= (double)FLT_MAX))
        return refuse(block, param, verdict, "is no decimal number");
    *value = (float)parsed;
    return EXCITON_OK;
}

exciton_status exciton_block_read_params(exciton_block *block, exciton_verdict *verdict)
{
    int value[EXCITON_PARAMS] = {0};
    for (int p = 0; p < EXCITON_PARAMS; p++)
        if (words[p] && read_word(block, (enum exciton_param)p, &value[p], verdict))
            return verdict->status;
    exciton_weights_info *info = &block->info;
    if (read_number(block, EXCITON_PARAM_GATE_SLOPE, &info->gate_slope, verdict) ||
        read_number(block, EXCITON_PARAM_GATE_OFFSET, &info->gate_offset, verdict))
        return verdict->status;
    info->order = (exciton_weight_order)value[EXCITON_PARAM_ORDER];
    info->activation = (exciton_activation)value[EXCITON_PARAM_ACTIVATION];
    info->gate = (exciton_gate)value[EXCITON_PARAM_GATE];
    info->output = (exciton_output)value[EXCITON_PARAM_OUTPUT];
    info->then = (exciton_then)value[EXCITON_PARAM_THEN];
    for (int p = EXCITON_PARAM_GATE_SLOPE; p <= EXCITON_PARAM_GATE_OFFSET; p++)
        if (block->params[p] && info->gate != EXCITON_GATE_HARD_SIGMOID_CUSTOM)
            return refuse(block, (enum exciton_param)p, verdict, "counts only with gate hard-sigmoid");
    return EXCITON_OK;
}
