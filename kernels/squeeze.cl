/* squeeze: the sum or mean of each unit of a row of x, stored in t; units are rows or parts of rows. */

#if HAS_ROWS
__kernel void exciton_squeeze_rows(SLOT_IN(x), SLOT(t), const uint x_at, const uint t_at, const uint units,
                                   const uint units_per_row, const uint row_length, const uint unit_length,
                                   const uint out_width, const uint out_pitch, const uint carry, const uint divide,
                                   const uint divisor)
{
    OPEN_IN(x);
    OPEN(t);
    EACH_ITEM(u, units) {
        const uint from = u % units_per_row * unit_length;
        const uint out = t_at + u / out_width * out_pitch + u % out_width;
        __global const float *row = x + x_at + u / units_per_row * row_length + from;
        const float sum = exciton_sum(row, min(unit_length, row_length - from), carry != 0u ? t[out] : 0.0f);
        t[out] = divide != 0u ? exciton_divide(sum, as_float(divisor)) : sum;
    }
}
#endif

#if HAS_LANES
__kernel void exciton_squeeze_lanes(SLOT_IN(x), SLOT(t), const uint x_at, const uint t_at, const uint units,
                                    const uint units_per_row, const uint row_length, const uint unit_length,
                                    const uint out_width, const uint out_pitch, const uint carry, const uint divide,
                                    const uint divisor)
{
    __local float tree[GROUP_SIZE];
    OPEN_IN(x);
    OPEN(t);
    EACH_GROUP(v, (units + ROW_SLOTS - 1u) / ROW_SLOTS) {
        const uint u = v * ROW_SLOTS + ROW_SLOT;
        const bool used = u < units;
        const uint from = u % units_per_row * unit_length;
        const uint length = used ? min(unit_length, row_length - from) : 0u;
        const uint out = t_at + u / out_width * out_pitch + u % out_width;
        __global const float *row = x + x_at + u / units_per_row * row_length + from;
        const bool mine = used && ROW_ITEM == 0u;
        const float before = mine && carry != 0u ? t[out] : 0.0f;
        const float sum = exciton_sum_lanes(row, length, min(unit_length, row_length), before, tree);
        if (mine)
            t[out] = divide != 0u ? exciton_divide(sum, as_float(divisor)) : sum;
    }
}
#endif
