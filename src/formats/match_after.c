/* Around a block: what follows its Mul, and whether anything else uses what is inside it. */
#include "formats/match_parts.h"

enum { CONSUMERS = 8 };

/* The only node that uses a value, or EXCITON_NO_NODE. */
static uint32_t only_consumer(const exciton_matcher *matcher, uint32_t value)
{
    const exciton_graph *graph = matcher->graph;
    if (value >= graph->value_count || graph->value_is_output(graph->user, value) ||
        graph->value_consumer_count(graph->user, value) != 1)
        return EXCITON_NO_NODE;
    return graph->value_consumer(graph->user, value, 0);
}

/* Through what changes nothing, as long as nothing else looks at it. */
static uint32_t next_node(exciton_walk *walk, uint32_t *value)
{
    uint32_t at = *value;
    for (uint32_t i = 0; i < 8; i++) {
        uint32_t node = only_consumer(walk->matcher, at);
        if (node == EXCITON_NO_NODE)
            break;
        uint32_t output = exciton_matcher_output(walk->matcher, node);
        exciton_op op = exciton_matcher_op(walk->matcher, node);
        bool plain = op == EXCITON_OP_IDENTITY || op == EXCITON_OP_CAST || op == EXCITON_OP_DROPOUT;
        if (plain && exciton_walk_strip_one(walk, output, false) == at) {
            at = output;
            continue;
        }
        *value = at;
        return node;
    }
    return EXCITON_NO_NODE;
}

static void find_then_activation(exciton_walk *walk, uint32_t value, exciton_model_block *block)
{
    uint32_t node = next_node(walk, &value), nodes = walk->node_count;
    exciton_op op = exciton_matcher_op(walk->matcher, node);
    exciton_function_match found;
    block->then_activation = EXCITON_MODEL_IDENTITY;
    if (op != EXCITON_OP_RELU && op != EXCITON_OP_CLIP && op != EXCITON_OP_LEAKY_RELU && op != EXCITON_OP_HARD_SWISH)
        return;
    if (exciton_match_activation(walk, exciton_matcher_output(walk->matcher, node), &found) && found.input == value)
        block->then_activation = (exciton_model_activation)found.kind;
    walk->node_count = nodes;
}

void exciton_match_after(exciton_walk *walk, exciton_match *match)
{
    exciton_matcher *matcher = walk->matcher;
    const exciton_graph *graph = matcher->graph;
    uint32_t value = match->output = exciton_matcher_output(matcher, walk->mul);
    exciton_operand operand;
    match->block.residual = false;
    match->block.then_add = NULL;
    for (uint32_t adds = 0; adds < 2; adds++) {
        uint32_t node = next_node(walk, &value);
        if (exciton_matcher_op(matcher, node) != EXCITON_OP_ADD)
            break;
        uint32_t a = exciton_matcher_input(matcher, node, 0), b = exciton_matcher_input(matcher, node, 1), other = a == value ? b : a;
        if (other >= graph->value_count || other == value || exciton_operand_find(matcher, other, &operand))
            break;
        bool same = !match->block.residual && exciton_walk_strip(walk, other, false) == exciton_walk_strip(walk, walk->x, false);
        value = exciton_matcher_output(matcher, node);
        if (!same) {
            match->block.then_add = graph->value_name(graph->user, other);
            break;
        }
        match->block.residual = true;
        match->output = value;
    }
    find_then_activation(walk, value, &match->block);
}

static bool is_inside(const exciton_walk *walk, uint32_t node)
{
    if (node == walk->mul)
        return true;
    for (uint32_t i = 0; i < walk->node_count; i++)
        if (walk->nodes[i] == node)
            return true;
    return false;
}

/* Asks for a value's shape or type only. */
static bool needs_no_element(const exciton_matcher *matcher, uint32_t node, uint32_t value)
{
    exciton_op op = exciton_matcher_op(matcher, node);
    return op == EXCITON_OP_SHAPE || (op == EXCITON_OP_CAST_LIKE && exciton_matcher_input(matcher, node, 0) != value);
}

/* A value inside the block: nothing else may need it. Its shape and type may be asked for. */
static bool check_value(exciton_walk *walk, uint32_t value)
{
    const exciton_graph *graph = walk->matcher->graph;
    const char *name = graph->value_name(graph->user, value);
    if (graph->value_is_output(graph->user, value))
        return exciton_walk_break(walk, walk->mul, "'%.80s' inside it is an output of the graph", name);
    uint32_t count = graph->value_consumer_count(graph->user, value);
    for (uint32_t i = 0; i < count && i < CONSUMERS; i++) {
        uint32_t node = graph->value_consumer(graph->user, value, i);
        if (!is_inside(walk, node) && !needs_no_element(walk->matcher, node, value))
            return exciton_walk_break(walk, walk->mul, "'%.80s' inside it is also used by '%.80s'", name,
                                      exciton_matcher_label(walk->matcher, node));
    }
    return count <= CONSUMERS || exciton_walk_break(walk, walk->mul, "'%.80s' inside it is used %u times", name, (unsigned)count);
}

void exciton_match_clean(exciton_walk *walk)
{
    const exciton_graph *graph = walk->matcher->graph;
    for (uint32_t i = 0; i < walk->node_count; i++) {
        uint32_t outputs = graph->node_output_count(graph->user, walk->nodes[i]);
        for (uint32_t o = 0; o < outputs && o < CONSUMERS; o++) {
            uint32_t value = graph->node_output(graph->user, walk->nodes[i], o);
            if (value < graph->value_count && !check_value(walk, value))
                return;
        }
    }
    if (walk->quantized != EXCITON_NO_NODE)
        exciton_walk_break(walk, walk->mul, "'%.80s' quantizes inside it", exciton_matcher_label(walk->matcher, walk->quantized));
}
