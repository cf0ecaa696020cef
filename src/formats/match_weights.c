/* A layer's numbers: its matrix in [outputs, inputs] order, and everything after it folded in double. */
#include <math.h>

#include "base/checked.h"
#include "formats/match_parts.h"

/* A matrix that no file holds (ConstantOfShape) is held to this. */
#define FILLED ((uint64_t)1 << 26)

/* All that lies there, before the views. */
static exciton_status read_base(const exciton_calls *calls, const exciton_graph *graph, const exciton_operand *operand, double **base)
{
    *base = exciton_io_allocate(calls, operand->base_count, sizeof **base);
    if (!*base)
        return exciton_io_fail(EXCITON_ERROR_MEMORY, "weights: out of memory");
    exciton_status failed = exciton_operand_read(graph, operand, 0, operand->base_count, *base);
    if (failed) {
        exciton_io_release(calls, *base);
        *base = NULL;
    }
    return failed;
}

static exciton_status fail_layer(const exciton_matcher *matcher, uint32_t node, const char *why)
{
    return exciton_io_fail(EXCITON_ERROR_UNSUPPORTED, "'%.100s': weights: %s", exciton_matcher_label(matcher, node), why);
}

/* A constant of one element, or one an output along a single axis, as `outputs` numbers. */
static exciton_status read_vector(const exciton_calls *calls, exciton_matcher *matcher, uint32_t node, uint32_t value, uint64_t outputs,
                                  double *vector)
{
    exciton_operand operand;
    double *base;
    if (!exciton_operand_find(matcher, value, &operand) || (operand.count != 1 && operand.count != outputs))
        return fail_layer(matcher, node, "a constant that doesn't go along the outputs");
    exciton_status failed = read_base(calls, matcher->graph, &operand, &base);
    if (failed)
        return failed;
    uint64_t stride = 0;
    for (uint32_t i = 0; i < operand.rank; i++)
        stride = operand.shape[i] > 1 ? operand.stride[i] : stride;
    for (uint64_t i = 0; i < outputs; i++)
        vector[i] = base[operand.count == 1 ? 0 : i * stride];
    exciton_io_release(calls, base);
    return EXCITON_OK;
}

/* scale * (W v) + offset, an output each, after one more operation. `spare` holds 4 vectors. */
static exciton_status fold(const exciton_calls *calls, exciton_matcher *matcher, const exciton_affine *affine, uint64_t outputs,
                           double *scale, double *offset, double *spare)
{
    bool norm = affine->kind == EXCITON_AFFINE_NORM;
    for (uint32_t i = 0; i < (norm ? 4 : 1); i++) {
        uint32_t value = exciton_matcher_input(matcher, affine->node, affine->operand + i);
        exciton_status failed = read_vector(calls, matcher, affine->node, value, outputs, spare + i * outputs);
        if (failed)
            return failed;
    }
    double epsilon = exciton_matcher_float(matcher, affine->node, "epsilon", 1e-5);
    const double *c = spare, *shift = spare + outputs, *mean = shift + outputs, *variance = mean + outputs;
    for (uint64_t i = 0; i < outputs; i++) {
        double factor = 1, before = 0, after = 0;
        switch (affine->kind) {
        case EXCITON_AFFINE_ADD: after = c[i]; break;
        case EXCITON_AFFINE_SUB: after = -c[i]; break;
        case EXCITON_AFFINE_SUB_FROM: factor = -1; after = c[i]; break;
        case EXCITON_AFFINE_MUL: factor = c[i]; break;
        case EXCITON_AFFINE_DIV: factor = 1 / c[i]; break;
        default: factor = c[i] / sqrt(variance[i] + epsilon); before = -mean[i]; after = shift[i]; break;
        }
        scale[i] *= factor;
        offset[i] = (offset[i] + before) * factor + after;
    }
    return EXCITON_OK;
}

static exciton_status fold_all(const exciton_calls *calls, exciton_matcher *matcher, const exciton_match_layer *layer, uint64_t outputs,
                               double *vectors)
{
    double *scale = vectors, *offset = scale + outputs, *spare = offset + outputs;
    for (uint64_t i = 0; i < outputs; i++) {
        scale[i] = layer->alpha;
        offset[i] = 0;
    }
    if (layer->bias != EXCITON_NO_VALUE) {
        exciton_status failed = read_vector(calls, matcher, layer->node, layer->bias, outputs, offset);
        if (failed)
            return failed;
        for (uint64_t i = 0; i < outputs; i++)
            offset[i] *= layer->beta;
    }
    for (uint32_t i = 0; i < layer->affine_count; i++) {
        exciton_status failed = fold(calls, matcher, &layer->affines[i], outputs, scale, offset, spare);
        if (failed)
            return failed;
    }
    return EXCITON_OK;
}

exciton_status exciton_match_read_layer(const exciton_calls *calls, const exciton_graph *graph, const exciton_match_layer *layer,
                                        float *weight, float *bias)
{
    exciton_matcher matcher = {.graph = graph};
    exciton_operand operand;
    if (!exciton_operand_find(&matcher, layer->weight, &operand))
        return fail_layer(&matcher, layer->node, "not constant");
    if (layer->quantized)
        return fail_layer(&matcher, layer->node, "quantized");
    bool line = layer->inputs == layer->outputs && operand.count == layer->inputs; /* ECA's kernel, or one number */
    uint64_t outputs = line ? 1 : layer->outputs, bytes;
    if (operand.base_count == 1 && operand.count > FILLED)
        return fail_layer(&matcher, layer->node, "more elements than fit");
    if (!exciton_mul(outputs, 6 * sizeof(double), &bytes))
        return exciton_io_fail(EXCITON_ERROR_OVERFLOW, "weights: %llu outputs", (unsigned long long)outputs);
    double *vectors = exciton_io_allocate(calls, bytes, 1), *base = NULL;
    exciton_status failed = vectors ? fold_all(calls, &matcher, layer, outputs, vectors)
                                    : exciton_io_fail(EXCITON_ERROR_MEMORY, "weights: out of memory");
    if (!failed)
        failed = read_base(calls, graph, &operand, &base);
    uint64_t across = 0;
    for (uint32_t i = 0; i < operand.rank && line; i++)
        across = operand.shape[i] > 1 ? operand.stride[i] : across;
    uint64_t along = line ? across : operand.stride[layer->in_axis];
    uint64_t down = line ? 0 : operand.stride[layer->out_axis];
    for (uint64_t o = 0; o < outputs && !failed; o++) {
        for (uint64_t i = 0; i < layer->inputs; i++)
            weight[o * layer->inputs + i] = (float)(base[o * down + i * along] * vectors[o]);
        bias[o] = (float)vectors[outputs + o];
    }
    exciton_io_release(calls, base);
    exciton_io_release(calls, vectors);
    return failed;
}
