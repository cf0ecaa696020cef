/* What the modes of the study share: shapes, numbers, the check of a sum, times. numerics.c has the whole. */
#ifndef EXCITON_BENCH_NUMERICS_H
#define EXCITON_BENCH_NUMERICS_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scalar.h"

typedef float v8 __attribute__((vector_size(32), aligned(4), may_alias));
#define ALWAYS static inline __attribute__((always_inline))

typedef struct {
    uint32_t n, c, s, r;
} shape;

enum { SHAPES = 11, MOST = 64 }; /* MOST variants */
extern const shape shapes[SHAPES];

/* ---- the modes */

void host(int rounds, size_t first, size_t last);
void excite(int rounds);
void device(int rounds, size_t first, size_t last);

/* ---- for all of them */

double now(void); /* microseconds */
void *allocate(size_t bytes);
float random_float(void);
void shuffle(size_t *order, size_t count);
int by_value(const void *a, const void *b); /* of doubles, for qsort */

/* That s are the means of x's rows, bit for bit; exits where they aren't. */
void check(const char *name, const shape *h, const float *x, const float *s, size_t lanes, size_t chunk);
float *transposed(const float *x, const shape *h); /* NCHW as NHWC */
void print_shape(const shape *h);
uint32_t block_length(uint32_t channels, uint32_t blocks);

#endif
