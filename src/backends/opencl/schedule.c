/* Recordings and their way through the queue. After a recording's first submission only clEnqueueNDRangeKernel, clFlush,
 * clWaitForEvents, clGetEventInfo and clReleaseEvent reach the driver (and what CLBlast calls where it makes a product), and nothing
 * is allocated here: a submission in flight is a place in a ring. */
#include "backends/opencl/opencl.h"

#include "base/checked.h"

/* A finite wait asks again and again: without pause while that is short, for a dispatch takes microseconds; then with
 * pauses that stay a fraction of the time already spent. Where the device's work is done by this process on this processor,
 * asking takes from it what it works with, and a driver may lend it the thread that waits: there a wait of at least LONG_WAIT is
 * the driver's own. */
enum { SPIN = 1000000, LONGEST_PAUSE = 2000000, PAUSE_SHARE = 16, LONG_WAIT = 1000000000 };

typedef struct exciton_cl_step {
    exciton_cl_product product; /* before the kernel; m 0: none */
    cl_kernel kernel; /* ours alone, every argument set */
    size_t global, local;
} exciton_cl_step;

struct exciton_be_recording {
    exciton_be_device *device;
    cl_mem temporary; /* of products, one after the other; NULL: none needs it */
    uint32_t count;
    exciton_cl_step steps[];
};

/* ---- recording ---- */

static exciton_status record(exciton_be_device *device, const exciton_step *step, const exciton_be_kernel *kernel,
                             exciton_be_buffer *const buffers[EXCITON_SLOT_COUNT], exciton_cl_step *result)
{
    cl_mem slots[EXCITON_KERNEL_SLOTS] = {0};
    uint64_t offsets[EXCITON_KERNEL_SLOTS] = {0};
    uint32_t count = exciton_kernel_slot_count(&step->kernel);
    for (uint32_t i = 0; i < count; ++i) {
        slots[i] = buffers[step->slots[i].slot]->memory;
        offsets[i] = step->slots[i].offset;
    }
    exciton_status status = step->kernel.clblast ? exciton_clblast_product(step, slots, offsets, &result->product) : EXCITON_OK;
    if (status)
        return status;
    result->local = step->kernel.group_size;
    result->global = (size_t)step->groups * step->kernel.group_size;
    return exciton_cl_kernel_instance(device, kernel->built, slots, offsets, step->params, &result->kernel);
}

/* Takes the memory that products need, and runs each once, on whatever the scratch holds: what the library compiles for it, and for
 * sizes like these, is compiled now. */
static exciton_status warm_products(exciton_be_recording *recording)
{
    exciton_be_device *device = recording->device;
    exciton_status status = EXCITON_OK;
    size_t bytes, most = 0, products = 0;
    for (uint32_t i = 0; !status && i < recording->count; ++i)
        if (recording->steps[i].product.m) {
            status = exciton_clblast_temporary(device, &recording->steps[i].product, &bytes);
            most = exciton_max(most, bytes);
            ++products;
        }
    if (!status && most) {
        cl_int code = CL_SUCCESS;
        recording->temporary = device->cl->clCreateBuffer(device->context, CL_MEM_READ_WRITE, most, NULL, &code);
        status = exciton_cl_made(device, "clCreateBuffer", recording->temporary, code);
    }
    for (uint32_t i = 0; !status && i < recording->count; ++i)
        if (recording->steps[i].product.m)
            status = exciton_clblast_enqueue(device, &recording->steps[i].product, recording->temporary);
    if (products) { /* a failed one may have left some of its own kernels in the queue */
        cl_int code = device->cl->clFinish(device->queue);
        status = status ? status : exciton_cl_check(device, "clFinish", code);
    }
    return status;
}

exciton_status exciton_cl_recording_create(exciton_be_device *device, const exciton_step *steps, uint32_t count, exciton_be_kernel *const *kernels,
                                           exciton_be_buffer *const buffers[EXCITON_SLOT_COUNT], exciton_be_recording **result)
{
    *result = NULL;
    exciton_status status = exciton_cl_usable(device);
    if (status)
        return status;
    uint64_t bytes;
    if (!exciton_mul(count, sizeof(exciton_cl_step), &bytes) || !exciton_add(bytes, sizeof(exciton_be_recording), &bytes) || bytes > SIZE_MAX)
        return exciton_fail(EXCITON_ERROR_OVERFLOW, "opencl: %s: %u steps: too many", device->name, (unsigned)count);
    exciton_be_recording *recording = exciton_allocate(device->env, (size_t)bytes);
    if (!recording)
        return exciton_fail(EXCITON_ERROR_MEMORY, "opencl: %s: recording: out of memory", device->name);
    recording->device = device;
    for (; !status && recording->count < count; ++recording->count)
        status = record(device, &steps[recording->count], kernels[recording->count], buffers, &recording->steps[recording->count]);
    if (!status)
        status = warm_products(recording);
    if (status) {
        exciton_cl_recording_destroy(recording);
        return status;
    }
    *result = recording;
    return EXCITON_OK;
}

void exciton_cl_recording_destroy(exciton_be_recording *recording)
{
    if (!recording)
        return;
    exciton_be_device *device = recording->device;
    bool usable = exciton_process() == device->process;
    for (uint32_t i = 0; usable && i < recording->count; ++i)
        if (recording->steps[i].kernel)
            (void)EXCITON_CL(device, clReleaseKernel, recording->steps[i].kernel);
    if (usable && recording->temporary)
        (void)EXCITON_CL(device, clReleaseMemObject, recording->temporary);
    exciton_release(device->env, recording);
}

/* ---- in flight ---- */

static exciton_cl_flight *flight_of(exciton_be_device *device, uint64_t serial) { return &device->ring[serial % EXCITON_CL_RING]; }

/* Gives back the events of all that is done, oldest first, up to one that a thread still uses. Locked. */
static void release_done(exciton_be_device *device)
{
    uint64_t before = device->released;
    while (device->released < device->completed && flight_of(device, device->released + 1)->waiters == 0) {
        exciton_cl_flight *flight = flight_of(device, ++device->released);
        (void)EXCITON_CL(device, clReleaseEvent, flight->event);
        flight->event = NULL;
    }
    if (device->released != before)
        exciton_cond_broadcast(&device->released_more);
}

/* `serial` ended, and so did all before it: the queue is in order. Locked. */
static void note_end(exciton_be_device *device, uint64_t serial, cl_int code)
{
    if (code < 0 && (device->failed == 0 || serial < device->failed)) {
        device->failed = serial;
        device->failed_code = code;
    }
    if (serial > device->completed)
        device->completed = serial;
}

/* What a wait for an ended serial returns. Locked. */
static exciton_status outcome(exciton_be_device *device, uint64_t serial)
{
    if (device->failed == 0 || serial < device->failed)
        return EXCITON_OK;
    (void)exciton_cl_check(device, "work on the device", device->failed_code);
    return EXCITON_ERROR_LOST; /* what it wrote, and what later work made of that, is unknown */
}

static uint64_t deadline_after(uint64_t nanoseconds)
{
    uint64_t deadline;
    return exciton_add(exciton_clock(), nanoseconds, &deadline) ? deadline : UINT64_MAX;
}

exciton_status exciton_cl_await(exciton_be_device *device, cl_event event, uint64_t deadline, cl_int *code)
{
    if (deadline == UINT64_MAX || (device->on_processor && deadline >= exciton_clock() + LONG_WAIT)) {
        cl_int waited = device->cl->clWaitForEvents(1, &event);
        if (waited != CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST && waited != CL_SUCCESS)
            return exciton_cl_check(device, "clWaitForEvents", waited);
    }
    uint64_t begin = 0;
    for (;;) {
        exciton_status status = EXCITON_CL(device, clGetEventInfo, event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof *code, code, NULL);
        if (status || *code <= CL_COMPLETE)
            return status;
        uint64_t now = exciton_clock();
        if (now >= deadline)
            return exciton_fail(EXCITON_ERROR_TIMEOUT, "opencl: %s: wait: the time is over", device->name);
        if (!begin)
            begin = now;
        if (now - begin < SPIN)
            exciton_yield();
        else
            exciton_sleep(exciton_min(exciton_min((now - begin) / PAUSE_SHARE, LONGEST_PAUSE), deadline - now));
    }
}

/* Waits for a serial that was submitted. Locked before and after, not between. */
static exciton_status wait_locked(exciton_be_device *device, uint64_t serial, uint64_t deadline)
{
    if (serial <= device->completed)
        return outcome(device, serial);
    exciton_cl_flight *flight = flight_of(device, serial);
    cl_event event = flight->event;
    cl_int code = CL_COMPLETE;
    ++flight->waiters;
    exciton_mutex_unlock(&device->mutex);
    exciton_status status = exciton_cl_await(device, event, deadline, &code);
    exciton_mutex_lock(&device->mutex);
    --flight->waiters;
    if (!status)
        note_end(device, serial, code);
    release_done(device);
    return status ? status : outcome(device, serial);
}

exciton_status exciton_cl_wait(exciton_be_device *device, uint64_t serial, uint64_t nanoseconds)
{
    exciton_status status = exciton_cl_usable(device);
    if (status)
        return status;
    uint64_t deadline = deadline_after(nanoseconds);
    exciton_mutex_lock(&device->mutex);
    if (serial > device->submitted)
        status = exciton_fail(EXCITON_ERROR_ARGUMENT, "opencl: %s: wait: nothing was submitted under this number", device->name);
    else
        status = wait_locked(device, serial, deadline);
    exciton_mutex_unlock(&device->mutex);
    return status;
}

/* Room for one more in the ring. Locked. */
static exciton_status make_room(exciton_be_device *device)
{
    uint64_t deadline = deadline_after(EXCITON_WAIT_DEFAULT);
    exciton_status status = EXCITON_OK;
    while (!status && device->submitted - device->released >= EXCITON_CL_RING) {
        if (device->completed == device->released)
            status = wait_locked(device, device->completed + 1, deadline);
        else /* done, but a thread is still looking at it */
            exciton_cond_wait(&device->released_more, &device->mutex);
    }
    return status;
}

static exciton_status enqueue(exciton_be_device *device, const exciton_be_recording *recording, cl_event *event)
{
    exciton_status status = EXCITON_OK;
    for (uint32_t i = 0; !status && i < recording->count; ++i) {
        const exciton_cl_step *step = &recording->steps[i];
        if (step->product.m)
            status = exciton_clblast_enqueue(device, &step->product, recording->temporary);
        if (status)
            break;
        status = EXCITON_CL(device, clEnqueueNDRangeKernel, device->queue, step->kernel, 1, NULL, &step->global, &step->local, 0, NULL,
                            i + 1 == recording->count ? event : NULL);
    }
    return status;
}

exciton_status exciton_cl_submit(exciton_be_device *device, exciton_be_recording *const *recordings, uint32_t count, uint64_t *serial)
{
    exciton_status status = exciton_cl_usable(device);
    if (status)
        return status;
    exciton_mutex_lock(&device->mutex);
    status = make_room(device);
    exciton_mutex_unlock(&device->mutex);
    cl_event event = NULL;
    for (uint32_t i = 0; !status && i < count; ++i)
        status = enqueue(device, recordings[i], i + 1 == count ? &event : NULL);
    if (!status)
        status = EXCITON_CL(device, clFlush, device->queue);
    if (!status && !event)
        status = exciton_fail(EXCITON_ERROR_DRIVER, "opencl: %s: clEnqueueNDRangeKernel: it made no event", device->name);
    if (status) { /* what went before the failure has no number that one could wait for */
        (void)device->cl->clFinish(device->queue);
        if (event)
            (void)device->cl->clReleaseEvent(event);
        return status;
    }
    exciton_mutex_lock(&device->mutex);
    *serial = ++device->submitted;
    flight_of(device, *serial)->event = event;
    exciton_mutex_unlock(&device->mutex);
    return EXCITON_OK;
}

void exciton_cl_flights_release(exciton_be_device *device)
{
    while (device->released < device->submitted) {
        exciton_cl_flight *flight = flight_of(device, ++device->released);
        (void)EXCITON_CL(device, clReleaseEvent, flight->event);
        flight->event = NULL;
    }
}
