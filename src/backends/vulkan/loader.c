#include "backends/vulkan/loader.h"

#include "base/os.h"

#include <stdio.h>
#include <string.h>

static const char *const loaders[] = {
#if defined(_WIN32)
    "vulkan-1.dll",
#elif defined(__APPLE__)
    "libvulkan.1.dylib", "libvulkan.dylib", "libMoltenVK.dylib",
#else
    "libvulkan.so.1", "libvulkan.so",
#endif
};

static PFN_vkVoidFunction lookup(const exciton_env *env, const exciton_vk_instance_table *table, VkInstance instance, const char *name)
{
    return (PFN_vkVoidFunction)exciton_resolve(env, name, (exciton_function)table->GetInstanceProcAddr(instance, name));
}

static bool load_global(const exciton_env *env, void *library, exciton_vk_instance_table *table)
{
    exciton_function entry = exciton_library_symbol(library, "vkGetInstanceProcAddr");
    table->GetInstanceProcAddr = (PFN_vkGetInstanceProcAddr)exciton_resolve(env, "vkGetInstanceProcAddr", entry);
    if (!table->GetInstanceProcAddr)
        return false;
    bool whole = true;
    table->EnumerateInstanceVersion = (PFN_vkEnumerateInstanceVersion)lookup(env, table, NULL, "vkEnumerateInstanceVersion");
#define LOAD(name) whole = (table->name = (PFN_vk##name)lookup(env, table, NULL, "vk" #name)) && whole;
    EXCITON_VK_GLOBAL_FUNCTIONS(LOAD)
#undef LOAD
    return whole;
}

void *exciton_vk_loader_open(const exciton_env *env, exciton_vk_instance_table *table, char *why, size_t size)
{
    why[0] = 0;
    for (size_t i = 0; i < sizeof loaders / sizeof loaders[0]; ++i) {
        char reason[256] = "";
        void *library = exciton_library_open(loaders[i], reason, sizeof reason);
        if (library && load_global(env, library, table))
            return library;
        if (library) {
            exciton_library_close(library);
            snprintf(reason, sizeof reason, "%s: not a Vulkan loader", loaders[i]);
        }
        if (!why[0]) /* the first name is the usual one */
            snprintf(why, size, "%s", reason);
    }
    return NULL;
}

static exciton_status complain(const char *missing)
{
    return missing ? exciton_fail(EXCITON_ERROR_DRIVER, "vulkan: %s: the driver does not have it", missing) : EXCITON_OK;
}

/* Both load all that is there before they complain: what destroys is needed then. */
exciton_status exciton_vk_load_instance(const exciton_env *env, VkInstance instance, bool messenger, exciton_vk_instance_table *table)
{
    const char *missing = NULL;
#define LOAD(name) \
    if (!(table->name = (PFN_vk##name)lookup(env, table, instance, "vk" #name)) && !missing) \
        missing = "vk" #name;
    EXCITON_VK_INSTANCE_FUNCTIONS(LOAD)
    if (messenger) {
        EXCITON_VK_MESSENGER_FUNCTIONS(LOAD)
    }
#undef LOAD
    return complain(missing);
}

exciton_status exciton_vk_load_device(const exciton_env *env, const exciton_vk_instance_table *from, VkDevice device, exciton_vk_device_table *table)
{
    const char *missing = NULL;
#define LOAD(name) \
    table->name = (PFN_vk##name)exciton_resolve(env, "vk" #name, (exciton_function)from->GetDeviceProcAddr(device, "vk" #name)); \
    if (!table->name && !missing) \
        missing = "vk" #name;
    EXCITON_VK_DEVICE_FUNCTIONS(LOAD)
#undef LOAD
    return complain(missing);
}

const char *exciton_vk_result_text(VkResult result)
{
    switch (result) {
#define NAME(code) case code: return #code;
        NAME(VK_SUCCESS) NAME(VK_NOT_READY) NAME(VK_TIMEOUT) NAME(VK_INCOMPLETE)
        NAME(VK_ERROR_OUT_OF_HOST_MEMORY) NAME(VK_ERROR_OUT_OF_DEVICE_MEMORY) NAME(VK_ERROR_INITIALIZATION_FAILED)
        NAME(VK_ERROR_DEVICE_LOST) NAME(VK_ERROR_MEMORY_MAP_FAILED) NAME(VK_ERROR_LAYER_NOT_PRESENT)
        NAME(VK_ERROR_EXTENSION_NOT_PRESENT) NAME(VK_ERROR_FEATURE_NOT_PRESENT) NAME(VK_ERROR_INCOMPATIBLE_DRIVER)
        NAME(VK_ERROR_TOO_MANY_OBJECTS) NAME(VK_ERROR_FORMAT_NOT_SUPPORTED) NAME(VK_ERROR_FRAGMENTED_POOL) NAME(VK_ERROR_UNKNOWN)
        NAME(VK_ERROR_OUT_OF_POOL_MEMORY) NAME(VK_ERROR_INVALID_EXTERNAL_HANDLE) NAME(VK_ERROR_FRAGMENTATION)
        NAME(VK_ERROR_INVALID_SHADER_NV) NAME(VK_ERROR_VALIDATION_FAILED_EXT)
#undef NAME
    default:
        return "VkResult";
    }
}

static exciton_status status_of(VkResult result)
{
    switch (result) {
    case VK_SUCCESS:
        return EXCITON_OK;
    case VK_ERROR_OUT_OF_HOST_MEMORY:
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    case VK_ERROR_OUT_OF_POOL_MEMORY:
    case VK_ERROR_FRAGMENTED_POOL:
    case VK_ERROR_FRAGMENTATION:
    case VK_ERROR_MEMORY_MAP_FAILED:
    case VK_ERROR_TOO_MANY_OBJECTS:
        return EXCITON_ERROR_MEMORY;
    case VK_ERROR_DEVICE_LOST:
        return EXCITON_ERROR_LOST;
    case VK_TIMEOUT:
    case VK_NOT_READY:
        return EXCITON_ERROR_TIMEOUT;
    case VK_ERROR_INVALID_SHADER_NV:
        return EXCITON_ERROR_COMPILE;
    default:
        return EXCITON_ERROR_DRIVER;
    }
}

exciton_status exciton_vk_check(const exciton_env *env, const char *call, VkResult result)
{
    exciton_status status = status_of(result);
    if (status == EXCITON_OK)
        return EXCITON_OK;
    if (status != EXCITON_ERROR_TIMEOUT) /* not a fault, and asked for often */
        exciton_log(env, EXCITON_LOG_ERROR, "vulkan: %s: %s (%d)", call, exciton_vk_result_text(result), (int)result);
    return exciton_fail(status, "vulkan: %s: %s (%d)", call, exciton_vk_result_text(result), (int)result);
}

exciton_status exciton_vk_created(const exciton_env *env, const char *call, VkResult result, void *handle, size_t size)
{
    static const unsigned char none[sizeof(uint64_t)];
    exciton_status status = exciton_vk_check(env, call, result);
    if (status == EXCITON_OK && memcmp(handle, none, size) == 0) {
        exciton_log(env, EXCITON_LOG_ERROR, "vulkan: %s: success without a handle", call);
        status = exciton_fail(EXCITON_ERROR_DRIVER, "vulkan: %s: success without a handle", call);
    }
    if (status != EXCITON_OK)
        memset(handle, 0, size); /* a driver may have left anything there */
    return status;
}
