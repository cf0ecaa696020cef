#include "core/buffer.h"

#include "base/checked.h"
#include "core/plan.h"

#include <inttypes.h>
#include <stddef.h>

static void buffer_free(exciton_deferred *deferred)
{
    exciton_buffer *b = (exciton_buffer *)((char *)deferred - offsetof(exciton_buffer, deferred));
    exciton_device *d = b->device;
    d->backend->buffer_destroy(b->be);
    d->live_bytes -= b->own;
    exciton_context_give(d->context, b->own);
    exciton_release(&d->context->env, b->copy);
    exciton_context_bury(d->context, &b->object);
}

static void fill(exciton_buffer *b, exciton_device *d, uint64_t bytes, uint64_t own)
{
    b->object.kind = EXCITON_KIND_BUFFER;
    b->deferred.free = buffer_free;
    b->device = d;
    b->bytes = bytes;
    b->own = own;
    b->holders = 1;
    d->live_bytes += own;
}

static exciton_status check_room(exciton_device *d, uint64_t bytes)
{
    const exciton_limits *l = &d->limits;
    if (bytes > l->max_allocation)
        return exciton_fail(EXCITON_ERROR_LIMIT, "buffer_create: %s: %" PRIu64 " bytes: max_allocation is %" PRIu64, d->found->info.name, bytes,
                            l->max_allocation);
    if (l->max_memory && (bytes > l->max_memory || d->live_bytes > l->max_memory - bytes))
        return exciton_fail(EXCITON_ERROR_LIMIT, "buffer_create: %s: %" PRIu64 " bytes beside %" PRIu64 " live: max_memory is %" PRIu64,
                            d->found->info.name, bytes, d->live_bytes, l->max_memory);
    return EXCITON_OK;
}

exciton_status exciton_buffer_make(exciton_device *d, uint64_t bytes, exciton_domain domain, exciton_buffer **buffer)
{
    if (bytes > UINT64_MAX / 2)
        return exciton_fail(EXCITON_ERROR_OVERFLOW, "buffer_create: bytes: %" PRIu64, bytes);
    uint64_t size = exciton_round_up(bytes, 4);
    exciton_device_collect(d);
    exciton_status status = check_room(d, size);
    if (!status)
        status = exciton_context_take(d->context, size);
    if (status)
        return status;
    exciton_buffer *b = exciton_allocate(&d->context->env, sizeof *b);
    if (!b)
        status = exciton_fail(EXCITON_ERROR_MEMORY, "buffer_create: out of memory");
    else
        status = exciton_device_note(d, d->backend->buffer_create(d->be, size, domain, d->no_mappable, &b->be));
    if (status) {
        exciton_release(&d->context->env, b);
        exciton_context_give(d->context, size);
        return status;
    }
    fill(b, d, size, size);
    *buffer = b;
    return EXCITON_OK;
}

exciton_status exciton_buffer_wrap(exciton_device *d, void *data, uint64_t bytes, exciton_buffer **buffer)
{
    exciton_device_collect(d);
    exciton_buffer *b = exciton_allocate(&d->context->env, sizeof *b);
    exciton_status status = b ? d->backend->buffer_wrap(d->be, data, bytes, &b->be) : exciton_fail(EXCITON_ERROR_MEMORY, "run_host: out of memory");
    if (status) {
        exciton_release(&d->context->env, b);
        return exciton_device_note(d, status);
    }
    fill(b, d, bytes, 0);
    *buffer = b;
    return EXCITON_OK;
}

void exciton_buffer_hold(exciton_buffer *b) { ++b->holders; }

void exciton_buffer_drop(exciton_buffer *b)
{
    if (--b->holders == 0)
        exciton_device_defer(b->device, &b->deferred, b->serial);
}

exciton_status exciton_buffer_create(exciton_device *d, uint64_t bytes, exciton_domain domain, exciton_buffer **buffer)
{
    if (buffer)
        *buffer = NULL;
    exciton_status status = exciton_device_check(d, "buffer_create");
    if (status)
        return status;
    if (!buffer)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "buffer_create: buffer: NULL");
    if (bytes == 0)
        return exciton_fail(EXCITON_ERROR_SHAPE, "buffer_create: bytes: 0");
    if ((unsigned)domain > EXCITON_DOMAIN_READBACK)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "buffer_create: domain: %d is not a domain", (int)domain);
    exciton_device_lock(d);
    status = exciton_buffer_make(d, bytes, domain, buffer);
    exciton_device_unlock(d);
    return status;
}

void exciton_buffer_destroy(exciton_buffer *b)
{
    if (!b || exciton_object_check(b, EXCITON_KIND_BUFFER, "buffer_destroy"))
        return;
    exciton_device *d = b->device;
    exciton_device_lock(d);
    exciton_plans_forget(d, b);
    if (b->mapped && !b->copy)
        d->backend->buffer_unmap(b->be);
    b->mapped = false;
    b->object.kind = EXCITON_KIND_DEAD; /* bindings may hold it on */
    exciton_buffer_drop(b);
    exciton_device_unlock(d);
}

uint64_t exciton_buffer_bytes(const exciton_buffer *b)
{
    return b && !exciton_object_check(b, EXCITON_KIND_BUFFER, "buffer_bytes") ? b->bytes : 0;
}

/* ---- access from the host ---- */

static exciton_status check_access(exciton_buffer *b, uint64_t offset, const void *data, uint64_t bytes, const char *what)
{
    exciton_status status = exciton_object_check(b, EXCITON_KIND_BUFFER, what);
    if (!status)
        status = exciton_device_check(b->device, what);
    if (status)
        return status;
    uint64_t end;
    if (!data && bytes)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "%s: data: NULL", what);
    if (!exciton_add(offset, bytes, &end) || end > b->bytes)
        return exciton_fail(EXCITON_ERROR_SHAPE, "%s: %" PRIu64 " bytes from %" PRIu64 ": the buffer has %" PRIu64, what, bytes, offset, b->bytes);
    return EXCITON_OK;
}

exciton_status exciton_buffer_write(exciton_buffer *b, uint64_t offset, const void *data, uint64_t bytes)
{
    exciton_status status = check_access(b, offset, data, bytes, "buffer_write");
    if (status || !bytes)
        return status;
    exciton_device_lock(b->device);
    status = b->mapped ? exciton_fail(EXCITON_ERROR_ARGUMENT, "buffer_write: the buffer is mapped")
                       : exciton_device_note(b->device, b->device->backend->buffer_write(b->be, offset, data, bytes));
    exciton_device_unlock(b->device);
    return status;
}

exciton_status exciton_buffer_read(exciton_buffer *b, uint64_t offset, void *data, uint64_t bytes)
{
    exciton_status status = check_access(b, offset, data, bytes, "buffer_read");
    if (status || !bytes)
        return status;
    exciton_device_lock(b->device);
    status = b->mapped ? exciton_fail(EXCITON_ERROR_ARGUMENT, "buffer_read: the buffer is mapped")
                       : exciton_device_note(b->device, b->device->backend->buffer_read(b->be, offset, data, bytes));
    exciton_device_unlock(b->device);
    return status;
}

static exciton_status map_copy(exciton_buffer *b, void **data)
{
    b->copy = exciton_allocate(&b->device->context->env, b->bytes);
    if (!b->copy)
        return exciton_fail(EXCITON_ERROR_MEMORY, "buffer_map: a copy of %" PRIu64 " bytes: out of memory", b->bytes);
    exciton_status status = b->device->backend->buffer_read(b->be, 0, b->copy, b->bytes);
    if (status) {
        exciton_release(&b->device->context->env, b->copy);
        b->copy = NULL;
    }
    *data = b->copy;
    return status;
}

static exciton_status map(exciton_buffer *b, bool for_write, void **data)
{
    if (b->mapped)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "buffer_map: the buffer is mapped");
    const exciton_backend *backend = b->device->backend;
    exciton_status status = backend->buffer_map ? backend->buffer_map(b->be, for_write, data) : EXCITON_ERROR_UNSUPPORTED;
    if (status == EXCITON_ERROR_UNSUPPORTED)
        status = map_copy(b, data);
    if (!status) {
        b->mapped = true;
        b->map_for_write = for_write;
    }
    return exciton_device_note(b->device, status);
}

exciton_status exciton_buffer_map(exciton_buffer *b, bool for_write, void **data)
{
    if (data)
        *data = NULL;
    exciton_status status = check_access(b, 0, data, 0, "buffer_map");
    if (!status && !data)
        status = exciton_fail(EXCITON_ERROR_ARGUMENT, "buffer_map: data: NULL");
    if (status)
        return status;
    exciton_device_lock(b->device);
    status = map(b, for_write, data);
    exciton_device_unlock(b->device);
    return status;
}

static exciton_status unmap(exciton_buffer *b)
{
    if (!b->mapped)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "buffer_unmap: the buffer is not mapped");
    b->mapped = false;
    if (!b->copy)
        return b->device->backend->buffer_unmap(b->be);
    exciton_status status = b->map_for_write ? b->device->backend->buffer_write(b->be, 0, b->copy, b->bytes) : EXCITON_OK;
    exciton_release(&b->device->context->env, b->copy);
    b->copy = NULL;
    return status;
}

exciton_status exciton_buffer_unmap(exciton_buffer *b)
{
    exciton_status status = check_access(b, 0, NULL, 0, "buffer_unmap");
    if (status)
        return status;
    exciton_device_lock(b->device);
    status = exciton_device_note(b->device, unmap(b));
    exciton_device_unlock(b->device);
    return status;
}
