/* How many loop iterations a work-item makes for a unit: an upper bound over kernels/ and shaders/. A driver counts a
 * loop's last test too, and what its compiler splits off: seen are n + 2 for n, so LOOP is added for each. */
#include "base/checked.h"
#include "ops/se_layout.h"

enum { LOOP = 3, TREE = 24, BATCH = 16, COLUMN = 3 * LOOP /* add_column's loops by sixteens, fours and ones */ };

/* Form lanes over `count` elements, 2 to BATCH at a time, by a loop that loads and one that makes something of them, and a
 * rest one by one. */
static uint64_t batched(uint64_t count) { return count / 2 * (1 + 2 * (2 + LOOP)) + 2 * (BATCH + LOOP); }

/* What a row costs a work-item in each form. */
typedef struct walk {
    uint64_t sum, scale; /* of one row */
    uint64_t rows;       /* divisor: rows a unit's work-items take side by side */
    uint64_t turn;       /* rows a work-item takes one after the other before it looks again; 0: one */
    uint64_t items;      /* divisor: work-items that share the excitation */
    uint64_t wide;       /* divisor: columns at a time in form rows */
} walk;

static walk walk_of(const exciton_kernel_spec *spec, uint64_t length)
{
    uint64_t chunks = length / EXCITON_CHUNK + 1;
    if (spec->form == EXCITON_FORM_ROWS)
        return (walk){.sum = length / EXCITON_LANES + LOOP * chunks + LOOP, .scale = length / 4 + 8 + LOOP, .rows = 1, .items = 1, .wide = 8};
    if (spec->texels) /* loops that have nothing to do count, too */
        return (walk){.sum = length / EXCITON_LANES + (1 + 2 * LOOP) * chunks + LOOP, .scale = length / 4 + 2 + 3 * LOOP, .rows = spec->group_size,
                      .turn = 4, .items = spec->group_size * 8, .wide = 1};
    uint64_t side = exciton_min(spec->group_size, EXCITON_LANES), each = EXCITON_LANES / side;
    uint64_t lane = each == 1 ? batched(length / EXCITON_LANES) : (length / EXCITON_LANES + 1) * (1 + each);
    return (walk){.sum = lane + chunks * (3 * each + TREE + 2 * (BATCH + LOOP)) + LOOP,
                  .scale = batched(length / side) + 2 * (BATCH + LOOP),
                  .rows = spec->group_size / side, .items = spec->group_size, .wide = 1};
}

static uint64_t rounds(uint64_t count, uint64_t by) { return count / by + LOOP; }

/* `count` rows of a unit, `each` iterations a row. */
static uint64_t rows_of(const walk *w, uint64_t count, uint64_t each)
{
    return w->turn ? exciton_divide_up(count, w->rows * w->turn) * w->turn * (LOOP + each) + LOOP : rounds(count, w->rows) * each;
}

uint64_t exciton_se_iterations(const exciton_se_problem *p, const exciton_kernel_spec *spec, uint64_t length)
{
    walk w = walk_of(spec, length);
    switch (spec->kernel) {
    case EXCITON_KERNEL_SQUEEZE:
        return 1 + w.sum;
    case EXCITON_KERNEL_SCALE:
        return 1 + w.scale;
    case EXCITON_KERNEL_HIDDEN:
        return 1 + LOOP + (1 + COLUMN) * (uint64_t)p->blocks + p->channels;
    case EXCITON_KERNEL_GATE:
        return 1 + COLUMN + (uint64_t)p->hidden;
    case EXCITON_KERNEL_SPLIT_SQUEEZE:
        return 1 + rows_of(&w, p->block, 1 + w.sum) + rounds(p->hidden_pitch, w.items * w.wide) * batched(p->block);
    case EXCITON_KERNEL_SPLIT_SCALE:
        return 1 + rounds(p->hidden_pitch, w.items) * batched(p->blocks) + rounds(p->block, w.items * w.wide) * (LOOP + batched(p->hidden)) +
               rows_of(&w, p->block, 1 + w.scale);
    case EXCITON_KERNEL_SAMPLE:
    case EXCITON_KERNEL_PIPELINE: /* of each sample of a run */
        return 1 + rows_of(&w, p->channels, 2 + w.sum + w.scale) +
               rounds(p->hidden_pitch, w.items) * (LOOP + p->blocks * (1 + batched(p->block))) +
               rounds(p->channel_pitch, w.items * w.wide) * (LOOP + batched(p->hidden));
    default:
        return LOOP;
    }
}
