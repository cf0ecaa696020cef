/* A wrapper for each function that the Vulkan backend looks up; one without a wrapper does not compile. */
#include "support/seam.h"

#include "backends/vulkan/loader.h"

#define ENTRY(fn, what, failure) static seam_entry entry_##fn = {.name = #fn, .kind = what, .code = failure}
#define REAL(fn) ((PFN_##fn)entry_##fn.real)

#define CALL(type, fn, parameters, arguments)                                                   \
    ENTRY(fn, SEAM_CALL, VK_ERROR_OUT_OF_DEVICE_MEMORY);                                        \
    static VKAPI_ATTR type VKAPI_CALL wrap_##fn parameters                                      \
    {                                                                                           \
        type result = seam_enter(&entry_##fn) ? (type)entry_##fn.code : REAL(fn) arguments;     \
        seam_leave(&entry_##fn, result == VK_SUCCESS);                                          \
        return result;                                                                          \
    }

/* Waits are done all the same: nothing that is in flight may be destroyed after them. */
#define AFTER(type, fn, parameters, arguments)                                                  \
    ENTRY(fn, SEAM_AFTER, VK_ERROR_DEVICE_LOST);                                                \
    static VKAPI_ATTR type VKAPI_CALL wrap_##fn parameters                                      \
    {                                                                                           \
        bool fails = seam_enter(&entry_##fn);                                                   \
        type result = REAL(fn) arguments;                                                       \
        return fails ? (type)entry_##fn.code : result;                                          \
    }

#define VOID(fn, parameters, arguments)                                                         \
    ENTRY(fn, SEAM_VOID, VK_SUCCESS);                                                           \
    static VKAPI_ATTR void VKAPI_CALL wrap_##fn parameters                                      \
    {                                                                                           \
        (void)seam_enter(&entry_##fn);                                                          \
        REAL(fn) arguments;                                                                     \
    }

CALL(VkResult, vkEnumerateInstanceVersion, (uint32_t *a), (a))
CALL(VkResult, vkCreateInstance, (const VkInstanceCreateInfo *a, const VkAllocationCallbacks *b, VkInstance *c), (a, b, c))
CALL(VkResult, vkEnumerateInstanceExtensionProperties, (const char *a, uint32_t *b, VkExtensionProperties *c), (a, b, c))
CALL(VkResult, vkEnumerateInstanceLayerProperties, (uint32_t *a, VkLayerProperties *b), (a, b))
CALL(VkResult, vkCreateDevice, (VkPhysicalDevice a, const VkDeviceCreateInfo *b, const VkAllocationCallbacks *c,
    VkDevice *d), (a, b, c, d))
VOID(vkDestroyInstance, (VkInstance a, const VkAllocationCallbacks *b), (a, b))
CALL(VkResult, vkEnumerateDeviceExtensionProperties, (VkPhysicalDevice a, const char *b, uint32_t *c,
    VkExtensionProperties *d), (a, b, c, d))
CALL(VkResult, vkEnumeratePhysicalDevices, (VkInstance a, uint32_t *b, VkPhysicalDevice *c), (a, b, c))
VOID(vkGetPhysicalDeviceFeatures, (VkPhysicalDevice a, VkPhysicalDeviceFeatures *b), (a, b))
VOID(vkGetPhysicalDeviceMemoryProperties, (VkPhysicalDevice a, VkPhysicalDeviceMemoryProperties *b), (a, b))
VOID(vkGetPhysicalDeviceProperties, (VkPhysicalDevice a, VkPhysicalDeviceProperties *b), (a, b))
VOID(vkGetPhysicalDeviceProperties2, (VkPhysicalDevice a, VkPhysicalDeviceProperties2 *b), (a, b))
VOID(vkGetPhysicalDeviceQueueFamilyProperties, (VkPhysicalDevice a, uint32_t *b, VkQueueFamilyProperties *c), (a, b, c))
CALL(VkResult, vkCreateDebugUtilsMessengerEXT, (VkInstance a, const VkDebugUtilsMessengerCreateInfoEXT *b,
    const VkAllocationCallbacks *c, VkDebugUtilsMessengerEXT *d), (a, b, c, d))
VOID(vkDestroyDebugUtilsMessengerEXT, (VkInstance a, VkDebugUtilsMessengerEXT b, const VkAllocationCallbacks *c), (a, b, c))
CALL(VkResult, vkAllocateCommandBuffers, (VkDevice a, const VkCommandBufferAllocateInfo *b, VkCommandBuffer *c), (a, b, c))
CALL(VkResult, vkAllocateDescriptorSets, (VkDevice a, const VkDescriptorSetAllocateInfo *b, VkDescriptorSet *c), (a, b, c))
CALL(VkResult, vkAllocateMemory, (VkDevice a, const VkMemoryAllocateInfo *b, const VkAllocationCallbacks *c,
    VkDeviceMemory *d), (a, b, c, d))
CALL(VkResult, vkBeginCommandBuffer, (VkCommandBuffer a, const VkCommandBufferBeginInfo *b), (a, b))
CALL(VkResult, vkBindBufferMemory, (VkDevice a, VkBuffer b, VkDeviceMemory c, VkDeviceSize d), (a, b, c, d))
VOID(vkCmdBindDescriptorSets, (VkCommandBuffer a, VkPipelineBindPoint b, VkPipelineLayout c, uint32_t d, uint32_t e,
    const VkDescriptorSet *f, uint32_t g, const uint32_t *h), (a, b, c, d, e, f, g, h))
VOID(vkCmdBindPipeline, (VkCommandBuffer a, VkPipelineBindPoint b, VkPipeline c), (a, b, c))
VOID(vkCmdCopyBuffer, (VkCommandBuffer a, VkBuffer b, VkBuffer c, uint32_t d, const VkBufferCopy *e), (a, b, c, d, e))
VOID(vkCmdDispatch, (VkCommandBuffer a, uint32_t b, uint32_t c, uint32_t d), (a, b, c, d))
VOID(vkCmdPipelineBarrier, (VkCommandBuffer a, VkPipelineStageFlags b, VkPipelineStageFlags c, VkDependencyFlags d,
    uint32_t e, const VkMemoryBarrier *f, uint32_t g, const VkBufferMemoryBarrier *h, uint32_t i,
    const VkImageMemoryBarrier *j), (a, b, c, d, e, f, g, h, i, j))
VOID(vkCmdPushConstants, (VkCommandBuffer a, VkPipelineLayout b, VkShaderStageFlags c, uint32_t d, uint32_t e,
    const void *f), (a, b, c, d, e, f))
CALL(VkResult, vkCreateBuffer, (VkDevice a, const VkBufferCreateInfo *b, const VkAllocationCallbacks *c, VkBuffer *d),
    (a, b, c, d))
CALL(VkResult, vkCreateBufferView, (VkDevice a, const VkBufferViewCreateInfo *b, const VkAllocationCallbacks *c, VkBufferView *d),
    (a, b, c, d))
CALL(VkResult, vkCreateCommandPool, (VkDevice a, const VkCommandPoolCreateInfo *b, const VkAllocationCallbacks *c,
    VkCommandPool *d), (a, b, c, d))
CALL(VkResult, vkCreateComputePipelines, (VkDevice a, VkPipelineCache b, uint32_t c, const VkComputePipelineCreateInfo *d,
    const VkAllocationCallbacks *e, VkPipeline *f), (a, b, c, d, e, f))
CALL(VkResult, vkCreateDescriptorPool, (VkDevice a, const VkDescriptorPoolCreateInfo *b, const VkAllocationCallbacks *c,
    VkDescriptorPool *d), (a, b, c, d))
CALL(VkResult, vkCreateDescriptorSetLayout, (VkDevice a, const VkDescriptorSetLayoutCreateInfo *b,
    const VkAllocationCallbacks *c, VkDescriptorSetLayout *d), (a, b, c, d))
CALL(VkResult, vkCreateFence, (VkDevice a, const VkFenceCreateInfo *b, const VkAllocationCallbacks *c, VkFence *d),
    (a, b, c, d))
CALL(VkResult, vkCreatePipelineCache, (VkDevice a, const VkPipelineCacheCreateInfo *b, const VkAllocationCallbacks *c,
    VkPipelineCache *d), (a, b, c, d))
CALL(VkResult, vkCreatePipelineLayout, (VkDevice a, const VkPipelineLayoutCreateInfo *b, const VkAllocationCallbacks *c,
    VkPipelineLayout *d), (a, b, c, d))
CALL(VkResult, vkCreateShaderModule, (VkDevice a, const VkShaderModuleCreateInfo *b, const VkAllocationCallbacks *c,
    VkShaderModule *d), (a, b, c, d))
VOID(vkDestroyBuffer, (VkDevice a, VkBuffer b, const VkAllocationCallbacks *c), (a, b, c))
VOID(vkDestroyBufferView, (VkDevice a, VkBufferView b, const VkAllocationCallbacks *c), (a, b, c))
VOID(vkDestroyCommandPool, (VkDevice a, VkCommandPool b, const VkAllocationCallbacks *c), (a, b, c))
VOID(vkDestroyDescriptorPool, (VkDevice a, VkDescriptorPool b, const VkAllocationCallbacks *c), (a, b, c))
VOID(vkDestroyDescriptorSetLayout, (VkDevice a, VkDescriptorSetLayout b, const VkAllocationCallbacks *c), (a, b, c))
VOID(vkDestroyDevice, (VkDevice a, const VkAllocationCallbacks *b), (a, b))
VOID(vkDestroyFence, (VkDevice a, VkFence b, const VkAllocationCallbacks *c), (a, b, c))
VOID(vkDestroyPipeline, (VkDevice a, VkPipeline b, const VkAllocationCallbacks *c), (a, b, c))
VOID(vkDestroyPipelineCache, (VkDevice a, VkPipelineCache b, const VkAllocationCallbacks *c), (a, b, c))
VOID(vkDestroyPipelineLayout, (VkDevice a, VkPipelineLayout b, const VkAllocationCallbacks *c), (a, b, c))
VOID(vkDestroyShaderModule, (VkDevice a, VkShaderModule b, const VkAllocationCallbacks *c), (a, b, c))
CALL(VkResult, vkEndCommandBuffer, (VkCommandBuffer a), (a))
CALL(VkResult, vkFlushMappedMemoryRanges, (VkDevice a, uint32_t b, const VkMappedMemoryRange *c), (a, b, c))
VOID(vkFreeMemory, (VkDevice a, VkDeviceMemory b, const VkAllocationCallbacks *c), (a, b, c))
VOID(vkGetBufferMemoryRequirements, (VkDevice a, VkBuffer b, VkMemoryRequirements *c), (a, b, c))
VOID(vkGetDeviceQueue, (VkDevice a, uint32_t b, uint32_t c, VkQueue *d), (a, b, c, d))
CALL(VkResult, vkGetFenceStatus, (VkDevice a, VkFence b), (a, b))
CALL(VkResult, vkGetPipelineCacheData, (VkDevice a, VkPipelineCache b, size_t *c, void *d), (a, b, c, d))
CALL(VkResult, vkInvalidateMappedMemoryRanges, (VkDevice a, uint32_t b, const VkMappedMemoryRange *c), (a, b, c))
CALL(VkResult, vkMapMemory, (VkDevice a, VkDeviceMemory b, VkDeviceSize c, VkDeviceSize d, VkMemoryMapFlags e, void **f),
    (a, b, c, d, e, f))
CALL(VkResult, vkQueueSubmit, (VkQueue a, uint32_t b, const VkSubmitInfo *c, VkFence d), (a, b, c, d))
AFTER(VkResult, vkQueueWaitIdle, (VkQueue a), (a))
CALL(VkResult, vkResetFences, (VkDevice a, uint32_t b, const VkFence *c), (a, b, c))
VOID(vkUnmapMemory, (VkDevice a, VkDeviceMemory b), (a, b))
VOID(vkUpdateDescriptorSets, (VkDevice a, uint32_t b, const VkWriteDescriptorSet *c, uint32_t d,
    const VkCopyDescriptorSet *e), (a, b, c, d, e))
AFTER(VkResult, vkWaitForFences, (VkDevice a, uint32_t b, const VkFence *c, VkBool32 d, uint64_t e), (a, b, c, d, e))

#define ALL(F)                                                                                                   \
    EXCITON_VK_GLOBAL_FUNCTIONS(F) EXCITON_VK_INSTANCE_FUNCTIONS(F) EXCITON_VK_MESSENGER_FUNCTIONS(F)            \
    EXCITON_VK_DEVICE_FUNCTIONS(F) F(EnumerateInstanceVersion)

/* Looks others up, and is no call of the work: not counted. */
static seam_entry entry_vkGetDeviceProcAddr = {.name = "vkGetDeviceProcAddr", .kind = SEAM_VOID};
static PFN_vkVoidFunction VKAPI_CALL wrap_vkGetDeviceProcAddr(VkDevice device, const char *name)
{
    return ((PFN_vkGetDeviceProcAddr)entry_vkGetDeviceProcAddr.real)(device, name);
}

seam_entry *const seam_vulkan[] = {
#define ADDRESS(name) &entry_vk##name,
    ALL(ADDRESS)
#undef ADDRESS
    NULL,
};

__attribute__((constructor)) static void set_wrappers(void)
{
#define SET(name) entry_vk##name.wrapper = (exciton_function)wrap_vk##name;
    ALL(SET)
#undef SET
}
