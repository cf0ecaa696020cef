/* SHA-256 against the examples of FIPS 180-4 and of its monobit messages, and against itself in other portions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/hash.h"

static void expect_digest(const void *data, size_t bytes, const char *hex)
{
    exciton_sha256 hash;
    char got[65];
    exciton_sha256_begin(&hash);
    exciton_sha256_add(&hash, data, bytes);
    exciton_sha256_end(&hash, got);
    assert_string_equal(got, hex);
}

static void test_examples(void **state)
{
    (void)state;
    expect_digest("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect_digest("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    expect_digest(
        "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu", 112,
        "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
    expect_digest("\xbd", 1, "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b");
    expect_digest("\xc9\x8c\x8e\x55", 4, "7abc22c0ae5af26ce93dbb94433a0e0b2e119d014f8e7f65bd56c61ccccd9504");
}

/* Lengths around the block's end, all of zeros. */
static void test_zeros(void **state)
{
    (void)state;
    static const uint8_t zeros[1005];
    expect_digest(zeros, 55, "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7");
    expect_digest(zeros, 56, "d4817aa5497628e7c77e6b606107042bbba3130888c5f47a375e6179be789fbb");
    expect_digest(zeros, 57, "65a16cb7861335d5ace3c60718b5052e44660726da4cd13bb745381b235a1785");
    expect_digest(zeros, 64, "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b");
    expect_digest(zeros, 1000, "541b3e9daa09b20bf85fa273e5cbd3e80185aa4ec298e765db87742b70138a53");
}

static void test_million(void **state)
{
    (void)state;
    exciton_sha256 hash;
    char got[65], a[1000];
    memset(a, 'a', sizeof a);
    exciton_sha256_begin(&hash);
    for (int i = 0; i < 1000; ++i)
        exciton_sha256_add(&hash, a, sizeof a);
    exciton_sha256_end(&hash, got);
    assert_string_equal(got, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void test_portions(void **state)
{
    (void)state;
    uint8_t data[300];
    for (size_t i = 0; i < sizeof data; ++i)
        data[i] = (uint8_t)(i * 37 + 11);
    exciton_sha256 hash;
    char whole[65], parts[65];
    exciton_sha256_begin(&hash);
    exciton_sha256_add(&hash, data, sizeof data);
    exciton_sha256_end(&hash, whole);
    for (size_t portion = 1; portion <= 130; ++portion) {
        exciton_sha256_begin(&hash);
        for (size_t at = 0; at < sizeof data; at += portion) {
            exciton_sha256_add(&hash, NULL, 0);
            exciton_sha256_add(&hash, data + at, portion < sizeof data - at ? portion : sizeof data - at);
        }
        exciton_sha256_end(&hash, parts);
        assert_string_equal(parts, whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_zeros),
        cmocka_unit_test(test_million),
        cmocka_unit_test(test_portions),
    };
    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
