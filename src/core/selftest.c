#include "core/selftest.h"

#include "base/checked.h"
#include "core/selftest_judge.h"

#include <stdio.h>
#include <string.h>

/* What the tests of a device need; made for the first, and freed when no more are to be expected. */
struct exciton_selftest {
    exciton_env env; /* of the host backend that knows the answers: one thread, no seam */
    exciton_be_state *state;
    exciton_be_device *host;
    exciton_be_kernel *host_kernels[EXCITON_KERNEL_COUNT];
    exciton_known_set set;
    exciton_be_buffer *host_buffers[EXCITON_ROLES], *buffers[EXCITON_ROLES];
    float *answers[EXCITON_ROLES]; /* host_buffers', mapped */
    float *got;                    /* what was read of one of the device's */
};

static const exciton_backend *const oracle = &exciton_backend_host;

void exciton_variant_text(const exciton_kernel_spec *spec, char text[EXCITON_VARIANT_TEXT])
{
    char local[24] = "";
    if (spec->local_floats)
        snprintf(local, sizeof local, " l%u", (unsigned)spec->local_floats);
    snprintf(text, EXCITON_VARIANT_TEXT, "%s %s%s%s g%u%s%s", exciton_kernel_describe(spec->kernel)->name, exciton_form_name(spec->form),
             spec->texels ? " texels" : "", spec->clblast ? " clblast" : "", (unsigned)spec->group_size, local, spec->in_place ? " in-place" : "");
}

bool exciton_selftest_wanted(const exciton_device *d) { return d->backend->kernel_identify && !d->context->no_self_test; }

/* ---- making ready ---- */

static exciton_status on_host(void *user, const exciton_be_found *found)
{
    (void)user, (void)found;
    return EXCITON_OK;
}

static exciton_status open_host(exciton_device *d, struct exciton_selftest *t)
{
    exciton_limits limits;
    exciton_be_sink sink = {.device = on_host};
    t->env = d->context->env;
    t->env.host_threads = 1;
    t->env.resolve = NULL;
    exciton_status status = oracle->enumerate(&t->env, &sink, &t->state);
    if (!status)
        status = oracle->open(t->state, 0, &t->host, &limits);
    for (int kernel = 0; !status && kernel < EXCITON_KERNEL_COUNT; ++kernel) {
        exciton_kernel_spec spec = {.kernel = (exciton_kernel)kernel, .form = EXCITON_FORM_ROWS, .group_size = 1};
        status = oracle->kernel_create(t->host, &spec, &t->host_kernels[kernel]);
    }
    return status;
}

static exciton_status make_buffers(exciton_device *d, struct exciton_selftest *t)
{
    uint64_t most = 0;
    exciton_status status = EXCITON_OK;
    for (int role = 0; !status && role < EXCITON_ROLES; ++role) {
        uint64_t bytes = t->set.count[role] * sizeof(float);
        void *mapped;
        most = exciton_max(most, t->set.count[role]);
        status = oracle->buffer_create(t->host, bytes, EXCITON_DOMAIN_DEFAULT, false, &t->host_buffers[role]);
        if (!status)
            status = oracle->buffer_map(t->host_buffers[role], true, &mapped);
        if (!status)
            t->answers[role] = mapped;
        if (!status) /* not of the caller's cap: they are gone before the call ends */
            status = d->backend->buffer_create(d->be, bytes, EXCITON_DOMAIN_DEFAULT, d->no_mappable, &t->buffers[role]);
    }
    if (!status && !(t->got = exciton_allocate_array(&t->env, most, sizeof *t->got)))
        status = exciton_fail(EXCITON_ERROR_MEMORY, "self-test: out of memory");
    if (!status) {
        memcpy(t->answers[EXCITON_ROLE_W], t->set.image[EXCITON_ROLE_W], t->set.count[EXCITON_ROLE_W] * sizeof(float));
        status = d->backend->buffer_write(t->buffers[EXCITON_ROLE_W], 0, t->set.image[EXCITON_ROLE_W], t->set.count[EXCITON_ROLE_W] * sizeof(float));
    }
    return status;
}

static void release(exciton_device *d)
{
    struct exciton_selftest *t = d->selftest;
    if (!t)
        return;
    for (int role = 0; role < EXCITON_ROLES; ++role) {
        if (t->buffers[role])
            d->backend->buffer_destroy(t->buffers[role]);
        oracle->buffer_destroy(t->host_buffers[role]);
    }
    exciton_release(&t->env, t->got);
    exciton_known_release(&t->env, &t->set);
    for (int kernel = 0; kernel < EXCITON_KERNEL_COUNT; ++kernel)
        oracle->kernel_destroy(t->host_kernels[kernel]);
    oracle->close(t->host);
    oracle->state_destroy(t->state);
    exciton_release(&d->context->env, t);
    d->selftest = NULL;
}

static exciton_status prepare(exciton_device *d)
{
    if (d->selftest)
        return EXCITON_OK;
    d->selftest = exciton_allocate(&d->context->env, sizeof *d->selftest);
    if (!d->selftest)
        return exciton_fail(EXCITON_ERROR_MEMORY, "self-test: out of memory");
    exciton_status status = open_host(d, d->selftest);
    if (!status)
        status = exciton_known_make(&d->selftest->env, &d->selftest->set);
    if (!status)
        status = make_buffers(d, d->selftest);
    if (status)
        release(d);
    return status;
}

void exciton_selftest_settle(exciton_device *d)
{
    release(d);
    exciton_selftest_remember(d);
}

/* ---- a test ---- */

static void spread(exciton_be_buffer *const by_role[EXCITON_ROLES], exciton_be_buffer *by_slot[EXCITON_SLOT_COUNT])
{
    for (int slot = 0; slot < EXCITON_SLOT_COUNT; ++slot)
        by_slot[slot] = by_role[exciton_role_of[slot]];
}

static exciton_status run_on_host(struct exciton_selftest *t, const exciton_step_list *list)
{
    exciton_be_buffer *buffers[EXCITON_SLOT_COUNT];
    exciton_be_recording *recording;
    exciton_be_kernel **kernels = exciton_allocate_array(&t->env, list->count + 1, sizeof *kernels);
    if (!kernels)
        return exciton_fail(EXCITON_ERROR_MEMORY, "self-test: out of memory");
    for (uint32_t i = 0; i < list->count; ++i)
        kernels[i] = t->host_kernels[list->steps[i].kernel.kernel];
    spread(t->host_buffers, buffers);
    uint64_t serial;
    exciton_status status = oracle->recording_create(t->host, list->steps, list->count, kernels, buffers, &recording);
    if (!status) {
        status = oracle->submit(t->host, &recording, 1, &serial);
        oracle->recording_destroy(recording);
    }
    exciton_release(&t->env, kernels);
    return status;
}

static exciton_status run_on_device(exciton_device *d, const exciton_step_list *list, exciton_be_kernel *kernel)
{
    struct exciton_selftest *t = d->selftest;
    exciton_be_buffer *buffers[EXCITON_SLOT_COUNT];
    exciton_be_recording *recording;
    exciton_be_kernel **kernels = exciton_allocate_array(&t->env, list->count, sizeof *kernels);
    if (!kernels)
        return exciton_fail(EXCITON_ERROR_MEMORY, "self-test: out of memory");
    for (uint32_t i = 0; i < list->count; ++i)
        kernels[i] = kernel;
    spread(t->buffers, buffers);
    exciton_status status = d->backend->recording_create(d->be, list->steps, list->count, kernels, buffers, &recording);
    if (!status) {
        status = d->backend->submit(d->be, &recording, 1, &d->serial);
        if (!status)
            status = d->backend->wait(d->be, d->serial, EXCITON_WAIT_DEFAULT);
        d->backend->recording_destroy(recording);
    }
    exciton_release(&t->env, kernels);
    return status;
}

/* Host does what comes before the kernel; what it leaves is what the kernel finds on both. */
static exciton_status compute(exciton_device *d, const exciton_step_list *before, const exciton_step_list *steps, exciton_be_kernel *kernel)
{
    struct exciton_selftest *t = d->selftest;
    for (int role = 0; role < EXCITON_ROLES; ++role)
        if (role != EXCITON_ROLE_W)
            memcpy(t->answers[role], t->set.image[role], t->set.count[role] * sizeof(float));
    exciton_status status = before->count ? run_on_host(t, before) : EXCITON_OK;
    for (int role = 0; !status && role < EXCITON_ROLES; ++role)
        if (role != EXCITON_ROLE_W)
            status = d->backend->buffer_write(t->buffers[role], 0, t->answers[role], t->set.count[role] * sizeof(float));
    if (!status)
        status = run_on_host(t, steps);
    return status ? status : run_on_device(d, steps, kernel);
}

static exciton_status judge(exciton_device *d, exciton_finding *finding)
{
    struct exciton_selftest *t = d->selftest;
    exciton_status status = EXCITON_OK;
    for (int role = 0; !status && role < EXCITON_ROLES; ++role) {
        status = d->backend->buffer_read(t->buffers[role], 0, t->got, t->set.count[role] * sizeof(float));
        if (!status)
            status = exciton_known_judge(&t->env, &t->set, (exciton_role)role, t->got, t->answers[role], finding);
    }
    return status;
}

static void say(const exciton_device *d, const exciton_finding *finding, uint64_t nanoseconds)
{
    static const char *const words[] = {"not tested", "exact", "other bits, within the bound", "wrong"};
    char variant[EXCITON_VARIANT_TEXT];
    exciton_variant_text(&finding->spec, variant);
    bool expected = finding->spec.clblast || finding->verdict != EXCITON_ANSWER_INEXACT;
    exciton_log(&d->context->env, expected ? EXCITON_LOG_DEBUG : EXCITON_LOG_WARNING, "self-test: %s: %s: %s%s%s (%u us)",
                d->found->info.name, variant, words[finding->verdict], finding->why[0] ? ": " : "", finding->why, (unsigned)(nanoseconds / 1000));
}

exciton_status exciton_selftest_run(exciton_device *d, const exciton_kernel_spec *spec, exciton_be_kernel *kernel, exciton_finding *finding)
{
    const exciton_env *env = &d->context->env;
    uint64_t begin = exciton_clock();
    exciton_step_list before = {0}, steps = {0};
    *finding = (exciton_finding){.spec = *spec, .verdict = EXCITON_ANSWER_EXACT};
    exciton_status status = prepare(d);
    if (!status)
        status = exciton_known_steps(env, &d->selftest->set, spec, d->limits.max_group_count ? d->limits.max_group_count : 65535, &before, &steps);
    if (!status)
        status = compute(d, &before, &steps, kernel);
    if (!status)
        status = judge(d, finding);
    exciton_steps_release(env, &before);
    exciton_steps_release(env, &steps);
    if (!status)
        say(d, finding, exciton_clock() - begin);
    return exciton_device_note(d, status);
}

/* ---- all of them ---- */

enum { ALL = 2 * EXCITON_SE_VARIANTS, COPY_GROUP = 128 };

static void list_all(const exciton_device *d, const exciton_se_problem *p, exciton_kernel_spec specs[ALL], uint32_t *count)
{
    const exciton_limits *l = &d->limits;
    *count = 0;
    for (int form = EXCITON_FORM_ROWS; form <= EXCITON_FORM_LANES; ++form) {
        if (!l->forms[form])
            continue;
        for (int schedule = EXCITON_SCHEDULE_THREE_STAGES; schedule <= EXCITON_SCHEDULE_PIPELINED; ++schedule) {
            exciton_se_way way = exciton_se_way_of(p, l, l->max_group_size, (exciton_schedule)schedule, (exciton_form)form);
            if (!exciton_se_feasible(p, l, &way, 1))
                exciton_se_way_variants(p, l, &way, specs, count);
        }
        specs[(*count)++] = (exciton_kernel_spec){
            .kernel = EXCITON_KERNEL_STREAM, .form = (exciton_form)form,
            .group_size = form == EXCITON_FORM_ROWS ? 1 : exciton_se_plain_group(&(exciton_limits){.max_group_size = l->max_group_size}, COPY_GROUP)};
    }
}

/* The kernel by itself: what plans have made, and left out, stays as it is. */
static exciton_status test_one(exciton_device *d, exciton_kernel_spec *spec, exciton_finding *finding)
{
    exciton_be_kernel *kernel = NULL;
    uint32_t limit = 0;
    exciton_status status = d->backend->kernel_group_limit ? d->backend->kernel_group_limit(d->be, spec, &limit) : EXCITON_OK;
    while (!status && limit && spec->group_size > limit)
        spec->group_size /= 2;
    *finding = (exciton_finding){.spec = *spec};
    if (!status)
        status = d->backend->kernel_create(d->be, spec, &kernel);
    if (status == EXCITON_ERROR_COMPILE) {
        finding->verdict = EXCITON_ANSWER_WRONG;
        snprintf(finding->why, sizeof finding->why, "%s", exciton_last_error());
        return EXCITON_OK;
    }
    if (!status)
        status = exciton_selftest_run(d, spec, kernel, finding);
    if (!status)
        exciton_selftest_note(d, finding);
    d->backend->kernel_destroy(kernel);
    return exciton_device_note(d, status);
}

exciton_status exciton_device_self_test(exciton_device *d, exciton_answer_fn verdict, void *user)
{
    exciton_status status = exciton_device_check(d, "device_self_test");
    if (!status && !verdict)
        status = exciton_fail(EXCITON_ERROR_ARGUMENT, "device_self_test: say: NULL");
    const float nothing = 0;
    const exciton_se se = {.channels = 256, .fc1 = {.data = &nothing}, .fc2 = {.data = &nothing}, .max = {.batch = 8, .dims = 2, .spatial = {56, 56}}};
    exciton_se_problem problem;
    if (!status)
        status = exciton_se_check(&se, &problem);
    if (status || !d->backend->kernel_identify)
        return status;
    exciton_kernel_spec specs[ALL];
    uint32_t count;
    list_all(d, &problem, specs, &count);
    for (uint32_t i = 0; !status && i < count; ++i) {
        exciton_finding finding;
        char variant[EXCITON_VARIANT_TEXT];
        exciton_device_lock(d);
        status = test_one(d, &specs[i], &finding);
        exciton_device_unlock(d);
        exciton_variant_text(&specs[i], variant);
        if (status)
            status = exciton_fail_within(status, "%s", variant);
        else
            verdict(user, variant, finding.verdict, finding.why);
    }
    exciton_device_lock(d);
    exciton_selftest_settle(d);
    exciton_device_unlock(d);
    return status;
}
