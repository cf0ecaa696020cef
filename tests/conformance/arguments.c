/* Bad arguments: a status and one line, nothing written, nothing lost. */
#include "conformance/bed.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Descriptions of the operation ---- */

static exciton_se good_se(const bed *b)
{
    exciton_se se = exciton_case_describe(&b->v.c);
    se.fc1.data = b->t.w1;
    se.fc2.data = b->t.w2;
    return se;
}

static void refuse(suite *s, const exciton_se *se, exciton_status wanted, const char *what)
{
    exciton_plan *plan = (exciton_plan *)s; /* must become NULL */
    check_status(exciton_plan_create_se(s->device.device, se, &plan), wanted, "%s", what);
    check(plan == NULL, "%s: a plan came out", what);
}

static void run_numbers(suite *s, const bed *b)
{
    const float wrong[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; ++i) {
        exciton_se se = good_se(b);
        se.gate = EXCITON_GATE_HARD_SIGMOID_CUSTOM;
        se.gate_slope = wrong[i];
        refuse(s, &se, EXCITON_ERROR_ARGUMENT, "a slope that is not finite");
        se.gate_slope = 0.5f;
        se.gate_offset = wrong[i];
        refuse(s, &se, EXCITON_ERROR_ARGUMENT, "an offset that is not finite");
        se.gate = EXCITON_GATE_SIGMOID; /* counts in the custom gate only */
        exciton_plan *plan = NULL;
        check_status(exciton_plan_create_se(s->device.device, &se, &plan), EXCITON_OK, "an offset that doesn't count");
        exciton_plan_destroy(plan);
    }
}

static void run_enums(suite *s, const bed *b)
{
    for (int i = 0; i < 11; ++i) {
        static const char *const names[] = {"activation", "gate", "output",     "then",    "schedule", "form",
                                            "type",       "order", "measure", "shares", "group size"};
        exciton_se se = good_se(b);
        switch (i) {
        case 0: se.activation = (exciton_activation)99; break;
        case 1: se.gate = (exciton_gate)99; break;
        case 2: se.output = (exciton_output)99; break;
        case 3: se.then = (exciton_then)99; break;
        case 4: se.schedule = (exciton_schedule)99; break;
        case 5: se.form = (exciton_form)99; break;
        case 6: se.fc2.type = (exciton_type)99; break;
        case 7: se.fc1.order = (exciton_weight_order)99; break;
        case 8: se.measure = (exciton_measure)99; break;
        case 9: se.shares = 65; break;
        default: se.group_size = 3; break;
        }
        refuse(s, &se, EXCITON_ERROR_ARGUMENT, names[i]);
    }
}

static void run_sizes(suite *s, const bed *b)
{
    exciton_se se = good_se(b);
    se.channels = 0;
    refuse(s, &se, EXCITON_ERROR_SHAPE, "no channels");
    se = good_se(b);
    se.max.batch = 0;
    refuse(s, &se, EXCITON_ERROR_SHAPE, "no batch");
    se = good_se(b);
    se.max.spatial[0] = 0;
    refuse(s, &se, EXCITON_ERROR_SHAPE, "no space");
    se = good_se(b);
    se.max.dims = 0;
    refuse(s, &se, EXCITON_ERROR_SHAPE, "no dims");
    se.max.dims = 4;
    refuse(s, &se, EXCITON_ERROR_SHAPE, "four dims");
    se.max.dims = 3;
    se.max.spatial[0] = se.max.spatial[1] = se.max.spatial[2] = UINT64_C(1) << 22;
    refuse(s, &se, EXCITON_ERROR_OVERFLOW, "space overflows");
    se = good_se(b);
    se.max.batch = UINT64_MAX / 4;
    refuse(s, &se, EXCITON_ERROR_OVERFLOW, "elements overflow");
    se = good_se(b);
    se.channels = UINT64_MAX / 2;
    refuse(s, &se, EXCITON_ERROR_OVERFLOW, "channels overflow");
    se = good_se(b);
    se.channels = se.hidden = UINT64_C(1) << 33;
    refuse(s, &se, EXCITON_ERROR_OVERFLOW, "the matrix overflows");
}

static void run_pointers(suite *s, const bed *b)
{
    exciton_se se = good_se(b);
    exciton_plan *plan = NULL;
    exciton_device *device = s->device.device;
    check_status(exciton_plan_create_se(NULL, &se, &plan), EXCITON_ERROR_ARGUMENT, "device NULL");
    check_status(exciton_plan_create_se(device, NULL, &plan), EXCITON_ERROR_ARGUMENT, "se NULL");
    check_status(exciton_plan_create_se(device, &se, NULL), EXCITON_ERROR_ARGUMENT, "plan NULL");
    check_status(exciton_plan_create_se((exciton_device *)b->x, &se, &plan), EXCITON_ERROR_ARGUMENT, "a buffer for a device");
    se.fc1.data = NULL;
    refuse(s, &se, EXCITON_ERROR_ARGUMENT, "fc1 NULL");
    se = good_se(b);
    se.fc2.data = NULL;
    refuse(s, &se, EXCITON_ERROR_ARGUMENT, "fc2 NULL");

    exciton_buffer *buffer = NULL;
    check_status(exciton_buffer_create(device, 0, EXCITON_DOMAIN_DEFAULT, &buffer), EXCITON_ERROR_SHAPE, "a buffer of 0 bytes");
    check_status(exciton_buffer_create(device, 4, (exciton_domain)9, &buffer), EXCITON_ERROR_ARGUMENT, "a domain that is none");
    check_status(exciton_buffer_create(device, 4, EXCITON_DOMAIN_DEFAULT, NULL), EXCITON_ERROR_ARGUMENT, "buffer NULL");
    check_status(exciton_buffer_create(NULL, 4, EXCITON_DOMAIN_DEFAULT, &buffer), EXCITON_ERROR_ARGUMENT, "device NULL");
    exciton_status status = exciton_buffer_create(device, UINT64_MAX - 1, EXCITON_DOMAIN_DEFAULT, &buffer);
    check(status == EXCITON_ERROR_OVERFLOW || status == EXCITON_ERROR_LIMIT, "a buffer of 2^64 - 2 bytes: %s",
          exciton_status_text(status));
    status = exciton_buffer_create(device, UINT64_C(1) << 60, EXCITON_DOMAIN_DEFAULT, &buffer);
    check(status == EXCITON_ERROR_LIMIT || status == EXCITON_ERROR_MEMORY, "a buffer of 2^60 bytes: %s",
          exciton_status_text(status));
    check(buffer == NULL, "a failed buffer_create left a buffer");

    uint32_t word = 0;
    check_status(exciton_buffer_write(b->x, b->bytes - 2, &word, 4), EXCITON_ERROR_SHAPE, "a write beyond the end");
    check_status(exciton_buffer_read(b->x, UINT64_MAX - 1, &word, 4), EXCITON_ERROR_SHAPE, "a read whose end overflows");
    check_status(exciton_buffer_read(b->x, 0, NULL, 4), EXCITON_ERROR_ARGUMENT, "data NULL");
    check_status(exciton_buffer_write(NULL, 0, &word, 4), EXCITON_ERROR_ARGUMENT, "buffer NULL");
    check_status(exciton_buffer_map(b->x, true, NULL), EXCITON_ERROR_ARGUMENT, "map's data NULL");
    check(exciton_buffer_bytes(NULL) == 0 && exciton_buffer_bytes(b->x) >= b->bytes, "buffer_bytes");
}

/* Work-groups that share a sample and each read all of it are not defined in place. */
static void run_shares(suite *s, const bed *b)
{
    exciton_se se = good_se(b);
    exciton_plan *plan = NULL;
    exciton_binding *binding = NULL;
    se.schedule = EXCITON_SCHEDULE_SAMPLE_IN_GROUP;
    se.shares = 2;
    exciton_status status = exciton_plan_create_se(s->device.device, &se, &plan);
    if (is_refusal(status))
        return; /* the schedule isn't possible there at all */
    check_status(status, EXCITON_OK, "two shares");
    check_status(exciton_binding_create(plan, &(exciton_args){.in = {b->x, 0}, .out = {b->x, 0}}, &binding), EXCITON_ERROR_UNSUPPORTED,
                 "two shares in place");
    check(binding == NULL, "two shares in place: a binding came out");
    exciton_plan_destroy(plan);
}

/* ---- Bindings ---- */

static void refuse_binding(const bed *b, const exciton_args *args, exciton_status wanted, const char *what)
{
    exciton_binding *binding = (exciton_binding *)(uintptr_t)b;
    check_status(exciton_binding_create(b->plan, args, &binding), wanted, "%s", what);
    check(binding == NULL, "%s: a binding came out", what);
    check_status(exciton_run(b->plan, args), wanted, "run: %s", what);
}

static void run_overlaps(const bed *b, exciton_buffer *large)
{
    exciton_args args = {.in = {large, 0}};
    const uint64_t offsets[] = {4, 256, b->bytes - 4};
    for (int i = 0; i < 3; ++i) {
        args.out = (exciton_view){large, offsets[i]};
        refuse_binding(b, &args, EXCITON_ERROR_OVERLAP, "y overlaps the end of x");
        refuse_binding(b, &(exciton_args){.in = args.out, .out = args.in}, EXCITON_ERROR_OVERLAP, "y overlaps the start of x");
    }
    args.out = (exciton_view){b->y, 0};
    args.s = (exciton_view){large, b->bytes - 8};
    refuse_binding(b, &args, EXCITON_ERROR_OVERLAP, "s overlaps x");
    args.s = (exciton_view){b->z, 0};
    args.g = (exciton_view){b->z, 4};
    refuse_binding(b, &args, EXCITON_ERROR_OVERLAP, "g overlaps s");
    args = (exciton_args){.in = {b->x, 0}, .out = {b->y, 0}, .h = {b->y, b->bytes - 64}};
    refuse_binding(b, &args, EXCITON_ERROR_OVERLAP, "h overlaps y");
    args = (exciton_args){.in = {b->x, 0}, .out = {b->y, 0}, .scratch = {large, 0}, .g = {large, 64}};
    refuse_binding(b, &args, EXCITON_ERROR_OVERLAP, "g overlaps the scratch");
}

static void run_views(const bed *b, exciton_buffer *large)
{
    const exciton_view x = {b->x, 0}, y = {b->y, 0};
    refuse_binding(b, &(exciton_args){.in = x}, EXCITON_ERROR_ARGUMENT, "y missing");
    refuse_binding(b, &(exciton_args){.out = y}, EXCITON_ERROR_ARGUMENT, "x missing");
    refuse_binding(b, &(exciton_args){.in = {(exciton_buffer *)b->plan, 0}, .out = y}, EXCITON_ERROR_ARGUMENT,
                   "a plan for a buffer");
    for (uint64_t offset = 1; offset < 4; ++offset) {
        refuse_binding(b, &(exciton_args){.in = {large, offset}, .out = y}, EXCITON_ERROR_ARGUMENT, "x at an odd byte");
        refuse_binding(b, &(exciton_args){.in = x, .out = {large, offset}}, EXCITON_ERROR_ARGUMENT, "y at an odd byte");
        refuse_binding(b, &(exciton_args){.in = x, .out = y, .h = {large, offset}}, EXCITON_ERROR_ARGUMENT, "h at an odd byte");
    }
    refuse_binding(b, &(exciton_args){.in = x, .out = y, .scratch = {large, 128}}, EXCITON_ERROR_ARGUMENT, "scratch at 128");
    refuse_binding(b, &(exciton_args){.in = {b->x, 4}, .out = y}, EXCITON_ERROR_SHAPE, "x beyond its buffer");
    refuse_binding(b, &(exciton_args){.in = x, .out = {b->y, UINT64_MAX - 3}}, EXCITON_ERROR_SHAPE, "y's end overflows");
    refuse_binding(b, &(exciton_args){.in = x, .out = y, .s = {b->z, b->bytes}}, EXCITON_ERROR_SHAPE, "s beyond its buffer");
}

static void run_shapes(const bed *b)
{
    const exciton_shape max = b->v.c.shape;
    exciton_args args = {.in = {b->x, 0}, .out = {b->y, 0}, .shape = max};
    uint64_t bytes = 1;
    args.shape.batch = max.batch + 1;
    refuse_binding(b, &args, EXCITON_ERROR_SHAPE, "a batch above the plan's");
    check_status(exciton_plan_scratch_bytes(b->plan, &args.shape, &bytes), EXCITON_ERROR_SHAPE,
                 "scratch_bytes of a shape above the plan's");
    args.shape = max;
    args.shape.spatial[0] = max.spatial[0] + 1;
    refuse_binding(b, &args, EXCITON_ERROR_SHAPE, "a plane above the plan's");
    args.shape = (exciton_shape){.batch = 1, .dims = 2, .spatial = {1, 1}};
    refuse_binding(b, &args, EXCITON_ERROR_SHAPE, "other dims");
    args.shape = max;
    args.shape.batch = 0;
    refuse_binding(b, &args, EXCITON_ERROR_SHAPE, "no batch");
    args.shape = max;
    args.shape.spatial[0] = 0;
    refuse_binding(b, &args, EXCITON_ERROR_SHAPE, "no space");
    args.shape = max;
    args.shape.spatial[0] = UINT64_MAX;
    refuse_binding(b, &args, EXCITON_ERROR_SHAPE, "an enormous plane");
    args.shape = max;
    args.shape.spatial[2] = 77; /* beyond dims: ignored */
    exciton_binding *binding = NULL;
    check_status(exciton_binding_create(b->plan, &args, &binding), EXCITON_OK, "members beyond dims");
    exciton_binding_destroy(binding);
}

static void run_binding_pointers(suite *s, bed *b)
{
    exciton_args args = {.in = {b->x, 0}, .out = {b->y, 0}};
    exciton_binding *binding = NULL;
    check_status(exciton_binding_create(NULL, &args, &binding), EXCITON_ERROR_ARGUMENT, "plan NULL");
    check_status(exciton_binding_create(b->plan, NULL, &binding), EXCITON_ERROR_ARGUMENT, "args NULL");
    check_status(exciton_binding_create(b->plan, &args, NULL), EXCITON_ERROR_ARGUMENT, "binding NULL");
    check_status(exciton_run(b->plan, NULL), EXCITON_ERROR_ARGUMENT, "run: args NULL");
    check_status(exciton_run(NULL, &args), EXCITON_ERROR_ARGUMENT, "run: plan NULL");
    check_status(exciton_run_host(b->plan, NULL, b->t.y), EXCITON_ERROR_ARGUMENT, "run_host: x NULL");
    check_status(exciton_run_host(b->plan, b->t.x, NULL), EXCITON_ERROR_ARGUMENT, "run_host: y NULL");
    check_status(exciton_plan_scratch_bytes(b->plan, NULL, NULL), EXCITON_ERROR_ARGUMENT, "scratch_bytes: NULL");
    check_status(exciton_binding_get_info(NULL, &(exciton_binding_info){0}), EXCITON_ERROR_ARGUMENT, "get_info: NULL");
    exciton_device *device = s->device.device;
    check_status(exciton_submit(device, NULL, 1, NULL), EXCITON_ERROR_ARGUMENT, "submit: bindings NULL");
    check_status(exciton_submit(device, &binding, 0, NULL), EXCITON_ERROR_ARGUMENT, "submit: no bindings");
    check_status(exciton_submit(device, &binding, 1, NULL), EXCITON_ERROR_ARGUMENT, "submit: a binding NULL");
    check_status(exciton_submit(NULL, &binding, 1, NULL), EXCITON_ERROR_ARGUMENT, "submit: device NULL");
    if (check_status(exciton_binding_create(b->plan, &args, &binding), EXCITON_OK, "binding")) {
        void *data;
        check_status(exciton_buffer_map(b->x, false, &data), EXCITON_OK, "map");
        check_status(exciton_submit(device, &binding, 1, NULL), EXCITON_ERROR_ARGUMENT, "submit: a buffer is mapped");
        check_status(exciton_buffer_unmap(b->x), EXCITON_OK, "unmap");
        exciton_binding *with_null[] = {binding, NULL};
        check_status(exciton_submit(device, with_null, 2, NULL), EXCITON_ERROR_ARGUMENT, "submit: the second binding NULL");
    }
    exciton_binding_destroy(binding);
    exciton_binding_destroy(NULL);
    exciton_plan_destroy(NULL);
    exciton_buffer_destroy(NULL);
    exciton_device_close(NULL);
    exciton_context_destroy(NULL);
}

/* Objects of another device: of the same backend in another context, and of host. */
static void run_foreign(suite *s, bed *b)
{
    const exciton_view x = {b->x, 0}, y = {b->y, 0};
    exciton_buffer *foreign = NULL;
    if (check_status(exciton_buffer_create(s->host.device, b->bytes, EXCITON_DOMAIN_DEFAULT, &foreign), EXCITON_OK,
                     "a foreign buffer")) {
        refuse_binding(b, &(exciton_args){.in = {foreign, 0}, .out = y}, EXCITON_ERROR_FOREIGN, "x of another device");
        refuse_binding(b, &(exciton_args){.in = x, .out = {foreign, 0}}, EXCITON_ERROR_FOREIGN, "y of another device");
        refuse_binding(b, &(exciton_args){.in = x, .out = y, .s = {foreign, 0}}, EXCITON_ERROR_FOREIGN, "s of another device");
        refuse_binding(b, &(exciton_args){.in = x, .out = y, .scratch = {foreign, 0}}, EXCITON_ERROR_FOREIGN,
                       "scratch of another device");
    }
    exciton_binding *binding = NULL;
    exciton_ticket ticket = 7;
    if (check_status(bed_bind(b, b->x, b->y, &binding), EXCITON_OK, "binding"))
        check_status(exciton_submit(s->host.device, &binding, 1, &ticket), EXCITON_ERROR_FOREIGN,
                     "submit: a binding of another device");
    check(ticket == 0, "a failed submission gave a ticket");
    exciton_binding_destroy(binding);
    exciton_buffer_destroy(foreign);
}

/* ---- Contexts, names, versions of structs ---- */

static void run_names(suite *s)
{
    exciton_device *device = NULL;
    exciton_verify_result result;
    check_status(exciton_device_open(s->context, "no such device", &device), EXCITON_ERROR_ABSENT, "an absent device");
    check(strstr(exciton_last_error(), "host") != NULL, "the line doesn't list what there is: %s", exciton_last_error());
    check_status(exciton_device_open(s->context, "opencl:no such device", &device), EXCITON_ERROR_ABSENT,
                 "an absent device of one API");
    check_status(exciton_device_open(s->context, "host", NULL), EXCITON_ERROR_ARGUMENT, "device NULL");
    check_status(exciton_device_open(NULL, "host", &device), EXCITON_ERROR_ARGUMENT, "context NULL");
    check_status(exciton_device_verify(s->device.device, &(exciton_verify_params){.suite = "se-f64/1"}, &result),
                 EXCITON_ERROR_NAME, "no such suite");
    check(strstr(exciton_last_error(), "se-f32/1") != NULL, "the line doesn't list the suites: %s", exciton_last_error());
    check_status(exciton_device_verify(s->device.device, NULL, NULL), EXCITON_ERROR_ARGUMENT, "verify: result NULL");
    check_status(exciton_device_verify(NULL, NULL, &result), EXCITON_ERROR_ARGUMENT, "verify: device NULL");
    exciton_schedule schedule;
    exciton_form form;
    check_status(exciton_schedule_from_name("four-stages", &schedule), EXCITON_ERROR_NAME, "no such schedule");
    check(strstr(exciton_last_error(), "three-stages") != NULL, "the line doesn't list the schedules: %s", exciton_last_error());
    check_status(exciton_form_from_name("columns", &form), EXCITON_ERROR_NAME, "no such form");
    check(strstr(exciton_last_error(), "lanes") != NULL, "the line doesn't list the forms: %s", exciton_last_error());
    check(strcmp(exciton_status_text((exciton_status)12345), "unknown status") == 0, "the text of a number that is no status");
    check(exciton_numerics() == EXCITON_NUMERICS, "numerics");
    uint32_t count = 0;
    exciton_device_info info;
    check_status(exciton_device_count(s->context, &count), EXCITON_OK, "device_count");
    check_status(exciton_device_describe(s->context, count, &info), EXCITON_ERROR_ARGUMENT, "a device beyond the last");
}

static void run_versions(suite *s, const bed *b)
{
    struct {
        exciton_se se;
        uint64_t later;
    } longer = {good_se(b), 0};
    exciton_plan *plan = NULL;
    longer.se.size = sizeof longer;
    check_status(exciton_plan_create_se(s->device.device, &longer.se, &plan), EXCITON_OK, "a longer struct, zero beyond ours");
    exciton_plan_destroy(plan);
    longer.later = 1;
    refuse(s, &longer.se, EXCITON_ERROR_UNSUPPORTED, "a longer struct with a member set that isn't known");
    exciton_se shorter = good_se(b);
    shorter.size = offsetof(exciton_se, schedule); /* as if the last members came later */
    shorter.schedule = (exciton_schedule)99;
    plan = NULL;
    check_status(exciton_plan_create_se(s->device.device, &shorter, &plan), EXCITON_OK, "a shorter struct");
    exciton_plan_destroy(plan);
}

void section_arguments(suite *s)
{
    bed b;
    exciton_buffer *large = NULL;
    if (bed_open(s, &b, EXCITON_SCHEDULE_DEFAULT) &&
        check_status(exciton_buffer_create(s->device.device, 4 * b.bytes + 65536, EXCITON_DOMAIN_DEFAULT, &large), EXCITON_OK,
                     "buffer")) {
        bed_poison(&b, b.y);
        run_numbers(s, &b);
        run_enums(s, &b);
        run_sizes(s, &b);
        run_pointers(s, &b);
    run_shares(s, &b);
        run_overlaps(&b, large);
        run_views(&b, large);
        run_shapes(&b);
        run_binding_pointers(s, &b);
        run_foreign(s, &b);
        run_names(s);
        run_versions(s, &b);
        /* Nothing was written, nothing is lost. */
        unsigned char *bytes = malloc(b.bytes);
        uint64_t written = 0;
        if (check(bytes && exciton_buffer_read(b.y, 0, bytes, b.bytes) == EXCITON_OK, "y: %s", exciton_last_error()))
            for (uint64_t i = 0; i < b.bytes; ++i)
                written += bytes[i] != 0xff;
        check(written == 0, "%" PRIu64 " bytes of y were written by refused calls", written);
        free(bytes);
        check_status(exciton_run(b.plan, &(exciton_args){.in = {b.x, 0}, .out = {b.y, 0}}), EXCITON_OK, "run after all that");
        check(bed_holds(&b, b.y, 1), "run after all that: other bits");
    }
    exciton_buffer_destroy(large);
    bed_close(&b);
}
