/* The SE blocks in a safetensors file: the names, shapes and parameters that make one, and what is said of those that make none. */
#include "safetensors_images.h"

#include <math.h>

#include "formats/weights.h"

#define SE4x2 T("fc.0.weight", "F32", "2,4", 0, 32) "," T("fc.2.weight", "F32", "4,2", 32, 64)

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests_name("safetensors_blocks", tests, NULL, NULL);
}
