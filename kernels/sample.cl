/* sample: squeeze, excite and scale of a whole sample, the unit. */

#ifndef LOCAL_FLOATS
#define LOCAL_FLOATS 6144 /* form lanes: at least PITCH(channels) + PITCH(hidden) */
#endif

#if HAS_ROWS
__kernel void exciton_sample_rows(SLOTS_XY, SLOT_IN(w), SLOT(t), const uint x_at, const uint y_at, const uint samples,
                                  const uint channels, const uint hidden, const uint block, const uint row_length,
                                  const uint s_at, const uint h_at, const uint g_at, const uint divisor,
                                  const uint activation, const uint gate, const uint slope, const uint offset,
                                  const uint residual, const uint then)
{
    OPEN_XY();
    OPEN_IN(w);
    OPEN(t);
    const uint h_pitch = PITCH(hidden), c_pitch = PITCH(channels);
    __global const float *bias1 = w + BIAS1_AT(channels, hidden), *weight2 = w + WEIGHT2_AT(channels, hidden);
    __global const float *bias2 = w + BIAS2_AT(channels, hidden);
    EACH_ITEM(u, samples) {
        const uint first = u * channels * row_length;
        __global float *s = t + s_at + u * c_pitch, *h = t + h_at + u * h_pitch, *g = t + g_at + u * c_pitch;
        for (uint c = 0; c < channels; ++c)
            s[c] = exciton_divide(exciton_sum(x + x_at + first + c * row_length, row_length, 0.0f), as_float(divisor));
        for (uint c = 0; c < channels; c = channels - c > block ? c + block : channels)
            exciton_product(PRODUCT_ONTO_BASE, h, c == 0u ? bias1 : h, w + c * h_pitch, h_pitch, s + c,
                            min(block, channels - c), h_pitch);
        exciton_activate_all(activation, h, h_pitch);
        exciton_product(PRODUCT_FROM_BASE, g, bias2, weight2, c_pitch, h, hidden, c_pitch);
        exciton_apply_gate_all(gate, as_float(slope), as_float(offset), g, c_pitch);
        for (uint c = channels; c > 0u; --c) { /* the last rows are still in cache */
            const uint at = first + (c - 1u) * row_length;
            exciton_scale_row(Y_ROW(at), X_ROW(at), row_length, g[c - 1u], residual, then);
        }
    }
}
#endif

#if HAS_LANES
__kernel void exciton_sample_lanes(SLOTS_XY, SLOT_IN(w), SLOT(t), const uint x_at, const uint y_at, const uint samples,
                                   const uint channels, const uint hidden, const uint block, const uint row_length,
                                   const uint s_at, const uint h_at, const uint g_at, const uint divisor,
                                   const uint activation, const uint gate, const uint slope, const uint offset,
                                   const uint residual, const uint then)
{
    __local float tree[GROUP_SIZE];
    __local float s[LOCAL_FLOATS]; /* then g in its place: h is all that the gates need */
    OPEN_XY();
    OPEN_IN(w);
    OPEN(t);
    const uint h_pitch = PITCH(hidden), c_pitch = PITCH(channels);
    __local float *h = s + c_pitch;
    EACH_GROUP(u, samples) {
        const uint first = u * channels * row_length;
        for (uint c = ROW_SLOT, left = (channels - 1u) / ROW_SLOTS + 1u; left > 0u; --left, c += ROW_SLOTS) {
            const float sum = exciton_sum_lanes(x + x_at + first + c * row_length, c < channels ? row_length : 0u, row_length,
                                                0.0f, tree);
            if (c < channels && ROW_ITEM == 0u) {
                s[c] = exciton_divide(sum, as_float(divisor));
                t[s_at + u * c_pitch + c] = s[c];
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        EACH_LOCAL(r, h_pitch) {
            __global const float *weight = w + r;
            float sum = w[BIAS1_AT(channels, hidden) + r];
            uint c = 0;
            while (c < channels) {
                const uint end = min(channels - c, block) + c;
                float part = 0.0f;
                for (; c < end; ++c, weight += h_pitch)
                    part += *weight * s[c];
                sum += part;
            }
            h[r] = exciton_activate(activation, sum);
            t[h_at + u * h_pitch + r] = h[r];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        EACH_LOCAL(c, c_pitch) {
            __global const float *weight = w + WEIGHT2_AT(channels, hidden) + c;
            float sum = w[BIAS2_AT(channels, hidden) + c];
            for (uint r = 0; r < hidden; ++r, weight += c_pitch)
                sum += *weight * h[r];
            s[c] = exciton_apply_gate(gate, as_float(slope), as_float(offset), sum);
            t[g_at + u * c_pitch + c] = s[c];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint c = ROW_SLOT; c < channels; c += ROW_SLOTS) {
            const uint at = first + c * row_length;
            exciton_scale_row_lanes(Y_ROW(at), X_ROW(at), row_length, s[c], residual, then);
        }
        barrier(CLK_LOCAL_MEM_FENCE); /* the next sample overwrites s and h */
    }
}
#endif
