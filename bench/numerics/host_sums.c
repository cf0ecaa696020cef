/* Mode host: row sums of one thread, NCHW and NHWC, by lanes and chunks. */
#include "numerics.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#ifndef WIDTH
#define WIDTH 8 /* of the vectors that walk a row: -DWIDTH=16 with -march=x86-64-v4 */
#endif
typedef float vector __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));
typedef float v4 __attribute__((vector_size(16), aligned(4), may_alias));

/* ---- NCHW */

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

/* ---- NHWC: tiles of channels with the lanes in memory, or lane after lane with a stack in registers */

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

void host(int rounds, size_t first, size_t last)
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
