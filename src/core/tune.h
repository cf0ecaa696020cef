/* Measuring which way is the fastest for a plan's largest shape. */
#ifndef EXCITON_CORE_TUNE_H
#define EXCITON_CORE_TUNE_H

#include "core/plan.h"

/* Runs every way that is possible, out of place and in place, compiles what it needs, and adds the winners to the plan's
 * and to the cache. Not under the device's lock. */
exciton_status exciton_plan_tune(exciton_plan *plan);

#endif
