/* hidden: h = activate(b1 + W1 s), the blocks' parts of each sum added in block order; a work-item an element, or eight
 * neighbours where it is a group of its own: a task then. */

__kernel void exciton_hidden_rows(SLOT_IN(w), SLOT(t), const uint samples, const uint channels, const uint hidden,
                                  const uint block, const uint s_at, const uint h_at, const uint activation)
{
    OPEN_IN(w);
    OPEN(t);
    const uint pitch = PITCH(hidden);
    __global const float *bias = w + BIAS1_AT(channels, hidden);
    if (get_local_size(0) == 1u) {
        NEIGHBOURS(first, end, samples * pitch / 8u);
        for (uint u = first; u < end; ++u) {
            const uint n = u / (pitch / 8u), r = u % (pitch / 8u) * 8u;
            __global const float *s = t + s_at + n * PITCH(channels);
            __global float *h = t + h_at + n * pitch + r;
            for (uint c = 0; c < channels; c = channels - c > block ? c + block : channels)
                exciton_product(PRODUCT_ONTO_BASE, h, c == 0u ? bias + r : h, w + c * pitch + r, pitch, s + c, min(block, channels - c), 8u);
            exciton_activate_all(activation, h, 8u);
        }
        return;
    }
    EACH_ITEM(u, samples * pitch) {
        const uint r = u % pitch;
        __global const float *s = t + s_at + u / pitch * PITCH(channels);
        __global const float *row = w + r;
        float h = bias[r];
        uint c = 0;
        while (c < channels) {
            const uint end = min(channels - c, block) + c;
            float part = 0.0f;
            for (; c < end; ++c, row += pitch)
                part += *row * s[c];
            h += part;
        }
        t[h_at + u] = exciton_activate(activation, h);
    }
}
