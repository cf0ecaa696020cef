/* Weights with their seam; the public call is this with exciton_system_calls. */
#ifndef EXCITON_FORMATS_WEIGHTS_H
#define EXCITON_FORMATS_WEIGHTS_H

#include <exciton/io.h>

#include "formats/file.h"

exciton_status exciton_weights_open_with(const exciton_calls *calls, const char *path, const exciton_weights_params *params,
                                         exciton_weights **weights);
exciton_status exciton_weights_write_with(const exciton_calls *calls, const char *path, uint32_t count, const char *const *names,
                                          const exciton_se *const *blocks);

#endif
