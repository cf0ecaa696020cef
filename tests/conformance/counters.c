/* What reaches the driver and the allocator, counted by wrappers in a context of its own: dispatches of a block, nothing
 * but submissions and waits once bindings are warm, no compilation for a smaller shape. */
#include "conformance/suite.h"
#include "core/context.h"
#include "support/allocator.h"
#include "support/driver.h"
#include "support/memory_cache.h"
#include "support/seam.h"

#include <ftw.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct counted {
    test_allocator allocator;
    exciton_context *context;
    exciton_device *device;
    variant v;
    tensors t;
    exciton_plan *plan;
    exciton_buffer *x, *y[3];
    exciton_binding *bindings[3];
} counted;

static bool open_counted(suite *s, counted *c, const variant *v, exciton_cache cache)
{
    memset(c, 0, sizeof *c);
    seam_reset();
    c->v = *v;
    tensors_make(&v->c, &c->t);
    exciton_context_params params = {.log = test_log, .allocator = test_allocator_interface(&c->allocator), .cache = cache};
    bool ok = check_status(exciton_context_create_seamed(&params, seam_resolve, NULL, &c->context), EXCITON_OK, "context") &&
              check_status(exciton_device_open(c->context, s->options.selector, &c->device), EXCITON_OK, "device");
    check(seam_unknown[0] == 0, "%s has no wrapper", seam_unknown);
    engine e = {.device = c->device};
    uint64_t bytes = c->t.count * sizeof(float);
    ok = ok && check_status(engine_plan(&e, v, &c->t, &c->plan), EXCITON_OK, "plan") &&
         check_status(exciton_buffer_create(c->device, bytes, EXCITON_DOMAIN_DEFAULT, &c->x), EXCITON_OK, "x") &&
         check_status(exciton_buffer_write(c->x, 0, c->t.x, bytes), EXCITON_OK, "x");
    for (int i = 0; i < 3 && ok; ++i)
        ok = check_status(exciton_buffer_create(c->device, bytes, EXCITON_DOMAIN_DEFAULT, &c->y[i]), EXCITON_OK, "y");
    return ok;
}

static void close_counted(counted *c)
{
    for (int i = 0; i < 3; ++i) {
        exciton_binding_destroy(c->bindings[i]);
        exciton_buffer_destroy(c->y[i]);
    }
    exciton_buffer_destroy(c->x);
    exciton_plan_destroy(c->plan);
    exciton_device_close(c->device);
    exciton_context_destroy(c->context);
    check(test_count(&c->allocator.live) == 0, "%" PRIu64 " blocks of memory were not released", test_count(&c->allocator.live));
    const char *maker = "";
    check(seam_leaked(&maker) == 0, "driver objects were not released, of %s among them", maker);
    tensors_release(&c->t);
}

/* ---- Dispatches ---- */

static uint64_t dispatches(void) { return seam_calls("clEnqueueNDRangeKernel") + seam_calls("vkCmdDispatch"); }

static void run_dispatches(counted *c, bool driver)
{
    exciton_binding_info info = {0};
    exciton_ticket ticket;
    uint64_t before = dispatches();
    if (!check_status(exciton_binding_create(c->plan, &(exciton_args){.in = {c->x, 0}, .out = {c->y[0], 0}}, &c->bindings[0]),
                      EXCITON_OK, "binding"))
        return;
    check_status(exciton_binding_get_info(c->bindings[0], &info), EXCITON_OK, "info");
    check(info.dispatches >= 1 && info.dispatches <= 2 && info.pieces == 1,
          "1x64x32x32 takes %" PRIu32 " dispatches in %" PRIu32 " pieces", info.dispatches, info.pieces);
    check_status(exciton_submit(c->device, c->bindings, 1, &ticket), EXCITON_OK, "submit");
    check_status(exciton_wait(c->device, ticket, EXCITON_WAIT_DEFAULT), EXCITON_OK, "wait");
    uint64_t made = dispatches() - before;
    check(made == (driver ? info.dispatches : 0), "the driver saw %" PRIu64 " dispatches, the binding says %" PRIu32, made,
          info.dispatches);
}

/* ---- Nothing but submissions and waits ---- */

/* clGetEventInfo asks whether an event is over: OpenCL has no wait that ends by itself. */
static bool may_be_called(const char *name)
{
    static const char *const allowed[] = {"clEnqueueNDRangeKernel", "clFlush",        "clWaitForEvents",
                                          "clGetEventInfo",         "clReleaseEvent", "vkQueueSubmit",
                                          "vkWaitForFences",        "vkResetFences",  "vkGetFenceStatus"};
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; ++i)
        if (strcmp(name, allowed[i]) == 0)
            return true;
    return false;
}

static void run_submissions(counted *c)
{
    enum { SUBMISSIONS = 1000 };
    exciton_ticket ticket = 0;
    for (int i = 0; i < 3; ++i) {
        exciton_args args = {.in = {c->x, 0}, .out = {c->y[i], 0}};
        if (!c->bindings[i] && !check_status(exciton_binding_create(c->plan, &args, &c->bindings[i]), EXCITON_OK, "binding"))
            return;
        check_status(exciton_submit(c->device, &c->bindings[i], 1, &ticket), EXCITON_OK, "submit");
    }
    check_status(exciton_wait(c->device, ticket, EXCITON_WAIT_DEFAULT), EXCITON_OK, "wait");

    uint64_t calls[200] = {0};
    seam_entry *entry;
    for (uint32_t i = 0; (entry = seam_at(i)) != NULL && i < 200; ++i)
        calls[i] = entry->calls;
    uint64_t allocations = test_count(&c->allocator.calls);
    exciton_status status = EXCITON_OK;
    for (int i = 0; i < SUBMISSIONS && status == EXCITON_OK; ++i) {
        status = exciton_submit(c->device, &c->bindings[i % 3], 1, &ticket);
        if (status == EXCITON_OK && i % 7 == 0)
            status = exciton_wait(c->device, ticket, EXCITON_WAIT_DEFAULT);
    }
    check_status(status, EXCITON_OK, "a submission");
    check_status(exciton_wait(c->device, ticket, EXCITON_WAIT_DEFAULT), EXCITON_OK, "wait");
    allocations = test_count(&c->allocator.calls) - allocations;
    check(allocations == 0, "1,000 submissions allocated %" PRIu64 " times", allocations);
    for (uint32_t i = 0; (entry = seam_at(i)) != NULL && i < 200; ++i)
        check(may_be_called(entry->name) || entry->calls == calls[i], "1,000 submissions called %s %" PRIu64 " times",
              entry->name, entry->calls - calls[i]);
}

/* ---- No compilation ---- */

static uint64_t files;

static int count_file(const char *path, const struct stat *information, int kind, struct FTW *place)
{
    (void)path, (void)information, (void)place;
    files += kind == FTW_F;
    return 0;
}

/* Files that PoCL's compiler has left; 0 for other drivers. */
static uint64_t compiled_files(const suite *s)
{
    const char *folder = getenv("POCL_CACHE_DIR");
    files = 0;
    if (folder && strcmp(s->info.driver, "pocl") == 0)
        nftw(folder, count_file, 16, FTW_PHYS);
    return files;
}

static uint64_t compilations(void)
{
    static const char *const names[] = {"clCreateProgramWithSource", "clBuildProgram", "vkCreateShaderModule",
                                        "vkCreateComputePipelines"};
    uint64_t calls = 0;
    for (int i = 0; i < 4; ++i)
        calls += seam_calls(names[i]);
    return calls;
}

static void run_smaller(suite *s, exciton_schedule schedule)
{
    counted c;
    variant v = variant_of_shape("smaller shapes", 32, 72, 4, 98);
    v.schedule = schedule;
    if (open_counted(s, &c, &v, (exciton_cache){0})) {
        check(strcmp(s->info.driver, "host") == 0 || compilations() > 0, "no compilation was seen at all");
        uint64_t before = compilations(), left = compiled_files(s);
        for (uint64_t n = 1; n <= 32; ++n)
            for (int way = 0; way < 4; ++way) {
                exciton_args args = {
                    .in = {c.x, 0}, .out = {way & 1 ? c.x : c.y[0], 0}, .shape = {.batch = n, .dims = 1, .spatial = {98}}};
                if (way & 2) {
                    args.shape.spatial[0] = 1 + n * 3 % 98;
                    args.s.buffer = c.y[1];
                    args.h.buffer = c.y[2];
                }
                check_status(exciton_run(c.plan, &args), EXCITON_OK, "batch %" PRIu64, n);
            }
        check(compilations() == before, "%s: smaller shapes compiled %" PRIu64 " times", exciton_schedule_name(schedule),
              compilations() - before);
        uint64_t now = compiled_files(s);
        check(now == left, "%s: smaller shapes left %" PRIu64 " files in POCL_CACHE_DIR", exciton_schedule_name(schedule),
              now - left);
    }
    close_counted(&c);
}

/* ---- What is remembered isn't made before it is needed ---- */

static uint64_t kernels_made(void)
{
    return seam_calls("clCreateProgramWithSource") + seam_calls("clCreateProgramWithBinary") + seam_calls("vkCreateComputePipelines");
}

static bool run_args(counted *c, exciton_buffer *out, float *y)
{
    uint64_t bytes = c->t.count * sizeof *y;
    return check_status(exciton_run(c->plan, &(exciton_args){.in = {c->x, 0}, .out = {out, 0}}), EXCITON_OK, "run") &&
           check_status(exciton_buffer_read(out, 0, y, bytes), EXCITON_OK, "read");
}

/* Out of place, then in place; how many kernels were made by then. */
static bool run_life(suite *s, exciton_cache cache, float *y, uint64_t made[3], uint32_t *dispatches)
{
    counted c;
    exciton_binding_info info = {0};
    variant v = variant_of_shape("a second start", 1, 64, 4, 1024);
    v.schedule = EXCITON_SCHEDULE_SPLIT_EXCITE; /* auto may take another one in place */
    bool ok = open_counted(s, &c, &v, cache);
    made[0] = kernels_made();
    ok = ok && check_status(exciton_binding_create(c.plan, &(exciton_args){.in = {c.x, 0}, .out = {c.y[0], 0}}, &c.bindings[0]), EXCITON_OK,
                            "binding") &&
         check_status(exciton_binding_get_info(c.bindings[0], &info), EXCITON_OK, "info") && run_args(&c, c.y[0], y);
    made[1] = kernels_made();
    ok = ok && run_args(&c, c.x, y + c.t.count) && check_status(exciton_buffer_write(c.x, 0, c.t.x, c.t.count * sizeof *y), EXCITON_OK, "x") &&
         run_args(&c, c.x, y + c.t.count);
    made[2] = kernels_made();
    *dispatches = info.dispatches;
    close_counted(&c);
    return ok;
}

static void run_again(suite *s)
{
    enum { COUNT = 64 * 1024 };
    uint64_t first[3], second[3];
    uint32_t dispatches;
    float *y = malloc(4 * COUNT * sizeof *y);
    if (y && run_life(s, memory_cache(), y, first, &dispatches) && run_life(s, memory_cache(), y + 2 * COUNT, second, &dispatches)) {
        check(first[2] == first[0], "nothing was remembered, and bindings made %" PRIu64 " kernels", first[2] - first[0]);
        bool asks = !strcmp(s->info.driver, "rusticl"); /* how large a group a kernel may have, where less than it wanted: that takes the program */
        check(second[0] == dispatches || (asks && second[0] <= first[0]), "all was remembered, and the plan made %" PRIu64 " kernels for %" PRIu32 " dispatches", second[0], dispatches);
        check(second[1] == second[0], "the first binding made %" PRIu64 " kernels", second[1] - second[0]);
        check(second[2] == second[1] + 1 || (asks && second[2] == second[1]), "in place made %" PRIu64 " kernels", second[2] - second[1]);
        check(!memcmp(y, y + COUNT, COUNT * sizeof *y) && !memcmp(y, y + 2 * COUNT, COUNT * sizeof *y) && !memcmp(y, y + 3 * COUNT, COUNT * sizeof *y),
              "other bits after a second start, or in place");
    }
    free(y);
    memory_cache_clear();
}

void section_counters(suite *s)
{
    if (s->options.clamp) {
        check_skip("counters are those of the unclamped device");
        return;
    }
    counted c;
    variant v = variant_of_shape("1x64x32x32", 1, 64, 4, 1024);
    if (open_counted(s, &c, &v, (exciton_cache){0})) {
        run_dispatches(&c, s->info.api != EXCITON_API_HOST);
        run_submissions(&c);
    }
    close_counted(&c);
    for (int schedule = EXCITON_SCHEDULE_DEFAULT; schedule <= EXCITON_SCHEDULE_PIPELINED; ++schedule)
        run_smaller(s, (exciton_schedule)schedule);
    if (s->info.api == EXCITON_API_HOST)
        check_skip("host makes no kernels that would be remembered");
    else
        run_again(s);
}
