#include "support/covering.h"

#include "verify/cases.h"

#include <string.h>

enum { CANDIDATES = 24 };

/* met[f][a][g][b]: level a of f and level b of g stand in a row together (f < g and f > g both kept). */
typedef struct meetings {
    bool met[COVERING_FACTORS][COVERING_LEVELS][COVERING_FACTORS][COVERING_LEVELS];
    uint32_t open;
} meetings;

static void meet(meetings *m, uint32_t factors, const uint8_t *row)
{
    for (uint32_t f = 0; f < factors; ++f)
        for (uint32_t g = f + 1; g < factors; ++g)
            if (!m->met[f][row[f]][g][row[g]]) {
                m->met[f][row[f]][g][row[g]] = m->met[g][row[g]][f][row[f]] = true;
                --m->open;
            }
}

static uint32_t all_pairs(const covering *set)
{
    uint32_t pairs = 0;
    for (uint32_t f = 0; f < set->factors; ++f)
        for (uint32_t g = f + 1; g < set->factors; ++g)
            pairs += (uint32_t)set->levels[f] * set->levels[g];
    return pairs;
}

static void shuffle(exciton_random *random, uint32_t *order, uint32_t count)
{
    for (uint32_t i = 0; i < count; ++i)
        order[i] = i;
    for (uint32_t i = count; i > 1; --i) {
        uint32_t other = exciton_random_below(random, i), kept = order[i - 1];
        order[i - 1] = order[other];
        order[other] = kept;
    }
}

/* Some pair that has not met, from a random start. */
static bool find_open(const covering *set, const meetings *m, exciton_random *random, uint32_t pair[4])
{
    uint32_t start = exciton_random_below(random, set->factors * set->factors);
    for (uint32_t i = 0; i < set->factors * set->factors; ++i) {
        uint32_t at = (start + i) % (set->factors * set->factors), f = at / set->factors, g = at % set->factors;
        if (f == g)
            continue;
        for (uint32_t a = 0; a < set->levels[f]; ++a)
            for (uint32_t b = 0; b < set->levels[g]; ++b)
                if (!m->met[f][a][g][b]) {
                    pair[0] = f, pair[1] = a, pair[2] = g, pair[3] = b;
                    return true;
                }
    }
    return false;
}

/* The level of `f` that meets most new levels of the factors already set; among equals a random one. */
static uint8_t best_level(const covering *set, const meetings *m, exciton_random *random, const uint8_t *row, uint32_t f,
                          const uint32_t *order, uint32_t decided)
{
    uint32_t best = 0, start = exciton_random_below(random, set->levels[f]);
    int gain = -1;
    for (uint32_t i = 0; i < set->levels[f]; ++i) {
        uint32_t level = (start + i) % set->levels[f];
        int new_pairs = 0;
        for (uint32_t k = 0; k < decided; ++k)
            new_pairs += !m->met[f][level][order[k]][row[order[k]]];
        if (new_pairs > gain)
            gain = new_pairs, best = level;
    }
    return (uint8_t)best;
}

static uint32_t gain_of(const covering *set, const meetings *m, const uint8_t *row)
{
    uint32_t gain = 0;
    for (uint32_t f = 0; f < set->factors; ++f)
        for (uint32_t g = f + 1; g < set->factors; ++g)
            gain += !m->met[f][row[f]][g][row[g]];
    return gain;
}

static void draw(const covering *set, const meetings *m, exciton_random *random, uint8_t *row)
{
    uint32_t order[COVERING_FACTORS], pair[4];
    shuffle(random, order, set->factors);
    if (find_open(set, m, random, pair))
        for (uint32_t i = 0; i < 2; ++i)
            for (uint32_t k = i; k < set->factors; ++k)
                if (order[k] == pair[2 * i]) {
                    order[k] = order[i];
                    order[i] = pair[2 * i];
                    row[pair[2 * i]] = (uint8_t)pair[2 * i + 1];
                }
    for (uint32_t k = 2; k < set->factors; ++k)
        row[order[k]] = best_level(set, m, random, row, order[k], order, k);
}

bool covering_make(covering *set, uint64_t seed)
{
    static meetings m; /* 147 KB: not for a stack; the tests make sets in one thread */
    memset(&m, 0, sizeof m);
    m.open = all_pairs(set);
    exciton_random random = exciton_random_begin(seed, 0x636f766572);
    for (set->rows = 0; m.open && set->rows < COVERING_ROWS; ++set->rows) {
        uint8_t *best = set->row[set->rows], row[COVERING_FACTORS] = {0};
        uint32_t gain = 0;
        for (int i = 0; i < CANDIDATES; ++i) {
            draw(set, &m, &random, row);
            uint32_t own = gain_of(set, &m, row);
            if (own > gain) {
                gain = own;
                memcpy(best, row, sizeof row);
            }
        }
        meet(&m, set->factors, best);
    }
    return m.open == 0;
}

bool covering_is_complete(const covering *set)
{
    static meetings m;
    memset(&m, 0, sizeof m);
    m.open = all_pairs(set);
    for (uint32_t i = 0; i < set->rows; ++i)
        meet(&m, set->factors, set->row[i]);
    return m.open == 0;
}
