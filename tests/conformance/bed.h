/* A small block with buffers and what host makes of it: what the sections on submissions share. */
#ifndef EXCITON_TESTS_BED_H
#define EXCITON_TESTS_BED_H

#include "conformance/suite.h"

enum { BED_ROUNDS = 12 };

typedef struct bed {
    variant v;
    tensors t;
    uint64_t bytes;
    float *rounds[BED_ROUNDS + 1]; /* x, and x after so many times through the block */
    exciton_plan *plan;
    exciton_buffer *x, *y, *z;
} bed;

/* False, with a failure counted, when anything is missing. bed_close is legal then too. */
bool bed_open(suite *s, bed *b, exciton_schedule schedule);
void bed_close(bed *b);
exciton_status bed_bind(bed *b, exciton_buffer *in, exciton_buffer *out, exciton_binding **binding);
exciton_status bed_poison(const bed *b, exciton_buffer *buffer);
/* The buffer's content is round `round`, bit for bit. */
bool bed_holds(const bed *b, exciton_buffer *buffer, int round);
enum { BED_WHY = 240 };
/* Whether it isn't; then `why` says how many elements differ, and where. */
bool bed_differs(const bed *b, exciton_buffer *buffer, int round, char why[BED_WHY]);

#endif
