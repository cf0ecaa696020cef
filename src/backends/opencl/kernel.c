/* From a kernel's specification to a program that is built and warm. */
#include "backends/opencl/opencl.h"

#include "opencl_sources.h"

#include <stdio.h>
#include <string.h>

enum { SOURCES = 4, OPTION_BYTES = EXCITON_CL_OPTIONS, LOG_BYTES = 4096, NAME_BYTES = 64 };

/* ---- building ---- */

static const exciton_embedded *source_named(const char *name)
{
    for (const exciton_embedded *file = exciton_opencl_sources; file->name; ++file)
        if (!strcmp(file->name, name))
            return file;
    return NULL;
}

typedef struct sources {
    const char *texts[SOURCES];
    size_t sizes[SOURCES];
} sources;

static exciton_status find_sources(const exciton_kernel_spec *spec, sources *found)
{
    char file[NAME_BYTES];
    snprintf(file, sizeof file, "%s.cl", spec->clblast ? "finish" : exciton_kernel_describe(spec->kernel)->name);
    const char *const names[SOURCES] = {"scalar.h", "rows.h", "excite.h", file};
    for (int i = 0; i < SOURCES; ++i) {
        const exciton_embedded *source = source_named(names[i]);
        if (!source)
            return exciton_fail(EXCITON_ERROR_UNSUPPORTED, "opencl: kernel source %s: not in this build", names[i]);
        found->texts[i] = (const char *)source->data;
        found->sizes[i] = source->size;
    }
    return EXCITON_OK;
}

/* Rows need neither the group's size nor local memory: one program for every size. */
void exciton_cl_options(const exciton_be_device *device, const exciton_kernel_spec *spec, char options[EXCITON_CL_OPTIONS])
{
    int used = snprintf(options, OPTION_BYTES, "-cl-std=CL1.2 -DFORM=%d -DIN_PLACE=%d", spec->form == EXCITON_FORM_LANES ? 2 : 1, spec->in_place);
    if (spec->form == EXCITON_FORM_LANES)
        used += snprintf(options + used, (size_t)(OPTION_BYTES - used), " -DGROUP_SIZE=%u", (unsigned)spec->group_size);
    if (spec->form == EXCITON_FORM_LANES && spec->local_floats)
        used += snprintf(options + used, (size_t)(OPTION_BYTES - used), " -DLOCAL_FLOATS=%u", (unsigned)spec->local_floats);
    if (spec->form == EXCITON_FORM_LANES && !device->distant) /* a processor's cache is near, and its compilers are slow */
        used += snprintf(options + used, (size_t)(OPTION_BYTES - used), " -DBATCH=2");
    if (spec->clblast)
        used += snprintf(options + used, (size_t)(OPTION_BYTES - used), " -DFINISH_%s", spec->kernel == EXCITON_KERNEL_GATE ? "GATE" : "HIDDEN");
    if (device->native_division)
        snprintf(options + used, (size_t)(OPTION_BYTES - used), " -DEXCITON_NATIVE_DIVISION -cl-fp32-correctly-rounded-divide-sqrt");
}

/* The compiler's own words, as many as fit. */
static exciton_status fail_to_build(exciton_be_device *device, const char *function, cl_program program, cl_int code)
{
    size_t size = 0;
    char *text = NULL;
    if (device->cl->clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size) == CL_SUCCESS && size > 0 && size < SIZE_MAX)
        text = exciton_allocate(device->env, size + 1);
    if (text && device->cl->clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, size, text, NULL) != CL_SUCCESS)
        text[0] = '\0';
    exciton_log(device->env, EXCITON_LOG_ERROR, "opencl: %s: %s: clBuildProgram: %s (%d): %s", device->name, function, exciton_cl_error(code),
                (int)code, text ? text : "");
    exciton_status status = code == CL_OUT_OF_HOST_MEMORY || code == CL_OUT_OF_RESOURCES ? EXCITON_ERROR_MEMORY : EXCITON_ERROR_COMPILE;
    (void)exciton_fail(status, "opencl: %s: %s: clBuildProgram: %s (%d): %s", device->name, function, exciton_cl_error(code), (int)code,
                       text ? text : "no log");
    exciton_release(device->env, text);
    return status;
}

/* The largest group this very kernel runs with, which may be far below the device's. */
static exciton_status ask_group_limit(exciton_be_device *device, exciton_cl_program *built)
{
    const exciton_cl *cl = device->cl;
    cl_int code = CL_SUCCESS;
    cl_kernel kernel = cl->clCreateKernel(built->program, built->function, &code);
    exciton_status status = exciton_cl_made(device, "clCreateKernel", kernel, code);
    if (status)
        return exciton_fail_within(status, "%s", built->function);
    size_t most = 0;
    status = EXCITON_CL(device, clGetKernelWorkGroupInfo, kernel, device->id, CL_KERNEL_WORK_GROUP_SIZE, sizeof most, &most, NULL);
    if (!status && most == 0)
        status = exciton_fail(EXCITON_ERROR_DRIVER, "opencl: %s: %s: its largest work-group has size 0", device->name, built->function);
    built->group_limit = most < device->max_group_size ? (uint32_t)most : device->max_group_size;
    (void)cl->clReleaseKernel(kernel);
    return status;
}

static exciton_status build(exciton_be_device *device, exciton_cl_program *built)
{
    char options[OPTION_BYTES];
    sources from;
    exciton_status status = find_sources(&built->spec, &from);
    if (status)
        return status;
    exciton_cl_options(device, &built->spec, options);
    uint64_t begin = exciton_clock();
    built->key = exciton_cl_cache_key(device, options, built->spec.group_size, SOURCES, from.texts, from.sizes);
    built->program = exciton_cl_cache_load(device, &built->key, options);
    built->kept = built->program != NULL;
    if (built->kept) {
        exciton_log(device->env, EXCITON_LOG_DEBUG, "opencl: %s: %s was kept: %u ms", device->name, built->function,
                    (unsigned)((exciton_clock() - begin) / 1000000));
        return ask_group_limit(device, built);
    }
    cl_int code = CL_SUCCESS;
    built->program = device->cl->clCreateProgramWithSource(device->context, SOURCES, from.texts, from.sizes, &code);
    status = exciton_cl_made(device, "clCreateProgramWithSource", built->program, code);
    if (status)
        return status;
    code = device->cl->clBuildProgram(built->program, 1, &device->id, options, NULL, NULL);
    if (code != CL_SUCCESS)
        return fail_to_build(device, built->function, built->program, code);
    exciton_log(device->env, EXCITON_LOG_DEBUG, "opencl: %s: %s built in %u ms: %s", device->name, built->function,
                (unsigned)((exciton_clock() - begin) / 1000000), options);
    return ask_group_limit(device, built);
}

static exciton_status check_spec(const exciton_be_device *device, const exciton_kernel_spec *spec)
{
    const exciton_kernel_entry *entry = exciton_kernel_describe(spec->kernel);
    if (!entry)
        return exciton_fail(EXCITON_ERROR_UNSUPPORTED, "opencl: %s: kernel %d: not in the catalogue", device->name, (int)spec->kernel);
    if ((spec->form == EXCITON_FORM_LANES && !entry->lanes) || (spec->in_place && !entry->has_in_place))
        return exciton_fail(EXCITON_ERROR_UNSUPPORTED, "opencl: %s: kernel %s: no such variant", device->name, entry->name);
    if (spec->group_size == 0 || spec->group_size > device->max_group_size || (spec->group_size & (spec->group_size - 1)))
        return exciton_fail(EXCITON_ERROR_LIMIT, "opencl: %s: kernel %s: group size %u: not a power of two up to %u", device->name, entry->name,
                            (unsigned)spec->group_size, (unsigned)device->max_group_size);
    return EXCITON_OK;
}

static void release_program(exciton_be_device *device, exciton_cl_program *built)
{
    if (built->program && exciton_process() == device->process)
        (void)EXCITON_CL(device, clReleaseProgram, built->program);
    exciton_release(device->env, built);
}

static exciton_status find_or_build(exciton_be_device *device, const exciton_kernel_spec *spec, exciton_cl_program **result)
{
    for (*result = device->programs; *result; *result = (*result)->next)
        if (exciton_kernel_same(&(*result)->spec, spec))
            return EXCITON_OK;
    exciton_status status = check_spec(device, spec);
    if (status)
        return status;
    exciton_cl_program *built = exciton_allocate(device->env, sizeof *built);
    if (!built)
        return exciton_fail(EXCITON_ERROR_MEMORY, "opencl: %s: program: out of memory", device->name);
    built->spec = *spec;
    snprintf(built->function, sizeof built->function, "exciton_%s_%s", exciton_kernel_describe(spec->kernel)->name,
             spec->clblast ? "finish" : spec->form == EXCITON_FORM_LANES ? "lanes" : "rows");
    status = spec->clblast ? exciton_clblast_load(device) : EXCITON_OK;
    if (!status)
        status = build(device, built);
    if (status) {
        release_program(device, built);
        return status;
    }
    built->next = device->programs;
    device->programs = built;
    *result = built;
    return EXCITON_OK;
}

void exciton_cl_programs_release(exciton_be_device *device)
{
    while (device->programs) {
        exciton_cl_program *built = device->programs;
        device->programs = built->next;
        release_program(device, built);
    }
}

/* ---- kernel objects ---- */

static exciton_status set_argument(exciton_be_device *device, cl_kernel kernel, cl_uint *index, size_t size, const void *value)
{
    exciton_status status = EXCITON_CL(device, clSetKernelArg, kernel, *index, size, value);
    if (status)
        return exciton_fail_within(status, "argument %u", (unsigned)*index);
    ++*index;
    return EXCITON_OK;
}

static exciton_status set_arguments(exciton_be_device *device, const exciton_kernel_spec *spec, cl_kernel kernel, const cl_mem *slots,
                                    const uint64_t *offsets, const uint32_t *params)
{
    uint32_t slot_count = exciton_kernel_slot_count(spec), param_count = exciton_kernel_describe(spec->kernel)->param_count;
    exciton_status status = EXCITON_OK;
    cl_uint index = 0;
    for (uint32_t i = 0; !status && i < slot_count; ++i) {
        cl_uint low = (cl_uint)offsets[i], high = (cl_uint)(offsets[i] >> 32);
        status = set_argument(device, kernel, &index, sizeof slots[i], &slots[i]);
        if (!status)
            status = set_argument(device, kernel, &index, sizeof low, &low);
        if (!status)
            status = set_argument(device, kernel, &index, sizeof high, &high);
    }
    for (uint32_t i = 0; !status && i < param_count; ++i)
        status = set_argument(device, kernel, &index, sizeof params[i], &params[i]);
    return status;
}

exciton_status exciton_cl_kernel_instance(exciton_be_device *device, const exciton_cl_program *built, const cl_mem *slots,
                                          const uint64_t *offsets, const uint32_t *params, cl_kernel *instance)
{
    cl_int code = CL_SUCCESS;
    cl_kernel kernel = device->cl->clCreateKernel(built->program, built->function, &code);
    exciton_status status = exciton_cl_made(device, "clCreateKernel", kernel, code);
    *instance = NULL;
    if (!status)
        status = set_arguments(device, &built->spec, kernel, slots, offsets, params);
    if (status) {
        if (kernel)
            (void)device->cl->clReleaseKernel(kernel);
        return exciton_fail_within(status, "%s", built->function);
    }
    *instance = kernel;
    return EXCITON_OK;
}

/* PoCL, and others, compile when a kernel is first enqueued with a local size: this one has no units. */
static exciton_status warm(exciton_be_device *device, exciton_cl_program *built)
{
    cl_mem slots[EXCITON_KERNEL_SLOTS];
    uint64_t offsets[EXCITON_KERNEL_SLOTS] = {0};
    uint32_t params[EXCITON_KERNEL_PARAMS];
    for (int i = 0; i < EXCITON_KERNEL_SLOTS; ++i)
        slots[i] = device->dummy;
    exciton_kernel_idle_params(built->spec.kernel, params);
    cl_kernel kernel;
    exciton_status status = exciton_cl_kernel_instance(device, built, slots, offsets, params, &kernel);
    if (status)
        return status;
    size_t size = built->spec.group_size;
    uint64_t begin = exciton_clock();
    status = EXCITON_CL(device, clEnqueueNDRangeKernel, device->queue, kernel, 1, NULL, &size, &size, 0, NULL, NULL);
    if (!status)
        status = EXCITON_CL(device, clFinish, device->queue);
    (void)device->cl->clReleaseKernel(kernel);
    if (status)
        return exciton_fail_within(status, "%s with a group of %u", built->function, (unsigned)built->spec.group_size);
    exciton_log(device->env, EXCITON_LOG_DEBUG, "opencl: %s: %s warm in %u ms", device->name, built->function,
                (unsigned)((exciton_clock() - begin) / 1000000));
    built->warm = true;
    if (!built->kept) /* only now is everything compiled */
        exciton_cl_cache_store(device, &built->key, built->program);
    built->kept = true;
    return EXCITON_OK;
}

/* ---- the table's ---- */

exciton_status exciton_cl_kernel_group_limit(exciton_be_device *device, const exciton_kernel_spec *spec, uint32_t *limit)
{
    exciton_cl_program *built;
    exciton_status status = exciton_cl_usable(device);
    if (!status)
        status = find_or_build(device, spec, &built);
    if (!status)
        *limit = built->group_limit;
    return status;
}

exciton_status exciton_cl_kernel_create(exciton_be_device *device, const exciton_kernel_spec *spec, exciton_be_kernel **result)
{
    *result = NULL;
    exciton_cl_program *built;
    exciton_status status = exciton_cl_usable(device);
    if (!status)
        status = find_or_build(device, spec, &built);
    if (status)
        return status;
    if (spec->group_size > built->group_limit)
        return exciton_fail(EXCITON_ERROR_LIMIT, "opencl: %s: %s: group size %u: this kernel can have %u", device->name, built->function,
                            (unsigned)spec->group_size, (unsigned)built->group_limit);
    if (!built->warm)
        status = warm(device, built);
    if (status)
        return status;
    exciton_be_kernel *kernel = exciton_allocate(device->env, sizeof *kernel);
    if (!kernel)
        return exciton_fail(EXCITON_ERROR_MEMORY, "opencl: %s: %s: out of memory", device->name, built->function);
    kernel->device = device;
    kernel->built = built;
    ++built->kernels;
    *result = kernel;
    return EXCITON_OK;
}

void exciton_cl_kernel_identify(const exciton_kernel_spec *spec, exciton_sha256 *hash)
{
    sources from;
    for (int i = 0; !find_sources(spec, &from) && i < SOURCES; ++i)
        exciton_cache_key_add(hash, from.texts[i], from.sizes[i]);
}

void exciton_cl_kernel_destroy(exciton_be_kernel *kernel)
{
    if (!kernel)
        return;
    exciton_be_device *device = kernel->device;
    exciton_cl_program *built = kernel->built;
    exciton_release(device->env, kernel);
    if (--built->kernels)
        return;
    exciton_cl_program **at = &device->programs;
    while (*at != built)
        at = &(*at)->next;
    *at = built->next;
    release_program(device, built);
}
