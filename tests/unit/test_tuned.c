/* Winners of measurements: found by shape, kept by the cache, and never trusted beyond what the library has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/tuned.h"
#include "support/allocator.h"

static test_allocator memory;
static exciton_context context;
static exciton_found found;
static exciton_device device;
static exciton_se_problem problem;

/* One entry, that of the last key. */
static char kept_key[65], kept[8192];
static size_t kept_bytes;

static size_t get(void *user, const char *key, void *data, size_t capacity)
{
    (void)user;
    if (strcmp(key, kept_key) != 0)
        return 0;
    if (kept_bytes <= capacity)
        memcpy(data, kept, kept_bytes);
    return kept_bytes;
}

static void set(void *user, const char *key, const void *data, size_t bytes)
{
    (void)user;
    assert_true(bytes <= sizeof kept);
    memcpy(kept_key, key, sizeof kept_key);
    memcpy(kept, data, bytes);
    kept_bytes = bytes;
}

static int set_up(void **state)
{
    (void)state;
    memory = (test_allocator){0};
    context = (exciton_context){.env = {.allocator = test_allocator_interface(&memory), .cache = {.get = get, .set = set}}};
    found = (exciton_found){.info = {.name = "a device", .driver = "a driver", .version = "1"}};
    device = (exciton_device){.context = &context, .found = &found, .limits = {.max_group_size = 128}};
    problem = (exciton_se_problem){.channels = 64, .hidden = 4};
    kept_bytes = 0;
    kept_key[0] = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(test_count(&memory.live), 0);
    return 0;
}

static exciton_winner winner_of(uint64_t batch, uint64_t space, bool in_place, exciton_schedule schedule)
{
    return (exciton_winner){batch, space, in_place, {.schedule = schedule, .form = EXCITON_FORM_ROWS, .group_size = 8, .shares = in_place ? 1 : 2}};
}

static void found_by_shape(void **state)
{
    (void)state;
    exciton_winners winners = {0};
    exciton_winner a = winner_of(1, 49, false, EXCITON_SCHEDULE_SAMPLE_IN_GROUP), b = winner_of(1, 49, true, EXCITON_SCHEDULE_PIPELINED);
    exciton_winners_add(&winners, &a);
    exciton_winners_add(&winners, &b);
    assert_int_equal(exciton_winners_find(&winners, 1, 49, false)->way.schedule, EXCITON_SCHEDULE_SAMPLE_IN_GROUP);
    assert_int_equal(exciton_winners_find(&winners, 1, 49, true)->way.schedule, EXCITON_SCHEDULE_PIPELINED);
    assert_null(exciton_winners_find(&winners, 2, 49, false));
    assert_null(exciton_winners_find(&winners, 1, 50, false));
    a.way.schedule = EXCITON_SCHEDULE_SPLIT_EXCITE; /* again, another outcome */
    exciton_winners_add(&winners, &a);
    assert_int_equal(winners.count, 2);
    assert_int_equal(exciton_winners_find(&winners, 1, 49, false)->way.schedule, EXCITON_SCHEDULE_SPLIT_EXCITE);
    assert_int_equal(exciton_winners_find(&winners, 1, 49, true)->way.schedule, EXCITON_SCHEDULE_PIPELINED);
}

static void the_oldest_goes(void **state)
{
    (void)state;
    exciton_winners winners = {0};
    for (uint64_t i = 1; i <= EXCITON_TUNED + 3; ++i) {
        exciton_winner w = winner_of(i, 7, false, EXCITON_SCHEDULE_THREE_STAGES);
        exciton_winners_add(&winners, &w);
    }
    assert_int_equal(winners.count, EXCITON_TUNED);
    for (uint64_t i = 1; i <= EXCITON_TUNED + 3; ++i)
        assert_true((exciton_winners_find(&winners, i, 7, false) != NULL) == (i > 3));
}

static void kept_and_recalled(void **state)
{
    (void)state;
    exciton_winners winners = {0}, back;
    for (uint64_t i = 1; i <= EXCITON_TUNED; ++i) {
        exciton_winner w = winner_of(UINT64_C(1) << 40, i, i % 2, (exciton_schedule)(1 + i % 4));
        exciton_winners_add(&winners, &w);
    }
    exciton_winners_recall(&device, &problem, &back);
    assert_int_equal(back.count, 0);
    exciton_winners_remember(&device, &problem, &winners);
    exciton_winners_recall(&device, &problem, &back);
    assert_int_equal(back.count, EXCITON_TUNED);
    for (uint32_t i = 0; i < back.count; ++i) {
        const exciton_winner *w = &winners.list[i], *r = &back.list[i];
        assert_true(w->batch == r->batch && w->space == r->space && w->in_place == r->in_place && w->way.schedule == r->way.schedule &&
                    w->way.form == r->way.form && w->way.group_size == r->way.group_size && w->way.shares == r->way.shares);
    }
}

/* Another block, driver, version or limit: another entry. */
static void of_its_own_key(void **state)
{
    (void)state;
    exciton_winners winners = {0}, back;
    exciton_winner w = winner_of(1, 49, false, EXCITON_SCHEDULE_PIPELINED);
    exciton_winners_add(&winners, &w);
    exciton_winners_remember(&device, &problem, &winners);
    exciton_se_problem other = problem;
    other.hidden = 5;
    exciton_winners_recall(&device, &other, &back);
    assert_int_equal(back.count, 0);
    found.info.version = "2";
    exciton_winners_recall(&device, &problem, &back);
    assert_int_equal(back.count, 0);
    found.info.version = "1";
    device.limits.compute_units = 3;
    exciton_winners_recall(&device, &problem, &back);
    assert_int_equal(back.count, 0);
    device.limits.compute_units = 0;
    exciton_winners_recall(&device, &problem, &back);
    assert_int_equal(back.count, 1);
}

/* A sound container with unsound lines: those that are sound count. */
static void of_unsound_text(void **state)
{
    (void)state;
    exciton_winners winners = {0}, back;
    static const exciton_se_way bad[] = {
        {.schedule = EXCITON_SCHEDULE_DEFAULT, .form = EXCITON_FORM_ROWS, .group_size = 8, .shares = 1},
        {.schedule = (exciton_schedule)9, .form = EXCITON_FORM_ROWS, .group_size = 8, .shares = 1},
        {.schedule = EXCITON_SCHEDULE_PIPELINED, .form = EXCITON_FORM_DEFAULT, .group_size = 8, .shares = 1},
        {.schedule = EXCITON_SCHEDULE_PIPELINED, .form = EXCITON_FORM_ROWS, .group_size = 6, .shares = 1},
        {.schedule = EXCITON_SCHEDULE_PIPELINED, .form = EXCITON_FORM_ROWS, .group_size = 256, .shares = 1},
        {.schedule = EXCITON_SCHEDULE_PIPELINED, .form = EXCITON_FORM_ROWS, .group_size = 8, .shares = 0},
        {.schedule = EXCITON_SCHEDULE_PIPELINED, .form = EXCITON_FORM_ROWS, .group_size = 8, .shares = 65},
    };
    enum { BAD = sizeof bad / sizeof bad[0] };
    for (uint32_t i = 0; i < BAD; ++i)
        winners.list[winners.count++] = (exciton_winner){1, i + 1, false, bad[i]};
    winners.list[winners.count] = winner_of(1, 100, true, EXCITON_SCHEDULE_SPLIT_EXCITE);
    winners.list[winners.count++].way.shares = 2; /* in place */
    winners.list[winners.count++] = winner_of(0, 101, false, EXCITON_SCHEDULE_SPLIT_EXCITE);
    winners.list[winners.count++] = winner_of(1, 102, false, EXCITON_SCHEDULE_SPLIT_EXCITE);
    exciton_winners_remember(&device, &problem, &winners);
    exciton_winners_recall(&device, &problem, &back);
    assert_int_equal(back.count, 1);
    assert_int_equal(back.list[0].space, 102);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(found_by_shape), TEST(the_oldest_goes), TEST(kept_and_recalled), TEST(of_its_own_key),
                                       TEST(of_unsound_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
