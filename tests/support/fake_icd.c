/* An OpenCL driver for tests of set-ups that are broken: EXCITON_FAKE_ICD is what it does.
 *   enumerate   its devices can't be listed
 *   open        its device is lost as it is opened
 *   crash       it crashes as it is opened */
#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <CL/cl_icd.h>

#include <stdlib.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))

struct _cl_platform_id { cl_icd_dispatch *dispatch; };
struct _cl_device_id { cl_icd_dispatch *dispatch; };
static cl_icd_dispatch dispatch;
static struct _cl_platform_id platform = {&dispatch};
static struct _cl_device_id device = {&dispatch};

static int is(const char *what) { const char *mode = getenv("EXCITON_FAKE_ICD"); return mode && !strcmp(mode, what); }

static cl_int give(const void *data, size_t bytes, size_t size, void *value, size_t *used)
{
    if (value && size < bytes)
        return CL_INVALID_VALUE;
    if (value)
        memcpy(value, data, bytes);
    if (used)
        *used = bytes;
    return CL_SUCCESS;
}

static cl_int give_text(const char *text, size_t size, void *value, size_t *used) { return give(text, strlen(text) + 1, size, value, used); }

static cl_int CL_API_CALL platform_info(cl_platform_id of, cl_platform_info what, size_t size, void *value, size_t *used)
{
    (void)of;
    switch (what) {
    case CL_PLATFORM_PROFILE: return give_text("FULL_PROFILE", size, value, used);
    case CL_PLATFORM_VERSION: return give_text("OpenCL 1.2 fake", size, value, used);
    case CL_PLATFORM_NAME: return give_text("Fake", size, value, used);
    case CL_PLATFORM_VENDOR: return give_text("exciton's tests", size, value, used);
    case CL_PLATFORM_EXTENSIONS: return give_text("cl_khr_icd", size, value, used);
    case CL_PLATFORM_ICD_SUFFIX_KHR: return give_text("FAKE", size, value, used);
    default: return CL_INVALID_VALUE;
    }
}

static cl_int CL_API_CALL device_ids(cl_platform_id of, cl_device_type type, cl_uint room, cl_device_id *ids, cl_uint *count)
{
    (void)of, (void)type;
    if (is("enumerate"))
        return CL_OUT_OF_RESOURCES;
    if (ids && room)
        ids[0] = &device;
    if (count)
        *count = 1;
    return CL_SUCCESS;
}

static cl_int CL_API_CALL device_info(cl_device_id of, cl_device_info what, size_t size, void *value, size_t *used)
{
    const cl_device_type type = CL_DEVICE_TYPE_GPU;
    const cl_bool yes = CL_TRUE;
    const cl_platform_id from = &platform;
    const cl_uint number = 128;
    (void)of;
    switch (what) {
    case CL_DEVICE_NAME: return give_text("Fake device", size, value, used);
    case CL_DEVICE_VENDOR: return give_text("exciton's tests", size, value, used);
    case CL_DEVICE_VERSION: return give_text("OpenCL 1.2 fake", size, value, used);
    case CL_DRIVER_VERSION: return give_text("1", size, value, used);
    case CL_DEVICE_PROFILE: return give_text("FULL_PROFILE", size, value, used);
    case CL_DEVICE_EXTENSIONS: return give_text("", size, value, used);
    case CL_DEVICE_TYPE: return give(&type, sizeof type, size, value, used);
    case CL_DEVICE_PLATFORM: return give(&from, sizeof from, size, value, used);
    case CL_DEVICE_AVAILABLE:
    case CL_DEVICE_COMPILER_AVAILABLE:
    case CL_DEVICE_LINKER_AVAILABLE:
    case CL_DEVICE_ENDIAN_LITTLE: return give(&yes, sizeof yes, size, value, used);
    case CL_DEVICE_ADDRESS_BITS:
    case CL_DEVICE_MAX_WORK_ITEM_DIMENSIONS: {
        const cl_uint small = what == CL_DEVICE_ADDRESS_BITS ? 64 : 3;
        return give(&small, sizeof small, size, value, used);
    }
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE:
    case CL_DEVICE_GLOBAL_MEM_SIZE:
    case CL_DEVICE_LOCAL_MEM_SIZE:
    case CL_DEVICE_SINGLE_FP_CONFIG:
    case CL_DEVICE_MAX_WORK_GROUP_SIZE:
    case CL_DEVICE_MAX_PARAMETER_SIZE: {
        const cl_ulong large = what == CL_DEVICE_SINGLE_FP_CONFIG ? CL_FP_ROUND_TO_NEAREST | CL_FP_INF_NAN
                               : what == CL_DEVICE_MAX_WORK_GROUP_SIZE ? 256 : what == CL_DEVICE_MAX_PARAMETER_SIZE ? 1024 : 1 << 30;
        return give(&large, sizeof large, size, value, used);
    }
    case CL_DEVICE_MAX_WORK_ITEM_SIZES: {
        const size_t sizes[3] = {256, 256, 64};
        return give(sizes, sizeof sizes, size, value, used);
    }
    default: return give(&number, sizeof number, size, value, used);
    }
}

static cl_context CL_API_CALL create_context(const cl_context_properties *properties, cl_uint count, const cl_device_id *devices,
                                             void (CL_CALLBACK *say)(const char *, const void *, size_t, void *), void *user, cl_int *code)
{
    (void)properties, (void)count, (void)devices, (void)say, (void)user;
    if (is("crash"))
        abort();
    if (code)
        *code = CL_DEVICE_NOT_AVAILABLE;
    return NULL;
}

static cl_int CL_API_CALL platform_ids(cl_uint room, cl_platform_id *ids, cl_uint *count)
{
    dispatch.clGetPlatformInfo = platform_info;
    dispatch.clGetDeviceIDs = device_ids;
    dispatch.clGetDeviceInfo = device_info;
    dispatch.clCreateContext = create_context;
    if (ids && room)
        ids[0] = &platform;
    if (count)
        *count = 1;
    return CL_SUCCESS;
}

/* Loaders ask for both by name before they trust the table. */
EXPORTED CL_API_ENTRY void *CL_API_CALL clGetExtensionFunctionAddress(const char *name)
{
    union { cl_int(CL_API_CALL *function)(cl_uint, cl_platform_id *, cl_uint *); void *object; } ids = {.function = platform_ids};
    union { cl_int(CL_API_CALL *function)(cl_platform_id, cl_platform_info, size_t, void *, size_t *); void *object; } info = {.function = platform_info};
    return !strcmp(name, "clIcdGetPlatformIDsKHR") ? ids.object : !strcmp(name, "clGetPlatformInfo") ? info.object : NULL;
}

EXPORTED CL_API_ENTRY cl_int CL_API_CALL clIcdGetPlatformIDsKHR(cl_uint room, cl_platform_id *ids, cl_uint *count) { return platform_ids(room, ids, count); }
