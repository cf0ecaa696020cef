/* One life of everything: a context, a device, a plan, buffers, a binding, each way of running and reading, and the end of
 * it all. Every step that fails is tried once more: a failure leaves nothing behind, so the second try must succeed. */
#ifndef EXCITON_TESTS_LIFE_H
#define EXCITON_TESTS_LIFE_H

#include "base/env.h"
#include "support/allocator.h"

enum { LIFE_ELEMENTS = 3 * 20 * 33, LIFE_ROWS = 3 * 20 };

typedef struct life {
    const char *selector;
    exciton_resolve_fn resolve; /* NULL: no seam */
    bool with_verify;           /* as the last step */
    bool kept;                  /* what the life before compiled is still in the cache */
    /* what came of it */
    exciton_status first;       /* failure; OK: none */
    int first_step, stopped_at; /* -1: none */
    exciton_status second;      /* of the step that failed twice; OK: none did */
    char line[256];             /* the first failure's */
    uint64_t leaked;            /* blocks of memory */
    test_allocator allocator;
    float y[LIFE_ELEMENTS], g[LIFE_ROWS];
    bool complete;              /* y and g are there */
} life;

/* `allocator.fail_at` is set by the caller, the rest is filled. */
void life_run(life *l);
const char *life_step_name(int step);

#endif
