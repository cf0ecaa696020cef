/* An open device: its lock, its kernels, its live objects, and what waits to be freed. */
#ifndef EXCITON_CORE_DEVICE_H
#define EXCITON_CORE_DEVICE_H

#include "base/hash.h"
#include "core/context.h"
#include "ops/se.h"

typedef struct exciton_kernel_node {
    struct exciton_kernel_node *next;
    exciton_kernel_spec spec;
    exciton_be_kernel *kernel; /* NULL: left out */
    exciton_status status;     /* and then what asking for it gives */
    char *why;
} exciton_kernel_node;

/* An object destroyed while in flight, freed when `serial` is done. */
typedef struct exciton_deferred {
    struct exciton_deferred *next;
    uint64_t serial;
    void (*free)(struct exciton_deferred *);
} exciton_deferred;

struct exciton_device {
    exciton_object object;
    exciton_context *context;
    const exciton_found *found;
    const exciton_backend *backend;
    exciton_be_device *be;
    exciton_limits limits; /* clamped */
    bool no_mappable;

    exciton_mutex mutex; /* of all below, and of every backend call but wait */
    bool lost;
    uint64_t serial;     /* of the last submission */
    uint64_t live_bytes;
    exciton_costs costs; /* points 0: not measured; core/costs.c */
    exciton_kernel_node *kernels;
    exciton_deferred *deferred;
    struct exciton_plan *plans;
    struct exciton_selftest *selftest; /* NULL: none under way; core/selftest.c */
    struct exciton_memos *memos;       /* NULL: not read yet; core/selftest_memory.c */
};

void exciton_device_lock(exciton_device *device);
void exciton_device_unlock(exciton_device *device);

/* Adds to a cache's key what tells this device, driver and library from others, and limits that were clamped. */
void exciton_device_identify(const exciton_device *device, exciton_sha256 *hash);
/* The same without limits: of a device that isn't open. */
void exciton_device_identify_info(const exciton_device_info *info, exciton_sha256 *hash);

/* Handle, and not lost. */
exciton_status exciton_device_check(exciton_device *device, const char *what);
/* Passes `status` on; a lost device is remembered. Under the lock. */
exciton_status exciton_device_note(exciton_device *device, exciton_status status);

/* The kernel, compiled and tested at its first use on the device. EXCITON_ERROR_UNSUPPORTED for one that gave wrong answers,
 * _COMPILE for one that the driver refused: it is left out from then on. Under the lock. */
exciton_status exciton_device_kernel(exciton_device *device, const exciton_kernel_spec *spec, exciton_be_kernel **kernel);
/* Whether it is left out, as far as is known. Under the lock. */
bool exciton_device_leaves_out(exciton_device *device, const exciton_kernel_spec *spec);

/* Frees now or when `serial` is done. Under the lock. */
void exciton_device_defer(exciton_device *device, exciton_deferred *deferred, uint64_t serial);
/* Frees what is done. Under the lock. */
void exciton_device_collect(exciton_device *device);

#endif
