/* The cases of the suites that exciton_device_verify runs, and their data. A case is a function of suite, number and
 * seed alone, its data are made by integer operations alone: both are the same on every machine, for ever. */
#ifndef EXCITON_VERIFY_CASES_H
#define EXCITON_VERIFY_CASES_H

#include <exciton/exciton.h>

#define EXCITON_SUITE_SE_F32 "se-f32/1"

/* How the elements of a tensor are drawn; every one is zero or normal. */
typedef enum exciton_pattern {
    EXCITON_PATTERN_UNIFORM, /* in [-1, 1), each channel about a centre of its own so that means differ */
    EXCITON_PATTERN_SPREAD,  /* magnitudes from 2^-20 to 1 (weights: over a factor of 2^12) */
    EXCITON_PATTERN_SPIKES   /* x only: about 2^-12, but the first, the last and one other element of a row near 1 */
} exciton_pattern;

typedef struct exciton_case {
    uint64_t seed;
    uint32_t number;
    uint64_t channels, hidden;
    exciton_shape shape;
    bool bias1, bias2;
    exciton_activation activation; /* never _DEFAULT in a suite's case */
    exciton_gate gate;
    float slope, offset;           /* of the custom gate */
    exciton_output output;
    exciton_then then;
    exciton_pattern x_pattern, weight_pattern;
} exciton_case;

typedef enum exciton_case_tensor {
    EXCITON_CASE_X,
    EXCITON_CASE_W1,
    EXCITON_CASE_B1,
    EXCITON_CASE_W2,
    EXCITON_CASE_B2
} exciton_case_tensor;

/* Pseudo-random numbers: a counter hashed (splitmix64). */
typedef struct exciton_random {
    uint64_t state;
} exciton_random;
exciton_random exciton_random_begin(uint64_t seed, uint64_t stream);
uint32_t exciton_random_next(exciton_random *random);
uint32_t exciton_random_below(exciton_random *random, uint32_t count); /* count > 0 */
/* value * 2^exponent exactly, for |value| < 2^24 and a result that is zero or normal. */
float exciton_float_of(int32_t value, int exponent);

/* `suite` NULL: se-f32/1. EXCITON_ERROR_NAME lists the suites. */
exciton_status exciton_suite_check(const char *suite);
void exciton_case_make(uint32_t number, uint64_t seed, exciton_case *c);

/* Spatial elements, and elements of a tensor: 0 for an absent bias. The case's sizes are known to be small. */
uint64_t exciton_case_spatial(const exciton_case *c);
uint64_t exciton_case_count(const exciton_case *c, exciton_case_tensor tensor);
/* W1 is [R, C], W2 [C, R]. */
void exciton_case_fill(const exciton_case *c, exciton_case_tensor tensor, float *elements);

/* The description for a plan, with its largest shape the case's; data pointers stay NULL. */
exciton_se exciton_case_describe(const exciton_case *c);

#define EXCITON_CASE_TEXT 320
/* One line without its end; part of what is digested. */
void exciton_case_text(const exciton_case *c, char text[EXCITON_CASE_TEXT]);

#endif
