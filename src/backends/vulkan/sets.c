/* The descriptor set of a step: its slots as storage buffers and, for a kernel that reads texels, views of what it reads. */
#include "backends/vulkan/objects.h"

#include "base/checked.h"

/* The bindings after the slots' own, as in shaders/rows.glsl and shaders/excite.glsl. */
typedef struct exciton_vk_view_entry {
    char slot;
    VkFormat format;
    uint32_t texel; /* bytes */
} exciton_vk_view_entry;

static const exciton_vk_view_entry entries[EXCITON_VK_VIEWS] = {
    {'X', VK_FORMAT_R32_SFLOAT, 4},
    {'X', VK_FORMAT_R32G32B32A32_SFLOAT, 16},
    {'W', VK_FORMAT_R32G32B32A32_SFLOAT, 16},
    {'T', VK_FORMAT_R32G32B32A32_SFLOAT, 16},
};

exciton_status exciton_vk_set_layouts_create(exciton_be_device *device)
{
    VkDescriptorSetLayoutBinding bindings[EXCITON_KERNEL_SLOTS + EXCITON_VK_VIEWS];
    uint32_t most = (uint32_t)exciton_min(EXCITON_KERNEL_SLOTS, device->traits.properties.limits.maxPerStageDescriptorStorageBuffers);
    exciton_status status = EXCITON_OK;
    for (uint32_t i = 0; i < EXCITON_KERNEL_SLOTS + EXCITON_VK_VIEWS; ++i)
        bindings[i] = (VkDescriptorSetLayoutBinding){
            .binding = i,
            .descriptorType = i < EXCITON_KERNEL_SLOTS ? VK_DESCRIPTOR_TYPE_STORAGE_BUFFER : VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER,
            .descriptorCount = 1,
            .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT};
    VkDescriptorSetLayoutCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, .pBindings = bindings};
    for (uint32_t slots = 1; !status && slots <= most; ++slots) {
        info.bindingCount = slots;
        status = EXCITON_VK_CREATE(device, &device->set_layouts[slots], CreateDescriptorSetLayout, device->device, &info, NULL);
    }
    if (status || most < EXCITON_KERNEL_SLOTS)
        return status;
    info.bindingCount = EXCITON_KERNEL_SLOTS + EXCITON_VK_VIEWS;
    return EXCITON_VK_CREATE(device, &device->texel_layout, CreateDescriptorSetLayout, device->device, &info, NULL);
}

void exciton_vk_set_layouts_destroy(exciton_be_device *device)
{
    for (uint32_t i = 0; i <= EXCITON_KERNEL_SLOTS; ++i)
        if (device->set_layouts[i])
            device->vk.DestroyDescriptorSetLayout(device->device, device->set_layouts[i], NULL);
    if (device->texel_layout)
        device->vk.DestroyDescriptorSetLayout(device->device, device->texel_layout, NULL);
}

exciton_status exciton_vk_set_pool_create(exciton_be_device *device, exciton_be_kernel *const *kernels, uint32_t count, VkDescriptorPool *pool)
{
    VkDescriptorPoolSize sizes[] = {{.type = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER}, {.type = VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER}};
    for (uint32_t i = 0; i < count; ++i) {
        sizes[0].descriptorCount += kernels[i]->texels ? EXCITON_KERNEL_SLOTS : kernels[i]->slots;
        sizes[1].descriptorCount += kernels[i]->texels ? EXCITON_VK_VIEWS : 0;
    }
    VkDescriptorPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                       .maxSets = count,
                                       .poolSizeCount = sizes[1].descriptorCount ? 2 : 1,
                                       .pPoolSizes = sizes};
    return EXCITON_VK_CREATE(device, pool, CreateDescriptorPool, device->device, &info, NULL);
}

/* What is too small for one texel is never fetched, but its descriptor must be there: the scratch stands in. */
static exciton_status create_view(exciton_be_device *device, const exciton_vk_view_entry *entry, const VkDescriptorBufferInfo *slot,
                                  const VkDescriptorBufferInfo *scratch, VkBufferView *view)
{
    if (slot->range < entry->texel)
        slot = scratch;
    VkBufferViewCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
                                   .buffer = slot->buffer,
                                   .format = entry->format,
                                   .offset = slot->offset,
                                   .range = slot->range / entry->texel * entry->texel};
    return EXCITON_VK_CREATE(device, view, CreateBufferView, device->device, &info, NULL);
}

/* The slot of a letter; NULL: the kernel has none. */
static const VkDescriptorBufferInfo *slot_of(const exciton_be_kernel *kernel, const VkDescriptorBufferInfo *slots, char letter)
{
    for (const char *l = kernel->letters; *l; ++l) {
        if (*l == letter)
            return slots;
        if (*l != 'Y' || !kernel->in_place)
            ++slots;
    }
    return NULL;
}

static exciton_status write_views(exciton_be_kernel *kernel, const VkDescriptorBufferInfo *slots, VkDescriptorSet set, VkBufferView *views)
{
    exciton_be_device *device = kernel->device;
    exciton_status status = EXCITON_OK;
    for (uint32_t i = 0; !status && i < EXCITON_VK_VIEWS; ++i) {
        const VkDescriptorBufferInfo *slot = slot_of(kernel, slots, entries[i].slot);
        if (!slot)
            continue;
        status = create_view(device, &entries[i], slot, slot_of(kernel, slots, 'T'), &views[i]);
        VkWriteDescriptorSet write = {.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                      .dstSet = set,
                                      .dstBinding = EXCITON_KERNEL_SLOTS + i,
                                      .descriptorCount = 1,
                                      .descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER,
                                      .pTexelBufferView = &views[i]};
        if (!status)
            device->vk.UpdateDescriptorSets(device->device, 1, &write, 0, NULL);
    }
    return status;
}

exciton_status exciton_vk_set_create(exciton_be_kernel *kernel, VkDescriptorPool pool, const VkDescriptorBufferInfo *slots, VkDescriptorSet *set,
                                     VkBufferView *views)
{
    exciton_be_device *device = kernel->device;
    VkDescriptorSetAllocateInfo allocate = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                            .descriptorPool = pool,
                                            .descriptorSetCount = 1,
                                            .pSetLayouts = exciton_vk_set_layout(kernel)};
    exciton_status status = EXCITON_VK_CREATE(device, set, AllocateDescriptorSets, device->device, &allocate);
    if (status)
        return status;
    VkWriteDescriptorSet write = {.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                  .dstSet = *set,
                                  .descriptorCount = kernel->slots,
                                  .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                  .pBufferInfo = slots};
    device->vk.UpdateDescriptorSets(device->device, 1, &write, 0, NULL);
    return kernel->texels ? write_views(kernel, slots, *set, views) : EXCITON_OK;
}

const VkDescriptorSetLayout *exciton_vk_set_layout(const exciton_be_kernel *kernel)
{
    return kernel->texels ? &kernel->device->texel_layout : &kernel->device->set_layouts[kernel->slots];
}

void exciton_vk_views_destroy(exciton_be_device *device, VkBufferView *views, uint32_t count)
{
    for (uint32_t i = 0; i < count; ++i)
        if (views[i])
            device->vk.DestroyBufferView(device->device, views[i], NULL);
}
