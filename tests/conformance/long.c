/* Shapes at the edges of the order of sums and of grids: rows about a segment (64 chunks of 4,096), more rows and more
 * samples than a grid has groups, many channels, matrices larger than x. */
#include "conformance/suite.h"

#include <string.h>

enum { SEGMENT = 64 * 4096 };

static const struct {
    const char *name;
    uint64_t batch, channels, hidden, space;
} shapes[] = {
    {"segment - 1", 1, 2, 1, SEGMENT - 1}, {"segment", 1, 3, 2, SEGMENT},       {"segment + 1", 2, 1, 1, SEGMENT + 1},
    {"two segments", 1, 2, 2, 2 * SEGMENT}, {"three parts", 1, 1, 1, 2 * SEGMENT + 4097}, {"70,000 samples", 70000, 1, 1, 1},
    {"76,800 rows", 300, 256, 16, 3},       {"40,000 channels", 2, 40000, 3, 1}, {"wide", 2, 2100, 600, 1},
    {"hidden above channels", 3, 5, 1000, 9},
};

void section_long(suite *s)
{
    for (int form = EXCITON_FORM_ROWS; form <= EXCITON_FORM_LANES; ++form)
        if (!s->limits.forms[form])
            check_skip("the device has no form %s", exciton_form_name((exciton_form)form));
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; ++i) {
        variant v = variant_of_shape(shapes[i].name, shapes[i].batch, shapes[i].channels, shapes[i].hidden, shapes[i].space);
        v.c.bias1 = v.c.bias2 = v.save_s = v.save_g = true;
        v.own_scratch = true; /* filled anew each time: nothing right can be left by the run before */
        v.c.x_pattern = EXCITON_PATTERN_SPIKES;
        tensors t;
        tensors_make(&v.c, &t);
        bool ready = suite_reference(s, &v, &t);
        int runs = shapes[i].batch > 1000 ? 8 : 14; /* in place the first schedules only */
        for (int run = 0; ready && run < runs; ++run) {
            v.schedule = (exciton_schedule)(run / 2 % 4);
            v.form = (exciton_form)(1 + run % 2);
            v.placement = run / 8 ? PLACE_IN_PLACE : PLACE_SEPARATE;
            if (!s->limits.forms[v.form])
                continue;
            suite_try(s, &v, &t);
        }
        tensors_release(&t);
    }
}
