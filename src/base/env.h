/* What a context hands to everything below it: memory, log, seams. */
#ifndef EXCITON_BASE_ENV_H
#define EXCITON_BASE_ENV_H

#include <exciton/exciton.h>

#include "base/error.h"

/* Tests replace a driver's functions here, one by one, as they are looked up: returns what to call for `name`.
 * The default returns `function`. */
typedef void (*exciton_function)(void);
typedef exciton_function (*exciton_resolve_fn)(void *user, const char *name, exciton_function function);

typedef struct exciton_env {
    exciton_allocator allocator; /* filled */
    exciton_log_fn log;          /* NULL: silence */
    void *log_user;
    exciton_cache cache;         /* zeros: none; the directory is the context's copy */
    uint32_t host_threads;       /* 0: as many as processors */
    uint64_t host_spin;          /* nanoseconds; 0: the backend's default */
    bool validate;
    bool privileged;             /* running set-uid without leave: load nothing, read no environment */
    exciton_resolve_fn resolve;  /* NULL: none */
    void *resolve_user;
    uint64_t validation_messages; /* atomic access only */
} exciton_env;

/* Zeroed memory of `size` > 0 bytes aligned to 64, or NULL. exciton_release(env, NULL) is legal. */
void *exciton_allocate(const exciton_env *env, size_t size);
/* count * size, NULL on overflow too. */
void *exciton_allocate_array(const exciton_env *env, size_t count, size_t size);
void exciton_release(const exciton_env *env, void *memory);
char *exciton_duplicate(const exciton_env *env, const char *text);

void exciton_log(const exciton_env *env, exciton_log_level level, const char *format, ...) EXCITON_PRINTF(3, 4);

/* env->resolve or the function itself. */
exciton_function exciton_resolve(const exciton_env *env, const char *name, exciton_function function);

#endif
