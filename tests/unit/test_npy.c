/* npy: what is read and written, what is refused and how, and that no byte and no failing call can hurt. */
#include "io_files.h"

#include "formats/npy.h"


typedef struct image { unsigned char *bytes; size_t size, data; } image;

/* A file of `version` around a dictionary's text; `floats` values 0.5, 1.5, … */
static image make(unsigned version, const char *header, size_t floats)
{
    size_t length = strlen(header), start = version == 1 ? 10 : 12;
    image made = {.size = start + length + floats * sizeof(float), .data = start + length};
    made.bytes = calloc(1, made.size);
    assert_non_null(made.bytes);
    memcpy(made.bytes, "\x93NUMPY", 6);
    made.bytes[6] = (unsigned char)version;
    for (size_t i = 8; i < start; i++)
        made.bytes[i] = (unsigned char)(length >> (8 * (i - 8)));
    memcpy(made.bytes + start, header, length);
    for (size_t i = 0; i < floats; i++) {
        float value = (float)i + 0.5f;
        memcpy(made.bytes + made.data + i * sizeof value, &value, sizeof value);
    }
    return made;
}

static exciton_status read_image(const image *from, exciton_tensor *tensor)
{
    io_files files;
    io_files_init_image(&files, from->bytes, from->size);
    exciton_status status = exciton_npy_read_with(&files.calls, "some.npy", tensor);
    if (tensor->data) {
        files.calls.release(&files, tensor->data);
        tensor->data = NULL;
    } else {
        assert_int_not_equal(status, EXCITON_OK);
        assert_int_equal(tensor->dims, 0);
        assert_int_equal(tensor->count, 0);
    }
    io_assert_clean(&files);
    return status;
}

#define HEAD "{'descr': '<f4', 'fortran_order': False, 'shape': "

static void reads_every_version(void **state)
{
    (void)state;
    static const struct { const char *header; uint32_t dims; uint64_t shape[8]; size_t count; } good[] = {
        {HEAD "(2, 3), }      \n", 2, {2, 3}, 6},
        {HEAD "(2, 3)}\n", 2, {2, 3}, 6},
        {HEAD "(7,), }\n", 1, {7}, 7},
        {HEAD "(), }\n", 0, {0}, 1},
        {HEAD "(1, 1, 2, 1, 1, 1, 1, 3), }\n", 8, {1, 1, 2, 1, 1, 1, 1, 3}, 6},
        {"{ \"shape\" :( 2L , 2L , ) , \"fortran_order\" :False,\"descr\":\"<f4\"}\n", 2, {2, 2}, 4},
    };
    for (unsigned version = 1; version <= 3; version++)
        for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
            image made = make(version, good[i].header, good[i].count);
            io_files files;
            io_files_init_image(&files, made.bytes, made.size);
            files.fault = i % 2 ? IO_FAULT_DRIBBLES : IO_FAULT_ERROR;
            exciton_tensor tensor;
            assert_int_equal(exciton_npy_read_with(&files.calls, "some.npy", &tensor), EXCITON_OK);
            assert_int_equal(tensor.dims, good[i].dims);
            assert_memory_equal(tensor.shape, good[i].shape, sizeof tensor.shape);
            assert_int_equal(tensor.count, good[i].count);
            assert_memory_equal(tensor.data, made.bytes + made.data, good[i].count * sizeof(float));
            files.calls.release(&files, tensor.data);
            io_assert_clean(&files);
            free(made.bytes);
        }
}

static void reads_ranges_only(void **state)
{
    (void)state;
    image made = make(1, HEAD "(10, 10), }\n", 100);
    io_files files;
    io_files_init_image(&files, made.bytes, made.size);
    exciton_tensor header;
    exciton_npy *npy;
    assert_int_equal(exciton_npy_open_with(&files.calls, "some.npy", &header, &npy), EXCITON_OK);
    assert_null(header.data);
    assert_int_equal(header.count, 100);
    assert_int_equal(files.read_bytes, made.data);
    float part[3];
    assert_int_equal(exciton_npy_read_data(npy, 97, 3, part), EXCITON_OK);
    assert_true(part[0] == 97.5f && part[2] == 99.5f);
    assert_int_equal(files.read_bytes, made.data + sizeof part);
    assert_int_equal(exciton_npy_read_data(npy, 98, 3, part), EXCITON_ERROR_ARGUMENT);
    io_assert_line("some.npy", "98");
    assert_int_equal(exciton_npy_read_data(npy, UINT64_MAX, 2, part), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_npy_read_data(npy, 2, UINT64_MAX, part), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_npy_read_data(npy, 100, 0, part), EXCITON_OK);
    exciton_npy_close(npy);
    io_assert_clean(&files);
    free(made.bytes);
}

static void refuses_headers(void **state)
{
    (void)state;
    enum { F = EXCITON_ERROR_FORMAT, U = EXCITON_ERROR_UNSUPPORTED, O = EXCITON_ERROR_OVERFLOW, S = EXCITON_ERROR_SHAPE };
#define DESCR(d) "{'descr': " d ", 'fortran_order': False, 'shape': (1,), }\n"
    static const struct { int status; const char *part, *header; } bad[] = {
        {U, "'<f2'", DESCR("'<f2'")}, {U, "'<f8'", DESCR("'<f8'")}, {U, "big-endian", DESCR("'>f4'")}, {U, "'|O'", DESCR("'|O'")},
        {U, "objects", DESCR("'O'")}, {U, "structured", DESCR("[('a', '<f4')]")}, {U, "structured", DESCR("('<f4', (2,))")},
        {U, "'|u1'", DESCR("'|u1'")}, {U, "descr", DESCR("''")}, {U, "'=f4'", DESCR("'=f4'")}, {F, "quoted", DESCR("<f4")},
        {F, "quoted", DESCR("None")}, {F, "escape", DESCR("'<f\\x34'")}, {F, "does not end", "{'descr': '<f4\n"}, {F, "ASCII", DESCR("'<f\x80'")},
        {U, "fortran_order", "{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }\n"},
        {F, "fortran_order", "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,), }\n"},
        {F, "expected", "{'descr': '<f4', 'fortran_order': Falsely, 'shape': (1,), }\n"},
        {F, "twice", HEAD "(1,), 'shape': (1,), }\n"}, {F, "descr stands twice", HEAD "(1,), \"descr\": '<f4', }\n"},
        {F, "shape is missing", "{'descr': '<f4', 'fortran_order': False}\n"},
        {F, "descr is missing", "{'fortran_order': False, 'shape': (1,), }\n"},
        {F, "fortran_order is missing", "{'descr': '<f4', 'shape': (1,), }\n"}, {F, "descr is missing", "{}\n"},
        {F, "key", HEAD "(1,), 'extra': 1, }\n"}, {F, "escape", "{'d\\145scr': '<f4', 'fortran_order': False, 'shape': (1,), }\n"},
        {F, "after", HEAD "(1,), } {}\n"}, {F, "after", HEAD "(1,), }\n\n"}, {F, "after", HEAD "(1,), }\t\n"},
        {F, "line break", HEAD "(1,), }"}, {F, "line break", ""}, {F, "'{'", "\n"}, {F, "'{'", "[]\n"},
        {F, "expected", HEAD "(1,)\n"}, {F, "expected", "{'descr' '<f4'}\n"}, {F, "expected", "{,}\n"},
        {F, "expected", HEAD "(1,),, }\n"}, {F, "expected", "{'descr': '<f4' 'fortran_order': False}\n"},
        {F, "tuple", HEAD "(1), }\n"}, {F, "tuple", HEAD "[1], }\n"}, {F, "tuple", HEAD "1, }\n"}, {F, "size", HEAD "(-1,), }\n"},
        {F, "size", HEAD "(,), }\n"}, {F, "size", HEAD "(1,,), }\n"}, {F, "expected", HEAD "(1 1), }\n"}, {F, "expected", HEAD "(1\n"},
        {F, "leading zero", HEAD "(01,), }\n"}, {F, "size", HEAD "(None,), }\n"}, {F, "expected", HEAD "(1.0, 1), }\n"},
        {F, "expected", HEAD "(0x1, 1), }\n"}, {F, "expected", HEAD "(1_0, 1), }\n"}, {F, "expected", HEAD "(1LL, 1), }\n"},
        {S, "size 1 is zero", HEAD "(3, 0), }\n"}, {S, "zero", HEAD "(0,), }\n"},
        {O, "64 bits", HEAD "(18446744073709551616,), }\n"}, {O, "64 bits", HEAD "(99999999999999999999999999,), }\n"},
        {O, "overflows at size 1", HEAD "(4294967296, 4294967296), }\n"}, {O, "bytes", HEAD "(4611686018427387904,), }\n"},
        {U, "more than 8", HEAD "(1, 1, 1, 1, 1, 1, 1, 1, 1), }\n"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        image made = make(1, bad[i].header, 1);
        exciton_tensor tensor;
        if (read_image(&made, &tensor) != (exciton_status)bad[i].status)
            fail_msg("%s: %s", bad[i].header, exciton_last_error());
        io_assert_line("some.npy", bad[i].part);
        free(made.bytes);
    }
}

static void refuses_other_files(void **state)
{
    (void)state;
    exciton_tensor tensor;
    image made = make(1, HEAD "(5,), }\n", 5);
    made.bytes[0] = 'P';
    assert_int_equal(read_image(&made, &tensor), EXCITON_ERROR_FORMAT);
    io_assert_line("some.npy", "offset 0");
    made.bytes[0] = 0x93;
    static const unsigned char versions[][2] = {{0, 0}, {4, 0}, {1, 1}, {255, 255}};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        memcpy(made.bytes + 6, versions[i], 2);
        assert_int_equal(read_image(&made, &tensor), EXCITON_ERROR_UNSUPPORTED);
        io_assert_line("some.npy", "offset 6");
    }
    free(made.bytes);

    made = make(2, HEAD "(5,), }\n", 5);
    memcpy(made.bytes + 8, "\xff\xff\xff\xff", 4);
    assert_int_equal(read_image(&made, &tensor), EXCITON_ERROR_FORMAT);
    io_assert_line("some.npy", "4294967295");
    free(made.bytes);

    made = make(1, HEAD "(5,), }\n", 4);
    assert_int_equal(read_image(&made, &tensor), EXCITON_ERROR_FORMAT);
    io_assert_line("some.npy", "16 bytes of data, the shape needs 20");
    free(made.bytes);
    made = make(1, HEAD "(5,), }\n", 6);
    assert_int_equal(read_image(&made, &tensor), EXCITON_ERROR_FORMAT);
    io_assert_line("some.npy", "4 bytes after the data");
    free(made.bytes);
    made = make(1, HEAD "(1152921504606846976,), }\n", 5); /* 4 EiB, which no file has */
    assert_int_equal(read_image(&made, &tensor), EXCITON_ERROR_FORMAT);
    free(made.bytes);
}

/* Each prefix is an error. */
static void survives_truncation(void **state)
{
    (void)state;
    for (unsigned version = 1; version <= 3; version++) {
        image made = make(version, HEAD "(2, 3), }     \n", 6);
        for (size_t size = 0; size < made.size; size++) {
            image cut = {.bytes = malloc(size ? size : 1), .size = size};
            memcpy(cut.bytes, made.bytes, size);
            exciton_tensor tensor;
            assert_int_not_equal(read_image(&cut, &tensor), EXCITON_OK);
            io_assert_line("some.npy", "");
            free(cut.bytes);
        }
        free(made.bytes);
    }
}

/* Whatever a byte of the header becomes: an error, or a tensor that is consistent in itself. */
static void survives_changed_bytes(void **state)
{
    (void)state;
    image made = make(1, HEAD "(2, 3), }     \n", 6);
    for (size_t at = 0; at < made.data; at++)
        for (unsigned change = 1; change < 256; change++) {
            made.bytes[at] ^= (unsigned char)change;
            exciton_tensor tensor;
            if (read_image(&made, &tensor) == EXCITON_OK)
                assert_int_equal(tensor.count, 6);
            made.bytes[at] ^= (unsigned char)change;
        }
    free(made.bytes);
}

static void survives_random_changes(void **state)
{
    (void)state;
    uint64_t seed = (uint64_t)time(NULL) * 2654435761u | 1, random = seed;
    print_message("seed %llu\n", (unsigned long long)seed);
    static const char *const headers[] = {HEAD "(2, 3), }     \n", HEAD "(6,), }\n", HEAD "(), }\n"};
    uint32_t good = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        image made = make(1 + i % 3, headers[i / 3 % 3], i / 3 % 3 == 2 ? 1 : 6);
        made.size = io_mutate(made.bytes, made.size, made.data + 4, &random);
        made.bytes = realloc(made.bytes, made.size ? made.size : 1);
        exciton_tensor tensor;
        good += read_image(&made, &tensor) == EXCITON_OK;
        free(made.bytes);
    }
    print_message("20000 files, %u of them still good\n", good);
    assert_in_range(good, 1, 19000);
}

static void survives_failing_reads(void **state)
{
    (void)state;
    image made = make(1, HEAD "(2, 3), }\n", 6);
    for (int fault = IO_FAULT_ERROR; fault <= IO_FAULT_SHRINKS; fault++)
        for (uint64_t n = 1;; n++) {
            io_files files;
            io_files_init_image(&files, made.bytes, made.size);
            files.fail_at = n;
            files.fault = (io_fault)fault;
            exciton_tensor tensor;
            exciton_status status = exciton_npy_read_with(&files.calls, "some.npy", &tensor);
            if (status == EXCITON_OK) {
                files.calls.release(&files, tensor.data);
                io_assert_clean(&files);
                if (files.count < n) {
                    assert_in_range(n, 8, 100);
                    break;
                }
                continue; /* close failed after all was read */
            }
            assert_true(status == EXCITON_ERROR_FILE || status == EXCITON_ERROR_MEMORY);
            assert_null(tensor.data);
            io_assert_clean(&files);
        }
    free(made.bytes);
}

/* ---- On disk --------------------------------------------------------------------------------------------------- */

static void writes_what_it_reads(void **state)
{
    (void)state;
    static const struct { uint32_t dims; uint64_t shape[8]; } shapes[] = {
        {0, {0}}, {1, {5}}, {2, {2, 3}}, {4, {1, 2, 3, 4}}, {8, {1, 1, 1, 2, 1, 3, 1, 2}},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        float data[24];
        for (int k = 0; k < 24; k++)
            data[k] = (float)k / 7;
        assert_int_equal(exciton_npy_write(io_path("x.npy"), shapes[i].dims, shapes[i].shape, data), EXCITON_OK);
        exciton_tensor tensor;
        assert_int_equal(exciton_npy_read(io_path("x.npy"), &tensor), EXCITON_OK);
        assert_int_equal(tensor.dims, shapes[i].dims);
        assert_memory_equal(tensor.shape, shapes[i].shape, sizeof tensor.shape);
        assert_memory_equal(tensor.data, data, tensor.count * sizeof *data);
        exciton_tensor_free(&tensor);
        assert_null(tensor.data);
        assert_int_equal(io_folder_count(false), 1);
    }
    FILE *file = fopen(io_path("x.npy"), "rb");
    char header[129] = "";
    assert_int_equal(fread(header, 1, 128, file), 128);
    fclose(file);
    assert_memory_equal(header, "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, "
                                "'shape': (1, 1, 1, 2, 1, 3, 1, 2), }    ", 90);
    assert_int_equal(header[127], '\n');
}

static void writes_through_dribbles(void **state)
{
    (void)state;
    io_files files;
    io_files_init(&files);
    files.fault = IO_FAULT_DRIBBLES;
    float data[6] = {1, 2, 3, 4, 5, 6};
    assert_int_equal(exciton_npy_write_with(&files.calls, io_path("x.npy"), 1, (uint64_t[]){6}, data), EXCITON_OK);
    io_assert_clean(&files);
    exciton_tensor tensor;
    assert_int_equal(exciton_npy_read(io_path("x.npy"), &tensor), EXCITON_OK);
    assert_memory_equal(tensor.data, data, sizeof data);
    exciton_tensor_free(&tensor);
}

/* The N-th call fails: the old file is as it was, and alone. */
static void keeps_the_old_file(void **state)
{
    (void)state;
    float data[6] = {1, 2, 3, 4, 5, 6};
    for (uint64_t n = 1;; n++) {
        io_save("x.npy", "old", 3);
        io_files files;
        io_files_init(&files);
        files.fail_at = n;
        exciton_status status = exciton_npy_write_with(&files.calls, io_path("x.npy"), 1, (uint64_t[]){6}, data);
        io_assert_clean(&files);
        assert_int_equal(io_folder_count(false), 1);
        if (status == EXCITON_OK) {
            assert_in_range(n, 7, 100);
            break;
        }
        assert_true(status == EXCITON_ERROR_FILE || status == EXCITON_ERROR_MEMORY);
        io_assert_line("x.npy", "");
        char old[4] = "";
        FILE *file = fopen(io_path("x.npy"), "rb");
        assert_int_equal(fread(old, 1, 4, file), 3);
        fclose(file);
        assert_string_equal(old, "old");
    }
    exciton_tensor tensor;
    assert_int_equal(exciton_npy_read(io_path("x.npy"), &tensor), EXCITON_OK);
    exciton_tensor_free(&tensor);
}

static void refuses_what_is_no_file(void **state)
{
    (void)state;
    float value = 1;
    exciton_tensor tensor;
    assert_int_equal(exciton_npy_read(io_path("none.npy"), &tensor), EXCITON_ERROR_FILE);
    io_assert_line("none.npy", "open");
    assert_int_equal(exciton_npy_read(io_folder, &tensor), EXCITON_ERROR_FILE);
    io_assert_line("exciton-io", "regular");
    assert_int_equal(exciton_npy_read("/dev/zero", &tensor), EXCITON_ERROR_FILE);
    assert_int_equal(mkfifo(io_path("fifo"), 0600), 0);
    assert_int_equal(exciton_npy_read(io_path("fifo"), &tensor), EXCITON_ERROR_FILE); /* and does not wait for a writer */
    assert_int_equal(exciton_npy_write(io_path("fifo"), 0, NULL, &value), EXCITON_ERROR_FILE);
    io_assert_line("fifo", "regular");
    assert_int_equal(exciton_npy_write(io_folder, 0, NULL, &value), EXCITON_ERROR_FILE);
    assert_int_equal(exciton_npy_write("/dev/null", 0, NULL, &value), EXCITON_ERROR_FILE);
    assert_int_equal(exciton_npy_write(io_path("no/such/x.npy"), 0, NULL, &value), EXCITON_ERROR_FILE);
    assert_int_equal(exciton_npy_write("", 0, NULL, &value), EXCITON_ERROR_FILE);
    assert_int_equal(io_folder_count(false), 1);
    char longest[5000];
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(exciton_npy_write(longest, 0, NULL, &value), EXCITON_ERROR_FILE);
    assert_int_equal(exciton_npy_read(longest, &tensor), EXCITON_ERROR_FILE);
}

static void follows_links(void **state)
{
    (void)state;
    float value = 2;
    exciton_tensor tensor;
    assert_int_equal(exciton_npy_write(io_path("x.npy"), 0, NULL, &value), EXCITON_OK);
    assert_int_equal(symlink("x.npy", io_path("link.npy")), 0);
    assert_int_equal(exciton_npy_read(io_path("link.npy"), &tensor), EXCITON_OK);
    assert_int_equal(tensor.count, 1);
    exciton_tensor_free(&tensor);
    /* Written, the link is replaced and its target stays. */
    float other = 3;
    assert_int_equal(exciton_npy_write(io_path("link.npy"), 0, NULL, &other), EXCITON_OK);
    assert_int_equal(exciton_npy_read(io_path("x.npy"), &tensor), EXCITON_OK);
    assert_true(tensor.data[0] == 2);
    exciton_tensor_free(&tensor);
}

static void refuses_bad_arguments(void **state)
{
    (void)state;
    exciton_tensor tensor = {0};
    exciton_npy *npy;
    float value = 1;
    uint64_t shape[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    assert_int_equal(exciton_npy_read(NULL, &tensor), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_npy_read("x", NULL), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_npy_open(NULL, &tensor, &npy), EXCITON_ERROR_ARGUMENT);
    assert_null(npy);
    assert_int_equal(exciton_npy_open("x", NULL, &npy), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_npy_open("x", &tensor, NULL), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_npy_read_data(NULL, 0, 0, &value), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_npy_write(NULL, 0, NULL, &value), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_npy_write(io_path("x"), 1, NULL, &value), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_npy_write(io_path("x"), 0, NULL, NULL), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_npy_write(io_path("x"), 9, shape, &value), EXCITON_ERROR_ARGUMENT);
    shape[1] = 0;
    assert_int_equal(exciton_npy_write(io_path("x"), 2, shape, &value), EXCITON_ERROR_SHAPE);
    shape[0] = shape[1] = UINT64_C(1) << 33;
    assert_int_equal(exciton_npy_write(io_path("x"), 2, shape, &value), EXCITON_ERROR_OVERFLOW);
    assert_int_equal(io_folder_count(false), 0);
    exciton_npy_close(NULL);
    exciton_tensor_free(NULL);
}

int main(void)
{
#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, io_folder_make, io_folder_remove)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_version),
        cmocka_unit_test(reads_ranges_only),
        cmocka_unit_test(refuses_headers),
        cmocka_unit_test(refuses_other_files),
        cmocka_unit_test(survives_truncation),
        cmocka_unit_test(survives_changed_bytes),
        cmocka_unit_test(survives_random_changes),
        cmocka_unit_test(survives_failing_reads),
        ON_DISK(writes_what_it_reads),
        ON_DISK(writes_through_dribbles),
        ON_DISK(keeps_the_old_file),
        ON_DISK(refuses_what_is_no_file),
        ON_DISK(follows_links),
        ON_DISK(refuses_bad_arguments),
    };
    return cmocka_run_group_tests_name("npy", tests, NULL, NULL);
}
