/* Operators as numbers, and the graph's questions in brief. */
#include <stdlib.h>

#include "formats/match_parts.h"

typedef struct named_op { const char *name; exciton_op op; } named_op;

/* Sorted. */
static const named_op ops[] = {
    {"Add", EXCITON_OP_ADD}, {"AveragePool", EXCITON_OP_AVERAGE_POOL}, {"BatchNormalization", EXCITON_OP_BATCH_NORMALIZATION},
    {"Cast", EXCITON_OP_CAST}, {"CastLike", EXCITON_OP_CAST_LIKE}, {"Clip", EXCITON_OP_CLIP}, {"Concat", EXCITON_OP_CONCAT},
    {"Constant", EXCITON_OP_CONSTANT}, {"ConstantOfShape", EXCITON_OP_CONSTANT_OF_SHAPE}, {"Conv", EXCITON_OP_CONV},
    {"DequantizeLinear", EXCITON_OP_DEQUANTIZE}, {"Div", EXCITON_OP_DIV}, {"Dropout", EXCITON_OP_DROPOUT},
    {"Expand", EXCITON_OP_EXPAND}, {"Flatten", EXCITON_OP_FLATTEN}, {"Gather", EXCITON_OP_GATHER}, {"Gemm", EXCITON_OP_GEMM},
    {"GlobalAveragePool", EXCITON_OP_GLOBAL_AVERAGE_POOL}, {"GlobalLpPool", EXCITON_OP_OTHER_POOL},
    {"GlobalMaxPool", EXCITON_OP_OTHER_POOL}, {"HardSigmoid", EXCITON_OP_HARD_SIGMOID}, {"HardSwish", EXCITON_OP_HARD_SWISH},
    {"Identity", EXCITON_OP_IDENTITY}, {"LeakyRelu", EXCITON_OP_LEAKY_RELU}, {"MatMul", EXCITON_OP_MATMUL}, {"Max", EXCITON_OP_MAX},
    {"MaxPool", EXCITON_OP_OTHER_POOL}, {"Min", EXCITON_OP_MIN}, {"Mul", EXCITON_OP_MUL}, {"PRelu", EXCITON_OP_PRELU},
    {"Pad", EXCITON_OP_PAD}, {"QuantizeLinear", EXCITON_OP_QUANTIZE}, {"ReduceL2", EXCITON_OP_OTHER_POOL},
    {"ReduceMax", EXCITON_OP_OTHER_POOL}, {"ReduceMean", EXCITON_OP_REDUCE_MEAN}, {"ReduceMin", EXCITON_OP_OTHER_POOL},
    {"ReduceSum", EXCITON_OP_OTHER_POOL}, {"Relu", EXCITON_OP_RELU}, {"Reshape", EXCITON_OP_RESHAPE}, {"Shape", EXCITON_OP_SHAPE},
    {"Sigmoid", EXCITON_OP_SIGMOID}, {"Slice", EXCITON_OP_SLICE}, {"Squeeze", EXCITON_OP_SQUEEZE}, {"Sub", EXCITON_OP_SUB},
    {"Swish", EXCITON_OP_SWISH}, {"Tile", EXCITON_OP_TILE}, {"Transpose", EXCITON_OP_TRANSPOSE}, {"Unsqueeze", EXCITON_OP_UNSQUEEZE},
};

static int by_name(const void *key, const void *item) { return strcmp(key, ((const named_op *)item)->name); }

exciton_op exciton_op_from_name(const char *name)
{
    const named_op *found = bsearch(name, ops, sizeof ops / sizeof *ops, sizeof *ops, by_name);
    return found ? found->op : EXCITON_OP_OTHER;
}

exciton_op exciton_matcher_op(const exciton_matcher *matcher, uint32_t node)
{
    if (node >= matcher->graph->node_count)
        return EXCITON_OP_OTHER;
    return matcher->ops ? (exciton_op)matcher->ops[node]
                        : exciton_op_from_name(matcher->graph->node_operator(matcher->graph->user, node));
}

uint32_t exciton_matcher_producer(const exciton_matcher *matcher, uint32_t value)
{
    return value < matcher->graph->value_count ? matcher->graph->value_producer(matcher->graph->user, value) : EXCITON_NO_NODE;
}

uint32_t exciton_matcher_input(const exciton_matcher *matcher, uint32_t node, uint32_t index)
{
    const exciton_graph *graph = matcher->graph;
    if (node >= graph->node_count || index >= graph->node_input_count(graph->user, node))
        return EXCITON_NO_VALUE;
    return graph->node_input(graph->user, node, index);
}

uint32_t exciton_matcher_output(const exciton_matcher *matcher, uint32_t node)
{
    const exciton_graph *graph = matcher->graph;
    if (node >= graph->node_count || !graph->node_output_count(graph->user, node))
        return EXCITON_NO_VALUE;
    return graph->node_output(graph->user, node, 0);
}

int64_t exciton_matcher_int(const exciton_matcher *matcher, uint32_t node, const char *name, int64_t absent)
{
    exciton_attribute a = matcher->graph->node_attribute(matcher->graph->user, node, name);
    return a.kind == EXCITON_ATTRIBUTE_INT ? a.integer : absent;
}

double exciton_matcher_float(const exciton_matcher *matcher, uint32_t node, const char *name, double absent)
{
    exciton_attribute a = matcher->graph->node_attribute(matcher->graph->user, node, name);
    return a.kind == EXCITON_ATTRIBUTE_FLOAT ? a.number : absent;
}

const char *exciton_matcher_label(const exciton_matcher *matcher, uint32_t node)
{
    const exciton_graph *graph = matcher->graph;
    const char *name = graph->node_name(graph->user, node);
    uint32_t output = exciton_matcher_output(matcher, node);
    return *name || output >= graph->value_count ? name : graph->value_name(graph->user, output);
}
