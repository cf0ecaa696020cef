/* A file of blocks, ONNX or safetensors, and what options say of its blocks. */
#ifndef EXCITON_TOOL_MODEL_FILE_H
#define EXCITON_TOOL_MODEL_FILE_H

#include <exciton/io.h>

#include "tool/tool.h"

/* ---- model_file.c */

typedef struct tool_model {
    char *file;               /* without :BLOCK; owned */
    const char *block;        /* what stood behind the colon; NULL: nothing */
    exciton_model *onnx;      /* exactly one of the two */
    exciton_weights *weights;
} tool_model;

/* A file alone; false when memory ran out. */
bool tool_model_name_file(const char *file, tool_model *model);
/* FILE[:BLOCK]: a colon separates only where no file has the whole text as its name. */
bool tool_model_split(const char *text, tool_model *model);
/* Prints its error and returns the exit status, as all below do. `may_be_none`: a file without blocks is none. */
int tool_model_open(tool_model *model, exciton_weight_order order, bool may_be_none);
void tool_model_close(tool_model *model);

uint32_t tool_model_count(const tool_model *model);
/* The name of a block; the model's. */
const char *tool_model_name(const tool_model *model, uint32_t index);
/* The block that was said, or the only one. */
int tool_model_choose(const tool_model *model, uint32_t *index);

/* ---- block_options.c */

/* What options say of a block; the enums' _DEFAULT: not given. */
typedef struct block_options {
    int order, activation, gate, kind, then;
    float slope, offset;
    bool slope_given, offset_given;
} block_options;

extern const tool_choice tool_orders[], tool_activations[], tool_gates[], tool_kinds[], tool_thens[];

/* Members of a table of options. */
#define TOOL_BLOCK_OPTIONS(block) \
    {.name = "order", .help = "the matrices' order", .choice = &(block)->order, .choices = tool_orders}, \
    {.name = "activation", .help = "between the layers", .choice = &(block)->activation, .choices = tool_activations}, \
    {.name = "gate", .help = "the gate", .choice = &(block)->gate, .choices = tool_gates}, \
    {.name = "slope", .value = "V", .help = "of a hard-sigmoid", .fraction = &(block)->slope, .given = &(block)->slope_given}, \
    {.name = "offset", .value = "V", .help = "of a hard-sigmoid", .fraction = &(block)->offset, .given = &(block)->offset_given}, \
    {.name = "output-kind", .help = "g*x, or x + g*x", .choice = &(block)->kind, .choices = tool_kinds}, \
    {.name = "then", .help = "after that", .choice = &(block)->then, .choices = tool_thens}

/* Whether they go together. */
int tool_block_options_check(const block_options *given);
/* What is needed to run a block, and nobody says: bits of these. */
enum { TOOL_LACKS_ACTIVATION = 1, TOOL_LACKS_GATE = 2, TOOL_LACKS_SLOPE = 4, TOOL_LACKS_OFFSET = 8 };
#define TOOL_LACKS 4
extern const char *const tool_lacks[TOOL_LACKS]; /* their names, in that order */
unsigned tool_block_lacks(exciton_activation activation, exciton_gate gate, float slope, float offset);
/* Reads the block's tensors and puts the options' words in; everything is said afterwards. A block that can't be run is
 * `*unsupported`, its line left in exciton_last_error(), where that pointer isn't NULL; else it is an error too. */
int tool_block_read(const tool_model *model, uint32_t index, const block_options *given, exciton_se *se, bool *unsupported);

#endif
