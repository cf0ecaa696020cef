/*
 * The host backend through its table: whole recordings of split-excite against the reference's, whatever the number of threads,
 * and what a device does when it is idle, refuses, is forked or is called in another rounding mode.
 *
 * EXCITON_TEST_SEED sets the seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "host_reference.h"
#include "support/allocator.h"
#include "unit/host_data.h"

/* ---- A device ---- */

static test_allocator memory;

static exciton_env test_env(uint32_t threads, uint64_t spin)
{
    return (exciton_env){.allocator = test_allocator_interface(&memory), .host_threads = threads, .host_spin = spin};
}

static exciton_status count_device(void *user, const exciton_be_found *found)
{
    assert_string_equal(found->driver, "host");
    assert_int_equal(found->type, EXCITON_DEVICE_HOST);
    assert_true(found->name[0] != 0 && found->version[0] != 0);
    ++*(int *)user;
    return EXCITON_OK;
}

static exciton_status no_absence(void *user, const char *reason)
{
    (void)user, (void)reason;
    fail();
    return EXCITON_OK;
}

static const exciton_backend *const host = &exciton_backend_host;

static exciton_be_device *open_host(exciton_env *env, exciton_be_state **be_state)
{
    int devices = 0;
    exciton_be_sink sink = {.user = &devices, .device = count_device, .absent = no_absence};
    assert_int_equal(host->enumerate(env, &sink, be_state), EXCITON_OK);
    assert_int_equal(devices, 1);
    exciton_be_device *device;
    exciton_limits limits;
    assert_int_equal(host->open(*be_state, 0, &device, &limits), EXCITON_OK);
    assert_true(limits.forms[EXCITON_FORM_ROWS] && !limits.forms[EXCITON_FORM_LANES]);
    assert_true(limits.max_group_size == 1 && limits.compute_units >= 1 && limits.max_binding_range % 64 == 0);
    assert_true(env->host_threads == 0 || limits.compute_units <= env->host_threads);
    return device;
}

/* ---- A recording ---- */

/* split-excite of d on a device: two steps, all in buffers. */
typedef struct bound {
    block_data *d;
    exciton_be_kernel *kernels[2];
    exciton_be_buffer *buffers[EXCITON_SLOT_COUNT];
    exciton_be_recording *recording;
} bound;

static exciton_be_buffer *buffer_of(exciton_be_device *device, const float *data, size_t count)
{
    exciton_be_buffer *buffer;
    assert_int_equal(host->buffer_create(device, count * sizeof *data, EXCITON_DOMAIN_DEFAULT, false, &buffer), EXCITON_OK);
    assert_int_equal(host->buffer_write(buffer, 0, data, count * sizeof *data), EXCITON_OK);
    return buffer;
}

static void bind(bound *b, exciton_be_device *device, block_data *d)
{
    const shape *s = &d->shape;
    b->d = d;
    data_reset(d);
    memset(b->buffers, 0, sizeof b->buffers);
    b->buffers[EXCITON_SLOT_IN] = buffer_of(device, d->x.data, d->x.count);
    b->buffers[EXCITON_SLOT_OUT] = buffer_of(device, d->y.data, d->y.count);
    b->buffers[EXCITON_SLOT_WEIGHTS] = buffer_of(device, d->w.data, d->w.count);
    b->buffers[EXCITON_SLOT_SCRATCH] = buffer_of(device, d->t.data, d->t.count);
    exciton_host_split_squeeze p = {.x_at = 0, .units = (uint32_t)d->units, .channels = s->channels, .hidden = s->hidden,
        .block = s->block, .row_length = s->length, .s_at = d->s_at, .parts_at = d->parts_at, .divisor = divisor_of(s)};
    exciton_host_split_scale q = {.x_at = X_AT,
                                  .y_at = GUARD,
                                  .units = (uint32_t)d->units,
                                  .channels = s->channels,
                                  .hidden = s->hidden,
                                  .block = s->block,
                                  .row_length = s->length,
                                  .parts_at = d->parts_at,
                                  .h_at = d->h_at,
                                  .g_at = d->g_at,
                                  .activation = 1};
    uint64_t x = d->x.count * 4, y = d->y.count * 4, w = d->w.count * 4, t = d->t.count * 4;
    exciton_step steps[2] = {
        {.kernel = {.kernel = EXCITON_KERNEL_SPLIT_SQUEEZE, .form = EXCITON_FORM_ROWS, .group_size = 1},
         .groups = 1,
         .slots = {{EXCITON_SLOT_IN, X_AT * 4, x - X_AT * 4}, {EXCITON_SLOT_WEIGHTS, 0, w}, {EXCITON_SLOT_SCRATCH, 0, t}}},
        {.kernel = {.kernel = EXCITON_KERNEL_SPLIT_SCALE, .form = EXCITON_FORM_ROWS, .group_size = 1},
         .groups = 1,
         .slots = {
             {EXCITON_SLOT_IN, 0, x}, {EXCITON_SLOT_OUT, 0, y}, {EXCITON_SLOT_WEIGHTS, 0, w}, {EXCITON_SLOT_SCRATCH, 0, t}}}};
    memcpy(steps[0].params, &p, sizeof p);
    memcpy(steps[1].params, &q, sizeof q);
    for (int i = 0; i < 2; i++)
        assert_int_equal(host->kernel_create(device, &steps[i].kernel, &b->kernels[i]), EXCITON_OK);
    assert_int_equal(host->recording_create(device, steps, 2, b->kernels, b->buffers, &b->recording), EXCITON_OK);

    exciton_host_task want = {.x = d->x.data + X_AT, .y = d->want_y, .w = d->w.data, .t = d->want_t};
    memcpy(want.params, steps[0].params, sizeof want.params);
    reference[EXCITON_KERNEL_SPLIT_SQUEEZE](&want);
    want.x = d->x.data;
    memcpy(want.params, steps[1].params, sizeof want.params);
    reference[EXCITON_KERNEL_SPLIT_SCALE](&want);
}

static void check_bound(bound *b)
{
    assert_int_equal(host->buffer_read(b->buffers[EXCITON_SLOT_OUT], 0, b->d->y.data, b->d->y.count * 4), EXCITON_OK);
    compare("through the table", b->d->y.data, b->d->want_y, b->d->y.count);
    void *map;
    assert_int_equal(host->buffer_map(b->buffers[EXCITON_SLOT_OUT], true, &map), EXCITON_OK);
    for (size_t i = 0; i < b->d->y.count; i++)
        ((float *)map)[i] = exciton_float(POISON);
    assert_int_equal(host->buffer_unmap(b->buffers[EXCITON_SLOT_OUT]), EXCITON_OK);
}

static void unbind(bound *b)
{
    host->recording_destroy(b->recording);
    for (int i = 0; i < 2; i++)
        host->kernel_destroy(b->kernels[i]);
    for (int i = 0; i < EXCITON_SLOT_COUNT; i++)
        host->buffer_destroy(b->buffers[i]);
}

/* A device, and a block that is bound to it. */
typedef struct running {
    exciton_env env;
    exciton_be_state *be_state;
    exciton_be_device *device;
    block_data d;
    bound b;
} running;

static const shape usual_shape = {2, 96, 6, 784, 8};

static void start_device(running *r, uint32_t threads, uint64_t spin)
{
    r->env = test_env(threads, spin);
    r->device = open_host(&r->env, &r->be_state);
}

static void start_block(running *r, const shape *s)
{
    data_make(&r->d, s);
    bind(&r->b, r->device, &r->d);
}

static void stop(running *r)
{
    unbind(&r->b);
    data_free(&r->d);
    host->close(r->device);
    host->state_destroy(r->be_state);
}

/* ---- Threads ---- */

/* Many submissions over a large and a small block, with pauses in which the workers fall asleep. */
static void check_threads(uint32_t threads, uint64_t spin)
{
    static const shape small = {1, 33, 3, 100, 8};
    uint64_t before = test_count(&memory.live);
    exciton_env env = test_env(threads, spin);
    exciton_be_state *be_state;
    exciton_be_device *device = open_host(&env, &be_state);
    block_data d[2];
    bound b[2];
    data_make(&d[0], &usual_shape);
    data_make(&d[1], &small);
    bind(&b[0], device, &d[0]);
    bind(&b[1], device, &d[1]);
    uint64_t serial = 0, last = 0;
    for (int i = 0; i < 150; i++) {
        exciton_be_recording *both[] = {b[0].recording, b[1].recording, b[0].recording};
        assert_int_equal(host->submit(device, both + i % 2, (uint32_t)(i % 2 + 1), &serial), EXCITON_OK);
        assert_int_equal(host->submit(device, both, 2, &serial), EXCITON_OK);
        assert_int_equal(serial, last + 2);
        last = serial;
        assert_int_equal(host->wait(device, serial, 0), EXCITON_OK);
        check_bound(&b[0]);
        check_bound(&b[1]);
        if (i % 50 == 0)
            usleep(1000);
    }
    unbind(&b[0]);
    unbind(&b[1]);
    data_free(&d[0]);
    data_free(&d[1]);
    host->close(device);
    host->state_destroy(be_state);
    assert_int_equal(test_count(&memory.live), before);
}

static void test_threads(void **state)
{
    (void)state;
    for (uint32_t threads = 0; threads < 5; threads++)
        check_threads(threads, 0);
}

/* Which units each share of a step was given. */
static struct {
    atomic_uint count;
    uint64_t first[8], end[8];
} shares;

static void note_share(const exciton_host_task *task, uint64_t first, uint64_t end)
{
    (void)task;
    uint32_t at = atomic_fetch_add(&shares.count, 1);
    if (at < 8)
        shares.first[at] = first, shares.end[at] = end;
}

/* Whole, and one thread has at most one unit more than another. */
static void test_shares(void **state)
{
    (void)state;
    static const shape s = {2, 104, 6, 784, 8}; /* 26 units of a squeeze */
    running r;
    start_device(&r, 4, 0);
    exciton_host_set noting = *r.device->set;
    noting.routines[EXCITON_KERNEL_SPLIT_SQUEEZE] = note_share;
    noting.routines[EXCITON_KERNEL_SPLIT_SCALE] = note_share;
    r.device->set = &noting;
    start_block(&r, &s);
    atomic_store(&shares.count, 0);
    uint64_t serial;
    assert_int_equal(host->submit(r.device, &r.b.recording, 1, &serial), EXCITON_OK);
    assert_int_equal(host->wait(r.device, serial, 0), EXCITON_OK);
    uint32_t count = atomic_load(&shares.count), threads = exciton_host_pool_threads(r.device->pool);
    assert_int_equal(count, 2 * threads);
    uint64_t units = 0, least = UINT64_MAX, most = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t length = shares.end[i] - shares.first[i], before = 0;
        assert_true(shares.first[i] < shares.end[i] && shares.end[i] <= r.d.units);
        for (uint32_t k = i / threads * threads; k < (i / threads + 1) * threads; k++)
            before += shares.end[k] <= shares.first[i] ? shares.end[k] - shares.first[k] : 0;
        assert_int_equal(before, shares.first[i]);
        units += length;
        least = length < least ? length : least;
        most = length > most ? length : most;
    }
    assert_int_equal(units, 2 * r.d.units);
    assert_true(most - least <= 1);
    stop(&r);
}

/* Workers and the caller that sleep at once, and ones that never do. */
static void test_spin(void **state)
{
    (void)state;
    check_threads(2, EXCITON_SPIN_NEVER);
    check_threads(4, EXCITON_SPIN_NEVER);
    check_threads(2, EXCITON_SPIN_ALWAYS);
}

static uint64_t process_time(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now), 0);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Processor time that a device with two threads takes while nothing is submitted. */
static uint64_t idle_time(uint64_t spin)
{
    running r;
    start_device(&r, 2, spin);
    start_block(&r, &usual_shape);
    uint64_t serial;
    assert_int_equal(host->submit(r.device, &r.b.recording, 1, &serial), EXCITON_OK);
    uint64_t before = process_time();
    usleep(100000);
    uint64_t taken = process_time() - before;
    check_bound(&r.b);
    stop(&r);
    return taken;
}

/* An idle worker takes its processor for as long as host_spin says, and the default is short. */
static void test_idle(void **state)
{
    (void)state;
    uint64_t never = idle_time(EXCITON_SPIN_NEVER), usual = idle_time(0), always = idle_time(EXCITON_SPIN_ALWAYS);
    assert_true(never < 10000000 && usual < 10000000);
    assert_true(always > 4 * never && always > 4 * usual);
}

static void test_refusals(void **state)
{
    (void)state;
    exciton_env env = test_env(1, 0);
    exciton_be_state *be_state;
    exciton_be_device *device = open_host(&env, &be_state);
    exciton_be_kernel *kernel;
    exciton_kernel_spec lanes = {.kernel = EXCITON_KERNEL_SQUEEZE, .form = EXCITON_FORM_LANES, .group_size = 1};
    assert_int_equal(host->kernel_create(device, &lanes, &kernel), EXCITON_ERROR_UNSUPPORTED);
    assert_null(kernel);
    exciton_be_buffer *buffer;
    assert_int_equal(host->buffer_create(device, UINT64_MAX - 3, EXCITON_DOMAIN_DEFAULT, false, &buffer), EXCITON_ERROR_MEMORY);
    assert_null(buffer);
    host->buffer_destroy(NULL);
    host->kernel_destroy(NULL);
    host->recording_destroy(NULL);
    host->close(device);
    host->close(NULL);
    host->state_destroy(be_state);
    host->state_destroy(NULL);
}

/* A child of fork has none of the workers: a status, no hang, and closing works. */
static void test_fork(void **state)
{
    (void)state;
    running r;
    start_device(&r, 3, 0);
    start_block(&r, &usual_shape);
    uint64_t serial;
    assert_int_equal(host->submit(r.device, &r.b.recording, 1, &serial), EXCITON_OK);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(20);
        exciton_status status = host->submit(r.device, &r.b.recording, 1, &serial);
        stop(&r);
        _exit(status == EXCITON_ERROR_LOST ? 0 : 1);
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result) && WEXITSTATUS(result) == 0);
    assert_int_equal(host->submit(r.device, &r.b.recording, 1, &serial), EXCITON_OK);
    check_bound(&r.b);
    stop(&r);
}

/* A caller that flushes subnormals and rounds upwards gets the same bits, and has its mode back. */
static void test_rounding_mode(void **state)
{
    (void)state;
#if defined(__x86_64__)
    const uint64_t unusual = 0xdfc0, mode = 0xffc0;
#elif defined(__aarch64__)
    const uint64_t unusual = 1u << 24 | 1u << 22, mode = unusual;
#else
    const uint64_t unusual = 0, mode = 0;
#endif
    running r;
    uint64_t usual = exciton_host_enter_arithmetic(), serial;
    exciton_host_leave_arithmetic(unusual); /* a worker inherits its starter's mode */
    start_device(&r, 2, 0);
    exciton_host_leave_arithmetic(usual);
    start_block(&r, &usual_shape);
    for (int i = 0; i < 20; i++) {
        exciton_host_leave_arithmetic(unusual);
        exciton_status status = host->submit(r.device, &r.b.recording, 1, &serial);
        uint64_t after = exciton_host_enter_arithmetic();
        exciton_host_leave_arithmetic(usual);
        assert_int_equal(status, EXCITON_OK);
        assert_int_equal(after & mode, unusual & mode);
        check_bound(&r.b);
    }
    stop(&r);
}

int main(void)
{
    random_seed();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),  cmocka_unit_test(test_shares), cmocka_unit_test(test_spin),          cmocka_unit_test(test_idle),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_fork),   cmocka_unit_test(test_rounding_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
