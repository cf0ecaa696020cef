/* safetensors: the header checked whole when it is opened, tensors read one by one. */
#ifndef EXCITON_FORMATS_SAFETENSORS_H
#define EXCITON_FORMATS_SAFETENSORS_H

#include <jansson.h>
#include <stdbool.h>

#include <exciton/io.h>

#include "formats/file.h"

typedef struct exciton_safetensors_entry {
    const char *name;                     /* the header's */
    const char *type;                     /* the file's word: F32, F16, … */
    uint32_t dims;                        /* may exceed EXCITON_TENSOR_DIMS: then only the first of `shape` are kept */
    uint64_t shape[EXCITON_TENSOR_DIMS];  /* zero is legal */
    uint64_t begin, end;                  /* in the data, which follow the header */
} exciton_safetensors_entry;

/* Open, and checked: every range in bounds and of its shape's size, no overlap, no hole, nothing after the last. */
typedef struct exciton_safetensors {
    exciton_source source;
    uint64_t data_offset;
    json_t *header;
    json_t *metadata;                     /* strings by name, the header's; NULL: none */
    exciton_safetensors_entry *entries;   /* by name, byte by byte */
    size_t count;
} exciton_safetensors;

/* After a failure `file` is closed. */
exciton_status exciton_safetensors_open(const exciton_calls *calls, const char *path, exciton_safetensors *file);
void exciton_safetensors_close(exciton_safetensors *file);

/* NULL: none of that name. */
const exciton_safetensors_entry *exciton_safetensors_find(const exciton_safetensors *file, const char *name);
/* (end - begin) / 4 values; EXCITON_ERROR_UNSUPPORTED for a type that is not F32. */
exciton_status exciton_safetensors_read(const exciton_safetensors *file, const exciton_safetensors_entry *entry, float *data);

/* Whether a load failed for want of memory, errno having been 0 before it: jansson calls some of these failures bad syntax. */
bool exciton_json_lacked_memory(const json_error_t *error);

#endif
