/* Blocks of the SE family in a graph, found by structure: each Mul of a tensor with a gate that is computed from the same
 * tensor's means over space. Untrusted graphs: any edges, cycles too; work and memory are linear in the graph. */
#ifndef EXCITON_FORMATS_MATCH_H
#define EXCITON_FORMATS_MATCH_H

#include <exciton/io.h>

#include "formats/file.h"
#include "formats/graph.h"

/* Beyond these, blocks and near misses are counted as left out. */
enum { EXCITON_MATCH_BLOCKS = 65536, EXCITON_MATCH_NEARS = 4096 };
/* Per-channel operations folded into one layer. */
enum { EXCITON_MATCH_AFFINES = 6 };

/* How a layer's node computes: which operand is the data, which the matrix. */
typedef enum exciton_layer_kind {
    EXCITON_LAYER_CONV, EXCITON_LAYER_GEMM_A, EXCITON_LAYER_GEMM_B, EXCITON_LAYER_MATMUL_A, EXCITON_LAYER_MATMUL_B
} exciton_layer_kind;

typedef enum exciton_affine_kind {
    EXCITON_AFFINE_ADD,       /* v + c */
    EXCITON_AFFINE_SUB,       /* v - c */
    EXCITON_AFFINE_SUB_FROM,  /* c - v */
    EXCITON_AFFINE_MUL, EXCITON_AFFINE_DIV,
    EXCITON_AFFINE_NORM       /* BatchNormalization */
} exciton_affine_kind;

typedef struct exciton_affine {
    exciton_affine_kind kind;
    uint32_t node;
    uint32_t operand; /* the constant's index among the node's inputs; of the scale for NORM */
} exciton_affine;

/* A fully connected layer, or ECA's convolution along the channels. Constants are values of the graph, read later. */
typedef struct exciton_match_layer {
    exciton_layer_kind kind;
    uint32_t node, weight, bias;      /* bias: EXCITON_NO_VALUE for none */
    uint32_t out_axis, in_axis;       /* of the weight */
    uint64_t inputs, outputs;
    double alpha, beta;               /* Gemm's; 1 elsewhere */
    exciton_affine affines[EXCITON_MATCH_AFFINES]; /* after it, in order */
    uint32_t affine_count;
    bool has_bias;                    /* the node's own, or an affine that adds */
    bool quantized;                   /* the weight is behind a DequantizeLinear */
} exciton_match_layer;

typedef struct exciton_match {
    exciton_model_block block; /* as the public interface shows it; its strings are the graph's, but name and why */
    char *name, *why;          /* owned; why NULL when clean */
    uint32_t mul, input, output; /* a node and two values */
    uint32_t layer_count;
    exciton_match_layer layers[2];
} exciton_match;

/* A Mul that looked like one, and the node where it wasn't. */
typedef struct exciton_match_near {
    const char *at; /* the graph's: the node's name, else its output's */
    uint32_t mul, node;
    char *why;      /* owned */
} exciton_match_near;

typedef struct exciton_matches {
    const exciton_calls *calls;
    const exciton_graph *graph;
    exciton_match *items;     /* in the order of their Mul nodes */
    size_t count;
    exciton_match_near *nears;
    size_t near_count;
    size_t left_out, nears_left_out; /* beyond the caps */
} exciton_matches;

/* `graph` must outlive the result. A failure is one of memory, or of reading a constant. */
exciton_status exciton_matches_find(const exciton_calls *calls, const exciton_graph *graph, exciton_matches *matches);
void exciton_matches_release(exciton_matches *matches);

/* The layer's matrix [outputs, inputs] and bias [outputs], everything after it folded in double, then rounded. `bias` is
 * written also where has_bias is false. For ECA: the kernel's elements. */
exciton_status exciton_match_read_layer(const exciton_calls *calls, const exciton_graph *graph, const exciton_match_layer *layer,
                                        float *weight, float *bias);

#endif
