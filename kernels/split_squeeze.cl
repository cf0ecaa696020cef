/* split_squeeze: the means of a block of a sample's channels, and the block's part of W1 s; a unit is a block. */

#ifndef LOCAL_FLOATS
#define LOCAL_FLOATS 1024 /* form lanes: at least `block` */
#endif

#if HAS_ROWS
__kernel void exciton_split_squeeze_rows(SLOT_IN(x), SLOT_IN(w), SLOT(t), const uint x_at, const uint first_unit,
                                         const uint units, const uint channels, const uint hidden, const uint block,
                                         const uint row_length, const uint s_at, const uint parts_at, const uint divisor)
{
    OPEN_IN(x);
    OPEN_IN(w);
    OPEN(t);
    const uint blocks = BLOCKS(channels, block), pitch = PITCH(hidden);
    const uint first_row = first_unit / blocks * channels + first_unit % blocks * block;
    NEIGHBOURS(first, end, units);
    uint taken;
    for (uint u = first; u < end; u += taken) { /* all of a sample's blocks at once: rows that have others behind them */
        const uint unit = first_unit + u, sample = unit / blocks, begin = unit % blocks * block;
        taken = min(blocks - unit % blocks, end - u);
        const uint count = min(taken * block, channels - begin);
        __global const float *row = x + x_at + (sample * channels + begin - first_row) * row_length;
        __global float *s = t + s_at + sample * PITCH(channels) + begin, *part = t + parts_at + unit * pitch;
        exciton_sum_rows(s, row, count, row_length);
        exciton_divide_all(s, count, as_float(divisor));
        for (uint c = 0; c < count; c += block, part += pitch)
            exciton_product(PRODUCT_ALONE, part, part, w + (begin + c) * pitch, pitch, s + c, min(block, count - c), pitch);
    }
}
#endif

#if HAS_LANES
__kernel void exciton_split_squeeze_lanes(SLOT_IN(x), SLOT_IN(w), SLOT(t), const uint x_at, const uint first_unit,
                                          const uint units, const uint channels, const uint hidden, const uint block,
                                          const uint row_length, const uint s_at, const uint parts_at, const uint divisor)
{
    __local float tree[GROUP_SIZE];
    __local float s[LOCAL_FLOATS];
    OPEN_IN(x);
    OPEN_IN(w);
    OPEN(t);
    const uint blocks = BLOCKS(channels, block), pitch = PITCH(hidden);
    const uint first_row = first_unit / blocks * channels + first_unit % blocks * block;
    EACH_GROUP(u, units) {
        const uint unit = first_unit + u, sample = unit / blocks, begin = unit % blocks * block;
        const uint count = min(block, channels - begin);
        __global const float *rows = x + x_at + (sample * channels + begin - first_row) * row_length;
        for (uint c = ROW_SLOT, left = (count - 1u) / ROW_SLOTS + 1u; left > 0u; --left, c += ROW_SLOTS) {
            const float sum = exciton_sum_lanes(rows + c * row_length, c < count ? row_length : 0u, row_length, 0.0f, tree);
            if (c < count && ROW_ITEM == 0u) {
                s[c] = exciton_divide(sum, as_float(divisor));
                t[s_at + sample * PITCH(channels) + begin + c] = s[c];
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        EACH_LOCAL(r, pitch)
            t[parts_at + unit * pitch + r] = exciton_add_products(0.0f, w + begin * pitch + r, pitch, s, count);
        barrier(CLK_LOCAL_MEM_FENCE); /* the next unit overwrites s */
    }
}
#endif
