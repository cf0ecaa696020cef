/* safetensors: which headers are read, which are refused and how, and that no byte and no failing call can hurt. */
#include "safetensors_images.h"

#include "formats/safetensors.h"
#include "formats/weights.h"

/* ---- The format ------------------------------------------------------------------------------------------------ */

static exciton_status open_image(const image *from, exciton_safetensors *file, io_files *files)
{
    io_files_init_image(files, from->bytes, from->size);
    return exciton_safetensors_open(&files->calls, "some.safetensors", file);
}

/* Opens, and expects a status and a part of the line. */
static void expect_open(const char *header, size_t length, size_t floats, size_t extra, int status, const char *part)
{
    image made = make_bytes(header, length, floats, extra);
    exciton_safetensors file;
    io_files files;
    if (open_image(&made, &file, &files) != (exciton_status)status)
        fail_msg("%s: %s", header, exciton_last_error());
    if (status)
        io_assert_line("some.safetensors", part);
    exciton_safetensors_close(&file);
    io_assert_clean(&files);
    free(made.bytes);
}

static void reads_tensors(void **state)
{
    (void)state;
    /* Out of order in the header, other types, an empty tensor, a scalar, padding. */
    image made = make("{" META T("b", "F16", "2,2", 16, 24) "," T("a", "F32", "2,2", 0, 16) "," T("none", "F32", "0,4", 16, 16) ","
                      T("one", "F32", "", 24, 28) "," T("sub", "F4", "8", 28, 32) "}   ", 8);
    exciton_safetensors file;
    io_files files;
    assert_int_equal(open_image(&made, &file, &files), EXCITON_OK);
    assert_int_equal(file.count, 5);
    assert_int_equal(files.read_bytes, made.data); /* the header, no data */
    assert_non_null(file.metadata);
    assert_null(exciton_safetensors_find(&file, "A"));
    float data[4];
    const exciton_safetensors_entry *a = exciton_safetensors_find(&file, "a");
    assert_non_null(a);
    assert_int_equal(a->dims, 2);
    assert_int_equal(exciton_safetensors_read(&file, a, data), EXCITON_OK);
    assert_true(data[0] == 0.5f && data[3] == 3.5f);
    assert_int_equal(files.read_bytes, made.data + 16);
    assert_int_equal(exciton_safetensors_read(&file, exciton_safetensors_find(&file, "one"), data), EXCITON_OK);
    assert_true(data[0] == 6.5f);
    assert_int_equal(exciton_safetensors_read(&file, exciton_safetensors_find(&file, "b"), data), EXCITON_ERROR_UNSUPPORTED);
    io_assert_line("some.safetensors", "'b': dtype: F16");
    exciton_safetensors_close(&file);
    exciton_safetensors_close(&file);
    io_assert_clean(&files);
    free(made.bytes);
}

static void refuses_headers(void **state)
{
    (void)state;
    static const struct { int status; const char *part; size_t floats; const char *header; } bad[] = {
        {F, "'{'", 0, "[]"}, {F, "'{'", 0, " {}"}, {F, "offset", 0, "{\"a\""}, {F, "offset", 0, "{} x"}, {F, "offset", 0, "{}{}"},
        {F, "duplicate", 1, "{" T("a", "F32", "1", 0, 4) "," T("a", "F32", "1", 0, 4) "}"},
        {F, "duplicate", 1, "{" T("a", "F32", "1", 0, 4) "," T("\\u0061", "F32", "1", 0, 4) "}"},
        {F, "duplicate", 1, "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}"},
        {F, "duplicate", 0, "{\"__metadata__\":{\"a\":\"1\",\"a\":\"1\"}}"},
        {F, "offset", 1, "{" T("a\\u0000b", "F32", "1", 0, 4) "}"}, {F, "byte", 1, "{" T("a\x80", "F32", "1", 0, 4) "}"},
        {F, "byte", 1, "{" T("a\xed\xa0\x80", "F32", "1", 0, 4) "}"}, {F, "byte", 1, "{" T("\xc0\x80", "F32", "1", 0, 4) "}"},
        {F, "nested", 0, "{\"__metadata__\":[[[[1]]]]}"}, {F, "not an object", 0, "{\"__metadata__\":[]}"},
        {F, "not a string", 0, "{\"__metadata__\":{\"a\":1}}"}, {F, "dtype", 0, "{\"a\":1}"}, {F, "dtype", 0, "{\"a\":[]}"},
        {F, "dtype", 1, "{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}"}, {F, "shape", 1, "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}"},
        {F, "data_offsets", 1, "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}"},
        {F, "dtype", 1, "{\"a\":{\"dtype\":32,\"shape\":[1],\"data_offsets\":[0,4]}}"},
        {U, "member", 1, "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"strides\":[1]}}"},
        {F, "'F33'", 1, "{" T("a", "F33", "1", 0, 4) "}"}, {F, "dtype: ''", 1, "{" T("a", "", "1", 0, 4) "}"},
        {F, "shape: not an array", 1, "{\"a\":{\"dtype\":\"F32\",\"shape\":1,\"data_offsets\":[0,4]}}"},
        {F, "whole", 1, "{" T("a", "F32", "1.0", 0, 4) "}"}, {F, "whole", 1, "{" T("a", "F32", "-1", 0, 4) "}"},
        {F, "whole", 1, "{" T("a", "F32", "\"1\"", 0, 4) "}"}, {F, "offset", 1, "{" T("a", "F32", "01", 0, 4) "}"},
        {F, "integer", 1, "{" T("a", "F32", "18446744073709551617", 0, 4) "}"},
        {O, "overflows", 1, "{" T("a", "F32", "4294967296,4294967296", 0, 4) "}"},
        {O, "overflows", 1, "{" T("a", "F32", "1152921504606846976", 0, 4) "}"}, {F, "whole bytes", 1, "{" T("a", "F4", "7", 0, 4) "}"},
        {F, "data_offsets", 1, "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}"},
        {F, "data_offsets", 1, "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,4]}}"},
        {F, "data_offsets", 1, "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":{}}}"},
        {F, "data_offsets", 1, "{" T("a", "F32", "1", 0, 4.0) "}"}, {F, "data_offsets", 1, "{" T("a", "F32", "1", -4, 0) "}"},
        {F, "[4, 0]", 1, "{" T("a", "F32", "1", 4, 0) "}"}, {F, "[0, 8]", 1, "{" T("a", "F32", "2", 0, 8) "}"},
        {F, "[4, 9223372036854775807]", 1, "{" T("a", "F32", "1", 4, 9223372036854775807) "}"},
        {F, "shape and dtype make 8", 1, "{" T("a", "F32", "2", 0, 4) "}"}, {F, "make 2", 1, "{" T("a", "F16", "1", 0, 4) "}"},
        {F, "overlaps 'a'", 3, "{" T("a", "F32", "2", 0, 8) "," T("b", "F32", "2", 4, 12) "}"},
        {F, "overlaps", 1, "{" T("a", "F32", "1", 0, 4) "," T("b", "F32", "1", 0, 4) "}"},
        {F, "overlaps", 2, "{" T("a", "F32", "2", 0, 8) "," T("b", "F32", "0", 4, 4) "}"},
        {F, "before 'b'", 3, "{" T("a", "F32", "1", 0, 4) "," T("b", "F32", "1", 8, 12) "}"},
        {F, "before 'a'", 2, "{" T("a", "F32", "1", 4, 8) "}"}, {F, "after the last", 2, "{" T("a", "F32", "1", 0, 4) "}"},
        {F, "after the last", 1, "{}"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_open(bad[i].header, strlen(bad[i].header), bad[i].floats, 0, bad[i].status, bad[i].part);
    expect_open("{}", 2, 0, 0, EXCITON_OK, "");
    expect_open("{}", 2, 0, 1, F, "offset 10: 1 bytes after");
    static const char nul[] = "{" T("a", "F32", "1\0", 0, 4) "}"; /* which jansson would step over */
    expect_open(nul, sizeof nul - 1, 1, 0, F, "NUL");
    expect_open("{}\0", 3, 0, 0, F, "offset 10: header: a NUL");
}

static void refuses_lengths(void **state)
{
    (void)state;
    static const uint64_t lengths[] = {0, 1, 3, 100000000, 100000001, UINT64_MAX, UINT64_C(1) << 63, UINT64_MAX - 7};
    image made = make("{}", 0);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        memcpy(made.bytes, &lengths[i], 8);
        exciton_safetensors file;
        io_files files;
        assert_int_equal(open_image(&made, &file, &files), EXCITON_ERROR_FORMAT);
        io_assert_line("some.safetensors", "offset 0: not a safetensors file");
        io_assert_clean(&files);
    }
    free(made.bytes);
}

/* A header that would cost a hundred times its size is refused before it is parsed. */
static void bounds_memory(void **state)
{
    (void)state;
    size_t length = 5 * 1000 * 1000;
    char *header = malloc(length);
    memset(header, '[', length);
    header[0] = '{';
    expect_open(header, length, 0, 0, F, "nested");
    memset(header, ',', length);
    header[0] = '{';
    expect_open(header, length, 0, 0, U, "values");
    memset(header, ' ', length);
    memcpy(header, "{}", 2);
    expect_open(header, length, 0, 0, EXCITON_OK, "");
    free(header);
}

/* ---- Damage ---------------------------------------------------------------------------------------------------- */

static const char damaged[] = WITH("\"a.activation\":\"silu\",\"a.gate\":\"hard-sigmoid\",\"a.gate.slope\":\"0.2\",\"format\":\"pt\"",
                                   FULL("a.fc1", "a.fc2") "," T("b.fc.0.weight", "F32", "1,1", 88, 92) ","
                                   T("b.fc.2.weight", "F32", "1,1", 92, 96) "," T("u", "I64", "2,0", 96, 96));
#define DAMAGED_FLOATS 24

/* Opens and reads every block; what opens is consistent in itself. */
static exciton_status use(const image *from, io_files *files)
{
    exciton_weights *weights;
    exciton_status status = exciton_weights_open_with(&files->calls, "some.safetensors", NULL, &weights);
    for (uint32_t i = 0; i < exciton_weights_count(weights) && !status; i++) {
        exciton_weights_info info;
        exciton_se se = {0};
        assert_int_equal(exciton_weights_describe(weights, i, &info), EXCITON_OK);
        status = exciton_weights_se(weights, i, &se);
        if (status)
            break;
        assert_true(info.channels && info.hidden);
        assert_true(2 * info.channels * info.hidden * sizeof(float) <= from->size);
        float sum = ((const float *)se.fc1.data)[info.channels * info.hidden - 1];
        sum += se.fc2.bias ? ((const float *)se.fc2.bias)[info.channels - 1] : 0;
        (void)sum;
    }
    exciton_weights_close(weights);
    io_assert_clean(files);
    return status;
}

static exciton_status use_image(const image *from)
{
    io_files files;
    io_files_init_image(&files, from->bytes, from->size);
    return use(from, &files);
}

static void survives_truncation(void **state)
{
    (void)state;
    image made = make(damaged, DAMAGED_FLOATS);
    assert_int_equal(use_image(&made), EXCITON_OK);
    for (size_t size = 0; size < made.size; size++) {
        image cut = {.bytes = malloc(size ? size : 1), .size = size};
        memcpy(cut.bytes, made.bytes, size);
        assert_int_not_equal(use_image(&cut), EXCITON_OK);
        io_assert_line("some.safetensors", "");
        free(cut.bytes);
    }
    free(made.bytes);
}

static void survives_changed_bytes(void **state)
{
    (void)state;
    image made = make(damaged, DAMAGED_FLOATS);
    for (size_t at = 0; at < made.data; at++)
        for (unsigned change = 1; change < 256; change += 1 + change % 3) {
            made.bytes[at] ^= (unsigned char)change;
            use_image(&made);
            made.bytes[at] ^= (unsigned char)change;
        }
    free(made.bytes);
}

static void survives_random_changes(void **state)
{
    (void)state;
    uint64_t seed = (uint64_t)time(NULL) * 2654435761u | 1, random = seed;
    print_message("seed %llu\n", (unsigned long long)seed);
    uint32_t good = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        image made = make(damaged, DAMAGED_FLOATS);
        made.size = io_mutate(made.bytes, made.size, made.data, &random);
        made.bytes = realloc(made.bytes, made.size ? made.size : 1);
        good += use_image(&made) == EXCITON_OK;
        free(made.bytes);
    }
    print_message("20000 files, %u of them still good\n", good);
    assert_in_range(good, 1, 19000);
}

static void survives_failing_calls(void **state)
{
    (void)state;
    image made = make(damaged, DAMAGED_FLOATS);
    for (int fault = IO_FAULT_ERROR; fault <= IO_FAULT_SHRINKS; fault++)
        for (uint64_t n = 1;; n++) {
            io_files files;
            io_files_init_image(&files, made.bytes, made.size);
            files.fail_at = n;
            files.fault = (io_fault)fault;
            exciton_status status = use(&made, &files);
            if (files.count < n) {
                assert_int_equal(status, EXCITON_OK);
                assert_in_range(n, 20, 1000);
                break;
            }
            /* Only a failing close may go unnoticed. */
            assert_true(status == EXCITON_ERROR_FILE || status == EXCITON_ERROR_MEMORY || (status == EXCITON_OK && n == files.count));
        }
    io_files files;
    io_files_init_image(&files, made.bytes, made.size);
    files.fault = IO_FAULT_DRIBBLES;
    assert_int_equal(use(&made, &files), EXCITON_OK);
    free(made.bytes);
}

/* jansson's own allocations, which this test alone replaces. */
static uint64_t json_calls, json_fail_at;
static int64_t json_live;

static void *json_allocate(size_t size)
{
    void *memory = ++json_calls == json_fail_at ? NULL : malloc(size);
    if (!memory)
        errno = ENOMEM; /* as malloc does */
    json_live += memory != NULL;
    return memory;
}

static void json_release(void *memory)
{
    json_live -= memory != NULL;
    free(memory);
}

static void survives_a_parser_out_of_memory(void **state)
{
    (void)state;
    json_malloc_t allocate;
    json_free_t release;
    json_get_alloc_funcs(&allocate, &release);
    json_set_alloc_funcs(json_allocate, json_release);
    image made = make(damaged, DAMAGED_FLOATS);
    for (json_fail_at = 1;; json_fail_at++) {
        json_calls = 0;
        exciton_status status = use_image(&made);
        assert_int_equal(json_live, 0);
        if (json_calls < json_fail_at) {
            assert_int_equal(status, EXCITON_OK);
            assert_in_range(json_fail_at, 50, 5000);
            break;
        }
        if (status != EXCITON_ERROR_MEMORY)
            fail_msg("allocation %llu: %d: %s", (unsigned long long)json_fail_at, (int)status, exciton_last_error());
    }
    free(made.bytes);
    json_set_alloc_funcs(allocate, release);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_tensors),
        cmocka_unit_test(refuses_headers),
        cmocka_unit_test(refuses_lengths),
        cmocka_unit_test(bounds_memory),
        cmocka_unit_test(survives_truncation),
        cmocka_unit_test(survives_changed_bytes),
        cmocka_unit_test(survives_random_changes),
        cmocka_unit_test(survives_failing_calls),
        cmocka_unit_test(survives_a_parser_out_of_memory),
    };
    return cmocka_run_group_tests_name("safetensors", tests, NULL, NULL);
}
