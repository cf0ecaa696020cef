/* The device's one queue: a ring of fences for submissions, and copies that are waited for. */
#include "backends/vulkan/objects.h"

#include "base/checked.h"

#include <inttypes.h>

enum {
    BATCH = 64,       /* command buffers a vkQueueSubmit */
    POLLING = 200000  /* nanoseconds */
};

exciton_status exciton_vk_alive(const exciton_be_device *device)
{
    const char *name = device->traits.properties.deviceName;
    if (device->process != exciton_process())
        return exciton_fail(EXCITON_ERROR_LOST, "vulkan: %s: the device was opened before a fork", name);
    if (device->stuck)
        return exciton_fail(EXCITON_ERROR_LOST, "vulkan: %s: the device no longer answers", name);
    if (__atomic_load_n(&device->lost, __ATOMIC_RELAXED))
        return exciton_fail(EXCITON_ERROR_LOST, "vulkan: %s: the device is lost", name);
    return EXCITON_OK;
}

bool exciton_vk_releasable(exciton_be_device *device)
{
    if (device->process != exciton_process() || device->stuck)
        return false;
    if (__atomic_load_n(&device->lost, __ATOMIC_RELAXED) && !device->settled) {
        device->vk.QueueWaitIdle(device->queue); /* returns soon: no work of a lost device goes on */
        device->settled = true;
    }
    return true;
}

/* Remembers a loss. */
static exciton_status note(exciton_be_device *device, exciton_status status)
{
    if (status == EXCITON_ERROR_LOST)
        __atomic_store_n(&device->lost, true, __ATOMIC_RELAXED);
    return status;
}

/* ---- opening ---- */

static exciton_status create_fence(exciton_be_device *device, VkFence *fence)
{
    VkFenceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    return EXCITON_VK_CREATE(device, fence, CreateFence, device->device, &info, NULL);
}

static exciton_status create_transfer(exciton_be_device *device)
{
    VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                    .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT | VK_COMMAND_POOL_CREATE_TRANSIENT_BIT,
                                    .queueFamilyIndex = device->traits.family};
    exciton_status status = EXCITON_VK_CREATE(device, &device->transfer_pool, CreateCommandPool, device->device, &pool, NULL);
    if (status)
        return status;
    VkCommandBufferAllocateInfo buffer = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                          .commandPool = device->transfer_pool,
                                          .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                          .commandBufferCount = 1};
    return EXCITON_VK_CREATE(device, &device->transfer, AllocateCommandBuffers, device->device, &buffer);
}

exciton_status exciton_vk_queue_open(exciton_be_device *device)
{
    device->has_mutex = exciton_mutex_init(&device->mutex);
    device->has_cond = exciton_cond_init(&device->cond);
    if (!device->has_mutex || !device->has_cond)
        return exciton_fail(EXCITON_ERROR_MEMORY, "vulkan: device: no mutex");
    exciton_status status = create_transfer(device);
    if (!status)
        status = create_fence(device, &device->transfer_fence);
    for (uint32_t i = 0; !status && i < EXCITON_VK_RING; ++i)
        status = create_fence(device, &device->ring[i].fence);
    return status;
}

void exciton_vk_queue_close(exciton_be_device *device)
{
    for (uint32_t i = 0; i < EXCITON_VK_RING; ++i)
        if (device->ring[i].fence)
            device->vk.DestroyFence(device->device, device->ring[i].fence, NULL);
    if (device->transfer_fence)
        device->vk.DestroyFence(device->device, device->transfer_fence, NULL);
    if (device->transfer_pool) /* and its buffer */
        device->vk.DestroyCommandPool(device->device, device->transfer_pool, NULL);
}

/* ---- waiting ---- */

/* A driver's wait sleeps, and to be woken takes as long as a block: asking comes first, for a while, but not where the
 * device's work needs the processor. */
static exciton_status await_fence(exciton_be_device *device, VkFence fence, uint64_t nanoseconds)
{
    uint64_t begin = exciton_clock();
    bool asks = nanoseconds > 0 && exciton_vk_type(&device->traits) > EXCITON_DEVICE_SOFTWARE;
    while (asks && exciton_clock() - begin < POLLING) {
        VkResult result = device->vk.GetFenceStatus(device->device, fence);
        if (result != VK_NOT_READY)
            return exciton_vk_check(device->env, "vkGetFenceStatus", result);
    }
    return EXCITON_VK(device, WaitForFences, (device->device, 1, &fence, VK_TRUE, nanoseconds));
}

exciton_status exciton_vk_wait(exciton_be_device *device, uint64_t serial, uint64_t nanoseconds)
{
    exciton_status status = exciton_vk_alive(device);
    if (status)
        return status;
    exciton_mutex_lock(&device->mutex);
    if (serial <= device->done || serial > device->last) {
        bool known = serial <= device->done;
        exciton_mutex_unlock(&device->mutex);
        return known ? EXCITON_OK : exciton_fail(EXCITON_ERROR_ARGUMENT, "vulkan: wait: no submission has the number %" PRIu64, serial);
    }
    /* Not done, so submit has not taken its place in the ring; and won't while we are counted. */
    exciton_vk_pending *pending = &device->ring[serial % EXCITON_VK_RING];
    ++pending->waiters;
    exciton_mutex_unlock(&device->mutex);
    status = note(device, await_fence(device, pending->fence, nanoseconds));
    exciton_mutex_lock(&device->mutex);
    if (status == EXCITON_OK) /* one queue: all earlier ones are done too */
        device->done = exciton_max(device->done, serial);
    if (--pending->waiters == 0)
        exciton_cond_broadcast(&device->cond);
    exciton_mutex_unlock(&device->mutex);
    return status;
}

exciton_status exciton_vk_idle(exciton_be_device *device)
{
    exciton_mutex_lock(&device->mutex);
    uint64_t last = device->last;
    exciton_mutex_unlock(&device->mutex);
    return exciton_vk_wait(device, last, EXCITON_WAIT_DEFAULT);
}

/* ---- submitting ---- */

/* Makes a place of the ring free and its fence reset: waits for the submission that has it. */
static exciton_status clear_pending(exciton_be_device *device, exciton_vk_pending *pending)
{
    if (!pending->serial)
        return EXCITON_OK;
    exciton_status status = exciton_vk_wait(device, pending->serial, EXCITON_WAIT_DEFAULT);
    if (status)
        return exciton_fail_within(status, "submit");
    exciton_mutex_lock(&device->mutex);
    while (pending->waiters) /* their fence is signalled: they are on their way out */
        exciton_cond_wait(&device->cond, &device->mutex);
    exciton_mutex_unlock(&device->mutex);
    status = EXCITON_VK(device, ResetFences, (device->device, 1, &pending->fence));
    if (!status)
        pending->serial = 0;
    return status;
}

static exciton_status submit_batches(exciton_be_device *device, exciton_be_recording *const *recordings, uint32_t count, VkFence fence)
{
    exciton_status status = EXCITON_OK;
    uint32_t at = 0;
    do {
        VkCommandBuffer buffers[BATCH];
        uint32_t size = (uint32_t)exciton_min(count - at, BATCH);
        for (uint32_t i = 0; i < size; ++i)
            buffers[i] = recordings[at + i]->commands;
        VkSubmitInfo info = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = size, .pCommandBuffers = buffers};
        bool last = at + size == count;
        status = EXCITON_VK(device, QueueSubmit, (device->queue, 1, &info, last ? fence : VK_NULL_HANDLE));
        if (status && at > 0) /* the earlier ones run, and nothing else will tell when they end */
            device->vk.QueueWaitIdle(device->queue);
        at += size;
    } while (!status && at < count);
    return status;
}

exciton_status exciton_vk_submit(exciton_be_device *device, exciton_be_recording *const *recordings, uint32_t count, uint64_t *serial)
{
    exciton_status status = exciton_vk_alive(device);
    if (status)
        return status;
    uint64_t next = device->last + 1; /* only submit writes it, and calls of submit come one at a time */
    exciton_vk_pending *pending = &device->ring[next % EXCITON_VK_RING];
    status = clear_pending(device, pending);
    if (!status)
        status = note(device, submit_batches(device, recordings, count, pending->fence));
    if (status)
        return status;
    exciton_mutex_lock(&device->mutex);
    pending->serial = next;
    device->last = next;
    exciton_mutex_unlock(&device->mutex);
    *serial = next;
    return EXCITON_OK;
}

/* ---- copies ---- */

static void barrier(exciton_be_device *device, VkPipelineStageFlags from, VkAccessFlags wrote, VkPipelineStageFlags to, VkAccessFlags reads)
{
    VkMemoryBarrier memory = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER, .srcAccessMask = wrote, .dstAccessMask = reads};
    device->vk.CmdPipelineBarrier(device->transfer, from, to, 0, 1, &memory, 0, NULL, 0, NULL);
}

exciton_status exciton_vk_transfer_begin(exciton_be_device *device)
{
    exciton_status status = exciton_vk_alive(device);
    if (!status) /* here a wait that is too long does no harm */
        status = exciton_vk_idle(device);
    if (status)
        return status;
    VkCommandBufferBeginInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO, .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
    status = EXCITON_VK(device, BeginCommandBuffer, (device->transfer, &info));
    if (status)
        return status;
    VkPipelineStageFlags both = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
    barrier(device, both, VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT, both,
            VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT);
    return EXCITON_OK;
}

exciton_status exciton_vk_transfer_end(exciton_be_device *device)
{
    barrier(device, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
            VK_PIPELINE_STAGE_HOST_BIT, VK_ACCESS_HOST_READ_BIT | VK_ACCESS_HOST_WRITE_BIT);
    exciton_status status = EXCITON_VK(device, EndCommandBuffer, (device->transfer));
    VkSubmitInfo info = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = &device->transfer};
    if (!status)
        status = EXCITON_VK(device, ResetFences, (device->device, 1, &device->transfer_fence));
    if (!status)
        status = note(device, EXCITON_VK(device, QueueSubmit, (device->queue, 1, &info, device->transfer_fence)));
    if (status)
        return status;
    status = note(device, await_fence(device, device->transfer_fence, EXCITON_WAIT_DEFAULT));
    if (status == EXCITON_ERROR_TIMEOUT) {
        device->stuck = true;
        return exciton_fail_within(EXCITON_ERROR_LOST, "vulkan: %s: a copy did not end", device->traits.properties.deviceName);
    }
    if (status) /* it may still run, and what it uses is about to be released or used again */
        device->vk.QueueWaitIdle(device->queue);
    return status;
}
