#include "clblast/clblast.h"

#include "core/context.h"
#include "support/check.h"
#include "support/driver.h"
#include "support/seam.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t guard = UINT32_C(0x7fa5c3e1); /* a NaN */

/* ---- CLBlast's function, counted or replaced ---- */

typedef void *handle; /* cl_mem and others */
typedef int (*sgemm_fn)(int, int, int, size_t, size_t, size_t, float, handle, size_t, size_t, handle, size_t, size_t, float, handle, size_t, size_t,
                        handle *, handle *, handle);
static sgemm_fn real_sgemm;
uint64_t sgemms;
lie lying;
bool untested;

static int sgemm(int layout, int ta, int tb, size_t m, size_t n, size_t k, float alpha, handle a, size_t a_at, size_t a_ld, handle b, size_t b_at,
                 size_t b_ld, float beta, handle c, size_t c_at, size_t c_ld, handle *queue, handle *event, handle temporary)
{
    ++sgemms;
    if (lying.from && sgemms >= lying.from)
        return lying.code;
    return real_sgemm(layout, ta, tb, m, n, k, alpha, a, a_at, a_ld, b, b_at, b_ld, beta, c, c_at, c_ld, queue, event, temporary);
}

static exciton_function resolve(void *user, const char *name, exciton_function function)
{
    if (strncmp(name, "CLBlast", 7))
        return seam_resolve(user, name, function);
    if (strcmp(name, "CLBlastSgemmWithTempBuffer") || !function)
        return function;
    real_sgemm = (sgemm_fn)function;
    return (exciton_function)sgemm;
}

/* ---- data ---- */

static float *floats(uint64_t count)
{
    float *p = malloc((count + GUARD) * sizeof *p);
    if (!p) {
        fprintf(stderr, "clblast: out of memory\n");
        exit(1);
    }
    for (uint64_t i = 0; i < count + GUARD; ++i)
        memcpy(&p[i], &guard, sizeof guard);
    return p;
}

setup setup_of(uint64_t batch, uint64_t channels, uint64_t hidden, uint64_t space)
{
    return (setup){.c = {.seed = batch * 1000003 + channels * 101 + hidden * 11 + space, .channels = channels, .hidden = hidden,
                         .shape = {.batch = batch, .dims = 1, .spatial = {space}}, .activation = EXCITON_ACTIVATION_RELU,
                         .gate = EXCITON_GATE_SIGMOID, .output = EXCITON_OUTPUT_SCALE, .then = EXCITON_THEN_NOTHING},
                   .excitation = EXCITON_EXCITATION_CLBLAST, .allow_inexact = true};
}

static void make_data(block *b, const exciton_case *c)
{
    const float **const to[] = {&b->data.x, &b->data.w1, &b->data.b1, &b->data.w2, &b->data.b2};
    for (int t = EXCITON_CASE_X; t <= EXCITON_CASE_B2; ++t) {
        uint64_t count = exciton_case_count(c, (exciton_case_tensor)t);
        float *filled = count ? floats(count) : NULL;
        if (filled)
            exciton_case_fill(c, (exciton_case_tensor)t, filled);
        *to[t] = filled;
    }
}

/* ---- a life ---- */

static bool ok(block *b, exciton_status status, const char *at)
{
    if (status && !b->status) {
        b->status = status;
        b->at = at;
        snprintf(b->line, sizeof b->line, "%s", exciton_last_error());
    }
    return status == EXCITON_OK;
}

/* A buffer of `count` elements and a guard, filled with `from`, or with guards alone. */
static bool buffer(block *b, exciton_buffer **to, uint64_t count, const float *from)
{
    uint64_t bytes = (count + GUARD) * sizeof(float);
    float *filled = from ? NULL : floats(count);
    bool made = ok(b, exciton_buffer_create(b->device, bytes, EXCITON_DOMAIN_DEFAULT, to), "buffer_create") &&
                ok(b, exciton_buffer_write(*to, 0, from ? from : filled, bytes), "buffer_write");
    free(filled);
    return made;
}

static bool make_buffers(block *b, const setup *s)
{
    const exciton_case *c = &s->c;
    uint64_t count = exciton_case_count(c, EXCITON_CASE_X), rows = c->shape.batch * c->channels;
    uint64_t scratch = 0;
    bool made = buffer(b, &b->x, count, b->data.x) && (s->in_place || buffer(b, &b->y, count, NULL));
    if (made && s->saved)
        made = buffer(b, &b->s, rows, NULL) && buffer(b, &b->h, c->shape.batch * c->hidden, NULL) && buffer(b, &b->g, rows, NULL);
    if (made && s->own_scratch)
        made = ok(b, exciton_plan_scratch_bytes(b->plan, &c->shape, &scratch), "scratch_bytes") && buffer(b, &b->scratch, scratch / sizeof(float), NULL);
    return made;
}

bool block_open(block *b, const setup *s, const char *selector)
{
    *b = (block){.allocator = {.fail_at = s->fail_at}};
    seam_reset();
    sgemms = 0;
    make_data(b, &s->c);
    const exciton_context_params params = {.log = test_log, .allocator = test_allocator_interface(&b->allocator), .no_self_test = untested};
    exciton_se se = exciton_case_describe(&s->c);
    se.fc1 = (exciton_layer){.data = b->data.w1, .bias = b->data.b1};
    se.fc2 = (exciton_layer){.data = b->data.w2, .bias = b->data.b2};
    se.form = s->form;
    se.excitation = s->excitation;
    se.allow_inexact = s->allow_inexact;
    if (s->max_batch)
        se.max.batch = s->max_batch;
    if (!ok(b, exciton_context_create_seamed(&params, resolve, NULL, &b->context), "context_create") ||
        !ok(b, exciton_device_open(b->context, selector, &b->device), "device_open") ||
        !ok(b, exciton_plan_create_se(b->device, &se, &b->plan), "plan_create_se") || !make_buffers(b, s))
        return false;
    const exciton_args args = {.in = {b->x, 0}, .out = {s->in_place ? b->x : b->y, 0}, .shape = s->c.shape, .s = {b->s, 0}, .h = {b->h, 0},
                               .g = {b->g, 0}, .scratch = {b->scratch, 0}};
    return ok(b, exciton_binding_create(b->plan, &args, &b->binding), "binding_create");
}

bool block_run(block *b)
{
    exciton_ticket ticket;
    return ok(b, exciton_submit(b->device, &b->binding, 1, &ticket), "submit") && ok(b, exciton_wait(b->device, ticket, EXCITON_WAIT_DEFAULT), "wait");
}

void block_close(block *b)
{
    exciton_buffer *const buffers[] = {b->x, b->y, b->s, b->h, b->g, b->scratch};
    const float *const data[] = {b->data.x, b->data.w1, b->data.b1, b->data.w2, b->data.b2};
    exciton_binding_destroy(b->binding);
    exciton_plan_destroy(b->plan);
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; ++i)
        exciton_buffer_destroy(buffers[i]);
    exciton_device_close(b->device);
    exciton_context_destroy(b->context);
    for (size_t i = 0; i < sizeof data / sizeof data[0]; ++i)
        free((void *)(uintptr_t)data[i]);
    const char *maker = "";
    check(test_count(&b->allocator.live) == 0, "%" PRIu64 " blocks of memory were not released", test_count(&b->allocator.live));
    check(seam_leaked(&maker) == 0, "driver objects were not released, of %s among them", maker);
}

/* ---- results ---- */

/* `count` elements and the guard behind them. The caller frees it. */
static float *read_back(exciton_buffer *from, uint64_t count, const char *name, const char *what)
{
    float *got = floats(count);
    check_status(exciton_buffer_read(from, 0, got, (count + GUARD) * sizeof *got), EXCITON_OK, "%s: %s", name, what);
    for (uint64_t i = count; i < count + GUARD; ++i)
        check(memcmp(&got[i], &guard, sizeof guard) == 0, "%s: element %" PRIu64 " behind %s was written", name, i - count, what);
    return got;
}

static void check_saved(exciton_buffer *from, const exciton_estimate *wanted, uint64_t count, const char *name, const char *what)
{
    float *got = read_back(from, count, name, what);
    uint64_t at = exciton_oracle_check(wanted, count, got);
    check(at == count, "%s: %s[%" PRIu64 "] is %.9g, wanted %.9Lg within %.3Lg", name, what, at, (double)got[at < count ? at : 0],
          wanted[at < count ? at : 0].value, wanted[at < count ? at : 0].bound);
    free(got);
}

void block_check(block *b, const setup *s, const char *name)
{
    const exciton_case *c = &s->c;
    uint64_t count = exciton_case_count(c, EXCITON_CASE_X), rows = c->shape.batch * c->channels, hidden = c->shape.batch * c->hidden;
    exciton_estimate *means = calloc(2 * rows + hidden, sizeof *means), *gates = means + rows, *h = gates + rows;
    if (!means) {
        check(false, "%s: out of memory", name);
        return;
    }
    exciton_oracle_gates(c, &b->data, means, h, gates);
    float *y = read_back(s->in_place ? b->x : b->y, count, name, "y");
    uint64_t at = exciton_oracle_check_output(c, &b->data, gates, y);
    check(at == count, "%s: y[%" PRIu64 "] is %.9g, beyond its bound", name, at, (double)y[at < count ? at : 0]);
    free(y);
    if (s->saved) {
        check_saved(b->s, means, rows, name, "s");
        check_saved(b->h, h, hidden, name, "h");
        check_saved(b->g, gates, rows, name, "g");
    }
    if (b->scratch)
        free(read_back(b->scratch, exciton_buffer_bytes(b->scratch) / sizeof(float) - GUARD, name, "the scratch"));
    if (!s->in_place) {
        float *x = read_back(b->x, count, name, "x");
        check(memcmp(x, b->data.x, count * sizeof *x) == 0, "%s: x was written", name);
        free(x);
    }
    free(means);
}
