/* What a device's answer is worth: the right bits, or within the oracle's bound, or wrong. */
#ifndef EXCITON_CORE_SELFTEST_JUDGE_H
#define EXCITON_CORE_SELFTEST_JUDGE_H

#include "core/selftest.h"
#include "core/selftest_cases.h"

/* Compares what buffer `role` holds after the steps of finding->spec with what it holds on host. Lowers the verdict. A status
 * other than OK: memory. */
exciton_status exciton_known_judge(const exciton_env *env, const exciton_known_set *set, exciton_role role, const float *got, const float *wanted,
                                   exciton_finding *finding);

#endif
