/* ONNX files: what a graph shows of them, every element's bits, external data. Files that
 * don't open are in test_onnx_refusals.c. */
#include "onnx_models.h"

#include <sys/stat.h>

enum { F = EXCITON_ERROR_FORMAT, U = EXCITON_ERROR_UNSUPPORTED };

/* ---- The graph ------------------------------------------------------------------------------------------------- */

static void reads_nodes(void **state)
{
    (void)state;
    writer w;
    opened o;
    write_all(&w);
    open_writer(&o, &w);
    const exciton_graph *g = o.g;
    void *u = g->user;
    assert_int_equal(g->opset, 13);
    assert_int_equal(g->node_count, 7);
    assert_string_equal(g->node_operator(u, 0), "com.example.Fused");
    assert_string_equal(g->node_operator(u, 1), "ReduceMean");
    assert_string_equal(g->node_name(u, 0), "");
    assert_string_equal(g->node_name(u, 1), "pool");
    assert_int_equal(g->node_input_count(u, 0), 3);
    assert_int_equal(g->node_input(u, 0, 0), value_of(g, "pooled"));
    assert_int_equal(g->node_input(u, 0, 1), EXCITON_NO_VALUE);
    assert_int_equal(g->node_output_count(u, 0), 1);
    exciton_attribute a = g->node_attribute(u, 0, "alpha");
    assert_true(a.kind == EXCITON_ATTRIBUTE_FLOAT && a.number == (double)0.2f);
    a = g->node_attribute(u, 0, "mode");
    assert_true(a.kind == EXCITON_ATTRIBUTE_STRING && a.count == 4 && !memcmp(a.text, "same", 4));
    a = g->node_attribute(u, 1, "axes");
    assert_true(a.kind == EXCITON_ATTRIBUTE_INTS && a.count == 2 && a.ints[0] == 2 && a.ints[1] == -1);
    a = g->node_attribute(u, 1, "keepdims");
    assert_true(a.kind == EXCITON_ATTRIBUTE_INT && a.integer == -5);
    assert_int_equal(g->node_attribute(u, 1, "absent").kind, EXCITON_ATTRIBUTE_NONE);
    a = g->node_attribute(u, 2, "value");
    assert_int_equal(a.kind, EXCITON_ATTRIBUTE_TENSOR);
    assert_int_equal(a.tensor, constant_of(g, "k"));
    assert_int_equal(g->node_attribute(u, 6, "then_branch").kind, EXCITON_ATTRIBUTE_OTHER);
    onnx_walk(g);
    close_opened(&o);
}

static void reads_values(void **state)
{
    (void)state;
    writer w;
    opened o;
    write_all(&w);
    open_writer(&o, &w);
    const exciton_graph *g = o.g;
    void *u = g->user;
    uint32_t pooled = value_of(g, "pooled"), rank;
    uint64_t shape[EXCITON_GRAPH_RANK];
    assert_int_equal(g->value_producer(u, pooled), 1);
    assert_int_equal(g->value_producer(u, value_of(g, "x")), EXCITON_NO_NODE);
    assert_int_equal(g->value_producer(u, value_of(g, "k")), EXCITON_NO_NODE);
    assert_int_equal(g->value_producer(u, value_of(g, "ks")), 5);
    assert_int_equal(g->value_constant(u, value_of(g, "ks")), EXCITON_NO_CONSTANT);
    /* The node of another domain, and the If whose graph reads it. */
    assert_int_equal(g->value_consumer_count(u, pooled), 2);
    assert_int_equal(g->value_consumer(u, pooled, 0), 0);
    assert_int_equal(g->value_consumer(u, pooled, 1), 6);
    assert_int_equal(g->value_consumer_count(u, value_of(g, "w")), 2); /* once two graphs deep */
    assert_int_equal(g->value_consumer_count(u, value_of(g, "x")), 3); /* ReduceMean, If, Loop in If */
    assert_true(g->value_is_output(u, value_of(g, "y")) && !g->value_is_output(u, pooled));
    assert_true(g->value_shape(u, value_of(g, "x"), &rank, shape));
    assert_true(rank == 4 && shape[0] == 1 && shape[1] == 0 && shape[3] == 3);
    assert_true(g->value_shape(u, pooled, &rank, shape) && rank == 3 && shape[1] == 4 && shape[2] == 0);
    assert_true(g->value_shape(u, value_of(g, "w"), &rank, shape) && rank == 2 && shape[0] == 2);
    assert_false(g->value_shape(u, value_of(g, "ks"), &rank, shape));
    double d[2];
    assert_int_equal(g->constant_read(u, constant_of(g, "k"), 0, 2, d), EXCITON_OK);
    assert_true(d[0] == 1 && d[1] == 2);
    assert_int_equal(g->constant_read(u, constant_of(g, "kf"), 1, 1, d), EXCITON_OK);
    assert_true(d[0] == -1);
    exciton_constant c = g->constant(u, constant_of(g, "kf"));
    assert_true(c.element == EXCITON_ELEMENT_F32 && c.rank == 1 && c.shape[0] == 2 && c.count == 2);
    c = g->constant(u, constant_of(g, "ki"));
    assert_true(c.element == EXCITON_ELEMENT_I64 && c.rank == 0 && c.count == 1);
    assert_int_equal(g->constant_read(u, constant_of(g, "ki"), 0, 1, d), EXCITON_OK);
    assert_true(d[0] == -7);
    c = g->constant(u, constant_of(g, "sparse"));
    assert_true(c.element == EXCITON_ELEMENT_OTHER && c.rank == 2 && c.shape[1] == 5 && c.count == 20);
    assert_int_equal(g->constant_read(u, constant_of(g, "sparse"), 0, 1, d), U);
    io_assert_line("some.onnx", "'sparse'");
    c = g->constant(u, constant_of(g, "nine"));
    assert_true(c.element == EXCITON_ELEMENT_OTHER && c.rank == 0 && c.count == 2);
    close_opened(&o);
}

/* ---- Elements -------------------------------------------------------------------------------------------------- */

static void check_elements(const exciton_graph *g, const struct elements *e)
{
    uint32_t constant = constant_of(g, "t");
    assert_int_equal(g->constant(g->user, constant).element, e->element);
    for (size_t first = e->count; first--;)
        for (size_t count = 1; first + count <= e->count; count++) {
            double doubles[MOST];
            float singles[MOST];
            uint64_t d[MOST];
            uint32_t s[MOST];
            assert_int_equal(g->constant_read(g->user, constant, first, count, doubles), EXCITON_OK);
            assert_int_equal(g->constant_read_f32(g->user, constant, first, count, singles), EXCITON_OK);
            memcpy(d, doubles, sizeof d);
            memcpy(s, singles, sizeof s);
            for (size_t i = 0; i < count; i++) {
                assert_int_equal(s[i], e->singles[first + i]);
                assert_int_equal(d[i], e->doubles[first + i]);
            }
        }
}

static void reads_every_type_and_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof all_elements / sizeof all_elements[0]; i++)
        for (form how = FORM_RAW; how < FORM_COUNT; how++) {
            writer w;
            opened o;
            begin_model(&w);
            write_elements(&w, &all_elements[i], how);
            end_model(&w);
            open_writer(&o, &w);
            check_elements(o.g, &all_elements[i]);
            close_opened(&o);
        }
}

/* Numbers beyond the element's type, and counts that only reading shows. */
static void refuses_elements_late(void **state)
{
    (void)state;
    static const struct { int64_t type; uint32_t field; size_t count; uint64_t numbers[4]; const char *part; } bad[] = {
        {10, 5, 1, {65536}, "65536 is beyond"}, {16, 5, 1, {UINT64_MAX}, "-1 is beyond"}, {6, 5, 1, {1ull << 31}, "beyond"},
        {6, 5, 1, {(uint64_t)INT32_MIN - 1}, "beyond"}, {3, 5, 1, {128}, "beyond"}, {3, 5, 1, {(uint64_t)-129}, "beyond"},
        {2, 5, 1, {256}, "beyond"}, {2, 5, 1, {UINT64_MAX}, "beyond"}, {7, 7, 2, {300}, "data end after 1 of 2"},
        {7, 7, 1, {1, 2}, "data go on after 1"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        writer w;
        opened o;
        begin_model(&w);
        begin_tensor(&w, 5, "t", bad[i].type, 1, (int64_t[]){(int64_t)bad[i].count});
        begin(&w, bad[i].field);
        varint(&w, bad[i].numbers[0]);
        if (bad[i].numbers[1])
            varint(&w, bad[i].numbers[1]);
        end(&w);
        end(&w);
        end_model(&w);
        open_writer(&o, &w);
        double d[2];
        assert_int_equal(o.g->constant_read(o.g->user, 0, 0, bad[i].count, d), F);
        io_assert_line("some.onnx: offset", bad[i].part);
        close_opened(&o);
    }
}

enum { LONG = 100000 };

/* LONG elements from 0 up as raw f32 or f32 of a field each, or i64 of three bytes each, from 20000 up. */
static size_t write_long_payload(unsigned char *payload, int how)
{
    size_t p = 0;
    for (size_t i = 0; i < LONG; i++) {
        float f = (float)i;
        if (how == 2) {
            uint64_t n = i + 20000;
            for (int b = 0; b < 3; b++)
                payload[p++] = (unsigned char)((n >> (7 * b) & 0x7f) | (b < 2 ? 0x80 : 0));
        } else {
            if (how == 1)
                payload[p++] = 4 << 3 | 5;
            memcpy(payload + p, &f, 4);
            p += 4;
        }
    }
    return p;
}

/* A model of one tensor of these: a writer has no room for them. */
static size_t write_long_model(unsigned char *image, int how)
{
    writer w = {.size = 0}, head = {.size = 0}, outer = {.size = 0}, inner = {.size = 0};
    unsigned char *payload = malloc(LONG * 5);
    assert_non_null(payload);
    size_t bytes_in = write_long_payload(payload, how), at = 0;
    begin_tensor(&w, 5, "t", how == 2 ? 7 : 1, 1, (int64_t[]){LONG});
    w.depth = 0;
    size_t body = w.size - 1 + bytes_in; /* without the tag */
    if (how != 1) {
        tag(&inner, how == 2 ? 7 : 9, 2);
        varint(&inner, bytes_in);
    }
    body += inner.size;
    tag(&outer, 5, 2);
    varint(&outer, body);
    number(&head, 1, 8);
    opset(&head, NULL, 13);
    tag(&head, 7, 2);
    varint(&head, outer.size + body);
    memcpy(image + at, head.bytes, head.size), at += head.size;
    memcpy(image + at, outer.bytes, outer.size), at += outer.size;
    memcpy(image + at, w.bytes + 1, w.size - 1), at += w.size - 1;
    memcpy(image + at, inner.bytes, inner.size), at += inner.size;
    memcpy(image + at, payload, bytes_in), at += bytes_in;
    free(payload);
    return at;
}

/* More than is read at once, of each form, whole and in steps; and no more of the file than that. */
static void reads_long_tensors(void **state)
{
    (void)state;
    double *doubles = malloc(LONG * sizeof *doubles);
    unsigned char *image = malloc(100 + LONG * 11);
    assert_true(doubles && image);
    for (int how = 0; how < 3; how++) { /* raw f32, unpacked f32, packed i64 */
        opened o;
        if (open_bytes(&o, image, write_long_model(image, how)))
            fail_msg("%d: %s", how, exciton_last_error());
        if (how != 1)
            assert_in_range(o.files.read_bytes, 1, 16384);
        for (uint64_t step = LONG; step > 500; step /= 7)
            for (uint64_t i = 0; i < LONG; i += step) {
                uint64_t count = i + step > LONG ? LONG - i : step;
                assert_int_equal(o.g->constant_read(o.g->user, 0, i, count, doubles), EXCITON_OK);
                for (uint64_t k = 0; k < count; k++)
                    assert_true(doubles[k] == (double)(i + k + (how == 2 ? 20000 : 0)));
            }
        close_opened(&o);
    }
    free(image);
    free(doubles);
}

/* ---- External data --------------------------------------------------------------------------------------------- */

static exciton_status read_external(const char *location, const char *offset, const char *length, float *two)
{
    writer w;
    io_files files;
    exciton_onnx *onnx;
    begin_model(&w);
    begin_tensor(&w, 5, "t", 1, DIMS(2));
    number(&w, 14, 1);
    entry(&w, "location", location);
    entry(&w, "offset", offset);
    entry(&w, "length", length);
    entry(&w, "checksum", "of no matter");
    end(&w);
    end_model(&w);
    io_save("m.onnx", w.bytes, w.size);
    io_files_init(&files);
    assert_int_equal(exciton_onnx_open(&files.calls, io_path("m.onnx"), &onnx), EXCITON_OK);
    const exciton_graph *g = exciton_onnx_graph(onnx);
    exciton_status status = g->constant_read_f32(g->user, 0, 1, 1, two + 1);
    if (!status)
        status = g->constant_read_f32(g->user, 0, 0, 1, two);
    exciton_onnx_close(onnx);
    io_assert_clean(&files);
    return status;
}

static void reads_external_data(void **state)
{
    (void)state;
    static const struct { int status; const char *location, *offset, *length, *part; } cases[] = {
        {EXCITON_OK, "w", "4", "8", ""}, {EXCITON_OK, "w", "4", NULL, ""}, {F, "w", "5", NULL, "8 bytes from 5 of 'w', which has 12"},
        {F, "w", "18446744073709551615", "8", "beyond any file"}, {F, "w", "18446744073709551616", "8", "no decimal"},
        {F, "w", "-1", "8", "no decimal"}, {F, "w", "", "8", "no decimal"}, {F, "w", " 4", "8", "no decimal"},
        {F, "w", "0x4", "8", "no decimal"}, {F, "w", "4", "12", "another length than '12'"}, {F, "w", "4", "0", "another length"},
        {F, NULL, "4", "8", "no 'location'"}, {U, "", "4", "8", "plain name"}, {U, "..", "4", "8", "plain name"},
        {U, ".", "4", "8", "plain name"}, {U, "../w", "4", "8", "plain name"}, {U, "/etc/passwd", "4", "8", "plain name"},
        {U, "folder/w", "4", "8", "plain name"}, {U, "folder\\w", "4", "8", "plain name"}, {EXCITON_ERROR_FILE, "none", "4", "8", "'none'"},
        {EXCITON_ERROR_FILE, "link", "4", "8", "a link"}, {EXCITON_ERROR_FILE, "folder", "4", "8", "not a regular file"},
        {EXCITON_ERROR_FILE, "fifo", "4", "8", "not a regular file"}, {EXCITON_ERROR_FILE, "dangling", "4", "8", "a link"},
    };
    float content[] = {5, 6, 7}, two[2];
    io_save("w", content, sizeof content);
    assert_int_equal(symlink("w", io_path("link")), 0);
    assert_int_equal(symlink("nowhere", io_path("dangling")), 0);
    assert_int_equal(mkdir(io_path("folder"), 0700), 0);
    assert_int_equal(mkfifo(io_path("fifo"), 0600), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        exciton_status status = read_external(cases[i].location, cases[i].offset, cases[i].length, two);
        if (status != (exciton_status)cases[i].status)
            fail_msg("%d: %d: %s", (int)i, (int)status, exciton_last_error());
        if (status)
            io_assert_line("m.onnx", cases[i].part);
        else
            assert_true(two[0] == 6 && two[1] == 7);
    }
}

/* Two files, in turns; entries that are too many, or twice. */
static void changes_external_files(void **state)
{
    (void)state;
    writer w;
    io_files files;
    exciton_onnx *onnx;
    begin_model(&w);
    for (int i = 0; i < 4; i++) {
        begin_tensor(&w, 5, (const char *[]){"a", "b", "twice", "many"}[i], 1, DIMS(1));
        number(&w, 14, 1);
        entry(&w, "location", i == 1 ? "two" : "one");
        if (i == 2)
            entry(&w, "location", "one");
        for (int k = 0; k < 64 && i == 3; k++)
            entry(&w, "", "");
        end(&w);
    }
    end_model(&w);
    io_save("m.onnx", w.bytes, w.size);
    io_save("one", "\0\0\x80\x3f", 4);
    io_save("two", "\0\0\0\x40", 4);
    io_files_init(&files);
    assert_int_equal(exciton_onnx_open(&files.calls, io_path("m.onnx"), &onnx), EXCITON_OK);
    const exciton_graph *g = exciton_onnx_graph(onnx);
    for (uint32_t i = 0; i < 8; i++) {
        double d = 0;
        assert_int_equal(g->constant_read(g->user, i % 2, 0, 1, &d), EXCITON_OK);
        assert_true(d == 1 + i % 2);
        assert_int_equal(files.opened, 2);
    }
    double d;
    assert_int_equal(g->constant_read(g->user, 2, 0, 1, &d), F);
    io_assert_line("m.onnx: offset", "twice 'location'");
    assert_int_equal(g->constant_read(g->user, 3, 0, 1, &d), U);
    io_assert_line("m.onnx: offset", "too many entries");
    exciton_onnx_close(onnx);
    io_assert_clean(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_nodes),
        cmocka_unit_test(reads_values),
        cmocka_unit_test(reads_every_type_and_form),
        cmocka_unit_test(refuses_elements_late),
        cmocka_unit_test(reads_long_tensors),
        cmocka_unit_test_setup_teardown(reads_external_data, io_folder_make, io_folder_remove),
        cmocka_unit_test_setup_teardown(changes_external_files, io_folder_make, io_folder_remove),
    };
    return cmocka_run_group_tests_name("onnx", tests, NULL, NULL);
}
