/* Programs that were built before: the driver's binaries, kept by the context's cache under everything they depend on. */
#include "backends/opencl/opencl.h"

#include "base/checked.h"

static void add_text(exciton_be_device *device, exciton_sha256 *hash, cl_platform_id platform, cl_device_id id, cl_uint what)
{
    cl_int code;
    char *text = exciton_cl_text(device->state, platform, id, what, &code);
    exciton_cache_key_add_text(hash, text ? text : "");
    exciton_release(device->env, text);
}

void exciton_cl_cache_identify(exciton_be_device *device, cl_platform_id platform)
{
    exciton_sha256 hash;
    exciton_sha256_begin(&hash);
    exciton_cache_key_add_text(&hash, "opencl binary");
    add_text(device, &hash, platform, NULL, CL_PLATFORM_NAME);
    add_text(device, &hash, platform, NULL, CL_PLATFORM_VERSION);
    add_text(device, &hash, NULL, device->id, CL_DEVICE_NAME);
    add_text(device, &hash, NULL, device->id, CL_DEVICE_VERSION);
    add_text(device, &hash, NULL, device->id, CL_DRIVER_VERSION);
    exciton_sha256_end(&hash, device->identity);
}

/* A binary may hold what was compiled for one group size only. */
exciton_cache_key exciton_cl_cache_key(const exciton_be_device *device, const char *options, uint32_t group_size, uint32_t count,
                                       const char *const *texts, const size_t *sizes)
{
    exciton_cache_key key;
    exciton_sha256 hash;
    exciton_sha256_begin(&hash);
    exciton_cache_key_add_text(&hash, device->identity);
    exciton_cache_key_add_text(&hash, options);
    exciton_cache_key_add(&hash, &group_size, sizeof group_size);
    for (uint32_t i = 0; i < count; ++i)
        exciton_cache_key_add(&hash, texts[i], sizes[i]);
    exciton_sha256_end(&hash, key.hex);
    return key;
}

cl_program exciton_cl_cache_load(exciton_be_device *device, const exciton_cache_key *key, const char *options)
{
    const exciton_cl *cl = device->cl;
    size_t bytes;
    unsigned char *binary = exciton_cache_read(device->env, key, &bytes);
    if (!binary)
        return NULL;
    cl_int loaded = CL_SUCCESS, code = CL_SUCCESS;
    const unsigned char *binaries[] = {binary};
    cl_program program = cl->clCreateProgramWithBinary(device->context, 1, &device->id, &bytes, binaries, &loaded, &code);
    exciton_release(device->env, binary);
    if (program && code == CL_SUCCESS && loaded == CL_SUCCESS)
        code = cl->clBuildProgram(program, 1, &device->id, options, NULL, NULL);
    if (program && code == CL_SUCCESS && loaded == CL_SUCCESS)
        return program;
    exciton_log(device->env, EXCITON_LOG_INFO, "opencl: %s: a kept binary is refused: %s (%d)", device->name,
                exciton_cl_error(code ? code : loaded), (int)(code ? code : loaded));
    if (program)
        (void)cl->clReleaseProgram(program);
    return NULL;
}

void exciton_cl_cache_store(exciton_be_device *device, const exciton_cache_key *key, cl_program program)
{
    const exciton_cl *cl = device->cl;
    if (!exciton_cache_exists(device->env))
        return;
    cl_uint devices = 0;
    size_t bytes = 0;
    if (cl->clGetProgramInfo(program, CL_PROGRAM_NUM_DEVICES, sizeof devices, &devices, NULL) != CL_SUCCESS || devices != 1 ||
        cl->clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof bytes, &bytes, NULL) != CL_SUCCESS || bytes == 0)
        return;
    unsigned char *binary = exciton_allocate(device->env, bytes);
    if (binary && cl->clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) == CL_SUCCESS)
        exciton_cache_write(device->env, key, binary, bytes);
    exciton_release(device->env, binary);
}
