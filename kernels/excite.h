/*
 * The two layers: packed weights, and products of a vector with a matrix in the order of docs/numbers.md. Every row of a
 * matrix is padded to a multiple of 8, so that whole vectors can be moved.
 */
#ifndef EXCITON_EXCITE_H
#define EXCITON_EXCITE_H

#define PITCH(n) (((n) + 7u) & ~7u)
#define BLOCKS(channels, block) (((channels) - 1u) / (block) + 1u)

/* W: W1 transposed [channels][R'], b1 [R'], W2 transposed [hidden][C'], b2 [C']. */
#define BIAS1_AT(channels, hidden) ((channels) * PITCH(hidden))
#define WEIGHT2_AT(channels, hidden) (BIAS1_AT(channels, hidden) + PITCH(hidden))
#define BIAS2_AT(channels, hidden) (WEIGHT2_AT(channels, hidden) + (hidden) * PITCH(channels))

/* How a product meets its `base`: not at all, as the sum's first value, or as the first operand of one last addition. */
#define PRODUCT_ALONE 0
#define PRODUCT_FROM_BASE 1
#define PRODUCT_ONTO_BASE 2

EXCITON_FN float8 exciton_begin8(uint how, __global const float *base)
{
    return how == PRODUCT_FROM_BASE ? LOAD8(base) : (float8)(0.0f);
}

EXCITON_FN float8 exciton_finish8(uint how, __global const float *base, float8 sum)
{
    return how == PRODUCT_ONTO_BASE ? LOAD8(base) + sum : sum;
}

/* out[j] = sum over i < n, ascending, of m[i * pitch + j] * v[i], j < width, a multiple of 8. `out` may be `base`. */
EXCITON_FN void exciton_product(uint how, __global float *out, __global const float *base, __global const float *m, uint pitch,
                                __global const float *v, uint n, uint width)
{
    uint j = 0;
    for (; j + 32u <= width; j += 32u) {
        float8 a = exciton_begin8(how, base + j), b = exciton_begin8(how, base + j + 8);
        float8 c = exciton_begin8(how, base + j + 16), d = exciton_begin8(how, base + j + 24);
        __global const float *row = m + j;
        for (uint i = 0; i < n; ++i, row += pitch) {
            a += LOAD8(row) * v[i];
            b += LOAD8(row + 8) * v[i];
            c += LOAD8(row + 16) * v[i];
            d += LOAD8(row + 24) * v[i];
        }
        STORE8(exciton_finish8(how, base + j, a), out + j);
        STORE8(exciton_finish8(how, base + j + 8, b), out + j + 8);
        STORE8(exciton_finish8(how, base + j + 16, c), out + j + 16);
        STORE8(exciton_finish8(how, base + j + 24, d), out + j + 24);
    }
    for (; j < width; j += 8u) {
        float8 a = exciton_begin8(how, base + j);
        __global const float *row = m + j;
        for (uint i = 0; i < n; ++i, row += pitch)
            a += LOAD8(row) * v[i];
        STORE8(exciton_finish8(how, base + j, a), out + j);
    }
}

/* Eight rows of a matrix, from `row` on, times v, added in order to `from`. */
EXCITON_FN void exciton_add_rows8(__global float *out, __global const float *from, __global const float *row, uint pitch,
                                  __global const float *v, uint width)
{
    const float v0 = v[0], v1 = v[1], v2 = v[2], v3 = v[3], v4 = v[4], v5 = v[5], v6 = v[6], v7 = v[7];
    __global const float *row4 = row + 4u * pitch;
    for (uint j = 0; j < width; j += 8u) {
        float8 a = LOAD8(from + j);
        a += LOAD8(row + j) * v0;
        a += LOAD8(row + pitch + j) * v1;
        a += LOAD8(row + 2u * pitch + j) * v2;
        a += LOAD8(row + 3u * pitch + j) * v3;
        a += LOAD8(row4 + j) * v4;
        a += LOAD8(row4 + pitch + j) * v5;
        a += LOAD8(row4 + 2u * pitch + j) * v6;
        a += LOAD8(row4 + 3u * pitch + j) * v7;
        STORE8(a, out + j);
    }
}

/* The same as exciton_product FROM_BASE, eight rows at a time from end to end: for rows of which a column's step is pages apart,
 * which no cache likes to walk. */
EXCITON_FN void exciton_product_wide(__global float *out, __global const float *base, __global const float *m, uint pitch,
                                     __global const float *v, uint n, uint width)
{
    uint i = 0;
    for (; n - i >= 8u; i += 8u, base = out)
        exciton_add_rows8(out, base, m + i * pitch, pitch, v + i, width);
    for (; i < n; ++i, base = out) {
        __global const float *row = m + i * pitch;
        for (uint j = 0; j < width; j += 8u)
            STORE8(LOAD8(base + j) + LOAD8(row + j) * v[i], out + j);
    }
}

/* h[j] = activate(h[j]). The commonest case is spelled out, for compilers that don't move the choice out of the loop. */
EXCITON_FN void exciton_activate_all(uint activation, __global float *h, uint n)
{
    if (activation == 1u)
        for (uint j = 0; j < n; ++j)
            h[j] = exciton_activate(1u, h[j]);
    else if (activation != 0u)
        for (uint j = 0; j < n; ++j)
            h[j] = exciton_activate(activation, h[j]);
}

EXCITON_FN void exciton_apply_gate_all(uint gate, float slope, float offset, __global float *g, uint n)
{
    if (gate == 1u)
        for (uint j = 0; j < n; ++j)
            g[j] = exciton_apply_gate(1u, slope, offset, g[j]);
    else
        for (uint j = 0; j < n; ++j)
            g[j] = exciton_apply_gate(0u, slope, offset, g[j]);
}

/* A whole sample's h, and the gates of the channels from `from` to to - 1, multiples of 8, by one work-item. */
EXCITON_FN void exciton_excite(__global const float *w, __global const float *s, __global float *h, __global float *g, uint channels,
                               uint hidden, uint block, uint from, uint to, uint activation, uint gate, float slope, float offset)
{
    const uint h_pitch = PITCH(hidden), c_pitch = PITCH(channels);
    __global const float *bias1 = w + BIAS1_AT(channels, hidden), *weight2 = w + WEIGHT2_AT(channels, hidden) + from;
    __global const float *bias2 = w + BIAS2_AT(channels, hidden) + from;
    for (uint c = 0; c < channels; c = channels - c > block ? c + block : channels)
        exciton_product(PRODUCT_ONTO_BASE, h, c == 0u ? bias1 : h, w + c * h_pitch, h_pitch, s + c, min(block, channels - c), h_pitch);
    exciton_activate_all(activation, h, h_pitch);
    exciton_product_wide(g + from, bias2, weight2, c_pitch, h, hidden, to - from);
    exciton_apply_gate_all(gate, slope, offset, g + from, to - from);
}

/* ---- four samples at a time: a matrix is read once for them ---- */

#define TOGETHER 4u
#define ALONG 8u /* rows of a matrix that are read along side by side, */
#define WIDE 512u /* and columns: caches like it, and the first one holds the sums */

/* Products of four neighbours' vectors, v_pitch apart, with n rows of a matrix, added in order to what four others, base_pitch apart,
 * begin with, where there is such a base; the neighbours of `out` are out_pitch apart. */
EXCITON_FN void exciton_add_rows4(uint how, __global float *out, uint out_pitch, __global const float *base, uint base_pitch,
                                  __global const float *m, uint pitch, __global const float *v, uint v_pitch, uint n, uint width)
{
    __global const float *v1 = v + v_pitch, *v2 = v1 + v_pitch, *v3 = v2 + v_pitch;
    __global const float *base1 = base + base_pitch, *base2 = base1 + base_pitch, *base3 = base2 + base_pitch;
    __global float *out1 = out + out_pitch, *out2 = out1 + out_pitch, *out3 = out2 + out_pitch;
    uint j = 0;
    for (; j + 16u <= width; j += 16u) {
        float8 a0 = exciton_begin8(how, base + j), b0 = exciton_begin8(how, base + j + 8);
        float8 a1 = exciton_begin8(how, base1 + j), b1 = exciton_begin8(how, base1 + j + 8);
        float8 a2 = exciton_begin8(how, base2 + j), b2 = exciton_begin8(how, base2 + j + 8);
        float8 a3 = exciton_begin8(how, base3 + j), b3 = exciton_begin8(how, base3 + j + 8);
        __global const float *row = m + j;
        for (uint i = 0; i < n; ++i, row += pitch) {
            const float8 p = LOAD8(row), q = LOAD8(row + 8);
            a0 += p * v[i];
            b0 += q * v[i];
            a1 += p * v1[i];
            b1 += q * v1[i];
            a2 += p * v2[i];
            b2 += q * v2[i];
            a3 += p * v3[i];
            b3 += q * v3[i];
        }
        STORE8(a0, out + j);
        STORE8(b0, out + j + 8);
        STORE8(a1, out1 + j);
        STORE8(b1, out1 + j + 8);
        STORE8(a2, out2 + j);
        STORE8(b2, out2 + j + 8);
        STORE8(a3, out3 + j);
        STORE8(b3, out3 + j + 8);
    }
    for (; j < width; j += 8u) {
        float8 a0 = exciton_begin8(how, base + j), a1 = exciton_begin8(how, base1 + j);
        float8 a2 = exciton_begin8(how, base2 + j), a3 = exciton_begin8(how, base3 + j);
        __global const float *row = m + j;
        for (uint i = 0; i < n; ++i, row += pitch) {
            const float8 p = LOAD8(row);
            a0 += p * v[i];
            a1 += p * v1[i];
            a2 += p * v2[i];
            a3 += p * v3[i];
        }
        STORE8(a0, out + j);
        STORE8(a1, out1 + j);
        STORE8(a2, out2 + j);
        STORE8(a3, out3 + j);
    }
}

/* The same for any number of rows, of at most WIDE columns; `bias` begins all of them, where there is one. */
EXCITON_FN void exciton_product4(uint how, __global float *out, uint out_pitch, __global const float *bias, __global const float *m, uint pitch,
                                 __global const float *v, uint v_pitch, uint n, uint width)
{
    exciton_add_rows4(how, out, out_pitch, bias, 0u, m, pitch, v, v_pitch, min(n, ALONG), width);
    for (uint i = ALONG; i < n; i = n - i > ALONG ? i + ALONG : n)
        exciton_add_rows4(PRODUCT_FROM_BASE, out, out_pitch, out, out_pitch, m + i * pitch, pitch, v + i, v_pitch, min(ALONG, n - i), width);
}

/* exciton_excite of four whole samples. A block's part waits where the gates will be. */
EXCITON_FN void exciton_excite4(__global const float *w, __global const float *s, __global float *h, __global float *g, uint channels,
                                uint hidden, uint block, uint activation, uint gate, float slope, float offset)
{
    const uint h_pitch = PITCH(hidden), c_pitch = PITCH(channels), wide = min(WIDE, c_pitch);
    __global const float *bias1 = w + BIAS1_AT(channels, hidden), *weight2 = w + WEIGHT2_AT(channels, hidden);
    __global const float *bias2 = w + BIAS2_AT(channels, hidden);
    for (uint r = 0, width; r < h_pitch; r += width) {
        width = min(wide, h_pitch - r);
        for (uint c = 0; c < channels; c = channels - c > block ? c + block : channels) {
            exciton_product4(PRODUCT_ALONE, g, c_pitch, w, w + c * h_pitch + r, h_pitch, s + c, c_pitch, min(block, channels - c), width);
            for (uint n = 0; n < TOGETHER; ++n)
                for (uint j = 0; j < width; j += 8u) {
                    __global float *to = h + n * h_pitch + r + j;
                    STORE8(LOAD8(c == 0u ? bias1 + r + j : to) + LOAD8(g + n * c_pitch + j), to);
                }
        }
    }
    exciton_activate_all(activation, h, TOGETHER * h_pitch);
    for (uint c = 0; c < c_pitch; c += wide)
        exciton_product4(PRODUCT_FROM_BASE, g + c, c_pitch, bias2 + c, weight2 + c, c_pitch, h, h_pitch, hidden, min(wide, c_pitch - c));
    exciton_apply_gate_all(gate, slope, offset, g, TOGETHER * c_pitch);
}

/* Channels of a sample that a share scales; the last shares may have fewer, or none. */
#define SHARE(channels, shares) ((PITCH(channels) / 8u + (shares) - 1u) / (shares) * 8u)

/* ---- form lanes: one sum a work-item, BATCH loads under way at once ---- */

/* `sum` plus v[0], v[pitch], ... in order. */
EXCITON_FN float exciton_add_column(float sum, __global const float *v, uint pitch, uint n)
{
    for (; n >= BATCH; n -= BATCH) {
        float a[BATCH];
        for (uint k = 0; k < BATCH; ++k, v += pitch)
            a[k] = *v;
        for (uint k = 0; k < BATCH; ++k)
            sum += a[k];
    }
    for (; n > 0u; --n, v += pitch)
        sum += *v;
    return sum;
}

/* `sum` plus w[0] * s[0], w[pitch] * s[1], ... in order. */
EXCITON_FN float exciton_add_products(float sum, __global const float *w, uint pitch, __local const float *s, uint n)
{
    for (; n >= BATCH; n -= BATCH, s += BATCH) {
        float a[BATCH];
        for (uint k = 0; k < BATCH; ++k, w += pitch)
            a[k] = *w;
        for (uint k = 0; k < BATCH; ++k)
            sum += a[k] * s[k];
    }
    for (; n > 0u; --n, w += pitch, ++s)
        sum += *w * *s;
    return sum;
}

/* One h and one sum of a gate, from means and h in local memory. */
EXCITON_FN float exciton_hidden_local(__global const float *w, __local const float *s, uint channels, uint hidden, uint block, uint r,
                                      uint activation)
{
    const uint pitch = PITCH(hidden);
    float sum = w[BIAS1_AT(channels, hidden) + r];
    for (uint c = 0; c < channels; c = channels - c > block ? c + block : channels)
        sum += exciton_add_products(0.0f, w + c * pitch + r, pitch, s + c, min(channels - c, block));
    return exciton_activate(activation, sum);
}

EXCITON_FN float exciton_gate_local(__global const float *w, __local const float *h, uint channels, uint hidden, uint c)
{
    return exciton_add_products(w[BIAS2_AT(channels, hidden) + c], w + WEIGHT2_AT(channels, hidden) + c, PITCH(channels), h, hidden);
}

#endif
