/* What a physical device says about itself, asked once when devices are listed. */
#ifndef EXCITON_BACKENDS_VULKAN_TRAITS_H
#define EXCITON_BACKENDS_VULKAN_TRAITS_H

#include "backends/vulkan/loader.h"

#define EXCITON_VK_VERSION VK_API_VERSION_1_3 /* the newest whose core we look at */

typedef struct exciton_vk_traits {
    VkPhysicalDevice physical;
    VkPhysicalDeviceProperties properties;
    VkPhysicalDeviceMemoryProperties memory;
    uint32_t version;              /* the device's, at most EXCITON_VK_VERSION */
    uint32_t family;               /* a queue family with compute; UINT32_MAX: none */
    char driver[64];               /* our word */
    char driver_version[256];
    uint32_t subgroup_size;
    bool has_uuid, has_pci;
    uint8_t uuid[16];
    uint32_t pci[4];
    uint64_t max_allocation;
    uint32_t compute_units;        /* 0: not reported */
    bool float_controls_extension; /* to be enabled, where the version isn't 1.2 */
    bool int64; /* 64-bit integers in shaders */
    bool rounds_to_nearest, keeps_nan; /* execution modes RoundingModeRTE and SignedZeroInfNanPreserve, 32 bits */
    bool portability_subset;       /* must be enabled where it is reported */
} exciton_vk_traits;

/* Fails for want of memory only. */
exciton_status exciton_vk_traits_query(const exciton_env *env, const exciton_vk_instance_table *vk, VkPhysicalDevice physical,
                                       exciton_vk_traits *traits);

exciton_device_type exciton_vk_type(const exciton_vk_traits *traits);

/* Our word for a driver: by its id, else its own name in small letters with dashes. `name` is the driver's, `device` the
 * device's, for drivers that report neither. `word` has 64 bytes. */
void exciton_vk_driver_word(uint32_t id, const char *name, const char *device, char *word);

bool exciton_vk_has_extension(const VkExtensionProperties *list, uint32_t count, const char *name);

#endif
