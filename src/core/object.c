#include "core/object.h"

static const char *kind_name(uint32_t kind)
{
    switch (kind) {
    case EXCITON_KIND_CONTEXT:
        return "context";
    case EXCITON_KIND_DEVICE:
        return "device";
    case EXCITON_KIND_BUFFER:
        return "buffer";
    case EXCITON_KIND_PLAN:
        return "plan";
    case EXCITON_KIND_BINDING:
        return "binding";
    case EXCITON_KIND_FLOOR:
        return "floor";
    default:
        return "no object of exciton";
    }
}

exciton_status exciton_object_check(const void *object, exciton_kind kind, const char *what)
{
    if (!object)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "%s: %s: NULL", what, kind_name(kind));
    uint32_t is = ((const exciton_object *)object)->kind;
    if (is == (uint32_t)kind)
        return EXCITON_OK;
    if (is == EXCITON_KIND_DEAD)
        return exciton_fail(EXCITON_ERROR_STALE, "%s: %s: already destroyed", what, kind_name(kind));
    return exciton_fail(EXCITON_ERROR_ARGUMENT, "%s: %s: got a %s", what, kind_name(kind), kind_name(is));
}
