/* The search: from each Mul, by either operand, back over the gate and the layers to a pool of the Mul's other operand;
 * then forward again, where every size and axis is checked. */
#include "formats/match.h"

#include <stdio.h>

#include "formats/match_parts.h"

enum { AHEAD = 12 };

/* ---- Backward */

static exciton_step *push(exciton_walk *walk, exciton_step_kind kind, uint32_t node, uint32_t input)
{
    exciton_step *step = &walk->steps[walk->step_count++];
    *step = (exciton_step){.kind = kind, .node = node, .input = input};
    return step;
}

/* Anything may stand where the gate should: for a near miss, look what comes before it. */
static bool pass_gate(exciton_walk *walk, uint32_t *value)
{
    exciton_matcher *matcher = walk->matcher;
    uint32_t node = exciton_matcher_producer(matcher, *value);
    if (node == EXCITON_NO_NODE)
        return false;
    exciton_op op = exciton_matcher_op(matcher, node);
    if (exciton_match_gate(walk, *value, &walk->gate)) {
        push(walk, EXCITON_STEP_GATE, node, walk->gate.input);
        *value = walk->gate.input;
        walk->has_gate = true;
        return exciton_walk_strip(walk, walk->gate.input, false) != exciton_walk_strip(walk, walk->x, false); /* x * gate(x) */
    }
    bool layer = op == EXCITON_OP_CONV || op == EXCITON_OP_GEMM || op == EXCITON_OP_MATMUL;
    exciton_walk_break(walk, node, layer ? "there is no gate after it" : "%.40s is no gate",
                       matcher->graph->node_operator(matcher->graph->user, node));
    if (!layer)
        *value = exciton_matcher_input(matcher, node, 0);
    return true;
}

/* One node, or one function of several, between the gate and the pool. */
static bool pass_step(exciton_walk *walk, uint32_t *value)
{
    exciton_matcher *matcher = walk->matcher;
    uint32_t node = exciton_matcher_producer(matcher, *value), input;
    exciton_step step = {0};
    if (exciton_match_view(walk, *value, &input)) {
        push(walk, EXCITON_STEP_VIEW, node, input);
        *value = input;
        return true;
    }
    if (walk->layers == 1 && !walk->activations && exciton_match_activation(walk, *value, &walk->activation)) {
        push(walk, EXCITON_STEP_ACTIVATION, node, walk->activation.input);
        walk->activations++;
        *value = walk->activation.input;
        return true;
    }
    if (exciton_match_affine(walk, *value, &step) || (walk->layers < 2 && exciton_match_layer_node(walk, *value, &step)) ||
        (walk->layers && exciton_match_pad(walk, *value, &step))) {
        *push(walk, step.kind, node, step.input) = step;
        walk->layers += step.kind == EXCITON_STEP_LAYER;
        *value = step.input;
        return true;
    }
    walk->saw_pool |= exciton_match_pool_like(walk, *value);
    if (node == EXCITON_NO_NODE)
        return exciton_walk_break(walk, walk->mul, "the gate does not begin at a pool");
    return exciton_walk_break(walk, node, "%.40s is no part of a block here", matcher->graph->node_operator(matcher->graph->user, node));
}

/* Whether a pool of x is still ahead, whatever lies between: then this was meant to be a block. */
static void look_ahead(exciton_walk *walk, uint32_t value)
{
    exciton_matcher *matcher = walk->matcher;
    exciton_operand operand;
    uint32_t x = exciton_walk_strip(walk, walk->x, false);
    for (uint32_t i = 0; i < AHEAD && value < matcher->graph->value_count; i++) {
        uint32_t node = exciton_matcher_producer(matcher, value), first = exciton_matcher_input(matcher, node, 0);
        if (exciton_match_pool_like(walk, value) && exciton_walk_strip(walk, first, false) == x) {
            walk->meant = true;
            return;
        }
        uint32_t second = exciton_matcher_input(matcher, node, 1);
        value = second < matcher->graph->value_count && exciton_operand_find(matcher, first, &operand) ? second : first;
    }
}

/* To the pool. False: broken, or nothing like a block. */
static bool walk_back(exciton_walk *walk, exciton_arrangement *after)
{
    uint32_t value = walk->gate_operand, input;
    bool at_gate = true;
    while (walk->step_count < EXCITON_WALK_STEPS && value < walk->matcher->graph->value_count && !walk->matcher->failed) {
        uint32_t node = exciton_matcher_producer(walk->matcher, value);
        if (at_gate && exciton_match_view(walk, value, &input)) {
            push(walk, EXCITON_STEP_VIEW, node, input);
            value = input;
        } else if (at_gate) {
            if (!pass_gate(walk, &value))
                return false;
            at_gate = false;
        } else if (walk->layers && exciton_match_pool(walk, value, after)) {
            walk->meant = true;
            return walk->broken == EXCITON_NO_NODE;
        } else if (walk->saw_pool || !pass_step(walk, &value)) {
            look_ahead(walk, value);
            return false;
        }
    }
    return false;
}

/* ---- Forward */

static bool attach_affine(exciton_walk *walk, const exciton_step *step, exciton_match_layer *layer, bool after_activation)
{
    if (!layer || after_activation)
        return exciton_walk_break(walk, step->node, layer ? "follows the activation" : "comes before the first layer");
    if (layer->affine_count == EXCITON_MATCH_AFFINES)
        return exciton_walk_break(walk, step->node, "more than %d constants follow one layer", EXCITON_MATCH_AFFINES);
    layer->affines[layer->affine_count++] = (exciton_affine){.kind = step->affine, .node = step->node, .operand = step->operand};
    layer->has_bias |= step->affine != EXCITON_AFFINE_MUL && step->affine != EXCITON_AFFINE_DIV;
    return true;
}

static bool pass_forward(exciton_walk *walk, exciton_arrangement *at, exciton_match *match)
{
    bool activated = false;
    for (uint32_t i = walk->step_count; i-- > 0;) {
        exciton_step *step = &walk->steps[i];
        exciton_match_layer *layer = match->layer_count ? &match->layers[match->layer_count - 1] : NULL;
        switch (step->kind) {
        case EXCITON_STEP_VIEW:
            if (!exciton_view_apply(walk, step->node, at))
                return false;
            break;
        case EXCITON_STEP_LAYER:
            if (!exciton_layer_apply(walk, step, at))
                return false;
            match->layers[match->layer_count++] = step->layer;
            activated = false;
            break;
        case EXCITON_STEP_AFFINE:
            if (!attach_affine(walk, step, layer, activated) || !exciton_affine_apply(walk, step, at))
                return false;
            break;
        case EXCITON_STEP_ACTIVATION:
            if (!layer)
                return exciton_walk_break(walk, step->node, "an activation before the first layer");
            activated = true;
            break;
        case EXCITON_STEP_PAD:
            if (layer || step->operand != (step->operand == UINT32_MAX ? UINT32_MAX : at->channel) ||
                (step->operand == UINT32_MAX && at->channel != at->rank - 1))
                return exciton_walk_break(walk, step->node, "does not pad the channels");
            break;
        default:
            break;
        }
    }
    return true;
}

static bool has_pad(const exciton_walk *walk, bool circular)
{
    for (uint32_t i = 0; i < walk->step_count; i++)
        if (walk->steps[i].kind == EXCITON_STEP_PAD && (!circular || walk->steps[i].circular))
            return true;
    return false;
}

/* What the layers make together, and that the gate lies along x's channels. */
static bool judge(exciton_walk *walk, const exciton_arrangement *at, exciton_match *match)
{
    exciton_model_block *block = &match->block;
    const exciton_match_layer *first = &match->layers[0], *last = &match->layers[match->layer_count - 1];
    uint64_t known = walk->x_shape[walk->x_channel];
    block->channels = walk->eca ? (known ? known : at->width) : first->inputs;
    if (walk->eca && match->layer_count != 1)
        return exciton_walk_break(walk, last->node, "a kernel along the channels and another layer");
    if (!walk->eca && has_pad(walk, false))
        return exciton_walk_break(walk, first->node, "pads what no kernel reads");
    uint64_t width = walk->eca ? block->channels : last->outputs;
    if (width != block->channels || (known && known != block->channels))
        return exciton_walk_break(walk, last->node, "makes a gate of %llu channels for %llu", (unsigned long long)width,
                                  (unsigned long long)(known ? known : block->channels));
    bool batch_fits = at->batch < 0 || (at->batch == 0 && at->rank == walk->x_rank);
    if (at->rank > walk->x_rank || at->rank - at->channel != walk->x_rank - walk->x_channel || !batch_fits)
        return exciton_walk_break(walk, walk->mul, "the gate does not lie along the channels of what it scales");
    block->kind = walk->eca ? EXCITON_MODEL_ECA : match->layer_count == 2 ? EXCITON_MODEL_SE : EXCITON_MODEL_ESE;
    return true;
}

static const char *weight_name(const exciton_matcher *matcher, uint32_t value)
{
    const exciton_graph *graph = matcher->graph;
    for (uint32_t i = 0; i < 16 && graph->value_constant(graph->user, value) == EXCITON_NO_CONSTANT; i++) {
        uint32_t node = exciton_matcher_producer(matcher, value);
        uint32_t input = node == EXCITON_NO_NODE ? EXCITON_NO_VALUE : exciton_matcher_input(matcher, node, 0);
        if (input >= graph->value_count)
            break;
        value = input;
    }
    return graph->value_name(graph->user, value);
}

static void describe(exciton_walk *walk, exciton_match *match)
{
    const exciton_graph *graph = walk->matcher->graph;
    exciton_model_block *block = &match->block;
    block->input = graph->value_name(graph->user, walk->x);
    block->output = graph->value_name(graph->user, match->output);
    block->hidden = block->kind == EXCITON_MODEL_SE ? match->layers[0].outputs : 0;
    block->layers = match->layer_count;
    for (uint32_t i = 0; i < match->layer_count; i++) {
        block->bias[i] = match->layers[i].has_bias;
        block->weight[i] = weight_name(walk->matcher, match->layers[i].weight);
    }
    block->activation = walk->activations ? (exciton_model_activation)walk->activation.kind : EXCITON_MODEL_IDENTITY;
    block->gate = (exciton_model_gate)walk->gate.kind;
    block->gate_slope = (float)walk->gate.numbers[0];
    block->gate_offset = (float)walk->gate.numbers[1];
    for (uint32_t i = 0; i < 2 && walk->activations; i++)
        block->activation_numbers[i] = (float)walk->activation.numbers[i];
    block->channels_last = walk->x_channel != 1;
    block->kernel = block->kind == EXCITON_MODEL_ECA ? match->layers[0].inputs : 0;
    block->circular = block->kind == EXCITON_MODEL_ECA && has_pad(walk, true);
}

/* ---- One Mul */

static void begin(exciton_walk *walk, exciton_matcher *matcher, uint32_t mul, uint32_t gate_index)
{
    walk->matcher = matcher;
    walk->mul = mul;
    walk->gate_operand = exciton_matcher_input(matcher, mul, gate_index);
    walk->x = exciton_matcher_input(matcher, mul, 1 - gate_index);
    walk->step_count = walk->node_count = walk->layers = walk->activations = 0;
    walk->has_gate = walk->saw_pool = walk->meant = walk->eca = false;
    walk->quantized = walk->broken = EXCITON_NO_NODE;
    walk->x_channel = 1;
    walk->why[0] = '\0';
    if (walk->x < matcher->graph->value_count)
        exciton_infer_shape(matcher, walk->x, &walk->x_rank, walk->x_shape);
}

/* A Mul with this gate operand; true: a block, all of `match` but its name filled. */
static bool match_one(exciton_walk *walk, exciton_match *match)
{
    exciton_arrangement at;
    *match = (exciton_match){.mul = walk->mul, .input = walk->x};
    if (walk->x >= walk->matcher->graph->value_count || walk->x == walk->gate_operand || !walk_back(walk, &at))
        return false;
    at.width = walk->x_shape[walk->x_channel];
    if (!pass_forward(walk, &at, match) || !judge(walk, &at, match))
        return false;
    exciton_match_after(walk, match);
    if (match->output >= walk->matcher->graph->value_count)
        return exciton_walk_break(walk, walk->mul, "its output, or that of the Add after it, has no name");
    describe(walk, match);
    exciton_match_clean(walk);
    match->block.clean = walk->broken == EXCITON_NO_NODE;
    return !walk->matcher->failed;
}

/* Without a gate it takes a pool of the Mul's own operand: else x * sigmoid(x) after a layer would be one. */
static bool is_near(const exciton_walk *walk)
{
    bool like = walk->has_gate && ((walk->layers == 2 && walk->activations) || (walk->layers && walk->saw_pool));
    return walk->broken != EXCITON_NO_NODE && (walk->meant || like);
}

/* ---- All of them */

typedef struct growing { void *items; size_t count, room; } growing;

static exciton_status grow(const exciton_calls *calls, growing *list, size_t size, size_t most)
{
    if (list->count < list->room)
        return EXCITON_OK;
    size_t room = list->room ? list->room * 2 : 16;
    room = room > most ? most : room;
    void *items = exciton_io_allocate(calls, room, size);
    if (!items)
        return exciton_io_fail(EXCITON_ERROR_MEMORY, "blocks: out of memory");
    if (list->count)
        memcpy(items, list->items, list->count * size);
    exciton_io_release(calls, list->items);
    list->items = items;
    list->room = room;
    return EXCITON_OK;
}

static exciton_status copy_why(const exciton_calls *calls, const char *why, char **copy)
{
    size_t size = strlen(why) + 1;
    *copy = exciton_io_allocate(calls, size, 1);
    if (!*copy)
        return exciton_io_fail(EXCITON_ERROR_MEMORY, "blocks: out of memory");
    memcpy(*copy, why, size);
    return EXCITON_OK;
}

static exciton_status add_block(exciton_matches *matches, growing *list, const exciton_walk *walk, exciton_match *match)
{
    if (list->count == EXCITON_MATCH_BLOCKS) {
        matches->left_out++;
        return EXCITON_OK;
    }
    exciton_status failed = grow(matches->calls, list, sizeof *match, EXCITON_MATCH_BLOCKS);
    if (!failed && !match->block.clean)
        failed = copy_why(matches->calls, walk->why, &match->why);
    if (failed)
        return failed;
    match->block.why = match->why;
    ((exciton_match *)list->items)[list->count++] = *match;
    return EXCITON_OK;
}

static exciton_status add_near(exciton_matches *matches, growing *list, const exciton_matcher *matcher, exciton_match_near near,
                               const char *why)
{
    if (list->count == EXCITON_MATCH_NEARS) {
        matches->nears_left_out++;
        return EXCITON_OK;
    }
    exciton_status failed = grow(matches->calls, list, sizeof near, EXCITON_MATCH_NEARS);
    if (!failed)
        failed = copy_why(matches->calls, why, &near.why);
    near.at = exciton_matcher_label(matcher, near.node);
    if (!failed)
        ((exciton_match_near *)list->items)[list->count++] = near;
    return failed;
}

static exciton_status look_at(exciton_matches *matches, exciton_matcher *matcher, uint32_t mul, exciton_walk *walk, growing lists[2])
{
    exciton_match match;
    exciton_match_near near = {.mul = mul, .node = EXCITON_NO_NODE};
    char why[sizeof walk->why];
    if (matcher->graph->node_input_count(matcher->graph->user, mul) != 2)
        return EXCITON_OK;
    for (uint32_t gate = 2; gate-- > 0;) { /* the gate is most often the second */
        begin(walk, matcher, mul, gate);
        if (match_one(walk, &match))
            return add_block(matches, &lists[0], walk, &match);
        if (matcher->failed)
            return matcher->failed;
        if (near.node == EXCITON_NO_NODE && is_near(walk)) {
            near.node = walk->broken;
            memcpy(why, walk->why, sizeof why);
        }
    }
    return near.node == EXCITON_NO_NODE ? EXCITON_OK : add_near(matches, &lists[1], matcher, near, why);
}

static exciton_status search(exciton_matches *matches, exciton_matcher *matcher, uint8_t *ops, exciton_walk *walk, growing lists[2])
{
    const exciton_graph *graph = matcher->graph;
    for (uint32_t node = 0; node < graph->node_count; node++)
        ops[node] = (uint8_t)exciton_op_from_name(graph->node_operator(graph->user, node));
    exciton_status failed = EXCITON_OK;
    for (uint32_t node = 0; node < graph->node_count && !failed; node++)
        if (ops[node] == EXCITON_OP_MUL)
            failed = look_at(matches, matcher, node, walk, lists);
    return failed;
}

exciton_status exciton_matches_find(const exciton_calls *calls, const exciton_graph *graph, exciton_matches *matches)
{
    *matches = (exciton_matches){.calls = calls, .graph = graph};
    uint8_t *ops = exciton_io_allocate(calls, graph->node_count, 1);
    exciton_walk *walk = exciton_io_allocate(calls, 1, sizeof *walk);
    exciton_matcher matcher = {.graph = graph, .ops = ops};
    growing lists[2] = {{0}, {0}};
    exciton_status failed = ops && walk ? search(matches, &matcher, ops, walk, lists)
                                        : exciton_io_fail(EXCITON_ERROR_MEMORY, "blocks: out of memory");
    exciton_io_release(calls, ops);
    exciton_io_release(calls, walk);
    matches->items = lists[0].items;
    matches->count = lists[0].count;
    matches->nears = lists[1].items;
    matches->near_count = lists[1].count;
    if (!failed)
        failed = exciton_matches_name(matches);
    if (failed)
        exciton_matches_release(matches);
    return failed;
}

void exciton_matches_release(exciton_matches *matches)
{
    for (size_t i = 0; i < matches->count; i++) {
        exciton_io_release(matches->calls, matches->items[i].name);
        exciton_io_release(matches->calls, matches->items[i].why);
    }
    for (size_t i = 0; i < matches->near_count; i++)
        exciton_io_release(matches->calls, matches->nears[i].why);
    exciton_io_release(matches->calls, matches->items);
    exciton_io_release(matches->calls, matches->nears);
    *matches = (exciton_matches){0};
}
