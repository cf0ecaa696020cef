/*
 * Rows of x: their sums in the order of docs/numbers.md, and their scaling. The build concatenates scalar.h, rows.h,
 * excite.h and one kernel.
 *
 * Form rows: a work-item walks a row, its 32 lanes in four float8.
 * Form lanes: ROW_ITEMS work-items walk a row, each with ROW_LANES of the lanes in registers: item t has the lanes
 * t, t + ROW_ITEMS, ... A group walks ROW_SLOTS rows side by side.
 *
 * Tunables: GROUP_SIZE (form lanes: work-items a group, a power of two), BATCH (form lanes: loads at once), FORM (1: rows,
 * 2: lanes, 0: both), IN_PLACE (y is x), EXCITON_VLOAD (vectors by vload8).
 */
#ifndef EXCITON_ROWS_H
#define EXCITON_ROWS_H

#ifndef GROUP_SIZE
#define GROUP_SIZE 64
#endif
#ifndef FORM
#define FORM 0
#endif
#ifndef IN_PLACE
#define IN_PLACE 0
#endif

#define HAS_ROWS (FORM != 2)
#define HAS_LANES (FORM != 1)

/* A slot is three arguments: a buffer and an offset in bytes, which may need more than 32 bits. */
#define SLOT(name) __global float *restrict name, const uint name##_low, const uint name##_high
#define SLOT_IN(name) __global const float *restrict name, const uint name##_low, const uint name##_high
#define AT(name) ((size_t)(((ulong)name##_high << 32) | name##_low))
#define OPEN(name) name = (__global float *)((__global char *)name + AT(name))
#define OPEN_IN(name) name = (__global const float *)((__global const char *)name + AT(name))

/* x and y, which are one read-write slot where in place. */
#if IN_PLACE
#define SLOTS_XY SLOT(x)
#define OPEN_XY() do { OPEN(x); (void)y_at; } while (0)
#define X_ROW(at) (x + x_at + (at))
#define Y_ROW(at) X_ROW(at)
#else
#define SLOTS_XY SLOT_IN(x), SLOT(y)
#define OPEN_XY() do { OPEN_IN(x); OPEN(y); } while (0)
#define X_ROW(at) (x + x_at + (at))
#define Y_ROW(at) (y + y_at + (at))
#endif

/* Whole cache lines past the caches, where the compiler has a way: LINE elements at a multiple of their size. */
#define LINE 16u
#if defined(__has_builtin)
#if __has_builtin(__builtin_nontemporal_store) && !IN_PLACE
#define STREAMS 1
#define STREAM8(v, p) __builtin_nontemporal_store(v, (__global float8 *)(p))
#endif
#endif

/* From `first` in steps of `step` below `end`, without overflow. */
#define STRIDE(u, first, end, step) uint u = (first); u < (end); u = (end) - u > (step) ? u + (step) : (end)
#define EACH_ITEM(u, end) for (STRIDE(u, (uint)get_global_id(0), end, (uint)get_global_size(0)))
#define EACH_GROUP(u, end) for (STRIDE(u, (uint)get_group_id(0), end, (uint)get_num_groups(0)))
/* The work-item's part of `end` units, neighbours. */
#define NEIGHBOURS(first, end, count)                                                                                       \
    const uint first##_each = (count) / (uint)get_global_size(0) + ((count) % (uint)get_global_size(0) != 0u);              \
    const uint first = min((uint)get_global_id(0) * first##_each, (uint)(count)), end = min((count) - first, first##_each) + first
#define EACH_LOCAL(u, end) for (uint u = (uint)get_local_id(0); u < (end); u += GROUP_SIZE)

/* Vectors at any multiple of 4 bytes. PoCL 3.1 makes moves of 8 bytes out of vload8. */
#if defined(__clang__) && !defined(EXCITON_VLOAD)
typedef float8 exciton_float8 __attribute__((aligned(4)));
#define LOAD8(p) (*(__global const exciton_float8 *)(p))
#define STORE8(v, p) (*(__global exciton_float8 *)(p) = (v))
#else
#define LOAD8(p) vload8(0, p)
#define STORE8(v, p) vstore8(v, 0, p)
#endif

/* ---- sums: form rows ---- */

/* The first `n` < 8 of p, then +0. */
EXCITON_FN float8 exciton_some8(__global const float *p, uint n)
{
    float8 v = (float8)(0.0f);
    if (n > 0u) v.s0 = p[0];
    if (n > 1u) v.s1 = p[1];
    if (n > 2u) v.s2 = p[2];
    if (n > 3u) v.s3 = p[3];
    if (n > 4u) v.s4 = p[4];
    if (n > 5u) v.s5 = p[5];
    if (n > 6u) v.s6 = p[6];
    return v;
}

/* The next 8 lanes of a chunk's rest. A lane is never -0, so +0 leaves it as it is. */
EXCITON_FN float8 exciton_rest8(__global const float *p, uint n, uint from)
{
    if (n >= from + 8u)
        return LOAD8(p + from);
    return n > from ? exciton_some8(p + from, n - from) : (float8)(0.0f);
}

/* A chunk: lane l adds the elements i with i % 32 == l in ascending order; then the tree's halves 16 and 8. */
EXCITON_FN float8 exciton_lanes8(__global const float *p, uint n)
{
    float8 a = (float8)(0.0f), b = (float8)(0.0f), c = (float8)(0.0f), d = (float8)(0.0f);
    for (; n >= 32u; n -= 32u, p += 32) {
        a += LOAD8(p);
        b += LOAD8(p + 8);
        c += LOAD8(p + 16);
        d += LOAD8(p + 24);
    }
    if (n > 0u) {
        a += exciton_rest8(p, n, 0u);
        b += exciton_rest8(p, n, 8u);
        c += exciton_rest8(p, n, 16u);
        d += exciton_rest8(p, n, 24u);
    }
    a += c;
    b += d;
    return a + b;
}

/* The same where LOOSE elements can be read behind it: what comes there is something else of this work-item's. `part` has the
 * bits of the first n % 8 of eight. */
#define LOOSE 8u
#define LOAD_PART(p) as_float8(as_int8(LOAD8(p)) & part)
EXCITON_FN float8 exciton_loose8(__global const float *p, uint n, int8 part)
{
    float8 a = (float8)(0.0f), b = (float8)(0.0f), c = (float8)(0.0f), d = (float8)(0.0f);
    for (; n >= 32u; n -= 32u, p += 32) {
        a += LOAD8(p);
        b += LOAD8(p + 8);
        c += LOAD8(p + 16);
        d += LOAD8(p + 24);
    }
    if (n >= 24u) {
        a += LOAD8(p);
        b += LOAD8(p + 8);
        c += LOAD8(p + 16);
        d += LOAD_PART(p + 24);
    } else if (n >= 16u) {
        a += LOAD8(p);
        b += LOAD8(p + 8);
        c += LOAD_PART(p + 16);
    } else if (n >= 8u) {
        a += LOAD8(p);
        b += LOAD_PART(p + 8);
    } else if (n > 0u) {
        a += LOAD_PART(p);
    }
    a += c;
    b += d;
    return a + b;
}

/* Then 4, 2, 1. */
EXCITON_FN float exciton_chunk(__global const float *p, uint n)
{
    const float8 a = exciton_lanes8(p, n);
    const float4 q = a.lo + a.hi;
    const float2 r = q.lo + q.hi;
    return r.x + r.y;
}

/* The tree's halves 4, 2, 1 for two rows, four, eight at once. */
EXCITON_FN float8 exciton_fold4(float8 u, float8 v) { return (float8)(u.lo, v.lo) + (float8)(u.hi, v.hi); }
EXCITON_FN float8 exciton_fold2(float8 u, float8 v)
{
    return (float8)(u.s01, u.s45, v.s01, v.s45) + (float8)(u.s23, u.s67, v.s23, v.s67);
}
EXCITON_FN float8 exciton_fold1(float8 u, float8 v) { return (float8)(u.even, v.even) + (float8)(u.odd, v.odd); }

/* `total` plus the sums of a row's chunks in order. */
EXCITON_FN float exciton_sum(__global const float *x, uint n, float total)
{
    for (; n > EXCITON_CHUNK; n -= EXCITON_CHUNK, x += EXCITON_CHUNK)
        total += exciton_chunk(x, EXCITON_CHUNK);
    return total + exciton_chunk(x, n);
}

/* out[r] = the sum of row r, rows of n elements one after the other, all of them this work-item's. A single chunk's sum is
 * never -0, so that adding it to +0 need not be done. */
EXCITON_FN void exciton_sum_rows(__global float *out, __global const float *x, uint rows, uint n)
{
    const int8 part = (int8)(0, 1, 2, 3, 4, 5, 6, 7) < (int8)((int)(n % 8u));
    uint r = 0;
    if (n <= EXCITON_CHUNK)
        for (; rows - r >= 8u && (n >= LOOSE || (rows - r - 8u) * n >= LOOSE); r += 8u, x += 8u * n) {
            const bool last = (rows - r - 8u) * n < LOOSE; /* nothing to be read behind the eighth */
            const float8 a = exciton_fold4(exciton_loose8(x, n, part), exciton_loose8(x + n, n, part));
            const float8 b = exciton_fold4(exciton_loose8(x + 2u * n, n, part), exciton_loose8(x + 3u * n, n, part));
            const float8 c = exciton_fold4(exciton_loose8(x + 4u * n, n, part), exciton_loose8(x + 5u * n, n, part));
            const float8 h = last ? exciton_lanes8(x + 7u * n, n) : exciton_loose8(x + 7u * n, n, part);
            const float8 d = exciton_fold4(exciton_loose8(x + 6u * n, n, part), h);
            STORE8(exciton_fold1(exciton_fold2(a, b), exciton_fold2(c, d)), out + r);
        }
    for (; r < rows; ++r, x += n)
        out[r] = exciton_sum(x, n, 0.0f);
}

EXCITON_FN void exciton_divide_all(__global float *v, uint n, float divisor)
{
    for (uint i = 0; i < n; ++i)
        v[i] = exciton_divide(v[i], divisor);
}

/* ---- sums: form lanes ---- */

#if GROUP_SIZE < EXCITON_LANES
#define ROW_ITEMS GROUP_SIZE
#else
#define ROW_ITEMS EXCITON_LANES
#endif
#define ROW_LANES (EXCITON_LANES / ROW_ITEMS)
#define ROW_SLOTS (GROUP_SIZE / ROW_ITEMS)
#define ROW_ITEM ((uint)get_local_id(0) % ROW_ITEMS)
#define ROW_SLOT ((uint)get_local_id(0) / ROW_ITEMS)

/* The rest of the tree, over the work-items of a slot: halves of 4 and more by the first four, 2 and 1 by each. Every
 * work-item of the group calls it, and gets its slot's sum. `tree`: GROUP_SIZE floats. */
EXCITON_FN float exciton_tree(float v, __local float *tree)
{
#if ROW_ITEMS == 1
    (void)tree;
    return v;
#else
    const uint item = ROW_ITEM;
    __local float *row = tree + ROW_SLOT * ROW_ITEMS;
    row[item] = v;
    barrier(CLK_LOCAL_MEM_FENCE);
#if ROW_ITEMS > 4
    if (item < 4u) { /* reads and writes what no other item does */
        float w[ROW_ITEMS / 4];
        for (uint k = 0; k < ROW_ITEMS / 4; ++k)
            w[k] = row[item + 4u * k];
        for (uint span = ROW_ITEMS / 8; span > 0u; span /= 2u)
            for (uint k = 0; k < span; ++k)
                w[k] += w[k + span];
        row[item] = w[0];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
#endif
#if ROW_ITEMS == 2
    v = row[0] + row[1];
#else
    v = (row[0] + row[2]) + (row[1] + row[3]);
#endif
    barrier(CLK_LOCAL_MEM_FENCE); /* the next chunk overwrites it */
    return v;
#endif
}

/* Loads that a work-item has under way at once: a GPU's memory answers after hundreds of cycles, and compilers move no load
 * over a store, or over additions in a loop. */
#ifndef BATCH
#define BATCH 16u
#endif

#if ROW_LANES == 1
/* A work-item's one lane of a chunk. Missing elements are added as +0: a lane is never -0. */
EXCITON_FN float exciton_chunk_lanes(__global const float *x, uint n, __local float *tree)
{
    float lane = 0.0f, v[BATCH];
    uint at = ROW_ITEM;
    for (; n >= BATCH * EXCITON_LANES; n -= BATCH * EXCITON_LANES, x += BATCH * EXCITON_LANES) {
        for (uint k = 0; k < BATCH; ++k)
            v[k] = x[at + k * EXCITON_LANES];
        for (uint k = 0; k < BATCH; ++k)
            lane += v[k];
    }
    for (uint k = 0; k < BATCH; ++k)
        v[k] = at + k * EXCITON_LANES < n ? x[at + k * EXCITON_LANES] : 0.0f;
    for (uint k = 0; k < BATCH; ++k)
        lane += v[k];
    return exciton_tree(lane, tree);
}
#else
/* A chunk of `n` elements; 0 gives +0. */
EXCITON_FN float exciton_chunk_lanes(__global const float *x, uint n, __local float *tree)
{
    const uint item = ROW_ITEM;
    float lane[ROW_LANES];
    for (uint k = 0; k < ROW_LANES; ++k)
        lane[k] = 0.0f;
    uint at = item;
    for (; n >= EXCITON_LANES; n -= EXCITON_LANES, at += EXCITON_LANES)
        for (uint k = 0; k < ROW_LANES; ++k)
            lane[k] += x[at + k * ROW_ITEMS];
    for (uint k = 0; k < ROW_LANES; ++k)
        if (item + k * ROW_ITEMS < n)
            lane[k] += x[at + k * ROW_ITEMS];
    for (uint span = ROW_LANES / 2; span > 0u; span /= 2u)
        for (uint k = 0; k < span; ++k)
            lane[k] += lane[k + span];
    return exciton_tree(lane[0], tree);
}
#endif

/* As exciton_sum, by the slot's work-items. Slots may have rows of different lengths, none above `longest`, so that
 * the barriers are met by all. */
EXCITON_FN float exciton_sum_lanes(__global const float *x, uint n, uint longest, float total, __local float *tree)
{
    for (uint at = 0; at < longest; at += EXCITON_CHUNK) {
        const uint count = n > at ? min(n - at, (uint)EXCITON_CHUNK) : 0u;
        const float v = exciton_chunk_lanes(x + at, count, tree);
        if (count > 0u)
            total += v;
    }
    return total;
}

/* ---- scaling ---- */

/* exciton_apply_output for eight. */
EXCITON_FN float8 exciton_apply_output8(uint residual, uint then, float g, float8 x)
{
    float8 y = x * g;
    if (residual != 0u)
        y += x;
    if (then == 1u) {
        const uint8 u = as_uint8(y);
        const int8 below = (u >= (uint8)(0x80000000u)) & (u <= (uint8)(0xff800000u));
        y = as_float8(u & ~as_uint8(below));
    }
    return y;
}

#if defined(STREAMS)
/* A row whose y nobody reads soon. The common case has no choice a vector. */
EXCITON_FN void exciton_stream_row(__global float *y, __global const float *x, uint n, float g, uint residual, uint then)
{
    const uint head = min(n, (0u - (uint)((size_t)y / sizeof(float))) & (LINE - 1u));
    for (uint i = 0; i < head; ++i)
        y[i] = exciton_apply_output(residual, then, g, x[i]);
    n -= head, x += head, y += head;
    if (residual == 0u && then == 0u)
        for (; n >= 2u * LINE; n -= 2u * LINE, x += 2u * LINE, y += 2u * LINE) {
            const float8 a = LOAD8(x) * g, b = LOAD8(x + 8) * g, c = LOAD8(x + 16) * g, d = LOAD8(x + 24) * g;
            STREAM8(a, y);
            STREAM8(b, y + 8);
            STREAM8(c, y + 16);
            STREAM8(d, y + 24);
        }
    for (; n >= LINE; n -= LINE, x += LINE, y += LINE) {
        const float8 a = exciton_apply_output8(residual, then, g, LOAD8(x)), b = exciton_apply_output8(residual, then, g, LOAD8(x + 8));
        STREAM8(a, y);
        STREAM8(b, y + 8);
    }
    for (uint i = 0; i < n; ++i)
        y[i] = exciton_apply_output(residual, then, g, x[i]);
}
#endif

/* A row by one work-item. `y` may be `x`. */
EXCITON_FN void exciton_scale_row(__global float *y, __global const float *x, uint n, float g, uint residual, uint then, uint stream)
{
#if defined(STREAMS)
    if (stream != 0u && n >= 8u * LINE) {
        exciton_stream_row(y, x, n, g, residual, then);
        return;
    }
#else
    (void)stream;
#endif
    if (n < 8u) {
        for (uint i = 0; i < n; ++i)
            y[i] = exciton_apply_output(residual, then, g, x[i]);
        return;
    }
    const float8 last = LOAD8(x + n - 8); /* it overlaps what comes before it, and x may be y */
    if (residual == 0u && then == 0u) /* the commonest case, without a choice a vector */
        for (; n >= 32u; n -= 32u, x += 32, y += 32) {
            const float8 a = LOAD8(x) * g, b = LOAD8(x + 8) * g, c = LOAD8(x + 16) * g, d = LOAD8(x + 24) * g;
            STORE8(a, y);
            STORE8(b, y + 8);
            STORE8(c, y + 16);
            STORE8(d, y + 24);
        }
    for (; n >= 8u; n -= 8u, x += 8, y += 8)
        STORE8(exciton_apply_output8(residual, then, g, LOAD8(x)), y);
    if (n > 0u)
        STORE8(exciton_apply_output8(residual, then, g, last), y + n - 8);
}

/* Rows one after the other, each with its gate, by one work-item. Short rows in the commonest case have no choice a vector. */
EXCITON_FN void exciton_scale_all(__global float *y, __global const float *x, __global const float *g, uint rows, uint n, uint residual,
                                   uint then, uint stream)
{
    uint r = 0;
    if (residual == 0u && then == 0u && stream == 0u && n >= 8u)
        for (; r < rows; ++r, x += n, y += n) {
            const float by = g[r];
            const float8 last = LOAD8(x + n - 8u) * by; /* it overlaps what comes before it, and x may be y */
            uint i = 0;
            for (; n - i >= 32u; i += 32u) {
                const float8 a = LOAD8(x + i) * by, b = LOAD8(x + i + 8u) * by, c = LOAD8(x + i + 16u) * by, d = LOAD8(x + i + 24u) * by;
                STORE8(a, y + i);
                STORE8(b, y + i + 8u);
                STORE8(c, y + i + 16u);
                STORE8(d, y + i + 24u);
            }
            for (; n - i >= 8u; i += 8u)
                STORE8(LOAD8(x + i) * by, y + i);
            if (i < n)
                STORE8(last, y + n - 8u);
        }
    for (; r < rows; ++r, x += n, y += n)
        exciton_scale_row(y, x, n, g[r], residual, then, stream);
}

/* A row by the work-items of a slot. */
EXCITON_FN void exciton_scale_row_lanes(__global float *y, __global const float *x, uint n, float g, uint residual, uint then)
{
    uint i = ROW_ITEM;
    for (; n > i && n - i > (BATCH - 1u) * ROW_ITEMS; i += BATCH * ROW_ITEMS) {
        float v[BATCH];
        for (uint k = 0; k < BATCH; ++k)
            v[k] = x[i + k * ROW_ITEMS];
        for (uint k = 0; k < BATCH; ++k)
            y[i + k * ROW_ITEMS] = exciton_apply_output(residual, then, g, v[k]);
    }
    float v[BATCH];
    for (uint k = 0; k < BATCH; ++k)
        v[k] = i + k * ROW_ITEMS < n ? x[i + k * ROW_ITEMS] : 0.0f;
    for (uint k = 0; k < BATCH; ++k)
        if (i + k * ROW_ITEMS < n)
            y[i + k * ROW_ITEMS] = exciton_apply_output(residual, then, g, v[k]);
}

#endif
