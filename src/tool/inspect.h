/* `exciton inspect`, in two parts: inspect.c reads and writes JSON, inspect_table.c writes for a person. */
#ifndef EXCITON_TOOL_INSPECT_H
#define EXCITON_TOOL_INSPECT_H

#include "tool/model_file.h"

enum { INSPECT_NO, INSPECT_YES, INSPECT_UNKNOWN };

/* A block of either kind of file. NULL and _UNKNOWN: there is none, or the file doesn't say. Strings are the file's. */
typedef struct inspect_block {
    const char *name, *kind, *input, *output;
    uint64_t channels, hidden, kernel; /* 0: unknown, none, none */
    uint32_t layers;
    bool bias[2];
    const char *weight[2];
    const char *activation, *gate, *then_add, *then_activation;
    float activation_numbers[2]; /* as many as activation_count */
    uint32_t activation_count;
    float slope, offset;         /* NaN: none, or unknown */
    int residual, clean;
    bool channels_last, circular;
    const char *why;             /* not clean */
    const char *unsupported;     /* the field that keeps it from running */
    unsigned lacks;              /* TOOL_LACKS_ */
} inspect_block;

exciton_status inspect_describe(const tool_model *model, uint32_t index, inspect_block *block);
uint32_t inspect_near_count(const tool_model *model);
exciton_status inspect_near(const tool_model *model, uint32_t index, exciton_model_near *near);

/* Prints its error and returns the exit status. */
int inspect_print_table(const tool_model *model, bool explain);

#endif
