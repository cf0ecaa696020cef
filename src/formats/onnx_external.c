/* External data: a regular file, no link, beside the model. */
#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "formats/onnx_model.h"

#define ENTRIES_MOST 64
#define NAME_MOST 255

typedef struct place {
    const char *location;
    uint64_t offset;
} place;

static exciton_status fail(const exciton_onnx *onnx, const exciton_onnx_constant *constant, exciton_status status, const char *why,
                           const char *what)
{
    return exciton_onnx_fail_constant(onnx, constant, status, "external_data: %s '%.100s'", why, what);
}

static bool read_decimal(const char *text, uint64_t *number)
{
    uint64_t read = 0;
    if (!*text)
        return false;
    for (; *text; text++)
        if (*text < '0' || *text > '9' || !exciton_mul(read, 10, &read) || !exciton_add(read, (uint64_t)(*text - '0'), &read))
            return false;
    *number = read;
    return true;
}

static bool is_plain(const char *name)
{
    size_t length = strlen(name);
    return length && length <= NAME_MOST && strcmp(name, ".") && strcmp(name, "..") && !strpbrk(name, "/\\");
}

/* Keys besides these three (checksum) don't change what is read. */
static exciton_status find_place(const exciton_onnx *onnx, const exciton_onnx_constant *constant, place *found)
{
    static const char *const keys[] = {"location", "offset", "length"};
    const char *values[3] = {NULL};
    uint64_t numbers[3] = {0}, needed = constant->shown.count * constant->bytes, end;
    if (constant->tensor->n_external_data > ENTRIES_MOST)
        return fail(onnx, constant, EXCITON_ERROR_UNSUPPORTED, "too many entries in", "external_data");
    for (size_t i = 0; i < constant->tensor->n_external_data; i++) {
        const ExcitonOnnx__StringStringEntryProto *entry = constant->tensor->external_data[i];
        for (int k = 0; k < 3; k++) {
            if (!entry->key || !entry->value || strcmp(entry->key, keys[k]))
                continue;
            if (values[k])
                return fail(onnx, constant, EXCITON_ERROR_FORMAT, "twice", keys[k]);
            values[k] = entry->value;
        }
    }
    for (int k = 1; k < 3; k++)
        if (values[k] && !read_decimal(values[k], &numbers[k]))
            return fail(onnx, constant, EXCITON_ERROR_FORMAT, "no decimal number below 2^64", values[k]);
    if (!values[0])
        return fail(onnx, constant, EXCITON_ERROR_FORMAT, "no", keys[0]);
    if (values[2] && numbers[2] != needed)
        return fail(onnx, constant, EXCITON_ERROR_FORMAT, "dims make another length than", values[2]);
    if (!exciton_add(numbers[1], needed, &end))
        return fail(onnx, constant, EXCITON_ERROR_FORMAT, "beyond any file: offset", values[1]);
    if (!is_plain(values[0]))
        return fail(onnx, constant, EXCITON_ERROR_UNSUPPORTED, "only a plain name in the model's folder is read, not", values[0]);
    *found = (place){.location = values[0], .offset = numbers[1]};
    return EXCITON_OK;
}

/* Files stay open until another is needed. */
static exciton_status open_beside(exciton_onnx *onnx, const exciton_onnx_constant *constant, const char *name)
{
    if (onnx->external_name && !strcmp(onnx->external_name, name))
        return EXCITON_OK;
    exciton_source_close(&onnx->external);
    onnx->external_name = NULL;
    const char *slash = strrchr(onnx->path, '/');
    size_t folder = slash ? (size_t)(slash - onnx->path) + 1 : 0;
    char *path = exciton_io_allocate(onnx->calls, folder + strlen(name) + 1, 1);
    if (!path)
        return fail(onnx, constant, EXCITON_ERROR_MEMORY, "out of memory for", name);
    memcpy(path, onnx->path, folder);
    strcpy(path + folder, name);
    exciton_status failed = exciton_source_open_unlinked(onnx->calls, path, &onnx->external);
    exciton_io_release(onnx->calls, path);
    if (failed)
        return fail(onnx, constant, failed, exciton_last_error(), name); /* names the model and the tensor as well */
    onnx->external_name = name;
    return EXCITON_OK;
}

exciton_status exciton_onnx_external_read(exciton_onnx *onnx, const exciton_onnx_constant *constant, uint64_t first, uint64_t bytes,
                                          void *data)
{
    place found = {0};
    exciton_status failed = find_place(onnx, constant, &found);
    if (!failed)
        failed = open_beside(onnx, constant, found.location);
    if (failed)
        return failed;
    uint64_t needed = constant->shown.count * constant->bytes;
    if (found.offset + needed > onnx->external.bytes)
        return exciton_onnx_fail_constant(onnx, constant, EXCITON_ERROR_FORMAT,
                                          "external_data: %" PRIu64 " bytes from %" PRIu64 " of '%.100s', which has %" PRIu64, needed,
                                          found.offset, found.location, onnx->external.bytes);
    return exciton_source_read(&onnx->external, found.offset + first, bytes, data);
}
