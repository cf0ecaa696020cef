/* Sizes: every product and sum that a caller's numbers enter. False on overflow, the result untouched. */
#ifndef EXCITON_BASE_CHECKED_H
#define EXCITON_BASE_CHECKED_H

#include <stdbool.h>
#include <stdint.h>

static inline bool exciton_mul(uint64_t a, uint64_t b, uint64_t *product)
{
    uint64_t r;
    if (__builtin_mul_overflow(a, b, &r))
        return false;
    *product = r;
    return true;
}

static inline bool exciton_add(uint64_t a, uint64_t b, uint64_t *sum)
{
    uint64_t r;
    if (__builtin_add_overflow(a, b, &r))
        return false;
    *sum = r;
    return true;
}

/* `step` > 0; the caller has checked that value + step does not overflow. */
static inline uint64_t exciton_round_up(uint64_t value, uint64_t step) { return (value + step - 1) / step * step; }
static inline uint64_t exciton_divide_up(uint64_t value, uint64_t by) { return value / by + (value % by != 0); }
static inline uint64_t exciton_min(uint64_t a, uint64_t b) { return a < b ? a : b; }
static inline uint64_t exciton_max(uint64_t a, uint64_t b) { return a > b ? a : b; }

#endif
