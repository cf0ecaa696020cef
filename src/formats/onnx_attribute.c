/* Attributes of nodes, and the constants that Constant nodes make of them. */
#include <string.h>

#include "formats/onnx_model.h"

typedef ExcitonOnnx__AttributeProto attribute_proto;

bool exciton_onnx_is_default(const char *domain) { return !domain || !*domain || !strcmp(domain, "ai.onnx"); }

static const attribute_proto *find(const ExcitonOnnx__NodeProto *node, const char *name)
{
    for (size_t i = 0; i < node->n_attribute; i++)
        if (!strcmp(node->attribute[i]->name, name))
            return node->attribute[i];
    return NULL;
}

/* Old files have no type: what is there tells it. */
static exciton_attribute_kind kind_of(const attribute_proto *a)
{
    if (a->has_type && a->type) {
        switch (a->type) {
        case EXCITON_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT: return EXCITON_ATTRIBUTE_FLOAT;
        case EXCITON_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT: return EXCITON_ATTRIBUTE_INT;
        case EXCITON_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS: return EXCITON_ATTRIBUTE_INTS;
        case EXCITON_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS: return EXCITON_ATTRIBUTE_FLOATS;
        case EXCITON_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING: return EXCITON_ATTRIBUTE_STRING;
        case EXCITON_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR: return a->t ? EXCITON_ATTRIBUTE_TENSOR : EXCITON_ATTRIBUTE_OTHER;
        default: return EXCITON_ATTRIBUTE_OTHER;
        }
    }
    return a->has_f ? EXCITON_ATTRIBUTE_FLOAT : a->has_i ? EXCITON_ATTRIBUTE_INT : a->n_ints ? EXCITON_ATTRIBUTE_INTS
         : a->n_floats ? EXCITON_ATTRIBUTE_FLOATS : a->has_s ? EXCITON_ATTRIBUTE_STRING : a->t ? EXCITON_ATTRIBUTE_TENSOR
         : EXCITON_ATTRIBUTE_OTHER;
}

static exciton_attribute show(const attribute_proto *attribute)
{
    exciton_attribute shown = {.kind = kind_of(attribute)};
    switch (shown.kind) {
    case EXCITON_ATTRIBUTE_FLOAT: shown.number = (double)attribute->f; break;
    case EXCITON_ATTRIBUTE_INT: shown.integer = attribute->i; break;
    case EXCITON_ATTRIBUTE_INTS:
        shown.ints = attribute->ints;
        shown.count = attribute->n_ints;
        break;
    case EXCITON_ATTRIBUTE_FLOATS:
        shown.floats = attribute->floats;
        shown.count = attribute->n_floats;
        break;
    case EXCITON_ATTRIBUTE_STRING:
        shown.text = attribute->s.len ? (const char *)attribute->s.data : "";
        shown.count = attribute->s.len;
        break;
    case EXCITON_ATTRIBUTE_TENSOR: shown.tensor = exciton_onnx_tensor_index(attribute->t); break;
    default: break;
    }
    return shown;
}

exciton_attribute exciton_onnx_node_attribute(void *user, uint32_t node, const char *name)
{
    const exciton_onnx *onnx = user;
    const attribute_proto *found = find(onnx->model->graph->node[node], name);
    return found ? show(found) : (exciton_attribute){0};
}

/* ---- Constants ------------------------------------------------------------------------------------------------- */

/* What a Constant node gives, by the attribute that it has; NONE where it gives something else. */
static exciton_attribute given_by(const ExcitonOnnx__NodeProto *node, const attribute_proto **attribute)
{
    static const struct { const char *name; exciton_attribute_kind kind; } forms[] = {
        {"value", EXCITON_ATTRIBUTE_TENSOR}, {"value_float", EXCITON_ATTRIBUTE_FLOAT}, {"value_floats", EXCITON_ATTRIBUTE_FLOATS},
        {"value_int", EXCITON_ATTRIBUTE_INT}, {"value_ints", EXCITON_ATTRIBUTE_INTS},
    };
    if (!node->op_type || strcmp(node->op_type, "Constant") || !exciton_onnx_is_default(node->domain) || node->n_attribute != 1 ||
        node->n_output != 1)
        return (exciton_attribute){0};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        *attribute = find(node, forms[i].name);
        if (!*attribute)
            continue;
        exciton_attribute shown = show(*attribute);
        return shown.kind == forms[i].kind ? shown : (exciton_attribute){0};
    }
    return (exciton_attribute){0};
}

uint32_t exciton_onnx_constant_of(const exciton_onnx *onnx, const ExcitonOnnx__NodeProto *node, uint32_t *inlined)
{
    const attribute_proto *attribute;
    exciton_attribute given = given_by(node, &attribute);
    if (given.kind == EXCITON_ATTRIBUTE_NONE)
        return EXCITON_NO_CONSTANT;
    return given.kind == EXCITON_ATTRIBUTE_TENSOR ? given.tensor : (uint32_t)onnx->scan.record_count + (*inlined)++;
}

static void init_inlined(exciton_onnx *onnx, const ExcitonOnnx__NodeProto *node, uint32_t index)
{
    const attribute_proto *attribute;
    exciton_attribute given = given_by(node, &attribute);
    exciton_onnx_constant *constant = &onnx->constants[index];
    bool list = given.kind == EXCITON_ATTRIBUTE_FLOATS || given.kind == EXCITON_ATTRIBUTE_INTS;
    bool floats = given.kind == EXCITON_ATTRIBUTE_FLOATS || given.kind == EXCITON_ATTRIBUTE_FLOAT;
    *constant = (exciton_onnx_constant){.name = node->output[0] ? node->output[0] : ""};
    constant->shown.element = floats ? EXCITON_ELEMENT_F32 : EXCITON_ELEMENT_I64;
    constant->shown.count = list ? given.count : 1;
    constant->shown.rank = list;
    constant->shown.shape[0] = list ? given.count : 0;
    if (floats)
        constant->floats = list ? given.floats : &attribute->f;
    else
        constant->integers = list ? given.ints : &attribute->i;
}

static exciton_status init_tensors(exciton_onnx *onnx)
{
    const ExcitonOnnx__GraphProto *graph = onnx->model->graph;
    exciton_status failed = EXCITON_OK;
    for (size_t i = 0; i < graph->n_initializer && !failed; i++)
        failed = exciton_onnx_tensor_init(onnx, graph->initializer[i], graph->initializer[i]->name ? graph->initializer[i]->name : "");
    for (size_t i = 0; i < graph->n_sparse_initializer && !failed; i++) {
        if (!graph->sparse_initializer[i]->values)
            return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: sparse_initializer %llu: no values", onnx->source.name,
                                   (unsigned long long)i);
        failed = exciton_onnx_sparse_init(onnx, graph->sparse_initializer[i]);
    }
    for (size_t n = 0; n < graph->n_node; n++)
        for (size_t a = 0; a < graph->node[n]->n_attribute && !failed; a++)
            if (graph->node[n]->attribute[a]->t)
                failed = exciton_onnx_tensor_init(onnx, graph->node[n]->attribute[a]->t, graph->node[n]->attribute[a]->name);
    return failed;
}

exciton_status exciton_onnx_constants_build(exciton_onnx *onnx)
{
    const ExcitonOnnx__GraphProto *graph = onnx->model->graph;
    uint32_t inlined = 0, index = 0;
    for (size_t n = 0; n < graph->n_node; n++)
        exciton_onnx_constant_of(onnx, graph->node[n], &inlined);
    onnx->constant_count = (uint32_t)onnx->scan.record_count + inlined;
    onnx->constants = exciton_io_allocate(onnx->calls, onnx->constant_count, sizeof *onnx->constants);
    if (!onnx->constants)
        return exciton_io_fail(EXCITON_ERROR_MEMORY, "%s: out of memory for the constants", onnx->source.name);
    memset(onnx->constants, 0, onnx->constant_count * sizeof *onnx->constants);
    for (size_t n = 0; n < graph->n_node; n++) {
        uint32_t before = index, constant = exciton_onnx_constant_of(onnx, graph->node[n], &index);
        if (index != before)
            init_inlined(onnx, graph->node[n], constant);
    }
    return init_tensors(onnx);
}
