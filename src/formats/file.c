#include "formats/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"

/* The largest part that one call moves: Linux stops at 2 GiB - 4 KiB. */
#define PART ((uint64_t)1 << 30)
/* Of a path in an error line; the end of it names the file. */
#define NAME_BYTES 256

static void *system_allocate(void *user, size_t size) { (void)user; return malloc(size); }
static void system_release(void *user, void *memory) { (void)user; free(memory); }
static int system_open(void *user, const char *path, int flags, mode_t mode) { (void)user; return open(path, flags, mode); }
static int system_status(void *user, int descriptor, struct stat *status) { (void)user; return fstat(descriptor, status); }
static int system_look(void *user, const char *path, struct stat *status) { (void)user; return stat(path, status); }
static ssize_t system_read(void *user, int descriptor, void *data, size_t bytes, off_t offset)
{
    (void)user;
    return pread(descriptor, data, bytes, offset);
}
static ssize_t system_write(void *user, int descriptor, const void *data, size_t bytes)
{
    (void)user;
    return write(descriptor, data, bytes);
}
static int system_close(void *user, int descriptor) { (void)user; return close(descriptor); }
static int system_rename(void *user, const char *from, const char *to) { (void)user; return rename(from, to); }
static int system_unlink(void *user, const char *path) { (void)user; return unlink(path); }

const exciton_calls exciton_system_calls = {
    .allocate = system_allocate, .release = system_release, .open = system_open, .status = system_status, .look = system_look,
    .read = system_read, .write = system_write, .close = system_close, .rename = system_rename, .unlink = system_unlink,
};

exciton_status exciton_io_fail(exciton_status status, const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    return exciton_report(status, line);
}

void *exciton_io_allocate(const exciton_calls *calls, uint64_t count, size_t size)
{
    uint64_t bytes;
    if (!exciton_mul(count, size, &bytes) || bytes > PTRDIFF_MAX)
        return NULL;
    return calls->allocate(calls->user, bytes ? (size_t)bytes : 1);
}

void exciton_io_release(const exciton_calls *calls, void *memory) { calls->release(calls->user, memory); }

static const char *path_end(const char *path)
{
    size_t length = strlen(path);
    return length > NAME_BYTES ? path + length - NAME_BYTES : path;
}

/* The system's word for an errno; glibc and others keep it in static or thread-local memory. */
static exciton_status fail_errno(const char *path, const char *doing, int error)
{
    return exciton_io_fail(error == ENOMEM ? EXCITON_ERROR_MEMORY : EXCITON_ERROR_FILE, "%s: %s: %s", path_end(path), doing,
                           strerror(error));
}

/* ---- Reading --------------------------------------------------------------------------------------------------- */

static exciton_status open_source(const exciton_calls *calls, const char *path, int more_flags, exciton_source *source)
{
    *source = (exciton_source){.calls = calls, .descriptor = -1};
    const char *end = path_end(path);
    source->name = exciton_io_allocate(calls, strlen(end) + 1, 1);
    if (!source->name)
        return exciton_io_fail(EXCITON_ERROR_MEMORY, "%s: out of memory", end);
    strcpy(source->name, end);
    /* Not blocking, so that a fifo is refused and not waited for. */
    do
        source->descriptor = calls->open(calls->user, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | more_flags, 0);
    while (source->descriptor < 0 && errno == EINTR);
    exciton_status failed = EXCITON_OK;
    struct stat status;
    if (source->descriptor < 0 && errno == ELOOP && more_flags)
        failed = exciton_io_fail(EXCITON_ERROR_FILE, "%s: open: a link, which is not followed", end);
    else if (source->descriptor < 0)
        failed = fail_errno(path, "open", errno);
    else if (calls->status(calls->user, source->descriptor, &status))
        failed = fail_errno(path, "size", errno);
    else if (!S_ISREG(status.st_mode))
        failed = exciton_io_fail(EXCITON_ERROR_FILE, "%s: open: not a regular file", end);
    else
        source->bytes = (uint64_t)status.st_size;
    if (failed)
        exciton_source_close(source);
    return failed;
}

exciton_status exciton_source_open(const exciton_calls *calls, const char *path, exciton_source *source)
{
    return open_source(calls, path, 0, source);
}

exciton_status exciton_source_open_unlinked(const exciton_calls *calls, const char *path, exciton_source *source)
{
    return open_source(calls, path, O_NOFOLLOW, source);
}

exciton_status exciton_source_read(const exciton_source *source, uint64_t offset, uint64_t bytes, void *data)
{
    if (offset > source->bytes || bytes > source->bytes - offset)
        return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: offset %llu: %llu bytes are needed, the file ends at %llu", source->name,
                               (unsigned long long)offset, (unsigned long long)bytes, (unsigned long long)source->bytes);
    const exciton_calls *calls = source->calls;
    char *to = data;
    while (bytes) {
        ssize_t got = calls->read(calls->user, source->descriptor, to, (size_t)exciton_min(bytes, PART), (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(source->name, "read", errno);
        if (got == 0)
            return exciton_io_fail(EXCITON_ERROR_FILE, "%s: offset %llu: the file became shorter while it was read", source->name,
                                   (unsigned long long)offset);
        to += got;
        offset += (uint64_t)got;
        bytes -= (uint64_t)got;
    }
    return EXCITON_OK;
}

void exciton_source_close(exciton_source *source)
{
    if (!source->calls)
        return;
    if (source->descriptor >= 0)
        source->calls->close(source->calls->user, source->descriptor);
    exciton_io_release(source->calls, source->name);
    *source = (exciton_source){.descriptor = -1};
}

/* ---- Writing --------------------------------------------------------------------------------------------------- */

static _Atomic uint32_t sinks; /* makes temporary names differ within a process */

/* What is there must be a regular file or nothing: a rename would replace /dev/null. */
static exciton_status check_target(const exciton_calls *calls, const char *path)
{
    struct stat status;
    if (calls->look(calls->user, path, &status))
        return errno == ENOENT ? EXCITON_OK : fail_errno(path, "write", errno);
    if (S_ISREG(status.st_mode))
        return EXCITON_OK;
    return exciton_io_fail(EXCITON_ERROR_FILE, "%s: write: what is there is not a regular file", path_end(path));
}

exciton_status exciton_sink_create(const exciton_calls *calls, const char *path, exciton_sink *sink)
{
    *sink = (exciton_sink){.calls = calls, .path = path, .descriptor = -1};
    exciton_status failed = check_target(calls, path);
    if (failed)
        return failed;
    const char *slash = strrchr(path, '/');
    size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
    size_t size = folder + 64;
    sink->temporary = exciton_io_allocate(calls, size, 1);
    if (!sink->temporary)
        return exciton_io_fail(EXCITON_ERROR_MEMORY, "%s: out of memory", path_end(path));
    memcpy(sink->temporary, path, folder);
    /* A short name of its own, so that it fits wherever the path's does. Another process's leftover is stepped over. */
    for (int attempt = 0; attempt < 100 && sink->descriptor < 0; attempt++) {
        snprintf(sink->temporary + folder, size - folder, ".exciton-%lu-%lu.tmp", (unsigned long)getpid(),
                 (unsigned long)atomic_fetch_add(&sinks, 1));
        sink->descriptor = calls->open(calls->user, sink->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (sink->descriptor < 0 && errno != EEXIST && errno != EINTR)
            break;
    }
    if (sink->descriptor >= 0)
        return EXCITON_OK;
    failed = fail_errno(path, "write", errno);
    exciton_io_release(calls, sink->temporary);
    *sink = (exciton_sink){.descriptor = -1};
    return failed;
}

exciton_status exciton_sink_write(exciton_sink *sink, const void *data, uint64_t bytes)
{
    const exciton_calls *calls = sink->calls;
    const char *from = data;
    while (bytes) {
        ssize_t put = calls->write(calls->user, sink->descriptor, from, (size_t)exciton_min(bytes, PART));
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            exciton_status failed = fail_errno(sink->path, "write", put < 0 ? errno : EIO);
            exciton_sink_abandon(sink);
            return failed;
        }
        from += put;
        bytes -= (uint64_t)put;
    }
    return EXCITON_OK;
}

exciton_status exciton_sink_commit(exciton_sink *sink)
{
    const exciton_calls *calls = sink->calls;
    int descriptor = sink->descriptor;
    sink->descriptor = -1;
    exciton_status failed = EXCITON_OK;
    /* A network file system may tell only now that the disk is full. After EINTR the descriptor is gone as well. */
    if (calls->close(calls->user, descriptor) && errno != EINTR)
        failed = fail_errno(sink->path, "write", errno);
    else if (calls->rename(calls->user, sink->temporary, sink->path))
        failed = fail_errno(sink->path, "rename", errno);
    if (failed) {
        exciton_sink_abandon(sink);
        return failed;
    }
    exciton_io_release(calls, sink->temporary);
    *sink = (exciton_sink){.descriptor = -1};
    return EXCITON_OK;
}

void exciton_sink_abandon(exciton_sink *sink)
{
    if (!sink->calls)
        return;
    if (sink->descriptor >= 0)
        sink->calls->close(sink->calls->user, sink->descriptor);
    if (sink->temporary) {
        sink->calls->unlink(sink->calls->user, sink->temporary);
        exciton_io_release(sink->calls, sink->temporary);
    }
    *sink = (exciton_sink){.descriptor = -1};
}
