#version 450
// First half of split-excite: the means of a block of channels, and the block's part of W1 s.
#extension GL_GOOGLE_include_directive : require
#ifdef TEXELS
#extension GL_ARB_gpu_shader_int64 : require
#endif
#include "scalar.h"
#include "constants.glsl"

layout(std430, binding = 0) readonly buffer X { float x[]; };
layout(std430, binding = 1) readonly buffer W { float w[]; };
layout(std430, binding = 2) buffer T { float t[]; };
layout(push_constant) uniform Params {
    uint x_at;
    uint first_unit, units, channels, hidden, block, row_length;
    uint s_at, parts_at;
    float divisor;
};

#define T_SLOT 2
#include "rows.glsl"
#include "excite.glsl"

#ifdef ROWS
// `count` channels from c0, rows from x[at]; means to t[s], the part to t[part].
void run_unit(uint c0, uint count, uint at, uint s, uint part)
{
    uint pitch = pitch_of(hidden);
    for (uint c = 0u; c < count; ++c)
        t[s + c] = exciton_divide(row_sum(0.0, at + c * row_length, row_length), divisor);
    for (uint r = 0u; r < pitch; r += 8u)
        store_t(part + r, add_columns(nothing(), c0 * pitch + r, pitch, s, count));
}
#elif defined(TEXELS)
// The same for several blocks, `count` channels in all.
void run_blocks(uint c0, uint count, uint at, uint s, uint part)
{
    uint pitch = pitch_of(hidden);
    uint eights = pitch / 8u;
    for (uint c = gl_LocalInvocationIndex * 4u; c < count; c += GROUP * 4u) {
        vec4 means = four_means(at + c * row_length, min(4u, count - c), row_length, divisor);
        store[c >> 2] = means;
        t_fours[(s + c) >> 2] = means;
    }
    barrier();
    for (uint i = gl_LocalInvocationIndex; i < (count + block - 1u) / block * eights; i += GROUP) {
        uint c = i / eights * block;
        uint r = i % eights * 8u;
        store_t(part + i * 8u, add_columns(nothing(), (c0 + c) * pitch + r, pitch, c, min(block, count - c)));
    }
    barrier(); // before the means of the next
}
#else
void run_unit(uint c0, uint count, uint at, uint s, uint part)
{
    uint pitch = pitch_of(hidden);
    for (uint first = 0u; first < count; first += SIDES) {
        uint c = first + side();
        float total = row_sum(0.0, at + c * row_length, c < count ? row_length : 0u, row_length);
        if (c < count && lane() == 0u) {
            store[c] = exciton_divide(total, divisor);
            t[s + c] = store[c];
        }
    }
    barrier();
    for (uint r = gl_LocalInvocationIndex; r < pitch; r += GROUP)
        t[part + r] = add_column(0.0, c0 * pitch + r, pitch, 0u, count);
    barrier(); // before the means of the next unit
}
#endif

void main()
{
    uint blocks = blocks_of(channels);
    uint first_row = first_unit / blocks * channels + first_unit % blocks * block;
#ifdef TEXELS
    uint room = LOCAL / block;
    for (uint i = first_of(units), take; i < end_of(units); i += take) {
        take = min(min(room, end_of(units) - i), blocks - (first_unit + i) % blocks);
#elif defined(ROWS)
    for (uint i = gl_GlobalInvocationID.x; i < units; i += gl_NumWorkGroups.x * GROUP) {
#else
    for (uint i = gl_WorkGroupID.x; i < units; i += gl_NumWorkGroups.x) {
#endif
        uint u = first_unit + i;
        uint n = u / blocks;
        uint c0 = u % blocks * block;
        uint at = x_at + (n * channels + c0 - first_row) * row_length;
#ifdef TEXELS
        run_blocks(c0, min(take * block, channels - c0), at, s_at + n * pitch_of(channels) + c0, parts_at + u * pitch_of(hidden));
#else
        run_unit(c0, min(block, channels - c0), at, s_at + n * pitch_of(channels) + c0, parts_at + u * pitch_of(hidden));
#endif
    }
}
