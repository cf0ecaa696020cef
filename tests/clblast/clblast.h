/* The test of `.excitation = CLBLAST`: one life of a block, in a context whose functions are counted, and CLBlast's may be replaced. */
#ifndef EXCITON_TESTS_CLBLAST_H
#define EXCITON_TESTS_CLBLAST_H

#include "support/allocator.h"
#include "verify/oracle.h"

/* What the library does from its `from`-th call on, counted from 1; 0: as it likes. */
typedef struct lie {
    uint64_t from;
    int code;     /* returned, and nothing done; 0: nothing done */
} lie;

/* How a block is run. Tensors in buffers of their own, a guard behind each. */
typedef struct setup {
    exciton_case c;              /* the shape is what runs */
    uint64_t max_batch;          /* the plan's; 0: the shape's */
    exciton_form form;
    bool in_place, saved, own_scratch;
    exciton_excitation excitation;
    bool allow_inexact;
    uint64_t fail_at;            /* the allocation that fails; 0: none */
} setup;

enum { GUARD = 16 };

/* One context, device, plan and binding; NULLs where it didn't get there. */
typedef struct block {
    test_allocator allocator;
    exciton_context *context;
    exciton_device *device;
    exciton_plan *plan;
    exciton_binding *binding;
    exciton_buffer *x, *y, *s, *h, *g, *scratch;
    exciton_case_data data;      /* owned */
    exciton_status status;       /* the first that wasn't OK */
    char line[512];              /* and its line */
    const char *at;              /* and the call */
} block;

extern uint64_t sgemms;          /* calls of CLBlastSgemmWithTempBuffer */
extern lie lying;
extern bool untested;            /* contexts without known-answer tests */

setup setup_of(uint64_t batch, uint64_t channels, uint64_t hidden, uint64_t space);
/* All but submitting. `selector` is a device's. */
bool block_open(block *b, const setup *s, const char *selector);
/* Submits and waits. */
bool block_run(block *b);
void block_close(block *b);

/* Reads everything back; compares s, h, g and y with the oracle, and guards and x with what was written. */
void block_check(block *b, const setup *s, const char *name);

#endif
