/* The instance, and with env->validate the Khronos validation layer and the messenger that counts what it says. */
#include "backends/vulkan/objects.h"

#include <stdio.h>
#include <string.h>

static const char layer_name[] = "VK_LAYER_KHRONOS_validation";

static VKAPI_ATTR VkBool32 VKAPI_CALL hear(VkDebugUtilsMessageSeverityFlagBitsEXT severity, VkDebugUtilsMessageTypeFlagsEXT types,
                                           const VkDebugUtilsMessengerCallbackDataEXT *data, void *user)
{
    exciton_env *env = user;
    (void)types;
    __atomic_fetch_add(&env->validation_messages, 1, __ATOMIC_RELAXED);
    exciton_log(env, severity & VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT ? EXCITON_LOG_ERROR : EXCITON_LOG_WARNING, "vulkan: %s: %s",
                data->pMessageIdName ? data->pMessageIdName : "validation", data->pMessage ? data->pMessage : "");
    return VK_FALSE;
}

/* The layer's own messages, not the loader's (general) about drivers that it skips. */
static VkDebugUtilsMessengerCreateInfoEXT messenger_info(exciton_env *env)
{
    return (VkDebugUtilsMessengerCreateInfoEXT){
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT,
        .pfnUserCallback = hear,
        .pUserData = env,
    };
}

/* Extensions of the loader and drivers, or of a layer. */
static exciton_status list_extensions(const exciton_be_state *state, const char *layer, VkExtensionProperties **list, uint32_t *count)
{
    *list = NULL;
    *count = 0;
    uint32_t there = 0;
    if (state->vk.EnumerateInstanceExtensionProperties(layer, &there, NULL) != VK_SUCCESS || there == 0)
        return EXCITON_OK;
    *list = exciton_allocate_array(state->env, there, sizeof **list);
    if (!*list)
        return exciton_fail(EXCITON_ERROR_MEMORY, "vulkan: instance extensions: no memory for %u", there);
    VkResult result = state->vk.EnumerateInstanceExtensionProperties(layer, &there, *list);
    *count = result == VK_SUCCESS || result == VK_INCOMPLETE ? there : 0;
    return EXCITON_OK;
}

static exciton_status find_extension(const exciton_be_state *state, const char *layer, const char *name, bool *found)
{
    VkExtensionProperties *list;
    uint32_t count;
    exciton_status status = list_extensions(state, layer, &list, &count);
    *found = !status && exciton_vk_has_extension(list, count, name);
    exciton_release(state->env, list);
    return status;
}

static exciton_status find_layer(const exciton_be_state *state, bool *found)
{
    *found = false;
    uint32_t count = 0;
    if (state->vk.EnumerateInstanceLayerProperties(&count, NULL) != VK_SUCCESS || count == 0)
        return EXCITON_OK;
    VkLayerProperties *layers = exciton_allocate_array(state->env, count, sizeof *layers);
    if (!layers)
        return exciton_fail(EXCITON_ERROR_MEMORY, "vulkan: layers: no memory for %u", count);
    VkResult result = state->vk.EnumerateInstanceLayerProperties(&count, layers);
    for (uint32_t i = 0; (result == VK_SUCCESS || result == VK_INCOMPLETE) && i < count; ++i)
        *found = *found || !strcmp(layers[i].layerName, layer_name);
    exciton_release(state->env, layers);
    return EXCITON_OK;
}

/* What is there of the things that change how the instance is made. */
typedef struct exciton_vk_offer {
    bool layer, messenger, features, portability;
} exciton_vk_offer;

static exciton_status look(const exciton_be_state *state, exciton_vk_offer *offer)
{
    *offer = (exciton_vk_offer){0};
    exciton_status status = find_extension(state, NULL, VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME, &offer->portability);
    if (status || !state->env->validate)
        return status;
    status = find_layer(state, &offer->layer);
    if (!status && offer->layer)
        status = find_extension(state, layer_name, VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME, &offer->features);
    if (!status && offer->layer)
        status = find_extension(state, layer_name, VK_EXT_DEBUG_UTILS_EXTENSION_NAME, &offer->messenger);
    if (!status && !offer->messenger)
        status = find_extension(state, NULL, VK_EXT_DEBUG_UTILS_EXTENSION_NAME, &offer->messenger);
    return status;
}

static exciton_status create(exciton_be_state *state, const exciton_vk_offer *offer, char *why, size_t size)
{
    VkDebugUtilsMessengerCreateInfoEXT messenger = messenger_info(state->env);
    const VkValidationFeatureEnableEXT enable[] = {VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT};
    VkValidationFeaturesEXT features = {
        .sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT, .pNext = &messenger, .enabledValidationFeatureCount = 1,
        .pEnabledValidationFeatures = enable};
    const char *extensions[3], *layers[] = {layer_name};
    uint32_t extension_count = 0;
    if (offer->messenger)
        extensions[extension_count++] = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
    if (offer->layer && offer->features)
        extensions[extension_count++] = VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME;
    if (offer->portability)
        extensions[extension_count++] = VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME;
    VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                     .pEngineName = "exciton",
                                     .engineVersion = VK_MAKE_VERSION(EXCITON_VERSION_MAJOR, EXCITON_VERSION_MINOR, EXCITON_VERSION_PATCH),
                                     .apiVersion = EXCITON_VK_VERSION};
    VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                 .pNext = !offer->messenger ? NULL : offer->features ? (const void *)&features : &messenger,
                                 .flags = offer->portability ? VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR : 0,
                                 .pApplicationInfo = &application,
                                 .enabledLayerCount = offer->layer ? 1 : 0,
                                 .ppEnabledLayerNames = layers,
                                 .enabledExtensionCount = extension_count,
                                 .ppEnabledExtensionNames = extensions};
    VkResult result = state->vk.CreateInstance(&info, NULL, &state->instance);
    if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
        snprintf(why, size, "the loader has no driver");
    else if (result != VK_SUCCESS || !state->instance)
        snprintf(why, size, "vkCreateInstance: %s (%d)", exciton_vk_result_text(result), (int)result);
    if (result != VK_SUCCESS)
        state->instance = NULL;
    return result == VK_ERROR_OUT_OF_HOST_MEMORY ? exciton_vk_check(state->env, "vkCreateInstance", result) : EXCITON_OK;
}

static void start_messenger(exciton_be_state *state, char *why, size_t size)
{
    VkDebugUtilsMessengerCreateInfoEXT info = messenger_info(state->env);
    if (EXCITON_VK_CREATE(state, &state->messenger, CreateDebugUtilsMessengerEXT, state->instance, &info, NULL))
        snprintf(why, size, "%s", exciton_last_error());
}

exciton_status exciton_vk_instance_create(exciton_be_state *state, char *why, size_t size)
{
    why[0] = 0;
    uint32_t version = 0;
    if (state->vk.EnumerateInstanceVersion)
        state->vk.EnumerateInstanceVersion(&version);
    if (version < VK_API_VERSION_1_1) {
        snprintf(why, size, "the loader is for Vulkan 1.0; 1.1 is needed");
        return EXCITON_OK;
    }
    exciton_vk_offer offer;
    exciton_status status = look(state, &offer);
    if (status)
        return status;
    if (state->env->validate && !(offer.layer && offer.messenger)) {
        /* Checks that were asked for and are silently not made would look like checks passed. */
        snprintf(why, size, "validation was asked for and %s is missing", offer.layer ? VK_EXT_DEBUG_UTILS_EXTENSION_NAME : layer_name);
        return EXCITON_OK;
    }
    status = create(state, &offer, why, size);
    if (status || !state->instance)
        return status;
    if (exciton_vk_load_instance(state->env, state->instance, offer.messenger, &state->vk))
        snprintf(why, size, "%s", exciton_last_error());
    else if (offer.messenger)
        start_messenger(state, why, size);
    if (why[0] && state->vk.DestroyInstance)
        state->vk.DestroyInstance(state->instance, NULL);
    if (why[0])
        state->instance = NULL;
    return EXCITON_OK;
}
