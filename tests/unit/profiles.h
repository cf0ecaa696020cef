/* Devices that aren't here, recorded from what their drivers report: memory tables and limits, for tests of pure functions.
 * Sources are Mesa 22.3.6 (the version of Debian bookworm), file:line of src/, and the Vulkan specification 1.1, chapter
 * "Limits", table "Required Limits". Heap sizes are those of one example card each. */
#ifndef EXCITON_TESTS_PROFILES_H
#define EXCITON_TESTS_PROFILES_H

#include "backends/vulkan/memory.h"

#define GIB(n) (UINT64_C(n) << 30)
#define MIB(n) (UINT64_C(n) << 20)

enum {
    LOCAL = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
    VISIBLE = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT,
    COHERENT = VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
    CACHED = VK_MEMORY_PROPERTY_HOST_CACHED_BIT,
    UNCACHED_AMD = VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD | VK_MEMORY_PROPERTY_DEVICE_UNCACHED_BIT_AMD
};

/* What a domain is to get; type UINT32_MAX: nothing will do. */
typedef struct profile_choice {
    uint32_t type;
    bool mapped, coherent, cached;
} profile_choice;

typedef struct profile {
    const char *name;
    exciton_device_type type;
    VkPhysicalDeviceMemoryProperties memory;
    exciton_limits limits;
    profile_choice choices[4]; /* by exciton_domain */
    uint64_t size;             /* of the main heap */
    bool mappable;             /* the host sees it */
} profile;

/* RADV: types in the order of amd/vulkan/radv_device.c:244-289, then the uncached copies of :293-313 (GFX10.3 and later);
 * limits :1976-2076 and :2119-2199, RADV_MAX_MEMORY_ALLOCATION_SIZE radv_constants.h:94, push constants :40. */
#define RADV_LIMITS                                                                                                              \
    {.max_binding_range = 0xfffffffc /* :1978 */, .max_allocation = 0xfffffffc /* radv_constants.h:94 */,                        \
     .binding_alignment = 4 /* :2040 */, .max_group_size = 1024 /* :2024 */, .max_group_count = 65535 /* :2023 */,               \
     .local_memory = 65536 /* :2022 */, .max_storage_buffers = 1000000 /* :1987, by descriptor memory */,                        \
     .max_params = 256 /* radv_constants.h:40 */, .compute_units = 36, .subgroup_size = 64 /* :2119 */,                          \
     .max_texel_elements = 0xffffffff /* :1976 */, .forms = {false, true, true}}

static const profile profiles[] = {
    /* A discrete card whose BAR shows 256 MiB: three heaps (radv_device.c:217-242), an invisible one first. */
    {.name = "discrete, 256 MiB BAR (RADV, 8 GiB)",
     .type = EXCITON_DEVICE_DISCRETE,
     .memory = {.memoryTypeCount = 5,
                .memoryTypes = {{LOCAL, 0} /* :249 */, {LOCAL, 0} /* :256, 32-bit addresses */, {VISIBLE | COHERENT, 1} /* :265 */,
                                {LOCAL | VISIBLE | COHERENT, 2} /* :274 */, {VISIBLE | COHERENT | CACHED, 1} /* :285 */},
                .memoryHeapCount = 3,
                .memoryHeaps = {{GIB(8) - MIB(256), VK_MEMORY_HEAP_DEVICE_LOCAL_BIT}, {GIB(16), 0}, {MIB(256), VK_MEMORY_HEAP_DEVICE_LOCAL_BIT}}},
     .limits = RADV_LIMITS,
     .choices = {{0, false, false, false}, {0, false, false, false}, {2, true, true, false}, {4, true, true, true}},
     .size = GIB(8) - MIB(256)},
    /* The same card with a resizable BAR: the invisible rest is too small for a heap (:215-217), all memory is visible. */
    {.name = "discrete, resizable BAR (RADV, 16 GiB)",
     .type = EXCITON_DEVICE_DISCRETE,
     .memory = {.memoryTypeCount = 9,
                .memoryTypes = {{LOCAL, 1}, {LOCAL, 1}, {VISIBLE | COHERENT, 0}, {LOCAL | VISIBLE | COHERENT, 1}, {VISIBLE | COHERENT | CACHED, 0},
                                {LOCAL | UNCACHED_AMD, 1} /* :308 */, {VISIBLE | COHERENT | UNCACHED_AMD, 0},
                                {LOCAL | VISIBLE | COHERENT | UNCACHED_AMD, 1}, {VISIBLE | COHERENT | CACHED | UNCACHED_AMD, 0}},
                .memoryHeapCount = 2,
                .memoryHeaps = {{GIB(32), 0}, {GIB(16), VK_MEMORY_HEAP_DEVICE_LOCAL_BIT}}},
     .limits = RADV_LIMITS,
     .choices = {{3, true, true, false}, {0, false, false, false}, {3, true, true, false}, {4, true, true, true}},
     .size = GIB(16),
     .mappable = true},
    /* One memory, one cache: intel/vulkan/anv_device.c:491-508. Limits :1839-1959, :1992, :2030. */
    {.name = "unified memory (ANV, big core)",
     .type = EXCITON_DEVICE_INTEGRATED,
     .memory = {.memoryTypeCount = 1,
                .memoryTypes = {{LOCAL | VISIBLE | COHERENT | CACHED, 0} /* :502 */},
                .memoryHeapCount = 1,
                .memoryHeaps = {{GIB(12), VK_MEMORY_HEAP_DEVICE_LOCAL_BIT}}},
     .limits = {.max_binding_range = 0x40000000 /* :1841, isl: 1 GiB */, .max_allocation = 0x40000000 /* :2030, :2225 */,
                .binding_alignment = 4 /* anv_private.h:237 */, .max_group_size = 1024 /* :1895 */, .max_group_count = 65535 /* :1894 */,
                .local_memory = 65536 /* :1893 */, .max_storage_buffers = 65535 /* :1850 */, .max_params = 128 /* anv_private.h:225 */,
                .subgroup_size = 32 /* :1992 */, .max_texel_elements = 1 << 27 /* :1839 */, .mappable_device_memory = true,
                .forms = {false, true, true}},
     .choices = {{0, true, true, true}, {0, true, true, true}, {0, true, true, true}, {0, true, true, true}},
     .size = GIB(12),
     .mappable = true},
    /* The same without a shared last-level cache: cached memory is not coherent, anv_device.c:510-533. */
    {.name = "unified memory without a shared cache (ANV, Atom)",
     .type = EXCITON_DEVICE_INTEGRATED,
     .memory = {.memoryTypeCount = 2,
                .memoryTypes = {{LOCAL | VISIBLE | CACHED, 0} /* :523 */, {LOCAL | VISIBLE | COHERENT, 0} /* :529 */},
                .memoryHeapCount = 1,
                .memoryHeaps = {{GIB(3), VK_MEMORY_HEAP_DEVICE_LOCAL_BIT}}},
     .limits = {.max_binding_range = 0x40000000, .max_allocation = 0x40000000, .binding_alignment = 4, .max_group_size = 448 /* :1895 */,
                .max_group_count = 65535, .local_memory = 65536, .max_storage_buffers = 65535, .max_params = 128, .subgroup_size = 32,
                .max_texel_elements = 1 << 27, .mappable_device_memory = true, .forms = {false, true, true}},
     .choices = {{1, true, true, false}, {0, true, false, true}, {1, true, true, false}, {0, true, false, true}},
     .size = GIB(3),
     .mappable = true},
    /* A tile-based mobile GPU: freedreno/vulkan/tu_device.c:1537-1545. Limits :1138-1238, :938, :962, tu_common.h:89, :101. */
    {.name = "tile-based mobile GPU (turnip, Adreno 6xx)",
     .type = EXCITON_DEVICE_INTEGRATED,
     .memory = {.memoryTypeCount = 1,
                .memoryTypes = {{LOCAL | VISIBLE | COHERENT, 0} /* :1543 */},
                .memoryHeapCount = 1,
                .memoryHeaps = {{GIB(4), VK_MEMORY_HEAP_DEVICE_LOCAL_BIT}}},
     .limits = {.max_binding_range = 1 << 27 /* tu_common.h:101 */, .max_allocation = 0xfffffffc /* :962 */, .binding_alignment = 64 /* :1202 */,
                .max_group_size = 1024 /* :1186-1187 */, .max_group_count = 65535 /* :1185 */, .local_memory = 32768 /* :1184 */,
                .max_storage_buffers = 1 << 20 /* :1149, by descriptor memory */, .max_params = 256 /* tu_common.h:89 */,
                .subgroup_size = 128 /* :938 */, .max_texel_elements = 1 << 27 /* :1138 */, .mappable_device_memory = true,
                .forms = {false, true, true}},
     .choices = {{0, true, true, false}, {0, true, true, false}, {0, true, true, false}, {0, true, true, false}},
     .size = GIB(4),
     .mappable = true},
    /* RADV without hardware: its null winsys (amd/vulkan/winsys/null/radv_null_winsys.c) reports no sizes, and so no heap and no
     * type is made (radv_device.c:217-289). */
    {.name = "no memory types (RADV, null hardware)",
     .type = EXCITON_DEVICE_DISCRETE,
     .limits = RADV_LIMITS,
     .choices = {{UINT32_MAX, 0, 0, 0}, {UINT32_MAX, 0, 0, 0}, {UINT32_MAX, 0, 0, 0}, {UINT32_MAX, 0, 0, 0}}},
    /* What every device of Vulkan 1.1 has: "Required Limits"; of memory, a type that is visible and coherent, and one that is
     * local (chapter "Device Memory"). */
    {.name = "the floors of Vulkan 1.1",
     .type = EXCITON_DEVICE_VIRTUAL,
     .memory = {.memoryTypeCount = 2,
                .memoryTypes = {{LOCAL, 0}, {VISIBLE | COHERENT, 1}},
                .memoryHeapCount = 2,
                .memoryHeaps = {{GIB(1), VK_MEMORY_HEAP_DEVICE_LOCAL_BIT}, {GIB(1), 0}}},
     .limits = {.max_binding_range = 1 << 27, .max_allocation = 1 << 30, .binding_alignment = 256, .max_group_size = 128, .max_group_count = 65535,
                .local_memory = 16384, .max_storage_buffers = 4, .max_params = 128, .subgroup_size = 1, .max_texel_elements = 65536,
                .forms = {false, true, true}},
     .choices = {{0, false, false, false}, {0, false, false, false}, {1, true, true, false}, {1, true, true, false}},
     .size = GIB(1)},
};

enum { PROFILES = sizeof profiles / sizeof profiles[0] };

#endif
