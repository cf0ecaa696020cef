/* One plan made for the largest batch runs every smaller one, and smaller planes, with the bits that a sample has in any
 * batch; exciton_run and exciton_run_host give the same. */
#include "conformance/suite.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The last two have weights that are heavy beside a sample: more hidden than channels, more channels than a row of sums in cache. */
static const struct {
    const char *name;
    uint64_t batch, channels, hidden, space;
} blocks[] = {{"batches", 32, 40, 5, 49}, {"batches, wide", 12, 40, 70, 17}, {"batches, flat", 12, 536, 9, 3}};
enum { BLOCKS = sizeof blocks / sizeof blocks[0] };

static void run_batches(suite *s, const variant *v, const tensors *t, exciton_plan *plan, exciton_buffer *x, exciton_buffer *y)
{
    uint64_t batch = v->c.shape.batch, space = v->c.shape.spatial[0];
    float *got = malloc(t->count * sizeof *got);
    for (uint64_t n = 1; got && n <= batch; ++n) {
        uint64_t count = t->count / batch * n, different = 0;
        memset(got, 0xff, t->count * sizeof *got);
        exciton_args args = {.in = {x, 0}, .out = {y, 0}, .shape = {.batch = n, .dims = 1, .spatial = {space}}};
        exciton_status status = exciton_buffer_write(y, 0, got, t->count * sizeof *got);
        if (status == EXCITON_OK)
            status = exciton_run(plan, &args);
        if (status == EXCITON_OK)
            status = exciton_buffer_read(y, 0, got, t->count * sizeof *got);
        check_status(status, EXCITON_OK, "%s: batch %" PRIu64, exciton_schedule_name(v->schedule), n);
        for (uint64_t i = 0; i < t->count; ++i) {
            uint32_t bits;
            memcpy(&bits, &got[i], 4);
            different += i < count ? memcmp(&got[i], &t->y[i], 4) != 0 : bits != UINT32_C(0xffffffff);
        }
        check(different == 0, "%s: batch %" PRIu64 ": %" PRIu64 " elements differ", exciton_schedule_name(v->schedule), n,
              different);
    }
    free(got);
    (void)s;
}

/* Where x and y lie, in floats from the start of a block: apart, in place, elsewhere and not aligned, overlapping. */
static void run_host_pointers(const tensors *t, exciton_plan *plan)
{
    enum { GUARD = 16 };
    const struct {
        const char *name;
        size_t x, y;
    } places[] = {{"apart", GUARD, t->count + 2 * GUARD},      {"x == y", GUARD, GUARD},
                  {"apart again", GUARD, t->count + 2 * GUARD}, {"elsewhere", t->count + 3 * GUARD + 3, GUARD + 1},
                  {"overlapping", GUARD, GUARD + 5},            {"overlapping before", GUARD + 5, GUARD}};
    size_t size = 2 * t->count + 5 * GUARD;
    float *block = malloc(size * sizeof *block), *expected = malloc(size * sizeof *expected);
    for (size_t i = 0; block && expected && i < sizeof places / sizeof places[0]; ++i) {
        memset(block, 0xff, size * sizeof *block);
        memcpy(block + places[i].x, t->x, t->count * sizeof *block);
        memcpy(expected, block, size * sizeof *block);
        memcpy(expected + places[i].y, t->y, t->count * sizeof *block);
        check_status(exciton_run_host(plan, block + places[i].x, block + places[i].y), EXCITON_OK, "run_host");
        check(memcmp(block, expected, size * sizeof *block) == 0, "run_host, %s: other bytes", places[i].name);
    }
    free(block);
    free(expected);
}

static void run_block(suite *s, variant v)
{
    tensors t;
    tensors_make(&v.c, &t);
    exciton_buffer *x = NULL, *y = NULL;
    uint64_t bytes = t.count * sizeof(float);
    bool ready = suite_reference(s, &v, &t) &&
                 exciton_buffer_create(s->device.device, bytes, EXCITON_DOMAIN_DEFAULT, &x) == EXCITON_OK &&
                 exciton_buffer_create(s->device.device, bytes, EXCITON_DOMAIN_DEFAULT, &y) == EXCITON_OK &&
                 exciton_buffer_write(x, 0, t.x, bytes) == EXCITON_OK;
    check(ready, "buffers: %s", exciton_last_error());
    for (int schedule = EXCITON_SCHEDULE_DEFAULT; ready && schedule <= EXCITON_SCHEDULE_PIPELINED; ++schedule) {
        exciton_plan *plan = NULL;
        v.schedule = (exciton_schedule)schedule;
        exciton_status status = engine_plan(&s->device, &v, &t, &plan);
        if (is_refusal(status) && suite_may_refuse(s, &v)) {
            check_skip("%s: %s", exciton_schedule_name(v.schedule), exciton_last_error());
            continue;
        }
        if (check_status(status, EXCITON_OK, "the plan")) {
            run_batches(s, &v, &t, plan, x, y);
            run_host_pointers(&t, plan);
        }
        exciton_plan_destroy(plan);
    }
    exciton_buffer_destroy(x);
    exciton_buffer_destroy(y);
    tensors_release(&t);
}

void section_batches(suite *s)
{
    for (int i = 0; i < BLOCKS; ++i)
        run_block(s, variant_of_shape(blocks[i].name, blocks[i].batch, blocks[i].channels, blocks[i].hidden, blocks[i].space));
}
