/* The floor: copies to hold a call's time against. */
#ifndef EXCITON_CORE_FLOOR_H
#define EXCITON_CORE_FLOOR_H

#include "core/buffer.h"

enum { EXCITON_FLOOR_COPIES = 32 };

typedef struct exciton_floor_copy {
    char name[48];
    exciton_be_recording *recording; /* NULL: the driver's own copy */
} exciton_floor_copy;

struct exciton_floor {
    exciton_object object;
    exciton_deferred deferred;
    exciton_device *device;
    exciton_buffer *from, *to;
    uint64_t elements; /* that a copy copies, 4 bytes each; more than a buffer has: several times over */
    uint64_t resident; /* that a buffer has; what follows, up to a whole unit, no copy touches */
    bool one;          /* only one copy was asked for */
    uint32_t count;
    exciton_floor_copy copies[EXCITON_FLOOR_COPIES];
};

/* A floor of one copy, the kind that the device is likely to do best: to learn what it costs, not how fast it can be. */
exciton_status exciton_floor_create_one(exciton_device *device, uint64_t bytes, exciton_floor **floor);
enum { EXCITON_FLOOR_TIMES = 16 };
/* As exciton_floor_run of its first copy, `times` (1 to EXCITON_FLOOR_TIMES) of it in one submission. */
exciton_status exciton_floor_run_times(exciton_floor *floor, uint32_t times, uint64_t *nanoseconds);

#endif
