/* The validation layer: no message from all that the suite did, and, so that silence means something, messages from
 * contexts that misuse Vulkan on purpose: fences made with a flag that there isn't; with synchronisation checks steps
 * without barriers between them; with GPU-assisted checks kernels that read beyond their buffers. */
#include "conformance/suite.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#ifdef EXCITON_VULKAN
#include "backends/vulkan/loader.h"
#include "core/context.h"

static PFN_vkCreateFence create_fence;
static PFN_vkCmdPushConstants push_constants;

static VKAPI_ATTR VkResult VKAPI_CALL create_wrong_fence(VkDevice device, const VkFenceCreateInfo *info,
                                                         const VkAllocationCallbacks *memory, VkFence *fence)
{
    VkFenceCreateInfo wrong = *info;
    wrong.flags |= UINT32_C(0x40000000);
    return create_fence(device, &wrong, memory, fence);
}

static VKAPI_ATTR void VKAPI_CALL no_barrier(VkCommandBuffer commands, VkPipelineStageFlags from, VkPipelineStageFlags to, VkDependencyFlags how,
                                             uint32_t a, const VkMemoryBarrier *memory, uint32_t b, const VkBufferMemoryBarrier *buffers,
                                             uint32_t c, const VkImageMemoryBarrier *images)
{
    (void)commands, (void)from, (void)to, (void)how, (void)a, (void)memory, (void)b, (void)buffers, (void)c, (void)images;
}

/* Every kernel's first param is an element of its first buffer. */
static VKAPI_ATTR void VKAPI_CALL push_beyond(VkCommandBuffer commands, VkPipelineLayout layout, VkShaderStageFlags stages, uint32_t offset,
                                              uint32_t size, const void *values)
{
    uint32_t params[64];
    memcpy(params, values, size < sizeof params ? size : sizeof params);
    params[0] += 1u << 20;
    push_constants(commands, layout, stages, offset, size, params);
}

static exciton_function wrong_fences(void *user, const char *name, exciton_function function)
{
    (void)user;
    if (!function || strcmp(name, "vkCreateFence") != 0)
        return function;
    create_fence = (PFN_vkCreateFence)function;
    return (exciton_function)create_wrong_fence;
}

static exciton_function no_barriers(void *user, const char *name, exciton_function function)
{
    (void)user;
    return function && strcmp(name, "vkCmdPipelineBarrier") == 0 ? (exciton_function)no_barrier : function;
}

static exciton_function beyond(void *user, const char *name, exciton_function function)
{
    (void)user;
    if (!function || strcmp(name, "vkCmdPushConstants") != 0)
        return function;
    push_constants = (PFN_vkCmdPushConstants)function;
    return (exciton_function)push_beyond;
}

static void provoke(const char *selector, const char *what, exciton_resolve_fn resolve)
{
    exciton_context *context = NULL;
    engine e = {.tight = true};
    variant v = variant_of_shape(what, 2, 24, 3, 98);
    tensors t;
    tensors_make(&v.c, &t);
    v.schedule = EXCITON_SCHEDULE_THREE_STAGES;
    v.form = EXCITON_FORM_ROWS;
    /* untested kernels: what reads beyond its buffers would be left out before the layer sees it */
    const exciton_context_params params = {.validate = true, .no_self_test = true};
    exciton_status status = exciton_context_create_seamed(&params, resolve, NULL, &context);
    if (status == EXCITON_OK)
        status = exciton_device_open(context, selector, &e.device);
    if (status == EXCITON_OK)
        status = engine_fill(&e, &v, &t); /* results are of no interest */
    check_status(status, EXCITON_OK, "a context with %s", what);
    check(exciton_validation_messages(context) > 0, "the layer says nothing about %s: it isn't there, or that check isn't on", what);
    engine_close(&e);
    exciton_context_destroy(context);
    tensors_release(&t);
}

static void provoke_all(const char *selector)
{
    const char *enabled = getenv("VK_LAYER_ENABLES");
    provoke(selector, "wrong fences", wrong_fences);
    if (enabled && strstr(enabled, "SYNCHRONIZATION_VALIDATION_EXT"))
        provoke(selector, "steps without barriers", no_barriers);
    if (enabled && strstr(enabled, "GPU_ASSISTED_EXT"))
        provoke(selector, "reads beyond a buffer", beyond);
}
#else
static void provoke_all(const char *selector) { (void)selector; }
#endif

void section_layers(suite *s)
{
    uint64_t messages = exciton_validation_messages(s->context);
    check(messages == 0, "the validation layer had %" PRIu64 " messages", messages);
    if (s->info.api == EXCITON_API_VULKAN)
        provoke_all(s->options.selector);
}
