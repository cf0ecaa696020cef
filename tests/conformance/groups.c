/* Work-groups larger than generated cases ask for, which a GPU gets by itself: of 1,024 work-items, which walk 32 rows side by
 * side. Blocks that fill a group and blocks that don't, samples after them, rows of several loads a lane. */
#include "conformance/suite.h"

static const struct {
    const char *name;
    uint64_t batch, channels, hidden, space;
} shapes[] = {
    {"blocks of 16 and one of 8", 3, 136, 9, 5},
    {"13 blocks of 40", 2, 520, 9, 3},
    {"long rows", 1, 40, 3, 1100},
};

enum { MOST = 1024, LEAST = 256 };

void section_groups(suite *s)
{
    if (!s->limits.forms[EXCITON_FORM_LANES] || s->limits.max_group_size < LEAST) {
        check_skip("the device has no form lanes, or no group of %d", LEAST);
        return;
    }
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; ++i) {
        variant v = variant_of_shape(shapes[i].name, shapes[i].batch, shapes[i].channels, shapes[i].hidden, shapes[i].space);
        v.c.bias1 = v.c.bias2 = v.save_s = v.save_g = true;
        v.own_scratch = true; /* filled anew each time: nothing right can be left by the run before */
        v.form = EXCITON_FORM_LANES;
        v.group_size = MOST; /* or what the device has */
        tensors t;
        tensors_make(&v.c, &t);
        bool ready = suite_reference(s, &v, &t);
        for (int schedule = EXCITON_SCHEDULE_THREE_STAGES; ready && schedule <= EXCITON_SCHEDULE_PIPELINED; ++schedule) {
            v.schedule = (exciton_schedule)schedule;
            v.placement = (schedule + (int)i) % 2 ? PLACE_IN_PLACE : PLACE_SEPARATE;
            suite_try(s, &v, &t);
        }
        tensors_release(&t);
    }
}
