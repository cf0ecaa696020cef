/* Files and graphs made to hurt: what is not a file, names that mean something else than they say, sizes without bytes behind
 * them, caps, numbers that are none. What fuzzing found comes here too. */
#include "onnx_models.h"

#include <math.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "formats/model.h"
#include "formats/npy.h"
#include "match_graph.h"

enum { F = EXCITON_ERROR_FORMAT, U = EXCITON_ERROR_UNSUPPORTED, FILE_ERROR = EXCITON_ERROR_FILE };

/* ---- External data --------------------------------------------------------------------------------------------- */

static void write_external(writer *w, const void *location, size_t bytes_of_location, const char *offset)
{
    begin_model(w);
    begin_tensor(w, 5, "t", 1, DIMS(2));
    number(w, 14, 1);
    begin(w, 13);
    text(w, 1, "location");
    bytes(w, 2, location, bytes_of_location);
    end(w);
    entry(w, "offset", offset);
    end(w);
    end_model(w);
}

static void expect_external(const char *location, const char *offset, int status, const char *part)
{
    writer w;
    io_files files;
    exciton_onnx *onnx;
    float two[2];
    write_external(&w, location, strlen(location), offset);
    io_save("m.onnx", w.bytes, w.size);
    io_files_init(&files);
    assert_int_equal(exciton_onnx_open(&files.calls, io_path("m.onnx"), &onnx), EXCITON_OK);
    const exciton_graph *g = exciton_onnx_graph(onnx);
    exciton_status got = g->constant_read_f32(g->user, 0, 0, 2, two);
    if (got != (exciton_status)status)
        fail_msg("%.40s: %d: %s", location, (int)got, exciton_last_error());
    if (status)
        io_assert_line("m.onnx", part);
    exciton_onnx_close(onnx);
    io_assert_clean(&files);
}

static void refuses_locations(void **state)
{
    (void)state;
    char name[300], model[1024];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memset(name, 'n', sizeof name);
    io_save("w", "\0\0\x80\x3f\0\0\0\x40", 8);
    name[255] = '\0';
    io_save(name, "\0\0\x80\x3f\0\0\0\x40", 8);
    expect_external(name, "0", EXCITON_OK, "");
    name[255] = 'n', name[256] = '\0';
    expect_external(name, "0", U, "plain name");
    static const char *const paths[] = {"../w", "w/..", "./w", "/dev/zero", "/proc/self/mem", "w/", "..\\w", "C:\\w"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        expect_external(paths[i], "0", U, "plain name");
    /* plain names, of nothing: no shell, no pattern, no percent */
    static const char *const absent[] = {"~", "$HOME", "%2e%2e%2fw", "w*", "w ", "-", "\n"};
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
        expect_external(absent[i], "0", FILE_ERROR, "external_data");
    snprintf(address.sun_path, sizeof address.sun_path, "%s", io_path("socket"));
    int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(descriptor, (struct sockaddr *)&address, sizeof address), 0);
    expect_external("socket", "0", FILE_ERROR, "'socket'");
    close(descriptor);
    /* a link is refused where it stands for the data, and followed where it stands for the model */
    assert_int_equal(symlink("/dev/zero", io_path("zero")), 0);
    expect_external("zero", "0", FILE_ERROR, "a link");
    /* the model itself is a file like another */
    expect_external("m.onnx", "0", EXCITON_OK, "");
    expect_external("m.onnx", "99999", F, "of 'm.onnx'");
    static const char *const beyond[] = {"1", "8", "9", "4294967296", "9223372036854775800", "9223372036854775807",
                                         "9223372036854775808", "18446744073709551607", "18446744073709551608",
                                         "18446744073709551615"};
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++)
        expect_external("w", beyond[i], F, "external_data");
    io_files files;
    exciton_model *made;
    io_files_init(&files);
    snprintf(model, sizeof model, "%s", io_path("zero"));
    assert_int_equal(exciton_model_open_with(&files.calls, model, &made), FILE_ERROR);
    io_assert_line("zero", "not a regular file");
    assert_null(made);
    io_assert_clean(&files);
}

/* A name is what stands before a zero to everyone who opens files: such strings are refused with the file. */
static void refuses_zeros_in_names(void **state)
{
    (void)state;
    static const struct { const char *bytes; size_t size; } names[] = {{"w\0", 2}, {"\0", 1}, {"w\0/../x", 7}, {"..\0w", 4}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        writer w;
        opened o;
        write_external(&w, names[i].bytes, names[i].size, "0");
        assert_int_equal(open_bytes(&o, w.bytes, w.size), F);
        io_assert_line("some.onnx: offset", "has a zero in it");
        close_opened(&o);
        for (uint32_t field = 1; field <= 4; field++) { /* operands, a node's name, its operator */
            begin_model(&w);
            begin(&w, 1);
            bytes(&w, field, names[i].bytes, names[i].size);
            end(&w);
            end_model(&w);
            assert_int_equal(open_bytes(&o, w.bytes, w.size), F);
            io_assert_line("some.onnx: offset", "has a zero in it");
            close_opened(&o);
        }
    }
}

static mode_t kind;
static bool beside;

/* The model, or the file beside it, is what `kind` says. */
static int odd_status(void *user, int descriptor, struct stat *status)
{
    io_files *files = user;
    int failed = io_status(user, descriptor, status);
    if (files->opened == 1 + beside)
        status->st_mode = kind | 0600;
    return failed;
}

static void refuses_devices(void **state)
{
    (void)state;
    static const mode_t kinds[] = {S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK, S_IFDIR, S_IFLNK, 0};
    writer w;
    write_external(&w, "w", 1, "0");
    for (size_t i = 0; i < 2 * sizeof kinds / sizeof kinds[0]; i++) {
        io_files files;
        exciton_onnx *onnx;
        float two[2];
        kind = kinds[i / 2];
        beside = i % 2;
        io_files_init_image(&files, w.bytes, w.size);
        files.calls.status = odd_status;
        exciton_status status = exciton_onnx_open(&files.calls, "some.onnx", &onnx);
        if (!beside) {
            assert_int_equal(status, FILE_ERROR);
        } else {
            assert_int_equal(status, EXCITON_OK);
            const exciton_graph *g = exciton_onnx_graph(onnx);
            assert_int_equal(g->constant_read_f32(g->user, 0, 0, 2, two), FILE_ERROR);
        }
        io_assert_line("some.onnx", "not a regular file");
        exciton_onnx_close(onnx);
        io_assert_clean(&files);
    }
}

/* ---- Sizes without bytes behind them ----------------------------------------------------------------------------- */

static size_t largest;

static void *watched_allocate(void *user, size_t size)
{
    largest = size > largest ? size : largest;
    return io_allocate(user, size);
}

/* Memory is taken for what the file has, not for what it says. */
static void bounds_npy_memory(void **state)
{
    (void)state;
    static const unsigned char headers[][12] = {
        {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 0xff, 0xff}, {0x93, 'N', 'U', 'M', 'P', 'Y', 2, 0, 0, 0, 0x10, 0},
        {0x93, 'N', 'U', 'M', 'P', 'Y', 3, 0, 1, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        io_files files;
        exciton_tensor tensor;
        io_files_init_image(&files, headers[i], sizeof headers[i]);
        files.calls.allocate = watched_allocate;
        largest = 0;
        assert_int_equal(exciton_npy_read_with(&files.calls, "some.npy", &tensor), F);
        io_assert_line("some.npy: offset 8", "the file ends at 12");
        assert_in_range(largest, 1, 1024);
        io_assert_clean(&files);
    }
}

#define BLOCK(first, second, gate) \
    "p = GlobalAveragePool x\na = Conv p " first "\nh = Relu a\nc = Conv h " second "\n" gate "y = Mul x g\nout y\n"

static exciton_status open_block(io_files *files, mg_graph *graph, const char *first, const char *second, exciton_model **model)
{
    char text[1024];
    snprintf(text, sizeof text, "in x:2,?,5,5\n" BLOCK("%s", "%s", "g = Sigmoid c\n"), first, second);
    mg_parse(graph, text);
    io_files_init(files);
    files->calls.allocate = watched_allocate;
    largest = 0;
    return exciton_model_from_graph(&files->calls, &graph->graph, "some.onnx", model);
}

/* 2^15 x 2^16 weights, and products beyond 64 bits, that a few bytes describe. */
static void refuses_huge_weights(void **state)
{
    (void)state;
    static const struct { const char *first, *second; int status; const char *part; } cases[] = {
        {"#65536,32768,1,1", "#32768,65536,1,1", U, "more than 2^30 weights"},
        {"#1,4611686018427387904,1,1", "#4611686018427387904,1,1,1", U, "more than 2^30 weights"},
        {"#1,9223372036854775808,1,1", "#9223372036854775808,1,1,1", EXCITON_ERROR_OVERFLOW, "9223372036854775808 x 1 weights"},
    };
    static mg_graph graph;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        io_files files;
        exciton_model *model;
        exciton_se se = {.size = sizeof se};
        assert_int_equal(open_block(&files, &graph, cases[i].first, cases[i].second, &model), EXCITON_OK);
        assert_int_equal(exciton_model_block_count(model), 1);
        assert_int_equal(exciton_model_se(model, 0, &se), cases[i].status);
        io_assert_line("some.onnx: block", cases[i].part);
        assert_null(se.fc1.data);
        assert_in_range(largest, 1, 1 << 20);
        exciton_model_close(model);
        io_assert_clean(&files);
    }
}

/* ---- Caps: one small graph, many times over ---------------------------------------------------------------------- */

typedef struct repeated {
    exciton_graph graph;
    mg_graph *once;
} repeated;

static mg_graph *once(void *user) { return ((repeated *)user)->once; }
static uint32_t nodes(void *user) { return once(user)->graph.node_count; }
static uint32_t values(void *user) { return once(user)->graph.value_count; }

/* An index of the small graph in the copy that `of` among `count` lies in. */
static uint32_t moved(uint32_t index, uint32_t of, uint32_t count, uint32_t step)
{
    return index == UINT32_MAX ? index : index + of / count * step;
}

static const char *many_node_name(void *u, uint32_t n) { return mg_node_name(once(u), n % nodes(u)); }
static const char *many_node_operator(void *u, uint32_t n) { return mg_node_operator(once(u), n % nodes(u)); }
static uint32_t many_node_input_count(void *u, uint32_t n) { return mg_node_input_count(once(u), n % nodes(u)); }
static uint32_t many_node_output_count(void *u, uint32_t n) { return mg_node_output_count(once(u), n % nodes(u)); }
static exciton_attribute many_node_attribute(void *u, uint32_t n, const char *name)
{
    return mg_node_attribute(once(u), n % nodes(u), name);
}
static uint32_t many_node_input(void *u, uint32_t n, uint32_t i)
{
    return moved(mg_node_input(once(u), n % nodes(u), i), n, nodes(u), values(u));
}
static uint32_t many_node_output(void *u, uint32_t n, uint32_t i)
{
    return moved(mg_node_output(once(u), n % nodes(u), i), n, nodes(u), values(u));
}
static const char *many_value_name(void *u, uint32_t v) { return mg_value_name(once(u), v % values(u)); }
static uint32_t many_value_producer(void *u, uint32_t v)
{
    return moved(mg_value_producer(once(u), v % values(u)), v, values(u), nodes(u));
}
static uint32_t many_value_consumer_count(void *u, uint32_t v) { return mg_value_consumer_count(once(u), v % values(u)); }
static bool many_value_is_output(void *u, uint32_t v) { return mg_value_is_output(once(u), v % values(u)); }
static uint32_t many_value_constant(void *u, uint32_t v) { return mg_value_constant(once(u), v % values(u)); }
static exciton_constant many_constant(void *u, uint32_t c) { return mg_constant_of(once(u), c); }
static uint32_t many_value_consumer(void *u, uint32_t v, uint32_t i)
{
    return moved(mg_value_consumer(once(u), v % values(u), i), v, values(u), nodes(u));
}
static bool many_value_shape(void *u, uint32_t v, uint32_t *rank, uint64_t shape[EXCITON_GRAPH_RANK])
{
    return mg_value_shape(once(u), v % values(u), rank, shape);
}
static exciton_status many_read(void *u, uint32_t c, uint64_t first, uint64_t count, double *to)
{
    return mg_constant_read(once(u), c, first, count, to);
}
static exciton_status many_read_f32(void *u, uint32_t c, uint64_t first, uint64_t count, float *to)
{
    return mg_constant_read_f32(once(u), c, first, count, to);
}

static void repeat(repeated *many, mg_graph *graph, uint32_t copies)
{
    many->once = graph;
    many->graph = (exciton_graph){
        .user = many, .opset = 17, .node_count = graph->graph.node_count * copies, .value_count = graph->graph.value_count * copies,
        .node_name = many_node_name, .node_operator = many_node_operator, .node_input_count = many_node_input_count,
        .node_input = many_node_input, .node_output_count = many_node_output_count, .node_output = many_node_output,
        .node_attribute = many_node_attribute, .value_name = many_value_name, .value_producer = many_value_producer,
        .value_consumer_count = many_value_consumer_count, .value_consumer = many_value_consumer,
        .value_is_output = many_value_is_output, .value_constant = many_value_constant, .value_shape = many_value_shape,
        .constant = many_constant, .constant_read = many_read, .constant_read_f32 = many_read_f32,
    };
}

/* 65,536 blocks and 4,096 near misses are kept, all under other names though every name in the model is the same. */
static void keeps_so_many_blocks(void **state)
{
    (void)state;
    static mg_graph graph;
    static const struct { const char *gate; uint32_t copies, blocks, nears; } cases[] = {
        {"Sigmoid", 65536, 65536, 0}, {"Sigmoid", 65546, 65536, 0}, {"Softmax", 4096, 0, 4096}, {"Softmax", 4100, 0, 4096},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        repeated many;
        io_files files;
        exciton_model *model;
        exciton_model_block block;
        char text[512];
        uint64_t blocks, nears;
        uint32_t index;
        snprintf(text, sizeof text, "in x:2,16,5,5\n" BLOCK("#4,16,1,1", "#16,4,1,1", "g = %s c\n"), cases[i].gate);
        mg_parse(&graph, text);
        repeat(&many, &graph, cases[i].copies);
        io_files_init(&files);
        assert_int_equal(exciton_model_from_graph(&files.calls, &many.graph, "some.onnx", &model), EXCITON_OK);
        assert_int_equal(exciton_model_block_count(model), cases[i].blocks);
        assert_int_equal(exciton_model_near_count(model), cases[i].nears);
        exciton_model_left_out(model, &blocks, &nears);
        assert_int_equal(blocks + nears, cases[i].copies - cases[i].blocks - cases[i].nears);
        for (uint32_t b = 0; b < cases[i].blocks; b += 9362) { /* the first, the last, and some between */
            assert_int_equal(exciton_model_block_describe(model, b, &block), EXCITON_OK);
            assert_int_equal(exciton_model_block_find(model, block.name, &index), EXCITON_OK);
            assert_int_equal(index, b);
        }
        exciton_model_close(model);
        io_assert_clean(&files);
    }
}

/* ---- Numbers and names ------------------------------------------------------------------------------------------ */

/* A gate whose numbers are none is no block, or one that isn't run, or they are the weights': never a slope or an offset. */
static void refuses_numbers_that_are_none(void **state)
{
    (void)state;
    static mg_graph graph;
    static const char *const gates[] = {
        "m = Mul c #=0.25\nn = Add m #=nan\ng = Clip n #=0 #=1\n", "m = Mul c #=nan\nn = Add m #=0.5\ng = Clip n #=0 #=1\n",
        "m = Mul c #=inf\nn = Add m #=0.5\ng = Clip n #=0 #=1\n", "m = Add c #=3\nn = Clip m #=0 #=6\ng = Div n #=0\n",
        "m = Add c #=3\nn = Clip m #=nan #=6\ng = Div n #=6\n", "m = Add c #=3\nn = Clip m #=0 #=nan\ng = Div n #=6\n",
        "m = Mul c #=1e39\nn = Add m #=0.5\ng = Clip n #=0 #=1\n", "g = HardSigmoid c alpha=nan\n", "g = HardSigmoid c beta=inf\n",
        "g = HardSigmoid c alpha=1e39\n", "m = Add c #=3\nr = Relu m\nn = Min r #=nan\ng = Div n #=6\n",
    };
    for (size_t i = 0; i < sizeof gates / sizeof gates[0]; i++) {
        char text[1024];
        io_files files;
        exciton_model *model;
        exciton_se se = {.size = sizeof se};
        snprintf(text, sizeof text, "in x:2,16,5,5\n" BLOCK("#4,16,1,1", "#16,4,1,1", "%s"), gates[i]);
        mg_parse(&graph, text);
        io_files_init(&files);
        assert_int_equal(exciton_model_from_graph(&files.calls, &graph.graph, "some.onnx", &model), EXCITON_OK);
        if (exciton_model_block_count(model)) {
            exciton_status status = exciton_model_se(model, 0, &se);
            if (status != (exciton_status)U && (status || !isfinite(se.gate_slope) || !isfinite(se.gate_offset)))
                fail_msg("%zu: %d: slope %g, offset %g", i, (int)status, (double)se.gate_slope, (double)se.gate_offset);
        }
        exciton_model_close(model);
        io_assert_clean(&files);
    }
}

/* Names with control characters in a reason; a name that is cut where a character of it goes on. */
static void cleans_names(void **state)
{
    (void)state;
    static mg_graph graph;
    static char name[512];
    io_files files;
    exciton_model *model;
    exciton_model_near near;
    exciton_model_block block;
    mg_parse(&graph, "in x:2,16,5,5\n" BLOCK("#4,16,1,1", "#16,4,1,1", "g = Softmax c\n"));
    strcpy(graph.nodes[4].op, "Soft\n\x1b[2Jmax\x7f");
    io_files_init(&files);
    assert_int_equal(exciton_model_from_graph(&files.calls, &graph.graph, "some.onnx", &model), EXCITON_OK);
    assert_int_equal(exciton_model_near_describe(model, 0, &near), EXCITON_OK);
    assert_string_equal(near.why, "Soft??[2Jmax? is no gate");
    exciton_model_close(model);
    io_assert_clean(&files);

    for (size_t before = 0; before < 4; before++) { /* four bytes each, beginning anywhere */
        writer w;
        opened o;
        memset(name, 'a', before);
        for (size_t i = before; i + 4 < sizeof name; i += 4)
            memcpy(name + i, "\xf0\x9f\x98\x80", 4);
        name[before + 400] = '\0';
        begin_model(&w);
        value(&w, 11, "x", DIMS(2, 1, 5, 5));
        static const float one[] = {1};
        begin_tensor(&w, 5, "v", 1, DIMS(1, 1, 1, 1));
        bytes(&w, 9, one, sizeof one);
        end(&w);
        node(&w, "GlobalAveragePool", "x", "p");
        node(&w, "Conv", "p v", "a");
        node(&w, "Relu", "a", "h");
        node(&w, "Conv", "h v", "c");
        node(&w, "Sigmoid", "c", "g");
        begin_node(&w, "Mul", "x g", "y");
        text(&w, 3, name);
        end(&w);
        value(&w, 12, "y", DIMS(2, 1, 5, 5));
        end_model(&w);
        open_writer(&o, &w);
        onnx_walk(o.g);
        assert_int_equal(exciton_model_from_graph(&o.files.calls, o.g, "some.onnx", &model), EXCITON_OK);
        assert_int_equal(exciton_model_block_describe(model, 0, &block), EXCITON_OK);
        size_t length = strlen(block.name);
        assert_in_range(length, 150, 200);
        assert_int_equal((length - before) % 4, 0);
        assert_memory_equal(block.name, name, length);
        exciton_model_close(model);
        close_opened(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refuses_locations, io_folder_make, io_folder_remove),
        cmocka_unit_test(refuses_zeros_in_names),
        cmocka_unit_test(refuses_devices),
        cmocka_unit_test(bounds_npy_memory),
        cmocka_unit_test(refuses_huge_weights),
        cmocka_unit_test(keeps_so_many_blocks),
        cmocka_unit_test(refuses_numbers_that_are_none),
        cmocka_unit_test(cleans_names),
    };
    return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
