/* Winners of measurements, for a device and a block's sizes: kept by the context's cache, read when a plan is made. */
#ifndef EXCITON_CORE_TUNED_H
#define EXCITON_CORE_TUNED_H

#include "core/device.h"

enum { EXCITON_TUNED = 24 };

typedef struct exciton_winner {
    uint64_t batch, space;
    bool in_place;
    exciton_se_way way;
} exciton_winner;

typedef struct exciton_winners {
    uint32_t count;
    exciton_winner list[EXCITON_TUNED]; /* the last found first */
} exciton_winners;

/* Both under the device's lock. An entry that can't be read, or names what this library hasn't, is none. */
void exciton_winners_recall(const exciton_device *device, const exciton_se_problem *problem, exciton_winners *winners);
void exciton_winners_remember(const exciton_device *device, const exciton_se_problem *problem, const exciton_winners *winners);

/* The winner of exactly this shape, or NULL. */
const exciton_winner *exciton_winners_find(const exciton_winners *winners, uint64_t batch, uint64_t space, bool in_place);
/* Puts it first, in the place of an older one of its shape. */
void exciton_winners_add(exciton_winners *winners, const exciton_winner *winner);

#endif
