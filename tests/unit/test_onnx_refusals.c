/* ONNX files that don't open, why, and where the caps are. Damage at random is in test_onnx_damage.c. */
#include "onnx_models.h"

enum { F = EXCITON_ERROR_FORMAT, U = EXCITON_ERROR_UNSUPPORTED, O = EXCITON_ERROR_OVERFLOW };

/* ---- Graphs ---------------------------------------------------------------------------------------------------- */

static void deep(writer *w, int depth)
{
    for (int i = 0; i < depth; i++)
        begin(w, i % 3 == 0 ? 1 : i % 3 == 1 ? 5 : 6);
    while (depth--)
        end(w);
}

/* What is in the graph. */
static bool write_bad_graph(writer *w, int which)
{
    static const float two[] = {1, 2};
    switch (which) {
    case 0: tag(w, 1, 3); tag(w, 1, 4); break;
    case 1: tag(w, 900, 6); break;
    case 2: tag(w, 0, 0); break;
    case 3: number(w, 1, 5); break;
    case 4: raw(w, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11); break;
    case 5: raw(w, "\xa0\x38\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 12); break;
    case 6: tag(w, 1, 2); varint(w, UINT64_MAX); break;
    case 7: begin(w, 1); text(w, 4, "A"); text(w, 4, "B"); end(w); break;
    case 8: begin(w, 1); bytes(w, 1, "a\0b", 3); end(w); break;
    case 9: begin(w, 1); text(w, 1, "a\xed\xa0\x80"); end(w); break;
    case 10: begin(w, 1); text(w, 1, "\xc0\x80"); end(w); break;
    case 11: node(w, "", "", "a"); break;
    case 12: node(w, "A", "nothing", "a"); break;
    case 13: node(w, "A", "", "a"); node(w, "B", "", "a"); break;
    case 14: node(w, "A", "", "a a"); break;
    case 15: node(w, "A", "b", "a"); node(w, "B", "a", "b"); break;
    case 16: node(w, "A", "a", "a"); break;
    case 17: value(w, 11, "x", DIMS(1)); node(w, "A", "", "x"); break;
    case 18: value(w, 11, "x", DIMS(1)); value(w, 11, "x", DIMS(1)); break;
    case 19: value(w, 12, "x", DIMS(1)); break;
    case 20: value(w, 11, "", DIMS(1)); break;
    case 21: begin_tensor(w, 5, "t", 1, 0, NULL); bytes(w, 9, two, 4); end(w);
             begin_tensor(w, 5, "t", 1, 0, NULL); bytes(w, 9, two, 4); end(w); break;
    case 22: begin_tensor(w, 5, "t", 1, 0, NULL); bytes(w, 9, two, 4); end(w); node(w, "A", "", "t"); break;
    case 23: begin_tensor(w, 5, "", 1, 0, NULL); bytes(w, 9, two, 4); end(w); break;
    case 24: begin_tensor(w, 5, "t", 1, DIMS(-1)); end(w); break;
    case 25: begin_tensor(w, 5, "t", 1, DIMS(1ll << 40, 1ll << 40)); end(w); break;
    case 26: begin_tensor(w, 5, "t", 1, DIMS(1ll << 62)); end(w); break;
    case 27: begin_tensor(w, 5, "t", 1, DIMS(1)); bytes(w, 9, two, 8); end(w); break;
    case 28: begin_tensor(w, 5, "t", 1, DIMS(2)); end(w); break;
    case 29: begin_tensor(w, 5, "t", 1, DIMS(2)); bytes(w, 9, two, 8); bytes(w, 9, two, 8); end(w); break;
    case 30: begin_tensor(w, 5, "t", 1, DIMS(2)); bytes(w, 9, two, 8); bytes(w, 4, two, 8); end(w); break;
    case 31: begin_tensor(w, 5, "t", 1, DIMS(2)); bytes(w, 4, two, 7); end(w); break;
    case 32: begin_tensor(w, 5, "t", 1, DIMS(2)); bytes(w, 5, two, 8); end(w); break;
    case 33: begin_tensor(w, 5, "t", 7, DIMS(2)); number(w, 7, 1); end(w); break;
    case 34: begin_tensor(w, 5, "t", 7, DIMS(9)); bytes(w, 7, "12345678", 8); end(w); break;
    case 35: begin_tensor(w, 5, "t", 7, DIMS(1)); bytes(w, 7, "12345678901", 11); end(w); break;
    case 36: begin_tensor(w, 5, "t", 1, DIMS(1)); number(w, 14, 1); bytes(w, 9, two, 4); end(w); break;
    case 37: begin_tensor(w, 5, "t", 1, DIMS(1)); number(w, 14, 2); bytes(w, 9, two, 4); end(w); break;
    case 38: begin_node(w, "A", "", "a"); begin_attribute(w, "b", 1); fixed(w, 2, 0, 4); number(w, 3, 1); end(w); end(w); break;
    case 39: begin_node(w, "A", "", "a"); integers(w, "b", true, DIMS(1)); integers(w, "b", false, DIMS(1)); end(w); break;
    case 40: begin_node(w, "A", "", "a"); begin(w, 5); number(w, 3, 1); end(w); end(w); break;
    case 41: begin(w, 15); number(w, 3, 4); end(w); break;
    case 42: begin_node(w, "A", "", "a"); begin_attribute(w, "b", 1); fixed(w, 2, 0, 8); end(w); end(w); break;
    case 43: tag(w, 900, 5); raw(w, "123", 3); break;
    case 44: begin_node(w, "A", "", "a"); integers(w, "b", true, DIMS(1)); w->bytes[w->size - 1] |= 0x80; end(w); break;
    case 45: value(w, 12, "x", DIMS(1)); begin_node(w, "A", "y", "x"); begin_attribute(w, "g", 5); begin(w, 6);
             node(w, "B", "x", "y"); end(w); end(w); end(w); value(w, 11, "y", DIMS(1)); break;
    default: return false;
    }
    return true;
}

static const struct { int status; const char *part; } bad_graphs[] = {
    {F, "a group"}, {F, "no such wire type"}, {F, "no field has this number"}, {F, "graph: field 1 has wire type 0"},
    {F, "more than 64 bits"}, {F, "more than 64 bits"}, {F, "18446744073709551615 bytes in a message"}, {F, "node: field 4 twice"},
    {F, "not UTF-8"}, {F, "not UTF-8"}, {F, "not UTF-8"}, {F, "node 0 '' (): no op_type"}, {F, "it reads what nothing makes: nothing"},
    {F, "is made already: a"}, {F, "is made already: a"}, {F, "node 0 '' (A): its inputs depend"}, {F, "its inputs depend"},
    {F, "is made already: x"}, {F, "input 'x': twice"}, {F, "output 'x': nothing makes it"}, {F, "input '': no name"},
    {F, "initializer 't': twice"}, {F, "is made already: t"}, {F, "initializer '': no name"}, {F, "dims: -1"}, {O, "product overflows"},
    {O, "product overflows"}, {F, "dims make 4 bytes, there are 8"}, {F, "dims make 2 elements, there are 0"}, {F, "field 9 twice"},
    {F, "data in two fields"}, {F, "end within an element"}, {F, "data_type 1 with data in field 5"},
    {F, "dims make 2 elements, there are 1"}, {F, "dims make 9 elements, there are 8"}, {F, "dims make 1 elements, there are 2"},
    {F, "data here and in another file"}, {F, "data_location 2"}, {F, "two values"}, {F, "an attribute twice"},
    {F, "an attribute without a name"}, {F, "no values"}, {F, "attribute: field 2 has wire type 1"}, {F, "beyond its message's end"},
    {F, "beyond its message's end"}, {F, "its inputs depend"},
};

static void expect(const writer *w, int status, const char *part, int which)
{
    opened o;
    exciton_status got = open_bytes(&o, w->bytes, w->size);
    if (got != (exciton_status)status)
        fail_msg("%d: %d: %s", which, (int)got, exciton_last_error());
    if (status)
        io_assert_line("some.onnx", part);
    close_opened(&o);
}

static void refuses_graphs(void **state)
{
    (void)state;
    int which = 0;
    for (;; which++) {
        writer w;
        begin_model(&w);
        if (!write_bad_graph(&w, which))
            break;
        end_model(&w);
        expect(&w, bad_graphs[which].status, bad_graphs[which].part, which);
    }
    assert_int_equal(which, sizeof bad_graphs / sizeof bad_graphs[0]);
    writer w;
    begin_model(&w);
    deep(&w, 15);
    end_model(&w);
    expect(&w, F, "no op_type", 1000); /* not too deep */
}

/* What makes an attribute one without a value, strings at their caps and of every length of UTF-8. */
static void keeps_to_small_caps(void **state)
{
    (void)state;
    writer w;
    opened o;
    begin_model(&w);
    begin_node(&w, "A", "", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    begin(&w, 5);
    text(&w, 21, "outer");
    text(&w, 1, "alpha");
    number(&w, 20, 1);
    end(&w);
    end(&w);
    end_model(&w);
    open_writer(&o, &w);
    assert_int_equal(o.g->node_attribute(o.g->user, 0, "alpha").kind, EXCITON_ATTRIBUTE_OTHER);
    assert_int_not_equal(value_of(o.g, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), EXCITON_NO_VALUE);
    close_opened(&o);
    static const char *const broken[] = {"\xe2\x82", "\xe2\x82\x41", "\xf0\x9f\x98\xc0", "\xf4\x90\x80\x80", "\xff", "\x80"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        begin_model(&w);
        node(&w, "A", "", broken[i]);
        end_model(&w);
        expect(&w, F, "not UTF-8", (int)i);
    }
    for (int count = 256; count <= 257; count++) {
        begin_model(&w);
        begin_node(&w, "A", "", "");
        for (int i = 0; i < count; i++) {
            char name[16];
            snprintf(name, sizeof name, "%d", i);
            begin_attribute(&w, name, 2);
            end(&w);
        }
        end(&w);
        end_model(&w);
        expect(&w, count == 256 ? EXCITON_OK : U, "more than 256 attributes", count);
    }
    for (size_t length = 65535; length <= 65536; length++) {
        unsigned char *image = malloc(length + 64);
        assert_non_null(image);
        memset(image, 'a', length + 64);
        w = (writer){.size = 0};
        number(&w, 1, 8);
        opset(&w, NULL, 13);
        bytes(&w, 7, "", 0);
        tag(&w, 8, 2);
        varint(&w, length + 6);
        raw(&w, "\x10\x01\x0a", 3);
        varint(&w, length);
        memcpy(image, w.bytes, w.size);
        assert_int_equal(open_bytes(&o, image, w.size + length), length == 65535 ? EXCITON_OK : U);
        if (length == 65536)
            io_assert_line("some.onnx: offset", "more than 65535 bytes");
        close_opened(&o);
        free(image);
    }
}

/* ---- Models, and what is too deep, too long or too large ------------------------------------------------------- */

static void refuses_models(void **state)
{
    (void)state;
    static const struct { int status; int64_t ir, opset, other; const char *part; } bad[] = {
        {F, 0, 13, 0, "no ir_version"}, {U, 2, 13, 0, "ir_version: 2"}, {U, 256, 13, 0, "ir_version: 256"}, {U, -1, 13, 0, "ir_version: -1"},
        {U, 8, 0, 0, "no default domain"}, {U, 8, 6, 0, "version 6 of the default domain; 7 to"}, {U, 8, 1000, 0, "version 1000"},
        {U, 8, -1, 0, "version -1"}, {F, 8, 13, 14, "twice: 13 and 14"}, {EXCITON_OK, 3, 7, 7, ""}, {EXCITON_OK, 13, 28, 0, ""},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        writer w = {.size = 0};
        if (bad[i].ir)
            number(&w, 1, bad[i].ir);
        if (bad[i].opset)
            opset(&w, "", bad[i].opset);
        if (bad[i].other)
            opset(&w, "ai.onnx", bad[i].other);
        opset(&w, "other", 1);
        bytes(&w, 7, "", 0);
        expect(&w, bad[i].status, bad[i].part, (int)i);
    }
    writer w = {.size = 0};
    expect(&w, F, "not an ONNX model: no ir_version", 100);
    number(&w, 1, 8);
    opset(&w, "", 13);
    expect(&w, F, "no graph", 101);
    bytes(&w, 7, "", 0);
    begin(&w, 25);
    text(&w, 1, "Relu");
    end(&w);
    expect(&w, U, "function 'Relu'", 102);
    bytes(&w, 7, "", 0);
    expect(&w, F, "model: field 7 twice", 103);
}

/* 150 messages, each in the next. */
static void refuses_deep_graphs(void **state)
{
    (void)state;
    writer w;
    opened o;
    unsigned char image[1024];
    size_t size = 0;
    for (int i = 0; i < 150; i++) {
        writer length = {.size = 0};
        tag(&length, i % 3 == 0 ? 6 : i % 3 == 1 ? 5 : 1, 2);
        varint(&length, size);
        memmove(image + length.size, image, size);
        memcpy(image, length.bytes, length.size);
        size += length.size;
    }
    w = (writer){.size = 0};
    number(&w, 1, 8);
    tag(&w, 7, 2);
    varint(&w, size);
    memmove(image + w.size, image, size);
    memcpy(image, w.bytes, w.size);
    assert_int_equal(open_bytes(&o, image, w.size + size), U);
    io_assert_line("some.onnx", "nested too deep");
    close_opened(&o);
}

/* Attributes too long to be kept have a name, and no more. */
static void cuts_long_attributes(void **state)
{
    (void)state;
    writer w, inner;
    opened o;
    unsigned char *image = calloc(1, 1 << 20);
    assert_non_null(image);
    static const struct { uint32_t field, type; size_t bytes; int kind; } longs[] = {
        {8, 7, 65536, EXCITON_ATTRIBUTE_INTS}, {8, 7, 65537, EXCITON_ATTRIBUTE_OTHER},
        {7, 6, 4 * 65536, EXCITON_ATTRIBUTE_FLOATS}, {7, 6, 4 * 65537, EXCITON_ATTRIBUTE_OTHER},
        {4, 3, 65536, EXCITON_ATTRIBUTE_STRING}, {4, 3, 65537, EXCITON_ATTRIBUTE_OTHER},
    };
    for (size_t i = 0; i < sizeof longs / sizeof longs[0]; i++) {
        writer lengths = {.size = 0};
        inner = (writer){.size = 0}, w = (writer){.size = 0};
        tag(&inner, longs[i].field, 2);
        varint(&inner, longs[i].bytes);
        writer ending = {.size = 0};
        text(&ending, 1, "long");
        number(&ending, 20, longs[i].type);
        size_t attribute = inner.size + longs[i].bytes + ending.size;
        text(&lengths, 4, "A");
        tag(&lengths, 5, 2);
        varint(&lengths, attribute);
        writer outer = {.size = 0};
        tag(&outer, 1, 2);
        varint(&outer, lengths.size + attribute);
        number(&w, 1, 8);
        opset(&w, NULL, 13);
        tag(&w, 7, 2);
        varint(&w, outer.size + lengths.size + attribute);
        raw(&w, outer.bytes, outer.size);
        raw(&w, lengths.bytes, lengths.size);
        raw(&w, inner.bytes, inner.size);
        memset(image, 0, longs[i].bytes + 200);
        memcpy(image, w.bytes, w.size);
        memcpy(image + w.size + longs[i].bytes, ending.bytes, ending.size);
        if (open_bytes(&o, image, w.size + longs[i].bytes + ending.size))
            fail_msg("%d: %s", (int)i, exciton_last_error());
        assert_int_equal(o.g->node_attribute(o.g->user, 0, "long").kind, longs[i].kind);
        onnx_walk(o.g);
        close_opened(&o);
    }
    free(image);
}

/* 4 million empty nodes in 8 MiB: refused before they take much more than the cap. */
static void refuses_large_graphs(void **state)
{
    (void)state;
    opened o;
    unsigned char *image = calloc(1, 8 << 20);
    assert_non_null(image);
    writer w = (writer){.size = 0};
    number(&w, 1, 8);
    tag(&w, 7, 2);
    varint(&w, (8 << 20) - 20);
    memcpy(image, w.bytes, w.size);
    for (size_t i = w.size; i + 1 < 8 << 20; i += 2)
        image[i] = 1 << 3 | 2;
    assert_int_equal(open_bytes(&o, image, w.size + (8 << 20) - 20), U);
    io_assert_line("some.onnx: offset", "more than 256 MiB");
    close_opened(&o);
    free(image);
}

static void refuses_files(void **state)
{
    (void)state;
    io_files files;
    exciton_onnx *onnx;
    io_files_init(&files);
    assert_int_equal(exciton_onnx_open(&files.calls, io_path("none.onnx"), &onnx), EXCITON_ERROR_FILE);
    assert_null(onnx);
    exciton_onnx_close(NULL);
    assert_int_equal(exciton_onnx_open(&files.calls, io_folder, &onnx), EXCITON_ERROR_FILE);
    io_save("large.onnx", "\x08\x08", 2);
    assert_int_equal(truncate(io_path("large.onnx"), (off_t)1 << 31), 0);
    assert_int_equal(exciton_onnx_open(&files.calls, io_path("large.onnx"), &onnx), U);
    io_assert_line("large.onnx", "2147483648 bytes");
    io_assert_clean(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_graphs),
        cmocka_unit_test(keeps_to_small_caps),
        cmocka_unit_test(refuses_models),
        cmocka_unit_test(refuses_deep_graphs),
        cmocka_unit_test(cuts_long_attributes),
        cmocka_unit_test(refuses_large_graphs),
        cmocka_unit_test_setup_teardown(refuses_files, io_folder_make, io_folder_remove),
    };
    return cmocka_run_group_tests_name("onnx_refusals", tests, NULL, NULL);
}
