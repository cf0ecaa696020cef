#include "support/smaller.h"

#include <stdio.h>
#include <string.h>

const char *const smaller_names[] = {
    [SMALLER_INVOCATIONS] = "invocations", [SMALLER_LOCAL] = "local",       [SMALLER_GROUPS] = "groups",     [SMALLER_BUFFERS] = "buffers",
    [SMALLER_PARAMS] = "params",           [SMALLER_SUBGROUPS] = "subgroups", [SMALLER_RANGE] = "range",     [SMALLER_QUEUE] = "queue",
    [SMALLER_COHERENT] = "coherent",       [SMALLER_OFFSETS] = "offsets",   [SMALLER_CONTROLS] = "controls", [SMALLER_UUID] = "uuid",
    [SMALLER_VERSION] = "version",         [SMALLER_TEXELS] = "texels",     [SMALLER_INT64] = "int64",       [SMALLER_GROUP32] = "group32",
    [SMALLER_GROUP1] = "group1",           [SMALLER_GPU] = "gpu",           [SMALLER_COUNT] = NULL,
};

static uint32_t asked;
static uint64_t counts[SMALLER_COUNT]; /* atomic access only */

/* One floor of Vulkan or OpenCL is no floor of the other. Not among all: other work-groups, and another kind of device. */
#define ALL ((1u << SMALLER_GROUP32) - 1u)

static smaller_entry *const tables[] = {
#ifdef EXCITON_OPENCL
    smaller_opencl,
#endif
#ifdef EXCITON_VULKAN
    smaller_vulkan,
#endif
    NULL,
};

static bool add(const char *name, size_t length)
{
    if (length == 3 && !strncmp(name, "all", 3)) {
        asked |= ALL;
        return true;
    }
    for (int i = 0; smaller_names[i]; ++i)
        if (strlen(smaller_names[i]) == length && !strncmp(smaller_names[i], name, length)) {
            asked |= 1u << i;
            return true;
        }
    return false;
}

bool smaller_set(const char *names, char *unknown, size_t size)
{
    asked = 0;
    for (const char *at = names, *end; *at; at = *end ? end + 1 : end) {
        end = strchr(at, ',');
        if (!end)
            end = at + strlen(at);
        if (!add(at, (size_t)(end - at))) {
            snprintf(unknown, size, "%.*s", (int)(end - at), at);
            return false;
        }
    }
    return true;
}

bool smaller_has(smaller_floor floor) { return asked >> floor & 1; }

void smaller_count(smaller_floor floor) { __atomic_add_fetch(&counts[floor], 1, __ATOMIC_RELAXED); }

uint64_t smaller_lower(smaller_floor floor, uint64_t value, uint64_t least)
{
    if (!smaller_has(floor))
        return value;
    smaller_count(floor);
    return value < least ? value : least;
}

const char *smaller_idle(char *list, size_t size)
{
    size_t used = 0;
    list[0] = 0;
    for (int i = 0; i < SMALLER_COUNT; ++i)
        if (smaller_has((smaller_floor)i) && !__atomic_load_n(&counts[i], __ATOMIC_RELAXED) && used < size)
            used += (size_t)snprintf(list + used, size - used, "%s%s", used ? " " : "", smaller_names[i]);
    return list;
}

exciton_function smaller_resolve(void *user, const char *name, exciton_function function)
{
    (void)user;
    for (int t = 0; function && tables[t]; ++t)
        for (smaller_entry *entry = tables[t]; entry->name; ++entry)
            if (!strcmp(entry->name, name)) {
                entry->real = function;
                return entry->wrapper;
            }
    return function;
}
