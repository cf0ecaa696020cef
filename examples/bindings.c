/* Buffers, bindings and tickets: two batches in flight at once, nothing allocated or recorded after the start.
 *
 *     bindings [DEVICE]
 *
 * While the device works on one binding, the host fills the other one's x. Work on a device takes effect in call order,
 * and a buffer's read or write sees all earlier submissions: no further synchronisation is needed. */
#include <exciton/exciton.h>
#include <stdio.h>
#include <stdlib.h>

enum { N = 4, C = 96, R = 24, S = 28 * 28, COUNT = N * C * S, SLOTS = 2, BATCHES = 6 };

typedef struct slot {
    exciton_buffer *x, *y;
    exciton_binding *binding;
    exciton_ticket ticket;
} slot;

#define CHECK(call) do { if ((call) != EXCITON_OK) { fprintf(stderr, "%s\n", exciton_last_error()); return false; } } while (0)

static bool make_plan(exciton_device *device, exciton_plan **plan)
{
    static float w1[R * C], b1[R], w2[C * R], b2[C];
    for (int i = 0; i < R * C; i++) {
        w1[i] = (float)(i % 7) / 16 - 0.1875f;
        w2[i] = (float)(i % 11) / 16 - 0.3125f;
    }
    for (int i = 0; i < C; i++)
        b2[i] = (float)(i % 3) / 4;
    /* MobileNetV3's block. The plan copies the weights; every shape up to `max` runs without compiling again. */
    const exciton_se se = {
        .channels = C, .hidden = R, .fc1 = {.data = w1, .bias = b1}, .fc2 = {.data = w2, .bias = b2},
        .gate = EXCITON_GATE_HARD_SIGMOID_6, .max = {.batch = N, .dims = 2, .spatial = {28, 28}},
    };
    CHECK(exciton_plan_create_se(device, &se, plan));
    return true;
}

static bool make_slot(exciton_device *device, exciton_plan *plan, slot *s)
{
    CHECK(exciton_buffer_create(device, COUNT * sizeof(float), EXCITON_DOMAIN_UPLOAD, &s->x));
    CHECK(exciton_buffer_create(device, COUNT * sizeof(float), EXCITON_DOMAIN_READBACK, &s->y));
    CHECK(exciton_binding_create(plan, &(exciton_args){.in = {.buffer = s->x}, .out = {.buffer = s->y}}, &s->binding));
    return true;
}

/* What a camera would do. */
static bool fill(slot *s, int batch)
{
    void *data;
    CHECK(exciton_buffer_map(s->x, true, &data));
    for (int i = 0; i < COUNT; i++)
        ((float *)data)[i] = (float)((i + batch) % 13) / 8;
    CHECK(exciton_buffer_unmap(s->x));
    return true;
}

static bool show(exciton_device *device, slot *s, int batch)
{
    float first[3];
    CHECK(exciton_wait(device, s->ticket, EXCITON_WAIT_DEFAULT));
    CHECK(exciton_buffer_read(s->y, 0, first, sizeof first));
    printf("batch %d: %g %g %g\n", batch, (double)first[0], (double)first[1], (double)first[2]);
    return true;
}

static bool run(exciton_device *device, exciton_plan *plan, slot slots[SLOTS])
{
    for (int i = 0; i < SLOTS; i++)
        if (!make_slot(device, plan, &slots[i]))
            return false;
    for (int batch = 0; batch < BATCHES + SLOTS; batch++) {
        slot *s = &slots[batch % SLOTS];
        if (batch >= SLOTS && !show(device, s, batch - SLOTS))
            return false;
        if (batch >= BATCHES)
            continue;
        if (!fill(s, batch))
            return false;
        CHECK(exciton_submit(device, &s->binding, 1, &s->ticket));
    }
    return true;
}

int main(int argc, char **argv)
{
    exciton_context *context = NULL;
    exciton_device *device = NULL;
    exciton_plan *plan = NULL;
    slot slots[SLOTS] = {0};
    bool ok = exciton_context_create(NULL, &context) == EXCITON_OK &&
              exciton_device_open(context, argc > 1 ? argv[1] : NULL, &device) == EXCITON_OK;
    if (!ok)
        fprintf(stderr, "%s\n", exciton_last_error());
    ok = ok && make_plan(device, &plan) && run(device, plan, slots);
    for (int i = 0; i < SLOTS; i++) {
        exciton_binding_destroy(slots[i].binding);
        exciton_buffer_destroy(slots[i].y);
        exciton_buffer_destroy(slots[i].x);
    }
    exciton_plan_destroy(plan);
    exciton_device_close(device);
    exciton_context_destroy(context);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
