/* Two threads submit bindings of one plan, each thread its own; every eighth result is compared, poisoned before. Besides, an OpenCL
 * driver whose blocking calls return at once, as rusticl's do when another thread flushes the queue meanwhile (docs/drivers.md). */
#include "conformance/bed.h"

#include "base/os.h"
#include "core/context.h"

#include <inttypes.h>
#include <string.h>

typedef struct worker {
    suite *s;
    bed *b;
    exciton_buffer *y;
    uint32_t iterations;
    uint32_t done, wrong, wrong_at; /* wrong_at: the first of them */
    char why[BED_WHY];              /* and what was wrong with it */
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
    char why[BED_WHY];
    if (status == EXCITON_OK && compare && bed_differs(w->b, w->y, 1, why) && w->wrong++ == 0) {
        memcpy(w->why, why, sizeof why);
        w->wrong_at = w->done;
    }
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

#ifdef EXCITON_OPENCL
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

static __typeof__(&clEnqueueReadBuffer) enqueue_read;
static __typeof__(&clEnqueueWriteBuffer) enqueue_write;
static __typeof__(&clEnqueueMapBuffer) enqueue_map;

static cl_int CL_API_CALL read_early(cl_command_queue queue, cl_mem memory, cl_bool blocking, size_t at, size_t bytes, void *to, cl_uint count,
                                     const cl_event *after, cl_event *event)
{
    (void)blocking;
    return enqueue_read(queue, memory, CL_FALSE, at, bytes, to, count, after, event);
}

static cl_int CL_API_CALL write_early(cl_command_queue queue, cl_mem memory, cl_bool blocking, size_t at, size_t bytes, const void *from,
                                      cl_uint count, const cl_event *after, cl_event *event)
{
    (void)blocking;
    return enqueue_write(queue, memory, CL_FALSE, at, bytes, from, count, after, event);
}

static void *CL_API_CALL map_early(cl_command_queue queue, cl_mem memory, cl_bool blocking, cl_map_flags flags, size_t at, size_t bytes,
                                   cl_uint count, const cl_event *after, cl_event *event, cl_int *code)
{
    (void)blocking;
    return enqueue_map(queue, memory, CL_FALSE, flags, at, bytes, count, after, event, code);
}

static exciton_function return_early(void *user, const char *name, exciton_function function)
{
    (void)user;
    if (function && !strcmp(name, "clEnqueueReadBuffer")) {
        enqueue_read = (__typeof__(enqueue_read))function;
        return (exciton_function)read_early;
    }
    if (function && !strcmp(name, "clEnqueueWriteBuffer")) {
        enqueue_write = (__typeof__(enqueue_write))function;
        return (exciton_function)write_early;
    }
    if (function && !strcmp(name, "clEnqueueMapBuffer")) {
        enqueue_map = (__typeof__(enqueue_map))function;
        return (exciton_function)map_early;
    }
    return function;
}

/* x is large enough that a copy isn't over before the next line. */
static void blocking_calls_return_early(suite *s)
{
    exciton_context *context = NULL;
    engine e = {0};
    variant v = variant_of_shape("blocking calls return early", 2, 64, 4, 6400);
    tensors t;
    tensors_make(&v.c, &t);
    if (check_status(exciton_context_create_seamed(NULL, return_early, NULL, &context), EXCITON_OK, "a context") &&
        check_status(exciton_device_open(context, s->options.selector, &e.device), EXCITON_OK, "its device") && suite_reference(s, &v, &t))
        for (int i = 0; i < 3; ++i)
            check_status(engine_check(&e, &v, &t), EXCITON_OK, "%s", v.name);
    engine_close(&e);
    exciton_context_destroy(context);
    tensors_release(&t);
}
#else
static void blocking_calls_return_early(suite *s) { (void)s; }
#endif

void section_threads(suite *s)
{
    if (s->info.api == EXCITON_API_OPENCL)
        blocking_calls_return_early(s);
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
                  "thread %d: %" PRIu32 " of %" PRIu32 " submissions, %" PRIu32 " with other bits, the first the %" PRIu32 "th: %s", i, w->done,
                  w->iterations, w->wrong, w->wrong_at, w->why);
        }
    }
    bed_close(&b);
}
