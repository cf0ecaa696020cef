/* The SE block: its description checked, and lowered to schedules. Pure: no driver call, no global. */
#ifndef EXCITON_OPS_SE_H
#define EXCITON_OPS_SE_H

#include "base/schedule.h"

/* A description that passed the checks, with what follows from it alone. */
typedef struct exciton_se_problem {
    uint32_t channels, hidden;
    uint32_t channel_pitch, hidden_pitch; /* rounded up to 8: C' and R' */
    uint32_t block, blocks;               /* channels a block, docs/numbers.md */
    uint32_t activation, gate, residual, then; /* codes of kernels/scalar.h */
    float slope, offset;
    exciton_shape max;
    uint64_t max_space;                   /* product of max.spatial */
    exciton_schedule schedule;            /* as asked */
    exciton_form form;
    uint32_t group_size, shares;
    bool clblast;                         /* the layers' products are CLBlast's */
    uint32_t allowed;                     /* bits of schedules; 0: all */
    uint32_t barred;                      /* bits of ways that a device can't be trusted with, exciton_se_bar */
} exciton_se_problem;

exciton_status exciton_se_check(const exciton_se *se, exciton_se_problem *problem);

/* An all-zero shape is the largest. `space` is the product of its spatial sizes. */
exciton_status exciton_se_check_shape(const exciton_se_problem *problem, const exciton_shape *shape, uint64_t *batch, uint64_t *space);

/* Elements of the packed weights, and the packing: W1' [C][R'], b1 [R'], W2' [R][C'], b2 [C']. */
uint64_t exciton_se_weight_count(const exciton_se_problem *problem);
void exciton_se_pack(const exciton_se_problem *problem, const exciton_se *se, float *packed);

enum { EXCITON_SE_SHARES = 64 };

/* One way to run it. Group sizes are those of the kernels of each form. */
typedef struct exciton_se_way {
    exciton_schedule schedule;
    exciton_form form;
    uint32_t group_size;
    uint32_t shares; /* sample-in-group: work-groups a sample, at least 1 */
} exciton_se_way;

/* Bars every schedule and form that needs the variant. False: none that wasn't barred before does. */
bool exciton_se_bar(exciton_se_problem *problem, const exciton_limits *limits, uint32_t group_cap, const exciton_kernel_spec *spec);

/* Whether `way` can run rows of `space` elements under `limits`; if not, the line says why. */
exciton_status exciton_se_feasible(const exciton_se_problem *problem, const exciton_limits *limits, const exciton_se_way *way, uint64_t space);

/* What was measured once on a device, in nanoseconds. */
enum { EXCITON_COST_POINTS = 8 };
typedef struct exciton_costs {
    double dispatch; /* a submission of one step without work, until wait returns */
    double step;     /* one step more */
    uint32_t points; /* at least 1 */
    struct {
        uint64_t bytes; /* moved in all, half read and half written; ascending */
        double ns;      /* the copy's median, without the dispatch */
    } copy[EXCITON_COST_POINTS];
} exciton_costs;

/* Bytes of x, y and the weights at the plan's largest shape. */
uint64_t exciton_se_footprint(const exciton_se_problem *problem);

/* About how long `way` takes for the shape; `costs` NULL: not measured. */
double exciton_se_cost(const exciton_se_problem *problem, const exciton_limits *limits, const exciton_costs *costs, const exciton_se_way *way,
                       uint64_t batch, uint64_t space, bool in_place);

/* What runs a shape: as asked, or the cheapest that is possible and allowed. `group_cap`: largest group that the kernels allow. */
exciton_status exciton_se_choose(const exciton_se_problem *problem, const exciton_limits *limits, const exciton_costs *costs, uint32_t group_cap,
                                 uint64_t batch, uint64_t space, bool in_place, exciton_se_way *way);

/* Bits of the schedules that shapes within the plan's range are given, 1 << schedule: what others would be chosen is not
 * compiled, so it is not chosen. Goes into problem->allowed. */
uint32_t exciton_se_allowed(const exciton_se_problem *problem, const exciton_limits *limits, const exciton_costs *costs, uint32_t group_cap);

/* The way that a schedule and form run in, with one share. */
exciton_se_way exciton_se_way_of(const exciton_se_problem *problem, const exciton_limits *limits, uint32_t group_cap, exciton_schedule schedule,
                                 exciton_form form);
/* Work-groups a sample that are worth a look: as many as there are units for it, 1 in place. */
uint32_t exciton_se_most_shares(const exciton_se_problem *problem, const exciton_limits *limits, uint64_t batch, bool in_place);

/* Every kernel variant that a shape within the problem's range can select, by `allowed`; at most EXCITON_SE_VARIANTS. */
enum { EXCITON_SE_VARIANTS = 32 };
exciton_status exciton_se_variants(const exciton_se_problem *problem, const exciton_limits *limits, uint32_t group_cap,
                                   exciton_kernel_spec specs[EXCITON_SE_VARIANTS], uint32_t *count);
/* Adds those of one way that aren't there yet. */
void exciton_se_way_variants(const exciton_se_problem *problem, const exciton_limits *limits, const exciton_se_way *way,
                             exciton_kernel_spec specs[EXCITON_SE_VARIANTS], uint32_t *count);

/* Where a binding's tensors lie: byte offsets in their buffers. */
typedef struct exciton_se_placement {
    uint64_t in, out, s, h, g, scratch;
    bool in_place, save_s, save_h, save_g;
} exciton_se_placement;

typedef struct exciton_se_lowered {
    exciton_step_list list;
    uint32_t pieces;
    uint64_t scratch_bytes;
} exciton_se_lowered;

/* `list` is released by the caller with exciton_steps_release. */
exciton_status exciton_se_lower(const exciton_env *env, const exciton_se_problem *problem, const exciton_limits *limits, const exciton_se_way *way,
                                uint64_t batch, uint64_t space, const exciton_se_placement *placement, exciton_se_lowered *lowered);

/* Bytes of scratch that exciton_se_lower will use. */
uint64_t exciton_se_scratch(const exciton_se_problem *problem, const exciton_limits *limits, const exciton_se_way *way, uint64_t batch, uint64_t space);

#endif
