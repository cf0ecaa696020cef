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

/* ---- Near misses ------------------------------------------------------------------------------------------------ */

/* What looked like a block: the node or tensor where it wasn't one, and why. Strings are the object's that it is of. */
typedef struct exciton_model_near {
    const char *at, *why;
} exciton_model_near;

/* ---- Weights of SE blocks -------------------------------------------------------------------------------------- */

/* A file of one block or several, found by the names of their tensors: safetensors. */
typedef struct exciton_weights exciton_weights;

typedef struct exciton_weights_params {
    size_t size;
    exciton_weight_order order; /* how the file's matrices lie (the command's --order); _DEFAULT: the file's metadata say, else
                                 * OUT_IN as the known names imply. One that contradicts the metadata is an error */
    bool may_be_none;           /* a file without a block opens too, with a count of 0 */
} exciton_weights_params;

/* `params` NULL: defaults. Reads the header only. A file without a block is an error that says what came nearest, unless
 * the params allow it. */
EXCITON_API exciton_status exciton_weights_open(const char *path, const exciton_weights_params *params, exciton_weights **weights);
/* Releases also what exciton_weights_se gave out. */
EXCITON_API void exciton_weights_close(exciton_weights *weights);

/* What the file says of a block, by metadata or names; an enum's _DEFAULT means that it doesn't say. Names say it where one
 * family alone uses them: fc.0 and fc.2 without biases are the reference, relu and sigmoid. */
typedef struct exciton_weights_info {
    const char *name;              /* "" for a block without a name; the object's, until it is closed */
    const char *weight[2];         /* the tensor of each layer's matrix; likewise */
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

/* Blocks are ordered by name, byte by byte. 0 for NULL. */
EXCITON_API uint32_t exciton_weights_count(const exciton_weights *weights);
EXCITON_API exciton_status exciton_weights_describe(const exciton_weights *weights, uint32_t index, exciton_weights_info *info);
/* _NAME lists the blocks; tensors that come under that name but make no block are the error that says why. */
EXCITON_API exciton_status exciton_weights_find(const exciton_weights *weights, const char *name, uint32_t *index);

/* Tensors under a known pair of names that make no block. `why` is kept until the next call. */
EXCITON_API uint32_t exciton_weights_near_count(const exciton_weights *weights);
EXCITON_API exciton_status exciton_weights_near_describe(exciton_weights *weights, uint32_t index, exciton_model_near *near);

/* Reads the block's tensors (kept until close) and sets channels, hidden, fc1, fc2, activation, gate, gate_slope,
 * gate_offset, output and then of `se`; other members stay. What the file doesn't say becomes _DEFAULT, a hard-sigmoid's
 * number NaN, which no plan accepts: the caller puts its own in. After a failure `se` is as it was. */
EXCITON_API exciton_status exciton_weights_se(exciton_weights *weights, uint32_t index, exciton_se *se);

/* Writes blocks as safetensors that exciton_weights_open reads, under a temporary name and then renamed like
 * exciton_npy_write. Of each block channels, hidden, fc1, fc2, activation, gate with slope and offset, output and then
 * count; the tensors are NAME.fc1.weight, …, [outputs, inputs] whatever their order was. An enum's _DEFAULT and a slope or
 * offset that is NaN are not said in the file, as exciton_weights_se gives them. Names are UTF-8, unlike each other, without
 * colon and control character; "" is one. Nothing is read from `path`, so that it may be the file that the blocks are of. */
EXCITON_API exciton_status exciton_weights_write(const char *path, uint32_t count, const char *const *names,
                                                 const exciton_se *const *blocks);

/* ---- Blocks of models ------------------------------------------------------------------------------------------ */

/* A model whose blocks are found by their structure: ONNX. docs/formats.md says what is recognised. */
typedef struct exciton_model exciton_model;

/* Reads the graph, and of the tensors only what the structure depends on. A model without blocks is no error. */
EXCITON_API exciton_status exciton_model_open(const char *path, exciton_model **model);
/* Releases also what exciton_model_se gave out. */
EXCITON_API void exciton_model_close(exciton_model *model);

typedef enum exciton_model_kind {
    EXCITON_MODEL_SE,  /* two layers */
    EXCITON_MODEL_ESE, /* one layer, channels to channels */
    EXCITON_MODEL_ECA  /* a convolution along the channels */
} exciton_model_kind;

/* Not all of them can be run: exciton_model_se says which. */
typedef enum exciton_model_activation {
    EXCITON_MODEL_IDENTITY, EXCITON_MODEL_RELU,
    EXCITON_MODEL_RELU6,      /* clip(v, 0, 6) */
    EXCITON_MODEL_CLIP,       /* clip(v, numbers[0], numbers[1]), infinite where there is no bound */
    EXCITON_MODEL_LEAKY_RELU, /* v < 0: numbers[0] * v */
    EXCITON_MODEL_SILU,
    EXCITON_MODEL_HARD_SWISH  /* v * clip(numbers[0] * v + numbers[1], 0, 1); 1/6 and 0.5 are usual */
} exciton_model_activation;

typedef enum exciton_model_gate { EXCITON_MODEL_SIGMOID, EXCITON_MODEL_HARD_SIGMOID } exciton_model_gate;

/* Strings are the model's, until it is closed. */
typedef struct exciton_model_block {
    const char *name;              /* unique in the model, without a colon */
    exciton_model_kind kind;
    const char *input;             /* the data operand of the block's Mul */
    const char *output;            /* the Mul's, or the residual Add's: before what `then` says */
    uint64_t channels;             /* ECA: 0 where the model doesn't say */
    uint64_t hidden;               /* 0: none */
    uint32_t layers;               /* 1 or 2 */
    bool bias[2];                  /* of each layer */
    const char *weight[2];         /* the tensor of each layer's matrix or kernel; NULL: no such layer */
    exciton_model_activation activation; /* between the layers */
    float activation_numbers[2];
    exciton_model_gate gate;
    float gate_slope, gate_offset; /* hard-sigmoid: clip(slope * v + offset, 0, 1) */
    bool residual;                 /* an Add of the input follows the Mul */
    const char *then_add;          /* another tensor that is added after that; NULL: none */
    exciton_model_activation then_activation;
    bool channels_last;            /* the input is [batch, space, channels] */
    uint64_t kernel;               /* ECA: its elements, odd; 0: not ECA */
    bool circular;                 /* ECA: the channels' ends are padded with each other, not with zeros */
    bool clean;                    /* nothing else in the model uses what is inside the block */
    const char *why;               /* not clean: why; else NULL */
    const char *unsupported;       /* the field that keeps exciton_model_se from running it, "kind", "activation", "then.add",
                                    * "layout", "weights" or "gate"; NULL: none */
} exciton_model_block;

/* In the order of the model's nodes. 0 for NULL. */
EXCITON_API uint32_t exciton_model_block_count(const exciton_model *model);
EXCITON_API exciton_status exciton_model_block_describe(const exciton_model *model, uint32_t index, exciton_model_block *block);
/* _NAME lists the blocks. */
EXCITON_API exciton_status exciton_model_block_find(const exciton_model *model, const char *name, uint32_t *index);

EXCITON_API uint32_t exciton_model_near_count(const exciton_model *model);
EXCITON_API exciton_status exciton_model_near_describe(const exciton_model *model, uint32_t index, exciton_model_near *near);

/* Blocks and near misses beyond what is kept (65,536 and 4,096). */
EXCITON_API void exciton_model_left_out(const exciton_model *model, uint64_t *blocks, uint64_t *nears);

/* Reads the block's tensors (f32, kept until close; what follows a layer is folded into it) and sets channels, hidden, fc1, fc2,
 * activation, gate, gate_slope, gate_offset, output and then of `se`, so that it computes the block's `output` from its
 * `input`; `then` is _NOTHING. Other members stay. What the operation can't run is _UNSUPPORTED with the field's name; an
 * unclean block is run like a clean one. After a failure `se` is as it was. */
EXCITON_API exciton_status exciton_model_se(exciton_model *model, uint32_t index, exciton_se *se);

/* "se", …; "relu6", "hard-swish", …; "sigmoid", "hard-sigmoid". Static; "unknown" for a number that is none. */
EXCITON_API const char *exciton_model_kind_name(exciton_model_kind kind);
EXCITON_API const char *exciton_model_activation_name(exciton_model_activation activation);
EXCITON_API const char *exciton_model_gate_name(exciton_model_gate gate);

#ifdef __cplusplus
}
#endif
#endif
