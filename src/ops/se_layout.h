/* Sizes that choosing and lowering share: the scratch of a batch, and what a limit leaves. */
#ifndef EXCITON_OPS_SE_LAYOUT_H
#define EXCITON_OPS_SE_LAYOUT_H

#include "ops/se.h"
#include "scalar.h" /* the constants of the order */

/* Elements of a row that a unit of the scale step takes: parts of a long row are units too, so that few rows keep a device busy. */
enum { EXCITON_SE_SCALE_UNIT = 2 * EXCITON_CHUNK };

/* The scratch of a batch, in elements; a region that a schedule does not use is empty. */
typedef struct exciton_se_layout {
    uint64_t s_at, h_at, g_at, parts_at, segments_at, total;
    uint64_t s_pitch, h_pitch; /* between the samples of s and h */
    uint64_t segments; /* segments a row; 1: short rows */
} exciton_se_layout;

exciton_se_layout exciton_se_lay_out(const exciton_se_problem *problem, const exciton_se_way *way, uint64_t samples, uint64_t space);

/* Elements of a tensor that one step may see wherever it begins. */
uint64_t exciton_se_capacity(const exciton_limits *limits);

/* Samples that one round of steps handles, at least 1: what ranges and scratch allow. */
uint64_t exciton_se_round(const exciton_se_problem *problem, const exciton_limits *limits, const exciton_se_way *way, uint64_t batch, uint64_t space);

/* Whether y goes past the caches: with x more than a third of what they hold, which others use too, and not x itself. */
bool exciton_se_streams(const exciton_se_problem *problem, const exciton_limits *limits, uint64_t batch, uint64_t space, bool in_place);

/* Samples a unit of the kernel pipeline takes: as many units as the device has compute units, and no more iterations than
 * it counts. */
uint64_t exciton_se_run(const exciton_se_problem *problem, const exciton_limits *limits, const exciton_se_way *way, uint64_t samples, uint64_t space);

/* Samples whose layers the kernel sample computes side by side, so that weights are read once for them: EXCITON_SE_TOGETHER where
 * weights are at least twice a sample, which leaves the cache meanwhile; else 1. */
enum { EXCITON_SE_TOGETHER = 4 };
uint32_t exciton_se_together(const exciton_se_problem *problem, const exciton_se_way *way, uint64_t space);

/* Local memory of a kernel in form lanes beside the tree, in floats. */
uint32_t exciton_se_local_floats(const exciton_se_problem *problem, exciton_kernel kernel);

/* At most so many loop iterations, all loops together, a work-item makes for one unit of the kernel; `length` is a unit's
 * elements of a row. Some drivers count them (limits.max_iterations). */
uint64_t exciton_se_iterations(const exciton_se_problem *problem, const exciton_kernel_spec *spec, uint64_t length);

/* Work-items a group, a power of two of at most `most`, for work-items that need each other for nothing: the processor's
 * vector where a group is a task on it, else enough to fill a device. */
uint32_t exciton_se_plain_group(const exciton_limits *limits, uint32_t most);

/* Whether form lanes reads through texel views there. */
bool exciton_se_texels(const exciton_limits *limits);

exciton_kernel_spec exciton_se_spec(const exciton_se_problem *problem, const exciton_limits *limits, const exciton_se_way *way, exciton_kernel kernel,
                                    bool in_place);

#endif
