/* A generated case of the conformance suite: a block, how it is run and where its tensors lie. Made of one level for
 * each factor; a row of a pairwise covering set, or an index of the full product. Its name reproduces it. */
#ifndef EXCITON_TESTS_VARIANT_H
#define EXCITON_TESTS_VARIANT_H

#include "support/covering.h"
#include "verify/cases.h"

typedef enum factor {
    FACTOR_ACTIVATION, FACTOR_GATE, FACTOR_BIAS1, FACTOR_BIAS2, FACTOR_OUTPUT, FACTOR_THEN,
    FACTOR_DIMS, FACTOR_BATCH, FACTOR_CHANNELS, FACTOR_HIDDEN, FACTOR_SPACE,
    FACTOR_SCHEDULE, FACTOR_FORM, FACTOR_GROUP, FACTOR_SHARES,
    FACTOR_PLACEMENT, FACTOR_SAVED, FACTOR_SCRATCH, FACTOR_DOMAIN, FACTOR_SHAPE, FACTOR_ORDER, FACTOR_DATA,
    FACTORS
} factor;

typedef struct factor_entry {
    const char *name;
    uint8_t levels;
    const char *level[COVERING_LEVELS];
} factor_entry;
extern const factor_entry variant_factors[FACTORS];

typedef enum placement {
    PLACE_SEPARATE,     /* a buffer for x, one for y, one for s, h and g; every tensor at a multiple of 256 */
    PLACE_IN_PLACE,     /* y is x */
    PLACE_ONE_BUFFER,   /* all in one buffer, at multiples of 256, guards between */
    PLACE_ODD,          /* as separate, at odd multiples of 4 */
    PLACE_ODD_IN_PLACE,
    PLACE_TOUCHING,     /* all in one buffer, each beginning where the last one ends */
    PLACEMENTS
} placement;

typedef enum domains { DOMAINS_DEFAULT, DOMAINS_DEVICE, DOMAINS_HOST /* x UPLOAD, the rest READBACK */ } domains;

typedef struct variant {
    char name[40];
    uint8_t level[FACTORS];
    exciton_case c;            /* the block, the shape that runs, the data */
    bool default_hidden;       /* the description leaves it to the library */
    exciton_shape max;         /* the plan's */
    bool zero_shape;           /* args.shape is left zero */
    exciton_weight_order order1, order2;
    exciton_schedule schedule;
    exciton_form form;
    uint32_t group_size, shares;
    placement placement;
    bool save_s, save_h, save_g, own_scratch;
    domains domains;
} variant;

/* Row `row` of the covering set of `seed`; false when there is no such row. Keeps the last set. */
bool variant_from_row(uint64_t seed, uint32_t row, variant *v);
/* The full product of function, schedule, form and placement; the other levels drawn. */
uint64_t variant_full_count(void);
void variant_from_index(uint64_t seed, uint64_t index, variant *v);
/* "SEED.ROW" or "full.SEED.INDEX". */
bool variant_from_name(const char *name, variant *v);
/* Whether all of "FACTOR=LEVEL/FACTOR=LEVEL…" are the variant's. */
bool variant_is(const variant *v, const char *what);

/* A case that no covering set made: relu, sigmoid, no biases, separate buffers, the device's choice of schedule. */
variant variant_of_shape(const char *name, uint64_t batch, uint64_t channels, uint64_t hidden, uint64_t space);

#define VARIANT_TEXT 640
void variant_text(const variant *v, char text[VARIANT_TEXT]);

#endif
