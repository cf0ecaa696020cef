/* That no byte of an ONNX file and no failing call can hurt. */
#include "onnx_models.h"

/* Everything, and a tensor of every type and form, and external data in the same image; the graph last. */
static size_t write_damaged(writer *w)
{
    writer all;
    write_all(&all);
    begin_model(w);
    unknown(w);
    for (size_t i = 0; i < sizeof all_elements / sizeof all_elements[0]; i++)
        for (form how = FORM_RAW; how < FORM_COUNT; how++) {
            size_t at = w->size;
            write_elements(w, &all_elements[i], how);
            for (; at < w->size; at++) /* another name each */
                if (!memcmp(w->bytes + at, "\x42\x01t", 3))
                    w->bytes[at + 2] = (unsigned char)(0x41 + i * 4 + how);
        }
    begin_tensor(w, 5, "outside", 1, DIMS(2));
    number(w, 14, 1);
    entry(w, "location", "same");
    entry(w, "offset", "4");
    entry(w, "length", "8");
    end(w);
    /* The content of the other model's graph. */
    size_t head = 0;
    while (memcmp(all.bytes + head, "\x3a", 1))
        head++;
    size_t length = (size_t)(all.bytes[head + 1] & 0x7f) | (size_t)all.bytes[head + 2] << 7;
    raw(w, all.bytes + head + 3, length);
    end_model(w);
    return w->size;
}

static exciton_status use(opened *o)
{
    exciton_status status = exciton_onnx_open(&o->files.calls, "some.onnx", &o->onnx);
    assert_true(status || !o->files.fail_at || o->files.count < o->files.fail_at); /* no failure is overlooked */
    if (!status)
        onnx_walk(exciton_onnx_graph(o->onnx));
    exciton_onnx_close(o->onnx);
    io_assert_clean(&o->files);
    return status;
}

static exciton_status use_bytes(const unsigned char *from, size_t size)
{
    opened o;
    o.bytes = malloc(size ? size : 1);
    assert_non_null(o.bytes);
    memcpy(o.bytes, from, size);
    io_files_init_image(&o.files, o.bytes, size);
    exciton_status status = use(&o);
    free(o.bytes);
    return status;
}

static void survives_truncation(void **state)
{
    (void)state;
    writer w;
    size_t size = write_damaged(&w);
    assert_in_range(size, 1000, 4000);
    assert_int_equal(use_bytes(w.bytes, size), EXCITON_OK);
    for (size_t cut = 0; cut < size; cut++) {
        assert_int_equal(use_bytes(w.bytes, cut), EXCITON_ERROR_FORMAT);
        io_assert_line("some.onnx", ":");
    }
}

static bool is_expected(exciton_status status)
{
    return status == EXCITON_OK || status == EXCITON_ERROR_FORMAT || status == EXCITON_ERROR_UNSUPPORTED || status == EXCITON_ERROR_OVERFLOW;
}

static void survives_changed_bytes(void **state)
{
    (void)state;
    writer w;
    size_t size = write_damaged(&w), refused = 0;
    for (size_t at = 0; at < size; at++) {
        unsigned char was = w.bytes[at];
        static const unsigned char others[] = {1, 2, 4, 8, 16, 32, 64, 128, 255};
        for (size_t i = 0; i < sizeof others; i++) {
            w.bytes[at] = was ^ others[i];
            exciton_status status = use_bytes(w.bytes, size);
            assert_true(is_expected(status));
            refused += status != EXCITON_OK;
        }
        w.bytes[at] = was;
    }
    assert_in_range(refused, size, 9 * size);
}

static void survives_random_changes(void **state)
{
    (void)state;
    writer w;
    size_t size = write_damaged(&w);
    uint64_t random = (uint64_t)time(NULL) | 1;
    print_message("seed %llu\n", (unsigned long long)random);
    unsigned char *changed = malloc(size);
    assert_non_null(changed);
    for (int i = 0; i < 20000; i++) {
        memcpy(changed, w.bytes, size);
        size_t now = io_mutate(changed, size, size, &random);
        assert_true(is_expected(use_bytes(changed, now)));
    }
    free(changed);
}

static void survives_failing_calls(void **state)
{
    (void)state;
    writer w;
    size_t size = write_damaged(&w);
    for (io_fault fault = IO_FAULT_ERROR; fault <= IO_FAULT_SHRINKS; fault++)
        for (uint64_t n = 1;; n++) {
            opened o;
            io_files_init_image(&o.files, w.bytes, size);
            o.files.fail_at = n;
            o.files.fault = fault;
            exciton_status status = use(&o);
            if (o.files.count < n) {
                assert_int_equal(status, EXCITON_OK);
                assert_in_range(n, 200, 20000);
                break;
            }
            if (status != EXCITON_ERROR_MEMORY && status != EXCITON_ERROR_FILE && status != EXCITON_OK)
                fail_msg("call %llu: %d: %s", (unsigned long long)n, (int)status, exciton_last_error());
        }
    opened o;
    io_files_init_image(&o.files, w.bytes, size);
    o.files.fault = IO_FAULT_DRIBBLES;
    assert_int_equal(use(&o), EXCITON_OK);
}

/* The second window fails to be read, wherever in the model it begins. */
static uint64_t reads;

static ssize_t fail_second_read(void *user, int descriptor, void *data, size_t count, off_t offset)
{
    if (++reads == 2) {
        errno = EIO;
        return -1;
    }
    return io_read(user, descriptor, data, count, offset);
}

static void survives_a_failing_window(void **state)
{
    (void)state;
    enum { WINDOW = 16384 };
    writer w;
    size_t size = write_damaged(&w);
    unsigned char *image = calloc(1, WINDOW + sizeof w.bytes);
    assert_non_null(image);
    for (size_t before = 1; before < size; before++) {
        /* An unknown field that ends `before` bytes before the window does. */
        writer head = {.size = 0};
        tag(&head, 900, 2);
        varint(&head, WINDOW - before - 4);
        assert_int_equal(head.size, 4);
        memset(image, 0, WINDOW);
        memcpy(image, head.bytes, head.size);
        memcpy(image + WINDOW - before, w.bytes, size);
        /* Whole first; then the skipped field makes window 1 begin at the model: so its end is read as well. */
        opened o;
        reads = 2;
        io_files_init_image(&o.files, image, WINDOW - before + size);
        o.files.calls.read = fail_second_read;
        assert_int_equal(use(&o), EXCITON_OK);
        reads = 0;
        io_files_init_image(&o.files, image, WINDOW - before + size);
        o.files.calls.read = fail_second_read;
        assert_int_equal(use(&o), EXCITON_ERROR_FILE);
        io_assert_line("some.onnx", "read");
    }
    free(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(survives_truncation),
        cmocka_unit_test(survives_changed_bytes),
        cmocka_unit_test(survives_random_changes),
        cmocka_unit_test(survives_failing_calls),
        cmocka_unit_test(survives_a_failing_window),
    };
    return cmocka_run_group_tests_name("onnx_damage", tests, NULL, NULL);
}
