/* Choosing a device by a selector: pure functions of the listing. */
#ifndef EXCITON_CORE_SELECT_H
#define EXCITON_CORE_SELECT_H

#include "core/context.h"

/* The index that `selector` gives, or _ABSENT or _AMBIGUOUS with a line that lists what there is. */
exciton_status exciton_select(const exciton_found *found, uint32_t count, const char *selector, uint32_t *index);

/* Whether `selector` can only give devices of one API, and which. */
bool exciton_select_api(const char *selector, exciton_api *api);

/* The shortest selector that gives exactly this device, the context's memory; its UUID or full name where none does. `part`:
 * `found` are the devices of one API only, and the selector names it. */
exciton_status exciton_select_name(const exciton_env *env, const exciton_found *found, uint32_t count, uint32_t index, bool part,
                                   const char **selector);

#endif
