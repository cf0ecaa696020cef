/*
 * The study behind docs/numbers.md: what an order of summation costs, on the host (one thread) and on an OpenCL device,
 * with shapes known at run time only, as ratios to a copy in the same interleaved run.
 *
 *   cc -std=gnu11 -O3 -march=x86-64-v3 -ffp-contract=off -I kernels bench/numerics/{numerics,host_sums,excite,cl}.c -o numerics -ldl -lm
 *   ./numerics host [ROUNDS [FIRST [LAST]]]     row sums NCHW and NHWC for 1, 8, 16, 32, 64 lanes, chunks 4096 and 16384
 *   ./numerics excite [ROUNDS]                  the two layers by channel blocks, for about 8, 16, 32, 64 blocks
 *   ./numerics cl [ROUNDS [FIRST [LAST]]]       the same row sums on the first OpenCL device, and the whole split excite
 *                                               (run in the root of the repository: reads kernels/scalar.h and numerics.cl)
 *
 * Each row sum is checked, bit for bit, against a plain loop that writes the order down; NCHW and NHWC hold the same
 * numbers and must give the same sums. A figure is MEDIAN/MINIMUM of the variant over the copy's median/minimum.
 */
#include "numerics.h"

#include <time.h>

const shape shapes[SHAPES] = {
    {1, 64, 32 * 32, 4},      {1, 256, 56 * 56, 16},  {1, 512, 28 * 28, 32},  {1, 1024, 14 * 14, 64}, {1, 2048, 7 * 7, 128},
    {1, 672, 14 * 14, 168},   {8, 256, 56 * 56, 16},  {8, 1024, 14 * 14, 64}, {32, 256, 56 * 56, 16}, {1, 64, 112 * 112, 16},
    {1, 32, 378 * 378, 8},
};

double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

void *allocate(size_t bytes)
{
    void *p = aligned_alloc(4096, (bytes + 8191) / 4096 * 4096);
    if (p == NULL)
        exit(2);
    return p;
}

float random_float(void) /* -1 to 3: sums neither cancel nor are exact */
{
    static uint64_t s = 0x9e3779b97f4a7c15u;
    s ^= s << 13;
    s ^= s >> 7;
    s ^= s << 17;
    return (float)(s >> 40) * 0x1p-22f - 1.0f;
}

/* The order, written down. */
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

/* Each round runs the variants in another order: what ran before decides what is in the caches. */
void shuffle(size_t *order, size_t count)
{
    static uint32_t s = 12345;
    for (size_t i = 0; i < count; i++) {
        s = s * 1664525u + 1013904223u;
        size_t j = (s >> 8) % (i + 1);
        order[i] = order[j];
        order[j] = i;
    }
}

int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void check(const char *name, const shape *h, const float *x, const float *s, size_t lanes, size_t chunk)
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

float *transposed(const float *x, const shape *h)
{
    float *z = allocate((size_t)h->n * h->c * h->s * sizeof(float));
    for (size_t n = 0; n < h->n; n++)
        for (size_t c = 0; c < h->c; c++)
            for (size_t i = 0; i < h->s; i++)
                z[(n * h->s + i) * h->c + c] = x[(n * h->c + c) * h->s + i];
    return z;
}

void print_shape(const shape *h)
{
    printf("%ux%ux%u R %u", h->n, h->c, h->s, h->r);
}

uint32_t block_length(uint32_t channels, uint32_t blocks)
{
    uint32_t least = (channels + blocks - 1) / blocks, length = 8;
    while (length < least)
        length *= 2;
    return length;
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
