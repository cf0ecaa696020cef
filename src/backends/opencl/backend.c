/* The table of the OpenCL backend, and what devices there are. */
#include "backends/opencl/opencl.h"

#include <ctype.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { PLATFORMS = 32, DEVICES = 64, REASON_BYTES = 512, WORD_BYTES = 64 };

/* ---- asking ---- */

static cl_int text_info(const exciton_cl *cl, cl_platform_id platform, cl_device_id id, cl_uint what, size_t size, char *text, size_t *used)
{
    return id ? cl->clGetDeviceInfo(id, what, size, text, used) : cl->clGetPlatformInfo(platform, what, size, text, used);
}

char *exciton_cl_text(const exciton_be_state *state, cl_platform_id platform, cl_device_id id, cl_uint what, cl_int *code)
{
    size_t size = 0;
    *code = text_info(&state->cl, platform, id, what, 0, NULL, &size);
    if (*code != CL_SUCCESS)
        return NULL;
    char *text = size < SIZE_MAX ? exciton_allocate(state->env, size + 1) : NULL; /* zeroed: a text without end gets one */
    if (!text || size == 0)
        return text;
    *code = text_info(&state->cl, platform, id, what, size, text, NULL);
    if (*code == CL_SUCCESS)
        return text;
    exciton_release(state->env, text);
    return NULL;
}

bool exciton_cl_device_value(const exciton_cl *cl, cl_device_id id, cl_device_info what, void *value, size_t size)
{
    unsigned char given[64];
    size_t used = 0;
    if (size > sizeof given || cl->clGetDeviceInfo(id, what, sizeof given, given, &used) != CL_SUCCESS || used != size)
        return false;
    memcpy(value, given, size);
    return true;
}

/* ---- words ---- */

static bool contains(const char *text, const char *lower)
{
    size_t length = strlen(lower);
    for (; *text; ++text) {
        size_t i = 0;
        while (i < length && tolower((unsigned char)text[i]) == lower[i])
            ++i;
        if (i == length)
            return true;
    }
    return false;
}

/* An extension is a whole word of the list. */
static bool extends(const char *extensions, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = extensions; (at = strstr(at, name)); at += length)
        if ((at == extensions || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return true;
    return false;
}

/* "Some Vendor(TM) OpenCL" becomes "some-vendor-opencl". */
static void clean(const char *name, char word[WORD_BYTES])
{
    size_t used = 0;
    for (; *name && used + 2 < WORD_BYTES; ++name) {
        if (*name == '(') {
            const char *end = strchr(name, ')');
            name = end ? end : name;
        } else if (isalnum((unsigned char)*name)) {
            word[used++] = (char)tolower((unsigned char)*name);
        } else if (used && word[used - 1] != '-') {
            word[used++] = '-';
        }
    }
    while (used && word[used - 1] == '-')
        --used;
    word[used] = '\0';
    if (!used)
        strcpy(word, "unknown");
}

typedef struct exciton_cl_platform {
    cl_platform_id id;
    char *name, *version, *vendor;
} exciton_cl_platform;

static void driver_word(const exciton_cl_platform *platform, cl_device_type type, char word[WORD_BYTES])
{
    static const struct {
        const char *part, *word;
    } known[] = {{"portable computing language", "pocl"}, {"pocl", "pocl"}, {"rusticl", "rusticl"}, {"oclgrind", "oclgrind"}, {"nvidia", "nvidia"}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; ++i)
        if (contains(platform->name, known[i].part) || contains(platform->version, known[i].part)) {
            strcpy(word, known[i].word);
            return;
        }
    if ((type & CL_DEVICE_TYPE_CPU) && (contains(platform->name, "intel") || contains(platform->vendor, "intel")))
        strcpy(word, "intel-cpu");
    else
        clean(platform->name, word);
}

static exciton_device_type device_type(const exciton_cl *cl, cl_device_id id, const char *name, cl_device_type type)
{
    cl_bool unified = CL_FALSE;
    if ((type & CL_DEVICE_TYPE_CPU) || contains(name, "llvmpipe"))
        return EXCITON_DEVICE_SOFTWARE;
    if (!(type & CL_DEVICE_TYPE_GPU) || contains(name, "virgl") || contains(name, "virtio"))
        return EXCITON_DEVICE_VIRTUAL;
    (void)exciton_cl_device_value(cl, id, CL_DEVICE_HOST_UNIFIED_MEMORY, &unified, sizeof unified);
    return unified ? EXCITON_DEVICE_INTEGRATED : EXCITON_DEVICE_DISCRETE;
}

/* ---- devices ---- */

typedef struct exciton_cl_listing {
    exciton_be_state *state;
    const exciton_be_sink *sink;
    exciton_cl_platform platform;
} exciton_cl_listing;

static exciton_status absent(const exciton_be_sink *sink, const char *what, const char *why)
{
    char reason[REASON_BYTES];
    snprintf(reason, sizeof reason, "%s: %s", what, why);
    return sink->absent(sink->user, reason);
}

static exciton_status absent_code(const exciton_be_sink *sink, const char *what, const char *call, cl_int code)
{
    char reason[REASON_BYTES];
    snprintf(reason, sizeof reason, "%s: %s: %s (%d)", what, call, exciton_cl_error(code), (int)code);
    return sink->absent(sink->user, reason);
}

/* Text of the device, or OK and a reason told where the driver gives none. */
static exciton_status device_text(const exciton_cl_listing *l, cl_device_id id, cl_device_info what, char **text)
{
    cl_int code;
    *text = exciton_cl_text(l->state, l->platform.id, id, what, &code);
    if (*text)
        return EXCITON_OK;
    if (code == CL_SUCCESS)
        return exciton_fail(EXCITON_ERROR_MEMORY, "opencl: %s: out of memory", l->platform.name);
    return absent_code(l->sink, l->platform.name, "clGetDeviceInfo", code);
}

/* Why the device is of no use; NULL: it is. */
static const char *unfit(const exciton_cl *cl, cl_device_id id, cl_device_type type, const char *version)
{
    cl_bool available = CL_FALSE, compiler = CL_FALSE, little = CL_TRUE;
    unsigned major = 0, minor = 0;
    if (type & CL_DEVICE_TYPE_CUSTOM)
        return "a custom device runs no kernels of ours";
    if (sscanf(version, "OpenCL %u.%u", &major, &minor) != 2 || major < 1 || (major == 1 && minor < 2))
        return "OpenCL 1.2 is needed";
    if (!exciton_cl_device_value(cl, id, CL_DEVICE_AVAILABLE, &available, sizeof available) || !available)
        return "the driver says it is not available";
    if (!exciton_cl_device_value(cl, id, CL_DEVICE_COMPILER_AVAILABLE, &compiler, sizeof compiler) || !compiler)
        return "no compiler";
    if (exciton_cl_device_value(cl, id, CL_DEVICE_ENDIAN_LITTLE, &little, sizeof little) && !little)
        return "not little-endian";
    return NULL;
}

static void identify(const exciton_cl *cl, cl_device_id id, const char *extensions, exciton_be_found *found)
{
    cl_device_pci_bus_info_khr pci;
    found->has_uuid = extends(extensions, "cl_khr_device_uuid") &&
                      exciton_cl_device_value(cl, id, CL_DEVICE_UUID_KHR, found->uuid, sizeof found->uuid);
    found->has_pci = extends(extensions, "cl_khr_pci_bus_info") &&
                     exciton_cl_device_value(cl, id, CL_DEVICE_PCI_BUS_INFO_KHR, &pci, sizeof pci);
    if (found->has_pci) {
        found->pci[0] = pci.pci_domain;
        found->pci[1] = pci.pci_bus;
        found->pci[2] = pci.pci_device;
        found->pci[3] = pci.pci_function;
    }
}

static exciton_status keep(exciton_be_state *state, cl_platform_id platform, cl_device_id id, const char *name, uint32_t *index)
{
    if (state->count == state->capacity) {
        uint32_t capacity = state->capacity ? state->capacity * 2 : 8;
        exciton_cl_found *found = exciton_allocate_array(state->env, capacity, sizeof *found);
        if (!found)
            return exciton_fail(EXCITON_ERROR_MEMORY, "opencl: list of devices: out of memory");
        if (state->count)
            memcpy(found, state->found, state->count * sizeof *found);
        exciton_release(state->env, state->found);
        state->found = found;
        state->capacity = capacity;
    }
    char *copy = exciton_duplicate(state->env, name);
    if (!copy)
        return exciton_fail(EXCITON_ERROR_MEMORY, "opencl: list of devices: out of memory");
    *index = state->count;
    state->found[state->count++] = (exciton_cl_found){.platform = platform, .id = id, .name = copy};
    return EXCITON_OK;
}

enum { NAME, VERSION, DRIVER_VERSION, EXTENSIONS, TEXTS };

static exciton_status add_device(const exciton_cl_listing *l, cl_device_id id, char *const texts[TEXTS])
{
    const exciton_cl *cl = &l->state->cl;
    cl_device_type type = 0;
    char word[WORD_BYTES], what[REASON_BYTES / 2], version[REASON_BYTES / 2];
    snprintf(what, sizeof what, "%s: %s", l->platform.name, texts[NAME]);
    if (!exciton_cl_device_value(cl, id, CL_DEVICE_TYPE, &type, sizeof type))
        return absent(l->sink, what, "the driver does not give its type");
    const char *why = unfit(cl, id, type, texts[VERSION]);
    if (why)
        return absent(l->sink, what, why);
    driver_word(&l->platform, type, word);
    snprintf(version, sizeof version, "%s, %s", texts[DRIVER_VERSION], texts[VERSION]);
    exciton_be_found found = {.name = texts[NAME], .driver = word, .version = version, .type = device_type(cl, id, texts[NAME], type)};
    identify(cl, id, texts[EXTENSIONS], &found);
    exciton_status status = keep(l->state, l->platform.id, id, texts[NAME], &found.index);
    return status ? status : l->sink->device(l->sink->user, &found);
}

static exciton_status list_device(const exciton_cl_listing *l, cl_device_id id)
{
    static const cl_device_info asked[TEXTS] = {CL_DEVICE_NAME, CL_DEVICE_VERSION, CL_DRIVER_VERSION, CL_DEVICE_EXTENSIONS};
    char *texts[TEXTS] = {0};
    exciton_status status = EXCITON_OK;
    int got = 0;
    while (got < TEXTS) {
        status = device_text(l, id, asked[got], &texts[got]);
        if (!texts[got])
            break;
        ++got;
    }
    if (got == TEXTS)
        status = add_device(l, id, texts);
    while (got > 0)
        exciton_release(l->state->env, texts[--got]);
    return status;
}

static exciton_status list_devices(const exciton_cl_listing *l)
{
    cl_device_id ids[DEVICES];
    cl_uint count = 0;
    cl_int code = l->state->cl.clGetDeviceIDs(l->platform.id, CL_DEVICE_TYPE_ALL, DEVICES, ids, &count);
    if (code == CL_DEVICE_NOT_FOUND || (code == CL_SUCCESS && count == 0))
        return absent(l->sink, l->platform.name, "the platform has no device");
    if (code != CL_SUCCESS)
        return absent_code(l->sink, l->platform.name, "clGetDeviceIDs", code);
    exciton_status status = EXCITON_OK;
    for (cl_uint i = 0; !status && i < count && i < DEVICES; ++i)
        status = list_device(l, ids[i]);
    return status;
}

static exciton_status list_platform(exciton_be_state *state, const exciton_be_sink *sink, cl_platform_id id)
{
    exciton_cl_listing l = {.state = state, .sink = sink, .platform = {.id = id}};
    char **const texts[] = {&l.platform.name, &l.platform.version, &l.platform.vendor};
    static const cl_platform_info asked[] = {CL_PLATFORM_NAME, CL_PLATFORM_VERSION, CL_PLATFORM_VENDOR};
    exciton_status status = EXCITON_OK;
    int got = 0;
    for (; got < 3; ++got) {
        cl_int code;
        *texts[got] = exciton_cl_text(state, id, NULL, asked[got], &code);
        if (*texts[got])
            continue;
        status = code == CL_SUCCESS ? exciton_fail(EXCITON_ERROR_MEMORY, "opencl: platform: out of memory")
                                    : absent_code(sink, got ? l.platform.name : "a platform", "clGetPlatformInfo", code);
        break;
    }
    if (got == 3)
        status = list_devices(&l);
    while (got > 0)
        exciton_release(state->env, *texts[--got]);
    return status;
}

static exciton_status list_platforms(exciton_be_state *state, const exciton_be_sink *sink)
{
    cl_platform_id ids[PLATFORMS];
    cl_uint count = 0;
    cl_int code = state->cl.clGetPlatformIDs(PLATFORMS, ids, &count);
    if (code == CL_PLATFORM_NOT_FOUND_KHR || (code == CL_SUCCESS && count == 0))
        return sink->absent(sink->user, "the loader has no platform");
    if (code != CL_SUCCESS)
        return absent_code(sink, "the loader", "clGetPlatformIDs", code);
    exciton_status status = EXCITON_OK;
    for (cl_uint i = 0; !status && i < count && i < PLATFORMS; ++i)
        status = list_platform(state, sink, ids[i]);
    return status;
}

/* ---- the table ---- */

static void state_destroy(exciton_be_state *state)
{
    if (!state)
        return;
    for (uint32_t i = 0; i < state->count; ++i)
        exciton_release(state->env, state->found[i].name);
    exciton_release(state->env, state->found);
    exciton_release(state->env, state);
}

static exciton_status enumerate(exciton_env *env, const exciton_be_sink *sink, exciton_be_state **result)
{
    static _Atomic uint64_t loaded_by; /* one more than the process that first loaded drivers: its children can't use them */
    *result = NULL;
    if (env->privileged)
        return sink->absent(sink->user, "not loaded: the process has privileges that its caller has not");
    uint64_t process = exciton_process(), none = 0, first = atomic_load(&loaded_by);
    if (first != 0 && first != process + 1)
        return sink->absent(sink->user, "not loaded: drivers were loaded before this process was forked");
    exciton_be_state *state = exciton_allocate(env, sizeof *state);
    if (!state)
        return exciton_fail(EXCITON_ERROR_MEMORY, "opencl: state: out of memory");
    state->env = env;
    state->process = process;
    char why[REASON_BYTES];
    exciton_status status;
    if (exciton_cl_load(env, &state->cl, why, sizeof why)) {
        (void)atomic_compare_exchange_strong(&loaded_by, &none, process + 1);
        status = list_platforms(state, sink);
    } else {
        status = sink->absent(sink->user, why);
    }
    if (status || state->count == 0) {
        state_destroy(state);
        return status;
    }
    *result = state;
    return EXCITON_OK;
}

const exciton_backend exciton_backend_opencl = {
    .name = "opencl",
    .api = EXCITON_API_OPENCL,
    .clblast = true,
    .enumerate = enumerate,
    .state_destroy = state_destroy,
    .open = exciton_cl_open,
    .close = exciton_cl_close,
    .buffer_create = exciton_cl_buffer_create,
    .buffer_destroy = exciton_cl_buffer_destroy,
    .buffer_write = exciton_cl_buffer_write,
    .buffer_read = exciton_cl_buffer_read,
    .buffer_copy = exciton_cl_buffer_copy,
    .buffer_map = exciton_cl_buffer_map,
    .buffer_unmap = exciton_cl_buffer_unmap,
    .kernel_group_limit = exciton_cl_kernel_group_limit,
    .kernel_create = exciton_cl_kernel_create,
    .kernel_destroy = exciton_cl_kernel_destroy,
    .kernel_identify = exciton_cl_kernel_identify,
    .recording_create = exciton_cl_recording_create,
    .recording_destroy = exciton_cl_recording_destroy,
    .submit = exciton_cl_submit,
    .wait = exciton_cl_wait,
};
