/* The kernels, each in three spellings of one name: kernels/NAME.cl, shaders/NAME.comp, src/backends/host/kernels.c.
 *
 * Common to all (docs/numbers.md has the order of every sum):
 *   - every slot is an array of f32; slot 0 is written by no kernel unless it is in place
 *   - *_at params are element offsets into the bound range of the slot they name; T is the scratch ("state")
 *   - units are spread over the grid with a stride, so that any number of groups is right, and so is any group size
 *   - pitches are not passed: R' = hidden and C' = channels, each rounded up to a multiple of 8
 *   - stream: nobody reads y soon, it may go past the caches; a hint that changes no bit
 *   - blocks = ceil(channels / block); block is a power of two, at least 8
 *   - the weights W: W1 transposed [channels][R'], b1 [R'], W2 transposed [hidden][C'], b2 [C'], in this order, padded
 *     with +0; an absent bias is +0
 *   - form rows: no barrier and no local memory, unit u is work-item u's; form lanes: unit u is group u's (in squeeze
 *     and scale: a group takes group_size / min(group_size, 32) units side by side)
 */
#ifndef EXCITON_BASE_CATALOGUE_H
#define EXCITON_BASE_CATALOGUE_H

#include <exciton/exciton.h>

#define EXCITON_KERNEL_SLOTS 4
#define EXCITON_KERNEL_PARAMS 24

typedef enum exciton_kernel {
    /* Row sums or means. Slots X, T. Both forms.
     * Unit u is part k = u % units_per_row of row u / units_per_row: elements from row * row_length + k * unit_length,
     * min(unit_length, row_length - k * unit_length) of them, counted from x_at in X. It adds the sums of its chunks
     * (4,096 elements) in order to T[out] if carry, else to +0, and stores the sum, or divide(sum, divisor) if divide,
     * in T[out]; out = t_at + u / out_width * out_pitch + u % out_width. unit_length is a multiple of the chunk or the
     * row_length. */
    EXCITON_KERNEL_SQUEEZE,
    /* h[n][r] for n < samples, r < R', from s. Slots W, T. Form rows only. A unit is one (n, r).
     * T[h_at + n * R' + r] = activate(b1[r] + sum over blocks of (sum over c in block of W1[c][r] * T[s_at + n * C' + c])) */
    EXCITON_KERNEL_HIDDEN,
    /* g[n][c] for n < samples, c < C', from h. Slots W, T. Form rows only. A unit is one (n, c).
     * T[g_at + n * C' + c] = gate(b2[c] + sum over r of W2[r][c] * T[h_at + n * R' + r]) */
    EXCITON_KERNEL_GATE,
    /* y = output(g, x). Slots X, Y, T (in place: X, T). Both forms. Units as in squeeze, elements counted from x_at in
     * X and y_at in Y; the gate of row i is T[g_at + (first_row + i) / channels * C' + (first_row + i) % channels]. */
    EXCITON_KERNEL_SCALE,
    /* First half of split-excite. Slots X, W, T. Both forms. Unit u is U = first_unit + u: block b = U % blocks of sample
     * n = U / blocks, with channels c from b * block. Row n * channels + c starts at
     * x_at + (n * channels + c - first_row) * row_length, first_row the first row of first_unit.
     * T[s_at + n * C' + c] = mean; T[parts_at + U * R' + r] = sum over c in block of W1[c][r] * mean[c], r < R'. */
    EXCITON_KERNEL_SPLIT_SQUEEZE,
    /* Second half. Slots X, Y, W, T (in place: X, W, T). Both forms. Units as in the first half.
     * h[r] = activate(b1[r] + parts of the sample in block order), stored in T[h_at + U * R' + r] if b == 0 (form rows:
     * wherever it needs it, as its working memory); g[c] for the block's channels, stored in
     * T[g_at + n * C' + c]; y = output(g, x) for the block's rows. */
    EXCITON_KERNEL_SPLIT_SCALE,
    /* Everything for a sample. Slots X, Y, W, T (in place: X, W, T). Both forms. Unit u is share q = u % shares of sample
     * n = u / shares < samples, its rows from x_at + n * channels * row_length (y_at in Y). Each share squeezes the whole
     * sample, and scales the channels from q * each to (q + 1) * each, each = C' / 8 / shares rounded up, times 8; in
     * place shares is 1. s, h, g are stored in T[s_at + u * C' + c], T[h_at + u * R' + r], T[g_at + n * C' + c] (form
     * lanes works on copies in local memory). */
    EXCITON_KERNEL_SAMPLE,
    /* Everything for a run of samples: sample n is squeezed while n - 1 is scaled. Slots X, Y, W, T (in place: X, W, T).
     * Both forms. Unit u is the samples n from u * run, at most `run` of them, below `samples`; rows and s, h, g of sample
     * n as in the kernel sample with shares 1. */
    EXCITON_KERNEL_PIPELINE,
    /* Saved outputs out of the scratch. Slots T, Y. Form rows only. A unit is an element:
     * Y[y_at + i * width + j] = T[t_at + i * pitch + j], i < rows, j < width. */
    EXCITON_KERNEL_COPY,
    /* What the floor is measured with (core/floor.c). Slots X, Y. Both forms. Y[i] = X[i], i < length, bits as they are.
     * Unit u < units is the unit_length elements from u * unit_length, fewer at the end. stores: 0 plain; 1 past the
     * caches, where the compiler can (form rows); 2 by the C library (host); plain elsewhere. Form lanes: unit_length is a
     * multiple of 4, both offsets and ranges are of 16 bytes. */
    EXCITON_KERNEL_STREAM,
    EXCITON_KERNEL_COUNT
} exciton_kernel;

/* What specialises a kernel; all else is a param. */
typedef struct exciton_kernel_spec {
    exciton_kernel kernel;
    exciton_form form;      /* ROWS or LANES */
    bool in_place;          /* Y is X: one read-write binding */
    bool texels;            /* form lanes: a work-item has rows of its own, a group neighbouring units; X, W and what an earlier
                             * step left in T are read through texel views */
    uint32_t group_size;    /* work-items a group, a power of two */
    uint32_t local_floats;  /* form lanes: local memory beside the tree's group_size floats; 0: none */
    bool clblast;           /* hidden and gate: the product is CLBlast's, in its order. Only where the backend has it */
} exciton_kernel_spec;

typedef struct exciton_kernel_entry {
    const char *name;                         /* "squeeze"; the kernel function is exciton_NAME_FORM */
    uint32_t slot_count;                      /* out of place */
    const char *slots;                        /* a letter a slot: "XYWT" */
    uint32_t param_count;
    const char *params[EXCITON_KERNEL_PARAMS];
    bool lanes;                               /* has a form lanes */
    bool has_in_place;
} exciton_kernel_entry;

const exciton_kernel_entry *exciton_kernel_describe(exciton_kernel kernel);
/* Slots that a variant binds, without Y where in place. */
uint32_t exciton_kernel_slot_count(const exciton_kernel_spec *spec);
/* Params that leave the kernel nothing to do and nothing to divide by zero: for the dispatch that warms it. */
void exciton_kernel_idle_params(exciton_kernel kernel, uint32_t params[EXCITON_KERNEL_PARAMS]);
bool exciton_kernel_same(const exciton_kernel_spec *a, const exciton_kernel_spec *b);

#endif
