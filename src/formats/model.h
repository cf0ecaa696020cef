/* Models with their seams; the public call is the first of these with exciton_system_calls. */
#ifndef EXCITON_FORMATS_MODEL_H
#define EXCITON_FORMATS_MODEL_H

#include <exciton/io.h>

#include "formats/file.h"
#include "formats/graph.h"

exciton_status exciton_model_open_with(const exciton_calls *calls, const char *path, exciton_model **model);
/* A graph that is there already; it and `calls` must outlive the model. `name` is for error lines. */
exciton_status exciton_model_from_graph(const exciton_calls *calls, const exciton_graph *graph, const char *name, exciton_model **model);

#endif
