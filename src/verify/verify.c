/* exciton_device_verify: every case under every schedule and form that the device offers, in place and out of place.
 * One run is the reference of its case's others; it is held to the oracle, they to its bits. */
#include "base/env.h"
#include "base/error.h"
#include "core/device.h"
#include "core/params.h"
#include "verify/digest.h"
#include "verify/oracle.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    DEFAULT_CASES = 150,
    SHARES = 3, /* of a sample, in one run more */
    GUARD = 64 /* elements before and after each tensor: 256 bytes */
};
static const uint32_t poison_bits = UINT32_C(0xffffffff), guard_bits = UINT32_C(0x7fa5c3e1); /* NaNs both */

/* Tensors of a run: x and y in buffers of their own, the saved outputs in a third. */
typedef enum area { X, Y, S, H, G, AREAS } area;
static const char *const area_names[AREAS] = {"x", "y", "s", "h", "g"};

typedef struct verification {
    exciton_device *device;
    const exciton_env *env;
    exciton_verify_result *result;
    exciton_case c;
    bool failed;              /* the case has */
    uint64_t counts[AREAS];   /* elements */
    uint64_t starts[AREAS];   /* first element in its buffer; s, h and g share one */
    uint64_t capacity, saved_capacity; /* elements of x's and y's, and of the third buffer */
    exciton_buffer *buffers[3];
    float *image[3];          /* what is written before a run, and must be found again outside the outputs */
    float *back;              /* what was read */
    float *reference[AREAS];  /* the first run's outputs; X unused */
    float *weights[EXCITON_CASE_B2 + 1];
    exciton_estimate *estimates[AREAS]; /* S, H, G */
    bool have_reference;
} verification;

static uint32_t buffer_of(area a) { return a == X ? 0 : a == Y ? 1 : 2; }

static exciton_status out_of_memory(void) { return exciton_fail(EXCITON_ERROR_MEMORY, "verify: case data: out of host memory"); }

/* ---- Sizes ---- */

static void measure(verification *v)
{
    const exciton_case *c = &v->c;
    v->counts[X] = v->counts[Y] = exciton_case_count(c, EXCITON_CASE_X);
    v->counts[S] = v->counts[G] = c->shape.batch * c->channels;
    v->counts[H] = c->shape.batch * c->hidden;
    v->starts[X] = v->starts[Y] = v->starts[S] = GUARD;
    v->starts[H] = v->starts[S] + v->counts[S] + GUARD;
    v->starts[G] = v->starts[H] + v->counts[H] + GUARD;
}

/* Elements of a buffer that the case uses, guards included. */
static uint64_t used(const verification *v, uint32_t buffer)
{
    return buffer < 2 ? v->counts[X] + 2 * GUARD : v->starts[G] + v->counts[G] + GUARD;
}

static exciton_status reserve(verification *v, const exciton_verify_params *params)
{
    uint64_t weights = 1, rows = 1, hidden = 1;
    for (uint32_t i = 0; i < params->cases; ++i) {
        exciton_case_make(i, params->seed, &v->c);
        measure(v);
        v->capacity = used(v, 0) > v->capacity ? used(v, 0) : v->capacity;
        v->saved_capacity = used(v, 2) > v->saved_capacity ? used(v, 2) : v->saved_capacity;
        weights = v->c.hidden * v->c.channels > weights ? v->c.hidden * v->c.channels : weights;
        rows = v->counts[S] > rows ? v->counts[S] : rows;
        hidden = v->counts[H] > hidden ? v->counts[H] : hidden;
        weights = v->c.hidden + v->c.channels > weights ? v->c.hidden + v->c.channels : weights;
    }
    const uint64_t outputs[AREAS] = {1, v->capacity, rows, hidden, rows};
    bool ok = true;
    for (uint32_t b = 0; b < 3; ++b)
        ok = ok && (v->image[b] = exciton_allocate_array(v->env, b < 2 ? v->capacity : v->saved_capacity, sizeof(float)));
    uint64_t largest = v->capacity > v->saved_capacity ? v->capacity : v->saved_capacity;
    ok = ok && (v->back = exciton_allocate_array(v->env, largest, sizeof(float)));
    for (area a = Y; a < AREAS; ++a)
        ok = ok && (v->reference[a] = exciton_allocate_array(v->env, outputs[a], sizeof(float)));
    for (area a = S; a < AREAS; ++a)
        ok = ok && (v->estimates[a] = exciton_allocate_array(v->env, outputs[a], sizeof(exciton_estimate)));
    for (int t = EXCITON_CASE_W1; t <= EXCITON_CASE_B2; ++t)
        ok = ok && (v->weights[t] = exciton_allocate_array(v->env, weights, sizeof(float)));
    if (!ok)
        return out_of_memory();
    exciton_status status = EXCITON_OK;
    for (uint32_t b = 0; b < 3 && status == EXCITON_OK; ++b)
        status = exciton_buffer_create(v->device, (b < 2 ? v->capacity : v->saved_capacity) * sizeof(float),
                                       EXCITON_DOMAIN_DEFAULT, &v->buffers[b]);
    return status;
}

static void release(verification *v)
{
    for (uint32_t b = 0; b < 3; ++b) {
        exciton_buffer_destroy(v->buffers[b]);
        exciton_release(v->env, v->image[b]);
    }
    exciton_release(v->env, v->back);
    for (int a = 0; a < AREAS; ++a) {
        exciton_release(v->env, v->reference[a]);
        exciton_release(v->env, v->estimates[a]);
    }
    for (int t = EXCITON_CASE_W1; t <= EXCITON_CASE_B2; ++t)
        exciton_release(v->env, v->weights[t]);
}

/* ---- A case's data ---- */

static void fill_words(float *to, uint64_t count, uint32_t word)
{
    for (uint64_t i = 0; i < count; ++i)
        memcpy(&to[i], &word, 4);
}

static exciton_case_data data_of(const verification *v)
{
    return (exciton_case_data){.x = v->image[0] + GUARD,
                               .w1 = v->weights[EXCITON_CASE_W1],
                               .w2 = v->weights[EXCITON_CASE_W2],
                               .b1 = v->c.bias1 ? v->weights[EXCITON_CASE_B1] : NULL,
                               .b2 = v->c.bias2 ? v->weights[EXCITON_CASE_B2] : NULL};
}

static void prepare(verification *v)
{
    measure(v);
    v->failed = v->have_reference = false;
    for (uint32_t b = 0; b < 3; ++b)
        fill_words(v->image[b], used(v, b), guard_bits);
    for (int a = Y; a < AREAS; ++a)
        fill_words(v->image[buffer_of((area)a)] + v->starts[a], v->counts[a], poison_bits);
    exciton_case_fill(&v->c, EXCITON_CASE_X, v->image[0] + GUARD);
    for (int t = EXCITON_CASE_W1; t <= EXCITON_CASE_B2; ++t)
        exciton_case_fill(&v->c, (exciton_case_tensor)t, v->weights[t]);
    exciton_case_data data = data_of(v);
    exciton_oracle_gates(&v->c, &data, v->estimates[S], v->estimates[H], v->estimates[G]);
}

/* ---- Failures ---- */

typedef struct run {
    exciton_schedule schedule;
    exciton_form form;
    bool in_place;
} run;

static void EXCITON_PRINTF(3, 4) fail_case(verification *v, const run *r, const char *format, ...)
{
    if (!v->failed)
        v->result->failed++;
    v->failed = true;
    if (v->result->first_failure[0])
        return;
    char why[160];
    va_list list;
    va_start(list, format);
    vsnprintf(why, sizeof why, format, list);
    va_end(list);
    if (r)
        snprintf(v->result->first_failure, sizeof v->result->first_failure, "case %u seed %llu: %s, %s, %s: %s", v->c.number,
                 (unsigned long long)v->c.seed, exciton_schedule_name(r->schedule), exciton_form_name(r->form),
                 r->in_place ? "in place" : "out of place", why);
    else
        snprintf(v->result->first_failure, sizeof v->result->first_failure, "case %u seed %llu: %s", v->c.number,
                 (unsigned long long)v->c.seed, why);
}

/* What no case can go on after. */
static bool is_fatal(exciton_status status) { return status == EXCITON_ERROR_LOST || status == EXCITON_ERROR_MEMORY; }
static bool is_refusal(exciton_status status) { return status == EXCITON_ERROR_UNSUPPORTED || status == EXCITON_ERROR_LIMIT; }

/* ---- Comparison ---- */

static void hold_to_oracle(verification *v, const run *r)
{
    exciton_case_data data = data_of(v);
    uint64_t at = exciton_oracle_check_output(&v->c, &data, v->estimates[G], v->reference[Y]);
    if (at < v->counts[Y]) {
        exciton_estimate wanted = exciton_oracle_output(&v->c, &v->estimates[G][at / exciton_case_spatial(&v->c)], data.x[at]);
        fail_case(v, r, "y[%llu] is %.9g, not %.9Lg within %.3Lg", (unsigned long long)at, (double)v->reference[Y][at],
                  wanted.value, wanted.bound);
    }
    for (int a = S; a < AREAS; ++a) {
        at = exciton_oracle_check(v->estimates[a], v->counts[a], v->reference[a]);
        if (at < v->counts[a])
            fail_case(v, r, "%s[%llu] is %.9g, not %.9Lg within %.3Lg", area_names[a], (unsigned long long)at,
                      (double)v->reference[a][at], v->estimates[a][at].value, v->estimates[a][at].bound);
    }
}

static void hold_to_reference(verification *v, const run *r, area a, const float *got)
{
    if (memcmp(got, v->reference[a], v->counts[a] * sizeof(float)) == 0)
        return;
    uint64_t at = 0;
    while (memcmp(&got[at], &v->reference[a][at], sizeof(float)) == 0)
        ++at;
    fail_case(v, r, "%s[%llu] is %.9g, another schedule's is %.9g", area_names[a], (unsigned long long)at, (double)got[at],
              (double)v->reference[a][at]);
}

/* Takes the outputs out of what was read from `buffer`, then compares the rest with what was written. */
static exciton_status collect(verification *v, const run *r, uint32_t buffer)
{
    exciton_status status = exciton_buffer_read(v->buffers[buffer], 0, v->back, used(v, buffer) * sizeof(float));
    if (status != EXCITON_OK)
        return status;
    uint32_t y_buffer = r->in_place ? 0 : 1;
    for (int a = Y; a < AREAS; ++a) {
        if ((a == Y ? y_buffer : 2) != buffer)
            continue;
        float *got = v->back + v->starts[a];
        if (v->have_reference)
            hold_to_reference(v, r, (area)a, got);
        else
            memcpy(v->reference[a], got, v->counts[a] * sizeof(float));
        memcpy(got, v->image[buffer] + v->starts[a], v->counts[a] * sizeof(float));
    }
    if (memcmp(v->back, v->image[buffer], used(v, buffer) * sizeof(float)) != 0)
        fail_case(v, r, "%s", buffer == 0 ? "x or the memory around it was written" : "memory around an output was written");
    return EXCITON_OK;
}

/* ---- Runs ---- */

static exciton_status execute(verification *v, exciton_plan *plan, const run *r)
{
    for (uint32_t b = 0; b < 3; ++b) {
        exciton_status status = exciton_buffer_write(v->buffers[b], 0, v->image[b], used(v, b) * sizeof(float));
        if (status != EXCITON_OK)
            return status;
    }
    exciton_view saved[AREAS];
    for (int a = X; a < AREAS; ++a)
        saved[a] = (exciton_view){.buffer = v->buffers[buffer_of((area)a)], .offset = v->starts[a] * sizeof(float)};
    exciton_args args = {
        .size = sizeof args, .in = saved[X], .out = saved[r->in_place ? X : Y], .s = saved[S], .h = saved[H], .g = saved[G]};
    exciton_binding *binding = NULL;
    exciton_status status = exciton_binding_create(plan, &args, &binding);
    exciton_ticket ticket = 0;
    if (status == EXCITON_OK)
        status = exciton_submit(v->device, &binding, 1, &ticket);
    if (status == EXCITON_OK)
        status = exciton_wait(v->device, ticket, EXCITON_WAIT_DEFAULT);
    exciton_binding_destroy(binding);
    for (uint32_t b = 0; b < 3 && status == EXCITON_OK; ++b)
        if (b != 1 || !r->in_place)
            status = collect(v, r, b);
    if (status == EXCITON_OK && !v->have_reference) {
        v->have_reference = true;
        hold_to_oracle(v, r);
    }
    return status;
}

/* In place and out of place with one plan; shares of a sample are never in place. */
static exciton_status run_plan(verification *v, exciton_schedule schedule, exciton_form form, uint32_t shares)
{
    exciton_case_data data = data_of(v);
    exciton_se se = exciton_case_describe(&v->c);
    se.fc1 = (exciton_layer){.data = data.w1, .bias = data.b1};
    se.fc2 = (exciton_layer){.data = data.w2, .bias = data.b2};
    se.schedule = schedule;
    se.form = form;
    se.shares = shares;
    exciton_plan *plan = NULL;
    run r = {.schedule = schedule, .form = form};
    exciton_status status = exciton_plan_create_se(v->device, &se, &plan);
    if (status == EXCITON_OK) {
        for (int in_place = 0; in_place < 2 && !is_fatal(status); ++in_place) {
            r.in_place = in_place;
            status = execute(v, plan, &r);
            if (status != EXCITON_OK && !is_refusal(status))
                fail_case(v, &r, "%s", exciton_last_error());
        }
        exciton_plan_destroy(plan);
    } else if (!is_refusal(status)) {
        fail_case(v, &r, "%s", exciton_last_error());
    }
    return is_fatal(status) ? status : EXCITON_OK;
}

static exciton_status run_case(verification *v, exciton_sha256 *hash)
{
    prepare(v);
    for (int schedule = EXCITON_SCHEDULE_THREE_STAGES; schedule <= EXCITON_SCHEDULE_PIPELINED; ++schedule)
        for (int form = EXCITON_FORM_ROWS; form <= EXCITON_FORM_LANES; ++form) {
            exciton_status status = run_plan(v, (exciton_schedule)schedule, (exciton_form)form, 0);
            if (status == EXCITON_OK && schedule == EXCITON_SCHEDULE_SAMPLE_IN_GROUP)
                status = run_plan(v, (exciton_schedule)schedule, (exciton_form)form, SHARES);
            if (status != EXCITON_OK)
                return status;
        }
    if (v->have_reference)
        exciton_digest_case(hash, &v->c, v->reference[Y], v->reference[S], v->reference[H], v->reference[G]);
    else
        fail_case(v, NULL, "no schedule ran: %s", exciton_last_error());
    return EXCITON_OK;
}

static exciton_status take_params(const exciton_verify_params *given, exciton_verify_params *params)
{
    exciton_status status = exciton_params_copy(params, sizeof *params, given, "verify");
    if (params->cases == 0)
        params->cases = DEFAULT_CASES;
    return status != EXCITON_OK ? status : exciton_suite_check(params->suite);
}

exciton_status exciton_device_verify(exciton_device *device, const exciton_verify_params *given, exciton_verify_result *result)
{
    exciton_status status = exciton_device_check(device, "verify");
    if (status == EXCITON_OK && !result)
        status = exciton_fail(EXCITON_ERROR_ARGUMENT, "verify: result: NULL");
    if (result)
        memset(result, 0, sizeof *result);
    exciton_verify_params params = {0};
    if (status == EXCITON_OK)
        status = take_params(given, &params);
    if (status != EXCITON_OK)
        return status;
    verification v = {.device = device, .env = &device->context->env, .result = result};
    exciton_sha256 hash;
    exciton_digest_begin(&hash, EXCITON_SUITE_SE_F32);
    status = reserve(&v, &params);
    for (uint32_t i = 0; i < params.cases && status == EXCITON_OK; ++i) {
        exciton_case_make(i, params.seed, &v.c);
        status = run_case(&v, &hash);
        result->cases = i + 1;
        if (status == EXCITON_OK && params.progress)
            params.progress(params.user, i + 1, params.cases);
    }
    release(&v);
    if (status == EXCITON_OK)
        exciton_sha256_end(&hash, result->digest);
    else
        memset(result, 0, sizeof *result);
    return status;
}
