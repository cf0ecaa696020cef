/* sample: squeeze, excite and scale of a share of a sample, the unit. */

#ifndef LOCAL_FLOATS
#define LOCAL_FLOATS 6144 /* form lanes: at least PITCH(channels) + PITCH(hidden) */
#endif

#define TURN 8u /* rows that are scaled in ascending order */

#if HAS_ROWS
__kernel void exciton_sample_rows(SLOTS_XY, SLOT_IN(w), SLOT(t), const uint x_at, const uint y_at, const uint samples,
                                  const uint shares, const uint together, const uint channels, const uint hidden, const uint block,
                                  const uint row_length, const uint s_at, const uint h_at, const uint g_at, const uint divisor,
                                  const uint activation, const uint gate, const uint slope, const uint offset,
                                  const uint residual, const uint then, const uint stream)
{
    OPEN_XY();
    OPEN_IN(w);
    OPEN(t);
    const uint h_pitch = PITCH(hidden), c_pitch = PITCH(channels), each = SHARE(channels, shares);
    NEIGHBOURS(begin, end, samples * shares); /* x and y from end to end, as memory likes it */
    uint taken;
    for (uint u = begin; u < end; u += taken) { /* whole samples, or one share of one */
        const uint sample = u / shares, first = sample * channels * row_length;
        const uint from = min(u % shares * each, c_pitch), to = min(from + each, c_pitch);
        __global float *s = t + s_at + u * c_pitch, *h = t + h_at + u * h_pitch, *g = t + g_at + sample * c_pitch;
        taken = together == TOGETHER && end - u >= TOGETHER ? TOGETHER : 1u;
        if (from == to)
            continue;
        for (uint n = 0; n < taken; ++n) {
            exciton_sum_rows(s + n * c_pitch, x + x_at + first + n * channels * row_length, channels, row_length);
            exciton_divide_all(s + n * c_pitch, channels, as_float(divisor));
        }
        if (taken == TOGETHER)
            exciton_excite4(w, s, h, g, channels, hidden, block, activation, gate, as_float(slope), as_float(offset));
        else
            exciton_excite(w, s, h, g, channels, hidden, block, from, to, activation, gate, as_float(slope), as_float(offset));
        for (uint n = taken; n-- > 0u;) {
            const uint last = min(to, channels);
            uint rows;
            for (uint c = from; c < last; c += rows) {
                rows = min(last - c, TURN);
                const uint row = stream != 0u ? c : last - (c - from) - rows; /* the last rows are still in cache; streams like ascending order */
                const uint at = first + (n * channels + row) * row_length;
                exciton_scale_all(Y_ROW(at), X_ROW(at), g + n * c_pitch + row, rows, row_length, residual, then, stream);
            }
        }
    }
}
#endif

#if HAS_LANES
__kernel void exciton_sample_lanes(SLOTS_XY, SLOT_IN(w), SLOT(t), const uint x_at, const uint y_at, const uint samples,
                                  const uint shares, const uint together, const uint channels, const uint hidden, const uint block,
                                  const uint row_length, const uint s_at, const uint h_at, const uint g_at, const uint divisor,
                                  const uint activation, const uint gate, const uint slope, const uint offset,
                                  const uint residual, const uint then, const uint stream)
{
    __local float tree[GROUP_SIZE];
    __local float s[LOCAL_FLOATS]; /* then g in its place: h is all that the gates need */
    OPEN_XY();
    OPEN_IN(w);
    OPEN(t);
    (void)stream, (void)together; /* 1 in this form */
    const uint h_pitch = PITCH(hidden), c_pitch = PITCH(channels), each = SHARE(channels, shares);
    __local float *h = s + c_pitch;
    EACH_GROUP(u, samples * shares) {
        const uint sample = u / shares, first = sample * channels * row_length;
        const uint from = min(u % shares * each, c_pitch), to = min(from + each, c_pitch);
        for (uint c = ROW_SLOT, left = (channels - 1u) / ROW_SLOTS + 1u; left > 0u; --left, c += ROW_SLOTS) {
            const float sum = exciton_sum_lanes(x + x_at + first + c * row_length, c < channels ? row_length : 0u, row_length,
                                                0.0f, tree);
            if (c < channels && ROW_ITEM == 0u) {
                s[c] = exciton_divide(sum, as_float(divisor));
                t[s_at + u * c_pitch + c] = s[c];
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        EACH_LOCAL(r, h_pitch)
            t[h_at + u * h_pitch + r] = h[r] = exciton_hidden_local(w, s, channels, hidden, block, r, activation);
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint c = from + (uint)get_local_id(0); c < to; c += GROUP_SIZE) {
            s[c] = exciton_apply_gate(gate, as_float(slope), as_float(offset), exciton_gate_local(w, h, channels, hidden, c));
            t[g_at + sample * c_pitch + c] = s[c];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint c = from + ROW_SLOT; c < min(to, channels); c += ROW_SLOTS) {
            const uint at = first + c * row_length;
            exciton_scale_row_lanes(Y_ROW(at), X_ROW(at), row_length, s[c], residual, then);
        }
        barrier(CLK_LOCAL_MEM_FENCE); /* the next unit overwrites s and h */
    }
}
#endif
