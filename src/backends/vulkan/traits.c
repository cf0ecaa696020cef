#include "backends/vulkan/traits.h"

#include "base/checked.h"

#include <stdio.h>
#include <string.h>

enum { WORD = 64 };

/* By VkDriverId: the registry's numbers, so that headers older than a driver will do. */
static const char *const words[] = {
    [1] = "amd-proprietary", [2] = "amdvlk", [3] = "radv", [4] = "nvidia", [5] = "intel-windows", [6] = "anv", [7] = "imagination",
    [8] = "adreno", [9] = "mali", [10] = "swiftshader", [11] = "ggp", [12] = "broadcom", [13] = "lavapipe", [14] = "moltenvk",
    [15] = "coreavi", [16] = "juice", [17] = "verisilicon", [18] = "turnip", [19] = "v3dv", [20] = "panvk", [21] = "samsung",
    [22] = "venus", [23] = "dozen", [24] = "nvk", [25] = "powervr", [26] = "honeykrisp", [28] = "kosmickrisp",
};

static char small(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

static bool mentions(const char *text, const char *part)
{
    for (; *text; ++text) {
        size_t i = 0;
        while (part[i] && small(text[i]) == part[i])
            ++i;
        if (!part[i])
            return true;
    }
    return false;
}

static void clean(const char *name, char *word)
{
    size_t used = 0;
    for (; *name && used < WORD - 1; ++name) {
        char c = small(*name);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            word[used++] = c;
        else if (used && word[used - 1] != '-')
            word[used++] = '-';
    }
    while (used && word[used - 1] == '-')
        --used;
    word[used] = 0;
}

void exciton_vk_driver_word(uint32_t id, const char *name, const char *device, char *word)
{
    if (mentions(device, "llvmpipe"))
        snprintf(word, WORD, "lavapipe");
    else if (mentions(device, "swiftshader"))
        snprintf(word, WORD, "swiftshader");
    else if (id < sizeof words / sizeof words[0] && words[id])
        snprintf(word, WORD, "%s", words[id]);
    else
        clean(name[0] ? name : device, word);
    if (!word[0])
        snprintf(word, WORD, "unknown");
}

bool exciton_vk_has_extension(const VkExtensionProperties *list, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; ++i)
        if (!strcmp(list[i].extensionName, name))
            return true;
    return false;
}

exciton_device_type exciton_vk_type(const exciton_vk_traits *traits)
{
    switch (traits->properties.deviceType) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
        return EXCITON_DEVICE_DISCRETE;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
        return EXCITON_DEVICE_INTEGRATED;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
        return EXCITON_DEVICE_SOFTWARE;
    default:
        return !strcmp(traits->driver, "lavapipe") || !strcmp(traits->driver, "swiftshader") ? EXCITON_DEVICE_SOFTWARE : EXCITON_DEVICE_VIRTUAL;
    }
}

static exciton_status list_extensions(const exciton_env *env, const exciton_vk_instance_table *vk, VkPhysicalDevice physical,
                                      VkExtensionProperties **list, uint32_t *count)
{
    *list = NULL;
    *count = 0;
    uint32_t there = 0;
    if (vk->EnumerateDeviceExtensionProperties(physical, NULL, &there, NULL) != VK_SUCCESS || there == 0)
        return EXCITON_OK;
    *list = exciton_allocate_array(env, there, sizeof **list);
    if (!*list)
        return exciton_fail(EXCITON_ERROR_MEMORY, "vulkan: extensions: no memory for %u", there);
    VkResult result = vk->EnumerateDeviceExtensionProperties(physical, NULL, &there, *list);
    *count = result == VK_SUCCESS || result == VK_INCOMPLETE ? there : 0;
    return EXCITON_OK;
}

/* The first family with compute: on all known devices the one with graphics too, where there is one. */
static exciton_status find_family(const exciton_env *env, const exciton_vk_instance_table *vk, exciton_vk_traits *traits)
{
    uint32_t count = 0;
    traits->family = UINT32_MAX;
    vk->GetPhysicalDeviceQueueFamilyProperties(traits->physical, &count, NULL);
    if (count == 0)
        return EXCITON_OK;
    VkQueueFamilyProperties *families = exciton_allocate_array(env, count, sizeof *families);
    if (!families)
        return exciton_fail(EXCITON_ERROR_MEMORY, "vulkan: queue families: no memory for %u", count);
    vk->GetPhysicalDeviceQueueFamilyProperties(traits->physical, &count, families);
    for (uint32_t i = 0; i < count && traits->family == UINT32_MAX; ++i)
        if ((families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) && families[i].queueCount > 0)
            traits->family = i;
    exciton_release(env, families);
    return EXCITON_OK;
}

/* The structs asked for in one call; a driver sees only those that it has. */
typedef struct exciton_vk_answers {
    VkPhysicalDeviceProperties2 head;
    VkPhysicalDeviceIDProperties id;
    VkPhysicalDeviceSubgroupProperties subgroup;
    VkPhysicalDeviceMaintenance3Properties maintenance3;
    VkPhysicalDeviceDriverProperties driver;
    VkPhysicalDeviceFloatControlsProperties floats;
    VkPhysicalDeviceMaintenance4Properties maintenance4;
    VkPhysicalDevicePCIBusInfoPropertiesEXT pci;
    VkPhysicalDeviceShaderCorePropertiesAMD amd;
    VkPhysicalDeviceShaderSMBuiltinsPropertiesNV nvidia;
    VkPhysicalDeviceShaderCoreBuiltinsPropertiesARM arm;
} exciton_vk_answers;

static void ask(exciton_vk_answers *answers, bool when, void *answer, VkStructureType type)
{
    VkBaseOutStructure *link = answer;
    if (!when)
        return;
    link->sType = type;
    link->pNext = answers->head.pNext;
    answers->head.pNext = link;
}

static void take_identity(const exciton_vk_answers *a, exciton_vk_traits *traits)
{
    static const uint8_t none[16];
    memcpy(traits->uuid, a->id.deviceUUID, 16);
    traits->has_uuid = memcmp(traits->uuid, none, 16) != 0;
    memcpy(traits->pci, (uint32_t[]){a->pci.pciDomain, a->pci.pciBus, a->pci.pciDevice, a->pci.pciFunction}, sizeof traits->pci);
    exciton_vk_driver_word((uint32_t)a->driver.driverID, a->driver.driverName, traits->properties.deviceName, traits->driver);
    uint32_t v = traits->properties.driverVersion;
    if (a->driver.driverInfo[0])
        snprintf(traits->driver_version, sizeof traits->driver_version, "%.255s", a->driver.driverInfo);
    else
        snprintf(traits->driver_version, sizeof traits->driver_version, "%u.%u.%u", VK_API_VERSION_MAJOR(v), VK_API_VERSION_MINOR(v),
                 VK_API_VERSION_PATCH(v));
}

static void take_numbers(const exciton_vk_answers *a, exciton_vk_traits *traits)
{
    traits->max_allocation = a->maintenance3.maxMemoryAllocationSize;
    traits->subgroup_size = a->subgroup.subgroupSize;
    if (a->maintenance4.maxBufferSize)
        traits->max_allocation = exciton_min(traits->max_allocation, a->maintenance4.maxBufferSize);
    traits->rounds_to_nearest = a->floats.shaderRoundingModeRTEFloat32;
    traits->keeps_nan = a->floats.shaderSignedZeroInfNanPreserveFloat32;
    traits->compute_units = a->nvidia.shaderSMCount + a->arm.shaderCoreCount;
    if (a->amd.shaderEngineCount)
        traits->compute_units = a->amd.shaderEngineCount * a->amd.shaderArraysPerEngineCount * a->amd.computeUnitsPerShaderArray;
}

/* Needs Vulkan 1.1: GetPhysicalDeviceProperties2 is core there. */
static void query_chain(const exciton_vk_instance_table *vk, const VkExtensionProperties *list, uint32_t count, exciton_vk_traits *traits)
{
    bool v12 = traits->version >= VK_API_VERSION_1_2, v13 = traits->version >= VK_API_VERSION_1_3;
    exciton_vk_answers a = {.head = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2}};
    bool float_controls = exciton_vk_has_extension(list, count, VK_KHR_SHADER_FLOAT_CONTROLS_EXTENSION_NAME);
    traits->has_pci = exciton_vk_has_extension(list, count, VK_EXT_PCI_BUS_INFO_EXTENSION_NAME);
    traits->portability_subset = exciton_vk_has_extension(list, count, "VK_KHR_portability_subset");
    traits->float_controls_extension = float_controls && !v12;
    ask(&a, true, &a.id, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES);
    ask(&a, true, &a.subgroup, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES);
    ask(&a, true, &a.maintenance3, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES);
    ask(&a, v12 || exciton_vk_has_extension(list, count, VK_KHR_DRIVER_PROPERTIES_EXTENSION_NAME), &a.driver,
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES);
    ask(&a, v12 || float_controls, &a.floats, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FLOAT_CONTROLS_PROPERTIES);
    ask(&a, v13 || exciton_vk_has_extension(list, count, VK_KHR_MAINTENANCE_4_EXTENSION_NAME), &a.maintenance4,
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES);
    ask(&a, traits->has_pci, &a.pci, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PCI_BUS_INFO_PROPERTIES_EXT);
    ask(&a, exciton_vk_has_extension(list, count, VK_AMD_SHADER_CORE_PROPERTIES_EXTENSION_NAME), &a.amd,
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_CORE_PROPERTIES_AMD);
    ask(&a, exciton_vk_has_extension(list, count, VK_NV_SHADER_SM_BUILTINS_EXTENSION_NAME), &a.nvidia,
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SM_BUILTINS_PROPERTIES_NV);
    ask(&a, exciton_vk_has_extension(list, count, VK_ARM_SHADER_CORE_BUILTINS_EXTENSION_NAME), &a.arm,
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_CORE_BUILTINS_PROPERTIES_ARM);
    vk->GetPhysicalDeviceProperties2(traits->physical, &a.head);
    take_identity(&a, traits);
    take_numbers(&a, traits);
}

exciton_status exciton_vk_traits_query(const exciton_env *env, const exciton_vk_instance_table *vk, VkPhysicalDevice physical,
                                       exciton_vk_traits *traits)
{
    *traits = (exciton_vk_traits){.physical = physical};
    vk->GetPhysicalDeviceProperties(physical, &traits->properties);
    vk->GetPhysicalDeviceMemoryProperties(physical, &traits->memory);
    VkPhysicalDeviceFeatures features;
    vk->GetPhysicalDeviceFeatures(physical, &features);
    traits->int64 = features.shaderInt64;
    traits->version = (uint32_t)exciton_min(traits->properties.apiVersion, EXCITON_VK_VERSION);
    exciton_status status = find_family(env, vk, traits);
    if (status)
        return status;
    if (traits->version < VK_API_VERSION_1_1) {
        exciton_vk_driver_word(0, "", traits->properties.deviceName, traits->driver);
        return EXCITON_OK;
    }
    VkExtensionProperties *list;
    uint32_t count;
    status = list_extensions(env, vk, physical, &list, &count);
    if (status)
        return status;
    query_chain(vk, list, count, traits);
    exciton_release(env, list);
    return EXCITON_OK;
}
