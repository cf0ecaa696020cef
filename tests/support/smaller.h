/* A smaller device than there is: what the driver says about itself is lowered before the library sees it, to the floors of
 * Vulkan 1.1 and OpenCL 1.2. For exciton_context_create_seamed; the table is the process's, one such context at a time. */
#ifndef EXCITON_TESTS_SMALLER_H
#define EXCITON_TESTS_SMALLER_H

#include "base/env.h"

/* Names of floors, comma-separated; "all": every floor of the lists below. False, and the name in `unknown`, where one is
 * none. Vulkan's and OpenCL's names go together. */
bool smaller_set(const char *names, char *unknown, size_t size);

/* The exciton_resolve_fn. */
exciton_function smaller_resolve(void *user, const char *name, exciton_function function);

/* Reports that were lowered so far: a floor that nothing asks for proves nothing. Floors that were asked for and lowered
 * nothing, a word each; empty: none. */
const char *smaller_idle(char *list, size_t size);

/* The names, for a usage line. */
extern const char *const smaller_names[];

/* ---- for smaller_vulkan.c and smaller_opencl.c ---- */

typedef enum smaller_floor {
    SMALLER_INVOCATIONS, /* 128 work-items a group, (128, 128, 64) a dimension */
    SMALLER_LOCAL,       /* 16 KiB of work-group memory */
    SMALLER_GROUPS,      /* 65,535 work-groups */
    SMALLER_BUFFERS,     /* 4 storage buffers a stage */
    SMALLER_PARAMS,      /* 128 bytes of push constants, 256 bytes of kernel arguments */
    SMALLER_SUBGROUPS,   /* none: of one work-item, without operations */
    SMALLER_RANGE,       /* 128 MiB a binding, an allocation of OpenCL */
    SMALLER_QUEUE,       /* one queue */
    SMALLER_COHERENT,    /* no host-coherent memory, atoms of 256 bytes */
    SMALLER_OFFSETS,     /* offsets of bindings at multiples of 256 */
    SMALLER_CONTROLS,    /* no float controls */
    SMALLER_UUID,        /* no UUID */
    SMALLER_VERSION,     /* Vulkan 1.1 without an extension (16-bit storage, timeline semaphores, maintenance4, ...), OpenCL 1.2 */
    SMALLER_TEXELS,      /* 65,536 elements of a texel view */
    SMALLER_INT64,       /* no 64-bit integers in shaders */
    SMALLER_GROUP32,     /* work-groups of at most 32 (OpenCL: as each kernel says, too) */
    SMALLER_GROUP1,      /* of 1 */
    SMALLER_GPU,         /* no floor: work-group memory of its own, so that all is chosen as on a GPU, groups of 1,024 among it */
    SMALLER_COUNT
} smaller_floor;

bool smaller_has(smaller_floor floor);
/* value lowered to `least` where the floor is asked for; counted. */
uint64_t smaller_lower(smaller_floor floor, uint64_t value, uint64_t least);
void smaller_count(smaller_floor floor);

typedef struct smaller_entry {
    const char *name;
    exciton_function wrapper, real; /* real: set by the look-up */
} smaller_entry;

extern smaller_entry smaller_opencl[]; /* end with a NULL name */
extern smaller_entry smaller_vulkan[];

#endif
