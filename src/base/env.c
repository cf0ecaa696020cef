#include "base/env.h"

#include "base/checked.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ALIGNMENT = 64 };

void *exciton_allocate(const exciton_env *env, size_t size)
{
    if (size == 0 || size > SIZE_MAX - ALIGNMENT)
        return NULL;
    void *memory = env->allocator.allocate(env->allocator.user, exciton_round_up(size, ALIGNMENT), ALIGNMENT);
    return memory ? memset(memory, 0, size) : NULL;
}

void *exciton_allocate_array(const exciton_env *env, size_t count, size_t size)
{
    uint64_t bytes;
    return exciton_mul(count, size, &bytes) && bytes <= SIZE_MAX ? exciton_allocate(env, (size_t)bytes) : NULL;
}

void exciton_release(const exciton_env *env, void *memory)
{
    if (memory)
        env->allocator.release(env->allocator.user, memory);
}

char *exciton_duplicate(const exciton_env *env, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = exciton_allocate(env, bytes);
    return copy ? memcpy(copy, text, bytes) : NULL;
}

void exciton_log(const exciton_env *env, exciton_log_level level, const char *format, ...)
{
    if (!env->log)
        return;
    char text[2048];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    for (char *c = text; *c; ++c)
        if (*c == '\n' || *c == '\r')
            *c = ' ';
    env->log(env->log_user, level, text);
}

exciton_function exciton_resolve(const exciton_env *env, const char *name, exciton_function function)
{
    return env->resolve ? env->resolve(env->resolve_user, name, function) : function;
}
