/* split_scale: h from the sample's parts, the gates of a block's channels, and their rows scaled; a unit is a block. */

#ifndef LOCAL_FLOATS
#define LOCAL_FLOATS 4096 /* form lanes: at least PITCH(hidden) + block */
#endif

#if HAS_ROWS
/* h = activate(b1 + parts), the parts in block order. */
EXCITON_FN void exciton_split_hidden(__global float *h, __global const float *bias, __global const float *parts, uint blocks,
                                     uint pitch, uint activation)
{
    for (uint r = 0; r < pitch; r += 8u) {
        float8 sum = LOAD8(bias + r);
        __global const float *part = parts + r;
        for (uint b = 0; b < blocks; ++b, part += pitch)
            sum += LOAD8(part);
        STORE8(sum, h + r);
    }
    exciton_activate_all(activation, h, pitch);
}

__kernel void exciton_split_scale_rows(SLOTS_XY, SLOT_IN(w), SLOT(t), const uint x_at, const uint y_at,
                                       const uint first_unit, const uint units, const uint channels, const uint hidden,
                                       const uint block, const uint row_length, const uint parts_at, const uint h_at,
                                       const uint g_at, const uint activation, const uint gate, const uint slope,
                                       const uint offset, const uint residual, const uint then, const uint stream)
{
    OPEN_XY();
    OPEN_IN(w);
    OPEN(t);
    const uint blocks = BLOCKS(channels, block), pitch = PITCH(hidden);
    const uint first_row = first_unit / blocks * channels + first_unit % blocks * block;
    __global const float *bias1 = w + BIAS1_AT(channels, hidden), *weight2 = w + WEIGHT2_AT(channels, hidden);
    __global const float *bias2 = w + BIAS2_AT(channels, hidden);
    NEIGHBOURS(first, end, units);
    uint taken;
    for (uint u = first; u < end; u += taken) { /* all of a sample's blocks at once: long rows of W2 */
        const uint unit = first_unit + u, sample = unit / blocks, begin = unit % blocks * block;
        taken = min(blocks - unit % blocks, end - u);
        const uint count = min(taken * block, channels - begin);
        __global float *h = t + h_at + unit * pitch, *g = t + g_at + sample * PITCH(channels) + begin;
        exciton_split_hidden(h, bias1, t + parts_at + sample * blocks * pitch, blocks, pitch, activation);
        exciton_product_wide(g, bias2 + begin, weight2 + begin, PITCH(channels), h, hidden, PITCH(count));
        exciton_apply_gate_all(gate, as_float(slope), as_float(offset), g, PITCH(count));
        const uint at = (sample * channels + begin - first_row) * row_length;
        exciton_scale_all(Y_ROW(at), X_ROW(at), g, count, row_length, residual, then, stream);
    }
}
#endif

#if HAS_LANES
__kernel void exciton_split_scale_lanes(SLOTS_XY, SLOT_IN(w), SLOT(t), const uint x_at, const uint y_at,
                                        const uint first_unit, const uint units, const uint channels,
                                        const uint hidden, const uint block, const uint row_length,
                                        const uint parts_at, const uint h_at, const uint g_at, const uint activation,
                                        const uint gate, const uint slope, const uint offset, const uint residual,
                                        const uint then, const uint stream)
{
    __local float h[LOCAL_FLOATS];
    (void)stream;
    OPEN_XY();
    OPEN_IN(w);
    OPEN(t);
    const uint blocks = BLOCKS(channels, block), pitch = PITCH(hidden);
    const uint first_row = first_unit / blocks * channels + first_unit % blocks * block;
    __local float *g = h + pitch;
    EACH_GROUP(u, units) {
        const uint unit = first_unit + u, sample = unit / blocks, begin = unit % blocks * block;
        const uint count = min(block, channels - begin);
        EACH_LOCAL(r, pitch) {
            h[r] = exciton_activate(activation, exciton_add_column(w[BIAS1_AT(channels, hidden) + r],
                                                                   t + parts_at + sample * blocks * pitch + r, pitch, blocks));
            if (begin == 0u)
                t[h_at + unit * pitch + r] = h[r];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        EACH_LOCAL(c, PITCH(count)) {
            g[c] = exciton_apply_gate(gate, as_float(slope), as_float(offset), exciton_gate_local(w, h, channels, hidden, begin + c));
            t[g_at + sample * PITCH(channels) + begin + c] = g[c];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint c = ROW_SLOT; c < count; c += ROW_SLOTS) {
            const uint at = (sample * channels + begin + c - first_row) * row_length;
            exciton_scale_row_lanes(Y_ROW(at), X_ROW(at), row_length, g[c], residual, then);
        }
        barrier(CLK_LOCAL_MEM_FENCE); /* the next unit overwrites h and g */
    }
}
#endif
