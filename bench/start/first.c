/* From process start to the first result of a block: opens a device, plans, runs from and to host memory, says so.
 *
 *     first DEVICE CACHE N C H W R [stages]
 *
 * CACHE: a folder, kept between runs. Writes one byte to stdout once y is there; `stages`: where the time went and what
 * the library said, to stderr. */
#include "data.h"

#include <exciton/exciton.h>

#include <stdio.h>
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

static exciton_status run(char **argv)
{
    exciton_context *context = NULL;
    exciton_device *device = NULL;
    exciton_plan *plan = NULL;
    data d;
    if (!data_make(argv + 3, &d))
        return exciton_report(EXCITON_ERROR_MEMORY, "first: out of memory");
    const exciton_se se = {.channels = d.size[1], .hidden = d.size[4], .fc1 = {.data = d.w1}, .fc2 = {.data = d.w2},
                           .max = {.batch = d.size[0], .dims = 2, .spatial = {d.size[2], d.size[3]}}};
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
        status = exciton_run_host(plan, d.x, d.y);
    stage("run");
    if (!status && write(STDOUT_FILENO, "y", 1) != 1)
        status = exciton_report(EXCITON_ERROR_FILE, "first: stdout");
    exciton_plan_destroy(plan);
    exciton_device_close(device);
    exciton_context_destroy(context);
    stage("closing");
    data_release(&d);
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
