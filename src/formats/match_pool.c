/* Pools: the mean over all of a tensor's space, however it is written. */
#include "formats/match_parts.h"

enum { CHAIN = 3 };

/* How the axes of the pooled tensor are x's: itself, transposed, or with its space merged into one axis. */
typedef struct relation {
    uint32_t rank;                      /* of what is pooled; 0: not known */
    uint32_t axis[EXCITON_GRAPH_RANK];  /* of x; unset beyond 1 where merged */
    bool merged;
} relation;

static const char *name_of(const exciton_walk *walk, uint32_t value)
{
    return value < walk->matcher->graph->value_count ? walk->matcher->graph->value_name(walk->matcher->graph->user, value) : "";
}

/* The perm of a Transpose of x's rank. */
static bool read_perm(const exciton_walk *walk, uint32_t node, uint32_t *rank, uint32_t perm[EXCITON_GRAPH_RANK])
{
    exciton_attribute a = walk->matcher->graph->node_attribute(walk->matcher->graph->user, node, "perm");
    uint32_t seen = 0;
    if (a.kind != EXCITON_ATTRIBUTE_INTS || a.count < 3 || a.count > EXCITON_GRAPH_RANK || (walk->x_rank && walk->x_rank != a.count))
        return false;
    *rank = (uint32_t)a.count;
    for (uint32_t i = 0; i < *rank; i++) {
        if (a.ints[i] < 0 || a.ints[i] >= *rank || seen >> a.ints[i] & 1)
            return false;
        seen |= 1u << a.ints[i];
        perm[i] = (uint32_t)a.ints[i];
    }
    return true;
}

/* [batch, channels, the rest], from x with its channels in axis 1. */
static bool merges_space(exciton_walk *walk, uint32_t node)
{
    exciton_dims dims;
    if (!exciton_dims_find(walk, exciton_matcher_input(walk->matcher, node, 1), &dims) || dims.count != 3)
        return false;
    const exciton_dim *d = dims.dims;
    bool zeros = exciton_matcher_int(walk->matcher, node, "allowzero", 0) != 0;
    for (uint32_t i = 0; i < 3 && zeros; i++)
        if (d[i].kind == EXCITON_DIM_NUMBER && !d[i].number)
            return false;
    bool batch = d[0].kind == EXCITON_DIM_AXIS ? d[0].number == 0 : d[0].kind == EXCITON_DIM_NUMBER &&
                 (!d[0].number || (d[0].number > 0 && (uint64_t)d[0].number == walk->x_shape[0]));
    bool channels = d[1].kind == EXCITON_DIM_AXIS ? d[1].number == 1 : d[1].kind == EXCITON_DIM_NUMBER &&
                    (!d[1].number || (d[1].number > 0 && (uint64_t)d[1].number == walk->x_shape[1]));
    /* With batch and channels in place the third is the rest, whatever computes it; a -1 before it is as good. */
    bool open = d[0].kind == EXCITON_DIM_NUMBER && d[0].number == -1;
    uint64_t space = walk->x_rank > 2 ? 1 : 0;
    for (uint32_t i = 2; i < walk->x_rank; i++)
        space *= walk->x_shape[i];
    bool exact = d[2].kind == EXCITON_DIM_NUMBER && d[2].number > 0 && (uint64_t)d[2].number == space;
    bool copies = d[2].kind == EXCITON_DIM_NUMBER && d[2].number == 0;
    return channels && !copies && (batch || (open && exact));
}

/* From what is pooled back through Identity and its like, only as far as needed: what x comes from is outside the block.
 * EXCITON_NO_VALUE: it is x, or the two come from the same value. */
static uint32_t strip_to_x(exciton_walk *walk, uint32_t pooled)
{
    for (uint32_t step = 0; step < 16; step++) {
        uint32_t x = walk->x;
        for (uint32_t i = 0; i < 16 && x != EXCITON_NO_VALUE; i++, x = exciton_walk_strip_one(walk, x, false))
            if (x == pooled)
                return EXCITON_NO_VALUE;
        uint32_t before = exciton_walk_strip_one(walk, pooled, true);
        if (before == EXCITON_NO_VALUE)
            break;
        pooled = before;
    }
    return pooled;
}

/* How `pooled` comes from the Mul's data operand; false: it doesn't. */
static bool relate(exciton_walk *walk, uint32_t pooled, relation *to)
{
    exciton_matcher *matcher = walk->matcher;
    uint32_t p = strip_to_x(walk, pooled), x = exciton_walk_strip(walk, walk->x, false);
    uint32_t above_p = exciton_matcher_producer(matcher, p), above_x = exciton_matcher_producer(matcher, x);
    uint32_t perm[EXCITON_GRAPH_RANK];
    *to = (relation){.rank = walk->x_rank};
    for (uint32_t i = 0; i < EXCITON_GRAPH_RANK; i++)
        to->axis[i] = i;
    if (p == EXCITON_NO_VALUE)
        return true;
    exciton_op op = exciton_matcher_op(matcher, above_p);
    if ((op == EXCITON_OP_TRANSPOSE || op == EXCITON_OP_RESHAPE) &&
        exciton_walk_strip(walk, exciton_matcher_input(matcher, above_p, 0), false) == x) {
        if (op == EXCITON_OP_RESHAPE) {
            to->merged = true;
            to->rank = 3;
            return exciton_walk_note(walk, above_p) && merges_space(walk, above_p);
        }
        return exciton_walk_note(walk, above_p) && read_perm(walk, above_p, &to->rank, to->axis);
    }
    if (exciton_matcher_op(matcher, above_x) != EXCITON_OP_TRANSPOSE ||
        exciton_walk_strip(walk, exciton_matcher_input(matcher, above_x, 0), false) != p || !read_perm(walk, above_x, &to->rank, perm))
        return false;
    for (uint32_t i = 0; i < to->rank; i++)
        to->axis[perm[i]] = i;
    return true;
}

static bool fail_relation(exciton_walk *walk, uint32_t node, uint32_t pooled)
{
    return exciton_walk_break(walk, node, "pools '%.80s', but the Mul scales '%.80s'", name_of(walk, pooled), name_of(walk, walk->x));
}

/* Where x's batch and channels are, given those of what is pooled. */
static bool place(exciton_walk *walk, uint32_t node, const relation *to, uint32_t batch, uint32_t channel)
{
    uint32_t last = (walk->x_rank ? walk->x_rank : to->rank) - 1;
    uint32_t at = to->axis[channel];
    if (to->axis[batch] != 0 || (at != 1 && at != last) || (to->merged && at != 1))
        return exciton_walk_break(walk, node, "pools over other axes than the space's");
    walk->x_channel = at;
    return true;
}

/* A rank where the graph says nothing: the first convolution's, else that of images. */
static uint32_t guess_rank(exciton_walk *walk)
{
    exciton_operand weight;
    for (uint32_t i = walk->step_count; i-- > 0;)
        if (walk->steps[i].kind == EXCITON_STEP_LAYER && walk->steps[i].layer.kind == EXCITON_LAYER_CONV)
            if (exciton_operand_find(walk->matcher, walk->steps[i].layer.weight, &weight) && weight.rank > 3)
                return weight.rank;
    return 4;
}

/* Up to three means, one of another. Axes as they stand in each node count in what the one before left. */
static bool match_means(exciton_walk *walk, uint32_t node, exciton_arrangement *after)
{
    exciton_matcher *matcher = walk->matcher;
    uint32_t chain[CHAIN], links = 0, counts[CHAIN], total = 0, pooled = EXCITON_NO_VALUE;
    int64_t axes[CHAIN][EXCITON_GRAPH_RANK];
    while (links < CHAIN && exciton_matcher_op(matcher, node) == EXCITON_OP_REDUCE_MEAN) {
        bool present;
        if (!exciton_operand_axes(matcher, node, axes[links], &counts[links], &present) || !counts[links])
            return exciton_walk_break(walk, node, present ? "its axes are not constant" : "pools over all axes");
        if (!exciton_walk_note(walk, node))
            return false;
        total += counts[links];
        chain[links++] = node;
        pooled = exciton_matcher_input(matcher, node, 0);
        uint32_t from = exciton_walk_strip(walk, pooled, false);
        if (from == exciton_walk_strip(walk, walk->x, false))
            break; /* x may be a mean itself */
        node = exciton_matcher_producer(matcher, from);
        if (exciton_matcher_op(matcher, node) == EXCITON_OP_REDUCE_MEAN)
            exciton_walk_strip(walk, pooled, true);
    }
    node = chain[links - 1];
    relation to;
    if (!relate(walk, pooled, &to))
        return fail_relation(walk, node, pooled);
    uint32_t rank = to.rank ? to.rank : total + 2, dims = rank, reduced = 0, of[EXCITON_GRAPH_RANK];
    if (rank > EXCITON_GRAPH_RANK || rank < 3)
        return exciton_walk_break(walk, node, "pools a tensor of %u axes", (unsigned)rank);
    for (uint32_t i = 0; i < rank; i++)
        of[i] = i;
    for (uint32_t link = links; link-- > 0;) {
        bool keep = exciton_matcher_int(matcher, chain[link], "keepdims", 1) != 0;
        uint32_t gone = 0, left = 0;
        for (uint32_t i = 0; i < counts[link]; i++) {
            int64_t axis = axes[link][i] < 0 ? axes[link][i] + dims : axes[link][i];
            if (axis < 0 || axis >= dims)
                return exciton_walk_break(walk, chain[link], "axis %lld is out of range", (long long)axes[link][i]);
            gone |= 1u << axis;
            reduced |= 1u << of[axis];
        }
        for (uint32_t i = 0; i < dims; i++)
            if (keep || !(gone >> i & 1))
                of[left++] = of[i];
        dims = left;
    }
    uint32_t kept[2], count = 0;
    for (uint32_t i = 0; i < rank; i++) {
        if (reduced >> i & 1)
            continue;
        if (count == 2)
            return exciton_walk_break(walk, node, "pools over a part of the space");
        kept[count++] = i;
    }
    if (count != 2)
        return exciton_walk_break(walk, node, "pools over batch or channels");
    if (to.axis[kept[0]] != 0 && to.axis[kept[1]] == 0) { /* transposed: the batch comes second */
        uint32_t first = kept[0];
        kept[0] = kept[1];
        kept[1] = first;
    }
    if (!walk->x_rank)
        walk->x_rank = to.merged ? guess_rank(walk) : rank;
    if (!place(walk, node, &to, kept[0], kept[1]))
        return false;
    *after = (exciton_arrangement){.rank = dims};
    for (uint32_t i = 0; i < dims; i++) {
        after->batch = of[i] == kept[0] ? (int)i : after->batch;
        after->channel = of[i] == kept[1] ? i : after->channel;
    }
    return true;
}

static bool has_pads(const exciton_matcher *matcher, uint32_t node)
{
    exciton_attribute pads = matcher->graph->node_attribute(matcher->graph->user, node, "pads");
    exciton_attribute automatic = matcher->graph->node_attribute(matcher->graph->user, node, "auto_pad");
    bool padded = automatic.kind == EXCITON_ATTRIBUTE_STRING && automatic.count >= 4 && !memcmp(automatic.text, "SAME", 4);
    for (size_t i = 0; pads.kind == EXCITON_ATTRIBUTE_INTS && i < pads.count; i++)
        padded |= pads.ints[i] != 0;
    return padded;
}

/* AveragePool with a kernel of the plane's size. */
static bool covers_plane(exciton_walk *walk, uint32_t node, const relation *to)
{
    exciton_matcher *matcher = walk->matcher;
    exciton_attribute kernel = matcher->graph->node_attribute(matcher->graph->user, node, "kernel_shape");
    exciton_attribute dilations = matcher->graph->node_attribute(matcher->graph->user, node, "dilations");
    if (kernel.kind != EXCITON_ATTRIBUTE_INTS || kernel.count + 2 != to->rank || to->merged || has_pads(matcher, node))
        return exciton_walk_break(walk, node, "pools with a kernel or pads that are not the plane's");
    for (size_t i = 0; dilations.kind == EXCITON_ATTRIBUTE_INTS && i < dilations.count; i++)
        if (dilations.ints[i] != 1)
            return exciton_walk_break(walk, node, "pools with dilations");
    for (uint32_t i = 0; i < kernel.count; i++) {
        uint64_t size = walk->x_shape[to->axis[i + 2]];
        if (!size)
            return exciton_walk_break(walk, node, "pools with a kernel of %lld, and the plane's size is not known",
                                      (long long)kernel.ints[i]);
        if (kernel.ints[i] < 1 || (uint64_t)kernel.ints[i] != size)
            return exciton_walk_break(walk, node, "pools a part of the plane: kernel %lld of %llu", (long long)kernel.ints[i],
                                      (unsigned long long)size);
    }
    return true;
}

bool exciton_match_pool(exciton_walk *walk, uint32_t value, exciton_arrangement *after)
{
    uint32_t node = exciton_matcher_producer(walk->matcher, value);
    exciton_op op = exciton_matcher_op(walk->matcher, node);
    if (op != EXCITON_OP_GLOBAL_AVERAGE_POOL && op != EXCITON_OP_REDUCE_MEAN && op != EXCITON_OP_AVERAGE_POOL)
        return false;
    walk->saw_pool = true;
    if (op == EXCITON_OP_REDUCE_MEAN)
        return match_means(walk, node, after);
    relation to;
    uint32_t pooled = exciton_matcher_input(walk->matcher, node, 0);
    if (!exciton_walk_note(walk, node))
        return false;
    if (!relate(walk, pooled, &to))
        return fail_relation(walk, node, pooled);
    if (!to.rank)
        to.rank = guess_rank(walk);
    if (!walk->x_rank)
        walk->x_rank = to.merged ? guess_rank(walk) : to.rank;
    if (to.rank < 3)
        return exciton_walk_break(walk, node, "pools a tensor of %u axes", (unsigned)to.rank);
    if (op == EXCITON_OP_AVERAGE_POOL && !covers_plane(walk, node, &to))
        return false;
    *after = (exciton_arrangement){.rank = to.rank, .channel = 1};
    return place(walk, node, &to, 0, 1);
}

bool exciton_match_pool_like(exciton_walk *walk, uint32_t value)
{
    switch (exciton_matcher_op(walk->matcher, exciton_matcher_producer(walk->matcher, value))) {
    case EXCITON_OP_OTHER_POOL: case EXCITON_OP_REDUCE_MEAN: case EXCITON_OP_AVERAGE_POOL: case EXCITON_OP_GLOBAL_AVERAGE_POOL:
        return true;
    default:
        return false;
    }
}
