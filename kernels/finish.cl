/* finish: what is left of a layer whose product a library has put where h or g goes: h = activate(W1 s + b1),
 * g = gate(W2 h + b2), in place; a work-item an element. Arguments as of hidden and gate. */

#if !defined(FINISH_GATE)
__kernel void exciton_hidden_finish(SLOT_IN(w), SLOT(t), const uint samples, const uint channels, const uint hidden,
                                    const uint block, const uint s_at, const uint h_at, const uint activation)
{
    OPEN_IN(w);
    OPEN(t);
    (void)block, (void)s_at;
    const uint pitch = PITCH(hidden);
    __global const float *bias = w + BIAS1_AT(channels, hidden);
    EACH_ITEM(u, samples * pitch)
        t[h_at + u] = exciton_activate(activation, t[h_at + u] + bias[u % pitch]);
}
#endif

#if !defined(FINISH_HIDDEN)
__kernel void exciton_gate_finish(SLOT_IN(w), SLOT(t), const uint samples, const uint channels, const uint hidden,
                                  const uint h_at, const uint g_at, const uint gate, const uint slope, const uint offset)
{
    OPEN_IN(w);
    OPEN(t);
    (void)h_at;
    const uint pitch = PITCH(channels);
    __global const float *bias = w + BIAS2_AT(channels, hidden);
    EACH_ITEM(u, samples * pitch)
        t[g_at + u] = exciton_apply_gate(gate, as_float(slope), as_float(offset), t[g_at + u] + bias[u % pitch]);
}
#endif
