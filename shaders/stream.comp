#version 450
// x to y, bits as they are; what the floor is measured with. Form rows: an invocation copies a unit from end to end. Form
// lanes: a group copies a unit, neighbours take neighbouring fours.
#extension GL_GOOGLE_include_directive : require
#include "constants.glsl"

#ifdef ROWS
layout(std430, binding = 0) readonly buffer X { uint x[]; };
layout(std430, binding = 1) writeonly buffer Y { uint y[]; };
#else
layout(std430, binding = 0) readonly buffer X { uvec4 x[]; };
layout(std430, binding = 1) writeonly buffer Y { uvec4 y[]; };
#endif
layout(push_constant) uniform Params {
    uint units, unit_length, length, stores;
};

#ifdef ROWS

#define FOUR(i) uvec4(x[i], x[(i) + 1u], x[(i) + 2u], x[(i) + 3u])

void put_four(uint i, uvec4 v)
{
    y[i] = v.x;
    y[i + 1u] = v.y;
    y[i + 2u] = v.z;
    y[i + 3u] = v.w;
}

void copy_unit(uint at, uint count)
{
    uint i = 0u;
    for (; i + 16u <= count; i += 16u) {
        uvec4 a = FOUR(at + i), b = FOUR(at + i + 4u), c = FOUR(at + i + 8u), d = FOUR(at + i + 12u);
        put_four(at + i, a);
        put_four(at + i + 4u, b);
        put_four(at + i + 8u, c);
        put_four(at + i + 12u, d);
    }
    for (; i < count; ++i)
        y[at + i] = x[at + i];
}

void main()
{
    for (uint u = gl_GlobalInvocationID.x; u < units; u += gl_NumWorkGroups.x * GROUP) {
        uint at = u * unit_length;
        copy_unit(at, min(unit_length, length - at));
    }
}

#else

void main()
{
    for (uint u = gl_WorkGroupID.x; u < units; u += gl_NumWorkGroups.x) {
        uint at = u * unit_length;
        uint count = min(unit_length, length - at), first = at / 4u;
        for (uint i = gl_LocalInvocationIndex; i < count / 4u; i += GROUP)
            y[first + i] = x[first + i];
        for (uint i = count / 4u * 4u + gl_LocalInvocationIndex; i < count; i += GROUP)
            y[first + i / 4u][i % 4u] = x[first + i / 4u][i % 4u];
    }
}

#endif
