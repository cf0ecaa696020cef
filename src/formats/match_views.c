/* Nodes that move a pooled tensor's few sizes around, and where its channels are after each. */
#include "formats/match_parts.h"

enum { STRIP = 16 };

static bool is_float(int64_t element) { return element == 1 || element == 10 || element == 11 || element == 16; }

/* Dropout at inference; from opset 12 on training is an input. */
static bool drops_nothing(exciton_matcher *matcher, uint32_t node)
{
    double training;
    uint32_t input = exciton_matcher_input(matcher, node, 2);
    return input == EXCITON_NO_VALUE || (exciton_operand_scalar(matcher, input, &training) && !training);
}

uint32_t exciton_walk_strip_one(exciton_walk *walk, uint32_t value, bool note)
{
    exciton_matcher *matcher = walk->matcher;
    uint32_t node = exciton_matcher_producer(matcher, value), before;
    switch (exciton_matcher_op(matcher, node)) {
    case EXCITON_OP_IDENTITY: case EXCITON_OP_CAST_LIKE:
        break;
    case EXCITON_OP_DROPOUT:
        if (exciton_matcher_output(matcher, node) != value || !drops_nothing(matcher, node))
            return EXCITON_NO_VALUE;
        break;
    case EXCITON_OP_CAST:
        if (!is_float(exciton_matcher_int(matcher, node, "to", 0)))
            return EXCITON_NO_VALUE;
        break;
    case EXCITON_OP_DEQUANTIZE:
        before = exciton_matcher_producer(matcher, exciton_matcher_input(matcher, node, 0));
        if (exciton_matcher_op(matcher, before) != EXCITON_OP_QUANTIZE)
            return EXCITON_NO_VALUE;
        if (note && (!exciton_walk_note(walk, node) || !exciton_walk_note(walk, before)))
            return EXCITON_NO_VALUE;
        if (note && walk->quantized == EXCITON_NO_NODE)
            walk->quantized = before;
        return exciton_matcher_input(matcher, before, 0);
    default:
        return EXCITON_NO_VALUE;
    }
    if (note && !exciton_walk_note(walk, node))
        return EXCITON_NO_VALUE;
    return exciton_matcher_input(matcher, node, 0);
}

uint32_t exciton_walk_strip(exciton_walk *walk, uint32_t value, bool note)
{
    for (uint32_t i = 0; i < STRIP; i++) {
        uint32_t before = exciton_walk_strip_one(walk, value, note);
        if (before >= walk->matcher->graph->value_count)
            break;
        value = before;
    }
    return value;
}

bool exciton_match_view(exciton_walk *walk, uint32_t value, uint32_t *input)
{
    exciton_matcher *matcher = walk->matcher;
    uint32_t node = exciton_matcher_producer(matcher, value), stripped = exciton_walk_strip_one(walk, value, true);
    if (stripped != EXCITON_NO_VALUE) {
        *input = stripped;
        return true;
    }
    switch (exciton_matcher_op(matcher, node)) {
    case EXCITON_OP_FLATTEN: case EXCITON_OP_RESHAPE: case EXCITON_OP_SQUEEZE: case EXCITON_OP_UNSQUEEZE: case EXCITON_OP_EXPAND:
    case EXCITON_OP_TRANSPOSE: case EXCITON_OP_TILE:
        *input = exciton_matcher_input(matcher, node, 0);
        return exciton_walk_note(walk, node);
    default:
        return false;
    }
}

/* ---- Forward */

static bool apply_flatten(exciton_walk *walk, uint32_t node, exciton_arrangement *at)
{
    int64_t axis = exciton_matcher_int(walk->matcher, node, "axis", 1);
    axis += axis < 0 ? at->rank : 0;
    bool splits = axis > (at->batch < 0 ? -1 : at->batch) && axis <= (int64_t)at->channel;
    if (!splits || at->batch > (int)at->channel)
        return exciton_walk_break(walk, node, "flattens batch and channels into one");
    *at = (exciton_arrangement){.rank = 2, .batch = 0, .channel = 1, .width = at->width, .assumed = at->assumed};
    return true;
}

static bool apply_squeeze(exciton_walk *walk, uint32_t node, exciton_arrangement *at)
{
    int64_t axes[EXCITON_GRAPH_RANK];
    uint32_t count, gone = 0;
    bool present;
    if (!exciton_operand_axes(walk->matcher, node, axes, &count, &present)) {
        if (present)
            return exciton_walk_break(walk, node, "its axes are not constant");
        for (uint32_t i = 0; i < at->rank; i++) /* all sizes of 1: the batch's isn't taken to be one */
            if (i != at->channel && (int)i != at->batch)
                axes[count++] = i;
    }
    for (uint32_t i = 0; i < count; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + at->rank : axes[i];
        if (axis < 0 || axis >= at->rank || axis == at->channel || gone >> axis & 1)
            return exciton_walk_break(walk, node, "squeezes the channels' axis");
        gone |= 1u << axis;
    }
    exciton_arrangement from = *at;
    for (uint32_t i = 0; i < from.rank; i++) {
        if (!(gone >> i & 1))
            continue;
        at->rank--;
        at->channel -= i < from.channel;
        if ((int)i == from.batch)
            at->batch = -1;
        else if ((int)i < from.batch)
            at->batch--;
    }
    return true;
}

static bool apply_unsqueeze(exciton_walk *walk, uint32_t node, exciton_arrangement *at)
{
    int64_t axes[EXCITON_GRAPH_RANK];
    uint32_t count, fresh = 0, from = 0;
    bool present;
    if (!exciton_operand_axes(walk->matcher, node, axes, &count, &present) || at->rank + count > EXCITON_GRAPH_RANK)
        return exciton_walk_break(walk, node, "its axes are not constant");
    uint32_t rank = at->rank + count, channel = 0;
    int batch = -1;
    for (uint32_t i = 0; i < count; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];
        if (axis < 0 || axis >= rank || fresh >> axis & 1)
            return exciton_walk_break(walk, node, "its axes are out of range");
        fresh |= 1u << axis;
    }
    for (uint32_t i = 0; i < rank; i++) {
        if (fresh >> i & 1)
            continue;
        channel = from == at->channel ? i : channel;
        batch = (int)from == at->batch ? (int)i : batch;
        from++;
    }
    at->rank = rank;
    at->channel = channel;
    at->batch = batch;
    return true;
}

static bool apply_transpose(exciton_walk *walk, uint32_t node, exciton_arrangement *at)
{
    exciton_attribute perm = walk->matcher->graph->node_attribute(walk->matcher->graph->user, node, "perm");
    exciton_arrangement from = *at;
    uint32_t seen = 0;
    if (perm.kind != EXCITON_ATTRIBUTE_NONE && (perm.kind != EXCITON_ATTRIBUTE_INTS || perm.count != at->rank))
        return exciton_walk_break(walk, node, "its perm has %zu axes, the tensor %u", perm.count, (unsigned)at->rank);
    for (uint32_t i = 0; i < from.rank; i++) {
        int64_t axis = perm.kind == EXCITON_ATTRIBUTE_INTS ? perm.ints[i] : (int64_t)(from.rank - 1 - i);
        if (axis < 0 || axis >= from.rank || seen >> axis & 1)
            return exciton_walk_break(walk, node, "its perm is none");
        seen |= 1u << axis;
        at->channel = axis == from.channel ? i : at->channel;
        at->batch = axis == from.batch ? (int)i : at->batch;
    }
    return true;
}

/* What one wanted size is: a 1, the batch, the channels, or anything. */
typedef enum role { ROLE_ONE, ROLE_BATCH, ROLE_CHANNELS, ROLE_OTHER } role;

static role role_of(const exciton_walk *walk, const exciton_dim *dim, uint32_t index, const exciton_arrangement *at)
{
    if (dim->kind == EXCITON_DIM_UNKNOWN || (dim->kind == EXCITON_DIM_NUMBER && dim->number == -1))
        return ROLE_OTHER;
    if (dim->kind == EXCITON_DIM_AXIS) { /* of x, or of a tensor on the way, which are alike in their first two axes */
        bool last = walk->x_channel != 1 && walk->x_rank && (dim->number == -1 || dim->number == (int64_t)walk->x_rank - 1);
        if (dim->number == 0)
            return ROLE_BATCH;
        if (last || (dim->number == 1 && walk->x_channel == 1))
            return ROLE_CHANNELS;
        return ROLE_OTHER;
    }
    if (dim->number == 0)
        return index == at->channel ? ROLE_CHANNELS : (int)index == at->batch ? ROLE_BATCH : index < at->rank ? ROLE_ONE : ROLE_OTHER;
    if (dim->number == 1)
        return ROLE_ONE;
    return ROLE_OTHER;
}

/* [batch, channels], in sizes that only then go into each other. Where the model doesn't say the batch, a number that stands
 * for it is taken at its word: with another batch the gate would have neither x's channels nor, the number being less than
 * these, one, and the Mul could not be run. No later Reshape may then leave the batch open, which would hide the difference. */
static bool keeps_both(const exciton_walk *walk, const exciton_dim *first, const exciton_dim *second, const role roles[2],
                       const exciton_arrangement *at, uint64_t *assumed)
{
    uint64_t batch = walk->x_shape[0];
    uint64_t written = first->kind == EXCITON_DIM_NUMBER && first->number > 0 ? (uint64_t)first->number : 0;
    bool number = second->kind == EXCITON_DIM_NUMBER && second->number > 0;
    if (roles[0] == ROLE_CHANNELS || roles[1] == ROLE_BATCH || (number && at->width && (uint64_t)second->number != at->width) ||
        (written && batch && written != batch) || (*assumed && written != *assumed))
        return false;
    if (!written || batch || number || roles[1] == ROLE_CHANNELS)
        return true;
    *assumed = written;
    return written < at->width;
}

static bool apply_reshape(exciton_walk *walk, uint32_t node, exciton_arrangement *at)
{
    exciton_dims dims;
    uint32_t found = 0, index[2] = {0};
    role roles[2] = {ROLE_ONE, ROLE_ONE};
    if (!exciton_dims_find(walk, exciton_matcher_input(walk->matcher, node, 1), &dims) || (dims.whole && !dims.count))
        return exciton_walk_break(walk, node, "its shape is not understood");
    bool zeros = exciton_matcher_int(walk->matcher, node, "allowzero", 0) != 0;
    for (uint32_t i = 0; i < dims.count && zeros; i++)
        if (dims.dims[i].kind == EXCITON_DIM_NUMBER && !dims.dims[i].number)
            return exciton_walk_break(walk, node, "reshapes to nothing");
    if (at->batch > (int)at->channel)
        return exciton_walk_break(walk, node, "reshapes with the channels before the batch");
    for (uint32_t i = 0; i < dims.count; i++) {
        role r = role_of(walk, &dims.dims[i], i, at);
        if (r == ROLE_ONE)
            continue;
        if (found == 2)
            return exciton_walk_break(walk, node, "reshapes to more than batch and channels");
        roles[found] = r;
        index[found++] = i;
    }
    uint64_t batch = walk->x_shape[0];
    const exciton_dim *first = &dims.dims[index[0]], *second = &dims.dims[index[1]];
    exciton_arrangement to = {.rank = dims.count, .batch = -1, .width = at->width, .assumed = at->assumed};
    if (found == 2) {
        if (!keeps_both(walk, first, second, roles, at, &to.assumed))
            return exciton_walk_break(walk, node, "reshapes batch and channels into something else");
        to.batch = (int)index[0];
        to.channel = index[1];
    } else if (found == 1 && (roles[0] == ROLE_BATCH || (at->width == 1 && roles[0] == ROLE_OTHER && batch != 1))) {
        if (at->width != 1 || index[0] + 1 >= dims.count)
            return exciton_walk_break(walk, node, "reshapes the channels away");
        to.batch = (int)index[0]; /* one channel: its axis is the next */
        to.channel = index[0] + 1;
    } else if (found == 1) {
        bool number = first->kind == EXCITON_DIM_NUMBER && first->number > 0;
        if (number && at->width && (uint64_t)first->number != at->width)
            return exciton_walk_break(walk, node, "reshapes the channels to %lld", (long long)first->number);
        bool open = !number && roles[0] != ROLE_CHANNELS && batch != 1;
        if (at->assumed > 1 || (open && (batch || at->width < 2)))
            return exciton_walk_break(walk, node, "reshapes to one size, and the batch is not known to be 1");
        to.assumed = open ? 1 : at->assumed;
        to.channel = index[0];
        to.batch = index[0] ? 0 : -1;
    } else {
        if (at->width != 1 || dims.count < 2)
            return exciton_walk_break(walk, node, "reshapes to sizes of 1");
        to.batch = 0;
        to.channel = 1;
    }
    *at = to;
    return true;
}

/* Expand and Tile: the gate at x's size. Only sizes of 1 may grow. */
static bool apply_expand(exciton_walk *walk, uint32_t node, bool tile, exciton_arrangement *at)
{
    exciton_dims dims;
    if (!exciton_dims_find(walk, exciton_matcher_input(walk->matcher, node, 1), &dims))
        return exciton_walk_break(walk, node, "its shape is not understood");
    uint32_t rank = dims.whole && !dims.count ? walk->x_rank : dims.count;
    if (!rank)
        rank = at->rank;
    if (rank < at->rank)
        rank = at->rank;
    uint32_t shift = rank - at->rank, first = rank - dims.count;
    if (tile && dims.count != at->rank)
        return exciton_walk_break(walk, node, "its repeats are not the tensor's");
    at->rank = rank;
    at->channel += shift;
    at->batch = at->batch < 0 ? -1 : at->batch + (int)shift;
    for (uint32_t i = 0; i < dims.count; i++) {
        const exciton_dim *dim = &dims.dims[i];
        if (first + i != at->channel || dim->kind != EXCITON_DIM_NUMBER || dim->number == 1)
            continue;
        if (tile || at->width != (uint64_t)dim->number)
            return exciton_walk_break(walk, node, "repeats the channels");
    }
    at->expanded = true;
    return true;
}

bool exciton_view_apply(exciton_walk *walk, uint32_t node, exciton_arrangement *at)
{
    exciton_op op = exciton_matcher_op(walk->matcher, node);
    if (at->expanded && (op == EXCITON_OP_FLATTEN || op == EXCITON_OP_RESHAPE || op == EXCITON_OP_SQUEEZE || op == EXCITON_OP_TRANSPOSE))
        return exciton_walk_break(walk, node, "follows an Expand");
    switch (op) {
    case EXCITON_OP_FLATTEN:
        return apply_flatten(walk, node, at);
    case EXCITON_OP_RESHAPE:
        return apply_reshape(walk, node, at);
    case EXCITON_OP_SQUEEZE:
        return apply_squeeze(walk, node, at);
    case EXCITON_OP_UNSQUEEZE:
        return apply_unsqueeze(walk, node, at);
    case EXCITON_OP_TRANSPOSE:
        return apply_transpose(walk, node, at);
    case EXCITON_OP_EXPAND: case EXCITON_OP_TILE:
        return apply_expand(walk, node, op == EXCITON_OP_TILE, at);
    default: /* Identity and its like */
        return true;
    }
}
