/* The cache's container and its folder: what was written comes back, and nothing else ever does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cache.h"
#include "support/allocator.h"

static char folder[64], path[256], logged[512];
static test_allocator memory;
static exciton_env env;
static const exciton_cache_key key = {"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
                               other = {"1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"};

static void keep_line(void *user, exciton_log_level level, const char *line)
{
    (void)user, (void)level;
    snprintf(logged, sizeof logged, "%s", line);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/exciton-cache-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/%s.bin", folder, key.hex);
    memory = (test_allocator){0};
    env = (exciton_env){.allocator = test_allocator_interface(&memory), .log = keep_line, .cache.directory = folder};
    logged[0] = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[256];
    snprintf(command, sizeof command, "chmod -R u+rwx %s; rm -rf %s", folder, folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(test_count(&memory.live), 0);
    return 0;
}

static bool reads(const exciton_cache_key *from, const void *data, size_t bytes)
{
    size_t got;
    void *entry = exciton_cache_read(&env, from, &got);
    bool same = entry && got == bytes && memcmp(entry, data, bytes) == 0;
    if (!entry)
        assert_int_equal(got, 0);
    exciton_release(&env, entry);
    return same;
}

static void comes_back(void **state)
{
    (void)state;
    assert_false(reads(&key, "x", 1));
    assert_string_equal(logged, "");
    exciton_cache_write(&env, &key, "first", 5);
    assert_true(reads(&key, "first", 5));
    assert_false(reads(&other, "first", 5));
    exciton_cache_write(&env, &key, "the second", 10);
    assert_true(reads(&key, "the second", 10));
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(stat(folder, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    exciton_cache_write(&env, &other, "", 0); /* nothing to keep */
    assert_false(reads(&other, "", 0));
    assert_string_equal(logged, "");
}

static void makes_its_folder(void **state)
{
    (void)state;
    assert_int_equal(rmdir(folder), 0);
    exciton_cache_write(&env, &key, "x", 1);
    assert_true(reads(&key, "x", 1));
}

static size_t slurp(unsigned char *data, size_t capacity)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t got = fread(data, 1, capacity, file);
    fclose(file);
    return got;
}

static void spill(const unsigned char *data, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    fclose(file);
}

/* Every length, and every bit flipped. */
static void is_damaged(void **state)
{
    (void)state;
    unsigned char entry[512];
    exciton_cache_write(&env, &key, "some content", 12);
    size_t bytes = slurp(entry, sizeof entry);
    for (size_t length = 0; length < bytes; ++length) {
        spill(entry, length);
        assert_false(reads(&key, "some content", 12));
    }
    entry[bytes] = 0;
    spill(entry, bytes + 1);
    assert_false(reads(&key, "some content", 12));
    for (size_t bit = 0; bit < bytes * 8; ++bit) {
        entry[bit / 8] ^= (unsigned char)(1 << bit % 8);
        spill(entry, bytes);
        size_t got;
        assert_null(exciton_cache_read(&env, &key, &got));
        entry[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    spill(entry, bytes);
    assert_true(reads(&key, "some content", 12));
    /* Another key's entry under this name. */
    exciton_cache_write(&env, &other, "some content", 12);
    char from[256];
    snprintf(from, sizeof from, "%s/%s.bin", folder, other.hex);
    assert_int_equal(rename(from, path), 0);
    assert_false(reads(&key, "some content", 12));
}

static void is_not_ours(void **state)
{
    (void)state;
    exciton_cache_write(&env, &key, "x", 1);
    char aside[256];
    snprintf(aside, sizeof aside, "%s/aside", folder);
    assert_int_equal(chmod(path, 0666), 0); /* anyone may have written it */
    assert_false(reads(&key, "x", 1));
    assert_non_null(strstr(logged, "plain file"));
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(link(path, aside), 0);
    assert_false(reads(&key, "x", 1));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("aside", path), 0);
    assert_false(reads(&key, "x", 1));
    exciton_cache_write(&env, &key, "y", 1); /* the link goes, what it names stays */
    assert_true(reads(&key, "y", 1));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0); /* must not hang */
    assert_false(reads(&key, "x", 1));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(reads(&key, "x", 1));
    exciton_cache_write(&env, &key, "x", 1);
    assert_int_equal(rmdir(path), 0);
}

static void folder_is_unusable(void **state)
{
    (void)state;
    exciton_cache_write(&env, &key, "x", 1);
    assert_int_equal(chmod(folder, 0755), 0);
    assert_false(reads(&key, "x", 1));
    assert_non_null(strstr(logged, "0700"));
    logged[0] = 0;
    exciton_cache_write(&env, &other, "x", 1);
    assert_non_null(strstr(logged, "0700"));
    assert_int_equal(chmod(folder, 0700), 0);
    assert_true(reads(&key, "x", 1));
    assert_false(reads(&other, "x", 1));
    char alias[128];
    snprintf(alias, sizeof alias, "%s-link", folder);
    assert_int_equal(symlink(folder, alias), 0);
    env.cache.directory = alias;
    assert_false(reads(&key, "x", 1));
    assert_int_equal(unlink(alias), 0);
    env.cache.directory = "/nowhere/at/all";
    exciton_cache_write(&env, &key, "x", 1);
    assert_false(reads(&key, "x", 1));
    env.cache.directory = "/dev/null";
    exciton_cache_write(&env, &key, "x", 1);
    assert_false(reads(&key, "x", 1));
}

static void without_memory(void **state)
{
    (void)state;
    exciton_cache_write(&env, &key, "x", 1);
    memory.fail_at = memory.calls + 1;
    assert_false(reads(&key, "x", 1));
    memory.fail_at = memory.calls + 1;
    exciton_cache_write(&env, &other, "x", 1);
    assert_false(reads(&other, "x", 1));
    assert_true(reads(&key, "x", 1));
}

/* ---- calls ---- */

static unsigned char held[512];
static size_t held_bytes, answer;

static size_t get(void *user, const char *name, void *data, size_t capacity)
{
    assert_ptr_equal(user, held);
    assert_string_equal(name, key.hex);
    if (held_bytes && held_bytes <= capacity)
        memcpy(data, held, held_bytes);
    return answer ? answer : held_bytes;
}

static void set(void *user, const char *name, const void *data, size_t bytes)
{
    assert_ptr_equal(user, held);
    assert_string_equal(name, key.hex);
    memcpy(held, data, bytes);
    held_bytes = bytes;
}

static void by_calls(void **state)
{
    (void)state;
    env.cache = (exciton_cache){.user = held, .get = get, .set = set};
    assert_false(reads(&key, "abc", 3));
    exciton_cache_write(&env, &key, "abc", 3);
    assert_true(reads(&key, "abc", 3));
    answer = SIZE_MAX; /* a size that no entry has */
    assert_false(reads(&key, "abc", 3));
    answer = held_bytes - 1;
    assert_false(reads(&key, "abc", 3));
    answer = 0;
    env.cache = (exciton_cache){0};
    exciton_cache_write(&env, &key, "abc", 3);
    assert_false(reads(&key, "abc", 3));
}

static void keys_differ(void **state)
{
    (void)state;
    char a[65], b[65];
    exciton_sha256 hash;
    exciton_sha256_begin(&hash);
    exciton_cache_key_add_text(&hash, "ab");
    exciton_cache_key_add_text(&hash, "c");
    exciton_sha256_end(&hash, a);
    exciton_sha256_begin(&hash);
    exciton_cache_key_add_text(&hash, "a");
    exciton_cache_key_add_text(&hash, "bc");
    exciton_sha256_end(&hash, b);
    assert_string_not_equal(a, b);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(comes_back), TEST(makes_its_folder), TEST(is_damaged), TEST(is_not_ours), TEST(folder_is_unusable),
                                       TEST(without_memory), TEST(by_calls), TEST(keys_differ)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
