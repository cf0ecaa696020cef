/* The format: a length of 8 bytes, a JSON object of that length, the tensors' bytes without gaps. Hugging Face's README
 * of safetensors is its description. */
#include "formats/safetensors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

#define LENGTH_BYTES 8
#define HEADER_CAP UINT64_C(100000000)
/* A header is an object of objects that hold arrays: deeper nesting is none. */
#define DEPTH_CAP 4
/* Each JSON value costs jansson about 100 bytes, be it one byte in the file: 2 million are some 150,000 tensors. */
#define VALUES_CAP 2000000

static const struct { const char *name; uint32_t bits; } types[] = {
    {"BOOL", 8}, {"U8", 8}, {"I8", 8}, {"F8_E4M3", 8}, {"F8_E5M2", 8}, {"F8_E8M0", 8}, {"F4", 4}, {"F6_E2M3", 6}, {"F6_E3M2", 6},
    {"U16", 16}, {"I16", 16}, {"F16", 16}, {"BF16", 16}, {"U32", 32}, {"I32", 32}, {"F32", 32}, {"U64", 64}, {"I64", 64},
    {"F64", 64}, {"C64", 64},
};

/* ---- Header ---------------------------------------------------------------------------------------------------- */

/* Bounds nesting and number of values before the parser sees the text; what is no JSON is left to it, but for NUL, which
 * jansson steps over behind a number. */
static exciton_status check_structure(const exciton_source *source, const char *text, size_t length)
{
    bool string = false;
    uint32_t depth = 0, values = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (!c)
            return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: offset %llu: header: a NUL", source->name,
                                   (unsigned long long)(LENGTH_BYTES + i));
        if (string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                string = false;
            continue;
        }
        string = c == '"';
        if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && depth)
            depth--;
        if (depth > DEPTH_CAP)
            return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: offset %llu: header: nested deeper than %d", source->name,
                                   (unsigned long long)(LENGTH_BYTES + i), DEPTH_CAP);
        if ((c == '{' || c == '[' || c == ',') && ++values > VALUES_CAP)
            return exciton_io_fail(EXCITON_ERROR_UNSUPPORTED, "%s: offset %llu: header: more than %d values", source->name,
                                   (unsigned long long)(LENGTH_BYTES + i), VALUES_CAP);
    }
    return EXCITON_OK;
}

bool exciton_json_lacked_memory(const json_error_t *error) { return errno == ENOMEM || !error->text[0]; }

static exciton_status parse_header(exciton_safetensors *file, const char *text, size_t length)
{
    const exciton_source *source = &file->source;
    if (text[0] != '{')
        return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: offset %d: header: '{' is expected", source->name, LENGTH_BYTES);
    exciton_status failed = check_structure(source, text, length);
    if (failed)
        return failed;
    json_error_t error;
    errno = 0;
    file->header = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (file->header)
        return EXCITON_OK;
    if (exciton_json_lacked_memory(&error))
        return exciton_io_fail(EXCITON_ERROR_MEMORY, "%s: out of memory for the header", source->name);
    return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: offset %lld: header: %s", source->name,
                           LENGTH_BYTES + (long long)(error.position > 0 ? error.position : 0), error.text);
}

static exciton_status read_header(exciton_safetensors *file)
{
    const exciton_source *source = &file->source;
    unsigned char bytes[LENGTH_BYTES];
    exciton_status failed = exciton_source_read(source, 0, sizeof bytes, bytes);
    if (failed)
        return failed;
    uint64_t length = 0;
    for (int i = 0; i < LENGTH_BYTES; i++)
        length |= (uint64_t)bytes[i] << (8 * i);
    if (length > HEADER_CAP)
        return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: offset 0: not a safetensors file: a header of %llu bytes, more than %llu",
                               source->name, (unsigned long long)length, (unsigned long long)HEADER_CAP);
    if (length < 2 || length > source->bytes - LENGTH_BYTES)
        return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: offset 0: not a safetensors file: a header of %llu bytes in a file of %llu",
                               source->name, (unsigned long long)length, (unsigned long long)source->bytes);
    char *text = exciton_io_allocate(source->calls, length, 1);
    if (!text)
        return exciton_io_fail(EXCITON_ERROR_MEMORY, "%s: out of memory for the header", source->name);
    failed = exciton_source_read(source, LENGTH_BYTES, length, text);
    if (!failed)
        failed = parse_header(file, text, (size_t)length);
    exciton_io_release(source->calls, text);
    file->data_offset = LENGTH_BYTES + length;
    return failed;
}

/* ---- Tensors --------------------------------------------------------------------------------------------------- */

static exciton_status fail_tensor(const exciton_safetensors *file, exciton_status status, const char *name, const char *why)
{
    return exciton_io_fail(status, "%s: tensor '%.100s': %s", file->source.name, name, why);
}

static bool read_size(const json_t *value, uint64_t *size)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *size = (uint64_t)json_integer_value(value);
    return true;
}

/* The shape, and the bits that it and the type make. */
static exciton_status read_shape(const exciton_safetensors *file, const json_t *shape, uint32_t type_bits,
                                 exciton_safetensors_entry *entry, uint64_t *bits)
{
    if (!json_is_array(shape))
        return fail_tensor(file, EXCITON_ERROR_FORMAT, entry->name, "shape: not an array");
    entry->dims = (uint32_t)json_array_size(shape);
    *bits = type_bits;
    for (uint32_t d = 0; d < entry->dims; d++) {
        uint64_t size;
        if (!read_size(json_array_get(shape, d), &size))
            return fail_tensor(file, EXCITON_ERROR_FORMAT, entry->name, "shape: a size that is not a whole number");
        if (!exciton_mul(*bits, size, bits))
            return fail_tensor(file, EXCITON_ERROR_OVERFLOW, entry->name, "shape: the product overflows");
        if (d < EXCITON_TENSOR_DIMS)
            entry->shape[d] = size;
    }
    if (*bits % 8)
        return fail_tensor(file, EXCITON_ERROR_FORMAT, entry->name, "shape: not whole bytes");
    return EXCITON_OK;
}

static exciton_status read_range(const exciton_safetensors *file, const json_t *offsets, uint64_t bytes,
                                 exciton_safetensors_entry *entry)
{
    if (!json_is_array(offsets) || json_array_size(offsets) != 2 || !read_size(json_array_get(offsets, 0), &entry->begin) ||
        !read_size(json_array_get(offsets, 1), &entry->end))
        return fail_tensor(file, EXCITON_ERROR_FORMAT, entry->name, "data_offsets: not two whole numbers");
    uint64_t data = file->source.bytes - file->data_offset;
    if (entry->begin > entry->end || entry->end > data)
        return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: tensor '%.100s': data_offsets: [%llu, %llu] in %llu bytes of data",
                               file->source.name, entry->name, (unsigned long long)entry->begin, (unsigned long long)entry->end,
                               (unsigned long long)data);
    if (entry->end - entry->begin != bytes)
        return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: tensor '%.100s': data_offsets: %llu bytes, shape and dtype make %llu",
                               file->source.name, entry->name, (unsigned long long)(entry->end - entry->begin),
                               (unsigned long long)bytes);
    return EXCITON_OK;
}

/* Exactly dtype, shape and data_offsets: another member may change what these mean. */
static exciton_status read_entry(const exciton_safetensors *file, const char *name, const json_t *value,
                                 exciton_safetensors_entry *entry)
{
    *entry = (exciton_safetensors_entry){.name = name};
    const json_t *type = json_object_get(value, "dtype"), *shape = json_object_get(value, "shape");
    const json_t *offsets = json_object_get(value, "data_offsets");
    if (!type || !shape || !offsets || !json_is_string(type)) /* get is NULL where `value` is no object */
        return fail_tensor(file, EXCITON_ERROR_FORMAT, name, "not an object of dtype, shape and data_offsets");
    if (json_object_size(value) != 3)
        return fail_tensor(file, EXCITON_ERROR_UNSUPPORTED, name, "a member that is not dtype, shape or data_offsets");
    entry->type = json_string_value(type);
    uint32_t bits = 0;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (!strcmp(entry->type, types[i].name))
            bits = types[i].bits;
    if (!bits)
        return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: tensor '%.100s': dtype: '%.40s' is none", file->source.name, name,
                               entry->type);
    uint64_t total = 0;
    exciton_status failed = read_shape(file, shape, bits, entry, &total);
    return failed ? failed : read_range(file, offsets, total / 8, entry);
}

static exciton_status read_metadata(exciton_safetensors *file, json_t *value)
{
    if (!json_is_object(value))
        return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: __metadata__: not an object", file->source.name);
    const char *name;
    json_t *text;
    json_object_foreach (value, name, text)
        if (!json_is_string(text))
            return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: __metadata__: '%.100s': not a string", file->source.name, name);
    file->metadata = value;
    return EXCITON_OK;
}

/* ---- The whole ------------------------------------------------------------------------------------------------- */

static int by_place(const void *left, const void *right)
{
    const exciton_safetensors_entry *a = left, *b = right;
    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    return a->end < b->end ? -1 : a->end > b->end;
}

static int by_name(const void *left, const void *right)
{
    const exciton_safetensors_entry *a = left, *b = right;
    return strcmp(a->name, b->name);
}

/* Every byte of the data belongs to exactly one tensor. */
static exciton_status check_cover(exciton_safetensors *file)
{
    qsort(file->entries, file->count, sizeof *file->entries, by_place);
    uint64_t at = 0;
    for (size_t i = 0; i < file->count; i++) {
        const exciton_safetensors_entry *entry = &file->entries[i];
        if (entry->begin < at)
            return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: tensor '%.100s': data_offsets: overlaps '%.100s' at %llu",
                                   file->source.name, entry->name, file->entries[i - 1].name, (unsigned long long)entry->begin);
        if (entry->begin > at)
            return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: offset %llu: %llu bytes before '%.100s' that belong to no tensor",
                                   file->source.name, (unsigned long long)(file->data_offset + at),
                                   (unsigned long long)(entry->begin - at), entry->name);
        at = entry->end;
    }
    uint64_t data = file->source.bytes - file->data_offset;
    if (at != data)
        return exciton_io_fail(EXCITON_ERROR_FORMAT, "%s: offset %llu: %llu bytes after the last tensor", file->source.name,
                               (unsigned long long)(file->data_offset + at), (unsigned long long)(data - at));
    qsort(file->entries, file->count, sizeof *file->entries, by_name);
    return EXCITON_OK;
}

static exciton_status read_entries(exciton_safetensors *file)
{
    file->entries = exciton_io_allocate(file->source.calls, json_object_size(file->header), sizeof *file->entries);
    if (!file->entries)
        return exciton_io_fail(EXCITON_ERROR_MEMORY, "%s: out of memory for the tensors", file->source.name);
    const char *name;
    json_t *value;
    json_object_foreach (file->header, name, value) {
        exciton_status failed = !strcmp(name, "__metadata__")
                                    ? read_metadata(file, value)
                                    : read_entry(file, name, value, &file->entries[file->count++]);
        if (failed)
            return failed;
    }
    return check_cover(file);
}

exciton_status exciton_safetensors_open(const exciton_calls *calls, const char *path, exciton_safetensors *file)
{
    *file = (exciton_safetensors){0};
    exciton_status failed = exciton_source_open(calls, path, &file->source);
    if (failed)
        return failed;
    failed = read_header(file);
    if (!failed)
        failed = read_entries(file);
    if (failed)
        exciton_safetensors_close(file);
    return failed;
}

void exciton_safetensors_close(exciton_safetensors *file)
{
    if (!file->source.calls)
        return;
    json_decref(file->header);
    exciton_io_release(file->source.calls, file->entries);
    exciton_source_close(&file->source);
    *file = (exciton_safetensors){0};
}

const exciton_safetensors_entry *exciton_safetensors_find(const exciton_safetensors *file, const char *name)
{
    exciton_safetensors_entry key = {.name = name};
    return file->count ? bsearch(&key, file->entries, file->count, sizeof key, by_name) : NULL;
}

exciton_status exciton_safetensors_read(const exciton_safetensors *file, const exciton_safetensors_entry *entry, float *data)
{
    if (strcmp(entry->type, "F32"))
        return exciton_io_fail(EXCITON_ERROR_UNSUPPORTED, "%s: tensor '%.100s': dtype: %s; only F32 is read", file->source.name,
                               entry->name, entry->type);
    return exciton_source_read(&file->source, file->data_offset + entry->begin, entry->end - entry->begin, data);
}
