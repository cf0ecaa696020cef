/* Defects of drivers that no query tells and no variant avoids, by what names the driver. Each entry says where it is
 * known from. */
#ifndef EXCITON_BASE_DEFECTS_H
#define EXCITON_BASE_DEFECTS_H

#include <stdint.h>

/* llvmpipe (lavapipe, and rusticl on it) counts the iterations of all loops of an invocation together and leaves every
 * loop silently after 65,535: LP_MAX_TGSI_LOOP_ITERATIONS in Mesa's src/gallium/auxiliary/gallivm/lp_bld_limits.h. Seen
 * with Mesa 22.3.6. 0: no such limit. */
uint32_t exciton_loop_limit(const char *device_name);

#endif
