/*
 * Kernels of the study behind docs/numbers.md (see numerics.c; cl.c runs them). kernels/scalar.h is in front of this file.
 * LANES and CHUNK come by -D. Shapes are run-time arguments. A work-item is the unit: local size 1, except in lanes_nchw.
 */
typedef float float8a __attribute__((ext_vector_type(8), aligned(4)));
typedef float float16a __attribute__((ext_vector_type(16), aligned(4)));

#define V (LANES / 8)

/* the sum over i of w[i * stride ..] * v[i] for 32 columns, i ascending */
static inline void columns(global const float *w, uint stride, const float *v, uint count, float8 *a)
{
    float8 a0 = 0.0f, a1 = 0.0f, a2 = 0.0f, a3 = 0.0f;
    for (uint i = 0; i < count; i++) {
        global const float8a *p = (global const float8a *)(w + (size_t)i * stride);
        a0 += p[0] * v[i];
        a1 += p[1] * v[i];
        a2 += p[2] * v[i];
        a3 += p[3] * v[i];
    }
    a[0] = a0;
    a[1] = a1;
    a[2] = a2;
    a[3] = a3;
}

/* A row: contiguous, lanes in V vectors of 8. */
static inline float row_sum(global const float *x, uint size)
{
    float sum = 0.0f;
    for (uint start = 0; start < size; start += CHUNK) {
        uint n = min(size - start, (uint)CHUNK);
        global const float *p = x + start;
        float8 a[V];
#pragma unroll
        for (int k = 0; k < V; k++)
            a[k] = 0.0f;
        uint i = 0;
        for (; i + LANES <= n; i += LANES)
#pragma unroll
            for (int k = 0; k < V; k++)
                a[k] += *(global const float8a *)(p + i + 8 * k);
#pragma unroll
        for (int k = 0; k < V; k++) {
            uint at = i + 8 * k;
            if (at + 8 <= n) {
                a[k] += *(global const float8a *)(p + at);
            } else if (at < n) {
                float8 t = 0.0f;
                t.s0 = p[at];
                if (at + 1 < n) t.s1 = p[at + 1];
                if (at + 2 < n) t.s2 = p[at + 2];
                if (at + 3 < n) t.s3 = p[at + 3];
                if (at + 4 < n) t.s4 = p[at + 4];
                if (at + 5 < n) t.s5 = p[at + 5];
                if (at + 6 < n) t.s6 = p[at + 6];
                a[k] += t;
            }
        }
#pragma unroll
        for (int h = V / 2; h > 0; h /= 2)
#pragma unroll
            for (int k = 0; k < h; k++)
                a[k] += a[k + h];
        float4 q = a[0].lo + a[0].hi;
        float2 d = q.lo + q.hi;
        sum += d.x + d.y;
    }
    return sum;
}

/* one work-item a range of rows */
kernel void rows_nchw(global const float *x, global float *s, uint rows, uint size)
{
    uint items = get_global_size(0), item = get_global_id(0);
    uint from = (uint)((ulong)rows * item / items), to = (uint)((ulong)rows * (item + 1) / items);
    for (uint r = from; r < to; r++)
        s[r] = exciton_divide(row_sum(x + (size_t)r * size, size), (float)size);
}

/* one row a work-item, for the compilers of GPUs */
kernel void row_nchw(global const float *x, global float *s, uint rows, uint size)
{
    uint r = get_global_id(0);
    if (r < rows)
        s[r] = exciton_divide(row_sum(x + (size_t)r * size, size), (float)size);
}

/* one row a work-item, several passes over a chunk, each with 8 of its lanes: the same order with fewer registers */
kernel void row_nchw_passes(global const float *x, global float *s, uint rows, uint size)
{
    uint r = get_global_id(0);
    if (r >= rows)
        return;
    global const float *row = x + (size_t)r * size;
    float sum = 0.0f;
    for (uint start = 0; start < size; start += CHUNK) {
        uint n = min(size - start, (uint)CHUNK);
        global const float *p = row + start;
        float4 part[LANES / 8];
        /* pass k holds the vectors of 4 lanes k and k + LANES / 8, which the first step of the tree adds */
        for (int k = 0; k < LANES / 8; k++) {
            float4 u = 0.0f, w = 0.0f;
            for (uint i = 4 * k; i < n; i += LANES) {
                if (i + 4 <= n) {
                    u += vload4(0, p + i);
                } else {
                    u.x += p[i];
                    if (i + 1 < n) u.y += p[i + 1];
                    if (i + 2 < n) u.z += p[i + 2];
                }
                uint j = i + LANES / 2;
                if (j + 4 <= n) {
                    w += vload4(0, p + j);
                } else if (j < n) {
                    w.x += p[j];
                    if (j + 1 < n) w.y += p[j + 1];
                    if (j + 2 < n) w.z += p[j + 2];
                }
            }
            part[k] = u + w;
        }
        for (int h = LANES / 16; h > 0; h /= 2)
            for (int k = 0; k < h; k++)
                part[k] += part[k + h];
        float2 d = part[0].lo + part[0].hi;
        sum += d.x + d.y;
    }
    s[r] = exciton_divide(sum, (float)size);
}

/* NHWC, one work-item 16 channels, lanes in memory, pixels in order */
kernel void tile_nhwc(global const float *x, global float *s, uint batch, uint channels, uint size)
{
    uint tiles = channels / 16, all = batch * tiles;
    uint items = get_global_size(0), item = get_global_id(0);
    uint from = (uint)((ulong)all * item / items), to = (uint)((ulong)all * (item + 1) / items);
    for (uint t = from; t < to; t++) {
        global const float *base = x + (size_t)(t / tiles) * size * channels + t % tiles * 16;
        float16 sum = 0.0f;
        for (uint start = 0; start < size; start += CHUNK) {
            uint n = min(size - start, (uint)CHUNK);
            global const float *p = base + (size_t)start * channels;
            float16 a[LANES];
            for (int l = 0; l < LANES; l++)
                a[l] = 0.0f;
            uint i = 0;
            for (; i + LANES <= n; i += LANES)
                for (int l = 0; l < LANES; l++)
                    a[l] += *(global const float16a *)(p + (size_t)(i + l) * channels);
            for (int l = 0; i < n; i++, l++)
                a[l] += *(global const float16a *)(p + (size_t)i * channels);
            for (int h = LANES / 2; h > 0; h /= 2)
                for (int l = 0; l < h; l++)
                    a[l] += a[l + h];
            sum += a[0];
        }
        for (int k = 0; k < 16; k++)
            s[t * 16 + k] = exciton_divide(((float *)&sum)[k], (float)size);
    }
}

/* NHWC, one work-item 32 channels, lane after lane in the order of a depth-first walk of the tree: no array of lanes */
kernel void walk_nhwc(global const float *x, global float *s, uint batch, uint channels, uint size)
{
    uint tiles = channels / 32, all = batch * tiles;
    uint items = get_global_size(0), item = get_global_id(0);
    uint from = (uint)((ulong)all * item / items), to = (uint)((ulong)all * (item + 1) / items);
    for (uint t = from; t < to; t++) {
        global const float *base = x + (size_t)(t / tiles) * size * channels + t % tiles * 32;
        float16 sum0 = 0.0f, sum1 = 0.0f;
        for (uint start = 0; start < size; start += CHUNK) {
            uint n = min(size - start, (uint)CHUNK);
            global const float *p = base + (size_t)start * channels;
            float16 stack0[7], stack1[7];
            for (uint l = 0; l < LANES; l++) {
                uint lane = 0; /* l with its bits reversed */
                for (uint bit = 1; bit < LANES; bit *= 2)
                    lane = lane * 2 + (l / bit & 1);
                float16 a0 = 0.0f, a1 = 0.0f;
                for (uint i = lane; i < n; i += LANES) {
                    a0 += *(global const float16a *)(p + (size_t)i * channels);
                    a1 += *(global const float16a *)(p + (size_t)i * channels + 16);
                }
                uint depth = popcount(l), j = l; /* complete pairs, as a binary counter carries */
                while (j & 1) {
                    depth--;
                    a0 = stack0[depth] + a0;
                    a1 = stack1[depth] + a1;
                    j >>= 1;
                }
                stack0[depth] = a0;
                stack1[depth] = a1;
            }
            sum0 += stack0[0];
            sum1 += stack1[0];
        }
        for (int k = 0; k < 16; k++) {
            s[t * 32 + k] = exciton_divide(((float *)&sum0)[k], (float)size);
            s[t * 32 + 16 + k] = exciton_divide(((float *)&sum1)[k], (float)size);
        }
    }
}

/* lanes across work-items, local size LANES x 4: four rows a group, a tree in local memory */
kernel void lanes_nchw(global const float *x, global float *s, uint rows, uint size)
{
    local float tree[4][LANES];
    uint lane = get_local_id(0), which = get_local_id(1);
    uint r = get_group_id(0) * 4 + which;
    global const float *row = x + (size_t)min(r, rows - 1) * size;
    float sum = 0.0f;
    for (uint start = 0; start < size; start += CHUNK) {
        uint n = min(size - start, (uint)CHUNK);
        float a = 0.0f;
        for (uint i = lane; i < n; i += LANES)
            a += row[start + i];
        tree[which][lane] = a;
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint h = LANES / 2; h > 0; h /= 2) {
            if (lane < h)
                tree[which][lane] += tree[which][lane + h];
            barrier(CLK_LOCAL_MEM_FENCE);
        }
        sum += tree[which][0];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (lane == 0 && r < rows)
        s[r] = exciton_divide(sum, (float)size);
}

/* NHWC for the compilers of GPUs: a channel a work-item, its lanes in an array, or one after another */
kernel void channel_nhwc(global const float *x, global float *s, uint channels, uint size)
{
    uint c = get_global_id(0);
    if (c >= channels)
        return;
    float sum = 0.0f;
    for (uint start = 0; start < size; start += CHUNK) {
        uint n = min(size - start, (uint)CHUNK), i = 0;
        global const float *p = x + (size_t)start * channels + c;
        float a[LANES];
#pragma unroll
        for (int l = 0; l < LANES; l++)
            a[l] = 0.0f;
        for (; i + LANES <= n; i += LANES)
#pragma unroll
            for (int l = 0; l < LANES; l++)
                a[l] += p[(size_t)(i + l) * channels];
#pragma unroll
        for (int l = 0; l < LANES; l++)
            if (i + l < n)
                a[l] += p[(size_t)(i + l) * channels];
#pragma unroll
        for (int h = LANES / 2; h > 0; h /= 2)
#pragma unroll
            for (int l = 0; l < h; l++)
                a[l] += a[l + h];
        sum += a[0];
    }
    s[c] = exciton_divide(sum, (float)size);
}

kernel void channel_nhwc_walk(global const float *x, global float *s, uint channels, uint size)
{
    uint c = get_global_id(0);
    if (c >= channels)
        return;
    float sum = 0.0f;
    for (uint start = 0; start < size; start += CHUNK) {
        uint n = min(size - start, (uint)CHUNK);
        global const float *p = x + (size_t)start * channels + c;
        float e[2]; /* the halves of the tree's last step: even lanes, odd lanes */
        for (uint odd = 0; odd < 2; odd++) {
            float d[LANES / 4];
#pragma unroll
            for (int k = 0; k < LANES / 4; k++) {
                float u = 0.0f, w = 0.0f;
                for (uint i = odd + 2 * k; i < n; i += LANES)
                    u += p[(size_t)i * channels];
                for (uint i = odd + 2 * k + LANES / 2; i < n; i += LANES)
                    w += p[(size_t)i * channels];
                d[k] = u + w;
            }
#pragma unroll
            for (int h = LANES / 8; h > 0; h /= 2)
#pragma unroll
                for (int k = 0; k < h; k++)
                    d[k] += d[k + h];
            e[odd] = d[0];
        }
        sum += e[0] + e[1];
    }
    s[c] = exciton_divide(sum, (float)size);
}

kernel void copy(global const float *x, global float *y, uint vectors)
{
    uint items = get_global_size(0), item = get_global_id(0);
    uint from = (uint)((ulong)vectors * item / items), to = (uint)((ulong)vectors * (item + 1) / items);
    for (uint i = from; i < to; i++)
        *(global float8a *)(y + (size_t)i * 8) = *(global const float8a *)(x + (size_t)i * 8);
}

/* split excite, NCHW: w1 is [C][stride] and w2 [R][C], R padded with zeros to stride, a multiple of 8 */
kernel void squeeze(global const float *x, global const float *w1, global float *parts, uint batch, uint channels, uint stride,
                    uint size, uint block)
{
    uint blocks = (channels + block - 1) / block, all = batch * blocks;
    uint items = get_global_size(0), item = get_global_id(0);
    uint from = (uint)((ulong)all * item / items), to = (uint)((ulong)all * (item + 1) / items);
    for (uint t = from; t < to; t++) {
        uint c0 = t % blocks * block, n = min(block, channels - c0);
        float s[512];
        for (uint c = 0; c < n; c++)
            s[c] = exciton_divide(row_sum(x + ((size_t)(t / blocks) * channels + c0 + c) * size, size), (float)size);
        uint r = 0;
        for (; r + 32 <= stride; r += 32) {
            float8 a[4];
            columns(w1 + (size_t)c0 * stride + r, stride, s, n, a);
            for (int k = 0; k < 4; k++)
                *(global float8a *)(parts + (size_t)t * stride + r + 8 * k) = a[k];
        }
        for (; r < stride; r += 8) {
            float8 a = 0.0f;
            for (uint c = 0; c < n; c++)
                a += *(global const float8a *)(w1 + (size_t)(c0 + c) * stride + r) * s[c];
            *(global float8a *)(parts + (size_t)t * stride + r) = a;
        }
    }
}

kernel void scale(global const float *x, global const float *parts, global const float *w2, global float *y, uint batch, uint channels,
                  uint hidden, uint stride, uint size, uint block)
{
    uint blocks = (channels + block - 1) / block;
    uint items = get_global_size(0), item = get_global_id(0);
    uint units = channels / 8, from = units * item / items * 8, to = units * (item + 1) / items * 8;
    for (uint n = 0; n < batch; n++) {
        float h[512];
        for (uint r = 0; r < stride; r += 8) {
            float8 a = 0.0f;
            for (uint b = 0; b < blocks; b++)
                a += *(global const float8a *)(parts + (size_t)(n * blocks + b) * stride + r);
            for (int k = 0; k < 8; k++)
                h[r + k] = exciton_relu(((float *)&a)[k]);
        }
        for (uint c = from; c < to;) {
            float8 a[4];
            uint width = c + 32 <= to ? 32 : 8;
            if (width == 32) {
                columns(w2 + c, channels, h, hidden, a);
            } else {
                a[0] = 0.0f;
                for (uint r = 0; r < hidden; r++)
                    a[0] += *(global const float8a *)(w2 + (size_t)r * channels + c) * h[r];
            }
            for (uint k = 0; k < width; k++) {
                float g = exciton_sigmoid(((float *)a)[k]);
                global const float *p = x + ((size_t)n * channels + c + k) * size;
                global float *q = y + ((size_t)n * channels + c + k) * size;
                uint i = 0;
                for (; i + 8 <= size; i += 8)
                    *(global float8a *)(q + i) = *(global const float8a *)(p + i) * g;
                for (; i < size; i++)
                    q[i] = p[i] * g;
            }
            c += width;
        }
    }
}
