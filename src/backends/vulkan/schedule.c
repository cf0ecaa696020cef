/* A recording: the steps in one command buffer that may be submitted again before it ends. */
#include "backends/vulkan/objects.h"

#include "base/checked.h"

typedef struct exciton_vk_job {
    const exciton_step *steps;
    uint32_t count;
    exciton_be_kernel *const *kernels;
    exciton_be_buffer *const *buffers;
} exciton_vk_job;

static exciton_status create_pools(exciton_be_recording *r, const exciton_vk_job *job)
{
    exciton_be_device *device = r->device;
    exciton_status status = EXCITON_OK;
    if (job->count)
        status = exciton_vk_set_pool_create(device, job->kernels, job->count, &r->descriptors);
    VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO, .queueFamilyIndex = device->traits.family};
    if (!status)
        status = EXCITON_VK_CREATE(device, &r->pool, CreateCommandPool, device->device, &pool, NULL);
    if (status)
        return status;
    VkCommandBufferAllocateInfo commands = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                            .commandPool = r->pool,
                                            .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                            .commandBufferCount = 1};
    return EXCITON_VK_CREATE(device, &r->commands, AllocateCommandBuffers, device->device, &commands);
}

/* A set of its own for each step, written once: a set that changes after recording would spoil the commands. */
static exciton_status make_set(exciton_be_recording *r, const exciton_vk_job *job, uint32_t index, VkDescriptorSet *set)
{
    exciton_be_kernel *kernel = job->kernels[index];
    VkDescriptorBufferInfo infos[EXCITON_KERNEL_SLOTS];
    for (uint32_t i = 0; i < kernel->slots; ++i) {
        const exciton_slot_range *range = &job->steps[index].slots[i];
        const exciton_be_buffer *buffer = job->buffers[range->slot];
        infos[i] = (VkDescriptorBufferInfo){
            .buffer = buffer->buffer, .offset = range->offset, .range = exciton_min(range->range, buffer->bytes - range->offset)};
    }
    return exciton_vk_set_create(kernel, r->descriptors, infos, set, &r->views[index * EXCITON_VK_VIEWS]);
}

static void barrier(exciton_be_recording *r, VkPipelineStageFlags from, VkAccessFlags wrote, VkPipelineStageFlags to, VkAccessFlags next)
{
    VkMemoryBarrier memory = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER, .srcAccessMask = wrote, .dstAccessMask = next};
    r->device->vk.CmdPipelineBarrier(r->commands, from, to, 0, 1, &memory, 0, NULL, 0, NULL);
}

static exciton_status record_step(exciton_be_recording *r, const exciton_vk_job *job, uint32_t index)
{
    const exciton_be_kernel *kernel = job->kernels[index];
    const exciton_step *step = &job->steps[index];
    exciton_vk_device_table *vk = &r->device->vk;
    VkDescriptorSet set;
    exciton_status status = make_set(r, job, index, &set);
    if (status)
        return status;
    /* The first step also waits for earlier submissions and copies; what the host wrote, a submission makes visible. */
    bool first = index == 0;
    barrier(r, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | (first ? VK_PIPELINE_STAGE_TRANSFER_BIT : 0),
            VK_ACCESS_SHADER_WRITE_BIT | (first ? VK_ACCESS_TRANSFER_WRITE_BIT : 0), VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
            VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT);
    vk->CmdBindPipeline(r->commands, VK_PIPELINE_BIND_POINT_COMPUTE, kernel->pipeline);
    vk->CmdBindDescriptorSets(r->commands, VK_PIPELINE_BIND_POINT_COMPUTE, kernel->layout, 0, 1, &set, 0, NULL);
    vk->CmdPushConstants(r->commands, kernel->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, kernel->params_bytes, step->params);
    vk->CmdDispatch(r->commands, step->groups, 1, 1);
    return EXCITON_OK;
}

static exciton_status record(exciton_be_recording *r, const exciton_vk_job *job)
{
    VkCommandBufferBeginInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO, .flags = VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT};
    exciton_status status = EXCITON_VK(r->device, BeginCommandBuffer, (r->commands, &info));
    for (uint32_t i = 0; !status && i < job->count; ++i)
        status = record_step(r, job, i);
    if (status)
        return status;
    /* A fence makes nothing visible to the host. */
    barrier(r, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_ACCESS_SHADER_WRITE_BIT, VK_PIPELINE_STAGE_HOST_BIT,
            VK_ACCESS_HOST_READ_BIT | VK_ACCESS_HOST_WRITE_BIT);
    return EXCITON_VK(r->device, EndCommandBuffer, (r->commands));
}

exciton_status exciton_vk_recording_create(exciton_be_device *device, const exciton_step *steps, uint32_t count, exciton_be_kernel *const *kernels,
                                           exciton_be_buffer *const buffers[EXCITON_SLOT_COUNT], exciton_be_recording **out)
{
    exciton_status status = exciton_vk_alive(device);
    if (status)
        return status;
    exciton_be_recording *r = exciton_allocate(device->env, sizeof *r);
    if (!r)
        return exciton_fail(EXCITON_ERROR_MEMORY, "vulkan: recording: no memory");
    r->device = device;
    exciton_vk_job job = {steps, count, kernels, buffers};
    r->view_count = count * EXCITON_VK_VIEWS;
    r->views = exciton_allocate_array(device->env, r->view_count, sizeof *r->views);
    status = r->views || !count ? create_pools(r, &job) : exciton_fail(EXCITON_ERROR_MEMORY, "vulkan: recording: no memory");
    if (!status)
        status = record(r, &job);
    if (status) {
        exciton_vk_recording_destroy(r);
        return exciton_fail_within(status, "recording of %u steps", count);
    }
    *out = r;
    return EXCITON_OK;
}

void exciton_vk_recording_destroy(exciton_be_recording *r)
{
    if (!r)
        return;
    exciton_be_device *device = r->device;
    if (exciton_vk_releasable(device)) {
        if (r->pool) /* and its buffer */
            device->vk.DestroyCommandPool(device->device, r->pool, NULL);
        if (r->descriptors) /* and its sets */
            device->vk.DestroyDescriptorPool(device->device, r->descriptors, NULL);
        if (r->views)
            exciton_vk_views_destroy(device, r->views, r->view_count);
    }
    exciton_release(device->env, r->views);
    exciton_release(device->env, r);
}
