/* The catalogue's params as structures, word for word: a step's params are copied into one of these. */
#ifndef EXCITON_BACKENDS_HOST_PARAMS_H
#define EXCITON_BACKENDS_HOST_PARAMS_H

#include <stdint.h>
#include <string.h>

typedef struct exciton_host_squeeze {
    uint32_t x_at, t_at, units, units_per_row, row_length, unit_length, out_width, out_pitch, carry, divide;
    float divisor;
} exciton_host_squeeze;

typedef struct exciton_host_hidden {
    uint32_t samples, channels, hidden, block, s_at, h_at, activation;
} exciton_host_hidden;

typedef struct exciton_host_gate {
    uint32_t samples, channels, hidden, h_at, g_at, gate;
    float slope, offset;
} exciton_host_gate;

typedef struct exciton_host_scale {
    uint32_t x_at, y_at, units, units_per_row, row_length, unit_length, first_row, channels, g_at, residual, then, stream;
} exciton_host_scale;

typedef struct exciton_host_split_squeeze {
    uint32_t x_at, first_unit, units, channels, hidden, block, row_length, s_at, parts_at;
    float divisor;
} exciton_host_split_squeeze;

typedef struct exciton_host_split_scale {
    uint32_t x_at, y_at, first_unit, units, channels, hidden, block, row_length, parts_at, h_at, g_at, activation, gate;
    float slope, offset;
    uint32_t residual, then, stream;
} exciton_host_split_scale;

typedef struct exciton_host_sample {
    uint32_t x_at, y_at, samples, shares, together, channels, hidden, block, row_length, s_at, h_at, g_at;
    float divisor;
    uint32_t activation, gate;
    float slope, offset;
    uint32_t residual, then, stream;
} exciton_host_sample;

typedef struct exciton_host_pipeline {
    uint32_t x_at, y_at, samples, run, channels, hidden, block, row_length, s_at, h_at, g_at;
    float divisor;
    uint32_t activation, gate;
    float slope, offset;
    uint32_t residual, then, stream;
} exciton_host_pipeline;

typedef struct exciton_host_copy {
    uint32_t t_at, y_at, rows, width, pitch;
} exciton_host_copy;

typedef struct exciton_host_stream {
    uint32_t units, unit_length, length, stores;
} exciton_host_stream;

/* R' and C' of the catalogue. */
static inline uint32_t exciton_host_pitch(uint32_t width) { return (width + 7u) & ~7u; }

#endif
