/* One VkBuffer and one VkDeviceMemory a buffer, mapped for life where the host can see it. */
#include "backends/vulkan/objects.h"

#include "base/checked.h"

#include <inttypes.h>
#include <string.h>

enum { SLOW_READ = 4096 }; /* from this many bytes on a copy by the device beats the host's uncached reads */

static bool is_power_of_two(uint64_t value) { return !(value & (value - 1)); }

/* Never a power of two: llvmpipe compiles a shader with texel views again where one buffer behind them is and another isn't
 * (pot_width in lp_sampler_static_texture_state), and what was warmed with one would be compiled at the first use of another. */
static exciton_status create_buffer(exciton_be_buffer *b)
{
    VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                               .size = b->bytes + (is_power_of_two(b->bytes) ? 4 : 0),
                               .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT |
                                        VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                               .sharingMode = VK_SHARING_MODE_EXCLUSIVE};
    return EXCITON_VK_CREATE(b->device, &b->buffer, CreateBuffer, b->device->device, &info, NULL);
}

static exciton_status allocate_memory(exciton_be_buffer *b, exciton_domain domain, bool no_mappable, bool *map)
{
    exciton_be_device *device = b->device;
    VkMemoryRequirements needs = {0};
    device->vk.GetBufferMemoryRequirements(device->device, b->buffer, &needs);
    exciton_vk_memory_choice choice;
    if (!exciton_vk_memory_choose(&device->traits.memory, needs.memoryTypeBits, domain, no_mappable, &choice))
        return exciton_fail(EXCITON_ERROR_DRIVER, "vulkan: buffer: no memory type will do (bits 0x%" PRIx32 ")", needs.memoryTypeBits);
    b->memory_bytes = needs.size;
    b->coherent = choice.coherent;
    b->cached = choice.cached;
    *map = choice.mapped;
    VkMemoryAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, .allocationSize = needs.size, .memoryTypeIndex = choice.type};
    exciton_status status = EXCITON_VK_CREATE(device, &b->memory, AllocateMemory, device->device, &info, NULL);
    return status ? status : EXCITON_VK(device, BindBufferMemory, (device->device, b->buffer, b->memory, 0));
}

void exciton_vk_buffer_destroy(exciton_be_buffer *b)
{
    if (!b)
        return;
    exciton_be_device *device = b->device;
    if (exciton_vk_releasable(device)) {
        if (b->mapped)
            device->vk.UnmapMemory(device->device, b->memory);
        if (b->buffer)
            device->vk.DestroyBuffer(device->device, b->buffer, NULL);
        if (b->memory)
            device->vk.FreeMemory(device->device, b->memory, NULL);
    }
    exciton_release(device->env, b);
}

exciton_status exciton_vk_buffer_create(exciton_be_device *device, uint64_t bytes, exciton_domain domain, bool no_mappable, exciton_be_buffer **out)
{
    exciton_status status = exciton_vk_alive(device);
    if (status)
        return status;
    exciton_be_buffer *b = exciton_allocate(device->env, sizeof *b);
    if (!b)
        return exciton_fail(EXCITON_ERROR_MEMORY, "vulkan: buffer: no memory");
    b->device = device;
    b->bytes = bytes;
    bool map = false;
    status = create_buffer(b);
    if (!status)
        status = allocate_memory(b, domain, no_mappable, &map);
    void *mapped = NULL;
    if (!status && map) /* where address space is short, staging does as well */
        if (EXCITON_VK_CREATE(device, &mapped, MapMemory, device->device, b->memory, 0, VK_WHOLE_SIZE, 0) == EXCITON_ERROR_LOST)
            status = EXCITON_ERROR_LOST;
    b->mapped = mapped;
    if (status) {
        exciton_vk_buffer_destroy(b);
        return exciton_fail_within(status, "buffer of %" PRIu64 " bytes", bytes);
    }
    *out = b;
    return EXCITON_OK;
}

exciton_status exciton_vk_staging(exciton_be_device *device, exciton_be_buffer **staging)
{
    if (!device->staging) {
        exciton_be_buffer *made = NULL;
        exciton_status status = exciton_vk_buffer_create(device, EXCITON_VK_STAGING, EXCITON_DOMAIN_READBACK, false, &made);
        if (status)
            return exciton_fail_within(status, "staging");
        if (!made->mapped) {
            exciton_vk_buffer_destroy(made);
            return exciton_fail(EXCITON_ERROR_DRIVER, "vulkan: staging: the driver has no memory that the host can see");
        }
        device->staging = made;
    }
    *staging = device->staging;
    return EXCITON_OK;
}

/* ---- mapped memory ---- */

static VkMappedMemoryRange range_of(const exciton_be_buffer *b, uint64_t offset, uint64_t bytes)
{
    exciton_vk_memory_atoms(b->device->traits.properties.limits.nonCoherentAtomSize, b->memory_bytes, &offset, &bytes);
    return (VkMappedMemoryRange){.sType = VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE, .memory = b->memory, .offset = offset, .size = bytes};
}

static exciton_status flush(exciton_be_buffer *b, uint64_t offset, uint64_t bytes)
{
    VkMappedMemoryRange range = range_of(b, offset, bytes);
    return b->coherent ? EXCITON_OK : EXCITON_VK(b->device, FlushMappedMemoryRanges, (b->device->device, 1, &range));
}

static exciton_status invalidate(exciton_be_buffer *b, uint64_t offset, uint64_t bytes)
{
    VkMappedMemoryRange range = range_of(b, offset, bytes);
    return b->coherent ? EXCITON_OK : EXCITON_VK(b->device, InvalidateMappedMemoryRanges, (b->device->device, 1, &range));
}

static exciton_status write_mapped(exciton_be_buffer *b, uint64_t offset, const void *data, uint64_t bytes)
{
    /* Flushing writes whole atoms: what the device wrote around ours must be in the host's cache first. */
    exciton_status status = invalidate(b, offset, bytes);
    if (status)
        return status;
    memcpy(b->mapped + offset, data, bytes);
    return flush(b, offset, bytes);
}

static exciton_status read_mapped(exciton_be_buffer *b, uint64_t offset, void *data, uint64_t bytes)
{
    exciton_status status = invalidate(b, offset, bytes);
    if (!status)
        memcpy(data, b->mapped + offset, bytes);
    return status;
}

/* ---- through the staging buffer ---- */

static exciton_status copy(exciton_be_device *device, VkBuffer from, uint64_t from_at, VkBuffer to, uint64_t to_at, uint64_t bytes)
{
    exciton_status status = exciton_vk_transfer_begin(device);
    if (status)
        return status;
    VkBufferCopy region = {.srcOffset = from_at, .dstOffset = to_at, .size = bytes};
    device->vk.CmdCopyBuffer(device->transfer, from, to, 1, &region);
    return exciton_vk_transfer_end(device);
}

static exciton_status write_staged(exciton_be_buffer *b, uint64_t offset, const uint8_t *data, uint64_t bytes)
{
    exciton_be_buffer *staging = NULL;
    exciton_status status = exciton_vk_staging(b->device, &staging);
    for (uint64_t at = 0, size; !status && at < bytes; at += size) {
        size = exciton_min(bytes - at, EXCITON_VK_STAGING);
        status = write_mapped(staging, 0, data + at, size);
        if (!status)
            status = copy(b->device, staging->buffer, 0, b->buffer, offset + at, size);
    }
    return status;
}

static exciton_status read_staged(exciton_be_buffer *b, uint64_t offset, uint8_t *data, uint64_t bytes)
{
    exciton_be_buffer *staging = NULL;
    exciton_status status = exciton_vk_staging(b->device, &staging);
    for (uint64_t at = 0, size; !status && at < bytes; at += size) {
        size = exciton_min(bytes - at, EXCITON_VK_STAGING);
        status = copy(b->device, b->buffer, offset + at, staging->buffer, 0, size);
        if (!status)
            status = read_mapped(staging, 0, data + at, size);
    }
    return status;
}

/* ---- the table's ---- */

exciton_status exciton_vk_buffer_write(exciton_be_buffer *b, uint64_t offset, const void *data, uint64_t bytes)
{
    exciton_status status = exciton_vk_alive(b->device);
    if (!status)
        status = exciton_vk_idle(b->device);
    if (status || bytes == 0)
        return status;
    return b->mapped ? write_mapped(b, offset, data, bytes) : write_staged(b, offset, data, bytes);
}

exciton_status exciton_vk_buffer_read(exciton_be_buffer *b, uint64_t offset, void *data, uint64_t bytes)
{
    exciton_status status = exciton_vk_alive(b->device);
    if (!status)
        status = exciton_vk_idle(b->device);
    if (status || bytes == 0)
        return status;
    bool direct = b->mapped && (b->cached || bytes < SLOW_READ);
    return direct ? read_mapped(b, offset, data, bytes) : read_staged(b, offset, data, bytes);
}

exciton_status exciton_vk_buffer_copy(exciton_be_buffer *from, uint64_t from_at, exciton_be_buffer *to, uint64_t to_at, uint64_t bytes)
{
    return bytes ? copy(from->device, from->buffer, from_at, to->buffer, to_at, bytes) : EXCITON_OK;
}

exciton_status exciton_vk_buffer_map(exciton_be_buffer *b, bool for_write, void **data)
{
    if (!b->mapped)
        return exciton_fail(EXCITON_ERROR_UNSUPPORTED, "vulkan: map: the host can't see this buffer's memory");
    exciton_status status = exciton_vk_alive(b->device);
    if (!status)
        status = exciton_vk_idle(b->device);
    if (!status)
        status = invalidate(b, 0, b->bytes);
    if (status)
        return status;
    b->map_writes = for_write;
    *data = b->mapped;
    return EXCITON_OK;
}

exciton_status exciton_vk_buffer_unmap(exciton_be_buffer *b)
{
    exciton_status status = exciton_vk_alive(b->device);
    if (!status && b->map_writes)
        status = flush(b, 0, b->bytes);
    b->map_writes = false;
    return status;
}
