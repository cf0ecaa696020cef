/* What the matcher's files share. */
#ifndef EXCITON_FORMATS_MATCH_PARTS_H
#define EXCITON_FORMATS_MATCH_PARTS_H

#include <string.h>

#include "formats/match.h"

typedef enum exciton_op {
    EXCITON_OP_OTHER, EXCITON_OP_ADD, EXCITON_OP_AVERAGE_POOL, EXCITON_OP_BATCH_NORMALIZATION, EXCITON_OP_CAST, EXCITON_OP_CAST_LIKE,
    EXCITON_OP_CLIP, EXCITON_OP_CONCAT, EXCITON_OP_CONSTANT, EXCITON_OP_CONSTANT_OF_SHAPE, EXCITON_OP_CONV, EXCITON_OP_DEQUANTIZE,
    EXCITON_OP_DIV, EXCITON_OP_DROPOUT, EXCITON_OP_EXPAND, EXCITON_OP_FLATTEN, EXCITON_OP_GATHER, EXCITON_OP_GEMM,
    EXCITON_OP_GLOBAL_AVERAGE_POOL, EXCITON_OP_HARD_SIGMOID, EXCITON_OP_HARD_SWISH, EXCITON_OP_IDENTITY, EXCITON_OP_LEAKY_RELU,
    EXCITON_OP_MATMUL, EXCITON_OP_MAX, EXCITON_OP_MIN, EXCITON_OP_MUL, EXCITON_OP_OTHER_POOL, EXCITON_OP_PAD, EXCITON_OP_PRELU,
    EXCITON_OP_QUANTIZE, EXCITON_OP_REDUCE_MEAN, EXCITON_OP_RELU, EXCITON_OP_RESHAPE, EXCITON_OP_SHAPE, EXCITON_OP_SIGMOID,
    EXCITON_OP_SLICE, EXCITON_OP_SQUEEZE, EXCITON_OP_SUB, EXCITON_OP_SWISH, EXCITON_OP_TILE, EXCITON_OP_TRANSPOSE,
    EXCITON_OP_UNSQUEEZE
} exciton_op;

exciton_op exciton_op_from_name(const char *name);

typedef struct exciton_matcher {
    const exciton_graph *graph;
    const uint8_t *ops;    /* by node; NULL: looked up each time */
    exciton_status failed; /* the first failure to read; its line is set */
} exciton_matcher;

/* ---- The graph, briefly; EXCITON_NO_NODE has no input and no output */

exciton_op exciton_matcher_op(const exciton_matcher *matcher, uint32_t node); /* OTHER for EXCITON_NO_NODE */
uint32_t exciton_matcher_producer(const exciton_matcher *matcher, uint32_t value);
uint32_t exciton_matcher_input(const exciton_matcher *matcher, uint32_t node, uint32_t index); /* NO_VALUE beyond the last */
uint32_t exciton_matcher_output(const exciton_matcher *matcher, uint32_t node);                /* the first */
int64_t exciton_matcher_int(const exciton_matcher *matcher, uint32_t node, const char *name, int64_t absent);
double exciton_matcher_float(const exciton_matcher *matcher, uint32_t node, const char *name, double absent);
const char *exciton_matcher_label(const exciton_matcher *matcher, uint32_t node); /* its name, else its output's */

/* ---- Constants: match_constant.c */

/* A constant after the views that lead to it: element i0, i1, … lies at the sum of i * stride. */
typedef struct exciton_operand {
    uint32_t constant;    /* EXCITON_NO_CONSTANT: `ints`, `floats` or `fill` */
    const int64_t *ints;
    const float *floats;
    double fill;
    uint64_t base_count;  /* elements that lie there */
    uint32_t rank;
    uint64_t shape[EXCITON_GRAPH_RANK], stride[EXCITON_GRAPH_RANK], count;
    bool repeated;        /* one number, by a ConstantOfShape or Expand */
    bool quantized;
} exciton_operand;

/* False: not a constant, or not through these views. */
bool exciton_operand_find(exciton_matcher *matcher, uint32_t value, exciton_operand *operand);
/* Elements of what lies there, before the views. */
exciton_status exciton_operand_read(const exciton_graph *graph, const exciton_operand *operand, uint64_t first, uint64_t count,
                                    double *elements);
/* The first of those elements; false where it is quantized or no number, or reading failed (matcher->failed). */
bool exciton_operand_first(exciton_matcher *matcher, const exciton_operand *operand, double *number);
/* A constant of one element; false also where reading failed (matcher->failed). */
bool exciton_operand_scalar(exciton_matcher *matcher, uint32_t value, double *number);
/* Up to EXCITON_GRAPH_RANK integers of a constant. */
bool exciton_operand_ints(exciton_matcher *matcher, uint32_t value, int64_t ints[EXCITON_GRAPH_RANK], uint32_t *count);
/* `axes` of a node, as attribute or as input 1; false: neither is there, or it isn't constant (*present). */
bool exciton_operand_axes(exciton_matcher *matcher, uint32_t node, int64_t axes[EXCITON_GRAPH_RANK], uint32_t *count, bool *present);

/* ---- The walk from a Mul's operand back to a pool */

enum { EXCITON_WALK_STEPS = 48, EXCITON_WALK_NODES = 160 };

typedef enum exciton_step_kind {
    EXCITON_STEP_VIEW, EXCITON_STEP_LAYER, EXCITON_STEP_AFFINE, EXCITON_STEP_ACTIVATION, EXCITON_STEP_GATE, EXCITON_STEP_PAD
} exciton_step_kind;

typedef struct exciton_step {
    exciton_step_kind kind;
    uint32_t node, input;          /* the value it computes from */
    uint32_t operand;              /* AFFINE: the constant's index */
    exciton_affine_kind affine;
    exciton_match_layer layer;     /* LAYER: kind, node, weight, bias, alpha, beta */
    bool circular;                 /* PAD */
    uint64_t before, after;        /* PAD, elements */
} exciton_step;

typedef struct exciton_function_match { /* an activation or a gate */
    int kind;                           /* exciton_model_activation or exciton_model_gate */
    double numbers[2];
    uint32_t input;
} exciton_function_match;

/* Where channels and batch are in a tensor whose other sizes are 1. */
typedef struct exciton_arrangement {
    uint32_t rank, channel;
    int batch;          /* the axis; -1: none, the batch is 1 */
    uint64_t width;     /* channels; 0: not known */
    bool expanded;      /* others are not 1 any more */
    uint64_t assumed;   /* the batch that a Reshape writes as a number, where the model doesn't say the batch; 0: none */
} exciton_arrangement;

typedef struct exciton_walk {
    exciton_matcher *matcher;
    uint32_t mul, x, gate_operand;
    uint32_t x_rank, x_channel;    /* rank 0: not known; channel axis set by the pool */
    uint64_t x_shape[EXCITON_GRAPH_RANK]; /* 0: not known */
    exciton_step steps[EXCITON_WALK_STEPS]; /* from the gate to the pool */
    uint32_t step_count;
    uint32_t nodes[EXCITON_WALK_NODES];     /* of the block, without the Mul; from the gate on */
    uint32_t node_count;
    uint32_t quantized;            /* the first QuantizeLinear or DequantizeLinear met, or EXCITON_NO_NODE */
    exciton_function_match gate, activation;
    uint32_t layers, activations;  /* met so far */
    bool has_gate, saw_pool, eca;
    bool meant;                    /* to be a block: a pool of x was met, or comes further on where it broke */
    uint32_t broken;               /* the node where it broke, EXCITON_NO_NODE: not */
    char why[240];
} exciton_walk;

/* Remembers a node of the block; false beyond the cap. */
bool exciton_walk_note(exciton_walk *walk, uint32_t node);
/* Says why, unless an earlier reason stands; returns false. */
bool exciton_walk_break(exciton_walk *walk, uint32_t node, const char *format, ...) EXCITON_PRINTF(3, 4);

/* Through Identity, Dropout, Cast between floats and QDQ pairs; the nodes are noted if `note`. */
uint32_t exciton_walk_strip(exciton_walk *walk, uint32_t value, bool note);
/* One node of that kind, or EXCITON_NO_VALUE. */
uint32_t exciton_walk_strip_one(exciton_walk *walk, uint32_t value, bool note);

/* Each tells whether `value` is computed by such a thing, and then what from; notes the nodes. */
bool exciton_match_view(exciton_walk *walk, uint32_t value, uint32_t *input);
bool exciton_match_pool(exciton_walk *walk, uint32_t value, exciton_arrangement *after);
bool exciton_match_pool_like(exciton_walk *walk, uint32_t value);
bool exciton_match_layer_node(exciton_walk *walk, uint32_t value, exciton_step *step);
bool exciton_match_affine(exciton_walk *walk, uint32_t value, exciton_step *step);
bool exciton_match_activation(exciton_walk *walk, uint32_t value, exciton_function_match *found);
bool exciton_match_gate(exciton_walk *walk, uint32_t value, exciton_function_match *found);
bool exciton_match_pad(exciton_walk *walk, uint32_t value, exciton_step *step);

/* Forward: the arrangement after a step; false breaks the walk. */
bool exciton_view_apply(exciton_walk *walk, uint32_t node, exciton_arrangement *at);
bool exciton_layer_apply(exciton_walk *walk, exciton_step *step, exciton_arrangement *at);
bool exciton_affine_apply(exciton_walk *walk, const exciton_step *step, const exciton_arrangement *at);

/* ---- Shapes: match_shape.c */

typedef enum exciton_dim_kind { EXCITON_DIM_NUMBER, EXCITON_DIM_AXIS, EXCITON_DIM_UNKNOWN } exciton_dim_kind;
typedef struct exciton_dim {
    exciton_dim_kind kind;
    int64_t number;      /* NUMBER; AXIS: which, maybe negative */
    uint32_t value;      /* AXIS: of this value */
} exciton_dim;
typedef struct exciton_dims {
    exciton_dim dims[EXCITON_GRAPH_RANK];
    uint32_t count;
    bool whole;          /* the shape of `of`, its rank not known */
    uint32_t of;
} exciton_dims;

/* The value of a shape operand; notes the nodes that compute it. False: not understood. */
bool exciton_dims_find(exciton_walk *walk, uint32_t value, exciton_dims *dims);
/* Rank and sizes of a value, by the model or by what computes it. */
void exciton_infer_shape(exciton_matcher *matcher, uint32_t value, uint32_t *rank, uint64_t shape[EXCITON_GRAPH_RANK]);

/* What follows the Mul, and whether the block can be cut out: match_after.c */
void exciton_match_after(exciton_walk *walk, exciton_match *match);
void exciton_match_clean(exciton_walk *walk);

/* Names, unique: match_name.c */
exciton_status exciton_matches_name(exciton_matches *matches);

#endif
