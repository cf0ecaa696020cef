/* A variant of a kernel: its module with this device's float controls, specialised, compiled, and run once. */
#include "backends/vulkan/objects.h"

#include "backends/vulkan/spirv.h"
#include "base/checked.h"
#include "base/os.h"

#include <stddef.h>

/* The ids of shaders/constants.glsl. */
typedef struct exciton_vk_constants {
    uint32_t local_size, group, local_floats;
} exciton_vk_constants;

static exciton_status create_module(exciton_be_device *device, const exciton_kernel_spec *spec, VkShaderModule *module)
{
    size_t count;
    const uint32_t *words = exciton_vk_shader(spec, &count);
    if (!words)
        return exciton_fail(EXCITON_ERROR_UNSUPPORTED, "vulkan: no such variant");
    uint32_t *own = exciton_allocate_array(device->env, count + EXCITON_VK_SPIRV_EXTRA, sizeof *own);
    if (!own)
        return exciton_fail(EXCITON_ERROR_MEMORY, "vulkan: no memory for its module");
    size_t used = exciton_vk_spirv_float_controls(words, count, device->traits.rounds_to_nearest, device->traits.keeps_nan, own);
    VkShaderModuleCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = used * sizeof *own, .pCode = own};
    exciton_status status = used ? EXCITON_VK_CREATE(device, module, CreateShaderModule, device->device, &info, NULL)
                                 : exciton_fail(EXCITON_ERROR_COMPILE, "vulkan: the embedded module is damaged");
    exciton_release(device->env, own);
    return status;
}

static exciton_status create_layout(exciton_be_kernel *kernel)
{
    exciton_be_device *device = kernel->device;
    VkPushConstantRange params = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT, .size = kernel->params_bytes};
    VkPipelineLayoutCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                       .setLayoutCount = 1,
                                       .pSetLayouts = exciton_vk_set_layout(kernel),
                                       .pushConstantRangeCount = 1,
                                       .pPushConstantRanges = &params};
    return EXCITON_VK_CREATE(device, &kernel->layout, CreatePipelineLayout, device->device, &info, NULL);
}

static exciton_status create_pipeline(exciton_be_kernel *kernel, const exciton_kernel_spec *spec, VkShaderModule module, VkPipelineCache cache)
{
    exciton_be_device *device = kernel->device;
    exciton_vk_constants constants = {spec->group_size, spec->group_size, (uint32_t)exciton_max(spec->local_floats, 1)};
    static const VkSpecializationMapEntry entries[] = {
        {0, offsetof(exciton_vk_constants, local_size), sizeof(uint32_t)},
        {1, offsetof(exciton_vk_constants, group), sizeof(uint32_t)},
        {2, offsetof(exciton_vk_constants, local_floats), sizeof(uint32_t)},
    };
    VkSpecializationInfo special = {.mapEntryCount = 3, .pMapEntries = entries, .dataSize = sizeof constants, .pData = &constants};
    VkComputePipelineCreateInfo info = {.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
                                        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                                                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                                  .module = module,
                                                  .pName = "main",
                                                  .pSpecializationInfo = &special},
                                        .layout = kernel->layout};
    exciton_status status = EXCITON_VK_CREATE(device, &kernel->pipeline, CreateComputePipelines, device->device, cache, 1, &info, NULL);
    return status == EXCITON_ERROR_DRIVER ? exciton_fail_within(EXCITON_ERROR_COMPILE, "vulkan") : status;
}

/* ---- warming: drivers that compile at the first dispatch do so now ---- */

static exciton_status bind_nothing(exciton_be_kernel *kernel, VkDescriptorPool *pool, VkDescriptorSet *set, VkBufferView *views)
{
    exciton_be_device *device = kernel->device;
    exciton_be_buffer *any;
    exciton_status status = exciton_vk_staging(device, &any);
    if (!status)
        status = exciton_vk_set_pool_create(device, &kernel, 1, pool);
    if (status)
        return status;
    VkDescriptorBufferInfo buffers[EXCITON_KERNEL_SLOTS];
    uint32_t apart = (uint32_t)exciton_max(device->traits.properties.limits.minStorageBufferOffsetAlignment, 256);
    for (uint32_t i = 0; i < kernel->slots; ++i)
        buffers[i] = (VkDescriptorBufferInfo){.buffer = any->buffer, .offset = (VkDeviceSize)i * apart, .range = apart};
    return exciton_vk_set_create(kernel, *pool, buffers, set, views);
}

static exciton_status warm(exciton_be_kernel *kernel, exciton_kernel which)
{
    exciton_be_device *device = kernel->device;
    VkDescriptorPool pool = VK_NULL_HANDLE;
    VkDescriptorSet set = VK_NULL_HANDLE;
    VkBufferView views[EXCITON_VK_VIEWS] = {VK_NULL_HANDLE};
    exciton_status status = bind_nothing(kernel, &pool, &set, views);
    if (!status)
        status = exciton_vk_transfer_begin(device);
    if (!status) {
        uint32_t params[EXCITON_KERNEL_PARAMS];
        exciton_kernel_idle_params(which, params);
        VkCommandBuffer commands = device->transfer;
        device->vk.CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, kernel->pipeline);
        device->vk.CmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, kernel->layout, 0, 1, &set, 0, NULL);
        device->vk.CmdPushConstants(commands, kernel->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, kernel->params_bytes, params);
        device->vk.CmdDispatch(commands, 1, 1, 1);
        status = exciton_vk_transfer_end(device);
    }
    if (exciton_vk_releasable(device)) {
        if (pool)
            device->vk.DestroyDescriptorPool(device->device, pool, NULL);
        exciton_vk_views_destroy(device, views, EXCITON_VK_VIEWS);
    }
    return status;
}

/* ---- the table's ---- */

static void say(const exciton_be_device *device, const exciton_kernel_spec *spec, bool kept, uint64_t made, uint64_t warmed)
{
    exciton_log(device->env, EXCITON_LOG_DEBUG, "vulkan: %s: kernel %s, form %s%s%s, group %u: %s in %u us, warm in %u", device->traits.properties.deviceName,
                exciton_kernel_describe(spec->kernel)->name, exciton_form_name(spec->form), spec->texels ? ", texels" : "",
                spec->in_place ? ", in place" : "", (unsigned)spec->group_size, kept ? "made again" : "made", (unsigned)(made / 1000), (unsigned)(warmed / 1000));
}

exciton_status exciton_vk_kernel_create(exciton_be_device *device, const exciton_kernel_spec *spec, exciton_be_kernel **out)
{
    exciton_status status = exciton_vk_alive(device);
    if (status)
        return status;
    const exciton_kernel_entry *entry = exciton_kernel_describe(spec->kernel);
    exciton_be_kernel *kernel = exciton_allocate(device->env, sizeof *kernel);
    if (!kernel)
        return exciton_fail(EXCITON_ERROR_MEMORY, "vulkan: kernel %s: no memory", entry->name);
    *kernel = (exciton_be_kernel){.device = device, .slots = exciton_kernel_slot_count(spec), .params_bytes = entry->param_count * 4,
                                  .texels = spec->texels, .letters = entry->slots, .in_place = spec->in_place};
    VkShaderModule module = VK_NULL_HANDLE;
    uint64_t begin = exciton_clock(), made = begin;
    status = create_module(device, spec, &module);
    if (!status)
        status = create_layout(kernel);
    exciton_vk_kept kept = {0};
    if (!status)
        kept = exciton_vk_cache_begin(device, spec);
    if (!status)
        status = create_pipeline(kernel, spec, module, kept.cache);
    if (module)
        device->vk.DestroyShaderModule(device->device, module, NULL);
    made = exciton_clock();
    if (!status)
        status = warm(kernel, spec->kernel);
    exciton_vk_cache_end(device, &kept, !status);
    if (status) {
        exciton_vk_kernel_destroy(kernel);
        return exciton_fail_within(status, "kernel %s, form %s%s, group %u", entry->name, exciton_form_name(spec->form),
                                   spec->in_place ? ", in place" : spec->texels ? ", texels" : "", spec->group_size);
    }
    say(device, spec, kept.had, made - begin, exciton_clock() - made);
    *out = kernel;
    return EXCITON_OK;
}

void exciton_vk_kernel_destroy(exciton_be_kernel *kernel)
{
    if (!kernel)
        return;
    exciton_be_device *device = kernel->device;
    if (exciton_vk_releasable(device)) {
        if (kernel->pipeline)
            device->vk.DestroyPipeline(device->device, kernel->pipeline, NULL);
        if (kernel->layout)
            device->vk.DestroyPipelineLayout(device->device, kernel->layout, NULL);
    }
    exciton_release(device->env, kernel);
}
