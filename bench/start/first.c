/* From process start to the first result of a block: opens a device, plans, runs from and to host memory, says so.
 *
 *     first DEVICE CACHE N C H W R [stages]
 *
 * CACHE: a folder, kept between runs. Writes one byte to stdout once y is there; `stages`: where the time went and what
 * the library said, to stderr. */
#include <exciton/exciton.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool stages;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void stage(const char *name)
{
    static double last;
    double t = now();
    if (stages && last > 0)
        fprintf(stderr, "%-8s %8.3f ms\n", name, t - last);
    last = now();
}

static void say(void *user, exciton_log_level level, const char *line)
{
    (void)user, (void)level;
    fprintf(stderr, "  %s\n", line);
}

static float *values(size_t count, float scale)
{
    float *v = malloc(count * sizeof *v);
    for (size_t i = 0; v && i < count; i++)
        v[i] = (float)((int)(i * 2654435761u >> 16 & 1023) - 512) * scale;
    return v;
}

static exciton_status run(char **argv)
{
    exciton_context *context = NULL;
    exciton_device *device = NULL;
    exciton_plan *plan = NULL;
    uint64_t size[5];
    for (int i = 0; i < 5; i++)
        size[i] = strtoull(argv[3 + i], NULL, 10);
    size_t count = size[0] * size[1] * size[2] * size[3], weights = size[1] * size[4];
    float *x = values(count, 1.0f / 256), *w1 = values(weights, 1.0f / 4096), *w2 = values(weights, 1.0f / 4096), *y = malloc(count * sizeof *y);
    if (!x || !w1 || !w2 || !y)
        return exciton_report(EXCITON_ERROR_MEMORY, "first: out of memory");
    const exciton_se se = {.channels = size[1], .hidden = size[4], .fc1 = {.data = w1}, .fc2 = {.data = w2},
                           .max = {.batch = size[0], .dims = 2, .spatial = {size[2], size[3]}}};
    stage("");
    exciton_status status = exciton_context_create(&(exciton_context_params){.log = stages ? say : NULL, .cache = {.directory = argv[2]}}, &context);
    stage("context");
    if (!status)
        status = exciton_device_open(context, argv[1], &device);
    stage("device");
    if (!status)
        status = exciton_plan_create_se(device, &se, &plan);
    stage("plan");
    if (!status)
        status = exciton_run_host(plan, x, y);
    stage("run");
    if (!status && write(STDOUT_FILENO, "y", 1) != 1)
        status = exciton_report(EXCITON_ERROR_FILE, "first: stdout");
    exciton_plan_destroy(plan);
    exciton_device_close(device);
    exciton_context_destroy(context);
    stage("closing");
    free(x);
    free(w1);
    free(w2);
    free(y);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 8) {
        fprintf(stderr, "usage: first DEVICE CACHE N C H W R [stages]\n");
        return 2;
    }
    stages = argc > 8 && !strcmp(argv[8], "stages");
    exciton_status status = run(argv);
    if (status)
        fprintf(stderr, "first: %s\n", exciton_last_error());
    return status != EXCITON_OK;
}
