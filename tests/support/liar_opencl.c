/* Arguments are changed as they are set: which kernel they are for is known from its making. */
#include "support/liar.h"

#include "backends/opencl/opencl.h"

#include <stdio.h>
#include <string.h>

enum { KERNELS = 8192 };

static struct {
    cl_kernel handle;
    char name[64], form[8];
    cl_uint first_param; /* behind the last slot */
} kernels[KERNELS];
static uint32_t kernel_count;

static cl_kernel(CL_API_CALL *real_create)(cl_program, const char *, cl_int *);
static cl_int(CL_API_CALL *real_set)(cl_kernel, cl_uint, size_t, const void *);
static cl_int(CL_API_CALL *real_info)(cl_device_id, cl_device_info, size_t, void *, size_t *);

static uint32_t place_of(cl_kernel handle)
{
    uint32_t i = 0;
    while (i < kernel_count && kernels[i].handle != handle)
        ++i;
    return i;
}

/* "exciton_NAME_FORM". */
static cl_kernel CL_API_CALL create(cl_program program, const char *function, cl_int *code)
{
    cl_kernel handle = real_create(program, function, code);
    uint32_t i = place_of(handle);
    const char *form = strrchr(function, '_');
    if (!handle || i == KERNELS || !form)
        return handle;
    kernel_count += i == kernel_count;
    kernels[i].handle = handle;
    kernels[i].first_param = 0;
    snprintf(kernels[i].form, sizeof kernels[i].form, "%s", form + 1);
    snprintf(kernels[i].name, sizeof kernels[i].name, "%.*s", (int)(form - function) - 8, function + 8);
    return handle;
}

/* A slot is a buffer and two words of its offset. */
static cl_int CL_API_CALL set(cl_kernel handle, cl_uint index, size_t size, const void *value)
{
    uint32_t i = place_of(handle), word;
    if (i < kernel_count && size == sizeof(cl_mem))
        kernels[i].first_param = index + 3;
    if (i == kernel_count || size != sizeof word || index < kernels[i].first_param)
        return real_set(handle, index, size, value);
    memcpy(&word, value, sizeof word);
    (void)liar_changes(kernels[i].name, kernels[i].form, index - kernels[i].first_param, &word);
    return real_set(handle, index, size, &word);
}

static cl_int CL_API_CALL info(cl_device_id device, cl_device_info what, size_t size, void *value, size_t *used)
{
    cl_int code = real_info(device, what, size, value, used);
    if (code == CL_SUCCESS && what == CL_DRIVER_VERSION && value && size > 1 && the_liar.other_version)
        *(char *)value = '~';
    return code;
}

exciton_function liar_opencl(const char *name, exciton_function function)
{
    if (!strcmp(name, "clCreateKernel")) {
        real_create = (__typeof__(real_create))function;
        return (exciton_function)create;
    }
    if (!strcmp(name, "clSetKernelArg")) {
        real_set = (__typeof__(real_set))function;
        return (exciton_function)set;
    }
    if (!strcmp(name, "clGetDeviceInfo")) {
        real_info = (__typeof__(real_info))function;
        return (exciton_function)info;
    }
    return function;
}
