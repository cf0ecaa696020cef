#include "formats/onnx_model.h"

#include <string.h>

/* A protobuf message has no more. */
#define FILE_MOST INT32_MAX
/* From the first with opset_import. */
#define IR_LEAST 3
#define IR_MOST 255
#define OPSET_LEAST 7
#define OPSET_MOST 28

static void *unpack_allocate(void *user, size_t size)
{
    exciton_onnx *onnx = user;
    void *memory = exciton_io_allocate(onnx->calls, size, 1);
    onnx->lacked_memory = onnx->lacked_memory || !memory;
    return memory;
}

static void unpack_release(void *user, void *memory) { exciton_io_release(((exciton_onnx *)user)->calls, memory); }

static exciton_status unpack(exciton_onnx *onnx)
{
    onnx->allocator = (ProtobufCAllocator){.alloc = unpack_allocate, .free = unpack_release, .allocator_data = onnx};
    onnx->model = exciton_onnx__model_proto__unpack(&onnx->allocator, (size_t)onnx->scan.trimmed_bytes, onnx->scan.trimmed);
    exciton_io_release(onnx->calls, onnx->scan.trimmed);
    onnx->scan.trimmed = NULL;
    if (onnx->model)
        return EXCITON_OK;
    if (onnx->lacked_memory)
        return exciton_io_fail(EXCITON_ERROR_MEMORY, "%s: out of memory for the graph", onnx->source.name);
    return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: not a model", onnx->source.name);
}

static exciton_status check_opset(exciton_onnx *onnx)
{
    int64_t found = 0;
    for (size_t i = 0; i < onnx->model->n_opset_import; i++) {
        const ExcitonOnnx__OperatorSetIdProto *import = onnx->model->opset_import[i];
        if (!exciton_onnx_is_default(import->domain))
            continue;
        if (found && found != import->version)
            return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: opset_import: the default domain twice: %lld and %lld", onnx->source.name,
                                   (long long)found, (long long)import->version);
        found = import->version;
        if (found < OPSET_LEAST || found > OPSET_MOST)
            return exciton_io_fail(EXCITON_ERROR_UNSUPPORTED, "%s: opset_import: version %lld of the default domain; %d to %d are read",
                                   onnx->source.name, (long long)found, OPSET_LEAST, OPSET_MOST);
    }
    onnx->graph.opset = found;
    if (!found)
        return exciton_io_fail(EXCITON_ERROR_UNSUPPORTED, "%s: opset_import: no default domain", onnx->source.name);
    return EXCITON_OK;
}

static exciton_status check_model(exciton_onnx *onnx)
{
    const ExcitonOnnx__ModelProto *model = onnx->model;
    if (!model->has_ir_version || !model->graph)
        return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: not an ONNX model: no %s", onnx->source.name,
                               model->has_ir_version ? "graph" : "ir_version");
    if (model->ir_version < IR_LEAST || model->ir_version > IR_MOST)
        return exciton_io_fail(EXCITON_ERROR_UNSUPPORTED, "%s: ir_version: %lld; %d to %d are read", onnx->source.name,
                               (long long)model->ir_version, IR_LEAST, IR_MOST);
    for (size_t i = 0; i < model->n_functions; i++) /* it would take the operator's place */
        if (exciton_onnx_is_default(model->functions[i]->domain))
            return exciton_io_fail(EXCITON_ERROR_UNSUPPORTED, "%s: function '%.100s': it is in the default domain", onnx->source.name,
                                   model->functions[i]->name ? model->functions[i]->name : "");
    return check_opset(onnx);
}

static exciton_status read_model(exciton_onnx *onnx)
{
    if (onnx->source.bytes > FILE_MOST)
        return exciton_io_fail(EXCITON_ERROR_UNSUPPORTED, "%s: %llu bytes; at most %d are read", onnx->source.name,
                               (unsigned long long)onnx->source.bytes, FILE_MOST);
    exciton_wire_init(&onnx->wire, &onnx->source);
    exciton_status failed = exciton_onnx_scan_file(&onnx->wire, &onnx->scan);
    if (!failed)
        failed = unpack(onnx);
    if (!failed)
        failed = check_model(onnx);
    return failed ? failed : exciton_onnx_graph_build(onnx);
}

exciton_status exciton_onnx_open(const exciton_calls *calls, const char *path, exciton_onnx **onnx)
{
    *onnx = NULL;
    exciton_source source;
    exciton_status failed = exciton_source_open(calls, path, &source);
    if (failed)
        return failed;
    exciton_onnx *made = exciton_io_allocate(calls, 1, sizeof *made);
    if (!made) {
        failed = exciton_io_fail(EXCITON_ERROR_MEMORY, "%s: out of memory", source.name);
        exciton_source_close(&source);
        return failed;
    }
    memset(made, 0, sizeof *made);
    made->calls = calls;
    made->source = source;
    made->path = exciton_io_allocate(calls, strlen(path) + 1, 1);
    if (made->path)
        strcpy(made->path, path);
    else
        failed = exciton_io_fail(EXCITON_ERROR_MEMORY, "%s: out of memory", source.name);
    if (!failed)
        failed = read_model(made);
    if (failed)
        exciton_onnx_close(made);
    else
        *onnx = made;
    return failed;
}

const exciton_graph *exciton_onnx_graph(const exciton_onnx *onnx) { return &onnx->graph; }

void exciton_onnx_close(exciton_onnx *onnx)
{
    if (!onnx)
        return;
    exciton_onnx_graph_release(onnx);
    if (onnx->model)
        exciton_onnx__model_proto__free_unpacked(onnx->model, &onnx->allocator);
    exciton_io_release(onnx->calls, onnx->scan.trimmed);
    exciton_io_release(onnx->calls, onnx->scan.records);
    exciton_io_release(onnx->calls, onnx->scan.pieces);
    exciton_io_release(onnx->calls, onnx->scan.nodes);
    exciton_io_release(onnx->calls, onnx->path);
    exciton_source_close(&onnx->external);
    exciton_source_close(&onnx->source);
    exciton_io_release(onnx->calls, onnx);
}
