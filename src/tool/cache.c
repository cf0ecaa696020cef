/* Where the command keeps what drivers compiled: the folder exciton of the user's cache (XDG base directories). */
#include "tool/tool.h"

#include "base/os.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

bool tool_cache_directory(char *path, size_t size)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char parent[3072];
    if (exciton_is_privileged())
        return false;
    int length = cache && cache[0] == '/' ? snprintf(parent, sizeof parent, "%s", cache)
                 : home && home[0] == '/' ? snprintf(parent, sizeof parent, "%s/.cache", home)
                                          : -1;
    if (length < 0 || (size_t)length >= sizeof parent)
        return false;
    (void)mkdir(parent, 0700); /* where it is there already, or can't be, that shows later */
    length = snprintf(path, size, "%s/exciton", parent);
    return length > 0 && (size_t)length < size;
}
