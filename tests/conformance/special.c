/* Values that generated cases avoid: NaN, infinities, signed zeros, subnormals, numbers near the largest. NaN is compared
 * by class, since its payload differs between processors; subnormals may be flushed to a zero of either sign. */
#include "conformance/suite.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct kind {
    const char *name;
    void (*set)(tensors *t, uint64_t space);
} kind;

static void set_nan(tensors *t, uint64_t space) { t->x[space + space / 2] = NAN; }
static void set_infinity(tensors *t, uint64_t space) { (void)space, t->x[0] = INFINITY; }

static void set_infinities(tensors *t, uint64_t space)
{
    t->x[0] = INFINITY;
    t->x[space - 1] = -INFINITY; /* their mean is a NaN */
}

static void set_zeros(tensors *t, uint64_t space)
{
    for (uint64_t i = 0; i < 2 * space; ++i)
        t->x[i] = i < space ? -0.0f : i % 2 ? 0.0f : -0.0f;
}

static void set_subnormals(tensors *t, uint64_t space)
{
    for (uint64_t i = 0; i < 3 * space; ++i)
        t->x[i] = (i % 2 ? 1e-40f : -3e-42f) * (float)(1 + i % 5);
}

static void set_largest(tensors *t, uint64_t space)
{
    for (uint64_t i = 0; i < space; ++i)
        t->x[i] = i % 3 ? 60000.0f : 3e38f; /* the sum overflows */
    for (uint64_t i = space; i < 2 * space; ++i)
        t->x[i] = i % 2 ? -2e36f : 3e36f;
}

static void set_lowest(tensors *t, uint64_t space)
{
    for (uint64_t i = 0; i < t->count / 2; i += space) /* finite means; twice such a number is -infinity */
        t->x[i] = -3e38f;
}

static void set_large_weights(tensors *t, uint64_t space)
{
    (void)space; /* gates at 0 and 1: exp of numbers far beyond its range */
    t->w2[0] = 3e4f, t->w2[1] = -3e4f;
    t->w1[0] = t->w1[1] = 1e4f;
}

static const kind kinds[] = {
    {"NaN", set_nan}, {"infinity", set_infinity}, {"both infinities", set_infinities}, {"signed zeros", set_zeros},
    {"subnormals", set_subnormals}, {"largest", set_largest}, {"lowest", set_lowest}, {"large weights", set_large_weights},
};

static bool alike(float got, float wanted)
{
    if (got != got || wanted != wanted)
        return got != got && wanted != wanted;
    if (fabsf(got) < FLT_MIN && fabsf(wanted) < FLT_MIN && !(got == 0 && wanted == 0))
        return true;
    return memcmp(&got, &wanted, 4) == 0;
}

static void compare(const char *what, const char *run, const float *got, const float *wanted, uint64_t count)
{
    uint64_t i = 0;
    while (i < count && alike(got[i], wanted[i]))
        ++i;
    check(i == count, "%s: %s[%" PRIu64 "] is %.9g, host has %.9g", run, what, i, i < count ? (double)got[i] : 0,
          i < count ? (double)wanted[i] : 0);
}

static void run_kind(suite *s, const kind *k, exciton_activation activation, exciton_gate gate, exciton_then then)
{
    variant v = variant_of_shape(k->name, 2, 9, 5, 49);
    v.c.activation = activation;
    v.c.gate = gate;
    v.c.then = then;
    v.c.output = then == EXCITON_THEN_RELU ? EXCITON_OUTPUT_RESIDUAL : EXCITON_OUTPUT_SCALE;
    v.c.bias1 = v.c.bias2 = true;
    v.save_s = v.save_h = v.save_g = true;
    tensors wanted, got;
    tensors_make(&v.c, &wanted);
    tensors_make(&v.c, &got);
    k->set(&wanted, 49);
    k->set(&got, 49);
    variant plain = v;
    plain.schedule = EXCITON_SCHEDULE_THREE_STAGES;
    plain.form = EXCITON_FORM_ROWS;
    if (check_status(engine_fill(&s->host, &plain, &wanted), EXCITON_OK, "%s: host", k->name))
        for (int schedule = EXCITON_SCHEDULE_DEFAULT; schedule <= EXCITON_SCHEDULE_PIPELINED; ++schedule)
            for (int form = EXCITON_FORM_ROWS; form <= EXCITON_FORM_LANES; ++form) {
                v.schedule = (exciton_schedule)schedule;
                v.form = (exciton_form)form;
                char run[120];
                snprintf(run, sizeof run, "%s, activation %d, gate %d, then %d, %s, %s", k->name, activation, gate, then,
                         exciton_schedule_name(v.schedule), exciton_form_name(v.form));
                exciton_status status = engine_fill(&s->device, &v, &got);
                if (is_refusal(status) && suite_may_refuse(s, &v))
                    continue;
                if (!check_status(status, EXCITON_OK, "%s", run))
                    continue;
                compare("y", run, got.y, wanted.y, got.count);
                compare("s", run, got.s, wanted.s, got.rows);
                compare("h", run, got.h, wanted.h, got.hidden_rows);
                compare("g", run, got.g, wanted.g, got.rows);
            }
    /* By the formula alone: a NaN in x reaches every output of its sample, and of no other. */
    for (uint64_t i = 0; k->set == set_nan && i < got.count; ++i)
        if (!check((got.y[i] != got.y[i]) == (i < got.count / 2), "%s: y[%" PRIu64 "] is %.9g", k->name, i, (double)got.y[i]))
            break;
    tensors_release(&wanted);
    tensors_release(&got);
}

void section_special(suite *s)
{
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; ++k)
        for (int activation = EXCITON_ACTIVATION_IDENTITY; activation <= EXCITON_ACTIVATION_HARD_SWISH; ++activation)
            for (int gate = EXCITON_GATE_SIGMOID; gate <= EXCITON_GATE_HARD_SIGMOID_6; ++gate) {
                run_kind(s, &kinds[k], (exciton_activation)activation, (exciton_gate)gate, EXCITON_THEN_NOTHING);
                if (activation == EXCITON_ACTIVATION_RELU)
                    run_kind(s, &kinds[k], (exciton_activation)activation, (exciton_gate)gate, EXCITON_THEN_RELU);
            }
}
