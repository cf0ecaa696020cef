/* What both programs have before anything else: x and the weights, and y full of NaN. */
#ifndef EXCITON_BENCH_START_DATA_H
#define EXCITON_BENCH_START_DATA_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct data {
    uint64_t size[5]; /* N C H W R */
    float *x, *w1, *w2, *y;
} data;

static inline float *data_values(size_t count, float scale)
{
    float *v = malloc(count * sizeof *v);
    for (size_t i = 0; v && i < count; i++)
        v[i] = (float)((int)(i * 2654435761u >> 16 & 1023) - 512) * scale;
    return v;
}

/* From five arguments; false: out of memory. */
static inline bool data_make(char **argv, data *d)
{
    for (int i = 0; i < 5; i++)
        d->size[i] = strtoull(argv[i], NULL, 10);
    size_t count = d->size[0] * d->size[1] * d->size[2] * d->size[3], weights = d->size[1] * d->size[4];
    d->x = data_values(count, 1.0f / 256);
    d->w1 = data_values(weights, 1.0f / 4096);
    d->w2 = data_values(weights, 1.0f / 4096);
    d->y = malloc(count * sizeof *d->y);
    if (!d->x || !d->w1 || !d->w2 || !d->y)
        return false;
    memset(d->y, 0xff, count * sizeof *d->y);
    return true;
}

static inline void data_release(data *d)
{
    free(d->x);
    free(d->w1);
    free(d->w2);
    free(d->y);
}

#endif
