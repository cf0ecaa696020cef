#version 450
// The first layer from the means: a work-item owns one h.
#extension GL_GOOGLE_include_directive : require
#include "scalar.h"
#include "constants.glsl"

layout(std430, binding = 0) readonly buffer W { float w[]; };
layout(std430, binding = 1) buffer T { float t[]; };
layout(push_constant) uniform Params {
    uint samples, channels, hidden, block;
    uint s_at, h_at, activation;
};

#include "excite.glsl"

void main()
{
    uint pitch = pitch_of(hidden);
    for (uint u = gl_GlobalInvocationID.x; u < samples * pitch; u += gl_NumWorkGroups.x * GROUP)
        t[h_at + u] = exciton_activate(activation, hidden_sum(u % pitch, s_at + u / pitch * pitch_of(channels)));
}
