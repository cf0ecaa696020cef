/* A Squeeze-and-Excitation block on the best device of this machine. */
#include <exciton/exciton.h>
#include <stdio.h>

enum { N = 2, C = 64, R = 4, H = 14, W = 14 };
static float x[N * C * H * W], y[N * C * H * W], w1[R * C], w2[C * R];

int main(void)
{
    exciton_context *context = NULL;
    exciton_device *device = NULL;
    exciton_plan *plan = NULL;
    exciton_device_info info;
    for (int i = 0; i < N * C * H * W; i++) x[i] = (float)(i % 17) / 16;
    for (int i = 0; i < R * C; i++) w1[i] = w2[i] = (float)(i % 5) / 8 - 0.25f;
    const exciton_se se = {.channels = C, .hidden = R, .fc1 = {.data = w1}, .fc2 = {.data = w2},
                           .max = {.batch = N, .dims = 2, .spatial = {H, W}}};
    int ok = !exciton_context_create(NULL, &context) && !exciton_device_open(context, "auto", &device) &&
             !exciton_device_get_info(device, &info) && !exciton_plan_create_se(device, &se, &plan) && !exciton_run_host(plan, x, y);
    if (ok) printf("%s (%s): %g %g %g %g\n", info.name, info.driver, y[0], y[1], y[2], y[3]);
    else fprintf(stderr, "%s\n", exciton_last_error());
    exciton_plan_destroy(plan);
    exciton_device_close(device);
    exciton_context_destroy(context);
    return !ok;
}
