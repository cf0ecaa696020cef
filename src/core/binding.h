/* Bindings: a plan with its buffers, lowered and recorded. */
#ifndef EXCITON_CORE_BINDING_H
#define EXCITON_CORE_BINDING_H

#include "core/plan.h"

struct exciton_binding {
    exciton_object object;
    exciton_deferred deferred;
    exciton_plan *plan;
    exciton_be_recording *recording;
    exciton_step_list steps;
    exciton_buffer *buffers[EXCITON_SLOT_COUNT]; /* held; NULL: not used. The scratch is its own unless given */
    exciton_binding_info info;
    uint64_t serial; /* of the last submission */
};

/* Under the device's lock; `args` with its size filled. */
exciton_status exciton_binding_make(exciton_plan *plan, const exciton_args *args, exciton_binding **binding);
/* The same in a given way, whose kernels are compiled if they aren't. */
exciton_status exciton_binding_make_way(exciton_plan *plan, const exciton_args *args, const exciton_se_way *way, exciton_binding **binding);
void exciton_binding_drop(exciton_binding *binding);
bool exciton_binding_uses(const exciton_binding *binding, const exciton_buffer *buffer);

#endif
