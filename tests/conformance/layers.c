/* The validation layer: no message from all that the suite did, and, so that silence means something, messages from a
 * context whose fences are made with a flag that there isn't. */
#include "conformance/suite.h"

#include <inttypes.h>

#ifdef EXCITON_VULKAN
#include "backends/vulkan/loader.h"
#include "core/context.h"

#include <string.h>

static PFN_vkCreateFence create_fence;

static VKAPI_ATTR VkResult VKAPI_CALL create_wrong_fence(VkDevice device, const VkFenceCreateInfo *info,
                                                         const VkAllocationCallbacks *memory, VkFence *fence)
{
    VkFenceCreateInfo wrong = *info;
    wrong.flags |= UINT32_C(0x40000000);
    return create_fence(device, &wrong, memory, fence);
}

static exciton_function resolve(void *user, const char *name, exciton_function function)
{
    (void)user;
    if (!function || strcmp(name, "vkCreateFence") != 0)
        return function;
    create_fence = (PFN_vkCreateFence)function;
    return (exciton_function)create_wrong_fence;
}

static void provoke(const char *selector)
{
    exciton_context *context = NULL;
    exciton_device *device = NULL;
    exciton_status status = exciton_context_create_seamed(&(exciton_context_params){.validate = true}, resolve, NULL, &context);
    if (status == EXCITON_OK)
        status = exciton_device_open(context, selector, &device);
    check_status(status, EXCITON_OK, "a context with wrong fences");
    check(exciton_validation_messages(context) > 0, "the layer says nothing about wrong fences: it isn't there");
    exciton_device_close(device);
    exciton_context_destroy(context);
}
#else
static void provoke(const char *selector) { (void)selector; }
#endif

void section_layers(suite *s)
{
    uint64_t messages = exciton_validation_messages(s->context);
    check(messages == 0, "the validation layer had %" PRIu64 " messages", messages);
    if (s->info.api == EXCITON_API_VULKAN)
        provoke(s->options.selector);
}
