/* The data of one shape: x and the weights, close to a normal distribution, and y. */
#include <stdlib.h>

#include "base/checked.h"
#include "tool/bench_session.h"

uint64_t bench_random(uint64_t *state)
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
        uint64_t r = bench_random(state);
        int32_t sum = (int32_t)(r & 0xffff) + (int32_t)(r >> 16 & 0xffff) + (int32_t)(r >> 32 & 0xffff) + (int32_t)(r >> 48);
        to[i] = (float)(sum - 131070) * (1.0f / 37837.2f) * scale;
    }
}

int bench_fail(const bench_session *s, exciton_status status, tool_stage stage)
{
    const char *line = exciton_last_error();
    return tool_error(tool_exit_of(status, stage), "bench: %s: %s", s->name, line[0] ? line : exciton_status_text(status));
}

static int count_elements(bench_session *s, uint64_t *bytes)
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

static int make_weights(bench_session *s)
{
    uint64_t count = s->shape->channels * s->shape->hidden, state = 1;
    s->w1 = malloc(count * sizeof *s->w1);
    s->w2 = malloc(count * sizeof *s->w2);
    s->block = malloc(BENCH_BLOCK * sizeof *s->block);
    if (!s->w1 || !s->w2 || !s->block)
        return tool_error(TOOL_OTHER, "bench: %s: out of memory", s->name);
    fill_normal(s->w1, count, 0.5f, &state);
    fill_normal(s->w2, count, 0.5f, &state);
    return TOOL_DONE;
}

static exciton_status make_x(bench_session *s)
{
    uint64_t state = 2;
    exciton_status status = exciton_buffer_create(s->device, s->count * sizeof(float), EXCITON_DOMAIN_DEVICE, &s->x);
    if (status == EXCITON_OK)
        status = exciton_buffer_create(s->device, s->count * sizeof(float), EXCITON_DOMAIN_DEVICE, &s->y);
    for (uint64_t at = 0; status == EXCITON_OK && at < s->count; at += BENCH_BLOCK) {
        uint64_t size = exciton_min(BENCH_BLOCK, s->count - at);
        fill_normal(s->block, size, 1.0f, &state);
        status = exciton_buffer_write(s->x, at * sizeof(float), s->block, size * sizeof(float));
    }
    return status;
}

int bench_data_make(bench_session *s, uint64_t *bytes)
{
    int result = count_elements(s, bytes);
    if (result == TOOL_DONE)
        result = make_weights(s);
    if (result != TOOL_DONE)
        return result;
    exciton_status status = make_x(s);
    return status == EXCITON_OK ? TOOL_DONE : bench_fail(s, status, TOOL_AT_DEVICE);
}

void bench_data_release(bench_session *s)
{
    exciton_buffer_destroy(s->x);
    exciton_buffer_destroy(s->y);
    free(s->w1);
    free(s->w2);
    free(s->block);
}
