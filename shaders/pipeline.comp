#version 450
// The whole block for a run of samples; a sample is scaled while the next is squeezed.
#extension GL_GOOGLE_include_directive : require
#ifdef TEXELS
#extension GL_ARB_gpu_shader_int64 : require
#endif
#include "scalar.h"
#include "constants.glsl"

#ifdef IN_PLACE
layout(std430, binding = 0) buffer X { float x[]; };
layout(std430, binding = 1) readonly buffer W { float w[]; };
layout(std430, binding = 2) buffer T { float t[]; };
#define T_SLOT 2
#else
layout(std430, binding = 0) readonly buffer X { float x[]; };
layout(std430, binding = 1) writeonly buffer Y { float y[]; };
layout(std430, binding = 2) readonly buffer W { float w[]; };
layout(std430, binding = 3) buffer T { float t[]; };
#define T_SLOT 3
#endif
layout(push_constant) uniform Params {
    uint x_at, y_at;
    uint samples, run, channels, hidden, block, row_length;
    uint s_at, h_at, g_at;
    float divisor;
    uint activation, gate;
    float slope, offset;
    uint residual, then, stream;
};

#define SCALES
#include "rows.glsl"
#include "excite.glsl"
#include "gates.glsl"

uint y_from(uint at)
{
#ifdef IN_PLACE
    return x_at + at;
#else
    return y_at + at;
#endif
}

// Sample n is squeezed if squeezes, and sample n - 1 scaled if scales; h and g of sample n follow.
#ifdef ROWS
void run_turn(uint n, bool squeezes, bool scales)
{
    uint s = s_at + n * pitch_of(channels);
    uint g = g_at + n * pitch_of(channels);
    uint h = h_at + n * pitch_of(hidden);
    uint whole = channels * row_length;
    for (uint c = 0u; c < channels; ++c) {
        uint at = n * whole + c * row_length;
        if (squeezes)
            t[s + c] = exciton_divide(row_sum(0.0, x_at + at, row_length), divisor);
        if (scales)
            scale_row(t[g - pitch_of(channels) + c], x_at + at - whole, y_from(at - whole), row_length, residual, then);
    }
    if (!squeezes)
        return;
    uint pitch = pitch_of(hidden);
    for (uint r = 0u; r < pitch; r += 8u) {
        Eight v = load_w(b1_at(channels, hidden) + r);
        for (uint c = 0u; c < channels; c += block)
            v = sum_of(v, add_columns(nothing(), c * pitch + r, pitch, s + c, min(block, channels - c)));
        store_t(h + r, v);
    }
    for (uint r = 0u; r < pitch; ++r)
        t[h + r] = exciton_activate(activation, t[h + r]);
    gate_sums(h, g, 0u, channels);
    for (uint c = 0u; c < channels; ++c)
        t[g + c] = gated(t[g + c]);
}
#elif defined(TEXELS)
// Work-group memory: s [C'], g of the sample before [C'], h [R'].
void run_turn(uint n, bool squeezes, bool scales)
{
    uint pitch = pitch_of(channels);
    uint whole = channels * row_length;
    for (uint c = gl_LocalInvocationIndex * 4u; c < channels; c += GROUP * 4u) {
        uint at = n * whole + c * row_length, rows = min(4u, channels - c);
        if (squeezes) {
            vec4 means = four_means(x_at + at, rows, row_length, divisor);
            store[c >> 2] = means;
            t_fours[(s_at + n * pitch + c) >> 2] = means;
        }
        if (scales)
            scale_rows(store[(pitch + c) >> 2], row_length, x_at + at - whole, y_from(at - whole), rows * row_length, residual, then);
    }
    barrier();
    for (uint r = gl_LocalInvocationIndex * 8u; squeezes && r < pitch_of(hidden); r += GROUP * 8u) {
        Eight v = load_w(b1_at(channels, hidden) + r);
        for (uint c = 0u; c < channels; c += block)
            v = sum_of(v, add_columns(nothing(), c * pitch_of(hidden) + r, pitch_of(hidden), c, min(block, channels - c)));
        v = Eight(activated(v.low), activated(v.high));
        keep(2u * pitch + r, v);
        store_t(h_at + n * pitch_of(hidden) + r, v);
    }
    barrier();
    for (uint c = gl_LocalInvocationIndex * 8u; squeezes && c < channels; c += GROUP * 8u) {
        Eight v = add_columns(load_w(b2_at(channels, hidden) + c), w2_at(channels, hidden) + c, pitch, 2u * pitch, hidden);
        v = Eight(all_gated(v.low), all_gated(v.high));
        keep(pitch + c, v);
        store_t(g_at + n * pitch + c, v);
    }
    barrier(); // before the means of the next sample
}
#else
// The same.
void run_turn(uint n, bool squeezes, bool scales)
{
    uint pitch = pitch_of(channels);
    uint whole = channels * row_length;
    for (uint first = 0u; first < channels; first += SIDES) {
        uint c = first + side();
        uint at = n * whole + c * row_length;
        if (squeezes) {
            float total = row_sum(0.0, x_at + at, c < channels ? row_length : 0u, row_length);
            if (c < channels && lane() == 0u) {
                store[c] = exciton_divide(total, divisor);
                t[s_at + n * pitch + c] = store[c];
            }
        }
        if (scales && c < channels)
            scale_row(store[pitch + c], x_at + at - whole, y_from(at - whole), row_length, residual, then);
    }
    barrier();
    for (uint r = gl_LocalInvocationIndex; squeezes && r < pitch_of(hidden); r += GROUP) {
        store[2u * pitch + r] = exciton_activate(activation, hidden_sum(r, 0u));
        t[h_at + n * pitch_of(hidden) + r] = store[2u * pitch + r];
    }
    barrier();
    for (uint c = gl_LocalInvocationIndex; squeezes && c < channels; c += GROUP) {
        store[pitch + c] = gated(gate_sum(c, 2u * pitch));
        t[g_at + n * pitch + c] = store[pitch + c];
    }
    barrier(); // before the means of the next sample
}
#endif

void main()
{
    uint units = samples / run + (samples % run != 0u ? 1u : 0u);
#ifdef ROWS
    for (uint u = gl_GlobalInvocationID.x; u < units; u += gl_NumWorkGroups.x * GROUP) {
#else
    for (uint u = gl_WorkGroupID.x; u < units; u += gl_NumWorkGroups.x) {
#endif
        uint first = u * run;
        uint end = first + min(run, samples - first);
        for (uint n = first; n <= end; ++n)
            run_turn(n, n < end, n > first);
    }
}
