/* Activations and gates, as one node or spelt out: scalars around a clip, and products of a tensor with its own sigmoid. */
#include <math.h>

#include "formats/match_parts.h"

/* Bounds in a row: a Max and a Min, and one that changes nothing. */
enum { BOUNDS = 3 };

/* after_scale * clip(scale * v + offset, low, high) + after_offset, v the value `input`. */
typedef struct clamp {
    uint32_t input;
    double scale, offset, low, high, after_scale, after_offset;
} clamp;

static bool near_to(double a, double b) { return fabs(a - b) <= 1e-6 * fmax(1, fabs(b)); }

/* Through one Mul, Div, Add or Sub with a scalar: value = *scale * input + *offset of the new input. `added` and
 * `multiplied` allow one of each kind. */
static bool peel_scalar(exciton_walk *walk, uint32_t *value, double *scale, double *offset, bool *added, bool *multiplied)
{
    exciton_matcher *matcher = walk->matcher;
    uint32_t node = exciton_matcher_producer(matcher, *value);
    exciton_op op = exciton_matcher_op(matcher, node);
    bool adds = op == EXCITON_OP_ADD || op == EXCITON_OP_SUB, multiplies = op == EXCITON_OP_MUL || op == EXCITON_OP_DIV;
    if ((!adds && !multiplies) || (adds && *added) || (multiplies && *multiplied))
        return false;
    uint32_t a = exciton_matcher_input(matcher, node, 0), b = exciton_matcher_input(matcher, node, 1);
    double c;
    bool second = exciton_operand_scalar(matcher, b, &c);
    if (!second && (op == EXCITON_OP_DIV || !exciton_operand_scalar(matcher, a, &c)))
        return false;
    if ((multiplies && c == 0) || !isfinite(c) || !exciton_walk_note(walk, node))
        return false;
    if (op == EXCITON_OP_MUL)
        *scale *= c;
    else if (op == EXCITON_OP_DIV)
        *scale /= c;
    else {
        *offset += op == EXCITON_OP_SUB && second ? -*scale * c : *scale * c;
        if (op == EXCITON_OP_SUB && !second)
            *scale = -*scale;
    }
    *value = second ? a : b;
    *added |= adds;
    *multiplied |= multiplies;
    return true;
}

/* A Clip's bound, from its attribute (opset 7 to 10) or its input. */
static bool clip_bound(exciton_matcher *matcher, uint32_t node, const char *name, uint32_t index, double absent, double *bound)
{
    uint32_t input = exciton_matcher_input(matcher, node, index);
    *bound = exciton_matcher_float(matcher, node, name, absent);
    return input == EXCITON_NO_VALUE || exciton_operand_scalar(matcher, input, bound);
}

/* One Clip, Relu, Max or Min: narrows low and high, which hold for what comes after it. */
static bool peel_bound(exciton_walk *walk, uint32_t *value, double *low, double *high)
{
    exciton_matcher *matcher = walk->matcher;
    uint32_t node = exciton_matcher_producer(matcher, *value), from = exciton_matcher_input(matcher, node, 0);
    exciton_op op = exciton_matcher_op(matcher, node);
    double least = -INFINITY, most = INFINITY, c;
    if (op == EXCITON_OP_CLIP) {
        if (!clip_bound(matcher, node, "min", 1, -INFINITY, &least) || !clip_bound(matcher, node, "max", 2, INFINITY, &most))
            return false;
    } else if (op == EXCITON_OP_RELU)
        least = 0;
    else if (op == EXCITON_OP_MAX || op == EXCITON_OP_MIN) {
        uint32_t other = exciton_matcher_input(matcher, node, 1);
        if (matcher->graph->node_input_count(matcher->graph->user, node) != 2)
            return false;
        if (!exciton_operand_scalar(matcher, other, &c)) {
            if (!exciton_operand_scalar(matcher, from, &c))
                return false;
            from = other;
        }
        *(op == EXCITON_OP_MAX ? &least : &most) = c;
    } else
        return false;
    /* Exporters write "no bound" as the largest float. */
    least = least <= -3.4e38 ? -INFINITY : least;
    most = most >= 3.4e38 ? INFINITY : most;
    if (!(least < most) || !(fmax(*low, least) < fmin(*high, most)) || !exciton_walk_note(walk, node))
        return false;
    *low = fmax(*low, least);
    *high = fmin(*high, most);
    *value = from;
    return true;
}

static uint32_t strip_views(exciton_walk *walk, uint32_t value) { return exciton_walk_strip(walk, value, true); }

static bool match_clamp(exciton_walk *walk, uint32_t value, clamp *found)
{
    bool added = false, multiplied = false, bounded = false;
    uint32_t nodes = walk->node_count;
    *found = (clamp){.scale = 1, .low = -INFINITY, .high = INFINITY, .after_scale = 1};
    value = strip_views(walk, value);
    while (peel_scalar(walk, &value, &found->after_scale, &found->after_offset, &added, &multiplied))
        value = strip_views(walk, value);
    for (int i = 0; i < BOUNDS && peel_bound(walk, &value, &found->low, &found->high); i++) {
        bounded = true;
        value = strip_views(walk, value);
    }
    if (!bounded) {
        walk->node_count = nodes;
        return false;
    }
    added = multiplied = false;
    for (;;) {
        uint32_t stripped = strip_views(walk, value);
        if (!peel_scalar(walk, &stripped, &found->scale, &found->offset, &added, &multiplied))
            break;
        value = stripped;
    }
    found->input = value;
    return true;
}

/* As slope and offset of clip(slope * v + offset, 0, 1). */
static bool as_hard_sigmoid(const clamp *from, double scale, double *slope, double *offset)
{
    double s = from->after_scale * scale, t = from->after_offset * scale;
    if (!isfinite(from->low) || !isfinite(from->high) || !near_to(s * from->low + t, 0) || !near_to(s * from->high + t, 1))
        return false;
    *slope = s * from->scale;
    *offset = s * from->offset + t;
    return isfinite(*slope) && isfinite(*offset);
}

bool exciton_match_gate(exciton_walk *walk, uint32_t value, exciton_function_match *found)
{
    exciton_matcher *matcher = walk->matcher;
    uint32_t node = exciton_matcher_producer(matcher, value);
    exciton_op op = exciton_matcher_op(matcher, node);
    uint32_t nodes = walk->node_count;
    if (op == EXCITON_OP_SIGMOID || op == EXCITON_OP_HARD_SIGMOID) {
        *found = (exciton_function_match){.input = exciton_matcher_input(matcher, node, 0),
                                          .kind = op == EXCITON_OP_SIGMOID ? EXCITON_MODEL_SIGMOID : EXCITON_MODEL_HARD_SIGMOID};
        if (op == EXCITON_OP_HARD_SIGMOID) {
            found->numbers[0] = exciton_matcher_float(matcher, node, "alpha", 0.2);
            found->numbers[1] = exciton_matcher_float(matcher, node, "beta", 0.5);
        }
        return isfinite(found->numbers[0]) && isfinite(found->numbers[1]) && exciton_walk_note(walk, node);
    }
    clamp c;
    *found = (exciton_function_match){.kind = EXCITON_MODEL_HARD_SIGMOID};
    if (match_clamp(walk, value, &c) && as_hard_sigmoid(&c, 1, &found->numbers[0], &found->numbers[1])) {
        found->input = c.input;
        return true;
    }
    walk->node_count = nodes;
    return false;
}

/* ---- Between the layers */

/* x * sigmoid(x), x * hard-sigmoid(x): `gate` computed from the same value as `plain`, scalars around either. */
static bool match_self_product(exciton_walk *walk, uint32_t plain, uint32_t gate, double scale, exciton_function_match *found)
{
    exciton_matcher *matcher = walk->matcher;
    double offset = 0;
    bool added = true, multiplied = false; /* only a Mul or Div of a scalar */
    plain = strip_views(walk, plain);
    if (peel_scalar(walk, &plain, &scale, &offset, &added, &multiplied))
        plain = strip_views(walk, plain);
    gate = strip_views(walk, gate);
    uint32_t node = exciton_matcher_producer(matcher, gate), from = exciton_matcher_input(matcher, node, 0);
    exciton_op op = exciton_matcher_op(matcher, node);
    clamp c;
    *found = (exciton_function_match){.input = plain, .kind = EXCITON_MODEL_HARD_SWISH};
    if (op == EXCITON_OP_SIGMOID) {
        found->kind = EXCITON_MODEL_SILU;
        return strip_views(walk, from) == plain && near_to(scale, 1) && exciton_walk_note(walk, node);
    }
    if (op == EXCITON_OP_HARD_SIGMOID) {
        found->numbers[0] = exciton_matcher_float(matcher, node, "alpha", 0.2);
        found->numbers[1] = exciton_matcher_float(matcher, node, "beta", 0.5);
        return strip_views(walk, from) == plain && near_to(scale, 1) && exciton_walk_note(walk, node);
    }
    return match_clamp(walk, gate, &c) && as_hard_sigmoid(&c, scale, &found->numbers[0], &found->numbers[1]) &&
           strip_views(walk, c.input) == plain;
}

static bool match_product(exciton_walk *walk, uint32_t value, exciton_function_match *found)
{
    exciton_matcher *matcher = walk->matcher;
    uint32_t nodes = walk->node_count;
    double scale = 1, offset = 0;
    bool added = true, multiplied = false;
    if (peel_scalar(walk, &value, &scale, &offset, &added, &multiplied))
        value = strip_views(walk, value);
    uint32_t node = exciton_matcher_producer(matcher, value);
    if (exciton_matcher_op(matcher, node) == EXCITON_OP_MUL && exciton_walk_note(walk, node)) {
        uint32_t a = exciton_matcher_input(matcher, node, 0), b = exciton_matcher_input(matcher, node, 1), kept = walk->node_count;
        if (match_self_product(walk, a, b, scale, found))
            return true;
        walk->node_count = kept;
        if (match_self_product(walk, b, a, scale, found))
            return true;
    }
    walk->node_count = nodes;
    return false;
}

static bool match_simple(exciton_walk *walk, uint32_t value, exciton_function_match *found)
{
    exciton_matcher *matcher = walk->matcher;
    uint32_t node = exciton_matcher_producer(matcher, value);
    *found = (exciton_function_match){.input = exciton_matcher_input(matcher, node, 0)};
    switch (exciton_matcher_op(matcher, node)) {
    case EXCITON_OP_LEAKY_RELU:
        found->kind = EXCITON_MODEL_LEAKY_RELU;
        found->numbers[0] = exciton_matcher_float(matcher, node, "alpha", 0.01);
        break;
    case EXCITON_OP_PRELU:
        found->kind = EXCITON_MODEL_LEAKY_RELU;
        if (!exciton_operand_scalar(matcher, exciton_matcher_input(matcher, node, 1), &found->numbers[0]))
            return false;
        break;
    case EXCITON_OP_HARD_SWISH:
        found->kind = EXCITON_MODEL_HARD_SWISH;
        found->numbers[0] = 1.0 / 6;
        found->numbers[1] = 0.5;
        break;
    case EXCITON_OP_SWISH:
        found->kind = EXCITON_MODEL_SILU;
        if (exciton_matcher_float(matcher, node, "alpha", 1) != 1)
            return false;
        break;
    default:
        return false;
    }
    return exciton_walk_note(walk, node);
}

bool exciton_match_activation(exciton_walk *walk, uint32_t value, exciton_function_match *found)
{
    exciton_op op = exciton_matcher_op(walk->matcher, exciton_matcher_producer(walk->matcher, value));
    if (match_simple(walk, value, found))
        return true;
    if (op == EXCITON_OP_MUL || op == EXCITON_OP_DIV)
        return match_product(walk, value, found);
    double low = -INFINITY, high = INFINITY;
    uint32_t nodes = walk->node_count;
    bool bounded = false;
    for (int i = 0; i < BOUNDS && peel_bound(walk, &value, &low, &high); i++)
        bounded = true;
    if (!bounded || (!isfinite(low) && !isfinite(high))) {
        walk->node_count = nodes;
        return false;
    }
    *found = (exciton_function_match){.kind = low == 0 && isinf(high) ? EXCITON_MODEL_RELU
                                            : low == 0 && high == 6   ? EXCITON_MODEL_RELU6 : EXCITON_MODEL_CLIP,
                                      .numbers = {low, high}, .input = value};
    if (found->kind == EXCITON_MODEL_RELU)
        found->numbers[0] = found->numbers[1] = 0;
    return true;
}
