/* hidden: h = activate(b1 + W1 s), the blocks' parts of each sum added in block order; a work-item an element. */

__kernel void exciton_hidden_rows(SLOT_IN(w), SLOT(t), const uint samples, const uint channels, const uint hidden,
                                  const uint block, const uint s_at, const uint h_at, const uint activation)
{
    OPEN_IN(w);
    OPEN(t);
    const uint pitch = PITCH(hidden);
    EACH_ITEM(u, samples * pitch) {
        const uint r = u % pitch;
        __global const float *s = t + s_at + u / pitch * PITCH(channels);
        __global const float *row = w + r;
        float h = w[BIAS1_AT(channels, hidden) + r];
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
