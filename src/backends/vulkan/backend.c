/* Listing, opening, and the table. */
#include "backends/vulkan/objects.h"

#include "base/checked.h"
#include "base/defects.h"

#include <stdio.h>
#include <string.h>

static void state_destroy(exciton_be_state *state)
{
    if (!state)
        return;
    bool usable = state->process == exciton_process(); /* a forked child has none of the driver's threads */
    if (state->messenger && usable)
        state->vk.DestroyDebugUtilsMessengerEXT(state->instance, state->messenger, NULL);
    if (state->instance && usable)
        state->vk.DestroyInstance(state->instance, NULL);
    if (state->library && usable)
        exciton_library_close(state->library);
    exciton_release(state->env, state->devices);
    exciton_release(state->env, state);
}

/* Why this device can't be used; empty: it can. */
static void find_fault(const exciton_vk_traits *traits, char *why, size_t size)
{
    const char *name = traits->properties.deviceName;
    uint32_t version = traits->properties.apiVersion;
    why[0] = 0;
    if (traits->version < VK_API_VERSION_1_1)
        snprintf(why, size, "driver %s: %s has Vulkan %u.%u; 1.1 is needed", traits->driver, name, VK_API_VERSION_MAJOR(version),
                 VK_API_VERSION_MINOR(version));
    else if (traits->family == UINT32_MAX)
        snprintf(why, size, "driver %s: %s has no compute queue", traits->driver, name);
    else if (traits->memory.memoryTypeCount == 0 || exciton_vk_memory_size(&traits->memory) == 0)
        snprintf(why, size, "driver %s: %s has no memory type", traits->driver, name);
}

static exciton_status report(exciton_be_state *state, const exciton_be_sink *sink, VkPhysicalDevice physical)
{
    exciton_vk_traits *traits = &state->devices[state->count];
    exciton_status status = exciton_vk_traits_query(state->env, &state->vk, physical, traits);
    if (status)
        return status;
    char why[512];
    find_fault(traits, why, sizeof why);
    if (why[0])
        return sink->absent(sink->user, why);
    exciton_be_found found = {.name = traits->properties.deviceName,
                              .driver = traits->driver,
                              .version = traits->driver_version,
                              .type = exciton_vk_type(traits),
                              .has_uuid = traits->has_uuid,
                              .has_pci = traits->has_pci,
                              .index = state->count};
    memcpy(found.uuid, traits->uuid, sizeof found.uuid);
    memcpy(found.pci, traits->pci, sizeof found.pci);
    ++state->count;
    return sink->device(sink->user, &found);
}

static exciton_status list(exciton_be_state *state, const exciton_be_sink *sink)
{
    uint32_t count = 0;
    VkResult result = state->vk.EnumeratePhysicalDevices(state->instance, &count, NULL);
    if (result != VK_SUCCESS || count == 0) {
        char why[256];
        if (result == VK_SUCCESS)
            snprintf(why, sizeof why, "the loader has no device");
        else
            snprintf(why, sizeof why, "vkEnumeratePhysicalDevices: %s (%d)", exciton_vk_result_text(result), (int)result);
        return sink->absent(sink->user, why);
    }
    VkPhysicalDevice *physical = exciton_allocate_array(state->env, count, sizeof *physical);
    state->devices = exciton_allocate_array(state->env, count, sizeof *state->devices);
    exciton_status status = EXCITON_OK;
    if (!physical || !state->devices)
        status = exciton_fail(EXCITON_ERROR_MEMORY, "vulkan: devices: no memory for %u", count);
    uint32_t room = count;
    if (!status && (result = state->vk.EnumeratePhysicalDevices(state->instance, &count, physical)) < 0)
        status = sink->absent(sink->user, exciton_vk_result_text(result));
    else
        for (uint32_t i = 0; !status && i < exciton_min(count, room); ++i)
            status = report(state, sink, physical[i]);
    exciton_release(state->env, physical);
    return status;
}

static exciton_status enumerate(exciton_env *env, const exciton_be_sink *sink, exciton_be_state **out)
{
    *out = NULL;
    if (env->privileged)
        return sink->absent(sink->user, "the process runs with privileges (AT_SECURE): no driver is loaded");
    exciton_be_state *state = exciton_allocate(env, sizeof *state);
    if (!state)
        return exciton_fail(EXCITON_ERROR_MEMORY, "vulkan: state: no memory");
    state->env = env;
    state->process = exciton_process();
    char why[1024], reason[1100];
    state->library = exciton_vk_loader_open(env, &state->vk, why, sizeof why);
    exciton_status status = EXCITON_OK;
    if (!state->library) {
        snprintf(reason, sizeof reason, "no loader (%s)", why);
        status = sink->absent(sink->user, reason);
    } else {
        status = exciton_vk_instance_create(state, why, sizeof why);
        if (!status)
            status = state->instance ? list(state, sink) : sink->absent(sink->user, why);
    }
    if (status || state->count == 0) {
        state_destroy(state);
        return status;
    }
    *out = state;
    return EXCITON_OK;
}

/* Of a view that begins wherever a binding may; 0 where the kernels with views can't run. They write eight floats as four
 * 64-bit integers: a storage buffer takes no wider vector. */
static uint32_t texel_elements(const exciton_vk_traits *traits)
{
    const VkPhysicalDeviceLimits *l = &traits->properties.limits;
    return traits->int64 && l->minTexelBufferOffsetAlignment <= l->minStorageBufferOffsetAlignment ? l->maxTexelBufferElements : 0;
}

static exciton_limits limits_of(const exciton_vk_traits *traits)
{
    const VkPhysicalDeviceLimits *l = &traits->properties.limits;
    bool software = exciton_vk_type(traits) == EXCITON_DEVICE_SOFTWARE;
    exciton_limits limits = {
        .max_binding_range = exciton_min(l->maxStorageBufferRange, UINT32_MAX - 3) / 4 * 4,
        .max_allocation = traits->max_allocation / 4 * 4,
        .max_memory = exciton_vk_memory_size(&traits->memory),
        .binding_alignment = (uint32_t)exciton_max(l->minStorageBufferOffsetAlignment, 4),
        .max_group_size = (uint32_t)exciton_min(l->maxComputeWorkGroupInvocations, l->maxComputeWorkGroupSize[0]),
        .max_group_count = l->maxComputeWorkGroupCount[0],
        .local_memory = l->maxComputeSharedMemorySize,
        .max_storage_buffers = (uint32_t)exciton_min(l->maxPerStageDescriptorStorageBuffers, l->maxDescriptorSetStorageBuffers),
        .max_params = l->maxPushConstantsSize,
        .cache_bytes = software ? exciton_processor_cache() : 0,
        .compute_units = traits->compute_units ? traits->compute_units : software ? exciton_processors() : 0,
        .subgroup_size = traits->subgroup_size,
        .local_memory_is_global = software,
        .max_iterations = exciton_loop_limit(traits->properties.deviceName),
        .max_texel_elements = texel_elements(traits),
        .mappable_device_memory = exciton_vk_memory_mappable(&traits->memory),
        .forms = {[EXCITON_FORM_ROWS] = true, [EXCITON_FORM_LANES] = true},
    };
    return limits;
}

static exciton_status create_device(exciton_be_state *state, exciton_be_device *device)
{
    const char *extensions[2];
    uint32_t count = 0;
    if (device->traits.float_controls_extension)
        extensions[count++] = VK_KHR_SHADER_FLOAT_CONTROLS_EXTENSION_NAME;
    if (device->traits.portability_subset)
        extensions[count++] = "VK_KHR_portability_subset";
    float priority = 1.0f;
    VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                     .queueFamilyIndex = device->traits.family,
                                     .queueCount = 1,
                                     .pQueuePriorities = &priority};
    VkPhysicalDeviceFeatures features = {.shaderInt64 = device->traits.int64};
    VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                               .queueCreateInfoCount = 1,
                               .pQueueCreateInfos = &queue,
                               .enabledExtensionCount = count,
                               .ppEnabledExtensionNames = extensions,
                               .pEnabledFeatures = &features};
    exciton_status status = EXCITON_VK_CREATE(state, &device->device, CreateDevice, device->traits.physical, &info, NULL);
    if (status)
        return status;
    status = exciton_vk_load_device(state->env, &state->vk, device->device, &device->vk);
    if (status)
        return status;
    device->vk.GetDeviceQueue(device->device, device->traits.family, 0, &device->queue);
    return device->queue ? EXCITON_OK : exciton_fail(EXCITON_ERROR_DRIVER, "vulkan: vkGetDeviceQueue: no queue");
}

/* Releases whatever was made so far. After a fork, or with work that never ended, the driver is left alone. */
static void close_device(exciton_be_device *device)
{
    if (!device)
        return;
    if (device->device && device->vk.DestroyDevice && exciton_vk_releasable(device)) {
        exciton_vk_buffer_destroy(device->staging);
        exciton_vk_queue_close(device);
        exciton_vk_set_layouts_destroy(device);
        device->vk.DestroyDevice(device->device, NULL);
    } else if (device->staging) {
        exciton_release(device->env, device->staging);
    }
    if (device->has_cond)
        exciton_cond_destroy(&device->cond);
    if (device->has_mutex)
        exciton_mutex_destroy(&device->mutex);
    exciton_release(device->env, device);
}

static exciton_status open_device(exciton_be_state *state, uint32_t index, exciton_be_device **out, exciton_limits *limits)
{
    *out = NULL;
    exciton_be_device *device = exciton_allocate(state->env, sizeof *device);
    if (!device)
        return exciton_fail(EXCITON_ERROR_MEMORY, "vulkan: device: no memory");
    device->env = state->env;
    device->traits = state->devices[index];
    device->process = exciton_process();
    exciton_status status = create_device(state, device);
    if (!status)
        status = exciton_vk_set_layouts_create(device);
    if (!status)
        status = exciton_vk_queue_open(device);
    if (status) {
        close_device(device);
        return exciton_fail_within(status, "%s", state->devices[index].properties.deviceName);
    }
    *limits = limits_of(&device->traits);
    *out = device;
    return EXCITON_OK;
}

const exciton_backend exciton_backend_vulkan = {
    .name = "vulkan",
    .api = EXCITON_API_VULKAN,
    .enumerate = enumerate,
    .state_destroy = state_destroy,
    .open = open_device,
    .close = close_device,
    .buffer_create = exciton_vk_buffer_create,
    .buffer_destroy = exciton_vk_buffer_destroy,
    .buffer_write = exciton_vk_buffer_write,
    .buffer_read = exciton_vk_buffer_read,
    .buffer_copy = exciton_vk_buffer_copy,
    .buffer_map = exciton_vk_buffer_map,
    .buffer_unmap = exciton_vk_buffer_unmap,
    .kernel_create = exciton_vk_kernel_create,
    .kernel_destroy = exciton_vk_kernel_destroy,
    .kernel_identify = exciton_vk_kernel_identify,
    .recording_create = exciton_vk_recording_create,
    .recording_destroy = exciton_vk_recording_destroy,
    .submit = exciton_vk_submit,
    .wait = exciton_vk_wait,
};
