/* The modules, embedded by the build: SHADER_FORM[_in_place].inc (form texels: lanes with texels) are the words of shaders/SHADER.comp. */
#include "backends/vulkan/spirv.h"

#define MODULE(name) static const uint32_t name[] =

MODULE(squeeze_rows) {
#include "squeeze_rows.inc"
};
MODULE(squeeze_texels) {
#include "squeeze_texels.inc"
};
MODULE(squeeze_lanes) {
#include "squeeze_lanes.inc"
};
MODULE(hidden_rows) {
#include "hidden_rows.inc"
};
MODULE(gate_rows) {
#include "gate_rows.inc"
};
MODULE(scale_rows) {
#include "scale_rows.inc"
};
MODULE(scale_rows_in_place) {
#include "scale_rows_in_place.inc"
};
MODULE(scale_texels) {
#include "scale_texels.inc"
};
MODULE(scale_texels_in_place) {
#include "scale_texels_in_place.inc"
};
MODULE(scale_lanes) {
#include "scale_lanes.inc"
};
MODULE(scale_lanes_in_place) {
#include "scale_lanes_in_place.inc"
};
MODULE(split_squeeze_rows) {
#include "split_squeeze_rows.inc"
};
MODULE(split_squeeze_texels) {
#include "split_squeeze_texels.inc"
};
MODULE(split_squeeze_lanes) {
#include "split_squeeze_lanes.inc"
};
MODULE(split_scale_rows) {
#include "split_scale_rows.inc"
};
MODULE(split_scale_rows_in_place) {
#include "split_scale_rows_in_place.inc"
};
MODULE(split_scale_texels) {
#include "split_scale_texels.inc"
};
MODULE(split_scale_texels_in_place) {
#include "split_scale_texels_in_place.inc"
};
MODULE(split_scale_lanes) {
#include "split_scale_lanes.inc"
};
MODULE(split_scale_lanes_in_place) {
#include "split_scale_lanes_in_place.inc"
};
MODULE(sample_rows) {
#include "sample_rows.inc"
};
MODULE(sample_rows_in_place) {
#include "sample_rows_in_place.inc"
};
MODULE(sample_texels) {
#include "sample_texels.inc"
};
MODULE(sample_texels_in_place) {
#include "sample_texels_in_place.inc"
};
MODULE(sample_lanes) {
#include "sample_lanes.inc"
};
MODULE(sample_lanes_in_place) {
#include "sample_lanes_in_place.inc"
};
MODULE(pipeline_rows) {
#include "pipeline_rows.inc"
};
MODULE(pipeline_rows_in_place) {
#include "pipeline_rows_in_place.inc"
};
MODULE(pipeline_texels) {
#include "pipeline_texels.inc"
};
MODULE(pipeline_texels_in_place) {
#include "pipeline_texels_in_place.inc"
};
MODULE(pipeline_lanes) {
#include "pipeline_lanes.inc"
};
MODULE(pipeline_lanes_in_place) {
#include "pipeline_lanes_in_place.inc"
};
MODULE(copy_rows) {
#include "copy_rows.inc"
};
MODULE(stream_rows) {
#include "stream_rows.inc"
};
MODULE(stream_lanes) {
#include "stream_lanes.inc"
};

typedef struct exciton_vk_module {
    const uint32_t *words;
    size_t count;
} exciton_vk_module;

#define WORDS(name) {name, sizeof name / sizeof name[0]}

/* By kernel, whether in form lanes, whether in place. */
static const exciton_vk_module modules[EXCITON_KERNEL_COUNT][2][2] = {
    [EXCITON_KERNEL_SQUEEZE] = {{WORDS(squeeze_rows)}, {WORDS(squeeze_lanes)}},
    [EXCITON_KERNEL_HIDDEN] = {{WORDS(hidden_rows)}},
    [EXCITON_KERNEL_GATE] = {{WORDS(gate_rows)}},
    [EXCITON_KERNEL_SCALE] = {{WORDS(scale_rows), WORDS(scale_rows_in_place)}, {WORDS(scale_lanes), WORDS(scale_lanes_in_place)}},
    [EXCITON_KERNEL_SPLIT_SQUEEZE] = {{WORDS(split_squeeze_rows)}, {WORDS(split_squeeze_lanes)}},
    [EXCITON_KERNEL_SPLIT_SCALE] = {{WORDS(split_scale_rows), WORDS(split_scale_rows_in_place)},
                                    {WORDS(split_scale_lanes), WORDS(split_scale_lanes_in_place)}},
    [EXCITON_KERNEL_SAMPLE] = {{WORDS(sample_rows), WORDS(sample_rows_in_place)}, {WORDS(sample_lanes), WORDS(sample_lanes_in_place)}},
    [EXCITON_KERNEL_PIPELINE] = {{WORDS(pipeline_rows), WORDS(pipeline_rows_in_place)}, {WORDS(pipeline_lanes), WORDS(pipeline_lanes_in_place)}},
    [EXCITON_KERNEL_COPY] = {{WORDS(copy_rows)}},
    [EXCITON_KERNEL_STREAM] = {{WORDS(stream_rows)}, {WORDS(stream_lanes)}},
};

/* Form lanes with texels; whether in place. */
static const exciton_vk_module texel_modules[EXCITON_KERNEL_COUNT][2] = {
    [EXCITON_KERNEL_SQUEEZE] = {WORDS(squeeze_texels)},
    [EXCITON_KERNEL_SCALE] = {WORDS(scale_texels), WORDS(scale_texels_in_place)},
    [EXCITON_KERNEL_SPLIT_SQUEEZE] = {WORDS(split_squeeze_texels)},
    [EXCITON_KERNEL_SPLIT_SCALE] = {WORDS(split_scale_texels), WORDS(split_scale_texels_in_place)},
    [EXCITON_KERNEL_SAMPLE] = {WORDS(sample_texels), WORDS(sample_texels_in_place)},
    [EXCITON_KERNEL_PIPELINE] = {WORDS(pipeline_texels), WORDS(pipeline_texels_in_place)},
};

const uint32_t *exciton_vk_shader(const exciton_kernel_spec *spec, size_t *words)
{
    const exciton_vk_module *module = spec->texels ? &texel_modules[spec->kernel][spec->in_place]
                                                   : &modules[spec->kernel][spec->form == EXCITON_FORM_LANES][spec->in_place];
    *words = module->count;
    return module->words;
}
