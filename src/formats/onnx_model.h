/* An open ONNX file, as the parts of its reader share it. */
#ifndef EXCITON_FORMATS_ONNX_MODEL_H
#define EXCITON_FORMATS_ONNX_MODEL_H

#include "formats/onnx.h"
#include "formats/onnx_scan.h"
#include "onnx.pb-c.h"

/* A tensor, or numbers of an attribute of a Constant node. */
typedef struct exciton_onnx_constant {
    exciton_constant shown;
    const char *name;                         /* for error lines */
    int32_t type;                             /* TensorProto's data_type */
    uint32_t bytes;                           /* of an element in raw data */
    bool external;
    const ExcitonOnnx__TensorProto *tensor;   /* NULL: an attribute's numbers */
    const exciton_onnx_record *record;
    const float *floats;
    const int64_t *integers;
} exciton_onnx_constant;

/* How far a payload that can only be read in order has been read. */
typedef struct exciton_onnx_cursor {
    const exciton_onnx_constant *constant; /* NULL: none */
    uint32_t piece;
    uint64_t element, at; /* the next one, and its offset in the file */
} exciton_onnx_cursor;

struct exciton_onnx {
    const exciton_calls *calls;
    char *path;
    exciton_source source, external;
    const char *external_name; /* of the external file that is open; a tensor's */
    exciton_wire wire;
    exciton_onnx_scan scan;
    exciton_onnx_cursor cursor;
    ProtobufCAllocator allocator;
    bool lacked_memory;
    ExcitonOnnx__ModelProto *model;

    exciton_graph graph;
    exciton_onnx_constant *constants; /* one a record, then the attributes' */
    uint32_t constant_count;
    /* Operands: a value each, or EXCITON_NO_VALUE. A node's are at node_first: inputs, outputs, then what the graphs in its
     * attributes read. Before them those of the graph, in the order of onnx_graph.c. */
    uint32_t *operands;
    uint32_t *node_first;
    char *operator_text;              /* "DOMAIN.Op" of all nodes that need it */
    const char **operators;           /* by node */
    const char **value_names;
    uint32_t *value_producers, *value_constants;
    uint32_t *consumer_first, *consumers;
    unsigned char *value_roles;
    const ExcitonOnnx__ValueInfoProto **value_infos;
};

/* ---- onnx_tensor.c */

/* Of a message of the trimmed model. */
uint32_t exciton_onnx_tensor_index(const ExcitonOnnx__TensorProto *tensor);
/* Checks the header and the payload's size, and fills the tensor's constant. */
exciton_status exciton_onnx_tensor_init(exciton_onnx *onnx, const ExcitonOnnx__TensorProto *tensor, const char *name);
exciton_status exciton_onnx_sparse_init(exciton_onnx *onnx, const ExcitonOnnx__SparseTensorProto *sparse);
exciton_status exciton_onnx_constant_read(void *user, uint32_t constant, uint64_t first, uint64_t count, double *elements);
exciton_status exciton_onnx_constant_read_f32(void *user, uint32_t constant, uint64_t first, uint64_t count, float *elements);
exciton_status exciton_onnx_fail_constant(const exciton_onnx *onnx, const exciton_onnx_constant *constant, exciton_status status,
                                          const char *format, ...) EXCITON_PRINTF(4, 5);

/* ---- onnx_external.c: a tensor's bytes in a file beside the model. */
exciton_status exciton_onnx_external_read(exciton_onnx *onnx, const exciton_onnx_constant *constant, uint64_t first, uint64_t bytes,
                                          void *data);

/* ---- onnx_graph.c */
exciton_status exciton_onnx_graph_build(exciton_onnx *onnx);
void exciton_onnx_graph_release(exciton_onnx *onnx);

/* ---- onnx_attribute.c */
exciton_attribute exciton_onnx_node_attribute(void *user, uint32_t node, const char *name);
/* Whether an operator or an import of this domain is of the default one. */
bool exciton_onnx_is_default(const char *domain);
/* Fills all of `constants`. */
exciton_status exciton_onnx_constants_build(exciton_onnx *onnx);
/* The constant that a Constant node gives, or EXCITON_NO_CONSTANT; `inlined` counts those that are an attribute's numbers, in
 * the order of the nodes. */
uint32_t exciton_onnx_constant_of(const exciton_onnx *onnx, const ExcitonOnnx__NodeProto *node, uint32_t *inlined);

#endif
