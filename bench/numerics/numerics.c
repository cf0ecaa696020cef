/*
 * The study behind docs/numbers.md: what an order of summation costs, on the host (one thread) and on an OpenCL device,
 * with shapes known at run time only, as ratios to a copy in the same interleaved run.
 *
 *   cc -std=gnu11 -O3 -march=x86-64-v3 -ffp-contract=off -I kernels bench/numerics/numerics.c -o numerics -ldl -lm
 *   ./numerics host [ROUNDS [FIRST [LAST]]]     row sums NCHW and NHWC for 1, 8, 16, 32, 64 lanes, chunks 4096 and 16384
 *   ./numerics excite [ROUNDS]                  the two layers by channel blocks, for about 8, 16, 32, 64 blocks
 *   ./numerics cl [ROUNDS [FIRST [LAST]]]       the same row sums on the first OpenCL device, and the whole split excite
 *                                               (run in the root of the repository: reads kernels/scalar.h and numerics.cl)
 *
 * Each row sum is checked, bit for bit, against a plain loop that writes the order down; NCHW and NHWC hold the same
 * numbers and must give the same sums. A figure is MEDIAN/MINIMUM of the variant over the copy's median/minimum.
 */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <dlfcn.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "scalar.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#ifndef WIDTH
#define WIDTH 8 /* of the vectors that walk a row: -DWIDTH=16 with -march=x86-64-v4 */
#endif
typedef float vector __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));
typedef float v8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef float v4 __attribute__((vector_size(16), aligned(4), may_alias));
#define ALWAYS static inline __attribute__((always_inline))

typedef struct {
    uint32_t n, c, s, r;
} shape;

static const shape shapes[] = {
    {1, 64, 32 * 32, 4},      {1, 256, 56 * 56, 16},  {1, 512, 28 * 28, 32},  {1, 1024, 14 * 14, 64}, {1, 2048, 7 * 7, 128},
    {1, 672, 14 * 14, 168},   {8, 256, 56 * 56, 16},  {8, 1024, 14 * 14, 64}, {32, 256, 56 * 56, 16}, {1, 64, 112 * 112, 16},
    {1, 32, 378 * 378, 8},
};
#define SHAPES (sizeof shapes / sizeof shapes[0])

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static void *allocate(size_t bytes)
{
    void *p = aligned_alloc(4096, (bytes + 8191) / 4096 * 4096);
    if (p == NULL)
        exit(2);
    return p;
}

static float random_float(void) /* -1 to 3: sums neither cancel nor are exact */
{
    static uint64_t s = 0x9e3779b97f4a7c15u;
    s ^= s << 13;
    s ^= s >> 7;
    s ^= s << 17;
    return (float)(s >> 40) * 0x1p-22f - 1.0f;
}

/* ---- the order, written down */

static float reference_sum(const float *x, size_t stride, size_t size, size_t lanes, size_t chunk)
{
    float sum = 0.0f;
    for (size_t start = 0; start < size; start += chunk) {
        float lane[64] = {0.0f};
        size_t n = size - start < chunk ? size - start : chunk;
        for (size_t i = 0; i < n; i++)
            lane[i % lanes] += x[(start + i) * stride];
        for (size_t half = lanes / 2; half > 0; half /= 2)
            for (size_t l = 0; l < half; l++)
                lane[l] += lane[l + half];
        sum += lane[0];
    }
    return sum;
}

/* ---- host, NCHW */

ALWAYS vector load_part(const float *p, size_t n) /* n < WIDTH */
{
#if defined(__AVX512F__) && WIDTH == 16
    return (vector)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#elif defined(__AVX2__) && WIDTH == 8
    static const int32_t mask[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return (vector)_mm256_maskload_ps(p, _mm256_loadu_si256((const __m256i *)(mask + 8 - n)));
#else
    vector t = {0};
    for (size_t i = 0; i < n; i++)
        t[i] = p[i];
    return t;
#endif
}

ALWAYS float row_sum(const float *x, size_t size, const size_t lanes, const size_t chunk)
{
    float sum = 0.0f;
    const size_t v = lanes / WIDTH;
    for (size_t start = 0; start < size; start += chunk) {
        size_t n = size - start < chunk ? size - start : chunk, i = 0;
        const float *p = x + start;
        vector a[8];
#pragma GCC unroll 8
        for (size_t k = 0; k < v; k++)
            a[k] = (vector){0};
        for (; i + lanes <= n; i += lanes)
#pragma GCC unroll 8
            for (size_t k = 0; k < v; k++)
                a[k] += *(const vector *)(p + i + WIDTH * k);
#pragma GCC unroll 8
        for (size_t k = 0; k < v; k++) {
            size_t at = i + WIDTH * k;
            if (at + WIDTH <= n)
                a[k] += *(const vector *)(p + at);
            else if (at < n)
                a[k] += load_part(p + at, n - at);
        }
#pragma GCC unroll 4
        for (size_t h = v / 2; h > 0; h /= 2)
#pragma GCC unroll 8
            for (size_t k = 0; k < h; k++)
                a[k] += a[k + h];
        vector c = a[0];
#if WIDTH == 16
        v8 o = __builtin_shufflevector(c, c, 0, 1, 2, 3, 4, 5, 6, 7) + __builtin_shufflevector(c, c, 8, 9, 10, 11, 12, 13, 14, 15);
#else
        v8 o = c;
#endif
        v4 q = __builtin_shufflevector(o, o, 0, 1, 2, 3) + __builtin_shufflevector(o, o, 4, 5, 6, 7);
        sum += (q[0] + q[2]) + (q[1] + q[3]);
    }
    return sum;
}

static float row_sum_1(const float *x, size_t size)
{
    float sum = 0.0f;
    for (size_t i = 0; i < size; i++)
        sum += x[i];
    return sum;
}

static void divide_all(float *s, size_t count, uint32_t size)
{
    for (size_t i = 0; i < count; i++)
        s[i] = exciton_divide(s[i], (float)size);
}

typedef void host_squeeze(const float *x, float *s, const shape *);

#define NCHW(LANES, CHUNK)                                                                                                     \
    static void nchw_##LANES##_##CHUNK(const float *x, float *s, const shape *h)                                               \
    {                                                                                                                          \
        for (size_t r = 0; r < (size_t)h->n * h->c; r++)                                                                       \
            s[r] = row_sum(x + r * h->s, h->s, LANES, CHUNK);                                                                  \
        divide_all(s, (size_t)h->n * h->c, h->s);                                                                              \
    }
#if WIDTH == 8
NCHW(8, 4096)
#endif
NCHW(16, 4096)
NCHW(32, 4096)
NCHW(64, 4096)
NCHW(16, 16384)
NCHW(32, 16384)
NCHW(64, 16384)

static void nchw_1(const float *x, float *s, const shape *h)
{
    for (size_t r = 0; r < (size_t)h->n * h->c; r++)
        s[r] = row_sum_1(x + r * h->s, h->s);
    divide_all(s, (size_t)h->n * h->c, h->s);
}

/* ---- host, NHWC: tiles of channels with the lanes in memory, or lane after lane with a stack in registers */

ALWAYS void tile_nhwc(const float *x, float *s, const shape *h, const size_t lanes, const size_t chunk, size_t tile, const size_t periods)
{
    static _Alignas(64) float a[64 * 2048];
    const size_t period = lanes * h->c;
    for (size_t n = 0; n < h->n; n++)
        for (size_t c0 = 0; c0 < h->c; c0 += tile) {
            size_t w = h->c - c0 < tile ? h->c - c0 : tile;
            const float *base = x + n * h->s * h->c + c0;
            float *out = s + n * h->c + c0;
            for (size_t c = 0; c < w; c++)
                out[c] = 0.0f;
            for (size_t start = 0; start < h->s; start += chunk) {
                const float *p = base + start * h->c;
                size_t m = h->s - start < chunk ? h->s - start : chunk, i;
                size_t used = m < lanes ? m : lanes; /* the other lanes are +0, which changes no sum */
                for (i = 0; i < used; i++) /* + 0: a lane begins at +0, so -0 becomes +0 */
                    for (size_t c = 0; c < w; c += 8)
                        *(v8 *)(a + i * w + c) = *(const v8 *)(p + i * h->c + c) + 0.0f;
                if (periods == 4) /* four elements of each lane at once */
                    for (; i + 4 * lanes <= m; i += 4 * lanes)
                        for (size_t l = 0; l < lanes; l++) {
                            const float *e = p + (i + l) * h->c;
                            for (size_t c = 0; c < w; c += 8)
                                *(v8 *)(a + l * w + c) = *(v8 *)(a + l * w + c) + *(const v8 *)(e + c) + *(const v8 *)(e + period + c)
                                        + *(const v8 *)(e + 2 * period + c) + *(const v8 *)(e + 3 * period + c);
                        }
                for (; i < m; i++) {
                    float *b = a + i % lanes * w;
                    const float *e = p + i * h->c;
                    for (size_t c = 0; c < w; c += 8)
                        *(v8 *)(b + c) += *(const v8 *)(e + c);
                }
                for (size_t half = lanes / 2; half > 0; half /= 2) {
                    size_t pairs = used > half ? used - half : 0;
                    for (size_t c = 0; c < (pairs < half ? pairs : half) * w; c += 8)
                        *(v8 *)(a + c) += *(const v8 *)(a + half * w + c);
                    used = used < half ? used : half;
                }
                for (size_t c = 0; c < w; c += 8)
                    *(v8 *)(out + c) += *(const v8 *)(a + c);
            }
        }
    divide_all(s, (size_t)h->n * h->c, h->s);
}

ALWAYS void walk_nhwc(const float *x, float *s, const shape *h, const size_t lanes, const size_t chunk)
{
    for (size_t n = 0; n < h->n; n++)
        for (size_t c0 = 0; c0 < h->c; c0 += 32) {
            const float *base = x + n * h->s * h->c + c0;
            float *out = s + n * h->c + c0;
            v8 sum[4] = {{0}};
            for (size_t start = 0; start < h->s; start += chunk) {
                size_t m = h->s - start < chunk ? h->s - start : chunk;
                v8 stack[7][4];
                for (size_t l = 0; l < lanes; l++) {
                    size_t lane = 0;
                    for (size_t bit = 1; bit < lanes; bit *= 2)
                        lane = lane * 2 + (l / bit & 1);
                    v8 a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0};
                    for (size_t i = lane; i < m; i += lanes) {
                        const float *p = base + (start + i) * h->c;
                        a0 += *(const v8 *)p;
                        a1 += *(const v8 *)(p + 8);
                        a2 += *(const v8 *)(p + 16);
                        a3 += *(const v8 *)(p + 24);
                    }
                    int depth = __builtin_popcountll(l);
                    for (size_t j = l; j & 1; j >>= 1) {
                        depth--;
                        a0 += stack[depth][0];
                        a1 += stack[depth][1];
                        a2 += stack[depth][2];
                        a3 += stack[depth][3];
                    }
                    stack[depth][0] = a0;
                    stack[depth][1] = a1;
                    stack[depth][2] = a2;
                    stack[depth][3] = a3;
                }
                for (int k = 0; k < 4; k++)
                    sum[k] += stack[0][k];
            }
            for (size_t c = 0; c < 32; c++)
                out[c] = sum[c / 8][c % 8];
        }
    divide_all(s, (size_t)h->n * h->c, h->s);
}

#define NHWC(LANES)                                                                                                            \
    static void nhwc_full_##LANES(const float *x, float *s, const shape *h) { tile_nhwc(x, s, h, LANES, 4096, h->c, 1); }      \
    static void nhwc_tile_##LANES(const float *x, float *s, const shape *h) { tile_nhwc(x, s, h, LANES, 4096, 64, 1); }        \
    static void nhwc_quad_##LANES(const float *x, float *s, const shape *h) { tile_nhwc(x, s, h, LANES, 4096, 64, 4); }        \
    static void nhwc_walk_##LANES(const float *x, float *s, const shape *h) { walk_nhwc(x, s, h, LANES, 4096); }
NHWC(8)
NHWC(16)
NHWC(32)
NHWC(64)
static void nhwc_tile_32_16384(const float *x, float *s, const shape *h) { tile_nhwc(x, s, h, 32, 16384, 64, 1); }

static void copy_memcpy(const float *x, float *y, const shape *h) { memcpy(y, x, (size_t)h->n * h->c * h->s * sizeof(float)); }
static void copy_vectors(const float *x, float *y, const shape *h)
{
    for (size_t i = 0, n = (size_t)h->n * h->c * h->s; i < n; i += 8)
        *(v8 *)(y + i) = *(const v8 *)(x + i);
}

static const struct {
    const char *name;
    host_squeeze *run;
    int nhwc, lanes, chunk; /* lanes 0: a copy */
} host_variants[] = {
    {"copy memcpy", copy_memcpy, 0, 0, 0},
    {"copy vectors", copy_vectors, 0, 0, 0},
    {"nchw 1", nchw_1, 0, 1, 1 << 30},
#if WIDTH == 8
    {"nchw 8", nchw_8_4096, 0, 8, 4096},
#endif
    {"nchw 16", nchw_16_4096, 0, 16, 4096},
    {"nchw 32", nchw_32_4096, 0, 32, 4096},
    {"nchw 64", nchw_64_4096, 0, 64, 4096},
    {"nchw 16/16384", nchw_16_16384, 0, 16, 16384},
    {"nchw 32/16384", nchw_32_16384, 0, 32, 16384},
    {"nchw 64/16384", nchw_64_16384, 0, 64, 16384},
    {"nhwc full 8", nhwc_full_8, 1, 8, 4096},
    {"nhwc full 16", nhwc_full_16, 1, 16, 4096},
    {"nhwc full 32", nhwc_full_32, 1, 32, 4096},
    {"nhwc full 64", nhwc_full_64, 1, 64, 4096},
    {"nhwc tile 8", nhwc_tile_8, 1, 8, 4096},
    {"nhwc tile 16", nhwc_tile_16, 1, 16, 4096},
    {"nhwc tile 32", nhwc_tile_32, 1, 32, 4096},
    {"nhwc tile 64", nhwc_tile_64, 1, 64, 4096},
    {"nhwc tile 32/16384", nhwc_tile_32_16384, 1, 32, 16384},
    {"nhwc quad 8", nhwc_quad_8, 1, 8, 4096},
    {"nhwc quad 16", nhwc_quad_16, 1, 16, 4096},
    {"nhwc quad 32", nhwc_quad_32, 1, 32, 4096},
    {"nhwc quad 64", nhwc_quad_64, 1, 64, 4096},
    {"nhwc walk 8", nhwc_walk_8, 1, 8, 4096},
    {"nhwc walk 16", nhwc_walk_16, 1, 16, 4096},
    {"nhwc walk 32", nhwc_walk_32, 1, 32, 4096},
    {"nhwc walk 64", nhwc_walk_64, 1, 64, 4096},
};
#define HOST_VARIANTS (sizeof host_variants / sizeof host_variants[0])
#define MOST 64

/* Each round runs the variants in another order: what ran before decides what is in the caches. */
static void shuffle(size_t *order, size_t count)
{
    static uint32_t s = 12345;
    for (size_t i = 0; i < count; i++) {
        s = s * 1664525u + 1013904223u;
        size_t j = (s >> 8) % (i + 1);
        order[i] = order[j];
        order[j] = i;
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void check(const char *name, const shape *h, const float *x, const float *s, size_t lanes, size_t chunk)
{
    size_t rows = (size_t)h->n * h->c, step = rows / 500 + 1;
    for (size_t r = 0; r < rows; r += step) {
        float e = exciton_divide(reference_sum(x + r * h->s, 1, h->s, lanes, chunk), (float)h->s);
        if (exciton_bits(e) != exciton_bits(s[r])) {
            printf("%s: row %zu is %a, must be %a\n", name, r, (double)s[r], (double)e);
            exit(1);
        }
    }
}

static float *transposed(const float *x, const shape *h)
{
    float *z = allocate((size_t)h->n * h->c * h->s * sizeof(float));
    for (size_t n = 0; n < h->n; n++)
        for (size_t c = 0; c < h->c; c++)
            for (size_t i = 0; i < h->s; i++)
                z[(n * h->s + i) * h->c + c] = x[(n * h->c + c) * h->s + i];
    return z;
}

static void print_shape(const shape *h)
{
    printf("%ux%ux%u R %u", h->n, h->c, h->s, h->r);
}

static void host(int rounds, size_t first, size_t last)
{
    for (size_t which = first; which <= last; which++) {
        const shape *h = &shapes[which];
        size_t count = (size_t)h->n * h->c * h->s;
        float *x = allocate(count * 4), *y = allocate(count * 4);
        for (size_t i = 0; i < count; i++)
            x[i] = random_float();
        float *z = transposed(x, h);
        double *t[MOST];
        for (size_t v = 0; v < HOST_VARIANTS; v++)
            t[v] = malloc(sizeof(double) * (size_t)rounds);
        for (int round = -1; round < rounds; round++) {
            size_t order[MOST];
            shuffle(order, HOST_VARIANTS);
            for (size_t k = 0; k < HOST_VARIANTS; k++) {
                size_t v = order[k];
                const float *in = host_variants[v].nhwc ? z : x;
                double start = now();
                host_variants[v].run(in, y, h);
                double end = now();
                if (round >= 0)
                    t[v][round] = end - start;
                else if (host_variants[v].lanes > 0)
                    check(host_variants[v].name, h, x, y, (size_t)host_variants[v].lanes, (size_t)host_variants[v].chunk);
            }
        }
        double median = INFINITY, least = INFINITY;
        for (size_t v = 0; v < HOST_VARIANTS; v++) {
            qsort(t[v], (size_t)rounds, sizeof(double), by_value);
            if (host_variants[v].lanes == 0) {
                median = fmin(median, t[v][rounds / 2]);
                least = fmin(least, t[v][0]);
            }
        }
        print_shape(h);
        printf(": copy %.1f/%.1f us\n", median, least);
        for (size_t v = 2; v < HOST_VARIANTS; v++)
            printf("  %-20s %.2f/%.2f\n", host_variants[v].name, t[v][rounds / 2] / median, t[v][0] / least);
        fflush(stdout);
        for (size_t v = 0; v < HOST_VARIANTS; v++)
            free(t[v]);
        free(x);
        free(y);
        free(z);
    }
}

/* ---- the two layers by channel blocks */

static uint32_t block_length(uint32_t channels, uint32_t blocks)
{
    uint32_t least = (channels + blocks - 1) / blocks, length = 8;
    while (length < least)
        length *= 2;
    return length;
}

/* out[0..32 or 8) = the sum over i of w[i * stride ..] * v[i], i ascending */
ALWAYS void columns(const float *w, size_t stride, const float *v, size_t count, float *out, const int vectors)
{
    v8 a[4] = {{0}};
    for (size_t i = 0; i < count; i++)
#pragma GCC unroll 4
        for (int k = 0; k < vectors; k++)
            a[k] += *(const v8 *)(w + i * stride + 8 * k) * v[i];
    for (int k = 0; k < vectors; k++)
        *(v8 *)(out + 8 * k) = a[k];
}

static void all_columns(const float *w, size_t stride, const float *v, size_t count, float *out, size_t width)
{
    size_t r = 0;
    for (; r + 32 <= width; r += 32)
        columns(w + r, stride, v, count, out + r, 4);
    for (; r < width; r += 8)
        columns(w + r, stride, v, count, out + r, 1);
}

static void excite_parts(const float *w1, const float *s, float *parts, uint32_t channels, uint32_t stride, uint32_t block)
{
    for (uint32_t c0 = 0, b = 0; c0 < channels; c0 += block, b++)
        all_columns(w1 + (size_t)c0 * stride, stride, s + c0, channels - c0 < block ? channels - c0 : block, parts + (size_t)b * stride,
                    stride);
}

static void excite_finish(const float *parts, const float *w2, float *g, uint32_t channels, uint32_t hidden, uint32_t stride,
                          uint32_t blocks, uint32_t from, uint32_t to)
{
    float h[512];
    for (uint32_t r = 0; r < stride; r += 8) {
        v8 a = {0};
        for (uint32_t b = 0; b < blocks; b++)
            a += *(const v8 *)(parts + (size_t)b * stride + r);
        *(v8 *)(h + r) = a;
    }
    for (uint32_t r = 0; r < stride; r++)
        h[r] = exciton_relu(h[r]);
    all_columns(w2 + from, channels, h, hidden, g + from, to - from);
    for (uint32_t c = from; c < to; c++)
        g[c] = exciton_sigmoid(g[c]);
}

static void excite(int rounds)
{
    static const uint32_t targets[] = {8, 16, 32, 64};
    printf("excite, one thread: microseconds (minimum) for about 8, 16, 32, 64 blocks; the scale in 1, 2, 16 groups that each add the parts\n");
    for (size_t which = 0; which < 6; which++) {
        const shape *q = &shapes[which];
        uint32_t stride = (q->r + 7) / 8 * 8;
        float *w1 = allocate((size_t)q->c * stride * 4), *w2 = allocate((size_t)q->c * stride * 4);
        float *s = allocate(q->c * 4), *g = allocate(q->c * 4), *parts = allocate((size_t)512 * stride * 4);
        for (size_t i = 0; i < (size_t)q->c * stride; i++) {
            w1[i] = i % stride < q->r ? random_float() * 0.01f : 0.0f;
            w2[i] = random_float() * 0.01f;
        }
        for (size_t i = 0; i < q->c; i++)
            s[i] = random_float();
        double best[4][3];
        for (int i = 0; i < 12; i++)
            best[i / 3][i % 3] = INFINITY;
        for (int round = 0; round < rounds; round++)
            for (int i = 0; i < 12; i++) {
                uint32_t block = block_length(q->c, targets[i / 3]), blocks = (q->c + block - 1) / block;
                uint32_t groups = i % 3 == 0 ? 1 : i % 3 == 1 ? 2 : 16;
                double start = now();
                for (int again = 0; again < 20; again++) {
                    excite_parts(w1, s, parts, q->c, stride, block);
                    for (uint32_t k = 0; k < groups; k++)
                        excite_finish(parts, w2, g, q->c, q->r, stride, blocks, q->c / 8 * k / groups * 8, q->c / 8 * (k + 1) / groups * 8);
                }
                best[i / 3][i % 3] = fmin(best[i / 3][i % 3], (now() - start) / 20);
            }
        print_shape(q);
        for (int i = 0; i < 4; i++) {
            uint32_t block = block_length(q->c, targets[i]);
            printf("  | %u of %u: %.1f %.1f %.1f", (q->c + block - 1) / block, block, best[i][0], best[i][1], best[i][2]);
        }
        printf("\n");
        free(w1);
        free(w2);
        free(s);
        free(g);
        free(parts);
    }
}

/* ---- OpenCL */

#define FUNCTIONS(X)                                                                                                           \
    X(clGetPlatformIDs) X(clGetDeviceIDs) X(clGetDeviceInfo) X(clCreateContext) X(clCreateCommandQueue) X(clCreateBuffer)      \
    X(clCreateProgramWithSource) X(clBuildProgram) X(clGetProgramBuildInfo) X(clCreateKernel) X(clSetKernelArg)                \
    X(clEnqueueNDRangeKernel) X(clEnqueueReadBuffer) X(clEnqueueCopyBuffer) X(clFinish) X(clReleaseMemObject)
#define X(f) static __typeof__(&f) p_##f;
FUNCTIONS(X)
#undef X

static void must(cl_int e, const char *what)
{
    if (e != CL_SUCCESS) {
        printf("%s: %d\n", what, e);
        exit(2);
    }
}

static char *slurp(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        printf("%s: not here\n", path);
        exit(2);
    }
    char *text = calloc(1, 1 << 17);
    if (fread(text, 1, (1 << 17) - 1, f) == 0)
        exit(2);
    fclose(f);
    return text;
}

typedef struct {
    char name[40];
    int kind; /* 0 clEnqueueCopyBuffer, 1 copy, 2 rows_nchw, 3 tile_nhwc, 4 walk_nhwc, 5 squeeze and scale */
    int lanes;
    uint32_t blocks;
    size_t items;
    cl_kernel kernel, second;
} cl_variant;

static void set(cl_kernel k, int count, const cl_mem *buffers, int numbers, const cl_uint *values)
{
    for (int i = 0; i < count; i++)
        must(p_clSetKernelArg(k, (cl_uint)i, sizeof(cl_mem), &buffers[i]), "argument");
    for (int i = 0; i < numbers; i++)
        must(p_clSetKernelArg(k, (cl_uint)(count + i), sizeof(cl_uint), &values[i]), "argument");
}

static void device(int rounds, size_t first, size_t last)
{
    void *library = dlopen("libOpenCL.so.1", RTLD_NOW);
    if (library == NULL) {
        printf("no libOpenCL.so.1\n");
        exit(2);
    }
#define X(f)                                                                                                                   \
    *(void **)&p_##f = dlsym(library, #f);                                                                                     \
    if (p_##f == NULL)                                                                                                         \
        exit(2);
    FUNCTIONS(X)
#undef X
    cl_platform_id platform;
    cl_device_id dev;
    cl_int e;
    char name[200];
    must(p_clGetPlatformIDs(1, &platform, NULL), "platform");
    must(p_clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &dev, NULL), "device");
    must(p_clGetDeviceInfo(dev, CL_DEVICE_NAME, sizeof name, name, NULL), "name");
    printf("%s\n", name);
    cl_context context = p_clCreateContext(NULL, 1, &dev, NULL, NULL, &e);
    must(e, "context");
    cl_command_queue queue = p_clCreateCommandQueue(context, dev, 0, &e);
    must(e, "queue");
    const char *text[2] = {slurp("kernels/scalar.h"), slurp("bench/numerics/numerics.cl")};

    static const int lanes[] = {16, 32, 64};
    cl_program programs[3];
    static cl_variant v[MOST];
    int count = 0;
    v[count++] = (cl_variant){.name = "copy buffer", .kind = 0};
    for (int l = 0; l < 3; l++) {
        char options[100];
        snprintf(options, sizeof options, "-cl-std=CL1.2 -DLANES=%d -DCHUNK=4096", lanes[l]);
        cl_program program = p_clCreateProgramWithSource(context, 2, text, NULL, &e);
        must(e, "program");
        programs[l] = program;
        if (p_clBuildProgram(program, 1, &dev, options, NULL, NULL) != CL_SUCCESS) {
            static char log[10000];
            p_clGetProgramBuildInfo(program, dev, CL_PROGRAM_BUILD_LOG, sizeof log - 1, log, NULL);
            printf("%s\n", log);
            exit(2);
        }
        static const char *kernels[] = {"", "copy", "rows_nchw", "tile_nhwc", "walk_nhwc", "squeeze"};
        for (int kind = 1; kind <= 5; kind++)
            for (size_t items = 2; items <= 8; items *= 4)
                for (uint32_t blocks = 8; blocks <= 64; blocks *= 2) {
                    if ((kind == 1 && l > 0) || (kind == 5 && l != 1) || (kind != 5 && blocks != 8))
                        continue;
                    cl_variant *w = &v[count++];
                    *w = (cl_variant){.kind = kind, .lanes = lanes[l], .items = items, .blocks = blocks};
                    w->kernel = p_clCreateKernel(program, kernels[kind], &e);
                    must(e, "kernel");
                    if (kind == 5) {
                        w->second = p_clCreateKernel(program, "scale", &e);
                        must(e, "kernel");
                        snprintf(w->name, sizeof w->name, "se %u blocks x%zu", blocks, items);
                    } else {
                        snprintf(w->name, sizeof w->name, "%s %d x%zu", kernels[kind], lanes[l], items);
                    }
                }
    }

    for (size_t which = first; which <= last; which++) {
        const shape *h = &shapes[which];
        size_t elements = (size_t)h->n * h->c * h->s, bytes = elements * 4;
        uint32_t stride = (h->r + 7) / 8 * 8;
        float *x = allocate(bytes), *s = allocate((size_t)h->n * h->c * 4), *w = allocate((size_t)h->c * stride * 4);
        for (size_t i = 0; i < elements; i++)
            x[i] = random_float();
        for (size_t i = 0; i < (size_t)h->c * stride; i++)
            w[i] = i % stride < h->r ? random_float() * 0.01f : 0.0f;
        float *z = transposed(x, h);
        struct {
            size_t bytes;
            void *from;
        } what[] = {{bytes, x}, {bytes, z}, {bytes, NULL}, {(size_t)h->n * h->c * 4, NULL}, {(size_t)h->c * stride * 4, w},
                    {(size_t)h->c * stride * 4, w}, {(size_t)h->n * 512 * stride * 4, NULL}};
        cl_mem m[7]; /* x, z, y, s, w1, w2, parts */
        for (int i = 0; i < 7; i++) {
            m[i] = p_clCreateBuffer(context, what[i].from != NULL ? CL_MEM_COPY_HOST_PTR : 0, what[i].bytes, what[i].from, &e);
            must(e, "buffer");
        }
        /* the kernels that are here for the compilers of GPUs: right, but not timed */
        static const char *untimed[] = {"row_nchw", "row_nchw_passes", "lanes_nchw", "channel_nhwc", "channel_nhwc_walk"};
        for (int i = 0; i < 15 && h->n == 1; i++) {
            int l = i / 5, kind = i % 5;
            cl_kernel kernel = p_clCreateKernel(programs[l], untimed[kind], &e);
            must(e, "kernel");
            set(kernel, 2, (cl_mem[]){m[kind < 3 ? 0 : 1], m[3]}, 2, (cl_uint[]){h->c, h->s});
            size_t local[2] = {1, 1}, global[2] = {h->c, 1};
            if (kind == 2) { /* a group is the lanes of four rows */
                local[0] = (size_t)lanes[l];
                local[1] = 4;
                global[0] = (h->c + 3) / 4 * local[0];
                global[1] = 4;
            }
            must(p_clEnqueueNDRangeKernel(queue, kernel, 2, NULL, global, local, 0, NULL, NULL), "enqueue");
            must(p_clEnqueueReadBuffer(queue, m[3], CL_TRUE, 0, (size_t)h->c * 4, s, 0, NULL, NULL), "read");
            check(untimed[kind], h, x, s, (size_t)lanes[l], 4096);
        }
        double *t[MOST];
        for (int i = 0; i < count; i++)
            t[i] = malloc(sizeof(double) * (size_t)rounds);
        const size_t one = 1;
        for (int round = -1; round < rounds; round++) {
            size_t order[MOST];
            shuffle(order, (size_t)count);
            for (int k = 0; k < count; k++) {
                size_t i = order[k];
                cl_variant *u = &v[i];
                cl_uint rows = h->n * h->c, block = u->kind == 5 ? block_length(h->c, u->blocks) : 0;
                switch (u->kind) { /* the arguments are not timed */
                case 1:
                    set(u->kernel, 2, (cl_mem[]){m[0], m[2]}, 1, (cl_uint[]){(cl_uint)(elements / 8)});
                    break;
                case 2:
                    set(u->kernel, 2, (cl_mem[]){m[0], m[3]}, 2, (cl_uint[]){rows, h->s});
                    break;
                case 3:
                case 4:
                    set(u->kernel, 2, (cl_mem[]){m[1], m[3]}, 3, (cl_uint[]){h->n, h->c, h->s});
                    break;
                case 5:
                    set(u->kernel, 3, (cl_mem[]){m[0], m[4], m[6]}, 5, (cl_uint[]){h->n, h->c, stride, h->s, block});
                    set(u->second, 4, (cl_mem[]){m[0], m[6], m[5], m[2]}, 6, (cl_uint[]){h->n, h->c, h->r, stride, h->s, block});
                    break;
                default:
                    break;
                }
                double start = now();
                if (u->kind == 0)
                    must(p_clEnqueueCopyBuffer(queue, m[0], m[2], 0, 0, bytes, 0, NULL, NULL), "copy");
                else
                    must(p_clEnqueueNDRangeKernel(queue, u->kernel, 1, NULL, &u->items, &one, 0, NULL, NULL), "enqueue");
                if (u->kind == 5)
                    must(p_clEnqueueNDRangeKernel(queue, u->second, 1, NULL, &u->items, &one, 0, NULL, NULL), "enqueue");
                must(p_clFinish(queue), "finish");
                double end = now();
                if (round >= 0)
                    t[i][round] = end - start;
                else if (u->kind >= 2 && u->kind <= 4) {
                    must(p_clEnqueueReadBuffer(queue, m[3], CL_TRUE, 0, (size_t)rows * 4, s, 0, NULL, NULL), "read");
                    check(u->name, h, x, s, (size_t)u->lanes, 4096);
                }
            }
        }
        double median = INFINITY, least = INFINITY;
        for (int i = 0; i < count; i++) {
            qsort(t[i], (size_t)rounds, sizeof(double), by_value);
            if (v[i].kind <= 1) {
                median = fmin(median, t[i][rounds / 2]);
                least = fmin(least, t[i][0]);
            }
        }
        print_shape(h);
        printf(": copy %.1f/%.1f us\n", median, least);
        for (int i = 0; i < count; i++) {
            printf("  %-20s %.2f/%.2f\n", v[i].name, t[i][rounds / 2] / median, t[i][0] / least);
            free(t[i]);
        }
        fflush(stdout);
        for (int i = 0; i < 7; i++)
            p_clReleaseMemObject(m[i]);
        free(x);
        free(z);
        free(s);
        free(w);
    }
}

int main(int count, char **words)
{
    int rounds = count > 2 ? atoi(words[2]) : 31;
    size_t first = count > 3 ? (size_t)atoi(words[3]) : 0;
    size_t last = count > 4 ? (size_t)atoi(words[4]) : SHAPES - 1;
    if (count < 2 || rounds < 1 || last >= SHAPES) {
        printf("numerics host|excite|cl [ROUNDS [FIRST [LAST]]]\n");
        return 2;
    }
    if (strcmp(words[1], "host") == 0)
        host(rounds, first, last);
    else if (strcmp(words[1], "excite") == 0)
        excite(rounds);
    else
        device(rounds, first, last);
    return 0;
}
