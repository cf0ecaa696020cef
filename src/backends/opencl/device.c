/* An opened device: context, queue, limits; what its calls return. */
#include "backends/opencl/opencl.h"

#include "base/checked.h"
#include "base/defects.h"

enum { MOST_SLOTS = 8, SLOT_BYTES = 16, MOST_GROUPS = 65535, DUMMY_BYTES = 256 };

exciton_status exciton_cl_usable(const exciton_be_device *device)
{
    if (exciton_process() == device->process)
        return EXCITON_OK;
    return exciton_fail(EXCITON_ERROR_LOST, "opencl: %s: opened before this process was forked", device->name);
}

static exciton_status status_of(cl_int code)
{
    switch (code) {
    case CL_OUT_OF_HOST_MEMORY:
    case CL_OUT_OF_RESOURCES:
    case CL_MEM_OBJECT_ALLOCATION_FAILURE:
        return EXCITON_ERROR_MEMORY;
    case CL_DEVICE_NOT_AVAILABLE:
        return EXCITON_ERROR_LOST;
    default:
        return EXCITON_ERROR_DRIVER;
    }
}

exciton_status exciton_cl_check(const exciton_be_device *device, const char *call, cl_int code)
{
    if (code == CL_SUCCESS)
        return EXCITON_OK;
    exciton_log(device->env, EXCITON_LOG_WARNING, "opencl: %s: %s: %s (%d)", device->name, call, exciton_cl_error(code), (int)code);
    return exciton_fail(status_of(code), "opencl: %s: %s: %s (%d)", device->name, call, exciton_cl_error(code), (int)code);
}

exciton_status exciton_cl_made(const exciton_be_device *device, const char *call, const void *handle, cl_int code)
{
    if (code == CL_SUCCESS && !handle)
        return exciton_fail(EXCITON_ERROR_DRIVER, "opencl: %s: %s: it made nothing", device->name, call);
    return exciton_cl_check(device, call, code);
}

/* Called by drivers, from any thread, with what they have to say. */
static void CL_CALLBACK notify(const char *text, const void *information, size_t size, void *user)
{
    (void)information;
    (void)size;
    const exciton_be_device *device = user;
    exciton_log(device->env, EXCITON_LOG_WARNING, "opencl: %s: %s", device->name, text ? text : "");
}

/* ---- limits ---- */

static uint64_t number_64(const exciton_be_device *device, cl_device_info what)
{
    cl_ulong value = 0;
    (void)exciton_cl_device_value(device->cl, device->id, what, &value, sizeof value);
    return value;
}

static uint32_t number_32(const exciton_be_device *device, cl_device_info what)
{
    cl_uint value = 0;
    (void)exciton_cl_device_value(device->cl, device->id, what, &value, sizeof value);
    return value;
}

static uint64_t number_size(const exciton_be_device *device, cl_device_info what)
{
    size_t value = 0;
    (void)exciton_cl_device_value(device->cl, device->id, what, &value, sizeof value);
    return value;
}

static uint64_t first_item_size(const exciton_be_device *device)
{
    uint32_t dimensions = number_32(device, CL_DEVICE_MAX_WORK_ITEM_DIMENSIONS);
    size_t sizes[8] = {0};
    if (dimensions == 0 || dimensions > 8)
        return 0;
    (void)exciton_cl_device_value(device->cl, device->id, CL_DEVICE_MAX_WORK_ITEM_SIZES, sizes, dimensions * sizeof *sizes);
    return sizes[0];
}

/* A driver of the processor may report one core's cache. */
static uint64_t cache_bytes(const exciton_be_device *device)
{
    cl_device_type type = number_64(device, CL_DEVICE_TYPE);
    return exciton_max(number_64(device, CL_DEVICE_GLOBAL_MEM_CACHE_SIZE), type & CL_DEVICE_TYPE_CPU ? exciton_processor_cache() : 0);
}

static exciton_status read_limits(exciton_be_device *device, exciton_limits *limits)
{
    uint64_t group = exciton_min(number_size(device, CL_DEVICE_MAX_WORK_GROUP_SIZE), first_item_size(device));
    uint64_t parameters = exciton_min(number_size(device, CL_DEVICE_MAX_PARAMETER_SIZE), UINT32_MAX);
    uint64_t words = EXCITON_KERNEL_PARAMS * sizeof(cl_uint);
    uint64_t allocation = number_64(device, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    if (group == 0 || allocation == 0 || parameters < words + SLOT_BYTES * EXCITON_KERNEL_SLOTS)
        return exciton_fail(EXCITON_ERROR_LIMIT,
                            "opencl: %s: a limit is too low: work-group size %llu, allocation %llu, bytes of arguments %llu", device->name,
                            (unsigned long long)group, (unsigned long long)allocation, (unsigned long long)parameters);
    device->max_group_size = (uint32_t)exciton_min(group, UINT32_MAX);
    *limits = (exciton_limits){
        .max_binding_range = exciton_min(allocation, UINT64_C(0xfffffffc)),
        .max_allocation = allocation,
        .max_memory = number_64(device, CL_DEVICE_GLOBAL_MEM_SIZE),
        .binding_alignment = 4,
        .max_group_size = device->max_group_size,
        /* PoCL compiles a kernel anew above 65,535 groups, and kernels count work-items in 32 bits. */
        .max_group_count = (uint32_t)exciton_min(MOST_GROUPS, UINT32_MAX / device->max_group_size),
        .local_memory = (uint32_t)exciton_min(number_64(device, CL_DEVICE_LOCAL_MEM_SIZE), UINT32_MAX),
        .max_storage_buffers = (uint32_t)exciton_min(MOST_SLOTS, (parameters - words) / SLOT_BYTES),
        .cache_bytes = cache_bytes(device),
        .compute_units = number_32(device, CL_DEVICE_MAX_COMPUTE_UNITS),
        .max_iterations = exciton_loop_limit(device->name),
        .mappable_device_memory = device->unified,
        .local_memory_is_global = number_32(device, CL_DEVICE_LOCAL_MEM_TYPE) == CL_GLOBAL,
    };
    device->distant = !limits->local_memory_is_global;
    limits->max_params = (uint32_t)(parameters - SLOT_BYTES * limits->max_storage_buffers);
    limits->forms[EXCITON_FORM_ROWS] = true;
    limits->forms[EXCITON_FORM_LANES] = limits->local_memory > 0;
    return EXCITON_OK;
}

static void read_abilities(exciton_be_device *device)
{
    cl_device_fp_config config = number_64(device, CL_DEVICE_SINGLE_FP_CONFIG);
    device->native_division = (config & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT) != 0;
    device->on_processor = (number_64(device, CL_DEVICE_TYPE) & CL_DEVICE_TYPE_CPU) != 0;
    device->unified = number_32(device, CL_DEVICE_HOST_UNIFIED_MEMORY) != 0;
    if (!(config & CL_FP_ROUND_TO_NEAREST) || !(config & CL_FP_INF_NAN))
        exciton_log(device->env, EXCITON_LOG_WARNING, "opencl: %s: no rounding to nearest, or no infinities, in f32: other bits than elsewhere",
                    device->name);
}

/* ---- open, close ---- */

static void release_driver_objects(exciton_be_device *device)
{
    const exciton_cl *cl = device->cl;
    if (device->queue)
        (void)EXCITON_CL(device, clFinish, device->queue);
    exciton_cl_flights_release(device);
    exciton_cl_programs_release(device);
    exciton_clblast_forget(device);
    if (device->dummy)
        (void)cl->clReleaseMemObject(device->dummy);
    if (device->queue)
        (void)cl->clReleaseCommandQueue(device->queue);
    if (device->context)
        (void)cl->clReleaseContext(device->context);
}

void exciton_cl_close(exciton_be_device *device)
{
    if (!device)
        return;
    if (exciton_process() == device->process) {
        release_driver_objects(device);
        exciton_cond_destroy(&device->released_more);
        exciton_mutex_destroy(&device->mutex);
    } else {
        exciton_cl_programs_release(device); /* our part of them */
    }
    exciton_release(device->env, device);
}

static exciton_status make(exciton_be_device *device, cl_platform_id platform)
{
    const exciton_cl *cl = device->cl;
    cl_int code = CL_SUCCESS;
    const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)platform, 0};
    device->context = cl->clCreateContext(properties, 1, &device->id, notify, device, &code);
    exciton_status status = exciton_cl_made(device, "clCreateContext", device->context, code);
    if (status)
        return status;
    device->queue = cl->clCreateCommandQueue(device->context, device->id, 0, &code);
    status = exciton_cl_made(device, "clCreateCommandQueue", device->queue, code);
    if (status)
        return status;
    device->dummy = cl->clCreateBuffer(device->context, CL_MEM_READ_WRITE, DUMMY_BYTES, NULL, &code);
    return exciton_cl_made(device, "clCreateBuffer", device->dummy, code);
}

exciton_status exciton_cl_open(exciton_be_state *state, uint32_t index, exciton_be_device **result, exciton_limits *limits)
{
    const exciton_cl_found *found = &state->found[index];
    *result = NULL;
    if (exciton_process() != state->process)
        return exciton_fail(EXCITON_ERROR_LOST, "opencl: %s: listed before this process was forked", found->name);
    exciton_be_device *device = exciton_allocate(state->env, sizeof *device);
    if (!device)
        return exciton_fail(EXCITON_ERROR_MEMORY, "opencl: %s: out of memory", found->name);
    device->state = state;
    device->env = state->env;
    device->cl = &state->cl;
    device->name = found->name;
    device->process = state->process;
    device->id = found->id;
    if (!exciton_mutex_init(&device->mutex)) {
        exciton_release(state->env, device);
        return exciton_fail(EXCITON_ERROR_MEMORY, "opencl: %s: no mutex", found->name);
    }
    if (!exciton_cond_init(&device->released_more)) {
        exciton_mutex_destroy(&device->mutex);
        exciton_release(state->env, device);
        return exciton_fail(EXCITON_ERROR_MEMORY, "opencl: %s: no condition", found->name);
    }
    exciton_cl_cache_identify(device, found->platform);
    read_abilities(device);
    exciton_status status = read_limits(device, limits);
    if (!status)
        status = make(device, found->platform);
    if (status) {
        exciton_cl_close(device);
        return status;
    }
    *result = device;
    return EXCITON_OK;
}
