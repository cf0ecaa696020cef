/* One shape on one device: every candidate and every copy of the floor, round by round in shuffled order. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/os.h"
#include "tool/bench.h"

enum {
    MOST_ROUNDS = 4096, MOST_COPIES = 64, MOST_ITEMS = BENCH_CANDIDATES + MOST_COPIES,
    BLOCK = 1 << 20,          /* elements that pass through host memory at a time */
    MOST_CALLS = 5,           /* timed calls a turn */
    TRIAL_ROUNDS = 3,         /* before slow copies are left out */
    COPIES_KEPT = 6,
    MOST_SHARES = 8,
    SLOW_EVERY = 4,           /* a slow candidate sits out the rounds between */
    QUARTERED = 4 * BENCH_LEAST_ROUNDS /* rounds from which on drift is looked for in quarters, not halves */
};
#define SLOW_COPY 1.5      /* times the fastest */
#define SLOW_CALL 4        /* times the fastest candidate */
#define LONG_CALL 20000.0  /* microseconds: what it finds in the caches no longer matters */
#define POISON 0xff   /* a byte of y before a call is checked */

typedef struct candidate {
    exciton_plan *plan;
    exciton_binding *binding;
    exciton_binding_info info;
    uint64_t steps; /* a hash of what will run */
    bool is_auto, checked, differs, wrong;
} candidate;

/* What takes turns: a candidate, or a copy of the floor. */
typedef struct item {
    const candidate *call; /* NULL: a copy */
    uint32_t copy;
    uint32_t calls;        /* timed calls a turn */
    uint32_t every;        /* rounds from turn to turn; 0: left out */
    bool is_long;
    double *samples;       /* microseconds, one a turn */
    uint32_t count;
} item;

typedef struct session {
    exciton_device *device;
    const bench_shape *shape;
    const bench_options *options;
    char name[128];        /* the shape's, for errors */
    uint64_t count;        /* elements of x */
    float *w1, *w2, *block;
    exciton_buffer *x, *y;
    candidate candidates[BENCH_CANDIDATES];
    uint32_t candidate_count;
    exciton_floor *floor;
    item items[MOST_ITEMS];
    uint32_t item_count, rounds;
    double *samples;
    uint64_t random;
} session;

/* ---- random numbers: the same in every run */

static uint64_t next_random(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Close to a normal distribution: the sum of four uniform numbers, scaled to variance 1. */
static void fill_normal(float *to, uint64_t count, float scale, uint64_t *state)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t r = next_random(state);
        int32_t sum = (int32_t)(r & 0xffff) + (int32_t)(r >> 16 & 0xffff) + (int32_t)(r >> 32 & 0xffff) + (int32_t)(r >> 48);
        to[i] = (float)(sum - 131070) * (1.0f / 37837.2f) * scale;
    }
}

/* ---- what a call needs */

static int fail(const session *s, exciton_status status, tool_stage stage)
{
    const char *line = exciton_last_error();
    return tool_error(tool_exit_of(status, stage), "bench: %s: %s", s->name, line[0] ? line : exciton_status_text(status));
}

static int count_elements(session *s, uint64_t *bytes)
{
    const exciton_shape *x = &s->shape->x;
    uint64_t weights, total;
    bool fits = exciton_mul(x->batch, s->shape->channels, &s->count);
    for (uint32_t i = 0; i < x->dims; i++)
        fits = fits && exciton_mul(s->count, x->spatial[i], &s->count);
    fits = fits && exciton_mul(s->shape->channels, s->shape->hidden, &weights) && exciton_mul(s->count, 3, &total) &&
           exciton_add(total, weights, &total) && exciton_add(total, weights, &total) && exciton_mul(total, sizeof(float), bytes);
    return fits && *bytes <= SIZE_MAX / 2 ? TOOL_DONE : tool_error(TOOL_BAD_OPTION, "bench: %s: too large for any device", s->name);
}

static int make_weights(session *s)
{
    uint64_t count = s->shape->channels * s->shape->hidden, state = 1;
    s->w1 = malloc(count * sizeof *s->w1);
    s->w2 = malloc(count * sizeof *s->w2);
    s->block = malloc(BLOCK * sizeof *s->block);
    if (!s->w1 || !s->w2 || !s->block)
        return tool_error(TOOL_OTHER, "bench: %s: out of memory", s->name);
    fill_normal(s->w1, count, 0.5f, &state);
    fill_normal(s->w2, count, 0.5f, &state);
    return TOOL_DONE;
}

static exciton_status make_x(session *s)
{
    uint64_t state = 2;
    exciton_status status = exciton_buffer_create(s->device, s->count * sizeof(float), EXCITON_DOMAIN_DEVICE, &s->x);
    if (status == EXCITON_OK)
        status = exciton_buffer_create(s->device, s->count * sizeof(float), EXCITON_DOMAIN_DEVICE, &s->y);
    for (uint64_t at = 0; status == EXCITON_OK && at < s->count; at += BLOCK) {
        uint64_t size = exciton_min(BLOCK, s->count - at);
        fill_normal(s->block, size, 1.0f, &state);
        status = exciton_buffer_write(s->x, at * sizeof(float), s->block, size * sizeof(float));
    }
    return status;
}

/* ---- candidates */

static void add_to_hash(void *user, const char *text)
{
    uint64_t *hash = user;
    for (; *text; text++)
        *hash = (*hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
}

static void release_candidate(candidate *c)
{
    exciton_binding_destroy(c->binding);
    exciton_plan_destroy(c->plan);
    *c = (candidate){0};
}

static exciton_status make_candidate(const session *s, exciton_schedule schedule, exciton_form form, uint32_t shares, exciton_excitation excitation,
                                     candidate *c)
{
    const exciton_se se = {
        .channels = s->shape->channels, .hidden = s->shape->hidden, .fc1 = {.data = s->w1}, .fc2 = {.data = s->w2}, .max = s->shape->x,
        .schedule = schedule, .form = form, .shares = shares, .excitation = excitation,
        .allow_inexact = excitation == EXCITON_EXCITATION_CLBLAST,
    };
    *c = (candidate){.steps = UINT64_C(0xcbf29ce484222325)};
    exciton_status status = exciton_plan_create_se(s->device, &se, &c->plan);
    if (status == EXCITON_OK)
        status = exciton_binding_create(c->plan, &(exciton_args){.in = {s->x, 0}, .out = {s->y, 0}}, &c->binding);
    if (status == EXCITON_OK)
        status = exciton_binding_get_info(c->binding, &c->info);
    if (status == EXCITON_OK)
        status = exciton_binding_explain(c->binding, add_to_hash, &c->steps);
    if (status != EXCITON_OK)
        release_candidate(c);
    return status;
}

static bool is_refusal(exciton_status status) { return status == EXCITON_ERROR_LIMIT || status == EXCITON_ERROR_UNSUPPORTED; }

static bool is_wanted(const bench_options *o, exciton_schedule schedule, exciton_form form)
{
    return (!o->has_schedule || o->schedule == schedule) && (!o->has_form || o->form == form);
}

static bool is_there(const session *s, const candidate *c)
{
    for (uint32_t i = 0; i < s->candidate_count; i++)
        if (s->candidates[i].steps == c->steps)
            return true;
    return false;
}

/* One that a name forces, where the device allows it; what `auto` runs in the very same way is there already. */
static exciton_status add_forced(session *s, exciton_schedule schedule, exciton_form form, uint32_t shares)
{
    candidate c;
    exciton_status status = make_candidate(s, schedule, form, shares, EXCITON_EXCITATION_OWN, &c);
    if (status != EXCITON_OK)
        return is_refusal(status) ? EXCITON_OK : status;
    if (s->candidate_count == BENCH_CANDIDATES || is_there(s, &c))
        release_candidate(&c);
    else
        s->candidates[s->candidate_count++] = c;
    return EXCITON_OK;
}

/* Work-groups that share a sample: up to one a compute unit. */
static exciton_status add_shares(session *s, exciton_schedule schedule, exciton_form form)
{
    exciton_limits limits;
    exciton_status status = exciton_device_get_limits(s->device, &limits);
    uint32_t most = schedule != EXCITON_SCHEDULE_SAMPLE_IN_GROUP ? 1 : limits.compute_units < MOST_SHARES ? limits.compute_units : MOST_SHARES;
    for (uint32_t shares = 1; status == EXCITON_OK && (shares == 1 || shares <= most); shares *= 2)
        status = add_forced(s, schedule, form, shares);
    return status;
}

/* Names end where the library knows no more. */
static bool has_schedule(int number) { return strcmp(exciton_schedule_name((exciton_schedule)number), "unknown") != 0; }
static bool has_form(int number) { return strcmp(exciton_form_name((exciton_form)number), "unknown") != 0; }

/* One that is asked for by name and can't be is an error. */
static exciton_status add_clblast(session *s)
{
    candidate c;
    exciton_form form = s->options->has_form ? s->options->form : EXCITON_FORM_DEFAULT;
    exciton_status status = make_candidate(s, EXCITON_SCHEDULE_THREE_STAGES, form, 0, EXCITON_EXCITATION_CLBLAST, &c);
    if (status == EXCITON_OK && s->candidate_count == BENCH_CANDIDATES)
        release_candidate(&c);
    else if (status == EXCITON_OK)
        s->candidates[s->candidate_count++] = c;
    return status;
}

static int make_candidates(session *s)
{
    const bench_options *o = s->options;
    exciton_status status = make_candidate(s, EXCITON_SCHEDULE_DEFAULT, EXCITON_FORM_DEFAULT, 0, EXCITON_EXCITATION_OWN,
                                           &s->candidates[0]);
    if (status != EXCITON_OK)
        return fail(s, status, TOOL_AT_OPTIONS);
    s->candidates[0].is_auto = true;
    s->candidate_count = 1;
    for (int schedule = 1; has_schedule(schedule); schedule++)
        for (int form = 1; has_form(form) && status == EXCITON_OK; form++)
            if (is_wanted(o, (exciton_schedule)schedule, (exciton_form)form))
                status = add_shares(s, (exciton_schedule)schedule, (exciton_form)form);
    if (status == EXCITON_OK && o->clblast)
        status = add_clblast(s);
    if (status != EXCITON_OK)
        return fail(s, status, TOOL_AT_DEVICE);
    bool only_auto = (o->has_schedule && !o->schedule) || (o->has_form && !o->form);
    const exciton_binding_info *first = &s->candidates[0].info;
    if (s->candidate_count == 1 && !only_auto && !is_wanted(o, first->schedule, first->form))
        return tool_error(TOOL_OTHER, "bench: %s: the device can't run what --schedule and --form name: %s", s->name, exciton_last_error());
    return TOOL_DONE;
}

/* ---- calls */

static exciton_status call(const session *s, const candidate *c, uint64_t *nanoseconds)
{
    exciton_ticket ticket;
    uint64_t start = exciton_clock();
    exciton_status status = exciton_submit(s->device, &c->binding, 1, &ticket);
    if (status == EXCITON_OK)
        status = exciton_wait(s->device, ticket, EXCITON_WAIT_DEFAULT);
    *nanoseconds = exciton_clock() - start;
    return status;
}

static exciton_status run_item(const session *s, const item *it, double *microseconds)
{
    uint64_t nanoseconds;
    exciton_status status = it->call ? call(s, it->call, &nanoseconds) : exciton_floor_run(s->floor, it->copy, &nanoseconds);
    *microseconds = (double)nanoseconds * 1e-3;
    return status;
}

/* ---- the same bits */

static exciton_status poison_y(const session *s)
{
    exciton_status status = EXCITON_OK;
    memset(s->block, POISON, BLOCK * sizeof *s->block);
    for (uint64_t at = 0; status == EXCITON_OK && at < s->count; at += BLOCK)
        status = exciton_buffer_write(s->y, at * sizeof(float), s->block, exciton_min(BLOCK, s->count - at) * sizeof(float));
    return status;
}

/* What is wrong in any case: a NaN, or more than rounding, of sums whose terms grow with both layers. x is normal, and so no y is far
 * above 1. */
static bool is_far(const bench_shape *shape, float got, float expected)
{
    float weights = (float)shape->channels * (float)shape->hidden / 65536;
    return !(fabsf(got - expected) <= 1e-4f * (1 + weights) * (1 + fabsf(expected)));
}

static exciton_status compare_y(const session *s, const float *expected, candidate *c)
{
    exciton_status status = EXCITON_OK;
    for (uint64_t at = 0; status == EXCITON_OK && at < s->count; at += BLOCK) {
        uint64_t bytes = exciton_min(BLOCK, s->count - at) * sizeof(float);
        status = exciton_buffer_read(s->y, at * sizeof(float), s->block, bytes);
        if (status != EXCITON_OK || !memcmp(s->block, expected + at, bytes))
            continue;
        c->differs = true;
        c->wrong = c->wrong || c->info.excitation != EXCITON_EXCITATION_CLBLAST;
        for (uint64_t i = 0; i < bytes / sizeof(float) && !c->wrong; i++)
            c->wrong = is_far(s->shape, s->block[i], expected[at + i]);
    }
    return status;
}

static exciton_status check_candidates(session *s, const candidate *reference, float *expected)
{
    uint64_t ignored;
    exciton_status status = poison_y(s);
    if (status == EXCITON_OK)
        status = call(s, reference, &ignored);
    if (status == EXCITON_OK)
        status = exciton_buffer_read(s->y, 0, expected, s->count * sizeof(float));
    for (uint32_t i = 0; status == EXCITON_OK && i < s->candidate_count; i++) {
        candidate *c = &s->candidates[i];
        status = poison_y(s);
        if (status == EXCITON_OK)
            status = call(s, c, &ignored);
        if (status == EXCITON_OK)
            status = compare_y(s, expected, c);
        c->checked = true;
    }
    return status;
}

/* Against three-stages, or `auto` where the device can't run that. Where the host has no room for y, nothing is checked. */
static int check(session *s)
{
    candidate reference = {0};
    float *expected = malloc(s->count * sizeof *expected);
    if (!expected)
        return TOOL_DONE;
    exciton_status status = make_candidate(s, EXCITON_SCHEDULE_THREE_STAGES, EXCITON_FORM_DEFAULT, 0, EXCITON_EXCITATION_OWN, &reference);
    if (status == EXCITON_OK || is_refusal(status))
        status = check_candidates(s, reference.binding ? &reference : &s->candidates[0], expected);
    release_candidate(&reference);
    free(expected);
    return status == EXCITON_OK ? TOOL_DONE : fail(s, status, TOOL_AT_DEVICE);
}

/* ---- rounds */

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

static double median(const item *it) { return median_of(it->samples, 0, it->count); }

static exciton_status make_items(session *s)
{
    uint32_t copies = exciton_floor_count(s->floor);
    for (uint32_t i = 0; i < copies && i < MOST_COPIES; i++)
        s->items[s->item_count++] = (item){.copy = i};
    for (uint32_t i = 0; i < s->candidate_count; i++)
        s->items[s->item_count++] = (item){.call = &s->candidates[i]};
    s->samples = malloc((size_t)s->item_count * MOST_ROUNDS * sizeof *s->samples);
    for (uint32_t i = 0; s->samples && i < s->item_count; i++)
        s->items[i].samples = s->samples + (size_t)i * MOST_ROUNDS;
    return s->samples ? EXCITON_OK : exciton_report(EXCITON_ERROR_MEMORY, "rounds: out of memory");
}

/* Short calls are timed several times a turn. */
static exciton_status warm_up(session *s)
{
    exciton_status status = EXCITON_OK;
    for (uint32_t i = 0; status == EXCITON_OK && i < s->item_count; i++) {
        item *it = &s->items[i];
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
static exciton_status take_turn(const session *s, item *it)
{
    double times[MOST_CALLS], ignored;
    exciton_status status = it->is_long ? EXCITON_OK : run_item(s, it, &ignored);
    for (uint32_t i = 0; status == EXCITON_OK && i < it->calls; i++)
        status = run_item(s, it, &times[i]);
    if (status == EXCITON_OK)
        it->samples[it->count++] = quantile(times, it->calls, 0.5);
    return status;
}

static exciton_status run_round(session *s)
{
    uint32_t order[MOST_ITEMS];
    exciton_status status = EXCITON_OK;
    for (uint32_t i = 0; i < s->item_count; i++) {
        uint32_t other = (uint32_t)(next_random(&s->random) % (i + 1));
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
static void leave_out_slow_copies(session *s)
{
    double medians[MOST_COPIES], sorted[MOST_COPIES];
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
static void rarefy_slow_calls(session *s)
{
    double best = 0;
    for (uint32_t i = 0; i < s->item_count; i++)
        if (s->items[i].call && (best == 0 || median(&s->items[i]) < best))
            best = median(&s->items[i]);
    for (uint32_t i = 0; i < s->item_count; i++)
        if (s->items[i].call && median(&s->items[i]) > SLOW_CALL * best)
            s->items[i].every = SLOW_EVERY;
}

static exciton_status run_rounds(session *s)
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

static const item *find_floor(const session *s)
{
    const item *best = NULL;
    for (uint32_t i = 0; i < s->item_count; i++) {
        const item *it = &s->items[i];
        if (!it->call && it->every && (!best || median(it) < median(best)))
            best = it;
    }
    return best;
}

/* How far apart the medians of the rounds' parts are. */
static double drift_of(const session *s, const item *floor)
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

static exciton_status measure(session *s, bench_result *r)
{
    exciton_status status = make_items(s);
    if (status == EXCITON_OK)
        status = warm_up(s);
    for (int attempt = 0; status == EXCITON_OK && attempt < 2 && !r->steady; attempt++) {
        status = run_rounds(s);
        if (status != EXCITON_OK)
            break;
        const item *floor = find_floor(s);
        snprintf(r->floor_copy, sizeof r->floor_copy, "%s", exciton_floor_name(s->floor, floor->copy));
        r->floor = median(floor);
        r->drift = drift_of(s, floor);
        r->steady = r->drift <= BENCH_MOST_DRIFT;
    }
    return status;
}

static void add_row(const item *it, bench_result *r)
{
    const candidate *c = it->call;
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

static void release(session *s)
{
    for (uint32_t i = 0; i < s->candidate_count; i++)
        release_candidate(&s->candidates[i]);
    exciton_floor_destroy(s->floor);
    exciton_buffer_destroy(s->x);
    exciton_buffer_destroy(s->y);
    free(s->w1);
    free(s->w2);
    free(s->block);
    free(s->samples);
    free(s);
}

static int prepare(session *s, bench_result *r)
{
    int result = count_elements(s, &r->bytes);
    if (result == TOOL_DONE)
        result = make_weights(s);
    if (result != TOOL_DONE)
        return result;
    exciton_status status = make_x(s);
    if (status != EXCITON_OK)
        return fail(s, status, TOOL_AT_DEVICE);
    result = make_candidates(s);
    if (result == TOOL_DONE)
        result = check(s);
    if (result != TOOL_DONE)
        return result;
    status = exciton_floor_create(s->device, r->bytes, &s->floor);
    return status == EXCITON_OK ? TOOL_DONE : fail(s, status, TOOL_AT_DEVICE);
}

int bench_measure(exciton_device *device, const exciton_device_info *info, const bench_shape *shape, const bench_options *options,
                  bench_result *r)
{
    session *s = calloc(1, sizeof *s);
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
        result = status == EXCITON_OK ? TOOL_DONE : fail(s, status, TOOL_AT_DEVICE);
    }
    for (uint32_t i = 0; result == TOOL_DONE && i < s->item_count; i++)
        if (s->items[i].call)
            add_row(&s->items[i], r);
    qsort(r->rows, r->count, sizeof *r->rows, by_name);
    release(s);
    return result;
}
