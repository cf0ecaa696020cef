/* `exciton run`, in two parts: run_block.c reads the block and checks the files, run.c runs and reports. */
#ifndef EXCITON_TOOL_RUN_H
#define EXCITON_TOOL_RUN_H

#include "tool/model_file.h"

enum { RUN_Y, RUN_S, RUN_H, RUN_G, RUN_OUTPUTS };

typedef struct run_options {
    const char *weights, *input, *device, *schedule, *form;
    const char *outputs[RUN_OUTPUTS]; /* NULL: not asked for */
    block_options block;
    int excitation;
    bool allow_inexact, in_place, explain, json, verbose;
} run_options;

/* What was read: the operation with its weights, and x. */
typedef struct run_input {
    tool_model model;  /* owns what `se` points to */
    const char *block;
    exciton_se se;     /* shape, schedule and form included */
    exciton_tensor x;
} run_input;

/* Each prints its error and returns the exit status. */
int run_check_outputs(const run_options *given);
int run_read(const run_options *given, run_input *input);
void run_release(run_input *input);

#endif
