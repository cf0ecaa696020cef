/* Files for the tests of the formats: images in memory or a folder on disk, and calls that fail on demand. */
#ifndef EXCITON_TESTS_IO_FILES_H
#define EXCITON_TESTS_IO_FILES_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "formats/file.h"

/* What a failing call does; _SHRINKS is for read: it gives nothing, as at a file's end. */
typedef enum io_fault { IO_FAULT_ERROR, IO_FAULT_SHRINKS, IO_FAULT_DRIBBLES } io_fault;

/* `image` non-NULL: every open gives these bytes instead of the system's file. */
typedef struct io_files {
    exciton_calls calls;
    const unsigned char *image;
    size_t image_bytes;
    uint64_t count, fail_at; /* of all calls but release, close and unlink, from 1; 0: none fails */
    io_fault fault;          /* _DRIBBLES: reads and writes move one byte or are interrupted, none fails */
    int64_t live, opened;    /* blocks and descriptors not given back */
    uint64_t read_bytes;
} io_files;

#define IO_IMAGE_DESCRIPTOR 1000000

static bool io_fails(io_files *files, int error)
{
    files->count++;
    if (files->fault == IO_FAULT_DRIBBLES || files->count != files->fail_at)
        return false;
    errno = error;
    return true;
}

static void *io_allocate(void *user, size_t size)
{
    io_files *files = user;
    void *memory = io_fails(files, ENOMEM) ? NULL : malloc(size);
    files->live += memory != NULL;
    return memory;
}

static void io_release(void *user, void *memory)
{
    io_files *files = user;
    files->live -= memory != NULL;
    free(memory);
}

static int io_open(void *user, const char *path, int flags, mode_t mode)
{
    io_files *files = user;
    if (io_fails(files, EACCES))
        return -1;
    int descriptor = files->image ? IO_IMAGE_DESCRIPTOR : open(path, flags, mode);
    files->opened += descriptor >= 0;
    return descriptor;
}

static int io_status(void *user, int descriptor, struct stat *status)
{
    io_files *files = user;
    if (io_fails(files, EIO))
        return -1;
    if (!files->image)
        return fstat(descriptor, status);
    *status = (struct stat){.st_mode = S_IFREG | 0600, .st_size = (off_t)files->image_bytes};
    return 0;
}

static int io_look(void *user, const char *path, struct stat *status) { return io_fails(user, EIO) ? -1 : stat(path, status); }

/* False: interrupted this time. */
static bool io_dribble(io_files *files, size_t *bytes)
{
    if (files->fault != IO_FAULT_DRIBBLES)
        return true;
    *bytes = *bytes ? 1 : 0;
    errno = EINTR;
    return files->count % 2;
}

static ssize_t io_read(void *user, int descriptor, void *data, size_t bytes, off_t offset)
{
    io_files *files = user;
    if (io_fails(files, EIO))
        return files->fault == IO_FAULT_SHRINKS ? 0 : -1;
    if (!io_dribble(files, &bytes))
        return -1;
    files->read_bytes += bytes;
    if (!files->image)
        return pread(descriptor, data, bytes, offset);
    size_t left = (size_t)offset < files->image_bytes ? files->image_bytes - (size_t)offset : 0;
    if (bytes > left)
        bytes = left;
    memcpy(data, files->image + offset, bytes);
    return (ssize_t)bytes;
}

static ssize_t io_write(void *user, int descriptor, const void *data, size_t bytes)
{
    if (io_fails(user, ENOSPC) || !io_dribble(user, &bytes))
        return -1;
    return write(descriptor, data, bytes);
}

static int io_close(void *user, int descriptor)
{
    io_files *files = user;
    files->opened--;
    if (descriptor != IO_IMAGE_DESCRIPTOR)
        close(descriptor);
    return io_fails(files, EIO) ? -1 : 0;
}

static int io_rename(void *user, const char *from, const char *to) { return io_fails(user, EACCES) ? -1 : rename(from, to); }
static int io_unlink(void *user, const char *path) { (void)user; return unlink(path); }

static void io_files_init(io_files *files)
{
    *files = (io_files){.calls = {.user = files, .allocate = io_allocate, .release = io_release, .open = io_open,
                                  .status = io_status, .look = io_look, .read = io_read, .write = io_write, .close = io_close,
                                  .rename = io_rename, .unlink = io_unlink}};
}

/* The image lies in a block of its own size, so that a sanitizer sees a read beyond it. */
static inline void io_files_init_image(io_files *files, const void *bytes, size_t size)
{
    io_files_init(files);
    files->image = bytes;
    files->image_bytes = size;
}

static void io_assert_clean(const io_files *files)
{
    assert_int_equal(files->live, 0);
    assert_int_equal(files->opened, 0);
}

/* The last failure's line names the file and `part`. */
static inline void io_assert_line(const char *file, const char *part)
{
    const char *line = exciton_last_error();
    if (!strstr(line, file) || !strstr(line, part))
        fail_msg("\"%s\" lacks \"%s\" or \"%s\"", line, file, part);
}

/* ---- A folder of its own for each test ------------------------------------------------------------------------- */

static char io_folder[256];

static inline int io_folder_make(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(io_folder, sizeof io_folder, "%s/exciton-io-XXXXXX", base && *base ? base : "/tmp");
    return mkdtemp(io_folder) ? 0 : -1;
}

static inline const char *io_path(const char *name)
{
    static char paths[4][1024];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", io_folder, name);
    return path;
}

/* The files in the folder; all of them are removed where `remove` says so. */
static inline int io_folder_count(bool remove_all)
{
    int count = 0;
    DIR *folder = opendir(io_folder);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        count++;
        if (remove_all)
            remove(io_path(entry->d_name));
    }
    closedir(folder);
    return count;
}

static inline int io_folder_remove(void **state)
{
    (void)state;
    io_folder_count(true);
    return rmdir(io_folder);
}

static inline void io_save(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(io_path(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* ---- Random numbers, the seed printed by whoever starts them --------------------------------------------------- */

static inline uint64_t io_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* One to eight changes: bytes flipped, replaced, runs copied, the end cut off. The new size. */
static inline size_t io_mutate(unsigned char *bytes, size_t size, size_t interesting, uint64_t *state)
{
    static const unsigned char marks[] = "'\"{}[](),:0189LTF<>\\ \n\x00\xff\x80";
    for (uint64_t left = 1 + io_random(state) % 8; left && size; left--) {
        size_t at = (size_t)(io_random(state) % (interesting < size ? interesting : size));
        switch (io_random(state) % 8) {
        case 0: bytes[at] ^= (unsigned char)(1u << (io_random(state) % 8)); break;
        case 1: bytes[at] = (unsigned char)io_random(state); break;
        case 2: size = io_random(state) % 4 ? size : at; break;
        case 3: {
            size_t from = (size_t)(io_random(state) % size), run = (size_t)(io_random(state) % 16);
            size_t top = from > at ? from : at;
            memmove(bytes + at, bytes + from, top + run > size ? size - top : run);
            break;
        }
        default: bytes[at] = marks[io_random(state) % (sizeof marks - 1)]; break;
        }
    }
    return size;
}

#endif
