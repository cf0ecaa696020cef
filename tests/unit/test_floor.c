/* The floor on host under limits that no host has: ranges, group counts, iterations and buffers that cut a copy into steps. */
#include "core/floor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct host {
    exciton_context *context;
    exciton_device *device;
} host;

static host open_host(const exciton_limits *clamp, uint32_t threads, uint64_t cap)
{
    host h = {NULL, NULL};
    assert_int_equal(exciton_context_create(&(exciton_context_params){.clamp = clamp, .host_threads = threads, .memory_cap = cap}, &h.context),
                     EXCITON_OK);
    assert_int_equal(exciton_device_open(h.context, "host", &h.device), EXCITON_OK);
    return h;
}

static void close_host(host *h)
{
    exciton_device_close(h->device);
    exciton_context_destroy(h->context);
}

static void copies_exactly(exciton_floor *f)
{
    size_t bytes = f->to->bytes, copied = f->resident * sizeof(uint32_t);
    char *from = malloc(bytes), *to = malloc(bytes);
    assert_true(from && to);
    assert_int_equal(exciton_buffer_read(f->from, 0, from, bytes), EXCITON_OK);
    for (uint32_t i = 0; i < exciton_floor_count(f); i++) {
        uint64_t nanoseconds = 0;
        memset(to, 0xff, bytes);
        assert_int_equal(exciton_buffer_write(f->to, 0, to, bytes), EXCITON_OK);
        assert_int_equal(exciton_floor_run(f, i, &nanoseconds), EXCITON_OK);
        assert_int_equal(exciton_buffer_read(f->to, 0, to, bytes), EXCITON_OK);
        size_t rest = copied;
        while (rest < bytes && to[rest] == (char)0xff)
            rest++;
        if (memcmp(from, to, copied) || rest < bytes)
            fail_msg("%s of %llu elements", exciton_floor_name(f, i), (unsigned long long)f->elements);
    }
    free(from);
    free(to);
}

static void under(const exciton_limits *clamp, uint64_t elements, uint64_t resident)
{
    host h = open_host(clamp, 3, 0);
    exciton_floor *f;
    assert_int_equal(exciton_floor_create(h.device, elements * 8, &f), EXCITON_OK);
    assert_true(f->elements == elements && f->resident == resident);
    copies_exactly(f);
    exciton_floor_destroy(f);
    close_host(&h);
}

static void limits(void **state)
{
    (void)state;
    under(NULL, 200003, 200003);
    under(&(exciton_limits){.max_binding_range = 32768}, 200003, 200003);
    under(&(exciton_limits){.max_binding_range = 32768 + 4}, 8193, 8193);
    under(&(exciton_limits){.max_group_count = 2}, 200003, 200003);
    under(&(exciton_limits){.max_iterations = 600, .max_group_count = 3}, 200003, 200003);
    under(&(exciton_limits){.max_iterations = 1, .max_group_count = 1}, 20003, 20003); /* a unit at a time */
    under(&(exciton_limits){.max_allocation = 40000}, 20003, 8192);                  /* more than twice over */
    under(&(exciton_limits){.max_allocation = 16384, .max_binding_range = 32768}, 4096, 4096);
}

static void names(void **state)
{
    (void)state;
    for (uint32_t threads = 1; threads <= 4; threads++) {
        host h = open_host(NULL, threads, 0);
        exciton_floor *f;
        assert_int_equal(exciton_floor_create(h.device, 1 << 20, &f), EXCITON_OK);
        assert_true(exciton_floor_count(f) >= (threads == 1 ? 4 : 6));
        for (uint32_t i = 0; i < exciton_floor_count(f); i++)
            for (uint32_t k = 0; k < i; k++)
                assert_string_not_equal(exciton_floor_name(f, i), exciton_floor_name(f, k));
        assert_null(exciton_floor_name(f, exciton_floor_count(f)));
        exciton_floor_destroy(f);
        close_host(&h);
    }
}

static void refusals(void **state)
{
    (void)state;
    host h = open_host(&(exciton_limits){.max_allocation = 1 << 20}, 2, 3 << 20);
    exciton_floor *f = (exciton_floor *)&h;
    uint64_t nanoseconds = 1;
    assert_int_equal(exciton_floor_create(NULL, 8, &f), EXCITON_ERROR_ARGUMENT);
    assert_null(f);
    assert_int_equal(exciton_floor_create(h.device, 8, NULL), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_floor_create(h.device, 0, &f), EXCITON_ERROR_SHAPE);
    assert_int_equal(exciton_floor_create(h.device, UINT64_C(1) << 40, &f), EXCITON_ERROR_LIMIT);
    assert_null(f);
    assert_int_equal(exciton_floor_create(h.device, 8, &f), EXCITON_OK);
    assert_int_equal(exciton_floor_run(f, exciton_floor_count(f), &nanoseconds), EXCITON_ERROR_ARGUMENT);
    assert_true(nanoseconds == 0);
    assert_int_equal(exciton_floor_run(f, 0, NULL), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_floor_run(NULL, 0, &nanoseconds), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_floor_run((exciton_floor *)h.device, 0, &nanoseconds), EXCITON_ERROR_ARGUMENT);
    exciton_floor_destroy(f);
    /* Beyond the cap; what the first buffer took is given back. */
    exciton_buffer *large, *rest;
    assert_int_equal(exciton_buffer_create(h.device, 1 << 20, EXCITON_DOMAIN_DEFAULT, &large), EXCITON_OK);
    assert_int_equal(exciton_buffer_create(h.device, 1 << 20, EXCITON_DOMAIN_DEFAULT, &rest), EXCITON_OK);
    assert_int_equal(exciton_floor_create(h.device, 2 << 20, &f), EXCITON_ERROR_MEMORY);
    assert_null(f);
    exciton_buffer_destroy(rest);
    assert_int_equal(exciton_floor_create(h.device, 2 << 20, &f), EXCITON_OK);
    exciton_buffer_destroy(large);
    exciton_floor_destroy(f);
    exciton_floor_destroy(NULL);
    assert_true(exciton_floor_count(NULL) == 0 && exciton_floor_name(NULL, 0) == NULL);
    close_host(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(limits), cmocka_unit_test(names), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
