/* The 16 blocks of SE-ResNet-50, one image: each of them in a submission of its own, and all in one.
 *
 *     many SELECTOR [SECONDS]
 *
 * A round times one pass of either kind, in turn first, so that both find the same in the caches, and an empty dispatch (a
 * copy of eight bytes by a kernel). The bound is that of the blocks alone less 15 empty dispatches, and a tenth more; what counts is
 * the median of the rounds' ratios. Outputs are compared: one submission gives the bits of sixteen. Exit status: 0 within the
 * bound, 1 beyond it, 2 anything else, 77 the device is absent. */
#include <exciton/exciton.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BLOCKS = 16, LEAST_ROUNDS = 21, MOST_ROUNDS = 4096, MOST_COPIES = 64, EMPTY_TIMES = 3, EMPTY_BYTES = 8, ABSENT = 77 };
#define ALLOWED 1.1

typedef struct stage {
    uint64_t channels, side, hidden;
    int blocks;
} stage;

static const stage stages[] = {{256, 56, 16, 3}, {512, 28, 32, 4}, {1024, 14, 64, 6}, {2048, 7, 128, 3}};

typedef struct block {
    uint64_t bytes;
    exciton_plan *plan;
    exciton_buffer *x, *y;
    exciton_binding *binding;
} block;

typedef struct bench {
    exciton_context *context;
    exciton_device *device;
    exciton_floor *empty;
    uint32_t copy; /* of `empty` */
    block blocks[BLOCKS];
    exciton_binding *bindings[BLOCKS];
    int count;
    double alone[MOST_ROUNDS], together[MOST_ROUNDS], nothing[MOST_ROUNDS], ratio[MOST_ROUNDS];
    int rounds;
} bench;

static double now(void)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *values, int count)
{
    static double sorted[MOST_ROUNDS];
    memcpy(sorted, values, (size_t)count * sizeof *values);
    qsort(sorted, (size_t)count, sizeof *sorted, by_size);
    return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

static void fill(float *values, uint64_t count, float scale)
{
    static uint64_t state = 1;
    for (uint64_t i = 0; i < count; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        values[i] = ((float)(state >> 40) / 8388608.0f - 1) * scale;
    }
}

/* ---- making */

static exciton_status make_block(bench *b, const stage *s, block *made)
{
    uint64_t elements = s->channels * s->side * s->side, weights = s->channels * s->hidden;
    made->bytes = elements * sizeof(float);
    float *data = malloc((elements + 2 * weights) * sizeof *data);
    if (!data)
        return exciton_report(EXCITON_ERROR_MEMORY, "many: out of memory");
    fill(data, elements, 1);
    fill(data + elements, 2 * weights, 0.1f);
    const exciton_se se = {.channels = s->channels, .hidden = s->hidden, .fc1 = {.data = data + elements},
                           .fc2 = {.data = data + elements + weights}, .max = {.batch = 1, .dims = 2, .spatial = {s->side, s->side}}};
    exciton_status status = exciton_plan_create_se(b->device, &se, &made->plan);
    if (!status)
        status = exciton_buffer_create(b->device, made->bytes, EXCITON_DOMAIN_DEFAULT, &made->x);
    if (!status)
        status = exciton_buffer_create(b->device, made->bytes, EXCITON_DOMAIN_DEFAULT, &made->y);
    if (!status)
        status = exciton_buffer_write(made->x, 0, data, made->bytes);
    if (!status)
        status = exciton_buffer_write(made->y, 0, data, made->bytes);
    if (!status)
        status = exciton_binding_create(made->plan, &(exciton_args){.in = {made->x, 0}, .out = {made->y, 0}}, &made->binding);
    free(data);
    return status;
}

static exciton_status make(bench *b, const char *selector)
{
    exciton_status status = exciton_context_create(NULL, &b->context);
    if (!status)
        status = exciton_device_open(b->context, selector, &b->device);
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
        for (int k = 0; !status && k < stages[i].blocks; k++) {
            status = make_block(b, &stages[i], &b->blocks[b->count]);
            b->bindings[b->count] = b->blocks[b->count].binding;
            b->count++;
        }
    return status ? status : exciton_floor_create(b->device, EMPTY_BYTES, &b->empty);
}

static void destroy(bench *b)
{
    for (int i = 0; i < b->count; i++) {
        exciton_binding_destroy(b->blocks[i].binding);
        exciton_buffer_destroy(b->blocks[i].x);
        exciton_buffer_destroy(b->blocks[i].y);
        exciton_plan_destroy(b->blocks[i].plan);
    }
    exciton_floor_destroy(b->empty);
    exciton_device_close(b->device);
    exciton_context_destroy(b->context);
}

/* ---- running */

static exciton_status run(bench *b, exciton_binding *const *bindings, uint32_t count)
{
    exciton_ticket ticket;
    exciton_status status = exciton_submit(b->device, bindings, count, &ticket);
    return status ? status : exciton_wait(b->device, ticket, EXCITON_WAIT_DEFAULT);
}

static exciton_status pass(bench *b, bool one_by_one, double *microseconds)
{
    double start = now();
    exciton_status status = EXCITON_OK;
    if (!one_by_one)
        status = run(b, b->bindings, (uint32_t)b->count);
    for (int i = 0; one_by_one && !status && i < b->count; i++)
        status = run(b, &b->bindings[i], 1);
    *microseconds = now() - start;
    return status;
}

static exciton_status run_empty(bench *b, uint32_t copy, double *microseconds)
{
    double times[EMPTY_TIMES];
    exciton_status status = EXCITON_OK;
    for (int i = 0; !status && i < EMPTY_TIMES; i++) {
        uint64_t ns;
        status = exciton_floor_run(b->empty, copy, &ns);
        times[i] = (double)ns * 1e-3;
    }
    *microseconds = status ? 0 : median(times, EMPTY_TIMES);
    return status;
}

/* The kernel's copy that is the fastest; the driver's own, or memcpy, is no dispatch. */
static exciton_status choose_empty(bench *b)
{
    double best = -1, took;
    exciton_status status = EXCITON_OK;
    for (uint32_t i = 0; !status && i < exciton_floor_count(b->empty) && i < MOST_COPIES; i++) {
        const char *name = exciton_floor_name(b->empty, i);
        if (strncmp(name, "rows", 4) && strncmp(name, "lanes", 5))
            continue;
        status = run_empty(b, i, &took);
        if (!status)
            status = run_empty(b, i, &took);
        if (!status && (best < 0 || took < best)) {
            best = took;
            b->copy = i;
        }
    }
    return status;
}

static exciton_status run_round(bench *b)
{
    int r = b->rounds;
    double *first = r % 2 ? b->alone : b->together, *second = r % 2 ? b->together : b->alone;
    exciton_status status = run_empty(b, b->copy, &b->nothing[r]);
    if (!status)
        status = pass(b, first == b->alone, &first[r]);
    if (!status)
        status = pass(b, second == b->alone, &second[r]);
    b->rounds += !status;
    return status;
}

/* ---- the same bits */

static exciton_status read_all(bench *b, char *to)
{
    exciton_status status = EXCITON_OK;
    for (int i = 0; !status && i < b->count; to += b->blocks[i].bytes, i++)
        status = exciton_buffer_read(b->blocks[i].y, 0, to, b->blocks[i].bytes);
    return status;
}

static exciton_status poison_all(bench *b, const char *with)
{
    exciton_status status = EXCITON_OK;
    for (int i = 0; !status && i < b->count; i++)
        status = exciton_buffer_write(b->blocks[i].y, 0, with, b->blocks[i].bytes);
    return status;
}

static exciton_status compare(bench *b)
{
    size_t bytes = 0;
    double ignored;
    for (int i = 0; i < b->count; i++)
        bytes += b->blocks[i].bytes;
    char *one = calloc(1, 2 * bytes), *other = one + bytes;
    if (!one)
        return exciton_report(EXCITON_ERROR_MEMORY, "many: out of memory");
    exciton_status status = poison_all(b, other);
    if (!status)
        status = pass(b, true, &ignored);
    if (!status)
        status = read_all(b, one);
    if (!status)
        status = poison_all(b, other);
    if (!status)
        status = pass(b, false, &ignored);
    if (!status)
        status = read_all(b, other);
    if (!status && memcmp(one, other, bytes))
        status = exciton_report(EXCITON_ERROR_CHECK, "many: one submission gave other bits than sixteen");
    free(one);
    return status;
}

/* ---- the result */

static int report(bench *b)
{
    exciton_device_info info;
    double limit[MOST_ROUNDS];
    double nothing = median(b->nothing, b->rounds);
    for (int i = 0; i < b->rounds; i++) {
        limit[i] = (b->alone[i] - (BLOCKS - 1) * nothing) * ALLOWED;
        b->ratio[i] = b->together[i] / limit[i];
    }
    double ratio = median(b->ratio, b->rounds);
    (void)exciton_device_get_info(b->device, &info);
    printf("%s: 16 blocks alone %.1f us, an empty dispatch %.1f us; in one submission %.1f us, bound %.1f us: ratio %.2f (%d rounds)\n",
           info.driver, median(b->alone, b->rounds), nothing, median(b->together, b->rounds), median(limit, b->rounds), ratio, b->rounds);
    return ratio <= 1 ? 0 : 1;
}

int main(int argc, char **argv)
{
    static bench b;
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: many SELECTOR [SECONDS]\n");
        return 2;
    }
    double seconds = argc == 3 ? atof(argv[2]) : 5, ignored;
    exciton_status status = make(&b, argv[1]);
    if (!status)
        status = compare(&b);
    if (!status)
        status = choose_empty(&b);
    if (!status)
        status = pass(&b, true, &ignored);
    for (double start = now(); !status && b.rounds < MOST_ROUNDS && (b.rounds < LEAST_ROUNDS || now() - start < seconds * 1e6);)
        status = run_round(&b);
    if (status)
        fprintf(stderr, "many: %s\n", exciton_last_error());
    int result = status == EXCITON_ERROR_ABSENT ? ABSENT : status ? 2 : report(&b);
    destroy(&b);
    return result;
}
