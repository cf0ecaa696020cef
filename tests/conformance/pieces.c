/* x of 300 MiB: more than one binding of a device may see, where its range is smaller; out of place and in place, each
 * bit against the host's. x is not kept in host memory but made, and read back, a part at a time. */
#include "conformance/suite.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 3, CHANNELS = 200, SPACE = 131072, PART = 1 << 20 /* elements */ };
static const uint64_t elements = (uint64_t)SAMPLES * CHANNELS * SPACE; /* 300 MiB */

typedef struct side {
    engine *e;
    exciton_buffer *x, *y;
} side;

/* Element i, from i alone: the row's centre and a little of everything. */
static void make_part(uint64_t first, float *part)
{
    for (uint64_t i = first; i < first + PART; ++i) {
        uint32_t mixed = (uint32_t)(i * UINT64_C(2654435761) >> 7) ^ (uint32_t)(i >> 3);
        int32_t centre = (int32_t)(i / SPACE * 40503 % 65536) - 32768;
        part[i - first] = exciton_float_of(centre * 64 + (int32_t)(mixed % 4194304) - 2097152, -22);
    }
}

static exciton_status fill(const side *d, float *part)
{
    exciton_status status = EXCITON_OK;
    for (uint64_t at = 0; at < elements && status == EXCITON_OK; at += PART) {
        make_part(at, part);
        status = exciton_buffer_write(d->x, at * sizeof(float), part, PART * sizeof(float));
    }
    return status;
}

static exciton_status run_side(const side *d, const variant *v, const tensors *t, bool in_place, uint32_t *pieces)
{
    exciton_plan *plan = NULL;
    exciton_binding *binding = NULL;
    exciton_binding_info info = {0};
    exciton_ticket ticket = 0;
    exciton_args args = {.in = {d->x, 0}, .out = {in_place ? d->x : d->y, 0}};
    exciton_status status = engine_plan(d->e, v, t, &plan);
    if (status == EXCITON_OK)
        status = exciton_binding_create(plan, &args, &binding);
    if (status == EXCITON_OK)
        status = exciton_binding_get_info(binding, &info);
    if (status == EXCITON_OK)
        status = exciton_submit(d->e->device, &binding, 1, &ticket);
    if (status == EXCITON_OK)
        status = exciton_wait(d->e->device, ticket, EXCITON_WAIT_DEFAULT);
    exciton_binding_destroy(binding);
    exciton_plan_destroy(plan);
    *pieces = info.pieces;
    return status;
}

/* Elements of `got` that differ from `wanted`, and the first. */
static exciton_status compare(exciton_buffer *got, exciton_buffer *wanted, float *a, float *b, uint64_t *different,
                              uint64_t *first)
{
    exciton_status status = EXCITON_OK;
    *different = 0;
    for (uint64_t at = 0; at < elements && status == EXCITON_OK; at += PART) {
        status = exciton_buffer_read(got, at * sizeof(float), a, PART * sizeof(float));
        if (status == EXCITON_OK)
            status = exciton_buffer_read(wanted, at * sizeof(float), b, PART * sizeof(float));
        if (status != EXCITON_OK || memcmp(a, b, PART * sizeof(float)) == 0)
            continue;
        for (uint64_t i = 0; i < PART; ++i)
            if (memcmp(&a[i], &b[i], sizeof(float)) != 0 && (*different)++ == 0)
                *first = at + i;
    }
    return status;
}

static void run_schedule(suite *s, const side *device, const side *host, variant *v, const tensors *t, float *parts[2])
{
    uint64_t different = 0, first = 0;
    for (int in_place = 0; in_place < 2; ++in_place) {
        uint32_t pieces = 0;
        exciton_status status = run_side(device, v, t, in_place, &pieces);
        const char *name = exciton_schedule_name(v->schedule), *place = in_place ? "in place" : "out of place";
        if (is_refusal(status) && suite_may_refuse(s, v)) {
            check_skip("%s, %s: %s", name, place, exciton_last_error());
            continue;
        }
        if (!check_status(status, EXCITON_OK, "%s, %s", name, place))
            continue;
        printf("  %s, %s: %" PRIu32 " pieces\n", name, place, pieces);
        bool cut = elements * sizeof(float) > s->limits.max_binding_range;
        check((pieces > 1) == cut || s->info.api == EXCITON_API_HOST, "%s, %s: %" PRIu32 " pieces", name, place, pieces);
        check_status(compare(in_place ? device->x : device->y, host->y, parts[0], parts[1], &different, &first), EXCITON_OK,
                     "reading");
        check(different == 0, "%s, %s: %" PRIu64 " elements differ, the first is %" PRIu64, name, place, different, first);
        if (!in_place) {
            check_status(compare(device->x, host->x, parts[0], parts[1], &different, &first), EXCITON_OK, "reading");
            check(different == 0, "%s: x changed", name);
        } else {
            check_status(fill(device, parts[0]), EXCITON_OK, "x again");
        }
    }
}

void section_pieces(suite *s)
{
    uint64_t bytes = elements * sizeof(float);
    if (!s->options.sections && bytes <= s->limits.max_binding_range) {
        check_skip("the device binds 300 MiB whole");
        return;
    }
    variant v = variant_of_shape("300 MiB", 1, CHANNELS, 12, 1); /* weights only: the tensors are made here */
    tensors t;
    tensors_make(&v.c, &t);
    v.c.shape = v.max = (exciton_shape){.batch = SAMPLES, .dims = 2, .spatial = {SPACE / 256, 256}};
    side device = {.e = &s->device}, host = {.e = &s->host};
    float *parts[2] = {malloc(PART * sizeof(float)), malloc(PART * sizeof(float))};
    bool ready = parts[0] && parts[1];
    for (int i = 0; i < 2 && ready; ++i) {
        side *d = i ? &host : &device;
        ready = check_status(exciton_buffer_create(d->e->device, bytes, EXCITON_DOMAIN_DEFAULT, &d->x), EXCITON_OK,
                             "x of 300 MiB") &&
                check_status(exciton_buffer_create(d->e->device, bytes, EXCITON_DOMAIN_DEFAULT, &d->y), EXCITON_OK,
                             "y of 300 MiB") &&
                check_status(fill(d, parts[0]), EXCITON_OK, "x");
    }
    v.schedule = EXCITON_SCHEDULE_THREE_STAGES;
    uint32_t pieces;
    if (ready && check_status(run_side(&host, &v, &t, false, &pieces), EXCITON_OK, "host"))
        for (int schedule = EXCITON_SCHEDULE_DEFAULT; schedule <= EXCITON_SCHEDULE_PIPELINED; ++schedule) {
            v.schedule = (exciton_schedule)schedule;
            run_schedule(s, &device, &host, &v, &t, parts);
        }
    exciton_buffer_destroy(device.x);
    exciton_buffer_destroy(device.y);
    exciton_buffer_destroy(host.x);
    exciton_buffer_destroy(host.y);
    free(parts[0]);
    free(parts[1]);
    tensors_release(&t);
}
