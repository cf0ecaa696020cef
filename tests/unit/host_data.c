/* The host backend's tests' data. x ends where a page without access begins, so that a read beyond it is a crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "backends/host/params.h"
#include "scalar.h"
#include "unit/host_data.h"

/* ---- Random numbers ---- */

static uint64_t seed = 1;

void random_seed(void)
{
    const char *text = getenv("EXCITON_TEST_SEED");
    seed = text != NULL && strtoull(text, NULL, 10) != 0 ? strtoull(text, NULL, 10) : 20240607;
    print_message("EXCITON_TEST_SEED=%llu\n", (unsigned long long)seed);
}

static uint32_t random_word(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 24);
}

uint32_t random_below(uint32_t n) { return random_word() % n; }
static float random_float(void) { return (float)(int32_t)(random_word() % 65536u) / 16384.0f - 2.0f; }

/* ---- Arrays ---- */

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

void fill_poison(float *v, size_t count)
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

void compare(const char *what, const float *got, const float *want, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!same(got[i], want[i])) {
            print_error("%s: element %zu: got %08x, expected %08x\n", what, i, (unsigned)exciton_bits(got[i]),
                        (unsigned)exciton_bits(want[i]));
            fail();
        }
}

/* ---- A block's data ---- */

void data_make(block_data *d, const shape *s)
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

void data_free(block_data *d)
{
    array_free(&d->x);
    array_free(&d->y);
    array_free(&d->w);
    array_free(&d->t);
    free(d->want_t);
    free(d->want_y);
}

void data_reset(block_data *d)
{
    fill_random(d->t.data, d->t.count);
    fill_poison(d->y.data, d->y.count);
    memcpy(d->want_t, d->t.data, d->t.count * sizeof(float));
    memcpy(d->want_y, d->y.data, d->y.count * sizeof(float));
}
