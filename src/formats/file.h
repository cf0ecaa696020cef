/* Files and memory of the formats: the one place that opens, reads and writes. Sizes come from fstat, every range is
 * checked against them, and each call can be replaced by a test. */
#ifndef EXCITON_FORMATS_FILE_H
#define EXCITON_FORMATS_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <exciton/exciton.h>

#include "base/error.h"

/* The calls as POSIX and C have them, errno included. Tests pass their own table to the functions with _with in their name. */
typedef struct exciton_calls {
    void *user;
    void *(*allocate)(void *user, size_t size);
    void (*release)(void *user, void *memory); /* NULL is legal */
    int (*open)(void *user, const char *path, int flags, mode_t mode);
    int (*status)(void *user, int descriptor, struct stat *status); /* fstat */
    int (*look)(void *user, const char *path, struct stat *status); /* stat */
    ssize_t (*read)(void *user, int descriptor, void *data, size_t bytes, off_t offset);
    ssize_t (*write)(void *user, int descriptor, const void *data, size_t bytes);
    int (*close)(void *user, int descriptor);
    int (*rename)(void *user, const char *from, const char *to);
    int (*unlink)(void *user, const char *path);
} exciton_calls;

extern const exciton_calls exciton_system_calls;

/* Sets the thread's line and returns `status`; control characters of a file's content come out as '?'. */
exciton_status exciton_io_fail(exciton_status status, const char *format, ...) EXCITON_PRINTF(2, 3);

/* count * size bytes, not zeroed, or NULL (on overflow too). One byte where the product is 0. */
void *exciton_io_allocate(const exciton_calls *calls, uint64_t count, size_t size);
void exciton_io_release(const exciton_calls *calls, void *memory);

/* A regular file open for reading. Zeroed: closed. */
typedef struct exciton_source {
    const exciton_calls *calls;
    char *name;      /* for error lines: the path, its end where it is long */
    int descriptor;
    uint64_t bytes;  /* when it was opened */
} exciton_source;

/* After a failure the source is closed. The first follows a link (a Hugging Face cache is made of them), the second
 * refuses it. */
exciton_status exciton_source_open(const exciton_calls *calls, const char *path, exciton_source *source);
exciton_status exciton_source_open_unlinked(const exciton_calls *calls, const char *path, exciton_source *source);
/* All of [offset, offset + bytes): past the end is EXCITON_ERROR_FORMAT, a file that shrank meanwhile _FILE. */
exciton_status exciton_source_read(const exciton_source *source, uint64_t offset, uint64_t bytes, void *data);
void exciton_source_close(exciton_source *source);

/* A file being written under a temporary name beside `path`. Zeroed: abandoned. */
typedef struct exciton_sink {
    const exciton_calls *calls;
    const char *path; /* the caller's, alive until commit */
    char *temporary;
    int descriptor;
} exciton_sink;

/* After a failure, of write and commit too, the sink is abandoned: nothing is left of it. */
exciton_status exciton_sink_create(const exciton_calls *calls, const char *path, exciton_sink *sink);
exciton_status exciton_sink_write(exciton_sink *sink, const void *data, uint64_t bytes);
/* Takes the place of what was at `path`. */
exciton_status exciton_sink_commit(exciton_sink *sink);
void exciton_sink_abandon(exciton_sink *sink);

#endif
