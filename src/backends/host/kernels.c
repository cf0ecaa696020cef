/* The catalogue's kernels for the host, form rows: written once for vectors of EXCITON_HOST_WIDTH floats, compiled for
 * each instruction set. The order of every sum is that of docs/numbers.md and no other, so every width gives the same
 * bits. x and y may be the same array: nothing here reads an element of x after writing it in y. */
#ifndef EXCITON_HOST_WIDTH
#  define EXCITON_HOST_WIDTH 4
#  define EXCITON_HOST_SET exciton_host_baseline
#  define EXCITON_HOST_NAME "baseline"
#endif

#include "backends/host/host.h"
#include "backends/host/params.h"

#define EXCITON_NATIVE_DIVISION 1
#include "scalar.h"

#include "backends/host/vector.h"

#include "backends/host/layers.h"

#if defined(__SSE__)
#  include <immintrin.h>
#endif

#define READ(type) exciton_host_##type p; memcpy(&p, task->params, sizeof p)

#define STREAMED 128 /* elements: shorter rows have no whole cache lines worth it */
#define PAGE 1024    /* elements */
#define TURN WIDTH   /* rows that the pipeline squeezes, then scales */

/* ---- Sums of rows ------------------------------------------------------------------------------------------------ */

/* The last, partial round over the lanes of rows of `length` elements; the same for all of them. */
typedef struct tail {
    part parts[VECTORS];
} tail;

INLINE tail tail_of(size_t length)
{
    size_t rest = length % EXCITON_LANES;
    tail t;
    UNROLL for (size_t j = 0; j < VECTORS; j++)
        t.parts[j] = part_of(rest <= j * WIDTH ? 0 : lesser(rest - j * WIDTH, WIDTH));
    return t;
}

/* The lanes of a chunk, folded down to one vector. A lane without an element in the last round gets +0, which changes no
 * sum that began with +0. */
INLINE vec chunk_lanes(const float *x, size_t count, const tail *t)
{
    vec lanes[VECTORS];
    UNROLL for (size_t j = 0; j < VECTORS; j++)
        lanes[j] = (vec){0};
    size_t i = 0;
    for (; i + EXCITON_LANES <= count; i += EXCITON_LANES)
        UNROLL for (size_t j = 0; j < VECTORS; j++)
            lanes[j] += load(x + i + j * WIDTH);
    if (i < count)
        UNROLL for (size_t j = 0; j < VECTORS; j++)
            if (i + j * WIDTH < count)
                lanes[j] += load_part(x + i + j * WIDTH, t->parts[j]);
    return fold_vectors(lanes);
}

/* total plus the sums of the row's chunks, in order. */
static float add_chunks(const float *x, size_t length, float total)
{
    const tail t = tail_of(length);
    while (length > 0) {
        vec chunks[WIDTH];
        size_t count = 0;
        for (; count < WIDTH && length > 0; count++) {
            size_t size = lesser(length, EXCITON_CHUNK);
            chunks[count] = chunk_lanes(x, size, &t);
            x += size;
            length -= size;
        }
        for (size_t i = count; i < WIDTH; i++)
            chunks[i] = (vec){0};
        vec sums = fold_lanes(chunks);
        for (size_t i = 0; i < count; i++)
            total += sums[i];
    }
    return total;
}

/* out[r] = the sum of row r, rows of `length` elements one after the other. A single chunk's sum is never -0, so that
 * adding it to +0 need not be done. */
static void sum_rows(const float *x, size_t rows, size_t length, float *out)
{
    if (length > EXCITON_CHUNK) {
        for (size_t r = 0; r < rows; r++)
            out[r] = add_chunks(x + r * length, length, 0.0f);
        return;
    }
    const tail t = tail_of(length);
    for (size_t r = 0; r < rows; r += WIDTH) {
        vec chunks[WIDTH];
        size_t count = lesser(rows - r, WIDTH);
        for (size_t i = 0; i < count; i++)
            chunks[i] = chunk_lanes(x + (r + i) * length, length, &t);
        for (size_t i = count; i < WIDTH; i++)
            chunks[i] = (vec){0};
        store_part(out + r, fold_lanes(chunks), part_of(count));
    }
}

static void divide_all(float *v, size_t count, float divisor)
{
    for (size_t i = 0; i < count; i++)
        v[i] = exciton_divide(v[i], divisor);
}

/* ---- Scaling ----------------------------------------------------------------------------------------------------- */

/* exciton_apply_output on a vector. As a signed number -0 and the negative floats to -inf are the lowest; NaNs stay. */
INLINE vec output(vec x, vec g, bool residual, bool relu)
{
    vec y = g * x;
    if (residual)
        y = y + x;
    if (relu)
        y = (vec)((vec_int)y & ((vec_int)y > (int32_t)0xff800000));
    return y;
}

/* As scale_row, for y that nobody reads soon: whole cache lines go past the caches, the rest as usual. */
INLINE void scale_row_streaming(const float *x, float *y, size_t length, float gate, bool residual, bool relu)
{
    const vec g = gate - (vec){0};
    size_t i = 0, head = lesser(length, (0 - (uintptr_t)y / sizeof *y) % LINE);
    for (; i < head; i++)
        y[i] = exciton_apply_output(residual, relu, gate, x[i]);
    for (; i + LINE <= length; i += LINE)
        UNROLL for (size_t j = 0; j < LINE; j += WIDTH)
            store_streaming(y + i + j, output(load(x + i + j), g, residual, relu));
    for (; i < length; i++)
        y[i] = exciton_apply_output(residual, relu, gate, x[i]);
}

/* The last vector overlaps the one before it; it is read before anything is written, since y may be x. */
INLINE void scale_row(const float *x, float *y, size_t length, float gate, bool residual, bool relu)
{
    vec g = gate - (vec){0}; /* -0 stays -0 */
    if (length < WIDTH) {
        store_part(y, output(load_part(x, part_of(length)), g, residual, relu), part_of(length));
        return;
    }
    vec last = load(x + length - WIDTH);
    size_t i = 0;
    for (; i + 4 * WIDTH <= length; i += 4 * WIDTH) {
        vec v[4];
        UNROLL for (size_t j = 0; j < 4; j++)
            v[j] = load(x + i + j * WIDTH);
        UNROLL for (size_t j = 0; j < 4; j++)
            store(y + i + j * WIDTH, output(v[j], g, residual, relu));
    }
    for (; i + WIDTH <= length; i += WIDTH)
        store(y + i, output(load(x + i), g, residual, relu));
    if (i < length)
        store(y + length - WIDTH, output(last, g, residual, relu));
}

INLINE void scale_with(const float *x, float *y, size_t rows, size_t length, const float *g, bool residual, bool relu, bool stream)
{
    if (stream && length >= STREAMED) {
        for (size_t r = 0; r < rows; r++)
            scale_row_streaming(x + r * length, y + r * length, length, g[r], residual, relu);
        return;
    }
    if (length == 1) {
        for (; rows >= WIDTH; rows -= WIDTH, x += WIDTH, y += WIDTH, g += WIDTH)
            store(y, output(load(x), load(g), residual, relu));
        if (rows > 0)
            store_part(y, output(load_part(x, part_of(rows)), load_part(g, part_of(rows)), residual, relu), part_of(rows));
        return;
    }
    /* What was squeezed last is still in the cache; but long rows are read best in their order. */
    bool backwards = length <= PAGE;
    for (size_t i = 0; i < rows; i++) {
        size_t r = backwards ? rows - 1 - i : i;
        scale_row(x + r * length, y + r * length, length, g[r], residual, relu);
    }
}

/* Rows of `length` elements one after the other, and a gate for each. */
static void scale_rows(const float *x, float *y, size_t rows, size_t length, const float *g, uint32_t residual, uint32_t then,
                       bool stream)
{
    if (residual != 0 && then == 1)
        scale_with(x, y, rows, length, g, true, true, stream);
    else if (residual != 0)
        scale_with(x, y, rows, length, g, true, false, stream);
    else if (then == 1)
        scale_with(x, y, rows, length, g, false, true, stream);
    else
        scale_with(x, y, rows, length, g, false, false, stream);
}

/* The layers of the block that the params of its kernel describe: hidden's and gate's have some of it, split's and whole
 * samples' kernels all. */
#define EXCITATION(...)                                                                                                  \
    const excitation e = {.w = task->w, .channels = p.channels, .hidden = p.hidden, .pitch = exciton_host_pitch(p.hidden),  \
                          .channel_pitch = exciton_host_pitch(p.channels), __VA_ARGS__}
#define WHOLE_EXCITATION                                                                                                 \
    EXCITATION(.block = p.block, .activation = p.activation, .gate = p.gate, .slope = p.slope, .offset = p.offset)

/* ---- Kernels ----------------------------------------------------------------------------------------------------- */

static void squeeze(const exciton_host_task *task, uint64_t first, uint64_t end)
{
    READ(squeeze);
    const float *x = task->x + p.x_at;
    bool whole = p.units_per_row == 1 && p.carry == 0 && p.row_length <= EXCITON_CHUNK;
    for (uint64_t u = first; u < end;) {
        size_t column = u % p.out_width;
        float *out = task->t + p.t_at + u / p.out_width * p.out_pitch + column;
        size_t count = lesser(end - u, p.out_width - column); /* neighbours in T */
        if (whole) {
            sum_rows(x + u * p.row_length, count, p.row_length, out);
        } else {
            for (size_t i = 0; i < count; i++) {
                uint64_t row = (u + i) / p.units_per_row, begin = (u + i) % p.units_per_row * p.unit_length;
                out[i] = add_chunks(x + row * p.row_length + begin, lesser(p.unit_length, p.row_length - begin),
                                    p.carry != 0 ? out[i] : 0.0f);
            }
        }
        if (p.divide != 0)
            divide_all(out, count, p.divisor);
        u += count;
    }
}

static void hidden(const exciton_host_task *task, uint64_t first, uint64_t end)
{
    READ(hidden);
    EXCITATION(.block = p.block, .activation = p.activation);
    for (uint64_t u = first; u < end;) {
        size_t n = u / e.pitch, r = u % e.pitch, count = lesser(end - u, e.pitch - r);
        hidden_layer(&e, task->t + p.h_at + n * e.pitch, task->t + p.s_at + n * e.channel_pitch, 1, r, r + count);
        u += count;
    }
}

static void gate(const exciton_host_task *task, uint64_t first, uint64_t end)
{
    READ(gate);
    EXCITATION(.gate = p.gate, .slope = p.slope, .offset = p.offset);
    for (uint64_t u = first; u < end;) {
        size_t n = u / e.channel_pitch, c = u % e.channel_pitch, count = lesser(end - u, e.channel_pitch - c);
        gate_layer(&e, task->t + p.g_at + n * e.channel_pitch, task->t + p.h_at + n * e.pitch, 1, c, c + count);
        u += count;
    }
}

static void scale(const exciton_host_task *task, uint64_t first, uint64_t end)
{
    READ(scale);
    const float *x = task->x + p.x_at;
    float *y = task->y + p.y_at;
    size_t pitch = exciton_host_pitch(p.channels);
    for (uint64_t u = first; u < end;) {
        uint64_t row = u / p.units_per_row, begin = u % p.units_per_row * p.unit_length;
        size_t sample = (row + p.first_row) / p.channels, channel = (row + p.first_row) % p.channels;
        const float *g = task->t + p.g_at + sample * pitch + channel;
        size_t count = 1;
        if (p.units_per_row == 1) {
            count = lesser(end - u, p.channels - channel);
            scale_rows(x + row * p.row_length, y + row * p.row_length, count, p.row_length, g, p.residual, p.then, p.stream != 0);
        } else {
            size_t at = row * p.row_length + begin;
            scale_rows(x + at, y + at, 1, lesser(p.unit_length, p.row_length - begin), g, p.residual, p.then, p.stream != 0);
        }
        u += count;
    }
    end_stream(p.stream);
}

static void split_squeeze(const exciton_host_task *task, uint64_t first, uint64_t end)
{
    READ(split_squeeze);
    size_t blocks = (p.channels - 1) / p.block + 1, pitch = exciton_host_pitch(p.hidden),
           channel_pitch = exciton_host_pitch(p.channels);
    size_t first_row = p.first_unit / blocks * p.channels + p.first_unit % blocks * p.block;
    for (uint64_t u = first; u < end; u++) {
        size_t unit = p.first_unit + u, n = unit / blocks, c = unit % blocks * p.block;
        size_t count = lesser(p.block, p.channels - c);
        float *s = task->t + p.s_at + n * channel_pitch + c;
        sum_rows(task->x + p.x_at + (n * p.channels + c - first_row) * p.row_length, count, p.row_length, s);
        divide_all(s, count, p.divisor);
        layer(&(products){.out = task->t + p.parts_at + unit * pitch, .matrix = task->w + c * pitch, .pitch = pitch, .factors = s, .count = count},
              1, pitch);
    }
}

/* h of sample n: the parts in block order, then the activation. */
static void add_parts(float *h, const float *bias, const float *parts, size_t blocks, size_t pitch, uint32_t activation)
{
    memcpy(h, bias, pitch * sizeof *h);
    for (size_t b = 0; b < blocks; b++)
        add_to(h, parts + b * pitch, pitch);
    activate(h, pitch, activation);
}

static void split_scale(const exciton_host_task *task, uint64_t first, uint64_t end)
{
    READ(split_scale);
    WHOLE_EXCITATION;
    size_t blocks = (p.channels - 1) / p.block + 1;
    size_t first_row = p.first_unit / blocks * p.channels + p.first_unit % blocks * p.block;
    const float *parts = task->t + p.parts_at;
    size_t taken;
    for (uint64_t u = first; u < end; u += taken) { /* all of a sample's blocks at once: long rows of W2 */
        size_t unit = p.first_unit + u, n = unit / blocks, b = unit % blocks, c = b * p.block;
        taken = lesser(blocks - b, end - u);
        size_t count = lesser(taken * p.block, p.channels - c), at = (n * p.channels + c - first_row) * p.row_length;
        float *g = task->t + p.g_at + n * e.channel_pitch, *h = task->t + p.h_at + unit * e.pitch;
        add_parts(h, task->w + p.channels * e.pitch, parts + n * blocks * e.pitch, blocks, e.pitch, p.activation);
        gate_layer(&e, g, h, 1, c, lesser(c + taken * p.block, e.channel_pitch));
        scale_rows(task->x + p.x_at + at, task->y + p.y_at + at, count, p.row_length, g + c, p.residual, p.then, p.stream != 0);
    }
    end_stream(p.stream);
}

static void sample(const exciton_host_task *task, uint64_t first, uint64_t end)
{
    READ(sample);
    WHOLE_EXCITATION;
    size_t each = (e.channel_pitch / 8 + p.shares - 1) / p.shares * 8, length = (size_t)p.channels * p.row_length, taken;
    for (uint64_t u = first; u < end; u += taken) { /* whole samples, or one share of one */
        size_t n = u / p.shares, c = lesser(u % p.shares * each, e.channel_pitch), c_end = lesser(c + each, e.channel_pitch);
        const float *x = task->x + p.x_at + n * length;
        float *y = task->y + p.y_at + n * length;
        float *s = task->t + p.s_at + u * e.channel_pitch, *h = task->t + p.h_at + u * e.pitch, *g = task->t + p.g_at + n * e.channel_pitch;
        taken = together(lesser(end - u, p.together));
        if (c >= p.channels && u % p.shares != 0)
            continue;
        for (size_t i = 0; i < taken; i++) {
            sum_rows(x + i * length, p.channels, p.row_length, s + i * e.channel_pitch);
            divide_all(s + i * e.channel_pitch, p.channels, p.divisor);
        }
        hidden_layer(&e, h, s, taken, 0, e.pitch);
        gate_layer(&e, g, h, taken, c, c_end);
        for (size_t i = taken; i-- > 0;) { /* the last one is still in the cache */
            size_t at = i * length + c * p.row_length;
            scale_rows(x + at, y + at, lesser(c_end, p.channels) - c, p.row_length, g + i * e.channel_pitch + c, p.residual, p.then, p.stream != 0);
        }
    }
    end_stream(p.stream);
}

static void pipeline(const exciton_host_task *task, uint64_t first, uint64_t end)
{
    READ(pipeline);
    WHOLE_EXCITATION;
    size_t sample = (size_t)p.channels * p.row_length;
    for (uint64_t u = first; u < end; u++) {
        size_t begin = u * p.run, stop = begin + lesser(p.run, p.samples - begin);
        for (size_t n = begin; n <= stop; n++) {
            const float *x = task->x + p.x_at + n * sample;
            float *y = task->y + p.y_at + n * sample, *s = task->t + p.s_at + n * e.channel_pitch, *h = task->t + p.h_at + n * e.pitch,
                  *g = task->t + p.g_at + n * e.channel_pitch;
            for (size_t c = 0; c < p.channels; c += TURN) {
                size_t rows = lesser(TURN, p.channels - c), at = c * p.row_length;
                if (n < stop)
                    sum_rows(x + at, rows, p.row_length, s + c);
                if (n > begin)
                    scale_rows(x + at - sample, y + at - sample, rows, p.row_length, g + c - e.channel_pitch, p.residual, p.then, p.stream != 0);
            }
            if (n == stop)
                break;
            divide_all(s, p.channels, p.divisor);
            hidden_layer(&e, h, s, 1, 0, e.pitch);
            gate_layer(&e, g, h, 1, 0, e.channel_pitch);
        }
    }
    end_stream(p.stream);
}

static void copy(const exciton_host_task *task, uint64_t first, uint64_t end)
{
    READ(copy);
    for (uint64_t u = first; u < end;) {
        size_t i = u / p.width, j = u % p.width, count = lesser(end - u, p.width - j);
        memcpy(task->y + p.y_at + u, task->t + p.t_at + i * p.pitch + j, count * sizeof(float));
        u += count;
    }
}

/* ---- The floor's copies ------------------------------------------------------------------------------------------ */

/* Plain, or past the caches where this instruction set has such a store: `y` is aligned to a vector then. */
INLINE void store_past(float *y, vec v)
{
#if EXCITON_HOST_WIDTH == 16
    _mm512_stream_ps(y, (__m512)v);
#elif EXCITON_HOST_WIDTH == 8
    _mm256_stream_ps(y, (__m256)v);
#elif defined(__SSE__)
    _mm_stream_ps(y, (__m128)v);
#else
    store(y, v);
#endif
}

INLINE void copy_vectors(const float *x, float *y, size_t count, bool past)
{
    size_t i = 0;
    for (; i + 4 * WIDTH <= count; i += 4 * WIDTH) {
        vec v[4];
        UNROLL for (size_t j = 0; j < 4; j++)
            v[j] = load(x + i + j * WIDTH);
        UNROLL for (size_t j = 0; j < 4; j++) {
            if (past)
                store_past(y + i + j * WIDTH, v[j]);
            else
                store(y + i + j * WIDTH, v[j]);
        }
    }
    memcpy(y + i, x + i, (count - i) * sizeof *y);
}

/* Past the caches from the first whole vector of y on; the fence orders these stores before whatever tells that the share
 * is done. */
static void copy_past(const float *x, float *y, size_t count)
{
    size_t head = lesser(count, (0 - (uintptr_t)y / sizeof *y) % WIDTH);
    memcpy(y, x, head * sizeof *y);
    copy_vectors(x + head, y + head, count - head, true);
#if defined(__SSE__)
    _mm_sfence();
#endif
}

static void stream(const exciton_host_task *task, uint64_t first, uint64_t end)
{
    READ(stream);
    size_t from = first * p.unit_length, to = lesser(end * p.unit_length, p.length);
    const float *x = task->x + from;
    float *y = task->y + from;
    if (from >= to)
        return;
    if (p.stores == 2)
        memcpy(y, x, (to - from) * sizeof *y);
    else if (p.stores == 1)
        copy_past(x, y, to - from);
    else
        copy_vectors(x, y, to - from, false);
}

const exciton_host_set EXCITON_HOST_SET = {
    .name = EXCITON_HOST_NAME,
    .width = EXCITON_HOST_WIDTH,
    .routines = {
        [EXCITON_KERNEL_SQUEEZE] = squeeze,
        [EXCITON_KERNEL_HIDDEN] = hidden,
        [EXCITON_KERNEL_GATE] = gate,
        [EXCITON_KERNEL_SCALE] = scale,
        [EXCITON_KERNEL_SPLIT_SQUEEZE] = split_squeeze,
        [EXCITON_KERNEL_SPLIT_SCALE] = split_scale,
        [EXCITON_KERNEL_SAMPLE] = sample,
        [EXCITON_KERNEL_PIPELINE] = pipeline,
        [EXCITON_KERNEL_COPY] = copy,
        [EXCITON_KERNEL_STREAM] = stream,
    },
};
