#include "backends/vulkan/memory.h"

#include "base/checked.h"

enum {
    LOCAL = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
    VISIBLE = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT,
    COHERENT = VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
    CACHED = VK_MEMORY_PROPERTY_HOST_CACHED_BIT,
    MAIN = 1 << 30, /* ours: in the largest device-local heap */
    /* Legal only with features that we don't ask for, or slow. */
    EXOTIC = VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT | VK_MEMORY_PROPERTY_PROTECTED_BIT | VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD |
             VK_MEMORY_PROPERTY_DEVICE_UNCACHED_BIT_AMD | VK_MEMORY_PROPERTY_RDMA_CAPABLE_BIT_NV
};

/* A wish: all of `with`, none of `without`. Lists end with a wish for nothing. */
typedef struct exciton_wish {
    uint32_t with, without;
} exciton_wish;

/* Main memory that the host sees too costs nothing: one chip, a resizable BAR, a software driver. A small window
 * (256 MiB BAR) is another heap, and too scarce for buffers by default. */
static const exciton_wish by_default[] = {
    {MAIN | LOCAL | VISIBLE | COHERENT | CACHED, 0}, {MAIN | LOCAL | VISIBLE | COHERENT, 0}, {MAIN | LOCAL, 0}, {LOCAL, VISIBLE}, {LOCAL, 0},
    {VISIBLE | COHERENT, 0}, {VISIBLE, 0}, {0, 0}};
/* Drivers list the faster type first where the flags are the same. */
static const exciton_wish for_device[] = {{MAIN | LOCAL, VISIBLE}, {MAIN | LOCAL, 0}, {LOCAL, 0}, {0, 0}};
static const exciton_wish for_upload[] = {
    {MAIN | LOCAL | VISIBLE | COHERENT, 0}, {VISIBLE | COHERENT, LOCAL | CACHED}, {VISIBLE | COHERENT, LOCAL}, {VISIBLE | COHERENT, 0}, {VISIBLE, 0},
    {0, 0}};
static const exciton_wish for_readback[] = {
    {VISIBLE | COHERENT | CACHED, LOCAL}, {VISIBLE | CACHED, LOCAL}, {VISIBLE | COHERENT | CACHED, 0}, {VISIBLE | CACHED, 0},
    {VISIBLE | COHERENT, LOCAL},
    {VISIBLE | COHERENT, 0}, {VISIBLE, 0}, {0, 0}};

static uint32_t main_heap(const VkPhysicalDeviceMemoryProperties *table)
{
    uint32_t best = table->memoryHeapCount;
    for (uint32_t i = 0; i < table->memoryHeapCount; ++i)
        if (table->memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)
            if (best == table->memoryHeapCount || table->memoryHeaps[i].size > table->memoryHeaps[best].size)
                best = i;
    for (uint32_t i = 0; best == table->memoryHeapCount && i < table->memoryHeapCount; ++i)
        if (i == 0 || table->memoryHeaps[i].size > table->memoryHeaps[best].size)
            best = i;
    return best;
}

static uint32_t flags_of(const VkPhysicalDeviceMemoryProperties *table, uint32_t type, uint32_t heap)
{
    return table->memoryTypes[type].propertyFlags | (table->memoryTypes[type].heapIndex == heap ? (uint32_t)MAIN : 0);
}

static bool grant(const VkPhysicalDeviceMemoryProperties *table, uint32_t allowed, exciton_wish wish, uint32_t *type)
{
    uint32_t heap = main_heap(table);
    for (uint32_t i = 0; i < table->memoryTypeCount; ++i) {
        uint32_t flags = flags_of(table, i, heap);
        if ((allowed >> i & 1) && !(flags & EXOTIC) && (flags & wish.with) == wish.with && !(flags & wish.without)) {
            *type = i;
            return true;
        }
    }
    return false;
}

static const exciton_wish *wishes_of(exciton_domain domain, bool no_mappable)
{
    switch (domain) {
    case EXCITON_DOMAIN_DEVICE:
        return for_device;
    case EXCITON_DOMAIN_UPLOAD:
        return for_upload;
    case EXCITON_DOMAIN_READBACK:
        return for_readback;
    default:
        return no_mappable ? for_device : by_default;
    }
}

bool exciton_vk_memory_choose(const VkPhysicalDeviceMemoryProperties *table, uint32_t allowed, exciton_domain domain, bool no_mappable,
                              exciton_vk_memory_choice *choice)
{
    uint32_t type = 0;
    bool found = false;
    for (const exciton_wish *wish = wishes_of(domain, no_mappable); !found; ++wish) {
        found = grant(table, allowed, *wish, &type);
        if (!wish->with)
            break;
    }
    if (!found)
        return false;
    uint32_t flags = table->memoryTypes[type].propertyFlags;
    *choice = (exciton_vk_memory_choice){
        .type = type,
        .mapped = (flags & VISIBLE) && !(no_mappable && (flags & LOCAL)),
        .coherent = flags & COHERENT,
        .cached = flags & CACHED,
    };
    return true;
}

uint64_t exciton_vk_memory_size(const VkPhysicalDeviceMemoryProperties *table)
{
    uint32_t heap = main_heap(table);
    return heap < table->memoryHeapCount ? table->memoryHeaps[heap].size : 0;
}

bool exciton_vk_memory_mappable(const VkPhysicalDeviceMemoryProperties *table)
{
    uint32_t type;
    return grant(table, UINT32_MAX, (exciton_wish){MAIN | LOCAL | VISIBLE, 0}, &type);
}

void exciton_vk_memory_atoms(uint64_t atom, uint64_t size, uint64_t *offset, uint64_t *bytes)
{
    uint64_t step = exciton_max(atom, 1), begin = *offset / step * step;
    uint64_t end = exciton_min(exciton_round_up(*offset + *bytes, step), size); /* the end of the allocation counts as whole */
    *offset = begin;
    *bytes = end - begin;
}
