/* Loaders, the devices behind them, and what each computes: every driver in a process of its own. */
#include "tool/doctor.h"

#include "base/os.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#if !defined(_WIN32)
#  include <dlfcn.h>
#endif

enum { TEXT = 512, DEVICES = 32, CASES = 3 };

typedef struct device_row {
    char name[TEXT], driver[64], api[16], version[TEXT], type[16], selector[TEXT];
    char digest[80];
    uint32_t tested, wrong, inexact;
    bool host;
} device_row;

typedef struct listing {
    doctor_report *report;
    device_row *devices;
    uint32_t count;
    device_row *current;
    const char *stage;     /* what the child is about, for a crash */
} listing;

/* A field's text: what separates fields is none of it. */
static void put(FILE *out, const char *text)
{
    fputc('\t', out);
    for (; *text; text++)
        fputc(*text == '\t' || *text == '\n' || *text == '\r' ? ' ' : *text, out);
}

static void tell(FILE *out, const char *word, uint32_t count, const char *const *fields)
{
    fprintf(out, "=%s", word);
    for (uint32_t i = 0; i < count; i++)
        put(out, fields[i]);
    fputc('\n', out);
    fflush(out);
}

/* ---- children: loaders ---- */

static void find_loader(FILE *out, const char *api, const char *const *names, uint32_t count, const char *entry)
{
    char first[TEXT] = "", why[TEXT];
    for (uint32_t i = 0; i < count; i++) {
        const char *file = names[i];
        void *library = exciton_library_open(names[i], why, sizeof why);
        if (!library) {
            if (!first[0]) /* the usual name's reason */
                snprintf(first, sizeof first, "%s", why);
            continue;
        }
#if !defined(_WIN32)
        Dl_info info;
        union { void (*function)(void); void *object; } symbol = {.function = exciton_library_symbol(library, entry)};
        if (symbol.object && dladdr(symbol.object, &info) && info.dli_fname)
            file = info.dli_fname;
#else
        (void)entry;
#endif
        tell(out, "loader", 3, (const char *const[]){api, file, "-"});
        return;
    }
    tell(out, "loader", 3, (const char *const[]){api, "-", first});
}

/* Of the APIs that were built in. */
static void find_loaders(const void *argument, FILE *out)
{
    (void)argument;
#if defined(_WIN32)
#  define OPENCL_LOADERS "OpenCL.dll"
#  define VULKAN_LOADERS "vulkan-1.dll"
#else
#  define OPENCL_LOADERS "libOpenCL.so.1", "libOpenCL.so"
#  define VULKAN_LOADERS "libvulkan.so.1", "libvulkan.so"
#endif
#if defined(EXCITON_OPENCL)
    static const char *const opencl[] = {OPENCL_LOADERS};
    find_loader(out, "opencl", opencl, sizeof opencl / sizeof *opencl, "clGetPlatformIDs");
#endif
#if defined(EXCITON_VULKAN)
    static const char *const vulkan[] = {VULKAN_LOADERS};
    find_loader(out, "vulkan", vulkan, sizeof vulkan / sizeof *vulkan, "vkGetInstanceProcAddr");
#endif
#if !defined(EXCITON_OPENCL) && !defined(EXCITON_VULKAN)
    (void)find_loader;
    (void)out;
#endif
}

/* ---- children: the list ---- */

static void list_devices(const void *argument, FILE *out)
{
    (void)argument;
    exciton_context *context = NULL;
    uint32_t count = 0;
    exciton_device_info info;
    exciton_absence absence;
    exciton_status status = exciton_context_create(NULL, &context);
    if (status == EXCITON_OK)
        status = exciton_device_count(context, &count);
    if (status != EXCITON_OK) {
        tell(out, "failed", 1, (const char *const[]){exciton_last_error()});
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        if (exciton_device_describe(context, i, &info) == EXCITON_OK)
            tell(out, "device", 6, (const char *const[]){info.name, info.driver, tool_api_name(info.api), info.version, tool_type_name(info.type),
                                                         info.selected_by});
    if (exciton_absence_count(context, &count) != EXCITON_OK)
        count = 0;
    for (uint32_t i = 0; i < count; i++)
        if (exciton_absence_describe(context, i, &absence) == EXCITON_OK)
            tell(out, "absent", 2, (const char *const[]){tool_api_name(absence.api), absence.reason});
}

/* Whether what the environment names is a device: opening is the only way to ask. */
static void open_named(const void *argument, FILE *out)
{
    (void)argument;
    exciton_context *context = NULL;
    exciton_device *device = NULL;
    exciton_status status = exciton_context_create(NULL, &context);
    if (status == EXCITON_OK)
        status = exciton_device_open(context, NULL, &device);
    if (status == EXCITON_ERROR_ABSENT || status == EXCITON_ERROR_AMBIGUOUS)
        tell(out, "unnamed", 1, (const char *const[]){exciton_last_error()});
}

/* ---- children: a device ---- */

static void on_answer(void *user, const char *variant, exciton_answer answer, const char *why)
{
    static const char *const names[] = {"none", "exact", "inexact", "wrong"};
    tell(user, "answer", 3, (const char *const[]){variant, names[answer], why[0] ? why : "-"});
}

static void tell_limits(FILE *out, const exciton_limits *l)
{
    const struct {
        const char *name;
        uint64_t value;
    } limits[] = {
        {"max_binding_range", l->max_binding_range}, {"max_allocation", l->max_allocation}, {"max_memory", l->max_memory},
        {"binding_alignment", l->binding_alignment}, {"max_group_size", l->max_group_size}, {"max_group_count", l->max_group_count},
        {"local_memory", l->local_memory}, {"max_storage_buffers", l->max_storage_buffers}, {"max_params", l->max_params},
        {"compute_units", l->compute_units}, {"subgroup_size", l->subgroup_size}, {"max_iterations", l->max_iterations},
        {"max_texel_elements", l->max_texel_elements}, {"mappable_device_memory", l->mappable_device_memory},
        {"local_memory_is_global", l->local_memory_is_global},
    };
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        char value[24];
        snprintf(value, sizeof value, "%" PRIu64, limits[i].value);
        tell(out, "limit", 2, (const char *const[]){limits[i].name, value});
    }
}

static exciton_status verify(exciton_device *device, FILE *out)
{
    exciton_verify_result result;
    char cases[16], failed[16];
    exciton_status status = exciton_device_verify(device, &(exciton_verify_params){.cases = CASES}, &result);
    if (status != EXCITON_OK)
        return status;
    snprintf(cases, sizeof cases, "%" PRIu32, result.cases);
    snprintf(failed, sizeof failed, "%" PRIu32, result.failed);
    tell(out, "verified", 4, (const char *const[]){cases, failed, result.digest, result.first_failure[0] ? result.first_failure : "-"});
    return EXCITON_OK;
}

static void try_device(const void *argument, FILE *out)
{
    exciton_context *context = NULL;
    exciton_device *device = NULL;
    exciton_limits limits;
    const char *stage = "opening it";
    tell(out, "stage", 1, (const char *const[]){stage});
    exciton_status status = tool_context(false, &context);
    if (status == EXCITON_OK)
        status = exciton_device_open(context, argument, &device);
    if (status == EXCITON_OK)
        status = exciton_device_get_limits(device, &limits);
    if (status == EXCITON_OK) {
        tell_limits(out, &limits);
        tell(out, "stage", 1, (const char *const[]){stage = "its known-answer tests"});
        status = exciton_device_self_test(device, on_answer, out);
    }
    if (status == EXCITON_OK) {
        tell(out, "stage", 1, (const char *const[]){stage = "verifying it"});
        status = verify(device, out);
    }
    if (status != EXCITON_OK)
        tell(out, "failed", 2, (const char *const[]){stage, exciton_last_error()});
    exciton_device_close(device);
    exciton_context_destroy(context);
}

/* ---- what they told ---- */

/* A driver's own words, seldom harmless. */
static void on_spoken(listing *l, const char *line)
{
    char what[TEXT];
    if (strstr(line, "XDG_RUNTIME_DIR"))
        return; /* found by itself */
    snprintf(what, sizeof what, "a driver says on stderr while we are %s", l->stage);
    doctor_find(l->report, DOCTOR_NOTE, what, line, "none, if all else is well");
}

static void on_absent(doctor_report *report, const char *api, const char *reason)
{
    char what[64];
    doctor_row(report, DOCTOR_ABSENT, (const char *const[]){api, reason});
    if (!strcmp(reason, "left out of this build"))
        return;
    if (!strncmp(reason, "no loader", 9)) {
        snprintf(what, sizeof what, "no %s loader", !strcmp(api, "vulkan") ? "Vulkan" : "OpenCL");
        doctor_find(report, DOCTOR_WARNING, what, reason,
                    !strcmp(api, "vulkan") ? "install it (Debian: libvulkan1), or do without Vulkan" : "install it (Debian: ocl-icd-libopencl1), or do without OpenCL");
        return;
    }
    if (!strncmp(reason, "the loader has no", 17)) {
        snprintf(what, sizeof what, "no %s driver", !strcmp(api, "vulkan") ? "Vulkan" : "OpenCL");
        doctor_find(report, DOCTOR_NOTE, what, reason, "install a driver of your device, or for tests pocl-opencl-icd, mesa-vulkan-drivers");
        return;
    }
    snprintf(what, sizeof what, "a driver of %s fails while devices are listed", !strcmp(api, "vulkan") ? "Vulkan" : "OpenCL");
    doctor_find(report, DOCTOR_ERROR, what, reason, "see the findings about its files and cache; else reinstall or update the driver");
}

static void on_device(listing *l, char *line)
{
    if (l->count == DEVICES)
        return;
    device_row *d = &l->devices[l->count++];
    snprintf(d->name, sizeof d->name, "%s", doctor_field(&line));
    snprintf(d->driver, sizeof d->driver, "%s", doctor_field(&line));
    snprintf(d->api, sizeof d->api, "%s", doctor_field(&line));
    snprintf(d->version, sizeof d->version, "%s", doctor_field(&line));
    snprintf(d->type, sizeof d->type, "%s", doctor_field(&line));
    snprintf(d->selector, sizeof d->selector, "%s", doctor_field(&line));
    snprintf(d->digest, sizeof d->digest, "-");
    d->host = !strcmp(d->api, "host");
}

static void on_line(void *user, char *line, bool spoken)
{
    listing *l = user;
    if (spoken) {
        on_spoken(l, line);
        return;
    }
    const char *word = doctor_field(&line);
    if (!strcmp(word, "loader")) {
        const char *api = doctor_field(&line), *file = doctor_field(&line), *why = doctor_field(&line);
        doctor_row(l->report, DOCTOR_LOADERS, (const char *const[]){api, file, why});
    } else if (!strcmp(word, "absent")) {
        const char *api = doctor_field(&line), *reason = doctor_field(&line);
        on_absent(l->report, api, reason);
    } else if (!strcmp(word, "unnamed")) {
        doctor_find(l->report, DOCTOR_ERROR, "EXCITON_DEVICE names no single device", doctor_field(&line), "unset it, or set it to one of the devices' SELECTED BY");
    } else if (!strcmp(word, "failed")) {
        doctor_find(l->report, DOCTOR_ERROR, "devices can't be listed", doctor_field(&line), "free memory");
    } else if (!strcmp(word, "device")) {
        on_device(l, line);
    }
}

static void on_answered(listing *l, char *line)
{
    device_row *d = l->current;
    char what[2 * TEXT];
    const char *variant = doctor_field(&line), *answer = doctor_field(&line), *why = doctor_field(&line);
    doctor_row(l->report, DOCTOR_ANSWERS, (const char *const[]){d->selector, variant, answer, why});
    d->tested++;
    if (!strcmp(answer, "wrong")) {
        d->wrong++;
        snprintf(what, sizeof what, "%s (%s): kernel variant %s answers wrongly", d->name, d->driver, variant);
        doctor_find(l->report, DOCTOR_ERROR, what, why, "it is not used, others are; update the driver, and report it to its makers");
    } else if (!strcmp(answer, "inexact") && d->inexact++ == 0) {
        snprintf(what, sizeof what, "%s (%s): arithmetic does not round to nearest, first seen with %s", d->name, d->driver, variant);
        doctor_find(l->report, DOCTOR_WARNING, what, why, "results are within the error bound, but not the bits of other devices");
    }
}

static void on_device_line(void *user, char *line, bool spoken)
{
    listing *l = user;
    device_row *d = l->current;
    char what[2 * TEXT];
    if (spoken) {
        on_spoken(l, line);
        return;
    }
    const char *word = doctor_field(&line);
    if (!strcmp(word, "stage")) {
        const char *stage = doctor_field(&line);
        l->stage = strstr(stage, "opening") ? "opening it" : strstr(stage, "known") ? "running its known-answer tests" : "verifying it";
    } else if (!strcmp(word, "limit")) {
        const char *name = doctor_field(&line), *value = doctor_field(&line);
        doctor_row(l->report, DOCTOR_LIMITS, (const char *const[]){d->selector, name, value});
    } else if (!strcmp(word, "answer")) {
        on_answered(l, line);
    } else if (!strcmp(word, "verified")) {
        (void)doctor_field(&line);
        const char *failed = doctor_field(&line), *digest = doctor_field(&line), *first = doctor_field(&line);
        snprintf(d->digest, sizeof d->digest, "%s", digest);
        snprintf(what, sizeof what, "%s (%s): %s of %d verified cases failed", d->name, d->driver, failed, CASES);
        if (strcmp(failed, "0"))
            doctor_find(l->report, DOCTOR_ERROR, what, first, "don't trust it; update the driver; report it with the output of exciton verify");
    } else if (!strcmp(word, "failed")) {
        const char *stage = doctor_field(&line), *why = doctor_field(&line);
        snprintf(what, sizeof what, "%s (%s): %s failed", d->name, d->driver, stage);
        doctor_find(l->report, DOCTOR_ERROR, what, why,
                    strstr(stage, "opening") ? "look at the system's log for the driver; restart the device or the machine; update the driver" : "update the driver");
    }
}

/* ---- all ---- */

static void look_at_device(listing *l, device_row *d)
{
    char end[128], what[2 * TEXT], tested[16], wrong[16];
    l->current = d;
    l->stage = "opening it";
    doctor_child(try_device, d->selector, on_device_line, l, end, sizeof end);
    if (end[0]) {
        snprintf(what, sizeof what, "%s (%s): the driver crashed or hung while we were %s", d->name, d->driver, l->stage);
        doctor_find(l->report, DOCTOR_ERROR, what, end, "update the driver; report it to its makers");
    }
    snprintf(tested, sizeof tested, "%u", (unsigned)d->tested);
    snprintf(wrong, sizeof wrong, "%u", (unsigned)d->wrong);
    doctor_row(l->report, DOCTOR_DEVICES, (const char *const[]){d->name, d->driver, d->api, d->version, d->type, d->selector, tested, wrong, d->digest});
}

void doctor_look_at_devices(doctor_report *report)
{
    const char *wanted = getenv("EXCITON_DEVICE");
    char end[128];
    listing l = {.report = report, .stage = "looking for loaders", .devices = calloc(DEVICES, sizeof *l.devices)};
    if (!l.devices) {
        report->sections[DOCTOR_DEVICES].failed = true;
        return;
    }
    doctor_child(find_loaders, NULL, on_line, &l, end, sizeof end);
    l.stage = "listing devices";
    doctor_child(list_devices, NULL, on_line, &l, end, sizeof end);
    if (end[0])
        doctor_find(report, DOCTOR_ERROR, "a driver crashes or hangs while devices are listed", end,
                    "look at the drivers above: hide them one by one (OCL_ICD_VENDORS, VK_DRIVER_FILES) to find which");
    if (wanted && *wanted)
        doctor_child(open_named, NULL, on_line, &l, end, sizeof end);
    for (uint32_t i = 0; i < l.count; i++) {
        tool_progress_set(l.devices[i].selector, i, l.count);
        look_at_device(&l, &l.devices[i]);
    }
    free(l.devices);
}
