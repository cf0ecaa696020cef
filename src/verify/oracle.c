#include "verify/oracle.h"

static const long double unit = 0x1p-24L;

static long double absolute(long double v) { return v < 0 ? -v : v; }

static long double gamma_of(uint64_t k)
{
    long double ku = (long double)k * unit;
    return ku / (1 - ku);
}

static exciton_estimate estimate(long double value, long double bound)
{
    return (exciton_estimate){.value = value, .bound = bound * (1 + 0x1p-10L) + 0x1p-126L};
}

long double exciton_oracle_exp(long double v)
{
    if (v != v)
        return v;
    if (v < -11000)
        return 0;
    if (v > 11000)
        v = 11000;
    int halvings = 0;
    for (; absolute(v) > 0.5L; v /= 2)
        ++halvings;
    long double term = 1, sum = 1;
    for (int k = 1; k < 24; ++k) {
        term *= v / k;
        sum += term;
    }
    while (halvings-- > 0)
        sum *= sum;
    return sum;
}

/* ---- The formula's functions, each with what f32 may be off for an argument v off by dv ---- */

static long double logistic(long double v)
{
    return v < 0 ? exciton_oracle_exp(v) / (1 + exciton_oracle_exp(v)) : 1 / (1 + exciton_oracle_exp(-v));
}

static long double clip01(long double v) { return v < 0 ? 0 : v > 1 ? 1 : v; }

static exciton_estimate hard_sigmoid(long double slope, long double offset, long double v, long double dv)
{
    long double product = slope * v;
    long double own = unit * (2 * absolute(product) + absolute(product + offset) + absolute(slope) * dv);
    return estimate(clip01(product + offset), absolute(slope) * dv + own);
}

static exciton_estimate activate(exciton_activation activation, long double v, long double dv)
{
    switch (activation) {
    case EXCITON_ACTIVATION_IDENTITY:
        return estimate(v, dv);
    case EXCITON_ACTIVATION_SILU: {
        long double value = v * logistic(v);
        return estimate(value, 1.1L * dv + 9 * unit * (absolute(value) + dv));
    }
    case EXCITON_ACTIVATION_HARD_SWISH: {
        exciton_estimate gate = hard_sigmoid(1 / 6.0L, 0.5L, v, 0);
        long double value = v * gate.value;
        return estimate(value, 1.5L * dv + absolute(v) * gate.bound + unit * (absolute(value) + 2 * dv));
    }
    default:
        return estimate(v < 0 ? 0 : v, dv);
    }
}

static exciton_estimate gate_of(const exciton_case *c, long double v, long double dv)
{
    switch (c->gate) {
    case EXCITON_GATE_HARD_SIGMOID_6: return hard_sigmoid(1 / 6.0L, 0.5L, v, dv);
    case EXCITON_GATE_HARD_SIGMOID_5: return hard_sigmoid(0.2L, 0.5L, v, dv);
    case EXCITON_GATE_HARD_SIGMOID_PADDLE: return hard_sigmoid(0.1666667L, 0.5L, v, dv);
    case EXCITON_GATE_HARD_SIGMOID_CUSTOM: return hard_sigmoid(c->slope, c->offset, v, dv);
    default: {
        long double value = logistic(v);
        return estimate(value, dv / 4 + 8 * unit * (value + dv / 4));
    }
    }
}

/* ---- The block ---- */

static exciton_estimate mean(const float *row, uint64_t count)
{
    long double sum = 0, magnitude = 0;
    for (uint64_t i = 0; i < count; ++i) {
        sum += row[i];
        magnitude += absolute(row[i]);
    }
    uint64_t additions = 134 + count / 4096;
    if (additions > count - 1)
        additions = count - 1;
    return estimate(sum / (long double)count, gamma_of(additions + 2) * magnitude / (long double)count);
}

/* The layer's value before its function. `w` is the output's row of the matrix. */
static exciton_estimate weigh(const float *w, const exciton_estimate *inputs, uint64_t count, const float *bias)
{
    long double b = bias ? *bias : 0, sum = b, magnitude = absolute(b), passed = 0;
    for (uint64_t i = 0; i < count; ++i) {
        long double weight = absolute(w[i]);
        sum += (long double)w[i] * inputs[i].value;
        magnitude += weight * (absolute(inputs[i].value) + inputs[i].bound);
        passed += weight * inputs[i].bound;
    }
    return estimate(sum, passed + gamma_of(count + 1) * magnitude);
}

void exciton_oracle_gates(const exciton_case *c, const exciton_case_data *data, exciton_estimate *s, exciton_estimate *h,
                          exciton_estimate *g)
{
    uint64_t channels = c->channels, hidden = c->hidden, spatial = exciton_case_spatial(c);
    for (uint64_t n = 0; n < c->shape.batch; ++n) {
        for (uint64_t i = n * channels; i < (n + 1) * channels; ++i)
            s[i] = mean(data->x + i * spatial, spatial);
        for (uint64_t r = 0; r < hidden; ++r) {
            exciton_estimate z = weigh(data->w1 + r * channels, s + n * channels, channels, data->b1 ? data->b1 + r : NULL);
            h[n * hidden + r] = activate(c->activation, z.value, z.bound);
        }
        for (uint64_t i = 0; i < channels; ++i) {
            exciton_estimate z = weigh(data->w2 + i * hidden, h + n * hidden, hidden, data->b2 ? data->b2 + i : NULL);
            g[n * channels + i] = gate_of(c, z.value, z.bound);
        }
    }
}

exciton_estimate exciton_oracle_output(const exciton_case *c, const exciton_estimate *gate, float x)
{
    long double product = gate->value * x, magnitude = absolute(x) * (absolute(gate->value) + gate->bound);
    long double value = product, bound = absolute(x) * gate->bound + unit * magnitude;
    if (c->output == EXCITON_OUTPUT_RESIDUAL) {
        value += x;
        bound += unit * (absolute(x) + magnitude);
    }
    return estimate(c->then == EXCITON_THEN_RELU && value < 0 ? 0 : value, bound);
}

/* ---- Comparison ---- */

bool exciton_estimate_admits(const exciton_estimate *wanted, float got)
{
    if (wanted->value != wanted->value)
        return got != got;
    if (got == wanted->value) /* infinities too */
        return true;
    return absolute(got - wanted->value) <= wanted->bound; /* false for a NaN */
}

uint64_t exciton_oracle_check(const exciton_estimate *estimates, uint64_t count, const float *got)
{
    for (uint64_t i = 0; i < count; ++i)
        if (!exciton_estimate_admits(&estimates[i], got[i]))
            return i;
    return count;
}

uint64_t exciton_oracle_check_output(const exciton_case *c, const exciton_case_data *data, const exciton_estimate *g,
                                     const float *y)
{
    uint64_t spatial = exciton_case_spatial(c), count = exciton_case_count(c, EXCITON_CASE_X);
    for (uint64_t i = 0; i < count; ++i) {
        exciton_estimate wanted = exciton_oracle_output(c, &g[i / spatial], data->x[i]);
        if (!exciton_estimate_admits(&wanted, y[i]))
            return i;
    }
    return count;
}
