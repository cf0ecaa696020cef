#include "base/defects.h"

#include <string.h>

uint32_t exciton_loop_limit(const char *device_name) { return strstr(device_name, "llvmpipe") ? 65535 : 0; }
