/* What the files of this backend share: the objects behind backend.h's names, and the steps between files. */
#ifndef EXCITON_BACKENDS_VULKAN_OBJECTS_H
#define EXCITON_BACKENDS_VULKAN_OBJECTS_H

#include "backends/backend.h"
#include "backends/vulkan/loader.h"
#include "backends/vulkan/memory.h"
#include "backends/vulkan/traits.h"
#include "base/cache.h"
#include "base/os.h"

enum {
    EXCITON_VK_RING = 64,           /* submissions in flight before submit waits */
    EXCITON_VK_STAGING = 4 << 20    /* bytes */
};

struct exciton_be_state {
    exciton_env *env;
    uint64_t process; /* that made it */
    void *library;
    exciton_vk_instance_table vk;
    VkInstance instance;
    VkDebugUtilsMessengerEXT messenger;
    exciton_vk_traits *devices; /* by exciton_be_found.index */
    uint32_t count;
};

struct exciton_be_buffer {
    exciton_be_device *device;
    VkBuffer buffer;
    VkDeviceMemory memory;
    uint64_t bytes, memory_bytes;
    uint8_t *mapped; /* NULL: the host can't see it */
    bool coherent, cached;
    bool map_writes; /* between map and unmap */
};

/* A submission's fence; reset only when its work is done and nobody waits on it. */
typedef struct exciton_vk_pending {
    VkFence fence;
    uint64_t serial;
    uint32_t waiters;
} exciton_vk_pending;

struct exciton_be_device {
    exciton_env *env;
    exciton_vk_device_table vk;
    exciton_vk_traits traits;
    uint64_t process; /* that opened it */
    bool lost;        /* atomic access only */
    bool settled;     /* nothing runs although it is lost */
    bool stuck;       /* a copy never ended: the driver is left alone from here on */
    VkDevice device;
    VkQueue queue;
    VkDescriptorSetLayout set_layouts[EXCITON_KERNEL_SLOTS + 1]; /* by number of slots */
    VkDescriptorSetLayout texel_layout; /* all slots, and the views; not on a device with fewer storage buffers */

    exciton_mutex mutex; /* of the ring's numbers; never held over a driver's wait */
    exciton_cond cond;   /* a pending's last waiter has gone */
    bool has_mutex, has_cond;
    exciton_vk_pending ring[EXCITON_VK_RING];
    uint64_t last, done;

    VkCommandPool transfer_pool;
    VkCommandBuffer transfer;
    VkFence transfer_fence;
    exciton_be_buffer *staging; /* made when first needed */
};

struct exciton_be_kernel {
    exciton_be_device *device;
    VkPipelineLayout layout;
    VkPipeline pipeline;
    uint32_t slots, params_bytes;
    bool texels, in_place;
    const char *letters; /* of its slots, out of place */
};

struct exciton_be_recording {
    exciton_be_device *device;
    VkDescriptorPool descriptors;
    VkCommandPool pool;
    VkCommandBuffer commands;
    VkBufferView *views; /* EXCITON_VK_VIEWS a step */
    uint32_t view_count;
};

/* instance.c. OK with state->instance NULL: no instance, because of `why`. */
exciton_status exciton_vk_instance_create(exciton_be_state *state, char *why, size_t size);

/* queue.c: submissions in flight, and copies that are waited for. */
exciton_status exciton_vk_queue_open(exciton_be_device *device);
void exciton_vk_queue_close(exciton_be_device *device);
/* Fails in a forked child, on a lost device and after a copy that never ended. */
exciton_status exciton_vk_alive(const exciton_be_device *device);
/* Whether the driver's objects may be destroyed: not in a forked child, nor while something may use them for ever. */
bool exciton_vk_releasable(exciton_be_device *device);
/* Waits for all submissions. */
exciton_status exciton_vk_idle(exciton_be_device *device);
/* Between the two: commands into device->transfer, ordered after all earlier work. `end` blocks until they are done and
 * their writes can be read by the host. */
exciton_status exciton_vk_transfer_begin(exciton_be_device *device);
exciton_status exciton_vk_transfer_end(exciton_be_device *device);
exciton_status exciton_vk_submit(exciton_be_device *device, exciton_be_recording *const *recordings, uint32_t count, uint64_t *serial);
exciton_status exciton_vk_wait(exciton_be_device *device, uint64_t serial, uint64_t nanoseconds);

/* buffer.c */
exciton_status exciton_vk_buffer_create(exciton_be_device *device, uint64_t bytes, exciton_domain domain, bool no_mappable,
                                        exciton_be_buffer **buffer);
void exciton_vk_buffer_destroy(exciton_be_buffer *buffer);
exciton_status exciton_vk_buffer_write(exciton_be_buffer *buffer, uint64_t offset, const void *data, uint64_t bytes);
exciton_status exciton_vk_buffer_read(exciton_be_buffer *buffer, uint64_t offset, void *data, uint64_t bytes);
exciton_status exciton_vk_buffer_copy(exciton_be_buffer *from, uint64_t from_at, exciton_be_buffer *to, uint64_t to_at, uint64_t bytes);
exciton_status exciton_vk_buffer_map(exciton_be_buffer *buffer, bool for_write, void **data);
exciton_status exciton_vk_buffer_unmap(exciton_be_buffer *buffer);
exciton_status exciton_vk_staging(exciton_be_device *device, exciton_be_buffer **staging);

/* sets.c: descriptor sets, and the texel views in them, which outlive the sets' use. */
enum { EXCITON_VK_VIEWS = 4 };
exciton_status exciton_vk_set_layouts_create(exciton_be_device *device);
void exciton_vk_set_layouts_destroy(exciton_be_device *device);
const VkDescriptorSetLayout *exciton_vk_set_layout(const exciton_be_kernel *kernel);
/* A pool for one set of each kernel. */
exciton_status exciton_vk_set_pool_create(exciton_be_device *device, exciton_be_kernel *const *kernels, uint32_t count, VkDescriptorPool *pool);
/* `slots` in the kernel's order. `views` are zeros before; after a failure, too, those that are none must be destroyed. */
exciton_status exciton_vk_set_create(exciton_be_kernel *kernel, VkDescriptorPool pool, const VkDescriptorBufferInfo *slots, VkDescriptorSet *set,
                                     VkBufferView *views);
void exciton_vk_views_destroy(exciton_be_device *device, VkBufferView *views, uint32_t count);

/* kernel.c */
exciton_status exciton_vk_kernel_create(exciton_be_device *device, const exciton_kernel_spec *spec, exciton_be_kernel **kernel);
void exciton_vk_kernel_destroy(exciton_be_kernel *kernel);
void exciton_vk_kernel_identify(const exciton_kernel_spec *spec, exciton_sha256 *hash);

/* cache.c: the driver's pipeline cache of one kernel, filled from the context's cache; nothing without one. */
typedef struct exciton_vk_kept {
    VkPipelineCache cache;
    exciton_cache_key key;
    bool had;
} exciton_vk_kept;
exciton_vk_kept exciton_vk_cache_begin(exciton_be_device *device, const exciton_kernel_spec *spec);
/* Keeps what is new, if `good`. */
void exciton_vk_cache_end(exciton_be_device *device, exciton_vk_kept *kept, bool good);

/* schedule.c */
exciton_status exciton_vk_recording_create(exciton_be_device *device, const exciton_step *steps, uint32_t count, exciton_be_kernel *const *kernels,
                                           exciton_be_buffer *const buffers[EXCITON_SLOT_COUNT], exciton_be_recording **recording);
void exciton_vk_recording_destroy(exciton_be_recording *recording);

#endif
