/* npy with its seam; the public calls are these with exciton_system_calls. */
#ifndef EXCITON_FORMATS_NPY_H
#define EXCITON_FORMATS_NPY_H

#include <exciton/io.h>

#include "formats/file.h"

/* What the header's dictionary says. */
typedef struct exciton_npy_header {
    uint32_t dims;
    uint64_t shape[EXCITON_TENSOR_DIMS];
} exciton_npy_header;

/* Parses the dictionary, which lies in the file at `offset`: {'descr': '<f4', 'fortran_order': False, 'shape': (…)},
 * blanks, one line break at the very end. `file` is for error lines. */
exciton_status exciton_npy_parse(const char *file, uint64_t offset, const char *text, size_t length, exciton_npy_header *header);

exciton_status exciton_npy_open_with(const exciton_calls *calls, const char *path, exciton_tensor *header, exciton_npy **npy);
exciton_status exciton_npy_read_with(const exciton_calls *calls, const char *path, exciton_tensor *tensor);
exciton_status exciton_npy_write_with(const exciton_calls *calls, const char *path, uint32_t dims, const uint64_t *shape,
                                      const float *data);

#endif
