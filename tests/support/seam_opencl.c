/* A wrapper for each function that the OpenCL backend looks up; one without a wrapper does not compile. */
#include "support/seam.h"

#include "backends/opencl/opencl.h"

#define ENTRY(fn, what) static seam_entry entry_##fn = {.name = #fn, .kind = what, .code = CL_OUT_OF_RESOURCES}
#define REAL(fn) ((__typeof__(&fn))entry_##fn.real)

#define CALL(type, fn, parameters, arguments)                                                   \
    ENTRY(fn, SEAM_CALL);                                                                       \
    static type CL_API_CALL wrap_##fn parameters                                                \
    {                                                                                           \
        type result = seam_enter(&entry_##fn) ? (type)entry_##fn.code : REAL(fn) arguments;     \
        seam_leave(&entry_##fn, result == CL_SUCCESS);                                          \
        return result;                                                                          \
    }

/* Releasing and waiting are done all the same: a driver that was really broken would leave less behind. */
#define AFTER(type, fn, parameters, arguments)                                                  \
    ENTRY(fn, SEAM_AFTER);                                                                      \
    static type CL_API_CALL wrap_##fn parameters                                                \
    {                                                                                           \
        bool fails = seam_enter(&entry_##fn);                                                   \
        type result = REAL(fn) arguments;                                                       \
        return fails ? (type)entry_##fn.code : result;                                          \
    }

#define MAKER(type, fn, parameters, arguments, code_argument)                                   \
    ENTRY(fn, SEAM_MAKER);                                                                      \
    static type CL_API_CALL wrap_##fn parameters                                                \
    {                                                                                           \
        bool fails = seam_enter(&entry_##fn);                                                   \
        type result = fails ? NULL : REAL(fn) arguments;                                        \
        if (fails && code_argument)                                                             \
            *code_argument = entry_##fn.code;                                                   \
        seam_leave(&entry_##fn, result != NULL);                                                \
        return result;                                                                          \
    }

CALL(cl_int, clGetPlatformIDs, (cl_uint a, cl_platform_id *b, cl_uint *c), (a, b, c))
CALL(cl_int, clGetPlatformInfo, (cl_platform_id a, cl_platform_info b, size_t c, void *d, size_t *e), (a, b, c, d, e))
CALL(cl_int, clGetDeviceIDs, (cl_platform_id a, cl_device_type b, cl_uint c, cl_device_id *d, cl_uint *e), (a, b, c, d, e))
CALL(cl_int, clGetDeviceInfo, (cl_device_id a, cl_device_info b, size_t c, void *d, size_t *e), (a, b, c, d, e))
MAKER(cl_context, clCreateContext, (const cl_context_properties *a, cl_uint b, const cl_device_id *c,
    void (CL_CALLBACK *d)(const char *errinfo, const void *private_info, size_t cb, void *user_data), void *e, cl_int *f),
    (a, b, c, d, e, f), f)
AFTER(cl_int, clReleaseContext, (cl_context a), (a))
MAKER(cl_command_queue, clCreateCommandQueue, (cl_context a, cl_device_id b, cl_command_queue_properties c, cl_int *d),
    (a, b, c, d), d)
AFTER(cl_int, clReleaseCommandQueue, (cl_command_queue a), (a))
CALL(cl_int, clFlush, (cl_command_queue a), (a))
AFTER(cl_int, clFinish, (cl_command_queue a), (a))
MAKER(cl_mem, clCreateBuffer, (cl_context a, cl_mem_flags b, size_t c, void *d, cl_int *e), (a, b, c, d, e), e)
AFTER(cl_int, clReleaseMemObject, (cl_mem a), (a))
CALL(cl_int, clEnqueueReadBuffer, (cl_command_queue a, cl_mem b, cl_bool c, size_t d, size_t e, void *f, cl_uint g,
    const cl_event *h, cl_event *i), (a, b, c, d, e, f, g, h, i))
CALL(cl_int, clEnqueueWriteBuffer, (cl_command_queue a, cl_mem b, cl_bool c, size_t d, size_t e, const void *f, cl_uint g,
    const cl_event *h, cl_event *i), (a, b, c, d, e, f, g, h, i))
CALL(cl_int, clEnqueueCopyBuffer, (cl_command_queue a, cl_mem b, cl_mem c, size_t d, size_t e, size_t f, cl_uint g,
    const cl_event *h, cl_event *i), (a, b, c, d, e, f, g, h, i))
MAKER(void *, clEnqueueMapBuffer, (cl_command_queue a, cl_mem b, cl_bool c, cl_map_flags d, size_t e, size_t f, cl_uint g,
    const cl_event *h, cl_event *i, cl_int *j), (a, b, c, d, e, f, g, h, i, j), j)
CALL(cl_int, clEnqueueUnmapMemObject, (cl_command_queue a, cl_mem b, void *c, cl_uint d, const cl_event *e, cl_event *f),
    (a, b, c, d, e, f))
MAKER(cl_program, clCreateProgramWithSource, (cl_context a, cl_uint b, const char **c, const size_t *d, cl_int *e),
    (a, b, c, d, e), e)
MAKER(cl_program, clCreateProgramWithBinary, (cl_context a, cl_uint b, const cl_device_id *c, const size_t *d,
    const unsigned char **e, cl_int *f, cl_int *g), (a, b, c, d, e, f, g), g)
CALL(cl_int, clGetProgramInfo, (cl_program a, cl_program_info b, size_t c, void *d, size_t *e), (a, b, c, d, e))
CALL(cl_int, clBuildProgram, (cl_program a, cl_uint b, const cl_device_id *c, const char *d,
    void (CL_CALLBACK *e)(cl_program program, void *user_data), void *f), (a, b, c, d, e, f))
CALL(cl_int, clGetProgramBuildInfo, (cl_program a, cl_device_id b, cl_program_build_info c, size_t d, void *e, size_t *f),
    (a, b, c, d, e, f))
AFTER(cl_int, clReleaseProgram, (cl_program a), (a))
MAKER(cl_kernel, clCreateKernel, (cl_program a, const char *b, cl_int *c), (a, b, c), c)
CALL(cl_int, clSetKernelArg, (cl_kernel a, cl_uint b, size_t c, const void *d), (a, b, c, d))
CALL(cl_int, clGetKernelWorkGroupInfo, (cl_kernel a, cl_device_id b, cl_kernel_work_group_info c, size_t d, void *e,
    size_t *f), (a, b, c, d, e, f))
AFTER(cl_int, clReleaseKernel, (cl_kernel a), (a))
CALL(cl_int, clEnqueueNDRangeKernel, (cl_command_queue a, cl_kernel b, cl_uint c, const size_t *d, const size_t *e,
    const size_t *f, cl_uint g, const cl_event *h, cl_event *i), (a, b, c, d, e, f, g, h, i))
AFTER(cl_int, clWaitForEvents, (cl_uint a, const cl_event *b), (a, b))
CALL(cl_int, clGetEventInfo, (cl_event a, cl_event_info b, size_t c, void *d, size_t *e), (a, b, c, d, e))
AFTER(cl_int, clReleaseEvent, (cl_event a), (a))

seam_entry *const seam_opencl[] = {
#define ADDRESS(name) &entry_##name,
    EXCITON_CL_FUNCTIONS(ADDRESS)
#undef ADDRESS
    NULL,
};

__attribute__((constructor)) static void set_wrappers(void)
{
#define SET(name) entry_##name.wrapper = (exciton_function)wrap_##name;
    EXCITON_CL_FUNCTIONS(SET)
#undef SET
}
