/* Order and lifetimes: many submissions before one wait, a binding submitted again while in flight, bindings that feed
 * each other, destruction while in flight, waits. */
#include "conformance/bed.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* x -> x twelve times, and x -> y -> z, without a wait between. */
static void run_chains(suite *s, bed *b)
{
    exciton_binding *again = NULL, *first = NULL, *second = NULL;
    exciton_ticket ticket = 0, last = 0;
    exciton_device *device = s->device.device;
    bool ready = check_status(bed_bind(b, b->x, b->x, &again), EXCITON_OK, "in place") &&
                 check_status(bed_bind(b, b->x, b->y, &first), EXCITON_OK, "x to y") &&
                 check_status(bed_bind(b, b->y, b->z, &second), EXCITON_OK, "y to z");
    for (int i = 0; i < BED_ROUNDS && ready; ++i) {
        check_status(exciton_submit(device, &again, 1, &ticket), EXCITON_OK, "submission %d", i);
        check(ticket > last, "tickets grow");
        last = ticket;
    }
    check(ready && bed_holds(b, b->x, BED_ROUNDS), "a binding submitted again while in flight: other bits");

    exciton_binding *both[] = {first, second};
    if (ready && check_status(exciton_buffer_write(b->x, 0, b->t.x, b->bytes), EXCITON_OK, "x again")) {
        check_status(exciton_submit(device, both, 2, NULL), EXCITON_OK, "two in one submission");
        check(bed_holds(b, b->z, 2) && bed_holds(b, b->y, 1), "x to y to z in one submission: other bits");
        bed_poison(b, b->y);
        bed_poison(b, b->z);
        for (int i = 0; i < 150; ++i)
            check_status(exciton_submit(device, &both[i % 2], 1, &ticket), EXCITON_OK, "submission %d", i);
        check_status(exciton_wait(device, ticket, EXCITON_WAIT_DEFAULT), EXCITON_OK, "wait");
        check(bed_holds(b, b->z, 2), "150 submissions before a wait: other bits");
    }
    exciton_binding_destroy(again);
    exciton_binding_destroy(first);
    exciton_binding_destroy(second);
}

/* More bindings in one call than a backend takes at once. */
static void run_many(suite *s, bed *b)
{
    enum { MANY = 200 };
    exciton_binding *binding = NULL, *list[MANY];
    if (!check_status(bed_bind(b, b->x, b->x, &binding), EXCITON_OK, "in place"))
        return;
    for (int i = 0; i < MANY; ++i)
        list[i] = binding;
    exciton_ticket ticket = 0;
    check_status(exciton_buffer_write(b->x, 0, b->t.x, b->bytes), EXCITON_OK, "x");
    check_status(exciton_submit(s->device.device, list, BED_ROUNDS, &ticket), EXCITON_OK, "one binding %d times in a call",
                 BED_ROUNDS);
    check(bed_holds(b, b->x, BED_ROUNDS), "one binding many times in a call: other bits");
    check_status(exciton_submit(s->device.device, list, MANY, &ticket), EXCITON_OK, "200 bindings in a call");
    check_status(exciton_wait(s->device.device, ticket, EXCITON_WAIT_DEFAULT), EXCITON_OK, "wait");
    exciton_binding_destroy(binding);
}

/* The host's writes come between submissions in call order. */
static void run_writes(suite *s, bed *b)
{
    exciton_binding *one = NULL, *two = NULL;
    if (check_status(bed_bind(b, b->x, b->y, &one), EXCITON_OK, "x to y") &&
        check_status(bed_bind(b, b->x, b->z, &two), EXCITON_OK, "x to z")) {
        exciton_buffer_write(b->x, 0, b->rounds[3], b->bytes);
        exciton_submit(s->device.device, &one, 1, NULL);
        exciton_buffer_write(b->x, 0, b->rounds[7], b->bytes);
        check_status(exciton_submit(s->device.device, &two, 1, NULL), EXCITON_OK, "submit");
        check(bed_holds(b, b->y, 4) && bed_holds(b, b->z, 8), "writes between submissions: other bits");
    }
    exciton_binding_destroy(one);
    exciton_binding_destroy(two);
}

static void run_maps(bed *b)
{
    void *data = NULL;
    if (check_status(exciton_buffer_map(b->x, true, &data), EXCITON_OK, "map for writing")) {
        memcpy(data, b->rounds[5], b->bytes);
        check_status(exciton_buffer_map(b->x, false, &data), EXCITON_ERROR_ARGUMENT, "a second map");
        check_status(exciton_buffer_unmap(b->x), EXCITON_OK, "unmap");
        check(bed_holds(b, b->x, 5), "what was written through a map: other bits");
    }
    check_status(exciton_run(b->plan, &(exciton_args){.in = {b->x, 0}, .out = {b->y, 0}}), EXCITON_OK, "run");
    if (check_status(exciton_buffer_map(b->y, false, &data), EXCITON_OK, "map for reading")) {
        check(memcmp(data, b->rounds[6], b->bytes) == 0, "what is read through a map: other bits");
        check_status(exciton_buffer_unmap(b->y), EXCITON_OK, "unmap");
    }
    check_status(exciton_buffer_unmap(b->y), EXCITON_ERROR_ARGUMENT, "unmap without a map");
    exciton_buffer_write(b->x, 0, b->t.x, b->bytes);
}

static void run_waits(suite *s, bed *b)
{
    exciton_device *device = s->device.device;
    exciton_binding *binding = NULL;
    exciton_ticket ticket = 0;
    if (!check_status(bed_bind(b, b->x, b->y, &binding), EXCITON_OK, "x to y"))
        return;
    for (int i = 0; i < 20; ++i)
        exciton_submit(device, &binding, 1, &ticket);
    exciton_status status = exciton_wait(device, ticket, 0);
    check(status == EXCITON_OK || status == EXCITON_ERROR_TIMEOUT, "wait of 0 ns: %s", exciton_status_text(status));
    check_status(exciton_wait(device, ticket, EXCITON_WAIT_DEFAULT), EXCITON_OK, "wait");
    check_status(exciton_wait(device, ticket, 0), EXCITON_OK, "wait of 0 ns for what is done");
    check_status(exciton_wait(device, 0, 0), EXCITON_OK, "wait for ticket 0");
    check_status(exciton_wait(device, ticket + 1, 1000), EXCITON_ERROR_ARGUMENT, "wait for a ticket that was not given");
    exciton_binding_destroy(binding);
}

/* Binding, plan and buffers go while the work is in flight; what is still there gets its bits. */
static void run_destruction(suite *s)
{
    bed b;
    if (bed_open(s, &b, EXCITON_SCHEDULE_DEFAULT)) {
        exciton_binding *binding = NULL, *last = NULL;
        if (check_status(bed_bind(&b, b.x, b.x, &binding), EXCITON_OK, "in place") &&
            check_status(bed_bind(&b, b.x, b.y, &last), EXCITON_OK, "x to y")) {
            for (int i = 0; i + 1 < BED_ROUNDS; ++i)
                exciton_submit(s->device.device, &binding, 1, NULL);
            check_status(exciton_submit(s->device.device, &last, 1, NULL), EXCITON_OK, "submit");
        }
        exciton_binding_destroy(binding);
        exciton_binding_destroy(last);
        exciton_plan_destroy(b.plan);
        exciton_buffer_destroy(b.x);
        b.plan = NULL;
        b.x = NULL;
        check(bed_holds(&b, b.y, BED_ROUNDS), "after destruction in flight: other bits");
    }
    bed_close(&b);
    if (bed_open(s, &b, EXCITON_SCHEDULE_THREE_STAGES)) {
        exciton_binding *binding = NULL;
        if (check_status(bed_bind(&b, b.x, b.y, &binding), EXCITON_OK, "x to y"))
            for (int i = 0; i < 30; ++i)
                exciton_submit(s->device.device, &binding, 1, NULL);
        exciton_binding_destroy(binding);
    }
    bed_close(&b); /* all of it, in flight */
}

/* More argument sets than exciton_run keeps bindings for. */
static void run_runs(bed *b, suite *s)
{
    exciton_buffer *many[20] = {NULL};
    exciton_buffer_write(b->x, 0, b->t.x, b->bytes);
    for (int round = 0; round < 3; ++round)
        for (int i = 0; i < 20; ++i) {
            if (!many[i] && !check_status(exciton_buffer_create(s->device.device, b->bytes, EXCITON_DOMAIN_DEFAULT, &many[i]),
                                          EXCITON_OK, "buffer"))
                continue;
            bed_poison(b, many[i]);
            check_status(exciton_run(b->plan, &(exciton_args){.in = {b->x, 0}, .out = {many[i], 0}}), EXCITON_OK, "run");
            check(bed_holds(b, many[i], 1), "run with other arguments, %d: other bits", i);
            if (i % 3 == round) { /* forgotten while the plan keeps a binding of it */
                exciton_buffer_destroy(many[i]);
                many[i] = NULL;
            }
        }
    for (int i = 0; i < 20; ++i)
        exciton_buffer_destroy(many[i]);
}

void section_flight(suite *s)
{
    for (int schedule = EXCITON_SCHEDULE_DEFAULT; schedule <= EXCITON_SCHEDULE_THREE_STAGES; ++schedule) {
        bed b;
        if (bed_open(s, &b, (exciton_schedule)schedule)) {
            run_chains(s, &b);
            run_many(s, &b);
            run_writes(s, &b);
            run_maps(&b);
            run_waits(s, &b);
            run_runs(&b, s);
        }
        bed_close(&b);
    }
    run_destruction(s);
}
