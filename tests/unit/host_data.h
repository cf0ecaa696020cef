/* What the host backend's tests compute with: made-up numbers, arrays that end at a page without access, a block's data and shape. */
#ifndef EXCITON_TESTS_HOST_DATA_H
#define EXCITON_TESTS_HOST_DATA_H

#include <stddef.h>
#include <stdint.h>

#define GUARD 64            /* floats before and after an output */
#define X_AT 3              /* where x begins in its array */
#define POISON 0x7fa5a5a5u  /* a NaN that no kernel makes */

/* From EXCITON_TEST_SEED, which it prints; for main. */
void random_seed(void);
uint32_t random_below(uint32_t n);

void fill_poison(float *v, size_t count);
/* Bit by bit, but any NaN is any other where neither is POISON; `what` names what failed. */
void compare(const char *what, const float *got, const float *want, size_t count);

typedef struct array {
    float *data;
    size_t count;
    void *pages;
    size_t bytes;
} array;

typedef struct shape {
    uint32_t samples, channels, hidden, length, block;
} shape;

#define SHARES 3 /* of a sample, at most */

typedef struct block_data {
    shape shape;
    size_t blocks, units, hidden_pitch, channel_pitch, elements;
    uint32_t s_at, parts_at, g_at, h_at; /* in T, with gaps */
    array x, w, t, y;        /* y with guards */
    float *want_t, *want_y;  /* the reference's */
} block_data;

void data_make(block_data *d, const shape *s);
void data_free(block_data *d);
/* T begins as random numbers: kernels that read it find something, those that must not change it are seen. */
void data_reset(block_data *d);

static inline float divisor_of(const shape *s) { return (float)s->length; }

#endif
