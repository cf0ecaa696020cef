#include "core/costs.h"

#include "base/cache.h"
#include "base/checked.h"
#include "core/floor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes moved. The last takes milliseconds on the slowest memory. */
static const uint64_t sizes[] = {UINT64_C(1) << 16, UINT64_C(1) << 19, UINT64_C(1) << 22, UINT64_C(1) << 24, UINT64_C(1) << 26};
enum { SIZES = sizeof sizes / sizeof sizes[0], EMPTY = 256 /* bytes: nothing but the dispatch */,
       STEP = 8192 /* bytes: next to nothing */, STEPS = 9, MANY = 99, TEXT = 512,
       PATIENCE = 10000000 /* nanoseconds for one number */ };

/* ---- measuring ---- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median of MANY runs, or of as many as PATIENCE allows: the fastest is one whose processors were all awake. */
static exciton_status usual(exciton_floor *floor, uint32_t times, double *ns)
{
    double took[MANY];
    uint32_t count = 0;
    exciton_status status = EXCITON_OK;
    uint64_t begin = exciton_clock();
    while (!status && count < MANY && (count == 0 || exciton_clock() - begin < PATIENCE)) {
        uint64_t one = 0;
        status = exciton_floor_run_times(floor, times, &one);
        took[count++] = (double)one;
    }
    if (!status) {
        qsort(took, count, sizeof *took, by_size);
        *ns = took[count / 2];
    }
    return status;
}

static exciton_status measure_dispatch(exciton_device *d, exciton_costs *costs)
{
    /* A step's price shows only where all units have work, and in a row of them: one alone is within what a dispatch varies by. */
    const uint64_t bytes[] = {EMPTY, STEP, STEP};
    const uint32_t times[] = {1, 1, STEPS};
    double ns[3];
    exciton_status status = EXCITON_OK;
    for (int i = 0; !status && i < 3; ++i) {
        exciton_floor *floor;
        status = exciton_floor_create_one(d, bytes[i], &floor);
        if (!status)
            status = usual(floor, times[i], &ns[i]);
        exciton_floor_destroy(floor);
    }
    if (!status) {
        costs->dispatch = ns[0];
        costs->step = ns[2] > ns[1] ? (ns[2] - ns[1]) / (STEPS - 1) : 0;
    }
    return status;
}

static exciton_status measure_copy(exciton_device *d, uint64_t bytes, exciton_costs *costs)
{
    exciton_floor *floor;
    double ns = 0;
    exciton_status status = exciton_floor_create_one(d, bytes, &floor);
    if (!status)
        status = usual(floor, 1, &ns);
    exciton_floor_destroy(floor);
    if (!status) {
        double before = costs->points ? costs->copy[costs->points - 1].ns : 0, alone = ns - costs->dispatch;
        costs->copy[costs->points].bytes = bytes;
        costs->copy[costs->points++].ns = alone > before ? alone : before + 0.1 * costs->dispatch + 1; /* a larger one can't be faster */
    }
    return status;
}

static bool reaches(const exciton_costs *costs, uint64_t footprint)
{
    return costs->points == SIZES || (costs->points && costs->copy[costs->points - 1].bytes >= footprint);
}

/* What can't be measured, for want of memory as a rule, is left out. */
static void measure(exciton_device *d, uint64_t footprint, exciton_costs *costs)
{
    exciton_status status = costs->points ? EXCITON_OK : measure_dispatch(d, costs);
    while (!status && !reaches(costs, footprint) && (costs->points == 0 || costs->copy[costs->points - 1].ns < PATIENCE))
        status = measure_copy(d, sizes[costs->points], costs);
}

/* ---- remembering ---- */

static exciton_cache_key key_of(const exciton_device *d)
{
    exciton_cache_key key;
    exciton_sha256 hash;
    exciton_sha256_begin(&hash);
    exciton_cache_key_add_text(&hash, "costs 4");
    exciton_device_identify(d, &hash);
    exciton_sha256_end(&hash, key.hex);
    return key;
}

static void remember(const exciton_device *d, const exciton_costs *costs)
{
    char text[TEXT];
    int used = snprintf(text, sizeof text, "%.0f %.0f", costs->dispatch, costs->step);
    for (uint32_t i = 0; i < costs->points; ++i)
        used += snprintf(text + used, sizeof text - (size_t)used, " %.0f", costs->copy[i].ns);
    exciton_cache_key key = key_of(d);
    exciton_cache_write(&d->context->env, &key, text, (size_t)used);
}

static void recall(const exciton_device *d, exciton_costs *costs)
{
    size_t bytes;
    exciton_cache_key key = key_of(d);
    char *entry = exciton_cache_read(&d->context->env, &key, &bytes), text[TEXT];
    if (!entry)
        return;
    snprintf(text, sizeof text, "%.*s", (int)exciton_min(bytes, TEXT - 1), entry);
    exciton_release(&d->context->env, entry);
    exciton_costs read = {0};
    int at = 0, used = 0;
    if (sscanf(text, "%lf %lf%n", &read.dispatch, &read.step, &at) < 2)
        return;
    for (double ns; read.points < SIZES && sscanf(text + at, "%lf%n", &ns, &used) == 1 && ns > 0; at += used) {
        read.copy[read.points].bytes = sizes[read.points];
        read.copy[read.points++].ns = ns;
    }
    if (read.dispatch >= 0 && read.step >= 0 && read.points)
        *costs = read;
}

exciton_costs exciton_device_costs(exciton_device *d, uint64_t footprint)
{
    exciton_device_lock(d);
    exciton_costs costs = d->costs;
    exciton_device_unlock(d);
    if (!costs.points)
        recall(d, &costs);
    if (!reaches(&costs, footprint)) {
        measure(d, footprint, &costs);
        if (costs.points)
            remember(d, &costs);
    }
    exciton_device_lock(d);
    d->costs = costs;
    exciton_device_unlock(d);
    return costs;
}
