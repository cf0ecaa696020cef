#include "core/context.h"

#include "core/params.h"
#include "core/select.h"

#include <inttypes.h>
#include <string.h>

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

const char *exciton_version(void)
{
    return TEXT(EXCITON_VERSION_MAJOR) "." TEXT(EXCITON_VERSION_MINOR) "." TEXT(EXCITON_VERSION_PATCH);
}

uint32_t exciton_numerics(void) { return EXCITON_NUMERICS; }

static const exciton_backend *const backends[] = {
    &exciton_backend_host,
#ifdef EXCITON_VULKAN
    &exciton_backend_vulkan,
#endif
#ifdef EXCITON_OPENCL
    &exciton_backend_opencl,
#endif
};
enum { BUILT = sizeof backends / sizeof backends[0] };

/* ---- creation ---- */

static void *plain_allocate(void *user, size_t size, size_t alignment)
{
    (void)user;
    return exciton_aligned_allocate(size, alignment);
}

static void plain_release(void *user, void *memory)
{
    (void)user;
    exciton_aligned_release(memory);
}

static exciton_status check_params(const exciton_context_params *p)
{
    if (!p->allocator.allocate != !p->allocator.release)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "context: allocator: allocate and release come together");
    if (!p->cache.get != !p->cache.set || (p->cache.get && p->cache.directory))
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "context: cache: a directory, or get and set together");
    return EXCITON_OK;
}

exciton_status exciton_context_create_seamed(const exciton_context_params *given, exciton_resolve_fn resolve, void *user, exciton_context **context)
{
    if (!context)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "context: context: NULL");
    *context = NULL;
    exciton_context_params p;
    exciton_status status = exciton_params_copy(&p, sizeof p, given, "context");
    if (!status)
        status = check_params(&p);
    if (status)
        return status;
    exciton_env env = {.allocator = p.allocator, .log = p.log, .log_user = p.log_user, .host_threads = p.host_threads, .host_spin = p.host_spin,
                       .validate = p.validate, .privileged = exciton_is_privileged() && !p.allow_privileged, .resolve = resolve, .resolve_user = user};
    if (!env.allocator.allocate)
        env.allocator = (exciton_allocator){.allocate = plain_allocate, .release = plain_release};
    exciton_context *c = exciton_allocate(&env, sizeof *c);
    char *directory = p.cache.directory ? exciton_duplicate(&env, p.cache.directory) : NULL;
    env.cache = p.cache;
    env.cache.directory = directory;
    if (!c || (p.cache.directory && !directory) || !exciton_mutex_init(&c->mutex)) {
        exciton_release(&env, directory);
        exciton_release(&env, c);
        return exciton_fail(EXCITON_ERROR_MEMORY, "context: create: out of memory");
    }
    c->object.kind = EXCITON_KIND_CONTEXT;
    c->env = env;
    c->no_mappable = p.clamp_no_mappable;
    c->no_self_test = p.no_self_test;
    c->memory_cap = p.memory_cap;
    if (p.clamp)
        c->clamp = *p.clamp;
    *context = c;
    return EXCITON_OK;
}

exciton_status exciton_context_create(const exciton_context_params *params, exciton_context **context)
{
    return exciton_context_create_seamed(params, NULL, NULL, context);
}

static void release_listing(exciton_context *c)
{
    for (uint32_t i = 0; i < c->found_count; ++i) {
        exciton_device_info *info = &c->found[i].info;
        exciton_release(&c->env, (void *)info->name);
        exciton_release(&c->env, (void *)info->driver);
        exciton_release(&c->env, (void *)info->version);
        exciton_release(&c->env, (void *)info->selected_by);
    }
    for (uint32_t i = 0; i < c->absent_count; ++i)
        exciton_release(&c->env, (void *)c->absent[i].reason);
    exciton_release(&c->env, c->found);
    exciton_release(&c->env, c->absent);
    c->found = NULL;
    c->absent = NULL;
    c->found_count = c->absent_count = 0;
    for (size_t i = 0; i < BUILT; ++i)
        if (c->states[i]) {
            backends[i]->state_destroy(c->states[i]);
            c->states[i] = NULL;
        }
}

void exciton_context_destroy(exciton_context *c)
{
    if (!c || exciton_object_check(c, EXCITON_KIND_CONTEXT, "context_destroy"))
        return;
    release_listing(c);
    while (c->dead) {
        exciton_object *next = c->dead->next_dead;
        exciton_release(&c->env, c->dead);
        c->dead = next;
    }
    exciton_mutex_destroy(&c->mutex);
    c->object.kind = EXCITON_KIND_DEAD;
    exciton_env env = c->env;
    exciton_release(&env, (void *)env.cache.directory);
    exciton_release(&env, c);
}

/* ---- listing ---- */

typedef struct listing {
    exciton_context *context;
    const exciton_backend *backend;
} listing;

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
    listing *l = user;
    exciton_context *c = l->context;
    exciton_found *found = grow(&c->env, c->found, c->found_count, sizeof *found);
    if (!found)
        return exciton_fail(EXCITON_ERROR_MEMORY, "devices: %s: out of memory", f->name);
    c->found = found;
    found += c->found_count++;
    *found = (exciton_found){.backend = l->backend, .index = f->index, .has_pci = f->has_pci};
    memcpy(found->pci, f->pci, sizeof found->pci);
    exciton_device_info *info = &found->info;
    *info = (exciton_device_info){.name = exciton_duplicate(&c->env, f->name), .driver = exciton_duplicate(&c->env, f->driver),
                                  .version = exciton_duplicate(&c->env, f->version), .api = l->backend->api, .type = f->type, .has_uuid = f->has_uuid};
    memcpy(info->uuid, f->uuid, sizeof info->uuid);
    if (!info->name || !info->driver || !info->version)
        return exciton_fail(EXCITON_ERROR_MEMORY, "devices: %s: out of memory", f->name);
    return EXCITON_OK;
}

static exciton_status add_absence(exciton_context *c, exciton_api api, const char *reason)
{
    exciton_absence *absent = grow(&c->env, c->absent, c->absent_count, sizeof *absent);
    if (!absent)
        return exciton_fail(EXCITON_ERROR_MEMORY, "devices: out of memory");
    c->absent = absent;
    absent[c->absent_count] = (exciton_absence){.api = api, .reason = exciton_duplicate(&c->env, reason)};
    if (!absent[c->absent_count].reason)
        return exciton_fail(EXCITON_ERROR_MEMORY, "devices: out of memory");
    ++c->absent_count;
    exciton_log(&c->env, EXCITON_LOG_INFO, "devices: %s", reason);
    return EXCITON_OK;
}

static exciton_status on_absent(void *user, const char *reason)
{
    listing *l = user;
    return add_absence(l->context, l->backend->api, reason);
}

static exciton_status list_backend(exciton_context *c, size_t i)
{
    listing l = {.context = c, .backend = backends[i]};
    uint32_t first = c->found_count;
    exciton_be_sink sink = {.user = &l, .device = on_device, .absent = on_absent};
    exciton_status status = backends[i]->enumerate(&c->env, &sink, &c->states[i]);
    for (uint32_t k = first; k < c->found_count; ++k)
        c->found[k].state = c->states[i];
    return status;
}

static exciton_status list_all(exciton_context *c)
{
    exciton_status status = EXCITON_OK;
    for (size_t i = 0; !status && i < BUILT; ++i)
        status = list_backend(c, i);
#ifndef EXCITON_VULKAN
    if (!status)
        status = add_absence(c, EXCITON_API_VULKAN, "left out of this build");
#endif
#ifndef EXCITON_OPENCL
    if (!status)
        status = add_absence(c, EXCITON_API_OPENCL, "left out of this build");
#endif
    for (uint32_t i = 0; !status && i < c->found_count; ++i)
        status = exciton_select_name(&c->env, c->found, c->found_count, i, &c->found[i].info.selected_by);
    return status;
}

exciton_status exciton_context_list(exciton_context *c)
{
    exciton_status status = EXCITON_OK;
    exciton_mutex_lock(&c->mutex);
    if (!c->listed) {
        status = list_all(c);
        if (status)
            release_listing(c);
        else
            c->listed = true;
    }
    exciton_mutex_unlock(&c->mutex);
    return status;
}

static exciton_status listed(exciton_context *c, const void *out, const char *what)
{
    exciton_status status = exciton_object_check(c, EXCITON_KIND_CONTEXT, what);
    if (!status && !out)
        status = exciton_fail(EXCITON_ERROR_ARGUMENT, "%s: result: NULL", what);
    return status ? status : exciton_context_list(c);
}

exciton_status exciton_device_count(exciton_context *c, uint32_t *count)
{
    exciton_status status = listed(c, count, "device_count");
    if (!status)
        *count = c->found_count;
    return status;
}

exciton_status exciton_device_describe(exciton_context *c, uint32_t index, exciton_device_info *info)
{
    exciton_status status = listed(c, info, "device_describe");
    if (status)
        return status;
    if (index >= c->found_count)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "device_describe: index %" PRIu32 ": there are %" PRIu32, index, c->found_count);
    *info = c->found[index].info;
    return EXCITON_OK;
}

exciton_status exciton_absence_count(exciton_context *c, uint32_t *count)
{
    exciton_status status = listed(c, count, "absence_count");
    if (!status)
        *count = c->absent_count;
    return status;
}

exciton_status exciton_absence_describe(exciton_context *c, uint32_t index, exciton_absence *absence)
{
    exciton_status status = listed(c, absence, "absence_describe");
    if (status)
        return status;
    if (index >= c->absent_count)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "absence_describe: index %" PRIu32 ": there are %" PRIu32, index, c->absent_count);
    *absence = c->absent[index];
    return EXCITON_OK;
}

uint64_t exciton_validation_messages(const exciton_context *c)
{
    return exciton_object_check(c, EXCITON_KIND_CONTEXT, "validation_messages") ? 0 : __atomic_load_n(&c->env.validation_messages, __ATOMIC_RELAXED);
}

/* ---- memory ---- */

exciton_status exciton_context_take(exciton_context *c, uint64_t bytes)
{
    exciton_mutex_lock(&c->mutex);
    bool fits = !c->memory_cap || (bytes <= c->memory_cap && c->live_bytes <= c->memory_cap - bytes);
    uint64_t live = c->live_bytes;
    if (fits)
        c->live_bytes += bytes;
    exciton_mutex_unlock(&c->mutex);
    if (fits)
        return EXCITON_OK;
    return exciton_fail(EXCITON_ERROR_MEMORY, "memory: memory_cap %" PRIu64 ": %" PRIu64 " bytes live, %" PRIu64 " more asked", c->memory_cap, live, bytes);
}

void exciton_context_give(exciton_context *c, uint64_t bytes)
{
    exciton_mutex_lock(&c->mutex);
    c->live_bytes -= bytes;
    exciton_mutex_unlock(&c->mutex);
}

void exciton_context_bury(exciton_context *c, exciton_object *object)
{
    object->kind = EXCITON_KIND_DEAD;
#ifdef EXCITON_DEBUG
    exciton_mutex_lock(&c->mutex);
    object->next_dead = c->dead;
    c->dead = object;
    exciton_mutex_unlock(&c->mutex);
#else
    exciton_release(&c->env, object);
#endif
}
