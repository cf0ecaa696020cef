/* Every handle begins with this: what it is, and whether it still is. */
#ifndef EXCITON_CORE_OBJECT_H
#define EXCITON_CORE_OBJECT_H

#include "base/env.h"

typedef enum exciton_kind {
    EXCITON_KIND_DEAD = 0x64656164,
    EXCITON_KIND_CONTEXT = 0x65786301, EXCITON_KIND_DEVICE, EXCITON_KIND_BUFFER, EXCITON_KIND_PLAN, EXCITON_KIND_BINDING,
    EXCITON_KIND_FLOOR
} exciton_kind;

typedef struct exciton_object {
    uint32_t kind;
    struct exciton_object *next_dead; /* debug builds keep handles until the context goes, so that a stale one is found */
} exciton_object;

/* EXCITON_OK, or _ARGUMENT for NULL and another kind, _STALE; the line says "what: object: why". */
exciton_status exciton_object_check(const void *object, exciton_kind kind, const char *what);

#endif
