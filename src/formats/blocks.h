/* SE blocks in a file of named tensors: which tensors make one, how their matrices lie, what the metadata say of it. */
#ifndef EXCITON_FORMATS_BLOCKS_H
#define EXCITON_FORMATS_BLOCKS_H

#include <stdbool.h>

#include <exciton/io.h>

#include "formats/safetensors.h"

/* Names of the metadata `BLOCK.NAME`. */
enum exciton_param {
    EXCITON_PARAM_ORDER, EXCITON_PARAM_ACTIVATION, EXCITON_PARAM_GATE, EXCITON_PARAM_GATE_SLOPE, EXCITON_PARAM_GATE_OFFSET,
    EXCITON_PARAM_OUTPUT, EXCITON_PARAM_THEN, EXCITON_PARAMS
};

/* Tensors under one prefix and one pair of names; a candidate until it is judged. */
typedef struct exciton_block {
    char *name;                                       /* the prefix without its dot; owned */
    uint32_t pair;                                    /* of exciton_block_pairs */
    bool good;                                        /* judged, and a block */
    const exciton_safetensors_entry *weight[2], *bias[2]; /* NULL: none */
    const char *params[EXCITON_PARAMS];               /* metadata as they stand; NULL: none */
    const char *unknown;                              /* a metadata key `BLOCK.WORD` that is no parameter */
    exciton_weights_info info;                        /* filled by judging; its name is `name` */
    float *data;                                      /* the tensors, one after the other; NULL: not read so far */
} exciton_block;

typedef struct exciton_blocks {
    exciton_block *items; /* good ones first, each part by name, then by pair */
    size_t count, good;
} exciton_blocks;

/* "fc1", "fc2", … */
enum { EXCITON_BLOCK_REFERENCE, EXCITON_BLOCK_OWN, EXCITON_BLOCK_PAIRS = 4 };
extern const char *const exciton_block_pairs[EXCITON_BLOCK_PAIRS][2];

/* Finds every candidate and gives it its metadata. A parameter for a block that isn't there is an error. */
exciton_status exciton_blocks_find(const exciton_safetensors *file, exciton_blocks *blocks);
/* Judges all: EXCITON_OK although some are no blocks. Two good ones of one name are an error; so is no good one, unless
 * there may be none. */
exciton_status exciton_blocks_judge(const exciton_safetensors *file, exciton_weight_order order, bool may_be_none,
                                    exciton_blocks *blocks);
void exciton_blocks_release(const exciton_safetensors *file, exciton_blocks *blocks);

/* Why a candidate is no block, as "where: why", and how far it got: a later stage is a nearer miss. */
typedef struct exciton_verdict {
    exciton_status status;
    int stage;
    char why[400];
} exciton_verdict;

/* Fills the block's info, or the verdict. `order` is the caller's, which counts beside the metadata's. */
exciton_status exciton_block_judge(exciton_block *block, exciton_weight_order order, exciton_verdict *verdict);
/* The metadata's part of that. */
exciton_status exciton_block_read_params(exciton_block *block, exciton_verdict *verdict);
exciton_status exciton_verdict_set(exciton_verdict *verdict, exciton_status status, const char *format, ...) EXCITON_PRINTF(3, 4);

extern const char *const exciton_param_names[EXCITON_PARAMS];
/* The word of an enum's value; NULL: none, as for every _DEFAULT. */
const char *exciton_param_word(enum exciton_param param, int value);

#endif
