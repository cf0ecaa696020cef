/* From a kernel's specification to a routine of the instruction set in use. */
#include "backends/host/host.h"

uint32_t exciton_host_list_sets(const exciton_host_set *sets[EXCITON_HOST_SETS])
{
    uint32_t count = 0;
    sets[count++] = &exciton_host_baseline;
#if defined(EXCITON_HOST_X86)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2"))
        sets[count++] = &exciton_host_avx2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        sets[count++] = &exciton_host_avx512;
#endif
    return count;
}

exciton_status exciton_host_kernel_create(exciton_be_device *device, const exciton_kernel_spec *spec, exciton_be_kernel **kernel)
{
    *kernel = NULL;
    const exciton_kernel_entry *entry = exciton_kernel_describe(spec->kernel);
    if (entry == NULL)
        return exciton_fail(EXCITON_ERROR_UNSUPPORTED, "kernel %d: host: not in the catalogue", (int)spec->kernel);
    if (spec->form != EXCITON_FORM_ROWS)
        return exciton_fail(EXCITON_ERROR_UNSUPPORTED, "kernel %s: host: form rows only", entry->name);
    if (spec->group_size > 1)
        return exciton_fail(EXCITON_ERROR_LIMIT, "kernel %s: host: group size %u is above 1", entry->name,
                            (unsigned)spec->group_size);
    exciton_be_kernel *made = exciton_allocate(device->env, sizeof *made);
    if (made == NULL)
        return exciton_fail(EXCITON_ERROR_MEMORY, "kernel %s: host: out of memory", entry->name);
    made->device = device;
    made->routine = device->set->routines[spec->kernel];
    *kernel = made;
    return EXCITON_OK;
}

void exciton_host_kernel_destroy(exciton_be_kernel *kernel)
{
    if (kernel != NULL)
        exciton_release(kernel->device->env, kernel);
}
