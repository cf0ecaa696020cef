#include "support/seam.h"

#include <stdio.h>
#include <string.h>

char seam_unknown[64];

static seam_entry *const *const tables[] = {
#ifdef EXCITON_OPENCL
    seam_opencl,
#endif
#ifdef EXCITON_VULKAN
    seam_vulkan,
#endif
    NULL,
};

seam_entry *seam_at(uint32_t index)
{
    for (uint32_t t = 0; tables[t]; ++t)
        for (uint32_t i = 0; tables[t][i]; ++i)
            if (index-- == 0)
                return tables[t][i];
    return NULL;
}

uint32_t seam_count(void)
{
    uint32_t count = 0;
    while (seam_at(count))
        ++count;
    return count;
}

seam_entry *seam_find(const char *name)
{
    for (uint32_t t = 0; tables[t]; ++t)
        for (uint32_t i = 0; tables[t][i]; ++i)
            if (strcmp(tables[t][i]->name, name) == 0)
                return tables[t][i];
    return NULL;
}

uint64_t seam_calls(const char *name)
{
    seam_entry *entry = seam_find(name);
    return entry ? __atomic_load_n(&entry->calls, __ATOMIC_RELAXED) : 0;
}

void seam_reset(void)
{
    seam_entry *entry;
    for (uint32_t i = 0; (entry = seam_at(i)) != NULL; ++i) {
        entry->fail_at = 0;
        __atomic_store_n(&entry->calls, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&entry->made, 0, __ATOMIC_RELAXED);
    }
}

bool seam_enter(seam_entry *entry)
{
    bool fails = __atomic_add_fetch(&entry->calls, 1, __ATOMIC_RELAXED) == entry->fail_at;
    if (!entry->fail_next)
        return fails;
    --entry->fail_next; /* by a test of one thread */
    return true;
}

void seam_leave(seam_entry *entry, bool succeeded)
{
    if (succeeded)
        __atomic_add_fetch(&entry->made, 1, __ATOMIC_RELAXED);
}

exciton_function seam_resolve(void *user, const char *name, exciton_function function)
{
    (void)user;
    seam_entry *entry = seam_find(name);
    if (!function || !entry) {
        /* It only looks others up. */
        if (!entry && strcmp(name, "vkGetInstanceProcAddr") != 0)
            snprintf(seam_unknown, sizeof seam_unknown, "%s", name);
        return function;
    }
    entry->real = function;
    return entry->wrapper;
}

uint64_t seam_leaked(const char **name)
{
    static const char *const pairs[][2] = {
        {"clCreateContext", "clReleaseContext"},
        {"clCreateCommandQueue", "clReleaseCommandQueue"},
        {"clCreateBuffer", "clReleaseMemObject"},
        {"clCreateProgramWithSource", "clReleaseProgram"},
        {"clCreateKernel", "clReleaseKernel"},
        {"vkCreateInstance", "vkDestroyInstance"},
        {"vkCreateDevice", "vkDestroyDevice"},
        {"vkAllocateMemory", "vkFreeMemory"},
        {"vkCreateBuffer", "vkDestroyBuffer"},
        {"vkCreateCommandPool", "vkDestroyCommandPool"},
        {"vkCreateComputePipelines", "vkDestroyPipeline"},
        {"vkCreateDescriptorPool", "vkDestroyDescriptorPool"},
        {"vkCreateDescriptorSetLayout", "vkDestroyDescriptorSetLayout"},
        {"vkCreateFence", "vkDestroyFence"},
        {"vkCreatePipelineLayout", "vkDestroyPipelineLayout"},
        {"vkCreateShaderModule", "vkDestroyShaderModule"},
    };
    uint64_t leaked = 0;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; ++i) {
        const seam_entry *maker = seam_find(pairs[i][0]);
        uint64_t made = maker ? maker->made : 0, released = seam_calls(pairs[i][1]);
        if (made > released) {
            leaked += made - released;
            *name = pairs[i][0];
        }
    }
    return leaked;
}
