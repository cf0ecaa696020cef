// The functions of the two layers on what was summed. Wants the params activation, gate, slope and offset.

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
