#include "core/params.h"

#include <string.h>

exciton_status exciton_params_copy(void *to, size_t size, const void *given, const char *what)
{
    memset(to, 0, size);
    if (!given)
        return EXCITON_OK;
    size_t theirs;
    memcpy(&theirs, given, sizeof theirs);
    if (theirs == 0)
        theirs = size;
    if (theirs < sizeof theirs || theirs > 65536)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "%s: size: %zu is no size of this struct", what, theirs);
    for (size_t i = size; i < theirs; ++i)
        if (((const unsigned char *)given)[i])
            return exciton_fail(EXCITON_ERROR_UNSUPPORTED, "%s: a member beyond byte %zu is set, which this library does not know", what, size);
    memcpy(to, given, theirs < size ? theirs : size);
    return EXCITON_OK;
}
