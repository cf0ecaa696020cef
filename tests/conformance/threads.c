/* Two threads submit bindings of one plan, each thread its own; every eighth result is compared, poisoned before. */
#include "conformance/bed.h"

#include "base/os.h"

#include <inttypes.h>

typedef struct worker {
    suite *s;
    bed *b;
    exciton_buffer *y;
    uint32_t iterations;
    uint32_t done, wrong;
    exciton_status status; /* the first failure */
} worker;

static exciton_status turn(worker *w, exciton_binding *binding, bool compare)
{
    exciton_ticket ticket;
    exciton_status status = compare ? bed_poison(w->b, w->y) : EXCITON_OK;
    if (status == EXCITON_OK)
        status = exciton_submit(w->s->device.device, &binding, 1, &ticket);
    if (status == EXCITON_OK && compare)
        status = exciton_wait(w->s->device.device, ticket, EXCITON_WAIT_DEFAULT);
    if (status == EXCITON_OK && compare)
        w->wrong += !bed_holds(w->b, w->y, 1);
    return status;
}

static void *work(void *argument)
{
    worker *w = argument;
    exciton_binding *binding = NULL;
    w->status = bed_bind(w->b, w->b->x, w->y, &binding);
    while (w->done < w->iterations && w->status == EXCITON_OK) {
        w->status = turn(w, binding, w->done % 8 == 7);
        ++w->done;
    }
    exciton_binding_destroy(binding);
    return NULL;
}

void section_threads(suite *s)
{
    bed b;
    if (bed_open(s, &b, EXCITON_SCHEDULE_DEFAULT)) {
        worker workers[2] = {{.s = s, .b = &b, .y = b.y, .iterations = s->options.iterations},
                             {.s = s, .b = &b, .y = b.z, .iterations = s->options.iterations}};
        exciton_thread threads[2];
        bool started[2];
        for (int i = 0; i < 2; ++i)
            started[i] = exciton_thread_start(&threads[i], work, &workers[i]);
        for (int i = 0; i < 2; ++i) {
            if (started[i])
                exciton_thread_join(threads[i]);
            const worker *w = &workers[i];
            check(started[i] && w->status == EXCITON_OK, "thread %d: %s after %" PRIu32 " submissions", i,
                  exciton_status_text(w->status), w->done);
            check(started[i] && w->done == w->iterations && w->wrong == 0,
                  "thread %d: %" PRIu32 " of %" PRIu32 " submissions, %" PRIu32 " with other bits", i, w->done, w->iterations,
                  w->wrong);
        }
    }
    bed_close(&b);
}
