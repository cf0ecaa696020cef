#include "core/context.h"

#include "core/params.h"

#include <inttypes.h>
#include <string.h>

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

const char *exciton_version(void)
{
    return TEXT(EXCITON_VERSION_MAJOR) "." TEXT(EXCITON_VERSION_MINOR) "." TEXT(EXCITON_VERSION_PATCH);
}

uint32_t exciton_numerics(void) { return EXCITON_NUMERICS; }

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

void exciton_context_destroy(exciton_context *c)
{
    if (!c || exciton_object_check(c, EXCITON_KIND_CONTEXT, "context_destroy"))
        return;
    exciton_listings_release(c);
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
        *count = c->all.found_count;
    return status;
}

exciton_status exciton_device_describe(exciton_context *c, uint32_t index, exciton_device_info *info)
{
    exciton_status status = listed(c, info, "device_describe");
    if (status)
        return status;
    if (index >= c->all.found_count)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "device_describe: index %" PRIu32 ": there are %" PRIu32, index, c->all.found_count);
    *info = c->all.found[index].info;
    return EXCITON_OK;
}

exciton_status exciton_absence_count(exciton_context *c, uint32_t *count)
{
    exciton_status status = listed(c, count, "absence_count");
    if (!status)
        *count = c->all.absent_count;
    return status;
}

exciton_status exciton_absence_describe(exciton_context *c, uint32_t index, exciton_absence *absence)
{
    exciton_status status = listed(c, absence, "absence_describe");
    if (status)
        return status;
    if (index >= c->all.absent_count)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "absence_describe: index %" PRIu32 ": there are %" PRIu32, index, c->all.absent_count);
    *absence = c->all.absent[index];
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
