/* A context: memory, log, and what the backends found. */
#ifndef EXCITON_CORE_CONTEXT_H
#define EXCITON_CORE_CONTEXT_H

#include "backends/backend.h"
#include "base/os.h"
#include "core/object.h"

enum { EXCITON_BACKENDS = 3 };

typedef struct exciton_found {
    exciton_device_info info; /* strings owned by the context */
    bool has_pci;
    uint32_t pci[4];
    const exciton_backend *backend;
    exciton_be_state *state;
    uint32_t index; /* the backend's */
} exciton_found;

typedef struct exciton_listing {
    bool done;
    exciton_found *found;
    uint32_t found_count;
    exciton_absence *absent;
    uint32_t absent_count;
} exciton_listing;

struct exciton_context {
    exciton_object object;
    exciton_env env;
    exciton_limits clamp; /* zeros: none */
    bool no_mappable, no_self_test;
    uint64_t memory_cap;

    exciton_mutex mutex; /* of all below */
    exciton_listing parts[EXCITON_BACKENDS + 1]; /* by backend, then what the build lacks; core/listing.c */
    exciton_listing all;                         /* of all parts */
    exciton_be_state *states[EXCITON_BACKENDS];
    uint64_t live_bytes; /* of all devices' buffers */
    exciton_object *dead;
};

/* As exciton_context_create, and every driver function goes through `resolve` as it is looked up. For tests. */
exciton_status exciton_context_create_seamed(const exciton_context_params *params, exciton_resolve_fn resolve, void *user, exciton_context **context);

/* Lists all devices, once. */
exciton_status exciton_context_list(exciton_context *context);
/* Those of one API, with its loader alone; *listing is NULL where the build lacks it. Valid until the context goes. A device's
 * selected_by names its API, since the other devices' names aren't known. */
exciton_status exciton_context_list_api(exciton_context *context, exciton_api api, const exciton_listing **listing);
void exciton_listings_release(exciton_context *context);

/* Takes `bytes` of the cap, or EXCITON_ERROR_MEMORY. */
exciton_status exciton_context_take(exciton_context *context, uint64_t bytes);
void exciton_context_give(exciton_context *context, uint64_t bytes);

/* The end of a handle: freed, or in debug builds kept as dead until the context goes. */
void exciton_context_bury(exciton_context *context, exciton_object *object);

#endif
