/* safetensors files for the tests of the format and of the blocks in it: headers as text, images in memory. */
#ifndef EXCITON_TESTS_SAFETENSORS_IMAGES_H
#define EXCITON_TESTS_SAFETENSORS_IMAGES_H

#include "io_files.h"

enum {
    F = EXCITON_ERROR_FORMAT, U = EXCITON_ERROR_UNSUPPORTED, O = EXCITON_ERROR_OVERFLOW, S = EXCITON_ERROR_SHAPE, N = EXCITON_ERROR_NAME
};

typedef struct image { unsigned char *bytes; size_t size, data; } image;

/* A file of a header of `length` bytes; `floats` values 0.5, 1.5, … and `extra` bytes. */
static inline image make_bytes(const char *header, size_t length, size_t floats, size_t extra)
{
    image made = {.size = 8 + length + floats * sizeof(float) + extra, .data = 8 + length};
    made.bytes = calloc(1, made.size);
    assert_non_null(made.bytes);
    for (int i = 0; i < 8; i++)
        made.bytes[i] = (unsigned char)((uint64_t)length >> (8 * i));
    memcpy(made.bytes + 8, header, length);
    for (size_t i = 0; i < floats; i++) {
        float value = (float)i + 0.5f;
        memcpy(made.bytes + made.data + i * sizeof value, &value, sizeof value);
    }
    return made;
}

static inline image make(const char *header, size_t floats) { return make_bytes(header, strlen(header), floats, 0); }

/* ---- Headers --------------------------------------------------------------------------------------------------- */

#define META "\"__metadata__\":{\"format\":\"pt\"},"
#define T(name, type, shape, begin, end) \
    "\"" name "\":{\"dtype\":\"" type "\",\"shape\":[" shape "],\"data_offsets\":[" #begin "," #end "]}"

/* C = 4, R = 2 with biases under any names: 88 bytes. */
#define FULL(n1, n2) T(n1 ".weight", "F32", "2,4", 0, 32) "," T(n1 ".bias", "F32", "2", 32, 40) "," \
    T(n2 ".weight", "F32", "4,2", 40, 72) "," T(n2 ".bias", "F32", "4", 72, 88)

#define WITH(metadata, body) "{\"__metadata__\":{" metadata "}," body "}"

#endif
