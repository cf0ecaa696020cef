/* Pairwise covering sets: rows of one level a factor, in which every two levels of two factors meet in some row. Made
 * greedily and deterministically: the same rows for the same factors and seed. */
#ifndef EXCITON_TESTS_COVERING_H
#define EXCITON_TESTS_COVERING_H

#include <stdbool.h>
#include <stdint.h>

enum { COVERING_FACTORS = 32, COVERING_LEVELS = 12, COVERING_ROWS = 400 };

typedef struct covering {
    uint32_t factors;
    uint8_t levels[COVERING_FACTORS]; /* of each factor, 1 to COVERING_LEVELS */
    uint32_t rows;
    uint8_t row[COVERING_ROWS][COVERING_FACTORS];
} covering;

/* Fills rows for `factors` and `levels`. False when COVERING_ROWS are not enough. */
bool covering_make(covering *set, uint64_t seed);
/* Every pair meets: for the unit test. */
bool covering_is_complete(const covering *set);

#endif
