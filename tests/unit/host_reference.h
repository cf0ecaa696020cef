/* The catalogue's kernels once more, unit by unit and scalar: what the host's routines are compared with. Written from
 * src/base/catalogue.h; shares only scalar.h and the params' structures with them. */
#ifndef EXCITON_TESTS_HOST_REFERENCE_H
#define EXCITON_TESTS_HOST_REFERENCE_H

#include "backends/host/host.h"
#include "backends/host/params.h"

#include "scalar.h"

static float row_sum(const float *x, size_t length, float total)
{
    for (size_t begin = 0; begin < length; begin += EXCITON_CHUNK) {
        float lane[EXCITON_LANES] = {0};
        for (size_t i = 0; i < EXCITON_CHUNK && begin + i < length; i++)
            lane[i % EXCITON_LANES] += x[begin + i];
        for (size_t half = EXCITON_LANES / 2; half >= 1; half /= 2)
            for (size_t l = 0; l < half; l++)
                lane[l] += lane[l + half];
        total += lane[0];
    }
    return total;
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

#define PARAMS(type) exciton_host_##type p; memcpy(&p, task->params, sizeof p)

static void reference_squeeze(const exciton_host_task *task)
{
    PARAMS(squeeze);
    for (size_t u = 0; u < p.units; u++) {
        size_t row = u / p.units_per_row, begin = u % p.units_per_row * p.unit_length;
        float *out = task->t + p.t_at + u / p.out_width * p.out_pitch + u % p.out_width;
        float sum = row_sum(task->x + p.x_at + row * p.row_length + begin, smaller(p.unit_length, p.row_length - begin),
                            p.carry ? *out : 0.0f);
        *out = p.divide ? exciton_divide(sum, p.divisor) : sum;
    }
}

static float reference_hidden_one(const float *w, const float *s, size_t channels, size_t hidden, size_t block, size_t r,
                                  uint32_t activation)
{
    size_t pitch = exciton_host_pitch((uint32_t)hidden);
    float sum = w[channels * pitch + r];
    for (size_t c0 = 0; c0 < channels; c0 += block) {
        float part = 0.0f;
        for (size_t c = c0; c < c0 + block && c < channels; c++)
            part += w[c * pitch + r] * s[c];
        sum += part;
    }
    return exciton_activate(activation, sum);
}

static float reference_gate_one(const float *w, const float *h, size_t channels, size_t hidden, size_t c, uint32_t kind,
                                float slope, float offset)
{
    size_t pitch = exciton_host_pitch((uint32_t)hidden), channel_pitch = exciton_host_pitch((uint32_t)channels);
    const float *w2 = w + channels * pitch + pitch;
    float sum = w2[hidden * channel_pitch + c];
    for (size_t r = 0; r < hidden; r++)
        sum += w2[r * channel_pitch + c] * h[r];
    return exciton_apply_gate(kind, slope, offset, sum);
}

static void reference_hidden(const exciton_host_task *task)
{
    PARAMS(hidden);
    size_t pitch = exciton_host_pitch(p.hidden), channel_pitch = exciton_host_pitch(p.channels);
    for (size_t n = 0; n < p.samples; n++)
        for (size_t r = 0; r < pitch; r++)
            task->t[p.h_at + n * pitch + r] = reference_hidden_one(task->w, task->t + p.s_at + n * channel_pitch, p.channels,
                                                                   p.hidden, p.block, r, p.activation);
}

static void reference_gate(const exciton_host_task *task)
{
    PARAMS(gate);
    size_t pitch = exciton_host_pitch(p.hidden), channel_pitch = exciton_host_pitch(p.channels);
    for (size_t n = 0; n < p.samples; n++)
        for (size_t c = 0; c < channel_pitch; c++)
            task->t[p.g_at + n * channel_pitch + c] =
                reference_gate_one(task->w, task->t + p.h_at + n * pitch, p.channels, p.hidden, c, p.gate, p.slope, p.offset);
}

static void reference_scale(const exciton_host_task *task)
{
    PARAMS(scale);
    size_t channel_pitch = exciton_host_pitch(p.channels);
    for (size_t u = 0; u < p.units; u++) {
        size_t row = u / p.units_per_row, begin = u % p.units_per_row * p.unit_length, i = p.first_row + row;
        float g = task->t[p.g_at + i / p.channels * channel_pitch + i % p.channels];
        for (size_t e = begin; e < smaller(begin + p.unit_length, p.row_length); e++)
            task->y[p.y_at + row * p.row_length + e] =
                exciton_apply_output(p.residual, p.then, g, task->x[p.x_at + row * p.row_length + e]);
    }
}

static void reference_split_squeeze(const exciton_host_task *task)
{
    PARAMS(split_squeeze);
    size_t blocks = (p.channels + p.block - 1) / p.block, pitch = exciton_host_pitch(p.hidden),
           channel_pitch = exciton_host_pitch(p.channels);
    size_t first_row = p.first_unit / blocks * p.channels + p.first_unit % blocks * p.block;
    for (size_t unit = p.first_unit; unit < (size_t)p.first_unit + p.units; unit++) {
        size_t n = unit / blocks, c0 = unit % blocks * p.block, end = smaller(c0 + p.block, p.channels);
        float *s = task->t + p.s_at + n * channel_pitch;
        for (size_t c = c0; c < end; c++)
            s[c] = exciton_divide(row_sum(task->x + p.x_at + (n * p.channels + c - first_row) * p.row_length, p.row_length, 0.0f),
                                  p.divisor);
        for (size_t r = 0; r < pitch; r++) {
            float part = 0.0f;
            for (size_t c = c0; c < end; c++)
                part += task->w[c * pitch + r] * s[c];
            task->t[p.parts_at + unit * pitch + r] = part;
        }
    }
}

static void reference_split_scale(const exciton_host_task *task)
{
    PARAMS(split_scale);
    size_t blocks = (p.channels + p.block - 1) / p.block, pitch = exciton_host_pitch(p.hidden),
           channel_pitch = exciton_host_pitch(p.channels);
    size_t first_row = p.first_unit / blocks * p.channels + p.first_unit % blocks * p.block;
    for (size_t unit = p.first_unit; unit < (size_t)p.first_unit + p.units; unit++) {
        size_t n = unit / blocks, c0 = unit % blocks * p.block;
        float *h = task->t + p.h_at + unit * pitch;
        for (size_t r = 0; r < pitch; r++) {
            float sum = task->w[p.channels * pitch + r];
            for (size_t b = 0; b < blocks; b++)
                sum += task->t[p.parts_at + (n * blocks + b) * pitch + r];
            h[r] = exciton_activate(p.activation, sum);
        }
        for (size_t c = c0; c < smaller(c0 + p.block, p.channels); c++) {
            float g = reference_gate_one(task->w, h, p.channels, p.hidden, c, p.gate, p.slope, p.offset);
            task->t[p.g_at + n * channel_pitch + c] = g;
            for (size_t e = 0; e < p.row_length; e++) {
                size_t at = (n * p.channels + c - first_row) * p.row_length + e;
                task->y[p.y_at + at] = exciton_apply_output(p.residual, p.then, g, task->x[p.x_at + at]);
            }
        }
    }
}

static void reference_sample(const exciton_host_task *task)
{
    PARAMS(sample);
    size_t pitch = exciton_host_pitch(p.hidden), channel_pitch = exciton_host_pitch(p.channels);
    size_t each = (channel_pitch / 8 + p.shares - 1) / p.shares * 8;
    for (size_t u = 0; u < (size_t)p.samples * p.shares; u++) {
        size_t n = u / p.shares, begin = u % p.shares * each;
        float *s = task->t + p.s_at + u * channel_pitch, *h = task->t + p.h_at + u * pitch,
              *g = task->t + p.g_at + n * channel_pitch;
        size_t from = n * p.channels * p.row_length;
        if (begin >= p.channels)
            continue;
        for (size_t c = 0; c < p.channels; c++)
            s[c] = exciton_divide(row_sum(task->x + p.x_at + from + c * p.row_length, p.row_length, 0.0f), p.divisor);
        for (size_t r = 0; r < pitch; r++)
            h[r] = reference_hidden_one(task->w, s, p.channels, p.hidden, p.block, r, p.activation);
        for (size_t c = begin; c < smaller(begin + each, p.channels); c++) {
            g[c] = reference_gate_one(task->w, h, p.channels, p.hidden, c, p.gate, p.slope, p.offset);
            for (size_t e = from + c * p.row_length; e < from + (c + 1) * p.row_length; e++)
                task->y[p.y_at + e] = exciton_apply_output(p.residual, p.then, g[c], task->x[p.x_at + e]);
        }
    }
}

/* Which samples a unit takes changes nothing. */
static void reference_pipeline(const exciton_host_task *task)
{
    PARAMS(pipeline);
    exciton_host_sample q = {.x_at = p.x_at, .y_at = p.y_at, .samples = p.samples, .shares = 1, .channels = p.channels, .hidden = p.hidden,
                             .block = p.block, .row_length = p.row_length, .s_at = p.s_at, .h_at = p.h_at, .g_at = p.g_at,
                             .divisor = p.divisor, .activation = p.activation, .gate = p.gate, .slope = p.slope, .offset = p.offset,
                             .residual = p.residual, .then = p.then};
    exciton_host_task samples = *task;
    memcpy(samples.params, &q, sizeof q);
    reference_sample(&samples);
}

static void reference_copy(const exciton_host_task *task)
{
    PARAMS(copy);
    for (size_t i = 0; i < p.rows; i++)
        for (size_t j = 0; j < p.width; j++)
            task->y[p.y_at + i * p.width + j] = task->t[p.t_at + i * p.pitch + j];
}

static void reference_stream(const exciton_host_task *task)
{
    PARAMS(stream);
    for (size_t u = 0; u < p.units; u++)
        for (size_t i = u * p.unit_length; i < (u + 1) * p.unit_length && i < p.length; i++)
            task->y[i] = task->x[i];
}

static void (*const reference[EXCITON_KERNEL_COUNT])(const exciton_host_task *task) = {
    [EXCITON_KERNEL_SQUEEZE] = reference_squeeze,
    [EXCITON_KERNEL_HIDDEN] = reference_hidden,
    [EXCITON_KERNEL_GATE] = reference_gate,
    [EXCITON_KERNEL_SCALE] = reference_scale,
    [EXCITON_KERNEL_SPLIT_SQUEEZE] = reference_split_squeeze,
    [EXCITON_KERNEL_SPLIT_SCALE] = reference_split_scale,
    [EXCITON_KERNEL_SAMPLE] = reference_sample,
    [EXCITON_KERNEL_PIPELINE] = reference_pipeline,
    [EXCITON_KERNEL_COPY] = reference_copy,
    [EXCITON_KERNEL_STREAM] = reference_stream,
};

#endif
