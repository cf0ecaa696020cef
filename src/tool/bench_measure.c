/* One shape on one device: every candidate and every copy of the floor, round by round in shuffled order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "tool/bench_session.h"

enum {
    MOST_ROUNDS = 4096,
    MOST_CALLS = 5,           /* timed calls a turn */
    TRIAL_ROUNDS = 3,         /* before slow copies are left out */
    COPIES_KEPT = 6,
    SLOW_EVERY = 4,           /* a slow candidate sits out the rounds between */
    QUARTERED = 4 * BENCH_LEAST_ROUNDS /* rounds from which on drift is looked for in quarters, not halves */
};
#define SLOW_COPY 1.5      /* times the fastest */
#define SLOW_CALL 4        /* times the fastest candidate */
#define LONG_CALL 20000.0  /* microseconds: what it finds in the caches no longer matters */

/* ---- rounds */

static exciton_status run_item(const bench_session *s, const bench_item *it, double *microseconds)
{
    uint64_t nanoseconds;
    exciton_status status = it->call ? bench_call(s, it->call, &nanoseconds) : exciton_floor_run(s->floor, it->copy, &nanoseconds);
    *microseconds = (double)nanoseconds * 1e-3;
    return status;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The value that `part` of the others are below, 0 to 1. Sorts. */
static double quantile(double *values, uint32_t count, double part)
{
    qsort(values, count, sizeof *values, by_size);
    double at = part * (count - 1);
    uint32_t below = (uint32_t)at;
    return below + 1 < count ? values[below] + (at - below) * (values[below + 1] - values[below]) : values[below];
}

static double median_of(const double *values, uint32_t first, uint32_t end)
{
    double sorted[MOST_ROUNDS];
    memcpy(sorted, values + first, (end - first) * sizeof *values);
    return quantile(sorted, end - first, 0.5);
}

static double median(const bench_item *it) { return median_of(it->samples, 0, it->count); }

static exciton_status make_items(bench_session *s)
{
    uint32_t copies = exciton_floor_count(s->floor);
    for (uint32_t i = 0; i < copies && i < BENCH_COPIES; i++)
        s->items[s->item_count++] = (bench_item){.copy = i};
    for (uint32_t i = 0; i < s->candidate_count; i++)
        s->items[s->item_count++] = (bench_item){.call = &s->candidates[i]};
    s->samples = malloc((size_t)s->item_count * MOST_ROUNDS * sizeof *s->samples);
    for (uint32_t i = 0; s->samples && i < s->item_count; i++)
        s->items[i].samples = s->samples + (size_t)i * MOST_ROUNDS;
    return s->samples ? EXCITON_OK : exciton_report(EXCITON_ERROR_MEMORY, "rounds: out of memory");
}

/* Short calls are timed several times a turn. */
static exciton_status warm_up(bench_session *s)
{
    exciton_status status = EXCITON_OK;
    for (uint32_t i = 0; status == EXCITON_OK && i < s->item_count; i++) {
        bench_item *it = &s->items[i];
        double first, second;
        status = run_item(s, it, &first);
        if (status == EXCITON_OK)
            status = run_item(s, it, &second);
        it->is_long = status == EXCITON_OK && second > LONG_CALL;
        it->calls = status != EXCITON_OK || second > 2000 ? 1 : second > 200 ? 3 : MOST_CALLS;
    }
    return status;
}

/* A call that is not timed, so that each finds the caches as it leaves them itself; then those that are. */
static exciton_status take_turn(const bench_session *s, bench_item *it)
{
    double times[MOST_CALLS], ignored;
    exciton_status status = it->is_long ? EXCITON_OK : run_item(s, it, &ignored);
    for (uint32_t i = 0; status == EXCITON_OK && i < it->calls; i++)
        status = run_item(s, it, &times[i]);
    if (status == EXCITON_OK)
        it->samples[it->count++] = quantile(times, it->calls, 0.5);
    return status;
}

static exciton_status run_round(bench_session *s)
{
    uint32_t order[BENCH_ITEMS];
    exciton_status status = EXCITON_OK;
    for (uint32_t i = 0; i < s->item_count; i++) {
        uint32_t other = (uint32_t)(bench_random(&s->random) % (i + 1));
        order[i] = order[other];
        order[other] = i;
    }
    for (uint32_t i = 0; status == EXCITON_OK && i < s->item_count; i++)
        if (s->items[order[i]].every && s->rounds % s->items[order[i]].every == 0)
            status = take_turn(s, &s->items[order[i]]);
    s->rounds++;
    return status;
}

/* Copies that have no prospect of being the floor cost the others rounds. The best few stay whatever they take. */
static void leave_out_slow_copies(bench_session *s)
{
    double medians[BENCH_COPIES], sorted[BENCH_COPIES];
    uint32_t copies = 0;
    for (; copies < s->item_count && !s->items[copies].call; copies++)
        medians[copies] = median(&s->items[copies]);
    memcpy(sorted, medians, copies * sizeof *sorted);
    qsort(sorted, copies, sizeof *sorted, by_size);
    for (uint32_t i = 0; i < copies && copies > COPIES_KEPT; i++)
        if (medians[i] > sorted[COPIES_KEPT - 1] && medians[i] > SLOW_COPY * sorted[0])
            s->items[i].every = 0;
}

/* A candidate that is far from the best need not be known as well. */
static void rarefy_slow_calls(bench_session *s)
{
    double best = 0;
    for (uint32_t i = 0; i < s->item_count; i++)
        if (s->items[i].call && (best == 0 || median(&s->items[i]) < best))
            best = median(&s->items[i]);
    for (uint32_t i = 0; i < s->item_count; i++)
        if (s->items[i].call && median(&s->items[i]) > SLOW_CALL * best)
            s->items[i].every = SLOW_EVERY;
}

static exciton_status run_rounds(bench_session *s)
{
    const bench_options *o = s->options;
    uint64_t start = exciton_clock(), least = o->rounds ? o->rounds : BENCH_LEAST_ROUNDS, most = o->rounds ? o->rounds : MOST_ROUNDS;
    exciton_status status = EXCITON_OK;
    s->rounds = 0;
    for (uint32_t i = 0; i < s->item_count; i++) {
        s->items[i].every = 1;
        s->items[i].count = 0;
    }
    while (status == EXCITON_OK && s->rounds < most) {
        if (s->rounds >= least && (double)(exciton_clock() - start) * 1e-9 >= o->seconds)
            break;
        status = run_round(s);
        if (status == EXCITON_OK && s->rounds == TRIAL_ROUNDS) {
            leave_out_slow_copies(s);
            rarefy_slow_calls(s);
        }
    }
    return status;
}

/* ---- the result */

static const bench_item *find_floor(const bench_session *s)
{
    const bench_item *best = NULL;
    for (uint32_t i = 0; i < s->item_count; i++) {
        const bench_item *it = &s->items[i];
        if (!it->call && it->every && (!best || median(it) < median(best)))
            best = it;
    }
    return best;
}

/* How far apart the medians of the rounds' parts are. */
static double drift_of(const bench_session *s, const bench_item *floor)
{
    uint32_t parts = s->rounds >= QUARTERED ? 4 : 2;
    double least = 0, most = 0;
    for (uint32_t i = 0; i < parts; i++) {
        double part = median_of(floor->samples, s->rounds * i / parts, s->rounds * (i + 1) / parts);
        least = i && least < part ? least : part;
        most = most > part ? most : part;
    }
    return most / least - 1;
}

static exciton_status measure(bench_session *s, bench_result *r)
{
    exciton_status status = make_items(s);
    if (status == EXCITON_OK)
        status = warm_up(s);
    for (int attempt = 0; status == EXCITON_OK && attempt < 2 && !r->steady; attempt++) {
        status = run_rounds(s);
        if (status != EXCITON_OK)
            break;
        const bench_item *floor = find_floor(s);
        snprintf(r->floor_copy, sizeof r->floor_copy, "%s", exciton_floor_name(s->floor, floor->copy));
        r->floor = median(floor);
        r->drift = drift_of(s, floor);
        r->steady = r->drift <= BENCH_MOST_DRIFT;
    }
    return status;
}

static void add_row(const bench_item *it, bench_result *r)
{
    const bench_candidate *c = it->call;
    bench_row *row = &r->rows[r->count++];
    *row = (bench_row){.schedule = c->info.schedule, .form = c->info.form, .dispatches = c->info.dispatches, .pieces = c->info.pieces, .shares = c->info.shares,
                       .is_auto = c->is_auto, .checked = c->checked, .differs = c->differs, .wrong = c->wrong,
                       .excitation = c->info.excitation, .exact = c->info.exact};
    row->rounds = it->count;
    row->median = quantile(it->samples, it->count, 0.5);
    row->low = quantile(it->samples, it->count, 0.1);
    row->high = quantile(it->samples, it->count, 0.9);
}

static int by_name(const void *a, const void *b)
{
    const bench_row *x = a, *y = b;
    int by[] = {(int)x->schedule - (int)y->schedule, (int)x->form - (int)y->form, (int)x->excitation - (int)y->excitation};
    return by[0] ? by[0] : by[1] ? by[1] : by[2];
}

static void release(bench_session *s)
{
    bench_candidates_release(s);
    exciton_floor_destroy(s->floor);
    bench_data_release(s);
    free(s->samples);
    free(s);
}

static int prepare(bench_session *s, bench_result *r)
{
    int result = bench_data_make(s, &r->bytes);
    if (result == TOOL_DONE)
        result = bench_candidates_make(s);
    if (result == TOOL_DONE)
        result = bench_candidates_check(s);
    if (result != TOOL_DONE)
        return result;
    exciton_status status = exciton_floor_create(s->device, r->bytes, &s->floor);
    return status == EXCITON_OK ? TOOL_DONE : bench_fail(s, status, TOOL_AT_DEVICE);
}

int bench_measure(exciton_device *device, const exciton_device_info *info, const bench_shape *shape, const bench_options *options,
                  bench_result *r)
{
    bench_session *s = calloc(1, sizeof *s);
    if (!s)
        return tool_error(TOOL_OTHER, "bench: out of memory");
    s->device = device;
    s->shape = shape;
    s->options = options;
    bench_shape_text(shape, s->name, sizeof s->name);
    *r = (bench_result){.device = info, .shape = *shape};
    int result = prepare(s, r);
    if (result == TOOL_DONE) {
        exciton_status status = measure(s, r);
        result = status == EXCITON_OK ? TOOL_DONE : bench_fail(s, status, TOOL_AT_DEVICE);
    }
    for (uint32_t i = 0; result == TOOL_DONE && i < s->item_count; i++)
        if (s->items[i].call)
            add_row(&s->items[i], r);
    qsort(r->rows, r->count, sizeof *r->rows, by_name);
    release(s);
    return result;
}
