/* The two layers: products of vectors with the packed weights, in the order of docs/numbers.md. Up to TOGETHER samples share
 * what is read of a matrix, each with sums of its own. Included by kernels.c, once for each width. */
#ifndef EXCITON_HOST_LAYERS_H
#define EXCITON_HOST_LAYERS_H

#define TOGETHER 4
#define TILE (8 * WIDTH) /* outputs of one sample that stay in registers; of several samples their share of it */
#define WIDE 512         /* outputs of several samples that stay in the first cache */
#define ROWS 8           /* of a matrix that are read along side by side: caches look ahead in so many */

static inline size_t lesser(size_t a, size_t b) { return a < b ? a : b; }

/* One layer of neighbouring samples: what is n's lies at n times the pitch of its kind. */
typedef struct products {
    float *out;
    const float *start; /* the first values of the sums, NULL: +0 */
    const float *matrix, *factors;
    size_t out_pitch, start_pitch, pitch, factor_pitch, count;
} products;

/* out[j] = start[j] + the sum over i of matrix[i][j] * factors[i], i ascending, for `vectors` vectors from j on, or for
 * `some` < WIDTH elements where that isn't 0; `samples` times `vectors` is at most 8. */
INLINE void layer_tile(const products *p, size_t j, size_t samples, size_t vectors, size_t some)
{
    vec sums[8];
    UNROLL for (size_t k = 0; k < samples * vectors; k++) {
        size_t at = k / vectors * p->start_pitch + j + k % vectors * WIDTH;
        sums[k] = p->start == NULL ? (vec){0} : some != 0 ? load_part(p->start + at, part_of(some)) : load(p->start + at);
    }
    const float *row = p->matrix + j;
    _Pragma("GCC unroll 1") for (size_t i = 0; i < p->count; i++, row += p->pitch)
        UNROLL for (size_t k = 0; k < vectors; k++) {
            vec weights = some != 0 ? load_part(row, part_of(some)) : load(row + k * WIDTH);
            UNROLL for (size_t n = 0; n < samples; n++)
                sums[n * vectors + k] += weights * p->factors[n * p->factor_pitch + i];
        }
    UNROLL for (size_t k = 0; k < samples * vectors; k++) {
        float *out = p->out + k / vectors * p->out_pitch + j + k % vectors * WIDTH;
        if (some != 0)
            store_part(out, sums[k], part_of(some));
        else
            store(out, sums[k]);
    }
}

/* `width` outputs of each sample, a multiple of 8. */
INLINE void layer_of(const products *p, size_t samples, size_t width)
{
    size_t j = 0;
    if (samples == 1)
        for (; j + 8 * WIDTH <= width; j += 8 * WIDTH)
            layer_tile(p, j, samples, 8, 0);
    if (samples <= 2)
        for (; j + 4 * WIDTH <= width; j += 4 * WIDTH)
            layer_tile(p, j, samples, 4, 0);
    for (; j + 2 * WIDTH <= width; j += 2 * WIDTH)
        layer_tile(p, j, samples, 2, 0);
    for (; j + WIDTH <= width; j += WIDTH)
        layer_tile(p, j, samples, 1, 0);
    if (WIDTH > 8 && j < width)
        layer_tile(p, j, samples, 1, 8);
}

/* The same along the rows, a few at a time; sums wait in `out`. */
INLINE void layer_along(const products *whole, size_t samples, size_t width)
{
    for (size_t j = 0; j < width; j += WIDE) {
        products p = *whole;
        p.out += j;
        p.matrix += j;
        p.start = whole->start == NULL ? NULL : whole->start + j;
        for (size_t left = whole->count; left > 0; left -= p.count) {
            p.count = lesser(left, ROWS);
            layer_of(&p, samples, lesser(width - j, WIDE));
            p.start = p.out;
            p.start_pitch = p.out_pitch;
            p.matrix += p.count * p.pitch;
            p.factors += p.count;
        }
    }
}

/* How many of `samples`, at least 1, go together. */
static inline size_t together(size_t samples) { return samples >= 4 ? 4 : samples >= 2 ? 2 : 1; }

/* `samples` is 4, 2 or 1. */
static void layer(const products *p, size_t samples, size_t width)
{
    if (samples == 4)
        layer_along(p, 4, width);
    else if (samples == 2)
        layer_along(p, 2, width);
    else
        layer_of(p, 1, width);
}

static void activate(float *v, size_t count, uint32_t activation)
{
    switch (activation) {
    case 1:
        for (size_t i = 0; i < count; i++)
            v[i] = exciton_relu(v[i]);
        break;
    case 2:
        for (size_t i = 0; i < count; i++)
            v[i] = exciton_silu(v[i]);
        break;
    case 3:
        for (size_t i = 0; i < count; i++)
            v[i] = exciton_hard_swish(v[i]);
        break;
    default:
        break;
    }
}

static void finish_gates(float *v, size_t count, uint32_t gate, float slope, float offset)
{
    if (gate == 1)
        for (size_t i = 0; i < count; i++)
            v[i] = exciton_hard_sigmoid(v[i], slope, offset);
    else
        for (size_t i = 0; i < count; i++)
            v[i] = exciton_sigmoid(v[i]);
}

static void add_to(float *sums, const float *v, size_t count)
{
    for (size_t j = 0; j < count; j++)
        sums[j] += v[j];
}

/* What the layers of a block are made of. */
typedef struct excitation {
    const float *w;
    size_t channels, hidden, block, pitch, channel_pitch; /* pitch: of h */
    uint32_t activation, gate;
    float slope, offset;
} excitation;

/* h[r] of each sample for r from `first` to end - 1, both multiples of 8: each block's part of W1 s is a sum of its own. */
static void hidden_layer(const excitation *e, float *h, const float *s, size_t samples, size_t first, size_t end)
{
    const float *bias = e->w + e->channels * e->pitch;
    size_t tile = samples > 1 ? WIDE : TILE;
    for (size_t r = first; r < end; r += tile) {
        float sums[TOGETHER * WIDE];
        size_t width = lesser(end - r, tile);
        for (size_t n = 0; n < samples; n++)
            memcpy(h + n * e->pitch + r, bias + r, width * sizeof *h);
        for (size_t c = 0; c < e->channels; c += e->block) {
            layer(&(products){.out = sums, .out_pitch = WIDE, .matrix = e->w + c * e->pitch + r, .pitch = e->pitch, .factors = s + c,
                              .factor_pitch = e->channel_pitch, .count = lesser(e->block, e->channels - c)}, samples, width);
            for (size_t n = 0; n < samples; n++)
                add_to(h + n * e->pitch + r, sums + n * WIDE, width);
        }
    }
    for (size_t n = 0; n < samples; n++)
        activate(h + n * e->pitch + first, end - first, e->activation);
}

/* g[c] of each sample for c from `first` to end - 1, both multiples of 8. */
static void gate_layer(const excitation *e, float *g, const float *h, size_t samples, size_t first, size_t end)
{
    const float *w2 = e->w + (e->channels + 1) * e->pitch;
    layer(&(products){.out = g + first, .out_pitch = e->channel_pitch, .start = w2 + e->hidden * e->channel_pitch + first, .matrix = w2 + first,
                      .pitch = e->channel_pitch, .factors = h, .factor_pitch = e->pitch, .count = e->hidden}, samples, end - first);
    for (size_t n = 0; n < samples; n++)
        finish_gates(g + n * e->channel_pitch + first, end - first, e->gate, e->slope, e->offset);
}

#endif
