/* What the parts of bench_measure share: the data of one shape on one device, the candidates, and what takes turns. */
#ifndef EXCITON_TOOL_BENCH_SESSION_H
#define EXCITON_TOOL_BENCH_SESSION_H

#include "tool/bench.h"

enum {
    BENCH_COPIES = 64, BENCH_ITEMS = BENCH_CANDIDATES + BENCH_COPIES,
    BENCH_BLOCK = 1 << 20 /* elements that pass through host memory at a time */
};

typedef struct bench_candidate {
    exciton_plan *plan;
    exciton_binding *binding;
    exciton_binding_info info;
    uint64_t steps; /* a hash of what will run */
    bool is_auto, checked, differs, wrong;
} bench_candidate;

/* What takes turns: a candidate, or a copy of the floor. */
typedef struct bench_item {
    const bench_candidate *call; /* NULL: a copy */
    uint32_t copy;
    uint32_t calls;        /* timed calls a turn */
    uint32_t every;        /* rounds from turn to turn; 0: left out */
    bool is_long;
    double *samples;       /* microseconds, one a turn */
    uint32_t count;
} bench_item;

typedef struct bench_session {
    exciton_device *device;
    const bench_shape *shape;
    const bench_options *options;
    char name[128];        /* the shape's, for errors */
    uint64_t count;        /* elements of x */
    float *w1, *w2, *block;
    exciton_buffer *x, *y;
    bench_candidate candidates[BENCH_CANDIDATES];
    uint32_t candidate_count;
    exciton_floor *floor;
    bench_item items[BENCH_ITEMS];
    uint32_t item_count, rounds;
    double *samples;
    uint64_t random;
} bench_session;

/* ---- bench_data.c */

uint64_t bench_random(uint64_t *state); /* the same numbers in every run */

/* x and the weights, y; `bytes` that the floor moves. Prints its error and returns the exit status, as do the next ones. */
int bench_data_make(bench_session *s, uint64_t *bytes);
void bench_data_release(bench_session *s);

/* Prints `status`, with what the library said of it. */
int bench_fail(const bench_session *s, exciton_status status, tool_stage stage);

/* ---- bench_candidates.c */

/* What `auto` takes, and every way that the options name and the device allows. */
int bench_candidates_make(bench_session *s);

/* Compares y of each, bit by bit, with that of three-stages. */
int bench_candidates_check(bench_session *s);
void bench_candidates_release(bench_session *s);

exciton_status bench_call(const bench_session *s, const bench_candidate *c, uint64_t *nanoseconds);

#endif
