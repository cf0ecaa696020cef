/* What devices there are: one backend at a time, so that naming an API doesn't load the others' drivers. */
#include "core/context.h"

#include "core/select.h"

#include <string.h>

static const exciton_backend *const backends[] = {
    &exciton_backend_host,
#ifdef EXCITON_VULKAN
    &exciton_backend_vulkan,
#endif
#ifdef EXCITON_OPENCL
    &exciton_backend_opencl,
#endif
};
enum { BUILT = sizeof backends / sizeof backends[0], LACKING = EXCITON_BACKENDS };

/* Strings are the parts', but for what gives a device: that is each listing's own. */
static void release(exciton_context *c, exciton_listing *l, bool part)
{
    for (uint32_t i = 0; i < l->found_count; ++i) {
        exciton_device_info *info = &l->found[i].info;
        if (part) {
            exciton_release(&c->env, (void *)info->name);
            exciton_release(&c->env, (void *)info->driver);
            exciton_release(&c->env, (void *)info->version);
        }
        exciton_release(&c->env, (void *)info->selected_by);
    }
    for (uint32_t i = 0; part && i < l->absent_count; ++i)
        exciton_release(&c->env, (void *)l->absent[i].reason);
    exciton_release(&c->env, l->found);
    exciton_release(&c->env, l->absent);
    *l = (exciton_listing){0};
}

static void release_part(exciton_context *c, size_t i)
{
    release(c, &c->parts[i], true);
    if (i < BUILT && c->states[i]) {
        backends[i]->state_destroy(c->states[i]);
        c->states[i] = NULL;
    }
}

void exciton_listings_release(exciton_context *c)
{
    release(c, &c->all, false);
    for (size_t i = 0; i <= LACKING; ++i)
        release_part(c, i);
}

/* ---- one backend's ---- */

typedef struct listener {
    exciton_context *context;
    exciton_listing *listing;
    const exciton_backend *backend;
} listener;

static void *grow(const exciton_env *env, void *old, uint32_t count, size_t size)
{
    void *items = exciton_allocate_array(env, (size_t)count + 1, size);
    if (items && count)
        memcpy(items, old, count * size);
    if (items)
        exciton_release(env, old);
    return items;
}

static exciton_status on_device(void *user, const exciton_be_found *f)
{
    const listener *l = user;
    const exciton_env *env = &l->context->env;
    exciton_found *found = grow(env, l->listing->found, l->listing->found_count, sizeof *found);
    if (!found)
        return exciton_fail(EXCITON_ERROR_MEMORY, "devices: %s: out of memory", f->name);
    l->listing->found = found;
    found += l->listing->found_count++;
    *found = (exciton_found){.backend = l->backend, .index = f->index, .has_pci = f->has_pci};
    memcpy(found->pci, f->pci, sizeof found->pci);
    exciton_device_info *info = &found->info;
    *info = (exciton_device_info){.name = exciton_duplicate(env, f->name), .driver = exciton_duplicate(env, f->driver),
                                  .version = exciton_duplicate(env, f->version), .api = l->backend->api, .type = f->type, .has_uuid = f->has_uuid};
    memcpy(info->uuid, f->uuid, sizeof info->uuid);
    if (!info->name || !info->driver || !info->version)
        return exciton_fail(EXCITON_ERROR_MEMORY, "devices: %s: out of memory", f->name);
    return EXCITON_OK;
}

static exciton_status add_absence(exciton_context *c, exciton_listing *l, exciton_api api, const char *reason)
{
    exciton_absence *absent = grow(&c->env, l->absent, l->absent_count, sizeof *absent);
    if (!absent)
        return exciton_fail(EXCITON_ERROR_MEMORY, "devices: out of memory");
    l->absent = absent;
    absent[l->absent_count] = (exciton_absence){.api = api, .reason = exciton_duplicate(&c->env, reason)};
    if (!absent[l->absent_count].reason)
        return exciton_fail(EXCITON_ERROR_MEMORY, "devices: out of memory");
    ++l->absent_count;
    exciton_log(&c->env, EXCITON_LOG_INFO, "devices: %s", reason);
    return EXCITON_OK;
}

static exciton_status on_absent(void *user, const char *reason)
{
    const listener *l = user;
    return add_absence(l->context, l->listing, l->backend->api, reason);
}

static exciton_status name_all(exciton_context *c, exciton_listing *l, bool part)
{
    exciton_status status = EXCITON_OK;
    for (uint32_t i = 0; !status && i < l->found_count; ++i)
        status = exciton_select_name(&c->env, l->found, l->found_count, i, part, &l->found[i].info.selected_by);
    return status;
}

/* Under the lock, as all below. */
static exciton_status list_part(exciton_context *c, size_t i)
{
    exciton_listing *part = &c->parts[i];
    if (part->done)
        return EXCITON_OK;
    listener l = {.context = c, .listing = part, .backend = backends[i]};
    exciton_be_sink sink = {.user = &l, .device = on_device, .absent = on_absent};
    exciton_status status = backends[i]->enumerate(&c->env, &sink, &c->states[i]);
    for (uint32_t k = 0; k < part->found_count; ++k)
        part->found[k].state = c->states[i];
    if (!status)
        status = name_all(c, part, true);
    if (status)
        release_part(c, i);
    part->done = !status;
    return status;
}

static exciton_status list_lacking(exciton_context *c)
{
    exciton_listing *part = &c->parts[LACKING];
    exciton_status status = EXCITON_OK;
    if (part->done)
        return status;
#ifndef EXCITON_VULKAN
    status = add_absence(c, part, EXCITON_API_VULKAN, "left out of this build");
#endif
#ifndef EXCITON_OPENCL
    if (!status)
        status = add_absence(c, part, EXCITON_API_OPENCL, "left out of this build");
#endif
    if (status)
        release_part(c, LACKING);
    part->done = !status;
    return status;
}

/* ---- all of them ---- */

static exciton_status join(exciton_context *c)
{
    exciton_listing *all = &c->all;
    uint32_t found = 0, absent = 0;
    for (size_t i = 0; i <= LACKING; ++i) {
        found += c->parts[i].found_count;
        absent += c->parts[i].absent_count;
    }
    all->found = exciton_allocate_array(&c->env, (size_t)found + 1, sizeof *all->found);
    all->absent = exciton_allocate_array(&c->env, (size_t)absent + 1, sizeof *all->absent);
    if (!all->found || !all->absent)
        return exciton_fail(EXCITON_ERROR_MEMORY, "devices: out of memory");
    for (size_t i = 0; i <= LACKING; ++i) {
        const exciton_listing *part = &c->parts[i];
        for (uint32_t k = 0; k < part->found_count; ++k) {
            all->found[all->found_count] = part->found[k];
            all->found[all->found_count++].info.selected_by = NULL;
        }
        for (uint32_t k = 0; k < part->absent_count; ++k)
            all->absent[all->absent_count++] = part->absent[k];
    }
    return name_all(c, all, false);
}

static exciton_status list_all(exciton_context *c)
{
    exciton_status status = EXCITON_OK;
    if (c->all.done)
        return status;
    for (size_t i = 0; !status && i < BUILT; ++i)
        status = list_part(c, i);
    if (!status)
        status = list_lacking(c);
    if (!status)
        status = join(c);
    if (status)
        release(c, &c->all, false);
    c->all.done = !status;
    return status;
}

exciton_status exciton_context_list(exciton_context *c)
{
    exciton_mutex_lock(&c->mutex);
    exciton_status status = list_all(c);
    exciton_mutex_unlock(&c->mutex);
    return status;
}

exciton_status exciton_context_list_api(exciton_context *c, exciton_api api, const exciton_listing **listing)
{
    exciton_status status = EXCITON_OK;
    *listing = NULL;
    exciton_mutex_lock(&c->mutex);
    if (c->all.done)
        *listing = &c->all;
    for (size_t i = 0; !*listing && !status && i < BUILT; ++i)
        if (backends[i]->api == api) {
            status = list_part(c, i);
            *listing = status ? NULL : &c->parts[i];
        }
    exciton_mutex_unlock(&c->mutex);
    return status;
}
