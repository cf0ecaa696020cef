/* Vulkan's functions, all looked up at run time and each replaceable by env->resolve. Instance functions belong to the
 * state, device functions to the opened device: nothing is global. */
#ifndef EXCITON_BACKENDS_VULKAN_LOADER_H
#define EXCITON_BACKENDS_VULKAN_LOADER_H

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan_core.h>

#include "base/env.h"

#define EXCITON_VK_GLOBAL_FUNCTIONS(F) \
    F(CreateInstance) F(EnumerateInstanceExtensionProperties) F(EnumerateInstanceLayerProperties)

#define EXCITON_VK_INSTANCE_FUNCTIONS(F) \
    F(CreateDevice) F(DestroyInstance) F(EnumerateDeviceExtensionProperties) F(EnumeratePhysicalDevices) F(GetDeviceProcAddr) \
    F(GetPhysicalDeviceFeatures) F(GetPhysicalDeviceMemoryProperties) F(GetPhysicalDeviceProperties) F(GetPhysicalDeviceProperties2) \
    F(GetPhysicalDeviceQueueFamilyProperties)

/* There only where the instance has VK_EXT_debug_utils. */
#define EXCITON_VK_MESSENGER_FUNCTIONS(F) F(CreateDebugUtilsMessengerEXT) F(DestroyDebugUtilsMessengerEXT)

#define EXCITON_VK_DEVICE_FUNCTIONS(F) \
    F(AllocateCommandBuffers) F(AllocateDescriptorSets) F(AllocateMemory) F(BeginCommandBuffer) F(BindBufferMemory) \
    F(CmdBindDescriptorSets) F(CmdBindPipeline) F(CmdCopyBuffer) F(CmdDispatch) F(CmdPipelineBarrier) F(CmdPushConstants) \
    F(CreateBuffer) F(CreateBufferView) F(CreateCommandPool) F(CreateComputePipelines) F(CreateDescriptorPool) F(CreateDescriptorSetLayout) \
    F(CreateFence) F(CreatePipelineCache) F(CreatePipelineLayout) F(CreateShaderModule) F(DestroyBuffer) F(DestroyBufferView) \
    F(DestroyCommandPool) F(DestroyDescriptorPool) F(DestroyDescriptorSetLayout) F(DestroyDevice) F(DestroyFence) F(DestroyPipeline) \
    F(DestroyPipelineCache) \
    F(DestroyPipelineLayout) F(DestroyShaderModule) F(EndCommandBuffer) F(FlushMappedMemoryRanges) F(FreeMemory) \
    F(GetBufferMemoryRequirements) F(GetDeviceQueue) F(GetFenceStatus) F(GetPipelineCacheData) F(InvalidateMappedMemoryRanges) F(MapMemory) F(QueueSubmit) \
    F(QueueWaitIdle) F(ResetFences) F(UnmapMemory) F(UpdateDescriptorSets) F(WaitForFences)

#define EXCITON_VK_MEMBER(name) PFN_vk##name name;
typedef struct exciton_vk_instance_table {
    PFN_vkGetInstanceProcAddr GetInstanceProcAddr;
    PFN_vkEnumerateInstanceVersion EnumerateInstanceVersion; /* NULL: a loader of Vulkan 1.0 */
    EXCITON_VK_GLOBAL_FUNCTIONS(EXCITON_VK_MEMBER)
    EXCITON_VK_INSTANCE_FUNCTIONS(EXCITON_VK_MEMBER)
    EXCITON_VK_MESSENGER_FUNCTIONS(EXCITON_VK_MEMBER)
} exciton_vk_instance_table;

typedef struct exciton_vk_device_table {
    EXCITON_VK_DEVICE_FUNCTIONS(EXCITON_VK_MEMBER)
} exciton_vk_device_table;
#undef EXCITON_VK_MEMBER

/* Opens the first loader there is and finds what needs no instance. NULL, and a line in `why`, if there is none. */
void *exciton_vk_loader_open(const exciton_env *env, exciton_vk_instance_table *table, char *why, size_t size);
/* The functions of an instance, and of a device; EXCITON_ERROR_DRIVER names the first that is missing. */
exciton_status exciton_vk_load_instance(const exciton_env *env, VkInstance instance, bool messenger, exciton_vk_instance_table *table);
exciton_status exciton_vk_load_device(const exciton_env *env, const exciton_vk_instance_table *from, VkDevice device, exciton_vk_device_table *table);

/* "VK_ERROR_DEVICE_LOST"; "VkResult" for one that this file doesn't know. Static. */
const char *exciton_vk_result_text(VkResult result);

/* Turns a result into a status; anything but VK_SUCCESS is logged and becomes the thread's line, with the call's name. */
exciton_status exciton_vk_check(const exciton_env *env, const char *call, VkResult result);
/* The same for a creation: the handle must be there too, and is zero after a failure. */
exciton_status exciton_vk_created(const exciton_env *env, const char *call, VkResult result, void *handle, size_t size);

/* EXCITON_VK(device, QueueSubmit, (queue, 1, &submit, fence)): `owner` has env and the table vk. */
#define EXCITON_VK(owner, function, arguments) exciton_vk_check((owner)->env, "vk" #function, (owner)->vk.function arguments)
/* EXCITON_VK_CREATE(device, &fence, CreateFence, device->device, &info, NULL): the handle's address comes last. */
#define EXCITON_VK_CREATE(owner, handle, function, ...)                                                                           \
    exciton_vk_created((owner)->env, "vk" #function, (owner)->vk.function(__VA_ARGS__, (handle)), (handle), sizeof *(handle))

#endif
