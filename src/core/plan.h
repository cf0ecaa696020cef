/* Plans: an operation with its weights on a device. */
#ifndef EXCITON_CORE_PLAN_H
#define EXCITON_CORE_PLAN_H

#include "core/buffer.h"
#include "core/tuned.h"
#include "ops/se.h"

enum { EXCITON_PLAN_BINDINGS = 16 };

/* exciton_run's bindings, the last used first. */
typedef struct exciton_kept {
    exciton_args args;
    exciton_binding *binding;
} exciton_kept;

struct exciton_plan {
    exciton_object object;
    exciton_device *device;
    exciton_plan *next; /* of the device's plans */
    uint32_t holders;   /* the caller's handle, and each binding */
    exciton_se_problem problem;
    exciton_costs costs;
    exciton_winners winners; /* within its range */
    uint32_t group_cap; /* work-items a group that all its kernels can run */
    exciton_buffer *weights;
    exciton_kept kept[EXCITON_PLAN_BINDINGS];
    uint32_t kept_count;
    exciton_buffer *staging[2]; /* exciton_run_host's x and y; made at its first call */
    exciton_buffer *wrapped[2]; /* the same, where it works on the caller's memory: of its last call */
    const void *wraps[2];       /* which memory that is */
};

/* What runs a shape: as asked, or as measured, or the cheapest. */
exciton_status exciton_plan_choose(const exciton_plan *plan, uint64_t batch, uint64_t space, bool in_place, exciton_se_way *way);

/* Under the device's lock. */
void exciton_plan_hold(exciton_plan *plan);
void exciton_plan_drop(exciton_plan *plan);
/* Drops what exciton_run_host keeps. */
void exciton_plan_drop_staging(exciton_plan *plan);
/* Drops the kept bindings that use a buffer which is going. */
void exciton_plans_forget(exciton_device *device, const exciton_buffer *buffer);

#endif
