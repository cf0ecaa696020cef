#version 450
// Row sums or means.
#extension GL_GOOGLE_include_directive : require
#ifdef TEXELS
#extension GL_ARB_gpu_shader_int64 : require
#endif
#include "scalar.h"
#include "constants.glsl"

layout(std430, binding = 0) readonly buffer X { float x[]; };
layout(std430, binding = 1) buffer T { float t[]; };
layout(push_constant) uniform Params {
    uint x_at, t_at;
    uint units, units_per_row, row_length, unit_length;
    uint out_width, out_pitch, carry, divide;
    float divisor;
};

#include "rows.glsl"

uint out_at(uint u)
{
    return t_at + u / out_width * out_pitch + u % out_width;
}

uint begin_of(uint u)
{
    return x_at + u / units_per_row * row_length + u % units_per_row * unit_length;
}

uint count_of(uint u)
{
    return min(unit_length, row_length - u % units_per_row * unit_length);
}

void store(uint u, float total)
{
    t[out_at(u)] = divide != 0u ? exciton_divide(total, divisor) : total;
}

#ifdef ROWS
void main()
{
    for (uint u = gl_GlobalInvocationID.x; u < units; u += gl_NumWorkGroups.x * GROUP) {
        float total = 0.0;
        if (carry != 0u)
            total = t[out_at(u)];
        store(u, row_sum(total, begin_of(u), count_of(u)));
    }
}
#else
void main()
{
    for (uint first = gl_WorkGroupID.x * SIDES; first < units; first += gl_NumWorkGroups.x * SIDES) {
        uint u = first + side();
        bool live = u < units;
        bool mine = live && lane() == 0u;
        float total = 0.0;
        if (mine && carry != 0u)
            total = t[out_at(u)];
        total = row_sum(total, live ? begin_of(u) : 0u, live ? count_of(u) : 0u, unit_length);
        if (mine)
            store(u, total);
    }
}
#endif
