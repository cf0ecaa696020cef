/* libOpenCL, found at run time. */
#include "backends/opencl/opencl.h"

#include <stdio.h>
#include <string.h>

/* Of the last line the first two are the desktop's; the others are what Android's vendors call it. */
static const char *const names[] = {
#if defined(_WIN32)
    "OpenCL.dll",
#else
    "libOpenCL.so.1", "libOpenCL.so", "libOpenCL-pixel.so", "libOpenCL-car.so", "libGLES_mali.so", "libPVROCL.so",
#endif
};

typedef struct exciton_cl_symbol {
    const char *name;
    size_t at; /* in exciton_cl */
} exciton_cl_symbol;

static const exciton_cl_symbol symbols[] = {
#define EXCITON_CL_SYMBOL(name) {#name, offsetof(exciton_cl, name)},
    EXCITON_CL_FUNCTIONS(EXCITON_CL_SYMBOL)
#undef EXCITON_CL_SYMBOL
};

enum { NAMES = sizeof names / sizeof names[0], SYMBOLS = sizeof symbols / sizeof symbols[0] };

/* Every member of the table is a function pointer, and those are all alike in memory. */
_Static_assert(sizeof(exciton_cl) == SYMBOLS * sizeof(exciton_function), "the table is an array of functions");

static const char *fill(const exciton_env *env, void *library, exciton_cl *cl)
{
    for (size_t i = 0; i < SYMBOLS; ++i) {
        exciton_function function = exciton_library_symbol(library, symbols[i].name);
        function = exciton_resolve(env, symbols[i].name, function);
        if (!function)
            return symbols[i].name;
        memcpy((char *)cl + symbols[i].at, &function, sizeof function);
    }
    return NULL;
}

bool exciton_cl_load(const exciton_env *env, exciton_cl *cl, char *why, size_t size)
{
    char reason[256] = "";
    why[0] = '\0';
    for (size_t i = 0; i < NAMES; ++i) {
        void *library = exciton_library_open(names[i], reason, sizeof reason);
        if (!library) {
            if (i == 0) /* the others' reasons say the same */
                snprintf(why, size, "no loader (%s)", reason);
            continue;
        }
        const char *missing = fill(env, library, cl);
        if (!missing) {
            exciton_log(env, EXCITON_LOG_DEBUG, "opencl: loader %s", names[i]);
            return true;
        }
        snprintf(why, size, "loader %s has no %s", names[i], missing);
        exciton_library_close(library);
    }
    return false;
}

const char *exciton_cl_error(cl_int code)
{
    switch (code) {
#define EXCITON_CL_CODE(name) \
    case name:                \
        return #name;
        EXCITON_CL_CODE(CL_SUCCESS)
        EXCITON_CL_CODE(CL_DEVICE_NOT_FOUND)
        EXCITON_CL_CODE(CL_DEVICE_NOT_AVAILABLE)
        EXCITON_CL_CODE(CL_COMPILER_NOT_AVAILABLE)
        EXCITON_CL_CODE(CL_MEM_OBJECT_ALLOCATION_FAILURE)
        EXCITON_CL_CODE(CL_OUT_OF_RESOURCES)
        EXCITON_CL_CODE(CL_OUT_OF_HOST_MEMORY)
        EXCITON_CL_CODE(CL_PROFILING_INFO_NOT_AVAILABLE)
        EXCITON_CL_CODE(CL_MEM_COPY_OVERLAP)
        EXCITON_CL_CODE(CL_BUILD_PROGRAM_FAILURE)
        EXCITON_CL_CODE(CL_MAP_FAILURE)
        EXCITON_CL_CODE(CL_MISALIGNED_SUB_BUFFER_OFFSET)
        EXCITON_CL_CODE(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST)
        EXCITON_CL_CODE(CL_COMPILE_PROGRAM_FAILURE)
        EXCITON_CL_CODE(CL_LINKER_NOT_AVAILABLE)
        EXCITON_CL_CODE(CL_LINK_PROGRAM_FAILURE)
        EXCITON_CL_CODE(CL_KERNEL_ARG_INFO_NOT_AVAILABLE)
        EXCITON_CL_CODE(CL_INVALID_VALUE)
        EXCITON_CL_CODE(CL_INVALID_DEVICE_TYPE)
        EXCITON_CL_CODE(CL_INVALID_PLATFORM)
        EXCITON_CL_CODE(CL_INVALID_DEVICE)
        EXCITON_CL_CODE(CL_INVALID_CONTEXT)
        EXCITON_CL_CODE(CL_INVALID_QUEUE_PROPERTIES)
        EXCITON_CL_CODE(CL_INVALID_COMMAND_QUEUE)
        EXCITON_CL_CODE(CL_INVALID_HOST_PTR)
        EXCITON_CL_CODE(CL_INVALID_MEM_OBJECT)
        EXCITON_CL_CODE(CL_INVALID_BINARY)
        EXCITON_CL_CODE(CL_INVALID_BUILD_OPTIONS)
        EXCITON_CL_CODE(CL_INVALID_PROGRAM)
        EXCITON_CL_CODE(CL_INVALID_PROGRAM_EXECUTABLE)
        EXCITON_CL_CODE(CL_INVALID_KERNEL_NAME)
        EXCITON_CL_CODE(CL_INVALID_KERNEL_DEFINITION)
        EXCITON_CL_CODE(CL_INVALID_KERNEL)
        EXCITON_CL_CODE(CL_INVALID_ARG_INDEX)
        EXCITON_CL_CODE(CL_INVALID_ARG_VALUE)
        EXCITON_CL_CODE(CL_INVALID_ARG_SIZE)
        EXCITON_CL_CODE(CL_INVALID_KERNEL_ARGS)
        EXCITON_CL_CODE(CL_INVALID_WORK_DIMENSION)
        EXCITON_CL_CODE(CL_INVALID_WORK_GROUP_SIZE)
        EXCITON_CL_CODE(CL_INVALID_WORK_ITEM_SIZE)
        EXCITON_CL_CODE(CL_INVALID_GLOBAL_OFFSET)
        EXCITON_CL_CODE(CL_INVALID_EVENT_WAIT_LIST)
        EXCITON_CL_CODE(CL_INVALID_EVENT)
        EXCITON_CL_CODE(CL_INVALID_OPERATION)
        EXCITON_CL_CODE(CL_INVALID_BUFFER_SIZE)
        EXCITON_CL_CODE(CL_INVALID_GLOBAL_WORK_SIZE)
        EXCITON_CL_CODE(CL_INVALID_PROPERTY)
        EXCITON_CL_CODE(CL_PLATFORM_NOT_FOUND_KHR)
#undef EXCITON_CL_CODE
    default:
        return "unknown code";
    }
}
