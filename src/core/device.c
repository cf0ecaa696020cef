#include "core/device.h"

#include "base/cache.h"
#include "core/select.h"
#include "core/selftest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void exciton_device_lock(exciton_device *d) { exciton_mutex_lock(&d->mutex); }
void exciton_device_unlock(exciton_device *d) { exciton_mutex_unlock(&d->mutex); }

exciton_status exciton_device_note(exciton_device *d, exciton_status status)
{
    if (status == EXCITON_ERROR_LOST)
        __atomic_store_n(&d->lost, true, __ATOMIC_RELAXED);
    return status;
}

exciton_status exciton_device_check(exciton_device *d, const char *what)
{
    exciton_status status = exciton_object_check(d, EXCITON_KIND_DEVICE, what);
    if (!status && __atomic_load_n(&d->lost, __ATOMIC_RELAXED))
        status = exciton_fail(EXCITON_ERROR_LOST, "%s: %s: the device was lost", what, d->found->info.name);
    return status;
}

void exciton_device_identify_info(const exciton_device_info *info, exciton_sha256 *hash)
{
    exciton_cache_key_add_text(hash, exciton_version());
    exciton_cache_key_add_text(hash, info->driver);
    exciton_cache_key_add_text(hash, info->name);
    exciton_cache_key_add_text(hash, info->version);
    exciton_cache_key_add(hash, info->uuid, sizeof info->uuid);
}

void exciton_device_identify(const exciton_device *d, exciton_sha256 *hash)
{
    const exciton_limits *l = &d->limits;
    const uint64_t limits[] = {l->max_binding_range, l->max_group_size, l->max_group_count, l->local_memory, l->max_storage_buffers,
                               l->compute_units, l->subgroup_size, l->max_iterations, l->cache_bytes};
    exciton_device_identify_info(&d->found->info, hash);
    exciton_cache_key_add(hash, limits, sizeof limits);
}

/* ---- opening ---- */

static void lower64(uint64_t *limit, uint64_t clamp)
{
    if (clamp && clamp < *limit)
        *limit = clamp;
}

static void lower32(uint32_t *limit, uint32_t clamp)
{
    if (clamp && clamp < *limit)
        *limit = clamp;
}

static void clamp_limits(exciton_limits *limits, const exciton_limits *clamp)
{
    lower64(&limits->max_binding_range, clamp->max_binding_range);
    lower64(&limits->max_allocation, clamp->max_allocation);
    lower64(&limits->max_memory, clamp->max_memory);
    if (clamp->binding_alignment > limits->binding_alignment)
        limits->binding_alignment = clamp->binding_alignment;
    lower32(&limits->max_group_size, clamp->max_group_size);
    lower32(&limits->max_group_count, clamp->max_group_count);
    lower32(&limits->local_memory, clamp->local_memory);
    lower32(&limits->max_storage_buffers, clamp->max_storage_buffers);
    lower32(&limits->max_params, clamp->max_params);
    lower64(&limits->cache_bytes, clamp->cache_bytes);
    lower32(&limits->compute_units, clamp->compute_units);
    lower32(&limits->subgroup_size, clamp->subgroup_size);
    lower32(&limits->max_texel_elements, clamp->max_texel_elements);
    if (clamp->max_iterations && (!limits->max_iterations || clamp->max_iterations < limits->max_iterations))
        limits->max_iterations = clamp->max_iterations;
}

/* The last step of opening: limits that no kernel could live with are found here and not later. */
static exciton_status check_limits(const exciton_limits *l, const char *name)
{
    uint32_t a = l->binding_alignment;
    if (a < 4 || a > 256 || (a & (a - 1)))
        return exciton_fail(EXCITON_ERROR_UNSUPPORTED, "device_open: %s: binding_alignment %" PRIu32 " is not a power of two from 4 to 256", name, a);
    if (l->max_group_size < 1 || l->max_storage_buffers < 3 || l->max_params < EXCITON_KERNEL_PARAMS * sizeof(uint32_t) || l->max_binding_range < 32768)
        return exciton_fail(EXCITON_ERROR_UNSUPPORTED,
                            "device_open: %s: limits too small: group size %" PRIu32 ", storage buffers %" PRIu32 ", params %" PRIu32
                            ", binding range %" PRIu64,
                            name, l->max_group_size, l->max_storage_buffers, l->max_params, l->max_binding_range);
    return EXCITON_OK;
}

static exciton_status open_found(exciton_context *c, const exciton_found *found, exciton_device **device)
{
    exciton_device *d = exciton_allocate(&c->env, sizeof *d);
    if (!d || !exciton_mutex_init(&d->mutex)) {
        exciton_release(&c->env, d);
        return exciton_fail(EXCITON_ERROR_MEMORY, "device_open: %s: out of memory", found->info.name);
    }
    *d = (exciton_device){.object = {.kind = EXCITON_KIND_DEVICE}, .context = c, .found = found, .backend = found->backend,
                          .no_mappable = c->no_mappable, .mutex = d->mutex};
    exciton_status status = found->backend->open(found->state, found->index, &d->be, &d->limits);
    if (!status) {
        clamp_limits(&d->limits, &c->clamp);
        if (c->no_mappable)
            d->limits.mappable_device_memory = false;
        status = check_limits(&d->limits, found->info.name);
        if (status)
            found->backend->close(d->be);
    }
    if (status) {
        exciton_mutex_destroy(&d->mutex);
        exciton_release(&c->env, d);
        return status;
    }
    exciton_log(&c->env, EXCITON_LOG_INFO, "device: %s (%s): range %" PRIu64 ", alignment %" PRIu32 ", group %" PRIu32 ", local %" PRIu32, found->info.name,
                found->info.driver, d->limits.max_binding_range, d->limits.binding_alignment, d->limits.max_group_size, d->limits.local_memory);
    *device = d;
    return EXCITON_OK;
}

/* A selector that names its API is looked for there only: what isn't asked for isn't loaded. */
static exciton_status find(exciton_context *c, const char *selector, const exciton_found **found)
{
    exciton_api api;
    uint32_t index;
    const exciton_listing *listing = NULL;
    exciton_status status = EXCITON_OK;
    if (exciton_select_api(selector, &api))
        status = exciton_context_list_api(c, api, &listing);
    if (status)
        return status;
    if (!listing || exciton_select(listing->found, listing->found_count, selector, &index)) {
        listing = &c->all; /* a refusal tells all that there is */
        status = exciton_context_list(c);
        if (!status)
            status = exciton_select(listing->found, listing->found_count, selector, &index);
    }
    *found = status ? NULL : &listing->found[index];
    return status;
}

exciton_status exciton_device_open(exciton_context *c, const char *selector, exciton_device **device)
{
    if (device)
        *device = NULL;
    exciton_status status = exciton_object_check(c, EXCITON_KIND_CONTEXT, "device_open");
    if (!status && !device)
        status = exciton_fail(EXCITON_ERROR_ARGUMENT, "device_open: device: NULL");
    if (status)
        return status;
    if (!selector && !c->env.privileged)
        selector = getenv("EXCITON_DEVICE");
    const exciton_found *found;
    status = find(c, selector && *selector ? selector : "auto", &found);
    return status ? status : open_found(c, found, device);
}

void exciton_device_close(exciton_device *d)
{
    if (!d || exciton_object_check(d, EXCITON_KIND_DEVICE, "device_close"))
        return;
    d->backend->wait(d->be, d->serial, EXCITON_WAIT_DEFAULT);
    while (d->deferred) {
        exciton_deferred *next = d->deferred->next;
        d->deferred->free(d->deferred);
        d->deferred = next;
    }
    exciton_selftest_settle(d);
    exciton_selftest_forget(d);
    while (d->kernels) {
        exciton_kernel_node *next = d->kernels->next;
        d->backend->kernel_destroy(d->kernels->kernel);
        exciton_release(&d->context->env, d->kernels->why);
        exciton_release(&d->context->env, d->kernels);
        d->kernels = next;
    }
    d->backend->close(d->be);
    exciton_mutex_destroy(&d->mutex);
    exciton_context_bury(d->context, &d->object);
}

exciton_status exciton_device_get_info(const exciton_device *d, exciton_device_info *info)
{
    exciton_status status = exciton_object_check(d, EXCITON_KIND_DEVICE, "device_get_info");
    if (!status && !info)
        status = exciton_fail(EXCITON_ERROR_ARGUMENT, "device_get_info: info: NULL");
    if (!status)
        *info = d->found->info;
    return status;
}

exciton_status exciton_device_get_limits(const exciton_device *d, exciton_limits *limits)
{
    exciton_status status = exciton_object_check(d, EXCITON_KIND_DEVICE, "device_get_limits");
    if (!status && !limits)
        status = exciton_fail(EXCITON_ERROR_ARGUMENT, "device_get_limits: limits: NULL");
    if (!status)
        *limits = d->limits;
    return status;
}

/* ---- kernels ---- */

static exciton_kernel_node *find_kernel(const exciton_device *d, const exciton_kernel_spec *spec)
{
    for (exciton_kernel_node *n = d->kernels; n; n = n->next)
        if (exciton_kernel_same(&n->spec, spec))
            return n;
    return NULL;
}

bool exciton_device_leaves_out(exciton_device *d, const exciton_kernel_spec *spec)
{
    const exciton_kernel_node *node = find_kernel(d, spec);
    exciton_finding finding;
    if (node || !exciton_selftest_wanted(d))
        return node && !node->kernel;
    return exciton_selftest_recall(d, spec, &finding) && finding.verdict == EXCITON_ANSWER_WRONG;
}

/* What a variant that is left out says from now on. */
static void leave_out(exciton_device *d, exciton_kernel_node *node, exciton_status status, const char *why)
{
    char variant[EXCITON_VARIANT_TEXT], line[EXCITON_WHY + EXCITON_VARIANT_TEXT + 64];
    exciton_variant_text(&node->spec, variant);
    snprintf(line, sizeof line, "%s: %s: %s", d->found->info.name, variant, why);
    d->backend->kernel_destroy(node->kernel);
    node->kernel = NULL;
    node->status = status;
    node->why = exciton_duplicate(&d->context->env, line);
    exciton_log(&d->context->env, EXCITON_LOG_WARNING, "kernel: %s: left out", line);
}

/* As remembered, or tested now. A status other than OK: neither kernel nor verdict. */
static exciton_status prove(exciton_device *d, exciton_kernel_node *node)
{
    exciton_finding finding;
    if (!exciton_selftest_wanted(d) || exciton_selftest_recall(d, &node->spec, &finding))
        return EXCITON_OK; /* a remembered failure is not even compiled */
    exciton_status status = exciton_selftest_run(d, &node->spec, node->kernel, &finding);
    if (status)
        return status;
    exciton_selftest_note(d, &finding);
    if (finding.verdict == EXCITON_ANSWER_WRONG) {
        char why[EXCITON_WHY + 32];
        snprintf(why, sizeof why, "known-answer test: %s", finding.why);
        leave_out(d, node, EXCITON_ERROR_UNSUPPORTED, why);
    }
    return EXCITON_OK;
}

static exciton_status make_kernel(exciton_device *d, exciton_kernel_node *node)
{
    exciton_finding finding;
    if (exciton_selftest_wanted(d) && exciton_selftest_recall(d, &node->spec, &finding) && finding.verdict == EXCITON_ANSWER_WRONG) {
        char why[EXCITON_WHY + 48];
        snprintf(why, sizeof why, "known-answer test (remembered): %s", finding.why);
        leave_out(d, node, EXCITON_ERROR_UNSUPPORTED, why);
        return EXCITON_OK;
    }
    exciton_status status = exciton_device_note(d, d->backend->kernel_create(d->be, &node->spec, &node->kernel));
    if (status == EXCITON_ERROR_COMPILE) {
        leave_out(d, node, status, exciton_last_error());
        return EXCITON_OK;
    }
    if (!status)
        status = prove(d, node);
    return status;
}

exciton_status exciton_device_kernel(exciton_device *d, const exciton_kernel_spec *spec, exciton_be_kernel **kernel)
{
    exciton_kernel_node *node = find_kernel(d, spec);
    if (!node) {
        node = exciton_allocate(&d->context->env, sizeof *node);
        if (!node)
            return exciton_fail(EXCITON_ERROR_MEMORY, "kernel: %s: out of memory", exciton_kernel_describe(spec->kernel)->name);
        node->spec = *spec;
        exciton_status status = make_kernel(d, node);
        if (status) {
            d->backend->kernel_destroy(node->kernel);
            exciton_release(&d->context->env, node);
            return status;
        }
        node->next = d->kernels;
        d->kernels = node;
    }
    *kernel = node->kernel;
    return node->kernel ? EXCITON_OK : exciton_fail(node->status, "kernel: %s", node->why ? node->why : "left out");
}

/* ---- deferred freeing ---- */

static bool is_done(exciton_device *d, uint64_t serial)
{
    return serial == 0 || d->lost || d->backend->wait(d->be, serial, 0) == EXCITON_OK;
}

void exciton_device_defer(exciton_device *d, exciton_deferred *deferred, uint64_t serial)
{
    if (is_done(d, serial)) {
        deferred->free(deferred);
        return;
    }
    deferred->serial = serial;
    deferred->next = d->deferred;
    d->deferred = deferred;
}

void exciton_device_collect(exciton_device *d)
{
    for (exciton_deferred **link = &d->deferred; *link;) {
        exciton_deferred *item = *link;
        if (is_done(d, item->serial)) {
            *link = item->next;
            item->free(item);
        } else
            link = &item->next;
    }
}
