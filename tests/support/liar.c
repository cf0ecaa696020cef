#include "support/liar.h"

#include "base/catalogue.h"

#include <string.h>

liar the_liar;

static const exciton_kernel_entry *entry_of(const char *name)
{
    for (int kernel = 0; kernel < EXCITON_KERNEL_COUNT; ++kernel)
        if (!strcmp(exciton_kernel_describe((exciton_kernel)kernel)->name, name))
            return exciton_kernel_describe((exciton_kernel)kernel);
    return NULL;
}

bool liar_changes(const char *kernel, const char *form, uint32_t index, uint32_t *value)
{
    const exciton_kernel_entry *entry = entry_of(kernel);
    if (the_liar.way == LIAR_HONEST || !entry || index >= entry->param_count || (the_liar.kernel && strcmp(the_liar.kernel, kernel)) ||
        (the_liar.form && form && strcmp(the_liar.form, form)))
        return false;
    const char *param = entry->params[index];
    if (the_liar.way == LIAR_NOTHING && (!strcmp(param, "units") || !strcmp(param, "samples") || !strcmp(param, "rows"))) {
        *value = 0;
        return true;
    }
    if (the_liar.way == LIAR_OFF && !strcmp(param, "divisor") && *value > 0x3f000000u) { /* not the one that warms */
        *value ^= 1;
        return true;
    }
    return false;
}

exciton_function liar_resolve(void *user, const char *name, exciton_function function)
{
    function = seam_resolve(user, name, function);
#ifdef EXCITON_OPENCL
    if (function)
        function = liar_opencl(name, function);
#endif
#ifdef EXCITON_VULKAN
    if (function)
        function = liar_vulkan(name, function);
#endif
    return function;
}
