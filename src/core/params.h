/* Params structs begin with their size: an older, shorter one leaves the rest zero; a longer one must be zero beyond ours. */
#ifndef EXCITON_CORE_PARAMS_H
#define EXCITON_CORE_PARAMS_H

#include "base/error.h"

/* `given` NULL: zeros. Size 0 means `size`. */
exciton_status exciton_params_copy(void *to, size_t size, const void *given, const char *what);

#endif
