/* Asks a graph everything that its table can tell, and aborts where the answers don't fit each other. */
#ifndef EXCITON_TESTS_ONNX_WALK_H
#define EXCITON_TESTS_ONNX_WALK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/graph.h"

#define ONNX_WALK_CHECK(condition) \
    ((condition) ? (void)0 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), abort()))

/* Sums, so that every byte that is given out is read. */
static uint64_t onnx_walk_sum(const void *data, size_t bytes)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < bytes; i++)
        sum += ((const unsigned char *)data)[i];
    return sum;
}

static uint64_t onnx_walk_attributes(const exciton_graph *g, uint32_t node)
{
    static const char *const names[] = {"", "axes", "alpha", "value", "value_float", "value_floats", "value_int", "value_ints",
                                        "keepdims", "mode", "then_branch", "body", "long", "none"};
    uint64_t sum = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        exciton_attribute a = g->node_attribute(g->user, node, names[i]);
        if (a.kind == EXCITON_ATTRIBUTE_INTS)
            sum += onnx_walk_sum(a.ints, a.count * sizeof *a.ints);
        if (a.kind == EXCITON_ATTRIBUTE_FLOATS)
            sum += onnx_walk_sum(a.floats, a.count * sizeof *a.floats);
        if (a.kind == EXCITON_ATTRIBUTE_STRING)
            sum += onnx_walk_sum(a.text, a.count);
        if (a.kind == EXCITON_ATTRIBUTE_TENSOR)
            sum += g->constant(g->user, a.tensor).count;
    }
    return sum;
}

static uint64_t onnx_walk_node(const exciton_graph *g, uint32_t node)
{
    uint64_t sum = strlen(g->node_name(g->user, node)) + strlen(g->node_operator(g->user, node));
    for (uint32_t i = 0; i < g->node_input_count(g->user, node); i++) {
        uint32_t value = g->node_input(g->user, node, i), consumers = 0;
        if (value == EXCITON_NO_VALUE)
            continue;
        ONNX_WALK_CHECK(value < g->value_count);
        for (uint32_t c = 0; c < g->value_consumer_count(g->user, value) && c < 1000; c++)
            consumers += g->value_consumer(g->user, value, c) == node;
        ONNX_WALK_CHECK(consumers || g->value_consumer_count(g->user, value) > 1000);
    }
    for (uint32_t i = 0; i < g->node_output_count(g->user, node); i++) {
        uint32_t value = g->node_output(g->user, node, i);
        if (value == EXCITON_NO_VALUE)
            continue;
        ONNX_WALK_CHECK(value < g->value_count);
        ONNX_WALK_CHECK((g->value_producer(g->user, value) == node) != (g->value_constant(g->user, value) != EXCITON_NO_CONSTANT));
    }
    return sum + onnx_walk_attributes(g, node);
}

/* Element by element from the end, then all at once: both give the same, bit by bit. A payload may be refused late, but not
 * with another status than these. */
static uint64_t onnx_walk_constant(const exciton_graph *g, uint32_t constant)
{
    exciton_constant shown = g->constant(g->user, constant);
    uint64_t count = shown.count < 300 ? shown.count : 300, first = shown.count - count;
    double doubles[300];
    float floats[300];
    exciton_status status = g->constant_read(g->user, constant, first, count, doubles);
    if (status)
        return (uint64_t)status;
    for (uint64_t i = count; i--;) {
        double one;
        float single;
        if (g->constant_read(g->user, constant, first + i, 1, &one) || g->constant_read_f32(g->user, constant, first + i, 1, &single))
            return 1; /* a call of the test's that fails */
        ONNX_WALK_CHECK(!memcmp(&one, &doubles[i], sizeof one));
        floats[i] = single;
    }
    if (shown.count)
        ONNX_WALK_CHECK(g->constant_read(g->user, constant, shown.count, 1, doubles) == EXCITON_ERROR_ARGUMENT);
    return onnx_walk_sum(doubles, count * sizeof doubles[0]) + onnx_walk_sum(floats, count * sizeof floats[0]);
}

static uint64_t onnx_walk(const exciton_graph *g)
{
    uint64_t sum = 0;
    for (uint32_t n = 0; n < g->node_count; n++)
        sum += onnx_walk_node(g, n);
    for (uint32_t v = 0; v < g->value_count; v++) {
        uint32_t rank, producer = g->value_producer(g->user, v), constant = g->value_constant(g->user, v);
        uint64_t shape[EXCITON_GRAPH_RANK];
        sum += strlen(g->value_name(g->user, v)) + g->value_is_output(g->user, v);
        ONNX_WALK_CHECK(producer == EXCITON_NO_NODE || (producer < g->node_count && constant == EXCITON_NO_CONSTANT));
        for (uint32_t c = 0; c < g->value_consumer_count(g->user, v); c++)
            ONNX_WALK_CHECK(g->value_consumer(g->user, v, c) < g->node_count);
        if (g->value_shape(g->user, v, &rank, shape))
            for (uint32_t d = 0; d < rank; d++)
                sum += shape[d];
        if (constant != EXCITON_NO_CONSTANT)
            sum += onnx_walk_constant(g, constant);
    }
    return sum;
}

#endif
