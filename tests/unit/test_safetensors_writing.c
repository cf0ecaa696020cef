/* Writing SE blocks as safetensors: what is written is what is read, and a failing call leaves the old file. */
#include "io_files.h"

#include <math.h>

#include "formats/decimal.h"
#include "formats/weights.h"

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
    enum { A = EXCITON_ERROR_ARGUMENT, U = EXCITON_ERROR_UNSUPPORTED, O = EXCITON_ERROR_OVERFLOW, S = EXCITON_ERROR_SHAPE, N = EXCITON_ERROR_NAME };
    enum { MANY = 40001 };
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
        cmocka_unit_test_setup_teardown(writes_blocks, io_folder_make, io_folder_remove),
        cmocka_unit_test_setup_teardown(writes_a_plain_header, io_folder_make, io_folder_remove),
        cmocka_unit_test_setup_teardown(refuses_to_write, io_folder_make, io_folder_remove),
        cmocka_unit_test_setup_teardown(keeps_the_old_file, io_folder_make, io_folder_remove),
        cmocka_unit_test_setup_teardown(writes_many_blocks, io_folder_make, io_folder_remove),
        cmocka_unit_test(decimals_read_back),
    };
    return cmocka_run_group_tests_name("safetensors_writing", tests, NULL, NULL);
}
