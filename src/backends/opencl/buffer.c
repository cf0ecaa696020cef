/* Buffers. The queue is in order, so that every copy and map sees all that came before; staging is the driver's. */
#include "backends/opencl/opencl.h"

/* Memory that the host allocates maps for nothing where it is the device's too, and is what a driver can transfer
 * directly where it is not. */
static cl_mem_flags flags_for(const exciton_be_device *device, exciton_domain domain, bool no_mappable)
{
    bool host = domain == EXCITON_DOMAIN_UPLOAD || domain == EXCITON_DOMAIN_READBACK || (domain == EXCITON_DOMAIN_DEFAULT && device->unified);
    return host && !no_mappable ? CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR : CL_MEM_READ_WRITE;
}

exciton_status exciton_cl_buffer_create(exciton_be_device *device, uint64_t bytes, exciton_domain domain, bool no_mappable, exciton_be_buffer **result)
{
    *result = NULL;
    exciton_status status = exciton_cl_usable(device);
    if (status)
        return status;
    if (bytes > SIZE_MAX)
        return exciton_fail(EXCITON_ERROR_LIMIT, "opencl: %s: buffer of %llu bytes: above size_t", device->name, (unsigned long long)bytes);
    exciton_be_buffer *buffer = exciton_allocate(device->env, sizeof *buffer);
    if (!buffer)
        return exciton_fail(EXCITON_ERROR_MEMORY, "opencl: %s: buffer: out of memory", device->name);
    cl_int code = CL_SUCCESS;
    cl_mem_flags flags = flags_for(device, domain, no_mappable);
    buffer->device = device;
    buffer->bytes = bytes;
    buffer->mappable = !no_mappable && (device->unified || (flags & CL_MEM_ALLOC_HOST_PTR));
    buffer->memory = device->cl->clCreateBuffer(device->context, flags, (size_t)bytes, NULL, &code);
    status = exciton_cl_made(device, "clCreateBuffer", buffer->memory, code);
    if (status) {
        exciton_release(device->env, buffer);
        return exciton_fail_within(status, "buffer of %llu bytes", (unsigned long long)bytes);
    }
    *result = buffer;
    return EXCITON_OK;
}

void exciton_cl_buffer_destroy(exciton_be_buffer *buffer)
{
    if (!buffer)
        return;
    exciton_be_device *device = buffer->device;
    if (exciton_process() == device->process)
        (void)EXCITON_CL(device, clReleaseMemObject, buffer->memory);
    exciton_release(device->env, buffer);
}

/* The event of a blocking call is waited for all the same: rusticl of Mesa 22.3 returns at once where another thread flushed the queue
 * between the call's enqueueing and its own flush. */
static exciton_status settle(exciton_be_device *device, const char *function, exciton_status status, cl_event event)
{
    cl_int code = CL_COMPLETE;
    if (!event)
        return status;
    if (!status)
        status = exciton_cl_await(device, event, UINT64_MAX, &code);
    (void)EXCITON_CL(device, clReleaseEvent, event);
    return status ? status : exciton_cl_check(device, function, code);
}

exciton_status exciton_cl_buffer_write(exciton_be_buffer *buffer, uint64_t offset, const void *data, uint64_t bytes)
{
    exciton_be_device *device = buffer->device;
    exciton_status status = exciton_cl_usable(device);
    if (status || bytes == 0)
        return status;
    cl_event event = NULL;
    status = EXCITON_CL(device, clEnqueueWriteBuffer, device->queue, buffer->memory, CL_TRUE, (size_t)offset, (size_t)bytes, data, 0, NULL, &event);
    return settle(device, "clEnqueueWriteBuffer", status, event);
}

exciton_status exciton_cl_buffer_read(exciton_be_buffer *buffer, uint64_t offset, void *data, uint64_t bytes)
{
    exciton_be_device *device = buffer->device;
    exciton_status status = exciton_cl_usable(device);
    if (status || bytes == 0)
        return status;
    cl_event event = NULL;
    status = EXCITON_CL(device, clEnqueueReadBuffer, device->queue, buffer->memory, CL_TRUE, (size_t)offset, (size_t)bytes, data, 0, NULL, &event);
    return settle(device, "clEnqueueReadBuffer", status, event);
}

/* Waited for as a kernel is, so that the two can be timed beside each other. */
exciton_status exciton_cl_buffer_copy(exciton_be_buffer *from, uint64_t from_at, exciton_be_buffer *to, uint64_t to_at, uint64_t bytes)
{
    exciton_be_device *device = from->device;
    exciton_status status = exciton_cl_usable(device);
    if (status || bytes == 0)
        return status;
    cl_event event = NULL;
    cl_int code = CL_COMPLETE;
    status = EXCITON_CL(device, clEnqueueCopyBuffer, device->queue, from->memory, to->memory, (size_t)from_at, (size_t)to_at, (size_t)bytes, 0,
                        NULL, &event);
    if (status)
        return status;
    status = EXCITON_CL(device, clFlush, device->queue);
    if (!status)
        status = exciton_cl_await(device, event, exciton_clock() + EXCITON_WAIT_DEFAULT, &code);
    if (status)
        (void)device->cl->clFinish(device->queue); /* the caller may release the buffers */
    (void)device->cl->clReleaseEvent(event);
    return status ? status : exciton_cl_check(device, "clEnqueueCopyBuffer", code);
}

exciton_status exciton_cl_buffer_map(exciton_be_buffer *buffer, bool for_write, void **data)
{
    exciton_be_device *device = buffer->device;
    *data = NULL;
    exciton_status status = exciton_cl_usable(device);
    if (status)
        return status;
    if (!buffer->mappable)
        return exciton_fail(EXCITON_ERROR_UNSUPPORTED, "opencl: %s: buffer: the host does not see it", device->name);
    cl_int code = CL_SUCCESS;
    cl_event event = NULL;
    cl_map_flags flags = for_write ? CL_MAP_READ | CL_MAP_WRITE : CL_MAP_READ; /* what is not written stays */
    void *mapped = device->cl->clEnqueueMapBuffer(device->queue, buffer->memory, CL_TRUE, flags, 0, (size_t)buffer->bytes, 0, NULL, &event, &code);
    status = settle(device, "clEnqueueMapBuffer", exciton_cl_made(device, "clEnqueueMapBuffer", mapped, code), event);
    if (!status)
        *data = buffer->mapped = mapped;
    else if (mapped)
        (void)device->cl->clEnqueueUnmapMemObject(device->queue, buffer->memory, mapped, 0, NULL, NULL);
    return status;
}

exciton_status exciton_cl_buffer_unmap(exciton_be_buffer *buffer)
{
    exciton_be_device *device = buffer->device;
    exciton_status status = exciton_cl_usable(device);
    if (status)
        return status;
    status = EXCITON_CL(device, clEnqueueUnmapMemObject, device->queue, buffer->memory, buffer->mapped, 0, NULL, NULL);
    buffer->mapped = NULL;
    return status ? status : EXCITON_CL(device, clFlush, device->queue);
}
