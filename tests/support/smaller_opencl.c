/* The floors of OpenCL 1.2: the specification's table 4.3, the embedded profile's where that is lower, and work-groups smaller
 * than any promise. */
#include "support/smaller.h"

#include "backends/opencl/opencl.h"

#include <string.h>

enum { DEVICE, KERNEL };

#define REAL(index, fn) ((__typeof__(&fn))smaller_opencl[index].real)

static void lower_size(smaller_floor floor, void *value, uint64_t least)
{
    size_t *size = value;
    *size = (size_t)smaller_lower(floor, *size, least);
}

static void lower_ulong(smaller_floor floor, void *value, uint64_t least)
{
    cl_ulong *number = value;
    *number = smaller_lower(floor, *number, least);
}

static void lower_group(void *value)
{
    lower_size(SMALLER_INVOCATIONS, value, 128);
    lower_size(SMALLER_GROUP32, value, 32);
    lower_size(SMALLER_GROUP1, value, 1);
}

static cl_int CL_API_CALL device_info(cl_device_id device, cl_device_info what, size_t size, void *value, size_t *used)
{
    if (smaller_has(SMALLER_UUID) && what == CL_DEVICE_UUID_KHR) {
        smaller_count(SMALLER_UUID);
        return CL_INVALID_VALUE;
    }
    cl_int code = REAL(DEVICE, clGetDeviceInfo)(device, what, size, value, used);
    if (code || !value)
        return code;
    switch (what) {
    case CL_DEVICE_MAX_WORK_GROUP_SIZE:
    case CL_DEVICE_MAX_WORK_ITEM_SIZES: /* the first of three */
        lower_group(value);
        break;
    case CL_DEVICE_LOCAL_MEM_SIZE:
        lower_ulong(SMALLER_LOCAL, value, 16384);
        break;
    case CL_DEVICE_LOCAL_MEM_TYPE:
        if (smaller_has(SMALLER_GPU)) {
            smaller_count(SMALLER_GPU);
            *(cl_device_local_mem_type *)value = CL_LOCAL;
        }
        break;
    case CL_DEVICE_MAX_PARAMETER_SIZE:
        lower_size(SMALLER_PARAMS, value, 256);
        break;
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE:
        lower_ulong(SMALLER_RANGE, value, 1 << 27);
        break;
    default:
        break;
    }
    return code;
}

static cl_int CL_API_CALL kernel_info(cl_kernel kernel, cl_device_id device, cl_kernel_work_group_info what, size_t size, void *value, size_t *used)
{
    cl_int code = REAL(KERNEL, clGetKernelWorkGroupInfo)(kernel, device, what, size, value, used);
    if (!code && value && what == CL_KERNEL_WORK_GROUP_SIZE)
        lower_group(value);
    return code;
}

smaller_entry smaller_opencl[] = {
    [DEVICE] = {.name = "clGetDeviceInfo", .wrapper = (exciton_function)device_info},
    [KERNEL] = {.name = "clGetKernelWorkGroupInfo", .wrapper = (exciton_function)kernel_info},
    {.name = NULL},
};
