/* Known-answer tests: each variant of a kernel runs small inputs before its first use on a device, through the backend's own
 * table, against what the host backend computes. One that answers wrongly is left out (quarantined); what was found is
 * remembered by the context's cache, under device, driver and library, and by the kernel's source. */
#ifndef EXCITON_CORE_SELFTEST_H
#define EXCITON_CORE_SELFTEST_H

#include "core/device.h"

enum { EXCITON_WHY = 192, EXCITON_VARIANT_TEXT = 96 };

/* What is known about a variant. */
typedef struct exciton_finding {
    exciton_kernel_spec spec;
    exciton_answer verdict;
    char why[EXCITON_WHY]; /* where it isn't exact */
} exciton_finding;

/* "split_scale rows g8 in-place", "sample lanes g128 l1024". */
void exciton_variant_text(const exciton_kernel_spec *spec, char text[EXCITON_VARIANT_TEXT]);

/* ---- under the device's lock */

/* Whether this device's kernels are tested at all: not on host, and not where the context says so. */
bool exciton_selftest_wanted(const exciton_device *device);
/* Runs the test. A status other than OK is no verdict: memory, a driver's failure, a lost device. */
exciton_status exciton_selftest_run(exciton_device *device, const exciton_kernel_spec *spec, exciton_be_kernel *kernel, exciton_finding *finding);
/* Frees what tests needed, and gives new verdicts to the cache. Legal at any time. */
void exciton_selftest_settle(exciton_device *device);

/* ---- selftest_memory.c */

/* What the cache remembers of a variant; false: nothing. */
bool exciton_selftest_recall(exciton_device *device, const exciton_kernel_spec *spec, exciton_finding *finding);
/* Keeps a verdict for the device, and for exciton_selftest_remember. */
void exciton_selftest_note(exciton_device *device, const exciton_finding *finding);
/* Writes what was noted, if anything. */
void exciton_selftest_remember(exciton_device *device);
void exciton_selftest_forget(exciton_device *device);

#endif
