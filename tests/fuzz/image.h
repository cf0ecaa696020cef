/* A file in memory for the fuzz targets, behind the seam of the formats, whose calls fail where the input says.
 *
 * An input's last three bytes are no part of the file: options, which each target reads in its own way, then N and HOW:
 *   HOW & 0xc0   0x80: the N-th allocation fails; 0xc0: the N-th call of any kind; else none fails
 *   HOW & 0x20   all from the N-th on
 *   HOW & 0x10   a read that fails gives nothing, as if the file had become shorter, and no error
 *   HOW & 0x08   reads and writes move one byte, or are interrupted
 *   HOW & 0x07   N's upper bits
 * `--no-faults` on the command line: none fails, whatever an input says. */
#ifndef EXCITON_TESTS_FUZZ_IMAGE_H
#define EXCITON_TESTS_FUZZ_IMAGE_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/file.h"

#define CHECK(condition) ((condition) ? (void)0 : image_broken(__FILE__, __LINE__, #condition))
#define IMAGE_PATH "models/fuzz"

enum { IMAGE_TAIL = 3, IMAGE_DESCRIPTOR = 1000000, IMAGE_SINK };

typedef struct image {
    exciton_calls calls;
    const uint8_t *bytes;
    size_t size;
    uint8_t options, how;
    uint64_t fail_at, count, moves;
    size_t most;            /* of one allocation: beyond it there is no memory */
    bool failed, refused;   /* a call did; an allocation was beyond `most` */
    int64_t live, opened;
    uint8_t written[1024];  /* what went to the temporary file */
    size_t written_size;
    bool temporary, renamed;
} image;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool image_no_faults;

static void image_broken(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: %s\nlast error: %s\n", file, line, condition, exciton_last_error());
    abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    int kept = 0;
    for (int i = 0; i < *argc; i++)
        if (strcmp((*argv)[i], "--no-faults"))
            (*argv)[kept++] = (*argv)[i];
    image_no_faults = kept < *argc;
    *argc = kept;
    return 0;
}

/* ---- The calls ------------------------------------------------------------------------------------------------- */

static bool image_fails(image *from, bool allocation, int error)
{
    if (!from->fail_at || (!allocation && !(from->how & 0x40)))
        return false;
    from->count++;
    if (from->how & 0x20 ? from->count < from->fail_at : from->count != from->fail_at)
        return false;
    from->failed = true;
    errno = error;
    return true;
}

static void *image_allocate(void *user, size_t size)
{
    image *from = user;
    if (image_fails(from, true, ENOMEM))
        return NULL;
    if (size > from->most) {
        from->refused = true;
        errno = ENOMEM;
        return NULL;
    }
    from->live++;
    void *memory = malloc(size);
    CHECK(memory);
    return memory;
}

static void image_release(void *user, void *memory)
{
    ((image *)user)->live -= memory != NULL;
    free(memory);
}

/* The model, or a plain name beside it. */
static int image_open(void *user, const char *path, int flags, mode_t mode)
{
    image *from = user;
    (void)mode;
    const char *name = path + strlen("models/");
    CHECK(!strncmp(path, "models/", strlen("models/")) && *name && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, ".."));
    CHECK(!strcmp(path, IMAGE_PATH) || flags & (O_NOFOLLOW | O_EXCL));
    CHECK(flags & O_CLOEXEC);
    if (image_fails(from, false, EACCES))
        return -1;
    from->opened++;
    if (!(flags & O_CREAT))
        return IMAGE_DESCRIPTOR;
    CHECK(!from->temporary);
    from->temporary = true;
    from->written_size = 0;
    return IMAGE_SINK;
}

static int image_status(void *user, int descriptor, struct stat *status)
{
    image *from = user;
    CHECK(descriptor == IMAGE_DESCRIPTOR);
    if (image_fails(from, false, EIO))
        return -1;
    *status = (struct stat){.st_mode = S_IFREG | 0600, .st_size = (off_t)from->size};
    return 0;
}

static int image_look(void *user, const char *path, struct stat *status)
{
    (void)path;
    *status = (struct stat){.st_mode = S_IFREG | 0600};
    return image_fails(user, false, EIO) ? -1 : 0;
}

/* How many bytes move this time; 0: interrupted. */
static size_t image_move(image *from, size_t bytes)
{
    if (!(from->how & 0x08) || !from->fail_at || !bytes)
        return bytes;
    errno = EINTR;
    return ++from->moves % 2;
}

static ssize_t image_read(void *user, int descriptor, void *data, size_t bytes, off_t offset)
{
    image *from = user;
    CHECK(descriptor == IMAGE_DESCRIPTOR && offset >= 0);
    if (image_fails(from, false, EIO))
        return from->how & 0x10 ? 0 : -1;
    CHECK((size_t)offset <= from->size && bytes <= from->size - (size_t)offset);
    size_t move = image_move(from, bytes);
    if (bytes && !move)
        return -1;
    memcpy(data, from->bytes + offset, move);
    return (ssize_t)move;
}

static ssize_t image_write(void *user, int descriptor, const void *data, size_t bytes)
{
    image *from = user;
    CHECK(descriptor == IMAGE_SINK && from->temporary);
    if (image_fails(from, false, ENOSPC))
        return -1;
    size_t move = image_move(from, bytes);
    if (bytes && !move)
        return -1;
    CHECK(move <= sizeof from->written - from->written_size);
    memcpy(from->written + from->written_size, data, move);
    from->written_size += move;
    return (ssize_t)move;
}

static int image_close(void *user, int descriptor)
{
    image *from = user;
    CHECK(descriptor == IMAGE_DESCRIPTOR || descriptor == IMAGE_SINK);
    from->opened--;
    return image_fails(from, false, EIO) ? -1 : 0;
}

static int image_rename(void *user, const char *from_path, const char *to)
{
    image *from = user;
    CHECK(from->temporary && strcmp(from_path, to) && !strcmp(to, IMAGE_PATH));
    if (image_fails(from, false, EACCES))
        return -1;
    from->temporary = false;
    from->renamed = true;
    return 0;
}

static int image_unlink(void *user, const char *path)
{
    (void)path;
    ((image *)user)->temporary = false;
    return 0;
}

/* ---- A run ----------------------------------------------------------------------------------------------------- */

static inline void image_init(image *from, const uint8_t *data, size_t size, size_t most)
{
    size_t tail = size < IMAGE_TAIL ? size : IMAGE_TAIL;
    const uint8_t *end = data + size - tail;
    *from = (image){
        .calls = {.user = from, .allocate = image_allocate, .release = image_release, .open = image_open, .status = image_status,
                  .look = image_look, .read = image_read, .write = image_write, .close = image_close, .rename = image_rename,
                  .unlink = image_unlink},
        .bytes = data, .size = size - tail, .most = most, .options = tail ? end[0] : 0, .how = tail == IMAGE_TAIL ? end[2] : 0,
    };
    if (from->how & 0x80 && !image_no_faults)
        from->fail_at = 1 + ((uint64_t)(from->how & 0x07) << 8 | end[1]);
    exciton_report(EXCITON_OK, "");
}

static inline void image_finish(const image *from) { CHECK(!from->live && !from->opened && !from->temporary); }

/* What a bad file may be called; and what only a failing call explains. */
static inline void image_check(const image *from, exciton_status status)
{
    const char *line = exciton_last_error();
    switch (status) {
    case EXCITON_OK: return;
    case EXCITON_ERROR_FORMAT: case EXCITON_ERROR_UNSUPPORTED: case EXCITON_ERROR_SHAPE: case EXCITON_ERROR_OVERFLOW:
    case EXCITON_ERROR_NAME: break;
    case EXCITON_ERROR_MEMORY: CHECK(from->failed || from->refused); break;
    case EXCITON_ERROR_FILE: CHECK(from->failed); break;
    default: CHECK(!"a status of bad files");
    }
    CHECK(*line && strstr(line, ": "));
    for (; *line; line++)
        CHECK((unsigned char)*line >= 0x20 && *line != 0x7f);
}

/* A call with bad arguments: that status, and a line. */
static inline void image_check_argument(exciton_status status) { CHECK(status == EXCITON_ERROR_ARGUMENT && *exciton_last_error()); }

/* Reads all of it, for the sanitizer. */
static inline void image_touch(const void *data, uint64_t bytes)
{
    static volatile unsigned char seen;
    const unsigned char *from = data;
    unsigned char sum = 0;
    for (uint64_t i = 0; i < bytes; i++)
        sum ^= from[i];
    seen = sum;
    (void)seen;
}

#endif
