/* The host as a device: always there, needs no driver. */
#include "backends/host/host.h"
#include "base/os.h"

#include <stdio.h>

#define STRING_(x) #x
#define STRING(x) STRING_(x)
#define VERSION STRING(EXCITON_VERSION_MAJOR) "." STRING(EXCITON_VERSION_MINOR) "." STRING(EXCITON_VERSION_PATCH)

static exciton_status enumerate(exciton_env *env, const exciton_be_sink *sink, exciton_be_state **state)
{
    *state = NULL;
    exciton_be_state *made = exciton_allocate(env, sizeof *made);
    if (made == NULL)
        return exciton_fail(EXCITON_ERROR_MEMORY, "devices: host: out of memory");
    const exciton_host_set *sets[EXCITON_HOST_SETS];
    made->env = env;
    made->set = sets[exciton_host_list_sets(sets) - 1];

    char name[128], version[64];
    if (!exciton_processor_name(name, sizeof name))
        snprintf(name, sizeof name, "host");
    snprintf(version, sizeof version, "%s %s", VERSION, made->set->name);
    exciton_status status = sink->device(sink->user, &(exciton_be_found){
        .name = name, .driver = "host", .version = version, .type = EXCITON_DEVICE_HOST, .index = 0});
    if (status != EXCITON_OK) {
        exciton_release(env, made);
        return status;
    }
    *state = made;
    return EXCITON_OK;
}

static void state_destroy(exciton_be_state *state)
{
    if (state != NULL)
        exciton_release(state->env, state);
}

static exciton_status open_device(exciton_be_state *state, uint32_t index, exciton_be_device **device, exciton_limits *limits)
{
    (void)index;
    *device = NULL;
    exciton_be_device *made = exciton_allocate(state->env, sizeof *made);
    if (made == NULL)
        return exciton_fail(EXCITON_ERROR_MEMORY, "device: host: out of memory");
    made->env = state->env;
    made->set = state->set;
    exciton_status status = exciton_host_pool_create(state->env, state->env->host_threads, &made->pool);
    if (status != EXCITON_OK) {
        exciton_release(state->env, made);
        return status;
    }
    *limits = (exciton_limits){
        .max_binding_range = (UINT64_C(1) << 32) - 64, /* offsets of elements fit 32 bits */
        .max_allocation = UINT64_MAX,
        .max_memory = UINT64_MAX,
        .binding_alignment = 4,
        .max_group_size = 1,
        .max_group_count = UINT32_C(1) << 31,
        .max_storage_buffers = 16,
        .max_params = 128,
        .cache_bytes = exciton_processor_cache(),
        .compute_units = exciton_host_pool_threads(made->pool),
        .mappable_device_memory = true,
        .local_memory_is_global = true,
        .forms = {[EXCITON_FORM_ROWS] = true},
    };
    *device = made;
    return EXCITON_OK;
}

static void close_device(exciton_be_device *device)
{
    if (device == NULL)
        return;
    exciton_host_pool_destroy(device->pool);
    exciton_release(device->env, device);
}

const exciton_backend exciton_backend_host = {
    .name = "host",
    .api = EXCITON_API_HOST,
    .enumerate = enumerate,
    .state_destroy = state_destroy,
    .open = open_device,
    .close = close_device,
    .buffer_create = exciton_host_buffer_create,
    .buffer_wrap = exciton_host_buffer_wrap,
    .buffer_destroy = exciton_host_buffer_destroy,
    .buffer_write = exciton_host_buffer_write,
    .buffer_read = exciton_host_buffer_read,
    .buffer_copy = exciton_host_buffer_copy,
    .buffer_map = exciton_host_buffer_map,
    .buffer_unmap = exciton_host_buffer_unmap,
    .kernel_create = exciton_host_kernel_create,
    .kernel_destroy = exciton_host_kernel_destroy,
    .recording_create = exciton_host_recording_create,
    .recording_destroy = exciton_host_recording_destroy,
    .submit = exciton_host_submit,
    .wait = exciton_host_wait,
};
