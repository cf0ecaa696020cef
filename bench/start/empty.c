/* What a program costs that does nothing with an API but open its device and wait for an empty piece of work, so that it can be taken
 * off what exciton's start takes. Writes one byte to stdout then.
 *
 *     empty host|opencl|vulkan N C H W R
 *
 * x, y and the weights are there as in first.c, their pages touched: data that a program has, whatever computes with it. The first touch
 * alone takes milliseconds a tensor where a hypervisor has to find the pages.
 * opencl: context, queue, a marker; no program is built. vulkan: instance, device, queue, an empty submission; no pipeline. */
#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#define VK_NO_PROTOTYPES
#include "data.h"

#include <CL/cl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <vulkan/vulkan.h>

static void *library;

/* A function of OpenCL's loader, called through its own type. */
#define CL(name) ((__typeof__(&name))dlsym(library, #name))

static const char *open_cl(void)
{
    cl_platform_id platform;
    cl_device_id device;
    cl_int status;
    library = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return dlerror();
    if (CL(clGetPlatformIDs)(1, &platform, NULL) || CL(clGetDeviceIDs)(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL))
        return "no OpenCL device";
    cl_context context = CL(clCreateContext)(NULL, 1, &device, NULL, NULL, &status);
    if (status)
        return "clCreateContext";
    cl_command_queue queue = CL(clCreateCommandQueue)(context, device, 0, &status);
    if (status || CL(clEnqueueMarkerWithWaitList)(queue, 0, NULL, NULL) || CL(clFinish)(queue))
        return "the queue";
    return NULL;
}

static PFN_vkGetInstanceProcAddr get;
static VkInstance instance;
#define VK(name) ((PFN_##name)get(instance, #name))

static const char *submit_nothing(VkDevice device, VkQueue queue)
{
    const VkCommandPoolCreateInfo pool_info = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
    const VkFenceCreateInfo fence_info = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    const VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    VkCommandPool pool;
    VkCommandBuffer commands;
    VkFence fence;
    if (VK(vkCreateCommandPool)(device, &pool_info, NULL, &pool) || VK(vkCreateFence)(device, &fence_info, NULL, &fence))
        return "vkCreateCommandPool, vkCreateFence";
    const VkCommandBufferAllocateInfo allocate = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, .commandPool = pool, .commandBufferCount = 1};
    const VkSubmitInfo submit = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = &commands};
    if (VK(vkAllocateCommandBuffers)(device, &allocate, &commands) || VK(vkBeginCommandBuffer)(commands, &begin) || VK(vkEndCommandBuffer)(commands) ||
        VK(vkQueueSubmit)(queue, 1, &submit, fence) || VK(vkWaitForFences)(device, 1, &fence, VK_TRUE, UINT64_C(1000000000)))
        return "an empty submission";
    return NULL;
}

static const char *open_vk(void)
{
    const VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .apiVersion = VK_API_VERSION_1_1};
    const VkInstanceCreateInfo instance_info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &application};
    const float priority = 1;
    const VkDeviceQueueCreateInfo queue_info = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, .queueCount = 1, .pQueuePriorities = &priority};
    const VkDeviceCreateInfo device_info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, .queueCreateInfoCount = 1, .pQueueCreateInfos = &queue_info};
    uint32_t count = 1;
    VkPhysicalDevice physical;
    VkDevice device;
    VkQueue queue;
    library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return dlerror();
    get = (PFN_vkGetInstanceProcAddr)dlsym(library, "vkGetInstanceProcAddr");
    if (VK(vkCreateInstance)(&instance_info, NULL, &instance))
        return "vkCreateInstance";
    if (VK(vkEnumeratePhysicalDevices)(instance, &count, &physical) < 0 || count == 0)
        return "no Vulkan device";
    if (VK(vkCreateDevice)(physical, &device_info, NULL, &device))
        return "vkCreateDevice";
    VK(vkGetDeviceQueue)(device, 0, 0, &queue);
    return submit_nothing(device, queue);
}

int main(int argc, char **argv)
{
    const char *api = argc == 7 ? argv[1] : "", *why = NULL;
    data d;
    if (argc == 7 && !data_make(argv + 2, &d))
        why = "out of memory";
    else if (!strcmp(api, "opencl"))
        why = open_cl();
    else if (!strcmp(api, "vulkan"))
        why = open_vk();
    else if (strcmp(api, "host"))
        why = "usage: empty host|opencl|vulkan N C H W R";
    if (!why && write(STDOUT_FILENO, "y", 1) != 1)
        why = "stdout";
    if (why)
        fprintf(stderr, "empty: %s\n", why);
    return why != NULL;
}
