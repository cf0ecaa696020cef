/* gate: g = gate(b2 + W2 h); a work-item an element, or eight neighbours where it is a group of its own: a task then. */

__kernel void exciton_gate_rows(SLOT_IN(w), SLOT(t), const uint samples, const uint channels, const uint hidden,
                                const uint h_at, const uint g_at, const uint gate, const uint slope, const uint offset)
{
    OPEN_IN(w);
    OPEN(t);
    const uint pitch = PITCH(channels);
    __global const float *bias = w + BIAS2_AT(channels, hidden), *weight = w + WEIGHT2_AT(channels, hidden);
    if (get_local_size(0) == 1u) {
        NEIGHBOURS(first, end, samples * pitch / 8u);
        for (uint u = first; u < end; ++u) {
            const uint n = u / (pitch / 8u), c = u % (pitch / 8u) * 8u;
            __global float *g = t + g_at + n * pitch + c;
            exciton_product(PRODUCT_FROM_BASE, g, bias + c, weight + c, pitch, t + h_at + n * PITCH(hidden), hidden, 8u);
            exciton_apply_gate_all(gate, as_float(slope), as_float(offset), g, 8u);
        }
        return;
    }
    EACH_ITEM(u, samples * pitch) {
        const uint c = u % pitch;
        __global const float *h = t + h_at + u / pitch * PITCH(hidden);
        __global const float *row = weight + c;
        float g = bias[c];
        for (uint r = 0; r < hidden; ++r, row += pitch)
            g += *row * h[r];
        t[g_at + u] = exciton_apply_gate(gate, as_float(slope), as_float(offset), g);
    }
}
