/* A schedule is data: an ordered list of steps, each a kernel of the catalogue with what it is bound to. Operations
 * make schedules, backends run them; neither knows the other. */
#ifndef EXCITON_BASE_SCHEDULE_H
#define EXCITON_BASE_SCHEDULE_H

#include <exciton/exciton.h>

#include "base/catalogue.h"
#include "base/env.h"

/* What a step's binding refers to. Arguments are given by the caller with each binding, weights belong to the plan,
 * scratch to the binding. */
typedef enum exciton_slot {
    EXCITON_SLOT_IN, EXCITON_SLOT_OUT, EXCITON_SLOT_S, EXCITON_SLOT_H, EXCITON_SLOT_G, EXCITON_SLOT_WEIGHTS, EXCITON_SLOT_SCRATCH,
    EXCITON_SLOT_COUNT
} exciton_slot;

typedef struct exciton_slot_range {
    exciton_slot slot;
    uint64_t offset; /* bytes from the start of the buffer, a multiple of the device's binding_alignment */
    uint64_t range;  /* bytes, at most max_binding_range, a multiple of 4 */
} exciton_slot_range;

/* c [m][n] = a [m][k] b [k][n], row by row. */
typedef struct exciton_product {
    uint64_t m, n, k;
    uint64_t a_at, a_pitch, b_at, c_at; /* elements of the ranges bound; n is the pitch of b and c */
} exciton_product;

typedef struct exciton_step {
    exciton_kernel_spec kernel;
    uint32_t groups;                                  /* work-groups, at least 1, at most max_group_count */
    exciton_slot_range slots[EXCITON_KERNEL_SLOTS];   /* in the order of the catalogue, as many as it has */
    uint32_t params[EXCITON_KERNEL_PARAMS];           /* 32-bit words in the order of the catalogue; floats by bits */
    exciton_product product;                          /* hidden and gate: what kernel.clblast leaves to that library; b in the
                                                       * first slot, a and c in the second */
} exciton_step;

typedef struct exciton_step_list {
    exciton_step *steps;
    uint32_t count, capacity;
} exciton_step_list;

exciton_status exciton_steps_add(const exciton_env *env, exciton_step_list *list, const exciton_step *step);
void exciton_steps_release(const exciton_env *env, exciton_step_list *list);

/* One line a step. */
void exciton_steps_explain(const exciton_step_list *list, exciton_text_fn text, void *user);

#endif
