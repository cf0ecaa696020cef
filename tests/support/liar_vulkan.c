/* Params are changed as they are recorded. Which kernel they are for is known by their number alone: sample and pipeline have
 * the same. */
#include "support/liar.h"

#include "backends/vulkan/loader.h"
#include "base/catalogue.h"

#include <string.h>

static PFN_vkCmdPushConstants real_push;
static PFN_vkGetPhysicalDeviceProperties2 real_properties;

static void VKAPI_CALL push(VkCommandBuffer commands, VkPipelineLayout layout, VkShaderStageFlags stages, uint32_t offset, uint32_t size,
                            const void *values)
{
    uint32_t params[EXCITON_KERNEL_PARAMS];
    for (int kernel = 0; size <= sizeof params && kernel < EXCITON_KERNEL_COUNT; ++kernel) {
        const exciton_kernel_entry *entry = exciton_kernel_describe((exciton_kernel)kernel);
        if (size != entry->param_count * sizeof *params)
            continue;
        memcpy(params, values, size);
        bool changed = false;
        for (uint32_t i = 0; i < entry->param_count; ++i)
            changed = liar_changes(entry->name, NULL, i, &params[i]) || changed;
        if (changed) {
            real_push(commands, layout, stages, offset, size, params);
            return;
        }
    }
    real_push(commands, layout, stages, offset, size, values);
}

static void VKAPI_CALL properties(VkPhysicalDevice device, VkPhysicalDeviceProperties2 *result)
{
    real_properties(device, result);
    for (VkBaseOutStructure *at = result->pNext; at && the_liar.other_version; at = at->pNext)
        if (at->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES)
            ((VkPhysicalDeviceDriverProperties *)(void *)at)->driverInfo[0] = '~';
}

exciton_function liar_vulkan(const char *name, exciton_function function)
{
    if (!strcmp(name, "vkCmdPushConstants")) {
        real_push = (PFN_vkCmdPushConstants)function;
        return (exciton_function)push;
    }
    if (!strcmp(name, "vkGetPhysicalDeviceProperties2")) {
        real_properties = (PFN_vkGetPhysicalDeviceProperties2)function;
        return (exciton_function)properties;
    }
    return function;
}
