/* The table of a backend. Core reaches a backend through it only; a backend sees base and this header only.
 *
 * Arguments were validated by the public call: sizes are in bounds, objects are this device's, offsets are aligned.
 * Calls on one device come one at a time (core holds the device's lock), except `wait`, which comes from any thread.
 * Work takes effect in call order: read, write, map and submit see all earlier submissions of the device.
 * After a failure nothing was created, outputs are untouched, and exciton_fail() has set the line. A lost device is
 * EXCITON_ERROR_LOST; core makes it sticky. All memory comes from env; nothing prints. No atexit, no destructor.
 * Members are required unless their comment says optional. */
#ifndef EXCITON_BACKENDS_BACKEND_H
#define EXCITON_BACKENDS_BACKEND_H

#include "base/env.h"
#include "base/hash.h"
#include "base/schedule.h"

/* Each backend defines its own. */
typedef struct exciton_be_state exciton_be_state;         /* loader, instance, what was enumerated: a context's */
typedef struct exciton_be_device exciton_be_device;
typedef struct exciton_be_buffer exciton_be_buffer;
typedef struct exciton_be_kernel exciton_be_kernel;
typedef struct exciton_be_recording exciton_be_recording;

/* Where `enumerate` reports. Strings are copied. A status other than OK (memory) ends the enumeration. */
typedef struct exciton_be_found {
    const char *name, *driver, *version;
    exciton_device_type type;
    bool has_uuid;
    uint8_t uuid[16];
    bool has_pci;
    uint32_t pci[4];  /* domain, bus, device, function */
    uint32_t index;   /* for `open` */
} exciton_be_found;

typedef struct exciton_be_sink {
    void *user;
    exciton_status (*device)(void *user, const exciton_be_found *found);
    exciton_status (*absent)(void *user, const char *reason); /* one a reason: loader, loader without devices, driver */
} exciton_be_sink;

typedef struct exciton_backend {
    const char *name; /* host, opencl, vulkan: the words of selectors */
    exciton_api api;
    bool clblast; /* has kernels with spec.clblast, where that library is found; others are never asked for them */

    /* Loads the loader and lists devices. A missing loader, a loader without devices, a broken driver are reasons told to
     * the sink and no failure; only memory is. `state` may be left NULL when there is no device. May block. */
    exciton_status (*enumerate)(exciton_env *env, const exciton_be_sink *sink, exciton_be_state **state);
    void (*state_destroy)(exciton_be_state *state); /* NULL is legal; every device is closed */

    /* Opens what `enumerate` called `index`; fills `limits` (true limits, unclamped; zero means no). May block. */
    exciton_status (*open)(exciton_be_state *state, uint32_t index, exciton_be_device **device, exciton_limits *limits);
    void (*close)(exciton_be_device *device); /* nothing is in flight, everything made on it is destroyed */

    /* `bytes` > 0, a multiple of 4. `no_mappable` (tests): as if no device memory were visible to the host. */
    exciton_status (*buffer_create)(exciton_be_device *device, uint64_t bytes, exciton_domain domain, bool no_mappable, exciton_be_buffer **buffer);
    /* Optional: the caller's memory as a buffer, for a device that works on it where it lies. Steps that only read it leave it
     * alone; buffer_destroy leaves it, too. Absent: core copies. */
    exciton_status (*buffer_wrap)(exciton_be_device *device, void *data, uint64_t bytes, exciton_be_buffer **buffer);
    void (*buffer_destroy)(exciton_be_buffer *buffer); /* nothing uses it */
    /* Blocking; any offset and size in bounds, through a bounded staging buffer where needed. */
    exciton_status (*buffer_write)(exciton_be_buffer *buffer, uint64_t offset, const void *data, uint64_t bytes);
    exciton_status (*buffer_read)(exciton_be_buffer *buffer, uint64_t offset, void *data, uint64_t bytes);
    /* Optional; absent: the device has no copy of its own to be measured beside. Blocking; the ranges do not overlap. */
    exciton_status (*buffer_copy)(exciton_be_buffer *from, uint64_t from_at, exciton_be_buffer *to, uint64_t to_at, uint64_t bytes);
    /* Optional: NULL, or EXCITON_ERROR_UNSUPPORTED from a call: core maps a host copy, filled by read, stored by write.
     * Blocks until earlier work is done. */
    exciton_status (*buffer_map)(exciton_be_buffer *buffer, bool for_write, void **data);
    exciton_status (*buffer_unmap)(exciton_be_buffer *buffer);

    /* Largest group that this kernel can run with on the device: asked before kernel_create. Optional: limits.max_group_size. */
    exciton_status (*kernel_group_limit)(exciton_be_device *device, const exciton_kernel_spec *spec, uint32_t *limit);
    /* Compiles and warms: no later call compiles. May block for long. */
    exciton_status (*kernel_create)(exciton_be_device *device, const exciton_kernel_spec *spec, exciton_be_kernel **kernel);
    void (*kernel_destroy)(exciton_be_kernel *kernel);
    /* Adds to a key what the variant is made from in this build. Optional; absent: its kernels need no known-answer test. */
    void (*kernel_identify)(const exciton_kernel_spec *spec, exciton_sha256 *hash);

    /* Records `count` steps; each sees all that the earlier ones wrote. kernels[i] is step i's. buffers[slot] is NULL where
     * no step names the slot. Steps are copied as needed; kernels and buffers outlive the recording. */
    exciton_status (*recording_create)(exciton_be_device *device, const exciton_step *steps, uint32_t count, exciton_be_kernel *const *kernels,
                                       exciton_be_buffer *const buffers[EXCITON_SLOT_COUNT], exciton_be_recording **recording);
    void (*recording_destroy)(exciton_be_recording *recording); /* not in flight */

    /* Runs recordings in order, after everything earlier. `serial` is one more than the last submission's, from 1. A recording
     * may be submitted while in flight. Our code allocates, records and compiles nothing here. May block while too much
     * is in flight; must start the work (flush). On host the work may be done on return. */
    exciton_status (*submit)(exciton_be_device *device, exciton_be_recording *const *recordings, uint32_t count, uint64_t *serial);
    /* Blocks until `serial` and all before it are done or the time is over (EXCITON_ERROR_TIMEOUT). 0 ns: asks only, and
     * leaves the thread's line alone where the answer is _TIMEOUT. Any thread, several at a time, beside any other call but close. */
    exciton_status (*wait)(exciton_be_device *device, uint64_t serial, uint64_t nanoseconds);
} exciton_backend;

extern const exciton_backend exciton_backend_host;
extern const exciton_backend exciton_backend_opencl; /* where built with EXCITON_OPENCL */
extern const exciton_backend exciton_backend_vulkan; /* where built with EXCITON_VULKAN */

#endif
