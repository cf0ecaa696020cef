/* CLBlast, found at run time: its SGEMM over a batch, in our queue. What is used of its C interface is declared in opencl.h; its
 * status codes and enumerations are numbers there, those of clblast_c.h. It compiles its kernels when a product of a kind is first
 * enqueued, keeps them for the process, and prints a line of its own on stderr where it fails. */
#include "backends/opencl/opencl.h"

#include "base/checked.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_MAJOR = 101, NOT_TRANSPOSED = 111 };

static const char *const names[] = {
#if defined(_WIN32)
    "clblast.dll",
#elif defined(__APPLE__)
    "libclblast.1.dylib", "libclblast.dylib",
#else
    "libclblast.so.1", "libclblast.so",
#endif
};
enum { NAMES = sizeof names / sizeof names[0] };

static const char *const symbols[] = {"CLBlastSgemmWithTempBuffer", "CLBlastSGemmTempBufferSize", "CLBlastClearCache"};
enum { SYMBOLS = sizeof symbols / sizeof symbols[0] };

/* Every member of the table is a function pointer, and those are all alike in memory. */
_Static_assert(sizeof(exciton_clblast) == SYMBOLS * sizeof(exciton_function), "the table is an array of functions");

static _Atomic uint32_t users; /* devices: the library's cache is the process's */

/* ---- loading ---- */

static exciton_status fill(exciton_be_device *device, void *library, const char *file, exciton_clblast *table)
{
    for (int i = 0; i < SYMBOLS; ++i) {
        exciton_function function = exciton_resolve(device->env, symbols[i], exciton_library_symbol(library, symbols[i]));
        if (!function)
            return exciton_fail(EXCITON_ERROR_UNSUPPORTED, "opencl: %s: excitation: clblast: %s has no %s", device->name, file, symbols[i]);
        memcpy((char *)table + (size_t)i * sizeof function, &function, sizeof function);
    }
    return EXCITON_OK;
}

/* The library stays loaded, as drivers do: it has objects of theirs until the process ends. */
exciton_status exciton_clblast_load(exciton_be_device *device)
{
    const char *named = device->env->privileged ? NULL : getenv("EXCITON_CLBLAST"), *file = NULL;
    char why[256] = "", first[256] = "";
    void *library = NULL;
    if (device->clblast.sgemm)
        return EXCITON_OK;
    named = named && *named ? named : NULL;
    for (int i = 0; !library && i < (named ? 1 : NAMES); ++i) {
        file = named ? named : names[i];
        library = exciton_library_open(file, why, sizeof why);
        if (i == 0) /* the others' reasons say the same */
            memcpy(first, why, sizeof first);
    }
    if (!library)
        return exciton_fail(EXCITON_ERROR_UNSUPPORTED, "opencl: %s: excitation: clblast: no library (%s): install CLBlast (Debian: libclblast1), or name "
                            "its file by EXCITON_CLBLAST", device->name, first);
    exciton_clblast table;
    exciton_status status = fill(device, library, file, &table);
    if (status) {
        exciton_library_close(library);
        return status;
    }
    exciton_log(device->env, EXCITON_LOG_DEBUG, "opencl: %s: CLBlast is %s", device->name, file);
    device->clblast = table;
    atomic_fetch_add(&users, 1);
    return EXCITON_OK;
}

/* Programs in the library's cache hold the contexts of devices that are closed. With the last device they go, and a program that
 * uses the library for itself has them compiled again; before that, they would be missed in a submission. */
void exciton_clblast_forget(exciton_be_device *device)
{
    if (device->clblast.sgemm && atomic_fetch_sub(&users, 1) == 1)
        (void)device->clblast.clear_cache();
    device->clblast = (exciton_clblast){0};
}

/* ---- its codes ---- */

/* Those that OpenCL hasn't. */
static const char *code_name(int code)
{
    static const struct {
        int code;
        const char *name;
    } codes[] = {
        {-1024, "NotImplemented"}, {-1022, "InvalidMatrixA"}, {-1021, "InvalidMatrixB"}, {-1020, "InvalidMatrixC"}, {-1017, "InvalidDimension"},
        {-1016, "InvalidLeadDimA"}, {-1015, "InvalidLeadDimB"}, {-1014, "InvalidLeadDimC"}, {-1011, "InsufficientMemoryA"},
        {-1010, "InsufficientMemoryB"}, {-1009, "InsufficientMemoryC"}, {-2050, "InsufficientMemoryTemp"}, {-2048, "InvalidOverrideKernel"},
        {-2047, "MissingOverrideParameter"}, {-2046, "InvalidLocalMemUsage"}, {-2041, "DatabaseError"}, {-2040, "UnknownError"},
        {-2039, "UnexpectedError"},
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; ++i)
        if (codes[i].code == code)
            return codes[i].name;
    return NULL;
}

static exciton_status check(exciton_be_device *device, const char *call, int code)
{
    const char *name = code_name(code);
    if (!name && code != CL_BUILD_PROGRAM_FAILURE)
        return exciton_cl_check(device, call, code);
    exciton_log(device->env, EXCITON_LOG_WARNING, "opencl: %s: %s: %s (%d)", device->name, call, name ? name : exciton_cl_error(code), code);
    return exciton_fail(name ? EXCITON_ERROR_DRIVER : EXCITON_ERROR_COMPILE, "opencl: %s: %s: %s (%d)", device->name, call,
                        name ? name : exciton_cl_error(code), code);
}

/* ---- products ---- */

exciton_status exciton_clblast_product(const exciton_step *step, const cl_mem *slots, const uint64_t *offsets, exciton_cl_product *product)
{
    const exciton_product *p = &step->product;
    const uint64_t weights = offsets[0] / sizeof(float), state = offsets[1] / sizeof(float);
    const uint64_t a_at = state + p->a_at, b_at = weights + p->b_at, c_at = state + p->c_at;
    /* inside, the library counts elements by int */
    const uint64_t most = exciton_max(exciton_max(a_at + p->m * p->a_pitch, c_at + p->m * p->n), b_at + p->k * p->n);
    if (most > INT32_MAX)
        return exciton_fail(EXCITON_ERROR_LIMIT, "opencl: excitation: clblast: element %llu of a buffer: it counts up to %d", (unsigned long long)most,
                            INT32_MAX);
    *product = (exciton_cl_product){.state = slots[1], .weights = slots[0], .m = (size_t)p->m, .n = (size_t)p->n, .k = (size_t)p->k,
                                    .a_at = (size_t)a_at, .a_pitch = (size_t)p->a_pitch, .b_at = (size_t)b_at, .c_at = (size_t)c_at};
    return EXCITON_OK;
}

exciton_status exciton_clblast_temporary(exciton_be_device *device, const exciton_cl_product *p, size_t *bytes)
{
    *bytes = 0;
    return check(device, "CLBlastSGemmTempBufferSize",
                 device->clblast.temporary_bytes(ROW_MAJOR, NOT_TRANSPOSED, NOT_TRANSPOSED, p->m, p->n, p->k, p->a_at, p->a_pitch, p->b_at, p->n,
                                                 p->c_at, p->n, &device->queue, bytes));
}

exciton_status exciton_clblast_enqueue(exciton_be_device *device, const exciton_cl_product *p, cl_mem temporary)
{
    return check(device, "CLBlastSgemm",
                 device->clblast.sgemm(ROW_MAJOR, NOT_TRANSPOSED, NOT_TRANSPOSED, p->m, p->n, p->k, 1.0f, p->state, p->a_at, p->a_pitch, p->weights,
                                       p->b_at, p->n, 0.0f, p->state, p->c_at, p->n, &device->queue, NULL, temporary));
}
