/* The choice of a memory type: a function of the device's table alone, so that recorded tables test it. */
#ifndef EXCITON_BACKENDS_VULKAN_MEMORY_H
#define EXCITON_BACKENDS_VULKAN_MEMORY_H

#include <exciton/exciton.h>

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan_core.h>

typedef struct exciton_vk_memory_choice {
    uint32_t type;
    bool mapped;   /* to be mapped for its whole life */
    bool coherent; /* no flush, no invalidation */
    bool cached;   /* the host reads it at full speed */
} exciton_vk_memory_choice;

/* Among the types of `allowed` (memoryTypeBits). `no_mappable`: device-local memory counts as hidden from the host.
 * False where no type will do. */
bool exciton_vk_memory_choose(const VkPhysicalDeviceMemoryProperties *table, uint32_t allowed, exciton_domain domain, bool no_mappable,
                              exciton_vk_memory_choice *choice);

/* The largest device-local heap, else the largest heap; 0 for an empty table. */
uint64_t exciton_vk_memory_size(const VkPhysicalDeviceMemoryProperties *table);
/* The host can map a type of that heap. */
bool exciton_vk_memory_mappable(const VkPhysicalDeviceMemoryProperties *table);

/* [offset, offset + bytes) widened to whole atoms (nonCoherentAtomSize), within an allocation of `size` bytes. */
void exciton_vk_memory_atoms(uint64_t atom, uint64_t size, uint64_t *offset, uint64_t *bytes);

#endif
