#version 450
// y = output(g, x), the gates read from the scratch.
#extension GL_GOOGLE_include_directive : require
#ifdef TEXELS
#extension GL_ARB_gpu_shader_int64 : require
#endif
#include "scalar.h"
#include "constants.glsl"

#ifdef IN_PLACE
layout(std430, binding = 0) buffer X { float x[]; };
layout(std430, binding = 1) readonly buffer T { float t[]; };
#else
layout(std430, binding = 0) readonly buffer X { float x[]; };
layout(std430, binding = 1) writeonly buffer Y { float y[]; };
layout(std430, binding = 2) readonly buffer T { float t[]; };
#endif
layout(push_constant) uniform Params {
    uint x_at, y_at;
    uint units, units_per_row, row_length, unit_length;
    uint first_row, channels, g_at;
    uint residual, then, stream;
};

#define SCALES
#include "rows.glsl"

void scale_unit(uint u)
{
    uint row = u / units_per_row;
    uint begin = u % units_per_row * unit_length;
    uint at = row * row_length + begin;
    uint c = first_row + row;
    float g = t[g_at + c / channels * pitch_of(channels) + c % channels];
#ifdef IN_PLACE
    uint to = x_at + at;
#else
    uint to = y_at + at;
#endif
    scale_row(g, x_at + at, to, min(unit_length, row_length - begin), residual, then);
}

void main()
{
#ifdef ROWS
    for (uint u = gl_GlobalInvocationID.x; u < units; u += gl_NumWorkGroups.x * GROUP)
        scale_unit(u);
#else
    for (uint u = gl_WorkGroupID.x * SIDES + side(); u < units; u += gl_NumWorkGroups.x * SIDES)
        scale_unit(u);
#endif
}
