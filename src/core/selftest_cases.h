/* The blocks that known-answer tests run: their data, where they lie in the buffers, and the steps of a kernel. */
#ifndef EXCITON_CORE_SELFTEST_CASES_H
#define EXCITON_CORE_SELFTEST_CASES_H

#include "ops/se_layout.h"
#include "verify/oracle.h"

enum { EXCITON_KNOWN = 4, EXCITON_KNOWN_GUARD = 64 /* elements between what is in a buffer */ };

/* A buffer for each role; steps name slots, and s, h, g share one. */
typedef enum exciton_role { EXCITON_ROLE_X, EXCITON_ROLE_Y, EXCITON_ROLE_SAVED, EXCITON_ROLE_W, EXCITON_ROLE_T, EXCITON_ROLES } exciton_role;

typedef struct exciton_known {
    exciton_case c;
    exciton_se_problem p;
    uint64_t space, batch;
    uint64_t narrow;                /* max_binding_range that cuts it in pieces; 0: whole */
    bool narrow_split;              /* also under split-excite */
    bool stream;
    uint32_t groups;
    uint64_t at[EXCITON_ROLES];     /* element where its part begins, a multiple of 64 */
    uint64_t skew[2];               /* of x and y behind that */
    uint64_t saved_at[3];           /* s, h, g */
    float *w1, *w2, *b1, *b2;       /* as the case has them */
} exciton_known;

typedef struct exciton_known_set {
    exciton_known list[EXCITON_KNOWN];
    uint64_t count[EXCITON_ROLES];  /* elements of each buffer */
    float *image[EXCITON_ROLES];    /* what it holds before a test */
} exciton_known_set;

exciton_status exciton_known_make(const exciton_env *env, exciton_known_set *set);
void exciton_known_release(const exciton_env *env, exciton_known_set *set);

/* Where a block's x or y lies in its buffer. */
uint64_t exciton_known_tensor(const exciton_known *k, exciton_role role);
exciton_se_layout exciton_known_layout(const exciton_known *k, const exciton_kernel_spec *spec);

/* The steps of `spec` on all blocks, and those that come before them, which host runs. Lists are released by the caller. */
exciton_status exciton_known_steps(const exciton_env *env, const exciton_known_set *set, const exciton_kernel_spec *spec, uint32_t most_groups,
                                   exciton_step_list *before, exciton_step_list *steps);

extern const exciton_role exciton_role_of[EXCITON_SLOT_COUNT];

#endif
