/* Edges of an ONNX graph: names become values, values know their producers and consumers. */
#include "formats/onnx_model.h"

#include <stdlib.h>
#include <string.h>

enum { ROLE_INPUT = 1, ROLE_OUTPUT = 2 };
#define ATTRIBUTES_MOST 256

typedef ExcitonOnnx__GraphProto graph_proto;
typedef ExcitonOnnx__NodeProto node_proto;

static exciton_status fail(const exciton_onnx *onnx, const char *what, const char *name, const char *why)
{
    return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: %s '%.100s': %s", onnx->source.name, what, name, why);
}

/* `why` may end with the name of a value. */
static exciton_status fail_node(const exciton_onnx *onnx, exciton_status status, uint32_t node, const char *why, const char *value)
{
    const node_proto *n = onnx->model->graph->node[node];
    return exciton_io_fail(status, "%s: offset %llu: node %u '%.100s' (%.60s): %s%.100s", onnx->source.name,
                           (unsigned long long)onnx->scan.nodes[node], (unsigned)node, n->name ? n->name : "",
                           n->op_type ? n->op_type : "", why, value);
}

/* Zeroed. */
static exciton_status allocate(const exciton_onnx *onnx, uint64_t count, size_t size, void *array)
{
    void *memory = exciton_io_allocate(onnx->calls, count, size);
    if (!memory)
        return exciton_io_fail(EXCITON_ERROR_MEMORY, "%s: out of memory for the graph", onnx->source.name);
    memset(memory, 0, count ? (size_t)count * size : 1);
    memcpy(array, &memory, sizeof memory);
    return EXCITON_OK;
}

/* ---- Names ----------------------------------------------------------------------------------------------------- */

typedef struct reference {
    const char *name; /* NULL or "": no value */
    uint32_t operand;
} reference;

/* What has a name, in the order of `operands`: initialisers, sparse ones, inputs, outputs, value_info, nodes. Counts only
 * where `to` is NULL. */
typedef struct lister {
    reference *to;
    uint32_t count;
} lister;

static void list(lister *l, const char *name)
{
    if (l->to)
        l->to[l->count] = (reference){.name = name, .operand = l->count};
    l->count++;
}

static void list_node(lister *l, const node_proto *node)
{
    for (size_t i = 0; i < node->n_input; i++)
        list(l, node->input[i]);
    for (size_t i = 0; i < node->n_output; i++)
        list(l, node->output[i]);
    for (size_t a = 0; a < node->n_attribute; a++) /* what graphs in it read */
        for (size_t i = 0; i < node->attribute[a]->n_strings; i++)
            list(l, (const char *)node->attribute[a]->strings[i].data);
}

static void list_all(lister *l, const graph_proto *graph, uint32_t *node_first)
{
    for (size_t i = 0; i < graph->n_initializer; i++)
        list(l, graph->initializer[i]->name);
    for (size_t i = 0; i < graph->n_sparse_initializer; i++)
        list(l, graph->sparse_initializer[i]->values->name);
    for (size_t i = 0; i < graph->n_input; i++)
        list(l, graph->input[i]->name);
    for (size_t i = 0; i < graph->n_output; i++)
        list(l, graph->output[i]->name);
    for (size_t i = 0; i < graph->n_value_info; i++)
        list(l, graph->value_info[i]->name);
    for (size_t n = 0; n < graph->n_node; n++) {
        node_first[n] = l->count;
        list_node(l, graph->node[n]);
    }
    node_first[graph->n_node] = l->count;
}

static int by_name(const void *left, const void *right)
{
    const reference *a = left, *b = right;
    int order = strcmp(a->name ? a->name : "", b->name ? b->name : "");
    return order ? order : (a->operand > b->operand) - (a->operand < b->operand);
}

/* Sorting takes n log n whatever the names are; a table of hashes can be made to take n². */
static exciton_status number_values(exciton_onnx *onnx)
{
    lister l = {0};
    exciton_status failed = allocate(onnx, (uint64_t)onnx->graph.node_count + 1, sizeof *onnx->node_first, &onnx->node_first);
    if (failed)
        return failed;
    list_all(&l, onnx->model->graph, onnx->node_first);
    reference *references = NULL;
    failed = allocate(onnx, l.count, sizeof *references, &references);
    if (failed)
        return failed;
    l = (lister){.to = references};
    list_all(&l, onnx->model->graph, onnx->node_first);
    qsort(references, l.count, sizeof *references, by_name);
    failed = allocate(onnx, l.count, sizeof *onnx->operands, &onnx->operands);
    if (!failed)
        failed = allocate(onnx, l.count, sizeof *onnx->value_names, &onnx->value_names);
    uint32_t values = 0;
    for (uint32_t i = 0; i < l.count && !failed; i++) {
        const reference *r = &references[i];
        if (!r->name || !*r->name) {
            onnx->operands[r->operand] = EXCITON_NO_VALUE;
            continue;
        }
        if (!values || strcmp(onnx->value_names[values - 1], r->name))
            onnx->value_names[values++] = r->name;
        onnx->operands[r->operand] = values - 1;
    }
    onnx->graph.value_count = values;
    exciton_io_release(onnx->calls, references);
    return failed;
}

/* ---- Who makes a value ----------------------------------------------------------------------------------------- */

static exciton_status take_constants(exciton_onnx *onnx, uint32_t *operand)
{
    const graph_proto *graph = onnx->model->graph;
    size_t dense = graph->n_initializer;
    for (size_t i = 0; i < dense + graph->n_sparse_initializer; i++) {
        uint32_t value = onnx->operands[(*operand)++];
        if (value == EXCITON_NO_VALUE)
            return fail(onnx, "initializer", "", "no name");
        if (onnx->value_constants[value] != EXCITON_NO_CONSTANT)
            return fail(onnx, "initializer", onnx->value_names[value], "twice");
        onnx->value_constants[value] = exciton_onnx_tensor_index(i < dense ? graph->initializer[i]
                                                                           : graph->sparse_initializer[i - dense]->values);
    }
    return EXCITON_OK;
}

/* Inputs, outputs and value_info; the first that tells a value's shape is kept. */
static exciton_status take_infos(exciton_onnx *onnx, uint32_t *operand, size_t count, ExcitonOnnx__ValueInfoProto **infos, int role)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t value = onnx->operands[(*operand)++];
        if (value == EXCITON_NO_VALUE && role)
            return fail(onnx, role == ROLE_INPUT ? "input" : "output", "", "no name");
        if (value == EXCITON_NO_VALUE)
            continue;
        if (role == ROLE_INPUT && onnx->value_roles[value] & ROLE_INPUT)
            return fail(onnx, "input", onnx->value_names[value], "twice");
        onnx->value_roles[value] |= (unsigned char)role;
        const ExcitonOnnx__TypeProto *type = infos[i]->type;
        if (!onnx->value_infos[value] && type && type->value_case == EXCITON_ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE &&
            type->tensor_type->shape)
            onnx->value_infos[value] = infos[i];
    }
    return EXCITON_OK;
}

static exciton_status take_node(exciton_onnx *onnx, uint32_t node, uint32_t *inlined)
{
    const node_proto *n = onnx->model->graph->node[node];
    uint32_t constant = exciton_onnx_constant_of(onnx, n, inlined);
    const uint32_t *outputs = onnx->operands + onnx->node_first[node] + n->n_input;
    for (size_t i = 0; i < n->n_output; i++) {
        if (outputs[i] == EXCITON_NO_VALUE)
            continue;
        if (onnx->value_producers[outputs[i]] != EXCITON_NO_NODE || onnx->value_constants[outputs[i]] != EXCITON_NO_CONSTANT ||
            onnx->value_roles[outputs[i]] & ROLE_INPUT)
            return fail_node(onnx, EXCITON_ERROR_FORMAT, node, "it makes what is made already: ", onnx->value_names[outputs[i]]);
        onnx->value_producers[outputs[i]] = constant == EXCITON_NO_CONSTANT ? node : EXCITON_NO_NODE;
        onnx->value_constants[outputs[i]] = constant;
    }
    return EXCITON_OK;
}

static exciton_status take_values(exciton_onnx *onnx)
{
    const graph_proto *graph = onnx->model->graph;
    uint32_t values = onnx->graph.value_count, operand = 0, inlined = 0;
    exciton_status failed = allocate(onnx, values, sizeof *onnx->value_producers, &onnx->value_producers);
    if (!failed)
        failed = allocate(onnx, values, sizeof *onnx->value_constants, &onnx->value_constants);
    if (!failed)
        failed = allocate(onnx, values, sizeof *onnx->value_roles, &onnx->value_roles);
    if (!failed)
        failed = allocate(onnx, values, sizeof *onnx->value_infos, &onnx->value_infos);
    for (uint32_t v = 0; v < values && !failed; v++) {
        onnx->value_producers[v] = EXCITON_NO_NODE;
        onnx->value_constants[v] = EXCITON_NO_CONSTANT;
    }
    if (!failed)
        failed = take_constants(onnx, &operand);
    if (!failed)
        failed = take_infos(onnx, &operand, graph->n_input, graph->input, ROLE_INPUT);
    if (!failed)
        failed = take_infos(onnx, &operand, graph->n_output, graph->output, ROLE_OUTPUT);
    if (!failed)
        failed = take_infos(onnx, &operand, graph->n_value_info, graph->value_info, 0);
    for (uint32_t n = 0; n < onnx->graph.node_count && !failed; n++)
        failed = take_node(onnx, n, &inlined);
    return failed;
}

static bool is_made(const exciton_onnx *onnx, uint32_t value)
{
    return onnx->value_producers[value] != EXCITON_NO_NODE || onnx->value_constants[value] != EXCITON_NO_CONSTANT ||
           onnx->value_roles[value] & ROLE_INPUT;
}

static exciton_status check_made(const exciton_onnx *onnx)
{
    for (uint32_t v = 0; v < onnx->graph.value_count; v++)
        if (onnx->value_roles[v] & ROLE_OUTPUT && !is_made(onnx, v))
            return fail(onnx, "output", onnx->value_names[v], "nothing makes it");
    for (uint32_t n = 0; n < onnx->graph.node_count; n++)
        for (uint32_t i = 0; i < onnx->model->graph->node[n]->n_input; i++) {
            uint32_t value = onnx->operands[onnx->node_first[n] + i];
            if (value != EXCITON_NO_VALUE && !is_made(onnx, value))
                return fail_node(onnx, EXCITON_ERROR_FORMAT, n, "it reads what nothing makes: ", onnx->value_names[value]);
        }
    return EXCITON_OK;
}

/* ---- Who reads it ---------------------------------------------------------------------------------------------- */

/* The value that node `n` reads as its operand `i`; outputs are none. */
static uint32_t read_by(const exciton_onnx *onnx, uint32_t n, uint32_t i)
{
    const node_proto *node = onnx->model->graph->node[n];
    bool output = i >= node->n_input && i - node->n_input < node->n_output;
    return output ? EXCITON_NO_VALUE : onnx->operands[onnx->node_first[n] + i];
}

static exciton_status take_consumers(exciton_onnx *onnx)
{
    uint32_t nodes = onnx->graph.node_count, values = onnx->graph.value_count;
    uint32_t *first = NULL;
    exciton_status failed = allocate(onnx, (uint64_t)values + 2, sizeof *first, &onnx->consumer_first);
    if (failed)
        return failed;
    /* Two places ahead, so that filling moves them to where they belong. */
    first = onnx->consumer_first;
    for (uint32_t n = 0; n < nodes; n++)
        for (uint32_t i = 0, value; i < onnx->node_first[n + 1] - onnx->node_first[n]; i++)
            if ((value = read_by(onnx, n, i)) != EXCITON_NO_VALUE)
                first[value + 2]++;
    for (uint32_t v = 0; v < values; v++)
        first[v + 2] += first[v + 1];
    failed = allocate(onnx, first[values + 1], sizeof *onnx->consumers, &onnx->consumers);
    for (uint32_t n = 0; n < nodes && !failed; n++)
        for (uint32_t i = 0, value; i < onnx->node_first[n + 1] - onnx->node_first[n]; i++)
            if ((value = read_by(onnx, n, i)) != EXCITON_NO_VALUE)
                onnx->consumers[first[value + 1]++] = n;
    return failed;
}

/* Takes away nodes all of whose operands are there; what is left lies on a cycle or behind one. The order in the file
 * doesn't matter. */
static exciton_status check_cycles(const exciton_onnx *onnx)
{
    uint32_t nodes = onnx->graph.node_count, ready = 0;
    uint32_t *waiting = NULL, *queue = NULL;
    exciton_status failed = allocate(onnx, nodes, sizeof *waiting, &waiting);
    if (failed)
        return failed;
    failed = allocate(onnx, nodes, sizeof *queue, &queue);
    for (uint32_t n = 0; n < nodes && !failed; n++) {
        for (uint32_t i = 0, value; i < onnx->node_first[n + 1] - onnx->node_first[n]; i++)
            if ((value = read_by(onnx, n, i)) != EXCITON_NO_VALUE && onnx->value_producers[value] != EXCITON_NO_NODE)
                waiting[n]++;
        if (!waiting[n])
            queue[ready++] = n;
    }
    for (uint32_t done = 0; done < ready && !failed; done++) {
        const node_proto *node = onnx->model->graph->node[queue[done]];
        for (size_t o = 0; o < node->n_output; o++) {
            uint32_t value = onnx->operands[onnx->node_first[queue[done]] + node->n_input + o];
            if (value == EXCITON_NO_VALUE || onnx->value_producers[value] == EXCITON_NO_NODE)
                continue;
            for (uint32_t c = onnx->consumer_first[value]; c < onnx->consumer_first[value + 1]; c++)
                if (!--waiting[onnx->consumers[c]])
                    queue[ready++] = onnx->consumers[c];
        }
    }
    for (uint32_t n = 0; n < nodes && ready < nodes && !failed; n++)
        if (waiting[n])
            failed = fail_node(onnx, EXCITON_ERROR_FORMAT, n, "its inputs depend on its outputs, or on a cycle", "");
    exciton_io_release(onnx->calls, waiting);
    exciton_io_release(onnx->calls, queue);
    return failed;
}

/* ---- Nodes ----------------------------------------------------------------------------------------------------- */

static exciton_status check_attributes(const exciton_onnx *onnx, uint32_t node)
{
    const node_proto *n = onnx->model->graph->node[node];
    if (n->n_attribute > ATTRIBUTES_MOST)
        return fail_node(onnx, EXCITON_ERROR_UNSUPPORTED, node, "more than 256 attributes", "");
    for (size_t i = 0; i < n->n_attribute; i++) {
        if (!n->attribute[i]->name || !*n->attribute[i]->name)
            return fail_node(onnx, EXCITON_ERROR_FORMAT, node, "an attribute without a name", "");
        for (size_t k = 0; k < i; k++)
            if (!strcmp(n->attribute[k]->name, n->attribute[i]->name))
                return fail_node(onnx, EXCITON_ERROR_FORMAT, node, "an attribute twice", "");
    }
    return EXCITON_OK;
}

static exciton_status check_nodes(const exciton_onnx *onnx)
{
    exciton_status failed = EXCITON_OK;
    for (uint32_t n = 0; n < onnx->graph.node_count && !failed; n++) {
        if (!onnx->model->graph->node[n]->op_type || !*onnx->model->graph->node[n]->op_type)
            failed = fail_node(onnx, EXCITON_ERROR_FORMAT, n, "no op_type", "");
        else
            failed = check_attributes(onnx, n);
    }
    return failed;
}

static exciton_status name_operators(exciton_onnx *onnx)
{
    uint64_t bytes = 0; /* bounded as the model is */
    uint32_t nodes = onnx->graph.node_count;
    node_proto **node = onnx->model->graph->node;
    for (uint32_t n = 0; n < nodes; n++)
        if (!exciton_onnx_is_default(node[n]->domain))
            bytes += strlen(node[n]->domain) + strlen(node[n]->op_type) + 2;
    exciton_status failed = allocate(onnx, bytes, 1, &onnx->operator_text);
    if (!failed)
        failed = allocate(onnx, nodes, sizeof *onnx->operators, &onnx->operators);
    char *text = onnx->operator_text;
    for (uint32_t n = 0; n < nodes && !failed; n++) {
        onnx->operators[n] = node[n]->op_type;
        if (exciton_onnx_is_default(node[n]->domain))
            continue;
        onnx->operators[n] = text;
        text = stpcpy(stpcpy(stpcpy(text, node[n]->domain), "."), node[n]->op_type) + 1;
    }
    return failed;
}

/* ---- The table ------------------------------------------------------------------------------------------------- */

static const node_proto *node_of(const exciton_onnx *onnx, uint32_t node) { return onnx->model->graph->node[node]; }

static const char *node_name(void *user, uint32_t node)
{
    const char *name = node_of(user, node)->name;
    return name ? name : "";
}

static const char *node_operator(void *user, uint32_t node) { return ((const exciton_onnx *)user)->operators[node]; }
static uint32_t node_input_count(void *user, uint32_t node) { return (uint32_t)node_of(user, node)->n_input; }
static uint32_t node_output_count(void *user, uint32_t node) { return (uint32_t)node_of(user, node)->n_output; }

static uint32_t node_input(void *user, uint32_t node, uint32_t index)
{
    const exciton_onnx *onnx = user;
    return onnx->operands[onnx->node_first[node] + index];
}

static uint32_t node_output(void *user, uint32_t node, uint32_t index)
{
    const exciton_onnx *onnx = user;
    return onnx->operands[onnx->node_first[node] + node_of(onnx, node)->n_input + index];
}

static const char *value_name(void *user, uint32_t value) { return ((const exciton_onnx *)user)->value_names[value]; }
static uint32_t value_producer(void *user, uint32_t value) { return ((const exciton_onnx *)user)->value_producers[value]; }
static uint32_t value_constant(void *user, uint32_t value) { return ((const exciton_onnx *)user)->value_constants[value]; }
static bool value_is_output(void *user, uint32_t value) { return ((const exciton_onnx *)user)->value_roles[value] & ROLE_OUTPUT; }

static uint32_t value_consumer_count(void *user, uint32_t value)
{
    const exciton_onnx *onnx = user;
    return onnx->consumer_first[value + 1] - onnx->consumer_first[value];
}

static uint32_t value_consumer(void *user, uint32_t value, uint32_t index)
{
    const exciton_onnx *onnx = user;
    return onnx->consumers[onnx->consumer_first[value] + index];
}

static bool value_shape(void *user, uint32_t value, uint32_t *rank, uint64_t shape[EXCITON_GRAPH_RANK])
{
    const exciton_onnx *onnx = user;
    const ExcitonOnnx__ValueInfoProto *info = onnx->value_infos[value];
    uint32_t constant = onnx->value_constants[value];
    if (constant != EXCITON_NO_CONSTANT) {
        const exciton_constant *shown = &onnx->constants[constant].shown;
        *rank = shown->rank;
        memcpy(shape, shown->shape, sizeof shown->shape);
        return shown->element != EXCITON_ELEMENT_OTHER;
    }
    if (!info || info->type->tensor_type->shape->n_dim > EXCITON_GRAPH_RANK)
        return false;
    *rank = (uint32_t)info->type->tensor_type->shape->n_dim;
    for (uint32_t d = 0; d < *rank; d++) {
        const ExcitonOnnx__TensorShapeProto__Dimension *dim = info->type->tensor_type->shape->dim[d];
        bool known = dim->value_case == EXCITON_ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE && dim->dim_value > 0;
        shape[d] = known ? (uint64_t)dim->dim_value : 0;
    }
    return true;
}

static exciton_constant show_constant(void *user, uint32_t constant) { return ((const exciton_onnx *)user)->constants[constant].shown; }

static const exciton_graph functions = {
    .node_name = node_name, .node_operator = node_operator, .node_input_count = node_input_count, .node_input = node_input,
    .node_output_count = node_output_count, .node_output = node_output, .node_attribute = exciton_onnx_node_attribute,
    .value_name = value_name, .value_producer = value_producer, .value_consumer_count = value_consumer_count,
    .value_consumer = value_consumer, .value_is_output = value_is_output, .value_constant = value_constant,
    .value_shape = value_shape, .constant = show_constant, .constant_read = exciton_onnx_constant_read,
    .constant_read_f32 = exciton_onnx_constant_read_f32,
};

exciton_status exciton_onnx_graph_build(exciton_onnx *onnx)
{
    int64_t opset = onnx->graph.opset;
    onnx->graph = functions;
    onnx->graph.user = onnx;
    onnx->graph.opset = opset;
    onnx->graph.node_count = (uint32_t)onnx->model->graph->n_node;
    exciton_status failed = check_nodes(onnx);
    if (!failed)
        failed = exciton_onnx_constants_build(onnx);
    if (!failed)
        failed = name_operators(onnx);
    if (!failed)
        failed = number_values(onnx);
    if (!failed)
        failed = take_values(onnx);
    if (!failed)
        failed = check_made(onnx);
    if (!failed)
        failed = take_consumers(onnx);
    return failed ? failed : check_cycles(onnx);
}

void exciton_onnx_graph_release(exciton_onnx *onnx)
{
    void *arrays[] = {onnx->constants, onnx->operands, onnx->node_first, onnx->operator_text, (void *)onnx->operators,
                      (void *)onnx->value_names, onnx->value_producers, onnx->value_constants, onnx->consumer_first,
                      onnx->consumers, onnx->value_roles, (void *)onnx->value_infos};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        exciton_io_release(onnx->calls, arrays[i]);
}
