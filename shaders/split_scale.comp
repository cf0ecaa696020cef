#version 450
// Second half of split-excite: h from the parts in block order, the gates of the block's channels, y.
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
    uint first_unit, units, channels, hidden, block, row_length;
    uint parts_at, h_at, g_at;
    uint activation, gate;
    float slope, offset;
    uint residual, then, stream;
};

#define SCALES
#include "rows.glsl"
#include "excite.glsl"
#include "gates.glsl"

// Of sample n, block b: h to t[h], the gates to t[g], rows from x[from].
#ifdef ROWS
void run_unit(uint n, uint b, uint h, uint g, uint from, uint to)
{
    uint pitch = pitch_of(hidden);
    uint blocks = blocks_of(channels);
    uint count = min(block, channels - b * block);
    for (uint r = 0u; r < pitch; r += 8u) {
        Eight v = load_w(b1_at(channels, hidden) + r);
        for (uint part = 0u; part < blocks; ++part)
            v = sum_of(v, load_t(parts_at + (n * blocks + part) * pitch + r));
        store_t(h + r, v);
    }
    for (uint r = 0u; r < pitch; ++r)
        t[h + r] = exciton_activate(activation, t[h + r]);
    gate_sums(h, g, b * block, count);
    for (uint c = 0u; c < count; ++c) {
        float v = gated(t[g + c]);
        t[g + c] = v;
        scale_row(v, from + c * row_length, to + c * row_length, row_length, residual, then);
    }
}
#elif defined(TEXELS)
// Of sample n, block b and those after it, `count` channels. Work-group memory: h [R'], then the g.
void run_blocks(uint n, uint b, uint count, uint h, uint g, uint from, uint to)
{
    uint pitch = pitch_of(hidden);
    uint blocks = blocks_of(channels);
    for (uint r = gl_LocalInvocationIndex * 8u; r < pitch; r += GROUP * 8u) {
        Eight v = load_w(b1_at(channels, hidden) + r);
        for (uint part = 0u; part < blocks; ++part)
            v = sum_of(v, load_t(parts_at + (n * blocks + part) * pitch + r));
        v = Eight(activated(v.low), activated(v.high));
        keep(r, v);
        if (b == 0u)
            store_t(h + r, v);
    }
    barrier();
    uint c0 = b * block;
    for (uint c = gl_LocalInvocationIndex * 8u; c < count; c += GROUP * 8u) {
        Eight v = add_columns(load_w(b2_at(channels, hidden) + c0 + c), w2_at(channels, hidden) + c0 + c, pitch_of(channels), 0u, hidden);
        v = Eight(all_gated(v.low), all_gated(v.high));
        keep(pitch + c, v);
        store_t(g + c, v);
    }
    barrier();
    for (uint c = gl_LocalInvocationIndex * 4u; c < count; c += GROUP * 4u)
        scale_rows(store[(pitch + c) >> 2], row_length, from + c * row_length, to + c * row_length, min(4u, count - c) * row_length, residual, then);
    barrier(); // before the h of the next
}
#else
#define LOAD_PART(n) a[n] = t[at + (k + n) * pitch];
#define ADD_PART(n) v += a[n];

// v + t[at] + t[at + pitch] + ..., from left to right.
float add_parts(float v, uint at, uint pitch, uint count)
{
    uint k = 0u;
    for (; k + BATCH <= count; k += BATCH) {
        float a[BATCH];
        EACH_OF_BATCH(LOAD_PART)
        EACH_OF_BATCH(ADD_PART)
    }
    for (; k < count; ++k)
        v += t[at + k * pitch];
    return v;
}

// Work-group memory: h [R'], then the block's g.
void run_unit(uint n, uint b, uint h, uint g, uint from, uint to)
{
    uint pitch = pitch_of(hidden);
    uint blocks = blocks_of(channels);
    uint count = min(block, channels - b * block);
    for (uint r = gl_LocalInvocationIndex; r < pitch; r += GROUP) {
        float v = w[b1_at(channels, hidden) + r];
        store[r] = exciton_activate(activation, add_parts(v, parts_at + n * blocks * pitch + r, pitch, blocks));
        if (b == 0u)
            t[h + r] = store[r];
    }
    barrier();
    for (uint c = gl_LocalInvocationIndex; c < count; c += GROUP) {
        store[pitch + c] = gated(gate_sum(b * block + c, 0u));
        t[g + c] = store[pitch + c];
    }
    barrier();
    for (uint c = side(); c < count; c += SIDES)
        scale_row(store[pitch + c], from + c * row_length, to + c * row_length, row_length, residual, then);
    barrier(); // before the h of the next unit
}
#endif

void main()
{
    uint blocks = blocks_of(channels);
    uint first_row = first_unit / blocks * channels + first_unit % blocks * block;
#ifdef TEXELS
    uint room = (LOCAL - pitch_of(hidden)) / block;
    for (uint i = first_of(units), take; i < end_of(units); i += take) {
        take = min(min(room, end_of(units) - i), blocks - (first_unit + i) % blocks);
#elif defined(ROWS)
    for (uint i = gl_GlobalInvocationID.x; i < units; i += gl_NumWorkGroups.x * GROUP) {
#else
    for (uint i = gl_WorkGroupID.x; i < units; i += gl_NumWorkGroups.x) {
#endif
        uint u = first_unit + i;
        uint n = u / blocks;
        uint b = u % blocks;
        uint at = (n * channels + b * block - first_row) * row_length;
#ifdef IN_PLACE
        uint to = x_at + at;
#else
        uint to = y_at + at;
#endif
#ifdef TEXELS
        run_blocks(n, b, min(take * block, channels - b * block), h_at + u * pitch_of(hidden), g_at + n * pitch_of(channels) + b * block, x_at + at, to);
#else
        run_unit(n, b, h_at + u * pitch_of(hidden), g_at + n * pitch_of(channels) + b * block, x_at + at, to);
#endif
    }
}
