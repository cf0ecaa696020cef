/* libFuzzer: any graph, as match_bytes.h reads it from bytes: its blocks, and what the operation takes of them. */
#include "match_bytes.h"

#include "image.h"
#include "model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static mg_graph graph;
    image from;
    exciton_model *model;
    image_init(&from, data, size, 1 << 20);
    if (!graph.graph.user)
        mg_init(&graph);
    match_take(&graph, from.bytes, from.size);
    for (uint32_t i = 0; i < graph.constant_count; i++)
        from.failed |= graph.constants[i].broken;
    exciton_status status = exciton_model_from_graph(&from.calls, &graph.graph, IMAGE_PATH, &model);
    image_check(&from, status);
    CHECK(!status == (model != NULL));
    if (model)
        model_check(&from, model);
    exciton_model_close(model);
    image_finish(&from);
    return 0;
}
