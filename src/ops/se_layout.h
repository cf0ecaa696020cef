/* Sizes that choosing and lowering share: the scratch of a batch, and what a limit leaves. */
#ifndef EXCITON_OPS_SE_LAYOUT_H
#define EXCITON_OPS_SE_LAYOUT_H

#include "ops/se.h"

/* The order's constants, as in kernels/scalar.h. */
enum { EXCITON_SE_LANES = 32, EXCITON_SE_CHUNK = 4096, EXCITON_SE_SEGMENT = 64 * EXCITON_SE_CHUNK };

/* The scratch of a batch, in elements; a region that a schedule does not use is empty. */
typedef struct exciton_se_layout {
    uint64_t s_at, h_at, g_at, parts_at, segments_at, total;
    uint64_t h_pitch;  /* between the samples of h */
    uint64_t segments; /* segments a row; 1: short rows */
} exciton_se_layout;

exciton_se_layout exciton_se_lay_out(const exciton_se_problem *problem, const exciton_limits *limits, const exciton_se_way *way, uint64_t samples,
                                     uint64_t space);

/* Elements of a tensor that one step may see wherever it begins. */
uint64_t exciton_se_capacity(const exciton_limits *limits);

/* Samples that one round of steps handles, at least 1: what ranges and scratch allow. */
uint64_t exciton_se_round(const exciton_se_problem *problem, const exciton_limits *limits, const exciton_se_way *way, uint64_t batch, uint64_t space);

/* Local memory of a kernel in form lanes beside the tree, in floats. */
uint32_t exciton_se_local_floats(const exciton_se_problem *problem, exciton_kernel kernel);

/* At most so many loop iterations, all loops together, a work-item makes for one unit of the kernel; `length` is a unit's
 * elements of a row. Some drivers count them (limits.max_iterations). */
uint64_t exciton_se_iterations(const exciton_se_problem *problem, const exciton_kernel_spec *spec, uint64_t length);

exciton_kernel_spec exciton_se_spec(const exciton_se_problem *problem, const exciton_limits *limits, const exciton_se_way *way, exciton_kernel kernel,
                                    bool in_place);

#endif
