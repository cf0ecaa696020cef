/* Names of schedules and forms, as text and back. */
#include "base/error.h"

#include <string.h>

static const char *const schedules[] = {"auto", "three-stages", "split-excite", "sample-in-group", "pipelined"};
static const char *const forms[] = {"auto", "rows", "lanes"};

enum { SCHEDULES = sizeof schedules / sizeof schedules[0], FORMS = sizeof forms / sizeof forms[0] };

const char *exciton_schedule_name(exciton_schedule schedule) { return (unsigned)schedule < SCHEDULES ? schedules[schedule] : "unknown"; }
const char *exciton_form_name(exciton_form form) { return (unsigned)form < FORMS ? forms[form] : "unknown"; }

static int find(const char *const *names, int count, const char *name)
{
    for (int i = 0; name && i < count; ++i)
        if (!strcmp(names[i], name))
            return i;
    return -1;
}

exciton_status exciton_schedule_from_name(const char *name, exciton_schedule *schedule)
{
    if (!name || !schedule)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "schedule: name: NULL");
    int i = find(schedules, SCHEDULES, name);
    if (i < 0)
        return exciton_fail(EXCITON_ERROR_NAME, "schedule: '%s': none of auto, three-stages, split-excite, sample-in-group, pipelined", name);
    *schedule = (exciton_schedule)i;
    return EXCITON_OK;
}

exciton_status exciton_form_from_name(const char *name, exciton_form *form)
{
    if (!name || !form)
        return exciton_fail(EXCITON_ERROR_ARGUMENT, "form: name: NULL");
    int i = find(forms, FORMS, name);
    if (i < 0)
        return exciton_fail(EXCITON_ERROR_NAME, "form: '%s': none of auto, rows, lanes", name);
    *form = (exciton_form)i;
    return EXCITON_OK;
}
