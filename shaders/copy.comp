#version 450
// Saved outputs out of the scratch.
#extension GL_GOOGLE_include_directive : require
#include "constants.glsl"

layout(std430, binding = 0) readonly buffer T { float t[]; };
layout(std430, binding = 1) writeonly buffer Y { float y[]; };
layout(push_constant) uniform Params {
    uint t_at, y_at, rows, width, pitch;
};

void main()
{
    for (uint u = gl_GlobalInvocationID.x; u < rows * width; u += gl_NumWorkGroups.x * GROUP)
        y[y_at + u] = t[t_at + u / width * pitch + u % width];
}
