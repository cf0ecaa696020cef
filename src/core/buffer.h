/* Buffers: counted, since bindings hold them beyond the caller's destroy. */
#ifndef EXCITON_CORE_BUFFER_H
#define EXCITON_CORE_BUFFER_H

#include "core/device.h"

struct exciton_buffer {
    exciton_object object;
    exciton_deferred deferred;
    exciton_device *device;
    exciton_be_buffer *be;
    uint64_t bytes;
    uint64_t own;     /* of these, what is our memory: none of a wrapped one's */
    uint32_t holders; /* the caller's handle, and each binding */
    uint64_t serial;  /* of the last submission that uses it */
    bool mapped, map_for_write;
    void *copy; /* where the backend can't map */
};

/* Under the device's lock. */
exciton_status exciton_buffer_make(exciton_device *device, uint64_t bytes, exciton_domain domain, exciton_buffer **buffer);
/* The caller's memory as a buffer, where the backend has buffer_wrap. */
exciton_status exciton_buffer_wrap(exciton_device *device, void *data, uint64_t bytes, exciton_buffer **buffer);
void exciton_buffer_hold(exciton_buffer *buffer);
void exciton_buffer_drop(exciton_buffer *buffer);

#endif
