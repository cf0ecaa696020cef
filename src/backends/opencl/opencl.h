/* What the files of the OpenCL backend share: the function table, and its objects. */
#ifndef EXCITON_BACKENDS_OPENCL_OPENCL_H
#define EXCITON_BACKENDS_OPENCL_OPENCL_H

#define CL_TARGET_OPENCL_VERSION 300
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS /* clCreateCommandQueue */
#include <CL/cl.h>
#include <CL/cl_ext.h>

#include "backends/backend.h"
#include "base/cache.h"
#include "base/os.h"

/* ---- loader.c ---- */

#define EXCITON_CL_FUNCTIONS(X)                                                                                            \
    X(clGetPlatformIDs) X(clGetPlatformInfo) X(clGetDeviceIDs) X(clGetDeviceInfo) X(clCreateContext) X(clReleaseContext)   \
    X(clCreateCommandQueue) X(clReleaseCommandQueue) X(clFlush) X(clFinish) X(clCreateBuffer) X(clReleaseMemObject)        \
    X(clEnqueueReadBuffer) X(clEnqueueWriteBuffer) X(clEnqueueCopyBuffer) X(clEnqueueMapBuffer) X(clEnqueueUnmapMemObject) \
    X(clCreateProgramWithSource) X(clCreateProgramWithBinary) X(clGetProgramInfo) X(clBuildProgram)                        \
    X(clGetProgramBuildInfo) X(clReleaseProgram) X(clCreateKernel)                                                         \
    X(clSetKernelArg) X(clGetKernelWorkGroupInfo) X(clReleaseKernel) X(clEnqueueNDRangeKernel) X(clWaitForEvents)          \
    X(clGetEventInfo) X(clReleaseEvent)

/* A member a function, all of OpenCL 1.2. */
typedef struct exciton_cl {
#define EXCITON_CL_MEMBER(name) __typeof__(name) *name;
    EXCITON_CL_FUNCTIONS(EXCITON_CL_MEMBER)
#undef EXCITON_CL_MEMBER
} exciton_cl;

/* Finds a loader and fills the table through exciton_resolve(). False: none, with the reason in `why`. The library stays
 * loaded: the threads and exit handlers of drivers outlive any use of ours. */
bool exciton_cl_load(const exciton_env *env, exciton_cl *cl, char *why, size_t size);

/* "CL_OUT_OF_RESOURCES"; "unknown code" for what OpenCL does not define. Static. */
const char *exciton_cl_error(cl_int code);

/* ---- clblast.c: products of matrices by that library, found at run time ---- */

typedef struct exciton_clblast {
    int (*sgemm)(int layout, int a_transpose, int b_transpose, size_t m, size_t n, size_t k, float alpha, cl_mem a, size_t a_offset, size_t a_ld,
                 cl_mem b, size_t b_offset, size_t b_ld, float beta, cl_mem c, size_t c_offset, size_t c_ld, cl_command_queue *queue,
                 cl_event *event, cl_mem temporary);
    int (*temporary_bytes)(int layout, int a_transpose, int b_transpose, size_t m, size_t n, size_t k, size_t a_offset, size_t a_ld,
                           size_t b_offset, size_t b_ld, size_t c_offset, size_t c_ld, cl_command_queue *queue, size_t *bytes);
    int (*clear_cache)(void);
} exciton_clblast;

/* c [m][n] = a [m][k] b [k][n], row by row; a and c are in `state`, b in `weights`, at elements. m 0: no product. */
typedef struct exciton_cl_product {
    cl_mem state, weights;
    size_t m, n, k, a_at, a_pitch, b_at, c_at; /* n is the pitch of b and c */
} exciton_cl_product;

/* Fills device->clblast at its first call; else one line that names the library. */
exciton_status exciton_clblast_load(exciton_be_device *device);
/* The device uses it no more. */
void exciton_clblast_forget(exciton_be_device *device);
/* step->product, in the buffers and at the offsets in bytes of the step's slots. */
exciton_status exciton_clblast_product(const exciton_step *step, const cl_mem *slots, const uint64_t *offsets, exciton_cl_product *product);
/* Bytes of device memory that the product needs for itself while it runs. */
exciton_status exciton_clblast_temporary(exciton_be_device *device, const exciton_cl_product *product, size_t *bytes);
/* Puts it into the queue. Compiles what the device hasn't yet run. */
exciton_status exciton_clblast_enqueue(exciton_be_device *device, const exciton_cl_product *product, cl_mem temporary);

/* ---- backend.c, device.c ---- */

typedef struct exciton_cl_found {
    cl_platform_id platform;
    cl_device_id id;
    char *name;
} exciton_cl_found;

struct exciton_be_state {
    exciton_env *env;
    exciton_cl cl;
    uint64_t process; /* drivers do not survive a fork */
    uint32_t count, capacity;
    exciton_cl_found *found;
};

typedef struct exciton_cl_program exciton_cl_program;

enum { EXCITON_CL_RING = 64 }; /* submissions in flight, a power of two */

typedef struct exciton_cl_flight {
    cl_event event;   /* of the submission's last step */
    uint32_t waiters; /* threads that use the event: it is released after the last */
} exciton_cl_flight;

struct exciton_be_device {
    exciton_be_state *state;
    exciton_env *env;
    const exciton_cl *cl;
    const char *name;
    char identity[65];         /* of driver and device, for keys of the cache */
    uint64_t process;
    cl_device_id id;
    cl_context context;
    cl_command_queue queue;
    cl_mem dummy;              /* what kernels are warmed with */
    bool unified;              /* host and device share memory */
    bool on_processor;         /* the device is the processor: its work is threads of this process */
    bool native_division;      /* correctly rounded, on request */
    bool distant;              /* work-group memory is memory of its own: so is the distance to the rest */
    uint32_t max_group_size;
    exciton_cl_program *programs;
    exciton_clblast clblast;   /* NULLs until a kernel asks for it */
    /* in flight: serials from released + 1 to submitted, each in ring[serial % EXCITON_CL_RING] */
    exciton_mutex mutex;       /* guards what follows */
    exciton_cond released_more;
    uint64_t submitted, completed, released;
    uint64_t failed;           /* first serial that ended in an error, 0: none */
    cl_int failed_code;
    exciton_cl_flight ring[EXCITON_CL_RING];
};

exciton_status exciton_cl_open(exciton_be_state *state, uint32_t index, exciton_be_device **device, exciton_limits *limits);
void exciton_cl_close(exciton_be_device *device);

/* OK, or the failure of a process that was forked after `process` loaded the driver. */
exciton_status exciton_cl_usable(const exciton_be_device *device);

/* The status of a driver call, which is logged and becomes the thread's line unless it succeeded. */
exciton_status exciton_cl_check(const exciton_be_device *device, const char *call, cl_int code);
/* For calls that make something: a NULL without an error is one. */
exciton_status exciton_cl_made(const exciton_be_device *device, const char *call, const void *handle, cl_int code);
#define EXCITON_CL(device, call, ...) exciton_cl_check((device), #call, (device)->cl->call(__VA_ARGS__))

/* A fixed-size piece of information; false where the driver doesn't give it. `value` untouched then. */
bool exciton_cl_device_value(const exciton_cl *cl, cl_device_id id, cl_device_info what, void *value, size_t size);
/* A text of a device or, with id NULL, of a platform; NULL and the driver's code, CL_SUCCESS when out of memory. */
char *exciton_cl_text(const exciton_be_state *state, cl_platform_id platform, cl_device_id id, cl_uint what, cl_int *code);

/* ---- buffer.c ---- */

struct exciton_be_buffer {
    exciton_be_device *device;
    cl_mem memory;
    uint64_t bytes;
    bool mappable;
    void *mapped;
};

exciton_status exciton_cl_buffer_create(exciton_be_device *device, uint64_t bytes, exciton_domain domain, bool no_mappable, exciton_be_buffer **buffer);
void exciton_cl_buffer_destroy(exciton_be_buffer *buffer);
exciton_status exciton_cl_buffer_write(exciton_be_buffer *buffer, uint64_t offset, const void *data, uint64_t bytes);
exciton_status exciton_cl_buffer_read(exciton_be_buffer *buffer, uint64_t offset, void *data, uint64_t bytes);
exciton_status exciton_cl_buffer_copy(exciton_be_buffer *from, uint64_t from_at, exciton_be_buffer *to, uint64_t to_at, uint64_t bytes);
exciton_status exciton_cl_buffer_map(exciton_be_buffer *buffer, bool for_write, void **data);
exciton_status exciton_cl_buffer_unmap(exciton_be_buffer *buffer);

/* ---- kernel.c ---- */

/* A built program of one specification. The device keeps a list. */
struct exciton_cl_program {
    exciton_cl_program *next;
    exciton_kernel_spec spec;
    char function[64];
    cl_program program;
    uint32_t group_limit;
    uint32_t kernels; /* that use it */
    bool warm;
    bool kept;        /* in the cache, or nothing to put there */
    exciton_cache_key key;
};

struct exciton_be_kernel {
    exciton_be_device *device;
    exciton_cl_program *built;
};

enum { EXCITON_CL_OPTIONS = 256 };
/* How a variant is compiled, as text. */
void exciton_cl_options(const exciton_be_device *device, const exciton_kernel_spec *spec, char options[EXCITON_CL_OPTIONS]);

exciton_status exciton_cl_kernel_group_limit(exciton_be_device *device, const exciton_kernel_spec *spec, uint32_t *limit);
exciton_status exciton_cl_kernel_create(exciton_be_device *device, const exciton_kernel_spec *spec, exciton_be_kernel **kernel);
void exciton_cl_kernel_destroy(exciton_be_kernel *kernel);
void exciton_cl_kernel_identify(const exciton_kernel_spec *spec, exciton_sha256 *hash);
void exciton_cl_programs_release(exciton_be_device *device);

/* A kernel object of its own with every argument set. `offsets`: in bytes, one a slot. */
exciton_status exciton_cl_kernel_instance(exciton_be_device *device, const exciton_cl_program *built, const cl_mem *slots,
                                          const uint64_t *offsets, const uint32_t *params, cl_kernel *instance);

/* ---- cache.c ---- */

void exciton_cl_cache_identify(exciton_be_device *device, cl_platform_id platform);
exciton_cache_key exciton_cl_cache_key(const exciton_be_device *device, const char *options, uint32_t group_size, uint32_t count,
                                       const char *const *texts, const size_t *sizes);
/* The built program, or NULL: a miss, or the driver refuses it. */
cl_program exciton_cl_cache_load(exciton_be_device *device, const exciton_cache_key *key, const char *options);
void exciton_cl_cache_store(exciton_be_device *device, const exciton_cache_key *key, cl_program program);

/* ---- schedule.c ---- */

exciton_status exciton_cl_recording_create(exciton_be_device *device, const exciton_step *steps, uint32_t count, exciton_be_kernel *const *kernels,
                                           exciton_be_buffer *const buffers[EXCITON_SLOT_COUNT], exciton_be_recording **recording);
void exciton_cl_recording_destroy(exciton_be_recording *recording);
exciton_status exciton_cl_submit(exciton_be_device *device, exciton_be_recording *const *recordings, uint32_t count, uint64_t *serial);
exciton_status exciton_cl_wait(exciton_be_device *device, uint64_t serial, uint64_t nanoseconds);
/* Until the event ends, or the clock shows `deadline`; its status goes to `code`. Without the device's mutex. */
exciton_status exciton_cl_await(exciton_be_device *device, cl_event event, uint64_t deadline, cl_int *code);
void exciton_cl_flights_release(exciton_be_device *device);

#endif
