/* Fully connected layers as Conv, Gemm and MatMul; what is added and multiplied after them; ECA's convolution. */
#include "formats/match_parts.h"

/* ---- Backward: which node, which operands */

static bool is_constant(exciton_walk *walk, uint32_t value, exciton_operand *operand)
{
    return value != EXCITON_NO_VALUE && exciton_operand_find(walk->matcher, value, operand);
}

static bool match_conv(exciton_walk *walk, uint32_t node, exciton_step *step)
{
    exciton_operand weight;
    if (!is_constant(walk, exciton_matcher_input(walk->matcher, node, 1), &weight))
        return exciton_walk_break(walk, node, "its weights are not constant");
    if (weight.rank < 3)
        return exciton_walk_break(walk, node, "its weights have %u axes", (unsigned)weight.rank);
    uint64_t kernel = 1;
    for (uint32_t i = 2; i < weight.rank; i++)
        kernel = weight.shape[i] == 1 ? kernel : weight.shape[i];
    if (kernel != 1 && (weight.shape[0] != 1 || weight.shape[1] != 1))
        return exciton_walk_break(walk, node, "its kernel is larger than 1");
    if (exciton_matcher_int(walk->matcher, node, "group", 1) != 1)
        return exciton_walk_break(walk, node, "it has groups");
    step->layer = (exciton_match_layer){.kind = EXCITON_LAYER_CONV, .node = node, .weight = exciton_matcher_input(walk->matcher, node, 1),
                                        .bias = exciton_matcher_input(walk->matcher, node, 2), .in_axis = 1, .alpha = 1, .beta = 1};
    step->input = exciton_matcher_input(walk->matcher, node, 0);
    return true;
}

/* Gemm and MatMul: the second operand is the matrix, or else the first. */
static bool match_product(exciton_walk *walk, uint32_t node, bool gemm, exciton_step *step)
{
    exciton_matcher *matcher = walk->matcher;
    exciton_operand operand;
    uint32_t a = exciton_matcher_input(matcher, node, 0), b = exciton_matcher_input(matcher, node, 1);
    bool second = is_constant(walk, b, &operand), first = !second && is_constant(walk, a, &operand);
    if (!first && !second)
        return exciton_walk_break(walk, node, "its matrix is not constant");
    if (operand.rank < 2)
        return exciton_walk_break(walk, node, "its matrix has %u axes", (unsigned)operand.rank);
    exciton_match_layer *layer = &step->layer;
    *layer = (exciton_match_layer){.node = node, .weight = second ? b : a, .bias = EXCITON_NO_VALUE, .alpha = 1, .beta = 1};
    step->input = second ? a : b;
    uint32_t rows = operand.rank - 2, columns = operand.rank - 1;
    bool transposed = false;
    if (gemm) {
        transposed = exciton_matcher_int(matcher, node, second ? "transB" : "transA", 0) != 0;
        layer->bias = exciton_matcher_input(matcher, node, 2);
        layer->alpha = exciton_matcher_float(matcher, node, "alpha", 1);
        layer->beta = exciton_matcher_float(matcher, node, "beta", 1);
    }
    layer->kind = gemm ? (second ? EXCITON_LAYER_GEMM_A : EXCITON_LAYER_GEMM_B)
                       : (second ? EXCITON_LAYER_MATMUL_A : EXCITON_LAYER_MATMUL_B);
    /* x W: the outputs are W's columns; W x: its rows. */
    layer->out_axis = second != transposed ? columns : rows;
    layer->in_axis = second != transposed ? rows : columns;
    return true;
}

bool exciton_match_layer_node(exciton_walk *walk, uint32_t value, exciton_step *step)
{
    uint32_t node = exciton_matcher_producer(walk->matcher, value);
    exciton_op op = exciton_matcher_op(walk->matcher, node);
    exciton_operand bias;
    if (op != EXCITON_OP_CONV && op != EXCITON_OP_GEMM && op != EXCITON_OP_MATMUL)
        return false;
    step->kind = EXCITON_STEP_LAYER;
    step->node = node;
    if (op == EXCITON_OP_CONV ? !match_conv(walk, node, step) : !match_product(walk, node, op == EXCITON_OP_GEMM, step))
        return false;
    if (step->layer.bias != EXCITON_NO_VALUE && !is_constant(walk, step->layer.bias, &bias))
        return exciton_walk_break(walk, node, "its bias is not constant");
    return exciton_walk_note(walk, node);
}

bool exciton_match_affine(exciton_walk *walk, uint32_t value, exciton_step *step)
{
    exciton_matcher *matcher = walk->matcher;
    uint32_t node = exciton_matcher_producer(matcher, value);
    exciton_op op = exciton_matcher_op(matcher, node);
    exciton_operand operand;
    *step = (exciton_step){.kind = EXCITON_STEP_AFFINE, .node = node};
    if (op == EXCITON_OP_BATCH_NORMALIZATION) {
        for (uint32_t i = 1; i < 5; i++)
            if (!is_constant(walk, exciton_matcher_input(matcher, node, i), &operand) || operand.quantized)
                return exciton_walk_break(walk, node, "its statistics are not constant");
        if (exciton_matcher_output(matcher, node) != value || exciton_matcher_int(matcher, node, "training_mode", 0) ||
            !exciton_matcher_int(matcher, node, "spatial", 1))
            return exciton_walk_break(walk, node, "it is in training mode, or not per channel");
        step->affine = EXCITON_AFFINE_NORM;
        step->operand = 1;
        step->input = exciton_matcher_input(matcher, node, 0);
        return exciton_walk_note(walk, node);
    }
    if (op != EXCITON_OP_ADD && op != EXCITON_OP_SUB && op != EXCITON_OP_MUL && op != EXCITON_OP_DIV)
        return false;
    uint32_t a = exciton_matcher_input(matcher, node, 0), b = exciton_matcher_input(matcher, node, 1);
    bool second = is_constant(walk, b, &operand), first = !second && is_constant(walk, a, &operand);
    if ((!first && !second) || operand.quantized || (op == EXCITON_OP_DIV && first))
        return false;
    step->operand = second ? 1 : 0;
    step->input = second ? a : b;
    step->affine = op == EXCITON_OP_ADD ? EXCITON_AFFINE_ADD : op == EXCITON_OP_MUL ? EXCITON_AFFINE_MUL
                 : op == EXCITON_OP_DIV ? EXCITON_AFFINE_DIV : second ? EXCITON_AFFINE_SUB : EXCITON_AFFINE_SUB_FROM;
    return exciton_walk_note(walk, node);
}

/* ---- Forward: that the operands fit */

/* One element, or one a channel along the channels' axis. */
static bool fits(const exciton_operand *operand, const exciton_arrangement *at)
{
    if (operand->count == 1)
        return operand->rank <= at->rank;
    if (operand->rank > at->rank || operand->count != at->width)
        return false;
    for (uint32_t i = 0; i < operand->rank; i++)
        if (operand->shape[i] != 1 && i + at->rank - operand->rank != at->channel)
            return false;
    return true;
}

bool exciton_affine_apply(exciton_walk *walk, const exciton_step *step, const exciton_arrangement *at)
{
    exciton_operand operand;
    bool norm = step->affine == EXCITON_AFFINE_NORM;
    for (uint32_t i = 0; i < (norm ? 4 : 1); i++) {
        uint32_t value = exciton_matcher_input(walk->matcher, step->node, step->operand + i);
        if (!exciton_operand_find(walk->matcher, value, &operand) ||
            (norm ? operand.rank != 1 || operand.count != at->width || at->channel != 1 : !fits(&operand, at)))
            return exciton_walk_break(walk, step->node, "its constant does not go along the %llu channels", (unsigned long long)at->width);
    }
    return true;
}

/* A kernel along the channels: padded so that as many come out, either by the node or by a step before it. */
static bool apply_eca(exciton_walk *walk, exciton_step *step, const exciton_operand *weight, exciton_arrangement *at)
{
    const exciton_graph *graph = walk->matcher->graph;
    uint32_t axis = at->channel - 2, spatial = weight->rank - 2;
    exciton_attribute pads = graph->node_attribute(graph->user, step->node, "pads");
    exciton_attribute automatic = graph->node_attribute(graph->user, step->node, "auto_pad");
    static const char *const ones[] = {"strides", "dilations"};
    uint64_t kernel = weight->shape[at->channel];
    for (uint32_t i = 2; i < weight->rank; i++)
        if (i != at->channel && weight->shape[i] != 1)
            return exciton_walk_break(walk, step->node, "its kernel goes along more than the channels");
    for (size_t i = 0; i < 2; i++) {
        exciton_attribute a = graph->node_attribute(graph->user, step->node, ones[i]);
        if (a.kind == EXCITON_ATTRIBUTE_INTS && (a.count != spatial || a.ints[axis] != 1))
            return exciton_walk_break(walk, step->node, "its %s are not 1", ones[i]);
    }
    int64_t before = 0, after = 0;
    if (pads.kind == EXCITON_ATTRIBUTE_INTS) {
        if (pads.count != 2 * (size_t)spatial)
            return exciton_walk_break(walk, step->node, "its pads are not its kernel's");
        for (uint32_t i = 0; i < 2 * spatial; i++)
            if (i % spatial != axis && pads.ints[i])
                return exciton_walk_break(walk, step->node, "it pads more than the channels");
        before = pads.ints[axis];
        after = pads.ints[spatial + axis];
    }
    if (automatic.kind == EXCITON_ATTRIBUTE_STRING && automatic.count >= 4 && !memcmp(automatic.text, "SAME", 4) && kernel % 2)
        before = after = (int64_t)(kernel - 1) / 2;
    const exciton_step *pad = NULL;
    for (uint32_t i = 0; i < walk->step_count; i++)
        pad = walk->steps[i].kind == EXCITON_STEP_PAD ? &walk->steps[i] : pad;
    if (pad && (before || after))
        return exciton_walk_break(walk, step->node, "pads twice");
    if (pad) {
        before = (int64_t)pad->before;
        after = (int64_t)pad->after;
    }
    if (before != after || before < 0 || kernel % 2 == 0 || (uint64_t)before != kernel / 2)
        return exciton_walk_break(walk, step->node, "its kernel of %llu with pads %lld and %lld does not keep the channels",
                                  (unsigned long long)kernel, (long long)before, (long long)after);
    walk->eca = true;
    step->layer.inputs = step->layer.outputs = kernel;
    return true;
}

static bool has_pads(const exciton_walk *walk, uint32_t node)
{
    exciton_attribute pads = walk->matcher->graph->node_attribute(walk->matcher->graph->user, node, "pads");
    for (size_t i = 0; pads.kind == EXCITON_ATTRIBUTE_INTS && i < pads.count; i++)
        if (pads.ints[i])
            return true;
    return false;
}

/* Whether the node reads the channels where they are, and where they come out. */
static bool arrange(exciton_walk *walk, const exciton_match_layer *layer, const exciton_operand *weight, exciton_arrangement *at)
{
    bool fits_it;
    uint32_t batch = at->batch < 0 ? 1 - at->channel : (uint32_t)at->batch;
    switch (layer->kind) {
    case EXCITON_LAYER_CONV:
        fits_it = at->rank == weight->rank && at->channel == 1 && at->batch <= 0 && !has_pads(walk, layer->node);
        break;
    case EXCITON_LAYER_GEMM_A: case EXCITON_LAYER_GEMM_B: {
        bool first = layer->kind == EXCITON_LAYER_GEMM_A;
        bool transposed = exciton_matcher_int(walk->matcher, layer->node, first ? "transA" : "transB", 0) != 0;
        fits_it = at->rank == 2 && weight->rank == 2 && at->channel == (first != transposed ? 1u : 0u) && batch == 1 - at->channel;
        at->channel = first ? 1 : 0;
        at->batch = at->batch < 0 ? -1 : first ? 0 : 1;
        break;
    }
    case EXCITON_LAYER_MATMUL_A:
        fits_it = at->rank >= 2 && weight->rank <= at->rank && at->channel == at->rank - 1;
        break;
    default:
        fits_it = at->rank >= 2 && weight->rank <= at->rank && at->channel == at->rank - 2;
        break;
    }
    for (uint32_t i = 0; i + 2 < weight->rank && layer->kind >= EXCITON_LAYER_MATMUL_A; i++)
        fits_it &= weight->shape[i] == 1;
    return fits_it || exciton_walk_break(walk, layer->node, "does not go along the channels");
}

/* A zero, repeated: what exporters that fold nothing write for no bias. */
static bool is_nothing(exciton_matcher *matcher, const exciton_operand *bias)
{
    double number;
    return bias->repeated && exciton_operand_first(matcher, bias, &number) && number == 0;
}

bool exciton_layer_apply(exciton_walk *walk, exciton_step *step, exciton_arrangement *at)
{
    exciton_match_layer *layer = &step->layer;
    exciton_operand weight, bias;
    if (!exciton_operand_find(walk->matcher, layer->weight, &weight))
        return exciton_walk_break(walk, layer->node, "its weights are not constant");
    if (at->expanded)
        return exciton_walk_break(walk, layer->node, "follows an Expand");
    layer->quantized = weight.quantized;
    layer->has_bias = layer->bias != EXCITON_NO_VALUE;
    bool eca = layer->kind == EXCITON_LAYER_CONV && weight.shape[0] == 1 && weight.shape[1] == 1 && at->channel >= 2 &&
               at->rank == weight.rank && at->batch <= 0;
    if (eca) {
        if (!apply_eca(walk, step, &weight, at))
            return false;
    } else {
        layer->inputs = weight.shape[layer->in_axis];
        layer->outputs = weight.shape[layer->out_axis];
        for (uint32_t i = 2; i < weight.rank && layer->kind == EXCITON_LAYER_CONV; i++)
            if (weight.shape[i] != 1)
                return exciton_walk_break(walk, layer->node, "its kernel is larger than 1");
        if (at->width && at->width != layer->inputs)
            return exciton_walk_break(walk, layer->node, "takes %llu channels of %llu", (unsigned long long)layer->inputs,
                                      (unsigned long long)at->width);
        if (!arrange(walk, layer, &weight, at))
            return false;
        at->width = layer->outputs;
    }
    if (!layer->has_bias)
        return true;
    if (!exciton_operand_find(walk->matcher, layer->bias, &bias))
        return exciton_walk_break(walk, layer->node, "its bias is not constant");
    layer->quantized |= bias.quantized;
    bool fits_it = layer->kind == EXCITON_LAYER_CONV ? bias.rank == 1 && bias.count == (eca ? 1 : layer->outputs) : fits(&bias, at);
    if (!fits_it)
        return exciton_walk_break(walk, layer->node, "its bias does not go along the channels");
    if (is_nothing(walk->matcher, &bias)) {
        layer->has_bias = false;
        layer->bias = EXCITON_NO_VALUE;
    }
    return true;
}
