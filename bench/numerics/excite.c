/* Mode excite: the two layers by channel blocks, one thread. */
#include "numerics.h"

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

void excite(int rounds)
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
