/*
 * The host backend's kernels: every one of the catalogue at every width that this processor runs, against a plain scalar
 * reference written from src/base/catalogue.h, bit by bit.
 *
 * x ends where a page without access begins, so that a read beyond it is a crash. EXCITON_TEST_SEED sets the seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "host_reference.h"
#include "unit/host_data.h"
#include "unit/host_wide.h"

/* ---- One kernel at each width ---- */

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

/* ---- Each kernel ---- */

static const shape shapes[] = {
    {1, 1, 1, 1, 8},     {2, 3, 1, 31, 8},    {1, 5, 2, 32, 8},     {2, 9, 3, 33, 8},      {3, 65, 5, 49, 8},
    {2, 65, 5, 49, 64},  {2, 37, 9, 196, 16}, {5, 65, 5, 1, 16},    {2, 130, 40, 7, 32},   {1, 17, 8, 4096, 8},
    {2, 3, 1, 4097, 8},  {1, 2, 1, 9000, 8},  {2, 264, 70, 15, 64}, {1, 300, 130, 5, 128}, {1, 64, 4, 1024, 8},
    {3, 16, 33, 80, 16}, {2, 19, 260, 21, 8}, {1, 1, 1, 140000, 8}, {7, 65, 70, 5, 8},   {4, 540, 530, 2, 64},
};
#define SHAPES (sizeof shapes / sizeof shapes[0])

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
                                 .together = i % (SHARES + 1) ? 1 : 4,
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

int main(void)
{
    random_seed();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_squeeze), cmocka_unit_test(test_layers), cmocka_unit_test(test_scale),          cmocka_unit_test(test_split),
        cmocka_unit_test(test_sample),  cmocka_unit_test(test_stream), cmocka_unit_test(test_special_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
