/* What a model makes of the matches in its graph: folded weights, what exciton_se can't say, names; failing calls, wrong
 * arguments. */
#include "io_files.h"

#include <math.h>

#include "formats/model.h"
#include "match_graph.h"
#include "match_texts.h"

/* ---- Weights */

static exciton_status open_text(io_files *files, mg_graph *graph, const char *text, exciton_model **model)
{
    io_files_init(files);
    mg_parse(graph, text);
    return exciton_model_from_graph(&files->calls, &graph->graph, "some.onnx", model);
}

static double element(const mg_graph *graph, const char *name, uint64_t index)
{
    for (uint32_t i = 0; i < graph->graph.value_count; i++)
        if (!strcmp(graph->values[i].name, name))
            return mg_element(&graph->constants[graph->values[i].constant], index);
    fail_msg("no constant %s", name);
    return 0;
}

static void folds_in_double(void **state)
{
    (void)state;
    static mg_graph graph;
    io_files files;
    exciton_model *model;
    exciton_se se = {.group_size = 64};
    assert_int_equal(open_text(&files, &graph, X GAP
        "f = Flatten p\nm = Gemm f #w:16,4 #b:4 alpha=0.5 beta=3\na = BatchNormalization m #s:4=2,3,4,5 #t:4 #u:4 #v:4=1,2,3,4 epsilon=0.5\n" ACT
        "c = Gemm h #W:16,4 transB=1\n" "s = HardSigmoid c\ng = Reshape s #i0,-1,1,1\n" MUL "z = Add y x\nout z\n", &model), EXCITON_OK);
    assert_int_equal(exciton_model_se(model, 0, &se), EXCITON_OK);
    assert_int_equal(se.channels, 16);
    assert_int_equal(se.hidden, 4);
    assert_int_equal(se.group_size, 64);
    assert_int_equal(se.output, EXCITON_OUTPUT_RESIDUAL);
    assert_int_equal(se.gate, EXCITON_GATE_HARD_SIGMOID_CUSTOM);
    assert_true(se.gate_slope == 0.2f && se.gate_offset == 0.5f);
    assert_null(se.fc2.bias);
    for (uint64_t o = 0; o < 4; o++) {
        double factor = element(&graph, "s", o) / sqrt(element(&graph, "v", o) + 0.5);
        for (uint64_t i = 0; i < 16; i++) {
            double w = element(&graph, "w", i * 4 + o);
            assert_true(fabs(((const float *)se.fc1.data)[o * 16 + i] - 0.5 * w * factor) < 1e-7);
            assert_true(((const float *)se.fc2.data)[i * 4 + o] == (float)element(&graph, "W", i * 4 + o));
        }
        double bias = (3 * element(&graph, "b", o) - element(&graph, "u", o)) * factor + element(&graph, "t", o);
        assert_true(fabs(((const float *)se.fc1.bias)[o] - bias) < 1e-6);
    }
    const void *again = se.fc1.data;
    assert_int_equal(exciton_model_se(model, 0, &se), EXCITON_OK);
    assert_ptr_equal(se.fc1.data, again);
    exciton_model_close(model);
    io_assert_clean(&files);
}

static void refuses_by_field(void **state)
{
    (void)state;
    static const struct { const char *graph, *field; } cases[] = {
        {X GAP "c = Conv p #16,16,1,1 #16\n" GATE MUL END, "kind: ese"},
        {X TO_ACT "h = Clip a #=0 #=6\n" FC2 GATE MUL END, "activation: relu6"},
        {X TO_ACT "h = Clip a #=-1 #=6\n" FC2 GATE MUL END, "activation: clip"},
        {X TO_ACT "h = LeakyRelu a\n" FC2 GATE MUL END, "activation: leaky-relu"},
        {X TO_ACT "s1 = HardSigmoid a\nh = Mul a s1\n" FC2 GATE MUL END, "activation: hard-swish with another slope"},
        {X TO_GATE GATE MUL "in o\nz = Add o y\nout z\n", "then.add: o"},
        {"in x:2,5,5,16\np = ReduceMean x axes=1,2\na = MatMul p #16,4\nh = Relu a\nc = MatMul h #4,16\n" GATE MUL END, "layout: channels last"},
        {X GAP "w = DequantizeLinear #4,16,1,1 #=0.1 #=0\na = Conv p w\n" ACT FC2 GATE MUL END, "weights: quantized"},
    };
    static mg_graph graph;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        io_files files;
        exciton_model *model;
        exciton_se se = {.channels = 7}, before = se;
        assert_int_equal(open_text(&files, &graph, cases[i].graph, &model), EXCITON_OK);
        assert_int_equal(exciton_model_block_count(model), 1);
        assert_int_equal(exciton_model_se(model, 0, &se), EXCITON_ERROR_UNSUPPORTED);
        io_assert_line("some.onnx", cases[i].field);
        assert_memory_equal(&se, &before, sizeof se);
        exciton_model_close(model);
        io_assert_clean(&files);
    }
}

/* ---- Names */

static void names_blocks(void **state)
{
    (void)state;
    static const struct { const char *graph, *names[3]; } cases[] = {
        {X BLOCK("1", "layer1.0.se.fc1.weight", "layer1.0.se.fc2.weight") BLOCK("2", "b.se.conv_reduce.weight", "b.se.conv_expand.weight"),
         {"layer1.0.se", "b.se"}},
        {X BLOCK("1", "conv2_se_1_weights", "conv2_se_2_weights") BLOCK("2", "conv3_se_1_weights", "conv3_se_2_weights"),
         {"conv2_se", "conv3_se"}},
        {X BLOCK("1", "conv2d_1.w_0", "conv2d_2.w_0") BLOCK("2", "conv2d_3.w_0", "conv2d_4.w_0"), {"y1", "y2"}},
        {X BLOCK("1", "onnx--Conv_1", "onnx--Conv_2"), {"onnx--Conv"}},
        {X BLOCK("1", "k.a", "k.b") "w = Mul x g1\nout w\n", {"y1", "w"}},
        {X BLOCK("1", "1", "2") BLOCK("2", "3", "4"), {"y1", "y2"}},
    };
    static mg_graph graph;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        io_files files;
        exciton_model *model;
        assert_int_equal(open_text(&files, &graph, cases[i].graph, &model), EXCITON_OK);
        for (uint32_t b = 0; b < exciton_model_block_count(model); b++) {
            exciton_model_block block;
            uint32_t index;
            assert_int_equal(exciton_model_block_describe(model, b, &block), EXCITON_OK);
            assert_string_equal(block.name, cases[i].names[b]);
            assert_int_equal(exciton_model_block_find(model, block.name, &index), EXCITON_OK);
            assert_int_equal(index, b);
        }
        uint32_t index;
        assert_int_equal(exciton_model_block_find(model, "nowhere", &index), EXCITON_ERROR_NAME);
        io_assert_line("some.onnx", cases[i].names[0]);
        exciton_model_close(model);
        io_assert_clean(&files);
    }
}

/* Every name the same: numbers make them unique. */
static void numbers_equal_names(void **state)
{
    (void)state;
    static mg_graph graph;
    io_files files;
    exciton_model *model;
    mg_parse(&graph, X BLOCK("1", "k1", "k2") BLOCK("2", "k3", "k4") BLOCK("3", "k5", "k6"));
    for (uint32_t i = 0; i < graph.graph.value_count; i++)
        strcpy(graph.values[i].name, i % 2 ? "a:b" : "a:b.2");
    for (uint32_t i = 0; i < graph.graph.node_count; i++)
        strcpy(graph.nodes[i].name, "\n:");
    io_files_init(&files);
    assert_int_equal(exciton_model_from_graph(&files.calls, &graph.graph, "some.onnx", &model), EXCITON_OK);
    assert_int_equal(exciton_model_block_count(model), 3);
    for (uint32_t a = 0; a < 3; a++) {
        exciton_model_block one, two;
        assert_int_equal(exciton_model_block_describe(model, a, &one), EXCITON_OK);
        assert_null(strpbrk(one.name, ":\n"));
        for (uint32_t b = 0; b < a; b++) {
            assert_int_equal(exciton_model_block_describe(model, b, &two), EXCITON_OK);
            assert_string_not_equal(one.name, two.name);
        }
    }
    exciton_model_close(model);
    io_assert_clean(&files);
}

/* ---- Failures */

static void survives_every_failure(void **state)
{
    (void)state;
    static mg_graph graph;
    mg_parse(&graph, two_blocks);
    for (uint64_t fail_at = 1;; fail_at++) {
        io_files files;
        exciton_model *model;
        exciton_se se = {0};
        io_files_init(&files);
        files.fail_at = fail_at;
        exciton_status failed = exciton_model_from_graph(&files.calls, &graph.graph, "some.onnx", &model);
        if (!failed)
            failed = exciton_model_se(model, 0, &se);
        exciton_model_close(model);
        io_assert_clean(&files);
        if (!failed) {
            assert_true(files.count < fail_at);
            break;
        }
        assert_int_equal(failed, EXCITON_ERROR_MEMORY);
    }
    io_files files;
    exciton_model *model;
    assert_int_equal(open_text(&files, &graph, X TO_GATE "m = Add c #s\nn = Clip m #=0 #=6\ng = Div n #=6\n" MUL END, &model), EXCITON_ERROR_FILE);
    io_assert_clean(&files);
}

static void checks_arguments(void **state)
{
    (void)state;
    static mg_graph graph;
    io_files files;
    exciton_model *model;
    exciton_model_block block;
    exciton_model_near near;
    exciton_se se = {.size = 8};
    uint32_t index;
    assert_int_equal(open_text(&files, &graph, two_blocks, &model), EXCITON_OK);
    assert_int_equal(exciton_model_block_describe(model, 1, &block), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_model_block_describe(NULL, 0, &block), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_model_near_count(model), 1);
    assert_int_equal(exciton_model_near_describe(model, 0, &near), EXCITON_OK);
    assert_string_equal(near.at, "p2");
    assert_int_equal(exciton_model_near_describe(model, 1, &near), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_model_block_find(model, NULL, &index), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_model_se(model, 0, &se), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_model_se(model, 5, &se), EXCITON_ERROR_ARGUMENT);
    exciton_model_close(model);
    assert_int_equal(exciton_model_open(NULL, &model), EXCITON_ERROR_ARGUMENT);
    assert_null(model);
    assert_int_equal(exciton_model_block_count(NULL), 0);
    exciton_model_close(NULL);
    assert_string_equal(exciton_model_kind_name((exciton_model_kind)9), "unknown");
    assert_int_equal(open_text(&files, &graph, two_blocks, &model), EXCITON_OK);
    exciton_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folds_in_double), cmocka_unit_test(refuses_by_field), cmocka_unit_test(names_blocks),
        cmocka_unit_test(numbers_equal_names), cmocka_unit_test(survives_every_failure), cmocka_unit_test(checks_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
