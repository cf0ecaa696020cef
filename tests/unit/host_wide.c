/* The routines of kernels.c sixteen floats wide on a processor without AVX-512: its three instructions by hand. */
#include "unit/host_wide.h"

#if defined(EXCITON_TEST_WIDE)
#include <immintrin.h>
#include <stddef.h>

typedef float sixteen __attribute__((vector_size(64)));
typedef float aligned_sixteen __attribute__((vector_size(64), may_alias));

static inline sixteen load_masked(unsigned mask, const float *p)
{
    sixteen v = {0};
    for (size_t i = 0; i < 16; i++)
        if (mask >> i & 1)
            v[i] = p[i];
    return v;
}

static inline void store_masked(float *p, unsigned mask, sixteen v)
{
    for (size_t i = 0; i < 16; i++)
        if (mask >> i & 1)
            p[i] = v[i];
}

static inline void store_past_caches(float *p, sixteen v) { *(aligned_sixteen *)p = v; }

#undef _mm512_maskz_loadu_ps
#undef _mm512_mask_storeu_ps
#undef _mm512_stream_ps
#define _mm512_maskz_loadu_ps(mask, p) load_masked(mask, p)
#define _mm512_mask_storeu_ps(p, mask, v) store_masked(p, mask, (sixteen)(v))
#define _mm512_stream_ps(p, v) store_past_caches(p, (sixteen)(v))

#define EXCITON_HOST_WIDTH 16
#define EXCITON_HOST_SET exciton_test_wide
#define EXCITON_HOST_NAME "sixteen wide, without AVX-512"
#include "backends/host/kernels.c"
#endif
