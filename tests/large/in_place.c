/* x = y of 4.5 GiB in place on one device, against double precision. Too large for CI: run by hand.
 *
 *     in_place [SELECTOR] [GIB_TIMES_TWO]     default: host 9 */
#include <exciton/exciton.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHANNELS = 32, HIDDEN = 2, SIDE = 2048 }; /* half a GiB a sample: rows of 2^22, longer than a segment */

static const uint64_t space = (uint64_t)SIDE * SIDE;

static float element(uint64_t i)
{
    uint64_t z = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    return (float)(int32_t)(z >> 40) / 8388608.0f - 0.75f; /* 24 bits: exact; not centred, so that means count */
}

static int check(exciton_status status, const char *what)
{
    if (status)
        fprintf(stderr, "%s: %s\n", what, exciton_last_error());
    return status != EXCITON_OK;
}

static void gates(const float *x, const float *w1, const float *w2, double gate[CHANNELS])
{
    double mean[CHANNELS], hidden[HIDDEN];
    for (int c = 0; c < CHANNELS; ++c) {
        double sum = 0;
        for (uint64_t i = 0; i < space; ++i)
            sum += (double)x[(uint64_t)c * space + i];
        mean[c] = sum / (double)space;
    }
    for (int r = 0; r < HIDDEN; ++r) {
        hidden[r] = 0;
        for (int c = 0; c < CHANNELS; ++c)
            hidden[r] += (double)w1[r * CHANNELS + c] * mean[c];
        hidden[r] = fmax(hidden[r], 0);
    }
    for (int c = 0; c < CHANNELS; ++c) {
        double sum = 0;
        for (int r = 0; r < HIDDEN; ++r)
            sum += (double)w2[c * HIDDEN + r] * hidden[r];
        gate[c] = 1 / (1 + exp(-sum));
    }
}

int main(int argc, char **argv)
{
    const char *selector = argc > 1 ? argv[1] : "host";
    uint64_t batch = argc > 2 ? strtoull(argv[2], NULL, 10) : 9, elements = batch * CHANNELS * space;
    static float w1[HIDDEN * CHANNELS], w2[HIDDEN * CHANNELS];
    for (int i = 0; i < HIDDEN * CHANNELS; ++i) {
        w1[i] = element((uint64_t)i + 7);
        w2[i] = element((uint64_t)i + 777);
    }
    exciton_context *context = NULL;
    exciton_device *device = NULL;
    exciton_plan *plan = NULL;
    exciton_buffer *buffer = NULL;
    exciton_binding *binding = NULL;
    double(*gate)[CHANNELS] = calloc(batch, sizeof *gate);
    void *data = NULL;
    exciton_ticket ticket;
    const exciton_se se = {.channels = CHANNELS, .hidden = HIDDEN, .fc1 = {.data = w1}, .fc2 = {.data = w2},
                           .max = {.batch = batch, .dims = 2, .spatial = {SIDE, SIDE}}};
    int failed = !gate || check(exciton_context_create(NULL, &context), "context") || check(exciton_device_open(context, selector, &device), "device") ||
                 check(exciton_plan_create_se(device, &se, &plan), "plan") ||
                 check(exciton_buffer_create(device, elements * sizeof(float), EXCITON_DOMAIN_DEFAULT, &buffer), "buffer") ||
                 check(exciton_buffer_map(buffer, true, &data), "map");
    if (!failed) {
        float *x = data;
        for (uint64_t i = 0; i < elements; ++i)
            x[i] = element(i);
        for (uint64_t n = 0; n < batch; ++n)
            gates(x + n * CHANNELS * space, w1, w2, gate[n]);
        failed = check(exciton_buffer_unmap(buffer), "unmap") ||
                 check(exciton_binding_create(plan, &(exciton_args){.in = {buffer, 0}, .out = {buffer, 0}}, &binding), "binding") ||
                 check(exciton_submit(device, &binding, 1, &ticket), "submit") || check(exciton_wait(device, ticket, 10 * EXCITON_WAIT_DEFAULT), "wait") ||
                 check(exciton_buffer_map(buffer, false, &data), "map");
    }
    if (!failed) {
        const float *y = data;
        double worst = 0, largest = 0;
        for (uint64_t i = 0; i < elements; ++i) {
            double expected = gate[i / space / CHANNELS][i / space % CHANNELS] * (double)element(i);
            worst = fmax(worst, fabs((double)y[i] - expected));
            largest = fmax(largest, fabs(expected));
        }
        exciton_binding_info info;
        failed = check(exciton_binding_get_info(binding, &info), "info") || !(worst <= 2e-6 * largest);
        printf("%s: %.2f GiB in place, %" PRIu32 " dispatches, %" PRIu32 " pieces: largest error %.2e of %.3f: %s\n", selector,
               (double)elements * 4 / (1 << 30), info.dispatches, info.pieces, worst, largest, failed ? "failed" : "right");
        exciton_buffer_unmap(buffer);
    }
    exciton_binding_destroy(binding);
    exciton_buffer_destroy(buffer);
    exciton_plan_destroy(plan);
    exciton_device_close(device);
    exciton_context_destroy(context);
    free(gate);
    return failed;
}
