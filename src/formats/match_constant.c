/* Constants: through the views that exporters put between an initialiser and its use. */
#include <math.h>

#include "base/checked.h"
#include "formats/match_parts.h"

enum { VIEWS = 16, EXPANDS = 1 };

/* Row-major strides; false where the product overflows. A size of 0 is no operand of ours. */
static bool set_contiguous(exciton_operand *operand)
{
    uint64_t count = 1;
    for (uint32_t i = operand->rank; i-- > 0;) {
        operand->stride[i] = count;
        if (!operand->shape[i] || !exciton_mul(count, operand->shape[i], &count))
            return false;
    }
    operand->count = count;
    return true;
}

static bool find_initializer(const exciton_graph *graph, uint32_t constant, exciton_operand *operand)
{
    exciton_constant from = graph->constant(graph->user, constant);
    if (from.rank > EXCITON_GRAPH_RANK || from.element == EXCITON_ELEMENT_OTHER)
        return false;
    *operand = (exciton_operand){.constant = constant, .rank = from.rank};
    memcpy(operand->shape, from.shape, from.rank * sizeof *from.shape);
    if (!set_contiguous(operand))
        return false;
    operand->base_count = operand->count;
    return true;
}

/* The attributes of a Constant node. */
static bool find_constant_node(const exciton_matcher *matcher, uint32_t node, exciton_operand *operand)
{
    const exciton_graph *graph = matcher->graph;
    exciton_attribute a = graph->node_attribute(graph->user, node, "value");
    if (a.kind == EXCITON_ATTRIBUTE_TENSOR && a.tensor != EXCITON_NO_CONSTANT)
        return find_initializer(graph, a.tensor, operand);
    static const char *const names[] = {"value_float", "value_int", "value_ints", "value_floats"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        a = graph->node_attribute(graph->user, node, names[i]);
        *operand = (exciton_operand){.constant = EXCITON_NO_CONSTANT, .count = 1, .base_count = 1};
        if (a.kind == EXCITON_ATTRIBUTE_FLOAT || a.kind == EXCITON_ATTRIBUTE_INT) {
            operand->fill = a.kind == EXCITON_ATTRIBUTE_FLOAT ? a.number : (double)a.integer;
            return true;
        }
        if ((a.kind == EXCITON_ATTRIBUTE_INTS || a.kind == EXCITON_ATTRIBUTE_FLOATS) && a.count) {
            operand->ints = a.kind == EXCITON_ATTRIBUTE_INTS ? a.ints : NULL;
            operand->floats = a.kind == EXCITON_ATTRIBUTE_FLOATS ? a.floats : NULL;
            operand->rank = 1;
            operand->shape[0] = operand->base_count = a.count;
            return set_contiguous(operand);
        }
    }
    return false;
}

static exciton_status read_into(exciton_matcher *matcher, const exciton_operand *operand, uint64_t first, uint64_t count, double *elements)
{
    exciton_status failed = exciton_operand_read(matcher->graph, operand, first, count, elements);
    if (failed && !matcher->failed)
        matcher->failed = failed;
    return failed;
}

static bool find_filled(exciton_matcher *matcher, uint32_t node, exciton_operand *operand)
{
    int64_t shape[EXCITON_GRAPH_RANK];
    uint32_t rank;
    exciton_operand value = {.constant = EXCITON_NO_CONSTANT, .count = 1, .base_count = 1};
    exciton_attribute a = matcher->graph->node_attribute(matcher->graph->user, node, "value");
    if (!exciton_operand_ints(matcher, exciton_matcher_input(matcher, node, 0), shape, &rank))
        return false;
    if (a.kind == EXCITON_ATTRIBUTE_TENSOR && (a.tensor == EXCITON_NO_CONSTANT || !find_initializer(matcher->graph, a.tensor, &value)))
        return false;
    double fill;
    if (value.count != 1 || read_into(matcher, &value, 0, 1, &fill))
        return false;
    *operand = (exciton_operand){.constant = EXCITON_NO_CONSTANT, .fill = fill, .base_count = 1, .rank = rank, .repeated = true};
    for (uint32_t i = 0; i < rank; i++)
        if (shape[i] < 1)
            return false;
        else
            operand->shape[i] = (uint64_t)shape[i];
    if (!set_contiguous(operand))
        return false;
    memset(operand->stride, 0, sizeof operand->stride);
    return true;
}

/* Another shape over the same elements. Strides survive where only sizes of 1 come and go. */
static bool view_as(exciton_operand *operand, uint32_t rank, const uint64_t shape[EXCITON_GRAPH_RANK])
{
    exciton_operand to = *operand;
    to.rank = rank;
    memcpy(to.shape, shape, rank * sizeof *shape);
    if (!set_contiguous(&to) || to.count != operand->count)
        return false;
    exciton_operand plain = *operand;
    set_contiguous(&plain);
    bool filled = operand->base_count == 1, contiguous = true;
    for (uint32_t i = 0; i < operand->rank; i++)
        contiguous &= operand->shape[i] == 1 || operand->stride[i] == plain.stride[i];
    if (filled)
        memset(to.stride, 0, sizeof to.stride);
    else if (!contiguous) {
        uint32_t from = 0;
        for (uint32_t i = 0; i < rank; i++) {
            to.stride[i] = 0;
            if (shape[i] == 1)
                continue;
            while (from < operand->rank && operand->shape[from] == 1)
                from++;
            if (from == operand->rank || operand->shape[from] != shape[i])
                return false;
            to.stride[i] = operand->stride[from++];
        }
    }
    *operand = to;
    return true;
}

static bool apply_reshape(exciton_matcher *matcher, uint32_t node, exciton_operand *operand)
{
    int64_t wanted[EXCITON_GRAPH_RANK];
    uint64_t shape[EXCITON_GRAPH_RANK], product = 1;
    uint32_t rank, open = EXCITON_GRAPH_RANK;
    if (!exciton_operand_ints(matcher, exciton_matcher_input(matcher, node, 1), wanted, &rank))
        return false;
    bool zeros = exciton_matcher_int(matcher, node, "allowzero", 0) != 0;
    for (uint32_t i = 0; i < rank; i++) {
        bool copies = !wanted[i] && i < operand->rank && !zeros;
        if (wanted[i] < -1 || (!wanted[i] && !copies) || (wanted[i] == -1 && open < EXCITON_GRAPH_RANK))
            return false;
        if (wanted[i] == -1)
            open = i;
        shape[i] = wanted[i] == -1 ? 1 : copies ? operand->shape[i] : (uint64_t)wanted[i];
        if (!exciton_mul(product, shape[i], &product))
            return false;
    }
    if (open < EXCITON_GRAPH_RANK)
        shape[open] = operand->count / product; /* no size is 0; view_as checks the product */
    return view_as(operand, rank, shape);
}

static bool apply_squeeze(exciton_matcher *matcher, uint32_t node, bool unsqueeze, exciton_operand *operand)
{
    int64_t axes[EXCITON_GRAPH_RANK];
    uint32_t count, from = 0, rank = 0;
    bool present, mark[EXCITON_GRAPH_RANK] = {false};
    if (!exciton_operand_axes(matcher, node, axes, &count, &present) && (present || unsqueeze))
        return false;
    uint32_t full = operand->rank + (unsqueeze ? count : 0);
    if (full > EXCITON_GRAPH_RANK)
        return false;
    for (uint32_t i = 0; present && i < count; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + full : axes[i];
        if (axis < 0 || axis >= full || mark[axis])
            return false;
        mark[axis] = true;
    }
    uint64_t shape[EXCITON_GRAPH_RANK];
    for (uint32_t i = 0; i < full; i++) {
        if (unsqueeze)
            shape[rank++] = mark[i] ? 1 : operand->shape[from++];
        else if (present ? !mark[i] : operand->shape[i] != 1)
            shape[rank++] = operand->shape[i];
    }
    return view_as(operand, rank, shape); /* squeezing more than 1 changes the product */
}

static bool apply_transpose(const exciton_matcher *matcher, uint32_t node, exciton_operand *operand)
{
    exciton_attribute perm = matcher->graph->node_attribute(matcher->graph->user, node, "perm");
    exciton_operand from = *operand;
    uint32_t seen = 0;
    if (perm.kind != EXCITON_ATTRIBUTE_NONE && (perm.kind != EXCITON_ATTRIBUTE_INTS || perm.count != operand->rank))
        return false;
    for (uint32_t i = 0; i < from.rank; i++) {
        int64_t axis = perm.kind == EXCITON_ATTRIBUTE_INTS ? perm.ints[i] : (int64_t)(from.rank - 1 - i);
        if (axis < 0 || axis >= from.rank || seen >> axis & 1)
            return false;
        seen |= 1u << axis;
        operand->shape[i] = from.shape[axis];
        operand->stride[i] = from.stride[axis];
    }
    return true;
}

/* The views between a value and its constant, nearest the value first. */
static uint32_t collect_views(const exciton_matcher *matcher, uint32_t *value, uint32_t nodes[VIEWS])
{
    uint32_t count = 0;
    while (count < VIEWS) {
        uint32_t node = exciton_matcher_producer(matcher, *value);
        switch (exciton_matcher_op(matcher, node)) {
        case EXCITON_OP_IDENTITY: case EXCITON_OP_RESHAPE: case EXCITON_OP_UNSQUEEZE: case EXCITON_OP_SQUEEZE:
        case EXCITON_OP_TRANSPOSE: case EXCITON_OP_CAST: case EXCITON_OP_CAST_LIKE: case EXCITON_OP_DEQUANTIZE:
        case EXCITON_OP_QUANTIZE: case EXCITON_OP_FLATTEN: case EXCITON_OP_EXPAND:
            nodes[count++] = node;
            *value = exciton_matcher_input(matcher, node, 0);
            break;
        default:
            return count;
        }
    }
    return VIEWS + 1;
}

/* One number, repeated: what more elements repeat, a few bytes of a file would make large. */
static bool apply_expand(exciton_matcher *matcher, uint32_t node, exciton_operand *operand)
{
    int64_t wanted[EXCITON_GRAPH_RANK];
    uint32_t rank;
    if (operand->base_count != 1 || !exciton_operand_ints(matcher, exciton_matcher_input(matcher, node, 1), wanted, &rank))
        return false;
    uint32_t most = rank > operand->rank ? rank : operand->rank;
    exciton_operand from = *operand;
    operand->rank = most;
    for (uint32_t i = 0; i < most; i++) {
        uint64_t have = i + from.rank >= most ? from.shape[i + from.rank - most] : 1;
        int64_t want = i + rank >= most ? wanted[i + rank - most] : 1;
        if (want < 1 || (have != 1 && want != 1 && have != (uint64_t)want))
            return false;
        operand->shape[i] = have == 1 ? (uint64_t)want : have;
    }
    if (!set_contiguous(operand))
        return false;
    memset(operand->stride, 0, sizeof operand->stride);
    operand->repeated = true;
    return true;
}

static bool apply_flatten(const exciton_matcher *matcher, uint32_t node, exciton_operand *operand)
{
    int64_t axis = exciton_matcher_int(matcher, node, "axis", 1);
    uint64_t shape[EXCITON_GRAPH_RANK] = {1, 1};
    axis += axis < 0 ? operand->rank : 0;
    for (uint32_t i = 0; i < operand->rank; i++)
        shape[i >= axis] *= operand->shape[i];
    return axis >= 0 && axis <= operand->rank && view_as(operand, 2, shape);
}

bool exciton_operand_find(exciton_matcher *matcher, uint32_t value, exciton_operand *operand)
{
    const exciton_graph *graph = matcher->graph;
    uint32_t nodes[VIEWS], count = collect_views(matcher, &value, nodes);
    if (count > VIEWS || value >= graph->value_count)
        return false;
    uint32_t constant = graph->value_constant(graph->user, value), node = exciton_matcher_producer(matcher, value);
    exciton_op op = exciton_matcher_op(matcher, node);
    bool found = constant != EXCITON_NO_CONSTANT ? find_initializer(graph, constant, operand)
               : op == EXCITON_OP_CONSTANT ? find_constant_node(matcher, node, operand)
               : op == EXCITON_OP_CONSTANT_OF_SHAPE && find_filled(matcher, node, operand);
    while (found && count-- > 0) {
        exciton_op view = exciton_matcher_op(matcher, nodes[count]);
        if (view == EXCITON_OP_RESHAPE)
            found = apply_reshape(matcher, nodes[count], operand);
        else if (view == EXCITON_OP_SQUEEZE || view == EXCITON_OP_UNSQUEEZE)
            found = apply_squeeze(matcher, nodes[count], view == EXCITON_OP_UNSQUEEZE, operand);
        else if (view == EXCITON_OP_TRANSPOSE)
            found = apply_transpose(matcher, nodes[count], operand);
        else if (view == EXCITON_OP_FLATTEN)
            found = apply_flatten(matcher, nodes[count], operand);
        else if (view == EXCITON_OP_EXPAND)
            found = apply_expand(matcher, nodes[count], operand);
        else if (view == EXCITON_OP_DEQUANTIZE || view == EXCITON_OP_QUANTIZE)
            operand->quantized = true;
    }
    return found;
}

exciton_status exciton_operand_read(const exciton_graph *graph, const exciton_operand *operand, uint64_t first, uint64_t count,
                                    double *elements)
{
    if (operand->constant != EXCITON_NO_CONSTANT)
        return graph->constant_read(graph->user, operand->constant, first, count, elements);
    for (uint64_t i = 0; i < count; i++)
        elements[i] = operand->ints ? (double)operand->ints[first + i]
                    : operand->floats ? (double)operand->floats[first + i] : operand->fill;
    return EXCITON_OK;
}

bool exciton_operand_first(exciton_matcher *matcher, const exciton_operand *operand, double *number)
{
    return !operand->quantized && !read_into(matcher, operand, 0, 1, number) && !isnan(*number);
}

bool exciton_operand_scalar(exciton_matcher *matcher, uint32_t value, double *number)
{
    exciton_operand operand;
    return exciton_operand_find(matcher, value, &operand) && operand.count == 1 && exciton_operand_first(matcher, &operand, number);
}

/* The sizes of an initialiser, which an exporter that folds nothing asks for. */
static bool find_sizes(const exciton_matcher *matcher, uint32_t node, int64_t ints[EXCITON_GRAPH_RANK], uint32_t *count)
{
    const exciton_graph *graph = matcher->graph;
    uint32_t of = exciton_matcher_input(matcher, node, 0);
    uint32_t constant = of < graph->value_count ? graph->value_constant(graph->user, of) : EXCITON_NO_CONSTANT;
    if (constant == EXCITON_NO_CONSTANT)
        return false;
    exciton_constant c = graph->constant(graph->user, constant);
    int64_t start = exciton_matcher_int(matcher, node, "start", 0), end = exciton_matcher_int(matcher, node, "end", INT64_MAX);
    int64_t rank = c.rank;
    start = start < -rank ? 0 : start < 0 ? start + rank : start;
    end = end < -rank ? 0 : end < 0 ? end + rank : end > rank ? rank : end;
    *count = 0;
    for (int64_t i = start; i < end; i++) {
        if (rank > EXCITON_GRAPH_RANK || c.shape[i] > INT64_MAX)
            return false;
        ints[(*count)++] = (int64_t)c.shape[i];
    }
    return true;
}

static bool find_ints(exciton_matcher *matcher, uint32_t value, uint32_t depth, int64_t ints[EXCITON_GRAPH_RANK], uint32_t *count);

/* An Expand to sizes of 1 that are written out. */
static bool repeats_nothing(exciton_matcher *matcher, uint32_t node, uint32_t depth)
{
    int64_t shape[EXCITON_GRAPH_RANK];
    uint32_t count;
    if (!depth || !find_ints(matcher, exciton_matcher_input(matcher, node, 1), depth - 1, shape, &count))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (shape[i] != 1)
            return false;
    return true;
}

/* Shapes and axes are small lists, reached directly or through nodes that change no element. */
static bool find_ints(exciton_matcher *matcher, uint32_t value, uint32_t depth, int64_t ints[EXCITON_GRAPH_RANK], uint32_t *count)
{
    const exciton_graph *graph = matcher->graph;
    double numbers[EXCITON_GRAPH_RANK];
    exciton_operand operand;
    uint32_t node, constant, left = VIEWS;
    exciton_op op;
    for (;; left--) {
        if (!left || value >= graph->value_count)
            return false;
        node = exciton_matcher_producer(matcher, value);
        op = exciton_matcher_op(matcher, node);
        bool passes = op == EXCITON_OP_IDENTITY || op == EXCITON_OP_CAST || op == EXCITON_OP_CAST_LIKE || op == EXCITON_OP_UNSQUEEZE ||
                      op == EXCITON_OP_SQUEEZE || op == EXCITON_OP_RESHAPE ||
                      (op == EXCITON_OP_EXPAND && repeats_nothing(matcher, node, depth));
        if (!passes)
            break;
        value = exciton_matcher_input(matcher, node, 0);
    }
    if (op == EXCITON_OP_SHAPE)
        return find_sizes(matcher, node, ints, count);
    constant = graph->value_constant(graph->user, value);
    if (constant != EXCITON_NO_CONSTANT) {
        exciton_constant c = graph->constant(graph->user, constant);
        if (c.rank == 1 && !c.shape[0]) {
            *count = 0; /* the shape of a scalar */
            return true;
        }
        if (!find_initializer(graph, constant, &operand))
            return false;
    } else if (op != EXCITON_OP_CONSTANT || !find_constant_node(matcher, node, &operand))
        return false;
    if (operand.rank > 1 || operand.count > EXCITON_GRAPH_RANK || read_into(matcher, &operand, 0, operand.count, numbers))
        return false;
    for (uint32_t i = 0; i < operand.count; i++) {
        if (!(fabs(numbers[i]) <= 9007199254740992.0)) /* 2^53: an index "to the end" may be larger */
            numbers[i] = numbers[i] < 0 ? -9007199254740992.0 : 9007199254740992.0;
        ints[i] = (int64_t)numbers[i];
    }
    *count = (uint32_t)operand.count;
    return true;
}

bool exciton_operand_ints(exciton_matcher *matcher, uint32_t value, int64_t ints[EXCITON_GRAPH_RANK], uint32_t *count)
{
    return find_ints(matcher, value, EXPANDS, ints, count);
}

bool exciton_operand_axes(exciton_matcher *matcher, uint32_t node, int64_t axes[EXCITON_GRAPH_RANK], uint32_t *count, bool *present)
{
    exciton_attribute a = matcher->graph->node_attribute(matcher->graph->user, node, "axes");
    uint32_t input = exciton_matcher_input(matcher, node, 1);
    *count = 0;
    *present = a.kind != EXCITON_ATTRIBUTE_NONE || input != EXCITON_NO_VALUE;
    if (a.kind == EXCITON_ATTRIBUTE_INTS && a.count <= EXCITON_GRAPH_RANK) {
        *count = (uint32_t)a.count;
        if (a.count > 0)
            memcpy(axes, a.ints, a.count * sizeof *axes);
        return true;
    }
    return a.kind == EXCITON_ATTRIBUTE_NONE && input != EXCITON_NO_VALUE && exciton_operand_ints(matcher, input, axes, count);
}
