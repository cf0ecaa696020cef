/* exciton-io: tensors and weights from files (docs/formats.md). A library of its own, on top of libexciton.
 *
 * Conventions are those of exciton.h: statuses, exciton_last_error(), sizes first in params structs, close(NULL) legal.
 *   Files      Untrusted: whatever is not exactly as its format says is a status and a line that names file, and offset or
 *              field. Regular files only; a link to one is followed. Only the ranges that are needed are read.
 *   Memory     The C library's malloc; out of memory is EXCITON_ERROR_MEMORY. What is allocated is bounded by the file's size.
 *   Statuses   _FILE can't be opened, read or written; _FORMAT not what the format allows; _UNSUPPORTED legal there, but not
 *              read here; _SHAPE sizes that are zero or don't fit each other; _OVERFLOW; _NAME no such block; _MEMORY.
 *   Threads    Different objects from different threads; one object from one thread at a time.
 */
#ifndef EXCITON_IO_H
#define EXCITON_IO_H

#include <exciton/exciton.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Tensors --------------------------------------------------------------------------------------------------- */

#define EXCITON_TENSOR_DIMS 8

/* f32, contiguous, the last dimension fastest. No dimension is zero. */
typedef struct exciton_tensor {
    uint32_t dims;                        /* 0 (one element) to 8 */
    uint64_t shape[EXCITON_TENSOR_DIMS];  /* zero beyond dims */
    uint64_t count;                       /* elements: the product of the shape */
    float *data;                          /* of the library that filled it, until exciton_tensor_free; NULL: header only */
} exciton_tensor;

/* Releases the data and zeroes the tensor. Only for tensors that this library filled. NULL is legal. */
EXCITON_API void exciton_tensor_free(exciton_tensor *tensor);

/* ---- npy ------------------------------------------------------------------------------------------------------- */

typedef struct exciton_npy exciton_npy;

/* Reads and checks the header and the file's size, no data: `header` is dims, shape and count, its data NULL. Versions
 * 1 to 3, little-endian f4, C order. After a failure `header` is zero and `npy` NULL. */
EXCITON_API exciton_status exciton_npy_open(const char *path, exciton_tensor *header, exciton_npy **npy);
/* Elements [first, first + count) into the caller's memory. After a failure the content of `data` is undefined. */
EXCITON_API exciton_status exciton_npy_read_data(exciton_npy *npy, uint64_t first, uint64_t count, float *data);
EXCITON_API void exciton_npy_close(exciton_npy *npy);

/* The whole file at once; free with exciton_tensor_free. After a failure `tensor` is zero. */
EXCITON_API exciton_status exciton_npy_read(const char *path, exciton_tensor *tensor);

/* Writes version 1.0 into a temporary file in the same folder, then renames it to `path`: after a failure what was at
 * `path` is as it was and no temporary file is left. An existing file must be a regular one; a link is replaced, not
 * followed. `shape` has `dims` members (NULL where dims is 0), `data` their product. */
EXCITON_API exciton_status exciton_npy_write(const char *path, uint32_t dims, const uint64_t *shape, const float *data);

/* ---- Weights of SE blocks -------------------------------------------------------------------------------------- */

/* A file of one block or several, found by the names of their tensors: safetensors. */
typedef struct exciton_weights exciton_weights;

typedef struct exciton_weights_params {
    size_t size;
    exciton_weight_order order; /* how the file's matrices lie (the command's --order); _DEFAULT: the file's metadata say, else
                                 * OUT_IN as the known names imply. One that contradicts the metadata is an error */
} exciton_weights_params;

/* `params` NULL: defaults. Reads the header only. A file without a block is an error that says what came nearest. */
EXCITON_API exciton_status exciton_weights_open(const char *path, const exciton_weights_params *params, exciton_weights **weights);
/* Releases also what exciton_weights_se gave out. */
EXCITON_API void exciton_weights_close(exciton_weights *weights);

/* What the file says of a block; an enum's _DEFAULT means that it doesn't say. */
typedef struct exciton_weights_info {
    const char *name;              /* "" for a block without a name; the object's, until it is closed */
    uint64_t channels, hidden;
    bool bias[2];                  /* of fc1, fc2 */
    exciton_weight_order order;    /* never _DEFAULT */
    bool order_is_said;            /* by params or metadata; false: implied by the names */
    exciton_activation activation;
    exciton_gate gate;             /* _DEFAULT, _SIGMOID or _HARD_SIGMOID_CUSTOM */
    float gate_slope, gate_offset; /* of a hard-sigmoid; NaN: the file doesn't say */
    exciton_output output;
    exciton_then then;
} exciton_weights_info;

/* Blocks are ordered by name, byte by byte; at least one. 0 for NULL. */
EXCITON_API uint32_t exciton_weights_count(const exciton_weights *weights);
EXCITON_API exciton_status exciton_weights_describe(const exciton_weights *weights, uint32_t index, exciton_weights_info *info);
/* _NAME lists the blocks; tensors that come under that name but make no block are the error that says why. */
EXCITON_API exciton_status exciton_weights_find(const exciton_weights *weights, const char *name, uint32_t *index);

/* Reads the block's tensors (kept until close) and sets channels, hidden, fc1, fc2, activation, gate, gate_slope,
 * gate_offset, output and then of `se`; other members stay. What the file doesn't say becomes _DEFAULT, a hard-sigmoid's
 * number NaN, which no plan accepts: the caller puts its own in. After a failure `se` is as it was. */
EXCITON_API exciton_status exciton_weights_se(exciton_weights *weights, uint32_t index, exciton_se *se);

#ifdef __cplusplus
}
#endif
#endif
