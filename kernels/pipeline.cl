/* pipeline: squeeze, excite and scale of a run of samples, the unit; a sample is scaled while the next is squeezed. */

#ifndef LOCAL_FLOATS
#define LOCAL_FLOATS 10240 /* form lanes: at least 2 * PITCH(channels) + PITCH(hidden) */
#endif

#define TURN 8u /* rows that are squeezed, then as many scaled */

#if HAS_ROWS
__kernel void exciton_pipeline_rows(SLOTS_XY, SLOT_IN(w), SLOT(t), const uint x_at, const uint y_at, const uint samples,
                                  const uint run, const uint channels, const uint hidden, const uint block,
                                  const uint row_length, const uint s_at, const uint h_at, const uint g_at, const uint divisor,
                                  const uint activation, const uint gate, const uint slope, const uint offset,
                                  const uint residual, const uint then, const uint stream)
{
    OPEN_XY();
    OPEN_IN(w);
    OPEN(t);
    const uint h_pitch = PITCH(hidden), c_pitch = PITCH(channels), whole = channels * row_length;
    EACH_ITEM(u, samples / run + (samples % run != 0u)) {
        const uint first = u * run, end = min(run, samples - first) + first;
        for (uint n = first; n <= end; ++n) {
            __global float *s = t + s_at + n * c_pitch, *g = t + g_at + n * c_pitch;
            for (uint c = 0; c < channels; c += TURN) {
                const uint at = n * whole + c * row_length, rows = min(TURN, channels - c);
                if (n < end)
                    exciton_sum_rows(s + c, x + x_at + at, rows, row_length);
                if (n > first)
                    exciton_scale_all(Y_ROW(at - whole), X_ROW(at - whole), g - c_pitch + c, rows, row_length, residual, then, stream);
            }
            if (n < end)
                exciton_divide_all(s, channels, as_float(divisor));
            if (n < end)
                exciton_excite(w, s, t + h_at + n * h_pitch, g, channels, hidden, block, 0u, c_pitch, activation, gate, as_float(slope),
                               as_float(offset));
        }
    }
}
#endif

#if HAS_LANES
__kernel void exciton_pipeline_lanes(SLOTS_XY, SLOT_IN(w), SLOT(t), const uint x_at, const uint y_at, const uint samples,
                                  const uint run, const uint channels, const uint hidden, const uint block,
                                  const uint row_length, const uint s_at, const uint h_at, const uint g_at, const uint divisor,
                                  const uint activation, const uint gate, const uint slope, const uint offset,
                                  const uint residual, const uint then, const uint stream)
{
    __local float tree[GROUP_SIZE];
    __local float s[LOCAL_FLOATS];
    OPEN_XY();
    OPEN_IN(w);
    OPEN(t);
    (void)stream;
    const uint h_pitch = PITCH(hidden), c_pitch = PITCH(channels), whole = channels * row_length;
    __local float *g = s + c_pitch, *h = g + c_pitch;
    EACH_GROUP(u, samples / run + (samples % run != 0u)) {
        const uint first = u * run, end = min(run, samples - first) + first;
        for (uint n = first; n <= end; ++n) {
            for (uint c = ROW_SLOT, left = (channels - 1u) / ROW_SLOTS + 1u; left > 0u; --left, c += ROW_SLOTS) {
                const uint at = n * whole + c * row_length;
                if (n < end) {
                    const float sum = exciton_sum_lanes(x + x_at + at, c < channels ? row_length : 0u, row_length, 0.0f, tree);
                    if (c < channels && ROW_ITEM == 0u) {
                        s[c] = exciton_divide(sum, as_float(divisor));
                        t[s_at + n * c_pitch + c] = s[c];
                    }
                }
                if (n > first && c < channels)
                    exciton_scale_row_lanes(Y_ROW(at - whole), X_ROW(at - whole), row_length, g[c], residual, then);
            }
            barrier(CLK_LOCAL_MEM_FENCE);
            if (n < end)
                EACH_LOCAL(r, h_pitch)
                    t[h_at + n * h_pitch + r] = h[r] = exciton_hidden_local(w, s, channels, hidden, block, r, activation);
            barrier(CLK_LOCAL_MEM_FENCE);
            if (n < end)
                EACH_LOCAL(c, c_pitch) {
                    g[c] = exciton_apply_gate(gate, as_float(slope), as_float(offset), exciton_gate_local(w, h, channels, hidden, c));
                    t[g_at + n * c_pitch + c] = g[c];
                }
            barrier(CLK_LOCAL_MEM_FENCE);
        }
    }
}
#endif
