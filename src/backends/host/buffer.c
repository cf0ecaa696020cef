/* Buffers of the host: plain memory, ours or the caller's. */
#include "backends/host/host.h"

#include <string.h>

#define ALIGNMENT 64 /* a cache line, and the widest vector */

exciton_status exciton_host_buffer_create(exciton_be_device *device, uint64_t bytes, exciton_domain domain, bool no_mappable,
                                          exciton_be_buffer **buffer)
{
    (void)domain, (void)no_mappable;
    const exciton_env *env = device->env;
    *buffer = NULL;
    exciton_be_buffer *made = exciton_allocate(env, sizeof *made);
    if (made == NULL)
        return exciton_fail(EXCITON_ERROR_MEMORY, "buffer: host: out of memory");
    made->device = device;
    /* Not exciton_allocate: zeroing would touch every page of what may be many GiB. */
    if (bytes <= SIZE_MAX)
        made->data = env->allocator.allocate(env->allocator.user, (size_t)bytes, ALIGNMENT);
    if (made->data == NULL) {
        exciton_release(env, made);
        return exciton_fail(EXCITON_ERROR_MEMORY, "buffer: host: no %llu bytes", (unsigned long long)bytes);
    }
    *buffer = made;
    return EXCITON_OK;
}

exciton_status exciton_host_buffer_wrap(exciton_be_device *device, void *data, uint64_t bytes, exciton_be_buffer **buffer)
{
    (void)bytes;
    *buffer = exciton_allocate(device->env, sizeof **buffer);
    if (*buffer == NULL)
        return exciton_fail(EXCITON_ERROR_MEMORY, "buffer: host: out of memory");
    **buffer = (exciton_be_buffer){.device = device, .data = data, .wrapped = true};
    return EXCITON_OK;
}

void exciton_host_buffer_destroy(exciton_be_buffer *buffer)
{
    if (buffer == NULL)
        return;
    const exciton_env *env = buffer->device->env;
    if (!buffer->wrapped)
        env->allocator.release(env->allocator.user, buffer->data);
    exciton_release(env, buffer);
}

exciton_status exciton_host_buffer_write(exciton_be_buffer *buffer, uint64_t offset, const void *data, uint64_t bytes)
{
    if (bytes > 0)
        memcpy(buffer->data + offset, data, (size_t)bytes);
    return EXCITON_OK;
}

exciton_status exciton_host_buffer_read(exciton_be_buffer *buffer, uint64_t offset, void *data, uint64_t bytes)
{
    if (bytes > 0)
        memcpy(data, buffer->data + offset, (size_t)bytes);
    return EXCITON_OK;
}

exciton_status exciton_host_buffer_copy(exciton_be_buffer *from, uint64_t from_at, exciton_be_buffer *to, uint64_t to_at, uint64_t bytes)
{
    memcpy(to->data + to_at, from->data + from_at, (size_t)bytes);
    return EXCITON_OK;
}

exciton_status exciton_host_buffer_map(exciton_be_buffer *buffer, bool for_write, void **data)
{
    (void)for_write;
    *data = buffer->data;
    return EXCITON_OK;
}

exciton_status exciton_host_buffer_unmap(exciton_be_buffer *buffer)
{
    (void)buffer;
    return EXCITON_OK;
}
