/* libFuzzer: any bytes as an ONNX file, which is also the file of its external data. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/onnx_walk.h"
#include "formats/onnx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct image {
    const uint8_t *bytes;
    size_t size;
} image;

static void *image_allocate(void *user, size_t size) { (void)user; return malloc(size); }
static void image_release(void *user, void *memory) { (void)user; free(memory); }

static int image_open(void *user, const char *path, int flags, mode_t mode)
{
    (void)user; (void)path; (void)flags; (void)mode;
    return 1000000;
}

static int image_status(void *user, int descriptor, struct stat *status)
{
    (void)descriptor;
    *status = (struct stat){.st_mode = S_IFREG | 0600, .st_size = (off_t)((const image *)user)->size};
    return 0;
}

static ssize_t image_read(void *user, int descriptor, void *data, size_t bytes, off_t offset)
{
    const image *from = user;
    (void)descriptor;
    size_t left = (size_t)offset < from->size ? from->size - (size_t)offset : 0;
    if (bytes > left)
        bytes = left;
    memcpy(data, from->bytes + offset, bytes);
    return (ssize_t)bytes;
}

static int image_close(void *user, int descriptor) { (void)user; (void)descriptor; return 0; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    image from = {data, size};
    exciton_calls calls = {.user = &from, .allocate = image_allocate, .release = image_release, .open = image_open,
                           .status = image_status, .read = image_read, .close = image_close};
    exciton_onnx *onnx;
    if (exciton_onnx_open(&calls, "models/fuzz.onnx", &onnx) == EXCITON_OK)
        onnx_walk(exciton_onnx_graph(onnx));
    exciton_onnx_close(onnx);
    return 0;
}
