#include "base/catalogue.h"

#include <string.h>

#define GEOMETRY "units", "units_per_row", "row_length", "unit_length"
#define EXCITE "activation", "gate", "slope", "offset"
#define OUTPUT "residual", "then", "stream"

static const exciton_kernel_entry entries[EXCITON_KERNEL_COUNT] = {
    [EXCITON_KERNEL_SQUEEZE] = {.name = "squeeze", .slot_count = 2, .slots = "XT", .lanes = true, .param_count = 11,
        .params = {"x_at", "t_at", GEOMETRY, "out_width", "out_pitch", "carry", "divide", "divisor"}},
    [EXCITON_KERNEL_HIDDEN] = {.name = "hidden", .slot_count = 2, .slots = "WT", .param_count = 7,
        .params = {"samples", "channels", "hidden", "block", "s_at", "h_at", "activation"}},
    [EXCITON_KERNEL_GATE] = {.name = "gate", .slot_count = 2, .slots = "WT", .param_count = 8,
        .params = {"samples", "channels", "hidden", "h_at", "g_at", "gate", "slope", "offset"}},
    [EXCITON_KERNEL_SCALE] = {.name = "scale", .slot_count = 3, .slots = "XYT", .lanes = true, .has_in_place = true, .param_count = 12,
        .params = {"x_at", "y_at", GEOMETRY, "first_row", "channels", "g_at", OUTPUT}},
    [EXCITON_KERNEL_SPLIT_SQUEEZE] = {.name = "split_squeeze", .slot_count = 3, .slots = "XWT", .lanes = true, .param_count = 10,
        .params = {"x_at", "first_unit", "units", "channels", "hidden", "block", "row_length", "s_at", "parts_at", "divisor"}},
    [EXCITON_KERNEL_SPLIT_SCALE] = {.name = "split_scale", .slot_count = 4, .slots = "XYWT", .lanes = true, .has_in_place = true, .param_count = 18,
        .params = {"x_at", "y_at", "first_unit", "units", "channels", "hidden", "block", "row_length", "parts_at", "h_at", "g_at", EXCITE, OUTPUT}},
    [EXCITON_KERNEL_SAMPLE] = {.name = "sample", .slot_count = 4, .slots = "XYWT", .lanes = true, .has_in_place = true, .param_count = 20,
        .params = {"x_at", "y_at", "samples", "shares", "together", "channels", "hidden", "block", "row_length", "s_at", "h_at", "g_at", "divisor", EXCITE, OUTPUT}},
    [EXCITON_KERNEL_PIPELINE] = {.name = "pipeline", .slot_count = 4, .slots = "XYWT", .lanes = true, .has_in_place = true, .param_count = 19,
        .params = {"x_at", "y_at", "samples", "run", "channels", "hidden", "block", "row_length", "s_at", "h_at", "g_at", "divisor", EXCITE, OUTPUT}},
    [EXCITON_KERNEL_COPY] = {.name = "copy", .slot_count = 2, .slots = "TY", .param_count = 5,
        .params = {"t_at", "y_at", "rows", "width", "pitch"}},
    [EXCITON_KERNEL_STREAM] = {.name = "stream", .slot_count = 2, .slots = "XY", .lanes = true, .param_count = 4,
        .params = {"units", "unit_length", "length", "stores"}},
};

const exciton_kernel_entry *exciton_kernel_describe(exciton_kernel kernel)
{
    return (unsigned)kernel < EXCITON_KERNEL_COUNT ? &entries[kernel] : NULL;
}

uint32_t exciton_kernel_slot_count(const exciton_kernel_spec *spec)
{
    return entries[spec->kernel].slot_count - (spec->in_place ? 1 : 0);
}

void exciton_kernel_idle_params(exciton_kernel kernel, uint32_t params[EXCITON_KERNEL_PARAMS])
{
    const exciton_kernel_entry *entry = &entries[kernel];
    for (uint32_t i = 0; i < entry->param_count; ++i) {
        const char *name = entry->params[i];
        params[i] = strcmp(name, "units") && strcmp(name, "samples") && strcmp(name, "rows");
    }
}

bool exciton_kernel_same(const exciton_kernel_spec *a, const exciton_kernel_spec *b)
{
    return a->kernel == b->kernel && a->form == b->form && a->in_place == b->in_place && a->texels == b->texels && a->group_size == b->group_size &&
           a->local_floats == b->local_floats && a->clblast == b->clblast;
}
