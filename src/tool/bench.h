/* `exciton bench`: bench_shapes.c reads --shape, bench_measure.c times one shape on one device (bench_session.h has its parts),
 * bench_report.c prints, bench.c has the options and goes through devices and shapes. */
#ifndef EXCITON_TOOL_BENCH_H
#define EXCITON_TOOL_BENCH_H

#include "tool/tool.h"

/* ---- bench_shapes.c */

typedef struct bench_shape {
    exciton_shape x;
    uint64_t channels, hidden;
} bench_shape;

typedef struct bench_shapes {
    bench_shape *list; /* owned, each once */
    uint32_t count, capacity;
} bench_shapes;

/* Adds what a value of --shape names; prints its error and returns the exit status. */
int bench_shapes_add(bench_shapes *shapes, const char *text);
void bench_shape_text(const bench_shape *shape, char *text, size_t size); /* "8x256x56x56:16" */

/* ---- bench_measure.c */

typedef struct bench_options {
    exciton_schedule schedule;
    exciton_form form;
    bool clblast;                /* also three-stages with its products */
    bool has_schedule, has_form; /* named: only these, beside what `auto` chooses; "auto": only that */
    uint64_t rounds;             /* 0: as many as `seconds` allow, at least BENCH_LEAST_ROUNDS */
    double seconds;              /* a shape on a device */
} bench_options;

enum { BENCH_LEAST_ROUNDS = 9, BENCH_CANDIDATES = 32 };

typedef struct bench_row {
    exciton_schedule schedule;
    exciton_form form;
    exciton_excitation excitation;
    uint32_t dispatches, pieces, shares;
    bool is_auto, exact;
    bool checked;              /* its y was compared with that of the first three-stages */
    bool differs;
    bool wrong;                /* differs; with CLBlast's products, by more than rounding */
    uint32_t rounds;           /* that it took part in */
    double median, low, high;  /* microseconds; the 10 % and 90 % quantiles */
} bench_row;

/* A shape on a device. */
typedef struct bench_result {
    const exciton_device_info *device;
    bench_shape shape;
    uint64_t bytes;            /* that the floor moves, and gbps counts */
    bench_row rows[BENCH_CANDIDATES];
    uint32_t count;
    char floor_copy[48];
    double floor;              /* microseconds */
    double drift;              /* how far the floor moved between the halves of the rounds: 0.2 is 20 % */
    bool steady;
} bench_result;

#define BENCH_MOST_DRIFT 0.2

/* Prints its error and returns the exit status. */
int bench_measure(exciton_device *device, const exciton_device_info *info, const bench_shape *shape, const bench_options *options,
                  bench_result *result);

/* ---- bench_report.c */

typedef struct bench_device {
    exciton_device *device;
    exciton_device_info info;
    exciton_limits limits;
} bench_device;

void bench_print_json(const bench_device *devices, uint32_t device_count, const bench_result *results, uint32_t count);
bool bench_print_table(const bench_result *results, uint32_t count);

#endif
