#version 450
// The whole block for a sample: squeeze, excite, scale.
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
#else
layout(std430, binding = 0) readonly buffer X { float x[]; };
layout(std430, binding = 1) writeonly buffer Y { float y[]; };
layout(std430, binding = 2) readonly buffer W { float w[]; };
layout(std430, binding = 3) buffer T { float t[]; };
#endif
layout(push_constant) uniform Params {
    uint x_at, y_at;
    uint samples, channels, hidden, block, row_length;
    uint s_at, h_at, g_at;
    float divisor;
    uint activation, gate;
    float slope, offset;
    uint residual, then;
};

#define SCALES
#include "rows.glsl"
#include "excite.glsl"

float gated(float v)
{
    return exciton_apply_gate(gate, slope, offset, v);
}

#ifdef TEXELS
vec4 activated(vec4 v)
{
    return vec4(exciton_activate(activation, v.x), exciton_activate(activation, v.y), exciton_activate(activation, v.z),
                exciton_activate(activation, v.w));
}

vec4 all_gated(vec4 v)
{
    return vec4(gated(v.x), gated(v.y), gated(v.z), gated(v.w));
}
#endif

// s, h and g to t[s], t[h], t[g]; rows from x[from].
#ifdef ROWS
void run_sample(uint s, uint h, uint g, uint from, uint to)
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
    gate_sums(h, g, 0u, channels);
    for (uint c = 0u; c < channels; ++c) {
        float v = gated(t[g + c]);
        t[g + c] = v;
        scale_row(v, from + c * row_length, to + c * row_length, row_length, residual, then);
    }
}
#else
// Work-group memory: s [C'], where g follows, then h [R'].
void run_sample(uint s, uint h, uint g, uint from, uint to)
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
#ifdef TEXELS
    for (uint r = gl_LocalInvocationIndex * 8u; r < pitch_of(hidden); r += GROUP * 8u) {
        Eight v = load_w(b1_at(channels, hidden) + r);
        for (uint c = 0u; c < channels; c += block)
            v = sum_of(v, add_columns(nothing(), c * pitch_of(hidden) + r, pitch_of(hidden), c, min(block, channels - c)));
        v = Eight(activated(v.low), activated(v.high));
        keep(pitch + r, v);
        store_t(h + r, v);
    }
    barrier();
    for (uint c = gl_LocalInvocationIndex * 8u; c < channels; c += GROUP * 8u) {
        Eight v = add_columns(load_w(b2_at(channels, hidden) + c), w2_at(channels, hidden) + c, pitch, pitch, hidden);
        v = Eight(all_gated(v.low), all_gated(v.high));
        keep(c, v);
        store_t(g + c, v);
    }
    barrier();
#else
    for (uint r = gl_LocalInvocationIndex; r < pitch_of(hidden); r += GROUP) {
        store[pitch + r] = exciton_activate(activation, hidden_sum(r, 0u));
        t[h + r] = store[pitch + r];
    }
    barrier();
    for (uint c = gl_LocalInvocationIndex; c < channels; c += GROUP) {
        store[c] = gated(gate_sum(c, pitch));
        t[g + c] = store[c];
    }
    barrier();
#endif
    for (uint c = side(); c < channels; c += SIDES)
        scale_row(store[c], from + c * row_length, to + c * row_length, row_length, residual, then);
    barrier(); // before the means of the next sample
}
#endif

void main()
{
#ifdef ROWS
    for (uint u = gl_GlobalInvocationID.x; u < samples; u += gl_NumWorkGroups.x * GROUP) {
#else
    for (uint u = gl_WorkGroupID.x; u < samples; u += gl_NumWorkGroups.x) {
#endif
        uint s = u * pitch_of(channels);
        uint at = u * channels * row_length;
#ifdef IN_PLACE
        uint to = x_at + at;
#else
        uint to = y_at + at;
#endif
        run_sample(s_at + s, h_at + u * pitch_of(hidden), g_at + s, x_at + at, to);
    }
}
