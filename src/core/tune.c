#include "core/tune.h"

#include "base/checked.h"
#include "core/binding.h"
#include "core/floor.h"
#include "core/selftest.h"

#include <string.h>

enum {
    WAYS = 24,
    ROUNDS = 15, LEAST_ROUNDS = 5,
    PATIENCE = 300000000, /* nanoseconds for all ways of one placement, if LEAST_ROUNDS allow */
    FAR = 3               /* times the fastest: no longer run */
};

typedef struct entrant {
    exciton_se_way way;
    exciton_binding *binding;
    uint64_t times[ROUNDS];
    uint32_t rounds;
} entrant;

typedef struct contest {
    exciton_plan *plan;
    exciton_buffer *x, *y;
    bool in_place;
    uint32_t count;
    entrant list[WAYS];
} contest;

/* ---- who takes part ---- */

static exciton_status enter(contest *c, const exciton_se_way *way)
{
    exciton_plan *plan = c->plan;
    const exciton_args args = {.in = {c->x, 0}, .out = {c->in_place ? c->x : c->y, 0}};
    exciton_binding *binding;
    if (c->count == WAYS)
        return EXCITON_OK;
    exciton_device_lock(plan->device);
    exciton_status status = exciton_binding_make_way(plan, &args, way, &binding);
    exciton_device_unlock(plan->device);
    if (status == EXCITON_ERROR_LIMIT || status == EXCITON_ERROR_UNSUPPORTED || status == EXCITON_ERROR_COMPILE)
        return EXCITON_OK; /* not possible here */
    if (!status)
        c->list[c->count++] = (entrant){.way = *way, .binding = binding};
    return status;
}

static exciton_status enter_all(contest *c)
{
    const exciton_se_problem *p = &c->plan->problem;
    const exciton_limits *limits = &c->plan->device->limits;
    exciton_status status = EXCITON_OK;
    for (int form = EXCITON_FORM_ROWS; form <= EXCITON_FORM_LANES; ++form)
        for (int schedule = EXCITON_SCHEDULE_THREE_STAGES; schedule <= EXCITON_SCHEDULE_PIPELINED; ++schedule) {
            exciton_se_way way = exciton_se_way_of(p, limits, c->plan->group_cap, (exciton_schedule)schedule, (exciton_form)form);
            uint32_t most = way.schedule == EXCITON_SCHEDULE_SAMPLE_IN_GROUP ? exciton_se_most_shares(p, limits, p->max.batch, c->in_place) : 1;
            for (; !status && way.shares <= most; way.shares *= 2)
                if (!exciton_se_feasible(p, limits, &way, p->max_space))
                    status = enter(c, &way);
        }
    return status;
}

static void leave_all(contest *c)
{
    for (uint32_t i = 0; i < c->count; ++i)
        exciton_binding_destroy(c->list[i].binding);
    c->count = 0;
}

/* Not zeros, which move faster than numbers do. */
static exciton_status fill(exciton_buffer *buffer)
{
    float block[1024];
    uint64_t bytes = exciton_buffer_bytes(buffer);
    uint32_t state = 1;
    exciton_status status = EXCITON_OK;
    for (uint64_t at = 0, size; !status && at < bytes; at += size) {
        size = exciton_min(sizeof block, bytes - at);
        for (int i = 0; i < 1024; ++i) {
            state = state * 1664525u + 1013904223u;
            block[i] = (float)(int32_t)state * 0x1p-31f;
        }
        status = exciton_buffer_write(buffer, at, block, size);
    }
    return status;
}

/* ---- the contest ---- */

static uint64_t median(const entrant *e)
{
    uint64_t sorted[ROUNDS];
    memcpy(sorted, e->times, sizeof sorted);
    for (uint32_t i = 1; i < e->rounds; ++i)
        for (uint32_t k = i; k > 0 && sorted[k - 1] > sorted[k]; --k) {
            uint64_t kept = sorted[k];
            sorted[k] = sorted[k - 1];
            sorted[k - 1] = kept;
        }
    return e->rounds ? sorted[e->rounds / 2] : UINT64_MAX;
}

static const entrant *fastest(const contest *c)
{
    const entrant *best = NULL;
    for (uint32_t i = 0; i < c->count; ++i)
        if (!best || median(&c->list[i]) < median(best))
            best = &c->list[i];
    return best;
}

static exciton_status run_once(exciton_device *d, entrant *e, bool counts)
{
    exciton_ticket ticket;
    uint64_t begin = exciton_clock();
    exciton_status status = exciton_submit(d, &e->binding, 1, &ticket);
    if (!status)
        status = exciton_wait(d, ticket, EXCITON_WAIT_DEFAULT);
    if (!status && counts)
        e->times[e->rounds++] = exciton_clock() - begin;
    return status;
}

/* In turn, so that a slow moment is everyone's. The first round warms. */
static exciton_status run_all(contest *c)
{
    exciton_device *d = c->plan->device;
    uint64_t begin = exciton_clock();
    exciton_status status = EXCITON_OK;
    for (uint32_t round = 0; !status && round <= ROUNDS && (round <= LEAST_ROUNDS || exciton_clock() - begin < PATIENCE); ++round) {
        if (c->in_place) /* or it would shrink, until it is subnormal and slow */
            status = fill(c->x);
        uint64_t best = round > 2 ? median(fastest(c)) : UINT64_MAX;
        for (uint32_t i = 0; !status && i < c->count; ++i)
            if (best == UINT64_MAX || median(&c->list[i]) / FAR <= best)
                status = run_once(d, &c->list[i], round > 0);
    }
    return status;
}

static exciton_status hold(contest *c)
{
    exciton_status status = enter_all(c);
    if (!status)
        status = run_all(c);
    const entrant *best = status ? NULL : fastest(c);
    if (best) {
        const exciton_se_problem *p = &c->plan->problem;
        exciton_winner winner = {.batch = p->max.batch, .space = p->max_space, .in_place = c->in_place, .way = best->way};
        exciton_winners_add(&c->plan->winners, &winner);
    }
    leave_all(c);
    return status;
}

exciton_status exciton_plan_tune(exciton_plan *plan)
{
    exciton_device *d = plan->device;
    const exciton_se_problem *p = &plan->problem;
    uint64_t bytes = p->max.batch * p->channels * p->max_space * sizeof(float);
    contest c = {.plan = plan};
    exciton_status status = exciton_buffer_create(d, bytes, EXCITON_DOMAIN_DEVICE, &c.x);
    if (!status)
        status = exciton_buffer_create(d, bytes, EXCITON_DOMAIN_DEVICE, &c.y);
    if (!status)
        status = fill(c.x);
    for (int in_place = 1; !status && in_place >= 0; --in_place) { /* out of place last: it is found first */
        c.in_place = in_place;
        status = hold(&c);
    }
    exciton_buffer_destroy(c.x);
    exciton_buffer_destroy(c.y);
    if (status)
        return status;
    exciton_device_lock(d);
    exciton_winners_remember(d, p, &plan->winners);
    exciton_selftest_settle(d);
    exciton_device_unlock(d);
    return EXCITON_OK;
}
