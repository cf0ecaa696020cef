/* What pads the channels before ECA's convolution: Pad, or a Concat of the tensor with its own two ends. */
#include "formats/match_parts.h"

static bool match_pad_node(exciton_walk *walk, uint32_t node, exciton_step *step)
{
    exciton_matcher *matcher = walk->matcher;
    exciton_attribute mode = matcher->graph->node_attribute(matcher->graph->user, node, "mode");
    exciton_attribute list = matcher->graph->node_attribute(matcher->graph->user, node, "pads");
    int64_t pads[EXCITON_GRAPH_RANK] = {0}, before = 0, after = 0;
    uint32_t count = 0, axis = EXCITON_GRAPH_RANK;
    double fill = exciton_matcher_float(matcher, node, "value", 0);
    bool wraps = mode.kind == EXCITON_ATTRIBUTE_STRING && mode.count == 4 && !memcmp(mode.text, "wrap", 4);
    bool fills = mode.kind != EXCITON_ATTRIBUTE_STRING || (mode.count == 8 && !memcmp(mode.text, "constant", 8));
    if (list.kind == EXCITON_ATTRIBUTE_INTS && list.count <= EXCITON_GRAPH_RANK) {
        count = (uint32_t)list.count;
        memcpy(pads, list.ints, count * sizeof *pads);
    } else if (!exciton_operand_ints(matcher, exciton_matcher_input(matcher, node, 1), pads, &count))
        return exciton_walk_break(walk, node, "its pads are not constant");
    uint32_t value = exciton_matcher_input(matcher, node, 2);
    if (exciton_matcher_input(matcher, node, 3) != EXCITON_NO_VALUE || (!wraps && !fills) || count % 2 || !count ||
        (value != EXCITON_NO_VALUE && !exciton_operand_scalar(matcher, value, &fill)) || (fills && fill != 0))
        return exciton_walk_break(walk, node, "it pads with something else than zeros or the other end");
    for (uint32_t i = 0; i < count / 2; i++) {
        if (!pads[i] && !pads[count / 2 + i])
            continue;
        if (axis != EXCITON_GRAPH_RANK)
            return exciton_walk_break(walk, node, "it pads more than the channels");
        axis = i;
        before = pads[i];
        after = pads[count / 2 + i];
    }
    if (axis == EXCITON_GRAPH_RANK || before < 0 || after < 0)
        return exciton_walk_break(walk, node, "it pads nothing, or cuts");
    *step = (exciton_step){.kind = EXCITON_STEP_PAD, .node = node, .input = exciton_matcher_input(matcher, node, 0), .circular = wraps,
                           .before = (uint64_t)before, .after = (uint64_t)after, .operand = axis};
    return exciton_walk_note(walk, node);
}

/* One number of a Slice, as attribute or as input. */
static bool slice_number(exciton_matcher *matcher, uint32_t node, const char *name, uint32_t index, int64_t absent, int64_t *number)
{
    exciton_attribute a = matcher->graph->node_attribute(matcher->graph->user, node, name);
    uint32_t input = exciton_matcher_input(matcher, node, index), count;
    int64_t ints[EXCITON_GRAPH_RANK];
    *number = absent;
    if (a.kind == EXCITON_ATTRIBUTE_INTS && a.count == 1)
        *number = a.ints[0];
    else if (input != EXCITON_NO_VALUE) {
        if (!exciton_operand_ints(matcher, input, ints, &count) || count != 1)
            return false;
        *number = ints[0];
    }
    return true;
}

/* A Slice of `from` along `axis` (or its last, said as -1): its start and end. */
static bool match_slice(exciton_walk *walk, uint32_t value, uint32_t from, int64_t axis, int64_t *start, int64_t *end)
{
    exciton_matcher *matcher = walk->matcher;
    uint32_t node = exciton_matcher_producer(matcher, value);
    int64_t along, step;
    return exciton_matcher_op(matcher, node) == EXCITON_OP_SLICE && exciton_matcher_input(matcher, node, 0) == from &&
           slice_number(matcher, node, "starts", 1, 0, start) && slice_number(matcher, node, "ends", 2, INT64_MAX, end) &&
           slice_number(matcher, node, "axes", 3, 0, &along) && slice_number(matcher, node, "steps", 4, 1, &step) && step == 1 &&
           (along == axis || along == -1 || axis == -1) && exciton_walk_note(walk, node);
}

/* Concat(the last p, all, the first p). */
static bool match_circular(exciton_walk *walk, uint32_t node, exciton_step *step)
{
    exciton_matcher *matcher = walk->matcher;
    int64_t axis = exciton_matcher_int(matcher, node, "axis", 1), start, end, first, last;
    uint32_t inputs = matcher->graph->node_input_count(matcher->graph->user, node), from = exciton_matcher_input(matcher, node, 1);
    uint64_t width = walk->x_shape[1];
    if (inputs != 3 || from == EXCITON_NO_VALUE || !match_slice(walk, exciton_matcher_input(matcher, node, 0), from, axis, &start, &end) ||
        !match_slice(walk, exciton_matcher_input(matcher, node, 2), from, axis, &first, &last))
        return exciton_walk_break(walk, node, "it is no Concat of a tensor with its two ends");
    if (start > 0 && width) /* from the front: from the back */
        start -= (int64_t)width;
    bool whole = width ? end >= (int64_t)width : end >= INT32_MAX;
    if (start >= 0 || start < -EXCITON_WALK_STEPS * 1024 || !whole || first != 0 || last != -start)
        return exciton_walk_break(walk, node, "its ends are not the tensor's");
    *step = (exciton_step){.kind = EXCITON_STEP_PAD, .node = node, .input = from, .circular = true, .before = (uint64_t)-start,
                           .after = (uint64_t)-start, .operand = axis < 0 ? UINT32_MAX : (uint32_t)axis};
    return exciton_walk_note(walk, node);
}

bool exciton_match_pad(exciton_walk *walk, uint32_t value, exciton_step *step)
{
    uint32_t node = exciton_matcher_producer(walk->matcher, value);
    exciton_op op = exciton_matcher_op(walk->matcher, node);
    return op == EXCITON_OP_PAD ? match_pad_node(walk, node, step) : op == EXCITON_OP_CONCAT && match_circular(walk, node, step);
}
