/* A model's graph as the matcher sees it: nodes, their operands, attributes, and constants, behind a table of functions, so
 * that another runtime can hand over its own graph. Names follow ONNX: operators of the default domain, opset 7 and up.
 *
 * The table's functions are pure queries, never fail on indices in range, and are called from one thread at a time. */
#ifndef EXCITON_FORMATS_GRAPH_H
#define EXCITON_FORMATS_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <exciton/exciton.h>

enum { EXCITON_GRAPH_RANK = 8 };

/* Element types as the matcher needs them; anything else is OTHER. */
typedef enum exciton_element {
    EXCITON_ELEMENT_OTHER, EXCITON_ELEMENT_F32, EXCITON_ELEMENT_F64, EXCITON_ELEMENT_F16, EXCITON_ELEMENT_BF16,
    EXCITON_ELEMENT_I64, EXCITON_ELEMENT_I32, EXCITON_ELEMENT_I8, EXCITON_ELEMENT_U8
} exciton_element;

/* What is known of a constant without reading its payload. */
typedef struct exciton_constant {
    exciton_element element;
    uint32_t rank;
    uint64_t shape[EXCITON_GRAPH_RANK];
    uint64_t count; /* product of the shape; 1 for a scalar */
} exciton_constant;

typedef enum exciton_attribute_kind {
    EXCITON_ATTRIBUTE_NONE, EXCITON_ATTRIBUTE_FLOAT, EXCITON_ATTRIBUTE_INT, EXCITON_ATTRIBUTE_INTS, EXCITON_ATTRIBUTE_FLOATS,
    EXCITON_ATTRIBUTE_STRING, EXCITON_ATTRIBUTE_TENSOR, EXCITON_ATTRIBUTE_OTHER
} exciton_attribute_kind;

typedef struct exciton_attribute {
    exciton_attribute_kind kind;
    double number;          /* FLOAT */
    int64_t integer;        /* INT */
    const int64_t *ints;    /* INTS */
    const float *floats;    /* FLOATS */
    size_t count;           /* of ints, floats, text */
    const char *text;       /* STRING, not zero-terminated */
    uint32_t tensor;        /* TENSOR: a constant's index */
} exciton_attribute;

/* Values (edges) are numbers from 0 to value_count - 1; EXCITON_NO_VALUE is an absent optional operand. */
#define EXCITON_NO_VALUE UINT32_MAX
#define EXCITON_NO_NODE UINT32_MAX
#define EXCITON_NO_CONSTANT UINT32_MAX

typedef struct exciton_graph {
    void *user;
    uint32_t node_count, value_count;
    int64_t opset; /* of the default domain */

    const char *(*node_name)(void *user, uint32_t node);     /* "" where it has none */
    const char *(*node_operator)(void *user, uint32_t node); /* "Conv"; "DOMAIN.Op" outside the default domain */
    uint32_t (*node_input_count)(void *user, uint32_t node);
    uint32_t (*node_input)(void *user, uint32_t node, uint32_t index); /* a value, or EXCITON_NO_VALUE */
    uint32_t (*node_output_count)(void *user, uint32_t node);
    uint32_t (*node_output)(void *user, uint32_t node, uint32_t index);
    /* kind NONE where it is absent. Pointers live as long as the graph. */
    exciton_attribute (*node_attribute)(void *user, uint32_t node, const char *name);

    const char *(*value_name)(void *user, uint32_t value);
    uint32_t (*value_producer)(void *user, uint32_t value);  /* EXCITON_NO_NODE: an input of the graph, or a constant */
    /* Nodes' operands, each counted, and what graphs in a node's attributes (If, Loop) read. */
    uint32_t (*value_consumer_count)(void *user, uint32_t value);
    uint32_t (*value_consumer)(void *user, uint32_t value, uint32_t index);
    bool (*value_is_output)(void *user, uint32_t value);     /* of the graph */
    uint32_t (*value_constant)(void *user, uint32_t value);  /* an initialiser's index, or EXCITON_NO_CONSTANT */
    /* Static shape where the model says it: rank and sizes, 0 for a size that is not known. False: nothing known. */
    bool (*value_shape)(void *user, uint32_t value, uint32_t *rank, uint64_t shape[EXCITON_GRAPH_RANK]);

    exciton_constant (*constant)(void *user, uint32_t constant);
    /* Elements [first, first + count) as doubles (F32, F16, BF16, F64 exactly, integers up to 2^53 exactly). May read a
     * file: a status and its line. */
    exciton_status (*constant_read)(void *user, uint32_t constant, uint64_t first, uint64_t count, double *elements);
    exciton_status (*constant_read_f32)(void *user, uint32_t constant, uint64_t first, uint64_t count, float *elements);
} exciton_graph;

#endif
