/* compilers: each kernel variant, a JSON object a line, for ci/compilers.
 *
 *   list        the name, the kernel's file and the options with which the library compiles it on OpenCL
 *   pipelines   what the compiler of the one Vulkan device says of it (VK_KHR_pipeline_executable_properties). Nothing is run,
 *               and no memory is needed: RADV without hardware is enough */
#include "backends/opencl/opencl.h"
#include "backends/vulkan/spirv.h"
#include "compilers/variants.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

enum { STATISTICS = 64 };

static int fail(const char *what, long code)
{
    fprintf(stderr, "compilers: %s (%ld)\n", what, code);
    return 1;
}

static void print_variant(const compiled_variant *v)
{
    char name[64];
    compiled_variant_name(&v->spec, name);
    printf("{\"module\": \"%s\", \"kernel\": \"%s\", \"texels\": %s, \"taken\": %s, \"group\": %" PRIu32, name,
           v->spec.clblast ? "finish" : exciton_kernel_describe(v->spec.kernel)->name, v->spec.texels ? "true" : "false",
           v->taken ? "true" : "false", v->spec.group_size);
}

/* A device that divides correctly on request and has work-group memory of its own, as GPUs do. */
static int list(const compiled_variant *variants, uint32_t count)
{
    static const exciton_be_device device = {.native_division = true, .distant = true};
    for (uint32_t i = 0; i < count; ++i) {
        char options[EXCITON_CL_OPTIONS];
        exciton_cl_options(&device, &variants[i].spec, options);
        print_variant(&variants[i]);
        printf(", \"options\": \"%s\"}\n", options);
    }
    return 0;
}

/* ---- Vulkan ---- */

#define GLOBAL(X) X(CreateInstance)
#define INSTANCE(X)                                                                                                                    \
    X(EnumeratePhysicalDevices) X(GetPhysicalDeviceProperties2) X(CreateDevice) X(GetDeviceProcAddr) X(GetPhysicalDeviceFeatures)        \
    X(EnumerateDeviceExtensionProperties)
#define DEVICE(X)                                                                                                                      \
    X(CreateShaderModule) X(DestroyShaderModule) X(CreateDescriptorSetLayout) X(DestroyDescriptorSetLayout) X(CreatePipelineLayout)     \
    X(DestroyPipelineLayout) X(CreateComputePipelines) X(DestroyPipeline) X(GetPipelineExecutablePropertiesKHR)                        \
    X(GetPipelineExecutableStatisticsKHR)
#define DECLARE(name) static PFN_vk##name vk_##name;
GLOBAL(DECLARE) INSTANCE(DECLARE) DEVICE(DECLARE)

static VkInstance instance;
static VkDevice device;
static bool rounds_to_nearest, keeps_nan;

static int open_device(VkPhysicalDevice physical)
{
    VkPhysicalDeviceDriverProperties driver = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
    VkPhysicalDeviceFloatControlsProperties floats = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FLOAT_CONTROLS_PROPERTIES, .pNext = &driver};
    VkPhysicalDeviceProperties2 properties = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &floats};
    vk_GetPhysicalDeviceProperties2(physical, &properties);
    rounds_to_nearest = floats.shaderRoundingModeRTEFloat32;
    keeps_nan = floats.shaderSignedZeroInfNanPreserveFloat32;
    printf("{\"device\": \"%s\", \"driver\": \"%s\", \"version\": \"%s\"}\n", properties.properties.deviceName, driver.driverName,
           driver.driverInfo);

    VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR told = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR, .pipelineExecutableInfo = VK_TRUE};
    float priority = 1;
    VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, .queueCount = 1, .pQueuePriorities = &priority};
    VkPhysicalDeviceFeatures has, wanted = {0};
    vk_GetPhysicalDeviceFeatures(physical, &has);
    wanted.shaderInt64 = has.shaderInt64;
    const char *extension = VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME;
    VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, .pNext = &told, .queueCreateInfoCount = 1, .pQueueCreateInfos = &queue,
                               .enabledExtensionCount = 1, .ppEnabledExtensionNames = &extension, .pEnabledFeatures = &wanted};
    VkResult result = vk_CreateDevice(physical, &info, NULL, &device);
    return result ? fail("vkCreateDevice", result) : 0;
}

static int open_vulkan(void)
{
    void *library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
    PFN_vkGetInstanceProcAddr entry = NULL;
    if (library)
        *(void **)&entry = dlsym(library, "vkGetInstanceProcAddr");
    if (!entry)
        return fail("libvulkan.so.1: not found", 0);
#define LOAD(name) vk_##name = (PFN_vk##name)entry(instance, "vk" #name);
    GLOBAL(LOAD)
    VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .apiVersion = VK_API_VERSION_1_2};
    VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &application};
    VkResult result = vk_CreateInstance(&info, NULL, &instance);
    if (result)
        return fail("vkCreateInstance", result);
    INSTANCE(LOAD)
    VkPhysicalDevice physical;
    uint32_t count = 1;
    result = vk_EnumeratePhysicalDevices(instance, &count, &physical);
    if (result || !count)
        return fail("no Vulkan device", result);
    int status = open_device(physical);
#undef LOAD
#define LOAD(name) vk_##name = (PFN_vk##name)vk_GetDeviceProcAddr(device, "vk" #name);
    if (!status) {
        DEVICE(LOAD)
    }
#undef LOAD
    return status;
}

static int create_layout(const compiled_variant *v, VkDescriptorSetLayout *set, VkPipelineLayout *layout)
{
    /* slots are storage buffers; with texels, all four and four views, as the backend has them */
    uint32_t slots = v->spec.texels ? EXCITON_KERNEL_SLOTS : exciton_kernel_slot_count(&v->spec);
    VkDescriptorSetLayoutBinding bindings[2 * EXCITON_KERNEL_SLOTS];
    for (uint32_t i = 0; i < 2 * EXCITON_KERNEL_SLOTS; ++i)
        bindings[i] = (VkDescriptorSetLayoutBinding){
            .binding = i, .descriptorCount = 1, .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
            .descriptorType = i < EXCITON_KERNEL_SLOTS ? VK_DESCRIPTOR_TYPE_STORAGE_BUFFER : VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER};
    VkDescriptorSetLayoutCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                                            .bindingCount = v->spec.texels ? 2 * EXCITON_KERNEL_SLOTS : slots, .pBindings = bindings};
    VkResult result = vk_CreateDescriptorSetLayout(device, &info, NULL, set);
    if (result)
        return fail("vkCreateDescriptorSetLayout", result);
    VkPushConstantRange params = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT, .size = exciton_kernel_describe(v->spec.kernel)->param_count * 4};
    VkPipelineLayoutCreateInfo of = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO, .setLayoutCount = 1, .pSetLayouts = set,
                                     .pushConstantRangeCount = 1, .pPushConstantRanges = &params};
    result = vk_CreatePipelineLayout(device, &of, NULL, layout);
    return result ? fail("vkCreatePipelineLayout", result) : 0;
}

static int create_pipeline(const compiled_variant *v, VkPipelineLayout layout, VkPipeline *pipeline)
{
    size_t count;
    const uint32_t *words = exciton_vk_shader(&v->spec, &count);
    uint32_t *own = words ? calloc(count + EXCITON_VK_SPIRV_EXTRA, sizeof *own) : NULL;
    if (!own)
        return fail("no such module", 0);
    VkShaderModuleCreateInfo code = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .pCode = own,
                                     .codeSize = 4 * exciton_vk_spirv_float_controls(words, count, rounds_to_nearest, keeps_nan, own)};
    VkShaderModule module;
    VkResult result = vk_CreateShaderModule(device, &code, NULL, &module);
    free(own);
    if (result)
        return fail("vkCreateShaderModule", result);
    const uint32_t constants[] = {v->spec.group_size, v->spec.group_size, v->spec.local_floats ? v->spec.local_floats : 1};
    static const VkSpecializationMapEntry entries[] = {{0, 0, 4}, {1, 4, 4}, {2, 8, 4}};
    VkSpecializationInfo special = {.mapEntryCount = 3, .pMapEntries = entries, .dataSize = sizeof constants, .pData = constants};
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO, .flags = VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR, .layout = layout,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO, .stage = VK_SHADER_STAGE_COMPUTE_BIT, .module = module,
                  .pName = "main", .pSpecializationInfo = &special}};
    result = vk_CreateComputePipelines(device, VK_NULL_HANDLE, 1, &info, NULL, pipeline);
    vk_DestroyShaderModule(device, module, NULL);
    return result ? fail("vkCreateComputePipelines", result) : 0;
}

static double value_of(const VkPipelineExecutableStatisticKHR *s)
{
    switch (s->format) {
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR:
        return s->value.b32;
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_INT64_KHR:
        return (double)s->value.i64;
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_UINT64_KHR:
        return (double)s->value.u64;
    default:
        return s->value.f64;
    }
}

/* A compute pipeline is one executable; a second one would be counted by the reader as a failure. */
static int print_statistics(VkPipeline pipeline)
{
    VkPipelineInfoKHR of = {.sType = VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, .pipeline = pipeline};
    uint32_t executables = 0, count = STATISTICS;
    VkResult result = vk_GetPipelineExecutablePropertiesKHR(device, &of, &executables, NULL);
    if (result || executables != 1)
        return fail("not one executable in a pipeline", (long)executables);
    VkPipelineExecutableStatisticKHR statistics[STATISTICS];
    for (int i = 0; i < STATISTICS; ++i)
        statistics[i] = (VkPipelineExecutableStatisticKHR){.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR};
    VkPipelineExecutableInfoKHR which = {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, .pipeline = pipeline};
    result = vk_GetPipelineExecutableStatisticsKHR(device, &which, &count, statistics);
    if (result)
        return fail("vkGetPipelineExecutableStatisticsKHR", result);
    printf(", \"statistics\": {");
    for (uint32_t i = 0; i < count; ++i)
        printf("%s\"%s\": %.0f", i ? ", " : "", statistics[i].name, value_of(&statistics[i]));
    printf("}}\n");
    return 0;
}

static int compile(const compiled_variant *v)
{
    VkDescriptorSetLayout set = VK_NULL_HANDLE;
    VkPipelineLayout layout = VK_NULL_HANDLE;
    VkPipeline pipeline = VK_NULL_HANDLE;
    int status = create_layout(v, &set, &layout);
    if (!status)
        status = create_pipeline(v, layout, &pipeline);
    if (!status) {
        print_variant(v);
        status = print_statistics(pipeline);
    }
    vk_DestroyPipeline(device, pipeline, NULL);
    vk_DestroyPipelineLayout(device, layout, NULL);
    vk_DestroyDescriptorSetLayout(device, set, NULL);
    return status;
}

int main(int argc, char **argv)
{
    static compiled_variant variants[COMPILED_VARIANTS];
    uint32_t count = compiled_variants(variants);
    if (argc != 2 || (strcmp(argv[1], "list") && strcmp(argv[1], "pipelines"))) {
        fprintf(stderr, "usage: compilers list|pipelines\n");
        return 2;
    }
    if (!count)
        return fail(exciton_last_error(), 0);
    if (!strcmp(argv[1], "list"))
        return list(variants, count);
    int status = open_vulkan();
    for (uint32_t i = 0; !status && i < count; ++i)
        status = variants[i].spec.clblast ? 0 : compile(&variants[i]);
    return status;
}
