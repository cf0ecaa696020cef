#version 450
// The second layer and the gate: a work-item owns one g.
#extension GL_GOOGLE_include_directive : require
#include "scalar.h"
#include "constants.glsl"

layout(std430, binding = 0) readonly buffer W { float w[]; };
layout(std430, binding = 1) buffer T { float t[]; };
layout(push_constant) uniform Params {
    uint samples, channels, hidden;
    uint h_at, g_at, gate;
    float slope, offset;
};
const uint block = 8u; // the second layer has none

#include "excite.glsl"

void main()
{
    uint pitch = pitch_of(channels);
    for (uint u = gl_GlobalInvocationID.x; u < samples * pitch; u += gl_NumWorkGroups.x * GROUP)
        t[g_at + u] = exciton_apply_gate(gate, slope, offset, gate_sum(u % pitch, h_at + u / pitch * pitch_of(hidden)));
}
