/* safetensors and the SE blocks in them: what is read, what is refused and how, and that no byte and no failing call can hurt. */
#include "io_files.h"

#include <math.h>

#include "formats/decimal.h"
#include "formats/safetensors.h"
#include "formats/weights.h"

enum {
    F = EXCITON_ERROR_FORMAT, U = EXCITON_ERROR_UNSUPPORTED, O = EXCITON_ERROR_OVERFLOW, S = EXCITON_ERROR_SHAPE, N = EXCITON_ERROR_NAME
};

typedef struct image { unsigned char *bytes; size_t size, data; } image;

/* A file of a header of `length` bytes; `floats` values 0.5, 1.5, … and `extra` bytes. */
static image make_bytes(const char *header, size_t length, size_t floats, size_t extra)
{
    image made = {.size = 8 + length + floats * sizeof(float) + extra, .data = 8 + length};
    made.bytes = calloc(1, made.size);
    assert_non_null(made.bytes);
    for (int i = 0; i < 8; i++)
        made.bytes[i] = (unsigned char)((uint64_t)length >> (8 * i));
    memcpy(made.bytes + 8, header, length);
    for (size_t i = 0; i < floats; i++) {
        float value = (float)i + 0.5f;
        memcpy(made.bytes + made.data + i * sizeof value, &value, sizeof value);
    }
    return made;
}

static image make(const char *header, size_t floats) { return make_bytes(header, strlen(header), floats, 0); }

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

/* ---- The format ------------------------------------------------------------------------------------------------ */

#define META "\"__metadata__\":{\"format\":\"pt\"},"
#define T(name, type, shape, begin, end) \
    "\"" name "\":{\"dtype\":\"" type "\",\"shape\":[" shape "],\"data_offsets\":[" #begin "," #end "]}"

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

/* ---- Blocks ---------------------------------------------------------------------------------------------------- */

#define SE4x2 T("fc.0.weight", "F32", "2,4", 0, 32) "," T("fc.2.weight", "F32", "4,2", 32, 64)
/* C = 4, R = 2 with biases under any names: 88 bytes. */
#define FULL(n1, n2) T(n1 ".weight", "F32", "2,4", 0, 32) "," T(n1 ".bias", "F32", "2", 32, 40) "," \
    T(n2 ".weight", "F32", "4,2", 40, 72) "," T(n2 ".bias", "F32", "4", 72, 88)

static exciton_status open_blocks(const image *from, exciton_weight_order order, exciton_weights **weights, io_files *files)
{
    io_files_init_image(files, from->bytes, from->size);
    exciton_weights_params params = {.order = order};
    return exciton_weights_open_with(&files->calls, "some.safetensors", order ? &params : NULL, weights);
}

static void expect_blocks(const char *header, size_t floats, exciton_weight_order order, int status, const char *part)
{
    image made = make(header, floats);
    exciton_weights *weights;
    io_files files;
    if (open_blocks(&made, order, &weights, &files) != (exciton_status)status)
        fail_msg("%s: %s", header, exciton_last_error());
    if (status) {
        assert_null(weights);
        io_assert_line("some.safetensors", part);
    }
    exciton_weights_close(weights);
    io_assert_clean(&files);
    free(made.bytes);
}

static void expect_data(const float *data, float first, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_true(data[i] == first + (float)i);
}

static void reads_every_pair_of_names(void **state)
{
    (void)state;
    static const struct { const char *name, *header; } files_of[] = {
        {"", "{" FULL("fc.0", "fc.2") "}"}, {"", "{" FULL("fc1", "fc2") "}"}, {"", "{" FULL("conv_reduce", "conv_expand") "}"},
        {"", "{" FULL("conv1", "conv2") "}"}, {"layer1.0.se", "{" FULL("layer1.0.se.fc.0", "layer1.0.se.fc.2") "}"},
        {"blocks.0.0.se", "{" META FULL("blocks.0.0.se.conv_reduce", "blocks.0.0.se.conv_expand") "}"},
        {"é", "{" FULL("\\u00e9.fc1", "é.fc2") "}"}, {"fc1", "{" FULL("fc1.fc1", "fc1.fc2") "}"},
    };
    for (size_t i = 0; i < sizeof files_of / sizeof *files_of; i++) {
        image made = make(files_of[i].header, 22);
        exciton_weights *weights;
        io_files files;
        assert_int_equal(open_blocks(&made, EXCITON_ORDER_DEFAULT, &weights, &files), EXCITON_OK);
        assert_int_equal(files.read_bytes, made.data);
        assert_int_equal(exciton_weights_count(weights), 1);
        exciton_weights_info info;
        assert_int_equal(exciton_weights_describe(weights, 0, &info), EXCITON_OK);
        assert_string_equal(info.name, files_of[i].name);
        assert_true(info.channels == 4 && info.hidden == 2 && info.bias[0] && info.bias[1]);
        assert_true(info.order == EXCITON_ORDER_OUT_IN && !info.order_is_said);
        assert_true(!info.activation && !info.gate && !info.output && !info.then);
        uint32_t index = 7;
        assert_int_equal(exciton_weights_find(weights, files_of[i].name, &index), EXCITON_OK);
        assert_int_equal(index, 0);
        exciton_se se = {.size = sizeof se, .max = {.batch = 3}, .gate = EXCITON_GATE_SIGMOID};
        assert_int_equal(exciton_weights_se(weights, 0, &se), EXCITON_OK);
        assert_true(se.channels == 4 && se.hidden == 2 && se.max.batch == 3 && se.gate == EXCITON_GATE_DEFAULT);
        assert_true(se.fc1.order == EXCITON_ORDER_OUT_IN && se.fc1.type == EXCITON_TYPE_F32);
        expect_data(se.fc1.data, 0.5f, 8);
        expect_data(se.fc1.bias, 8.5f, 2);
        expect_data(se.fc2.data, 10.5f, 8);
        expect_data(se.fc2.bias, 18.5f, 4);
        exciton_se again = {0};
        assert_int_equal(exciton_weights_se(weights, 0, &again), EXCITON_OK);
        assert_ptr_equal(again.fc1.data, se.fc1.data);
        exciton_weights_close(weights);
        io_assert_clean(&files);
        free(made.bytes);
    }
}

static void reads_every_shape(void **state)
{
    (void)state;
    enum { D = EXCITON_ORDER_DEFAULT, OI = EXCITON_ORDER_OUT_IN, IO = EXCITON_ORDER_IN_OUT };
#define PAIR(a, b) "{" T("fc1.weight", "F32", a, 0, 32) "," T("fc2.weight", "F32", b, 32, 64) "}"
    static const struct { const char *header; int order, status; uint64_t channels; const char *part; } cases[] = {
        {PAIR("2,4", "4,2"), D, 0, 4, ""}, {PAIR("2,4,1", "4,2,1"), D, 0, 4, ""}, {PAIR("2,4,1,1", "4,2,1,1"), D, 0, 4, ""},
        {PAIR("2,4,1,1,1", "4,2"), D, 0, 4, ""}, {PAIR("2,4", "4,2"), OI, 0, 4, ""}, {PAIR("2,4", "4,2"), IO, 0, 2, ""},
        {PAIR("4,2", "2,4"), D, 0, 2, ""}, {PAIR("4,2", "2,4"), IO, 0, 4, ""}, {PAIR("1,1,4,2", "1,1,2,4"), IO, 0, 4, ""},
        {PAIR("4,2", "1,1,2,4"), IO, 0, 4, ""}, {PAIR("8,1,1,1", "1,8,1,1"), D, 0, 1, ""}, {PAIR("1,8,1,1", "8,1"), OI, 0, 8, ""},
        {PAIR("1,1,4,2", "1,1,2,4"), D, S, 0, "--order"}, {PAIR("4,2", "1,1,2,4"), D, S, 0, "--order"},
        {PAIR("1,1,4,2", "1,1,2,4"), OI, S, 0, "matrix"}, {PAIR("2,4,1,1", "4,2,1,1"), IO, S, 0, "matrix"},
        {PAIR("2,4", "2,4"), D, S, 0, "don't make a block"}, {PAIR("2,4", "8,1"), D, S, 0, "4 to 2 and 1 to 8"},
        {PAIR("8", "4,2"), D, S, 0, "[8]"}, {PAIR("2,2,2", "4,2"), D, S, 0, "[2,2,2]"}, {PAIR("2,1,2,2", "4,2"), D, S, 0, "matrix"},
        {PAIR("2,4,1,1,1,1", "4,2"), D, S, 0, "matrix"}, {PAIR("2,4,1,1,1,1,1,1,1", "4,2"), D, S, 0, "..."}, {PAIR("", "4,2"), D, F, 0, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_blocks(cases[i].header, 16, (exciton_weight_order)cases[i].order, cases[i].status, cases[i].part);
        if (cases[i].status)
            continue;
        image made = make(cases[i].header, 16);
        exciton_weights *weights;
        io_files files;
        assert_int_equal(open_blocks(&made, (exciton_weight_order)cases[i].order, &weights, &files), EXCITON_OK);
        exciton_weights_info info;
        assert_int_equal(exciton_weights_describe(weights, 0, &info), EXCITON_OK);
        assert_int_equal(info.channels, cases[i].channels);
        assert_int_equal(info.hidden, 8 / cases[i].channels);
        assert_int_equal(info.order, cases[i].order ? cases[i].order : OI);
        assert_int_equal(info.order_is_said, cases[i].order != D);
        exciton_se se = {0};
        assert_int_equal(exciton_weights_se(weights, 0, &se), EXCITON_OK);
        assert_null(se.fc1.bias);
        assert_null(se.fc2.bias);
        assert_true(se.fc1.order == info.order && se.fc2.order == info.order);
        expect_data(se.fc2.data, 8.5f, 8);
        exciton_weights_close(weights);
        free(made.bytes);
    }
    expect_blocks("{" T("fc1.weight", "F32", "0,4", 0, 0) "," T("fc2.weight", "F32", "4,0", 0, 0) "}", 0, EXCITON_ORDER_DEFAULT, S, "zero");
    /* Square matrices under a known name: OUT_IN. */
    expect_blocks("{" T("fc1.weight", "F32", "2,2", 0, 16) "," T("fc2.weight", "F32", "2,2", 16, 32) "}", 8, EXCITON_ORDER_DEFAULT, 0, "");
}

#define WITH(metadata, body) "{\"__metadata__\":{" metadata "}," body "}"

static void reads_parameters(void **state)
{
    (void)state;
    image made = make(WITH("\"a.activation\":\"silu\",\"a.gate\":\"hard-sigmoid\",\"a.gate.slope\":\"0.2\",\"a.gate.offset\":\"5e-1\","
                           "\"a.output\":\"residual\",\"a.then\":\"relu\",\"a.order\":\"OUT_IN\",\"activation\":\"identity\","
                           "\"gate\":\"sigmoid\",\"then\":\"nothing\",\"output\":\"scale\",\"order\":\"IN_OUT\",\"format\":\"pt\","
                           "\"a.fc1.weight\":\"b.fc1.weight\",\"b.x.note\":\"any\",\"other.note\":\"any\"",
                           FULL("a.fc1", "a.fc2") "," T("fc1.weight", "F32", "1,1,4,2", 88, 120) ","
                           T("fc2.weight", "F32", "2,4", 120, 152) "," T("b.fc1.weight", "F32", "1,1", 152, 156) ","
                           T("b.fc2.weight", "F32", "1,1", 156, 160)), 40);
    exciton_weights *weights;
    io_files files;
    if (open_blocks(&made, EXCITON_ORDER_DEFAULT, &weights, &files) != EXCITON_OK)
        fail_msg("%s", exciton_last_error());
    assert_int_equal(exciton_weights_count(weights), 3);
    exciton_weights_info info;
    assert_int_equal(exciton_weights_describe(weights, 0, &info), EXCITON_OK);
    assert_string_equal(info.name, "");
    assert_true(info.activation == EXCITON_ACTIVATION_IDENTITY && info.gate == EXCITON_GATE_SIGMOID && isnan(info.gate_slope));
    assert_true(info.then == EXCITON_THEN_NOTHING && info.output == EXCITON_OUTPUT_SCALE);
    assert_true(info.order == EXCITON_ORDER_IN_OUT && info.order_is_said && info.channels == 4);
    uint32_t index;
    assert_int_equal(exciton_weights_find(weights, "a", &index), EXCITON_OK);
    exciton_se se = {0};
    assert_int_equal(exciton_weights_se(weights, index, &se), EXCITON_OK);
    assert_true(se.activation == EXCITON_ACTIVATION_SILU && se.gate == EXCITON_GATE_HARD_SIGMOID_CUSTOM);
    assert_true(se.gate_slope == 0.2f && se.gate_offset == 0.5f);
    assert_true(se.then == EXCITON_THEN_RELU && se.output == EXCITON_OUTPUT_RESIDUAL);
    assert_int_equal(exciton_weights_find(weights, "b", &index), EXCITON_OK);
    assert_int_equal(exciton_weights_describe(weights, index, &info), EXCITON_OK);
    assert_true(!info.activation && !info.gate && !info.output && !info.then && !info.order_is_said);
    assert_int_equal(exciton_weights_find(weights, "c", &index), EXCITON_ERROR_NAME);
    io_assert_line("some.safetensors", "there are '', 'a', 'b'");
    exciton_weights_close(weights);
    io_assert_clean(&files);
    free(made.bytes);
}

static void refuses_parameters(void **state)
{
    (void)state;
    static const struct { int status; const char *part, *header; } bad[] = {
        {F, "'activation': 'gelu'", WITH("\"activation\":\"gelu\"", SE4x2)}, {F, "hard-swish", WITH("\"activation\":\"\"", SE4x2)},
        {F, "hard-sigmoid", WITH("\"gate\":\"Sigmoid\"", SE4x2)}, {F, "'output': 'add'", WITH("\"output\":\"add\"", SE4x2)},
        {F, "nothing, relu", WITH("\"then\":\"silu\"", SE4x2)}, {F, "OUT_IN, IN_OUT", WITH("\"order\":\"out_in\"", SE4x2)},
        {F, "decimal", WITH("\"gate\":\"hard-sigmoid\",\"gate.slope\":\"1/6\"", SE4x2)},
        {F, "decimal", WITH("\"gate\":\"hard-sigmoid\",\"gate.slope\":\"nan\"", SE4x2)},
        {F, "decimal", WITH("\"gate\":\"hard-sigmoid\",\"gate.slope\":\"1e39\"", SE4x2)},
        {F, "decimal", WITH("\"gate\":\"hard-sigmoid\",\"gate.slope\":\"1e999\"", SE4x2)},
        {F, "decimal", WITH("\"gate\":\"hard-sigmoid\",\"gate.offset\":\"0,5\"", SE4x2)},
        {F, "decimal", WITH("\"gate\":\"hard-sigmoid\",\"gate.offset\":\"[1]\"", SE4x2)},
        {F, "decimal", WITH("\"gate\":\"hard-sigmoid\",\"gate.offset\":\"0x1\"", SE4x2)},
        {F, "decimal", WITH("\"gate\":\"hard-sigmoid\",\"gate.offset\":\"\"", SE4x2)},
        {F, "only with gate", WITH("\"gate\":\"sigmoid\",\"gate.slope\":\"0.2\"", SE4x2)},
        {F, "only with gate", WITH("\"gate.offset\":\"0.5\"", SE4x2)}, {N, "no block 'a'", WITH("\"a.activation\":\"relu\"", SE4x2)},
        {N, "no block ''", WITH("\"then\":\"relu\"", FULL("a.fc1", "a.fc2"))},
        {F, "'a.activaton'", WITH("\"a.activaton\":\"relu\"", FULL("a.fc1", "a.fc2"))},
        {F, "'a.gate.slop'", WITH("\"a.gate.slop\":\"1\"", FULL("a.fc1", "a.fc2"))},
        {F, "'a.order'", WITH("\"a.order\":\"\\u001b[2J\"", FULL("a.fc1", "a.fc2"))},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_blocks(bad[i].header, strstr(bad[i].header, "a.fc1") ? 22 : 16, EXCITON_ORDER_DEFAULT, bad[i].status, bad[i].part);
    assert_null(strchr(exciton_last_error(), 0x1b));
    expect_blocks(WITH("\"order\":\"OUT_IN\"", SE4x2), 16, EXCITON_ORDER_IN_OUT, F, "contradicts");
    expect_blocks(WITH("\"order\":\"OUT_IN\"", SE4x2), 16, EXCITON_ORDER_OUT_IN, EXCITON_OK, "");
    /* A hard-sigmoid without its numbers opens; they are NaN. */
    image made = make(WITH("\"gate\":\"hard-sigmoid\"", SE4x2), 16);
    exciton_weights *weights;
    io_files files;
    assert_int_equal(open_blocks(&made, EXCITON_ORDER_DEFAULT, &weights, &files), EXCITON_OK);
    exciton_se se = {0};
    assert_int_equal(exciton_weights_se(weights, 0, &se), EXCITON_OK);
    assert_true(se.gate == EXCITON_GATE_HARD_SIGMOID_CUSTOM && isnan(se.gate_slope) && isnan(se.gate_offset));
    exciton_weights_close(weights);
    free(made.bytes);
}

static void refuses_blocks(void **state)
{
    (void)state;
    static const struct { int status; const char *part; size_t floats; const char *header; } bad[] = {
        {N, "no SE block", 0, "{}"}, {N, "no SE block", 1, "{" T("weight", "F32", "1", 0, 4) "}"},
        {N, "no SE block", 16, "{" T(".fc1.weight", "F32", "2,4", 0, 32) "," T(".fc2.weight", "F32", "4,2", 32, 64) "}"},
        {N, "no SE block", 16, "{" T("xfc1.weight", "F32", "2,4", 0, 32) "," T("xfc2.weight", "F32", "4,2", 32, 64) "}"},
        {N, "'a.fc2.weight': is missing", 8, "{" T("a.fc1.weight", "F32", "2,4", 0, 32) "}"},
        {N, "'conv_reduce.weight': is missing", 8, "{" T("conv_expand.weight", "F32", "2,4", 0, 32) "}"},
        {F, "'a': both fc.0/fc.2 and fc1/fc2", 32,
         "{" T("a.fc1.weight", "F32", "2,4", 0, 32) "," T("a.fc2.weight", "F32", "4,2", 32, 64) ","
         T("a.fc.0.weight", "F32", "2,4", 64, 96) "," T("a.fc.2.weight", "F32", "4,2", 96, 128) "}"},
        {N, "colon", 22, "{" FULL("a:b.fc1", "a:b.fc2") "}"}, {N, "control", 22, "{" FULL("a\\nb.fc1", "a\\nb.fc2") "}"},
        {S, "the layer has 2 outputs", 19,
         "{" SE4x2 "," T("fc.0.bias", "F32", "3", 64, 76) "}"},
        {S, "--order", 20, "{" SE4x2 "," T("fc.0.bias", "F32", "4", 64, 80) "}"},
        {S, "the layer has 4 outputs", 20, "{" SE4x2 "," T("fc.2.bias", "F32", "4,1", 64, 80) "}"},
        {S, "the layer has 2 outputs", 17, "{" SE4x2 "," T("fc.0.bias", "F32", "", 64, 68) "}"},
        {U, "'fc2.weight': dtype: BF16", 12, "{" T("fc1.weight", "F32", "2,4", 0, 32) "," T("fc2.weight", "BF16", "4,2", 32, 48) "}"},
        {U, "'fc.2.bias': dtype: F16", 18, "{" SE4x2 "," T("fc.2.bias", "F16", "4", 64, 72) "}"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_blocks(bad[i].header, bad[i].floats, EXCITON_ORDER_DEFAULT, bad[i].status, bad[i].part);
    /* IN_OUT said: the bias of 4 outputs fits. */
    expect_blocks("{" SE4x2 "," T("fc.0.bias", "F32", "4", 64, 80) "}", 20, EXCITON_ORDER_IN_OUT, EXCITON_OK, "");
}

static void lists_as_many_names_as_fit(void **state)
{
    (void)state;
    enum { BLOCKS = 100 };
    char *header = malloc(BLOCKS * 400 + 2);
    size_t at = 0;
    for (int i = 0; i < BLOCKS; i++)
        for (int layer = 1; layer <= 2; layer++)
            at += (size_t)sprintf(header + at, "%c\"some.long.name.%03d.fc%d.weight\":{\"dtype\":\"F32\",\"shape\":[1,1],"
                                  "\"data_offsets\":[%d,%d]}", at ? ',' : '{', i, layer, 8 * i + 4 * (layer - 1), 8 * i + 4 * layer);
    header[at++] = '}';
    image made = make_bytes(header, at, 2 * BLOCKS, 0);
    free(header);
    exciton_weights *weights;
    io_files files;
    assert_int_equal(open_blocks(&made, EXCITON_ORDER_DEFAULT, &weights, &files), EXCITON_OK);
    assert_int_equal(exciton_weights_count(weights), BLOCKS);
    for (uint32_t i = 0; i < BLOCKS; i++) {
        exciton_weights_info info;
        exciton_se se = {0};
        assert_int_equal(exciton_weights_describe(weights, i, &info), EXCITON_OK);
        assert_int_equal(atoi(info.name + strlen("some.long.name.")), i);
        assert_int_equal(exciton_weights_se(weights, i, &se), EXCITON_OK);
        expect_data(se.fc1.data, 2 * (float)i + 0.5f, 1);
        expect_data(se.fc2.data, 2 * (float)i + 1.5f, 1);
    }
    uint32_t index;
    assert_int_equal(exciton_weights_find(weights, "none", &index), EXCITON_ERROR_NAME);
    io_assert_line("some.safetensors", "'some.long.name.000', ");
    io_assert_line("some.safetensors", " more");
    exciton_weights_close(weights);
    io_assert_clean(&files);
    free(made.bytes);
}

/* A model's other layers don't keep its blocks from being read, and say why when they are asked for. */
static void steps_over_what_is_no_block(void **state)
{
    (void)state;
    image made = make("{" FULL("l.se.fc1", "l.se.fc2") "," T("l.conv1.weight", "F32", "2,2,3,3", 88, 232) ","
                      T("l.conv2.weight", "F32", "2,2,3,3", 232, 376) "," T("l.fc1.weight", "F32", "2,4", 376, 408) ","
                      T("l.fc2.weight", "F32", "4,2", 408, 440) "," T("h.fc1.weight", "F32", "2,4", 440, 472) ","
                      T("h.fc2.weight", "F32", "1,2", 472, 480) "," T("stem.conv1.weight", "F32", "1", 480, 484) "}", 121);
    exciton_weights *weights;
    io_files files;
    assert_int_equal(open_blocks(&made, EXCITON_ORDER_DEFAULT, &weights, &files), EXCITON_OK);
    assert_int_equal(exciton_weights_count(weights), 2);
    uint32_t index;
    exciton_weights_info info;
    assert_int_equal(exciton_weights_find(weights, "l.se", &index), EXCITON_OK);
    assert_int_equal(index, 1);
    assert_int_equal(exciton_weights_find(weights, "l", &index), EXCITON_OK);
    assert_int_equal(index, 0);
    assert_int_equal(exciton_weights_find(weights, "h", &index), EXCITON_ERROR_SHAPE);
    io_assert_line("some.safetensors", "4 to 2 and 2 to 1");
    assert_int_equal(exciton_weights_find(weights, "stem", &index), EXCITON_ERROR_NAME);
    io_assert_line("some.safetensors", "stem.conv2.weight");
    assert_int_equal(exciton_weights_find(weights, "", &index), EXCITON_ERROR_NAME);
    io_assert_line("some.safetensors", "'l', 'l.se'");
    assert_int_equal(exciton_weights_describe(weights, 2, &info), EXCITON_ERROR_ARGUMENT);
    exciton_se se = {.channels = 9};
    assert_int_equal(exciton_weights_se(weights, 2, &se), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(se.channels, 9);
    exciton_weights_close(weights);
    io_assert_clean(&files);
    free(made.bytes);
}

static void refuses_bad_arguments(void **state)
{
    (void)state;
    exciton_weights *weights;
    exciton_weights_info info;
    uint32_t index;
    exciton_se se = {0};
    assert_int_equal(exciton_weights_open(NULL, NULL, &weights), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_weights_open("x", NULL, NULL), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_weights_open("x", &(exciton_weights_params){.order = (exciton_weight_order)3}, &weights), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_weights_open("x", &(exciton_weights_params){.size = 1}, &weights), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_weights_open(io_path("none"), NULL, &weights), EXCITON_ERROR_FILE);
    io_assert_line("none", "open");
    assert_int_equal(exciton_weights_open(io_folder, NULL, &weights), EXCITON_ERROR_FILE);
    assert_int_equal(exciton_weights_count(NULL), 0);
    assert_int_equal(exciton_weights_describe(NULL, 0, &info), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_weights_find(NULL, "", &index), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_weights_se(NULL, 0, &se), EXCITON_ERROR_ARGUMENT);
    exciton_weights_close(NULL);

    image made = make("{" SE4x2 "}", 16);
    io_save("w.safetensors", made.bytes, made.size);
    assert_int_equal(symlink("w.safetensors", io_path("link")), 0);
    assert_int_equal(exciton_weights_open(io_path("link"), &(exciton_weights_params){0}, &weights), EXCITON_OK);
    assert_int_equal(exciton_weights_describe(weights, 0, NULL), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_weights_find(weights, NULL, &index), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_weights_find(weights, "", NULL), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_weights_se(weights, 0, NULL), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_weights_se(weights, 0, &(exciton_se){.size = 8}), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_weights_se(weights, 0, &se), EXCITON_OK);
    expect_data(se.fc1.data, 0.5f, 8);
    exciton_weights_close(weights);
    free(made.bytes);
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

/* ---- Names that say something, files without a block ----------------------------------------------------------- */

static void reference_names_say_a_family(void **state)
{
    (void)state;
    enum { RELU = EXCITON_ACTIVATION_RELU, SILU = EXCITON_ACTIVATION_SILU, SIGMOID = EXCITON_GATE_SIGMOID, HARD = EXCITON_GATE_HARD_SIGMOID_CUSTOM };
#define PLAIN(a, b) T(a ".weight", "F32", "2,4", 0, 32) "," T(b ".weight", "F32", "4,2", 32, 64)
    static const struct { int activation, gate; const char *header; } cases[] = {
        {RELU, SIGMOID, "{" PLAIN("fc.0", "fc.2") "}"}, {SILU, SIGMOID, WITH("\"activation\":\"silu\"", PLAIN("fc.0", "fc.2"))},
        {RELU, HARD, WITH("\"gate\":\"hard-sigmoid\"", PLAIN("fc.0", "fc.2"))}, {0, 0, "{" PLAIN("fc1", "fc2") "}"},
        {0, 0, "{" PLAIN("conv_reduce", "conv_expand") "}"}, {0, 0, "{" PLAIN("conv1", "conv2") "}"},
        {0, 0, "{" PLAIN("fc.0", "fc.2") "," T("fc.0.bias", "F32", "2", 64, 72) "}"},
        {0, 0, "{" PLAIN("fc.0", "fc.2") "," T("fc.2.bias", "F32", "4", 64, 80) "}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        image made = make(cases[i].header, strstr(cases[i].header, "fc.0.bias") ? 18 : strstr(cases[i].header, "fc.2.bias") ? 20 : 16);
        exciton_weights *weights;
        io_files files;
        exciton_weights_info info;
        exciton_se se = {0};
        assert_int_equal(open_blocks(&made, EXCITON_ORDER_DEFAULT, &weights, &files), EXCITON_OK);
        assert_int_equal(exciton_weights_describe(weights, 0, &info), EXCITON_OK);
        assert_true((int)info.activation == cases[i].activation && (int)info.gate == cases[i].gate && !info.output && !info.then);
        assert_non_null(strstr(cases[i].header, info.weight[0]));
        assert_non_null(strstr(cases[i].header, info.weight[1]));
        assert_int_equal(exciton_weights_se(weights, 0, &se), EXCITON_OK);
        assert_true((int)se.activation == cases[i].activation && (int)se.gate == cases[i].gate);
        exciton_weights_close(weights);
        io_assert_clean(&files);
        free(made.bytes);
    }
}

static exciton_weights *open_any(const image *from, io_files *files)
{
    exciton_weights *weights;
    io_files_init_image(files, from->bytes, from->size);
    const exciton_weights_params params = {.size = sizeof params, .may_be_none = true};
    assert_int_equal(exciton_weights_open_with(&files->calls, "some.safetensors", &params, &weights), EXCITON_OK);
    return weights;
}

static void opens_without_a_block(void **state)
{
    (void)state;
    static const struct { const char *header, *at, *why; size_t floats; } cases[] = {
        {"{}", NULL, NULL, 0}, {"{" T("a", "F32", "4", 0, 16) "}", NULL, NULL, 4},
        {"{" T("a.fc2.weight", "F32", "2,2", 0, 16) "}", "a.fc2.weight", "is missing", 4},
        {"{" T("a.fc1.weight", "F32", "2,2", 0, 16) "," T("a.fc2.weight", "F32", "3,2", 16, 40) "}", "a.fc1.weight", "don't make", 10},
        {"{" T("b.fc1.weight", "F16", "2,2", 0, 8) "," T("b.fc2.weight", "F16", "2,2", 8, 16) "}", "b.fc1.weight", "F16", 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        image made = make(cases[i].header, cases[i].floats);
        io_files files;
        exciton_weights *weights = open_any(&made, &files);
        exciton_model_near near;
        uint32_t index;
        assert_int_equal(exciton_weights_count(weights), 0);
        assert_int_equal(exciton_weights_find(weights, "z", &index), EXCITON_ERROR_NAME);
        io_assert_line("some.safetensors", "the file has none");
        assert_int_equal(exciton_weights_near_count(weights), cases[i].at ? 1 : 0);
        if (cases[i].at) {
            assert_int_equal(exciton_weights_near_describe(weights, 0, &near), EXCITON_OK);
            assert_string_equal(near.at, cases[i].at);
            assert_non_null(strstr(near.why, cases[i].why));
        }
        assert_int_equal(exciton_weights_near_describe(weights, 1, &near), EXCITON_ERROR_ARGUMENT);
        assert_true(!near.at && !near.why);
        assert_int_equal(exciton_weights_near_describe(weights, 0, NULL), EXCITON_ERROR_ARGUMENT);
        exciton_weights_close(weights);
        io_assert_clean(&files);
        free(made.bytes);
    }
    exciton_model_near near;
    assert_int_equal(exciton_weights_near_count(NULL), 0);
    assert_int_equal(exciton_weights_near_describe(NULL, 0, &near), EXCITON_ERROR_ARGUMENT);
}

/* ---- Writing --------------------------------------------------------------------------------------------------- */

/* fc1 [2,4], its bias, fc2 [4,2], its bias: 1, 2, 3, …; then both matrices the other way. */
static const float values[22] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22};
static const float turned[16] = {1, 5, 2, 6, 3, 7, 4, 8, 11, 13, 15, 17, 12, 14, 16, 18};

static exciton_se make_se(bool bias)
{
    return (exciton_se){.size = sizeof(exciton_se), .channels = 4, .hidden = 2, .fc1 = {.data = values, .bias = bias ? values + 8 : NULL},
                        .fc2 = {.data = values + 10, .bias = bias ? values + 18 : NULL}};
}

static exciton_status write_all(const exciton_calls *calls, uint32_t count, const char *const *names, const exciton_se *blocks)
{
    const exciton_se *list[8];
    for (uint32_t i = 0; i < count; i++)
        list[i] = &blocks[i];
    return exciton_weights_write_with(calls, io_path("w.safetensors"), count, names, list);
}

static void expect_same_floats(const void *a, const void *b, size_t count)
{
    assert_true(!a == !b);
    if (a)
        assert_memory_equal(a, b, count * sizeof(float));
}

/* What was written is what is read: weights, and every parameter that was said. */
static void expect_written(exciton_weights *weights, const char *name, const exciton_se *se)
{
    uint32_t index;
    exciton_weights_info info;
    exciton_se read = {0};
    if (exciton_weights_find(weights, name, &index))
        fail_msg("'%s': %s", name, exciton_last_error());
    assert_int_equal(exciton_weights_describe(weights, index, &info), EXCITON_OK);
    assert_int_equal(exciton_weights_se(weights, index, &read), EXCITON_OK);
    assert_true(read.channels == se->channels && read.hidden == (se->hidden ? se->hidden : 1) && info.order_is_said);
    assert_true(read.activation == se->activation && read.output == se->output && read.then == se->then);
    bool hard = se->gate >= EXCITON_GATE_HARD_SIGMOID_6, custom = se->gate == EXCITON_GATE_HARD_SIGMOID_CUSTOM;
    float slope = custom ? se->gate_slope : se->gate == EXCITON_GATE_HARD_SIGMOID_6 ? 1.0f / 6.0f
                : se->gate == EXCITON_GATE_HARD_SIGMOID_5 ? 0.2f : 0.1666667f;
    float offset = custom ? se->gate_offset : 0.5f;
    assert_int_equal(read.gate, hard ? EXCITON_GATE_HARD_SIGMOID_CUSTOM : se->gate);
    if (hard) {
        assert_true(isnan(slope) ? isnan(read.gate_slope) : read.gate_slope == slope);
        assert_true(isnan(offset) ? isnan(read.gate_offset) : read.gate_offset == offset);
    }
    if (se->channels == 4) {
        expect_same_floats(read.fc1.data, values, 8);
        expect_same_floats(read.fc1.bias, se->fc1.bias, 2);
        expect_same_floats(read.fc2.data, values + 10, 8);
        expect_same_floats(read.fc2.bias, se->fc2.bias, 4);
    }
}

static void writes_blocks(void **state)
{
    (void)state;
    static const char *const names[7] = {"", "a", "a.gate", "layer1.0.se", "s\u00e9 \"\\ x", "fc1", "fc1.fc1.weight"};
    exciton_se blocks[7];
    for (int i = 0; i < 7; i++)
        blocks[i] = make_se(i % 2);
    blocks[1].gate = EXCITON_GATE_HARD_SIGMOID_CUSTOM;
    blocks[1].gate_slope = 0.1f;
    blocks[1].gate_offset = NAN;
    blocks[1].output = EXCITON_OUTPUT_RESIDUAL;
    blocks[2].activation = EXCITON_ACTIVATION_SILU;
    blocks[2].gate = EXCITON_GATE_HARD_SIGMOID_6;
    blocks[2].then = EXCITON_THEN_RELU;
    blocks[3].gate = EXCITON_GATE_HARD_SIGMOID_5;
    blocks[3].activation = EXCITON_ACTIVATION_HARD_SWISH;
    blocks[4].gate = EXCITON_GATE_HARD_SIGMOID_PADDLE;
    blocks[4].output = EXCITON_OUTPUT_SCALE;
    blocks[4].fc1.order = blocks[4].fc2.order = EXCITON_ORDER_IN_OUT;
    blocks[4].fc1.data = turned;
    blocks[4].fc2.data = turned + 8;
    blocks[5].fc1.order = EXCITON_ORDER_OUT_IN;
    blocks[5].fc2 = (exciton_layer){.data = turned + 8, .bias = blocks[5].fc2.bias, .type = EXCITON_TYPE_F32, .order = EXCITON_ORDER_IN_OUT};
    blocks[5].gate = EXCITON_GATE_SIGMOID;
    blocks[5].activation = EXCITON_ACTIVATION_IDENTITY;
    blocks[6].channels = 1;
    blocks[6].hidden = 0; /* 1 */
    blocks[6].then = EXCITON_THEN_NOTHING;
    assert_int_equal(write_all(&exciton_system_calls, 7, names, blocks), EXCITON_OK);
    exciton_weights *weights;
    if (exciton_weights_open(io_path("w.safetensors"), NULL, &weights))
        fail_msg("%s", exciton_last_error());
    assert_int_equal(exciton_weights_count(weights), 7);
    for (int i = 0; i < 7; i++)
        expect_written(weights, names[i], &blocks[i]);
    exciton_weights_close(weights);
    assert_int_equal(io_folder_count(false), 1);
}

/* The bytes are a function of the blocks, and data begin at a multiple of 8. */
static void writes_a_plain_header(void **state)
{
    (void)state;
    exciton_se se = make_se(true);
    se.gate = EXCITON_GATE_HARD_SIGMOID_CUSTOM;
    se.gate_slope = 0.1666667f;
    se.gate_offset = 1e-20f;
    assert_int_equal(write_all(&exciton_system_calls, 1, (const char *const[]){"a"}, &se), EXCITON_OK);
    static const char header[] = "{\"__metadata__\":{\"a.order\":\"OUT_IN\",\"a.gate\":\"hard-sigmoid\",\"a.gate.slope\":\"0.1666667\","
                                 "\"a.gate.offset\":\"1e-20\"},"
                                 "\"a.fc1.weight\":{\"dtype\":\"F32\",\"shape\":[2,4],\"data_offsets\":[0,32]},"
                                 "\"a.fc1.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[32,40]},"
                                 "\"a.fc2.weight\":{\"dtype\":\"F32\",\"shape\":[4,2],\"data_offsets\":[40,72]},"
                                 "\"a.fc2.bias\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[72,88]}}";
    size_t length = (sizeof header - 1 + 7) / 8 * 8;
    unsigned char read[1024];
    FILE *file = fopen(io_path("w.safetensors"), "rb");
    size_t size = fread(read, 1, sizeof read, file);
    fclose(file);
    assert_int_equal(size, 8 + length + sizeof values);
    assert_true(read[0] == length % 256 && read[1] == length / 256 && !read[2]);
    assert_memory_equal(read + 8, header, sizeof header - 1);
    for (size_t i = sizeof header - 1; i < length; i++)
        assert_int_equal(read[8 + i], ' ');
    assert_memory_equal(read + 8 + length, values, sizeof values);
}

static void refuses_to_write(void **state)
{
    (void)state;
    enum { A = EXCITON_ERROR_ARGUMENT, MANY = 40001 };
    const exciton_se good = make_se(true);
    exciton_se bad[] = {good, good, good, good, good, good, good, good, good, good, good, good, good};
    bad[0].channels = 0;
    bad[1].fc1.data = NULL;
    bad[2].fc2.data = NULL;
    bad[3].fc1.type = (exciton_type)9;
    bad[4].fc2.order = (exciton_weight_order)9;
    bad[5].activation = (exciton_activation)9;
    bad[6].gate = (exciton_gate)9;
    bad[7].output = (exciton_output)9;
    bad[8].then = (exciton_then)9;
    bad[9].size = 8;
    bad[10].gate = bad[11].gate = EXCITON_GATE_HARD_SIGMOID_CUSTOM;
    bad[10].gate_slope = INFINITY;
    bad[11].gate_offset = -INFINITY;
    bad[12].channels = bad[12].hidden = (uint64_t)1 << 32;
    static const struct { int status; const char *part; } said[] = {
        {S, "channels"}, {A, "fc1"}, {A, "fc2"}, {A, "type"}, {A, "order"}, {A, "activation"}, {A, "gate"}, {A, "output"}, {A, "then"},
        {A, "size"}, {A, "infinite"}, {A, "infinite"}, {O, "overflow"},
    };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        if (write_all(&exciton_system_calls, 1, (const char *const[]){"a"}, &bad[i]) != (exciton_status)said[i].status)
            fail_msg("%zu: %s", i, exciton_last_error());
        io_assert_line("weights write", said[i].part);
    }
    static const char *const names[] = {"a:b", "a\nb", "\x7f", "\xff", "a\xc3", "\xed\xa0\x80", "\x1b[2J"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(write_all(&exciton_system_calls, 1, &names[i], &good), EXCITON_ERROR_NAME);
    assert_int_equal(write_all(&exciton_system_calls, 3, (const char *const[]){"b", "a", "b"}, (exciton_se[]){good, good, good}), N);
    io_assert_line("'b'", "two");
    const exciton_se *list[1] = {&good};
    const char *name = "a";
    assert_int_equal(exciton_weights_write(NULL, 1, &name, list), A);
    assert_int_equal(exciton_weights_write(io_path("w"), 1, NULL, list), A);
    assert_int_equal(exciton_weights_write(io_path("w"), 1, &name, NULL), A);
    assert_int_equal(exciton_weights_write(io_path("w"), 0, &name, list), A);
    assert_int_equal(exciton_weights_write(io_path("w"), MANY, &name, list), U);
    assert_int_equal(exciton_weights_write(io_path("w"), 1, (const char *const[]){NULL}, list), A);
    assert_int_equal(exciton_weights_write(io_path("w"), 1, &name, (const exciton_se *const[]){NULL}), A);
    assert_int_equal(exciton_weights_write(io_path("no/such/w"), 1, &name, list), EXCITON_ERROR_FILE);
    assert_int_equal(exciton_weights_write("/dev/null", 1, &name, list), EXCITON_ERROR_FILE);
    assert_int_equal(exciton_weights_write(io_folder, 1, &name, list), EXCITON_ERROR_FILE);
    assert_int_equal(io_folder_count(false), 0);
}

/* The N-th call fails: the old file is as it was, and alone. */
static void keeps_the_old_file(void **state)
{
    (void)state;
    const exciton_se good = make_se(true);
    exciton_se blocks[2] = {good, good};
    static const char *const names[2] = {"a", "b"};
    blocks[1].fc2.order = EXCITON_ORDER_IN_OUT;
    blocks[1].fc2.data = turned + 8;
    io_files files;
    for (uint64_t n = 1;; n++) {
        io_save("w.safetensors", "old", 3);
        io_files_init(&files);
        files.fail_at = n;
        exciton_status status = write_all(&files.calls, 2, names, blocks);
        io_assert_clean(&files);
        assert_int_equal(io_folder_count(false), 1);
        if (status == EXCITON_OK) {
            assert_in_range(n, 15, 100);
            break;
        }
        assert_true(status == EXCITON_ERROR_FILE || status == EXCITON_ERROR_MEMORY);
        char old[4] = "";
        FILE *file = fopen(io_path("w.safetensors"), "rb");
        assert_int_equal(fread(old, 1, 4, file), 3);
        fclose(file);
        assert_string_equal(old, "old");
    }
    io_files_init(&files);
    files.fault = IO_FAULT_DRIBBLES;
    assert_int_equal(write_all(&files.calls, 2, names, blocks), EXCITON_OK);
    io_assert_clean(&files);
    exciton_weights *weights;
    assert_int_equal(exciton_weights_open(io_path("w.safetensors"), NULL, &weights), EXCITON_OK);
    expect_written(weights, "a", &blocks[0]);
    expect_written(weights, "b", &blocks[1]);
    exciton_weights_close(weights);
}

/* More blocks than one buffer's growth, and what they say, in the order of their names. */
static void writes_many_blocks(void **state)
{
    (void)state;
    enum { BLOCKS = 3000 };
    static char texts[BLOCKS][16];
    static const char *names[BLOCKS];
    static const exciton_se *list[BLOCKS];
    const exciton_se good = make_se(true);
    for (int i = 0; i < BLOCKS; i++) {
        snprintf(texts[i], sizeof texts[i], "b%04d", i);
        names[i] = texts[i];
        list[i] = &good;
    }
    assert_int_equal(exciton_weights_write(io_path("w.safetensors"), BLOCKS, names, list), EXCITON_OK);
    exciton_weights *weights;
    assert_int_equal(exciton_weights_open(io_path("w.safetensors"), NULL, &weights), EXCITON_OK);
    assert_int_equal(exciton_weights_count(weights), BLOCKS);
    for (int i = 0; i < BLOCKS; i += 501)
        expect_written(weights, names[i], &good);
    exciton_weights_close(weights);
}

/* Every finite f32 survives its text, which is as short as can be. */
static void decimals_read_back(void **state)
{
    (void)state;
    char text[EXCITON_DECIMAL_BYTES];
    static const struct { float value; const char *text; } shortest[] = {
        {0.2f, "0.2"}, {0.1666667f, "0.1666667"}, {1.0f / 6.0f, "0.16666667"}, {0.5f, "0.5"}, {0, "0"}, {-0.0f, "-0"}, {3, "3"}, {-1e-5f, "-1e-05"},
        {1e30f, "1e+30"}, {16777216, "16777216"}, {3.40282347e38f, "3.4028235e+38"}, {1.17549435e-38f, "1.1754944e-38"}, {1e-45f, "1e-45"},
    };
    for (size_t i = 0; i < sizeof shortest / sizeof *shortest; i++) {
        exciton_decimal_write(shortest[i].value, text);
        assert_string_equal(text, shortest[i].text);
    }
    uint32_t random = (uint32_t)time(NULL) * 2654435761u | 1;
    print_message("seed %u\n", (unsigned)random);
    for (int i = 0; i < 200000; i++) {
        random = random * 1664525u + 1013904223u;
        uint32_t bits = random ^ random >> 15;
        float value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        exciton_decimal_write(value, text);
        assert_true((float)strtod(text, NULL) == value);
        assert_true(strspn(text, "0123456789+-.e") == strlen(text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_tensors),
        cmocka_unit_test(refuses_headers),
        cmocka_unit_test(refuses_lengths),
        cmocka_unit_test(bounds_memory),
        cmocka_unit_test(reads_every_pair_of_names),
        cmocka_unit_test(reads_every_shape),
        cmocka_unit_test(reads_parameters),
        cmocka_unit_test(refuses_parameters),
        cmocka_unit_test(refuses_blocks),
        cmocka_unit_test(lists_as_many_names_as_fit),
        cmocka_unit_test(steps_over_what_is_no_block),
        cmocka_unit_test_setup_teardown(refuses_bad_arguments, io_folder_make, io_folder_remove),
        cmocka_unit_test(reference_names_say_a_family),
        cmocka_unit_test(opens_without_a_block),
        cmocka_unit_test_setup_teardown(writes_blocks, io_folder_make, io_folder_remove),
        cmocka_unit_test_setup_teardown(writes_a_plain_header, io_folder_make, io_folder_remove),
        cmocka_unit_test_setup_teardown(refuses_to_write, io_folder_make, io_folder_remove),
        cmocka_unit_test_setup_teardown(keeps_the_old_file, io_folder_make, io_folder_remove),
        cmocka_unit_test_setup_teardown(writes_many_blocks, io_folder_make, io_folder_remove),
        cmocka_unit_test(decimals_read_back),
        cmocka_unit_test(survives_truncation),
        cmocka_unit_test(survives_changed_bytes),
        cmocka_unit_test(survives_random_changes),
        cmocka_unit_test(survives_failing_calls),
        cmocka_unit_test(survives_a_parser_out_of_memory),
    };
    return cmocka_run_group_tests_name("safetensors", tests, NULL, NULL);
}
