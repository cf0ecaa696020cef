/* The floors of Vulkan 1.1: the specification's table "Required Limits", and what it does not require at all. */
#include "support/smaller.h"

#include "backends/vulkan/loader.h"

#include <string.h>

enum { PROPERTIES, PROPERTIES2, MEMORY, FAMILIES, EXTENSIONS, FEATURES };

#define REAL(index, fn) ((PFN_##fn)smaller_vulkan[index].real)

static uint32_t lower(smaller_floor floor, uint32_t value, uint32_t least) { return (uint32_t)smaller_lower(floor, value, least); }

static void lower_limits(VkPhysicalDeviceLimits *l)
{
    static const uint32_t sides[] = {128, 128, 64};
    uint32_t group = smaller_has(SMALLER_GROUP1) ? 1 : 32;
    smaller_floor groups = smaller_has(SMALLER_GROUP1) ? SMALLER_GROUP1 : SMALLER_GROUP32;
    for (int i = 0; i < 3; ++i) {
        l->maxComputeWorkGroupSize[i] = lower(groups, lower(SMALLER_INVOCATIONS, l->maxComputeWorkGroupSize[i], sides[i]), group);
        l->maxComputeWorkGroupCount[i] = lower(SMALLER_GROUPS, l->maxComputeWorkGroupCount[i], 65535);
    }
    l->maxComputeWorkGroupInvocations = lower(groups, lower(SMALLER_INVOCATIONS, l->maxComputeWorkGroupInvocations, 128), group);
    l->maxComputeSharedMemorySize = lower(SMALLER_LOCAL, l->maxComputeSharedMemorySize, 16384);
    l->maxPerStageDescriptorStorageBuffers = lower(SMALLER_BUFFERS, l->maxPerStageDescriptorStorageBuffers, 4);
    l->maxPerStageResources = lower(SMALLER_BUFFERS, l->maxPerStageResources, 128);
    l->maxPushConstantsSize = lower(SMALLER_PARAMS, l->maxPushConstantsSize, 128);
    l->maxStorageBufferRange = lower(SMALLER_RANGE, l->maxStorageBufferRange, 1u << 27);
    l->maxTexelBufferElements = lower(SMALLER_TEXELS, l->maxTexelBufferElements, 65536);
    if (smaller_has(SMALLER_OFFSETS)) { /* floors that are the largest */
        smaller_count(SMALLER_OFFSETS);
        l->minStorageBufferOffsetAlignment = 256;
        l->minTexelBufferOffsetAlignment = 256;
    }
    if (smaller_has(SMALLER_COHERENT))
        l->nonCoherentAtomSize = 256;
}

static void lower_properties(VkPhysicalDeviceProperties *p)
{
    if (smaller_has(SMALLER_VERSION)) {
        smaller_count(SMALLER_VERSION);
        p->apiVersion = VK_API_VERSION_1_1;
    }
    if (smaller_has(SMALLER_GPU)) {
        smaller_count(SMALLER_GPU);
        p->deviceType = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
    }
    lower_limits(&p->limits);
}

static VKAPI_ATTR void VKAPI_CALL properties(VkPhysicalDevice device, VkPhysicalDeviceProperties *p)
{
    REAL(PROPERTIES, vkGetPhysicalDeviceProperties)(device, p);
    lower_properties(p);
}

static void lower_link(VkBaseOutStructure *link)
{
    if (link->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES && smaller_has(SMALLER_UUID)) {
        smaller_count(SMALLER_UUID);
        memset(((VkPhysicalDeviceIDProperties *)link)->deviceUUID, 0, VK_UUID_SIZE);
    }
    if (link->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES && smaller_has(SMALLER_SUBGROUPS)) {
        VkPhysicalDeviceSubgroupProperties *s = (VkPhysicalDeviceSubgroupProperties *)link;
        smaller_count(SMALLER_SUBGROUPS);
        s->subgroupSize = 1;
        s->supportedStages = 0;
        s->supportedOperations = 0;
    }
    if (link->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FLOAT_CONTROLS_PROPERTIES && smaller_has(SMALLER_CONTROLS)) {
        VkPhysicalDeviceFloatControlsProperties *f = (VkPhysicalDeviceFloatControlsProperties *)link;
        f->shaderRoundingModeRTEFloat32 = VK_FALSE;
        f->shaderSignedZeroInfNanPreserveFloat32 = VK_FALSE;
    }
}

static VKAPI_ATTR void VKAPI_CALL properties2(VkPhysicalDevice device, VkPhysicalDeviceProperties2 *p)
{
    REAL(PROPERTIES2, vkGetPhysicalDeviceProperties2)(device, p);
    lower_properties(&p->properties);
    for (VkBaseOutStructure *link = p->pNext; link; link = link->pNext)
        lower_link(link);
}

static VKAPI_ATTR void VKAPI_CALL memory(VkPhysicalDevice device, VkPhysicalDeviceMemoryProperties *p)
{
    REAL(MEMORY, vkGetPhysicalDeviceMemoryProperties)(device, p);
    for (uint32_t i = 0; smaller_has(SMALLER_COHERENT) && i < p->memoryTypeCount; ++i) {
        smaller_count(SMALLER_COHERENT);
        p->memoryTypes[i].propertyFlags &= ~(VkMemoryPropertyFlags)VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    }
}

static VKAPI_ATTR void VKAPI_CALL families(VkPhysicalDevice device, uint32_t *count, VkQueueFamilyProperties *list)
{
    REAL(FAMILIES, vkGetPhysicalDeviceQueueFamilyProperties)(device, count, list);
    for (uint32_t i = 0; list && i < *count; ++i)
        list[i].queueCount = lower(SMALLER_QUEUE, list[i].queueCount, 1);
}

static VKAPI_ATTR VkResult VKAPI_CALL extensions(VkPhysicalDevice device, const char *layer, uint32_t *count, VkExtensionProperties *list)
{
    VkResult result = REAL(EXTENSIONS, vkEnumerateDeviceExtensionProperties)(device, layer, count, list);
    uint32_t kept = 0;
    bool none = smaller_has(SMALLER_VERSION), no_controls = smaller_has(SMALLER_CONTROLS);
    if (no_controls)
        smaller_count(SMALLER_CONTROLS);
    for (uint32_t i = 0; list && i < *count; ++i)
        if (!none && !(no_controls && !strcmp(list[i].extensionName, VK_KHR_SHADER_FLOAT_CONTROLS_EXTENSION_NAME)))
            list[kept++] = list[i];
    if (list)
        *count = kept;
    return result;
}

static VKAPI_ATTR void VKAPI_CALL features(VkPhysicalDevice device, VkPhysicalDeviceFeatures *f)
{
    REAL(FEATURES, vkGetPhysicalDeviceFeatures)(device, f);
    if (smaller_has(SMALLER_INT64)) {
        smaller_count(SMALLER_INT64);
        f->shaderInt64 = VK_FALSE;
    }
}

#define ENTRY(fn, with) {.name = #fn, .wrapper = (exciton_function)(with)}

smaller_entry smaller_vulkan[] = {
    [PROPERTIES] = ENTRY(vkGetPhysicalDeviceProperties, properties),
    [PROPERTIES2] = ENTRY(vkGetPhysicalDeviceProperties2, properties2),
    [MEMORY] = ENTRY(vkGetPhysicalDeviceMemoryProperties, memory),
    [FAMILIES] = ENTRY(vkGetPhysicalDeviceQueueFamilyProperties, families),
    [EXTENSIONS] = ENTRY(vkEnumerateDeviceExtensionProperties, extensions),
    [FEATURES] = ENTRY(vkGetPhysicalDeviceFeatures, features),
    {.name = NULL},
};
