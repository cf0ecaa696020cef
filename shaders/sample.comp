#version 450
// The whole block for a share of a sample: squeeze, excite, scale.
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
    uint samples, shares, together /* one sample at a time here */, channels, hidden, block, row_length;
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

// s, h and g to t[s], t[h], t[g]; rows from x[from]. Channels from `begin` to end - 1 are scaled.
#ifdef ROWS
void run_sample(uint s, uint h, uint g, uint begin, uint end, uint from, uint to)
{
    uint pitch = pitch_of(hidden);
    for (uint c = 0u; c < channels; ++c)
        t[s + c] = exciton_divide(row_sum(0.0, from + c * row_length, row_length), divisor);
    for (uint r = 0u; r < pitch; r += 8u) {
        Eight v = load_w(b1_at(channels, hidden) + r);
        for (uint c = 0u; c < channels; c += block)
            v = sum_of(v, add_columns(nothing(), c * pitch + r, pitch, s + c, min(block, channels - c)));
        store_t(h + r, v);
    }
    for (uint r = 0u; r < pitch; ++r)
        t[h + r] = exciton_activate(activation, t[h + r]);
    gate_sums(h, g + begin, begin, end - begin);
    for (uint c = begin; c < end; ++c) {
        float v = gated(t[g + c]);
        t[g + c] = v;
        scale_row(v, from + c * row_length, to + c * row_length, row_length, residual, then);
    }
}
#elif defined(TEXELS)
// Work-group memory: s [C'], where g follows, then h [R'].
void run_sample(uint s, uint h, uint g, uint begin, uint end, uint from, uint to)
{
    uint pitch = pitch_of(channels);
    for (uint c = gl_LocalInvocationIndex * 4u; c < channels; c += GROUP * 4u) {
        vec4 means = four_means(from + c * row_length, min(4u, channels - c), row_length, divisor);
        store[c >> 2] = means;
        t_fours[(s + c) >> 2] = means;
    }
    barrier();
    for (uint r = gl_LocalInvocationIndex * 8u; r < pitch_of(hidden); r += GROUP * 8u) {
        Eight v = load_w(b1_at(channels, hidden) + r);
        for (uint c = 0u; c < channels; c += block)
            v = sum_of(v, add_columns(nothing(), c * pitch_of(hidden) + r, pitch_of(hidden), c, min(block, channels - c)));
        v = Eight(activated(v.low), activated(v.high));
        keep(pitch + r, v);
        store_t(h + r, v);
    }
    barrier();
    for (uint c = begin + gl_LocalInvocationIndex * 8u; c < end; c += GROUP * 8u) {
        Eight v = add_columns(load_w(b2_at(channels, hidden) + c), w2_at(channels, hidden) + c, pitch, pitch, hidden);
        v = Eight(all_gated(v.low), all_gated(v.high));
        keep(c, v);
        store_t(g + c, v);
    }
    barrier();
    for (uint c = begin + gl_LocalInvocationIndex * 4u; c < end; c += GROUP * 4u)
        scale_rows(store[c >> 2], row_length, from + c * row_length, to + c * row_length, min(4u, end - c) * row_length, residual, then);
    barrier(); // before the means of the next sample
}
#else
// The same.
void run_sample(uint s, uint h, uint g, uint begin, uint end, uint from, uint to)
{
    uint pitch = pitch_of(channels);
    for (uint first = 0u; first < channels; first += SIDES) {
        uint c = first + side();
        float total = row_sum(0.0, from + c * row_length, c < channels ? row_length : 0u, row_length);
        if (c < channels && lane() == 0u) {
            store[c] = exciton_divide(total, divisor);
            t[s + c] = store[c];
        }
    }
    barrier();
    for (uint r = gl_LocalInvocationIndex; r < pitch_of(hidden); r += GROUP) {
        store[pitch + r] = exciton_activate(activation, hidden_sum(r, 0u));
        t[h + r] = store[pitch + r];
    }
    barrier();
    for (uint c = begin + gl_LocalInvocationIndex; c < end; c += GROUP) {
        store[c] = gated(gate_sum(c, pitch));
        t[g + c] = store[c];
    }
    barrier();
    for (uint c = begin + side(); c < end; c += SIDES)
        scale_row(store[c], from + c * row_length, to + c * row_length, row_length, residual, then);
    barrier(); // before the means of the next sample, though chunk_sum has one, too
}
#endif

void main()
{
    uint each = (pitch_of(channels) / 8u + shares - 1u) / shares * 8u;
#ifdef ROWS
    for (uint u = gl_GlobalInvocationID.x; u < samples * shares; u += gl_NumWorkGroups.x * GROUP) {
#else
    for (uint u = gl_WorkGroupID.x; u < samples * shares; u += gl_NumWorkGroups.x) {
#endif
        uint n = u / shares;
        uint begin = u % shares * each;
        uint at = n * channels * row_length;
#ifdef IN_PLACE
        uint to = x_at + at;
#else
        uint to = y_at + at;
#endif
        if (begin < channels)
            run_sample(s_at + u * pitch_of(channels), h_at + u * pitch_of(hidden), g_at + n * pitch_of(channels), begin,
                       min(begin + each, channels), x_at + at, to);
    }
}
