/* Excitation by CLBlast's products: within the bound of any order of summation, refused where it isn't to be had, nothing compiled or
 * allocated by a submission, failures of the library and of memory.
 *
 *     clblast --device SEL [--cold]   an OpenCL device; the library must be there where EXCITON_TEST_REQUIRE names the device
 *
 * --cold: submissions alone, with a new folder for what PoCL compiles. */
#include "clblast/clblast.h"

#include "support/check.h"
#include "support/driver.h"
#include "support/seam.h"

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <dlfcn.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *selector;
static bool is_cold;

/* ---- results ---- */

static void run_one(const setup *s, const char *name)
{
    block b;
    exciton_binding_info info = {0};
    if (block_open(&b, s, selector) && block_run(&b)) {
        block_check(&b, s, name);
        check_status(exciton_binding_get_info(b.binding, &info), EXCITON_OK, "info");
        check(info.schedule == EXCITON_SCHEDULE_THREE_STAGES && info.excitation == EXCITON_EXCITATION_CLBLAST && !info.exact,
              "%s: the binding says schedule %s, excitation %d, exact %d", name, exciton_schedule_name(info.schedule), (int)info.excitation, info.exact);
    }
    check(b.status == EXCITON_OK, "%s: %s: %s", name, b.at, b.line);
    block_close(&b);
}

/* batch, channels, hidden, space: odd ones, one of everything; the last is for submissions. */
static const uint16_t shapes[][4] = {
    {1, 1, 1, 1},  {1, 16, 4, 9},   {2, 7, 3, 5},    {3, 33, 9, 49},  {5, 64, 64, 7},    {7, 129, 31, 3},   {8, 256, 16, 14},
    {13, 72, 24, 11}, {17, 100, 1, 6}, {31, 8, 5, 33}, {32, 257, 65, 4}, {48, 40, 10, 21}, {64, 128, 8, 1}, {33, 511, 255, 1}, {64, 1024, 256, 2},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static void run_shapes(void)
{
    for (int i = 0; i < SHAPES - 1; ++i) {
        char name[80];
        setup s = setup_of(shapes[i][0], shapes[i][1], shapes[i][2], shapes[i][3]);
        s.c.bias1 = i % 2, s.c.bias2 = i / 2 % 2;
        s.in_place = i % 3 == 1;
        s.saved = i % 3 != 2;
        s.own_scratch = i % 4 == 3;
        s.max_batch = i % 5 == 4 ? s.c.shape.batch + 6 : 0;
        snprintf(name, sizeof name, "%ux%ux%u:%u", shapes[i][0], shapes[i][1], shapes[i][3], shapes[i][2]);
        run_one(&s, name);
    }
}

static void run_functions(void)
{
    static const exciton_gate gates[] = {EXCITON_GATE_SIGMOID, EXCITON_GATE_HARD_SIGMOID_6, EXCITON_GATE_HARD_SIGMOID_5, EXCITON_GATE_HARD_SIGMOID_PADDLE,
                                         EXCITON_GATE_HARD_SIGMOID_CUSTOM};
    /* The hidden layer's and the gates' are apart: each once is enough. */
    for (int g = 0; g < 5; ++g) {
        int a = EXCITON_ACTIVATION_IDENTITY + g % 4;
        char name[80];
        setup s = setup_of(6, 37, 11, 10);
        s.c.activation = (exciton_activation)a;
        s.c.gate = gates[g];
        s.c.slope = 0.3f, s.c.offset = 0.4f;
        s.c.bias1 = s.c.bias2 = true;
        s.c.output = g % 2 ? EXCITON_OUTPUT_RESIDUAL : EXCITON_OUTPUT_SCALE;
        s.c.then = a % 2 ? EXCITON_THEN_RELU : EXCITON_THEN_NOTHING;
        s.c.x_pattern = a % 2 ? EXCITON_PATTERN_SPREAD : EXCITON_PATTERN_UNIFORM;
        s.form = a == EXCITON_ACTIVATION_SILU ? EXCITON_FORM_LANES : EXCITON_FORM_DEFAULT;
        s.saved = true;
        snprintf(name, sizeof name, "activation %d, gate %d", a, g);
        run_one(&s, name);
    }
}

/* ---- never unasked ---- */

static void run_unasked(void)
{
    float y[2][5 * 24 * 9 + GUARD];
    for (int i = 0; i < 2; ++i) {
        setup s = setup_of(5, 24, 6, 9);
        block b;
        exciton_binding_info info = {0};
        s.excitation = EXCITON_EXCITATION_DEFAULT;
        s.allow_inexact = i;
        bool ran = block_open(&b, &s, selector) && block_run(&b) && exciton_binding_get_info(b.binding, &info) == EXCITON_OK &&
                   exciton_buffer_read(b.y, 0, y[i], sizeof y[i]) == EXCITON_OK;
        check(ran && info.exact && info.excitation == EXCITON_EXCITATION_OWN && sgemms == 0, "allow_inexact %d: %s", i, b.line);
        block_close(&b);
    }
    check(memcmp(y[0], y[1], sizeof y[0]) == 0, "allow_inexact changed bits");
}

/* ---- refusals ---- */

/* The status at plan creation, and a line with both words. */
static void refused(setup s, const char *device, exciton_status status, const char *word, const char *other)
{
    block b;
    check(!block_open(&b, &s, device), "%s: was not refused", word);
    check(b.status == status && !strcmp(b.at, "plan_create_se") && strstr(b.line, word) && strstr(b.line, other), "%s, %s: %s: %s: \"%s\"", word, other, b.at,
          exciton_status_text(b.status), b.line);
    block_close(&b);
}

/* Every device of another API that is here. */
static void refuse_elsewhere(void)
{
    exciton_context *context;
    uint32_t count = 0, tried = 0;
    if (!check_status(exciton_context_create(NULL, &context), EXCITON_OK, "context"))
        return;
    check_status(exciton_device_count(context, &count), EXCITON_OK, "count");
    for (uint32_t i = 0; i < count; ++i) {
        exciton_device_info info;
        if (exciton_device_describe(context, i, &info) || info.api == EXCITON_API_OPENCL)
            continue;
        refused(setup_of(2, 8, 2, 4), info.selected_by, EXCITON_ERROR_UNSUPPORTED, "excitation: clblast: only on OpenCL", info.name);
        ++tried;
    }
    check(tried > 0, "no device of another API");
    exciton_context_destroy(context);
}

static void refuse_library(const char *file, const char *word)
{
    const char *kept = getenv("EXCITON_CLBLAST");
    char *copy = kept ? strdup(kept) : NULL;
    setenv("EXCITON_CLBLAST", file, 1);
    refused(setup_of(2, 8, 2, 4), selector, EXCITON_ERROR_UNSUPPORTED, file, word);
    if (copy)
        setenv("EXCITON_CLBLAST", copy, 1);
    else
        unsetenv("EXCITON_CLBLAST");
    free(copy);
}

/* Creating a binding works in the scratch. */
static void refuse_mapped(void)
{
    setup s = setup_of(2, 8, 2, 4);
    block b;
    void *data;
    exciton_binding *second = NULL;
    s.own_scratch = true;
    if (check(block_open(&b, &s, selector), "%s: %s", b.at, b.line) && check_status(exciton_buffer_map(b.scratch, false, &data), EXCITON_OK, "map")) {
        const exciton_args args = {.in = {b.x, 0}, .out = {b.y, 0}, .scratch = {b.scratch, 0}};
        check_status(exciton_binding_create(b.plan, &args, &second), EXCITON_ERROR_ARGUMENT, "a binding whose scratch is mapped");
        check_status(exciton_buffer_unmap(b.scratch), EXCITON_OK, "unmap");
        check_status(exciton_binding_create(b.plan, &args, &second), EXCITON_OK, "a binding whose scratch was mapped");
        exciton_binding_destroy(second);
    }
    block_close(&b);
}

static void run_refusals(void)
{
    setup s = setup_of(2, 8, 2, 4);
    s.allow_inexact = false;
    refused(s, selector, EXCITON_ERROR_ARGUMENT, "excitation", "allow_inexact");
    refuse_mapped();
    refuse_elsewhere();
    refuse_library("/nonexistent/libclblast.so.1", "libclblast1");
    refuse_library("libm.so.6", "CLBlastSgemmWithTempBuffer");
}

/* ---- submissions ---- */

static uint64_t files;

static char cold[] = "/tmp/exciton-clblast-XXXXXX"; /* POCL_CACHE_DIR of --cold */

static int remove_one(const char *path, const struct stat *information, int kind, struct FTW *place)
{
    (void)information, (void)kind, (void)place;
    return remove(path);
}

static void remove_cold(void) { nftw(cold, remove_one, 16, FTW_PHYS | FTW_DEPTH); }

static int count_file(const char *path, const struct stat *information, int kind, struct FTW *place)
{
    (void)path, (void)information, (void)place;
    files += kind == FTW_F;
    return 0;
}

/* What PoCL's compiler has left; 0 where that is elsewhere. */
static uint64_t compiled_files(void)
{
    const char *folder = getenv("POCL_CACHE_DIR");
    files = 0;
    if (folder)
        nftw(folder, count_file, 16, FTW_PHYS);
    return files;
}

static bool may_be_called(const char *name)
{
    static const char *const allowed[] = {"clEnqueueNDRangeKernel", "clFlush", "clWaitForEvents", "clGetEventInfo", "clReleaseEvent"};
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; ++i)
        if (strcmp(name, allowed[i]) == 0)
            return true;
    return false;
}

/* From the first submission on: none of ours allocates, records or compiles, and the library compiles nothing. */
static void run_submissions(void)
{
    enum { SUBMISSIONS = 200 };
    for (int i = 0; i < SHAPES; i += SHAPES / 2) {
        setup s = setup_of(shapes[i][0], shapes[i][1], shapes[i][2], shapes[i][3]);
        int submissions = i + SHAPES / 2 < SHAPES ? SUBMISSIONS : SUBMISSIONS / 10;
        block b;
        if (!check(block_open(&b, &s, selector), "%s: %s", b.at, b.line)) {
            block_close(&b);
            continue;
        }
        uint64_t calls[200] = {0}, allocations = test_count(&b.allocator.calls), products = sgemms, left = compiled_files();
        seam_entry *entry;
        for (uint32_t k = 0; (entry = seam_at(k)) != NULL && k < 200; ++k)
            calls[k] = entry->calls;
        bool ran = true;
        for (int k = 0; ran && k < submissions; ++k)
            ran = block_run(&b);
        check(ran, "%s: %s", b.at, b.line);
        allocations = test_count(&b.allocator.calls) - allocations;
        check(allocations == 0, "submissions allocated %" PRIu64 " times", allocations);
        for (uint32_t k = 0; (entry = seam_at(k)) != NULL && k < 200; ++k)
            check(may_be_called(entry->name) || entry->calls == calls[k], "submissions called %s", entry->name);
        check(sgemms - products == 2 * (uint64_t)submissions, "%" PRIu64 " products", sgemms - products);
        check(compiled_files() == left, "submissions left files in POCL_CACHE_DIR");
        block_check(&b, &s, "after many submissions");
        block_close(&b);
    }
}

/* ---- failures ---- */

/* One that fails from its `from`-th call on: where, and what is said. */
static void fails(uint64_t from, int code, exciton_status status, const char *at, const char *word)
{
    setup s = setup_of(4, 24, 6, 5);
    block b;
    lying = (lie){.from = from, .code = code};
    bool ran = block_open(&b, &s, selector) && block_run(&b);
    lying = (lie){0};
    check(!ran && b.status == status && !strcmp(b.at, at) && strstr(b.line, word), "call %" PRIu64 " gives %d: %s: %s: \"%s\"", from, code, b.at ? b.at : "-",
          exciton_status_text(b.status), b.line);
    if (ran || !b.binding) {
        block_close(&b);
        return;
    }
    check(block_run(&b), "a submission after one that failed: %s", exciton_last_error());
    block_check(&b, &s, "after a failure");
    block_close(&b);
}

static void run_failures(void)
{
    setup s = setup_of(4, 24, 6, 5);
    block b;
    check(block_open(&b, &s, selector), "%s: %s", b.at, b.line);
    uint64_t opened = sgemms;
    block_close(&b);
    check(opened > 4, "only %" PRIu64 " products at the creation of plan and binding", opened);
    fails(1, -5, EXCITON_ERROR_MEMORY, "plan_create_se", "CL_OUT_OF_RESOURCES");
    fails(1, -11, EXCITON_ERROR_COMPILE, "plan_create_se", "CL_BUILD_PROGRAM_FAILURE");
    fails(1, -2046, EXCITON_ERROR_DRIVER, "plan_create_se", "InvalidLocalMemUsage");
    fails(opened, -1010, EXCITON_ERROR_DRIVER, "binding_create", "InsufficientMemoryB");
    fails(opened + 1, -4, EXCITON_ERROR_MEMORY, "submit", "CL_MEM_OBJECT_ALLOCATION_FAILURE");
    fails(opened + 2, -2041, EXCITON_ERROR_DRIVER, "submit", "DatabaseError");
    fails(1, 0, EXCITON_ERROR_UNSUPPORTED, "plan_create_se", "known-answer test"); /* does nothing, and says that all is well */
}

static void fail_allocations(void)
{
    enum { MOST = 40 };
    setup s = setup_of(3, 20, 5, 6);
    block b;
    check(block_open(&b, &s, selector) && block_run(&b), "%s: %s", b.at, b.line);
    uint64_t count = test_count(&b.allocator.calls), failed = 0;
    block_close(&b);
    for (uint64_t i = 0; i < MOST; ++i) {
        s.fail_at = 1 + i * (count - 1) / (MOST - 1);
        bool ran = block_open(&b, &s, selector) && block_run(&b);
        check(ran || b.status == EXCITON_ERROR_MEMORY, "allocation %" PRIu64 ": %s: %s: %s", s.fail_at, b.at, exciton_status_text(b.status), b.line);
        if (ran)
            block_check(&b, &s, "an allocation failed");
        failed += b.allocator.failed;
        block_close(&b);
    }
    printf("  %" PRIu64 " of %" PRIu64 " allocations failed in turn\n", failed, count);
    check(failed > MOST / 2, "no allocation failed");
}

/* ---- matrices that the library packs first, in memory that is ours ---- */

static void *library_symbol(const char *library, const char *name)
{
    void *opened = dlopen(library, RTLD_NOW);
    return opened ? dlsym(opened, name) : NULL;
}

/* Large products are packed; from now on all of them are. A driver's only device is taken. */
static bool pack_always(void)
{
    const char *named = getenv("EXCITON_CLBLAST"), *names[] = {"XGEMM_MIN_INDIRECT_SIZE"};
    const size_t values[] = {1};
    __typeof__(clGetPlatformIDs) *platforms;
    __typeof__(clGetDeviceIDs) *devices;
    int (*override)(cl_device_id, const char *, int, size_t, const char **, const size_t *);
    void *const found[] = {library_symbol("libOpenCL.so.1", "clGetPlatformIDs"), library_symbol("libOpenCL.so.1", "clGetDeviceIDs"),
                           library_symbol(named && *named ? named : "libclblast.so.1", "CLBlastOverrideParameters")};
    memcpy(&platforms, &found[0], sizeof platforms);
    memcpy(&devices, &found[1], sizeof devices);
    memcpy(&override, &found[2], sizeof override);
    cl_platform_id platform;
    cl_device_id device;
    return found[0] && found[1] && found[2] && platforms(1, &platform, NULL) == CL_SUCCESS &&
           devices(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL) == CL_SUCCESS &&
           override(device, "GemmRoutine", 32 /* bits */, 1, names, values) == 0;
}

static uint64_t buffers_of_a_life(void)
{
    setup s = setup_of(4, 24, 6, 5);
    block b;
    check(block_open(&b, &s, selector), "%s: %s", b.at, b.line);
    uint64_t made = seam_calls("clCreateBuffer");
    block_close(&b);
    return made;
}

static void run_packed(void)
{
    uint64_t before = buffers_of_a_life();
    if (!check(pack_always(), "the library can't be told to pack"))
        return;
    check(buffers_of_a_life() > before, "no memory for packed matrices was made");
    if (!is_cold)
        run_shapes();
    run_submissions();
}

/* ---- */

static exciton_status probe(char *line, size_t size)
{
    setup s = setup_of(1, 1, 1, 1);
    block b;
    (void)block_open(&b, &s, selector);
    exciton_status status = b.status;
    snprintf(line, size, "%s", b.line);
    block_close(&b);
    return status;
}

static void section(const char *name, void (*run)(void))
{
    check_section_begin(name);
    run();
    check_section_end();
}

int main(int count, char **arguments)
{
    is_cold = count == 4 && !strcmp(arguments[3], "--cold");
    if (count < 3 || count > 3 + is_cold || strcmp(arguments[1], "--device")) {
        fprintf(stderr, "usage: clblast --device SEL [--cold]\n");
        return 2;
    }
    selector = arguments[2];
    untested = is_cold; /* whose products would be the first */
    if (is_cold && (!mkdtemp(cold) || setenv("POCL_CACHE_DIR", cold, 1) || atexit(remove_cold))) {
        perror("clblast: --cold");
        return 1;
    }
    char line[512];
    exciton_status status = probe(line, sizeof line);
    if (status == EXCITON_ERROR_ABSENT)
        return test_absent(selector, status);
    if (status == EXCITON_ERROR_UNSUPPORTED && strstr(line, "no library") && !test_is_required(selector)) {
        printf("SKIPPED: %s: %s\n", selector, line);
        return TEST_SKIPPED;
    }
    check(status == EXCITON_OK, "%s", line);
    if (status == EXCITON_OK && is_cold) {
        section("submissions", run_submissions);
        check(compiled_files() > 0, "nothing was compiled");
        section("packed", run_packed);
    } else if (status == EXCITON_OK) {
        section("shapes", run_shapes);
        section("functions", run_functions);
        section("unasked", run_unasked);
        section("refusals", run_refusals);
        section("submissions", run_submissions);
        section("failures", run_failures);
        section("allocations", fail_allocations);
        section("packed", run_packed);
    }
    return check_finish(selector);
}
