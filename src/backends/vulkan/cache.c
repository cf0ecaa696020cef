/* Pipelines that were compiled before: the driver's cache data, kept by the context's cache under everything they depend on.
 * pipelineCacheUUID alone is no identity: some drivers' is a literal. */
#include "backends/vulkan/objects.h"

#include "backends/vulkan/spirv.h"

static exciton_cache_key key_of(const exciton_be_device *device, const exciton_kernel_spec *spec)
{
    const VkPhysicalDeviceProperties *p = &device->traits.properties;
    const uint32_t numbers[] = {p->vendorID, p->deviceID, p->driverVersion, p->apiVersion, spec->group_size, spec->local_floats,
                                device->traits.rounds_to_nearest, device->traits.keeps_nan};
    size_t count;
    const uint32_t *words = exciton_vk_shader(spec, &count);
    exciton_cache_key key;
    exciton_sha256 hash;
    exciton_sha256_begin(&hash);
    exciton_cache_key_add_text(&hash, "vulkan pipeline cache");
    exciton_cache_key_add_text(&hash, p->deviceName);
    exciton_cache_key_add_text(&hash, device->traits.driver);
    exciton_cache_key_add_text(&hash, device->traits.driver_version);
    exciton_cache_key_add(&hash, p->pipelineCacheUUID, sizeof p->pipelineCacheUUID);
    exciton_cache_key_add(&hash, numbers, sizeof numbers);
    exciton_cache_key_add(&hash, words, words ? count * sizeof *words : 0);
    exciton_sha256_end(&hash, key.hex);
    return key;
}

void exciton_vk_kernel_identify(const exciton_kernel_spec *spec, exciton_sha256 *hash)
{
    size_t count;
    const uint32_t *words = exciton_vk_shader(spec, &count);
    exciton_cache_key_add(hash, words, words ? count * sizeof *words : 0);
}

exciton_vk_kept exciton_vk_cache_begin(exciton_be_device *device, const exciton_kernel_spec *spec)
{
    exciton_vk_kept kept = {0};
    if (!exciton_cache_exists(device->env))
        return kept;
    kept.key = key_of(device, spec);
    size_t bytes;
    void *data = exciton_cache_read(device->env, &kept.key, &bytes);
    VkPipelineCacheCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO, .initialDataSize = bytes, .pInitialData = data};
    kept.had = data != NULL;
    if (device->vk.CreatePipelineCache(device->device, &info, NULL, &kept.cache) != VK_SUCCESS)
        kept.cache = VK_NULL_HANDLE; /* then without */
    exciton_release(device->env, data);
    return kept;
}

static void store(exciton_be_device *device, const exciton_vk_kept *kept)
{
    size_t bytes = 0;
    if (device->vk.GetPipelineCacheData(device->device, kept->cache, &bytes, NULL) != VK_SUCCESS || bytes == 0)
        return;
    void *data = exciton_allocate(device->env, bytes);
    if (data && device->vk.GetPipelineCacheData(device->device, kept->cache, &bytes, data) == VK_SUCCESS)
        exciton_cache_write(device->env, &kept->key, data, bytes);
    exciton_release(device->env, data);
}

void exciton_vk_cache_end(exciton_be_device *device, exciton_vk_kept *kept, bool good)
{
    if (!kept->cache)
        return;
    if (good && !kept->had)
        store(device, kept);
    if (exciton_vk_releasable(device))
        device->vk.DestroyPipelineCache(device->device, kept->cache, NULL);
    kept->cache = VK_NULL_HANDLE;
}
