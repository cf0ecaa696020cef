/* Where the command keeps what drivers compiled: the folder exciton of the user's cache. */
#include "tool/tool.h"

#include "base/os.h"

#include <stdio.h>

bool tool_cache_directory(char *path, size_t size)
{
    char parent[3072];
    if (!exciton_user_cache(parent, sizeof parent))
        return false;
    int length = snprintf(path, size, "%s/exciton", parent);
    return length > 0 && (size_t)length < size;
}
