#include "compilers/variants.h"

#include "ops/se.h"

#include <stdio.h>

/* What GPUs have in common as far as the choice of a form goes: work-group memory of its own, and both forms. */
static const exciton_limits gpu = {
    .max_binding_range = UINT64_C(1) << 30, .max_allocation = UINT64_C(1) << 30, .max_memory = UINT64_C(4) << 30, .binding_alignment = 64,
    .max_group_size = 1024, .max_group_count = 65535, .local_memory = 32768, .max_storage_buffers = 8, .max_params = 128,
    .compute_units = 32, .subgroup_size = 32, .forms = {false, true, true},
};

static void add(compiled_variant *variants, uint32_t *count, const exciton_kernel_spec *spec, bool taken)
{
    for (uint32_t i = 0; i < *count; ++i)
        if (exciton_kernel_same(&variants[i].spec, spec))
            return;
    if (*count < COMPILED_VARIANTS)
        variants[(*count)++] = (compiled_variant){*spec, taken};
}

/* What a plan compiles there for every schedule, in the form that its own choice gives. */
static bool add_taken(compiled_variant *variants, uint32_t *count)
{
    static const float weights[256 * 16];
    const exciton_se se = {.size = sizeof se, .channels = 256, .hidden = 16, .fc1 = {.data = weights}, .fc2 = {.data = weights},
                           .max = {.batch = 32, .dims = 2, .spatial = {56, 56}}};
    exciton_se_problem problem;
    exciton_se_way way;
    if (exciton_se_check(&se, &problem) || exciton_se_choose(&problem, &gpu, NULL, gpu.max_group_size, 32, problem.max_space, false, &way))
        return false;
    exciton_kernel_spec specs[EXCITON_SE_VARIANTS];
    uint32_t made = 0;
    for (int schedule = EXCITON_SCHEDULE_THREE_STAGES; schedule <= EXCITON_SCHEDULE_PIPELINED; ++schedule) {
        way.schedule = (exciton_schedule)schedule;
        exciton_se_way_variants(&problem, &gpu, &way, specs, &made);
    }
    for (uint32_t i = 0; i < made; ++i)
        add(variants, count, &specs[i], true);
    add(variants, count, &(exciton_kernel_spec){.kernel = EXCITON_KERNEL_STREAM, .form = way.form, .group_size = way.group_size}, true);
    return true;
}

static bool has(const compiled_variant *variants, uint32_t count, const exciton_kernel_spec *spec)
{
    for (uint32_t i = 0; i < count; ++i) {
        const exciton_kernel_spec *s = &variants[i].spec;
        if (s->kernel == spec->kernel && s->form == spec->form && s->in_place == spec->in_place && s->texels == spec->texels)
            return true;
    }
    return false;
}

/* The others, with groups as their kinds of device have them. */
static void add_rest(compiled_variant *variants, uint32_t *count)
{
    for (int kernel = 0; kernel < EXCITON_KERNEL_COUNT; ++kernel) {
        const exciton_kernel_entry *entry = exciton_kernel_describe((exciton_kernel)kernel);
        for (int form = 0; form < (entry->lanes ? 3 : 1); ++form)
            for (int in_place = 0; in_place <= entry->has_in_place; ++in_place) {
                exciton_kernel_spec spec = {.kernel = (exciton_kernel)kernel, .form = form ? EXCITON_FORM_LANES : EXCITON_FORM_ROWS,
                                            .in_place = in_place, .texels = form == 2, .group_size = form == 2 ? 8 : 64,
                                            .local_floats = form ? 1024 : 0};
                if (!has(variants, *count, &spec) && !(spec.texels && kernel == EXCITON_KERNEL_STREAM))
                    add(variants, count, &spec, false);
            }
    }
}

/* What OpenCL has beside CLBlast's products. */
static void add_finish(compiled_variant *variants, uint32_t *count)
{
    add(variants, count, &(exciton_kernel_spec){.kernel = EXCITON_KERNEL_HIDDEN, .form = EXCITON_FORM_ROWS, .group_size = 64, .clblast = true}, false);
    add(variants, count, &(exciton_kernel_spec){.kernel = EXCITON_KERNEL_GATE, .form = EXCITON_FORM_ROWS, .group_size = 64, .clblast = true}, false);
}

uint32_t compiled_variants(compiled_variant variants[COMPILED_VARIANTS])
{
    uint32_t count = 0;
    if (!add_taken(variants, &count))
        return 0;
    add_rest(variants, &count);
    add_finish(variants, &count);
    return count;
}

void compiled_variant_name(const exciton_kernel_spec *spec, char name[64])
{
    snprintf(name, 64, "%s_%s%s", exciton_kernel_describe(spec->kernel)->name,
             spec->clblast ? "finish" : spec->texels ? "texels" : spec->form == EXCITON_FORM_LANES ? "lanes" : "rows",
             spec->in_place ? "_in_place" : "");
}
