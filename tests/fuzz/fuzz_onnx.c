/* libFuzzer: any bytes as an ONNX file, which is also the file of its external data: the graph, then the blocks in it.
 * Options: 1 opens the model by its path, and doesn't ask the graph everything. */
#include "image.h"
#include "model.h"

#include "../unit/onnx_walk.h"
#include "formats/onnx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    image from;
    exciton_onnx *onnx = NULL;
    exciton_model *model = NULL;
    image_init(&from, data, size, 1 << 20);
    bool by_path = from.options & 1;
    exciton_status status = by_path ? EXCITON_OK : exciton_onnx_open(&from.calls, IMAGE_PATH, &onnx);
    image_check(&from, status);
    CHECK(by_path || !status == (onnx != NULL));
    if (by_path) {
        status = exciton_model_open_with(&from.calls, IMAGE_PATH, &model);
    } else if (!status) {
        onnx_walk(exciton_onnx_graph(onnx));
        status = exciton_model_from_graph(&from.calls, exciton_onnx_graph(onnx), IMAGE_PATH, &model);
    }
    image_check(&from, status);
    CHECK(!status == (model != NULL));
    if (model)
        model_check(&from, model);
    exciton_model_close(model);
    exciton_onnx_close(onnx);
    image_finish(&from);
    return 0;
}
