/* npy versions 1 to 3: f4, little-endian, C order. The format: numpy's documentation, numpy.lib.format. */
#include "formats/npy.h"

#include <stdio.h>
#include <string.h>

#include "base/checked.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#  error "values are read as they lie in the file: little-endian"
#endif

#define MAGIC_BYTES 6
static const unsigned char magic[MAGIC_BYTES] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

/* Headers of plain arrays have about 100 bytes; longer ones than 64 KiB describe structured types. */
#define HEADER_CAP ((uint32_t)1 << 20)
#define HEADER_ALIGN 64
/* The longest dictionary that is written: 8 sizes of 20 digits. */
#define DICTIONARY_BYTES 320

struct exciton_npy {
    exciton_source source;
    uint64_t data_offset, count;
};

/* The header's place, from magic, version and length. */
static exciton_status read_preamble(const exciton_source *source, uint64_t *offset, uint32_t *length)
{
    unsigned char start[12];
    exciton_status failed = exciton_source_read(source, 0, MAGIC_BYTES + 2, start);
    if (failed)
        return failed;
    if (memcmp(start, magic, MAGIC_BYTES))
        return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: offset 0: not an npy file", source->name);
    unsigned major = start[6], minor = start[7];
    if (major < 1 || major > 3 || minor)
        return exciton_io_fail(EXCITON_ERROR_UNSUPPORTED, "%s: offset 6: npy version %u.%u; 1.0, 2.0 and 3.0 are read", source->name,
                               major, minor);
    uint32_t width = major == 1 ? 2 : 4;
    failed = exciton_source_read(source, 8, width, start + 8);
    if (failed)
        return failed;
    *length = 0;
    for (uint32_t i = 0; i < width; i++)
        *length |= (uint32_t)start[8 + i] << (8 * i);
    *offset = 8 + width;
    if (*length > HEADER_CAP)
        return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: offset 8: a header of %u bytes, more than %u", source->name, *length,
                               HEADER_CAP);
    if (*length > source->bytes - *offset) /* before memory is taken for it */
        return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: offset 8: a header of %u bytes, the file ends at %llu", source->name, *length,
                               (unsigned long long)source->bytes);
    return EXCITON_OK;
}

static exciton_status read_header(const exciton_source *source, uint64_t *data_offset, exciton_npy_header *header)
{
    uint64_t offset = 0;
    uint32_t length = 0;
    exciton_status failed = read_preamble(source, &offset, &length);
    if (failed)
        return failed;
    char *text = exciton_io_allocate(source->calls, length, 1);
    if (!text)
        return exciton_io_fail(EXCITON_ERROR_MEMORY, "%s: out of memory for the header", source->name);
    failed = exciton_source_read(source, offset, length, text);
    if (!failed)
        failed = exciton_npy_parse(source->name, offset, text, length, header);
    exciton_io_release(source->calls, text);
    *data_offset = offset + length;
    return failed;
}

/* The number of elements, and its bytes. */
static exciton_status count_elements(const char *file, uint32_t dims, const uint64_t *shape, uint64_t *count, uint64_t *bytes)
{
    *count = 1;
    for (uint32_t d = 0; d < dims; d++) {
        if (!shape[d])
            return exciton_io_fail(EXCITON_ERROR_SHAPE, "%s: shape: size %u is zero", file, d);
        if (!exciton_mul(*count, shape[d], count))
            return exciton_io_fail(EXCITON_ERROR_OVERFLOW, "%s: shape: the product overflows at size %u", file, d);
    }
    if (!exciton_mul(*count, sizeof(float), bytes))
        return exciton_io_fail(EXCITON_ERROR_OVERFLOW, "%s: shape: the bytes overflow", file);
    return EXCITON_OK;
}

static exciton_status check_bytes(const exciton_source *source, uint64_t offset, uint64_t bytes)
{
    uint64_t there = source->bytes - offset;
    if (there < bytes)
        return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: offset %llu: %llu bytes of data, the shape needs %llu", source->name,
                               (unsigned long long)offset, (unsigned long long)there, (unsigned long long)bytes);
    if (there > bytes)
        return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: offset %llu: %llu bytes after the data", source->name,
                               (unsigned long long)(offset + bytes), (unsigned long long)(there - bytes));
    return EXCITON_OK;
}

static exciton_status open_checked(exciton_npy *file, exciton_tensor *tensor)
{
    exciton_npy_header header;
    exciton_status failed = read_header(&file->source, &file->data_offset, &header);
    if (failed)
        return failed;
    uint64_t bytes = 0;
    failed = count_elements(file->source.name, header.dims, header.shape, &file->count, &bytes);
    if (!failed)
        failed = check_bytes(&file->source, file->data_offset, bytes);
    if (failed)
        return failed;
    tensor->dims = header.dims;
    memcpy(tensor->shape, header.shape, sizeof tensor->shape);
    tensor->count = file->count;
    return EXCITON_OK;
}

exciton_status exciton_npy_open_with(const exciton_calls *calls, const char *path, exciton_tensor *header, exciton_npy **npy)
{
    if (header)
        *header = (exciton_tensor){0};
    if (npy)
        *npy = NULL;
    if (!path || !header || !npy)
        return exciton_io_fail(EXCITON_ERROR_ARGUMENT, "npy open: %s: is NULL", !path ? "path" : !header ? "header" : "npy");
    exciton_npy *file = exciton_io_allocate(calls, 1, sizeof *file);
    if (!file)
        return exciton_io_fail(EXCITON_ERROR_MEMORY, "npy open: file: out of memory");
    exciton_status failed = exciton_source_open(calls, path, &file->source);
    if (!failed)
        failed = open_checked(file, header);
    if (failed) {
        exciton_source_close(&file->source);
        exciton_io_release(calls, file);
        return failed;
    }
    *npy = file;
    return EXCITON_OK;
}

exciton_status exciton_npy_read_data(exciton_npy *npy, uint64_t first, uint64_t count, float *data)
{
    if (!npy || !data)
        return exciton_io_fail(EXCITON_ERROR_ARGUMENT, "npy read: %s: is NULL", npy ? "data" : "npy");
    if (first > npy->count || count > npy->count - first)
        return exciton_io_fail(EXCITON_ERROR_ARGUMENT, "%s: read: element %llu and %llu more of %llu", npy->source.name,
                               (unsigned long long)first, (unsigned long long)count, (unsigned long long)npy->count);
    return exciton_source_read(&npy->source, npy->data_offset + first * sizeof *data, count * sizeof *data, data);
}

void exciton_npy_close(exciton_npy *npy)
{
    if (!npy)
        return;
    const exciton_calls *calls = npy->source.calls;
    exciton_source_close(&npy->source);
    exciton_io_release(calls, npy);
}

exciton_status exciton_npy_read_with(const exciton_calls *calls, const char *path, exciton_tensor *tensor)
{
    exciton_npy *npy;
    exciton_status failed = exciton_npy_open_with(calls, path, tensor, &npy);
    if (failed)
        return failed;
    float *data = exciton_io_allocate(calls, tensor->count, sizeof *data);
    if (!data)
        failed = exciton_io_fail(EXCITON_ERROR_MEMORY, "%s: out of memory for %llu elements", npy->source.name,
                                 (unsigned long long)tensor->count);
    else
        failed = exciton_npy_read_data(npy, 0, tensor->count, data);
    exciton_npy_close(npy);
    if (failed) {
        exciton_io_release(calls, data);
        *tensor = (exciton_tensor){0};
        return failed;
    }
    tensor->data = data;
    return EXCITON_OK;
}

/* ---- Writing --------------------------------------------------------------------------------------------------- */

/* Magic, version 1.0, length and dictionary, padded to a multiple of 64; the number of bytes. */
static size_t make_header(uint32_t dims, const uint64_t *shape, char header[DICTIONARY_BYTES])
{
    size_t at = MAGIC_BYTES + 4;
    at += (size_t)snprintf(header + at, DICTIONARY_BYTES - at, "{'descr': '<f4', 'fortran_order': False, 'shape': (");
    for (uint32_t d = 0; d < dims; d++)
        at += (size_t)snprintf(header + at, DICTIONARY_BYTES - at, d ? ", %llu" : "%llu", (unsigned long long)shape[d]);
    at += (size_t)snprintf(header + at, DICTIONARY_BYTES - at, dims == 1 ? ",), }" : "), }");
    size_t size = (size_t)exciton_round_up(at + 1, HEADER_ALIGN);
    memset(header + at, ' ', size - at);
    header[size - 1] = '\n';
    size_t length = size - MAGIC_BYTES - 4;
    memcpy(header, magic, MAGIC_BYTES);
    header[6] = 1;
    header[7] = 0;
    header[8] = (char)(length & 0xff);
    header[9] = (char)(length >> 8);
    return size;
}

exciton_status exciton_npy_write_with(const exciton_calls *calls, const char *path, uint32_t dims, const uint64_t *shape,
                                      const float *data)
{
    if (!path || !data || (dims && !shape))
        return exciton_io_fail(EXCITON_ERROR_ARGUMENT, "npy write: %s: is NULL", !path ? "path" : !data ? "data" : "shape");
    if (dims > EXCITON_TENSOR_DIMS)
        return exciton_io_fail(EXCITON_ERROR_ARGUMENT, "npy write: dims: %u is more than %d", dims, EXCITON_TENSOR_DIMS);
    uint64_t count, bytes = 0;
    exciton_status failed = count_elements("npy write", dims, shape, &count, &bytes);
    if (failed)
        return failed;
    char header[DICTIONARY_BYTES];
    size_t size = make_header(dims, shape, header);
    exciton_sink sink;
    failed = exciton_sink_create(calls, path, &sink);
    if (!failed)
        failed = exciton_sink_write(&sink, header, size);
    if (!failed)
        failed = exciton_sink_write(&sink, data, bytes);
    if (!failed)
        failed = exciton_sink_commit(&sink);
    return failed;
}

/* ---- Public ---------------------------------------------------------------------------------------------------- */

exciton_status exciton_npy_open(const char *path, exciton_tensor *header, exciton_npy **npy)
{
    return exciton_npy_open_with(&exciton_system_calls, path, header, npy);
}

exciton_status exciton_npy_read(const char *path, exciton_tensor *tensor)
{
    return exciton_npy_read_with(&exciton_system_calls, path, tensor);
}

exciton_status exciton_npy_write(const char *path, uint32_t dims, const uint64_t *shape, const float *data)
{
    return exciton_npy_write_with(&exciton_system_calls, path, dims, shape, data);
}

void exciton_tensor_free(exciton_tensor *tensor)
{
    if (!tensor)
        return;
    exciton_io_release(&exciton_system_calls, tensor->data);
    *tensor = (exciton_tensor){0};
}
