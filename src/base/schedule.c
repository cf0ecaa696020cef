#include "base/schedule.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

exciton_status exciton_steps_add(const exciton_env *env, exciton_step_list *list, const exciton_step *step)
{
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity ? list->capacity * 2 : 4;
        exciton_step *steps = capacity > list->capacity ? exciton_allocate_array(env, capacity, sizeof *steps) : NULL;
        if (!steps)
            return exciton_fail(EXCITON_ERROR_MEMORY, "schedule: %" PRIu32 " steps: out of memory", list->count);
        if (list->count)
            memcpy(steps, list->steps, list->count * sizeof *steps);
        exciton_release(env, list->steps);
        list->steps = steps;
        list->capacity = capacity;
    }
    list->steps[list->count++] = *step;
    return EXCITON_OK;
}

void exciton_steps_release(const exciton_env *env, exciton_step_list *list)
{
    exciton_release(env, list->steps);
    *list = (exciton_step_list){0};
}

static const char *const slot_names[EXCITON_SLOT_COUNT] = {
    [EXCITON_SLOT_IN] = "in", [EXCITON_SLOT_OUT] = "out", [EXCITON_SLOT_S] = "s", [EXCITON_SLOT_H] = "h", [EXCITON_SLOT_G] = "g",
    [EXCITON_SLOT_WEIGHTS] = "weights", [EXCITON_SLOT_SCRATCH] = "scratch",
};

static bool is_float(const char *param)
{
    return !strcmp(param, "slope") || !strcmp(param, "offset") || !strcmp(param, "divisor");
}

static int append(char *line, size_t size, int used, const char *text)
{
    int more = snprintf(line + used, size - (size_t)used, "%s", text);
    return more < 0 || (size_t)(used + more) >= size ? (int)size - 1 : used + more;
}

static void explain_step(uint32_t index, const exciton_step *step, exciton_text_fn text, void *user)
{
    const exciton_kernel_entry *entry = exciton_kernel_describe(step->kernel.kernel);
    char line[1024], part[128];
    int used = snprintf(line, sizeof line, "%" PRIu32 " %s/%s%s group %" PRIu32 " groups %" PRIu32, index, entry->name,
                        exciton_form_name(step->kernel.form), step->kernel.in_place ? "/in-place" : "", step->kernel.group_size, step->groups);
    if (step->kernel.texels)
        used = append(line, sizeof line, used, " texels");
    if (step->kernel.clblast)
        used = append(line, sizeof line, used, " clblast");
    if (step->kernel.local_floats) {
        snprintf(part, sizeof part, " local %" PRIu32, step->kernel.local_floats);
        used = append(line, sizeof line, used, part);
    }
    for (uint32_t i = 0; i < exciton_kernel_slot_count(&step->kernel); ++i) {
        const exciton_slot_range *r = &step->slots[i];
        snprintf(part, sizeof part, " %s[%" PRIu64 "+%" PRIu64 "]", slot_names[r->slot], r->offset, r->range);
        used = append(line, sizeof line, used, part);
    }
    for (uint32_t i = 0; i < entry->param_count; ++i) {
        if (is_float(entry->params[i])) {
            float value;
            memcpy(&value, &step->params[i], sizeof value);
            snprintf(part, sizeof part, " %s=%.9g", entry->params[i], (double)value);
        } else
            snprintf(part, sizeof part, " %s=%" PRIu32, entry->params[i], step->params[i]);
        used = append(line, sizeof line, used, part);
    }
    text(user, line);
}

void exciton_steps_explain(const exciton_step_list *list, exciton_text_fn text, void *user)
{
    for (uint32_t i = 0; i < list->count; ++i)
        explain_step(i, &list->steps[i], text, user);
}
