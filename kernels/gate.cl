/* gate: g = gate(b2 + W2 h); a work-item an element. */

__kernel void exciton_gate_rows(SLOT_IN(w), SLOT(t), const uint samples, const uint channels, const uint hidden,
                                const uint h_at, const uint g_at, const uint gate, const uint slope, const uint offset)
{
    OPEN_IN(w);
    OPEN(t);
    const uint pitch = PITCH(channels);
    EACH_ITEM(u, samples * pitch) {
        const uint c = u % pitch;
        __global const float *h = t + h_at + u / pitch * PITCH(hidden);
        __global const float *row = w + WEIGHT2_AT(channels, hidden) + c;
        float g = w[BIAS2_AT(channels, hidden) + c];
        for (uint r = 0; r < hidden; ++r, row += pitch)
            g += *row * h[r];
        t[g_at + u] = exciton_apply_gate(gate, as_float(slope), as_float(offset), g);
    }
}
