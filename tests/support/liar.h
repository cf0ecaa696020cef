/* A driver that answers wrongly for one kernel, or says that it is another version: for exciton_context_create_seamed. Its
 * calls are counted by the seam. The table is the process's: one at a time. */
#ifndef EXCITON_TESTS_LIAR_H
#define EXCITON_TESTS_LIAR_H

#include "support/seam.h"

typedef enum liar_way {
    LIAR_HONEST,
    LIAR_NOTHING, /* the kernel finds no units: it writes nothing */
    LIAR_OFF      /* its divisor is off by the last bit, as on a device that doesn't round to nearest */
} liar_way;

typedef struct liar {
    liar_way way;
    const char *kernel; /* of the catalogue; NULL: every kernel */
    const char *form;   /* "rows", "lanes"; NULL: both. OpenCL only: Vulkan's calls don't say */
    bool other_version; /* of the driver */
} liar;

extern liar the_liar;

/* The exciton_resolve_fn. */
exciton_function liar_resolve(void *user, const char *name, exciton_function function);

/* liar.c: changes what the kernel is given. Returns whether it did. `index` is a param's; `kernel` the catalogue's name. */
bool liar_changes(const char *kernel, const char *form, uint32_t index, uint32_t *value);

/* liar_opencl.c and liar_vulkan.c: what to call for `name`, instead of `function`. */
exciton_function liar_opencl(const char *name, exciton_function function);
exciton_function liar_vulkan(const char *name, exciton_function function);

#endif
