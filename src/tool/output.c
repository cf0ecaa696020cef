/* Where output files may go. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool/tool.h"

#define FOLDER_SIZE 4096

/* The folder of `path`, with about it; false and errno where there is none. */
static bool find_folder(const char *path, char folder[FOLDER_SIZE], struct stat *about)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    if (length >= FOLDER_SIZE - 1) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(folder, path, length);
    strcpy(folder + length, slash ? length ? "" : "/" : ".");
    return stat(folder, about) == 0;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* What is no regular file would be replaced by one: a terminal, say, by way of /dev/stdout. */
int tool_check_output(const char *path)
{
    char folder[FOLDER_SIZE];
    struct stat about;
    if (!base_name(path)[0])
        return tool_error(TOOL_OTHER, "output: %s: can't be written: a file's name is needed", path);
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode))
        return tool_error(TOOL_OTHER, "output: %s: can't be written: not a regular file", path);
    if (!find_folder(path, folder, &about) || access(folder, W_OK | X_OK))
        return tool_error(TOOL_OTHER, "output: %s: can't be written: its folder: %s", path, strerror(errno));
    return TOOL_DONE;
}

/* Names and not inodes: two hard links of one file are replaced apart. */
bool tool_same_output(const char *a, const char *b)
{
    char folder[FOLDER_SIZE];
    struct stat about_a, about_b;
    return !strcmp(base_name(a), base_name(b)) && find_folder(a, folder, &about_a) && find_folder(b, folder, &about_b) &&
           about_a.st_dev == about_b.st_dev && about_a.st_ino == about_b.st_ino;
}
