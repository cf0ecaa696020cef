/* What is timed on one shape: the ways in which a device can run it, each once, and the same bits of all. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/os.h"
#include "tool/bench_session.h"

enum { MOST_SHARES = 8 };
#define POISON 0xff   /* a byte of y before a call is checked */

static void add_to_hash(void *user, const char *text)
{
    uint64_t *hash = user;
    for (; *text; text++)
        *hash = (*hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
}

static void release_candidate(bench_candidate *c)
{
    exciton_binding_destroy(c->binding);
    exciton_plan_destroy(c->plan);
    *c = (bench_candidate){0};
}

static exciton_status make_candidate(const bench_session *s, exciton_schedule schedule, exciton_form form, uint32_t shares, exciton_excitation excitation,
                                     bench_candidate *c)
{
    const exciton_se se = {
        .channels = s->shape->channels, .hidden = s->shape->hidden, .fc1 = {.data = s->w1}, .fc2 = {.data = s->w2}, .max = s->shape->x,
        .schedule = schedule, .form = form, .shares = shares, .excitation = excitation,
        .allow_inexact = excitation == EXCITON_EXCITATION_CLBLAST,
    };
    *c = (bench_candidate){.steps = UINT64_C(0xcbf29ce484222325)};
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

static bool is_there(const bench_session *s, const bench_candidate *c)
{
    for (uint32_t i = 0; i < s->candidate_count; i++)
        if (s->candidates[i].steps == c->steps)
            return true;
    return false;
}

/* One that a name forces, where the device allows it; what `auto` runs in the very same way is there already. */
static exciton_status add_forced(bench_session *s, exciton_schedule schedule, exciton_form form, uint32_t shares)
{
    bench_candidate c;
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
static exciton_status add_shares(bench_session *s, exciton_schedule schedule, exciton_form form)
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
static exciton_status add_clblast(bench_session *s)
{
    bench_candidate c;
    exciton_form form = s->options->has_form ? s->options->form : EXCITON_FORM_DEFAULT;
    exciton_status status = make_candidate(s, EXCITON_SCHEDULE_THREE_STAGES, form, 0, EXCITON_EXCITATION_CLBLAST, &c);
    if (status == EXCITON_OK && s->candidate_count == BENCH_CANDIDATES)
        release_candidate(&c);
    else if (status == EXCITON_OK)
        s->candidates[s->candidate_count++] = c;
    return status;
}

int bench_candidates_make(bench_session *s)
{
    const bench_options *o = s->options;
    exciton_status status = make_candidate(s, EXCITON_SCHEDULE_DEFAULT, EXCITON_FORM_DEFAULT, 0, EXCITON_EXCITATION_OWN,
                                           &s->candidates[0]);
    if (status != EXCITON_OK)
        return bench_fail(s, status, TOOL_AT_OPTIONS);
    s->candidates[0].is_auto = true;
    s->candidate_count = 1;
    for (int schedule = 1; has_schedule(schedule); schedule++)
        for (int form = 1; has_form(form) && status == EXCITON_OK; form++)
            if (is_wanted(o, (exciton_schedule)schedule, (exciton_form)form))
                status = add_shares(s, (exciton_schedule)schedule, (exciton_form)form);
    if (status == EXCITON_OK && o->clblast)
        status = add_clblast(s);
    if (status != EXCITON_OK)
        return bench_fail(s, status, TOOL_AT_DEVICE);
    bool only_auto = (o->has_schedule && !o->schedule) || (o->has_form && !o->form);
    const exciton_binding_info *first = &s->candidates[0].info;
    if (s->candidate_count == 1 && !only_auto && !is_wanted(o, first->schedule, first->form))
        return tool_error(TOOL_OTHER, "bench: %s: the device can't run what --schedule and --form name: %s", s->name, exciton_last_error());
    return TOOL_DONE;
}

/* ---- calls */

exciton_status bench_call(const bench_session *s, const bench_candidate *c, uint64_t *nanoseconds)
{
    exciton_ticket ticket;
    uint64_t start = exciton_clock();
    exciton_status status = exciton_submit(s->device, &c->binding, 1, &ticket);
    if (status == EXCITON_OK)
        status = exciton_wait(s->device, ticket, EXCITON_WAIT_DEFAULT);
    *nanoseconds = exciton_clock() - start;
    return status;
}

/* ---- the same bits */

static exciton_status poison_y(const bench_session *s)
{
    exciton_status status = EXCITON_OK;
    memset(s->block, POISON, BENCH_BLOCK * sizeof *s->block);
    for (uint64_t at = 0; status == EXCITON_OK && at < s->count; at += BENCH_BLOCK)
        status = exciton_buffer_write(s->y, at * sizeof(float), s->block, exciton_min(BENCH_BLOCK, s->count - at) * sizeof(float));
    return status;
}

/* What is wrong in any case: a NaN, or more than rounding, of sums whose terms grow with both layers. x is normal, and so no y is far
 * above 1. */
static bool is_far(const bench_shape *shape, float got, float expected)
{
    float weights = (float)shape->channels * (float)shape->hidden / 65536;
    return !(fabsf(got - expected) <= 1e-4f * (1 + weights) * (1 + fabsf(expected)));
}

static exciton_status compare_y(const bench_session *s, const float *expected, bench_candidate *c)
{
    exciton_status status = EXCITON_OK;
    for (uint64_t at = 0; status == EXCITON_OK && at < s->count; at += BENCH_BLOCK) {
        uint64_t bytes = exciton_min(BENCH_BLOCK, s->count - at) * sizeof(float);
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

static exciton_status check_candidates(bench_session *s, const bench_candidate *reference, float *expected)
{
    uint64_t ignored;
    exciton_status status = poison_y(s);
    if (status == EXCITON_OK)
        status = bench_call(s, reference, &ignored);
    if (status == EXCITON_OK)
        status = exciton_buffer_read(s->y, 0, expected, s->count * sizeof(float));
    for (uint32_t i = 0; status == EXCITON_OK && i < s->candidate_count; i++) {
        bench_candidate *c = &s->candidates[i];
        status = poison_y(s);
        if (status == EXCITON_OK)
            status = bench_call(s, c, &ignored);
        if (status == EXCITON_OK)
            status = compare_y(s, expected, c);
        c->checked = true;
    }
    return status;
}

/* Against three-stages, or `auto` where the device can't run that. Where the host has no room for y, nothing is checked. */
int bench_candidates_check(bench_session *s)
{
    bench_candidate reference = {0};
    float *expected = malloc(s->count * sizeof *expected);
    if (!expected)
        return TOOL_DONE;
    exciton_status status = make_candidate(s, EXCITON_SCHEDULE_THREE_STAGES, EXCITON_FORM_DEFAULT, 0, EXCITON_EXCITATION_OWN, &reference);
    if (status == EXCITON_OK || is_refusal(status))
        status = check_candidates(s, reference.binding ? &reference : &s->candidates[0], expected);
    release_candidate(&reference);
    free(expected);
    return status == EXCITON_OK ? TOOL_DONE : bench_fail(s, status, TOOL_AT_DEVICE);
}

void bench_candidates_release(bench_session *s)
{
    for (uint32_t i = 0; i < s->candidate_count; i++)
        release_candidate(&s->candidates[i]);
}
