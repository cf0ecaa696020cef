/*
 * stream: x to y, bits as they are; what the floor is measured with.
 *
 * Form rows: a work-item copies a unit from end to end, by wide vectors. `stores` 1: past the caches, where the compiler
 * can and y is aligned. Form lanes: a group copies a unit, neighbours take neighbouring fours.
 */

#if defined(__clang__) && !defined(EXCITON_VLOAD)
typedef uint8 exciton_uint8 __attribute__((aligned(4)));
#define LOAD8U(p) (*(__global const exciton_uint8 *)(p))
#define STORE8U(v, p) (*(__global exciton_uint8 *)(p) = (v))
#if __has_builtin(__builtin_nontemporal_store)
#define STORE8U_PAST(v, p) __builtin_nontemporal_store(v, (__global uint8 *)(p))
#endif
#else
#define LOAD8U(p) vload8(0, p)
#define STORE8U(v, p) vstore8(v, 0, p)
#endif

#define STREAM_BY_32(store)                                                                         \
    for (; n >= 32u; n -= 32u, x += 32, y += 32) {                                                  \
        const uint8 a = LOAD8U(x), b = LOAD8U(x + 8), c = LOAD8U(x + 16), d = LOAD8U(x + 24);       \
        store(a, y);                                                                                \
        store(b, y + 8);                                                                            \
        store(c, y + 16);                                                                           \
        store(d, y + 24);                                                                           \
    }

#if HAS_ROWS
EXCITON_FN void exciton_stream_unit(__global uint *y, __global const uint *x, uint n, uint stores)
{
#ifdef STORE8U_PAST
    if (stores == 1u && ((size_t)y & 31u) == 0)
        STREAM_BY_32(STORE8U_PAST)
#else
    (void)stores;
#endif
    STREAM_BY_32(STORE8U)
    for (; n >= 8u; n -= 8u, x += 8, y += 8)
        STORE8U(LOAD8U(x), y);
    for (uint i = 0; i < n; ++i)
        y[i] = x[i];
}

__kernel void exciton_stream_rows(SLOT_IN(x), SLOT(y), const uint units, const uint unit_length, const uint length,
                                  const uint stores)
{
    OPEN_IN(x);
    OPEN(y);
    EACH_ITEM(u, units) {
        const uint at = u * unit_length;
        exciton_stream_unit((__global uint *)(y + at), (__global const uint *)(x + at), min(unit_length, length - at), stores);
    }
}
#endif

#if HAS_LANES
__kernel void exciton_stream_lanes(SLOT_IN(x), SLOT(y), const uint units, const uint unit_length, const uint length,
                                   const uint stores)
{
    OPEN_IN(x);
    OPEN(y);
    (void)stores;
    EACH_GROUP(u, units) {
        const uint at = u * unit_length, n = min(unit_length, length - at);
        __global const uint4 *from = (__global const uint4 *)(x + at);
        __global uint4 *to = (__global uint4 *)(y + at);
        EACH_LOCAL(i, n / 4u)
            to[i] = from[i];
        for (uint i = n / 4u * 4u + (uint)get_local_id(0); i < n; i += GROUP_SIZE)
            y[at + i] = x[at + i];
    }
}
#endif
