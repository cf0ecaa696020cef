/* Files of a folder that is the user's alone. */
#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void say(char *why, size_t size, const char *text) { snprintf(why, size, "%s", text); }

/* The folder itself must be the user's, closed to others, and no link; what leads to it is the system's business. */
static int open_folder(const char *directory, bool may_be_absent, char *why, size_t size)
{
    int folder = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0) {
        if (!may_be_absent || errno != ENOENT)
            say(why, size, strerror(errno));
        return -1;
    }
    struct stat status;
    if (fstat(folder, &status) || status.st_uid != geteuid() || (status.st_mode & 077)) {
        close(folder);
        say(why, size, "the folder must belong to the user and be closed to others (mode 0700)");
        return -1;
    }
    return folder;
}

/* Reads from the start until `bytes` or the end. */
static size_t read_all(int file, char *data, size_t bytes)
{
    size_t done = 0;
    while (done < bytes) {
        ssize_t got = read(file, data + done, bytes - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    return done;
}

static size_t load(int file, void *data, size_t capacity, char *why, size_t size)
{
    struct stat status;
    if (fstat(file, &status) || !S_ISREG(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 022) || status.st_nlink != 1) {
        say(why, size, "no plain file of the user's alone");
        return 0;
    }
    if (status.st_size <= 0 || (uintmax_t)status.st_size > SIZE_MAX)
        return 0;
    size_t whole = (size_t)status.st_size;
    if (whole > capacity || read_all(file, data, whole) == whole)
        return whole;
    say(why, size, "it ended early");
    return 0;
}

size_t exciton_private_load(const char *directory, const char *name, void *data, size_t capacity, char *why, size_t size)
{
    int folder = open_folder(directory, true, why, size);
    if (folder < 0)
        return 0;
    int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    size_t bytes = 0;
    if (file >= 0) {
        bytes = load(file, data, capacity, why, size);
        close(file);
    } else if (errno != ENOENT) {
        say(why, size, strerror(errno));
    }
    close(folder);
    return bytes;
}

static bool write_all(int file, const char *data, size_t bytes)
{
    while (bytes > 0) {
        ssize_t put = write(file, data, bytes);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        data += put;
        bytes -= (size_t)put;
    }
    return true;
}

/* Under a name of its own, then renamed: a reader sees a whole entry or none. */
static bool save(int folder, const char *name, const void *data, size_t bytes)
{
    char own[128];
    snprintf(own, sizeof own, "%s.%ld.%llx", name, (long)getpid(), (unsigned long long)exciton_clock());
    int file = openat(folder, own, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0)
        return false;
    bool good = write_all(file, data, bytes);
    good = close(file) == 0 && good;
    good = good && renameat(folder, own, folder, name) == 0;
    if (!good) {
        int code = errno;
        (void)unlinkat(folder, own, 0);
        errno = code;
    }
    return good;
}

bool exciton_private_save(const char *directory, const char *name, const void *data, size_t bytes, char *why, size_t size)
{
    if (mkdir(directory, 0700) && errno != EEXIST) {
        say(why, size, strerror(errno));
        return false;
    }
    int folder = open_folder(directory, false, why, size);
    if (folder < 0)
        return false;
    bool good = save(folder, name, data, bytes);
    if (!good)
        say(why, size, strerror(errno));
    close(folder);
    return good;
}
