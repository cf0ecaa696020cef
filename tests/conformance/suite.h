/* The conformance suite: sections that take a device. What they expect is computed on the host backend of a second
 * context without clamps. */
#ifndef EXCITON_TESTS_SUITE_H
#define EXCITON_TESTS_SUITE_H

#include "conformance/variant.h"
#include "support/check.h"
#include "verify/oracle.h"

enum { ENGINE_BUFFERS = 6, ENGINE_DOMAINS = 4 };

/* A device with buffers that are kept from case to case. */
typedef struct engine {
    exciton_device *device;
    exciton_buffer *buffers[ENGINE_BUFFERS][ENGINE_DOMAINS];
    bool tight; /* every tensor in a buffer of its own size */
} engine;

typedef struct suite_options {
    const char *selector, *clamp, *one_case, *sections, *golden, *only;
    const char *smaller; /* floors of support/smaller.h */
    uint32_t cases, iterations, most; /* most: elements of a generated case's x; 0: any */
    uint64_t seed;
    bool full, validate, list, no_skips, first, tight, part;
} suite_options;

typedef struct suite {
    suite_options options;
    exciton_context *context, *host_context;
    engine device, host;
    exciton_device_info info;
    exciton_limits limits;
} suite;

/* ---- engine.c ---- */

/* A case's tensors in host memory, owned. Weights in both orders. */
typedef struct tensors {
    float *x, *y, *s, *h, *g;
    float *w1, *b1, *w2, *b2, *w1_in_out, *w2_in_out;
    uint64_t count, rows, hidden_rows; /* elements of x, of s and g, of h */
} tensors;

void tensors_make(const exciton_case *c, tensors *t);
void tensors_release(tensors *t);
exciton_case_data tensors_data(const exciton_case *c, const tensors *t);

/* The plan that the variant asks for. */
exciton_status engine_plan(engine *e, const variant *v, const tensors *t, exciton_plan **plan);
/* `expected` NULL: y, s, h and g of `t` are filled by a run of the variant. Otherwise runs it with guards and poison and
 * checks every byte of every buffer against `t`. A refusal (UNSUPPORTED, LIMIT) is returned, other failures are too. */
exciton_status engine_fill(engine *e, const variant *v, tensors *t);
exciton_status engine_check(engine *e, const variant *v, const tensors *t);
void engine_close(engine *e);
/* Runs the block out of place on host under three-stages: y, s, h, g of `t`. Checks them against the oracle. */
bool suite_reference(suite *s, const variant *v, tensors *t);
/* UNSUPPORTED or LIMIT: the device doesn't offer what was asked for. */
bool is_refusal(exciton_status status);
/* Whether a device may refuse what the variant forces: a form that it lacks, any schedule but the baseline,
 * weights beyond its binding range. */
bool suite_may_refuse(const suite *s, const variant *v);
/* engine_check as one check; skipped by name where the device refuses and may. */
void suite_try(suite *s, const variant *v, const tensors *t);

/* ---- sections ---- */

void section_cases(suite *s);
void section_special(suite *s);
void section_long(suite *s);
void section_groups(suite *s);
void section_pieces(suite *s);
void section_digests(suite *s);
void section_threads(suite *s);
void section_batches(suite *s);
void section_flight(suite *s);
void section_arguments(suite *s);
void section_copies(suite *s);
void section_counters(suite *s);
void section_layers(suite *s); /* the last, with --validate */

#endif
