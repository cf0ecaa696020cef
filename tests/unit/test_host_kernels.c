/*
 * The host backend: every kernel of the catalogue at every width that this processor runs, against a plain scalar
 * reference written from src/base/catalogue.h, bit by bit; then whole recordings through the backend's table.
 *
 * x ends where a page without access begins, so that a read beyond it is a crash. EXCITON_TEST_SEED sets the seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "host_reference.h"
#include "unit/host_wide.h"

#define GUARD 64            /* floats before and after an output */
#define X_AT 3              /* where x begins in its array */
#define POISON 0x7fa5a5a5u  /* a NaN that no kernel makes */

/* ---- Random numbers, memory ---- */

static uint64_t seed = 1;

static uint32_t random_word(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 24);
}

static uint32_t random_below(uint32_t n) { return random_word() % n; }
static float random_float(void) { return (float)(int32_t)(random_word() % 65536u) / 16384.0f - 2.0f; }

static atomic_int live_blocks;

static void *test_allocate(void *user, size_t size, size_t alignment)
{
    (void)user;
    void *memory = size < PTRDIFF_MAX / 2 ? aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment) : NULL;
    if (memory != NULL)
        atomic_fetch_add(&live_blocks, 1);
    return memory;
}

static void test_release(void *user, void *memory)
{
    (void)user;
    atomic_fetch_sub(&live_blocks, 1);
    free(memory);
}

typedef struct array {
    float *data;
    size_t count;
    void *pages;
    size_t bytes;
} array;

/* `count` floats that end at a page without access. */
static array array_make(size_t count)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    array a = {.count = count, .bytes = (count * sizeof(float) + page - 1) / page * page + page};
    a.pages = mmap(NULL, a.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(a.pages != MAP_FAILED);
    assert_int_equal(mprotect((char *)a.pages + a.bytes - page, page, PROT_NONE), 0);
    a.data = (float *)(void *)((char *)a.pages + a.bytes - page) - count;
    return a;
}

static void array_free(array *a) { assert_int_equal(munmap(a->pages, a->bytes), 0); }

static void fill_random(float *v, size_t count)
{
    for (size_t i = 0; i < count; i++)
        v[i] = random_float();
}

static void fill_poison(float *v, size_t count)
{
    for (size_t i = 0; i < count; i++)
        v[i] = exciton_float(POISON);
}

static bool same(float a, float b)
{
    if (exciton_bits(a) == POISON || exciton_bits(b) == POISON)
        return exciton_bits(a) == exciton_bits(b);
    return exciton_bits(a) == exciton_bits(b) || (exciton_is_nan(a) && exciton_is_nan(b));
}

static void compare(const char *what, const float *got, const float *want, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!same(got[i], want[i])) {
            print_error("%s: element %zu: got %08x, expected %08x\n", what, i, (unsigned)exciton_bits(got[i]),
                        (unsigned)exciton_bits(want[i]));
            fail();
        }
}

/* ---- A block's data ---- */

typedef struct shape {
    uint32_t samples, channels, hidden, length, block;
} shape;

static const shape shapes[] = {
    {1, 1, 1, 1, 8},     {2, 3, 1, 31, 8},    {1, 5, 2, 32, 8},     {2, 9, 3, 33, 8},      {3, 65, 5, 49, 8},
    {2, 65, 5, 49, 64},  {2, 37, 9, 196, 16}, {5, 65, 5, 1, 16},    {2, 130, 40, 7, 32},   {1, 17, 8, 4096, 8},
    {2, 3, 1, 4097, 8},  {1, 2, 1, 9000, 8},  {2, 264, 70, 15, 64}, {1, 300, 130, 5, 128}, {1, 64, 4, 1024, 8},
    {3, 16, 33, 80, 16}, {2, 19, 260, 21, 8}, {1, 1, 1, 140000, 8},
};
#define SHAPES (sizeof shapes / sizeof shapes[0])

#define SHARES 3 /* of a sample, at most */

typedef struct block_data {
    shape shape;
    size_t blocks, units, hidden_pitch, channel_pitch, elements;
    uint32_t s_at, parts_at, g_at, h_at; /* in T, with gaps */
    array x, w, t, y;        /* y with guards */
    float *want_t, *want_y;  /* the reference's */
} block_data;

static void data_make(block_data *d, const shape *s)
{
    *d = (block_data){.shape = *s};
    d->blocks = (s->channels + s->block - 1) / s->block;
    d->units = d->blocks * s->samples;
    d->hidden_pitch = exciton_host_pitch(s->hidden);
    d->channel_pitch = exciton_host_pitch(s->channels);
    d->elements = (size_t)s->samples * s->channels * s->length;
    d->x = array_make(d->elements + X_AT);
    fill_random(d->x.data, d->x.count);
    d->y = array_make(d->elements + 2 * GUARD);
    d->w = array_make((s->channels + 1) * d->hidden_pitch + (s->hidden + 1) * d->channel_pitch);
    for (size_t i = 0; i < d->w.count; i++)
        d->w.data[i] = random_float() * 0.25f;
    d->s_at = 5;
    d->parts_at = (uint32_t)(d->s_at + SHARES * s->samples * d->channel_pitch + 3);
    d->g_at = (uint32_t)(d->parts_at + d->units * d->hidden_pitch + 2);
    d->h_at = (uint32_t)(d->g_at + s->samples * d->channel_pitch + 1);
    d->t = array_make(d->h_at + (d->units + SHARES * s->samples) * d->hidden_pitch);
    d->want_t = malloc(d->t.count * sizeof(float));
    d->want_y = malloc(d->y.count * sizeof(float));
    assert_true(d->want_t != NULL && d->want_y != NULL);
}

static void data_free(block_data *d)
{
    array_free(&d->x);
    array_free(&d->y);
    array_free(&d->w);
    array_free(&d->t);
    free(d->want_t);
    free(d->want_y);
}

/* T begins as random numbers: kernels that read it find something, those that must not change it are seen. */
static void data_reset(block_data *d)
{
    fill_random(d->t.data, d->t.count);
    fill_poison(d->y.data, d->y.count);
    memcpy(d->want_t, d->t.data, d->t.count * sizeof(float));
    memcpy(d->want_y, d->y.data, d->y.count * sizeof(float));
}

/* ---- Each kernel at each width ---- */

/* A kernel's params, in one or more pieces that together do what `whole` does. */
#define PIECES 2
typedef struct job {
    exciton_kernel kernel;
    size_t pieces;
    uint32_t whole[EXCITON_KERNEL_PARAMS], piece[PIECES][EXCITON_KERNEL_PARAMS];
} job;

static void job_set(uint32_t words[EXCITON_KERNEL_PARAMS], exciton_kernel kernel, const void *params, size_t size)
{
    assert_int_equal(size, exciton_kernel_describe(kernel)->param_count * 4);
    memset(words, 0, EXCITON_KERNEL_PARAMS * sizeof *words);
    memcpy(words, params, size);
}

static uint64_t units_of(exciton_kernel kernel, const uint32_t *params, uint32_t *granule)
{
    *granule = EXCITON_HOST_GRANULE;
    switch (kernel) {
    case EXCITON_KERNEL_HIDDEN: return (uint64_t)params[0] * exciton_host_pitch(params[2]);
    case EXCITON_KERNEL_GATE: return (uint64_t)params[0] * exciton_host_pitch(params[1]);
    case EXCITON_KERNEL_COPY: return (uint64_t)params[2] * params[3];
    case EXCITON_KERNEL_SPLIT_SCALE: *granule = 1; return params[3];
    case EXCITON_KERNEL_SAMPLE: *granule = 1; return (uint64_t)params[2] * params[3];
    case EXCITON_KERNEL_PIPELINE: *granule = 1; return (params[2] + params[3] - 1) / params[3];
    case EXCITON_KERNEL_STREAM: *granule = 1; return params[0];
    default: *granule = 1; return params[2]; /* units */
    }
}

/* The units in a few ranges, the last range first: they don't depend on each other. */
static void run_pieces(const exciton_host_set *set, const job *j, exciton_host_task *task)
{
    for (size_t i = j->pieces; i-- > 0;) {
        uint32_t granule;
        uint64_t end = units_of(j->kernel, j->piece[i], &granule);
        memcpy(task->params, j->piece[i], sizeof task->params);
        while (end > 0) {
            uint64_t first = random_below(3) == 0 ? 0 : random_below((uint32_t)end) / granule * granule;
            set->routines[j->kernel](task, first, end);
            end = first;
        }
    }
}

/* What the catalogue leaves open: g's padding, and h of all but a sample's first block. */
static void forgive(const block_data *d, exciton_kernel kernel, float *want, const float *got)
{
    if (kernel != EXCITON_KERNEL_SPLIT_SCALE && kernel != EXCITON_KERNEL_SAMPLE && kernel != EXCITON_KERNEL_PIPELINE)
        return;
    for (size_t n = 0; n < d->shape.samples; n++)
        for (size_t c = d->shape.channels; c < d->channel_pitch; c++)
            want[d->g_at + n * d->channel_pitch + c] = got[d->g_at + n * d->channel_pitch + c];
    for (size_t u = 0; u < d->units && kernel == EXCITON_KERNEL_SPLIT_SCALE; u++)
        if (u % d->blocks != 0)
            memcpy(want + d->h_at + u * d->hidden_pitch, got + d->h_at + u * d->hidden_pitch, d->hidden_pitch * sizeof(float));
}

static void check_set(block_data *d, const job *j, const exciton_host_set *set)
{
    const exciton_kernel_entry *entry = exciton_kernel_describe(j->kernel);
    const shape *s = &d->shape;
    char what[160];
    snprintf(what, sizeof what, "%s, %s, N %u C %u R %u S %u block %u", entry->name, set->name, (unsigned)s->samples,
             (unsigned)s->channels, (unsigned)s->hidden, (unsigned)s->length, (unsigned)s->block);
    data_reset(d);
    exciton_host_task task = {.x = d->x.data, .y = d->y.data, .w = d->w.data, .t = d->t.data};
    run_pieces(set, j, &task);
    exciton_host_task want = {.x = d->x.data, .y = d->want_y, .w = d->w.data, .t = d->want_t};
    memcpy(want.params, j->whole, sizeof want.params);
    reference[j->kernel](&want);
    forgive(d, j->kernel, d->want_t, d->t.data);
    compare(what, d->t.data, d->want_t, d->t.count);
    compare(what, d->y.data, d->want_y, d->y.count);
    if (!entry->has_in_place || (j->kernel == EXCITON_KERNEL_SAMPLE && j->whole[3] > 1))
        return;
    /* Again, y over a copy of x, which stays where nothing is written. */
    fill_poison(d->y.data, d->y.count);
    memcpy(d->y.data + GUARD, d->x.data + X_AT, d->elements * sizeof(float));
    for (size_t i = 0; i < d->elements; i++)
        if (exciton_bits(d->want_y[GUARD + i]) == POISON)
            d->want_y[GUARD + i] = d->x.data[X_AT + i];
    job in_place = *j;
    for (size_t i = 0; i < j->pieces; i++)
        in_place.piece[i][0] = j->piece[i][1]; /* x_at, y_at */
    task.x = d->y.data;
    run_pieces(set, &in_place, &task);
    compare(what, d->y.data, d->want_y, d->y.count);
}

enum { SETS = EXCITON_HOST_SETS + 1 };

static uint32_t list_sets(const exciton_host_set *sets[SETS])
{
    uint32_t count = exciton_host_list_sets(sets);
#if defined(EXCITON_TEST_WIDE)
    sets[count++] = &exciton_test_wide;
#endif
    return count;
}

static void check_job(block_data *d, const job *j)
{
    const exciton_host_set *sets[SETS];
    uint32_t count = list_sets(sets);
    for (uint32_t i = 0; i < count; i++)
        check_set(d, j, sets[i]);
}

static void check_whole(block_data *d, exciton_kernel kernel, const void *params, size_t size)
{
    job j = {.kernel = kernel, .pieces = 1};
    job_set(j.whole, kernel, params, size);
    job_set(j.piece[0], kernel, params, size);
    check_job(d, &j);
}

static float divisor_of(const shape *s) { return (float)s->length; }

static void each_shape(void (*check)(block_data *))
{
    for (size_t i = 0; i < SHAPES; i++) {
        block_data d;
        data_make(&d, &shapes[i]);
        check(&d);
        data_free(&d);
    }
}

static void check_squeeze(block_data *d)
{
    uint32_t length = d->shape.length, rows = d->shape.samples * d->shape.channels;
    exciton_host_squeeze p = {.x_at = X_AT,
                              .t_at = d->s_at,
                              .units = rows,
                              .units_per_row = 1,
                              .row_length = length,
                              .unit_length = length,
                              .out_width = d->shape.channels,
                              .out_pitch = (uint32_t)d->channel_pitch,
                              .divisor = divisor_of(&d->shape)};
    for (p.carry = 0; p.carry < 2; p.carry++)
        for (p.divide = 0; p.divide < 2; p.divide++)
            check_whole(d, EXCITON_KERNEL_SQUEEZE, &p, sizeof p);
    /* Parts of rows, one after the other in T, which is large enough for them. */
    p.unit_length = EXCITON_CHUNK;
    p.units_per_row = (length - 1) / p.unit_length + 1;
    p.units = rows * p.units_per_row;
    p.carry = p.divide = 0;
    p.out_width = 3;
    p.out_pitch = 3;
    if (d->s_at + p.units + 3 > d->t.count)
        return;
    check_whole(d, EXCITON_KERNEL_SQUEEZE, &p, sizeof p);
    p.out_width = UINT32_MAX; /* one row of outputs, however many */
    p.out_pitch = 0;
    check_whole(d, EXCITON_KERNEL_SQUEEZE, &p, sizeof p);
}

static void check_layers(block_data *d)
{
    exciton_host_hidden p = {.samples = d->shape.samples,
                             .channels = d->shape.channels,
                             .hidden = d->shape.hidden,
                             .block = d->shape.block,
                             .s_at = d->s_at,
                             .h_at = d->h_at};
    for (p.activation = 0; p.activation < 4; p.activation++)
        check_whole(d, EXCITON_KERNEL_HIDDEN, &p, sizeof p);
    exciton_host_gate q = {.samples = d->shape.samples, .channels = d->shape.channels, .hidden = d->shape.hidden, .h_at = d->h_at,
        .g_at = d->g_at, .slope = 0.2f, .offset = 0.5f};
    for (q.gate = 0; q.gate < 2; q.gate++)
        check_whole(d, EXCITON_KERNEL_GATE, &q, sizeof q);
    exciton_host_copy r = {.t_at = d->s_at,
                           .y_at = GUARD,
                           .rows = d->shape.samples,
                           .width = d->shape.channels,
                           .pitch = (uint32_t)d->channel_pitch};
    check_whole(d, EXCITON_KERNEL_COPY, &r, sizeof r);
}

static void check_scale(block_data *d)
{
    uint32_t length = d->shape.length, rows = d->shape.samples * d->shape.channels;
    exciton_host_scale p = {.x_at = X_AT,
                            .y_at = GUARD,
                            .units = rows,
                            .units_per_row = 1,
                            .row_length = length,
                            .unit_length = length,
                            .channels = d->shape.channels,
                            .g_at = d->g_at};
    for (uint32_t i = 0; i < 4; i++) {
        p.residual = i & 1;
        p.then = i >> 1;
        p.stream = i;
        check_whole(d, EXCITON_KERNEL_SCALE, &p, sizeof p);
    }
    p.unit_length = EXCITON_CHUNK;
    p.units_per_row = (length - 1) / p.unit_length + 1;
    p.units = rows * p.units_per_row;
    check_whole(d, EXCITON_KERNEL_SCALE, &p, sizeof p);
    /* The second half of the rows, as a piece of its own. */
    p.unit_length = length;
    p.units_per_row = 1;
    p.first_row = rows / 2;
    p.units = rows - p.first_row;
    check_whole(d, EXCITON_KERNEL_SCALE, &p, sizeof p);
}

/* The first row of a unit. */
static uint32_t row_of(const block_data *d, uint32_t unit)
{
    return (uint32_t)(unit / d->blocks * d->shape.channels + unit % d->blocks * d->shape.block);
}

static void check_split(block_data *d)
{
    const shape *s = &d->shape;
    uint32_t units = (uint32_t)d->units, cut = random_below(units + 1);
    exciton_host_split_squeeze p = {.x_at = X_AT, .units = units, .channels = s->channels, .hidden = s->hidden, .block = s->block,
        .row_length = s->length, .s_at = d->s_at, .parts_at = d->parts_at, .divisor = divisor_of(s)};
    exciton_host_split_squeeze a = p, b = p;
    a.units = cut;
    b.first_unit = cut;
    b.units = units - cut;
    b.x_at += row_of(d, cut) * s->length;
    job j = {.kernel = EXCITON_KERNEL_SPLIT_SQUEEZE, .pieces = 2};
    job_set(j.whole, j.kernel, &p, sizeof p);
    job_set(j.piece[0], j.kernel, &a, sizeof a);
    job_set(j.piece[1], j.kernel, &b, sizeof b);
    check_job(d, &j);

    for (uint32_t i = 0; i < 8; i++) {
        exciton_host_split_scale q = {.x_at = X_AT,
                                      .y_at = GUARD,
                                      .units = units,
                                      .channels = s->channels,
                                      .hidden = s->hidden,
                                      .block = s->block,
                                      .row_length = s->length,
                                      .parts_at = d->parts_at,
                                      .h_at = d->h_at,
                                      .g_at = d->g_at,
                                      .activation = i & 3,
                                      .gate = i >> 2,
                                      .slope = 0.1666667f,
                                      .offset = 0.5f,
                                      .residual = i & 1,
                                      .then = i >> 1 & 1,
                                      .stream = i & 1};
        exciton_host_split_scale e = q, f = q;
        e.units = cut;
        f.first_unit = cut;
        f.units = units - cut;
        f.x_at += row_of(d, cut) * s->length;
        f.y_at += row_of(d, cut) * s->length;
        j = (job){.kernel = EXCITON_KERNEL_SPLIT_SCALE, .pieces = 2};
        job_set(j.whole, j.kernel, &q, sizeof q);
        job_set(j.piece[0], j.kernel, &e, sizeof e);
        job_set(j.piece[1], j.kernel, &f, sizeof f);
        check_job(d, &j);
    }
}

static void check_sample(block_data *d)
{
    const shape *s = &d->shape;
    for (uint32_t i = 0; i < 8; i++) {
        exciton_host_sample p = {.x_at = X_AT,
                                 .y_at = GUARD,
                                 .samples = s->samples,
                                 .shares = i % (SHARES + 1) ? i % (SHARES + 1) : 1,
                                 .channels = s->channels,
                                 .hidden = s->hidden,
                                 .block = s->block,
                                 .row_length = s->length,
                                 .s_at = d->s_at,
                                 .h_at = d->h_at,
                                 .g_at = d->g_at,
                                 .divisor = divisor_of(s),
                                 .activation = i & 3,
                                 .gate = i >> 2,
                                 .slope = 0.2f,
                                 .offset = 0.5f,
                                 .residual = i >> 1 & 1,
                                 .then = i & 1,
                                 .stream = i >> 2};
        check_whole(d, EXCITON_KERNEL_SAMPLE, &p, sizeof p);
        exciton_host_pipeline q = {.x_at = X_AT,
                                   .y_at = GUARD,
                                   .samples = s->samples,
                                   .run = i % 3 + 1,
                                   .channels = s->channels,
                                   .hidden = s->hidden,
                                   .block = s->block,
                                   .row_length = s->length,
                                   .s_at = d->s_at,
                                   .h_at = d->h_at,
                                   .g_at = d->g_at,
                                   .divisor = divisor_of(s),
                                   .activation = i & 3,
                                   .gate = i >> 2,
                                   .slope = 0.2f,
                                   .offset = 0.5f,
                                   .residual = i >> 1 & 1,
                                   .then = i & 1,
                                   .stream = i >> 2 ^ 1};
        check_whole(d, EXCITON_KERNEL_PIPELINE, &q, sizeof q);
    }
}

/* Every kind of store, units that end with a vector and units that don't, x and y aligned and not. */
static void check_stream(block_data *d)
{
    const exciton_host_set *sets[SETS];
    uint32_t count = list_sets(sets), length = (uint32_t)d->elements;
    const uint32_t units[] = {1, 7, 64, 100, length};
    for (uint32_t i = 0; i < count * 5 * 3 * 4; i++) {
        exciton_host_stream p = {.unit_length = units[i / 12 % 5], .length = length - i % 2, .stores = i / 4 % 3};
        p.units = p.length / p.unit_length + (p.length % p.unit_length != 0);
        job j = {.kernel = EXCITON_KERNEL_STREAM, .pieces = 1};
        job_set(j.whole, j.kernel, &p, sizeof p);
        job_set(j.piece[0], j.kernel, &p, sizeof p);
        data_reset(d);
        exciton_host_task task = {.x = d->x.data + X_AT, .y = d->y.data + GUARD + i / 2 % 2};
        run_pieces(sets[i / 60], &j, &task);
        exciton_host_task want = {.x = task.x, .y = d->want_y + GUARD + i / 2 % 2};
        memcpy(want.params, j.whole, sizeof want.params);
        reference_stream(&want);
        compare(sets[i / 60]->name, d->y.data, d->want_y, d->y.count);
    }
}

static void test_squeeze(void **state) { (void)state; each_shape(check_squeeze); }
static void test_layers(void **state) { (void)state; each_shape(check_layers); }
static void test_scale(void **state) { (void)state; each_shape(check_scale); }
static void test_split(void **state) { (void)state; each_shape(check_split); }
static void test_sample(void **state) { (void)state; each_shape(check_sample); }
static void test_stream(void **state) { (void)state; each_shape(check_stream); }

/* Infinities, NaNs, signed zeros and subnormals in x: the same bits, NaNs the same class. */
static void test_special_values(void **state)
{
    (void)state;
    static const uint32_t special[] = {0x7f800000u, 0xff800000u, 0x7fc00000u, 0xffc00001u,
                                       0x80000000u, 0x00000001u, 0x80000001u, 0x7f7fffffu};
    const shape s = {3, 21, 6, 50, 8};
    for (uint32_t i = 0; i < sizeof special / sizeof special[0]; i++) {
        block_data d;
        data_make(&d, &s);
        for (size_t k = 0; k < 40; k++)
            d.x.data[random_below((uint32_t)d.x.count)] = exciton_float(special[i]);
        check_split(&d);
        check_sample(&d);
        data_free(&d);
    }
}

/* ---- Through the backend's table ---- */

static exciton_env test_env(uint32_t threads)
{
    return (exciton_env){.allocator = {.allocate = test_allocate, .release = test_release}, .host_threads = threads};
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
    reference_split_squeeze(&want);
    want.x = d->x.data;
    memcpy(want.params, steps[1].params, sizeof want.params);
    reference_split_scale(&want);
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

/* Many submissions over a large and a small block, with pauses in which the workers fall asleep. */
static void check_threads(uint32_t threads, uint64_t spin)
{
    static const shape large = {2, 96, 6, 784, 8}, small = {1, 33, 3, 100, 8};
    int before = atomic_load(&live_blocks);
    exciton_env env = test_env(threads);
    env.host_spin = spin;
    exciton_be_state *be_state;
    exciton_be_device *device = open_host(&env, &be_state);
    block_data d[2];
    bound b[2];
    data_make(&d[0], &large);
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
    assert_int_equal(atomic_load(&live_blocks), before);
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
    exciton_env env = test_env(4);
    exciton_be_state *be_state;
    exciton_be_device *device = open_host(&env, &be_state);
    exciton_host_set noting = *device->set;
    noting.routines[EXCITON_KERNEL_SPLIT_SQUEEZE] = note_share;
    noting.routines[EXCITON_KERNEL_SPLIT_SCALE] = note_share;
    device->set = &noting;
    block_data d;
    bound b;
    data_make(&d, &s);
    bind(&b, device, &d);
    atomic_store(&shares.count, 0);
    uint64_t serial;
    assert_int_equal(host->submit(device, &b.recording, 1, &serial), EXCITON_OK);
    assert_int_equal(host->wait(device, serial, 0), EXCITON_OK);
    uint32_t count = atomic_load(&shares.count), threads = exciton_host_pool_threads(device->pool);
    assert_int_equal(count, 2 * threads);
    uint64_t units = 0, least = UINT64_MAX, most = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t length = shares.end[i] - shares.first[i], before = 0;
        assert_true(shares.first[i] < shares.end[i] && shares.end[i] <= d.units);
        for (uint32_t k = i / threads * threads; k < (i / threads + 1) * threads; k++)
            before += shares.end[k] <= shares.first[i] ? shares.end[k] - shares.first[k] : 0;
        assert_int_equal(before, shares.first[i]);
        units += length;
        least = length < least ? length : least;
        most = length > most ? length : most;
    }
    assert_int_equal(units, 2 * d.units);
    assert_true(most - least <= 1);
    unbind(&b);
    data_free(&d);
    host->close(device);
    host->state_destroy(be_state);
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
    static const shape s = {2, 96, 6, 784, 8};
    exciton_env env = test_env(2);
    env.host_spin = spin;
    exciton_be_state *be_state;
    exciton_be_device *device = open_host(&env, &be_state);
    block_data d;
    bound b;
    data_make(&d, &s);
    bind(&b, device, &d);
    uint64_t serial;
    assert_int_equal(host->submit(device, &b.recording, 1, &serial), EXCITON_OK);
    uint64_t before = process_time();
    usleep(100000);
    uint64_t taken = process_time() - before;
    check_bound(&b);
    unbind(&b);
    data_free(&d);
    host->close(device);
    host->state_destroy(be_state);
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
    exciton_env env = test_env(1);
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
    static const shape s = {2, 96, 6, 784, 8};
    exciton_env env = test_env(3);
    exciton_be_state *be_state;
    exciton_be_device *device = open_host(&env, &be_state);
    block_data d;
    bound b;
    data_make(&d, &s);
    bind(&b, device, &d);
    uint64_t serial;
    assert_int_equal(host->submit(device, &b.recording, 1, &serial), EXCITON_OK);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(20);
        exciton_status status = host->submit(device, &b.recording, 1, &serial);
        unbind(&b);
        host->close(device);
        host->state_destroy(be_state);
        _exit(status == EXCITON_ERROR_LOST ? 0 : 1);
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result) && WEXITSTATUS(result) == 0);
    assert_int_equal(host->submit(device, &b.recording, 1, &serial), EXCITON_OK);
    check_bound(&b);
    unbind(&b);
    data_free(&d);
    host->close(device);
    host->state_destroy(be_state);
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
    static const shape s = {2, 96, 6, 784, 8};
    exciton_env env = test_env(2);
    exciton_be_state *be_state;
    uint64_t usual = exciton_host_enter_arithmetic(), serial;
    exciton_host_leave_arithmetic(unusual); /* a worker inherits its starter's mode */
    exciton_be_device *device = open_host(&env, &be_state);
    exciton_host_leave_arithmetic(usual);
    block_data d;
    bound b;
    data_make(&d, &s);
    bind(&b, device, &d);
    for (int i = 0; i < 20; i++) {
        exciton_host_leave_arithmetic(unusual);
        exciton_status status = host->submit(device, &b.recording, 1, &serial);
        uint64_t after = exciton_host_enter_arithmetic();
        exciton_host_leave_arithmetic(usual);
        assert_int_equal(status, EXCITON_OK);
        assert_int_equal(after & mode, unusual & mode);
        check_bound(&b);
    }
    unbind(&b);
    data_free(&d);
    host->close(device);
    host->state_destroy(be_state);
}

int main(void)
{
    const char *text = getenv("EXCITON_TEST_SEED");
    seed = text != NULL && strtoull(text, NULL, 10) != 0 ? strtoull(text, NULL, 10) : 20240607;
    print_message("EXCITON_TEST_SEED=%llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_squeeze),       cmocka_unit_test(test_layers),   cmocka_unit_test(test_scale),
        cmocka_unit_test(test_split),         cmocka_unit_test(test_sample), cmocka_unit_test(test_stream),   cmocka_unit_test(test_special_values),
        cmocka_unit_test(test_threads),       cmocka_unit_test(test_shares),   cmocka_unit_test(test_spin),   cmocka_unit_test(test_idle),
        cmocka_unit_test(test_refusals),      cmocka_unit_test(test_fork),   cmocka_unit_test(test_rounding_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
