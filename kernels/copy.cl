/* copy: rows of `width` elements out of rows of `pitch`; a work-item an element. */

__kernel void exciton_copy_rows(SLOT_IN(t), SLOT(y), const uint t_at, const uint y_at, const uint rows, const uint width,
                                const uint pitch)
{
    OPEN_IN(t);
    OPEN(y);
    EACH_ITEM(u, rows * width)
        y[y_at + u] = t[t_at + u / width * pitch + u % width];
}
