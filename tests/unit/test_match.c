/* The matcher on graphs made by hand: spellings, near misses, damaged and endless graphs. Files of every spelling, against
 * ONNX Runtime, are in tests/data/onnx; what is made of a match is in test_match_model.c. */
#include "io_files.h"

#include "formats/match.h"
#include "formats/model.h"
#include "match_graph.h"
#include "match_texts.h"

/* ---- One line a graph: what is found, as text */

static void describe(const exciton_matches *found, char *text, size_t size)
{
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < found->count && length < size; i++) {
        const exciton_model_block *b = &found->items[i].block;
        length += (size_t)snprintf(text + length, size - length, "%s%s %llu %llu", i ? "; " : "", exciton_model_kind_name(b->kind),
                                   (unsigned long long)b->channels, (unsigned long long)b->hidden);
        length += (size_t)snprintf(text + length, size - length, " b%d%d %s %s", b->bias[0], b->bias[1],
                                   exciton_model_activation_name(b->activation), exciton_model_gate_name(b->gate));
        if (b->gate == EXCITON_MODEL_HARD_SIGMOID)
            length += (size_t)snprintf(text + length, size - length, " %.4g %.4g", (double)b->gate_slope, (double)b->gate_offset);
        length += (size_t)snprintf(text + length, size - length, "%s%s%s%s%s%s%s%s", b->residual ? " residual" : "", b->then_add ? " +" : "",
                                   b->then_add ? b->then_add : "", b->then_activation ? " then-" : "",
                                   b->then_activation ? exciton_model_activation_name(b->then_activation) : "",
                                   b->channels_last ? " last" : "", b->circular ? " circular" : "", b->clean ? "" : " unclean");
        if (b->kernel)
            length += (size_t)snprintf(text + length, size - length, " k%llu", (unsigned long long)b->kernel);
        assert_int_equal(b->clean, !b->why);
    }
}

static void expect(const wanted *want)
{
    static mg_graph graph;
    io_files files;
    exciton_matches found;
    char text[1024];
    io_files_init(&files);
    mg_parse(&graph, want->graph);
    if (exciton_matches_find(&files.calls, &graph.graph, &found))
        fail_msg("%s\n%s", want->graph, exciton_last_error());
    describe(&found, text, sizeof text);
    if (strcmp(text, want->text))
        fail_msg("%s\nfound \"%s\", not \"%s\"; near: %s", want->graph, text, want->text, found.near_count ? found.nears[0].why : "none");
    bool near = !want->near || (!*want->near && !found.near_count);
    for (size_t i = 0; i < found.near_count; i++)
        near |= want->near && *want->near && strstr(found.nears[i].why, want->near);
    if (!near)
        fail_msg("%s\nnear is \"%s\", not \"%s\"", want->graph, found.near_count ? found.nears[0].why : "none", want->near);
    exciton_matches_release(&found);
    io_assert_clean(&files);
}

static void finds_spellings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++)
        expect(&spellings[i]);
    assert_true(sizeof spellings / sizeof *spellings >= 40);
}

static void refuses_near_misses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof misses / sizeof *misses; i++)
        expect(&misses[i]);
    for (size_t i = 0; i < sizeof unclean / sizeof *unclean; i++)
        expect(&unclean[i]);
}

/* ---- Any graph at all */

static const char *const some_ops[] = {
    "Add", "AveragePool", "BatchNormalization", "Cast", "Clip", "Concat", "Constant", "ConstantOfShape", "Conv", "DequantizeLinear", "Div",
    "Dropout", "Expand", "Flatten", "Gather", "Gemm", "GlobalAveragePool", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "MatMul", "Max",
    "Min", "Mul", "Mul", "Mul", "PRelu", "Pad", "QuantizeLinear", "ReduceMean", "Relu", "Reshape", "Shape", "Sigmoid", "Slice", "Squeeze", "Sub",
    "Tile", "Transpose", "Unsqueeze", "GlobalMaxPool", "Nothing",
};

/* Edges, operators and attributes of a good graph changed at random: cycles, operands that are not there, wild axes. */
static void mutate(mg_graph *graph, uint64_t *seed)
{
    for (uint64_t left = 1 + io_random(seed) % 6; left; left--) {
        mg_node *node = &graph->nodes[io_random(seed) % graph->graph.node_count];
        switch (io_random(seed) % 6) {
        case 0:
            strcpy(node->op, some_ops[io_random(seed) % (sizeof some_ops / sizeof *some_ops)]);
            break;
        case 1:
            node->input_count = (uint32_t)(io_random(seed) % 6);
            break;
        case 2:
            if (node->attribute_count && node->attributes[0].kind != EXCITON_ATTRIBUTE_TENSOR) { /* whose index is always good */
                mg_attribute *a = &node->attributes[io_random(seed) % node->attribute_count];
                a->ints[io_random(seed) % 8] = (int64_t)(io_random(seed) % 3 ? io_random(seed) % 9 - 4 : io_random(seed));
                a->count = io_random(seed) % 9;
                a->kind = (exciton_attribute_kind)(io_random(seed) % 4);
            }
            break;
        case 3: {
            mg_constant *c = &graph->constants[io_random(seed) % graph->constant_count];
            c->header.rank = (uint32_t)(io_random(seed) % 6);
            c->header.count = 1;
            for (uint32_t i = 0; i < c->header.rank; i++)
                c->header.count *= c->header.shape[i] = io_random(seed) % 5 ? 1 + io_random(seed) % 16 : io_random(seed) % 3;
            break;
        }
        default:
            node->inputs[io_random(seed) % MG_EDGES] = io_random(seed) % 8 ? (uint32_t)(io_random(seed) % graph->graph.value_count) : EXCITON_NO_VALUE;
            break;
        }
    }
}

static void survives_any_graph(void **state)
{
    (void)state;
    static mg_graph graph;
    uint64_t seed = (uint64_t)time(NULL) | 1, found = 0;
    printf("seed %llu\n", (unsigned long long)seed);
    fflush(stdout);
    size_t cases = sizeof spellings / sizeof *spellings;
    for (size_t round = 0; round < 20000; round++) {
        mg_parse(&graph, spellings[round % cases].graph);
        mutate(&graph, &seed);
        io_files files;
        exciton_model *model;
        io_files_init(&files);
        if (!exciton_model_from_graph(&files.calls, &graph.graph, "some.onnx", &model)) {
            for (uint32_t i = 0; i < exciton_model_block_count(model); i++, found++) {
                exciton_se se = {0};
                exciton_model_se(model, i, &se);
            }
        }
        exciton_model_close(model);
        io_assert_clean(&files);
    }
    assert_true(found > 1000);
}

/* Two nodes that compute from each other, everywhere in the place of one. */
static void survives_cycles(void **state)
{
    (void)state;
    static mg_graph graph;
    static const char *const ops[] = {"Identity", "Relu", "Mul", "Add", "Reshape", "Transpose", "Concat", "Conv", "Sigmoid", "ReduceMean", "Clip"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        for (size_t k = 0; k < sizeof ops / sizeof *ops; k++) {
            char text[512];
            io_files files;
            exciton_matches found;
            snprintf(text, sizeof text, "a = %s b b\nb = %s a a\ng = Sigmoid b\ny = Mul a g\nz = Mul b a\nw = Mul g g\n", ops[i], ops[k]);
            io_files_init(&files);
            mg_parse(&graph, text);
            assert_int_equal(exciton_matches_find(&files.calls, &graph.graph, &found), EXCITON_OK);
            assert_int_equal(found.count, 0);
            exciton_matches_release(&found);
            io_assert_clean(&files);
        }
}

/* An output that nobody named is legal for an operator's optional ones only; and axes may be there without a number. */
static void survives_absent_outputs(void **state)
{
    (void)state;
    static mg_graph graph;
    static const char *const texts[] = {X "p = GlobalAveragePool x\n" FC1 ACT FC2 GATE MUL END,
                                        X "p = GlobalAveragePool x\n" FC1 ACT FC2 GATE "m = Mul x g\ny = Add m x\n" END};
    for (size_t i = 0; i < 2; i++) {
        io_files files;
        exciton_matches found;
        io_files_init(&files);
        mg_parse(&graph, texts[i]);
        for (uint32_t n = 0; n < graph.graph.node_count; n++)
            if (!strcmp(graph.nodes[n].name, "y"))
                graph.nodes[n].outputs[0] = EXCITON_NO_VALUE;
        assert_int_equal(exciton_matches_find(&files.calls, &graph.graph, &found), EXCITON_OK);
        assert_int_equal(found.count, 0);
        assert_int_equal(found.near_count, 1);
        assert_non_null(strstr(found.nears[0].why, "no name"));
        exciton_matches_release(&found);
        io_assert_clean(&files);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_spellings), cmocka_unit_test(refuses_near_misses), cmocka_unit_test(survives_any_graph),
        cmocka_unit_test(survives_cycles), cmocka_unit_test(survives_absent_outputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
