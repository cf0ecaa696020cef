/* Vectors of EXCITON_HOST_WIDTH floats, by the compiler's vector extensions; intrinsics only for partial loads and stores. */
#ifndef EXCITON_BACKENDS_HOST_VECTOR_H
#define EXCITON_BACKENDS_HOST_VECTOR_H

#include <stddef.h>
#include <stdint.h>

#if EXCITON_HOST_WIDTH > 4
#  include <immintrin.h>
#endif

#define WIDTH EXCITON_HOST_WIDTH
#define VECTORS (EXCITON_LANES / WIDTH) /* a chunk's lanes */
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

typedef float vec __attribute__((vector_size(4 * WIDTH)));
typedef float loose_vec __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));
typedef int32_t vec_int __attribute__((vector_size(4 * WIDTH)));

INLINE vec load(const float *p) { return *(const loose_vec *)p; }
INLINE void store(float *p, vec v) { *(loose_vec *)p = v; }

/* Past the caches, to a multiple of the vector's size; LINE elements make whole cache lines. end_stream() makes such
 * stores seen before what follows. */
#define LINE 16
#if EXCITON_HOST_WIDTH == 16
INLINE void store_streaming(float *p, vec v) { _mm512_stream_ps(p, (__m512)v); }
#elif EXCITON_HOST_WIDTH == 8
INLINE void store_streaming(float *p, vec v) { _mm256_stream_ps(p, (__m256)v); }
#else
INLINE void store_streaming(float *p, vec v) { store(p, v); }
#endif
INLINE void end_stream(uint32_t streamed)
{
#if EXCITON_HOST_WIDTH > 4
    if (streamed != 0)
        _mm_sfence();
#else
    (void)streamed;
#endif
}

/* The first n elements of a vector, n from 0 to WIDTH: nothing beyond is touched, the other lanes are +0. */
#if EXCITON_HOST_WIDTH == 16
typedef __mmask16 part;
INLINE part part_of(size_t n) { return (part)((1u << n) - 1); }
INLINE vec load_part(const float *p, part n) { return (vec)_mm512_maskz_loadu_ps(n, p); }
INLINE void store_part(float *p, vec v, part n) { _mm512_mask_storeu_ps(p, n, (__m512)v); }
#elif EXCITON_HOST_WIDTH == 8
typedef __m256i part;
INLINE part part_of(size_t n) { return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)); }
INLINE vec load_part(const float *p, part n) { return (vec)_mm256_maskload_ps(p, n); }
INLINE void store_part(float *p, vec v, part n) { _mm256_maskstore_ps(p, n, (__m256)v); }
#else
typedef size_t part;
INLINE part part_of(size_t n) { return n; }
INLINE vec load_part(const float *p, part n)
{
    if (n >= WIDTH)
        return load(p);
    return (vec){n > 0 ? p[0] : 0.0f, n > 1 ? p[1] : 0.0f, n > 2 ? p[2] : 0.0f, 0.0f};
}
INLINE void store_part(float *p, vec v, part n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = v[i];
}
#endif

/* The tree's first steps: lane[l] += lane[l + h] for h from 16 down to WIDTH. */
INLINE vec fold_vectors(vec v[VECTORS])
{
#if EXCITON_HOST_WIDTH == 4
    UNROLL for (int i = 0; i < 4; i++)
        v[i] += v[i + 4];
#endif
#if EXCITON_HOST_WIDTH <= 8
    UNROLL for (int i = 0; i < 2; i++)
        v[i] += v[i + 2];
#endif
    return v[0] + v[1];
}

/* lane[l] += lane[l + h] within groups of 2h lanes, for two vectors at once: the groups' lower halves added to their upper
 * halves, packed into one vector. Element k of the lower halves of (a, b) is element LOW(k, h) of the pair. */
#define LOW(k, h) (((k) & ~((h) - 1)) * 2 | ((k) & ((h) - 1)))
#if EXCITON_HOST_WIDTH == 16
#  define PICK(a, b, h, o) __builtin_shufflevector(a, b, LOW(0, h) + (o), LOW(1, h) + (o), LOW(2, h) + (o), LOW(3, h) + (o), \
    LOW(4, h) + (o), LOW(5, h) + (o), LOW(6, h) + (o), LOW(7, h) + (o), LOW(8, h) + (o), LOW(9, h) + (o), LOW(10, h) + (o), \
    LOW(11, h) + (o), LOW(12, h) + (o), LOW(13, h) + (o), LOW(14, h) + (o), LOW(15, h) + (o))
#elif EXCITON_HOST_WIDTH == 8
#  define PICK(a, b, h, o) __builtin_shufflevector(a, b, LOW(0, h) + (o), LOW(1, h) + (o), LOW(2, h) + (o), LOW(3, h) + (o), \
    LOW(4, h) + (o), LOW(5, h) + (o), LOW(6, h) + (o), LOW(7, h) + (o))
#else
#  define PICK(a, b, h, o) __builtin_shufflevector(a, b, LOW(0, h) + (o), LOW(1, h) + (o), LOW(2, h) + (o), LOW(3, h) + (o))
#endif
#define FOLD(a, b, h) (PICK(a, b, h, 0) + PICK(a, b, h, h))

/* The tree's other steps for WIDTH chunks at once: element i of the result is the sum of the lanes of v[i]. */
INLINE vec fold_lanes(vec v[WIDTH])
{
#if EXCITON_HOST_WIDTH == 16
    UNROLL for (int i = 0; i < 8; i++)
        v[i] = FOLD(v[2 * i], v[2 * i + 1], 8);
#endif
#if EXCITON_HOST_WIDTH >= 8
    UNROLL for (int i = 0; i < 4; i++)
        v[i] = FOLD(v[2 * i], v[2 * i + 1], 4);
#endif
    v[0] = FOLD(v[0], v[1], 2);
    v[1] = FOLD(v[2], v[3], 2);
    return FOLD(v[0], v[1], 1);
}

#endif
