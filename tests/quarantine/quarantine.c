/* Known-answer tests with a driver that answers wrongly for one kernel: it is found, left out, remembered and named; the next
 * way gives the right bits. Nothing here is the driver's fault: what lies is tests/support/liar.h.
 *
 *     quarantine --device SEL */
#include "core/context.h"
#include "core/device.h"
#include "support/allocator.h"
#include "support/check.h"
#include "support/driver.h"
#include "support/liar.h"
#include "support/memory_cache.h"
#include "verify/cases.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 2, CHANNELS = 40, HIDDEN = 6, SPACE = 83, ELEMENTS = BATCH * CHANNELS * SPACE };

static const char *selector;
static float x[ELEMENTS], w1[CHANNELS * HIDDEN], w2[CHANNELS * HIDDEN], right[ELEMENTS];

/* ---- One plan in a context of its own ---- */

typedef struct life {
    /* asked */
    liar lies;
    exciton_schedule schedule;
    exciton_form form;
    bool no_self_test, no_cache;
    /* what came of it */
    exciton_status status;       /* of the plan */
    char line[512];
    exciton_binding_info chosen;
    float y[ELEMENTS];
    bool same;                   /* y has host's bits */
    uint32_t tested, wrong, inexact;
    uint64_t microseconds;       /* of all tests */
    uint64_t dispatches;         /* while the plan was made */
    char named[96];              /* the last variant that was left out */
} life;

static void on_log(void *user, exciton_log_level level, const char *line)
{
    life *l = user;
    unsigned long us;
    const char *time = strrchr(line, '(');
    if (level == EXCITON_LOG_ERROR)
        test_log(NULL, EXCITON_LOG_INFO, line);
    if (strncmp(line, "self-test: ", 11) || !time || sscanf(time, "(%lu us)", &us) != 1)
        return;
    ++l->tested;
    l->microseconds += us;
    l->wrong += strstr(line, ": wrong") != NULL;
    l->inexact += strstr(line, ": other bits") != NULL;
}

static uint64_t dispatches(void) { return seam_calls("clEnqueueNDRangeKernel") + seam_calls("vkCmdDispatch"); }

static exciton_status run(exciton_plan *plan, exciton_device *device, life *l)
{
    exciton_buffer *in = NULL, *out = NULL;
    exciton_binding *binding = NULL;
    exciton_ticket ticket;
    exciton_status status = exciton_buffer_create(device, sizeof x, EXCITON_DOMAIN_DEFAULT, &in);
    if (!status)
        status = exciton_buffer_create(device, sizeof x, EXCITON_DOMAIN_DEFAULT, &out);
    if (!status)
        status = exciton_buffer_write(in, 0, x, sizeof x);
    if (!status)
        status = exciton_buffer_write(out, 0, x, sizeof x);
    if (!status)
        status = exciton_binding_create(plan, &(exciton_args){.in = {in, 0}, .out = {out, 0}}, &binding);
    if (!status)
        status = exciton_binding_get_info(binding, &l->chosen);
    if (!status)
        status = exciton_submit(device, &binding, 1, &ticket);
    if (!status)
        status = exciton_wait(device, ticket, EXCITON_WAIT_DEFAULT);
    if (!status)
        status = exciton_buffer_read(out, 0, l->y, sizeof l->y);
    exciton_binding_destroy(binding);
    exciton_buffer_destroy(in);
    exciton_buffer_destroy(out);
    return status;
}

static void live(life *l, const char *device_selector)
{
    exciton_context *context = NULL;
    exciton_device *device = NULL;
    exciton_plan *plan = NULL;
    test_allocator memory = {0};
    const exciton_context_params params = {.log = on_log, .log_user = l, .allocator = test_allocator_interface(&memory),
                                           .cache = l->no_cache ? (exciton_cache){0} : memory_cache(),
                                           .no_self_test = l->no_self_test};
    const exciton_se se = {.channels = CHANNELS, .hidden = HIDDEN, .fc1.data = w1, .fc2.data = w2, .schedule = l->schedule, .form = l->form,
                           .max = {.batch = BATCH, .dims = 1, .spatial = {SPACE}}};
    the_liar = l->lies;
    seam_reset();
    if (!check_status(exciton_context_create_seamed(&params, liar_resolve, NULL, &context), EXCITON_OK, "context") ||
        !check_status(exciton_device_open(context, device_selector, &device), EXCITON_OK, "device"))
        exit(1);
    /* Measured, they would differ from life to life, and auto's choice with them. */
    device->costs = (exciton_costs){.dispatch = 10000, .step = 3000, .points = 1, .copy = {{65536, 5000}}};
    l->dispatches = dispatches();
    l->status = exciton_plan_create_se(device, &se, &plan);
    l->dispatches = dispatches() - l->dispatches;
    if (l->status)
        snprintf(l->line, sizeof l->line, "%s", exciton_last_error());
    else
        check_status(run(plan, device, l), EXCITON_OK, "run");
    l->same = !l->status && !memcmp(l->y, right, sizeof right);
    exciton_plan_destroy(plan);
    exciton_device_close(device);
    exciton_context_destroy(context);
    the_liar = (liar){0};
    check(test_count(&memory.live) == 0, "%" PRIu64 " blocks of memory were not released", test_count(&memory.live));
    const char *maker = "";
    check(seam_leaked(&maker) == 0, "driver objects were not released, of %s among them", maker);
}

/* The largest difference in units of the last place of 1. */
static double distance(const life *l)
{
    double most = 0;
    for (int i = 0; i < ELEMENTS; ++i) { /* not fmax: gcc 12 for arm64 ends with an internal error on that */
        double apart = fabs((double)l->y[i] - (double)right[i]);
        if (apart > most)
            most = apart;
    }
    return most / 0x1p-24;
}

/* ---- What is remembered ---- */

typedef struct answers {
    uint32_t count, wrong, inexact;
    char named[96];
} answers;

static void on_answer(void *user, const char *variant, exciton_answer answer, const char *why)
{
    answers *a = user;
    ++a->count;
    a->wrong += answer == EXCITON_ANSWER_WRONG;
    a->inexact += answer == EXCITON_ANSWER_INEXACT;
    check((answer == EXCITON_ANSWER_EXACT) == (why[0] == 0), "%s: %s", variant, why);
    if (answer == EXCITON_ANSWER_WRONG)
        snprintf(a->named, sizeof a->named, "%s", variant);
}

/* Of the device, from a listing: nothing is opened and nothing runs. */
static answers remembered(bool other_version)
{
    answers a = {0};
    exciton_context *context = NULL;
    uint32_t count = 0;
    exciton_device_info info;
    const exciton_context_params params = {.cache = memory_cache()};
    the_liar.other_version = other_version;
    seam_reset();
    check_status(exciton_context_create_seamed(&params, liar_resolve, NULL, &context), EXCITON_OK, "context");
    check_status(exciton_device_count(context, &count), EXCITON_OK, "count");
    for (uint32_t i = 0; i < count; ++i) {
        check_status(exciton_device_describe(context, i, &info), EXCITON_OK, "describe");
        check_status(exciton_device_answers(context, i, on_answer, &a), EXCITON_OK, "answers");
    }
    check_status(exciton_device_answers(context, count, on_answer, &a), EXCITON_ERROR_ARGUMENT, "an index too many");
    check_status(exciton_device_answers(context, 0, NULL, &a), EXCITON_ERROR_ARGUMENT, "no function");
    check(seam_calls("clCreateContext") + seam_calls("vkCreateDevice") == 0, "a device was opened");
    exciton_context_destroy(context);
    the_liar = (liar){0};
    return a;
}

/* ---- Sections ---- */

static const char *const kernel_of[] = {NULL, "squeeze", "split_squeeze", "sample", "pipeline"};

static life honest; /* what is chosen where nobody lies */

static void check_honest(void)
{
    memory_cache_clear();
    honest = (life){.no_cache = true};
    live(&honest, selector);
    check_status(honest.status, EXCITON_OK, "plan");
    check(honest.same, "the bits are not host's");
    check(honest.tested > 0 && honest.wrong == 0 && honest.inexact == 0, "%" PRIu32 " tests, %" PRIu32 " wrong, %" PRIu32 " inexact", honest.tested,
          honest.wrong, honest.inexact);
    printf("  %" PRIu32 " variants of a plan were tested in %.1f ms; chosen: %s, form %s\n", honest.tested, (double)honest.microseconds / 1000,
           exciton_schedule_name(honest.chosen.schedule), exciton_form_name(honest.chosen.form));
    life untested = {.no_self_test = true, .no_cache = true};
    live(&untested, selector);
    check(!untested.status && untested.same && untested.tested == 0, "no_self_test: %" PRIu32 " tests", untested.tested);
}

/* Vulkan's calls don't tell sample from pipeline: with one the other lies. */
static bool names(const char *variant, const char *victim)
{
    bool whole = !strcmp(victim, "sample") || !strcmp(victim, "pipeline");
    return !strncmp(variant, victim, strlen(victim)) || (whole && (!strncmp(variant, "sample", 6) || !strncmp(variant, "pipeline", 8)));
}

static void check_left_out(void)
{
    const char *victim = kernel_of[honest.chosen.schedule];
    const liar lies = {.way = LIAR_NOTHING, .kernel = victim};
    memory_cache_clear();
    life first = {.lies = lies};
    live(&first, selector);
    check_status(first.status, EXCITON_OK, "a plan without %s", victim);
    check(first.wrong > 0, "%s answered wrongly and nobody noticed", victim);
    check(first.chosen.schedule != honest.chosen.schedule, "%s is still used", exciton_schedule_name(first.chosen.schedule));
    check(first.same, "the next way gave other bits");
    printf("  without %s: %s, form %s\n", victim, exciton_schedule_name(first.chosen.schedule), exciton_form_name(first.chosen.form));

    life second = {.lies = lies};
    live(&second, selector);
    check(!second.status && second.same && second.chosen.schedule == first.chosen.schedule, "with what is remembered: %s: %s", second.line,
          exciton_schedule_name(second.chosen.schedule));
    check(second.tested == 0, "%" PRIu32 " tests although all are remembered", second.tested);
    check(second.dispatches < first.dispatches, "%" PRIu64 " dispatches, before %" PRIu64, second.dispatches, first.dispatches);

    answers a = remembered(false);
    check(a.wrong > 0 && a.count > a.wrong, "%" PRIu32 " answers are remembered, %" PRIu32 " of them wrong", a.count, a.wrong);
    check(names(a.named, victim), "the wrong one is called %s", a.named);
    check(remembered(true).count == 0, "another version's answers are shown");

    life updated = {.lies = {.other_version = true}};
    live(&updated, selector);
    check(updated.tested > 0 && updated.wrong == 0, "another driver version: %" PRIu32 " tests, %" PRIu32 " wrong", updated.tested, updated.wrong);
    check(updated.same && updated.chosen.schedule == honest.chosen.schedule, "another driver version still runs %s",
          exciton_schedule_name(updated.chosen.schedule));

    life untested = {.lies = lies, .no_self_test = true, .no_cache = true};
    live(&untested, selector);
    check(!untested.status && untested.tested == 0 && !untested.same, "no_self_test: %" PRIu32 " tests, the bits are %s", untested.tested,
          untested.same ? "right" : "wrong");
}

/* What is asked for by name is never replaced; nor is what there is no other way for. */
static void check_refused(exciton_api api)
{
    for (int schedule = EXCITON_SCHEDULE_THREE_STAGES; schedule <= EXCITON_SCHEDULE_PIPELINED; ++schedule) {
        life l = {.lies = {.way = LIAR_NOTHING, .kernel = kernel_of[schedule]}, .schedule = (exciton_schedule)schedule, .no_cache = true};
        live(&l, selector);
        check_status(l.status, EXCITON_ERROR_UNSUPPORTED, "%s", exciton_schedule_name(l.schedule));
        check(strstr(l.line, kernel_of[schedule]) && strstr(l.line, "known-answer"), "%s", l.line);
    }
    memory_cache_clear();
    for (int again = 0; again < 2; ++again) { /* then from memory */
        life all = {.lies = {.way = LIAR_NOTHING}};
        live(&all, selector);
        check_status(all.status, EXCITON_ERROR_UNSUPPORTED, "every kernel is wrong");
        check(strstr(all.line, "no way is left") && strstr(all.line, "known-answer"), "%s", all.line);
        check(again ? all.tested == 0 : all.tested > 0, "%" PRIu32 " tests", all.tested);
    }
    if (api != EXCITON_API_OPENCL) {
        check_skip("one form alone: Vulkan's calls don't say which form a kernel has");
        return;
    }
    for (int form = EXCITON_FORM_ROWS; form <= EXCITON_FORM_LANES; ++form) {
        life l = {.lies = {.way = LIAR_NOTHING, .form = exciton_form_name((exciton_form)form), .kernel = "squeeze"},
                  .schedule = EXCITON_SCHEDULE_THREE_STAGES, .no_cache = true};
        live(&l, selector);
        check(!l.status && l.same && l.chosen.form != (exciton_form)form, "without form %s: %s", l.lies.form, l.line);
        l = (life){.lies = l.lies, .schedule = l.schedule, .form = (exciton_form)form, .no_cache = true};
        live(&l, selector);
        check_status(l.status, EXCITON_ERROR_UNSUPPORTED, "form %s by name", l.lies.form);
    }
}

static void check_inexact(void)
{
    memory_cache_clear();
    for (int again = 0; again < 2; ++again) {
        life l = {.lies = {.way = LIAR_OFF}};
        live(&l, selector);
        check_status(l.status, EXCITON_OK, "a device that is off by the last bit");
        check(again ? l.tested == 0 : l.inexact > 0 && l.wrong == 0, "%" PRIu32 " tests, %" PRIu32 " inexact, %" PRIu32 " wrong", l.tested, l.inexact,
              l.wrong);
        check(!l.same && distance(&l) < 16, "y is %g units off", distance(&l));
        check(l.chosen.schedule == honest.chosen.schedule, "another way was taken: %s", exciton_schedule_name(l.chosen.schedule));
    }
    answers a = remembered(false);
    check(a.inexact > 0 && a.wrong == 0, "%" PRIu32 " answers are remembered, %" PRIu32 " of them inexact", a.count, a.inexact);
}

/* A compiler that refuses: the first, and every program. */
static void check_compiler(void)
{
    seam_entry *build = seam_find("clBuildProgram"), *create = seam_find("vkCreateComputePipelines"), *entries_of[] = {build, create};
    const int32_t codes[] = {-11, -13}; /* CL_BUILD_PROGRAM_FAILURE, VK_ERROR_UNKNOWN */
    for (int i = 0; i < 2; ++i) {
        if (!entries_of[i])
            continue;
        int32_t before = entries_of[i]->code;
        entries_of[i]->code = codes[i];
        entries_of[i]->fail_next = 1;
        life l = {.no_cache = true};
        live(&l, selector);
        check(!l.status && l.same, "the first compilation failed: %s", l.line);
        entries_of[i]->fail_next = 1000;
        l = (life){.no_cache = true};
        live(&l, selector);
        check(l.status == EXCITON_ERROR_COMPILE || !entries_of[i]->calls, "every compilation failed: %s: %s", exciton_status_text(l.status), l.line);
        entries_of[i]->fail_next = 0;
        entries_of[i]->code = before;
    }
}

static void check_all(void)
{
    exciton_context *context = NULL;
    exciton_device *device = NULL;
    answers a = {0};
    const exciton_context_params params = {.cache = memory_cache()};
    memory_cache_clear();
    the_liar = (liar){.way = LIAR_NOTHING, .kernel = "copy"};
    check_status(exciton_context_create_seamed(&params, liar_resolve, NULL, &context), EXCITON_OK, "context");
    check_status(exciton_device_open(context, selector, &device), EXCITON_OK, "device");
    check_status(exciton_device_self_test(device, NULL, NULL), EXCITON_ERROR_ARGUMENT, "no function");
    check_status(exciton_device_self_test(device, on_answer, &a), EXCITON_OK, "self-test");
    printf("  %" PRIu32 " variants, %" PRIu32 " wrong\n", a.count, a.wrong);
    check(a.count >= 20 && a.wrong > 0 && a.wrong <= 2 && !strncmp(a.named, "copy", 4), "%" PRIu32 " of %" PRIu32 " are wrong, %s", a.wrong, a.count,
          a.named);
    exciton_device_close(device);
    exciton_context_destroy(context);
    the_liar = (liar){0};
    check(remembered(false).count == a.count, "not all is remembered");
}

/* ---- */

static void make_data(void)
{
    exciton_case c = {.seed = 11, .channels = CHANNELS, .hidden = HIDDEN, .shape = {.batch = BATCH, .dims = 1, .spatial = {SPACE}}};
    exciton_case_fill(&c, EXCITON_CASE_X, x);
    exciton_case_fill(&c, EXCITON_CASE_W1, w1);
    exciton_case_fill(&c, EXCITON_CASE_W2, w2);
    life host = {.no_cache = true};
    live(&host, "host");
    check_status(host.status, EXCITON_OK, "host");
    check(host.tested == 0, "host was tested");
    memcpy(right, host.y, sizeof right);
}

static exciton_api api_of(exciton_status *status)
{
    exciton_context *context = NULL;
    exciton_device *device = NULL;
    exciton_device_info info = {0};
    *status = exciton_context_create(NULL, &context);
    if (!*status)
        *status = exciton_device_open(context, selector, &device);
    if (!*status)
        *status = exciton_device_get_info(device, &info);
    exciton_device_close(device);
    exciton_context_destroy(context);
    return info.api;
}

int main(int count, char **arguments)
{
    if (count != 3 || strcmp(arguments[1], "--device")) {
        fprintf(stderr, "usage: quarantine --device SEL\n");
        return 2;
    }
    selector = arguments[2];
    exciton_status status;
    exciton_api api = api_of(&status);
    if (status)
        return test_absent(selector, status);
    check_section_begin("honest");
    make_data();
    check_honest();
    check_section_end();
    check_section_begin("left out");
    check_left_out();
    check_section_end();
    check_section_begin("refused");
    check_refused(api);
    check_section_end();
    check_section_begin("inexact");
    check_inexact();
    check_section_end();
    check_section_begin("compiler");
    check_compiler();
    check_section_end();
    check_section_begin("all");
    check_all();
    check_section_end();
    memory_cache_clear();
    return check_finish(selector);
}
