/* ONNX files as graphs (graph.h): nodes, attributes and headers of tensors are read when a file is opened, payloads when a
 * constant is. docs/formats.md says what is read and what is refused. */
#ifndef EXCITON_FORMATS_ONNX_H
#define EXCITON_FORMATS_ONNX_H

#include "formats/file.h"
#include "formats/graph.h"

typedef struct exciton_onnx exciton_onnx;

/* `calls` and what they use live until close. After a failure `onnx` is NULL. */
exciton_status exciton_onnx_open(const exciton_calls *calls, const char *path, exciton_onnx **onnx);
/* The object's own, with all that its functions give out. */
const exciton_graph *exciton_onnx_graph(const exciton_onnx *onnx);
/* NULL is legal. */
void exciton_onnx_close(exciton_onnx *onnx);

#endif
