/* scale: y = output(g, x) over units, which are rows or parts of rows. */

#define SCALE_GATE(row) t[g_at + (first_row + (row)) / channels * PITCH(channels) + (first_row + (row)) % channels]

#if HAS_ROWS
__kernel void exciton_scale_rows(SLOTS_XY, SLOT_IN(t), const uint x_at, const uint y_at, const uint units,
                                 const uint units_per_row, const uint row_length, const uint unit_length,
                                 const uint first_row, const uint channels, const uint g_at, const uint residual,
                                 const uint then, const uint stream)
{
    OPEN_XY();
    OPEN_IN(t);
    EACH_ITEM(u, units) {
        const uint row = u / units_per_row, from = u % units_per_row * unit_length, at = row * row_length + from;
        exciton_scale_row(Y_ROW(at), X_ROW(at), min(unit_length, row_length - from), SCALE_GATE(row), residual, then, stream);
    }
}
#endif

#if HAS_LANES
__kernel void exciton_scale_lanes(SLOTS_XY, SLOT_IN(t), const uint x_at, const uint y_at, const uint units,
                                  const uint units_per_row, const uint row_length, const uint unit_length,
                                  const uint first_row, const uint channels, const uint g_at, const uint residual,
                                  const uint then, const uint stream)
{
    OPEN_XY();
    OPEN_IN(t);
    (void)stream;
    EACH_GROUP(v, (units + ROW_SLOTS - 1u) / ROW_SLOTS) {
        const uint u = v * ROW_SLOTS + ROW_SLOT;
        if (u < units) {
            const uint row = u / units_per_row, from = u % units_per_row * unit_length, at = row * row_length + from;
            exciton_scale_row_lanes(Y_ROW(at), X_ROW(at), min(unit_length, row_length - from), SCALE_GATE(row), residual, then);
        }
    }
}
#endif
