/* Shapes that the graph computes (Shape, Gather, Slice, Concat, …), and shapes of values. */
#include "formats/match_parts.h"

enum { DEPTH = 12, NODES = 48, CHAIN = 32 };

typedef struct shape_walk {
    exciton_walk *walk;
    uint32_t left; /* nodes that may still be looked at */
} shape_walk;

static bool find_dims(shape_walk *at, uint32_t value, uint32_t depth, exciton_dims *dims);

static bool find_constant(shape_walk *at, uint32_t value, exciton_dims *dims)
{
    int64_t ints[EXCITON_GRAPH_RANK];
    if (!exciton_operand_ints(at->walk->matcher, value, ints, &dims->count))
        return false;
    for (uint32_t i = 0; i < dims->count; i++)
        dims->dims[i] = (exciton_dim){.kind = EXCITON_DIM_NUMBER, .number = ints[i]};
    return true;
}

/* Shape with its start and end: axes of its input. */
static bool find_shape(shape_walk *at, uint32_t node, exciton_dims *dims)
{
    exciton_matcher *matcher = at->walk->matcher;
    uint64_t shape[EXCITON_GRAPH_RANK];
    uint32_t rank, of = exciton_matcher_input(matcher, node, 0);
    if (of >= matcher->graph->value_count)
        return false;
    exciton_infer_shape(matcher, of, &rank, shape);
    int64_t start = exciton_matcher_int(matcher, node, "start", 0), end = exciton_matcher_int(matcher, node, "end", INT64_MAX);
    dims->of = of;
    if (!rank) {
        dims->whole = true;
        return start == 0 && end == INT64_MAX;
    }
    start = start < -(int64_t)rank ? 0 : start < 0 ? start + rank : start;
    end = end < -(int64_t)rank ? 0 : end < 0 ? end + rank : end > rank ? rank : end;
    for (int64_t axis = start; axis < end; axis++)
        dims->dims[dims->count++] = (exciton_dim){.kind = EXCITON_DIM_AXIS, .number = axis, .value = of};
    dims->whole = !start && end == rank;
    return true;
}

static bool pick(const exciton_dims *from, int64_t index, exciton_dims *dims)
{
    if (dims->count == EXCITON_GRAPH_RANK)
        return false;
    if (from->whole && !from->count) {
        dims->dims[dims->count++] = (exciton_dim){.kind = EXCITON_DIM_AXIS, .number = index, .value = from->of};
        return true;
    }
    index += index < 0 ? from->count : 0;
    if (index < 0 || index >= from->count)
        return false;
    dims->dims[dims->count++] = from->dims[index];
    return true;
}

static bool find_gather(shape_walk *at, uint32_t node, uint32_t depth, exciton_dims *dims)
{
    exciton_matcher *matcher = at->walk->matcher;
    exciton_dims from;
    int64_t index[EXCITON_GRAPH_RANK];
    uint32_t count;
    if (!exciton_operand_ints(matcher, exciton_matcher_input(matcher, node, 1), index, &count) ||
        !find_dims(at, exciton_matcher_input(matcher, node, 0), depth, &from))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!pick(&from, index[i], dims))
            return false;
    return true;
}

/* `name` as attribute (one number), or input `index`; `absent` where neither is there. */
static bool read_bound(exciton_matcher *matcher, uint32_t node, const char *name, uint32_t index, int64_t absent, int64_t *bound)
{
    exciton_attribute a = matcher->graph->node_attribute(matcher->graph->user, node, name);
    uint32_t input = exciton_matcher_input(matcher, node, index), count;
    int64_t ints[EXCITON_GRAPH_RANK];
    *bound = absent;
    if (a.kind == EXCITON_ATTRIBUTE_INTS && a.count == 1)
        *bound = a.ints[0];
    else if (a.kind != EXCITON_ATTRIBUTE_NONE)
        return false;
    else if (input != EXCITON_NO_VALUE) {
        if (!exciton_operand_ints(matcher, input, ints, &count) || count != 1)
            return false;
        *bound = ints[0];
    }
    return true;
}

static bool find_slice(shape_walk *at, uint32_t node, uint32_t depth, exciton_dims *dims)
{
    exciton_matcher *matcher = at->walk->matcher;
    exciton_dims from;
    int64_t start, end, step;
    if (!read_bound(matcher, node, "starts", 1, 0, &start) || !read_bound(matcher, node, "ends", 2, INT64_MAX, &end) ||
        !read_bound(matcher, node, "steps", 4, 1, &step) || step != 1 ||
        !find_dims(at, exciton_matcher_input(matcher, node, 0), depth, &from))
        return false;
    if (from.whole && !from.count) { /* the rank isn't known: only from the front */
        if (start < 0 || end < 0 || end > EXCITON_GRAPH_RANK)
            return false;
    } else {
        start = start < -(int64_t)from.count ? 0 : start < 0 ? start + from.count : start;
        end = end < -(int64_t)from.count ? 0 : end < 0 ? end + from.count : end > from.count ? from.count : end;
    }
    for (int64_t i = start; i < end; i++)
        if (!pick(&from, i, dims))
            return false;
    return true;
}

static bool find_concat(shape_walk *at, uint32_t node, uint32_t depth, exciton_dims *dims)
{
    const exciton_graph *graph = at->walk->matcher->graph;
    uint32_t inputs = graph->node_input_count(graph->user, node);
    for (uint32_t i = 0; i < inputs; i++) {
        exciton_dims part;
        if (!find_dims(at, graph->node_input(graph->user, node, i), depth, &part) || (part.whole && !part.count) ||
            dims->count + part.count > EXCITON_GRAPH_RANK)
            return false;
        memcpy(dims->dims + dims->count, part.dims, part.count * sizeof *part.dims);
        dims->count += part.count;
    }
    return true;
}

static bool find_dims(shape_walk *at, uint32_t value, uint32_t depth, exciton_dims *dims)
{
    exciton_matcher *matcher = at->walk->matcher;
    *dims = (exciton_dims){0};
    if (!depth || !at->left || value >= matcher->graph->value_count)
        return false;
    at->left--;
    if (find_constant(at, value, dims))
        return true;
    *dims = (exciton_dims){0};
    uint32_t node = exciton_matcher_producer(matcher, value);
    switch (exciton_matcher_op(matcher, node)) {
    case EXCITON_OP_SHAPE:
        return find_shape(at, node, dims);
    case EXCITON_OP_GATHER:
        return find_gather(at, node, depth - 1, dims);
    case EXCITON_OP_SLICE:
        return find_slice(at, node, depth - 1, dims);
    case EXCITON_OP_CONCAT:
        return find_concat(at, node, depth - 1, dims);
    case EXCITON_OP_IDENTITY: case EXCITON_OP_CAST: case EXCITON_OP_UNSQUEEZE: case EXCITON_OP_SQUEEZE: case EXCITON_OP_RESHAPE:
        return find_dims(at, exciton_matcher_input(matcher, node, 0), depth - 1, dims);
    case EXCITON_OP_MUL: case EXCITON_OP_DIV: case EXCITON_OP_ADD: case EXCITON_OP_SUB: /* H * W: one number that isn't known */
        *dims = (exciton_dims){.count = 1, .dims = {{.kind = EXCITON_DIM_UNKNOWN}}};
        return true;
    default:
        return false;
    }
}

bool exciton_dims_find(exciton_walk *walk, uint32_t value, exciton_dims *dims)
{
    shape_walk at = {.walk = walk, .left = NODES};
    return find_dims(&at, value, DEPTH, dims);
}

/* ---- Shapes of values */

static void take_shape(const exciton_matcher *matcher, uint32_t value, uint32_t *rank, uint64_t shape[EXCITON_GRAPH_RANK])
{
    uint64_t there[EXCITON_GRAPH_RANK] = {0};
    uint32_t dims = 0;
    if (!matcher->graph->value_shape(matcher->graph->user, value, &dims, there) || dims > EXCITON_GRAPH_RANK || !dims)
        return;
    if (!*rank) {
        *rank = dims;
        memcpy(shape, there, sizeof there);
    } else if (*rank == dims && !shape[1])
        shape[1] = dims > 1 ? there[1] : 0;
}

/* What an elementwise node computes from, or EXCITON_NO_VALUE. */
static uint32_t same_shape_input(exciton_matcher *matcher, uint32_t node)
{
    exciton_operand operand;
    uint32_t first = exciton_matcher_input(matcher, node, 0);
    switch (exciton_matcher_op(matcher, node)) {
    case EXCITON_OP_RELU: case EXCITON_OP_SIGMOID: case EXCITON_OP_HARD_SIGMOID: case EXCITON_OP_HARD_SWISH: case EXCITON_OP_SWISH:
    case EXCITON_OP_LEAKY_RELU: case EXCITON_OP_CLIP: case EXCITON_OP_IDENTITY: case EXCITON_OP_DROPOUT: case EXCITON_OP_CAST:
    case EXCITON_OP_PRELU: case EXCITON_OP_BATCH_NORMALIZATION: case EXCITON_OP_DEQUANTIZE: case EXCITON_OP_QUANTIZE:
        return first;
    case EXCITON_OP_ADD: case EXCITON_OP_MUL: case EXCITON_OP_SUB: case EXCITON_OP_DIV: case EXCITON_OP_MAX: case EXCITON_OP_MIN:
        return exciton_operand_find(matcher, first, &operand) ? exciton_matcher_input(matcher, node, 1) : first;
    default:
        return EXCITON_NO_VALUE;
    }
}

/* Rank and outputs of a convolution's weights: constant, or computed (standardised weights) and then reshaped to written sizes. */
static bool weight_sizes(exciton_matcher *matcher, uint32_t value, uint32_t *rank, uint64_t *outputs)
{
    exciton_operand weight;
    int64_t sizes[EXCITON_GRAPH_RANK];
    if (exciton_operand_find(matcher, value, &weight)) {
        *rank = weight.rank;
        *outputs = weight.shape[0];
        return weight.rank > 2;
    }
    uint32_t node = exciton_matcher_producer(matcher, value);
    if (exciton_matcher_op(matcher, node) != EXCITON_OP_RESHAPE ||
        !exciton_operand_ints(matcher, exciton_matcher_input(matcher, node, 1), sizes, rank) || *rank < 3 || sizes[0] < 1)
        return false;
    *outputs = (uint64_t)sizes[0];
    return true;
}

void exciton_infer_shape(exciton_matcher *matcher, uint32_t value, uint32_t *rank, uint64_t shape[EXCITON_GRAPH_RANK])
{
    *rank = 0;
    memset(shape, 0, EXCITON_GRAPH_RANK * sizeof *shape);
    for (uint32_t step = 0; step < CHAIN && value < matcher->graph->value_count; step++) {
        take_shape(matcher, value, rank, shape);
        if (*rank && (*rank < 2 || shape[1]))
            return;
        uint32_t node = exciton_matcher_producer(matcher, value);
        if (exciton_matcher_op(matcher, node) == EXCITON_OP_CONV) {
            uint32_t weight_rank;
            uint64_t outputs;
            if (weight_sizes(matcher, exciton_matcher_input(matcher, node, 1), &weight_rank, &outputs) &&
                (!*rank || *rank == weight_rank)) {
                *rank = weight_rank;
                shape[1] = outputs;
            }
            return;
        }
        value = same_shape_input(matcher, node);
    }
}
